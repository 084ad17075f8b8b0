//! The server's front door: sorts what comes in, keeps the tables and timers.
//!
//! Guarantees: no I/O, no clock, no lock; every table is bounded by the configuration; whatever
//! is due by `now` has expired before the input is looked at. One instance belongs to one thread
//! (see the crate's page for why). Called by the driver; the rooms behind it are `request` (who
//! asks), `allocate`, `permit`, and `relay` (the packet path).

use std::collections::{BTreeSet, HashMap};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use crate::allocation::{Bound, Holder, Relay};
use crate::auth::Guard;
use crate::config::Config;
use crate::counters::{Counters, Sizes};
use crate::out::{Out, RelayId};
use crate::policy::PeerPolicy;
use crate::reflection::Reflection;
use crate::slab::{Key, Slab};
use crate::stun::{Class, Message, Method, Writer, attribute};
use crate::tuple::{FiveTuple, Now, canonical};
use crate::users::Users;

/// What a timer ends. Each relay and each idle user has exactly one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Timer {
    Relay(Key),
    User(Key),
}

/// A STUN and TURN server without I/O (RFC 8489, RFC 8656).
pub struct Server {
    pub(crate) config: Config,
    pub(crate) guard: Guard,
    reflection: Reflection,
    pub(crate) policy: PeerPolicy,
    pub(crate) relays: Slab<Relay>,
    pub(crate) by_client: HashMap<FiveTuple, Key>,
    /// Bound relays under their local and public names: peers that are our own.
    pub(crate) by_address: HashMap<SocketAddr, Key>,
    pub(crate) reservations: HashMap<[u8; 8], Key>,
    pub(crate) users: Users,
    timers: BTreeSet<(u64, Timer)>,
    pub(crate) counters: Counters,
    pub(crate) tokens_made: u64,
}

impl Server {
    /// A server without relays.
    pub fn new(config: Config) -> Self {
        let guard = Guard::new(
            config.realm.clone(),
            config.secrets.clone(),
            &config.seed,
            config.nonce_lifetime_s,
        );
        Self {
            guard,
            reflection: Reflection::new(&config.seed),
            policy: PeerPolicy::allowing(config.allowed_peers.clone()),
            relays: Slab::new(),
            by_client: HashMap::new(),
            by_address: HashMap::new(),
            reservations: HashMap::new(),
            users: Users::default(),
            timers: BTreeSet::new(),
            counters: Counters::default(),
            tokens_made: 0,
            config,
        }
    }

    /// Replaces the shared secrets; running allocations keep the key they have.
    pub fn set_secrets(&mut self, secrets: Vec<Vec<u8>>) {
        self.guard.set_secrets(secrets);
    }

    /// The addresses that relays are told for from now on; those that clients have keep theirs.
    pub fn set_public(&mut self, ipv4: Option<Ipv4Addr>, ipv6: Option<Ipv6Addr>) {
        self.config.public_ipv4 = ipv4;
        self.config.public_ipv6 = ipv6;
    }

    /// One packet from a client: a datagram, or a frame of its stream.
    pub fn handle_client(&mut self, now: Now, tuple: FiveTuple, packet: &[u8], out: &mut Out) {
        self.handle_timeout(now, out);
        match packet.first() {
            Some(0x00..=0x3F) => self.handle_stun(now, tuple, packet, out),
            Some(0x40..=0x7F) => self.handle_channel_data(now, tuple, packet, out),
            _ => self.counters.drops.malformed += 1,
        }
    }

    fn handle_stun(&mut self, now: Now, tuple: FiveTuple, packet: &[u8], out: &mut Out) {
        let Ok(message) = Message::parse(packet) else {
            self.counters.drops.malformed += 1;
            return;
        };
        match (message.class(), message.method()) {
            (Class::Request, Method::BINDING) => self.handle_binding(now, tuple, &message, out),
            (Class::Indication, Method::SEND) => self.handle_send(now, tuple, &message, out),
            (Class::Request, method) if is_turn_request(method) => {
                self.handle_request(now, tuple, &message, out);
            }
            // A keep-alive (RFC 8489 §2.3) is not worth counting.
            (Class::Indication, Method::BINDING) => {}
            _ => self.counters.drops.unsupported += 1,
        }
    }

    /// One datagram that a relay's socket received.
    pub fn handle_peer(
        &mut self,
        now: Now,
        relay: RelayId,
        peer: SocketAddr,
        payload: &[u8],
        out: &mut Out,
    ) {
        self.handle_timeout(now, out);
        let peer = canonical(peer);
        let is_trial = self.relays.get(relay.0).is_some_and(|relay| relay.is_trial);
        if self.policy.permits(peer.ip()) && !is_trial {
            self.deliver(now, relay.0, peer, payload, out);
        } else {
            self.counters.drops.forbidden_peer += 1;
        }
    }

    /// A client's stream has ended: its allocation ends with it.
    pub fn close_client(&mut self, now: Now, tuple: FiveTuple, out: &mut Out) {
        if let Some(relay) = self.by_client.get(&tuple) {
            self.remove_relay(now, *relay, out);
        }
    }

    /// Whether a client has an allocation, or one under way.
    pub fn has_client(&self, tuple: FiveTuple) -> bool {
        self.by_client.contains_key(&tuple)
    }

    /// When to call [`Self::handle_timeout`], on the monotonic clock; `None`: no need.
    pub fn poll_timeout(&self) -> Option<u64> {
        self.timers.first().map(|(due_ms, _)| *due_ms)
    }

    /// Ends what is due.
    pub fn handle_timeout(&mut self, now: Now, out: &mut Out) {
        while let Some((due_ms, timer)) = self.timers.first().copied()
            && due_ms <= now.mono_ms
        {
            self.timers.pop_first();
            match timer {
                Timer::Relay(relay) => self.expire_relay(now, relay, out),
                Timer::User(user) => self.users.forget(user),
            }
        }
    }

    /// Totals so far.
    pub fn counters(&self) -> &Counters {
        &self.counters
    }

    /// What is held now.
    pub fn sizes(&self) -> Sizes {
        let clients = || self.relays.iter().filter_map(|(_, relay)| relay.client());
        Sizes {
            relays: self.relays.len(),
            clients: self.by_client.len(),
            reservations: self.reservations.len(),
            users: self.users.len(),
            permissions: clients().map(|client| client.permissions.len()).sum(),
            channels: clients().map(|client| client.channels.len()).sum(),
            timers: self.timers.len(),
        }
    }

    /// Binding needs no credentials (RFC 8489 §12).
    fn handle_binding(&mut self, now: Now, tuple: FiveTuple, message: &Message<'_>, out: &mut Out) {
        let unknown = message.unknown_attributes(is_known);
        let (class, transaction) =
            (if unknown.is_empty() { Class::Success } else { Class::Error }, message.transaction());
        out.send_client(tuple, false, |buffer| {
            let mut answer = Writer::new(buffer, class, Method::BINDING, transaction);
            if unknown.is_empty() {
                answer.xor_address(attribute::XOR_MAPPED_ADDRESS, canonical(tuple.client));
            } else {
                answer.error(crate::stun::ErrorCode::UNKNOWN_ATTRIBUTE);
                answer.unknown_attributes(unknown.kinds());
            }
            if message.has_fingerprint() {
                answer.fingerprint();
            }
        });
        self.counters.bindings += u64::from(self.check_reflection(now, tuple, message, out));
    }

    /// Takes back the answer that was just given to somebody unproven, if they would get more
    /// than they sent; whether it stays. A stream's other end has shown that it is there, and so
    /// has a client with an allocation.
    pub(crate) fn check_reflection(
        &mut self,
        now: Now,
        tuple: FiveTuple,
        question: &Message<'_>,
        out: &mut Out,
    ) -> bool {
        if tuple.transport.is_stream() || self.by_client.contains_key(&tuple) {
            return true;
        }
        let (asked, answered) = (question.packet_bytes(), out.last_bytes());
        let transaction = question.transaction();
        let may = self.reflection.allows(now.mono_ms, tuple.client, transaction, asked, answered);
        if !may {
            out.take_back();
            self.counters.drops.unanswered += 1;
        }
        may
    }

    /// Adds a relay with its timer, and counts it for its user, whose client was just heard.
    pub(crate) fn insert_relay(
        &mut self,
        user: &str,
        is_trial: bool,
        heard_ms: u64,
        expires_ms: u64,
        holder: Holder,
    ) -> Key {
        let rate = if is_trial { Some(self.config.trial.bandwidth) } else { self.config.bandwidth };
        let (user, forget_at_ms) = self.users.take(user, rate, heard_ms);
        if let Some(due_ms) = forget_at_ms {
            self.timers.remove(&(due_ms, Timer::User(user)));
        }
        let relay = Relay { user, is_trial, heard_ms, expires_ms, bound: None, holder };
        let key = self.relays.insert(relay);
        self.timers.insert((expires_ms, Timer::Relay(key)));
        key
    }

    /// Moves a relay's end.
    pub(crate) fn set_expiry(&mut self, key: Key, expires_ms: u64) {
        if let Some(relay) = self.relays.get_mut(key) {
            self.timers.remove(&(relay.expires_ms, Timer::Relay(key)));
            relay.expires_ms = expires_ms;
            self.timers.insert((expires_ms, Timer::Relay(key)));
        }
    }

    /// Gives a relay its addresses; its public name has the same port.
    pub(crate) fn bind_relay(&mut self, key: Key, local: SocketAddr) {
        let local = canonical(local);
        let public_ip = match local.ip() {
            IpAddr::V4(_) => self.config.public_ipv4.map(IpAddr::from),
            IpAddr::V6(_) => self.config.public_ipv6.map(IpAddr::from),
        };
        let public = SocketAddr::new(public_ip.unwrap_or(local.ip()), local.port());
        if let Some(relay) = self.relays.get_mut(key) {
            relay.bound = Some(Bound { local, public });
            self.by_address.insert(local, key);
            self.by_address.insert(public, key);
        }
    }

    /// Closes a relay and forgets all about it.
    pub(crate) fn remove_relay(&mut self, now: Now, key: Key, out: &mut Out) {
        let Some(relay) = self.relays.remove(key) else { return };
        self.timers.remove(&(relay.expires_ms, Timer::Relay(key)));
        match relay.holder {
            Holder::Client(allocation) => self.by_client.remove(&allocation.tuple),
            Holder::Reserved { token, .. } => self.reservations.remove(&token),
        };
        if let Some(Bound { local, public }) = relay.bound {
            for address in [local, public] {
                if self.by_address.get(&address) == Some(&key) {
                    self.by_address.remove(&address);
                }
            }
        }
        if let Some(due_ms) = self.users.give_back(relay.user, now.mono_ms) {
            self.timers.insert((due_ms, Timer::User(relay.user)));
        }
        out.close(RelayId(key));
    }

    /// A relay's time is over; one that the driver never bound is refused.
    fn expire_relay(&mut self, now: Now, key: Key, out: &mut Out) {
        let is_open = self.relays.get(key).is_some_and(|relay| relay.bound.is_some());
        if is_open {
            self.remove_relay(now, key, out);
        } else {
            self.give_up(now, key, out);
        }
    }
}

impl std::fmt::Debug for Server {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Server")
            .field("sizes", &self.sizes())
            .field("counters", &self.counters)
            .finish_non_exhaustive()
    }
}

fn is_turn_request(method: Method) -> bool {
    [Method::ALLOCATE, Method::REFRESH, Method::CREATE_PERMISSION, Method::CHANNEL_BIND]
        .contains(&method)
}

/// The attributes below 0x8000 that this server understands wherever they appear.
pub(crate) fn is_known(kind: u16) -> bool {
    use attribute::*;
    matches!(
        kind,
        MAPPED_ADDRESS
            | USERNAME
            | ERROR_CODE
            | UNKNOWN_ATTRIBUTES
            | CHANNEL_NUMBER
            | LIFETIME
            | XOR_PEER_ADDRESS
            | DATA
            | REALM
            | NONCE
            | XOR_RELAYED_ADDRESS
            | REQUESTED_ADDRESS_FAMILY
            | EVEN_PORT
            | REQUESTED_TRANSPORT
            | DONT_FRAGMENT
            | XOR_MAPPED_ADDRESS
            | RESERVATION_TOKEN
    )
}
