//! The rules about words: heads name callers that exist, doc comments say more than the name they
//! stand on, and the public types of the inner rooms are in the glossary.

use std::collections::{BTreeMap, BTreeSet};

use crate::Finding;
use crate::source::{Source, Token};
use crate::tree::Tree;

/// What a word of code names after itself.
const ITEMS: &[&str] =
    &["fn", "struct", "enum", "trait", "const", "static", "type", "mod", "macro_rules"];

/// At most this many words of a doc comment are compared with the name below it.
const FEW: usize = 3;

pub const GLOSSARY: &str = "docs/glossary.md";

/// The rooms whose public types are in the glossary.
const SPOKEN: &[&str] = &[
    "src/model/",
    "src/store/accounts.rs",
    "src/store/alerts.rs",
    "src/store/calls.rs",
    "src/store/chats.rs",
    "src/store/contacts.rs",
    "src/store/door.rs",
    "src/store/files.rs",
    "src/store/messages.rs",
    "src/store/mod.rs",
    "src/store/operators.rs",
    "src/store/pushes.rs",
    "src/hub/",
    "src/bus/",
];

/// Public types whose name holds no term of the glossary, and the term that they belong to.
const BESIDE: &[(&str, &str)] = &[
    ("Acted", "act"),
    ("AddedBy", "group"),
    ("Appended", "message"),
    ("Attached", "connection"),
    ("Begun", "call"),
    ("Carrier", "packet"),
    ("Changed", "message"),
    ("Changes", "rev"),
    ("CloseCode", "connection"),
    ("CloseRow", "connection"),
    ("Decoded", "hint"),
    ("Done", "copy"),
    ("Due", "sweep"),
    ("Encoder", "frame"),
    ("Entered", "admission"),
    ("Failure", "report"),
    ("Gathered", "candidate"),
    ("Heard", "packet"),
    ("Index", "term"),
    ("Looking", "message"),
    ("Moved", "move"),
    ("NotYet", "copy"),
    ("Outcome", "directory"),
    ("Pass", "recovery code"),
    ("Pending", "group commit"),
    ("Place", "seq"),
    ("Posted", "event"),
    ("ProfileChange", "user"),
    ("Pushed", "notice"),
    ("Pushes", "subscription"),
    ("RecoveryMark", "recovery code"),
    ("Redeem", "login code"),
    ("SignUp", "first profile"),
    ("SignUps", "door"),
    ("Subscribed", "subscription"),
    ("Tally", "doubt"),
    ("Ticking", "beat"),
    ("Told", "run"),
    ("Typing", "signal"),
    ("Tied", "tie"),
    ("Unasked", "request"),
    ("Which", "session"),
    ("Window", "message"),
];

/// Names in backticks after "Called by" in a file's head that name no module, item or file.
pub fn callers_exist(tree: &Tree, sources: &[Source]) -> Vec<Finding> {
    let known = Known::of(sources);
    let mut findings = Vec::new();
    for source in sources {
        for (line, name) in callers(source) {
            if !known.has(&name) && !tree.files.contains(&name) {
                findings.push(Finding::new(
                    &source.path,
                    line,
                    "called by",
                    &format!("there is no `{name}`"),
                    "name the module or item that calls it today",
                ));
            }
        }
    }
    findings
}

/// Every name in backticks from "Called by" to the end of the paragraph, with its line.
fn callers(source: &Source) -> Vec<(usize, String)> {
    let mut names = Vec::new();
    let mut open = false;
    for (number, line) in source.lines.iter().enumerate() {
        let Some(text) = line.text.strip_prefix("//!") else { break };
        let start = text.to_lowercase().find("called by");
        open = start.is_some() || open && !text.trim().is_empty();
        if open {
            let pieces = text[start.unwrap_or(0)..].split('`').skip(1).step_by(2);
            names.extend(pieces.map(|name| (number, name.to_owned())));
        }
    }
    names
}

/// What can be named: modules by their path from the crate's folder, and items by their file.
struct Known<'a> {
    modules: Vec<Vec<&'a str>>,
    items: BTreeMap<&'a str, Vec<Vec<&'a str>>>,
}

impl<'a> Known<'a> {
    fn of(sources: &'a [Source]) -> Self {
        let mut known = Known { modules: Vec::new(), items: BTreeMap::new() };
        for source in sources {
            let path = module(&source.path);
            for pair in source.tokens.windows(2) {
                if ITEMS.contains(&pair[0].text.as_str()) {
                    known.items.entry(&pair[1].text).or_default().push(path.clone());
                }
            }
            // A crate's folder names its root, and a folder of modules itself.
            known.modules.extend((1..=path.len()).map(|end| path[..end].to_vec()));
        }
        known
    }

    /// Whether a path of code (`core::auth`, `http/pipeline`, `super::Message`) leads somewhere.
    fn has(&self, name: &str) -> bool {
        let here = |part: &&str| !["", "crate", "super", "self", "mod"].contains(part);
        let path: Vec<&str> = name.split([':', '/']).filter(here).collect();
        if self.modules.iter().any(|module| module.ends_with(&path)) {
            return true;
        }
        let Some((item, of)) = path.split_last() else { return true };
        let Some(places) = self.items.get(item) else { return false };
        // The item of a type is one in a file that has the type.
        let beside = of.last().and_then(|of| self.items.get(of));
        places
            .iter()
            .any(|place| place.ends_with(of) || beside.is_some_and(|types| types.contains(place)))
    }
}

fn module(path: &str) -> Vec<&str> {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod").trim_end_matches("/lib");
    path.split('/').filter(|part| *part != "src").collect()
}

/// Doc comments of a few words that only repeat the name of what they stand on.
pub fn docs_say_more(source: &Source) -> Vec<Finding> {
    let is_doc = |at: usize| {
        source.lines.get(at).is_some_and(|line| line.text.trim_start().starts_with("///"))
    };
    let mut findings = Vec::new();
    for (number, line) in source.lines.iter().enumerate() {
        let Some(text) = doc(&line.text) else { continue };
        let alone = !is_doc(number + 1) && (number == 0 || !is_doc(number - 1));
        // A route's comment is its title in the API's description.
        let below = source.lines.get(number + 1);
        let alone = alone && !below.is_some_and(|line| line.text.contains("#[utoipa::path"));
        let name = named_below(&source.tokens, number);
        if alone && text.split_whitespace().count() <= FEW && repeats(text, name) {
            findings.push(Finding::new(
                &source.path,
                number,
                "repeated name",
                &format!("\"{text}\" says no more than `{name}`"),
                "say what it is for, its unit or its bound; or leave it out where that is allowed",
            ));
        }
    }
    findings
}

fn doc(line: &str) -> Option<&str> {
    line.trim_start().strip_prefix("/// ")
}

/// The name of the first item, field or variant below a line.
fn named_below(tokens: &[Token], line: usize) -> &str {
    const BEFORE: &[&str] = &["pub", "async", "const", "static", "fn", "struct", "enum", "trait"];
    let mut depth = 0;
    for token in tokens.iter().skip_while(|token| token.line <= line) {
        match token.text.as_str() {
            "[" | "(" => depth += 1,
            "]" | ")" => depth -= 1,
            "#" | "type" | "mod" => {}
            text if depth > 0 || BEFORE.contains(&text) => {}
            text => return text,
        }
    }
    ""
}

/// Whether each word of a text, articles and the like aside, is one of the name's.
fn repeats(text: &str, name: &str) -> bool {
    const SMALL: &[&str] = &["the", "a", "an", "its", "their", "this", "his", "of", "and"];
    let name: BTreeSet<String> = words(name).map(|word| stem(&word)).collect();
    words(text)
        .filter(|word| !SMALL.contains(&word.as_str()))
        .all(|word| name.contains(&stem(&word)))
}

/// The words of a name or a text: `NewMessage` and `new_message` have two.
fn words(text: &str) -> impl Iterator<Item = String> {
    let mut split = String::new();
    let mut small = false;
    for c in text.chars() {
        if c.is_uppercase() && small {
            split.push(' ');
        }
        small = c.is_lowercase();
        split.extend(c.to_lowercase());
    }
    let split: Vec<String> =
        split.split(|c: char| !c.is_alphanumeric()).map(str::to_owned).collect();
    split.into_iter().filter(|word| !word.is_empty())
}

fn stem(word: &str) -> String {
    word.strip_suffix('s').filter(|stem| stem.len() > 2).unwrap_or(word).to_owned()
}

/// Public types of the inner rooms that no term of the glossary covers.
pub fn types_are_in_the_glossary(sources: &[Source], glossary: &str) -> Vec<Finding> {
    let terms = terms(glossary);
    let mut findings = Vec::new();
    let mut beside: BTreeMap<&str, &str> = BESIDE.iter().copied().collect();
    for source in sources.iter().filter(|source| is_spoken(&source.path)) {
        for (line, name) in public_types(source) {
            let found = |problem: &str, cure: &str| {
                let problem = format!("{problem} `{name}`");
                Finding::new(&source.path, line, "glossary", &problem, cure)
            };
            let term = beside.remove(name);
            match (is_covered(name, &terms), term) {
                (false, None) => findings.push(found(
                    "the glossary has no term for",
                    "add one to docs/glossary.md, or name one in tests/tidy/words.rs",
                )),
                (true, Some(_)) => {
                    findings.push(found("the glossary has", "take it out of tests/tidy/words.rs"));
                }
                _ => {}
            }
        }
    }
    let lost = BESIDE
        .iter()
        .filter(|(name, term)| beside.contains_key(name) || !terms.contains(&stem(term)));
    findings.extend(lost.map(|(name, term)| {
        let problem = format!("`{name}` or its term \"{term}\" is not there any more");
        Finding::new(GLOSSARY, 0, "glossary", &problem, "mend the list in tests/tidy/words.rs")
    }));
    findings
}

fn is_spoken(path: &str) -> bool {
    SPOKEN.iter().any(|room| path.starts_with(room))
}

/// The bold words in the first column of the glossary's tables.
fn terms(glossary: &str) -> BTreeSet<String> {
    let rows = glossary.lines().filter_map(|line| line.strip_prefix('|')?.split('|').next());
    let bold = rows.flat_map(|cell| cell.split("**").skip(1).step_by(2));
    bold.map(|term| stem(&term.to_lowercase())).collect()
}

fn public_types(source: &Source) -> Vec<(usize, &str)> {
    let is_type = |tokens: &&[Token]| {
        tokens[0].text == "pub"
            && ["struct", "enum", "trait", "type"].contains(&tokens[1].text.as_str())
            && tokens[2].text != "$"
            && !source.lines[tokens[0].line].test
    };
    let types = source.tokens.windows(3).filter(is_type);
    types.map(|tokens| (tokens[2].line, tokens[2].text.as_str())).collect()
}

/// Whether a word of the name, or two that follow each other, is a term.
fn is_covered(name: &str, terms: &BTreeSet<String>) -> bool {
    let words: Vec<String> = words(name).collect();
    let pairs = words.windows(2).map(|pair| stem(&pair.join(" ")));
    words.iter().map(|word| stem(word)).chain(pairs).any(|word| terms.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_caller_is_a_module_an_item_or_none() {
        let sources = [
            Source::new("src/core/auth/mod.rs", "//! Logs in. Called by `http/door`.\n//! `else`"),
            Source::new("src/http/door.rs", "struct Door; impl Door { fn open() {} }"),
            Source::new("crates/turn/src/lib.rs", ""),
        ];
        let names: Vec<String> = callers(&sources[0]).into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["http/door", "else"]);
        let known = Known::of(&sources);
        for name in ["core::auth", "auth", "http/door", "http", "door::Door", "Door::open", "turn"]
        {
            assert!(known.has(name), "{name}");
        }
        for name in ["http::seed", "door::shut", "Door::shut", "ws", "auth::Door"] {
            assert!(!known.has(name), "{name}");
        }
    }

    #[test]
    fn a_comment_that_repeats_its_name_is_found() {
        let count = |text: &str| docs_say_more(&Source::new("src/a.rs", text)).len();
        assert_eq!(count("/// The session.\npub session: Session,"), 1);
        assert_eq!(count("/// Its media type.\n#[serde(skip)]\npub(crate) media_type: String,"), 1);
        assert_eq!(count("/// New messages.\nstruct NewMessage;"), 1);
        assert_eq!(count("/// The one that opened it.\npub session: Session,"), 0);
        assert_eq!(count("/// The session.\n/// Closed with its account.\npub session: u8,"), 0);
        assert_eq!(count("/// In bytes.\npub size: u64,"), 0);
    }

    #[test]
    fn a_type_is_covered_by_a_word_or_two_of_its_name() {
        let terms = terms("| **call**, **login code** | x **y** |\n| **facts** of a file | z |");
        assert_eq!(terms.len(), 3);
        for name in ["Calls", "CallState", "LoginCode", "FileFacts"] {
            assert!(is_covered(name, &terms), "{name}");
        }
        assert!(!is_covered("Code", &terms) && !is_covered("Recall", &terms));
        let source = Source::new("src/bus/x.rs", "pub struct Tram;\nstruct Own;\npub enum Call {}");
        let found = types_are_in_the_glossary(&[source], "| **call** | x |");
        assert_eq!(found.iter().filter(|found| found.path.ends_with("x.rs")).count(), 1);
    }
}
