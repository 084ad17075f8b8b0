//! Allocate and Refresh: every rule of RFC 8656 §7 and §8, quotas, and the driver's two steps.

use turn::stun::{Method, Writer, attribute};
use turn::{Config, Sizes, Transport};

use crate::support::*;

fn family(code: u8) -> impl Fn(&mut Writer<'_>) {
    move |request| {
        request.attribute(attribute::REQUESTED_ADDRESS_FAMILY, &[code, 0, 0, 0]);
    }
}

fn raw(kind: u16, value: &'static [u8]) -> impl Fn(&mut Writer<'_>) {
    move |request| {
        request.attribute(kind, value);
    }
}

#[test]
fn a_granted_allocation_tells_the_public_address() {
    let mut net = Net::new(Config { software: "wechat".into(), ..config() });
    let mut client = Client::new("ana", "203.0.113.1:4000");
    let answer = client.allocate(&mut net);
    assert!(answer.is_success());
    assert_eq!(answer.relayed(), address("198.51.100.7:50001"));
    assert_eq!(net.sockets.values().next(), Some(&address("10.0.0.5:50001")));
    assert_eq!(answer.address(attribute::XOR_MAPPED_ADDRESS), Some(client.tuple.client));
    assert_eq!(answer.number(attribute::LIFETIME), Some(600));
    assert_eq!(answer.message().find(attribute::SOFTWARE), Some(&b"wechat"[..]));
    assert_eq!(net.server.counters().allocations, 1);
}

#[test]
fn the_answer_waits_for_the_driver() {
    let mut net = Net::new(config());
    net.ports = Ports::Hold;
    let mut client = Client::new("ana", "203.0.113.1:4000");
    let asked = client.ask(&mut net, Method::ALLOCATE, raw(attribute::REQUESTED_TRANSPORT, &UDP));
    assert!(asked.is_none());
    assert_eq!(net.held.len(), 1);
    assert_eq!(client.refresh(&mut net, 600).code(), 437, "not there yet");
    assert_eq!(client.permit(&mut net, &[address("8.8.8.8:9")]).code(), 437);
    assert_eq!(client.allocate(&mut net).code(), 437, "another transaction");
    assert_eq!(net.held.len(), 1);
    let sent = net.settle(Ports::Bind);
    assert!(answer_for(&sent, client.tuple).unwrap().is_success());
    assert!(client.refresh(&mut net, 600).is_success());
}

#[test]
fn no_port_is_508() {
    let mut net = Net::new(config());
    net.ports = Ports::Fail;
    let mut client = Client::new("ana", "203.0.113.1:4000");
    assert_eq!(client.allocate(&mut net).code(), 508);
    net.wait_s(0);
    assert_eq!(net.server.sizes(), Sizes::default());
    assert_eq!(net.server.counters().capacity_refusals, 1);
}

#[test]
fn a_driver_that_never_answers_is_508_too_and_a_late_socket_is_closed() {
    let mut net = Net::new(config());
    net.ports = Ports::Hold;
    let mut client = Client::new("ana", "203.0.113.1:4000");
    client.ask(&mut net, Method::ALLOCATE, |request| {
        request.attribute(attribute::REQUESTED_TRANSPORT, &UDP);
        request.attribute(attribute::EVEN_PORT, &[0x80]);
    });
    assert_eq!(net.wait_ms(9_999), []);
    let sent = net.wait_ms(1);
    assert_eq!(answer_for(&sent, client.tuple).unwrap().code(), 508);
    assert_eq!(net.server.sizes(), Sizes::default());
    assert_eq!(net.settle(Ports::Bind), []);
    assert_eq!((net.sockets.len(), net.closed), (0, 2));
}

#[test]
fn a_client_that_left_while_its_port_was_bound_leaves_nothing() {
    let mut net = Net::new(config());
    net.ports = Ports::Hold;
    let mut client = Client::new("ana", "203.0.113.1:4000");
    client.ask(&mut net, Method::ALLOCATE, |request| {
        request.attribute(attribute::REQUESTED_TRANSPORT, &UDP);
        request.attribute(attribute::EVEN_PORT, &[0x80]);
    });
    net.hang_up(client.tuple);
    assert_eq!(net.settle(Ports::Bind), []);
    net.wait_s(0);
    assert_eq!((net.sockets.len(), net.server.sizes()), (0, Sizes::default()));
}

#[test]
fn a_retransmitted_allocate_is_answered_alike() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    assert_eq!(client.permit(&mut net, &[address("8.8.8.8:9")]).code(), 437, "fetches a nonce");
    let transport = raw(attribute::REQUESTED_TRANSPORT, &UDP);
    let packet = client.build(Method::ALLOCATE, [4; 12], &transport);
    net.ports = Ports::Hold;
    assert_eq!(net.client_sends(client.tuple, &packet), []);
    assert_eq!(net.client_sends(client.tuple, &packet), [], "still waiting");
    let first = answer_for(&net.settle(Ports::Bind), client.tuple).unwrap();
    let second = answer_for(&net.client_sends(client.tuple, &packet), client.tuple).unwrap();
    assert_eq!(first.bytes, second.bytes);
    assert_eq!((net.sockets.len(), net.server.counters().allocations), (1, 1));
    assert_eq!(client.allocate(&mut net).code(), 437, "but a new one is a mistake");
}

#[test]
fn the_transport_must_be_udp() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    let mut code = |body: &dyn Fn(&mut Writer<'_>)| {
        client.ask(&mut net, Method::ALLOCATE, body).unwrap().code()
    };
    assert_eq!(code(&|_| {}), 400);
    assert_eq!(code(&raw(attribute::REQUESTED_TRANSPORT, &[6, 0, 0, 0])), 442);
    assert_eq!(code(&raw(attribute::REQUESTED_TRANSPORT, &[17])), 400);
}

#[test]
fn families_that_are_not_served_are_refused() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    assert_eq!(client.allocate_with(&mut net, family(2)).code(), 440);
    assert_eq!(client.allocate_with(&mut net, family(3)).code(), 440);
    assert!(client.allocate_with(&mut net, family(1)).is_success());

    let mut only_v6 = Net::new(Config {
        public_ipv4: None,
        public_ipv6: Some(PUBLIC_IP6.parse().unwrap()),
        ..config()
    });
    let mut client = Client::new("ana", "203.0.113.1:4000");
    assert_eq!(client.allocate(&mut only_v6).code(), 440);
    let answer = client.allocate_with(&mut only_v6, family(2));
    assert_eq!(answer.relayed().ip(), ip(PUBLIC_IP6));
    assert_eq!(client.permit(&mut only_v6, &[address("8.8.8.8:9")]).code(), 443);
    let peer = address("[2606:4700::1111]:9");
    assert!(client.permit(&mut only_v6, &[peer]).is_success());
}

#[test]
fn a_second_family_is_refused_beside_the_first() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    let second = raw(attribute::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let answer = client.allocate_with(&mut net, second);
    assert!(answer.is_success());
    let message = answer.message();
    let why = message.find(attribute::ADDRESS_ERROR_CODE).unwrap();
    assert_eq!(why[..4], [2, 0, 4, 40]);
}

#[test]
fn contradictions_are_bad_requests() {
    let token: (u16, &[u8]) = (attribute::RESERVATION_TOKEN, &[1; 8]);
    let first: (u16, &[u8]) = (attribute::REQUESTED_ADDRESS_FAMILY, &[1, 0, 0, 0]);
    let second: (u16, &[u8]) = (attribute::ADDITIONAL_ADDRESS_FAMILY, &[2, 0, 0, 0]);
    let even: (u16, &[u8]) = (attribute::EVEN_PORT, &[0x80]);
    let cases = [
        vec![token, first],
        vec![token, second],
        vec![token, even],
        vec![first, second],
        vec![second, even],
        vec![(attribute::ADDITIONAL_ADDRESS_FAMILY, &[1, 0, 0, 0])],
        vec![(attribute::RESERVATION_TOKEN, &[1; 7])],
        vec![(attribute::EVEN_PORT, &[])],
        vec![(attribute::LIFETIME, &[0, 0])],
    ];
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    for case in cases {
        let answer = client.allocate_with(&mut net, |request| {
            for (kind, value) in &case {
                request.attribute(*kind, value);
            }
        });
        assert_eq!(answer.code(), 400, "{case:?}");
    }
}

#[test]
fn dont_fragment_needs_a_driver_that_can() {
    for (able, code) in [(true, 0), (false, 420)] {
        let mut net = Net::new(Config { dont_fragment: able, ..config() });
        let mut client = Client::new("ana", "203.0.113.1:4000");
        let answer = client.allocate_with(&mut net, raw(attribute::DONT_FRAGMENT, &[]));
        assert_eq!(answer.code(), code);
    }
}

#[test]
fn even_ports_come_alone_or_with_their_neighbour() {
    let mut net = Net::new(config());
    let mut alone = Client::new("ana", "203.0.113.1:4000");
    let answer = alone.allocate_with(&mut net, raw(attribute::EVEN_PORT, &[0]));
    assert_eq!(answer.relayed().port() % 2, 0);
    assert!(answer.message().find(attribute::RESERVATION_TOKEN).is_none());

    let mut rtp = Client::new("ana", "203.0.113.1:4001");
    let first = rtp.allocate_with(&mut net, raw(attribute::EVEN_PORT, &[0x80]));
    let token = first.message().find(attribute::RESERVATION_TOKEN).unwrap().to_vec();
    assert_eq!(net.server.sizes().reservations, 1);

    let with_token = |request: &mut Writer<'_>| {
        request.attribute(attribute::RESERVATION_TOKEN, &token);
    };
    let mut thief = Client::new("eve", "203.0.113.1:4002");
    assert_eq!(thief.allocate_with(&mut net, with_token).code(), 508, "another's reservation");
    let mut rtcp = Client::new("ana", "203.0.113.1:4003");
    let second = rtcp.allocate_with(&mut net, with_token);
    assert_eq!(second.relayed().port(), first.relayed().port() + 1);
    assert_eq!(net.server.sizes().reservations, 0);
    let mut again = Client::new("ana", "203.0.113.1:4004");
    assert_eq!(again.allocate_with(&mut net, with_token).code(), 508, "once only");
}

#[test]
fn a_reservation_lasts_thirty_seconds() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    client.allocate_with(&mut net, raw(attribute::EVEN_PORT, &[0x80]));
    net.wait_ms(29_999);
    assert_eq!((net.server.sizes().reservations, net.sockets.len()), (1, 2));
    net.wait_ms(1);
    assert_eq!((net.server.sizes().reservations, net.sockets.len()), (0, 1));
}

#[test]
fn lifetimes_are_kept_between_ten_minutes_and_an_hour() {
    for (asked_s, granted_s) in [(0, 600), (60, 600), (1200, 1200), (u32::MAX, 3600)] {
        let mut net = Net::new(config());
        let mut client = Client::new("ana", "203.0.113.1:4000");
        let answer = client.allocate_with(&mut net, |request| {
            request.number(attribute::LIFETIME, asked_s);
        });
        assert_eq!(answer.number(attribute::LIFETIME), Some(granted_s));
        net.wait_ms(u64::from(granted_s) * 1000 - 1);
        assert_eq!((net.server.sizes().clients, net.sockets.len()), (1, 1));
        net.wait_ms(1);
        assert_eq!((net.server.sizes(), net.sockets.len()), (Sizes::default(), 0));
    }
}

#[test]
fn refresh_lengthens_shortens_and_ends() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    assert_eq!(client.refresh(&mut net, 600).code(), 437, "nothing to refresh");
    client.allocate(&mut net);
    assert_eq!(client.refresh(&mut net, 3600).number(attribute::LIFETIME), Some(3600));
    assert_eq!(net.server.poll_timeout(), Some(3_600_000));
    net.wait_s(1000);
    assert_eq!(client.refresh(&mut net, 1).number(attribute::LIFETIME), Some(600));
    assert_eq!(net.server.poll_timeout(), Some(1_600_000));
    let wrong = client.ask(&mut net, Method::REFRESH, family(2)).unwrap();
    assert_eq!(wrong.code(), 443);
    assert_eq!(client.refresh(&mut net, 0).number(attribute::LIFETIME), Some(0));
    assert_eq!(client.refresh(&mut net, 0).code(), 437);
    net.wait_s(0);
    assert_eq!((net.sockets.len(), net.server.sizes()), (0, Sizes::default()));
}

#[test]
fn a_user_has_a_quota_over_all_calls_and_addresses() {
    let mut net = Net::new(config());
    for port in 0..12 {
        let mut client = Client::new("ana", &format!("203.0.113.{port}:4000"));
        client.credentials = turn::Credentials::issue(
            SECRET,
            START_UNIX_S + 60 + port,
            "ana",
            &format!("call{port}"),
        );
        assert!(client.allocate(&mut net).is_success());
    }
    let mut more = Client::new("ana", "203.0.113.100:4000");
    assert_eq!(more.allocate(&mut net).code(), 486);
    let mut other = Client::new("bob", "203.0.113.100:4001");
    assert!(other.allocate(&mut net).is_success());
    net.hang_up(tuple("203.0.113.3:4000"));
    let reserve = raw(attribute::EVEN_PORT, &[0x80]);
    assert_eq!(more.allocate_with(&mut net, reserve).code(), 486, "a pair counts twice");
    assert!(more.allocate(&mut net).is_success());
    assert_eq!(net.server.counters().quota_refusals, 2);
}

#[test]
fn the_server_has_a_quota_too() {
    let mut net = Net::new(Config { max_relays: 3, ..config() });
    for port in 0..3 {
        let mut client = Client::new(&format!("user{port}"), &format!("203.0.113.1:{port}"));
        assert!(client.allocate(&mut net).is_success());
    }
    let mut more = Client::new("ana", "203.0.113.1:4000");
    assert_eq!(more.allocate(&mut net).code(), 508);
    assert_eq!(net.server.sizes().relays, 3);
}

#[test]
fn one_client_address_may_have_one_allocation_a_transport() {
    let mut net = Net::new(config());
    for transport in [Transport::Udp, Transport::Tcp, Transport::Tls] {
        let mut client = Client::on("ana", over(transport, "203.0.113.1:4000"));
        assert!(client.allocate(&mut net).is_success());
    }
    assert_eq!(net.server.sizes().clients, 3);
    net.hang_up(over(Transport::Tcp, "203.0.113.1:4000"));
    net.hang_up(over(Transport::Tcp, "203.0.113.1:4000"));
    assert_eq!((net.server.sizes().clients, net.sockets.len()), (2, 2));
}

#[test]
fn beyond_the_quota_the_relay_that_was_silent_longest_makes_room() {
    let mut net = Net::new(config());
    let at = |port: u16| Client::new("ana", &format!("203.0.113.1:{port}"));
    let mut old: Vec<Client> = (4000..4012).map(at).collect();
    for client in &mut old {
        assert!(client.allocate(&mut net).is_success());
        net.wait_s(1);
    }
    let peer = address("8.8.8.8:9");
    assert!(old[0].permit(&mut net, &[peer]).is_success());
    net.wait_s(18);
    // The first is in use, the second 29 seconds silent.
    assert_eq!(old[0].send(&mut net, peer, b"hello").len(), 1);
    assert_eq!(at(5000).allocate(&mut net).code(), 486, "none is silent for long");
    net.wait_s(1);
    let mut new = at(5000);
    assert!(new.allocate(&mut net).is_success());
    assert_eq!(old[1].refresh(&mut net, 600).code(), 437, "the second made room");
    net.wait_s(29);
    assert!(old[2].refresh(&mut net, 600).is_success());
    assert_eq!(old[0].send(&mut net, peer, b"hello").len(), 1);
    for port in 5001..5010 {
        assert!(at(port).allocate(&mut net).is_success(), "{port}");
    }
    for live in [0, 2] {
        assert!(old[live].refresh(&mut net, 600).is_success(), "{live}");
    }
    assert!(new.refresh(&mut net, 600).is_success());
    let counters = *net.server.counters();
    assert_eq!((counters.made_room, counters.quota_refusals), (10, 1));
    let mut bob = Client::new("bob", "203.0.113.1:7000");
    assert!(bob.allocate(&mut net).is_success(), "others are not asked");
    assert_eq!(net.server.counters().made_room, 10);
}

#[test]
fn a_new_public_address_is_for_new_relays() {
    let mut net = Net::new(config());
    let mut before = Client::new("ana", "203.0.113.1:4000");
    let old = before.allocate(&mut net).relayed();
    net.server.set_public(Some("198.51.100.8".parse().unwrap()), None);
    let mut after = Client::new("bob", "203.0.113.1:4001");
    let new = after.allocate(&mut net).relayed();
    assert_eq!((old.ip(), new.ip()), (ip(PUBLIC_IP), ip("198.51.100.8")));
    assert!(before.permit(&mut net, &[new]).is_success());
    assert!(after.permit(&mut net, &[old]).is_success());
    assert_eq!(before.send(&mut net, new, b"hello").len(), 1, "they still find each other");
}
