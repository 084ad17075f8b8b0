//! Where the relay is, and the credentials to use it.
//!
//! Invariant: credentials that reach others go only to the devices of a call, and expire by
//! themselves; those for a test reach only relays of this server (`turn::TRIAL`).

use std::time::Duration;

use turn::{Credentials, TRIAL};

use crate::clock::Time;
use crate::error::Text;
use crate::id::{CallId, UserId};

/// How long credentials for the relay last.
pub const CREDENTIALS_FOR: Duration = Duration::from_secs(10 * 60);
/// How long credentials for a test last: as long as a test of every way takes.
pub const TEST_FOR: Duration = Duration::from_secs(2 * 60);

/// A STUN or TURN server, as browsers take it (`RTCIceServer`).
#[derive(Clone, PartialEq, Eq)]
pub struct IceServer {
    /// `stun:`, `turn:` and `turns:` URIs (RFC 7064, RFC 7065).
    pub urls: Vec<String>,
    /// User name and password, for TURN.
    pub credentials: Option<Credentials>,
}

impl std::fmt::Debug for IceServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IceServer").field("urls", &self.urls).finish_non_exhaustive()
    }
}

/// The STUN and TURN servers that calls use.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Relay {
    /// Their URIs; none when the operator switched relaying off.
    pub urls: Vec<String>,
    /// What credentials are made with.
    pub secret: Vec<u8>,
    /// Why people may not reach it, as far as the server itself can tell, with the cure.
    pub warnings: Vec<Text>,
}

impl std::fmt::Debug for Relay {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Relay").field("urls", &self.urls).finish_non_exhaustive()
    }
}

impl Relay {
    /// The servers for a device of `user`, with credentials that may allocate for
    /// `CREDENTIALS_FOR` from now on; without a call, for a test, for a shorter time.
    pub(super) fn servers(&self, user: UserId, call: Option<CallId>, now: Time) -> Vec<IceServer> {
        let is_stun = |url: &&String| url.starts_with("stun");
        let stun: Vec<_> = self.urls.iter().filter(is_stun).cloned().collect();
        let turn: Vec<_> = self.urls.iter().filter(|url| !is_stun(url)).cloned().collect();
        let mut servers = Vec::new();
        if !stun.is_empty() {
            servers.push(IceServer { urls: stun, credentials: None });
        }
        if !turn.is_empty() {
            let lasting = if call.is_some() { CREDENTIALS_FOR } else { TEST_FOR };
            let expiry = now.plus(lasting).millis().max(0).unsigned_abs() / 1000;
            let call = call.map_or_else(|| TRIAL.to_owned(), |call| call.to_string());
            let credentials = Credentials::issue(&self.secret, expiry, &user.to_string(), &call);
            servers.push(IceServer { urls: turn, credentials: Some(credentials) });
        }
        servers
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    #[test]
    fn credentials_name_the_user_and_the_call_and_expire() {
        let urls = ["stun:a.example:3478", "turn:a.example:3478?transport=udp"].map(Into::into);
        let secret = b"secret".to_vec();
        let relay = Relay { urls: urls.to_vec(), secret, ..Relay::default() };
        let (user, call) = (UserId(ObjectId([1; 12])), CallId(ObjectId([2; 12])));
        let servers = relay.servers(user, Some(call), Time(1_000_000));
        assert_eq!(servers[0].credentials, None);
        let credentials = servers[1].credentials.clone().expect("for TURN");
        assert_eq!(credentials.username, format!("1600:{user}:{call}"));
        let test = relay.servers(user, None, Time(1_000_000))[1].credentials.clone();
        assert_eq!(test.map(|test| test.username), Some(format!("1120:{user}:test")));
        let shown = format!("{relay:?} {servers:?}");
        assert!(!shown.contains("secret") && !shown.contains(&credentials.password), "{shown}");
        assert!(Relay::default().servers(user, None, Time(0)).is_empty());
    }
}
