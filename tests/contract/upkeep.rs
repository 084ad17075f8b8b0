//! What keeps the store in order.

use wechat::core::types::auth::Quota;
use wechat::core::types::chats::Invite;
use wechat::error::Code;

use crate::support::{MINUTE, NOON, World, after, email};

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
        world.store.put_code(&world.code(&person.email, Some(person.id))).await.expect("puts");
    }
    for (code, expires) in [("soon", Some(after(MINUTE))), ("late", Some(after(99 * MINUTE)))] {
        world.link(&invite(code, group, ana, expires)).await;
    }
    world.link(&invite("never", group, ana, None)).await;
    let quota = [Quota { key: "a".into(), limit: 1, window_ms: 60_000 }];
    world.store.take(&quota, after(9 * MINUTE)).await.expect("takes");

    let more = world.store.sweep(after(9 * MINUTE), after(5 * MINUTE)).await.expect("sweeps");
    assert!(!more);
    let left = world.store.users(&[early.id, late.id, ana]).await.expect("reads");
    assert_eq!(left.iter().map(|user| user.id).collect::<Vec<_>>(), [late.id, ana]);
    assert!(world.store.user_by_email(&early.email).await.expect("reads").is_none());
    assert!(world.store.guess(&email("late"), 5, NOON).await.expect("reads").is_none());
    let left = world.store.invites(group).await.expect("reads");
    assert_eq!(left.iter().map(|i| i.code.as_str()).collect::<Vec<_>>(), ["late", "never"]);
    let taken = world.store.take(&quota, after(9 * MINUTE)).await.expect("takes");
    assert!(taken.is_some(), "a window that is not over stays counted");
}

fn invite(
    code: &str,
    chat: wechat::id::ChatId,
    by: wechat::id::UserId,
    expires: Option<wechat::clock::Time>,
) -> Invite {
    Invite { code: code.into(), chat, by, created: NOON, expires, uses_left: None }
}

pub async fn a_sweep_does_bounded_work_and_says_that_there_is_more(world: &World) {
    for number in 0..1200 {
        let code = world.code(&email(&format!("user{number}")), None);
        world.store.put_code(&code).await.expect("puts");
    }
    let mut sweeps = 0;
    while world.store.sweep(after(60 * MINUTE), NOON).await.expect("sweeps") {
        sweeps += 1;
        assert!(sweeps < 100, "it comes to an end");
    }
    assert!(sweeps >= 1, "not everything at once");
    let guess = world.store.guess(&email("user1199"), 5, NOON).await;
    assert!(guess.expect("reads").is_none());
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
