//! Which servers work on a store, by its own clock.

use std::time::Duration;

use wechat::id::ObjectId;
use wechat::store::{LAPSE, Node};

use crate::support::{NOON, World};

fn node(id: u8, epoch: u8, draining: bool) -> Node {
    let run = u64::from(epoch);
    let (id, epoch) = (ObjectId([id; 12]), ObjectId([epoch; 12]));
    let (name, version) = (format!("$node {draining}"), "0.1.0".into());
    let prints = vec!["server_key:0".into()];
    let (tells, unheard) = (draining, vec![id, ObjectId([9; 12])]);
    let relay = vec!["turn:a.example:3478".into()];
    Node { id, epoch, run, name, version, draining, prints, tells, unheard, relay }
}

pub async fn a_node_is_there_until_it_leaves_or_is_silent(world: &World) {
    let store = &world.store;
    let (first, second) = (node(1, 1, false), node(2, 1, true));
    let renewed = store.renew_lease(&first).await.expect("renewed");
    let Some(now) = renewed else {
        // One process has this store open: there is nobody else.
        assert_eq!(store.live_nodes(NOON).await.expect("listed"), []);
        return;
    };
    store.renew_lease(&second).await.expect("renewed");
    let live = async |at| store.live_nodes(at).await.expect("listed");
    assert_eq!(live(now).await, [first.clone(), second.clone()]);
    assert_eq!(live(now.plus(2 * LAPSE)).await, []);
    store.end_lease(first.id).await.expect("ended");
    assert_eq!(live(now).await, std::slice::from_ref(&second));
    // Its next process takes its place; what it leaves behind does not come back.
    let next = node(2, 2, false);
    store.renew_lease(&next).await.expect_err("the earlier process has the lease");
    store.end_lease(second.id).await.expect("ended");
    store.renew_lease(&next).await.expect("renewed");
    store.renew_lease(&second).await.expect_err("the next process has the lease");
    assert_eq!(live(now).await, [next]);
}

pub async fn a_task_is_one_nodes_until_it_lets_it_lapse(world: &World) {
    let store = &world.store;
    let (first, second) = (node(1, 1, false), node(2, 1, false));
    let Some(now) = store.renew_lease(&first).await.expect("renewed") else {
        let taken = store.take_task("sweep", first.id, NOON, LAPSE).await;
        assert!(taken.expect("taken"), "nobody else is there");
        return;
    };
    let take =
        async |task, who: &Node, at| store.take_task(task, who.id, at, LAPSE).await.expect("asked");
    assert!(take("sweep", &first, now).await);
    assert!(!take("sweep", &second, now).await, "it is the first one's");
    assert!(take("calls", &second, now).await, "another task");
    assert!(take("sweep", &first, now).await, "kept");
    let later = now.plus(2 * LAPSE).plus(Duration::from_secs(60));
    assert!(take("sweep", &second, later).await, "it has lapsed");
}
