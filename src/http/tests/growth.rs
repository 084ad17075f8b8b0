//! What requests cost as things grow that they do not answer: counted in steps of the store, not in
//! time, so that every machine says the same.
//!
//! A request is made where there are `FEW` of what it could grow with, and again where there are
//! `MANY`: the chats of a person, the members of a group, the messages of a chat, the reactions to
//! one. The exponent says how its work grows in between: 0 is not at all, 1 is in proportion. What
//! may grow says why. `cargo test growth -- --nocapture` prints them all.

use axum::http::Method;
use futures_util::future::join_all;
use serde_json::Value;

use super::{App, Person};
use crate::clock::Time;
use crate::error::Language;
use crate::id::{ChatId, MessageId, ObjectId, UserId};
use crate::model::chats::{Chat, ChatChange, ChatKind, MemberState, Role};
use crate::model::messages::{MessageChange, NewMessage, Stamp, SystemEvent, TextContent};
use crate::model::text::{About, Body, ClientMsgId, Email, Name, Title};
use crate::model::users::{Privacy, Standing, User};
use crate::store::archive::Record;
use crate::store::embedded::steps_of;
use crate::store::{Appended, Changed, Founded, GroupStep, Stepped};

/// How many there are at first, and then.
const FEW: u32 = 100;
const MANY: u32 = 10_000;
/// An exponent up to this is no growth: a tree of more rows is a little deeper.
const FLAT: f64 = 0.15;
/// What grows in proportion, because it is counted one by one.
const COUNTED: f64 = 1.0;
/// Requests of one kind are counted together: some find more to do than others.
const TIMES: u64 = 4;

/// A server where there are so many of everything.
struct Place {
    app: App,
    ana: Person,
    beto: Person,
    /// Everybody but these two.
    others: Vec<UserId>,
    /// A group of all of them, Ana's, in which everybody has reacted to message 2.
    group: String,
    /// A group of Ana and Beto with many messages of hers; the last one is new.
    talk: String,
    /// Another one, in which she has deleted all.
    hushed: String,
    /// A group of Ana and Beto, which all others have left.
    left: String,
    /// The inbox that Beto has reached.
    inbox: u64,
    /// A direct chat of Ana's, one of many.
    direct: String,
    /// Changes with every request.
    number: std::cell::Cell<u64>,
}

fn id(number: u32) -> ObjectId {
    let mut bytes = [9; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    ObjectId(bytes)
}

fn person(number: u32) -> User {
    User {
        id: UserId(id(number)),
        name: Name::stored(format!("Persona {number}")),
        email: Email::stored(format!("p{number}@example.org")),
        about: About::stored(String::new()),
        avatar: None,
        push_token: None,
        privacy: Privacy::default(),
        reach: Default::default(),
        groups: Default::default(),
        card: None,
        language: Language::Spanish,
        created: Time(1_790_000_000_000),
        verified: Some(Time(1_790_000_000_000)),
        deleted: None,
        operator: false,
        standing: Standing::Fine,
    }
}

fn user(id: &str) -> UserId {
    UserId(ObjectId::parse(id).expect("an id"))
}

fn message(chat: ChatId, from: UserId, number: u32) -> NewMessage {
    NewMessage {
        id: MessageId(id(number)),
        chat,
        peers: None,
        from,
        client_msg_id: ClientMsgId::stored(format!("{chat}-{number}")),
        content: TextContent::of(Body::stored(format!("mensaje {number}"))),
        sent: Time(1_790_000_000_000 + i64::from(number)),
    }
}

impl Place {
    async fn of(count: u32) -> Self {
        let app = App::new();
        let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
        let others: Vec<User> = (0..count).map(person).collect();
        let ids: Vec<UserId> = others.iter().map(|user| user.id).collect();
        let records = others.into_iter().map(|user| {
            let terms = vec![user.name.as_str().to_lowercase()];
            Record::Account(user, terms)
        });
        app.store.put(records.collect()).await.expect("accounts");
        let group = ChatId(id(1_000_000));
        let (talk, hushed) = (app.group(&[&ana, &beto]).await, app.group(&[&ana, &beto]).await);
        let mut place = Self {
            group: group.to_string(),
            direct: ChatId::direct(user(&ana.id), ids[7]).to_string(),
            number: 0.into(),
            others: ids,
            app,
            ana,
            beto,
            talk,
            hushed,
            left: ChatId(id(1_000_001)).to_string(),
            inbox: 0,
        };
        place.found(group).await;
        place.found(ChatId(id(1_000_001))).await;
        place.leave(ChatId(id(1_000_001))).await;
        place.meet().await;
        place.talk(count).await;
        place.hush(count).await;
        place.react(group).await;
        let news = place.ask(('b', "POST /api/v1/sync", "{}")).await;
        place.inbox = news["inbox"].as_u64().expect("an inbox");
        place
    }

    /// Everybody is in one group.
    async fn found(&self, id: ChatId) {
        let title = Title::stored("Todos".into());
        let ana = user(&self.ana.id);
        let chat = Chat {
            id,
            kind: ChatKind::Group,
            peers: None,
            title: Some(title.clone()),
            public: true,
            history_shared: true,
            owner: Some(ana),
            member_count: 0,
            ..Chat::direct((ana, ana), Time(1_790_000_000_000))
        };
        let others = self.others.iter().map(|user| (*user, Role::Member));
        let members: Vec<_> = [(ana, Role::Owner), (user(&self.beto.id), Role::Member)]
            .into_iter()
            .chain(others)
            .collect();
        let event = SystemEvent::GroupCreated { title };
        let store = &self.app.store;
        let founded =
            store.create_group(&chat, &members, vec!["todos".into()], MessageId(id.0), event);
        assert!(matches!(founded.await.expect("creates"), Founded::Done(..)));
    }

    /// All but Ana and Beto leave.
    async fn leave(&self, chat: ChatId) {
        for (number, some) in self.others.chunks(1_000).enumerate() {
            let left = |user: &UserId| (*user, MemberState::Left, Role::Member);
            let step = GroupStep {
                chat,
                guards: Vec::new(),
                rests_on: None,
                change: ChatChange::default(),
                silence: None,
                members: some.iter().map(left).collect(),
                all_leave: false,
                terms: None,
                invite: None,
                revoked: Vec::new(),
                message: MessageId(id(2_000_000 + number as u32)),
                by: user(&self.ana.id),
                event: SystemEvent::Left,
                at: Time(1_790_000_000_000),
            };
            let stepped = self.app.store.step(step).await.expect("steps");
            assert!(matches!(stepped, Stepped::Done(..)));
        }
    }

    /// Everybody writes to Ana.
    async fn meet(&self) {
        let ana = user(&self.ana.id);
        let write = async |(number, other): (usize, UserId)| {
            let peers = Some((ana.min(other), ana.max(other)));
            let new = message(ChatId::direct(ana, other), other, number as u32);
            self.stored(NewMessage { peers, ..new }).await;
        };
        for some in self.others.iter().copied().enumerate().collect::<Vec<_>>().chunks(1_000) {
            join_all(some.iter().copied().map(write)).await;
        }
    }

    /// Ana writes much to Beto, and mentions all.
    async fn talk(&self, count: u32) {
        self.write(&self.talk, count).await;
        self.app.say(&self.talk, &self.ana, "fresh", "hola Beto").await.is(201);
    }

    async fn write(&self, chat: &str, count: u32) {
        let (chat, ana) = (ChatId(user(chat).0), user(&self.ana.id));
        let write = |number| {
            let mut new = message(chat, ana, number);
            new.content.mention_all = true;
            self.stored(new)
        };
        for first in (0..count).step_by(1_000) {
            join_all((first..count.min(first + 1_000)).map(write)).await;
        }
    }

    /// Ana writes much, and deletes it.
    async fn hush(&self, count: u32) {
        self.write(&self.hushed, count).await;
        let (chat, ana) = (ChatId(user(&self.hushed).0), user(&self.ana.id));
        let delete = async |seq: u32| {
            let change = MessageChange::Delete(Stamp { by: ana, at: Time(1_790_000_000_000) });
            let changed = self.app.store.change(chat, seq.into(), ana, change).await;
            assert!(matches!(changed.expect("changes"), Changed::Done(_)));
        };
        for first in (2..count).step_by(1_000) {
            join_all((first..count.min(first + 1_000)).map(delete)).await;
        }
    }

    async fn stored(&self, new: NewMessage) {
        let pending = self.app.store.append(new).await.expect("queues");
        assert!(matches!(pending.await.expect("stores"), Appended::Stored { .. }));
    }

    async fn react(&self, group: ChatId) {
        self.app.say(&self.group, &self.ana, "first", "hola a todos").await.is(201);
        let react = async |user: UserId| {
            let change = MessageChange::React { user, emoji: "👍".into(), on: true };
            let changed = self.app.store.change(group, 2, user, change).await.expect("changes");
            assert!(matches!(changed, Changed::Done(_)));
        };
        for some in self.others.chunks(1_000) {
            join_all(some.iter().copied().map(react)).await;
        }
    }

    /// A request with names filled in; the status must be one of success.
    async fn ask(&self, (who, request, body): (char, &str, &str)) -> Value {
        self.number.set(self.number.get() + 1);
        let fill = |text: &str| {
            text.replace("{group}", &self.group)
                .replace("{talk}", &self.talk)
                .replace("{hushed}", &self.hushed)
                .replace("{left}", &self.left)
                .replace("{inbox}", &self.inbox.to_string())
                .replace("{fresh}", &(self.others.len() + 2).to_string())
                .replace("{direct}", &self.direct)
                .replace("{beto}", &self.beto.id)
                .replace("{ana}", &self.ana.id)
                .replace("{other}", &self.others[self.number.get() as usize % 50 + 20].to_string())
                .replace("{last}", &(self.others.len() / 50 - 1).to_string())
                .replace("{middle}", &(self.others.len() / 2).to_string())
                .replace("{n}", &self.number.get().to_string())
        };
        let (method, path) = request.split_once(' ').expect("a method");
        let token = if who == 'a' { &self.ana.token } else { &self.beto.token };
        let body = if body.is_empty() {
            Value::Null
        } else {
            serde_json::from_str(&fill(body)).expect("JSON")
        };
        let method: Method = method.parse().expect("a method");
        let reply = self.app.ask(method, &fill(path), token, body).await;
        let told = String::from_utf8_lossy(&reply.bytes).into_owned();
        assert!(reply.status.is_success(), "{request}: {} {told}", reply.status);
        reply.json()
    }

    /// How much the store does for a row of the table, once it is warm.
    async fn work(&self, row: &[Request]) -> u64 {
        for request in row {
            self.ask(*request).await;
        }
        let before = steps_of(self.app.dir.path());
        for _ in 0..TIMES {
            for request in row {
                self.ask(*request).await;
            }
        }
        (steps_of(self.app.dir.path()) - before) / TIMES
    }

    /// How much the store does to find out who of the large group can be told by push: Beto alone.
    async fn work_to_tell(&self) -> u64 {
        self.ask(('b', "PUT /api/v1/me/push", r#"{"kind":"fcm","token":"t"}"#)).await;
        let (group, before) = (self.group.parse().expect("an id"), steps_of(self.app.dir.path()));
        let found = self.app.store.subscribed(group, None, 200).await.expect("reads");
        assert_eq!(found.people.len(), 1);
        steps_of(self.app.dir.path()) - before
    }
}

/// Who asks (Ana or Beto), for what, with which body.
type Request = (char, &'static str, &'static str);

/// What is asked for, by what it could grow with. Requests in one row undo each other.
#[rustfmt::skip]
const TABLE: &[(&str, f64, &[Request])] = &[
    ("messages", FLAT, &[('b', "POST /api/v1/chats/{talk}/delivered", r#"{"seq":{n}}"#)]),
    ("messages", FLAT, &[('b', "POST /api/v1/chats/{talk}/hidden", r#"{"seqs":[{n}]}"#)]),
    ("messages", FLAT, &[('a', "GET /api/v1/chats/{talk}/messages", "")]),
    ("messages", FLAT, &[('a', "GET /api/v1/chats/{talk}/messages?before={middle}", "")]),
    ("messages", FLAT, &[('a', "GET /api/v1/chats/{talk}/messages?after={middle}", "")]),
    ("messages", FLAT, &[('b', "GET /api/v1/chats/{talk}/messages/{middle}", "")]),
    ("messages", FLAT, &[('a', "GET /api/v1/chats/{talk}/messages/5/receipts", "")]),
    ("messages", FLAT, &[('a', "GET /api/v1/chats/{talk}/messages/{fresh}/edits", "")]),
    ("messages", FLAT,
        &[('a', "PATCH /api/v1/chats/{talk}/messages/{fresh}", r#"{"body":"otra {n}"}"#)]),
    ("messages", FLAT,
        &[('a', "PUT /api/v1/chats/{talk}/messages/6/pin", ""),
          ('a', "DELETE /api/v1/chats/{talk}/messages/6/pin", "")]),
    ("messages", FLAT, &[('a', "GET /api/v1/chats/{talk}/pins", "")]),
    ("messages", FLAT, &[('a', "GET /api/v1/chats/{talk}", "")]),
    ("messages", FLAT, &[('a', "GET /nch?chtid={talk}", "")]),
    ("messages", FLAT,
        &[('a', "POST /api/v1/chats/{talk}/forwards",
           r#"{"from":"{talk}","seq":{middle},"client_msg_id":"f{n}"}"#)]),
    // Who has not read these sees how much there is to read.
    ("messages", COUNTED, &[('b', "GET /api/v1/chats/{talk}", "")]),
    ("messages", COUNTED, &[('b', "GET /api/v1/chats/{hushed}", "")]),
    // A client gets the seqs of up to 1,000 of these.
    ("messages", COUNTED, &[('b', "POST /api/v1/sync", r#"{"chats":{}}"#)]),

    ("chats", FLAT, &[('a', "GET /api/v1/me", "")]),
    ("chats", FLAT, &[('a', "PATCH /api/v1/me", r#"{"about":"nueva {n}"}"#)]),
    ("chats", FLAT, &[('a', "GET /api/v1/chats", "")]),
    ("chats", FLAT, &[('a', "GET /api/v1/chats?after={last}", "")]),
    ("chats", FLAT, &[('a', "GET /chats?pg=1", "")]),
    ("chats", FLAT,
        &[('a', "POST /api/v1/chats/{direct}/messages", r#"{"client_msg_id":"l{n}","body":"a"}"#),
          ('a', "GET /api/v1/chats", "")]),
    ("chats", FLAT, &[('a', "GET /nch?chtid={direct}", "")]),
    ("chats", FLAT, &[('a', "GET /api/v1/chats/{direct}", "")]),
    ("chats", FLAT, &[('a', "POST /api/v1/chats", r#"{"user":"{other}"}"#)]),
    ("chats", FLAT,
        &[('a', "PATCH /api/v1/chats/{direct}", r#"{"pinned":true}"#),
          ('a', "PATCH /api/v1/chats/{direct}", r#"{"pinned":false}"#)]),
    ("chats", FLAT, &[('a', "GET /api/v1/chats/{direct}/messages", "")]),
    ("chats", FLAT, &[('a', "GET /api/v1/users/{other}", "")]),
    ("chats", FLAT, &[('a', "GET /api/v1/presence?users={other}", "")]),
    ("chats", FLAT, &[('a', "GET /api/v1/search?q=persona", "")]),
    ("chats", FLAT, &[('a', "GET /lkup?qry=persona&pg=1", "")]),
    ("chats", FLAT, &[('a', "GET /api/v1/calls", "")]),
    ("chats", FLAT,
        &[('a', "PUT /api/v1/users/{beto}/block", ""),
          ('a', "DELETE /api/v1/users/{beto}/block", "")]),
    ("chats", FLAT,
        &[('a', "POST /api/v1/chats/{direct}/messages", r#"{"client_msg_id":"d{n}","body":"a"}"#)]),
    ("chats", FLAT,
        &[('a', "PUT /sndmsg?chtid={direct}&crruid={ana}",
           r#"{"message_id":"o{n}","body":"a","body_type":8}"#)]),

    ("members", FLAT, &[('a', "GET /api/v1/groups/{group}", "")]),
    ("members", FLAT, &[('a', "GET /api/v1/chats/{group}", "")]),
    ("members", FLAT, &[('b', "GET /api/v1/groups/{group}/members", "")]),
    ("members", FLAT, &[('b', "GET /api/v1/groups/{group}/members?after={other}", "")]),
    ("members", FLAT, &[('a', "GET /api/v1/groups/{group}/bans", "")]),
    ("members", FLAT, &[('b', "GET /api/v1/chats/{group}/messages", "")]),
    ("members", FLAT, &[('b', "GET /api/v1/chats/{group}/messages/2/receipts", "")]),
    ("members", FLAT, &[('b', "GET /api/v1/chats/{group}/messages/2/readers", "")]),
    ("members", FLAT,
        &[('b', "POST /api/v1/chats/{group}/messages", r#"{"client_msg_id":"g{n}","body":"a"}"#)]),
    ("members", FLAT, &[('a', "PATCH /api/v1/groups/{group}", r#"{"title":"Todos {n}"}"#)]),
    ("members", FLAT,
        &[('a', "POST /api/v1/chats/{group}/messages", r#"{"client_msg_id":"r{n}","body":"a"}"#),
          ('b', "POST /api/v1/chats/{group}/read", r#"{"seq":1000000}"#)]),
    ("members", FLAT,
        &[('a', "DELETE /api/v1/groups/{group}/members/{beto}", ""),
          ('a', "POST /api/v1/groups/{group}/members", r#"{"users":["{beto}"]}"#)]),
    ("members", FLAT,
        &[('a', "PUT /api/v1/groups/{group}/bans/{beto}", ""),
          ('a', "DELETE /api/v1/groups/{group}/bans/{beto}", ""),
          ('a', "POST /api/v1/groups/{group}/members", r#"{"users":["{beto}"]}"#)]),
    ("members", FLAT,
        &[('b', "POST /api/v1/groups/{group}/leave", ""),
          ('b', "POST /api/v1/groups/{group}/join", "")]),
    ("members", FLAT,
        &[('a', "PATCH /api/v1/groups/{group}/members/{beto}", r#"{"role":"admin"}"#),
          ('a', "PATCH /api/v1/groups/{group}/members/{beto}", r#"{"role":"member"}"#)]),
    ("members", FLAT,
        &[('a', "PUT /api/v1/groups/{group}/owner", r#"{"user":"{beto}"}"#),
          ('b', "PUT /api/v1/groups/{group}/owner", r#"{"user":"{ana}"}"#)]),
    ("members", FLAT, &[('a', "POST /api/v1/groups/{group}/invites", "")]),
    ("members", FLAT,
        &[('a', "POST /api/v1/groups", r#"{"title":"Nuevo {n}","members":["{beto}"]}"#)]),
    ("who left", FLAT, &[('b', "GET /api/v1/groups/{left}/members", "")]),
    ("who left", FLAT, &[('a', "GET /api/v1/groups/{left}/bans", "")]),
    ("who left", FLAT, &[('b', "GET /api/v1/chats/{left}/messages/1/receipts", "")]),

    ("reactions", FLAT,
        &[('b', "PUT /api/v1/chats/{group}/messages/2/reactions/👍", ""),
          ('b', "DELETE /api/v1/chats/{group}/messages/2/reactions/👍", "")]),
    ("reactions", FLAT, &[('b', "GET /api/v1/chats/{group}/messages/2/reactions?emoji=👍", "")]),
    ("reactions", FLAT, &[('b', "GET /api/v1/chats/{group}/messages/2", "")]),
    ("reactions", FLAT,
        &[('b', "POST /api/v1/sync", r#"{"inbox":{inbox},"chats":{"{group}":1}}"#)]),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn growth_of_what_is_not_answered_costs_nothing() {
    let (few, many) = (Place::of(FEW).await, Place::of(MANY).await);
    let mut grows = Vec::new();
    assert_eq!(few.work_to_tell().await, many.work_to_tell().await, "one of however many");
    for (with, most, row) in TABLE {
        let (less, more) = (few.work(row).await, many.work(row).await);
        // What is answered from memory takes no step at all.
        let exponent = (more.max(1) as f64 / less.max(1) as f64).ln() / f64::from(MANY / FEW).ln();
        let line =
            format!("{exponent:5.2}  {less:8} {more:8}  {with:9} {}", row.last().expect("one").1);
        println!("{line}");
        if exponent > *most {
            grows.push(line);
        }
    }
    assert!(grows.is_empty(), "these grow:\n{}", grows.join("\n"));
}
