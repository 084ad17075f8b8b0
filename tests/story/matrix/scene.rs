//! The scenes of the matrix: two people who are something to each other, or somebody and a group,
//! and what `{name}` in a row stands for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hyper::Method;
use loadgen::client::connection::{Connection, Event};
use loadgen::client::error::{Error, Result};
use loadgen::client::wire::Dial;
use serde_json::{Value, json};
use wechat::clock::{Clock, SystemClock};
use wechat::id::ChatId;

use crate::harness::files::STILL;
use crate::harness::{PATIENCE, Person, World, fresh_key};

/// What the two are to each other, in the order of the columns.
pub const PAIRS: [&str; 7] =
    ["stranger", "asks", "asked", "contact", "blocks", "blocked", "of-suspended"];

/// What somebody is to a group, in the order of the columns.
pub const PLACES: [&str; 6] = ["member", "waits", "ex-member", "left", "banned", "outsider"];

/// Who tries, and what they may name.
pub struct Scene {
    pub me: Person,
    /// The other of two, or the owner of the group.
    pub them: Person,
    /// Somebody whom both names mean nothing to.
    pub other: Person,
    names: BTreeMap<&'static str, String>,
    live: Option<Connection>,
}

impl Scene {
    async fn cast(world: &World) -> Self {
        let names = ["Me", "They", "Other"].map(fresh);
        let [me, them, other] = names.each_ref().map(|name| world.person(name));
        let (me, them, other) = tokio::join!(me, them, other);
        let mut names = BTreeMap::new();
        for (name, person) in [("me", &me), ("them", &them), ("other", &other)] {
            names.insert(name, person.id().to_owned());
        }
        names.insert("chat", chat_of(&me, &them));
        names.insert("name", them.name.clone());
        names.insert("emoji", "%F0%9F%91%8D".to_owned());
        Self { me, them, other, names, live: None }
    }

    /// Two people, as a column of `PAIRS` says. Whoever has written has written one message, `mine`
    /// or `theirs`; theirs has a file, if they may send one.
    pub async fn of_two(world: &World, olga: &Person, what: &str) -> Self {
        let mut scene = Self::cast(world).await;
        let own = text(&scene.me.uploads("auto", "mine.txt", b"mine").await["id"]);
        let file = text(&scene.them.uploads("auto", "still.jpg", STILL).await["id"]);
        let card = scene.them.posts("/api/v1/me/card", json!({})).await;
        let group = scene.me.api.create_group("Own", &[]).await.expect("a group");
        let said = scene.me.says("said").in_chat(&group).await;
        scene.other.says("hola").to(&scene.them).await;
        scene.them.says("hola").to(&scene.other).await;
        let (me, them) = (&scene.me, &scene.them);
        let (mut mine, mut theirs) = (1, 2);
        let mut calls = &scene.other;
        match what {
            "stranger" => {}
            "asks" => drop(me.says("mine").to(them).await),
            "asked" => {
                them.says("theirs").to(me).await;
                (mine, theirs) = (2, 1);
            }
            _ => {
                me.says("mine").to(them).await;
                let body = json!({ "client_msg_id": fresh_key(), "attachments": [file] });
                them.posts(&format!("/api/v1/chats/{}/messages", me.id()), body).await;
                calls = me;
            }
        }
        if what != "stranger" && what != "asked" {
            them.posts(&format!("/api/v1/chats/{}/read", me.id()), json!({ "seq": 1 })).await;
        }
        let mut hers = me.connects().await;
        let call = json!({ "chat": calls.id(), "kind": "voice" });
        let call = text(&them.posts("/api/v1/calls", call).await["call"]["id"]);
        match what {
            "blocks" => blocks(me, them).await,
            "blocked" => blocks(them, me).await,
            "of-suspended" => suspends(olga, them).await,
            _ => {}
        }
        if ["blocks", "blocked", "of-suspended"].contains(&what) {
            let is_over = |event: &Event| event.name == "call" && event.data["state"] == "ended";
            hers.event_that(PATIENCE, is_over).await.expect("the call ends");
        }
        let seqs = [("mine", mine), ("theirs", theirs)];
        scene.names.extend(seqs.map(|(name, seq): (_, u64)| (name, seq.to_string())));
        let said = said["seq"].to_string();
        let named = [("own-file", own), ("file", file), ("call", call), ("said", said)];
        scene.names.extend(named);
        scene.names.extend([("group", group), ("card", text(&card["code"]))]);
        scene
    }

    /// Somebody and a private group that others have to be let into, as a column of `PLACES` says.
    /// Whoever was in it has written message `mine`; `said` is the owner's, with a file.
    pub async fn of_a_group(world: &World, what: &str) -> Self {
        let mut scene = Self::cast(world).await;
        let tomorrow = SystemClock.now().plus(Duration::from_secs(24 * 60 * 60));
        scene.names.insert("tomorrow", tomorrow.to_string());
        let (me, owner, third) = (&scene.me, &scene.them, world.person(&fresh("Third")).await);
        let group = owner.api.create_group(&fresh("Paseos"), &[]).await.expect("a group");
        let at = |rest: &str| format!("/api/v1/groups/{group}{rest}");
        let code = text(&owner.posts(&at("/invites"), json!({})).await["code"]);
        let join = format!("/api/v1/invites/{code}/join");
        scene.other.posts(&join, Value::Null).await;
        let was_in = what != "waits" && what != "outsider";
        if was_in {
            me.posts(&join, Value::Null).await;
        }
        let file = text(&owner.uploads("auto", "still.jpg", STILL).await["id"]);
        let body = json!({ "client_msg_id": fresh_key(), "attachments": [file] });
        let said = owner.posts(&format!("/api/v1/chats/{group}/messages"), body).await;
        let said = said["message"]["seq"].to_string();
        let mine = if was_in {
            me.says("mine").in_chat(&group).await["seq"].to_string()
        } else {
            said.clone()
        };
        let approve = json!({ "rules": { "approve": true } });
        owner.asks(Method::PATCH, &at(""), Some(approve)).await;
        third.posts(&join, Value::Null).await;
        let (my, none) = (me.id(), None);
        let acted = match what {
            "waits" => me.asks(Method::POST, &join, none).await.status,
            "ex-member" => {
                owner.asks(Method::DELETE, &at(&format!("/members/{my}")), none).await.status
            }
            "left" => me.asks(Method::POST, &at("/leave"), none).await.status,
            "banned" => owner.asks(Method::PUT, &at(&format!("/bans/{my}")), none).await.status,
            _ => hyper::StatusCode::OK,
        };
        assert!(acted.is_success(), "{what}: {acted}");
        scene.names.extend([("mine", mine), ("said", said), ("file", file)]);
        scene.names.extend([("group", group), ("code", code)]);
        scene.names.insert("third", third.id().to_owned());
        scene
    }

    /// A row's text with the names filled in.
    pub fn filled(&self, template: &str) -> String {
        self.names.iter().fold(template.to_owned(), |text, (name, value)| {
            text.replace(&format!("{{{name}}}"), value)
        })
    }

    /// How this is called in the rows: an id, or the value itself.
    pub fn named(&self, value: &Value) -> String {
        let known = |text: &str| self.names.iter().find(|(_, value)| value.as_str() == text);
        match value {
            Value::Null => "-".into(),
            Value::Array(list) => list.len().to_string(),
            Value::String(text) => known(text).map_or(text.as_str(), |name| name.0).to_owned(),
            value => value.to_string(),
        }
    }

    /// Tries a row: the status, and what came with it. `WS operation` is asked on a connection;
    /// `WS /path` opens one, whose status is a close code if it is closed before it is live.
    pub async fn tries(&mut self, ask: &'static str, body: &str) -> (u16, Value) {
        let (verb, what) = ask.split_once(' ').expect("a method and a path");
        let body = Some(self.filled(body)).filter(|text| !text.is_empty());
        let body = body.map(|text| serde_json::from_str(&text).expect("JSON"));
        if verb != "WS" {
            let method = Method::from_bytes(verb.as_bytes()).expect("a method");
            let answer = self.me.asks(method, &self.filled(what), body).await;
            return (answer.status.as_u16(), answer.json());
        }
        let path = self.filled(what);
        let outcome = if what.starts_with('/') {
            let connection = self.opens(&path).await;
            match connection {
                Ok(mut connection) => connection.event(PATIENCE).await.map(|_| Value::Null),
                Err(error) => Err(error),
            }
        } else {
            if self.live.is_none() {
                self.live = self.opens("/api/v1/ws").await.ok();
            }
            let live = self.live.as_ref().expect("a connection");
            live.call(what, body.unwrap_or_default()).await
        };
        match outcome {
            Ok(reply) => (200, reply),
            Err(Error::Refused(problem)) => (problem.status, Value::Null),
            Err(Error::Closed(code)) => (code, Value::Null),
            Err(error) => panic!("{ask}: {error}"),
        }
    }

    async fn opens(&self, path: &str) -> Result<Connection> {
        let dial = self.me.api.session().expect("a session").dial(self.me.api.addr());
        Connection::open(Dial { path, ..dial }).await
    }

    /// The names of the events that reach them while this person does something, without what
    /// `other` says when it is done.
    pub async fn reaches(&mut self, ask: &'static str, body: &str) -> String {
        let mut theirs = self.them.connects().await;
        theirs.event_that(PATIENCE, |event| event.name == "hello").await.expect("live");
        theirs.events_now();
        self.tries(ask, body).await;
        self.other.says("fence").to(&self.them).await;
        let mut heard = Vec::new();
        loop {
            let event = theirs.event(PATIENCE).await.expect("the fence");
            if event.data["body"] == "fence" {
                return if heard.is_empty() { "-".into() } else { heard.join(" ") };
            }
            if !self.is_of_the_fence(&event) && !heard.contains(&event.name) {
                heard.push(event.name);
            }
        }
    }

    fn is_of_the_fence(&self, event: &Event) -> bool {
        let told = event.data.to_string();
        told.contains(&chat_of(&self.them, &self.other))
    }
}

async fn blocks(who: &Person, whom: &Person) {
    let path = format!("/api/v1/users/{}/block", whom.id());
    assert!(who.asks(Method::PUT, &path, None).await.status.is_success());
}

async fn suspends(olga: &Person, whom: &Person) {
    let path = format!("/api/v1/operator/people/{}/suspend", whom.id());
    olga.posts(&path, json!({ "why": "Spam." })).await;
}

fn chat_of(one: &Person, other: &Person) -> String {
    let [one, other] = [one, other].map(|person| person.id().parse().expect("an id"));
    ChatId::direct(one, other).to_string()
}

/// A name that nobody else has, of letters alone.
fn fresh(name: &str) -> String {
    static NEXT: AtomicU32 = AtomicU32::new(0);
    let mut number = NEXT.fetch_add(1, Ordering::Relaxed);
    let mut letters = String::new();
    for _ in 0..4 {
        letters.push(char::from(b'a' + (number % 26) as u8));
        number /= 26;
    }
    format!("{name}{letters}")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}
