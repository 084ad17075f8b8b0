//! A copy of one's own data: what is in it and what is not, told when it is ready, fetched by its
//! link in ranges, opened by another program than ours.

use std::time::Duration;

use hyper::Method;
use serde_json::{Value, json};

use crate::harness::files::{CLIP, STILL};
use crate::harness::zips::opened;
use crate::harness::{PATIENCE, Person, World};

/// The texts of all messages in a copy, and the whole of it as one text.
fn texts(copy: &Value) -> (Vec<String>, String) {
    let (mut texts, mut all) = (Vec::new(), String::new());
    for (name, content) in copy.as_object().expect("files") {
        let content = content.as_str().expect("a text");
        all.push_str(content);
        if name.contains("/messages-") && name.ends_with(".json") {
            let page: Value = serde_json::from_str(content).expect("JSON");
            let rows = page["messages"].as_array().expect("messages");
            let bodies = rows.iter().filter_map(|row| row["body"].as_str());
            texts.extend(bodies.map(str::to_owned));
        }
    }
    texts.sort_unstable();
    (texts, all)
}

async fn says_with(who: &Person, chat: &str, text: &str, file: &Value) {
    who.says(text).with_files(chat, &[file]).await;
}

/// Asks for a copy, hears that it is ready, and fetches it: in two ranges, without a session.
async fn exports(world: &World, who: &Person) -> (Value, Value) {
    let mut connection = who.connects().await;
    let asked = who.posts("/api/v1/me/export", json!({})).await;
    assert_eq!(asked["state"], "waiting");
    let ready = connection.event_that(PATIENCE, |event| event.name == "export").await;
    assert_eq!(ready.expect("it is told").data["state"], "ready");
    let export = who.gets("/api/v1/me/export").await;
    let parts = export["parts"].as_array().expect("parts").clone();
    assert_eq!((parts.len(), &export["state"]), (1, &json!("ready")), "{export}");
    let (url, size) = (parts[0]["url"].as_str().expect("a link"), &parts[0]["size"]);
    let half = size.as_u64().expect("a size") / 2;
    let mut zip = Vec::new();
    for range in [format!("bytes=0-{}", half - 1), format!("bytes={half}-")] {
        let got = world.fetches_with_link(url, &range).await;
        zip.extend(got);
    }
    assert_eq!(json!(zip.len()), *size);
    (export, opened(&zip))
}

impl World {
    async fn fetches_with_link(&self, url: &str, range: &str) -> Vec<u8> {
        let request = hyper::Request::get(url).header("range", range);
        let request = request.body(http_body_util::Full::default()).expect("a request");
        let answer = loadgen::client::http::Http::new(self.server.addr()).send(request).await;
        let answer = answer.expect("an answer");
        assert_eq!(answer.status.as_u16(), 206, "{answer:?}");
        answer.body.to_vec()
    }
}

#[tokio::test]
async fn a_copy_holds_what_its_person_may_see_and_nothing_else() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let (beto, eva) = (world.person("Beto").await, world.person("Eva").await);
    let name = json!({ "name": "Beto <b>&</b>" });
    beto.asks(Method::PATCH, "/api/v1/me", Some(name)).await.accepted().expect("named");
    let mut expected: Vec<String> = (0..230).map(|number| format!("mensaje {number}")).collect();
    for text in &expected {
        beto.says(text).to(&ana).await;
    }
    ana.says("<script>alert('hola')</script> & más").to(&beto).await;
    expected.push("<script>alert('hola')</script> & más".into());
    let film = ana.uploads("auto", "película <1>.mp4", CLIP).await;
    let direct = ana.posts("/api/v1/chats", json!({ "user": beto.id() })).await;
    let direct = direct["chat"]["id"].as_str().expect("an id").to_owned();
    says_with(&ana, &direct, "mira", &film).await;
    expected.push("mira".into());

    // A group that she left, one that she came to late, and one that she is not in.
    let group = async |owner: &Person, members: Value| {
        let body = json!({ "title": "Peña", "members": members });
        let made = owner.posts("/api/v1/groups", body).await;
        made["id"].as_str().expect("an id").to_owned()
    };
    let left = group(&beto, json!([ana.id()])).await;
    beto.says("antes de irse").in_chat(&left).await;
    ana.posts(&format!("/api/v1/groups/{left}/leave"), json!({})).await;
    beto.says("secreto después").in_chat(&left).await;
    let late = group(&beto, json!([eva.id()])).await;
    beto.says("secreto antes").in_chat(&late).await;
    let picture = eva.uploads("auto", "foto.jpg", STILL).await;
    says_with(&eva, &late, "secreto con foto", &picture).await;
    beto.posts(&format!("/api/v1/groups/{late}/members"), json!({ "users": [ana.id()] })).await;
    eva.says("bienvenida").in_chat(&late).await;
    expected.push("bienvenida".into());
    beto.says("secreto entre dos").to(&eva).await;

    let (export, copy) = exports(&world, &ana).await;
    expected.sort_unstable();
    let (found, all) = texts(&copy);
    assert_eq!(found, expected);
    for secret in ["secreto", "foto.jpg", "antes de irse"] {
        assert!(!all.contains(secret), "{secret} is not hers to see");
    }
    let account: Value =
        serde_json::from_str(copy["account.json"].as_str().expect("a file")).expect("JSON");
    assert_eq!((&account["id"], &account["email"]), (&json!(ana.id()), &json!(ana.email)));
    let film = film["id"].as_str().expect("an id");
    let kept = copy.as_object().expect("files").keys().find(|name| name.contains(film));
    assert!(kept.is_some_and(|name| name.ends_with(".mp4")), "{kept:?}");
    for page in ["index.html".to_owned(), format!("chats/{direct}/messages-00002.html")] {
        let html = copy[&page].as_str().expect("a page");
        assert!(!html.contains("<script") && !html.contains("<b>&"), "{page} is escaped: {html}");
        assert!(html.contains("Beto &#60;b&#62;") || html.contains("Beto &lt;b&gt;"), "{html}");
    }
    assert_eq!((&export["files"], &export["left_out"]), (&json!(1), &json!(0)));
    assert!(export["messages"].as_u64() >= Some(expected.len() as u64));

    // One a day; it takes room among her files until she deletes it.
    let again = ana.asks(Method::POST, "/api/v1/me/export", Some(json!({}))).await;
    assert_eq!(again.status.as_u16(), 429);
    let part = export["parts"][0]["file"].as_str().expect("an id");
    let deleted = ana.asks(Method::DELETE, &format!("/api/v1/files/{part}"), None).await;
    assert_eq!(deleted.status.as_u16(), 204);
    for other in [&beto, &eva] {
        let refused = other.asks(Method::GET, &format!("/api/v1/files/{part}"), None).await;
        assert_eq!(refused.status.as_u16(), 404, "nobody else's");
    }
}

#[tokio::test]
async fn a_copy_that_was_cut_off_is_made_again_by_itself() {
    use wechat::core::Rules;
    use wechat::core::exports::Exports;
    use wechat::core::messages::Draft;
    use wechat::export;
    use wechat::model::exports::{EXPORT_CLAIM, EXPORT_KEPT, EXPORT_TRIES, ExportState};
    use wechat::model::text::{Body, ClientMsgId};

    use crate::harness::inside::Inside;

    let inside = Inside::new(Rules::default()).await;
    let core = &inside.core;
    let (ana, beto) = (inside.person("Ana").await, inside.person("Beto").await);
    let target = core.chats.resolve(&ana, "chat", beto.user.0).await.expect("a chat");
    let draft = Draft::new(
        ClientMsgId::parse("client_msg_id", "k").expect("a key"),
        Body::parse("body", "hola").expect("a text"),
    );
    core.messages.send(&ana, target, draft).await.expect("taken").await.expect("sent");
    core.exports.begin(&ana).await.expect("wished");
    assert!(core.exports.begin(&ana).await.is_err(), "one at a time");

    // Whoever made it is gone; nobody takes it from them before their time is over.
    let lost = core.exports.claim().await.expect("claims").expect("one is due");
    assert!(!export::step(core).await.expect("looks"), "it is somebody's");
    inside.clock.advance(EXPORT_CLAIM);
    assert!(export::step(core).await.expect("makes"), "again, by itself");
    let (made, parts) = core.exports.own(&ana).await.expect("reads").expect("one");
    let ExportState::Ready { done, .. } = &made.state else { panic!("{made:?}") };
    assert_eq!((done.messages, done.chats, parts.len()), (1, 1, 1));
    assert!(core.exports.note(&lost, *done).await.expect("answers").is_none(), "overtaken");
    assert_eq!(Exports::speaker(&made).user, ana.user);

    // It is over after a week, and so are its parts.
    inside.clock.advance(EXPORT_KEPT);
    assert!(!export::step(core).await.expect("looks"));
    assert!(core.exports.own(&ana).await.expect("reads").is_none());
    core.sweep().await.expect("swept");
    assert!(inside.store.files(&[parts[0].id]).await.expect("reads").is_empty());

    // Who is tried too often gets none, and may wish again.
    core.exports.begin(&ana).await.expect("wished");
    for _ in 0..EXPORT_TRIES {
        assert!(core.exports.claim().await.expect("claims").is_some());
        inside.clock.advance(EXPORT_CLAIM);
    }
    assert!(core.exports.claim().await.expect("claims").is_none());
    let (failed, _) = core.exports.own(&ana).await.expect("reads").expect("one");
    assert_eq!(failed.state, ExportState::Failed);
    core.exports.begin(&ana).await.expect("wished again");

    // It goes with the account.
    core.users.delete(&ana).await.expect("deleted");
    inside.clock.advance(Duration::from_secs(1));
    assert!(!export::step(core).await.expect("looks"));
}
