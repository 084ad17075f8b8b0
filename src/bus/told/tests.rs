//! What nodes tell each other is heard, or its loss is known.

use std::time::{Duration, Instant};

use bytes::Bytes;

use super::simulation::{Bad, Net, live, run_of};
use super::teller::QUEUED;
use super::*;

const SECOND: Duration = Duration::from_secs(1);

#[test]
fn whatever_the_network_does_each_event_is_heard_or_there_is_a_doubt() {
    for seed in 0..200 {
        let lived = std::panic::catch_unwind(|| live(seed));
        lived.unwrap_or_else(|_| panic!("the life of seed {seed} went wrong, as said above"));
    }
}

#[test]
fn a_beat_never_overtakes_its_events() {
    let mut net = Net::of(1, 3, Bad::default());
    net.orderly = true;
    for round in 0..2_000 {
        net.tell((round % 3) as u8);
        if round % 7 == 0 {
            net.pass(Duration::from_millis(round as u64 % 400));
        }
    }
    net.pass(SECOND);
    assert_eq!((net.asks(), net.doubts()), (0, 0), "asked although nothing was lost");
    assert_eq!(net.heard(0), 1_333);
}

#[test]
fn a_hole_is_asked_for_and_closed() {
    let lossy = Bad { lost: 10, ..Bad::default() };
    let mut net = Net::of(2, 2, lossy);
    for _ in 0..1_000 {
        net.tell(0);
        net.pass(Duration::from_millis(10));
    }
    net.bad = Bad::default();
    net.pass(SECOND * 2);
    assert_eq!(net.heard(1), 1_000, "{} asks", net.asks());
    assert!(net.asks() > 10, "{} asks", net.asks());
}

#[test]
fn a_short_cut_costs_no_doubt() {
    let mut net = Net::of(3, 2, Bad::default());
    net.cut.extend([(0, 1), (1, 0)]);
    for _ in 0..6_000 {
        net.tell(0);
    }
    net.pass(SECOND * 3);
    assert!(!net.nodes[&1].told.is_whole(net.now), "cut off");
    net.cut.clear();
    net.pass(SECOND);
    assert_eq!((net.heard(1), net.doubts()), (6_000, 0));
    assert!(net.nodes[&1].told.is_whole(net.now));
}

#[test]
fn a_node_that_died_leaves_a_doubt() {
    let mut net = Net::of(4, 3, Bad::default());
    net.tell(0);
    net.kill(0);
    net.pass(SECOND / 2);
    assert_eq!(net.doubts(), 0, "not known yet");
    assert!(net.nodes[&1].told.is_whole(net.now), "of what was told a second ago");
    net.pass(SECOND);
    assert_eq!(net.doubts(), 2, "of both");
}

#[test]
fn a_node_that_goes_in_good_order_leaves_none() {
    let mut net = Net::of(5, 2, Bad::default());
    net.tell(0);
    let now = net.now;
    let leaving = net.nodes.get_mut(&0).expect("there");
    let mut last: Vec<Packet> = std::iter::from_fn(|| leaving.told.packet(now)).collect();
    last.push(leaving.told.bye());
    net.kill(0);
    last.into_iter().for_each(|packet| net.hand(1, packet.bytes));
    assert_eq!((net.heard(1), net.nodes[&1].told.tally().others), (1, 0));
    net.pass(SECOND * 20);
    assert_eq!(net.doubts(), 0);
}

#[test]
fn nothing_of_an_earlier_run_is_believed() {
    let now = Instant::now();
    let mut here = Told::new(run_of(1, 1), now);
    let said = |run: u64, text: &'static str| {
        let mut there = Told::new(run_of(2, run), now);
        there.tell(Bytes::from_static(text.as_bytes()), now);
        there.packet(now).expect("a packet").bytes
    };
    let early = said(7, "early");
    assert_eq!(here.hear(said(8, "late"), now).events.len(), 1);
    assert_eq!(here.hear(early, now).events, Vec::<Bytes>::new());
    assert_eq!(here.doubt(), None);
    assert_eq!(here.hear(said(9, "later"), now).events.len(), 1);
    assert_eq!(here.doubt(), Some(1), "how run 8 ended was not heard");
}

#[test]
fn what_does_not_fit_the_queue_is_heard_all_the_same() {
    let mut net = Net::of(6, 2, Bad::default());
    (0..QUEUED + 500).for_each(|_| net.tell(0));
    net.pass(SECOND);
    assert_eq!((net.heard(1), net.doubts()), (QUEUED + 500, 0));
    assert!(net.asks() > 0, "the last were never sent by themselves");
}

#[test]
fn what_is_kept_no_more_is_a_doubt() {
    let mut net = Net::of(7, 2, Bad::default());
    net.cut.insert((0, 1));
    net.tell(0);
    net.pass(SECOND * 61);
    net.tell(0);
    net.cut.clear();
    net.pass(SECOND);
    assert_eq!((net.heard(1), net.doubts()), (1, 1));
}

#[test]
fn who_does_not_hear_itself_is_deaf() {
    let mut net = Net::of(8, 2, Bad::default());
    net.cut.insert((1, 1));
    net.pass(SECOND * 2);
    assert!(!net.nodes[&1].told.is_whole(net.now));
    assert!(net.nodes[&0].told.is_whole(net.now));
}

#[test]
fn who_is_up_and_was_never_heard_is_missing() {
    let now = Instant::now();
    let mut here = Told::new(run_of(1, 1), now);
    let later = now + YOUNG + SECOND;
    let echo = here.packet(later).expect("a beat").bytes;
    here.hear(echo, later);
    assert!(here.is_whole(later));
    here.up([run_of(1, 1), run_of(2, 1)]);
    assert!(!here.is_whole(later));
}

#[test]
fn strange_bytes_are_told_apart() {
    let now = Instant::now();
    let mut here = Told::new(run_of(1, 1), now);
    assert!(here.hear(Bytes::from_static(b"\x02\x00 of another version"), now).strange);
    assert!(here.hear(Bytes::new(), now).strange);
}
