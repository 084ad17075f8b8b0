//! How the figures of a server went: a row an hour, and one a day, which are kept for longer.

use std::time::Duration;

use super::operators::Figures;
use crate::clock::Time;

/// How long a row of an hour is kept.
pub const HOURS_KEPT: Duration = Duration::from_secs(90 * DAY_S);
/// How long a row of a day is kept.
pub const DAYS_KEPT: Duration = Duration::from_secs(3 * 366 * DAY_S);
const HOUR_S: u64 = 60 * 60;
const DAY_S: u64 = 24 * HOUR_S;

/// How much time a row tells of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// An hour, from its first minute.
    Hour,
    /// A day, from midnight by UTC.
    Day,
}

impl Span {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Hour, Self::Day];

    /// Its name, for programs and stores.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Hour => "hour",
            Self::Day => "day",
        }
    }

    /// The one of a name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|span| span.name() == name)
    }

    /// How long it is.
    pub const fn length(self) -> Duration {
        match self {
            Self::Hour => Duration::from_secs(HOUR_S),
            Self::Day => Duration::from_secs(DAY_S),
        }
    }

    /// How long its rows are kept.
    pub const fn kept(self) -> Duration {
        match self {
            Self::Hour => HOURS_KEPT,
            Self::Day => DAYS_KEPT,
        }
    }

    /// When the one began that a moment is in.
    pub const fn start(self, at: Time) -> Time {
        let length = self.length().as_millis() as i64;
        Time(at.0 - at.0.rem_euclid(length))
    }
}

/// What happened in some time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Happened {
    /// Calls that rang.
    pub calls: u64,
    /// Requests that failed by a fault of the server.
    pub errors: u64,
}

/// An hour or a day of a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trend {
    /// How long it is.
    pub span: Span,
    /// When it began.
    pub at: Time,
    /// How much there was at its end; of the one that is not over, when it was last counted.
    pub figures: Figures,
    /// What happened in it.
    pub happened: Happened,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_begins_at_its_own_first_moment() {
        let noon = Time(1_700_049_600_000);
        assert_eq!(Span::Hour.start(noon), noon);
        assert_eq!(Span::Hour.start(Time(noon.0 + 3_599_999)), noon);
        assert_eq!(Span::Day.start(noon), Time(noon.0 - 12 * 3_600_000));
        assert_eq!(Span::Day.start(Time(-1)), Time(-86_400_000));
    }
}
