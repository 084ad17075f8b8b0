//! Any text as a request about a call: reading never panics, and what is read can be written and
//! read again.

#![no_main]

use libfuzzer_sys::fuzz_target;
use serde::Serialize;
use serde::de::DeserializeOwned;
use wechat::core::calls::NewSignal;
use wechat::protocol::bodies::read;
use wechat::protocol::call_frames::{
    AliveFrame, CallRef, LeaveFrame, ReportFrame, RestartFrame, SignalFrame,
};
use wechat::protocol::calls::StartCall;
use wechat::protocol::frames::Request;

/// Reads what a frame carries, and once more what it was written as.
fn twice<T: DeserializeOwned + Serialize>(data: &str) -> Option<T> {
    let first: T = read(data.as_bytes()).ok()?;
    let written = serde_json::to_string(&first).expect("a frame can be written");
    let second: T = read(written.as_bytes()).expect("what was written can be read");
    assert_eq!(written, serde_json::to_string(&second).expect("a frame can be written"));
    Some(first)
}

// The first byte chooses what the rest is read as, so that few inputs are wasted on names.
fuzz_target!(|input: (u8, &str)| {
    let (kind, text) = input;
    match kind % 8 {
        0 => drop(twice::<StartCall>(text)),
        1 => drop(twice::<CallRef>(text)),
        2 => drop(twice::<LeaveFrame>(text)),
        3 => drop(twice::<AliveFrame>(text)),
        4 => drop(twice::<RestartFrame>(text)),
        5 => drop(twice::<ReportFrame>(text)),
        6 => {
            if let Some(frame) = twice::<SignalFrame>(text) {
                let signal = NewSignal::from(frame);
                assert!(signal.data.len() <= text.len());
            }
        }
        _ => drop(serde_json::from_str::<Request<'_>>(text)),
    }
});
