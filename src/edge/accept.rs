//! Accepts connections, speaks HTTP/1.1 and HTTP/2 on them, and stops in good order.
//!
//! The framework's own loop waits for ever for a request's head and has no cap; this one limits
//! what a stranger can hold: connections in all and per address, the time for a head, and the time
//! in which the other side takes nothing that we write. Called by `app`.

use std::collections::HashMap;
use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::{Pin, pin};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use tokio::time::{Sleep, sleep, timeout};
use tower::ServiceExt;

use super::address::{Peer, TrustedProxies, network};

/// At most this many bytes of a request's head.
const HEAD_BYTES: usize = 32 * 1024;
/// About how many unsent bytes wait in the kernel per connection, at most.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 64 * 1024;
/// At most this many requests at once on one HTTP/2 connection.
const STREAMS: u32 = 64;

/// What connections may cost.
#[derive(Debug, Clone, Copy)]
pub struct EdgeLimits {
    /// Connections at once, WebSockets included; more are closed as they come.
    pub connections: usize,
    /// Connections at once from one IPv4 address or IPv6 /64. Loopback and trusted proxies, behind
    /// which there are many people, are not held to it; `None`: any number.
    pub connections_per_ip: Option<usize>,
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
            head_timeout: Duration::from_secs(15),
            write_timeout: Duration::from_secs(30),
            drain: Duration::from_secs(8),
        }
    }
}

/// Serves `router` on `listener` until `stop` resolves; then takes no more connections, lets
/// requests and sockets end, and returns after `limits.drain` at the latest. Sockets are told to
/// close by the hub, at the same time.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    limits: EdgeLimits,
    trusted: Arc<TrustedProxies>,
    stop: impl Future<Output = ()>,
) {
    let seats = Arc::new(Seats::new(limits, trusted));
    let graceful = GracefulShutdown::new();
    let mut stop = pin!(stop);
    loop {
        let accepted = tokio::select! {
            biased;
            () = &mut stop => break,
            accepted = listener.accept() => accepted,
        };
        match accepted {
            Ok((stream, peer)) => {
                if let Some(seat) = seats.take(peer.ip().to_canonical()) {
                    let link = Link::new(stream, seat, limits.write_timeout);
                    tokio::spawn(talk(link, router.clone(), limits, graceful.watcher()));
                }
            }
            Err(error) => recover(&error).await,
        }
    }
    drop(listener);
    let ended = async {
        graceful.shutdown().await;
        seats.empty().await;
    };
    if timeout(limits.drain, ended).await.is_err() {
        tracing::warn!(open = seats.taken(), "connections were still open and are dropped");
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

/// One connection, from its first byte to its last request or its upgrade.
async fn talk(link: Link, router: Router, limits: EdgeLimits, watcher: Watcher) {
    let peer = Peer(link.seat.ip);
    let asked = Arc::new(AtomicBool::new(false));
    let first = asked.clone();
    let service = service_fn(move |mut request: Request<Incoming>| {
        first.store(true, Ordering::Relaxed);
        request.extensions_mut().insert(peer);
        let router = router.clone();
        async move {
            let response: Result<_, Infallible> = router.oneshot(request.map(Body::new)).await;
            response
        }
    });
    let builder = protocols(limits);
    let connection = builder.serve_connection_with_upgrades(TokioIo::new(link), service);
    let mut connection = pin!(watcher.watch(connection.into_owned()));
    // The builder waits without a limit for the bytes that tell HTTP/2 from HTTP/1.1.
    let result = tokio::select! {
        result = &mut connection => result,
        () = sleep(limits.head_timeout) => {
            if !asked.load(Ordering::Relaxed) {
                return;
            }
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(peer = %peer.0, error, "connection ended early");
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

/// The places for connections: so many in all, so many for one network.
struct Seats {
    limits: EdgeLimits,
    trusted: Arc<TrustedProxies>,
    taken: Mutex<Taken>,
    left: Notify,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by_network: HashMap<IpAddr, usize>,
}

impl Seats {
    fn new(limits: EdgeLimits, trusted: Arc<TrustedProxies>) -> Self {
        Self { limits, trusted, taken: Mutex::default(), left: Notify::new() }
    }

    /// A seat for a connection from `ip`; `None` when all are taken.
    fn take(self: &Arc<Self>, ip: IpAddr) -> Option<Seat> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if taken.all >= self.limits.connections {
            return None;
        }
        let many_people = ip.is_loopback() || self.trusted.contains(ip);
        let cap = self.limits.connections_per_ip.filter(|_| !many_people).unwrap_or(usize::MAX);
        if taken.by_network.get(&network(ip)).is_some_and(|here| *here >= cap) {
            return None;
        }
        let here = taken.by_network.entry(network(ip)).or_default();
        *here += 1;
        taken.all += 1;
        Some(Seat { seats: self.clone(), ip })
    }

    fn give_back(&self, ip: IpAddr) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        taken.all -= 1;
        let place = network(ip);
        if let Some(here) = taken.by_network.get_mut(&place) {
            *here -= 1;
            if *here == 0 {
                taken.by_network.remove(&place);
            }
        }
        if taken.all == 0 {
            self.left.notify_waiters();
        }
    }

    fn taken(&self) -> usize {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).all
    }

    /// Resolves when nobody sits here.
    async fn empty(&self) {
        loop {
            let left = self.left.notified();
            if self.taken() == 0 {
                return;
            }
            left.await;
        }
    }
}

/// One connection's place; free again when it is dropped.
struct Seat {
    seats: Arc<Seats>,
    ip: IpAddr,
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.seats.give_back(self.ip);
    }
}

/// A connection that keeps its seat until it is closed, also after an upgrade, and fails when the
/// other side takes nothing for too long.
struct Link {
    stream: TcpStream,
    seat: Seat,
    write_timeout: Duration,
    stalled: Option<Pin<Box<Sleep>>>,
}

/// Lets the kernel keep little of what it cannot send: else it takes megabytes for a reader that
/// has stalled, before anybody here knows. What is under way on a long link is not bounded by it.
#[cfg(any(target_os = "linux", target_os = "android"))]
fn bound_unsent(stream: &TcpStream) {
    if let Err(error) = socket2::SockRef::from(stream).set_tcp_notsent_lowat(UNSENT) {
        tracing::debug!(%error, "cannot bound what the kernel keeps");
    }
}

/// Elsewhere the kernel's own bound holds.
#[cfg(not(any(target_os = "linux", target_os = "android")))]
fn bound_unsent(_: &TcpStream) {}

impl Link {
    fn new(stream: TcpStream, seat: Seat, write_timeout: Duration) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off delayed sending");
        }
        bound_unsent(&stream);
        Self { stream, seat, write_timeout, stalled: None }
    }

    /// Passes a write's outcome on, and watches how long it has been waiting.
    fn watched(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        if outcome.is_ready() {
            self.stalled = None;
            return outcome;
        }
        let stalled = self.stalled.get_or_insert_with(|| Box::pin(sleep(self.write_timeout)));
        ready!(stalled.as_mut().poll(cx));
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }
}

impl AsyncRead for Link {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buf)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.watched(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let outcome = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.watched(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::net::SocketAddr;
    use std::time::Instant;

    use axum::routing::get;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::sync::oneshot;
    use tokio::task::JoinHandle;

    use super::*;

    const SHORT: Duration = Duration::from_millis(200);
    const DEADLINE: Duration = Duration::from_secs(60);

    struct Served {
        address: SocketAddr,
        stop: oneshot::Sender<()>,
        task: JoinHandle<()>,
    }

    async fn served(limits: EdgeLimits) -> Served {
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
        let task = tokio::spawn(serve(listener, router, limits, Arc::default(), stop_when));
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

    #[test]
    fn one_address_takes_its_own_seats_only() {
        let limits = EdgeLimits { connections_per_ip: Some(1), ..EdgeLimits::default() };
        let seats = Arc::new(Seats::new(limits, Arc::default()));
        let ip = |text: &str| text.parse().expect("an address");
        let first = seats.take(ip("2001:db8:1:2::1"));
        assert!(first.is_some());
        assert!(seats.take(ip("2001:db8:1:2::9")).is_none(), "the same /64");
        assert!(seats.take(ip("2001:db8:1:3::1")).is_some(), "another /64");
        drop(first);
        assert!(seats.take(ip("2001:db8:1:2::9")).is_some());
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
