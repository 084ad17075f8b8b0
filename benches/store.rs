//! How fast the embedded store appends: durable messages a second and processor time a message, in
//! waves of 1, 128 and 512, over 20,000 direct chats; then pages of 50 from one of them.
//!
//! `cargo bench --bench store` prints a table. The folder is made beside the build, on a real disk,
//! because every commit is synced. Nothing here is a test: figures depend on the machine.

use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use wechat::clock::Time;
use wechat::id::{ChatId, MessageId, ObjectId, UserId};
use wechat::model::messages::{NewMessage, TextContent, Window};
use wechat::model::text::{Body, ClientMsgId};
use wechat::store::embedded::EmbeddedStore;
use wechat::store::{Appended, Chats, Messages, Upkeep};

const PEOPLE: u32 = 2_000;
const CHATS: u32 = 20_000;
const BODY: &str = "Nos vemos el martes a las ocho delante del teatro, trae las entradas que te di \
                    ayer y avisa a Carla, que llega tarde.";

fn person(number: u32) -> UserId {
    let mut bytes = [1; 12];
    bytes[8..].copy_from_slice(&number.to_be_bytes());
    UserId(ObjectId(bytes))
}

fn peers(chat: u32) -> (UserId, UserId) {
    let one = chat % PEOPLE;
    (person(one), person((one + 1 + chat / PEOPLE) % PEOPLE))
}

fn message(number: u32) -> NewMessage {
    // Every chat in turn, in an order that jumps about as people do.
    let chat = number.wrapping_mul(2_654_435_761) % CHATS;
    let (from, other) = peers(chat);
    let mut id = [2; 12];
    id[8..].copy_from_slice(&number.to_be_bytes());
    NewMessage {
        id: MessageId(ObjectId(id)),
        chat: ChatId::direct(from, other),
        peers: None,
        from,
        // Grows with time, like a UUID of version 7.
        client_msg_id: ClientMsgId::stored(format!("0193f2a0-{number:08x}-7b3c-9d41-5e6f7a8b9c0d")),
        content: TextContent::of(Body::stored(BODY.to_owned())),
        sent: Time(1_795_348_800_000 + i64::from(number)),
    }
}

/// Processor time of this process so far, from `/proc/self/stat`, in ticks of 10 ms.
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: u64 = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok()).sum();
    Duration::from_millis(ticks * 10)
}

/// Memory of this process that is in RAM, in KiB: all of it, and what is not mapped from files.
fn memory_kib() -> (u64, u64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        line.and_then(|rest| rest.split_whitespace().next()?.parse().ok()).unwrap_or(0)
    };
    (field("VmRSS:"), field("RssAnon:"))
}

async fn append_in_waves(store: &EmbeddedStore, wave: u32, from: u32, seconds: u64) -> u32 {
    let (begun, busy) = (Instant::now(), processor_time());
    let mut number = from;
    let mut waits = Vec::new();
    while begun.elapsed() < Duration::from_secs(seconds) {
        let sent = Instant::now();
        let mut queued = Vec::with_capacity(wave as usize);
        for _ in 0..wave {
            queued.push(store.append(message(number)).await.expect("queues"));
            number += 1;
        }
        for pending in queued {
            let answer = pending.await.expect("stores");
            assert!(matches!(answer, Appended::Stored { .. }), "{answer:?}");
        }
        waits.push(sent.elapsed());
    }
    let count = number - from;
    let (took, busy) = (begun.elapsed(), processor_time() - busy);
    waits.sort_unstable();
    println!(
        "waves of {wave:>3}: {:>6.0}/s, {:>5.1} µs CPU a message, a wave {:?} p50 {:?} p99",
        f64::from(count) / took.as_secs_f64(),
        busy.as_secs_f64() * 1e6 / f64::from(count),
        waits[waits.len() / 2],
        waits[waits.len() * 99 / 100],
    );
    number
}

async fn read_pages(store: &EmbeddedStore) {
    const PAGES: u32 = 20_000;
    let (begun, busy) = (Instant::now(), processor_time());
    for number in 0..PAGES {
        let (one, other) = peers(number % 1000);
        let chat = ChatId::direct(one, other);
        let page = store.history(chat, one, Window::Before(None), 50).await;
        assert!(page.expect("reads").is_some());
    }
    let (took, busy) = (begun.elapsed(), processor_time() - busy);
    println!("pages of 50: {:?} each, {:?} of processor", took / PAGES, busy / PAGES);
}

#[tokio::main]
async fn main() {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let dir = tempfile::tempdir_in(target).expect("a folder");
    let store = Arc::new(EmbeddedStore::open(dir.path()).expect("opens"));
    println!("empty: {:?} KiB (all, not mapped)", memory_kib());
    let mut opening = Vec::new();
    for chat in 0..CHATS {
        let store = Arc::clone(&store);
        opening
            .push(tokio::spawn(async move { store.open_direct(peers(chat), None, Time(0)).await }));
    }
    for opened in opening {
        opened.await.expect("runs").expect("opens");
    }
    let mut number = 0;
    for wave in [1, 128, 512, 1, 128, 512] {
        number = append_in_waves(&store, wave, number, 8).await;
    }
    read_pages(&store).await;
    println!("after {number} messages: {:?} KiB (all, not mapped)", memory_kib());
    let begun = Instant::now();
    store.close().await;
    println!("closed in {:?}", begun.elapsed());
    let begun = Instant::now();
    drop(EmbeddedStore::open(dir.path()).expect("opens"));
    println!("opened in {:?}", begun.elapsed());
}
