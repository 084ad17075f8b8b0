//! The TypeScript types of the client library, `sdk/js/src/rows.ts`: made from the same schemas as
//! the description of the API, and from those of the WebSocket's frames.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value};
use wechat::http::router::description;
use wechat::protocol::ops::{self, EVENTS, OPERATIONS};

const FILE: &str = "sdk/js/src/rows.ts";
const HEAD: &str = "\
/**
 * The rows, bodies and frames of the API, made from the server's own types: do not edit. A change
 * of those shows here by `GOLDEN=write cargo test --test golden`.
 */
";
const WIDTH: usize = 100;

/// Names of the original endpoints' types, which the library does not speak.
const LEFT_OUT: [&str; 5] = ["Envelope_", "Original", "FoundUser", "FoundGroup", "Verified"];

/// All named schemas, sorted.
fn schemas() -> BTreeMap<String, Value> {
    let api = serde_json::to_value(description()).expect("JSON");
    let rows = api["components"]["schemas"].as_object().cloned().unwrap_or_default();
    let mut all: BTreeMap<String, Value> = rows.into_iter().collect();
    all.retain(|name, _| !LEFT_OUT.iter().any(|out| name.starts_with(out)));
    for (name, schema) in frames() {
        let own = fields(&schema);
        let row = all.entry(name.clone()).or_insert(schema);
        // One that is composed of others names no fields of its own.
        let same = fields(row).is_empty() || fields(row) == own;
        assert!(same, "two types are called {name}");
    }
    all
}

/// The types of all requests, replies and events, and those that they name.
fn frames() -> Map<String, Value> {
    let mut generator = SchemaSettings::default().into_generator();
    for operation in OPERATIONS {
        (operation.takes)(&mut generator);
        (operation.gives)(&mut generator);
    }
    EVENTS.iter().for_each(|event| drop((event.carries)(&mut generator)));
    generator.take_definitions(true)
}

fn fields(schema: &Value) -> BTreeSet<String> {
    schema["properties"].as_object().into_iter().flat_map(Map::keys).cloned().collect()
}

/// A type as TypeScript writes it.
fn type_of(schema: &Value) -> String {
    if let Some(name) = schema["$ref"].as_str() {
        return name.rsplit('/').next().unwrap_or_default().to_owned();
    }
    for (word, between) in [("oneOf", " | "), ("anyOf", " | "), ("allOf", " & ")] {
        if let Some(parts) = schema[word].as_array() {
            let mut parts: Vec<String> = parts.iter().map(type_of).collect();
            // What may be null says so at the end.
            parts.sort_by_key(|part| part == "null");
            return parts.join(between);
        }
    }
    if let Some(values) = schema["enum"].as_array() {
        let values: Vec<String> = values.iter().map(literal).collect();
        return values.join(" | ");
    }
    if let Some(value) = schema.get("const") {
        return literal(value);
    }
    match &schema["type"] {
        Value::String(kind) => plain(kind, schema),
        Value::Array(kinds) => {
            let kinds = kinds.iter().filter_map(Value::as_str);
            kinds.map(|kind| plain(kind, schema)).collect::<Vec<_>>().join(" | ")
        }
        _ => "unknown".to_owned(),
    }
}

fn literal(value: &Value) -> String {
    match value {
        Value::String(text) => format!("'{text}'"),
        other => other.to_string(),
    }
}

fn plain(kind: &str, schema: &Value) -> String {
    match kind {
        "integer" | "number" => "number".to_owned(),
        "array" => {
            let item = type_of(&schema["items"]);
            if item.contains(' ') { format!("({item})[]") } else { format!("{item}[]") }
        }
        "object" => match (&schema["properties"], &schema["additionalProperties"]) {
            (Value::Object(fields), _) => {
                let fields: Vec<_> = fields.keys().map(|key| field(key, fields, schema)).collect();
                format!("{{ {} }}", fields.join("; "))
            }
            (_, more @ Value::Object(_)) => format!("Record<string, {}>", type_of(more)),
            _ => "Record<string, never>".to_owned(),
        },
        other => other.to_owned(),
    }
}

/// `name: type`, or `name?: type` for a field that may be absent.
fn field(name: &str, fields: &Map<String, Value>, schema: &Value) -> String {
    let required =
        schema["required"].as_array().is_some_and(|all| all.iter().any(|key| key == name));
    format!("{name}{}: {}", if required { "" } else { "?" }, type_of(&fields[name]))
}

/// What a schema says of itself, as a comment.
fn comment(schema: &Value, indent: &str) -> String {
    let text = schema["description"].as_str().unwrap_or_default();
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ").replace("*/", "* /");
    if text.is_empty() {
        return String::new();
    }
    if indent.len() + text.len() + 7 <= WIDTH {
        return format!("{indent}/** {text} */\n");
    }
    let mut lines = vec![String::new()];
    for word in text.split(' ') {
        let line = lines.last_mut().expect("one at least");
        if indent.len() + 3 + line.len() + 1 + word.len() > WIDTH {
            lines.push(word.to_owned());
        } else {
            line.push_str(if line.is_empty() { "" } else { " " });
            line.push_str(word);
        }
    }
    let lines: String = lines.iter().map(|line| format!("{indent} * {line}\n")).collect();
    format!("{indent}/**\n{lines}{indent} */\n")
}

fn declaration(name: &str, schema: &Value) -> String {
    let mut text = comment(schema, "");
    let object = schema["type"] == "object" && schema["properties"].is_object();
    if !object {
        let made = type_of(schema);
        let line = format!("export type {name} = {made};\n");
        return text + &if line.len() > WIDTH { wrapped(name, &made) } else { line };
    }
    text += &format!("export interface {name} {{\n");
    let fields = schema["properties"].as_object().expect("checked above");
    for (key, of_field) in fields {
        text += &comment(of_field, "  ");
        writeln!(text, "  {};", field(key, fields, schema)).expect("a string");
    }
    text + "}\n"
}

/// One line for each part of a union.
fn wrapped(name: &str, made: &str) -> String {
    format!("export type {name} =\n  | {};\n", made.replace(" | ", "\n  | "))
}

#[test]
fn the_types_of_the_client_library_are_those_of_the_server() {
    let mut made = HEAD.to_owned();
    for (name, schema) in schemas() {
        made += "\n";
        made += &declaration(&name, &schema);
    }
    let ops: Vec<String> = ops::names().map(|name| format!("'{name}'")).collect();
    made += "\n/** What a client may ask on the WebSocket. */\n";
    made += &wrapped("Op", &ops.join(" | "));
    super::golden(FILE, &made);
}
