//! Who is asking: known by a ticket that the server gave, or by the network if none comes back.
//!
//! A ticket is sixteen random bytes and a MAC over them under the server's key: nothing of it is
//! stored, nobody can forge one, and a ticket that is not this server's counts as none. It proves
//! only that the same client is asking again.
//!
//! Invariant: only its asker can guess at a code; for everybody else it does not exist. Called by
//! `auth`.

use std::net::{IpAddr, Ipv6Addr};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use crate::clock::Time;
use crate::core::Shared;
use crate::id::ObjectId;
use crate::model::auth::{AskerKey, CODES_KEPT, LoginCode, TRIES};

/// Bytes of a ticket: random ones and its MAC.
const RANDOM: usize = 16;
const MAC: usize = 16;
/// A ticket has 43 characters; anything much longer is not examined.
const LONGEST: usize = 64;

/// Who asks for a code or tries one, as far as the request shows.
#[derive(Debug, Clone)]
pub struct Asker {
    /// From where.
    pub ip: IpAddr,
    /// The ticket that an earlier answer gave. An empty one says that the client has none yet and
    /// will keep the one of this answer; absent, that it keeps none.
    pub ticket: Option<String>,
}

impl From<IpAddr> for Asker {
    /// Somebody who keeps no tickets.
    fn from(ip: IpAddr) -> Self {
        Self { ip, ticket: None }
    }
}

/// What counts as one place: an IPv4 address, or blocks of IPv6 addresses. Somebody who rents a
/// machine or a line has a whole block, of which only the provider knows the size.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Blocks {
    /// The IPv4 address, or the /64: a network at home or a phone.
    pub(super) narrow: String,
    /// The IPv4 address, or the /56: what a home mostly has.
    pub(super) home: String,
    /// The IPv4 address, or the /48: the most that one tenant has.
    pub(super) wide: String,
}

impl Blocks {
    /// The blocks of an address; an IPv4 address in IPv6 clothes is that IPv4 address.
    pub(super) fn of(ip: IpAddr) -> Self {
        match ip.to_canonical() {
            IpAddr::V4(v4) => {
                let text = v4.to_string();
                Self { narrow: text.clone(), home: text.clone(), wide: text }
            }
            IpAddr::V6(v6) => {
                Self { narrow: block(v6, 64), home: block(v6, 56), wide: block(v6, 48) }
            }
        }
    }
}

fn block(ip: Ipv6Addr, bits: u32) -> String {
    let first = Ipv6Addr::from_bits(ip.to_bits() & (u128::MAX << (128 - bits)));
    format!("{first}/{bits}")
}

/// Who asks, as it is counted and known.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// From where.
    pub(super) blocks: Blocks,
    /// The ticket that it sent, if it is one of ours.
    pub(super) ticket: Option<AskerKey>,
    /// Its network, as that of a code.
    pub(super) network: AskerKey,
    /// Its network, as a known place.
    pub(super) home: AskerKey,
    /// What it has from this request on: the same ticket, or a fresh one.
    pub(super) given: String,
    given_key: AskerKey,
    keeps: bool,
}

impl Identity {
    pub(super) fn of(shared: &Shared, asker: &Asker) -> Self {
        let blocks = Blocks::of(asker.ip);
        let sent = asker.ticket.as_deref();
        let valid = sent.filter(|text| is_ours(shared, text));
        let given = valid.map_or_else(|| fresh(shared), str::to_owned);
        let given_key = key(shared, b"ticket", &given);
        Self {
            ticket: valid.map(|_| given_key),
            network: key(shared, b"network", &blocks.narrow),
            home: key(shared, b"home", &blocks.home),
            given,
            given_key,
            keeps: sent.is_some(),
            blocks,
        }
    }

    /// Who may guess at a code that this asker gets: a client that keeps tickets is bound to its
    /// own, so that nobody else in the same network spends its tries; for others the network will
    /// do as well.
    pub(super) fn binding(&self) -> (Option<AskerKey>, Option<AskerKey>) {
        (Some(self.given_key), (!self.keeps).then_some(self.network))
    }

    /// What a login from here makes known: the device, where it shows a ticket, and the network.
    pub(super) fn places(&self) -> Vec<AskerKey> {
        self.ticket.into_iter().chain([self.home]).collect()
    }

    /// The codes that wait for this asker and may still be guessed at: those of its ticket, and
    /// where there is none, those of its network.
    pub(super) fn own<'a>(&self, waiting: &'a [LoginCode], now: Time) -> Vec<&'a LoginCode> {
        let alive = |code: &&LoginCode| code.is_alive(now) && code.tries < TRIES;
        let by_ticket = |code: &&LoginCode| self.ticket.is_some() && code.ticket == self.ticket;
        let mut own: Vec<_> = waiting.iter().filter(alive).filter(by_ticket).collect();
        if own.is_empty() {
            let by_network = |code: &&LoginCode| code.network == Some(self.network);
            own = waiting.iter().filter(alive).filter(by_network).collect();
        }
        own.truncate(CODES_KEPT);
        own
    }

    /// The codes of this asker that a new one takes the place of; `waiting` is newest first.
    pub(super) fn replaced(&self, waiting: &[LoginCode]) -> Vec<ObjectId> {
        let (ticket, network) = self.binding();
        let same = |code: &&LoginCode| {
            code.ticket == ticket || (network.is_some() && code.network == network)
        };
        waiting.iter().filter(same).skip(CODES_KEPT - 1).map(|code| code.id).collect()
    }
}

fn key(shared: &Shared, kind: &[u8], text: &str) -> AskerKey {
    AskerKey(ObjectId(shared.keyed(&[b"asker", kind, text.as_bytes()])))
}

fn mac(shared: &Shared, random: &[u8]) -> [u8; MAC] {
    shared.mark(b"ticket\0", &[random])
}

fn fresh(shared: &Shared) -> String {
    let mut bytes = [0; RANDOM + MAC];
    shared.ports.entropy.fill(&mut bytes[..RANDOM]);
    let tag = mac(shared, &bytes[..RANDOM]);
    bytes[RANDOM..].copy_from_slice(&tag);
    URL_SAFE_NO_PAD.encode(bytes)
}

fn is_ours(shared: &Shared, text: &str) -> bool {
    if text.len() > LONGEST {
        return false;
    }
    let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
    bytes.len() == RANDOM + MAC && bool::from(mac(shared, &bytes[..RANDOM]).ct_eq(&bytes[RANDOM..]))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::text::Email;

    fn blocks(text: &str) -> Blocks {
        Blocks::of(text.parse().expect("an address"))
    }

    #[test]
    fn an_ipv6_network_is_one_place_in_three_widths_and_a_mapped_address_is_its_ipv4() {
        let at = blocks("2001:db8:1:234::1");
        assert_eq!(at, blocks("2001:db8:1:234:ffff::9"));
        assert_ne!(at.narrow, blocks("2001:db8:1:235::1").narrow);
        assert_eq!(at.home, blocks("2001:db8:1:2ff::1").home);
        assert_ne!(at.home, blocks("2001:db8:1:334::1").home);
        assert_eq!(at.wide, blocks("2001:db8:1:ffff::1").wide);
        assert_ne!(at.wide, blocks("2001:db8:2:234::1").wide);
        assert_eq!(blocks("::ffff:192.0.2.7"), blocks("192.0.2.7"));
        assert_eq!(blocks("192.0.2.7").wide, "192.0.2.7");
    }

    fn identity(ticket: Option<u8>, network: u8, keeps: bool) -> Identity {
        let key = |number: u8| AskerKey(ObjectId([number; 12]));
        Identity {
            blocks: blocks("192.0.2.7"),
            ticket: ticket.map(key),
            network: key(network),
            home: key(network),
            given: String::new(),
            given_key: ticket.map_or(key(99), key),
            keeps,
        }
    }

    fn code(number: u8, by: &Identity) -> LoginCode {
        let (ticket, network) = by.binding();
        LoginCode {
            id: ObjectId([number; 12]),
            email: Email::stored("ana@example.org".into()),
            user: None,
            ticket,
            network,
            hmac: [0; 32],
            tries: 0,
            expires: Time(60_000),
            profile: None,
        }
    }

    fn ids(codes: &[&LoginCode]) -> Vec<u8> {
        codes.iter().map(|code| code.id.0[0]).collect()
    }

    #[test]
    fn a_code_waits_for_its_asker_alone() {
        let (ana, eve) = (identity(Some(1), 10, true), identity(Some(2), 10, true));
        let (curl, elsewhere) = (identity(None, 10, false), identity(None, 11, false));
        let waiting = [code(4, &curl), code(3, &eve), code(2, &ana), code(1, &elsewhere)];
        let own = |who: &Identity| ids(&who.own(&waiting, Time(0)));
        assert_eq!(own(&ana), [2]);
        assert_eq!(own(&eve), [3], "not hers, though she is in the same network");
        assert_eq!(own(&curl), [4]);
        assert_eq!(own(&elsewhere), [1]);
        assert!(own(&identity(Some(5), 12, true)).is_empty());
        assert!(ids(&ana.own(&waiting, Time(60_000))).is_empty(), "over");
        let lost = identity(Some(7), 10, true);
        assert_eq!(own(&lost), [4], "a ticket without a code is no worse than none");
    }

    #[test]
    fn the_last_two_codes_of_an_asker_stay_and_nobody_else_s_go() {
        let (ana, eve) = (identity(Some(1), 10, true), identity(Some(2), 10, true));
        let waiting = [code(5, &eve), code(4, &ana), code(3, &eve), code(2, &ana), code(1, &ana)];
        let over: Vec<u8> = ana.replaced(&waiting).iter().map(|id| id.0[0]).collect();
        assert_eq!(over, [2, 1]);
        assert!(identity(Some(3), 10, true).replaced(&waiting).is_empty());
    }

    #[test]
    fn a_code_without_tries_is_dead() {
        let ana = identity(Some(1), 10, true);
        let mut spent = code(1, &ana);
        spent.tries = TRIES;
        assert!(ana.own(&[spent], Time(0)).is_empty());
    }
}
