//! CreatePermission and ChannelBind: which peers a client talks to (RFC 8656 §10, §12).
//!
//! Guarantees: a request is carried out whole or not at all; no forbidden address gets a
//! permission or a channel. Called by `request`.

use std::net::{IpAddr, SocketAddr};

use crate::allocation::BindError;
use crate::channel_data::ChannelNumber;
use crate::out::Out;
use crate::request::{Refusal, Request};
use crate::server::Server;
use crate::slab::Key;
use crate::stun::{ErrorCode, Family, attribute};

impl Server {
    /// RFC 8656 §10.2.
    pub(crate) fn create_permission(
        &mut self,
        request: &Request<'_>,
        out: &mut Out,
    ) -> Result<(), Refusal> {
        let (key, family) = self.allocation_of(request)?;
        let ips = self.read_peers(request, key, family)?;
        let (now_ms, most) = (request.now.mono_ms, self.config.max_permissions);
        let client = self.relays.get_mut(key).and_then(|relay| relay.client_mut());
        let allocation = client.ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        if !allocation.permissions.have_room_for(&ips, now_ms, most) {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY.into());
        }
        for ip in ips {
            allocation.permissions.grant(ip, now_ms);
        }
        request.succeed(out, |_| {});
        Ok(())
    }

    /// All peers of a request, each of them allowed; at least one.
    fn read_peers(
        &self,
        request: &Request<'_>,
        key: Key,
        family: Family,
    ) -> Result<Vec<IpAddr>, ErrorCode> {
        let mut ips = Vec::new();
        for (kind, value) in request.message.attributes() {
            if kind == attribute::XOR_PEER_ADDRESS {
                let peer = request.message.xor_address(value).ok_or(ErrorCode::BAD_REQUEST)?;
                match self.check_peer(request, peer, family) {
                    Err(ErrorCode::FORBIDDEN) if self.is_refresh(request, key, peer.ip()) => {}
                    checked => checked?,
                }
                if ips.len() == self.config.max_permissions {
                    return Err(ErrorCode::INSUFFICIENT_CAPACITY);
                }
                ips.push(peer.ip());
            }
        }
        if ips.is_empty() { Err(ErrorCode::BAD_REQUEST) } else { Ok(ips) }
    }

    /// A permission that exists may be refreshed by any port of its address. A client names the
    /// port it knew first, and at our own address that relay may be gone while another lives.
    /// This opens nothing: each packet's own address is judged as it passes.
    fn is_refresh(&self, request: &Request<'_>, key: Key, ip: IpAddr) -> bool {
        let client = self.relays.get(key).and_then(|relay| relay.client());
        client.is_some_and(|client| client.permissions.allow(ip, request.now.mono_ms))
    }

    /// 443 for the wrong family, 403 for a peer that is neither permitted nor our own. To a trial
    /// none but our own is.
    fn check_peer(
        &self,
        request: &Request<'_>,
        peer: SocketAddr,
        family: Family,
    ) -> Result<(), ErrorCode> {
        if Family::of(peer.ip()) != family {
            return Err(ErrorCode::FAMILY_MISMATCH);
        }
        let is_outside = !request.is_trial && self.policy.permits(peer.ip());
        if !self.by_address.contains_key(&peer) && !is_outside {
            return Err(ErrorCode::FORBIDDEN);
        }
        Ok(())
    }

    /// RFC 8656 §12.2. Binding also grants the permission.
    pub(crate) fn channel_bind(
        &mut self,
        request: &Request<'_>,
        out: &mut Out,
    ) -> Result<(), Refusal> {
        let (key, family) = self.allocation_of(request)?;
        let (number, peer) = read_binding(request).ok_or(ErrorCode::BAD_REQUEST)?;
        self.check_peer(request, peer, family)?;
        let now_ms = request.now.mono_ms;
        let client = self.relays.get_mut(key).and_then(|relay| relay.client_mut());
        let allocation = client.ok_or(ErrorCode::ALLOCATION_MISMATCH)?;
        allocation.channels.check_bind(number, peer, now_ms, self.config.max_channels).map_err(
            |error| match error {
                BindError::Taken => ErrorCode::BAD_REQUEST,
                BindError::Full => ErrorCode::INSUFFICIENT_CAPACITY,
            },
        )?;
        let most = self.config.max_permissions;
        if !allocation.permissions.have_room_for(&[peer.ip()], now_ms, most) {
            return Err(ErrorCode::INSUFFICIENT_CAPACITY.into());
        }
        allocation.channels.bind(number, peer, now_ms);
        allocation.permissions.grant(peer.ip(), now_ms);
        request.succeed(out, |_| {});
        Ok(())
    }
}

/// Channel number and peer, if both are there and valid.
fn read_binding(request: &Request<'_>) -> Option<(ChannelNumber, SocketAddr)> {
    let value = request.message.find(attribute::CHANNEL_NUMBER)?;
    let value: [u8; 4] = value.try_into().ok()?;
    let number = ChannelNumber::new(u16::from_be_bytes([value[0], value[1]]))?;
    let peer = request.message.xor_address(request.message.find(attribute::XOR_PEER_ADDRESS)?)?;
    (peer.port() != 0).then_some((number, peer))
}
