//! One part of a node's connections: as the node itself has it, and as another knows it.
//!
//! Guarantees: shifts are applied in their order, each once; what comes too early waits, and a part
//! that lacks something says so. Pure. Called by `directory`.

use std::collections::BTreeMap;

use super::packet::State;
use super::{Shift, UserShift};
use crate::bus::Spot;
use crate::id::UserId;

/// At most so many shifts of a part wait for one before them; of more, the part is asked for anew.
const AHEAD: usize = 64;

/// Connections, in the order of their users; one that is there twice is two.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Spots(Vec<Spot>);

impl Spots {
    pub(super) fn of(mut spots: Vec<Spot>) -> Self {
        spots.sort_unstable();
        spots.shrink_to_fit();
        Self(spots)
    }

    fn put(&mut self, spot: Spot) {
        let at = self.0.partition_point(|known| *known < spot);
        if self.0.len() == self.0.capacity() {
            // An eighth more, not twice as much: there may be very many.
            self.0.reserve_exact(self.0.len() / 8 + 4);
        }
        self.0.insert(at, spot);
    }

    /// Takes one out; whether it was there.
    fn drop(&mut self, spot: &Spot) -> bool {
        let found = self.0.binary_search(spot);
        found.map(|at| self.0.remove(at)).is_ok()
    }

    pub(super) fn all(&self) -> &[Spot] {
        &self.0
    }

    fn of_user(&self, user: UserId) -> &[Spot] {
        let first = self.0.partition_point(|spot| spot.user < user);
        let behind = &self.0[first..];
        &behind[..behind.partition_point(|spot| spot.user == user)]
    }
}

/// A part of this node's own connections.
#[derive(Default)]
pub(super) struct Own {
    /// How many shifts there were.
    number: u64,
    spots: Spots,
}

impl Own {
    /// The number of the shift.
    pub(super) fn came(&mut self, spot: Spot) -> u64 {
        self.spots.put(spot);
        self.number += 1;
        self.number
    }

    /// The number of the shift; `None` when it is not here.
    pub(super) fn went(&mut self, spot: &Spot) -> Option<u64> {
        if !self.spots.drop(spot) {
            return None;
        }
        self.number += 1;
        Some(self.number)
    }

    /// For somebody who knows it as of a shift, or not at all.
    pub(super) fn state(&self, known: Option<u64>) -> State {
        let spots = (known != Some(self.number)).then(|| self.spots.all().to_vec());
        State { number: self.number, spots }
    }
}

/// A part of another node's connections, as far as it was heard.
#[derive(Default)]
pub(super) struct Part {
    /// The last shift that is applied; `None`: nothing is known.
    number: Option<u64>,
    /// The highest that was heard of.
    highest: u64,
    /// Something may have been told that was not heard.
    doubted: bool,
    spots: Spots,
    /// What came too early, by number.
    ahead: BTreeMap<u64, (bool, Spot)>,
}

impl Part {
    /// Whether nothing is missing.
    pub(super) fn is_complete(&self) -> bool {
        !self.doubted && self.number.is_some_and(|number| number >= self.highest)
    }

    /// The shift up to which it is known.
    pub(super) const fn reached(&self) -> Option<u64> {
        self.number
    }

    pub(super) const fn doubt(&mut self) {
        self.doubted = true;
    }

    pub(super) fn len(&self) -> usize {
        self.spots.0.len()
    }

    pub(super) fn of(&self, user: UserId) -> &[Spot] {
        self.spots.of_user(user)
    }

    /// Whose connections these are, each once.
    pub(super) fn users(self) -> Vec<UserId> {
        let mut users: Vec<UserId> = self.spots.0.into_iter().map(|spot| spot.user).collect();
        users.dedup();
        users
    }

    /// Takes a shift.
    pub(super) fn hear(&mut self, shift: Shift) -> Vec<UserShift> {
        let Shift { number, came, spot } = shift;
        self.highest = self.highest.max(number);
        if self.number.is_some_and(|known| number <= known) {
            return Vec::new();
        }
        self.ahead.insert(number, (came, spot));
        let moved = self.catch_up();
        if self.ahead.len() > AHEAD {
            self.ahead.pop_last();
        }
        moved
    }

    /// Takes the part as of a shift, from the node itself; `settles`: it was asked since the last
    /// doubt.
    pub(super) fn take(&mut self, state: State, settles: bool) -> Vec<UserShift> {
        let State { number, spots } = state;
        self.highest = self.highest.max(number);
        let is_news = self.number.is_none_or(|known| number > known);
        let mut moved = match spots.filter(|_| is_news) {
            Some(spots) => {
                self.number = Some(number);
                self.replace(Spots::of(spots))
            }
            None => Vec::new(),
        };
        moved.extend(self.catch_up());
        if settles && self.number.is_some_and(|known| known >= number) {
            self.doubted = false;
        }
        moved
    }

    /// Applies what waits and is next.
    fn catch_up(&mut self) -> Vec<UserShift> {
        let mut moved = Vec::new();
        while let Some(known) = self.number
            && let Some(first) = self.ahead.first_entry()
            && *first.key() <= known + 1
        {
            let (number, (came, spot)) = first.remove_entry();
            if number <= known {
                continue;
            }
            self.number = Some(number);
            moved.push(UserShift { user: spot.user, came });
            if came {
                self.spots.put(spot);
            } else {
                self.spots.drop(&spot);
            }
        }
        moved
    }

    /// Who has moved by that.
    fn replace(&mut self, now: Spots) -> Vec<UserShift> {
        let before = std::mem::replace(&mut self.spots, now);
        differences(before.all(), self.spots.all())
    }
}

/// Who has moved from the one to the other, both in order.
fn differences(mut before: &[Spot], mut now: &[Spot]) -> Vec<UserShift> {
    let mut moved: Vec<UserShift> = Vec::new();
    loop {
        let (first, came) = match (before.split_first(), now.split_first()) {
            (Some((old, before_rest)), Some((new, now_rest))) if old == new => {
                (before, now) = (before_rest, now_rest);
                continue;
            }
            (Some((old, rest)), new) if new.is_none_or(|(new, _)| old < new) => {
                before = rest;
                (old, false)
            }
            (_, Some((new, rest))) => {
                now = rest;
                (new, true)
            }
            _ => break,
        };
        let one = UserShift { user: first.user, came };
        if moved.last() != Some(&one) {
            moved.push(one);
        }
    }
    moved
}
