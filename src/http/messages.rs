//! Sending messages and reading them back. The rules are in `core::messages`.

use std::collections::BTreeSet;
use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::chats::target;
use super::extract::{InPath, InQuery, Json};
use super::kind::Routes;
use super::params::{ChatPath, MessagePath};
use crate::core::messages;
use crate::error::{Error, Result, Text, text};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::model::excerpt::Excerpt;
use crate::model::messages::{Message, PAGE, Window};
use crate::model::text::ClientMsgId;
use crate::protocol::bodies::SendMessage;
use crate::protocol::pages::{MessagePage, Sent, WrittenPage};
use crate::protocol::rows;

const TWO_KEYS: Text = Text {
    en: "The header Idempotency-Key and this field differ. Send only one of them.",
    es: "La cabecera Idempotency-Key y este campo difieren. Basta con uno de los dos.",
};
const ONE_WAY: Text = Text {
    en: "Ask for the page before or after a message, not both.",
    es: "Una página está antes o después de un mensaje, no ambas cosas.",
};

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(list, send)).routes(routes!(one))
}

/// Read a chat's history
#[utoipa::path(
    get, path = "/chats/{chat}/messages", tag = "messages", operation_id = "listMessages",
    security(("session" = [])),
    params(
        ChatPath,
        ("before" = Option<u64>, Query, description = "The latest messages before this seq",
            minimum = 1),
        ("after" = Option<u64>, Query, description = "The first messages after this seq"),
        ("limit" = Option<u32>, Query, description = "Messages a page", minimum = 1,
            maximum = 200),
    ),
    responses((status = 200, description = "A page; without `before` and `after` the latest one",
        body = MessagePage)),
)]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    query: InQuery,
) -> Result<Answer<WrittenPage>> {
    let query = query.only(&["before", "after", "limit"])?;
    let limit = query.limit(50, PAGE)?;
    let most = i64::MAX as u64;
    let window = match (query.number("before", 1, most)?, query.number("after", 0, most)?) {
        (Some(_), Some(_)) => return Err(Error::field("after", ONE_WAY)),
        (before, None) => Window::Before(before),
        (None, Some(after)) => Window::After(after),
    };
    let target = target(&http, &caller, &path).await?;
    let excerpt = http.core.messages.excerpt(&caller, target.chat, window, limit).await?;
    let users = http.core.users.profiles(&people_in(&excerpt)).await?;
    let users = users.into_iter().map(Into::into).collect();
    Ok(Answer(WrittenPage { excerpt, users }))
}

/// Rows of messages with their authors' names.
pub(super) async fn named<T>(
    http: &Http,
    messages: Vec<Message>,
    row: fn(Message, Arc<str>) -> T,
) -> Vec<T> {
    let authors: Vec<_> = messages.iter().map(|message| message.from).collect();
    let names = http.core.users.names(&authors).await;
    messages.into_iter().zip(names).map(|(message, name)| row(message, name)).collect()
}

/// The people in an excerpt, in the order of their ids.
fn people_in(excerpt: &Excerpt) -> Vec<UserId> {
    let mut people = BTreeSet::new();
    for line in excerpt.lines() {
        people.insert(line.from());
        people.extend(line.mentions());
    }
    people.into_iter().collect()
}

/// Read one message
#[utoipa::path(
    get, path = "/chats/{chat}/messages/{seq}", tag = "messages", operation_id = "readMessage",
    security(("session" = [])),
    params(MessagePath),
    responses((status = 200, description = "The message", body = rows::Message)),
)]
async fn one(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<rows::Message>> {
    let seq = path.seq("seq")?;
    let target = target(&http, &caller, &path).await?;
    let message = http.core.messages.one(&caller, target.chat, seq).await?;
    let mut rows = named(&http, vec![message], rows::Message::of).await;
    rows.pop().map(Answer).ok_or(Error::not_found(text::NO_MESSAGE))
}

/// Send a message
///
/// Answered once the message is durable. Repeat it with the same key after a lost connection: the
/// first result comes back, with status 200.
#[utoipa::path(
    post, path = "/chats/{chat}/messages", tag = "messages", operation_id = "sendMessage",
    security(("session" = [])), request_body = SendMessage,
    params(
        ChatPath,
        ("idempotency-key" = Option<String>, Header,
            description = "In place of `client_msg_id`"),
    ),
    responses(
        (status = 201, description = "Stored", body = Sent),
        (status = 200, description = "Stored before under the same key", body = Sent),
    ),
)]
async fn send(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    headers: HeaderMap,
    Json(body): Json<SendMessage>,
) -> Result<(StatusCode, Answer<Sent>)> {
    let key = key(&headers, body.client_msg_id.as_deref())?;
    let draft = body.draft(key)?;
    let target = target(&http, &caller, &path).await?;
    Ok(stored(http.core.messages.send(&caller, target, draft).await?.await?))
}

/// The answer to a send: new, or stored before.
pub(super) fn stored(sent: messages::Sent) -> (StatusCode, Answer<Sent>) {
    let status = if sent.repeated { StatusCode::OK } else { StatusCode::CREATED };
    (status, Answer(sent.into()))
}

/// The sender's key: the body's, or the header's.
fn key(headers: &HeaderMap, field: Option<&str>) -> Result<ClientMsgId> {
    const NAME: &str = "client_msg_id";
    let header = headers.get("idempotency-key").map(|value| value.to_str().unwrap_or_default());
    match (header, field) {
        (Some(header), Some(field)) if header != field => Err(Error::field(NAME, TWO_KEYS)),
        (_, Some(key)) => ClientMsgId::parse(NAME, key),
        (Some(key), None) => ClientMsgId::parse("idempotency-key", key),
        (None, None) => Err(Error::field(NAME, text::MISSING)),
    }
}
