//! This server among those that work on the same store: its lease, the store's time, and what one
//! node does for all.
//!
//! Invariant: what more than one node judges (deadlines of calls, codes, quotas) is judged by the
//! store's clock, so a node whose own is wrong ends nothing early. Invariant: a node that is alone
//! asks nobody whether it may do something. Renewed by `app`, every `RENEW_EVERY`.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use super::Shared;
use crate::clock::StoreClock;
use crate::error::{Error, Result};
pub use crate::store::Node;

/// How often a lease is renewed.
pub const RENEW_EVERY: Duration = Duration::from_secs(2);
/// A clock that is off by more is worth a warning.
const WRONG: Duration = Duration::from_secs(1);
/// A server whose clock is off by more does not serve.
pub const TOO_WRONG: Duration = Duration::from_secs(10);

/// This server's place among the nodes.
#[derive(Default)]
pub(crate) struct Place {
    me: OnceLock<Me>,
    draining: AtomicBool,
    /// How far this machine's clock is behind the store's.
    behind_ms: AtomicI64,
    others: Mutex<Vec<Node>>,
}

struct Me {
    node: Node,
    clock: Arc<StoreClock>,
}

impl Place {
    fn others(&self) -> MutexGuard<'_, Vec<Node>> {
        // What a panic elsewhere left behind is whole: each change is one step.
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn behind(&self) -> Duration {
        Duration::from_millis(self.behind_ms.load(Ordering::Relaxed).unsigned_abs())
    }

    /// Refuses while this machine's clock is too wrong.
    pub(super) fn check_clock(&self) -> Result<()> {
        let behind = self.behind();
        if behind > TOO_WRONG {
            let seconds = behind.as_secs();
            return Err(Error::unavailable(format!("this machine's clock is {seconds} s off")));
        }
        Ok(())
    }

    fn note_clock(&self, behind_ms: i64) {
        let was_wrong = self.behind() > WRONG;
        self.behind_ms.store(behind_ms, Ordering::Relaxed);
        if self.behind() > WRONG && !was_wrong {
            tracing::warn!(behind_ms, "this machine's clock is not the database's: set it by NTP");
        }
    }

    fn note_others(&self, now: Vec<Node>) {
        let mut known = self.others();
        let is_in = |nodes: &[Node], id| nodes.iter().any(|node| node.id == id);
        for node in now.iter().filter(|node| !is_in(&known, node.id)) {
            tracing::info!(node = node.name, version = node.version, "another node is there");
        }
        for node in known.iter().filter(|node| !is_in(&now, node.id)) {
            tracing::info!(node = node.name, "a node is gone");
        }
        *known = now;
    }
}

/// The nodes of the store, as this one sees them.
#[derive(Clone)]
pub struct Nodes {
    shared: Arc<Shared>,
}

impl Nodes {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// From now on this server is a node with this clock, and has a lease. Only the first counts.
    pub fn enter(&self, node: Node, clock: Arc<StoreClock>) {
        let _ = self.shared.place.me.set(Me { node, clock });
    }

    /// Renews the lease, puts the clock right, and looks who else is there.
    pub async fn renew(&self) -> Result<()> {
        let (place, store) = (&self.shared.place, &self.shared.ports.store);
        let Some(me) = place.me.get() else { return Ok(()) };
        let draining = place.draining.load(Ordering::Relaxed);
        let node = Node { draining, ..me.node.clone() };
        let before = me.clock.machine();
        let Some(time) = store.renew_lease(&node).await? else { return Ok(()) };
        if let Some(behind_ms) = me.clock.measure(before, time, me.clock.machine()) {
            place.note_clock(behind_ms);
        }
        let mut others = store.live_nodes(self.shared.ports.now()).await?;
        others.retain(|other| other.id != me.node.id);
        place.note_others(others);
        Ok(())
    }

    /// The other nodes that were there at the last renewal.
    pub fn others(&self) -> Vec<Node> {
        self.shared.place.others().clone()
    }

    /// How far this machine's clock was off at the last renewal.
    pub fn clock_is_off_by(&self) -> Duration {
        self.shared.place.behind()
    }

    /// This node is about to stop, and says so from now on.
    pub fn drain(&self) {
        self.shared.place.draining.store(true, Ordering::Relaxed);
    }

    /// Whether it is about to stop.
    pub fn is_draining(&self) -> bool {
        self.shared.place.draining.load(Ordering::Relaxed)
    }

    /// Ends the lease: the others need not wait for it to lapse.
    pub async fn leave(&self) -> Result<()> {
        match self.shared.place.me.get() {
            Some(me) => self.shared.ports.store.end_lease(me.node.id).await,
            None => Ok(()),
        }
    }
}

impl Shared {
    /// Whether this node is to do now what one of all is enough for; it keeps the task for so long.
    pub(crate) async fn is_up_to_me(&self, task: &'static str, lasts: Duration) -> Result<bool> {
        let Some(me) = self.place.me.get() else { return Ok(true) };
        if self.place.others().is_empty() {
            return Ok(true);
        }
        self.ports.store.take_task(task, me.node.id, self.ports.now(), lasts).await
    }
}
