//! CPU of the packet path without sockets: nanoseconds a packet, each way and each form.
//!
//! `cargo bench -p turn`. What a driver's system calls add is measured in the real server.

#![allow(clippy::unwrap_used)]

#[allow(dead_code)]
#[path = "../tests/turn/support.rs"]
mod support;

use std::time::Instant;

use support::{Client, Net, address, channel_data, config, send_indication};
use turn::Out;

const ROUNDS: u32 = 1_000_000;
/// Packets handed over before the driver would send.
const BATCH: u32 = 32;

fn main() {
    for payload_bytes in [172, 1200] {
        measure(payload_bytes);
    }
}

fn measure(payload_bytes: usize) {
    let mut net = Net::new(config());
    let mut client = Client::new("ana", "203.0.113.1:4000");
    let relayed = client.allocate(&mut net).relayed();
    let relay = net.relay_at(relayed);
    let (peer, unbound) = (address("8.8.8.8:9000"), address("9.9.9.9:9000"));
    client.bind(&mut net, 0x4000, peer);
    client.permit(&mut net, &[unbound]);
    let payload = vec![7; payload_bytes];
    let channel = channel_data(0x4000, &payload);
    let send = send_indication([1; 12], unbound, &payload);
    let (server, now, tuple) = (&mut net.server, net.now, client.tuple);
    let mut run = |name: &str, step: &mut dyn FnMut(&mut turn::Server, &mut Out)| {
        let mut out = Out::new();
        let start = Instant::now();
        for round in 0..ROUNDS {
            step(server, &mut out);
            if round % BATCH == 0 {
                std::hint::black_box(out.actions().count());
                out.clear();
            }
        }
        let ns = start.elapsed().as_nanos() / u128::from(ROUNDS);
        println!("{payload_bytes:>5} B  {name:<28} {ns:>5} ns");
    };
    run("ChannelData to peer", &mut |server, out| server.handle_client(now, tuple, &channel, out));
    run("ChannelData to client", &mut |server, out| {
        server.handle_peer(now, relay, peer, &payload, out);
    });
    run("Send indication to peer", &mut |server, out| {
        server.handle_client(now, tuple, &send, out);
    });
    run("Data indication to client", &mut |server, out| {
        server.handle_peer(now, relay, unbound, &payload, out);
    });
}
