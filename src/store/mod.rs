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
//! Each noun has its verbs in a file of its own beside this one. The suite in `tests/contract` runs
//! against every adapter. Called by `core` alone.

pub mod embedded;
#[cfg(feature = "mongodb")]
pub mod mongo;

mod accounts;
mod alerts;
pub mod archive;
mod calls;
mod chats;
mod contacts;
mod decide;
mod door;
mod exports;
mod files;
pub(crate) mod forms;
mod group;
mod messages;
mod nodes;
mod operators;
mod pushes;
mod recoveries;
mod reports;
mod trends;

use std::time::Duration;

use async_trait::async_trait;

pub use self::accounts::{Move, Moved, Pass, Redeem, Sessions, SignUp, Users};
pub use self::alerts::AlertSettings;
use self::archive::Archive;
pub use self::calls::{Begun, CallRecord, CallStepped, Calls};
pub use self::chats::{Chats, Cursor, Inbox, ListPart, Progress};
pub use self::contacts::{Act, Contacts, TieStep, Tied, Unasked};
pub use self::door::{Entered, Invitations};
pub use self::exports::Exports;
pub use self::files::{FilePut, Files};
pub use self::group::{Asked, Founded, GroupStep, Guard, InvitePut, JoinAsk, Stepped, Unfit};
pub use self::messages::{Appended, Changed, Changes, Hush, Look, Looking, Messages, Pending};
pub use self::nodes::{LAPSE, Node, Nodes};
pub use self::operators::{Acted, Operators};
pub use self::pushes::{Pushes, Subscribed};
pub use self::recoveries::Recoveries;
pub use self::reports::{ReportMark, Reports};
pub use self::trends::Trends;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{Incarnation, ObjectId};

/// Everything that the server remembers. An adapter says in its `mod` that it is one.
pub trait Store:
    Users
    + Sessions
    + Recoveries
    + Invitations
    + Operators
    + Pushes
    + AlertSettings
    + Chats
    + Contacts
    + Messages
    + Calls
    + Files
    + Reports
    + Exports
    + Trends
    + Terms
    + Upkeep
    + Nodes
    + Archive
{
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
    /// Whether the store can serve: reads and writes, right now, or at the last renewal of a lease
    /// (`Nodes`). To be asked every few seconds, not whenever a stranger likes.
    async fn ready(&self) -> Result<()>;
    /// Which life of the store this is: the same for all nodes, and over restarts. A new store has
    /// one that no other has.
    fn incarnation(&self) -> Incarnation;
    /// Begins another life, durably: what is here need not go on from what clients have seen. For
    /// a store that was restored or copied, before any server works with it.
    async fn renew(&self) -> Result<()>;
    /// Removes what is over: codes, quotas, links, invitations, sessions that nobody uses, places
    /// that nobody logged in from, accounts that nobody verified; also codes and quotas that end
    /// farther ahead than they can, which a clock that was wrong has left. A use that it noted
    /// ahead of `now` becomes one of now. Bounded work a call; whether there is more.
    async fn sweep(&self, due: &Due) -> Result<bool>;
    /// Finishes what is queued and closes; later verbs fail. Idempotent.
    async fn close(&self);
}
