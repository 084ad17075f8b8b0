//! Where a request comes from: the peer of its connection, or whom a trusted proxy names.
//!
//! `X-Forwarded-For` is believed only when the peer is a proxy that the operator named; anybody
//! else could write there what it likes. Called by `edge`, `pipeline` and `limits`.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;

use crate::config::values::Networks;

/// The other end of the connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer(pub IpAddr);

/// What counts as one place: an IPv4 address, or the first address of an IPv6 /64.
pub fn network(ip: IpAddr) -> IpAddr {
    match ip.to_canonical() {
        IpAddr::V4(v4) => IpAddr::V4(v4),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
    }
}

/// The proxies that the operator named.
#[derive(Debug, Default)]
pub struct TrustedProxies {
    networks: Networks,
    warned: AtomicBool,
}

impl TrustedProxies {
    /// Trusts these.
    pub const fn new(networks: Networks) -> Self {
        Self { networks, warned: AtomicBool::new(false) }
    }

    /// Whether this address is a trusted proxy.
    pub fn contains(&self, ip: IpAddr) -> bool {
        self.networks.contain(ip)
    }

    /// Where a request comes from: the last address that a trusted proxy has seen and that is no
    /// trusted proxy itself.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut client = peer.to_canonical();
        let mut lines = headers.get_all("x-forwarded-for").iter().rev().peekable();
        if !self.contains(client) {
            if lines.peek().is_some() {
                self.warn_once(client);
            }
            return client;
        }
        let hops = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.rsplit(','));
        for hop in hops {
            let Ok(ip) = hop.trim().parse::<IpAddr>() else { break };
            client = ip.to_canonical();
            if !self.contains(client) {
                break;
            }
        }
        client
    }

    fn warn_once(&self, peer: IpAddr) {
        if peer.is_loopback() && !self.warned.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "a proxy on this machine sends X-Forwarded-For but is not trusted, so all its \
                 people look like one; set TRUSTED_PROXIES={peer}"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    fn ip(text: &str) -> IpAddr {
        text.parse().expect("an address")
    }

    fn trusted(networks: &str) -> TrustedProxies {
        let config = Config::of(&[("TRUSTED_PROXIES", networks)]).expect("fine settings");
        TrustedProxies::new(config.trusted_proxies)
    }

    fn forwarded(lines: &[&'static str]) -> HeaderMap {
        let name = axum::http::HeaderName::from_static("x-forwarded-for");
        let line = |text: &&'static str| (name.clone(), axum::http::HeaderValue::from_static(text));
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_stranger_cannot_name_another_address() {
        let headers = forwarded(&["198.51.100.1"]);
        assert_eq!(trusted("").client(ip("203.0.113.5"), &headers), ip("203.0.113.5"));
    }

    #[test]
    fn behind_trusted_proxies_the_last_stranger_is_the_client() {
        let proxies = trusted("10.0.0.0/8");
        let client = |lines| proxies.client(ip("10.0.0.1"), &forwarded(lines));
        assert_eq!(client(&["198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(client(&["1.1.1.1, 198.51.100.1, 10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(client(&["1.1.1.1", "198.51.100.1", "10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(client(&["rubbish, 10.0.0.2"]), ip("10.0.0.2"));
        assert_eq!(client(&[]), ip("10.0.0.1"));
    }
}
