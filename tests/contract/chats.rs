//! Chats, members, cursors, the inbox, mentions, invitation links.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::time::Duration;

use futures_util::future::join_all;
use wechat::clock::Time;
use wechat::error::Code;
use wechat::id::{ChatId, MessageId, UserId};
use wechat::model::chats::{
    ChatKind, Followed, InboxRow, Invite, Level, MemberChange, MemberState, Role,
};
use wechat::model::messages::{MessageChange, NewMessage, Stamp, SystemEvent};
use wechat::model::text::{Body, Title};
use wechat::store::{Cursor, Founded, ListPart, Progress};

use crate::support::{MINUTE, NOON, World, after, text};

pub async fn people(world: &World, count: usize) -> Vec<UserId> {
    let mut people = Vec::new();
    for number in 0..count {
        people.push(world.user(&format!("person{number}")).await);
    }
    people
}

pub async fn a_direct_chat_is_opened_once(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let orders = [(ana, beto), (beto, ana)];
    let opened =
        join_all((0..20).map(|n| world.store.open_direct(orders[n % 2], None, NOON))).await;
    let opened: Vec<_> =
        opened.into_iter().map(|chat| chat.expect("opens").expect("both are there")).collect();
    assert!(opened.iter().all(|chat| *chat == opened[0]));
    let chat = &opened[0];
    assert_eq!((chat.id, chat.kind), (ChatId::direct(ana, beto), ChatKind::Direct));
    assert_eq!((chat.peers, chat.member_count), (Some((ana, beto)), 2));
    assert_eq!((chat.head_seq, chat.head_rev, chat.active_at), (0, 0, NOON));
    for user in [ana, beto] {
        let rows = world.store.memberships(user).await.expect("reads");
        assert_eq!(rows.len(), 1);
        assert_eq!((rows[0].member.join_seq, rows[0].member.rev), (1, 1));
        assert_eq!(rows[0].chat, *chat);
    }
}

pub async fn a_group_is_created_once(world: &World) {
    let people = people(world, 3).await;
    let chat = world.blank_group(people[0]);
    let members = [(people[0], Role::Owner), (people[1], Role::Admin), (people[2], Role::Member)];
    let event = SystemEvent::GroupCreated { title: Title::stored("Peña".into()) };
    let id = MessageId(world.id());
    let create =
        || world.store.create_group(&chat, &members, vec!["pena".into()], id, event.clone());
    let Founded::Done(message, created) = create().await.expect("creates") else { panic!("new") };
    assert_eq!((message.seq, message.rev, message.from, message.id), (1, 1, people[0], id));
    assert_eq!(message.content, wechat::model::messages::Content::System(event.clone()));
    assert_eq!((created.head_seq, created.head_rev, created.member_count), (1, 1, 3));
    assert_eq!((created.about, created.owner), (chat.about.clone(), Some(people[0])));
    world.say(chat.id, people[1], "hola").await;
    let Founded::Known(again, now) = create().await.expect("answers") else { panic!("known") };
    assert_eq!((again, now.head_seq), (message, 2));
    let listed = world.store.members(chat.id, None, 10).await.expect("reads");
    let listed: Vec<_> = listed.iter().map(|m| (m.user, m.role, m.join_seq, m.own_seq)).collect();
    let (owner, admin) = ((people[0], Role::Owner, 1, 1), (people[1], Role::Admin, 1, 2));
    assert_eq!(listed, [owner, admin, (people[2], Role::Member, 1, 0)]);
}

pub async fn members_come_in_the_order_of_their_ids(world: &World) {
    let mut everybody = people(world, 7).await;
    let owner = everybody[3];
    everybody.swap(0, 3);
    let chat = world.group(&everybody).await;
    world.remove(chat, owner, everybody[5]).await;
    everybody.remove(5);
    everybody.sort();
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let page = world.store.members(chat, after, 2).await.expect("reads");
        let Some(last) = page.last() else { break };
        after = Some(last.user);
        found.extend(page.into_iter().map(|member| member.user));
    }
    assert_eq!(found, everybody);
    let nowhere = world.store.members(ChatId(world.id()), None, 2).await.expect("reads");
    assert!(nowhere.is_empty());
}

pub async fn cursors_only_grow_and_stay_below_the_head(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    for number in 0..10 {
        world.say(chat, ana, &format!("m{number}")).await;
    }
    let advance = |cursor, seq| world.store.advance(chat, beto, cursor, seq);
    let member = advance(Cursor::Delivered, 4).await.expect("moves").expect("moved");
    assert_eq!((member.delivered_seq, member.read_seq), (4, 0));
    let member = advance(Cursor::Read, 7).await.expect("moves").expect("moved");
    assert_eq!((member.delivered_seq, member.read_seq, member.unread(10, 0)), (7, 7, 3));
    assert_eq!(advance(Cursor::Read, 6).await.expect("answers"), None);
    assert_eq!(advance(Cursor::Delivered, 7).await.expect("answers"), None);
    let rev = member.rev;
    let member = advance(Cursor::Read, u64::MAX).await.expect("moves").expect("moved");
    assert_eq!((member.delivered_seq, member.read_seq, member.unread(10, 0)), (10, 10, 0));
    assert_eq!(member.rev, rev + 1, "what had no effect took no rev");
    assert_eq!(world.member(chat, beto).await, member);
    let stranger = UserId(world.id());
    let refused = world.store.advance(chat, stranger, Cursor::Read, 1).await;
    assert_eq!(refused.expect("answers"), None);
}

pub async fn racing_cursors_end_at_the_highest(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    for number in 0..50 {
        world.say(chat, ana, &format!("m{number}")).await;
    }
    let moves = (0..50).map(|n| world.store.advance(chat, beto, Cursor::Read, (n * 17) % 50 + 1));
    let mut revs = HashSet::new();
    for moved in join_all(moves).await {
        if let Some(member) = moved.expect("answers") {
            assert!(revs.insert(member.rev), "no rev twice");
        }
    }
    assert_eq!(world.member(chat, beto).await.read_seq, 50);
}

pub async fn what_a_member_sets_for_itself(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let chat = world.direct(ana, beto).await;
    for number in 0..5 {
        world.say(chat, ana, &format!("m{number}")).await;
    }
    let change = MemberChange {
        muted_until: Some(Some(after(MINUTE))),
        alerts: Some(Some(Level::Nothing)),
        pinned: Some(true),
        hide_seq: Some(3),
        ..MemberChange::default()
    };
    let set = |change| world.store.change_member(chat, beto, change);
    let member = set(change.clone()).await.expect("changes").expect("a member");
    assert_eq!((member.muted_until, member.pinned), (Some(after(MINUTE)), true));
    assert_eq!(member.alerts, Some(Level::Nothing));
    for level in [Level::Mentions, Level::All, Level::Nothing] {
        let change = MemberChange { alerts: Some(Some(level)), ..MemberChange::default() };
        assert_eq!(set(change).await.expect("changes").and_then(|row| row.alerts), Some(level));
    }
    let member = world.member(chat, beto).await;
    assert_eq!((member.hide_seq, member.unread(5, 0), member.rev), (3, 2, 5));
    assert_eq!(set(change).await.expect("changes"), Some(member.clone()), "no effect, no rev");
    let back = MemberChange { hide_seq: Some(1), ..MemberChange::default() };
    assert_eq!(set(back).await.expect("changes"), Some(member), "it only grows");
    let unset = MemberChange {
        muted_until: Some(None),
        alerts: Some(None),
        pinned: Some(false),
        hide_seq: Some(u64::MAX),
        ..MemberChange::default()
    };
    let member = set(unset).await.expect("changes").expect("a member");
    assert_eq!((member.muted_until, member.pinned, member.hide_seq), (None, false, 5));
    assert_eq!(member.alerts, None);
    let stranger = world.store.change_member(chat, UserId(world.id()), MemberChange::default());
    assert_eq!(stranger.await.expect("answers"), None);
}

pub async fn the_inbox_tells_each_change_of_a_member_row_once(world: &World) {
    let people = people(world, 4).await;
    let ana = people[0];
    let mut chats = Vec::new();
    for &other in &people[1..] {
        chats.push(world.direct(ana, other).await);
    }
    let group = world.group(&people).await;
    chats.push(group);
    world.say(chats[0], people[1], "hola").await;
    world.store.advance(chats[0], ana, Cursor::Read, 1).await.expect("moves");
    world.remove(group, people[1], ana).await;

    let (mut found, mut reached) = (Vec::new(), 0);
    loop {
        let page = world.store.inbox(ana, reached, 2).await.expect("reads");
        assert_eq!(page.rev, 6, "four joins, a cursor, a removal");
        for row in page.rows {
            assert!(row.member.rev > reached);
            assert_eq!(row.chat, world.chat(row.chat.id).await);
            reached = row.member.rev;
            found.push((row.chat.id, row.member.state));
        }
        if !page.more {
            break;
        }
    }
    let (here, gone) = (MemberState::Active, MemberState::Left);
    let expected = [(chats[1], here), (chats[2], here), (chats[0], here), (group, gone)];
    assert_eq!(found, expected);
    let rest = world.store.inbox(ana, 6, 10).await.expect("reads");
    assert_eq!((rest.rows.len(), rest.rev, rest.more), (0, 6, false));
    let listed = world.store.memberships(ana).await.expect("reads");
    let mut followed = world.store.followed(ana).await.expect("reads");
    let mut expected: Vec<_> = listed.iter().map(Followed::from).collect();
    followed.sort_by_key(|row| row.chat);
    expected.sort_by_key(|row| row.chat);
    assert_eq!(followed, expected);
    let listed: HashSet<_> = listed.into_iter().map(|row| row.chat.id).collect();
    assert_eq!(listed, chats[..3].iter().copied().collect());
    let nobody = world.store.inbox(UserId(world.id()), 0, 10).await.expect("reads");
    assert_eq!((nobody.rows.len(), nobody.rev), (0, 0));
}

pub async fn a_message_moves_no_inbox(world: &World) {
    let people = people(world, 3).await;
    let group = world.group(&people).await;
    for number in 0..5 {
        world.say(group, people[0], &format!("m{number}")).await;
    }
    for &user in &people {
        assert_eq!(world.store.inbox(user, 0, 10).await.expect("reads").rev, 1);
    }
}

pub async fn mentions_are_counted_exactly(world: &World) {
    let people = people(world, 3).await;
    let (ana, beto, carla) = (people[0], people[1], people[2]);
    let group = world.group(&people).await;
    let count = async |user, after| {
        let other = ChatId(world.id());
        let counts = world.store.mentions(user, &[(group, after), (other, 0)]).await;
        let counts = counts.expect("reads");
        assert_eq!(counts[1], 0, "an unknown chat has none");
        counts[0]
    };
    let mut named = text("hola Beto");
    named.mentions = vec![beto, beto, ana];
    let first = world.send(group, ana, named.clone()).await;
    assert_eq!((count(ana, 0).await, count(beto, 0).await), (0, 1), "nobody mentions oneself");
    let mut all = text("hola a todos");
    all.mention_all = true;
    all.mentions = vec![beto];
    let second = world.send(group, ana, all).await;
    assert_eq!([count(ana, 0).await, count(beto, 0).await, count(carla, 0).await], [0, 2, 1]);
    assert_eq!(count(beto, first.seq).await, 1);
    assert_eq!(count(beto, second.seq).await, 0);
    let edit = MessageChange::Edit {
        body: Body::stored("hola Carla".into()),
        mentions: vec![carla],
        mention_all: false,
        at: after(MINUTE),
    };
    world.change(group, first.seq, ana, edit).await;
    assert_eq!([count(beto, 0).await, count(carla, 0).await], [1, 2]);
    let gone = MessageChange::Delete(Stamp { by: ana, at: after(MINUTE) });
    world.change(group, second.seq, ana, gone).await;
    assert_eq!([count(beto, 0).await, count(carla, 0).await], [0, 1]);
}

pub async fn progress_tells_how_far_those_are_who_show_it(world: &World) {
    let people = people(world, 5).await;
    let (ana, beto, carla, quiet) = (people[0], people[1], people[2], people[3]);
    let group = world.group(&people[..4]).await;
    let message = world.say(group, ana, "hola").await;
    world.add(group, ana, people[4]).await;
    let change = wechat::model::users::ProfileChange {
        privacy: Some(wechat::model::users::Privacy { receipts: false, ..Default::default() }),
        ..Default::default()
    };
    world.store.change_profile(quiet, change, None).await.expect("changes");
    for user in [beto, quiet, people[4]] {
        world.store.advance(group, user, Cursor::Read, message.seq).await.expect("moves");
    }
    world.store.advance(group, carla, Cursor::Delivered, message.seq).await.expect("moves");
    let progress = async || {
        let found = world.store.progress(group).await.expect("reads");
        let row = |row: &Progress| (row.user, row.join_seq, row.delivered_seq, row.read_seq);
        found.iter().map(row).collect::<Vec<_>>()
    };
    let late = (people[4], 3, 2, 2);
    assert_eq!(progress().await, [(ana, 1, 3, 3), (beto, 1, 2, 2), (carla, 1, 2, 0), late]);
    let answer = world.say(group, carla, "hola Ana").await.seq;
    world.remove(group, ana, beto).await;
    let after = progress().await;
    assert_eq!(after[1..], [(carla, 1, answer, answer), late], "who writes has read what is above");
    assert_eq!(world.store.progress(ChatId(world.id())).await.expect("reads"), []);
}

pub async fn invitation_links(world: &World) {
    let people = people(world, 1).await;
    let (group, other) = (world.group(&people).await, world.group(&people).await);
    let mut links = Vec::new();
    for (number, uses_left) in [(1, Some(3)), (2, None), (3, Some(1))] {
        let link = Invite {
            code: format!("code{number}"),
            chat: group,
            by: people[0],
            created: after(number),
            expires: (number == 1).then(|| after(-1)),
            uses_left,
        };
        world.link(&link).await;
        links.push(link);
    }
    links.reverse();
    assert_eq!(world.store.invites(group).await.expect("reads"), links);
    assert!(world.store.invites(other).await.expect("reads").is_empty());
    let found = world.store.invite("code1").await.expect("reads");
    assert_eq!(found.as_ref(), Some(&links[2]), "expired ones too");
    assert!(!world.store.remove_invite(other, "code1").await.expect("answers"), "not its link");
    assert!(world.store.remove_invite(group, "code1").await.expect("removes"));
    assert!(!world.store.remove_invite(group, "code1").await.expect("answers"));
    assert_eq!(world.store.invite("code1").await.expect("reads"), None);
    let lost = Invite { chat: ChatId(world.id()), ..links.remove(0) };
    let error =
        world.store.put_invite(&lost, Role::Owner).await.expect_err("there is no such chat");
    assert_eq!(error.code, Code::NotFound);
}

pub async fn chats_and_members_are_read_together(world: &World) {
    let people = people(world, 3).await;
    let chat = world.direct(people[0], people[1]).await;
    let asked = [people[2], people[1], people[0]];
    let (found, rows) = world.store.chat(chat, &asked).await.expect("reads").expect("is there");
    assert_eq!(found.id, chat);
    let rows: Vec<_> = rows.iter().map(|member| (member.user, member.chat)).collect();
    assert_eq!(rows, [(people[1], chat), (people[0], chat)]);
    let unknown = ChatId(world.id());
    assert!(world.store.chat(unknown, &asked).await.expect("reads").is_none());
    let found = world.store.chats(&[unknown, chat]).await.expect("reads");
    assert_eq!(found.iter().map(|chat| chat.id).collect::<Vec<_>>(), [chat]);
}

/// What a list must be: all memberships, put in order at once.
async fn in_order(world: &World, user: UserId, now: Time) -> Vec<ChatId> {
    let mut rows = world.store.memberships(user).await.expect("reads");
    rows.retain(|row| row.chat.kind == ChatKind::Group || row.chat.head_seq > 0);
    let place =
        |at: Time, created| if at <= now.plus(Duration::from_secs(60)) { at } else { created };
    rows.sort_by_key(|InboxRow { chat, member }| {
        (!member.pinned, Reverse((place(chat.active_at, chat.created), chat.id)))
    });
    rows.iter().map(|row| row.chat.id).collect()
}

/// More chats than a store may put in order at once, and something happens before each page.
pub async fn a_list_is_paged_while_its_chats_become_active(world: &World) {
    const PAGE: usize = 40;
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let said = async |chat, from, at| {
        let sent = after(at);
        let words = text(&format!("m{at}"));
        world.append(NewMessage { sent, ..world.new_message(chat, from, words) }).await;
    };
    let mut chats = Vec::new();
    for number in 0..230 {
        let chat = world.direct(ana, UserId(world.id())).await;
        said(chat, ana, number * 7 % 230).await;
        chats.push(chat);
    }
    let (group, silent) = (world.group(&[beto, ana]).await, world.direct(ana, beto).await);
    let pin = MemberChange { pinned: Some(true), ..MemberChange::default() };
    let mut now = after(1_000);
    for round in 0..8 {
        match round {
            1 => said(chats[10], ana, 1_001).await,
            2 => drop(world.store.change_member(chats[20], ana, pin.clone()).await.expect("pins")),
            3 => said(silent, beto, 1_003).await,
            4 => drop(world.remove(group, beto, ana).await),
            5 => said(chats[30], ana, 90_000).await,
            6 => now = after(60_000),
            7 => {
                for number in 0..300 {
                    said(chats[number % 3], ana, 60_001 + number as i64).await;
                }
            }
            _ => {}
        }
        let expected = in_order(world, ana, now).await;
        for page in (0..=expected.len() / PAGE).chain([1000]) {
            let part = ListPart { skip: page * PAGE, limit: PAGE };
            let rows = world.store.listed(ana, now, part).await.expect("reads");
            let found: Vec<_> = rows.iter().map(|row| row.chat.id).collect();
            let here: Vec<_> = expected.iter().skip(part.skip).take(PAGE).copied().collect();
            assert_eq!(found, here, "page {page} in round {round}");
            for row in rows.iter().take(2) {
                let (chat, member) = world.chat_and_member(row.chat.id, ana).await;
                assert_eq!(*row, InboxRow { chat, member });
            }
        }
    }
}
