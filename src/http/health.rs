//! Whether the process lives and whether it can serve: for load balancers and supervisors.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::kind::Routes;
use crate::error::{Code, Error, Result, text};
use crate::protocol::pages::Health;

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
/// 503 while the store cannot read and write. The answer may be a few seconds old, so that frequent
/// requests rarely write to the store.
#[utoipa::path(
    get, path = "/readyz", tag = "health", operation_id = "ready",
    responses((status = 200, description = "It can", body = Health)),
)]
async fn ready(State(http): State<Arc<Http>>) -> Result<Answer<Health>> {
    let not_ready = |cause| Error::new(Code::Unavailable, text::UNAVAILABLE).caused_by(cause);
    http.core.ready().await.map_err(not_ready)?;
    Ok(live().await)
}
