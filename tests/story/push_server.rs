//! Push through a real server, from a request to what would go out: here a folder (`PUSH=folder`).

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::{Value, json};

use crate::harness::{PATIENCE, Person, World};

/// The folder of a server's pushes, and which of them were looked at.
struct Pushes {
    folder: PathBuf,
    seen: BTreeSet<PathBuf>,
}

impl Pushes {
    fn of(world: &World) -> Self {
        Self { folder: world.server.data().join("push"), seen: BTreeSet::new() }
    }

    /// The next push that was not looked at; waits for one.
    async fn next(&mut self) -> Value {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(path) = files(&self.folder).find(|path| !self.seen.contains(path)) {
                let text = std::fs::read_to_string(&path).expect("read");
                self.seen.insert(path);
                return serde_json::from_str(&text).expect("JSON");
            }
            assert!(Instant::now() < deadline, "no push came");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

fn files(folder: &Path) -> impl Iterator<Item = PathBuf> {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let mut paths: Vec<_> = entries.map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|ending| ending == "json"));
    paths.sort();
    paths.into_iter()
}

async fn subscribes(who: &Person) {
    let body =
        json!({ "kind": "fcm", "token": format!("token of {}", who.name).replace(' ', "-") });
    let answer = who.asks(Method::PUT, "/api/v1/me/push", Some(body)).await;
    assert_eq!(answer.status, 204);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_sleeps_is_told_by_a_real_server() {
    let world = World::with(&[("PUSH", "folder"), ("PUSH_CONTENT", "names")]).await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let mut pushes = Pushes::of(&world);
    subscribes(&beto).await;
    ana.says("hola").to(&beto).await;
    let told = pushes.next().await;
    let said = &told["said"];
    assert_eq!(
        (&said["kind"], &said["seq"], &said["badge"]),
        (&json!("message"), &json!(1), &json!(1))
    );
    assert_eq!((&said["title"], &said["body"]), (&json!("Ana"), &Value::Null));

    // While they are connected nothing goes out; the call that comes next is no message.
    let live = beto.connects().await;
    ana.says("otra").to(&beto).await;
    drop(live);
    let began = Instant::now();
    let call = ana.posts("/api/v1/calls", json!({ "chat": beto.id(), "kind": "voice" })).await;
    let told = loop {
        let told = pushes.next().await;
        if told["said"]["kind"] == "call" {
            break told;
        }
    };
    let said = &told["said"];
    assert_eq!((&said["state"], &said["title"]), (&json!("ringing"), &json!("Ana")));
    assert_eq!(told["urgency"], "high");
    let rang = began.elapsed();
    let id = call["call"]["id"].as_str().expect("an id").to_owned();
    let path = format!("/api/v1/calls/{id}/hangup");
    let answer = ana.asks(Method::POST, &path, None).await;
    assert_eq!(answer.status, 200, "{}", answer.json());
    let told = loop {
        let told = pushes.next().await;
        if told["said"]["kind"] == "call" {
            break told;
        }
    };
    let said = &told["said"];
    assert_eq!((&said["state"], &said["why"]), (&json!("ended"), &json!("cancelled")));
    println!("a call rang after {} ms", rang.as_millis());
}
