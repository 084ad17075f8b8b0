//! What only private networks have: addresses that are nobody's on the Internet, and ends of names.
//! An authority of one's own vouches for these alone (`edge/tls/local`). Called by the checks of
//! settings too.

use std::net::IpAddr;

/// Networks that are nobody's on the Internet: address and length of the prefix (RFC 6890).
pub const NETWORKS: [(&str, u8); 9] = [
    ("10.0.0.0", 8),
    ("172.16.0.0", 12),
    ("192.168.0.0", 16),
    ("169.254.0.0", 16),
    ("100.64.0.0", 10),
    ("127.0.0.0", 8),
    ("::1", 128),
    ("fc00::", 7),
    ("fe80::", 10),
];
/// Ends of names that are nobody's on the Internet (RFC 2606, 6762 and 8375, and what ICANN keeps
/// for it).
pub const NAMES: [&str; 7] =
    ["localhost", "local", "lan", "internal", "intranet", "home.arpa", "test"];

/// Whether a host, an address or a name, is one that only a private network has; IPv6 in brackets
/// or not.
pub fn is_private(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    match bare.parse::<IpAddr>() {
        Ok(ip) => NETWORKS.iter().any(|(base, prefix)| holds(base, *prefix, ip)),
        Err(_) => NAMES.iter().any(|end| {
            let rest = bare.strip_suffix(end);
            rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        }),
    }
}

fn holds(base: &str, prefix: u8, ip: IpAddr) -> bool {
    let bits = |ip: IpAddr| match ip {
        IpAddr::V4(ip) => (u128::from(ip.to_bits()) << 96, true),
        IpAddr::V6(ip) => (ip.to_bits(), false),
    };
    let Ok(base) = base.parse::<IpAddr>() else { return false };
    let ((base, base_is_v4), (ip, ip_is_v4)) = (bits(base), bits(ip));
    base_is_v4 == ip_is_v4 && (base ^ ip) >> (128 - u32::from(prefix)) == 0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_only_a_private_network_has_is_known() {
        for host in [
            "192.168.1.5",
            "10.255.0.1",
            "172.31.9.9",
            "100.127.0.1",
            "[fd12::1]",
            "fe80::1",
            "127.0.0.1",
            "::1",
            "localhost",
            "chat.lan",
            "box.local",
            "chat.home.arpa",
        ] {
            assert!(is_private(host), "{host}");
        }
        for host in [
            "192.169.1.5",
            "172.32.0.1",
            "8.8.8.8",
            "100.128.0.1",
            "2001:db8::1",
            "::2",
            "example.org",
            "evillan",
            "lan.org",
            "box",
            "",
        ] {
            assert!(!is_private(host), "{host}");
        }
    }
}
