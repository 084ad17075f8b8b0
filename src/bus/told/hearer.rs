//! What this node has heard of another one: how far, and what is missing.
//!
//! Guarantees: each number is handed on once; a number that was passed over is a hole until it
//! comes or is given up, and giving up is told. Called by `told`.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::packet::Told;

/// A hole often closes by itself: what is missing was only overtaken.
const GRACE: Duration = Duration::from_millis(50);
/// One ask at a time, and after so long the next.
pub(super) const ASK_EVERY: Duration = Duration::from_millis(150);
/// One ask is about at most so many numbers,
pub(super) const ASKED: u64 = 2_000;
/// in so many holes.
const HOLES_ASKED: usize = 256;
/// After so many asks that brought nothing, what is missing is given up.
const ASKS: u32 = 5;
/// At most so many holes are known; with one more, all are given up.
const HOLES: usize = 1_024;
/// Whoever was not heard for so long is silent: a beat would have come four times.
pub(super) const SILENT: Duration = Duration::from_secs(1);

/// Another node in one of its runs.
pub(super) struct Hearer {
    pub(super) run: u64,
    /// All below were heard, or are in a hole, or were given up.
    next: u64,
    /// Numbers that are missing, from the first to the last of each hole.
    holes: BTreeMap<u64, u64>,
    pub(super) heard: Instant,
    /// When the next ask may go.
    ask: Instant,
    /// The ask that is under way.
    asked: Option<Asked>,
    /// Asks that brought nothing, in a row.
    vain: u32,
    /// It said goodbye: nothing has this number.
    ends: Option<u64>,
}

/// An ask that is under way.
struct Asked {
    holes: Vec<(u64, u64)>,
    /// Something of it came.
    answered: bool,
    at: Instant,
}

/// What came of a packet.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Outcome {
    /// What was not heard before.
    pub(super) events: Vec<Bytes>,
    /// Something will never be heard.
    pub(super) lost: bool,
}

impl Hearer {
    /// One that is followed from a number on.
    pub(super) fn from(run: u64, next: u64, now: Instant) -> Self {
        let (holes, asked) = (BTreeMap::new(), None);
        Self { run, next, holes, heard: now, ask: now, asked, vain: 0, ends: None }
    }

    /// The number from which on it would be followed again.
    pub(super) const fn next(&self) -> u64 {
        self.next
    }

    pub(super) fn is_silent(&self, now: Instant) -> bool {
        now.saturating_duration_since(self.heard) > SILENT
    }

    /// Everything that it told was heard.
    pub(super) fn is_whole(&self) -> bool {
        self.holes.is_empty()
    }

    pub(super) fn holes(&self) -> usize {
        self.holes.len()
    }

    /// It said goodbye, and nothing of it is missing.
    pub(super) fn is_over(&self) -> bool {
        self.is_whole() && self.ends.is_some_and(|end| self.next >= end)
    }

    /// Takes events.
    pub(super) fn hear(&mut self, told: Told, now: Instant) -> Outcome {
        self.heard = now;
        let mut outcome = Outcome { lost: self.give_up_below(told.floor), ..Outcome::default() };
        outcome.lost |= self.reach(told.first, now);
        for (number, event) in (told.first..).zip(told.events) {
            if self.is_new(number) {
                outcome.events.push(event);
            }
        }
        if let Some(asked) = &self.asked
            && asked.answered
            && asked.holes.iter().all(|hole| self.is_closed(*hole))
        {
            (self.asked, self.vain, self.ask) = (None, 0, now);
        }
        outcome
    }

    /// It says that nothing comes from this number on. Whether something will never be heard.
    pub(super) fn bye(&mut self, next: u64, floor: u64, now: Instant) -> bool {
        self.heard = now;
        self.ends = Some(next);
        let lost = self.give_up_below(floor);
        self.reach(next, now) | lost
    }

    /// The holes to ask for now, if it is time.
    pub(super) fn ask(&mut self, now: Instant) -> Option<Vec<(u64, u64)>> {
        if self.holes.is_empty() || now < self.ask || self.is_silent(now) {
            return None;
        }
        if let Some(asked) = self.asked.take() {
            // Whoever is not heard may not have heard the ask either.
            let in_vain = !asked.answered && self.heard > asked.at;
            self.vain = if asked.answered { 0 } else { self.vain + u32::from(in_vain) };
        }
        if self.vain >= ASKS {
            return None;
        }
        let holes = self.first_holes();
        self.asked = Some(Asked { holes: holes.clone(), answered: false, at: now });
        self.ask = now + ASK_EVERY;
        Some(holes)
    }

    /// As many of the holes as one ask may be about.
    fn first_holes(&self) -> Vec<(u64, u64)> {
        let mut room = ASKED;
        let mut part = |(first, last): (&u64, &u64)| {
            let last = (*last).min(first.saturating_add(room.checked_sub(1)?));
            room -= last - first + 1;
            Some((*first, last))
        };
        self.holes.iter().take(HOLES_ASKED).map_while(&mut part).collect()
    }

    fn is_closed(&self, (first, last): (u64, u64)) -> bool {
        self.holes.range(..=last).next_back().is_none_or(|(_, end)| *end < first)
    }

    /// Gives up what is missing when asking was in vain; whether it was.
    pub(super) fn gives_up(&mut self) -> bool {
        self.vain >= ASKS && self.give_up()
    }

    fn give_up(&mut self) -> bool {
        let lost = !self.holes.is_empty();
        self.holes.clear();
        (self.asked, self.vain) = (None, 0);
        lost
    }

    /// Numbers below `floor` cannot be asked for any more.
    fn give_up_below(&mut self, floor: u64) -> bool {
        let mut lost = self.next < floor;
        while let Some((first, last)) = self.holes.first_key_value().map(|(a, b)| (*a, *b))
            && first < floor
        {
            self.holes.remove(&first);
            if last >= floor {
                self.holes.insert(floor, last);
            }
            lost = true;
        }
        self.next = self.next.max(floor);
        lost
    }

    /// All below `number` was told: what of it was not heard is a hole.
    fn reach(&mut self, number: u64, now: Instant) -> bool {
        if number <= self.next {
            return false;
        }
        if self.holes.is_empty() {
            (self.ask, self.asked, self.vain) = (now + GRACE, None, 0);
        }
        self.holes.insert(self.next, number - 1);
        self.next = number;
        self.holes.len() > HOLES && self.give_up()
    }

    /// Notes that a number was heard; whether it was not before.
    fn is_new(&mut self, number: u64) -> bool {
        if number >= self.next {
            self.next = number.saturating_add(1);
            return true;
        }
        let hole = self.holes.range(..=number).next_back().map(|(first, last)| (*first, *last));
        let Some((first, last)) = hole.filter(|(_, last)| *last >= number) else { return false };
        self.holes.remove(&first);
        if first < number {
            self.holes.insert(first, number - 1);
        }
        if number < last {
            self.holes.insert(number + 1, last);
        }
        if let Some(asked) = &mut self.asked {
            asked.answered |= asked.holes.iter().any(|(a, b)| (*a..=*b).contains(&number));
        }
        true
    }
}
