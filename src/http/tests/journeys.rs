//! Whole journeys through the API, as people take them.

use serde_json::{Value, json};

use super::{App, Person, Reply, text};
use crate::mail::{Letter, MovedBy};

#[tokio::test]
async fn an_address_with_a_plus_and_a_code_as_a_number_are_taken_as_they_come() {
    let app = App::new();
    let email = "ana+chat@example.org";
    app.post("/nsg", "", json!({ "name": "Ana", "email": email })).await.is(200);
    let path = format!("/cv?e={email}&c={}", app.code(email));
    app.put(&path, "", Value::Null).await.is(200);
    app.post(&format!("/l?e={email}"), "", Value::Null).await.is(200);
    let code: u32 = app.code(email).parse().expect("digits");
    let body = json!({ "email": email, "temp_code": code });
    app.put("/cv", "", body).await.is(200);
    app.post(&format!("/l?e={email}"), "", Value::Null).await.is(200);
    let body = json!({ "email": email, "temp_code": app.code(email) });
    app.put("/cv", "", body).await.is(200);
}

#[tokio::test]
async fn a_ticket_comes_with_every_wish_for_a_code_and_goes_back_with_the_code() {
    let app = App::new();
    let body = json!({ "name": "Ana", "email": "ana@example.org", "ticket": "" });
    let first = app.post("/api/v1/users", "", body).await.is(202);
    let ticket = text(&first["ticket"]);
    assert_eq!(ticket.len(), 43);
    let enter = |ticket: Value| {
        let code = app.code("ana@example.org");
        json!({ "email": "ana@example.org", "code": code, "ticket": ticket })
    };
    for other in [json!(""), json!("x"), Value::Null] {
        app.post("/api/v1/auth/sessions", "", enter(other)).await.is(401);
    }
    app.post("/api/v1/auth/sessions", "", enter(json!(ticket))).await.is(201);
    let body = json!({ "email": "ana@example.org", "ticket": ticket });
    let again = app.post("/api/v1/auth/codes", "", body).await.is(202);
    assert_eq!(again["ticket"], ticket.as_str(), "the same one");
    let body = json!({ "email": "nobody@example.org", "ticket": "made up" });
    let fresh = app.post("/api/v1/auth/codes", "", body).await.is(202);
    assert_eq!(text(&fresh["ticket"]).len(), 43, "one that is not ours counts as none");
}

#[tokio::test]
async fn two_people_meet_by_the_original_endpoints() {
    let app = App::new();
    let mut people = Vec::new();
    for name in ["Ana", "Beto"] {
        let email = format!("{name}@Example.org");
        let body = json!({ "name": name, "email": email, "credentials": { "push_token": "p1" },
            "profile_avatar": "" });
        let answer = app.post("/nsg", "", body).await.is(200);
        let lower = email.to_lowercase();
        assert_eq!(answer["code"], 306);
        assert_eq!(answer["data"], lower.as_str());
        let path = format!("/cv?e={lower}&c={}", app.code(&lower));
        let answer = app.put(&path, "", Value::Null).await.is(200);
        assert_eq!(answer["code"], 306);
        assert_eq!(answer["data"]["pi"], "p1");
        people.push((text(&answer["data"]["ui"]), text(&answer["data"]["token"])));
    }
    let [(ana, ana_token), (beto, beto_token)] = &people[..] else { panic!("two people") };

    let found = app.get("/lkup?qry=BET", ana_token).await.is(200);
    assert_eq!(found["data"]["users"][0]["_id"], beto.as_str());
    let chat = text(&found["data"]["users"][0]["chtid"]);
    assert!(!found.to_string().contains('@'), "no address is shown");

    let body = json!({ "message_id": "m1", "body": "hola", "body_type": 8, "placeholders": [] });
    // What the search answered opens the chat, although it is not there yet.
    let path = format!("/sndmsg?chtid={chat}&crruid={ana}");
    let sent = app.put(&path, ana_token, body.clone()).await.is(200);
    let chat = text(&sent["data"]["target_id"]);
    assert_eq!((&sent["code"], &sent["error"]), (&json!(299), &json!(false)));
    let message = &sent["data"];
    assert_ne!(chat, *beto, "the chat has an id of its own");
    assert_eq!(message["author_id"], ana.as_str());
    assert_eq!(message["author_name"], "Ana");
    assert_eq!(message["content_id"], "m1");
    assert_eq!((&message["body_type"], &message["body"]), (&json!(8), &json!("hola")));
    assert_eq!((&message["media"], &message["placeholders"]), (&json!([]), &json!([])));
    assert_eq!(message["seq"], 1);
    for path in [&path, &format!("/sndmsg?chtid={chat}&crruid={ana}")] {
        let again = app.put(path, ana_token, body.clone()).await.is(200);
        assert_eq!(again["data"]["_id"], message["_id"], "the same key, the same message");
    }

    let chats = app.get("/chats", beto_token).await.is(200);
    assert_eq!(chats["code"], 206);
    assert_eq!(chats["data"][0]["chtid"], chat.as_str());
    assert_eq!(
        (&chats["data"][0]["name"], &chats["data"][0]["unread"]),
        (&json!("Ana"), &json!(1))
    );
    assert_eq!(chats["data"][0]["last_message"]["body"], "hola");
    let open = app.get(&format!("/nch?chtid={ana}"), beto_token).await.is(200);
    assert_eq!(open["data"]["messages"][0]["_id"], message["_id"]);
    assert_eq!(open["data"]["chtid"], chat.as_str());

    let foreign = app
        .put(
            &format!("/sndmsg?chtid={chat}&crruid={beto}"),
            ana_token,
            json!({ "message_id": "m2", "body": "x" }),
        )
        .await;
    assert_eq!(foreign.is(403)["code"], 411);
    let files = app
        .put(&path, ana_token, json!({ "message_id": "m3", "body": "x", "body_type": 65 }))
        .await;
    assert_eq!(files.is(400)["data"]["field"], "body_type");
}

#[tokio::test]
async fn a_known_and_an_unknown_address_get_the_same_answer() {
    let app = App::new();
    app.person("Ana").await;
    for (path, body) in [("/l", json!({ "email": "EMAIL" })), ("/l?e=EMAIL", Value::Null)] {
        let mut answers = Vec::new();
        for email in ["ana@example.org", "eva@example.org"] {
            let body = serde_json::from_str(&body.to_string().replace("EMAIL", email));
            let body: Value = body.expect("JSON");
            let answer = app.post(&path.replace("EMAIL", email), "", body).await;
            let text = String::from_utf8_lossy(&answer.bytes).replace(email, "EMAIL");
            answers.push((answer.status, text));
        }
        assert_eq!(answers[0], answers[1]);
    }
    let body = json!({ "email": "ana@example.org", "temp_code": app.code("ana@example.org") });
    let answer = app.put("/cv", "", body.clone()).await.is(200);
    assert_eq!(answer["data"]["pi"], "");
    assert_eq!(app.put("/cv", "", body).await.is(401)["code"], 402, "a code works once");
}

#[tokio::test]
async fn messages_are_sent_once_and_read_back_in_pages() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    for number in 1..=5 {
        let answer = app.say(&beto.id, &ana, &format!("k{number}"), &format!("n{number}")).await;
        let sent = answer.is(201);
        assert_eq!((&sent["message"]["seq"], &sent["repeated"]), (&json!(number), &json!(false)));
    }
    let again = app.say(&beto.id, &ana, "k1", "n1").await.is(200);
    assert_eq!((&again["repeated"], &again["message"]["seq"]), (&json!(true), &json!(1)));
    let other = app.say(&beto.id, &ana, "k1", "something else").await.is(409);
    assert_eq!((&other["code"], &other["field"]), (&json!("conflict"), &json!("client_msg_id")));

    let bodies = |answer: &Value| -> Vec<String> {
        answer["messages"].as_array().expect("a list").iter().map(|m| text(&m["body"])).collect()
    };
    let page = |query: &str| format!("/api/v1/chats/{}/messages{query}", ana.id);
    let read = async |query: &str| bodies(&app.get(&page(query), &beto.token).await.is(200));
    assert_eq!(read("?limit=2").await, ["n4", "n5"]);
    assert_eq!(read("?limit=2&before=4").await, ["n2", "n3"]);
    assert_eq!(read("?limit=2&after=1").await, ["n2", "n3"]);
    assert_eq!(read("?after=5").await, Vec::<String>::new());
    let one = app.get(&page("/3"), &beto.token).await.is(200);
    assert_eq!(
        (&one["body"], &one["from_name"], &one["kind"]),
        (&json!("n3"), &json!("Ana"), &json!("text"))
    );
    assert_eq!(app.get(&page("/6"), &beto.token).await.is(404)["code"], "not_found");
    let chats = app.get("/api/v1/chats", &beto.token).await.is(200);
    assert_eq!(
        (&chats["chats"][0]["unread"], &chats["users"][0]["name"]),
        (&json!(5), &json!("Ana"))
    );
}

#[tokio::test]
async fn a_key_may_stand_in_the_header() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let send = async |header: Option<&str>, body: Value| {
        let mut request = axum::http::Request::post(format!("/api/v1/chats/{}/messages", beto.id))
            .header("authorization", format!("Bearer {}", ana.token))
            .header("content-type", "application/json");
        if let Some(key) = header {
            request = request.header("idempotency-key", key);
        }
        app.send(request.body(body.to_string().into()).expect("a request")).await
    };
    assert_eq!(send(Some("k"), json!({ "body": "x" })).await.is(201)["message"]["seq"], 1);
    assert_eq!(
        send(Some("k"), json!({ "body": "x", "client_msg_id": "k" })).await.is(200)["repeated"],
        true
    );
    let both = send(Some("k"), json!({ "body": "x", "client_msg_id": "other" })).await;
    assert_eq!(both.is(400)["field"], "client_msg_id");
    assert_eq!(send(None, json!({ "body": "x" })).await.is(400)["field"], "client_msg_id");
    assert_eq!(send(Some("a b"), json!({ "body": "x" })).await.is(400)["field"], "idempotency-key");
}

#[tokio::test]
async fn a_group_and_a_link_are_made_once_under_a_key() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let post = async |who: &Person, path: &str, key: &str, body: Value| {
        let request = axum::http::Request::post(path)
            .header("authorization", format!("Bearer {}", who.token))
            .header("idempotency-key", key)
            .header("content-type", "application/json");
        app.send(request.body(body.to_string().into()).expect("a request")).await
    };
    let paseo = json!({ "title": "Paseo", "members": [beto.id] });
    let group = async |who, key, body: &Value| {
        post(who, "/api/v1/groups", key, body.clone()).await.is(201)["id"].clone()
    };
    let first = group(&ana, "k1", &paseo).await;
    assert_eq!(group(&ana, "k1", &paseo).await, first);
    assert_ne!(group(&ana, "k2", &paseo).await, first);
    assert_ne!(group(&beto, "k1", &paseo).await, first, "a key is the caller's own");
    post(&ana, "/api/v1/groups", "k1", json!({ "title": "Playa" })).await.is(409);
    assert_eq!(post(&ana, "/api/v1/groups", "", paseo).await.is(400)["field"], "idempotency-key");

    let path = format!("/api/v1/groups/{}/invites", text(&first));
    let code = async |key, body: Value| post(&ana, &path, key, body).await.is(201)["code"].clone();
    let link = code("k1", json!({ "expires_in": 60 })).await;
    assert_eq!(code("k1", json!({ "expires_in": 60 })).await, link);
    assert_ne!(code("k2", json!({ "expires_in": 60 })).await, link);
    post(&ana, &path, "k1", json!({ "expires_in": 61 })).await.is(409);
    let links = app.get(&path, &ana.token).await.is(200);
    assert_eq!(links["invites"].as_array().map(Vec::len), Some(2));
}

#[tokio::test]
async fn a_session_ends_when_it_is_closed() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let body = json!({ "email": "ana@example.org" });
    app.post("/api/v1/auth/codes", "", body).await.is(202);
    let code = app.code("ana@example.org");
    let body = json!({ "email": "ana@example.org", "code": code, "device": "tablet" });
    let second = text(&app.post("/api/v1/auth/sessions", "", body).await.is(201)["token"]);
    let list = app.get("/api/v1/auth/sessions", &second).await.is(200);
    assert_eq!(list["sessions"].as_array().map(Vec::len), Some(2));
    app.delete("/api/v1/auth/sessions?keep=current", &second).await.is(204);
    assert_eq!(app.get("/api/v1/me", &ana.token).await.is(401)["code"], "unauthenticated");
    assert_eq!(app.get("/api/v1/me", &second).await.is(200)["email"], "ana@example.org");
    app.delete("/api/v1/auth/sessions/current", &second).await.is(204);
    app.get("/api/v1/me", &second).await.is(401);
}

#[tokio::test]
async fn a_group_lives_from_its_creation_to_its_end() {
    let app = App::new();
    let (ana, beto, carla) =
        (app.person("Ana").await, app.person("Beto").await, app.person("Carla").await);
    let group = app.group(&[&ana, &beto]).await;
    let at = |rest: &str| format!("/api/v1/groups/{group}{rest}");

    let body = json!({ "title": "Caminatas", "about": "domingos" });
    assert_eq!(app.patch(&at(""), &ana.token, body).await.is(200)["title"], "Caminatas");
    assert_eq!(app.get(&at(""), &carla.token).await.is(404)["code"], "not_found");
    app.patch(&at(""), &ana.token, json!({ "public": true })).await.is(200);
    assert_eq!(app.get(&at(""), &carla.token).await.is(200)["member_count"], 2);
    let found = app.get("/api/v1/search?q=camina", &carla.token).await.is(200);
    assert_eq!(found["groups"][0]["id"], group.as_str());

    for span in [0, 31_536_001, u64::MAX] {
        let refused = app.post(&at("/invites"), &ana.token, json!({ "expires_in": span })).await;
        assert_eq!(refused.is(400)["field"], "expires_in", "{span}");
    }
    let invite =
        app.post(&at("/invites"), &ana.token, json!({ "uses": 1, "expires_in": 60 })).await;
    let code = text(&invite.is(201)["code"]);
    let seen = app.get(&format!("/api/v1/invites/{code}"), &carla.token).await.is(200);
    assert_eq!(seen["id"], group.as_str());
    app.post(&format!("/api/v1/invites/{code}/join"), &carla.token, Value::Null).await.is(200);
    app.get(&format!("/api/v1/invites/{code}"), &carla.token).await.is(404);

    app.patch(&at(&format!("/members/{}", beto.id)), &ana.token, json!({ "role": "admin" }))
        .await
        .is(204);
    let first = app.get(&at("/members?limit=2"), &ana.token).await.is(200);
    let rest = at(&format!("/members?limit=2&after={}", text(&first["next"])));
    let rest = app.get(&rest, &ana.token).await.is(200);
    assert_eq!(rest["members"].as_array().map(Vec::len), Some(1));
    assert!(!first.to_string().contains('@'), "no address is shown");

    app.put(&at(&format!("/bans/{}", carla.id)), &beto.token, Value::Null).await.is(204);
    assert_eq!(
        app.get(&at("/bans"), &ana.token).await.is(200)["banned"][0]["user"]["name"],
        "Carla"
    );
    assert_eq!(app.post(&at("/join"), &carla.token, Value::Null).await.status, 403);
    app.delete(&at(&format!("/bans/{}", carla.id)), &beto.token).await.is(204);
    app.post(&at("/join"), &carla.token, Value::Null).await.is(200);
    app.put(&at("/owner"), &ana.token, json!({ "user": beto.id })).await.is(204);
    app.post(&at("/leave"), &ana.token, Value::Null).await.is(204);
    app.delete(&at(&format!("/members/{}", carla.id)), &beto.token).await.is(204);
    let added = app.post(&at("/members"), &beto.token, json!({ "users": [carla.id] })).await;
    assert_eq!(added.is(200)["added"][0], carla.id.as_str());
    app.delete(&at(""), &beto.token).await.is(204);
    assert_eq!(app.get("/api/v1/chats", &carla.token).await.is(200)["chats"], json!([]));
}

#[tokio::test]
async fn a_profile_is_changed_blocked_and_deleted() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let change = json!({ "name": "Ana María", "push_token": "p", "language": "es",
        "privacy": { "found_by_email": true, "presence": true, "receipts": false } });
    let me = app.patch("/api/v1/me", &ana.token, change).await.is(200);
    assert_eq!(
        (&me["name"], &me["has_push_token"], &me["language"]),
        (&json!("Ana María"), &json!(true), &json!("es"))
    );
    let me = app.patch("/api/v1/me", &ana.token, json!({ "push_token": null })).await.is(200);
    assert_eq!((&me["name"], &me["has_push_token"]), (&json!("Ana María"), &json!(false)));
    let seen = app.get(&format!("/api/v1/users/{}", ana.id), &beto.token).await.is(200);
    assert_eq!(seen, json!({ "id": ana.id, "name": "Ana María" }));
    let found = app.get("/api/v1/search?q=ana@example.org", &beto.token).await.is(200);
    assert_eq!(found["users"][0]["id"], ana.id.as_str());

    let block = format!("/api/v1/users/{}/block", beto.id);
    app.put(&block, &ana.token, Value::Null).await.is(204);
    assert_eq!(
        app.get("/api/v1/me/blocks", &ana.token).await.is(200)["blocked"][0]["user"]["id"],
        beto.id.as_str()
    );
    assert_eq!(app.say(&ana.id, &beto, "k", "hola").await.is(403)["code"], "forbidden");
    app.delete(&block, &ana.token).await.is(204);
    app.say(&ana.id, &beto, "k", "hola").await.is(201);
    app.patch(&format!("/api/v1/chats/{}", beto.id), &ana.token, json!({ "pinned": true }))
        .await
        .is(200);

    app.delete("/api/v1/me", &ana.token).await.is(204);
    app.get("/api/v1/me", &ana.token).await.is(401);
    app.get(&format!("/api/v1/users/{}", ana.id), &beto.token).await.is(404);
}

#[tokio::test]
async fn an_account_gets_another_address_and_its_old_one_by_the_link_that_was_mailed() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let new = json!({ "email": "Ana.New@Example.org" });
    let asked = app.post("/api/v1/me/address", &ana.token, new).await.is(202);
    assert_eq!(asked, json!({ "email": "ana.new@example.org", "expires_in": 300 }));
    let old = text(&app.get("/api/v1/me", &ana.token).await.is(200)["email"]);
    let with = |code: &str| json!({ "email": "ana.new@example.org", "code": code });
    let path = "/api/v1/me/address/verify";
    let refused = app.post(path, &ana.token, with("x")).await.is(400);
    assert_eq!((&refused["code"], &refused["field"]), (&json!("bad_field"), &json!("code")));
    let me = app.post(path, &ana.token, with(&app.code("ana.new@example.org"))).await.is(200);
    assert_eq!(me["email"], "ana.new@example.org");

    let shown = app.mails.mails().into_iter().rev().find_map(|mail| match mail.letter {
        Letter::Moved { by: MovedBy::Owner { stay }, .. } if mail.to.as_str() == old => Some(stay),
        _ => None,
    });
    let link = format!("/mail/stay?t={}", shown.expect("word of it"));
    let html = |page: Reply| String::from_utf8(page.bytes).expect("a page");
    let page = html(app.get(&link, "").await);
    assert!(page.contains(&format!("Is {old} to be")) && page.contains("<form"), "{page}");
    app.get("/api/v1/me", &ana.token).await.is(200);
    let page = html(app.post(&link, "", Value::Null).await);
    assert!(page.contains("logged out everywhere"), "{page}");
    app.get("/api/v1/me", &ana.token).await.is(401);
    app.get("/mail/stay?t=x", "").await.is(400);
}

#[tokio::test]
async fn recovery_codes_are_shown_once_and_each_logs_in_once() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let path = "/api/v1/me/recovery-codes";
    assert_eq!(app.get(path, &ana.token).await.is(200), json!({ "left": 0 }));
    let asked = app.post(path, &ana.token, Value::Null).await.is(202);
    assert_eq!(asked, json!({ "email": "ana@example.org", "expires_in": 300 }));
    let with = json!({ "code": app.code("ana@example.org") });
    let verify = format!("{path}/verify");
    let made = app.post(&verify, &ana.token, with.clone()).await.is(201);
    assert_eq!(made["codes"].as_array().map(Vec::len), Some(10));
    let refused = app.post(&verify, &ana.token, with).await.is(400);
    assert_eq!((&refused["code"], &refused["field"]), (&json!("bad_field"), &json!("code")));
    let code = text(&made["codes"][0]);
    let state = app.get(path, &ana.token).await.is(200);
    assert_eq!(state, json!({ "left": 10, "made": made["made"] }));

    let with = |email: &str| json!({ "email": email, "code": code, "device": "new phone" });
    let recover = "/api/v1/auth/recovery";
    let unknown = app.post(recover, "", with("eva@example.org")).await.is(401);
    let entered = app.post(recover, "", with("ana@example.org")).await.is(201);
    assert_eq!(entered["user"]["id"], ana.id.as_str());
    assert_eq!(entered["session"]["device"], "new phone");
    let token = text(&entered["token"]);
    let state = app.get(path, &token).await.is(200);
    assert_eq!(state["left"], 9);
    let again = app.post(recover, "", with("ana@example.org")).await.is(401);
    assert_eq!(again["code"], "bad_code");
    assert_eq!(again["detail"], unknown["detail"], "an address without an account looks the same");
}
