//! Who may allocate: long-term credentials by the TURN REST scheme, and nonces without memory.
//!
//! A username is `expiry:user:call` (the call part may be absent), its password the base64 of
//! HMAC-SHA1 over it with a shared secret, so a credential needs no storage and dies by itself.
//! With [`TRIAL`] for its call it is good for trying the way out, and for nothing else: its relays
//! reach relays of this server alone, are few, slow and short, and count apart from the user's.
//! A nonce is a time and an HMAC over that time and the client's address: anybody may ask for
//! any number of them and the server keeps none. Comparisons are constant-time.
//! Called by the server for requests, and by the application to issue credentials.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sha2::Sha256;

use crate::stun::{IntegrityKey, Message, long_term_key};

/// The call part of a credential that only tries whether relays can be reached.
pub const TRIAL: &str = "test";

/// The longest USERNAME (RFC 8489 §14.3: fewer than 509 bytes).
const MAX_USERNAME_BYTES: usize = 508;

/// Hex digits of a nonce: 8 of the time, 24 of the HMAC.
const NONCE_BYTES: usize = 32;

/// A username and its password, for the `iceServers` a client is given.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// `expiry:user:call`.
    pub username: String,
    /// Base64 of HMAC-SHA1.
    pub password: String,
}

impl Credentials {
    /// Issues a credential that may allocate until `expiry_unix_s`. `user` holds no colon.
    pub fn issue(secret: &[u8], expiry_unix_s: u64, user: &str, call: &str) -> Self {
        let username = format!("{expiry_unix_s}:{user}:{call}");
        let password = password(secret, username.as_bytes());
        Self { username, password }
    }
}

/// The password that belongs to a username.
fn password(secret: &[u8], username: &[u8]) -> String {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).expect("HMAC takes a key of any length");
    mac.update(username);
    base64(&mac.finalize().into_bytes())
}

/// Standard base64 with padding.
fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let [a, b, c] = [0, 1, 2].map(|index| chunk.get(index).copied().unwrap_or(0));
        let word = u32::from_be_bytes([0, a, b, c]);
        for digit in 0..4 {
            let used = digit <= chunk.len();
            let index = (word >> (18 - 6 * digit)) as usize & 63;
            text.push(if used { char::from(DIGITS[index]) } else { '=' });
        }
    }
    text
}

/// The parts of a username that the server looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Username<'a> {
    pub expiry_unix_s: u64,
    /// What quotas go by: the user, or user and call of a trial.
    pub user: &'a str,
    pub is_trial: bool,
}

impl<'a> Username<'a> {
    /// Reads `expiry:user` or `expiry:user:call`.
    pub fn parse(raw: &'a [u8]) -> Option<Self> {
        if raw.len() > MAX_USERNAME_BYTES {
            return None;
        }
        let (expiry, rest) = std::str::from_utf8(raw).ok()?.split_once(':')?;
        let (user, call) = rest.split_once(':').unwrap_or((rest, ""));
        if user.is_empty() {
            return None;
        }
        let is_trial = call == TRIAL;
        let user = if is_trial { rest } else { user };
        Some(Self { expiry_unix_s: expiry.parse().ok()?, user, is_trial })
    }
}

/// The keeper of secrets: checks credentials, makes and checks nonces.
pub(crate) struct Guard {
    realm: String,
    secrets: Vec<Vec<u8>>,
    nonce_key: Hmac<Sha256>,
    nonce_lifetime_s: u64,
}

impl Guard {
    pub fn new(
        realm: String,
        secrets: Vec<Vec<u8>>,
        seed: &[u8; 32],
        nonce_lifetime_s: u64,
    ) -> Self {
        let mut nonce_key =
            Hmac::<Sha256>::new_from_slice(seed).expect("HMAC takes a key of any length");
        nonce_key.update(b"turn nonce");
        Self { realm, secrets, nonce_key, nonce_lifetime_s }
    }

    pub fn realm(&self) -> &str {
        &self.realm
    }

    pub fn set_secrets(&mut self, secrets: Vec<Vec<u8>>) {
        self.secrets = secrets;
    }

    /// The key that verifies `message`, by any live secret.
    pub fn find_key(&self, message: &Message<'_>, username: &[u8]) -> Option<IntegrityKey> {
        self.secrets.iter().find_map(|secret| {
            let password = password(secret, username);
            let key = long_term_key(username, self.realm.as_bytes(), password.as_bytes());
            message.verify_integrity(&key).then_some(key)
        })
    }

    /// A nonce for this client at this time (RFC 8489 §14.10).
    pub fn nonce(&self, unix_s: u64, client: SocketAddr) -> [u8; NONCE_BYTES] {
        let time = unix_s as u32;
        let digest = self.nonce_mac(time, client).finalize().into_bytes();
        let mut nonce = [0; NONCE_BYTES];
        for (pair, byte) in
            nonce.chunks_exact_mut(2).zip(time.to_be_bytes().iter().chain(digest.iter()))
        {
            pair[0] = hex_digit(byte >> 4);
            pair[1] = hex_digit(byte & 15);
        }
        nonce
    }

    /// Whether we made this nonce for this client, not long ago.
    pub fn nonce_is_fresh(&self, nonce: &[u8], unix_s: u64, client: SocketAddr) -> bool {
        let Some(time) = nonce_time(nonce) else { return false };
        let age_s = unix_s.checked_sub(u64::from(time));
        let right = subtle::ConstantTimeEq::ct_eq(nonce, &self.nonce(u64::from(time), client)[..]);
        bool::from(right) && age_s.is_some_and(|age_s| age_s <= self.nonce_lifetime_s)
    }

    fn nonce_mac(&self, time: u32, client: SocketAddr) -> Hmac<Sha256> {
        let mut mac = self.nonce_key.clone();
        mac.update(&time.to_be_bytes());
        match client.ip() {
            std::net::IpAddr::V4(ip) => mac.update(&ip.octets()),
            std::net::IpAddr::V6(ip) => mac.update(&ip.octets()),
        }
        mac.update(&client.port().to_be_bytes());
        mac
    }
}

fn hex_digit(nibble: u8) -> u8 {
    b"0123456789abcdef"[usize::from(nibble & 15)]
}

fn nonce_time(nonce: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(nonce.get(..8)?).ok()?;
    u32::from_str_radix(digits, 16).ok()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn base64_matches_rfc_4648() {
        let cases =
            [("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg==")];
        for (plain, encoded) in cases {
            assert_eq!(base64(plain.as_bytes()), encoded);
        }
    }

    #[test]
    fn usernames_need_an_expiry_and_a_user() {
        let parsed = Username::parse(b"1700000000:ana:c1").unwrap();
        let ana = Username { expiry_unix_s: 1_700_000_000, user: "ana", is_trial: false };
        assert_eq!(parsed, ana);
        let trial = Username::parse(b"7:ana:test").unwrap();
        assert_eq!(trial, Username { expiry_unix_s: 7, user: "ana:test", is_trial: true });
        assert!(!Username::parse(b"7:test:tests").unwrap().is_trial);
        assert_eq!(Username::parse(b"7:ana").unwrap().user, "ana");
        let wrong: [&[u8]; 7] = [b"", b"ana", b"7", b"7:", b"7::c", b"x:ana:c", b"-7:ana:c"];
        for username in wrong {
            assert_eq!(Username::parse(username), None);
        }
        assert_eq!(Username::parse(format!("7:{}", "a".repeat(507)).as_bytes()), None);
    }

    #[test]
    fn nonces_bind_time_and_address() {
        let guard = Guard::new("realm".into(), Vec::new(), &[7; 32], 600);
        let client: SocketAddr = "192.0.2.1:5000".parse().unwrap();
        let nonce = guard.nonce(1000, client);
        assert!(guard.nonce_is_fresh(&nonce, 1000, client));
        assert!(guard.nonce_is_fresh(&nonce, 1600, client));
        assert!(!guard.nonce_is_fresh(&nonce, 1601, client));
        assert!(!guard.nonce_is_fresh(&nonce, 999, client), "from the future");
        for other in ["192.0.2.1:5001", "192.0.2.2:5000", "[2001:db8::1]:5000"] {
            assert!(!guard.nonce_is_fresh(&nonce, 1000, other.parse().unwrap()));
        }
        for at in 0..nonce.len() {
            let mut forged = nonce;
            forged[at] = if forged[at] == b'0' { b'1' } else { b'0' };
            assert!(!guard.nonce_is_fresh(&forged, 1000, client));
        }
        assert!(!guard.nonce_is_fresh(&nonce[..31], 1000, client));
    }
}
