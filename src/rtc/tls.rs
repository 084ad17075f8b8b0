//! The certificate for TURN over TLS: one that the server shows, or one that we make.
//!
//! One that we make is for development and for clients that are told to trust it: browsers do not.
//! Called by `app`.

use std::sync::Arc;

use rustls_pki_types::PrivateKeyDer;
use tokio_rustls::TlsAcceptor;

use crate::edge::tls::identity::Identity;
use crate::edge::tls::shown::Shown;

/// Shows what is shown, as of each handshake.
pub fn shows(certificate: &Arc<Shown>) -> TlsAcceptor {
    TlsAcceptor::from(Arc::new(certificate.config(&[])))
}

/// A certificate of our own making for these names and addresses.
pub fn self_made(names: Vec<String>) -> Result<TlsAcceptor, String> {
    let made = rcgen::generate_simple_self_signed(names).map_err(|error| error.to_string())?;
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der())?;
    let identity = Identity::new(vec![made.cert.der().clone()], key);
    // invariant: a fresh certificate belongs to its key.
    let identity = identity.map_err(|unfit| format!("{unfit:?}"))?;
    Ok(shows(&Shown::new(identity)))
}
