//! Where values come from, each source overriding the ones before: the default, `.env` and
//! `.env_db` in the working directory, the environment, flags. Every problem of every source is
//! noted, so that people hear about all of them at once.

use std::collections::HashMap;
use std::fmt;
use std::io::ErrorKind;
use std::path::Path;

use url::Url;

use super::env_file;
use super::retired;
use super::row::{File, Secrecy, Setting};

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// The table.
    Default,
    /// A line of a file, counted from 1.
    File(File, usize),
    /// The environment of the process.
    Environment,
    /// The command line.
    Flag,
}

/// What is wrong with the settings: where, what, and the cure. Tells no secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem(String);

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

struct Value {
    text: String,
    origin: Origin,
}

/// The values as they were given, and the problems found so far. An empty value counts as none.
pub struct Values {
    table: &'static [Setting],
    given: HashMap<&'static str, Value>,
    problems: Vec<Problem>,
    warnings: Vec<String>,
}

impl Values {
    /// None given: the defaults of the table.
    pub(super) fn new(table: &'static [Setting]) -> Self {
        Self { table, given: HashMap::new(), problems: Vec::new(), warnings: Vec::new() }
    }

    /// Adds what `.env` and `.env_db` in a folder say; a file that is not there says nothing.
    pub fn add_files(&mut self, folder: &Path) {
        for file in File::ALL {
            match std::fs::read(folder.join(file.name())) {
                Ok(bytes) => self.add_file(file, &bytes),
                Err(error) if error.kind() == ErrorKind::NotFound => {}
                Err(error) => self.note(format!(
                    "{}: cannot be read: {error}. Correct its permissions, or remove it.",
                    file.name()
                )),
            }
        }
        self.warnings.extend(retired::files(folder));
    }

    fn add_file(&mut self, file: File, bytes: &[u8]) {
        let (entries, faults) = env_file::parse(bytes);
        for (line, why) in faults {
            let place = if line == 0 { String::new() } else { format!(", line {line}") };
            self.note(format!("{}{place}: {why}", file.name()));
        }
        let (retired, entries): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|entry| retired::is_retired(&entry.key));
        let retired = retired.iter().map(|entry| (entry.key.as_str(), entry.line));
        self.warnings.extend(retired::settings(file, &retired.collect::<Vec<_>>()));
        for entry in entries {
            self.add_entry(file, entry);
        }
    }

    fn add_entry(&mut self, file: File, entry: env_file::Entry) {
        let origin = Origin::File(file, entry.line);
        let place = self.words(origin, &entry.key);
        let Some(setting) = self.setting(retired::present_name(&entry.key)) else {
            return self.note(format!("{place}: {}", self.unknown(&entry.key)));
        };
        if setting.file != file {
            let home = setting.file.name();
            return self.note(format!(
                "{place}: {} belongs into {home}. Move the line there.",
                setting.key
            ));
        }
        if let Some(Value { origin: Origin::File(_, line), .. }) = self.given.get(setting.key) {
            let first = *line;
            return self.note(format!(
                "{place}: {} is set in line {first} already. Remove one of the two.",
                setting.key
            ));
        }
        self.put(setting, entry.value, origin);
    }

    /// Adds what the environment says; variables that are not settings are none of our business.
    pub fn add_environment(&mut self, lookup: impl Fn(&str) -> Option<std::ffi::OsString>) {
        for setting in self.table {
            let former = || retired::former_name(setting.key).and_then(&lookup);
            match lookup(setting.key).or_else(former).map(std::ffi::OsString::into_string) {
                None => {}
                Some(Ok(text)) => self.put(setting, text, Origin::Environment),
                Some(Err(_)) => {
                    self.note(format!("environment: {} is not UTF-8 text.", setting.key));
                }
            }
        }
    }

    /// Adds flags, by their settings' keys.
    pub fn add_flags(&mut self, flags: impl IntoIterator<Item = (String, String)>) {
        for (key, text) in flags {
            match self.setting(&key) {
                Some(setting) => self.put(setting, text, Origin::Flag),
                None => self.note(self.unknown(&key)),
            }
        }
    }

    fn put(&mut self, setting: &'static Setting, text: String, origin: Origin) {
        if !text.trim().is_empty() {
            self.given.insert(setting.key, Value { text: text.trim().to_owned(), origin });
        }
    }

    /// The value of a setting, checked; a problem is noted and answers `None`.
    pub(super) fn read<T>(
        &mut self,
        key: &'static str,
        parse: impl Fn(&str) -> Result<T, String>,
    ) -> Option<T> {
        // invariant: the table reads its own keys.
        let setting = self.setting(key).expect("a key of the table");
        let given = self.given.get(key);
        let why = match parse(given.map_or(setting.default, |value| &value.text)) {
            Ok(value) => return Some(value),
            Err(why) => why,
        };
        let place = self.place(key);
        let shown = match (setting.secrecy, given) {
            (Secrecy::Open, Some(value)) => format!(" is {}", quoted(&value.text)),
            _ => String::new(),
        };
        self.note(format!("{place}: {key}{shown}: {why}"));
        None
    }

    /// Notes a problem.
    pub(super) fn note(&mut self, text: String) {
        self.problems.push(Problem(text));
    }

    /// What the server does without, and its operator is to know. Tells no value.
    pub fn warnings(&self) -> &[String] {
        &self.warnings
    }

    /// Notes what the operator is to know although the server starts.
    pub(super) fn warn(&mut self, text: String) {
        self.warnings.push(text);
    }

    /// The problems so far.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// Where the value of a key came from.
    pub fn origin(&self, key: &str) -> Origin {
        self.given.get(key).map_or(Origin::Default, |value| value.origin)
    }

    /// Where the value of a key came from, in words.
    pub(super) fn place(&self, key: &str) -> String {
        self.words(self.origin(key), key)
    }

    fn words(&self, origin: Origin, key: &str) -> String {
        match origin {
            Origin::Default => "default".into(),
            Origin::File(file, line) => format!("{}, line {line}", file.name()),
            Origin::Environment => "environment".into(),
            Origin::Flag => match self.setting(key).and_then(Setting::flag) {
                Some(flag) => format!("--{flag}"),
                None => "flag".into(),
            },
        }
    }

    fn setting(&self, key: &str) -> Option<&'static Setting> {
        self.table.iter().find(|setting| setting.key == key)
    }

    fn unknown(&self, key: &str) -> String {
        let name = quoted(key);
        match self.nearest(key) {
            Some(near) => format!("{name} is not a setting. Did you mean {near}?"),
            None => format!(
                "{name} is not a setting. Remove it; 'wechat --help' lists all that there are."
            ),
        }
    }

    /// The key that a person most likely meant.
    fn nearest(&self, key: &str) -> Option<&'static str> {
        let key = key.to_ascii_uppercase();
        let likeness = |setting: &Setting| strsim::jaro_winkler(&key, setting.key);
        let rows = self.table.iter();
        let best = rows.max_by(|a, b| likeness(a).total_cmp(&likeness(b)))?;
        let typos = strsim::damerau_levenshtein(&key, best.key);
        (typos <= 2 || likeness(best) > 0.85).then_some(best.key)
    }

    /// Every setting as the server sees it, in the order of the table, without secrets.
    pub fn given(&self) -> Vec<Given> {
        let given = |setting: &'static Setting| {
            let value = self.given.get(setting.key);
            let default = Some(setting.default).filter(|text| !text.is_empty());
            let shown = match value {
                Some(value) => shown(setting.secrecy, &value.text),
                None => default.map(str::to_owned),
            };
            let is_hidden = value.is_some() && shown.is_none();
            Given { setting, value: shown, is_hidden, place: self.place(setting.key) }
        };
        self.table.iter().map(given).collect()
    }

    /// The same for people, one a line.
    pub fn report(&self) -> String {
        let width = self.table.iter().map(|setting| setting.key.len()).max().unwrap_or(0);
        let mut report = String::new();
        for Given { setting, value, is_hidden, place } in self.given() {
            let unset = if is_hidden { "hidden" } else { setting.unset };
            let value = value.unwrap_or_else(|| format!("({unset})"));
            report.push_str(&format!("{:width$}  {value}  [{place}]\n", setting.key));
        }
        report
    }
}

/// A setting as the server sees it.
#[derive(Debug, Clone)]
pub struct Given {
    /// Which.
    pub setting: &'static Setting,
    /// Its value, without what is secret of it; `None` where it has none or is secret as a whole.
    pub value: Option<String>,
    /// It has a value that nobody may see.
    pub is_hidden: bool,
    /// Where the value came from, in words.
    pub place: String,
}

fn shown(secrecy: Secrecy, text: &str) -> Option<String> {
    match secrecy {
        Secrecy::Open => Some(text.to_owned()),
        Secrecy::Url => without_credentials(text),
        Secrecy::Whole => None,
    }
}

/// A URL with stars for user name and password; nothing if it is not a URL.
fn without_credentials(text: &str) -> Option<String> {
    let mut url = Url::parse(text).ok()?;
    if !url.username().is_empty() || url.password().is_some() {
        url.set_username("***").ok()?;
        url.set_password(Some("***")).ok()?;
    }
    Some(url.into())
}

/// A text from outside, short and on one line.
fn quoted(text: &str) -> String {
    let short: String = text.chars().take(80).collect();
    let dots = if short.len() < text.len() { "…" } else { "" };
    format!("{short:?}{dots}")
}
