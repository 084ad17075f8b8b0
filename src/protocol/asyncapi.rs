//! The description of the WebSocket's protocol, AsyncAPI 3.1, made from the operations'
//! table (`ops`) and the types of the frames.
//!
//! Directions are the server's own: it receives requests, and sends replies and events. Schemas
//! are those of JSON Schema draft 7, which is AsyncAPI's own dialect. Called by `http::docs`, and
//! by the test that holds `docs/asyncapi.json`.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::ops::{EVENTS, OPERATIONS, Operation, Told};
use super::problem::Problem;

/// The largest id of a request: what every JSON library reads exactly.
const LAST_ID: u64 = (1 << 53) - 1;

/// The description, as a document.
pub fn description() -> Value {
    // What the server reads and what it writes differ in which fields must be there.
    let (mut reads, mut writes) = (generator(true), generator(false));
    let mut messages = Map::new();
    let mut operations = Map::new();
    let mut put = |name: String, summary: &str, payload: Value| {
        let message = json!({ "name": name, "summary": summary, "payload": payload });
        messages.insert(name, message);
    };
    for &Operation { name, about, takes, gives } in OPERATIONS {
        put(name.to_owned(), about, request(name, takes(&mut reads)));
        put(format!("{name}.reply"), &format!("The reply to `{name}`"), reply(gives(&mut writes)));
        operations.insert(format!("request.{name}"), request_operation(name, about));
    }
    let problem = writes.subschema_for::<Problem>();
    put("refused".to_owned(), "A refusal of any request", refused(problem));
    for &Told { name, about, carries } in EVENTS {
        put(format!("event.{name}"), about, told(name, carries(&mut writes)));
        operations.insert(format!("event.{name}"), event_operation(name, about));
    }
    let mut schemas = writes.take_definitions(true);
    schemas.extend(reads.take_definitions(true));
    let named = messages.keys().map(|name| (name.clone(), refer("components", name)));
    let named: Map<String, Value> = named.collect();
    document(named, messages, operations, schemas)
}

fn generator(reads: bool) -> SchemaGenerator {
    let mut settings = SchemaSettings::draft07();
    settings.definitions_path = "/components/schemas".into();
    settings.meta_schema = None;
    let settings = if reads { settings.for_deserialize() } else { settings.for_serialize() };
    settings.into_generator()
}

fn document(
    named: Map<String, Value>,
    messages: Map<String, Value>,
    operations: Map<String, Value>,
    schemas: Map<String, Value>,
) -> Value {
    let headers = json!({
        "type": "object",
        "properties": { "Sec-WebSocket-Protocol": { "const": "wechat.v1.json" } },
    });
    json!({
        "asyncapi": "3.1.0",
        "info": {
            "title": "WeChat backend, WebSocket",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Everything that happens to a user, over one connection. \
                            docs/protocol.md tells how rows apply and what clients do.",
            "license": { "name": env!("CARGO_PKG_LICENSE") },
        },
        "defaultContentType": "application/json",
        "servers": {
            "local": {
                "host": "localhost:2565",
                "protocol": "ws",
                "security": [{ "$ref": "#/components/securitySchemes/session" }],
            },
        },
        "channels": {
            "all": {
                "address": "/api/v1/ws",
                "title": "All chats of the user",
                "messages": named.clone(),
                "bindings": { "ws": { "method": "GET", "headers": headers } },
            },
            "one": {
                "address": "/nch",
                "title": "One chat: the query `chtid` names it",
                "messages": named,
                "bindings": { "ws": { "method": "GET", "headers": headers, "query": {
                    "type": "object",
                    "required": ["chtid"],
                    "properties": { "chtid": { "$ref": "#/components/schemas/Id" } },
                } } },
            },
        },
        "operations": operations,
        "components": {
            "messages": messages,
            "schemas": schemas,
            "securitySchemes": { "session": {
                "type": "http",
                "scheme": "bearer",
                "description": "The token of a session, on the upgrade; or `identify` after it.",
            } },
        },
    })
}

fn refer(at: &str, message: &str) -> Value {
    json!({ "$ref": format!("#/{at}/messages/{message}") })
}

fn request_operation(op: &str, about: &str) -> Value {
    let at = "channels/all";
    json!({
        "action": "receive",
        "channel": { "$ref": "#/channels/all" },
        "summary": about,
        "messages": [refer(at, op)],
        "reply": {
            "channel": { "$ref": "#/channels/all" },
            "messages": [refer(at, &format!("{op}.reply")), refer(at, "refused")],
        },
    })
}

fn event_operation(event: &str, about: &str) -> Value {
    json!({
        "action": "send",
        "channel": { "$ref": "#/channels/all" },
        "summary": about,
        "messages": [refer("channels/all", &format!("event.{event}"))],
    })
}

fn number_of_request() -> Value {
    json!({ "type": "integer", "minimum": 0, "maximum": LAST_ID })
}

fn request(op: &str, takes: Schema) -> Value {
    let properties = json!({ "op": { "const": op }, "id": number_of_request(), "d": takes });
    json!({ "type": "object", "required": ["op", "id"], "properties": properties })
}

fn reply(gives: Schema) -> Value {
    let properties = json!({ "re": number_of_request(), "ok": gives });
    json!({ "type": "object", "required": ["re", "ok"], "properties": properties })
}

fn refused(problem: Schema) -> Value {
    let re = json!({ "anyOf": [number_of_request(), { "type": "null" }] });
    let properties = json!({ "re": re, "err": problem });
    json!({ "type": "object", "required": ["re", "err"], "properties": properties })
}

fn told(event: &str, carries: Schema) -> Value {
    let properties = json!({ "ev": { "const": event }, "d": carries });
    json!({ "type": "object", "required": ["ev", "d"], "properties": properties })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A type that is read and written has one name, and its two schemas must not be confused.
    #[test]
    fn a_name_means_one_schema() {
        let (mut reads, mut writes) = (generator(true), generator(false));
        for operation in OPERATIONS {
            (operation.takes)(&mut reads);
            (operation.gives)(&mut writes);
        }
        EVENTS.iter().for_each(|event| drop((event.carries)(&mut writes)));
        let written = writes.take_definitions(true);
        for (name, read) in reads.take_definitions(true) {
            assert!(written.get(&name).is_none_or(|other| *other == read), "{name}");
        }
    }
}
