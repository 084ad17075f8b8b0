//! How long somebody was silent while the server could hear.
//!
//! A *pause* is a time in which nobody could break their silence: this process was frozen, or its
//! store accepted nothing. Deadlines of calls do not count pauses, so a pause moves them by its
//! length and never ends a call.
//!
//! `Ear` is told once a second that this process runs, and whenever the store refuses; `Listening`
//! is what it knows at a moment, which the machine beside it asks. Each node has its own ear: what
//! another node could not hear counts as silence here.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use crate::clock::Time;
use crate::model::calls::ALIVE_EVERY;

/// The ear is told of each second; a process that was not heard from for this long was frozen.
const STOOD_STILL: Duration = Duration::from_secs(3);
/// At most so many pauses are known; the earliest is forgotten.
const PAUSES: usize = 32;

/// What a process knows of its own pauses.
pub(crate) struct Ear(Mutex<Heard>);

struct Heard {
    since: Time,
    beat: Time,
    /// Apart from each other, in order.
    pauses: Vec<(Time, Time)>,
}

impl Ear {
    /// Of a process that begins `now`.
    pub(crate) const fn new(now: Time) -> Self {
        Self(Mutex::new(Heard { since: now, beat: now, pauses: Vec::new() }))
    }

    /// This process runs; to be called every second.
    pub(super) fn beat(&self, now: Time) {
        self.with(|heard| {
            heard.note_gap(now);
            heard.beat = now;
        });
    }

    /// The store was asked `since` and refused `now`. Devices in a call report every `ALIVE_EVERY`
    /// and not more often: as long as the store is gone, somebody finds out again.
    pub(super) fn refused(&self, since: Time, now: Time) {
        self.with(|heard| heard.note((since, now.plus(ALIVE_EVERY))));
    }

    /// What is known at this moment.
    pub(super) fn listening(&self, now: Time) -> Listening {
        self.with(|heard| {
            heard.note_gap(now);
            Listening { since: heard.since, pauses: heard.pauses.clone() }
        })
    }

    fn with<T>(&self, work: impl FnOnce(&mut Heard) -> T) -> T {
        // What a panic elsewhere left behind is whole: each change is one step.
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Heard {
    fn note_gap(&mut self, now: Time) {
        if now.since(self.beat) > STOOD_STILL {
            self.note((self.beat, now));
        }
    }

    /// Takes a pause in, together with those that it touches.
    fn note(&mut self, (mut from, mut to): (Time, Time)) {
        self.pauses.retain(|(begin, end)| {
            let apart = *end < from || to < *begin;
            if !apart {
                (from, to) = (from.min(*begin), to.max(*end));
            }
            apart
        });
        let place = self.pauses.partition_point(|pause| pause.0 < from);
        self.pauses.insert(place, (from, to));
        if self.pauses.len() > PAUSES {
            self.pauses.remove(0);
        }
    }
}

/// When this process could hear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listening {
    since: Time,
    pauses: Vec<(Time, Time)>,
}

impl Listening {
    /// Of a process that has been running since then, without a pause.
    pub const fn since(since: Time) -> Self {
        Self { since, pauses: Vec::new() }
    }

    /// The same with a pause.
    #[cfg(test)]
    pub(super) fn paused(mut self, from: Time, to: Time) -> Self {
        self.pauses.push((from, to));
        self
    }

    /// How much time has passed from `from` until `now`, pauses not counted.
    pub fn passed(&self, from: Time, now: Time) -> Duration {
        let within = |(begin, end): &(Time, Time)| (*end).min(now).since((*begin).max(from));
        let paused: Duration = self.pauses.iter().map(within).sum();
        now.since(from).saturating_sub(paused)
    }

    /// The same for what only this process could have heard: nor does the time before it count.
    pub fn heard(&self, from: Time, now: Time) -> Duration {
        self.passed(from.max(self.since), now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn at(seconds: i64) -> Time {
        Time(seconds * 1000)
    }

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    fn running(ear: &Ear, seconds: std::ops::RangeInclusive<i64>) {
        seconds.for_each(|second| ear.beat(at(second)));
    }

    #[test]
    fn time_passes_while_the_process_runs_and_not_before_it() {
        let ear = Ear::new(at(100));
        running(&ear, 101..=130);
        let listening = ear.listening(at(131));
        assert_eq!(listening.heard(at(110), at(131)), s(21));
        assert_eq!(listening.heard(at(50), at(131)), s(31), "since it runs");
        assert_eq!(listening.passed(at(50), at(131)), s(81));
        assert_eq!(listening.heard(at(140), at(131)), s(0), "a clock that was set back");
    }

    #[test]
    fn a_process_that_stood_still_heard_nothing_meanwhile() {
        let ear = Ear::new(at(0));
        running(&ear, 1..=20);
        // Whoever asks first after it, asks before the next beat.
        let listening = ear.listening(at(320));
        assert_eq!(listening.heard(at(15), at(320)), s(5));
        running(&ear, 320..=330);
        assert_eq!(ear.listening(at(330)).heard(at(15), at(330)), s(15));
        assert_eq!(ear.listening(at(330)).heard(at(100), at(330)), s(10), "begun in the pause");
        ear.beat(at(333));
        assert_eq!(ear.listening(at(333)).heard(at(320), at(333)), s(13), "late is not still");
    }

    #[test]
    fn while_the_store_is_gone_nobody_is_silent() {
        let ear = Ear::new(at(0));
        running(&ear, 1..=20);
        for second in 21..=60 {
            ear.beat(at(second));
            ear.refused(at(second), at(second));
        }
        // It is back; the next words of those who are there come within ten seconds.
        running(&ear, 61..=70);
        assert_eq!(ear.listening(at(70)).heard(at(12), at(70)), s(9));
        running(&ear, 71..=90);
        assert_eq!(ear.listening(at(90)).heard(at(12), at(90)), s(29), "then silence counts");
    }

    #[test]
    fn a_store_that_is_slow_to_refuse_was_gone_all_the_while() {
        let ear = Ear::new(at(0));
        running(&ear, 1..=10);
        ear.refused(at(10), at(40));
        running(&ear, 40..=60);
        assert_eq!(ear.listening(at(60)).heard(at(5), at(60)), s(15));
    }

    #[test]
    fn the_pauses_that_are_known_are_few_and_apart() {
        let ear = Ear::new(at(0));
        for pause in 1..=1000 {
            ear.beat(at(pause * 10));
        }
        let listening = ear.listening(at(10_000));
        assert_eq!(listening.pauses, [(at(0), at(10_000))], "they touch");
        for pause in 0..1000 {
            ear.refused(at(20_000 + pause * 30), at(20_000 + pause * 30));
            ear.beat(at(20_000 + pause * 30 + 29));
        }
        assert!(ear.listening(at(50_000)).pauses.len() <= PAUSES);
    }
}
