//! What a relayed packet costs a running STUN and TURN server: its CPU, as the kernel accounts it,
//! divided by the packets that really arrived. For `scripts/relay --cpu`, which runs it against
//! this server and against coturn.
//!
//! `packets ADDRESS SECRET PID up|down BYTES CALLS BURST`: CALLS clients each allocate and bind a
//! channel; then each sends (or, `down`, is sent) bursts of BURST packets for some seconds.

#![allow(clippy::unwrap_used, clippy::print_stdout)]

use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use turn::Credentials;
use turn::stun::{Class, Message, Method, Writer, attribute, long_term_key};

const CHANNEL: u16 = 0x4000;
const WARM: Duration = Duration::from_secs(1);
const MEASURED: Duration = Duration::from_secs(4);
/// All calls together.
const PACKETS_A_SECOND: u32 = 5_000;

/// One client with its relay, and the peer that it talks to.
struct Call {
    client: Client,
    peer: UdpSocket,
}

struct Client {
    socket: UdpSocket,
    credentials: Credentials,
    realm: Vec<u8>,
    nonce: Vec<u8>,
    asked: u8,
}

impl Client {
    /// A request; a challenge is followed once.
    fn ask(&mut self, method: Method, body: impl Fn(&mut Writer<'_>)) -> Vec<u8> {
        for _ in 0..2 {
            self.asked += 1;
            let mut packet = Vec::new();
            let transaction = [self.asked; 12];
            let mut request = Writer::new(&mut packet, Class::Request, method, transaction);
            body(&mut request);
            if !self.nonce.is_empty() {
                let Credentials { username, password } = &self.credentials;
                let key = long_term_key(username.as_bytes(), &self.realm, password.as_bytes());
                request.attribute(attribute::USERNAME, username.as_bytes());
                request.attribute(attribute::REALM, &self.realm);
                request.attribute(attribute::NONCE, &self.nonce);
                request.integrity(&key);
            }
            self.socket.send(&packet).unwrap();
            let mut answer = vec![0; 2048];
            let length = self.socket.recv(&mut answer).unwrap();
            answer.truncate(length);
            let message = Message::parse(&answer).unwrap();
            if message.class() == Class::Success {
                return answer;
            }
            self.realm = message.find(attribute::REALM).unwrap().to_vec();
            self.nonce = message.find(attribute::NONCE).unwrap().to_vec();
        }
        panic!("{method:?} was refused");
    }
}

fn open(server: SocketAddr, secret: &str, number: usize) -> Call {
    let bind = || UdpSocket::bind("127.0.0.1:0").unwrap();
    let (client, peer) = (bind(), bind());
    client.connect(server).unwrap();
    client.set_read_timeout(Some(Duration::from_secs(5))).unwrap();
    let until = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs() + 600;
    let credentials = Credentials::issue(secret.as_bytes(), until, &format!("u{number}"), "load");
    let (realm, nonce) = (Vec::new(), Vec::new());
    let mut client = Client { socket: client, credentials, realm, nonce, asked: 0 };
    let answer = client.ask(Method::ALLOCATE, |request| {
        request.attribute(attribute::REQUESTED_TRANSPORT, &[17, 0, 0, 0]);
    });
    let message = Message::parse(&answer).unwrap();
    let relayed = message.find(attribute::XOR_RELAYED_ADDRESS).unwrap();
    let relayed = message.xor_address(relayed).unwrap();
    let to = peer.local_addr().unwrap();
    client.ask(Method::CHANNEL_BIND, |request| {
        request.number(attribute::CHANNEL_NUMBER, u32::from(CHANNEL) << 16);
        request.xor_address(attribute::XOR_PEER_ADDRESS, to);
    });
    peer.connect(relayed).unwrap();
    client.socket.set_nonblocking(true).unwrap();
    peer.set_nonblocking(true).unwrap();
    Call { client, peer }
}

/// Gives the relay back, or the port's next user would find it.
fn close(mut call: Call) {
    call.client.socket.set_nonblocking(false).unwrap();
    call.client.ask(Method::REFRESH, |request| {
        request.number(attribute::LIFETIME, 0);
    });
}

/// Nanoseconds of CPU of all threads of a process.
fn cpu_ns(pid: &str) -> u64 {
    let tasks = std::fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    tasks
        .filter_map(|task| std::fs::read_to_string(task.ok()?.path().join("schedstat")).ok())
        .filter_map(|line| line.split(' ').next()?.parse::<u64>().ok())
        .sum()
}

fn resident_kib(pid: &str) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

fn received(socket: &UdpSocket) -> u64 {
    let mut room = [0; 2048];
    let mut count = 0;
    while socket.recv(&mut room).is_ok() {
        count += 1;
    }
    count
}

/// Sends for a while at an even rate; packets sent and packets that came through.
fn run(calls: &[Call], up: bool, packet: &[u8], burst: u32, time: Duration) -> (u64, u64) {
    let (mut sent, mut came) = (0, 0);
    let (began, beat) = (Instant::now(), Duration::from_secs(1) * burst / PACKETS_A_SECOND);
    for (turn, call) in (0_u32..).zip(calls.iter().cycle()) {
        let due = began + beat * turn;
        if due > began + time {
            break;
        }
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        let (from, to) =
            if up { (&call.client.socket, &call.peer) } else { (&call.peer, &call.client.socket) };
        came += received(to);
        for _ in 0..burst {
            sent += u64::from(from.send(packet).is_ok());
        }
    }
    std::thread::sleep(Duration::from_millis(300));
    for call in calls {
        came += received(if up { &call.peer } else { &call.client.socket });
    }
    (sent, came)
}

fn main() {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [server, secret, pid, way, bytes, calls, burst] = given.as_slice() else {
        panic!("packets ADDRESS SECRET PID up|down BYTES CALLS BURST");
    };
    let (bytes, burst): (u16, u32) = (bytes.parse().unwrap(), burst.parse().unwrap());
    let (server, up) = (server.parse().unwrap(), way == "up");
    let before = resident_kib(pid);
    let calls: Vec<Call> =
        (0..calls.parse().unwrap()).map(|number| open(server, secret, number)).collect();
    let grown = resident_kib(pid).saturating_sub(before);
    let mut packet = vec![7; usize::from(bytes)];
    if up {
        packet = [&CHANNEL.to_be_bytes()[..], &bytes.to_be_bytes(), &packet].concat();
    }
    run(&calls, up, &packet, burst, WARM);
    let before = cpu_ns(pid);
    let (sent, came) = run(&calls, up, &packet, burst, MEASURED);
    let us = (cpu_ns(pid) - before) as f64 / 1000.0 / came as f64;
    let (all, each) = (calls.len(), grown as f64 / calls.len() as f64);
    calls.into_iter().for_each(close);
    println!(
        "{way:<4} {bytes:>4} B, bursts of {burst:>2}: {us:>5.2} µs a packet; {came} of {sent} came \
         through; {all} calls, {each:.1} KiB each"
    );
}
