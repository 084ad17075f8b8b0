//! Backups: taken while people write, brought up to date, and served from.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use loadgen::client::api::{Api, Session};
use loadgen::client::state::State;
use loadgen::server::{Home, Plan, Server as Served};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::files::{CLIP, STILL};
use crate::harness::{PATIENCE, Person, bodies, program};
use crate::process::{Server, wechat};

/// A folder for commands, on the embedded store in every run.
pub fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env_db"), "").expect("written");
    folder
}

fn back_up(data: &Path, to: &Path) -> Output {
    let (data, to) = (data.to_str().expect("UTF-8"), to.to_str().expect("UTF-8"));
    let folder = folder();
    wechat(folder.path(), &["backup", to, "--data-dir", data]).output().expect("wechat runs")
}

pub fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

pub fn person(name: &str, session: &Session, addr: SocketAddr) -> Person {
    let api = Api::with(addr, session.clone());
    Person { name: name.into(), email: String::new(), api }
}

/// A server with two people, and their sessions.
pub async fn two_people() -> (Served, Vec<Session>) {
    let home = Home::new(Plan::unlimited(program()), None).expect("a folder");
    let people = ["ana", "beto"].map(|name| loadgen::server::Person {
        email: format!("{name}@example.org"),
        name: name.into(),
    });
    let sessions = home.import(&people, 2).expect("imported");
    (home.start().await.expect("a server"), sessions)
}

/// Somebody who writes on and on until told to stop.
struct Writing {
    acked: Arc<AtomicUsize>,
    stop: Arc<AtomicBool>,
    task: tokio::task::JoinHandle<()>,
}

impl Writing {
    fn begin(who: Person, chat: String) -> Self {
        let (acked, stop) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicBool::new(false)));
        let (count, over) = (acked.clone(), stop.clone());
        let task = tokio::spawn(async move {
            while !over.load(Ordering::Relaxed) {
                let number = count.load(Ordering::Relaxed);
                who.says(&format!("message {number}")).in_chat(&chat).await;
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { acked, stop, task }
    }

    fn acked(&self) -> usize {
        self.acked.load(Ordering::Relaxed)
    }

    async fn end(self) -> usize {
        self.stop.store(true, Ordering::Relaxed);
        self.task.await.expect("it wrote");
        self.acked.load(Ordering::Relaxed)
    }
}

/// All texts of a chat, oldest first.
async fn all_texts(who: &Person, chat: &str) -> Vec<String> {
    let (mut texts, mut after) = (Vec::new(), 0);
    loop {
        let page = who.api.history(chat, &format!("?limit=200&after={after}")).await;
        let page = page.expect("history");
        let rows = page["messages"].as_array().map_or(0, Vec::len);
        if rows == 0 {
            return texts;
        }
        after += rows;
        texts.append(&mut bodies(&page));
    }
}

pub async fn sends_a_file(who: &Person, whom: &Person, name: &str, content: &[u8]) -> Value {
    let file = who.uploads("auto", name, content).await;
    let message = json!({
        "client_msg_id": name, "body": "", "attachments": [file["id"]],
    });
    who.posts(&format!("/api/v1/chats/{}/messages", whom.id()), message).await;
    file
}

/// A server on a backup.
fn served(backup: &Path) -> (Server, tempfile::TempDir) {
    let folder = folder();
    let data = backup.to_str().expect("UTF-8");
    let server = Server::start(folder.path(), &["--data-dir", data, "--turn", "off"]);
    (server, folder)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_backup_taken_while_people_write_is_whole_and_is_brought_up_to_date() {
    let (server, sessions) = two_people().await;
    let ana = person("ana", &sessions[0], server.addr());
    let beto = person("beto", &sessions[1], server.addr());
    let picture = sends_a_file(&ana, &beto, "still.jpg", STILL).await;
    let place = tempfile::tempdir().expect("a folder");
    let (data, backup) = (server.data(), place.path().join("backup"));

    let writing = Writing::begin(person("ana", &sessions[0], server.addr()), beto.id().to_owned());
    let going = async {
        while writing.acked() < 50 {
            tokio::task::yield_now().await;
        }
    };
    timeout(PATIENCE, going).await.expect("it writes");
    let (before, taken) = (writing.acked(), backup_of(&data, &backup).await);
    assert!(taken.status.success(), "{}", told(&taken));
    let acked = writing.end().await;
    assert!(acked > before, "the backup did not hold the server up");

    let (restored, _folder) = served(&backup);
    let addr = SocketAddr::from(([127, 0, 0, 1], restored.port()));
    let reader = person("beto", &sessions[1], addr);
    let texts: Vec<String> = all_texts(&reader, ana.id()).await;
    let texts: Vec<&String> = texts.iter().filter(|text| !text.is_empty()).collect();
    assert!(texts.len() >= before && texts.len() <= acked, "{} of {before}", texts.len());
    for (number, text) in texts.iter().enumerate() {
        assert_eq!(**text, format!("message {number}"), "in order and without a hole");
    }
    let url = picture["url"].as_str().expect("a URL");
    let (here, there) = (beto.fetches(url, &[]).await, reader.fetches(url, &[]).await);
    assert_eq!((there.status.as_u16(), there.body), (200, here.body));
    drop(restored);

    // A folder that a server has worked in is not a backup any more.
    let refused = back_up(&data, &backup);
    assert!(told(&refused).contains("neither empty nor a backup"), "{}", told(&refused));
    fs::write(backup.join("backup"), "").expect("written");

    let film = sends_a_file(&ana, &beto, "clip.mp4", CLIP).await;
    let again = back_up(&data, &backup);
    assert!(again.status.success(), "{}", told(&again));
    assert!(!told(&again).contains("(0 new"), "{}", told(&again));
    let third = back_up(&data, &backup);
    assert!(told(&third).contains("(0 new, 0.0 MB)"), "{}", told(&third));
    let (restored, _folder) = served(&backup);
    let addr = SocketAddr::from(([127, 0, 0, 1], restored.port()));
    let reader = person("beto", &sessions[1], addr);
    let texts = all_texts(&reader, ana.id()).await;
    assert_eq!(texts.iter().filter(|text| !text.is_empty()).count(), acked);
    let url = film["url"].as_str().expect("a URL");
    assert_eq!(reader.fetches(url, &[]).await.status.as_u16(), 200);
}

/// What somebody's client lacks, as one of before there were incarnations asks.
async fn asks_as_of_old(who: &Person, state: &mut State) -> Value {
    let mut have = state.have(30);
    have.as_object_mut().expect("an object").remove("incarnation").expect("it names one");
    who.posts("/api/v1/sync", have).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_saw_what_the_backup_lacks_begins_anew_however_long_the_chat_is_by_then() {
    let (server, sessions) = two_people().await;
    let ana = person("ana", &sessions[0], server.addr());
    let beto = person("beto", &sessions[1], server.addr());
    for number in 0..5 {
        ana.says(&format!("before {number}")).to(&beto).await;
    }
    let place = tempfile::tempdir().expect("a folder");
    let (data, backup) = (server.data(), place.path().join("backup"));
    assert!(backup_of(&data, &backup).await.status.success());
    for number in 0..5 {
        ana.says(&format!("lost {number}")).to(&beto).await;
    }
    let mut state = State::new(beto.id());
    beto.api.catch_up(&mut state, 30).await.expect("synced");
    let mut of_old = state.clone();
    assert_eq!(asks_as_of_old(&beto, &mut of_old).await["reset"], Value::Null, "nothing happened");
    drop(server);

    let (restored, folder) = served(&backup);
    let addr = SocketAddr::from(([127, 0, 0, 1], restored.port()));
    let ana = person("ana", &sessions[0], addr);
    let beto = person("beto", &sessions[1], addr);
    for number in 0..8 {
        ana.says(&format!("new {number}")).to(&beto).await;
    }
    assert_eq!(asks_as_of_old(&beto, &mut of_old).await["reset"], true);
    let told = beto.posts("/api/v1/sync", state.have(30)).await;
    assert_eq!(told["reset"], true);
    beto.api.catch_up(&mut state, 30).await.expect("synced");
    let mut fresh = State::new(beto.id());
    beto.api.catch_up(&mut fresh, 30).await.expect("synced");
    assert_eq!(state, fresh);
    assert_eq!(all_texts(&beto, ana.id()).await.len(), 13);

    // A restart is not a restore.
    drop(restored);
    let data = backup.to_str().expect("UTF-8");
    let again = Server::start(folder.path(), &["--data-dir", data, "--turn", "off"]);
    let addr = SocketAddr::from(([127, 0, 0, 1], again.port()));
    let beto = person("beto", &sessions[1], addr);
    let told = beto.posts("/api/v1/sync", state.have(30)).await;
    assert_eq!((&told["reset"], &told["chats"]), (&Value::Null, &json!([])));
    drop(again);
    let renewed = wechat(folder.path(), &["store", "renew", "--data-dir", data]).output();
    assert!(renewed.expect("wechat runs").status.success());
    let again = Server::start(folder.path(), &["--data-dir", data, "--turn", "off"]);
    let addr = SocketAddr::from(([127, 0, 0, 1], again.port()));
    let beto = person("beto", &sessions[1], addr);
    assert_eq!(beto.posts("/api/v1/sync", state.have(30)).await["reset"], true);
}

/// A backup, while this thread's tasks go on.
async fn backup_of(data: &Path, to: &Path) -> Output {
    let (data, to) = (data.to_owned(), to.to_owned());
    tokio::task::spawn_blocking(move || back_up(&data, &to)).await.expect("it ran")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_would_be_no_backup_is_refused_with_a_cure() {
    let (server, _) = two_people().await;
    let place = tempfile::tempdir().expect("a folder");
    fs::write(place.path().join("thesis.txt"), "years of work").expect("written");
    let data = server.data();
    let nowhere: PathBuf = place.path().join("nowhere");
    for (from, to, cure) in [
        (&data, &place.path().to_owned(), "Name a new folder or an earlier backup"),
        (&data, &data.join("backups"), "Name a folder outside"),
        (&data, &data.join("../data/backups"), "Name a folder outside"),
        (&nowhere, &place.path().join("new"), "There is no store in DATA_DIR"),
    ] {
        let refused = back_up(from, to);
        assert_eq!(refused.status.code(), Some(1), "{}", told(&refused));
        assert!(told(&refused).contains(cure), "{}", told(&refused));
    }
    assert!(!data.join("backups").exists() && !place.path().join("new").exists());
    assert_eq!(fs::read_dir(place.path()).expect("a folder").count(), 1, "nothing was written");
}

#[test]
fn a_server_does_not_begin_anew_on_a_backup_that_was_cut_off() {
    let (folder, half) = (folder(), tempfile::tempdir().expect("a folder"));
    fs::write(half.path().join("backup"), "").expect("written");
    let data = half.path().to_str().expect("UTF-8");
    let output = wechat(folder.path(), &["--data-dir", data]).output().expect("wechat runs");
    assert_eq!(output.status.code(), Some(1));
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(told.contains("a backup that was cut off"), "{told}");
    assert!(!half.path().join("wechat.db").exists());
}

#[test]
fn the_store_in_mongodb_is_not_taken_for_backed_up() {
    let folder = folder();
    fs::write(folder.path().join(".env_db"), "DB_URI=mongodb://127.0.0.1:9/\n").expect("written");
    let output = wechat(folder.path(), &["backup", "copy"]).output().expect("wechat runs");
    assert_eq!(output.status.code(), Some(1));
    assert!(told(&output).contains("mongodump"), "{}", told(&output));
}
