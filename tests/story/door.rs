//! The door: who may sign up where sign-up is closed, by invitation, or for certain domains; and
//! that nobody learns from an answer whether they may.

use std::fs;
use std::time::Duration;

use hyper::Method;
use loadgen::client::api::Api;
use loadgen::client::http::Answer;
use serde_json::{Value, json};
use wechat::clock::Clock;
use wechat::core::Rules;
use wechat::core::auth::SignUp;
use wechat::core::auth::door::Terms;
use wechat::core::groups::NewGroup;
use wechat::core::operator::Actor;
use wechat::error::{Code, Language, Result};
use wechat::id::UserId;
use wechat::mail::Letter;
use wechat::model::auth::Caller;
use wechat::model::door::{Door, Refusal, SignUps};
use wechat::model::text::{About, Email, Name, Title};

use crate::harness::World;
use crate::harness::inside::{HOME, Inside, address};
use crate::process::run;

fn door(sign_ups: SignUps, domains: &[&str]) -> Rules {
    let domains = domains.iter().map(|domain| (*domain).to_owned()).collect();
    Rules { door: Door { sign_ups, domains }, ..Rules::default() }
}

fn asking(email: &Email, invitation: Option<&str>) -> SignUp {
    SignUp {
        name: Name::parse("name", "Somebody").expect("a name"),
        email: email.clone(),
        push_token: None,
        language: Language::English,
        invitation: invitation.map(str::to_owned),
        asker: HOME.into(),
    }
}

/// What the mail says that a sign-up brings.
async fn mailed(inside: &Inside, email: &Email, invitation: Option<&str>) -> Letter {
    inside.clock.advance(Duration::from_secs(24 * 3600));
    let before = inside.mails.mails().len();
    let asked = inside.core.auth.sign_up(asking(email, invitation)).await.expect("the same answer");
    assert!(!asked.ticket.is_empty());
    let mails = inside.mails.mails();
    assert_eq!((mails.len(), &mails[before].to), (before + 1, email), "one mail");
    mails[before].letter.clone()
}

async fn came_in(inside: &Inside, email: &Email) -> Result<Caller> {
    let signed_in = inside.log_in_with(email, &inside.code(email)).await?;
    Ok(Caller { user: signed_in.user.id, session: signed_in.session.id, instance: None })
}

async fn sessions(inside: &Inside, user: UserId) -> usize {
    inside.store.sessions(user).await.expect("reads").len()
}

#[tokio::test]
async fn a_closed_server_lets_in_the_first_and_those_whom_its_operator_brings() {
    let inside = Inside::new(door(SignUps::Closed, &[])).await;
    assert!(inside.core.auth.door().await.expect("reads").is_open(), "for the first");
    inside.person("Ana").await;
    assert_eq!(inside.core.auth.door().await.expect("reads").sign_ups, SignUps::Closed);

    let (beto, made) =
        (address("Beto"), inside.core.operator.invite(&Actor::Machine, Terms::default()).await);
    for invitation in [None, Some(made.expect("made").code.as_str())] {
        let letter = mailed(&inside, &beto, invitation).await;
        assert_eq!(letter, Letter::NotLetIn { why: Refusal::Closed });
    }
    assert!(inside.store.user_by_email(&beto).await.expect("reads").is_none(), "nothing is kept");
    assert!(matches!(mailed(&inside, &address("Ana"), None).await, Letter::AlreadySignedUp { .. }));
    came_in(&inside, &address("Ana")).await.expect("who is in logs in");

    let name = Name::parse("name", "Beto").expect("a name");
    let imported = inside.core.auth.import(name, beto.clone(), Language::English, None).await;
    assert!(imported.expect("imported").new);
    assert!(matches!(mailed(&inside, &beto, None).await, Letter::AlreadySignedUp { .. }));
    came_in(&inside, &beto).await.expect("logged in");
}

#[tokio::test]
async fn an_invitation_lets_in_as_many_as_it_says() {
    let inside = Inside::new(door(SignUps::Invited, &[])).await;
    inside.person("Ana").await;
    let terms = Terms { uses: 2, ..Terms::default() };
    let made = inside.core.operator.invite(&Actor::Machine, terms).await.expect("made");
    let code = Some(made.code.as_str());
    let uninvited = Letter::NotLetIn { why: Refusal::Uninvited };
    for wrong in [None, Some(""), Some("xxxxxxxxxxxxxxxxxxxxxxxx")] {
        assert_eq!(mailed(&inside, &address("Beto"), wrong).await, uninvited);
    }
    // All of them have a code before the first comes in.
    let people = ["Beto", "Carla", "Dora"].map(address);
    for email in &people {
        let asked = inside.core.auth.sign_up(asking(email, code)).await;
        asked.expect("asked");
    }
    let beto = came_in(&inside, &people[0]).await.expect("the first of two");
    came_in(&inside, &people[1]).await.expect("the second");
    let late = came_in(&inside, &people[2]).await.expect_err("a third");
    assert_eq!(late.code, Code::Forbidden);
    let nobody = inside.store.user_by_email(&people[2]).await.expect("reads").expect("waits");
    assert_eq!((nobody.verified, sessions(&inside, nobody.id).await), (None, 0));
    assert_eq!(mailed(&inside, &people[2], code).await, uninvited, "it is used up");
    let asked = inside.core.auth.request_code(people[2].clone(), Language::English, HOME).await;
    asked.expect("the same answer");
    let last = inside.mails.mails().pop().expect("a mail");
    assert_eq!(last.letter, uninvited, "nor is there a way in by a login");
    assert_eq!(sessions(&inside, beto.user).await, 1);

    inside.core.operator.end_invitation(&Actor::Machine, made.invitation.id).await.expect("ended");
    assert!(inside.core.operator.invitations(&Actor::Machine).await.expect("reads").is_empty());
}

#[tokio::test]
async fn an_invitation_that_is_over_or_was_ended_lets_nobody_in() {
    let inside = Inside::new(door(SignUps::Invited, &[])).await;
    inside.person("Ana").await;
    let hour = Terms { lasts: Duration::from_secs(3600), ..Terms::default() };
    let made = inside.core.operator.invite(&Actor::Machine, hour).await.expect("made");
    inside.core.auth.sign_up(asking(&address("Beto"), Some(&made.code))).await.expect("asked");
    inside.core.operator.end_invitation(&Actor::Machine, made.invitation.id).await.expect("ended");
    let late = came_in(&inside, &address("Beto")).await.expect_err("ended meanwhile");
    assert_eq!(late.code, Code::Forbidden);
    let hour = Terms { lasts: Duration::from_secs(3600), ..Terms::default() };
    let made = inside.core.operator.invite(&Actor::Machine, hour).await.expect("made");
    let letter = mailed(&inside, &address("Carla"), Some(&made.code)).await;
    assert_eq!(letter, Letter::NotLetIn { why: Refusal::Uninvited }, "a day later");
}

#[tokio::test]
async fn only_addresses_of_the_domains_sign_up() {
    let inside = Inside::new(door(SignUps::Open, &["example.org"])).await;
    let elsewhere = Email::parse("email", "first@else.example").expect("an address");
    let first = mailed(&inside, &elsewhere, None).await;
    assert!(matches!(first, Letter::SignUpCode { .. }), "the first account");
    came_in(&inside, &elsewhere).await.expect("is in");
    assert!(matches!(mailed(&inside, &address("Ana"), None).await, Letter::SignUpCode { .. }));
    for other in ["ana@x.example.org", "ana@example.org.example", "ana@else.example"] {
        let email = Email::parse("email", other).expect("an address");
        let letter = mailed(&inside, &email, None).await;
        assert_eq!(letter, Letter::NotLetIn { why: Refusal::Domain }, "{other}");
    }
}

#[tokio::test]
async fn an_invitation_leads_into_a_group() {
    let inside = Inside::new(door(SignUps::Invited, &[])).await;
    let ana = inside.person("Ana").await;
    let groups = &inside.core.groups;
    let new = NewGroup {
        key: None,
        title: Title::parse("title", "Peña").expect("a title"),
        about: About::parse("about", "").expect("fits"),
        public: false,
        history_shared: false,
        members: Vec::new(),
    };
    let group = groups.create(&ana, new).await.expect("made").id;
    let link = groups.create_invite(&ana, group, (None, None), None).await.expect("a link").code;
    let terms = |link: &str| Terms { group: Some(link.to_owned()), ..Terms::default() };
    let refused =
        inside.core.operator.invite(&Actor::Machine, terms("xxxxxxxxxxxxxxxx")).await.map(drop);
    assert_eq!(refused.expect_err("leads nowhere").code, Code::BadField);
    for (name, is_there) in [("Beto", true), ("Carla", false)] {
        let made = inside.core.operator.invite(&Actor::Machine, terms(&link)).await.expect("made");
        let email = address(name);
        inside.core.auth.sign_up(asking(&email, Some(&made.code))).await.expect("asked");
        if !is_there {
            groups.revoke_invite(&ana, group, &link).await.expect("revoked");
        }
        let caller = came_in(&inside, &email).await.expect("is in, whatever the group says");
        let chats = inside.core.chats.list(&caller, 0, 9).await.expect("a list");
        assert_eq!(chats.len(), usize::from(is_there), "{name}");
    }
    assert!(inside.clock.now().millis() > 0);
}

/// An answer without what names the asker.
fn bare(answer: &Answer, email: &str) -> (u16, String) {
    let body = String::from_utf8_lossy(&answer.body).replace(email, "ADDRESS");
    let ticket = serde_json::from_str::<Value>(&body).expect("JSON");
    let ticket = ticket["ticket"].as_str().unwrap_or("none").to_owned();
    (answer.status.as_u16(), body.replace(&ticket, "TICKET"))
}

#[tokio::test]
async fn nobody_learns_from_an_answer_whether_they_may_come_in() {
    let world = World::with(&[("SIGN_UP", "invited")]).await;
    let said = world.stranger().get("/api/v1/server").await.expect("an answer");
    assert_eq!((&said["sign_up"], &said["features"]["sign_up"]), (&json!("open"), &json!(true)));
    world.person("Ana").await;
    let said = world.stranger().get("/api/v1/server").await.expect("an answer");
    assert_eq!(
        (&said["sign_up"], &said["features"]["sign_up"]),
        (&json!("invited"), &json!(false))
    );
    let api = Api::anonymous(world.server.addr());
    let mut answers = Vec::new();
    for email in ["ana@example.org", "eva@example.org"] {
        for code in [None, Some("AAAAAAAAAAAAAAAAAAAAAAAA")] {
            let body = json!({ "name": "Eva", "email": email, "invitation": code });
            for path in ["/api/v1/users", "/nsg"] {
                let answer = api.call(Method::POST, path, Some(&body)).await.expect("an answer");
                answers.push((path, bare(&answer, email)));
            }
        }
    }
    let (first, original) = (answers[0].clone(), answers[1].clone());
    for answer in answers.chunks(2) {
        assert_eq!((&answer[0], &answer[1]), (&first, &original));
    }
    let mails = fs::read_dir(world.server.mails()).expect("a folder").flatten();
    let texts = mails.map(|mail| fs::read_to_string(mail.path()).expect("a mail"));
    let refused = texts.filter(|text| text.contains("Subject: No account was created"));
    assert_eq!(refused.count(), 4);
}

#[test]
fn an_operator_invites_from_the_command_line() {
    let folder = tempfile::tempdir().expect("a folder");
    let args = ["invite", "--json", "--uses", "3", "--expires", "2d", "--port", "8000"];
    let made = run(folder.path(), &args);
    assert!(made.status.success(), "{made:?}");
    let said: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let link = said["link"].as_str().expect("a link");
    let code = link.strip_prefix("http://localhost:8000/#/invitation/").expect("to this server");
    assert_eq!((code.len(), &said["uses"]), (24, &json!(3)));
    let plain = run(folder.path(), &["invite"]);
    let text = String::from_utf8_lossy(&plain.stdout);
    assert!(text.starts_with("http://localhost:2565/#/invitation/"), "{text}");
    assert_eq!(text.lines().count(), 1, "a QR code is for terminals");
    assert_eq!(run(folder.path(), &["invite", "--uses", "0"]).status.code(), Some(2));
    let endless = run(folder.path(), &["invite", "--expires", "400d"]);
    assert!(String::from_utf8_lossy(&endless.stderr).contains("An invitation works"));
}
