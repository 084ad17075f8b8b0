//! CreatePermission and ChannelBind (RFC 8656 §10, §12).

use turn::Config;
use turn::stun::{Method, Writer, attribute};

use crate::support::*;

const PEER: &str = "8.8.8.8:9000";

fn ready() -> (Net, Client) {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    client.allocate(&mut net);
    (net, client)
}

#[test]
fn both_need_an_allocation() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    assert_eq!(client.permit(&mut net, &[address(PEER)]).code(), 437);
    assert_eq!(client.bind(&mut net, 0x4000, address(PEER)).code(), 437);
}

#[test]
fn a_permission_needs_a_well_formed_peer_of_the_right_family() {
    let (mut net, mut client) = ready();
    assert_eq!(client.permit(&mut net, &[]).code(), 400);
    assert_eq!(client.permit(&mut net, &[address("[2606:4700::1111]:9")]).code(), 443);
    let broken = |request: &mut Writer<'_>| {
        request.attribute(attribute::XOR_PEER_ADDRESS, &[0, 1, 2]);
    };
    assert_eq!(client.ask(&mut net, Method::CREATE_PERMISSION, broken).unwrap().code(), 400);
}

#[test]
fn permissions_come_all_or_none() {
    let (mut net, mut client) = ready();
    let good = address(PEER);
    assert_eq!(client.permit(&mut net, &[good, address("10.0.0.1:1")]).code(), 403);
    assert_eq!(net.server.sizes().permissions, 0);
    assert!(client.permit(&mut net, &[good, address("9.9.9.9:1"), good]).is_success());
    assert_eq!(net.server.sizes().permissions, 2);
}

#[test]
fn permissions_last_five_minutes_and_are_bounded() {
    let mut net = Net::new(Config { max_permissions: 2, ..config() });
    let mut client = Client::new("ana", "203.0.113.1:4000");
    client.allocate(&mut net);
    let peers = ["8.8.8.8:1", "9.9.9.9:1", "1.1.1.1:1"].map(address);
    assert_eq!(client.permit(&mut net, &peers).code(), 508);
    assert!(client.permit(&mut net, &peers[..2]).is_success());
    assert!(client.permit(&mut net, &peers[..2]).is_success(), "again is no more");
    assert_eq!(client.permit(&mut net, &peers[2..]).code(), 508);
    assert_eq!(client.bind(&mut net, 0x4000, peers[2]).code(), 508);
    assert_eq!(net.server.sizes().channels, 0, "refused whole");
    net.wait_ms(299_999);
    assert_eq!(client.permit(&mut net, &peers[2..]).code(), 508);
    net.wait_ms(1);
    assert!(client.permit(&mut net, &peers[2..]).is_success());
    assert_eq!(net.server.sizes().permissions, 1);
}

#[test]
fn channel_numbers_have_a_range() {
    let (mut net, mut client) = ready();
    for (at, good) in [0x4000, 0x4FFF, 0x5000, 0x7FFE].into_iter().enumerate() {
        let peer = address(&format!("8.8.8.8:{}", 9000 + at));
        assert!(client.bind(&mut net, good, peer).is_success(), "{good:#x}");
    }
    for bad in [0, 0x3FFF, 0x7FFF, 0x8000, 0xFFFF] {
        assert_eq!(client.bind(&mut net, bad, address("9.9.9.9:1")).code(), 400, "{bad:#x}");
    }
}

#[test]
fn a_binding_must_be_complete() {
    let (mut net, mut client) = ready();
    assert_eq!(client.ask(&mut net, Method::CHANNEL_BIND, |_| {}).unwrap().code(), 400);
    let only_number = |request: &mut Writer<'_>| {
        request.number(attribute::CHANNEL_NUMBER, 0x4000 << 16);
    };
    assert_eq!(client.ask(&mut net, Method::CHANNEL_BIND, only_number).unwrap().code(), 400);
    assert_eq!(client.bind(&mut net, 0x4000, address("8.8.8.8:0")).code(), 400);
    assert_eq!(client.bind(&mut net, 0x4000, address("[2606:4700::1111]:9")).code(), 443);
    assert_eq!(net.server.sizes().channels, 0);
}

#[test]
fn channel_and_peer_pair_up_until_ten_minutes_pass() {
    let (mut net, mut client) = ready();
    client.refresh(&mut net, 3600);
    let (peer, other) = (address(PEER), address("8.8.8.8:9001"));
    assert!(client.bind(&mut net, 0x4000, peer).is_success());
    assert!(client.bind(&mut net, 0x4000, peer).is_success(), "a refresh");
    assert_eq!(client.bind(&mut net, 0x4000, other).code(), 400, "the number is taken");
    assert_eq!(client.bind(&mut net, 0x4001, peer).code(), 400, "the peer has a number");
    net.wait_ms(599_999);
    assert_eq!(client.bind(&mut net, 0x4000, other).code(), 400);
    net.wait_ms(1);
    assert!(client.bind(&mut net, 0x4000, other).is_success());
}

#[test]
fn channels_are_bounded() {
    let mut net = Net::new(Config { max_channels: 3, ..config() });
    let mut client = Client::new("ana", "203.0.113.1:4000");
    client.allocate(&mut net);
    for at in 0..3 {
        let peer = address(&format!("8.8.8.8:{}", 9000 + at));
        assert!(client.bind(&mut net, 0x4000 + at, peer).is_success());
    }
    assert_eq!(client.bind(&mut net, 0x4003, address("8.8.8.8:1")).code(), 508);
    assert_eq!((net.server.sizes().channels, net.server.sizes().permissions), (3, 1));
}
