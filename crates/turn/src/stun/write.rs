//! Writing a STUN message at the end of a buffer (RFC 8489 §5, §14).
//!
//! The header's length is right after every call, so a message is finished whenever its writer
//! is dropped. Called by the server for every answer and indication.

use std::net::SocketAddr;

use super::message::padded;
use super::{Class, ErrorCode, Family, HEADER_BYTES, MAGIC_COOKIE, Method, TransactionId};
use super::{address, attribute, integrity};

/// Appends one message to a buffer.
#[derive(Debug)]
pub struct Writer<'a> {
    buffer: &'a mut Vec<u8>,
    start: usize,
    transaction: TransactionId,
}

impl<'a> Writer<'a> {
    /// Starts a message behind what the buffer already holds.
    pub fn new(
        buffer: &'a mut Vec<u8>,
        class: Class,
        method: Method,
        transaction: TransactionId,
    ) -> Self {
        let start = buffer.len();
        buffer.extend_from_slice(&join_type(class, method).to_be_bytes());
        buffer.extend_from_slice(&[0, 0]);
        buffer.extend_from_slice(&MAGIC_COOKIE.to_be_bytes());
        buffer.extend_from_slice(&transaction);
        Self { buffer, start, transaction }
    }

    /// Any attribute, padded with zeros.
    pub fn attribute(&mut self, kind: u16, value: &[u8]) -> &mut Self {
        self.buffer.extend_from_slice(&kind.to_be_bytes());
        self.buffer.extend_from_slice(&(value.len() as u16).to_be_bytes());
        self.buffer.extend_from_slice(value);
        let padding = padded(value.len()) - value.len();
        self.buffer.extend_from_slice(&[0; 3][..padding]);
        self.patch_length();
        self
    }

    fn patch_length(&mut self) {
        let length = self.buffer.len() - self.start - HEADER_BYTES;
        debug_assert!(length <= usize::from(u16::MAX), "callers bound the data they pass");
        self.buffer[self.start + 2..self.start + 4].copy_from_slice(&(length as u16).to_be_bytes());
    }

    /// An attribute that is one 32-bit number.
    pub fn number(&mut self, kind: u16, value: u32) -> &mut Self {
        self.attribute(kind, &value.to_be_bytes())
    }

    /// An address XOR-ed with the header (RFC 8489 §14.2).
    pub fn xor_address(&mut self, kind: u16, address: SocketAddr) -> &mut Self {
        let mut buffer = [0; address::MAX_BYTES];
        let transaction = self.transaction;
        self.attribute(kind, address::encode_xor(address, &transaction, &mut buffer))
    }

    /// ERROR-CODE (RFC 8489 §14.8).
    pub fn error(&mut self, error: ErrorCode) -> &mut Self {
        self.error_as(attribute::ERROR_CODE, 0, error)
    }

    /// ADDRESS-ERROR-CODE: why there is no relay of `family` (RFC 8656 §18.12).
    pub fn address_error(&mut self, family: Family, error: ErrorCode) -> &mut Self {
        self.error_as(attribute::ADDRESS_ERROR_CODE, family.code(), error)
    }

    fn error_as(&mut self, kind: u16, first: u8, error: ErrorCode) -> &mut Self {
        let (hundreds, rest) = ((error.number / 100) as u8, (error.number % 100) as u8);
        let mut value = Vec::with_capacity(4 + error.reason.len());
        value.extend_from_slice(&[first, 0, hundreds, rest]);
        value.extend_from_slice(error.reason.as_bytes());
        self.attribute(kind, &value)
    }

    /// UNKNOWN-ATTRIBUTES (RFC 8489 §14.9).
    pub fn unknown_attributes(&mut self, kinds: &[u16]) -> &mut Self {
        let value: Vec<u8> = kinds.iter().flat_map(|kind| kind.to_be_bytes()).collect();
        self.attribute(attribute::UNKNOWN_ATTRIBUTES, &value)
    }

    /// MESSAGE-INTEGRITY over all so far (RFC 8489 §14.5).
    pub fn integrity(&mut self, key: &[u8]) -> &mut Self {
        let value = integrity::integrity(key, &self.buffer[self.start..]);
        self.attribute(attribute::MESSAGE_INTEGRITY, &value)
    }

    /// FINGERPRINT; must be the last (RFC 8489 §14.7).
    pub fn fingerprint(&mut self) {
        let value = integrity::fingerprint(&self.buffer[self.start..]);
        self.number(attribute::FINGERPRINT, value);
    }
}

/// Weaves class and method (RFC 8489 §5, figure 3).
fn join_type(class: Class, Method(method): Method) -> u16 {
    let class = match class {
        Class::Request => 0x000,
        Class::Indication => 0x010,
        Class::Success => 0x100,
        Class::Error => 0x110,
    };
    class | method & 0x000F | (method & 0x0070) << 1 | (method & 0x0F80) << 2
}
