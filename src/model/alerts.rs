//! Alerts: what a person wants to be told of while they do not look, and how much of it is said.
//!
//! Two things decide, each in force on every device of the person: what they set for all chats
//! (`Alerts`), and what they set for one (`Member::alerts`, `Member::muted_until`). Quiet hours are
//! hours of a place: a zone knows when its clocks change. Called by `core`, the adapters of the
//! store, and `protocol`.

use std::sync::LazyLock;

use jiff::Timestamp;
use jiff::tz::{TimeZone, TimeZoneDatabase};

use super::chats::{ChatKind, Level, Member};
use crate::clock::Time;
use crate::error::{Error, Result, Text};
use crate::id::UserId;

/// Minutes of a day.
pub const DAY_MINUTES: u16 = 24 * 60;

/// The zones of this program, the same on every machine: an image without files has them too.
static ZONES: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

const NO_ZONE: Text = Text {
    en: "This time zone is not known. Zones are named as in 'Europe/Madrid'.",
    es: "No se conoce esta zona horaria. Las zonas se nombran como 'Europe/Madrid'.",
};
const NO_MINUTE: Text = Text {
    en: "This is a minute of the day, from 0 to {}.",
    es: "Es un minuto del día, de 0 a {}.",
};
const NO_HOURS: Text = Text {
    en: "Quiet hours end at another minute than they begin. To be told of nothing, mute chats.",
    es: "Las horas de silencio no acaban en el minuto en que empiezan. Para no recibir avisos, \
         silencia los chats.",
};

/// How much a push says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Shown {
    /// That there is something, and where; no word of anybody.
    Wake,
    /// Also who writes or calls, and what the chat is called.
    Names,
    /// Also the text.
    Text,
}

/// A time zone by its name in the IANA's database, such as `Europe/Madrid`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Zone(Box<str>);

impl Zone {
    /// A zone that this program knows, as the database spells it.
    pub fn parse(field: &'static str, name: &str) -> Result<Self> {
        let zone = ZONES.get(name).map_err(|_| Error::field(field, NO_ZONE))?;
        Ok(Self(zone.iana_name().unwrap_or(name).into()))
    }

    /// One that was checked before it was stored.
    pub fn stored(name: &str) -> Self {
        Self(name.into())
    }

    /// Its name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Which minute of the day the clocks there show at a moment. One that another program stored
    /// and this one does not know counts as UTC.
    pub fn minute(&self, at: Time) -> u16 {
        let zone = ZONES.get(&self.0).unwrap_or(TimeZone::UTC);
        let stamp = Timestamp::from_millisecond(at.millis()).unwrap_or_default();
        let clock = zone.to_datetime(stamp);
        let (hour, minute) = (clock.hour().unsigned_abs(), clock.minute().unsigned_abs());
        u16::from(hour) * 60 + u16::from(minute)
    }
}

/// The hours of each day in which a person is told of no message.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Quiet {
    /// From this minute of the day on.
    pub from: u16,
    /// Until this one, of the next day if it is before `from`.
    pub to: u16,
    /// Where.
    pub zone: Zone,
    /// Calls ring all the same.
    pub calls: bool,
}

impl Quiet {
    /// Checks hours; errors are of `quiet.from`, `quiet.to` and `quiet.zone`.
    pub fn parse(from: u16, to: u16, zone: &str, calls: bool) -> Result<Self> {
        let last = DAY_MINUTES - 1;
        for (field, minute) in [("quiet.from", from), ("quiet.to", to)] {
            if minute > last {
                return Err(Error::field(field, NO_MINUTE).arg(last.to_string()));
            }
        }
        if from == to {
            return Err(Error::field("quiet.to", NO_HOURS));
        }
        Ok(Self { from, to, zone: Zone::parse("quiet.zone", zone)?, calls })
    }

    /// Whether they are at a moment. On the day when clocks go forward or back they are an hour
    /// shorter or longer, as that night is.
    pub fn is_at(&self, at: Time) -> bool {
        let minute = self.zone.minute(at);
        let (after, before) = (self.from <= minute, minute < self.to);
        if self.from < self.to { after && before } else { after || before }
    }
}

/// What a person wants in all chats, as far as they have not said otherwise of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Default)]
pub struct Alerts {
    /// Of a group's messages they are told only of those that mention them.
    pub mentions_only: bool,
    /// When they are told of no message.
    pub quiet: Option<Quiet>,
    /// At most so much is said; never more than the operator allows. `None`: as much as that.
    pub shown: Option<Shown>,
    /// They want a mail of what they missed.
    pub mail: bool,
}

impl Alerts {
    /// Whether it is a quiet hour.
    pub fn is_quiet(&self, now: Time) -> bool {
        self.quiet.as_ref().is_some_and(|quiet| quiet.is_at(now))
    }

    /// Whether a call rings.
    pub fn rings(&self, now: Time) -> bool {
        self.quiet.as_ref().is_none_or(|quiet| quiet.calls || !quiet.is_at(now))
    }

    /// Of which messages of a chat they are told, whatever the hour. A direct chat speaks to them
    /// alone, so `mentions_only` is about groups; a mute leaves mentions, and no more than the
    /// chat's own level.
    pub fn level(&self, kind: ChatKind, member: &Member, now: Time) -> Level {
        let usual = if self.mentions_only && kind == ChatKind::Group {
            Level::Mentions
        } else {
            Level::All
        };
        let level = member.alerts.unwrap_or(usual);
        let is_muted = member.muted_until.is_some_and(|until| until > now);
        if is_muted { level.min(Level::Mentions) } else { level }
    }
}

/// What a store keeps of a person's alerts, with what the mails of missed messages go by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct KeptAlerts {
    /// Whose.
    pub user: UserId,
    /// What they want.
    pub alerts: Alerts,
    /// When it is looked next whether they missed something; `None`: they want no mail.
    pub due: Option<Time>,
    /// When the latest mail of what they missed went out.
    pub mailed: Option<Time>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ChatId, ObjectId};

    /// A moment of a day in UTC.
    fn at(text: &str) -> Time {
        Time(text.parse::<Timestamp>().expect("a moment").as_millisecond())
    }

    fn quiet(from: u16, to: u16, zone: &str) -> Quiet {
        Quiet::parse(from, to, zone, true).expect("hours")
    }

    #[test]
    fn quiet_hours_go_over_midnight_and_end_before_their_last_minute() {
        let night = quiet(22 * 60, 7 * 60, "UTC");
        for (moment, expected) in [
            ("2026-11-30T21:59:59Z", false),
            ("2026-11-30T22:00:00Z", true),
            ("2026-11-30T23:59:59Z", true),
            ("2026-12-01T00:00:00Z", true),
            ("2026-12-01T06:59:59Z", true),
            ("2026-12-01T07:00:00Z", false),
        ] {
            assert_eq!(night.is_at(at(moment)), expected, "{moment}");
        }
        let siesta = quiet(13 * 60, 16 * 60 + 30, "UTC");
        assert!(siesta.is_at(at("2026-11-30T16:29:00Z")));
        assert!(!siesta.is_at(at("2026-11-30T16:30:00Z")));
        assert!(!siesta.is_at(at("2026-11-30T12:59:00Z")));
    }

    #[test]
    fn quiet_hours_are_those_of_the_clocks_there_in_summer_too() {
        let madrid = quiet(23 * 60, 7 * 60, "Europe/Madrid");
        // One hour ahead of UTC in winter, two in summer.
        assert!(!madrid.is_at(at("2026-01-15T21:59:00Z")));
        assert!(madrid.is_at(at("2026-01-15T22:00:00Z")));
        assert!(madrid.is_at(at("2026-07-15T21:00:00Z")));
        assert!(!madrid.is_at(at("2026-07-15T05:00:00Z")));
        // The night of 28 to 29 March is an hour shorter: it begins at 22 and ends at 5 in UTC.
        assert!(madrid.is_at(at("2026-03-28T22:00:00Z")));
        assert!(madrid.is_at(at("2026-03-29T04:59:00Z")));
        assert!(!madrid.is_at(at("2026-03-29T05:00:00Z")));
        // That of 24 to 25 October is an hour longer.
        assert!(madrid.is_at(at("2026-10-24T21:00:00Z")));
        assert!(madrid.is_at(at("2026-10-25T05:59:00Z")));
        assert!(!madrid.is_at(at("2026-10-25T06:00:00Z")));
        // Half an hour beside the others.
        assert_eq!(quiet(0, 1, "Asia/Kolkata").zone.minute(at("2026-11-30T18:30:00Z")), 0);
        assert_eq!(quiet(0, 1, "America/New_York").zone.minute(at("2026-11-30T00:15:00Z")), 1155);
    }

    #[test]
    fn hours_that_are_none_are_refused_by_their_field() {
        let field = |from, to, zone| {
            let refused = Quiet::parse(from, to, zone, true).err();
            refused.and_then(|error| error.field.map(|field| field.into_owned()))
        };
        assert_eq!(field(1440, 0, "UTC").as_deref(), Some("quiet.from"));
        assert_eq!(field(0, 1440, "UTC").as_deref(), Some("quiet.to"));
        assert_eq!(field(60, 60, "UTC").as_deref(), Some("quiet.to"));
        for zone in ["", "Madrid", "Europe/Nowhere", "+02:00", "../etc/passwd", "Europe/Madrid\0"] {
            assert_eq!(field(0, 60, zone).as_deref(), Some("quiet.zone"), "{zone:?}");
        }
        assert_eq!(quiet(0, 60, "europe/madrid").zone.as_str(), "Europe/Madrid");
        assert_eq!(Zone::stored("Gone/Away").minute(Time(60_000)), 1);
    }

    #[test]
    fn a_chat_has_its_own_level_and_a_mute_leaves_mentions_at_most() {
        let now = Time(1000);
        let member =
            Member::joining(ChatId(ObjectId([1; 12])), UserId(ObjectId([2; 12])), 1, Time(0));
        let of = |mentions_only, kind, alerts, muted: bool| {
            let muted_until = muted.then_some(Time(1001));
            let member = Member { alerts, muted_until, ..member.clone() };
            Alerts { mentions_only, ..Alerts::default() }.level(kind, &member, now)
        };
        let (group, direct) = (ChatKind::Group, ChatKind::Direct);
        assert_eq!(of(false, group, None, false), Level::All);
        assert_eq!(of(true, group, None, false), Level::Mentions);
        assert_eq!(of(true, direct, None, false), Level::All, "it speaks to them alone");
        for kind in [group, direct] {
            for mentions_only in [false, true] {
                for level in [Level::All, Level::Mentions, Level::Nothing] {
                    assert_eq!(of(mentions_only, kind, Some(level), false), level);
                    let muted = of(mentions_only, kind, Some(level), true);
                    assert_eq!(muted, level.min(Level::Mentions));
                }
                assert_eq!(of(mentions_only, kind, None, true), Level::Mentions);
            }
        }
        let over = Member { muted_until: Some(now), ..member };
        assert_eq!(Alerts::default().level(group, &over, now), Level::All, "it is over");
    }

    #[test]
    fn calls_ring_in_quiet_hours_unless_they_are_told_not_to() {
        let night = |calls| Alerts {
            quiet: Some(Quiet { calls, ..quiet(0, 60, "UTC") }),
            ..Alerts::default()
        };
        assert!(night(true).rings(Time(0)) && night(true).is_quiet(Time(0)));
        assert!(!night(false).rings(Time(0)));
        assert!(night(false).rings(Time(3_600_000)), "they are over");
        assert!(Alerts::default().rings(Time(0)) && !Alerts::default().is_quiet(Time(0)));
    }
}
