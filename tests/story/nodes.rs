//! Two nodes on one store with no bus between them, the worst that a bus can be: what each knows by
//! itself keeps what is promised; a repeated send makes up for what was stored and never told.

use std::time::Instant;

use wechat::core::chats::Target;
use wechat::core::groups::NewGroup;
use wechat::core::messages::{Draft, Sent};
use wechat::core::receipts::Cursor;
use wechat::id::ChatId;
use wechat::model::auth::Caller;
use wechat::model::text::{About, Body, ClientMsgId, Title};

use crate::harness::node::{Device, Node};
use crate::harness::{PATIENCE, fresh_key};

async fn send(node: &Node, who: &Caller, target: Target, key: &str) -> Sent {
    let key = ClientMsgId::parse("key", key).expect("a key");
    let draft = Draft::new(key, Body::parse("body", "hola").expect("a text"));
    let pending = node.inside.core.messages.send(who, target, draft).await.expect("queued");
    pending.await.expect("sent")
}

async fn group(node: &Node, owner: &Caller, members: &[&Caller]) -> ChatId {
    let new = NewGroup {
        key: None,
        title: Title::parse("title", "Paseo").expect("a title"),
        about: About::parse("about", "").expect("a description"),
        public: false,
        history_shared: true,
        members: members.iter().map(|member| member.user).collect(),
    };
    node.inside.core.groups.create(owner, new).await.expect("a group").id
}

fn direct(one: &Caller, other: &Caller) -> Target {
    let (low, high) = (one.user.min(other.user), one.user.max(other.user));
    Target { chat: ChatId::direct(low, high), peers: Some((low, high)) }
}

/// A device that is up to date.
async fn follows(node: &Node, who: Caller) -> Device {
    let mut device = Device::new(who);
    device.catch_up(node).await;
    device
}

/// What a device hears until an event of this name has come.
async fn hears_until(device: &mut Device, last: &str) -> Vec<String> {
    let (mut heard, began): (Vec<String>, _) = (Vec::new(), Instant::now());
    while !heard.iter().any(|name| name == last) {
        assert!(began.elapsed() < PATIENCE, "only {heard:?}, and no {last}");
        heard.extend(device.listen(usize::MAX).into_iter().map(|event| event.name));
        tokio::task::yield_now().await;
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_was_removed_at_another_node_hears_neither_typing_nor_receipts() {
    let one = Node::new().await;
    let other = one.beside();
    let [ana, beto, caro] =
        [one.inside.person("Ana"), one.inside.person("Beto"), one.inside.person("Caro")];
    let (ana, beto, caro) = tokio::join!(ana, beto, caro);
    let chat = group(&one, &ana, &[&beto, &caro]).await;
    let mut removed = follows(&other, beto).await;
    let mut stays = follows(&other, ana).await;
    one.inside.core.groups.remove(&ana, chat, beto.user).await.expect("removed");
    let receipts = &other.inside.core.receipts;
    receipts.typing(&caro, Target { chat, peers: None }, true).await.expect("typed");
    receipts.advance(&caro, chat, Cursor::Read, 2).await.expect("read");
    // The others hear both, though later.
    let heard = hears_until(&mut stays, "receipt").await;
    assert!(heard.iter().any(|name| name == "typing"), "{heard:?}");
    let heard = hears_until(&mut removed, "resync").await;
    assert_eq!(heard, ["resync"], "and nothing else");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_was_stored_and_not_told_is_told_when_it_is_sent_again() {
    let node = Node::new().await;
    let (ana, beto) = (node.inside.person("Ana").await, node.inside.person("Beto").await);
    let target = direct(&ana, &beto);
    let mut device = follows(&node, beto).await;
    for (round, key) in [fresh_key(), fresh_key()].into_iter().enumerate() {
        // As if the server had died between the commit and the event.
        node.post.behaves(0, 100);
        let sent = send(&node, &ana, target, &key).await;
        assert!(device.listen(usize::MAX).is_empty());
        node.post.behaves(0, 0);
        for _ in 0..3 {
            let again = send(&node, &ana, target, &key).await;
            assert_eq!((again.repeated, again.message.seq), (true, sent.message.seq));
        }
        // Whatever else there was to be told would have come by now: this is told after it.
        send(&node, &ana, target, &fresh_key()).await;
        let mut seqs = Vec::new();
        let began = Instant::now();
        while seqs.len() < 2 {
            assert!(began.elapsed() < PATIENCE, "only {seqs:?} in round {round}");
            let heard = device.listen(usize::MAX).into_iter();
            seqs.extend(
                heard
                    .filter(|event| event.name == "message")
                    .map(|event| event.data["seq"].clone()),
            );
            tokio::task::yield_now().await;
        }
        assert_eq!(seqs, [sent.message.seq, sent.message.seq + 1], "each once, in round {round}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_that_is_sent_again_later_is_not_told_again() {
    let node = Node::new().await;
    let (ana, beto) = (node.inside.person("Ana").await, node.inside.person("Beto").await);
    let (target, key) = (direct(&ana, &beto), fresh_key());
    send(&node, &ana, target, &fresh_key()).await;
    let mut device = follows(&node, beto).await;
    node.post.behaves(0, 100);
    send(&node, &ana, target, &key).await;
    node.post.behaves(0, 0);
    node.inside.clock.advance(std::time::Duration::from_secs(60));
    send(&node, &ana, target, &key).await;
    assert!(device.listen(usize::MAX).is_empty());
}
