//! The language of the stories: a world with a real server and people in it.
//!
//! `let ana = world.person("Ana").await; ana.says("hola").to(&beto).await;` A world is a server
//! process on a free port with data of its own, in the store of this run (`mongo`), ended by its id
//! when the world is dropped. Nothing here sleeps to wait: it waits for what must happen, up to a
//! deadline.

#![allow(dead_code, reason = "each test binary speaks a part of the language")]

pub mod cluster;
pub mod files;
pub mod inside;
pub mod mongo;
pub mod nats;
pub mod night;
pub mod node;
pub mod past;
pub mod proxy;
pub mod trace;
pub mod zips;

use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hyper::Method;
use loadgen::client::api::Api;
use loadgen::client::connection::{Connection, Event};
use loadgen::client::http::Answer;
use loadgen::client::mailbox::Mailbox;
use loadgen::server::{Home, Plan, Server};
use serde_json::{Value, json};

/// How long anything may take before a test gives up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// The server's program.
pub fn program() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_wechat"))
}

/// A real server with the limits off that a test from one machine would meet, and who lives there.
pub struct World {
    pub server: Server,
    mails: Mailbox,
}

impl World {
    /// A world with the default rules.
    pub async fn new() -> Self {
        Self::with(&[]).await
    }

    /// A world with these settings.
    pub async fn with(settings: &[(&str, &str)]) -> Self {
        Self::sharing(None, settings).await
    }

    /// The same with the secrets of another, for a server beside that one.
    pub async fn sharing(secrets: Option<PathBuf>, settings: &[(&str, &str)]) -> Self {
        let mut plan = Plan::unlimited(program());
        plan.settings.extend(mongo::settings(&mongo::Server::database()));
        let lenient = [("CODES_PER_ADDRESS", "1000000"), ("CODES_PER_IP", "1000000")];
        for (key, value) in lenient.iter().chain(settings) {
            plan.settings.push(((*key).into(), (*value).into()));
        }
        let home = Home::new(plan, None).expect("a folder");
        secrets.iter().for_each(|secrets| home.share(secrets).expect("copied"));
        let server = home.start().await.expect("a server");
        let mails = Mailbox::new(server.mails());
        Self { server, mails }
    }

    /// Where mails arrive.
    pub fn mails(&self) -> &Mailbox {
        &self.mails
    }

    /// What the person at the machine shows: what the link ends with that the terminal printed.
    pub fn machine_key(&self) -> String {
        let data = self.server.data();
        let own = [data.join("secrets"), data.join("dev/secrets")];
        let key =
            own.iter().find_map(|folder| std::fs::read_to_string(folder.join("machine_key")).ok());
        key.expect("a key").trim().to_owned()
    }

    /// Somebody who signed up under a name; the address is made from it.
    pub async fn person(&self, name: &str) -> Person {
        let email = email(name);
        let api = Api::sign_up(self.server.addr(), &self.mails, name, &email).await;
        Person { name: name.into(), email, api: api.expect("signed up") }
    }

    /// Somebody who has taken the role with the key of the server's terminal.
    pub async fn operator(&self) -> Person {
        let person = self.person("Olga").await;
        let file = self.server.data().join("secrets/operator_key");
        let key = std::fs::read_to_string(file).expect("a key");
        person.posts("/api/v1/operator/key", json!({ "key": key.trim() })).await;
        person
    }

    /// Another device of somebody.
    pub async fn another_device(&self, person: &Person) -> Person {
        let api = Api::log_in(self.server.addr(), &self.mails, &person.email).await;
        Person {
            name: person.name.clone(),
            email: person.email.clone(),
            api: api.expect("logged in"),
        }
    }

    /// Somebody without a session.
    pub fn stranger(&self) -> Api {
        Api::anonymous(self.server.addr())
    }
}

/// The address of somebody.
pub fn email(name: &str) -> String {
    let plain = name.to_lowercase().replace(|c: char| !c.is_ascii_alphanumeric(), ".");
    format!("{plain}@example.org")
}

/// Somebody with a session.
pub struct Person {
    pub name: String,
    pub email: String,
    pub api: Api,
}

impl Person {
    pub fn id(&self) -> &str {
        self.api.user()
    }

    pub fn token(&self) -> &str {
        &self.api.session().expect("a session").token
    }

    /// The same person at another server, or at an address that is new.
    pub fn at(&self, server: &Server) -> Self {
        let session = self.api.session().expect("a session").clone();
        let (name, email) = (self.name.clone(), self.email.clone());
        Self { name, email, api: Api::with(server.addr(), session) }
    }

    /// Begins a sentence.
    pub fn says<'a>(&'a self, text: &'a str) -> Saying<'a> {
        Saying { who: self, text }
    }

    /// Opens a live connection.
    pub async fn connects(&self) -> Connection {
        let dial = self.api.session().expect("a session").dial(self.api.addr());
        Connection::open(dial).await.expect("connected")
    }

    /// Any request and its answer.
    pub async fn asks(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        self.api.call(method, path, body.as_ref()).await.expect("an answer")
    }

    /// `GET` that must succeed.
    pub async fn gets(&self, path: &str) -> Value {
        self.api.get(path).await.unwrap_or_else(|error| panic!("GET {path}: {error}"))
    }

    /// `POST` that must succeed.
    pub async fn posts(&self, path: &str, body: Value) -> Value {
        self.api.post(path, &body).await.unwrap_or_else(|error| panic!("POST {path}: {error}"))
    }

    /// The texts of a chat, in order.
    pub async fn reads(&self, chat: &str) -> Vec<String> {
        let page = self.api.history(chat, "?limit=200").await.expect("history");
        bodies(&page)
    }
}

/// The bodies of text messages of a page.
pub fn bodies(page: &Value) -> Vec<String> {
    let rows = page["messages"].as_array().cloned().unwrap_or_default();
    let texts = rows.iter().filter(|row| row["kind"] == "text");
    texts.map(|row| row["body"].as_str().unwrap_or_default().to_owned()).collect()
}

/// Something that somebody says.
pub struct Saying<'a> {
    who: &'a Person,
    text: &'a str,
}

impl Saying<'_> {
    /// To a person, in the direct chat.
    pub async fn to(self, whom: &Person) -> Value {
        self.in_chat(whom.id()).await
    }

    /// In a chat, with files that they uploaded.
    pub async fn with_files(self, chat: &str, files: &[&Value]) {
        let files: Vec<&Value> = files.iter().map(|file| &file["id"]).collect();
        let body = json!({
            "client_msg_id": fresh_key(), "body": self.text, "attachments": files,
        });
        self.who.posts(&format!("/api/v1/chats/{chat}/messages"), body).await;
    }

    /// In a chat, or to a person by id; the stored message.
    pub async fn in_chat(self, chat: &str) -> Value {
        let sent = self.who.api.send(chat, &fresh_key(), self.text).await.expect("sent");
        message_of(sent)
    }
}

/// The message in an answer to a send.
pub fn message_of(answer: Value) -> Value {
    if answer["message"].is_object() { answer["message"].clone() } else { answer }
}

/// An idempotency key that nobody used.
pub fn fresh_key() -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    format!("k{}-{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

/// Waits for a message with a text.
pub async fn hears(connection: &mut Connection, text: &str) -> Value {
    let fits = |event: &Event| event.name == "message" && event.data["body"] == text;
    let event = connection.event_that(PATIENCE, fits).await;
    event.unwrap_or_else(|error| panic!("did not hear {text:?}: {error}")).data
}

/// The data of a `message.send` frame.
pub fn sending(chat: &str, key: &str, body: &str) -> Value {
    json!({ "chat": chat, "client_msg_id": key, "body": body })
}
