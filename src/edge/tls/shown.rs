//! The identity that new connections are shown. Replacing it takes effect with the next handshake;
//! connections that are open keep theirs. Shared by the doors, the relay and what renews it.

use std::sync::{Arc, PoisonError, RwLock};

use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::crypto::ring::Ticketer;
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;

use super::identity::Identity;

/// The identity that new connections are shown; while there is none, handshakes fail.
#[derive(Debug)]
pub struct Shown(RwLock<Option<Identity>>);

impl Shown {
    /// One that shows this.
    pub fn new(first: Identity) -> Arc<Self> {
        Arc::new(Self(RwLock::new(Some(first))))
    }

    /// One that shows nothing yet.
    pub fn empty() -> Arc<Self> {
        Arc::new(Self(RwLock::new(None)))
    }

    /// Shows another from now on.
    pub fn replace(&self, next: Identity) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Some(next);
    }

    /// What is shown now.
    pub fn now(&self) -> Option<Identity> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// A server's side of TLS that shows it, and speaks one of `protocols` (ALPN, RFC 7301) with
    /// clients that ask for any.
    ///
    /// A client that comes back shows a ticket, which only this process can read, so that nothing
    /// is kept for it here.
    pub fn config(self: &Arc<Self>, protocols: &[&[u8]]) -> ServerConfig {
        let builder = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let builder = builder.with_safe_default_protocol_versions();
        // invariant: the provider has suites for TLS 1.2 and 1.3.
        let builder = builder.expect("ring knows the versions of TLS");
        let mut config = builder.with_no_client_auth().with_cert_resolver(self.clone());
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        match Ticketer::new() {
            Ok(ticketer) => config.ticketer = ticketer,
            Err(error) => tracing::warn!(%error, "TLS sessions cannot be resumed"),
        }
        config
    }
}

impl ResolvesServerCert for Shown {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let shown = self.0.read().unwrap_or_else(PoisonError::into_inner);
        shown.as_ref().map(|identity| identity.key.clone())
    }
}
