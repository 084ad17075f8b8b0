//! The WebSocket: a thin adapter from frames to the use-cases of `core`.
//!
//! Reading order: `socket` drives one connection; `session` says what a frame is (pure); `stream`
//! reads and writes; `outbox` holds what is to be written (bounded), and `link` is what the hub
//! knows of a connection; `commands` and `calls` carry a request out, `replies` has what
//! several of them answer. Wired by `app`.

mod calls;
mod commands;
mod link;
mod outbox;
mod replies;
mod session;
mod socket;
mod stream;

use std::sync::Arc;
use std::time::Duration;

use axum::extract::ws::WebSocketUpgrade;
use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::get;
use axum::{Extension, Router};
use serde::Deserialize;
use tokio::sync::Semaphore;

pub use self::link::OWED_BYTES;
pub use self::outbox::{BURST_BYTES, OUTBOX_BYTES};
pub use self::session::{IDENTIFY_WITHIN, STRIKES, TOO_FAST};
use crate::clock::Clock;
use crate::core::Core;
use crate::edge::counters::Counters;
use crate::edge::credentials::{bearer, instance};
use crate::edge::limits::Limiter;
use crate::edge::wire::Shortcut;
use crate::error::{Error, Language, Result, text};
use crate::hub::{Frame, Hub};
use crate::id::ObjectId;
use crate::model::auth::Caller;

/// The name of the protocol, as clients ask for it (RFC 6455, section 1.9).
pub const SUBPROTOCOL: &str = "wechat.v1.json";
/// At most this many bytes in a message or frame from a client.
pub const FRAME_BYTES: usize = 64 * 1024;
/// Small, because each connection has one; large enough for most frames in one read.
const READ_BUFFER: usize = 1024;
/// The output buffer never shrinks after a burst, so it is kept small.
const WRITE_BUFFER: usize = 4 * 1024;
/// How much may be buffered for writing. It must hold the largest frame, a page of sync.
const MAX_WRITE_BUFFER: usize = 16 * 1024 * 1024;
/// At most this many connections read their memberships at once; others wait their turn, so that a
/// storm of reconnects queues instead of failing.
const ATTACHING: usize = 64;
/// How often the server pings.
pub const PING_EVERY: Duration = Duration::from_secs(25);

/// What connections share.
pub struct Ws {
    core: Core,
    hub: Arc<Hub>,
    limiter: Arc<Limiter>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
    attaching: Semaphore,
}

impl Ws {
    /// The refusal of a request that could be read; faults of the server are counted.
    fn refusal(&self, id: u64, error: &Error, language: Language) -> Frame {
        if error.code.is_ours() {
            self.core.operator.failed();
        }
        replies::refusal(Some(id), error, language)
    }
}

/// The routes of the WebSockets: `/api/v1/ws` for all chats, `/nch` for one.
pub fn router(
    core: Core,
    hub: Arc<Hub>,
    limiter: Arc<Limiter>,
    clock: Arc<dyn Clock>,
    counters: Arc<Counters>,
) -> Router {
    let ws = Ws { core, hub, limiter, clock, counters, attaching: Semaphore::new(ATTACHING) };
    Router::new()
        .route("/api/v1/ws", get(all_chats))
        .route("/nch", get(one_chat))
        .with_state(Arc::new(ws))
}

/// The query of `/nch`.
#[derive(Deserialize)]
struct OneChat {
    chtid: String,
}

async fn all_chats(
    State(ws): State<Arc<Ws>>,
    shortcut: Option<Extension<Shortcut>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    let identity = identity(&ws, &headers).await?;
    let opening = Opening { identity, chat: None, ..Opening::of(&headers, shortcut) };
    Ok(accept(ws, upgrade, opening))
}

async fn one_chat(
    State(ws): State<Arc<Ws>>,
    Query(query): Query<OneChat>,
    shortcut: Option<Extension<Shortcut>>,
    headers: HeaderMap,
    upgrade: WebSocketUpgrade,
) -> Result<Response> {
    let chat = ObjectId::parse(&query.chtid).map_err(|_| Error::field("chtid", text::BAD_ID))?;
    let identity = identity(&ws, &headers).await?;
    if let Some(identity) = &identity {
        ws.core.chats.resolve(&identity.caller, "chtid", chat).await?;
    }
    let opening = Opening { identity, chat: Some(chat), ..Opening::of(&headers, shortcut) };
    Ok(accept(ws, upgrade, opening))
}

/// Who speaks, and the token that proves it.
struct Identity {
    token: String,
    caller: Caller,
}

/// What an upgrade asked for.
struct Opening {
    /// Who speaks, when the upgrade says so by `Authorization`.
    identity: Option<Identity>,
    /// Events of this chat alone: its id, or the other person's.
    chat: Option<ObjectId>,
    /// The language of refusals.
    language: Language,
    /// The way past the connection's task, in the clear.
    shortcut: Option<Shortcut>,
}

impl Opening {
    /// What the upgrade says beside who speaks and of which chat.
    fn of(headers: &HeaderMap, shortcut: Option<Extension<Shortcut>>) -> Self {
        let shortcut = shortcut.map(|Extension(shortcut)| shortcut);
        Self { identity: None, chat: None, language: language(headers), shortcut }
    }
}

async fn identity(ws: &Ws, headers: &HeaderMap) -> Result<Option<Identity>> {
    let Some(token) = bearer(headers) else { return Ok(None) };
    let caller = ws.core.auth.authenticate(token).await?;
    let caller = Caller { instance: instance(headers)?, ..caller };
    Ok(Some(Identity { token: token.to_owned(), caller }))
}

fn language(headers: &HeaderMap) -> Language {
    let header = headers.get("accept-language").and_then(|value| value.to_str().ok());
    header.map_or_else(Language::default, Language::accepted)
}

/// An upgrade with the bounds of every connection. Public for the program that Autobahn's suite
/// talks to.
pub fn bounded(upgrade: WebSocketUpgrade) -> WebSocketUpgrade {
    upgrade
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(WRITE_BUFFER)
        .max_write_buffer_size(MAX_WRITE_BUFFER)
        .max_frame_size(FRAME_BYTES)
        .max_message_size(FRAME_BYTES)
}

fn accept(ws: Arc<Ws>, upgrade: WebSocketUpgrade, opening: Opening) -> Response {
    bounded(upgrade).protocols([SUBPROTOCOL]).on_upgrade(move |socket| async move {
        // A task of its own: the upgrade's future would hold the socket more than once.
        tokio::spawn(socket::serve(ws, socket, Box::new(opening)));
    })
}
