//! Calls by REST, as two people and a third make them.

use axum::http::Method;
use serde_json::{Value, json};

use super::{App, Person, Reply, text};

async fn two(app: &App) -> (Person, Person) {
    (app.person("Ana").await, app.person("Beto").await)
}

async fn start(app: &App, from: &Person, to: &Person, kind: &str) -> Reply {
    let body = json!({ "chat": to.id, "kind": kind });
    app.post("/api/v1/calls", &from.token, body).await
}

async fn act(app: &App, who: &Person, call: &str, what: &str, body: Value) -> Reply {
    app.post(&format!("/api/v1/calls/{call}/{what}"), &who.token, body).await
}

async fn last_message(app: &App, who: &Person, chat: &str) -> Value {
    let page = app.get(&format!("/api/v1/chats/{chat}/messages"), &who.token).await.is(200);
    page["messages"].as_array().and_then(|all| all.last().cloned()).unwrap_or_default()
}

async fn unread(app: &App, who: &Person) -> Value {
    app.get("/api/v1/chats", &who.token).await.is(200)["chats"][0]["unread"].clone()
}

#[tokio::test]
async fn a_call_is_answered_talked_and_told_in_the_chat() {
    let app = App::new();
    let (ana, beto) = two(&app).await;
    let started = start(&app, &ana, &beto, "video").await.is(201);
    let call = text(&started["call"]["id"]);
    assert_eq!(
        (&started["call"]["state"], &started["call"]["on"]),
        (&json!("ringing"), &json!("this_device"))
    );
    let live = app.get("/api/v1/calls/live", &beto.token).await.is(200);
    assert_eq!((&live["call"]["role"], &live["call"]["on"]), (&json!("callee"), &json!("nowhere")));
    assert_eq!(live["call"]["peer"]["name"], "Ana");

    let early = act(&app, &ana, &call, "signals", json!({ "epoch": 1, "data": {} })).await;
    early.is(409);
    let accepted = act(&app, &beto, &call, "accept", Value::Null).await.is(200);
    assert_eq!(accepted["call"]["state"], "connecting");
    act(&app, &ana, &call, "signals", json!({ "epoch": 1, "data": {} })).await.is(204);
    act(&app, &ana, &call, "signals", json!({ "epoch": 2, "data": {} })).await.is(409);
    let long = json!({ "epoch": 1, "data": "x".repeat(33_000) });
    act(&app, &ana, &call, "signals", long).await.is(413);
    let kept = act(&app, &ana, &call, "alive", json!({ "connected": true })).await.is(200);
    assert_eq!(kept["state"], "active");
    let again = act(&app, &beto, &call, "restart", json!({ "epoch": 1 })).await.is(200);
    assert_eq!(again["call"]["epoch"], 2);
    let late = act(&app, &ana, &call, "restart", json!({ "epoch": 1 })).await.is(200);
    assert_eq!(late["call"]["epoch"], 2, "both may notice the same trouble");
    let report = json!({ "setup_ms": 200, "local": "relay", "remote": "srflx",
                         "relay_over": "tls", "gathered_relay": true });
    let path = format!("/api/v1/calls/{call}/report");
    app.put(&path, &beto.token, report.clone()).await.is(204);

    let ended = act(&app, &beto, &call, "hangup", Value::Null).await.is(200);
    assert_eq!((&ended["reason"], &ended["by"]), (&json!("hangup"), &json!("callee")));
    assert_eq!(act(&app, &ana, &call, "hangup", Value::Null).await.is(200)["state"], "ended");
    let chat = text(&ended["chat"]);
    let told = last_message(&app, &ana, &chat).await;
    assert_eq!(
        (&told["kind"], &told["seq"], &told["from"]),
        (&json!("call"), &json!(1), &json!(ana.id))
    );
    assert_eq!(
        (&told["call"]["reason"], &told["call"]["duration_s"]),
        (&json!("hangup"), &json!(0))
    );
    assert_eq!(unread(&app, &beto).await, 0, "who talked has no news");

    let details = app.get(&format!("/api/v1/calls/{call}"), &beto.token).await.is(200);
    assert_eq!(details["report"]["relay_over"], "tls");
    let cure = text(&details["diagnosis"][0]["cure"]);
    assert!(cure.contains("TURN port"), "{details}");
    let listed = app.get("/api/v1/calls", &ana.token).await.is(200);
    assert_eq!(listed["calls"][0]["id"], json!(call));
}

#[tokio::test]
async fn a_cancelled_call_is_missed_and_a_rejected_one_is_not() {
    let app = App::new();
    let (ana, beto) = two(&app).await;
    for (unread_after, actor, what, reason) in
        [(1, &ana, "hangup", "cancelled"), (2, &beto, "reject", "rejected")]
    {
        let started = start(&app, &ana, &beto, "voice").await.is(201);
        let call = text(&started["call"]["id"]);
        act(&app, &beto, &call, "alive", Value::Null).await.is(200);
        let ended = act(&app, actor, &call, what, Value::Null).await.is(200);
        assert_eq!(ended["reason"], reason);
        let told = last_message(&app, &beto, &text(&ended["chat"])).await;
        assert_eq!((&told["seq"], &told["call"]["reason"]), (&json!(unread_after), &json!(reason)));
        assert_eq!(told["call"]["duration_s"], Value::Null);
        assert_eq!(unread(&app, &ana).await, 0);
        // The missed call stays unread, so the rejected one after it is not read either.
        assert_eq!(unread(&app, &beto).await, json!(unread_after));
        act(&app, &beto, &call, "accept", Value::Null).await.is(409);
    }
}

#[tokio::test]
async fn busy_and_both_at_once_are_decided_by_the_server() {
    let app = App::new();
    let (ana, beto) = two(&app).await;
    let eva = app.person("Eva").await;
    let first = start(&app, &ana, &beto, "voice").await.is(201);
    let call = text(&first["call"]["id"]);
    start(&app, &eva, &beto, "voice").await.is(409);
    start(&app, &ana, &eva, "voice").await.is(409);
    let chat = text(&app.get("/api/v1/calls", &eva.token).await.is(200)["calls"][0]["chat"]);
    assert_eq!(last_message(&app, &beto, &chat).await["call"]["reason"], "busy");
    let back = start(&app, &beto, &ana, "video").await.is(201);
    assert_eq!((&back["call"]["id"], &back["call"]["state"]), (&json!(call), &json!("connecting")));
    let same = start(&app, &ana, &beto, "voice").await.is(201);
    assert_eq!(same["call"]["id"], json!(call));
    for what in ["accept", "reject", "hangup", "alive"] {
        act(&app, &eva, &call, what, Value::Null).await.is(404);
    }
    app.get(&format!("/api/v1/calls/{call}"), &eva.token).await.is(404);
}

#[tokio::test]
async fn to_call_somebody_else_answers_no_call_that_rings() {
    let app = App::new();
    let (ana, beto) = two(&app).await;
    let eva = app.person("Eva").await;
    let call = text(&start(&app, &ana, &beto, "voice").await.is(201)["call"]["id"]);
    let before = app.get("/api/v1/calls/live", &beto.token).await.is(200);
    start(&app, &beto, &eva, "voice").await.is(409);
    for path in ["/cllusr", "/vcllusr"] {
        let path = format!("{path}?chtid={}", eva.id);
        app.post(&path, &beto.token, Value::Null).await.is(409);
    }
    // Nor does a call of somebody else to one of the two.
    start(&app, &eva, &beto, "video").await.is(409);
    start(&app, &eva, &ana, "video").await.is(409);
    let after = app.get("/api/v1/calls/live", &beto.token).await.is(200);
    assert_eq!(after, before, "it goes on ringing");
    assert_eq!(after["call"]["state"], "ringing");
    act(&app, &beto, &call, "accept", Value::Null).await.is(200);
}

#[tokio::test]
async fn of_two_devices_one_answers() {
    let app = App::new();
    let (ana, beto) = two(&app).await;
    let tablet = app.another_device("beto@example.org").await;
    let call = text(&start(&app, &ana, &beto, "voice").await.is(201)["call"]["id"]);
    act(&app, &tablet, &call, "accept", Value::Null).await.is(200);
    act(&app, &beto, &call, "accept", Value::Null).await.is(409);
    act(&app, &beto, &call, "reject", Value::Null).await.is(409);
    let live = app.get("/api/v1/calls/live", &beto.token).await.is(200);
    assert_eq!(live["call"]["on"], "other_device");
    act(&app, &beto, &call, "signals", json!({ "epoch": 1, "data": 1 })).await.is(409);
    assert_eq!(act(&app, &beto, &call, "hangup", Value::Null).await.is(200)["state"], "ended");
}

#[tokio::test]
async fn the_original_endpoints_start_calls() {
    let app = App::new();
    let (ana, beto) = two(&app).await;
    for (path, kind) in [("/cllusr", "voice"), ("/vcllusr", "video")] {
        let path = format!("{path}?chtid={}", beto.id);
        let started = app.post(&path, &ana.token, Value::Null).await.is(200);
        assert_eq!((&started["error"], &started["code"]), (&json!(false), &json!(299)));
        let call = &started["data"]["call"];
        assert_eq!((&call["kind"], &call["state"]), (&json!(kind), &json!("ringing")));
        act(&app, &ana, &text(&call["id"]), "hangup", Value::Null).await.is(200);
    }
    app.put(&format!("/api/v1/users/{}/block", beto.id), &ana.token, Value::Null).await.is(204);
    let path = format!("/cllusr?chtid={}", ana.id);
    assert_eq!(app.post(&path, &beto.token, Value::Null).await.is(403)["code"], 411);
}

/// A request of one of somebody's running clients.
async fn by_tab(app: &App, who: &Person, tab: &str, path: &str, body: Value) -> Reply {
    let headers = [("instance", tab), ("content-type", "application/json")];
    let path = format!("/api/v1/calls{path}");
    app.send_as((Method::POST, &path), &who.token, &headers, body.to_string()).await
}

#[tokio::test]
async fn a_call_is_bound_to_one_tab_of_a_session() {
    let app = App::new();
    let (ana, beto) = two(&app).await;
    let to_beto = json!({ "chat": beto.id, "kind": "voice" });
    let started = by_tab(&app, &ana, "a1", "", to_beto.clone()).await.is(201);
    let call = text(&started["call"]["id"]);
    assert_eq!(started["call"]["on"], "this_device");
    by_tab(&app, &ana, "a2", "", to_beto).await.is(409);
    let on = async |who: &Person, tab: &str| {
        let headers = [("instance", tab)];
        let path = (Method::GET, "/api/v1/calls/live");
        app.send_as(path, &who.token, &headers, "").await.is(200)["call"]["on"].clone()
    };
    assert_eq!(on(&ana, "a1").await, "this_device");
    assert_eq!(on(&ana, "a2").await, "other_device");
    assert_eq!(on(&beto, "b1").await, "nowhere");
    let accepted = by_tab(&app, &beto, "b2", &format!("/{call}/accept"), json!({})).await.is(200);
    assert_eq!(accepted["call"]["on"], "this_device");
    assert_eq!(on(&beto, "b1").await, "other_device");
    for (what, body) in [
        ("accept", json!({})),
        ("reject", json!({})),
        ("alive", json!({ "connected": true })),
        ("restart", json!({ "epoch": 1 })),
        ("signals", json!({ "epoch": 1, "data": {} })),
    ] {
        let path = format!("/{call}/{what}");
        by_tab(&app, &beto, "b1", &path, body.clone()).await.is(409);
        let nameless = app.post(&format!("/api/v1/calls{path}"), &beto.token, body).await;
        assert_eq!(nameless.status, 409, "{what}: who names no client is none of the two");
    }
    let alive = format!("/{call}/alive");
    by_tab(&app, &beto, "b2", &alive, json!({ "connected": true })).await.is(200);
    by_tab(&app, &beto, "b 2", &alive, json!({})).await.is(400);
    let hangup = format!("/{call}/hangup");
    let over = by_tab(&app, &beto, "b1", &hangup, json!({})).await.is(200);
    assert_eq!(over["reason"], "hangup", "a person may hang up on any device");
}

/// How a call ended, once it has.
async fn end_of(app: &App, who: &Person, call: &str) -> Value {
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(15);
    loop {
        let details = app.get(&format!("/api/v1/calls/{call}"), &who.token).await.is(200);
        if details["call"]["state"] == "ended" {
            return details["call"].clone();
        }
        assert!(std::time::Instant::now() < deadline, "it goes on: {details}");
        tokio::time::sleep(std::time::Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn who_cannot_be_in_a_call_any_more_ends_it_for_the_other_at_once() {
    let app = App::new();
    let eva = app.person("Eva").await;
    for (name, how) in [("Ana", "log out"), ("Beto", "delete"), ("Carla", "block")] {
        for answered in [true, false] {
            let email = format!("{name}{answered}");
            let who = app.person(&email).await;
            let call = text(&start(&app, &who, &eva, "voice").await.is(201)["call"]["id"]);
            if answered {
                act(&app, &eva, &call, "accept", Value::Null).await.is(200);
                act(&app, &eva, &call, "alive", json!({ "connected": true })).await.is(200);
            }
            match how {
                "log out" => app.delete("/api/v1/auth/sessions", &who.token).await.is(204),
                "delete" => app.delete("/api/v1/me", &who.token).await.is(204),
                _ => {
                    let path = format!("/api/v1/users/{}/block", eva.id);
                    app.put(&path, &who.token, Value::Null).await.is(204)
                }
            };
            let end = end_of(&app, &eva, &call).await;
            let reason = if answered { "hangup" } else { "cancelled" };
            assert_eq!((&end["reason"], &end["by"]), (&json!(reason), &json!("caller")), "{how}");
        }
    }
}

#[tokio::test]
async fn a_session_that_is_not_in_the_call_may_end_and_the_call_goes_on() {
    let app = App::new();
    let (ana, beto) = two(&app).await;
    let tablet = app.another_device("beto@example.org").await;
    let call = text(&start(&app, &ana, &beto, "voice").await.is(201)["call"]["id"]);
    act(&app, &tablet, &call, "accept", Value::Null).await.is(200);
    app.delete("/api/v1/auth/sessions/current", &beto.token).await.is(204);
    act(&app, &tablet, &call, "alive", json!({ "connected": true })).await.is(200);
    // A changed profile ends nothing either.
    app.patch("/api/v1/me", &ana.token, json!({ "name": "Anita" })).await.is(200);
    let kept = act(&app, &ana, &call, "alive", json!({ "connected": true })).await.is(200);
    assert_eq!(kept["state"], "active");
    // The callee's account is gone while it rings.
    act(&app, &ana, &call, "hangup", Value::Null).await.is(200);
    let call = text(&start(&app, &ana, &tablet, "voice").await.is(201)["call"]["id"]);
    app.delete("/api/v1/me", &tablet.token).await.is(204);
    assert_eq!(end_of(&app, &ana, &call).await["by"], "callee");
}
