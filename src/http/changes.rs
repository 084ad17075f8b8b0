//! Changing messages: edit, delete, react, pin, hide, forward. The rules are in `core::messages`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::chats::target;
use super::extract::{InPath, InQuery, Json};
use super::kind::Routes;
use super::messages::{named, stored};
use super::params::{ChatPath, MessagePath, PeoplePage};
use crate::error::{Error, Result, text};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::model::messages::Message;
use crate::model::text::ClientMsgId;
use crate::protocol::changes::{EarlierText, EditMessage, Forward, HideMessages};
use crate::protocol::pages::{EarlierTexts, Pins, Reactors, Sent};
use crate::protocol::rows;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(edit, delete))
        .routes(routes!(react, unreact))
        .routes(routes!(reactors))
        .routes(routes!(pin, unpin))
        .routes(routes!(pins))
        .routes(routes!(hide))
        .routes(routes!(forward))
        .routes(routes!(edits))
}

/// The row as it is now.
async fn row(http: &Http, message: Message) -> Result<Answer<rows::Message>> {
    let mut rows = named(http, vec![message], rows::Message::of).await;
    rows.pop().map(Answer).ok_or(Error::not_found(text::NO_MESSAGE))
}

/// Edit your message
///
/// Earlier texts are kept for you; see `edits`. Files stay, and so do mentions if you leave them
/// out.
#[utoipa::path(
    patch, path = "/chats/{chat}/messages/{seq}", tag = "messages", operation_id = "editMessage",
    security(("session" = [])), request_body = EditMessage,
    params(MessagePath),
    responses((status = 200, description = "The message as it is now", body = rows::Message)),
)]
async fn edit(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<EditMessage>,
) -> Result<Answer<rows::Message>> {
    let seq = path.seq("seq")?;
    let target = target(&http, &caller, &path).await?;
    row(&http, http.core.messages.edit(&caller, target.chat, seq, body.edit()?).await?).await
}

/// Delete a message for everyone
///
/// Your own within the time limit; a group's admins any. A tombstone stays in its place.
#[utoipa::path(
    delete, path = "/chats/{chat}/messages/{seq}", tag = "messages",
    operation_id = "deleteMessage", security(("session" = [])),
    params(MessagePath),
    responses((status = 200, description = "The tombstone", body = rows::Message)),
)]
async fn delete(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<rows::Message>> {
    let seq = path.seq("seq")?;
    let target = target(&http, &caller, &path).await?;
    row(&http, http.core.messages.delete(&caller, target.chat, seq).await?).await
}

async fn set_reaction(
    http: &Http,
    caller: &Caller,
    path: &InPath,
    on: bool,
) -> Result<Answer<rows::Message>> {
    let (seq, emoji) = (path.seq("seq")?, path.text("emoji")?);
    let target = target(http, caller, path).await?;
    row(http, http.core.messages.react(caller, target.chat, seq, emoji, on).await?).await
}

/// React to a message
///
/// An emoji is one reaction however it is encoded, with or without a variation selector.
#[utoipa::path(
    put, path = "/chats/{chat}/messages/{seq}/reactions/{emoji}", tag = "messages",
    operation_id = "react", security(("session" = [])),
    params(
        MessagePath,
        ("emoji" = String, Path, description = "One emoji, percent-encoded"),
    ),
    responses((status = 200, description = "The message as it is now", body = rows::Message)),
)]
async fn react(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<rows::Message>> {
    set_reaction(&http, &caller, &path, true).await
}

/// Take your reaction back
#[utoipa::path(
    delete, path = "/chats/{chat}/messages/{seq}/reactions/{emoji}", tag = "messages",
    operation_id = "unreact", security(("session" = [])),
    params(
        MessagePath,
        ("emoji" = String, Path, description = "One emoji, percent-encoded"),
    ),
    responses((status = 200, description = "The message as it is now", body = rows::Message)),
)]
async fn unreact(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<rows::Message>> {
    set_reaction(&http, &caller, &path, false).await
}

/// List who reacted with an emoji
#[utoipa::path(
    get, path = "/chats/{chat}/messages/{seq}/reactions", tag = "messages",
    operation_id = "listReactors", security(("session" = [])),
    params(
        MessagePath,
        ("emoji" = String, Query, description = "The emoji"),
        PeoplePage,
    ),
    responses((status = 200, description = "A page of people", body = Reactors)),
)]
async fn reactors(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    query: InQuery,
) -> Result<Answer<Reactors>> {
    let query = query.only(&["emoji", "after", "limit"])?;
    let (emoji, limit) = (query.required("emoji")?, query.limit(50, 200)?);
    let after = query.id::<UserId>("after")?;
    let place = (target(&http, &caller, &path).await?.chat, path.seq("seq")?);
    let found = http.core.messages.reactors(&caller, place, emoji, after, limit).await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| (*last).into());
    Ok(Answer(Reactors { users: found.into_iter().map(Into::into).collect(), next }))
}

async fn set_pin(
    http: &Http,
    caller: &Caller,
    path: &InPath,
    on: bool,
) -> Result<Answer<rows::Message>> {
    let seq = path.seq("seq")?;
    let target = target(http, caller, path).await?;
    row(http, http.core.messages.pin(caller, target.chat, seq, on).await?).await
}

/// Pin a message
#[utoipa::path(
    put, path = "/chats/{chat}/messages/{seq}/pin", tag = "messages", operation_id = "pinMessage",
    security(("session" = [])),
    params(MessagePath),
    responses((status = 200, description = "The message as it is now", body = rows::Message)),
)]
async fn pin(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<rows::Message>> {
    set_pin(&http, &caller, &path, true).await
}

/// Unpin a message
#[utoipa::path(
    delete, path = "/chats/{chat}/messages/{seq}/pin", tag = "messages",
    operation_id = "unpinMessage", security(("session" = [])),
    params(MessagePath),
    responses((status = 200, description = "The message as it is now", body = rows::Message)),
)]
async fn unpin(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<rows::Message>> {
    set_pin(&http, &caller, &path, false).await
}

/// List pinned messages
#[utoipa::path(
    get, path = "/chats/{chat}/pins", tag = "messages", operation_id = "listPins",
    security(("session" = [])),
    params(ChatPath),
    responses((status = 200, description = "Latest pin first; at most 100", body = Pins)),
)]
async fn pins(State(http): State<Arc<Http>>, caller: Caller, path: InPath) -> Result<Answer<Pins>> {
    let target = target(&http, &caller, &path).await?;
    let pinned = http.core.messages.pinned(&caller, target.chat).await?;
    Ok(Answer(Pins { messages: named(&http, pinned, rows::Message::of).await }))
}

/// Hide messages for yourself
#[utoipa::path(
    post, path = "/chats/{chat}/hidden", tag = "messages", operation_id = "hideMessages",
    security(("session" = [])), request_body = HideMessages,
    params(ChatPath),
    responses((status = 200, description = "Your membership after it", body = rows::Member)),
)]
async fn hide(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<HideMessages>,
) -> Result<Answer<rows::Member>> {
    let target = target(&http, &caller, &path).await?;
    Ok(Answer(http.core.messages.hide(&caller, target.chat, body.seqs).await?.into()))
}

/// Forward a message
///
/// Sends its text to the chat in the path, and says where it comes from.
#[utoipa::path(
    post, path = "/chats/{chat}/forwards", tag = "messages", operation_id = "forwardMessage",
    security(("session" = [])), request_body = Forward,
    params(ChatPath),
    responses(
        (status = 201, description = "Stored", body = Sent),
        (status = 200, description = "Stored before under the same key", body = Sent),
    ),
)]
async fn forward(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<Forward>,
) -> Result<(StatusCode, Answer<Sent>)> {
    let target = target(&http, &caller, &path).await?;
    let key = ClientMsgId::parse("client_msg_id", &body.client_msg_id)?;
    let place = (body.from.into(), body.seq);
    Ok(stored(http.core.messages.forward(&caller, place, target, key).await?.await?))
}

/// Read the earlier texts of your message
#[utoipa::path(
    get, path = "/chats/{chat}/messages/{seq}/edits", tag = "messages",
    operation_id = "listEdits", security(("session" = [])),
    params(MessagePath),
    responses((status = 200, description = "Oldest first; at most 20", body = EarlierTexts)),
)]
async fn edits(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<EarlierTexts>> {
    let seq = path.seq("seq")?;
    let target = target(&http, &caller, &path).await?;
    let edits = http.core.messages.edits(&caller, target.chat, seq).await?;
    let text =
        |(until, body): (crate::clock::Time, String)| EarlierText { body, until: until.into() };
    Ok(Answer(EarlierTexts { texts: edits.into_iter().map(text).collect() }))
}
