//! Two servers on one MongoDB: what both write into one chat at once is one dense order, and when
//! one of them dies the other carries on.
//!
//! `NODES_MESSAGES` says how many messages (20,000).

use std::sync::Arc;
use std::time::{Duration, Instant};

use loadgen::client::error::Error;
use tokio::sync::Mutex;
use tokio::task::JoinSet;

use crate::harness::mongo::{Server, shared};
use crate::harness::{Person, World, fresh_key, message_of, sending};
use crate::ledger::Ledger;

/// Sends without an answer on the connection of each.
const IN_FLIGHT: usize = 256;
/// A pause before a refused send is repeated.
const PAUSE: Duration = Duration::from_millis(20);
/// Within this time of the other's death, a server carries on with their chat.
const RECOVERY: Duration = Duration::from_secs(60);

type Book = Arc<Mutex<Ledger>>;

/// A server on this database, and somebody who is connected to it.
async fn node(mongo: &Server, database: &str, name: &str) -> (World, Arc<Person>) {
    let settings = mongo.settings(database);
    let settings: Vec<_> = settings.iter().map(|(key, value)| (&**key, &**value)).collect();
    let world = World::with(&settings).await;
    let person = world.person(name).await;
    (world, Arc::new(person))
}

/// Sends so many messages, `IN_FLIGHT` at a time; the seqs that they got, in the order of sending.
/// Ends early when the server is gone.
async fn flood(person: Arc<Person>, book: Book, count: usize) -> Vec<u64> {
    let chat = book.lock().await.chat.clone();
    let connection = Arc::new(person.connects().await);
    let (mut seqs, mut flying) = (Vec::new(), std::collections::VecDeque::new());
    let mut left = count;
    loop {
        while left > 0 && flying.len() < IN_FLIGHT {
            let key = fresh_key();
            book.lock().await.sent(&key, &key);
            let answer = connection.submit("message.send", sending(&chat, &key, &key));
            flying.push_back((key, answer));
            left -= 1;
        }
        let Some((key, answer)) = flying.pop_front() else { return seqs };
        match answer.await {
            Ok(answer) => {
                let seq = message_of(answer.clone())["seq"].as_u64().expect("a seq");
                seqs.push(seq);
                book.lock().await.answered(&key, &key, answer);
            }
            Err(refused @ (Error::Refused(_) | Error::Late(..))) => panic!("{key}: {refused}"),
            Err(_) => return seqs,
        }
    }
}

fn messages() -> usize {
    let told = std::env::var("NODES_MESSAGES").ok();
    told.map_or(20_000, |text| text.parse().expect("NODES_MESSAGES is a number"))
}

fn rate(count: usize, began: Instant) -> f64 {
    count as f64 / began.elapsed().as_secs_f64()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_write_one_dense_order_into_one_chat() {
    let Some(mongo) = shared() else { return };
    let database = Server::database();
    let (one, ana) = node(mongo, &database, "Ana").await;
    let (other, beto) = node(mongo, &database, "Beto").await;
    let alone = ana.api.create_group("Alone", &[]).await.expect("a group");
    let (count, began) = (messages(), Instant::now());
    flood(ana.clone(), Arc::new(Mutex::new(Ledger::new(alone))), count / 8).await;
    let by_one = rate(count / 8, began);

    let group = ana.api.create_group("Two", &[beto.id()]).await.expect("a group");
    let book = Arc::new(Mutex::new(Ledger::new(group)));
    let (half, began) = (count / 2, Instant::now());
    let floods = [ana.clone(), beto.clone()].map(|who| {
        let book = book.clone();
        tokio::spawn(async move { (flood(who, book, half).await, began.elapsed()) })
    });
    let mut ends = Vec::new();
    for flood in floods {
        let (seqs, end) = flood.await.expect("a flood ends");
        assert_eq!(seqs.len(), half, "every message was acknowledged");
        assert!(seqs.is_sorted(), "a connection's sends keep their order");
        ends.push(end);
    }
    println!(
        "{by_one:.0} messages a second by one server, {:.0} by two, which ended after {ends:?}",
        rate(2 * half, began)
    );
    // Whoever was slower was not starved until the other had finished.
    let (first, last) = (ends[0].min(ends[1]), ends[0].max(ends[1]));
    assert!(first * 3 > last * 2, "one server kept the other from its turn: {ends:?}");
    let book = book.lock().await;
    for reader in [&ana, &beto] {
        book.check(reader, true).await;
    }
    drop((one, other));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn when_one_server_dies_amid_a_flood_the_other_goes_on() {
    let Some(mongo) = shared() else { return };
    let database = Server::database();
    let (mut one, ana) = node(mongo, &database, "Ana").await;
    let (_other, beto) = node(mongo, &database, "Beto").await;
    let group = ana.api.create_group("Two", &[beto.id()]).await.expect("a group");
    let book = Arc::new(Mutex::new(Ledger::new(group.clone())));
    for _ in 0..3 {
        let mut dying = JoinSet::new();
        dying.spawn(flood(ana_at(&ana, &one), book.clone(), usize::MAX));
        let living = tokio::spawn(flood(beto.clone(), book.clone(), 2_000));
        let before = book.lock().await.acked();
        while book.lock().await.acked() < before + 500 {
            tokio::time::sleep(PAUSE).await;
        }
        one.server.kill().expect("killed");
        let died = Instant::now();
        let key = fresh_key();
        book.lock().await.sent(&key, &key);
        let answer = beto.api.send(&group, &key, &key).await.expect("the other goes on");
        assert!(died.elapsed() < RECOVERY, "only after {:?}", died.elapsed());
        book.lock().await.answered(&key, &key, answer);
        dying.join_next().await.expect("one").expect("a flood ends with its server");
        assert_eq!(living.await.expect("a flood ends").len(), 2_000);
        one.server.restart().await.expect("started again");
        let sender = ana_at(&ana, &one);
        let waiting = book.lock().await.waiting();
        for (key, body) in waiting {
            let answer = sender.api.send(&group, &key, &body).await.expect("a repeated send");
            book.lock().await.answered(&key, &body, answer);
        }
        book.lock().await.check(&beto, true).await;
    }
}

/// The same person at the server's new address.
fn ana_at(ana: &Person, world: &World) -> Arc<Person> {
    let session = ana.api.session().expect("a session").clone();
    let api = loadgen::client::api::Api::with(world.server.addr(), session);
    Arc::new(Person { name: ana.name.clone(), email: ana.email.clone(), api })
}
