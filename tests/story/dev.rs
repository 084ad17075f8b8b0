//! Dev mode and the mailbox: what the person at the machine gets, and nobody else. They show the
//! key that the terminal printed; the tests read it from the server's secrets.

use bytes::Bytes;
use http_body_util::Full;
use hyper::{Method, Request, StatusCode};
use loadgen::client::http::{Answer, Http};
use serde_json::{Value, json};

use crate::harness::{World, mongo};

/// A request with one more header, as proxies and pages of other sites send them.
async fn asked(
    world: &World,
    method: Method,
    path: &str,
    body: Value,
    more: (&str, &str),
) -> Answer {
    sent(world, method, path, body, &[("machine-key", &world.machine_key()), more]).await
}

/// A request with these headers.
async fn sent(
    world: &World,
    method: Method,
    path: &str,
    body: Value,
    headers: &[(&str, &str)],
) -> Answer {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let mut request = Request::builder().method(method).uri(path);
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.header("content-type", "application/json");
    let request = request.body(Full::new(Bytes::from(body))).expect("a request");
    Http::new(world.server.addr()).send(request).await.expect("an answer")
}

const NOTHING_MORE: (&str, &str) = ("accept", "*/*");
const PROXIED: (&str, &str) = ("x-forwarded-for", "203.0.113.5");
const FOREIGN_PAGE: (&str, &str) = ("origin", "https://evil.example.org");
const CROSS_SITE: (&str, &str) = ("sec-fetch-site", "cross-site");

#[tokio::test]
async fn in_dev_mode_the_person_at_the_machine_is_ana_with_one_click() {
    if mongo::chosen().is_some() {
        return; // `DEV` keeps its demo people in a folder, never in a database.
    }
    let world = World::with(&[("DEV", "on")]).await;
    let server = asked(&world, Method::GET, "/api/v1/server", Value::Null, NOTHING_MORE).await;
    let server = server.json();
    let people = server["demo"].as_array().expect("demo people");
    let names: Vec<_> = people.iter().filter_map(|person| person["name"].as_str()).collect();
    assert!(names.contains(&"Ana Torres") && names.contains(&"Beto Ramírez"), "{names:?}");

    let as_ana = json!({ "user": people[0]["user"], "device": "a browser" });
    let log_in = |more| asked(&world, Method::POST, "/api/v1/demo/sessions", as_ana.clone(), more);
    let answer = log_in(NOTHING_MORE).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let session = answer.json();
    assert_eq!(
        (&session["user"]["name"], &session["session"]["device"]),
        (&people[0]["name"], &json!("a browser"))
    );
    let bearer = format!("Bearer {}", session["token"].as_str().expect("a token"));
    let bearer = ("authorization", bearer.as_str());
    let chats = asked(&world, Method::GET, "/api/v1/chats", Value::Null, bearer).await.json();
    assert!(chats["chats"].as_array().is_some_and(|chats| chats.len() >= 6), "{chats:#}");

    let without = world.stranger().get("/api/v1/server").await.expect("told");
    assert_eq!(without["demo"], Value::Null, "demo people are shown for the key alone");
    let path = "/api/v1/demo/sessions";
    for headers in [[NOTHING_MORE], [("machine-key", "0")]] {
        let answer = sent(&world, Method::POST, path, as_ana.clone(), &headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
    for more in [PROXIED, FOREIGN_PAGE, CROSS_SITE] {
        assert_eq!(log_in(more).await.status, StatusCode::FORBIDDEN, "{more:?}");
        let told = asked(&world, Method::GET, "/api/v1/server", Value::Null, more).await.json();
        assert_eq!((&told["demo"], &told["mailbox"]), (&Value::Null, &Value::Null));
    }
}

#[tokio::test]
async fn in_dev_mode_nobody_becomes_somebody_real() {
    if mongo::chosen().is_some() {
        return; // `DEV` keeps its demo people in a folder, never in a database.
    }
    let world = World::with(&[("DEV", "on")]).await;
    let ana = world.person("Ana Real").await;
    let body = json!({ "user": ana.id() });
    let answer = asked(&world, Method::POST, "/api/v1/demo/sessions", body, NOTHING_MORE).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn outside_dev_mode_there_are_no_demo_people_and_no_way_to_be_one() {
    let world = World::new().await;
    let server = world.stranger().get("/api/v1/server").await.expect("told");
    assert_eq!((&server["demo"], &server["mail"]), (&Value::Null, &json!("local")));
    let ana = world.person("Ana").await;
    let body = json!({ "user": ana.id() });
    let answer = asked(&world, Method::POST, "/api/v1/demo/sessions", body, NOTHING_MORE).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn the_mailbox_shows_codes_to_the_person_at_the_machine_alone() {
    let world = World::new().await;
    let server = asked(&world, Method::GET, "/api/v1/server", Value::Null, NOTHING_MORE).await;
    assert_eq!(server.json()["mailbox"], "/_/mail");
    let without = world.stranger().get("/api/v1/server").await.expect("told");
    assert_eq!(without["mailbox"], Value::Null, "the mailbox is shown for the key alone");
    let ask = json!({ "name": "Eva", "email": "eva@example.org" });
    world.stranger().post("/api/v1/users", &ask).await.expect("asked");
    let look = |path, more| asked(&world, Method::GET, path, Value::Null, more);

    let mails = look("/_/mail.json", NOTHING_MORE).await.json();
    let code = world.mails().code("eva@example.org").await.expect("a mail");
    assert_eq!((&mails[0]["to"], &mails[0]["code"]), (&json!("eva@example.org"), &json!(code)));
    for path in ["/_/mail", "/_/mail.js", "/_/mail.json"] {
        assert_eq!(look(path, NOTHING_MORE).await.status, StatusCode::OK, "{path}");
        for more in [PROXIED, FOREIGN_PAGE, CROSS_SITE] {
            let answer = look(path, more).await;
            assert_eq!(answer.status, StatusCode::NOT_FOUND, "{path} {more:?}");
            assert!(!String::from_utf8_lossy(&answer.body).contains(&code));
        }
    }
}

#[tokio::test]
async fn what_a_forwarder_on_the_machine_passes_on_sees_no_mail() {
    let world = World::new().await;
    let ask = json!({ "name": "Eva", "email": "eva@example.org" });
    world.stranger().post("/api/v1/users", &ask).await.expect("asked");
    let key = world.machine_key();
    // What a TCP forwarder, or a proxy that adds no header, sends: all as from this machine.
    for headers in [[NOTHING_MORE], [("machine-key", "")], [("machine-key", &key[1..])]] {
        let answer = sent(&world, Method::GET, "/_/mail.json", Value::Null, &headers).await;
        assert_eq!(answer.status, StatusCode::FORBIDDEN, "{headers:?}");
    }
}

#[tokio::test]
async fn with_a_public_address_nothing_is_for_whoever_seems_to_sit_at_the_machine() {
    let world = World::with(&[("PUBLIC_URL", "https://chat.example.org")]).await;
    let look = |path| asked(&world, Method::GET, path, Value::Null, NOTHING_MORE);
    assert_eq!(look("/api/v1/server").await.json()["mailbox"], Value::Null);
    for path in ["/_/mail", "/_/mail.js", "/_/mail.json"] {
        assert_eq!(look(path).await.status, StatusCode::NOT_FOUND, "{path}");
    }
    assert_eq!(look("/metrics").await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn with_a_mail_server_there_is_no_mailbox() {
    let world = World::with(&[
        ("SMTP_URL", "smtp://127.0.0.1:9?tls=none"),
        ("MAIL_FROM", "WeChat <no-reply@example.org>"),
    ])
    .await;
    let server = world.stranger().get("/api/v1/server").await.expect("told");
    assert_eq!((&server["mail"], &server["mailbox"]), (&json!("smtp"), &Value::Null));
    let answer = asked(&world, Method::GET, "/_/mail.json", Value::Null, NOTHING_MORE).await;
    assert_eq!(answer.status, StatusCode::NOT_FOUND);
}
