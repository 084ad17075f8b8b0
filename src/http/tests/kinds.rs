//! What every route is like besides what it does: the shape of its errors, what a request costs,
//! whether it may take as long as a file does, and whether it is answered in the clear.

use std::collections::BTreeSet;

use axum::http::{HeaderMap, HeaderValue, Method, header};
use serde_json::json;

use super::App;
use crate::edge::limits::Class;
use crate::http::kind::{Kinds, Shape};
use crate::http::router::{description, kinds};

/// Routes that the description does not have, on every server.
const OTHERS: [&str; 15] = [
    "GET /api/v1/ws",
    "GET /api/v1/openapi.json",
    "GET /api/v1/asyncapi.json",
    "GET /docs",
    "GET /docs/errors",
    "GET /docs/rapidoc-9.3.8.js",
    "GET /docs/start.js",
    "GET /metrics",
    "GET /assets/{*path}",
    "GET /sw.js",
    "GET /manifest.webmanifest",
    "GET /call-test",
    "GET /call-test.js",
    "GET /nothing",
    "GET /api/v1/nothing",
];

/// Where errors are told in the envelope; everywhere else they are problems.
const ENVELOPES: [&str; 15] = [
    "GET /",
    "POST /nsg",
    "POST /l",
    "PUT /cv",
    "GET /chats",
    "GET /nch",
    "GET /lkup",
    "PUT /sndmsg",
    "POST /cllusr",
    "POST /vcllusr",
    "GET /sw.js",
    "GET /manifest.webmanifest",
    "GET /call-test",
    "GET /call-test.js",
    "GET /nothing",
];

/// What costs as much as logging in does.
const LOGINS: [&str; 12] = [
    "POST /nsg",
    "POST /l",
    "PUT /cv",
    "POST /api/v1/users",
    "POST /api/v1/auth/codes",
    "POST /api/v1/auth/sessions",
    "POST /api/v1/me/address",
    "POST /api/v1/me/address/verify",
    "POST /api/v1/me/recovery-codes",
    "POST /api/v1/me/recovery-codes/verify",
    "POST /api/v1/auth/recovery",
    "POST /api/v1/operator/key",
];

/// What brings a file.
const UPLOADS: [&str; 2] = ["POST /api/v1/files", "PATCH /api/v1/uploads/{upload}"];
/// What brings files when it is a form.
const FORMS: [&str; 1] = ["PUT /sndmsg"];

/// What is answered in the clear while the server speaks HTTPS.
const IN_THE_CLEAR: [&str; 3] = ["GET /livez", "GET /readyz", "GET /metrics"];

/// Every route: method and pattern.
fn routes() -> BTreeSet<String> {
    let api = serde_json::to_value(description()).expect("JSON");
    let mut routes: BTreeSet<String> = OTHERS.map(str::to_owned).into();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    routes
}

/// Whether errors are envelopes, what it costs, whether it brings a file, whether it is answered in
/// the clear.
fn nature(kinds: &Kinds, route: &str, headers: &HeaderMap) -> (bool, Class, bool, bool) {
    let (method, path) = route.split_once(' ').expect("a method and a path");
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let pattern = (!path.ends_with("nothing")).then_some(path);
    let kind = kinds.of(&method, pattern, path);
    (kind.shape == Shape::Envelope, kind.class, kind.upload.is(headers), kind.in_the_clear)
}

#[tokio::test]
async fn every_route_is_of_its_kind() {
    let all = kinds(&App::new().http);
    let form = HeaderValue::from_static("multipart/form-data; boundary=b7");
    let form = HeaderMap::from_iter([(header::CONTENT_TYPE, form)]);
    let (mut found, mut wanted) = (Vec::new(), Vec::new());
    for route in routes() {
        let is = |list: &[&str]| list.contains(&route.as_str());
        let class = if is(&LOGINS) { Class::Login } else { Class::Other };
        for (headers, upload) in
            [(HeaderMap::new(), is(&UPLOADS)), (form.clone(), is(&UPLOADS) || is(&FORMS))]
        {
            found.push((route.clone(), nature(&all, &route, &headers)));
            let clear = is(&IN_THE_CLEAR);
            wanted.push((route.clone(), (is(&ENVELOPES), class, upload, clear)));
        }
    }
    assert_eq!(found, wanted);
    let named = [&ENVELOPES[..], &LOGINS, &UPLOADS, &FORMS, &IN_THE_CLEAR].concat();
    let clear = |method| all.of(&method, Some("/livez"), "/livez").in_the_clear;
    assert!(clear(Method::HEAD) && !clear(Method::DELETE), "what answers a GET answers a HEAD");
    let routes = routes();
    assert!(named.iter().all(|route| routes.contains(*route)), "a route that there is not");
}

#[tokio::test]
async fn a_method_that_a_path_does_not_take_is_refused_in_its_shape() {
    let app = App::new();
    for path in ["/l", "/chats", "/sndmsg", "/sw.js", "/nothing"] {
        let reply = app.delete(path, "").await;
        assert_eq!(reply.json()["error"], true, "{path}");
    }
    for path in ["/api/v1/me/blocks", "/docs", "/livez", "/metrics", "/api/v1/nothing"] {
        let reply = app.delete(path, "").await;
        assert_eq!(reply.header("content-type"), "application/problem+json", "{path}");
    }
    app.put("/l", "", json!({})).await.is(405);
}
