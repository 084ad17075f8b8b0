//! What nodes tell each other, so that every loss is known.
//!
//! A node numbers what it tells, and says by a beat how far it is. Whoever misses a number asks
//! the teller, which keeps what it told for a while; when that is in vain, there is a *doubt*: the
//! store has to be read. So losing costs time and never goes unnoticed.
//!
//! Guarantees, whatever the network loses, doubles, delays or cuts off: once packets pass again,
//! each event of a node was handed on, once, or there was a doubt since; nothing of an earlier run
//! of a node is handed on once a later one was heard; while `is_whole` answers true, nothing that
//! was told more than a second ago is missing here.
//!
//! A worked example: "A tells 1, 2, 3; the packet with 2 is lost." B hands on 1 and 3, knows the
//! hole 2, and is not whole. 50 ms later it asks A for 2, hands it on when it comes, and is whole.
//! Had A died meanwhile, B would be in doubt, until whoever heeds that has read the store.
//!
//! A state machine: packets, events and the time go in, packets come out, in the order in which
//! they are to be sent. Called by `numbered`.

mod hearer;
mod packet;
#[cfg(test)]
mod scale;
#[cfg(test)]
mod simulation;
mod teller;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::id::NodeId;
use hearer::{Hearer, SILENT};
use packet::{Read, Says, Unread};
use teller::Teller;

/// How often to ask for packets when nothing else is a reason to.
pub const TICK: Duration = Duration::from_millis(50);
/// Of a node that is heard for the first time in this time after the start, nothing earlier is
/// missed: whatever it told before is in the store, and nobody is served here yet.
pub const YOUNG: Duration = Duration::from_secs(3);
/// A node that was silent for so long is gone, unless it is known to be up.
const GONE: Duration = Duration::from_secs(10);
/// At most so many nodes are followed; what others tell is not heard.
const NODES: usize = 1_024;
/// At most so many packets for one node wait; the earliest is dropped, and asked for again.
const DIRECT: usize = 1_024;

/// A node from its start to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Run {
    /// Which node.
    pub node: NodeId,
    /// A later run of a node has a higher one.
    pub number: u64,
}

/// Bytes that are to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packet {
    /// To this node alone; `None`: to all, this one included.
    pub to: Option<NodeId>,
    /// What to send.
    pub bytes: Bytes,
}

/// What came in with a packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Heard {
    /// Who sent it.
    pub from: Option<Run>,
    /// Events that were not heard before.
    pub events: Vec<Bytes>,
    /// What was said to this node alone, which may come twice.
    pub whisper: Option<Bytes>,
    /// The packet was written by another version of the program, or by nobody who speaks this form.
    pub strange: bool,
}

/// How much of what was told is missing, for numbers to look at.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tally {
    /// Asks that were sent.
    pub asks: u64,
    /// How often something was lost for good.
    pub doubts: u64,
    /// Holes in what was heard.
    pub holes: usize,
    /// Nodes that are followed.
    pub others: usize,
    /// Events that wait to be sent.
    pub waiting: usize,
}

/// What a run has left behind.
#[derive(Debug, Clone, Copy)]
struct Past {
    run: u64,
    /// From here on it is followed when it comes back; `None`: it is over.
    next: Option<u64>,
}

impl Past {
    /// Whether this run said goodbye, and all of it was heard.
    const fn is_over(&self, run: u64) -> bool {
        self.next.is_none() && self.run >= run
    }
}

/// This node among the others.
pub struct Told {
    me: Run,
    since: Instant,
    teller: Teller,
    others: BTreeMap<NodeId, Hearer>,
    past: HashMap<NodeId, Past>,
    /// Who is up, as far as that is known.
    up: Option<BTreeMap<NodeId, u64>>,
    direct: VecDeque<Packet>,
    /// When a packet of this run came back.
    echo: Option<Instant>,
    /// Grows with each doubt.
    doubts: u64,
    /// The doubt up to which the store was read.
    settled: u64,
    asks: u64,
}

impl Told {
    /// A node that begins, and has heard nothing yet.
    pub fn new(me: Run, now: Instant) -> Self {
        Self {
            me,
            since: now,
            teller: Teller::new(me, now),
            others: BTreeMap::new(),
            past: HashMap::new(),
            up: None,
            direct: VecDeque::new(),
            echo: None,
            doubts: 0,
            settled: 0,
            asks: 0,
        }
    }

    /// Tells all others an event.
    pub fn tell(&mut self, event: Bytes, now: Instant) {
        self.teller.tell(event, now);
    }

    /// Takes a packet.
    pub fn hear(&mut self, bytes: Bytes, now: Instant) -> Heard {
        let Read { from, says } = match packet::read(bytes) {
            Ok(read) => read,
            Err(Unread::Version | Unread::Broken) => {
                return Heard { strange: true, ..Heard::default() };
            }
        };
        if from.node == self.me.node {
            if from == self.me {
                self.echo = Some(now);
            }
            return Heard::default();
        }
        match says {
            Says::Ask { run, holes } => {
                if run == self.me.number {
                    self.answer(from.node, holes);
                }
                Heard::default()
            }
            Says::Events(told) => {
                let Some(other) = self.other(from, told.first, now) else {
                    return Heard::default();
                };
                let outcome = other.hear(told, now);
                self.noted(from.node, outcome.lost);
                Heard { from: Some(from), events: outcome.events, ..Heard::default() }
            }
            Says::Whisper(bytes) => {
                Heard { from: Some(from), whisper: Some(bytes), ..Heard::default() }
            }
            Says::Bye { next, floor } => {
                if let Some(other) = self.other(from, next, now) {
                    let lost = other.bye(next, floor, now);
                    self.noted(from.node, lost);
                }
                Heard::default()
            }
        }
    }

    /// Says something to one node, without a number: it may be lost.
    pub fn say(&mut self, to: NodeId, bytes: Bytes) {
        let bytes = packet::write(self.me, &Says::Whisper(bytes));
        self.direct.push_back(Packet { to: Some(to), bytes });
        self.bound();
    }

    /// Which runs of other nodes are followed.
    pub fn followed(&self) -> Vec<Run> {
        self.others.iter().map(|(node, other)| Run { node: *node, number: other.run }).collect()
    }

    /// The next packet to send, if there is one now. To be asked for until there is none, whenever
    /// something was told or heard, and every `TICK`.
    pub fn packet(&mut self, now: Instant) -> Option<Packet> {
        self.notice(now);
        let direct = self.direct.pop_front();
        direct.or_else(|| self.teller.packet(now).map(|bytes| Packet { to: None, bytes }))
    }

    /// The last packet, once there is no other: this run is over.
    pub fn bye(&self) -> Packet {
        Packet { to: None, bytes: self.teller.bye() }
    }

    /// Says which nodes are up, in which runs, as the store has it. From then on each of them is
    /// waited for, and who is not among them is gone once they are silent.
    pub fn up(&mut self, runs: impl IntoIterator<Item = Run>) {
        let others = runs.into_iter().filter(|run| run.node != self.me.node);
        let up: BTreeMap<_, _> = others.map(|run| (run.node, run.number)).collect();
        for (node, run) in self.up.take().into_iter().flatten() {
            let followed = self.others.get(&node).is_some_and(|other| other.run == run);
            let over = self.past.get(&node).is_some_and(|past| past.is_over(run));
            // It came and went, and nothing of it was heard, or not its end.
            self.doubts += u64::from(up.get(&node) != Some(&run) && !followed && !over);
        }
        self.up = Some(up);
    }

    /// Whether nothing is missing here of what was told more than a second ago.
    pub fn is_whole(&self, now: Instant) -> bool {
        !self.is_young(now) && self.doubts == self.settled && self.unheard(now).next().is_none()
    }

    /// The nodes that are not heard now, or of which something is missing: this one first, when
    /// nothing of its own comes back.
    pub fn unheard(&self, now: Instant) -> impl Iterator<Item = NodeId> {
        let is_fresh = |at: Instant| now.saturating_duration_since(at) <= SILENT;
        let me = Some(self.me.node).filter(|_| !self.echo.is_some_and(is_fresh));
        let is_holed = move |other: &Hearer| other.is_silent(now) || !other.is_whole();
        let holed = self.others.iter().filter(move |(_, other)| is_holed(other));
        let is_strange = move |(node, run): &(&NodeId, &u64)| {
            let other = self.others.get(*node);
            // One that is holed was named before.
            other.is_none_or(|other| other.run != **run && !is_holed(other))
        };
        let strange = self.up.iter().flatten().filter(is_strange).map(|(node, _)| *node);
        me.into_iter().chain(holed.map(|(node, _)| *node)).chain(strange)
    }

    /// A doubt that was not settled yet: something that was told will never be heard. Whoever heeds
    /// it reads the store, and then says `settle`.
    pub const fn doubt(&self) -> Option<u64> {
        if self.doubts > self.settled { Some(self.doubts) } else { None }
    }

    /// Something was heard that cannot be used: a doubt.
    pub fn mistrust(&mut self) {
        self.doubts += 1;
    }

    /// The store was read since this doubt.
    pub fn settle(&mut self, doubt: u64) {
        self.settled = self.settled.max(doubt.min(self.doubts));
    }

    /// Numbers to look at.
    pub fn tally(&self) -> Tally {
        Tally {
            asks: self.asks,
            doubts: self.doubts,
            holes: self.others.values().map(Hearer::holes).sum(),
            others: self.others.len(),
            waiting: self.teller.waiting(),
        }
    }

    /// The sender of a packet, when it is to be heard: of each node only its latest run.
    fn other(&mut self, from: Run, first: u64, now: Instant) -> Option<&mut Hearer> {
        let known = self.others.get(&from.node).map(|other| other.run);
        if known.is_some_and(|run| from.number < run) {
            return None;
        }
        if known != Some(from.number) {
            self.meet(from, first, known.is_some(), now)?;
        }
        self.others.get_mut(&from.node)
    }

    /// Follows a run from now on; `again`: another run of the node was followed until now, whose
    /// end nobody has heard.
    fn meet(&mut self, from: Run, first: u64, again: bool, now: Instant) -> Option<()> {
        let past = self.past.get(&from.node).copied();
        let next = match past.filter(|past| from.number <= past.run) {
            Some(Past { run, next: Some(next) }) if run == from.number => next,
            Some(_) => return None,
            None if self.is_young(now) => first,
            None => 1,
        };
        if !again && self.others.len() >= NODES {
            return None;
        }
        self.doubts += u64::from(again);
        if past.is_some_and(|past| past.run == from.number) {
            self.past.remove(&from.node);
        }
        self.others.insert(from.node, Hearer::from(from.number, next, now));
        Some(())
    }

    fn is_young(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.since) < YOUNG
    }

    /// What a packet of a node has led to.
    fn noted(&mut self, node: NodeId, lost: bool) {
        self.doubts += u64::from(lost);
        if let Some(other) = self.others.get(&node).filter(|other| other.is_over()) {
            let run = other.run;
            self.leave_behind(node, Past { run, next: None });
        }
    }

    /// Asks for what is missing, and notices who is gone.
    fn notice(&mut self, now: Instant) {
        let mut gone = Vec::new();
        for (node, other) in &mut self.others {
            if let Some(holes) = other.ask(now) {
                self.asks += 1;
                let says = Says::Ask { run: other.run, holes };
                let bytes = packet::write(self.me, &says);
                self.direct.push_back(Packet { to: Some(*node), bytes });
            }
            self.doubts += u64::from(other.gives_up());
            if is_gone(self.up.as_ref(), *node, other, now) {
                let next = Some(other.next());
                gone.push((*node, Past { run: other.run, next }));
            } else if other.is_over() {
                gone.push((*node, Past { run: other.run, next: None }));
            }
        }
        for (node, past) in gone {
            // What it told at the end may not have been heard.
            self.doubts += u64::from(past.next.is_some());
            self.leave_behind(node, past);
        }
        self.bound();
    }

    fn leave_behind(&mut self, node: NodeId, past: Past) {
        self.others.remove(&node);
        if self.past.len() >= NODES {
            // Whose end is forgotten would be met anew, which costs a doubt.
            self.past.clear();
        }
        self.past.insert(node, past);
    }

    fn answer(&mut self, to: NodeId, holes: Vec<(u64, u64)>) {
        let mut room = hearer::ASKED;
        for (first, last) in holes {
            let last = last.min(first.saturating_add(room.saturating_sub(1)));
            room = room.saturating_sub(last.saturating_sub(first).saturating_add(1));
            let packets = self.teller.answer(first, last).into_iter();
            self.direct.extend(packets.map(|bytes| Packet { to: Some(to), bytes }));
            if room == 0 {
                break;
            }
        }
        self.bound();
    }

    fn bound(&mut self) {
        while self.direct.len() > DIRECT {
            self.direct.pop_front();
        }
    }
}

/// Whether a node is no more: silent for long, or silent and not up.
fn is_gone(up: Option<&BTreeMap<NodeId, u64>>, node: NodeId, other: &Hearer, now: Instant) -> bool {
    match up {
        Some(up) => other.is_silent(now) && up.get(&node) != Some(&other.run),
        None => now.saturating_duration_since(other.heard) > GONE,
    }
}
