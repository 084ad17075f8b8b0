//! Login codes, quotas, known places, and sessions.

use futures_util::future::join_all;
use wechat::clock::Time;
use wechat::error::Language;
use wechat::id::{FileId, ObjectId, UserId};
use wechat::model::auth::{AskerKey, FirstProfile, LoginCode, Quota, TokenHash, Which};
use wechat::model::text::{Name, PushToken};
use wechat::store::{Index, Redeem};

use crate::support::{MINUTE, NOON, World, after, asker, email, redeem};

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

pub async fn a_window_of_a_clock_that_was_wrong_counts_for_nothing(world: &World) {
    let one = [quota("a", 1)];
    let year = after(365 * 24 * 60 * MINUTE);
    assert_eq!(take(world, &one, year).await, None);
    assert_eq!(take(world, &one, year).await, Some(Time(year.0 + MINUTE)), "while it is wrong");
    assert_eq!(take(world, &one, NOON).await, None, "put right");
    assert_eq!(take(world, &one, NOON).await, Some(after(MINUTE)), "and counted by itself");
    world.store.give_back(&one, year).await.expect("gives nothing back");
    assert_eq!(take(world, &one, NOON).await, Some(after(MINUTE)));
}

pub async fn a_code_is_guessed_at_so_often_and_no_more(world: &World) {
    let code = world.code(&email("ana"), None);
    world.put_code(&code).await;
    let guess = |codes: Vec<ObjectId>, now| async move {
        let found = world.store.guess(&codes, 5, now).await.expect("reads");
        found.iter().map(|code| (code.id, code.tries, code.hmac)).collect::<Vec<_>>()
    };
    for tries in 1..=5 {
        assert_eq!(guess(vec![code.id], NOON).await, [(code.id, tries, code.hmac)]);
    }
    assert_eq!(guess(vec![code.id, world.id()], NOON).await, []);

    let fresh = world.code(&email("ana"), None);
    world.put_code(&fresh).await;
    let both = vec![code.id, fresh.id];
    assert_eq!(guess(both.clone(), NOON).await, [(fresh.id, 1, fresh.hmac)], "the other is dead");
    assert_eq!(guess(both.clone(), fresh.expires).await, []);
    let two_clocks = Time(NOON.0 - MINUTE);
    assert_eq!(guess(both.clone(), two_clocks).await, [(fresh.id, 2, fresh.hmac)]);
    let too_early = Time(two_clocks.0 - 1);
    assert_eq!(guess(both, too_early).await, [], "a clock that was wrong made it");
}

pub async fn an_address_has_the_codes_of_all_who_asked(world: &World) {
    let codes: Vec<_> = (0..4_u8)
        .map(|number| LoginCode {
            ticket: Some(asker(number)),
            expires: after(MINUTE + i64::from(number)),
            profile: Some(profile(&format!("Ana {number}"))),
            ..world.code(&email("ana"), None)
        })
        .collect();
    for code in &codes[..3] {
        world.put_code(code).await;
    }
    let ana = email("ana");
    let waiting = || world.store.waiting(&ana);
    let latest_first = [&codes[2], &codes[1], &codes[0]].map(Clone::clone);
    assert_eq!(waiting().await.expect("reads"), latest_first, "as they were written");
    world.store.put_code(&codes[3], &[codes[0].id, codes[2].id]).await.expect("puts");
    assert_eq!(waiting().await.expect("reads"), [codes[3].clone(), codes[1].clone()]);
    assert!(world.store.waiting(&email("beto")).await.expect("reads").is_empty());
}

pub fn profile(name: &str) -> FirstProfile {
    FirstProfile {
        name: Name::stored(name.into()),
        avatar: None,
        push_token: Some(PushToken::stored(format!("{name}'s"))),
        language: Language::English,
        invitation: None,
    }
}

pub async fn the_code_that_is_redeemed_says_what_the_account_becomes(world: &World) {
    let ana = world.person("ana");
    world.store.sign_up(&ana).await.expect("signs up");
    let with = |name| LoginCode {
        profile: Some(profile(name)),
        ..world.code(&email("ana"), Some(ana.id))
    };
    let (evil, mine, late) = (with("Evil"), with("Ana María"), with("Later"));
    for code in [&evil, &mine, &late] {
        world.put_code(code).await;
    }
    let picture = FileId(world.id());
    assert!(world.store.dress_code(mine.id, picture).await.expect("dresses"));
    let first = redeem(&mine, &world.session(ana.id, 1), &["maria"]);
    let user = world.enter(&first).await;
    let said = profile("Ana María");
    assert_eq!((user.name, user.push_token), (said.name.clone(), said.push_token));
    assert_eq!((user.avatar, user.language), (Some(picture), Language::English));
    assert!(!world.store.dress_code(mine.id, picture).await.expect("answers"), "it is gone");

    let second = redeem(&late, &world.session(ana.id, 2), &["later"]);
    let user = world.enter(&second).await;
    assert_eq!(user.name, said.name, "an account that is verified stays as it is");
    let terms = world.store.term_range(Index::Users, "", "\u{10ffff}", None, 9).await;
    assert_eq!(terms.expect("reads"), [("maria".to_owned(), ana.id.0)]);
}

pub async fn a_login_makes_its_places_known(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let known = |user, keys: Vec<AskerKey>| async move {
        let mut known = world.store.known_places(user, &keys).await.expect("reads");
        known.sort();
        known
    };
    for number in 2..=40_u8 {
        let code = world.code(&email("ana"), Some(ana));
        world.put_code(&code).await;
        let mut session = world.session(ana, number);
        session.created = after(i64::from(number));
        let places = vec![asker(number), asker(100 + number)];
        let redeem = Redeem { places, ..redeem(&code, &session, &[]) };
        world.enter(&redeem).await;
    }
    let latest = |at: u8| vec![asker(at), asker(100 + at)];
    assert_eq!(known(ana, latest(40)).await, latest(40));
    assert_eq!(known(ana, latest(25)).await, latest(25), "thirty-two are kept");
    assert_eq!(known(ana, latest(24)).await, [], "those used longest ago go");
    assert_eq!(known(beto, latest(40)).await, [], "of each account by itself");
    assert_eq!(known(beto, vec![asker(1), asker(2)]).await, [asker(1)]);
}

pub async fn racing_guesses_are_all_counted(world: &World) {
    let code = world.code(&email("ana"), None);
    world.put_code(&code).await;
    let codes = [code.id];
    let guesses = join_all((0..50).map(|_| world.store.guess(&codes, 5, NOON))).await;
    let mut tries: Vec<u32> =
        guesses.into_iter().flat_map(|g| g.expect("reads")).map(|code| code.tries).collect();
    tries.sort_unstable();
    assert_eq!(tries, [1, 2, 3, 4, 5]);
}

pub async fn fifty_racing_redeems_open_one_session(world: &World) {
    let ana = world.person("ana");
    world.store.sign_up(&ana).await.expect("signs up");
    let code = world.code(&ana.email, Some(ana.id));
    world.put_code(&code).await;
    let sessions: Vec<_> = (0..50).map(|token| world.session(ana.id, token)).collect();
    let redeems = sessions.iter().map(|session| world.redeem(&code, session));
    let won: Vec<_> = join_all(redeems).await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!((won[0].id, won[0].verified), (ana.id, Some(NOON)));
    assert_eq!(world.store.sessions(ana.id).await.expect("reads").len(), 1);
}

pub async fn a_code_opens_no_session_of_somebody_else(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let code = world.code(&email("ana"), Some(ana));
    let decoy = world.code(&email("nobody"), None);
    for code in [&code, &decoy] {
        world.put_code(code).await;
        assert_eq!(world.redeem(code, &world.session(beto, 9)).await, None);
    }
    assert_eq!(world.store.sessions(beto).await.expect("reads").len(), 1);
}

pub async fn sessions_are_listed_touched_and_closed(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    let mut ids = vec![world.store.sessions(ana).await.expect("reads")[0].id];
    for token in [1, 2] {
        let code = world.code(&email("ana"), Some(ana));
        world.put_code(&code).await;
        let session = world.session(ana, token);
        world.redeem(&code, &session).await.expect("redeems");
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
