//! This node's index: which users are connected, and which connections follow which chat.
//!
//! An event is encoded once and handed to each connection that may see it. The hub never waits: a
//! connection's `push` only queues. What comes alone in its chat is queued too, so that its place
//! in the order is certain, and then written straight into the sockets (`hurry`).
//!
//! Invariant: a connection that `attach` has answered for gets every change of its user's chats, in
//! the order of their revs, or a `resync` frame, or its close. It is registered first, then its
//! memberships are read, then it follows; what came in between is in the store, where the client
//! reads it once it is told that it is live. Invariant: once the event of a removal was delivered,
//! no later row of that chat reaches the user's connections: memberships that were read before it
//! are refused. Invariant: a chat has an audience only while somebody connected is in it.
//!
//! Locks are taken in the order: chat shard, audience, user shard; none is held across an await.
//! Called by `ws` (`attach`), by the bus (`on_event`), and by `core::fanout` (gaps).

mod asides;
mod audience;
pub mod close;
mod elsewhere;
mod frame;
mod gate;
mod hurry;
pub mod presence;
mod since;
#[cfg(test)]
mod tests;
mod users;
mod watch;
mod whereabouts;

use std::collections::{BTreeMap, HashMap};
use std::future::Future;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use tokio::sync::mpsc;

use crate::bus::{Bus, CallNews, Event, Hint, Listener, Posted, Signal, Source};
use crate::error::{Error, Result, text};
use crate::id::{ChatId, SessionId, UserId};
use crate::model::auth::{Caller, Instance};
use crate::model::calls::Device;
use crate::model::chats::{Chat, Followed, Member};
use asides::{Aside, To};
pub use audience::REPAIRED_ROWS;
use audience::{Arrival, Audience, Found, Start, Subscribed};
use close::CloseCode;
pub use frame::Frame;
use presence::{Board, Presence, Stir};
use users::{Client, Users};

/// At most this many connections of one user at once; one more closes the oldest.
pub const CONNECTIONS_OF_A_USER: usize = 64;
/// How often memberships are read again when they change while a connection attaches.
const READS: usize = 20;
const SHARDS: usize = 64;

/// One live connection, as the hub sees it. Nothing here waits or fails.
pub trait Connection: Send + Sync {
    /// Queues a frame. At the connection's bound it closes itself instead.
    fn push(&self, frame: &Frame);
    /// Queues a frame that `hurry` is to get going: it must follow.
    fn queue(&self, frame: &Frame) {
        self.push(frame);
    }
    /// Writes what is queued straight into the socket, where that goes; no lock is held by then.
    fn hurry(&self) {}
    /// Closes the connection, after what is queued.
    fn close(&self, code: CloseCode);
    /// Whose it is.
    fn user(&self) -> UserId;
    /// The session that speaks for the user.
    fn session(&self) -> SessionId;
    /// Which running client of the session it belongs to, if that has named itself.
    fn instance(&self) -> Option<Instance> {
        None
    }
    /// The one chat that it is for; `None`: all chats of the user.
    fn scope(&self) -> Option<ChatId>;
}

/// The frames of an event.
#[derive(Debug, Clone, Default)]
pub struct Frames {
    /// The chat as it is now, for those who stay in it; goes first.
    pub chat: Option<Frame>,
    /// The row that is new or changed.
    pub row: Option<Frame>,
}

impl Frames {
    /// Hands each of them on, in their order.
    fn each(&self, take: impl FnMut(&Frame)) {
        [&self.chat, &self.row].into_iter().flatten().for_each(take);
    }
}

/// Writes frames; passed in, since the wire's types rank above the hub.
#[derive(Clone, Copy)]
pub struct Encoder {
    /// The frames of an event.
    pub event: fn(&Event) -> Frames,
    /// Tells a client to read what it has missed, in one chat or in all.
    pub resync: fn(Option<ChatId>) -> Frame,
    /// The state of a call, for one device; `None`: the device has nothing to do with it.
    pub call: fn(&CallNews, &Caller) -> Option<Frame>,
    /// A person's presence, for those who watch.
    pub presence: fn(&Presence) -> Frame,
}

/// Something is missing between what a chat's audience heard and what waits for it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gap {
    /// The chat whose audience waits.
    pub chat: ChatId,
    /// The audience that asked: another one of the same chat may have taken its place by now.
    audience: u64,
    /// The rev up to which everything was delivered.
    pub after_rev: u64,
    /// Whose memberships are to be read, each with its generation when the gap was looked at.
    pub users: BTreeMap<UserId, u64>,
}

/// A chat that may have a gap.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Report {
    /// The chat that the report is about.
    pub chat: ChatId,
    /// It does not close by itself. Else it probably does: wait a moment (50 ms) before asking.
    pub at_once: bool,
}

/// Chats that may have a gap, each once until `Hub::gap` is asked about it.
pub type Gaps = mpsc::UnboundedReceiver<Report>;

/// People whom somebody watches and with whom something has happened.
pub type Stirs = mpsc::UnboundedReceiver<Stir>;

/// The index of one node.
pub struct Hub {
    encoder: Encoder,
    users: Users,
    watched: Board,
    stirs: OnceLock<mpsc::UnboundedSender<Stir>>,
    blocks: AtomicU64,
    audiences: Vec<Mutex<HashMap<ChatId, Arc<Audience>>>>,
    gaps: mpsc::UnboundedSender<Report>,
    numbers: AtomicU64,
    /// What the other nodes learn of connections by, and this one of theirs.
    bus: OnceLock<Arc<dyn Bus>>,
}

/// A connection's place in the hub, given up when this is dropped.
pub struct Attached {
    hub: Arc<Hub>,
    client: Client,
    watching: Mutex<Vec<UserId>>,
}

impl Hub {
    /// An empty hub, and where it reports gaps.
    pub fn new(encoder: Encoder) -> (Arc<Self>, Gaps) {
        let (gaps, reported) = mpsc::unbounded_channel();
        let hub = Self {
            encoder,
            users: Users::new(),
            watched: Board::new(encoder.presence),
            stirs: OnceLock::new(),
            blocks: AtomicU64::new(0),
            audiences: (0..SHARDS).map(|_| Mutex::default()).collect(),
            gaps,
            numbers: AtomicU64::new(0),
            bus: OnceLock::new(),
        };
        (Arc::new(hub), reported)
    }

    /// Registers a connection and lets it follow its user's chats. When this answers, it misses
    /// nothing any more: it is time to tell the client, which then reads what came before.
    /// `memberships` reads the user's active memberships from the store; more than once, when they
    /// change meanwhile. `NotFound`: the user is not in the chat that the connection is for.
    pub async fn attach<R>(
        self: &Arc<Self>,
        connection: Arc<dyn Connection>,
        memberships: impl Fn() -> R,
    ) -> Result<Attached>
    where
        R: Future<Output = Result<Vec<Followed>>>,
    {
        let attached = self.register(connection);
        for _ in 0..READS {
            let generation = self.generation(&attached);
            let rows = memberships().await?;
            let scope = attached.client.connection.scope();
            if scope.is_some_and(|scope| !rows.iter().any(|row| row.chat == scope)) {
                return Err(Error::not_found(text::NO_CHAT));
            }
            if self.subscribe(&attached, generation, &rows) {
                return Ok(attached);
            }
        }
        Err(Error::unavailable("the user's memberships changed again and again"))
    }

    fn register(self: &Arc<Self>, connection: Arc<dyn Connection>) -> Attached {
        let number = self.numbers.fetch_add(1, Ordering::Relaxed);
        let client = Client { number, connection };
        if let Some(oldest) = self.users.add(client.clone(), CONNECTIONS_OF_A_USER) {
            oldest.connection.close(CloseCode::TooMany);
        }
        self.tell_came(&client);
        self.came(client.connection.user());
        Attached { hub: self.clone(), client, watching: Mutex::default() }
    }

    /// How many people are connected, and by how many connections.
    pub fn count(&self) -> (usize, usize) {
        self.users.count()
    }

    /// The generation of the user's memberships, to be taken before they are read.
    fn generation(&self, attached: &Attached) -> u64 {
        self.users.generation(attached.client.connection.user())
    }

    /// Lets a connection follow chats; `false`: the memberships must be read again.
    fn subscribe(&self, attached: &Attached, generation: u64, rows: &[Followed]) -> bool {
        let follows = self.follow_rows(&attached.client, generation, rows);
        if follows {
            self.users.settle(&attached.client);
        }
        follows
    }

    /// What is missing in a reported chat; `None` when it has come meanwhile.
    pub fn gap(&self, chat: ChatId) -> Option<Gap> {
        self.audience(chat)?.gap(self)
    }

    /// Closes a gap by what the store says: the chat and the member rows of `gap.users`, read in
    /// one snapshot *after* `gap` was asked for; then the rows with a rev above `gap.after_rev`, in
    /// the order of their revs, each with who came and went by it. What the snapshot is too old for
    /// is reported again.
    pub fn repair(&self, gap: &Gap, chat: &Chat, members: &[Member], rows: Vec<Posted>) {
        let Some(audience) = self.audience(gap.chat) else { return };
        let encode = |posted| {
            let event = Event::Message(Arc::new(posted));
            let frames = (self.encoder.event)(&event);
            match event {
                Event::Message(posted) => Some(Arrival { posted, frames }),
                _ => None,
            }
        };
        let rows: Vec<Arrival> = rows.into_iter().filter_map(encode).collect();
        let members = members.iter().map(|member| (member.user, member)).collect();
        audience.repair(self, gap, &Found { chat, members, rows: &rows });
    }

    /// Tells everybody in a chat to sync: for a gap that cannot be closed at the moment. It stays
    /// open; ask and try again.
    pub fn resync(&self, chat: ChatId) {
        if let Some(audience) = self.audience(chat) {
            audience.push(self, &(self.encoder.resync)(Some(chat)));
        }
    }

    /// Closes every connection: the server stops.
    pub fn close_all(&self, code: CloseCode) {
        self.everybody().iter().for_each(|connection| connection.close(code));
    }

    /// All connections.
    pub fn everybody(&self) -> Vec<Arc<dyn Connection>> {
        self.users.everybody().into_iter().map(|client| client.connection).collect()
    }

    /// The sessions that are connected here; one with several connections comes as often.
    pub fn sessions(&self) -> Vec<SessionId> {
        self.users.everybody().iter().map(|client| client.connection.session()).collect()
    }

    /// How many connections there are, for metrics.
    pub fn connections(&self) -> usize {
        self.users.connections()
    }

    /// How many chats have somebody connected, for metrics.
    pub fn chats(&self) -> usize {
        self.audiences.iter().map(|shard| lock(shard).len()).sum()
    }

    fn shard(&self, chat: ChatId) -> &Mutex<HashMap<ChatId, Arc<Audience>>> {
        &self.audiences[usize::from(chat.0.0[11]) % SHARDS]
    }

    fn audience(&self, chat: ChatId) -> Option<Arc<Audience>> {
        lock(self.shard(chat)).get(&chat).cloned()
    }

    /// The chat's audience, or a new one that has heard of everything up to `last`.
    fn audience_or(&self, chat: ChatId, last: u64, start: Start) -> Arc<Audience> {
        let mut shard = lock(self.shard(chat));
        let number = || self.numbers.fetch_add(1, Ordering::Relaxed);
        let begin = || Arc::new(Audience::after(chat, number(), last, start));
        shard.entry(chat).or_insert_with(begin).clone()
    }

    /// Forgets the chat's audience if nobody is in it.
    fn retire(&self, chat: ChatId) {
        let mut shard = lock(self.shard(chat));
        let Some(audience) = shard.get(&chat).cloned() else { return };
        if audience.close_if_idle() {
            shard.remove(&chat);
        }
        drop(shard);
        audience.settle(self);
    }

    fn report(&self, report: Report) {
        // Nobody listens any more: the server is stopping.
        let _ = self.gaps.send(report);
    }

    fn posted(&self, event: &Event, posted: &Arc<Posted>) {
        let moved = posted.joined.iter().chain(&posted.gone);
        let concerned = moved.fold(false, |any, user| self.users.bump(*user) | any);
        let chat = posted.message.chat;
        if concerned || self.audience(chat).is_some() || self.misses(posted) {
            let frames = (self.encoder.event)(event);
            self.dispatch(Arrival { posted: posted.clone(), frames });
        }
    }

    /// Brings a row to the chat's audience; somebody who joins may begin one.
    fn dispatch(&self, arrival: Arrival) {
        let chat = arrival.posted.message.chat;
        let is_here = |user: &UserId| !self.users.hearing(*user, chat).is_empty();
        let posted = &arrival.posted;
        let coming = || Some(self.audience_or(chat, posted.message.rev - 1, Start::Coming));
        let audience = if posted.joined.iter().any(is_here) {
            coming()
        } else {
            self.audience(chat).or_else(|| if self.misses(posted) { coming() } else { None })
        };
        let Some(audience) = audience else {
            let rev = arrival.posted.message.rev;
            return arrival.posted.gone.iter().for_each(|user| self.users.leave(*user, chat, rev));
        };
        audience.arrive(self, arrival);
    }

    fn chat_opened(&self, event: &Event, chat: &Chat) {
        let Some((low, high)) = chat.peers else { return };
        let users = [low, high];
        let clients: Vec<Client> = users
            .into_iter()
            .filter(|user| self.users.bump(*user))
            .flat_map(|user| self.users.hearing(user, chat.id))
            .collect();
        if clients.is_empty() {
            return;
        }
        let frames = (self.encoder.event)(event);
        for frame in frames.chat.iter() {
            clients.iter().for_each(|client| client.connection.push(frame));
        }
        // The chat may begin with a message, whose own event follows.
        let as_of = chat.head_rev.saturating_sub(1);
        loop {
            let audience = self.audience_or(chat.id, as_of, Start::Opened);
            if audience.open(self, users, as_of) != Subscribed::Closed {
                return;
            }
        }
    }

    fn member_changed(&self, event: &Event, member: &Member) {
        let clients = self.users.hearing(member.user, member.chat);
        if clients.is_empty() {
            return;
        }
        let frames = (self.encoder.event)(event);
        let audience = self.audience(member.chat).filter(|_| member.hide_seq > 0);
        for client in clients {
            if let Some(audience) = &audience {
                audience.clear(self, client.number, member.hide_seq);
            }
            frames.row.iter().for_each(|frame| client.connection.push(frame));
        }
    }

    /// Tells all devices of a person what is about them alone.
    fn tell_devices(&self, event: &Event, user: UserId) {
        let frames = (self.encoder.event)(event);
        for client in self.users.all(user) {
            frames.row.iter().for_each(|frame| client.connection.push(frame));
        }
    }

    /// Tells all devices of both people the state of their call.
    fn call(&self, news: &CallNews) {
        for user in [news.call.caller.user, news.call.callee.user] {
            for client in self.users.all(user) {
                if let Some(frame) = (self.encoder.call)(news, &client.caller()) {
                    client.connection.push(&frame);
                }
            }
        }
    }

    /// Hands a signal of a call on that another node told, and that may be heard here.
    pub fn signal(&self, signal: Arc<Signal>) {
        let (to, device) = (signal.to, signal.device);
        self.call_signal(&Event::Signal(signal), to, &device);
    }

    /// Hands a signal of a call to the one device that it is for.
    fn call_signal(&self, event: &Event, to: UserId, device: &Device) {
        let frames = (self.encoder.event)(event);
        for client in self.users.all(to) {
            if device.is(&client.caller()) {
                frames.row.iter().for_each(|frame| client.connection.push(frame));
            }
        }
    }

    /// Tells those of a chat's members at rev `as_of` what is not part of its log.
    fn tell_members(&self, event: &Event, chat: ChatId, as_of: u64, to: To) {
        let Some(audience) = self.audience(chat) else { return };
        if let Some(frame) = (self.encoder.event)(event).row {
            audience.tell(self, Aside { frame, as_of, to });
        }
    }

    fn sessions_closed(&self, user: UserId, sessions: &[SessionId]) {
        for client in self.users.all(user) {
            if sessions.contains(&client.connection.session()) {
                client.connection.close(CloseCode::Revoked);
            }
        }
    }
}

impl Listener for Hub {
    fn on_event(&self, event: &Event, source: Source) {
        match event {
            Event::Message(posted) => self.posted(event, posted),
            Event::ChatOpened(chat) => self.chat_opened(event, chat),
            Event::Member(member) => self.member_changed(event, &member.member),
            Event::Export(export) => self.tell_devices(event, export.user),
            Event::Report(report) => {
                report.by.iter().for_each(|by| self.tell_devices(event, *by));
            }
            Event::SessionsClosed(user, sessions) => self.sessions_closed(*user, sessions),
            Event::Call(news) => self.call(news),
            // What another node tells waits for the fence (`core::calls`).
            Event::Signal(_) if source == Source::There => {}
            Event::Signal(signal) => self.call_signal(event, signal.to, &signal.device),
            Event::Receipt(it) => self.tell_members(event, it.chat, it.as_of, To::Others(None)),
            Event::Typing(it) => {
                self.tell_members(event, it.chat, it.as_of, To::Others(Some(it.user)));
            }
            Event::Asking(it) => {
                self.tell_members(event, it.chat, it.as_of, To::These(it.admins.clone()));
            }
            Event::Alerts(user, _) => self.tell_devices(event, *user),
            Event::Pushed(_) | Event::Subscribed(_) => {}
            Event::UserChanged(user) => self.user_changed(*user),
            Event::BlocksChanged(who, whom) => self.blocks_changed(*who, *whom),
            Event::TieChanged { one, other, apart } => {
                if *apart {
                    self.blocks_changed(*one, *other);
                }
            }
        }
    }

    fn on_hint(&self, hint: &Hint) {
        self.hint(hint);
    }

    fn on_moved(&self, user: UserId, came: bool) {
        if came {
            self.came(user);
        } else {
            self.went(user);
        }
    }
}

impl Attached {
    /// Shows this connection from now on how these people stand, and of others nothing any more; at
    /// most `WATCHED`. What is known it is told at once. Answers of whom nothing is known: look,
    /// and tell.
    pub fn watch(&self, users: &[UserId]) -> Vec<UserId> {
        let Client { number, connection } = &self.client;
        let mut watching = lock(&self.watching);
        for user in std::mem::take(&mut *watching) {
            self.hub.watched.leave(user, *number);
        }
        watching.extend(users.iter().take(presence::WATCHED));
        let enter = |user: &&UserId| self.hub.watched.enter(**user, *number, connection);
        watching.iter().filter(enter).copied().collect()
    }

    /// Tells only this connection somebody's presence.
    pub fn show(&self, presence: &Presence) {
        self.hub.watched.tell_one(presence, &self.client.connection);
    }
}

impl Drop for Attached {
    fn drop(&mut self) {
        self.watch(&[]);
        let Client { number, connection } = &self.client;
        for chat in self.hub.users.remove(connection.user(), *number) {
            if let Some(audience) = self.hub.audience(chat) {
                audience.unsubscribe(&self.hub, *number);
            }
        }
        self.hub.tell_went(&self.client);
        self.hub.went(connection.user());
    }
}

/// Locks; what a panic elsewhere left behind is still whole, for each change here is one step.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
