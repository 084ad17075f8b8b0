//! What the server counts, for Prometheus: `/metrics`.
//!
//! Invariant: it is for programs on this machine, and for the addresses that METRICS_FROM names.
//! With a public PUBLIC_URL a caller on this machine may be a proxy that adds no header, so then
//! only METRICS_FROM counts. Called by `router`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use super::Http;
use super::extract::Known;
use super::kind::Routes;
use super::local::Local;
use crate::error::{Code, Error, Result, Text};

/// The form of the text (OpenMetrics 1.0, section 4.1).
const FORM: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

const NOT_FOR_YOU: Text = Text {
    en: "The metrics are for the addresses in METRICS_FROM and, without a public PUBLIC_URL, for \
         programs on the server's machine.",
    es: "Las métricas son para las direcciones de METRICS_FROM y, sin un PUBLIC_URL público, para \
         programas de la máquina del servidor.",
};

pub(super) fn routes() -> Routes {
    Routes::with_problems().route("/metrics", get(metrics)).in_the_clear()
}

/// Not part of the description: it is for the operator's programs.
async fn metrics(
    State(http): State<Arc<Http>>,
    Known(context): Known,
    Local(local): Local,
) -> Result<Response> {
    let named = http.metrics_from.contain(context.ip) && (local || !context.ip.is_loopback());
    if !named && (http.public || !local) {
        return Err(Error::new(Code::Forbidden, NOT_FOR_YOU));
    }
    Ok(([(header::CONTENT_TYPE, FORM)], http.counters.text()?).into_response())
}
