//! Reading a STUN message without copying it (RFC 8489 §5, §14).
//!
//! A [`Message`] borrows the packet. Parsing walks the attributes once and refuses what does not
//! fit; later look-ups cannot fail. Attributes behind the integrity value are not protected by
//! it and so are not shown.

use std::fmt;
use std::net::SocketAddr;

use super::{Class, HEADER_BYTES, MAGIC_COOKIE, Method, TransactionId};
use super::{address, attribute, integrity};

/// A well-formed message over the packet it came in.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    raw: &'a [u8],
    class: Class,
    method: Method,
    /// Where the attributes that count end: the first integrity value, or FINGERPRINT, or the end.
    attributes_end: usize,
    integrity_at: Option<usize>,
    has_fingerprint: bool,
}

/// Why bytes are not a STUN message. Such packets are dropped, never answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// Shorter than a header, or than the length in it.
    Truncated,
    /// The first two bits or the magic cookie are not STUN's.
    NotStun,
    /// The length is not a multiple of four, or bytes follow the message.
    BadLength,
    /// An attribute reaches beyond the message.
    BadAttribute,
    /// FINGERPRINT is wrong or not last.
    BadFingerprint,
}

impl fmt::Display for ParseError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Truncated => "STUN message is truncated",
            Self::NotStun => "not a STUN message",
            Self::BadLength => "STUN length does not match the packet",
            Self::BadAttribute => "STUN attribute reaches beyond the message",
            Self::BadFingerprint => "STUN fingerprint is wrong",
        })
    }
}

impl std::error::Error for ParseError {}

impl<'a> Message<'a> {
    /// Reads one whole packet (RFC 8489 §6.3).
    pub fn parse(raw: &'a [u8]) -> Result<Self, ParseError> {
        let (kind, length) = parse_header(raw)?;
        if length % 4 != 0 || raw.len() > HEADER_BYTES + length {
            return Err(ParseError::BadLength);
        }
        if raw.len() < HEADER_BYTES + length {
            return Err(ParseError::Truncated);
        }
        let (class, method) = split_type(kind);
        let mut message = Self {
            raw,
            class,
            method,
            attributes_end: raw.len(),
            integrity_at: None,
            has_fingerprint: false,
        };
        message.walk()?;
        Ok(message)
    }

    /// Checks that every attribute fits, and notes where the special ones are.
    fn walk(&mut self) -> Result<(), ParseError> {
        let mut at = HEADER_BYTES;
        while at < self.raw.len() {
            let (kind, value) = attribute_at(self.raw, at).ok_or(ParseError::BadAttribute)?;
            match kind {
                attribute::MESSAGE_INTEGRITY => {
                    self.integrity_at.get_or_insert(at);
                    self.attributes_end = self.attributes_end.min(at);
                }
                attribute::MESSAGE_INTEGRITY_SHA256 => {
                    self.attributes_end = self.attributes_end.min(at);
                }
                attribute::FINGERPRINT => {
                    self.check_fingerprint(at, value)?;
                    self.attributes_end = self.attributes_end.min(at);
                }
                _ => {}
            }
            at += 4 + padded(value.len());
        }
        Ok(())
    }

    fn check_fingerprint(&mut self, at: usize, value: &[u8]) -> Result<(), ParseError> {
        let expected = integrity::fingerprint(&self.raw[..at]).to_be_bytes();
        if at + 8 != self.raw.len() || value != expected {
            return Err(ParseError::BadFingerprint);
        }
        self.has_fingerprint = true;
        Ok(())
    }

    /// Request, indication, success or error.
    pub fn class(&self) -> Class {
        self.class
    }

    /// What it is about.
    pub fn method(&self) -> Method {
        self.method
    }

    /// What pairs an answer with its request.
    pub fn transaction(&self) -> TransactionId {
        let mut transaction = [0; 12];
        transaction.copy_from_slice(&self.raw[8..HEADER_BYTES]);
        transaction
    }

    /// How long the whole packet is.
    pub fn packet_bytes(&self) -> usize {
        self.raw.len()
    }

    /// Whether the message carries a (correct) FINGERPRINT; its answer then carries one too.
    pub fn has_fingerprint(&self) -> bool {
        self.has_fingerprint
    }

    /// Whether the message carries MESSAGE-INTEGRITY, right or wrong.
    pub fn has_integrity(&self) -> bool {
        self.integrity_at.is_some()
    }

    /// Whether MESSAGE-INTEGRITY is there and made with `key` (RFC 8489 §14.5).
    pub fn verify_integrity(&self, key: &[u8]) -> bool {
        self.integrity_at.is_some_and(|at| {
            attribute_at(self.raw, at)
                .is_some_and(|(_, value)| integrity::integrity_matches(key, &self.raw[..at], value))
        })
    }

    /// The attributes that count, in order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes { raw: &self.raw[..self.attributes_end], at: HEADER_BYTES }
    }

    /// The value of the first attribute of that type; later ones are ignored (RFC 8489 §14).
    pub fn find(&self, kind: u16) -> Option<&'a [u8]> {
        self.attributes().find_map(|(found, value)| (found == kind).then_some(value))
    }

    /// Reads an XOR-ed address attribute's value; `None` when it is malformed.
    pub fn xor_address(&self, value: &[u8]) -> Option<SocketAddr> {
        address::decode_xor(value, &self.transaction())
    }

    /// The attributes that must be understood but are not, by `is_known` (RFC 8489 §6.3.1).
    pub fn unknown_attributes(&self, is_known: impl Fn(u16) -> bool) -> UnknownAttributes {
        let mut unknown = UnknownAttributes::default();
        for (kind, _) in self.attributes() {
            if kind < 0x8000 && !is_known(kind) {
                unknown.add(kind);
            }
        }
        unknown
    }
}

/// Type and length out of a header; also used to frame streams.
pub(crate) fn parse_header(raw: &[u8]) -> Result<(u16, usize), ParseError> {
    let header = raw.first_chunk::<HEADER_BYTES>().ok_or(ParseError::Truncated)?;
    if header[0] >= 0x40 || header[4..8] != MAGIC_COOKIE.to_be_bytes() {
        return Err(ParseError::NotStun);
    }
    let kind = u16::from_be_bytes([header[0], header[1]]);
    Ok((kind, usize::from(u16::from_be_bytes([header[2], header[3]]))))
}

/// Unweaves class and method (RFC 8489 §5, figure 3).
fn split_type(kind: u16) -> (Class, Method) {
    let class = match (kind & 0x100 != 0, kind & 0x010 != 0) {
        (false, false) => Class::Request,
        (false, true) => Class::Indication,
        (true, false) => Class::Success,
        (true, true) => Class::Error,
    };
    (class, Method(kind & 0x000F | (kind & 0x00E0) >> 1 | (kind & 0x3E00) >> 2))
}

/// Type and value of the attribute that starts at `at`, if it and its padding fit.
fn attribute_at(raw: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let (head, rest) = raw.get(at..)?.split_first_chunk::<4>()?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let value = rest.get(..padded(length))?.get(..length)?;
    Some((u16::from_be_bytes([head[0], head[1]]), value))
}

/// Values are padded to four bytes (RFC 8489 §14).
pub(crate) fn padded(length: usize) -> usize {
    length.next_multiple_of(4)
}

/// Type and value of each attribute that counts. Made by [`Message::attributes`].
#[derive(Clone, Debug)]
pub struct Attributes<'a> {
    raw: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Attributes<'a> {
    type Item = (u16, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (kind, value) = attribute_at(self.raw, self.at)?;
        self.at += 4 + padded(value.len());
        Some((kind, value))
    }
}

/// The first few attributes that were not understood, for a 420 (RFC 8489 §14.9).
///
/// Bounded, so that an answer never outgrows its request.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UnknownAttributes {
    kinds: [u16; 8],
    count: usize,
}

impl UnknownAttributes {
    /// Notes one more; those beyond the eighth are forgotten.
    pub fn add(&mut self, kind: u16) {
        if let Some(free) = self.kinds.get_mut(self.count) {
            *free = kind;
            self.count += 1;
        }
    }

    /// Whether everything was understood.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Their types, in order.
    pub fn kinds(&self) -> &[u16] {
        &self.kinds[..self.count]
    }
}
