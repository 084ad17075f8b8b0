//! What it costs whoever writes that others are told by push: CPU of a send in chats where nobody,
//! somebody and everybody is subscribed, compared in one run; and CPU of deciding a push. On the
//! rules and the embedded store alone: what goes out is counted, and what sending it costs says
//! `push`. `cargo bench --bench told`. The bench's program, started by hand with the number of a
//! chat and of messages, sends those and ends: two such runs under `valgrind --tool=callgrind`
//! differ by the instructions of the messages that one has more, whatever else the machine does.

#[path = "../tests/harness/mod.rs"]
mod harness;

use std::env::args;
use std::time::Duration;

use futures_util::future::join_all;
use harness::night::{EVER, Night, Sleeper, direct, group, text};
use harness::node::Device;
use wechat::core::chats::Target;

/// Messages to a chat in a round.
const MESSAGES: usize = 10_000;
/// So many are on their way at once.
const AT_ONCE: usize = 50;
const ROUNDS: usize = 7;
/// People of the group, of whom three are subscribed or none.
const MEMBERS: usize = 150;
/// Devices that are told of a message each.
const TOLD: usize = 500;

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let night = Night::settling(Duration::from_millis(500)).await;
    let following = night.core().push.clone();
    tokio::spawn(async move { following.follow().await });
    let ana = awake(&night, "ana").await;
    sends(&night, &ana).await;
    if counted().is_none() {
        tells().await;
    }
}

/// Somebody who cannot be told.
async fn awake(night: &Night, name: &str) -> Sleeper {
    let caller = night.node.inside.person(name).await;
    Sleeper { caller, device: Device::new(caller) }
}

async fn sends(night: &Night, ana: &Sleeper) {
    let (nobody, asleep) = (awake(night, "nobody").await, night.sleeper("asleep").await);
    let mut here = night.sleeper("here").await;
    night.wakes(&mut here).await;
    let mut crowd = Vec::new();
    for number in 0..MEMBERS {
        crowd.push(awake(night, &format!("c{number}")).await);
    }
    let mut three = Vec::new();
    for name in ["one", "two", "three"] {
        three.push(night.sleeper(name).await);
    }
    let members: Vec<&Sleeper> = [ana].into_iter().chain(&crowd).collect();
    let quiet = night.group(&members).await;
    let members: Vec<&Sleeper> = members.into_iter().chain(&three).collect();
    let told = night.group(&members).await;
    let chats = [
        ("direct, nobody subscribed", direct(ana, &nobody)),
        ("direct, asleep and told", direct(ana, &asleep)),
        ("direct, subscribed and connected", direct(ana, &here)),
        ("group of 150, nobody subscribed", group(quiet)),
        ("group of 150, three asleep and told", group(told)),
    ];
    if let Some((chat, messages)) = counted() {
        round(night, ana, chats[chat].1, messages).await;
        return;
    }
    let mut costs = vec![Vec::new(); chats.len()];
    for _ in 0..ROUNDS {
        for (at, (_, chat)) in chats.iter().enumerate() {
            costs[at].push(round(night, ana, *chat, MESSAGES).await);
            // What it was told is nothing to keep: a client that did would be measured too.
            let (ear, _) = here.device.live.as_ref().expect("awake");
            ear.take(usize::MAX);
            night.pusher.take();
        }
    }
    println!("CPU a send, the median of {ROUNDS} rounds of {MESSAGES}:");
    for (at, (name, _)) in chats.iter().enumerate() {
        let base = median(&costs[if at < 3 { 0 } else { 3 }]);
        let cost = median(&costs[at]);
        println!("  {name:<36}{cost:>7.1} µs {:>+6.1} %", (cost / base - 1.0) * 100.0);
    }
}

/// The chat and the messages whose instructions are counted.
fn counted() -> Option<(usize, usize)> {
    let numbers: Vec<usize> = args().skip(1).filter_map(|text| text.parse().ok()).collect();
    numbers.first().copied().zip(numbers.get(1).copied())
}

/// What a send costs in a chat, in µs.
async fn round(night: &Night, ana: &Sleeper, chat: Target, messages: usize) -> f64 {
    let before = cpu_us();
    for _ in 0..messages / AT_ONCE {
        join_all((0..AT_ONCE).map(|_| night.says(ana, chat, text("hola")))).await;
    }
    (cpu_us() - before) / messages as f64
}

async fn tells() {
    // Nothing is told here before it is asked for.
    let night = Night::new().await;
    let ana = awake(&night, "ana").await;
    let mut people = Vec::new();
    for number in 0..TOLD {
        people.push(night.sleeper(&format!("p{number}")).await);
    }
    for person in &people {
        night.says(&ana, direct(&ana, person), text("hola")).await;
    }
    let before = cpu_us();
    night.core().push.drain(EVER).await;
    let (cost, told) = (cpu_us() - before, night.pusher.take().len());
    assert_eq!(told, TOLD);
    println!("CPU to decide a push    {:>8.1} µs, of {told}", cost / told as f64);
}

fn median(costs: &[f64]) -> f64 {
    let mut sorted = costs.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

/// CPU of this process so far, as the scheduler counts it (Linux): its first field is nanoseconds,
/// of each thread.
fn cpu_us() -> f64 {
    let threads = std::fs::read_dir("/proc/self/task").expect("Linux");
    let of = |thread: std::fs::DirEntry| {
        let text = std::fs::read_to_string(thread.path().join("schedstat")).ok()?;
        text.split_whitespace().next()?.parse::<f64>().ok()
    };
    threads.flatten().filter_map(of).sum::<f64>() / 1000.0
}
