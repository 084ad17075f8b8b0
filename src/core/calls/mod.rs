//! Calls between two people: who may do what, and what follows.
//!
//! Invariant: every step is stored under the version that it was computed from, then told; so two
//! nodes, or a device and a timer, never both end a call. Invariant: for everybody but its two
//! parties, a call does not exist.
//!
//! Reading order: `machine` decides, this file carries out, `pauses` says which silence counts,
//! `fence` which signals of other nodes go on, `ice` where the relay is, `diagnosis` says in words
//! how the call went. Called by `http` and `ws`, by the upkeep (`sweep`), and for events outside of
//! calls that end them (`heed`).

pub mod diagnosis;
mod fence;
pub mod ice;
pub mod machine;
pub mod pauses;

#[cfg(test)]
mod explore;

use std::sync::Arc;
use std::time::Duration;

pub(crate) use self::fence::Fence;
use self::ice::{IceServer, Relay};
use self::machine::{Change, Effect, Input, Refusal, Step};
use super::chats::Target;
use super::contacts::rules::Reach;
use super::{Shared, to_the_end};
use crate::bus::{CallNews, Event, Signal};
use crate::clock::Time;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{CallId, MessageId, SessionId, UserId};
use crate::model::auth::{Caller, Quota};
use crate::model::calls::{Call, CallKind, CallState, Device, EndReason, Report, Side, Via};
use crate::store::{Begun, CallRecord, CallStepped};

/// How often a step is computed again when somebody else was faster.
const TRIES: usize = 8;
/// For how long a node looks at the deadlines for all: when it dies, another takes over then.
const TASK_LASTS: Duration = Duration::from_secs(3);
/// Calls that end in one look at the deadlines.
const SWEPT: u32 = 200;
/// A signal has at most this many bytes: a description of many tracks has about 10,000.
pub const SIGNAL_BYTES: usize = 32 * 1024;
/// At most this many calls a minute begin at one person.
pub const STARTS_A_MINUTE: u32 = 20;

const NO_CALL: Text = Text {
    en: "This call does not exist, or you are not in it.",
    es: "Esa llamada no existe para ti.",
};
const ONLY_DIRECT: Text = Text {
    en: "You can call only one person. Give the person's id, or the id of your direct chat with \
         them.",
    es: "Solo se puede llamar a un chat directo. Indica el id de una persona o del chat con ella.",
};
const CALLEE_BUSY: Text = Text {
    en: "They are on another call. They will see that you called.",
    es: "Esta persona está en otra llamada. Verá que has llamado.",
};
const YOU_ARE_BUSY: Text = Text {
    en: "You are on another call, or somebody is calling you. End or decline that call first.",
    es: "Estás en otra llamada o te están llamando. Termínala o recházala primero.",
};
const OWN_CALL: Text = Text {
    en: "You are the caller: wait for an answer, or cancel.",
    es: "Eres quien llama: espera la respuesta o cancela.",
};
const OTHER_DEVICE: Text = Text {
    en: "This call is on another of your devices.",
    es: "Esta llamada está en otro de tus dispositivos.",
};
const NOT_ANSWERED: Text = Text {
    en: "Nobody has answered this call yet.",
    es: "Nadie ha respondido todavía a esta llamada.",
};
const OVER: Text = Text { en: "This call is over ({}).", es: "Esta llamada ha terminado ({})." };
const OLD_EPOCH: Text = Text {
    en: "The negotiation was restarted: this signal belongs to epoch {}, and the call is in epoch \
         {}.",
    es: "La negociación empezó de nuevo: esta señal es de la época {}, la llamada está en la {}.",
};
const LONG_SIGNAL: Text =
    Text { en: "A signal holds at most {} bytes.", es: "Una señal admite como máximo {} bytes." };

/// A call with what a device needs to take part in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Joined {
    /// As it is now that the device takes part.
    pub call: Call,
    /// Where STUN and TURN are, with credentials made for this device.
    pub ice: Vec<IceServer>,
}

/// Starts, answers and ends calls, and passes on what the two devices say.
#[derive(Clone)]
pub struct Calls {
    shared: Arc<Shared>,
    relay: Arc<Relay>,
    /// By which connection requests come, if by one.
    via: Option<Via>,
}

impl Calls {
    pub(crate) fn new(shared: Arc<Shared>, relay: Relay) -> Self {
        Self { shared, relay: Arc::new(relay), via: None }
    }

    /// What a connection is known by from now on.
    pub fn new_via(&self) -> Via {
        Via(self.shared.ports.ids.next())
    }

    /// The same for requests that come by a connection: the device that makes one speaks by it from
    /// then on.
    #[must_use]
    pub fn by(&self, via: Via) -> Self {
        Self { via: Some(via), ..self.clone() }
    }

    /// Calls the other person of a direct chat. If that very person is calling the caller at this
    /// moment, it is an accept; a call of somebody else goes on ringing, and this is refused. The
    /// same device gets the same call again. `field` is what the request calls the target.
    pub async fn start(
        &self,
        caller: &Caller,
        field: &'static str,
        target: Target,
        kind: CallKind,
    ) -> Result<Joined> {
        let Some(callee) = target.other(caller.user) else {
            // A stranger does not learn whether a group exists.
            self.shared.standing(caller, target.chat).await?;
            return Err(Error::field(field, ONLY_DIRECT));
        };
        self.shared.check_reach(caller, target, Reach::Call).await?;
        let (calls, by) = (self.clone(), *caller);
        let call =
            to_the_end(async move { calls.do_start(by, target, callee, kind).await }).await?;
        Ok(self.joined(caller, call))
    }

    async fn do_start(
        &self,
        by: Caller,
        target: Target,
        callee: UserId,
        kind: CallKind,
    ) -> Result<Call> {
        let ports = &self.shared.ports;
        for _ in 0..TRIES {
            if let Some(mine) = ports.store.live_call(by.user).await? {
                match self.go(mine, &Input::Start { by, chat: target.chat }).await? {
                    Outcome::Settled(call) => return Ok(call),
                    Outcome::Stale => continue,
                }
            }
            self.open_chat(target).await?;
            self.check_rate(by.user).await?;
            let id = CallId(ports.ids.next());
            let new = machine::begin(id, target.chat, kind, (by, self.via), callee, ports.now());
            match ports.store.begin_call(&new.call, None).await? {
                Begun::Done(_) => {
                    self.shared.happenings.call();
                    return Ok(self.tell(new, None).await);
                }
                // Both call each other at once, or a call has just been ended: look again.
                Begun::Busy(other) if other.side(by.user).is_some() => {}
                Begun::Busy(other) if self.expire(other.clone()).await? => {}
                Begun::Busy(_) => return self.note_busy(new).await,
            }
        }
        Err(Error::new(Code::Conflict, text::CHANGED))
    }

    /// The callee is in another call: that is stored, so that they see who called.
    async fn note_busy(&self, ringing: Change) -> Result<Call> {
        let change = machine::busy(ringing, self.shared.ports.now());
        let record = self.record(&change);
        let begun = self.shared.ports.store.begin_call(&change.call, record).await?;
        if let Begun::Done(message) = begun {
            self.tell(change, message).await;
        }
        Err(Error::new(Code::Conflict, CALLEE_BUSY))
    }

    /// Creates the direct chat when it is new, and makes both members: one may have opened it
    /// alone.
    async fn open_chat(&self, target: Target) -> Result<()> {
        let Some(peers) = target.peers else { return Ok(()) };
        let ports = &self.shared.ports;
        let found = ports.store.chat(target.chat, &[peers.0, peers.1]).await?;
        if found.is_none_or(|(_, rows)| rows.len() < 2) {
            let chat = ports.store.open_direct(peers, None, ports.now()).await?;
            self.shared.chat_opened(chat.ok_or(Error::not_found(text::NO_CHAT))?).await;
        }
        Ok(())
    }

    async fn check_rate(&self, user: UserId) -> Result<()> {
        let quota =
            Quota { key: format!("call:{user}"), limit: STARTS_A_MINUTE, window_ms: 60_000 };
        self.shared.count(&[quota], self.shared.ports.now()).await
    }

    /// Answers a call on this device. The first device wins.
    pub async fn accept(&self, caller: &Caller, id: CallId) -> Result<Joined> {
        let call = self.one(caller, id).await?;
        self.check_reachable(caller.user, &call).await?;
        let call = self.drive(caller.user, id, Input::Accept(*caller)).await?;
        Ok(self.joined(caller, call))
    }

    /// Refuses a call that rings, for all devices of the person.
    pub async fn reject(&self, caller: &Caller, id: CallId) -> Result<Call> {
        self.drive(caller.user, id, Input::Reject(*caller)).await
    }

    /// Cancels a call that rings, or hangs up; `failed` when the device could not bring media
    /// about. To end a call that is over already is fine.
    pub async fn leave(&self, caller: &Caller, id: CallId, failed: bool) -> Result<Call> {
        let call = self.one(caller, id).await?;
        if !call.is_live() {
            return Ok(call);
        }
        match self.drive(caller.user, id, Input::Leave { by: caller.user, failed }).await {
            Err(error) if error.code == Code::Conflict => self.one(caller, id).await,
            other => other,
        }
    }

    /// Says that this device is there: that it rings, or that it is in the call, and whether media
    /// flows.
    pub async fn alive(&self, caller: &Caller, id: CallId, connected: bool) -> Result<Call> {
        self.drive(caller.user, id, Input::Alive { by: *caller, connected }).await
    }

    /// Begins a new negotiation in place of number `epoch`, with fresh credentials. `fresh`: this
    /// device has lost its peer connection (a page was loaded again).
    pub async fn restart(
        &self,
        caller: &Caller,
        id: CallId,
        epoch: u32,
        fresh: bool,
    ) -> Result<Joined> {
        let input = Input::Restart { by: *caller, epoch, fresh };
        let call = self.drive(caller.user, id, input).await?;
        Ok(self.joined(caller, call))
    }

    /// Takes a device's report about how the call is going or went.
    pub async fn report(&self, caller: &Caller, id: CallId, report: Report) -> Result<Call> {
        self.drive(caller.user, id, Input::Report { by: *caller, report }).await
    }

    /// Hands a signal to the device at the other end; nothing is stored. `data` is JSON of the
    /// client's own making.
    pub async fn signal(&self, caller: &Caller, id: CallId, signal: NewSignal) -> Result<()> {
        if signal.data.len() > SIGNAL_BYTES {
            return Err(Error::new(Code::TooLarge, LONG_SIGNAL).arg(SIGNAL_BYTES.to_string()));
        }
        let call = self.one(caller, id).await?;
        let side = call.side(caller.user).ok_or(Error::not_found(NO_CALL))?;
        match call.state {
            CallState::Ended(end) => return Err(refused(Refusal::Over(end.reason))),
            _ if !call.is_bound(caller) => return Err(refused(Refusal::OtherDevice)),
            CallState::Ringing => return Err(refused(Refusal::NotAnswered)),
            _ if signal.epoch != call.epoch => {
                let epochs = [signal.epoch, call.epoch].map(|epoch| epoch.to_string());
                let error = Error::new(Code::Conflict, OLD_EPOCH).on("epoch");
                return Err(epochs.into_iter().fold(error, Error::arg));
            }
            _ => {}
        }
        self.check_reachable(caller.user, &call).await?;
        let other = call.party(side.other());
        let Some(device) = other.device else { return Err(refused(Refusal::NotAnswered)) };
        self.shared.ports.bus.publish(Event::Signal(Arc::new(Signal {
            call: id,
            to: other.user,
            device,
            epoch: signal.epoch,
            seq: signal.seq,
            data: signal.data,
        })));
        Ok(())
    }

    async fn check_reachable(&self, user: UserId, call: &Call) -> Result<()> {
        let (one, other) = (call.caller.user, call.callee.user);
        let peers = if one <= other { (one, other) } else { (other, one) };
        let target = Target { chat: call.chat, peers: Some(peers) };
        self.shared.check_reaches(user, target, Reach::Agreed).await.map(drop)
    }

    /// A connection of the caller's is gone (`by` says which): if it was the last of a device in a
    /// call, and the one by which that spoke last, the device's grace begins. `still_here`: whether
    /// a device of the caller's user has a connection, on whatever node.
    pub async fn lost(&self, caller: &Caller, still_here: impl Fn(&Device) -> bool) -> Result<()> {
        let Some(call) = self.live(caller).await? else { return Ok(()) };
        let device = call.device_of(caller.user);
        if device.is_some_and(|device| device.is(caller) && !still_here(&device)) {
            self.drive(caller.user, call.id, Input::Lost(*caller)).await?;
        }
        Ok(())
    }

    /// One call of the caller's.
    pub async fn one(&self, caller: &Caller, id: CallId) -> Result<Call> {
        self.one_of(caller.user, id).await
    }

    async fn one_of(&self, user: UserId, id: CallId) -> Result<Call> {
        let found = self.shared.ports.store.call(id).await?;
        found.filter(|call| call.side(user).is_some()).ok_or(Error::not_found(NO_CALL))
    }

    /// The same with fresh credentials for the relay, if this device is in it.
    pub async fn look(&self, caller: &Caller, id: CallId) -> Result<Joined> {
        Ok(self.joined(caller, self.one(caller, id).await?))
    }

    /// The live call that the caller is in, on either side.
    pub async fn live(&self, caller: &Caller) -> Result<Option<Call>> {
        self.shared.ports.store.live_call(caller.user).await
    }

    /// The caller's calls, latest first, those before one of them; at most 100.
    pub async fn history(
        &self,
        caller: &Caller,
        before: Option<CallId>,
        limit: u32,
    ) -> Result<Vec<Call>> {
        let before = match before {
            Some(id) => Some((self.one(caller, id).await?.started, id)),
            None => None,
        };
        self.shared.ports.store.calls_of(caller.user, before, limit.clamp(1, 100)).await
    }

    /// Where STUN and TURN are, with fresh credentials for this device.
    pub async fn ice(&self, caller: &Caller, id: CallId) -> Result<Vec<IceServer>> {
        Ok(self.look(caller, id).await?.ice)
    }

    /// The same without a call, for a test of the connection.
    pub fn ice_for_test(&self, caller: &Caller) -> Vec<IceServer> {
        self.relay.servers(caller.user, None, &[], self.shared.ports.now())
    }

    /// Whether there is a relay for devices that cannot reach each other.
    pub fn has_relay(&self) -> bool {
        self.relay.urls.iter().any(|url| url.starts_with("turn"))
    }

    /// Why people may not reach the relay, as far as the server itself can tell.
    pub fn relay_warnings(&self) -> &[Text] {
        &self.relay.warnings
    }

    /// Who the two of a call are called: the caller, then the callee.
    pub async fn names(&self, call: &Call) -> [Arc<str>; 2] {
        [self.shared.name(call.caller.user).await, self.shared.name(call.callee.user).await]
    }

    /// Ends calls whose time is over. To be called every second, by every node.
    pub async fn sweep(&self) -> Result<()> {
        let now = self.shared.ports.now();
        self.shared.ear.beat(now);
        let swept = self.end_due(now).await;
        self.note_refusal(now, &swept);
        swept
    }

    async fn end_due(&self, now: Time) -> Result<()> {
        if !self.shared.is_up_to_me("calls", TASK_LASTS).await? {
            return Ok(());
        }
        for call in self.shared.ports.store.due_calls(now, SWEPT).await? {
            self.expire(call).await?;
        }
        Ok(())
    }

    /// A store that refused since `began` refuses everybody: nobody can break a silence.
    fn note_refusal<T>(&self, began: Time, done: &Result<T>) {
        if let Err(error) = done
            && matches!(error.code, Code::Unavailable | Code::Internal)
        {
            self.shared.ear.refused(began, self.shared.ports.now());
        }
    }

    /// Ends, soon, the call of people who cannot be in it any more: its device was logged out, its
    /// account is gone, or one of the two blocks the other. Called with every event, by every node.
    pub(super) fn heed(&self, event: &Event) {
        let (user, closed) = match event {
            Event::SessionsClosed(user, sessions) => (*user, sessions.clone()),
            Event::UserChanged(user) | Event::BlocksChanged(user, _) => (*user, Arc::from([])),
            _ => return,
        };
        // Commands beside a server have none, and no calls.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let calls = self.clone();
        runtime.spawn(async move {
            if let Err(error) = calls.part(user, &closed).await {
                // The device is silent from now on, which ends the call too.
                tracing::warn!(cause = ?error.cause(), "a call goes on for a while: {error}");
            }
        });
    }

    async fn part(&self, user: UserId, closed: &[SessionId]) -> Result<()> {
        let Some(call) = self.shared.ports.store.live_call(user).await? else { return Ok(()) };
        let is_closed = |device: Device| closed.contains(&device.session);
        let apart = match self.check_reachable(user, &call).await {
            Ok(()) => call.device_of(user).is_some_and(is_closed),
            Err(error) if error.code == Code::Forbidden => true,
            Err(error) => return Err(error),
        };
        if apart {
            self.drive(user, call.id, Input::Leave { by: user, failed: false }).await?;
        }
        Ok(())
    }

    /// Ends a call if its time is over; whether it was.
    async fn expire(&self, call: Call) -> Result<bool> {
        let now = self.shared.ports.now();
        match machine::apply(&call, &Input::Tick, None, now, &self.shared.ear.listening(now)) {
            Step::Expired(change) => self.commit(change).await.map(|call| call.is_some()),
            _ => Ok(false),
        }
    }

    /// Applies an input to a call, again as long as somebody else is faster.
    async fn drive(&self, user: UserId, id: CallId, input: Input) -> Result<Call> {
        let (calls, began) = (self.clone(), self.shared.ports.now());
        let driven = to_the_end(async move {
            for _ in 0..TRIES {
                let call = calls.one_of(user, id).await?;
                if let Outcome::Settled(call) = calls.go(call, &input).await? {
                    return Ok(call);
                }
            }
            Err(Error::new(Code::Conflict, text::CHANGED))
        })
        .await;
        self.note_refusal(began, &driven);
        driven
    }

    async fn go(&self, call: Call, input: &Input) -> Result<Outcome> {
        let now = self.shared.ports.now();
        match machine::apply(&call, input, self.via, now, &self.shared.ear.listening(now)) {
            Step::Same => Ok(Outcome::Settled(call)),
            Step::Refused(refusal) => Err(refused(refusal)),
            Step::Changed(change) => {
                Ok(self.commit(change).await?.map_or(Outcome::Stale, Outcome::Settled))
            }
            Step::Expired(change) => {
                self.commit(change).await?;
                Ok(Outcome::Stale)
            }
        }
    }

    /// Stores a step, then publishes it; `None` when somebody else was faster.
    async fn commit(&self, change: Change) -> Result<Option<Call>> {
        let record = self.record(&change);
        match self.shared.ports.store.step_call(&change.call, record).await? {
            CallStepped::Done(message) => Ok(Some(self.tell(change, message).await)),
            CallStepped::Stale => Ok(None),
        }
    }

    /// How the end is written into the chat, if this step is the end. For people who ended the call
    /// or took part in it, it is not news.
    fn record(&self, change: &Change) -> Option<CallRecord> {
        let end = change.call.end().filter(|_| change.effects.contains(&Effect::Record))?;
        let answered = change.call.callee.device.is_some() || end.reason == EndReason::Rejected;
        let known_to = if answered {
            vec![change.call.caller.user, change.call.callee.user]
        } else {
            vec![change.call.caller.user]
        };
        Some(CallRecord { message: MessageId(self.shared.ports.ids.next()), known_to })
    }

    async fn tell(&self, change: Change, message: Option<crate::model::messages::Message>) -> Call {
        let Change { call, effects } = change;
        if !effects.is_empty() {
            let names = self.names(&call).await;
            let news = CallNews { call: call.clone(), names };
            self.shared.ring(&news);
            self.shared.ports.bus.publish(Event::Call(Arc::new(news)));
        }
        if let Some(end) = call.end().filter(|_| effects.contains(&Effect::Record)) {
            tracing::info!(
                call = %call.id,
                kind = call.kind.name(),
                reason = end.reason.name(),
                by = end.by.map_or("nobody", Side::name),
                talked_ms = end.talked.map_or(0, |talked| talked.as_millis() as u64),
                "a call ended"
            );
        }
        if let Some(message) = message {
            let (one, other) = (call.caller.user, call.callee.user);
            let peers = (one.min(other), one.max(other));
            self.shared.post_new(&message, Some(peers)).await;
        }
        call
    }

    fn joined(&self, caller: &Caller, call: Call) -> Joined {
        if !call.is_live() || !call.is_bound(caller) {
            return Joined { call, ice: Vec::new() };
        }
        let (offered, now) = (self.shared.place.relays(), self.shared.ports.now());
        let ice = self.relay.servers(caller.user, Some(call.id), &offered, now);
        Joined { call, ice }
    }
}

/// A signal that somebody wants to send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSignal {
    /// The negotiation that it belongs to.
    pub epoch: u32,
    /// The client's own count.
    pub seq: u64,
    /// JSON of the client's own making.
    pub data: Arc<str>,
}

/// What became of an input.
enum Outcome {
    /// It holds, and the call is as it is now.
    Settled(Call),
    /// The call has changed meanwhile: look again.
    Stale,
}

fn refused(refusal: Refusal) -> Error {
    match refusal {
        Refusal::NotParty => Error::not_found(NO_CALL),
        Refusal::OwnCall => Error::new(Code::Conflict, OWN_CALL),
        Refusal::OtherDevice => Error::new(Code::Conflict, OTHER_DEVICE),
        Refusal::NotAnswered => Error::new(Code::Conflict, NOT_ANSWERED),
        Refusal::Busy => Error::new(Code::Conflict, YOU_ARE_BUSY),
        Refusal::Over(reason) => Error::new(Code::Conflict, OVER).arg(reason.name()),
    }
}
