//! `/mail/stop`: where the link in a mail of missed messages leads, to stop them without a login.
//!
//! Invariant: a look at the page changes nothing, since programs that examine mails follow links;
//! its button does, and mail programs that have one of their own post to the same address (RFC
//! 8058). What the link shows is a secret of whoever got the mail; no log holds a query string
//! (`pipeline`). Called by `router`; `address` shows its
//! page in the same way.

use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header;
use axum::response::Response;
use axum::routing::get;

use super::Http;
use super::docs::page;
use super::extract::{InQuery, Known};
use super::kind::Routes;
use crate::error::{Language, Result, Text};
use crate::mail::letters::STOP_PATH;

const PAGE: &str = include_str!("missed.html");

const TITLE: Text = Text { en: "Mails of missed messages", es: "Correos sobre mensajes perdidos" };
const ASK: Text = Text {
    en: "Do you want no more mails of missed messages from this server?",
    es: "¿No quieres más correos de este servidor sobre mensajes perdidos?",
};
const STOP: Text = Text { en: "Stop them", es: "No recibir más" };
const STOPPED: Text = Text {
    en: "They are stopped. You can turn them on again in the settings, under Notifications.",
    es: "Ya no los recibirás. Puedes volver a activarlos en los ajustes, en Notificaciones.",
};

pub(super) fn routes() -> Routes {
    Routes::with_problems().route(STOP_PATH, get(ask).post(stop))
}

/// What the link shows.
fn shown(query: InQuery) -> Result<String> {
    Ok(query.only(&["t"])?.text("t")?.unwrap_or_default().to_owned())
}

async fn ask(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    query: InQuery,
) -> Result<Response> {
    http.core.missed.check(&shown(query)?)?;
    let language = known.language;
    let button = format!("<form method=\"post\"><button>{}</button></form>", STOP.of(language));
    Ok(told(language, TITLE, ASK.of(language), &button))
}

async fn stop(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    query: InQuery,
) -> Result<Response> {
    http.core.missed.stop(&shown(query)?).await?;
    Ok(told(known.language, TITLE, STOPPED.of(known.language), ""))
}

/// A page that a mail led to. The words are ours, or escaped.
pub(super) fn told(language: Language, title: Text, words: &str, more: &str) -> Response {
    let html = PAGE
        .replace("{lang}", language.tag())
        .replace("{title}", title.of(language))
        .replace("{words}", words)
        .replace("{more}", more);
    let mut answer = page(html);
    // The address is a secret: it goes to nobody, and no cache keeps what is under it.
    let headers = answer.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    answer
}
