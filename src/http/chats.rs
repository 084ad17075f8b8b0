//! The caller's chats and their own settings in them. The rules are in `core::chats`.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, InQuery, Json};
use super::kind::Routes;
use super::params::ChatPath;
use crate::clock::Time;
use crate::core::chats::Target;
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::MemberChange;
use crate::model::messages::ChatSummary;
use crate::model::text::Name;
use crate::protocol::bodies::{ChangeMember, OpenDirect};
use crate::protocol::pages::{ChatPage, OpenChat};
use crate::protocol::rows;
use crate::protocol::values::Moment;

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(list, open)).routes(routes!(read, change))
}

/// List your chats
///
/// Pinned ones first, then those with the latest message. A direct chat in which nobody has written
/// yet is not listed.
#[utoipa::path(
    get, path = "/chats", tag = "chats", operation_id = "listChats", security(("session" = [])),
    params(
        ("after" = Option<String>, Query, description = "The `next` of the page before",
            pattern = "^[0-9]{1,9}$"),
        ("limit" = Option<u32>, Query, description = "Rows a page", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "A page of your chats", body = ChatPage)),
)]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<ChatPage>> {
    let query = query.only(&["after", "limit"])?;
    let size = query.limit(50, 100)?;
    let page = query.page("after")?;
    let chats = http.core.chats.list(&caller, page, size).await?;
    let next = (chats.len() == size as usize).then(|| (page + 1).to_string());
    let peers: Vec<_> = chats.iter().filter_map(|row| row.chat.other(caller.user)).collect();
    let users = http.core.users.profiles(&peers).await?;
    let names = http.core.users.names(&last_authors(&chats)).await;
    let row = |(chat, name)| rows::ChatSummary::of(chat, name);
    let chats = chats.into_iter().zip(names).map(row).collect();
    Ok(Answer(ChatPage { chats, users: users.into_iter().map(Into::into).collect(), next }))
}

/// Who wrote the last message of each chat; the caller's own id stands for nobody.
pub(super) fn last_authors(chats: &[ChatSummary]) -> Vec<UserId> {
    let author = |row: &ChatSummary| row.last.as_ref().map_or(row.member.user, |last| last.from);
    chats.iter().map(author).collect()
}

/// Open the direct chat with a person
///
/// Creates it if it is new. You can send a message without this: `chat` may be a user's id
/// everywhere.
#[utoipa::path(
    post, path = "/chats", tag = "chats", operation_id = "openChat", security(("session" = [])),
    request_body = OpenDirect,
    responses((status = 200, description = "The chat", body = OpenChat)),
)]
async fn open(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<OpenDirect>,
) -> Result<Answer<OpenChat>> {
    let user: UserId = body.user.into();
    let target = http.core.chats.resolve(&caller, "user", user.0).await?;
    opened(&http, &caller, target).await
}

/// Read a chat
#[utoipa::path(
    get, path = "/chats/{chat}", tag = "chats", operation_id = "readChat",
    security(("session" = [])),
    params(ChatPath),
    responses((status = 200, description = "The chat", body = OpenChat)),
)]
async fn read(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<OpenChat>> {
    let target = target(&http, &caller, &path).await?;
    opened(&http, &caller, target).await
}

async fn opened(http: &Http, caller: &Caller, target: Target) -> Result<Answer<OpenChat>> {
    let summary = http.core.chats.open(caller, target).await?;
    let peer: Vec<_> = summary.chat.other(caller.user).into_iter().collect();
    let users = http.core.users.profiles(&peer).await?;
    let names = http.core.users.names(&last_authors(std::slice::from_ref(&summary))).await;
    let summary = rows::ChatSummary::of(summary, names.into_iter().next().unwrap_or_default());
    Ok(Answer(OpenChat { summary, users: users.into_iter().map(Into::into).collect() }))
}

/// Change your own settings in a chat
#[utoipa::path(
    patch, path = "/chats/{chat}", tag = "chats", operation_id = "changeChat",
    security(("session" = [])), request_body = ChangeMember,
    params(ChatPath),
    responses((status = 200, description = "Your membership after the change",
        body = rows::Member)),
)]
async fn change(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<ChangeMember>,
) -> Result<Answer<rows::Member>> {
    let target = target(&http, &caller, &path).await?;
    let until = |moment: Option<Moment>| moment.map(|moment| -> Time { moment.0 });
    let remark = |text: Option<String>| text.map(|text| Name::parse("remark", &text)).transpose();
    let change = MemberChange {
        muted_until: body.muted_until.map(until),
        alerts: body.alerts.map(|level| level.map(Into::into)),
        pinned: body.pinned,
        hide_seq: body.hide_seq,
        nick: body.nick.map(nick).transpose()?,
        announcement_seen: body.announcement_seen,
        remark: body.remark.map(remark).transpose()?,
    };
    let member = http.core.chats.set_member(&caller, target.chat, change).await?;
    Ok(Answer(member.into()))
}

fn nick(text: Option<String>) -> Result<Option<Name>> {
    text.map(|text| Name::parse("nick", &text)).transpose()
}

/// What the `chat` in a path means to the caller.
pub(super) async fn target(http: &Http, caller: &Caller, path: &InPath) -> Result<Target> {
    let chat: ChatId = path.id("chat")?;
    http.core.chats.resolve(caller, "chat", chat.0).await
}
