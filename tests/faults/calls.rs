//! Calls while the server is frozen, or its database is gone: neither counts as anybody's silence.

use std::process::Command;
use std::time::{Duration, Instant};

use loadgen::client::connection::Connection;
use loadgen::client::error::Error;
use serde_json::{Value, json};

use crate::harness::mongo::{Server, binary};
use crate::harness::{PATIENCE, Person, World};

/// Longer than a device may be silent in a call, by some margin.
const PAUSE: Duration = Duration::from_secs(32);

/// Two people who talk: their connections, and the call.
async fn talk(ana: &Person, beto: &Person) -> (Connection, Connection, String) {
    let (one, other) = (ana.connects().await, beto.connects().await);
    let started = one.call("call.start", json!({ "chat": beto.id(), "kind": "voice" })).await;
    let call = started.expect("started")["call"]["id"].as_str().expect("an id").to_owned();
    other.call("call.accept", json!({ "call": call })).await.expect("answered");
    for connection in [&one, &other] {
        assert_eq!(keeps(connection, &call).await.expect("there")["call"]["state"], "active");
    }
    (one, other, call)
}

async fn keeps(connection: &Connection, call: &str) -> Result<Value, Error> {
    connection.call("call.alive", json!({ "call": call, "connected": true })).await
}

/// Says that the device is there, until the server has its database back.
async fn kept(connection: &Connection, call: &str) -> Value {
    let deadline = Instant::now() + PATIENCE;
    loop {
        match keeps(connection, call).await {
            Ok(kept) => return kept,
            Err(Error::Refused(problem)) if problem.status == 503 => {}
            Err(other) => panic!("the call is over: {other}"),
        }
        assert!(Instant::now() < deadline, "the database is back, and not used");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

fn signal(process: u32, name: &str) {
    let sent = Command::new("sh").args(["-c", &format!("kill -{name} {process}")]).status();
    assert!(sent.expect("a shell").success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_stands_still_ends_no_call() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (one, other, call) = talk(&ana, &beto).await;
    signal(world.server.pid(), "STOP");
    // Not a wait for anything: this is the pause.
    tokio::time::sleep(PAUSE).await;
    signal(world.server.pid(), "CONT");
    for connection in [&one, &other] {
        assert_eq!(kept(connection, &call).await["call"]["state"], "active");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_database_that_is_gone_for_a_while_ends_no_call() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut database = Server::durable(&binary, folder.path());
    let settings = database.settings("faults");
    let settings: Vec<_> = settings.iter().map(|(key, value)| (&**key, &**value)).collect();
    let world = World::with(&settings).await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (one, other, call) = talk(&ana, &beto).await;
    database.kill();
    let until = Instant::now() + PAUSE;
    while Instant::now() < until {
        // As clients do, only more often; what they hear is that it does not go.
        for connection in [&one, &other] {
            assert!(keeps(connection, &call).await.is_err(), "the database is gone");
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    database.restart(&binary);
    for connection in [&one, &other] {
        let kept = kept(connection, &call).await;
        assert_eq!(kept["call"]["state"], "active");
    }
}
