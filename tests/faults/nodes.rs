//! Two servers on one MongoDB: what both write into one chat at once is one dense order, when one
//! of them dies the other carries on, and one that stops in good order is missed by nobody.
//!
//! `NODES_MESSAGES` says how many messages (20,000).

use std::process::Command;
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use hyper::Method;
use loadgen::client::error::Error;
use loadgen::client::http::Http;
use loadgen::server::{Home, Plan};
use serde_json::json;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::timeout;
use wechat::hub::close::CloseCode;

use crate::harness::mongo::{Server, binary, shared};
use crate::harness::nats::Nats;
use crate::harness::{PATIENCE, Person, World, fresh_key, message_of, program, sending};
use crate::ledger::Ledger;

/// Sends without an answer on the connection of each.
const IN_FLIGHT: usize = 256;
/// A pause before a refused send is repeated.
const PAUSE: Duration = Duration::from_millis(20);
/// Within this time of the other's death, a server carries on with their chat.
const RECOVERY: Duration = Duration::from_secs(60);

type Book = Arc<Mutex<Ledger>>;

/// The NATS by which all servers of these tests tell each other.
fn bus() -> Option<&'static Nats> {
    static BUS: OnceLock<Option<Nats>> = OnceLock::new();
    BUS.get_or_init(Nats::start).as_ref()
}

/// The MongoDB of these tests, if the bus is there too.
fn servers() -> Option<&'static Server> {
    bus().and_then(|_| shared())
}

/// A server on this database, and somebody who is connected to it.
async fn node(mongo: &Server, database: &str, name: &str) -> (World, Arc<Person>) {
    node_with((mongo, database), name, None, &[]).await
}

/// The same beside another server.
async fn node_beside(
    mongo: &Server,
    database: &str,
    name: &str,
    other: &World,
) -> (World, Arc<Person>) {
    node_with((mongo, database), name, Some(other), &[]).await
}

/// The same with some settings of its own.
async fn node_with(
    (mongo, database): (&Server, &str),
    name: &str,
    other: Option<&World>,
    more: &[(&str, &str)],
) -> (World, Arc<Person>) {
    let mut settings = mongo.settings(database);
    settings.extend(bus().map(|bus| ("NATS_URL".to_owned(), bus.url())));
    let mut settings: Vec<_> = settings.iter().map(|(key, value)| (&**key, &**value)).collect();
    // It says there who comes and goes.
    settings.push(("LOG", "info"));
    settings.extend(more);
    let secrets = other.map(|other| other.server.secrets());
    let world = World::sharing(secrets, &settings).await;
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
    let Some(mongo) = servers() else { return };
    let database = Server::database();
    let (one, ana) = node(mongo, &database, "Ana").await;
    let (other, beto) = node_beside(mongo, &database, "Beto", &one).await;
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
    let Some(mongo) = servers() else { return };
    let database = Server::database();
    let (mut one, ana) = node(mongo, &database, "Ana").await;
    let (_other, beto) = node_beside(mongo, &database, "Beto", &one).await;
    let group = ana.api.create_group("Two", &[beto.id()]).await.expect("a group");
    let book = Arc::new(Mutex::new(Ledger::new(group.clone())));
    for _ in 0..3 {
        let mut dying = JoinSet::new();
        dying.spawn(flood(Arc::new(ana.at(&one.server)), book.clone(), usize::MAX));
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
        let sender = Arc::new(ana.at(&one.server));
        let waiting = book.lock().await.waiting();
        for (key, body) in waiting {
            let answer = sender.api.send(&group, &key, &body).await.expect("a repeated send");
            book.lock().await.answered(&key, &body, answer);
        }
        book.lock().await.check(&beto, true).await;
    }
}

/// Until a server knows of the other one.
async fn sees_another(one: &World) {
    let began = Instant::now();
    while !one.server.log().contains("another node is there") {
        assert!(began.elapsed() < PATIENCE, "it does not see the other: {}", one.server.log());
        tokio::time::sleep(PAUSE).await;
    }
}

/// What a command says, run on this database from another folder.
fn runs(mongo: &Server, database: &str, arguments: &[&str]) -> String {
    let data = tempfile::tempdir().expect("a folder");
    let mut command = Command::new(program());
    command.current_dir(data.path()).env_clear().env("DATA_DIR", data.path());
    command.env("PORT", "0").envs(mongo.settings(database)).args(arguments);
    let said = command.output().expect("it runs");
    [said.stdout, said.stderr].map(|said| String::from_utf8_lossy(&said).into_owned()).concat()
}

/// Why a server does not start that has the secrets of another, and is to work beside it with this
/// NATS.
async fn starts_beside(mongo: &Server, database: &str, other: &World, nats: &str) -> String {
    let mut plan = Plan::unlimited(program());
    plan.settings.extend(mongo.settings(database));
    plan.settings.push(("NATS_URL".into(), nats.into()));
    let home = Home::new(plan, None).expect("a folder");
    home.share(&other.server.secrets()).expect("copied");
    let said = home.start().await.expect_err("it does not start").to_string();
    assert!(said.contains("exit status: 1"), "{said}");
    said
}

/// People on different servers that tell each other nothing would not hear of each other, and
/// somebody who was removed would hear on: a second server does not start like that.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_beside_another_does_not_start_unless_both_tell_what_happens() {
    let (Some(mongo), Some(nats)) = (servers(), bus()) else { return };
    let database = Server::database();
    let (telling, ana) = node(mongo, &database, "Ana").await;
    let refused = starts_beside(mongo, &database, &telling, "").await;
    assert!(refused.contains("NATS_URL is not set here"), "{refused}");
    ana.gets("/api/v1/me").await;
    let alone = Server::database();
    let (mute, beto) = node_with((mongo, &alone), "Beto", None, &[("NATS_URL", "")]).await;
    let refused = starts_beside(mongo, &alone, &mute, &nats.url()).await;
    assert!(refused.contains("on the same database without NATS_URL"), "{refused}");
    beto.gets("/api/v1/me").await;
}

/// A server beside another tells balancers that it is about to stop while it still serves, and is
/// no node any more once it has stopped. A command that needs the database for itself says who is
/// in the way.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_beside_another_drains_before_it_stops() {
    let Some(mongo) = servers() else { return };
    let database = Server::database();
    let drains = [("DRAIN_WAIT", "5s"), ("DRAIN_OVER", "1s")];
    let (mut one, ana) = node_with((mongo, &database), "Ana", None, &drains).await;
    let beside = node_with((mongo, &database), "Beto", Some(&one), &drains);
    let (other, _beto) = beside.await;
    sees_another(&one).await;
    let refused = runs(mongo, &database, &["store", "renew"]);
    assert!(refused.contains("works on this database"), "{refused}");
    let refused = runs(mongo, &database, &[]);
    assert!(refused.contains("The secret server_key is not that of the server"), "{refused}");
    let listed = runs(mongo, &database, &["nodes"]);
    assert_eq!(listed.matches("\tserves\t").count(), 2, "{listed}");

    let live = ana.connects().await;
    let process = one.server.pid().to_string();
    assert!(Command::new("kill").args(["-TERM", &process]).status().expect("kill").success());
    let probe = Http::new(one.server.addr());
    let answer = loop {
        let answer = probe.call(Method::GET, "/readyz", None, None).await;
        let answer = answer.expect("it still answers");
        if answer.status.as_u16() != 200 {
            break answer;
        }
    };
    assert_eq!(answer.status.as_u16(), 503);
    assert!(String::from_utf8_lossy(&answer.body).contains("draining"), "{answer:?}");
    live.call("ping", json!({})).await.expect("who is connected is still served");
    let code = timeout(PATIENCE, live.closed()).await.expect("and sent away in the end");
    assert_eq!(code, CloseCode::Restart.row().number);
    // A second signal would cut it short.
    let is_over = || {
        let status = std::fs::read_to_string(format!("/proc/{process}/stat"));
        status.is_ok_and(|status| status.contains(") Z "))
    };
    let began = Instant::now();
    while !is_over() {
        assert!(began.elapsed() < PATIENCE, "it goes on: {}", one.server.log());
        tokio::time::sleep(PAUSE).await;
    }
    assert!(one.server.end().expect("ended"), "in good order");
    drop(other);
    let renewed = runs(mongo, &database, &["store", "renew"]);
    assert!(renewed.contains("a new incarnation"), "nobody is there any more: {renewed}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_that_loses_its_database_sends_its_people_to_others() {
    let (Some(binary), Some(_)) = (binary(), bus()) else { return };
    let folder = tempfile::tempdir().expect("a folder");
    let mut mongo = Server::durable(&binary, folder.path());
    let (one, ana) = node(&mongo, "lost", "Ana").await;
    let _other = node_beside(&mongo, "lost", "Beto", &one).await;
    sees_another(&one).await;
    let live = ana.connects().await;
    mongo.kill();
    let code = timeout(PATIENCE, live.closed()).await.expect("she is sent away");
    assert_eq!(code, CloseCode::Unavailable.row().number);
    mongo.restart(&binary);
    let probe = Http::new(one.server.addr());
    let is_ready = async || {
        let answer = probe.call(Method::GET, "/readyz", None, None).await;
        answer.expect("it answers").status.as_u16() == 200
    };
    let began = Instant::now();
    while !is_ready().await {
        assert!(began.elapsed() < PATIENCE, "the database is back, and not used");
        tokio::time::sleep(PAUSE).await;
    }
    ana.connects().await.call("ping", json!({})).await.expect("she is served again");
}
