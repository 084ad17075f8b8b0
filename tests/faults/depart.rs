//! An account is deleted and the server dies in the middle, after one step, two, three, …: when it
//! is back, the account either still has everything, or is not in any group any more.

use std::time::{Duration, Instant};

use hyper::Method;
use serde_json::Value;

use crate::harness::{PATIENCE, Person, World};

/// Groups that the account owns: each is left in two steps.
const GROUPS: usize = 24;
/// How often the server dies.
const CUTS: usize = 14;

/// Where a group stands to a person: whether it owns it, and whether it is in it.
async fn stands(watcher: &Person, group: &str, whom: &str) -> (bool, bool) {
    let row = watcher.gets(&format!("/api/v1/groups/{group}")).await;
    let members = watcher.gets(&format!("/api/v1/groups/{group}/members")).await;
    let rows = members["members"].as_array().expect("members").iter();
    let is_in = rows.filter(|row| row["user"]["id"] == whom).count() > 0;
    (row["owner"] == whom, is_in)
}

/// How many groups of the list a person still owns.
fn owned(list: &Value, whom: &str) -> usize {
    let chats = list["chats"].as_array().expect("chats").iter();
    chats.filter(|row| row["chat"]["owner"] == whom).count()
}

/// Waits until a person owns at most so many groups; how many those are.
async fn falls_to(watcher: &Person, whom: &str, most: usize) -> usize {
    let began = Instant::now();
    loop {
        let left = owned(&watcher.gets("/api/v1/chats?limit=100").await, whom);
        if left <= most {
            return left;
        }
        assert!(began.elapsed() < PATIENCE, "the groups are not left");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_deletion_that_is_cut_at_any_step_leaves_no_group_to_the_dead() {
    let mut world = World::new().await;
    let (mut beto, mut cut, mut half) = (world.person("Beto").await, 0, 0);
    for step in 0..CUTS {
        let ana = world.person(&format!("Ana {step}")).await;
        let dead = ana.id().to_owned();
        let mut groups = Vec::new();
        for number in 0..GROUPS {
            let title = format!("Group {number}");
            groups.push(ana.api.create_group(&title, &[beto.id()]).await.expect("a group"));
        }
        let deleting = tokio::spawn(async move {
            // Its answer may die with the server.
            let _ = ana.api.call(Method::DELETE, "/api/v1/me", None).await;
            ana
        });
        // Not a wait for anything: these cuts come at a moment that nothing announces.
        if step < 4 {
            tokio::time::sleep(Duration::from_micros(400 * step as u64)).await;
        } else {
            let most = GROUPS - 2 * (step - 3);
            half += u32::from(falls_to(&beto, &dead, most).await > 0);
        }
        world.server.kill().expect("killed");
        let ana = deleting.await.expect("ends");
        world.server.restart().await.expect("started again on the same data");
        beto = beto.at(&world.server);
        cut += check(&world, &beto, &ana, &groups).await;
        for group in groups {
            let leave = format!("/api/v1/groups/{group}/leave");
            beto.asks(Method::POST, &leave, None).await;
        }
    }
    println!("{cut} deletions had begun, {half} were seen half-way");
    assert!(cut > 0, "no kill met a deletion on its way");
}

/// Waits until nothing is left of a deleted account; 0 when the account is still there, as it was.
async fn check(world: &World, beto: &Person, ana: &Person, groups: &[String]) -> u32 {
    let lives =
        ana.at(&world.server).asks(Method::GET, "/api/v1/me", None).await.status.is_success();
    let began = Instant::now();
    for group in groups {
        let wanted = (lives, lives);
        while stands(beto, group, ana.id()).await != wanted {
            assert!(began.elapsed() < PATIENCE, "{group} is left to the dead");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
    u32::from(!lives)
}
