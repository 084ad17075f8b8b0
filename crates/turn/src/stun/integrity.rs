//! MESSAGE-INTEGRITY and FINGERPRINT (RFC 8489 §14.5, §14.7).
//!
//! Both cover the message up to themselves, with the header's length set as if they were last.
//! Comparison is constant-time. Called by [`super::Message`] and [`super::Writer`].

use hmac::{Hmac, KeyInit, Mac};
use md5::{Digest, Md5};
use sha1::Sha1;

/// Bytes of a MESSAGE-INTEGRITY value.
pub(super) const INTEGRITY_BYTES: usize = 20;

/// The key of the long-term credential mechanism: an MD5 digest (RFC 8489 §9.2.2).
pub type IntegrityKey = [u8; 16];

/// `MD5(username ":" realm ":" password)` (RFC 8489 §9.2.2).
pub fn long_term_key(username: &[u8], realm: &[u8], password: &[u8]) -> IntegrityKey {
    let mut hash = Md5::new();
    for part in [username, b":", realm, b":", password] {
        hash.update(part);
    }
    hash.finalize().into()
}

/// The HMAC of `before`, all bytes that precede the attribute.
pub(super) fn integrity(key: &[u8], before: &[u8]) -> [u8; INTEGRITY_BYTES] {
    integrity_mac(key, before).finalize().into_bytes().into()
}

/// Whether `value` is the HMAC of `before`, in constant time.
pub(super) fn integrity_matches(key: &[u8], before: &[u8], value: &[u8]) -> bool {
    integrity_mac(key, before).verify_slice(value).is_ok()
}

fn integrity_mac(key: &[u8], before: &[u8]) -> Hmac<Sha1> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).expect("HMAC takes a key of any length");
    let (kind, length, rest) = header_as_if_last(before, 4 + INTEGRITY_BYTES);
    mac.update(kind);
    mac.update(&length);
    mac.update(rest);
    mac
}

/// The FINGERPRINT of `before`, all bytes that precede the attribute.
pub(super) fn fingerprint(before: &[u8]) -> u32 {
    let (kind, length, rest) = header_as_if_last(before, 8);
    let crc = [kind, &length, rest].into_iter().fold(!0, crc32_step);
    !crc ^ 0x5354_554E
}

/// Splits `before` into type, the length it would carry if an attribute of `attribute_bytes`
/// ended the message, and the rest. `before` holds at least a header.
fn header_as_if_last(before: &[u8], attribute_bytes: usize) -> (&[u8], [u8; 2], &[u8]) {
    let length = before.len() - super::HEADER_BYTES + attribute_bytes;
    (&before[..2], (length as u16).to_be_bytes(), &before[4..])
}

fn crc32_step(crc: u32, bytes: &[u8]) -> u32 {
    bytes.iter().fold(crc, |crc, byte| CRC32[usize::from(crc as u8 ^ byte)] ^ (crc >> 8))
}

/// The CRC-32 of ISO-HDLC, byte by byte.
const CRC32: [u32; 256] = {
    let mut table = [0; 256];
    let mut index = 0;
    while index < 256 {
        let mut crc = index as u32;
        let mut bit = 0;
        while bit < 8 {
            crc = if crc & 1 == 1 { 0xEDB8_8320 ^ (crc >> 1) } else { crc >> 1 };
            bit += 1;
        }
        table[index] = crc;
        index += 1;
    }
    table
};
