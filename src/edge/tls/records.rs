//! TLS of one connection without its socket: bytes in, bytes out, and no buffer while nothing is
//! under way. The usual API of rustls keeps 4 KiB to read into for as long as a connection lives,
//! half of what one that idles costs; the one used here leaves the buffers to us. Called by
//! `handshake` and `secured`.

use std::sync::Arc;

use bytes::{Buf, BytesMut};
use tokio_rustls::rustls::server::{ServerConnectionData, UnbufferedServerConnection};
use tokio_rustls::rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, UnbufferedStatus, WriteTraffic,
};
use tokio_rustls::rustls::{Error, ServerConfig};

/// The longest record with its head (RFC 5246 §6.2.3): so much is read at once.
const RECORD: usize = 5 + (1 << 14) + 2048;
/// At most so much waits for the rest of a message.
const WAITING: usize = 1 << 16;

/// Where a connection stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The handshake goes on once more has come.
    Shaking,
    /// Both sides may send.
    Open,
    /// The other side sends no more.
    Ended,
}

/// The server's side of one connection.
pub(super) struct Records {
    connection: UnbufferedServerConnection,
    incoming: BytesMut,
    /// What came and was decrypted.
    pub(super) plain: BytesMut,
    /// What is to be sent, also after an error, which it tells the other side.
    pub(super) outgoing: BytesMut,
    has_ended: bool,
    /// After it nothing more is done: rustls must not be asked again.
    failed: Option<Error>,
}

impl Records {
    /// One to which nothing has come yet.
    pub(super) fn new(config: Arc<ServerConfig>) -> Result<Self, Error> {
        Ok(Self {
            connection: UnbufferedServerConnection::new(config)?,
            incoming: BytesMut::new(),
            plain: BytesMut::new(),
            outgoing: BytesMut::new(),
            has_ended: false,
            failed: None,
        })
    }

    /// Where to put what comes from the other side, at the end; `advance` takes it from there. An
    /// error if the other side goes on and on with one message.
    pub(super) fn room(&mut self) -> Result<&mut BytesMut, Error> {
        if self.incoming.len() >= WAITING {
            return Err(Error::General("a message of the handshake is too long".into()));
        }
        self.incoming.reserve(RECORD);
        Ok(&mut self.incoming)
    }

    /// The protocol that both sides agreed on (ALPN, RFC 7301).
    pub(super) fn protocol(&self) -> Option<&[u8]> {
        self.connection.alpn_protocol()
    }

    /// Gives back the buffers that are empty.
    pub(super) fn rest(&mut self) {
        for buffer in [&mut self.incoming, &mut self.plain, &mut self.outgoing] {
            if buffer.is_empty() {
                *buffer = BytesMut::new();
            }
        }
    }

    /// How many bytes of memory its buffers hold.
    #[cfg(test)]
    pub(super) fn held(&self) -> usize {
        [&self.incoming, &self.plain, &self.outgoing].map(BytesMut::capacity).iter().sum()
    }

    /// Takes all that came as far as it goes.
    pub(super) fn advance(&mut self) -> Result<Standing, Error> {
        self.drive(|_, _| Ok(()))?;
        Ok(match (self.has_ended, self.connection.is_handshaking()) {
            (true, _) => Standing::Ended,
            (false, true) => Standing::Shaking,
            (false, false) => Standing::Open,
        })
    }

    /// Encrypts bytes, to be sent.
    pub(super) fn encrypt(&mut self, plain: &[u8]) -> Result<(), Error> {
        let encrypted =
            self.drive(|traffic, out| filled(out, |room| traffic.encrypt(plain, room)))?;
        if encrypted { Ok(()) } else { Err(Error::HandshakeNotComplete) }
    }

    /// Says that this side sends no more, unless it has never begun.
    pub(super) fn close(&mut self) -> Result<(), Error> {
        self.drive(|traffic, out| filled(out, |room| traffic.queue_close_notify(room))).map(drop)
    }

    /// Takes all that came as far as it goes, and then sends, if this side may; answers whether it
    /// may. What came is taken first, as rustls remembers places in those bytes.
    fn drive(
        &mut self,
        send: impl FnOnce(&mut Traffic<'_>, &mut BytesMut) -> Result<(), Error>,
    ) -> Result<bool, Error> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        loop {
            let UnbufferedStatus { mut discard, state } =
                self.connection.process_tls_records(&mut self.incoming);
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    self.explain();
                    self.failed = Some(error.clone());
                    return Err(error);
                }
            };
            match state {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        self.plain.extend_from_slice(record.payload);
                    }
                }
                ConnectionState::EncodeTlsData(mut message) => {
                    filled(&mut self.outgoing, |room| message.encode(room))?;
                }
                ConnectionState::TransmitTlsData(message) => message.done(),
                ConnectionState::PeerClosed => self.has_ended = true,
                ConnectionState::WriteTraffic(mut traffic) => {
                    send(&mut traffic, &mut self.outgoing)?;
                    self.incoming.advance(discard);
                    return Ok(true);
                }
                ConnectionState::BlockedHandshake | ConnectionState::Closed => {
                    self.incoming.advance(discard);
                    return Ok(false);
                }
                // Data before the handshake's end, which the settings of no server here allow.
                other => return Err(Error::General(format!("unexpected: {other:?}"))),
            }
            self.incoming.advance(discard);
        }
    }

    /// After an error: what the other side is told of it.
    fn explain(&mut self) {
        while self.connection.wants_write() {
            let status = self.connection.process_tls_records(&mut self.incoming);
            let Ok(ConnectionState::EncodeTlsData(mut message)) = status.state else { return };
            if filled(&mut self.outgoing, |room| message.encode(room)).is_err() {
                return;
            }
        }
    }
}

type Traffic<'a> = WriteTraffic<'a, ServerConnectionData>;

/// Why something was not written.
enum Refusal {
    /// It needs so many bytes of room.
    Room(usize),
    Fault(Error),
}

impl From<EncodeError> for Refusal {
    fn from(error: EncodeError) -> Self {
        match error {
            EncodeError::InsufficientSize(size) => Self::Room(size.required_size),
            EncodeError::AlreadyEncoded => Self::Fault(Error::General(error.to_string())),
        }
    }
}

impl From<EncryptError> for Refusal {
    fn from(error: EncryptError) -> Self {
        match error {
            EncryptError::InsufficientSize(size) => Self::Room(size.required_size),
            EncryptError::EncryptExhausted => Self::Fault(Error::EncryptError),
        }
    }
}

/// Writes at the end of a buffer what says how much room it needs when it has none.
fn filled<E: Into<Refusal>>(
    buffer: &mut BytesMut,
    mut write: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<(), Error> {
    let needed = match write(&mut []).map_err(Into::into) {
        Ok(_) => return Ok(()),
        Err(Refusal::Room(needed)) => needed,
        Err(Refusal::Fault(error)) => return Err(error),
    };
    let end = buffer.len();
    buffer.resize(end + needed, 0);
    let written = write(buffer.get_mut(end..).unwrap_or_default()).map_err(Into::into);
    buffer.truncate(end + written.as_ref().map_or(0, |written| *written));
    match written {
        Ok(_) => Ok(()),
        Err(Refusal::Fault(error)) => Err(error),
        Err(Refusal::Room(_)) => Err(Error::EncryptError),
    }
}

#[cfg(test)]
mod tests {
    use rustls_pki_types::ServerName;
    use tokio_rustls::rustls::ClientConnection;

    use super::super::handshake::tests::believer;
    use super::super::identity::Identity;
    use super::super::identity::tests::made;
    use super::super::shown::Shown;
    use super::*;

    /// A server's side, and a client that believes it.
    struct Pair {
        server: Records,
        client: ClientConnection,
    }

    impl Pair {
        fn new(config: &Arc<ServerConfig>, client: &tokio_rustls::TlsConnector) -> Self {
            let name = ServerName::try_from("a.example.org").expect("a name");
            let client = ClientConnection::new(client.config().clone(), name).expect("a client");
            Self { server: Records::new(config.clone()).expect("a connection"), client }
        }

        /// What the client sends now.
        fn sent(&mut self) -> Vec<u8> {
            let mut bytes = Vec::new();
            while self.client.wants_write() {
                self.client.write_tls(&mut bytes).expect("room");
            }
            bytes
        }

        /// Gives the server those bytes in pieces, and the client what it answers.
        fn give(&mut self, bytes: &[u8], piece: usize) -> Result<Standing, Error> {
            let mut standing = Ok(Standing::Shaking);
            for piece in bytes.chunks(piece) {
                self.server.room()?.extend_from_slice(piece);
                standing = self.server.advance();
                let mut answer = &*self.server.outgoing;
                while !answer.is_empty() && self.client.read_tls(&mut answer).is_ok() {
                    // What a client makes of nonsense is not our business here.
                    let _ = self.client.process_new_packets();
                }
                self.server.outgoing = BytesMut::new();
            }
            standing
        }
    }

    /// Changes, cuts or repeats some of the bytes.
    fn spoil(random: &mut fastrand::Rng, bytes: &mut Vec<u8>) {
        for _ in 0..random.usize(1..4) {
            let at = random.usize(..bytes.len().max(1));
            match random.u8(..3) {
                0 => bytes.truncate(at),
                1 => bytes.extend_from_within(at.min(bytes.len())..),
                _ => bytes.iter_mut().skip(at).take(1).for_each(|byte| *byte = random.u8(..)),
            }
        }
    }

    /// Whatever comes, in whatever pieces, at the beginning or later: an error at most; and after
    /// one nothing is done any more.
    #[test]
    fn nothing_that_comes_panics() {
        let (certificate, key) = made(&["a.example.org"]);
        let identity = Identity::from_pem(certificate.as_bytes(), key.as_bytes()).expect("both");
        let config = Arc::new(Shown::new(identity).config(&[]));
        let client = believer(&certificate);
        let (mut opened, mut failed) = (0, 0);
        for seed in 0..600 {
            let mut random = fastrand::Rng::with_seed(seed);
            let mut pair = Pair::new(&config, &client);
            let spoiled = random.usize(..4);
            for flight in 0..4 {
                let mut bytes = pair.sent();
                if flight == spoiled {
                    spoil(&mut random, &mut bytes);
                }
                let standing = pair.give(&bytes, random.usize(1..2000));
                opened += usize::from(standing == Ok(Standing::Open));
                if let Err(error) = standing {
                    failed += 1;
                    assert_eq!(pair.server.advance(), Err(error.clone()), "seed {seed}");
                    assert!(pair.server.encrypt(b"hola").is_err(), "seed {seed}");
                    assert!(pair.server.close().is_err(), "seed {seed}");
                    break;
                }
                // Refused while the handshake is not over.
                let _ = std::io::Write::write_all(&mut pair.client.writer(), b"hola");
            }
        }
        assert!(opened > 100 && failed > 100, "{opened} opened, {failed} failed");
    }
}
