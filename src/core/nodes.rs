//! This server among those that work on the same store: its lease, the store's time, and what one
//! node does for all.
//!
//! Invariant: what more than one node judges (deadlines of calls, codes, quotas) is judged by the
//! store's clock, so a node whose own is wrong ends nothing early. Invariant: a node that is alone
//! asks nobody whether it may do something. Renewed by `app`, every `RENEW_EVERY`.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use super::Shared;
use crate::bus::Run;
use crate::clock::StoreClock;
use crate::error::{Error, Result};
use crate::id::NodeId;
pub use crate::store::Node;

/// How often a lease is renewed.
pub const RENEW_EVERY: Duration = Duration::from_secs(2);
/// A clock that is off by more is worth a warning.
const WRONG: Duration = Duration::from_secs(1);
/// A server whose clock is off by more does not serve.
pub const TOO_WRONG: Duration = Duration::from_secs(10);

/// A node that has others beside it is sent nobody before its lease has stood for so long: by then
/// all have looked, and wait for what it tells.
const SEEN_AFTER: Duration = Duration::from_secs(3);
/// A node that has not heard itself for so long is deaf. By then all have said in their leases what
/// they hear, so that one bus that is gone for all does not look like one node that is cut off.
const DEAF_AFTER: Duration = Duration::from_secs(6);

/// This server's place among the nodes.
#[derive(Default)]
pub(crate) struct Place {
    me: OnceLock<Me>,
    draining: AtomicBool,
    /// How far this machine's clock is behind the store's.
    behind_ms: AtomicI64,
    others: Mutex<Vec<Node>>,
    /// Since when nothing of its own came back.
    deaf_since: Mutex<Option<Instant>>,
}

struct Me {
    node: Node,
    clock: Arc<StoreClock>,
    /// When its lease began.
    since: Instant,
}

/// Why nobody is to be sent to a node that has these others beside it; `None`: they may be. Its
/// lease has stood for so long, and for so long it has not heard itself.
fn not_yet(stood: Duration, deaf: Option<Duration>, others: &[Node]) -> Option<&'static str> {
    if others.is_empty() {
        return None;
    }
    if stood < SEEN_AFTER {
        return Some("the other servers have yet to see that this one is there");
    }
    is_cut_off(deaf, others).then_some("this server is cut off from the bus, and others are not")
}

/// Whether a node that has not heard itself for so long is cut off from the bus, and others not.
fn is_cut_off(deaf: Option<Duration>, others: &[Node]) -> bool {
    let is_there = |other: &Node| other.hears() && !other.draining;
    deaf.is_some_and(|deaf| deaf >= DEAF_AFTER) && others.iter().any(is_there)
}

impl Place {
    fn others(&self) -> MutexGuard<'_, Vec<Node>> {
        // What a panic elsewhere left behind is whole: each change is one step.
        self.others.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The relays of all nodes that offer theirs for new calls, this one's too; none where this
    /// node has no relay of its own, as devices then use one that all know.
    pub(super) fn relays(&self) -> Vec<Vec<String>> {
        let Some(me) = self.me.get().filter(|me| !me.node.relay.is_empty()) else {
            return Vec::new();
        };
        let draining = self.draining.load(Ordering::Relaxed);
        let own = (!draining).then(|| me.node.relay.clone());
        let others = self.others();
        let offers = |node: &&Node| !node.draining && !node.relay.is_empty();
        own.into_iter().chain(others.iter().filter(offers).map(|node| node.relay.clone())).collect()
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

    fn note_ear(&self, is_deaf: bool) {
        let mut since = self.deaf_since.lock().unwrap_or_else(PoisonError::into_inner);
        *since = is_deaf.then(|| since.unwrap_or_else(Instant::now));
    }

    /// For how long nothing of its own has come back, as of the last renewal.
    fn deaf(&self) -> Option<Duration> {
        let since = *self.deaf_since.lock().unwrap_or_else(PoisonError::into_inner);
        since.map(|since| since.elapsed())
    }

    /// Refuses while nobody is to be sent here.
    pub(super) fn check_seen(&self) -> Result<()> {
        let Some(me) = self.me.get() else { return Ok(()) };
        let why = not_yet(me.since.elapsed(), self.deaf(), &self.others());
        why.map_or(Ok(()), |why| Err(Error::unavailable(why)))
    }

    /// Whether no other node was there at the last renewal.
    pub(super) fn is_alone(&self) -> bool {
        self.others().is_empty()
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
        let _ = self.shared.place.me.set(Me { node, clock, since: Instant::now() });
    }

    /// Renews the lease, which says what this node hears; puts the clock right; looks who else is
    /// there, and tells the bus.
    pub async fn renew(&self) -> Result<()> {
        let (place, store) = (&self.shared.place, &self.shared.ports.store);
        let Some(me) = place.me.get() else { return Ok(()) };
        let draining = place.draining.load(Ordering::Relaxed);
        let unheard = self.shared.ports.bus.unheard().into_iter().map(|node| node.0).collect();
        let node = Node { draining, unheard, ..me.node.clone() };
        place.note_ear(node.tells && !node.hears());
        let before = me.clock.machine();
        let Some(time) = store.renew_lease(&node).await? else { return Ok(()) };
        if let Some(behind_ms) = me.clock.measure(before, time, me.clock.machine()) {
            place.note_clock(behind_ms);
        }
        let mut others = store.live_nodes(self.shared.ports.now()).await?;
        others.retain(|other| other.id != me.node.id);
        let run = |node: &Node| Run { node: NodeId(node.id), number: node.run };
        self.shared.ports.bus.up(&others.iter().map(run).collect::<Vec<_>>());
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

    /// Whether this node is cut off from what the others tell each other.
    pub fn is_cut_off(&self) -> bool {
        let place = &self.shared.place;
        is_cut_off(place.deaf(), &place.others())
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
        if self.place.is_alone() {
            return Ok(true);
        }
        self.ports.store.take_task(task, me.node.id, self.ports.now(), lasts).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    fn node(id: u8, unheard: &[u8]) -> Node {
        let id_of = |id: &u8| ObjectId([*id; 12]);
        Node {
            id: id_of(&id),
            epoch: id_of(&id),
            run: 1,
            name: "node".into(),
            version: "0".into(),
            draining: false,
            prints: Vec::new(),
            relay: Vec::new(),
            tells: true,
            unheard: unheard.iter().map(id_of).collect(),
        }
    }

    #[test]
    fn whoever_is_alone_is_ready_at_once_and_deaf_or_not() {
        assert_eq!(not_yet(Duration::ZERO, None, &[]), None);
        assert_eq!(not_yet(Duration::ZERO, Some(DEAF_AFTER), &[]), None);
    }

    #[test]
    fn beside_others_a_lease_stands_a_while_first() {
        let others = [node(2, &[])];
        let almost = SEEN_AFTER.saturating_sub(Duration::from_millis(1));
        assert!(not_yet(almost, None, &others).is_some());
        assert_eq!(not_yet(SEEN_AFTER, None, &others), None);
    }

    #[test]
    fn only_who_is_deaf_while_others_hear_is_cut_off() {
        let says = |deaf, others: &[Node]| not_yet(SEEN_AFTER, Some(deaf), others).is_some();
        // The node 1 is deaf, which the node 2 does not hear then.
        let hears = node(2, &[1]);
        assert!(says(DEAF_AFTER, std::slice::from_ref(&hears)));
        assert!(!says(DEAF_AFTER / 2, std::slice::from_ref(&hears)), "that may be all of them");
        assert!(!says(DEAF_AFTER, &[node(2, &[2, 1])]), "the bus is gone for all");
        let going = Node { draining: true, ..hears.clone() };
        assert!(!says(DEAF_AFTER, &[going]), "nobody else stays");
        let mute = Node { tells: false, ..hears };
        assert!(!says(DEAF_AFTER, &[mute]), "it hears nobody");
    }
}
