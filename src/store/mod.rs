//! The store: the contract that every database adapter keeps.
//!
//! Verbs are atomic domain steps, not reads and writes of rows, and hold no permission rule: who
//! may do what is decided above, in `core`. Where a decision there rests on what was read, the verb
//! takes a *guard* and answers `Stale` when the ground has moved; the caller looks again.
//!
//! Invariant: when a verb answers `Ok`, its effect is durable: it survives a crash of the process,
//! the machine, or the database.
//! Invariant: in each chat `seq` is dense and `rev` grows by one with each change; no reader sees
//! rev n + 1 before n.
//! Invariant: an error means that the effect is unknown or nothing; every verb is safe to repeat.
//! Invariant: cursors only grow; `Member::rev` grows with each change of the user's member rows,
//! and no two rows of a user share one.
//!
//! The suite in `tests/contract` runs against every adapter. Called by `core` alone.

pub mod embedded;
#[cfg(feature = "mongodb")]
pub mod mongo;

pub mod archive;
mod decide;
mod forms;
mod group;

use std::time::Duration;

use async_trait::async_trait;
use futures_util::future::BoxFuture;

use self::archive::Archive;
pub use self::group::{Founded, GroupStep, Guard, InvitePut, Stepped, Unfit};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{CallId, ChatId, FileId, Incarnation, MessageId, ObjectId, SessionId, UserId};
use crate::model::auth::{AskerKey, LoginCode, Quota, Session, TokenHash, Which};
use crate::model::calls::Call;
use crate::model::chats::{Chat, Followed, InboxRow, Invite, Member, MemberChange, Role};
use crate::model::files::{Digest, File, FileView};
use crate::model::messages::{Message, MessageChange, NewMessage, SystemEvent, Window};
use crate::model::text::Email;
use crate::model::users::{Blocks, ProfileChange, User};

/// Everything that the server remembers.
pub trait Store:
    Users + Sessions + Chats + Messages + Calls + Files + Terms + Upkeep + Archive
{
}

impl<T: Users + Sessions + Chats + Messages + Calls + Files + Terms + Upkeep + Archive> Store
    for T
{
}

/// What became of a sign-up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SignUp {
    /// A new account, not verified yet.
    Created,
    /// The address had an unverified account: it keeps its id and takes the new time of creation
    /// alone, so that it is not swept away too early. What else a sign-up says stands with its
    /// code.
    Renewed(User),
    /// The address has a verified account: nothing was changed.
    Taken(User),
}

/// Accounts and blocks.
#[async_trait]
pub trait Users: Send + Sync {
    /// Puts an unverified account under its address. Unique by address.
    async fn sign_up(&self, user: &User) -> Result<SignUp>;
    /// Finds accounts by id, deleted and unverified ones too; unknown ids are left out.
    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>>;
    /// Finds an account by its address.
    async fn user_by_email(&self, email: &Email) -> Result<Option<User>>;
    /// Changes a profile; `terms` replace the search terms when given. `None`: no such account, or
    /// a deleted one.
    async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
        terms: Option<Vec<String>>,
    ) -> Result<Option<User>>;
    /// Deletes an account and closes its sessions: the row stays, with an empty name and nothing
    /// else that speaks of the person; address, code, sessions, blocks, search terms and files go.
    /// Messages stay, without the files, and so do its places in groups: it is *departing* until
    /// `settle_departed` finds none. From its first write on no verb makes it a member, gives it a
    /// higher role, or opens a session. Answers which sessions it closed. Idempotent: a repeat
    /// finishes what a crash left.
    async fn delete_user(&self, user: UserId, at: Time) -> Result<Vec<SessionId>>;
    /// Deleted accounts that may still be in groups, in no order.
    async fn departing(&self, limit: u32) -> Result<Vec<UserId>>;
    /// Takes a deleted account off `departing` if it is in no group any more; whether it is off.
    async fn settle_departed(&self, user: UserId) -> Result<bool>;
    /// Blocks; no effect when blocked already.
    async fn block(&self, who: UserId, whom: UserId, at: Time) -> Result<()>;
    /// Unblocks; no effect when not blocked.
    async fn unblock(&self, who: UserId, whom: UserId) -> Result<()>;
    /// Whom a user blocks, since when, latest first.
    async fn blocked_by(&self, who: UserId) -> Result<Vec<(UserId, Time)>>;
    /// Who of these people block one person; in no order.
    async fn blockers(&self, whom: UserId, among: &[UserId]) -> Result<Vec<UserId>>;
    /// Who of two blocks whom.
    async fn blocks_between(&self, first: UserId, second: UserId) -> Result<Blocks>;
}

/// A code to be redeemed, and what comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeem {
    /// Which code.
    pub code: ObjectId,
    /// The session to open.
    pub session: Session,
    /// The account's search terms, if this code is the one that verifies it.
    pub terms: Vec<String>,
    /// The places that are known from now on: the device and the network of this login.
    pub places: Vec<AskerKey>,
}

/// Login codes, quotas, known places, and sessions.
#[async_trait]
pub trait Sessions: Send + Sync {
    /// Counts one event under every quota, or none: `Some(when)` says that one of them is used up
    /// until then, and nothing was counted. A quota that stands there twice is counted twice. A
    /// window that ends farther ahead than it is long counts for nothing.
    async fn take(&self, quotas: &[Quota], now: Time) -> Result<Option<Time>>;
    /// Takes one event back under every key, for the present window.
    async fn give_back(&self, quotas: &[Quota], now: Time) -> Result<()>;
    /// Puts a code, and removes those of its address that it takes the place of.
    async fn put_code(&self, code: &LoginCode, over: &[ObjectId]) -> Result<()>;
    /// The codes of an address, latest first, dead ones too; at most 1,000.
    async fn waiting(&self, email: &Email) -> Result<Vec<LoginCode>>;
    /// Counts a guess at each of these codes, then answers them as they stand; those are left out
    /// that are gone, not alive, or were guessed at `max_tries` times before. The counts are
    /// durable before the answer.
    async fn guess(&self, codes: &[ObjectId], max_tries: u32, now: Time) -> Result<Vec<LoginCode>>;
    /// Adds a picture to what the sign-up of a code said; whether the code was still there.
    async fn dress_code(&self, code: ObjectId, picture: FileId) -> Result<bool>;
    /// Redeems a code once: removes it, opens the session, remembers the places, at most `PLACES`
    /// of an account. If the account was not verified yet, it is from now on, and becomes what the
    /// code's profile says, with these search terms. `None` when the code is gone, somebody
    /// else's, or its account deleted.
    async fn redeem(&self, redeem: &Redeem) -> Result<Option<User>>;
    /// Which of these places an account was logged in from; in no order.
    async fn known_places(&self, user: UserId, keys: &[AskerKey]) -> Result<Vec<AskerKey>>;
    /// Finds a session by its token.
    async fn session(&self, token: TokenHash) -> Result<Option<Session>>;
    /// A user's sessions, latest used first.
    async fn sessions(&self, user: UserId) -> Result<Vec<Session>>;
    /// Closes sessions; answers which ones were open.
    async fn close_sessions(&self, user: UserId, which: Which) -> Result<Vec<SessionId>>;
    /// When each of these people was last seen, by the session that was used last; people without
    /// a session are left out.
    async fn last_seen(&self, users: &[UserId]) -> Result<Vec<(UserId, Time)>>;
    /// Notes when sessions were last used; later times win.
    async fn touch(&self, seen: &[(SessionId, Time)]) -> Result<()>;
}

/// Which cursor of a member moves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cursor {
    /// Read up to; a read message is delivered too.
    Read,
    /// Delivered up to.
    Delivered,
}

/// How far the members of a chat have come with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiptCounts {
    /// Active members who were there when it was sent and show receipts, its author not counted.
    pub members: u32,
    /// Of these, to how many it was delivered.
    pub delivered: u32,
    /// Of these, how many have read it.
    pub read: u32,
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
    /// Active members in the order of their user ids, after one of them; `limit` at most 20,000.
    async fn members(&self, chat: ChatId, after: Option<UserId>, limit: u32)
    -> Result<Vec<Member>>;
    /// Banned people of a group, in the order of their user ids.
    async fn banned(&self, chat: ChatId) -> Result<Vec<Member>>;
    /// A user's member rows with an inbox rev above `after`, oldest change first, with their chats:
    /// from 0 on all rows, also of chats that the user left.
    async fn inbox(&self, user: UserId, after: u64, limit: u32) -> Result<Inbox>;
    /// The active member rows of a user with their chats, in no order: the list of chats.
    async fn memberships(&self, user: UserId) -> Result<Vec<InboxRow>>;
    /// The same, what is needed to follow the chats alone: everybody who connects asks for it, and
    /// for it again to sync.
    async fn followed(&self, user: UserId) -> Result<Vec<Followed>> {
        Ok(self.memberships(user).await?.iter().map(Followed::from).collect())
    }
    /// Who of these people shares a chat with the user: a group that both are in, or a direct chat
    /// in which somebody wrote; in no order.
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
    /// How far the members of a chat have come with a message, without its author and without
    /// those who do not show receipts. Who wrote later has read it.
    async fn receipts(&self, chat: ChatId, seq: u64, author: UserId) -> Result<ReceiptCounts>;
    /// Active members who show receipts and have read a message, in the order of their user ids,
    /// without its author.
    async fn readers(
        &self,
        chat: ChatId,
        seq: u64,
        author: UserId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Member>>;
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

/// What became of an append.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Appended {
    /// Stored, and now durable. `created` is the direct chat when this made somebody a member of
    /// it: with its first message.
    Stored {
        /// The message.
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

/// What a change of a message rests on, as of one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    /// The chat.
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
    /// one after the other get ascending seqs. The sender must be an active member, which is
    /// checked in the same atomic step; the step also moves the sender's `own_seq`. A direct chat
    /// is created when `peers` are given and it is new, and its first message makes both of them
    /// members. Dropping the answer does not undo it.
    async fn append(&self, new: NewMessage) -> Result<Pending<Appended>>;
    /// Changes one message, on behalf of an active member, which is checked in the same step.
    async fn change(
        &self,
        chat: ChatId,
        seq: u64,
        by: UserId,
        change: MessageChange,
    ) -> Result<Changed>;
    /// A chat, the viewer's row in it, and one message as far as `viewer` may see it; `None` when
    /// there is no such chat.
    async fn look(&self, chat: ChatId, viewer: UserId, seq: u64) -> Result<Option<Look>>;
    /// A page of history that `viewer` may see, in the order of seq; `limit` at most `PAGE`.
    async fn history(
        &self,
        chat: ChatId,
        viewer: UserId,
        window: Window,
        limit: u32,
    ) -> Result<Option<Vec<Message>>>;
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
    /// What a member hid for itself in a chat with an inbox rev above `after`: seqs, ascending.
    async fn hidden(&self, chat: ChatId, user: UserId, after: u64) -> Result<Vec<u64>>;
}

/// How the end of a call is written into its chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The message's name.
    pub message: MessageId,
    /// For these people the message is no news: who had read everything before it has read it too.
    pub known_to: Vec<UserId>,
}

/// What became of a new call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is stored; with its message, if it came with a record.
    Done(Option<Message>),
    /// A party is in this live call; nothing was stored.
    Busy(Call),
}

/// What became of a step of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallStepped {
    /// It is stored; with its message, if it came with a record.
    Done(Option<Message>),
    /// Somebody else was faster, or there is no such call; nothing was stored.
    Stale,
}

/// Calls.
///
/// Invariant: a user is in at most one live call.
/// Invariant: the message that tells a call's end is written by the step that ends it, so once.
#[async_trait]
pub trait Calls: Send + Sync {
    /// Puts a new live call if neither party is in one; with a record, puts a call that has ended
    /// already, whatever the parties are in. The chat exists. Idempotent by `call.id`.
    async fn begin_call(&self, call: &Call, record: Option<CallRecord>) -> Result<Begun>;
    /// Puts a call in place of its version before: `call.version - 1`. A record comes with the step
    /// that ends it.
    async fn step_call(&self, call: &Call, record: Option<CallRecord>) -> Result<CallStepped>;
    /// One call.
    async fn call(&self, call: CallId) -> Result<Option<Call>>;
    /// The live call that a user is in.
    async fn live_call(&self, user: UserId) -> Result<Option<Call>>;
    /// Live calls whose deadline is at `now` or before, earliest first.
    async fn due_calls(&self, now: Time, limit: u32) -> Result<Vec<Call>>;
    /// A user's calls, latest first, those that started before `before`; equal times by id.
    async fn calls_of(
        &self,
        user: UserId,
        before: Option<(Time, CallId)>,
        limit: u32,
    ) -> Result<Vec<Call>>;
}

/// What became of a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePut {
    /// It is stored, or was before.
    Done,
    /// The owner's files would be larger than the quota; they have this many bytes now.
    Full(u64),
    /// There is no such owner, or the account was deleted.
    NoOwner,
}

/// Files, and which objects are needed.
///
/// A file is kept while a message or a picture of a person or group uses it, and as long as its
/// `kept_until` says. Whoever is about to use a file, or to end a use of it, extends that first
/// (`keep_files`), so that the sweep never removes what is being taken into use, and finds again
/// what nobody uses any more. (A message that is deleted has its files looked at by itself.)
///
/// Objects are shared by files of one content. Before an object is removed it is *claimed*; whoever
/// stores a file puts its row first and then waits until none of its objects is claimed. So either
/// the claim sees the row, or the writer sees the claim.
#[async_trait]
pub trait Files: Send + Sync {
    /// Puts a file, unless the owner's files would be larger than `quota` bytes in all. Idempotent
    /// by `file.id`. (MongoDB counts and puts in two steps: files that are put at the same moment
    /// may pass the quota together.)
    async fn put_file(&self, file: &File, quota: u64) -> Result<FilePut>;
    /// Files by id; unknown ids are left out.
    async fn files(&self, ids: &[FileId]) -> Result<Vec<File>>;
    /// A file, and where it stands for a viewer, as of one moment.
    async fn file_view(&self, file: FileId, viewer: UserId) -> Result<Option<FileView>>;
    /// How many bytes a user's files have.
    async fn used_bytes(&self, owner: UserId) -> Result<u64>;
    /// Keeps these files until then at least, used or not; those that exist.
    async fn keep_files(&self, ids: &[FileId], until: Time) -> Result<Vec<File>>;
    /// Takes back what kept a file: the next `drop_unused` from `at` on looks at it.
    async fn release_file(&self, id: FileId, at: Time) -> Result<()>;
    /// Looks at files whose `kept_until` is over: one that is used gets none, one that is not is
    /// removed, and its objects are noted as loose. At most `limit` files; whether there are more.
    async fn drop_unused(&self, now: Time, limit: u32) -> Result<bool>;
    /// Objects that files were removed from and that may be needed no more, in the order of their
    /// digests, after one of them.
    async fn loose_objects(&self, after: Option<Digest>, limit: u32) -> Result<Vec<Digest>>;
    /// Claims a loose object for removal: `true` when no file needs it. If one does, it is loose no
    /// more. `false` too for an object that is not loose, or that another node is removing. To be
    /// repeated after a crash; who claims removes or gives up within ten minutes, since other nodes
    /// take the claim for that of a dead one then.
    async fn claim_object(&self, digest: Digest) -> Result<bool>;
    /// Whether one of these objects is claimed.
    async fn is_claimed(&self, digests: &[Digest]) -> Result<bool>;
    /// Forgets a loose object that was removed, and with it the claim.
    async fn forget_object(&self, digest: Digest) -> Result<()>;
}

/// What is searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Index {
    /// People, by name.
    Users,
    /// Public groups, by title.
    Groups,
}

/// The one primitive of search: a range of folded terms.
#[async_trait]
pub trait Terms: Send + Sync {
    /// Entries with `low <= term < high` after `after`, ordered by term, then id.
    async fn term_range(
        &self,
        index: Index,
        low: &str,
        high: &str,
        after: Option<(String, ObjectId)>,
        limit: u32,
    ) -> Result<Vec<(String, ObjectId)>>;
    /// Replaces the terms of entries: of those that came without, and of all when the way of
    /// folding has changed. Many at once cost less.
    async fn put_terms(&self, index: Index, entries: Vec<(ObjectId, Vec<String>)>) -> Result<()>;
}

/// What a sweep takes for over.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Due {
    /// Whatever ends by then.
    pub now: Time,
    /// Accounts that were asked for before, and not verified.
    pub unverified: Time,
    /// Sessions that were last used by then.
    pub idle: Time,
    /// Known places that were last logged in from by then.
    pub places: Time,
}

/// No quota's window is longer, so none ends farther ahead.
pub const LONGEST_WINDOW: Duration = Duration::from_secs(24 * 60 * 60);

/// What keeps a store in order.
#[async_trait]
pub trait Upkeep: Send + Sync {
    /// Whether the store can serve, right now: reads and writes. To be asked every few seconds, not
    /// whenever a stranger likes.
    async fn ready(&self) -> Result<()>;
    /// Which life of the store this is: the same for all nodes, and over restarts. A new store has
    /// one that no other has.
    fn incarnation(&self) -> Incarnation;
    /// Begins another life, durably: what is here need not go on from what clients have seen. For
    /// a store that was restored or copied, before any server works with it.
    async fn renew(&self) -> Result<()>;
    /// Removes what is over: codes, quotas, links, sessions that nobody uses, places that nobody
    /// logged in from, accounts that nobody verified; also codes and quotas that end farther ahead
    /// than they can, which a clock that was wrong has left. A use that it noted ahead of `now`
    /// becomes one of now. Bounded work a call; whether there is more.
    async fn sweep(&self, due: &Due) -> Result<bool>;
    /// Finishes what is queued and closes; later verbs fail. Idempotent.
    async fn close(&self);
}
