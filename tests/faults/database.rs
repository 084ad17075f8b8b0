//! `kill -9` of MongoDB under load, again and again, while the server lives.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use hyper::Method;
use loadgen::client::error::Error;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::harness::mongo::{Server, binary};
use crate::harness::{PATIENCE, Person, World, fresh_key, sending};
use crate::ledger::Ledger;

const KILLS: u32 = 20;
/// Who sends, each waiting for its answer.
const SENDERS: usize = 8;
/// So many messages are acknowledged between two kills.
const ACKS: usize = 40;
/// Within this time of its return the database is used again.
const RECOVERY: Duration = Duration::from_secs(60);
/// A pause before a refused send is repeated.
const PAUSE: Duration = Duration::from_millis(20);

/// A server on this database.
async fn world(database: &Server) -> World {
    let settings = database.settings("faults");
    let settings: Vec<_> = settings.iter().map(|(key, value)| (&**key, &**value)).collect();
    World::with(&settings).await
}

/// How far the senders are, and when they are to stop.
#[derive(Default)]
struct Load {
    acked: AtomicUsize,
    stop: AtomicBool,
}

impl Load {
    /// Waits until so many more are acknowledged.
    async fn progress(&self, more: usize, within: Duration) {
        let (aim, deadline) = (self.acked.load(Ordering::SeqCst) + more, Instant::now() + within);
        while self.acked.load(Ordering::SeqCst) < aim {
            assert!(Instant::now() < deadline, "nothing is acknowledged");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    }
}

/// Sends one message after the other, each again under its key until it is acknowledged.
async fn sender(person: Arc<Person>, book: Arc<Mutex<Ledger>>, load: Arc<Load>) {
    let chat = book.lock().await.chat.clone();
    let connection = person.connects().await;
    while !load.stop.load(Ordering::SeqCst) {
        let key = fresh_key();
        let body = format!("say {key}");
        book.lock().await.sent(&key, &body);
        let answer = loop {
            match connection.call("message.send", sending(&chat, &key, &body)).await {
                Ok(answer) => break answer,
                Err(Error::Refused(problem)) => {
                    assert_eq!((problem.status, &*problem.code), (503, "unavailable"));
                    tokio::time::sleep(PAUSE).await;
                }
                Err(other) => panic!("{key}: {other}"),
            }
        };
        book.lock().await.answered(&key, &body, answer);
        load.acked.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_twenty_kills_of_the_database() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut database = Server::durable(&binary, folder.path());
    let world = world(&database).await;
    let (ana, beto) = (Arc::new(world.person("Ana").await), Arc::new(world.person("Beto").await));
    let group = ana.api.create_group("Faults", &[beto.id()]).await.expect("a group");
    let book = Arc::new(Mutex::new(Ledger::new(group)));
    let load = Arc::new(Load::default());
    let mut senders = JoinSet::new();
    for number in 0..SENDERS {
        let who = if number % 2 == 0 { ana.clone() } else { beto.clone() };
        senders.spawn(sender(who, book.clone(), load.clone()));
    }
    let mut slowest = Duration::ZERO;
    for _ in 0..KILLS {
        load.progress(ACKS, PATIENCE).await;
        database.kill();
        database.restart(&binary);
        let returned = Instant::now();
        load.progress(1, RECOVERY).await;
        slowest = slowest.max(returned.elapsed());
    }
    load.stop.store(true, Ordering::SeqCst);
    while let Some(ended) = senders.join_next().await {
        ended.expect("a sender ends well");
    }
    let book = book.lock().await;
    println!("{} acknowledged, {KILLS} kills, slowest recovery {slowest:?}", book.acked());
    for reader in [&ana, &beto] {
        book.check(reader, true).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_the_database_is_gone_requests_are_refused_at_once() {
    let Some(binary) = binary() else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut database = Server::durable(&binary, folder.path());
    let world = world(&database).await;
    let ana = world.person("Ana").await;
    let group = ana.api.create_group("Faults", &[]).await.expect("a group");
    let mut connection = ana.connects().await;
    connection.event_that(PATIENCE, |event| event.name == "hello").await.expect("attached");
    database.kill();
    let deadline = Instant::now() + PATIENCE;
    while world.stranger().get("/readyz").await.is_ok() {
        assert!(Instant::now() < deadline, "it says that it can serve");
    }
    // Were each to wait until the database is given up, these would take minutes.
    let began = Instant::now();
    for _ in 0..100 {
        let refused = ana.asks(Method::GET, "/api/v1/chats", None).await;
        assert_eq!(refused.status.as_u16(), 503, "{:?}", refused.json());
        let after = refused.headers.get("retry-after").expect("says when to come back");
        assert!(after.to_str().is_ok_and(|after| after.parse::<u32>().is_ok()));
        assert_eq!(refused.json()["code"], "unavailable");
    }
    assert!(began.elapsed() < PATIENCE, "refused, but not at once");
    database.restart(&binary);
    let deadline = Instant::now() + RECOVERY;
    while ana.asks(Method::GET, "/api/v1/chats", None).await.status.as_u16() != 200 {
        assert!(Instant::now() < deadline, "the database is back, and not used");
    }
    ana.says("hola").in_chat(&group).await;
    let heard = connection.event_that(PATIENCE, |event| event.data["body"] == "hola").await;
    heard.expect("the connection outlived the database");
}
