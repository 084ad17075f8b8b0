//! The telling itself: of messages, of what was read elsewhere, of calls.
//!
//! Whatever is decided here is decided by what the store says now. Called by `core::push`.

use std::sync::Arc;
use std::time::Duration;

use super::super::Shared;
use super::rings::{Ringing, Stopped};
use super::rules::{self, NewRow, Reader};
use super::words;
use super::{Outlet, RETRY};
use crate::bus::{CallNews, Event, Pushed, Source};
use crate::error::{Error, Language, Result};
use crate::id::{ChatId, SessionId, UserId};
use crate::model::alerts::{Alerts, Shown};
use crate::model::calls::{CallKind, CallState, RING_FOR};
use crate::model::chats::{Chat, ChatKind, Member};
use crate::model::contacts::Strangers;
use crate::model::messages::Message;
use crate::model::push::{Kind, Subscription};
use crate::model::users::User;
use crate::push::{Notice, Said, Topic, Urgency};
use crate::store::{Look, Looking};

/// So many members of a chat are looked at together.
pub(super) const PAGE: u32 = 200;
/// Of so many rows one is looked for that a member is still to be told of.
const LOOKS: usize = 8;
/// How long a message is worth telling.
const MESSAGE_LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a push is that somebody waits for.
const TEST_LIFE: Duration = Duration::from_secs(60);
/// At most this many calls are told again at a start.
const RINGING: u32 = 1000;

/// What one person is told.
pub(super) struct Telling {
    chat: Chat,
    pub(super) message: Message,
    from: Arc<str>,
    pub(super) language: Language,
    badge: u64,
    /// At most so much they want to have said.
    most: Option<Shown>,
}

impl Telling {
    /// How much is said by a kind, and what.
    pub(super) fn said(&self, outlet: &Outlet, kind: Kind) -> (Shown, Said) {
        let Self { chat, message, from, language, badge, most } = self;
        let shown = shown(outlet, kind, *most);
        let words = words::of_message(shown, chat, message, from, *language);
        (shown, Said::Message { chat: chat.id, seq: message.seq, words, badge: *badge })
    }
}

/// A push to try whether it arrives.
pub(super) const fn test(language: Language) -> Notice {
    Notice { urgency: Urgency::High, ttl: TEST_LIFE, topic: None, language, said: Said::Test }
}

impl Shared {
    /// Tells those members of a chat of these rows who are to be told.
    pub(super) async fn tell_chat(
        &self,
        outlet: &Outlet,
        chat: ChatId,
        rows: &[NewRow],
    ) -> Result<()> {
        if let Some(users) = self.pushing.in_need(outlet, chat, rows) {
            return self.tell_some(outlet, chat, &users, rows).await;
        }
        let generation = self.pushing.generation();
        let (mut audience, mut after) = (Vec::new(), None);
        loop {
            let page = self.ports.store.subscribed(chat, after, PAGE).await?;
            for (member, pushes) in page.people {
                let pushes = rules::for_messages(pushes);
                audience.extend(pushes.iter().map(|push| (push.user, push.session)));
                self.tell_member(outlet, &member, pushes, rows).await?;
            }
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        self.pushing.remember(chat, audience, generation);
        Ok(())
    }

    /// The same for some of whom it is known that they were subscribed.
    async fn tell_some(
        &self,
        outlet: &Outlet,
        chat: ChatId,
        users: &[UserId],
        rows: &[NewRow],
    ) -> Result<()> {
        let store = &self.ports.store;
        for users in users.chunks(PAGE as usize) {
            let Some((_, members)) = store.chat(chat, users).await? else { return Ok(()) };
            let mut pushes = rules::for_messages(store.pushes_of(users).await?);
            for member in members {
                let of = |push: &mut Subscription| push.user == member.user;
                let own: Vec<Subscription> = pushes.extract_if(.., of).collect();
                self.tell_member(outlet, &member, own, rows).await?;
            }
        }
        Ok(())
    }

    async fn tell_member(
        &self,
        outlet: &Outlet,
        member: &Member,
        mut pushes: Vec<Subscription>,
        rows: &[NewRow],
    ) -> Result<()> {
        let (user, chat, now) = (member.user, member.chat, self.ports.now());
        let others: Vec<&NewRow> = rows.iter().filter(|row| row.is_for(user)).collect();
        let is_here = || self.pushing.is_here(outlet, user, chat, &others);
        if others.is_empty() || pushes.is_empty() || is_here() {
            return Ok(());
        }
        let told = |push: &Subscription| self.pushing.memory().told.has(user, push.session, chat);
        pushes.retain(|push| !told(push));
        if pushes.is_empty() {
            return Ok(());
        }
        let Some(kind) = self.kind_of(chat).await? else { return Ok(()) };
        let alerts = self.alerts_of(user).await?;
        let reader = Reader { alerts: &alerts, member, kind, now };
        let due = others.iter().rev().filter(|row| reader.is_concerned(row));
        for row in due.take(LOOKS) {
            if let Some(telling) = self.look_again(&alerts, (user, chat), row).await? {
                if !is_here() {
                    self.tell(outlet, pushes, &telling);
                }
                return Ok(());
            }
        }
        Ok(())
    }

    /// What somebody is to be told of a row, by what is so now; `None`: nothing.
    async fn look_again(
        &self,
        alerts: &Alerts,
        (user, chat): (UserId, ChatId),
        row: &NewRow,
    ) -> Result<Option<Telling>> {
        let store = &self.ports.store;
        let look = store.look(chat, user, row.seq, Looking::ToRead).await?;
        let Some(Look { chat, member: Some(member), message: Some(message) }) = look else {
            return Ok(None);
        };
        let as_it_is = NewRow::of(&message).map(|now| NewRow { late: row.late, ..now });
        let (kind, now) = (chat.kind, self.ports.now());
        let reader = Reader { alerts, member: &member, kind, now };
        if !as_it_is.is_some_and(|row| reader.is_concerned(&row)) {
            return Ok(None);
        }
        let blocks = store.blocks_between(user, message.from).await?;
        if !rules::passes_blocks(blocks, chat.kind == ChatKind::Direct) {
            return Ok(None);
        }
        if self.is_request(&member).await? {
            return Ok(None);
        }
        self.telling(alerts, user, (chat, message)).await.map(Some)
    }

    /// What somebody is told of a message.
    pub(super) async fn telling(
        &self,
        alerts: &Alerts,
        user: UserId,
        (chat, message): (Chat, Message),
    ) -> Result<Telling> {
        let language = self.language_of(user).await?;
        let (from, badge) = (self.name(message.from).await, self.badge(user, alerts).await?);
        Ok(Telling { chat, message, from, language, badge, most: alerts.shown })
    }

    fn tell(&self, outlet: &Outlet, pushes: Vec<Subscription>, telling: &Telling) {
        let (chat, seq) = (telling.chat.id, telling.message.seq);
        if let Some(first) = pushes.first() {
            let sessions = pushes.iter().map(|push| push.session).collect();
            self.tell_pushed(first.user, chat, sessions, Some(seq));
        }
        for push in pushes {
            let (_, said) = telling.said(outlet, push.target.kind());
            self.pushing.memory().told.note(push.user, push.session, chat, seq);
            outlet.pusher.push(Arc::new(push), self.of_chat(chat, telling.language, said));
        }
    }

    /// The other nodes learn what a person's devices show of a chat.
    pub(super) fn tell_pushed(
        &self,
        user: UserId,
        chat: ChatId,
        sessions: Vec<SessionId>,
        seq: Option<u64>,
    ) {
        let pushed = Pushed { user, chat, sessions, seq };
        self.ports.bus.publish(Event::Pushed(Arc::new(pushed)));
    }

    /// Another node has told devices.
    pub(super) fn pushed_there(&self, pushed: &Pushed) {
        let Pushed { user, chat, sessions, seq } = pushed;
        let mut memory = self.pushing.memory();
        match seq {
            Some(seq) => sessions
                .iter()
                .for_each(|session| memory.told.note_there(*user, *session, *chat, *seq)),
            None => memory.told.replaced(*user, *chat, sessions, None),
        }
    }

    pub(super) fn of_chat(&self, chat: ChatId, language: Language, said: Said) -> Notice {
        let topic = Some(self.topic(&format!("chat/{chat}")));
        Notice { urgency: Urgency::Normal, ttl: MESSAGE_LIFE, topic, language, said }
    }

    fn topic(&self, thing: &str) -> Topic {
        use hmac::Mac as _;
        let key: [u8; 32] = self.mac(b"push topics\0").finalize().into_bytes().into();
        Topic::of(&key, thing)
    }

    /// Whether what a chat brings a member is a request, which nobody is told of. To whoever lets
    /// anybody write no message is.
    pub(super) async fn is_request(&self, member: &Member) -> Result<bool> {
        if !member.tie.is_apart() {
            return Ok(false);
        }
        let found: Option<User> = self.ports.store.users(&[member.user]).await?.pop();
        Ok(found.is_none_or(|user| self.reach_of(&user) != Strangers::Everyone))
    }

    /// In which language somebody is told.
    pub(super) async fn language_of(&self, user: UserId) -> Result<Language> {
        let found: Option<User> = self.ports.store.users(&[user]).await?.pop();
        Ok(found.map(|user| user.language).unwrap_or_default())
    }

    /// What somebody wants to be told of, as of now.
    pub(crate) async fn alerts_of(&self, user: UserId) -> Result<Alerts> {
        let kept = self.ports.store.alerts_of(&[user]).await?.pop();
        Ok(kept.map(|kept| kept.alerts).unwrap_or_default())
    }

    /// What kind of chat it is, which never changes.
    async fn kind_of(&self, chat: ChatId) -> Result<Option<ChatKind>> {
        Ok(self.facts(chat).await?.map(|facts| facts.kind()))
    }

    /// How many messages somebody has not read, in the chats that count, requests aside.
    pub(super) async fn badge(&self, user: UserId, alerts: &Alerts) -> Result<u64> {
        let (store, now) = (&self.ports.store, self.ports.now());
        let mut rows = store.unread_rows(user).await?;
        rows.retain(|row| {
            Reader { alerts, member: &row.member, kind: row.chat.kind, now }.counts()
                && !row.member.tie.is_apart()
        });
        let ranges: Vec<_> = rows
            .iter()
            .map(|row| (row.chat.id, row.member.read_floor(), row.chat.head_seq))
            .collect();
        let quiet = store.quiet(user, &ranges).await?;
        let unread = rows.iter().zip(quiet);
        Ok(unread.map(|(row, quiet)| row.member.unread(row.chat.head_seq, quiet)).sum())
    }

    /// Takes back what was told of a chat up to a row: its reader has read it, or may not see it
    /// any more.
    pub(super) fn take_back(self: &Arc<Self>, user: UserId, chat: ChatId, floor: u64) {
        let sessions = self.pushing.memory().told.read(user, chat, floor);
        // Commands beside a server have none, and tell nobody.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        if !sessions.is_empty() {
            let (shared, busy) = (self.clone(), self.pushing.begin());
            runtime.spawn(async move {
                let _busy = busy;
                if let Err(error) = shared.try_take_back(user, chat, floor, &sessions).await {
                    // The device finds out when it connects.
                    tracing::warn!(cause = ?error.cause(), "a notice is not taken back: {error}");
                }
            });
        }
    }

    async fn try_take_back(
        &self,
        user: UserId,
        chat: ChatId,
        floor: u64,
        sessions: &[SessionId],
    ) -> Result<()> {
        let Some(outlet) = self.pushing.outlet.get() else { return Ok(()) };
        let mut pushes = rules::for_messages(self.ports.store.pushes_of(&[user]).await?);
        pushes.retain(|push| sessions.contains(&push.session));
        let pushes = asleep(outlet, user, pushes);
        if pushes.is_empty() {
            return Ok(());
        }
        let alerts = self.alerts_of(user).await?;
        let (language, badge) = (self.language_of(user).await?, self.badge(user, &alerts).await?);
        let head = self.ports.store.chats(&[chat]).await?.pop().map_or(floor, |c| c.head_seq);
        for push in pushes {
            let said = Said::Read { chat, seq: floor.min(head), badge };
            outlet.pusher.push(push, self.of_chat(chat, language, said));
        }
        Ok(())
    }
}

/// Calls.
impl Shared {
    /// A call rings: the callee's devices are told that have no connection. To be called before
    /// the call is published.
    pub(crate) fn ring(self: &Arc<Self>, news: &CallNews) {
        let is_ringing = news.call.state == CallState::Ringing;
        if self.pushing.outlet.get().is_some()
            && is_ringing
            && self.pushing.memory().rings.begin(news.call.id)
        {
            let (shared, news, busy) = (self.clone(), news.clone(), self.pushing.begin());
            tokio::spawn(async move {
                let _busy = busy;
                shared.ring_until_told(news).await;
            });
        }
    }

    async fn ring_until_told(&self, news: CallNews) {
        while self.pushing.memory().rings.is_looking(news.call.id) {
            let Err(error) = self.try_ring(&news).await else { return };
            tracing::warn!(cause = ?error.cause(), "a call rings later: {error}");
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn try_ring(&self, news: &CallNews) -> Result<()> {
        let Some(outlet) = self.pushing.outlet.get() else { return Ok(()) };
        let (id, callee) = (news.call.id, news.call.callee.user);
        let pushes = rules::for_calls(self.ports.store.pushes_of(&[callee]).await?);
        let language = self.language_of(callee).await?;
        let alerts = self.alerts_of(callee).await?;
        let rings = alerts.rings(self.ports.now());
        let pushes = if rings { asleep(outlet, callee, pushes) } else { Vec::new() };
        // What ended before `begin` is not stopped by its end.
        let now = self.ports.store.call(id).await?;
        let mut memory = self.pushing.memory();
        if now.is_none_or(|call| call.state != CallState::Ringing) {
            memory.rings.stop(id);
        } else {
            let ringing = Ringing { pushes, language, most: alerts.shown };
            if memory.rings.tell(id, ringing.clone()) {
                self.tell_call(outlet, news, ringing);
            }
        }
        Ok(())
    }

    /// Whoever was told that a call rings is told that it does not any more.
    pub(super) fn stop_ringing(self: &Arc<Self>, news: &CallNews, source: Source) {
        let Some(outlet) = self.pushing.outlet.get() else { return };
        if news.call.state == CallState::Ringing {
            return;
        }
        let stopped = self.pushing.memory().rings.stop(news.call.id);
        match stopped {
            Stopped::Told(ringing) => self.tell_stopped(outlet, news, ringing),
            // Where another node ends a call, it tells so itself, or the one that told it to ring.
            Stopped::Unknown
                if source == Source::Here && news.call.started < self.pushing.began =>
            {
                let (shared, news, busy) = (self.clone(), news.clone(), self.pushing.begin());
                tokio::spawn(async move {
                    let _busy = busy;
                    shared.stop_unknown(&news).await;
                });
            }
            Stopped::Unknown | Stopped::Before => {}
        }
    }

    /// The same for what an earlier process told.
    async fn stop_unknown(&self, news: &CallNews) {
        let Some(outlet) = self.pushing.outlet.get() else { return };
        let callee = news.call.callee.user;
        let pushes = self.ports.store.pushes_of(&[callee]).await;
        let alerts = self.alerts_of(callee).await;
        let (Ok(pushes), Ok(language), Ok(alerts)) =
            (pushes, self.language_of(callee).await, alerts)
        else {
            return;
        };
        let pushes = rules::for_calls(pushes).into_iter().map(Arc::new).collect();
        self.tell_stopped(outlet, news, Ringing { pushes, language, most: alerts.shown });
    }

    fn tell_stopped(&self, outlet: &Outlet, news: &CallNews, mut ringing: Ringing) {
        let here = (outlet.here)(news.call.callee.user, None);
        ringing.pushes.retain(|push| !here.contains(&push.session));
        self.tell_call(outlet, news, ringing);
    }

    fn tell_call(&self, outlet: &Outlet, news: &CallNews, ringing: Ringing) {
        let Ringing { pushes, language, most } = ringing;
        for push in pushes {
            let shown = shown(outlet, push.target.kind(), most);
            outlet.pusher.push(push, self.of_call(news, shown, language));
        }
    }

    fn of_call(&self, news: &CallNews, shown: Shown, language: Language) -> Notice {
        let call = &news.call;
        let ended = match &call.state {
            CallState::Ringing => None,
            CallState::Ended(end) => Some(end.reason.name()),
            _ => Some("answered_elsewhere"),
        };
        let name = || news.names[0].to_string();
        let title = (shown > Shown::Wake).then(name);
        let video = call.kind == CallKind::Video;
        Notice {
            urgency: Urgency::High,
            ttl: RING_FOR,
            topic: Some(self.topic(&format!("call/{}", call.id))),
            language,
            said: Said::Call { call: call.id, chat: call.chat, video, title, ended },
        }
    }

    /// Tells again what rings, unless another node is there, which may have told it.
    pub(super) async fn ring_again(self: &Arc<Self>) -> Result<(), Error> {
        if !self.place.is_alone() {
            return Ok(());
        }
        let soon = self.ports.now().plus(2 * RING_FOR);
        for call in self.ports.store.due_calls(soon, RINGING).await? {
            if call.state == CallState::Ringing {
                let users = [call.caller.user, call.callee.user];
                let names = [self.name(users[0]).await, self.name(users[1]).await];
                self.ring(&CallNews { call, names });
            }
        }
        Ok(())
    }
}

/// How much a push of a kind says: what the operator allows, and less if the person wants less.
fn shown(outlet: &Outlet, kind: Kind, most: Option<Shown>) -> Shown {
    let allowed = outlet.shown.unwrap_or(words::by_default(kind));
    most.map_or(allowed, |most| most.min(allowed))
}

/// Those of a person's subscriptions whose sessions have no connection.
pub(super) fn asleep(
    outlet: &Outlet,
    user: UserId,
    pushes: Vec<Subscription>,
) -> Vec<Arc<Subscription>> {
    let here = (outlet.here)(user, None);
    let asleep = pushes.into_iter().filter(|push| !here.contains(&push.session));
    asleep.map(Arc::new).collect()
}
