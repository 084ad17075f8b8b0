//! Ten thousand requests that are nearly right or quite wrong, drawn from the API's own
//! description: none may be answered with an internal error, and an error names the field at fault.

use axum::body::Body;
use axum::http::{Method, Request};
use serde_json::{Map, Value, json};

use super::App;
use crate::http::router::description;

const REQUESTS: usize = 10_000;

/// The same numbers on every run (xorshift64*), so that a failure can be reproduced.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 33) as usize % sides
    }

    fn one_in(&mut self, sides: usize) -> bool {
        self.roll(sides) == 0
    }

    fn pick<'a, T>(&mut self, from: &'a [T]) -> &'a T {
        &from[self.roll(from.len())]
    }
}

/// What tries are made of.
struct Stock {
    api: Value,
    operations: Vec<(Method, String)>,
    /// Ids of people and chats, own and foreign ones, and one of nothing.
    ids: Vec<String>,
    tokens: Vec<String>,
}

const TEXTS: [&str; 12] = [
    "",
    " ",
    "hola",
    "ana@example.org",
    "\u{202e}x",
    "\u{0}",
    "🙂",
    "' OR 1=1 --",
    "../../etc",
    "null",
    "9223372036854775808",
    "en",
];

impl Stock {
    /// A value that fits a schema, mostly.
    fn fitting(&self, schema: &Value, dice: &mut Dice) -> Value {
        if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
            if name == "Id" {
                return json!(dice.pick(&self.ids));
            }
            return self.fitting(&self.api["components"]["schemas"][name], dice);
        }
        if let Some(one) = schema["oneOf"].as_array() {
            return self.fitting(dice.pick(one), dice);
        }
        if let Some(values) = schema["enum"].as_array() {
            return dice.pick(values).clone();
        }
        let kinds = schema["type"].as_array().cloned();
        let kind = kinds.map_or(schema["type"].clone(), |kinds| dice.pick(&kinds).clone());
        match kind.as_str() {
            Some("object") => {
                let fields = schema["properties"].as_object().cloned().unwrap_or_default();
                fields.iter().map(|(name, of)| (name.clone(), self.fitting(of, dice))).collect()
            }
            Some("array") => {
                (0..dice.roll(4)).map(|_| self.fitting(&schema["items"], dice)).collect()
            }
            Some("string") => json!(dice.pick(&TEXTS)),
            Some("integer") => json!([0, 1, 2, 8, 60, u64::MAX, u64::from(u32::MAX)][dice.roll(7)]),
            Some("boolean") => json!(dice.one_in(2)),
            _ => Value::Null,
        }
    }

    /// A body that fits, or one with something wrong in it.
    fn body(&self, operation: &Value, dice: &mut Dice) -> Vec<u8> {
        let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
        let mut body = self.fitting(schema, dice);
        if let Some(fields) = body.as_object_mut() {
            spoil(fields, dice);
        }
        let mut bytes = body.to_string().into_bytes();
        match dice.roll(12) {
            0 => bytes.truncate(dice.roll(bytes.len() + 1)),
            1 if !bytes.is_empty() => {
                let at = dice.roll(bytes.len());
                bytes[at] = dice.roll(256) as u8;
            }
            2 => bytes = b"[[[[[[[[[[[[[[[[".repeat(dice.roll(400)),
            3 if dice.one_in(20) => bytes.resize(1_100_000, b' '),
            4 => bytes.extend_from_slice(b"}"),
            _ => {}
        }
        bytes
    }

    fn path(&self, template: &str, dice: &mut Dice) -> String {
        let part = |part: &str, dice: &mut Dice| {
            if !part.starts_with('{') {
                part.to_owned()
            } else if part == "{seq}" {
                ["1", "2", "0", "-1", "x", "99"][dice.roll(6)].to_owned()
            } else {
                self.value(dice)
            }
        };
        template.split('/').map(|text| part(text, dice)).collect::<Vec<_>>().join("/")
    }

    fn value(&self, dice: &mut Dice) -> String {
        const ODD: [&str; 9] =
            ["x", "%ff", "%00", "%F0%9F%99%82", "current", "%2e%2e%2f", "a%20b", "1", "%"];
        if dice.one_in(3) { (*dice.pick(&ODD)).to_owned() } else { dice.pick(&self.ids).clone() }
    }

    fn query(&self, operation: &Value, dice: &mut Dice) -> String {
        let mut pairs = Vec::new();
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "query" && !dice.one_in(4) {
                let name = parameter["name"].as_str().unwrap_or_default();
                pairs.push(format!("{name}={}", self.value(dice)));
            }
        }
        if dice.one_in(10) {
            pairs.push(["x=1", "=", "&&", "limit=0", "after=99999999999"][dice.roll(5)].to_owned());
        }
        pairs.join("&")
    }

    fn request(&self, dice: &mut Dice) -> (String, &Value, Request<Body>) {
        let (method, template) = dice.pick(&self.operations);
        let operation = &self.api["paths"][template][method.as_str().to_lowercase()];
        let path = format!("{}?{}", self.path(template, dice), self.query(operation, dice));
        let body = self.body(operation, dice);
        let shown = String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        let shown = format!("{method} {path} {shown}");
        let mut request = Request::builder().method(method).uri(&path);
        if !dice.one_in(12) {
            let token = dice.pick(&self.tokens);
            request = request.header("authorization", format!("Bearer {token}"));
        }
        let is_form = operation["requestBody"]["content"]["multipart/form-data"].is_object();
        let body = if is_form && dice.one_in(2) { form(dice) } else { body };
        if !dice.one_in(10) {
            let kinds = [
                "application/json",
                "application/json; charset=utf-8",
                "text/plain",
                "application/offset+octet-stream",
                "multipart/form-data; boundary=b7",
            ];
            let kind = if is_form { 4 } else { [0, 0, 0, 1, 1, 2, 3, 3][dice.roll(8)] };
            request = request.header("content-type", kinds[kind]);
        }
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            if parameter["in"] == "header" && !dice.one_in(4) {
                let values = ["0", "5", "1", "x", "", "filename eA==,kind eA==", "bytes=0-", "-1"];
                let name = parameter["name"].as_str().unwrap_or_default();
                request = request.header(name, values[dice.roll(8)]);
            }
        }
        (shown, operation, request.body(body.into()).expect("a request"))
    }
}

/// A form with some fields of files and messages, cut, spoilt, or neither.
fn form(dice: &mut Dice) -> Vec<u8> {
    const FIELDS: [&str; 10] = [
        "file",
        "kind",
        "poster",
        "duration_ms",
        "message_id",
        "body",
        "body_type",
        "files",
        "reply_to",
        "x",
    ];
    let mut bytes = Vec::new();
    for _ in 0..dice.roll(6) {
        let file = if dice.one_in(2) { "; filename=\"../a\"" } else { "" };
        let head = format!(
            "--b7\r\nContent-Disposition: form-data; name=\"{}\"{file}\r\n\r\n",
            dice.pick(&FIELDS)
        );
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(dice.pick(&TEXTS).as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"--b7--\r\n");
    match dice.roll(4) {
        0 => bytes.truncate(dice.roll(bytes.len())),
        1 => {
            let at = dice.roll(bytes.len());
            bytes[at] = dice.roll(256) as u8;
        }
        _ => {}
    }
    bytes
}

/// Takes a field away, adds one, or gives one a value of another type; or none of these.
fn spoil(fields: &mut Map<String, Value>, dice: &mut Dice) {
    let names: Vec<_> = fields.keys().cloned().collect();
    if names.is_empty() {
        return;
    }
    let name = dice.pick(&names).clone();
    match dice.roll(5) {
        0 => drop(fields.remove(&name)),
        1 => drop(fields.insert("surprise".to_owned(), json!(1))),
        2 => {
            let odd = [json!(null), json!(-1), json!(1.5), json!([]), json!({}), json!("x")];
            fields.insert(name, dice.pick(&odd).clone());
        }
        _ => {}
    }
}

/// What is wrong with an answer to a malformed request; `None` when nothing is.
fn fault(path: &str, status: u16, answer: &Value) -> Option<&'static str> {
    let original = !path.starts_with("/api/") && !path.starts_with("/livez");
    let (code, field) = if original {
        (&answer["data"]["reason"], &answer["data"]["field"])
    } else {
        (&answer["code"], &answer["field"])
    };
    if status >= 500 && !(status == 501 && code == "not_implemented") {
        return Some("a fault of ours");
    }
    if status < 400 {
        return None;
    }
    if !code.is_string() || (original && !answer["code"].is_u64()) {
        return Some("an error in the wrong shape");
    }
    let named = field.as_str().is_some_and(|field| !field.is_empty());
    (code == "bad_field" && !named).then_some("an error without its field")
}

/// What of an answer does not fit the API's description of it: a place in the JSON, or `None`.
fn misfit(api: &Value, schema: &Value, value: &Value) -> Option<String> {
    if let Some(name) = schema["$ref"].as_str().and_then(|path| path.rsplit('/').next()) {
        return misfit(api, &api["components"]["schemas"][name], value)
            .map(|place| format!("{name}{place}"));
    }
    for part in schema["allOf"].as_array().into_iter().flatten() {
        if let Some(place) = misfit(api, part, value) {
            return Some(place);
        }
    }
    if let Some(either) = schema["oneOf"].as_array() {
        let misfits: Option<Vec<_>> = either.iter().map(|one| misfit(api, one, value)).collect();
        return misfits.map(|misfits| format!(": {}", misfits.join(" | ")));
    }
    let kinds = match &schema["type"] {
        Value::String(kind) => vec![kind.as_str()],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => return None,
    };
    let kind = match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    };
    if !kinds.contains(&kind) {
        return Some(format!(": {kind} instead of {kinds:?}"));
    }
    for name in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        if value.is_object() && value.get(name).is_none() {
            return Some(format!(".{name}: missing"));
        }
    }
    for (name, of) in schema["properties"].as_object().into_iter().flatten() {
        if let Some(place) = value.get(name).and_then(|field| misfit(api, of, field)) {
            return Some(format!(".{name}{place}"));
        }
    }
    let items = value.as_array().into_iter().flatten();
    items.enumerate().find_map(|(index, item)| {
        misfit(api, &schema["items"], item).map(|place| format!("[{index}]{place}"))
    })
}

/// What of an answer the description does not know.
fn undescribed(api: &Value, operation: &Value, status: u16, answer: &Value) -> Option<String> {
    let responses = &operation["responses"];
    let response = responses.get(status.to_string());
    let response = response.or((status >= 400).then_some(&responses["default"]));
    let Some(response) = response else { return Some(": the status".to_owned()) };
    let content = response["content"].as_object()?.values().next()?;
    misfit(api, &content["schema"], answer)
}

async fn stock(app: &App) -> Stock {
    let (ana, beto, eva) =
        (app.person("Ana").await, app.person("Beto").await, app.person("Eva").await);
    let shared = app.group(&[&ana, &beto]).await;
    let foreign = app.group(&[&eva]).await;
    let api = serde_json::to_value(description()).expect("JSON");
    let mut operations = Vec::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            // Whoever ended its own account or sessions would get 401 from then on.
            let ends = method == "delete" && (path.contains("/auth/") || path.ends_with("/me"));
            if !ends {
                let method = Method::from_bytes(method.to_uppercase().as_bytes());
                operations.push((method.expect("a method"), path.clone()));
            }
        }
    }
    let ids = vec![ana.id, beto.id, eva.id, shared, foreign, "0".repeat(24)];
    let tokens = vec![ana.token.clone(), ana.token, beto.token, "x".repeat(43)];
    Stock { api, operations, ids, tokens }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_request_makes_the_server_fail() {
    let app = App::new();
    let stock = stock(&app).await;
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    let mut seen = std::collections::BTreeMap::new();
    for _ in 0..REQUESTS {
        let (shown, operation, request) = stock.request(&mut dice);
        let path = request.uri().path().to_owned();
        let has_body = request.method() != Method::HEAD;
        let reply = app.send(request).await;
        let status = reply.status.as_u16();
        *seen.entry(status).or_insert(0) += 1;
        let answer = reply.json();
        let described = undescribed(&stock.api, operation, status, &answer);
        let fault = if has_body || status >= 500 {
            fault(&path, status, &answer).map(str::to_owned).or(described)
        } else {
            None
        };
        if let Some(fault) = fault {
            panic!("{fault}: {status} {answer}\nto {shown}");
        }
    }
    // The dice must reach what they are for: successes as well as each kind of refusal.
    for status in [200, 201, 204, 400, 401, 403, 404, 413, 415] {
        assert!(seen.contains_key(&status), "no answer was {status}: {seen:?}");
    }
}

#[test]
fn an_answer_that_does_not_fit_is_noticed() {
    let api = serde_json::to_value(description()).expect("JSON");
    let problem = json!({ "$ref": "#/components/schemas/Problem" });
    let mut answer = json!({ "type": "", "title": "", "status": 400, "code": "", "detail": "" });
    assert_eq!(misfit(&api, &problem, &answer), None);
    answer["status"] = json!("400");
    assert!(misfit(&api, &problem, &answer).is_some_and(|place| place.contains(".status")));
    assert!(misfit(&api, &problem, &json!({})).is_some_and(|place| place.contains("missing")));
}
