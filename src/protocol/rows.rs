//! Rows of chats and messages in `/api/v1` and on the WebSocket, made from the domain's types.
//!
//! What is absent is null, empty or false, as its type says. People are in `people`.
//! Called by `http` and `ws`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::alerts::Level;
use super::files::Attachment;
use super::groups::{Announcement, GroupRules, Role, SystemEvent};
use super::ties::Tie;
use super::values::{Id, Moment, is_false, is_zero};
use crate::model::text::{ClientMsgId, Name, Title};
use crate::model::{chats, messages};

/// What kind of message it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageKind {
    /// Written by a person: `body` is there.
    Text,
    /// A fact of the group: `event` is there.
    System,
    /// A call that ended: `call` is there. Its author is who called.
    Call,
    /// Deleted for everyone: a tombstone.
    Deleted,
}

/// A durable item of a chat, as it is now.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Message {
    /// Its name.
    pub id: Id,
    /// Where it was written; with `seq`, the key of this row.
    pub chat: Id,
    /// Its position in the chat: 1, 2, 3…
    pub seq: u64,
    /// The version of the chat's log at which this row last changed: of two rows with one seq, the
    /// one with the higher rev holds.
    pub rev: u64,
    /// The author, or who caused a system message.
    pub from: Id,
    /// The author's name at the time of the answer; empty for a deleted account.
    #[schema(value_type = String)]
    pub from_name: Arc<str>,
    /// The sender's idempotency key; system messages have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_msg_id: Option<String>,
    /// What kind of message it is.
    pub kind: MessageKind,
    /// The text of a text message; empty only beside files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Its files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// The seq of the message that this one answers, in the same chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// People mentioned.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mentions: Vec<Id>,
    /// Everybody in the chat is mentioned.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mention_all: bool,
    /// Where it was forwarded from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forwarded: Option<Forwarded>,
    /// What a system message tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<SystemEvent>,
    /// How a call went.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallFact>,
    /// When the server took it.
    pub sent: Moment,
    /// When its text was last changed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Moment>,
    /// When it was deleted for everyone, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Stamp>,
    /// Reactions, in the order of their first use.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reactions: Vec<Reaction>,
    /// When it was pinned, and by whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pinned: Option<Stamp>,
}

impl Message {
    /// The row of a message whose author is called `from_name` now.
    pub fn of(message: messages::Message, from_name: Arc<str>) -> Self {
        let mut row = Self {
            id: message.id.into(),
            chat: message.chat.into(),
            seq: message.seq,
            rev: message.rev,
            from: message.from.into(),
            from_name,
            client_msg_id: message.client_msg_id.map(ClientMsgId::into_string),
            kind: MessageKind::Deleted,
            body: None,
            attachments: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
            mention_all: false,
            forwarded: None,
            event: None,
            call: None,
            sent: message.sent.into(),
            edited: message.edited.map(Moment),
            deleted: message.deleted.map(Stamp::from),
            reactions: message.reactions.into_iter().map(Reaction::from).collect(),
            pinned: message.pinned.map(Stamp::from),
        };
        match message.content {
            messages::Content::Text(text) => row.put_text(text),
            messages::Content::System(event) => {
                row.kind = MessageKind::System;
                row.event = Some(event.into());
            }
            messages::Content::Call(call) => {
                row.kind = MessageKind::Call;
                row.call = Some(call.into());
            }
            messages::Content::Deleted => {}
        }
        row
    }

    fn put_text(&mut self, text: messages::TextContent) {
        self.kind = MessageKind::Text;
        self.body = Some(text.body.into_string());
        self.attachments = text.attachments.into_iter().map(Attachment::from).collect();
        self.reply_to = text.reply_to;
        self.mentions = text.mentions.into_iter().map(Id::from).collect();
        self.mention_all = text.mention_all;
        self.forwarded = text.forwarded.map(Forwarded::from);
    }
}

/// How a call went, in the log of its chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct CallFact {
    /// Which call.
    pub call: Id,
    /// Voice or video.
    pub kind: super::calls::CallKind,
    /// Why it ended.
    pub reason: super::calls::EndReason,
    /// For how many seconds they talked; absent when they never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
}

impl From<messages::CallContent> for CallFact {
    fn from(content: messages::CallContent) -> Self {
        Self {
            call: content.call.into(),
            kind: content.kind.into(),
            reason: content.reason.into(),
            duration_s: content.talked.map(|talked| talked.as_secs()),
        }
    }
}

/// Who did it, and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Stamp {
    /// Who.
    pub by: Id,
    /// When.
    pub at: Moment,
}

impl From<messages::Stamp> for Stamp {
    fn from(stamp: messages::Stamp) -> Self {
        Self { by: stamp.by.into(), at: stamp.at.into() }
    }
}

/// Where a forwarded message comes from; nothing is told of an author who is not in this chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Forwarded {
    /// Who wrote it first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Id>,
    /// When that was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Moment>,
}

impl From<messages::Origin> for Forwarded {
    fn from(origin: messages::Origin) -> Self {
        match origin {
            messages::Origin::Known { from, sent } => {
                Self { from: Some(from.into()), sent: Some(sent.into()) }
            }
            messages::Origin::Hidden => Self { from: None, sent: None },
        }
    }
}

/// An emoji on a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Reaction {
    /// As Unicode lists it, whatever spelling people sent.
    pub emoji: String,
    /// How many people.
    pub count: u32,
    /// The first of them, at most 50.
    pub users: Vec<Id>,
}

impl From<messages::Reaction> for Reaction {
    fn from(reaction: messages::Reaction) -> Self {
        let users = reaction.users.into_iter().map(Id::from).collect();
        Self { emoji: reaction.emoji, count: reaction.count, users }
    }
}

/// What kind of chat it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ChatKind {
    /// Between two people.
    Direct,
    /// Of any number of people.
    Group,
}

impl From<chats::ChatKind> for ChatKind {
    fn from(kind: chats::ChatKind) -> Self {
        match kind {
            chats::ChatKind::Direct => Self::Direct,
            chats::ChatKind::Group => Self::Group,
        }
    }
}

/// Where messages live.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Chat {
    /// Which one.
    pub id: Id,
    /// Direct or group.
    pub kind: ChatKind,
    /// The two people of a direct chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peers: Option<[Id; 2]>,
    /// A group's title.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// A group's description.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub about: String,
    /// A group's picture.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub avatar: Option<Id>,
    /// A group's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Id>,
    /// Found by search, and open to whoever wants to join.
    pub public: bool,
    /// New members see what was written before they came.
    pub history_shared: bool,
    /// A group's rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rules: Option<GroupRules>,
    /// A group's announcement: shown to a member until their `announcement_seen` is its seq.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub announcement: Option<Announcement>,
    /// When it was created.
    pub created: Moment,
    /// When the group was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deleted: Option<Moment>,
    /// Position of the latest message; 0 when there is none.
    pub head_seq: u64,
    /// Version of the chat's log.
    pub head_rev: u64,
    /// How many members it has.
    pub member_count: u32,
}

impl From<chats::Chat> for Chat {
    fn from(chat: chats::Chat) -> Self {
        Self {
            id: chat.id.into(),
            kind: chat.kind.into(),
            peers: chat.peers.map(|(low, high)| [low.into(), high.into()]),
            title: chat.title.map(Title::into_string),
            about: chat.about.into_string(),
            avatar: chat.avatar.map(Id::from),
            owner: chat.owner.map(Id::from),
            public: chat.public,
            history_shared: chat.history_shared,
            rules: (chat.kind == chats::ChatKind::Group).then(|| chat.rules.into()),
            announcement: chat.announcement.map(Announcement::from),
            created: chat.created.into(),
            deleted: chat.deleted.map(Moment),
            head_seq: chat.head_seq,
            head_rev: chat.head_rev,
            member_count: chat.member_count,
        }
    }
}

/// Where a person stands to a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MemberState {
    /// In it.
    Active,
    /// Was in it: left or was removed.
    Left,
    /// The group refuses this person.
    Banned,
    /// Not in it: waits for an admin to let them in.
    Requested,
}

impl From<chats::MemberState> for MemberState {
    fn from(state: chats::MemberState) -> Self {
        match state {
            chats::MemberState::Active => Self::Active,
            chats::MemberState::Left | chats::MemberState::Removed => Self::Left,
            chats::MemberState::Banned => Self::Banned,
            chats::MemberState::Requested => Self::Requested,
        }
    }
}

/// The caller's own membership in a chat; nobody else gets this row.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Member {
    /// Of which chat.
    pub chat: Id,
    /// The person: the caller.
    pub user: Id,
    /// The rank.
    pub role: Role,
    /// In it or not.
    pub state: MemberState,
    /// The first message that belongs to this membership.
    pub join_seq: u64,
    /// Read up to here; only grows.
    pub read_seq: u64,
    /// Delivered up to here; only grows.
    pub delivered_seq: u64,
    /// The latest message that the member wrote: what one writes is not unread.
    pub own_seq: u64,
    /// Cleared up to here, for this member alone.
    pub hide_seq: u64,
    /// No alerts but of mentions until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub muted_until: Option<Moment>,
    /// Of which messages you are told; absent: as your alerts say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alerts: Option<Level>,
    /// Kept on top of the list of chats.
    pub pinned: bool,
    /// What the member is called in this chat, if not by their own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick: Option<String>,
    /// The seq of the latest announcement that the member has put away; only grows.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub announcement_seen: u64,
    /// An admin silenced the member until then: they neither send nor edit messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_until: Option<Moment>,
    /// Member since.
    pub since: Moment,
    /// What the other person of a direct chat is to the caller; absent: nobody in particular.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tie: Option<Tie>,
    /// What the caller calls the chat, or the other person of it; nobody else learns it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remark: Option<String>,
    /// Version in the order of the caller's own inbox.
    pub rev: u64,
}

impl From<chats::Member> for Member {
    fn from(member: chats::Member) -> Self {
        Self {
            chat: member.chat.into(),
            user: member.user.into(),
            role: member.role.into(),
            state: member.state.into(),
            join_seq: member.join_seq,
            read_seq: member.read_seq,
            delivered_seq: member.delivered_seq,
            own_seq: member.own_seq,
            hide_seq: member.hide_seq,
            muted_until: member.muted_until.map(Moment),
            alerts: member.alerts.map(Level::from),
            pinned: member.pinned,
            nick: member.nick.map(Name::into_string),
            announcement_seen: member.announcement_seen,
            silent_until: member.silent_until.map(Moment),
            since: member.since.into(),
            tie: Tie::of(&member.tie),
            remark: member.remark.map(Name::into_string),
            rev: member.rev,
        }
    }
}

/// A row of the caller's list of chats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct ChatSummary {
    /// Its own fields, the same for every member.
    pub chat: Chat,
    /// The caller's membership in it.
    pub member: Member,
    /// The latest message that the caller may see.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Message>,
    /// Messages not read.
    pub unread: u64,
    /// Of these, the ones that mention the caller.
    pub mentions: u64,
}

impl ChatSummary {
    /// The row of a summary; `last_name` is the name of the last message's author now.
    pub fn of(summary: messages::ChatSummary, last_name: Arc<str>) -> Self {
        Self {
            chat: summary.chat.into(),
            member: summary.member.into(),
            last: summary.last.map(|message| Message::of(message, last_name)),
            unread: summary.unread,
            mentions: summary.mentions,
        }
    }
}

/// A link that lets whoever has its code join a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Invite {
    /// Knowing it is the right to join.
    pub code: String,
    /// The group.
    pub chat: Id,
    /// Who made it.
    pub by: Id,
    /// When it was made.
    pub created: Moment,
    /// When it stops to work; absent: never.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Moment>,
    /// How often it may still be used; absent: without limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uses_left: Option<u32>,
}

impl From<chats::Invite> for Invite {
    fn from(invite: chats::Invite) -> Self {
        Self {
            code: invite.code,
            chat: invite.chat.into(),
            by: invite.by.into(),
            created: invite.created.into(),
            expires: invite.expires.map(Moment),
            uses_left: invite.uses_left,
        }
    }
}
