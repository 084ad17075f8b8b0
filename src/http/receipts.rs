//! Cursors and receipts. The rules are in `core::receipts`.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::chats::target;
use super::extract::{InPath, InQuery, Json};
use super::kind::Routes;
use super::params::{ChatPath, MessagePath, PeoplePage};
use crate::core::receipts::Cursor;
use crate::error::Result;
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::protocol::changes::{ReceiptCounts, UpTo};
use crate::protocol::pages::{Moved, Readers};
use crate::protocol::rows;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(read))
        .routes(routes!(delivered))
        .routes(routes!(receipts))
        .routes(routes!(readers))
}

async fn advance(
    http: &Http,
    caller: &Caller,
    path: &InPath,
    cursor: Cursor,
    seq: u64,
) -> Result<Answer<Moved>> {
    let target = target(http, caller, path).await?;
    let member = http.core.receipts.advance(caller, target.chat, cursor, seq).await?;
    Ok(Answer(Moved { member: member.map(rows::Member::from) }))
}

/// Mark a chat as read
///
/// Up to a message; a cursor only moves forward.
#[utoipa::path(
    post, path = "/chats/{chat}/read", tag = "sync", operation_id = "markRead",
    security(("session" = [])), request_body = UpTo,
    params(ChatPath),
    responses((status = 200, description = "Your membership if the cursor moved", body = Moved)),
)]
async fn read(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<UpTo>,
) -> Result<Answer<Moved>> {
    advance(&http, &caller, &path, Cursor::Read, body.seq).await
}

/// Mark messages as delivered
#[utoipa::path(
    post, path = "/chats/{chat}/delivered", tag = "sync", operation_id = "markDelivered",
    security(("session" = [])), request_body = UpTo,
    params(ChatPath),
    responses((status = 200, description = "Your membership if the cursor moved", body = Moved)),
)]
async fn delivered(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<UpTo>,
) -> Result<Answer<Moved>> {
    advance(&http, &caller, &path, Cursor::Delivered, body.seq).await
}

/// Count who has received and read a message
///
/// In chats of more than 100 members the counts may be 5 seconds old.
#[utoipa::path(
    get, path = "/chats/{chat}/messages/{seq}/receipts", tag = "sync",
    operation_id = "countReceipts", security(("session" = [])),
    params(MessagePath),
    responses((status = 200, description = "The counts", body = ReceiptCounts)),
)]
async fn receipts(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<ReceiptCounts>> {
    let seq = path.seq("seq")?;
    let target = target(&http, &caller, &path).await?;
    let counts = http.core.receipts.counts(&caller, target.chat, seq).await?;
    let (members, delivered, read) = (counts.members, counts.delivered, counts.read);
    Ok(Answer(ReceiptCounts { members, delivered, read }))
}

/// List who has read a message
///
/// In chats of more than 100 members, those who read it in the last 5 seconds may be missing.
#[utoipa::path(
    get, path = "/chats/{chat}/messages/{seq}/readers", tag = "sync", operation_id = "listReaders",
    security(("session" = [])),
    params(MessagePath, PeoplePage),
    responses((status = 200, description = "A page of people", body = Readers)),
)]
async fn readers(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    query: InQuery,
) -> Result<Answer<Readers>> {
    let query = query.only(&["after", "limit"])?;
    let (after, limit) = (query.id::<UserId>("after")?, query.limit(50, 200)?);
    let place = (target(&http, &caller, &path).await?.chat, path.seq("seq")?);
    let found = http.core.receipts.readers(&caller, place, after, limit).await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| (*last).into());
    Ok(Answer(Readers { users: found.into_iter().map(Into::into).collect(), next }))
}
