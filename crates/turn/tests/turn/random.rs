//! Property tests: random bytes and random lives.

use proptest::prelude::*;
use turn::stun::{Message, Writer};

use crate::model::{self, Step};
use crate::support::*;

fn steps() -> impl Strategy<Value = Step> {
    let lifetime_s = prop_oneof![Just(0), Just(600), 1_u16..4000];
    prop_oneof![
        4 => (any::<u8>(), any::<u8>(), lifetime_s.clone()).prop_map(
            |(client, even, lifetime_s)| Step::Allocate { client, even, lifetime_s }),
        2 => (any::<u8>(), lifetime_s).prop_map(
            |(client, lifetime_s)| Step::Refresh { client, lifetime_s }),
        4 => (any::<u8>(), any::<u8>()).prop_map(|(client, peer)| Step::Permit { client, peer }),
        4 => (any::<u8>(), any::<u8>(), any::<u8>()).prop_map(
            |(client, channel, peer)| Step::Bind { client, channel, peer }),
        6 => (any::<u8>(), any::<u8>()).prop_map(|(client, peer)| Step::Send { client, peer }),
        6 => (any::<u8>(), any::<u8>()).prop_map(
            |(client, channel)| Step::Channel { client, channel }),
        6 => (any::<u8>(), any::<u8>()).prop_map(|(client, peer)| Step::Peer { client, peer }),
        1 => any::<u8>().prop_map(|client| Step::HangUp { client }),
        4 => prop_oneof![0_u32..2000, 0_u32..400_000].prop_map(|ms| Step::Wait { ms }),
        1 => any::<u8>().prop_map(|mode| Step::Ports { mode }),
        1 => (any::<u8>(), prop::collection::vec(any::<u8>(), 0..80)).prop_map(
            |(client, bytes)| Step::Raw { client, bytes }),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn the_server_never_relays_what_it_must_not(steps in prop::collection::vec(steps(), 1..120)) {
        model::run(&steps);
    }

    #[test]
    fn random_bytes_are_survived_and_forgotten(
        packets in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..200), 1..50),
    ) {
        let mut net = Net::new(config());
        for packet in packets {
            net.client_sends(tuple("203.0.113.1:4000"), &packet);
        }
        prop_assert_eq!(net.server.sizes(), turn::Sizes::default());
    }

    #[test]
    fn what_is_written_is_read_back(
        method in 0_u16..0x1000,
        transaction in any::<[u8; 12]>(),
        attributes in prop::collection::vec(
            // Not the integrity values and FINGERPRINT, which end a message.
            (0x7100_u16..0x8000, prop::collection::vec(any::<u8>(), 0..50)), 0..10),
    ) {
        let mut bytes = Vec::new();
        let method = turn::stun::Method(method);
        let class = turn::stun::Class::Request;
        let mut writer = Writer::new(&mut bytes, class, method, transaction);
        for (kind, value) in &attributes {
            writer.attribute(*kind, value);
        }
        writer.integrity(b"key").fingerprint();
        let message = Message::parse(&bytes).unwrap();
        prop_assert_eq!((message.class(), message.method()), (class, method));
        prop_assert_eq!(message.transaction(), transaction);
        prop_assert!(message.verify_integrity(b"key") && message.has_fingerprint());
        let owned = |(kind, value): (u16, &[u8])| (kind, value.to_vec());
        let read: Vec<_> = message.attributes().map(owned).collect();
        prop_assert_eq!(read, attributes);
    }

    #[test]
    fn addresses_survive_the_xor(
        ip in any::<std::net::IpAddr>(), port in any::<u16>(), transaction in any::<[u8; 12]>(),
    ) {
        let address = std::net::SocketAddr::new(ip, port);
        let packet = send_indication(transaction, address, b"");
        let message = Message::parse(&packet).unwrap();
        let value = message.find(turn::stun::attribute::XOR_PEER_ADDRESS).unwrap();
        prop_assert_eq!(message.xor_address(value), Some(address));
    }
}
