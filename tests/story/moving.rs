//! Another address for one's own account: a code to the new one, word to the old one, and a way
//! back for whoever did not want it. On the rules and the store of this run.

use std::time::Duration;

use wechat::core::Rules;
use wechat::core::auth::moving::{MOVES_AN_HOUR, STAY_LIFE};
use wechat::core::operator::Actor;
use wechat::error::{Code, Result};
use wechat::mail::{Letter, Mail, MovedBy};
use wechat::model::auth::{CODE_LIFE, Caller};
use wechat::model::door::{Door, SignUps};
use wechat::model::operators::Act;
use wechat::model::text::Email;
use wechat::model::users::User;

use crate::harness::inside::{HOME, Inside, address};
use crate::harness::mongo;

fn new_address() -> Email {
    address("Ana nueva")
}

async fn asks(inside: &Inside, who: &Caller, to: &Email) -> Result<()> {
    inside.core.auth.ask_move(who, to.clone(), HOME).await
}

async fn verifies(inside: &Inside, who: &Caller, to: &Email, code: &str) -> Result<User> {
    inside.core.auth.move_to(who, to, code, HOME).await
}

/// Logs in once more.
async fn again(inside: &Inside, at: &Email) -> Result<Caller> {
    inside.asks(at, HOME.into()).await?;
    let signed_in = inside.log_in_with(at, &inside.code(at)).await?;
    Ok(Caller { user: signed_in.user.id, session: signed_in.session.id, instance: None })
}

async fn is_open(inside: &Inside, who: &Caller) -> bool {
    let open = inside.store.sessions(who.user).await.expect("reads");
    open.iter().any(|session| session.id == who.session)
}

fn wrong(code: &str) -> String {
    let digit = if code.starts_with('0') { '1' } else { '0' };
    format!("{digit}{}", &code[1..])
}

/// The latest mail to an address, and how many there are.
fn latest(inside: &Inside, to: &Email) -> (Letter, usize) {
    let mails: Vec<Mail> = inside.mails.mails().into_iter().filter(|it| it.to == *to).collect();
    (mails.last().expect("a mail").letter.clone(), mails.len())
}

/// What the link in the latest mail to an address shows.
fn link(inside: &Inside, to: &Email) -> String {
    match latest(inside, to).0 {
        Letter::Moving { stay, .. } | Letter::Moved { by: MovedBy::Owner { stay }, .. } => stay,
        other => panic!("{other:?} has no link"),
    }
}

#[tokio::test]
async fn an_account_moves_with_a_code_from_its_new_mailbox_and_the_old_one_is_told() {
    let inside = Inside::new(Rules::default()).await;
    let (old, new) = (address("Ana"), new_address());
    let ana = inside.person("Ana").await;
    let phone = again(&inside, &old).await.expect("a second device");
    inside.asks(&old, HOME.into()).await.expect("a code that is left alone");
    let login = inside.code(&old);

    asks(&inside, &ana, &new).await.expect("asked");
    assert!(matches!(&latest(&inside, &old).0, Letter::Moving { to, .. } if *to == new));
    let code = inside.code(&new);
    let refused = inside.log_in_with(&new, &code).await.expect_err("it opens no session");
    assert_eq!(refused.code, Code::BadCode);
    let refused = verifies(&inside, &phone, &new, &code).await.expect_err("of another session");
    assert_eq!((refused.code, refused.field.as_deref()), (Code::BadField, Some("code")));
    assert!(verifies(&inside, &ana, &new, &wrong(&code)).await.is_err());
    assert_eq!(inside.core.users.me(&ana).await.expect("me").email, old, "nothing yet");

    let moved = verifies(&inside, &ana, &new, &code).await.expect("moved");
    assert_eq!((moved.id, &moved.email), (ana.user, &new));
    assert!(is_open(&inside, &ana).await, "where it was done");
    assert!(!is_open(&inside, &phone).await, "and nowhere else");
    assert!(inside.log_in_with(&old, &login).await.is_err(), "earlier codes are void");
    assert!(verifies(&inside, &ana, &new, &code).await.is_err(), "once");
    let (word, count) = latest(&inside, &old);
    assert!(matches!(word, Letter::Moved { to, by: MovedBy::Owner { .. } } if to == new));
    assert_eq!(again(&inside, &new).await.expect("logs in").user, ana.user);
    inside.asks(&old, HOME.into()).await.expect("the same answer");
    assert_eq!(latest(&inside, &old).1, count, "and no mail: it has no account");
}

#[tokio::test]
async fn whoever_reads_the_old_mailbox_stops_it_or_takes_the_account_back() {
    let inside = Inside::new(Rules::default()).await;
    let (old, new) = (address("Ana"), new_address());
    let thief = inside.person("Ana").await;
    asks(&inside, &thief, &new).await.expect("asked");
    let (code, stay) = (inside.code(&new), link(&inside, &old));
    assert_eq!(inside.core.auth.check_stay(&stay).expect("a link"), old);
    assert!(is_open(&inside, &thief).await, "a look changes nothing");
    inside.core.auth.stay(&stay).await.expect("stays");
    assert!(!is_open(&inside, &thief).await);
    assert!(verifies(&inside, &thief, &new, &code).await.is_err(), "the code is void");

    let thief = again(&inside, &old).await.expect("logs in");
    asks(&inside, &thief, &new).await.expect("asked");
    verifies(&inside, &thief, &new, &inside.code(&new)).await.expect("moved");
    let stay = link(&inside, &old);
    for bad in ["", "x", &stay[1..], &stay.replace('A', "B")] {
        let refused = inside.core.auth.stay(bad).await.expect_err("made up");
        assert_eq!(refused.field.as_deref(), Some("t"), "{bad}");
    }
    // The server that stands for MongoDB in tests never frees a unique value that was changed.
    if mongo::chosen().is_none() {
        for _ in 0..2 {
            inside.core.auth.stay(&stay).await.expect("back, and again");
        }
        assert!(!is_open(&inside, &thief).await);
        assert_eq!(again(&inside, &old).await.expect("logs in").user, thief.user);
        let word = latest(&inside, &new).0;
        assert!(matches!(word, Letter::Moved { to, by: MovedBy::Link } if to == old));
    }
    inside.clock.advance(STAY_LIFE);
    assert!(inside.core.auth.stay(&stay).await.is_err(), "for a week");
}

#[tokio::test]
async fn an_address_that_is_taken_gets_the_same_answer_and_another_mail() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, beto) = (inside.person("Ana").await, address("Beto"));
    inside.person("Beto").await;
    asks(&inside, &ana, &beto).await.expect("the same answer");
    assert!(latest(&inside, &beto).0 == Letter::MoveTaken);
    assert!(matches!(latest(&inside, &address("Ana")).0, Letter::Moving { .. }));
    let code = inside.store.waiting(&beto).await.expect("reads").remove(0);
    assert_eq!(code.user, None, "nobody's code, so that both take the same steps");
    let refused = verifies(&inside, &ana, &beto, "123456").await.expect_err("no code");
    assert_eq!((refused.code, refused.field.as_deref()), (Code::BadField, Some("code")));
    let same = asks(&inside, &ana, &address("Ana")).await.expect_err("it has it");
    assert_eq!(same.field.as_deref(), Some("email"));
}

#[tokio::test]
async fn codes_end_and_nobody_asks_or_guesses_without_end() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, new) = (inside.person("Ana").await, new_address());
    asks(&inside, &ana, &new).await.expect("asked");
    let code = inside.code(&new);
    for _ in 0..3 {
        assert!(verifies(&inside, &ana, &new, &wrong(&code)).await.is_err());
    }
    assert!(verifies(&inside, &ana, &new, &code).await.is_err(), "its tries are spent");
    asks(&inside, &ana, &new).await.expect("asked");
    let code = inside.code(&new);
    inside.clock.advance(CODE_LIFE);
    assert!(verifies(&inside, &ana, &new, &code).await.is_err(), "it is over");
    for number in 2..MOVES_AN_HOUR {
        asks(&inside, &ana, &address(&format!("Ana {number}"))).await.expect("asked");
    }
    let refused = asks(&inside, &ana, &address("Ana 9")).await.expect_err("too often");
    assert_eq!(refused.code, Code::TooMany);
    // What one person asks for takes nothing of what another may.
    let beto = inside.person("Beto").await;
    asks(&inside, &beto, &address("Beto nuevo")).await.expect("asked");
    inside.clock.advance(Duration::from_secs(3600));
    asks(&inside, &ana, &new).await.expect("an hour later");
}

#[tokio::test]
async fn a_new_address_is_of_a_domain_that_accounts_may_have() {
    let domains = vec!["example.org".to_owned(), "example.net".to_owned()];
    let door = Door { sign_ups: SignUps::Closed, domains };
    let inside = Inside::new(Rules { door, ..Rules::default() }).await;
    let ana = inside.person("Ana").await;
    let elsewhere = Email::parse("email", "ana@elsewhere.example").expect("an address");
    let refused = asks(&inside, &ana, &elsewhere).await.expect_err("of another domain");
    assert_eq!(refused.field.as_deref(), Some("email"));
    let new = Email::parse("email", "ana@example.net").expect("an address");
    asks(&inside, &ana, &new).await.expect("who is in may move, though sign-up is closed");
    verifies(&inside, &ana, &new, &inside.code(&new)).await.expect("moved");
}

#[tokio::test]
async fn both_addresses_hear_of_what_an_operator_moves() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, new) = (inside.person("Ana").await, new_address());
    let act = Act::Move { user: ana.user, to: new.clone() };
    inside.core.operator.act(&Actor::Machine, act).await.expect("moved");
    for told in [address("Ana"), new.clone()] {
        let word = latest(&inside, &told).0;
        assert!(matches!(word, Letter::Moved { to, by: MovedBy::Operator } if to == new));
    }
}
