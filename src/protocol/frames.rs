//! Frames of the WebSocket: what clients ask, and what the server replies and tells.
//!
//! A request is `{"op":…,"id":…,"d":{…}}`; its reply `{"re":id,"ok":…}` or
//! `{"re":id,"err":problem}`; an event `{"ev":…,"d":…}`. An event is encoded once for all who get
//! it. Which operation takes and gives which of them stands in `ops`. Called by `ws`; the hub gets
//! `ENCODER` from `app`.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::account::Export;
use super::alerts::Alerts;
use super::bodies::text_of;
use super::calls::Call;
use super::changes::EditMessage;
use super::json;
use super::people::Presence;
use super::problem::Problem;
use super::reports::Report;
use super::rows::{Chat, Member, Message};
use super::sync::Membership;
use super::values::{Id, Moment, ids};
use crate::bus::{CallNews, Event, Signal};
use crate::core::messages::changes::Edit;
use crate::core::messages::{Draft, Sent};
use crate::error::Result;
use crate::hub::{self, Encoder, Frame, Frames};
use crate::id::{ChatId, UserId};
use crate::model::auth::Caller;
use crate::model::text::ClientMsgId;

/// A request as it comes, its data still unread.
#[derive(Debug, Deserialize)]
pub struct Request<'a> {
    /// What is asked.
    #[serde(borrow)]
    pub op: Cow<'a, str>,
    /// Names the request in its reply; chosen by the client.
    #[serde(default)]
    pub id: u64,
    /// What the operation takes.
    #[serde(borrow, default)]
    pub d: Option<&'a RawValue>,
}

/// Says who speaks, on a connection that was opened without `Authorization`.
#[derive(Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Identify {
    /// The session's token.
    pub token: String,
    /// What this running client calls itself, 1 to 64 of `A-Z a-z 0-9 _ -`: a call that it starts
    /// or answers is its own, and not that of another client of the session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instance: Option<String>,
}

/// Sends a message: a text, files, or both.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendFrame {
    /// The chat's id, or the other person's.
    pub chat: Id,
    /// The sender's idempotency key, 1 to 64 visible ASCII characters, a UUID v7 at best.
    pub client_msg_id: String,
    /// At most 16 KiB; empty or absent only beside files.
    #[serde(default)]
    pub body: String,
    /// Ids of files that one uploaded; at most 10.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Id>,
    /// The seq of the message that this one answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// People mentioned; at most 50.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Id>,
    /// Everybody is mentioned.
    #[serde(default)]
    pub mention_all: bool,
}

impl SendFrame {
    /// The message that the sender means, for `chat`.
    pub fn draft(self) -> Result<Draft> {
        let key = ClientMsgId::parse("client_msg_id", &self.client_msg_id)?;
        let body = text_of(&self.body, &self.attachments)?;
        Ok(Draft {
            attachments: ids(self.attachments),
            reply_to: self.reply_to,
            mentions: ids(self.mentions),
            mention_all: self.mention_all,
            ..Draft::new(key, body)
        })
    }
}

/// Names a message.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MessageRef {
    /// The chat's id, or the other person's.
    pub chat: Id,
    /// The message's position.
    pub seq: u64,
}

/// Gives one's own message a new text; its files stay.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditFrame {
    /// The chat's id, or the other person's.
    pub chat: Id,
    /// The message's position.
    pub seq: u64,
    /// At most 16 KiB; empty only beside files.
    pub body: String,
    /// People mentioned now; at most 50. Left out, the mentions stay as they are.
    #[serde(default)]
    pub mentions: Option<Vec<Id>>,
    /// Whether everybody is mentioned now. Left out, it stays as it is.
    #[serde(default)]
    pub mention_all: Option<bool>,
}

impl EditFrame {
    /// The change of the text that its author means.
    pub fn edit(self) -> Result<Edit> {
        let Self { body, mentions, mention_all, .. } = self;
        EditMessage { body, mentions, mention_all }.edit()
    }
}

/// Puts an emoji on a message, or takes it away.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReactFrame {
    /// The chat's id, or the other person's.
    pub chat: Id,
    /// The message's position.
    pub seq: u64,
    /// One emoji.
    pub emoji: String,
    /// Put (the default), or take away.
    #[serde(default = "yes")]
    pub on: bool,
}

/// Pins a message, or unpins it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PinFrame {
    /// The chat's id, or the other person's.
    pub chat: Id,
    /// The message's position.
    pub seq: u64,
    /// Pin (the default), or unpin.
    #[serde(default = "yes")]
    pub on: bool,
}

/// Hides messages for oneself.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HideFrame {
    /// The chat's id, or the other person's.
    pub chat: Id,
    /// Which; at most 100.
    pub seqs: Vec<u64>,
}

/// Forwards a message to another chat.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ForwardFrame {
    /// Where to: a chat's id, or a person's.
    pub chat: Id,
    /// The chat that it stands in.
    pub from: Id,
    /// Its position there.
    pub seq: u64,
    /// The sender's idempotency key for the new message.
    pub client_msg_id: String,
}

/// Says that one writes, or has stopped.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TypingFrame {
    /// The chat's id, or the other person's.
    pub chat: Id,
    /// Writing (the default), or stopped.
    #[serde(default = "yes")]
    pub on: bool,
}

/// Says whose online state is on screen; whoever was named before is so no more.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WatchFrame {
    /// Who; at most 100, or nobody.
    pub users: Vec<Id>,
}

const fn yes() -> bool {
    true
}

/// The reply to a send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SentReply {
    /// The stored message.
    pub message: Message,
    /// It was stored before, under the same key.
    pub repeated: bool,
}

impl From<Sent> for SentReply {
    fn from(sent: Sent) -> Self {
        let message = Message::of(sent.message, sent.from_name);
        Self { message, repeated: sent.repeated }
    }
}

/// The reply to a change of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MessageReply {
    /// The message as it is now.
    pub message: Message,
}

/// The reply to a change of one's own membership.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct MemberReply {
    /// The row as it is now; null when nothing moved.
    pub member: Option<Member>,
}

/// A reply that carries nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Done {}

/// The first event of a connection: it is live, and misses nothing from here on. Now sync.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Hello {
    /// Who one is.
    pub user: Id,
    /// The session that speaks.
    pub session: Id,
    /// The life of the server's store; another one than before once a backup was restored. What was
    /// had of another one is void: sync says `reset`.
    pub incarnation: Id,
    /// The server's clock.
    pub now: Moment,
    /// How often the server pings, in milliseconds.
    pub ping_every_ms: u64,
}

/// A member's cursors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Receipt {
    /// Where their cursors moved.
    pub chat: Id,
    /// Whose.
    pub user: Id,
    /// Read up to here.
    pub read_seq: u64,
    /// Delivered up to here.
    pub delivered_seq: u64,
}

/// Somebody writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Typing {
    /// Where they write.
    pub chat: Id,
    /// Who.
    pub user: Id,
    /// For how long to believe it, in milliseconds; 0: the person stopped.
    pub for_ms: u64,
}

/// Somebody asks to be let into a group of which one is an admin, or waits no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct JoinRequest {
    /// The group.
    pub chat: Id,
    /// Who.
    pub user: Id,
    /// They wait; else they were let in or refused, or took it back.
    pub waits: bool,
}

/// What the other device of a call says while both negotiate.
#[derive(Debug, Clone, Serialize, JsonSchema)]
pub struct CallSignal<'a> {
    /// The one that is being negotiated; both devices are in it.
    pub call: Id,
    /// The negotiation that it belongs to; drop what belongs to an earlier one.
    pub epoch: u32,
    /// The sender's own count.
    pub seq: u64,
    /// JSON of the client's own making: a description or a candidate.
    #[schemars(with = "serde_json::Value")]
    pub data: Option<&'a RawValue>,
}

impl<'a> CallSignal<'a> {
    fn of(signal: &'a Signal) -> Self {
        Self {
            call: signal.call.into(),
            epoch: signal.epoch,
            seq: signal.seq,
            data: serde_json::from_str(&signal.data).ok(),
        }
    }
}

/// Read what was missed: sync.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Resync {
    /// In this chat; null: in all.
    pub chat: Option<Id>,
}

#[derive(Serialize)]
struct Told<'a, T> {
    ev: &'a str,
    d: &'a T,
}

#[derive(Serialize)]
struct Granted<'a, T> {
    re: u64,
    ok: &'a T,
}

#[derive(Serialize)]
struct Refused<'a> {
    re: Option<u64>,
    err: &'a Problem,
}

/// Rows are plain data with text keys, which JSON always takes.
fn text<T: Serialize>(value: &T) -> Frame {
    json::to_string(value).unwrap_or_default().into()
}

/// The frame of an event.
pub fn told<T: Serialize>(ev: &str, d: &T) -> Frame {
    text(&Told { ev, d })
}

/// The frame of a good reply.
pub fn granted<T: Serialize>(re: u64, ok: &T) -> Frame {
    text(&Granted { re, ok })
}

/// The frame of a refusal; `None`: the request's id could not be read.
pub fn refused(re: Option<u64>, err: &Problem) -> Frame {
    text(&Refused { re, err })
}

/// Writes the hub's frames.
pub const ENCODER: Encoder = Encoder { event, resync, call, presence };

fn presence(presence: &hub::presence::Presence) -> Frame {
    told("presence", &Presence::from(*presence))
}

fn call(news: &CallNews, viewer: &Caller) -> Option<Frame> {
    Call::of(&news.call, viewer, &news.names).map(|call| told("call", &call))
}

fn resync(chat: Option<ChatId>) -> Frame {
    told("resync", &Resync { chat: chat.map(Id::from) })
}

fn event(event: &Event) -> Frames {
    match event {
        Event::Message(posted) => {
            let row = Message::of(posted.message.clone(), posted.from_name.clone());
            let chat = posted.chat.clone().map(|chat| told("chat", &Chat::from(chat)));
            Frames { chat, row: Some(told("message", &row)) }
        }
        Event::ChatOpened(chat) => {
            Frames { chat: Some(told("chat", &Chat::from((**chat).clone()))), row: None }
        }
        Event::Member(own) => {
            let member = Member::from(own.member.clone());
            row(told("member", &Membership { member, hidden: own.hidden.clone() }))
        }
        Event::Export(export) => row(told("export", &Export::of(Some(export)))),
        Event::Report(report) => row(told("report", &Report::from((**report).clone()))),
        Event::Receipt(moved) => row(told(
            "receipt",
            &Receipt {
                chat: moved.chat.into(),
                user: moved.user.into(),
                read_seq: moved.read_seq,
                delivered_seq: moved.delivered_seq,
            },
        )),
        Event::Typing(typing) => row(self::typing(typing.chat, typing.user, typing.for_ms)),
        Event::Asking(asking) => row(told(
            "join_request",
            &JoinRequest {
                chat: asking.chat.into(),
                user: asking.user.into(),
                waits: asking.waits,
            },
        )),
        Event::Signal(signal) => row(told("call.signal", &CallSignal::of(signal))),
        Event::Alerts(_, alerts) => row(told("alerts", &Alerts::from(&**alerts))),
        Event::Call(_)
        | Event::SessionsClosed(..)
        | Event::Pushed(_)
        | Event::Subscribed(_)
        | Event::UserChanged(_)
        | Event::BlocksChanged(..)
        | Event::TieChanged { .. } => Frames::default(),
    }
}

fn row(frame: Frame) -> Frames {
    Frames { chat: None, row: Some(frame) }
}

fn typing(chat: ChatId, user: UserId, for_ms: u64) -> Frame {
    told("typing", &Typing { chat: chat.into(), user: user.into(), for_ms })
}
