//! Nodes inside the test's own process, on one store, that tell each other by a bus that loses,
//! doubles and delays packets when a test says so. Time between them is the test's own.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use bytes::Bytes;
use wechat::bus::numbered::{NumberedBus, Ticking};
use wechat::bus::told::{Packet, Run, YOUNG};
use wechat::bus::{Bus, Event};
use wechat::id::{NodeId, ObjectId};
use wechat::model::contacts::Strangers;

use super::PATIENCE;
use super::inside::new_store;
use super::node::{Device, Node};

/// A step of the nodes' time.
const STEP: Duration = Duration::from_millis(10);
/// No packet is later than this.
const LATE_MS: u64 = 300;

/// Several nodes and what is between them.
pub struct Cluster {
    pub nodes: Vec<Arc<Node>>,
    buses: Vec<Arc<NumberedBus>>,
    now: Arc<Mutex<Instant>>,
    random: fastrand::Rng,
    /// Of a hundred packets so many are lost, as many come twice, and as many late.
    bad: u8,
    flying: Vec<(Instant, usize, Bytes)>,
    /// Nodes that hear nothing and are not heard.
    cut: Vec<usize>,
}

fn run(node: u8) -> Run {
    Run { node: NodeId(ObjectId([node; 12])), number: 1 }
}

impl Cluster {
    /// So many nodes on a new store, which know each other.
    pub async fn of(count: u8) -> Self {
        let now = Arc::new(Mutex::new(Instant::now()));
        let first = tempfile::tempdir().expect("a folder");
        let store = new_store(first.path()).await;
        let mut folders = vec![first];
        let (mut nodes, mut buses) = (Vec::new(), Vec::new());
        for number in 0..count {
            let clock = now.clone();
            let ticking: Ticking = Arc::new(move || *clock.lock().expect("not poisoned"));
            let bus = Arc::new(NumberedBus::new(run(number), ticking));
            bus.up(&(0..count).map(run).collect::<Vec<_>>());
            let folder = folders.pop().unwrap_or_else(|| tempfile::tempdir().expect("a folder"));
            let listen = |listeners| bus.listen(listeners);
            let carried: Arc<dyn Bus> = bus.clone();
            let stored = (store.clone(), folder);
            nodes.push(Arc::new(Node::told_by(stored, Strangers::default(), (carried, listen))));
            buses.push(bus);
        }
        let random = fastrand::Rng::with_seed(0);
        let (flying, cut) = (Vec::new(), Vec::new());
        let mut cluster = Self { nodes, buses, now, random, bad: 0, flying, cut };
        cluster.pass(YOUNG + Duration::from_secs(1)).await;
        cluster
    }

    /// A node tells something.
    pub fn publish(&self, node: usize, event: Event) {
        self.buses[node].publish(event);
    }

    /// From now on, of a hundred packets `bad` are lost, as many come twice, and as many late.
    pub fn behaves(&mut self, seed: u64, bad: u8) {
        self.random = fastrand::Rng::with_seed(seed);
        self.bad = bad;
    }

    /// A node hears nothing and is not heard, until `mend`.
    pub fn cut(&mut self, node: usize) {
        self.cut.push(node);
    }

    /// Whoever was cut off hears and is heard again.
    pub fn mend(&mut self) {
        self.cut.clear();
    }

    /// A node dies without a word, and its lease lapses.
    pub fn dies(&mut self, node: usize) {
        self.cut(node);
        let left = (0..self.nodes.len()).filter(|left| !self.is_cut(*left));
        let runs: Vec<Run> = left.map(|left| run(left as u8)).collect();
        self.buses.iter().for_each(|bus| bus.up(&runs));
    }

    /// Whether a node lacks nothing that was told a second ago.
    pub fn is_whole(&self, node: usize) -> bool {
        self.buses[node].is_whole()
    }

    /// How often something was lost for good, at all nodes.
    pub fn doubts(&self) -> u64 {
        self.buses.iter().map(|bus| bus.tally().doubts).sum()
    }

    /// Time passes between the nodes, and they settle their doubts.
    pub async fn pass(&mut self, time: Duration) {
        let end = self.now() + time;
        while self.now() < end {
            *self.now.lock().expect("not poisoned") += STEP;
            self.send();
            self.deliver();
            for node in &self.nodes {
                node.inside.core.settle_doubt(&node.hub).await.expect("the store is there");
            }
            tokio::task::yield_now().await;
        }
    }

    /// Time passes until something is so.
    pub async fn until(&mut self, what: &str, mut is_so: impl FnMut() -> bool) {
        let began = Instant::now();
        while !is_so() {
            assert!(began.elapsed() < PATIENCE, "waited in vain: {what}");
            self.pass(STEP).await;
            // What a gap lacks is read by a task of its own, in real time.
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Time passes until a node knows that there are so many connections on others.
    pub async fn knows_elsewhere(&mut self, node: usize, connections: usize) {
        let bus = self.buses[node].clone();
        let knows = || bus.known_elsewhere() == Some(connections);
        self.until("the connections elsewhere", knows).await;
    }

    /// Time passes until a device that keeps up at a node knows a message with this text.
    pub async fn hears(&mut self, device: &mut Device, node: usize, text: &str) {
        let began = Instant::now();
        loop {
            device.keep_up(&self.nodes[node]).await;
            let mut known = device.state.chats().values().flat_map(|chat| chat.messages.values());
            if known.any(|message| message["body"] == text) {
                return;
            }
            assert!(began.elapsed() < PATIENCE, "did not hear {text:?}");
            self.pass(STEP).await;
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Everything that was told is heard.
    pub async fn rest(&mut self) {
        let bad = std::mem::replace(&mut self.bad, 0);
        self.mend();
        self.pass(Duration::from_secs(2)).await;
        let whole = (0..self.nodes.len()).all(|node| self.is_whole(node));
        assert!(whole, "the network is good, and yet somebody lacks something");
        self.bad = bad;
    }

    fn now(&self) -> Instant {
        *self.now.lock().expect("not poisoned")
    }

    fn send(&mut self) {
        for from in 0..self.buses.len() {
            for Packet { to, bytes } in self.buses[from].packets() {
                let to = to.map(|node| usize::from(node.0.0[0]));
                for hearer in 0..self.buses.len() {
                    let apart = from != hearer && (self.is_cut(from) || self.is_cut(hearer));
                    if !apart && to.is_none_or(|to| to == hearer) {
                        self.fly(hearer, &bytes);
                    }
                }
            }
        }
    }

    fn is_cut(&self, node: usize) -> bool {
        self.cut.contains(&node)
    }

    fn fly(&mut self, to: usize, bytes: &Bytes) {
        if self.luck() {
            return;
        }
        for _ in 0..1 + usize::from(self.luck()) {
            let late = if self.luck() { self.random.u64(..LATE_MS) } else { 0 };
            self.flying.push((self.now() + Duration::from_millis(late), to, bytes.clone()));
        }
    }

    fn luck(&mut self) -> bool {
        self.random.u8(..100) < self.bad
    }

    fn deliver(&mut self) {
        let now = self.now();
        let flying = std::mem::take(&mut self.flying);
        let (arrived, flying): (Vec<_>, Vec<_>) = flying.into_iter().partition(|f| f.0 <= now);
        self.flying = flying;
        for (_, to, bytes) in arrived {
            assert!(self.buses[to].receive(bytes), "a packet of ours");
        }
    }
}
