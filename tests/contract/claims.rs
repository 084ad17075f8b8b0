//! Which objects are needed, and that none is removed while a file needs it.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use wechat::id::UserId;
use wechat::model::files::{File, Rendition};

use crate::files::{digest, document, drop_unused, film, loose, put, stored};
use crate::support::{MINUTE, World, after};

/// No race takes longer.
const PATIENCE: Duration = Duration::from_secs(60);

/// Makes an object loose: a file that had it is gone.
async fn loosen(world: &World, owner: UserId, number: u16) {
    stored(world, owner, number).await;
    drop_unused(world, after(MINUTE)).await;
    assert!(loose(world).await.contains(&digest(number)));
}

pub async fn an_object_is_claimed_when_no_file_needs_it(world: &World) {
    let ana = world.user("ana").await;
    assert!(!world.store.claim_object(digest(1)).await.expect("answers"), "it is not loose");
    let film = film(world, ana, 1);
    put(world, &film).await;
    drop_unused(world, after(3 * MINUTE)).await;
    assert_eq!(loose(world).await, [1, 2, 3].map(digest));
    assert!(!world.store.is_claimed(&[1, 2, 3].map(digest)).await.expect("reads"));

    // Whatever a file needs it for, it is not removed.
    let mut needs = document(world, ana, 1);
    (needs.facts.small, needs.facts.large) = (true, true);
    let picture =
        |number| Rendition { digest: digest(number), size: 1, media_type: "image/png".into() };
    (needs.small, needs.large) = (Some(picture(2)), Some(picture(3)));
    needs.kept_until = Some(after(9 * MINUTE));
    put(world, &needs).await;
    for number in [1, 2, 3] {
        assert!(!world.store.claim_object(digest(number)).await.expect("answers"), "{number}");
        assert!(!world.store.is_claimed(&[digest(number)]).await.expect("reads"));
    }
    assert!(loose(world).await.is_empty(), "they are loose no more");

    drop_unused(world, after(9 * MINUTE)).await;
    assert_eq!(loose(world).await, [1, 2, 3].map(digest));
    assert!(world.store.claim_object(digest(2)).await.expect("claims"));
    assert!(world.store.claim_object(digest(2)).await.expect("claims"), "as after a crash");
    assert!(world.store.is_claimed(&[digest(9), digest(2)]).await.expect("reads"));
    assert!(!world.store.is_claimed(&[digest(1), digest(3)]).await.expect("reads"));
    assert!(!world.store.is_claimed(&[]).await.expect("reads"));
    assert_eq!(loose(world).await, [1, 2, 3].map(digest), "until it is forgotten");
    world.store.forget_object(digest(2)).await.expect("forgets");
    world.store.forget_object(digest(2)).await.expect("forgets again");
    assert!(!world.store.is_claimed(&[digest(2)]).await.expect("reads"));
    assert_eq!(loose(world).await, [1, 3].map(digest));
}

/// A writer puts its row, waits until no claim is there, then puts the object; the sweep claims,
/// removes the object, forgets. Whoever is faster: a row that is there has its object at the end.
pub async fn no_object_is_removed_under_a_new_file(world: &World) {
    let ana = world.user("ana").await;
    let (mut claimed, deadline) = (0, Instant::now() + PATIENCE);
    for round in 0..120_u16 {
        loosen(world, ana, round).await;
        let object = AtomicBool::new(true);
        let write = async {
            if round % 2 > 0 {
                tokio::time::sleep(Duration::from_micros(u64::from(round) * 15)).await;
            }
            let file = File { kept_until: Some(after(99 * MINUTE)), ..document(world, ana, round) };
            put(world, &file).await;
            while world.store.is_claimed(&[digest(round)]).await.expect("reads") {
                assert!(Instant::now() < deadline, "round {round}: it stays claimed");
                tokio::task::yield_now().await;
            }
            object.store(true, Ordering::SeqCst);
        };
        let sweep = async {
            let is_mine = world.store.claim_object(digest(round)).await.expect("claims");
            if is_mine {
                tokio::task::yield_now().await;
                object.store(false, Ordering::SeqCst);
                world.store.forget_object(digest(round)).await.expect("forgets");
            }
            is_mine
        };
        let ((), is_mine) = tokio::join!(write, sweep);
        claimed += u32::from(is_mine);
        assert!(object.load(Ordering::SeqCst), "round {round}: the new file lost its object");
        let again = world.store.claim_object(digest(round)).await.expect("answers");
        assert!(!again, "round {round}: a file needs it");
    }
    println!("the sweep was faster in {claimed} of 120 rounds");
}

pub async fn loose_objects_come_in_the_order_of_their_digests(world: &World) {
    let ana = world.user("ana").await;
    let numbers = [700, 3, 0x00ff, 0xff00, 0x0100, 3];
    for number in numbers {
        stored(world, ana, number).await;
    }
    assert!(loose(world).await.is_empty());
    drop_unused(world, after(MINUTE)).await;
    assert_eq!(loose(world).await, [3, 0x00ff, 0x0100, 700, 0xff00].map(digest));
    let rest = world.store.loose_objects(Some(digest(0x0101)), 9).await.expect("reads");
    assert_eq!(rest, [700, 0xff00].map(digest), "after one that is not there");
}
