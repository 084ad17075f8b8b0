//! A node inside the test's own process: the rules, the hub, and devices that follow it without a
//! socket. Between them is a post that delivers events late or not at all when a test says so: the
//! bus may lose and reorder.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use loadgen::client::connection::Event as Told;
use loadgen::client::state::State;
use serde_json::Value;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use wechat::bus::local::LocalBus;
use wechat::bus::{Bus, Event, Hint, Listener, Source};
use wechat::core::Rules;
use wechat::core::auth::Limits;
use wechat::hub::close::CloseCode;
use wechat::hub::{Attached, Connection, Frame, Hub};
use wechat::id::{ChatId, SessionId, UserId};
use wechat::model::auth::Caller;
use wechat::model::contacts::Strangers;
use wechat::protocol::frames::ENCODER;
use wechat::protocol::sync::{Have, News};
use wechat::store::Store;

use super::inside::{Inside, new_store};
use super::past::Past;
use super::trace::Trace;

/// Of a chat that a device does not hold, so many messages.
const LATEST: u32 = 200;

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Brings events from the rules to the hub.
pub struct Post {
    hub: Arc<Hub>,
    bag: Mutex<Bag>,
}

struct Bag {
    random: fastrand::Rng,
    /// Of a hundred events, so many are lost, and as many are late.
    bad: u8,
    late: VecDeque<Event>,
}

impl Post {
    /// From now on, of a hundred events `bad` are lost and `bad` come late.
    pub fn behaves(&self, seed: u64, bad: u8) {
        let mut bag = lock(&self.bag);
        bag.random = fastrand::Rng::with_seed(seed);
        bag.bad = bad;
    }

    /// What is to be told now: the event or not, and what was late.
    fn sorted(&self, event: &Event) -> Vec<Event> {
        let mut bag = lock(&self.bag);
        let (luck, bad) = (bag.random.u8(..100), bag.bad);
        let mut now = Vec::new();
        if luck < bad {
            return now;
        }
        if luck < 2 * bad {
            bag.late.push_back(event.clone());
            return now;
        }
        now.push(event.clone());
        if bag.random.bool() {
            now.extend(bag.late.drain(..));
        }
        now
    }
}

impl Listener for Post {
    fn on_event(&self, event: &Event, source: Source) {
        for event in self.sorted(event) {
            self.hub.on_event(&event, source);
        }
    }

    fn on_hint(&self, hint: &Hint) {
        self.hub.on_hint(hint);
    }

    fn on_moved(&self, user: UserId, came: bool) {
        self.hub.on_moved(user, came);
    }
}

/// The rules and the hub.
pub struct Node {
    pub inside: Inside,
    pub hub: Arc<Hub>,
    pub post: Arc<Post>,
    upkeep: [JoinHandle<()>; 3],
}

impl Drop for Node {
    fn drop(&mut self) {
        self.upkeep.iter().for_each(JoinHandle::abort);
    }
}

impl Node {
    /// A new one, with the limits off that a test would meet.
    pub async fn new() -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::on((new_store(folder.path()).await, folder), Strangers::default())
    }

    /// The same where strangers may do so much.
    pub async fn among(strangers: Strangers) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::on((new_store(folder.path()).await, folder), strangers)
    }

    /// The server after this one, which continues from a state that was set aside.
    pub async fn restarted_on(past: &Past) -> Self {
        Self::on(past.restored().await, Strangers::default())
    }

    /// Another one on the same store, to which no event of this one comes.
    pub fn beside(&self) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        Self::on((self.inside.store.clone(), folder), Strangers::default())
    }

    fn on(stored: (Arc<dyn Store>, TempDir), strangers: Strangers) -> Self {
        let bus = Arc::new(LocalBus::default());
        let carried: Arc<dyn Bus> = bus.clone();
        let listen = |listeners| bus.listen(listeners);
        Self::told_by(stored, strangers, (carried, listen))
    }

    /// One on a bus, which is told who listens.
    pub fn told_by(
        stored: (Arc<dyn Store>, TempDir),
        strangers: Strangers,
        bus: (Arc<dyn Bus>, impl FnOnce(Vec<Weak<dyn Listener>>)),
    ) -> Self {
        let limits = Limits {
            codes_per_address: u32::MAX / 2,
            codes_per_ip: u32::MAX,
            codes_in_all: u32::MAX,
            ..Limits::default()
        };
        let (hub, gaps) = Hub::new(ENCODER);
        let bag = Bag { random: fastrand::Rng::with_seed(0), bad: 0, late: VecDeque::new() };
        let post = Arc::new(Post { hub: hub.clone(), bag: Mutex::new(bag) });
        let heard: Arc<dyn Listener> = post.clone();
        let rules = Rules { limits, strangers, ..Rules::default() };
        hub.tell_by(bus.0.clone());
        let mut inside = Inside::told_by(stored, rules, bus, |_| vec![Arc::downgrade(&heard)]);
        inside.core = inside.core.with_hub(hub.clone());
        let (core, mended) = (inside.core.clone(), hub.clone());
        let mending = tokio::spawn(async move { core.follow_gaps(&mended, gaps).await });
        let presence = inside.core.presence.clone();
        let presence = tokio::spawn(async move { presence.follow().await });
        let (calls, ringing) = (inside.core.calls.clone(), hub.clone());
        let signals = tokio::spawn(async move { calls.follow_signals(&ringing).await });
        Self { inside, hub, post, upkeep: [mending, presence, signals] }
    }
}

/// A connection that keeps what it is told.
pub struct Ear {
    caller: Caller,
    heard: Mutex<VecDeque<String>>,
    closed: Mutex<Option<CloseCode>>,
}

impl Connection for Ear {
    fn push(&self, frame: &Frame) {
        lock(&self.heard).push_back(frame.to_string());
    }

    fn close(&self, code: CloseCode) {
        lock(&self.closed).get_or_insert(code);
    }

    fn user(&self) -> UserId {
        self.caller.user
    }

    fn session(&self) -> SessionId {
        self.caller.session
    }

    fn scope(&self) -> Option<ChatId> {
        None
    }
}

impl Ear {
    /// Why it was closed, if it was.
    pub fn closed(&self) -> Option<CloseCode> {
        *lock(&self.closed)
    }

    /// Up to `count` of what was told, oldest first; it is not told again.
    pub fn take(&self, count: usize) -> Vec<Told> {
        let mut heard = lock(&self.heard);
        let count = count.min(heard.len());
        let told = |text: String| {
            let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
            let name = frame["ev"].as_str().expect("an event").to_owned();
            Told { name, data: frame["d"].clone() }
        };
        heard.drain(..count).map(told).collect()
    }
}

/// A device: what it knows, and its connection while it has one.
pub struct Device {
    pub caller: Caller,
    pub state: State,
    pub live: Option<(Arc<Ear>, Attached)>,
    /// Where what it is sent is recorded, if that is wanted.
    pub trace: Option<Trace>,
}

impl Device {
    /// One that knows nothing yet.
    pub fn new(caller: Caller) -> Self {
        Self { caller, state: State::new(caller.user.to_string()), live: None, trace: None }
    }

    /// Applies up to `count` of what was told, in order; answers it.
    pub fn listen(&mut self, count: usize) -> Vec<Told> {
        let Some((ear, _)) = &self.live else { return Vec::new() };
        let told = ear.take(count);
        for event in &told {
            if let Some(trace) = &mut self.trace {
                trace.event(&event.name, &event.data);
            }
            self.state.apply_event(event);
        }
        told
    }

    /// Takes the row that a request of its own gave.
    pub fn replied(&mut self, message: &Value) {
        if let Some(trace) = &mut self.trace {
            trace.reply(message);
        }
        self.state.apply_message(message);
    }

    /// Loses its connection, with what was not heard yet.
    pub fn cut(&mut self) {
        if self.live.take().is_some()
            && let Some(trace) = &mut self.trace
        {
            trace.cut();
        }
        self.state.cut();
    }

    /// Connects, unless it is.
    pub async fn connect(&mut self, node: &Node) {
        if self.live.is_some() {
            return;
        }
        let ear = Arc::new(Ear {
            caller: self.caller,
            heard: Mutex::default(),
            closed: Mutex::default(),
        });
        let followed = || node.inside.core.chats.followed(&self.caller);
        let attached = node.hub.attach(ear.clone(), followed).await.expect("attached");
        self.live = Some((ear, attached));
        let incarnation = node.inside.core.sync.incarnation().to_string();
        let data = serde_json::json!({ "incarnation": incarnation });
        if let Some(trace) = &mut self.trace {
            trace.hello(&data);
        }
        self.state.apply_event(&Told { name: "hello".into(), data });
    }

    /// What it lacks, not applied yet.
    pub async fn ask(&mut self, node: &Node) -> Value {
        let have = self.state.have(LATEST);
        let news = self.told_to(node, have.clone()).await;
        if self.trace.is_some() {
            let all = self.all(node).await;
            self.trace.iter_mut().for_each(|trace| trace.asked(&have, &news, &all));
        }
        news
    }

    /// All that there is for it, as a device that has nothing is told.
    pub async fn all(&self, node: &Node) -> Value {
        let all = self.told_to(node, State::new("").have(LATEST)).await;
        assert_eq!(all["more"], false, "it fits a page");
        all
    }

    async fn told_to(&self, node: &Node, have: Value) -> Value {
        let have: Have = serde_json::from_value(have).expect("well formed");
        let news = node.inside.core.sync.sync(&self.caller, &have.into()).await.expect("news");
        serde_json::to_value(News::from(news)).expect("plain data")
    }

    /// Takes the answer to what it last asked; whether there is more to ask for.
    pub fn take(&mut self, news: &Value) -> bool {
        if let Some(trace) = &mut self.trace {
            trace.answered();
        }
        self.state.apply_sync(news)
    }

    /// One page of sync; whether there is more.
    pub async fn sync(&mut self, node: &Node) -> bool {
        let page = self.ask(node).await;
        self.take(&page)
    }

    /// Applies all that was told, and syncs when that says so.
    pub async fn keep_up(&mut self, node: &Node) {
        self.listen(usize::MAX);
        while !self.state.is_caught_up() {
            self.sync(node).await;
        }
    }

    /// Connects and syncs to the end.
    pub async fn catch_up(&mut self, node: &Node) {
        self.connect(node).await;
        while self.sync(node).await {}
    }
}
