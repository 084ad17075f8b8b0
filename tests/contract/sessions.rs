//! Login codes, quotas, and sessions.

use futures_util::future::join_all;
use wechat::clock::Time;
use wechat::core::types::auth::{Quota, TokenHash, Which};
use wechat::core::types::text::Email;
use wechat::id::UserId;

use crate::support::{MINUTE, NOON, World, after, email};

fn quota(key: &str, limit: u32) -> Quota {
    Quota { key: key.into(), limit, window_ms: 60_000 }
}

async fn take(world: &World, quotas: &[Quota], now: Time) -> Option<Time> {
    world.store.take(quotas, now).await.expect("takes")
}

pub async fn a_quota_counts_in_fixed_windows(world: &World) {
    let two = [quota("a", 2)];
    assert_eq!(take(world, &two, after(10_000)).await, None);
    assert_eq!(take(world, &two, after(59_999)).await, None);
    assert_eq!(take(world, &two, after(59_999)).await, Some(after(MINUTE)));
    assert_eq!(take(world, &two, after(MINUTE)).await, None, "a new window");
    let other_window = [Quota { window_ms: 3_600_000, ..quota("a", 1) }];
    assert_eq!(take(world, &other_window, after(MINUTE)).await, None, "counted by itself");
}

pub async fn a_quota_that_is_used_up_leaves_the_others_as_they_are(world: &World) {
    assert_eq!(take(world, &[quota("small", 1)], NOON).await, None);
    let both = [quota("large", 2), quota("small", 1)];
    for _ in 0..5 {
        assert_eq!(take(world, &both, NOON).await, Some(after(MINUTE)));
    }
    let twice = [quota("large", 2), quota("large", 2)];
    assert_eq!(take(world, &twice, NOON).await, None, "nothing was counted before");
    assert_eq!(take(world, &[quota("large", 2)], NOON).await, Some(after(MINUTE)));
    assert_eq!(take(world, &[quota("none", 0)], NOON).await, Some(after(MINUTE)));
}

pub async fn what_is_given_back_can_be_taken_again(world: &World) {
    let one = [quota("a", 1)];
    world.store.give_back(&one, NOON).await.expect("gives nothing back");
    assert_eq!(take(world, &one, NOON).await, None);
    assert!(take(world, &one, NOON).await.is_some());
    world.store.give_back(&one, NOON).await.expect("gives back");
    assert_eq!(take(world, &one, NOON).await, None);
    world.store.give_back(&one, after(MINUTE)).await.expect("a new window has nothing");
    assert!(take(world, &one, NOON).await.is_some());
}

pub async fn a_quota_holds_in_a_race(world: &World) {
    let both = [quota("a", 10), quota("b", 1000)];
    let taken = join_all((0..100).map(|_| world.store.take(&both, NOON))).await;
    let successes = taken.into_iter().filter(|t| t.as_ref().expect("takes").is_none()).count();
    assert_eq!(successes, 10);
    let rest = join_all((0..1000).map(|_| world.store.take(&both[1..], NOON))).await;
    let successes = rest.into_iter().filter(|t| t.as_ref().expect("takes").is_none()).count();
    assert_eq!(successes, 990, "the refused ones took nothing of the second");
}

pub async fn a_code_is_guessed_at_so_often_and_no_more(world: &World) {
    let code = world.code(&email("ana"), None);
    world.store.put_code(&code).await.expect("puts");
    for tries in 1..=5 {
        let found = world.store.guess(&email("ana"), 5, NOON).await.expect("reads");
        let found = found.expect("there is a code");
        assert_eq!((found.tries, found.id, found.hmac), (tries, code.id, code.hmac));
    }
    assert_eq!(world.store.guess(&email("ana"), 5, NOON).await.expect("reads"), None);
    assert_eq!(world.store.guess(&email("beto"), 5, NOON).await.expect("reads"), None);

    let fresh = world.code(&email("ana"), None);
    world.store.put_code(&fresh).await.expect("puts");
    let found = world.store.guess(&email("ana"), 5, NOON).await.expect("reads");
    assert_eq!(found.expect("the new code").id, fresh.id, "a new code replaces the old");
    assert_eq!(world.store.guess(&email("ana"), 5, fresh.expires).await.expect("reads"), None);
}

pub async fn racing_guesses_are_all_counted(world: &World) {
    world.store.put_code(&world.code(&email("ana"), None)).await.expect("puts");
    let address: Email = email("ana");
    let guesses = join_all((0..50).map(|_| world.store.guess(&address, 5, NOON))).await;
    let mut tries: Vec<u32> =
        guesses.into_iter().filter_map(|g| Some(g.expect("reads")?.tries)).collect();
    tries.sort_unstable();
    assert_eq!(tries, [1, 2, 3, 4, 5]);
}

pub async fn fifty_racing_redeems_open_one_session(world: &World) {
    let ana = world.person("ana");
    world.store.sign_up(&ana).await.expect("signs up");
    let code = world.code(&ana.email, Some(ana.id));
    world.store.put_code(&code).await.expect("puts");
    let sessions: Vec<_> = (0..50).map(|token| world.session(ana.id, token)).collect();
    let redeems =
        sessions.iter().map(|session| world.store.redeem(code.id, session, vec!["ana".into()]));
    let won: Vec<_> =
        join_all(redeems).await.into_iter().filter_map(|won| won.expect("answers")).collect();
    assert_eq!(won.len(), 1);
    assert_eq!((won[0].id, won[0].verified), (ana.id, Some(NOON)));
    assert_eq!(world.store.sessions(ana.id).await.expect("reads").len(), 1);
}

pub async fn a_code_opens_no_session_of_somebody_else(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let code = world.code(&email("ana"), Some(ana));
    let decoy = world.code(&email("nobody"), None);
    for code in [&code, &decoy] {
        world.store.put_code(code).await.expect("puts");
        let answer = world.store.redeem(code.id, &world.session(beto, 9), Vec::new()).await;
        assert_eq!(answer.expect("answers"), None);
    }
    assert_eq!(world.store.sessions(beto).await.expect("reads").len(), 1);
}

pub async fn sessions_are_listed_touched_and_closed(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let mut ids = vec![world.store.sessions(ana).await.expect("reads")[0].id];
    for token in [1, 2] {
        let code = world.code(&email("ana"), Some(ana));
        world.store.put_code(&code).await.expect("puts");
        let session = world.session(ana, token);
        world.store.redeem(code.id, &session, Vec::new()).await.expect("redeems");
        let found = world.store.session(TokenHash([token; 32])).await.expect("reads");
        assert_eq!(found, Some(session.clone()), "as it was written");
        ids.push(session.id);
    }
    let seen = [(ids[0], after(5)), (ids[1], after(9)), (ids[2], after(1))];
    world.store.touch(&seen).await.expect("touches");
    world.store.touch(&[(ids[1], after(7))]).await.expect("an earlier time loses");
    let listed = world.store.sessions(ana).await.expect("reads");
    let listed: Vec<_> = listed.into_iter().map(|s| (s.id, s.last_seen)).collect();
    assert_eq!(listed, [(ids[1], after(9)), (ids[0], after(5)), (ids[2], after(1))]);

    let nobody = UserId(world.id());
    let mut seen = world.store.last_seen(&[ana, nobody, beto]).await.expect("reads");
    seen.sort();
    let mut expected = [(ana, after(9)), (beto, after(0))];
    expected.sort();
    assert_eq!(seen, expected);

    let close = |user, which| world.store.close_sessions(user, which);
    assert!(close(beto, Which::One(ids[0])).await.expect("closes").is_empty(), "not Beto's");
    assert_eq!(close(ana, Which::One(ids[0])).await.expect("closes"), [ids[0]]);
    assert!(close(ana, Which::One(ids[0])).await.expect("closes").is_empty());
    assert_eq!(close(ana, Which::AllBut(ids[1])).await.expect("closes"), [ids[2]]);
    assert_eq!(close(ana, Which::All).await.expect("closes"), [ids[1]]);
    assert_eq!(world.store.session(TokenHash([1; 32])).await.expect("reads"), None);
    assert_eq!(world.store.sessions(beto).await.expect("reads").len(), 1);
}
