//! Login codes and sessions.

use std::time::Duration;

use super::text::{Email, Name, PushToken};
use crate::clock::Time;
use crate::error::{Error, Language, Result, Text};
use crate::id::{FileId, InvitationId, ObjectId, SessionId, UserId};

/// How long a login code works; its mail says so, and is worth sending no longer.
pub const CODE_LIFE: Duration = Duration::from_secs(5 * 60);

const BAD_INSTANCE: Text = Text {
    en: "The name of a running client has 1 to 64 letters, digits, '_' or '-'.",
    es: "Un cliente en marcha se nombra con 1 a 64 letras, cifras, '_' o '-'.",
};

/// How often one code may be guessed at.
pub const TRIES: u32 = 3;
/// How many of one asker's codes work for an address: a late mail is not a reason to fail.
pub const CODES_KEPT: usize = 2;
/// How many known places of one account are remembered; the one used longest ago is forgotten.
pub const PLACES: usize = 32;
/// How long a known place is remembered after its last login.
pub const PLACE_LIFE: Duration = Duration::from_secs(400 * 24 * 60 * 60);

/// What an asker is known by: a digest, under the server's key, of the ticket that it sends or of
/// the network that it asks from. Neither can be read out of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AskerKey(pub ObjectId);

/// A login code as it is stored: without the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginCode {
    /// Names this code, so that it is redeemed once.
    pub id: ObjectId,
    /// The address that it was asked for.
    pub email: Email,
    /// The account; `None` when the address has none, so that both cases take the same time.
    pub user: Option<UserId>,
    /// A client that sends this ticket may guess at it.
    pub ticket: Option<AskerKey>,
    /// A client in this network may guess at it, where the network replaces a ticket.
    pub network: Option<AskerKey>,
    /// HMAC-SHA-256 of address and code under the server's key.
    pub hmac: [u8; 32],
    /// How often it was guessed at, this guess included.
    pub tries: u32,
    /// When it stops to work.
    pub expires: Time,
    /// What the account becomes if this is the code that verifies it.
    pub profile: Option<FirstProfile>,
}

impl LoginCode {
    /// Whether it works at `now`. One that would work for longer than codes do was made by a clock
    /// that was wrong, and is over.
    pub fn is_alive(&self, now: Time) -> bool {
        is_ahead(self.expires, now, CODE_LIFE)
    }
}

/// What a sign-up says about a person. It takes effect once its own code is redeemed, and never if
/// another one is: so nobody else's sign-up for the same address leaves a trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FirstProfile {
    /// What others will see.
    pub name: Name,
    /// The picture, once it was examined.
    pub avatar: Option<FileId>,
    /// The address for push notifications.
    pub push_token: Option<PushToken>,
    /// The language of mails.
    pub language: Language,
    /// The invitation that it brought, whether or not that works.
    pub invitation: Option<InvitationId>,
}

/// A device or a network from which an account was logged in to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KnownPlace {
    /// Whose account.
    pub user: UserId,
    /// Which device or network.
    pub key: AskerKey,
    /// When it was last logged in from.
    pub used: Time,
}

/// How far apart two moments may be that are both called now: a sweep takes its own before it waits
/// for its turn, and the clocks of two nodes differ.
const SKEW: Duration = Duration::from_secs(60);

/// The latest end that something written now, for `at_most`, can have: one farther ahead was
/// written while the clock was wrong, and counts for nothing.
pub fn latest_end(now: Time, at_most: Duration) -> Time {
    now.plus(at_most).plus(SKEW)
}

/// Whether an end that is stored lies ahead, and at most as far as it can.
pub fn is_ahead(end: Time, now: Time, at_most: Duration) -> bool {
    now < end && end <= latest_end(now, at_most)
}

/// How many recovery codes a person has at most: so many are made at a time.
pub const RECOVERY_CODES: usize = 10;

/// SHA-256 of an account and one of its recovery codes, which is what is stored of the code. A code
/// has 80 random bits, so that nobody finds it by trying: no slow hash is needed, nor a key that a
/// server could lose, and the codes with it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RecoveryMark(pub [u8; 32]);

impl std::fmt::Debug for RecoveryMark {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("RecoveryMark(…)")
    }
}

/// A person's recovery codes as they are stored: without the codes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecoveryCodes {
    /// Whose.
    pub user: UserId,
    /// When they were made.
    pub made: Time,
    /// Those that were not used, in the order of their bytes.
    pub left: Vec<RecoveryMark>,
}

/// SHA-256 of a session's token. The token itself is never stored.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenHash(pub [u8; 32]);

/// One signed-in client of a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Which one.
    pub id: SessionId,
    /// Whose.
    pub user: UserId,
    /// Finds the session by its token.
    pub token: TokenHash,
    /// What the client calls itself, for the list of devices; at most 128 characters.
    pub device: String,
    /// When it was opened.
    pub created: Time,
    /// When it was last used, to within a few minutes.
    pub last_seen: Time,
}

impl std::fmt::Debug for TokenHash {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("TokenHash(…)")
    }
}

/// Who calls: the user, the session that speaks for it, and which of the session's running clients.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Caller {
    /// Whose rights count.
    pub user: UserId,
    /// The one whose token was shown.
    pub session: SessionId,
    /// The running client, if it names itself.
    pub instance: Option<Instance>,
}

/// A running client of a session: a tab, an app. Known by a digest of the name that the client
/// gives itself, so that it takes little room; distinct only within one session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instance(pub ObjectId);

impl Instance {
    /// The instance of a name: 1 to 64 letters, digits, `_` and `-`; else an error of `instance`.
    pub fn parse(name: &str) -> Result<Self> {
        let fits = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        if !(1..=64).contains(&name.len()) || !name.bytes().all(fits) {
            return Err(Error::field("instance", BAD_INSTANCE));
        }
        Ok(Self(ObjectId::of(name.as_bytes())))
    }
}

/// Which sessions of a user to close.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Which {
    /// A single session, whether it is the caller's own or another.
    One(SessionId),
    /// All but this one.
    AllBut(SessionId),
    /// Every session of the user, the caller's own included.
    All,
}

/// A bounded number of events in a time, counted in the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Quota {
    /// What is counted, for example `code:ana@example.org`.
    pub key: String,
    /// How many are allowed.
    pub limit: u32,
    /// In how many milliseconds; counted in fixed windows of this length.
    pub window_ms: u64,
}

impl Quota {
    /// The length of its windows.
    pub const fn window(&self) -> Duration {
        Duration::from_millis(self.window_ms)
    }

    /// The end of the fixed window that `now` is in.
    pub fn window_end(&self, now: Time) -> Time {
        let length = i64::try_from(self.window_ms).unwrap_or(i64::MAX).max(1);
        Time(now.0.saturating_sub(now.0.rem_euclid(length)).saturating_add(length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instance_is_named_by_what_fits_a_header() {
        let name = |text: &str| Instance::parse(text).ok();
        assert!(name("a").is_some() && name(&"Z_-9".repeat(16)).is_some());
        assert_ne!(name("a"), name("b"));
        for bad in ["", "a b", "ñ", "a.b", "a\n", &"x".repeat(65)] {
            assert_eq!(name(bad), None, "{bad:?}");
        }
    }

    #[test]
    fn an_end_beyond_one_window_was_written_by_a_wrong_clock() {
        let (now, hour) = (Time(1_000_000), Duration::from_secs(3600));
        assert!(is_ahead(now.plus(hour), now, hour));
        assert!(
            is_ahead(now.plus(hour).plus(SKEW), now, hour),
            "by a clock a little ahead of ours"
        );
        assert!(is_ahead(Time(1_000_001), now, hour));
        assert!(!is_ahead(now, now, hour), "over");
        let beyond = Time(latest_end(now, hour).0 + 1);
        assert!(!is_ahead(beyond, now, hour), "too far ahead");
    }

    #[test]
    fn a_window_holds_the_moment_that_it_is_asked_for() {
        let quota = Quota { key: String::new(), limit: 1, window_ms: 60_000 };
        for now in [Time(0), Time(59_999), Time(60_000), Time(-1)] {
            let end = quota.window_end(now);
            assert!(is_ahead(end, now, quota.window()), "{now:?}");
        }
        assert_eq!(quota.window_end(Time(59_999)), Time(60_000));
    }
}
