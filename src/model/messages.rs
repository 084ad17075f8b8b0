//! Messages: the durable items of a chat.

use std::time::Duration;

use super::calls::{CallKind, EndReason};
use super::chats::Role;
use super::files::Attachment;
use super::text::{Body, ClientMsgId, Title};
use crate::clock::Time;
use crate::id::{CallId, ChatId, MessageId, UserId};

/// At most this many people mentioned in a message.
pub const MENTIONS: usize = 50;
/// At most this many messages in a page of history.
pub const PAGE: u32 = 200;
/// At most this many messages are pinned in a chat.
pub const PINS: u32 = 100;
/// At most this many different emoji on a message.
pub const EMOJI: usize = 20;
/// At most this many names of people are shown with an emoji; its count is exact.
pub const REACTORS_SHOWN: usize = 50;

/// A durable item of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name to the outside.
    pub id: MessageId,
    /// The chat.
    pub chat: ChatId,
    /// Its position in the chat: 1, 2, 3…
    pub seq: u64,
    /// The version of the chat's log at which this row last changed.
    pub rev: u64,
    /// Who wrote it, or who caused a system message.
    pub from: UserId,
    /// The sender's idempotency key; system messages have none.
    pub client_msg_id: Option<ClientMsgId>,
    /// What it says. Empty text once deleted.
    pub content: Content,
    /// When the server took it.
    pub sent: Time,
    /// When its text was last changed.
    pub edited: Option<Time>,
    /// When it was deleted for everyone, and by whom: a tombstone.
    pub deleted: Option<Stamp>,
    /// Reactions, in the order of their first use.
    pub reactions: Vec<Reaction>,
    /// When it was pinned, and by whom.
    pub pinned: Option<Stamp>,
}

/// Who did it and when.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stamp {
    /// Who.
    pub by: UserId,
    /// When.
    pub at: Time,
}

/// What a message says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Content {
    /// Written by a person.
    Text(TextContent),
    /// A fact of the group, written by the server.
    System(SystemEvent),
    /// A call that ended, written by the server; its author is who called.
    Call(CallContent),
    /// It was deleted for everyone.
    Deleted,
}

/// How a call went, for the log of its chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallContent {
    /// Which call.
    pub call: CallId,
    /// Voice or video.
    pub kind: CallKind,
    /// Why it ended.
    pub reason: EndReason,
    /// For how long they talked; `None` when they never did.
    pub talked: Option<Duration>,
}

/// Text of a person, with what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextContent {
    /// The text; empty only beside attachments.
    pub body: Body,
    /// Files, at most `ATTACHMENTS`.
    pub attachments: Vec<Attachment>,
    /// The seq of the message that this one answers, in the same chat.
    pub reply_to: Option<u64>,
    /// People mentioned, all of them members; at most `MENTIONS`.
    pub mentions: Vec<UserId>,
    /// Everybody in the chat is mentioned.
    pub mention_all: bool,
    /// Where it was forwarded from.
    pub forwarded: Option<Origin>,
}

/// Where a forwarded message comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// Its author is in the chat that it went to.
    Known {
        /// Who wrote it first.
        from: UserId,
        /// When that was.
        sent: Time,
    },
    /// Those who read it need not know its author, so nothing is told of it.
    Hidden,
}

/// A fact of a group, in the same log as its messages, so that one order covers both.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SystemEvent {
    /// The group begins, with these people.
    GroupCreated {
        /// Its first title.
        title: Title,
    },
    /// A new title.
    Renamed {
        /// The new one.
        title: Title,
    },
    /// A new description.
    Described,
    /// A new picture, or none.
    AvatarChanged,
    /// Public or private; shared history or not.
    SettingsChanged {
        /// Found by search and open to all.
        public: bool,
        /// New members see what was written before.
        history_shared: bool,
    },
    /// These people were added.
    MembersAdded {
        /// Whom.
        users: Vec<UserId>,
    },
    /// The author came by itself, to a public group or by an invitation link.
    Joined {
        /// By a link.
        by_invite: bool,
    },
    /// The author left.
    Left,
    /// This person was removed.
    MemberRemoved {
        /// Whom.
        user: UserId,
    },
    /// This person was removed and is refused from now on.
    MemberBanned {
        /// Whom.
        user: UserId,
    },
    /// This person may come again.
    MemberUnbanned {
        /// Whom.
        user: UserId,
    },
    /// This person's rank changed.
    RoleChanged {
        /// Whose.
        user: UserId,
        /// To what.
        role: Role,
    },
    /// The author handed the group to this person.
    OwnerChanged {
        /// To whom.
        user: UserId,
    },
    /// The group is gone.
    GroupDeleted,
}

/// An emoji on a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reaction {
    /// The emoji, in the spelling of `emoji::spelling`; older rows have some in others.
    pub emoji: String,
    /// How many people.
    pub count: u32,
    /// The first of them, at most `REACTORS_SHOWN`.
    pub users: Vec<UserId>,
}

/// A message on its way into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    /// Its name to the outside.
    pub id: MessageId,
    /// Where it goes.
    pub chat: ChatId,
    /// The two people of a direct chat, the lower id first: the chat is created when it is new.
    pub peers: Option<(UserId, UserId)>,
    /// Who writes.
    pub from: UserId,
    /// The sender's idempotency key.
    pub client_msg_id: ClientMsgId,
    /// What it says.
    pub content: TextContent,
    /// When the server took it.
    pub sent: Time,
}

/// A change of one message. Each gives the row the chat's next rev.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageChange {
    /// New text; the old one is kept for the author, at most the last 20.
    Edit {
        /// The new text.
        body: Body,
        /// People mentioned now.
        mentions: Vec<UserId>,
        /// Everybody is mentioned now.
        mention_all: bool,
        /// When.
        at: Time,
    },
    /// Deleted for everyone: a tombstone without text, reactions, or pin.
    Delete(Stamp),
    /// Puts or takes away one person's emoji.
    React {
        /// Who.
        user: UserId,
        /// Which.
        emoji: String,
        /// Put, or taken away.
        on: bool,
    },
    /// Pins, or unpins with `None`.
    Pin(Option<Stamp>),
}

/// What a page of history holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Window {
    /// The latest messages before this seq, or the latest of all.
    Before(Option<u64>),
    /// The first messages after this seq.
    After(u64),
}
