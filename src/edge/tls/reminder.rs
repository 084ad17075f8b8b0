//! When a certificate ends, or has ended: said in time, and not more than once a day. Called by
//! `files` for every certificate that it follows.

use std::time::Duration;

use super::identity::Validity;
use crate::clock::Time;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// So long before its end a certificate is worth a word; a shorter-lived one when a third of its
/// time is left. Whatever renews it has done so earlier if it works.
const AHEAD: Duration = Duration::from_secs(14 * 24 * 60 * 60);

/// Remembers when it said something.
#[derive(Debug, Default)]
pub(super) struct Reminder {
    said: Option<Time>,
}

/// What is wrong with a certificate's time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Due {
    /// It is not valid yet.
    NotYet,
    /// It ends in so many days, begun ones counted.
    In(u64),
    /// It has ended.
    Over,
}

impl Reminder {
    /// What is to be said now, if anything.
    pub(super) fn due(&mut self, validity: Validity, now: Time) -> Option<Due> {
        let due = due(validity, now)?;
        if self.said.is_some_and(|said| now.since(said) < DAY) {
            return None;
        }
        self.said = Some(now);
        Some(due)
    }

    /// There is another certificate: what was said does not count for it.
    pub(super) fn forget(&mut self) {
        self.said = None;
    }
}

fn due(Validity { from, until }: Validity, now: Time) -> Option<Due> {
    let left = until.since(now);
    if now < from {
        Some(Due::NotYet)
    } else if now > until {
        Some(Due::Over)
    } else if left < AHEAD.min(until.since(from) / 3) {
        Some(Due::In(left.as_secs().div_ceil(DAY.as_secs())))
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn days(days: u64) -> Duration {
        DAY * days as u32
    }

    #[test]
    fn the_end_is_told_in_time_and_once_a_day() {
        let from = Time(1_700_000_000_000);
        let validity = Validity { from, until: from.plus(days(90)) };
        let mut reminder = Reminder::default();
        let mut told = Vec::new();
        for hour in 0..24 * 92 {
            let now = from.plus(Duration::from_secs(60 * 60 * hour));
            told.extend(reminder.due(validity, now));
        }
        let ahead = (1..=14).rev().map(Due::In);
        assert_eq!(told, ahead.chain([Due::Over, Due::Over]).collect::<Vec<_>>());
        reminder.forget();
        assert_eq!(reminder.due(validity, from.plus(days(91))), Some(Due::Over));
        assert_eq!(reminder.due(validity, from.plus(days(91))), None);
    }

    #[test]
    fn a_short_one_is_told_when_a_third_is_left_and_one_of_tomorrow_now() {
        let from = Time(1_700_000_000_000);
        let validity = Validity { from, until: from.plus(days(6)) };
        assert_eq!(due(validity, from.plus(days(4))), None);
        assert_eq!(due(validity, from.plus(days(5))), Some(Due::In(1)));
        assert_eq!(due(validity, from.minus(DAY)), Some(Due::NotYet));
    }
}
