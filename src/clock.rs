//! Time, passed in everywhere, so that tests decide what time it is.
//!
//! All times are milliseconds since 1970 in UTC, written as RFC 3339 outside the server.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Time(pub i64);

impl Time {
    /// Milliseconds since 1970.
    pub const fn millis(self) -> i64 {
        self.0
    }

    /// The moment `duration` later.
    pub const fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The moment `duration` earlier.
    pub const fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// How long after `earlier` this is; zero if it is not.
    pub const fn since(self, earlier: Self) -> Duration {
        let millis = self.0.saturating_sub(earlier.0);
        Duration::from_millis(if millis > 0 { millis as u64 } else { 0 })
    }
}

/// Milliseconds of a duration, the largest number for one that is longer.
const fn millis(duration: Duration) -> i64 {
    let millis = duration.as_millis();
    if millis > i64::MAX as u128 { i64::MAX } else { millis as i64 }
}

const DAY_MS: i64 = 24 * 60 * 60 * 1000;
/// The first moment of the year 1 and the last of the year 9999: beyond them is not RFC 3339.
const FIRST: i64 = -62_135_596_800_000;
const LAST: i64 = 253_402_300_799_999;

impl Time {
    /// RFC 3339 with milliseconds, in UTC; a moment beyond the years 1 to 9999, which no clock
    /// shows, as the nearest one within.
    pub fn digits(self) -> [u8; 24] {
        let at = self.0.clamp(FIRST, LAST);
        let (year, month, day) = date(at.div_euclid(DAY_MS));
        let in_day = at.rem_euclid(DAY_MS);
        let mut text = *b"0000-00-00T00:00:00.000Z";
        put(&mut text[0..4], year);
        put(&mut text[5..7], month);
        put(&mut text[8..10], day);
        put(&mut text[11..13], in_day / 3_600_000);
        put(&mut text[14..16], in_day / 60_000 % 60);
        put(&mut text[17..19], in_day / 1000 % 60);
        put(&mut text[20..23], in_day % 1000);
        text
    }

    /// The same to the minute: `2026-11-29 16:05`.
    pub fn minute(self) -> String {
        String::from_utf8_lossy(&self.digits()[..16]).replace('T', " ")
    }
}

/// Year, month and day of a day by its distance from 1970. Years are counted from March, so that
/// the leap day is their last: then the months' lengths repeat every five, and 400 years always
/// have the same days.
const fn date(days: i64) -> (i64, i64, i64) {
    const DAYS_OF_400: i64 = 146_097;
    /// From the first of March of the year 0 to the first of January 1970.
    const BEFORE_1970: i64 = 719_468;
    let days = days + BEFORE_1970;
    let (cycle, day) = (days / DAYS_OF_400, days % DAYS_OF_400);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let march = (5 * day + 2) / 153;
    let month = if march < 10 { march + 3 } else { march - 9 };
    let january = if month <= 2 { 1 } else { 0 };
    (cycle * 400 + year + january, month, day - (153 * march + 2) / 5 + 1)
}

/// Writes a number in as many digits as there is room for.
fn put(room: &mut [u8], mut number: i64) {
    for digit in room.iter_mut().rev() {
        *digit = b'0' + (number % 10) as u8;
        number /= 10;
    }
}

impl fmt::Display for Time {
    /// As `digits`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for Time {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The present moment.
    fn now(&self) -> Time;
}

/// The machine's clock: the one for production.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Time {
        let since_1970 = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Time(since_1970.as_millis() as i64)
    }
}

/// This machine's clock, put right by the store's: what nodes share is judged by one clock.
pub struct StoreClock {
    machine: Arc<dyn Clock>,
    /// What this machine's clock lacks.
    behind_ms: AtomicI64,
}

/// A difference that is not more is left as it is, so that time does not tremble.
const STEADY_MS: i64 = 100;
/// An answer that took longer says too little.
const PROMPT_MS: i64 = 2_000;

impl StoreClock {
    /// One that shows this machine's time until it is measured.
    pub const fn new(machine: Arc<dyn Clock>) -> Self {
        Self { machine, behind_ms: AtomicI64::new(0) }
    }

    /// The time that this machine shows.
    pub fn machine(&self) -> Time {
        self.machine.now()
    }

    /// The store showed a time between two moments of this machine. How many milliseconds the
    /// machine is behind; `None` when the two are too far apart to tell.
    pub fn measure(&self, before: Time, store: Time, after: Time) -> Option<i64> {
        let took = after.0.saturating_sub(before.0);
        if !(0..=PROMPT_MS).contains(&took) {
            return None;
        }
        let behind = store.0.saturating_sub(before.0.saturating_add(took / 2));
        let change = behind.saturating_sub(self.behind_ms.load(Ordering::Relaxed));
        if change.saturating_abs() > STEADY_MS + took / 2 {
            self.behind_ms.store(behind, Ordering::Relaxed);
        }
        Some(behind)
    }
}

impl Clock for StoreClock {
    fn now(&self) -> Time {
        let behind = self.behind_ms.load(Ordering::Relaxed);
        Time(self.machine.now().0.saturating_add(behind))
    }
}

/// A clock that stands still until it is moved: the one for tests.
pub struct ManualClock(AtomicI64);

impl ManualClock {
    /// A clock that shows `start`.
    pub const fn at(start: Time) -> Self {
        Self(AtomicI64::new(start.0))
    }

    /// Puts the clock right, or wrong.
    pub fn set(&self, now: Time) {
        self.0.store(now.0, Ordering::SeqCst);
    }

    /// Moves the clock on.
    pub fn advance(&self, duration: Duration) {
        self.0.fetch_add(duration.as_millis() as i64, Ordering::SeqCst);
    }
}

impl Clock for ManualClock {
    fn now(&self) -> Time {
        Time(self.0.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_beyond_all_times_is_the_last_or_the_first() {
        assert_eq!(Time(7).plus(Duration::MAX), Time(i64::MAX));
        assert_eq!(Time(-7).minus(Duration::MAX), Time(i64::MIN));
    }

    #[test]
    fn a_time_is_written_as_rfc_3339_with_milliseconds() {
        assert_eq!(Time(1_732_291_200_007).to_string(), "2024-11-22T16:00:00.007Z");
        assert_eq!(Time(-1).to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Time(i64::MIN).to_string(), "0001-01-01T00:00:00.000Z");
        assert_eq!(Time(i64::MAX).to_string(), "9999-12-31T23:59:59.999Z");
    }

    #[test]
    fn a_day_has_the_date_that_a_calendar_gives_it() {
        let days = (FIRST / DAY_MS..=LAST / DAY_MS).step_by(11);
        let days = days.map(|day| Time(day * DAY_MS + (day * 7_919_777).rem_euclid(DAY_MS)));
        let known_to_jiff = FIRST..=LAST - 2 * DAY_MS;
        for time in days.filter(|time| known_to_jiff.contains(&time.0)) {
            let known = jiff::Timestamp::from_millisecond(time.0).expect("within its range");
            assert_eq!(time.to_string(), format!("{known:.3}"));
        }
    }

    #[test]
    fn a_machine_that_is_wrong_shows_the_stores_time_and_small_differences_are_left() {
        let machine = Arc::new(ManualClock::at(Time(1_000_000)));
        let clock = StoreClock::new(machine.clone());
        assert_eq!(clock.measure(Time(1_000_000), Time(970_050), Time(1_000_100)), Some(-30_000));
        assert_eq!(clock.now(), Time(970_000));
        machine.advance(Duration::from_secs(2));
        // A little off again: it stays as it is.
        assert_eq!(clock.measure(Time(1_002_000), Time(972_120), Time(1_002_100)), Some(-29_930));
        assert_eq!((clock.now(), clock.machine()), (Time(972_000), Time(1_002_000)));
        // What took too long, or ended before it began, says nothing.
        assert_eq!(clock.measure(Time(0), Time(9_000), Time(2_001)), None);
        assert_eq!(clock.measure(Time(1_002_000), Time(0), Time(1_001_999)), None);
        assert_eq!(clock.now(), Time(972_000));
    }
}
