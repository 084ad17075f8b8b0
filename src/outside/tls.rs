//! Whom this server trusts when it connects to another: the public authorities, and those of the
//! operator's own where a setting names their file. Called by `app`, `objects/s3` and
//! `edge/tls/acme`.

use std::error::Error;
use std::path::Path;

use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// The TLS of a client that trusts the public authorities, and those in a PEM file. The error says
/// what is wrong with the file.
pub fn trusting(ca: Option<&Path>) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
    if let Some(path) = ca {
        add(&mut roots, path)?;
    }
    Ok(client(roots))
}

/// The TLS of a client that trusts those in a PEM file, and nobody else.
pub fn trusting_only(ca: &Path) -> Result<ClientConfig, String> {
    let mut roots = RootCertStore::empty();
    add(&mut roots, ca)?;
    Ok(client(roots))
}

fn client(roots: RootCertStore) -> ClientConfig {
    // invariant: ring speaks the versions that rustls offers.
    let config = ClientConfig::builder_with_provider(ring::default_provider().into())
        .with_safe_default_protocol_versions()
        .expect("ring speaks TLS 1.2 and 1.3");
    config.with_root_certificates(roots).with_no_client_auth()
}

fn add(roots: &mut RootCertStore, path: &Path) -> Result<(), String> {
    read(roots, path)
        .map_err(|why| format!("{}: {why}. Write the path of a PEM file.", path.display()))
}

fn read(roots: &mut RootCertStore, path: &Path) -> Result<(), Box<dyn Error>> {
    let mut found = false;
    for certificate in CertificateDer::pem_file_iter(path)? {
        roots.add(certificate?)?;
        found = true;
    }
    if found { Ok(()) } else { Err("there is no certificate in it".into()) }
}
