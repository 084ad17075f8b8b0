//! Crowds: everybody comes back at once, and readers stall among many who do not. The loads are
//! those of the load generator, at a size that fits a test; what they measure is another matter.

use std::time::Duration;

use loadgen::measure::meter::Meter;
use loadgen::measure::report::Phase;
use loadgen::run::slow::Slow;
use loadgen::run::storm::Storm;
use loadgen::run::{Pace, Workload};
use loadgen::server::{Home, Person, Plan, Target};

use crate::harness::{mongo, program};

/// What an outbox may hold.
const OUTBOX_BYTES: f64 = 256.0 * 1024.0;

async fn run(workload: &dyn Workload, measured: Duration) -> Vec<Phase> {
    let mut plan = Plan::unlimited(program());
    plan.settings.extend(mongo::settings(&mongo::Server::database()));
    let home = Home::new(plan, None).expect("a folder");
    let people: Vec<Person> = (0..workload.people()).map(|at| workload.person(at)).collect();
    let sessions = home.import(&people, workload.sessions()).expect("accounts");
    let server = home.start().await.expect("a server");
    let target = Target::started(String::from("the server"), server, sessions);
    let mut ready = workload.prepare(&target).await.expect("ready");
    let meter = Meter { server: target.pid, database: None };
    let pace = Pace { warmup: Duration::from_millis(100), measured };
    ready.measure(meter, pace).await.expect("measured")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn everybody_comes_back_at_once_and_nobody_is_refused_or_lacks_anything() {
    let storm = Storm { connections: 300 };
    let phases = run(&storm, Duration::ZERO).await;
    let figures = &phases[0].figures;
    assert_eq!(figures["refused and come again"], 0.0);
    assert_eq!(figures["rows that sync gave"], 300.0, "each was one message behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_readers_that_stall_no_other_misses_anything_and_they_find_everything_by_sync() {
    let slow = Slow { members: 100, stalled: 60, rate: 50.0, size: 16_000 };
    let phases = run(&slow, Duration::from_millis(1500)).await;
    let figures = &phases[1].figures;
    assert_eq!(figures["deliveries missing"], 0.0);
    assert_eq!(figures["stalled readers still open"], 0.0);
    assert_eq!(figures["stalled readers that lack something after sync"], 0.0);
    let kept = figures["anonymous memory a stalled reader, bytes"];
    assert!(kept < OUTBOX_BYTES, "{kept} bytes are kept for one who reads nothing");
}
