//! Push: when a device that sleeps is told, and what.
//!
//! The node that commits a message waits a moment (`SETTLE`), then asks the store who of the chat
//! is subscribed, and for each of them once more whether they may see the message, have not read
//! it, and want to hear of it (`rules`): membership, cursor, mute and blocks are as they are at
//! the moment of telling, so a removal in between wins. Whoever has a connection is not told. One
//! push a session and chat, until its person comes; what was shown is taken back once they have
//! read it elsewhere. A call is told at once, and again when it stops ringing (`rings`).
//!
//! A push is a hint: it may be lost with the node, or at the bounds of what a node remembers
//! (`memory`). Nothing here delays a send, and a chat of which nobody is subscribed costs it a
//! look at a cache. Called by `core::fanout`, `core::calls` and `core::presence` when something
//! happens, by `http` for subscriptions, and by `app`, which lets it run (`follow`).

mod alerts;
mod digest;
mod memory;
mod revise;
mod rings;
mod rules;
mod tell;
pub mod words;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep, sleep_until};

use self::memory::{Missed, Queue, Told};
use self::rings::Rings;
use self::rules::NewRow;
use super::{Shared, to_the_end};
use crate::bus::{Event, Posted, Source};
use crate::clock::Time;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ChatId, SessionId, UserId};
use crate::model::alerts::Shown;
use crate::model::auth::{Caller, Quota, Session};
use crate::model::messages::{Content, Message};
use crate::model::push::{Kind, Subscription, Target};
use crate::model::users::User;
use crate::push::Pusher;

/// How long a message waits before it is told: others of its chat come along, and whoever is about
/// to read it has done so.
pub const SETTLE: Duration = Duration::from_millis(500);
/// At most this many pushes a minute does somebody send to their own device to try it.
pub const TESTS_A_MINUTE: u32 = 6;
/// How long to wait when the store cannot be read.
const RETRY: Duration = Duration::from_secs(1);
/// An edit that is older was told before.
const EDITED_NOW: Duration = Duration::from_secs(5);
/// So many chats are told at once.
const AT_ONCE: usize = 8;
/// So many sessions and chats are remembered together, as who is subscribed where; of chats that
/// nobody wrote in for longest it is asked again.
const AUDIENCES: u64 = 500_000;

const NO_PUSH: Text = Text {
    en: "This device has not asked for notifications.",
    es: "Este dispositivo no ha pedido notificaciones.",
};
const NOT_HERE: Text = Text {
    en: "This server sends no notifications. Its operator can set that up.",
    es: "Este servidor no envía notificaciones. El operador puede configurarlo.",
};

/// The sessions by which a user is connected, on whatever node: to hear of one chat, or at all.
pub type Here = Arc<dyn Fn(UserId, Option<ChatId>) -> Vec<SessionId> + Send + Sync>;

/// Where pushes go out, and what they may say.
#[derive(Clone)]
pub struct Outlet {
    /// Tells devices.
    pub pusher: Arc<dyn Pusher>,
    /// Says who needs not be told.
    pub here: Here,
    /// How much is said; `None`: as much as fits each kind (`words::by_default`).
    pub shown: Option<Shown>,
    /// How long a message waits before it is told: `SETTLE`.
    pub settle: Duration,
    /// How long somebody who leaves may take to come back before they are told what they did not
    /// receive: `AWAY_AFTER`.
    pub away: Duration,
}

/// What a server offers to devices that sleep.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Offer {
    /// The key by which browsers know the server; `None` where it reaches no browsers.
    pub vapid_key: Option<String>,
    /// What it reaches.
    pub kinds: Vec<Kind>,
}

/// Subscriptions, and the telling.
#[derive(Clone)]
pub struct Pushes {
    shared: Arc<Shared>,
}

/// What a node knows while it tells.
pub(crate) struct Pushing {
    outlet: OnceLock<Outlet>,
    /// What rang before that was told by an earlier process.
    began: Time,
    memory: Mutex<Memory>,
    wake: Notify,
    /// So many chats and devices are being told right now.
    busy: AtomicUsize,
    rest: Notify,
    /// By which sessions the members of a chat are, or were lately, subscribed.
    audiences: moka::sync::Cache<ChatId, Arc<[(UserId, SessionId)]>>,
    /// Grows when somebody subscribes or comes into a chat.
    generation: AtomicU64,
}

/// Something is being told.
struct Busy(Arc<Pushing>);

impl Drop for Busy {
    fn drop(&mut self) {
        if self.0.busy.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.0.rest.notify_waiters();
        }
    }
}

#[derive(Default)]
struct Memory {
    queue: Queue,
    told: Told,
    missed: Missed,
    rings: Rings,
}

/// Each chat weighs as much as it has sessions, and a few more for itself.
fn audiences() -> moka::sync::Cache<ChatId, Arc<[(UserId, SessionId)]>> {
    let weight = |_: &ChatId, audience: &Arc<[(UserId, SessionId)]>| audience.len() as u32 + 4;
    moka::sync::Cache::builder().weigher(weight).max_capacity(AUDIENCES).build()
}

impl Pushing {
    /// Of a process that begins `now`, and tells nobody before it has an outlet.
    pub(crate) fn new(now: Time) -> Self {
        Self {
            outlet: OnceLock::new(),
            began: now,
            memory: Mutex::default(),
            wake: Notify::new(),
            busy: AtomicUsize::new(0),
            rest: Notify::new(),
            audiences: audiences(),
            generation: AtomicU64::new(0),
        }
    }

    /// From now on devices are told. Only the first outlet counts.
    pub(crate) fn open(&self, outlet: Outlet) {
        let _ = self.outlet.set(outlet);
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // What a panic elsewhere left behind is whole: each change is one step.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A message is new and durable, and was published.
    pub(crate) fn note(&self, message: &Message) {
        let Some(outlet) = self.outlet.get() else { return };
        let Some(row) = NewRow::of(message) else { return };
        let audience = self.audiences.get(&message.chat);
        if audience.is_some_and(|audience| audience.iter().all(|(user, _)| *user == row.from)) {
            return;
        }
        self.wait(message.chat, row, Instant::now() + outlet.settle);
    }

    /// Whether somebody has a connection to this node.
    pub(crate) fn is_connected(&self, user: UserId) -> bool {
        self.outlet.get().is_some_and(|outlet| !(outlet.here)(user, None).is_empty())
    }

    /// How much the operator lets be said, if they said it.
    fn shown(&self) -> Option<Shown> {
        self.outlet.get().and_then(|outlet| outlet.shown)
    }

    /// Notes that something is being told, for as long as the answer lives.
    fn begin(self: &Arc<Self>) -> Busy {
        self.busy.fetch_add(1, Ordering::SeqCst);
        Busy(self.clone())
    }

    fn wait(&self, chat: ChatId, row: NewRow, due: Instant) {
        if self.memory().queue.put(chat, row, due) {
            self.wake.notify_one();
        }
    }

    /// Somebody has connected: whatever comes from now on is told again once they are gone.
    pub(crate) fn came(&self, user: UserId) {
        if self.outlet.get().is_some() {
            self.memory().told.came(user);
        }
    }

    /// A connection of somebody's has ended. If it was their last, and they stay away, they are
    /// told what it did not bring them.
    pub(crate) fn left(&self, user: UserId) {
        let Some(outlet) = self.outlet.get() else { return };
        if !(outlet.here)(user, None).is_empty() {
            return;
        }
        let missed = self.memory().missed.take(user);
        let due = Instant::now() + outlet.away;
        for (chat, rows) in missed {
            rows.into_iter().for_each(|row| self.wait(chat, row, due));
        }
    }

    /// Whether somebody is connected; then they are told of these rows only if they leave without
    /// having received them.
    fn is_here(&self, outlet: &Outlet, user: UserId, chat: ChatId, rows: &[&NewRow]) -> bool {
        if (outlet.here)(user, Some(chat)).is_empty() {
            return false;
        }
        let mut memory = self.memory();
        rows.iter().for_each(|row| memory.missed.note(user, chat, row));
        drop(memory);
        // Whoever has left since they were looked for has found nothing to take along.
        self.left(user);
        true
    }

    /// Of those who are known to be subscribed in a chat, the ones who may need to be told: neither
    /// connected nor told already, in order. `None` when it is not known who is subscribed.
    fn in_need(&self, outlet: &Outlet, chat: ChatId, rows: &[NewRow]) -> Option<Vec<UserId>> {
        let audience = self.audiences.get(&chat)?;
        let untold = {
            let memory = self.memory();
            let untold = |(user, session): &&(UserId, SessionId)| {
                rows.iter().any(|row| row.is_for(*user)) && !memory.told.has(*user, *session, chat)
            };
            let untold: BTreeSet<UserId> =
                audience.iter().filter(untold).map(|one| one.0).collect();
            untold
        };
        let is_away = |user: &UserId| {
            let others: Vec<&NewRow> = rows.iter().filter(|row| row.is_for(*user)).collect();
            !self.is_here(outlet, *user, chat, &others)
        };
        Some(untold.into_iter().filter(is_away).collect())
    }

    /// Who is known to be subscribed in a chat and shows a message of it, each with the sessions;
    /// `None` when it is not known who is subscribed.
    fn showing(&self, chat: ChatId, seq: u64) -> Option<BTreeMap<UserId, Vec<SessionId>>> {
        let audience = self.audiences.get(&chat)?;
        let users: BTreeSet<UserId> = audience.iter().map(|one| one.0).collect();
        Some(self.of_them(users, chat, seq))
    }

    /// Who of these people shows a message, with the sessions.
    fn of_them(
        &self,
        users: impl IntoIterator<Item = UserId>,
        chat: ChatId,
        seq: u64,
    ) -> BTreeMap<UserId, Vec<SessionId>> {
        let memory = self.memory();
        let of = |user| (user, memory.told.showing(user, chat, seq));
        users.into_iter().map(of).filter(|(_, sessions)| !sessions.is_empty()).collect()
    }

    /// To be taken before looking up who is subscribed in a chat.
    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }

    /// Remembers who is subscribed in a chat, unless that may have changed since.
    fn remember(&self, chat: ChatId, audience: Vec<(UserId, SessionId)>, generation: u64) {
        self.audiences.insert(chat, audience.into());
        if self.generation() != generation {
            self.audiences.invalidate(&chat);
        }
    }

    /// Somebody more may be subscribed in any chat.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.audiences.invalidate_all();
    }

    /// Somebody more may be subscribed in these chats.
    fn forget(&self, chats: impl IntoIterator<Item = ChatId>) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        chats.into_iter().for_each(|chat| self.audiences.invalidate(&chat));
    }
}

impl Pushes {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    fn outlet(&self) -> Result<&Outlet> {
        let outlet = self.shared.pushing.outlet.get();
        outlet.ok_or_else(|| Error::new(Code::NotImplemented, NOT_HERE))
    }

    /// What this server offers.
    pub fn offer(&self) -> Offer {
        let Ok(outlet) = self.outlet() else { return Offer::default() };
        let vapid_key = outlet.pusher.vapid_key().map(str::to_owned);
        Offer { vapid_key, kinds: outlet.pusher.kinds().to_vec() }
    }

    /// Tells the caller's device from now on by this target, in place of its earlier one of the
    /// kind.
    pub async fn subscribe(&self, caller: &Caller, target: Target) -> Result<()> {
        self.outlet()?.pusher.check(&target)?;
        let (shared, user) = (self.shared.clone(), caller.user);
        let subscription = Subscription { session: caller.session, user, target };
        to_the_end(async move {
            if !shared.ports.store.put_push(&subscription).await? {
                return Err(Error::new(Code::Unauthenticated, text::UNAUTHENTICATED));
            }
            shared.subscriptions_changed(user).await
        })
        .await
    }

    /// What a client of the original endpoints gave at its sign-up becomes the subscription of the
    /// session that it opens, unless another session of theirs has it.
    /// What goes wrong is no reason to refuse the session.
    pub async fn adopt(&self, user: &User, session: &Session) {
        let Some(token) = &user.push_token else { return };
        let target = Target::Fcm { token: token.clone() };
        if let Err(error) = self.try_adopt(user, session, target).await {
            tracing::warn!(cause = ?error.cause(), "a push token is not used: {error}");
        }
    }

    async fn try_adopt(&self, user: &User, session: &Session, target: Target) -> Result<()> {
        let pushes = self.shared.ports.store.pushes_of(&[user.id]).await?;
        let known = pushes.iter().any(|push| push.target == target);
        let reached = self.offer().kinds.contains(&Kind::Fcm);
        if known || !reached {
            return Ok(());
        }
        let caller = Caller { user: user.id, session: session.id, instance: None };
        self.subscribe(&caller, target).await
    }

    /// Tells the caller's device no more.
    pub async fn unsubscribe(&self, caller: &Caller) -> Result<()> {
        for push in self.own(caller).await? {
            self.shared.ports.store.drop_push(&push).await?;
        }
        self.shared.subscriptions_changed(caller.user).await
    }

    /// Sends a push to the caller's own device; `NotFound` when it has no subscription.
    pub async fn test(&self, caller: &Caller) -> Result<()> {
        let outlet = self.outlet()?;
        let own = self.own(caller).await?;
        if own.is_empty() {
            return Err(Error::not_found(NO_PUSH));
        }
        let key = format!("push-test:{}", caller.user);
        let quota = Quota { key, limit: TESTS_A_MINUTE, window_ms: 60_000 };
        self.shared.count(&[quota], self.shared.ports.now()).await?;
        let language = self.shared.language_of(caller.user).await?;
        for push in rules::for_messages(own) {
            outlet.pusher.push(Arc::new(push), tell::test(language));
        }
        Ok(())
    }

    /// By what each of the caller's sessions is subscribed.
    pub async fn of_sessions(&self, caller: &Caller) -> Result<Vec<(SessionId, Kind)>> {
        let all = self.shared.ports.store.pushes_of(&[caller.user]).await?;
        Ok(all.into_iter().map(|push| (push.session, push.target.kind())).collect())
    }

    /// What the caller's session is subscribed by.
    async fn own(&self, caller: &Caller) -> Result<Vec<Subscription>> {
        let mut own = self.shared.ports.store.pushes_of(&[caller.user]).await?;
        own.retain(|push| push.session == caller.session);
        Ok(own)
    }

    /// Tells devices, for as long as the server runs. To be called once, at the start: calls that
    /// ring already are told again.
    pub async fn follow(&self) {
        let Ok(outlet) = self.outlet() else { return };
        tokio::join!(self.ring_again(), self.tell_waiting(outlet), self.bury(outlet));
    }

    async fn tell_waiting(&self, outlet: &Outlet) {
        let pushing = &self.shared.pushing;
        loop {
            let next = pushing.memory().queue.next();
            let woken = pushing.wake.notified();
            match next {
                Some(due) => tokio::select! {
                    () = sleep_until(due) => {}
                    () = woken => {}
                },
                None => woken.await,
            }
            self.tell_due(outlet, Instant::now()).await;
        }
    }

    /// Tells what is due at a moment.
    async fn tell_due(&self, outlet: &Outlet, now: Instant) {
        let pushing = &self.shared.pushing;
        let _busy = pushing.begin();
        let due = std::iter::from_fn(|| pushing.memory().queue.take(now));
        let due: Vec<_> = due.collect();
        let tell = |(chat, rows)| self.tell_or_wait(outlet, chat, rows);
        stream::iter(due).for_each_concurrent(AT_ONCE, tell).await;
    }

    /// Tells at once what is due within a time, and waits until all of it is on its way. The caller
    /// bounds how long that may take.
    pub async fn drain(&self, within: Duration) {
        let Ok(outlet) = self.outlet() else { return };
        let pushing = &self.shared.pushing;
        self.tell_due(outlet, Instant::now() + within).await;
        loop {
            let rest = pushing.rest.notified();
            if pushing.busy.load(Ordering::SeqCst) == 0 {
                return;
            }
            rest.await;
        }
    }

    async fn tell_or_wait(&self, outlet: &Outlet, chat: ChatId, rows: Vec<NewRow>) {
        let Err(error) = self.shared.tell_chat(outlet, chat, &rows).await else { return };
        tracing::warn!(%chat, cause = ?error.cause(), "devices are told later: {error}");
        for row in rows {
            self.shared.pushing.wait(chat, row, Instant::now() + RETRY);
        }
    }

    /// Removes subscriptions that their services do not know any more.
    async fn bury(&self, outlet: &Outlet) {
        loop {
            let dead = outlet.pusher.dead().await;
            if let Err(error) = self.shared.ports.store.drop_push(&dead).await {
                // It shows again with the next push.
                tracing::warn!(cause = ?error.cause(), "a dead subscription stays: {error}");
            }
        }
    }

    /// What rings when the server starts is told again: nobody knows what was told before.
    async fn ring_again(&self) {
        while let Err(error) = self.shared.ring_again().await {
            tracing::warn!(cause = ?error.cause(), "ringing calls are told later: {error}");
            sleep(RETRY).await;
        }
    }
}

impl Shared {
    /// Somebody is subscribed, or is not any more.
    async fn subscriptions_changed(&self, user: UserId) -> Result<()> {
        self.ports.bus.publish(Event::Subscribed(user));
        self.forget_chats_of(user).await
    }

    /// The same on another node.
    fn subscribed_there(self: &Arc<Self>, user: UserId) {
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let shared = self.clone();
        runtime.spawn(async move {
            if shared.forget_chats_of(user).await.is_err() {
                shared.pushing.forget_all();
            }
        });
    }

    async fn forget_chats_of(&self, user: UserId) -> Result<()> {
        let followed = self.ports.store.followed(user).await?;
        self.pushing.forget(followed.into_iter().map(|followed| followed.chat));
        Ok(())
    }

    /// Heeds what may end a push, or make one possible. Called with every event, by every node.
    pub(crate) fn heed_push(self: &Arc<Self>, event: &Event, source: Source) {
        if self.pushing.outlet.get().is_none() {
            return;
        }
        match event {
            Event::Message(posted) => self.heed_row(posted),
            Event::ChatOpened(chat) => self.pushing.forget([chat.id]),
            Event::Member(own) => {
                let member = &own.member;
                let arrived = member.delivered_seq.max(member.read_floor());
                self.pushing.memory().missed.arrived(member.user, member.chat, arrived);
                self.take_back(member.user, member.chat, member.read_floor());
            }
            Event::Call(news) => self.stop_ringing(news, source),
            Event::Pushed(pushed) if source == Source::There => self.pushed_there(pushed),
            Event::Subscribed(user) if source == Source::There => self.subscribed_there(*user),
            _ => {}
        }
    }

    /// Whether a row came because its text changed. An edit stays on its row: what comes with it
    /// later, such as a reaction, is no edit.
    fn is_revised(&self, message: &Message) -> bool {
        let is_fresh = |at: Time| self.ports.now().since(at) < EDITED_NOW;
        matches!(message.content, Content::Deleted) || message.edited.is_some_and(is_fresh)
    }

    fn heed_row(self: &Arc<Self>, posted: &Posted) {
        let Message { chat, seq, from, .. } = posted.message;
        if !posted.joined.is_empty() {
            self.pushing.forget([chat]);
        }
        if self.is_revised(&posted.message) {
            return self.revise(chat, seq);
        }
        // Who writes has read what stands above, and who left is told nothing any more.
        self.take_back(from, chat, seq);
        posted.gone.iter().for_each(|user| self.take_back(*user, chat, u64::MAX));
    }
}
