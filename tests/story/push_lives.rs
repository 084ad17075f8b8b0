//! Random lives of people whose devices sleep and wake, who mute chats and have quiet hours, with a
//! model beside them: whoever has an unread message that they may see and want to hear of is told,
//! once until they come; nobody else is told anything.
//!
//! The model knows the rules and the member rows of the store, and nothing of how it is decided who
//! is told. A failure names its seed: `PUSH_SEED=7 cargo test --test story push_lives`. The number
//! of lives is `PUSH_RUNS`.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use wechat::clock::{Clock, Time};
use wechat::core::chats::Target;
use wechat::core::receipts::Cursor;
use wechat::id::{ChatId, SessionId, UserId};
use wechat::model::alerts::{Alerts, Quiet};
use wechat::model::auth::Which;
use wechat::model::chats::{Level, Member, MemberChange};
use wechat::push::Said;

use crate::harness::night::{Night, Sleeper, direct, group, text};

/// Lives when nothing else is said.
const RUNS: u64 = 60;
/// What happens in a life.
const STEPS: usize = 40;
/// Of so many messages one is looked for that somebody is still to be told of.
const LOOKS: usize = 8;
/// From a quiet morning to an evening that is not, and on.
const HALF_A_DAY: Duration = Duration::from_secs(12 * 60 * 60);
/// The first two have two devices.
const NAMES: [&str; 4] = ["ana", "beto", "carla", "dora"];

/// A message as the model knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Row {
    seq: u64,
    from: UserId,
    mention: Option<UserId>,
    /// It came while this person was connected, who is gone: for them alone.
    late: Option<UserId>,
    /// Its reader had subscribed only just: they may be told of it, and need not.
    optional: bool,
}

/// What must be true of the pushes.
#[derive(Default)]
struct Model {
    /// Messages since the last look.
    waiting: BTreeMap<ChatId, Vec<Row>>,
    /// What people were not told because they were connected.
    missed: BTreeMap<UserId, BTreeMap<ChatId, Vec<Row>>>,
    /// Told of since its person came.
    told: BTreeSet<(SessionId, ChatId)>,
    /// What a device still shows, up to which message.
    shown: BTreeMap<(SessionId, ChatId), u64>,
    /// What people said that they want to be told of.
    wanted: BTreeMap<UserId, Alerts>,
    /// Subscribed since the last look: they may be told of what came before, and need not.
    fresh: BTreeSet<SessionId>,
}

/// Sessions, the chats that they are told of, and the messages.
type Pushed = BTreeSet<(SessionId, ChatId, u64)>;

struct Life {
    night: Night,
    random: fastrand::Rng,
    people: Vec<Sleeper>,
    chats: Vec<Target>,
    model: Model,
}

impl Life {
    async fn new(seed: u64) -> Self {
        let night = Night::new().await;
        let mut people = Vec::new();
        for name in NAMES {
            people.push(night.sleeper(name).await);
        }
        for name in &NAMES[..2] {
            people.push(night.another(name).await);
        }
        let all: Vec<&Sleeper> = people[..NAMES.len()].iter().collect();
        let (whole, pair) = (night.group(&all).await, night.group(&all[..2]).await);
        let chats = vec![
            group(whole),
            group(pair),
            direct(&people[0], &people[1]),
            direct(&people[1], &people[2]),
        ];
        let random = fastrand::Rng::with_seed(seed);
        Self { night, random, people, chats, model: Model::default() }
    }

    fn anybody(&mut self) -> usize {
        self.random.usize(..self.people.len())
    }

    fn is_here(&self, user: UserId) -> bool {
        let of = |person: &Sleeper| person.caller.user == user && person.device.live.is_some();
        self.people.iter().any(of)
    }

    async fn step(&mut self) {
        let (who, chat) = (self.anybody(), self.chats[self.random.usize(..self.chats.len())]);
        let caller = self.people[who].caller;
        let core = self.night.core().clone();
        match self.random.u8(..23) {
            0..8 => self.say(who, chat).await,
            8..10 => self.read(who, chat.chat).await,
            10..12 => self.wake(who).await,
            12..15 => self.sleep(who),
            15 => {
                let until = self.random.bool().then_some(Time(i64::MAX / 2));
                let change = MemberChange { muted_until: Some(until), ..MemberChange::default() };
                let _ = core.chats.set_member(&caller, chat.chat, change).await;
            }
            16 => {
                let whom = self.people[self.random.usize(..NAMES.len())].caller.user;
                let _ = if self.random.bool() {
                    core.users.block(&caller, whom).await
                } else {
                    core.users.unblock(&caller, whom).await
                };
            }
            17 => self.move_member(chat.chat).await,
            18 => self.subscribe(who).await,
            19 => self.want(who).await,
            20 => self.set_level(who, chat.chat).await,
            21 => self.night.node.inside.clock.advance(HALF_A_DAY),
            _ => self.log_in_again(who).await,
        }
    }

    async fn say(&mut self, who: usize, chat: Target) {
        let from = self.people[who].caller;
        let mut draft = text("hola");
        let mention = self.people[self.random.usize(..NAMES.len())].caller.user;
        let mention = self.random.bool().then_some(mention);
        draft.mentions.extend(mention);
        let Ok(pending) = self.night.core().messages.send(&from, chat, draft).await else { return };
        let Ok(sent) = pending.await else { return };
        let row =
            Row { seq: sent.message.seq, from: from.user, mention, late: None, optional: false };
        self.model.waiting.entry(chat.chat).or_default().push(row);
        self.has_read(from.user, chat.chat, sent.message.seq);
    }

    async fn read(&mut self, who: usize, chat: ChatId) {
        let caller = self.people[who].caller;
        let cursor = if self.random.bool() { Cursor::Read } else { Cursor::Delivered };
        let moved = self.night.core().receipts.advance(&caller, chat, cursor, u64::MAX).await;
        if let Ok(Some(member)) = moved {
            self.has_read(caller.user, chat, member.read_floor());
        }
    }

    /// What a device shows of it is to be taken back, and it may be told again.
    fn has_read(&mut self, user: UserId, chat: ChatId, floor: u64) {
        for person in self.people.iter().filter(|person| person.caller.user == user) {
            let key = (person.caller.session, chat);
            if self.model.shown.get(&key).is_some_and(|seq| *seq <= floor) {
                self.model.shown.remove(&key);
                self.model.told.remove(&key);
            }
        }
    }

    async fn wake(&mut self, who: usize) {
        let person = &mut self.people[who];
        self.night.wakes(person).await;
        let user = person.caller.user;
        let of: Vec<SessionId> = self
            .people
            .iter()
            .filter(|person| person.caller.user == user)
            .map(|person| person.caller.session)
            .collect();
        self.model.told.retain(|(session, _)| !of.contains(session));
    }

    fn sleep(&mut self, who: usize) {
        let person = &mut self.people[who];
        if person.device.live.is_none() {
            return;
        }
        self.night.sleeps(person);
        let user = person.caller.user;
        if self.is_here(user) {
            return;
        }
        for (chat, rows) in self.model.missed.remove(&user).unwrap_or_default() {
            let waiting = self.model.waiting.entry(chat).or_default();
            for row in rows {
                waiting.push(Row { late: Some(user), ..row });
            }
        }
    }

    async fn move_member(&mut self, chat: ChatId) {
        let owner = self.people[0].caller;
        let whom = self.people[self.random.usize(1..NAMES.len())].caller.user;
        let groups = &self.night.core().groups;
        let gone = groups.remove(&owner, chat, whom).await.is_ok();
        let came = !gone
            && groups.add(&owner, chat, vec![whom]).await.is_ok_and(|added| !added.is_empty());
        if gone {
            self.has_read(whom, chat, u64::MAX);
        }
        if gone || came {
            // Who does it counts as having written that.
            self.has_read(owner.user, chat, u64::MAX);
        }
    }

    async fn subscribe(&mut self, who: usize) {
        let (caller, push) = (self.people[who].caller, &self.night.core().push);
        if self.random.bool() {
            push.unsubscribe(&caller).await.expect("unsubscribed");
        } else {
            let token = format!("token-of-{}", caller.session);
            let target = wechat::model::push::Target::fcm(&token).expect("a token");
            push.subscribe(&caller, target).await.expect("subscribed");
            self.model.fresh.insert(caller.session);
        }
    }

    async fn want(&mut self, who: usize) {
        let quiet = Quiet::parse(0, 12 * 60, "UTC", true).expect("hours");
        let alerts = Alerts {
            mentions_only: self.random.bool(),
            quiet: self.random.bool().then_some(quiet),
            ..Alerts::default()
        };
        let caller = self.people[who].caller;
        self.night.core().push.set_alerts(&caller, alerts.clone()).await.expect("said");
        self.model.wanted.insert(caller.user, alerts);
    }

    async fn set_level(&mut self, who: usize, chat: ChatId) {
        let levels = [None, Some(Level::All), Some(Level::Mentions), Some(Level::Nothing)];
        let alerts = Some(levels[self.random.usize(..levels.len())]);
        let change = MemberChange { alerts, ..MemberChange::default() };
        let caller = self.people[who].caller;
        let _ = self.night.core().chats.set_member(&caller, chat, change).await;
    }

    /// The device logs out and in again.
    async fn log_in_again(&mut self, who: usize) {
        self.sleep(who);
        let name = NAMES[who % NAMES.len()];
        let next = self.night.another(name).await;
        self.model.fresh.insert(next.caller.session);
        let old = std::mem::replace(&mut self.people[who], next);
        let auth = &self.night.core().auth;
        auth.close(&old.caller, Which::One(old.caller.session)).await.expect("closed");
    }

    /// Has told what waits, and compares it with what the model says.
    async fn look(&mut self) {
        let told = self.night.told().await;
        let mut found = BTreeSet::new();
        for (to, notice) in &told {
            match &notice.said {
                Said::Message { chat, seq, badge, .. } => {
                    assert!(found.insert((to.session, *chat, *seq)), "once");
                    assert_eq!(*badge, self.badge(to.user).await);
                }
                Said::Read { .. } => {}
                other => panic!("nobody asked for {other:?}"),
            }
        }
        let (all, must) = self.expected().await;
        self.model.fresh.clear();
        assert!(found.is_subset(&(&all | &must)), "{found:?}, at most {all:?} and {must:?}");
        let places =
            |set: &Pushed| -> BTreeSet<_> { set.iter().map(|one| (one.0, one.1)).collect() };
        assert!(places(&must).is_subset(&places(&found)), "{found:?}, at least {must:?}");
        for (session, chat, seq) in found {
            self.model.told.insert((session, chat));
            self.model.shown.insert((session, chat), seq);
        }
    }

    /// Who may be told of what now, and who must be.
    async fn expected(&mut self) -> (Pushed, Pushed) {
        let (mut all, mut must) = (Pushed::new(), Pushed::new());
        for (chat, mut rows) in std::mem::take(&mut self.model.waiting) {
            rows.sort_by_key(|row| row.seq);
            for user in self.users() {
                let Some(member) = self.member(chat, user).await else { continue };
                let subscribed = self.subscribed(user).await;
                if subscribed.is_empty() {
                    continue;
                }
                if self.is_here(user) {
                    let optional = subscribed.is_subset(&self.model.fresh);
                    self.note_missed(user, chat, &rows, optional);
                    continue;
                }
                let told = |session: &&SessionId| self.model.told.contains(&(**session, chat));
                let untold: Vec<SessionId> =
                    subscribed.iter().filter(|session| !told(session)).copied().collect();
                if let Some(seq) = self.newest(&member, &rows, true).await {
                    all.extend(untold.iter().map(|session| (*session, chat, seq)));
                }
                let is_fresh = |session: &&SessionId| self.model.fresh.contains(session);
                if let Some(seq) = self.newest(&member, &rows, false).await {
                    let old = untold.iter().filter(|session| !is_fresh(session));
                    must.extend(old.map(|session| (*session, chat, seq)));
                }
            }
        }
        (all, must)
    }

    /// The latest of these rows that a member is to be told of.
    async fn newest(&self, member: &Member, rows: &[Row], optional: bool) -> Option<u64> {
        let due = rows.iter().rev().filter(|row| self.concerns(member, row));
        for row in due.filter(|row| optional || !row.optional).take(LOOKS) {
            if self.passes(member.chat, member.user, row.from).await {
                return Some(row.seq);
            }
        }
        None
    }

    fn note_missed(&mut self, user: UserId, chat: ChatId, rows: &[Row], optional: bool) {
        let missed = self.model.missed.entry(user).or_default().entry(chat).or_default();
        let is_for = |row: &&Row| row.from != user && row.late.is_none_or(|late| late == user);
        for row in rows.iter().filter(is_for) {
            if !missed.iter().any(|known| known.seq == row.seq) {
                missed.push(Row { optional: row.optional || optional, ..row.clone() });
            }
        }
    }

    fn users(&self) -> BTreeSet<UserId> {
        self.people.iter().map(|person| person.caller.user).collect()
    }

    async fn subscribed(&self, user: UserId) -> BTreeSet<SessionId> {
        let pushes = self.night.node.inside.store.pushes_of(&[user]).await.expect("reads");
        pushes.iter().map(|push| push.session).collect()
    }

    async fn member(&self, chat: ChatId, user: UserId) -> Option<Member> {
        let found = self.night.node.inside.store.chat(chat, &[user]).await.expect("reads");
        found.and_then(|(_, mut members)| members.pop()).filter(Member::is_active)
    }

    async fn passes(&self, chat: ChatId, reader: UserId, writer: UserId) -> bool {
        let store = &self.night.node.inside.store;
        let blocks = store.blocks_between(reader, writer).await.expect("reads");
        let is_direct = self.chats.iter().any(|known| known.chat == chat && known.peers.is_some());
        !(blocks.by_first || is_direct && blocks.by_second)
    }

    /// As the list of chats has it.
    async fn badge(&self, user: UserId) -> u64 {
        let caller = self.people.iter().find(|person| person.caller.user == user);
        let caller = &caller.expect("somebody").caller;
        let chats = self.night.core().chats.list(caller, 0, 50).await.expect("a list");
        let loud = chats.iter().filter(|chat| self.level(&chat.member) == Level::All);
        loud.map(|chat| chat.unread).sum()
    }
}

impl Life {
    fn wanted(&self, user: UserId) -> Alerts {
        self.model.wanted.get(&user).cloned().unwrap_or_default()
    }

    /// The rule in other words: the chat's own level, else mentions in groups if the person says
    /// so; a mute leaves mentions at most.
    fn level(&self, member: &Member) -> Level {
        let is_direct =
            self.chats.iter().any(|known| known.chat == member.chat && known.peers.is_some());
        let mentions_only = self.wanted(member.user).mentions_only && !is_direct;
        let in_all = if mentions_only { Level::Mentions } else { Level::All };
        match (member.alerts, member.muted_until) {
            (Some(Level::Nothing), _) => Level::Nothing,
            (_, Some(_)) => Level::Mentions,
            (level, None) => level.unwrap_or(in_all),
        }
    }

    /// Quiet hours here are those before noon in UTC.
    fn is_quiet(&self, user: UserId) -> bool {
        let now = self.night.node.inside.clock.now();
        let is_morning = now.millis().rem_euclid(24 * 60 * 60 * 1000) < 12 * 60 * 60 * 1000;
        self.wanted(user).quiet.is_some() && is_morning
    }

    fn concerns(&self, member: &Member, row: &Row) -> bool {
        let passes = match self.level(member) {
            Level::All => true,
            Level::Mentions => row.mention == Some(member.user),
            Level::Nothing => false,
        };
        passes && !self.is_quiet(member.user) && is_news(member, row)
    }
}

/// Whether a row is unread for a member, whatever they want to be told of.
fn is_news(member: &Member, row: &Row) -> bool {
    let read = [member.read_seq, member.join_seq - 1, member.hide_seq, member.own_seq];
    let is_for = row.from != member.user && row.late.is_none_or(|user| user == member.user);
    let is_unread = read.iter().all(|cursor| *cursor < row.seq) && is_for;
    is_unread && !(row.late.is_some() && member.delivered_seq >= row.seq)
}

async fn live(seed: u64) {
    let mut life = Life::new(seed).await;
    for _ in 0..STEPS {
        life.step().await;
        if life.random.bool() {
            life.look().await;
        }
    }
    life.look().await;
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_is_to_be_told_is_and_nobody_else() {
    let seeds = match number("PUSH_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PUSH_RUNS").unwrap_or(RUNS),
    };
    for seed in seeds {
        let lived = tokio::spawn(live(seed)).await;
        assert!(lived.is_ok(), "PUSH_SEED={seed}");
    }
}
