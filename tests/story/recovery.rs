//! Recovery codes: made with a mailed code, used once each by who has lost their mailbox, told to
//! the address all the same. On the rules and the store of this run.

use std::net::{IpAddr, Ipv4Addr};

use futures_util::future::join_all;
use wechat::core::Rules;
use wechat::core::auth::recovery::RECOVERIES_AN_HOUR;
use wechat::core::auth::{Asker, OWN_GUESSES, RECOVERY_GUESSES, SignedIn};
use wechat::core::operator::Actor;
use wechat::error::{Code, Result};
use wechat::mail::Letter;
use wechat::model::auth::{CODE_LIFE, Caller, RECOVERY_CODES};
use wechat::model::operators::Act;
use wechat::model::text::Email;

use crate::harness::inside::{HOME, Inside, address};

/// Where nobody has logged in from.
fn elsewhere(number: u8) -> IpAddr {
    IpAddr::V4(Ipv4Addr::new(198, 51, 100, number))
}

/// No code of anybody.
const WRONG: &str = "0000-0000-0000-0000";

/// Somebody asks for recovery codes and makes them.
async fn makes(inside: &Inside, who: &Caller, name: &str) -> Vec<String> {
    inside.core.auth.ask_recovery_codes(who, HOME).await.expect("asked");
    let code = inside.code(&address(name));
    inside.core.auth.make_recovery_codes(who, &code, HOME).await.expect("made").codes
}

async fn recovers(inside: &Inside, email: &Email, code: &str, from: IpAddr) -> Result<SignedIn> {
    inside.core.auth.recover(email, code, "new phone", from).await
}

async fn left(inside: &Inside, who: &Caller) -> Option<usize> {
    let codes = inside.core.auth.recovery_codes(who).await.expect("reads");
    codes.map(|codes| codes.left.len())
}

fn latest(inside: &Inside, to: &Email) -> Letter {
    let mails = inside.mails.mails();
    mails.into_iter().rfind(|mail| mail.to == *to).expect("a mail").letter
}

#[tokio::test]
async fn who_has_lost_their_mailbox_comes_in_by_a_code_and_takes_another_address() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, old, new) = (inside.person("Ana").await, address("Ana"), address("Ana nueva"));
    assert_eq!(left(&inside, &ana).await, None);
    let codes = makes(&inside, &ana, "Ana").await;
    assert_eq!(codes.len(), RECOVERY_CODES);
    assert!(matches!(latest(&inside, &old), Letter::RecoveryMade { .. }), "she is told");
    assert_eq!(left(&inside, &ana).await, Some(RECOVERY_CODES));

    let typed = codes[3].to_lowercase().replace('-', " ");
    let signed_in = recovers(&inside, &old, &typed, elsewhere(1)).await.expect("comes in");
    assert_eq!(signed_in.user.id, ana.user);
    let told = latest(&inside, &old);
    assert!(
        matches!(told, Letter::Recovered { device, left: Some(9), .. } if device == "new phone")
    );
    let again = recovers(&inside, &old, &codes[3], elsewhere(1)).await.expect_err("once");
    assert_eq!(again.code, Code::BadCode);
    assert_eq!(left(&inside, &ana).await, Some(RECOVERY_CODES - 1));

    let there = Caller { user: ana.user, session: signed_in.session.id, instance: None };
    inside.core.auth.ask_move(&there, new.clone(), elsewhere(1)).await.expect("asked");
    assert!(matches!(latest(&inside, &old), Letter::Moving { .. }), "the old address is told");
    let code = inside.code(&new);
    inside.core.auth.move_to(&there, &new, &code, elsewhere(1)).await.expect("moved");
    assert_eq!(left(&inside, &there).await, Some(RECOVERY_CODES - 1), "she keeps the others");
    assert!(recovers(&inside, &old, &codes[4], elsewhere(1)).await.is_err(), "it is not hers now");
    recovers(&inside, &new, &codes[4], elsewhere(1)).await.expect("comes in");
}

#[tokio::test]
async fn recovery_codes_are_made_with_a_mailed_code_of_the_same_session_alone() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, at) = (inside.person("Ana").await, address("Ana"));
    inside.asks(&at, HOME.into()).await.expect("a login code");
    let login = inside.code(&at);
    let make = async |who: &Caller, code: &str| {
        inside.core.auth.make_recovery_codes(who, code, HOME).await
    };
    let refused = make(&ana, &login).await.expect_err("a login code makes none");
    assert_eq!((refused.code, refused.field.as_deref()), (Code::BadField, Some("code")));
    let phone = inside.log_in_with(&at, &login).await.expect("logs in");
    let phone = Caller { user: ana.user, session: phone.session.id, instance: None };

    inside.core.auth.ask_recovery_codes(&ana, HOME).await.expect("asked");
    let code = inside.code(&at);
    assert!(inside.log_in_with(&at, &code).await.is_err(), "it opens no session");
    assert!(make(&phone, &code).await.is_err(), "it is another session's");
    let racing = join_all((0..8).map(|_| make(&ana, &code))).await;
    assert!(racing.iter().filter(|made| made.is_ok()).count() <= 1);
    assert_eq!(left(&inside, &ana).await, Some(RECOVERY_CODES));

    inside.core.auth.ask_recovery_codes(&ana, HOME).await.expect("asked");
    let code = inside.code(&at);
    inside.clock.advance(CODE_LIFE);
    assert!(make(&ana, &code).await.is_err(), "it is over");
    for _ in 2..RECOVERIES_AN_HOUR {
        inside.core.auth.ask_recovery_codes(&ana, HOME).await.expect("asked");
    }
    let refused = inside.core.auth.ask_recovery_codes(&ana, HOME).await.expect_err("too often");
    assert_eq!(refused.code, Code::TooMany);
}

#[tokio::test]
async fn new_codes_void_the_earlier_and_the_link_in_a_mail_voids_all() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, at) = (inside.person("Ana").await, address("Ana"));
    let first = makes(&inside, &ana, "Ana").await;
    let second = makes(&inside, &ana, "Ana").await;
    assert!(recovers(&inside, &at, &first[0], HOME).await.is_err());
    recovers(&inside, &at, &second[0], HOME).await.expect("comes in");
    let Letter::Recovered { stay, .. } = latest(&inside, &at) else { panic!("she is told") };
    inside.core.auth.stay(&stay).await.expect("stays");
    assert_eq!(inside.store.sessions(ana.user).await.expect("reads"), [], "all are logged out");
    assert!(recovers(&inside, &at, &second[1], HOME).await.is_err(), "no code works any more");
}

#[tokio::test]
async fn one_code_that_is_used_many_times_at_once_lets_in_once() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, at) = (inside.person("Ana").await, address("Ana"));
    let codes = makes(&inside, &ana, "Ana").await;
    let tries = join_all((0..16).map(|from| {
        let (inside, at, code) = (&inside, &at, &codes[0]);
        async move { recovers(inside, at, code, elsewhere(from)).await }
    }));
    assert_eq!(tries.await.iter().filter(|it| it.is_ok()).count(), 1);
    assert_eq!(left(&inside, &ana).await, Some(RECOVERY_CODES - 1));
}

#[tokio::test]
async fn a_wrong_code_learns_nothing_of_the_address() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, _beto) = (inside.person("Ana").await, inside.person("Beto").await);
    let codes = makes(&inside, &ana, "Ana").await;
    let count = inside.mails.mails().len();
    let mut answers = Vec::new();
    for (number, (name, code)) in [
        ("Ana", WRONG),
        ("Beto", WRONG),
        ("Nobody", WRONG),
        ("Beto", codes[0].as_str()),
        ("Nobody", codes[0].as_str()),
        ("Nobody", "123456"),
    ]
    .into_iter()
    .enumerate()
    {
        let from = elsewhere(number as u8);
        let refused = recovers(&inside, &address(name), code, from).await.expect_err("wrong");
        answers.push((refused.code, refused.to_string()));
    }
    assert!(answers.iter().all(|answer| *answer == answers[0]), "{answers:?}");
    assert_eq!(inside.mails.mails().len(), count, "and nobody gets a mail");
}

#[tokio::test]
async fn whoever_guesses_is_stopped_and_keeps_out_nobody_else() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, at) = (inside.person("Ana").await, address("Ana"));
    let codes = makes(&inside, &ana, "Ana").await;
    let mut compared = 0;
    for network in 1..=8 {
        for _ in 0..RECOVERY_GUESSES {
            let refused = recovers(&inside, &at, WRONG, elsewhere(network)).await;
            match refused.expect_err("wrong").code {
                Code::BadCode => compared += 1,
                code => assert_eq!(code, Code::TooMany),
            }
        }
    }
    assert!(compared <= RECOVERY_GUESSES + 8 * OWN_GUESSES, "{compared}");
    let stopped = recovers(&inside, &at, &codes[0], elsewhere(2)).await.expect_err("stopped");
    assert_eq!(stopped.code, Code::TooMany, "a right code too, as it is not looked at");
    // Ana comes in from a network that did nothing, from her own, and by mail.
    recovers(&inside, &at, &codes[0], elsewhere(99)).await.expect("comes in");
    for code in &codes[1..] {
        recovers(&inside, &at, code, HOME).await.expect("comes in: a right code costs nothing");
    }
    inside.asks(&at, Asker::from(HOME)).await.expect("a code by mail");
    inside.log_in_with(&at, &inside.code(&at)).await.expect("logs in");
    // What was guessed at her account took nothing of what others may.
    let beto = inside.person("Beto").await;
    let codes = makes(&inside, &beto, "Beto").await;
    recovers(&inside, &address("Beto"), &codes[0], elsewhere(100)).await.expect("comes in");
}

#[tokio::test]
async fn a_suspended_person_does_not_come_in_and_a_deleted_one_has_no_codes() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, at) = (inside.person("Ana").await, address("Ana"));
    let codes = makes(&inside, &ana, "Ana").await;
    let act = async |act| inside.core.operator.act(&Actor::Machine, act).await.expect("acts");
    act(Act::Suspend { user: ana.user, until: None, why: "spam".into() }).await;
    let refused = recovers(&inside, &at, &codes[0], HOME).await.expect_err("suspended");
    assert_eq!(refused.code, Code::Forbidden);
    act(Act::Restore { user: ana.user }).await;
    let back = recovers(&inside, &at, &codes[0], HOME).await.expect("comes in");
    let back = Caller { user: ana.user, session: back.session.id, instance: None };
    inside.core.users.delete(&back).await.expect("deletes");
    assert_eq!(inside.store.recovery_of(ana.user).await.expect("reads"), None);
    assert!(recovers(&inside, &at, &codes[1], HOME).await.is_err());
}
