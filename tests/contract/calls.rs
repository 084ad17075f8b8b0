//! Calls: one live call a user, steps by version, and the end told in the chat.

use futures_util::future::join_all;
use wechat::clock::Time;
use wechat::id::{CallId, ChatId, MessageId, SessionId, UserId};
use wechat::model::auth::Instance;
use wechat::model::calls::{
    Call, CallKind, CallState, Device, End, EndReason, Party, RING_FOR, Report, Side, Via,
};
use wechat::model::messages::{CallContent, Content, Message, Window};
use wechat::store::{Begun, CallRecord, CallStepped};

use crate::chats::people;
use crate::support::{NOON, World, after};

fn party(world: &World, user: UserId, bound: bool) -> Party {
    let instance = Instance::parse("tab").ok();
    let device = bound.then(|| Device { session: SessionId(world.id()), instance });
    let via = device.map(|_| Via(world.id()));
    Party { user, device, via, seen: NOON, lost: false, report: None }
}

/// A call that rings, in a chat that exists.
async fn ringing(world: &World, caller: UserId, callee: UserId, started: Time) -> Call {
    let peers = if caller < callee { (caller, callee) } else { (callee, caller) };
    world.store.open_direct(peers, None, NOON).await.expect("opens");
    Call {
        id: CallId(world.id()),
        chat: ChatId::direct(caller, callee),
        kind: CallKind::Video,
        caller: Party { seen: started, ..party(world, caller, true) },
        callee: party(world, callee, false),
        started,
        state: CallState::Ringing,
        rang: false,
        epoch: 1,
        fresh: true,
        version: 1,
    }
}

async fn begin(world: &World, call: &Call) -> Begun {
    world.store.begin_call(call, None).await.expect("begins")
}

/// The call, ended, as its next version.
fn ended(call: &Call, reason: EndReason, at: Time) -> Call {
    let end = End { reason, by: Some(Side::Caller), at, talked: None };
    Call { state: CallState::Ended(end), version: call.version + 1, ..call.clone() }
}

fn record(world: &World, known_to: &[UserId]) -> Option<CallRecord> {
    Some(CallRecord { message: MessageId(world.id()), known_to: known_to.to_vec() })
}

async fn history(world: &World, chat: ChatId, viewer: UserId) -> Vec<Message> {
    let page = world.store.history(chat, viewer, Window::Before(None), 50).await;
    page.expect("reads").expect("a member")
}

pub async fn a_user_is_in_one_live_call(world: &World) {
    let [ana, beto, carla, dora] = people(world, 4).await[..] else { panic!("four") };
    let first = ringing(world, ana, beto, NOON).await;
    assert_eq!(begin(world, &first).await, Begun::Done(None));
    assert_eq!(begin(world, &first).await, Begun::Done(None), "a repeat is fine");
    for (caller, callee) in [(ana, carla), (carla, ana), (beto, carla), (carla, beto), (beto, ana)]
    {
        let other = ringing(world, caller, callee, NOON).await;
        assert_eq!(begin(world, &other).await, Begun::Busy(first.clone()));
        assert_eq!(world.store.call(other.id).await.expect("reads"), None);
    }
    let apart = ringing(world, carla, dora, NOON).await;
    assert_eq!(begin(world, &apart).await, Begun::Done(None));
    for (user, call) in [(ana, &first), (beto, &first), (dora, &apart)] {
        assert_eq!(world.store.live_call(user).await.expect("reads").as_ref(), Some(call));
    }
    let over = ended(&first, EndReason::Missed, after(1));
    world.store.step_call(&over, None).await.expect("steps");
    assert_eq!(world.store.live_call(ana).await.expect("reads"), None);
    let next = ringing(world, beto, ana, after(2)).await;
    assert_eq!(begin(world, &next).await, Begun::Done(None));
}

pub async fn of_racing_calls_one_begins(world: &World) {
    let [ana, beto, carla] = people(world, 3).await[..] else { panic!("three") };
    for _ in 0..10 {
        let mut calls = Vec::new();
        for (caller, callee) in [(ana, beto), (beto, ana), (ana, carla), (carla, beto)] {
            calls.push(ringing(world, caller, callee, NOON).await);
        }
        let begun = join_all(calls.iter().map(|call| begin(world, call))).await;
        let won: Vec<_> = begun.iter().filter(|one| matches!(one, Begun::Done(_))).collect();
        assert_eq!(won.len(), 1, "{begun:?}");
        let live = [ana, beto, carla].map(|user| world.store.live_call(user));
        let live: Vec<Call> =
            join_all(live).await.into_iter().filter_map(|call| call.expect("reads")).collect();
        assert_eq!(live.len(), 2, "its two people are in it");
        let over = ended(&live[0], EndReason::Missed, after(1));
        let stepped = world.store.step_call(&over, None).await.expect("steps");
        assert_eq!(stepped, CallStepped::Done(None));
    }
}

pub async fn a_step_names_the_version_that_it_saw(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let call = ringing(world, ana, beto, NOON).await;
    let step = |call: &Call| {
        let call = call.clone();
        async move { world.store.step_call(&call, None).await.expect("steps") }
    };
    let next = Call { rang: true, version: 2, ..call.clone() };
    assert_eq!(step(&next).await, CallStepped::Stale, "there is no such call");
    begin(world, &call).await;
    assert_eq!(step(&call).await, CallStepped::Stale);
    assert_eq!(step(&Call { version: 3, ..next.clone() }).await, CallStepped::Stale);
    assert_eq!(step(&next).await, CallStepped::Done(None));
    assert_eq!(step(&next).await, CallStepped::Stale);
    let mut third = Call { state: CallState::Connecting { since: after(5) }, version: 3, ..next };
    third.callee = party(world, beto, true);
    third.callee.report = Some(Report { setup_ms: Some(7), ..Report::default() });
    assert_eq!(step(&third).await, CallStepped::Done(None));
    assert_eq!(world.store.call(third.id).await.expect("reads"), Some(third));
}

pub async fn of_racing_steps_one_is_stored(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let call = ringing(world, ana, beto, NOON).await;
    begin(world, &call).await;
    let ends = [EndReason::Cancelled, EndReason::Rejected, EndReason::Missed, EndReason::Lost];
    let steps = ends.map(|reason| {
        let (over, record) = (ended(&call, reason, after(9)), record(world, &[ana]));
        async move { (reason, world.store.step_call(&over, record).await.expect("steps")) }
    });
    let done: Vec<_> = join_all(steps)
        .await
        .into_iter()
        .filter(|(_, stepped)| *stepped != CallStepped::Stale)
        .map(|(reason, _)| reason)
        .collect();
    assert_eq!(done.len(), 1);
    let found = world.store.call(call.id).await.expect("reads").expect("there");
    assert_eq!(found.end().map(|end| end.reason), Some(done[0]));
    let told = history(world, call.chat, ana).await;
    assert_eq!(told.len(), 1, "the end is told once");
    assert!(matches!(told[0].content, Content::Call(content) if content.reason == done[0]));
}

pub async fn the_end_is_told_in_the_chat_with_its_step(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = ChatId::direct(ana, beto);
    let first = ringing(world, ana, beto, NOON).await;
    begin(world, &first).await;
    let missed = ended(&first, EndReason::Missed, after(45_000));
    let stepped = world.store.step_call(&missed, record(world, &[ana])).await.expect("steps");
    let CallStepped::Done(Some(message)) = stepped else { panic!("it is told: {stepped:?}") };
    assert_eq!((message.seq, message.rev, message.from), (1, 1, ana));
    assert_eq!((message.sent, message.client_msg_id.clone()), (after(45_000), None));
    let content = CallContent {
        call: first.id,
        kind: CallKind::Video,
        reason: EndReason::Missed,
        talked: None,
    };
    assert_eq!(message.content, Content::Call(content));
    assert_eq!(history(world, chat, beto).await, [message]);
    let unread = async |user| {
        let (chat, member) = world.chat_and_member(chat, user).await;
        (chat.head_seq, member.unread(chat.head_seq, 0))
    };
    assert_eq!((unread(ana).await, unread(beto).await), ((1, 0), (1, 1)));
    assert_eq!(world.chat(chat).await.active_at, after(45_000));

    world.say(chat, ana, "¿estás?").await;
    let second = ringing(world, ana, beto, after(60_000)).await;
    begin(world, &second).await;
    let over = ended(&second, EndReason::Hangup, after(70_000));
    world.store.step_call(&over, record(world, &[ana, beto])).await.expect("steps");
    // What beto has not read stays unread, though it took part in the call.
    assert_eq!((unread(ana).await, unread(beto).await), ((3, 0), (3, 3)));
    let changes = world.store.changes(chat, beto, 1, 50).await.expect("reads").expect("a member");
    assert_eq!(changes.rows.len(), 2, "a device that syncs learns of it");
}

pub async fn a_busy_call_is_told_at_once(world: &World) {
    let [ana, beto, carla] = people(world, 3).await[..] else { panic!("three") };
    let first = ringing(world, ana, beto, NOON).await;
    begin(world, &first).await;
    let mut busy = ringing(world, carla, beto, after(3)).await;
    let end = End { reason: EndReason::Busy, by: None, at: after(3), talked: None };
    busy.state = CallState::Ended(end);
    let begun = world.store.begin_call(&busy, record(world, &[carla])).await.expect("begins");
    assert!(matches!(begun, Begun::Done(Some(_))), "{begun:?}");
    assert_eq!(history(world, busy.chat, beto).await.len(), 1);
    assert_eq!(world.store.live_call(beto).await.expect("reads"), Some(first));
    assert_eq!(world.store.live_call(carla).await.expect("reads"), None);
}

pub async fn deadlines_are_found_in_order(world: &World) {
    let people = people(world, 6).await;
    let mut calls = Vec::new();
    for (pair, late) in people.chunks(2).zip([20, 0, 10]) {
        let call = ringing(world, pair[0], pair[1], after(late)).await;
        begin(world, &call).await;
        calls.push(call);
    }
    let due = async |at: Time, limit| {
        let found = world.store.due_calls(at, limit).await.expect("reads");
        found.into_iter().map(|call| call.started).collect::<Vec<_>>()
    };
    let first = calls[1].deadline().expect("it lives");
    assert!(first <= NOON.plus(RING_FOR));
    assert_eq!(due(Time(first.0 - 1), 10).await, []);
    assert_eq!(due(first, 10).await, [NOON]);
    assert_eq!(due(after(99_999), 10).await, [NOON, after(10), after(20)]);
    assert_eq!(due(after(99_999), 2).await, [NOON, after(10)]);
    let over = ended(&calls[1], EndReason::Missed, after(50_000));
    world.store.step_call(&over, None).await.expect("steps");
    assert_eq!(due(after(99_999), 10).await, [after(10), after(20)]);
}

pub async fn calls_are_listed_latest_first(world: &World) {
    let [ana, beto, carla] = people(world, 3).await[..] else { panic!("three") };
    let mut ids = Vec::new();
    for (number, (caller, callee)) in
        [(ana, beto), (beto, ana), (carla, ana), (beto, carla), (ana, carla)]
            .into_iter()
            .enumerate()
    {
        // Two begin at the same moment.
        let call = ringing(world, caller, callee, after(number as i64 / 2)).await;
        begin(world, &call).await;
        world
            .store
            .step_call(&ended(&call, EndReason::Rejected, after(9)), None)
            .await
            .expect("steps");
        ids.push(call.id);
    }
    let list = async |user, before, limit| {
        let found = world.store.calls_of(user, before, limit).await.expect("reads");
        found.iter().map(|call| call.id).collect::<Vec<_>>()
    };
    assert_eq!(list(ana, None, 10).await, [ids[4], ids[2], ids[1], ids[0]]);
    assert_eq!(list(ana, None, 2).await, [ids[4], ids[2]]);
    assert_eq!(list(ana, Some((after(1), ids[2])), 10).await, [ids[1], ids[0]]);
    assert_eq!(list(ana, Some((NOON, ids[1])), 10).await, [ids[0]]);
    assert_eq!(list(carla, Some((after(1), ids[3])), 10).await, [ids[2]]);
}
