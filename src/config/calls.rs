//! The types of settings that are about calls.

use std::net::IpAddr;

use turn::Cidr;

use super::hidden::Hidden;

/// Where calls find STUN and TURN.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TurnMode {
    /// In this server.
    Embedded,
    /// At the servers of TURN_EXTERNAL_URLS.
    External,
    /// Nowhere.
    Off,
}

impl TurnMode {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        match text {
            "embedded" => Ok(Self::Embedded),
            "external" => Ok(Self::External),
            "off" => Ok(Self::Off),
            _ => Err("no way to relay calls. Write embedded, external or off.".into()),
        }
    }
}

/// A range of ports, both ends in it: at least 16, none below 1024.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PortRange {
    /// The lowest.
    pub low: u16,
    /// The highest.
    pub high: u16,
}

impl PortRange {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let range = text.split_once('-').and_then(|(low, high)| {
            let (low, high) = (low.trim().parse().ok()?, high.trim().parse().ok()?);
            (low >= 1024 && high >= low && high - low >= 15).then_some(Self { low, high })
        });
        range.ok_or_else(|| {
            "no range of ports. Write the lowest and the highest, as in 49152-50151: at least 16, \
             from 1024 on."
                .into()
        })
    }
}

/// Networks that media may be relayed into.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PeerNetworks(pub Vec<Cidr>);

impl PeerNetworks {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        items(text).map(|item| item.parse().ok()).collect::<Option<_>>().map(Self).ok_or_else(
            || "no list of networks. Write for example 192.168.1.0/24, fd00::/8.".into(),
        )
    }
}

/// The URIs of STUN and TURN servers (RFC 7064, RFC 7065).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct IceUrls(pub Vec<String>);

impl IceUrls {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let fits = |item: &str| {
            let rest = item
                .split_once(':')
                .filter(|(scheme, _)| ["stun", "stuns", "turn", "turns"].contains(scheme));
            rest.is_some_and(|(_, rest)| {
                !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_graphic() && b != b'/')
            })
        };
        if items(text).all(fits) {
            return Ok(Self(items(text).map(str::to_owned).collect()));
        }
        Err("no list of STUN and TURN servers. Write for example \
             stun:turn.example.org:3478, turn:turn.example.org:3478?transport=udp."
            .into())
    }
}

/// What the Internet calls this machine: addresses, and names that lead to some.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PublicAddresses {
    /// At most one a family.
    pub ips: Vec<IpAddr>,
    /// At most two, with a dot in them.
    pub names: Vec<String>,
}

impl PublicAddresses {
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut all = Self::default();
        for item in items(text) {
            match item.parse() {
                Ok(ip) => all.ips.push(ip),
                Err(_) => all.names.extend(host_name(item).filter(|name| name.contains('.'))),
            }
        }
        let v4 = all.ips.iter().filter(|ip| ip.is_ipv4()).count();
        let fits = v4 <= 1
            && all.ips.len() - v4 <= 1
            && all.names.len() <= 2
            && all.ips.len() + all.names.len() == items(text).count()
            && !all.ips.iter().any(IpAddr::is_unspecified);
        fits.then_some(all).ok_or_else(|| {
            "no IP address or name. Write one of IPv4, one of IPv6, or both with a comma; or a \
             name that leads to them, as in home.example.org."
                .into()
        })
    }
}

/// A host as the URIs of ICE servers have it.
pub(super) fn uri_host(text: &str) -> Result<String, String> {
    let bare = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    let host = match bare.parse::<IpAddr>() {
        Ok(IpAddr::V6(ip)) => Some(format!("[{ip}]")),
        Ok(IpAddr::V4(ip)) => Some(ip.to_string()),
        Err(_) => host_name(text),
    };
    host.ok_or_else(|| {
        "no name of a host. Write it without a scheme and a port, as in turn.example.org.".into()
    })
}

/// A name of letters, digits, hyphens and dots, not to be taken for an address.
fn host_name(text: &str) -> Option<String> {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
    };
    let fits = text.len() <= 253
        && text.split('.').all(label)
        && text.rsplit('.').next().is_some_and(|last| last.bytes().any(|b| !b.is_ascii_digit()));
    fits.then(|| text.to_ascii_lowercase())
}

/// A secret of at least 16 characters.
pub(super) fn shared_secret(text: &str) -> Result<Hidden, String> {
    let fits = (16..=256).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
    if fits {
        return Ok(Hidden::new(text));
    }
    Err("no secret: it is 16 to 256 visible characters. `openssl rand -hex 24` makes a good one."
        .into())
}

fn items(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|item| !item.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_of_calls_are_checked() {
        assert_eq!(PortRange::parse("49152-50151"), Ok(PortRange { low: 49152, high: 50151 }));
        for text in ["", "1", "80-8000", "5000-4000", "5000-5010", "1024-70000", "a-b"] {
            assert!(PortRange::parse(text).is_err(), "{text}");
        }
        let addresses = PublicAddresses::parse;
        assert!(addresses("203.0.113.7, 2001:db8::1").is_ok_and(|all| all.ips.len() == 2));
        let named = addresses("Home.example.org, 2001:db8::1").expect("a name and an address");
        assert_eq!((named.names, named.ips.len()), (vec!["home.example.org".to_owned()], 1));
        let wrong = ["x", "1.2.3.4, 5.6.7.8", "0.0.0.0", "1.2.3", "a.b:1", "https://a.b", "a..b"];
        for text in wrong {
            assert!(addresses(text).is_err(), "{text}");
        }
        assert_eq!(uri_host("Turn.example.org").as_deref(), Ok("turn.example.org"));
        assert_eq!(uri_host("2001:db8::1").as_deref(), Ok("[2001:db8::1]"));
        for text in ["turn:a.example", "a.example:3478", "", "a b"] {
            assert!(uri_host(text).is_err(), "{text}");
        }
        assert!(IceUrls::parse("turns:a.example:443?transport=tcp").is_ok());
        for text in ["https://a.example", "turn:", "turn://a.example", "a.example:3478"] {
            assert!(IceUrls::parse(text).is_err(), "{text}");
        }
        assert!(shared_secret("0123456789abcdef").is_ok() && shared_secret("short").is_err());
    }
}
