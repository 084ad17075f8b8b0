//! The packet path: client to peer, peer to client (RFC 8656 §11, §12).
//!
//! Guarantees: no allocation once the output buffer has its size, no lock, constant work per
//! packet but for short lists; no packet of a peer without permission reaches a client, none
//! leaves for a forbidden address. When the peer is a relay of this very server the packet is
//! handed over inside, never sent: two relayed clients then need no system call between them,
//! and no router that turns packets around. Called by the front door.

use std::net::SocketAddr;

use crate::allocation::Holder;
use crate::channel_data;
use crate::out::{Out, RelayId};
use crate::server::{Server, is_known};
use crate::slab::Key;
use crate::stun::{Class, Message, Method, Writer, attribute};
use crate::tuple::{FiveTuple, Now};

/// The longest datagram that still fits a Data indication's 16-bit length with its attributes.
const MAX_PAYLOAD_BYTES: usize = 65_000;

impl Server {
    /// ChannelData from a client (RFC 8656 §12.6).
    pub(crate) fn handle_channel_data(
        &mut self,
        now: Now,
        tuple: FiveTuple,
        packet: &[u8],
        out: &mut Out,
    ) {
        let Some((number, payload)) = channel_data::parse(packet) else {
            self.counters.drops.malformed += 1;
            return;
        };
        let Some(key) = self.by_client.get(&tuple).copied() else {
            self.counters.drops.no_allocation += 1;
            return;
        };
        let client = self.relays.get(key).and_then(|relay| relay.client());
        match client.and_then(|client| client.channels.peer_of(number, now.mono_ms)) {
            // DF is asked for by Send indications alone (RFC 8656 §11.1).
            Some(peer) => self.send_to_peer(now, key, peer, (payload, false), out),
            None => self.counters.drops.no_channel += 1,
        }
    }

    /// A Send indication (RFC 8656 §11.2). Indications are never answered.
    pub(crate) fn handle_send(
        &mut self,
        now: Now,
        tuple: FiveTuple,
        message: &Message<'_>,
        out: &mut Out,
    ) {
        let unknown = !message.unknown_attributes(is_known).is_empty();
        let dont_fragment = message.find(attribute::DONT_FRAGMENT).is_some();
        if unknown || dont_fragment && !self.config.dont_fragment {
            self.counters.drops.unsupported += 1;
            return;
        }
        let address = message.find(attribute::XOR_PEER_ADDRESS);
        let peer = address.and_then(|value| message.xor_address(value));
        let (Some(peer), Some(payload)) = (peer, message.find(attribute::DATA)) else {
            self.counters.drops.malformed += 1;
            return;
        };
        let Some(key) = self.by_client.get(&tuple).copied() else {
            self.counters.drops.no_allocation += 1;
            return;
        };
        let client = self.relays.get(key).and_then(|relay| relay.client());
        if client.is_some_and(|client| client.permissions.allow(peer.ip(), now.mono_ms)) {
            self.send_to_peer(now, key, peer, (payload, dont_fragment), out);
        } else if self.policy.permits(peer.ip()) || self.by_address.contains_key(&peer) {
            self.counters.drops.no_permission += 1;
        } else {
            self.counters.drops.forbidden_peer += 1;
        }
    }

    /// Out of a relay, to a peer outside or to another relay of ours. The address is judged for
    /// every packet: a permission is for an IP address whatever the port, and a port that was a
    /// relay of ours may since be anything.
    fn send_to_peer(
        &mut self,
        now: Now,
        from: Key,
        peer: SocketAddr,
        (payload, dont_fragment): (&[u8], bool),
        out: &mut Out,
    ) {
        let Some(relay) = self.relays.get_mut(from) else { return };
        let Some(bound) = relay.bound else { return };
        let own = self.by_address.get(&peer).copied();
        let is_outside = !relay.is_trial && peer.port() != 0 && self.policy.permits(peer.ip());
        if own.is_none() && !is_outside {
            self.counters.drops.forbidden_peer += 1;
            return;
        }
        if !self.users.spend(relay.user, now.mono_ms, payload.len()) {
            self.counters.drops.bandwidth += 1;
            return;
        }
        relay.heard_ms = now.mono_ms;
        self.counters.to_peer_packets += 1;
        self.counters.to_peer_bytes += payload.len() as u64;
        match own {
            Some(own) => self.deliver(now, own, bound.public, payload, out),
            None => out.send_peer(RelayId(from), peer, dont_fragment, payload),
        }
    }

    /// Into a relay, to its client, if it wants to hear from this peer (RFC 8656 §11.3, §12.7).
    pub(crate) fn deliver(
        &mut self,
        now: Now,
        to: Key,
        peer: SocketAddr,
        payload: &[u8],
        out: &mut Out,
    ) {
        let Some(relay) = self.relays.get_mut(to) else {
            self.counters.drops.no_allocation += 1;
            return;
        };
        let Holder::Client(client) = &relay.holder else {
            self.counters.drops.no_allocation += 1;
            return;
        };
        if !client.permissions.allow(peer.ip(), now.mono_ms) {
            self.counters.drops.no_permission += 1;
            return;
        }
        if payload.len() > MAX_PAYLOAD_BYTES {
            self.counters.drops.too_long += 1;
            return;
        }
        if !self.users.spend(relay.user, now.mono_ms, payload.len()) {
            self.counters.drops.bandwidth += 1;
            return;
        }
        relay.heard_ms = now.mono_ms;
        self.counters.to_client_packets += 1;
        self.counters.to_client_bytes += payload.len() as u64;
        let (tuple, channel) = (client.tuple, client.channels.number_of(peer, now.mono_ms));
        let serial = self.counters.to_client_packets;
        out.send_client(tuple, true, |buffer| match channel {
            Some(number) => {
                channel_data::write(buffer, number, payload, tuple.transport.is_stream());
            }
            None => write_data_indication(buffer, serial, peer, payload),
        });
    }
}

/// A Data indication (RFC 8656 §11.3). Nothing answers it, so its transaction id need only
/// differ from the last one's.
fn write_data_indication(buffer: &mut Vec<u8>, serial: u64, peer: SocketAddr, payload: &[u8]) {
    let mut transaction = [0; 12];
    transaction[4..].copy_from_slice(&serial.to_be_bytes());
    let mut message = Writer::new(buffer, Class::Indication, Method::DATA, transaction);
    message.xor_address(attribute::XOR_PEER_ADDRESS, peer);
    message.attribute(attribute::DATA, payload);
}
