//! Which servers work on a store that several can share, and who does what one of them is enough
//! for.
//!
//! A node says again and again that it is there; its *lease* lapses when it has not for `LAPSE`. A
//! *task* is taken for a while, in the same way. Both are judged by the store's own clock, so that
//! nodes whose clocks differ agree. Nothing rests on a task being taken once: whoever carries one
//! out does what may be done twice. A store that one process opens has one node, and no leases.
//! Called by `core::nodes`, and by commands that must be alone.

use std::time::Duration;

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::ObjectId;

/// How long a lease lives that is not renewed.
pub const LAPSE: Duration = Duration::from_secs(10);

/// A server that works on a store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// The same over restarts: it goes with the data folder.
    pub id: ObjectId,
    /// Of this process: each start has another.
    pub epoch: ObjectId,
    /// Of this process too: a later start of the node has a higher one.
    pub run: u64,
    /// The machine's name.
    pub name: String,
    /// The program's version.
    pub version: String,
    /// It is about to stop.
    pub draining: bool,
    /// What its secrets are known by, each as `name:print`: those of all nodes are the same.
    pub prints: Vec<String>,
    /// It tells the others what happens, and hears them.
    pub tells: bool,
    /// The nodes that it does not hear, or not whole, as far as it knows; itself is among them when
    /// nothing of its own comes back. A few at most, itself first.
    pub unheard: Vec<ObjectId>,
    /// Where devices find its relay for calls; nothing when it has none of its own.
    pub relay: Vec<String>,
}

impl Node {
    /// Whether it hears what it tells itself: it is connected to the others' bus.
    pub fn hears(&self) -> bool {
        self.tells && !self.unheard.contains(&self.id)
    }
}

/// Who works on the store.
#[async_trait]
pub trait Nodes: Send + Sync {
    /// Renews a node's lease, or begins it. The store's present time, or `None` where that is this
    /// machine's. Refused when another process has begun as the same node since.
    async fn renew_lease(&self, node: &Node) -> Result<Option<Time>>;
    /// The nodes whose leases have not lapsed `now`, in the order of their ids.
    async fn live_nodes(&self, now: Time) -> Result<Vec<Node>>;
    /// Ends a node's lease, whichever process of it has it.
    async fn end_lease(&self, node: ObjectId) -> Result<()>;
    /// Takes a task for a node, or keeps it, for so long from `now`; `false`: another has it.
    async fn take_task(
        &self,
        task: &'static str,
        node: ObjectId,
        now: Time,
        lasts: Duration,
    ) -> Result<bool>;
}
