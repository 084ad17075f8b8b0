//! Invitation links: anybody who has the code may join. The rules are in `core::groups`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, OptionalJson, idempotency_key};
use super::groups::entered;
use super::kind::Routes;
use super::params::{GroupPath, InvitePath};
use crate::error::Result;
use crate::model::auth::Caller;
use crate::protocol::bodies::CreateInvite;
use crate::protocol::pages::Invites;
use crate::protocol::rows::{Chat, Invite};

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(look))
        .routes(routes!(join))
}

/// List a group's invitation links
#[utoipa::path(
    get, path = "/groups/{group}/invites", tag = "groups", operation_id = "listInvites",
    security(("session" = [])), params(GroupPath),
    responses((status = 200, description = "The links", body = Invites)),
)]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Invites>> {
    let invites = http.core.groups.invites(&caller, path.id("group")?).await?;
    Ok(Answer(Invites { invites: invites.into_iter().map(Into::into).collect() }))
}

/// Make an invitation link
///
/// Repeat it with the same `Idempotency-Key` after a lost connection: the link is made once.
#[utoipa::path(
    post, path = "/groups/{group}/invites", tag = "groups", operation_id = "createInvite",
    security(("session" = [])), request_body = CreateInvite,
    params(
        GroupPath,
        ("idempotency-key" = Option<String>, Header, description = "Your key for this link"),
    ),
    responses((status = 201, description = "The link", body = Invite)),
)]
async fn create(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    headers: HeaderMap,
    OptionalJson(body): OptionalJson<CreateInvite>,
) -> Result<(StatusCode, Answer<Invite>)> {
    let group = path.id("group")?;
    let lasts = body.expires_in.map(std::time::Duration::from_secs);
    let key = idempotency_key(&headers)?;
    let terms = (lasts, body.uses);
    let invite = http.core.groups.create_invite(&caller, group, terms, key.as_ref()).await?;
    Ok((StatusCode::CREATED, Answer(invite.into())))
}

/// Revoke an invitation link
#[utoipa::path(
    delete, path = "/groups/{group}/invites/{code}", tag = "groups",
    operation_id = "revokeInvite", security(("session" = [])),
    params(GroupPath, InvitePath),
    responses((status = 204, description = "Revoked")),
)]
async fn revoke(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let (group, code) = (path.id("group")?, path.text("code")?);
    http.core.groups.revoke_invite(&caller, group, code).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Read the group of an invitation link
#[utoipa::path(
    get, path = "/invites/{code}", tag = "groups", operation_id = "readInvite",
    security(("session" = [])), params(InvitePath),
    responses((status = 200, description = "The group that it leads to", body = Chat)),
)]
async fn look(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<Answer<Chat>> {
    let found = http.core.groups.look_at_invite(&caller, path.text("code")?).await?;
    Ok(Answer(found.into()))
}

/// Join a group with an invitation link
///
/// Where the group's rules want it (`approve`), this asks to be let in: 202, and you wait.
#[utoipa::path(
    post, path = "/invites/{code}/join", tag = "groups", operation_id = "joinByInvite",
    security(("session" = [])), params(InvitePath),
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
    http.core.groups.join_by_invite(&caller, path.text("code")?).await.map(entered)
}
