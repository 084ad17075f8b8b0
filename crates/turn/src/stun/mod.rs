//! STUN as bytes (RFC 8489): parse what arrives, write what is sent.
//!
//! Guarantees: no input makes the reader panic, loop or allocate; every [`Message`] that exists
//! is whole, its attributes fit, and its FINGERPRINT, if any, is right. Called by the server for
//! every packet that is not ChannelData, and by tests and tools that play a client.

mod address;
mod integrity;
mod message;
mod write;

pub use integrity::{IntegrityKey, long_term_key};
pub use message::{Attributes, Message, ParseError, UnknownAttributes};
pub(crate) use message::{padded, parse_header};
pub use write::Writer;

/// The fixed word that tells STUN from everything else on a port (RFC 8489 §5).
pub const MAGIC_COOKIE: u32 = 0x2112_A442;

/// Bytes of the header every message starts with (RFC 8489 §5).
pub const HEADER_BYTES: usize = 20;

/// The 96 random bits that pair an answer with its request (RFC 8489 §5).
pub type TransactionId = [u8; 12];

/// What kind of message it is (RFC 8489 §5).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Wants an answer.
    Request,
    /// Wants none.
    Indication,
    /// Answers a request that was granted.
    Success,
    /// Answers a request that was refused.
    Error,
}

/// What a message is about (RFC 8489 §18.2, RFC 8656 §17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Method(pub u16);

impl Method {
    /// Which address do you see me at? (RFC 8489 §2)
    pub const BINDING: Self = Self(0x001);
    /// Open a relay (RFC 8656 §7).
    pub const ALLOCATE: Self = Self(0x003);
    /// Keep it, or close it (RFC 8656 §8).
    pub const REFRESH: Self = Self(0x004);
    /// Client to peer, without a channel (RFC 8656 §11).
    pub const SEND: Self = Self(0x006);
    /// Peer to client, without a channel (RFC 8656 §11).
    pub const DATA: Self = Self(0x007);
    /// Let these peers send to me (RFC 8656 §10).
    pub const CREATE_PERMISSION: Self = Self(0x008);
    /// Name a peer by a short number (RFC 8656 §12).
    pub const CHANNEL_BIND: Self = Self(0x009);
}

/// Attribute types (RFC 8489 §18.3, RFC 8656 §18). Those below 0x8000 must be understood.
pub mod attribute {
    /// The address in clear, for servers older than RFC 5389 (RFC 8489 §14.1).
    pub const MAPPED_ADDRESS: u16 = 0x0001;
    /// Who asks (RFC 8489 §14.3).
    pub const USERNAME: u16 = 0x0006;
    /// HMAC-SHA1 over all that precedes it (RFC 8489 §14.5).
    pub const MESSAGE_INTEGRITY: u16 = 0x0008;
    /// Why a request was refused (RFC 8489 §14.8).
    pub const ERROR_CODE: u16 = 0x0009;
    /// Which attributes caused a 420 (RFC 8489 §14.9).
    pub const UNKNOWN_ATTRIBUTES: u16 = 0x000A;
    /// The channel to bind (RFC 8656 §18.1).
    pub const CHANNEL_NUMBER: u16 = 0x000C;
    /// Seconds an allocation lasts (RFC 8656 §18.2).
    pub const LIFETIME: u16 = 0x000D;
    /// The peer (RFC 8656 §18.3).
    pub const XOR_PEER_ADDRESS: u16 = 0x0012;
    /// The peer's or client's datagram (RFC 8656 §18.4).
    pub const DATA: u16 = 0x0013;
    /// The name of the place the password is for (RFC 8489 §14.9).
    pub const REALM: u16 = 0x0014;
    /// Proof that the client can hear us (RFC 8489 §14.10).
    pub const NONCE: u16 = 0x0015;
    /// The relay's public address (RFC 8656 §18.5).
    pub const XOR_RELAYED_ADDRESS: u16 = 0x0016;
    /// IPv4 or IPv6 relay (RFC 8656 §18.6).
    pub const REQUESTED_ADDRESS_FAMILY: u16 = 0x0017;
    /// An even port, and perhaps the next one too (RFC 8656 §18.7).
    pub const EVEN_PORT: u16 = 0x0018;
    /// The relay's protocol; only UDP exists here (RFC 8656 §18.8).
    pub const REQUESTED_TRANSPORT: u16 = 0x0019;
    /// Set DF towards the peer (RFC 8656 §18.9).
    pub const DONT_FRAGMENT: u16 = 0x001A;
    /// HMAC-SHA256 over all that precedes it; tolerated, not checked (RFC 8489 §14.6).
    pub const MESSAGE_INTEGRITY_SHA256: u16 = 0x001C;
    /// The client's address as we see it (RFC 8489 §14.2).
    pub const XOR_MAPPED_ADDRESS: u16 = 0x0020;
    /// Claims the port that an EVEN-PORT reserved (RFC 8656 §18.10).
    pub const RESERVATION_TOKEN: u16 = 0x0022;
    /// A second relay of the other family, please (RFC 8656 §18.11).
    pub const ADDITIONAL_ADDRESS_FAMILY: u16 = 0x8000;
    /// Why there is no second relay (RFC 8656 §18.12).
    pub const ADDRESS_ERROR_CODE: u16 = 0x8001;
    /// The name of the program (RFC 8489 §14.14).
    pub const SOFTWARE: u16 = 0x8022;
    /// Where to go instead, with error 300 (RFC 8489 §14.15).
    pub const ALTERNATE_SERVER: u16 = 0x8023;
    /// CRC-32 over the message (RFC 8489 §14.7).
    pub const FINGERPRINT: u16 = 0x8028;
}

/// A refusal: its number and the phrase beside it (RFC 8489 §14.8, RFC 8656 §19).
///
/// 446 and 447 belong to TCP relays (RFC 6062), which do not exist here: an Allocate that asks
/// for one is refused with 442 before they could arise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// 300 to 699.
    pub number: u16,
    /// For people who read traces.
    pub reason: &'static str,
}

impl ErrorCode {
    /// The request is malformed.
    pub const BAD_REQUEST: Self = Self::new(400, "Bad Request");
    /// Credentials are missing, wrong or expired.
    pub const UNAUTHENTICATED: Self = Self::new(401, "Unauthenticated");
    /// This peer may not be reached through here.
    pub const FORBIDDEN: Self = Self::new(403, "Forbidden");
    /// An attribute that must be understood is not.
    pub const UNKNOWN_ATTRIBUTE: Self = Self::new(420, "Unknown Attribute");
    /// No allocation where one is needed, or one where there must be none.
    pub const ALLOCATION_MISMATCH: Self = Self::new(437, "Allocation Mismatch");
    /// Ask again with the nonce in this answer.
    pub const STALE_NONCE: Self = Self::new(438, "Stale Nonce");
    /// No relay of that address family here.
    pub const FAMILY_UNSUPPORTED: Self = Self::new(440, "Address Family not Supported");
    /// The allocation is another user's.
    pub const WRONG_CREDENTIALS: Self = Self::new(441, "Wrong Credentials");
    /// Relays speak UDP only.
    pub const TRANSPORT_UNSUPPORTED: Self = Self::new(442, "Unsupported Transport Protocol");
    /// IPv4 peer on an IPv6 relay, or the other way round.
    pub const FAMILY_MISMATCH: Self = Self::new(443, "Peer Address Family Mismatch");
    /// This user has as many allocations as one user may have.
    pub const QUOTA_REACHED: Self = Self::new(486, "Allocation Quota Reached");
    /// The server has no room, or no port.
    pub const INSUFFICIENT_CAPACITY: Self = Self::new(508, "Insufficient Capacity");

    const fn new(number: u16, reason: &'static str) -> Self {
        Self { number, reason }
    }
}

/// IPv4 or IPv6, as attributes write it (RFC 8489 §14.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Family {
    /// 0x01.
    V4,
    /// 0x02.
    V6,
}

impl Family {
    /// The family of an address.
    pub fn of(ip: std::net::IpAddr) -> Self {
        if ip.is_ipv4() { Self::V4 } else { Self::V6 }
    }

    /// As on the wire.
    pub fn code(self) -> u8 {
        match self {
            Self::V4 => 1,
            Self::V6 => 2,
        }
    }

    /// From the wire.
    pub fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::V4),
            2 => Some(Self::V6),
            _ => None,
        }
    }
}
