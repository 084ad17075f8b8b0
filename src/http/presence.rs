//! Who is online, on request; the WebSocket reports changes. The rules are in `core::presence`.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::InQuery;
use super::kind::Routes;
use crate::error::{Error, Result, text};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::protocol::pages::Presences;

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(presence))
}

/// See who is online
///
/// Nothing is shown about people who hide it or block you; people who hide theirs see nobody's. The
/// WebSocket's `presence.watch` reports every change.
#[utoipa::path(
    get, path = "/presence", tag = "users", operation_id = "presence", security(("session" = [])),
    params(("users" = String, Query, description = "People's ids, with commas between; at most 100",
        pattern = "^[0-9a-fA-F]{24}(,[0-9a-fA-F]{24}){0,99}$")),
    responses((status = 200, description = "How they stand, in the order asked",
        body = Presences)),
)]
async fn presence(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<Presences>> {
    let query = query.only(&["users"])?;
    let ids = query.required("users")?.split(',').map(str::parse::<UserId>);
    let users = ids.collect::<std::result::Result<Vec<_>, _>>();
    let users = users.map_err(|_| Error::field("users", text::BAD_ID))?;
    let people = http.core.presence.of(&caller, &users).await?;
    Ok(Answer(Presences { people: people.into_iter().map(Into::into).collect() }))
}
