//! Ties between people: two rows that change together, and what hangs on them.

use futures_util::future::join_all;
use wechat::id::{ChatId, ObjectId, UserId};
use wechat::model::chats::{Member, MemberChange};
use wechat::model::contacts::{AddedBy, Bond, Card, REQUEST_LIFE, Strangers, TieState};
use wechat::model::text::Name;
use wechat::model::users::ProfileChange;
use wechat::store::{Act, TieStep, Tied, Unasked};

use crate::support::{MINUTE, NOON, World, after};

async fn two(world: &World) -> (UserId, UserId) {
    (world.user("ana").await, world.user("beto").await)
}

async fn does(world: &World, (by, to): (UserId, UserId), act: Act, millis: i64) -> Tied {
    let step = TieStep { by, to, act, at: after(millis) };
    world.store.tie(step).await.expect("answers")
}

/// A step that changes something; the rows that did.
async fn done(world: &World, people: (UserId, UserId), act: Act) -> Vec<Member> {
    match does(world, people, act, 0).await {
        Tied::Done { chat, rows, .. } => {
            assert_eq!(chat.id, ChatId::direct(people.0, people.1));
            rows
        }
        other => panic!("{act:?}: {other:?}"),
    }
}

/// A text under a key of its own.
const fn text(number: u8) -> Act {
    Act::Write(ObjectId([number; 12]))
}

/// How the two stand, and that their rows say so in their inboxes too.
async fn states(world: &World, (one, other): (UserId, UserId)) -> [TieState; 2] {
    let chat = ChatId::direct(one, other);
    let found = world.store.chat(chat, &[one, other]).await.expect("reads");
    let rows = found.map(|(_, rows)| rows).unwrap_or_default();
    for row in &rows {
        let inbox = world.store.inbox(row.user, row.rev - 1, 9).await.expect("reads");
        assert_eq!(inbox.rows.first().map(|kept| &kept.member), Some(row), "it is told");
    }
    let of = |user| {
        let row = rows.iter().find(|row| row.user == user);
        row.map_or(TieState::None, |row| row.tie.state)
    };
    [of(one), of(other)]
}

pub async fn a_request_is_asked_and_accepted(world: &World) {
    let (ana, beto) = two(world).await;
    use TieState::{Asked, Asks, Known, Refused, Removed};
    assert_eq!(does(world, (beto, ana), Act::Accept, 0).await, Tied::Unasked(Unasked::Nothing));
    assert_eq!(does(world, (beto, ana), Act::Remove, 0).await, Tied::Same);
    let chat = ChatId::direct(ana, beto);
    assert_eq!(world.store.chat(chat, &[]).await.expect("reads"), None, "nothing was made");

    let Tied::Done { rows, opened, .. } = does(world, (ana, beto), Act::Ask, 0).await else {
        panic!("asks")
    };
    assert!(opened && rows.len() == 2);
    assert_eq!(states(world, (ana, beto)).await, [Asks, Asked]);
    assert_eq!(does(world, (ana, beto), Act::Ask, 1).await, Tied::Same);
    let rows = done(world, (ana, beto), text(1)).await;
    assert_eq!((rows.len(), rows[0].user), (1, ana), "who was asked is told by the text alone");
    let said = world.say(chat, ana, "hola").await;
    assert_eq!(said.seq, 1);

    let rows = done(world, (beto, ana), Act::Refuse).await;
    assert_eq!((rows.len(), rows[0].user), (1, beto), "it is silent");
    assert_eq!(states(world, (ana, beto)).await, [Asks, Refused]);
    assert_eq!(does(world, (beto, ana), Act::Refuse, 1).await, Tied::Same);
    assert_eq!(done(world, (beto, ana), Act::Accept).await.len(), 2);
    assert_eq!(states(world, (ana, beto)).await, [Known, Known]);
    assert_eq!(does(world, (beto, ana), text(2), 1).await, Tied::Same, "contacts just write");

    assert_eq!(done(world, (ana, beto), Act::Remove).await.len(), 2);
    assert_eq!(states(world, (ana, beto)).await, [Removed, Removed]);
    world.say(chat, beto, "¿hola?").await;
    assert_eq!(done(world, (beto, ana), text(3)).await.len(), 2, "a request again");
    assert_eq!(states(world, (ana, beto)).await, [Asked, Asks]);
    assert_eq!(done(world, (ana, beto), text(4)).await.len(), 2, "an answer");
    assert_eq!(states(world, (ana, beto)).await, [Known, Known]);
    assert_eq!(done(world, (beto, ana), Act::Forget).await.len(), 2);
    assert_eq!(states(world, (ana, beto)).await, [TieState::None; 2]);
}

pub async fn a_request_is_over_after_thirty_days(world: &World) {
    let (ana, beto) = two(world).await;
    let life = REQUEST_LIFE.as_millis() as i64;
    done(world, (ana, beto), text(1)).await;
    let unasked = Tied::Unasked(Unasked::Nothing);
    assert_eq!(does(world, (beto, ana), Act::Accept, life).await, unasked, "too late");
    let Tied::Done { rows, opened, .. } = does(world, (ana, beto), text(2), life).await else {
        panic!("asks again")
    };
    assert!(!opened);
    let asks = rows.iter().find(|row| row.user == ana).expect("her row");
    assert_eq!((asks.tie.since, asks.tie.texts.len()), (after(life), 1));
}

pub async fn racing_texts_of_a_request_are_five(world: &World) {
    let (ana, beto) = two(world).await;
    let all = join_all((1..=32).map(|key| does(world, (ana, beto), text(key % 16 + 1), 0))).await;
    let count = |fits: fn(&Tied) -> bool| all.iter().filter(|tied| fits(tied)).count();
    assert_eq!(count(|tied| matches!(tied, Tied::Done { .. })), 5);
    assert_eq!(count(|tied| *tied == Tied::Same), 5, "the same texts once more");
    let row = world.store.chat(ChatId::direct(ana, beto), &[ana]).await.expect("reads");
    assert_eq!(row.expect("a chat").1[0].tie.texts.len(), 5);

    // Of a text and a refusal that race, both are done, and neither undoes the other.
    let carla = world.user("carla").await;
    done(world, (ana, carla), Act::Ask).await;
    let (_, refused) = futures_util::join!(
        does(world, (ana, carla), text(1), 1),
        does(world, (carla, ana), Act::Refuse, 1)
    );
    assert!(matches!(refused, Tied::Done { .. }));
    let expected = [TieState::Asks, TieState::Refused];
    assert_eq!(states(world, (ana, carla)).await, expected);
}

pub async fn who_ask_each_other_at_once_are_contacts(world: &World) {
    let (ana, beto) = two(world).await;
    for people in [(ana, beto), (beto, ana)] {
        assert!(matches!(does(world, people, Act::Remove, 0).await, Tied::Same));
    }
    futures_util::join!(
        does(world, (ana, beto), Act::Ask, 0),
        does(world, (beto, ana), text(1), 0)
    );
    assert_eq!(states(world, (ana, beto)).await, [TieState::Known; 2]);
}

pub async fn who_wrote_to_each_other_need_not_ask(world: &World) {
    let (ana, beto) = two(world).await;
    let chat = world.direct(ana, beto).await;
    world.say(chat, ana, "hola").await;
    assert_eq!(does(world, (beto, ana), Act::Accept, 0).await, Tied::Unasked(Unasked::Nothing));
    world.say(chat, beto, "hola").await;
    let rows = done(world, (ana, beto), text(1)).await;
    assert!(rows.iter().all(|row| row.tie.bond(false, after(0)) == Bond::Known), "{rows:?}");
    assert_eq!(rows.len(), 2);
}

pub async fn people_who_are_apart_are_not_acquainted(world: &World) {
    let (ana, beto) = two(world).await;
    let knows = || async {
        let found = world.store.acquainted(ana, &[beto]).await.expect("reads");
        let same = world.store.acquainted(beto, &[ana]).await.expect("reads");
        assert_eq!(found.len(), same.len());
        !found.is_empty()
    };
    done(world, (ana, beto), text(1)).await;
    world.say(ChatId::direct(ana, beto), ana, "hola").await;
    assert!(!knows().await, "a request");
    done(world, (beto, ana), Act::Refuse).await;
    assert!(!knows().await, "a refusal");
    done(world, (beto, ana), Act::Accept).await;
    assert!(knows().await);
    done(world, (beto, ana), Act::Remove).await;
    assert!(!knows().await, "no contacts any more");
    world.group(&[ana, beto]).await;
    assert!(knows().await, "but in one group");
}

pub async fn nobody_is_tied_to_a_deleted_account(world: &World) {
    let (ana, beto) = two(world).await;
    world.store.delete_user(beto, NOON).await.expect("deletes");
    assert_eq!(does(world, (ana, beto), Act::Ask, MINUTE).await, Tied::Gone);
    assert_eq!(does(world, (beto, ana), Act::Meet, MINUTE).await, Tied::Gone);
}

pub async fn what_a_person_lets_others_do_is_kept(world: &World) {
    let (ana, beto) = two(world).await;
    let card = Card { number: 7, adds: true };
    let change = ProfileChange {
        reach: Some(Strangers::Requests),
        groups: Some(AddedBy::Nobody),
        card: Some(Some(card)),
        ..ProfileChange::default()
    };
    let user = world.store.change_profile(ana, change, None).await.expect("changes").expect("her");
    assert_eq!((user.reach, user.groups), (Strangers::Requests, AddedBy::Nobody));
    let kept = world.store.users(&[ana, beto]).await.expect("reads");
    assert_eq!((kept[0].card, kept[1].card), (Some(card), None));
    let none = ProfileChange { card: Some(None), ..ProfileChange::default() };
    let user = world.store.change_profile(ana, none, None).await.expect("changes").expect("her");
    assert_eq!((user.card, user.groups), (None, AddedBy::Nobody));

    let chat = world.direct(ana, beto).await;
    let set = |remark: Option<&str>| MemberChange {
        remark: Some(remark.map(|text| Name::stored(text.into()))),
        ..MemberChange::default()
    };
    let named = world.store.change_member(chat, ana, set(Some("Hermano"))).await.expect("sets");
    assert_eq!(named.expect("her row").remark, Some(Name::stored("Hermano".into())));
    done(world, (ana, beto), Act::Meet).await;
    let rows = world.store.chat(chat, &[ana, beto]).await.expect("reads").expect("there").1;
    assert_eq!(rows[0].remark, Some(Name::stored("Hermano".into())), "it stays");
    assert_eq!(rows[1].remark, None, "it is her own");
    let none = world.store.change_member(chat, ana, set(None)).await.expect("sets");
    assert_eq!(none.expect("her row").remark, None);
}
