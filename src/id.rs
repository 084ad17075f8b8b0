//! Ids: 12-byte ObjectIds written as 24 lower-case hex digits, the same on every store.
//!
//! Every noun has its own type, so that a user can never be passed where a chat is meant.
//! Randomness is passed in (`Entropy`), so that tests repeat. Called by everyone.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use sha2::{Digest, Sha256};

use crate::clock::{Clock, Time};

/// A source of random bytes.
pub trait Entropy: Send + Sync {
    /// Fills `out` with random bytes.
    fn fill(&self, out: &mut [u8]);
}

/// The operating system's random source: the one for production.
pub struct OsEntropy;

impl Entropy for OsEntropy {
    fn fill(&self, out: &mut [u8]) {
        // invariant: the kernel's random source is there once the machine has booted.
        getrandom::fill(out).expect("the operating system has a random source");
    }
}

/// A text is not an id: it is not 24 hex digits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadId;

/// Twelve bytes: four of seconds since 1970, five of the process, three of a counter.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 12]);

impl ObjectId {
    /// The first 12 bytes of SHA-256 over `bytes`: the same for the same.
    pub fn of(bytes: &[u8]) -> Self {
        beginning(&Sha256::digest(bytes))
    }

    /// Reads 24 hex digits, of either case.
    pub fn parse(text: &str) -> Result<Self, BadId> {
        let digits = text.as_bytes();
        if digits.len() != 24 {
            return Err(BadId);
        }
        let mut bytes = [0; 12];
        for (byte, pair) in bytes.iter_mut().zip(digits.chunks_exact(2)) {
            *byte = hex(pair[0])? << 4 | hex(pair[1])?;
        }
        Ok(Self(bytes))
    }

    /// Its 24 hex digits, in lower case.
    pub fn digits(&self) -> [u8; 24] {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 24];
        for (pair, byte) in text.chunks_exact_mut(2).zip(self.0) {
            pair[0] = DIGITS[usize::from(byte >> 4)];
            pair[1] = DIGITS[usize::from(byte & 15)];
        }
        text
    }
}

/// Bytes as hex digits, in lower case.
pub fn hex_digits(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes of 64 hex digits, in either case; `None` of any other text.
pub fn from_hex(text: &str) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_bytes().as_chunks::<2>();
    if pairs.len() != 32 || !rest.is_empty() {
        return None;
    }
    let mut bytes = [0; 32];
    for (byte, [high, low]) in bytes.iter_mut().zip(pairs) {
        *byte = hex(*high).ok()? << 4 | hex(*low).ok()?;
    }
    Some(bytes)
}

fn hex(digit: u8) -> Result<u8, BadId> {
    (digit as char).to_digit(16).map(|value| value as u8).ok_or(BadId)
}

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(std::str::from_utf8(&self.digits()).map_err(|_| fmt::Error)?)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

macro_rules! id_types {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(pub ObjectId);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }
        impl FromStr for $name {
            type Err = BadId;
            fn from_str(text: &str) -> Result<Self, BadId> {
                ObjectId::parse(text).map(Self)
            }
        }
    )*};
}

id_types! {
    /// The account of a person.
    UserId;
    /// Where messages live.
    ChatId;
    /// One signed-in client of a user.
    SessionId;
    /// A message's name to the outside; inside it is found by its chat and seq.
    MessageId;
    /// An upload.
    FileId;
    /// A voice or video call.
    CallId;
    /// A row of what operators did.
    AuditId;
    /// What lets people into the server: the digest of its code.
    InvitationId;
    /// What somebody told of a person, a group or a message.
    ReportId;
    /// A server process among others on one store.
    NodeId;
    /// The life of a store: another one once a backup of it was restored, or it was copied.
    Incarnation;
}

impl AuditId {
    /// The id of a row that is written at a moment, by an id of its own: later ones are higher,
    /// over restarts too, as far as clocks go forward.
    pub fn at(moment: Time, own: ObjectId) -> Self {
        let mut bytes = [0; 12];
        bytes[..6].copy_from_slice(&moment.millis().to_be_bytes()[2..]);
        // The counter first: it orders rows of one process in one millisecond.
        bytes[6..9].copy_from_slice(&own.0[9..]);
        bytes[9..].copy_from_slice(&own.0[4..7]);
        Self(ObjectId(bytes))
    }
}

impl ChatId {
    /// The id of the direct chat of two users, in either order: the first 12 bytes of SHA-256 over
    /// the lower and the higher user id. It needs no look-up and cannot be created twice.
    pub fn direct(one: UserId, other: UserId) -> Self {
        let (low, high) = if one <= other { (one, other) } else { (other, one) };
        let digest = Sha256::new().chain_update(low.0.0).chain_update(high.0.0).finalize();
        Self(beginning(&digest))
    }

    /// The id of the group that a user makes under an idempotency key: the same each time.
    pub fn keyed(user: UserId, key: &str) -> Self {
        let digest = Sha256::new().chain_update(b"group\0").chain_update(user.0.0);
        Self(beginning(&digest.chain_update(key).finalize()))
    }
}

fn beginning(digest: &[u8]) -> ObjectId {
    let mut bytes = [0; 12];
    bytes.copy_from_slice(&digest[..12]);
    ObjectId(bytes)
}

/// Makes new ids from the clock, five random bytes of this process, and a counter.
pub struct IdSource {
    clock: Arc<dyn Clock>,
    process: [u8; 5],
    counter: AtomicU32,
}

impl IdSource {
    /// A source whose process part and first counter come from `entropy`.
    pub fn new(clock: Arc<dyn Clock>, entropy: &dyn Entropy) -> Self {
        let mut process = [0; 5];
        let mut counter = [0; 4];
        entropy.fill(&mut process);
        entropy.fill(&mut counter);
        Self { clock, process, counter: AtomicU32::new(u32::from_le_bytes(counter)) }
    }

    /// A new id: later ones sort after earlier ones within a process, to the second.
    pub fn next(&self) -> ObjectId {
        let seconds = (self.clock.now().millis() / 1000) as u32;
        let count = self.counter.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        let mut bytes = [0; 12];
        bytes[..4].copy_from_slice(&seconds.to_be_bytes());
        bytes[4..9].copy_from_slice(&self.process);
        bytes[9..].copy_from_slice(&count[1..]);
        ObjectId(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(last: u8) -> UserId {
        let mut bytes = [7; 12];
        bytes[11] = last;
        UserId(ObjectId(bytes))
    }

    #[test]
    fn an_id_is_read_back_as_written() {
        let text = "0123456789abcdef01234567";
        assert_eq!(ObjectId::parse(text).map(|id| id.to_string()), Ok(text.into()));
        assert_eq!(ObjectId::parse(&text.to_uppercase()).map(|id| id.to_string()), Ok(text.into()));
    }

    #[test]
    fn other_texts_are_no_ids() {
        for text in
            ["", "0123", "0123456789abcdef0123456g", "0123456789abcdef012345678", "ññññññññññññ"]
        {
            assert_eq!(ObjectId::parse(text), Err(BadId), "{text}");
        }
    }

    #[test]
    fn rows_of_the_audit_are_in_the_order_of_time() {
        let at = |millis, last| AuditId::at(Time(millis), user(last).0);
        assert!(at(1_795_348_800_000, 2) < at(1_795_348_800_001, 1));
        assert!(at(1_795_348_800_000, 1) < at(1_795_348_800_000, 2));
        assert!(at(1_000, 9) < at(1_795_348_800_000, 1));
    }

    #[test]
    fn a_direct_chat_has_one_id_from_both_sides() {
        assert_eq!(ChatId::direct(user(1), user(2)), ChatId::direct(user(2), user(1)));
        assert_ne!(ChatId::direct(user(1), user(2)), ChatId::direct(user(1), user(3)));
    }
}
