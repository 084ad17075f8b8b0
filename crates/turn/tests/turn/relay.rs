//! The packet path in both directions, its limits, and that it allocates nothing.

use turn::stun::{Class, Method, Writer, attribute};
use turn::{Bandwidth, Config, Out, RelayId, Transport};

use crate::support::*;

const PEER: &str = "8.8.8.8:9000";

fn ready(config: Config, transport: Transport) -> (Net, Client, RelayId) {
    let mut net = Net::new(config);
    let mut client = Client::on("ana", over(transport, "203.0.113.1:4000"));
    let relayed = client.allocate(&mut net).relayed();
    let relay = net.relay_at(relayed);
    (net, client, relay)
}

#[test]
fn without_a_permission_nothing_passes() {
    let (mut net, client, relay) = ready(config(), Transport::Udp);
    assert_eq!(client.send(&mut net, address(PEER), b"out"), []);
    assert_eq!(client.channel(&mut net, 0x4000, b"out"), []);
    assert_eq!(net.peer_sends(relay, address(PEER), b"in"), []);
    let drops = net.server.counters().drops;
    assert_eq!((drops.no_permission, drops.no_channel), (2, 1));
}

#[test]
fn indications_carry_data_both_ways() {
    let (mut net, mut client, relay) = ready(config(), Transport::Udp);
    let peer = address(PEER);
    client.permit(&mut net, &[peer]);
    for payload in [&b""[..], b"h", b"hola", &[7; 1200]] {
        let sent = client.send(&mut net, peer, payload);
        assert_eq!(sent, [to_peer(relay, peer, payload)]);
        // A permission is for the address; any port of it may answer.
        let from = address("8.8.8.8:1234");
        let sent = net.peer_sends(relay, from, payload);
        let [Sent::Client { tuple, bytes, relayed: true }] = &sent[..] else { panic!("{sent:?}") };
        assert_eq!(*tuple, client.tuple);
        assert_eq!(data_of(bytes), (from, payload.to_vec()));
    }
    assert_eq!(net.peer_sends(relay, address("8.8.4.4:9000"), b"other"), []);
    let counters = net.server.counters();
    assert_eq!((counters.to_peer_packets, counters.to_peer_bytes), (4, 1205));
    assert_eq!((counters.to_client_packets, counters.to_client_bytes), (4, 1205));
}

#[test]
fn channels_carry_data_both_ways_padded_on_streams() {
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let (mut net, mut client, relay) = ready(config(), transport);
        let peer = address(PEER);
        assert!(client.bind(&mut net, 0x4001, peer).is_success());
        for length in [0, 1, 2, 3, 4, 5, 1200] {
            let payload = vec![9; length];
            let sent = client.channel(&mut net, 0x4001, &payload);
            assert_eq!(sent, [to_peer(relay, peer, &payload)]);
            let mut expected = channel_data(0x4001, &payload);
            if transport.is_stream() {
                expected.resize(expected.len().next_multiple_of(4), 0);
            }
            let sent = net.peer_sends(relay, peer, &payload);
            let tuple = client.tuple;
            assert_eq!(sent, [Sent::Client { tuple, bytes: expected, relayed: true }]);
        }
        let other_port = net.peer_sends(relay, address("8.8.8.8:1"), b"x");
        let [Sent::Client { bytes, .. }] = &other_port[..] else { panic!("{other_port:?}") };
        assert_eq!(data_of(bytes).0, address("8.8.8.8:1"), "no channel for that port");
    }
}

#[test]
fn padding_is_cut_off_and_lies_about_length_are_dropped() {
    let (mut net, mut client, relay) = ready(config(), Transport::Udp);
    let peer = address(PEER);
    client.bind(&mut net, 0x4001, peer);
    let mut padded = channel_data(0x4001, b"hello");
    padded.extend([0; 3]);
    let sent = net.client_sends(client.tuple, &padded);
    assert_eq!(sent, [to_peer(relay, peer, b"hello")]);
    let short = &channel_data(0x4001, b"hello")[..8];
    assert_eq!(net.client_sends(client.tuple, short), []);
    assert_eq!(net.server.counters().drops.malformed, 1);
}

#[test]
fn permission_and_channel_end_on_the_millisecond() {
    let (mut net, mut client, relay) = ready(config(), Transport::Udp);
    client.refresh(&mut net, 3600);
    let peer = address(PEER);
    client.bind(&mut net, 0x4001, peer);
    net.wait_ms(299_999);
    assert_eq!(net.peer_sends(relay, peer, b"x").len(), 1);
    net.wait_ms(1);
    assert_eq!(net.peer_sends(relay, peer, b"x"), [], "the permission is over");
    assert_eq!(client.send(&mut net, peer, b"x"), []);
    assert_eq!(client.channel(&mut net, 0x4001, b"x").len(), 1, "the channel is not");
    net.wait_ms(299_999);
    assert_eq!(client.channel(&mut net, 0x4001, b"x").len(), 1);
    net.wait_ms(1);
    assert_eq!(client.channel(&mut net, 0x4001, b"x"), []);
}

#[test]
fn an_allocation_ends_on_the_millisecond_even_if_the_driver_sleeps() {
    let (mut net, mut client, relay) = ready(config(), Transport::Udp);
    let peer = address(PEER);
    client.bind(&mut net, 0x4001, peer);
    net.wait_ms(299_000);
    client.bind(&mut net, 0x4001, peer);
    net.now.mono_ms = 599_999;
    net.now.unix_s += 300;
    assert_eq!(client.channel(&mut net, 0x4001, b"x").len(), 1);
    net.now.mono_ms += 1;
    assert_eq!(client.channel(&mut net, 0x4001, b"x"), []);
    assert_eq!(net.peer_sends(relay, peer, b"x"), []);
    assert_eq!((net.closed, net.server.counters().drops.no_allocation), (1, 2));
}

#[test]
fn a_late_packet_of_a_closed_relay_reaches_nobody() {
    let (mut net, mut client, old) = ready(config(), Transport::Udp);
    client.refresh(&mut net, 0);
    let relayed = client.allocate(&mut net).relayed();
    let new = net.relay_at(relayed);
    client.permit(&mut net, &[address(PEER)]);
    assert_eq!(old.index(), new.index(), "the slot is used again");
    assert_eq!(net.peer_sends(old, address(PEER), b"late"), []);
    assert_eq!(net.peer_sends(new, address(PEER), b"now").len(), 1);
}

#[test]
fn two_relays_of_ours_meet_inside() {
    let (mut net, mut ana, _) = ready(config(), Transport::Udp);
    let mut bob = Client::on("bob", over(Transport::Tcp, "203.0.113.2:4000"));
    let of_bob = bob.allocate(&mut net).relayed();
    let of_ana = address("198.51.100.7:50001");
    ana.bind(&mut net, 0x4001, of_bob);
    assert_eq!(ana.channel(&mut net, 0x4001, b"early"), [], "bob has not permitted it");
    bob.permit(&mut net, &[of_ana]);
    let sent = ana.channel(&mut net, 0x4001, b"hola");
    let [Sent::Client { tuple, bytes, .. }] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(*tuple, bob.tuple);
    assert_eq!(data_of(bytes), (of_ana, b"hola".to_vec()));
    let back = bob.send(&mut net, of_ana, b"que tal");
    let [Sent::Client { tuple, bytes, .. }] = &back[..] else { panic!("{back:?}") };
    assert_eq!((*tuple, bytes), (ana.tuple, &channel_data(0x4001, b"que tal")));
}

#[test]
fn a_users_bandwidth_is_bounded_over_both_directions() {
    let rate = Bandwidth { bytes_per_s: 1000, burst_bytes: 2000 };
    let (mut net, mut client, relay) =
        ready(Config { bandwidth: Some(rate), ..config() }, Transport::Udp);
    let peer = address(PEER);
    client.bind(&mut net, 0x4001, peer);
    assert_eq!(client.channel(&mut net, 0x4001, &[0; 1200]).len(), 1);
    assert_eq!(net.peer_sends(relay, peer, &[0; 800]).len(), 1);
    assert_eq!(net.peer_sends(relay, peer, &[0; 1]), []);
    assert_eq!(client.channel(&mut net, 0x4001, &[0; 1]), []);
    net.wait_ms(500);
    assert_eq!(client.channel(&mut net, 0x4001, &[0; 500]).len(), 1);
    assert_eq!(client.channel(&mut net, 0x4001, &[0; 1]), []);
    assert_eq!(net.server.counters().drops.bandwidth, 3);
    client.refresh(&mut net, 0);
    assert_eq!(net.server.sizes().users, 1, "remembered while the bucket fills");
    net.wait_s(2);
    assert_eq!(net.server.sizes().users, 0);
}

#[test]
fn a_datagram_too_long_to_wrap_is_dropped() {
    let (mut net, mut client, relay) = ready(config(), Transport::Udp);
    client.permit(&mut net, &[address(PEER)]);
    assert_eq!(net.peer_sends(relay, address(PEER), &[0; 65_000]).len(), 1);
    assert_eq!(net.peer_sends(relay, address(PEER), &[0; 65_001]), []);
    assert_eq!(net.server.counters().drops.too_long, 1);
}

#[test]
fn the_packet_path_allocates_nothing() {
    let bandwidth = Config::new(REALM, SECRET, [0; 32]).bandwidth;
    let config = Config { bandwidth, ..config() };
    let (mut net, mut ana, relay) = ready(config, Transport::Udp);
    let mut bob = Client::new("bob", "203.0.113.2:4000");
    let of_bob = bob.allocate(&mut net).relayed();
    let (peer, unbound) = (address(PEER), address("9.9.9.9:9"));
    ana.bind(&mut net, 0x4001, peer);
    ana.bind(&mut net, 0x4002, of_bob);
    ana.permit(&mut net, &[unbound]);
    bob.permit(&mut net, &[address("198.51.100.7:50001")]);
    let packets = [
        channel_data(0x4001, &[1; 1200]),
        channel_data(0x4002, &[1; 1200]),
        send_indication([1; 12], unbound, &[1; 1200]),
    ];
    let (server, mut now, tuple) = (&mut net.server, net.now, ana.tuple);
    let mut out = Out::new();
    let mut batch = |out: &mut Out| {
        out.clear();
        now.mono_ms += 10;
        for packet in &packets {
            server.handle_client(now, tuple, packet, out);
        }
        server.handle_peer(now, relay, peer, &[2; 1200], out);
        server.handle_peer(now, relay, unbound, &[2; 1200], out);
        assert_eq!(out.actions().count(), 5);
    };
    batch(&mut out);
    let counted = allocation_counter::measure(|| (0..1000).for_each(|_| batch(&mut out)));
    assert_eq!(counted.count_total, 0, "{counted:?}");
}

#[test]
fn df_is_set_where_the_client_asks_for_it_and_nowhere_else() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    client.allocate(&mut net);
    let peer = address("8.8.8.8:9");
    client.permit(&mut net, &[peer]);
    let mut packet = Vec::new();
    let transaction = net.transaction();
    let mut message = Writer::new(&mut packet, Class::Indication, Method::SEND, transaction);
    message.xor_address(attribute::XOR_PEER_ADDRESS, peer);
    message.attribute(attribute::DONT_FRAGMENT, b"").attribute(attribute::DATA, b"probe");
    let sent = net.client_sends(client.tuple, &packet);
    let [Sent::Peer { dont_fragment: true, bytes, .. }] = &sent[..] else { panic!("{sent:?}") };
    assert_eq!(bytes, b"probe");
    let sent = client.send(&mut net, peer, b"media");
    let [Sent::Peer { dont_fragment: false, .. }] = sent[..] else { panic!("{sent:?}") };
}
