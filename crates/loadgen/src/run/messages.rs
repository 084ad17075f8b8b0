//! Messages of a load: numbered by their idempotency key, so that a receiver knows when each was
//! due.
//!
//! Called by the workloads that send.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::client::error::{Error, Result};
use crate::client::wire::Frame;

/// Names the messages of one run. Keys begin with the time, as the protocol advises.
#[derive(Debug)]
pub struct Numbering {
    run: String,
    next: AtomicU64,
}

impl Default for Numbering {
    fn default() -> Self {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let run = format!("{:012x}{:06x}", now.as_millis(), fastrand::u32(..1 << 24));
        Self { run, next: AtomicU64::new(0) }
    }
}

impl Numbering {
    /// The next number, for loads that have no schedule.
    pub fn next(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    /// The key of message `index`.
    pub fn key(&self, index: u64) -> String {
        format!("{}-{index:012x}", self.run)
    }

    /// The number of the message with this key, if it is of this run.
    pub fn index(&self, key: &str) -> Option<u64> {
        let digits = key.strip_prefix(&self.run)?.strip_prefix('-')?;
        u64::from_str_radix(digits, 16).ok()
    }
}

/// A `message.send` frame. Request ids are the message numbers.
pub fn send_frame(index: u64, chat: &str, key: &str, body: &str) -> String {
    // invariant: ids, keys and bodies of a load need no escapes in JSON.
    let data = format!(r#"{{"chat":"{chat}","client_msg_id":"{key}","body":"{body}"}}"#);
    format!(r#"{{"op":"message.send","id":{index},"d":{data}}}"#)
}

/// A text of `bytes` bytes.
pub fn body(bytes: usize) -> String {
    const WORDS: &str = "did you see what they wrote about the weather in the mountains today ";
    WORDS.chars().cycle().take(bytes.max(1)).collect()
}

/// What a frame means to a load.
#[derive(Debug, PartialEq, Eq)]
pub enum Heard<'a> {
    /// A send was acked.
    Acked,
    /// A message came, with this key (empty for system messages).
    Message(&'a str),
    /// Something else.
    Other,
}

#[derive(Deserialize)]
struct Key<'a> {
    #[serde(default, borrow)]
    client_msg_id: Option<&'a str>,
}

/// Looks into a frame as far as a load must; a refusal is an error.
pub fn hear(text: &str) -> Result<Heard<'_>> {
    let frame = Frame::parse(text)?;
    if let Some(err) = frame.err {
        return Err(Error::refused(&serde_json::from_str(err.get())?));
    }
    Ok(match (frame.re, frame.ev) {
        (Some(_), _) => Heard::Acked,
        (None, Some("message")) => Heard::Message(key_of(frame.d)?),
        _ => Heard::Other,
    })
}

fn key_of(row: Option<&RawValue>) -> Result<&str> {
    let row: Key<'_> = serde_json::from_str(row.map_or("{}", RawValue::get))?;
    Ok(row.client_msg_id.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_its_number_to_its_own_run_alone() {
        let numbering = Numbering::default();
        assert_eq!(numbering.next(), 0);
        assert_eq!(numbering.next(), 1);
        let key = numbering.key(0xabcdef);
        assert!(key.len() <= 64 && key.bytes().all(|byte| byte.is_ascii_graphic()));
        assert_eq!(numbering.index(&key), Some(0xabcdef));
        assert_eq!(numbering.index("else-1"), None);
        assert_eq!(Numbering::default().index(&key), None);
        assert!(numbering.key(9) < numbering.key(10), "keys grow with time");
    }

    #[test]
    fn a_send_frame_is_json_with_a_body_of_the_asked_size() {
        let frame = send_frame(7, "c1", "k1", &body(200));
        let value: serde_json::Value = serde_json::from_str(&frame).expect("JSON");
        assert_eq!(value["op"], "message.send");
        assert_eq!((&value["id"], &value["d"]["chat"]), (&7.into(), &"c1".into()));
        assert_eq!(value["d"]["body"].as_str().map(str::len), Some(200));
    }

    #[test]
    fn acks_messages_and_refusals_are_told_apart() {
        let heard = |text| hear(text).expect("a fine frame");
        assert_eq!(heard(r#"{"re":1,"ok":{"message":{"seq":1}}}"#), Heard::Acked);
        let text = r#"{"ev":"message","d":{"seq":1,"body":"x","client_msg_id":"k"}}"#;
        assert_eq!(heard(text), Heard::Message("k"));
        assert_eq!(heard(r#"{"ev":"message","d":{"seq":2}}"#), Heard::Message(""));
        assert_eq!(heard(r#"{"ev":"typing","d":{}}"#), Heard::Other);
        let refused = hear(r#"{"re":1,"err":{"status":429,"code":"too_many_requests"}}"#);
        assert_eq!(refused.expect_err("a refusal").problem().map(|p| p.status), Some(429));
    }
}
