//! Members only: while messages fly, somebody is removed. Nothing later than the removal reaches
//! that person, whichever way they try: live, by sync, in history, by coming back.
//!
//! A failure names its seed: `REMOVAL_SEED=7 cargo test --test story removal`. The number of trials
//! is `REMOVAL_RUNS`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use wechat::core::chats::Target;
use wechat::core::groups::NewGroup;
use wechat::core::messages::Draft;
use wechat::core::messages::changes::Edit;
use wechat::core::receipts::Cursor;
use wechat::error::Code;
use wechat::id::ChatId;
use wechat::model::auth::Caller;
use wechat::model::messages::{Content, SystemEvent, Window};
use wechat::model::text::{About, Body, ClientMsgId, Title};

use crate::harness::fresh_key;
use crate::harness::node::{Device, Node};

/// Trials when nothing else is said.
const RUNS: u64 = 1_000;
/// How much is written and changed around a removal.
const NOISE: usize = 12;
const PATIENCE: Duration = Duration::from_secs(60);

/// The rows that somebody was shown of a chat, whatever they came in.
#[derive(Default)]
struct Shown(Vec<(&'static str, u64, u64)>);

impl Shown {
    /// Notes every row and every head in an answer or event.
    fn note(&mut self, way: &'static str, value: &Value, chat: &str) {
        match value {
            Value::Array(list) => list.iter().for_each(|value| self.note(way, value, chat)),
            Value::Object(fields) => {
                if value["chat"] == chat && value["seq"].is_u64() {
                    self.add(way, &value["seq"], &value["rev"]);
                }
                if value["id"] == chat && value["head_seq"].is_u64() {
                    self.add(way, &value["head_seq"], &value["head_rev"]);
                }
                fields.values().for_each(|value| self.note(way, value, chat));
            }
            _ => {}
        }
    }

    fn add(&mut self, way: &'static str, seq: &Value, rev: &Value) {
        self.0.push((way, seq.as_u64().unwrap_or_default(), rev.as_u64().unwrap_or_default()));
    }
}

struct Trial {
    node: Arc<Node>,
    seed: u64,
    group: ChatId,
    owner: Caller,
    writer: Caller,
    removed: Caller,
    over: AtomicBool,
}

impl Trial {
    fn target(&self) -> Target {
        Target { chat: self.group, peers: None }
    }

    async fn say(&self, who: &Caller, body: &str) -> bool {
        let key = ClientMsgId::parse("key", &fresh_key()).expect("a key");
        let draft = Draft::new(key, Body::parse("body", body).expect("a text"));
        match self.node.inside.core.messages.send(who, self.target(), draft).await {
            Ok(pending) => pending.await.is_ok(),
            Err(_) => false,
        }
    }

    /// Writes and edits, as fast as it goes.
    async fn write(&self) {
        let messages = &self.node.inside.core.messages;
        for round in 0..NOISE {
            assert!(self.say(&self.writer, "hola").await, "the writer is a member");
            if round % 3 == 2 {
                let body = Body::parse("body", "hola!").expect("a text");
                let edit = Edit { body, mentions: None, mention_all: None };
                // The first messages of the group are system messages: these are refused.
                let _ = messages.edit(&self.writer, self.group, round as u64, edit).await;
            }
        }
    }

    /// Removes, after a moment.
    async fn remove(&self) {
        let mut random = fastrand::Rng::with_seed(self.seed);
        for _ in 0..random.u32(..40) {
            tokio::task::yield_now().await;
        }
        let groups = &self.node.inside.core.groups;
        groups.remove(&self.owner, self.group, self.removed.user).await.expect("removed");
    }

    /// Looks again and again, by every way that there is, until everything is over.
    async fn look(&self, mut device: Device) -> Shown {
        let (core, chat) = (&self.node.inside.core, self.group.to_string());
        let mut shown = Shown::default();
        let mut random = fastrand::Rng::with_seed(self.seed ^ 1);
        loop {
            let over = self.over.load(Ordering::SeqCst);
            match random.u8(..5) {
                0 => {
                    let window = Window::Before(None);
                    let page = core.messages.history(&self.removed, self.group, window, 50).await;
                    for row in page.unwrap_or_default() {
                        shown.0.push(("history", row.seq, row.rev));
                    }
                }
                1 => {
                    let page = device.ask(&self.node).await;
                    shown.note("sync", &page, &chat);
                    device.state.apply_sync(&page);
                }
                2 => {
                    hear(&mut device, &mut shown, &chat);
                    device.cut();
                    device.connect(&self.node).await;
                    let page = device.ask(&self.node).await;
                    shown.note("coming back", &page, &chat);
                    device.state.apply_sync(&page);
                }
                3 => {
                    for row in core.chats.list(&self.removed, 0, 50).await.expect("a list") {
                        if row.chat.id == self.group {
                            shown.0.push(("list", row.chat.head_seq, row.chat.head_rev));
                        }
                    }
                }
                _ => hear(&mut device, &mut shown, &chat),
            }
            if over {
                self.wait_for_the_hub(&mut device, &mut shown, &chat).await;
                return shown;
            }
            tokio::task::yield_now().await;
        }
    }

    /// Until the hub has told everything: it has told the removed person so when a later message in
    /// another chat of that person has come.
    async fn wait_for_the_hub(&self, device: &mut Device, shown: &mut Shown, chat: &str) {
        let mut witness = Device::new(self.owner);
        witness.catch_up(&self.node).await;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            self.say(&self.owner, "last").await;
            let heard = witness.listen(usize::MAX);
            hear(device, shown, chat);
            if heard.iter().any(|event| event.data["body"] == "last") {
                return;
            }
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        panic!("seed {}: the hub tells nothing any more", self.seed);
    }

    /// The seq and rev of the message that tells the removal.
    async fn removal(&self) -> (u64, u64) {
        let messages = &self.node.inside.core.messages;
        let page = messages.history(&self.owner, self.group, Window::After(0), 200).await;
        let told = page.expect("the owner reads").into_iter().find(|row| {
            let event = SystemEvent::MemberRemoved { user: self.removed.user };
            row.content == Content::System(event)
        });
        told.map(|row| (row.seq, row.rev)).expect("the removal is told")
    }

    /// Whoever was removed is refused everywhere.
    async fn is_refused(&self, seq: u64) {
        let (core, who, chat) = (&self.node.inside.core, &self.removed, self.group);
        let forbidden = |code: Option<Code>, what: &str| {
            assert_eq!(code, Some(Code::Forbidden), "seed {}: {what}", self.seed);
        };
        let code = |error: wechat::error::Error| error.code;
        forbidden(core.messages.one(who, chat, seq).await.err().map(code), "one message");
        forbidden(core.messages.pinned(who, chat).await.err().map(code), "pins");
        forbidden(core.messages.react(who, chat, 2, "👍", true).await.err().map(code), "reacting");
        let read = core.receipts.advance(who, chat, Cursor::Read, seq).await;
        forbidden(read.err().map(code), "reading on");
        forbidden(core.receipts.counts(who, chat, 2).await.err().map(code), "receipts");
        assert!(!self.say(who, "let me in").await, "seed {}: an ex-member wrote", self.seed);
    }
}

fn hear(device: &mut Device, shown: &mut Shown, chat: &str) {
    for event in device.listen(usize::MAX) {
        shown.note("live", &event.data, chat);
    }
}

/// One removal, and what the removed person was shown.
async fn trial(node: &Arc<Node>, people: [Caller; 3], seed: u64) {
    let [owner, writer, removed] = people;
    let new = NewGroup {
        key: None,
        title: Title::parse("title", "Paseo").expect("a title"),
        about: About::parse("about", "").expect("a description"),
        public: false,
        history_shared: seed.is_multiple_of(2),
        members: vec![writer.user, removed.user],
    };
    node.post.behaves(seed, if seed.is_multiple_of(3) { 10 } else { 0 });
    let group = node.inside.core.groups.create(&owner, new).await.expect("a group").id;
    let over = AtomicBool::new(false);
    let trial = Trial { node: node.clone(), seed, group, owner, writer, removed, over };
    let trial = Arc::new(trial);
    let mut device = Device::new(removed);
    if seed.is_multiple_of(4) {
        device.connect(node).await;
    } else {
        device.catch_up(node).await;
    }
    let looking = tokio::spawn({
        let trial = trial.clone();
        async move { trial.look(device).await }
    });
    let writing = tokio::spawn({
        let trial = trial.clone();
        async move { trial.write().await }
    });
    trial.remove().await;
    writing.await.expect("written");
    trial.over.store(true, Ordering::SeqCst);
    let shown = looking.await.expect("looked");
    let (seq, rev) = trial.removal().await;
    let later = shown.0.iter().find(|row| row.1 > seq || row.2 > rev);
    assert_eq!(later, None, "seed {seed}: the removal was seq {seq}, rev {rev}");
    trial.is_refused(seq).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_later_than_a_removal_reaches_who_was_removed() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("REMOVAL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("REMOVAL_RUNS").unwrap_or(RUNS),
    };
    let node = Arc::new(Node::new().await);
    let mut people = Vec::new();
    for seed in seeds {
        // New people now and then: with many groups behind them they would be slow to sync.
        if people.is_empty() || seed.is_multiple_of(20) {
            people.clear();
            for name in ["Ana", "Eva", "Beto"] {
                people.push(node.inside.person(&format!("{name} {seed}")).await);
            }
        }
        trial(&node, [people[0], people[1], people[2]], seed).await;
    }
}
