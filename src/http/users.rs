//! Other people: profiles and blocks. The rules are in `core::users`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::InPath;
use super::kind::Routes;
use super::params::UserPath;
use crate::error::Result;
use crate::model::auth::Caller;
use crate::protocol::people::User;

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(profile)).routes(routes!(block, unblock))
}

/// Read a person's profile
#[utoipa::path(
    get, path = "/users/{user}", tag = "users", operation_id = "profile",
    security(("session" = [])), params(UserPath),
    responses((status = 200, description = "The profile", body = User)),
)]
async fn profile(State(http): State<Arc<Http>>, _: Caller, path: InPath) -> Result<Answer<User>> {
    let user = path.id("user")?;
    http.core.users.profile(user).await.map(|user| Answer(user.into()))
}

/// Block a person
///
/// A blocked person cannot write to you, call you, or see whether you are online.
#[utoipa::path(
    put, path = "/users/{user}/block", tag = "users", operation_id = "block",
    security(("session" = [])), params(UserPath),
    responses((status = 204, description = "Blocked")),
)]
async fn block(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let user = path.id("user")?;
    http.core.users.block(&caller, user).await.map(|()| StatusCode::NO_CONTENT)
}

/// Unblock a person
#[utoipa::path(
    delete, path = "/users/{user}/block", tag = "users", operation_id = "unblock",
    security(("session" = [])), params(UserPath),
    responses((status = 204, description = "Not blocked")),
)]
async fn unblock(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<StatusCode> {
    let user = path.id("user")?;
    http.core.users.unblock(&caller, user).await.map(|()| StatusCode::NO_CONTENT)
}
