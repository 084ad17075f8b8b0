//! A network in memory: the server, a driver that carries out its actions, and clients.
//!
//! Used by every test here and by the fuzz targets, so it depends on neither.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use turn::stun::{Class, Message, Method, TransactionId, Writer, attribute, long_term_key};
use turn::{
    Action, Config, Credentials, Family, FiveTuple, Now, OpenRelay, Out, RelayId, Server, Transport,
};

pub const SECRET: &[u8] = b"north";
pub const REALM: &str = "chat.example";
pub const START_UNIX_S: u64 = 1_800_000_000;
pub const PUBLIC_IP: &str = "198.51.100.7";
pub const LOCAL_IP: &str = "10.0.0.5";
pub const PUBLIC_IP6: &str = "2001:db8::7";

pub fn address(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

pub fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

pub fn config() -> Config {
    Config {
        public_ipv4: Some(PUBLIC_IP.parse().unwrap()),
        bandwidth: None,
        ..Config::new(REALM, SECRET, [9; 32])
    }
}

/// Something that left the server for the outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sent {
    Client { tuple: FiveTuple, bytes: Vec<u8>, relayed: bool },
    Peer { relay: RelayId, peer: SocketAddr, bytes: Vec<u8>, dont_fragment: bool },
}

/// What the driver does with requests for sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ports {
    Bind,
    Fail,
    Hold,
}

pub struct Net {
    pub server: Server,
    pub now: Now,
    pub ports: Ports,
    /// Local addresses of open relay sockets.
    pub sockets: HashMap<RelayId, SocketAddr>,
    pub held: Vec<OpenRelay>,
    pub closed: usize,
    next_port: u16,
    next_transaction: u64,
    out: Out,
}

impl Net {
    pub fn new(config: Config) -> Self {
        Self {
            server: Server::new(config),
            now: Now { mono_ms: 0, unix_s: START_UNIX_S },
            ports: Ports::Bind,
            sockets: HashMap::new(),
            held: Vec::new(),
            closed: 0,
            next_port: 50_001,
            next_transaction: 0,
            out: Out::new(),
        }
    }

    pub fn wait_s(&mut self, seconds: u64) -> Vec<Sent> {
        self.wait_ms(seconds * 1000)
    }

    pub fn wait_ms(&mut self, ms: u64) -> Vec<Sent> {
        let whole_s = (self.now.mono_ms % 1000 + ms) / 1000;
        self.now = Now { mono_ms: self.now.mono_ms + ms, unix_s: self.now.unix_s + whole_s };
        self.server.handle_timeout(self.now, &mut self.out);
        self.carry_out()
    }

    pub fn client_sends(&mut self, tuple: FiveTuple, packet: &[u8]) -> Vec<Sent> {
        self.server.handle_client(self.now, tuple, packet, &mut self.out);
        self.carry_out()
    }

    pub fn peer_sends(&mut self, relay: RelayId, peer: SocketAddr, payload: &[u8]) -> Vec<Sent> {
        self.server.handle_peer(self.now, relay, peer, payload, &mut self.out);
        self.carry_out()
    }

    pub fn hang_up(&mut self, tuple: FiveTuple) -> Vec<Sent> {
        self.server.close_client(self.now, tuple, &mut self.out);
        self.carry_out()
    }

    pub fn transaction(&mut self) -> TransactionId {
        self.next_transaction += 1;
        let mut transaction = *b"test00000000";
        transaction[4..].copy_from_slice(&self.next_transaction.to_be_bytes());
        transaction
    }

    /// The relay whose public address this is.
    pub fn relay_at(&self, public: SocketAddr) -> RelayId {
        let port = |(_, local): &(&RelayId, &SocketAddr)| local.port() == public.port();
        *self.sockets.iter().find(port).unwrap().0
    }

    /// Binds or fails what was held.
    pub fn settle(&mut self, ports: Ports) -> Vec<Sent> {
        let mut sent = Vec::new();
        for open in std::mem::take(&mut self.held) {
            self.open(ports, open);
            sent.extend(self.carry_out());
        }
        sent
    }

    fn carry_out(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        while !self.out.is_empty() {
            let mut opens = Vec::new();
            for action in self.out.actions() {
                match action {
                    Action::ToClient { tuple, bytes, segment_bytes, relayed } => {
                        let packets = packets(bytes, segment_bytes).map(<[u8]>::to_vec);
                        sent.extend(packets.map(|bytes| Sent::Client { tuple, bytes, relayed }));
                    }
                    Action::ToPeer { relay, peer, bytes, segment_bytes, dont_fragment } => {
                        let packets = packets(bytes, segment_bytes).map(<[u8]>::to_vec);
                        let peer = |bytes| Sent::Peer { relay, peer, bytes, dont_fragment };
                        sent.extend(packets.map(peer));
                    }
                    Action::Open(open) => opens.push(open),
                    Action::Close(relay) => {
                        self.closed += usize::from(self.sockets.remove(&relay).is_some());
                    }
                }
            }
            self.out.clear();
            for open in opens {
                self.open(self.ports, open);
            }
        }
        sent
    }

    fn open(&mut self, ports: Ports, open: OpenRelay) {
        match ports {
            Ports::Hold => self.held.push(open),
            Ports::Fail => self.server.relay_failed(self.now, &open, &mut self.out),
            Ports::Bind => {
                let local = self.bind(&open);
                self.server.relay_opened(self.now, &open, local, &mut self.out);
            }
        }
    }

    fn bind(&mut self, open: &OpenRelay) -> SocketAddr {
        // Wraps round within the dynamic ports, as a long fuzz run needs.
        if self.next_port > 65_000 {
            self.next_port = 50_001;
        }
        let port = if open.even_port { self.next_port.next_multiple_of(2) } else { self.next_port };
        self.next_port = port + 2;
        let ip = if open.family == Family::V4 { ip(LOCAL_IP) } else { ip("fd00::5") };
        self.sockets.insert(open.relay, SocketAddr::new(ip, port));
        if let Some(next) = open.next_port {
            self.sockets.insert(next, SocketAddr::new(ip, port + 1));
        }
        SocketAddr::new(ip, port)
    }
}

fn packets(bytes: &[u8], segment_bytes: usize) -> impl Iterator<Item = &[u8]> {
    let empty = bytes.is_empty().then_some(bytes);
    empty.into_iter().chain(bytes.chunks(segment_bytes.max(1)))
}

pub fn tuple(client: &str) -> FiveTuple {
    over(Transport::Udp, client)
}

pub fn over(transport: Transport, client: &str) -> FiveTuple {
    FiveTuple { transport, client: address(client), server: address("10.0.0.5:3478") }
}

/// What a relay sends to a peer without DF.
pub fn to_peer(relay: RelayId, peer: SocketAddr, bytes: &[u8]) -> Sent {
    Sent::Peer { relay, peer, bytes: bytes.to_vec(), dont_fragment: false }
}

/// One client on one 5-tuple, with a credential.
#[derive(Clone)]
pub struct Client {
    pub tuple: FiveTuple,
    pub credentials: Credentials,
    pub nonce: Vec<u8>,
}

/// An answer, taken apart.
#[derive(Clone, Debug)]
pub struct Answer {
    pub class: Class,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn message(&self) -> Message<'_> {
        Message::parse(&self.bytes).unwrap()
    }

    pub fn is_success(&self) -> bool {
        self.class == Class::Success
    }

    /// The error's number; 0 for a success.
    pub fn code(&self) -> u16 {
        let message = self.message();
        let Some(value) = message.find(attribute::ERROR_CODE) else { return 0 };
        u16::from(value[2]) * 100 + u16::from(value[3])
    }

    pub fn address(&self, kind: u16) -> Option<SocketAddr> {
        let message = self.message();
        message.find(kind).and_then(|value| message.xor_address(value))
    }

    pub fn number(&self, kind: u16) -> Option<u32> {
        let value = self.message().find(kind)?.try_into().unwrap();
        Some(u32::from_be_bytes(value))
    }

    pub fn relayed(&self) -> SocketAddr {
        self.address(attribute::XOR_RELAYED_ADDRESS).unwrap()
    }
}

/// The single STUN answer among what was sent to this client.
pub fn answer_for(sent: &[Sent], tuple: FiveTuple) -> Option<Answer> {
    let mut answers = sent.iter().filter_map(|sent| match sent {
        Sent::Client { tuple: to, bytes, relayed: false } if *to == tuple => {
            let class = Message::parse(bytes).unwrap().class();
            Some(Answer { class, bytes: bytes.clone() })
        }
        _ => None,
    });
    let answer = answers.next();
    assert!(answers.next().is_none(), "one answer a request");
    answer
}

pub const UDP: [u8; 4] = [17, 0, 0, 0];

impl Client {
    /// A user with a credential that lasts ten minutes.
    pub fn new(user: &str, from: &str) -> Self {
        Self::on(user, tuple(from))
    }

    pub fn on(user: &str, tuple: FiveTuple) -> Self {
        let credentials = Credentials::issue(SECRET, START_UNIX_S + 600, user, "call1");
        Self { tuple, credentials, nonce: Vec::new() }
    }

    pub fn key(&self) -> [u8; 16] {
        let Credentials { username, password } = &self.credentials;
        long_term_key(username.as_bytes(), REALM.as_bytes(), password.as_bytes())
    }

    /// A request with credentials, built by hand.
    pub fn build(
        &self,
        method: Method,
        transaction: TransactionId,
        body: impl FnOnce(&mut Writer<'_>),
    ) -> Vec<u8> {
        let mut packet = Vec::new();
        let mut request = Writer::new(&mut packet, Class::Request, method, transaction);
        body(&mut request);
        request.attribute(attribute::USERNAME, self.credentials.username.as_bytes());
        request.attribute(attribute::REALM, REALM.as_bytes());
        request.attribute(attribute::NONCE, &self.nonce);
        request.integrity(&self.key()).fingerprint();
        packet
    }

    /// Asks, and follows a challenge once, as clients do.
    pub fn ask(
        &mut self,
        net: &mut Net,
        method: Method,
        body: impl Fn(&mut Writer<'_>),
    ) -> Option<Answer> {
        for _ in 0..2 {
            let transaction = net.transaction();
            let packet = self.build(method, transaction, &body);
            let answer = answer_for(&net.client_sends(self.tuple, &packet), self.tuple)?;
            let message = answer.message();
            assert_eq!(message.transaction(), transaction);
            assert!(message.has_fingerprint(), "a fingerprint is answered with one");
            let nonce = message.find(attribute::NONCE).map(<[u8]>::to_vec);
            match nonce {
                Some(nonce) if nonce != self.nonce => self.nonce = nonce,
                _ => {
                    let proven = answer.message().verify_integrity(&self.key());
                    assert!(proven || [400, 401].contains(&answer.code()), "protected answer");
                    return Some(answer);
                }
            }
        }
        panic!("challenged twice with different nonces");
    }

    pub fn allocate_with(&mut self, net: &mut Net, body: impl Fn(&mut Writer<'_>)) -> Answer {
        let answer = self.ask(net, Method::ALLOCATE, |request| {
            request.attribute(attribute::REQUESTED_TRANSPORT, &UDP);
            body(request);
        });
        answer.unwrap()
    }

    pub fn allocate(&mut self, net: &mut Net) -> Answer {
        self.allocate_with(net, |_| {})
    }

    pub fn refresh(&mut self, net: &mut Net, lifetime_s: u32) -> Answer {
        let set = |request: &mut Writer<'_>| {
            request.number(attribute::LIFETIME, lifetime_s);
        };
        self.ask(net, Method::REFRESH, set).unwrap()
    }

    pub fn permit(&mut self, net: &mut Net, peers: &[SocketAddr]) -> Answer {
        let add = |request: &mut Writer<'_>| {
            for peer in peers {
                request.xor_address(attribute::XOR_PEER_ADDRESS, *peer);
            }
        };
        self.ask(net, Method::CREATE_PERMISSION, add).unwrap()
    }

    pub fn bind(&mut self, net: &mut Net, channel: u16, peer: SocketAddr) -> Answer {
        let set = |request: &mut Writer<'_>| {
            request.number(attribute::CHANNEL_NUMBER, u32::from(channel) << 16);
            request.xor_address(attribute::XOR_PEER_ADDRESS, peer);
        };
        self.ask(net, Method::CHANNEL_BIND, set).unwrap()
    }

    pub fn send(&self, net: &mut Net, peer: SocketAddr, payload: &[u8]) -> Vec<Sent> {
        let packet = send_indication(net.transaction(), peer, payload);
        net.client_sends(self.tuple, &packet)
    }

    pub fn channel(&self, net: &mut Net, channel: u16, payload: &[u8]) -> Vec<Sent> {
        net.client_sends(self.tuple, &channel_data(channel, payload))
    }
}

pub fn send_indication(transaction: TransactionId, peer: SocketAddr, payload: &[u8]) -> Vec<u8> {
    let mut packet = Vec::new();
    let mut message = Writer::new(&mut packet, Class::Indication, Method::SEND, transaction);
    message.xor_address(attribute::XOR_PEER_ADDRESS, peer);
    message.attribute(attribute::DATA, payload);
    packet
}

pub fn channel_data(channel: u16, payload: &[u8]) -> Vec<u8> {
    let length = payload.len() as u16;
    [&channel.to_be_bytes(), &length.to_be_bytes(), payload].concat()
}

/// The peer and payload of a Data indication.
pub fn data_of(bytes: &[u8]) -> (SocketAddr, Vec<u8>) {
    let message = Message::parse(bytes).unwrap();
    assert_eq!((message.class(), message.method()), (Class::Indication, Method::DATA));
    let peer = message.xor_address(message.find(attribute::XOR_PEER_ADDRESS).unwrap()).unwrap();
    (peer, message.find(attribute::DATA).unwrap().to_vec())
}
