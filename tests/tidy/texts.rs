//! The rule about languages: what the server says to people in English has a translation in every
//! language's file, with the same arguments, and no file has more than that.

use std::collections::BTreeMap;

use crate::Finding;
use crate::source::Source;
use crate::tree::Tree;

const RULE: &str = "languages";

/// Where each further language has its file.
const FOLDER: &str = "src/error/";

/// An English text of the server, and where it stands.
pub struct English<'a> {
    path: &'a str,
    line: usize,
    text: String,
}

/// The languages' files.
pub fn files(tree: &Tree) -> Vec<&str> {
    let is_language = |path: &&str| path.starts_with(FOLDER) && path.ends_with(".txt");
    tree.files.iter().map(String::as_str).filter(is_language).collect()
}

/// Every text of the server: the `en` of a `Text`.
pub fn english(sources: &[Source]) -> Vec<English<'_>> {
    let ours = sources.iter().filter(|source| source.path.starts_with("src/"));
    ours.flat_map(|source| {
        let lines = source.lines.iter().enumerate().filter(|(_, line)| !line.test);
        lines.filter_map(|(number, line)| {
            let start = line.code.find("en: \"").filter(|at| is_word(&line.code, *at))?;
            let start = line.code[..start].chars().count() + "en: \"".len();
            let text = literal(source, number, start);
            Some(English { path: &source.path, line: number, text })
        })
    })
    .collect()
}

fn is_word(code: &str, at: usize) -> bool {
    !code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// What a string literal says whose inside begins at this place, counted in characters.
fn literal(source: &Source, line: usize, start: usize) -> String {
    let lines: Vec<&str> = source.lines[line..].iter().map(|line| line.text.as_str()).collect();
    let rest = lines.join("\n");
    let mut chars = rest.chars().skip(start).peekable();
    let mut text = String::new();
    while let Some(c) = chars.next() {
        match c {
            '"' => break,
            '\\' => match chars.next() {
                Some('n') => text.push('\n'),
                Some('\n') => while chars.next_if(|c| c.is_whitespace()).is_some() {},
                escaped => text.extend(escaped),
            },
            c => text.push(c),
        }
    }
    text
}

/// What a language's file lacks, and what it has too much.
pub fn complete(path: &str, file: &str, english: &[English<'_>]) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut wrong = |path: &str, line: usize, problem: &str, cure: &str| {
        findings.push(Finding::new(path, line, RULE, problem, cure));
    };
    let mut own: BTreeMap<&str, (usize, &str)> = BTreeMap::new();
    let mut key = None;
    for (number, line) in file.lines().enumerate() {
        match (line.strip_prefix("  "), key) {
            (Some(text), Some(english)) => {
                if own.insert(english, (number, text)).is_some() {
                    wrong(path, number, "a second translation of this text", "remove one");
                }
                key = None;
            }
            (Some(_), None) => wrong(path, number, "a translation of nothing", "remove it"),
            (None, Some(_)) => wrong(path, number, "the text above is not translated", "add it"),
            (None, None) if line.is_empty() || line.starts_with('#') => {}
            (None, None) => key = Some(line),
        }
    }
    for text in english {
        match own.get(text.text.as_str()) {
            None => {
                let cure = format!("add it to {path}, under “{}”", text.text);
                wrong(text.path, text.line, "a text without its translation", &cure);
            }
            Some((line, own)) if arguments(own) != arguments(&text.text) => {
                wrong(path, *line, "other arguments than in English", "give it as many {}");
            }
            Some(_) => {}
        }
    }
    let stale = own.iter().filter(|(key, _)| !english.iter().any(|text| text.text == **key));
    for (_, (line, _)) in stale {
        wrong(path, *line, "a translation that nothing says", "remove it, or correct the English");
    }
    findings
}

fn arguments(text: &str) -> usize {
    text.matches("{}").count()
}

#[cfg(test)]
mod tests {
    use super::*;

    const RUST: &str = r#"
const A: Text = Text { en: "One, \"{}\"", es: "Uno, {}" };
const B: Text = Text {
    en: "Two \
         lines",
    es: "Dos",
};
fn f() { Text { es: "ñ", en: "Three" } }
const NO: X = X { golden: "x" };
#[cfg(test)]
mod tests { const C: Text = Text { en: "Only here", es: "" }; }
"#;

    fn told(file: &str) -> Vec<String> {
        let sources = [Source::new("src/a.rs", RUST)];
        let findings = complete("src/error/xx.txt", file, &english(&sources));
        findings.iter().map(|finding| format!("{}:{}", finding.path, finding.line)).collect()
    }

    #[test]
    fn texts_are_read_as_the_program_reads_them() {
        let sources = [Source::new("src/a.rs", RUST)];
        let texts: Vec<String> = english(&sources).into_iter().map(|text| text.text).collect();
        assert_eq!(texts, ["One, \"{}\"", "Two lines", "Three"]);
    }

    #[test]
    fn what_is_missing_stale_or_different_is_named() {
        let whole = "# head\n\nOne, \"{}\"\n  1, {}\nTwo lines\n  2\nThree\n  3\n";
        assert!(told(whole).is_empty());
        assert_eq!(told(&whole.replace("Three\n  3\n", "")), ["src/a.rs:8"]);
        assert_eq!(told(&whole.replace("1, {}", "1")), ["src/error/xx.txt:4"]);
        assert_eq!(told(&format!("{whole}Four\n  4\n")), ["src/error/xx.txt:10"]);
        assert_eq!(told(&format!("{whole}Three\n  3\n")), ["src/error/xx.txt:10"]);
        assert_eq!(told(&format!("{whole}  5\n")), ["src/error/xx.txt:9"]);
    }
}
