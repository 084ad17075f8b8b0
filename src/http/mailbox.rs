//! `/_/mail`: the mails of a server that has no mail server, for whoever sits at the machine.
//!
//! Mails hold login codes, so to everybody else there is nothing here: see `local`. The page asks
//! for the list again and again while it is open. Called by `router`, when there is a mailbox.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde::Serialize;

use super::docs::{javascript, page};
use super::local::is_local;
use super::{Http, answer};
use crate::error::{Error, Result};
use crate::mail::{Mailbox, Received};

/// Where the page is.
pub const PATH: &str = "/_/mail";

const PAGE: &str = include_str!("mailbox.html");
const SCRIPT: &str = include_str!("mailbox.js");

/// A mail on the page.
#[derive(Serialize)]
struct Row {
    sent: String,
    to: String,
    subject: String,
    text: String,
    code: String,
}

impl From<Received> for Row {
    fn from(mail: Received) -> Self {
        let Received { sent, to, subject, text, code } = mail;
        Self { sent: sent.to_string(), to, subject, text, code }
    }
}

/// A caller at this machine; to others there is nothing at the address.
struct Here;

impl FromRequestParts<Arc<Http>> for Here {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Http>) -> Result<Self> {
        if is_local(parts) { Ok(Self) } else { Err(Error::not_found(answer::NO_ROUTE)) }
    }
}

pub(super) fn routes(mailbox: Arc<dyn Mailbox>) -> Router<Arc<Http>> {
    let list = move |_: Here| async move {
        let rows = mailbox.latest().into_iter().map(Row::from);
        Json(rows.collect::<Vec<_>>())
    };
    Router::new()
        .route(PATH, get(show))
        .route("/_/mail.js", get(|_: Here| async { javascript(SCRIPT, "no-cache") }))
        .route("/_/mail.json", get(list))
}

async fn show(_: Here) -> Response {
    page(Html(PAGE)).into_response()
}
