//! What a client knows: its chats, its memberships, their messages, kept by rev.
//!
//! Invariant: applying a row twice, or an older row after a newer one, changes nothing; so live
//! events and fetched pages may overlap and come in any order.
//! Invariant: a chat that the user is not in holds no message.
//!
//! Two states are equal when a person would see the same. Names of authors are left out: they are
//! those of the moment of the answer. Called by tests that compare a client that followed events
//! with one that fetched afresh.

use std::collections::BTreeMap;

use serde_json::Value;

use super::connection::Event;

/// What a client knows of one chat.
#[derive(Debug, Clone, Default)]
pub struct ChatState {
    /// The chat's row; `Null` while only other rows of it were seen.
    pub chat: Value,
    /// The user's own membership; `Null` while it was not seen.
    pub member: Value,
    /// Messages by seq.
    pub messages: BTreeMap<u64, Value>,
    /// The head of the chat's log when its row was told.
    told_at_rev: u64,
}

impl PartialEq for ChatState {
    fn eq(&self, other: &Self) -> bool {
        self.chat == other.chat && self.member == other.member && self.messages == other.messages
    }
}

/// What a client knows.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    me: String,
    chats: BTreeMap<String, ChatState>,
}

fn number(row: &Value, field: &str) -> u64 {
    row[field].as_u64().unwrap_or_default()
}

fn raise(row: &mut Value, field: &str, to: u64) {
    if row.is_object() && number(row, field) < to {
        row[field] = to.into();
    }
}

impl ChatState {
    /// Whether the user is in the chat, as far as is known.
    pub fn is_in(&self) -> bool {
        self.member["state"].as_str().is_none_or(|state| state == "active")
    }

    /// The first message that the user may see.
    fn visible_from(&self) -> u64 {
        let shared = self.chat["history_shared"].as_bool().unwrap_or_default();
        let joined = if shared { 1 } else { number(&self.member, "join_seq") };
        joined.max(number(&self.member, "hide_seq") + 1)
    }

    /// Messages that the user has not read.
    pub fn unread(&self) -> u64 {
        let member = &self.member;
        let floor = [
            number(member, "read_seq"),
            number(member, "join_seq").saturating_sub(1),
            number(member, "hide_seq"),
            number(member, "own_seq"),
        ];
        number(&self.chat, "head_seq").saturating_sub(floor.into_iter().max().unwrap_or_default())
    }

    /// Drops what the user may not see and brings the rows in line with each other.
    fn settle(&mut self, me: &str) {
        if !self.is_in() {
            self.messages.clear();
            return;
        }
        let first = self.visible_from();
        self.messages = self.messages.split_off(&first);
        let Some((&last, _)) = self.messages.last_key_value() else { return };
        raise(&mut self.chat, "head_seq", last);
        let rev = self.messages.values().map(|row| number(row, "rev")).max().unwrap_or_default();
        raise(&mut self.chat, "head_rev", rev);
        let own = self.messages.iter().rev().find(|(_, row)| row["from"] == me);
        if let Some((&seq, _)) = own {
            raise(&mut self.member, "own_seq", seq);
        }
    }
}

impl State {
    /// Nothing yet, as seen by the user with this id.
    pub fn new(me: impl Into<String>) -> Self {
        Self { me: me.into(), chats: BTreeMap::new() }
    }

    /// What is known of a chat.
    pub fn chat(&self, id: &str) -> Option<&ChatState> {
        self.chats.get(id)
    }

    /// Everything that is known.
    pub fn chats(&self) -> &BTreeMap<String, ChatState> {
        &self.chats
    }

    /// Takes an event of the connection; whether its kind is one of the state's.
    pub fn apply_event(&mut self, event: &Event) -> bool {
        match event.name.as_str() {
            "message" => self.apply_message(&event.data),
            "chat" => self.apply_summary(&event.data),
            "member" => self.apply_member(&event.data),
            _ => return false,
        }
        true
    }

    /// Takes a row of the list of chats (`chat`, `member`, `last`), or the row of a chat alone.
    pub fn apply_summary(&mut self, summary: &Value) {
        if !summary["chat"].is_object() {
            return self.apply_chat(summary);
        }
        self.apply_chat(&summary["chat"]);
        self.apply_member(&summary["member"]);
        self.apply_message(&summary["last"]);
    }

    /// Takes the row of a chat.
    pub fn apply_chat(&mut self, row: &Value) {
        self.change(&row["id"], |known| {
            let rev = number(row, "head_rev");
            if !row.is_object() || rev < known.told_at_rev {
                return;
            }
            // Messages raised the head of the row before; what they told still holds.
            let heads = [number(&known.chat, "head_seq"), number(&known.chat, "head_rev")];
            known.chat = row.clone();
            known.told_at_rev = rev;
            raise(&mut known.chat, "head_seq", heads[0]);
            raise(&mut known.chat, "head_rev", heads[1]);
        });
    }

    /// Takes the row of the user's own membership.
    pub fn apply_member(&mut self, row: &Value) {
        self.change(&row["chat"], |known| {
            if known.member.is_null() || number(row, "rev") > number(&known.member, "rev") {
                let own = number(&known.member, "own_seq");
                known.member = row.clone();
                raise(&mut known.member, "own_seq", own);
            }
        });
    }

    /// Takes the row of a message.
    pub fn apply_message(&mut self, row: &Value) {
        self.change(&row["chat"], |known| {
            let seq = number(row, "seq");
            let newer = |old: &Value| number(row, "rev") > number(old, "rev");
            if seq > 0 && known.messages.get(&seq).is_none_or(newer) {
                let mut row = row.clone();
                if let Some(fields) = row.as_object_mut() {
                    fields.remove("from_name");
                }
                known.messages.insert(seq, row);
            }
        });
    }

    fn change(&mut self, chat: &Value, change: impl FnOnce(&mut ChatState)) {
        let Some(id) = chat.as_str() else { return };
        let known = self.chats.entry(id.to_owned()).or_default();
        change(known);
        known.settle(&self.me);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn chat(head: u64, title: &str) -> Value {
        json!({"id": "c", "title": title, "head_seq": head, "head_rev": head,
               "history_shared": false})
    }

    fn member(rev: u64, state: &str, join_seq: u64) -> Value {
        json!({"chat": "c", "user": "me", "state": state, "join_seq": join_seq, "read_seq": 0,
               "own_seq": 0, "hide_seq": 0, "rev": rev})
    }

    fn message(seq: u64, rev: u64, from: &str, body: &str) -> Value {
        json!({"chat": "c", "seq": seq, "rev": rev, "from": from, "from_name": "X", "body": body})
    }

    /// What happens in a small group, as rows in the order of the server.
    fn story() -> Vec<Event> {
        let event = |name: &str, data| Event { name: name.into(), data };
        vec![
            event("member", member(1, "active", 2)),
            event("chat", chat(2, "Lunch")),
            event("message", message(2, 2, "ana", "hola")),
            event("message", message(3, 3, "me", "hi")),
            event("message", message(2, 4, "ana", "hola!")),
            event("chat", chat(5, "Dinner")),
            event("message", message(4, 5, "ana", "")),
        ]
    }

    fn after(events: impl IntoIterator<Item = Event>) -> State {
        let mut state = State::new("me");
        for event in events {
            assert!(state.apply_event(&event));
        }
        state
    }

    #[test]
    fn rows_in_any_order_and_any_number_give_one_state() {
        let expected = after(story());
        let mut random = fastrand::Rng::with_seed(7);
        for _ in 0..500 {
            let mut events = [story(), story()].concat();
            random.shuffle(&mut events);
            assert_eq!(after(events.clone()), expected, "{events:?}");
        }
        let known = expected.chat("c").expect("the chat");
        assert_eq!(known.chat["title"], "Dinner");
        assert_eq!(known.chat["head_seq"], 5);
        assert_eq!(known.messages[&2]["body"], "hola!");
        assert_eq!(known.messages[&2].get("from_name"), None);
        assert_eq!(known.unread(), 2, "what one writes is not unread");
    }

    #[test]
    fn states_that_look_different_are_different() {
        let state = after(story());
        let mut other = state.clone();
        other.apply_message(&message(3, 9, "me", "edited"));
        assert_ne!(state, other);
        let missing_one = after(story().into_iter().skip(3));
        assert_ne!(state, missing_one);
    }

    #[test]
    fn who_left_sees_no_message_and_who_comes_back_sees_new_ones() {
        let mut state = after(story());
        state.apply_member(&member(2, "left", 2));
        assert!(state.chat("c").is_some_and(|known| !known.is_in() && known.messages.is_empty()));
        state.apply_message(&message(6, 6, "ana", "behind your back"));
        assert!(state.chat("c").is_some_and(|known| known.messages.is_empty()));
        state.apply_member(&member(3, "active", 7));
        state.apply_message(&message(6, 6, "ana", "behind your back"));
        state.apply_message(&message(7, 7, "ana", "welcome"));
        let seqs: Vec<u64> = state.chats()["c"].messages.keys().copied().collect();
        assert_eq!(seqs, [7]);
    }

    #[test]
    fn a_row_of_the_list_brings_chat_member_and_last_message() {
        let mut state = State::new("me");
        state.apply_summary(&json!({"chat": chat(3, "Lunch"), "member": member(1, "active", 1),
            "last": message(3, 3, "ana", "hola"), "unread": 3, "mentions": 0}));
        let known = state.chat("c").expect("the chat");
        assert_eq!((known.messages.len(), known.unread()), (1, 3));
        assert!(!state.apply_event(&Event { name: "typing".into(), data: Value::Null }));
    }
}
