//! Pictures of the caller and of groups, and the room that files take. The rules are in
//! `core::files`.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, Json};
use super::kind::Routes;
use super::params::GroupPath;
use crate::error::Result;
use crate::model::auth::Caller;
use crate::protocol::files::{SetAvatar, Storage};
use crate::protocol::people::Me;
use crate::protocol::rows::Chat;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(set, remove))
        .routes(routes!(set_of_group, remove_of_group))
        .routes(routes!(storage))
}

/// Set your picture
///
/// Everybody who is logged in can see it.
#[utoipa::path(
    put, path = "/me/avatar", tag = "me", operation_id = "setAvatar",
    security(("session" = [])), request_body = SetAvatar,
    responses((status = 200, description = "Your account after the change", body = Me)),
)]
async fn set(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<SetAvatar>,
) -> Result<Answer<Me>> {
    let picture = Some(body.file.into());
    http.core.files.set_picture(&caller, picture).await.map(|user| Answer(user.into()))
}

/// Remove your picture
#[utoipa::path(
    delete, path = "/me/avatar", tag = "me", operation_id = "removeAvatar",
    security(("session" = [])),
    responses((status = 200, description = "Your account after the change", body = Me)),
)]
async fn remove(State(http): State<Arc<Http>>, caller: Caller) -> Result<Answer<Me>> {
    http.core.files.set_picture(&caller, None).await.map(|user| Answer(user.into()))
}

/// Set a group's picture
///
/// For its admins. Members can see it, and so can everybody if the group is public.
#[utoipa::path(
    put, path = "/groups/{group}/avatar", tag = "groups", operation_id = "setGroupAvatar",
    security(("session" = [])), params(GroupPath),
    request_body = SetAvatar,
    responses((status = 200, description = "The group after the change", body = Chat)),
)]
async fn set_of_group(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<SetAvatar>,
) -> Result<Answer<Chat>> {
    let (group, picture) = (path.id("group")?, Some(body.file.into()));
    let group = http.core.files.set_group_picture(&caller, group, picture).await?;
    Ok(Answer(group.into()))
}

/// Remove a group's picture
#[utoipa::path(
    delete, path = "/groups/{group}/avatar", tag = "groups", operation_id = "removeGroupAvatar",
    security(("session" = [])), params(GroupPath),
    responses((status = 200, description = "The group after the change", body = Chat)),
)]
async fn remove_of_group(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Chat>> {
    let group = http.core.files.set_group_picture(&caller, path.id("group")?, None).await?;
    Ok(Answer(group.into()))
}

/// Ask how much room your files take
#[utoipa::path(
    get, path = "/me/storage", tag = "me", operation_id = "storage", security(("session" = [])),
    responses((status = 200, description = "Bytes used and allowed", body = Storage)),
)]
async fn storage(State(http): State<Arc<Http>>, caller: Caller) -> Result<Answer<Storage>> {
    http.core.files.storage(&caller).await.map(|storage| Answer(storage.into()))
}
