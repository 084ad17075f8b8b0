//! Calls between two people who are connected to different nodes, whether what the nodes tell each
//! other comes or a third of it is lost, doubled and late.

use std::time::Duration;

use serde_json::Value;
use wechat::bus::{Event, Signal};
use wechat::core::calls::{Calls, Joined, NewSignal};
use wechat::id::CallId;
use wechat::model::auth::Caller;
use wechat::model::calls::{CallKind, Device as Bound, Via};

use crate::cluster::{BAD, device, direct, two};
use crate::harness::cluster::Cluster;
use crate::harness::node::Device;

fn calls(cluster: &Cluster, node: usize) -> Calls {
    cluster.nodes[node].inside.core.calls.clone()
}

/// Ana calls Beto from the first node.
async fn rings(cluster: &Cluster, ana: &Caller, beto: &Caller) -> Joined {
    let chat = direct(ana.user, beto.user);
    calls(cluster, 0).start(ana, "chat", chat, CallKind::Voice).await.expect("rings")
}

/// Time passes until a device is told what fits, by a frame of this name.
async fn told(
    cluster: &mut Cluster,
    device: &mut Device,
    name: &str,
    fits: impl Fn(&Value) -> bool,
) {
    let is_told = || {
        let events = device.listen(usize::MAX);
        events.iter().any(|event| event.name == name && fits(&event.data))
    };
    cluster.until(name, is_told).await;
}

fn is(state: &str) -> impl Fn(&Value) -> bool {
    move |call| call["state"] == state
}

fn says(what: &str, epoch: u32) -> NewSignal {
    NewSignal { epoch, seq: 1, data: format!("{{\"description\":\"{what}\"}}").into() }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_to_somebody_at_another_node_rings_is_answered_and_ends() {
    for bad in BAD {
        let (mut cluster, ana, beto) = two(bad).await;
        let (mut hers, mut his) = (device(&cluster, 0, ana).await, device(&cluster, 1, beto).await);
        let mut his_other = device(&cluster, 1, beto).await;
        let id = rings(&cluster, &ana, &beto).await.call.id;
        told(&mut cluster, &mut his, "call", is("ringing")).await;
        told(&mut cluster, &mut his_other, "call", is("ringing")).await;
        calls(&cluster, 1).accept(&beto, id).await.expect("answered");
        told(&mut cluster, &mut hers, "call", is("connecting")).await;

        calls(&cluster, 0).signal(&ana, id, says("offer", 1)).await.expect("on its way");
        told(&mut cluster, &mut his, "call.signal", |signal| {
            signal["data"]["description"] == "offer"
        })
        .await;
        calls(&cluster, 1).signal(&beto, id, says("answer", 1)).await.expect("on its way");
        told(&mut cluster, &mut hers, "call.signal", |signal| {
            signal["data"]["description"] == "answer"
        })
        .await;

        calls(&cluster, 0).alive(&ana, id, true).await.expect("heard");
        told(&mut cluster, &mut his, "call", is("active")).await;
        calls(&cluster, 1).leave(&beto, id, false).await.expect("hung up");
        told(&mut cluster, &mut hers, "call", is("ended")).await;
        told(&mut cluster, &mut his_other, "call", is("ended")).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_who_answer_on_two_nodes_at_once_one_wins() {
    let (mut cluster, ana, beto) = two(0).await;
    let auth = &cluster.nodes[0].inside.core.auth;
    let laptop = auth.open_without_code(beto.user, "laptop").await.expect("logged in");
    let laptop = auth.authenticate(laptop.token.expose()).await.expect("open");
    let (mut here, mut there) =
        (device(&cluster, 0, laptop).await, device(&cluster, 1, beto).await);
    let id = rings(&cluster, &ana, &beto).await.call.id;
    told(&mut cluster, &mut there, "call", is("ringing")).await;
    let (first, second) = (calls(&cluster, 0), calls(&cluster, 1));
    let (one, other) = tokio::join!(first.accept(&laptop, id), second.accept(&beto, id));
    assert!(one.is_ok() != other.is_ok(), "{one:?} {other:?}");
    told(&mut cluster, &mut here, "call", is("connecting")).await;
    told(&mut cluster, &mut there, "call", is("connecting")).await;
}

/// What a device was told up to now by frames of this name.
fn heard(device: &mut Device, name: &str) -> Vec<Value> {
    let told = device.listen(usize::MAX).into_iter();
    told.filter(|event| event.name == name).map(|event| event.data).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_signal_that_comes_after_the_end_or_for_another_device_is_not_heard() {
    let (mut cluster, ana, beto) = two(0).await;
    let mut his = device(&cluster, 1, beto).await;
    let id = rings(&cluster, &ana, &beto).await.call.id;
    let bound = Bound::from(beto);
    let told_late = |cluster: &Cluster, call: CallId, epoch: u32, what: &str| {
        let NewSignal { seq, data, .. } = says(what, epoch);
        let signal = Signal { call, to: beto.user, device: bound, epoch, seq, data };
        cluster.publish(0, Event::Signal(signal.into()));
    };
    told_late(&cluster, id, 1, "before the answer");
    cluster.pass(Duration::from_secs(1)).await;
    calls(&cluster, 1).accept(&beto, id).await.expect("answered");
    told_late(&cluster, id, 1, "in time");
    told(&mut cluster, &mut his, "call.signal", |signal| {
        signal["data"]["description"] == "in time"
    })
    .await;
    told_late(&cluster, id, 7, "of no negotiation");
    told_late(&cluster, CallId(wechat::id::ObjectId([7; 12])), 1, "of no call");
    cluster.pass(Duration::from_secs(1)).await;
    calls(&cluster, 1).leave(&beto, id, false).await.expect("hung up");
    told_late(&cluster, id, 1, "after the end");
    cluster.rest().await;
    let signals = heard(&mut his, "call.signal");
    assert!(signals.is_empty(), "{signals:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_device_that_went_to_another_node_is_not_lost_when_its_old_connection_ends() {
    let (mut cluster, ana, beto) = two(0).await;
    let mut hers = device(&cluster, 0, ana).await;
    let old = device(&cluster, 0, beto).await;
    let id = rings(&cluster, &ana, &beto).await.call.id;
    let vias: Vec<Via> = [0, 1].map(|node| calls(&cluster, node).new_via()).into();
    let by = |cluster: &Cluster, node: usize| calls(cluster, node).by(vias[node]);
    let call = by(&cluster, 0).accept(&beto, id).await.expect("answered").call;
    assert_eq!(call.callee.via, Some(vias[0]));
    let new = device(&cluster, 1, beto).await;
    by(&cluster, 1).alive(&beto, id, true).await.expect("heard");
    told(&mut cluster, &mut hers, "call", is("active")).await;

    // The first node notices late, and may not have heard of the new connection.
    drop(old);
    by(&cluster, 0).lost(&beto, |_| false).await.expect("noted");
    cluster.rest().await;
    let reconnecting = |call: &Value| call["peer"]["reconnecting"] == true;
    assert!(!heard(&mut hers, "call").iter().any(reconnecting), "the device is there");

    // It is known at the other node that the device is here, whoever speaks for it.
    let again = device(&cluster, 0, beto).await;
    cluster.knows_elsewhere(1, 2).await;
    drop(new);
    let there = cluster.nodes[1].hub.clone();
    let still_here = |device: &Bound| there.has_device(beto.user, device);
    by(&cluster, 1).lost(&beto, still_here).await.expect("noted");
    cluster.rest().await;
    assert!(!heard(&mut hers, "call").iter().any(reconnecting), "it has another connection");

    drop(again);
    cluster.knows_elsewhere(1, 1).await;
    let still_here = |device: &Bound| there.has_device(beto.user, device);
    by(&cluster, 1).lost(&beto, still_here).await.expect("noted");
    told(&mut cluster, &mut hers, "call", reconnecting).await;
}
