//! What the protocol is spoken over: TCP, with TLS or without. Called by `http` and `wire`.

use std::fmt;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::client::Resumption;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};
pub use tokio_util::either::Either;

use super::error::{Error, Result};

/// Whom a client takes for the server: who shows a certificate for this name, and holds its key.
#[derive(Clone)]
pub struct Trust {
    config: Arc<ClientConfig>,
    name: ServerName<'static>,
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Trust({:?})", self.name)
    }
}

impl Trust {
    /// The holder of a certificate for `name` that this one signed, or of this one (PEM).
    pub fn new(name: &str, certificate: &[u8]) -> Result<Self> {
        let unfit = |error: &dyn fmt::Display| Error::protocol(format!("certificate: {error}"));
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(certificate).map_err(|error| unfit(&error))?;
        roots.add(own).map_err(|error| unfit(&error))?;
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .map_err(|error| unfit(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        // A session that is resumed shows no certificate, and each is to be looked at.
        config.resumption = Resumption::disabled();
        let name = ServerName::try_from(name.to_owned()).map_err(|error| unfit(&error))?;
        Ok(Self { config: Arc::new(config), name })
    }

    /// The same, asking for one of these protocols (ALPN), for example `h2`.
    #[must_use]
    pub fn speaking(self, protocols: &[&str]) -> Self {
        let mut config = (*self.config).clone();
        config.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
        Self { config: Arc::new(config), ..self }
    }

    /// Makes a connection secure.
    pub async fn secure(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        TlsConnector::from(self.config.clone()).connect(self.name.clone(), stream).await
    }
}

/// A connection to the server: in the clear, or under TLS.
pub type Stream = Either<TcpStream, Box<TlsStream<TcpStream>>>;

/// A TCP connection without delay, from the local address `from` and with a receive buffer of so
/// many bytes if they are given; under TLS with whom is to be trusted.
pub async fn open(
    addr: SocketAddr,
    from: Option<IpAddr>,
    receive_buffer: Option<u32>,
    trust: Option<&Trust>,
) -> Result<Stream> {
    let stream = connect(addr, from, receive_buffer).await?;
    Ok(match trust {
        None => Either::Left(stream),
        Some(trust) => Either::Right(Box::new(trust.secure(stream).await?)),
    })
}

async fn connect(
    addr: SocketAddr,
    from: Option<IpAddr>,
    receive_buffer: Option<u32>,
) -> Result<TcpStream> {
    let socket = if addr.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if let Some(from) = from {
        socket.bind(SocketAddr::new(from, 0))?;
    }
    if let Some(bytes) = receive_buffer {
        socket.set_recv_buffer_size(bytes)?;
    }
    let stream = socket.connect(addr).await?;
    stream.set_nodelay(true)?;
    Ok(stream)
}
