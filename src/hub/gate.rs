//! Puts the changes of one chat in order: they leave by rev, without gaps.
//!
//! Invariant: what leaves is `last + 1` of what left before, or follows a `jump`; nothing leaves
//! twice. Pure; called by `audience`.

use std::collections::BTreeMap;

/// At most this many changes wait for an earlier one. More are forgotten and read again from the
/// store, with the missing one.
const WAITING: usize = 256;

/// Changes on their way, by rev.
pub(super) struct Gate<T> {
    /// The rev of the change that left last.
    last: u64,
    /// The highest rev that was ever offered or heard of.
    seen: u64,
    waiting: BTreeMap<u64, T>,
}

impl<T> Gate<T> {
    /// A gate whose next change is `last + 1`.
    pub(super) const fn after(last: u64) -> Self {
        Self { last, seen: last, waiting: BTreeMap::new() }
    }

    /// The rev of the change that left last.
    pub(super) const fn last(&self) -> u64 {
        self.last
    }

    /// Takes a change in; gives it back when it is late: its rev, or a later one, left already.
    pub(super) fn offer(&mut self, rev: u64, change: T) -> Option<T> {
        if rev <= self.last {
            return Some(change);
        }
        self.seen = self.seen.max(rev);
        if self.waiting.len() < WAITING || rev == self.last + 1 {
            self.waiting.entry(rev).or_insert(change);
        }
        None
    }

    /// There is a change `rev`, whoever says so: until it has left, something is missing.
    pub(super) fn heard_of(&mut self, rev: u64) {
        self.seen = self.seen.max(rev);
    }

    /// The next change in order, if it is here.
    pub(super) fn next(&mut self) -> Option<T> {
        let change = self.waiting.remove(&(self.last + 1))?;
        self.last += 1;
        Some(change)
    }

    /// What waits for an earlier change, by rev.
    pub(super) fn waiting(&self) -> impl Iterator<Item = &T> {
        self.waiting.values()
    }

    /// Whether a change is missing: one that was heard of, or one before what was offered.
    pub(super) const fn has_gap(&self) -> bool {
        self.last < self.seen
    }

    /// Goes on from `rev`, when that is ahead: everything up to it was dealt with in another way.
    pub(super) fn jump(&mut self, rev: u64) {
        if rev > self.last {
            self.last = rev;
            self.seen = self.seen.max(rev);
            self.waiting = self.waiting.split_off(&(rev + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drained(gate: &mut Gate<u64>) -> Vec<u64> {
        std::iter::from_fn(|| gate.next()).collect()
    }

    #[test]
    fn changes_leave_in_order_once() {
        let mut gate = Gate::after(3);
        assert_eq!(gate.offer(6, 6), None);
        assert_eq!(gate.offer(5, 5), None);
        assert_eq!((drained(&mut gate), gate.has_gap()), (vec![], true));
        assert_eq!(gate.offer(4, 4), None);
        assert_eq!((drained(&mut gate), gate.has_gap()), (vec![4, 5, 6], false));
        assert_eq!(gate.offer(5, 5), Some(5));
    }

    #[test]
    fn a_jump_lets_go_of_what_it_passes() {
        let mut gate = Gate::after(0);
        for rev in [3, 5, 6] {
            gate.offer(rev, rev);
        }
        gate.jump(4);
        assert_eq!((drained(&mut gate), gate.has_gap()), (vec![5, 6], false));
        gate.jump(2);
        assert_eq!(gate.last(), 6);
    }

    #[test]
    fn what_does_not_fit_is_known_to_be_missing() {
        let mut gate = Gate::after(0);
        for rev in 2..2 + WAITING as u64 + 10 {
            gate.offer(rev, rev);
        }
        gate.offer(1, 1);
        assert_eq!(drained(&mut gate).len(), WAITING + 1);
        assert!(gate.has_gap());
    }
}
