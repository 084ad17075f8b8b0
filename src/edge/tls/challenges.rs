//! The answer to an authority that checks whether a name is ours (TLS-ALPN-01, RFC 8737): it comes
//! to the HTTPS port, asks for the protocol `acme-tls/1` by name, and is shown a certificate that
//! only who holds the account could make. There is at most one answer, while `acme` waits for one.
//! Called by `handshake`.

use std::error::Error;
use std::sync::{Arc, PoisonError, RwLock};

use rcgen::{CertificateParams, CustomExtension, KeyPair};
use rustls_pki_types::PrivateKeyDer;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

/// The protocol that an authority asks for.
pub(super) const PROTOCOL: &[u8] = b"acme-tls/1";

/// What is shown to an authority.
#[derive(Debug, Default)]
pub struct Challenges(RwLock<Option<(String, Arc<CertifiedKey>)>>);

impl Challenges {
    /// Shows this digest for a name from now on.
    pub(super) fn show(
        &self,
        name: &str,
        digest: &[u8],
    ) -> Result<(), Box<dyn Error + Send + Sync>> {
        let mut params = CertificateParams::new([name.to_owned()])?;
        params.custom_extensions = vec![CustomExtension::new_acme_identifier(digest)];
        let key = KeyPair::generate()?;
        let certificate = params.self_signed(&key)?.der().clone();
        let key = PrivateKeyDer::try_from(key.serialize_der())?;
        let key = ring::default_provider().key_provider.load_private_key(key)?;
        // Not compared with the certificate, which holds what only an authority understands.
        let key = CertifiedKey::new(vec![certificate], key);
        *self.0.write().unwrap_or_else(PoisonError::into_inner) =
            Some((name.to_owned(), Arc::new(key)));
        Ok(())
    }

    /// Shows nothing any more.
    pub(super) fn clear(&self) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = None;
    }

    /// A server's side of TLS that shows it too, to who asks for nothing but that.
    #[must_use]
    pub fn beside(self: &Arc<Self>, mut config: ServerConfig) -> ServerConfig {
        let others = config.cert_resolver;
        config.cert_resolver = Arc::new(Either { challenges: self.clone(), others });
        config.alpn_protocols.push(PROTOCOL.to_vec());
        config
    }

    fn answer(&self, hello: &ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        let (name, key) = shown.as_ref()?;
        hello.server_name().filter(|asked| asked.eq_ignore_ascii_case(name))?;
        Some(key.clone())
    }
}

/// Shows authorities their answer, and everybody else what they come for.
#[derive(Debug)]
struct Either {
    challenges: Arc<Challenges>,
    others: Arc<dyn ResolvesServerCert>,
}

impl ResolvesServerCert for Either {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let is_check = hello.alpn().is_some_and(|names| names.eq([PROTOCOL]));
        if is_check { self.challenges.answer(&hello) } else { self.others.resolve(hello) }
    }
}
