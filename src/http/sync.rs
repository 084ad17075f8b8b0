//! Sync. The rules are in `core::sync`.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::Json;
use super::kind::Routes;
use crate::error::Result;
use crate::model::auth::Caller;
use crate::protocol::sync::{Have, News};

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(sync))
}

/// Bring a client up to date
///
/// Say what you have, apply what you get, and repeat while `more` is true. Rows apply by their
/// `rev`: of two rows with the same `seq`, the one with the higher `rev` counts.
#[utoipa::path(
    post, path = "/sync", tag = "sync", operation_id = "sync", security(("session" = [])),
    request_body = Have,
    responses((status = 200, description = "A page of what you lack", body = News)),
)]
async fn sync(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<Have>,
) -> Result<Answer<News>> {
    let news = http.core.sync.sync(&caller, &body.into()).await?;
    Ok(Answer(news.into()))
}
