//! Attacks on the server by the addresses that it is told to send to, and by what answers there.

use std::collections::VecDeque;
use std::io;
use std::net::IpAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use http_body_util::Full;
use hyper::{Request, StatusCode};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Barrier;
use tokio_rustls::server::TlsStream;
use wechat::outside::{
    Address, Allowed, Answer, Bounds, Client, Failure, Lookup, SystemLookup, Unusable, tls,
};

use crate::authority::{Authority, Listening};
use crate::harness::PATIENCE;

/// The only address beyond the public ones that the clients here may reach.
const OPEN: &str = "127.0.0.2";
/// What they must never reach.
const SECRET: &str = "127.0.0.1";

const CREATED: &str = "HTTP/1.1 201 Created\r\nconnection: close\r\ncontent-length: 0\r\n\r\n";

/// Addresses of the server's own machine, of its network, of its cloud, and of nobody.
const FORBIDDEN: [&str; 44] = [
    "127.0.0.1",
    "127.1",
    "0x7f.0.0.1",
    "0177.0.0.1",
    "2130706433",
    "0x7f000001",
    "127.255.255.254",
    "0.0.0.0",
    "0",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "169.254.169.254",
    "0xa9fea9fe",
    "169.254.170.2",
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.170",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.0.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.250",
    "240.0.0.1",
    "255.255.255.255",
    "[::]",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[::ffff:10.0.0.1]",
    "[::ffff:8.8.8.8]",
    "[::127.0.0.1]",
    "[64:ff9b::10.0.0.1]",
    "[64:ff9b:1::10.0.0.1]",
    "[2001::4136:e378:8000:63bf:3fff:fdd2]",
    "[2002:7f00:1::1]",
    "[2001:db8::1]",
    "[fc00::1]",
    "[fd00:ec2::254]",
    "[fe80::1]",
    "[fec0::1]",
    "[ff02::1]",
];

/// Answers look-ups from a list, and with its last answer from then on.
#[derive(Default)]
struct Script(Mutex<VecDeque<Vec<IpAddr>>>);

impl Script {
    fn of(answers: &[&[&str]]) -> Arc<Self> {
        let read = |answer: &&[&str]| answer.iter().map(|ip| ip.parse().expect("one")).collect();
        Arc::new(Self(Mutex::new(answers.iter().map(read).collect())))
    }

    fn left(&self) -> usize {
        self.0.lock().expect("whole").len()
    }
}

impl Lookup for Script {
    fn addresses(&self, _: String) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        let mut answers = self.0.lock().expect("whole");
        let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
        Box::pin(std::future::ready(answer.ok_or_else(|| io::Error::other("no such name"))))
    }
}

fn allowed() -> Allowed {
    Allowed::new(vec!["friend.test".into()], vec![OPEN.parse().expect("an address")])
}

fn client(authority: &Authority, bounds: Bounds, lookup: Arc<dyn Lookup>) -> Client {
    let tls = tls::trusting(Some(&authority.file())).expect("its file");
    Client::new(bounds, allowed(), tls, lookup)
}

/// Bounds that no test meets by being slow.
fn patient() -> Bounds {
    Bounds { within: PATIENCE, connect_within: PATIENCE, ..Bounds::default() }
}

async fn sends(client: &Client, to: &str) -> Result<Answer, Failure> {
    let request = Request::post(to).body(Full::new(Bytes::from_static(b"hello"))).expect("fine");
    client.send(request).await
}

/// Reads the head of a request and says a text, byte for byte.
async fn say(mut stream: TlsStream<TcpStream>, text: Vec<u8>) -> TlsStream<TcpStream> {
    let mut read = [0; 4096];
    let _ = stream.read(&mut read).await;
    let _ = stream.write_all(&text).await;
    stream
}

/// A service at the open address that says one text to each connection and closes it.
async fn saying(authority: &Authority, text: impl Into<Vec<u8>>) -> Listening {
    let text = text.into();
    let tls = authority.vouches(&[OPEN, "open.test"], &["http/1.1"]);
    Listening::secure(OPEN, tls, move |stream| {
        let text = text.clone();
        async move {
            let _ = say(stream, text).await.shutdown().await;
        }
    })
    .await
}

/// A service that must not be reached.
async fn secret(authority: &Authority) -> Listening {
    let tls = authority.vouches(&[SECRET, "open.test", "localhost"], &[]);
    Listening::secure(SECRET, tls, |stream| async {
        say(stream, b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecret".to_vec()).await;
    })
    .await
}

#[tokio::test]
async fn no_address_of_a_machine_or_network_of_ours_is_reached() {
    let authority = Authority::new();
    let secret = secret(&authority).await;
    let port = secret.addr.port();
    let client = client(&authority, patient(), Script::of(&[&[SECRET]]));
    for host in FORBIDDEN {
        let url = format!("https://{host}:{port}/x");
        assert_eq!(Address::parse(&url, &allowed()), Err(Unusable::Forbidden), "{url}");
        // As a browser would write it, and as it is written.
        let plain = url::Url::parse(&url).expect("a URL");
        let refused = sends(&client, plain.as_str()).await.expect_err(&url);
        assert_eq!(refused, Failure::Forbidden, "{url}");
        assert!(sends(&client, &url).await.is_err(), "{url}");
    }
    assert_eq!(secret.reached(), 0);
}

#[tokio::test]
async fn no_name_leads_to_such_an_address() {
    let authority = Authority::new();
    let secret = secret(&authority).await;
    let port = secret.addr.port();
    for host in FORBIDDEN.iter().filter_map(|host| host.trim_matches(['[', ']']).parse().ok()) {
        let ip: IpAddr = host;
        let text = ip.to_string();
        // Alone, and hidden behind one that is permitted.
        for answer in [&[text.as_str()][..], &[OPEN, text.as_str()]] {
            let client = client(&authority, patient(), Script::of(&[answer]));
            let refused = sends(&client, &format!("https://open.test:{port}/x")).await;
            assert_eq!(refused.expect_err(&text), Failure::Forbidden, "{answer:?}");
        }
    }
    let system = client(&authority, patient(), Arc::new(SystemLookup::default()));
    for host in ["localhost", "LOCALHOST"] {
        let refused = sends(&system, &format!("https://{host}:{port}/x")).await;
        assert_eq!(refused.expect_err(host), Failure::Forbidden, "{host}");
    }
    // Systems differ in whether there is such a name.
    assert!(sends(&system, &format!("https://localhost.:{port}/x")).await.is_err());
    assert_eq!(secret.reached(), 0);
}

#[tokio::test]
async fn a_name_that_leads_elsewhere_after_the_look_up_gains_nothing() {
    let authority = Authority::new();
    let open = saying(&authority, CREATED).await;
    let secret = secret(&authority).await;
    let script = Script::of(&[&[OPEN], &[SECRET]]);
    let client = client(&authority, patient(), script.clone());
    let url = format!("https://open.test:{}/x", open.addr.port());
    let answer = sends(&client, &url).await.expect("public when it was looked up");
    assert_eq!((answer.status, open.reached()), (StatusCode::CREATED, 1));
    // One look-up a connection: there was none between the check and the connection.
    assert_eq!(script.left(), 1);
    let rebound = format!("https://open.test:{}/x", secret.addr.port());
    for url in [&url, &rebound] {
        assert_eq!(sends(&client, url).await.expect_err("rebound"), Failure::Forbidden);
    }
    assert_eq!((open.reached(), secret.reached()), (1, 0));
}

#[tokio::test]
async fn what_the_operator_allows_is_reached_and_nothing_beside_it() {
    let authority = Authority::new();
    let tls = authority.vouches(&["friend.test", "foe.test"], &[]);
    let friend = Listening::secure(SECRET, tls, |stream| async {
        say(stream, CREATED.into()).await;
    })
    .await;
    let client = client(&authority, patient(), Script::of(&[&[SECRET]]));
    let port = friend.addr.port();
    let answer = sends(&client, &format!("https://Friend.test:{port}/")).await.expect("allowed");
    assert_eq!(answer.status, StatusCode::CREATED);
    for host in ["foe.test", "friend.test.foe.test", "xfriend.test"] {
        let refused = sends(&client, &format!("https://{host}:{port}/")).await;
        assert_eq!(refused.expect_err(host), Failure::Forbidden);
    }
    assert_eq!(friend.reached(), 1);
}

#[tokio::test]
async fn a_redirect_is_an_answer_and_is_not_followed() {
    let authority = Authority::new();
    let secret = secret(&authority).await;
    for status in [301, 302, 303, 307, 308] {
        let to = format!("https://{}/x", secret.addr);
        let text = format!("HTTP/1.1 {status} X\r\nlocation: {to}\r\ncontent-length: 0\r\n\r\n");
        let open = saying(&authority, text).await;
        let client = client(&authority, patient(), Script::of(&[&[OPEN]]));
        let url = format!("https://open.test:{}/x", open.addr.port());
        let answer = sends(&client, &url).await.expect("an answer");
        assert_eq!((answer.status.as_u16(), open.reached()), (status, 1));
    }
    assert_eq!(secret.reached(), 0);
}

#[tokio::test]
async fn only_https_by_an_authority_that_is_trusted_is_spoken() {
    let (authority, other) = (Authority::new(), Authority::new());
    let foreign = saying(&other, CREATED).await;
    let unnamed = saying(&authority, CREATED).await;
    let plain = Listening::plain(OPEN, |mut stream| async move {
        let _ = stream.write_all(CREATED.as_bytes()).await;
    })
    .await;
    let client = client(&authority, patient(), Script::of(&[&[OPEN]]));
    for url in [
        format!("https://open.test:{}/", foreign.addr.port()),
        format!("https://other.test:{}/", unnamed.addr.port()),
        format!("https://open.test:{}/", plain.addr.port()),
    ] {
        let refused = sends(&client, &url).await.expect_err(&url);
        assert!(matches!(refused, Failure::Broken(_)), "{refused:?}");
    }
    let reached = plain.reached();
    for scheme in ["http", "ws", "ftp"] {
        let url = format!("{scheme}://open.test:{}/", plain.addr.port());
        assert!(sends(&client, &url).await.is_err(), "{url}");
    }
    assert_eq!(plain.reached(), reached);
}

#[tokio::test]
async fn a_body_without_end_is_cut_and_a_compressed_one_is_not_unpacked() {
    let authority = Authority::new();
    let bounds = Bounds { answer_bytes: 1000, ..patient() };
    let mut zipped = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    io::Write::write_all(&mut zipped, &vec![0; 50 << 20]).expect("packed");
    let zipped = zipped.finish().expect("packed");
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: {}\r\n\r\n",
        zipped.len()
    );
    let bomb = saying(&authority, [head.as_bytes(), &zipped].concat()).await;
    let tls = authority.vouches(&["open.test"], &["http/1.1"]);
    let endless = Listening::secure(OPEN, tls, |stream| async {
        let head = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n".to_vec();
        let mut stream = say(stream, head).await;
        while stream.write_all(b"5\r\nhello\r\n").await.is_ok() {}
    })
    .await;
    let client = client(&authority, bounds, Script::of(&[&[OPEN]]));
    for (service, begins) in [(&bomb, &zipped[..1000]), (&endless, &b"hellohello"[..])] {
        let url = format!("https://open.test:{}/", service.addr.port());
        let answer = sends(&client, &url).await.expect("an answer");
        assert_eq!((answer.status, answer.whole), (StatusCode::OK, false));
        assert_eq!(answer.body.len(), 1000);
        assert!(answer.body.starts_with(begins));
    }
}

#[tokio::test]
async fn a_head_without_end_and_one_of_nothing_but_promises_are_cut() {
    let authority = Authority::new();
    let tls = authority.vouches(&["open.test"], &["http/1.1"]);
    let endless = Listening::secure(OPEN, tls.clone(), |stream| async {
        let mut stream = say(stream, b"HTTP/1.1 201 Created\r\n".to_vec()).await;
        while stream.write_all(b"x-more: and more and more and more\r\n").await.is_ok() {}
    })
    .await;
    let continues = Listening::secure(OPEN, tls, |stream| async {
        let mut stream = say(stream, Vec::new()).await;
        while stream.write_all(b"HTTP/1.1 100 Continue\r\n\r\n").await.is_ok() {}
    })
    .await;
    let url = |service: &Listening| format!("https://open.test:{}/", service.addr.port());
    let patient = client(&authority, patient(), Script::of(&[&[OPEN]]));
    let refused = sends(&patient, &url(&endless)).await.expect_err("too long");
    assert!(matches!(refused, Failure::Broken(_)), "{refused:?}");
    let hasty = Bounds { within: Duration::from_millis(300), ..Bounds::default() };
    let hasty = client(&authority, hasty, Script::of(&[&[OPEN]]));
    assert_eq!(sends(&hasty, &url(&continues)).await.expect_err("late"), Failure::Late);
}

#[tokio::test]
async fn what_hangs_anywhere_ends_in_time() {
    let authority = Authority::new();
    let tls = authority.vouches(&["open.test"], &["http/1.1"]);
    let no_tls = Listening::plain(OPEN, |stream| async move {
        let _stream = stream;
        std::future::pending::<()>().await;
    })
    .await;
    let no_answer = Listening::secure(OPEN, tls.clone(), |stream| async {
        let _stream = say(stream, Vec::new()).await;
        std::future::pending::<()>().await;
    })
    .await;
    let half_a_head = Listening::secure(OPEN, tls.clone(), |stream| async {
        let _stream = say(stream, b"HTTP/1.1 201 Cre".to_vec()).await;
        std::future::pending::<()>().await;
    })
    .await;
    let no_body = Listening::secure(OPEN, tls, |stream| async {
        let head = b"HTTP/1.1 201 Created\r\ncontent-length: 5\r\n\r\nhe".to_vec();
        let _stream = say(stream, head).await;
        std::future::pending::<()>().await;
    })
    .await;
    let hasty = Bounds { within: Duration::from_millis(700), ..Bounds::default() };
    let client = client(&authority, hasty, Script::of(&[&[OPEN]]));
    let url = |service: &Listening| format!("https://open.test:{}/", service.addr.port());
    for service in [&no_tls, &no_answer, &half_a_head] {
        assert_eq!(sends(&client, &url(service)).await.expect_err("it hangs"), Failure::Late);
    }
    let answer = sends(&client, &url(&no_body)).await.expect("its status was there");
    assert_eq!((answer.status, answer.whole), (StatusCode::CREATED, false));
}

#[tokio::test]
async fn a_connection_that_is_cut_is_a_failure() {
    let authority = Authority::new();
    for text in ["", "HTTP/1.1 201", "not HTTP at all\r\n\r\n", "HTTP/9.9 201 X\r\n\r\n"] {
        let open = saying(&authority, text).await;
        let client = client(&authority, patient(), Script::of(&[&[OPEN]]));
        let url = format!("https://open.test:{}/", open.addr.port());
        let refused = sends(&client, &url).await.expect_err(text);
        assert!(matches!(refused, Failure::Broken(_)), "{refused:?}");
    }
}

#[tokio::test]
async fn requests_under_way_and_connections_are_counted() {
    let authority = Authority::new();
    let tls = authority.vouches(&["open.test"], &["http/1.1"]);
    let hanging = Listening::secure(OPEN, tls, |stream| async {
        let _stream = say(stream, Vec::new()).await;
        std::future::pending::<()>().await;
    })
    .await;
    let url = format!("https://open.test:{}/", hanging.addr.port());
    let within = Duration::from_millis(700);
    let few = Bounds { within, connections: 3, ..Bounds::default() };
    let few = client(&authority, few, Script::of(&[&[OPEN]]));
    let all = futures_util::future::join_all((0..8).map(|_| sends(&few, &url))).await;
    let busy = all.iter().filter(|one| matches!(one, Err(Failure::Busy))).count();
    let late = all.iter().filter(|one| matches!(one, Err(Failure::Late))).count();
    assert_eq!((busy, late, hanging.reached()), (5, 3, 3));
}

#[tokio::test]
async fn no_more_requests_are_under_way_than_there_are_places() {
    let authority = Authority::new();
    let tls = authority.vouches(&["open.test"], &["http/1.1"]);
    let (present, most) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (pair, counted) = (Arc::new(Barrier::new(2)), most.clone());
    // Answers two at a time, so that nobody gets through alone.
    let service = Listening::secure(OPEN, tls, move |stream| {
        let (pair, present, most) = (pair.clone(), present.clone(), counted.clone());
        async move {
            let mut stream = say(stream, Vec::new()).await;
            most.fetch_max(present.fetch_add(1, Ordering::SeqCst) + 1, Ordering::SeqCst);
            pair.wait().await;
            present.fetch_sub(1, Ordering::SeqCst);
            let _ = stream.write_all(CREATED.as_bytes()).await;
        }
    })
    .await;
    let client = client(&authority, Bounds { at_once: 2, ..patient() }, Script::of(&[&[OPEN]]));
    let url = format!("https://open.test:{}/", service.addr.port());
    let all = futures_util::future::join_all((0..8).map(|_| sends(&client, &url))).await;
    assert!(all.iter().all(Result::is_ok), "{all:?}");
    assert_eq!(most.load(Ordering::SeqCst), 2);
}
