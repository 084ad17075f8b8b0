//! What a server says of itself before anybody logs in, and that it keeps to it.

use axum::http::Method;
use serde_json::{Value, json};

use super::{App, Person};

#[tokio::test]
async fn a_server_says_to_everybody_what_it_is_and_offers() {
    let app = App::with(&[("FILE_LIMIT_IMAGE", "1MB"), ("FILE_QUOTA", "3GB")]);
    let reply = app.get("/api/v1/server", "").await;
    assert_eq!(reply.header("cache-control"), "public, max-age=60");
    assert!(reply.header("vary").contains("machine-key"), "{}", reply.header("vary"));
    let told = reply.is(200);
    assert_eq!(told["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(told["languages"], json!(["en", "es", "zh"]));
    let features = json!({ "sign_up": true, "calls": true, "relay": false, "rooms": false,
        "search": true, "push": true, "missed_mail": true });
    assert_eq!(told["features"], features);
    assert_eq!(told["push"]["kinds"], json!(["web", "fcm", "apns"]));
    assert!(told["push"]["vapid"].is_string(), "{}", told["push"]);
    assert_eq!(told["limits"]["image_bytes"], 1 << 20);
    assert_eq!(told["limits"]["storage_bytes"], 3_u64 << 30);
    let key: &[_] = &[("machine-key", "0")];
    let with_key = app.send_as((Method::GET, "/api/v1/server"), "", key, "").await;
    assert_eq!(with_key.header("cache-control"), "no-store");
    assert_eq!(with_key.is(200), told, "a wrong key shows nothing more");
}

/// A limit, and what a request with so much of something gets.
struct Measured<'a> {
    app: &'a App,
    limits: Value,
    who: &'a Person,
}

impl Measured<'_> {
    /// As much as the limit says is taken, and one more is refused with this status.
    async fn holds(&self, limit: &str, refused: u16, ask: impl AsyncFn(&Self, usize) -> u16) {
        let most = self.limits[limit].as_u64().expect(limit) as usize;
        assert!((200..300).contains(&ask(self, most).await), "{limit}: {most}");
        assert_eq!(ask(self, most + 1).await, refused, "{limit}: {most} and one more");
    }

    async fn patches(&self, path: &str, body: Value) -> u16 {
        self.app.patch(path, &self.who.token, body).await.status.as_u16()
    }

    async fn posts(&self, path: &str, body: Value) -> u16 {
        self.app.post(path, &self.who.token, body).await.status.as_u16()
    }

    async fn gets(&self, path: &str) -> u16 {
        self.app.get(path, &self.who.token).await.status.as_u16()
    }
}

#[tokio::test]
async fn a_server_takes_what_it_says_and_no_more() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let group = app.post("/api/v1/groups", &ana.token, json!({ "title": "Plaza" })).await.is(201);
    let messages = format!("/api/v1/chats/{}/messages", group["id"].as_str().expect("an id"));
    let limits = app.get("/api/v1/server", "").await.is(200)["limits"].clone();
    let server = Measured { app: &app, limits, who: &ana };
    let text = |chars: usize| "x".repeat(chars);
    server
        .holds("message_bytes", 400, async |server, bytes| {
            let body = json!({ "client_msg_id": bytes.to_string(), "body": text(bytes) });
            server.posts(&messages, body).await
        })
        .await;
    for (limit, field) in [("name_chars", "name"), ("about_chars", "about")] {
        let change = async |server: &Measured<'_>, chars| {
            server.patches("/api/v1/me", json!({ field: text(chars) })).await
        };
        server.holds(limit, 400, change).await;
    }
    server
        .holds("title_chars", 400, async |server, chars| {
            server.posts("/api/v1/groups", json!({ "title": text(chars) })).await
        })
        .await;
    for (limit, start) in [
        ("messages_page", format!("{messages}?limit=")),
        ("search_page", "/api/v1/search?q=ana&limit=".to_owned()),
    ] {
        let page = async |server: &Measured<'_>, rows| server.gets(&format!("{start}{rows}")).await;
        server.holds(limit, 400, page).await;
    }
    server
        .holds("query_chars", 400, async |server, chars| {
            server.gets(&format!("/api/v1/search?q={}", text(chars))).await
        })
        .await;
    server
        .holds("request_bytes", 413, async |server, bytes| {
            let mut body = json!({ "name": "Ana" }).to_string();
            body.push_str(&" ".repeat(bytes - body.len()));
            let json: &[_] = &[("content-type", "application/json")];
            let asked = (Method::PATCH, "/api/v1/me");
            server.app.send_as(asked, &server.who.token, json, body).await.status.as_u16()
        })
        .await;
}
