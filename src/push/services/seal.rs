//! Encrypts what is said for one browser or app (RFC 8291, RFC 8188), so that its push service
//! reads nothing. Called by `super::web`.

use ring::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use ring::agreement::{ECDH_P256, EphemeralPrivateKey, UnparsedPublicKey, agree_ephemeral};
use ring::hkdf::{HKDF_SHA256, KeyType, Salt};
use ring::rand::SystemRandom;

/// The length that services take in all, and so that of the one record there is.
const RECORD_BYTES: u32 = 4096;
/// Salt, length of a record, length of the key, key.
const HEAD_BYTES: usize = 16 + 4 + 1 + 65;
const TAG_BYTES: usize = 16;
/// What is said is padded to a multiple of this, so that its length says little.
const STEP_BYTES: usize = 256;

/// The most that can be sealed: the byte after it ends it.
pub(super) const MOST_BYTES: usize = RECORD_BYTES as usize - HEAD_BYTES - TAG_BYTES - 1;

/// The client's key is not a point on the curve, or what is said is too long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unsealable;

impl From<ring::error::Unspecified> for Unsealable {
    fn from(_: ring::error::Unspecified) -> Self {
        Self
    }
}

/// Seals a text for the client with this key and secret. The salt is random, and for this alone.
pub(super) fn seal(
    text: &[u8],
    p256dh: &[u8; 65],
    auth: &[u8; 16],
    salt: [u8; 16],
) -> Result<Vec<u8>, Unsealable> {
    if text.len() > MOST_BYTES {
        return Err(Unsealable);
    }
    let own = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new())?;
    let own_public = own.compute_public_key()?;
    let theirs = UnparsedPublicKey::new(&ECDH_P256, p256dh);
    let input = agree_ephemeral(own, &theirs, |shared| {
        let info: [&[u8]; 3] = [b"WebPush: info\0", p256dh, own_public.as_ref()];
        derive::<32>(auth, shared, &info)
    })??;
    let key = derive::<16>(&salt, &input, &[b"Content-Encoding: aes128gcm\0"])?;
    let nonce = derive::<12>(&salt, &input, &[b"Content-Encoding: nonce\0"])?;

    // After the text comes a 2, for the last record, and then the padding.
    let padded = (text.len() + 1).next_multiple_of(STEP_BYTES).min(MOST_BYTES + 1);
    let mut record = Vec::with_capacity(padded + TAG_BYTES);
    record.extend_from_slice(text);
    record.push(2);
    record.resize(padded, 0);
    let key = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key)?);
    let nonce = Nonce::assume_unique_for_key(nonce);
    key.seal_in_place_append_tag(nonce, Aad::empty(), &mut record)?;

    let mut sealed = Vec::with_capacity(HEAD_BYTES + record.len());
    sealed.extend_from_slice(&salt);
    sealed.extend_from_slice(&RECORD_BYTES.to_be_bytes());
    sealed.push(65);
    sealed.extend_from_slice(own_public.as_ref());
    sealed.extend_from_slice(&record);
    Ok(sealed)
}

/// So many bytes.
struct Length(usize);

impl KeyType for Length {
    fn len(&self) -> usize {
        self.0
    }
}

/// HKDF with SHA-256 (RFC 5869).
fn derive<const N: usize>(
    salt: &[u8],
    input: &[u8],
    info: &[&[u8]],
) -> Result<[u8; N], Unsealable> {
    let mut output = [0; N];
    Salt::new(HKDF_SHA256, salt).extract(input).expand(info, Length(N))?.fill(&mut output)?;
    Ok(output)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client() -> [u8; 65] {
        let key = EphemeralPrivateKey::generate(&ECDH_P256, &SystemRandom::new()).expect("a key");
        key.compute_public_key().expect("a point").as_ref().try_into().expect("65 bytes")
    }

    #[test]
    fn lengths_say_little_and_the_longest_text_fits() {
        let length =
            |bytes| seal(&vec![b'a'; bytes], &client(), &[1; 16], [2; 16]).map(|s| s.len());
        assert_eq!((length(1), length(255)), (length(0), length(0)));
        assert_eq!(length(256), length(300));
        assert_eq!(length(MOST_BYTES), Ok(RECORD_BYTES as usize));
        assert_eq!(length(MOST_BYTES + 1), Err(Unsealable));
        const { assert!(MOST_BYTES >= crate::push::said::MOST_BYTES) };
    }

    #[test]
    fn a_key_that_is_no_point_of_the_curve_is_refused() {
        let mut key = client();
        key[64] ^= 1;
        assert_eq!(seal(b"x", &key, &[1; 16], [2; 16]), Err(Unsealable));
        assert_eq!(seal(b"x", &[4; 65], &[1; 16], [2; 16]), Err(Unsealable));
    }
}
