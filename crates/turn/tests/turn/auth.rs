//! Credentials, challenges and nonces, and that strangers leave no trace.

use turn::stun::{Class, Method, Writer, attribute};
use turn::{Credentials, Sizes};

use crate::support::*;

#[test]
fn the_first_request_is_challenged() {
    let mut net = Net::new(config());
    let mut packet = Vec::new();
    let mut request = Writer::new(&mut packet, Class::Request, Method::ALLOCATE, [1; 12]);
    request.attribute(attribute::REQUESTED_TRANSPORT, &UDP);
    let from = tuple("203.0.113.1:4000");
    let answer = answer_for(&net.client_sends(from, &packet), from).unwrap();
    assert_eq!(answer.code(), 401);
    assert_eq!(answer.message().find(attribute::REALM), Some(REALM.as_bytes()));
    assert!(answer.message().find(attribute::NONCE).is_some());
    assert!(!answer.message().has_integrity() && !answer.message().has_fingerprint());
    assert_eq!(net.server.counters().auth_failures, 0, "a first request is not a failure");
}

#[test]
fn wrong_passwords_and_usernames_are_refused() {
    let mut net = Net::new(config());
    let good = Client::new("ana", "203.0.113.1:4000");
    let expiry_unix_s = START_UNIX_S + 600;
    let wrong = [
        Credentials { password: "x".into(), ..good.credentials.clone() },
        Credentials::issue(b"south", expiry_unix_s, "ana", "call1"),
        Credentials { username: format!("{expiry_unix_s}:bob:call1"), ..good.credentials.clone() },
        Credentials::issue(SECRET, START_UNIX_S, "ana", "call1"),
        Credentials::issue(SECRET, START_UNIX_S - 1, "ana", "call1"),
        Credentials::issue(SECRET, expiry_unix_s, "", "call1"),
    ];
    for (at, credentials) in wrong.into_iter().enumerate() {
        let mut client = Client { credentials, ..good.clone() };
        assert_eq!(client.allocate(&mut net).code(), 401, "credential {at}");
        assert_eq!(net.server.counters().auth_failures, at as u64 + 1);
    }
    assert_eq!(net.server.sizes(), Sizes::default());
}

#[test]
fn a_username_without_a_call_works_too() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    // Made as other implementations of the REST scheme do.
    client.credentials = Credentials::issue(SECRET, START_UNIX_S + 60, "ana", "");
    assert!(client.allocate(&mut net).is_success());
}

#[test]
fn a_request_that_is_signed_but_incomplete_is_bad() {
    let mut net = Net::new(config());
    let from = tuple("203.0.113.1:4000");
    let all = [attribute::USERNAME, attribute::REALM, attribute::NONCE];
    for missing in all {
        let mut packet = Vec::new();
        let mut request = Writer::new(&mut packet, Class::Request, Method::ALLOCATE, [1; 12]);
        for kind in all.into_iter().filter(|kind| *kind != missing) {
            request.attribute(kind, b"x");
        }
        request.integrity(b"key");
        let answer = answer_for(&net.client_sends(from, &packet), from).unwrap();
        assert_eq!(answer.code(), 400);
    }
}

#[test]
fn another_realm_is_refused() {
    let mut net = Net::new(turn::Config { realm: "elsewhere".into(), ..config() });
    let mut client = Client::new("ana", "203.0.113.1:4000");
    assert_eq!(client.allocate(&mut net).code(), 401);
}

#[test]
fn nonces_grow_stale_and_belong_to_one_address() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    client.allocate(&mut net);
    let old = client.nonce.clone();
    net.wait_s(599);
    assert!(client.refresh(&mut net, 600).is_success());
    assert_eq!(client.nonce, old);
    net.wait_s(2);
    let packet = client.build(Method::REFRESH, [7; 12], |_| {});
    let answer = answer_for(&net.client_sends(client.tuple, &packet), client.tuple).unwrap();
    assert_eq!(answer.code(), 438);
    assert!(client.refresh(&mut net, 600).is_success(), "with the new nonce");
    assert_ne!(client.nonce, old);

    let mut thief = Client::new("bob", "203.0.113.1:4001");
    thief.nonce = client.nonce.clone();
    let packet = thief.build(Method::ALLOCATE, [8; 12], |_| {});
    let answer = answer_for(&net.client_sends(thief.tuple, &packet), thief.tuple).unwrap();
    assert_eq!(answer.code(), 438);
    // The first request, before any challenge, carries an empty one.
    assert_eq!(net.server.counters().stale_nonces, 4);
}

#[test]
fn expiry_is_checked_at_allocate_only() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    assert!(client.allocate(&mut net).is_success());
    for _ in 0..6 {
        net.wait_s(500);
        assert!(client.refresh(&mut net, 600).is_success());
        assert!(client.permit(&mut net, &[address("8.8.8.8:9")]).is_success());
        assert!(client.bind(&mut net, 0x4000, address("8.8.8.8:9")).is_success());
    }
    let mut late = Client::new("ana", "203.0.113.1:4001");
    assert_eq!(late.allocate(&mut net).code(), 401);
    client.refresh(&mut net, 0);
    assert_eq!(client.allocate(&mut net).code(), 401);
}

#[test]
fn two_secrets_live_side_by_side_and_running_allocations_outlive_theirs() {
    let mut net = Net::new(config());
    let mut before = Client::new("ana", "203.0.113.1:4000");
    assert!(before.allocate(&mut net).is_success());

    net.server.set_secrets(vec![b"south".to_vec(), SECRET.to_vec()]);
    let mut old = Client::new("bob", "203.0.113.1:4001");
    assert!(old.allocate(&mut net).is_success());
    let mut new = Client::new("bob", "203.0.113.1:4002");
    new.credentials = Credentials::issue(b"south", START_UNIX_S + 600, "bob", "call1");
    assert!(new.allocate(&mut net).is_success());

    net.server.set_secrets(vec![b"south".to_vec()]);
    assert!(before.refresh(&mut net, 600).is_success());
    let mut late = Client::new("bob", "203.0.113.1:4003");
    assert_eq!(late.allocate(&mut net).code(), 401);
}

#[test]
fn an_allocation_obeys_only_the_username_that_made_it() {
    let mut net = Net::new(config());
    let mut ana = Client::new("ana", "203.0.113.1:4000");
    assert!(ana.allocate(&mut net).is_success());
    let mut bob = Client::new("bob", "203.0.113.1:4000");
    assert_eq!(bob.refresh(&mut net, 0).code(), 441);
    assert_eq!(bob.permit(&mut net, &[address("8.8.8.8:9")]).code(), 441);
    assert_eq!(bob.bind(&mut net, 0x4000, address("8.8.8.8:9")).code(), 441);
    assert_eq!(bob.allocate(&mut net).code(), 441);
    assert_eq!(net.server.sizes().clients, 1);
}

#[test]
fn unknown_attributes_are_named() {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    let answer = client.allocate_with(&mut net, |request| {
        request.attribute(0x7001, b"").attribute(0xC001, b"").attribute(0x7002, b"x");
    });
    assert_eq!(answer.code(), 420);
    let named = answer.message().find(attribute::UNKNOWN_ATTRIBUTES).map(<[u8]>::to_vec);
    assert_eq!(named, Some(vec![0x70, 0x01, 0x70, 0x02]));
}

#[test]
fn binding_tells_the_address_and_needs_no_credentials() {
    let mut net = Net::new(config());
    for from in ["203.0.113.1:4000", "[2001:db8::1]:4000", "[::ffff:203.0.113.1]:4000"] {
        let mut packet = Vec::new();
        Writer::new(&mut packet, Class::Request, Method::BINDING, [3; 12]);
        let from = tuple(from);
        let answer = answer_for(&net.client_sends(from, &packet), from).unwrap();
        let mapped = answer.address(attribute::XOR_MAPPED_ADDRESS).unwrap();
        assert_eq!(mapped.ip(), from.client.ip().to_canonical());
        assert_eq!(mapped.port(), 4000);
    }
    let mut packet = Vec::new();
    Writer::new(&mut packet, Class::Request, Method::BINDING, [3; 12]).number(0x7001, 1);
    let from = tuple("203.0.113.1:4000");
    assert_eq!(answer_for(&net.client_sends(from, &packet), from).unwrap().code(), 420);
}

#[test]
fn answers_indications_and_nonsense_are_not_answered() {
    let mut net = Net::new(config());
    let from = tuple("203.0.113.1:4000");
    for class in [Class::Indication, Class::Success, Class::Error] {
        for method in [Method::BINDING, Method::ALLOCATE, Method::DATA, Method(0x00A)] {
            let mut packet = Vec::new();
            Writer::new(&mut packet, class, method, [3; 12]);
            assert_eq!(net.client_sends(from, &packet), []);
        }
    }
    for packet in [&b""[..], b"\0", b"GET / HTTP/1.1\r\n\r\n", &[0xFF; 40], &[0x40; 3]] {
        assert_eq!(net.client_sends(from, packet), []);
    }
    assert_eq!(net.server.counters().drops.malformed, 5);
}

/// An Allocate as anybody can send it, in somebody else's name.
fn stranger(number: u64) -> Vec<u8> {
    let mut packet = Vec::new();
    let mut transaction = [0; 12];
    transaction[4..].copy_from_slice(&number.to_be_bytes());
    Writer::new(&mut packet, Class::Request, Method::ALLOCATE, transaction);
    packet
}

fn bytes_of(sent: &[Sent]) -> usize {
    let bytes = |sent: &Sent| match sent {
        Sent::Client { bytes, .. } => bytes.len(),
        other => panic!("{other:?}"),
    };
    sent.iter().map(bytes).sum()
}

#[test]
fn two_hundred_thousand_strangers_leave_no_trace_and_get_less_than_they_send() {
    let mut net = Net::new(config());
    let (mut asked, mut answered) = (0, 0);
    for number in 0..200_000_u32 {
        let mut from = tuple("203.0.113.1:4000");
        from.client.set_ip(std::net::Ipv4Addr::from(0x0B00_0000 + number).into());
        let packet = stranger(0);
        asked += packet.len();
        answered += bytes_of(&net.client_sends(from, &packet));
    }
    // All budgets together hold 8 MiB.
    assert!(answered < asked + (8 << 20), "{answered} bytes for {asked}");
    assert_eq!(net.server.sizes(), Sizes::default());
    assert_eq!(net.server.poll_timeout(), None);
}

#[test]
fn a_flood_in_the_name_of_a_network_gets_back_less_than_it_sends() {
    let mut net = Net::new(config());
    let (mut asked, mut answered) = (0, 0);
    for number in 0..100_000_u64 {
        // Allocates and Bindings, from all ports, for ten seconds.
        net.wait_ms(u64::from(number % 10 == 0));
        let mut from = tuple("203.0.113.1:4000");
        from.client.set_port(1024 + (number % 60_000) as u16);
        let mut packet = stranger(number);
        if number % 2 == 0 {
            packet.clear();
            let mut transaction = [1; 12];
            transaction[4..].copy_from_slice(&number.to_be_bytes());
            Writer::new(&mut packet, Class::Request, Method::BINDING, transaction);
        }
        asked += packet.len();
        answered += bytes_of(&net.client_sends(from, &packet));
    }
    assert!(answered < asked / 10, "{answered} bytes for {asked}");
    assert!(net.server.counters().drops.unanswered > 90_000);
}

#[test]
fn a_client_in_a_flooded_network_gets_its_relay_by_asking_again() {
    let mut net = Net::new(config());
    let mut number = 0;
    let mut flood = |net: &mut Net| {
        for _ in 0..5_000 {
            number += 1;
            net.client_sends(tuple("203.0.113.1:5000"), &stranger(number));
        }
    };
    flood(&mut net);
    // As browsers send it, again and again with the same transaction.
    let mut client = Client::new("ana", "203.0.113.1:4000");
    let mut first = Vec::new();
    let mut request = Writer::new(&mut first, Class::Request, Method::ALLOCATE, [9; 12]);
    request.attribute(attribute::REQUESTED_TRANSPORT, &UDP);
    let mut tries = 0;
    let answer = loop {
        tries += 1;
        if let Some(answer) = answer_for(&net.client_sends(client.tuple, &first), client.tuple) {
            break answer;
        }
        flood(&mut net);
    };
    assert!(tries <= 4, "{tries} tries");
    client.nonce = answer.message().find(attribute::NONCE).unwrap().to_vec();
    flood(&mut net);
    assert!(client.allocate(&mut net).is_success(), "who has a credential is never limited");
    flood(&mut net);
    let mut binding = Vec::new();
    Writer::new(&mut binding, Class::Request, Method::BINDING, [3; 12]);
    assert_eq!(net.client_sends(client.tuple, &binding).len(), 1, "nor who has a relay");
    let stream = over(turn::Transport::Tcp, "203.0.113.1:4000");
    assert_eq!(net.client_sends(stream, &binding).len(), 1, "nor streams, which nobody fakes");
    let elsewhere = tuple("203.0.113.2:4000");
    assert_eq!(net.client_sends(elsewhere, &first).len(), 1, "nor another network");
}

#[test]
fn a_trial_reaches_relays_of_this_server_alone_for_a_short_time() {
    let mut net = Net::new(config());
    let trial = |from: &str| {
        let mut client = Client::new("ana", from);
        client.credentials = Credentials::issue(SECRET, START_UNIX_S + 120, "ana", turn::TRIAL);
        client
    };
    let (mut one, mut two) = (trial("203.0.113.1:4000"), trial("203.0.113.1:4001"));
    let lifetime = |request: &mut Writer<'_>| {
        request.number(attribute::LIFETIME, 3600);
    };
    let answer = one.allocate_with(&mut net, lifetime);
    assert_eq!(answer.number(attribute::LIFETIME), Some(60));
    let (here, there) = (answer.relayed(), two.allocate(&mut net).relayed());
    assert_eq!(one.permit(&mut net, &[address("8.8.8.8:9")]).code(), 403);
    assert_eq!(one.bind(&mut net, 0x4000, address("8.8.8.8:9")).code(), 403);
    assert!(one.permit(&mut net, &[there]).is_success());
    assert!(two.permit(&mut net, &[here]).is_success());
    assert_eq!(one.send(&mut net, there, b"hello").len(), 1);
    let same_host = std::net::SocketAddr::new(there.ip(), 9);
    assert_eq!(one.send(&mut net, same_host, b"hello"), []);
    let relay = net.relay_at(here);
    assert_eq!(net.peer_sends(relay, same_host, b"hello"), [], "nothing comes in from outside");

    let mut calls = (0..12).map(|at| Client::new("ana", &format!("203.0.113.1:{}", 5000 + at)));
    assert!(calls.all(|mut call| call.allocate(&mut net).is_success()), "calls count apart");
    let many: Vec<u16> = (0..5)
        .map(|at| trial(&format!("203.0.113.1:{}", 6000 + at)).allocate(&mut net).code())
        .collect();
    assert_eq!(many, [0, 0, 0, 0, 486]);
    // Both ends are this user's, so each byte counts twice.
    let sent = one.send(&mut net, there, &[7; 20_000]).len();
    assert_eq!((sent, one.send(&mut net, there, &[7; 20_000]).len()), (1, 0), "and slow");

    net.wait_s(59);
    assert!(one.refresh(&mut net, 600).is_success());
    net.wait_s(60);
    assert_eq!(one.refresh(&mut net, 600).code(), 437, "its minute is over");
    net.wait_s(1);
    assert_eq!(one.allocate(&mut net).code(), 401, "and its credential");
}

#[test]
fn strangers_with_signatures_leave_no_trace_and_no_memory() {
    let mut net = Net::new(config());
    let mut liar = Client::new("ana", "203.0.113.1:4000");
    liar.credentials.password = "guess".into();
    assert_eq!(liar.allocate(&mut net).code(), 401);
    let packet = liar.build(Method::ALLOCATE, [5; 12], |_| {});
    let mut out = turn::Out::new();
    net.server.handle_client(net.now, liar.tuple, &packet, &mut out);
    let (server, now) = (&mut net.server, net.now);
    let held = allocation_counter::measure(|| {
        for _ in 0..10_000 {
            out.clear();
            server.handle_client(now, liar.tuple, &packet, &mut out);
        }
    });
    assert_eq!(held.bytes_current, 0, "{held:?}");
    assert_eq!(net.server.sizes(), Sizes::default());
}
