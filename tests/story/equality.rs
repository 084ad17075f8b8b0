//! State equality: a client that applies events and syncs ends up with what one has that fetches
//! everything afresh, after any mutating operation, cut at any moment, on any device.
//!
//! Random lives from seeds: people write, edit, delete, react, pin, hide, read, clear, come and go
//! in groups, while their devices connect, are cut, sync and apply what they were told, sooner or
//! later. A failure names its seed: `EQUALITY_SEED=7 cargo test --test story equality`. The number
//! of lives is `EQUALITY_RUNS`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use loadgen::client::connection::Event;
use loadgen::client::state::State;
use serde_json::Value;
use wechat::bus::Listener;
use wechat::core::Rules;
use wechat::core::auth::Limits;
use wechat::core::chats::Target;
use wechat::core::groups::{GroupEdit, NewGroup};
use wechat::core::messages::Send;
use wechat::core::messages::changes::Edit;
use wechat::core::receipts::Cursor;
use wechat::core::types::auth::Caller;
use wechat::core::types::chats::{MemberChange, Role};
use wechat::core::types::messages::Window;
use wechat::core::types::text::{About, Body, ClientMsgId, Title};
use wechat::hub::close::CloseCode;
use wechat::hub::{Attached, Connection, Frame, Hub};
use wechat::id::{ChatId, SessionId, UserId};
use wechat::protocol::frames::ENCODER;
use wechat::protocol::sync::{Have, News};

use crate::harness::fresh_key;
use crate::harness::inside::Inside;

/// Lives when nothing else is said.
const RUNS: u64 = 150;
/// What happens in a life.
const STEPS: usize = 70;
const PATIENCE: Duration = Duration::from_secs(10);

/// A connection that keeps what it is told.
struct Ear {
    caller: Caller,
    heard: Mutex<VecDeque<String>>,
}

impl Connection for Ear {
    fn push(&self, frame: &Frame) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).push_back(frame.to_string());
    }

    fn close(&self, _: CloseCode) {}

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

/// A device: what it knows, and its connection while it has one.
struct Device {
    caller: Caller,
    state: State,
    live: Option<(Arc<Ear>, Attached)>,
}

impl Device {
    fn new(caller: Caller) -> Self {
        Self { caller, state: State::new(caller.user.to_string()), live: None }
    }

    /// Applies up to `count` of what was told, in order.
    fn listen(&mut self, count: usize) {
        let Some((ear, _)) = &self.live else { return };
        let mut heard = ear.heard.lock().unwrap_or_else(PoisonError::into_inner);
        let count = count.min(heard.len());
        for text in heard.drain(..count) {
            let frame: Value = serde_json::from_str(&text).expect("a frame is JSON");
            let name = frame["ev"].as_str().expect("an event").to_owned();
            self.state.apply_event(&Event { name, data: frame["d"].clone() });
        }
    }

    fn cut(&mut self) {
        self.live = None;
        self.state.cut();
    }

    async fn connect(&mut self, world: &World) {
        if self.live.is_some() {
            return;
        }
        let ear = Arc::new(Ear { caller: self.caller, heard: Mutex::default() });
        let memberships = || world.inside.core.chats.memberships(&self.caller);
        let attached = world.hub.attach(ear.clone(), memberships).await.expect("attached");
        self.live = Some((ear, attached));
    }

    /// One page of sync; whether there is more.
    async fn sync(&mut self, world: &World) -> bool {
        let have: Have = serde_json::from_value(self.state.have(200)).expect("well formed");
        let news = world.inside.core.sync.sync(&self.caller, &have.into()).await.expect("news");
        let page = serde_json::to_value(News::from(news)).expect("plain data");
        self.state.apply_sync(&page)
    }

    async fn catch_up(&mut self, world: &World) {
        self.connect(world).await;
        while self.sync(world).await {}
    }
}

struct World {
    inside: Inside,
    hub: Arc<Hub>,
}

impl World {
    async fn new() -> Self {
        let limits = Limits {
            codes_per_address: u32::MAX / 2,
            codes_per_ip: u32::MAX,
            codes_in_all: u32::MAX,
            ..Limits::default()
        };
        let (hub, gaps) = Hub::new(ENCODER);
        let heard: Arc<dyn Listener> = hub.clone();
        let rules = Rules { limits, ..Rules::default() };
        let inside = Inside::listened_to(rules, |_| vec![Arc::downgrade(&heard)]).await;
        let (core, mending) = (inside.core.clone(), hub.clone());
        tokio::spawn(async move { core.follow_gaps(&mending, gaps).await });
        Self { inside, hub }
    }
}

/// One life: people, their devices, a group.
struct Life<'a> {
    world: &'a World,
    random: fastrand::Rng,
    people: Vec<Caller>,
    devices: Vec<Device>,
    group: ChatId,
}

impl<'a> Life<'a> {
    async fn begin(world: &'a World, seed: u64) -> Self {
        let mut people = Vec::new();
        for name in ["Ana", "Beto", "Eva", "Iker"] {
            people.push(world.inside.person(&format!("{name} {seed}")).await);
        }
        let new = NewGroup {
            title: Title::parse("title", "Paseo").expect("a title"),
            about: About::parse("about", "").expect("a description"),
            public: true,
            history_shared: seed.is_multiple_of(3),
            members: vec![people[1].user],
        };
        let group = world.inside.core.groups.create(&people[0], new).await.expect("a group").id;
        let devices = people.iter().chain(&people[..2]).map(|who| Device::new(*who)).collect();
        Self { world, random: fastrand::Rng::with_seed(seed), people, devices, group }
    }

    fn somebody(&mut self) -> Caller {
        self.people[self.random.usize(..self.people.len())]
    }

    /// The group, or the direct chat of two of them.
    fn somewhere(&mut self, who: Caller) -> Target {
        let other = self.somebody();
        if self.random.u8(..4) > 0 || other.user == who.user {
            return Target { chat: self.group, peers: None };
        }
        let (low, high) = (who.user.min(other.user), who.user.max(other.user));
        Target { chat: ChatId::direct(low, high), peers: Some((low, high)) }
    }

    /// A message that `who` may see in a chat.
    async fn some_message(&mut self, who: &Caller, chat: ChatId) -> u64 {
        let messages = &self.world.inside.core.messages;
        let page = messages.history(who, chat, Window::Before(None), 20).await.unwrap_or_default();
        self.random.choice(page).map_or(1, |message| message.seq)
    }

    async fn say(&mut self) {
        let who = self.somebody();
        let send = Send {
            target: self.somewhere(who),
            client_msg_id: ClientMsgId::parse("key", &fresh_key()).expect("a key"),
            body: Body::parse("body", "hola").expect("a text"),
            reply_to: None,
            mentions: Vec::new(),
            mention_all: false,
        };
        // Whoever is not in the group is refused: that is a step too.
        if let Ok(pending) = self.world.inside.core.messages.send(&who, send).await {
            let _ = pending.await;
        }
    }

    /// Changes some message in some way; refusals are steps too.
    async fn change(&mut self) {
        let who = self.somebody();
        let chat = self.somewhere(who).chat;
        let seq = self.some_message(&who, chat).await;
        let body = Body::parse("body", "hola!").expect("a text");
        let (kind, on) = (self.random.u8(..6), self.random.bool());
        let core = &self.world.inside.core;
        let _ = match kind {
            0 => {
                let edit = Edit { body, mentions: Vec::new(), mention_all: false };
                core.messages.edit(&who, chat, seq, edit).await.map(drop)
            }
            1 => core.messages.delete(&who, chat, seq).await.map(drop),
            2 => core.messages.react(&who, chat, seq, "👍", on).await.map(drop),
            3 => core.messages.pin(&who, chat, seq, on).await.map(drop),
            4 => core.messages.hide(&who, chat, vec![seq]).await.map(drop),
            _ => core.receipts.advance(&who, chat, Cursor::Read, seq).await.map(drop),
        };
    }

    /// Changes the group or somebody's place in it; refusals are steps too.
    async fn move_about(&mut self) {
        let (who, whom) = (self.somebody(), self.somebody().user);
        let (kind, on) = (self.random.u8(..9), self.random.bool());
        let (core, group) = (&self.world.inside.core, self.group);
        let title = Title::parse("title", if on { "Monte" } else { "Playa" }).expect("a title");
        let edit = |edit| core.groups.edit(&who, group, edit);
        let _ = match kind {
            0 | 1 => core.groups.add(&who, group, vec![whom]).await.map(drop),
            2 => core.groups.remove(&who, group, whom).await,
            3 => core.groups.leave(&who, group).await,
            4 => core.groups.join(&who, group).await.map(drop),
            5 => edit(GroupEdit { title: Some(title), ..GroupEdit::default() }).await.map(drop),
            6 => {
                let role = if on { Role::Admin } else { Role::Member };
                core.groups.set_role(&who, group, whom, role).await
            }
            7 => core.groups.hand_over(&who, group, whom).await,
            _ => {
                let seq = self.random.u64(..20);
                let change = MemberChange { hide_seq: Some(seq), ..MemberChange::default() };
                core.chats.set_member(&who, group, change).await.map(drop)
            }
        };
    }

    /// Something happens to a device.
    async fn device(&mut self) {
        let index = self.random.usize(..self.devices.len());
        let (kind, count) = (self.random.u8(..6), self.random.usize(..10));
        let (device, world) = (&mut self.devices[index], self.world);
        match kind {
            0 => device.cut(),
            1 => device.connect(world).await,
            2 => {
                device.connect(world).await;
                device.sync(world).await;
            }
            3 => device.catch_up(world).await,
            _ => device.listen(count),
        }
    }

    async fn step(&mut self) {
        match self.random.u8(..10) {
            0..3 => self.say().await,
            3..5 => self.change().await,
            5..7 => self.move_about().await,
            _ => self.device().await,
        }
    }

    /// Every device catches up and is compared with one that has nothing before.
    async fn compare(&mut self, seed: u64) {
        for index in 0..self.devices.len() {
            let device = &mut self.devices[index];
            device.catch_up(self.world).await;
            let mut fresh = Device::new(device.caller);
            fresh.catch_up(self.world).await;
            let began = Instant::now();
            loop {
                device.listen(usize::MAX);
                fresh.listen(usize::MAX);
                if device.state == fresh.state {
                    break;
                }
                let (late, known) = (began.elapsed() > PATIENCE, &device.state);
                assert!(!late, "seed {seed}, device {index}:\n{known:#?}\nnot\n{:#?}", fresh.state);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_follows_has_what_one_has_that_fetches_afresh() {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    let seeds = match number("EQUALITY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("EQUALITY_RUNS").unwrap_or(RUNS),
    };
    let world = World::new().await;
    for seed in seeds {
        let mut life = Life::begin(&world, seed).await;
        for _ in 0..STEPS {
            life.step().await;
        }
        life.compare(seed).await;
    }
}
