//! Accounts and how people get into them: blocks, codes, quotas, known places, sessions.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use super::door::Entered;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{FileId, ObjectId, SessionId, UserId};
use crate::model::auth::{AskerKey, LoginCode, Quota, RecoveryMark, Session, TokenHash, Which};
use crate::model::door::Admission;
use crate::model::text::Email;
use crate::model::users::{Blocks, ProfileChange, User};

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

/// An account that is to have another address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// Which account.
    pub user: UserId,
    /// The address that it has; with another one it stays as it is.
    pub from: Email,
    /// The one that it gets; the same, if only its sessions are to close.
    pub to: Email,
    /// A code that this uses up; without it, the account stays as it is.
    pub code: Option<ObjectId>,
    /// The session that stays open, and without which the account stays as it is; all others close.
    pub keep: Option<SessionId>,
}

/// What became of a move.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Moved {
    /// The account has the address; which sessions were closed.
    Done(User, Vec<SessionId>),
    /// The account, its address, the code or the session is not what the move says.
    Gone,
    /// The address has another verified account.
    Taken,
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
    /// Gives an account another address, closes its sessions but one, and removes all codes that
    /// wait for it. An unverified account that has the address goes. If no session stays open,
    /// recovery codes go too: whoever takes an account back must not meet a thief who has some.
    async fn move_to(&self, moving: &Move) -> Result<Moved>;
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

/// What somebody shows to be let in. It lets in once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Pass {
    /// A login code, by its name.
    Code(ObjectId),
    /// One of the account's recovery codes.
    Recovery(RecoveryMark),
}

/// A code to be redeemed, and what comes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redeem {
    /// Which code.
    pub code: Pass,
    /// The session to open.
    pub session: Session,
    /// The account's search terms, if this code is the one that verifies it.
    pub terms: Vec<String>,
    /// The places that are known from now on: the device and the network of this login.
    pub places: Vec<AskerKey>,
    /// Whom it lets in, if this code is the one that verifies the account.
    pub admission: Admission,
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
    /// of an account. If the account was not verified yet and is let in, it is verified from now
    /// on, and becomes what the code's profile says, with these search terms; the same step uses
    /// up the profile's invitation, if that works. A recovery code of a suspended person stays.
    async fn redeem(&self, redeem: &Redeem) -> Result<Entered>;
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
