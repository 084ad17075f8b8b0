//! Calls, as two people's devices see them.

use std::time::Duration;

use hyper::Method;
use loadgen::client::connection::{Connection, Event};
use loadgen::client::error::{Error, Result};
use serde_json::{Value, json};

use crate::harness::{PATIENCE, Person, World};

/// A live connection of one of somebody's running clients.
async fn tab(who: &Person, instance: &str) -> Connection {
    let mut dial = who.api.session().expect("a session").dial(who.api.addr());
    dial.token = None;
    let mut connection = Connection::open(dial).await.expect("open");
    let named = json!({ "token": who.token(), "instance": instance });
    connection.call("identify", named).await.expect("known");
    connection.event_that(PATIENCE, |event| event.name == "hello").await.expect("live");
    connection
}

/// Waits until this connection is told that the call stands so.
async fn hears(connection: &mut Connection, fits: impl Fn(&Value) -> bool) -> Value {
    let fits = |event: &Event| event.name == "call" && fits(&event.data);
    connection.event_that(PATIENCE, fits).await.expect("it is told").data
}

/// Starts a call; its id.
async fn calls(from: &Connection, to: &Person) -> String {
    let started = from.call("call.start", json!({ "chat": to.id(), "kind": "voice" })).await;
    let call = started.expect("started")["call"].clone();
    assert_eq!((&call["state"], &call["on"]), (&json!("ringing"), &json!("this_device")));
    call["id"].as_str().expect("an id").to_owned()
}

async fn asks(connection: &Connection, op: &'static str, call: &str) -> Value {
    connection.call(op, json!({ "call": call })).await.unwrap_or_else(|why| panic!("{op}: {why}"))
}

fn is_conflict(answer: &Result<Value>) -> bool {
    matches!(answer, Err(Error::Refused(problem)) if &*problem.code == "conflict")
}

/// That nothing of this name was told up to now.
async fn heard_no(connection: &mut Connection, name: &str) {
    // The reply comes after what was told before it.
    connection.call("ping", json!({})).await.expect("granted");
    let told = connection.event_that(Duration::from_millis(1), |event| event.name == name).await;
    assert!(told.is_err(), "{told:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_tabs_one_talks_and_the_other_knows_where() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (mut a1, mut a2) = (tab(&ana, "a1").await, tab(&ana, "a2").await);
    let (mut b1, mut b2) = (tab(&beto, "b1").await, tab(&beto, "b2").await);
    let call = calls(&a1, &beto).await;
    hears(&mut a2, |call| call["on"] == "other_device").await;
    for tab in [&mut b1, &mut b2] {
        hears(tab, |call| call["state"] == "ringing" && call["on"] == "nowhere").await;
    }
    asks(&b2, "call.accept", &call).await;
    hears(&mut b1, |call| call["state"] == "connecting" && call["on"] == "other_device").await;

    let signal = json!({ "call": call, "epoch": 1, "data": { "description": "x" } });
    a1.call("call.signal", signal.clone()).await.expect("on its way");
    b2.event_that(PATIENCE, |event| event.name == "call.signal").await.expect("it arrives");
    heard_no(&mut b1, "call.signal").await;
    for (op, data) in [
        ("call.signal", signal.clone()),
        ("call.alive", json!({ "call": call, "connected": true })),
        ("call.restart", json!({ "call": call, "epoch": 1 })),
        ("call.accept", json!({ "call": call })),
    ] {
        assert!(is_conflict(&b1.call(op, data).await), "{op} by a tab that does not talk");
    }
    b2.call("call.signal", signal).await.expect("on its way");
    a1.event_that(PATIENCE, |event| event.name == "call.signal").await.expect("it arrives");
    heard_no(&mut a2, "call.signal").await;

    // The grace begins though another tab of the session is connected, and ends as the same comes.
    drop(b2);
    hears(&mut a1, |call| call["peer"]["reconnecting"] == true).await;
    let mut b2 = tab(&beto, "b2").await;
    hears(&mut b2, |call| call["on"] == "this_device").await;
    asks(&b2, "call.alive", &call).await;
    hears(&mut a1, |call| call["peer"]["reconnecting"].is_null()).await;
    assert_eq!(asks(&b1, "call.get", &call).await["call"]["on"], "other_device");

    asks(&b1, "call.hangup", &call).await;
    for tab in [&mut a1, &mut a2, &mut b1, &mut b2] {
        hears(tab, |call| call["state"] == "ended" && call["reason"] == "hangup").await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_that_ended_meanwhile_is_found_ended() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (mut a1, b1) = (tab(&ana, "a1").await, tab(&beto, "b1").await);
    let call = calls(&a1, &beto).await;
    asks(&b1, "call.accept", &call).await;
    drop(b1);
    hears(&mut a1, |call| call["peer"]["reconnecting"] == true).await;
    asks(&a1, "call.hangup", &call).await;
    let b1 = tab(&beto, "b1").await;
    let found = asks(&b1, "call.get", &call).await;
    assert_eq!(
        (&found["call"]["state"], &found["call"]["reason"]),
        (&json!("ended"), &json!("hangup"))
    );
    assert_eq!(found["ice_servers"], json!([]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_restart_both_ask_for_fresh_credentials() {
    // One that is nowhere: only its credentials are looked at.
    let relay = [
        ("TURN", "external"),
        ("TURN_EXTERNAL_URLS", "turn:relay.example.org:3478"),
        ("TURN_SECRET", "0c7d1f9a4be84e2d9f3a61c05e7b28d4"),
    ];
    let world = World::with(&relay).await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (a1, mut b1) = (tab(&ana, "a1").await, tab(&beto, "b1").await);
    let call = calls(&a1, &beto).await;
    asks(&b1, "call.accept", &call).await;
    let asked = json!({ "call": call, "epoch": 1 });
    let restarted = a1.call("call.restart", asked).await.expect("begun");
    assert_eq!(restarted["call"]["epoch"], 2);
    hears(&mut b1, |call| call["epoch"] == 2).await;
    let credential = |answer: &Value| {
        let servers = answer["ice_servers"].as_array().cloned().unwrap_or_default();
        let turn = servers.iter().find(|server| server["credential"].is_string()).cloned();
        turn.expect("a relay")["username"].as_str().expect("a name").to_owned()
    };
    let (mine, theirs) = (credential(&restarted), credential(&asks(&b1, "call.get", &call).await));
    let expiry = |name: &str| name.split(':').next().and_then(|part| part.parse::<u64>().ok());
    let now = std::time::SystemTime::UNIX_EPOCH.elapsed().expect("after 1970").as_secs();
    for name in [&mine, &theirs] {
        assert!(expiry(name).is_some_and(|expiry| expiry > now + 300), "{name} is fresh");
    }
    assert_ne!(mine, theirs, "each has its own");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_logged_out_in_a_call_is_out_of_it_at_once() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (mut a1, b1) = (tab(&ana, "a1").await, tab(&beto, "b1").await);
    let call = calls(&a1, &beto).await;
    asks(&b1, "call.accept", &call).await;
    let active = json!({ "call": call, "connected": true });
    b1.call("call.alive", active).await.expect("it is there");
    let out = beto.asks(Method::DELETE, "/api/v1/auth/sessions/current", None).await;
    assert_eq!(out.status.as_u16(), 204);
    // By a deadline it would be `lost`.
    let over = hears(&mut a1, |call| call["state"] == "ended").await;
    assert_eq!((&over["reason"], &over["by"]), (&json!("hangup"), &json!("callee")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refusal_names_the_field_as_its_request_calls_it() {
    let world = World::new().await;
    let ana = world.person("Ana").await;
    let group = ana.api.create_group("Notes", &[]).await.expect("a group");
    let (connection, me) = (ana.connects().await, ana.id());
    for (op, data) in [
        ("message.send", json!({ "chat": me, "client_msg_id": "k1", "body": "hola" })),
        ("message.delete", json!({ "chat": me, "seq": 1 })),
        ("typing", json!({ "chat": me })),
        ("call.start", json!({ "chat": me, "kind": "voice" })),
        ("call.start", json!({ "chat": group, "kind": "voice" })),
    ] {
        match connection.call(op, data).await {
            Err(Error::Refused(problem)) => {
                let named = (problem.code.as_str(), problem.field.as_deref());
                assert_eq!(named, ("bad_field", Some("chat")), "{op}");
            }
            other => panic!("{op}: {other:?}"),
        }
    }
}
