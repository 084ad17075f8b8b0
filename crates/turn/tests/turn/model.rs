//! An independent account of who may talk to whom, beside the server, through random lives.
//!
//! [`run`] plays a list of steps and panics when the server relays what it must not, keeps what
//! it must forget, or outgrows its bounds. Used by the property tests and a fuzz target.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};

use turn::stun::attribute;
use turn::{Config, FiveTuple, RelayId, Sizes, Transport};

use crate::support::*;

/// One step; numbers choose among few clients, peers and channels, so that they meet.
#[derive(Clone, Debug)]
pub enum Step {
    Allocate { client: u8, even: u8, lifetime_s: u16 },
    Refresh { client: u8, lifetime_s: u16 },
    Permit { client: u8, peer: u8 },
    Bind { client: u8, channel: u8, peer: u8 },
    Send { client: u8, peer: u8 },
    Channel { client: u8, channel: u8 },
    Peer { client: u8, peer: u8 },
    HangUp { client: u8 },
    Wait { ms: u32 },
    Ports { mode: u8 },
    Raw { client: u8, bytes: Vec<u8> },
}

pub const CLIENTS: usize = 5;
const MAX_RELAYS: usize = 4;
const MAX_RELAYS_PER_USER: u32 = 2;
const SILENT_MS: u64 = 30_000;
const MAX_PERMISSIONS: usize = 3;
const MAX_CHANNELS: usize = 2;

/// What the model believes of one client.
#[derive(Default)]
struct Belief {
    relay: Option<(RelayId, SocketAddr)>,
    ends_ms: u64,
    /// When the client last asked for something, or a packet last went through.
    heard_ms: u64,
    permissions: HashMap<IpAddr, u64>,
    channels: HashMap<u16, (SocketAddr, u64)>,
}

struct World {
    net: Net,
    clients: Vec<Client>,
    beliefs: Vec<Belief>,
}

/// Plays the steps and checks after each.
pub fn run(steps: &[Step]) {
    let mut world = World::new();
    for step in steps {
        world.play(step);
        world.check_bounds();
    }
    world.net.settle(Ports::Bind);
    world.net.wait_s(4000);
    assert_eq!(world.net.server.sizes(), Sizes::default(), "all ends");
    assert!(world.net.sockets.is_empty(), "no socket is forgotten");
    assert_eq!(world.net.server.poll_timeout(), None);
}

impl World {
    fn new() -> Self {
        let net = Net::new(Config {
            max_relays: MAX_RELAYS,
            max_relays_per_user: MAX_RELAYS_PER_USER,
            silent_ms: SILENT_MS,
            max_permissions: MAX_PERMISSIONS,
            max_channels: MAX_CHANNELS,
            bandwidth: Some(turn::Bandwidth { bytes_per_s: 50, burst_bytes: 200 }),
            ..config()
        });
        let transports = [Transport::Udp, Transport::Tcp, Transport::Tls];
        let clients = (0..CLIENTS).map(|at| {
            let tuple = over(transports[at % 3], &format!("203.0.113.{at}:4000"));
            let mut client = Client::on(["ana", "bob"][at % 2], tuple);
            // The model has its own view of time: credentials never expire here.
            client.credentials =
                turn::Credentials::issue(SECRET, u64::MAX, ["ana", "bob"][at % 2], "");
            client
        });
        let clients: Vec<Client> = clients.collect();
        let beliefs = clients.iter().map(|_| Belief::default()).collect();
        Self { net, clients, beliefs }
    }

    fn now_ms(&self) -> u64 {
        self.net.now.mono_ms
    }

    /// Public, forbidden, and (when they exist) the relays of the clients.
    fn peer(&self, peer: u8) -> SocketAddr {
        let outside = ["8.8.8.8:9", "8.8.8.8:10", "9.9.9.9:9", "1.1.1.1:9", "10.0.0.6:9"];
        let peer = usize::from(peer) % (outside.len() + CLIENTS);
        match peer.checked_sub(outside.len()) {
            None => address(outside[peer]),
            Some(client) => {
                let relay = self.beliefs[client].relay;
                relay.map_or(address("127.0.0.1:22"), |(_, public)| public)
            }
        }
    }

    fn play(&mut self, step: &Step) {
        match *step {
            Step::Allocate { client, even, lifetime_s } => self.allocate(client, even, lifetime_s),
            Step::Refresh { client, lifetime_s } => self.refresh(client, lifetime_s),
            Step::Permit { client, peer } => self.permit(client, self.peer(peer)),
            Step::Bind { client, channel, peer } => {
                self.bind(client, channel_number(channel), self.peer(peer));
            }
            Step::Send { client, peer } => self.send(client, self.peer(peer)),
            Step::Channel { client, channel } => self.channel(client, channel_number(channel)),
            Step::Peer { client, peer } => self.peer_sends(client, self.peer(peer)),
            Step::HangUp { client } => self.hang_up(client),
            Step::Wait { ms } => {
                let sent = self.net.wait_ms(u64::from(ms));
                assert!(
                    sent.iter().all(|sent| matches!(sent, Sent::Client { relayed: false, .. }))
                );
            }
            Step::Ports { mode } => self.set_ports(mode),
            Step::Raw { client, ref bytes } => self.raw(client, bytes),
        }
    }

    fn allocate(&mut self, client: u8, even: u8, lifetime_s: u16) {
        let at = usize::from(client) % CLIENTS;
        self.hear(at);
        let answer = self.clients[at].ask(&mut self.net, turn::stun::Method::ALLOCATE, |request| {
            request.attribute(attribute::REQUESTED_TRANSPORT, &UDP);
            request.number(attribute::LIFETIME, u32::from(lifetime_s));
            if even & 1 == 1 {
                request.attribute(attribute::EVEN_PORT, &[even & 0x80]);
            }
        });
        self.check_room_made(at, answer.as_ref().map_or(0, Answer::code));
        if let Some(answer) = answer.filter(Answer::is_success) {
            self.believe(at, &answer);
        }
    }

    /// Whose relay is gone though its time is not over made room for another one of its user, and
    /// was silent, longer than all others of that user. Who is refused had none such.
    fn check_room_made(&mut self, at: usize, code: u16) {
        let of_user = |other: &usize| other % 2 == at % 2 && *other != at;
        let alive: Vec<usize> = (0..CLIENTS).filter(|other| self.is_alive(*other)).collect();
        let heard_ms = |other: &usize| self.beliefs[*other].heard_ms;
        let silent = |other: &usize| heard_ms(other) + SILENT_MS <= self.now_ms();
        let held = |other: &usize| self.net.server.has_client(self.clients[*other].tuple);
        let (kept, taken): (Vec<usize>, Vec<usize>) = alive.into_iter().partition(held);
        for gone in &taken {
            assert!(of_user(gone) && silent(gone), "a live relay was taken");
            let longest = |other: &usize| heard_ms(gone) <= heard_ms(other);
            assert!(kept.iter().filter(|other| of_user(other)).all(longest), "a fresher one");
        }
        if code == 486 {
            let left = kept.iter().filter(|other| of_user(other) && silent(other)).count();
            // An even port may need two, of which there is one.
            assert!(left == 0 || left == 1 && taken.is_empty(), "refused beside a silent one");
        }
        for gone in taken {
            self.beliefs[gone] = Belief::default();
        }
    }

    /// The client asked for something: that is a sign of life.
    fn hear(&mut self, at: usize) {
        self.beliefs[at].heard_ms = self.now_ms();
    }

    /// Packets that left a relay; one to another relay may still be too much for its user there.
    fn relayed(&self) -> u64 {
        self.net.server.counters().to_peer_packets
    }

    fn hear_if(&mut self, at: usize, before: u64) {
        if self.relayed() > before {
            self.hear(at);
        }
    }

    fn believe(&mut self, at: usize, answer: &Answer) {
        let public = answer.relayed();
        let lifetime_ms = u64::from(answer.number(attribute::LIFETIME).unwrap()) * 1000;
        self.beliefs[at] = Belief {
            relay: Some((self.net.relay_at(public), public)),
            ends_ms: self.now_ms() + lifetime_ms,
            heard_ms: self.now_ms(),
            ..Belief::default()
        };
    }

    fn refresh(&mut self, client: u8, lifetime_s: u16) {
        let at = usize::from(client) % CLIENTS;
        self.hear(at);
        let answer = self.clients[at].refresh(&mut self.net, u32::from(lifetime_s));
        if answer.is_success() {
            assert!(self.is_alive(at), "no refresh brings an allocation back");
            let lifetime_s = answer.number(attribute::LIFETIME).unwrap();
            self.beliefs[at].ends_ms = self.now_ms() + u64::from(lifetime_s) * 1000;
        } else {
            assert!(!self.is_alive(at), "a live allocation can be refreshed");
        }
    }

    fn permit(&mut self, client: u8, peer: SocketAddr) {
        let at = usize::from(client) % CLIENTS;
        self.hear(at);
        let answer = self.clients[at].permit(&mut self.net, &[peer]);
        if answer.is_success() {
            let refreshed = self.has_permission(at, peer);
            assert!(self.is_alive(at) && (refreshed || self.may_be_peer(peer)));
            let ends_ms = self.now_ms() + 300_000;
            self.beliefs[at].permissions.insert(peer.ip(), ends_ms);
        }
    }

    fn bind(&mut self, client: u8, channel: u16, peer: SocketAddr) {
        let at = usize::from(client) % CLIENTS;
        self.hear(at);
        let answer = self.clients[at].bind(&mut self.net, channel, peer);
        if answer.is_success() {
            assert!(self.is_alive(at) && self.may_be_peer(peer));
            let now_ms = self.now_ms();
            let belief = &mut self.beliefs[at];
            belief.permissions.insert(peer.ip(), now_ms + 300_000);
            belief.channels.retain(|_, (_, ends_ms)| now_ms < *ends_ms);
            let before = belief.channels.insert(channel, (peer, now_ms + 600_000));
            assert!(before.is_none_or(|(known, _)| known == peer), "a live channel was moved");
            let numbers = belief.channels.values().filter(|(known, _)| *known == peer).count();
            assert_eq!(numbers, 1, "a peer has one live channel");
        }
    }

    fn send(&mut self, client: u8, peer: SocketAddr) {
        let at = usize::from(client) % CLIENTS;
        let before = self.relayed();
        let sent = self.clients[at].send(&mut self.net, peer, b"payload");
        self.hear_if(at, before);
        if !sent.is_empty() {
            assert!(self.has_permission(at, peer));
            self.check_relayed(at, peer, &sent);
        }
    }

    fn channel(&mut self, client: u8, channel: u16) {
        let at = usize::from(client) % CLIENTS;
        let before = self.relayed();
        let sent = self.clients[at].channel(&mut self.net, channel, b"payload");
        self.hear_if(at, before);
        if !sent.is_empty() {
            let (peer, ends_ms) = self.beliefs[at].channels[&channel];
            assert!(self.now_ms() < ends_ms, "an expired channel relayed");
            self.check_relayed(at, peer, &sent);
        }
    }

    /// What left for a peer: once, from this client's relay, to where it may go.
    fn check_relayed(&mut self, at: usize, peer: SocketAddr, sent: &[Sent]) {
        assert!(self.is_alive(at) && self.may_be_peer(peer));
        let (relay, public) = self.beliefs[at].relay.unwrap();
        match sent {
            [Sent::Peer { relay: from, peer: to, bytes, dont_fragment: false }] => {
                assert_eq!((*from, *to, &bytes[..]), (relay, peer, &b"payload"[..]));
            }
            [Sent::Client { tuple, bytes, relayed: true }] => {
                self.check_delivery(*tuple, public, bytes);
                let to = self.at(*tuple);
                assert_eq!(self.beliefs[to].relay.unwrap().1, peer);
            }
            other => panic!("relayed {other:?}"),
        }
    }

    fn peer_sends(&mut self, client: u8, peer: SocketAddr) {
        let at = usize::from(client) % CLIENTS;
        let Some((relay, _)) = self.beliefs[at].relay else { return };
        for sent in self.net.peer_sends(relay, peer, b"payload") {
            let Sent::Client { tuple, bytes, relayed: true } = sent else { panic!("{sent:?}") };
            assert_eq!(tuple, self.clients[at].tuple);
            self.check_delivery(tuple, peer, &bytes);
        }
    }

    /// What reached a client: with its permission, under the right name.
    fn check_delivery(&mut self, tuple: FiveTuple, peer: SocketAddr, bytes: &[u8]) {
        let at = self.at(tuple);
        assert!(self.has_permission(at, peer), "data without a permission");
        self.hear(at);
        if bytes[0] & 0xC0 == 0x40 {
            let channel = u16::from_be_bytes([bytes[0], bytes[1]]);
            let (bound, ends_ms) = self.beliefs[at].channels[&channel];
            assert!(bound == peer && self.now_ms() < ends_ms);
            assert_eq!(&bytes[4..11], b"payload");
        } else {
            assert_eq!(data_of(bytes), (peer, b"payload".to_vec()));
        }
    }

    fn hang_up(&mut self, client: u8) {
        let at = usize::from(client) % CLIENTS;
        self.net.hang_up(self.clients[at].tuple);
        self.beliefs[at] = Belief::default();
    }

    fn set_ports(&mut self, mode: u8) {
        self.net.ports = [Ports::Bind, Ports::Fail, Ports::Hold][usize::from(mode) % 3];
        if self.net.ports != Ports::Hold {
            let sent = self.net.settle(self.net.ports);
            for at in 0..CLIENTS {
                let answer = answer_for(&sent, self.clients[at].tuple);
                if let Some(answer) = answer.filter(Answer::is_success) {
                    self.believe(at, &answer);
                }
            }
        }
    }

    /// Bytes from anywhere never relay anything but by a right the client has.
    fn raw(&mut self, client: u8, bytes: &[u8]) {
        let at = usize::from(client) % CLIENTS;
        let before = self.relayed();
        let all = self.net.client_sends(self.clients[at].tuple, bytes);
        self.hear_if(at, before);
        for sent in all {
            match sent {
                Sent::Peer { relay, peer, .. } => {
                    assert_eq!(self.beliefs[at].relay.map(|(relay, _)| relay), Some(relay));
                    assert!(self.is_alive(at) && self.may_be_peer(peer));
                }
                Sent::Client { tuple, relayed, .. } => {
                    if relayed {
                        let to = self.at(tuple);
                        self.hear(to);
                    }
                    assert!(relayed || tuple == self.clients[at].tuple);
                }
            }
        }
    }

    fn check_bounds(&self) {
        let sizes = self.net.server.sizes();
        let held = |at: &usize| self.net.server.has_client(self.clients[*at].tuple);
        let alive = (0..CLIENTS).filter(|at| self.is_alive(*at));
        assert!(alive.into_iter().all(|at| held(&at)), "a relay is gone before its time");
        assert!(sizes.relays <= MAX_RELAYS && sizes.users <= 2, "{sizes:?}");
        assert_eq!(sizes.clients + sizes.reservations, sizes.relays);
        assert!(sizes.permissions <= sizes.clients * MAX_PERMISSIONS);
        assert!(sizes.channels <= sizes.clients * MAX_CHANNELS);
        assert!(sizes.timers <= sizes.relays + sizes.users);
        assert!(self.net.sockets.len() <= sizes.relays, "a socket without a relay");
    }

    fn at(&self, tuple: FiveTuple) -> usize {
        self.clients.iter().position(|client| client.tuple == tuple).unwrap()
    }

    fn is_alive(&self, at: usize) -> bool {
        let belief = &self.beliefs[at];
        belief.relay.is_some() && self.now_ms() < belief.ends_ms
    }

    fn has_permission(&self, at: usize, peer: SocketAddr) -> bool {
        let ends_ms = self.beliefs[at].permissions.get(&peer.ip()).copied();
        self.is_alive(at) && ends_ms.is_some_and(|ends_ms| self.now_ms() < ends_ms)
    }

    fn may_be_peer(&self, peer: SocketAddr) -> bool {
        let public = ["8.8.8.8", "9.9.9.9", "1.1.1.1"].map(ip).contains(&peer.ip());
        let own = (0..CLIENTS).any(|at| {
            self.is_alive(at) && self.beliefs[at].relay.is_some_and(|(_, own)| own == peer)
        });
        public || own
    }
}

fn channel_number(channel: u8) -> u16 {
    0x4000 + u16::from(channel % 4)
}
