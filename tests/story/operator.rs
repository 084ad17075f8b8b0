//! Operators: how somebody becomes one, what they do to people and groups, and that each act is in
//! the audit once, whatever comes between.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::process::Output;
use std::time::Duration;

use hyper::{Method, StatusCode};
use loadgen::client::api::Api;
use loadgen::client::connection::{Connection, Event};
use loadgen::client::wire::Dial;
use serde_json::{Value, json};
use wechat::clock::{Clock, Time};
use wechat::core::Rules;
use wechat::core::groups::NewGroup;
use wechat::core::operator::{Actor, TRENDS};
use wechat::core::search::Query;
use wechat::error::Code;
use wechat::id::{AuditId, ObjectId};
use wechat::model::operators::{Act, Audit};
use wechat::model::text::{About, Title};
use wechat::model::trends::{HOURS_KEPT, Happened, Span};
use wechat::store::Acted;

use crate::harness::files::STILL;
use crate::harness::inside::{Inside, address};
use crate::harness::{PATIENCE, Person, World, fresh_key, hears};
use crate::process::wechat;

async fn audit(operator: &Person) -> Vec<Value> {
    let page = operator.gets("/api/v1/operator/audit").await;
    page["audit"].as_array().expect("rows").clone()
}

#[tokio::test]
async fn whoever_has_the_key_of_the_terminal_becomes_the_operator() {
    let mut world = World::new().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let file = world.server.data().join("secrets/operator_key");
    let mode = fs::metadata(&file).expect("a key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let key = fs::read_to_string(&file).expect("a key").trim().to_owned();
    let shows = async |who: &Person, key: &str| {
        let body = json!({ "key": key });
        who.asks(Method::POST, "/api/v1/operator/key", Some(body)).await.status.as_u16()
    };
    assert_eq!(shows(&ana, &"0".repeat(64)).await, 403);
    let refused = ana.asks(Method::GET, "/api/v1/operator/people", None).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    let cure = refused.json()["detail"].as_str().expect("words").to_owned();
    assert!(cure.contains("wechat people operator"), "{cure}");
    assert_eq!(ana.gets("/api/v1/me").await["operator"], Value::Null);
    assert_eq!(shows(&ana, &key).await, 204);
    assert_eq!(ana.gets("/api/v1/me").await["operator"], true);
    assert_eq!(shows(&beto, &key).await, 403, "it is hers");
    for _ in 0..4 {
        shows(&beto, "wrong").await;
    }
    assert_eq!(shows(&beto, &key).await, 429, "guesses are counted");
    let rows = audit(&ana).await;
    assert_eq!(rows.len(), 1, "{rows:?}");
    assert_eq!((&rows[0]["act"], &rows[0]["by"]), (&json!("take_role"), &json!(ana.id())));
    assert!(world.server.end().expect("ended"));
    world.server.restart().await.expect("again");
    assert!(!file.exists(), "what somebody has seen of it is of no use any more");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_suspended_person_is_out_at_once_and_hears_nothing_more() {
    let world = World::new().await;
    let olga = world.operator().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let (mut hers, mut his) = (ana.connects().await, beto.connects().await);
    ana.says("hola").to(&beto).await;
    hears(&mut his, "hola").await;
    let call = json!({ "chat": beto.id(), "kind": "voice" });
    hers.call("call.start", call).await.expect("it rings");

    let at = format!("/api/v1/operator/people/{}", beto.id());
    let body = json!({ "why": "Spam.", "until": "2999-01-01T00:00:00Z" });
    let shown = olga.posts(&format!("{at}/suspend"), body).await;
    assert_eq!(
        (&shown["person"]["suspended"]["why"], &shown["sessions"]),
        (&json!("Spam."), &json!([]))
    );
    ana.says("are you there?").to(&beto).await;
    assert_eq!(his.closed().await, 4503, "revoked");
    let heard = his.events_now().into_iter().filter(|event| event.name == "message");
    assert!(heard.into_iter().all(|event| event.data["body"] == "hola"));
    let ended = |event: &Event| event.name == "call" && event.data["state"] == "ended";
    hers.event_that(PATIENCE, ended).await.expect("the call ends");
    let me = beto.asks(Method::GET, "/api/v1/me", None).await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
    let found = ana.gets("/api/v1/search?q=Beto").await;
    assert_eq!(found["users"], json!([]), "search does not find him");

    let refused = Api::log_in(world.server.addr(), world.mails(), &beto.email).await;
    let why = refused.map(drop).expect_err("suspended").to_string();
    assert!(why.contains("Spam."), "{why}");
    let yourself = format!("/api/v1/operator/people/{}/suspend", olga.id());
    let yourself = olga.asks(Method::POST, &yourself, Some(json!({ "why": "x" }))).await;
    assert_eq!(yourself.status, StatusCode::FORBIDDEN);

    olga.posts(&format!("{at}/restore"), Value::Null).await;
    let again = world.another_device(&beto).await;
    assert_eq!(again.reads(ana.id()).await, ["hola", "are you there?"], "nothing was lost");
    let acts: Vec<Value> = audit(&olga).await.into_iter().map(|row| row["act"].clone()).collect();
    assert_eq!(acts, ["restore", "suspend", "take_role"]);
}

/// The routes of the description that need a session, with ids in their paths.
fn routes_of_sessions() -> Vec<(Method, String)> {
    let text = include_str!("../../docs/openapi.json");
    let description: Value = serde_json::from_str(text).expect("JSON");
    let mut routes = Vec::new();
    for (path, item) in description["paths"].as_object().expect("paths") {
        for (method, operation) in item.as_object().expect("operations") {
            let Ok(method) = Method::from_bytes(method.to_uppercase().as_bytes()) else { continue };
            if operation["security"].as_array().is_some_and(|needs| !needs.is_empty()) {
                let mut parts: Vec<&str> = path.split('/').collect();
                for part in &mut parts {
                    *part = if part.starts_with('{') { "0123456789abcdef01234567" } else { part };
                }
                routes.push((method, parts.join("/")));
            }
        }
    }
    routes
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_route_no_socket_and_no_link_serves_a_suspended_person() {
    let world = World::new().await;
    let olga = world.operator().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let file = ana.uploads("auto", "still.jpg", STILL).await["id"].clone();
    let sent = json!({ "client_msg_id": fresh_key(), "attachments": [file] });
    ana.posts(&format!("/api/v1/chats/{}/messages", beto.id()), sent).await;
    let links = beto.posts("/api/v1/files/links", json!({ "files": [file] })).await;
    let link = links["links"][0]["url"].as_str().expect("a link").to_owned();
    let follows = async || {
        let followed = world.stranger().call(Method::GET, &link, None).await;
        followed.expect("an answer").status
    };
    assert_eq!(follows().await, StatusCode::OK);
    let waiting =
        Dial { token: None, ..beto.api.session().expect("a session").dial(beto.api.addr()) };
    let waiting = Connection::open(waiting).await.expect("it has not said whose it is");
    let at = format!("/api/v1/operator/people/{}/suspend", beto.id());
    olga.posts(&at, json!({ "why": "Spam." })).await;
    let routes = routes_of_sessions();
    assert!(routes.len() > 60, "{} routes", routes.len());
    for (method, path) in routes {
        let answer = beto.asks(method.clone(), &path, None).await;
        assert_eq!(answer.status, StatusCode::UNAUTHORIZED, "{method} {path}");
    }
    assert_eq!(follows().await, StatusCode::UNAUTHORIZED, "nor does a link");
    let dial = beto.api.session().expect("a session").dial(beto.api.addr());
    assert!(Connection::open(dial).await.is_err(), "nor is there a connection");
    let of_one = format!("/nch?chtid={}", ana.id());
    assert!(Connection::open(Dial { path: &of_one, ..dial }).await.is_err());
    let refused = waiting.identify(beto.token()).await.expect_err("it is theirs");
    assert_eq!(refused.problem().map(|problem| problem.status), Some(401), "{refused}");
}

#[tokio::test]
async fn a_suspension_ends_by_itself() {
    let inside = Inside::new(Rules::default()).await;
    let (ana, beto) = (inside.person("Ana").await, inside.person("Beto").await);
    let until = Some(inside.clock.now().plus(Duration::from_secs(3600)));
    let act = Act::Suspend { user: beto.user, until, why: "Spam.".into() };
    inside.core.operator.act(&Actor::Machine, act).await.expect("suspended");
    let logs_in = async || {
        inside.asks(&address("Beto"), crate::harness::inside::HOME.into()).await.expect("a code");
        inside.log_in_with(&address("Beto"), &inside.code(&address("Beto"))).await
    };
    assert_eq!(logs_in().await.expect_err("suspended").code, Code::Forbidden);
    let query = Query::parse("q", "Beto").expect("a query");
    let found = async || inside.core.search.find(&query, 0, 9).await.expect("searches").users.len();
    assert_eq!(found().await, 0);
    inside.clock.advance(Duration::from_secs(3600));
    assert_eq!(found().await, 1);
    logs_in().await.expect("it is over");
    assert!(inside.core.users.profile(ana.user).await.is_ok());
}

#[tokio::test]
async fn figures_over_time_are_written_down_by_the_sweep() {
    let inside = Inside::new(Rules::default()).await;
    let sweeps = async || inside.core.sweep().await.expect("sweeps");
    let rows = async |span, last| {
        let rows = inside.core.operator.trends(&Actor::Machine, span, last).await.expect("reads");
        rows.into_iter().map(|row| (row.figures.people, row.happened)).collect::<Vec<_>>()
    };
    let happened = |calls, errors| Happened { calls, errors };
    inside.person("Ana").await;
    sweeps().await;
    inside.person("Beto").await;
    inside.core.operator.failed();
    sweeps().await;
    assert_eq!(rows(Span::Hour, 9).await, [(1, happened(0, 1))], "people once an hour");
    inside.clock.advance(Duration::from_secs(3600));
    inside.core.operator.failed();
    sweeps().await;
    let hours = [(2, happened(0, 2)), (2, happened(0, 0))];
    assert_eq!(rows(Span::Hour, 9).await, hours, "at the end of the hour");
    assert_eq!(rows(Span::Hour, 1).await, hours[1..]);
    assert_eq!(rows(Span::Day, 9).await, [(2, happened(0, 2))]);
    inside.clock.advance(HOURS_KEPT + Duration::from_secs(3600));
    sweeps().await;
    assert_eq!(rows(Span::Hour, TRENDS).await.len(), 1);
    assert_eq!(rows(Span::Day, TRENDS).await.len(), 2, "days are kept for longer");
    let kept = inside.store.trends(Span::Hour, Time(0), 99).await.expect("reads");
    assert_eq!(kept.len(), 1, "what is old is gone");
}

#[tokio::test]
async fn settings_are_shown_as_they_are_and_no_secret_is() {
    let world = World::with(&[("TURN_SECRET", "5f0c8e6d1b7a4932b6d5e8f7a1c09b34")]).await;
    let olga = world.operator().await;
    let page = olga.gets("/api/v1/operator/settings").await;
    let row = |name: &str| {
        let rows = page["settings"].as_array().expect("rows");
        rows.iter().find(|row| row["name"] == name).expect("a setting").clone()
    };
    assert_eq!(row("HOST")["value"], "127.0.0.1");
    assert_eq!((&row("DEV")["value"], &row("DEV")["place"]), (&json!("off"), &json!("default")));
    let secret = row("TURN_SECRET");
    assert_eq!((&secret["hidden"], &secret["value"]), (&json!(true), &Value::Null));
    assert_eq!(row("SMTP_URL")["hidden"], Value::Null, "it is not set");
    assert!(!page.to_string().contains("5f0c8e6d"));
}

#[tokio::test]
async fn an_act_that_was_cut_off_is_finished_and_is_in_the_audit_once() {
    let inside = Inside::new(Rules::default()).await;
    let ana = inside.person("Ana").await;
    let new = NewGroup {
        key: None,
        title: Title::parse("title", "Peña").expect("a title"),
        about: About::parse("about", "").expect("fits"),
        public: true,
        history_shared: false,
        members: Vec::new(),
    };
    let chat = inside.core.groups.create(&ana, new).await.expect("made").id;
    // The row alone, as if the server had died after it.
    let (id, at) = (AuditId(ObjectId([7; 12])), inside.clock.now());
    let cut = Audit { id, at, by: None, act: Act::DeleteGroup { chat }, done: true };
    assert_eq!(inside.store.act(&cut).await.expect("written"), Acted::Begun);
    inside.core.sweep().await.expect("sweeps");
    let there = async || inside.store.chats(&[chat]).await.expect("reads")[0].deleted.is_none();
    assert!(there().await, "it may still be under way");
    inside.clock.advance(Duration::from_secs(60));
    inside.core.sweep().await.expect("sweeps");
    assert!(!there().await);
    let rows = inside.core.operator.audit(&Actor::Machine, None, 9).await.expect("reads");
    let rows: Vec<Audit> = rows.into_iter().map(|named| named.row).collect();
    assert_eq!(rows, [cut]);
}

#[tokio::test]
async fn an_operator_looks_after_people_and_groups_and_reads_no_chat() {
    let world = World::new().await;
    let olga = world.operator().await;
    let (ana, beto) = (world.person("Ana").await, world.person("Beto").await);
    let group = ana.api.create_group("Plaza", &[beto.id()]).await.expect("a group");
    ana.says("a secret").in_chat(&group).await;
    let at = format!("/api/v1/operator/groups/{group}");
    let shown = olga.gets(&at).await;
    assert_eq!(
        (&shown["group"]["title"], &shown["group"]["member_count"]),
        (&json!("Plaza"), &json!(2))
    );
    let listed = olga.gets("/api/v1/operator/groups").await;
    assert!(!format!("{shown}{listed}").contains("secret"));
    let mut live = ana.connects().await;
    assert_eq!(olga.asks(Method::DELETE, &at, None).await.status, StatusCode::NO_CONTENT);
    let gone = ana.asks(Method::GET, &format!("/api/v1/chats/{group}/messages"), None).await;
    assert_eq!(gone.status, StatusCode::FORBIDDEN);
    let is_end = |event: &Event| event.data["event"]["type"] == "group_deleted";
    let told = live.event_that(PATIENCE, is_end).await.expect("they are told");
    assert_eq!(told.data["event"]["by_operators"], true, "and who did it");
    let row = &audit(&olga).await[0];
    assert_eq!((&row["by_name"], &row["name"]), (&json!("Olga"), &json!("Plaza")));

    let found = olga.gets("/api/v1/operator/people?q=beto%40example.org").await;
    assert_eq!(found["people"][0]["id"], beto.id());
    let found = olga.gets("/api/v1/operator/people?q=an").await;
    assert_eq!(found["people"][0]["id"], ana.id());
    let at = format!("/api/v1/operator/people/{}", beto.id());
    let body = Some(json!({ "email": "moved@example.org" }));
    let moved = olga.asks(Method::PUT, &format!("{at}/email"), body).await;
    assert_eq!(moved.json()["person"]["email"], "moved@example.org");
    let taken = Some(json!({ "email": "ana@example.org" }));
    let taken = olga.asks(Method::PUT, &format!("{at}/email"), taken).await;
    assert_eq!(taken.status, StatusCode::CONFLICT);
    let appointed = olga.asks(Method::PUT, &format!("{at}/operator"), None).await;
    assert_eq!(appointed.json()["person"]["operator"], true);
    assert_eq!(olga.asks(Method::DELETE, &at, None).await.status, StatusCode::CONFLICT);
    beto.gets("/api/v1/operator/figures").await;
    let dismissed = olga.asks(Method::DELETE, &format!("{at}/operator"), None).await;
    assert_eq!(dismissed.status, StatusCode::OK);
    let refused = beto.asks(Method::GET, "/api/v1/operator/figures", None).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "at once");
    let out = olga.asks(Method::DELETE, &format!("{at}/sessions"), None).await;
    assert_eq!(out.status, StatusCode::NO_CONTENT);
    assert_eq!(olga.asks(Method::DELETE, &at, None).await.status, StatusCode::NO_CONTENT);
    let figures = olga.gets("/api/v1/operator/figures").await;
    assert_eq!((&figures["people"], &figures["groups"]), (&json!(2), &json!(0)));
    assert_eq!(audit(&olga).await.len(), 7);
}

fn said(output: &Output) -> Vec<Value> {
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).expect("one JSON a line")).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_line_acts_on_the_server_that_runs() {
    let world = World::with(&[("SIGN_UP", "invited")]).await;
    let ana = world.person("Ana").await;
    let data = world.server.data();
    let mode = fs::metadata(data.join("admin.sock")).expect("a socket").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let data = data.to_str().expect("UTF-8").to_owned();
    let folder = tempfile::tempdir().expect("a folder");
    let runs = |args: &[&str]| {
        let args = [args, &["--json", "--data-dir", &data]].concat();
        wechat(folder.path(), &args).output().expect("it runs")
    };
    let people = said(&runs(&["people", "list"]));
    assert_eq!((people.len(), &people[0]["email"]), (1, &json!(ana.email)));
    let made = said(&runs(&["invite", "--uses", "2"]));
    let link = made[0]["link"].as_str().expect("a link");
    let code = link.rsplit('/').next().expect("a code");
    let port = world.server.addr().port();
    assert_eq!(link, format!("http://localhost:{port}/#/invitation/{code}"));
    let asked = json!({ "name": "Beto", "email": "beto@example.org", "invitation": code });
    world.stranger().post("/api/v1/users", &asked).await.expect("asked");
    world.mails().code("beto@example.org").await.expect("a code, as he is invited");

    said(&runs(&["people", "operator", &ana.email]));
    assert_eq!(ana.gets("/api/v1/me").await["operator"], true);
    said(&runs(&["people", "operator", &ana.email, "--off"]));
    said(&runs(&["people", "suspend", &ana.email, "--why", "A test.", "--for", "1h"]));
    let me = ana.asks(Method::GET, "/api/v1/me", None).await;
    assert_eq!(me.status, StatusCode::UNAUTHORIZED);
    let shown = said(&runs(&["people", "show", ana.id()]));
    assert_eq!(shown[0]["standing"], "suspended");
    said(&runs(&["people", "restore", ana.id()]));
    world.another_device(&ana).await;
    said(&runs(&["people", "move-address", ana.id(), "ana.new@example.org"]));
    let rows = said(&runs(&["audit"]));
    let acts: Vec<&Value> = rows.iter().map(|row| &row["act"]).collect();
    assert_eq!(acts, ["move_address", "restore", "suspend", "dismiss", "appoint", "invite"]);
    assert!(rows.iter().all(|row| row["by"].is_null()), "the person at the machine");
    let nobody = runs(&["people", "show", "nobody@example.org"]);
    assert_eq!(nobody.status.code(), Some(1));
}
