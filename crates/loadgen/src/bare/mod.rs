//! The bare server: what a server costs that does nothing but move the bytes of a load, in one
//! thread over epoll. Beside it a figure of a real server means the same on every machine.
//!
//! It speaks just enough of the protocol that the workloads can drive it: it answers any HTTP
//! request, takes any token for the name of its owner, hands a message to whom it names and acks
//! it. It knows no accounts, checks nothing, and loses what a reader does not read. With a store it
//! keeps each message in a table of SQLite, all that came in one round of epoll in one synced
//! transaction before their acks, and answers pages out of that table.
//!
//! Called by the command (`bare`), which `process` starts.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::path::PathBuf;
use std::sync::Arc;

use mio::event::Event;
use mio::net::{TcpListener, TcpStream};
use mio::{Events, Interest, Poll, Token, Waker};

use speech::{Frame, Request};

use crate::measure::rows::Rows;

pub mod speech;

pub mod process;

/// What a bare server moves.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// Bytes of an event, a row or an answer; shorter ones are filled up with spaces.
    pub bytes: usize,
    /// Keep messages in a store in this folder.
    pub store: Option<PathBuf>,
}

const LISTENER: Token = Token(usize::MAX);
const STOP: Token = Token(usize::MAX - 1);

/// How many bytes are read at once.
const READ: usize = 64 << 10;
/// What waits for a reader that does not read, in bytes; what comes beyond is lost to them.
const UNSENT: usize = 1 << 20;

/// The server.
pub struct Bare {
    poll: Poll,
    listener: TcpListener,
    stopper: Arc<Waker>,
    rows: Option<Rows>,
    bytes: usize,
    connections: Vec<Option<Connection>>,
    /// Places of connections that are gone.
    free: Vec<usize>,
    names: HashMap<String, usize>,
    round: Vec<Sent>,
    buffer: Vec<u8>,
}

struct Connection {
    stream: TcpStream,
    name: String,
    /// The beginning of something whose end has not come yet.
    input: Vec<u8>,
    /// What the kernel has not taken yet.
    unsent: Vec<u8>,
    upgraded: bool,
}

/// A message that came in this round.
struct Sent {
    from: usize,
    /// The ack and the event, as frames.
    ack: Vec<u8>,
    event: Vec<u8>,
    /// One connection, or all others.
    to: Option<usize>,
}

impl Bare {
    /// A server on this listener.
    pub fn new(listener: std::net::TcpListener, options: &Options) -> io::Result<Self> {
        listener.set_nonblocking(true)?;
        let poll = Poll::new()?;
        let mut listener = TcpListener::from_std(listener);
        poll.registry().register(&mut listener, LISTENER, Interest::READABLE)?;
        let stopper = Arc::new(Waker::new(poll.registry(), STOP)?);
        let rows =
            options.store.as_deref().map(Rows::open).transpose().map_err(io::Error::other)?;
        Ok(Self {
            poll,
            listener,
            stopper,
            rows,
            bytes: options.bytes,
            connections: Vec::new(),
            free: Vec::new(),
            names: HashMap::new(),
            round: Vec::new(),
            buffer: vec![0; READ],
        })
    }

    /// Ends the server when it is woken.
    pub fn stopper(&self) -> Arc<Waker> {
        Arc::clone(&self.stopper)
    }

    /// Serves until it is stopped.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        loop {
            match self.poll.poll(&mut events, None) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                outcome => outcome?,
            }
            for event in &events {
                match event.token() {
                    STOP => return Ok(()),
                    LISTENER => self.accept()?,
                    Token(place) => self.turn(place, event),
                }
            }
            self.end_round()?;
        }
    }

    fn accept(&mut self) -> io::Result<()> {
        loop {
            let mut stream = match self.listener.accept() {
                Ok((stream, _)) => stream,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                // One that has gone again, or no file left for it: the others go on.
                Err(_) => return Ok(()),
            };
            stream.set_nodelay(true)?;
            let place = self.free.pop().unwrap_or(self.connections.len());
            let both = Interest::READABLE | Interest::WRITABLE;
            self.poll.registry().register(&mut stream, Token(place), both)?;
            let (input, unsent) = (Vec::new(), Vec::new());
            let connection =
                Connection { stream, name: String::new(), input, unsent, upgraded: false };
            match self.connections.get_mut(place) {
                Some(empty) => *empty = Some(connection),
                None => self.connections.push(Some(connection)),
            }
        }
    }

    /// Reads what a connection has to say; one that is gone loses its place.
    fn turn(&mut self, place: usize, event: &Event) {
        let taken = self.connections.get_mut(place).and_then(Option::take);
        let Some(mut connection) = taken else { return };
        let alive = (!event.is_writable() || connection.flush())
            && (!event.is_readable() || self.read(place, &mut connection));
        if alive {
            self.connections[place] = Some(connection);
        } else {
            self.free.push(place);
            // Its owner may be back under the same name already.
            if self.names.get(&connection.name) == Some(&place) {
                self.names.remove(&connection.name);
            }
        }
    }

    fn read(&mut self, place: usize, connection: &mut Connection) -> bool {
        loop {
            match connection.stream.read(&mut self.buffer) {
                Ok(0) => return false,
                Ok(count) => {
                    connection.input.extend_from_slice(&self.buffer[..count]);
                    if !self.take(place, connection) {
                        return false;
                    }
                    // A short read has emptied the socket: epoll tells of what comes after it.
                    if count < self.buffer.len() {
                        return true;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return false,
            }
        }
    }

    /// Takes requests and frames that are there as a whole; false when it is over.
    fn take(&mut self, place: usize, connection: &mut Connection) -> bool {
        let mut input = std::mem::take(&mut connection.input);
        let mut used = 0;
        while used < input.len() {
            let taken = if connection.upgraded {
                let Some(frame) = Frame::read(&mut input[used..]) else { break };
                if frame.is_close {
                    return false;
                }
                self.hear(place, frame.text);
                frame.length
            } else {
                let Some(request) = Request::read(&input[used..]) else { break };
                self.answer(place, connection, &request);
                request.length
            };
            used += taken;
        }
        if used < input.len() {
            input.drain(..used);
            connection.input = input;
        }
        true
    }

    fn answer(&mut self, place: usize, connection: &mut Connection, request: &Request<'_>) {
        let mut out = Vec::new();
        if let Some(key) = request.key {
            connection.upgraded = true;
            request.token.clone_into(&mut connection.name);
            self.names.insert(connection.name.clone(), place);
            speech::put_upgrade(&mut out, key);
            return connection.write(&out);
        }
        let bytes = request.bytes().unwrap_or(self.bytes);
        let mut body = Vec::with_capacity(bytes);
        match (&mut self.rows, request.limit()) {
            // What cannot be read is filled up with spaces.
            (Some(rows), Some(limit)) => rows.page(request.place(), limit, &mut body),
            _ => body.extend_from_slice(speech::ANSWER),
        }
        if body.len() < bytes {
            body.resize(bytes, b' ');
        }
        speech::put_answer(&mut out, &body);
        match request.chat() {
            None => connection.write(&out),
            Some(chat) => self.sent(place, chat, (request.body, "}"), out),
        }
    }

    fn hear(&mut self, place: usize, text: &str) {
        let Some(asked) = speech::Asked::read(text) else { return };
        let mut reply = Vec::new();
        let Some(chat) = asked.chat else {
            speech::put_reply(&mut reply, asked.id, self.bytes);
            return self.round.push(Sent { from: place, ack: reply, event: Vec::new(), to: None });
        };
        speech::put_reply(&mut reply, asked.id, 0);
        self.sent(place, chat, (asked.data, ""), reply);
    }

    /// A message: what it carries in two parts, and what says that it was taken.
    fn sent(&mut self, from: usize, chat: &str, (data, end): (&str, &str), ack: Vec<u8>) {
        let mut event = Vec::new();
        speech::put_event(&mut event, data, end, self.bytes);
        self.round.push(Sent { from, ack, event, to: self.names.get(chat).copied() });
    }

    /// Stores, acks and delivers what came in this round, with one write for each connection.
    fn end_round(&mut self) -> io::Result<()> {
        let round = std::mem::take(&mut self.round);
        let Some(last) = round.last() else { return Ok(()) };
        let sender = last.from;
        if let Some(rows) = &mut self.rows {
            rows.append(round.iter().map(|sent| sent.event.as_slice()))
                .map_err(io::Error::other)?;
        }
        let (mut all, mut each) = (Vec::new(), HashMap::<usize, Vec<u8>>::new());
        for Sent { from, ack, event, to } in round {
            each.entry(from).or_default().extend(ack);
            match to {
                Some(place) => each.entry(place).or_default().extend(event),
                None => all.extend(event),
            }
        }
        for (place, bytes) in each {
            if let Some(Some(connection)) = self.connections.get_mut(place) {
                connection.write(&bytes);
            }
        }
        if !all.is_empty() {
            let upgraded = |(place, connection): &(usize, &mut Connection)| {
                *place != sender && connection.upgraded
            };
            let places = self.connections.iter_mut().enumerate();
            let others = places.filter_map(|(place, one)| Some((place, one.as_mut()?)));
            others.filter(upgraded).for_each(|(_, connection)| connection.write(&all));
        }
        Ok(())
    }
}

impl Connection {
    /// Sends, or keeps what the kernel does not take.
    fn write(&mut self, bytes: &[u8]) {
        let mut sent = 0;
        if self.unsent.is_empty() {
            // A connection that is broken says so when it is read.
            sent = self.stream.write(bytes).unwrap_or(0);
        }
        if sent < bytes.len() && self.unsent.len() < UNSENT {
            self.unsent.extend_from_slice(&bytes[sent..]);
        }
    }

    /// Sends what was kept; false when the connection is broken.
    fn flush(&mut self) -> bool {
        while !self.unsent.is_empty() {
            match self.stream.write(&self.unsent) {
                Ok(count) => drop(self.unsent.drain(..count)),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return true,
                Err(_) => return false,
            }
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Wire;
    use crate::client::api::{Api, Session};
    use crate::run::messages::{Heard, hear, send_frame};
    use crate::scratch::Scratch;

    /// A bare server in a thread of its own; stopped when dropped.
    struct Running(std::net::SocketAddr, Arc<Waker>, Option<std::thread::JoinHandle<()>>);

    impl Running {
        fn start(options: &Options) -> Self {
            let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
            let addr = listener.local_addr().expect("it is bound");
            let bare = Bare::new(listener, options).expect("a server");
            let stopper = bare.stopper();
            let run = move || bare.run().expect("it runs until it is stopped");
            Self(addr, stopper, Some(std::thread::spawn(run)))
        }

        async fn wire(&self, name: &str) -> Wire {
            let wire = Wire::open(session(name).dial(self.0)).await.expect("an upgrade");
            wire.live().await.expect("a hello")
        }
    }

    impl Drop for Running {
        fn drop(&mut self) {
            self.1.wake().expect("it runs");
            self.2.take().map(std::thread::JoinHandle::join);
        }
    }

    fn session(name: &str) -> Session {
        Session { user: name.to_owned(), token: name.to_owned() }
    }

    #[tokio::test]
    async fn a_message_reaches_whom_it_names_and_a_groups_message_all_others() {
        let bare = Running::start(&Options { bytes: 300, store: None });
        let (mut ana, mut beto) = (bare.wire("ana").await, bare.wire("beto").await);
        let mut carla = bare.wire("carla").await;
        ana.feed(send_frame(7, "beto", "k1", "hola")).await.expect("open");
        ana.feed(send_frame(8, "all", "k2", "hola a todos")).await.expect("open");
        ana.flush().await.expect("open");
        for _ in 0..2 {
            let text = ana.next().await.expect("an ack");
            assert_eq!(hear(&text).expect("a frame"), Heard::Acked);
        }
        let text = beto.next().await.expect("a message");
        assert_eq!((hear(&text).expect("a frame"), text.len()), (Heard::Message("k1"), 300));
        for wire in [&mut beto, &mut carla] {
            let text = wire.next().await.expect("a message");
            assert_eq!(hear(&text).expect("a frame"), Heard::Message("k2"));
        }
    }

    #[tokio::test]
    async fn a_page_holds_rows_that_were_stored_and_any_other_answer_is_filled_up() {
        let folder = Scratch::new(None).expect("a folder");
        let store = Some(folder.path().to_owned());
        let bare = Running::start(&Options { bytes: 200, store });
        let mut ana = bare.wire("ana").await;
        for index in 0..20 {
            ana.send(send_frame(index, "beto", "k", "hola")).await.expect("open");
            ana.next().await.expect("an ack");
        }
        let api = Api::with(bare.0, session("ana"));
        let page = api.bytes_of("/api/v1/chats/c/messages?limit=10&before=15", None).await;
        assert_eq!(page.expect("a page"), 10 * 200);
        assert_eq!(api.bytes_of("/api/v1/search?q=ana", None).await.expect("an answer"), 200);
        api.send("ana", "k7", "hola").await.expect("an answer");
        let text = ana.next().await.expect("a message by REST");
        assert_eq!(hear(&text).expect("a frame"), Heard::Message("k7"));
        let group = api.create_group("Load", &[]).await.expect("any group");
        assert_eq!(group, "all");
    }
}
