//! The pages that links in mails lead to, without a login: one that asks, with a button, and one
//! that says what was done.
//!
//! What such a link shows is a secret of whoever got the mail: no log holds a query string
//! (`pipeline`), no cache keeps what is under it, and it goes to no other site. Called by `address`
//! and `missed`.

use axum::http::HeaderValue;
use axum::http::header;
use axum::response::Response;

use super::docs::page;
use super::extract::InQuery;
use crate::error::{Language, Result, Text};

const PAGE: &str = include_str!("mailed.html");

/// What the link shows.
pub(super) fn shown(query: InQuery) -> Result<String> {
    Ok(query.only(&["t"])?.text("t")?.unwrap_or_default().to_owned())
}

/// A page that asks; its button posts to where it is. The words are ours, or escaped.
pub(super) fn asked(language: Language, title: Text, words: &str, button: Text) -> Response {
    let button = button.of(language);
    filled(
        language,
        title,
        words,
        &format!("<form method=\"post\"><button>{button}</button></form>"),
    )
}

/// A page that says what was done. The words are ours, or escaped.
pub(super) fn told(language: Language, title: Text, words: &str) -> Response {
    filled(language, title, words, "")
}

fn filled(language: Language, title: Text, words: &str, more: &str) -> Response {
    let html = PAGE
        .replace("{lang}", language.tag())
        .replace("{title}", title.of(language))
        .replace("{words}", words)
        .replace("{more}", more);
    let mut answer = page(html);
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}
