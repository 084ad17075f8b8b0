//! Credentials, challenges and nonces, and that strangers leave no trace.

use turn::stun::{Class, Message, Method, Writer, attribute};
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
    assert_eq!(net.server.counters().auth_failures, 0, "a first request is no failure");
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

#[test]
fn two_hundred_thousand_strangers_leave_no_trace() {
    let mut net = Net::new(config());
    let mut packet = Vec::new();
    let mut request = Writer::new(&mut packet, Class::Request, Method::ALLOCATE, [1; 12]);
    request.attribute(attribute::REQUESTED_TRANSPORT, &UDP);
    for stranger in 0..200_000_u32 {
        let mut from = tuple("203.0.113.1:4000");
        from.client.set_ip(std::net::Ipv4Addr::from(0x0B00_0000 + stranger).into());
        let sent = net.client_sends(from, &packet);
        let [Sent::Client { bytes, .. }] = &sent[..] else { panic!("{sent:?}") };
        assert!(Message::parse(bytes).unwrap().find(attribute::NONCE).is_some());
        assert!(bytes.len() < 5 * packet.len(), "no amplifier worth the name");
    }
    assert_eq!(net.server.sizes(), Sizes::default());
    assert_eq!(net.server.poll_timeout(), None);
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
