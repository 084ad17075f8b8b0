//! Addresses a relay must not reach, each by CreatePermission, ChannelBind and Send, and inbound.

use std::net::SocketAddr;

use turn::{Cidr, Config, PeerPolicy};

use crate::support::*;

/// IPv4 addresses of networks that are nobody's public host.
const FORBIDDEN_V4: [&str; 36] = [
    "0.0.0.0",
    "0.0.0.1",
    "0.255.255.255",
    "10.0.0.0",
    "10.0.0.6",
    "10.255.255.255",
    "100.64.0.0",
    "100.64.0.1",
    "100.127.255.255",
    "127.0.0.1",
    "127.1.2.3",
    "127.255.255.255",
    "169.254.0.1",
    "169.254.169.254",
    "172.16.0.1",
    "172.20.1.1",
    "172.31.255.255",
    "192.0.0.1",
    "192.0.0.170",
    "192.0.2.1",
    "192.0.2.255",
    "192.88.99.1",
    "192.168.0.1",
    "192.168.255.255",
    "198.18.0.1",
    "198.19.255.255",
    "198.51.100.8",
    "203.0.113.1",
    "224.0.0.1",
    "224.0.0.251",
    "239.255.255.250",
    "239.255.255.255",
    "240.0.0.1",
    "250.1.2.3",
    "255.255.255.254",
    "255.255.255.255",
];

/// IPv6 addresses that are not a public host, or carry an IPv4 address that is not.
const FORBIDDEN_V6: [&str; 42] = [
    "::",
    "::1",
    "::2",
    "100::1",
    "fc00::1",
    "fd00::1",
    "fdff:ffff::1",
    "fe80::1",
    "febf::1",
    "fec0::1",
    "feff::1",
    "ff00::1",
    "ff02::1",
    "ff05::2",
    "ff0e::1",
    "2001:db8::1",
    "2001:db8:ffff::1",
    "3fff::1",
    "3fff:fff::1",
    "2001:2::1",
    "2001:10::1",
    "2001:20::1",
    "64:ff9b:1::1",
    // IPv4-mapped, -compatible and -translated.
    "::ffff:127.0.0.1",
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:8.8.8.8",
    "::127.0.0.1",
    "::10.0.0.1",
    "::ffff:0:127.0.0.1",
    // 6to4.
    "2002:7f00:1::1",
    "2002:a00:1::1",
    "2002:c0a8:101::1",
    "2002:a9fe:a9fe::1",
    // Teredo: the server in clear, the client inverted.
    "2001:0:7f00:1::f5ff:fffe",
    "2001:0:4136:e378::80ff:fffe",
    "2001:0:4136:e378::f5ff:fffe",
    // NAT64.
    "64:ff9b::127.0.0.1",
    "64:ff9b::10.0.0.1",
    "64:ff9b::169.254.169.254",
    // ISATAP.
    "2606:4700::5efe:10.0.0.1",
    "2606:4700::200:5efe:192.168.0.1",
];

const PUBLIC_V4: [&str; 11] = [
    "1.0.0.1",
    "8.8.8.8",
    "9.255.255.255",
    "11.0.0.1",
    "100.63.255.255",
    "100.128.0.1",
    "126.0.0.1",
    "172.15.255.255",
    "172.32.0.1",
    "192.167.1.1",
    "223.255.255.255",
];

const PUBLIC_V6: [&str; 6] = [
    "2606:4700::1111",
    "2a00:1450::1",
    "2002:808:808::1",
    "64:ff9b::8.8.8.8",
    "2001:4860:4860::8888",
    "2001:0:4136:e378::f7f7:f7f7",
];

fn refuses_by_all_methods(addresses: &[&str], family: u8) {
    let mut net = Net::new(Config { public_ipv6: Some(PUBLIC_IP6.parse().unwrap()), ..config() });
    let mut client = Client::new("ana", "203.0.113.1:4000");
    let relayed = client
        .allocate_with(&mut net, |request| {
            let family = [family, 0, 0, 0];
            request.attribute(turn::stun::attribute::REQUESTED_ADDRESS_FAMILY, &family);
        })
        .relayed();
    let relay = net.relay_at(relayed);
    for (at, text) in addresses.iter().enumerate() {
        let peer = SocketAddr::new(ip(text), 9000);
        assert_eq!(client.permit(&mut net, &[peer]).code(), 403, "CreatePermission {text}");
        assert_eq!(client.bind(&mut net, 0x4000, peer).code(), 403, "ChannelBind {text}");
        assert_eq!(client.send(&mut net, peer, b"x"), [], "Send {text}");
        assert_eq!(net.peer_sends(relay, peer, b"x"), [], "from {text}");
        let counters = net.server.counters();
        assert_eq!(counters.forbidden_peers, 2 * (at as u64 + 1));
        // An IPv4-mapped source is judged as the IPv4 host it is, and lacks a permission.
        let dropped = counters.drops.forbidden_peer + counters.drops.no_permission;
        assert_eq!(dropped, 2 * (at as u64 + 1));
    }
    let sizes = net.server.sizes();
    assert_eq!((sizes.permissions, sizes.channels), (0, 0));
}

#[test]
fn forbidden_ipv4_peers_are_refused_by_every_method() {
    refuses_by_all_methods(&FORBIDDEN_V4, 1);
}

#[test]
fn forbidden_ipv6_peers_are_refused_by_every_method() {
    refuses_by_all_methods(&FORBIDDEN_V6, 2);
}

#[test]
fn public_peers_are_permitted() {
    let policy = PeerPolicy::default();
    for text in PUBLIC_V4.iter().chain(&PUBLIC_V6) {
        assert!(policy.permits(ip(text)), "{text}");
    }
    for text in FORBIDDEN_V4.iter().chain(&FORBIDDEN_V6) {
        assert!(!policy.permits(ip(text)), "{text}");
    }
}

#[test]
fn the_operator_may_allow_ranges() {
    let allowed = ["127.0.0.0/8", "192.168.4.7", "fd12::/16"].map(|text| text.parse().unwrap());
    let policy = PeerPolicy::allowing(allowed.to_vec());
    for text in ["127.0.0.1", "192.168.4.7", "fd12:3::4", "8.8.8.8"] {
        assert!(policy.permits(ip(text)), "{text}");
    }
    for text in ["10.0.0.1", "192.168.4.8", "fd13::1", "::1", "::ffff:127.0.0.1"] {
        assert!(!policy.permits(ip(text)), "{text}");
    }
    for text in ["", "10", "10.0.0.0/", "10.0.0.0/33", "::/129", "10.0.0.0/-1", "host/8"] {
        assert!(text.parse::<Cidr>().is_err(), "{text}");
    }
    assert!("0.0.0.0/0".parse::<Cidr>().unwrap().contains(ip("255.1.2.3")));
}

/// The harness's relays have a documentation address outside and a private one inside: both are
/// forbidden, but for the very ports that are relays.
#[test]
fn only_live_relays_of_our_own_are_exempt() {
    let mut net = Net::new(config());
    let mut ana = Client::new("ana", "203.0.113.1:4000");
    let mut bob = Client::new("bob", "203.0.113.2:4000");
    let of_ana = ana.allocate(&mut net).relayed();
    let of_bob = bob.allocate(&mut net).relayed();
    let local = net.sockets[&net.relay_at(of_bob)];
    for (number, own) in [(0x4000, of_bob), (0x4001, local)] {
        let beside = SocketAddr::new(own.ip(), 22);
        assert_eq!(ana.permit(&mut net, &[beside]).code(), 403);
        assert!(ana.permit(&mut net, &[own]).is_success());
        assert!(ana.bind(&mut net, number, own).is_success());
        assert!(ana.permit(&mut net, &[beside]).is_success(), "a refresh, by any port");
        assert_eq!(ana.bind(&mut net, 0x4002, beside).code(), 403);
        assert_eq!(ana.send(&mut net, beside, b"x"), [], "permitted address, other port");
    }
    let inside = SocketAddr::new(local.ip(), 22);
    assert_eq!(net.peer_sends(net.relay_at(of_ana), inside, b"x"), [], "nor may it answer");
    assert_eq!(net.server.counters().drops.forbidden_peer, 3);

    assert!(bob.permit(&mut net, &[of_ana]).is_success());
    assert_eq!(ana.channel(&mut net, 0x4000, b"x").len(), 1);
    bob.refresh(&mut net, 0);
    assert_eq!(ana.channel(&mut net, 0x4000, b"x"), [], "the port may be anybody's by now");
    assert_eq!(ana.channel(&mut net, 0x4001, b"x"), []);
    assert_eq!(net.server.counters().drops.forbidden_peer, 5);
}
