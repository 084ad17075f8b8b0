//! Who may name whom in `src/`. The tables below are the whole rule: a module is in one rank, and
//! names only modules of its own rank and of the ranks above it in the table.

use std::collections::BTreeSet;

use crate::Finding;
use crate::source::{Source, Token};

/// From the ground up. A module is ranked by its longest name in the table; `port::*` are the
/// modules inside a port, which are its adapters.
const RANKS: &[(&str, &[&str])] = &[
    ("ground", &["error", "id", "clock"]),
    ("settings", &["config"]),
    ("requests to others", &["outside"]),
    ("model", &["model"]),
    // With what all adapters of one port share.
    (
        "ports",
        &[
            "store",
            "bus",
            "bus::codec",
            "bus::directory",
            "bus::numbered",
            "bus::told",
            "mail",
            "mail::letters",
            "store::accounts",
            "store::alerts",
            "store::archive",
            "store::calls",
            "store::chats",
            "store::contacts",
            "store::decide",
            "store::door",
            "store::exports",
            "store::files",
            "store::forms",
            "store::group",
            "store::messages",
            "store::nodes",
            "store::operators",
            "store::pushes",
            "store::recoveries",
            "store::reports",
            "store::trends",
            "objects",
            "objects::staging",
            "objects::whole",
            "push",
            "push::said",
        ],
    ),
    ("core rules", &["core", "hub"]),
    (ADAPTERS, &["store::*", "bus::*", "mail::*", "objects::*", "push::*"]),
    ("wire types", &["protocol"]),
    ("edge", &["edge"]),
    ("doors", &["http", "ws", "rtc", "export"]),
    ("wiring", &["app"]),
    ("commands", &["cli", "lib", "main"]),
];

const ADAPTERS: &str = "adapters";

/// The modules that choose adapters; every other module knows only the ports.
const MAY_NAME_ADAPTERS: &[&str] = &["app", "cli"];

/// Modules, the crates and modules that they never name, and what to do instead.
const NEVER: &[(&[&str], &[&str], &str)] = &[
    (
        &["core", "model"],
        &["serde", "serde_json", "schemars", "utoipa", "axum", "hyper", "tower", "tower_http"],
        "give the type its wire form in `protocol`",
    ),
    (
        &["core", "model"],
        &[
            "rusqlite",
            "mongodb",
            "bson",
            "lettre",
            "tokio::net",
            "std::net::TcpStream",
            "std::fs",
            "tokio::fs",
        ],
        "put it behind a port",
    ),
    (&["core", "model"], &["crate::config"], "take a type of your own; `app` fills it"),
    (&["core", "model"], &["crate::outside"], "put it behind a port"),
    (
        &["hub", "protocol", "store", "bus", "mail", "objects", "push"],
        &["axum"],
        "the web framework is for the doors",
    ),
    (&["http", "ws"], &["crate::store"], "call the use-case in `core`"),
    (&["http"], &["crate::ws"], "what both doors share belongs into `edge`"),
    (&["ws"], &["crate::http"], "what both doors share belongs into `edge`"),
];

/// Who may say such a name all the same; its head says why.
const EXCEPT: &[(&str, &str)] = &[("hub::frame", "axum")];

/// A path that code names, split at `::`.
pub struct Named {
    pub line: usize,
    pub path: Vec<String>,
    /// A `use` brings it in.
    pub is_use: bool,
}

/// Checks every file of `src/`.
pub fn ranks_hold(sources: &[Source]) -> Vec<Finding> {
    let in_src = || sources.iter().filter(|source| source.path.starts_with("src/"));
    let modules: BTreeSet<String> = in_src().map(|source| module(&source.path)).collect();
    in_src().flat_map(|source| check(source, &modules)).collect()
}

fn check(source: &Source, modules: &BTreeSet<String>) -> Vec<Finding> {
    let own = module(&source.path);
    let Some(own_rank) = rank(&own) else {
        let problem = format!("the module `{own}` has no rank");
        let cure = "give it one in the table of tests/tidy/ranks.rs";
        return vec![Finding::new(&source.path, 0, "rank", &problem, cure)];
    };
    let mut findings = Vec::new();
    for named in names(&source.tokens) {
        if source.lines[named.line].test {
            continue;
        }
        let path = resolve(&named.path, &own, modules);
        let broken = refused(&own, own_rank, &path, modules);
        findings.extend(broken.map(|(problem, cure)| {
            Finding::new(&source.path, named.line, "rank", &problem, &cure)
        }));
    }
    findings.dedup_by(|a, b| a.line == b.line && a.problem == b.problem);
    findings
}

/// Problem and cure, when the module may not name the path.
fn refused(
    own: &str,
    own_rank: usize,
    path: &str,
    modules: &BTreeSet<String>,
) -> Option<(String, String)> {
    for (who, what, cure) in NEVER {
        let mut named = what.iter().filter(|name| is_within(path, name));
        let name = named.find(|name| !EXCEPT.contains(&(own, name)));
        if let Some(name) = name.filter(|_| who.iter().any(|who| is_within(own, who))) {
            return Some((format!("`{own}` names `{name}`"), (*cure).to_owned()));
        }
    }
    let inside = path.strip_prefix("crate::")?;
    let target = longest_module(inside, modules)?;
    let target_rank = rank(&target)?;
    let (own_name, target_name) = (RANKS[own_rank].0, RANKS[target_rank].0);
    if target_rank > own_rank {
        let problem =
            format!("`{own}` ({own_name}) names `{target}` ({target_name}), a rank above");
        let cure = "pass it in as an argument or a trait, or move what both need below";
        return Some((problem, cure.to_owned()));
    }
    let chooses = MAY_NAME_ADAPTERS.iter().any(|who| is_within(own, who));
    if target_name == ADAPTERS && !chooses && adapter(own) != adapter(&target) {
        let problem = format!("`{own}` names the adapter `{target}`");
        return Some((problem, "take the port's trait; `app` chooses the adapter".to_owned()));
    }
    None
}

/// `store::embedded::write` belongs to the adapter `store::embedded`.
fn adapter(module: &str) -> String {
    module.split("::").take(2).collect::<Vec<_>>().join("::")
}

fn is_within(path: &str, name: &str) -> bool {
    path.strip_prefix(name).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"))
}

/// `src/store/embedded/mod.rs` is `store::embedded`.
pub fn module(path: &str) -> String {
    let inner = path.trim_start_matches("src/").trim_end_matches(".rs");
    inner.trim_end_matches("/mod").replace('/', "::")
}

fn rank(module: &str) -> Option<usize> {
    let matches = |name: &str| match name.strip_suffix("::*") {
        Some(port) => is_within(module, port) && module != port,
        None => is_within(module, name),
    };
    let names = RANKS.iter().enumerate();
    let fitting = names.flat_map(|(rank, (_, names))| names.iter().map(move |name| (rank, *name)));
    let best = fitting.filter(|(_, name)| matches(name)).max_by_key(|(_, name)| name.len());
    best.map(|(rank, _)| rank)
}

/// The module that an inside path leads to: its longest beginning that is a file.
pub fn longest_module(inside: &str, modules: &BTreeSet<String>) -> Option<String> {
    let mut path = inside;
    loop {
        if modules.contains(path) {
            return Some(path.to_owned());
        }
        path = path.rsplit_once("::")?.0;
    }
}

/// The path from `crate::` on when it leads inside the crate, else as it is written.
pub fn resolve(path: &[String], own: &str, modules: &BTreeSet<String>) -> String {
    let mut base: Vec<&str> =
        own.split("::").filter(|part| !["lib", "main"].contains(part)).collect();
    let mut rest: Vec<&str> = path.iter().map(String::as_str).collect();
    match rest[0] {
        "crate" | "wechat" => base.clear(),
        "self" => {}
        "super" => drop(base.pop()),
        first => {
            let child = [&base[..], &[first]].concat().join("::");
            if !modules.contains(&child) {
                return rest.join("::");
            }
            rest.insert(0, "self");
        }
    }
    rest.remove(0);
    while rest.first() == Some(&"super") {
        base.pop();
        rest.remove(0);
    }
    [&["crate"], &base[..], &rest[..]].concat().join("::")
}

/// Every path of two or more parts, and every path that a `use` brings in.
pub fn names(tokens: &[Token]) -> Vec<Named> {
    let word = |at: usize| tokens.get(at).map_or("", |token| token.text.as_str());
    let mut named = Vec::new();
    let mut at = 0;
    while at < tokens.len() {
        if word(at) == "use" && word(at + 1) != "<" {
            at = use_tree(tokens, at + 1, &[], &mut named);
        } else if is_word(word(at)) && word(at + 1) == "::" {
            let (line, mut path) = (tokens[at].line, vec![word(at).to_owned()]);
            while word(at + 1) == "::" && is_word(word(at + 2)) {
                at += 2;
                path.push(word(at).to_owned());
            }
            named.push(Named { line, path, is_use: false });
        }
        at += 1;
    }
    named
}

/// Reads one branch of a `use`; answers the place of the `,`, `}` or `;` behind it.
fn use_tree(tokens: &[Token], start: usize, above: &[String], named: &mut Vec<Named>) -> usize {
    let mut path = above.to_vec();
    let mut at = start;
    while at < tokens.len() {
        match tokens[at].text.as_str() {
            "{" => {
                while at < tokens.len() && tokens[at].text != "}" {
                    at = use_tree(tokens, at + 1, &path, named);
                }
                return at + 1;
            }
            "as" => at += 1,
            "," | "}" | ";" => break,
            part if is_word(part) => path.push(part.to_owned()),
            _ => {}
        }
        at += 1;
    }
    if path.len() > above.len() {
        named.push(Named { line: tokens[start].line, path, is_use: true });
    }
    at
}

fn is_word(text: &str) -> bool {
    text.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The findings for one more file beside a house with all its rooms.
    fn findings(path: &str, text: &str) -> Vec<String> {
        let rooms = [
            "lib",
            "main",
            "app",
            "error",
            "config",
            "hub",
            "core/mod",
            "core/users",
            "model/mod",
            "model/user",
            "store/mod",
            "store/embedded/mod",
            "store/embedded/write",
            "store/mongo/mod",
            "mail/mod",
            "mail/smtp",
            "protocol/mod",
            "edge/mod",
            "http/mod",
            "ws/mod",
            "cli/mod",
        ];
        let mut sources: Vec<Source> =
            rooms.iter().map(|room| Source::new(&format!("src/{room}.rs"), "")).collect();
        sources.retain(|source| source.path != path);
        sources.push(Source::new(path, text));
        ranks_hold(&sources).into_iter().map(|found| found.to_string()).collect()
    }

    #[track_caller]
    fn passes(path: &str, text: &str) {
        assert_eq!(findings(path, text), Vec::<String>::new());
    }

    #[track_caller]
    fn fails(path: &str, text: &str, part: &str) {
        let found = findings(path, text);
        assert!(found.len() == 1 && found[0].contains(part), "{found:?} without {part:?}");
    }

    #[test]
    fn a_lower_rank_never_names_a_higher_one() {
        passes("src/core/users.rs", "use crate::{error::Error, store::Users, model::User};");
        passes("src/store/mod.rs", "pub mod embedded;\nuse crate::model::{self, user::User};");
        passes("src/http/mod.rs", "use crate::{core, edge::limits, hub::Hub, protocol::Body};");
        fails("src/error.rs", "use crate::config::Config;", "src/error.rs:1: rank: ");
        fails("src/model/user.rs", "\nfn a() -> crate::store::Row {}", "user.rs:2");
        fails("src/core/users.rs", "use crate::{error, http::{router, x}};", "`http` (doors)");
        fails("src/store/mod.rs", "pub use embedded::Store;", "`store::embedded` (adapters)");
        fails("src/model/user.rs", "use super::super::core::users::check;", "`core::users`");
        fails("src/edge/mod.rs", "use crate::http::router;", "`http` (doors)");
        fails("src/app.rs", "use crate::cli;", "`cli` (commands)");
    }

    #[test]
    fn only_the_wiring_names_adapters() {
        passes("src/app.rs", "use crate::{mail::smtp::Smtp, store::embedded::Store};");
        passes("src/cli/mod.rs", "use crate::store::embedded;");
        passes("src/store/embedded/write.rs", "use super::Store; use crate::store::Users;");
        fails("src/store/embedded/mod.rs", "use crate::store::mongo::x;", "the adapter");
        fails("src/protocol/mod.rs", "fn a() { crate::mail::smtp::send() }", "the adapter");
        fails("src/main.rs", "use wechat::store::embedded::Store;", "the adapter");
    }

    #[test]
    fn some_names_are_never_said() {
        passes("src/core/users.rs", "use tokio::sync::Mutex; use core::fmt; // serde::Serialize");
        fails("src/core/users.rs", "use serde::Serialize;", "`serde`");
        fails("src/model/user.rs", "use tokio::{net::TcpStream, sync};", "`tokio::net`");
        fails("src/core/users.rs", "fn a(x: axum::Json<u8>) {}", "`axum`");
        fails("src/core/users.rs", "use std::{fs::File, io};", "`std::fs`");
        fails("src/core/users.rs", "use crate::config::Config;", "`crate::config`");
        passes("src/hub/frame.rs", "use axum::extract::ws::Utf8Bytes;");
        fails("src/hub.rs", "use axum::extract::ws::Utf8Bytes;", "`axum`");
        fails("src/http/mod.rs", "use crate::store::Users;", "`crate::store`");
        fails("src/http/mod.rs", "use crate::ws::socket;", "`crate::ws`");
        fails("src/ws/mod.rs", "use crate::http::router;", "`crate::http`");
        fails("src/ws/mod.rs", "fn a(x: &dyn crate::store::embedded::Store) {}", "`crate::store`");
    }

    #[test]
    fn a_new_room_needs_a_rank() {
        fails("src/attic.rs", "", "`attic` has no rank");
    }

    #[test]
    fn tests_may_name_anything() {
        passes(
            "src/core/users.rs",
            "#[cfg(test)]\nmod tests {\n use crate::store::embedded::Store;\n}",
        );
    }
}
