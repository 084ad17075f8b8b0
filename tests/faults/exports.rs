//! `kill -9` while a copy of somebody's data is written: nothing of it is left behind, nobody makes
//! it again before its maker's time is over, and then it is made whole.

use std::fs;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use wechat::clock::Time;
use wechat::id::UserId;
use wechat::model::exports::{Export, ExportState};
use wechat::store::Store;
use wechat::store::embedded::EmbeddedStore;
use wechat::store::mongo::{MongoStore, Names};

use crate::harness::zips::opened;
use crate::harness::{PATIENCE, Person, World, mongo};

/// Files in the copy, of so many bytes each: enough that a kill meets it half-way.
const FILES: usize = 24;
const FILE: usize = 1 << 20;
/// How much of it is written when the server dies, each time.
const CUTS: [u64; 3] = [1, 6 << 20, 18 << 20];

/// Different bytes for each number, none of them a text.
fn content(number: usize) -> Vec<u8> {
    let mut bytes = vec![0xff; FILE];
    fastrand::Rng::with_seed(number as u64).fill(&mut bytes[1..]);
    bytes
}

/// What lies in the staging: names and sizes.
fn staged(data: &Path) -> Vec<(String, u64)> {
    let entries = fs::read_dir(data.join("uploads")).into_iter().flatten().flatten();
    let sized = |entry: fs::DirEntry| {
        let size = entry.metadata().map_or(0, |metadata| metadata.len());
        (entry.file_name().to_string_lossy().into_owned(), size)
    };
    entries.map(sized).collect()
}

/// Waits until so much of the copy is written, while it is not ready.
async fn is_written(world: &World, ana: &Person, bytes: u64) {
    let (began, data) = (Instant::now(), world.server.data());
    while !staged(&data).iter().any(|(name, size)| name.ends_with(".part") && *size >= bytes) {
        let state = ana.gets("/api/v1/me/export").await["state"].clone();
        assert!(state != "ready" && state != "failed", "{state} before the kill");
        assert!(began.elapsed() < PATIENCE, "nothing is written");
    }
}

/// The store of a server that does not run.
async fn store(world: &World, database: &str) -> Arc<dyn Store> {
    let Some(server) = mongo::chosen() else {
        return Arc::new(EmbeddedStore::open(&world.server.data()).expect("a store"));
    };
    Arc::new(MongoStore::open(&server.uri(), database, Names::default()).await.expect("a store"))
}

/// The time of whoever made the copy passes; how often it was begun.
async fn claim_lapses(world: &World, database: &str, user: UserId) -> u32 {
    let store = store(world, database).await;
    let export = store.export_of(user).await.expect("reads").expect("one");
    let ExportState::Working { tries, .. } = export.state else { panic!("{export:?}") };
    let version = export.version + 1;
    let lapsed = Export { due: Time(1), version, ..export };
    assert!(store.put_export(&lapsed).await.expect("written"));
    tries
}

async fn is_ready(ana: &Person) -> Value {
    let began = Instant::now();
    loop {
        let export = ana.gets("/api/v1/me/export").await;
        if export["state"] == "ready" {
            return export;
        }
        assert!(began.elapsed() < PATIENCE && export["state"] != "failed", "{export}");
        tokio::time::sleep(std::time::Duration::from_millis(20)).await;
    }
}

/// Whether all that was said and sent is in a copy, and nothing half.
fn check(copy: &Value, said: &[String], files: &[(String, Vec<u8>)]) {
    let copy = copy.as_object().expect("files");
    let mut texts = Vec::new();
    for (name, content) in copy {
        if name.contains("/messages-") && name.ends_with(".json") {
            let page: Value = serde_json::from_str(content.as_str().expect("text")).expect("JSON");
            let rows = page["messages"].as_array().expect("messages").clone();
            texts.extend(rows.iter().filter_map(|row| row["body"].as_str().map(str::to_owned)));
        }
    }
    assert!(said.iter().all(|text| texts.contains(text)), "{} texts", texts.len());
    for (id, content) in files {
        let found = copy.iter().find(|(name, _)| name.contains(id.as_str()));
        let hex: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(found.is_some_and(|(_, found)| *found == hex.as_str()), "{id} is not as it was");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_a_kill_cuts_off_is_made_again_whole() {
    let database = mongo::Server::database();
    let settings = mongo::settings(&database);
    let settings: Vec<(&str, &str)> = settings.iter().map(|(k, v)| (&**k, &**v)).collect();
    let mut world = World::with(&settings).await;
    let (mut ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let said: Vec<String> = (0..120).map(|number| format!("mensaje {number}")).collect();
    for text in &said {
        beto.says(text).to(&ana).await;
    }
    let mut files = Vec::new();
    for number in 0..FILES {
        let file = ana.uploads("auto", "x.bin", &content(number)).await;
        ana.says("").with_files(beto.id(), &[&file]).await;
        files.push((file["id"].as_str().expect("an id").to_owned(), content(number)));
    }
    let user: UserId = ana.id().parse().expect("an id");
    ana.posts("/api/v1/me/export", json!({})).await;
    for (times, bytes) in CUTS.into_iter().enumerate() {
        is_written(&world, &ana, bytes).await;
        world.server.kill().expect("killed");
        // Its maker's time is not over: nobody makes it, and nothing of it is left.
        world.server.restart().await.expect("started again on the same data");
        ana = ana.at(&world.server);
        assert_eq!(staged(&world.server.data()), [], "parts of a copy were left");
        assert_eq!(ana.gets("/api/v1/me/export").await["state"], "working");
        world.server.kill().expect("killed");
        assert_eq!(claim_lapses(&world, &database, user).await, times as u32 + 1);
        world.server.restart().await.expect("started again on the same data");
        ana = ana.at(&world.server);
    }
    let export = is_ready(&ana).await;
    let parts = export["parts"].as_array().expect("parts");
    assert_eq!((parts.len(), &export["files"]), (1, &json!(FILES)), "{export}");
    let zip = ana.fetches(parts[0]["url"].as_str().expect("a link"), &[]).await;
    check(&opened(&zip.body), &said, &files);
    let began = Instant::now();
    while !staged(&world.server.data()).is_empty() {
        assert!(began.elapsed() < PATIENCE, "{:?}", staged(&world.server.data()));
    }
}
