//! Allocate and Refresh: how relays begin, last and end (RFC 8656 §7, §8).
//!
//! An Allocate takes two steps. First every rule is checked, the relay is entered in the tables and
//! the driver is asked to bind a socket; the client gets no answer yet. Then the driver reports the
//! bound address, and only that sends the success answer; a failure sends 508. An Allocate that is
//! sent again meanwhile changes nothing, afterwards it gets the same answer. Called by `request`,
//! and by the driver for the second step.

use std::net::SocketAddr;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::allocation::{Allocation, Channels, Holder, Opening, Permissions, Relay};
use crate::config::Config;
use crate::out::{OpenRelay, Out, RelayId};
use crate::request::{Answer, Refusal, Request};
use crate::server::Server;
use crate::slab::Key;
use crate::stun::{Class, ErrorCode, Family, Message, Method, UnknownAttributes, attribute};
use crate::tuple::{Now, canonical};

/// What a relay lasts when the client names no time (RFC 8656 §3.2).
const DEFAULT_LIFETIME_S: u32 = 600;

/// How long the driver may take to bind; the client retransmits for about 8 s by then.
const OPENING_MS: u64 = 10_000;

/// How long a reserved port waits for its token (RFC 8656 §7.2: at least 30 s).
const RESERVATION_MS: u64 = 30_000;

/// UDP's protocol number, the only one relays speak.
const PROTOCOL_UDP: u8 = 17;

/// An Allocate's attributes, once they make sense together.
#[derive(Clone, Copy, Debug)]
struct Wish {
    family: Family,
    even_port: bool,
    reserve_next: bool,
    token: Option<[u8; 8]>,
    second_family: bool,
    lifetime_s: u32,
}

impl Wish {
    /// Steps 3 to 10 of RFC 8656 §7.2.
    fn read(message: &Message<'_>, config: &Config, is_trial: bool) -> Result<Self, Refusal> {
        check_transport(message)?;
        if !config.dont_fragment && message.find(attribute::DONT_FRAGMENT).is_some() {
            let mut unknown = UnknownAttributes::default();
            unknown.add(attribute::DONT_FRAGMENT);
            return Err(Refusal::unknown(unknown));
        }
        let token = fixed::<8>(message, attribute::RESERVATION_TOKEN)?;
        let family = fixed::<4>(message, attribute::REQUESTED_ADDRESS_FAMILY)?;
        let second = fixed::<4>(message, attribute::ADDITIONAL_ADDRESS_FAMILY)?;
        let even = fixed::<1>(message, attribute::EVEN_PORT)?;
        let reserve_next = even.is_some_and(|[bits]| bits & 0x80 != 0);
        let contradicts = token.is_some()
            && (family.is_some() || second.is_some() || even.is_some())
            || second.is_some() && (family.is_some() || reserve_next)
            || second.is_some_and(|second| second[0] != Family::V6.code());
        if contradicts {
            return Err(ErrorCode::BAD_REQUEST.into());
        }
        let family = match family {
            Some(value) => Family::from_code(value[0]).ok_or(ErrorCode::FAMILY_UNSUPPORTED)?,
            None => Family::V4,
        };
        Ok(Self {
            family,
            even_port: even.is_some(),
            reserve_next,
            token,
            second_family: second.is_some(),
            lifetime_s: lifetime(message, config, is_trial)?.0,
        })
    }
}

fn check_transport(message: &Message<'_>) -> Result<(), ErrorCode> {
    match fixed::<4>(message, attribute::REQUESTED_TRANSPORT)? {
        None => Err(ErrorCode::BAD_REQUEST),
        Some([PROTOCOL_UDP, ..]) => Ok(()),
        Some(_) => Err(ErrorCode::TRANSPORT_UNSUPPORTED),
    }
}

/// An attribute of fixed size, 400 if it has another.
fn fixed<const N: usize>(message: &Message<'_>, kind: u16) -> Result<Option<[u8; N]>, ErrorCode> {
    match message.find(kind) {
        None => Ok(None),
        Some(value) => value.try_into().map(Some).map_err(|_| ErrorCode::BAD_REQUEST),
    }
}

/// The LIFETIME that an allocation gets (RFC 8656 §7.2), and whether the client asked for its end.
fn lifetime(
    message: &Message<'_>,
    config: &Config,
    is_trial: bool,
) -> Result<(u32, bool), ErrorCode> {
    let asked_s = fixed::<4>(message, attribute::LIFETIME)?.map(u32::from_be_bytes);
    let (least_s, most_s) = if is_trial {
        (config.trial.lifetime_s, config.trial.lifetime_s)
    } else {
        (DEFAULT_LIFETIME_S, config.max_lifetime_s.max(DEFAULT_LIFETIME_S))
    };
    Ok((asked_s.unwrap_or(least_s).clamp(least_s, most_s), asked_s == Some(0)))
}

fn after_s(now: Now, seconds: u32) -> u64 {
    now.mono_ms.saturating_add(u64::from(seconds) * 1000)
}

impl Server {
    /// RFC 8656 §7.2.
    pub(crate) fn allocate(&mut self, request: &Request<'_>, out: &mut Out) -> Result<(), Refusal> {
        if let Some(relay) = self.by_client.get(&request.tuple) {
            return self.allocate_again(request, *relay, out);
        }
        let wish = Wish::read(&request.message, &self.config, request.is_trial)?;
        if let Some(token) = wish.token {
            return self.claim_reservation(request, wish, token, out);
        }
        if !self.serves(wish.family) {
            return Err(ErrorCode::FAMILY_UNSUPPORTED.into());
        }
        self.make_room(request, 1 + usize::from(wish.reserve_next), out)?;
        self.ask_for_relay(request, wish, out);
        Ok(())
    }

    /// The 5-tuple has an allocation: a retransmission, or a mistake (437).
    fn allocate_again(
        &mut self,
        request: &Request<'_>,
        relay: Key,
        out: &mut Out,
    ) -> Result<(), Refusal> {
        let known = self.relays.get(relay).and_then(|relay| relay.client());
        if known.is_some_and(|known| known.transaction == request.message.transaction()) {
            self.answer_allocate(request.now, relay, out);
            return Ok(());
        }
        Err(ErrorCode::ALLOCATION_MISMATCH.into())
    }

    fn serves(&self, family: Family) -> bool {
        match family {
            Family::V4 => self.config.public_ipv4.is_some(),
            Family::V6 => self.config.public_ipv6.is_some(),
        }
    }

    /// Refuses what is too much: of the user, or in all. A device that changed its network left
    /// its relays behind, which would count for as long as they live: those of the user that were
    /// silent longest make room, and none of which anything was heard lately.
    fn make_room(
        &mut self,
        request: &Request<'_>,
        relays: usize,
        out: &mut Out,
    ) -> Result<(), ErrorCode> {
        let most = if request.is_trial {
            self.config.trial.relays
        } else {
            self.config.max_relays_per_user
        };
        let of_user = self.users.relays_of(request.user) as usize;
        let over = (of_user + relays).saturating_sub(most as usize);
        let mut silent = if over == 0 { Vec::new() } else { self.silent_relays(request) };
        if silent.len() < over {
            return Err(ErrorCode::QUOTA_REACHED);
        }
        if self.relays.len() + relays - over > self.config.max_relays {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY);
        }
        silent.sort_unstable();
        for (_, key) in silent.into_iter().take(over) {
            self.counters.made_room += 1;
            self.remove_relay(request.now, key, out);
        }
        Ok(())
    }

    /// The allocations of the request's user that may be taken, each with when it was last heard.
    fn silent_relays(&self, request: &Request<'_>) -> Vec<(u64, Key)> {
        let user = self.users.find(request.user);
        let until_ms = request.now.mono_ms.checked_sub(self.config.silent_ms);
        let is_silent = |relay: &Relay| {
            Some(relay.user) == user
                && relay.bound.is_some()
                && relay.client().is_some()
                && until_ms.is_some_and(|until_ms| relay.heard_ms <= until_ms)
        };
        let all = self.relays.iter().filter(|(_, relay)| is_silent(relay));
        all.map(|(key, relay)| (relay.heard_ms, key)).collect()
    }

    /// The first step: enters the relay, and its reserved neighbour, and asks the driver.
    fn ask_for_relay(&mut self, request: &Request<'_>, wish: Wish, out: &mut Out) {
        let deadline_ms = request.now.mono_ms.saturating_add(OPENING_MS);
        let Request { user, is_trial, .. } = *request;
        let heard_ms = request.now.mono_ms;
        let next_port = wish.reserve_next.then(|| {
            let token = self.make_token();
            let holder = Holder::Reserved { token, username: request.username.into() };
            let key = self.insert_relay(user, is_trial, heard_ms, deadline_ms, holder);
            self.reservations.insert(token, key);
            key
        });
        let holder = Holder::Client(new_allocation(request, wish, next_port));
        let key = self.insert_relay(user, is_trial, heard_ms, deadline_ms, holder);
        self.by_client.insert(request.tuple, key);
        out.open(OpenRelay {
            relay: RelayId(key),
            family: wish.family,
            even_port: wish.even_port,
            next_port: next_port.map(RelayId),
        });
    }

    /// Eight bytes nobody can guess.
    fn make_token(&mut self) -> [u8; 8] {
        self.tokens_made += 1;
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.config.seed)
            .expect("HMAC takes a key of any length");
        mac.update(b"turn reservation");
        mac.update(&self.tokens_made.to_be_bytes());
        let digest = mac.finalize().into_bytes();
        let mut token = [0; 8];
        token.copy_from_slice(&digest[..8]);
        token
    }

    /// Turns a reserved port into an allocation; it is bound already.
    fn claim_reservation(
        &mut self,
        request: &Request<'_>,
        wish: Wish,
        token: [u8; 8],
        out: &mut Out,
    ) -> Result<(), Refusal> {
        let no_such = ErrorCode::INSUFFICIENT_CAPACITY;
        let key = *self.reservations.get(&token).ok_or(no_such)?;
        let relay = self.relays.get_mut(key).ok_or(no_such)?;
        let bound = relay.bound.ok_or(no_such)?;
        match &relay.holder {
            Holder::Reserved { username, .. } if **username == *request.username => {}
            _ => return Err(no_such.into()),
        }
        let wish = Wish { family: Family::of(bound.local.ip()), ..wish };
        relay.holder = Holder::Client(new_allocation(request, wish, None));
        self.reservations.remove(&token);
        self.by_client.insert(request.tuple, key);
        self.start_allocation(request.now, key, out);
        Ok(())
    }

    /// The driver bound a relay's socket (and, if asked, the next port's) at `local`.
    pub fn relay_opened(&mut self, now: Now, open: &OpenRelay, local: SocketAddr, out: &mut Out) {
        self.handle_timeout(now, out);
        let relay = open.relay;
        let Some(allocation) = self.waiting_client(relay.0) else {
            // Given up meanwhile: the client left, or the driver took too long.
            for opened in std::iter::once(relay).chain(open.next_port) {
                self.remove_relay(now, opened.0, out);
                out.close(opened);
            }
            return;
        };
        let opening = allocation.opening;
        let fits = Family::of(canonical(local).ip()) == allocation.family
            && (!opening.even_port || local.port().is_multiple_of(2));
        if !fits {
            self.give_up(now, relay.0, out);
            return;
        }
        if let Some(next) = opening.next_port {
            // An even port has a successor.
            self.bind_relay(next, SocketAddr::new(local.ip(), local.port() + 1));
            self.set_expiry(next, now.mono_ms.saturating_add(RESERVATION_MS));
        }
        self.bind_relay(relay.0, local);
        self.start_allocation(now, relay.0, out);
    }

    /// The driver could not bind: the client is told 508.
    pub fn relay_failed(&mut self, now: Now, open: &OpenRelay, out: &mut Out) {
        self.handle_timeout(now, out);
        if self.waiting_client(open.relay.0).is_some() {
            self.give_up(now, open.relay.0, out);
        }
    }

    /// The client that waits for this relay to be bound.
    fn waiting_client(&self, key: Key) -> Option<&Allocation> {
        self.relays.get(key).filter(|relay| relay.bound.is_none())?.client()
    }

    /// Ends a relay that was never bound, with 508 for its client.
    pub(crate) fn give_up(&mut self, now: Now, key: Key, out: &mut Out) {
        if let Some(allocation) = self.waiting_client(key) {
            let code = ErrorCode::INSUFFICIENT_CAPACITY;
            let next_port = allocation.opening.next_port;
            answer_to(allocation).write(Class::Error, out, |answer| {
                answer.error(code);
            });
            self.count_refusal(code);
            if let Some(next) = next_port {
                self.remove_relay(now, next, out);
            }
        }
        self.remove_relay(now, key, out);
    }

    /// The clock starts when the relay is bound.
    fn start_allocation(&mut self, now: Now, key: Key, out: &mut Out) {
        let Some(relay) = self.relays.get_mut(key) else { return };
        relay.heard_ms = now.mono_ms;
        let Some(lifetime_s) = relay.client().map(|client| client.opening.lifetime_s) else {
            return;
        };
        self.set_expiry(key, after_s(now, lifetime_s));
        self.counters.allocations += 1;
        self.answer_allocate(now, key, out);
    }

    /// The success answer (RFC 8656 §7.2); nothing while the relay is not bound.
    fn answer_allocate(&self, now: Now, key: Key, out: &mut Out) {
        let Some(relay) = self.relays.get(key) else { return };
        let (Some(allocation), Some(bound)) = (relay.client(), relay.bound) else { return };
        let opening = allocation.opening;
        let left_s = relay.expires_ms.saturating_sub(now.mono_ms).div_ceil(1000) as u32;
        answer_to(allocation).write(Class::Success, out, |answer| {
            answer.xor_address(attribute::XOR_RELAYED_ADDRESS, bound.public);
            answer.number(attribute::LIFETIME, left_s);
            answer.xor_address(attribute::XOR_MAPPED_ADDRESS, canonical(allocation.tuple.client));
            if let Some(token) = opening.next_port.and_then(|next| self.token_of(next)) {
                answer.attribute(attribute::RESERVATION_TOKEN, &token);
            }
            if opening.refuse_second_family {
                answer.address_error(Family::V6, ErrorCode::FAMILY_UNSUPPORTED);
            }
            if !self.config.software.is_empty() {
                answer.attribute(attribute::SOFTWARE, self.config.software.as_bytes());
            }
        });
    }

    fn token_of(&self, reserved: Key) -> Option<[u8; 8]> {
        match self.relays.get(reserved)?.holder {
            Holder::Reserved { token, .. } => Some(token),
            Holder::Client(_) => None,
        }
    }

    /// RFC 8656 §8.2.
    pub(crate) fn refresh(&mut self, request: &Request<'_>, out: &mut Out) -> Result<(), Refusal> {
        let (key, family) = self.allocation_of(request)?;
        let wanted = fixed::<4>(&request.message, attribute::REQUESTED_ADDRESS_FAMILY)?;
        if wanted.is_some_and(|wanted| wanted[0] != family.code()) {
            return Err(ErrorCode::FAMILY_MISMATCH.into());
        }
        let (lifetime_s, ends) = lifetime(&request.message, &self.config, request.is_trial)?;
        let lifetime_s = if ends { 0 } else { lifetime_s };
        request.succeed(out, |answer| {
            answer.number(attribute::LIFETIME, lifetime_s);
        });
        if ends {
            self.remove_relay(request.now, key, out);
        } else {
            self.set_expiry(key, after_s(request.now, lifetime_s));
        }
        Ok(())
    }

    /// The bound allocation a request is about, or 437.
    pub(crate) fn allocation_of(&self, request: &Request<'_>) -> Result<(Key, Family), ErrorCode> {
        let key = *self.by_client.get(&request.tuple).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        let bound = self.relays.get(key).filter(|relay| relay.bound.is_some());
        let client =
            bound.and_then(|relay| relay.client()).ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        Ok((key, client.family))
    }
}

fn new_allocation(request: &Request<'_>, wish: Wish, next_port: Option<Key>) -> Allocation {
    Allocation {
        tuple: request.tuple,
        family: wish.family,
        username: request.username.into(),
        key: request.key,
        transaction: request.message.transaction(),
        opening: Opening {
            lifetime_s: wish.lifetime_s,
            even_port: wish.even_port,
            next_port,
            refuse_second_family: wish.second_family,
            fingerprint: request.message.has_fingerprint(),
        },
        permissions: Permissions::default(),
        channels: Channels::default(),
    }
}

fn answer_to(allocation: &Allocation) -> Answer {
    Answer {
        tuple: allocation.tuple,
        method: Method::ALLOCATE,
        transaction: allocation.transaction,
        key: Some(allocation.key),
        fingerprint: allocation.opening.fingerprint,
    }
}
