//! Login codes: wrong again and again, expired, reused, raced, sprayed; sessions and what ends
//! them.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use hyper::Method;
use loadgen::client::connection::Connection;
use wechat::clock::Clock;
use wechat::core::Rules;
use wechat::core::auth::{Asker, Limits, SignUp};
use wechat::core::messages::Draft;
use wechat::core::search::Query;
use wechat::error::{Code, Language};
use wechat::mail::{Letter, Mail};
use wechat::model::auth::{CODE_LIFE, Caller, Which};
use wechat::model::text::{Body, ClientMsgId, Email, Name, PushToken};

use crate::harness::inside::{HOME, Inside, address};
use crate::harness::{PATIENCE, World};

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
async fn after_its_tries_the_right_code_does_not_work() {
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

/// A place that nobody has been at.
fn elsewhere(number: u32) -> IpAddr {
    IpAddr::V4(Ipv4Addr::from(0xc633_6400 + number))
}

/// Somebody who keeps tickets, with one or yet without.
fn keeper(ip: IpAddr, ticket: &str) -> Asker {
    Asker { ip, ticket: Some(ticket.to_owned()) }
}

#[tokio::test]
async fn guesses_where_no_code_waits_cost_nobody_anything() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    let code = with_a_code(&inside).await;
    for number in 0..500_u32 {
        let (email, from) = (address(&format!("Nadie {}", number % 100)), elsewhere(number % 14));
        let error = inside.core.auth.verify(&email, "123456", "x", from).await.expect_err("wrong");
        assert_eq!(error.code, Code::BadCode, "guess {number}");
        let error = inside.core.auth.verify(&address("Ana"), &code, "x", from).await;
        assert_eq!(error.expect_err("not theirs").code, Code::BadCode, "guess {number}");
    }
    assert!(inside.log_in_with(&address("Ana"), &code).await.is_ok());
}

#[tokio::test]
async fn a_stranger_neither_replaces_nor_spends_the_code_of_its_owner() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    let ana = address("Ana");
    inside.clock.advance(Duration::from_secs(24 * 3600));
    // In the same network, as somebody in the same café.
    let ticket = inside.asks(&ana, keeper(HOME, "")).await.expect("a code");
    let code = inside.code(&ana);
    for asker in [HOME.into(), keeper(HOME, ""), elsewhere(1).into(), keeper(elsewhere(1), "")] {
        let theirs = inside.asks(&ana, asker).await.expect("a code");
        for asker in [HOME.into(), keeper(HOME, &theirs), keeper(elsewhere(1), &theirs)] {
            for guess in ["000000", "000001", "000002", "000003"] {
                let guess = inside.core.auth.verify(&ana, guess, "x", asker.clone()).await;
                assert!(guess.is_err());
            }
        }
    }
    let mine = inside.core.auth.verify(&ana, &code, "x", keeper(HOME, &ticket)).await;
    assert!(mine.is_ok(), "{mine:?}");
}

#[tokio::test]
async fn the_last_two_codes_of_an_asker_work() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    let first = with_a_code(&inside).await;
    let second = with_a_code(&inside).await;
    let third = with_a_code(&inside).await;
    let oldest = inside.log_in_with(&address("Ana"), &first).await;
    assert!(oldest.is_err() || first == second || first == third, "two, not three");
    let late = inside.log_in_with(&address("Ana"), &second).await;
    assert!(late.is_ok(), "a mail that was late");
    let pasted = format!(" {} {} ", &third[..3], &third[3..]);
    assert!(inside.log_in_with(&address("Ana"), &pasted).await.is_ok());
}

#[tokio::test]
async fn who_was_there_before_is_never_kept_out_by_strangers_requests() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    let ana = address("Ana");
    let ticket = inside.asks(&ana, keeper(HOME, "")).await.expect("a code");
    let code = inside.code(&ana);
    let device = keeper(HOME, &ticket);
    inside.core.auth.verify(&ana, &code, "phone", device).await.expect("logged in");
    inside.clock.advance(Duration::from_secs(24 * 3600));
    for number in 0..40 {
        let _ = inside.asks(&ana, elsewhere(number % 8).into()).await;
    }
    let refused = inside.asks(&ana, elsewhere(99).into()).await.expect_err("too many mails");
    assert_eq!(refused.code, Code::TooMany);
    inside.asks(&ana, HOME.into()).await.expect("from a network that she knows");
    assert!(inside.log_in_with(&ana, &inside.code(&ana)).await.is_ok());
    let away = keeper(elsewhere(50), &ticket);
    let same = inside.asks(&ana, away.clone()).await.expect("with a device that she knows");
    assert_eq!(same, ticket);
    let code = inside.code(&ana);
    assert!(inside.core.auth.verify(&ana, &code, "phone", away).await.is_ok());
}

#[tokio::test]
async fn one_network_alone_does_not_use_up_an_address() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    inside.clock.advance(Duration::from_secs(24 * 3600));
    while inside.asks(&address("Ana"), elsewhere(1).into()).await.is_ok() {}
    inside.asks(&address("Ana"), elsewhere(2).into()).await.expect("from another place");
}

fn sign_up(name: &str, push_token: &str, asker: impl Into<Asker>) -> SignUp {
    SignUp {
        name: Name::parse("name", name).expect("a name"),
        email: address("Victor"),
        push_token: Some(PushToken::parse("push_token", push_token).expect("a token")),
        language: Language::English,
        invitation: None,
        asker: asker.into(),
    }
}

#[tokio::test]
async fn an_account_becomes_what_the_sign_up_of_its_code_said() {
    let inside = Inside::new(Rules::default()).await;
    let victor = address("Victor");
    inside.core.auth.sign_up(sign_up("Victor", "his", HOME)).await.expect("signed up");
    let code = inside.code(&victor);
    inside.core.auth.sign_up(sign_up("EVIL", "theirs", elsewhere(1))).await.expect("signed up");
    let user = inside.log_in_with(&victor, &code).await.expect("logged in").user;
    assert_eq!(user.name.as_str(), "Victor");
    assert_eq!(user.push_token.as_ref().map(PushToken::as_str), Some("his"));
    let victor = Query::parse("q", "victor").expect("a query");
    let found = inside.core.search.find(&victor, 0, 9).await;
    assert_eq!(found.expect("a search").users.len(), 1);
}

#[tokio::test]
async fn a_login_code_for_a_sign_up_of_somebody_else_takes_nothing_from_it() {
    let inside = Inside::new(Rules::default()).await;
    let victor = address("Victor");
    inside.core.auth.sign_up(sign_up("EVIL", "theirs", elsewhere(1))).await.expect("signed up");
    inside.asks(&victor, HOME.into()).await.expect("a code");
    let user = inside.log_in_with(&victor, &inside.code(&victor)).await.expect("logged in").user;
    assert_eq!((user.name.as_str(), user.push_token), ("victor", None));
}

#[tokio::test]
async fn a_login_code_after_ones_own_sign_up_keeps_what_it_said() {
    let inside = Inside::new(Rules::default()).await;
    let victor = address("Victor");
    inside.core.auth.sign_up(sign_up("Victor", "his", HOME)).await.expect("signed up");
    inside.asks(&victor, HOME.into()).await.expect("a code");
    let user = inside.log_in_with(&victor, &inside.code(&victor)).await.expect("logged in").user;
    assert_eq!(user.name.as_str(), "Victor");
    assert!(user.push_token.is_some());
}

#[tokio::test]
async fn a_full_mail_queue_tells_nobody_who_has_an_account() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    inside.mails.fill(true);
    for name in ["Ana", "Nadie"] {
        let refused = inside.asks(&address(name), elsewhere(1).into()).await.expect_err("full");
        assert_eq!(refused.code, Code::MailFailed, "{name}");
        let request = SignUp { email: address(name), ..sign_up("X", "x", elsewhere(1)) };
        let refused = inside.core.auth.sign_up(request).await.expect_err("full");
        assert_eq!(refused.code, Code::MailFailed, "{name}");
    }
    inside.asks(&address("Ana"), HOME.into()).await.expect("a place is kept for who is known");
    assert!(inside.log_in_with(&address("Ana"), &inside.code(&address("Ana"))).await.is_ok());
}

#[tokio::test]
async fn what_a_wrong_clock_left_is_void() {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    let before = inside.clock.now();
    inside.clock.advance(YEAR);
    while inside.asks(&address("Ana"), HOME.into()).await.is_ok() {}
    let code = inside.code(&address("Ana"));
    inside.clock.set(before);
    let refused = inside.log_in_with(&address("Ana"), &code).await.expect_err("of the future");
    assert_eq!(refused.code, Code::BadCode);
    let code = with_a_code(&inside).await;
    assert!(inside.log_in_with(&address("Ana"), &code).await.is_ok());
}

#[tokio::test]
async fn a_message_of_a_wrong_clock_keeps_no_chat_on_top() {
    const YEAR: Duration = Duration::from_secs(365 * 24 * 3600);
    let inside = Inside::new(Rules::default()).await;
    let (ana, beto) = (inside.person("Ana").await, inside.person("Beto").await);
    let carla = inside.person("Carla").await;
    let say = |to: Caller, key: &'static str| {
        let (core, ana) = (inside.core.clone(), ana);
        async move {
            let target = core.chats.resolve(&ana, "chat", to.user.0).await.expect("a chat");
            let draft = Draft::new(ClientMsgId::stored(key.into()), Body::stored("hola".into()));
            core.messages.send(&ana, target, draft).await.expect("queued").await.expect("sent");
            target.chat
        }
    };
    let before = inside.clock.now();
    inside.clock.advance(YEAR);
    let future = say(beto, "a").await;
    inside.clock.set(before);
    let present = say(carla, "b").await;
    let listed = inside.core.chats.list(&ana, 0, 9).await.expect("a list");
    assert_eq!(listed.iter().map(|row| row.chat.id).collect::<Vec<_>>(), [present, future]);
}

#[tokio::test]
async fn a_session_ends_when_nobody_uses_it() {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let rules = Rules { session_idle: DAY, ..Rules::default() };
    let inside = Inside::new(rules).await;
    let ana = inside.person("Ana").await;
    let code = with_a_code(&inside).await;
    let phone = inside.log_in_with(&address("Ana"), &code).await.expect("logged in");
    let token = phone.token.expose();
    for _ in 0..3 {
        inside.clock.advance(DAY * 3 / 4);
        inside.core.auth.authenticate(token).await.expect("it is in use");
        inside.core.sweep().await.expect("swept");
    }
    let open = inside.store.sessions(ana.user).await.expect("reads");
    assert_eq!(open.iter().map(|s| s.id).collect::<Vec<_>>(), [phone.session.id]);
    inside.clock.advance(DAY);
    let refused = inside.core.auth.authenticate(token).await.expect_err("idle");
    assert_eq!(refused.code, Code::Unauthenticated, "before any sweep");
    inside.core.sweep().await.expect("swept");
    assert!(inside.store.sessions(ana.user).await.expect("reads").is_empty());
}

#[tokio::test]
async fn a_login_from_a_new_place_is_told_by_mail() {
    let inside = Inside::new(Rules::default()).await;
    inside.person("Ana").await;
    let ana = address("Ana");
    let told = || {
        let mails = inside.mails.mails();
        let new = |mail: &&Mail| matches!(mail.letter, Letter::NewDevice { .. });
        mails.iter().filter(new).count()
    };
    let code = with_a_code(&inside).await;
    inside.log_in_with(&ana, &code).await.expect("logged in");
    assert_eq!(told(), 0, "neither at the sign-up nor from the same network");
    let ticket = inside.asks(&ana, keeper(elsewhere(1), "")).await.expect("a code");
    let (code, asker) = (inside.code(&ana), keeper(elsewhere(1), &ticket));
    inside.core.auth.verify(&ana, &code, "Laptop", asker).await.expect("logged in");
    assert_eq!(told(), 1);
    let Letter::NewDevice { device, .. } = inside.mails.mails().pop().expect("a mail").letter
    else {
        panic!("the last mail tells it")
    };
    assert_eq!(device, "Laptop");
    let asker = keeper(elsewhere(2), &ticket);
    inside.asks(&ana, asker.clone()).await.expect("a code");
    inside.core.auth.verify(&ana, &inside.code(&ana), "Laptop", asker).await.expect("logged in");
    assert_eq!(told(), 1, "the device is known");
}

/// One round of a stranger who does its worst from one network: requests with tickets and without,
/// sign-ups, and guesses at all of their codes.
async fn does_its_worst(inside: &Inside, from: IpAddr, victims: &[Email]) {
    for victim in victims {
        let ticket = inside.asks(victim, keeper(from, "")).await.unwrap_or_default();
        let _ = inside.asks(victim, from.into()).await;
        let request = SignUp { email: victim.clone(), ..sign_up("Evil", "evil", from) };
        let _ = inside.core.auth.sign_up(request).await;
        for guess in 0..4 {
            let guess = format!("00000{guess}");
            for asker in [from.into(), keeper(from, &ticket), keeper(from, "made up")] {
                let _ = inside.core.auth.verify(victim, &guess, "x", asker).await;
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_from_sixteen_networks_keeps_nobody_out_for_an_hour() {
    const NETWORKS: u32 = 16;
    const ROUNDS: u32 = 6;
    let inside = Inside::new(Rules::default()).await;
    let people: Vec<Email> = ["Ana", "Beto", "Carla"].map(address).to_vec();
    for name in ["Ana", "Beto", "Carla"] {
        inside.person(name).await;
    }
    inside.clock.advance(Duration::from_secs(24 * 3600));
    let mut victims = people.clone();
    victims.extend((0..3).map(|number| address(&format!("Nadie {number}"))));
    let mut compared = 0;
    for round in 0..ROUNDS {
        let strangers = (0..NETWORKS).map(|n| does_its_worst(&inside, elsewhere(n), &victims));
        join_all(strangers).await;
        for victim in &victims {
            let codes = inside.store.waiting(victim).await.expect("reads");
            compared += codes.iter().map(|code| code.tries).sum::<u32>();
        }
        // Everybody who was there before, from where they were, once in the hour each.
        if let Some(email) = people.get(round as usize / 2).filter(|_| round % 2 == 1) {
            inside.asks(email, HOME.into()).await.expect("a code at the first wish");
            let entered = inside.log_in_with(email, &inside.code(email)).await;
            assert!(entered.is_ok(), "round {round}: {:?}", entered.err());
        }
        // Somebody new, from somewhere else.
        let (email, from) = (address(&format!("Nueva {round}")), elsewhere(100 + round));
        let request = SignUp { email: email.clone(), ..sign_up("Nueva", "x", from) };
        inside.core.auth.sign_up(request).await.expect("signed up at the first wish");
        let code = inside.code(&email);
        let entered = inside.core.auth.verify(&email, &code, "x", from).await;
        assert!(entered.is_ok(), "round {round}: {:?}", entered.err());
        inside.clock.advance(Duration::from_secs(600));
        inside.core.sweep().await.expect("swept, so that no code is looked at twice");
    }
    // The budget of all for the hour (the rounds may lie in two), and what each network has.
    let limits = Limits::default();
    assert!(compared > 50, "the stranger did try: {compared}");
    assert!(compared <= 2 * limits.wrong_in_all + 4 * NETWORKS, "{compared}");
    let chance = f64::from(compared) * 1e-6;
    println!("compared {compared} guesses, a chance of {chance:.1e} in the hour");
    assert!(chance < limits.chance_in_all(NETWORKS) / 12.0, "{chance}");
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
    inside.person("Ana").await;
    let request = wechat::core::auth::SignUp {
        name: wechat::model::text::Name::parse("name", "Fantasma").expect("a name"),
        email: address("Fantasma"),
        push_token: None,
        language: Language::English,
        invitation: None,
        asker: HOME.into(),
    };
    inside.core.auth.sign_up(request).await.expect("signed up");
    let ghost = Query::parse("q", "fantasma").expect("a query");
    let found = inside.core.search.find(&ghost, 0, 20).await.expect("a search");
    assert!(found.users.is_empty());
    inside.clock.advance(Duration::from_secs(25 * 3600));
    inside.core.sweep().await.expect("swept");
    let gone = inside.store.user_by_email(&address("Fantasma")).await.expect("a look");
    assert!(gone.is_none());
    assert!(inside.store.user_by_email(&address("Ana")).await.expect("a look").is_some());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_connects_while_their_session_is_closed_learns_that_it_was() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    for _ in 0..20 {
        let phone = world.another_device(&ana).await;
        let dial = phone.api.session().expect("a session").dial(phone.api.addr());
        let close = ana.asks(Method::DELETE, "/api/v1/auth/sessions?keep=current", None);
        let (opened, closed) = tokio::join!(Connection::open(dial), close);
        assert!(closed.status.is_success());
        // The upgrade itself is refused when the session was over before.
        if let Ok(connection) = opened {
            let code = tokio::time::timeout(PATIENCE, connection.closed()).await.expect("closed");
            assert_eq!(code, 4503, "revoked, however far the connection had come");
        }
    }
}
