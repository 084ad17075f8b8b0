//! One WebSocket as its driver sees it: what comes out, what goes in, and how it ends.
//!
//! Invariant: no write waits for ever. Something small has `WRITE_WITHIN`; what waits in an outbox
//! may take as long as that outbox stays within its bound, and a socket that takes nothing at all
//! is cut off by `edge/accept`.
//! Invariant: everything that an outbox gives at once is fed to the socket, then flushed once.
//!
//! It knows neither requests nor rules. Called by `socket`.

use std::future::{Future, poll_fn};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket};
use futures_util::SinkExt;
use tokio::task::coop::unconstrained;
use tokio::time::timeout;

use super::outbox::{self, Outbox, Taken};
use crate::hub::Frame;
use crate::hub::close::CloseCode;

/// How long something small may take to be written.
const WRITE_WITHIN: Duration = Duration::from_secs(20);
/// How long a close may take.
const CLOSE_WITHIN: Duration = Duration::from_secs(5);

/// How a connection ends. Whatever may end it answers `Result<_, End>`, so that `?` leads out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// The other side is gone, or takes nothing any more: there is nobody to say a word to.
    Gone,
    /// We close it, and say why.
    Close(CloseCode),
}

impl From<CloseCode> for End {
    fn from(code: CloseCode) -> Self {
        Self::Close(code)
    }
}

/// What a client sent.
pub(super) enum Came {
    /// A text: a request, if it is one.
    Text(Utf8Bytes),
    /// Bytes, which this protocol does not have.
    Binary,
    /// A ping or a pong: a sign of life.
    Sign,
}

/// The socket of one connection.
pub(super) struct Stream(pub(super) WebSocket);

impl Stream {
    /// What the client sends next. May be dropped at any time; nothing is lost then.
    pub(super) async fn next(&mut self) -> Result<Came, End> {
        match self.0.recv().await {
            Some(Ok(Message::Text(text))) => Ok(Came::Text(text)),
            Some(Ok(Message::Binary(_))) => Ok(Came::Binary),
            Some(Ok(Message::Ping(_) | Message::Pong(_))) => Ok(Came::Sign),
            Some(Ok(Message::Close(_))) | None => Err(End::Gone),
            Some(Err(error)) => Err(broken(&error)),
        }
    }

    /// Writes something small.
    pub(super) async fn write(&mut self, frame: &Frame) -> Result<(), End> {
        self.write_small(Message::Text(frame.clone().into())).await
    }

    /// Asks the client for a sign of life.
    pub(super) async fn ping(&mut self, outbox: &Outbox) -> Result<(), End> {
        outbox.hold();
        self.write_small(Message::Ping(Default::default())).await
    }

    async fn write_small(&mut self, message: Message) -> Result<(), End> {
        match timeout(WRITE_WITHIN, self.0.send(message)).await {
            Ok(Ok(())) => Ok(()),
            _ => Err(End::Gone),
        }
    }

    /// Writes everything that an outbox gave, in one go; then it is the end, if the outbox says so.
    pub(super) async fn write_out(&mut self, outbox: &Outbox, taken: Taken) -> Result<(), End> {
        let left = AtomicUsize::new(taken.bytes);
        let writing = async {
            for frame in taken.frames {
                let cost = outbox::cost(&frame);
                self.0.feed(Message::Text(frame.into())).await.map_err(|_| End::Gone)?;
                left.fetch_sub(cost, Ordering::Relaxed);
            }
            self.0.flush().await.map_err(|_| End::Gone)
        };
        unless_pointless(outbox, &left, writing).await?;
        taken.closing.map_or(Ok(()), |code| Err(code.into()))
    }

    /// Writes a reply of any size, past the outbox.
    pub(super) async fn write_reply(&mut self, outbox: &Outbox, frame: Frame) -> Result<(), End> {
        outbox.hold();
        let sending =
            async { self.0.send(Message::Text(frame.into())).await.map_err(|_| End::Gone) };
        unless_pointless(outbox, &AtomicUsize::new(0), sending).await
    }

    /// Says why, then reads on for a moment until the other side has answered: a socket that is
    /// dropped with something unread in it resets the connection, and the reason may be lost on its
    /// way. A client that does not take it in time is let go without a word.
    pub(super) async fn close(&mut self, code: CloseCode) {
        let row = code.row();
        let frame = CloseFrame { code: row.number, reason: row.reason.into() };
        let parting = async {
            self.0.send(Message::Close(Some(frame))).await.ok()?;
            while let Some(Ok(_)) = self.0.recv().await {}
            Some(())
        };
        let _ = timeout(CLOSE_WITHIN, parting).await;
    }
}

/// Lets a write go on until it is done, the outbox runs over, or the session is closed. `left`
/// tells how much of the outbox is still to be written.
async fn unless_pointless(
    outbox: &Outbox,
    left: &AtomicUsize,
    writing: impl Future<Output = Result<(), End>>,
) -> Result<(), End> {
    // Or the runtime would end the task's turn in the midst of a burst, as if the socket was full.
    let mut writing = std::pin::pin!(unconstrained(writing));
    poll_fn(|cx| match writing.as_mut().poll(cx) {
        Poll::Ready(written) => Poll::Ready(written),
        Poll::Pending => {
            let pointless = outbox.poll_pointless(left.load(Ordering::Relaxed), cx);
            pointless.map(|code| Err(code.into()))
        }
    })
    .await
}

/// A socket that failed: by what the client sent, or because the client is gone.
fn broken(error: &axum::Error) -> End {
    use tokio_tungstenite::tungstenite::Error as Wire;
    let source = std::error::Error::source(error).and_then(|source| source.downcast_ref::<Wire>());
    match source {
        Some(Wire::Capacity(_) | Wire::Utf8(_) | Wire::Protocol(_)) => CloseCode::Protocol.into(),
        _ => End::Gone,
    }
}
