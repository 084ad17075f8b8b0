//! People's copies of their own data: what is known of them.

use futures_util::future::join_all;
use wechat::id::{FileId, UserId};
use wechat::model::exports::{Done, Export, ExportState};

use crate::support::{MINUTE, NOON, World, after};

/// A copy that is ready, with parts.
pub fn ready(world: &World, user: UserId) -> Export {
    let done = Done { chats: 1, of_chats: 2, messages: 3, files: 4, bytes: 1 << 40 };
    let parts = vec![FileId(world.id()), FileId(world.id())];
    let wished = Export::wished(user, NOON, None).expect("the first");
    Export { version: 1, ..wished.ready(done, parts, 5, after(MINUTE)) }
}

async fn put(world: &World, export: &Export) -> bool {
    world.store.put_export(export).await.expect("puts")
}

async fn of(world: &World, user: UserId) -> Option<Export> {
    world.store.export_of(user).await.expect("reads")
}

fn wished(user: UserId) -> Export {
    Export::wished(user, NOON, None).expect("the first")
}

pub async fn a_copy_comes_back_as_it_was_put_and_goes_with_its_account(world: &World) {
    let (ana, beto) = (world.user("ana").await, world.user("beto").await);
    assert_eq!(of(world, ana).await, None);
    let states = [wished(ana), wished(ana).noted(Done::default(), after(5)), ready(world, ana)];
    for (version, export) in (1..).zip(states) {
        let export = Export { version, ..export };
        assert!(put(world, &export).await);
        assert_eq!(of(world, ana).await, Some(export));
    }
    assert_eq!(of(world, beto).await, None);
    assert!(!world.store.drop_export(ana, 2).await.expect("drops"), "an earlier one");
    assert!(world.store.drop_export(ana, 3).await.expect("drops"));
    assert_eq!(of(world, ana).await, None);

    assert!(put(world, &wished(beto)).await);
    world.store.delete_user(beto, after(MINUTE)).await.expect("deletes");
    assert_eq!(of(world, beto).await, None, "it goes with the account");
    assert!(!put(world, &wished(beto)).await && !put(world, &wished(UserId(world.id()))).await);
    assert_eq!(world.store.exports_due(after(MINUTE), 9).await.expect("reads"), []);
}

pub async fn a_step_of_a_copy_is_stored_once(world: &World) {
    let ana = world.user("ana").await;
    let first = wished(ana);
    let firsts = join_all((0..8).map(|_| put(world, &first))).await;
    assert_eq!(firsts.iter().filter(|done| **done).count(), 1);
    let next = first.noted(Done { messages: 1, ..Done::default() }, NOON);
    let nexts = join_all((0..8).map(|_| put(world, &next))).await;
    assert_eq!(nexts.iter().filter(|done| **done).count(), 1);
    assert!(!put(world, &Export { version: 4, ..next.clone() }).await, "one was left out");
    assert!(!put(world, &first).await);
    assert_eq!(of(world, ana).await, Some(next));
}

pub async fn copies_are_due_in_their_order(world: &World) {
    let mut all = Vec::new();
    for number in 0..4 {
        let user = world.user(&format!("p{number}")).await;
        let export = Export { due: after(40 - 10 * number), ..wished(user) };
        assert!(put(world, &export).await);
        all.insert(0, export);
    }
    let due = async |now, limit| world.store.exports_due(after(now), limit).await.expect("reads");
    assert_eq!(due(9, 9).await, []);
    assert_eq!(due(30, 9).await, all[..3]);
    assert_eq!(due(99, 2).await, all[..2]);
    let failed = ExportState::Failed;
    let failed = Export { state: failed, due: after(99), version: 2, ..all[0].clone() };
    assert!(put(world, &failed).await);
    assert_eq!(due(98, 9).await, all[1..]);
}
