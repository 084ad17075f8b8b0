//! `/mail/stop`: where the link in a mail of missed messages leads, to stop them without a login.
//!
//! Invariant: a look at the page changes nothing, since programs that examine mails follow links;
//! its button does, and mail programs that have one of their own post to the same address (RFC
//! 8058). Called by `router`.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use axum::routing::get;

use super::Http;
use super::extract::{InQuery, Known};
use super::kind::Routes;
use super::mailed::{asked, shown, told};
use crate::error::{Result, Text};
use crate::mail::letters::STOP_PATH;

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

async fn ask(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    query: InQuery,
) -> Result<Response> {
    http.core.missed.check(&shown(query)?)?;
    let language = known.language;
    Ok(asked(language, TITLE, ASK.of(language), STOP))
}

async fn stop(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    query: InQuery,
) -> Result<Response> {
    http.core.missed.stop(&shown(query)?).await?;
    Ok(told(known.language, TITLE, STOPPED.of(known.language)))
}
