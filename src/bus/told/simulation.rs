//! Nodes on a simulated network and clock: packets are lost, doubled, late and cut off, nodes die
//! and begin again. A seed makes the same life again; a failure names it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;

use super::hearer::SILENT;
use super::{Packet, Run, Told, YOUNG};
use crate::id::{NodeId, ObjectId};

/// No packet is later than this.
const LATE: Duration = Duration::from_millis(400);
/// A step of the clock.
const STEP: Duration = Duration::from_millis(10);

/// How bad the network is, in a hundred packets.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Bad {
    pub(super) lost: u8,
    pub(super) doubled: u8,
    pub(super) late: u8,
}

/// An event, known by who told it and its place.
type Name = (u8, u64, u64);

fn name_of(bytes: &Bytes) -> Name {
    let number = |at: usize| {
        let eight: [u8; 8] = bytes[at..at + 8].try_into().expect("eight bytes");
        u64::from_be_bytes(eight)
    };
    (bytes[0], number(1), number(9))
}

fn bytes_of((node, run, place): Name) -> Bytes {
    [&[node][..], &run.to_be_bytes(), &place.to_be_bytes()].concat().into()
}

pub(super) fn run_of(node: u8, number: u64) -> Run {
    Run { node: NodeId(ObjectId([node; 12])), number }
}

pub(super) struct Node {
    pub(super) told: Told,
    pub(super) run: u64,
    born: Instant,
    heard: BTreeSet<Name>,
    /// The latest run that was heard of each node.
    latest: BTreeMap<u8, u64>,
    doubted: Option<Instant>,
    /// How much of the log it was seen not to lack.
    seen: usize,
}

pub(super) struct Net {
    pub(super) now: Instant,
    pub(super) bad: Bad,
    random: Rng,
    pub(super) nodes: BTreeMap<u8, Node>,
    flying: Vec<(Instant, u8, Bytes)>,
    /// Packets are neither lost nor late: there is never a hole.
    pub(super) orderly: bool,
    /// Pairs whose packets do not pass, in this direction.
    pub(super) cut: BTreeSet<(u8, u8)>,
    /// All that was ever told, with the time of it.
    log: Vec<(Instant, Name)>,
    runs: u64,
}

impl Net {
    /// So many nodes, which are young no more.
    pub(super) fn of(seed: u64, nodes: u8, bad: Bad) -> Self {
        let mut net = Self {
            now: Instant::now(),
            bad: Bad::default(),
            random: Rng::with_seed(seed),
            nodes: BTreeMap::new(),
            flying: Vec::new(),
            orderly: false,
            cut: BTreeSet::new(),
            log: Vec::new(),
            runs: 0,
        };
        (0..nodes).for_each(|node| net.begin(node));
        net.pass(YOUNG * 2);
        net.bad = bad;
        net
    }

    /// A node begins, again if it ran before.
    pub(super) fn begin(&mut self, node: u8) {
        self.runs += 1;
        let (run, now) = (self.runs, self.now);
        let told = Told::new(run_of(node, run), now);
        let (heard, latest) = (BTreeSet::new(), BTreeMap::new());
        let life = Node { told, run, born: now, heard, latest, doubted: None, seen: 0 };
        self.nodes.insert(node, life);
        self.list();
    }

    /// A node dies without a word.
    pub(super) fn kill(&mut self, node: u8) {
        self.nodes.remove(&node);
        self.list();
    }

    /// The store says who is up.
    fn list(&mut self) {
        let up: Vec<Run> = self.nodes.iter().map(|(node, life)| run_of(*node, life.run)).collect();
        self.nodes.values_mut().for_each(|life| life.told.up(up.clone()));
    }

    /// A node tells something.
    pub(super) fn tell(&mut self, node: u8) {
        let (now, place) = (self.now, self.log.len() as u64);
        let Some(life) = self.nodes.get_mut(&node) else { return };
        let name = (node, life.run, place);
        life.told.tell(bytes_of(name), now);
        self.log.push((now, name));
    }

    /// Time passes.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.now += STEP;
            self.send();
            self.deliver();
            self.check();
        }
    }

    fn send(&mut self) {
        let now = self.now;
        let mut sent = Vec::new();
        for (node, life) in &mut self.nodes {
            while let Some(packet) = life.told.packet(now) {
                sent.push((*node, packet));
            }
        }
        for (from, Packet { to, bytes }) in sent {
            let to = to.map(|to| to.0.0[0]);
            let hearers: Vec<u8> = self.nodes.keys().copied().collect();
            for hearer in hearers.into_iter().filter(|node| to.is_none_or(|to| to == *node)) {
                self.fly(from, hearer, &bytes);
            }
        }
    }

    fn fly(&mut self, from: u8, to: u8, bytes: &Bytes) {
        if self.cut.contains(&(from, to)) || self.random.u8(..100) < self.bad.lost {
            return;
        }
        let times = if self.random.u8(..100) < self.bad.doubled { 2 } else { 1 };
        for _ in 0..times {
            let late = if self.random.u8(..100) < self.bad.late {
                Duration::from_millis(self.random.u64(..LATE.as_millis() as u64))
            } else {
                Duration::ZERO
            };
            self.flying.push((self.now + late, to, bytes.clone()));
        }
    }

    fn deliver(&mut self) {
        let now = self.now;
        let (arrived, flying) =
            std::mem::take(&mut self.flying).into_iter().partition(|f| f.0 <= now);
        self.flying = flying;
        let arrived: Vec<(Instant, u8, Bytes)> = arrived;
        for (_, to, bytes) in arrived {
            self.hand(to, bytes);
        }
    }

    /// A packet comes to a node.
    pub(super) fn hand(&mut self, to: u8, bytes: Bytes) {
        let now = self.now;
        if let Some(life) = self.nodes.get_mut(&to) {
            let heard = life.told.hear(bytes, now);
            assert!(!heard.strange, "a packet of ours");
            let holes = life.told.tally().holes;
            assert!(!self.orderly || holes == 0, "a packet overtook what it speaks of");
            for name in heard.events.iter().map(name_of) {
                let (node, run, _) = name;
                assert!(life.heard.insert(name), "{to} heard {name:?} twice");
                let latest = life.latest.entry(node).or_insert(run);
                assert!(*latest <= run, "{to} believed {name:?} after run {latest}");
                *latest = run;
            }
        }
    }

    /// What holds at every moment: who is whole lacks nothing old.
    fn check(&mut self) {
        let now = self.now;
        for (node, life) in &mut self.nodes {
            if let Some(doubt) = life.told.doubt() {
                life.doubted = Some(now);
                life.told.settle(doubt);
            }
            if !life.told.is_whole(now) {
                continue;
            }
            let old = |at: Instant| now.saturating_duration_since(at) > SILENT + LATE;
            let fresh = &self.log[life.seen..];
            let due = fresh.iter().take_while(|(at, _)| old(*at));
            let missing = due.clone().find(|(at, name)| name.0 != *node && life.lacks(*at, name));
            assert!(missing.is_none(), "{node} is whole without {missing:?}");
            life.seen += due.count();
        }
    }

    /// The network is good again; then all are whole, and nobody lacks anything.
    pub(super) fn heal(&mut self) {
        self.bad = Bad::default();
        self.cut.clear();
        self.pass(Duration::from_secs(20));
        for (node, life) in &self.nodes {
            assert!(life.told.is_whole(self.now), "{node} is not whole: {:?}", life.told.tally());
        }
    }

    /// How many asks were sent in all.
    pub(super) fn asks(&self) -> u64 {
        self.nodes.values().map(|life| life.told.tally().asks).sum()
    }

    /// How many doubts there were in all.
    pub(super) fn doubts(&self) -> u64 {
        self.nodes.values().map(|life| life.told.tally().doubts).sum()
    }

    /// How much of what others told a node has heard.
    pub(super) fn heard(&self, node: u8) -> usize {
        self.nodes[&node].heard.len()
    }
}

impl Node {
    /// Whether something is neither heard nor known to be in the store.
    fn lacks(&self, told: Instant, name: &Name) -> bool {
        told > self.born + YOUNG
            && !self.heard.contains(name)
            && self.doubted.is_none_or(|doubted| doubted < told)
    }
}

/// A random life of some nodes.
pub(super) fn live(seed: u64) {
    let mut random = Rng::with_seed(seed ^ 0x5eed);
    let nodes = random.u8(2..5);
    let bad = Bad { lost: random.u8(..40), doubled: random.u8(..30), late: random.u8(..50) };
    let mut net = Net::of(seed, nodes, bad);
    for _ in 0..random.u32(20..80) {
        let one = random.u8(..nodes);
        match random.u8(..20) {
            0 => net.kill(one),
            1 => net.begin(one),
            2 => {
                net.cut.insert((one, random.u8(..nodes)));
            }
            3 => net.cut.clear(),
            4 => net.pass(Duration::from_secs(random.u64(1..4))),
            5..10 => (0..random.u32(1..200)).for_each(|_| net.tell(one)),
            10..15 => net.tell(one),
            _ => net.pass(Duration::from_millis(random.u64(10..300))),
        }
    }
    net.heal();
}
