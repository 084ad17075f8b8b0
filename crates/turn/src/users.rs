//! What one user may take: allocations, and bytes a second over all of them.
//!
//! A user is remembered while it has a relay, and then for as long as its bandwidth bucket takes to
//! fill, so that closing and opening again gains nothing. Called by the server.

use std::collections::HashMap;

use crate::slab::{Key, Slab};

/// How fast one user's relayed bytes may flow, both directions together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bandwidth {
    /// The lasting rate.
    pub bytes_per_s: u64,
    /// What may pass at once after silence.
    pub burst_bytes: u64,
}

/// A token bucket that counts thousandths of bytes, so that it is exact at any rate.
#[derive(Clone, Copy, Debug)]
struct Bucket {
    rate: Bandwidth,
    millibytes: u64,
    at_ms: u64,
}

impl Bucket {
    fn full(rate: Bandwidth, now_ms: u64) -> Self {
        Self { rate, millibytes: rate.burst_bytes.saturating_mul(1000), at_ms: now_ms }
    }

    fn refill(&mut self, now_ms: u64) {
        let elapsed_ms = now_ms.saturating_sub(self.at_ms);
        let gained = elapsed_ms.saturating_mul(self.rate.bytes_per_s);
        let most = self.rate.burst_bytes.saturating_mul(1000);
        self.millibytes = self.millibytes.saturating_add(gained).min(most);
        self.at_ms = self.at_ms.max(now_ms);
    }

    fn spend(&mut self, now_ms: u64, bytes: usize) -> bool {
        self.refill(now_ms);
        match self.millibytes.checked_sub((bytes as u64).saturating_mul(1000)) {
            Some(left) => {
                self.millibytes = left;
                true
            }
            None => false,
        }
    }

    fn full_at_ms(&self) -> u64 {
        let missing = self.rate.burst_bytes.saturating_mul(1000).saturating_sub(self.millibytes);
        self.at_ms.saturating_add(missing.div_ceil(self.rate.bytes_per_s.max(1)))
    }
}

#[derive(Debug)]
struct User {
    name: Box<str>,
    relays: u32,
    bucket: Option<Bucket>,
    /// Set while the user has no relay: when it will be forgotten.
    forget_at_ms: Option<u64>,
}

/// All users with a relay, and those who had one a moment ago.
#[derive(Debug, Default)]
pub(crate) struct Users {
    users: Slab<User>,
    by_name: HashMap<Box<str>, Key>,
}

impl Users {
    pub fn len(&self) -> usize {
        self.users.len()
    }

    /// The user of this name, if it is remembered.
    pub fn find(&self, name: &str) -> Option<Key> {
        self.by_name.get(name).copied()
    }

    pub fn relays_of(&self, name: &str) -> u32 {
        self.find(name).and_then(|key| self.users.get(key)).map_or(0, |user| user.relays)
    }

    /// Counts one more relay for this user, whose bytes may flow at `rate`; `None`: at any. The
    /// caller has checked the quota, and takes back the timer of a user who was about to be
    /// forgotten.
    pub fn take(&mut self, name: &str, rate: Option<Bandwidth>, now_ms: u64) -> (Key, Option<u64>) {
        let key = self.find(name).unwrap_or_else(|| self.add(name, rate, now_ms));
        let user = self.users.get_mut(key).expect("by_name holds keys of live users only");
        user.relays += 1;
        (key, user.forget_at_ms.take())
    }

    fn add(&mut self, name: &str, rate: Option<Bandwidth>, now_ms: u64) -> Key {
        let bucket = rate.map(|rate| Bucket::full(rate, now_ms));
        let user = User { name: name.into(), relays: 0, bucket, forget_at_ms: None };
        let key = self.users.insert(user);
        self.by_name.insert(name.into(), key);
        key
    }

    /// Counts one relay less; says when to call [`Self::forget`], if it was the last.
    pub fn give_back(&mut self, key: Key, now_ms: u64) -> Option<u64> {
        let user = self.users.get_mut(key)?;
        user.relays = user.relays.saturating_sub(1);
        if user.relays > 0 {
            return None;
        }
        let full_at_ms = user.bucket.as_ref().map_or(now_ms, Bucket::full_at_ms);
        user.forget_at_ms = Some(full_at_ms.max(now_ms));
        user.forget_at_ms
    }

    /// Drops a user without relays.
    pub fn forget(&mut self, key: Key) {
        if self.users.get(key).is_some_and(|user| user.relays == 0)
            && let Some(user) = self.users.remove(key)
        {
            self.by_name.remove(&user.name);
        }
    }

    /// Takes bytes out of the user's bucket, or says that it is empty.
    pub fn spend(&mut self, key: Key, now_ms: u64, bytes: usize) -> bool {
        let bucket = self.users.get_mut(key).and_then(|user| user.bucket.as_mut());
        bucket.is_none_or(|bucket| bucket.spend(now_ms, bytes))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    const RATE: Bandwidth = Bandwidth { bytes_per_s: 1000, burst_bytes: 500 };

    #[test]
    fn a_bucket_empties_and_refills_by_the_clock() {
        let mut bucket = Bucket::full(RATE, 0);
        assert!(bucket.spend(0, 500));
        assert!(!bucket.spend(0, 1));
        assert!(bucket.spend(100, 100));
        assert!(!bucket.spend(100, 1));
        assert!(!bucket.spend(50, 1), "a clock that steps back gives nothing");
        assert!(bucket.spend(10_000, 500));
        assert!(!bucket.spend(10_000, 1), "never more than the burst");
    }

    #[test]
    fn closing_and_opening_again_wins_no_bandwidth() {
        let mut users = Users::default();
        let (key, _) = users.take("ana", Some(RATE), 0);
        assert!(users.spend(key, 0, 500));
        assert_eq!(users.give_back(key, 0), Some(500));
        let (again, timer) = users.take("ana", Some(RATE), 100);
        assert_eq!((again, timer), (key, Some(500)));
        assert!(users.spend(again, 100, 100));
        assert!(!users.spend(again, 100, 1));
        users.forget(again);
        assert_eq!(users.len(), 1, "a user with a relay is not forgotten");
        users.give_back(again, 100);
        users.forget(again);
        assert_eq!((users.len(), users.relays_of("ana")), (0, 0));
    }
}
