//! No silent gap: what the bus lost is read from the store, however much it was, and delivered in
//! order; or the client is told to sync.

use std::time::Instant;

use wechat::core::chats::Target;
use wechat::core::messages::Draft;
use wechat::hub::REPAIRED_ROWS;
use wechat::id::{ChatId, UserId};
use wechat::model::auth::Caller;
use wechat::model::text::{Body, ClientMsgId};

use crate::harness::node::{Device, Node};
use crate::harness::{PATIENCE, fresh_key};

async fn say(node: &Node, who: &Caller, chat: ChatId, peers: (UserId, UserId)) {
    let target = Target { chat, peers: Some(peers) };
    let key = ClientMsgId::parse("key", &fresh_key()).expect("a key");
    let draft = Draft::new(key, Body::parse("body", "hola").expect("a text"));
    let pending = node.inside.core.messages.send(who, target, draft).await.expect("queued");
    pending.await.expect("sent");
}

/// What somebody hears of so many messages of which all but the last were lost: their revs, and
/// whether it was told to sync.
async fn heard_after_losing(lost: usize) -> (Vec<u64>, bool) {
    let node = Node::new().await;
    let (ana, beto) = (node.inside.person("Ana").await, node.inside.person("Beto").await);
    let peers = (ana.user.min(beto.user), ana.user.max(beto.user));
    let chat = ChatId::direct(peers.0, peers.1);
    say(&node, &ana, chat, peers).await;
    let mut device = Device::new(beto);
    device.catch_up(&node).await;
    device.listen(usize::MAX);
    node.post.behaves(0, 100);
    for _ in 0..lost {
        say(&node, &ana, chat, peers).await;
    }
    node.post.behaves(0, 0);
    say(&node, &ana, chat, peers).await;
    let last = lost as u64 + 2;
    let (mut revs, mut resync, began) = (Vec::new(), false, Instant::now());
    while revs.last() != Some(&last) && !resync {
        assert!(began.elapsed() < PATIENCE, "of {last} revs only {revs:?} were told");
        for event in device.listen(usize::MAX) {
            resync |= event.name == "resync";
            revs.extend(event.data["rev"].as_u64().filter(|_| event.name == "message"));
        }
        tokio::task::yield_now().await;
    }
    (revs, resync)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_of_several_pages_is_closed_from_the_store() {
    let lost = REPAIRED_ROWS - 100;
    let expected: Vec<u64> = (2..=lost as u64 + 2).collect();
    assert_eq!(heard_after_losing(lost).await, (expected, false));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_gap_that_is_too_wide_is_told_as_such() {
    assert!(heard_after_losing(REPAIRED_ROWS + 100).await.1, "told to sync");
}
