//! Push where people are connected to several nodes: whoever has a connection to any of them is not
//! told, and of the others each is told once a chat, by the node where it happened.

use std::sync::Arc;

use wechat::core::messages::Draft;
use wechat::core::receipts::Cursor;
use wechat::id::{ChatId, SessionId};
use wechat::model::auth::Caller;
use wechat::model::push::Target as Reached;
use wechat::model::text::{Body, ClientMsgId};
use wechat::push::Said;
use wechat::push::memory::MemoryPusher;

use crate::cluster::{BAD, a_group, device, direct, group, says, two};
use crate::harness::cluster::Cluster;
use crate::harness::fresh_key;
use crate::harness::night::{EVER, outlet};

/// From now on each node tells devices; what it tells is kept.
fn telling(cluster: &Cluster) -> Vec<Arc<MemoryPusher>> {
    let open = |node: &Arc<crate::harness::node::Node>| {
        let (pusher, hub) = (Arc::new(MemoryPusher::default()), node.hub.clone());
        let outlet = outlet(&pusher, move |user, chat| hub.sessions_of(user, chat));
        let _ = node.inside.core.clone().with_push(outlet);
        pusher
    };
    cluster.nodes.iter().map(open).collect()
}

/// Somebody's device can be told.
async fn subscribes(cluster: &Cluster, node: usize, who: &Caller) {
    let target = Reached::fcm(&format!("token-of-{}", who.session)).expect("a token");
    cluster.nodes[node].inside.core.push.subscribe(who, target).await.expect("subscribed");
}

/// What a node tells of all that waits to be told.
async fn told(
    cluster: &Cluster,
    pushers: &[Arc<MemoryPusher>],
    node: usize,
) -> Vec<(SessionId, Said)> {
    cluster.nodes[node].inside.core.push.drain(EVER).await;
    let told = pushers[node].take().into_iter();
    told.map(|(to, notice)| (to.session, notice.said.clone())).collect()
}

fn is_of(said: &Said, of: ChatId) -> bool {
    matches!(said, Said::Message { chat, .. } if *chat == of)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_is_connected_to_another_node_is_told_only_what_they_did_not_receive() {
    for bad in BAD {
        let (mut cluster, ana, beto) = two(bad).await;
        let pushers = telling(&cluster);
        subscribes(&cluster, 1, &beto).await;
        let his = device(&cluster, 1, beto).await;
        cluster.knows_elsewhere(0, 1).await;
        let chat = direct(ana.user, beto.user);
        says(&cluster, 0, &ana, chat, "hola").await.expect("sent");
        assert_eq!(told(&cluster, &pushers, 0).await, [], "he has a connection");
        cluster.rest().await;
        assert_eq!(told(&cluster, &pushers, 1).await, [], "nothing happened at his node");

        // He goes, and has not received it.
        drop(his);
        cluster.knows_elsewhere(0, 0).await;
        let late = told(&cluster, &pushers, 0).await;
        assert!(
            late.len() == 1 && late[0].0 == beto.session && is_of(&late[0].1, chat.chat),
            "{late:?}"
        );
        assert_eq!(told(&cluster, &pushers, 1).await, []);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_at_two_nodes_is_told_once_a_chat_and_taken_back_once() {
    let (mut cluster, ana, beto) = two(0).await;
    let caro = cluster.nodes[1].inside.person("Caro").await;
    let pushers = telling(&cluster);
    let chat = a_group(&cluster, &ana, vec![beto.user, caro.user]).await;
    // Both nodes have seen that nobody is subscribed there.
    says(&cluster, 0, &ana, group(chat), "uno").await.expect("sent");
    says(&cluster, 1, &caro, group(chat), "dos").await.expect("sent");
    for node in [0, 1] {
        assert_eq!(told(&cluster, &pushers, node).await, []);
    }
    subscribes(&cluster, 1, &beto).await;
    cluster.rest().await;

    says(&cluster, 0, &ana, group(chat), "tres").await.expect("sent");
    let first = told(&cluster, &pushers, 0).await;
    assert!(first.len() == 1 && is_of(&first[0].1, chat), "{first:?}");
    cluster.rest().await;
    says(&cluster, 1, &caro, group(chat), "cuatro").await.expect("sent");
    assert_eq!(told(&cluster, &pushers, 1).await, [], "his device shows the chat already");

    // He reads at the other node: who told takes back, and nobody else.
    let there = &cluster.nodes[1].inside.core;
    there.receipts.advance(&beto, chat, Cursor::Read, u64::MAX).await.expect("read");
    cluster.rest().await;
    let back = told(&cluster, &pushers, 0).await;
    assert!(matches!(back[..], [(_, Said::Read { .. })]), "{back:?}");
    assert_eq!(told(&cluster, &pushers, 1).await, []);
    says(&cluster, 1, &caro, group(chat), "cinco").await.expect("sent");
    assert_eq!(told(&cluster, &pushers, 1).await.len(), 1, "and he may be told again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_sent_again_at_another_node_is_told_to_no_device_twice() {
    let (mut cluster, ana, beto) = two(0).await;
    let pushers = telling(&cluster);
    subscribes(&cluster, 1, &beto).await;
    let key = ClientMsgId::parse("key", &fresh_key()).expect("a key");
    let chat = direct(ana.user, beto.user);
    for node in [0, 1] {
        let draft = Draft::new(key.clone(), Body::parse("body", "hola").expect("a text"));
        let core = &cluster.nodes[node].inside.core;
        core.messages.send(&ana, chat, draft).await.expect("allowed").await.expect("sent");
        cluster.rest().await;
    }
    assert_eq!(told(&cluster, &pushers, 1).await, [], "it was stored at the other");
    assert_eq!(told(&cluster, &pushers, 0).await.len(), 1);
}
