//! A reader that stalls: it costs a bounded amount, is closed with a code that says to come back,
//! and has missed nothing once it has synced.

use futures_util::future::join_all;
use loadgen::client::connection::{Connection, Event};
use loadgen::client::error::Error;
use loadgen::client::state::State;
use loadgen::client::wire::{Dial, Wire};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::{PATIENCE, Person, World};

/// More than an outbox and what the kernel keeps, and less than a kernel takes that is let.
const MESSAGES: usize = 48;

/// Bytes of a page of sync, however long its messages.
const LARGEST_PAGE: usize = 160 * 1024;
/// Together many times an outbox, and within what a person may send at once.
const BURST: usize = 100;
/// How often one is tried.
const BURSTS: usize = 5;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stalls_is_closed_as_slow_and_finds_everything_by_sync() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let session = beto.api.session().expect("a session");
    let dial = Dial { receive_buffer: Some(4096), ..session.dial(world.server.addr()) };
    let stalled = Wire::open(dial).await.expect("opened");
    let mut stalled = stalled.live().await.expect("live");
    let mut healthy = beto.connects().await;
    let mut known = State::new(beto.id());
    ana.says("hola").to(&beto).await;
    caught_up(&healthy, &mut known).await;
    let long = "x".repeat(16 * 1024);
    // At once: a server waits some seconds for who is closed, and no longer.
    join_all((0..MESSAGES).map(|_| ana.says(&long).to(&beto))).await;
    let mut heard = 0;
    let code = timeout(PATIENCE, async {
        loop {
            match stalled.next().await {
                Ok(_) => heard += 1,
                Err(Error::Closed(code)) => return code,
                Err(error) => panic!("not closed but broken: {error}"),
            }
        }
    });
    assert_eq!(code.await.expect("closed"), 4008, "after {heard} frames");
    assert!(heard < MESSAGES, "what waited was dropped");

    for _ in 0..=MESSAGES {
        let told = |event: &Event| event.name == "message";
        healthy.event_that(PATIENCE, told).await.expect("others do not feel it");
    }

    let back = beto.connects().await;
    let pages = caught_up(&back, &mut known).await;
    let seen: usize = known.chats().values().map(|chat| chat.messages.len()).sum();
    assert_eq!(seen, 1 + MESSAGES);
    let largest = pages.iter().map(|page| page.to_string().len()).max();
    assert!(
        largest < Some(LARGEST_PAGE),
        "who has a slow line would never get a page of {largest:?}"
    );
    assert!(pages.len() > 2);
}

/// Syncs to the end; the pages.
async fn caught_up(connection: &Connection, state: &mut State) -> Vec<Value> {
    let mut pages = Vec::new();
    let mut more = true;
    while more {
        let page = connection.call("sync", state.have(200)).await.expect("news");
        more = state.apply_sync(&page);
        pages.push(page);
    }
    pages
}

/// A phone that comes back sends what it has written meanwhile, all at once. Whoever is not given a
/// turn by a busy machine for that long is slow, and rightly closed: so there are some bursts, and
/// one must go well. When a burst itself was taken for slowness, none did.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_burst_of_long_messages_closes_neither_who_sends_nor_who_reads() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    for round in 0..BURSTS {
        match burst(&ana, &beto, round).await {
            Ok(()) => return,
            Err(Error::Closed(4008)) => {}
            Err(error) => panic!("not slow but broken: {error}"),
        }
    }
    panic!("each of {BURSTS} bursts closed who sent it or who read it");
}

/// Ana sends, and Beto hears everything in its order.
async fn burst(ana: &Person, beto: &Person, round: usize) -> Result<(), Error> {
    let (sender, mut reader) = (ana.connects().await, beto.connects().await);
    let long = "x".repeat(16 * 1024);
    let send = |index: usize| {
        let key = format!("burst-{round}-{index}");
        sender.submit(
            "message.send",
            json!({ "chat": beto.id(), "client_msg_id": key, "body": long }),
        )
    };
    let sends: Vec<_> = (0..BURST).map(send).collect();
    let mut last = 0;
    for sent in join_all(sends).await {
        last = sent?["message"]["seq"].as_u64().expect("a seq");
    }
    let first = last + 1 - BURST as u64;
    for seq in first..=last {
        let told = |event: &Event| event.data["seq"].as_u64() >= Some(first);
        let event = reader.event_that(PATIENCE, told).await?;
        assert_eq!((event.name.as_str(), event.data["seq"].as_u64()), ("message", Some(seq)));
    }
    Ok(())
}

/// What is refused costs as much to read as what is carried out, so it counts as much.
#[tokio::test]
async fn who_heeds_no_refusal_is_closed_whatever_they_ask() {
    let world = World::with(&[("RATE_PER_USER", "30/h")]).await;
    for (name, op, data) in
        [("Ana", "no.such.operation", json!({})), ("Beto", "read", json!({ "chat": "x" }))]
    {
        let live = world.person(name).await.connects().await;
        let asked: Vec<_> = (0..400).map(|_| live.submit(op, data.clone())).collect();
        let code = timeout(PATIENCE, live.closed()).await.expect("closed");
        assert_eq!(code, 4007, "{op}");
        drop(asked);
    }
}
