//! The main journey: two people sign up, find each other and write, privately and in a group, by
//! REST, by WebSocket and by the original endpoints; a third person sees nothing of it.

use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{Person, World, bodies, fresh_key, hears, sending};

/// The envelope of an original endpoint.
async fn original(person: &Person, method: Method, path: &str, body: Option<Value>) -> Value {
    person.asks(method, path, body).await.json()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_people_find_each_other_and_write() {
    let world = World::new().await;
    let (ana, beto, eva) =
        (world.person("Ana Belén").await, world.person("Beto").await, world.person("Eva").await);

    let found = ana.gets("/api/v1/search?q=bet").await;
    assert_eq!(found["users"][0]["id"], beto.id());
    assert!(!found.to_string().contains("@example.org"), "search tells no address");

    let mut beto_hears = beto.connects().await;
    let first = ana.says("hola").to(&beto).await;
    assert_eq!((&first["seq"], &first["from"]), (&json!(1), &json!(ana.id())));
    let heard = hears(&mut beto_hears, "hola").await;
    assert_eq!(heard["rev"], first["rev"]);

    let chat = first["chat"].as_str().expect("a chat").to_owned();
    let mut ana_hears = ana.connects().await;
    let ack = beto_hears.call("message.send", sending(&chat, &fresh_key(), "¿qué tal?")).await;
    assert_eq!(ack.expect("acked")["message"]["seq"], 2);
    hears(&mut ana_hears, "¿qué tal?").await;
    assert_eq!(ana.reads(&chat).await, ["hola", "¿qué tal?"]);

    let refused = eva.asks(Method::GET, &format!("/api/v1/chats/{chat}/messages"), None).await;
    assert_eq!(refused.status.as_u16(), 404);
    assert!(eva.gets("/api/v1/chats").await["chats"].as_array().is_some_and(Vec::is_empty));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_group_is_its_members_alone() {
    let world = World::new().await;
    let (ana, beto, eva) =
        (world.person("Ana").await, world.person("Beto").await, world.person("Eva").await);
    let group = ana.api.create_group("Montaña", &[beto.id()]).await.expect("a group");
    let (mut beto_hears, mut eva_hears) = (beto.connects().await, eva.connects().await);
    ana.says("mañana a las 8").in_chat(&group).await;
    hears(&mut beto_hears, "mañana a las 8").await;

    for path in ["", "/messages", "/members", "/messages/1"] {
        let answer = eva.asks(Method::GET, &format!("/api/v1/chats/{group}{path}"), None).await;
        assert_eq!(answer.status.as_u16(), 404, "{path}: {:?}", answer.json());
    }
    let sent = eva.api.send(&group, &fresh_key(), "¿puedo?").await;
    assert!(sent.is_err_and(|error| error.problem().is_some_and(|p| p.code == "not_found")));
    assert!(
        eva.gets("/api/v1/search?q=monta").await["groups"].as_array().is_some_and(Vec::is_empty)
    );

    // Beto is removed: what comes later does not reach him, by socket or by REST.
    let path = format!("/api/v1/groups/{group}/members/{}", beto.id());
    assert!(ana.asks(Method::DELETE, &path, None).await.status.is_success());
    ana.says("sin Beto").in_chat(&group).await;
    let answer = beto.asks(Method::GET, &format!("/api/v1/chats/{group}/messages"), None).await;
    assert_eq!(answer.status.as_u16(), 403);
    ana.says("aparte").to(&beto).await;
    hears(&mut beto_hears, "aparte").await;
    let later = beto_hears.events_now();
    assert!(later.iter().all(|event| event.data["body"] != "sin Beto"), "{later:?}");
    ana.says("hola Eva").to(&eva).await;
    hears(&mut eva_hears, "hola Eva").await;
    let eva_heard = eva_hears.events_now();
    assert!(eva_heard.iter().all(|event| event.data["chat"] != group.as_str()), "{eva_heard:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_original_endpoints_carry_the_whole_journey() {
    let world = World::new().await;
    let nobody = world.stranger();
    let health = nobody.call(Method::GET, "/", None).await.expect("an answer").json();
    assert_eq!((&health["error"], &health["code"]), (&json!(false), &json!(206)));

    let body = json!({ "name": "Ana", "email": "ana@example.org",
                       "credentials": { "push_token": "phone-1" } });
    let signed = nobody.call(Method::POST, "/nsg", Some(&body)).await.expect("an answer").json();
    assert_eq!((&signed["code"], &signed["data"]), (&json!(306), &json!("ana@example.org")));
    let code = world.mails().code("ana@example.org").await.expect("a code");
    let path = format!("/cv?e=ana@example.org&c={code}");
    let opened = nobody.call(Method::PUT, &path, None).await.expect("an answer").json();
    assert_eq!(opened["code"], 306, "{opened}");
    assert_eq!(opened["data"]["pi"], "phone-1");
    let again = nobody.call(Method::PUT, &path, None).await.expect("an answer");
    assert_eq!((again.status.as_u16(), &again.json()["code"]), (401, &json!(402)));

    let login = nobody.call(Method::POST, "/l?e=ana@example.org", None).await.expect("an answer");
    assert_eq!(login.json()["code"], 306);

    let (ana, beto) = (world.person("Ana Dos").await, world.person("Beto").await);
    let found = original(&ana, Method::GET, "/lkup?qry=BETO&pg=0", None).await;
    let chtid = found["data"]["users"][0]["chtid"].as_str().expect("a chat to open").to_owned();
    let opened = original(&ana, Method::GET, &format!("/nch?chtid={chtid}"), None).await;
    assert_eq!(opened["error"], false, "{opened}");

    let path = format!("/sndmsg?chtid={chtid}&crruid={}", ana.id());
    let message = json!({ "message_id": "m-1", "body": "hola", "body_type": 8 });
    let sent = original(&ana, Method::PUT, &path, Some(message.clone())).await;
    let repeated = original(&ana, Method::PUT, &path, Some(message)).await;
    assert_eq!(sent["data"]["_id"], repeated["data"]["_id"], "{sent} {repeated}");
    assert_eq!(sent["data"]["body"], "hola");
    let other = json!({ "message_id": "m-1", "body": "otra cosa", "body_type": 8 });
    let refused = ana.asks(Method::PUT, &path, Some(other)).await;
    assert_eq!((refused.status.as_u16(), &refused.json()["code"]), (409, &json!(400)));
    let path = format!("/sndmsg?chtid={chtid}&crruid={}", beto.id());
    let forged = json!({ "message_id": "m-2", "body": "x", "body_type": 8 });
    let forged = ana.asks(Method::PUT, &path, Some(forged)).await;
    assert_eq!((forged.status.as_u16(), &forged.json()["code"]), (403, &json!(411)));

    let chats = original(&beto, Method::GET, "/chats?pg=0", None).await;
    assert_eq!(chats["data"].as_array().map(Vec::len), Some(1), "{chats}");
    let anonymous = nobody.call(Method::GET, "/chats", None).await.expect("an answer");
    assert_eq!((anonymous.status.as_u16(), &anonymous.json()["code"]), (401, &json!(411)));
    for path in ["/cllusr", "/vcllusr"] {
        let group = ana.api.create_group("Sin llamadas", &[]).await.expect("a group");
        let refused = ana.asks(Method::POST, &format!("{path}?chtid={group}"), None).await;
        assert_eq!(refused.status.as_u16(), 400, "{path}");
    }
    let called = original(&ana, Method::POST, &format!("/vcllusr?chtid={chtid}"), None).await;
    assert_eq!(
        (&called["error"], &called["data"]["call"]["state"]),
        (&json!(false), &json!("ringing")),
        "{called}"
    );
    let busy = beto
        .asks(Method::POST, &format!("/cllusr?chtid={}", world.person("Eva").await.id()), None)
        .await;
    assert_eq!(busy.status.as_u16(), 409, "{:?}", busy.json());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_repeat_is_the_same_message_and_a_closed_session_is_out_at_once() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let phone = ana.connects().await;
    let one = phone.call("message.send", sending(beto.id(), "same", "hola")).await.expect("acked");
    let two = phone.call("message.send", sending(beto.id(), "same", "hola")).await.expect("acked");
    assert_eq!(one["message"]["seq"], two["message"]["seq"]);
    let other = phone.call("message.send", sending(beto.id(), "same", "adiós")).await;
    assert!(other.is_err_and(|error| error.problem().is_some_and(|p| p.code == "conflict")));

    let tablet = world.another_device(&ana).await;
    let sessions = tablet.gets("/api/v1/auth/sessions").await;
    assert_eq!(sessions["sessions"].as_array().map(Vec::len), Some(2), "{sessions}");
    let closed = tablet.asks(Method::DELETE, "/api/v1/auth/sessions", None).await;
    assert!(closed.status.is_success(), "{:?}", closed.json());
    let left = tablet.asks(Method::GET, "/api/v1/me", None).await.status.as_u16();
    let phone_api = ana.asks(Method::GET, "/api/v1/me", None).await.status.as_u16();
    assert!(left == 401 || phone_api == 401, "one of them was closed");
    assert_eq!(bodies(&beto.api.history(ana.id(), "").await.expect("history")), ["hola"]);
}
