//! What was said in a chat, which of it was acknowledged, and whether the server still has it.
//!
//! Invariant: an entry is either waiting or acknowledged; an acknowledged one never changes its
//! seq. Called by the stories of this binary.

use std::collections::{BTreeMap, HashMap};

use serde_json::Value;

use crate::harness::{Person, message_of};

/// The books of one chat.
pub struct Ledger {
    pub chat: String,
    /// Key to seq and body of everything acknowledged.
    acked: HashMap<String, (u64, String)>,
    /// Key to body of everything sent that has no answer yet.
    waiting: BTreeMap<String, String>,
}

impl Ledger {
    pub fn new(chat: String) -> Self {
        Self { chat, acked: HashMap::new(), waiting: BTreeMap::new() }
    }

    pub fn acked(&self) -> usize {
        self.acked.len()
    }

    /// What to repeat: all that has no answer.
    pub fn waiting(&self) -> Vec<(String, String)> {
        self.waiting.iter().map(|(key, body)| (key.clone(), body.clone())).collect()
    }

    pub fn sent(&mut self, key: &str, body: &str) {
        self.waiting.insert(key.into(), body.into());
    }

    /// Books an answer; a repeated one must say what the first said.
    pub fn answered(&mut self, key: &str, body: &str, answer: Value) {
        let message = message_of(answer);
        let seq = message["seq"].as_u64().unwrap_or_else(|| panic!("no seq: {message}"));
        assert_eq!(message["client_msg_id"], key, "the answer to another send");
        assert_eq!(message["body"], body, "{key} was acknowledged with another body");
        self.waiting.remove(key);
        let booked = self.acked.entry(key.into()).or_insert((seq, body.into()));
        assert_eq!(booked.0, seq, "{key} moved");
    }

    /// Reads the whole chat: no gap, no key twice, and all that was acknowledged in its place.
    /// With `settled`, there is nothing else either but what the server said itself.
    pub async fn check(&self, reader: &Person, settled: bool) {
        let rows = self.rows(reader).await;
        let mut found = HashMap::new();
        for (row, seq) in rows.iter().zip(1..) {
            assert_eq!(row["seq"].as_u64(), Some(seq), "a gap in {}", self.chat);
            let Some(key) = row["client_msg_id"].as_str() else { continue };
            let body = row["body"].as_str().expect("a text message has a body");
            let twice = found.insert(key, (seq, body));
            assert!(twice.is_none(), "{key} is there twice: {twice:?} and {seq}");
            let said = self.waiting.get(key).or_else(|| self.acked.get(key).map(|acked| &acked.1));
            assert_eq!(said.map(String::as_str), Some(body), "{key} was not said like this");
        }
        for (key, (seq, body)) in &self.acked {
            assert_eq!(found.get(key.as_str()), Some(&(*seq, body.as_str())), "{key} was lost");
        }
        assert!(!settled || found.len() == self.acked.len(), "more is stored than was sent");
    }

    /// Every row of the chat from its first.
    async fn rows(&self, reader: &Person) -> Vec<Value> {
        let mut rows: Vec<Value> = Vec::new();
        loop {
            let after = rows.last().map_or(0, |row| row["seq"].as_u64().expect("a row has a seq"));
            let query = format!("?after={after}&limit=200");
            let page = reader.api.history(&self.chat, &query).await.expect("a page of history");
            let fresh = page["messages"].as_array().expect("a page has messages");
            if fresh.is_empty() {
                return rows;
            }
            rows.extend(fresh.iter().cloned());
        }
    }
}
