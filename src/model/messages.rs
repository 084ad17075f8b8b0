//! Messages: the durable items of a chat.

use std::time::Duration;

use super::calls::{Call, CallKind, EndReason};
use super::chats::{Chat, GroupRules, Member, Place, Role};
use super::files::Attachment;
use super::text::{Body, ClientMsgId, Title};
use crate::clock::Time;
use crate::error::{Error, Result};
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
/// At most this many earlier texts of a message are kept.
pub const EDITS: usize = 20;

/// A durable item of a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Its name to the outside.
    pub id: MessageId,
    /// The chat whose log it is in.
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

impl Message {
    /// A message as it is when it is new. Only what a person sends has a key: see `NewMessage::at`.
    pub fn new(
        id: MessageId,
        chat: ChatId,
        Place { seq, rev }: Place,
        from: UserId,
        content: Content,
        sent: Time,
    ) -> Self {
        Self {
            id,
            chat,
            seq,
            rev,
            from,
            client_msg_id: None,
            content,
            sent,
            edited: None,
            deleted: None,
            reactions: Vec::new(),
            pinned: None,
        }
    }

    /// Where it is in its chat's log.
    pub const fn place(&self) -> Place {
        Place { seq: self.seq, rev: self.rev }
    }

    /// What the chat of a call is told when it ends: from who called, as of the end. `None` while
    /// the call lives.
    pub fn of_call(call: &Call, id: MessageId, place: Place) -> Option<Self> {
        let (content, end) = (CallContent::of(call)?, call.end()?);
        Some(Self::new(id, call.chat, place, call.caller.user, Content::Call(content), end.at))
    }
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

impl CallContent {
    /// How a call went; `None` while it lives.
    pub fn of(call: &Call) -> Option<Self> {
        let end = call.end()?;
        Some(Self { call: call.id, kind: call.kind, reason: end.reason, talked: end.talked })
    }
}

/// Text of a person, with what it refers to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextContent {
    /// The text; empty only if there are attachments.
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

impl TextContent {
    /// A text and nothing else. Begin with this and name what else there is, so that a new field
    /// need not be named by all who do not know it.
    pub const fn of(body: Body) -> Self {
        Self {
            body,
            attachments: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
            mention_all: false,
            forwarded: None,
        }
    }
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
    /// Its readers need not know the author, so nothing is said about them.
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
    /// New rules.
    RulesChanged {
        /// As they are from now on.
        rules: GroupRules,
    },
    /// A new announcement, or none.
    AnnouncementChanged,
    /// This person was silenced, or may speak again.
    MemberSilenced {
        /// Whom.
        user: UserId,
        /// Until when; `None` when they may speak again.
        until: Option<Time>,
    },
    /// This person, who had asked for it, was let in.
    LetIn {
        /// Whom.
        user: UserId,
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
    GroupDeleted {
        /// Those who run the server did it.
        by_operators: bool,
    },
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

/// A row of the list of chats, complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatSummary {
    /// As its viewer sees it now.
    pub chat: Chat,
    /// The user's membership in it.
    pub member: Member,
    /// The latest message that the user may see.
    pub last: Option<Message>,
    /// Messages not read that there is something to read in: no system messages, none that was
    /// deleted, none that the user hid.
    pub unread: u64,
    /// Of these, the ones that mention the user.
    pub mentions: u64,
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

impl NewMessage {
    /// The two people of the direct chat that this message may begin, when its sender is one.
    pub fn begins(&self) -> Option<(UserId, UserId)> {
        self.peers.filter(|peers| peers.0 == self.from || peers.1 == self.from)
    }

    /// Refuses peers that are not those of the chat.
    pub fn check_peers(&self) -> Result<()> {
        match self.peers {
            Some((one, other)) if ChatId::direct(one, other) != self.chat => {
                Err(Error::internal("the peers are not those of the chat"))
            }
            _ => Ok(()),
        }
    }

    /// The message at its place in the log.
    pub fn at(self, place: Place) -> Message {
        let content = Content::Text(self.content);
        let key = Some(self.client_msg_id);
        Message {
            client_msg_id: key,
            ..Message::new(self.id, self.chat, place, self.from, content, self.sent)
        }
    }
}

/// A change of one message. Each gives the row the chat's next rev.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MessageChange {
    /// New text; the old one is kept for the author, at most the last `EDITS`.
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
