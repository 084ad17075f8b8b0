//! Clients over TCP and TLS: for networks that block UDP.
//!
//! Bounded: `CONNECTIONS` in all and `PER_ADDRESS` from one address; a fresh one has `FRESH` to
//! allocate, and one without an allocation is closed; what waits for a slow one is bounded by
//! `queue`.

use std::cell::RefCell;
use std::net::SocketAddr;
use std::rc::Rc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::spawn_local;
use tokio::time::{Instant, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use turn::{FiveTuple, StreamFramer, Transport, first_message};

use super::driver::Shared;
use super::queue::Queue;

/// At most this many connections.
const CONNECTIONS: usize = 4096;
/// At most this many from one address of each listener: a whole company may share one.
const PER_ADDRESS: usize = 512;
/// A fresh connection must have an allocation after this time.
const FRESH: Duration = Duration::from_secs(10);
/// Takes connections for ever.
pub(super) async fn accept(
    shared: Shared,
    listener: std::net::TcpListener,
    tls: Option<TlsAcceptor>,
) {
    let listener = match TcpListener::from_std(listener) {
        Ok(listener) => listener,
        Err(error) => {
            tracing::error!(%error, "a listener of the relay cannot be used");
            return;
        }
    };
    let open: Rc<RefCell<std::collections::HashMap<std::net::IpAddr, usize>>> = Rc::default();
    loop {
        let Ok((stream, client)) = listener.accept().await else {
            // Out of files: wait until some are closed.
            sleep(Duration::from_millis(100)).await;
            continue;
        };
        let ip = client.ip();
        let mine = open.borrow().get(&ip).copied().unwrap_or(0);
        let all: usize = shared.borrow().streams.len();
        if mine >= PER_ADDRESS || all >= CONNECTIONS {
            continue;
        }
        *open.borrow_mut().entry(ip).or_default() += 1;
        let (shared, tls, open) = (shared.clone(), tls.clone(), open.clone());
        spawn_local(async move {
            connection(shared, stream, client, tls).await;
            let mut open = open.borrow_mut();
            let left = open.get(&ip).map_or(0, |count| count - 1);
            if left == 0 {
                open.remove(&ip)
            } else {
                open.insert(ip, left)
            };
        });
    }
}

async fn connection(
    shared: Shared,
    stream: TcpStream,
    client: SocketAddr,
    tls: Option<TlsAcceptor>,
) {
    let Ok(server) = stream.local_addr() else { return };
    // Media waits for nothing.
    stream.set_nodelay(true).ok();
    match tls {
        None => {
            run(shared, stream, FiveTuple { transport: Transport::Tcp, client, server }).await;
        }
        Some(acceptor) => {
            if let Ok(Ok(stream)) = timeout(FRESH, acceptor.accept(stream)).await {
                run(shared, stream, FiveTuple { transport: Transport::Tls, client, server }).await;
            }
        }
    }
}

async fn run(shared: Shared, stream: impl AsyncRead + AsyncWrite, tuple: FiveTuple) {
    let queue = Rc::new(Queue::default());
    shared.borrow_mut().streams.insert(tuple, queue.clone());
    let (input, output) = tokio::io::split(stream);
    tokio::select! {
        () = read(&shared, input, tuple) => {}
        () = write(&queue, output, tuple.transport) => {}
        () = watch(&shared, tuple) => {}
    }
    shared.borrow_mut().stream_ended(&shared, tuple);
}

/// Hands on frames until the stream ends or is not TURN.
async fn read(shared: &Shared, mut input: impl AsyncRead + Unpin, tuple: FiveTuple) {
    let mut framer = StreamFramer::new();
    loop {
        match input.read(framer.space()).await {
            Ok(count) if count > 0 => framer.filled(count),
            _ => return,
        }
        let mut driver = shared.borrow_mut();
        loop {
            match framer.next_frame() {
                Ok(Some(frame)) => driver.frame(tuple, frame),
                Ok(None) => break,
                Err(_) => return,
            }
            if driver.is_full() {
                driver.carry_out(shared);
            }
        }
        driver.carry_out(shared);
    }
}

/// Writes what is queued until the stream is broken or overflows. Inside TLS each message is a
/// record of its own, as coturn's client reads no more of one.
async fn write(queue: &Queue, mut output: impl AsyncWrite + Unpin, transport: Transport) {
    loop {
        queue.filled().await;
        loop {
            let Some(mut bytes) = queue.take() else { return };
            if bytes.is_empty() {
                break;
            }
            while !bytes.is_empty() {
                let at_once = match transport {
                    Transport::Tls => first_message(&bytes),
                    _ => bytes.len(),
                };
                if output.write_all(&bytes.split_to(at_once)).await.is_err() {
                    return;
                }
            }
        }
        if output.flush().await.is_err() {
            return;
        }
    }
}

/// Ends when the client has had its time and holds no allocation.
async fn watch(shared: &Shared, tuple: FiveTuple) {
    let began = Instant::now();
    loop {
        sleep(FRESH).await;
        if began.elapsed() >= FRESH && !shared.borrow().has_client(tuple) {
            return;
        }
    }
}
