//! As others see the server: its public address, and the relay for calls.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use tokio::net::{UdpSocket, lookup_host};
use tokio::time::timeout;
use url::Url;

use super::web::{self, Fault, Wish};
use super::{Patient, WITHIN, doors, hosts};
use crate::app::relay;
use crate::config::values::{TlsMode, TurnMode};

/// How long a STUN server may take, and how often it is asked: UDP loses packets.
const STUN_WITHIN: Duration = Duration::from_secs(1);
const STUN_TRIES: usize = 3;

impl Patient<'_> {
    /// Whether the public address leads here, through all that is before the server.
    pub(super) async fn public_url(&mut self) {
        let Some(public) = self.config.public_url.clone() else { return };
        let Ok(url) = Url::parse(public.as_str()) else { return };
        let bare = public.host().trim_matches(['[', ']']).to_owned();
        let found = timeout(WITHIN, lookup_host((bare.as_str(), 0))).await;
        let addresses: Vec<IpAddr> = match found {
            Ok(Ok(found)) => found.map(|address| address.ip().to_canonical()).collect(),
            _ => Vec::new(),
        };
        if addresses.is_empty() {
            return self.bad(
                "public url",
                format!("{bare}, the host of PUBLIC_URL, leads nowhere."),
                "Give the name an address of this machine (an A or AAAA record), or correct it.",
            );
        }
        if self.is_running() {
            self.through(&url).await;
        } else {
            let addresses: Vec<String> = addresses.iter().map(IpAddr::to_string).collect();
            let here = hosts::all(&[]);
            let is_ours = addresses.iter().any(|address| here.contains(address));
            let (addresses, ours) =
                (addresses.join(", "), if is_ours { ", this machine" } else { "" });
            self.good(
                "public url",
                format!(
                    "{bare} leads to {addresses}{ours}. Start the server and run this beside it to \
                     see whether people reach it there."
                ),
            );
        }
    }

    /// Asks the server by its public address, as a browser does.
    async fn through(&mut self, url: &Url) {
        let own = self.config.data_dir.join("secrets/authority.pem");
        let own = (self.config.tls == TlsMode::Local).then_some(own.as_path());
        let Ok(ready) = url.join("/readyz") else { return };
        match web::ask(&ready, Wish::Page, own).await {
            Ok(answer) if answer.is_ours() => {
                self.good("public url", format!("{url} leads to this server."));
                self.sockets(url, own).await;
            }
            Ok(answer) if matches!(answer.status, 502..=504) => self.bad(
                "public url",
                format!("A proxy answers at {url} ({}), and does not reach us.", answer.status),
                "Have it lead to PORT of this server, on HOST.",
            ),
            Ok(answer) => self.bad(
                "public url",
                format!("Something else answers at {url}, with status {}.", answer.status),
                "Have the name, the router or the proxy lead to this server; correct PUBLIC_URL.",
            ),
            Err(Fault::Distrusted(why)) => self.warn(
                "public url",
                format!("No public authority vouches for the certificate at {url}: {why}."),
                "If devices know your own authority, all is well; else get one with TLS=auto.",
            ),
            // Many routers do not lead their own network back to itself.
            Err(why) => self.warn(
                "public url",
                format!("{url} cannot be reached from here: {}.", why.told()),
                "Open the port in the firewall and the router. If people outside do reach it, only \
                 the router's way back is missing, and all is well.",
            ),
        }
    }

    async fn sockets(&mut self, url: &Url, own: Option<&Path>) {
        let Ok(url) = url.join("/api/v1/ws") else { return };
        match web::ask(&url, Wish::WebSocket, own).await {
            Ok(answer) if answer.status == 101 => {
                self.good("public url", "WebSockets come through.");
            }
            _ => self.bad(
                "public url",
                "Pages come through, WebSockets do not: nobody hears of anything.",
                "Have the proxy pass on the headers Upgrade and Connection: docs/ops.md shows how.",
            ),
        }
    }

    /// The relay for calls, as far as that shows from here.
    pub(super) async fn relay(&mut self) {
        match self.config.turn {
            TurnMode::Off => {
                return self.warn(
                    "relay",
                    "There is no relay for calls, so they fail for people in many networks.",
                    "Set TURN=embedded and open its ports: docs/calls.md lists them.",
                );
            }
            TurnMode::External => self.external().await,
            TurnMode::Embedded => self.embedded().await,
        }
        let page = match &self.config.public_url {
            Some(url) => format!("{url}/call-test"),
            None => return,
        };
        self.good(
            "relay",
            format!(
                "Only somebody elsewhere can see whether its ports are open: have a friend open \
                 {page} on a phone without Wi-Fi."
            ),
        );
    }

    async fn embedded(&mut self) {
        let look = relay::look(self.config).await;
        for fault in &look.faults {
            self.words(super::Verdict::Bad, "relay", fault);
        }
        let port = self.config.turn_ports().0;
        if !self.is_running() || port == 0 {
            return;
        }
        let Some(host) = look.listen.first().copied().map(doors::near) else { return };
        let at = SocketAddr::new(host, port);
        if answers(at).await {
            self.good("relay", format!("It answers at {at}."));
        } else {
            self.bad(
                "relay",
                format!("It does not answer at {at} over UDP."),
                "Start the server again, and look whether a firewall of this machine drops UDP.",
            );
        }
    }

    async fn external(&mut self) {
        for url in self.config.turn_external_urls.0.clone() {
            let Some(address) = address_of(&url) else { continue };
            let found = timeout(WITHIN, lookup_host(&address)).await;
            let first = found.ok().and_then(Result::ok).and_then(|mut found| found.next());
            match first {
                Some(at) if answers(at).await => self.good("relay", format!("{url} answers.")),
                _ => self.bad(
                    "relay",
                    format!("{url} does not answer over UDP."),
                    "Start that server, or correct TURN_EXTERNAL_URLS.",
                ),
            }
        }
    }
}

/// Where a STUN or TURN server over UDP is; `None` for those over TCP and TLS.
fn address_of(url: &str) -> Option<String> {
    let (scheme, rest) = url.split_once(':')?;
    let (address, query) = rest.split_once('?').unwrap_or((rest, ""));
    let udp = matches!(scheme, "stun" | "turn") && !query.contains("tcp");
    let has_port = address.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    udp.then(|| if has_port { address.to_owned() } else { format!("{address}:3478") })
}

/// Whether a STUN server is there (RFC 8489): it answers a binding request.
async fn answers(at: SocketAddr) -> bool {
    const HEAD: [u8; 8] = [0x00, 0x01, 0x00, 0x00, 0x21, 0x12, 0xa4, 0x42];
    let any: IpAddr = if at.is_ipv4() { [0; 4].into() } else { [0_u16; 8].into() };
    let Ok(socket) = UdpSocket::bind((any, 0)).await else { return false };
    if socket.connect(at).await.is_err() {
        return false;
    }
    let mut request = [0; 20];
    request[..8].copy_from_slice(&HEAD);
    // What an answer belongs to; nobody gains by guessing it.
    request[8..16].copy_from_slice(&u64::from(std::process::id()).to_be_bytes());
    for _ in 0..STUN_TRIES {
        let mut answer = [0; 512];
        let asked = async {
            socket.send(&request).await?;
            socket.recv(&mut answer).await
        };
        if let Ok(Ok(20..)) = timeout(STUN_WITHIN, asked).await {
            return answer[..2] == [0x01, 0x01] && answer[4..20] == request[4..20];
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_servers_over_udp_are_asked() {
        for (url, address) in [
            ("stun:a.example", Some("a.example:3478")),
            ("turn:a.example:99?transport=udp", Some("a.example:99")),
            ("turn:[::1]:99", Some("[::1]:99")),
            ("turn:a.example:99?transport=tcp", None),
            ("turns:a.example:443?transport=tcp", None),
        ] {
            assert_eq!(address_of(url).as_deref(), address, "{url}");
        }
    }
}
