//! The sending side of a connection's socket.
//!
//! Its owner is the connection's task, by way of `Link`. In the clear it may be shared: who has
//! something short to say to many connections writes it past their tasks, which otherwise would
//! have to be woken one by one, each to write a single frame. That is half of what such a frame
//! costs.
//!
//! Invariant: what goes past the owner never lands in the midst of what the owner writes, and what
//! of it did not go out goes before everything that comes later. Called by `link`, and through a
//! `Shortcut` by `ws`.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};

use tokio::io::AsyncWrite;
use tokio::net::tcp::OwnedWriteHalf;

/// What became of bytes that were sent past the owner.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// They are with the kernel.
    All,
    /// Some are. So many are left, and the owner's next flush writes them.
    Left(usize),
    /// None is: the socket is full or gone, or its owner is in the midst of something.
    Nothing,
}

/// The sending side of a socket.
pub(super) struct Wire(Mutex<Sending>);

struct Sending {
    half: OwnedWriteHalf,
    /// Everything that the owner offered is out.
    whole: bool,
    /// What a `try_send` left.
    tail: Vec<u8>,
}

impl Wire {
    pub(super) fn new(half: OwnedWriteHalf) -> Arc<Self> {
        Arc::new(Self(Mutex::new(Sending { half, whole: true, tail: Vec::new() })))
    }

    /// The owner writes. `write` is handed the socket, and offers it `len` bytes.
    pub(super) fn poll_write(
        &self,
        cx: &mut Context<'_>,
        len: usize,
        write: impl FnOnce(Pin<&mut OwnedWriteHalf>, &mut Context<'_>) -> Poll<io::Result<usize>>,
    ) -> Poll<io::Result<usize>> {
        let mut sending = self.lock();
        sending.whole = false;
        ready!(sending.poll_tail(cx))?;
        let outcome = write(Pin::new(&mut sending.half), cx);
        sending.whole = matches!(outcome, Poll::Ready(Ok(written)) if written == len);
        outcome
    }

    /// The owner flushes: what was left is written.
    pub(super) fn poll_flush(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.lock().poll_tail(cx)
    }

    /// The owner says that nothing more will come.
    pub(super) fn poll_shutdown(&self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let mut sending = self.lock();
        ready!(sending.poll_tail(cx))?;
        sending.whole = false;
        Pin::new(&mut sending.half).poll_shutdown(cx)
    }

    pub(super) fn is_write_vectored(&self) -> bool {
        self.lock().half.is_write_vectored()
    }

    fn lock(&self) -> MutexGuard<'_, Sending> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sending {
    fn poll_tail(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.tail.is_empty() {
            match ready!(Pin::new(&mut self.half).poll_write(cx, &self.tail))? {
                0 => return Poll::Ready(Err(io::ErrorKind::WriteZero.into())),
                written => drop(self.tail.drain(..written)),
            }
        }
        // It is rare, and its room is not kept.
        self.tail = Vec::new();
        Poll::Ready(Ok(()))
    }

    fn try_send(&mut self, bytes: &[u8]) -> Sent {
        if !self.whole || !self.tail.is_empty() {
            return Sent::Nothing;
        }
        match self.half.try_write(bytes) {
            Ok(0) | Err(_) => Sent::Nothing,
            Ok(written) if written >= bytes.len() => Sent::All,
            Ok(written) => {
                self.tail = bytes[written..].to_vec();
                Sent::Left(self.tail.len())
            }
        }
    }
}

/// A way past the task of a connection in the clear. It does not keep the socket open.
#[derive(Clone)]
pub struct Shortcut(Weak<Wire>);

impl Shortcut {
    pub(super) fn to(wire: &Arc<Wire>) -> Self {
        Self(Arc::downgrade(wire))
    }

    /// Sends what the socket takes at once. Never waits; an error is the owner's to find.
    pub fn try_send(&self, bytes: &[u8]) -> Sent {
        match self.0.upgrade() {
            Some(wire) => wire.lock().try_send(bytes),
            None => Sent::Nothing,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::future::poll_fn;

    use tokio::io::AsyncReadExt;
    use tokio::net::{TcpListener, TcpStream};

    use super::*;

    /// A socket's sending side, its owner's way to write, and the other end. What neither end has
    /// room for is soon reached.
    pub(crate) struct Pair {
        wire: Arc<Wire>,
        pub(crate) other: TcpStream,
    }

    impl Pair {
        pub(crate) async fn new() -> Self {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address = listener.local_addr().expect("bound");
            let (ours, other) = tokio::join!(listener.accept(), TcpStream::connect(address));
            let (ours, other) = (ours.expect("accepted").0, other.expect("connected"));
            socket2::SockRef::from(&ours).set_send_buffer_size(4096).expect("a size");
            // The reading half may go: the sending half keeps the socket.
            Self { wire: Wire::new(ours.into_split().1), other }
        }

        pub(crate) fn shortcut(&self) -> Shortcut {
            Shortcut::to(&self.wire)
        }

        /// The owner offers this, once; how much is taken.
        async fn offer(&self, bytes: &[u8]) -> usize {
            let write =
                |half: Pin<&mut OwnedWriteHalf>, cx: &mut Context<'_>| half.poll_write(cx, bytes);
            poll_fn(|cx| self.wire.poll_write(cx, bytes.len(), write)).await.expect("open")
        }

        pub(crate) async fn flush(&self) {
            poll_fn(|cx| self.wire.poll_flush(cx)).await.expect("open");
        }

        /// Everything that went out, once the sending side is gone.
        pub(crate) async fn end(self) -> Vec<u8> {
            let Self { wire, mut other } = self;
            drop(wire);
            let mut heard = Vec::new();
            other.read_to_end(&mut heard).await.expect("readable");
            heard
        }
    }

    fn many() -> Vec<u8> {
        (0..8 << 20).map(|at: u32| (at % 251) as u8).collect()
    }

    #[tokio::test]
    async fn what_is_sent_past_the_owner_follows_what_the_owner_wrote() {
        let pair = Pair::new().await;
        assert_eq!(pair.offer(b"one ").await, 4);
        assert_eq!(pair.shortcut().try_send(b"two "), Sent::All);
        assert_eq!(pair.offer(b"three").await, 5);
        assert_eq!(pair.end().await, b"one two three");
    }

    #[tokio::test]
    async fn what_did_not_go_out_goes_before_all_else() {
        let (mut pair, many) = (Pair::new().await, many());
        let shortcut = pair.shortcut();
        let Sent::Left(left) = shortcut.try_send(&many) else { panic!("it has room for all") };
        assert_eq!(shortcut.try_send(b"overtakes"), Sent::Nothing);
        let mut heard = vec![0; many.len() + 4];
        let mut other = std::mem::replace(&mut pair.other, Pair::new().await.other);
        tokio::join!(async { assert_eq!(pair.offer(b"last").await, 4) }, async {
            other.read_exact(&mut heard).await.expect("all of it");
        });
        assert!(heard == [&many[..], b"last"].concat(), "{left} bytes were left");
        assert_eq!(shortcut.try_send(b"again"), Sent::All);
    }

    #[tokio::test]
    async fn nothing_lands_in_the_midst_of_what_the_owner_writes() {
        let (pair, many) = (Pair::new().await, many());
        let taken = pair.offer(&many).await;
        assert!(taken < many.len(), "it has room for all");
        assert_eq!(pair.shortcut().try_send(b"amid"), Sent::Nothing);
    }

    #[tokio::test]
    async fn a_shortcut_does_not_keep_the_socket_open() {
        let pair = Pair::new().await;
        let shortcut = pair.shortcut();
        assert_eq!(pair.end().await, b"");
        assert_eq!(shortcut.try_send(b"late"), Sent::Nothing);
    }
}
