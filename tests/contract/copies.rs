//! What one store holds, copied into another: equal by every digest, and everything keeps working
//! there.

use std::collections::HashMap;
use std::time::Duration;

use futures_util::future::join_all;
use wechat::error::Language;
use wechat::id::{CallId, ChatId, FileId, InvitationId, MessageId, SessionId, UserId};
use wechat::model::auth::{FirstProfile, Instance, LoginCode, Quota, Which};
use wechat::model::calls::{
    Call, CallKind, CallState, Device, End, EndReason, Party, RING_FOR, Side, Via,
};
use wechat::model::chats::{Announcement, GroupRules, Invite, MemberChange, Who};
use wechat::model::contacts::{AddedBy, Card, Strangers};
use wechat::model::messages::{Content, MessageChange, SystemEvent, Window};
use wechat::model::push::{Subscription, Target};
use wechat::model::text::{AnnouncementText, Body, Name, PushToken};
use wechat::model::users::{Privacy, ProfileChange};
use wechat::store::archive::{Digest, Part, Record};
use wechat::store::{
    Act, Appended, Asked, Begun, CallRecord, Cursor, Index, JoinAsk, Store, TieStep, Tied,
};

use crate::alerts;
use crate::changes;
use crate::chats::people;
use crate::door;
use crate::exports;
use crate::files;
use crate::operators;
use crate::pushes;
use crate::recoveries;
use crate::reports;
use crate::support::{MINUTE, NOON, World, after, email, text};
use crate::trends;

/// Small, so that every part has more than one page.
const PAGE: u32 = 3;

/// Every record of a part.
async fn records(store: &dyn Store, part: Part) -> Vec<Record> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.page(part, after.as_deref(), PAGE).await.expect("reads");
        assert!(page.records.len() <= PAGE as usize || page.next.is_none());
        all.extend(page.records);
        after = page.next;
        if after.is_none() {
            return all;
        }
    }
}

/// Every record, in an order in which it may be put.
pub async fn everything(store: &dyn Store) -> Vec<Vec<Record>> {
    let mut all = Vec::new();
    for part in Part::GLOBAL.into_iter().chain([Part::Chats]) {
        all.push(records(store, part).await);
    }
    for record in all.last().cloned().unwrap_or_default() {
        let Record::Chat(chat, _) = record else { panic!("a chat") };
        for part in Part::of_chat(chat.id) {
            all.push(records(store, part).await);
        }
    }
    all
}

/// Copies everything into an empty store, twice over, as one that is resumed would.
pub async fn copy(from: &World, to: &World) {
    let all = everything(&*from.store).await;
    for _ in 0..2 {
        for records in all.iter().filter(|records| !records.is_empty()) {
            to.store.put(records.clone()).await.expect("puts");
        }
    }
    to.take_over_ids(from);
}

/// Digests of every part, and of every chat.
async fn digests(store: &dyn Store) -> HashMap<String, Digest> {
    let mut digests: HashMap<String, Digest> = HashMap::new();
    for part in Part::GLOBAL.into_iter().chain([Part::Chats]) {
        digests.entry(part.name().into()).or_default();
        for record in records(store, part).await {
            digests.entry(part.name().into()).or_default().add(&record);
            let Record::Chat(chat, _) = record else { continue };
            for part in Part::of_chat(chat.id) {
                let name = format!("{} {}", chat.id, part.name());
                let digest = digests.entry(name).or_default();
                records(store, part).await.iter().for_each(|record| digest.add(record));
            }
        }
    }
    digests
}

fn call(world: &World, (caller, callee): (UserId, UserId), state: CallState) -> Call {
    let party = |user| {
        let instance = Instance::parse("tab").ok();
        let device = Some(Device { session: SessionId(world.id()), instance });
        Party { user, device, via: Some(Via(world.id())), seen: NOON, lost: false, report: None }
    };
    Call {
        id: CallId(world.id()),
        chat: ChatId::direct(caller, callee),
        kind: CallKind::Voice,
        caller: party(caller),
        callee: party(callee),
        started: NOON,
        state,
        rang: true,
        epoch: 2,
        fresh: false,
        version: 1,
    }
}

/// Files, used and not, and loose objects.
async fn fill_files(world: &World, group: ChatId, (ana, beto): (UserId, UserId)) {
    let store = &world.store;
    for number in 0..5 {
        files::put(world, &files::film(world, beto, number * 10)).await;
        files::put(world, &files::document(world, ana, number * 10 + 5)).await;
    }
    store.drop_unused(after(MINUTE), 2).await.expect("drops");
    store.drop_unused(after(MINUTE), 2).await.expect("drops");
    store.claim_object(files::digest(5)).await.expect("claims");
    let paper = files::document(world, ana, 90);
    files::put(world, &paper).await;
    world.send(group, ana, files::with_files("acta", &[&paper])).await;
    store.drop_unused(after(MINUTE), 99).await.expect("drops");
}

/// Reports, of which one was answered.
async fn fill_reports(world: &World, by: UserId) {
    for number in 0..4 {
        let one = reports::report(world, by, number);
        world.store.put_report(&one).await.expect("puts");
        if number == 2 {
            let answer = reports::answered(Some(by), after(9));
            world.store.step_report(one.id, 1, answer).await.expect("steps");
        }
    }
}

/// Rules, an announcement, a silence, and somebody who waits to be let in.
async fn fill_rules(world: &World, group: ChatId, (ana, carla): (UserId, UserId)) {
    let rules = GroupRules { write: Who::All, slow_s: 1, add: Who::All, approve: true };
    let mut step = world.step(group, ana, SystemEvent::RulesChanged { rules });
    step.change.rules = Some(rules);
    let text = AnnouncementText::stored("Martes".into());
    step.change.announcement = Some(Some(Announcement { text, by: ana, at: NOON, seq: 0 }));
    step.silence = Some((carla, Some(after(MINUTE))));
    world.done(step).await;
    let asker = world.user("asker").await;
    let ask = JoinAsk { chat: group, user: asker, rests_on: (true, rules), invite: None, at: NOON };
    assert!(matches!(world.store.ask_in(ask).await.expect("answers"), Asked::Done(_)));
    let named = MemberChange {
        nick: Some(Some(Name::stored("Ca".into()))),
        announcement_seen: Some(3),
        ..MemberChange::default()
    };
    world.store.change_member(group, carla, named).await.expect("changes");
}

/// Subscriptions, of which a session has several, and one that has none any more.
async fn fill_pushes(world: &World, people: &[UserId]) {
    for (number, &user) in (1..).zip(people) {
        let session = world.store.sessions(user).await.expect("reads")[0].id;
        let apns = |voip| Target::apns(&format!("0{number}"), "org.example.chat", voip, !voip);
        let targets = [pushes::web(number), apns(true).expect("fits"), apns(false).expect("fits")];
        for target in targets {
            let subscription = Subscription { session, user, target };
            assert!(world.store.put_push(&subscription).await.expect("puts"));
            if number == 2 {
                world.store.drop_push(&subscription).await.expect("drops");
            }
        }
    }
}

/// What people want to be told of; one of them wants mails and had one.
async fn fill_alerts(world: &World, people: &[UserId]) {
    let store = &world.store;
    for (number, &user) in (0..).zip(people) {
        let due = (number > 0).then(|| after(i64::from(number)));
        store.put_alerts(user, &alerts::all(number), due).await.expect("puts");
    }
    let due = store.mails_due(after(1), 1).await.expect("reads").remove(0);
    store.note_mail(&due, after(9), Some(after(1))).await.expect("notes");
}

/// A request that was refused, contacts, and what one of them calls the other.
async fn fill_ties(world: &World, [ana, beto, carla]: [UserId; 3]) {
    for (by, to, act) in
        [(ana, beto, Act::Write(world.id())), (ana, carla, Act::Meet), (beto, ana, Act::Refuse)]
    {
        let tied = world.store.tie(TieStep { by, to, act, at: after(4) }).await.expect("answers");
        assert!(matches!(tied, Tied::Done { .. }));
    }
    let remark = Some(Some(Name::stored("Hermana".into())));
    let mine = MemberChange { remark, ..MemberChange::default() };
    world.store.change_member(ChatId::direct(ana, carla), carla, mine).await.expect("changes");
}

/// A profile of which everything was changed.
fn profile() -> ProfileChange {
    ProfileChange {
        push_token: Some(Some(PushToken::stored("t".into()))),
        privacy: Some(Privacy { found_by_email: true, presence: false, receipts: false }),
        reach: Some(Strangers::Contacts),
        groups: Some(AddedBy::Contacts),
        card: Some(Some(Card { number: 3, adds: true })),
        ..ProfileChange::default()
    }
}

/// The code of a sign-up.
fn signing_up(world: &World) -> LoginCode {
    let profile = FirstProfile {
        name: Name::stored("Nobody yet".into()),
        avatar: Some(FileId(world.id())),
        push_token: Some(PushToken::stored("p".into())),
        language: Language::Spanish,
        invitation: Some(InvitationId(world.id())),
    };
    LoginCode { profile: Some(profile), ..world.code(&email("nobody yet"), None) }
}

/// Somebody who waits for their code, and what lets others in.
async fn newcomers(world: &World) {
    world.store.sign_up(&world.person("nobody yet")).await.expect("signs up");
    world.put_code(&signing_up(world)).await;
    door::put_some(world).await;
    let managed = world.user("managed").await;
    operators::put_some(world, managed).await;
}

/// What is put beside messages, by people who are in a group.
async fn fill_beside(world: &World, group: ChatId, people: &[UserId]) {
    fill_rules(world, group, (people[0], people[2])).await;
    fill_reports(world, people[0]).await;
    trends::fill(world).await;
    fill_pushes(world, &people[..4]).await;
    fill_alerts(world, &people[..3]).await;
    let export = exports::ready(world, people[1]);
    assert!(world.store.put_export(&export).await.expect("puts"));
    for user in &people[..4] {
        recoveries::make(world, *user, 3).await;
    }
    fill_files(world, group, (people[0], people[1])).await;
}

/// A little of everything that the random histories do not do; the live call and a group.
async fn fill(world: &World) -> (Call, ChatId) {
    let people = people(world, 6).await;
    let [ana, beto, carla, dora, eva, ..] = people[..] else { panic!("six") };
    let store = &world.store;
    for whom in &people[1..] {
        store.block(ana, *whom, NOON).await.expect("blocks");
    }
    store.unblock(ana, beto).await.expect("unblocks");
    newcomers(world).await;
    for number in 0..5 {
        let quota = Quota { key: format!("a/{number}"), limit: 9, window_ms: 60_000 };
        store.take(&[quota], NOON).await.expect("counts");
    }
    store
        .change_profile(beto, profile(), Some(vec!["b".into(), "beto".into()]))
        .await
        .expect("done");
    store.delete_user(eva, after(1)).await.expect("deletes");

    let group = world.group(&people[..4]).await;
    world.remove(group, ana, dora).await;
    for number in 0..4_u32 {
        let invite = Invite {
            code: format!("c{number}"),
            chat: group,
            by: ana,
            created: after(i64::from(number)),
            expires: (number == 1).then(|| after(MINUTE)),
            uses_left: (number > 1).then_some(number),
        };
        world.link(&invite).await;
    }
    store.remove_invite(group, "c3").await.expect("removes");
    for number in 0..8 {
        let said = world.say(group, people[number % 3], &format!("m {number}")).await;
        for (user, emoji) in [(ana, "👍"), (beto, "❤️"), (carla, "👍"), (ana, "😀")] {
            world.react(group, said.seq, user, emoji, true).await;
        }
        world.react(group, said.seq, ana, "👍", false).await;
    }
    let edit = |words: &str| MessageChange::Edit {
        body: Body::stored(words.into()),
        mentions: vec![beto],
        mention_all: false,
        at: after(2),
    };
    for words in ["one", "two", "three"] {
        world.change(group, 4, beto, edit(words)).await;
    }
    store.hide(group, carla, &[3, 4, 5, 6]).await.expect("hides");
    store.advance(group, beto, Cursor::Read, 7).await.expect("advances");
    let mine = MemberChange { pinned: Some(true), ..MemberChange::default() };
    store.change_member(group, carla, mine).await.expect("changes");
    fill_beside(world, group, &people).await;
    for peers in [(ana, beto), (beto, carla), (ana, carla)] {
        world.direct(peers.0, peers.1).await;
    }
    fill_ties(world, [ana, beto, carla]).await;
    let talked = Some(Duration::from_secs(9));
    let end = End { reason: EndReason::Hangup, by: Some(Side::Caller), at: after(3), talked };
    let over = call(world, (beto, carla), CallState::Ended(end));
    let record = CallRecord { message: MessageId(world.id()), known_to: vec![carla] };
    store.begin_call(&over, Some(record)).await.expect("begins");
    let live = call(world, (ana, carla), CallState::Ringing);
    assert_eq!(store.begin_call(&live, None).await.expect("begins"), Begun::Done(None));
    (live, group)
}

async fn is_equal_and_goes_on(from: &World, to: &World) {
    let (live, group) = fill(from).await;
    assert!(!from.store.is_empty().await.expect("reads"));
    assert!(to.store.is_empty().await.expect("reads"));
    copy(from, to).await;
    let (source, target) = (digests(&*from.store).await, digests(&*to.store).await);
    for part in Part::GLOBAL.into_iter().chain([Part::Chats]) {
        assert!(source[part.name()].count > 0, "there are {} to be copied", part.name());
    }
    assert_eq!(source, target);

    let users = (live.caller.user, live.callee.user);
    assert_eq!(to.store.live_call(users.0).await.expect("reads"), Some(live.clone()));
    let busy = to.store.begin_call(&call(to, users, CallState::Ringing), None).await;
    assert_eq!(busy.expect("answers"), Begun::Busy(live.clone()));
    let due = to.store.due_calls(after(RING_FOR.as_millis() as i64), 9).await.expect("reads");
    assert_eq!(due, [live]);
    let found = to.store.term_range(Index::Users, "b", "c", None, 9).await.expect("reads");
    assert_eq!(found, from.store.term_range(Index::Users, "b", "c", None, 9).await.expect("reads"));
    assert_eq!(found.len(), 2, "the old terms of beto are gone");
    let open = to.store.sessions(users.0).await.expect("reads");
    assert_eq!(to.store.session(open[0].token).await.expect("reads").as_ref(), Some(&open[0]));
    let found = to.store.subscribed(group, None, 9).await.expect("reads");
    assert_eq!(found, from.store.subscribed(group, None, 9).await.expect("reads"));
    assert_eq!(found.people.len(), 2, "who is still in the group, and subscribed");
    to.store.close_sessions(users.0, Which::All).await.expect("closes");
    let left = to.store.pushes_of(&[users.0]).await.expect("reads");
    assert!(left.is_empty(), "they go with their session there too");

    // A file is found where it stands, and is taken for used.
    let shown = from.store.history(group, users.0, Window::Before(None), 9).await.expect("reads");
    let shown = shown.expect("a member").into_iter().find_map(|row| match row.content {
        Content::Text(text) => text.attachments.into_iter().next(),
        _ => None,
    });
    let file = shown.expect("a message with a file").file;
    let views = [&from, &to].map(|world| world.store.file_view(file, users.1));
    let [source, target] = join_all(views).await.try_into().expect("two");
    let (source, target) = (source.expect("reads"), target.expect("reads"));
    assert!(target.as_ref().is_some_and(|view| view.in_sight));
    assert_eq!(source, target);
    to.store.keep_files(&[file], NOON).await.expect("keeps");
    to.store.drop_unused(after(MINUTE), 99).await.expect("drops");
    assert_eq!(to.store.files(&[file]).await.expect("reads").len(), 1);

    // A key that was used stays used, a new message takes the next seq, and a reaction counts on.
    let head = to.chat(group).await;
    let mut again = to.new_message(group, users.0, text("m 0"));
    again.id = MessageId(to.id());
    assert!(matches!(to.append(again).await, Appended::Repeated(_)));
    let next = to.say(group, users.0, "on").await;
    assert_eq!((next.seq, next.rev), (head.head_seq + 1, head.head_rev + 1));
    let before = to.store.changes_for_all(group, 0, 99).await.expect("reads");
    let row = before.rows.iter().find(|row| row.seq == 4).expect("there");
    let more = to.react(group, 4, users.0, "🎉", true).await;
    assert_eq!(more.reactions[..row.reactions.len()], row.reactions, "the order of emoji stays");
    assert_eq!(more.reactions.last().map(|reaction| reaction.emoji.as_str()), Some("🎉"));
    let links = to.store.invites(group).await.expect("reads");
    assert_eq!(links.iter().map(|link| link.code.as_str()).collect::<Vec<_>>(), ["c2", "c1", "c0"]);
}

macro_rules! copies {
    ($($name:ident: $from:path => $to:path;)*) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn is_equal_and_goes_on() {
                let (Some(from), Some(to)) = ($from().await, $to().await) else { return };
                super::is_equal_and_goes_on(&from, &to).await;
                from.ends().await;
                to.ends().await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn is_read_as_the_model_says() {
                for _ in 0..4 {
                    let (Some(from), Some(to)) = ($from().await, $to().await) else { return };
                    super::changes::a_history_goes_on_in_a_copy(&from, &to).await;
                    from.ends().await;
                    to.ends().await;
                }
            }
        }
    )*};
}

copies! {
    embedded_to_embedded: crate::support::embedded => crate::support::embedded;
    embedded_to_mongo: crate::support::embedded => crate::mongo::world;
    mongo_to_embedded: crate::mongo::world => crate::support::embedded;
    mongo_to_mongo: crate::mongo::world => crate::mongo::world;
}
