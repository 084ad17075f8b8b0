//! The rules about pages: every link inside the repository leads to a file and a heading that are
//! there, every page of `docs/` is in its language's table of contents, and what watches a server
//! names numbers that it has.

use std::collections::BTreeSet;
use std::path::{Component, Path, PathBuf};

use crate::Finding;
use crate::source::Source;
use crate::tree::Tree;

const RULE: &str = "links";
/// The sites' tables of contents; each folder's pages are in its own.
const CONTENTS: &[&str] = &["docs/SUMMARY.md", "docs/es/SUMMARY.md"];
const WATCHING: &str = "docs/monitoring/";

/// The pages under the rules.
pub fn pages(tree: &Tree) -> Vec<&str> {
    tree.files.iter().map(String::as_str).filter(|path| path.ends_with(".md")).collect()
}

/// What a page links to that is not there.
pub fn lead_somewhere(tree: &Tree, path: &str) -> Vec<Finding> {
    let text = tree.text(path).expect("a page is UTF-8");
    let mut findings = Vec::new();
    for (line, target) in targets(&text) {
        let (file, anchor) = target.split_once('#').unwrap_or((&target, ""));
        let file = if file.is_empty() { path.to_owned() } else { beside(path, file) };
        let problem = match tree.text(&file) {
            None if tree.root.join(&file).exists() => continue,
            None => format!("there is no {file}"),
            Some(text) if !anchor.is_empty() && !anchors(&text).contains(anchor) => {
                format!("{file} has no heading or place '{anchor}'")
            }
            Some(_) => continue,
        };
        findings.push(Finding::new(path, line, RULE, &problem, "correct the link"));
    }
    findings
}

/// The pages of `docs/` that the readers of their site would not find.
pub fn contents_are_whole(tree: &Tree) -> Vec<Finding> {
    let mut findings = Vec::new();
    for contents in CONTENTS {
        let text = tree.text(contents).unwrap_or_default();
        let named: BTreeSet<String> =
            targets(&text).into_iter().map(|(_, target)| beside(contents, &target)).collect();
        let is_page = |path: &&str| contents_of(path) == Some(*contents) && path != contents;
        let lost = pages(tree).into_iter().filter(is_page).filter(|path| !named.contains(*path));
        findings.extend(lost.map(|path| {
            let problem = format!("{path} is not in it");
            Finding::new(contents, 0, RULE, &problem, "give it a line")
        }));
    }
    findings
}

/// The table of contents that a page belongs in: the one in the nearest folder around it.
fn contents_of(page: &str) -> Option<&'static str> {
    let around = |contents: &&&str| page.starts_with(contents.trim_end_matches("SUMMARY.md"));
    CONTENTS.iter().filter(around).max_by_key(|contents| contents.len()).copied()
}

/// The numbers that boards and alert rules ask for and the server does not have.
pub fn watch_what_is_there(tree: &Tree, sources: &[Source]) -> Vec<Finding> {
    let ours = sources.iter().filter(|source| source.path.starts_with("src/"));
    let product: String =
        ours.flat_map(|source| &source.lines).map(|line| line.text.as_str()).collect();
    let mut findings = Vec::new();
    for path in tree.files.iter().filter(|path| path.starts_with(WATCHING)) {
        let text = tree.text(path).expect("text");
        for (line, text) in text.lines().enumerate() {
            for name in metrics(text).filter(|name| !has(&product, name)) {
                let problem = format!("the server has no number '{name}'");
                findings.push(Finding::new(path, line, RULE, &problem, "see src/edge/counters.rs"));
            }
        }
    }
    findings
}

/// Whether the product names a number, without what Prometheus puts behind it.
fn has(product: &str, name: &str) -> bool {
    let ends = ["", "_total", "_bucket"];
    let bare = ends.iter().filter_map(|end| name.strip_suffix(end));
    bare.into_iter().any(|bare| product.contains(&format!("\"{bare}\"")))
}

/// The names of numbers in a line.
fn metrics(line: &str) -> impl Iterator<Item = &str> {
    let words = line.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.filter(|word| word.starts_with("wechat_") || word.starts_with("process_"))
}

/// A path relative to a page, as one from the root.
fn beside(page: &str, target: &str) -> String {
    let folder = Path::new(page).parent().unwrap_or(Path::new(""));
    let mut path = PathBuf::new();
    for part in folder.join(target).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::CurDir => {}
            other => path.push(other),
        }
    }
    path.to_string_lossy().into_owned()
}

/// The lines of a page outside of code, and their numbers; code within a line is left out.
fn prose(text: &str) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    text.lines().enumerate().filter_map(move |(number, line)| {
        if line.trim_start().starts_with("```") {
            fenced = !fenced;
            return None;
        }
        let parts = line.split('`').step_by(2);
        (!fenced).then(|| (number, parts.collect::<Vec<_>>().join("``")))
    })
}

/// Where a page's links and pictures lead inside the repository.
fn targets(text: &str) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    for (number, line) in prose(text) {
        for (before, after) in [("](", ')'), (" src=\"", '"'), (" href=\"", '"')] {
            let rests = line.split(before).skip(1);
            let targets = rests.filter_map(|rest| rest.split_once(after).map(|(target, _)| target));
            let inside = |target: &&str| !target.contains(':') && !target.contains(' ');
            found.extend(targets.filter(inside).map(|target| (number, target.to_owned())));
        }
    }
    found
}

/// What a link into a page may name: its headings, as they are called on the web, and its places.
fn anchors(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for (_, line) in prose(text) {
        let places = line.split("id=\"").skip(1).filter_map(|rest| rest.split_once('"'));
        found.extend(places.map(|(place, _)| place.to_owned()));
    }
    let mut fenced = false;
    for line in text.lines() {
        fenced ^= line.trim_start().starts_with("```");
        let heading = line.trim_start_matches('#');
        if fenced || heading.len() == line.len() || !heading.starts_with(' ') {
            continue;
        }
        let (slug, mut again) = (slug(heading.trim()), 0);
        let mut name = slug.clone();
        while !found.insert(name) {
            again += 1;
            name = format!("{slug}-{again}");
        }
    }
    found
}

fn slug(heading: &str) -> String {
    let kept = heading.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c));
    kept.flat_map(char::to_lowercase).map(|c| if c == ' ' { '-' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_found_outside_of_code() {
        let text = "[a](x.md#y) ![b](c.png) `[no](no.md)` [w](https://w.example)\n\
                    ```\n[no](no.md)\n```\n<img src=\"d.png\" alt=\"\">\n";
        let found: Vec<String> = targets(text).into_iter().map(|(_, target)| target).collect();
        assert_eq!(found, ["x.md#y", "c.png", "d.png"]);
        assert_eq!(beside("docs/a.md", "../README.md"), "README.md");
    }

    #[test]
    fn a_page_belongs_in_the_contents_of_its_language() {
        assert_eq!(contents_of("docs/ops.md"), Some("docs/SUMMARY.md"));
        assert_eq!(contents_of("docs/es/ops.md"), Some("docs/es/SUMMARY.md"));
        assert_eq!(contents_of("README.md"), None);
    }

    #[test]
    fn headings_and_places_can_be_linked_to() {
        let text = "# On `MongoDB`: how?\n## Same\n## Same\n<a id=\"here\"></a>\n```\n# no\n```\n";
        let found: Vec<String> = anchors(text).into_iter().collect();
        assert_eq!(found, ["here", "on-mongodb-how", "same", "same-1"]);
    }

    #[test]
    fn a_number_is_known_with_what_is_put_behind_it() {
        let product = "\"wechat_events\" \"wechat_took_seconds\"";
        assert!(has(product, "wechat_events_total") && has(product, "wechat_took_seconds_bucket"));
        assert!(!has(product, "wechat_event"));
        assert_eq!(
            metrics("rate(wechat_a_total[5m]) > up").collect::<Vec<_>>(),
            ["wechat_a_total"]
        );
    }
}
