//! Where a request comes from: the peer of its connection, or the address that a trusted proxy
//! names.
//!
//! `X-Forwarded-For` is believed only when the peer is a proxy that the operator named; anybody
//! else could write there what they like. Called by `accept`, `limits` and `http`.

use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicBool, Ordering};

use axum::http::HeaderMap;

use crate::config::values::Networks;

/// Where a request comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Client {
    /// Its address.
    pub ip: IpAddr,
    /// Somebody passed it on, and said so: then the address does not show whether it is from this
    /// machine.
    pub forwarded: bool,
}

impl Client {
    /// Whether a program of this machine asks by itself.
    pub fn is_this_machine(&self) -> bool {
        self.ip.is_loopback() && !self.forwarded
    }
}

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

    /// Where a request comes from: the last address that a trusted proxy has seen and that is not
    /// a trusted proxy itself.
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> Client {
        let mut ip = peer.to_canonical();
        let lines = headers.get_all("x-forwarded-for");
        let forwarded = lines.iter().next().is_some();
        if !self.contains(ip) {
            if forwarded {
                self.warn_once(ip);
            }
            return Client { ip, forwarded };
        }
        // What a stranger put before the proxy's own words may be any bytes.
        let lines: Vec<_> = lines.iter().map(|line| line.as_bytes()).collect();
        let text = lines.join(&b","[..]);
        let text = String::from_utf8_lossy(&text);
        for hop in text.rsplit(',').map(str::trim).filter(|hop| !hop.is_empty()) {
            // An obfuscated name or `unknown`: whom this proxy saw is all that is known.
            let Some(seen) = address_in(hop) else { break };
            ip = seen;
            if !self.contains(ip) {
                break;
            }
        }
        Client { ip, forwarded }
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

/// The address of a hop as proxies write it: bare, with a port, an IPv6 one in brackets, in quotes.
fn address_in(hop: &str) -> Option<IpAddr> {
    let hop = hop.strip_prefix('"').and_then(|hop| hop.strip_suffix('"')).unwrap_or(hop).trim();
    let ip = match hop.strip_prefix('[') {
        Some(hop) => {
            let (address, port) = hop.split_once(']')?;
            let port = port.strip_prefix(':').map_or(port.is_empty(), is_port);
            IpAddr::V6(address.parse().ok().filter(|_| port)?)
        }
        None => match (hop.parse(), hop.split_once(':')) {
            (Ok(ip), _) => ip,
            (_, Some((address, port))) => {
                IpAddr::V4(address.parse().ok().filter(|_| is_port(port))?)
            }
            _ => return None,
        },
    };
    Some(ip.to_canonical())
}

fn is_port(text: &str) -> bool {
    text.parse::<u16>().is_ok()
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

    fn forwarded(lines: &[&str]) -> HeaderMap {
        let name = axum::http::HeaderName::from_static("x-forwarded-for");
        let value = |text: &str| axum::http::HeaderValue::from_bytes(text.as_bytes());
        let line = |text: &&str| (name.clone(), value(text).expect("a value"));
        let mut headers = HeaderMap::new();
        for (name, value) in lines.iter().map(line) {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn a_stranger_cannot_name_another_address() {
        let headers = forwarded(&["198.51.100.1"]);
        assert_eq!(trusted("").client(ip("203.0.113.5"), &headers).ip, ip("203.0.113.5"));
    }

    #[test]
    fn behind_trusted_proxies_the_last_stranger_is_the_client() {
        let proxies = trusted("10.0.0.0/8");
        let client = |lines| proxies.client(ip("10.0.0.1"), &forwarded(lines)).ip;
        assert_eq!(client(&["198.51.100.1"]), ip("198.51.100.1"));
        assert_eq!(client(&["1.1.1.1, 198.51.100.1, 10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(client(&["1.1.1.1", "198.51.100.1", "10.0.0.2"]), ip("198.51.100.1"));
        assert_eq!(client(&["rubbish, 10.0.0.2"]), ip("10.0.0.2"));
        assert_eq!(client(&[]), ip("10.0.0.1"));
    }

    #[test]
    fn a_hop_is_read_as_proxies_write_it() {
        let proxies = trusted("127.0.0.1");
        let client = |line| proxies.client(ip("127.0.0.1"), &forwarded(&[line])).ip;
        for line in [
            "198.51.100.7",
            "198.51.100.7:41234",
            "\"198.51.100.7\"",
            "\"198.51.100.7:80\"",
            "198.51.100.7,",
            "1.1.1.1, 198.51.100.7:1, ,",
            "unknown, 198.51.100.7",
            "\u{e9}, 198.51.100.7",
            "::ffff:198.51.100.7",
            "[::ffff:198.51.100.7]:443",
        ] {
            assert_eq!(client(line), ip("198.51.100.7"), "{line}");
        }
        for line in ["2001:db8::1", "[2001:db8::1]", "[2001:db8::1]:443", "\"[2001:db8::1]:443\""] {
            assert_eq!(client(line), ip("2001:db8::1"), "{line}");
        }
        for line in [
            "unknown",
            "_hidden",
            "",
            ",",
            "[198.51.100.7]",
            "198.51.100.7:x",
            "198.51.100.7:",
            "198.51.100.7:99999",
            "[2001:db8::1",
            "[2001:db8::1]x",
        ] {
            assert_eq!(client(line), ip("127.0.0.1"), "{line}");
        }
    }

    #[test]
    fn what_was_passed_on_does_not_come_from_this_machine() {
        let proxies = trusted("127.0.0.1");
        let of = |headers: &HeaderMap| proxies.client(ip("127.0.0.1"), headers).is_this_machine();
        assert!(of(&forwarded(&[])));
        for line in ["unknown", "127.0.0.1", "::1", ""] {
            assert!(!of(&forwarded(&[line])), "{line}");
        }
        let untrusted = trusted("").client(ip("::1"), &forwarded(&["198.51.100.7"]));
        assert!(!untrusted.is_this_machine());
    }
}
