//! What the server reports about itself: its counters, as Prometheus reads them, and whether it can
//! serve.

use hyper::{Method, Request};
use loadgen::client::http::{Answer, Http};
use tokio::time::timeout;

use crate::harness::{PATIENCE, World, fresh_key, hears};

async fn asked(world: &World, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::builder().method(Method::GET).uri("/metrics");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let request = request.body(http_body_util::Full::default()).expect("a request");
    Http::new(world.server.addr()).send(request).await.expect("an answer")
}

async fn text(world: &World) -> String {
    let answer = asked(world, &[]).await;
    assert_eq!(answer.status.as_u16(), 200, "{answer:?}");
    assert_eq!(
        answer.headers["content-type"],
        "application/openmetrics-text; version=1.0.0; charset=utf-8"
    );
    String::from_utf8(answer.body.to_vec()).expect("UTF-8")
}

/// The value of a line; 0 when there is none yet.
fn value(text: &str, series: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(series)?.strip_prefix(' '));
    line.map_or(0.0, |value| value.parse().expect("a number"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_happens_is_counted_and_nothing_tells_of_whom() {
    let world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let mut live = beto.connects().await;
    let route = r#"method="POST",route="/api/v1/chats/{chat}/messages",status="201""#;
    let sent = format!("wechat_http_requests_total{{{route}}}");
    let before = text(&world).await;
    // A send that is repeated happened once.
    let key = fresh_key();
    for _ in 0..2 {
        ana.api.send(beto.id(), &key, "hola").await.expect("sent");
    }
    hears(&mut live, "hola").await;
    live.call("ping", serde_json::json!({})).await.expect("a reply");
    let after = text(&world).await;
    for (series, by) in [
        (sent.as_str(), 1.0),
        (r#"wechat_events_total{kind="message"}"#, 1.0),
        ("wechat_websocket_commands_total", 1.0),
    ] {
        assert_eq!(value(&after, series) - value(&before, series), by, "{series} in\n{after}");
    }
    assert_eq!(value(&after, "wechat_websockets"), 1.0);
    assert_eq!(value(&after, "wechat_people_online"), 1.0);
    assert!(after.contains("\nwechat_push_told_total 0"), "{after}");
    assert!(value(&after, "process_resident_memory_bytes") > 1e6, "{after}");
    assert!(value(&after, "process_cpu_seconds_total") > 0.0, "{after}");
    assert!(after.ends_with("# EOF\n"));
    for secret in [ana.id(), beto.id(), ana.token(), "hola", "127.0.0.1"] {
        assert!(!after.contains(secret), "{secret} in\n{after}");
    }
    drop(live);
    let gone = async { while value(&text(&world).await, "wechat_websockets") > 0.0 {} };
    timeout(PATIENCE, gone).await.expect("a connection that is gone is not counted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn metrics_are_for_this_machine_and_for_whom_the_operator_names() {
    let world = World::new().await;
    let from_outside = [("x-forwarded-for", "203.0.113.9")];
    let refused = asked(&world, &from_outside).await;
    assert_eq!(refused.status.as_u16(), 403, "{refused:?}");
    assert!(refused.json()["detail"].as_str().is_some_and(|text| text.contains("METRICS_FROM")));

    let settings = [("TRUSTED_PROXIES", "127.0.0.1"), ("METRICS_FROM", "203.0.113.0/24")];
    let world = World::with(&settings).await;
    assert_eq!(asked(&world, &from_outside).await.status.as_u16(), 200);
    let other = asked(&world, &[("x-forwarded-for", "198.51.100.7")]).await;
    assert_eq!(other.status.as_u16(), 403, "{other:?}");

    // With a public address a caller here may be a proxy, unless the operator says otherwise.
    let public = ("PUBLIC_URL", "https://chat.example.org");
    let world = World::with(&[public]).await;
    assert_eq!(asked(&world, &[]).await.status.as_u16(), 403);
    let world = World::with(&[public, ("METRICS_FROM", "127.0.0.1")]).await;
    assert_eq!(asked(&world, &[]).await.status.as_u16(), 200);
    assert_eq!(asked(&world, &from_outside).await.status.as_u16(), 403, "through a proxy");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_asks_whether_the_server_can_serve_makes_it_write_next_to_nothing() {
    let world = World::new().await;
    let log = world.server.data().join("wechat.db-wal");
    // On MongoDB there is no such file, and this shows that it answers.
    let written = || std::fs::metadata(&log).map_or(0, |log| log.len());
    let stranger = world.stranger();
    stranger.get("/readyz").await.expect("it can");
    let before = written();
    for _ in 0..200 {
        stranger.get("/readyz").await.expect("it can");
    }
    let grown = written().saturating_sub(before);
    assert!(grown < 1 << 20, "{grown} bytes for 200 questions");
}
