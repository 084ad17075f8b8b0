//! Any bytes as a STUN message: reading never panics, and what is read can be written again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use turn::stun::{Message, Writer, attribute};

fuzz_target!(|bytes: &[u8]| {
    let Ok(message) = Message::parse(bytes) else { return };
    let _ = message.verify_integrity(b"key");
    assert!(message.unknown_attributes(|_| false).kinds().len() <= 8);
    for kind in [attribute::USERNAME, attribute::XOR_PEER_ADDRESS, attribute::DATA] {
        let _ = message.find(kind).and_then(|value| message.xor_address(value));
    }
    let mut again = Vec::new();
    let mut writer =
        Writer::new(&mut again, message.class(), message.method(), message.transaction());
    for (kind, value) in message.attributes() {
        writer.attribute(kind, value);
    }
    let copy = Message::parse(&again).expect("what was written is well-formed");
    assert!(copy.attributes().eq(message.attributes()));
    assert_eq!((copy.class(), copy.method()), (message.class(), message.method()));
});
