//! HTTPS for a server under test: a certificate of its own in files that the server reads, and
//! clients that believe it. Called by `server`.

use std::fs;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use rcgen::{CertificateParams, KeyPair};

use crate::client::error::{Error, Result};
use crate::client::stream::Trust;

/// The name that the certificates are for.
pub const NAME: &str = "chat.example.org";

/// Where a server speaks HTTPS, and with what.
#[derive(Debug, Clone)]
pub struct Secure {
    /// Where it listens for HTTPS.
    pub addr: SocketAddr,
    /// The file of the certificate.
    pub certificate: PathBuf,
    /// The file of its key.
    pub key: PathBuf,
    /// What its clients believe: the certificate that was made first.
    pub trust: Trust,
}

impl Secure {
    /// Makes a certificate and its key in `folder`.
    pub(crate) fn new(folder: &Path, addr: SocketAddr) -> Result<Self> {
        let (certificate, key) = (folder.join("tls.crt"), folder.join("tls.key"));
        let trust = made(&certificate, &key)?;
        Ok(Self { addr, certificate, key, trust })
    }

    /// Replaces the certificate and its key by new ones, which are to be believed from then on.
    pub fn renew(&self) -> Result<Trust> {
        made(&self.certificate, &self.key)
    }

    /// The settings that a server needs for it.
    pub(crate) fn settings(&self) -> [(String, String); 4] {
        let pair = |key: &str, value: String| (key.to_owned(), value);
        [
            pair("TLS", "files".to_owned()),
            pair("PORT_TLS", self.addr.port().to_string()),
            pair("TLS_CERT", self.certificate.display().to_string()),
            pair("TLS_KEY", self.key.display().to_string()),
        ]
    }
}

fn made(certificate: &Path, key: &Path) -> Result<Trust> {
    let failed = |error: rcgen::Error| Error::from(io::Error::other(error));
    let pair = KeyPair::generate().map_err(failed)?;
    let params = CertificateParams::new([NAME.to_owned(), "localhost".to_owned()]);
    let made = params.and_then(|params| params.self_signed(&pair)).map_err(failed)?;
    fs::write(certificate, made.pem())?;
    fs::write(key, pair.serialize_pem())?;
    Trust::new(NAME, made.pem().as_bytes())
}
