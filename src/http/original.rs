//! The endpoints that the mobile apps have always spoken, with their envelope: another thin adapter
//! over the same use-cases as `/api/v1`. Parameters and names are as they were; unknown ones are
//! ignored.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::de::DeserializeOwned;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::calls::joined;
use super::chats::last_authors;
use super::extract::{InQuery, Json, Known, json_bytes};
use super::kind::Routes;
use super::messages::named;
use crate::core::auth::SignUp;
use crate::core::chats::Target;
use crate::core::files::Picture;
use crate::core::search::Query;
use crate::error::{Error, Result, Text, text};
use crate::id::ChatId;
use crate::model::auth::Caller;
use crate::model::calls::CallKind;
use crate::model::messages::{ChatSummary, Window};
use crate::model::text::{Email, Name, PushToken};
use crate::protocol::bodies::{self, OriginalLogin, OriginalSignUp, OriginalVerify};
use crate::protocol::calls::JoinedCall;
use crate::protocol::envelope::{
    self, Chat, Envelope, Found, FoundUser, Message, OpenChat, Verified,
};
use crate::protocol::values::Id;

/// Rows a page of `/chats` and `/lkup`, and messages with `/nch`.
pub const PAGE: u32 = 50;

const NO_BASE64: Text =
    Text { en: "This is not a picture in base64.", es: "Esto no es una imagen en base64." };

pub(super) fn routes() -> Routes {
    Routes::with_envelopes()
        .routes(routes!(health))
        .logins(routes!(sign_up))
        .logins(routes!(log_in))
        .logins(routes!(verify))
        .routes(routes!(chats))
        .routes(routes!(look_up))
        .routes(routes!(call))
        .routes(routes!(video_call))
}

/// `/nch` alone, so that upgrades to a WebSocket can be led elsewhere.
pub(super) fn open_route() -> Routes {
    Routes::with_envelopes().routes(routes!(open))
}

/// Does the server run?
///
/// A browser gets the web client.
#[utoipa::path(
    get, path = "/", tag = "original", operation_id = "health",
    responses((status = 200, description = "It does; data is null",
        body = Envelope<serde_json::Value>)),
)]
async fn health(State(http): State<Arc<Http>>, headers: HeaderMap) -> Response {
    let accept = headers.get(header::ACCEPT).and_then(|value| value.to_str().ok());
    if accept.is_some_and(|kinds| kinds.contains("text/html")) {
        return http.site.page(&headers);
    }
    Answer(Envelope::empty(envelope::OK, "OK")).into_response()
}

/// Sign up
///
/// Mails a code. A known address gets the same answer, and a mail that says so.
#[utoipa::path(
    post, path = "/nsg", tag = "original", operation_id = "nsg", request_body = OriginalSignUp,
    responses((status = 200, description = "Go on with /cv; data is the address",
        body = Envelope<String>)),
)]
async fn sign_up(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    Json(body): Json<OriginalSignUp>,
) -> Result<Answer<Envelope<String>>> {
    let token = body.credentials.and_then(|credentials| credentials.push_token);
    let token = token.filter(|text| !text.is_empty());
    let push_token = token.map(|text| PushToken::parse("credentials.push_token", &text));
    let email = Email::parse("email", &body.email)?;
    let request = SignUp {
        name: Name::parse("name", &body.name)?,
        email: email.clone(),
        push_token: push_token.transpose()?,
        language: known.language,
        invitation: body.invitation,
        asker: known.ip.into(),
    };
    let picture = picture(&http, body.profile_avatar.as_deref()).await?;
    let asked = http.core.auth.sign_up(request).await?;
    if let Some(((user, code), picture)) = asked.waits.zip(picture) {
        http.core.files.dress(user, code, picture);
    }
    Ok(proceed(&email))
}

/// The picture in a field, as base64.
async fn picture(http: &Http, field: Option<&str>) -> Result<Option<Picture>> {
    const NAME: &str = "profile_avatar";
    let Some(text) = field.map(str::trim).filter(|text| !text.is_empty()) else {
        return Ok(None);
    };
    let data = match text.strip_prefix("data:") {
        Some(url) => url.split_once(";base64,").map(|(_, data)| data),
        None => Some(text),
    };
    let bytes = data.and_then(|data| BASE64.decode(data).ok());
    let bytes = bytes.ok_or(Error::field(NAME, NO_BASE64))?;
    http.core.files.look_at_picture(NAME, bytes).await.map(Some)
}

fn proceed(email: &Email) -> Answer<Envelope<String>> {
    let email = email.as_str().to_owned();
    Answer(Envelope::of(envelope::REDIRECTION, "proceed", email))
}

/// Log in
///
/// Mails a code; an unknown address gets the same answer.
#[utoipa::path(
    post, path = "/l", tag = "original", operation_id = "l", request_body = OriginalLogin,
    params(("e" = Option<String>, Query, description = "The address, in place of the body")),
    responses((status = 200, description = "Go on with /cv; data is the address",
        body = Envelope<String>)),
)]
async fn log_in(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    query: InQuery,
    request: Request,
) -> Result<Answer<Envelope<String>>> {
    let email = match query.text("e")? {
        Some(text) => email_in_query(text)?,
        None => Email::parse("email", &body::<OriginalLogin>(request).await?.email)?,
    };
    http.core.auth.request_code(email.clone(), known.language, known.ip).await?;
    Ok(proceed(&email))
}

/// The address in `e`. A `+` that was not escaped arrives as a blank, which no address holds.
fn email_in_query(text: &str) -> Result<Email> {
    Email::parse("e", &text.trim().replace(' ', "+"))
}

async fn body<T: DeserializeOwned>(request: Request) -> Result<T> {
    bodies::read(&json_bytes(request).await?)
}

/// Verify a code
///
/// Opens a session.
#[utoipa::path(
    put, path = "/cv", tag = "original", operation_id = "cv", request_body = OriginalVerify,
    params(
        ("e" = Option<String>, Query, description = "The address, in place of the body"),
        ("c" = Option<String>, Query, description = "The code, in place of the body"),
    ),
    responses((status = 200, description = "Logged in; the token is shown this once",
        body = Envelope<Verified>)),
)]
async fn verify(
    State(http): State<Arc<Http>>,
    Known(known): Known,
    headers: HeaderMap,
    query: InQuery,
    request: Request,
) -> Result<Answer<Envelope<Verified>>> {
    let (email, code) = match (query.text("e")?, query.text("c")?) {
        (None, None) => {
            let body = body::<OriginalVerify>(request).await?;
            (Email::parse("email", &body.email)?, body.temp_code.digits())
        }
        _ => (email_in_query(query.required("e")?)?, query.required("c")?.to_owned()),
    };
    let agent = headers.get(header::USER_AGENT).and_then(|value| value.to_str().ok());
    let device = agent.unwrap_or_default();
    let signed_in = http.core.auth.verify(&email, &code, device, known.ip).await?;
    http.core.push.adopt(&signed_in.user, &signed_in.session).await;
    let user = signed_in.user;
    let verified = Verified {
        email: user.email.as_str().to_owned(),
        ui: user.id.into(),
        pi: user.push_token.map(|token| token.as_str().to_owned()).unwrap_or_default(),
        token: signed_in.token.expose().to_owned(),
    };
    Ok(Answer(Envelope::of(envelope::REDIRECTION, "OK", verified)))
}

/// List your chats and groups
#[utoipa::path(
    get, path = "/chats", tag = "original", operation_id = "chats", security(("session" = [])),
    params(("pg" = Option<u32>, Query, description = "Which page, from 1; 0 is the first too")),
    responses((status = 200, description = "50 a page, newest first; `more` says whether there is \
        another page", body = Envelope<Vec<Chat>>)),
)]
async fn chats(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<Envelope<Vec<Chat>>>> {
    let (page, next) = page(&query)?;
    let chats = http.core.chats.list(&caller, page, PAGE).await?;
    let full = chats.len() == PAGE as usize;
    let more = full && !http.core.chats.list(&caller, next, 1).await?.is_empty();
    let rows = rows(&http, &caller, chats).await;
    Ok(Answer(Envelope::of(envelope::OK, "OK", rows).and_more(more)))
}

/// Which page of `PAGE` rows, counted from 0, and the place of the first row behind it. The apps
/// count pages from 1, and some ask for 0.
fn page(query: &InQuery) -> Result<(u32, u32)> {
    let page = query.page("pg")?.saturating_sub(1);
    Ok((page, (page + 1).saturating_mul(PAGE)))
}

/// Rows of chats with the names of other people and last authors.
async fn rows(http: &Http, caller: &Caller, chats: Vec<ChatSummary>) -> Vec<Chat> {
    let peer = |row: &ChatSummary| row.chat.other(caller.user).unwrap_or(caller.user);
    let peers: Vec<_> = chats.iter().map(peer).collect();
    let peers = http.core.users.names(&peers).await;
    let authors = http.core.users.names(&last_authors(&chats)).await;
    let names = peers.into_iter().zip(authors);
    let row =
        |(chat, (peer, author)): (_, (Arc<str>, _))| Chat::of(chat, caller.user, &peer, author);
    chats.into_iter().zip(names).map(row).collect()
}

/// Open a chat
///
/// Creates the direct chat if it is new. With an upgrade to a WebSocket: a connection for that
/// chat.
#[utoipa::path(
    get, path = "/nch", tag = "original", operation_id = "nch", security(("session" = [])),
    params(("chtid" = Id, Query, description = "The chat's id, or the other person's")),
    responses((status = 200, description = "The chat with its latest messages",
        body = Envelope<OpenChat>)),
)]
async fn open(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<Envelope<OpenChat>>> {
    let target = target(&http, &caller, &query).await?;
    let summary = http.core.chats.open(&caller, target).await?;
    let window = Window::Before(None);
    let messages = http.core.messages.history(&caller, target.chat, window, PAGE).await?;
    let messages = named(&http, messages, Message::of).await;
    let chat = rows(&http, &caller, vec![summary]).await.pop();
    let chat = chat.ok_or(Error::not_found(text::NO_CHAT))?;
    Ok(Answer(Envelope::of(envelope::OK, "OK", OpenChat { chat, messages })))
}

pub(super) async fn target(http: &Http, caller: &Caller, query: &InQuery) -> Result<Target> {
    let id: ChatId = query.id("chtid")?.ok_or(Error::field("chtid", text::MISSING))?;
    http.core.chats.resolve(caller, "chtid", id.0).await
}

/// Find people and groups
#[utoipa::path(
    get, path = "/lkup", tag = "original", operation_id = "lkup", security(("session" = [])),
    params(
        ("qry" = String, Query, description = "What to look for", min_length = 1),
        ("pg" = Option<u32>, Query, description = "Which page, from 1; 0 is the first too"),
    ),
    responses((status = 200, description = "50 of each kind a page; `more` says whether there is \
        another page", body = Envelope<Found>)),
)]
async fn look_up(
    State(http): State<Arc<Http>>,
    _: Caller,
    query: InQuery,
) -> Result<Answer<Envelope<Found>>> {
    let (words, (page, next)) = (query.required("qry")?, page(&query)?);
    let words = Query::parse("qry", words)?;
    let found = http.core.search.find(&words, page, PAGE).await?;
    let mut more = found.users.len().max(found.groups.len()) == PAGE as usize;
    if more {
        let behind = http.core.search.find(&words, next, 1).await?;
        more = !behind.users.is_empty() || !behind.groups.is_empty();
    }
    let found = Found {
        users: found.users.into_iter().map(FoundUser::from).collect(),
        groups: found.groups.into_iter().map(Into::into).collect(),
    };
    Ok(Answer(Envelope::of(envelope::OK, "OK", found).and_more(more)))
}

/// Start a voice call
///
/// All devices of the other person ring. The body may be empty: descriptions of media are exchanged
/// after the answer. 409: one of you is in another call.
#[utoipa::path(
    post, path = "/cllusr", tag = "original", operation_id = "cllusr",
    security(("session" = [])),
    params(("chtid" = Id, Query, description = "The direct chat's id, or the other person's")),
    responses((status = 200, description = "It rings", body = Envelope<JoinedCall>)),
)]
async fn call(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<Envelope<JoinedCall>>> {
    start(&http, &caller, &query, CallKind::Voice).await
}

/// Start a video call
///
/// Like a voice call, with pictures.
#[utoipa::path(
    post, path = "/vcllusr", tag = "original", operation_id = "vcllusr",
    security(("session" = [])),
    params(("chtid" = Id, Query, description = "The direct chat's id, or the other person's")),
    responses((status = 200, description = "It rings", body = Envelope<JoinedCall>)),
)]
async fn video_call(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<Envelope<JoinedCall>>> {
    start(&http, &caller, &query, CallKind::Video).await
}

async fn start(
    http: &Http,
    caller: &Caller,
    query: &InQuery,
    kind: CallKind,
) -> Result<Answer<Envelope<JoinedCall>>> {
    let target = target(http, caller, query).await?;
    let started = http.core.calls.start(caller, "chtid", target, kind).await?;
    let joined = joined(http, caller, started).await?;
    Ok(Answer(Envelope::of(envelope::COMPLETED, "ringing", joined)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plus_that_was_not_escaped_is_one() {
        let read = |text: &str| email_in_query(text).map(|email| email.as_str().to_owned()).ok();
        assert_eq!(read("ana chat@example.org").as_deref(), Some("ana+chat@example.org"));
        assert_eq!(read(" ana+chat@example.org ").as_deref(), Some("ana+chat@example.org"));
        assert_eq!(read("ana@exam ple.org"), None);
    }
}
