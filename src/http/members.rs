//! Who is in a group, in which role, and who is banned. The rules are in `core::groups`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, InQuery, Json};
use super::kind::Routes;
use super::params::{GroupPath, PeoplePage};
use crate::error::Result;
use crate::id::ChatId;
use crate::model::auth::Caller;
use crate::model::chats::Member;
use crate::model::text::Name;
use crate::model::users::User;
use crate::protocol::bodies::{AddMembers, ChangeRole, Silence};
use crate::protocol::pages::{
    Added, Banned, GroupMember, MemberPage, Requests, WaitingGroup, WaitingGroups,
};
use crate::protocol::values::{Id, Moment};

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(list, add))
        .routes(routes!(change_role, remove))
        .routes(routes!(banned))
        .routes(routes!(ban, unban))
        .routes(routes!(silence, let_speak))
        .routes(routes!(waiting))
        .routes(routes!(requests, take_back))
        .routes(routes!(let_in, refuse))
}

fn row((member, user): (Member, User)) -> GroupMember {
    GroupMember {
        user: user.into(),
        role: member.role.into(),
        since: member.since.into(),
        nick: member.nick.map(Name::into_string),
        silent_until: member.silent_until.map(Moment),
    }
}

/// List a group's members
#[utoipa::path(
    get, path = "/groups/{group}/members", tag = "groups", operation_id = "listMembers",
    security(("session" = [])),
    params(GroupPath, PeoplePage),
    responses((status = 200, description = "A page of members", body = MemberPage)),
)]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    query: InQuery,
) -> Result<Answer<MemberPage>> {
    let group = path.id("group")?;
    let query = query.only(&["after", "limit"])?;
    let limit = query.limit(50, 200)?;
    let members = http.core.groups.members(&caller, group, query.id("after")?, limit).await?;
    let full = members.len() == limit as usize;
    let next = members.last().filter(|_| full).map(|(member, _)| member.user.into());
    Ok(Answer(MemberPage { members: members.into_iter().map(row).collect(), next }))
}

/// Add people to a group
///
/// For admins, or for everybody if the group's rules say so. People who are already in it, who are
/// banned or left by themselves, whom you block or who block you or the owner, and who do not let
/// you add them, are left out: a link invites them.
#[utoipa::path(
    post, path = "/groups/{group}/members", tag = "groups", operation_id = "addMembers",
    security(("session" = [])), params(GroupPath),
    request_body = AddMembers,
    responses((status = 200, description = "Who came in", body = Added)),
)]
async fn add(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<AddMembers>,
) -> Result<Answer<Added>> {
    let group = path.id("group")?;
    let users = body.users.into_iter().map(Into::into).collect();
    let added = http.core.groups.add(&caller, group, users).await?;
    Ok(Answer(Added { added: added.into_iter().map(Into::into).collect() }))
}

/// Give a member another role
#[utoipa::path(
    patch, path = "/groups/{group}/members/{user}", tag = "groups", operation_id = "changeRole",
    security(("session" = [])), request_body = ChangeRole,
    params(
        GroupPath,
        ("user" = Id, Path, description = "The member's user id"),
    ),
    responses((status = 204, description = "Changed")),
)]
async fn change_role(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<ChangeRole>,
) -> Result<StatusCode> {
    let (group, user) = (path.id("group")?, path.id("user")?);
    http.core.groups.set_role(&caller, group, user, body.role.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Remove a member
#[utoipa::path(
    delete, path = "/groups/{group}/members/{user}", tag = "groups",
    operation_id = "removeMember", security(("session" = [])),
    params(
        GroupPath,
        ("user" = Id, Path, description = "The member's user id"),
    ),
    responses((status = 204, description = "Removed")),
)]
async fn remove(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let (group, user) = (path.id("group")?, path.id("user")?);
    http.core.groups.remove(&caller, group, user).await.map(|()| StatusCode::NO_CONTENT)
}

/// List the people banned from a group
#[utoipa::path(
    get, path = "/groups/{group}/bans", tag = "groups", operation_id = "listBans",
    security(("session" = [])), params(GroupPath),
    responses((status = 200, description = "Banned people", body = Banned)),
)]
async fn banned(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Banned>> {
    let banned = http.core.groups.banned(&caller, path.id("group")?).await?;
    Ok(Answer(Banned { banned: banned.into_iter().map(row).collect() }))
}

/// Ban a person from a group
///
/// A member is removed; banned people can neither join nor be added.
#[utoipa::path(
    put, path = "/groups/{group}/bans/{user}", tag = "groups", operation_id = "ban",
    security(("session" = [])),
    params(
        GroupPath,
        ("user" = Id, Path, description = "The person's user id"),
    ),
    responses((status = 204, description = "Banned")),
)]
async fn ban(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let (group, user) = (path.id("group")?, path.id("user")?);
    http.core.groups.ban(&caller, group, user).await.map(|()| StatusCode::NO_CONTENT)
}

/// Lift a ban
#[utoipa::path(
    delete, path = "/groups/{group}/bans/{user}", tag = "groups", operation_id = "unban",
    security(("session" = [])),
    params(
        GroupPath,
        ("user" = Id, Path, description = "The person's user id"),
    ),
    responses((status = 204, description = "Lifted")),
)]
async fn unban(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let (group, user) = (path.id("group")?, path.id("user")?);
    http.core.groups.unban(&caller, group, user).await.map(|()| StatusCode::NO_CONTENT)
}

/// Silence a member
///
/// For admins, and for members of a lower rank. Until then they neither send nor edit messages;
/// they read and react.
#[utoipa::path(
    put, path = "/groups/{group}/members/{user}/silence", tag = "groups",
    operation_id = "silenceMember", security(("session" = [])), request_body = Silence,
    params(
        GroupPath,
        ("user" = Id, Path, description = "The person's user id"),
    ),
    responses((status = 204, description = "Silenced")),
)]
async fn silence(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<Silence>,
) -> Result<StatusCode> {
    let (group, user) = (path.id("group")?, path.id("user")?);
    http.core.groups.silence(&caller, group, user, body.until.0).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Let a silenced member speak again
#[utoipa::path(
    delete, path = "/groups/{group}/members/{user}/silence", tag = "groups",
    operation_id = "letSpeak", security(("session" = [])),
    params(
        GroupPath,
        ("user" = Id, Path, description = "The person's user id"),
    ),
    responses((status = 204, description = "They may speak")),
)]
async fn let_speak(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<StatusCode> {
    let (group, user) = (path.id("group")?, path.id("user")?);
    http.core.groups.let_speak(&caller, group, user).await.map(|()| StatusCode::NO_CONTENT)
}

/// List the groups that people ask to be let into
///
/// Those of which you are an admin, with how many wait. The event `join_request` says when to ask
/// again.
#[utoipa::path(
    get, path = "/groups/requests", tag = "groups",
    operation_id = "listWaitingGroups", security(("session" = [])),
    responses((status = 200, description = "Where people wait", body = WaitingGroups)),
)]
async fn waiting(State(http): State<Arc<Http>>, caller: Caller) -> Result<Answer<WaitingGroups>> {
    let found = http.core.groups.waiting(&caller).await?.into_iter();
    let group = |(chat, waiting): (ChatId, u64)| WaitingGroup { chat: chat.into(), waiting };
    Ok(Answer(WaitingGroups { groups: found.map(group).collect() }))
}

/// List who asks to be let into a group
///
/// For admins.
#[utoipa::path(
    get, path = "/groups/{group}/requests", tag = "groups",
    operation_id = "listRequests", security(("session" = [])),
    params(GroupPath),
    responses((status = 200, description = "Who waits", body = Requests)),
)]
async fn requests(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Requests>> {
    let waiting = http.core.groups.requests(&caller, path.id("group")?).await?;
    Ok(Answer(Requests { requests: waiting.into_iter().map(row).collect() }))
}

/// Take your own request to be let in back
#[utoipa::path(
    delete, path = "/groups/{group}/requests", tag = "groups",
    operation_id = "takeRequestBack", security(("session" = [])),
    params(GroupPath),
    responses((status = 204, description = "Taken back")),
)]
async fn take_back(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<StatusCode> {
    let group = path.id("group")?;
    http.core.groups.take_back(&caller, group).await.map(|()| StatusCode::NO_CONTENT)
}

/// Let a person in who asked for it
#[utoipa::path(
    put, path = "/groups/{group}/requests/{user}", tag = "groups",
    operation_id = "letIn", security(("session" = [])),
    params(
        GroupPath,
        ("user" = Id, Path, description = "The person's user id"),
    ),
    responses((status = 204, description = "They are in")),
)]
async fn let_in(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let (group, user) = (path.id("group")?, path.id("user")?);
    http.core.groups.let_in(&caller, group, user).await.map(|()| StatusCode::NO_CONTENT)
}

/// Refuse a person who asks to be let in
///
/// They may ask again; ban them to end that.
#[utoipa::path(
    delete, path = "/groups/{group}/requests/{user}", tag = "groups",
    operation_id = "refuseRequest", security(("session" = [])),
    params(
        GroupPath,
        ("user" = Id, Path, description = "The person's user id"),
    ),
    responses((status = 204, description = "Refused")),
)]
async fn refuse(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<StatusCode> {
    let (group, user) = (path.id("group")?, path.id("user")?);
    http.core.groups.refuse(&caller, group, user).await.map(|()| StatusCode::NO_CONTENT)
}
