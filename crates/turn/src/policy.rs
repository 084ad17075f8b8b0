//! Which peers a relay may talk to, so that it is not a door into the network it is in.
//!
//! Refuses every address that is not a public unicast host, also when an IPv6 address only
//! carries such an IPv4 one inside. The operator may allow ranges. Called on CreatePermission,
//! ChannelBind, and for every packet in either direction; no allocation, no look-up table.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

/// A range of addresses: `10.0.0.0/8`, `fd00::/8`, or one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cidr {
    network: IpAddr,
    prefix_bits: u32,
}

/// Why a text is not a range of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CidrError;

impl fmt::Display for CidrError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("expected an address range such as 10.0.0.0/8 or fd00::/8")
    }
}

impl std::error::Error for CidrError {}

impl FromStr for Cidr {
    type Err = CidrError;

    fn from_str(text: &str) -> Result<Self, CidrError> {
        let (network, prefix) = match text.split_once('/') {
            Some((network, prefix)) => (network, Some(prefix)),
            None => (text, None),
        };
        let network: IpAddr = network.parse().map_err(|_| CidrError)?;
        let longest = if network.is_ipv4() { 32 } else { 128 };
        let prefix_bits = match prefix {
            Some(prefix) => prefix.parse().map_err(|_| CidrError)?,
            None => longest,
        };
        if prefix_bits > longest {
            return Err(CidrError);
        }
        Ok(Self { network, prefix_bits })
    }
}

impl Cidr {
    /// Whether the address is in the range.
    pub fn contains(&self, ip: IpAddr) -> bool {
        match (self.network, ip) {
            (IpAddr::V4(network), IpAddr::V4(ip)) => {
                let differing = u32::from(network) ^ u32::from(ip);
                differing.leading_zeros() >= self.prefix_bits
            }
            (IpAddr::V6(network), IpAddr::V6(ip)) => {
                let differing = u128::from(network) ^ u128::from(ip);
                differing.leading_zeros() >= self.prefix_bits
            }
            _ => false,
        }
    }
}

/// The rule for peers.
#[derive(Clone, Debug, Default)]
pub struct PeerPolicy {
    allowed: Vec<Cidr>,
}

impl PeerPolicy {
    /// Public unicast hosts, and these ranges.
    pub fn allowing(allowed: Vec<Cidr>) -> Self {
        Self { allowed }
    }

    /// Whether a relay may exchange packets with this address.
    pub fn permits(&self, ip: IpAddr) -> bool {
        let public = match ip {
            IpAddr::V4(ip) => is_public_v4(ip),
            IpAddr::V6(ip) => is_public_v6(ip),
        };
        public || self.allowed.iter().any(|range| range.contains(ip))
    }
}

/// Global unicast by the IANA special-purpose registry (RFC 6890).
fn is_public_v4(ip: Ipv4Addr) -> bool {
    let [a, b, c, _] = ip.octets();
    !matches!(
        (a, b, c),
        (0 | 10 | 127, _, _)            // this network, private, loopback
            | (100, 64..=127, _)        // carrier-grade NAT
            | (169, 254, _)             // link-local, cloud metadata
            | (172, 16..=31, _)         // private
            | (192, 0, 0 | 2)           // protocol assignments, documentation
            | (192, 88, 99)             // 6to4 anycast
            | (192, 168, _)             // private
            | (198, 18 | 19, _)         // benchmarks
            | (198, 51, 100)            // documentation
            | (203, 0, 113)             // documentation
            | (224.., _, _) // multicast, reserved, broadcast
    )
}

/// Global unicast, with every embedded IPv4 address public too.
fn is_public_v6(ip: Ipv6Addr) -> bool {
    let segments = ip.segments();
    match segments {
        // NAT64 (RFC 6052); its local-use prefix (RFC 8215) is refused below.
        [0x64, 0xFF9B, 0, 0, 0, 0, high, low] => is_public_v4(embedded(high, low)),
        // Teredo: server in clear, client inverted (RFC 4380).
        [0x2001, 0, server_high, server_low, _, _, high, low] => {
            is_public_v4(embedded(server_high, server_low)) && is_public_v4(embedded(!high, !low))
        }
        // 6to4 (RFC 3056).
        [0x2002, high, low, ..] => is_public_v4(embedded(high, low)) && isatap_is_public(segments),
        // Protocol assignments and benchmarks, documentation (twice).
        [0x2001, 0..=0x1FF, ..] | [0x2001, 0xDB8, ..] | [0x3FFF, 0..=0xFFF, ..] => false,
        // 2000::/3 is all of global unicast: mapped, compatible and translated IPv4, loopback,
        // discard, unique local, link-local, site-local and multicast lie outside.
        [0x2000..=0x3FFF, ..] => isatap_is_public(segments),
        _ => false,
    }
}

/// An ISATAP interface identifier carries an IPv4 address (RFC 5214).
fn isatap_is_public(segments: [u16; 8]) -> bool {
    match segments {
        [_, _, _, _, 0 | 0x200, 0x5EFE, high, low] => is_public_v4(embedded(high, low)),
        _ => true,
    }
}

fn embedded(high: u16, low: u16) -> Ipv4Addr {
    Ipv4Addr::from(u32::from(high) << 16 | u32::from(low))
}
