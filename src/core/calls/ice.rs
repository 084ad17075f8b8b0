//! Where the relay is, and the credentials to use it.
//!
//! Invariant: credentials that reach others go only to the devices of a call, and expire by
//! themselves; those for a test reach only relays of this server (`turn::TRIAL`).

use std::time::Duration;

use sha2::{Digest, Sha256};
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
    /// `offered` are the relays of all nodes that offer theirs; a test is of this one alone.
    pub(super) fn servers(
        &self,
        user: UserId,
        call: Option<CallId>,
        offered: &[Vec<String>],
        now: Time,
    ) -> Vec<IceServer> {
        let urls = match call {
            Some(call) => for_call(call, &self.urls, offered),
            None => self.urls.clone(),
        };
        let (stun, turn): (Vec<_>, Vec<_>) =
            urls.into_iter().partition(|url| url.starts_with("stun"));
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

/// The URIs for a call: all of one relay of those offered, the same for both people whichever nodes
/// they ask, and one way to another, should that node die. Without an offer: this node's `own`.
fn for_call(call: CallId, own: &[String], offered: &[Vec<String>]) -> Vec<String> {
    let mut ranked: Vec<_> = offered.iter().map(|urls| (weight(call, urls), urls)).collect();
    ranked.sort_unstable_by(|one, other| other.cmp(one));
    let mut ranked = ranked.into_iter().map(|(_, urls)| urls);
    let Some(first) = ranked.next() else { return own.to_vec() };
    let is_turn = |url: &&String| url.starts_with("turn:");
    let other = ranked.next().and_then(|urls| urls.iter().find(is_turn));
    first.iter().chain(other).cloned().collect()
}

/// The weight of a relay for a call: the relay with the highest carries it, so that calls are
/// shared out evenly, and few of them move when a relay comes or goes (rendezvous hashing).
fn weight(call: CallId, urls: &[String]) -> [u8; 32] {
    let mut hash = Sha256::new_with_prefix(call.0.0);
    urls.iter().for_each(|url| hash.update(url));
    hash.finalize().into()
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
        let servers = relay.servers(user, Some(call), &[], Time(1_000_000));
        assert_eq!(servers[0].credentials, None);
        let credentials = servers[1].credentials.clone().expect("for TURN");
        assert_eq!(credentials.username, format!("1600:{user}:{call}"));
        let test = relay.servers(user, None, &[], Time(1_000_000))[1].credentials.clone();
        assert_eq!(test.map(|test| test.username), Some(format!("1120:{user}:test")));
        let shown = format!("{relay:?} {servers:?}");
        assert!(!shown.contains("secret") && !shown.contains(&credentials.password), "{shown}");
        assert!(Relay::default().servers(user, None, &[], Time(0)).is_empty());
    }

    fn relays(count: usize) -> Vec<Vec<String>> {
        let uris = |node| {
            ["stun", "turn", "turns"].map(|scheme| format!("{scheme}:{node}.example:3478")).into()
        };
        (0..count).map(uris).collect()
    }

    fn call(number: u8) -> CallId {
        CallId(ObjectId([number; 12]))
    }

    #[test]
    fn both_people_of_a_call_get_one_relay_and_a_way_to_another() {
        let own = vec!["turn:own.example:3478".to_owned()];
        let mut offered = relays(3);
        for number in 0..50 {
            let urls = for_call(call(number), &own, &offered);
            offered.rotate_left(1);
            assert_eq!(urls, for_call(call(number), &own, &offered), "in whichever order");
            assert_eq!(urls.len(), 4, "{urls:?}");
            assert!(urls[3].starts_with("turn:") && !urls[..3].contains(&urls[3]), "{urls:?}");
        }
        assert_eq!(for_call(call(1), &own, &[]), own);
        assert_eq!(for_call(call(1), &own, &relays(1)), relays(1)[0]);
    }

    #[test]
    fn calls_are_shared_out_and_stay_where_they_are_when_a_relay_goes() {
        let (four, three) = (relays(4), relays(3));
        let first = |number, offered| for_call(call(number), &[], offered)[0].clone();
        let calls_at =
            |relay: &Vec<String>| (0..200).filter(|n| first(*n, &four) == relay[0]).count();
        assert!(four.iter().all(|relay| (25..=75).contains(&calls_at(relay))));
        let moved = |number: &u8| first(*number, &four) != first(*number, &three);
        assert_eq!((0..200).filter(moved).count(), calls_at(&four[3]), "only those of the fourth");
    }
}
