//! Groups themselves. The rules are in `core::groups`; members and invitations have their own
//! pages.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, StatusCode, header};
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, Json, idempotency_key};
use super::kind::Routes;
use super::params::GroupPath;
use crate::core::groups::{Entered, GroupEdit, NewGroup, RulesEdit};
use crate::error::Result;
use crate::model::auth::Caller;
use crate::model::text::{About, AnnouncementText, Title};
use crate::protocol::bodies::{CreateGroup, EditGroup, EditRules, HandOver};
use crate::protocol::rows::Chat;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(create))
        .routes(routes!(look, edit, delete))
        .routes(routes!(hand_over))
        .routes(routes!(join))
        .routes(routes!(leave))
}

/// Create a group
///
/// You become its owner. People who cannot be added are left out. Repeat it with the same
/// `Idempotency-Key` after a lost connection: the group is made once.
#[utoipa::path(
    post, path = "/groups", tag = "groups", operation_id = "createGroup",
    security(("session" = [])), request_body = CreateGroup,
    params(("idempotency-key" = Option<String>, Header, description = "Your key for this group")),
    responses((status = 201, description = "The group", body = Chat,
        headers(("location" = String, description = "Where the group is")))),
)]
async fn create(
    State(http): State<Arc<Http>>,
    caller: Caller,
    headers: HeaderMap,
    Json(body): Json<CreateGroup>,
) -> Result<(StatusCode, [(HeaderName, String); 1], Answer<Chat>)> {
    let new = NewGroup {
        key: idempotency_key(&headers)?,
        title: Title::parse("title", &body.title)?,
        about: About::parse("about", &body.about.unwrap_or_default())?,
        public: body.public,
        history_shared: body.history_shared,
        members: body.members.into_iter().map(Into::into).collect(),
    };
    let group = http.core.groups.create(&caller, new).await?;
    let location = [(header::LOCATION, format!("/api/v1/groups/{}", group.id))];
    Ok((StatusCode::CREATED, location, Answer(group.into())))
}

/// Read a group
///
/// For members, and for everybody if it is public.
#[utoipa::path(
    get, path = "/groups/{group}", tag = "groups", operation_id = "readGroup",
    security(("session" = [])), params(GroupPath),
    responses((status = 200, description = "The group", body = Chat)),
)]
async fn look(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<Answer<Chat>> {
    let group = path.id("group")?;
    http.core.chats.look(&caller, group).await.map(|group| Answer(group.into()))
}

/// Change a group
///
/// Admins can change the title and description, the rules, and the announcement; the owner also
/// who can find and read it. Rules and announcement are changed each in a request of its own.
#[utoipa::path(
    patch, path = "/groups/{group}", tag = "groups", operation_id = "changeGroup",
    security(("session" = [])), params(GroupPath),
    request_body = EditGroup,
    responses((status = 200, description = "The group after the change", body = Chat)),
)]
async fn edit(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<EditGroup>,
) -> Result<Answer<Chat>> {
    let group = path.id("group")?;
    let edit = GroupEdit {
        title: body.title.map(|text| Title::parse("title", &text)).transpose()?,
        about: body.about.map(|text| About::parse("about", &text)).transpose()?,
        public: body.public,
        history_shared: body.history_shared,
        rules: body.rules.map(rules).unwrap_or_default(),
        announcement: body
            .announcement
            .map(|text| AnnouncementText::parse("announcement", &text))
            .transpose()?,
    };
    http.core.groups.edit(&caller, group, edit).await.map(|group| Answer(group.into()))
}

fn rules(body: EditRules) -> RulesEdit {
    RulesEdit {
        write: body.write.map(Into::into),
        slow_s: body.slow,
        add: body.add.map(Into::into),
        approve: body.approve,
    }
}

/// Delete a group
#[utoipa::path(
    delete, path = "/groups/{group}", tag = "groups", operation_id = "deleteGroup",
    security(("session" = [])), params(GroupPath),
    responses((status = 204, description = "Deleted")),
)]
async fn delete(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let group = path.id("group")?;
    http.core.groups.delete(&caller, group).await.map(|()| StatusCode::NO_CONTENT)
}

/// Hand a group over
///
/// The member becomes the owner, and you an admin.
#[utoipa::path(
    put, path = "/groups/{group}/owner", tag = "groups", operation_id = "handOver",
    security(("session" = [])), params(GroupPath),
    request_body = HandOver,
    responses((status = 204, description = "Handed over")),
)]
async fn hand_over(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<HandOver>,
) -> Result<StatusCode> {
    let group = path.id("group")?;
    http.core.groups.hand_over(&caller, group, body.user.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Join a public group
///
/// Where the group's rules want it (`approve`), this asks to be let in: 202, and you wait. Your
/// own member row says so (`requested`), and what became of it.
#[utoipa::path(
    post, path = "/groups/{group}/join", tag = "groups", operation_id = "joinGroup",
    security(("session" = [])), params(GroupPath),
    responses(
        (status = 200, description = "You are in: the group", body = Chat),
        (status = 202, description = "You wait for an admin: the group", body = Chat),
    ),
)]
async fn join(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<(StatusCode, Answer<Chat>)> {
    http.core.groups.join(&caller, path.id("group")?).await.map(entered)
}

/// The answer to somebody who wants to join.
pub(super) fn entered(entered: Entered) -> (StatusCode, Answer<Chat>) {
    match entered {
        Entered::In(group) => (StatusCode::OK, Answer(group.into())),
        Entered::Waits(group) => (StatusCode::ACCEPTED, Answer(group.into())),
    }
}

/// Leave a group
///
/// An owner has to hand it over first, unless nobody else is in it: then it is deleted.
#[utoipa::path(
    post, path = "/groups/{group}/leave", tag = "groups", operation_id = "leaveGroup",
    security(("session" = [])), params(GroupPath),
    responses((status = 204, description = "Left")),
)]
async fn leave(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let group = path.id("group")?;
    http.core.groups.leave(&caller, group).await.map(|()| StatusCode::NO_CONTENT)
}
