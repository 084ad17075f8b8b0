//! Two servers on one MongoDB, each with clients of its own in the same chat.

use std::collections::VecDeque;
use std::sync::Arc;

use tokio::sync::Mutex;

use crate::harness::mongo::{Server, shared};
use crate::harness::{Person, World, fresh_key, hears, sending};
use crate::ledger::Ledger;

/// Messages through each server.
const EACH: usize = 10_000;
/// Sends without an answer at each server.
const IN_FLIGHT: usize = 256;

/// Sends all its messages; the seqs that they got, in the order of sending.
async fn flood(person: &Person, book: &Mutex<Ledger>) -> Vec<u64> {
    let chat = book.lock().await.chat.clone();
    let connection = person.connects().await;
    let (mut flying, mut seqs) = (VecDeque::new(), Vec::with_capacity(EACH));
    while seqs.len() < EACH {
        while flying.len() < IN_FLIGHT && seqs.len() + flying.len() < EACH {
            let key = fresh_key();
            let body = format!("{} says {key}", person.name);
            book.lock().await.sent(&key, &body);
            let answer = connection.submit("message.send", sending(&chat, &key, &body));
            flying.push_back((key, body, answer));
        }
        let (key, body, answer) = flying.pop_front().expect("some are on their way");
        let answer = answer.await.expect("acknowledged");
        seqs.push(answer["message"]["seq"].as_u64().expect("a seq"));
        book.lock().await.answered(&key, &body, answer);
    }
    seqs
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_servers_write_one_dense_order() {
    let Some(database) = shared() else { return };
    let settings = database.settings(&Server::database());
    let settings: Vec<_> = settings.iter().map(|(key, value)| (&**key, &**value)).collect();
    let (here, there) = (World::with(&settings).await, World::with(&settings).await);
    let (ana, beto) = (here.person("Ana").await, there.person("Beto").await);
    let group = ana.api.create_group("Faults", &[beto.id()]).await.expect("a group");
    let book = Arc::new(Mutex::new(Ledger::new(group.clone())));
    let (by_ana, by_beto) = tokio::join!(flood(&ana, &book), flood(&beto, &book));
    for seqs in [by_ana, by_beto] {
        assert!(seqs.is_sorted(), "what one connection sends keeps its order");
    }
    let book = book.lock().await;
    assert_eq!(book.acked(), 2 * EACH);
    for reader in [&ana, &beto] {
        book.check(reader, true).await;
    }

    // What was said at the other server comes before what is said here after it.
    let mut hearing = beto.connects().await;
    let first = ana.says("there").in_chat(&group).await;
    let second = beto.says("here").in_chat(&group).await;
    assert_eq!(hears(&mut hearing, "there").await["seq"], first["seq"]);
    assert_eq!(hears(&mut hearing, "here").await["seq"], second["seq"]);
}
