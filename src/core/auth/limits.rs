//! How many codes may be requested and guessed: the budgets, and the chance that they leave to
//! somebody who guesses. `docs/login.md` explains it in words.
//!
//! Everything is counted in the store, in fixed windows that begin with the hour and the day (UTC).
//! A thing can be counted against more than one budget; the first that has room is taken: so a
//! budget that strangers share and have used up stops nobody who has one of their own.
//!
//! Invariant: a guess is compared only after it was counted for each of the asker's codes that it
//! is compared with. Called by `auth`.

use super::ticket::Blocks;
use crate::model::auth::{AskerKey, Quota, TRIES};
use crate::model::text::Email;

const HOUR_MS: u64 = 60 * 60 * 1000;
const DAY_MS: u64 = 24 * HOUR_MS;
/// How many networks a block of IPv6 addresses counts as.
const HOME_COUNTS: u32 = 4;
const WIDE_COUNTS: u32 = 16;
/// Guesses that every network has for itself in a day, when the budget of all is used up.
pub const OWN_GUESSES: u32 = 4;
/// Codes that every network may ask for in an hour, when the budget of all is used up.
pub const OWN_CODES: u32 = 3;
/// Guesses at recovery codes of one account, by all, in a day, before each network has a few of its
/// own.
pub const RECOVERY_GUESSES: u32 = 30;
/// The chance of one guess at one code.
const ONE: f64 = 1e-6;

/// Limits of login, counted in the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Codes that strangers together may ask for at an address in an hour; twice as many in a day.
    /// A device that logged in before has as many for itself, and so has a network in an hour, with
    /// no more in a day.
    pub codes_per_address: u32,
    /// Codes an IP address (IPv6: a /64) may ask for in an hour.
    pub codes_per_ip: u32,
    /// Codes all may ask for in an hour, before each network has a few of its own.
    pub codes_in_all: u32,
    /// Wrong guesses from an IP address (IPv6: a /64) in an hour.
    pub wrong_per_ip: u32,
    /// Wrong guesses of all in an hour, before each network has a few of its own.
    pub wrong_in_all: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            codes_per_address: 5,
            codes_per_ip: 30,
            codes_in_all: 10_000,
            wrong_per_ip: 30,
            wrong_in_all: 200,
        }
    }
}

impl Limits {
    /// The chance in a day that strangers guess their way into one certain account, one of them in
    /// a network that it was logged in from: each code that they have mailed takes so many tries.
    pub fn chance_of_one(&self) -> f64 {
        let codes = f64::from(self.codes_per_address) * (2.0 + 1.0);
        codes * f64::from(TRIES) * ONE
    }

    /// The chance in a day that somebody with so many networks guesses their way into any account
    /// at all, however many accounts there are: the budget of all, and what each network has
    /// beyond.
    pub fn chance_in_all(&self, networks: u32) -> f64 {
        let all = f64::from(self.wrong_in_all) * 24.0;
        (all + f64::from(OWN_GUESSES) * f64::from(networks)) * ONE
    }

    /// The ways to count a request for a code.
    pub(super) fn asking(&self, email: &Email, from: &Blocks) -> [Vec<Quota>; 2] {
        let (address, wide) = (email.as_str(), &from.wide);
        let (hour, day) = (self.codes_per_address, self.codes_per_address.saturating_mul(2));
        let mut common = per_network("code:ip", self.codes_per_ip, from);
        common.extend([
            quota(format!("code:hour:{address}"), hour, HOUR_MS),
            quota(format!("code:day:{address}"), day, DAY_MS),
            // So that one network alone never uses up the address.
            quota(format!("code:share:{address}:{wide}"), share(hour), HOUR_MS),
            quota(format!("code:share:{address}:{wide}"), share(day), DAY_MS),
        ]);
        let mut own = common.clone();
        common.push(quota("code:all".into(), self.codes_in_all, HOUR_MS));
        own.push(quota(format!("code:own:{wide}"), OWN_CODES, HOUR_MS));
        [common, own]
    }

    /// The way to count a request for a code from where the account was logged in to before.
    pub(super) fn asking_known(&self, email: &Email, from: AskerKey, device: bool) -> Vec<Quota> {
        let key = format!("code:known:{}:{}", email.as_str(), from.0);
        let hour = self.codes_per_address;
        let day = if device { hour.saturating_mul(2) } else { hour };
        vec![quota(key.clone(), hour, HOUR_MS), quota(key, day, DAY_MS)]
    }

    /// The ways to count a guess that is compared with so many codes.
    pub(super) fn guessing(&self, from: &Blocks, codes: usize) -> [Vec<Quota>; 2] {
        let mut common = per_network("wrong:ip", self.wrong_per_ip, from);
        common.push(quota("wrong:all".into(), self.wrong_in_all, HOUR_MS));
        let own = vec![quota(format!("wrong:own:{}", from.wide), OWN_GUESSES, DAY_MS)];
        [common, own].map(|quotas| vec![quotas; codes].concat())
    }

    /// The ways to count a guess at an account's recovery codes. Each of these has 80 bits, so that
    /// no number of guesses comes near one: what is bounded is the work, and the noise.
    pub(super) fn recovering(&self, email: &Email, from: &Blocks) -> [Vec<Quota>; 2] {
        let mut common = per_network("recover:ip", self.wrong_per_ip, from);
        let all = format!("recover:all:{}", email.as_str());
        common.push(quota(all, RECOVERY_GUESSES, DAY_MS));
        let own = quota(format!("recover:own:{}", from.wide), OWN_GUESSES, DAY_MS);
        [common, vec![own]]
    }

    /// The way to count such a guess from where the account was logged in to before.
    pub(super) fn recovering_known(&self, email: &Email, from: AskerKey) -> Vec<Quota> {
        let key = format!("recover:known:{}:{}", email.as_str(), from.0);
        vec![quota(key, self.wrong_per_ip, HOUR_MS)]
    }
}

/// What one network may take of an address: all but a fifth, yet something.
fn share(limit: u32) -> u32 {
    (limit - limit / 5).max(1)
}

/// A limit of an IP address, and wider ones of the blocks that it is in.
fn per_network(what: &str, limit: u32, from: &Blocks) -> Vec<Quota> {
    let of = |block: &str, times: u32| {
        quota(format!("{what}:{block}"), limit.saturating_mul(times), HOUR_MS)
    };
    let mut quotas = vec![of(&from.narrow, 1)];
    if from.home != from.narrow {
        quotas.extend([of(&from.home, HOME_COUNTS), of(&from.wide, WIDE_COUNTS)]);
    }
    quotas
}

const fn quota(key: String, limit: u32, window_ms: u64) -> Quota {
    Quota { key, limit, window_ms }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;
    use crate::config::Config;
    use crate::id::ObjectId;

    /// The limits of a server that nothing was set for.
    fn limits() -> Limits {
        let config = Config::of(&[]).expect("fine settings");
        Limits {
            codes_per_address: config.codes_per_address,
            codes_per_ip: config.codes_per_ip,
            wrong_per_ip: config.wrong_codes_per_ip,
            wrong_in_all: config.wrong_codes_in_all,
            ..Limits::default()
        }
    }

    #[test]
    fn the_settings_keep_guessing_hopeless() {
        let limits = limits();
        assert_eq!(limits, Limits::default(), "the table of settings says the same");
        assert!(limits.chance_of_one() < 5e-5, "{}", limits.chance_of_one());
        assert!(limits.chance_in_all(1_000) < 0.01, "{}", limits.chance_in_all(1_000));
    }

    /// Counters as a store keeps them, within one hour or one day.
    #[derive(Default)]
    struct Counters(HashMap<(String, u64), u32>);

    impl Counters {
        fn take(&mut self, ways: &[Vec<Quota>]) -> bool {
            ways.iter().any(|way| self.take_one(way))
        }

        fn take_one(&mut self, way: &[Quota]) -> bool {
            let mut wanted: HashMap<(String, u64), (u32, u32)> = HashMap::new();
            for quota in way {
                let key = (quota.key.clone(), quota.window_ms);
                wanted.entry(key).or_insert((0, quota.limit)).0 += 1;
            }
            let used = |key| self.0.get(key).copied().unwrap_or(0);
            if wanted.iter().any(|(key, (more, limit))| used(key) + more > *limit) {
                return false;
            }
            for (key, (more, _)) in wanted {
                *self.0.entry(key).or_default() += more;
            }
            true
        }

        fn next_hour(&mut self) {
            self.0.retain(|key, _| key.1 != HOUR_MS);
        }
    }

    fn network(number: u32) -> Blocks {
        Blocks::of(IpAddr::V4(Ipv4Addr::from(0x0a00_0000 + number)))
    }

    #[test]
    fn a_sprayer_with_a_thousand_networks_gets_no_more_than_is_computed() {
        let (limits, mut counters) = (limits(), Counters::default());
        let (mut compared, networks) = (0_u32, 1_000);
        for _ in 0..24 {
            counters.next_hour();
            for number in 0..networks {
                // More than any network is let through with; it has codes waiting wherever it asks.
                for _ in 0..40 {
                    compared += 2 * u32::from(counters.take(&limits.guessing(&network(number), 2)));
                }
            }
        }
        let chance = f64::from(compared) * ONE;
        assert!(chance <= limits.chance_in_all(networks), "{chance}");
        assert!(chance > limits.chance_in_all(networks) / 2.0, "it did its worst: {chance}");
        let fresh = network(networks + 1);
        assert!(counters.take(&limits.guessing(&fresh, 2)), "who did nothing is let through");
    }

    #[test]
    fn at_one_account_no_more_codes_are_had_than_is_computed() {
        let (limits, mut counters) = (limits(), Counters::default());
        let email = Email::stored("ana@example.org".into());
        let mut codes = 0;
        for _ in 0..24 {
            counters.next_hour();
            for number in 0..1_000 {
                for _ in 0..6 {
                    let mut ways = limits.asking(&email, &network(number)).to_vec();
                    // The first network is one that she logged in from.
                    let known = AskerKey(ObjectId([1; 12]));
                    ways.extend((number == 0).then(|| limits.asking_known(&email, known, false)));
                    codes += u32::from(counters.take(&ways));
                }
            }
        }
        let chance = f64::from(codes * TRIES) * ONE;
        assert!(chance <= limits.chance_of_one(), "{codes} codes, {chance}");
        let device = AskerKey(ObjectId([2; 12]));
        let known = [limits.asking_known(&email, device, true)];
        assert!(counters.take(&known), "her device is let through");
    }

    #[test]
    fn whoever_guesses_at_recovery_codes_keeps_nobody_else_out() {
        let (limits, mut counters) = (limits(), Counters::default());
        let email = Email::stored("ana@example.org".into());
        let mut guesses = 0;
        for number in 0..1_000 {
            for _ in 0..40 {
                guesses += u32::from(counters.take(&limits.recovering(&email, &network(number))));
            }
        }
        assert_eq!(guesses, RECOVERY_GUESSES + 1_000 * OWN_GUESSES);
        let fresh = limits.recovering(&email, &network(1_001));
        assert!((0..OWN_GUESSES).all(|_| counters.take(&fresh)), "she has a few of her own");
        assert!(!counters.take(&fresh));
        let known = [limits.recovering_known(&email, AskerKey(ObjectId([1; 12])))];
        assert!(counters.take(&known), "and where she logged in before, more");
    }

    #[test]
    fn one_network_never_uses_up_an_address() {
        let (limits, mut counters) = (limits(), Counters::default());
        let email = Email::stored("ana@example.org".into());
        while counters.take(&limits.asking(&email, &network(1))) {}
        assert!(counters.take(&limits.asking(&email, &network(2))));
    }

    #[test]
    fn a_tenant_of_many_ipv6_networks_is_a_few() {
        let (limits, mut counters) = (limits(), Counters::default());
        let mut asked = 0;
        for number in 0..0x2000_u128 {
            let ip = IpAddr::V6((0x2001_0db8_0001_u128 << 80 | number << 64 | 1).into());
            let email = Email::stored(format!("nobody{number}@example.org"));
            asked += u32::from(counters.take(&limits.asking(&email, &Blocks::of(ip))));
        }
        assert_eq!(asked, limits.codes_per_ip * WIDE_COUNTS, "a /48");
    }

    #[test]
    fn when_all_have_asked_too_much_each_network_has_a_few() {
        let (mut limits, mut counters) = (limits(), Counters::default());
        limits.codes_in_all = 5;
        let asks = |counters: &mut Counters, name: u32, from: u32| {
            let email = Email::stored(format!("p{name}@example.org"));
            counters.take(&limits.asking(&email, &network(from)))
        };
        assert_eq!((0..20).filter(|name| asks(&mut counters, *name, 1)).count(), 8);
        assert!(asks(&mut counters, 99, 2), "somebody else's sign-up works");
    }
}
