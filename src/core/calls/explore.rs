//! Walks every state that a call can reach, with two devices a side, a third person, late and lost
//! inputs, late timers, restarts of the server, two nodes that write at once, and a second call
//! between any two of the three.
//!
//! The walk is breadth first over whole worlds: the call as stored, what each device of the callee
//! believes, who won, how often the end was recorded, and the call that may follow it. Times are
//! relative to the present and cut off where nothing depends on them any more, so that the worlds
//! are finite in number.

use std::collections::{HashSet, VecDeque};
use std::time::Duration;

use super::machine::{Change, Effect, Input, Refusal, Step, apply, begin};
use super::pauses::Listening;
use crate::clock::Time;
use crate::id::{CallId, ChatId, ObjectId, SessionId, UserId};
use crate::model::auth::{Caller, Instance};
use crate::model::calls::{
    CONNECT_WITHIN, Call, CallKind, CallState, Device, End, EndReason, GRACE, REPORTS_FOR,
    RING_FOR, Report, Via,
};

const fn device(user: u8, session: u8, tab: u8) -> Caller {
    Caller {
        user: UserId(ObjectId([user; 12])),
        session: SessionId(ObjectId([session; 12])),
        instance: Some(Instance(ObjectId([tab; 12]))),
    }
}

/// Two tabs of one session.
const CALLERS: [Caller; 2] = [device(1, 11, 1), device(1, 11, 2)];
/// Two sessions whose tabs have, by chance, one name.
const CALLEES: [Caller; 2] = [device(2, 21, 1), device(2, 22, 1)];
/// Somebody whom both know, and who is not in the first call.
const THIRD: Caller = device(3, 31, 1);
const EVERYBODY: [Caller; 5] = [CALLERS[0], CALLERS[1], CALLEES[0], CALLEES[1], THIRD];
const PEOPLE: [UserId; 3] = [CALLERS[0].user, CALLEES[0].user, THIRD.user];

/// The moment that every world is moved to.
const NOW: Time = Time(1_000_000_000);

/// A fault to plant: the walk must find each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// A second accept takes the call over.
    SecondAcceptWins,
    /// Nobody tells the other devices to stop.
    RingsOn,
    /// A stranger can hang up.
    AnybodyEnds,
    /// A timer that comes late ends the call a second time.
    LateTimer,
    /// A node writes what it computed from an older version.
    NoCompare,
    /// Neither the connect deadline nor silence is ever checked.
    ForgottenDeadline,
    /// A person who calls somebody answers the call that rings.
    AnyStartAnswers,
    /// A device that says that it rings has answered.
    RingingAnswers,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct World {
    call: Call,
    /// What another node has read and will write upon.
    held: Option<Call>,
    /// What was listened since.
    since: Time,
    /// Which devices of the callee ring.
    rings: [bool; 2],
    /// The device that was told it has the call.
    winner: Option<Device>,
    /// How the call ended, as first recorded.
    recorded: Option<(EndReason, bool)>,
    /// A live call after the first one; then the first is over.
    second: Option<Call>,
}

#[derive(Debug, Clone, Copy)]
enum Move {
    /// An input reaches the server.
    Do(Input),
    /// Somebody calls somebody, as the use-case does it.
    Call(Caller, UserId),
    /// An input for the second call.
    DoSecond(Input),
    /// Another node reads the call…
    Hold,
    /// …and writes what an input makes of what it read.
    DoHeld(Input),
    /// Time passes; whether the timers run is another move.
    Wait(Duration),
    /// A device of the callee connects and reads the state of the call.
    Connect(usize),
    /// The server starts again.
    Restart,
}

struct Walk {
    fault: Option<Fault>,
    wait: Duration,
    nodes: usize,
    calls: usize,
}

#[derive(Debug, Default)]
struct Seen {
    states: usize,
    transitions: usize,
    ends: HashSet<EndReason>,
}

impl World {
    fn begin() -> Self {
        let Change { call, effects } = begin(
            CallId(ObjectId([9; 12])),
            ChatId::direct(CALLERS[0].user, CALLEES[0].user),
            CallKind::Voice,
            (CALLERS[0], None),
            CALLEES[0].user,
            NOW,
        );
        let (since, rings) = (NOW.minus(GRACE), [false; 2]);
        let (held, winner, recorded, second) = (None, None, None, None);
        let mut world = Self { call, held, since, rings, winner, recorded, second };
        world.suffer(&effects).expect("a call begins well");
        world
    }

    /// What the devices and the chat see of a step. A message that says the end twice, and a device
    /// that wins after another, are found here.
    fn suffer(&mut self, effects: &[Effect]) -> Result<(), String> {
        for effect in effects {
            match *effect {
                Effect::Ring => self.rings = [true; 2],
                Effect::StopRing { answered } => {
                    self.rings = [false; 2];
                    if let Some(device) = answered {
                        if self.winner.is_some_and(|winner| winner != device) {
                            return Err(format!("{device:?} wins after {:?}", self.winner));
                        }
                        self.winner = Some(device);
                    }
                }
                Effect::Tell => {}
                Effect::Record => {
                    let Some(end) = self.call.end() else {
                        return Err("an end is recorded before it is there".into());
                    };
                    if self.recorded.replace((end.reason, end.talked.is_some())).is_some() {
                        return Err("the end is recorded twice".into());
                    }
                }
            }
        }
        Ok(())
    }

    /// The same world as seen from `NOW`, without what nothing depends on.
    fn normal(mut self, now: Time) -> Self {
        let moved = |time: Time, matters_for: Duration| NOW.minus(now.since(time).min(matters_for));
        self.since = moved(self.since, GRACE);
        let version = self.call.version;
        let mut settled = false;
        let calls = [Some(&mut self.call), self.held.as_mut(), self.second.as_mut()];
        for call in calls.into_iter().flatten() {
            // Only whether a writer saw the present version matters.
            call.version = u64::from(call.version == version);
            settled |= !call.is_live();
            let live = if call.is_live() { GRACE } else { Duration::ZERO };
            let rings = if call.state == CallState::Ringing { RING_FOR } else { Duration::ZERO };
            call.started = moved(call.started, rings);
            call.caller.seen = moved(call.caller.seen, live);
            call.callee.seen = moved(call.callee.seen, live.saturating_sub(rings));
            match &mut call.state {
                CallState::Ringing => {}
                CallState::Connecting { since } => *since = moved(*since, CONNECT_WITHIN),
                CallState::Active { since } => *since = moved(*since, Duration::ZERO),
                CallState::Ended(end) => {
                    end.at = moved(end.at, REPORTS_FOR);
                    end.talked = end.talked.map(|_| Duration::ZERO);
                }
            }
        }
        if self.second.is_some() {
            self.forget_first();
        } else if settled {
            self.since = NOW;
        }
        self
    }

    /// How the first call went is known: beside a second one it only has to stay over.
    fn forget_first(&mut self) {
        let end = End { reason: EndReason::Cancelled, by: None, at: NOW, talked: None };
        self.call = Call { state: CallState::Ended(end), ..Self::begin().call };
        (self.winner, self.recorded) = (None, Some((end.reason, false)));
    }

    /// The live call that somebody is in; whether it is the second one.
    fn live_of(&self, user: UserId) -> Option<(&Call, bool)> {
        let calls = [Some((&self.call, false)), self.second.as_ref().map(|call| (call, true))];
        let of = |(call, _): &(&Call, bool)| call.is_live() && call.side(user).is_some();
        calls.into_iter().flatten().find(of)
    }
}

/// Whether this input may answer the call that rings.
fn may_answer(call: &Call, input: &Input) -> bool {
    match *input {
        Input::Accept(by) => by.user == call.callee.user,
        Input::Start { by, chat } => by.user == call.callee.user && chat == call.chat,
        _ => false,
    }
}

impl Walk {
    fn step(&self, call: &Call, input: &Input, now: Time, since: Time) -> Step {
        let apply = |call: &Call, input: &Input, now, since| {
            apply(call, input, None, now, &Listening::since(since))
        };
        let forced = |effects, change: &dyn Fn(&mut Call)| {
            let mut next = call.clone();
            next.version += 1;
            change(&mut next);
            Step::Changed(Change { call: next, effects })
        };
        match (self.fault, *input, apply(call, input, now, since)) {
            (Some(Fault::SecondAcceptWins), Input::Accept(by), Step::Refused(_))
                if matches!(call.state, CallState::Connecting { .. })
                    && by.user == call.callee.user =>
            {
                let stop = Effect::StopRing { answered: Some(by.into()) };
                forced(vec![stop], &|call| call.callee.device = Some(by.into()))
            }
            (Some(Fault::RingsOn), Input::Leave { .. }, Step::Changed(mut change)) => {
                change.effects.retain(|effect| !matches!(effect, Effect::StopRing { .. }));
                Step::Changed(change)
            }
            (
                Some(Fault::AnybodyEnds),
                Input::Leave { failed, .. },
                Step::Refused(Refusal::NotParty),
            ) => apply(call, &Input::Leave { by: CALLERS[0].user, failed }, now, since),
            (Some(Fault::LateTimer), Input::Tick, Step::Same) if !call.is_live() => {
                forced(vec![Effect::Record], &|_| {})
            }
            (Some(Fault::ForgottenDeadline), Input::Tick, Step::Expired(_))
                if matches!(call.state, CallState::Connecting { .. }) =>
            {
                Step::Same
            }
            (Some(Fault::AnyStartAnswers), Input::Start { by, .. }, Step::Refused(_))
                if call.state == CallState::Ringing =>
            {
                apply(call, &Input::Accept(by), now, since)
            }
            (Some(Fault::RingingAnswers), Input::Alive { by, connected: true }, Step::Same) => {
                apply(call, &Input::Accept(by), now, since)
            }
            (_, _, step) => step,
        }
    }

    fn moves(&self, world: &World) -> Vec<Move> {
        let wait = if world.call.is_live() { self.wait } else { REPORTS_FOR };
        let mut moves = vec![Move::Wait(wait), Move::Restart, Move::Do(Input::Tick)];
        moves.extend((0..2).map(Move::Connect));
        let mut inputs = Vec::new();
        for by in EVERYBODY {
            inputs.extend([
                Input::Start { by, chat: world.call.chat },
                Input::Start { by, chat: ChatId::direct(by.user, PEOPLE[2]) },
                Input::Accept(by),
                Input::Reject(by),
                Input::Leave { by: by.user, failed: false },
                Input::Leave { by: by.user, failed: true },
                Input::Alive { by, connected: false },
                Input::Alive { by, connected: true },
                Input::Lost(by),
            ]);
            // A third epoch is like a second one.
            if world.call.epoch < 3 {
                inputs.extend([1, 2].map(|epoch| Input::Restart { by, epoch, fresh: epoch == 2 }));
            }
        }
        let report = Report { setup_ms: Some(1), ..Report::default() };
        inputs.extend([CALLERS[0], THIRD].map(|by| Input::Report { by, report }));
        moves.extend(inputs.iter().copied().map(Move::Do));
        if self.calls > 1 {
            moves.extend(second_calls(world));
        }
        if self.nodes > 1 {
            match world.held {
                None => moves.push(Move::Hold),
                Some(_) => moves.extend(inputs.into_iter().map(Move::DoHeld)),
            }
        }
        moves
    }

    /// Somebody calls somebody: what `Calls::start` does with the calls that both are in.
    fn call(&self, world: &mut World, by: Caller, whom: UserId) -> Result<(), String> {
        let chat = ChatId::direct(by.user, whom);
        let input = Input::Start { by, chat };
        if let Some((call, second)) = world.live_of(by.user) {
            let (step, before) = (self.step(call, &input, NOW, world.since), world.clone());
            let refused = matches!(step, Step::Refused(_));
            self.put(world, second, &input, step)?;
            if refused && *world != before {
                return Err("what is refused changes something".into());
            }
        } else if world.live_of(whom).is_none() {
            let id = CallId(ObjectId([10; 12]));
            world.second = Some(begin(id, chat, CallKind::Video, (by, None), whom, NOW).call);
        }
        Ok(())
    }

    fn put(
        &self,
        world: &mut World,
        second: bool,
        input: &Input,
        step: Step,
    ) -> Result<(), String> {
        if !second {
            return self.commit(world, input, step);
        }
        let of_no_party = |call: &Call| who(input).is_some_and(|who| call.side(who).is_none());
        if matches!(step, Step::Changed(_)) && world.second.as_ref().is_some_and(of_no_party) {
            return Err("a stranger changes a call".into());
        }
        let (Step::Changed(change) | Step::Expired(change)) = step else { return Ok(()) };
        if let Some(before) = &world.second {
            answered_rightly(before, &change.call, input)?;
        }
        world.second = Some(change.call).filter(Call::is_live);
        Ok(())
    }

    /// The world after a move, or what is wrong with it.
    fn go(&self, world: &World, step: Move) -> Result<World, String> {
        let mut next = world.clone();
        let mut now = NOW;
        match step {
            Move::Do(input) => {
                let result = self.step(&world.call, &input, now, world.since);
                self.commit(&mut next, &input, result)?;
            }
            Move::Call(by, whom) => self.call(&mut next, by, whom)?,
            Move::DoSecond(input) => {
                if let Some(call) = &world.second {
                    let result = self.step(call, &input, now, world.since);
                    self.put(&mut next, true, &input, result)?;
                }
            }
            Move::Hold => next.held = Some(world.call.clone()),
            Move::DoHeld(input) => {
                next.held = None;
                let held = world.held.as_ref().unwrap_or(&world.call);
                let is_fresh = held.version == world.call.version;
                if is_fresh || self.fault == Some(Fault::NoCompare) {
                    let result = self.step(held, &input, now, world.since);
                    self.commit(&mut next, &input, result)?;
                }
            }
            Move::Wait(time) => now = now.plus(time),
            Move::Connect(device) => next.rings[device] = next.call.state == CallState::Ringing,
            Move::Restart => next.since = now,
        }
        check(world, &next)?;
        // What was computed from an older version is not written: it may as well be forgotten.
        let stale = next.held.as_ref().is_some_and(|held| held.version != next.call.version);
        if stale && self.fault != Some(Fault::NoCompare) {
            next.held = None;
        }
        Ok(next.normal(now))
    }

    fn commit(&self, world: &mut World, input: &Input, step: Step) -> Result<(), String> {
        let stranger = who(input) == Some(THIRD.user);
        match step {
            Step::Changed(_) if stranger => Err("a stranger changes a call".into()),
            Step::Changed(change) | Step::Expired(change) => {
                answered_rightly(&world.call, &change.call, input)?;
                world.call = change.call;
                world.suffer(&change.effects)
            }
            Step::Same | Step::Refused(_) => Ok(()),
        }
    }

    fn run(&self) -> Result<Seen, String> {
        let first = World::begin().normal(NOW);
        let mut known = HashSet::from([first.clone()]);
        let mut ahead = VecDeque::from([first]);
        let mut seen = Seen::default();
        while let Some(world) = ahead.pop_front() {
            self.ends_by_itself(&world)?;
            outlives_a_pause(&world)?;
            seen.ends.extend(world.call.end().map(|end| end.reason));
            for step in self.moves(&world) {
                let next = self
                    .go(&world, step)
                    .map_err(|wrong| format!("{wrong}\nby {step:?}\nin {world:#?}"))?;
                seen.transitions += 1;
                if known.insert(next.clone()) {
                    ahead.push_back(next);
                }
            }
        }
        seen.states = known.len();
        Ok(seen)
    }

    /// A live call has a deadline, and with nothing but its timers it ends in a bounded time.
    fn ends_by_itself(&self, world: &World) -> Result<(), String> {
        let mut world = world.clone();
        let mut now = NOW;
        for _ in 0..3 {
            let Some(deadline) = world.call.deadline() else { return Ok(()) };
            now = now.max(deadline).max(world.since.plus(GRACE));
            let step = self.step(&world.call, &Input::Tick, now, world.since);
            self.commit(&mut world, &Input::Tick, step)?;
        }
        if world.call.is_live() { Err(format!("no timer ends this: {world:#?}")) } else { Ok(()) }
    }
}

/// What may happen beside the first call: everybody calls everybody, and does what there is to do
/// with the call that follows.
fn second_calls(world: &World) -> Vec<Move> {
    let mut moves = Vec::new();
    for by in EVERYBODY {
        let others = PEOPLE.into_iter().filter(|user| *user != by.user);
        moves.extend(others.map(|whom| Move::Call(by, whom)));
        if world.second.is_some() {
            let inputs = [
                Input::Accept(by),
                Input::Reject(by),
                Input::Leave { by: by.user, failed: false },
                Input::Alive { by, connected: true },
                Input::Lost(by),
            ];
            moves.extend(inputs.map(Move::DoSecond));
        }
    }
    moves.push(Move::DoSecond(Input::Tick));
    moves
}

/// A ringing call is answered only by what may answer it, on the device that did.
fn answered_rightly(before: &Call, after: &Call, input: &Input) -> Result<(), String> {
    if before.callee.device == after.callee.device {
        return Ok(());
    }
    let answered = by(input).map(Device::from);
    if may_answer(before, input) && after.callee.device == answered {
        return Ok(());
    }
    Err(format!("{input:?} is not an answer, and answers"))
}

/// A pause, however long, ends no call that would have lived at its beginning.
fn outlives_a_pause(world: &World) -> Result<(), String> {
    let (since, later) = (Listening::since(world.since), NOW.plus(Duration::from_secs(3600)));
    let paused = since.clone().paused(NOW, later);
    let lives =
        |now, listening| apply(&world.call, &Input::Tick, None, now, listening) == Step::Same;
    if lives(NOW, &since) && !lives(later, &paused) {
        return Err(format!("a pause ends this: {world:#?}"));
    }
    Ok(())
}

/// Which device an input comes from.
fn by(input: &Input) -> Option<Caller> {
    match *input {
        Input::Accept(by) | Input::Reject(by) | Input::Lost(by) => Some(by),
        Input::Start { by, .. } | Input::Alive { by, .. } => Some(by),
        Input::Restart { by, .. } | Input::Report { by, .. } => Some(by),
        Input::Leave { .. } | Input::Tick => None,
    }
}

/// Whose input it is.
fn who(input: &Input) -> Option<UserId> {
    match *input {
        Input::Leave { by, .. } => Some(by),
        _ => by(input).map(|by| by.user),
    }
}

/// What holds of every step.
fn check(before: &World, after: &World) -> Result<(), String> {
    let call = &after.call;
    if call.state != CallState::Ringing && after.rings != [false; 2] {
        return Err(format!("a device is left ringing: {:?}", after.rings));
    }
    if let (Some(was), now) = (before.call.callee.device, call.callee.device)
        && now != Some(was)
    {
        return Err(format!("the call goes from {was:?} to {now:?}"));
    }
    if call.callee.device != after.winner {
        return Err("the one who answered is not the one who was told so".into());
    }
    if call.caller.device != Some(CALLERS[0].into()) {
        return Err("the caller's device changed".into());
    }
    if let Some(was) = before.call.end()
        && call.end() != Some(was)
    {
        return Err(format!("an ended call changes its end: {:?}", call.end()));
    }
    if after.recorded != call.end().map(|end| (end.reason, end.talked.is_some())) {
        return Err("the record is not what happened".into());
    }
    if call.epoch < before.call.epoch {
        return Err("an epoch goes back".into());
    }
    if rank(&call.state) < rank(&before.call.state) {
        return Err("a call goes back".into());
    }
    Ok(())
}

fn rank(state: &CallState) -> u8 {
    match state {
        CallState::Ringing => 0,
        CallState::Connecting { .. } => 1,
        CallState::Active { .. } => 2,
        CallState::Ended(_) => 3,
    }
}

const ONE_NODE: Walk = Walk { fault: None, wait: Duration::from_secs(10), nodes: 1, calls: 1 };
const TWO_NODES: Walk = Walk { fault: None, wait: Duration::from_secs(25), nodes: 2, calls: 1 };
const TWO_CALLS: Walk = Walk { fault: None, wait: Duration::from_secs(25), nodes: 1, calls: 2 };

#[test]
fn every_state_of_a_call_keeps_its_promises() {
    for (name, walk) in [("one node", ONE_NODE), ("two nodes", TWO_NODES), ("two calls", TWO_CALLS)]
    {
        let seen = walk.run().unwrap_or_else(|wrong| panic!("{name}: {wrong}"));
        println!("{name}: {} states, {} transitions", seen.states, seen.transitions);
        assert!(seen.states > 200 && seen.transitions > 10_000, "{name}: {seen:?}");
        let possible = [
            EndReason::Cancelled,
            EndReason::Rejected,
            EndReason::Missed,
            EndReason::Unreachable,
            EndReason::Hangup,
            EndReason::Lost,
            EndReason::Failed,
        ];
        let missing: Vec<_> = possible.iter().filter(|end| !seen.ends.contains(*end)).collect();
        assert!(name != "one node" || missing.is_empty(), "{name} never ends as {missing:?}");
    }
}

#[test]
fn planted_faults_are_found() {
    for (fault, walk, symptom) in [
        (Fault::SecondAcceptWins, ONE_NODE, "wins after"),
        (Fault::RingsOn, ONE_NODE, "left ringing"),
        (Fault::AnybodyEnds, ONE_NODE, "a stranger changes"),
        (Fault::LateTimer, ONE_NODE, "recorded twice"),
        (Fault::ForgottenDeadline, ONE_NODE, "no timer ends this"),
        (Fault::NoCompare, TWO_NODES, "recorded twice"),
        (Fault::AnyStartAnswers, ONE_NODE, "is not an answer, and answers"),
        (Fault::AnyStartAnswers, TWO_CALLS, "is not an answer, and answers"),
        (Fault::RingingAnswers, TWO_CALLS, "is not an answer, and answers"),
    ] {
        let found = Walk { fault: Some(fault), ..walk }.run().expect_err("a fault was planted");
        assert!(found.contains(symptom), "{fault:?} was found as something else: {found}");
        println!("{fault:?}: {}", found.lines().next().unwrap_or_default());
    }
}

#[test]
fn deadlines_are_those_of_the_protocol() {
    let (world, since) = (World::begin(), Listening::since(NOW));
    let at = |after: Duration, input| apply(&world.call, &input, None, NOW.plus(after), &since);
    let almost = Duration::from_millis(1);
    let mut ringing = world.call.clone();
    ringing.caller.seen = NOW.plus(RING_FOR);
    let tick = |call: &Call, after| apply(call, &Input::Tick, None, NOW.plus(after), &since);
    assert_eq!(tick(&ringing, RING_FOR - almost), Step::Same);
    assert!(matches!(tick(&ringing, RING_FOR), Step::Expired(_)));
    assert_eq!(at(GRACE - almost, Input::Tick), Step::Same);
    assert!(matches!(at(GRACE, Input::Accept(CALLEES[0])), Step::Expired(_)), "the caller is gone");
    let Step::Changed(accepted) = at(almost, Input::Accept(CALLEES[0])) else {
        panic!("the callee can answer");
    };
    let answered = almost + CONNECT_WITHIN;
    assert_eq!(tick(&accepted.call, answered - almost), Step::Same);
    let Step::Expired(failed) = tick(&accepted.call, answered) else { panic!("it must end") };
    assert_eq!(failed.call.end().map(|end| end.reason), Some(EndReason::Failed));
}

#[test]
fn who_calls_a_caller_answers() {
    let world = World::begin();
    let chat = world.call.chat;
    let start =
        |by| apply(&world.call, &Input::Start { by, chat }, None, NOW, &Listening::since(NOW));
    let Step::Changed(change) = start(CALLEES[1]) else {
        panic!("a start by the callee is an accept");
    };
    assert_eq!(change.call.callee.device, Some(CALLEES[1].into()));
    assert_eq!(start(CALLERS[0]), Step::Same, "a repeat of the start finds its call");
    assert_eq!(start(CALLERS[1]), Step::Refused(Refusal::Busy));
}

#[test]
fn who_calls_somebody_else_answers_nothing() {
    let world = World::begin();
    for by in [CALLERS[0], CALLERS[1], CALLEES[0], CALLEES[1]] {
        let chat = ChatId::direct(by.user, THIRD.user);
        let step =
            apply(&world.call, &Input::Start { by, chat }, None, NOW, &Listening::since(NOW));
        assert_eq!(step, Step::Refused(Refusal::Busy), "{by:?}");
    }
}

#[test]
fn a_connection_that_ends_after_its_device_went_on_elsewhere_is_no_loss() {
    let via = |number| Some(Via(ObjectId([number; 12])));
    let since = Listening::since(NOW);
    let after = |call: &Call, input, via| match apply(call, &input, via, NOW, &since) {
        Step::Changed(change) => change.call,
        Step::Same => call.clone(),
        other => panic!("{other:?}"),
    };
    let call = after(&World::begin().call, Input::Accept(CALLEES[0]), via(1));
    let lost = |call: &Call, via| after(call, Input::Lost(CALLEES[0]), via).callee.lost;
    assert!(lost(&call, via(1)) && !lost(&call, via(2)));
    let alive = Input::Alive { by: CALLEES[0], connected: true };
    let moved = after(&call, alive, via(2));
    assert_eq!(moved.callee.via, via(2));
    assert!(lost(&moved, via(2)) && !lost(&moved, via(1)), "it is at the other node by now");
    let gone = after(&moved, Input::Lost(CALLEES[0]), via(2));
    let restart = Input::Restart { by: CALLEES[0], epoch: 1, fresh: true };
    let back = after(&gone, restart, via(3));
    assert_eq!((back.callee.via, back.callee.lost), (via(3), false));
    assert!(lost(&after(&back, alive, None), via(3)), "it is not known by which it speaks");
}
