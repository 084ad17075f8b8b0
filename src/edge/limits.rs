//! How fast callers may ask: by address and by user, and slower still for login.
//!
//! Smooths what one place or one person can cost; the login limits that security depends on are
//! counted in the store, by `core::auth`. A refusal says when to come back. Called by
//! `http/pipeline` (address), `http/extract` and `ws/socket` (user).

use std::hash::{BuildHasher, Hash, RandomState};
use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::state::keyed::HashMapStateStore;
use governor::{Quota, RateLimiter};

use super::address::{Client, network};
use crate::config::values::Rate;
use crate::error::{Error, Result};
use crate::id::UserId;

/// What a request is about, for the limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    /// Signing up, asking for codes, trying codes.
    Login,
    /// All else.
    Other,
}

/// Login requests of one address: so many at once, then as fast as they refill.
const LOGIN: Rate = Rate {
    // invariant: twenty is not zero.
    count: NonZeroU32::new(20).unwrap(),
    per: Duration::from_secs(60),
};

/// Counts requests. Shared by REST and WebSocket.
pub struct Limiter {
    login: Option<Keyed<IpAddr>>,
    ip: Option<Keyed<IpAddr>>,
    user: Option<Keyed<UserId>>,
}

impl Limiter {
    /// A limiter that has seen nobody yet; `None` switches a rate off, and the one of login goes
    /// with that of addresses.
    pub fn new(per_ip: Option<Rate>, per_user: Option<Rate>) -> Self {
        Self {
            login: per_ip.map(|_| Keyed::new(LOGIN)),
            ip: per_ip.map(Keyed::new),
            user: per_user.map(Keyed::new),
        }
    }

    /// Counts a request from an address; `TooMany` when it asks too fast. This machine itself may
    /// ask as fast as it likes.
    pub fn check_ip(&self, client: Client, class: Class) -> Result<()> {
        if client.is_this_machine() {
            return Ok(());
        }
        let place = network(client.ip);
        if class == Class::Login {
            check(self.login.as_ref(), place)?;
        }
        check(self.ip.as_ref(), place)
    }

    /// Counts a request or command of a user; `TooMany` when it asks too fast.
    pub fn check_user(&self, user: UserId) -> Result<()> {
        check(self.user.as_ref(), user)
    }
}

fn check<K: Hash + Eq + Clone>(keyed: Option<&Keyed<K>>, key: K) -> Result<()> {
    keyed.map_or(Ok(()), |keyed| keyed.check(key))
}

const SHARDS: usize = 16;
/// After so many checks a shard forgets the keys that have rested long enough.
const CHECKS_PER_SWEEP: u32 = 4_096;

/// One rate, counted by key. Sharded, so that callers do not wait for each other.
struct Keyed<K: Hash + Eq + Clone> {
    shards: [RateLimiter<K, HashMapStateStore<K>, DefaultClock>; SHARDS],
    checks: [AtomicU32; SHARDS],
    hasher: RandomState,
    clock: DefaultClock,
}

impl<K: Hash + Eq + Clone> Keyed<K> {
    fn new(rate: Rate) -> Self {
        let refill = rate.per / rate.count.get();
        // invariant: a rate's time is at least a second, and a count at most four billion.
        let quota = Quota::with_period(refill.max(Duration::from_nanos(1))).expect("some time");
        let quota = quota.allow_burst(rate.count);
        Self {
            shards: std::array::from_fn(|_| RateLimiter::hashmap(quota)),
            checks: Default::default(),
            hasher: RandomState::new(),
            clock: DefaultClock::default(),
        }
    }

    fn check(&self, key: K) -> Result<()> {
        let index = self.hasher.hash_one(&key) as usize % SHARDS;
        let shard = &self.shards[index];
        if self.checks[index].fetch_add(1, Ordering::Relaxed).is_multiple_of(CHECKS_PER_SWEEP) {
            shard.retain_recent();
        }
        let verdict = shard.check_key(&key);
        verdict.map_err(|until| Error::too_many(until.wait_time_from(self.clock.now())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::id::ObjectId;

    fn limiter() -> Limiter {
        let two = NonZeroU32::new(2).expect("two");
        let slow = Rate { count: two, per: Duration::from_secs(3_600) };
        Limiter::new(Some(slow), Some(slow))
    }

    #[test]
    fn whoever_asks_too_fast_is_told_when_to_come_back_and_others_do_not_feel_it() {
        let limiter = limiter();
        let ip = |text: &str| text.parse().expect("an address");
        let ask =
            |text: &str| limiter.check_ip(Client { ip: ip(text), forwarded: false }, Class::Other);
        assert!(ask("2001:db8::1").is_ok() && ask("2001:db8::2").is_ok());
        let error = ask("2001:db8::3").expect_err("the third of a /64");
        assert_eq!(error.code, Code::TooMany);
        assert!(error.retry_after.is_some_and(|wait| wait > Duration::from_secs(1_700)));
        assert!(ask("2001:db8:0:1::1").is_ok(), "another /64");
        assert!((0..100).all(|_| ask("127.0.0.1").is_ok()), "this machine");
        let passed_on = Client { ip: ip("127.0.0.1"), forwarded: true };
        let passed = (0..100).filter(|_| limiter.check_ip(passed_on, Class::Other).is_ok());
        assert_eq!(passed.count(), 2, "people whom a proxy passes on without their addresses");
    }

    #[test]
    fn login_has_a_rate_of_its_own() {
        let per_ip = Rate { count: NonZeroU32::MAX, per: Duration::from_secs(1) };
        let limiter = Limiter::new(Some(per_ip), None);
        let ip = "203.0.113.5".parse().expect("an address");
        let ask = |class| limiter.check_ip(Client { ip, forwarded: false }, class).is_ok();
        assert_eq!((0..100).filter(|_| ask(Class::Login)).count(), 20);
        assert!(ask(Class::Other));
    }

    #[test]
    fn a_user_is_counted_and_a_rate_may_be_off() {
        let limiter = limiter();
        let ask = |user| limiter.check_user(UserId(ObjectId([user; 12]))).is_ok();
        assert!(ask(1) && ask(1) && !ask(1) && ask(2));
        let off = Limiter::new(None, None);
        assert!((0..100).all(|_| off.check_user(UserId(ObjectId([1; 12]))).is_ok()));
    }
}
