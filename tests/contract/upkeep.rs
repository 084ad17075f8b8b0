//! What keeps the store in order.

use wechat::clock::Time;
use wechat::error::Code;
use wechat::model::auth::Quota;
use wechat::model::chats::Invite;
use wechat::store::Due;

use crate::support::{MINUTE, NOON, World, after, asker, email};

/// A sweep that finds only what ends by itself.
fn due(now: Time) -> Due {
    Due { now, unverified: NOON, idle: Time(0), places: Time(0) }
}

pub async fn a_sweep_removes_sessions_and_places_that_nobody_uses(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let open = world.store.sessions(beto).await.expect("reads")[0].id;
    world.store.touch(&[(open, after(2 * MINUTE))]).await.expect("touches");
    let unused = Due { idle: after(MINUTE), ..due(after(9 * MINUTE)) };
    assert!(!world.store.sweep(&unused).await.expect("sweeps"));
    assert!(world.store.sessions(ana).await.expect("reads").is_empty());
    assert_eq!(world.store.sessions(beto).await.expect("reads").len(), 1);
    let known = world.store.known_places(ana, &[asker(1)]).await.expect("reads");
    assert_eq!(known, [asker(1)]);
    let unused = Due { places: after(MINUTE), ..due(after(9 * MINUTE)) };
    world.store.sweep(&unused).await.expect("sweeps");
    assert!(world.store.known_places(ana, &[asker(1)]).await.expect("reads").is_empty());
}

pub async fn a_sweep_takes_back_what_a_wrong_clock_has_left(world: &World) {
    let ana = world.user("ana").await;
    let open = world.store.sessions(ana).await.expect("reads")[0].id;
    let year = after(365 * 24 * 60 * MINUTE);
    world.store.touch(&[(open, year)]).await.expect("touches");
    let mut code = world.code(&email("ana"), Some(ana));
    code.expires = year;
    world.put_code(&code).await;
    let quota = [Quota { key: "a".into(), limit: 1, window_ms: 60_000 }];
    assert_eq!(world.store.take(&quota, year).await.expect("takes"), None);

    world.store.sweep(&due(after(MINUTE))).await.expect("sweeps");
    let seen = world.store.last_seen(&[ana]).await.expect("reads");
    assert_eq!(seen, [(ana, after(MINUTE))]);
    assert!(world.store.waiting(&email("ana")).await.expect("reads").is_empty());
}

pub async fn a_sweep_whose_turn_came_late_leaves_a_code_that_is_newer_than_its_moment(
    world: &World,
) {
    let mut code = world.code(&email("ana"), None);
    code.expires = after(5 * MINUTE + MINUTE / 2);
    world.put_code(&code).await;
    world.store.sweep(&due(after(0))).await.expect("sweeps");
    assert_eq!(world.store.waiting(&email("ana")).await.expect("reads").len(), 1);
}

pub async fn a_sweep_removes_what_expired_and_nothing_else(world: &World) {
    let ana = world.user("ana").await;
    let group = world.group(&[ana]).await;
    let (early, late) = (world.person("early"), {
        let mut late = world.person("late");
        late.created = after(10 * MINUTE);
        late
    });
    for person in [&early, &late] {
        world.store.sign_up(person).await.expect("signs up");
        world.put_code(&world.code(&person.email, Some(person.id))).await;
    }
    for (code, expires) in [("soon", Some(after(MINUTE))), ("late", Some(after(99 * MINUTE)))] {
        world.link(&invite(code, group, ana, expires)).await;
    }
    world.link(&invite("never", group, ana, None)).await;
    let quota = [Quota { key: "a".into(), limit: 1, window_ms: 60_000 }];
    world.store.take(&quota, after(9 * MINUTE)).await.expect("takes");

    let due = Due { unverified: after(5 * MINUTE), ..due(after(9 * MINUTE)) };
    let more = world.store.sweep(&due).await.expect("sweeps");
    assert!(!more);
    let left = world.store.users(&[early.id, late.id, ana]).await.expect("reads");
    assert_eq!(left.iter().map(|user| user.id).collect::<Vec<_>>(), [late.id, ana]);
    assert!(world.store.user_by_email(&early.email).await.expect("reads").is_none());
    assert!(world.store.waiting(&email("late")).await.expect("reads").is_empty());
    assert_eq!(world.store.sessions(ana).await.expect("reads").len(), 1, "a session in use");
    let left = world.store.invites(group).await.expect("reads");
    assert_eq!(left.iter().map(|i| i.code.as_str()).collect::<Vec<_>>(), ["late", "never"]);
    let taken = world.store.take(&quota, after(9 * MINUTE)).await.expect("takes");
    assert!(taken.is_some(), "a window that is not over stays counted");
}

fn invite(
    code: &str,
    chat: wechat::id::ChatId,
    by: wechat::id::UserId,
    expires: Option<Time>,
) -> Invite {
    Invite { code: code.into(), chat, by, created: NOON, expires, uses_left: None }
}

pub async fn a_sweep_does_bounded_work_and_says_that_there_is_more(world: &World) {
    for number in 0..1200 {
        let code = world.code(&email(&format!("user{number}")), None);
        world.put_code(&code).await;
    }
    let mut sweeps = 0;
    while world.store.sweep(&due(after(60 * MINUTE))).await.expect("sweeps") {
        sweeps += 1;
        assert!(sweeps < 100, "it comes to an end");
    }
    assert!(sweeps >= 1, "not everything at once");
    assert!(world.store.waiting(&email("user1199")).await.expect("reads").is_empty());
}

pub async fn a_store_has_one_incarnation_until_it_is_renewed(world: &World) {
    let first = world.store.incarnation();
    world.user("ana").await;
    assert_eq!(world.store.incarnation(), first, "what happens in it changes nothing");
    world.store.renew().await.expect("renews");
    let second = world.store.incarnation();
    assert_ne!(second, first);
    world.store.renew().await.expect("renews");
    assert!(![first, second].contains(&world.store.incarnation()), "no life comes again");
}

pub async fn a_closed_store_says_so(world: &World) {
    world.store.ready().await.expect("is ready");
    world.store.ready().await.expect("is still ready");
    world.store.close().await;
    world.store.close().await;
    let write = world.store.ready().await.expect_err("is closed");
    assert_eq!(write.code, Code::Unavailable);
    let read = world.store.user_by_email(&email("ana")).await.expect_err("is closed");
    assert_eq!(read.code, Code::Unavailable);
    let write = world.store.sign_up(&world.person("ana")).await.expect_err("is closed");
    assert_eq!(write.code, Code::Unavailable);
}
