//! People and their groups: people who leave are gone, blocked people reach nobody, strangers learn
//! nothing.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hyper::Method;
use loadgen::client::state::State;
use serde_json::{Value, json};
use tokio::task::JoinSet;
use wechat::clock::Clock;
use wechat::core::Rules;
use wechat::core::groups::NewGroup;
use wechat::error::Code;
use wechat::model::auth::Caller;
use wechat::model::chats::{ChatKind, Role};
use wechat::model::text::{About, ClientMsgId, Title};
use wechat::protocol::ops;

use crate::harness::inside::Inside;
use crate::harness::{PATIENCE, Person, World, fresh_key, hears, message_of};

fn new_group(title: &str, public: bool, members: &[Caller]) -> NewGroup {
    NewGroup {
        key: None,
        title: Title::parse("title", title).expect("a title"),
        about: About::parse("about", "").expect("a description"),
        public,
        history_shared: false,
        members: members.iter().map(|caller| caller.user).collect(),
    }
}

/// Creates groups, joins, is added and is made the owner, until it is over.
async fn fire(inside: Arc<Inside>, ana: Caller, beto: Caller, over: Arc<AtomicBool>) -> u32 {
    let (groups, mut came) = (&inside.core.groups, 0);
    while !over.load(Ordering::SeqCst) {
        came += u32::from(groups.create(&ana, new_group("Mine", false, &[beto])).await.is_ok());
        let group = groups.create(&beto, new_group("Ours", true, &[])).await.expect("a group").id;
        came += u32::from(groups.join(&ana, group).await.is_ok());
        came += u32::from(groups.add(&beto, group, vec![ana.user]).await.is_ok());
        came += u32::from(groups.hand_over(&beto, group, ana.user).await.is_ok());
    }
    came
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_deleted_account_is_in_no_group_whatever_it_does_meanwhile() {
    let inside = Arc::new(Inside::new(Rules::default()).await);
    let (ana, beto) = (inside.person("Ana").await, inside.person("Beto").await);
    let over = Arc::new(AtomicBool::new(false));
    let mut fires = JoinSet::new();
    for _ in 0..4 {
        fires.spawn(fire(inside.clone(), ana, beto, over.clone()));
    }
    let owned = async |user| {
        let rows = inside.store.memberships(user).await.expect("reads");
        rows.iter().filter(|row| row.member.role == Role::Owner).count()
    };
    while owned(ana.user).await < 20 {
        tokio::task::yield_now().await;
    }
    inside.core.users.delete(&ana).await.expect("deleted");
    // What was under way when the account went may still be answered.
    let mut rounds = 0;
    while rounds < 10 {
        inside.core.groups.create(&beto, new_group("Later", true, &[])).await.expect("a group");
        rounds += 1;
    }
    over.store(true, Ordering::SeqCst);
    let mut came = 0;
    while let Some(done) = fires.join_next().await {
        came += done.expect("goes on to the end");
    }
    assert!(came > 20, "there was no fire");
    inside.core.sweep().await.expect("sweeps");

    let rows = inside.store.memberships(ana.user).await.expect("reads");
    assert!(rows.iter().all(|row| row.chat.kind == ChatKind::Direct), "{rows:?}");
    assert!(inside.store.departing(9).await.expect("reads").is_empty());
    for row in inside.store.memberships(beto.user).await.expect("reads") {
        assert_ne!(row.chat.owner, Some(ana.user), "{:?}", row.chat);
        let members = inside.store.members(row.chat.id, None, 9).await.expect("reads");
        assert!(members.iter().all(|member| member.user != ana.user));
        assert_eq!(members.len(), row.chat.member_count as usize);
    }
    let again = inside.core.groups.create(&ana, new_group("Dead", false, &[])).await;
    assert_eq!(again.expect_err("refused").code, Code::Unauthenticated);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_that_was_left_to_the_dead_is_handed_over_by_the_sweep() {
    let inside = Inside::new(Rules::default()).await;
    let [ana, beto, eva] =
        [inside.person("Ana").await, inside.person("Beto").await, inside.person("Eva").await];
    let groups = &inside.core.groups;
    let group = groups.create(&ana, new_group("Left", true, &[beto, eva])).await.expect("made").id;
    groups.set_role(&ana, group, eva.user, Role::Admin).await.expect("an admin");
    let alone = groups.create(&ana, new_group("Alone", true, &[])).await.expect("made").id;
    let dying = groups.create(&ana, new_group("Dying", true, &[eva])).await.expect("made").id;
    // The first step alone, as if the server had died after it; of two.
    for who in [ana, eva] {
        inside.store.delete_user(who.user, inside.clock.now()).await.expect("deletes");
    }
    inside.core.sweep().await.expect("sweeps");
    let chats = inside.store.chats(&[group, alone, dying]).await.expect("reads");
    assert_eq!((chats[0].owner, chats[0].member_count), (Some(beto.user), 1));
    assert!(chats[1].deleted.is_some() && chats[2].deleted.is_some(), "nobody is left in them");
    assert!(inside.store.departing(9).await.expect("reads").is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeated_creation_tells_nothing_to_who_was_removed() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, beto) = (inside.person("Ana").await, inside.person("Beto").await);
    let groups = &inside.core.groups;
    let mut new = new_group("Ours", false, &[beto]);
    new.key = Some(ClientMsgId::parse("key", "a-key").expect("a key"));
    let group = groups.create(&ana, new.clone()).await.expect("made").id;
    groups.hand_over(&ana, group, beto.user).await.expect("handed over");
    let again = groups.create(&ana, new.clone()).await.expect("still in it");
    assert_eq!((again.id, again.owner), (group, Some(beto.user)), "as it is now");
    groups.remove(&beto, group, ana.user).await.expect("removed");
    for banned in [false, true] {
        if banned {
            groups.ban(&beto, group, ana.user).await.expect("banned");
        }
        let refused = groups.create(&ana, new.clone()).await.expect_err("not in it any more");
        assert_eq!(refused.code, Code::Forbidden, "banned: {banned}");
    }
}

/// What a blocked person may do in the direct chat: nothing of it reaches the other.
enum Fate {
    Refused,
    /// Its own view of the chat, or of itself.
    Own,
    /// Needs what nobody has here: a call.
    NoCall,
}

/// Every request of the API that names a chat, or a person in it.
fn requests(chat: &str, group: &str) -> Vec<(Method, &'static str, Value, Fate)> {
    use Fate::{NoCall, Own, Refused};
    let key = fresh_key;
    let (get, post) = (Method::GET, Method::POST);
    let text = json!({ "body": "hola", "client_msg_id": key() });
    let forward = json!({ "from": group, "seq": 2, "client_msg_id": key() });
    let call = json!({ "chat": chat, "kind": "voice" });
    let original = json!({ "message_id": key(), "body": "hola" });
    let none = Value::Null;
    let mut all = vec![
        (post.clone(), "/api/v1/chats/{chat}/messages", text, Refused),
        (post.clone(), "/api/v1/chats/{chat}/forwards", forward, Refused),
        (Method::PATCH, "/api/v1/chats/{chat}/messages/{seq}", json!({ "body": "x" }), Refused),
        (Method::DELETE, "/api/v1/chats/{chat}/messages/{seq}", none.clone(), Refused),
        (post.clone(), "/api/v1/calls", call, Refused),
        (Method::PUT, "/sndmsg", original, Refused),
        (post.clone(), "/cllusr", none.clone(), Refused),
        (post.clone(), "/vcllusr", none.clone(), Refused),
        (Method::PATCH, "/api/v1/chats/{chat}", json!({ "pinned": true }), Own),
        (post.clone(), "/api/v1/chats/{chat}/hidden", json!({ "seqs": [3] }), Own),
        (post.clone(), "/api/v1/chats/{chat}/read", json!({ "seq": 9 }), Own),
        (post.clone(), "/api/v1/chats/{chat}/delivered", json!({ "seq": 9 }), Own),
        (get.clone(), "/nch", none.clone(), Own),
    ];
    for method in [Method::PUT, Method::DELETE] {
        let emoji = "/api/v1/chats/{chat}/messages/{seq}/reactions/{emoji}";
        all.push((
            method.clone(),
            "/api/v1/chats/{chat}/messages/{seq}/pin",
            none.clone(),
            Refused,
        ));
        all.push((method, emoji, none.clone(), Refused));
    }
    for path in ["", "/messages", "/messages/{seq}", "/messages/{seq}/edits", "/pins"] {
        all.push((get.clone(), leaked(format!("/api/v1/chats/{{chat}}{path}")), none.clone(), Own));
    }
    for path in ["reactions", "readers", "receipts"] {
        let path = format!("/api/v1/chats/{{chat}}/messages/{{seq}}/{path}");
        all.push((get.clone(), leaked(path), none.clone(), Own));
    }
    for path in ["accept", "alive", "hangup", "reject", "restart", "signals"] {
        all.push((
            post.clone(),
            leaked(format!("/api/v1/calls/{{call}}/{path}")),
            json!({}),
            NoCall,
        ));
    }
    all.push((Method::PUT, "/api/v1/calls/{call}/report", json!({}), NoCall));
    for path in ["/api/v1/calls/{call}", "/api/v1/calls/{call}/ice"] {
        all.push((get.clone(), path, none.clone(), NoCall));
    }
    all
}

fn leaked(path: String) -> &'static str {
    Box::leak(path.into_boxed_str())
}

/// Every operation of the WebSocket, with its data.
fn frames(chat: &str, group: &str) -> Vec<(&'static str, Value, Fate)> {
    use Fate::{NoCall, Own, Refused};
    let key = fresh_key;
    let call = json!({ "call": "6740a1b2c3d4e5f601234567" });
    vec![
        ("message.send", json!({ "chat": chat, "client_msg_id": key(), "body": "hola" }), Refused),
        ("message.edit", json!({ "chat": chat, "seq": 1, "body": "x" }), Refused),
        ("message.delete", json!({ "chat": chat, "seq": 1 }), Refused),
        ("message.react", json!({ "chat": chat, "seq": 2, "emoji": "👍" }), Refused),
        ("message.pin", json!({ "chat": chat, "seq": 2 }), Refused),
        ("message.hide", json!({ "chat": chat, "seqs": [3] }), Own),
        (
            "message.forward",
            json!({ "chat": chat, "from": group, "seq": 2, "client_msg_id": key() }),
            Refused,
        ),
        ("read", json!({ "chat": chat, "seq": 9 }), Own),
        ("delivered", json!({ "chat": chat, "seq": 9 }), Own),
        ("typing", json!({ "chat": chat }), Refused),
        ("presence.watch", json!({ "users": [chat] }), Own),
        ("call.start", json!({ "chat": chat, "kind": "voice" }), Refused),
        ("call.accept", call.clone(), NoCall),
        ("call.reject", call.clone(), NoCall),
        ("call.cancel", call.clone(), NoCall),
        ("call.hangup", call.clone(), NoCall),
        ("call.alive", call.clone(), NoCall),
        ("call.get", call.clone(), NoCall),
        ("call.restart", call.clone(), NoCall),
        ("call.signal", call.clone(), NoCall),
        ("call.report", call, NoCall),
        ("sync", json!({}), Own),
        ("ping", json!({}), Own),
    ]
}

/// The blocked one makes every request.
async fn walk(beto: &Person, ana: &Person, chat: &str, group: &str) {
    let all = requests(ana.id(), group);
    check_that_none_is_missing(&all);
    for (method, path, body, fate) in all {
        let seq = if path.contains("edits") || method == Method::PATCH { "1" } else { "2" };
        let seq = if method == Method::DELETE && path.ends_with("{seq}") { "1" } else { seq };
        let mut real = path.replace("{chat}", chat).replace("{seq}", seq);
        real =
            real.replace("{emoji}", "%F0%9F%91%8D").replace("{call}", "6740a1b2c3d4e5f601234567");
        real += match path {
            "/sndmsg" => leaked(format!("?chtid={}&crruid={}", ana.id(), beto.id())),
            "/cllusr" | "/vcllusr" | "/nch" => leaked(format!("?chtid={}", ana.id())),
            path if path.ends_with("/reactions") => "?emoji=%F0%9F%91%8D",
            _ => "",
        };
        let body = Some(body).filter(|body| !body.is_null());
        let answer = beto.asks(method.clone(), &real, body).await;
        let status = answer.status.as_u16();
        match fate {
            Fate::Refused => assert_eq!(status, 403, "{method} {real}: {answer:?}"),
            Fate::Own => assert!(answer.status.is_success(), "{method} {real}: {answer:?}"),
            Fate::NoCall => assert!(status >= 400, "{method} {real}: {answer:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_blocked_changes_nothing_and_is_told_nothing() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let group = beto.api.create_group("Notes", &[]).await.expect("a group");
    beto.says("one of mine").in_chat(&group).await;
    beto.says("hola Ana").to(&ana).await;
    let chat = ana.says("hola Beto").to(&beto).await["chat"].as_str().expect("a chat").to_owned();
    beto.says("qué tal").to(&ana).await;
    let (mut hers, mut his) = (ana.connects().await, beto.connects().await);
    hers.call("sync", json!({})).await.expect("synced");
    his.call("sync", json!({})).await.expect("synced");
    let block = format!("/api/v1/users/{}/block", beto.id());
    assert!(ana.asks(Method::PUT, &block, None).await.status.is_success());
    hers.call("ping", json!({})).await.expect("granted");
    hers.events_now();

    walk(&beto, &ana, &chat, &group).await;
    for (op, mut data, fate) in frames(&chat, &group) {
        if op == "presence.watch" {
            data["users"] = json!([ana.id()]);
        }
        let answer = his.call(op, data).await;
        match fate {
            Fate::Refused => {
                let text = answer.expect_err(op).to_string();
                assert!(text.contains("does not accept"), "{op}: {text}");
            }
            Fate::Own => assert!(answer.is_ok(), "{op}: {answer:?}"),
            Fate::NoCall => assert!(answer.is_err(), "{op}"),
        }
    }
    for op in ops::names().filter(|op| *op != "identify") {
        assert!(frames(&chat, &group).iter().any(|(known, ..)| *known == op), "{op} is not walked");
    }

    // Nothing of all this has come to Ana.
    hers.call("ping", json!({})).await.expect("granted");
    let told: Vec<_> = hers.events_now().into_iter().map(|event| event.name).collect();
    assert!(told.is_empty(), "{told:?}");
    // And nothing that she does comes to him, except that she takes back what she said.
    his.call("ping", json!({})).await.expect("granted");
    his.events_now();
    hers.call("read", json!({ "chat": chat, "seq": 3 })).await.expect("read");
    for op in ["message.react", "message.pin"] {
        let data = match op {
            "message.pin" => json!({ "chat": chat, "seq": 1 }),
            _ => json!({ "chat": chat, "seq": 1, "emoji": "👍" }),
        };
        assert!(hers.call(op, data).await.is_err(), "{op}");
    }
    his.call("ping", json!({})).await.expect("granted");
    let told: Vec<_> = his.events_now().into_iter().map(|event| event.name).collect();
    assert!(told.is_empty(), "{told:?}");
    let receipts = beto.gets(&format!("/api/v1/chats/{chat}/messages/1/receipts")).await;
    assert_eq!((&receipts["read"], &receipts["delivered"]), (&json!(0), &json!(0)), "{receipts}");
    hers.call("message.delete", json!({ "chat": chat, "seq": 2 })).await.expect("taken back");
    let gone = his.event_that(PATIENCE, |event| event.data["kind"] == "deleted").await;
    assert_eq!(gone.expect("told").data["seq"], 2);
}

/// Every path of the API that names a chat or a call is walked.
fn check_that_none_is_missing(walked: &[(Method, &'static str, Value, Fate)]) {
    let document = std::fs::read("docs/openapi.json").expect("the document");
    let document: Value = serde_json::from_slice(&document).expect("JSON");
    let original = ["/sndmsg", "/cllusr", "/vcllusr", "/nch"];
    let mut count = 0;
    for (path, methods) in document["paths"].as_object().expect("paths") {
        let names = path.contains("{chat}") || path.contains("{call}");
        if !names && !original.contains(&path.as_str()) {
            continue;
        }
        for method in ["get", "post", "put", "patch", "delete"] {
            if methods[method].is_object() {
                let is_it = |one: &(Method, &str, Value, Fate)| {
                    one.0.as_str().eq_ignore_ascii_case(method) && one.1 == path
                };
                assert!(walked.iter().any(is_it), "{method} {path} is not walked");
                count += 1;
            }
        }
    }
    assert!(count > 25, "{count}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_link_goes_with_its_makers_rank_and_shows_nothing_to_the_banned() {
    let world = World::new().await;
    let people = [
        world.person("Ana").await,
        world.person("Beto").await,
        world.person("Eva").await,
        world.person("Iker").await,
    ];
    let [ana, beto, eva, iker] = &people;
    let group = ana.api.create_group("Secret", &[beto.id(), iker.id()]).await.expect("a group");
    let role = format!("/api/v1/groups/{group}/members/{}", beto.id());
    let makes = async |who: &Person| {
        let link = who.posts(&format!("/api/v1/groups/{group}/invites"), json!({})).await;
        format!("/api/v1/invites/{}", link["code"].as_str().expect("a code"))
    };
    let sees = async |who: &Person, link: &str| {
        let answer = who.asks(Method::GET, link, None).await;
        let joins = who.asks(Method::POST, &format!("{link}/join"), None).await;
        (answer.status.as_u16(), joins.status.as_u16())
    };
    let rank = async |role_name: &str| {
        let body = json!({ "role": role_name });
        assert!(ana.asks(Method::PATCH, &role, Some(body)).await.status.is_success());
    };
    rank("admin").await;
    let (of_ana, of_beto) = (makes(ana).await, makes(beto).await);
    rank("member").await;
    assert_eq!(sees(eva, &of_beto).await, (404, 404), "no admin any more");
    rank("admin").await;
    assert_eq!(sees(eva, &of_beto).await, (404, 404), "gone for good");
    let of_beto = makes(beto).await;
    let bans = async |whom: &Person| {
        let path = format!("/api/v1/groups/{group}/bans/{}", whom.id());
        assert!(ana.asks(Method::PUT, &path, None).await.status.is_success());
    };
    bans(iker).await;
    assert_eq!(sees(iker, &of_ana).await, (403, 403), "banned");
    bans(beto).await;
    assert_eq!(sees(eva, &of_beto).await, (404, 404), "its maker is banned");
    assert_eq!(sees(beto, &of_ana).await, (403, 403));
    assert_eq!(sees(eva, &of_ana).await, (200, 200));
    ana.asks(Method::DELETE, &format!("/api/v1/groups/{group}"), None).await;
    assert_eq!(sees(iker, &of_ana).await.0, 404, "the group is deleted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_mention_of_somebody_who_has_left_is_dropped() {
    let world = World::new().await;
    let (ana, beto, eva) =
        (world.person("Ana").await, world.person("Beto").await, world.person("Eva").await);
    let group = ana.api.create_group("Paseo", &[beto.id()]).await.expect("a group");
    let path = format!("/api/v1/chats/{group}/messages");
    let mentions = json!([ana.id(), beto.id()]);
    let first = json!({ "client_msg_id": "one", "body": "@Beto", "mentions": mentions });
    let sent = message_of(beto.posts(&path, first.clone()).await);
    beto.asks(Method::POST, &format!("/api/v1/groups/{group}/leave"), None).await;
    let body = json!({ "client_msg_id": "two", "body": "@Beto", "mentions": [beto.id()] });
    let sent_after = message_of(ana.posts(&path, body.clone()).await);
    assert_eq!(sent_after["mentions"], Value::Null);
    assert_eq!(message_of(ana.posts(&path, body).await)["seq"], sent_after["seq"], "repeated");
    let edit = json!({ "body": "@Beto!", "mentions": [beto.id(), ana.id()] });
    let edited =
        ana.asks(Method::PATCH, &format!("{path}/{}", sent_after["seq"]), Some(edit)).await;
    assert_eq!(edited.status.as_u16(), 200, "{edited:?}");
    let edited = ana.gets(&format!("{path}/{}", sent_after["seq"])).await;
    assert_eq!(edited["mentions"], json!([ana.id()]));
    assert_eq!(sent["mentions"].as_array().map(Vec::len), Some(2));
    let never = json!({ "client_msg_id": "three", "body": "@Eva", "mentions": [eva.id()] });
    let refused = ana.asks(Method::POST, &path, Some(never)).await;
    assert_eq!(refused.status.as_u16(), 400, "who never was a member is a mistake");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn to_open_a_chat_tells_the_other_nothing_before_the_first_message() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (mut hers, mut his) = (ana.connects().await, beto.connects().await);
    his.call("sync", json!({})).await.expect("synced");
    his.events_now();
    let opened = ana.posts("/api/v1/chats", json!({ "user": beto.id() })).await;
    let chat = opened["chat"]["id"].as_str().expect("a chat").to_owned();
    hers.event_that(PATIENCE, |event| event.name == "member").await.expect("her other devices");
    his.call("ping", json!({})).await.expect("granted");
    let told: Vec<_> = his.events_now().into_iter().map(|event| event.name).collect();
    assert!(told.is_empty(), "{told:?}");
    let page = beto.posts("/api/v1/sync", json!({})).await;
    assert_eq!((&page["memberships"], &page["chats"]), (&json!([]), &json!([])), "{page}");
    let messages = format!("/api/v1/chats/{chat}/messages");
    assert_eq!(beto.asks(Method::GET, &messages, None).await.status, 404);

    ana.says("hola").in_chat(&chat).await;
    let mut told = Vec::new();
    while !["chat", "member", "message"].iter().all(|name| told.contains(&(*name).to_owned())) {
        told.push(his.event(PATIENCE).await.expect("told of it all").name);
    }
    hears(&mut hers, "hola").await;
    beto.says("hola, Ana").in_chat(&chat).await;
    assert_eq!(ana.reads(&chat).await, ["hola", "hola, Ana"]);
    let page = beto.posts("/api/v1/sync", json!({})).await;
    assert_eq!(page["memberships"].as_array().map(Vec::len), Some(1));

    // A call is a first sign too.
    let eva = world.person("Eva").await;
    ana.posts("/api/v1/chats", json!({ "user": eva.id() })).await;
    let call = json!({ "chat": eva.id(), "kind": "voice" });
    let call = ana.posts("/api/v1/calls", call).await;
    let page = eva.posts("/api/v1/sync", json!({})).await;
    assert_eq!(page["memberships"].as_array().map(Vec::len), Some(1), "{call}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_is_what_there_is_to_read_also_of_rows_that_a_client_does_not_hold() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let group = ana.api.create_group("Uno", &[beto.id()]).await.expect("a group");
    let mut seqs = Vec::new();
    for number in 0..12 {
        let said = ana.says(&format!("hola {number}")).in_chat(&group).await;
        seqs.push(said["seq"].as_u64().expect("a seq"));
        let title = json!({ "title": format!("Title {number}") });
        ana.asks(Method::PATCH, &format!("/api/v1/groups/{group}"), Some(title)).await;
    }
    for seq in [seqs[1], seqs[2], seqs[11]] {
        let path = format!("/api/v1/chats/{group}/messages/{seq}");
        assert!(ana.asks(Method::DELETE, &path, None).await.status.is_success());
    }
    let hides = json!({ "seqs": [seqs[0], seqs[1], seqs[10]] });
    beto.posts(&format!("/api/v1/chats/{group}/hidden"), hides).await;
    let unread = async || beto.gets("/api/v1/chats").await["chats"][0]["unread"].clone();
    for (read, left) in [(0, 7), (seqs[4], 5), (seqs[9], 0)] {
        if read > 0 {
            beto.posts(&format!("/api/v1/chats/{group}/read"), json!({ "seq": read })).await;
        }
        assert_eq!(unread().await, left);
        for latest in [0, 1, 3, 50] {
            let mut state = State::new(beto.id());
            beto.api.catch_up(&mut state, latest).await.expect("synced");
            let known = state.chat(&group).expect("the group");
            assert_eq!(known.unread(), left, "latest {latest}: {known:?}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_forward_names_its_author_where_the_author_is_known() {
    let world = World::new().await;
    let (ana, beto, eva) =
        (world.person("Ana").await, world.person("Beto").await, world.person("Eva").await);
    let secret = ana.api.create_group("Secret", &[beto.id()]).await.expect("a group");
    let said = ana.says("between us").in_chat(&secret).await;
    let forwards = async |who: &Person, row: &Value, to: &str| {
        let body = json!({ "from": row["chat"], "seq": row["seq"], "client_msg_id": fresh_key() });
        message_of(who.posts(&format!("/api/v1/chats/{to}/forwards"), body).await)
    };
    let here = forwards(&beto, &said, &secret).await;
    assert_eq!(here["forwarded"]["from"], ana.id());
    let there = forwards(&beto, &said, eva.id()).await;
    assert_eq!(there["forwarded"], json!({}), "Eva has no chat with Ana");
    let on = forwards(&eva, &there, ana.id()).await;
    assert_eq!(on["forwarded"], json!({}), "what is hidden stays hidden");
    let own = forwards(&ana, &said, beto.id()).await;
    assert_eq!(
        (&own["forwarded"]["from"], &own["forwarded"]["sent"]),
        (&said["from"], &said["sent"])
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn presence_is_for_people_one_has_a_chat_with() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (hers, _his) = (ana.connects().await, beto.connects().await);
    let mut hers = hers;
    let path = format!("/api/v1/presence?users={}", beto.id());
    let sees = async || ana.gets(&path).await["people"][0]["online"] == true;
    let mut watches = async || {
        hers.call("presence.watch", json!({ "users": [beto.id()] })).await.expect("granted");
        let of = |event: &loadgen::client::connection::Event| event.name == "presence";
        hers.event_that(PATIENCE, of).await.expect("told").data["online"] == true
    };
    assert!(!sees().await && !watches().await, "a stranger");
    let group = beto.api.create_group("Ours", &[ana.id()]).await.expect("a group");
    assert!(sees().await && watches().await, "a common group");
    ana.asks(Method::POST, &format!("/api/v1/groups/{group}/leave"), None).await;
    assert!(!sees().await && !watches().await);
    ana.posts("/api/v1/chats", json!({ "user": beto.id() })).await;
    assert!(!sees().await && !watches().await, "an empty chat is none");
    ana.says("hola").to(&beto).await;
    assert!(sees().await && watches().await);
    ana.asks(Method::PUT, &format!("/api/v1/users/{}/block", beto.id()), None).await;
    assert!(!sees().await, "not of whom one blocks");
}
