//! HTTPS: where it listens and with which certificate, as the settings say. Called by `app` as it
//! starts; the relay is shown the certificate too.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;

use super::StartError;
use super::hosts;
use super::listen::{self, Port};
use crate::clock::Clock;
use crate::config::values::TlsMode;
use crate::config::{Config, DataDir};
use crate::edge::accept::Entrance;
use crate::edge::tls::acme::{Renewal, Wanted};
use crate::edge::tls::challenges::Challenges;
use crate::edge::tls::files::{Files, Named};
use crate::edge::tls::handshake::Handshakes;
use crate::edge::tls::local::{Authority, Follower};
use crate::edge::tls::shown::Shown;
use crate::http::install::Install;

/// How often the files of a certificate are looked at.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// What is spoken inside TLS, in the order in which we like it (RFC 7301).
const PROTOCOLS: [&[u8]; 2] = [b"h2", b"http/1.1"];

/// HTTPS that listens.
pub(super) struct Https {
    listener: TcpListener,
    /// What it shows.
    pub certificate: Arc<Shown>,
    /// What gets it, with the answers for the authority.
    renewal: Option<(Renewal, Arc<Challenges>)>,
    /// The name that it is, or will be, for.
    name: Option<String>,
    /// The certificate of the server's own authority, for devices to install (DER).
    authority: Option<Vec<u8>>,
}

/// Listens for HTTPS, if the settings want that; what is kept for it is in `data`.
pub(super) fn open(
    config: &Config,
    data: &DataDir,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Https>, StartError> {
    let Some(port) = config.tls_port() else { return Ok(None) };
    let listener = listen::on(config.host, Port { number: port, setting: "PORT_TLS" })?;
    // The dot with which the name of a host may end (RFC 1034) is not in certificates.
    let name = config.public_url.as_ref().map(|url| url.host().trim_end_matches('.').to_owned());
    let mut authority = None;
    let (certificate, renewal) = match config.tls {
        TlsMode::Off => return Ok(None),
        TlsMode::Files => {
            let files = (config.tls_cert.clone(), config.tls_key.clone());
            (follow(["TLS_CERT", "TLS_KEY"], files, name.clone(), clock)?, None)
        }
        TlsMode::Auto => {
            let name = name.clone().unwrap_or_default();
            let wanted = Wanted { name, directory: config.acme_directory.clone(), port };
            let (shown, challenges, renewal) = Renewal::open(wanted, data.path(), clock.clone())?;
            (Some(shown), Some((renewal, challenges)))
        }
        TlsMode::Local => {
            let (shown, own) = issue(data, name.clone(), clock)?;
            authority = Some(own);
            (Some(shown), None)
        }
    };
    Ok(certificate.map(|certificate| Https { listener, certificate, renewal, name, authority }))
}

/// Shows a certificate by the server's own authority for what this machine is called, and follows
/// that; the authority's own certificate comes with it.
fn issue(
    data: &DataDir,
    name: Option<String>,
    clock: &Arc<dyn Clock>,
) -> Result<(Arc<Shown>, Vec<u8>), StartError> {
    let authority = Authority::open(&data.path().join("secrets"), &**clock)?;
    let own = authority.certificate().to_vec();
    let named: Vec<String> = name.into_iter().collect();
    let hosts = Box::new(move || hosts::all(&named));
    let (shown, follower) = Follower::open(authority, hosts, clock.clone())?;
    tokio::spawn(follower.follow());
    Ok((shown, own))
}

/// Shows the certificate in a pair of files, and follows them as long as anybody shows it; nothing
/// if they are not set. `host` is under what others look for the server.
pub(super) fn follow(
    settings: [&'static str; 2],
    files: (Option<PathBuf>, Option<PathBuf>),
    host: Option<String>,
    clock: &Arc<dyn Clock>,
) -> Result<Option<Arc<Shown>>, StartError> {
    let (Some(certificate), Some(key)) = files else { return Ok(None) };
    let files = Files {
        certificate: Named { setting: settings[0], path: certificate },
        key: Named { setting: settings[1], path: key },
    };
    let (shown, followed) = files.open(host, clock.clone())?;
    tokio::spawn(followed.follow(LOOK_EVERY));
    Ok(Some(shown))
}

impl Https {
    /// The port that was taken.
    pub(super) fn port(&self) -> Result<u16, StartError> {
        Ok(self.listener.local_addr().map_err(|error| error.to_string())?.port())
    }

    /// What devices install to believe it, if that is needed; `clear` is the port without TLS.
    pub(super) fn install(&self, clear: u16) -> Option<Install> {
        let certificate = self.authority.clone()?;
        let install = Install { certificate, port: clear, address: Box::new(hosts::on_lan) };
        tracing::info!(
            at = install.url(hosts::on_lan()),
            "each device installs the certificate of this server's authority once"
        );
        Some(install)
    }

    /// Whether its certificate is for a host, or will be when there is one.
    pub(super) fn is_for(&self, host: &str) -> bool {
        match self.certificate.now() {
            Some(now) => now.is_for(host),
            None => self.name.as_deref() == Some(host),
        }
    }

    /// Where connections come in; what renews the certificate begins.
    pub(super) fn into_entrance(self) -> Entrance {
        let mut config = self.certificate.config(&PROTOCOLS);
        if let Some((renewal, challenges)) = self.renewal {
            config = challenges.beside(config);
            tokio::spawn(renewal.run());
        }
        Entrance { listener: self.listener, tls: Some(Handshakes::new(config)) }
    }
}
