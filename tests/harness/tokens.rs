//! Reads JSON Web Tokens as a push service does. Called by the push services of the tests.

use std::time::UNIX_EPOCH;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::signature::{UnparsedPublicKey, VerificationAlgorithm};
use serde_json::Value;

/// The head and the claims of a token that this key signed.
pub fn verified(
    token: &str,
    algorithm: &'static dyn VerificationAlgorithm,
    key: &[u8],
) -> Result<(Value, Value), String> {
    let (signed, signature) = token.rsplit_once('.').ok_or("no token")?;
    let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| "no signature")?;
    UnparsedPublicKey::new(algorithm, key)
        .verify(signed.as_bytes(), &signature)
        .map_err(|_| "a wrong signature")?;
    let (head, claims) = signed.split_once('.').ok_or("no claims")?;
    let read = |part: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
    };
    read(head).zip(read(claims)).ok_or_else(|| "no JSON".into())
}

/// Seconds since 1970.
pub fn now_s() -> u64 {
    UNIX_EPOCH.elapsed().expect("a clock").as_secs()
}
