//! Who may join, who is gone, who knows whom; and bounds that no race exceeds.

use futures_util::future::join_all;
use wechat::id::{ChatId, MessageId, UserId};
use wechat::model::chats::{GROUPS, INVITES, Invite, Member, MemberState, Role};
use wechat::model::contacts::Tie;
use wechat::model::messages::{MessageChange, NewMessage, PINS, Stamp, SystemEvent};
use wechat::model::text::Title;
use wechat::store::archive::Record;
use wechat::store::{Appended, Changed, Founded, InvitePut, Stepped, Unfit};

use crate::chats::people;
use crate::support::{MINUTE, NOON, World, after, text};

/// Begins a group; what becomes of it.
async fn found(world: &World, people: &[UserId]) -> Founded {
    let members: Vec<_> = people.iter().map(|user| (*user, Role::Member)).collect();
    let (id, title) = (MessageId(world.id()), Title::stored("Peña".into()));
    let (chat, event) = (world.blank_group(people[0]), SystemEvent::GroupCreated { title });
    world.store.create_group(&chat, &members, Vec::new(), id, event).await.expect("answers")
}

/// Gives a person a standing in a group; what becomes of it.
async fn stand(
    world: &World,
    group: ChatId,
    who: UserId,
    state: MemberState,
    role: Role,
) -> Stepped {
    let mut step = world.step(group, who, SystemEvent::Described);
    step.members = vec![(who, state, role)];
    world.store.step(step).await.expect("answers")
}

fn gone(user: UserId) -> Unfit {
    Unfit { deleted: vec![user], crowded: Vec::new() }
}

pub async fn a_deleted_account_is_taken_in_nowhere(world: &World) {
    let [ana, beto, eva] = people(world, 3).await[..] else { panic!("three") };
    let (group, other) = (world.group(&[ana, beto]).await, world.group(&[beto]).await);
    let open = world.store.sessions(ana).await.expect("reads");
    let closed = world.store.delete_user(ana, after(MINUTE)).await.expect("deletes");
    assert_eq!(closed, open.iter().map(|session| session.id).collect::<Vec<_>>());
    assert_eq!(world.store.departing(9).await.expect("reads"), [ana]);

    for people in [[ana, beto], [beto, ana]] {
        assert_eq!(found(world, &people).await, Founded::Unfit(gone(ana)));
    }
    let comes = stand(world, other, ana, MemberState::Active, Role::Member).await;
    assert_eq!(comes, Stepped::Unfit(gone(ana)));
    world
        .done({
            let mut step = world.step(group, beto, SystemEvent::Described);
            step.members = vec![(ana, MemberState::Active, Role::Admin)];
            step
        })
        .await;
    let rises = stand(world, group, ana, MemberState::Active, Role::Owner).await;
    assert_eq!(rises, Stepped::Unfit(gone(ana)), "the one who goes may be given less, not more");
    let opened = world.store.open_direct((ana, eva), None, NOON).await.expect("answers");
    assert_eq!(opened, None);
    for from in [ana, eva] {
        let chat = ChatId::direct(ana, eva);
        let mut new: NewMessage = world.new_message(chat, from, text("hola"));
        new.peers = Some((ana.min(eva), ana.max(eva)));
        assert_eq!(world.append(new).await, Appended::NotMember);
    }
    let code = world.code(&crate::support::email("x"), Some(ana));
    world.store.put_code(&code, &[]).await.expect("puts");
    let session = world.session(ana, 9);
    assert_eq!(world.redeem(&code, &session).await, None);
    assert!(world.store.sessions(ana).await.expect("reads").is_empty());

    assert!(!world.store.settle_departed(ana).await.expect("answers"), "still in a group");
    assert_eq!(world.store.departing(9).await.expect("reads"), [ana]);
    let leaves = stand(world, group, ana, MemberState::Left, Role::Member).await;
    assert!(matches!(leaves, Stepped::Done(..)), "{leaves:?}");
    assert!(world.store.settle_departed(ana).await.expect("answers"));
    assert!(world.store.departing(9).await.expect("reads").is_empty());
}

/// Puts a person into so many groups at once.
async fn crowd(world: &World, user: UserId, groups: u32) -> ChatId {
    let (mut chats, mut members) = (vec![Record::Inbox(user, u64::from(groups))], Vec::new());
    let mut last = None;
    for number in 1..=groups {
        let mut chat = world.blank_group(user);
        (chat.title, chat.member_count) = (Some(Title::stored(format!("g{number}"))), 1);
        last = Some(chat.id);
        let member = Member {
            chat: chat.id,
            user,
            role: Role::Owner,
            state: MemberState::Active,
            join_seq: 1,
            read_seq: 0,
            delivered_seq: 0,
            own_seq: 0,
            hide_seq: 0,
            muted_until: None,
            alerts: None,
            pinned: false,
            nick: None,
            announcement_seen: 0,
            silent_until: None,
            since: NOON,
            tie: Tie::NONE,
            remark: None,
            rev: u64::from(number),
        };
        chats.push(Record::Chat(chat, Vec::new()));
        members.push(Record::Member(member));
    }
    for records in [&chats, &members, &members] {
        world.store.put(records.clone()).await.expect("puts, and again");
    }
    last.expect("a group")
}

pub async fn a_person_is_in_so_many_groups(world: &World) {
    let ana = UserId(world.id());
    let beto = world.user("beto").await;
    let last = crowd(world, ana, GROUPS).await;
    let full = Unfit { deleted: Vec::new(), crowded: vec![ana] };
    assert_eq!(found(world, &[ana]).await, Founded::Unfit(full.clone()));
    assert_eq!(found(world, &[beto, ana]).await, Founded::Unfit(full.clone()));
    let group = world.group(&[beto]).await;
    let comes = stand(world, group, ana, MemberState::Active, Role::Member).await;
    assert_eq!(comes, Stepped::Unfit(full.clone()));
    world.direct(ana, beto).await;

    let leaves = stand(world, last, ana, MemberState::Left, Role::Member).await;
    assert!(matches!(leaves, Stepped::Done(..)), "{leaves:?}");
    let comes = stand(world, group, ana, MemberState::Active, Role::Member).await;
    assert!(matches!(comes, Stepped::Done(..)), "there is room for one: {comes:?}");
    let stays = stand(world, group, ana, MemberState::Active, Role::Admin).await;
    assert!(matches!(stays, Stepped::Done(..)), "who is in already takes no place: {stays:?}");
    assert_eq!(found(world, &[ana]).await, Founded::Unfit(full));
}

pub async fn a_chat_that_one_opened_is_the_others_with_its_first_message(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let peers = (ana.min(beto), ana.max(beto));
    let open = async |who| {
        let opened = world.store.open_direct(peers, Some(who), NOON).await.expect("opens");
        opened.expect("both are there")
    };
    let chat = open(ana).await;
    assert_eq!(open(ana).await, chat, "opened once");
    let rows = async |user| world.store.inbox(user, 0, 9).await.expect("reads");
    assert_eq!((rows(ana).await.rows.len(), rows(beto).await.rows.len()), (1, 0));
    assert_eq!(rows(beto).await.rev, 0);
    assert!(world.store.memberships(beto).await.expect("reads").is_empty());

    // The other one writes first.
    let mut new = world.new_message(chat.id, beto, text("hola"));
    new.peers = Some(peers);
    let Appended::Stored { message, created } = world.append(new.clone()).await else {
        panic!("stored")
    };
    assert_eq!((message.seq, created.map(|chat| chat.head_seq)), (1, Some(1)));
    let member = world.member(chat.id, beto).await;
    assert_eq!((member.join_seq, member.own_seq, member.state), (1, 1, MemberState::Active));
    assert_eq!((rows(ana).await.rows.len(), rows(beto).await.rows.len()), (1, 1));
    assert_eq!(world.append(new).await, Appended::Repeated(message));
    let mut more = world.new_message(chat.id, ana, text("qué tal"));
    more.peers = Some(peers);
    let answer = world.append(more).await;
    let Appended::Stored { message, created: None } = answer else { panic!("{answer:?}") };
    assert_eq!(message.seq, 2);
    assert_eq!(open(beto).await.head_seq, 2);
}

pub async fn who_shares_a_chat_is_acquainted(world: &World) {
    let people = people(world, 5).await;
    let [ana, beto, carla, dora, eva] = people[..] else { panic!("five") };
    world.group(&[carla, ana]).await;
    let left = world.group(&[ana, dora]).await;
    world.remove(left, ana, dora).await;
    let direct = world.direct(ana, beto).await;
    world.direct(ana, eva).await;
    let known = async |user| {
        let mut known = world.store.acquainted(user, &people).await.expect("reads");
        known.sort_unstable();
        known.retain(|other| *other != user);
        known
    };
    assert_eq!(known(ana).await, [carla], "nobody wrote to beto or eva, and dora left");
    world.say(direct, beto, "hola").await;
    let mut both = [beto, carla];
    both.sort_unstable();
    assert_eq!(known(ana).await, both);
    assert_eq!((known(beto).await, known(eva).await), (vec![ana], vec![]));
}

fn link(code: String, chat: ChatId, by: UserId) -> Invite {
    Invite { code, chat, by, created: NOON, expires: None, uses_left: None }
}

pub async fn links_end_with_their_makers_rank(world: &World) {
    let [ana, beto] = people(world, 2).await[..] else { panic!("two") };
    let group = world.group(&[ana, beto]).await;
    let of_beto = link("beto".into(), group, beto);
    let put = world.store.put_invite(&of_beto, Role::Admin).await.expect("answers");
    assert_eq!(put, InvitePut::Stale, "no admin");
    let role = stand(world, group, beto, MemberState::Active, Role::Admin).await;
    assert!(matches!(role, Stepped::Done(..)));
    let put = world.store.put_invite(&of_beto, Role::Admin).await.expect("answers");
    assert_eq!(put, InvitePut::Done);
    world.link(&link("ana".into(), group, ana)).await;
    let mut step = world.step(group, ana, SystemEvent::MemberRemoved { user: beto });
    (step.members, step.revoked) = (vec![(beto, MemberState::Left, Role::Member)], vec![beto]);
    world.done(step).await;
    let left = world.store.invites(group).await.expect("reads");
    assert_eq!(left, [link("ana".into(), group, ana)]);
    assert_eq!(world.store.invite("beto").await.expect("reads"), None);
    let put = world.store.put_invite(&of_beto, Role::Admin).await.expect("answers");
    assert_eq!(put, InvitePut::Stale, "no member");
}

pub async fn racing_links_and_pins_stay_within_their_bounds(world: &World) {
    let ana = world.user("ana").await;
    let group = world.group(&[ana]).await;
    for number in 0..INVITES - 3 {
        world.link(&link(format!("code{number}"), group, ana)).await;
    }
    let more: Vec<Invite> = (0..8).map(|n| link(format!("more{n}"), group, ana)).collect();
    let puts = join_all(more.iter().map(|link| world.store.put_invite(link, Role::Owner))).await;
    let done = puts.into_iter().filter(|put| matches!(put, Ok(InvitePut::Done))).count();
    assert_eq!(done, 3);
    assert_eq!(world.store.invites(group).await.expect("reads").len(), INVITES as usize);
    let known = world.store.put_invite(&link("code0".into(), group, ana), Role::Owner).await;
    assert_eq!(known.expect("answers"), InvitePut::Done, "a repeat takes no place");

    let pin = |seq: u64| {
        let stamp = Stamp { by: ana, at: after(MINUTE) };
        world.store.change(group, seq, ana, MessageChange::Pin(Some(stamp)))
    };
    for number in 0..u64::from(PINS) + 6 {
        world.say(group, ana, &format!("m{number}")).await;
    }
    for seq in 2..u64::from(PINS) {
        assert!(matches!(pin(seq).await, Ok(Changed::Done(_))));
    }
    let pins = join_all((0..6).map(|n| pin(u64::from(PINS) + n))).await;
    let done = pins.into_iter().filter(|pin| matches!(pin, Ok(Changed::Done(_)))).count();
    assert_eq!(done, 2);
    let fate = pin(u64::from(PINS) + 6).await.expect("answers");
    assert_eq!(fate, Changed::TooManyPins);
}
