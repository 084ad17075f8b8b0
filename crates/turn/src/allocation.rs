//! One relay and what its client arranged on it: permissions and channels.
//!
//! Both lists are short, bounded and searched in order, so the packet path hashes and allocates
//! nothing; what has expired does nothing from that millisecond on and is swept when room is
//! needed. Called by the server's rooms only.

use std::net::{IpAddr, SocketAddr};

use crate::channel_data::ChannelNumber;
use crate::slab::Key;
use crate::stun::{Family, IntegrityKey, TransactionId};
use crate::tuple::FiveTuple;

/// A permission lasts five minutes (RFC 8656 §9).
const PERMISSION_MS: u64 = 300_000;

/// A channel lasts ten minutes (RFC 8656 §12).
const CHANNEL_MS: u64 = 600_000;

/// A relay socket, and who has it.
#[derive(Debug)]
pub(crate) struct Relay {
    pub user: Key,
    /// Its credential is a trial's.
    pub is_trial: bool,
    /// When its client last asked for something, or a packet last went through it.
    pub heard_ms: u64,
    /// When it is closed: the allocation's end, the reservation's, or the driver's deadline.
    pub expires_ms: u64,
    /// `None` until the driver has bound it.
    pub bound: Option<Bound>,
    pub holder: Holder,
}

/// The two names of a bound relay.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Bound {
    /// What the driver bound.
    pub local: SocketAddr,
    /// What the world is told.
    pub public: SocketAddr,
}

#[derive(Debug)]
pub(crate) enum Holder {
    /// Kept for the client that shows the token (RFC 8656 §7.2, EVEN-PORT).
    Reserved { token: [u8; 8], username: Box<[u8]> },
    /// A client's allocation.
    Client(Allocation),
}

impl Relay {
    pub fn client(&self) -> Option<&Allocation> {
        match &self.holder {
            Holder::Client(allocation) => Some(allocation),
            Holder::Reserved { .. } => None,
        }
    }

    pub fn client_mut(&mut self) -> Option<&mut Allocation> {
        match &mut self.holder {
            Holder::Client(allocation) => Some(allocation),
            Holder::Reserved { .. } => None,
        }
    }
}

/// What a client has (RFC 8656 §3.2).
#[derive(Debug)]
pub(crate) struct Allocation {
    pub tuple: FiveTuple,
    pub family: Family,
    pub username: Box<[u8]>,
    pub key: IntegrityKey,
    /// The Allocate that made it, to answer its retransmissions alike.
    pub transaction: TransactionId,
    pub opening: Opening,
    pub permissions: Permissions,
    pub channels: Channels,
}

/// What the success answer needs once the relay is bound; kept for retransmissions.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Opening {
    pub lifetime_s: u32,
    pub even_port: bool,
    /// The reserved next port.
    pub next_port: Option<Key>,
    /// ADDITIONAL-ADDRESS-FAMILY was asked for, and is not given.
    pub refuse_second_family: bool,
    pub fingerprint: bool,
}

/// Addresses whose packets may reach the client; ports do not matter (RFC 8656 §9).
#[derive(Debug, Default)]
pub(crate) struct Permissions(Vec<(IpAddr, u64)>);

impl Permissions {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn allow(&self, ip: IpAddr, now_ms: u64) -> bool {
        self.0.iter().any(|(allowed, expires_ms)| *allowed == ip && now_ms < *expires_ms)
    }

    /// Whether all of them fit; sweeps first.
    pub fn have_room_for(&mut self, ips: &[IpAddr], now_ms: u64, most: usize) -> bool {
        self.0.retain(|(_, expires_ms)| now_ms < *expires_ms);
        let is_new = |at: usize| {
            let ip = ips[at];
            !ips[..at].contains(&ip) && !self.0.iter().any(|(known, _)| *known == ip)
        };
        self.0.len() + (0..ips.len()).filter(|at| is_new(*at)).count() <= most
    }

    /// Installs or refreshes one; the caller asked for room.
    pub fn grant(&mut self, ip: IpAddr, now_ms: u64) {
        let expires_ms = now_ms.saturating_add(PERMISSION_MS);
        match self.0.iter_mut().find(|(known, _)| *known == ip) {
            Some(permission) => permission.1 = expires_ms,
            None => self.0.push((ip, expires_ms)),
        }
    }
}

#[derive(Clone, Copy, Debug)]
struct Channel {
    number: ChannelNumber,
    peer: SocketAddr,
    expires_ms: u64,
}

/// Numbers bound to peers (RFC 8656 §12).
#[derive(Debug, Default)]
pub(crate) struct Channels(Vec<Channel>);

/// Why a channel cannot be bound.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BindError {
    /// The number has another peer, or the peer another number.
    Taken,
    /// As many as one allocation may have.
    Full,
}

impl Channels {
    pub fn len(&self) -> usize {
        self.0.len()
    }

    pub fn peer_of(&self, number: ChannelNumber, now_ms: u64) -> Option<SocketAddr> {
        self.live(now_ms).find(|channel| channel.number == number).map(|channel| channel.peer)
    }

    pub fn number_of(&self, peer: SocketAddr, now_ms: u64) -> Option<ChannelNumber> {
        self.live(now_ms).find(|channel| channel.peer == peer).map(|channel| channel.number)
    }

    fn live(&self, now_ms: u64) -> impl Iterator<Item = &Channel> {
        self.0.iter().filter(move |channel| now_ms < channel.expires_ms)
    }

    /// Whether [`Self::bind`] may follow (RFC 8656 §12.2); sweeps first.
    pub fn check_bind(
        &mut self,
        number: ChannelNumber,
        peer: SocketAddr,
        now_ms: u64,
        most: usize,
    ) -> Result<(), BindError> {
        self.0.retain(|channel| now_ms < channel.expires_ms);
        let clash = |channel: &&Channel| channel.number == number || channel.peer == peer;
        match self.0.iter().find(clash) {
            Some(channel) if channel.number == number && channel.peer == peer => Ok(()),
            Some(_) => Err(BindError::Taken),
            None if self.0.len() >= most => Err(BindError::Full),
            None => Ok(()),
        }
    }

    /// Binds, or refreshes.
    pub fn bind(&mut self, number: ChannelNumber, peer: SocketAddr, now_ms: u64) {
        let expires_ms = now_ms.saturating_add(CHANNEL_MS);
        match self.0.iter_mut().find(|channel| channel.number == number) {
            Some(channel) => channel.expires_ms = expires_ms,
            None => self.0.push(Channel { number, peer, expires_ms }),
        }
    }
}
