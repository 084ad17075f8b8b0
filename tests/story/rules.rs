//! Rules of a group, seen from outside: who may write, how often, who is silent, who comes in.

use hyper::Method;
use loadgen::client::connection::{Connection, Event};
use serde_json::{Value, json};

use crate::harness::{PATIENCE, Person, World, fresh_key, sending};

/// A group of these people; the first is its owner.
async fn group(people: &[&Person]) -> String {
    let others: Vec<&str> = people[1..].iter().map(|person| person.id()).collect();
    people[0].api.create_group("Peña", &others).await.expect("created")
}

async fn status(who: &Person, method: Method, path: &str, body: Value) -> (u16, Value) {
    let answer = who.asks(method, path, Some(body)).await;
    (answer.status.as_u16(), answer.json())
}

async fn changes(who: &Person, group: &str, body: Value) -> Value {
    let (status, chat) = status(who, Method::PATCH, &format!("/api/v1/groups/{group}"), body).await;
    assert_eq!(status, 200, "{chat}");
    chat
}

/// Tries to say something: the status and what was answered.
async fn tries(who: &Person, chat: &str) -> (u16, Value) {
    let body = json!({ "body": "hola", "client_msg_id": fresh_key() });
    status(who, Method::POST, &format!("/api/v1/chats/{chat}/messages"), body).await
}

/// In a day, as the wire writes it.
fn tomorrow() -> String {
    use wechat::clock::{Clock, SystemClock};
    SystemClock.now().plus(std::time::Duration::from_secs(24 * 60 * 60)).to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn in_an_announcement_group_admins_write_and_all_are_told() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let group = group(&[&ana, &beto]).await;
    let mut live = beto.connects().await;
    let chat = changes(&ana, &group, json!({ "rules": { "write": "admins" } })).await;
    let rules = json!({ "write": "admins", "slow": 0, "add": "admins", "approve": false });
    assert_eq!(chat["rules"], rules);
    let row = live.event_that(PATIENCE, |event| event.name == "chat").await.expect("the row");
    assert_eq!(row.data["rules"], rules);
    let told = live.event_that(PATIENCE, |event| event.data["event"]["type"] == "rules_changed");
    assert_eq!(told.await.expect("is told").data["event"]["rules"], rules);

    let (code, problem) = tries(&beto, &group).await;
    assert_eq!((code, &problem["code"]), (403, &json!("forbidden")), "{problem}");
    let refused = live.call("message.send", sending(&group, &fresh_key(), "hola")).await;
    assert!(format!("{refused:?}").contains("Only admins write"), "{refused:?}");
    let original = json!({ "message_id": fresh_key(), "body": "hola" });
    let path = format!("/sndmsg?chtid={group}&crruid={}", beto.id());
    assert_eq!(status(&beto, Method::PUT, &path, original).await.0, 403);
    let said = ana.says("asamblea el martes").in_chat(&group).await;
    let path = format!("/api/v1/chats/{group}/messages/{}/reactions/%F0%9F%91%8D", said["seq"]);
    assert_eq!(status(&beto, Method::PUT, &path, Value::Null).await.0, 200, "all may react");
    let both = json!({ "rules": { "slow": 5 }, "title": "x" });
    let path = format!("/api/v1/groups/{group}");
    assert_eq!(status(&ana, Method::PATCH, &path, both).await.0, 400, "each by itself");
    let long = json!({ "rules": { "slow": 3601 } });
    assert_eq!(status(&ana, Method::PATCH, &path, long).await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn slow_mode_and_a_silence_say_until_when() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let group = group(&[&ana, &beto]).await;
    beto.says("uno").in_chat(&group).await;
    changes(&ana, &group, json!({ "rules": { "slow": 3600 } })).await;
    let body = json!({ "body": "dos", "client_msg_id": fresh_key() });
    let path = format!("/api/v1/chats/{group}/messages");
    let answer = beto.asks(Method::POST, &path, Some(body)).await;
    assert_eq!(answer.status.as_u16(), 429);
    let after: u64 = answer.headers["retry-after"].to_str().expect("text").parse().expect("s");
    assert!((1..=3600).contains(&after), "{after}");
    assert_eq!(answer.json()["code"], "too_many_requests");
    for words in ["tres", "cuatro"] {
        ana.says(words).in_chat(&group).await;
    }
    changes(&ana, &group, json!({ "rules": { "slow": 0 } })).await;
    beto.says("cinco").in_chat(&group).await;

    let silence = format!("/api/v1/groups/{group}/members/{}/silence", beto.id());
    let until = tomorrow();
    let set = json!({ "until": until });
    assert_eq!(status(&ana, Method::PUT, &silence, set).await.0, 204);
    let (code, problem) = tries(&beto, &group).await;
    assert_eq!((code, &problem["code"]), (403, &json!("forbidden")));
    assert!(problem["detail"].as_str().expect("text").contains(&until[..10]), "{problem}");
    let own = beto.gets(&format!("/api/v1/chats/{group}")).await;
    assert_eq!(own["member"]["silent_until"], json!(until), "{own}");
    let members = ana.gets(&format!("/api/v1/groups/{group}/members")).await;
    let row = members["members"].as_array().expect("rows").iter();
    let mut row = row.filter(|row| row["user"]["id"] == beto.id());
    assert_eq!(row.next().expect("there")["silent_until"], json!(until));
    assert_eq!(status(&ana, Method::DELETE, &silence, Value::Null).await.0, 204);
    beto.says("por fin").in_chat(&group).await;
    let past = json!({ "until": "2020-01-01T00:00:00Z" });
    assert_eq!(status(&ana, Method::PUT, &silence, past).await.0, 400);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_comes_waits_until_an_admin_lets_them_in() {
    let world = World::new().await;
    let (ana, beto, carla) =
        (world.person("Ana").await, world.person("Beto").await, world.person("Carla").await);
    let group = group(&[&ana]).await;
    changes(&ana, &group, json!({ "public": true })).await;
    changes(&ana, &group, json!({ "rules": { "approve": true } })).await;
    let at = |rest: &str| format!("/api/v1/groups/{group}{rest}");
    let mut live = beto.connects().await;
    for _ in 0..2 {
        let (code, chat) = status(&beto, Method::POST, &at("/join"), Value::Null).await;
        assert_eq!((code, &chat["id"]), (202, &json!(group)), "{chat}");
    }
    let waits = live.event_that(PATIENCE, |event| event.data["state"] == "requested");
    waits.await.expect("sees that they wait");
    let (code, problem) = tries(&beto, &group).await;
    assert_eq!(code, 403, "{problem}");
    assert!(problem["detail"].as_str().expect("text").contains("lets you in"), "{problem}");
    let messages = format!("/api/v1/chats/{group}/messages");
    assert_eq!(status(&beto, Method::GET, &messages, Value::Null).await.0, 403);

    let invite = ana.posts(&at("/invites"), json!({ "uses": 1 })).await;
    let by_link = format!("/api/v1/invites/{}/join", invite["code"].as_str().expect("a code"));
    assert_eq!(status(&carla, Method::POST, &by_link, Value::Null).await.0, 202);
    let waiting = ana.gets(&at("/requests")).await;
    assert_eq!(waiting["requests"].as_array().map(Vec::len), Some(2), "{waiting}");

    let one = |who: &Person| at(&format!("/requests/{}", who.id()));
    assert_eq!(status(&ana, Method::PUT, &one(&beto), Value::Null).await.0, 204);
    let came = live.event_that(PATIENCE, |event| event.data["state"] == "active");
    came.await.expect("hears that they are in");
    beto.says("gracias").in_chat(&group).await;
    assert_eq!(status(&ana, Method::DELETE, &one(&carla), Value::Null).await.0, 204);
    assert_eq!(status(&carla, Method::POST, &at("/join"), Value::Null).await.0, 202, "again");
    assert_eq!(status(&carla, Method::DELETE, &at("/requests"), Value::Null).await.0, 204);
    let waiting = ana.gets(&at("/requests")).await;
    assert_eq!(waiting["requests"], json!([]));
    assert_eq!(status(&beto, Method::GET, &at("/requests"), Value::Null).await.0, 403);

    // Added by an admin, they need not ask; and everybody may add where the rules say so.
    changes(&ana, &group, json!({ "rules": { "add": "all" } })).await;
    let users = json!({ "users": [carla.id()] });
    let (code, added) = status(&beto, Method::POST, &at("/members"), users).await;
    assert_eq!((code, &added["added"]), (200, &json!([carla.id()])), "{added}");
}

/// What the next `join_request` says: who, and whether they wait.
async fn hears_who(connection: &mut Connection) -> (String, bool) {
    let event = connection.event_that(PATIENCE, |event| event.name == "join_request").await;
    let data = event.expect("is told").data;
    (data["user"].as_str().expect("an id").to_owned(), data["waits"] == true)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_admins_hear_at_once_who_asks_to_come_in_and_nobody_else_does() {
    let world = World::new().await;
    let (ana, beto, carla, dora) = (
        world.person("Ana").await,
        world.person("Beto").await,
        world.person("Carla").await,
        world.person("Dora").await,
    );
    let group = group(&[&ana, &beto, &carla]).await;
    changes(&ana, &group, json!({ "public": true })).await;
    changes(&ana, &group, json!({ "rules": { "approve": true } })).await;
    let at = |rest: &str| format!("/api/v1/groups/{group}{rest}");
    let admin = json!({ "role": "admin" });
    let promoted = at(&format!("/members/{}", beto.id()));
    assert_eq!(status(&ana, Method::PATCH, &promoted, admin).await.0, 204);
    let (mut to_ana, mut to_beto) = (ana.connects().await, beto.connects().await);
    let (mut to_carla, mut to_dora) = (carla.connects().await, dora.connects().await);

    let id = dora.id().to_owned();
    let one = at(&format!("/requests/{id}"));
    let ends = [(&dora, Method::DELETE, at("/requests")), (&beto, Method::DELETE, one.clone())];
    for (who, method, path) in ends.into_iter().chain([(&beto, Method::PUT, one)]) {
        assert_eq!(status(&dora, Method::POST, &at("/join"), Value::Null).await.0, 202);
        for admin in [&mut to_ana, &mut to_beto] {
            assert_eq!(hears_who(admin).await, (id.clone(), true));
        }
        let waiting = json!({ "groups": [{ "chat": group, "waiting": 1 }] });
        assert_eq!(ana.gets("/api/v1/groups/requests").await, waiting);
        assert_eq!(carla.gets("/api/v1/groups/requests").await, json!({ "groups": [] }));
        assert_eq!(status(who, method, &path, Value::Null).await.0, 204);
        for admin in [&mut to_ana, &mut to_beto] {
            assert_eq!(hears_who(admin).await, (id.clone(), false), "answered elsewhere, or gone");
        }
        assert_eq!(ana.gets("/api/v1/groups/requests").await, json!({ "groups": [] }));
    }
    // Whatever was told before this has come before it.
    ana.says("bienvenida").in_chat(&group).await;
    for other in [&mut to_carla, &mut to_dora] {
        let fits =
            |event: &Event| event.name == "join_request" || event.data["body"] == "bienvenida";
        let event = other.event_that(PATIENCE, fits).await.expect("hears");
        assert_eq!(event.name, "message", "it is for admins alone: {event:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_notice_is_seen_until_it_is_put_away_and_a_member_has_a_name_of_their_own() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let group = group(&[&ana, &beto]).await;
    let chat = changes(&ana, &group, json!({ "announcement": "Martes a las 8" })).await;
    let announcement = chat["announcement"].clone();
    assert_eq!(
        (&announcement["text"], &announcement["by"]),
        (&json!("Martes a las 8"), &json!(ana.id()))
    );
    let path = format!("/api/v1/chats/{group}");
    let own = beto.gets(&path).await;
    assert_eq!(
        (&own["chat"]["announcement"], &own["member"]["announcement_seen"]),
        (&announcement, &Value::Null)
    );
    let seen = json!({ "announcement_seen": announcement["seq"], "nick": "El de la guitarra" });
    let (code, member) = status(&beto, Method::PATCH, &path, seen).await;
    assert_eq!((code, &member["announcement_seen"]), (200, &announcement["seq"]), "{member}");
    let members = ana.gets(&format!("/api/v1/groups/{group}/members")).await;
    let named = members["members"].as_array().expect("rows").iter();
    let nicks: Vec<&Value> = named.map(|row| &row["nick"]).collect();
    assert!(nicks.contains(&&json!("El de la guitarra")), "{members}");
    assert_eq!(
        changes(&ana, &group, json!({ "announcement": "" })).await["announcement"],
        Value::Null
    );
    let direct = format!("/api/v1/chats/{}", ana.id());
    beto.says("hola").to(&ana).await;
    let (code, _) = status(&beto, Method::PATCH, &direct, json!({ "nick": "yo" })).await;
    assert_eq!(code, 400, "people go by their own names there");
}
