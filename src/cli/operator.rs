//! What an operator does from the command line: `wechat people`, `groups`, `reports`, `invite`,
//! `audit` and `figures`, on the server that runs on the data, or on the data while none does.
//!
//! Rows go to standard output, one a line, as columns or with `--json` as objects; everything else
//! to standard error. Called by `cli`.

use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use clap::ArgMatches;
use hyper::Method;
use qrcode::QrCode;
use qrcode::render::unicode::Dense1x2;
use serde_json::{Value, json};

use super::{FAILED, wait_for};
use crate::app::desk::{self, Desk};
use crate::clock::{Clock, SystemClock};
use crate::config::Config;

/// Black on white, whatever the terminal's own colours are; and back to these.
const PAPER: (&str, &str) = ("\x1b[30;107m", "\x1b[0m");
/// Rows that are asked for at once.
const ROWS: u32 = 200;

/// What a command prints.
enum Told {
    /// Rows, and the fields of each that are its columns.
    Rows(Vec<Value>, &'static [&'static str]),
    /// What was done, in words.
    Done(String),
    /// Pages of rows, printed as they came.
    Pages,
}

/// Carries out the command that `path` names.
pub(super) fn run(config: &Config, path: &[&str], flags: &ArgMatches) -> ExitCode {
    let told = wait_for(async {
        let desk = desk::open(config).await.map_err(|error| error.to_string())?;
        let told = command(&desk, path, flags).await;
        desk.close().await;
        told
    });
    match told.and_then(|told| say(told, flags).map_err(|error| error.to_string())) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            FAILED.into()
        }
    }
}

async fn command(desk: &Desk, path: &[&str], flags: &ArgMatches) -> Result<Told, String> {
    match path {
        ["people", verb] => people(desk, verb, flags).await,
        ["groups", verb] => groups(desk, verb, flags).await,
        ["reports", verb] => reports(desk, verb, flags).await,
        ["invite"] => invite(desk, flags).await,
        ["audit"] => {
            let most = flags.get_one::<u32>("limit").copied().unwrap_or(50);
            let rows = desk.ask(Method::GET, &format!("/audit?limit={most}"), None).await?;
            Ok(Told::Rows(
                list(&rows["audit"]),
                &["at", "by", "by_name", "act", "user", "group", "name", "report", "what"],
            ))
        }
        ["figures"] if ["hours", "days"].iter().any(|name| flags.contains_id(name)) => {
            let span = if flags.contains_id("hours") { ("hour", "hours") } else { ("day", "days") };
            let last = flags.get_one::<u32>(span.1).copied().unwrap_or(1);
            let path = format!("/trends?span={}&last={last}", span.0);
            let rows = desk.ask(Method::GET, &path, None).await?;
            let columns = &["at", "people", "groups", "messages", "file_bytes", "calls", "errors"];
            Ok(Told::Rows(list(&rows["rows"]), columns))
        }
        _ => {
            let figures = desk.ask(Method::GET, "/figures", None).await?;
            let columns = &["people", "groups", "messages", "file_bytes", "connections"];
            Ok(Told::Rows(vec![figures], columns))
        }
    }
}

/// The text of an argument.
fn text<'a>(flags: &'a ArgMatches, name: &str) -> &'a str {
    flags.get_one::<String>(name).map_or("", String::as_str)
}

fn list(rows: &Value) -> Vec<Value> {
    rows.as_array().cloned().unwrap_or_default()
}

const PEOPLE: &[&str] = &["id", "email", "name", "standing"];

async fn people(desk: &Desk, verb: &str, flags: &ArgMatches) -> Result<Told, String> {
    match verb {
        "list" => {
            let which = match (flags.get_flag("suspended"), flags.get_flag("operators")) {
                (true, _) => "suspended",
                (_, true) => "operators",
                _ => "all",
            };
            let path = format!("/people?which={which}");
            pages(desk, (&path, "people"), (PEOPLE, standing), flags).await
        }
        "find" => {
            let rows = found(desk, text(flags, "WORDS")).await?;
            Ok(Told::Rows(rows.into_iter().map(standing).collect(), PEOPLE))
        }
        _ => {
            let person = person(desk, text(flags, "PERSON")).await?;
            one_person(desk, verb, &person, flags).await
        }
    }
}

/// Prints the rows of all pages, a page at a time: there may be millions.
async fn pages(
    desk: &Desk,
    (path, field): (&str, &str),
    (columns, shape): (&'static [&'static str], fn(Value) -> Value),
    flags: &ArgMatches,
) -> Result<Told, String> {
    let mark = if path.contains('?') { '&' } else { '?' };
    let (mut after, mut is_first) = (String::new(), true);
    loop {
        let page = format!("{path}{mark}limit={ROWS}{after}");
        let page = desk.ask(Method::GET, &page, None).await?;
        let rows: Vec<Value> = list(&page[field]).into_iter().map(shape).collect();
        let out = &mut io::stdout().lock();
        let written = if flags.get_flag("json") {
            as_json(out, &rows)
        } else {
            heads(out, columns, is_first).and_then(|()| as_columns(out, &rows, columns))
        };
        written.map_err(|error| error.to_string())?;
        is_first = false;
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return Ok(Told::Pages),
        }
    }
}

async fn found(desk: &Desk, words: &str) -> Result<Vec<Value>, String> {
    let words: String = url::form_urlencoded::byte_serialize(words.as_bytes()).collect();
    let page = desk.ask(Method::GET, &format!("/people?limit={ROWS}&q={words}"), None).await?;
    Ok(list(&page["people"]))
}

/// The id of somebody who is named by it, or by their address.
async fn person(desk: &Desk, named: &str) -> Result<String, String> {
    if !named.contains('@') {
        return Ok(named.to_owned());
    }
    let rows = found(desk, named).await?;
    let id = rows.first().and_then(|row| row["id"].as_str());
    id.map(str::to_owned).ok_or_else(|| format!("Nobody has the address {named}."))
}

async fn one_person(
    desk: &Desk,
    verb: &str,
    person: &str,
    flags: &ArgMatches,
) -> Result<Told, String> {
    let at = format!("/people/{person}");
    let ask = |method, below: &str, body: Option<Value>| {
        let path = format!("{at}{below}");
        async move { desk.ask(method, &path, body.as_ref()).await }
    };
    let done = |words: &str| Ok(Told::Done(words.to_owned()));
    match verb {
        "show" => {
            let found = ask(Method::GET, "", None).await?;
            Ok(Told::Rows(vec![detail(found)], &["id", "email", "name", "standing", "devices"]))
        }
        "suspend" => {
            let lasts = flags.get_one::<Duration>("for").copied();
            let until = lasts.map(|lasts| SystemClock.now().plus(lasts).to_string());
            let body = json!({ "why": text(flags, "why"), "until": until });
            ask(Method::POST, "/suspend", Some(body)).await?;
            done("Suspended: their sessions are closed, and they cannot log in.")
        }
        "restore" => {
            ask(Method::POST, "/restore", None).await?;
            done("Restored: they may log in again.")
        }
        "delete" => {
            ask(Method::DELETE, "", None).await?;
            done("Deleted.")
        }
        "log-out" => {
            ask(Method::DELETE, "/sessions", None).await?;
            done("Logged out everywhere.")
        }
        "move-address" => {
            let body = json!({ "email": text(flags, "ADDRESS") });
            ask(Method::PUT, "/email", Some(body)).await?;
            done("Codes go to the new address from now on.")
        }
        _ if flags.get_flag("off") => {
            ask(Method::DELETE, "/operator", None).await?;
            done("They are not an operator any more.")
        }
        _ => {
            ask(Method::PUT, "/operator", None).await?;
            done("They are an operator now.")
        }
    }
}

/// A person's standing, in a word.
fn standing(mut row: Value) -> Value {
    let words = match &row {
        row if !row["deleted_at"].is_null() => "deleted",
        row if !row["suspended"].is_null() => "suspended",
        row if row["operator"] == true => "operator",
        _ => "fine",
    };
    row["standing"] = words.into();
    row
}

fn detail(mut found: Value) -> Value {
    let mut row = standing(found["person"].take());
    row["devices"] = list(&found["sessions"]).len().into();
    row["sessions"] = found["sessions"].take();
    row["groups"] = found["groups"].take();
    row
}

const GROUPS: &[&str] = &["id", "title", "member_count", "messages", "active_at"];

async fn groups(desk: &Desk, verb: &str, flags: &ArgMatches) -> Result<Told, String> {
    let at = format!("/groups/{}", text(flags, "GROUP"));
    match verb {
        "list" => pages(desk, ("/groups", "groups"), (GROUPS, |row| row), flags).await,
        "show" => {
            let mut found = desk.ask(Method::GET, &at, None).await?;
            let mut row = found["group"].take();
            row["members"] = found["members"].take();
            Ok(Told::Rows(vec![row], GROUPS))
        }
        _ => {
            desk.ask(Method::DELETE, &at, None).await?;
            Ok(Told::Done("Deleted: nobody can read it any more.".to_owned()))
        }
    }
}

const REPORTS: &[&str] = &["id", "state", "created", "reason", "about", "name", "text"];

async fn reports(desk: &Desk, verb: &str, flags: &ArgMatches) -> Result<Told, String> {
    let at = format!("/reports/{}", text(flags, "REPORT"));
    if verb == "list" {
        let stage = if flags.get_flag("all") { "all" } else { "open" };
        let path = format!("/reports?stage={stage}");
        return pages(desk, (&path, "reports"), (REPORTS, report), flags).await;
    }
    let found = match verb {
        "show" => desk.ask(Method::GET, &at, None).await?,
        "take" => desk.ask(Method::POST, &format!("{at}/take"), None).await?,
        _ => {
            let verdict = if flags.get_flag("dismissed") { "dismissed" } else { "upheld" };
            let body = json!({ "verdict": verdict, "word": text(flags, "word") });
            desk.ask(Method::POST, &format!("{at}/answer"), Some(&body)).await?
        }
    };
    Ok(Told::Rows(vec![report(found)], REPORTS))
}

/// The row of a report: what its maker sees, and the copy of what it is about.
fn report(mut found: Value) -> Value {
    let mut row = found["report"].take();
    let about = ["user", "group", "chat"].iter().find(|name| !row[**name].is_null());
    row["about"] = about.map_or("", |name| if *name == "chat" { "message" } else { *name }).into();
    for name in ["by", "author", "text", "files", "sent", "handled_by"] {
        row[name] = found[name].take();
    }
    row
}

async fn invite(desk: &Desk, flags: &ArgMatches) -> Result<Told, String> {
    if flags.get_flag("list") {
        let made = desk.ask(Method::GET, "/invitations", None).await?;
        let columns = &["id", "used", "uses", "expires_at", "by"];
        return Ok(Told::Rows(list(&made["invitations"]), columns));
    }
    if let Some(id) = flags.get_one::<String>("end") {
        desk.ask(Method::DELETE, &format!("/invitations/{id}"), None).await?;
        return Ok(Told::Done("It lets nobody in any more.".to_owned()));
    }
    let lasts = flags.get_one::<Duration>("expires").map(Duration::as_secs);
    // The code is the end of a group's link.
    let link = flags.get_one::<String>("group").and_then(|link| link.rsplit('/').next());
    let body = json!({
        "uses": flags.get_one::<u32>("uses"), "expires_in": lasts, "group_invite": link,
    });
    let made = desk.ask(Method::POST, "/invitations", Some(&body)).await?;
    Ok(Told::Rows(vec![made], &["link"]))
}

fn say(told: Told, flags: &ArgMatches) -> io::Result<()> {
    let mut out = io::stdout().lock();
    let is_json = flags.get_flag("json");
    match told {
        Told::Done(words) if is_json => writeln!(out, "{}", json!({ "done": words })),
        Told::Done(words) => {
            eprintln!("{words}");
            Ok(())
        }
        Told::Pages => Ok(()),
        Told::Rows(rows, _) if is_json => as_json(&mut out, &rows),
        Told::Rows(rows, &["link"]) => rows.iter().try_for_each(|made| invitation(&mut out, made)),
        Told::Rows(rows, columns) => {
            heads(&mut out, columns, true)?;
            as_columns(&mut out, &rows, columns)
        }
    }
}

fn as_json(out: &mut impl Write, rows: &[Value]) -> io::Result<()> {
    rows.iter().try_for_each(|row| writeln!(out, "{row}"))
}

/// The names of the columns, above the first page, for people.
fn heads(out: &mut impl Write, columns: &[&str], is_first: bool) -> io::Result<()> {
    if !is_first || !io::stdout().is_terminal() {
        return Ok(());
    }
    writeln!(out, "{}", columns.join("  "))
}

fn as_columns(out: &mut impl Write, rows: &[Value], columns: &[&str]) -> io::Result<()> {
    let column = |row: &Value, name: &str| match &row[name] {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    rows.iter().try_for_each(|row| {
        let cells: Vec<String> = columns.iter().map(|name| column(row, name)).collect();
        writeln!(out, "{}", cells.join("  "))
    })
}

/// The link, and its QR code where a phone's camera can see it.
fn invitation(out: &mut impl Write, made: &Value) -> io::Result<()> {
    let link = made["link"].as_str().unwrap_or_default();
    writeln!(out, "{link}")?;
    if io::stdout().is_terminal()
        && let Ok(code) = QrCode::new(link)
    {
        let drawn = code.render::<Dense1x2>().build();
        drawn.lines().try_for_each(|line| writeln!(out, "{}{line}{}", PAPER.0, PAPER.1))?;
    }
    let people = match made["uses"].as_u64() {
        Some(1) => "one person".to_owned(),
        uses => format!("{} people", uses.unwrap_or_default()),
    };
    let until = made["expires_at"].as_str().unwrap_or_default();
    eprintln!("It lets {people} create an account, until {until}. It is not shown again.");
    Ok(())
}
