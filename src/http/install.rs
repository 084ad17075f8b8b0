//! `/install`: where a device gets the certificate of this server's own authority (`TLS=local`), by
//! which it believes the server from then on.
//!
//! It comes in the clear, as the device believes nobody here yet: who could change it on its way
//! could do so as well with any page of a network without names. So the page says whom to ask for
//! the fingerprint, and the authority itself can vouch for private networks alone. Called by
//! `router`.

use std::net::IpAddr;
use std::sync::Arc;

use axum::extract::State;
use axum::http::HeaderValue;
use axum::http::header::{self, HeaderName};
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use qrcode::QrCode;
use qrcode::render::svg;
use sha2::{Digest, Sha256};

use super::Http;
use super::claims::host;
use super::docs::{javascript, page};
use super::kind::Routes;
use super::secure::{INSTALL, is_secure};
use crate::config::values::names_this_machine;
use crate::error::{Error, Result};

const PAGE: &str = include_str!("install.html");
const SCRIPT: &str = concat!(include_str!("words.js"), include_str!("install.js"));

/// What a device installs, and where it finds that.
pub struct Install {
    /// The certificate of the server's own authority (DER).
    pub certificate: Vec<u8>,
    /// The port without TLS.
    pub port: u16,
    /// An address of this machine on its network.
    pub address: Box<dyn Fn() -> Option<IpAddr> + Send + Sync>,
}

impl Install {
    /// The page, for devices of the network.
    pub fn url(&self, address: Option<IpAddr>) -> String {
        let host = match address {
            Some(IpAddr::V6(ip)) => format!("[{ip}]"),
            Some(IpAddr::V4(ip)) => ip.to_string(),
            None => "localhost".to_owned(),
        };
        format!("http://{host}:{}{INSTALL}", self.port)
    }

    /// What devices show of the certificate, for people to compare.
    fn fingerprint(&self) -> String {
        let bytes = Sha256::digest(&self.certificate);
        bytes.iter().map(|byte| format!("{byte:02X}")).collect::<Vec<_>>().join(" ")
    }
}

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .route(INSTALL, get(show))
        .route("/install.js", get(|| async { javascript(SCRIPT, "no-cache") }))
        .route("/install.svg", get(draw))
        .route("/install.crt", get(hand_over))
        .in_the_clear()
}

fn of(http: &Http) -> Result<&Install> {
    http.install.as_ref().ok_or_else(|| Error::internal("nothing to install"))
}

async fn show(State(http): State<Arc<Http>>, parts: Parts) -> Result<Response> {
    let pages = http.https.pages(&parts).unwrap_or_default();
    let escaped = pages.replace('&', "&amp;").replace('"', "&quot;").replace('<', "&lt;");
    let fingerprint = of(&http)?.fingerprint();
    Ok(page(PAGE.replace("{pages}", &escaped).replace("{fingerprint}", &fingerprint)))
}

/// The address of the page as a QR code: the one that was asked for, unless it is this machine's
/// own name for itself or leads to HTTPS.
async fn draw(State(http): State<Arc<Http>>, parts: Parts) -> Result<Response> {
    let install = of(&http)?;
    let asked = host(&parts.headers, &parts.uri).filter(|asked| !names_this_machine(asked.host()));
    let url = match asked {
        Some(asked) if is_secure(&parts) => {
            format!("http://{}:{}{INSTALL}", asked.host(), install.port)
        }
        Some(asked) => format!("http://{asked}{INSTALL}"),
        None => install.url((install.address)()),
    };
    let code = QrCode::new(url).map_err(|error| Error::internal(error.to_string()))?;
    let drawn = code.render::<svg::Color<'_>>().min_dimensions(240, 240).build();
    let kind = HeaderValue::from_static("image/svg+xml");
    Ok(([(header::CONTENT_TYPE, kind)], drawn).into_response())
}

async fn hand_over(State(http): State<Arc<Http>>) -> Result<Response> {
    let headers: [(HeaderName, HeaderValue); 2] = [
        (header::CONTENT_TYPE, HeaderValue::from_static("application/x-x509-ca-cert")),
        (
            header::CONTENT_DISPOSITION,
            HeaderValue::from_static("attachment; filename=\"chat-server.crt\""),
        ),
    ];
    Ok((headers, of(&http)?.certificate.clone()).into_response())
}
