//! Under what this machine is found on its network: its addresses and its names. Called by `secure`
//! for the certificate of a LAN.

use std::collections::BTreeSet;
use std::net::IpAddr;

use crate::config::private::is_private;
use crate::rtc;

/// Ends that routers and devices of a LAN give to the name of a machine.
const ENDS: [&str; 4] = ["local", "lan", "home.arpa", "internal"];

/// Every address and name that it may be asked for by; `named` are those that the operator says.
pub(super) fn all(named: &[String]) -> BTreeSet<String> {
    let mut hosts = BTreeSet::from(["localhost", "127.0.0.1", "::1"].map(str::to_owned));
    hosts.extend(named.iter().map(|host| host.trim_matches(['[', ']']).to_owned()));
    hosts.extend(addresses().iter().map(IpAddr::to_string));
    let called = rustix::system::uname();
    hosts.extend(names(&called.nodename().to_string_lossy()));
    hosts
}

/// An address by which a device of the network finds it.
pub(super) fn on_lan() -> Option<IpAddr> {
    let mut found = addresses();
    // One that a router leads from comes first, and IPv4, which people can type.
    found.sort_by_key(|ip| (ip.is_ipv6(), rtc::outward(ip.is_ipv6()) != Some(*ip)));
    found.into_iter().find(|ip| is_private(&ip.to_string()))
}

/// Those of its interfaces that others can reach: no browser takes a link-local one of IPv6.
fn addresses() -> Vec<IpAddr> {
    // None can be listed where the system forbids that; then there is the one towards the Internet.
    let listed = if_addrs::get_if_addrs().unwrap_or_default();
    let listed = listed.iter().map(if_addrs::Interface::ip);
    let outward = [false, true].into_iter().filter_map(rtc::outward);
    let near = |ip: &IpAddr| matches!(ip, IpAddr::V6(ip) if ip.is_unicast_link_local());
    listed.chain(outward).filter(|ip| !ip.is_loopback() && !near(ip)).collect()
}

fn names(machine: &str) -> Vec<String> {
    let machine = machine.to_ascii_lowercase();
    let fits = |name: &str| {
        !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-.".contains(c))
    };
    if !fits(&machine) {
        return Vec::new();
    }
    let own = machine.split('.').next().unwrap_or_default();
    let on_lan = ENDS.iter().map(|end| format!("{own}.{end}"));
    on_lan.chain(std::iter::once(machine.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_machine_is_found_by_its_names_and_addresses() {
        assert_eq!(names("Box"), ["box.local", "box.lan", "box.home.arpa", "box.internal", "box"]);
        assert!(names("box.fritz.lan").contains(&"box.fritz.lan".to_owned()));
        assert!(names("no name").is_empty() && names("").is_empty());
        let hosts = all(&["[fd12::1]".to_owned(), "chat.lan".to_owned()]);
        for host in ["localhost", "127.0.0.1", "::1", "fd12::1", "chat.lan"] {
            assert!(hosts.contains(host), "{host}");
        }
    }
}
