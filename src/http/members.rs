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
use crate::model::auth::Caller;
use crate::model::chats::Member;
use crate::model::users::User;
use crate::protocol::bodies::{AddMembers, ChangeRole};
use crate::protocol::pages::{Added, Banned, GroupMember, MemberPage};
use crate::protocol::values::Id;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(list, add))
        .routes(routes!(change_role, remove))
        .routes(routes!(banned))
        .routes(routes!(ban, unban))
}

fn row((member, user): (Member, User)) -> GroupMember {
    GroupMember { user: user.into(), role: member.role.into(), since: member.since.into() }
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
/// For admins. People who are already in it, who are banned, whom you block or who block you are
/// left out.
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
