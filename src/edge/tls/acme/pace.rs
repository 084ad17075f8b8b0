//! When to ask an authority for a certificate. Pure. Called by the renewal.

use std::time::Duration;

use super::super::identity::Validity;
use crate::clock::Time;

/// The wait after the first failure; each further one doubles it. An authority counts failures of
/// an hour (five, with Let's Encrypt), and this leaves four waits in the first.
const FIRST: Duration = Duration::from_secs(3 * 60);
/// No longer than this, whatever an authority says: it may have said it for another reason.
pub(super) const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
/// How many times the wait is doubled: 3 minutes become 6.4 hours.
const DOUBLED: u32 = 7;
/// Two clocks that are right may differ by this much.
const SKEW: Duration = Duration::from_secs(60);

/// When the next certificate is due: at once if there is none, else when two thirds of its time
/// have passed, so that there is time for failures.
pub(super) fn due(validity: Option<Validity>) -> Time {
    let at = |Validity { from, until }: Validity| until.minus(until.since(from) / 3);
    validity.map_or(Time(i64::MIN), at)
}

/// Whether a certificate that has just been made looks so by this clock: it is valid, and the next
/// is not due yet.
pub(super) fn fits(validity: Validity, now: Time) -> bool {
    validity.from <= now.plus(SKEW) && now < due(Some(validity))
}

/// How long to wait after a failure, when there were `before` in a row before it, and when the
/// authority may have said how long.
pub(super) fn wait(before: u32, said: Option<Duration>) -> Duration {
    let own = FIRST * 2_u32.pow(before.min(DOUBLED));
    own.max(said.unwrap_or_default()).min(LONGEST)
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_secs(60 * 60);

    #[test]
    fn a_certificate_is_renewed_when_two_thirds_of_its_time_have_passed() {
        let from = Time(1_700_000_000_000);
        let until = from.plus(HOUR * 24 * 90);
        assert_eq!(due(Some(Validity { from, until })), from.plus(HOUR * 24 * 60));
        assert!(due(None) < Time(0), "none is asked for at once");
    }

    #[test]
    fn a_new_certificate_shows_that_the_clock_is_wrong() {
        let from = Time(1_700_000_000_000);
        let validity = Validity { from, until: from.plus(HOUR * 24 * 90) };
        let now = |days: u32| from.plus(HOUR * 24 * days);
        assert!(
            fits(validity, from) && fits(validity, from.minus(SKEW)) && fits(validity, now(59))
        );
        for wrong in [from.minus(HOUR), Time(0), now(61), now(91)] {
            assert!(!fits(validity, wrong), "{wrong}");
        }
    }

    #[test]
    fn failures_are_further_and_further_apart() {
        let waits: Vec<_> = (0..10).map(|before| wait(before, None)).collect();
        assert!(waits.is_sorted() && waits[9] == FIRST * 128 && waits[9] < LONGEST);
        let first_hour = waits.iter().scan(Duration::ZERO, |sum, wait| {
            *sum += *wait;
            Some(*sum)
        });
        assert_eq!(first_hour.filter(|at| *at < HOUR).count() + 1, 5, "attempts in an hour");
        assert_eq!(wait(0, Some(HOUR)), HOUR, "what the authority says is kept to");
        assert_eq!(wait(u32::MAX, Some(Duration::MAX)), LONGEST);
    }
}
