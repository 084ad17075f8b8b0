//! Addresses in attributes, plain and XOR-ed with the header (RFC 8489 §14.1, §14.2).
//!
//! The XOR keeps address-rewriting middleboxes from finding the address. Called by
//! [`super::Message`] and [`super::Writer`] only.

use std::net::{IpAddr, SocketAddr};

use super::{Family, MAGIC_COOKIE, TransactionId};

/// The longest address attribute: IPv6.
pub(super) const MAX_BYTES: usize = 20;

/// Reads an XOR-ed address; `None` when the family or the length is wrong.
pub(super) fn decode_xor(value: &[u8], transaction: &TransactionId) -> Option<SocketAddr> {
    let (head, ip) = value.split_first_chunk::<4>()?;
    let port = u16::from_be_bytes([head[2], head[3]]) ^ (MAGIC_COOKIE >> 16) as u16;
    let mask = mask(transaction);
    let ip = match Family::from_code(head[1])? {
        Family::V4 => IpAddr::from(xored::<4>(ip.try_into().ok()?, &mask)),
        Family::V6 => IpAddr::from(xored::<16>(ip.try_into().ok()?, &mask)),
    };
    Some(SocketAddr::new(ip, port))
}

/// Writes an XOR-ed address into `buffer` and returns the used part.
pub(super) fn encode_xor<'a>(
    address: SocketAddr,
    transaction: &TransactionId,
    buffer: &'a mut [u8; MAX_BYTES],
) -> &'a [u8] {
    let port = address.port() ^ (MAGIC_COOKIE >> 16) as u16;
    buffer[0] = 0;
    buffer[1] = Family::of(address.ip()).code();
    buffer[2..4].copy_from_slice(&port.to_be_bytes());
    let mask = mask(transaction);
    match address.ip() {
        IpAddr::V4(ip) => {
            buffer[4..8].copy_from_slice(&xored(ip.octets(), &mask));
            &buffer[..8]
        }
        IpAddr::V6(ip) => {
            buffer[4..20].copy_from_slice(&xored(ip.octets(), &mask));
            &buffer[..20]
        }
    }
}

fn mask(transaction: &TransactionId) -> [u8; 16] {
    let mut mask = [0; 16];
    mask[..4].copy_from_slice(&MAGIC_COOKIE.to_be_bytes());
    mask[4..].copy_from_slice(transaction);
    mask
}

fn xored<const N: usize>(mut bytes: [u8; N], mask: &[u8; 16]) -> [u8; N] {
    for (byte, mask) in bytes.iter_mut().zip(mask) {
        *byte ^= mask;
    }
    bytes
}
