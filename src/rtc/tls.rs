//! The certificate for TURN over TLS: the operator's, or one that we make.
//!
//! One that we make is for development and for clients that are told to trust it: browsers do not.

use std::path::Path;
use std::sync::Arc;

use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

/// Reads the operator's certificate chain and key. An error names the setting and the cure.
pub fn from_files(certificate: &Path, key: &Path) -> Result<TlsAcceptor, String> {
    let unreadable = |setting: &str, path: &Path, why: &dyn std::fmt::Display| {
        format!(
            "{setting} {}: {why}. Write the path of a PEM file that this user may read.",
            path.display()
        )
    };
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect)
        .map_err(|error| unreadable("TURN_TLS_CERT", certificate, &error))?;
    let key_der = PrivateKeyDer::from_pem_file(key)
        .map_err(|error| unreadable("TURN_TLS_KEY", key, &error))?;
    acceptor(chain, key_der)
        .map_err(|error| format!("TURN_TLS_CERT and TURN_TLS_KEY do not fit each other: {error}."))
}

/// A certificate of our own making for these names and addresses.
pub fn self_made(names: Vec<String>) -> Result<TlsAcceptor, String> {
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    acceptor(vec![made.cert.der().clone()], key).map_err(|error| error.to_string())
}

fn acceptor(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<TlsAcceptor, tokio_rustls::rustls::Error> {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    Ok(TlsAcceptor::from(Arc::new(config)))
}
