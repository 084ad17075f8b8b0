//! `/_/mail`: the mails of a server that has no mail server, for the person at the machine.
//!
//! Mails hold login codes, so for everybody else there is nothing here: see `local`. The page
//! contains no secret; the list that it keeps asking for is given only for the machine's key, which
//! the page takes from the link that the terminal printed (`/_/mail#KEY`: what follows the `#` is
//! never sent). Called by `router`, when there is a mailbox.

use std::sync::Arc;

use axum::Json;
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::response::Response;
use axum::routing::get;
use serde::Serialize;

use super::docs::{javascript, page};
use super::kind::Routes;
use super::local::{AtMachine, is_local};
use super::{Http, answer};
use crate::error::{Code, Error, Result, Text};
use crate::mail::{Mailbox, Received};

/// Where the page is.
pub const PATH: &str = "/_/mail";

const PAGE: &str = include_str!("mailbox.html");
const SCRIPT: &str = concat!(include_str!("words.js"), include_str!("mailbox.js"));

const NO_KEY: Text = Text {
    en: "To see the mails, open the link that the server prints in its terminal when it starts. \
         The key in it is also in DATA_DIR/secrets/machine_key.",
    es: "Los correos se muestran con la clave del enlace que la terminal del servidor imprime al \
         arrancar. También está en DATA_DIR/secrets/machine_key.",
};

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

pub(super) fn routes(mailbox: Arc<dyn Mailbox>) -> Routes {
    let list = move |_: Here, AtMachine(known): AtMachine| async move {
        if !known {
            return Err(Error::new(Code::Forbidden, NO_KEY));
        }
        let rows = mailbox.latest().into_iter().map(Row::from);
        Ok(Json(rows.collect::<Vec<_>>()))
    };
    Routes::with_problems()
        .route(PATH, get(show))
        .route("/_/mail.js", get(|_: Here| async { javascript(SCRIPT, "no-cache") }))
        .route("/_/mail.json", get(list))
}

async fn show(_: Here) -> Response {
    page(PAGE)
}
