//! The description of the WebSocket's protocol, AsyncAPI 3.1, made from the types of the frames.
//!
//! Directions are the server's own: it receives requests, and sends replies and events. Schemas
//! are those of JSON Schema draft 7, which is AsyncAPI's own dialect. Called by `http::docs`, and
//! by the test that holds `docs/asyncapi.json`.

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value, json};

use super::call_frames::{
    AliveFrame, CallRef, CallReply, LeaveFrame, ReportFrame, RestartFrame, SignalFrame,
};
use super::calls::{Call, JoinedCall, StartCall};
use super::frames::{
    CallSignal, Done, EditFrame, ForwardFrame, Hello, HideFrame, Identify, MemberReply, MessageRef,
    MessageReply, PinFrame, ReactFrame, Receipt, Resync, SendFrame, SentReply, Typing, TypingFrame,
    WatchFrame,
};
use super::people::Presence;
use super::problem::Problem;
use super::rows::{Chat, Message};
use super::sync::{Have, Membership, News};

/// Makes the schema of a type, and puts the types that it names where all schemas are.
type Made = fn(&mut SchemaGenerator) -> Schema;

/// Requests: the operation, what it does, what it takes, what a good reply carries.
const REQUESTS: [(&str, &str, Made, Made); 24] = [
    ("identify", "Say who you are", schema::<Identify>, schema::<Done>),
    ("message.send", "Send a text", schema::<SendFrame>, schema::<SentReply>),
    ("message.edit", "Give your message a new text", schema::<EditFrame>, schema::<MessageReply>),
    ("message.delete", "Delete for everyone", schema::<MessageRef>, schema::<MessageReply>),
    ("message.react", "Put an emoji or take it away", schema::<ReactFrame>, schema::<MessageReply>),
    ("message.pin", "Pin or unpin", schema::<PinFrame>, schema::<MessageReply>),
    ("message.hide", "Hide for yourself", schema::<HideFrame>, schema::<MemberReply>),
    ("message.forward", "Send a message on", schema::<ForwardFrame>, schema::<SentReply>),
    ("read", "Move your read cursor", schema::<MessageRef>, schema::<MemberReply>),
    ("delivered", "Move your delivered cursor", schema::<MessageRef>, schema::<MemberReply>),
    ("typing", "Say that you write, or stopped", schema::<TypingFrame>, schema::<Done>),
    ("presence.watch", "Say who is on screen", schema::<WatchFrame>, schema::<Done>),
    ("call.start", "Call somebody", schema::<StartCall>, schema::<JoinedCall>),
    ("call.accept", "Answer a call", schema::<CallRef>, schema::<JoinedCall>),
    ("call.reject", "Refuse a call", schema::<CallRef>, schema::<CallReply>),
    ("call.cancel", "Take a call back", schema::<LeaveFrame>, schema::<CallReply>),
    ("call.hangup", "End a call", schema::<LeaveFrame>, schema::<CallReply>),
    ("call.alive", "Say that you ring or are in it", schema::<AliveFrame>, schema::<CallReply>),
    ("call.restart", "Negotiate anew", schema::<RestartFrame>, schema::<JoinedCall>),
    ("call.signal", "Tell the other device", schema::<SignalFrame>, schema::<Done>),
    ("call.report", "Tell how a call went", schema::<ReportFrame>, schema::<Done>),
    ("call.get", "Ask how a call stands", schema::<CallRef>, schema::<JoinedCall>),
    ("sync", "Catch up", schema::<Have>, schema::<News>),
    ("ping", "Ask whether the server is there", schema::<Done>, schema::<Done>),
];

/// Events: the name, what it tells, what it carries.
const EVENTS: [(&str, &str, Made); 10] = [
    ("hello", "The connection is live: sync now", schema::<Hello>),
    ("message", "A row is new or changed", schema::<Message>),
    ("chat", "A chat's own fields as they are now", schema::<Chat>),
    ("member", "Your own membership changed", schema::<Membership>),
    ("receipt", "Another member has read or received", schema::<Receipt>),
    ("typing", "Somebody writes, or stopped", schema::<Typing>),
    ("presence", "Whether somebody whom you watch is online", schema::<Presence>),
    ("call", "How a call stands", schema::<Call>),
    ("call.signal", "What the other device of a call says", schema::<CallSignal<'static>>),
    ("resync", "Sync: something could not be told in order", schema::<Resync>),
];

/// The largest id of a request: what every JSON library reads exactly.
const LAST_ID: u64 = (1 << 53) - 1;

fn schema<T: schemars::JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

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
    for (op, about, takes, gives) in REQUESTS {
        put(op.to_owned(), about, request(op, takes(&mut reads)));
        put(format!("{op}.reply"), &format!("The reply to `{op}`"), reply(gives(&mut writes)));
        operations.insert(format!("request.{op}"), request_operation(op, about));
    }
    put("refused".to_owned(), "A refusal of any request", refused(schema::<Problem>(&mut writes)));
    for (event, about, carries) in EVENTS {
        put(format!("event.{event}"), about, told(event, carries(&mut writes)));
        operations.insert(format!("event.{event}"), event_operation(event, about));
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
    use crate::protocol::frames::OPS;

    #[test]
    fn every_operation_is_described() {
        let described = REQUESTS.map(|request| request.0);
        assert_eq!(described, OPS);
    }

    /// A type that is read and written has one name, and its two schemas must not be confused.
    #[test]
    fn a_name_means_one_schema() {
        let (mut reads, mut writes) = (generator(true), generator(false));
        for (_, _, takes, gives) in REQUESTS {
            takes(&mut reads);
            gives(&mut writes);
        }
        EVENTS.iter().for_each(|event| drop(event.2(&mut writes)));
        let written = writes.take_definitions(true);
        for (name, read) in reads.take_definitions(true) {
            assert!(written.get(&name).is_none_or(|other| *other == read), "{name}");
        }
    }
}
