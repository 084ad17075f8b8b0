//! `kill -9` under load, again and again, on the same data.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use loadgen::client::connection::Connection;
use loadgen::client::error::{Error, Result};
use serde_json::Value;
use tokio::sync::{Mutex, mpsc};
use tokio::task::JoinSet;

use crate::harness::{Person, World, fresh_key, message_of, sending};
use crate::ledger::Ledger;

const KILLS: u32 = 20;
/// Within this time of its return the server acknowledges again.
const RECOVERY: Duration = Duration::from_secs(60);
/// Sends without an answer on each connection.
const IN_FLIGHT: usize = 32;
/// At most so many acknowledged sends before a kill.
const MOST_ACKS: u64 = 250;

type Book = Arc<Mutex<Ledger>>;

/// Splitmix64: the same seed gives the same numbers.
struct Dice(u64);

impl Dice {
    /// From `FAULTS_SEED`, to repeat a run, or from the clock.
    fn new() -> Self {
        let clock = || SystemTime::UNIX_EPOCH.elapsed().map_or(1, |now| now.as_micros() as u64);
        let told = std::env::var("FAULTS_SEED").ok();
        Self(told.map_or_else(clock, |seed| seed.parse().expect("FAULTS_SEED is a number")))
    }

    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % bound
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_acknowledged_outlives_twenty_kills() {
    let mut dice = Dice::new();
    println!("again with FAULTS_SEED={}", dice.0);
    let mut world = World::new().await;
    let mut people = [world.person("Ana").await, world.person("Beto").await];
    let books = open_books(&people).await;
    let (mut repeated, mut slowest) = (0, Duration::ZERO);
    for _ in 0..KILLS {
        kill_under_load(&mut world, &people, &books, &mut dice).await;
        world.server.restart().await.expect("started again on the same data");
        let returned = Instant::now();
        people = people.map(|person| person.at(&world.server));
        say_again(&books[1], &people[0]).await;
        slowest = slowest.max(returned.elapsed());
        assert!(slowest < RECOVERY, "acknowledged only {slowest:?} after its return");
        for book in &books {
            check(book, &people[..1], false).await;
            repeated += repeat_waiting(book, &people[0]).await;
            check(book, &people, true).await;
        }
    }
    let acked = books[0].lock().await.acked() + books[1].lock().await.acked();
    println!(
        "{acked} acknowledged, {KILLS} kills, {repeated} repeated, none lost; slowest recovery \
         {slowest:?}"
    );
    assert!(repeated > 0, "no kill met a send on its way: there was no load");
}

/// The direct chat and a group of the two.
async fn open_books([ana, beto]: &[Person; 2]) -> [Book; 2] {
    let (key, body) = (fresh_key(), "hola");
    let answer = ana.api.send(beto.id(), &key, body).await.expect("the direct chat opens");
    let direct = message_of(answer.clone())["chat"].as_str().expect("a chat's id").to_owned();
    let mut direct = Ledger::new(direct);
    direct.answered(&key, body, answer);
    let group = ana.api.create_group("Faults", &[beto.id()]).await.expect("a group");
    [direct, Ledger::new(group)].map(|ledger| Arc::new(Mutex::new(ledger)))
}

/// Ana writes to both chats, each on a connection of its own; the server dies in the middle.
async fn kill_under_load(world: &mut World, people: &[Person], books: &[Book], dice: &mut Dice) {
    let (acks, mut heard) = mpsc::unbounded_channel();
    let mut streams = JoinSet::new();
    for book in books {
        let connection = people[0].connects().await;
        let padding = dice.below(1_500) as usize;
        streams.spawn(stream(connection, book.clone(), padding, acks.clone()));
    }
    for _ in 0..=dice.below(MOST_ACKS) {
        heard.recv().await.expect("sends are acknowledged");
    }
    // Not a wait for anything: the kill comes at a moment that no ack announces.
    tokio::time::sleep(Duration::from_micros(dice.below(8_000))).await;
    world.server.kill().expect("killed");
    while let Some(ended) = streams.join_next().await {
        ended.expect("a stream ends with its connection");
    }
}

/// Sends without a pause, `IN_FLIGHT` at a time, until the connection is gone.
async fn stream(
    connection: Connection,
    book: Book,
    padding: usize,
    acks: mpsc::UnboundedSender<()>,
) {
    let chat = book.lock().await.chat.clone();
    let mut flying = VecDeque::new();
    loop {
        while flying.len() < IN_FLIGHT {
            let key = fresh_key();
            let body = format!("{key} {}", "x".repeat(padding));
            book.lock().await.sent(&key, &body);
            let answer = connection.submit("message.send", sending(&chat, &key, &body));
            flying.push_back((key, body, answer));
        }
        let Some((key, body, answer)) = flying.pop_front() else { return };
        match answer.await {
            Ok(answer) => {
                book.lock().await.answered(&key, &body, answer);
                // The killer stops counting once it has heard enough.
                let _ = acks.send(());
            }
            Err(error @ (Error::Refused(_) | Error::Late(..))) => panic!("{key}: {error}"),
            Err(_) => return collect_last(&book, flying).await,
        }
    }
}

/// Books the answers that came before the connection was gone.
async fn collect_last<A>(book: &Book, flying: VecDeque<(String, String, A)>)
where
    A: Future<Output = Result<Value>>,
{
    for (key, body, answer) in flying {
        if let Ok(answer) = answer.await {
            book.lock().await.answered(&key, &body, answer);
        }
    }
}

/// One more message into a chat that was under load.
async fn say_again(book: &Book, person: &Person) {
    let (key, mut book) = (fresh_key(), book.lock().await);
    book.sent(&key, &key);
    let answer = person.api.send(&book.chat, &key, &key).await.expect("acknowledged");
    book.answered(&key, &key, answer);
}

/// Sends again what has no answer, under the same keys; how many those were.
async fn repeat_waiting(book: &Book, sender: &Person) -> usize {
    let (chat, waiting) = {
        let book = book.lock().await;
        (book.chat.clone(), book.waiting())
    };
    let connection = sender.connects().await;
    let send = |(key, body): &(String, String)| {
        connection.submit("message.send", sending(&chat, key, body))
    };
    let answers: Vec<_> = waiting.iter().map(send).collect();
    for ((key, body), answer) in waiting.iter().zip(answers) {
        let answer = answer.await.expect("a repeated send is acknowledged");
        book.lock().await.answered(key, body, answer);
    }
    waiting.len()
}

/// These see the whole chat as it was acknowledged.
async fn check(book: &Book, people: &[Person], settled: bool) {
    let book = book.lock().await;
    for reader in people {
        book.check(reader, settled).await;
    }
}
