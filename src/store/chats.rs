//! Chats, their members, invitation links.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use super::group::{Asked, Founded, GroupStep, InvitePut, JoinAsk, Stepped};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{Chat, Followed, InboxRow, Invite, Member, MemberChange, Role};
use crate::model::messages::SystemEvent;

/// Which cursor of a member moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// Read up to; a read message is delivered too.
    Read,
    /// Delivered up to.
    Delivered,
}

/// How far a member of a chat has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// The member.
    pub user: UserId,
    /// The first message of the membership.
    pub join_seq: u64,
    /// Delivered up to here; who writes has received and read what stands above.
    pub delivered_seq: u64,
    /// Read up to here.
    pub read_seq: u64,
}

/// A part of a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ListPart {
    /// After so many rows.
    pub skip: usize,
    /// At most so many.
    pub limit: usize,
}

/// A user's member rows that changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inbox {
    /// The user's inbox version when it was read.
    pub rev: u64,
    /// Rows, oldest change first.
    pub rows: Vec<InboxRow>,
    /// There are more after the last row.
    pub more: bool,
}

/// Chats, members, invitation links.
#[async_trait]
pub trait Chats: Send + Sync {
    /// Creates a group with its first members; the first of them is the owner. Idempotent by
    /// `chat.id`. `event` becomes message 1. (MongoDB counts the groups that people are in and
    /// then adds them: who is added to several at the same moment may pass `GROUPS` a little. So it
    /// is with `step`.)
    async fn create_group(
        &self,
        chat: &Chat,
        members: &[(UserId, Role)],
        terms: Vec<String>,
        message: MessageId,
        event: SystemEvent,
    ) -> Result<Founded>;
    /// Creates the direct chat of two people when it is new, with no message in it, and makes
    /// `only` one of them a member, or both; the other becomes one with the first message. `None`
    /// when the chat is new and one of the accounts was deleted.
    async fn open_direct(
        &self,
        peers: (UserId, UserId),
        only: Option<UserId>,
        at: Time,
    ) -> Result<Option<Chat>>;
    /// Carries out a group step. `by` counts as having written its message, as with one of its own.
    async fn step(&self, step: GroupStep) -> Result<Stepped>;
    /// A chat, with the member rows of these users where they exist, in one snapshot.
    async fn chat(&self, chat: ChatId, users: &[UserId]) -> Result<Option<(Chat, Vec<Member>)>>;
    /// Several chats by id; unknown ids are left out.
    async fn chats(&self, chats: &[ChatId]) -> Result<Vec<Chat>>;
    /// Active members in the order of their user ids, after one of them; `limit` at most
    /// `GROUP_MEMBERS`.
    async fn members(&self, chat: ChatId, after: Option<UserId>, limit: u32)
    -> Result<Vec<Member>>;
    /// Banned people of a group, in the order of their user ids.
    async fn banned(&self, chat: ChatId) -> Result<Vec<Member>>;
    /// Who waits to be let into a group, in the order of their user ids.
    async fn requests(&self, chat: ChatId) -> Result<Vec<Member>>;
    /// Makes somebody wait to be let into a group; the group's log tells nothing of it.
    async fn ask_in(&self, ask: JoinAsk) -> Result<Asked>;
    /// The owner and admins of a group who are in it, in the order of their user ids, at most
    /// `limit`, and the group's rev that they are as of; `None` when there is no such group. It
    /// costs what they are, however many the members.
    async fn admins(&self, chat: ChatId, limit: u32) -> Result<Option<(u64, Vec<UserId>)>>;
    /// How many people wait to be let into each group that the user may let them into, where there
    /// are any; in the order of the groups' ids.
    async fn waiting_for(&self, user: UserId) -> Result<Vec<(ChatId, u64)>>;
    /// Ends somebody's waiting without letting them in; their row, `None` if they did not wait.
    async fn end_request(&self, chat: ChatId, user: UserId) -> Result<Option<Member>>;
    /// A user's member rows with an inbox rev above `after`, oldest change first, with their chats:
    /// from 0 on all rows, also of chats that the user left.
    async fn inbox(&self, user: UserId, after: u64, limit: u32) -> Result<Inbox>;
    /// The active member rows of a user with their chats, in no order.
    async fn memberships(&self, user: UserId) -> Result<Vec<InboxRow>>;
    /// Of these, the rows where something stands beyond the member's cursors; in no order.
    async fn unread_rows(&self, user: UserId) -> Result<Vec<InboxRow>> {
        let mut rows = self.memberships(user).await?;
        rows.retain(|row| row.chat.head_seq > row.member.read_floor());
        Ok(rows)
    }
    /// A part of the user's list of chats as it is now, in its order: see `decide::list`. It costs
    /// what it answers, not what stands in the list. (MongoDB reads a few fields of every chat.)
    async fn listed(&self, user: UserId, now: Time, part: ListPart) -> Result<Vec<InboxRow>>;
    /// Of all active memberships, what is needed to follow the chats alone: everybody who connects
    /// asks for it, and for it again to sync.
    async fn followed(&self, user: UserId) -> Result<Vec<Followed>>;
    /// Who of these people shares a chat with the user: a group that both are in, or a direct chat
    /// in which somebody wrote and that has no request or end of a contact between them; in no
    /// order.
    async fn acquainted(&self, user: UserId, among: &[UserId]) -> Result<Vec<UserId>>;
    /// Moves a cursor of an active member forward, at most to the chat's head; `None` when it did
    /// not move.
    async fn advance(
        &self,
        chat: ChatId,
        user: UserId,
        cursor: Cursor,
        seq: u64,
    ) -> Result<Option<Member>>;
    /// How far the active members of a chat who show receipts have come, in the order of their user
    /// ids.
    async fn progress(&self, chat: ChatId) -> Result<Vec<Progress>>;
    /// Changes what a member set for itself; `None` when there is no active member.
    async fn change_member(
        &self,
        chat: ChatId,
        user: UserId,
        change: MemberChange,
    ) -> Result<Option<Member>>;
    /// How many messages after the first seq and up to the second are nothing to read for the user,
    /// per chat: system messages, deleted ones, and those that it hid for itself.
    async fn quiet(&self, user: UserId, chats: &[(ChatId, u64, u64)]) -> Result<Vec<u64>>;
    /// The latest seqs of system messages and deleted ones after one seq and up to another, at most
    /// `limit`, ascending.
    async fn quiet_seqs(
        &self,
        chat: ChatId,
        after: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<u64>>;
    /// How many messages after `after` mention the user, per chat: by name or as one of all, each
    /// once, never the user's own, and none that it hid.
    async fn mentions(&self, user: UserId, chats: &[(ChatId, u64)]) -> Result<Vec<u64>>;
    /// Puts an invitation link, whose maker must still be an active member with this role.
    async fn put_invite(&self, invite: &Invite, maker: Role) -> Result<InvitePut>;
    /// Finds an invitation link, expired ones too.
    async fn invite(&self, code: &str) -> Result<Option<Invite>>;
    /// A group's invitation links, latest first.
    async fn invites(&self, chat: ChatId) -> Result<Vec<Invite>>;
    /// Removes an invitation link; whether it was there.
    async fn remove_invite(&self, chat: ChatId, code: &str) -> Result<bool>;
}
