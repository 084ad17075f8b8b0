//! Whether the process lives and whether it can serve: for load balancers and supervisors.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::kind::Routes;
use crate::error::{Code, Error, Result, Text, text};
use crate::protocol::pages::Health;

const DRAINING: Text = Text {
    en: "This server is draining: it is about to stop. Ask another one.",
    es: "Este servidor se está vaciando: va a detenerse. Pregunta a otro.",
};

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(live)).routes(routes!(ready)).in_the_clear()
}

/// Is the process alive?
#[utoipa::path(
    get, path = "/livez", tag = "health", operation_id = "live",
    responses((status = 200, description = "It is", body = Health)),
)]
async fn live() -> Answer<Health> {
    Answer(Health { status: "ok".to_owned() })
}

/// Can the server serve?
///
/// 503 while the store cannot read and write, and once the server is draining: about to stop while
/// others serve. Beside others also in its first 3 seconds, and while it is cut off from what they
/// tell each other. The answer may be a few seconds old, so that frequent requests cost the store
/// nothing.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "ready",
    responses((status = 200, description = "It can", body = Health)),
)]
async fn ready(State(http): State<Arc<Http>>) -> Result<Answer<Health>> {
    if http.core.nodes.is_draining() {
        return Err(Error::new(Code::Unavailable, DRAINING));
    }
    let not_ready = |cause| Error::new(Code::Unavailable, text::UNAVAILABLE).caused_by(cause);
    http.core.ready().await.map_err(not_ready)?;
    Ok(live().await)
}
