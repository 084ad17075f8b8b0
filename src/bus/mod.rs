//! The bus: carries what happened to every node where somebody listens.
//!
//! Invariant: a push is a hint, the store is the truth. The bus may lose and reorder; the hub puts
//! changes of a chat in order by their rev, and gaps are read from the store.
//!
//! Called by `core::fanout`.

pub mod codec;
pub mod directory;
pub mod local;
#[cfg(feature = "nats")]
pub mod nats;
pub mod numbered;
pub mod told;

pub use told::Run;

use std::sync::{Arc, OnceLock, Weak};

use crate::id::{CallId, ChatId, NodeId, SessionId, UserId};
use crate::model::alerts::Alerts;
use crate::model::auth::Instance;
use crate::model::calls::{Call, Device};
use crate::model::chats::{Chat, Member};
use crate::model::exports::Export;
use crate::model::messages::Message;
use crate::model::reports::Report;

/// What has happened.
#[derive(Debug, Clone)]
pub enum Event {
    /// A row of a chat is new or changed; goes to the members who may see it, in the order of revs.
    Message(Arc<Posted>),
    /// A direct chat began: both people hear of the chat before its first message.
    ChatOpened(Arc<Chat>),
    /// A user's own member row changed; goes to the user's connections.
    Member(Arc<OwnMember>),
    /// A report was taken or answered; goes to the devices of who made it alone.
    Report(Arc<Report>),
    /// A copy of a person's own data is ready, or could not be made.
    Export(Arc<Export>),
    /// A member's cursor moved; goes to the members of the chat, except where that would be a
    /// flood (see `core::receipts`).
    Receipt(Receipt),
    /// A member is writing; goes to the other members who are connected. Never stored.
    Typing(Typing),
    /// Somebody asks to be let into a group, or waits no more; goes to its admins who are
    /// connected. A hint: the store says who waits.
    Asking(Arc<Asking>),
    /// A call changed: all devices of both people are told its state; it makes the callee's ring,
    /// and stop.
    Call(Arc<CallNews>),
    /// A signal of a call; goes to one device. Never stored.
    Signal(Arc<Signal>),
    /// These sessions of the user are over: their connections close.
    SessionsClosed(UserId, Arc<[SessionId]>),
    /// A user's name or picture changed: caches forget it.
    UserChanged(UserId),
    /// A person has said anew what they want to be told of; goes to their connections.
    Alerts(UserId, Arc<Alerts>),
    /// A person's devices show a message, or nothing of a chat any more, as a node told them by
    /// push: the others tell them nothing more of that chat until their person comes.
    Pushed(Arc<Pushed>),
    /// One more of a person's devices can be told by push: who is subscribed where is forgotten.
    Subscribed(UserId),
    /// One person blocked or unblocked another: caches forget it.
    BlocksChanged(UserId, UserId),
    /// What two people are to each other changed: caches forget it.
    TieChanged {
        /// Who did something about it.
        one: UserId,
        /// The person whom it is about.
        other: UserId,
        /// From now on neither learns whether the other is there.
        apart: bool,
    },
}

impl Event {
    /// The name of its kind, for metrics and other nodes.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Message(_) => "message",
            Self::ChatOpened(_) => "chat_opened",
            Self::Member(_) => "member",
            Self::Report(_) => "report",
            Self::Export(_) => "export",
            Self::Receipt(_) => "receipt",
            Self::Typing(_) => "typing",
            Self::Asking(_) => "asking",
            Self::Call(_) => "call",
            Self::Signal(_) => "signal",
            Self::SessionsClosed(..) => "sessions_closed",
            Self::UserChanged(_) => "user_changed",
            Self::Alerts(..) => "alerts",
            Self::Pushed(_) => "pushed",
            Self::Subscribed(_) => "subscribed",
            Self::BlocksChanged(..) => "blocks_changed",
            Self::TieChanged { .. } => "tie_changed",
        }
    }
}

/// A row of a chat with what its readers need beside it.
#[derive(Debug, Clone)]
pub struct Posted {
    /// The row.
    pub message: Message,
    /// The author's name as it is now.
    pub from_name: Arc<str>,
    /// The chat's own fields, when this change touched them.
    pub chat: Option<Chat>,
    /// The two people of a direct chat, of a new message: a node that has not heard that the chat
    /// began lets them follow it.
    pub peers: Option<(UserId, UserId)>,
    /// Who came in with this change, so that the hub follows.
    pub joined: Vec<UserId>,
    /// Who left with this change: they are told about it, and about nothing after it.
    pub gone: Vec<UserId>,
    /// Its sender sent it again: it was stored before, and perhaps told before.
    pub repeated: bool,
}

impl Posted {
    /// A row alone: nobody came or went with it.
    pub const fn of(message: Message, from_name: Arc<str>) -> Self {
        Self {
            message,
            from_name,
            chat: None,
            peers: None,
            joined: Vec::new(),
            gone: Vec::new(),
            repeated: false,
        }
    }
}

/// A user's own member row, with what the user hid in the chat by the same change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnMember {
    /// The row.
    pub member: Member,
    /// Seqs hidden for this user only.
    pub hidden: Vec<u64>,
}

/// A member's cursors after one of them moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Receipt {
    /// Where the cursor is.
    pub chat: ChatId,
    /// Whose.
    pub user: UserId,
    /// Read up to here.
    pub read_seq: u64,
    /// Delivered up to here.
    pub delivered_seq: u64,
    /// The chat's rev at which the user was seen to be a member: it is for those who are members
    /// then or later.
    pub as_of: u64,
}

/// The state of a call, as its two people may know it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallNews {
    /// The call; of two with one id, the one with the higher version holds.
    pub call: Call,
    /// Who the caller and the callee are called.
    pub names: [Arc<str>; 2],
}

/// What one device of a call says to the other while they negotiate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signal {
    /// The call that both devices are in.
    pub call: CallId,
    /// Whose device gets it.
    pub to: UserId,
    /// The one device that gets it.
    pub device: Device,
    /// The negotiation that it belongs to.
    pub epoch: u32,
    /// The sender's own count.
    pub seq: u64,
    /// JSON of the client's own making.
    pub data: Arc<str>,
}

/// What a person's devices show of a chat since a node told them by push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pushed {
    /// Who.
    pub user: UserId,
    /// Of which chat.
    pub chat: ChatId,
    /// By which sessions.
    pub sessions: Vec<SessionId>,
    /// Which message; `None`: none any more, and they may be told again.
    pub seq: Option<u64>,
}

/// Somebody writes in a chat.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Typing {
    /// Where they write.
    pub chat: ChatId,
    /// Who.
    pub user: UserId,
    /// For how many milliseconds to believe it; 0 when the person stopped.
    pub for_ms: u64,
    /// The chat's rev at which the user was seen to be a member, as with a receipt.
    pub as_of: u64,
}

/// Somebody asks to be let into a group, or waits no more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asking {
    /// The group.
    pub chat: ChatId,
    /// Who.
    pub user: UserId,
    /// They wait; else they were let in or refused, or took it back.
    pub waits: bool,
    /// Whom it is for.
    pub admins: Vec<UserId>,
    /// The chat's rev at which these were admins, as with a receipt.
    pub as_of: u64,
}

/// Something has happened in a chat that was not told whole: it is to be looked up in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hint {
    /// Where.
    pub chat: ChatId,
    /// The chat's log has come to this rev at least.
    pub rev: u64,
    /// Who may be in the chat now, or no more.
    pub moved: Vec<UserId>,
}

/// A connection, as other nodes know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Spot {
    /// Whose it is.
    pub user: UserId,
    /// The session that speaks for them.
    pub session: SessionId,
    /// Which running client of the session, if that has named itself.
    pub instance: Option<Instance>,
    /// The one chat that it is for; `None`: all chats of the user.
    pub scope: Option<ChatId>,
}

/// So many of the nodes that are not heard are named.
pub const UNHEARD: usize = 8;

/// Where an event comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// It happened on this node.
    Here,
    /// Another node told it.
    There,
}

/// Carries events to every node. Delivery is in no promised order; what is lost is known by a doubt
/// a second later.
pub trait Bus: Send + Sync {
    /// Hands an event to every node, this one first and before it returns.
    fn publish(&self, event: Event);

    /// Whether this node has heard all that others told more than a second ago. While it has not,
    /// nothing that events make caches forget may be taken from a cache.
    fn is_whole(&self) -> bool {
        true
    }

    /// Says which nodes are up, in which runs, as the store has it: each is waited for, and the
    /// others are gone once they are silent.
    fn up(&self, _runs: &[Run]) {}

    /// Up to `UNHEARD` of the nodes that are up and not heard, or not whole; this one first, when
    /// nothing of its own comes back.
    fn unheard(&self) -> Vec<NodeId> {
        Vec::new()
    }

    /// A doubt that is not settled: something that others told will never be heard here.
    fn doubt(&self) -> Option<u64> {
        None
    }

    /// The store was read since this doubt: what was lost is made up for.
    fn settle(&self, _doubt: u64) {}

    /// A connection of this node began: the others learn it.
    fn came(&self, _spot: Spot) {}

    /// A connection of this node ended: the others learn it.
    fn went(&self, _spot: &Spot) {}

    /// The connections of a user on other nodes, as far as those told.
    fn elsewhere(&self, _user: UserId) -> Vec<Spot> {
        Vec::new()
    }
}

/// Where events end on a node: the hub and the caches.
pub trait Listener: Send + Sync {
    /// Takes an event.
    fn on_event(&self, event: &Event, source: Source);

    /// Takes a hint. Only what others told comes as one.
    fn on_hint(&self, _hint: &Hint) {}

    /// A connection of somebody's began on another node, or ended there (`came` is false); the
    /// directory (`Bus::elsewhere`) knows already.
    fn on_moved(&self, _user: UserId, _came: bool) {}
}

/// The listeners of a node, which are named once, when all is built.
#[derive(Default)]
struct Listeners(OnceLock<Vec<Weak<dyn Listener>>>);

impl Listeners {
    /// Says who listens, in the order in which they hear. Only the first call counts.
    fn set(&self, listeners: Vec<Weak<dyn Listener>>) {
        // A second call would mean a second wiring of the same bus, which `app` does not do.
        let _ = self.0.set(listeners);
    }

    /// Hands something to each that is still there.
    fn each(&self, hand: impl Fn(&dyn Listener)) {
        let listeners = self.0.get().into_iter().flatten();
        listeners.filter_map(Weak::upgrade).for_each(|listener| hand(&*listener));
    }
}
