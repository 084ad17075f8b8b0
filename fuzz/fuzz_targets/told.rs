//! Any bytes as what another node told: neither the packet nor an event in it makes anything panic,
//! and an event that was read can be written and read again.

#![no_main]

use std::sync::LazyLock;
use std::time::Instant;

use bytes::Bytes;
use libfuzzer_sys::fuzz_target;
use wechat::bus::codec::{Decoded, decode, encode};
use wechat::bus::told::{Run, Told};
use wechat::id::{NodeId, ObjectId};

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

fuzz_target!(|data: &[u8]| {
    let me = Run { node: NodeId(ObjectId([1; 12])), number: 1 };
    let mut told = Told::new(me, *BEGAN);
    told.hear(Bytes::copy_from_slice(data), *BEGAN);
    while told.packet(*BEGAN).is_some() {}
    if let Ok(Decoded::Event(event)) = decode(data) {
        let written = encode(&event).expect("an event can be written");
        decode(&written).expect("what was written can be read");
    }
});
