//! Backups in a bucket: made by hand and on schedule, killed, damaged, and restored.

use std::collections::BTreeSet;
use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;
use std::thread;
use std::time::{Duration, Instant};

use loadgen::client::api::Session;
use serde_json::Value;

use crate::backup::{folder, person, sends_a_file, told, two_people};
use crate::harness::PATIENCE;
use crate::harness::files::{CLIP, STILL};
use crate::process::{Server, wechat};
use crate::s3_server::{self, shared};

/// How often a question is asked again.
const POLL: Duration = Duration::from_millis(2);

/// A bucket of its own, and a folder whose settings name a place in it.
struct Place {
    s3: &'static s3_server::Server,
    bucket: String,
    prefix: &'static str,
    folder: tempfile::TempDir,
}

impl Place {
    /// `None` without a server for it.
    fn new() -> Option<Self> {
        let s3 = shared()?;
        Some(Self::at(s3, s3.bucket(), "a"))
    }

    fn at(s3: &'static s3_server::Server, bucket: String, prefix: &'static str) -> Self {
        let place = Self { s3, bucket, prefix, folder: folder() };
        place.set("");
        place
    }

    /// Writes the settings, with more of them.
    fn set(&self, more: &str) {
        let settings = format!(
            "BACKUP_TO={self}\nS3_ENDPOINT=http://{}\nS3_ACCESS_KEY_ID=AKIAEXAMPLE\n\
             S3_SECRET_ACCESS_KEY=geheim\n{more}",
            self.s3.addr()
        );
        fs::write(self.folder.path().join(".env"), settings).expect("written");
    }

    fn runs(&self, args: &[&str], data: &Path) -> Output {
        let data = data.to_str().expect("UTF-8");
        let args = [args, &["--data-dir", data]].concat();
        wechat(self.folder.path(), &args).output().expect("wechat runs")
    }

    /// Makes one by hand.
    fn back_up(&self, data: &Path) -> String {
        let made = self.runs(&["backup", &self.to_string()], data);
        assert!(made.status.success(), "{}", told(&made));
        told(&made)
    }

    /// What is in the bucket below a folder of this place.
    fn below(&self, folder: &str) -> BTreeSet<String> {
        let folder = format!("{}/backups/{folder}/", self.prefix);
        let names = self.s3.names(&self.bucket).into_iter();
        names.filter(|name| name.starts_with(&folder)).collect()
    }

    fn lists(&self) -> Vec<String> {
        self.below("lists").into_iter().collect()
    }

    /// The objects that the lists name; `None` if one of those has just gone.
    fn named(&self) -> Option<BTreeSet<String>> {
        let mut named = BTreeSet::new();
        for name in self.lists() {
            let list = self.list(&name)?;
            let secrets = list["secrets"].as_array()?.iter().map(|secret| &secret[1]);
            let contents = secrets.chain(list["files"].as_array()?).chain([&list["store"]]);
            for content in contents {
                named.insert(self.object(content[0].as_str()?));
            }
        }
        Some(named)
    }

    fn list(&self, name: &str) -> Option<Value> {
        let bytes = self.s3.object(&self.bucket, name);
        let body = bytes.split(|byte| *byte == b'\n').nth(1)?;
        serde_json::from_slice(body).ok()
    }

    fn object(&self, digest: &str) -> String {
        format!("{}/backups/objects/{}/{}", self.prefix, &digest[..2], &digest[2..])
    }

    /// What `wechat restore` calls the backup of a list.
    fn called(&self, list: &str) -> String {
        let (_, moment) = list.rsplit_once("backups/lists/").expect("a list");
        let (_, moment) = moment.split_once('-').expect("a number");
        format!("{self}/{}", moment.trim_end_matches(".jsonl"))
    }

    fn restores(&self, list: &str, to: &Path) {
        let restored = self.runs(&["restore", &self.called(list)], to);
        assert!(restored.status.success(), "{}", told(&restored));
    }
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "s3://{}/{}", self.bucket, self.prefix)
    }
}

/// Asks until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let began = Instant::now();
    while !is_so() {
        assert!(began.elapsed() < PATIENCE, "not in time: {what}");
        thread::sleep(POLL);
    }
}

/// A server on restored data gives a reader these files and texts.
async fn serves(data: &Path, reader: &Session, chat: &str, (files, texts): (&[&Value], &[&str])) {
    let folder = folder();
    let flags = ["--turn", "off", "--data-dir", data.to_str().expect("UTF-8")];
    let server = Server::start(folder.path(), &flags);
    let reader = person("beto", reader, SocketAddr::from(([127, 0, 0, 1], server.port())));
    let page = reader.api.history(chat, "").await.expect("history").to_string();
    for text in texts {
        assert!(page.contains(text), "{text}: {page}");
    }
    for file in files {
        let answer = reader.fetches(file["url"].as_str().expect("a URL"), &[]).await;
        assert_eq!(answer.status.as_u16(), 200, "{file}");
        assert_eq!(answer.body.len() as u64, file["size"].as_u64().expect("a size"), "{file}");
    }
}

/// How many objects a data folder has.
fn objects_in(data: &Path) -> usize {
    let inner = fs::read_dir(data.join("objects")).expect("a folder");
    let inner = inner.map(|entry| entry.expect("an entry").path()).filter(|path| path.is_dir());
    inner.map(|path| fs::read_dir(path).expect("a folder").count()).sum()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_server_makes_backups_in_a_bucket_and_keeps_the_latest() {
    let Some(place) = Place::new() else { return };
    let (mut first, sessions) = two_people().await;
    let (data, moved) = (first.data(), tempfile::tempdir().expect("a folder"));
    first.end().expect("stopped");
    place.set("BACKUP_EVERY=1s\nBACKUP_KEEP=2\nLOG=info\n");
    let flags = ["--turn", "off", "--data-dir", data.to_str().expect("UTF-8")];
    let server = Server::start(place.folder.path(), &flags);
    let addr = SocketAddr::from(([127, 0, 0, 1], server.port()));
    let (ana, beto) = (person("ana", &sessions[0], addr), person("beto", &sessions[1], addr));

    ana.says("on monday").to(&beto).await;
    let picture = sends_a_file(&ana, &beto, "still.jpg", STILL).await;
    until("a first backup", || !place.lists().is_empty());
    ana.says("on tuesday").to(&beto).await;
    let film = sends_a_file(&ana, &beto, "clip.mp4", CLIP).await;
    let number = |name: &String| name.rsplit_once("lists/").expect("a list").1[..8].to_owned();
    let last = || place.lists().last().map_or(0, |name| number(name).parse::<u64>().expect("one"));
    let after = last() + 3;
    until("three more", || last() >= after);
    until("two that stay", || place.lists().len() == 2);
    let log = server.log();
    assert!(!log.contains("geheim") && !log.contains("no backup was made"), "{log}");
    let counts = log.split("\"new_files\":").skip(1).map(|rest| {
        rest.split(|c: char| !c.is_ascii_digit())
            .next()
            .expect("digits")
            .parse::<usize>()
            .expect("one")
    });
    assert_eq!(counts.sum::<usize>(), objects_in(&data), "each is sent once: {log}");
    drop(server);

    let shown = place.runs(&["restore", "--list"], &data);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(&place.called(place.lists().last().expect("one"))), "{shown}");
    let latest = place.lists().pop().expect("one");
    place.restores(&latest, moved.path());
    let texts = ["on monday", "on tuesday"];
    serves(moved.path(), &sessions[1], ana.id(), (&[&picture, &film], &texts)).await;
    let again = place.runs(&["restore", &place.called(&latest)], moved.path());
    assert!(told(&again).contains("neither empty nor a backup"), "{}", told(&again));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_backup_that_is_killed_leaves_the_earlier_ones_and_nothing_for_ever() {
    let Some(place) = Place::new() else { return };
    let (mut server, sessions) = two_people().await;
    let (data, back) = (server.data(), tempfile::tempdir().expect("a folder"));
    let ana = person("ana", &sessions[0], server.addr());
    let beto = person("beto", &sessions[1], server.addr());
    ana.says("before").to(&beto).await;
    let note = sends_a_file(&ana, &beto, "acta.txt", b"Acta de la reunion").await;
    place.back_up(&data);
    for number in 0_u32..40 {
        let text = format!("{number} ").repeat(100_000);
        sends_a_file(&ana, &beto, &format!("{number}.txt"), text.as_bytes()).await;
    }

    let (lists, before) = (place.lists(), place.below("objects").len());
    let args = ["backup", &place.to_string(), "--data-dir", data.to_str().expect("UTF-8")];
    let mut killed = wechat(place.folder.path(), &args).spawn().expect("wechat runs");
    // The store and a file.
    until("a part of it is there", || place.below("objects").len() >= before + 2);
    killed.kill().expect("killed");
    killed.wait().expect("it ended");
    assert_eq!((lists.len(), place.lists()), (1, lists.clone()), "what is not whole is not there");
    assert!(place.below("objects").len() > before);
    place.restores(&lists[0], back.path());
    serves(back.path(), &sessions[1], ana.id(), (&[&note], &["before"])).await;
    let left = || {
        let names = fs::read_dir(&data).expect("a folder").map(|entry| entry.expect("one"));
        names.filter(|name| name.file_name().to_string_lossy().starts_with("backing-up")).count()
    };
    assert_eq!(left(), 1, "the killed one's");

    server.end().expect("stopped");
    // So seldom that there is a while between two in which nothing is under way.
    place.set("BACKUP_EVERY=10s\nBACKUP_KEEP=1\n");
    let flags = ["--turn", "off", "--data-dir", data.to_str().expect("UTF-8")];
    let on_schedule = Server::start(place.folder.path(), &flags);
    until("only the latest is there", || {
        let objects = place.below("objects");
        let whole = place.named().is_some_and(|named| named == objects);
        whole && place.lists().len() == 1 && place.lists() != lists && left() == 0
    });
    drop(on_schedule);
    place.set("BACKUP_EVERY=1h\nBACKUP_KEEP=1\n");
    let told_by = place.runs(&["doctor"], &data);
    let told_by = String::from_utf8_lossy(&told_by.stdout).into_owned();
    assert!(told_by.contains(&format!("The latest in {place} is of 20")), "{told_by}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_damaged_content_is_found_and_a_damaged_list_stops_nothing() {
    let Some(place) = Place::new() else { return };
    let (mut server, sessions) = two_people().await;
    let (data, back) = (server.data(), tempfile::tempdir().expect("a folder"));
    let ana = person("ana", &sessions[0], server.addr());
    let beto = person("beto", &sessions[1], server.addr());
    let film = sends_a_file(&ana, &beto, "clip.mp4", CLIP).await;
    place.back_up(&data);
    let made = place.back_up(&data);
    assert!(made.contains("(0 new"), "{made}");
    let lists = place.lists();

    let list = place.list(&lists[0]).expect("JSON");
    let digest = list["files"][0][0].as_str().expect("a digest").to_owned();
    let good = place.s3.object(&place.bucket, &place.object(&digest));
    place.s3.damage(&place.bucket, &place.object(&digest));
    let refused = place.runs(&["restore", &place.called(&lists[0])], back.path());
    assert_eq!(refused.status.code(), Some(1));
    let words = told(&refused);
    assert!(words.contains(&digest) && words.contains("damaged in the bucket"), "{words}");
    assert!(!back.path().join("wechat.db").exists(), "no server starts on it");
    place.s3.damage(&place.bucket, &place.object(&digest));
    assert_eq!(place.s3.object(&place.bucket, &place.object(&digest)), good);

    place.s3.damage(&place.bucket, &lists[0]);
    let shown = place.runs(&["restore", "--list"], &data);
    let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
    assert!(shown.contains(&format!("{}  DAMAGED", place.called(&lists[0]))), "{shown}");
    let refused = place.runs(&["restore", &place.called(&lists[0])], back.path());
    assert!(told(&refused).contains("Remove that list"), "{}", told(&refused));
    server.end().expect("stopped");
    place.set("BACKUP_EVERY=1s\nBACKUP_KEEP=50\n");
    let flags = ["--turn", "off", "--data-dir", data.to_str().expect("UTF-8")];
    let mut on_schedule = Server::start(place.folder.path(), &flags);
    let warned = |log: &str| log.contains(&lists[0]).then_some(());
    on_schedule.wait_for(warned).expect("it names the list");
    assert!(!on_schedule.log().contains("no backup was made"), "{}", on_schedule.log());
    drop(on_schedule);
    place.restores(&lists[1], back.path());
    serves(back.path(), &sessions[1], ana.id(), (&[&film], &[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn servers_of_one_bucket_do_not_mix() {
    let Some(outer) = Place::new() else { return };
    let (mut one, _) = two_people().await;
    let (other, _) = two_people().await;
    let data = one.data();
    outer.back_up(&data);
    let refused = outer.runs(&["backup", &outer.to_string()], &other.data());
    assert!(told(&refused).contains("backups of another server"), "{}", told(&refused));
    // One prefix inside another, at the worst places.
    let inner = ["a/b", "a/backups", "a/backups/lists", "a/backups/objects"];
    let inner = inner.map(|prefix| Place::at(outer.s3, outer.bucket.clone(), prefix));
    inner.iter().for_each(|place| drop(place.back_up(&other.data())));
    let theirs: Vec<_> =
        inner.iter().map(|place| (place.lists(), place.below("objects"))).collect();

    one.end().expect("stopped");
    outer.set("BACKUP_EVERY=1s\nBACKUP_KEEP=1\n");
    let flags = ["--turn", "off", "--data-dir", data.to_str().expect("UTF-8")];
    let mut on_schedule = Server::start(outer.folder.path(), &flags);
    let made = |log: &str| (log.matches("a backup was made").count() >= 2).then_some(());
    on_schedule.wait_for(made).expect("two backups");
    assert!(!on_schedule.log().contains("too old"), "{}", on_schedule.log());
    drop(on_schedule);
    let still: Vec<_> = inner.iter().map(|place| (place.lists(), place.below("objects"))).collect();
    assert_eq!(still, theirs);
    assert!(theirs.iter().all(|(lists, objects)| lists.len() == 1 && objects.len() > 1));
}
