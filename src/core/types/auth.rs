//! Login codes and sessions.

use std::time::Duration;

use super::text::Email;
use crate::clock::Time;
use crate::error::{Error, Result, Text};
use crate::id::{ObjectId, SessionId, UserId};

/// How long a login code works; its mail says so, and is worth sending no longer.
pub const CODE_LIFE: Duration = Duration::from_secs(5 * 60);

const BAD_INSTANCE: Text = Text {
    en: "A running client is named by 1 to 64 letters, digits, '_' or '-'.",
    es: "Un cliente en marcha se nombra con 1 a 64 letras, cifras, '_' o '-'.",
};

/// A login code as it is stored: without the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginCode {
    /// Names this code, so that it is redeemed once; a new code for the address has a new one.
    pub id: ObjectId,
    /// The address that it was asked for. One code an address: a new one replaces the old.
    pub email: Email,
    /// The account; `None` when the address has none, so that both cases take the same time.
    pub user: Option<UserId>,
    /// HMAC-SHA-256 of address and code under the server's key.
    pub hmac: [u8; 32],
    /// How often it was guessed at, this guess included.
    pub tries: u32,
    /// When it stops to work.
    pub expires: Time,
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
    /// The user.
    pub user: UserId,
    /// The session.
    pub session: SessionId,
    /// The running client, if it names itself.
    pub instance: Option<Instance>,
}

/// A running client of a session: a tab, an app. Known by a digest of the name that the client
/// gives itself, so that it takes little room; told apart only within one session.
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
    /// This one.
    One(SessionId),
    /// All but this one.
    AllBut(SessionId),
    /// All.
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
}
