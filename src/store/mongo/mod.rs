//! The store on MongoDB: a standalone server suffices, since no verb needs a transaction.
//!
//! # How a chat changes
//!
//! A chat's document is the head of its log and the only place where its changes are decided. It
//! carries `version`, the number of commits so far, and a commit is one compare-and-swap of that
//! one document, from version n to n + 1: it sets `head_seq`, `head_rev` and the group's own
//! fields, and puts what has to be written beside it (messages, member rows, reactions, links,
//! search terms) as bytes into `redo`, with `unwritten: n + 1`. Then the redo is carried out, the
//! caller is answered, and a moment later the redo is taken out again, those of many chats
//! together.
//!
//! Whoever finds `unwritten` in a chat that it reads or is about to change carries the redo out
//! first (unless this node knows that it was). So a crash at any point leaves either nothing, or a
//! commit that the next reader finishes.
//!
//! Why this keeps the contract:
//! - *Atomic and durable.* The swap is one document, acknowledged by the majority and its journal.
//!   What it decides holds from then on; the rest follows from what it stored.
//! - *Dense and in order.* Seqs and revs are given out inside the swap. Commit n + 1 is only tried
//!   after the redo of n was carried out, so nobody sees rev r + 1 before r.
//! - *Nothing lost, nothing twice.* Two commits from the same version: one finds the version moved
//!   and looks again. Every write of a redo is guarded by what it wrote (`redo`), so carrying it
//!   out twice, by two nodes, or late, changes nothing.
//! - *Members only, in the same step.* Every change of a standing is a commit. Standings, keys and
//!   rows that were read at version n are still so in the commit that succeeds from n to n + 1.
//! - *Idempotent.* An append looks its keys up as of version n; a message under the same key that
//!   came since would have moved the version. After a lost answer the look-up finds the own
//!   message by its id.
//! - *One moment.* Readers take the chat first, then the viewer's row, which must not be newer than
//!   it, then rows up to the chat's head (`messages`).
//!
//! - *From memory.* What a node remembers of a chat it may try a commit on, since the swap fails if
//!   it is not so any more; what needs no commit is answered only from what was read.
//!
//! Appends that wait for one chat are gathered into one commit (`lanes`); nodes that change it at
//! once take turns (`turns`). The order of a user's inbox is a second, smaller scheme (`members`).
//! The log's unique keys (chat and seq; chat and rev; chat, sender and key) hold no promise by
//! themselves; they are there to stop a chat rather than let a mistake of ours make a second
//! message 88.
//!
//! Reading order: `access` (time-outs, retries, the circuit), `schema`, `redo`, `commit`, then one
//! file a noun. Named by `app` and `cli` alone.

mod access;
mod connect;
mod indexes;
mod redo;
mod rows;
mod schema;
mod tables;

mod chats;
mod commit;
mod members;
mod turns;

mod alerts;
mod alter;
mod archive;
mod calls;
mod chat_verbs;
mod contacts;
mod content;
mod counts;
mod door;
mod exports;
mod files;
mod invites;
mod lanes;
mod messages;
mod nodes;
mod operators;
mod pushes;
mod recoveries;
mod reports;
mod restore;
mod sessions;
mod steps;
mod terms;
mod trends;
mod upkeep;
mod users;

use std::sync::{Arc, Mutex};

use self::access::Access;
use self::commit::Commits;
pub use self::connect::Watch;
use self::lanes::Lanes;
use self::nodes::Renewed;
pub use self::tables::Names;
use crate::error::Result;
use crate::id::Incarnation;
use crate::store::Store;

/// The store on MongoDB.
pub struct MongoStore {
    access: Access,
    commits: Arc<Commits>,
    lanes: Lanes,
    incarnation: Mutex<Incarnation>,
    renewed: Renewed,
}

impl Store for MongoStore {}

impl MongoStore {
    /// Opens the store in a database, or begins one there: makes its indexes. Fails with a message
    /// that says what to change when the address is wrong, the server does not answer, refuses the
    /// credentials or the right to make indexes, or when a newer version wrote the database.
    pub async fn open(uri: &str, database: &str, names: Names) -> Result<Self> {
        Self::open_watched(uri, database, names, None).await
    }

    /// Whether a server answers at an address and takes its credentials; nothing is written.
    pub async fn reach(uri: &str, database: &str) -> Result<()> {
        connect::connect(uri, database, None).await.map(drop)
    }

    /// The same as `open`, and `watch` sees every command on its way.
    pub async fn open_watched(
        uri: &str,
        database: &str,
        names: Names,
        watch: Option<Watch>,
    ) -> Result<Self> {
        let (client, handle) = connect::connect(uri, database, watch).await?;
        let access = Access::new(client, handle, names);
        schema::prepare(&access, database).await?;
        let incarnation = Mutex::new(upkeep::incarnation(&access).await?);
        let commits = Commits::new(access.clone());
        let lanes = Lanes::new(commits.clone());
        Ok(Self { access, commits, lanes, incarnation, renewed: Renewed::default() })
    }
}
