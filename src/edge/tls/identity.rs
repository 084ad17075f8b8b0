//! A certificate with its key and those that lead to its authority.
//!
//! Invariant: certificate and key of an `Identity` belong together. Made by `files`, `acme` and
//! `local`; shown by `shown`.

use std::fmt;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use tokio_rustls::rustls::client::verify_server_name;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::sign::CertifiedKey;

pub use super::validity::Validity;

/// A certificate with its key. `Debug` tells only how long it is valid.
#[derive(Clone)]
pub struct Identity {
    pub(super) key: Arc<CertifiedKey>,
    validity: Validity,
}

/// Why certificate and key are not an identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unfit {
    /// The certificate: why, for people.
    Certificate(String),
    /// The key: why, for people. Never tells what is in it.
    Key(String),
    /// The key belongs to another certificate.
    Strangers,
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Identity").field(&self.validity).finish()
    }
}

impl Identity {
    /// Reads both from PEM (RFC 7468); in `certificate` the first is the server's own.
    pub fn from_pem(certificate: &[u8], key: &[u8]) -> Result<Self, Unfit> {
        let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(certificate).collect();
        let chain = chain.map_err(|error| Unfit::Certificate(format!("not PEM: {error}")))?;
        let key = PrivateKeyDer::from_pem_slice(key)
            .map_err(|_| Unfit::Key("no private key in PEM form in it".to_owned()))?;
        Self::new(chain, key)
    }

    /// Of a chain that begins with the server's own certificate, and its key.
    pub fn new(
        chain: Vec<CertificateDer<'static>>,
        key: PrivateKeyDer<'static>,
    ) -> Result<Self, Unfit> {
        let own = chain.first().ok_or_else(|| Unfit::Certificate("no certificate in it".into()))?;
        let validity = Validity::of(own).filter(|_| ParsedCertificate::try_from(own).is_ok());
        let validity = validity
            .ok_or_else(|| Unfit::Certificate("the first in it is not a certificate".into()))?;
        let provider = ring::default_provider();
        let key = provider.key_provider.load_private_key(key).map_err(|_| {
            Unfit::Key("not a key that can be used: RSA from 2,048 bits, ECDSA or Ed25519".into())
        })?;
        let key = CertifiedKey::new(chain, key);
        // A key that does not tell what it belongs to passes; those of this provider all do.
        match key.keys_match() {
            Ok(()) => Ok(Self { key: Arc::new(key), validity }),
            Err(_) => Err(Unfit::Strangers),
        }
    }

    /// How long it is valid.
    pub const fn validity(&self) -> Validity {
        self.validity
    }

    /// Whether it is for this name or address of a host; IPv6 in brackets or not.
    pub fn is_for(&self, host: &str) -> bool {
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let (Ok(own), Ok(name)) = (self.key.end_entity_cert(), ServerName::try_from(bare)) else {
            return false;
        };
        let own = ParsedCertificate::try_from(own);
        own.is_ok_and(|own| verify_server_name(&own, &name).is_ok())
    }
}

#[cfg(test)]
pub(in crate::edge) mod tests {
    use super::*;
    use rcgen::{CertificateParams, KeyPair};

    /// A self-signed certificate for these names and its key, in PEM.
    pub(in crate::edge) fn made(names: &[&str]) -> (String, String) {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let key = KeyPair::generate().expect("a key");
        let params = CertificateParams::new(names).expect("names");
        (params.self_signed(&key).expect("a certificate").pem(), key.serialize_pem())
    }

    #[test]
    fn it_is_for_its_names_and_addresses() {
        let (certificate, key) =
            made(&["chat.example.org", "*.lan.example.org", "192.168.1.5", "2001:db8::7"]);
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("both");
        for host in [
            "chat.example.org",
            "CHAT.example.org",
            "a.lan.example.org",
            "192.168.1.5",
            "[2001:db8::7]",
        ] {
            assert!(identity.is_for(host), "{host}");
        }
        for host in ["example.org", "lan.example.org", "192.168.1.6", "[::1]", "", "a b"] {
            assert!(!identity.is_for(host), "{host}");
        }
        assert!(format!("{identity:?}").starts_with("Identity(Validity"));
    }

    #[test]
    fn what_does_not_belong_together_is_refused_and_no_key_is_told() {
        let (certificate, key) = made(&["a.example.org"]);
        let (_, other) = made(&["a.example.org"]);
        let unfit = |certificate: &str, key: &str| {
            Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect_err("unfit")
        };
        assert_eq!(unfit(&certificate, &other), Unfit::Strangers);
        assert!(matches!(unfit("", &key), Unfit::Certificate(_)));
        assert!(matches!(unfit(&key, &key), Unfit::Certificate(_)));
        assert!(matches!(
            unfit(&certificate[..certificate.len() / 2], &key),
            Unfit::Certificate(_)
        ));
        assert!(matches!(unfit(&certificate, ""), Unfit::Key(_)));
        assert!(matches!(unfit(&certificate, &certificate), Unfit::Key(_)));
        let cut = key.replacen('\n', "\nAAAA", 1);
        let told = unfit(&certificate, &cut);
        assert!(matches!(told, Unfit::Key(_)), "{told:?}");
        for line in key.lines().filter(|line| !line.starts_with("---")) {
            assert!(!format!("{told:?}").contains(line), "{told:?}");
        }
    }
}
