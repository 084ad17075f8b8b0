//! Who is online, as watchers see it.

use std::time::Duration;

use hyper::Method;
use loadgen::client::connection::{Connection, Event};
use serde_json::{Value, json};

use crate::harness::{PATIENCE, Person, World};

/// Watches these people, and waits until it is told the presence of each.
/// Connects, and is there for others when this answers: at the `hello`, which comes once the hub
/// knows the connection.
async fn comes(who: &Person) -> Connection {
    let mut connection = who.connects().await;
    connection.event_that(PATIENCE, |event| event.name == "hello").await.expect("a hello");
    connection
}

async fn watches(connection: &mut Connection, people: &[&Person]) -> Vec<Value> {
    let users: Vec<_> = people.iter().map(|person| person.id()).collect();
    connection.call("presence.watch", json!({ "users": users })).await.expect("granted");
    let mut told = Vec::new();
    for person in people {
        told.push(hears_of(connection, person).await);
    }
    told
}

async fn hears_of(connection: &mut Connection, person: &Person) -> Value {
    let of = |event: &Event| event.name == "presence" && event.data["user"] == person.id();
    connection.event_that(PATIENCE, of).await.expect("a presence").data
}

fn online(person: &Person) -> Value {
    json!({ "user": person.id(), "online": true })
}

fn hidden(person: &Person) -> Value {
    json!({ "user": person.id(), "online": false })
}

async fn asks_about(who: &Person, whom: &Person) -> Value {
    let path = format!("/api/v1/presence?users={}", whom.id());
    who.gets(&path).await["people"][0].clone()
}

async fn shows_presence(who: &Person, on: bool) {
    let privacy = json!({ "found_by_email": false, "presence": on, "receipts": true });
    let answer = who.asks(Method::PATCH, "/api/v1/me", Some(json!({ "privacy": privacy }))).await;
    assert!(answer.status.is_success(), "{answer:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_watches_is_told_who_comes_and_who_went() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    ana.says("hola").to(&beto).await;
    let mut eyes = comes(&ana).await;
    let mut blind = comes(&ana).await;
    let first = watches(&mut eyes, &[&beto, &ana]).await;
    assert_eq!(first[0]["online"], false);
    assert!(first[0]["last_seen"].is_string(), "the login was the last sign of Beto: {first:?}");
    assert_eq!(first[1], online(&ana));

    let there = comes(&beto).await;
    assert_eq!(hears_of(&mut eyes, &beto).await, online(&beto));
    assert_eq!(asks_about(&ana, &beto).await, online(&beto));
    // A change of networks: the new connection comes before the old one is missed.
    let again = comes(&beto).await;
    drop(there);
    drop(again);
    let away = hears_of(&mut eyes, &beto).await;
    assert_eq!(away["online"], false, "nothing was told of the change");
    let (before, after) = (first[0]["last_seen"].as_str(), away["last_seen"].as_str());
    assert!(after > before, "{away} is later than {first:?}");
    assert_eq!(asks_about(&ana, &beto).await, away);

    watches(&mut eyes, &[]).await;
    let _there = comes(&beto).await;
    watches(&mut blind, &[&ana]).await;
    let told = |event: &Event| event.name == "presence";
    for connection in [&mut eyes, &mut blind] {
        // The reply comes after what was told before it.
        connection.call("ping", json!({})).await.expect("granted");
        let more = connection.event_that(Duration::from_millis(1), told).await;
        assert!(more.is_err(), "whoever does not watch is told nothing: {more:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_shows_none_sees_none_and_blocks_hide() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    ana.says("hola").to(&beto).await;
    let (mut eyes, mut eyes_of_beto) = (comes(&ana).await, comes(&beto).await);
    assert_eq!(watches(&mut eyes, &[&beto]).await, [online(&beto)]);
    assert_eq!(watches(&mut eyes_of_beto, &[&ana]).await, [online(&ana)]);

    shows_presence(&beto, false).await;
    assert_eq!(hears_of(&mut eyes, &beto).await, hidden(&beto));
    assert_eq!(hears_of(&mut eyes_of_beto, &ana).await, hidden(&ana));
    assert_eq!(watches(&mut eyes_of_beto, &[&ana]).await, [hidden(&ana)]);
    assert_eq!(asks_about(&ana, &beto).await, hidden(&beto));
    assert_eq!(asks_about(&beto, &ana).await, hidden(&ana));

    shows_presence(&beto, true).await;
    assert_eq!(hears_of(&mut eyes, &beto).await, online(&beto));
    let block = format!("/api/v1/users/{}/block", ana.id());
    beto.asks(Method::PUT, &block, None).await;
    assert_eq!(hears_of(&mut eyes, &beto).await, hidden(&beto));
    assert_eq!(watches(&mut eyes, &[&beto]).await, [hidden(&beto)]);
    assert_eq!(asks_about(&ana, &beto).await, hidden(&beto));
    let other_way = watches(&mut eyes_of_beto, &[&ana]).await;
    assert_eq!(other_way, [hidden(&ana)], "nor does Beto see whom it blocks");

    let many = vec![ana.id(); 101];
    let refused = eyes.call("presence.watch", json!({ "users": many })).await;
    assert!(refused.expect_err("refused").to_string().contains("100"));
}
