//! The server dies while an operator acts, again and again: every act that was answered is in the
//! audit, none is there twice, and the person stands as the latest row says.

use std::collections::HashSet;
use std::time::Duration;

use hyper::Method;
use loadgen::client::api::Api;
use serde_json::{Value, json};

use crate::harness::{Person, World};

/// How often the server dies.
const CUTS: u64 = 8;

/// Suspends and restores somebody until the server is gone; how many acts were answered.
async fn acts(operator: &Api, whom: &str) -> usize {
    let body = json!({ "why": "A test." });
    for done in 0.. {
        let (verb, body) = if done % 2 == 0 { ("suspend", Some(&body)) } else { ("restore", None) };
        let path = format!("/api/v1/operator/people/{whom}/{verb}");
        match operator.call(Method::POST, &path, body).await {
            Ok(answer) if answer.status.is_success() => {}
            _ => return done,
        }
    }
    0
}

/// The whole audit, latest first.
async fn audit(operator: &Person) -> Vec<Value> {
    let (mut rows, mut before) = (Vec::new(), String::new());
    loop {
        let page = operator.gets(&format!("/api/v1/operator/audit?limit=200{before}")).await;
        rows.extend(page["audit"].as_array().expect("rows").clone());
        match page["next"].as_str() {
            Some(next) => before = format!("&before={next}"),
            None => return rows,
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn acts_that_a_death_cuts_off_are_in_the_audit_once_and_as_it_says() {
    let mut world = World::new().await;
    let olga = world.operator().await;
    let session = olga.api.session().expect("a session").clone();
    let beto = world.person("Beto").await.id().to_owned();
    let (mut known, mut answered) = (1, 0);
    for step in 0..CUTS {
        let (api, whom) = (Api::with(world.server.addr(), session.clone()), beto.clone());
        let acting = tokio::spawn(async move { acts(&api, &whom).await });
        // Not a wait for anything: these cuts come at a moment that nothing announces.
        tokio::time::sleep(Duration::from_millis(20 + 7 * step)).await;
        world.server.kill().expect("killed");
        let done = acting.await.expect("ends");
        world.server.restart().await.expect("started again on the same data");
        let api = Api::with(world.server.addr(), session.clone());
        let olga = Person { name: olga.name.clone(), email: olga.email.clone(), api };
        let rows = audit(&olga).await;
        let ids: HashSet<&str> = rows.iter().filter_map(|row| row["id"].as_str()).collect();
        assert_eq!(ids.len(), rows.len(), "each once");
        let new = rows.len() - known;
        assert!((done..=done + 1).contains(&new), "{new} rows of {done} acts that were answered");
        (known, answered) = (rows.len(), answered + done);
        let shown = olga.gets(&format!("/api/v1/operator/people/{beto}")).await;
        let is_out = shown["person"]["suspended"].is_object();
        // One that is yet to be finished may have had its effect, or not.
        let is_done = rows[0]["unfinished"] != true;
        assert!(!is_done || is_out == (rows[0]["act"] == "suspend"), "{rows:?}");
    }
    assert!(answered > 0, "no act was answered");
}
