//! Every route, tried as everybody: a table. A new route without a row fails, and so does a row
//! without a route.
//!
//! Each try has a group of its own: private, with an owner, an admin, two members, somebody who was
//! removed and somebody who is banned. `blocked` is not a member, and the owner blocks them.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::Method;
use serde_json::{Value, json};

use super::{App, Person, text};
use crate::clock::{Clock, SystemClock};
use crate::http::router::description;

const PICTURE: &[u8] = include_bytes!("../../../crates/media/tests/fixtures/still.jpg");

/// Who tries, in the order of the columns.
const WHO: [&str; 7] =
    ["owner", "admin", "member", "ex-member", "stranger", "anonymous", "blocked"];

/// A route, what fills it where it is not its own name, a body, and the status for everybody.
type Row = (&'static str, &'static str, &'static str, [u16; 7]);

/// All may, without a session.
const fn open(status: u16) -> [u16; 7] {
    [status; 7]
}

/// All may who have a session.
const fn session(status: u16) -> [u16; 7] {
    [status, status, status, status, status, 401, status]
}

/// The owner may, the others may as the figures say, and to outsiders there is nothing.
const fn group(owner: u16, admin: u16, member: u16) -> [u16; 7] {
    [owner, admin, member, 403, 404, 401, 404]
}

/// What `{name}` in a path means when the second column says nothing: `chat` and `group` are the
/// group, `user` is the second member, `code` an invitation, `seq` the first message; message 5 is
/// the owner's.
#[rustfmt::skip]
const TABLE: &[Row] = &[
    ("POST /api/v1/users", "", r#"{"name":"Eva","email":"eva@example.org"}"#, open(202)),
    ("POST /api/v1/auth/codes", "", r#"{"email":"eva@example.org"}"#, open(202)),
    ("POST /api/v1/auth/sessions", "", r#"{"email":"eva@example.org","code":"x"}"#, open(401)),
    ("GET /api/v1/auth/sessions", "", "", session(200)),
    ("DELETE /api/v1/auth/sessions", "", "", session(204)),
    ("DELETE /api/v1/auth/sessions/{session}", "session=current", "", session(204)),
    ("DELETE /api/v1/auth/sessions/{session}", "session=group", "", session(404)),
    ("GET /api/v1/me", "", "", session(200)),
    ("PATCH /api/v1/me", "", r#"{"about":"hola"}"#, session(200)),
    ("DELETE /api/v1/me", "", "", session(204)),
    ("POST /api/v1/me/address", "", r#"{"email":"eva@example.org"}"#, session(202)),
    ("POST /api/v1/me/address/verify", "", r#"{"email":"eva@example.org","code":"x"}"#,
        session(400)),
    ("POST /api/v1/auth/recovery", "", r#"{"email":"eva@example.org","code":"x"}"#, open(401)),
    ("GET /api/v1/me/recovery-codes", "", "", session(200)),
    ("POST /api/v1/me/recovery-codes", "", "", session(202)),
    ("POST /api/v1/me/recovery-codes/verify", "", r#"{"code":"x"}"#, session(400)),
    ("GET /api/v1/me/export", "", "", session(200)),
    ("POST /api/v1/me/export", "", "", session(202)),
    ("PUT /api/v1/me/push", "", r#"{"kind":"fcm","token":"t"}"#, session(204)),
    ("POST /api/v1/me/push/test", "", "", [404, 404, 404, 404, 404, 401, 202]),
    ("DELETE /api/v1/me/push", "", "", session(204)),
    ("POST /api/v1/me/push/test", "", "", session(404)),
    ("GET /api/v1/me/alerts", "", "", session(200)),
    ("PUT /api/v1/me/alerts", "", r#"{"mentions_only":true}"#, session(200)),
    ("GET /api/v1/me/blocks", "", "", session(200)),
    ("GET /api/v1/me/card", "", "", session(200)),
    ("POST /api/v1/me/card", "", "", session(200)),
    ("DELETE /api/v1/me/card", "", "", session(204)),
    ("GET /api/v1/cards/{code}", "", "", session(404)),
    ("POST /api/v1/cards/{code}", "", "", session(404)),
    ("GET /api/v1/contacts", "", "", session(200)),
    ("POST /api/v1/contacts/requests", "", r#"{"user":"{owner}"}"#,
        [400, 200, 200, 200, 200, 401, 403]),
    ("POST /api/v1/contacts/{user}/accept", "", "", session(409)),
    ("POST /api/v1/contacts/{user}/refuse", "", "", session(409)),
    ("DELETE /api/v1/contacts/{user}", "", "", session(204)),
    ("GET /api/v1/users/{user}", "", "", session(200)),
    ("GET /api/v1/users/{user}", "user=group", "", session(404)),
    ("PUT /api/v1/users/{user}/block", "", "", session(204)),
    ("DELETE /api/v1/users/{user}/block", "", "", session(204)),
    ("GET /api/v1/presence", "?users={owner},{other}", "", session(200)),
    ("GET /api/v1/chats", "", "", session(200)),
    ("POST /api/v1/chats", "", r#"{"user":"{owner}"}"#, [400, 200, 200, 200, 200, 401, 403]),
    ("GET /api/v1/chats/{chat}", "", "", group(200, 200, 200)),
    ("PATCH /api/v1/chats/{chat}", "", r#"{"pinned":true}"#, group(200, 200, 200)),
    ("GET /api/v1/chats/{chat}/messages", "", "", group(200, 200, 200)),
    ("GET /api/v1/chats/{chat}/messages/{seq}", "seq=2", "", group(200, 200, 200)),
    ("POST /api/v1/chats/{chat}/messages", "", r#"{"body":"x","client_msg_id":"a"}"#,
        group(201, 201, 201)),
    ("POST /api/v1/chats/{chat}/messages", "chat=owner", r#"{"body":"x","client_msg_id":"b"}"#,
        [400, 201, 201, 201, 201, 401, 403]),
    ("PATCH /api/v1/chats/{chat}/messages/{seq}", "seq=5", r#"{"body":"y"}"#,
        group(200, 403, 403)),
    ("DELETE /api/v1/chats/{chat}/messages/{seq}", "seq=5", "", group(200, 200, 403)),
    ("GET /api/v1/chats/{chat}/messages/{seq}/edits", "seq=5", "", group(200, 403, 403)),
    ("PUT /api/v1/chats/{chat}/messages/{seq}/reactions/{emoji}", "seq=5", "",
        group(200, 200, 200)),
    ("DELETE /api/v1/chats/{chat}/messages/{seq}/reactions/{emoji}", "seq=5", "",
        group(200, 200, 200)),
    ("GET /api/v1/chats/{chat}/messages/{seq}/reactions", "?emoji={emoji}", "",
        group(200, 200, 200)),
    ("PUT /api/v1/chats/{chat}/messages/{seq}/pin", "seq=5", "", group(200, 200, 403)),
    ("DELETE /api/v1/chats/{chat}/messages/{seq}/pin", "seq=5", "", group(200, 200, 403)),
    ("GET /api/v1/chats/{chat}/pins", "", "", group(200, 200, 200)),
    ("POST /api/v1/chats/{chat}/hidden", "", r#"{"seqs":[1]}"#, group(200, 200, 200)),
    ("POST /api/v1/chats/{chat}/forwards", "",
        r#"{"from":"{group}","seq":5,"client_msg_id":"f"}"#, group(201, 201, 201)),
    ("POST /api/v1/chats/{chat}/read", "", r#"{"seq":1}"#, group(200, 200, 200)),
    ("POST /api/v1/chats/{chat}/delivered", "", r#"{"seq":1}"#, group(200, 200, 200)),
    ("GET /api/v1/chats/{chat}/messages/{seq}/receipts", "seq=5", "", group(200, 200, 200)),
    ("GET /api/v1/chats/{chat}/messages/{seq}/readers", "seq=5", "", group(200, 200, 200)),
    ("POST /api/v1/sync", "", "{}", session(200)),
    ("POST /api/v1/groups", "", r#"{"title":"x"}"#, session(201)),
    ("GET /api/v1/groups/{group}", "", "", [200, 200, 200, 404, 404, 401, 404]),
    ("PATCH /api/v1/groups/{group}", "", r#"{"title":"x"}"#, group(200, 200, 403)),
    ("PATCH /api/v1/groups/{group}", "", r#"{"public":true}"#, group(200, 403, 403)),
    ("PATCH /api/v1/groups/{group}", "", r#"{"rules":{"slow":30}}"#, group(200, 200, 403)),
    ("PATCH /api/v1/groups/{group}", "", r#"{"announcement":"x"}"#, group(200, 200, 403)),
    ("DELETE /api/v1/groups/{group}", "", "", group(204, 403, 403)),
    ("PUT /api/v1/groups/{group}/owner", "", r#"{"user":"{other}"}"#, group(204, 403, 403)),
    ("POST /api/v1/groups/{group}/join", "", "", [200, 200, 200, 403, 404, 401, 404]),
    ("POST /api/v1/groups/{group}/leave", "", "", group(409, 204, 204)),
    ("GET /api/v1/groups/{group}/members", "", "", group(200, 200, 200)),
    ("POST /api/v1/groups/{group}/members", "", r#"{"users":["{stranger}"]}"#,
        group(200, 200, 403)),
    ("PATCH /api/v1/groups/{group}/members/{user}", "", r#"{"role":"admin"}"#,
        group(204, 403, 403)),
    ("DELETE /api/v1/groups/{group}/members/{user}", "", "", group(204, 204, 403)),
    ("DELETE /api/v1/groups/{group}/members/{user}", "user=admin", "", group(204, 400, 403)),
    ("PUT /api/v1/groups/{group}/members/{user}/silence", "", r#"{"until":"{tomorrow}"}"#,
        group(204, 204, 403)),
    ("PUT /api/v1/groups/{group}/members/{user}/silence", "user=admin", r#"{"until":"{tomorrow}"}"#,
        group(204, 400, 403)),
    ("PUT /api/v1/groups/{group}/members/{user}/silence", "user=owner", r#"{"until":"{tomorrow}"}"#,
        group(400, 403, 403)),
    ("DELETE /api/v1/groups/{group}/members/{user}/silence", "", "", group(404, 404, 403)),
    ("GET /api/v1/groups/requests", "", "", session(200)),
    ("GET /api/v1/groups/{group}/requests", "", "", group(200, 200, 403)),
    ("DELETE /api/v1/groups/{group}/requests", "", "", session(404)),
    ("PUT /api/v1/groups/{group}/requests/{user}", "", "", group(404, 404, 403)),
    ("DELETE /api/v1/groups/{group}/requests/{user}", "", "", group(404, 404, 403)),
    ("GET /api/v1/groups/{group}/bans", "", "", group(200, 200, 403)),
    ("PUT /api/v1/groups/{group}/bans/{user}", "", "", group(204, 204, 403)),
    ("DELETE /api/v1/groups/{group}/bans/{user}", "user=banned", "", group(204, 204, 403)),
    ("GET /api/v1/groups/{group}/invites", "", "", group(200, 200, 403)),
    ("POST /api/v1/groups/{group}/invites", "", "", group(201, 201, 403)),
    ("DELETE /api/v1/groups/{group}/invites/{code}", "", "", group(204, 204, 403)),
    ("GET /api/v1/invites/{code}", "", "", session(200)),
    ("POST /api/v1/invites/{code}/join", "", "", session(200)),
    ("GET /api/v1/search", "?q=ana", "", session(200)),
    ("POST /api/v1/operator/key", "", r#"{"key":"x"}"#, session(403)),
    ("GET /api/v1/operator/people", "", "", session(403)),
    ("GET /api/v1/operator/people/{user}", "", "", session(403)),
    ("DELETE /api/v1/operator/people/{user}", "", "", session(403)),
    ("POST /api/v1/operator/people/{user}/suspend", "", r#"{"why":"x"}"#, session(403)),
    ("POST /api/v1/operator/people/{user}/restore", "", "", session(403)),
    ("DELETE /api/v1/operator/people/{user}/sessions", "", "", session(403)),
    ("PUT /api/v1/operator/people/{user}/email", "", r#"{"email":"x@example.org"}"#,
        session(403)),
    ("PUT /api/v1/operator/people/{user}/operator", "", "", session(403)),
    ("DELETE /api/v1/operator/people/{user}/operator", "", "", session(403)),
    ("GET /api/v1/operator/groups", "", "", session(403)),
    ("GET /api/v1/operator/groups/{group}", "", "", session(403)),
    ("DELETE /api/v1/operator/groups/{group}", "", "", session(403)),
    ("GET /api/v1/operator/reports", "", "", session(403)),
    ("GET /api/v1/operator/reports/{report}", "report=group", "", session(403)),
    ("POST /api/v1/operator/reports/{report}/take", "report=group", "", session(403)),
    ("POST /api/v1/operator/reports/{report}/answer", "report=group",
        r#"{"verdict":"upheld"}"#, session(403)),
    ("GET /api/v1/operator/audit", "", "", session(403)),
    ("GET /api/v1/operator/figures", "", "", session(403)),
    ("GET /api/v1/operator/trends", "?span=day", "", session(403)),
    ("GET /api/v1/operator/settings", "", "", session(403)),
    ("GET /api/v1/operator/invitations", "", "", session(403)),
    ("POST /api/v1/operator/invitations", "", "", session(403)),
    ("DELETE /api/v1/operator/invitations/{invitation}", "invitation=group", "", session(403)),
    ("GET /api/v1/reports", "", "", session(200)),
    ("POST /api/v1/reports", "", r#"{"user":"{other}","reason":"spam"}"#, session(201)),
    ("POST /api/v1/reports", "", r#"{"group":"{group}","reason":"spam"}"#,
        [201, 201, 201, 404, 404, 401, 404]),
    ("POST /api/v1/reports", "", r#"{"chat":"{group}","seq":5,"reason":"spam"}"#,
        [400, 201, 201, 403, 404, 401, 404]),
    ("GET /", "", "", open(200)),
    ("POST /nsg", "", r#"{"name":"Eva","email":"eva@example.org"}"#, open(200)),
    ("POST /l", "?e=eva@example.org", "", open(200)),
    ("PUT /cv", "?e=eva@example.org&c=x", "", open(401)),
    ("GET /chats", "", "", session(200)),
    ("GET /nch", "?chtid={group}", "", group(200, 200, 200)),
    ("GET /nch", "?chtid={owner}", "", [400, 200, 200, 200, 200, 401, 403]),
    ("GET /lkup", "?qry=ana", "", session(200)),
    ("PUT /sndmsg", "?chtid={group}&crruid={me}", r#"{"message_id":"c","body":"x"}"#,
        group(200, 200, 200)),
    ("PUT /sndmsg", "?chtid={group}&crruid={other}", r#"{"message_id":"d","body":"x"}"#,
        session(403)),
    ("PUT /sndmsg", "?chtid={owner}&crruid={me}", r#"{"message_id":"e","body":"x"}"#,
        [400, 200, 200, 200, 200, 401, 403]),
    ("POST /cllusr", "?chtid={group}", "", group(400, 400, 400)),
    ("POST /cllusr", "?chtid={owner}", "", [400, 200, 409, 409, 409, 401, 403]),
    ("POST /vcllusr", "?chtid={group}", "", group(400, 400, 400)),
    ("GET /api/v1/calls", "", "", session(200)),
    ("GET /api/v1/calls/live", "", "", session(200)),
    ("POST /api/v1/calls", "", r#"{"chat":"{group}","kind":"voice"}"#, group(400, 400, 400)),
    ("POST /api/v1/calls/test", "", "", session(200)),
    ("GET /api/v1/calls/{call}", "call=group", "", session(404)),
    ("POST /api/v1/calls/{call}/accept", "call=group", "", session(404)),
    ("POST /api/v1/calls/{call}/reject", "call=group", "", session(404)),
    ("POST /api/v1/calls/{call}/hangup", "call=group", "", session(404)),
    ("POST /api/v1/calls/{call}/alive", "call=group", "", session(404)),
    ("POST /api/v1/calls/{call}/restart", "call=group", r#"{"epoch":1}"#, session(404)),
    ("POST /api/v1/calls/{call}/signals", "call=group", r#"{"epoch":1,"data":{}}"#, session(404)),
    ("PUT /api/v1/calls/{call}/report", "call=group", "{}", session(404)),
    ("GET /api/v1/calls/{call}/ice", "call=group", "", session(404)),
    ("POST /api/v1/files", "", "form", session(201)),
    ("GET /api/v1/files/{file}", "", "", [200, 200, 200, 404, 404, 401, 404]),
    ("GET /api/v1/files/{file}/info", "", "", [200, 200, 200, 404, 404, 401, 404]),
    ("DELETE /api/v1/files/{file}", "", "", [409, 403, 403, 404, 404, 401, 404]),
    ("POST /api/v1/files/links", "", r#"{"files":["{file}"]}"#, session(200)),
    ("OPTIONS /api/v1/uploads", "", "", open(204)),
    ("POST /api/v1/uploads", "", "upload-length: 5", session(201)),
    ("GET /api/v1/uploads/{upload}", "", "", [200, 404, 404, 404, 404, 401, 404]),
    ("HEAD /api/v1/uploads/{upload}", "", "", [200, 404, 404, 404, 404, 401, 404]),
    ("PATCH /api/v1/uploads/{upload}", "", "upload-offset: 0", [204, 404, 404, 404, 404, 401, 404]),
    ("DELETE /api/v1/uploads/{upload}", "", "", [204, 404, 404, 404, 404, 401, 404]),
    ("PUT /api/v1/me/avatar", "", r#"{"file":"{file}"}"#, [200, 400, 400, 400, 400, 401, 400]),
    ("DELETE /api/v1/me/avatar", "", "", session(200)),
    ("GET /api/v1/me/storage", "", "", session(200)),
    ("PUT /api/v1/groups/{group}/avatar", "", r#"{"file":"{file}"}"#, group(200, 400, 403)),
    ("DELETE /api/v1/groups/{group}/avatar", "", "", group(200, 200, 403)),
    ("POST /api/v1/chats/{chat}/messages", "",
        r#"{"attachments":["{file}"],"client_msg_id":"g"}"#, [201, 400, 400, 400, 400, 401, 400]),
    ("GET /api/v1/server", "", "", open(200)),
    ("GET /livez", "", "", open(200)),
    ("GET /readyz", "", "", open(200)),
];

/// The people of the table.
struct Cast {
    /// In the order of the columns; nobody stands in the column of anonymous.
    columns: [Person; 7],
    other: Person,
    banned: Person,
    /// The owner's picture, which is in message 5.
    file: String,
    /// The owner's unfinished upload.
    upload: String,
}

impl Cast {
    async fn new(app: &App) -> Self {
        let columns = [
            app.person("Owner").await,
            app.person("Admin").await,
            app.person("Member").await,
            app.person("Former").await,
            app.person("Stranger").await,
            Person { id: "0".repeat(24), token: String::new() },
            app.person("Blocked").await,
        ];
        let (other, banned) = (app.person("Other").await, app.person("Banned").await);
        let file = text(&app.upload(&columns[0], "auto", "still.jpg", PICTURE).await["id"]);
        let upload = Self::upload(app, &columns[0]).await;
        let cast = Self { columns, other, banned, file, upload };
        let [owner, .., blocked] = &cast.columns;
        let block = format!("/api/v1/users/{}/block", blocked.id);
        app.put(&block, &owner.token, Value::Null).await.is(204);
        cast
    }

    async fn upload(app: &App, who: &Person) -> String {
        let begin = (Method::POST, "/api/v1/uploads");
        let begun = app.send_as(begin, &who.token, &[("upload-length", "5")], "").await;
        begun.is(201);
        begun.header("location").rsplit('/').next().unwrap_or_default().to_owned()
    }

    /// A group for one try, and the code of an invitation to it.
    async fn group(&self, app: &App) -> (String, String) {
        let [owner, admin, member, former, ..] = &self.columns;
        let group = app.group(&[owner, admin, member, former, &self.other, &self.banned]).await;
        let at = |rest: &str| format!("/api/v1/groups/{group}{rest}");
        let role = json!({ "role": "admin" });
        let path = at(&format!("/members/{}", admin.id));
        app.patch(&path, &owner.token, role).await.is(204);
        app.delete(&at(&format!("/members/{}", former.id)), &owner.token).await.is(204);
        let ban = at(&format!("/bans/{}", self.banned.id));
        app.put(&ban, &owner.token, Value::Null).await.is(204);
        let files = [&self.file];
        let hello = json!({ "body": "hola", "client_msg_id": "hello", "attachments": files });
        let path = format!("/api/v1/chats/{group}/messages");
        let hello = app.post(&path, &owner.token, hello).await.is(201);
        assert_eq!(hello["message"]["seq"], 5, "after four system messages");
        let invite = app.post(&at("/invites"), &owner.token, Value::Null).await.is(201);
        (group, text(&invite["code"]))
    }
}

fn filled(template: &str, names: &[(&str, &str)]) -> String {
    names.iter().fold(template.to_owned(), |text, (name, value)| {
        text.replace(&format!("{{{name}}}"), value)
    })
}

/// One row as one person: what came back.
async fn attempt(app: &App, cast: &Cast, row: &Row, me: &Person) -> u16 {
    let (route, fill, body, _) = row;
    let (group, code) = cast.group(app).await;
    let [owner, admin, _, _, stranger, ..] = &cast.columns;
    let tomorrow = SystemClock.now().plus(Duration::from_secs(24 * 60 * 60)).to_string();
    let people = [
        ("owner", owner.id.as_str()),
        ("admin", &admin.id),
        ("stranger", &stranger.id),
        ("other", &cast.other.id),
        ("banned", &cast.banned.id),
        ("group", &group),
        ("tomorrow", &tomorrow),
        ("me", &me.id),
        ("file", &cast.file),
        ("upload", &cast.upload),
    ];
    let (query, named) = if fill.starts_with('?') { (*fill, "") } else { ("", *fill) };
    let mut names = Vec::new();
    if let Some((name, value)) = named.split_once('=') {
        let known = people.iter().find(|person| person.0 == value);
        names.push((name, known.map_or(value, |person| person.1)));
    }
    names.extend([("chat", group.as_str()), ("user", &cast.other.id), ("code", &code)]);
    names.extend([("seq", "1"), ("session", "current"), ("emoji", "%F0%9F%91%8D")]);
    names.extend(people);
    let (method, path) = route.split_once(' ').expect("method and path");
    let method = Method::from_bytes(method.as_bytes()).expect("a method");
    let path = filled(&format!("{path}{query}"), &names);
    if *body == "form" {
        let parts = [("file", "x.txt", &b"hola"[..])];
        return app.form((method, &path), &me.token, &parts).await.status.as_u16();
    }
    if let Some(header) = body.split_once(": ").filter(|_| body.starts_with("upload-")) {
        let headers = [header, ("content-type", "application/offset+octet-stream")];
        return app.send_as((method, &path), &me.token, &headers, "").await.status.as_u16();
    }
    let body = serde_json::from_str(&filled(body, &names)).unwrap_or_default();
    app.ask(method, &path, &me.token, body).await.status.as_u16()
}

/// After these the person who tried is no longer what they were.
fn spends_people(row: &Row) -> bool {
    let ends = [
        "DELETE /api/v1/me",
        "DELETE /api/v1/auth/sessions",
        "DELETE /api/v1/uploads/{upload}",
        "DELETE /api/v1/me/avatar",
        "PUT /api/v1/me/avatar",
    ];
    let ends = ends.contains(&row.0);
    ends || row.1 == "session=current" || row.0.ends_with("/block")
}

#[tokio::test]
async fn everybody_gets_what_the_table_says() {
    let app = App::new();
    let mut cast = Cast::new(&app).await;
    let mut wrong = Vec::new();
    for row in TABLE {
        for (column, who) in WHO.into_iter().enumerate() {
            let status = attempt(&app, &cast, row, &cast.columns[column]).await;
            let expected = row.3[column];
            if status != expected {
                wrong.push(format!("{} {} as {who}: {status}, not {expected}", row.0, row.1));
            }
            if spends_people(row) {
                // There are at most so many unfinished ones a person.
                let upload = format!("/api/v1/uploads/{}", cast.upload);
                app.delete(&upload, &cast.columns[0].token).await;
                cast = Cast::new(&app).await;
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn every_route_has_a_row_and_every_row_a_route() {
    let api = serde_json::to_value(description()).expect("JSON");
    let mut routes = BTreeSet::new();
    for (path, item) in api["paths"].as_object().expect("paths") {
        for method in item.as_object().expect("operations").keys() {
            routes.insert(format!("{} {path}", method.to_uppercase()));
        }
    }
    let rows: BTreeSet<_> = TABLE.iter().map(|row| row.0.to_owned()).collect();
    assert_eq!(rows, routes);
}
