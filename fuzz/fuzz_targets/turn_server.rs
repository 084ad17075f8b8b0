//! Any life of clients, peers and ports, against the model that the property tests use.

#![no_main]

#[path = "../../crates/turn/tests/turn/model.rs"]
mod model;
#[allow(dead_code)]
#[path = "../../crates/turn/tests/turn/support.rs"]
mod support;

use libfuzzer_sys::arbitrary::{Arbitrary, Result, Unstructured};
use libfuzzer_sys::fuzz_target;
use model::Step;

/// A list of steps read from the fuzzer's bytes.
#[derive(Debug)]
struct Steps(Vec<Step>);

impl<'a> Arbitrary<'a> for Steps {
    fn arbitrary(bytes: &mut Unstructured<'a>) -> Result<Self> {
        let mut steps = Vec::new();
        while !bytes.is_empty() && steps.len() < 200 {
            steps.push(step(bytes)?);
        }
        Ok(Self(steps))
    }
}

fn step(bytes: &mut Unstructured<'_>) -> Result<Step> {
    let (kind, client): (u8, u8) = bytes.arbitrary()?;
    Ok(match kind % 11 {
        0 => Step::Allocate { client, even: bytes.arbitrary()?, lifetime_s: bytes.arbitrary()? },
        1 => Step::Refresh { client, lifetime_s: bytes.arbitrary()? },
        2 => Step::Permit { client, peer: bytes.arbitrary()? },
        3 => Step::Bind { client, channel: bytes.arbitrary()?, peer: bytes.arbitrary()? },
        4 => Step::Send { client, peer: bytes.arbitrary()? },
        5 => Step::Channel { client, channel: bytes.arbitrary()? },
        6 => Step::Peer { client, peer: bytes.arbitrary()? },
        7 => Step::HangUp { client },
        8 => Step::Wait { ms: u32::from(bytes.arbitrary::<u16>()?) * 10 },
        9 => Step::Ports { mode: client },
        _ => Step::Raw { client, bytes: bytes.arbitrary()? },
    })
}

fuzz_target!(|steps: Steps| model::run(&steps.0));
