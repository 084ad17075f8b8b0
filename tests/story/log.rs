//! The log of a whole run at its most talkative: programs can read every line, and no line shows a
//! token, a code, an address, or what somebody wrote.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;

use hyper::Method;
use loadgen::client::api::Api;
use loadgen::client::connection::Connection;
use loadgen::client::mailbox::{Mailbox, code_in};
use serde_json::{Value, json};

use crate::process::Server;

/// The codes in all mails.
fn codes(mails: &Path) -> Vec<String> {
    let files = fs::read_dir(mails).expect("mails");
    files
        .map(|file| fs::read_to_string(file.expect("a file").path()).expect("a mail"))
        .map(|mail| code_in(&mail).expect("a code"))
        .collect()
}

/// Signs up and logs in by both ways, writes, looks around, makes mistakes. Answers what is secret.
async fn live(addr: SocketAddr, mails: &Path) -> Secrets {
    let mailbox = Mailbox::new(mails);
    let ana = Api::sign_up(addr, &mailbox, "Ana", "ana@example.org").await.expect("signed up");
    let beto = Api::sign_up(addr, &mailbox, "Beto", "beto@example.org").await.expect("signed up");
    ana.send(beto.user(), "k1", "a private word").await.expect("sent");
    let live = Connection::open(beto.session().expect("a session").dial(addr)).await;
    let said = json!({ "chat": ana.user(), "client_msg_id": "k2", "body": "a private word" });
    let live = live.expect("connected");
    live.call("message.send", said).await.expect("sent");
    let refused = live.call("message.send", json!({ "chat": "a private word" })).await;
    assert!(refused.is_err());
    ana.get("/api/v1/search?q=beto@example.org").await.expect("an answer");
    let anyone = Api::anonymous(addr);
    let say = async |method, path: &str, body: Option<Value>| {
        anyone.call(method, path, body.as_ref()).await.expect("an answer")
    };
    say(Method::POST, "/l?e=ana@example.org", None).await;
    let code = mailbox.code("ana@example.org").await.expect("a code");
    say(Method::PUT, "/cv?e=ana@example.org&c=000000", None).await;
    let verified = say(Method::PUT, &format!("/cv?e=ana@example.org&c={code}"), None).await.json();
    let token = verified["data"]["token"].as_str().expect("a token").to_owned();
    say(Method::GET, &format!("/chats?token={token}"), None).await;
    say(Method::POST, "/api/v1/users", Some(json!({ "email": "eva@example.org" }))).await;
    say(Method::POST, "/api/v1/users", Some(json!({ "name": "E", "email": "eva@exa mple" }))).await;

    let session = |api: &Api| api.session().expect("a session").token.clone();
    let data = mails.parent().expect("the data folder");
    let machine_key = fs::read_to_string(data.join("secrets/machine_key")).expect("a key");
    Secrets {
        machine_key: machine_key.trim().to_owned(),
        texts: vec![session(&ana), session(&beto), token, "a private word".into()],
        codes: codes(mails),
    }
}

/// What nobody may read in the log.
struct Secrets {
    machine_key: String,
    texts: Vec<String>,
    codes: Vec<String>,
}

impl Secrets {
    /// Whether a line tells one of them. A code is a number of its own, not a part of another.
    fn are_in(&self, line: &str) -> bool {
        let numbers = || line.split(|c: char| !c.is_ascii_alphanumeric());
        self.texts.iter().any(|text| line.contains(text))
            || self.codes.iter().any(|code| numbers().any(|number| number == code))
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_log_is_for_programs_and_tells_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut server = Server::start(folder.path(), &["--log", "trace"]);
    let addr = SocketAddr::from((Ipv4Addr::LOCALHOST, server.port()));
    let secrets = live(addr, &folder.path().join("data/mail")).await;
    assert!(secrets.codes.len() >= 3 && secrets.are_in(&format!("code={}", secrets.codes[0])));
    server.signal("TERM");
    assert!(server.ended().success());
    let log = server.log();
    assert!(log.lines().count() > 10, "it did log:\n{log}");
    for line in log.lines() {
        let mut event: Value = serde_json::from_str(line).expect("a line of JSON");
        // A moment may look like a code.
        assert!(event["level"].is_string() && event["timestamp"].take().is_string(), "{line}");
        assert!(!secrets.are_in(&event.to_string()), "a secret: {line}");
        assert!(!line.contains('@'), "an address: {line}");
        assert!(
            !line.contains(&secrets.machine_key),
            "the key of the person at the machine: {line}"
        );
    }
}
