//! What pages and the API's description say about limits, held to the table of them.
//!
//! On a page, the number of a limit is a link to its row: `[20,000](docs/limits.md#group-members)`.
//! Such a link says what the row says, in any unit and language; a size, a time or a large number
//! that is a row's is such a link; and in a section about limits, every number is one. In the API's
//! description the properties that `PROPERTIES` lists say what their rows say.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use serde_json::Value;
use wechat::hub::close::CloseCode;
use wechat::{http, protocol};

use crate::limits::{self, Amount};

/// Pages beside the READMEs and those of `docs` in each language.
const PAGES: &[&str] = &["ARCHITECTURE.md", "SECURITY.md", "sdk/js/README.md"];

/// What is made from the code, or measured.
const NOT_PAGES: &[&str] = &[
    "docs/limits.md",
    "docs/es/limits.md",
    "docs/settings.md",
    "docs/es/settings.md",
    "docs/performance.md",
];

/// Headings of sections about limits, where every number is a link.
const ABOUT_LIMITS: &[&str] =
    &["Limits", "Límites", "限制", "What is bounded, and what happens at the bound"];

/// Numbers that happen to be those of a limit: the page, and the words.
const APART: &[(&str, &str)] = &[("docs/protocol.md", "0.5 to 30 seconds")];

/// Properties, parameters and routes of the API whose description or schema names limits.
const PROPERTIES: &[(&str, &[&str])] = &[
    ("/api/v1/chats/{chat}/messages/{seq}/edits", &["earlier-texts"]),
    ("/api/v1/chats/{chat}/pins", &["pins"]),
    ("/api/v1/files/links", &["links", "link-life"]),
    ("AskLinks.files", &["links"]),
    ("Reaction.users", &["reactors"]),
    ("about", &["about"]),
    ("announcement", &["announcement"]),
    ("attachments", &["message-files"]),
    ("body", &["message-text"]),
    ("data", &["signal"]),
    ("expires_in", &["invite-life"]),
    ("files", &["message-files"]),
    ("large_url", &["large"]),
    ("latest", &["history-page"]),
    ("mentions", &["mentions"]),
    ("nick", &["person-name"]),
    ("note", &["report-note"]),
    ("reports", &["reports-listed"]),
    ("name", &["person-name"]),
    ("seqs", &["hidden-at-once"]),
    ("size", &["small", "large"]),
    ("slow", &["slow-mode"]),
    ("small_url", &["small"]),
    ("title", &["group-title"]),
    ("until", &["silenced-for"]),
    ("users", &["watched"]),
    ("word", &["report-note"]),
];

/// A number in a text, with the word after it.
#[derive(Debug, PartialEq)]
struct Number<'a> {
    value: u64,
    unit: &'a str,
    /// Whether it has its thousands apart, as large ones have.
    large: bool,
}

impl Number<'_> {
    /// What the number measures; `None` where the word after it is not a unit.
    fn measured(&self) -> Option<Amount> {
        let seconds = |one| Amount::Time(Duration::from_secs(self.value * one));
        Some(match self.unit {
            "KiB" | "KB" => Amount::Bytes(self.value << 10),
            "MiB" | "MB" => Amount::Bytes(self.value << 20),
            "GiB" | "GB" => Amount::Bytes(self.value << 30),
            "s" | "second" | "seconds" | "segundos" | "秒" => seconds(1),
            "min" | "minute" | "minutes" | "minutos" | "分钟" => seconds(60),
            "h" | "hour" | "hours" | "horas" | "小时" => seconds(60 * 60),
            "d" | "day" | "days" | "días" | "天" => seconds(24 * 60 * 60),
            "megapixels" => Amount::Count(self.value * 1_000_000),
            "Mbit/s" => Amount::Speed(self.value * 1_000_000),
            _ => return None,
        })
    }

    fn is(&self, amount: Amount) -> bool {
        match (self.measured(), amount) {
            (Some(Amount::Bytes(said)), Amount::File(bytes)) => said == bytes,
            (Some(said), _) => said == amount,
            // A push address and the like, whose bytes have no unit.
            (None, Amount::Bytes(bytes)) => self.unit == "bytes" && self.value == bytes,
            (None, Amount::Count(count) | Amount::Rate(count, _)) => self.value == count,
            (None, _) => false,
        }
    }
}

/// The whole numbers of a text. `20,000`, `20 000` and `20000` are the same.
fn numbers(text: &str) -> Vec<Number<'_>> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(at) = rest.find(|c: char| c.is_ascii_digit()) {
        let inside = rest[..at].ends_with(|c: char| c.is_alphanumeric() || "._/#-".contains(c));
        let (digits, large, after) = digits(&rest[at..]);
        let part = after.strip_prefix('.').unwrap_or("");
        let decimal = part.starts_with(|c: char| c.is_ascii_digit());
        rest = after;
        if inside || decimal {
            let end = |c: char| !c.is_ascii_digit() && c != '.';
            rest = &rest[rest.find(end).unwrap_or(rest.len())..];
            continue;
        }
        let word = after.trim_start_matches([' ', '\u{a0}', '\u{202f}']);
        let end = word.find(|c: char| !c.is_alphabetic() && c != '/').unwrap_or(word.len());
        let value = digits.parse().expect("a number of a page fits into 64 bits");
        found.push(Number { value, unit: &word[..end], large });
    }
    found
}

/// The digits that a text begins with, whether their thousands are apart, and what is behind them.
fn digits(text: &str) -> (String, bool, &str) {
    let end = |text: &str| text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (first, mut rest) = text.split_at(end(text));
    let (mut digits, mut large) = (first.to_owned(), false);
    while let Some(group) = rest.strip_prefix([',', ' ', '\u{a0}', '\u{202f}']) {
        if first.len() > 3 || end(group) != 3 {
            break;
        }
        digits += &group[..3];
        (rest, large) = (&group[3..], true);
    }
    (digits, large, rest)
}

/// A line of prose: its links into the table (the row and the text), and what else it says.
fn links(line: &str) -> (Vec<(&str, &str)>, String) {
    let (mut links, mut other, mut rest) = (Vec::new(), String::new(), line);
    while let Some((before, target)) = rest.split_once("](") {
        let (target, after) = target.split_once(')').unwrap_or((target, ""));
        let (outside, text) = before.rsplit_once('[').unwrap_or((before, ""));
        other += outside;
        match target.split_once("limits.md#") {
            Some((_, row)) => links.push((row, text)),
            None => other += text,
        }
        rest = after;
    }
    (links, other + rest)
}

/// Lines of prose, from one, each with whether it is about limits: without code, and without what
/// is made from the code.
fn prose(page: &str) -> Vec<(usize, bool, String)> {
    let (mut lines, mut code, mut made, mut about) = (Vec::new(), false, false, false);
    for (number, line) in page.lines().enumerate() {
        code ^= line.starts_with("```");
        made = (made || line.starts_with("<!-- table")) && !line.is_empty();
        if let Some(title) = line.strip_prefix("## ") {
            about = ABOUT_LIMITS.contains(&title);
        }
        if !code && !made {
            let spans = line.split('`').step_by(2).collect::<Vec<_>>();
            lines.push((number + 1, about, spans.join("`")));
        }
    }
    lines
}

/// The rows by their names; the sections' own names have no amount.
type Rows = BTreeMap<String, Option<Amount>>;

fn rows() -> Rows {
    let mut rows = BTreeMap::new();
    for (title, limits) in limits::sections() {
        rows.insert(title.to_lowercase().replace(' ', "-"), None);
        rows.extend(limits.into_iter().map(|limit| (limit.name.to_owned(), Some(limit.amount))));
    }
    rows
}

/// The number of an answer or of a closed connection.
fn is_code(number: &Number<'_>) -> bool {
    !number.large && (matches!(number.value, 400..=599 | 4000..=4999))
}

/// What is wrong with a line of a page.
fn check(path: &str, about: bool, line: &str, rows: &Rows) -> Vec<String> {
    let (links, other) = links(line);
    let mut wrong = Vec::new();
    for (name, text) in links {
        match rows.get(name) {
            None => wrong.push(format!("there is no row `{name}`")),
            Some(Some(amount)) if !numbers(text).first().is_some_and(|said| said.is(*amount)) => {
                wrong.push(format!("\"{text}\" is not {amount}, which `{name}` is"));
            }
            Some(_) => {}
        }
    }
    for number in numbers(&other) {
        let measured = number.measured().is_some() || number.large;
        let same = rows.iter().find(|(_, row)| row.is_some_and(|amount| number.is(amount)));
        let apart = APART.iter().any(|(page, words)| *page == path && line.contains(words));
        if let Some((name, _)) = same.filter(|_| measured && !apart) {
            wrong.push(format!("{} {} is `{name}`: link it", number.value, number.unit));
        } else if about && !is_code(&number) {
            wrong.push(format!("{} {} is not a link", number.value, number.unit));
        }
    }
    wrong
}

/// Every page that people write, by its path.
fn pages() -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = |folder: &str, beginning: &str| -> Vec<String> {
        let files = std::fs::read_dir(root.join(folder)).expect("the tree is there");
        let names = files.map(|file| file.expect("a file").file_name().into_string());
        let names = names.map(|name| name.expect("UTF-8"));
        let pages = names.filter(|name| name.starts_with(beginning) && name.ends_with(".md"));
        pages.map(|name| format!("{folder}{name}")).collect()
    };
    let found = [named("", "README"), named("docs/", ""), named("docs/es/", "")].concat();
    let found = found.into_iter().filter(|path| !NOT_PAGES.contains(&path.as_str()));
    found.chain(PAGES.iter().map(|path| (*path).to_owned())).collect()
}

#[test]
fn pages_state_limits_as_the_table_does() {
    let (rows, pages, mut wrong) = (rows(), pages(), Vec::new());
    assert!(pages.len() > 10, "the pages were not found");
    for path in pages {
        let file = Path::new(env!("CARGO_MANIFEST_DIR")).join(&path);
        let page = std::fs::read_to_string(file).expect("the page can be read");
        for (number, about, line) in prose(&page) {
            let found = check(&path, about, &line, &rows);
            wrong.extend(found.into_iter().map(|found| format!("{path}:{number}: {found}")));
        }
    }
    assert!(wrong.is_empty(), "\n{}\nThe table is tests/golden/limits.rs.", wrong.join("\n"));
}

/// The names under which an object of a description may be listed.
fn names_of(object: &Value, path: &[&str]) -> Vec<String> {
    let mut names: Vec<String> = match path {
        [.., schema, "properties", name] => vec![format!("{schema}.{name}"), (*name).to_owned()],
        _ => object["name"].as_str().map(str::to_owned).into_iter().collect(),
    };
    names.extend(path.iter().filter(|part| part.starts_with('/')).map(|part| (*part).to_owned()));
    names
}

/// Walks a description and notes what differs from the table.
fn walk<'a>(value: &'a Value, path: &mut Vec<&'a str>, wrong: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            check_object(value, path, wrong);
            for (key, inner) in fields {
                path.push(key);
                walk(inner, path, wrong);
                path.pop();
            }
        }
        Value::Array(items) => items.iter().for_each(|item| walk(item, path, wrong)),
        _ => {}
    }
}

fn check_object(object: &Value, path: &[&str], wrong: &mut Vec<String>) {
    let text = object["description"].as_str().unwrap_or("");
    let longest = object["maxLength"].as_u64();
    let names = names_of(object, path);
    let listed = names.iter().find_map(|name| PROPERTIES.iter().find(|(listed, _)| listed == name));
    let Some((_, limits)) = listed else {
        let said = text.to_lowercase();
        let bound = said.split("at most ").nth(1).map(numbers).unwrap_or_default();
        if longest.is_some() || !bound.is_empty() {
            wrong.push(format!("{}: \"{text}\" is not in PROPERTIES", path.join(" ")));
        }
        return;
    };
    let rows = rows();
    let amounts: Vec<Amount> = limits.iter().filter_map(|name| rows[*name]).collect();
    let wrong_number =
        |number: &Number<'_>| number.value > 1 && !amounts.iter().any(|amount| number.is(*amount));
    let bounds = [longest, object["schema"]["maximum"].as_u64(), object["maximum"].as_u64()];
    let wrong_bound = |bound: &u64| {
        !amounts.iter().any(|amount| match amount {
            Amount::Time(time) => time.as_secs() == *bound,
            Amount::Count(most) | Amount::Bytes(most) => most == bound,
            _ => false,
        })
    };
    if numbers(text).iter().any(wrong_number) || bounds.iter().flatten().any(wrong_bound) {
        wrong.push(format!("{}: \"{text}\" is not what {limits:?} say", path.join(" ")));
    }
}

#[test]
fn the_descriptions_of_the_api_state_limits_as_the_table_does() {
    let api = serde_json::to_value(http::router::description()).expect("a description is JSON");
    let mut wrong = Vec::new();
    walk(&api, &mut Vec::new(), &mut wrong);
    walk(&protocol::asyncapi::description(), &mut Vec::new(), &mut wrong);
    assert!(wrong.is_empty(), "\n{}\nThe table is tests/golden/limits.rs.", wrong.join("\n"));
}

/// Sizes and times in what closing a connection says are those of rows.
#[test]
fn closed_connections_are_told_limits_as_the_table_has_them() {
    let (rows, mut told) = (rows(), 0);
    for code in CloseCode::ALL {
        let reason = code.row().reason;
        for number in numbers(reason).iter().filter(|number| number.measured().is_some()) {
            let known = rows.values().flatten().any(|amount| number.is(*amount));
            assert!(known, "\"{reason}\" is not what the table says");
            told += 1;
        }
    }
    assert!(told > 0, "no reason names a limit");
}

#[test]
fn a_number_is_read_in_any_unit_and_language() {
    let number = |value, unit, large| Number { value, unit, large };
    assert_eq!(
        numbers("20,000 members, 5 minutos; 25 MB and 10\u{a0}000, 0.5 s, v1, 4, 8 MiB"),
        [
            number(20_000, "members", true),
            number(5, "minutos", false),
            number(25, "MB", false),
            number(10_000, "", true),
            number(4, "", false),
            number(8, "MiB", false),
        ]
    );
    let time = Amount::Time(Duration::from_secs(120));
    assert!(number(2, "min", false).is(time) && !number(2, "s", false).is(time));
    assert!(number(25, "MB", false).is(Amount::File(25 << 20)));
    assert!(number(50, "megapixels", false).is(Amount::Count(50_000_000)));
    assert!(!number(50, "MB", false).is(Amount::Count(50)));
}

#[test]
fn a_page_that_says_another_number_is_found() {
    let rows = BTreeMap::from([("group".to_owned(), Some(Amount::Count(20_000)))]);
    let check = |about, line| check("README.md", about, line, &rows).len();
    assert_eq!(check(true, "| a group | [20,000 members](docs/limits.md#group) | 409 |"), 0);
    assert_eq!(check(false, "a [group](x.md) has [20 000](docs/limits.md#group) members"), 0);
    assert_eq!(check(false, "[30,000 members](docs/limits.md#group)"), 1, "another number");
    assert_eq!(check(false, "[20,000](docs/limits.md#crowd)"), 1, "no such row");
    assert_eq!(check(false, "up to 20,000 members"), 1, "not a link");
    assert_eq!(check(false, "12 people, 300,000 accounts"), 0, "not a limit");
    assert_eq!(check(true, "| a crowd | 12 |"), 1, "among limits every number is a link");
}
