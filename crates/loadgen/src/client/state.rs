//! What a client knows: its chats, its memberships, their messages, kept by rev.
//!
//! Invariant: applying a row twice, or an older row after a newer one, changes nothing; so live
//! events and pages of sync may overlap and come in any order. Invariant: what `have` claims to
//! have reached is complete up to there: a live row counts only once sync has caught up on the same
//! connection, or when it is the very next one. Invariant: sync has caught up only when nothing was
//! lost since its last page was asked for: not the connection, not an event (`resync`), not a row
//! that was dropped because the user was not yet known to be in its chat. A page that builds on
//! what was forgotten since it was requested is void. Invariant: everything known belongs to one
//! incarnation of the store. Invariant: for a chat that the user is not in, only the membership is
//! kept.
//!
//! Two states are equal when a person would see the same. Authors' names are left out: they are
//! those at the time of the answer. Called by tests that compare a client that followed events with
//! one that fetched afresh.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::{Value, json};

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
    /// Seqs of rows that are not here and have nothing to read in them.
    quiet: BTreeSet<u64>,
    /// Seqs that the user hid for itself.
    hidden: BTreeSet<u64>,
    /// The head of the chat's log when its row was told.
    told_at_rev: u64,
    /// The rev up to which everything is here; `None` while sync has not told of the chat.
    reached: Option<u64>,
}

impl PartialEq for ChatState {
    fn eq(&self, other: &Self) -> bool {
        self.chat == other.chat && self.member == other.member && self.messages == other.messages
    }
}

/// What a client knows.
#[derive(Debug, Clone)]
pub struct State {
    me: String,
    chats: BTreeMap<String, ChatState>,
    /// The incarnation of the store that all this is from; `Null` before the first connection.
    incarnation: Value,
    /// The version of the inbox that sync has reached.
    inbox: u64,
    /// Sync has caught up on the present connection.
    caught_up: bool,
    /// Something was lost since sync was last asked: its answer need not make up for that.
    lost: bool,
    /// How far a chat was reached was forgotten since sync was last asked: its answer rests on it.
    forgot: bool,
}

impl PartialEq for State {
    fn eq(&self, other: &Self) -> bool {
        self.me == other.me && self.present().eq(other.present())
    }
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

    /// Whether the user is known to be in the chat.
    fn is_known_to_be_in(&self) -> bool {
        self.member["state"] == "active"
    }

    /// The first message that the user may see.
    fn visible_from(&self) -> u64 {
        let shared = self.chat["history_shared"].as_bool().unwrap_or_default();
        let joined = if shared { 1 } else { number(&self.member, "join_seq") };
        joined.max(number(&self.member, "hide_seq") + 1)
    }

    /// Messages that the user has not read and that there is something to read in: no system
    /// messages, none that was deleted or hidden. Of a row that is not here it is taken that there
    /// is, unless sync said that there is not.
    pub fn unread(&self) -> u64 {
        let member = &self.member;
        let floor = [
            number(member, "read_seq"),
            number(member, "join_seq").saturating_sub(1),
            number(member, "hide_seq"),
            number(member, "own_seq"),
        ];
        let (head, floor) =
            (number(&self.chat, "head_seq"), floor.into_iter().max().unwrap_or_default());
        if head <= floor {
            return 0;
        }
        let behind = floor + 1..=head;
        let is_quiet = |row: &&Value| row["kind"] == "system" || row["kind"] == "deleted";
        let quiet = self.messages.range(behind.clone()).map(|held| held.1).filter(is_quiet).count();
        let hidden = self.hidden.range(behind.clone()).count();
        let elsewhere = |seq: &&u64| !self.messages.contains_key(seq) && !self.hidden.contains(seq);
        let told = self.quiet.range(behind).filter(elsewhere).count();
        (head - floor).saturating_sub((quiet + hidden + told) as u64)
    }

    /// Takes the row of the chat. Whether more of its log is open to the user than was when the
    /// older of the two rows was told.
    fn take_chat(&mut self, row: &Value) -> bool {
        let opened = |before: &Value, after: &Value| {
            before["history_shared"] == false && after["history_shared"] == true
        };
        if number(row, "head_rev") < self.told_at_rev {
            return opened(row, &self.chat);
        }
        let wider = opened(&self.chat, row);
        // Messages raised the head of the row before; what they told still holds.
        let heads = [number(&self.chat, "head_seq"), number(&self.chat, "head_rev")];
        self.chat = row.clone();
        self.told_at_rev = number(row, "head_rev");
        raise(&mut self.chat, "head_seq", heads[0]);
        raise(&mut self.chat, "head_rev", heads[1]);
        wider
    }

    /// Takes the row of the user's membership. Whether it ends the stay that was known, or is of
    /// another one.
    fn take_member(&mut self, row: &Value) -> bool {
        let hidden = row["hidden"].as_array().into_iter().flatten();
        self.hidden.extend(hidden.filter_map(Value::as_u64));
        if !self.member.is_null() && number(row, "rev") <= number(&self.member, "rev") {
            return false;
        }
        let (was_in, joined) = (self.is_known_to_be_in(), self.member["join_seq"].clone());
        let own = number(&self.member, "own_seq");
        self.member = row.clone();
        let stays = was_in && self.is_known_to_be_in() && self.member["join_seq"] == joined;
        if let Some(fields) = self.member.as_object_mut() {
            fields.remove("hidden");
        }
        raise(&mut self.member, "own_seq", own);
        !stays
    }

    /// Drops what the user may not see and brings the rows in line with each other.
    fn settle(&mut self, me: &str) {
        if !self.is_in() {
            let (member, hidden) =
                (std::mem::take(&mut self.member), std::mem::take(&mut self.hidden));
            *self = Self { member, hidden, ..Self::default() };
            return;
        }
        let first = self.visible_from();
        self.messages = self.messages.split_off(&first);
        self.raise_heads(me);
        self.messages.retain(|seq, _| !self.hidden.contains(seq));
    }

    /// What a row tells of its chat holds, also where the user has hidden it.
    fn raise_heads(&mut self, me: &str) {
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
        Self {
            me: me.into(),
            chats: BTreeMap::new(),
            incarnation: Value::Null,
            inbox: 0,
            caught_up: false,
            lost: false,
            forgot: false,
        }
    }

    /// What is known of a chat.
    pub fn chat(&self, id: &str) -> Option<&ChatState> {
        self.chats.get(id)
    }

    /// Everything that is known, also of chats that the user left.
    pub fn chats(&self) -> &BTreeMap<String, ChatState> {
        &self.chats
    }

    /// The chats that the user is in.
    pub fn present(&self) -> impl Iterator<Item = (&String, &ChatState)> {
        self.chats.iter().filter(|(_, known)| known.is_in())
    }

    /// What to send with `sync`: what is here; `latest` is how many messages are wanted of a chat
    /// that is not here yet. The next page that is applied must be the answer.
    pub fn have(&mut self, latest: u32) -> Value {
        (self.lost, self.forgot) = (false, false);
        let reached: BTreeMap<&String, u64> =
            self.present().filter_map(|(id, known)| Some((id, known.reached?))).collect();
        let mut have = json!({ "inbox": self.inbox, "chats": reached, "latest": latest });
        if self.incarnation.is_string() {
            have["incarnation"] = self.incarnation.clone();
        }
        have
    }

    /// Says that events were lost, with the connection or without: live rows count again after the
    /// next sync.
    pub fn cut(&mut self) {
        (self.caught_up, self.lost) = (false, true);
    }

    /// Whether sync has caught up since events were last lost; if not, it is to be asked.
    pub fn is_caught_up(&self) -> bool {
        self.caught_up
    }

    /// Takes a page of sync, the answer to what `have` last gave; whether there is more to ask for.
    pub fn apply_sync(&mut self, page: &Value) -> bool {
        let incarnation = page["incarnation"].clone();
        if page["reset"] == true {
            *self = Self { incarnation, ..Self::new(std::mem::take(&mut self.me)) };
            return true;
        }
        if self.forgot {
            return true;
        }
        self.incarnation = incarnation;
        let mut anew = BTreeSet::new();
        for row in page["memberships"].as_array().into_iter().flatten() {
            let was_held = self.has_reached(&row["chat"]);
            if self.take_member(row) && was_held {
                anew.insert(row["chat"].as_str().unwrap_or_default());
            }
        }
        for news in page["chats"].as_array().into_iter().flatten() {
            let is_anew = news["chat"]["id"].as_str().is_some_and(|id| anew.contains(id));
            self.apply_news(news, is_anew);
        }
        self.inbox = self.inbox.max(number(page, "inbox"));
        let all_here =
            self.chats.values().all(|known| !known.is_known_to_be_in() || known.reached.is_some());
        let more = page["more"] == true || self.lost || !all_here;
        self.caught_up |= !more;
        more
    }

    /// Takes what sync tells of one chat. What it was asked for rests on another stay there if
    /// `is_anew`, or on less of the log than is open now: then how far it reaches says nothing.
    fn apply_news(&mut self, news: &Value, is_anew: bool) {
        let (id, rev) = (&news["chat"]["id"], number(news, "rev"));
        let rows: Vec<&Value> = news["messages"].as_array().into_iter().flatten().collect();
        if news["reset"] == true || !self.has_reached(id) {
            let told: BTreeSet<u64> = rows.iter().map(|row| number(row, "seq")).collect();
            let stays = |seq: &u64, row: &mut Value| number(row, "rev") > rev || told.contains(seq);
            let quiet = news["quiet"].as_array().into_iter().flatten().filter_map(Value::as_u64);
            self.change(id, |known| {
                known.messages.retain(stays);
                known.quiet = quiet.collect();
            });
        }
        let mut wider = false;
        self.change(id, |known| wider = known.take_chat(&news["chat"]));
        rows.into_iter().for_each(|row| self.apply_message(row));
        self.change(id, |known| {
            known.reached = if wider || is_anew { None } else { known.reached.max(Some(rev)) };
        });
    }

    fn has_reached(&self, chat: &Value) -> bool {
        let known = chat.as_str().and_then(|id| self.chats.get(id));
        known.is_some_and(|known| known.reached.is_some())
    }

    /// Takes an event of the connection; whether its kind is one of the state's.
    pub fn apply_event(&mut self, event: &Event) -> bool {
        match event.name.as_str() {
            "message" => {
                let known = event.data["chat"].as_str().and_then(|id| self.chats.get(id));
                if !known.is_some_and(ChatState::is_known_to_be_in) {
                    self.cut();
                }
                self.apply_message(&event.data);
                self.reach(&event.data);
            }
            "chat" => self.apply_summary(&event.data),
            "member" => self.apply_member(&event.data),
            "resync" => self.cut(),
            // Of what was known before, sync says what it is worth.
            "hello" if self.incarnation.is_null() => {
                self.incarnation = event.data["incarnation"].clone();
            }
            _ => return false,
        }
        true
    }

    /// A live row: all before it is here too, if sync has caught up or it is the very next one.
    fn reach(&mut self, row: &Value) {
        let (rev, caught_up) = (number(row, "rev"), self.caught_up);
        self.change(&row["chat"], |known| {
            let next = known.reached.is_some_and(|reached| rev == reached + 1);
            if known.reached.is_some() && (caught_up || next) {
                known.reached = known.reached.max(Some(rev));
            }
        });
    }

    /// Takes a row of the list of chats (`chat`, `member`, `last`), or the row of a chat alone.
    pub fn apply_summary(&mut self, summary: &Value) {
        if !summary["chat"].is_object() {
            self.apply_chat(summary);
            return;
        }
        self.apply_chat(&summary["chat"]);
        self.apply_member(&summary["member"]);
        self.apply_message(&summary["last"]);
    }

    /// Takes the row of a chat. When more of its log is open to the user than was before, it is to
    /// be synced from nothing.
    pub fn apply_chat(&mut self, row: &Value) {
        let mut wider = false;
        self.change(&row["id"], |known| wider = known.take_chat(row));
        if wider {
            self.forget(&row["id"]);
        }
    }

    /// Takes the row of the user's own membership, with the seqs that the user hid, if any. Who
    /// comes, or comes back, has all of the chat to sync; who goes has forgotten it.
    pub fn apply_member(&mut self, row: &Value) {
        if self.take_member(row) {
            self.forget(&row["chat"]);
        }
    }

    fn take_member(&mut self, row: &Value) -> bool {
        let mut anew = false;
        self.change(&row["chat"], |known| anew = known.take_member(row));
        anew
    }

    /// How far a chat was reached holds no more.
    fn forget(&mut self, chat: &Value) {
        self.change(chat, |known| known.reached = None);
        self.forgot = true;
        self.cut();
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
    fn what_there_is_nothing_to_read_in_is_not_unread() {
        let mut state = after(story());
        let unread = |state: &State| state.chats()["c"].unread();
        let mut gone = message(4, 6, "ana", "");
        gone["kind"] = "deleted".into();
        state.apply_message(&gone);
        assert_eq!(unread(&state), 1);
        let mut told = message(6, 7, "ana", "");
        told["kind"] = "system".into();
        state.apply_message(&told);
        state.apply_message(&message(7, 8, "ana", "hola"));
        assert_eq!(unread(&state), 2, "5, which is not here, and 7");
        let mut hiding = member(2, "active", 2);
        hiding["hidden"] = json!([6, 7]);
        hiding["own_seq"] = 3.into();
        state.apply_member(&hiding);
        assert_eq!(unread(&state), 1);
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
    fn a_chat_that_opens_its_past_is_synced_from_nothing() {
        let mut state = after(story());
        state.have(9);
        let page = json!({"inbox": 1, "memberships": [], "chats": [
            {"chat": chat(5, "Dinner"), "rev": 5, "messages": []}]});
        assert!(!state.apply_sync(&page));
        assert_eq!(state.have(9)["chats"]["c"], 5);
        let mut open = chat(6, "Dinner");
        open["history_shared"] = true.into();
        state.apply_event(&Event { name: "chat".into(), data: open.clone() });
        assert_eq!(state.have(9)["chats"], json!({}));
        assert!(!state.is_caught_up());
        let past = message(1, 1, "ana", "long ago");
        let page = json!({"inbox": 1, "memberships": [], "chats": [
            {"chat": open, "rev": 6, "messages": [past]}]});
        assert!(!state.apply_sync(&page));
        assert!(state.chats()["c"].messages.contains_key(&1));
        assert_eq!(state.have(9)["chats"]["c"], 6);
    }

    fn event(name: &str, data: Value) -> Event {
        Event { name: name.into(), data }
    }

    fn resync() -> Event {
        event("resync", json!({"chat": "c"}))
    }

    fn page(membership: Value, head: u64, messages: Vec<Value>) -> Value {
        json!({"inbox": number(&membership, "rev"), "memberships": [membership], "chats": [
            {"chat": chat(head, "Lunch"), "rev": head, "messages": messages}]})
    }

    /// A client that has all of a chat up to rev 3.
    fn caught_up() -> State {
        let mut state = State::new("me");
        state.have(30);
        assert!(!state.apply_sync(&page(member(1, "active", 1), 3, vec![message(3, 3, "a", "x")])));
        state
    }

    #[test]
    fn what_is_lost_while_a_page_is_under_way_asks_for_another() {
        let mut state = caught_up();
        state.have(30);
        state.apply_event(&resync());
        let asked_before = json!({"inbox": 1, "memberships": [], "chats": []});
        assert!(state.apply_sync(&asked_before) && !state.is_caught_up());
        state.apply_event(&event("message", message(9, 9, "a", "after what was lost")));
        assert_eq!(state.have(30)["chats"]["c"], 3);
        assert!(!state.apply_sync(&asked_before) && state.is_caught_up());
        // The connection, too.
        state.have(30);
        state.cut();
        assert!(state.apply_sync(&asked_before));
    }

    #[test]
    fn a_row_of_a_chat_that_one_is_not_known_to_be_in_asks_for_a_sync() {
        let mut state = caught_up();
        state.apply_member(&member(2, "left", 1));
        state.have(30);
        assert!(!state.apply_sync(&json!({"inbox": 2, "memberships": [], "chats": []})));
        // Back in the group, as the page is going to say; what is told before it is dropped.
        state.have(30);
        state.apply_event(&event("message", message(6, 6, "a", "live")));
        let back = page(member(3, "active", 5), 5, vec![message(5, 5, "a", "welcome")]);
        assert!(state.apply_sync(&back), "6 was dropped");
        assert_eq!(state.have(30)["chats"]["c"], 5);
        let rest = json!({"inbox": 3, "memberships": [], "chats": [
            {"chat": chat(6, "Lunch"), "rev": 6, "messages": [message(6, 6, "a", "live")]}]});
        assert!(!state.apply_sync(&rest));
        assert_eq!(state.chats()["c"].messages.keys().collect::<Vec<_>>(), [&5, &6]);
    }

    #[test]
    fn a_page_that_rests_on_what_was_forgotten_is_void() {
        let open = |head: u64| {
            let mut row = chat(head, "Lunch");
            row["history_shared"] = true.into();
            row
        };
        let changes = json!({"inbox": 1, "memberships": [], "chats": [
            {"chat": chat(4, "Lunch"), "rev": 4, "messages": [message(4, 4, "a", "y")]}]});
        // The past opens.
        let mut state = caught_up();
        state.have(30);
        state.apply_event(&event("chat", open(5)));
        assert!(state.apply_sync(&changes));
        assert_eq!(state.have(30)["chats"], json!({}), "all of it is to be synced");
        // The user leaves and comes back, or comes back without a word of its leaving.
        for leaves in [true, false] {
            let mut state = caught_up();
            state.have(30);
            if leaves {
                state.apply_event(&event("member", member(2, "left", 1)));
            }
            state.apply_event(&event("member", member(3, "active", 6)));
            assert!(state.apply_sync(&changes));
            assert_eq!(state.have(30)["chats"], json!({}));
        }
        // The user leaves, and the page knows already that it is back.
        let mut state = caught_up();
        state.have(30);
        state.apply_event(&event("member", member(2, "left", 1)));
        assert!(state.apply_sync(&page(member(3, "active", 6), 6, vec![])));
        assert_eq!(state.have(30), json!({"inbox": 1, "chats": {}, "latest": 30}));
        // The page itself says so.
        let mut state = caught_up();
        state.have(30);
        assert!(state.apply_sync(&page(member(3, "active", 6), 6, vec![])));
        assert_eq!(state.have(30), json!({"inbox": 3, "chats": {}, "latest": 30}));
    }

    #[test]
    fn a_page_older_than_the_opening_of_the_past_does_not_count() {
        let mut state = State::new("me");
        state.have(30);
        let mut open = chat(5, "Lunch");
        open["history_shared"] = true.into();
        state.apply_event(&event("chat", open));
        assert!(state.apply_sync(&page(member(1, "active", 4), 4, vec![message(4, 4, "a", "x")])));
        assert_eq!(state.have(30)["chats"], json!({}));
    }

    #[test]
    fn a_chat_that_begins_afresh_drops_old_rows_and_keeps_those_told_meanwhile() {
        let mut state = caught_up();
        state.have(30);
        state.apply_event(&event("message", message(8, 8, "a", "live")));
        let afresh = json!({"inbox": 1, "memberships": [], "chats": [{"chat": chat(7, "Lunch"),
            "rev": 7, "reset": true, "messages": [message(7, 7, "a", "latest")]}]});
        assert!(!state.apply_sync(&afresh));
        assert_eq!(state.chats()["c"].messages.keys().collect::<Vec<_>>(), [&7, &8]);
    }

    #[test]
    fn what_one_hid_stays_hidden_when_one_comes_back() {
        let mut state = after(story());
        let mut hiding = member(2, "active", 2);
        hiding["hidden"] = json!([2]);
        state.apply_member(&hiding);
        state.apply_member(&member(3, "left", 2));
        state.apply_member(&member(4, "active", 1));
        state.apply_message(&message(2, 9, "ana", "edited"));
        assert!(state.chats()["c"].messages.is_empty());
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
    fn sync_brings_what_is_missing_and_says_how_far_it_came() {
        let mut state = State::new("me");
        assert_eq!(state.have(30), json!({"inbox": 0, "chats": {}, "latest": 30}));
        let row = message(2, 2, "a", "x");
        let page = json!({"inbox": 7, "memberships": [member(7, "active", 1)], "more": true,
            "chats": [{"chat": chat(3, "Lunch"), "rev": 2, "messages": [row]}]});
        assert!(state.apply_sync(&page));
        assert_eq!(state.have(0), json!({"inbox": 7, "chats": {"c": 2}, "latest": 0}));
        let live = |rev| Event { name: "message".into(), data: message(rev, rev, "a", "x") };
        state.apply_event(&live(9));
        assert_eq!(state.have(0)["chats"]["c"], 2, "3 to 8 are missing");
        state.apply_event(&live(3));
        assert_eq!(state.have(0)["chats"]["c"], 3, "it was the next one");
        assert!(!state.apply_sync(&json!({"inbox": 7, "memberships": [], "chats": []})));
        state.apply_event(&live(11));
        assert_eq!(state.have(0)["chats"]["c"], 11, "sync had caught up");
        assert!(state.is_caught_up());
        state.apply_event(&Event { name: "resync".into(), data: json!({"chat": null}) });
        assert!(!state.is_caught_up());
        state.apply_event(&live(20));
        assert_eq!(state.have(0)["chats"]["c"], 11, "events were lost between");
        assert!(state.apply_sync(&json!({"reset": true})));
        assert_eq!(state, State::new("me"));
    }

    #[test]
    fn what_is_known_is_of_the_incarnation_of_the_first_hello_until_sync_says_reset() {
        let hello = |life| Event { name: "hello".into(), data: json!({ "incarnation": life }) };
        let mut state = State::new("me");
        assert_eq!(state.have(0).get("incarnation"), None);
        state.apply_event(&hello("a"));
        state.apply_event(&Event { name: "message".into(), data: message(9, 9, "ana", "lost") });
        state.cut();
        state.apply_event(&hello("b"));
        assert_eq!(state.have(0)["incarnation"], "a", "what it heard is of a");
        let reset = json!({ "incarnation": "b", "reset": true });
        assert!(state.apply_sync(&reset), "there is more to ask for");
        assert_eq!(state, State::new("me"));
        assert_eq!(state.have(0)["incarnation"], "b");
    }

    #[test]
    fn hidden_messages_stay_hidden_whatever_comes_later() {
        let mut state = after(story());
        let mut hiding = member(2, "active", 2);
        hiding["hidden"] = json!([2]);
        state.apply_member(&hiding);
        state.apply_message(&message(2, 9, "ana", "edited"));
        let known = state.chat("c").expect("the chat");
        assert_eq!(known.messages.keys().collect::<Vec<_>>(), [&3, &4]);
        assert_eq!(known.member.get("hidden"), None);
    }

    #[test]
    fn a_row_that_one_has_hidden_moves_its_chat_on() {
        let mut hidden = member(2, "active", 1);
        hidden["hidden"] = json!([1]);
        let gone = message(1, 2, "ana", "");
        let mut state = State::new("me");
        for (name, row) in [("member", hidden), ("chat", chat(1, "Lunch")), ("message", gone)] {
            state.apply_event(&Event { name: name.into(), data: row });
        }
        let known = state.chat("c").expect("the chat");
        assert_eq!((known.chat["head_rev"].as_u64(), known.messages.len()), (Some(2), 0));
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
