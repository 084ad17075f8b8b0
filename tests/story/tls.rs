//! HTTPS by the server itself: requests, HTTP/2 and WebSockets under TLS, what comes in the clear,
//! certificates that change while it runs, those who hold handshakes up, and the relay.

use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http2;
use hyper::{Method, Request};
use hyper_util::rt::{TokioExecutor, TokioIo};
use loadgen::client::api::Session;
use loadgen::client::connection::Connection;
use loadgen::client::http::Http;
use loadgen::client::stream::{self, Either, Trust};
use loadgen::client::wire::{Dial, Wire};
use loadgen::ports;
use loadgen::secure::Secure;
use loadgen::server::{Home, Person, Plan, Server};
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::harness::{PATIENCE, hears, mongo, program, sending};
use crate::process::{run, wechat};

/// How often a question is asked again.
const POLL: Duration = Duration::from_millis(20);

/// A server that speaks HTTPS, and two people with sessions.
struct Safe {
    server: Server,
    secure: Secure,
    sessions: Vec<Session>,
}

impl Safe {
    async fn with(settings: &[(&str, &str)]) -> Self {
        let mut plan = Plan::unlimited(program());
        plan.settings.extend(mongo::settings(&mongo::Server::database()));
        let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
        plan.settings.extend(settings.iter().map(pair));
        let mut home = Home::new(plan, None).expect("a folder");
        let secure = home.secure().expect("a certificate");
        let people = ["Ana", "Beto"].map(|name| Person {
            email: format!("{}@example.org", name.to_lowercase()),
            name: name.to_owned(),
        });
        let sessions = home.import(&people, 2).expect("accounts");
        Self { server: home.start().await.expect("a server"), secure, sessions }
    }

    fn https(&self) -> Http {
        Http::secure(self.secure.addr, self.secure.trust.clone())
    }

    async fn connects(&self, who: usize) -> Connection {
        let trust = Some(&self.secure.trust);
        let dial = Dial { trust, ..self.sessions[who].dial(self.secure.addr) };
        let wire = Wire::open(dial).await.expect("opened").live().await.expect("live");
        Connection::over(wire)
    }

    async fn until_logged(&self, words: &str) {
        let deadline = Instant::now() + PATIENCE;
        while !self.server.log().contains(words) {
            assert!(Instant::now() < deadline, "not in the log: {words}\n{}", self.server.log());
            sleep(POLL).await;
        }
    }
}

/// Waits until whoever listens there is believed.
async fn until_believed(addr: std::net::SocketAddr, trust: &Trust) {
    let deadline = Instant::now() + PATIENCE;
    while stream::open(addr, None, None, Some(trust)).await.is_err() {
        assert!(Instant::now() < deadline, "the new certificate is never shown at {addr}");
        sleep(POLL).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn people_chat_under_tls() {
    let safe = Safe::with(&[]).await;
    let (ana, beto) = (&safe.sessions[0], &safe.sessions[1]);
    let me = safe.https().call(Method::GET, "/api/v1/me", Some(&ana.token), None).await;
    let me = me.and_then(|answer| answer.accepted()).expect("an answer");
    assert_eq!(me["name"], "Ana");
    let anas = safe.connects(0).await;
    let mut betos = safe.connects(1).await;
    anas.call("message.send", sending(&beto.user, "k1", "hola")).await.expect("sent");
    hears(&mut betos, "hola").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_asks_for_http_2_gets_it() {
    let safe = Safe::with(&[]).await;
    let trust = safe.secure.trust.clone().speaking(&["h2", "http/1.1"]);
    let stream = stream::open(safe.secure.addr, None, None, Some(&trust)).await.expect("secure");
    let Either::Right(secure) = &stream else { panic!("in the clear") };
    assert_eq!(secure.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));
    let opened = http2::handshake(TokioExecutor::new(), TokioIo::new(stream)).await;
    let (mut sender, connection) = opened.expect("HTTP/2");
    tokio::spawn(connection);
    for host in ["chat.example.org", "localhost"] {
        let request = Request::get(format!("https://{host}/livez")).body(Full::<Bytes>::default());
        let answer = sender.send_request(request.expect("a request")).await.expect("an answer");
        assert_eq!(answer.status().as_u16(), 200);
        let stays = answer.headers().contains_key("strict-transport-security");
        assert_eq!(stays, host != "localhost", "{host}");
        answer.into_body().collect().await.expect("a body");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_comes_in_the_clear_is_sent_on() {
    let safe = Safe::with(&[]).await;
    let plain = Http::new(safe.server.addr());
    let token = Some(safe.sessions[0].token.as_str());
    let body = json!({ "email": "ana@example.org" });
    for (method, path, body) in [
        (Method::GET, "/", None),
        (Method::GET, "/api/v1/chats?limit=7", None),
        (Method::POST, "/l", Some(&body)),
        (Method::GET, "/nothing", None),
    ] {
        let answer = plain.call(method, path, token, body).await.expect("an answer");
        assert_eq!(answer.status.as_u16(), 308, "{path}");
        let location = format!("https://{}{path}", safe.secure.addr);
        assert_eq!(answer.headers["location"], location.as_str());
        assert_eq!(answer.headers["cache-control"], "no-store", "TLS may be switched off again");
        assert!(!answer.headers.contains_key("strict-transport-security"));
        let text = String::from_utf8_lossy(&answer.body).into_owned();
        assert!(text.is_empty(), "{path} answers in the clear: {text}");
    }
    for path in ["/livez", "/readyz", "/metrics"] {
        for method in [Method::GET, Method::HEAD] {
            let answer = plain.call(method, path, None, None).await.expect("an answer");
            assert_eq!(answer.status.as_u16(), 200, "{path}");
        }
    }
    let refused = Wire::open(safe.sessions[0].dial(safe.server.addr())).await;
    assert!(refused.is_err(), "a WebSocket in the clear");
    let named = Safe::with(&[("PUBLIC_URL", "https://chat.example.org")]).await;
    let answer = Http::new(named.server.addr()).call(Method::GET, "/docs", None, None).await;
    assert_eq!(answer.expect("an answer").headers["location"], "https://chat.example.org/docs");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_certificate_is_shown_without_a_restart_and_a_bad_one_is_not() {
    let relay = ports::free().expect("a free port");
    let turn_tls_port = relay.port().to_string();
    let relays = [("TURN", "embedded"), ("TURN_PORT", "0"), ("TURN_TLS_PORT", &*turn_tls_port)];
    let safe = Safe::with(&relays).await;
    assert_eq!(bound_over_tls(relay, &safe.secure.trust).await, *b"\x01\x01", "the relay");
    let anas = safe.connects(0).await;

    let renewed = safe.secure.renew().expect("a new certificate");
    for addr in [safe.secure.addr, relay] {
        until_believed(addr, &renewed).await;
        let old = stream::open(addr, None, None, Some(&safe.secure.trust)).await;
        assert!(old.is_err(), "the old certificate is still shown");
    }
    assert_eq!(bound_over_tls(relay, &renewed).await, *b"\x01\x01");
    anas.call("ping", json!({})).await.expect("an open connection does not notice");

    fs::write(&safe.secure.key, "hush").expect("written");
    safe.until_logged("The server goes on with the earlier certificate").await;
    let log = safe.server.log();
    assert!(log.contains("TLS_KEY") && log.contains("must be a PEM file"), "{log}");
    assert!(!log.contains("hush"), "{log}");
    until_believed(safe.secure.addr, &renewed).await;

    let again = safe.secure.renew().expect("a good one");
    until_believed(safe.secure.addr, &again).await;
}

/// Asks a relay over TLS for the asker's own address (STUN, RFC 8489); the type of its answer.
async fn bound_over_tls(relay: std::net::SocketAddr, trust: &Trust) -> [u8; 2] {
    let mut stream = stream::open(relay, None, None, Some(trust)).await.expect("believed");
    let request = *b"\x00\x01\x00\x00\x21\x12\xa4\x42transaction1";
    stream.write_all(&request).await.expect("sent");
    stream.flush().await.expect("sent");
    let mut kind = [0; 2];
    stream.read_exact(&mut kind).await.expect("an answer");
    kind
}

/// Many begin a handshake and go no further; whoever comes after them is served all the same, even
/// when they have taken all places.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unfinished_handshakes_keep_nobody_out() {
    const PLACES: usize = 40;
    let safe = Safe::with(&[("MAX_CONNECTIONS", "40")]).await;
    let mut held = Vec::new();
    for begun in [&b""[..], b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"] {
        for _ in 0..PLACES {
            let mut stream = TcpStream::connect(safe.secure.addr).await.expect("accepted");
            // One that finds no place is closed already.
            stream.write_all(begun).await.ok();
            held.push(stream);
        }
    }
    let deadline = Instant::now() + PATIENCE;
    loop {
        let answer = safe.https().call(Method::GET, "/livez", None, None).await;
        if answer.is_ok_and(|answer| answer.status.is_success()) {
            break;
        }
        assert!(Instant::now() < deadline, "kept out");
        sleep(POLL).await;
    }
    drop(held);
}

#[test]
fn a_server_without_its_certificate_does_not_start_and_says_what_to_do() {
    let folder = tempfile::tempdir().expect("a folder");
    let files = ["--port", "0", "--tls", "files", "--tls-cert", "c.pem", "--tls-key", "k.pem"];
    let output = run(folder.path(), &files);
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("TLS_CERT c.pem") && said.contains("must be a PEM file"), "{said}");
    let output = wechat(folder.path(), &["config", "check", "--tls", "files"]).output();
    let output = output.expect("wechat runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(said.contains("needs TLS_CERT") && said.contains("needs TLS_KEY"), "{said}");
}
