//! A connection's socket: it keeps its seat until it is closed, also after an upgrade, and fails
//! when the other side takes nothing for too long. Called by `accept`; under TLS it carries that.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::time::{Sleep, sleep};

use super::seats::Seat;
use super::wire::{Shortcut, Wire};

/// About how many unsent bytes wait in the kernel per connection, at most.
#[cfg(any(target_os = "linux", target_os = "android"))]
const UNSENT: u32 = 64 * 1024;

/// A connection's socket with its seat.
pub(super) struct Link {
    receiving: OwnedReadHalf,
    wire: Arc<Wire>,
    _seat: Seat,
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
    /// A connection that was accepted.
    pub(super) fn new(stream: TcpStream, seat: Seat, write_timeout: Duration) -> Self {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "cannot switch off delayed sending");
        }
        bound_unsent(&stream);
        let (receiving, sending) = stream.into_split();
        Self { receiving, wire: Wire::new(sending), _seat: seat, write_timeout, stalled: None }
    }

    /// A way past whoever reads and writes this. For connections in the clear alone.
    pub(super) fn shortcut(&self) -> Shortcut {
        Shortcut::to(&self.wire)
    }

    /// Passes a write's outcome on, and watches how long it has been waiting.
    fn watched<T>(
        &mut self,
        cx: &mut Context<'_>,
        outcome: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
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
        Pin::new(&mut self.receiving).poll_read(cx, buf)
    }
}

impl AsyncWrite for Link {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        let outcome = self.wire.poll_write(cx, buf.len(), |half, cx| half.poll_write(cx, buf));
        self.watched(cx, outcome)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let len = bufs.iter().map(|buf| buf.len()).sum();
        let outcome = self.wire.poll_write(cx, len, |half, cx| half.poll_write_vectored(cx, bufs));
        self.watched(cx, outcome)
    }

    fn is_write_vectored(&self) -> bool {
        self.wire.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.wire.poll_flush(cx);
        self.watched(cx, outcome)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outcome = self.wire.poll_shutdown(cx);
        self.watched(cx, outcome)
    }
}
