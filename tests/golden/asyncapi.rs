//! The description of the WebSocket's protocol, and the samples held against its schemas.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use wechat::protocol::asyncapi::description;
use wechat::protocol::ops;

use super::frames::samples;
use super::schema::{check, target};

#[test]
fn the_description_of_the_protocol_is_the_one_in_review() {
    let made = serde_json::to_string_pretty(&description()).expect("a description is JSON");
    super::golden("docs/asyncapi.json", &(made + "\n"));
}

/// The message of the description that a sample of `docs/protocol.md` is one of.
fn message_of(sample: &str) -> String {
    match sample.split_once(' ').expect("a kind and a name") {
        ("request", op) => op.to_owned(),
        ("event", "message-system") => "event.message".to_owned(),
        ("event", "presence-away") => "event.presence".to_owned(),
        ("event", event) => format!("event.{event}"),
        (_, "done") => "ping.reply".to_owned(),
        (_, "sent") => "message.send.reply".to_owned(),
        (_, "changed") => "message.edit.reply".to_owned(),
        (_, "moved" | "stood") => "read.reply".to_owned(),
        (_, "news") => "sync.reply".to_owned(),
        (_, "refused" | "refused-unread") => "refused".to_owned(),
        unknown => panic!("of which message is {unknown:?} a sample?"),
    }
}

fn fits(api: &Value, message: &str, value: &Value) -> Result<(), String> {
    let message = &api["components"]["messages"][message];
    assert!(message.is_object(), "the message is described");
    check(api, &message["payload"], value)
}

#[test]
fn every_sample_fits_its_schema_and_a_spoilt_one_does_not() {
    let api = description();
    for (name, frame) in samples() {
        let sample: Value = serde_json::from_str(&frame).expect("a sample is JSON");
        let message = message_of(&name);
        fits(&api, &message, &sample).unwrap_or_else(|why| panic!("{name}: {why}"));
        let mut spoilt = sample.clone();
        for field in ["op", "ev", "re"] {
            if let Some(value) = spoilt.get_mut(field) {
                *value = json!(["spoilt"]);
            }
        }
        assert!(fits(&api, &message, &spoilt).is_err(), "{name} spoilt");
        if sample["d"]["chat"].is_string() {
            let mut spoilt = sample.clone();
            spoilt["d"]["chat"] = json!("xyz");
            assert!(fits(&api, &message, &spoilt).is_err(), "{name} with a wrong id");
        }
        if name.starts_with("request") {
            let mut spoilt = sample.clone();
            spoilt["d"]["unknown"] = json!(1);
            let closed = name != "request ping";
            assert_eq!(fits(&api, &message, &spoilt).is_err(), closed, "{name} and more");
        }
    }
}

#[test]
fn requests_about_calls_fit_their_schemas() {
    let api = description();
    let call = "6740a1b2c3d4e5f601234520";
    for (op, d) in [
        ("call.start", json!({ "chat": call, "kind": "voice" })),
        ("call.accept", json!({ "call": call })),
        ("call.get", json!({ "call": call })),
        ("call.hangup", json!({ "call": call, "failed": true })),
        ("call.alive", json!({ "call": call })),
        ("call.restart", json!({ "call": call, "epoch": 1 })),
        ("call.signal", json!({ "call": call, "epoch": 1, "data": { "candidate": "x" } })),
    ] {
        let frame = json!({ "op": op, "id": 7, "d": d });
        fits(&api, op, &frame).unwrap_or_else(|why| panic!("{op}: {why}"));
        let other = json!({ "op": op, "id": 7, "d": { "call": 5 } });
        assert!(fits(&api, op, &other).is_err(), "{op}");
    }
}

#[test]
fn every_reference_leads_somewhere_and_every_operation_is_there() {
    fn walk(api: &Value, value: &Value) {
        match value {
            Value::Object(fields) => {
                fields.get("$ref").map(|reference| target(api, reference));
                fields.values().for_each(|value| walk(api, value));
            }
            Value::Array(list) => list.iter().for_each(|value| walk(api, value)),
            _ => {}
        }
    }
    let api = description();
    walk(&api, &api);
    let operations = api["operations"].as_object().expect("operations");
    let requests = operations.keys().filter_map(|name| name.strip_prefix("request."));
    assert_eq!(requests.collect::<BTreeSet<_>>(), ops::names().collect());
}
