//! State equality: a client that applies events and syncs ends up with the same as one that fetches
//! everything from scratch, after any mutating operation, cut at any moment, on any device.
//!
//! Random lives from seeds: people write, edit, delete, react, pin, hide, read, clear, come and
//! go in groups, while their devices connect, are cut, sync and apply what they were told, sooner
//! or later, before what sync brings or after it. In a third of the lives the bus loses and
//! reorders. In a second kind of lives the server is restored from backups, again and again, under
//! devices that are live and devices that sleep; a third kind is lived on three nodes whose bus
//! loses, doubles and delays a third of its packets. A failure names its seed:
//! `EQUALITY_SEED=7 cargo test --test story equality`.
//!
//! `EQUALITY_RUNS`, `RESTORED_RUNS` and `CLUSTER_RUNS` are how many of each kind are lived,
//! `EQUALITY_FROM` the first seed, `EQUALITY_FOR` for how many seconds more are begun,
//! `EQUALITY_STEPS` how long each is. `EQUALITY_TRACE` names a folder into which they are recorded,
//! for the library to live them too (`scripts/lives`).

use std::collections::BTreeMap;
use std::panic::resume_unwind;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use wechat::core::chats::Target;
use wechat::core::groups::{GroupEdit, NewGroup};
use wechat::core::messages::Draft;
use wechat::core::messages::changes::Edit;
use wechat::core::receipts::Cursor;
use wechat::id::ChatId;
use wechat::model::auth::Caller;
use wechat::model::chats::{MemberChange, Role};
use wechat::model::contacts::Strangers;
use wechat::model::messages::{Message, Window};
use wechat::model::text::{About, Body, ClientMsgId, Title};
use wechat::model::users::ProfileChange;
use wechat::protocol::rows::Message as WireMessage;

use crate::harness::cluster::Cluster;
use crate::harness::fresh_key;
use crate::harness::node::{Device, Node};
use crate::harness::past::Past;
use crate::harness::trace::Trace;

/// Lives when nothing else is said, and lives with restores.
const RUNS: u64 = 150;
const RESTORED_RUNS: u64 = 40;
/// Lives on several nodes.
const CLUSTER_RUNS: u64 = 60;
/// Of a hundred packets between them, so many are lost, doubled and late.
const BAD_PACKETS: u8 = 30;
/// What happens in a life when nothing else is said.
const STEPS: u64 = 70;
const PATIENCE: Duration = Duration::from_secs(60);
/// Lives at once: they share the machine, not a node.
const AT_ONCE: usize = 4;

/// Backups that are kept in a life.
const PASTS: usize = 2;

/// One life: people, their devices, a group; backups, if there are any in it.
struct Life {
    /// The node where the next step happens.
    world: Arc<Node>,
    /// All nodes, when there are several.
    cluster: Option<Cluster>,
    /// `None`: nothing is restored in this life.
    pasts: Option<Vec<Past>>,
    restored: u64,
    random: fastrand::Rng,
    people: Vec<Caller>,
    devices: Vec<Device>,
    group: ChatId,
}

/// Of a hundred events of a life, so many are lost, and as many come late.
const fn badness(seed: u64) -> u8 {
    if seed % 3 == 1 { 8 } else { 0 }
}

impl Life {
    async fn begin(world: Arc<Node>, seed: u64, restores: bool) -> Self {
        world.post.behaves(seed, badness(seed));
        let mut people = Vec::new();
        for name in ["Ana", "Beto", "Eva", "Iker"] {
            people.push(world.inside.person(&format!("{name} {seed}")).await);
        }
        // In every other life some of them have to be asked.
        for who in people.iter().filter(|_| seed % 2 == 1).step_by(2) {
            let reach = Some(Strangers::Requests);
            let change = ProfileChange { reach, ..ProfileChange::default() };
            world.inside.core.users.change(who, change).await.expect("changes");
        }
        let new = NewGroup {
            key: None,
            title: Title::parse("title", "Paseo").expect("a title"),
            about: About::parse("about", "").expect("a description"),
            public: true,
            history_shared: seed.is_multiple_of(3),
            members: vec![people[1].user],
        };
        let group = world.inside.core.groups.create(&people[0], new).await.expect("a group").id;
        let devices = people.iter().chain(&people[..2]).map(|who| Device::new(*who));
        let mut devices = devices.collect::<Vec<_>>();
        let kind = if restores { "restored" } else { "life" };
        for (index, device) in devices.iter_mut().enumerate() {
            let name = format!("{kind}-{seed}-{index}.jsonl");
            device.trace = Trace::begin(&name, &device.caller.user.to_string());
        }
        let (pasts, random) = (restores.then(Vec::new), fastrand::Rng::with_seed(seed));
        Self { world, cluster: None, pasts, restored: 0, random, people, devices, group }
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
        let target = self.somewhere(who);
        let key = ClientMsgId::parse("key", &fresh_key()).expect("a key");
        let draft = Draft::new(key, Body::parse("body", "hola").expect("a text"));
        // Whoever is not in the group is refused: that is a step too.
        if let Ok(pending) = self.world.inside.core.messages.send(&who, target, draft).await
            && let Ok(sent) = pending.await
        {
            self.reply(who, sent.message);
        }
    }

    /// Now and then it was a device of theirs that asked for this: it is answered before it hears
    /// the event.
    fn reply(&mut self, who: Caller, message: Message) {
        if self.random.bool() {
            return;
        }
        let chat = message.chat.to_string();
        let row = WireMessage::of(message, "".into());
        let row = serde_json::to_value(row).expect("plain data");
        let asks = |device: &&mut Device| {
            let known = device.state.chat(&chat);
            device.caller.user == who.user
                && device.live.is_some()
                && known.is_some_and(|known| known.is_in() && known.chat.is_object())
        };
        if let Some(device) = self.devices.iter_mut().find(asks) {
            device.replied(&row);
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
        let changed = match kind {
            0 => {
                let edit = Edit { body, mentions: None, mention_all: None };
                core.messages.edit(&who, chat, seq, edit).await.map(Some)
            }
            1 => core.messages.delete(&who, chat, seq).await.map(Some),
            2 => core.messages.react(&who, chat, seq, "👍", on).await.map(Some),
            3 => core.messages.pin(&who, chat, seq, on).await.map(Some),
            4 => core.messages.hide(&who, chat, vec![seq]).await.map(|_| None),
            _ => core.receipts.advance(&who, chat, Cursor::Read, seq).await.map(|_| None),
        };
        if let Ok(Some(message)) = changed {
            self.reply(who, message);
        }
    }

    /// Changes the group or somebody's place in it; refusals are steps too.
    async fn move_about(&mut self) {
        let (who, whom) = (self.somebody(), self.somebody().user);
        let (kind, on) = (self.random.u8(..10), self.random.bool());
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
            8 => {
                let history_shared = Some(on);
                edit(GroupEdit { history_shared, ..GroupEdit::default() }).await.map(drop)
            }
            _ => {
                let seq = self.random.u64(..20);
                let change = MemberChange { hide_seq: Some(seq), ..MemberChange::default() };
                core.chats.set_member(&who, group, change).await.map(drop)
            }
        };
    }

    /// Asks somebody, answers, refuses or ends it; refusals are steps too.
    async fn tie(&mut self) {
        let (who, whom) = (self.somebody(), self.somebody().user);
        let (kind, adds) = (self.random.u8(..7), self.random.bool());
        let contacts = &self.world.inside.core.contacts;
        let _ = match kind {
            0 | 1 => contacts.ask(&who, "user", whom).await.map(drop),
            2 | 3 => contacts.accept(&who, whom).await.map(drop),
            4 => contacts.refuse(&who, whom).await.map(drop),
            5 => contacts.remove(&who, whom).await,
            _ => {
                let owner = Caller { user: whom, ..who };
                let card = contacts.set_card(&owner, Some(adds), false).await.expect("a card");
                contacts.show_card(&who, &card.code).await.map(drop)
            }
        };
    }

    /// Something happens to a device.
    async fn device(&mut self) {
        let index = self.random.usize(..self.devices.len());
        let (kind, count) = (self.random.u8(..6), self.random.usize(..10));
        let (device, world) = (&mut self.devices[index], self.world.clone());
        match kind {
            0 => device.cut(),
            1 => device.connect(&world).await,
            2 => {
                device.connect(&world).await;
                let page = device.ask(&world).await;
                device.listen(count);
                device.take(&page);
            }
            3 => device.catch_up(&world).await,
            _ => drop(device.listen(count)),
        }
    }

    /// A backup is taken in place of an older one.
    async fn back_up(&mut self) {
        let past = Past::of(&self.world.inside).await;
        let at = self.random.usize(..PASTS);
        let Some(pasts) = &mut self.pasts else { return };
        if pasts.len() < PASTS {
            pasts.push(past);
        } else {
            pasts[at] = past;
        }
    }

    /// The server stops, and another one goes on from a backup. Devices are cut, and come back when
    /// they come back.
    async fn restore(&mut self, seed: u64) {
        let pasts = self.pasts.as_deref().unwrap_or_default();
        let Some(past) = self.random.choice(pasts) else { return };
        let restored = Arc::new(Node::restarted_on(past).await);
        restored.post.behaves(seed + self.restored, badness(seed));
        self.devices.iter_mut().for_each(Device::cut);
        let before = std::mem::replace(&mut self.world, restored);
        before.inside.store.close().await;
        self.restored += 1;
    }

    async fn step(&mut self, seed: u64) {
        if self.pasts.is_some() {
            match self.random.u8(..40) {
                0..2 => return self.back_up().await,
                2..4 => return self.restore(seed).await,
                _ => {}
            }
        }
        if let Some(cluster) = &mut self.cluster {
            cluster.pass(Duration::from_millis(self.random.u64(..100))).await;
            self.world = self.random.choice(&cluster.nodes).expect("a node").clone();
        }
        match self.random.u8(..10) {
            0..3 => self.say().await,
            3..5 => self.change().await,
            5 => self.tie().await,
            6 => self.move_about().await,
            _ => self.device().await,
        }
    }

    /// Every device catches up and is compared with one that has nothing before.
    async fn compare(&mut self, seed: u64) {
        for index in 0..self.devices.len() {
            let (device, world) = (&mut self.devices[index], &self.world);
            device.catch_up(world).await;
            let mut fresh = Device::new(device.caller);
            fresh.catch_up(world).await;
            let began = Instant::now();
            loop {
                device.keep_up(world).await;
                fresh.keep_up(world).await;
                if device.state == fresh.state {
                    break;
                }
                if let Some(cluster) = &mut self.cluster {
                    cluster.pass(Duration::from_millis(10)).await;
                }
                let (late, known) = (began.elapsed() > PATIENCE, &device.state);
                assert!(!late, "seed {seed}, device {index}:\n{known:#?}\nnot\n{:#?}", fresh.state);
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            let device = &mut self.devices[index];
            let list = self.world.inside.core.chats.list(&device.caller, 0, 100).await;
            let mut unread = BTreeMap::new();
            for row in list.expect("the list") {
                let id = row.chat.id.to_string();
                let known = device.state.chat(&id).expect("a chat of the list");
                let (here, there) = (known.unread(), row.unread);
                assert_eq!(here, there, "seed {seed}, device {index}, {id}: {known:#?}");
                unread.insert(id, there);
            }
            if device.trace.is_some() {
                let all = device.all(world).await;
                device.trace.iter_mut().for_each(|trace| trace.end(&all, &unread));
            }
        }
    }
}

/// What a variable of the environment says.
fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

/// One life; how often the server was restored in it.
async fn life(node: Arc<Node>, seed: u64, restores: bool) -> u64 {
    let mut life = Life::begin(node, seed, restores).await;
    for _ in 0..number("EQUALITY_STEPS").unwrap_or(STEPS) {
        life.step(seed).await;
    }
    life.compare(seed).await;
    life.restored
}

/// One life on three nodes.
async fn life_on_nodes(seed: u64) {
    let mut cluster = Cluster::of(3).await;
    let mut life = Life::begin(cluster.nodes[0].clone(), seed, false).await;
    cluster.behaves(seed, BAD_PACKETS);
    life.cluster = Some(cluster);
    for _ in 0..number("EQUALITY_STEPS").unwrap_or(STEPS) {
        life.step(seed).await;
    }
    if let Some(cluster) = &mut life.cluster {
        cluster.rest().await;
    }
    life.compare(seed).await;
}

/// Lives from seeds, `AT_ONCE` at a time. A node serves many, unless it is restored in them.
async fn lives(restores: bool, runs: u64) {
    if let Some(seed) = number("EQUALITY_SEED") {
        life(Arc::new(Node::new().await), seed, restores).await;
        return;
    }
    let first = number("EQUALITY_FROM").unwrap_or(0);
    let told = number(if restores { "RESTORED_RUNS" } else { "EQUALITY_RUNS" });
    let runs = first + told.unwrap_or(runs);
    let until = Instant::now() + Duration::from_secs(number("EQUALITY_FOR").unwrap_or(0));
    let (next, restored) = (Arc::new(AtomicU64::new(first)), Arc::new(AtomicU64::new(0)));
    let living = |next: Arc<AtomicU64>, restored: Arc<AtomicU64>| async move {
        let mut node = Arc::new(Node::new().await);
        loop {
            let seed = next.fetch_add(1, Ordering::SeqCst);
            if seed >= runs && Instant::now() >= until {
                return;
            }
            let world = node.clone();
            match tokio::spawn(life(world, seed, restores)).await {
                Ok(times) => restored.fetch_add(times, Ordering::SeqCst),
                Err(error) => {
                    println!("seed {seed} failed");
                    resume_unwind(error.into_panic());
                }
            };
            if restores {
                node = Arc::new(Node::new().await);
            }
        }
    };
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..AT_ONCE {
        all.spawn(living(next.clone(), restored.clone()));
    }
    while let Some(done) = all.join_next().await {
        done.unwrap_or_else(|error| resume_unwind(error.into_panic()));
    }
    let (lives, restored) = (next.load(Ordering::SeqCst), restored.load(Ordering::SeqCst));
    println!("{} lives, {restored} restores", lives - first - AT_ONCE as u64);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_follows_has_what_one_has_that_fetches_afresh() {
    lives(false, RUNS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_what_the_server_has_over_restores_of_older_backups() {
    lives(true, RESTORED_RUNS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_has_what_the_server_has_whichever_node_it_hears() {
    let seeds = match number("EQUALITY_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("CLUSTER_RUNS").unwrap_or(CLUSTER_RUNS),
    };
    for seed in seeds {
        // A failure names its seed.
        println!("seed {seed}");
        life_on_nodes(seed).await;
    }
}
