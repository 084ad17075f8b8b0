//! Any packets from clients and peers at a server with live relays: no panic, and it stays within
//! its bounds. Quick, as the server is made once; `turn_server` judges what is relayed.

#![no_main]

#[allow(dead_code)]
#[path = "../../crates/turn/tests/turn/support.rs"]
mod support;

use std::cell::RefCell;

use libfuzzer_sys::fuzz_target;
use support::{Client, Net, address, config};
use turn::{Config, FiveTuple, Out, RelayId};

const CHANNELS: [u16; 2] = [0x4000, 0x7FFE];

struct World {
    net: Net,
    clients: Vec<(FiveTuple, RelayId)>,
    out: Out,
}

impl World {
    fn new() -> Self {
        let mut net = Net::new(Config { bandwidth: None, ..config() });
        let mut clients = Vec::new();
        for (at, channel) in CHANNELS.into_iter().enumerate() {
            let mut client = Client::new("ana", &format!("203.0.113.{at}:4000"));
            let relayed = client.allocate(&mut net).relayed();
            client.bind(&mut net, channel, address("8.8.8.8:9"));
            clients.push((client.tuple, net.relay_at(relayed)));
        }
        Self { net, clients, out: Out::new() }
    }
}

thread_local! {
    static WORLD: RefCell<World> = RefCell::new(World::new());
}

// The first byte says who sends.
fuzz_target!(|input: &[u8]| {
    let Some((way, bytes)) = input.split_first() else { return };
    WORLD.with_borrow_mut(|world| {
        let World { net, clients, out } = world;
        let (tuple, relay) = clients[usize::from(*way) % clients.len()];
        let before = net.server.sizes();
        if way & 0x80 == 0 {
            net.server.handle_client(net.now, tuple, bytes, out);
        } else {
            let peer = if way & 0x40 == 0 { "8.8.8.8:9" } else { "8.8.8.8:10" };
            net.server.handle_peer(net.now, relay, address(peer), bytes, out);
        }
        assert_eq!(net.server.sizes(), before, "nobody signed anything");
        assert!(out.actions().count() <= 1, "one packet makes at most one");
        assert!(out.packet_bytes() <= bytes.len() + 512);
        out.clear();
    });
});
