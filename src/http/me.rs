//! The caller's own account. The rules are in `core::users`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InQuery, Json};
use super::kind::Routes;
use crate::clock::Time;
use crate::error::Result;
use crate::model::auth::Caller;
use crate::model::text::{About, Name, PushToken};
use crate::model::users::{ProfileChange, User};
use crate::protocol::bodies::ChangeMe;
use crate::protocol::pages::{Blocked, BlockedPeople};
use crate::protocol::people::Me;

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(read, change, delete)).routes(routes!(blocks))
}

/// Read your account
#[utoipa::path(
    get, path = "/me", tag = "me", operation_id = "me", security(("session" = [])),
    responses((status = 200, description = "Your account", body = Me)),
)]
async fn read(State(http): State<Arc<Http>>, caller: Caller) -> Result<Answer<Me>> {
    http.core.users.me(&caller).await.map(|user| Answer(user.into()))
}

/// Change your account
#[utoipa::path(
    patch, path = "/me", tag = "me", operation_id = "changeMe", security(("session" = [])),
    request_body = ChangeMe,
    responses((status = 200, description = "Your account after the change", body = Me)),
)]
async fn change(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<ChangeMe>,
) -> Result<Answer<Me>> {
    let push_token =
        |text: Option<String>| text.map(|text| PushToken::parse("push_token", &text)).transpose();
    let change = ProfileChange {
        name: body.name.map(|text| Name::parse("name", &text)).transpose()?,
        about: body.about.map(|text| About::parse("about", &text)).transpose()?,
        avatar: None,
        push_token: body.push_token.map(push_token).transpose()?,
        privacy: body.privacy.map(Into::into),
        language: body.language.map(Into::into),
        reach: body.reach.map(Into::into),
        groups: body.groups.map(Into::into),
        card: None,
    };
    http.core.users.change(&caller, change).await.map(|user| Answer(user.into()))
}

/// Delete your account
///
/// At once and for good; groups that you own go to an admin, otherwise to the member who has been
/// there longest. Your messages stay, shown as from a deleted account.
#[utoipa::path(
    delete, path = "/me", tag = "me", operation_id = "deleteMe", security(("session" = [])),
    responses((status = 204, description = "Deleted; every session is over")),
)]
async fn delete(State(http): State<Arc<Http>>, caller: Caller) -> Result<StatusCode> {
    http.core.users.delete(&caller).await.map(|()| StatusCode::NO_CONTENT)
}

/// List the people you block
#[utoipa::path(
    get, path = "/me/blocks", tag = "me", operation_id = "listBlocks", security(("session" = [])),
    responses((status = 200, description = "Whom you block", body = BlockedPeople)),
)]
async fn blocks(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<BlockedPeople>> {
    query.only(&[])?;
    let blocked = http.core.users.blocked(&caller).await?;
    let row = |(user, since): (User, Time)| Blocked { user: user.into(), since: since.into() };
    let blocked = blocked.into_iter().map(row).collect();
    Ok(Answer(BlockedPeople { blocked }))
}
