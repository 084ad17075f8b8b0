//! What every answer looks like, whatever the route: errors, headers, limits.

use std::net::IpAddr;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Method, Request};
use axum::middleware::from_fn_with_state;
use axum::routing::get;
use serde_json::{Value, json};

use super::{App, Email};
use crate::edge::address::Peer;
use crate::http::extract::BODY_BYTES;
use crate::http::pipeline::{Pipeline, wrap};
use crate::http::router::kinds;

type Headers<'a> = &'a [(&'a str, &'a str)];

fn request(method: Method, path: &str, headers: Headers, body: Vec<u8>) -> Request<Body> {
    let request = Request::builder().method(method).uri(path);
    let request =
        headers.iter().fold(request, |request, (name, value)| request.header(*name, *value));
    request.body(body.into()).expect("a request")
}

#[tokio::test]
async fn errors_have_the_shape_of_their_path() {
    let app = App::new();
    let reply = app.get("/api/v1/nothing", "").await;
    assert_eq!(reply.is(404)["code"], "not_found");
    assert_eq!(reply.header("content-type"), "application/problem+json");
    let reply = app.get("/nothing", "").await;
    assert_eq!((&reply.is(404)["error"], &reply.json()["code"]), (&json!(true), &json!(404)));
    assert_eq!(reply.header("content-type"), "application/json");

    let reply = app.delete("/api/v1/chats", "").await;
    assert_eq!(reply.is(405)["code"], "method_not_allowed");
    assert!(reply.header("allow").contains("POST"), "{:?}", reply.headers);
    let reply = app.get("/nsg", "").await;
    assert_eq!((&reply.is(405)["code"], reply.header("allow")), (&json!(400), "POST"));

    let reply = app.get("/chats", "wrong").await;
    assert_eq!(reply.is(401)["code"], 411);
    assert_eq!(reply.header("www-authenticate"), "Bearer");
    assert_eq!(app.get("/api/v1/chats", "").await.is(401)["code"], "unauthenticated");
}

#[tokio::test]
async fn bodies_that_cannot_be_read_are_refused_in_both_shapes() {
    let app = App::new();
    let json_type: &[_] = &[("content-type", "application/json")];
    let cases: [(Headers, Vec<u8>, u16, Value); 7] = [
        (json_type, b"{".to_vec(), 400, Value::Null),
        (json_type, b"{\"email\":\"\xff\"}".to_vec(), 400, Value::Null),
        (json_type, b"[]".to_vec(), 400, Value::Null),
        (json_type, b"{\"email\":5}".to_vec(), 400, json!("email")),
        (json_type, b"{}".to_vec(), 400, json!("email")),
        (json_type, vec![b' '; BODY_BYTES + 1], 413, Value::Null),
        (&[("content-type", "text/plain")], b"{}".to_vec(), 415, Value::Null),
    ];
    for (headers, body, status, field) in cases {
        let shown = String::from_utf8_lossy(&body[..body.len().min(40)]).into_owned();
        for (path, at) in [("/api/v1/auth/codes", "/field"), ("/l", "/data/field")] {
            let reply = app.send(request(Method::POST, path, headers, body.clone())).await;
            let answer = reply.is(status);
            let found = answer.pointer(at).cloned().unwrap_or_default();
            assert_eq!(found, field, "{path} {shown}");
        }
    }
}

#[tokio::test]
async fn a_body_of_unknown_length_is_cut_off_too() {
    let app = App::new();
    let chunks = (0..200).map(|_| Ok::<_, std::io::Error>(vec![b' '; 16 * 1024]));
    let body = Body::from_stream(futures_util::stream::iter(chunks));
    let request = Request::post("/api/v1/auth/codes").body(body).expect("a request");
    assert_eq!(app.send(request).await.is(413)["code"], "too_large");
}

#[tokio::test]
async fn v1_refuses_unknown_fields_and_parameters_by_name_and_the_original_ignores_them() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let reply = app.patch("/api/v1/me", &ana.token, json!({ "nmae": "x" })).await;
    assert_eq!(reply.is(400)["field"], "nmae");
    assert_eq!(app.get("/api/v1/chats?lmiit=1", &ana.token).await.is(400)["field"], "lmiit");
    app.get("/chats?pg=0&x=1", &ana.token).await.is(200);
    for path in ["/api/v1/chats/xyz", "/api/v1/groups/xyz/members", "/api/v1/users/1"] {
        let field = app.get(path, &ana.token).await.is(400)["field"].clone();
        assert!(["chat", "group", "user"].contains(&field.as_str().unwrap_or_default()), "{path}");
    }
}

#[tokio::test]
async fn a_refusal_names_the_field_as_its_request_calls_it() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let (me, group) = (ana.id.as_str(), app.group(&[&ana, &beto]).await);
    let long = "x".repeat(200);
    let call = |chat: &str| json!({ "chat": chat, "kind": "voice" });
    let (get, post, put) = (Method::GET, Method::POST, Method::PUT);
    let cases = [
        (get.clone(), format!("/api/v1/chats/{me}"), Value::Null, "chat"),
        (post.clone(), "/api/v1/chats".to_owned(), json!({ "user": me }), "user"),
        (post.clone(), format!("/api/v1/chats/{me}/messages"), message("client_msg_id"), "chat"),
        (post.clone(), "/api/v1/calls".to_owned(), call(me), "chat"),
        (post.clone(), "/api/v1/calls".to_owned(), call(&group), "chat"),
        (get.clone(), format!("/api/v1/search?q={long}"), Value::Null, "q"),
        (get.clone(), "/api/v1/search?q=%20".to_owned(), Value::Null, "q"),
        (get.clone(), format!("/nch?chtid={me}"), Value::Null, "chtid"),
        (put, format!("/sndmsg?chtid={me}&crruid={me}"), message("message_id"), "chtid"),
        (post.clone(), format!("/cllusr?chtid={me}"), Value::Null, "chtid"),
        (post, format!("/vcllusr?chtid={group}"), Value::Null, "chtid"),
        (get.clone(), format!("/lkup?qry={long}"), Value::Null, "qry"),
        (get, "/lkup?qry=%20".to_owned(), Value::Null, "qry"),
    ];
    for (method, path, body, field) in cases {
        let answer = app.ask(method, &path, &ana.token, body).await.is(400);
        let (code, named) = if path.starts_with("/api/v1") {
            (&answer["code"], &answer["field"])
        } else {
            (&answer["data"]["reason"], &answer["data"]["field"])
        };
        assert_eq!((code, named), (&json!("bad_field"), &json!(field)), "{path}");
    }
}

fn message(key: &str) -> Value {
    json!({ key: "k1", "body": "hola" })
}

#[tokio::test]
async fn errors_speak_the_language_of_the_caller_and_name_the_request() {
    let app = App::new();
    let headers: &[_] = &[("accept-language", "es-MX,es;q=0.9"), ("x-request-id", "abc-1")];
    let reply = app.send(request(Method::GET, "/api/v1/me", headers, Vec::new())).await;
    let problem = reply.is(401);
    assert_eq!(problem["title"], "Sin sesión iniciada");
    assert_eq!((&problem["request_id"], reply.header("x-request-id")), (&json!("abc-1"), "abc-1"));
    for bad in ["a b", "", &"x".repeat(65), "<script>"] {
        let reply =
            app.send(request(Method::GET, "/livez", &[("x-request-id", bad)], Vec::new())).await;
        assert_eq!(reply.header("x-request-id").len(), 24, "{bad}");
    }
}

#[tokio::test]
async fn answers_carry_security_headers() {
    let app = App::new();
    for path in ["/", "/docs", "/api/v1/openapi.json", "/nothing", "/livez"] {
        let reply = app.get(path, "").await;
        assert!(
            reply.header("content-security-policy").contains("frame-ancestors 'none'"),
            "{path}"
        );
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert!(reply.header("permissions-policy").contains("microphone=(self)"), "{path}");
        assert_eq!(reply.header("referrer-policy"), "no-referrer", "{path}");
        assert_eq!(reply.header("strict-transport-security"), "", "{path}");
    }
    let secure = App::with(&[("PUBLIC_URL", "https://chat.example.org")]);
    assert!(!secure.get("/", "").await.header("strict-transport-security").is_empty());
}

#[tokio::test]
async fn a_panic_in_a_handler_becomes_an_error_with_the_id_of_its_request() {
    let app = App::new();
    let kinds = Arc::new(kinds(&app.http));
    let pipeline = Pipeline { http: app.http.clone(), kinds };
    let broken = || async {
        if true {
            panic!("oh")
        }
    };
    let router = Router::new()
        .route("/api/v1/broken", get(broken))
        .layer(from_fn_with_state(pipeline, wrap));
    let app = App { router, ..app };
    let reply = app
        .send(request(Method::GET, "/api/v1/broken", &[("x-request-id", "r9")], Vec::new()))
        .await;
    let problem = reply.is(500);
    assert_eq!((&problem["code"], &problem["request_id"]), (&json!("internal"), &json!("r9")));
    assert!(!problem.to_string().contains("oh"), "the cause stays here");
}

#[tokio::test]
async fn pages_of_other_origins_may_call_when_they_are_named() {
    let ask = async |app: &App, method: Method, origin: &str| {
        let headers: &[_] = &[("origin", origin), ("access-control-request-method", "PUT")];
        let reply = app.send(request(method, "/sndmsg", headers, Vec::new())).await;
        reply.header("access-control-allow-origin").to_owned()
    };
    let app = App::with(&[("CORS_ORIGINS", "https://app.example.org")]);
    for method in [Method::OPTIONS, Method::PUT] {
        assert_eq!(
            ask(&app, method.clone(), "https://app.example.org").await,
            "https://app.example.org"
        );
        assert_eq!(ask(&app, method.clone(), "https://evil.example.org").await, "");
        assert_eq!(ask(&App::new(), method, "https://app.example.org").await, "");
    }
}

#[tokio::test]
async fn whoever_asks_too_fast_hears_when_to_come_back() {
    let app = App::with(&[("RATE_PER_IP", "2/h"), ("RATE_PER_USER", "off")]);
    let ask = async |path: &str, ip: &str| {
        let mut request = request(Method::GET, path, &[], Vec::new());
        let ip: IpAddr = ip.parse().expect("an address");
        request.extensions_mut().insert(Peer(ip));
        app.send(request).await
    };
    for _ in 0..2 {
        ask("/api/v1/me", "203.0.113.5").await.is(401);
    }
    let reply = ask("/api/v1/me", "203.0.113.5").await;
    assert_eq!(reply.is(429)["code"], "too_many_requests");
    let wait: u64 = reply.header("retry-after").parse().expect("seconds");
    assert!((1_700..=1_800).contains(&wait), "{wait}");
    assert_eq!(ask("/chats", "203.0.113.5").await.is(429)["error"], true);
    ask("/api/v1/me", "203.0.113.6").await.is(401);

    let app = App::with(&[("RATE_PER_USER", "3/h")]);
    let ana = app.person("Ana").await;
    for _ in 0..3 {
        app.get("/api/v1/me", &ana.token).await.is(200);
    }
    app.get("/chats", &ana.token).await.is(429);
}

#[tokio::test]
async fn health_and_pages_need_no_session() {
    let app = App::new();
    assert_eq!(app.get("/livez", "").await.is(200)["status"], "ok");
    assert_eq!(app.get("/readyz", "").await.is(200)["status"], "ok");
    let envelope = json!({ "error": false, "message": "OK", "code": 206, "data": null });
    assert_eq!(app.get("/", "").await.is(200), envelope);
    let browser: &[_] = &[("accept", "text/html,application/xhtml+xml")];
    let page = app.send(request(Method::GET, "/", browser, Vec::new())).await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    assert_eq!(app.get("/assets/index.html", "").await.bytes, page.bytes);
    assert_eq!(app.get("/assets/../index.html", "").await.is(404)["code"], "not_found");
    let docs = app.get("/docs", "").await;
    let html = String::from_utf8_lossy(&docs.bytes).into_owned();
    for script in html.split("src=\"").skip(1).filter_map(|rest| rest.split('"').next()) {
        let gzip: &[_] = &[("accept-encoding", "gzip")];
        let reply = app.send(request(Method::GET, script, gzip, Vec::new())).await;
        assert_eq!(reply.status, 200, "{script}");
        assert!(reply.header("content-type").starts_with("text/javascript"), "{script}");
        assert!(reply.bytes.len() < 300_000, "{script}: {} bytes", reply.bytes.len());
    }
    assert!(!html.contains("http://") && !html.contains("https://"), "the page needs no network");
    let errors = app.get("/docs/errors", "").await;
    assert!(String::from_utf8_lossy(&errors.bytes).contains("id=\"bad_field\""));
}

#[tokio::test]
async fn upgrades_are_led_to_where_sockets_are_served() {
    let app = App::new();
    let upgrade: &[_] = &[("upgrade", "websocket"), ("connection", "upgrade")];
    for path in ["/nch?chtid=6740a1b2c3d4e5f601234567", "/api/v1/ws"] {
        let reply = app.send(request(Method::GET, path, upgrade, Vec::new())).await;
        assert_eq!(reply.status, 418, "{path}");
    }
    assert_eq!(app.get("/nch", "").await.status, 401);
}

#[tokio::test]
async fn the_description_names_an_error_for_every_operation() {
    let app = App::new();
    let api = app.get("/api/v1/openapi.json", "").await.is(200);
    assert!(api["openapi"].as_str().is_some_and(|version| version.starts_with("3.1")));
    let mut ids = std::collections::HashSet::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
            assert!(operation["summary"].is_string(), "{method} {path}");
            assert!(ids.insert(operation["operationId"].to_string()), "{method} {path} twice");
        }
    }
    assert!(ids.len() > 45, "{}", ids.len());
}

#[tokio::test]
async fn a_page_of_another_web_site_asks_for_no_code_and_tries_none() {
    let app = App::with(&[("CORS_ORIGINS", "https://app.example.org"), ("RATE_PER_IP", "off")]);
    let body = json!({ "email": "ana@example.org", "name": "Ana", "code": "000000" }).to_string();
    let (json_type, key) = (("content-type", "application/json"), ("host", "chat.example.org"));
    let foreign = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
    for (method, path) in [
        (Method::POST, "/api/v1/users"),
        (Method::POST, "/api/v1/auth/codes"),
        (Method::POST, "/api/v1/auth/sessions"),
        (Method::POST, "/nsg"),
        (Method::POST, "/l"),
        (Method::POST, "/l?e=ana@example.org"),
        (Method::PUT, "/cv?e=ana@example.org&c=000000"),
    ] {
        for headers in [&foreign[..], &foreign[..1], &foreign[1..]] {
            let headers = [headers, &[json_type, key]].concat();
            let reply = app.send_as((method.clone(), path), "", &headers, body.clone()).await;
            assert_eq!(reply.status.as_u16(), 403, "{method} {path} {headers:?}");
        }
    }
    assert!(app.mails.last_code(&Email::parse("e", "ana@example.org").expect("one")).is_none());
    for page in ["https://app.example.org", "http://chat.example.org"] {
        let headers = [json_type, key, ("origin", page), ("sec-fetch-site", "same-site")];
        let body = json!({ "email": "ana@example.org" }).to_string();
        let reply = app.send_as((Method::POST, "/api/v1/auth/codes"), "", &headers, body).await;
        assert_eq!(reply.status.as_u16(), 202, "{page}");
    }
}

#[tokio::test]
async fn a_body_says_what_it_is() {
    let app = App::new();
    let body = json!({ "email": "ana@example.org", "name": "Ana" }).to_string();
    for path in ["/api/v1/users", "/api/v1/auth/codes", "/nsg", "/l"] {
        let reply = app.send_as((Method::POST, path), "", &[], body.clone()).await;
        assert_eq!(reply.status.as_u16(), 415, "{path}");
    }
    let reply = app.send_as((Method::POST, "/l?e=ana@example.org"), "", &[], "").await;
    assert_eq!(reply.status.as_u16(), 200, "what has no body has no type");
}

#[tokio::test]
async fn a_request_that_names_two_hosts_is_refused() {
    let app = App::new();
    let hosts = [("host", "localhost"), ("host", "chat.example.org")];
    for (path, headers) in [
        ("/livez", &hosts[..]),
        ("http://localhost/livez", &hosts[1..]),
        ("http://localhost:81/livez", &hosts[..1]),
    ] {
        let reply = app.send_as((Method::GET, path), "", headers, "").await;
        assert_eq!(reply.status.as_u16(), 400, "{path} {headers:?}");
    }
    let reply = app.send_as((Method::GET, "http://localhost/livez"), "", &hosts[..1], "").await;
    assert_eq!(reply.status.as_u16(), 200);
}

#[tokio::test]
async fn pages_of_ours_name_their_style_by_its_hash() {
    let app = App::new();
    for path in ["/call-test", "/docs/errors"] {
        let reply = app.get(path, "").await;
        let policy = reply.header("content-security-policy");
        assert!(policy.contains("style-src 'sha256-") && !policy.contains("unsafe"), "{policy}");
        let html = String::from_utf8_lossy(&reply.bytes);
        assert!(!html.contains("style=") && html.matches("<style>").count() == 1, "{path}");
    }
}

#[tokio::test]
async fn the_original_lists_count_pages_from_1_and_say_whether_there_is_more() {
    let app = App::new();
    let ana = app.person("Ana").await;
    for number in 0..51 {
        let body = json!({ "title": format!("Paseo {number}"), "public": true });
        app.post("/api/v1/groups", &ana.token, body).await.is(201);
    }
    let page = async |path: String| {
        let answer = app.get(&path, &ana.token).await.is(200);
        let rows = answer["data"]["groups"].as_array().or(answer["data"].as_array());
        let ids = rows.expect("rows").iter().map(|row| row["chtid"].clone()).collect::<Vec<_>>();
        (ids, answer["more"].clone())
    };
    for list in ["/chats?", "/lkup?qry=paseo&"] {
        let (first, more) = page(format!("{list}pg=1")).await;
        assert_eq!((first.len(), &more), (50, &json!(true)), "{list}");
        assert!(first.iter().all(Value::is_string), "{list} {first:?}");
        let (zeroth, more) = page(format!("{list}pg=0")).await;
        assert_eq!((&zeroth, &more), (&first, &json!(true)), "{list}: 0 is the first");
        let (second, more) = page(format!("{list}pg=2")).await;
        assert_eq!((second.len(), &more), (1, &json!(false)), "{list}");
        assert!(!first.contains(&second[0]), "{list}");
        assert_eq!(page(format!("{list}pg=3")).await, (vec![], json!(false)), "{list}");
    }
    let health = app.get("/", "").await.is(200);
    assert_eq!(health.get("more"), None, "only lists say it");
}
