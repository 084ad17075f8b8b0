//! The call as a state machine: no I/O, no clock, no randomness.
//!
//! Invariant: one device of the callee answers, and that never changes. Invariant: nothing answers
//! a call but an accept by one of the callee's devices, or the callee's own call to the person who
//! is calling. Invariant: an ended call never changes again; its end is recorded once, by the step
//! that ends it. Invariant: when ringing stops, all devices of the callee but the one that answered
//! are told. Invariant: only a party or a deadline ends a call; a live call always has a deadline.
//!
//! `explore` walks every state. Called by the use-cases beside it, which store each step under the
//! version that it was computed from.

use super::pauses::Listening;
use crate::clock::Time;
use crate::id::{CallId, ChatId, UserId};
use crate::model::auth::Caller;
use crate::model::calls::{
    CONNECT_WITHIN, Call, CallKind, CallState, Device, End, EndReason, GRACE, Party, REPORTS_FOR,
    RING_FOR, Report, Side, Via,
};

/// What happens to a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Input {
    /// A person of this call calls somebody.
    Start {
        /// Which device.
        by: Caller,
        /// The direct chat with the person that it calls.
        chat: ChatId,
    },
    /// A device answers.
    Accept(Caller),
    /// A device refuses.
    Reject(Caller),
    /// A person cancels or hangs up; `failed` when a device could not bring media about.
    Leave {
        /// Who, on any device, or on none any more.
        by: UserId,
        /// It gave up because media does not flow.
        failed: bool,
    },
    /// A device is there: the caller's and the callee's in a call, or one of the callee's that
    /// rings.
    Alive {
        /// Which device.
        by: Caller,
        /// Media flows.
        connected: bool,
    },
    /// A device's connection is gone.
    Lost(Caller),
    /// A device wants a new negotiation in place of number `epoch`.
    Restart {
        /// Which device.
        by: Caller,
        /// The one that does not work any more.
        epoch: u32,
        /// It has lost its peer connection.
        fresh: bool,
    },
    /// A device reports how it went.
    Report {
        /// Which device.
        by: Caller,
        /// What it reports.
        report: Report,
    },
    /// Time passes.
    Tick,
}

/// What follows from a step, besides the call's new state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Effect {
    /// All devices of the callee ring.
    Ring,
    /// All devices of the callee stop to ring, but for the one that answered.
    StopRing {
        /// The one that answered.
        answered: Option<Device>,
    },
    /// The devices of both learn the state of the call.
    Tell,
    /// The end is written into the chat, in the same step.
    Record,
}

/// Why an input does not go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// The device's user is not in this call.
    NotParty,
    /// Callers cannot answer or refuse their own call.
    OwnCall,
    /// Another device of the same user is the one that talks.
    OtherDevice,
    /// Nobody answered yet.
    NotAnswered,
    /// A party is in another call.
    Busy,
    /// It has ended.
    Over(EndReason),
}

/// A call after a step, and what follows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// The call as it is from now on; its version is one above the former.
    pub call: Call,
    /// What follows.
    pub effects: Vec<Effect>,
}

/// What an input does to a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// It changes the call.
    Changed(Change),
    /// It changes nothing, and that is fine.
    Same,
    /// A deadline had passed before the input came: the call ends by that, and the input is for the
    /// call as it is then.
    Expired(Change),
    /// It does not go.
    Refused(Refusal),
}

/// A device, and the connection by which it speaks.
type By = (Caller, Option<Via>);

/// A new call, which rings.
pub fn begin(
    id: CallId,
    chat: ChatId,
    kind: CallKind,
    (caller, via): (Caller, Option<Via>),
    callee: UserId,
    now: Time,
) -> Change {
    let party =
        |user, device, via| Party { user, device, via, seen: now, lost: false, report: None };
    let call = Call {
        id,
        chat,
        kind,
        caller: party(caller.user, Some(caller.into()), via),
        callee: party(callee, None, None),
        started: now,
        state: CallState::Ringing,
        rang: false,
        epoch: 1,
        fresh: true,
        version: 1,
    };
    Change { call, effects: vec![Effect::Ring, Effect::Tell] }
}

/// A call that ends where it begins, as the callee is in another one.
pub fn busy(ringing: Change, now: Time) -> Change {
    let end = End { reason: EndReason::Busy, by: None, at: now, talked: None };
    let call = Call { state: CallState::Ended(end), ..ringing.call };
    Change { call, effects: vec![Effect::Tell, Effect::Record] }
}

/// What `input` does at the moment `now`, when it comes by the connection `via`. `listening` says
/// when the node that applies it could hear: any other silence is nobody's fault, so that calls
/// survive a restart or a pause of the server.
pub fn apply(
    call: &Call,
    input: &Input,
    via: Option<Via>,
    now: Time,
    listening: &Listening,
) -> Step {
    match overdue(call, now, listening) {
        Some((reason, by)) => Step::Expired(end(call, reason, by, now)),
        None => match *input {
            Input::Start { by, chat } => start(call, (by, via), chat, now),
            Input::Accept(by) => accept(call, (by, via), now),
            Input::Reject(by) => reject(call, by, now),
            Input::Leave { by, failed } => leave(call, by, failed, now),
            Input::Alive { by, connected } => alive(call, (by, via), connected, now),
            Input::Lost(by) => lost(call, (by, via), now),
            Input::Restart { by, epoch, fresh } => restart(call, (by, via), epoch, fresh, now),
            Input::Report { by, report } => take_report(call, by, report, now),
            Input::Tick => Step::Same,
        },
    }
}

/// How a call ends because time has passed.
fn overdue(call: &Call, now: Time, listening: &Listening) -> Option<(EndReason, Option<Side>)> {
    let silent = |side: Side| listening.heard(call.party(side).seen, now) >= GRACE;
    let gone = [Side::Caller, Side::Callee].into_iter().find(|side| silent(*side));
    match call.state {
        CallState::Ringing if listening.passed(call.started, now) >= RING_FOR => {
            let reason = if call.rang { EndReason::Missed } else { EndReason::Unreachable };
            Some((reason, None))
        }
        CallState::Ringing if silent(Side::Caller) => Some((EndReason::Lost, Some(Side::Caller))),
        CallState::Connecting { .. } | CallState::Active { .. } if gone.is_some() => {
            Some((EndReason::Lost, gone))
        }
        CallState::Connecting { since: answered } => {
            let late = listening.heard(answered, now) >= CONNECT_WITHIN;
            late.then_some((EndReason::Failed, None))
        }
        _ => None,
    }
}

/// The next version of a call, with one thing changed.
fn changed(call: &Call, effects: Vec<Effect>, change: impl FnOnce(&mut Call)) -> Step {
    let mut next = call.clone();
    next.version += 1;
    change(&mut next);
    Step::Changed(Change { call: next, effects })
}

fn end(call: &Call, reason: EndReason, by: Option<Side>, now: Time) -> Change {
    let talked = match call.state {
        CallState::Active { since } => Some(now.since(since)),
        _ => None,
    };
    let mut effects = vec![Effect::Tell, Effect::Record];
    if call.state == CallState::Ringing {
        effects.insert(0, Effect::StopRing { answered: None });
    }
    let state = CallState::Ended(End { reason, by, at: now, talked });
    Change { call: Call { state, version: call.version + 1, ..call.clone() }, effects }
}

fn ended(call: &Call, reason: EndReason, by: Side, now: Time) -> Step {
    Step::Changed(end(call, reason, Some(by), now))
}

/// Somebody calls who is already in a call. If both call each other at once, the second start is an
/// accept; a call to somebody else leaves this call as it is.
fn start(call: &Call, (by, via): By, chat: ChatId, now: Time) -> Step {
    match (call.side(by.user), call.state) {
        (_, CallState::Ended(end)) => Step::Refused(Refusal::Over(end.reason)),
        _ if chat != call.chat => Step::Refused(Refusal::Busy),
        (Some(Side::Callee), CallState::Ringing) => accept(call, (by, via), now),
        (Some(_), _) if call.is_bound(&by) => Step::Same,
        _ => Step::Refused(Refusal::Busy),
    }
}

fn accept(call: &Call, (by, via): By, now: Time) -> Step {
    match (call.side(by.user), call.state) {
        (None, _) => Step::Refused(Refusal::NotParty),
        (_, CallState::Ended(end)) => Step::Refused(Refusal::Over(end.reason)),
        (Some(Side::Caller), _) => Step::Refused(Refusal::OwnCall),
        (Some(Side::Callee), CallState::Ringing) => {
            let stop = Effect::StopRing { answered: Some(by.into()) };
            changed(call, vec![stop, Effect::Tell], |call| {
                call.state = CallState::Connecting { since: now };
                call.callee.device = Some(by.into());
                call.callee.via = via;
                call.callee.seen = now;
                call.rang = true;
            })
        }
        _ if call.is_bound(&by) => Step::Same,
        _ => Step::Refused(Refusal::OtherDevice),
    }
}

/// One device that refuses speaks for the person; once another has answered, it is too late.
fn reject(call: &Call, by: Caller, now: Time) -> Step {
    match (call.side(by.user), call.state) {
        (None, _) => Step::Refused(Refusal::NotParty),
        (_, CallState::Ended(end)) => Step::Refused(Refusal::Over(end.reason)),
        (Some(Side::Caller), _) => Step::Refused(Refusal::OwnCall),
        (Some(Side::Callee), CallState::Ringing) => {
            ended(call, EndReason::Rejected, Side::Callee, now)
        }
        _ if call.is_bound(&by) => ended(call, EndReason::Hangup, Side::Callee, now),
        _ => Step::Refused(Refusal::OtherDevice),
    }
}

/// Any device of a party may end a call that the person is in.
fn leave(call: &Call, by: UserId, failed: bool, now: Time) -> Step {
    let Some(side) = call.side(by) else { return Step::Refused(Refusal::NotParty) };
    let reason = match (call.state, side) {
        (CallState::Ended(end), _) => return Step::Refused(Refusal::Over(end.reason)),
        (CallState::Ringing, Side::Caller) if failed => EndReason::Failed,
        (CallState::Ringing, Side::Caller) => EndReason::Cancelled,
        (CallState::Ringing, Side::Callee) => EndReason::Rejected,
        _ if failed => EndReason::Failed,
        _ => EndReason::Hangup,
    };
    ended(call, reason, side, now)
}

fn alive(call: &Call, (by, via): By, connected: bool, now: Time) -> Step {
    let Some(side) = call.side(by.user) else { return Step::Refused(Refusal::NotParty) };
    match call.state {
        CallState::Ended(end) => return Step::Refused(Refusal::Over(end.reason)),
        CallState::Ringing if side == Side::Callee => return rings(call),
        _ if !call.is_bound(&by) => return Step::Refused(Refusal::OtherDevice),
        _ => {}
    }
    let begins = connected && matches!(call.state, CallState::Connecting { .. });
    let news = begins || call.party(side).lost;
    changed(call, if news { vec![Effect::Tell] } else { Vec::new() }, |call| {
        call.party_mut(side).spoke(via, now);
        if begins {
            call.state = CallState::Active { since: now };
        }
    })
}

fn rings(call: &Call) -> Step {
    if call.rang {
        return Step::Same;
    }
    changed(call, vec![Effect::Tell], |call| call.rang = true)
}

/// The grace of a lost device counts from the loss. A connection by which the device has not spoken
/// last may end late, at a node that the device has left long ago.
fn lost(call: &Call, (by, via): By, now: Time) -> Step {
    let Some(side) = call.side(by.user) else { return Step::Refused(Refusal::NotParty) };
    let speaks_elsewhere = call.party(side).via.is_some_and(|last| Some(last) != via);
    if !call.is_live() || !call.is_bound(&by) || call.party(side).lost || speaks_elsewhere {
        return Step::Same;
    }
    changed(call, vec![Effect::Tell], |call| {
        let party = call.party_mut(side);
        (party.seen, party.lost) = (now, true);
    })
}

/// Both sides may notice the same trouble: the second one to ask finds it done.
fn restart(call: &Call, (by, via): By, epoch: u32, fresh: bool, now: Time) -> Step {
    let Some(side) = call.side(by.user) else { return Step::Refused(Refusal::NotParty) };
    match call.state {
        CallState::Ended(end) => return Step::Refused(Refusal::Over(end.reason)),
        _ if !call.is_bound(&by) => return Step::Refused(Refusal::OtherDevice),
        CallState::Ringing => return Step::Refused(Refusal::NotAnswered),
        _ if epoch != call.epoch => return Step::Same,
        _ => {}
    }
    changed(call, vec![Effect::Tell], |call| {
        call.party_mut(side).spoke(via, now);
        call.epoch = call.epoch.saturating_add(1);
        call.fresh = fresh;
    })
}

/// Reports come late by nature: a call takes them for a while after its end.
fn take_report(call: &Call, by: Caller, report: Report, now: Time) -> Step {
    let Some(side) = call.side(by.user) else { return Step::Refused(Refusal::NotParty) };
    match call.state {
        CallState::Ended(end) if end.at.plus(REPORTS_FOR) <= now => {
            return Step::Refused(Refusal::Over(end.reason));
        }
        CallState::Ringing => return Step::Refused(Refusal::NotAnswered),
        _ if !call.is_bound(&by) => return Step::Refused(Refusal::OtherDevice),
        _ => {}
    }
    if call.party(side).report == Some(report) {
        return Step::Same;
    }
    changed(call, Vec::new(), |call| call.party_mut(side).report = Some(report))
}
