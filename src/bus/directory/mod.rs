//! The directory: which connections there are on which node.
//!
//! Each node tells what comes and goes at itself, and nobody else does. It does so in 256 parts, by
//! the last byte of a user's id, and counts the shifts of each; so whoever lacks one knows it. Who
//! begins, lacks a shift, or has a doubt asks the node for the parts that it may have otherwise,
//! and is sent those whole; a part that is as they have it costs ten bytes.
//!
//! Guarantees, however shifts and packets are lost, doubled or late: once they pass again, and
//! `keep` has been called for a while, `elsewhere` answers the connections of all nodes that are
//! followed, and nothing of any other. What is followed, and that something may have been lost for
//! good, is the caller's to say.
//!
//! A worked example: "Beto's phone connects to B, which tells shift 8 of part 3; A has heard up to
//! shift 6." A keeps 8, waits a moment for 7, and asks B for part 3. B sends it as of shift 8; when
//! 7 comes after all, A takes no notice.
//!
//! A state machine: shifts, packets and the time go in. Called by `numbered`.

mod packet;
mod part;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Spot;
use super::told::{Run, TICK};
use crate::id::{NodeId, UserId};
use packet::{Answer, Ask, Says};
use part::{Own, Part};

/// Into so many parts each node's connections fall.
const PARTS: usize = 256;
/// What is missing has often only been overtaken: so long it may take before it is asked for.
const GRACE: Duration = Duration::from_millis(150);
/// An ask that was not answered in full is repeated after so long.
const ASK_EVERY: Duration = Duration::from_millis(500);
/// One ask is about at most so many parts; when they are there, the next are asked for.
const ASKED: usize = 64;
/// An answer is cut into packets of about so many bytes. A part is never cut: at a node with a
/// million connections one has some 150 KB.
const PACKED: usize = 60 * 1024;

/// A connection of a node began or ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shift {
    /// Its place among those of its part, from 1 on.
    pub number: u64,
    /// It began.
    pub came: bool,
    /// Which connection.
    pub spot: Spot,
}

/// Somebody whose connections on other nodes are others now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct UserShift {
    /// Who.
    pub user: UserId,
    /// They have one more, or else one fewer.
    pub came: bool,
}

/// What comes of time or of a packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What to send to one node each.
    pub send: Vec<(NodeId, Bytes)>,
    /// Who has moved.
    pub moved: Vec<UserShift>,
}

/// What a node knows of the connections of all.
pub struct Directory {
    me: Run,
    own: Vec<Own>,
    others: BTreeMap<NodeId, Other>,
    /// When to look again what is missing.
    look: Instant,
    /// How often something was lost for good, as far as that was heeded.
    doubts: u64,
}

/// What is known of another node.
struct Other {
    run: u64,
    parts: Vec<Part>,
    /// Grows with each doubt: an answer to what was asked before it settles none.
    round: u32,
    /// When the next ask may go.
    ask: Instant,
    /// Parts that were asked for and have not been answered.
    asked: usize,
}

/// The part that a user's connections fall into.
fn part_of(user: UserId) -> usize {
    usize::from(user.0.0[11])
}

impl Directory {
    /// Of a node that begins, and where nobody is connected yet.
    pub fn new(me: Run, now: Instant) -> Self {
        let own = (0..PARTS).map(|_| Own::default()).collect();
        Self { me, own, others: BTreeMap::new(), look: now, doubts: 0 }
    }

    /// A connection of this node began: what the others are to be told.
    pub fn came(&mut self, spot: Spot) -> Shift {
        let number = self.own[part_of(spot.user)].came(spot.clone());
        Shift { number, came: true, spot }
    }

    /// A connection of this node ended; `None` when it never began.
    pub fn went(&mut self, spot: &Spot) -> Option<Shift> {
        let number = self.own[part_of(spot.user)].went(spot)?;
        Some(Shift { number, came: false, spot: spot.clone() })
    }

    /// Takes what another node told in its own stream.
    pub fn hear(&mut self, from: Run, shift: Shift, now: Instant) -> Vec<UserShift> {
        let Some(other) = self.other(from, now) else { return Vec::new() };
        let part = &mut other.parts[part_of(shift.spot.user)];
        let was_complete = part.is_complete();
        let moved = part.hear(shift);
        if was_complete && !part.is_complete() && other.asked == 0 {
            other.ask = other.ask.max(now + GRACE);
        }
        moved
    }

    /// Whether it is time for `keep`.
    pub fn is_due(&self, now: Instant) -> bool {
        now >= self.look
    }

    /// Follows these runs, and no others, from now on, and asks for what is missing. `doubts`: how
    /// often something of theirs was lost for good.
    pub fn keep(&mut self, runs: &[Run], doubts: u64, now: Instant) -> Outcome {
        self.look = now + TICK;
        let moved = self.follow(runs, now);
        if doubts != self.doubts {
            self.doubts = doubts;
            self.others.values_mut().for_each(|other| other.doubt(now));
        }
        let me = self.me.number;
        let ask = |(node, other): (&NodeId, &mut Other)| Some((*node, other.next_ask(me, now)?));
        Outcome { send: self.others.iter_mut().filter_map(ask).collect(), moved }
    }

    /// Takes a packet that another node sent to this one.
    pub fn take(&mut self, from: Run, bytes: Bytes, now: Instant) -> Outcome {
        match packet::read(bytes) {
            Some(Says::Ask(ask)) if ask.of == self.me.number => {
                let send = self.answer(&ask).into_iter().map(|bytes| (from.node, bytes)).collect();
                Outcome { send, moved: Vec::new() }
            }
            Some(Says::Answer(answer)) if answer.to == self.me.number => {
                let moved = self.answered(from, answer, now);
                Outcome { send: Vec::new(), moved }
            }
            // For an earlier run of this node, or of a later version of the program.
            _ => Outcome::default(),
        }
    }

    /// The connections of a user on other nodes.
    pub fn elsewhere(&self, user: UserId) -> Vec<Spot> {
        let parts = self.others.values().map(|other| &other.parts[part_of(user)]);
        parts.flat_map(|part| part.of(user)).cloned().collect()
    }

    /// Whether nothing is missing of any node that is followed.
    pub fn is_complete(&self) -> bool {
        self.others.values().all(|other| other.parts.iter().all(Part::is_complete))
    }

    /// How many connections on other nodes are known.
    pub fn len(&self) -> usize {
        self.others.values().flat_map(|other| &other.parts).map(Part::len).sum()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// What is known of a run, which may be new; `None` of one that is over.
    fn other(&mut self, of: Run, now: Instant) -> Option<&mut Other> {
        let known = self.others.get(&of.node).map(|other| other.run);
        if known.is_none() {
            self.others.insert(of.node, Other::new(of.number, now));
        }
        // A later run is followed as soon as `keep` says so, and then asked.
        self.others.get_mut(&of.node).filter(|other| other.run == of.number)
    }

    fn follow(&mut self, runs: &[Run], now: Instant) -> Vec<UserShift> {
        let is_followed = |node: &NodeId, run| runs.contains(&Run { node: *node, number: run });
        let gone = self.others.extract_if(.., |node, other| !is_followed(node, other.run));
        let of = |(_, other): (NodeId, Other)| {
            other.parts.into_iter().flat_map(Part::users).collect::<Vec<_>>()
        };
        let moved = gone.flat_map(of).map(|user| UserShift { user, came: false }).collect();
        let me = self.me.node;
        for run in runs.iter().filter(|run| run.node != me) {
            self.other(*run, now);
        }
        moved
    }

    fn answer(&self, ask: &Ask) -> Vec<Bytes> {
        let (mut packets, mut states, mut packed) = (Vec::new(), Vec::new(), 0);
        for (part, known) in &ask.parts {
            let state = self.own[usize::from(*part)].state(*known);
            let room = packet::room(&state);
            if packed + room > PACKED && !states.is_empty() {
                packets.push(packet::answer(ask, std::mem::take(&mut states)));
                packed = 0;
            }
            packed += room;
            states.push((*part, state));
        }
        packets.push(packet::answer(ask, states));
        packets
    }

    fn answered(&mut self, from: Run, answer: Answer, now: Instant) -> Vec<UserShift> {
        let found = self.others.get_mut(&from.node);
        let Some(other) = found.filter(|other| other.run == from.number) else {
            return Vec::new();
        };
        let settles = answer.round == other.round;
        let mut moved = Vec::new();
        for (at, state) in answer.parts {
            other.asked = other.asked.saturating_sub(usize::from(settles));
            moved.extend(other.parts[usize::from(at)].take(state, settles));
        }
        if other.asked == 0 && settles {
            other.ask = now;
            self.look = now;
        }
        moved
    }
}

impl Other {
    fn new(run: u64, now: Instant) -> Self {
        let parts = (0..PARTS).map(|_| Part::default()).collect();
        Self { run, parts, round: 0, ask: now, asked: 0 }
    }

    /// Something that it told may never be heard.
    fn doubt(&mut self, now: Instant) {
        self.round = self.round.wrapping_add(1);
        (self.ask, self.asked) = (now, 0);
        self.parts.iter_mut().for_each(Part::doubt);
    }

    fn next_ask(&mut self, me: u64, now: Instant) -> Option<Bytes> {
        if now < self.ask {
            return None;
        }
        let missing = self.parts.iter().enumerate().filter(|(_, part)| !part.is_complete());
        // invariant: there are 256 parts, so that a byte holds the number of each.
        let missing = missing.map(|(at, part)| (at as u8, part.reached()));
        let parts: Vec<_> = missing.take(ASKED).collect();
        if parts.is_empty() {
            return None;
        }
        (self.asked, self.ask) = (parts.len(), now + ASK_EVERY);
        Some(packet::ask(&Ask { of: self.run, by: me, round: self.round, parts }))
    }
}
