//! A connection that is secure: what HTTP is spoken over, in the clear on this side. Made by
//! `handshake`, used by `accept`.

use std::io;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, ready};

use bytes::{Buf, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, ReadBuf};
use tokio_rustls::rustls::Error;

use super::records::{Records, Standing};

/// At most so much is encrypted at once: four records.
const AT_ONCE: usize = 1 << 16;

/// A stream whose handshake is over.
pub(in crate::edge) struct Secured<S> {
    stream: S,
    records: Records,
    has_ended: bool,
    is_closed: bool,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Secured<S> {
    /// Goes on where the handshake has left off.
    pub(super) fn new(stream: S, records: Records, standing: Standing) -> Self {
        Self { stream, records, has_ended: standing == Standing::Ended, is_closed: false }
    }

    /// Takes what has come, until it makes something that can be read, or the end of it.
    fn poll_fill(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while self.records.plain.is_empty() && !self.has_ended {
            let room = self.records.room().map_err(invalid)?;
            let read = pin!(self.stream.read_buf(room)).poll(cx);
            if read.is_pending() {
                self.records.rest();
            }
            if ready!(read)? == 0 {
                return Poll::Ready(Err(io::ErrorKind::UnexpectedEof.into()));
            }
            match self.records.advance() {
                Ok(standing) => self.has_ended = standing == Standing::Ended,
                Err(error) => {
                    // It is over whether the other side hears why or not.
                    let _ = self.poll_drain(cx);
                    return Poll::Ready(Err(invalid(error)));
                }
            }
        }
        Poll::Ready(Ok(()))
    }

    /// Hands what is encrypted to the stream.
    fn poll_drain(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let outgoing = &mut self.records.outgoing;
        while !outgoing.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, outgoing))?;
            if sent == 0 {
                return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
            }
            outgoing.advance(sent);
        }
        *outgoing = BytesMut::new();
        Poll::Ready(Ok(()))
    }

    /// Encrypts bytes, once what was encrypted before them is gone, and begins to send them.
    fn poll_send(&mut self, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        ready!(self.poll_drain(cx))?;
        self.records.encrypt(bytes).map_err(invalid)?;
        if let Poll::Ready(Err(error)) = self.poll_drain(cx) {
            return Poll::Ready(Err(error));
        }
        Poll::Ready(Ok(bytes.len()))
    }
}

/// What the other side sent is not TLS as it should be.
pub(super) fn invalid(error: Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// As many of the bytes as go at once.
fn first(bytes: &[u8]) -> &[u8] {
    bytes.get(..AT_ONCE).unwrap_or(bytes)
}

/// The same of several pieces, put together.
fn together(pieces: &[io::IoSlice<'_>]) -> Vec<u8> {
    let mut all = Vec::new();
    for piece in pieces {
        let room = AT_ONCE - all.len();
        all.extend_from_slice(piece.get(..room).unwrap_or(piece));
    }
    all
}

/// Moves as much of what waits as there is room for.
fn hand_over(waiting: &mut BytesMut, buf: &mut ReadBuf<'_>) {
    let count = waiting.len().min(buf.remaining());
    buf.put_slice(&waiting.split_to(count));
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Secured<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        ready!(self.poll_fill(cx))?;
        hand_over(&mut self.records.plain, buf);
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Secured<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buf: &[u8],
    ) -> Poll<io::Result<usize>> {
        self.poll_send(cx, first(buf))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match bufs {
            [one] => self.poll_send(cx, first(one)),
            // Only once it can be sent: else it would be put together in vain again and again.
            many => {
                ready!(self.poll_drain(cx))?;
                self.poll_send(cx, &together(many))
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_flush(cx)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.is_closed {
            self.is_closed = true;
            self.records.close().map_err(invalid)?;
        }
        ready!(self.poll_drain(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use rustls_pki_types::ServerName;
    use tokio::io::{AsyncWriteExt, DuplexStream, duplex, split};
    use tokio::time::timeout;
    use tokio_rustls::client::TlsStream;

    use super::super::handshake::Handshakes;
    use super::super::handshake::tests::believer;
    use super::super::identity::Identity;
    use super::super::identity::tests::made;
    use super::super::shown::Shown;
    use super::*;

    const DEADLINE: Duration = Duration::from_secs(60);

    type Client = TlsStream<DuplexStream>;
    type Server = Secured<DuplexStream>;

    /// Both ends of a connection, still to be made, over a pipe that holds so many bytes.
    fn ends(
        pipe: usize,
    ) -> (impl Future<Output = io::Result<Client>>, impl Future<Output = io::Result<Server>>) {
        let (certificate, key) = made(&["a.example.org"]);
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("both");
        let handshakes = Handshakes::new(Shown::new(identity).config(&[]));
        let (near, far) = duplex(pipe);
        let name = ServerName::try_from("a.example.org").expect("a name");
        let client = believer(&certificate).connect(name, near);
        let server = async move {
            let shaken = handshakes.shake(far).await;
            shaken.map(|stream| stream.expect("more than a check"))
        };
        (client, server)
    }

    async fn connected() -> (Client, Server) {
        let (client, server) = ends(1 << 20);
        tokio::try_join!(client, server).expect("connected")
    }

    fn bytes(len: usize, seed: usize) -> Vec<u8> {
        (0..len).map(|at| (at.wrapping_mul(31) ^ (at >> 8) ^ seed) as u8).collect()
    }

    /// Sends much and hears what the other side sends, both at once; all that was heard.
    async fn talk<S>(stream: impl Future<Output = io::Result<S>>, sent: Vec<u8>) -> Vec<u8>
    where
        S: AsyncRead + AsyncWrite,
    {
        let (mut receiving, mut sending) = split(stream.await.expect("connected"));
        let sends = async {
            for (at, piece) in sent.chunks(70_001).enumerate() {
                sending.write_all(piece).await?;
                if at % 2 == 0 {
                    sending.flush().await?;
                }
            }
            sending.shutdown().await
        };
        let mut heard = Vec::new();
        tokio::try_join!(sends, receiving.read_to_end(&mut heard)).expect("an orderly end");
        heard
    }

    /// Also through a pipe in which next to nothing fits at once.
    #[tokio::test]
    async fn all_that_is_sent_comes_whole_and_in_order_both_ways_at_once() {
        for (pipe, much) in [(50, 50_000), (700, 300_000), (40_000, 500_000)] {
            let (client, server) = ends(pipe);
            let talks =
                async { tokio::join!(talk(client, bytes(much, 1)), talk(server, bytes(much, 2))) };
            let (at_client, at_server) = timeout(DEADLINE, talks).await.expect("in time");
            assert!(at_client == bytes(much, 2) && at_server == bytes(much, 1), "pipe of {pipe}");
        }
    }

    #[tokio::test]
    async fn pieces_go_out_together_and_in_order() {
        let (mut client, mut server) = connected().await;
        let large = bytes(AT_ONCE, 3);
        let pieces = [&b"uno"[..], b"", b"dos", &large].map(io::IoSlice::new);
        let sent = server.write_vectored(&pieces).await.expect("open");
        assert_eq!(sent, AT_ONCE);
        let mut heard = vec![0; sent];
        client.read_exact(&mut heard).await.expect("open");
        assert!(heard.starts_with(b"unodos") && heard[6..] == large[..AT_ONCE - 6]);
    }

    /// The other way round it would be cut off without a sign.
    #[tokio::test]
    async fn an_end_without_a_word_is_an_error_and_one_with_it_is_not() {
        for says in [true, false] {
            let (mut client, mut server) = connected().await;
            client.write_all(b"hola").await.expect("open");
            if says {
                client.shutdown().await.expect("open");
            }
            drop(client);
            let mut heard = Vec::new();
            let end = server.read_to_end(&mut heard).await;
            assert_eq!(heard, b"hola");
            assert_eq!(end.map_err(|error| error.kind()).is_ok(), says);
        }
    }

    #[tokio::test]
    async fn garbage_ends_a_connection_and_the_other_side_is_told() {
        let (client, mut server) = connected().await;
        let (mut wire, mut session) = client.into_inner();
        wire.write_all(&[
            23, 3, 3, 0, 20, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 0,
        ])
        .await
        .expect("open");
        let error = server.read_u8().await.expect_err("not what was agreed");
        assert_eq!(error.kind(), io::ErrorKind::InvalidData);
        drop(server);
        let mut told = Vec::new();
        wire.read_to_end(&mut told).await.expect("closed");
        session.read_tls(&mut told.as_slice()).expect("room");
        let error = session.process_new_packets().expect_err("an alert").to_string();
        assert!(error.contains("BadRecordMac"), "{error}");
    }

    #[tokio::test]
    async fn a_connection_that_idles_holds_no_buffer() {
        let (mut client, mut server) = connected().await;
        let mut heard = [0; 4];
        for _ in 0..3 {
            client.write_all(b"hola").await.expect("open");
            server.read_exact(&mut heard).await.expect("open");
            server.write_all(b"hola").await.expect("open");
            client.read_exact(&mut heard).await.expect("open");
        }
        assert!(timeout(Duration::ZERO, server.read_u8()).await.is_err(), "nothing more came");
        assert_eq!(server.records.held(), 0);
    }

    #[test]
    fn a_message_without_an_end_is_not_waited_for() {
        let (certificate, key) = made(&["a.example.org"]);
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("both");
        let config = Arc::new(Shown::new(identity).config(&[]));
        let mut records = Records::new(config).expect("a connection");
        // A hello of almost 16 MB, record after record.
        let mut record = vec![22, 3, 1, 0x40, 0];
        record.extend([1, 0xff, 0xff, 0xff]);
        record.resize(5 + 0x4000, 0);
        let ends = (0..100).find_map(|_| {
            let room = records.room().map(|room| room.extend_from_slice(&record));
            room.and_then(|()| records.advance()).err()
        });
        assert!(ends.is_some(), "it went on and on");
        assert!(records.held() < 2 * (1 << 17), "{} bytes were kept", records.held());
    }
}
