//! Query operators, regular expressions, code and paths through every text parameter of every route
//! that the API describes: nothing is shown, nothing is changed, nothing breaks.

use std::fs;
use std::path::Path;

use hyper::Method;
use serde_json::{Map, Value, json};

use crate::harness::{Person, World};

/// What somebody with bad intentions writes.
const CORPUS: [&str; 16] = [
    "{\"$gt\":\"\"}",
    "{\"$ne\":null}",
    "{\"$regex\":\".*\"}",
    "[$ne]",
    "$where: 1 == 1",
    "$$ROOT",
    "';return true;//",
    "' OR '1'='1",
    "\"; DROP TABLE users; --",
    ".*",
    "^",
    "(a+)+$",
    "%",
    "../../../etc/passwd",
    "_id",
    "\u{0}\u{feff}\u{10ffff}",
];
/// In place of a text: what a database would take for an operator.
fn operators() -> [Value; 4] {
    [json!({ "$gt": "" }), json!({ "$ne": null }), json!({ "$regex": ".*" }), json!([{ "$ne": 1 }])]
}
/// What nobody but Ana and Beto may read.
const SECRET: &str = "secreto de dos";

fn description() -> Value {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/openapi.json");
    serde_json::from_str(&fs::read_to_string(file).expect("the description")).expect("JSON")
}

fn escaped(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// One request with something bad in one place.
struct Attempt {
    method: Method,
    path: String,
    body: Option<Value>,
}

/// A route of the description and what is ordinarily written into it.
struct Route<'a> {
    method: Method,
    path: &'a str,
    operation: &'a Value,
    schemas: &'a Value,
    group: &'a str,
    ana: &'a str,
}

impl Route<'_> {
    fn parameters(&self, place: &str) -> Vec<&str> {
        let all = self.operation["parameters"].as_array().map_or(&[][..], Vec::as_slice);
        let of_place = all.iter().filter(|parameter| parameter["in"] == place);
        of_place.filter_map(|parameter| parameter["name"].as_str()).collect()
    }

    fn usual(&self, name: &str) -> String {
        match name {
            "chat" | "group" | "chtid" => self.group.into(),
            "user" | "crruid" => self.ana.into(),
            "seq" | "limit" | "pg" => "1".into(),
            _ => "0123456789abcdef01234567".into(),
        }
    }

    /// The path with one parameter replaced, and a query of at most one.
    fn path_with(&self, name: &str, evil: &str) -> String {
        let mut path = self.path.to_owned();
        for parameter in self.parameters("path") {
            let value = if parameter == name { escaped(evil) } else { self.usual(parameter) };
            path = path.replace(&format!("{{{parameter}}}"), &value);
        }
        let query = self.parameters("query").into_iter().map(|parameter| {
            let value = if parameter == name { escaped(evil) } else { self.usual(parameter) };
            // `a[$ne]=b` is how some frameworks let an operator in.
            format!("{parameter}={value}&{parameter}[$ne]=1")
        });
        let query: Vec<String> = query.collect();
        if query.is_empty() { path } else { format!("{path}?{}", query.join("&")) }
    }

    /// The names of the body's fields.
    fn fields(&self) -> Vec<String> {
        let schema = &self.operation["requestBody"]["content"]["application/json"]["schema"];
        let one = schema["oneOf"].get(0).unwrap_or(schema);
        let Some(name) = one["$ref"].as_str().and_then(|path| path.rsplit('/').next()) else {
            return Vec::new();
        };
        self.schemas[name]["properties"]
            .as_object()
            .map_or_else(Vec::new, |properties| properties.keys().cloned().collect())
    }

    fn attempts(&self) -> Vec<Attempt> {
        let mut attempts = Vec::new();
        let fields = self.fields();
        let body = |evil: Option<(&str, Value)>| {
            let mut body: Map<String, Value> =
                fields.iter().map(|name| (name.clone(), json!(self.usual(name)))).collect();
            if let Some((name, value)) = evil {
                body.insert(name.to_owned(), value);
            }
            (!fields.is_empty()).then_some(Value::Object(body))
        };
        for place in ["path", "query"] {
            for name in self.parameters(place) {
                for evil in CORPUS {
                    let path = self.path_with(name, evil);
                    attempts.push(Attempt { method: self.method.clone(), path, body: body(None) });
                }
            }
        }
        for name in &fields {
            let texts = CORPUS.iter().map(|evil| json!(evil));
            for evil in texts.chain(operators()) {
                let path = self.path_with("", "");
                let body = body(Some((name, evil)));
                attempts.push(Attempt { method: self.method.clone(), path, body });
            }
        }
        attempts
    }
}

/// All that Ana sees of what is hers.
async fn of_ana(ana: &Person, group: &str) -> Vec<Value> {
    let mut seen = Vec::new();
    for path in [
        "/api/v1/me".to_owned(),
        "/api/v1/chats".to_owned(),
        "/api/v1/me/blocks".to_owned(),
        format!("/api/v1/chats/{group}/messages"),
        format!("/api/v1/groups/{group}/members"),
        format!("/api/v1/groups/{group}/bans"),
    ] {
        seen.push(ana.gets(&path).await);
    }
    seen
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_bad_through_any_parameter_has_an_effect() {
    let lenient = [("WRONG_CODES_PER_IP", "1000000"), ("WRONG_CODES_IN_ALL", "1000000")];
    let world = World::with(&lenient).await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let eva = world.person("Eva").await;
    let group = ana.api.create_group("Cosas nuestras", &[beto.id()]).await.expect("a group");
    ana.says(SECRET).in_chat(&group).await;
    ana.says(SECRET).to(&beto).await;
    let before = of_ana(&ana, &group).await;

    let description = description();
    let mut count = 0;
    for (path, operations) in description["paths"].as_object().expect("paths") {
        for (method, operation) in operations.as_object().expect("operations") {
            let method: Method = method.to_uppercase().parse().expect("a method");
            let schemas = &description["components"]["schemas"];
            let route = Route { method, path, operation, schemas, group: &group, ana: ana.id() };
            for Attempt { method, path, body } in route.attempts() {
                let answer = eva.asks(method.clone(), &path, body.clone()).await;
                let what = format!("{method} {path} {body:?}: {}", answer.status);
                assert!(answer.status.as_u16() < 500, "{what}");
                if answer.status.as_u16() == 401 {
                    eva.gets("/api/v1/me").await; // A wrong login, not an ended session.
                }
                let text = String::from_utf8_lossy(&answer.body);
                assert!(!text.contains(SECRET), "{what} {text}");
                assert!(!text.contains("ana@example.org"), "{what} {text}");
                count += 1;
            }
        }
    }
    println!("{count} attempts");
    assert!(count > 1000, "the description was read");
    assert_eq!(of_ana(&ana, &group).await, before);
}
