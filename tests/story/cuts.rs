//! State equality over real sockets: links break after any number of bytes, what sync brings and
//! what is told live come in any order, and people have two devices each.
//!
//! Sends over a link that broke are repeated under their key until they are acknowledged; in the
//! end each is in its chat once. A failure names its seed:
//! `CUTS_SEED=7 cargo test --test story cuts`. `CUTS_RUNS` is the number of lives, `CUTS_FOR` for
//! how many seconds more are begun.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;
use loadgen::client::connection::{Connection, Event};
use loadgen::client::error::Error;
use loadgen::client::state::State;
use serde_json::{Value, json};

use crate::harness::proxy::Proxy;
use crate::harness::{PATIENCE, Person, World, fresh_key, sending};

/// Lives when nothing else is said.
const RUNS: u64 = 8;
/// What happens in a life.
const STEPS: usize = 30;
/// No request may wait longer for its reply: the link may be gone without a word.
const REPLY: Duration = Duration::from_secs(5);

/// A device behind a link that breaks.
struct Device {
    person: Arc<Person>,
    proxy: Proxy,
    state: State,
    connection: Option<Connection>,
    random: fastrand::Rng,
    /// What it has to say, until that is acknowledged.
    unsent: Vec<(String, String)>,
}

impl Device {
    async fn new(world: &World, person: Arc<Person>, seed: u64) -> Self {
        let proxy = Proxy::before(world.server.addr()).await;
        let state = State::new(person.id());
        let random = fastrand::Rng::with_seed(seed);
        Self { person, proxy, state, connection: None, random, unsent: Vec::new() }
    }

    /// A connection over a link that lasts for so many bytes; `None` when it broke at once.
    async fn connected(&mut self, bytes: i64) -> bool {
        if self.connection.is_some() {
            return true;
        }
        self.state.cut();
        self.proxy.cuts_after(bytes);
        let session = self.person.api.session().expect("a session");
        let Ok(mut connection) = Connection::open(session.dial(self.proxy.addr())).await else {
            return false;
        };
        let hello = |event: &Event| event.name == "hello";
        let live = connection.event_that(REPLY, hello).await.is_ok();
        self.connection = live.then_some(connection);
        live
    }

    /// Applies what was told so far, up to `most` events.
    async fn listen(&mut self, most: usize) {
        for _ in 0..most {
            let Some(connection) = &mut self.connection else { return };
            match connection.event(Duration::ZERO).await {
                Ok(event) => {
                    self.state.apply_event(&event);
                }
                Err(Error::Late(..)) => return,
                Err(_) => self.connection = None,
            }
        }
    }

    async fn ask(&mut self, op: &'static str, data: Value) -> Option<Value> {
        let answer = self.connection.as_ref()?.call(op, data).await;
        match answer {
            Ok(answer) => Some(answer),
            Err(Error::Refused(_)) => None,
            Err(_) => {
                self.connection = None;
                None
            }
        }
    }

    /// A page of sync, applied before or after what was told meanwhile; whether it is the last.
    async fn sync(&mut self) -> bool {
        let have = self.state.have(200);
        let Some(page) = self.ask("sync", have).await else { return false };
        let first = self.random.usize(..8);
        self.listen(first).await;
        !self.state.apply_sync(&page)
    }

    /// Says what it has to say, once more if it must.
    async fn say(&mut self, chat: &str) {
        if self.random.bool() || self.unsent.is_empty() {
            self.unsent.push((fresh_key(), format!("hola {}", self.random.u32(..))));
        }
        for (key, body) in std::mem::take(&mut self.unsent) {
            if self.ask("message.send", sending(chat, &key, &body)).await.is_none() {
                self.unsent.push((key, body));
            }
        }
    }

    /// Lives behind bad links until everything is over, then catches up behind a good one.
    async fn live(mut self, chat: String, over: Arc<AtomicBool>) -> Self {
        while !over.load(Ordering::SeqCst) {
            let bytes = self.random.i64(300..12_000);
            if !self.connected(bytes).await {
                continue;
            }
            match self.random.u8(..4) {
                0 => self.say(&chat).await,
                1 => drop(self.sync().await),
                _ => {
                    let most = self.random.usize(..10);
                    self.listen(most).await;
                    // Six devices that never rest would leave the server no core.
                    tokio::time::sleep(Duration::from_millis(1)).await;
                }
            }
        }
        self.connection = None;
        let began = Instant::now();
        while began.elapsed() < PATIENCE {
            if self.connected(i64::MAX).await {
                while !self.unsent.is_empty() {
                    self.say_the_rest(&chat).await;
                }
                if self.sync().await {
                    return self;
                }
            }
        }
        panic!("a device does not catch up over a good link");
    }

    async fn say_the_rest(&mut self, chat: &str) {
        for (key, body) in std::mem::take(&mut self.unsent) {
            let sent = self.ask("message.send", sending(chat, &key, &body)).await;
            sent.expect("acknowledged over a good link");
        }
    }
}

/// Changes something, by REST and without breaking.
async fn change(random: &mut fastrand::Rng, people: &[Arc<Person>], group: &str) {
    let who = &people[random.usize(..people.len())];
    let page = who.api.history(group, "?limit=20").await.unwrap_or_default();
    let rows = page["messages"].as_array().cloned().unwrap_or_default();
    let seq = random.choice(rows).map_or(1, |row| row["seq"].as_u64().unwrap_or(1));
    let at = |rest: &str| format!("/api/v1/chats/{group}/messages/{seq}{rest}");
    let in_group = |rest: &str| format!("/api/v1/groups/{group}{rest}");
    let last = people[people.len() - 1].id();
    let title = json!({ "title": format!("Paseo {seq}") });
    let (method, path, body) = match random.u8(..9) {
        0 => (Method::PATCH, at(""), Some(json!({ "body": "hola!" }))),
        1 => (Method::DELETE, at(""), None),
        2 => (Method::PUT, at("/reactions/%F0%9F%91%8D"), None),
        3 => (Method::PUT, at("/pin"), None),
        4 => (Method::POST, format!("/api/v1/chats/{group}/read"), Some(json!({ "seq": seq }))),
        5 => (Method::PATCH, in_group(""), Some(title)),
        6 => {
            let shared = json!({ "history_shared": seq.is_multiple_of(2) });
            (Method::PATCH, in_group(""), Some(shared))
        }
        7 => (Method::DELETE, in_group(&format!("/members/{last}")), None),
        _ => (Method::POST, in_group("/members"), Some(json!({ "users": [last] }))),
    };
    // Refusals are steps too.
    who.asks(method, &path, body).await;
}

/// How often each key is in a chat.
async fn keys(person: &Person, chat: &str) -> BTreeMap<String, u32> {
    let mut keys = BTreeMap::new();
    let page = person.api.history(chat, "?limit=200").await.expect("history");
    for row in page["messages"].as_array().into_iter().flatten() {
        if let Some(key) = row["client_msg_id"].as_str() {
            *keys.entry(key.to_owned()).or_default() += 1;
        }
    }
    keys
}

async fn life(world: &World, seed: u64) {
    let mut random = fastrand::Rng::with_seed(seed);
    let mut people = Vec::new();
    for name in ["Ana", "Beto", "Eva"] {
        people.push(Arc::new(world.person(&format!("{name} {seed}")).await));
    }
    let others: Vec<&str> = people[1..].iter().map(|person| person.id()).collect();
    let group = people[0].api.create_group("Paseo", &others).await.expect("a group");
    let over = Arc::new(AtomicBool::new(false));
    let mut devices = Vec::new();
    for person in &people {
        let second = Arc::new(world.another_device(person).await);
        for person in [person.clone(), second] {
            let device = Device::new(world, person, random.u64(..)).await;
            devices.push(tokio::spawn(device.live(group.clone(), over.clone())));
        }
    }
    for _ in 0..STEPS {
        change(&mut random, &people, &group).await;
    }
    let back = json!({ "users": [people[2].id()] });
    people[0].asks(Method::POST, &format!("/api/v1/groups/{group}/members"), Some(back)).await;
    over.store(true, Ordering::SeqCst);
    for (index, device) in devices.into_iter().enumerate() {
        let mut device = device.await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        compare(world, &mut device, (seed, index)).await;
    }
    let keys = keys(&people[0], &group).await;
    assert!(keys.values().all(|count| *count == 1), "seed {seed}: said twice: {keys:?}");
}

/// Holds a device against one that knows nothing before.
async fn compare(world: &World, device: &mut Device, (seed, index): (u64, usize)) {
    let began = Instant::now();
    loop {
        let mut fresh = Device::new(world, device.person.clone(), 0).await;
        assert!(fresh.connected(i64::MAX).await, "seed {seed}: a good link");
        while !fresh.sync().await {}
        device.listen(usize::MAX).await;
        // What was told may call for a sync: a `resync`, or a row of a chat that it was not in.
        while !device.state.is_caught_up() && began.elapsed() < PATIENCE {
            device.sync().await;
        }
        if device.state == fresh.state {
            return;
        }
        let (late, known) = (began.elapsed() > PATIENCE, &device.state);
        assert!(!late, "seed {seed}, device {index}:\n{known:#?}\nnot\n{:#?}", fresh.state);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whatever_breaks_devices_end_with_what_the_server_has() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let world = World::new().await;
    if let Some(seed) = number("CUTS_SEED") {
        return life(&world, seed).await;
    }
    let (runs, seconds) = (number("CUTS_RUNS").unwrap_or(RUNS), number("CUTS_FOR").unwrap_or(0));
    let (began, mut seed) = (Instant::now(), 0);
    while seed < runs || began.elapsed() < Duration::from_secs(seconds) {
        life(&world, seed).await;
        seed += 1;
    }
    println!("{seed} lives behind links that break");
}
