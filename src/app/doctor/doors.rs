//! Where people come in: the ports and the certificates.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::time::timeout;
use url::Url;

use super::{Patient, Verdict, WITHIN, web};
use crate::app::listen::{self, Port};
use crate::app::relay;
use crate::config::Config;
use crate::config::values::{TlsMode, TurnMode};
use crate::edge::tls::acme::{self, Wanted};
use crate::edge::tls::files::{Files, Named};
use crate::edge::tls::identity::Identity;

/// So long before its end whatever renews a certificate should have done so.
const AHEAD: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const DAY_S: u64 = 24 * 60 * 60;

impl Patient<'_> {
    /// Whether they can be had or, beside a server, whether it answers there.
    pub(super) async fn ports(&mut self) {
        if self.is_running() {
            self.answers().await;
        } else {
            self.free();
            self.free_for_relay().await;
        }
    }

    fn free(&mut self) {
        let config = self.config;
        let tls = config.tls_port().map(|number| Port { number, setting: "PORT_TLS" });
        for port in [Some(Port { number: config.port, setting: "PORT" }), tls].into_iter().flatten()
        {
            let Port { number, setting } = port;
            match listen::on(config.host, port) {
                Ok(_) => self.good("ports", format!("{setting} {number} is free.")),
                Err(error) => self.words(Verdict::Bad, "ports", &error.to_string()),
            }
        }
    }

    async fn free_for_relay(&mut self) {
        if self.config.turn != TurnMode::Embedded {
            return;
        }
        let (port, tls_port) = self.config.turn_ports();
        let hosts = relay::look(self.config).await.listen;
        let mut refused = false;
        for (port, tls) in [(port, false), (tls_port, true)] {
            for host in &hosts {
                if let Err(error) = bind(SocketAddr::new(*host, port), tls).await {
                    let text = relay::told(&error).to_string();
                    self.words(Verdict::Bad, "ports", &text);
                    refused = true;
                    break;
                }
            }
        }
        if !refused {
            self.good("ports", format!("Those of the relay, {port} and {tls_port}, are free."));
        }
    }

    /// Beside a server.
    async fn answers(&mut self) {
        let (host, port) = (near(self.config.host), self.config.port);
        let process = self.process.clone().unwrap_or_default();
        if port == 0 {
            return self.good("ports", "The server chose its port itself; its log says which.");
        }
        let (address, asked) = readiness(self.config).await;
        match asked {
            Ok(answer) if answer.is_ours() => {
                self.good("ports", format!("The server answers at {address} and can serve."));
            }
            Ok(answer) if answer.status == 503 => self.bad(
                "ports",
                format!("The server answers at {address}, and cannot read and write its store."),
                "Its log says why; look at the disk or the database.",
            ),
            Ok(_) => self.bad(
                "ports",
                format!("Another program answers at {address}."),
                "Stop that one, or choose another PORT.",
            ),
            Err(why) => self.bad(
                "ports",
                format!(
                    "A server{process} works on these data, and none answers at {address}: {}.",
                    why.told()
                ),
                "Run this with the settings of that server: in its folder, with its flags.",
            ),
        }
        if let Some(port) = self.config.tls_port().filter(|port| *port != 0) {
            self.connects(SocketAddr::new(host, port)).await;
        }
    }

    async fn connects(&mut self, address: SocketAddr) {
        match timeout(WITHIN, TcpStream::connect(address)).await {
            Ok(Ok(_)) => self.good("ports", format!("HTTPS is at {address}.")),
            _ => self.bad(
                "ports",
                format!("Nothing answers at {address}, where HTTPS should be."),
                "Start the server again with the settings as they are now.",
            ),
        }
    }

    /// Those for HTTPS and for the relay.
    pub(super) fn certificates(&mut self) {
        let config = self.config;
        let url = config.public_url.as_ref();
        let name = url.map(|url| url.host().trim_end_matches('.').to_owned());
        let relay = config.turn_name.clone().or_else(|| name.clone());
        match config.tls {
            TlsMode::Off => self.without_https(),
            TlsMode::Local => self.good("certificate", "The server is its own authority."),
            TlsMode::Auto => self.kept(name.unwrap_or_default()),
            TlsMode::Files => {
                let files = (&config.tls_cert, &config.tls_key);
                self.in_files(["TLS_CERT", "TLS_KEY"], files, name.as_deref());
            }
        }
        let files = (&config.turn_tls_cert, &config.turn_tls_key);
        self.in_files(["TURN_TLS_CERT", "TURN_TLS_KEY"], files, relay.as_deref());
    }

    fn without_https(&mut self) {
        let url = self.config.public_url.as_ref();
        if url.is_some_and(|url| !url.is_https() && !url.is_this_machine()) {
            self.warn(
                "certificate",
                "People come without HTTPS, so browsers refuse microphone, camera and the \
                 installable app.",
                "Set TLS=auto with a name of the Internet, TLS=local on a network without one, or \
                 let a proxy speak HTTPS and write PUBLIC_URL with https.",
            );
        }
    }

    fn kept(&mut self, name: String) {
        let directory = self.config.acme_directory.clone();
        let wanted = Wanted { name: name.clone(), directory, port: 443 };
        match acme::kept(&self.config.data_dir, &wanted) {
            Ok(Some(identity)) => self.certificate("The certificate", &identity, Some(&name)),
            Ok(None) => self.good(
                "certificate",
                format!("There is none for {name} yet: the server asks for one when it starts."),
            ),
            Err(why) => self.bad("certificate", why, "Remove that file: the server gets another."),
        }
    }

    fn in_files(
        &mut self,
        settings: [&'static str; 2],
        files: (&Option<PathBuf>, &Option<PathBuf>),
        host: Option<&str>,
    ) {
        let (Some(certificate), Some(key)) = files else { return };
        let named = |setting, path: &PathBuf| Named { setting, path: path.clone() };
        let files =
            Files { certificate: named(settings[0], certificate), key: named(settings[1], key) };
        match files.read() {
            Ok(identity) => self.certificate(settings[0], &identity, host),
            Err(why) => self.words(Verdict::Bad, "certificate", &why),
        }
    }

    fn certificate(&mut self, called: &str, identity: &Identity, host: Option<&str>) {
        let (from, until) = (identity.validity().from, identity.validity().until);
        let days = until.since(self.now).as_secs() / DAY_S;
        let ahead = AHEAD.min(until.since(from) / 3);
        let renew = "Renew it; the server takes the new one by itself.";
        let about = "certificate";
        if self.now < from {
            let told = format!("{called} is not valid before {from}.");
            self.bad(about, told, "Set the clock of this machine right, or get another one.");
        } else if self.now > until {
            self.bad(about, format!("{called} ended at {until}."), renew);
        } else if until.since(self.now) < ahead {
            self.warn(about, format!("{called} ends in {days} days, at {until}."), renew);
        }
        match host.filter(|host| !identity.is_for(host)) {
            Some(host) => self.bad(
                about,
                format!("{called} is not for {host}, under which others look for this server."),
                format!("Get one that names {host}."),
            ),
            None if self.now >= from && self.now <= until => {
                self.good(about, format!("{called} is valid until {until}."));
            }
            None => {}
        }
    }
}

/// What a server with these settings says on this machine when asked whether it can serve, and
/// where it was asked: on the port in the clear, which answers this whatever TLS is.
pub(super) async fn readiness(config: &Config) -> (SocketAddr, Result<web::Answer, web::Fault>) {
    let address = SocketAddr::new(near(config.host), config.port);
    let asked = match Url::parse(&format!("http://{address}/readyz")) {
        Ok(url) => web::ask(&url, web::Wish::Page, None).await,
        Err(error) => Err(web::Fault::Unreachable(error.to_string())),
    };
    (address, asked)
}

/// Where a server on this machine that listens on `host` is found.
pub(super) fn near(host: IpAddr) -> IpAddr {
    if host.is_unspecified() { Ipv4Addr::LOCALHOST.into() } else { host }
}

/// Takes a port as the relay would, and lets go of it.
async fn bind(address: SocketAddr, tls: bool) -> Result<(), crate::rtc::BindError> {
    let told = |cause| crate::rtc::BindError { tls, address, cause };
    TcpListener::bind(address).await.map_err(told)?;
    if !tls {
        UdpSocket::bind(address).await.map_err(told)?;
    }
    Ok(())
}
