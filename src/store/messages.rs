//! Messages: the log of a chat.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::{Chat, Member};
use crate::model::excerpt::Excerpt;
use crate::model::messages::{Message, MessageChange, NewMessage, Window};

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// Stored, and now durable. `created` is the direct chat when this made somebody a member of
    /// it: with its first message.
    Stored {
        /// With its seq and rev, which are final.
        message: Message,
        /// The chat as it is now, when the append created it.
        created: Option<Chat>,
    },
    /// The sender used this key before in this chat: the earlier message, as it is now.
    Repeated(Message),
    /// The sender is no active member, or the chat does not exist, or it would begin with a deleted
    /// account. Checked before the key, so that an ex-member learns nothing of what became of an
    /// earlier message.
    NotMember,
    /// The rules of the group stand against it, as they were in the step that would have stored it.
    /// Checked after the key: a repeat of what was stored says nothing new.
    Hushed(Hush),
}

/// Why a member of a group may not say something at the moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hush {
    /// Only admins write in this group.
    AdminsOnly,
    /// An admin silenced the member until then.
    SilentUntil(Time),
    /// Slow mode: their next message is welcome from then on.
    SlowUntil(Time),
}

/// What became of a change of a message.
#[allow(clippy::large_enum_variant, reason = "nearly every value is the large one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Changed {
    /// The row as it is now, with a new rev.
    Done(Message),
    /// The change has no effect (the reaction is there already): the row as it is, with its rev.
    Same(Message),
    /// There is no such message, or it was deleted.
    Gone,
    /// Whoever wants the change is no active member.
    NotMember,
    /// The rules of the group stand against a new text.
    Hushed(Hush),
    /// The message has `EMOJI` different emoji already, and this is another.
    TooManyEmoji,
    /// The chat has `PINS` pinned messages already.
    TooManyPins,
}

/// Rows of a chat that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Changes {
    /// The chat, in the same snapshot.
    pub chat: Chat,
    /// Rows in the order of their revs.
    pub rows: Vec<Message>,
    /// The rev that a reader of these rows has reached: go on from here. It may lie beyond the last
    /// row's, when what follows it up to there changed again later or is not for the viewer.
    pub rev: u64,
    /// The chat's head is beyond `rev`. A page does bounded work, so it may be short, or even
    /// empty, while there is more.
    pub more: bool,
}

/// What somebody looks at a message for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Looking {
    /// To show it: as it is now.
    ToRead,
    /// To change it: the chat may be as it was a minute ago, since the step of the change looks
    /// whether it still is, and what is refused is refused by what is now.
    ToChange,
}

/// What a change of a message rests on, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// With its head at that moment.
    pub chat: Chat,
    /// The viewer's row in it, whatever their state, if there is one.
    pub member: Option<Member>,
    /// The message, if the viewer may see it.
    pub message: Option<Message>,
}

/// An append that is queued: resolves once it is durable.
pub type Pending<T> = BoxFuture<'static, Result<T>>;

/// Messages.
///
/// What a `viewer` may see: as an active member, rows from `Member::visible_from` on, without what
/// it hid for itself. Membership and rows are read as of one moment, so that nothing that came
/// after a removal is ever read with it; `None` when the viewer is no active member.
#[async_trait]
pub trait Messages: Send + Sync {
    /// Queues a message for the end of its chat; waits only while the queue is full. Appends queued
    /// one after the other get ascending seqs. The sender must be an active member whom the rules
    /// of the group let speak, which is checked in the same atomic step; the step also moves the
    /// sender's `own_seq`. A direct chat is created when `peers` are given and it is new, and its
    /// first message makes both of them members. Dropping the answer does not undo it.
    async fn append(&self, new: NewMessage) -> Result<Pending<Appended>>;
    /// Changes one message, on behalf of an active member whom the rules of the group let speak, if
    /// it says something new; that is checked in the same step.
    async fn change(
        &self,
        chat: ChatId,
        seq: u64,
        by: UserId,
        change: MessageChange,
    ) -> Result<Changed>;
    /// A chat, the viewer's row in it, and one message as far as `viewer` may see it; `None` when
    /// there is no such chat.
    async fn look(
        &self,
        chat: ChatId,
        viewer: UserId,
        seq: u64,
        looking: Looking,
    ) -> Result<Option<Look>>;
    /// A page of history that `viewer` may see, in the order of seq; `limit` at most `PAGE`. `None`
    /// for whoever is no active member.
    async fn excerpt(
        &self,
        chat: ChatId,
        viewer: UserId,
        window: Window,
        limit: u32,
    ) -> Result<Option<Excerpt>>;
    /// The messages of an `excerpt`, each by itself.
    async fn history(
        &self,
        chat: ChatId,
        viewer: UserId,
        window: Window,
        limit: u32,
    ) -> Result<Option<Vec<Message>>> {
        let excerpt = self.excerpt(chat, viewer, window, limit).await?;
        Ok(excerpt.map(Excerpt::into_messages))
    }
    /// The latest message of each chat that `viewer` may see; chats without one are left out.
    async fn latest(&self, viewer: UserId, chats: &[ChatId]) -> Result<Vec<Message>>;
    /// Rows with a rev above `after` that `viewer` may see, in the order of their revs.
    async fn changes(
        &self,
        chat: ChatId,
        viewer: UserId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Changes>>;
    /// The same for several chats, each from the rev beside it, in their order, all of what
    /// changed: so many of the first chats as have about `limit` rows together, one at least (of
    /// that one alone there may be more). Costs few queries, however many chats these are.
    async fn changes_in(
        &self,
        viewer: UserId,
        chats: &[(ChatId, u64)],
        limit: u32,
    ) -> Result<Vec<Option<Changes>>>;
    /// Rows with a rev above `after`, for no viewer in particular, and the chat's head rev: closes
    /// gaps of the bus.
    async fn changes_for_all(&self, chat: ChatId, after: u64, limit: u32) -> Result<Changes>;
    /// Pinned messages that `viewer` may see, latest pin first, at most 100.
    async fn pinned(&self, chat: ChatId, viewer: UserId) -> Result<Option<Vec<Message>>>;
    /// Who reacted with an emoji, in the order of user ids, after one of them.
    async fn reactors(
        &self,
        chat: ChatId,
        seq: u64,
        emoji: &str,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>>;
    /// Earlier texts of a message, oldest first, each with the time until which it stood; none of a
    /// deleted one.
    async fn edits(&self, chat: ChatId, seq: u64) -> Result<Vec<(Time, String)>>;
    /// Hides messages for one member alone; the member row gets a new inbox rev, unless all of them
    /// were hidden before. `None` when there is no active member.
    async fn hide(&self, chat: ChatId, user: UserId, seqs: &[u64]) -> Result<Option<Member>>;
    /// What a user hid for themself in each of these chats with an inbox rev above the one beside
    /// it: seqs, ascending. The user's member rows were read up to their inbox before (`inbox`).
    async fn hidden(&self, user: UserId, chats: &[(ChatId, u64)]) -> Result<Vec<Vec<u64>>>;
}
