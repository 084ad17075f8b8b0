//! Backups brought back by `wechat restore`, and those that a server makes of itself.

use std::fs;
use std::net::SocketAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Output;
use std::time::Duration;

use loadgen::client::api::{Api, Session};
use loadgen::server::{Home, Person as Named, Plan, Server as Served};
use serde_json::Value;
use tokio::time::{sleep, timeout};

use crate::harness::files::STILL;
use crate::harness::{PATIENCE, Person, program};
use crate::process::{Server, wechat};

/// How often a question is asked again.
const POLL: Duration = Duration::from_millis(20);

/// A folder for commands, on the embedded store in every run.
fn folder() -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env_db"), "").expect("written");
    folder
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

fn command(args: &[&str]) -> Output {
    wechat(folder().path(), args).output().expect("wechat runs")
}

fn told(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

async fn two_people(settings: &[(&str, &str)]) -> (Served, Vec<Session>) {
    let mut plan = Plan::unlimited(program());
    let pair = |(key, value): &(&str, &str)| ((*key).to_owned(), (*value).to_owned());
    plan.settings.extend(settings.iter().map(pair));
    let home = Home::new(plan, None).expect("a folder");
    let people = ["ana", "beto"]
        .map(|name| Named { email: format!("{name}@example.org"), name: name.into() });
    let sessions = home.import(&people, 2).expect("imported");
    (home.start().await.expect("a server"), sessions)
}

fn person(name: &str, session: &Session, addr: SocketAddr) -> Person {
    Person { name: name.into(), email: String::new(), api: Api::with(addr, session.clone()) }
}

/// The texts of a chat on a server that works in a data folder.
async fn texts_on(data: &Path, reader: &Session, chat: &str) -> String {
    let folder = folder();
    let server = Server::start(folder.path(), &["--data-dir", text(data), "--turn", "off"]);
    let addr = SocketAddr::from(([127, 0, 0, 1], server.port()));
    let page = person("beto", reader, addr).api.history(chat, "").await.expect("history");
    page.to_string()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_backup_is_restored_into_an_empty_place_and_nowhere_else() {
    let (server, sessions) = two_people(&[]).await;
    let ana = person("ana", &sessions[0], server.addr());
    let beto = person("beto", &sessions[1], server.addr());
    ana.says("kept").to(&beto).await;
    let place = tempfile::tempdir().expect("a folder");
    let (data, backup, back) = (server.data(), place.path().join("b"), place.path().join("back"));
    let restore =
        |from: &Path, to: &Path| command(&["restore", text(from), "--data-dir", text(to)]);

    let refused = restore(&data, &back);
    assert_eq!(refused.status.code(), Some(1));
    assert!(told(&refused).contains("is not a backup"), "{}", told(&refused));
    let made = command(&["backup", text(&backup), "--data-dir", text(&data), "--json"]);
    let last = String::from_utf8_lossy(&made.stdout).lines().last().map(str::to_owned);
    let done: Value = serde_json::from_str(&last.expect("a line")).expect("JSON");
    assert_eq!((done["event"].as_str(), done["files"].as_u64()), (Some("done"), Some(0)));
    assert!(done["store_bytes"].as_u64() > Some(0), "{done}");

    let refused = restore(&backup, &data);
    assert!(told(&refused).contains("move what is there away"), "{}", told(&refused));
    ana.says("lost").to(&beto).await;
    let restored = restore(&backup, &back);
    assert!(restored.status.success(), "{}", told(&restored));
    let texts = texts_on(&back, &sessions[1], ana.id()).await;
    assert!(texts.contains("kept") && !texts.contains("lost"), "{texts}");
    let again = restore(&backup, &place.path().join("twice"));
    assert!(again.status.success(), "the backup is as it was: {}", told(&again));

    fs::remove_file(backup.join("wechat.db")).expect("removed");
    let refused = restore(&backup, &place.path().join("third"));
    assert!(told(&refused).contains("cut off"), "{}", told(&refused));
    assert!(!place.path().join("third").exists());
}

/// The whole backups in a folder, once there is one that is newer than `after`.
async fn next_one(folder: &Path, after: &[PathBuf]) -> Vec<PathBuf> {
    let newer = async {
        loop {
            let entries = fs::read_dir(folder).map_or_else(|_| Vec::new(), Iterator::collect);
            let paths = entries.into_iter().filter_map(Result::ok).map(|entry| entry.path());
            let mut whole: Vec<_> = paths.filter(|path| text(path).ends_with('Z')).collect();
            whole.sort();
            if whole.last() > after.last() {
                return whole;
            }
            sleep(POLL).await;
        }
    };
    timeout(PATIENCE, newer).await.expect("a backup is made")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_server_makes_backups_of_itself_and_keeps_the_latest() {
    let place = tempfile::tempdir().expect("a folder");
    let to = place.path().join("backups");
    fs::create_dir(&to).expect("made");
    fs::write(to.join("thesis.txt"), "years of work").expect("written");
    let settings =
        [("BACKUP_TO", text(&to)), ("BACKUP_EVERY", "1s"), ("BACKUP_KEEP", "2"), ("LOG", "info")];
    let (server, sessions) = two_people(&settings).await;
    let ana = person("ana", &sessions[0], server.addr());
    let beto = person("beto", &sessions[1], server.addr());
    ana.says("kept").to(&beto).await;
    ana.uploads("auto", "still.jpg", STILL).await;
    let mut seen = next_one(&to, &[]).await;
    for _ in 0..3 {
        seen = next_one(&to, &seen).await;
    }
    drop(server);
    let kept = next_one(&to, &[]).await;
    // The one that was made when the server ended may have come before the oldest went.
    assert!((2..=3).contains(&kept.len()), "{kept:?}");
    assert!(to.join("thesis.txt").is_file(), "what is not a backup stays");

    let latest = kept.last().expect("one");
    let objects = fs::read_dir(latest.join("objects")).expect("it has files");
    let folders = objects.map(|entry| entry.expect("readable").path()).filter(|path| path.is_dir());
    let files = folders.flat_map(|path| fs::read_dir(path).expect("readable"));
    let links: Vec<u64> =
        files.map(|file| file.expect("readable").metadata().expect("readable").nlink()).collect();
    assert!(!links.is_empty() && links.iter().all(|links| *links > 1), "shared: {links:?}");
    let texts = texts_on(latest, &sessions[1], ana.id()).await;
    assert!(texts.contains("kept"), "{texts}");
}
