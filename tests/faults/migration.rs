//! From one machine to two servers on MongoDB, NATS and a bucket, and back to one, by the lines of
//! docs/cluster.md as they stand there: nothing is lost, and nobody has to log in again.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use serde_json::{Value, json};

use crate::harness::files::{CLIP, STILL};
use crate::harness::mongo::{self, shared};
use crate::harness::nats::Nats;
use crate::harness::{Person, World, hears, program};
use crate::s3_server;

/// The lines of the page: before the server is stopped, after that, and back.
fn lines() -> [String; 3] {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/cluster.md");
    let page = fs::read_to_string(page).expect("the page");
    let blocks =
        page.split("```sh\n").skip(1).map(|rest| rest.split("```").next().expect("an end"));
    let blocks: Vec<String> = blocks.map(str::to_owned).collect();
    blocks.try_into().expect("three blocks of lines for a shell")
}

type Settings<'a> = [(&'a str, String)];

/// Pastes lines into a shell that has these settings, in a data folder.
fn pasted(lines: &str, data: &Path, settings: &Settings<'_>) -> Output {
    let path = std::env::var("PATH").unwrap_or_default();
    let path = format!("{}:{path}", program().parent().expect("a folder").display());
    let mut shell = Command::new("sh");
    shell.args(["-euc", lines]).current_dir(data).env_clear();
    shell.env("PATH", path).env("DATA_DIR", data).env("OBJECTS", "s3");
    shell.envs(settings.iter().map(|(key, value)| (key, value)));
    shell.output().expect("a shell")
}

fn told(output: &Output) -> String {
    [&output.stdout, &output.stderr].map(|bytes| String::from_utf8_lossy(bytes)).concat()
}

async fn sends_a_file(who: &Person, whom: &Person, name: &str, content: &[u8]) -> Value {
    let file = who.uploads("auto", name, content).await;
    let message = json!({ "client_msg_id": name, "body": name, "attachments": [file["id"]] });
    who.posts(&format!("/api/v1/chats/{}/messages", whom.id()), message).await;
    file
}

async fn content(who: &Person, file: &Value) -> Vec<u8> {
    let url = file["url"].as_str().expect("a URL");
    let answer = who.fetches(url, &[]).await;
    assert_eq!(answer.status.as_u16(), 200, "{file}");
    answer.body.to_vec()
}

async fn starts(settings: &Settings<'_>, data: &Path) -> World {
    let data = data.to_str().expect("UTF-8");
    let mut all: Vec<(&str, &str)> = settings.iter().map(|(key, value)| (*key, &**value)).collect();
    all.push(("DATA_DIR", data));
    World::with(&all).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn one_machine_becomes_two_servers_and_one_again_by_the_lines_of_the_page() {
    let (Some(mongo), Some(nats), Some(s3)) = (shared(), Nats::start(), s3_server::shared()) else {
        return;
    };
    let [before, after, back] = lines();
    let database = mongo.settings(&mongo::Server::database());
    // An empty value counts as none, also where this run's servers are on MongoDB.
    let none: Vec<_> = database.iter().map(|(key, _)| (&**key, "")).collect();
    let mut old = World::with(&none).await;
    let data = old.server.data();
    let (ana, beto) = (old.person("Ana").await, old.person("Beto").await);
    let film = sends_a_file(&ana, &beto, "clip.mp4", CLIP).await;
    let film_bytes = content(&beto, &film).await;

    let mut there: Vec<(&str, String)> = vec![
        ("S3_ENDPOINT", format!("http://{}", s3.addr())),
        ("S3_BUCKET", s3.bucket()),
        ("S3_ACCESS_KEY_ID", "AKIAEXAMPLE".into()),
        ("S3_SECRET_ACCESS_KEY", "geheim".into()),
    ];
    there.extend(database.iter().map(|(key, value)| (&**key, value.clone())));
    let first = pasted(&before, &data, &there);
    assert!(first.status.success(), "{}", told(&first));
    let still = sends_a_file(&beto, &ana, "still.jpg", STILL).await;
    let still_bytes = content(&ana, &still).await;
    assert!(old.server.end().expect("stopped"));
    let moved = pasted(&after, &data, &there);
    assert!(moved.status.success() && told(&moved).contains("hold the same"), "{}", told(&moved));

    let mut running = there.clone();
    running.extend([("OBJECTS", "s3".into()), ("NATS_URL", nats.url())]);
    let mut one = starts(&running, &data).await;
    let beside: Vec<_> = running.iter().map(|(key, value)| (*key, &**value)).collect();
    let mut other = World::sharing(Some(old.server.secrets()), &beside).await;
    let (ana, beto) = (ana.at(&one.server), beto.at(&other.server));
    let mut his = beto.connects().await;
    ana.says("from one to the other").to(&beto).await;
    hears(&mut his, "from one to the other").await;
    let all = ["clip.mp4", "still.jpg", "from one to the other"];
    assert_eq!(beto.reads(ana.id()).await, all);
    assert_eq!(content(&beto, &film).await, film_bytes);
    assert_eq!(content(&beto, &still).await, still_bytes);
    let refused =
        pasted("wechat store copy --from mongodb --to embedded", &other.server.data(), &there);
    assert!(!refused.status.success(), "{}", told(&refused));
    assert!(one.server.end().expect("stopped"));
    let refused = pasted("wechat store copy --from mongodb --to embedded", &data, &there);
    assert!(told(&refused).contains("works on this database"), "{}", told(&refused));
    assert!(other.server.end().expect("stopped"));

    let again = pasted(&back, &data, &there);
    assert!(again.status.success() && told(&again).contains("hold the same"), "{}", told(&again));
    let none: Vec<_> = none.into_iter().map(|(key, value)| (key, value.to_owned())).collect();
    let alone = starts(&none, &data).await;
    let (ana, beto) = (ana.at(&alone.server), beto.at(&alone.server));
    assert_eq!(ana.reads(beto.id()).await, all, "and nobody had to log in again");
    assert_eq!(content(&ana, &film).await, film_bytes);
    assert_eq!(content(&ana, &still).await, still_bytes);
}
