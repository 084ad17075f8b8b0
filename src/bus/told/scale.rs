//! Very many nodes on a simulated network and clock: what each of them hears and keeps, and how
//! long it takes until all is heard again after a death, a partition, and a bus that was away.
//!
//! All nodes tell; some of them are *ears*, which hear everything. The others hear only what is
//! addressed to them, as an ear is like any other, and a thousand of them would take days. The
//! table of docs/performance.md comes from here:
//! `cargo test --lib told::scale -- --include-ignored --nocapture`.

use std::time::{Duration, Instant};

use bytes::Bytes;
use fastrand::Rng;

use super::{Packet, Run, Told, YOUNG};
use crate::id::{NodeId, ObjectId};

/// A step of the clock.
const STEP: Duration = Duration::from_millis(10);
/// Of so many packets one is lost.
const LOST: u32 = 100_000;
/// How many nodes hear everything.
const EARS: usize = 5;
/// An event of a message with a text of 100 bytes, in the stored forms.
const EVENT: usize = 300;
/// A lease lapses, and the others look who is there.
const LAPSE: Duration = Duration::from_secs(10);
const LOOK: Duration = Duration::from_secs(2);
/// How long it takes to read the store after a doubt.
const READ: Duration = Duration::from_secs(1);
/// What can go wrong may take no longer than this to heal.
const PATIENCE: Duration = Duration::from_secs(60);

struct Node {
    told: Option<Told>,
    /// When the doubt came that is being settled.
    doubted: Option<(Instant, u64)>,
}

/// What one ear took in.
#[derive(Debug, Clone, Copy, Default)]
struct Taken {
    packets: u64,
    bytes: u64,
    events: u64,
}

struct Many {
    now: Instant,
    random: Rng,
    nodes: Vec<Node>,
    /// Events a second of all nodes together.
    rate: usize,
    /// What is told in a step is rounded down; this is what is left.
    owed: usize,
    next: usize,
    /// Packets on their way, in order, as a connection keeps it: for a step.
    flying: Vec<(usize, Bytes)>,
    /// Whether packets pass between two nodes.
    passes: fn(usize, usize) -> bool,
    listed: Instant,
    died: Option<(usize, Instant)>,
    taken: Taken,
}

fn run_of(node: usize) -> Run {
    let mut id = [0; 12];
    id[4..].copy_from_slice(&(node as u64).to_be_bytes());
    Run { node: NodeId(ObjectId(id)), number: 1 }
}

fn number_of(node: NodeId) -> usize {
    let bytes: [u8; 8] = node.0.0[4..].try_into().expect("eight bytes");
    u64::from_be_bytes(bytes) as usize
}

impl Many {
    /// So many nodes, which know each other and tell so much a second together.
    fn of(count: usize, rate: usize) -> Self {
        let now = Instant::now();
        let told = |node| Node { told: Some(Told::new(run_of(node), now)), doubted: None };
        let mut many = Self {
            now,
            random: Rng::with_seed(count as u64),
            nodes: (0..count).map(told).collect(),
            rate: 0,
            owed: 0,
            next: 0,
            flying: Vec::new(),
            passes: |_, _| true,
            listed: now,
            died: None,
            taken: Taken::default(),
        };
        many.list();
        many.pass(YOUNG * 2);
        many.rate = rate;
        many.heals();
        many
    }

    fn ears(&self) -> usize {
        EARS.min(self.nodes.len())
    }

    /// The store says who is up: whose lease has not lapsed.
    fn list(&mut self) {
        self.listed = self.now;
        let lapsed = self.died.filter(|(_, at)| self.now - *at >= LAPSE).map(|(node, _)| node);
        let up: Vec<Run> =
            (0..self.nodes.len()).filter(|node| Some(*node) != lapsed).map(run_of).collect();
        for node in 0..self.ears() {
            if let Some(told) = &mut self.nodes[node].told {
                told.up(up.iter().copied());
            }
        }
    }

    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while self.now < end {
            self.step();
        }
    }

    fn step(&mut self) {
        self.now += STEP;
        if self.now - self.listed >= LOOK {
            self.list();
        }
        self.tell();
        let arrived = std::mem::take(&mut self.flying);
        self.send();
        for (to, bytes) in arrived {
            self.hand(to, bytes);
        }
        self.settle();
    }

    fn tell(&mut self) {
        self.owed += self.rate;
        let steps = (1_000 / STEP.as_millis()) as usize;
        let event = Bytes::from_static(&[7; EVENT]);
        while self.owed >= steps {
            self.owed -= steps;
            self.next = (self.next + 1) % self.nodes.len();
            if let Some(told) = &mut self.nodes[self.next].told {
                told.tell(event.clone(), self.now);
            }
        }
    }

    fn send(&mut self) {
        let now = self.now;
        for from in 0..self.nodes.len() {
            let Some(told) = &mut self.nodes[from].told else { continue };
            let packets: Vec<Packet> = std::iter::from_fn(|| told.packet(now)).collect();
            for Packet { to, bytes } in packets {
                match to {
                    Some(to) => self.fly(from, number_of(to), &bytes),
                    None => (0..self.ears()).for_each(|to| self.fly(from, to, &bytes)),
                }
            }
        }
    }

    fn fly(&mut self, from: usize, to: usize, bytes: &Bytes) {
        if (self.passes)(from, to) && self.random.u32(..LOST) > 0 {
            self.flying.push((to, bytes.clone()));
        }
    }

    fn hand(&mut self, to: usize, bytes: Bytes) {
        let Some(told) = &mut self.nodes[to].told else { return };
        let length = bytes.len() as u64;
        let heard = told.hear(bytes, self.now);
        if to == 0 {
            self.taken.packets += 1;
            self.taken.bytes += length;
            self.taken.events += heard.events.len() as u64;
        }
    }

    /// Ears read the store when they are in doubt.
    fn settle(&mut self) {
        let (now, ears) = (self.now, self.ears());
        for node in &mut self.nodes[..ears] {
            let Some(told) = &mut node.told else { continue };
            match (node.doubted, told.doubt()) {
                (None, Some(doubt)) => node.doubted = Some((now, doubt)),
                (Some((at, doubt)), _) if now - at >= READ => {
                    told.settle(doubt);
                    node.doubted = None;
                }
                _ => {}
            }
        }
    }

    fn all_whole(&self) -> bool {
        let ears = &self.nodes[..self.ears()];
        ears.iter().filter_map(|node| node.told.as_ref()).all(|told| told.is_whole(self.now))
    }

    /// How long it takes from now until every ear is whole, and stays so for a second.
    fn heals(&mut self) -> Duration {
        let began = self.now;
        let mut whole = None;
        loop {
            self.step();
            whole = self.all_whole().then(|| whole.unwrap_or(self.now));
            match whole {
                Some(at) if self.now - at >= Duration::from_secs(1) => return at - began,
                _ => assert!(self.now - began < PATIENCE, "not whole after {PATIENCE:?}"),
            }
        }
    }

    /// What an ear takes in, in a second.
    fn measured(&mut self) -> Taken {
        const SECONDS: u64 = 5;
        self.taken = Taken::default();
        self.pass(Duration::from_secs(SECONDS));
        let Taken { packets, bytes, events } = self.taken;
        Taken { packets: packets / SECONDS, bytes: bytes / SECONDS, events: events / SECONDS }
    }

    /// A node dies: from its death until the others know that they lack nothing of it.
    fn dies(&mut self) -> Duration {
        let last = self.nodes.len() - 1;
        self.nodes[last].told = None;
        self.died = Some((last, self.now));
        let silent = Duration::from_millis(1_100);
        self.pass(silent);
        assert!(!self.all_whole(), "a death that nobody notices");
        silent + self.heals()
    }

    /// Packets do not pass for a time; how long it then takes.
    fn cut(&mut self, passes: fn(usize, usize) -> bool, time: Duration) -> Duration {
        self.passes = passes;
        self.pass(time);
        assert!(!self.all_whole(), "cut off, and nobody notices");
        self.passes = |_, _| true;
        self.heals()
    }
}

/// Measures so many nodes, and prints a row of the table.
fn row(nodes: usize, rate: usize) -> [Duration; 3] {
    let mut many = Many::of(nodes, rate);
    let Taken { packets, bytes, events } = many.measured();
    // Ears with even numbers, and all others, on either side.
    let halves = |from: usize, to: usize| from % 2 == to % 2;
    let parted = many.cut(halves, Duration::from_secs(5));
    let away = many.cut(|_, _| false, Duration::from_secs(30));
    let died = many.dies();
    let spent = bytes as f64 / events.max(1) as f64;
    println!(
        "{nodes:>5} nodes, {rate} events/s in all: {events} heard a second at each, in {packets} \
         packets, {spent:.0} bytes an event; whole again {died:?} after a death, {parted:?} after \
         a partition of 5 s, {away:?} after 30 s without the bus"
    );
    [died, parted, away]
}

fn check([died, parted, away]: [Duration; 3]) {
    assert!(died <= LAPSE + LOOK + READ + Duration::from_secs(2), "{died:?}");
    assert!(parted <= READ + Duration::from_secs(2), "{parted:?}");
    assert!(away <= READ + Duration::from_secs(3), "{away:?}");
}

#[test]
fn ten_nodes_heal_as_fast_as_is_promised() {
    check(row(10, 500));
}

#[test]
#[ignore = "minutes: prints the table of docs/performance.md"]
fn a_hundred_and_a_thousand_heal_as_fast() {
    for (nodes, rate) in [(10, 10_000), (100, 10_000), (1_000, 10_000)] {
        check(row(nodes, rate));
    }
}
