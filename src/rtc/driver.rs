//! Carries out what the sans-IO server asks for: sends, opens and closes relays, keeps the time.
//!
//! Invariant: it is borrowed for one batch at a time and never across an await.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::net::{IpAddr, SocketAddr};
use std::rc::Rc;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use tokio::task::{AbortHandle, spawn_local};
use turn::{Action, Family, FiveTuple, Now, OpenRelay, Out, RelayId, Server, Transport};

use super::queue::Queue;
use super::udp::{self, Room, Udp};
use super::{Settings, Status};

/// How many ports that others may have are tried for a relay before it is refused.
const PORT_TRIES: usize = 64;
/// A batch is sent when it has this many bytes, also when more is waiting.
const BATCH_BYTES: usize = 256 * 1024;

/// The driver of one relay thread, shared by its tasks.
pub(super) type Shared = Rc<RefCell<Driver>>;

struct Relay {
    id: RelayId,
    socket: Rc<Udp>,
    reader: AbortHandle,
}

/// The server with its sockets.
pub(super) struct Driver {
    server: Server,
    out: Out,
    room: Room,
    clients: Vec<Rc<Udp>>,
    relays: Vec<Option<Relay>>,
    /// The addresses of the relays.
    taken: HashSet<SocketAddr>,
    /// The connections over TCP and TLS.
    pub(super) streams: HashMap<FiveTuple, Rc<Queue>>,
    relay_ips: [Option<IpAddr>; 2],
    ports: (u16, u16),
    next_port: u16,
    /// Datagrams that were too long for this machine's network.
    too_long: u64,
    began: Instant,
}

impl Driver {
    /// A driver without sockets.
    pub(super) fn new(settings: Settings) -> Self {
        let (low, high) = settings.relay_ports;
        let spread = u32::from(settings.server.seed[0]) << 8 | u32::from(settings.server.seed[1]);
        let count = u32::from(high.saturating_sub(low)) + 1;
        Self {
            server: Server::new(settings.server),
            out: Out::new(),
            room: Room::new(),
            clients: Vec::new(),
            relays: Vec::new(),
            taken: HashSet::new(),
            streams: HashMap::new(),
            relay_ips: [
                settings.relay_ipv4.map(IpAddr::from),
                settings.relay_ipv6.map(IpAddr::from),
            ],
            ports: settings.relay_ports,
            next_port: low + (spread % count) as u16,
            too_long: 0,
            began: Instant::now(),
        }
    }

    fn now(&self) -> Now {
        let unix = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Now { mono_ms: self.began.elapsed().as_millis() as u64, unix_s: unix.as_secs() }
    }

    /// Begins to read a socket for clients.
    pub(super) fn add_client_socket(&mut self, shared: &Shared, socket: std::net::UdpSocket) {
        let socket = match Udp::new(socket) {
            Ok(socket) => Rc::new(socket),
            Err(error) => {
                tracing::error!(%error, "a socket of the relay cannot be used");
                return;
            }
        };
        self.clients.push(socket.clone());
        spawn_local(read_clients(shared.clone(), socket));
    }

    /// Runs what is due; how the relay does.
    pub(super) fn tick(&mut self, shared: &Shared) -> Status {
        let now = self.now();
        self.server.handle_timeout(now, &mut self.out);
        self.carry_out(shared);
        Status {
            counters: *self.server.counters(),
            sizes: self.server.sizes(),
            streams: self.streams.len(),
            too_long: self.too_long,
        }
    }

    /// What relays are called outside, from now on.
    pub(super) fn set_public(&mut self, (ipv4, ipv6): super::Public) {
        self.server.set_public(ipv4, ipv6);
    }

    /// One frame of a stream.
    pub(super) fn frame(&mut self, tuple: FiveTuple, frame: &[u8]) {
        let now = self.now();
        self.server.handle_client(now, tuple, frame, &mut self.out);
    }

    /// A stream has ended.
    pub(super) fn stream_ended(&mut self, shared: &Shared, tuple: FiveTuple) {
        let now = self.now();
        self.streams.remove(&tuple);
        self.server.close_client(now, tuple, &mut self.out);
        self.carry_out(shared);
    }

    /// Whether a client has an allocation.
    pub(super) fn has_client(&self, tuple: FiveTuple) -> bool {
        self.server.has_client(tuple)
    }

    /// One batch of datagrams of clients; whether there may be more.
    fn client_batch(&mut self, shared: &Shared, socket: &Udp) -> bool {
        let now = self.now();
        let Self { server, out, room, .. } = self;
        let more = socket.receive(room, |client, own, datagram| {
            let server_end = SocketAddr::new(own, socket.local.port());
            let tuple = FiveTuple { transport: Transport::Udp, client, server: server_end };
            server.handle_client(now, tuple, datagram, out);
        });
        self.carry_out(shared);
        more
    }

    /// One batch of datagrams of peers; whether there may be more.
    fn peer_batch(&mut self, shared: &Shared, relay: RelayId, socket: &Udp) -> bool {
        let now = self.now();
        let Self { server, out, room, .. } = self;
        let more = socket.receive(room, |peer, _, datagram| {
            server.handle_peer(now, relay, peer, datagram, out);
        });
        self.carry_out(shared);
        more
    }

    /// Carries out what waits, and what follows from it.
    pub(super) fn carry_out(&mut self, shared: &Shared) {
        while !self.out.is_empty() {
            let mut out = std::mem::take(&mut self.out);
            for action in out.actions() {
                self.act(shared, action);
            }
            let follows = std::mem::take(&mut self.out);
            // The larger buffer is kept.
            out.clear();
            self.out = if follows.is_empty() { out } else { follows };
        }
    }

    /// Whether so much waits that it should be sent first.
    pub(super) fn is_full(&self) -> bool {
        self.out.packet_bytes() > BATCH_BYTES
    }

    fn act(&mut self, shared: &Shared, action: Action<'_>) {
        match action {
            Action::ToClient { tuple, bytes, segment_bytes, relayed } => {
                if tuple.transport.is_stream() {
                    if let Some(queue) = self.streams.get(&tuple) {
                        queue.push(bytes, relayed);
                    }
                } else if let Some(socket) = self.client_socket(tuple).cloned() {
                    let from = Some(tuple.server.ip()).filter(|ip| !ip.is_unspecified());
                    self.too_long += socket.send(tuple.client, from, bytes, segment_bytes);
                }
            }
            Action::ToPeer { relay, peer, bytes, segment_bytes, dont_fragment } => {
                let Some(relay) = self.relay(relay) else { return };
                self.too_long += if dont_fragment {
                    relay.socket.send_whole(peer, bytes, segment_bytes)
                } else {
                    relay.socket.send(peer, None, bytes, segment_bytes)
                };
            }
            Action::Open(open) => self.open(shared, &open),
            Action::Close(relay) => self.close(relay),
        }
    }

    fn client_socket(&self, tuple: FiveTuple) -> Option<&Rc<Udp>> {
        let fits = |socket: &&Rc<Udp>| socket.local.is_ipv4() == tuple.client.is_ipv4();
        self.clients.iter().find(fits)
    }

    fn relay(&self, id: RelayId) -> Option<&Relay> {
        self.relays.get(id.index())?.as_ref().filter(|relay| relay.id == id)
    }

    fn open(&mut self, shared: &Shared, open: &OpenRelay) {
        let bound = self.bind(open);
        let now = self.now();
        match bound {
            Some((first, second)) => {
                let local = first.local;
                self.keep(shared, open.relay, first);
                if let (Some(id), Some(socket)) = (open.next_port, second) {
                    self.keep(shared, id, socket);
                }
                self.server.relay_opened(now, open, local, &mut self.out);
            }
            None => self.server.relay_failed(now, open, &mut self.out),
        }
    }

    /// A free port of the range, and its successor if asked for.
    fn bind(&mut self, open: &OpenRelay) -> Option<(Udp, Option<Udp>)> {
        let ip = match open.family {
            Family::V4 => self.relay_ips[0]?,
            Family::V6 => self.relay_ips[1]?,
        };
        let at = |port| udp::socket(SocketAddr::new(ip, port)).and_then(Udp::new).ok();
        let mut tries = PORT_TRIES;
        for _ in self.ports.0..=self.ports.1 {
            let port = self.take_port();
            let odd = open.even_port && port % 2 == 1;
            if odd || self.taken.contains(&SocketAddr::new(ip, port)) {
                continue;
            }
            if let Some(first) = at(port) {
                if open.next_port.is_none() {
                    return Some((first, None));
                }
                let next = port.checked_add(1).filter(|next| *next <= self.ports.1);
                if let Some(second) = next.and_then(at) {
                    return Some((first, Some(second)));
                }
            }
            tries -= 1;
            if tries == 0 {
                break;
            }
        }
        None
    }

    fn take_port(&mut self) -> u16 {
        let port = self.next_port;
        self.next_port = if port >= self.ports.1 { self.ports.0 } else { port + 1 };
        port
    }

    fn keep(&mut self, shared: &Shared, id: RelayId, socket: Udp) {
        let socket = Rc::new(socket);
        let reader = spawn_local(read_peers(shared.clone(), id, socket.clone())).abort_handle();
        if self.relays.len() <= id.index() {
            self.relays.resize_with(id.index() + 1, || None);
        }
        self.taken.insert(socket.local);
        self.relays[id.index()] = Some(Relay { id, socket, reader });
    }

    fn close(&mut self, id: RelayId) {
        if self.relay(id).is_some()
            && let Some(relay) = self.relays[id.index()].take()
        {
            relay.reader.abort();
            self.taken.remove(&relay.socket.local);
        }
    }
}

async fn read_clients(shared: Shared, socket: Rc<Udp>) {
    while socket.readable().await.is_ok() {
        while shared.borrow_mut().client_batch(&shared, &socket) {
            tokio::task::yield_now().await;
        }
    }
}

async fn read_peers(shared: Shared, relay: RelayId, socket: Rc<Udp>) {
    while socket.readable().await.is_ok() {
        while shared.borrow_mut().peer_batch(&shared, relay, &socket) {
            tokio::task::yield_now().await;
        }
    }
}
