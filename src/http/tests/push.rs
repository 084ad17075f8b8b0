//! Subscriptions as clients make them, and those that a client of the original endpoints never
//! makes.

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use serde_json::{Value, json};

use super::{App, Person, text};
use crate::id::UserId;
use crate::model::push::{Kind, Subscription};
use crate::push::Said;

const PUSH: &str = "/api/v1/me/push";
const ALERTS: &str = "/api/v1/me/alerts";

fn web(number: u8) -> Value {
    let mut key = [number; 65];
    key[0] = 4;
    json!({
        "kind": "web",
        "endpoint": format!("https://push.example.org/{number}"),
        "keys": { "p256dh": BASE64.encode(key), "auth": BASE64.encode([number; 16]) },
    })
}

async fn of(app: &App, who: &Person) -> Vec<Subscription> {
    let user: UserId = who.id.parse().expect("an id");
    app.store.pushes_of(&[user]).await.expect("reads")
}

async fn kinds(app: &App, who: &Person) -> Vec<Kind> {
    of(app, who).await.iter().map(|push| push.target.kind()).collect()
}

#[tokio::test]
async fn a_device_is_told_as_it_asked_until_it_asks_no_more() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let topic = "org.example.chat";
    let apns =
        |voip: bool| json!({ "kind": "apns", "token": "AB01", "topic": topic, "voip": voip });
    for body in [web(1), web(2), json!({ "kind": "fcm", "token": "t" }), apns(false), apns(true)] {
        app.put(PUSH, &ana.token, body).await.is(204);
    }
    assert_eq!(kinds(&app, &ana).await, [Kind::Apns, Kind::Fcm, Kind::Voip, Kind::Web]);
    app.post("/api/v1/me/push/test", &ana.token, Value::Null).await.is(202);
    let told = app.pusher.take();
    assert_eq!(told.len(), 3, "a push that rings is no test");
    assert!(told.iter().all(|(_, notice)| notice.said == Said::Test));

    let phone = app.another_device("ana@example.org").await;
    app.put(PUSH, &phone.token, web(2)).await.is(204);
    assert_eq!(of(&app, &ana).await.len(), 4, "the browser logged in again");
    app.delete(PUSH, &ana.token).await.is(204);
    app.delete(PUSH, &ana.token).await.is(204);
    assert_eq!(kinds(&app, &ana).await, [Kind::Web]);
    app.post("/api/v1/me/push/test", &ana.token, Value::Null).await.is(404);
    app.delete("/api/v1/auth/sessions", &phone.token).await.is(204);
    assert_eq!(kinds(&app, &ana).await, [], "it goes with its session");
}

#[tokio::test]
async fn what_no_device_could_be_reached_by_is_refused_by_its_field() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let but = |mut body: Value, field: &str, value: Value| {
        body[field] = value;
        body
    };
    let fcm = json!({ "kind": "fcm", "token": "t" });
    let apns = json!({ "kind": "apns", "token": "ab", "topic": "org.example.chat" });
    for (body, field) in [
        (json!({}), "kind"),
        (json!({ "kind": "sms" }), "kind"),
        (json!({ "kind": "web" }), "endpoint"),
        (but(web(1), "endpoint", json!("http://push.example.org/")), "endpoint"),
        (but(web(1), "keys", Value::Null), "keys"),
        (but(web(1), "keys", json!({ "p256dh": "", "auth": "" })), "keys.p256dh"),
        (but(web(1), "keys", json!({ "p256dh": "" })), "keys.auth"),
        (but(web(1), "token", json!("t")), "token"),
        (but(fcm.clone(), "token", json!("a b")), "token"),
        (but(fcm.clone(), "endpoint", json!("https://push.example.org/")), "endpoint"),
        (but(fcm, "voip", json!(true)), "voip"),
        (but(apns.clone(), "token", json!("xyz")), "token"),
        (but(apns.clone(), "topic", Value::Null), "topic"),
        (but(apns, "topic", json!("no topic")), "topic"),
        (but(web(1), "colour", json!("red")), "colour"),
    ] {
        let answer = app.put(PUSH, &ana.token, body.clone()).await.is(400);
        assert_eq!(answer["field"], field, "{body}");
    }
    assert_eq!(of(&app, &ana).await, []);
}

#[tokio::test]
async fn the_push_token_of_a_sign_up_becomes_that_of_the_session_that_it_opens() {
    let app = App::new();
    let credentials = json!({ "push_token": "fcm-token" });
    let body = json!({ "name": "Ana", "email": "ana@example.org", "credentials": credentials });
    app.post("/nsg", "", body).await.is(200);
    let verify = async || {
        let path = format!("/cv?e=ana@example.org&c={}", app.code("ana@example.org"));
        let data = app.put(&path, "", Value::Null).await.is(200)["data"].clone();
        assert_eq!(data["pi"], "fcm-token");
        Person { id: text(&data["ui"]), token: text(&data["token"]) }
    };
    let phone = verify().await;
    let told = of(&app, &phone).await;
    assert_eq!(told.iter().map(|push| push.target.kind()).collect::<Vec<_>>(), [Kind::Fcm]);
    app.post("/api/v1/me/push/test", &phone.token, Value::Null).await.is(202);

    app.ask(Method::POST, "/l?e=ana@example.org", "", Value::Null).await.is(200);
    let other = verify().await;
    assert_eq!(of(&app, &other).await, told, "the phone keeps what is its own");
    app.delete("/api/v1/auth/sessions/current", &phone.token).await.is(204);
    assert_eq!(of(&app, &other).await, []);
}

#[tokio::test]
async fn alerts_are_put_as_a_whole_and_their_errors_name_the_field() {
    let app = App::new();
    let (ana, phone) = (app.person("Ana").await, app.another_device("ana@example.org").await);
    assert_eq!(app.get(ALERTS, &ana.token).await.is(200), json!({}));
    let quiet = json!({ "from": 1320, "to": 420, "zone": "europe/madrid" });
    let kept = json!({
        "mentions_only": true, "shown": "names",
        "quiet": { "from": 1320, "to": 420, "zone": "Europe/Madrid", "calls": true },
    });
    let body = json!({ "mentions_only": true, "shown": "names", "quiet": quiet });
    assert_eq!(app.put(ALERTS, &ana.token, body).await.is(200), kept);
    assert_eq!(app.get(ALERTS, &phone.token).await.is(200), kept, "on every device");
    for (body, field) in [
        (json!({ "shown": "all" }), "shown"),
        (json!({ "mentions_only": 1 }), "mentions_only"),
        (json!({ "quiet": { "from": 1, "to": 2 } }), "quiet"),
        (json!({ "quiet": { "from": 1440, "to": 2, "zone": "UTC" } }), "quiet.from"),
        (json!({ "quiet": { "from": 2, "to": 2, "zone": "UTC" } }), "quiet.to"),
        (json!({ "quiet": { "from": 1, "to": 2, "zone": "Nowhere" } }), "quiet.zone"),
        (json!({ "colour": "red" }), "colour"),
    ] {
        let answer = app.put(ALERTS, &ana.token, body.clone()).await.is(400);
        assert!(answer["field"].as_str().is_some_and(|it| it.starts_with(field)), "{answer}");
    }
    assert_eq!(app.get(ALERTS, &ana.token).await.is(200), kept, "nothing was changed");
    assert_eq!(app.put(ALERTS, &ana.token, json!({})).await.is(200), json!({}), "as at first");
}

#[tokio::test]
async fn a_link_in_a_mail_stops_mails_by_its_button_and_not_by_a_look() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let wants = json!({ "mail": true });
    app.put(ALERTS, &ana.token, wants.clone()).await.is(200);
    let user: UserId = ana.id.parse().expect("an id");
    let link = format!("/mail/stop?t={}", app.http.core.missed.token(user));
    let page = app.get(&link, "").await;
    page.is(200);
    let html = String::from_utf8_lossy(&page.bytes);
    assert!(html.contains(r#"<form method="post">"#), "{html}");
    assert_eq!(
        (page.header("cache-control"), page.header("referrer-policy")),
        ("no-store", "no-referrer")
    );
    assert_eq!(app.get(ALERTS, &ana.token).await.is(200), wants, "a look changes nothing");
    for bad in ["/mail/stop", "/mail/stop?t=x", &format!("{link}x")] {
        app.get(bad, "").await.is(400);
        app.post(bad, "", Value::Null).await.is(400);
    }
    // As a mail program does it (RFC 8058).
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let body = "List-Unsubscribe=One-Click";
    app.send_as((Method::POST, &link), "", &headers, body).await.is(200);
    assert_eq!(app.get(ALERTS, &ana.token).await.is(200), json!({}));
}
