//! Accepts connections, speaks HTTP/1.1 and HTTP/2 on them, with TLS or without, and stops in good
//! order.
//!
//! The framework's own loop waits for ever for a request's head and has no cap; this one limits
//! what a stranger can hold: connections in all and per address (`seats`), the time for a handshake
//! and for a head, and the time in which the other side takes nothing that we write (`link`). A
//! handshake runs in the connection's own task, never in the loop. Called by `app`.

use std::convert::Infallible;
use std::future::pending;
use std::io;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::http::header;
use futures_util::future::join_all;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::{sleep, timeout};
use tower::ServiceExt;

use super::address::{Peer, TrustedProxies};
use super::huge_pages::HugePages;
use super::link::Link;
use super::seats::{Notice, Seat, Seats, Silence};
use super::tls::Secure;
use super::tls::handshake::Handshakes;
use super::wire::Shortcut;

/// At most this many bytes of a request's head.
const HEAD_BYTES: usize = 32 * 1024;
/// At most this many requests at once on one HTTP/2 connection.
const STREAMS: u32 = 64;

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub struct EdgeLimits {
    /// Connections at once, WebSockets included; then the one that has been silent longest makes
    /// room for the next, and if none has, that one is closed as it comes.
    pub connections: usize,
    /// Connections at once from one IPv4 address or IPv6 /64. Loopback and trusted proxies, behind
    /// which there are many people, are not held to it; `None`: any number.
    pub connections_per_ip: Option<usize>,
    /// How long a TLS handshake may take.
    pub handshake_timeout: Duration,
    /// How long the head of a request may take, and how long a connection may idle between two.
    pub head_timeout: Duration,
    /// How long nothing of what we write may be taken by the other side.
    pub write_timeout: Duration,
    /// How long requests and sockets have to end once the server stops.
    pub drain: Duration,
}

impl Default for EdgeLimits {
    /// The numbers of connections are the settings' own defaults.
    fn default() -> Self {
        Self {
            connections: 10_000,
            connections_per_ip: Some(500),
            handshake_timeout: Duration::from_secs(10),
            head_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(8),
        }
    }
}

/// Where connections come in.
pub struct Entrance {
    /// Its socket.
    pub listener: TcpListener,
    /// What makes connections secure; `None`: they are in the clear.
    pub tls: Option<Handshakes>,
}

/// What all connections share.
struct House {
    router: Router,
    limits: EdgeLimits,
    seats: Arc<Seats>,
    huge_pages: HugePages,
    /// Whether it closes.
    closing: watch::Receiver<bool>,
}

/// Serves `router` at `entrances` until `stop` resolves; then takes no more connections, lets
/// requests and sockets end, and returns after `limits.drain` at the latest. Sockets are told to
/// close by the hub, at the same time.
pub async fn serve(
    entrances: Vec<Entrance>,
    router: Router,
    limits: EdgeLimits,
    trusted: Arc<TrustedProxies>,
    stop: impl Future<Output = ()>,
) {
    let seats = Arc::new(Seats::new(limits.connections, limits.connections_per_ip, trusted));
    let (close, closing) = watch::channel(false);
    let huge_pages = HugePages::default();
    let house = Arc::new(House { router, limits, seats: seats.clone(), huge_pages, closing });
    let graceful = GracefulShutdown::new();
    let loops = join_all(entrances.into_iter().map(|entrance| admit(entrance, &house, &graceful)));
    tokio::select! {
        biased;
        () = stop => {}
        _ = loops => {}
    }
    close.send_replace(true);
    let ended = async {
        graceful.shutdown().await;
        seats.empty().await;
    };
    if timeout(limits.drain, ended).await.is_err() {
        tracing::warn!(open = seats.taken(), "connections were still open and are dropped");
    }
}

/// Takes connections at an entrance for ever, each into a task of its own.
async fn admit(entrance: Entrance, house: &Arc<House>, graceful: &GracefulShutdown) -> Infallible {
    let tls = entrance.tls.map(Arc::new);
    loop {
        match entrance.listener.accept().await {
            Ok((stream, peer)) => {
                if let Some((seat, notice)) = house.seats.take(peer.ip().to_canonical()) {
                    house.huge_pages.welcome(|| house.seats.taken());
                    let guest = Guest { stream, seat, notice, watcher: graceful.watcher() };
                    tokio::spawn(host(guest, tls.clone(), house.clone()));
                }
            }
            Err(error) => recover(&error).await,
        }
    }
}

/// After a failed accept: a lost connection needs nothing, a lack of descriptors needs a pause.
async fn recover(error: &io::Error) {
    use io::ErrorKind::{ConnectionAborted, ConnectionReset, Interrupted};
    if !matches!(error.kind(), ConnectionAborted | ConnectionReset | Interrupted) {
        tracing::error!(%error, "cannot accept connections");
        sleep(Duration::from_millis(100)).await;
    }
}

/// A connection that was let in.
struct Guest {
    stream: TcpStream,
    seat: Seat,
    notice: Notice,
    watcher: Watcher,
}

/// One connection, from its first byte to its last request or its upgrade.
async fn host(guest: Guest, tls: Option<Arc<Handshakes>>, house: Arc<House>) {
    let Guest { stream, seat, mut notice, watcher } = guest;
    let (peer, silence) = (Peer(seat.ip()), seat.silence());
    let link = Link::new(stream, seat, house.limits.write_timeout);
    let Some(tls) = tls else {
        let shortcut = Some(link.shortcut());
        let talk = Talk { peer, silence, notice, watcher, secure: None, shortcut };
        return talk.over(link, &house).await;
    };
    let mut closing = house.closing.clone();
    // In a box: what a handshake needs is not kept for as long as the connection lives.
    let shaken = tokio::select! {
        shaken = timeout(house.limits.handshake_timeout, Box::pin(tls.shake(link))) => shaken,
        _ = &mut notice => return,
        _ = closing.wait_for(|closing| *closing) => return,
    };
    match shaken {
        Ok(Ok(None)) => {}
        Ok(Ok(Some(stream))) => {
            let secure = Some(Secure);
            let talk = Talk { peer, silence, notice, watcher, secure, shortcut: None };
            // In a box, so that connections in the clear have no room for it.
            Box::pin(talk.over(stream, &house)).await;
        }
        Ok(Err(error)) => tracing::debug!(peer = %peer.0, %error, "no TLS with this one"),
        Err(_) => tracing::debug!(peer = %peer.0, "a TLS handshake took too long"),
    }
}

/// What is known of a connection before its first request.
struct Talk {
    peer: Peer,
    silence: Silence,
    notice: Notice,
    watcher: Watcher,
    secure: Option<Secure>,
    shortcut: Option<Shortcut>,
}

impl Talk {
    /// Speaks HTTP over a stream until it ends or is upgraded.
    async fn over(self, stream: impl Stream, house: &House) {
        let Self { peer, silence, notice, watcher, secure, shortcut } = self;
        let router = house.router.clone();
        let service = service_fn(move |mut request: Request<Incoming>| {
            silence.end();
            if let Some(shortcut) = &shortcut
                && request.headers().contains_key(header::UPGRADE)
            {
                request.extensions_mut().insert(shortcut.clone());
            }
            let extensions = request.extensions_mut();
            extensions.insert(peer);
            if let Some(secure) = secure {
                extensions.insert(secure);
            }
            let router = router.clone();
            async move {
                let response: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
                response
            }
        });
        let builder = protocols(house.limits);
        let connection = builder.serve_connection_with_upgrades(TokioIo::new(stream), service);
        let mut connection = pin!(watcher.watch(connection.into_owned()));
        let result = tokio::select! {
            result = &mut connection => result,
            () = stays_silent(notice, house.limits.head_timeout) => return,
        };
        if let Err(error) = result {
            tracing::debug!(peer = %peer.0, error, "connection ended early");
        }
    }
}

/// What HTTP is spoken over.
trait Stream: AsyncRead + AsyncWrite + Unpin + Send + 'static {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send + 'static> Stream for S {}

/// Resolves when a connection has said nothing in its time, or must make room; never once it has
/// spoken. The builder itself waits without a limit for the bytes that tell HTTP/2 from HTTP/1.1.
async fn stays_silent(notice: Notice, within: Duration) {
    if let Ok(Ok(())) = timeout(within, notice).await {
        pending().await
    }
}

fn protocols(limits: EdgeLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head_timeout)
        .max_buf_size(HEAD_BYTES);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(limits.head_timeout)
        .keep_alive_timeout(limits.head_timeout)
        .max_concurrent_streams(STREAMS)
        .max_header_list_size(HEAD_BYTES as u32);
    builder
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;
    use tokio_rustls::TlsConnector;

    use super::super::tls::handshake::tests::believer;
    use super::super::tls::identity::Identity;
    use super::super::tls::identity::tests::made;
    use super::super::tls::shown::Shown;
    use super::*;

    const SHORT: Duration = Duration::from_millis(200);
    const DEADLINE: Duration = Duration::from_secs(60);

    struct Served {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        task: JoinHandle<()>,
    }

    async fn served(limits: EdgeLimits) -> Served {
        serving(limits, None).await
    }

    async fn serving(limits: EdgeLimits, tls: Option<Handshakes>) -> Served {
        let slow = || async {
            sleep(SHORT).await;
            "done"
        };
        let router = Router::new().route("/", get(|| async { "hola" })).route("/slow", get(slow));
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("bound");
        let (stop, stopped) = oneshot::channel();
        let stop_when = async {
            stopped.await.ok();
        };
        let entrances = vec![Entrance { listener, tls }];
        let task = tokio::spawn(serve(entrances, router, limits, Arc::default(), stop_when));
        Served { address, stop, task }
    }

    async fn ends(mut stream: TcpStream) -> String {
        let mut heard = Vec::new();
        let end = timeout(DEADLINE, stream.read_to_end(&mut heard)).await;
        end.expect("closed in time").ok();
        String::from_utf8_lossy(&heard).into_owned()
    }

    #[tokio::test]
    async fn whoever_sends_no_request_or_half_of_one_is_closed() {
        let limits = EdgeLimits { head_timeout: SHORT, ..EdgeLimits::default() };
        let server = served(limits).await;
        for half in ["", "P", "PRI * HT", "GET / HTTP/1.1\r\nHost: a\r\nX-"] {
            let mut stream = TcpStream::connect(server.address).await.expect("accepted");
            stream.write_all(half.as_bytes()).await.expect("open");
            assert!(!ends(stream).await.contains("200 OK"), "{half:?}");
        }
    }

    #[tokio::test]
    async fn an_idle_connection_is_closed_after_its_request() {
        let limits = EdgeLimits { head_timeout: SHORT, ..EdgeLimits::default() };
        let server = served(limits).await;
        let mut stream = TcpStream::connect(server.address).await.expect("accepted");
        stream.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("open");
        assert!(ends(stream).await.ends_with("hola"));
    }

    #[tokio::test]
    async fn one_connection_too_many_is_closed_and_a_free_seat_is_taken_again() {
        let server = served(EdgeLimits { connections: 1, ..EdgeLimits::default() }).await;
        let mut first = TcpStream::connect(server.address).await.expect("accepted");
        first.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("open");
        let mut byte = [0];
        first.read_exact(&mut byte).await.expect("an answer");
        let second = TcpStream::connect(server.address).await.expect("accepted");
        assert_eq!(ends(second).await, "");
        drop(first);
        let until = Instant::now() + DEADLINE;
        loop {
            let mut third = TcpStream::connect(server.address).await.expect("accepted");
            let asked = third.write_all(b"GET / HTTP/1.0\r\n\r\n").await;
            if asked.is_ok() && ends(third).await.contains("hola") {
                return;
            }
            assert!(Instant::now() < until, "the seat never became free");
        }
    }

    fn tls() -> (Handshakes, TlsConnector) {
        let (certificate, key) = made(&["a.example.org"]);
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("both");
        (Handshakes::new(Shown::new(identity).config(&[b"http/1.1"])), believer(&certificate))
    }

    async fn asks(address: SocketAddr, client: &TlsConnector) -> io::Result<String> {
        let stream = TcpStream::connect(address).await?;
        let name = "a.example.org".try_into().expect("a name");
        let mut stream = client.connect(name, stream).await?;
        stream.write_all(b"GET / HTTP/1.0\r\n\r\n").await?;
        let mut heard = String::new();
        stream.read_to_string(&mut heard).await?;
        Ok(heard)
    }

    /// The time for a handshake is longer than this test has: only making room helps.
    #[tokio::test]
    async fn whoever_never_ends_a_handshake_makes_room() {
        let handshake_timeout = DEADLINE * 10;
        let limits = EdgeLimits { connections: 3, handshake_timeout, ..EdgeLimits::default() };
        let (handshakes, client) = tls();
        let server = serving(limits, Some(handshakes)).await;
        let mut silent = Vec::new();
        for _ in 0..limits.connections {
            silent.push(TcpStream::connect(server.address).await.expect("accepted"));
        }
        let until = Instant::now() + DEADLINE;
        while !asks(server.address, &client).await.is_ok_and(|heard| heard.ends_with("hola")) {
            assert!(Instant::now() < until, "no room was made");
            sleep(SHORT).await;
        }
        assert_eq!(ends(silent.remove(0)).await, "", "the first to come has left");
        timeout(DEADLINE, async {
            server.stop.send(()).expect("running");
            server.task.await.expect("no panic");
        })
        .await
        .expect("a stop waits for no handshake");
    }

    #[tokio::test]
    async fn a_handshake_has_its_time() {
        let limits = EdgeLimits { handshake_timeout: SHORT, ..EdgeLimits::default() };
        let (handshakes, client) = tls();
        let server = serving(limits, Some(handshakes)).await;
        for begun in [&b""[..], b"\x16\x03\x01", b"GET / HTTP/1.1\r\n\r\n"] {
            let mut stream = TcpStream::connect(server.address).await.expect("accepted");
            stream.write_all(begun).await.expect("open");
            assert!(!ends(stream).await.contains("200 OK"), "{begun:?}");
        }
        assert!(asks(server.address, &client).await.expect("served").ends_with("hola"));
    }

    #[tokio::test]
    async fn a_stop_lets_a_request_end_and_drops_what_idles() {
        let server = served(EdgeLimits::default()).await;
        let mut idle = TcpStream::connect(server.address).await.expect("accepted");
        idle.write_all(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("open");
        let mut byte = [0];
        idle.read_exact(&mut byte).await.expect("an answer");
        let mut busy = TcpStream::connect(server.address).await.expect("accepted");
        busy.write_all(b"GET /slow HTTP/1.1\r\nHost: a\r\n\r\n").await.expect("open");
        sleep(SHORT / 4).await;
        server.stop.send(()).expect("running");
        assert!(ends(busy).await.ends_with("done"));
        timeout(DEADLINE, server.task).await.expect("stopped in time").expect("no panic");
    }
}
