//! The routes as callers meet them: through the whole router, on the embedded store in a folder of
//! its own, with mails kept in memory.

mod calls;
mod files;
mod growth;
mod journeys;
mod kinds;
mod malformed;
mod push;
mod ranks;
mod server;
mod shapes;

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use serde_json::{Value, json};
use tower::ServiceExt;

use super::server::Welcome;
use super::{Http, router};
use crate::app;
use crate::bus::Listener;
use crate::bus::local::LocalBus;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::core::auth::Limits;
use crate::core::presence::AWAY_AFTER;
use crate::core::push::{Outlet, SETTLE};
use crate::core::{Core, Ports, Rules};
use crate::edge::limits::Limiter;
use crate::id::{IdSource, OsEntropy};
use crate::mail::memory::MemoryMailer;
use crate::model::text::Email;
use crate::objects::memory::MemoryObjects;
use crate::objects::staging::Staging;
use crate::push::memory::MemoryPusher;
use crate::store::Store;
use crate::store::embedded::EmbeddedStore;

/// A server without sockets.
struct App {
    router: Router,
    mails: Arc<MemoryMailer>,
    http: Arc<Http>,
    store: Arc<dyn Store>,
    pusher: Arc<MemoryPusher>,
    // The bus knows its listeners weakly.
    _core: Arc<Core>,
    dir: tempfile::TempDir,
}

/// Somebody who is logged in.
struct Person {
    id: String,
    token: String,
}

/// What came back.
struct Reply {
    status: StatusCode,
    headers: HeaderMap,
    bytes: Vec<u8>,
}

impl Reply {
    fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }

    fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The JSON of an answer with this status.
    fn is(&self, status: u16) -> Value {
        let text = String::from_utf8_lossy(&self.bytes);
        assert_eq!(self.status.as_u16(), status, "{text}");
        self.json()
    }
}

impl App {
    fn new() -> Self {
        Self::with(&[("RATE_PER_IP", "off"), ("RATE_PER_USER", "off")])
    }

    fn with(settings: &[(&str, &str)]) -> Self {
        let config = Config::of(settings).expect("fine settings");
        let dir = tempfile::tempdir().expect("a folder");
        let mails = Arc::new(MemoryMailer::default());
        let clock: Arc<dyn Clock> = Arc::new(SystemClock);
        let bus = Arc::new(LocalBus::default());
        let store: Arc<dyn Store> =
            Arc::new(EmbeddedStore::open(dir.path()).expect("a store opens"));
        let ports = Ports {
            store: store.clone(),
            bus: bus.clone(),
            mailer: mails.clone(),
            objects: Arc::new(MemoryObjects::default()),
            staging: Staging::open(dir.path().join("uploads")).expect("a folder"),
            clock: clock.clone(),
            entropy: Arc::new(OsEntropy),
            ids: IdSource::new(clock.clone(), &OsEntropy),
        };
        let many = u32::MAX;
        let limits = Limits {
            codes_per_address: many,
            codes_per_ip: many,
            codes_in_all: many,
            wrong_per_ip: many,
            wrong_in_all: many,
        };
        let rules = Rules { limits, files: app::file_rules(&config), ..Rules::default() };
        let pusher = Arc::new(MemoryPusher::default());
        let outlet = Outlet {
            pusher: pusher.clone(),
            here: Arc::new(|_, _| Vec::new()),
            shown: None,
            settle: SETTLE,
            away: AWAY_AFTER,
        };
        let core = Arc::new(Core::new(ports, [7; 32], rules).with_push(outlet));
        let listener: Arc<dyn Listener> = core.clone();
        bus.listen(vec![Arc::downgrade(&listener)]);
        let limiter = Arc::new(Limiter::new(config.rate_per_ip, config.rate_per_user));
        let ids = IdSource::new(clock, &OsEntropy);
        let welcome = Welcome {
            brand: config.brand().expect("a brand"),
            smtp: config.smtp_url.is_some(),
            ..Welcome::default()
        };
        let http = Http::new((*core).clone(), &config, limiter, ids).with_welcome(welcome);
        let http = Arc::new(http);
        let sockets = Router::new().fallback(|| async { StatusCode::IM_A_TEAPOT });
        let router = router::router(http.clone(), sockets, config.cors_origins.clone());
        Self { router, mails, http, store, pusher, _core: core, dir }
    }

    /// The code in the latest mail to an address.
    fn code(&self, email: &str) -> String {
        let email = Email::parse("email", email).expect("an address");
        self.mails.last_code(&email).expect("a mail")
    }

    async fn send(&self, request: Request<Body>) -> Reply {
        let response = self.router.clone().oneshot(request).await.expect("infallible");
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.expect("a whole body").to_vec();
        Reply { status: parts.status, headers: parts.headers, bytes }
    }

    /// A request with a token, which may be empty, and a JSON body, which may be null.
    async fn ask(&self, method: Method, path: &str, token: &str, body: Value) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let body = match body {
            Value::Null => Body::empty(),
            body => {
                request = request.header("content-type", "application/json");
                Body::from(body.to_string())
            }
        };
        self.send(request.body(body).expect("a request")).await
    }

    async fn get(&self, path: &str, token: &str) -> Reply {
        self.ask(Method::GET, path, token, Value::Null).await
    }

    async fn post(&self, path: &str, token: &str, body: Value) -> Reply {
        self.ask(Method::POST, path, token, body).await
    }

    async fn put(&self, path: &str, token: &str, body: Value) -> Reply {
        self.ask(Method::PUT, path, token, body).await
    }

    async fn patch(&self, path: &str, token: &str, body: Value) -> Reply {
        self.ask(Method::PATCH, path, token, body).await
    }

    async fn delete(&self, path: &str, token: &str) -> Reply {
        self.ask(Method::DELETE, path, token, Value::Null).await
    }

    /// A request with a token, headers, and any body.
    async fn send_as(
        &self,
        (method, path): (Method, &str),
        token: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Reply {
        let mut request = Request::builder().method(method).uri(path);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        if !token.is_empty() {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        self.send(request.body(body.into()).expect("a request")).await
    }

    /// A form with these parts: name, name of the file or nothing, content.
    async fn form(
        &self,
        (method, path): (Method, &str),
        token: &str,
        parts: &[(&str, &str, &[u8])],
    ) -> Reply {
        const KIND: (&str, &str) = ("content-type", "multipart/form-data; boundary=b7");
        let mut body = Vec::new();
        for (name, file, content) in parts {
            let file = match *file {
                "" => String::new(),
                file => format!("; filename=\"{file}\""),
            };
            let head = format!("--b7\r\nContent-Disposition: form-data; name=\"{name}\"{file}");
            body.extend_from_slice(head.as_bytes());
            body.extend_from_slice(b"\r\n\r\n");
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b7--\r\n");
        self.send_as((method, path), token, &[KIND], body).await
    }

    /// A file of somebody's.
    async fn upload(&self, who: &Person, kind: &str, name: &str, content: &[u8]) -> Value {
        let parts = [("kind", "", kind.as_bytes()), ("file", name, content)];
        self.form((Method::POST, "/api/v1/files"), &who.token, &parts).await.is(201)
    }

    /// Signs somebody up and in.
    async fn person(&self, name: &str) -> Person {
        let email = format!("{}@example.org", name.to_lowercase());
        let body = json!({ "name": name, "email": email });
        self.post("/api/v1/users", "", body).await.is(202);
        self.redeem(&email).await
    }

    /// Signs somebody in on another device.
    async fn another_device(&self, email: &str) -> Person {
        self.post("/api/v1/auth/codes", "", json!({ "email": email })).await.is(202);
        self.redeem(email).await
    }

    async fn redeem(&self, email: &str) -> Person {
        let body = json!({ "email": email, "code": self.code(email), "device": "test" });
        let answer = self.post("/api/v1/auth/sessions", "", body).await.is(201);
        Person { id: text(&answer["user"]["id"]), token: text(&answer["token"]) }
    }

    /// Creates a group of these people, the first its owner.
    async fn group(&self, people: &[&Person]) -> String {
        let others: Vec<_> = people[1..].iter().map(|person| &person.id).collect();
        let body = json!({ "title": "Paseos", "members": others });
        text(&self.post("/api/v1/groups", &people[0].token, body).await.is(201)["id"])
    }

    async fn say(&self, chat: &str, from: &Person, key: &str, body: &str) -> Reply {
        let body = json!({ "client_msg_id": key, "body": body });
        self.post(&format!("/api/v1/chats/{chat}/messages"), &from.token, body).await
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
