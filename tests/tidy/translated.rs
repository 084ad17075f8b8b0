//! The rule about the pages of `docs/es`: each has the shape of the English page of its name. Their
//! headings, paragraphs, items and rows follow one another alike, their blocks of code are equal,
//! every section names the same things in code, and each page links to the other. So whoever
//! changes one page is told to change the other.

use std::collections::BTreeSet;

use crate::Finding;
use crate::links;
use crate::tree::Tree;

const RULE: &str = "translated";
const ENGLISH: &str = "docs/";
const FOLDER: &str = "docs/es/";

/// The translated pages, by their names.
pub fn pages(tree: &Tree) -> Vec<&str> {
    let names = links::pages(tree).into_iter().filter_map(|path| path.strip_prefix(FOLDER));
    names.filter(|name| *name != "SUMMARY.md").collect()
}

/// How a translated page differs from the English one.
pub fn follows_the_english(tree: &Tree, name: &str) -> Vec<Finding> {
    let (path, english) = (format!("{FOLDER}{name}"), format!("{ENGLISH}{name}"));
    let ours = tree.text(&path).expect("a page is UTF-8");
    let Some(theirs) = tree.text(&english) else {
        let problem = format!("there is no {english}");
        return vec![Finding::new(&path, 0, RULE, &problem, "rename this page, or delete it")];
    };
    let mut findings = compare(&path, &ours, &english, &theirs);
    let links =
        [(&path, &ours, format!("](../{name})")), (&english, &theirs, format!("](es/{name})"))];
    for (page, text, link) in links {
        if !text.contains(&link) {
            let problem = format!("its other language is not linked to by `{link}`");
            findings.push(Finding::new(page, 0, RULE, &problem, "add the line below the title"));
        }
    }
    findings
}

/// The first place where the pages have not the same shape, or else the sections that do not name
/// the same things.
fn compare(path: &str, ours: &str, english: &str, theirs: &str) -> Vec<Finding> {
    let (ours, theirs) = (parts(ours), parts(theirs));
    let same = ours.iter().zip(&theirs).take_while(|(our, their)| our.is_like(their)).count();
    let (our, their) = (ours.get(same), theirs.get(same));
    if our.is_none() && their.is_none() {
        return names_the_same(path, &ours, english, &theirs);
    }
    let line = our.or(ours.last()).map_or(0, |part| part.line);
    let there =
        their.map_or("its end".to_owned(), |part| format!("{part} in line {}", part.line + 1));
    let here = our.map_or("the end".to_owned(), Part::to_string);
    let problem = format!("{english} has {there} where this page has {here}");
    vec![Finding::new(
        path,
        line,
        RULE,
        &problem,
        "translate what changed there; copy code as it is",
    )]
}

/// What is named in code in a section of one page and not in that of the other.
fn names_the_same(path: &str, ours: &[Part], english: &str, theirs: &[Part]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for ((line, our), (_, their)) in sections(ours).into_iter().zip(sections(theirs)) {
        for name in their.difference(&our) {
            let problem = format!("{english} names `{name}` in this section");
            findings.push(Finding::new(path, line, RULE, &problem, "translate what it says of it"));
        }
        for name in our.difference(&their) {
            let problem = format!("{english} does not name `{name}` in this section");
            findings.push(Finding::new(
                path,
                line,
                RULE,
                &problem,
                "say what the English page says",
            ));
        }
    }
    findings
}

/// Each heading's line, with what stands in code until the next one.
fn sections(parts: &[Part]) -> Vec<(usize, BTreeSet<String>)> {
    let mut sections = vec![(0, BTreeSet::new())];
    for part in parts {
        if matches!(part.kind, Kind::Heading(_)) {
            sections.push((part.line, BTreeSet::new()));
        }
        let names = part.text.split('`').skip(1).step_by(2).map(str::to_owned);
        if let (false, Some((_, section))) = (part.kind == Kind::Code, sections.last_mut()) {
            section.extend(names);
        }
    }
    sections
}

/// A piece of a page that stays one piece in another language.
struct Part {
    /// Counted from zero.
    line: usize,
    kind: Kind,
    /// Its lines: those of code as they are, others with a space between.
    text: String,
}

#[derive(Clone, Copy, PartialEq)]
enum Kind {
    Heading(usize),
    Paragraph,
    Item,
    Row,
    Code,
}

impl Part {
    fn is_like(&self, other: &Part) -> bool {
        self.kind == other.kind && (self.kind != Kind::Code || self.text == other.text)
    }
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = match self.kind {
            Kind::Heading(level) => format!("a heading of level {level}"),
            Kind::Paragraph => "a paragraph".to_owned(),
            Kind::Item => "an item".to_owned(),
            Kind::Row => "a row".to_owned(),
            Kind::Code => "a block of code".to_owned(),
        };
        let text = self.text.trim_start_matches('`').replace('\n', " ");
        let beginning: String = text.chars().take(30).collect();
        write!(f, "{kind} (\"{beginning}…\")")
    }
}

/// A page, piece by piece.
fn parts(text: &str) -> Vec<Part> {
    let mut parts: Vec<Part> = Vec::new();
    let (mut fenced, mut open) = (false, false);
    for (line, text) in text.lines().enumerate() {
        let fence = text.trim_start().starts_with("```");
        let goes_on = fenced || open && kind_of(text) == Kind::Paragraph && !fence;
        if text.is_empty() && !fenced {
            open = false;
            continue;
        }
        if let (true, Some(part)) = (goes_on, parts.last_mut()) {
            part.text += if fenced { "\n" } else { " " };
            part.text += if fenced { text } else { text.trim_start() };
        } else {
            let kind = if fence { Kind::Code } else { kind_of(text) };
            parts.push(Part { line, kind, text: text.to_owned() });
            open = matches!(kind, Kind::Paragraph | Kind::Item);
        }
        fenced ^= fence;
    }
    parts
}

/// What a line outside of code begins, if it does not go on with what is before it.
fn kind_of(line: &str) -> Kind {
    let line = line.trim_start();
    let level = line.len() - line.trim_start_matches('#').len();
    let numbered = line.split_once(". ").is_some_and(|(number, _)| number.parse::<u8>().is_ok());
    if level > 0 && line[level..].starts_with(' ') {
        Kind::Heading(level)
    } else if line.starts_with("- ") || numbered {
        Kind::Item
    } else if line.starts_with('|') {
        Kind::Row
    } else {
        Kind::Paragraph
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PAGE: &str = "# Keys\n\nSet `KEY`, then\n`LOCK`.\n\n- one\n  and more\n- two\n\n| a |\n\
                        |---|\n\n```sh\n# no heading\n\nrun\n```\n";

    /// The findings about a page whose English one is `PAGE`.
    fn found(ours: &str) -> Vec<String> {
        let findings = compare("es.md", ours, "en.md", PAGE);
        findings.iter().map(Finding::to_string).collect()
    }

    #[test]
    fn a_page_may_have_other_words_and_lines() {
        let ours = PAGE.replace("# Keys", "# Claves").replace("Set `KEY`, then\n", "Pon `KEY` y ");
        assert!(found(&ours).is_empty());
        assert_eq!(parts(PAGE).len(), 7, "a title, a paragraph, items, rows, a block");
    }

    #[test]
    fn what_lacks_or_differs_is_told() {
        let lines = [
            (PAGE.replace("- two\n", ""), "en.md has an item"),
            (PAGE.replace("# Keys", "## Claves"), "a heading of level 1 (\"# Keys…\") in line 1"),
            (PAGE.replace("run", "corre"), "a block of code"),
            (PAGE.replace("|---|\n", ""), "a row"),
            (format!("{PAGE}\nMás.\n"), "its end where this page has a paragraph"),
            (PAGE.replace("`LOCK`", "nada"), "names `LOCK`"),
            (PAGE.replace("`LOCK`", "`LOCK` y `MÁS`"), "does not name `MÁS`"),
        ];
        for (ours, words) in lines {
            let found = found(&ours);
            assert!(found.len() == 1 && found[0].contains(words), "{words}: {found:?}");
        }
    }
}
