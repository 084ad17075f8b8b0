//! Handshakes: they take turns, so that a rush of them does not hold up what else the server does.
//!
//! What costs is the answer to the client's first message: a key exchange and a signature, a good
//! part of a millisecond in which a thread does nothing else. Only some of the threads are ever in
//! a handshake's step; waiting for the other side costs nothing, takes no turn, and is bounded in
//! time and number by `accept`, which calls this.

use std::io;
use std::sync::Arc;
use std::thread::available_parallelism;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::Semaphore;
use tokio_rustls::rustls::ServerConfig;

use super::challenges::PROTOCOL;
use super::records::{Records, Standing};
use super::secured::{Secured, invalid};

/// Makes connections secure.
pub struct Handshakes {
    config: Arc<ServerConfig>,
    turns: Semaphore,
}

impl Handshakes {
    /// With this side of TLS, on half of the machine's threads.
    pub fn new(config: ServerConfig) -> Self {
        let threads = available_parallelism().map_or(2, usize::from);
        let turns = Semaphore::new((threads / 2).max(1));
        Self { config: Arc::new(config), turns }
    }

    /// One handshake; `None` if that was all that the other side wanted. Waits for it as long as
    /// that takes.
    pub(in crate::edge) async fn shake<S>(&self, mut stream: S) -> io::Result<Option<Secured<S>>>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let mut records = Records::new(self.config.clone()).map_err(invalid)?;
        let mut standing = Ok(Standing::Shaking);
        while standing == Ok(Standing::Shaking) {
            if stream.read_buf(records.room().map_err(invalid)?).await? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            let turn = self.turns.acquire().await;
            standing = records.advance();
            drop(turn);
            // Also after an error: it tells the other side.
            stream.write_all_buf(&mut records.outgoing).await?;
        }
        let is_check = records.protocol() == Some(PROTOCOL);
        let mut secured = Secured::new(stream, records, standing.map_err(invalid)?);
        if is_check {
            secured.shutdown().await?;
            return Ok(None);
        }
        Ok(Some(secured))
    }
}

#[cfg(test)]
pub(in crate::edge) mod tests {
    use std::time::Duration;

    use rustls_pki_types::pem::PemObject;
    use rustls_pki_types::{CertificateDer, ServerName};
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};
    use tokio::time::timeout;
    use tokio_rustls::TlsConnector;
    use tokio_rustls::rustls::crypto::ring;
    use tokio_rustls::rustls::{ClientConfig, ClientConnection, RootCertStore};

    use super::super::challenges::Challenges;
    use super::super::identity::Identity;
    use super::super::identity::tests::made;
    use super::super::shown::Shown;
    use super::*;

    /// A client that believes this certificate (PEM).
    pub(in crate::edge) fn believer(certificate: &str) -> TlsConnector {
        let mut roots = RootCertStore::empty();
        let own = CertificateDer::from_pem_slice(certificate.as_bytes()).expect("one");
        roots.add(own).expect("one");
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .expect("versions")
            .with_root_certificates(roots)
            .with_no_client_auth();
        Arc::new(config).into()
    }

    fn handshakes() -> (Arc<Handshakes>, Arc<Shown>, TlsConnector) {
        let (certificate, key) = made(&["a.example.org"]);
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("both");
        let shown = Shown::new(identity);
        let handshakes = Arc::new(Handshakes::new(shown.config(&[])));
        (handshakes, shown, believer(&certificate))
    }

    async fn greets(handshakes: &Arc<Handshakes>, client: &TlsConnector) -> io::Result<()> {
        let (near, far) = duplex(16 * 1024);
        let name = ServerName::try_from("a.example.org").expect("a name");
        let server = async {
            let mut stream = handshakes.shake(far).await?.expect("more than a check");
            stream.write_all(b"hola").await?;
            stream.shutdown().await
        };
        let client = async {
            let mut stream = client.connect(name, near).await?;
            let mut heard = String::new();
            stream.read_to_string(&mut heard).await?;
            assert_eq!(heard, "hola");
            Ok(())
        };
        let (served, heard) = tokio::join!(server, client);
        served.and(heard)
    }

    #[tokio::test]
    async fn a_handshake_shows_what_is_shown_now() {
        let (handshakes, shown, old) = handshakes();
        greets(&handshakes, &old).await.expect("the certificate that it trusts");
        let (certificate, key) = made(&["a.example.org"]);
        shown.replace(Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("both"));
        greets(&handshakes, &believer(&certificate)).await.expect("the new one");
    }

    /// The first message of a client.
    fn hello(client: &TlsConnector) -> Vec<u8> {
        let name = ServerName::try_from("a.example.org").expect("a name");
        let client = ClientConnection::new(client.config().clone(), name);
        let mut bytes = Vec::new();
        client.expect("a client").write_tls(&mut bytes).expect("room");
        bytes
    }

    /// However many have begun and go no further, the next one is served: they hold no turn.
    #[tokio::test]
    async fn those_who_stop_half_way_hold_nobody_up() {
        let (handshakes, _shown, trusts) = handshakes();
        let hello = hello(&trusts);
        let mut stopped: Vec<DuplexStream> = Vec::new();
        for begun in [&b""[..], b"\x16", &hello[..hello.len() / 2], &hello] {
            for _ in 0..50 {
                // The answer to a whole first message does not fit.
                let (mut near, far) = duplex(hello.len());
                near.write_all(begun).await.expect("room");
                stopped.push(near);
                let handshakes = handshakes.clone();
                tokio::spawn(async move { handshakes.shake(far).await.map(drop) });
            }
        }
        tokio::task::yield_now().await;
        let greeted = timeout(Duration::from_secs(60), greets(&handshakes, &trusts)).await;
        greeted.expect("not held up").expect("served");
        assert_eq!(stopped.len(), 200);
    }

    /// Nothing but what answers a check is made with who asks for that alone.
    #[tokio::test]
    async fn only_who_asks_for_a_check_alone_is_answered_by_it() {
        let (certificate, key) = made(&["a.example.org"]);
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("both");
        let challenges = Arc::new(Challenges::default());
        let config = challenges.beside(Shown::new(identity).config(&[b"http/1.1"]));
        let handshakes = Arc::new(Handshakes::new(config));
        let asks = async |protocols: &[&[u8]]| {
            let mut config = ClientConfig::clone(believer(&certificate).config());
            config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
            let (near, far) = duplex(16 * 1024);
            let name = ServerName::try_from("a.example.org").expect("a name");
            let client = TlsConnector::from(Arc::new(config)).connect(name, near);
            let (served, client) = tokio::join!(handshakes.shake(far), client);
            (served.map(|stream| stream.is_some()).ok(), client.err().map(|why| why.to_string()))
        };
        assert_eq!(asks(&[PROTOCOL]).await.0, None, "there is nothing to check yet");
        challenges.show("a.example.org", &[7; 32]).expect("shown");
        let (_, why) = asks(&[PROTOCOL]).await;
        // It holds what only an authority understands.
        assert!(why.is_some_and(|why| why.contains("UnsupportedCriticalExtension")));
        assert_eq!(asks(&[b"http/1.1", PROTOCOL]).await, (Some(true), None));
        assert_eq!(asks(&[b"http/1.1"]).await, (Some(true), None));
    }
}
