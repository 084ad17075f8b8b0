//! What the stores of older versions that are kept in `older` were filled with: the same steps in a
//! store of today lead to the same records. `embedded` compares them.
//!
//! Never changed: each file was filled by these steps, with the program of its version; that of
//! schema 3 knew neither clients of a session nor hidden origins.

use std::time::Duration;

use wechat::id::{CallId, ChatId, MessageId, SessionId, UserId};
use wechat::model::auth::Instance;
use wechat::model::calls::{
    Call, CallKind, CallState, CandidateKind, Device, End, EndReason, Failure, Gathered, Party,
    RelayTransport, Report, Side,
};
use wechat::model::chats::{Invite, MemberChange, MemberState, Role};
use wechat::model::messages::{MessageChange, Origin, Stamp, SystemEvent, TextContent};
use wechat::model::text::{Body, PushToken, Title};
use wechat::model::users::{Privacy, ProfileChange};
use wechat::store::{CallRecord, Cursor};

use crate::files::{document, film, put, with_files};
use crate::support::{MINUTE, NOON, World, after, text};

/// Fills an empty store, as far as the version with this schema could.
pub async fn fill(world: &World, schema: i64) {
    let mut people = Vec::new();
    for name in ["ana", "beto", "carla", "dora", "eva"] {
        people.push(world.user(name).await);
    }
    let [ana, beto, carla, dora, eva] = people[..] else { panic!("five") };
    accounts(world, (ana, beto)).await;
    let group = world.group(&[ana, beto, carla, dora]).await;
    messages(world, group, [ana, beto, carla], schema).await;
    changes(world, group, [ana, beto, carla]).await;
    calls(world, [ana, beto, carla], schema).await;
    events(world, group, [ana, beto, carla, dora, eva]).await;
    for (code, uses_left) in [("c0", None), ("c1", Some(3))] {
        let (chat, expires) = (group, uses_left.map(|_| after(MINUTE)));
        let code = code.to_owned();
        let invite = Invite { code, chat, by: carla, created: NOON, expires, uses_left };
        world.link(&invite).await;
    }
    world.store.hide(group, beto, &[2, 3]).await.expect("hides");
    world.store.advance(group, beto, Cursor::Read, 4).await.expect("advances");
    let muted_until = Some(Some(after(9)));
    let mine = MemberChange { pinned: Some(true), muted_until, ..MemberChange::default() };
    world.store.change_member(group, carla, mine).await.expect("changes");
}

async fn accounts(world: &World, (ana, beto): (UserId, UserId)) {
    let store = &world.store;
    store.block(ana, beto, NOON).await.expect("blocks");
    let change = ProfileChange {
        push_token: Some(Some(PushToken::stored("t".into()))),
        privacy: Some(Privacy { found_by_email: true, presence: false, receipts: true }),
        ..ProfileChange::default()
    };
    store.change_profile(beto, change, Some(vec!["beto".into()])).await.expect("changes");
    store.sign_up(&world.person("nobody yet")).await.expect("signs up");
    put(world, &document(world, ana, 70)).await;
}

/// Messages of every kind that people write, two to eight.
async fn messages(world: &World, group: ChatId, [ana, beto, carla]: [UserId; 3], schema: i64) {
    let (papers, clip) = (document(world, ana, 1), film(world, beto, 10));
    put(world, &papers).await;
    put(world, &clip).await;
    let hidden = (schema > 3).then_some(Origin::Hidden);
    let known = Origin::Known { from: carla, sent: after(-5) };
    for (from, content) in [
        (ana, text("hola \"todos\" \\ 👋\nlínea")),
        (beto, TextContent { reply_to: Some(2), ..text("sí") }),
        (ana, TextContent { mentions: vec![beto, carla], ..text("mirad") }),
        (ana, TextContent { mention_all: true, ..text("todos") }),
        (beto, with_files("", &[&clip, &papers])),
        (carla, TextContent { forwarded: Some(known), ..with_files("de allí", &[&papers]) }),
        (carla, TextContent { forwarded: hidden, ..text("de otro") }),
    ] {
        let mut new = world.new_message(group, from, content);
        new.client_msg_id = wechat::model::text::ClientMsgId::stored(new.id.to_string());
        world.append(new).await;
    }
}

async fn changes(world: &World, group: ChatId, [ana, beto, carla]: [UserId; 3]) {
    for (words, millis) in [("uno", 1), ("dos", 2), ("tres", 3)] {
        let body = Body::stored(words.into());
        let (mentions, at) = (vec![carla], after(millis));
        let edit = MessageChange::Edit { body, mentions, mention_all: false, at };
        world.change(group, 4, ana, edit).await;
    }
    for (user, emoji) in [(beto, "👍"), (ana, "❤️"), (carla, "👍"), (ana, "👍"), (beto, "🎉")]
    {
        world.react(group, 2, user, emoji, true).await;
    }
    world.react(group, 2, beto, "👍", false).await;
    world.react(group, 2, beto, "🎉", false).await;
    world.react(group, 3, beto, "🎉", true).await;
    world.react(group, 3, beto, "🎉", false).await;
    for (seq, by) in [(6, ana), (2, beto)] {
        world.change(group, seq, by, MessageChange::Pin(Some(Stamp { by, at: after(4) }))).await;
    }
    world.react(group, 5, carla, "👍", true).await;
    let pin = MessageChange::Pin(Some(Stamp { by: ana, at: after(5) }));
    world.change(group, 5, ana, pin).await;
    let delete = MessageChange::Delete(Stamp { by: ana, at: after(6) });
    world.change(group, 5, ana, delete).await;
    let delete = MessageChange::Delete(Stamp { by: carla, at: after(7) });
    world.change(group, 7, carla, delete).await;
    world.say(group, beto, "sigue").await;
}

async fn calls(world: &World, [ana, beto, carla]: [UserId; 3], schema: i64) {
    let report = Report {
        setup_ms: Some(400),
        local: Some(CandidateKind::Relay),
        remote: Some(CandidateKind::Host),
        relay_over: Some(RelayTransport::Tls),
        gathered: Gathered { host: true, reflexive: false, relay: true },
        failure: Some(Failure::IceFailed),
    };
    let party = |user, report| {
        let instance = Instance::parse("tab").ok().filter(|_| schema > 3);
        let device = Some(Device { session: SessionId(world.id()), instance });
        Party { user, device, via: None, seen: NOON, lost: false, report }
    };
    let call = |caller, callee, kind, state| Call {
        id: CallId(world.id()),
        chat: ChatId::direct(caller, callee),
        kind,
        caller: party(caller, Some(report)),
        callee: party(callee, None),
        started: NOON,
        state,
        rang: true,
        epoch: 2,
        fresh: false,
        version: 1,
    };
    let ended = |reason, talked| {
        CallState::Ended(End { reason, by: Some(Side::Caller), at: after(8), talked })
    };
    for other in [beto, carla] {
        world.direct(ana, other).await;
    }
    let talked = Some(Duration::from_millis(61_234));
    for over in [
        call(ana, beto, CallKind::Video, ended(EndReason::Hangup, talked)),
        call(carla, ana, CallKind::Voice, ended(EndReason::Missed, None)),
    ] {
        let record = CallRecord { message: MessageId(world.id()), known_to: vec![ana] };
        world.store.begin_call(&over, Some(record)).await.expect("begins");
    }
    let live = call(ana, carla, CallKind::Voice, CallState::Ringing);
    world.store.begin_call(&live, None).await.expect("begins");
}

/// Every event, and members of every state: Carla becomes the owner, Dora is banned, Eva comes and
/// goes.
async fn events(world: &World, group: ChatId, [ana, beto, carla, dora, eva]: [UserId; 5]) {
    let stands = |user, state, role| (user, state, role);
    let title = Title::stored("Peña \"nueva\"".into());
    for (by, event, members) in [
        (ana, SystemEvent::Renamed { title }, vec![]),
        (ana, SystemEvent::Described, vec![]),
        (ana, SystemEvent::AvatarChanged, vec![]),
        (ana, SystemEvent::SettingsChanged { public: false, history_shared: true }, vec![]),
        (
            ana,
            SystemEvent::MembersAdded { users: vec![eva] },
            vec![stands(eva, MemberState::Active, Role::Member)],
        ),
        (eva, SystemEvent::Left, vec![stands(eva, MemberState::Left, Role::Member)]),
        (
            eva,
            SystemEvent::Joined { by_invite: true },
            vec![stands(eva, MemberState::Active, Role::Member)],
        ),
        (
            ana,
            SystemEvent::MemberRemoved { user: eva },
            vec![stands(eva, MemberState::Left, Role::Member)],
        ),
        (
            ana,
            SystemEvent::MemberBanned { user: eva },
            vec![stands(eva, MemberState::Banned, Role::Member)],
        ),
        (
            ana,
            SystemEvent::MemberUnbanned { user: eva },
            vec![stands(eva, MemberState::Left, Role::Member)],
        ),
        (
            ana,
            SystemEvent::MemberBanned { user: dora },
            vec![stands(dora, MemberState::Banned, Role::Member)],
        ),
        (
            ana,
            SystemEvent::RoleChanged { user: beto, role: Role::Admin },
            vec![stands(beto, MemberState::Active, Role::Admin)],
        ),
        (
            ana,
            SystemEvent::OwnerChanged { user: carla },
            vec![
                stands(carla, MemberState::Active, Role::Owner),
                stands(ana, MemberState::Active, Role::Admin),
            ],
        ),
    ] {
        let step = world.step(group, by, event);
        world.done(wechat::store::GroupStep { members, ..step }).await;
    }
    let gone = world.group(&[beto, eva]).await;
    let mut step = world.step(gone, beto, SystemEvent::GroupDeleted { by_operators: false });
    step.change.deleted = Some(after(9));
    step.all_leave = true;
    world.done(step).await;
}
