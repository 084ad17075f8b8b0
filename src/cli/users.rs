//! `wechat users import`: accounts from a list, on the data of a server that is not running.
//!
//! The operator vouches for the addresses: no code is mailed, and the people log in by code later.
//! The whole list is read and checked before the first account is made; people who already have an
//! account keep it as it is, so that a list may be imported again.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;
use futures_util::{StreamExt, stream};
use serde_json::json;

use super::progress::{Progress, Unit};
use super::{FAILED, MISUSED, wait_for};
use crate::app::{self, Outside};
use crate::config::Config;
use crate::core::Core;
use crate::core::auth::{Imported, Token};
use crate::error::{self, Language};
use crate::model::text::{Email, Name};
use crate::model::users::User;

/// Accounts that are on their way into the store at once: enough to fill its transactions.
const AT_ONCE: usize = 2048;
/// Accounts whose search terms are written in one transaction. They fall all over the index; the
/// more at once, the more often two fall into one page of it.
const INDEXED_AT_ONCE: usize = 50_000;
/// What a session that this command opens calls itself.
const DEVICE: &str = "users import";

/// A line of the list.
#[derive(Debug, PartialEq, Eq)]
struct Person {
    email: Email,
    name: Name,
}

/// Imports the list that the arguments name.
pub(super) fn import(config: &Config, matches: &ArgMatches) -> ExitCode {
    // invariant: the command line requires the file.
    let file = matches.get_one::<String>("FILE").map_or("-", String::as_str);
    let tokens = matches.get_flag("tokens");
    let people = match read(file).and_then(|list| parse(&list)) {
        Ok(people) => people,
        Err(why) => {
            eprintln!("Nothing was imported: {why}");
            return MISUSED.into();
        }
    };
    let mut progress = Progress::new(matches.get_flag("json"));
    let outcome = wait_for(run(config, people, tokens, &mut progress));
    match outcome {
        Ok((new, old)) => {
            let words = format!("{new} accounts imported; {old} had an account already.");
            progress.done(&words, json!({ "imported": new, "there_already": old }));
            ExitCode::SUCCESS
        }
        Err(why) => {
            progress.failed(&format!(
                "The import stopped: {why} What was imported stays; import the list again."
            ));
            FAILED.into()
        }
    }
}

fn read(file: &str) -> Result<String, String> {
    let mut list = String::new();
    let read = match file {
        "-" => io::stdin().read_to_string(&mut list).map(drop),
        path => std::fs::read_to_string(Path::new(path)).map(|text| list = text),
    };
    read.map(|()| list).map_err(|error| format!("{file} cannot be read: {error}."))
}

/// Reads `address,name` lines, as spreadsheets write them (RFC 4180): either may be in quotes, a
/// first line may name the columns. Empty lines and lines that begin with `#` count for nothing.
fn parse(list: &str) -> Result<Vec<Person>, String> {
    let list = list.strip_prefix('\u{feff}').unwrap_or(list);
    let lines = (1..).zip(list.lines());
    let told = lines.filter(|(_, line)| !line.trim().is_empty() && !line.starts_with('#'));
    let mut people = Vec::new();
    for (place, (number, line)) in told.enumerate() {
        let told = |why: String| format!("line {number}: {why}");
        let (email, name) = columns(line).map_err(told)?;
        if place == 0 && is_heading(&email) {
            continue;
        }
        people.push(person(&email, &name).map_err(told)?);
    }
    Ok(people)
}

/// Both columns of a line. Outside of quotes the name is all behind the first comma.
fn columns(line: &str) -> Result<(String, String), String> {
    let (email, name) = match line.trim_start().strip_prefix('"') {
        Some(quoted) => {
            let (email, rest) = unquoted(quoted)?;
            (email, rest.trim_start().strip_prefix(','))
        }
        None => match line.split_once(',') {
            Some((email, name)) => (email.to_owned(), Some(name)),
            None => (line.to_owned(), None),
        },
    };
    let semicolon = email.contains(';') || (name.is_none() && line.contains(';'));
    let name = name.filter(|_| !semicolon).ok_or_else(|| {
        if semicolon {
            "the columns are apart by ';'; save the list as CSV with commas, ADDRESS,NAME"
        } else {
            "there is no comma; a line is ADDRESS,NAME"
        }
        .to_owned()
    })?;
    let Some(quoted) = name.trim_start().strip_prefix('"') else {
        return Ok((email, name.to_owned()));
    };
    let (name, rest) = unquoted(quoted)?;
    // Columns of a spreadsheet that are empty, or of which nothing is needed.
    match rest.trim_start() {
        "" => Ok((email, name)),
        rest if rest.starts_with(',') => Ok((email, name)),
        _ => Err("there is text behind a closing quote; write a quote within quotes twice".into()),
    }
}

/// What stands up to the closing quote, and what follows it; a quote within is written twice.
fn unquoted(quoted: &str) -> Result<(String, &str), String> {
    let mut text = String::new();
    let mut rest = quoted;
    while let Some((part, after)) = rest.split_once('"') {
        text.push_str(part);
        match after.strip_prefix('"') {
            Some(more) => {
                text.push('"');
                rest = more;
            }
            None => return Ok((text, after)),
        }
    }
    Err("a quote is opened and not closed in the same line".to_owned())
}

/// Whether the first column of the first line names the column.
fn is_heading(email: &str) -> bool {
    const HEADINGS: [&str; 8] = [
        "email",
        "e-mail",
        "mail",
        "address",
        "email address",
        "e-mail address",
        "correo",
        "correo electrónico",
    ];
    HEADINGS.contains(&email.trim().to_lowercase().as_str())
}

fn person(email: &str, name: &str) -> Result<Person, String> {
    let text = |error: error::Error| error.message(Language::English);
    Ok(Person {
        email: Email::parse("email", email).map_err(text)?,
        name: Name::parse("name", name).map_err(text)?,
    })
}

/// How many accounts are new, and how many were there.
async fn run(
    config: &Config,
    people: Vec<Person>,
    tokens: bool,
    progress: &mut Progress,
) -> Result<(u64, u64), String> {
    let data = app::offline::open_alone(config, Outside::default()).await;
    let data = data.map_err(|error| error.to_string())?;
    let imported = put(data.core(), people, tokens, progress).await;
    data.close().await;
    imported
}

async fn put(
    core: &Core,
    people: Vec<Person>,
    tokens: bool,
    progress: &mut Progress,
) -> Result<(u64, u64), String> {
    let (total, mut done) = (people.len() as u64, 0);
    let device = tokens.then_some(DEVICE);
    let imports = people.into_iter().map(|Person { email, name }| async move {
        core.auth.import(name, email, Language::English, device).await
    });
    let imports = stream::iter(imports).buffered(AT_ONCE).inspect(|_| {
        done += 1;
        progress.at("accounts", Unit::Things, done, Some(total));
    });
    let mut imports = std::pin::pin!(imports.chunks(INDEXED_AT_ONCE));
    let (mut new, mut old) = (0, 0);
    while let Some(chunk) = imports.next().await {
        let mut users = Vec::with_capacity(chunk.len());
        for imported in chunk {
            let Imported { user, new: is_new, token } = imported.map_err(told)?;
            *(if is_new { &mut new } else { &mut old }) += 1;
            if let Some(token) = token {
                write_session(&mut io::stdout(), &user, &token)
                    .map_err(|error| error.to_string())?;
            }
            users.push(user);
        }
        core.search.index(&users).await.map_err(told)?;
    }
    Ok((new, old))
}

fn told(error: error::Error) -> String {
    error.to_string()
}

fn write_session(out: &mut impl Write, user: &User, token: &Token) -> io::Result<()> {
    let (email, id) = (user.email.as_str(), user.id.to_string());
    writeln!(out, "{}", json!({ "email": email, "user": id, "token": token.expose() }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_addresses_and_names_which_may_hold_commas() {
        let people = parse("# staff\nAna@example.org,Ana María\n\nb@c.de, Beto, el segundo\n");
        let people = people.expect("a fine list");
        let names: Vec<_> = people.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["Ana María", "Beto, el segundo"]);
        assert_eq!(people[0].email.as_str(), "ana@example.org");
    }

    #[test]
    fn a_list_is_read_as_spreadsheets_write_it() {
        let list = "\u{feff}E-mail,Name\r\n\"a@b.cd\",\"Ana\"\r\n\
                    b@b.cd,\"Duarte, Ana\"\r\nc@b.cd,\"Ana \"\"la rápida\"\"\",,x\r\n\
                    \"d@b.cd\" , Beto, el segundo\r\n";
        let people = parse(list).expect("a fine list");
        let names: Vec<_> = people.iter().map(|person| person.name.as_str()).collect();
        assert_eq!(names, ["Ana", "Duarte, Ana", "Ana \"la rápida\"", "Beto, el segundo"]);
        assert_eq!(people[3].email.as_str(), "d@b.cd");
        assert_eq!(parse("Correo electrónico,Nombre\n").expect("nobody"), []);
    }

    #[test]
    fn a_wrong_line_is_named() {
        for (list, wrong) in [
            ("a@b.cd,Ana\nbeto", "line 2: there is no comma"),
            ("nobody,Ana", "line 1: This is not an e-mail address"),
            ("\na@b.cd,  ", "line 2: Write at least one visible"),
            ("a@b.cd;Ana", "line 1: the columns are apart by ';'"),
            ("a@b.cd;Duarte, Ana", "line 1: the columns are apart by ';'"),
            ("a@b.cd,Ana\nemail,name", "line 2: This is not an e-mail address"),
            ("a@b.cd,\"Ana", "line 1: a quote is opened"),
            ("\"a@b.cd,Ana", "line 1: a quote is opened"),
            ("a@b.cd,\"Ana\" María", "line 1: there is text behind a closing quote"),
        ] {
            let why = parse(list).expect_err(list);
            assert!(why.starts_with(wrong), "{why}");
        }
    }
}
