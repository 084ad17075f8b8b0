//! Contacts with consent: what a stranger may do, what an answer changes, and a spammer's day.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};
use wechat::core::groups::{GroupEdit, NewGroup};
use wechat::error::Code;
use wechat::id::{ChatId, FileId, ObjectId, UserId};
use wechat::model::calls::CallKind;
use wechat::model::contacts::Strangers;
use wechat::model::text::{About, Title};

use crate::harness::night::{Night, Sleeper, direct, group, text};
use crate::harness::{Person, World, fresh_key};

async fn strict() -> World {
    World::with(&[("STRANGERS", "requests")]).await
}

/// What somebody may do to another, as a letter each: text, file, call, reaction, typing, group.
async fn may(who: &Person, whom: &Person) -> String {
    let to = whom.id();
    let message = |body: Value| async move {
        let path = format!("/api/v1/chats/{to}/messages");
        who.asks(Method::POST, &path, Some(body)).await.status.as_u16()
    };
    let (key, other) = (fresh_key(), fresh_key());
    let file = json!([ObjectId([9; 12]).to_string()]);
    let group = json!({ "title": "Peña", "members": [to] });
    let group = who.asks(Method::POST, "/api/v1/groups", Some(group)).await;
    let made = group.json();
    let call = json!({ "chat": to, "kind": "voice" });
    let call = who.asks(Method::POST, "/api/v1/calls", Some(call)).await;
    if call.status.is_success() {
        let id = call.json()["call"]["id"].as_str().expect("an id").to_owned();
        who.asks(Method::POST, &format!("/api/v1/calls/{id}/leave"), Some(json!({}))).await;
    }
    let text = message(json!({ "client_msg_id": key, "body": "hola" })).await;
    // A file that is not there is looked for only when one might be sent.
    let file = message(json!({ "client_msg_id": other, "body": "", "attachments": file })).await;
    [
        (text < 300, 't'),
        (file != 403, 'f'),
        (call.status.is_success(), 'c'),
        (made["member_count"] == 2, 'g'),
    ]
    .into_iter()
    .filter_map(|(may, letter)| may.then_some(letter))
    .collect()
}

async fn contacts(who: &Person) -> BTreeMap<String, String> {
    let page = who.gets("/api/v1/contacts").await;
    let rows = page["contacts"].as_array().expect("rows");
    rows.iter()
        .map(|row| {
            let text = |value: &Value| value.as_str().expect("a text").to_owned();
            (text(&row["user"]["name"]), text(&row["member"]["tie"]["state"]))
        })
        .collect()
}

async fn does(who: &Person, method: Method, path: &str) -> u16 {
    who.asks(method, path, None).await.status.as_u16()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_asks_and_an_answer_makes_contacts() {
    let world = strict().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    assert_eq!(may(&ana, &beto).await, "t", "a text is a request");
    assert_eq!(contacts(&beto).await, BTreeMap::from([("Ana".into(), "asked".into())]));
    assert_eq!(contacts(&ana).await, BTreeMap::from([("Beto".into(), "asks".into())]));
    let presence = ana.gets(&format!("/api/v1/presence?users={}", beto.id())).await;
    assert_eq!(presence["people"][0], json!({ "user": beto.id(), "online": false }));

    beto.says("hola").to(&ana).await;
    for (who, whom) in [(&ana, &beto), (&beto, &ana)] {
        assert_eq!(contacts(who).await.values().next().map(String::as_str), Some("known"));
        assert_eq!(may(who, whom).await, "tfcg", "contacts");
    }
    let path = format!("/api/v1/contacts/{}", ana.id());
    assert_eq!(does(&beto, Method::DELETE, &path).await, 204);
    assert!(contacts(&ana).await.is_empty() && contacts(&beto).await.is_empty());
    assert_eq!(may(&ana, &beto).await, "t", "strangers again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_request_is_five_texts_and_refusing_it_is_silent() {
    let world = strict().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (mut hers, mut his) = (ana.connects().await, beto.connects().await);
    let mut keys = Vec::new();
    for number in 0..5 {
        keys.push(fresh_key());
        ana.api.send(beto.id(), &keys[number], "hola").await.expect("sent");
        if number == 2 {
            let path = format!("/api/v1/contacts/{}/refuse", ana.id());
            assert_eq!(does(&beto, Method::POST, &path).await, 200);
        }
    }
    let path = format!("/api/v1/chats/{}/messages", beto.id());
    let sixth = json!({ "client_msg_id": fresh_key(), "body": "hola" });
    let refused = ana.asks(Method::POST, &path, Some(sixth)).await;
    assert_eq!(refused.status, 403, "{refused:?}");
    assert!(refused.json()["detail"].as_str().expect("words").contains("Wait"), "{refused:?}");
    let again = ana.api.send(beto.id(), &keys[4], "hola").await.expect("sent before");
    assert_eq!(again["message"]["seq"], 5, "a repeat gives the first result");

    let row = ana.gets(&format!("/api/v1/chats/{}", beto.id())).await;
    let tie = &row["member"]["tie"];
    assert_eq!((&tie["state"], &tie["texts_left"]), (&json!("asks"), &json!(0)), "{row}");
    assert_eq!(contacts(&beto).await["Ana"], "refused");
    let told = |connection: &mut loadgen::client::connection::Connection| {
        let events = connection.events_now();
        let of = events.iter().filter(|event| event.name == "member");
        let ties = of.map(|event| event.data["tie"]["state"].clone());
        ties.filter_map(|state| state.as_str().map(str::to_owned)).collect::<BTreeSet<_>>()
    };
    let fence = world.person("Caro").await;
    for connection in [&mut hers, &mut his] {
        connection.call("presence.watch", json!({ "users": [fence.id()] })).await.expect("done");
    }
    assert_eq!(told(&mut hers), BTreeSet::from(["asks".into()]), "she is not told");
    assert_eq!(told(&mut his), BTreeSet::from(["asked".into(), "refused".into()]));

    let path = format!("/api/v1/contacts/{}/accept", ana.id());
    assert_eq!(does(&beto, Method::POST, &path).await, 200, "he may still accept");
    assert_eq!(contacts(&ana).await["Beto"], "known");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_block_outlives_what_two_people_become_to_each_other() {
    let world = strict().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    ana.says("hola").to(&beto).await;
    let block = format!("/api/v1/users/{}/block", ana.id());
    assert_eq!(does(&beto, Method::PUT, &block).await, 204);
    let accept = format!("/api/v1/contacts/{}/accept", ana.id());
    assert_eq!(does(&beto, Method::POST, &accept).await, 403, "unblock first");
    assert_eq!(may(&ana, &beto).await, "");
    assert_eq!(does(&beto, Method::DELETE, &block).await, 204);
    assert_eq!(does(&beto, Method::POST, &accept).await, 200);
    assert_eq!(does(&beto, Method::PUT, &block).await, 204);
    let path = format!("/api/v1/chats/{}/messages", beto.id());
    let body = json!({ "client_msg_id": fresh_key(), "body": "hola" });
    assert_eq!(ana.asks(Method::POST, &path, Some(body)).await.status, 403);
    assert_eq!(contacts(&beto).await["Ana"], "known", "a block is apart from that");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_card_lets_in_whom_its_owner_gave_it() {
    let world = strict().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let me = |body: Value| ana.asks(Method::PATCH, "/api/v1/me", Some(body));
    let told = me(json!({ "reach": "contacts", "groups": "nobody" })).await.json();
    assert_eq!((&told["reach"], &told["groups"]), (&json!("contacts"), &json!("nobody")));
    assert_eq!(may(&beto, &ana).await, "", "for contacts alone");
    assert_eq!(ana.gets("/api/v1/me/card").await, json!(null), "none yet");

    let card = ana.posts("/api/v1/me/card", json!({})).await;
    assert_eq!(card["adds"], false);
    let code = card["code"].as_str().expect("a code").to_owned();
    assert_eq!(ana.gets("/api/v1/me/card").await, card, "it can be shown again");
    let path = format!("/api/v1/cards/{code}");
    assert_eq!(beto.gets(&path).await["user"]["name"], "Ana");
    assert_eq!(beto.posts(&path, json!({})).await["member"]["tie"]["state"], "asks");

    let renewed = ana.posts("/api/v1/me/card", json!({ "adds": true, "renew": true })).await;
    assert_ne!(renewed["code"], card["code"]);
    assert_eq!(does(&beto, Method::POST, &path).await, 404, "the old one does no more");
    let path = format!("/api/v1/cards/{}", renewed["code"].as_str().expect("a code"));
    assert_eq!(beto.posts(&path, json!({})).await["member"]["tie"]["state"], "known");
    assert_eq!(may(&beto, &ana).await, "tfc", "but nobody puts her into groups");
    assert_eq!(does(&ana, Method::POST, &path).await, 400, "her own");
    assert_eq!(does(&ana, Method::DELETE, "/api/v1/me/card").await, 204);
    assert_eq!(does(&beto, Method::GET, &path).await, 404);
    for code in ["", "x", "AAAA", &"A".repeat(32), &"A".repeat(33)] {
        assert_eq!(does(&beto, Method::GET, &format!("/api/v1/cards/{code}")).await, 404);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_original_endpoints_say_that_it_is_a_request() {
    let world = strict().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let path = format!("/sndmsg?chtid={}&crruid={}", beto.id(), ana.id());
    let body = |text: &str| Some(json!({ "message_id": fresh_key(), "body": text }));
    let sent = ana.asks(Method::PUT, &path, body("hola")).await.json();
    assert_eq!((&sent["error"], &sent["message"]), (&json!(false), &json!("sent as a request")));
    let call = ana.asks(Method::POST, &format!("/cllusr?chtid={}", beto.id()), None).await.json();
    assert_eq!(call["error"], true);
    assert!(call["message"].as_str().expect("words").contains("Write to this person first"));
    let path = format!("/sndmsg?chtid={}&crruid={}", ana.id(), beto.id());
    assert_eq!(beto.asks(Method::PUT, &path, body("hola")).await.json()["message"], "sent");
    let path = format!("/sndmsg?chtid={}&crruid={}", beto.id(), ana.id());
    assert_eq!(ana.asks(Method::PUT, &path, body("hola")).await.json()["message"], "sent");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_left_a_group_comes_back_by_their_own_wish_alone() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let group = ana.api.create_group("Peña", &[beto.id()]).await.expect("a group");
    let members = format!("/api/v1/groups/{group}/members");
    let add = || ana.asks(Method::POST, &members, Some(json!({ "users": [beto.id()] })));
    let kick = format!("{members}/{}", beto.id());
    assert_eq!(does(&ana, Method::DELETE, &kick).await, 204);
    assert_eq!(add().await.status, 200, "a removal can be taken back");
    let leave = format!("/api/v1/groups/{group}/leave");
    assert_eq!(does(&beto, Method::POST, &leave).await, 204);
    assert_eq!(add().await.status, 400);
    let link = ana.posts(&format!("/api/v1/groups/{group}/invites"), json!({})).await;
    let join = format!("/api/v1/invites/{}/join", link["code"].as_str().expect("a code"));
    assert_eq!(does(&beto, Method::POST, &join).await, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deleted_account_is_in_nobodys_contacts() {
    let world = strict().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    ana.says("hola").to(&beto).await;
    beto.says("hola").to(&ana).await;
    let remark = json!({ "remark": "Hermano" });
    let path = format!("/api/v1/chats/{}", beto.id());
    let row = ana.asks(Method::PATCH, &path, Some(remark)).await.json();
    assert_eq!(row["remark"], "Hermano");
    assert_eq!(does(&beto, Method::DELETE, "/api/v1/me").await, 204);
    assert!(contacts(&ana).await.is_empty());
    let chats = ana.gets("/api/v1/chats").await;
    assert_eq!(chats["chats"][0]["member"]["tie"], Value::Null, "{chats}");
}

/// What came of a spammer's day.
#[derive(Debug, Default)]
struct Day {
    reached: BTreeSet<UserId>,
    calls: usize,
    grouped: usize,
}

/// Somebody tries everything on everybody.
async fn tries_all(night: &Night, spammer: &Sleeper, all: &[Sleeper], day: &mut Day) {
    let (core, me) = (night.core(), &spammer.caller);
    for victim in all {
        let target = direct(spammer, victim);
        for _ in 0..7 {
            if let Ok(pending) = core.messages.send(me, target, text("buy")).await {
                pending.await.expect("stored");
                day.reached.insert(victim.caller.user);
            }
        }
        let mut file = text("buy this");
        file.attachments = vec![FileId(ObjectId([9; 12]))];
        let refused = core.messages.send(me, target, file).await.err().expect("refused");
        assert_eq!(refused.code, Code::Forbidden);
        day.calls +=
            usize::from(core.calls.start(me, "chat", target, CallKind::Voice).await.is_ok());
        core.receipts.typing(me, target, true).await.ok();
        core.contacts.ask(me, "user", victim.caller.user).await.ok();
        for card in ["AAAA", &"A".repeat(32)] {
            assert!(core.contacts.show_card(me, card).await.is_err());
        }
    }
    let members: Vec<UserId> = all.iter().map(|victim| victim.caller.user).collect();
    let new = NewGroup {
        key: None,
        title: Title::parse("title", "Win").expect("a title"),
        about: About::parse("about", "").expect("fits"),
        public: true,
        history_shared: true,
        members: members.clone(),
    };
    let made = core.groups.create(me, new).await.expect("a group of one");
    day.grouped += made.member_count as usize - 1;
    day.grouped += core.groups.add(me, made.id, members).await.map_or(0, |added| added.len());
    let loud = Title::parse("title", "WIN").expect("a title");
    let edit = GroupEdit { title: Some(loud), ..GroupEdit::default() };
    core.groups.edit(me, made.id, edit).await.expect("alone");
}

/// One after the other, all day long.
async fn a_day(spammers: usize) {
    let night = Night::among(Strangers::Requests).await;
    let mut victims = Vec::new();
    for number in 0..30 {
        victims.push(night.sleeper(&format!("Victim {number}")).await);
    }
    for number in 0..spammers {
        let spammer = night.sleeper(&format!("Spammer {number}")).await;
        let mut day = Day::default();
        for _ in 0..3 {
            tries_all(&night, &spammer, &victims, &mut day).await;
            night.node.inside.clock.advance(Duration::from_secs(8 * 60 * 60 / spammers as u64));
        }
        assert!((1..=20).contains(&day.reached.len()), "{}", day.reached.len());
        assert_eq!((day.calls, day.grouped), (0, 0));
        for victim in &victims {
            let chat = direct(&spammer, victim).chat;
            let row = night.node.inside.store.chat(chat, &[]).await.expect("reads");
            assert!(row.is_none_or(|(chat, _)| chat.head_seq <= 5), "at most five texts each");
        }
    }
    assert!(night.told().await.is_empty(), "nobody's phone made a sound");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_day_of_one_spammer() {
    a_day(1).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_day_of_twenty_spammers() {
    a_day(20).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_newcomer_who_knows_ten_people_notices_nothing() {
    let night = Night::among(Strangers::Requests).await;
    let newcomer = night.sleeper("Nora").await;
    let mut friends = Vec::new();
    for number in 0..10 {
        let friend = night.sleeper(&format!("Friend {number}")).await;
        night.says(&newcomer, direct(&newcomer, &friend), text("It is me, Nora!")).await;
        night.says(&friend, direct(&newcomer, &friend), text("Hello!")).await;
        friends.push(friend);
    }
    let told = night.messages().await;
    assert_eq!(told.len(), 10, "each answer reaches her: {told:?}");
    let all: Vec<&Sleeper> = std::iter::once(&newcomer).chain(&friends).collect();
    let chat: ChatId = night.group(&all).await;
    night.says(&newcomer, group(chat), text("All of you at once!")).await;
    assert_eq!(night.messages().await.len(), 10);
    for friend in &friends {
        night.says(&newcomer, direct(&newcomer, friend), text("How are you?")).await;
    }
    assert_eq!(night.messages().await.len(), 10);
    let target = direct(&newcomer, &friends[0]);
    let joined = night.core().calls.start(&newcomer.caller, "chat", target, CallKind::Voice).await;
    joined.expect("it rings");
}
