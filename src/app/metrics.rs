//! The numbers that the parts of a server know about themselves, for `/metrics`.

use std::fs;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use super::scheduled::Latest;
use crate::clock::Time;
use crate::edge::counters::{Read, Reading};
use crate::hub::Hub;
use crate::push::services::Tally;
use crate::rtc::Status;

/// Reads the numbers of this server.
pub(super) fn readings(
    hub: Arc<Hub>,
    relay: Option<impl Fn() -> Status + Send + Sync + 'static>,
    backed_up: Option<Latest>,
    push: Option<impl Fn() -> Tally + Send + Sync + 'static>,
) -> Read {
    Box::new(move || {
        let (people, connections) = hub.count();
        let mut readings = vec![
            Reading::Level("wechat_websockets", "Open WebSockets", connections as f64),
            Reading::Level("wechat_people_online", "People with one at least", people as f64),
        ];
        readings.extend(backed_up.as_ref().map(of_backups));
        readings.extend(relay.iter().flat_map(|status| of_relay(&status())));
        readings.extend(push.iter().flat_map(|tally| of_push(&tally())));
        readings.extend(of_process().into_iter().flatten());
        readings
    })
}

fn of_backups(latest: &Latest) -> Reading {
    let at = Time(latest.load(Ordering::Relaxed));
    let help = "When the latest backup on schedule began, in seconds since 1970; 0: never";
    Reading::Level("wechat_backup_timestamp_seconds", help, at.millis() as f64 / 1000.0)
}

const fn total(name: &'static str, help: &'static str, value: u64) -> Reading {
    Reading::Total(name, help, value as f64)
}

fn of_relay(status: &Status) -> [Reading; 13] {
    let Status { counters, sizes, streams, too_long } = status;
    let drops = counters.drops;
    let dropped = drops.bandwidth
        + drops.no_permission
        + drops.no_channel
        + drops.forbidden_peer
        + drops.no_allocation
        + drops.malformed
        + drops.unsupported
        + drops.too_long
        + too_long;
    [
        Reading::Level("wechat_relay_allocations", "Relays in use", sizes.relays as f64),
        Reading::Level("wechat_relay_streams", "TCP and TLS connections", *streams as f64),
        total("wechat_relay_allocated", "Allocations made", counters.allocations),
        total("wechat_relay_to_peer_packets", "Packets to peers", counters.to_peer_packets),
        total("wechat_relay_to_peer_bytes", "Bytes to peers", counters.to_peer_bytes),
        total("wechat_relay_to_client_packets", "Packets to clients", counters.to_client_packets),
        total("wechat_relay_to_client_bytes", "Bytes to clients", counters.to_client_bytes),
        total("wechat_relay_auth_failures", "Wrong or expired credentials", counters.auth_failures),
        total(
            "wechat_relay_refusals",
            "Allocations refused for a quota or for want of room",
            counters.quota_refusals + counters.capacity_refusals,
        ),
        total(
            "wechat_relay_made_room",
            "Silent relays that made room for another one of their user",
            counters.made_room,
        ),
        total("wechat_relay_dropped_packets", "Packets that were not relayed", dropped),
        total(
            "wechat_relay_dropped_too_long",
            "Those of them that were too long to send, either way",
            drops.too_long + too_long,
        ),
        total(
            "wechat_relay_unanswered",
            "Requests of strangers beyond what their network may get back",
            drops.unanswered,
        ),
    ]
}

fn of_push(tally: &Tally) -> [Reading; 9] {
    let level = |name, help, value: usize| Reading::Level(name, help, value as f64);
    [
        total("wechat_push_told", "Pushes that a service took", tally.told),
        total("wechat_push_gone", "Subscriptions that a service knew no more", tally.gone),
        total("wechat_push_refused", "Pushes that a service will not take", tally.refused),
        total("wechat_push_retries", "Tries that failed and were repeated", tally.retried),
        total("wechat_push_given_up", "Pushes that were given up", tally.given_up),
        total("wechat_push_full", "Pushes that found no room", tally.full),
        level("wechat_push_waiting", "Pushes that wait", tally.waiting),
        level("wechat_push_on_way", "Pushes on their way", tally.on_way),
        level("wechat_push_services_failing", "Push services that fail", tally.failing),
    ]
}

/// What the system counts for this process; nothing where it does not tell.
fn of_process() -> Option<[Reading; 3]> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    // The second field, the program's name in brackets, may hold anything; see proc(5).
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let seconds = (field(14)? + field(15)?) / rustix::param::clock_ticks_per_second() as f64;
    let resident = field(24)? * rustix::param::page_size() as f64;
    let open = fs::read_dir("/proc/self/fd").ok()?.count() as f64;
    Some([
        Reading::Total("process_cpu_seconds", "CPU in user and kernel mode", seconds),
        Reading::Level("process_resident_memory_bytes", "Resident memory", resident),
        Reading::Level("process_open_fds", "Open files and sockets", open),
    ])
}
