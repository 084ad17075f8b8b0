//! Tokens by which services know this server: JSON Web Tokens (RFC 7519) signed with ES256 or
//! RS256. Called by `super::web`, `super::apns` and `super::fcm`.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::Value;

/// A private key that signs tokens. `Debug` is not there.
pub(super) enum Signer {
    /// On P-256.
    Es256(EcdsaKeyPair),
    /// RSA of 2,048 bits or more.
    Rs256(Box<RsaKeyPair>),
}

impl Signer {
    /// Reads a key on P-256 from PEM (PKCS #8). The error says what it is not.
    pub(super) fn es256(pem: &[u8]) -> Result<Self, &'static str> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| "holds no key in PEM")?;
        let algorithm = &ECDSA_P256_SHA256_FIXED_SIGNING;
        let key = EcdsaKeyPair::from_pkcs8(algorithm, key.secret_pkcs8_der(), &SystemRandom::new());
        key.map(Self::Es256).map_err(|_| "holds no private key on P-256")
    }

    /// Reads an RSA key from PEM (PKCS #8). The error says what it is not.
    pub(super) fn rs256(pem: &[u8]) -> Result<Self, &'static str> {
        let key = PrivatePkcs8KeyDer::from_pem_slice(pem).map_err(|_| "holds no key in PEM")?;
        let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der());
        key.map(|key| Self::Rs256(Box::new(key))).map_err(|_| "holds no private RSA key")
    }

    /// The public key of one on P-256: an uncompressed point.
    pub(super) fn public_point(&self) -> Option<&[u8]> {
        match self {
            Self::Es256(key) => Some(key.public_key().as_ref()),
            Self::Rs256(_) => None,
        }
    }

    /// A token with these claims, and what the key is called if that is to be said.
    pub(super) fn token(&self, key_id: Option<&str>, claims: &Value) -> Option<String> {
        let algorithm = if matches!(self, Self::Es256(_)) { "ES256" } else { "RS256" };
        let mut head = serde_json::json!({ "typ": "JWT", "alg": algorithm });
        if let Some(key_id) = key_id {
            head["kid"] = key_id.into();
        }
        let [head, claims] = [&head, claims].map(|part| URL_SAFE_NO_PAD.encode(part.to_string()));
        let signed = format!("{head}.{claims}");
        let signature = self.sign(signed.as_bytes())?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }

    /// `None` only where the machine has no random source.
    fn sign(&self, message: &[u8]) -> Option<Vec<u8>> {
        let random = SystemRandom::new();
        match self {
            Self::Es256(key) => Some(key.sign(&random, message).ok()?.as_ref().to_vec()),
            Self::Rs256(key) => {
                let mut signature = vec![0; key.public().modulus_len()];
                key.sign(&RSA_PKCS1_SHA256, &random, message, &mut signature).ok()?;
                Some(signature)
            }
        }
    }
}
