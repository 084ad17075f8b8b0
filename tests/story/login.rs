//! Login codes: wrong five times, expired, reused, raced, sprayed; sessions and what ends them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use wechat::core::Rules;
use wechat::core::auth::Limits;
use wechat::core::types::auth::{CODE_LIFE, Which};
use wechat::error::{Code, Language};

use crate::harness::inside::{HOME, Inside, address};

fn wrong(code: &str) -> String {
    let digit = if code.starts_with('0') { '1' } else { '0' };
    format!("{digit}{}", &code[1..])
}

async fn with_a_code(inside: &Inside) -> String {
    let email = address("Ana");
    let asked = inside.core.auth.request_code(email.clone(), Language::English, HOME).await;
    asked.expect("a code");
    inside.code(&email)
}

#[tokio::test]
async fn after_five_wrong_guesses_the_right_code_does_not_work() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    let code = with_a_code(&inside).await;
    for _ in 0..5 {
        let refused = inside.log_in_with(&address("Ana"), &wrong(&code)).await;
        assert_eq!(refused.expect_err("wrong").code, Code::BadCode);
    }
    let refused = inside.log_in_with(&address("Ana"), &code).await.expect_err("too late");
    assert_eq!(refused.code, Code::BadCode);
    let fresh = with_a_code(&inside).await;
    assert!(inside.log_in_with(&address("Ana"), &fresh).await.is_ok(), "a new code works");
}

#[tokio::test]
async fn a_code_expires_and_is_used_once() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    let code = with_a_code(&inside).await;
    inside.clock.advance(CODE_LIFE + Duration::from_millis(1));
    let expired = inside.log_in_with(&address("Ana"), &code).await.expect_err("expired");
    assert_eq!(expired.code, Code::BadCode);

    let code = with_a_code(&inside).await;
    assert!(inside.log_in_with(&address("Ana"), &code).await.is_ok());
    let used = inside.log_in_with(&address("Ana"), &code).await.expect_err("used");
    assert_eq!(used.code, Code::BadCode);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn fifty_right_answers_at_once_open_one_session() {
    let inside = Arc::new(Inside::new(Rules::default()).await);
    let ana = inside.person("Ana").await;
    let code = with_a_code(&inside).await;
    let tries = (0..50).map(|_| {
        let (inside, code) = (inside.clone(), code.clone());
        tokio::spawn(async move { inside.log_in_with(&address("Ana"), &code).await.is_ok() })
    });
    let mut opened = 0;
    for attempt in tries.collect::<Vec<_>>() {
        opened += u32::from(attempt.await.expect("no panic"));
    }
    assert_eq!(opened, 1);
    let sessions = inside.core.auth.sessions(&ana).await.expect("sessions");
    assert_eq!(sessions.len(), 2, "the first and the one that won");
}

#[tokio::test]
async fn guesses_sprayed_over_accounts_and_addresses_meet_one_budget() {
    let limits = Limits { codes_per_ip: 10_000, ..Limits::default() };
    let inside = Inside::new(Rules { limits, ..Rules::default() }).await;
    let mut refused_at = None;
    for number in 0..500_u32 {
        let ip = IpAddr::V4(Ipv4Addr::from(0xc633_6400 + number));
        let email = address(&format!("Nadie {}", number % 100));
        let error = inside.core.auth.verify(&email, "123456", "x", ip).await.expect_err("wrong");
        if error.code == Code::TooMany {
            refused_at = Some(number);
            assert!(error.retry_after.is_some());
            break;
        }
    }
    assert_eq!(refused_at, Some(limits.wrong_in_all), "guesses an hour, from everywhere");
}

#[tokio::test]
async fn one_address_and_one_place_may_ask_for_so_many_codes() {
    let inside = Inside::new(Rules::default()).await;
    let ask = |name: String, ip: [u8; 4]| {
        inside.core.auth.request_code(address(&name), Language::English, IpAddr::from(ip))
    };
    for number in 0..Limits::default().codes_per_address {
        ask("Ana".into(), [192, 0, 2, number as u8]).await.expect("within the limit");
    }
    let refused = ask("Ana".into(), [192, 0, 2, 99]).await.expect_err("one more");
    assert_eq!(refused.code, Code::TooMany);
    inside.clock.advance(Duration::from_secs(3600));
    ask("Ana".into(), [192, 0, 2, 99]).await.expect("an hour later");

    for number in 0..Limits::default().codes_per_ip {
        ask(format!("P{number}"), [198, 51, 100, 7]).await.expect("within the limit");
    }
    let refused = ask("Otra".into(), [198, 51, 100, 7]).await.expect_err("one more");
    assert_eq!(refused.code, Code::TooMany);
}

#[tokio::test]
async fn known_and_unknown_addresses_get_the_same_answers() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    for name in ["Ana", "Nadie"] {
        let asked = inside.core.auth.request_code(address(name), Language::Spanish, HOME).await;
        assert!(asked.is_ok(), "{name}");
        let refused = inside.log_in_with(&address(name), "000000x").await.expect_err("wrong");
        assert_eq!(refused.code, Code::BadCode, "{name}");
    }
    let mails = inside.mails.mails();
    assert!(mails.iter().all(|mail| mail.to == address("Ana")), "no mail to who has no account");
}

#[tokio::test]
async fn a_closed_session_is_refused_at_once_although_it_was_just_used() {
    let inside = Inside::new(Rules::default()).await;
    let ana = inside.person("Ana").await;
    let code = with_a_code(&inside).await;
    let second = inside.log_in_with(&address("Ana"), &code).await.expect("logged in");
    let token = second.token.expose().to_owned();
    inside.core.auth.authenticate(&token).await.expect("open, and now cached");
    let closed = inside.core.auth.close(&ana, Which::AllBut(ana.session)).await.expect("closed");
    assert_eq!(closed, [second.session.id]);
    let refused = inside.core.auth.authenticate(&token).await.expect_err("closed");
    assert_eq!(refused.code, Code::Unauthenticated);
}

#[tokio::test]
async fn an_account_that_nobody_verified_is_nobody_and_vanishes() {
    let inside = Inside::new(Rules::default()).await;
    let ana = inside.person("Ana").await;
    let request = wechat::core::auth::SignUp {
        name: wechat::core::types::text::Name::parse("name", "Fantasma").expect("a name"),
        email: address("Fantasma"),
        push_token: None,
        language: Language::English,
        ip: HOME,
    };
    inside.core.auth.sign_up(request).await.expect("signed up");
    let found = inside.core.search.find(&ana, "fantasma", 0, 20).await.expect("a search");
    assert!(found.users.is_empty());
    inside.clock.advance(Duration::from_secs(25 * 3600));
    inside.core.sweep().await.expect("swept");
    let gone = inside.store.user_by_email(&address("Fantasma")).await.expect("a look");
    assert!(gone.is_none());
    assert!(inside.store.user_by_email(&address("Ana")).await.expect("a look").is_some());
}
