//! Two servers on one MongoDB and one NATS: what happens at one is heard at the other at once;
//! while NATS is dead both serve on, and what was said meanwhile comes in order once it is back.

use std::time::{Duration, Instant};

use hyper::Method;
use loadgen::client::connection::Connection;
use loadgen::client::http::Http;

use wechat::hub::close::CloseCode;

use crate::harness::mongo::{Server, shared};
use crate::harness::nats::Nats;
use crate::harness::proxy::Proxy;
use crate::harness::{PATIENCE, Person, World, hears};

/// A server on this database that tells others, beside one or alone, and somebody who is there.
async fn telling(
    (mongo, database): (&Server, &str),
    nats: &Nats,
    name: &str,
    other: Option<&World>,
) -> (World, Person) {
    telling_by((mongo, database), nats.url(), name, other).await
}

/// The same by NATS at this address.
async fn telling_by(
    (mongo, database): (&Server, &str),
    url: String,
    name: &str,
    other: Option<&World>,
) -> (World, Person) {
    let mut settings = mongo.settings(database);
    settings.push(("NATS_URL".into(), url));
    let settings: Vec<_> = settings.iter().map(|(key, value)| (&**key, &**value)).collect();
    let world = World::sharing(other.map(|other| other.server.secrets()), &settings).await;
    let person = world.person(name).await;
    (world, person)
}

/// The texts that a connection hears in a chat, until one of them is `last`.
async fn texts_until(connection: &mut Connection, last: &str) -> Vec<String> {
    let mut heard: Vec<String> = Vec::new();
    while heard.last().is_none_or(|text| text != last) {
        let event = connection.event_that(PATIENCE, |event| event.name == "message").await;
        let event = event.unwrap_or_else(|error| panic!("only {heard:?}: {error}"));
        heard.push(event.data["body"].as_str().unwrap_or_default().to_owned());
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_one_server_is_heard_at_the_other_at_once() {
    let (Some(mongo), Some(nats)) = (shared(), Nats::start()) else { return };
    let database = Server::database();
    let (one, ana) = telling((mongo, &database), &nats, "Ana", None).await;
    let (other, beto) = telling((mongo, &database), &nats, "Beto", Some(&one)).await;
    let mut his = beto.connects().await;
    let began = Instant::now();
    ana.says("hola").to(&beto).await;
    hears(&mut his, "hola").await;
    let first = began.elapsed();
    let group = ana.api.create_group("Paseo", &[beto.id()]).await.expect("a group");
    ana.says("al grupo").in_chat(&group).await;
    hears(&mut his, "al grupo").await;
    let mut late = Vec::new();
    for number in 0..200 {
        let (text, began) = (format!("número {number}"), Instant::now());
        ana.says(&text).to(&beto).await;
        hears(&mut his, &text).await;
        late.push(began.elapsed());
    }
    late.sort_unstable();
    println!("heard elsewhere after {first:?}, then {:?}, at most {:?}", late[100], late[199]);
    let phone = other.another_device(&beto).await;
    let at_one = phone.at(&one.server).connects().await;
    let closed = beto.asks(Method::DELETE, "/api/v1/auth/sessions?keep=current", None).await;
    assert!(closed.status.is_success());
    let code = tokio::time::timeout(PATIENCE, at_one.closed()).await.expect("closed");
    assert_eq!(code, 4503, "revoked, at the other server too");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn while_nats_is_dead_servers_serve_and_then_all_is_heard_in_order() {
    let (Some(mongo), Some(mut nats)) = (shared(), Nats::start()) else { return };
    let database = Server::database();
    let (one, ana) = telling((mongo, &database), &nats, "Ana", None).await;
    let (_other, beto) = telling((mongo, &database), &nats, "Beto", Some(&one)).await;
    let mut his = beto.connects().await;
    ana.says("hola").to(&beto).await;
    hears(&mut his, "hola").await;
    for outage in [Duration::from_secs(1), Duration::from_secs(3)] {
        nats.kill();
        let (mut said, began) = (Vec::new(), Instant::now());
        while began.elapsed() < outage {
            said.push(format!("{outage:?} {}", said.len()));
            ana.says(&said[said.len() - 1]).to(&beto).await;
        }
        nats.restart();
        let back = Instant::now();
        said.push(format!("after {outage:?}"));
        ana.says(&said[said.len() - 1]).to(&beto).await;
        let heard = texts_until(&mut his, &said[said.len() - 1]).await;
        let (count, late) = (said.len(), back.elapsed());
        println!("{count} messages in {outage:?} without NATS, heard {late:?} after it was back");
        assert_eq!(heard, said, "each once, in order");
    }
}

/// What `/readyz` says: whether people may be sent there, and why not.
async fn is_ready(world: &World) -> Result<(), String> {
    let http = Http::new(world.server.addr());
    let answer = http.call(Method::GET, "/readyz", None, None).await.expect("it answers");
    let said = String::from_utf8_lossy(&answer.body).into_owned();
    if answer.status.is_success() { Ok(()) } else { Err(said) }
}

/// Until a server's readiness is as told.
async fn until_ready(world: &World, ready: bool) -> Duration {
    let began = Instant::now();
    while is_ready(world).await.is_ok() != ready {
        assert!(began.elapsed() < PATIENCE, "not within {PATIENCE:?}: {}", world.server.log());
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    began.elapsed()
}

/// A server that joins others takes people once those know of it; one that is cut off from the bus
/// alone takes none; when the bus is gone for all, all serve on; what a dead server's silence is
/// ends with its lease.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_takes_people_only_while_others_and_it_hear_each_other() {
    let (Some(mongo), Some(mut nats)) = (shared(), Nats::start()) else { return };
    let database = Server::database();
    let (one, _ana) = telling((mongo, &database), &nats, "Ana", None).await;
    let proxy = Proxy::before(nats.addr()).await;
    let url = format!("nats://{}", proxy.addr());
    let beside = telling_by((mongo, &database), url, "Beto", Some(&one)).await;
    let (mut other, beto) = beside;
    let his = beto.connects().await;
    assert!(other.server.ready_ms() >= 3_000.0, "too soon: {} ms", other.server.ready_ms());

    proxy.cuts_all(true);
    let noticed = until_ready(&other, false).await;
    is_ready(&one).await.expect("the other one is not cut off");
    let code = tokio::time::timeout(PATIENCE, his.closed()).await.expect("sent elsewhere");
    assert_eq!(code, CloseCode::Unavailable.row().number);
    proxy.cuts_all(false);
    let healed = until_ready(&other, true).await;
    println!("cut off: not ready after {noticed:?}, ready {healed:?} after it was mended");

    nats.kill();
    let gone = Instant::now();
    while gone.elapsed() < Duration::from_secs(9) {
        for server in [&one, &other] {
            is_ready(server).await.expect("the bus is gone for all, which is nobody's fault");
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    nats.restart();
    other.server.kill().expect("killed");
    other.server.restart().await.expect("started again");
    until_ready(&one, true).await;
}
