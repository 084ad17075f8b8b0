//! The connected members of one chat, and the order in which they are told its changes.
//!
//! Invariant: a subscriber gets the rows of revs above its `as_of`, each once, in the order of
//! revs, from its `visible_from` on, and nothing that comes after its removal. Invariant: code that
//! releases the state's lock checks `arrivals` afterwards (`Audience::settle` does), so that a
//! publisher never waits for another's fan-out and no arrival is left behind.
//!
//! Invariant: what is not part of the log, a receipt or that somebody types, is handed out only
//! once every change has passed that its sender had seen. So whoever was removed by then does not
//! hear it, even where the removal comes late: "Ana removes Beto, Caro reads on" reaches a node as
//! "Caro reads on, as of rev 9"; rev 9 is missing there, so it waits, the gap is reported and read,
//! Beto is taken out, and only then the others hear of Caro.
//!
//! A membership that was read from the store at rev `as_of` describes the chat at that rev: changes
//! up to it do not concern the subscriber any more. A read older than `known_from` is refused: the
//! audience may not know about removals between the two. Called by the hub alone.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::time::Instant;

use super::asides::{Aside, Asides, To};
use super::close::CloseCode;
use super::gate::Gate;
use super::hurry::{Lull, hurry};
use super::since::Since;
use super::users::Client;
use super::{Connection, Frame, Frames, Gap, Hub, Report, lock};
use crate::bus::Posted;
use crate::id::{ChatId, UserId};
use crate::model::chats::{Chat, Member};

/// At most this many rows are read again for the subscribers; those who missed more are told to
/// sync.
pub const REPAIRED_ROWS: usize = 512;

/// A row on its way to the subscribers, encoded.
pub(super) struct Arrival {
    pub(super) posted: Arc<Posted>,
    pub(super) frames: Frames,
}

/// The connected members of one chat.
pub(super) struct Audience {
    chat: ChatId,
    /// Tells it from an earlier audience of the chat.
    number: u64,
    arrivals: Mutex<Vec<Arrival>>,
    state: Mutex<State>,
}

struct State {
    gate: Gate<Arrival>,
    asides: Asides,
    /// Members see what was written before they came, as of the change that left last.
    shared: bool,
    /// Membership changes after this rev are known here, earlier ones are not.
    known_from: u64,
    subscribers: HashMap<u64, Subscriber>,
    /// Members whose arrival was reported too late to be delivered in order.
    late: BTreeSet<UserId>,
    /// The audience began with an event: an earlier arrival may have found nobody and been dropped.
    unsure: bool,
    /// Nothing passes yet: the audience began with somebody's coming, and a going that came after
    /// it in the log may have been told before.
    shut: bool,
    /// A gap was reported and has not been read yet.
    reported: bool,
    /// Taken out of the hub; there may be a new audience in its place.
    closed: bool,
    lull: Lull,
    /// Who has something queued that is to be got going, once nothing is locked.
    hurried: Vec<Arc<dyn Connection>>,
}

struct Subscriber {
    connection: Arc<dyn Connection>,
    since: Since,
}

/// What an audience begins with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// A membership that was read from the store; members see what was before them, or not.
    Membership {
        /// The chat's setting.
        shared: bool,
    },
    /// A direct chat that began: its people are in it for good.
    Opened,
    /// The event that somebody came; the store is asked whether it is still so.
    Coming,
}

/// What became of a wish to subscribe.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Subscribed {
    /// In, or already there.
    Done,
    /// The memberships were read too early; read them again.
    Stale,
    /// This audience is closed; look for the new one.
    Closed,
}

impl Audience {
    /// An audience that has heard of everything up to `last`.
    pub(super) fn after(chat: ChatId, number: u64, last: u64, start: Start) -> Self {
        let state = State {
            gate: Gate::after(last),
            asides: Asides::default(),
            shared: start == Start::Membership { shared: true },
            known_from: last,
            subscribers: HashMap::new(),
            late: BTreeSet::new(),
            unsure: !matches!(start, Start::Membership { .. }),
            shut: start == Start::Coming,
            reported: false,
            closed: false,
            lull: Lull::default(),
            hurried: Vec::new(),
        };
        Self { chat, number, arrivals: Mutex::default(), state: Mutex::new(state) }
    }

    /// Takes a row in. When another thread is at work here, that one will deliver it.
    pub(super) fn arrive(&self, hub: &Hub, arrival: Arrival) {
        lock(&self.arrivals).push(arrival);
        self.settle(hub);
    }

    /// Puts a connection in, by a membership that was read in the user's `generation`.
    pub(super) fn subscribe(
        &self,
        hub: &Hub,
        client: &Client,
        generation: u64,
        since: Since,
    ) -> Subscribed {
        self.with(hub, |state| {
            if state.closed {
                return Subscribed::Closed;
            }
            if since.as_of < state.known_from {
                return Subscribed::Stale;
            }
            state.enter(hub, self.chat, client, Some(generation), since)
        })
    }

    /// Puts both people of a direct chat in that just began, at rev `as_of`.
    pub(super) fn open(&self, hub: &Hub, users: [UserId; 2], as_of: u64) -> Subscribed {
        self.with(hub, |state| {
            if state.closed {
                return Subscribed::Closed;
            }
            for user in users {
                if state.gate.last() > as_of {
                    state.come_late(hub, self.chat, user);
                } else {
                    state.come(hub, self.chat, user, Since::joined(1, as_of));
                }
            }
            Subscribed::Done
        })
    }

    /// Takes a connection out.
    pub(super) fn unsubscribe(&self, hub: &Hub, number: u64) {
        self.with(hub, |state| state.subscribers.remove(&number));
    }

    /// Hides from a member what it cleared for itself.
    pub(super) fn clear(&self, hub: &Hub, number: u64, hide_seq: u64) {
        self.with(hub, |state| {
            if let Some(subscriber) = state.subscribers.get_mut(&number) {
                subscriber.since.hide_seq = subscriber.since.hide_seq.max(hide_seq);
            }
        });
    }

    /// What is missing here; `None` when it has come meanwhile, and the next gap is reported again.
    pub(super) fn gap(&self, hub: &Hub) -> Option<Gap> {
        self.with(hub, |state| {
            state.reported = state.incomplete() && !state.closed;
            state.reported.then(|| {
                let here = state.subscribers.values().map(|s| s.connection.user());
                let coming = state.gate.waiting().flat_map(|arrival| coming(&arrival.posted));
                let coming = coming.chain(state.late.iter().copied());
                let users: BTreeSet<UserId> = here.chain(coming).collect();
                let users = users.into_iter().map(|user| (user, hub.users.generation(user)));
                Gap {
                    chat: self.chat,
                    audience: self.number,
                    after_rev: state.gate.last(),
                    users: users.collect(),
                }
            })
        })
    }

    /// Closes a gap by what the store says; see `Hub::repair`.
    pub(super) fn repair(&self, hub: &Hub, gap: &Gap, found: &Found<'_>) {
        if gap.audience != self.number {
            return;
        }
        self.with(hub, |state| {
            state.reported = false;
            state.catch_up(hub, gap, found);
            state.let_in_late(hub, gap, found);
            state.pass(hub, self.chat);
        });
    }

    /// Takes note that the log has come to a rev, and that these people may be in the chat now.
    pub(super) fn hint(&self, hub: &Hub, rev: u64, moved: &[UserId]) {
        self.with(hub, |state| {
            state.gate.heard_of(rev);
            moved.iter().for_each(|user| state.come_late(hub, self.chat, *user));
        });
    }

    /// Anything may be missing: the store is asked.
    pub(super) fn doubt(&self, hub: &Hub) {
        self.with(hub, |state| state.unsure = true);
    }

    /// Hands one frame to every subscriber.
    pub(super) fn push(&self, hub: &Hub, frame: &Frame) {
        self.with(hub, |state| state.push(frame, None));
    }

    /// Hands out what is not part of the log, now or once its rev has passed.
    pub(super) fn tell(&self, hub: &Hub, aside: Aside) {
        self.with(hub, |state| {
            state.gate.heard_of(aside.as_of);
            state.asides.put(aside);
            state.pass_asides(hub, self.chat);
        });
    }

    /// Closes the audience if nobody is in it and nothing on its way; whether it is closed now.
    /// To be followed by `settle`.
    pub(super) fn close_if_idle(&self) -> bool {
        let Some(mut state) = self.try_state() else { return false };
        state.closed |= state.is_idle() && lock(&self.arrivals).is_empty();
        state.closed
    }

    /// Does something under the lock, then whatever arrived meanwhile.
    fn with<R>(&self, hub: &Hub, work: impl FnOnce(&mut State) -> R) -> R {
        let mut state = lock(&self.state);
        let result = work(&mut state);
        let hurried = std::mem::take(&mut state.hurried);
        drop(state);
        hurry(hurried);
        self.settle(hub);
        result
    }

    /// Delivers what has arrived, unless another thread is at it; retires the audience when nobody
    /// is left in it.
    pub(super) fn settle(&self, hub: &Hub) {
        loop {
            let Some(state) = self.try_state() else { return };
            self.take_in(hub, state);
            if lock(&self.arrivals).is_empty() {
                return;
            }
        }
    }

    /// Delivers what has arrived. Releases the lock, so that a publisher that finds it taken is
    /// noticed by the look at `arrivals` that follows.
    fn take_in(&self, hub: &Hub, mut state: MutexGuard<'_, State>) {
        let arrivals = std::mem::take(&mut *lock(&self.arrivals));
        if state.closed {
            drop(state);
            arrivals.into_iter().for_each(|arrival| hub.dispatch(arrival));
            return;
        }
        arrivals.into_iter().for_each(|arrival| state.accept(hub, self.chat, arrival));
        state.report(hub, self.chat);
        let (idle, hurried) = (state.is_idle(), std::mem::take(&mut state.hurried));
        drop(state);
        hurry(hurried);
        if idle {
            hub.retire(self.chat);
        }
    }

    fn try_state(&self) -> Option<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Some(state),
            Err(TryLockError::Poisoned(poisoned)) => Some(PoisonError::into_inner(poisoned)),
            Err(TryLockError::WouldBlock) => None,
        }
    }
}

/// Who may come in with a row: those who joined, and both people of a direct chat.
fn coming(posted: &Posted) -> impl Iterator<Item = UserId> {
    let peers = posted.peers.into_iter().flat_map(|(low, high)| [low, high]);
    posted.joined.iter().copied().chain(peers)
}

/// What the store says of a chat, read as one snapshot.
pub(super) struct Found<'a> {
    pub(super) chat: &'a Chat,
    pub(super) members: HashMap<UserId, &'a Member>,
    /// The rows that changed since the gap began, in the order of their revs.
    pub(super) rows: &'a [Arrival],
}

impl Found<'_> {
    /// From where on the user sees the log, while it is a member; of what comes after `as_of`.
    fn since(&self, user: UserId, as_of: u64) -> Option<Since> {
        let member = self.members.get(&user).filter(|member| member.is_active())?;
        Some(Since::of(member, as_of))
    }
}

impl State {
    fn incomplete(&self) -> bool {
        self.unsure || !self.late.is_empty() || self.gate.has_gap()
    }

    /// Nobody is in it, or about to be let in by what waits or is missing.
    fn is_idle(&self) -> bool {
        self.subscribers.is_empty() && self.late.is_empty() && !self.gate.has_gap()
    }

    /// Asks for a look at the store, once until somebody looks.
    fn report(&mut self, hub: &Hub, chat: ChatId) {
        if self.incomplete() && !self.reported && !self.is_idle() {
            self.reported = true;
            hub.report(Report { chat, at_once: self.shut });
        }
    }

    fn accept(&mut self, hub: &Hub, chat: ChatId, arrival: Arrival) {
        if let Some(late) = self.gate.offer(arrival.posted.message.rev, arrival) {
            late.posted.joined.iter().for_each(|user| self.come_late(hub, chat, *user));
            self.miss(hub, &late.posted);
        }
        self.pass(hub, chat);
    }

    /// Delivers what is in order.
    fn pass(&mut self, hub: &Hub, chat: ChatId) {
        while let Some(arrival) = if self.shut { None } else { self.gate.next() } {
            self.deliver(hub, &arrival);
            self.pass_asides(hub, chat);
        }
        self.pass_asides(hub, chat);
    }

    /// Hands out what is not part of the log and whose rev has passed.
    fn pass_asides(&mut self, hub: &Hub, chat: ChatId) {
        while let Some(aside) = self.asides.next(self.gate.last()) {
            match aside.to {
                To::Others(except) => self.push(&aside.frame, except),
                To::These(users) => {
                    let clients = users.into_iter().flat_map(|user| hub.users.hearing(user, chat));
                    let here = |client: &Client| self.subscribers.contains_key(&client.number);
                    clients.filter(here).for_each(|client| client.connection.push(&aside.frame));
                }
            }
        }
    }

    fn push(&self, frame: &Frame, except: Option<UserId>) {
        let others = self.subscribers.values().map(|subscriber| &subscriber.connection);
        let others = others.filter(|connection| Some(connection.user()) != except);
        others.for_each(|connection| connection.push(frame));
    }

    fn deliver(&mut self, hub: &Hub, arrival: &Arrival) {
        let posted = &*arrival.posted;
        let chat = posted.message.chat;
        self.miss(hub, posted);
        self.shared = posted.chat.as_ref().map_or(self.shared, |chat| chat.history_shared);
        let rev = posted.message.rev;
        // The audience that told of a going may have ended, and this one have begun before it.
        for user in posted.joined.iter().filter(|user| !hub.users.left_after(**user, chat, rev)) {
            self.come(hub, chat, *user, Since::joined(posted.message.seq, rev - 1));
        }
        for user in &posted.gone {
            self.go(hub, chat, *user, arrival);
        }
        let alone = self.lull.breaks(Instant::now());
        let seers = self.subscribers.values().filter(|there| there.sees(arrival, self.shared));
        for subscriber in seers {
            if alone {
                arrival.frames.each(|frame| subscriber.connection.queue(frame));
                self.hurried.push(subscriber.connection.clone());
            } else {
                arrival.frames.each(|frame| subscriber.connection.push(frame));
            }
        }
    }

    /// Puts all connections of a user in.
    fn come(&mut self, hub: &Hub, chat: ChatId, user: UserId, since: Since) {
        for client in hub.users.hearing(user, chat) {
            self.enter(hub, chat, &client, None, since);
        }
    }

    /// Notices connections of a direct chat's people that do not follow it: another node told that
    /// the chat began, and that was lost.
    fn miss(&mut self, hub: &Hub, posted: &Posted) {
        let Some((low, high)) = posted.peers else { return };
        let chat = posted.message.chat;
        let other = if low == high { 0 } else { hub.users.settled(high, chat) };
        if hub.users.settled(low, chat) + other > self.subscribers.len() {
            [low, high].into_iter().for_each(|user| self.come_late(hub, chat, user));
        }
    }

    /// Remembers a member who came with a change that is past, when it is connected and not here.
    fn come_late(&mut self, hub: &Hub, chat: ChatId, user: UserId) {
        let clients = hub.users.hearing(user, chat);
        if clients.iter().any(|client| !self.subscribers.contains_key(&client.number)) {
            self.late.insert(user);
        }
    }

    /// Puts one connection in, or renews its membership when the one given is younger.
    fn enter(
        &mut self,
        hub: &Hub,
        chat: ChatId,
        client: &Client,
        generation: Option<u64>,
        since: Since,
    ) -> Subscribed {
        if let Some(there) = self.subscribers.get_mut(&client.number) {
            if since.as_of > there.since.as_of {
                there.since = since;
            }
            return Subscribed::Done;
        }
        if !hub.users.follow(client, chat, generation) {
            return Subscribed::Stale;
        }
        let connection = client.connection.clone();
        self.subscribers.insert(client.number, Subscriber { connection, since });
        Subscribed::Done
    }

    /// Takes all connections of a user out; the change that says so is the last thing they get.
    fn go(&mut self, hub: &Hub, chat: ChatId, user: UserId, arrival: &Arrival) {
        let rev = arrival.posted.message.rev;
        hub.users.leave(user, chat, rev);
        for client in hub.users.hearing(user, chat) {
            if self.subscribers.get(&client.number).is_none_or(|there| there.since.as_of >= rev) {
                continue;
            }
            self.leave(hub, chat, &client.connection, client.number, arrival.frames.row.as_ref());
        }
    }

    fn leave(
        &mut self,
        hub: &Hub,
        chat: ChatId,
        connection: &Arc<dyn Connection>,
        number: u64,
        last: Option<&Frame>,
    ) {
        self.subscribers.remove(&number);
        hub.users.unfollow(connection.user(), number, chat);
        if let Some(frame) = last {
            connection.push(frame);
        }
        if connection.scope().is_some() {
            connection.close(CloseCode::NotMember);
        }
    }

    /// Brings the audience to the state of a snapshot at `found.chat.head_rev`: members first, so
    /// that people who are out get nothing of it, then the rows. Unchanged when somebody joined
    /// since the gap was looked at: then the snapshot does not say whether that person is a member.
    fn catch_up(&mut self, hub: &Hub, gap: &Gap, found: &Found<'_>) {
        let head = found.chat.head_rev;
        if head <= self.gate.last() {
            self.unsure = false;
            return;
        }
        let older = self.subscribers.iter().filter(|(_, s)| s.since.as_of < head);
        let older: Vec<_> = older.map(|(number, s)| (*number, s.connection.clone())).collect();
        if !older.iter().all(|(_, connection)| gap.users.contains_key(&connection.user())) {
            return;
        }
        self.shared = found.chat.history_shared;
        for (number, connection) in older {
            self.judge(hub, number, &connection, gap, found);
        }
        let last = self.gate.last();
        let missed = |row: &&Arrival| (last + 1..=head).contains(&row.posted.message.rev);
        let rows: Vec<&Arrival> = found.rows.iter().filter(missed).collect();
        self.let_in_with(hub, gap, found, &rows);
        self.hand_out(hub, gap.chat, head, &rows);
        self.gate.jump(head);
        self.known_from = self.known_from.max(head);
        (self.unsure, self.shut) = (false, false);
    }

    /// Lets in those whose arrival is among the rows. A row that changed since still says so: only
    /// those whose event waits here came after everything delivered; the others are told to sync.
    fn let_in_with(&mut self, hub: &Hub, gap: &Gap, found: &Found<'_>, rows: &[&Arrival]) {
        let (as_of, head) = (self.gate.last(), found.chat.head_rev);
        let waiting = self.gate.waiting().filter(|arrival| arrival.posted.message.rev <= head);
        let in_order: BTreeSet<UserId> =
            waiting.flat_map(|arrival| coming(&arrival.posted)).collect();
        // A row does not always tell by itself who came with it; its event does.
        let told = rows.iter().flat_map(|row| &row.posted.joined).copied();
        let came: BTreeSet<UserId> = told.chain(in_order.iter().copied()).collect();
        for user in &came {
            if !gap.users.contains_key(user) {
                self.come_late(hub, gap.chat, *user);
            } else if in_order.contains(user)
                && let Some(since) = found.since(*user, as_of)
            {
                self.come(hub, gap.chat, *user, since);
            } else if let Some(since) = found.since(*user, as_of) {
                self.come_to_sync(hub, gap.chat, *user, since);
            }
        }
    }

    /// Puts those connections of a user in that are not here, and tells them to sync.
    fn come_to_sync(&mut self, hub: &Hub, chat: ChatId, user: UserId, since: Since) {
        let resync = (hub.encoder.resync)(Some(chat));
        for client in hub.users.hearing(user, chat) {
            if !self.subscribers.contains_key(&client.number) {
                self.enter(hub, chat, &client, None, since);
                client.connection.push(&resync);
            }
        }
    }

    /// Delivers rows from the store, or the advice to sync when they are many.
    fn hand_out(&self, hub: &Hub, chat: ChatId, head: u64, rows: &[&Arrival]) {
        if rows.len() <= REPAIRED_ROWS {
            for subscriber in self.subscribers.values() {
                for row in rows.iter().filter(|row| subscriber.sees(row, self.shared)) {
                    row.frames.each(|frame| subscriber.connection.push(frame));
                }
            }
            return;
        }
        let resync = (hub.encoder.resync)(Some(chat));
        let older = self.subscribers.values().filter(|subscriber| subscriber.since.as_of < head);
        older.for_each(|subscriber| subscriber.connection.push(&resync));
    }

    /// Renews or ends one subscription by the snapshot.
    fn judge(
        &mut self,
        hub: &Hub,
        number: u64,
        connection: &Arc<dyn Connection>,
        gap: &Gap,
        found: &Found<'_>,
    ) {
        let user = connection.user();
        if let Some(subscriber) = self.subscribers.get_mut(&number)
            && let Some(since) = found.since(user, subscriber.since.as_of)
        {
            subscriber.since = since;
            return;
        }
        // Not the row of the removal: it may have changed since, which is no longer for this user.
        let resync = (hub.encoder.resync)(Some(gap.chat));
        self.leave(hub, gap.chat, connection, number, Some(&resync));
    }

    /// Puts in who came late, if the snapshot says so and nothing was heard of that user since it
    /// was asked for. They missed rows: they are told to sync.
    fn let_in_late(&mut self, hub: &Hub, gap: &Gap, found: &Found<'_>) {
        let as_of = self.gate.last().max(found.chat.head_rev);
        for user in std::mem::take(&mut self.late) {
            if gap.users.get(&user) != Some(&hub.users.generation(user)) {
                self.late.insert(user);
            } else if let Some(since) = found.since(user, as_of) {
                self.come_to_sync(hub, gap.chat, user, since);
            }
        }
    }
}

impl Subscriber {
    /// Whether this row is for the subscriber.
    fn sees(&self, arrival: &Arrival, shared: bool) -> bool {
        let message = &arrival.posted.message;
        message.rev > self.since.as_of && message.seq >= self.since.visible_from(shared)
    }
}
