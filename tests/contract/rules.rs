//! Rules of a group: an ack means allowed, whoever writes at the same moment; and those who ask to
//! be let in.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::future::join_all;
use tokio::task::JoinSet;
use wechat::clock::Time;
use wechat::id::{ChatId, MessageId, ObjectId, UserId};
use wechat::model::chats::{
    Announcement, GroupRules, Invite, MemberChange, MemberState, REQUESTS, Role, Who,
};
use wechat::model::messages::{MessageChange, NewMessage, SystemEvent};
use wechat::model::text::{AnnouncementText, Body, ClientMsgId, Name};
use wechat::store::{Appended, Asked, Changed, GroupStep, Hush, JoinAsk, Stepped, Store};

use crate::chats::people;
use crate::support::{MINUTE, NOON, World, after, guard, text};

/// So many write at once.
const WRITERS: usize = 64;

fn ruled(world: &World, group: ChatId, by: UserId, rules: GroupRules) -> GroupStep {
    let mut step = world.step(group, by, SystemEvent::RulesChanged { rules });
    step.change.rules = Some(rules);
    step
}

fn silenced(
    world: &World,
    (group, by): (ChatId, UserId),
    user: UserId,
    until: Option<Time>,
) -> GroupStep {
    let mut step = world.step(group, by, SystemEvent::MemberSilenced { user, until });
    step.silence = Some((user, until));
    step
}

/// The answer to a message that is taken at a moment.
async fn says(world: &World, chat: ChatId, from: UserId, (words, at): (&str, i64)) -> Appended {
    let new = world.new_message(chat, from, text(words));
    world.append(NewMessage { sent: after(at), ..new }).await
}

fn is_stored(answer: &Appended) -> bool {
    matches!(answer, Appended::Stored { .. })
}

pub async fn rules_and_a_notice_come_back_and_stay_until_they_change(world: &World) {
    let people = people(world, 2).await;
    let group = world.group(&people).await;
    assert_eq!(world.chat(group).await.rules, GroupRules::default());
    let rules = GroupRules { write: Who::Admins, slow_s: 3_600, add: Who::All, approve: true };
    let (_, chat) = world.done(ruled(world, group, people[0], rules)).await;
    assert_eq!((chat.rules, chat.meta_rev), (rules, 2));
    let text = AnnouncementText::stored("Martes a las 8".into());
    let announcement = Announcement { text, by: people[0], at: after(5), seq: 0 };
    let mut step = world.step(group, people[0], SystemEvent::AnnouncementChanged);
    step.change.announcement = Some(Some(announcement.clone()));
    let (message, chat) = world.done(step).await;
    let announcement = Announcement { seq: message.seq, ..announcement };
    assert_eq!(
        (chat.announcement.as_ref(), chat.rules),
        (Some(&announcement), rules),
        "by its message"
    );
    assert_eq!(world.chat(group).await, chat);
    let row = world.store.memberships(people[1]).await.expect("reads").pop().expect("in it");
    assert_eq!(row.chat, chat);

    let seen = |seq| MemberChange { announcement_seen: Some(seq), ..MemberChange::default() };
    let change = async |change| {
        let member = world.store.change_member(group, people[1], change).await.expect("changes");
        member.expect("a member")
    };
    assert_eq!(change(seen(99)).await.announcement_seen, chat.head_seq, "at most the head");
    assert_eq!(change(seen(1)).await.announcement_seen, chat.head_seq, "only grows");
    let nick = |nick: Option<&str>| MemberChange {
        nick: Some(nick.map(|nick| Name::stored(nick.into()))),
        ..MemberChange::default()
    };
    let named = change(nick(Some("Bea"))).await;
    assert_eq!(named.nick.as_ref().map(Name::as_str), Some("Bea"));
    assert_eq!(world.member(group, people[1]).await, named);
    assert_eq!(change(nick(None)).await.nick, None);

    let mut step = world.step(group, people[0], SystemEvent::AnnouncementChanged);
    step.change.announcement = Some(None);
    assert_eq!(world.done(step).await.1.announcement, None);
    let (_, chat) = world.done(ruled(world, group, people[0], GroupRules::default())).await;
    assert_eq!((chat.announcement, chat.rules), (None, GroupRules::default()));
}

pub async fn only_admins_write_where_the_rules_say_so(world: &World) {
    let people = people(world, 3).await;
    let (ana, beto, carla) = (people[0], people[1], people[2]);
    let group = world.group(&people).await;
    let before = world.say(group, beto, "hola").await;
    let mut step = world.step(group, ana, SystemEvent::Described);
    step.members = vec![(carla, MemberState::Active, Role::Admin)];
    world.done(step).await;
    let announces = GroupRules { write: Who::Admins, ..GroupRules::default() };
    world.done(ruled(world, group, ana, announces)).await;
    let hushed = Appended::Hushed(Hush::AdminsOnly);
    assert_eq!(says(world, group, beto, ("no", 1)).await, hushed);
    for admin in [ana, carla] {
        assert!(is_stored(&says(world, group, admin, ("sí", 1)).await));
    }
    let repeat = world.append(world.new_message(group, beto, text("hola"))).await;
    assert_eq!(repeat, Appended::Repeated(before.clone()), "it was stored before the rule");
    let edit = MessageChange::Edit {
        body: Body::stored("adiós".into()),
        mentions: Vec::new(),
        mention_all: false,
        at: after(2),
    };
    let changed = world.store.change(group, before.seq, beto, edit.clone()).await;
    assert_eq!(changed.expect("answers"), Changed::Hushed(Hush::AdminsOnly));
    world.react(group, before.seq, beto, "👍", true).await;
    world.done(ruled(world, group, ana, GroupRules::default())).await;
    world.change(group, before.seq, beto, edit).await;
    assert!(is_stored(&says(world, group, beto, ("por fin", 3)).await));
}

pub async fn a_silenced_member_says_nothing_until_then(world: &World) {
    let people = people(world, 2).await;
    let (ana, beto) = (people[0], people[1]);
    let group = world.group(&people).await;
    let before = world.say(group, beto, "hola").await;
    let until = after(MINUTE);
    let (message, _) = world.done(silenced(world, (group, ana), beto, Some(until))).await;
    assert_eq!(world.member(group, beto).await.silent_until, Some(until));
    assert!(world.store.inbox(beto, 0, 9).await.expect("reads").rows[0].member.rev > 1);
    let hushed = Hush::SilentUntil(until);
    assert_eq!(says(world, group, beto, ("no", MINUTE - 1)).await, Appended::Hushed(hushed));
    assert!(is_stored(&says(world, group, ana, ("ella sí", 1)).await));
    let edit = |at| MessageChange::Edit {
        body: Body::stored(format!("{at}")),
        mentions: Vec::new(),
        mention_all: false,
        at: after(at),
    };
    let changed = world.store.change(group, before.seq, beto, edit(1)).await.expect("answers");
    assert_eq!(changed, Changed::Hushed(hushed));
    // Going and coming back does not end it.
    world.remove(group, ana, beto).await;
    world.add(group, ana, beto).await;
    assert_eq!(says(world, group, beto, ("vuelvo", 2)).await, Appended::Hushed(hushed));
    assert!(is_stored(&says(world, group, beto, ("ahora", MINUTE)).await));
    world.change(group, before.seq, beto, edit(MINUTE)).await;
    world.done(silenced(world, (group, ana), beto, Some(after(9 * MINUTE)))).await;
    world.done(silenced(world, (group, ana), beto, None)).await;
    assert!(is_stored(&says(world, group, beto, ("libre", MINUTE + 1)).await));
    assert!(message.seq > before.seq);
}

/// Writes over and over until it is hushed; the seqs of what was stored. `ready` counts those who
/// have written twice.
async fn writes_on(
    store: Arc<dyn Store>,
    like: NewMessage,
    ready: Arc<AtomicUsize>,
    (round, number): (u8, usize),
) -> Vec<u64> {
    let mut seqs = Vec::new();
    loop {
        let mut id = [0x70 + round; 12];
        id[1] = number as u8;
        id[8..].copy_from_slice(&(seqs.len() as u32).to_be_bytes());
        let words = format!("{round}-{number}-{}", seqs.len());
        let new = NewMessage {
            id: MessageId(ObjectId(id)),
            client_msg_id: ClientMsgId::stored(words.clone()),
            content: text(&words),
            ..like.clone()
        };
        match store.append(new).await.expect("queues").await.expect("answers") {
            Appended::Stored { message, .. } => seqs.push(message.seq),
            Appended::Hushed(_) => return seqs,
            other => panic!("{other:?}"),
        }
        if seqs.len() == 2 {
            ready.fetch_add(1, Ordering::SeqCst);
        }
    }
}

/// Many write over and over until each is hushed, and the step comes while they do: what was stored
/// came before it.
async fn storm(world: &World, group: ChatId, writers: &[UserId], (round, step): (u8, GroupStep)) {
    let ready = Arc::new(AtomicUsize::new(0));
    let mut storm = JoinSet::new();
    for number in 0..WRITERS {
        let from = writers[number % writers.len()];
        let like = world.new_message(group, from, text("like"));
        let store: Arc<dyn Store> = world.store.clone();
        storm.spawn(writes_on(store, like, ready.clone(), (round, number)));
    }
    while ready.load(Ordering::SeqCst) < WRITERS {
        assert!(storm.try_join_next().is_none(), "nothing hushes anybody yet");
        tokio::task::yield_now().await;
    }
    let (told, _) = world.done(step).await;
    while let Some(seqs) = storm.join_next().await {
        let seqs = seqs.expect("ends");
        assert!(seqs.iter().all(|seq| *seq < told.seq), "{seqs:?} after the rule, {}", told.seq);
    }
}

pub async fn nothing_is_acked_after_a_rule_was(world: &World) {
    let people = people(world, 1 + WRITERS).await;
    let (ana, others) = (people[0], &people[1..]);
    let group = world.group(&people).await;
    let free = |world: &World| ruled(world, group, ana, GroupRules::default());
    let silence = silenced(world, (group, ana), others[0], Some(after(MINUTE)));
    storm(world, group, &others[..1], (0, silence)).await;
    let announces = GroupRules { write: Who::Admins, ..GroupRules::default() };
    let step = ruled(world, group, ana, announces);
    storm(world, group, &others[1..], (1, step)).await;
    world.done(free(world)).await;
    // All of them have written at that moment, so slow mode leaves none of them another message.
    let slow = GroupRules { slow_s: 30, ..GroupRules::default() };
    let step = ruled(world, group, ana, slow);
    storm(world, group, &others[1..], (2, step)).await;
}

pub async fn slow_mode_is_exact_when_one_person_sends_many_at_once(world: &World) {
    let people = people(world, 2).await;
    let (ana, beto) = (people[0], people[1]);
    let group = world.group(&people).await;
    let slow = GroupRules { slow_s: 30, ..GroupRules::default() };
    world.done(ruled(world, group, ana, slow)).await;
    let mut sent = BTreeMap::new();
    for round in 0..4_i64 {
        let many = (0..WRITERS as i64).map(|number| {
            let at = round * 29_970 + number;
            let new = world.new_message(group, beto, text(&format!("{round} {number}")));
            world.append(NewMessage { sent: after(at), ..new })
        });
        for answer in join_all(many).await {
            match answer {
                Appended::Stored { message, .. } => {
                    sent.insert(message.seq, message.sent);
                }
                Appended::Hushed(Hush::SlowUntil(_)) => {}
                other => panic!("{other:?}"),
            }
        }
    }
    let times: Vec<Time> = sent.into_values().collect();
    assert!(times.len() >= 3, "{times:?}");
    assert!(times.windows(2).all(|pair| pair[1] >= Time(pair[0].0 + 30_000)), "{times:?}");
    for number in 0..9 {
        assert!(is_stored(&says(world, group, ana, (&format!("a{number}"), number)).await));
    }
    // A repeat of what was stored is answered, and deleting it frees nobody.
    let last = world.store.latest(beto, &[group]).await.expect("reads");
    assert_eq!(last[0].from, ana);
    let (first, at) = ("otro", 600_000);
    let answer = says(world, group, beto, (first, at)).await;
    let Appended::Stored { message, .. } = answer else { panic!("{answer:?}") };
    let repeat = says(world, group, beto, (first, at + 1)).await;
    assert_eq!(repeat, Appended::Repeated(message.clone()));
    let stamp = wechat::model::messages::Stamp { by: beto, at: after(at + 2) };
    world.change(group, message.seq, beto, MessageChange::Delete(stamp)).await;
    let hushed = Appended::Hushed(Hush::SlowUntil(after(at + 30_000)));
    assert_eq!(says(world, group, beto, ("más", at + 3)).await, hushed);
    // So does going and coming back.
    world.remove(group, ana, beto).await;
    let mut step = world.step(group, beto, SystemEvent::Joined { by_invite: false });
    step.members = vec![(beto, MemberState::Active, Role::Member)];
    step.at = after(at + 5);
    world.done(step).await;
    let hushed = Appended::Hushed(Hush::SlowUntil(after(at + 30_005)));
    assert_eq!(says(world, group, beto, ("más", at + 6)).await, hushed);
}

pub async fn a_step_that_rests_on_rules_needs_them_to_be_so(world: &World) {
    let people = people(world, 2).await;
    let group = world.group(&people[..1]).await;
    let approve = GroupRules { approve: true, ..GroupRules::default() };
    let join = |rests_on| {
        let mut step = world.step(group, people[1], SystemEvent::Joined { by_invite: false });
        step.members = vec![(people[1], MemberState::Active, Role::Member)];
        step.rests_on = Some(rests_on);
        step
    };
    world.done(ruled(world, group, people[0], approve)).await;
    for stale in [(true, GroupRules::default()), (false, approve)] {
        let answer = world.store.step(join(stale)).await.expect("answers");
        assert_eq!(answer, Stepped::Stale);
    }
    world.done(join((true, approve))).await;
}

fn ask(group: ChatId, user: UserId, rules: GroupRules) -> JoinAsk {
    JoinAsk { chat: group, user, rests_on: (true, rules), invite: None, at: after(7) }
}

pub async fn admins_are_those_who_lead_a_group_and_are_in_it(world: &World) {
    let people = people(world, 4).await;
    let (ana, beto, carla) = (people[0], people[1], people[2]);
    let group = world.group(&people).await;
    let admins = async |limit| world.store.admins(group, limit).await.expect("reads").expect("one");
    assert_eq!(admins(9).await, (1, vec![ana]));
    for admin in [beto, carla] {
        let mut step = world.step(group, ana, SystemEvent::Described);
        step.members = vec![(admin, MemberState::Active, Role::Admin)];
        world.done(step).await;
    }
    let mut all = vec![ana, beto, carla];
    all.sort_unstable();
    assert_eq!(admins(9).await, (3, all.clone()));
    assert_eq!(admins(2).await.1, all[..2]);
    world.remove(group, ana, carla).await;
    all.retain(|user| *user != carla);
    assert_eq!(admins(9).await, (4, all), "who was removed leads nobody");
    assert_eq!(world.store.admins(ChatId(world.id()), 9).await.expect("answers"), None);
}

pub async fn who_asks_waits_and_is_let_in_or_refused(world: &World) {
    let people = people(world, 4).await;
    let (ana, beto, carla, dora) = (people[0], people[1], people[2], people[3]);
    let group = world.group(&[ana, dora]).await;
    let rules = GroupRules { approve: true, ..GroupRules::default() };
    world.done(ruled(world, group, ana, rules)).await;
    let before = world.chat(group).await;
    let asks = async |ask| world.store.ask_in(ask).await.expect("answers");
    assert_eq!(asks(ask(group, beto, GroupRules::default())).await, Asked::Stale);
    assert_eq!(asks(ask(group, dora, rules)).await, Asked::Stale, "a member");
    assert_eq!(asks(ask(ChatId(world.id()), beto, rules)).await, Asked::Gone);
    let Asked::Done(waits) = asks(ask(group, beto, rules)).await else { panic!("waits") };
    assert_eq!((waits.state, waits.since, waits.rev), (MemberState::Requested, after(7), 1));
    assert_eq!(asks(ask(group, beto, rules)).await, Asked::Done(waits.clone()), "again");
    assert_eq!(world.chat(group).await, before, "the log tells nothing of it");
    let inbox = world.store.inbox(beto, 0, 9).await.expect("reads");
    assert_eq!(inbox.rows.iter().map(|row| row.member.clone()).collect::<Vec<_>>(), [waits]);
    assert!(world.store.memberships(beto).await.expect("reads").is_empty());
    let refused = world.append(world.new_message(group, beto, text("ya"))).await;
    assert_eq!(refused, Appended::NotMember);

    let Asked::Done(_) = asks(ask(group, carla, rules)).await else { panic!("waits") };
    let waiting = async || {
        let rows = world.store.requests(group).await.expect("reads");
        rows.into_iter().map(|row| row.user).collect::<Vec<_>>()
    };
    assert_eq!(waiting().await, [beto, carla]);
    let for_whom = async |user| world.store.waiting_for(user).await.expect("reads");
    assert_eq!(for_whom(ana).await, [(group, 2)]);
    assert!(for_whom(dora).await.is_empty() && for_whom(beto).await.is_empty(), "no admins");
    let ended = world.store.end_request(group, carla).await.expect("ends").expect("waited");
    assert_eq!((ended.state, ended.rev), (MemberState::Removed, 2));
    assert_eq!(world.store.end_request(group, carla).await.expect("answers"), None);
    assert_eq!(world.store.end_request(group, dora).await.expect("answers"), None, "a member");

    let mut step = world.step(group, ana, SystemEvent::LetIn { user: beto });
    step.guards = vec![guard(beto, MemberState::Requested, Role::Member)];
    step.members = vec![(beto, MemberState::Active, Role::Member)];
    let (message, chat) = world.done(step).await;
    let member = world.member(group, beto).await;
    assert_eq!((member.join_seq, member.state), (message.seq, MemberState::Active));
    assert_eq!((chat.member_count, waiting().await), (3, Vec::new()));
    let Asked::Done(_) = asks(ask(group, carla, rules)).await else { panic!("waits again") };
    let mut end = world.step(group, ana, SystemEvent::GroupDeleted { by_operators: false });
    (end.all_leave, end.change.deleted) = (true, Some(after(9)));
    world.done(end).await;
    assert_eq!(world.member(group, carla).await.state, MemberState::Left, "nobody waits");
    assert_eq!(asks(ask(group, carla, rules)).await, Asked::Gone);
}

pub async fn so_many_wait_and_a_link_is_used_up_by_asking(world: &World) {
    let people = people(world, REQUESTS as usize + 3).await;
    let ana = people[0];
    let (group, other) = (world.group(&[ana]).await, world.group(&[ana]).await);
    let rules = GroupRules { approve: true, ..GroupRules::default() };
    for group in [group, other] {
        world.done(ruled(world, group, ana, rules)).await;
    }
    let answers =
        join_all(people[1..].iter().map(|user| world.store.ask_in(ask(group, *user, rules))));
    let full = answers.await.into_iter().filter(|answer| matches!(answer, Ok(Asked::Full))).count();
    assert_eq!(full, 2);
    assert_eq!(world.store.requests(group).await.expect("reads").len(), REQUESTS as usize);

    let link = Invite {
        code: "one".into(),
        chat: other,
        by: ana,
        created: NOON,
        expires: None,
        uses_left: Some(1),
    };
    world.link(&link).await;
    let by_link = |user, code: &str, role| JoinAsk {
        invite: Some((code.into(), ana, role)),
        ..ask(other, user, rules)
    };
    let asks = async |ask| world.store.ask_in(ask).await.expect("answers");
    assert_eq!(asks(by_link(people[1], "none", Role::Owner)).await, Asked::InviteGone);
    assert_eq!(asks(by_link(people[1], "one", Role::Admin)).await, Asked::Stale);
    let Asked::Done(_) = asks(by_link(people[1], "one", Role::Owner)).await else {
        panic!("waits")
    };
    assert_eq!(asks(by_link(people[2], "one", Role::Owner)).await, Asked::InviteGone);
    let used = world.store.invite("one").await.expect("reads").expect("is there");
    assert_eq!(used.uses_left, Some(0));
}
