//! Steps of a group: all at once or not at all.

use futures_util::future::join_all;
use wechat::id::{ChatId, FileId, UserId};
use wechat::model::chats::{Chat, ChatChange, Invite, MemberState, Role};
use wechat::model::messages::{Content, SystemEvent, Window};
use wechat::model::text::{About, Title};
use wechat::store::{Appended, Guard, Index, Stepped};

use crate::chats::people;
use crate::support::{MINUTE, NOON, World, after, guard, text};

pub async fn a_step_changes_fields_and_tells_it(world: &World) {
    let people = people(world, 2).await;
    let group = world.group(&people).await;
    let event = SystemEvent::Renamed { title: Title::stored("Otra".into()) };
    let mut step = world.step(group, people[0], event.clone());
    step.change = ChatChange {
        title: Some(Title::stored("Otra".into())),
        about: Some(About::stored("nueva".into())),
        avatar: Some(Some(FileId(world.id()))),
        public: Some(false),
        history_shared: Some(true),
        rules: None,
        announcement: None,
        owner: Some(people[1]),
        deleted: None,
    };
    step.terms = Some(vec!["otra".into()]);
    let (message, chat) = world.done(step.clone()).await;
    assert_eq!((message.seq, message.rev, message.from), (2, 2, people[0]));
    assert_eq!((message.content, message.sent), (Content::System(event), after(MINUTE)));
    assert_eq!(
        (chat.title.clone(), Some(chat.about.clone())),
        (step.change.title, step.change.about)
    );
    assert_eq!((chat.public, chat.history_shared, chat.owner), (false, true, Some(people[1])));
    assert_eq!((chat.head_seq, chat.head_rev, chat.meta_rev), (2, 2, 2));
    assert_eq!(chat.active_at, after(MINUTE));
    assert_eq!(world.chat(group).await, chat);
    let terms = world.store.term_range(Index::Groups, "", "\u{10ffff}", None, 9).await;
    assert_eq!(terms.expect("reads"), [("otra".to_owned(), group.0)]);
    assert_eq!(world.member(group, people[0]).await.own_seq, 2);

    let told = world.step(group, people[0], SystemEvent::Described);
    let (_, chat) = world.done(told).await;
    assert_eq!((chat.head_rev, chat.meta_rev), (3, 2), "nothing of the group changed");
}

pub async fn who_comes_back_sees_what_follows(world: &World) {
    let people = people(world, 3).await;
    let (ana, beto) = (people[0], people[1]);
    let group = world.group(&people[..2]).await;
    world.say(group, beto, "hola").await;
    let (_, chat) = world.remove(group, ana, beto).await;
    assert_eq!((chat.member_count, chat.meta_rev), (1, 3));
    let refused = world.append(world.new_message(group, beto, text("sigo aquí"))).await;
    assert_eq!(refused, Appended::NotMember);
    world.say(group, ana, "ya no está").await;
    assert!(
        world.store.history(group, beto, Window::Before(None), 9).await.expect("reads").is_none()
    );
    let (message, chat) = world.add(group, ana, beto).await;
    assert_eq!((message.seq, chat.member_count), (5, 2));
    let member = world.member(group, beto).await;
    assert_eq!((member.join_seq, member.own_seq, member.since), (5, 2, after(MINUTE)));
    assert_eq!((member.unread(5, 0), member.state), (1, MemberState::Active));
    let page = world.store.history(group, beto, Window::Before(None), 9).await.expect("reads");
    assert_eq!(page.expect("a member").iter().map(|m| m.seq).collect::<Vec<_>>(), [5]);
}

pub async fn a_guard_that_no_longer_holds_stops_everything(world: &World) {
    let people = people(world, 3).await;
    let (ana, beto, carla) = (people[0], people[1], people[2]);
    let group = world.group(&people[..2]).await;
    let before = world.chat(group).await;
    for stale in [
        guard(ana, MemberState::Active, Role::Admin),
        guard(beto, MemberState::Left, Role::Member),
        guard(carla, MemberState::Active, Role::Member),
        Guard { user: beto, standing: None },
    ] {
        let mut step = world.step(group, ana, SystemEvent::MembersAdded { users: vec![carla] });
        step.guards = vec![guard(ana, MemberState::Active, Role::Owner), stale];
        step.members = vec![(carla, MemberState::Active, Role::Member)];
        step.change.title = Some(Title::stored("no".into()));
        assert_eq!(world.store.step(step).await.expect("answers"), Stepped::Stale);
    }
    assert_eq!(world.chat(group).await, before);
    assert!(world.store.memberships(carla).await.expect("reads").is_empty());
    assert_eq!(world.store.inbox(carla, 0, 9).await.expect("reads").rev, 0);
}

pub async fn of_racing_steps_under_one_guard_one_wins(world: &World) {
    let people = people(world, 2).await;
    let group = world.group(&people).await;
    let steps = (0..20).map(|_| {
        let (user, role) = (people[1], Role::Admin);
        let mut step = world.step(group, people[0], SystemEvent::RoleChanged { user, role });
        step.guards = vec![guard(user, MemberState::Active, Role::Member)];
        step.members = vec![(user, MemberState::Active, role)];
        world.store.step(step)
    });
    let answers: Vec<_> = join_all(steps).await.into_iter().map(|a| a.expect("answers")).collect();
    let stale = answers.iter().filter(|answer| **answer == Stepped::Stale).count();
    assert_eq!(stale, 19);
    assert_eq!(world.chat(group).await.head_seq, 2);
}

pub async fn an_invitation_link_lets_in_so_many(world: &World) {
    let people = people(world, 13).await;
    let (group, other) = (world.group(&people[..1]).await, world.group(&people[..1]).await);
    let link = |code: &str, expires, uses_left| Invite {
        code: code.into(),
        chat: group,
        by: people[0],
        created: NOON,
        expires,
        uses_left,
    };
    world.link(&link("three", None, Some(3))).await;
    world.link(&link("old", Some(after(MINUTE)), None)).await;
    let join = |chat: ChatId, code: &str, user: UserId| {
        let mut step = world.step(chat, user, SystemEvent::Joined { by_invite: true });
        step.members = vec![(user, MemberState::Active, Role::Member)];
        step.invite = Some(code.into());
        world.store.step(step)
    };
    for (chat, code) in [(group, "old"), (group, "none"), (other, "three")] {
        let answer = join(chat, code, people[1]).await.expect("answers");
        assert_eq!(answer, Stepped::InviteGone, "{code}");
    }
    let joins = join_all(people[1..].iter().map(|&user| join(group, "three", user))).await;
    let done = joins.into_iter().filter(|j| matches!(j, Ok(Stepped::Done(..)))).count();
    assert_eq!((done, world.chat(group).await.member_count), (3, 4));
    let used = world.store.invite("three").await.expect("reads").expect("is there");
    assert_eq!(used.uses_left, Some(0));
}

pub async fn a_deleted_group_has_nobody_and_takes_no_step(world: &World) {
    let people = people(world, 3).await;
    let group = world.group(&people).await;
    let mut step = world.step(group, people[0], SystemEvent::GroupDeleted { by_operators: true });
    step.change.deleted = Some(after(MINUTE));
    step.all_leave = true;
    let (message, chat) = world.done(step.clone()).await;
    assert_eq!(message.content, Content::System(SystemEvent::GroupDeleted { by_operators: true }));
    assert_eq!((chat.member_count, chat.deleted), (0, Some(after(MINUTE))));
    assert_eq!((chat.meta_rev, chat.head_rev), (2, 2));
    for &user in &people {
        assert!(world.store.memberships(user).await.expect("reads").is_empty());
        let inbox = world.store.inbox(user, 1, 9).await.expect("reads");
        assert_eq!(inbox.rows[0].member.state, MemberState::Left);
        assert_eq!(
            world.append(world.new_message(group, user, text("hola"))).await,
            Appended::NotMember
        );
    }
    let terms = world.store.term_range(Index::Groups, "", "\u{10ffff}", None, 9).await;
    assert!(terms.expect("reads").is_empty());
    step.message = wechat::id::MessageId(world.id());
    assert_eq!(world.store.step(step).await.expect("answers"), Stepped::Gone);
    let unknown = world.step(ChatId(world.id()), people[0], SystemEvent::Described);
    assert_eq!(world.store.step(unknown).await.expect("answers"), Stepped::Gone);
    let direct = world.direct(people[0], people[1]).await;
    let direct = world.step(direct, people[0], SystemEvent::Described);
    assert_eq!(world.store.step(direct).await.expect("answers"), Stepped::Gone);
}

pub async fn a_group_holds_twenty_thousand(world: &World) {
    let user = |number: u32| {
        let mut bytes = [3; 12];
        bytes[8..].copy_from_slice(&number.to_be_bytes());
        UserId(wechat::id::ObjectId(bytes))
    };
    let everybody: Vec<UserId> = (0..19_999).map(user).collect();
    let group = world.group(&everybody).await;
    let add = |numbers: &[u32]| {
        let users: Vec<UserId> = numbers.iter().copied().map(user).collect();
        let mut step =
            world.step(group, everybody[0], SystemEvent::MembersAdded { users: users.clone() });
        step.members =
            users.into_iter().map(|user| (user, MemberState::Active, Role::Member)).collect();
        step
    };
    let full = world.store.step(add(&[30_000, 30_001])).await.expect("answers");
    assert_eq!(full, Stepped::Full);
    let (_, chat) = world.done(add(&[30_000, 5])).await;
    assert_eq!(chat.member_count, 20_000, "who is in already takes no place");
    assert_eq!(world.store.step(add(&[30_001])).await.expect("answers"), Stepped::Full);
    world.done(world.step(group, everybody[0], SystemEvent::Described)).await;
    let Chat { member_count, head_seq, .. } = world.chat(group).await;
    assert_eq!((member_count, head_seq), (20_000, 3));
}

pub async fn banned_people_are_listed(world: &World) {
    let people = people(world, 3).await;
    let group = world.group(&people[..2]).await;
    for &user in &people[1..] {
        let mut step = world.step(group, people[0], SystemEvent::MemberBanned { user });
        step.members = vec![(user, MemberState::Banned, Role::Member)];
        world.done(step).await;
    }
    let banned = world.store.banned(group).await.expect("reads");
    assert_eq!(banned.iter().map(|m| m.user).collect::<Vec<_>>(), people[1..]);
    let chat = world.chat(group).await;
    assert_eq!((chat.member_count, chat.head_seq), (1, 3));
}
