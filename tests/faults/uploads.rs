//! `kill -9` in the middle of uploads: what was answered is there as a whole, nothing else is, and
//! nothing is left lying about.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use tokio::task::JoinSet;

use hyper::{Method, Request};
use loadgen::client::http::Http;

use crate::harness::files::{FORM, form};
use crate::harness::{PATIENCE, Person, World};

const UPLOADS: usize = 200;
const KILLS: usize = 5;
/// A person uploads at most four files at once.
const PEOPLE: usize = 6;
const AT_ONCE: usize = 4;

/// A file that was answered: where it is, and what must be there.
type Answered = (usize, String, [u8; 32]);

/// Different bytes for each number.
fn content(number: usize) -> Vec<u8> {
    let mut random = fastrand::Rng::with_seed(number as u64);
    let mut bytes = vec![0; random.usize(1_000..600_000)];
    random.fill(&mut bytes);
    bytes[0] = 0;
    bytes
}

/// One upload; `None` when the server died before it answered.
async fn upload(
    addr: std::net::SocketAddr,
    token: String,
    number: usize,
) -> Option<(String, [u8; 32])> {
    let content = content(number);
    let body = form(&[("file", "x.bin", &content)]);
    let request = Request::builder().method(Method::POST).uri("/api/v1/files");
    let request = request.header(FORM.0, FORM.1).header("authorization", format!("Bearer {token}"));
    let request = request.body(http_body_util::Full::new(body.into())).expect("a request");
    let answer = Http::new(addr).send(request).await.ok()?;
    assert_eq!(answer.status.as_u16(), 201, "{answer:?}");
    let url = answer.json()["url"].as_str()?.to_owned();
    Some((url, Sha256::digest(&content).into()))
}

/// Uploads with the server dying in the middle: what was answered.
async fn killed(
    world: &mut World,
    people: &[Person],
    numbers: std::ops::Range<usize>,
) -> Vec<Answered> {
    let (mut running, mut answered) = (JoinSet::new(), Vec::new());
    let dies_after = fastrand::usize(1..numbers.len() - PEOPLE * AT_ONCE / 2);
    let mut next = numbers.into_iter();
    let mut start = |running: &mut JoinSet<_>, person: usize| {
        let Some(number) = next.next() else { return };
        let (addr, token) = (people[person].api.addr(), people[person].token().to_owned());
        running.spawn(async move { (person, upload(addr, token, number).await) });
    };
    for person in (0..PEOPLE).cycle().take(PEOPLE * AT_ONCE) {
        start(&mut running, person);
    }
    let mut dead = false;
    while let Some(ended) = running.join_next().await {
        let (person, outcome) = ended.expect("no panic");
        if let Some((url, digest)) = outcome {
            answered.push((person, url, digest));
        }
        if answered.len() >= dies_after && !dead {
            // Not a wait for anything: the kill comes at a moment that no answer announces.
            tokio::time::sleep(Duration::from_micros(fastrand::u64(..20_000))).await;
            world.server.kill().expect("killed");
            dead = true;
        }
        if !dead {
            start(&mut running, person);
        }
    }
    assert!(dead, "all was over before the kill");
    answered
}

fn files_below(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let below = entries.map(|entry| entry.path());
    below.flat_map(|path| if path.is_dir() { files_below(&path) } else { vec![path] }).collect()
}

/// Every object is what its name says; nothing half is under any name.
fn check_objects(data: &Path) -> usize {
    let objects = files_below(&data.join("objects"));
    for path in &objects {
        let folder = path.parent().and_then(Path::file_name).expect("a folder").to_string_lossy();
        let name = format!("{folder}{}", path.file_name().expect("a name").to_string_lossy());
        let digest = Sha256::digest(fs::read(path).expect("readable"));
        let digits: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(name, digits, "an object that is not what its name says");
    }
    objects.len()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_half_file_is_seen_and_nothing_is_left_behind() {
    let mut world = World::new().await;
    let mut people = Vec::new();
    for number in 0..PEOPLE {
        people.push(world.person(&format!("Ana {number}")).await);
    }
    let (mut all, each) = (Vec::new(), UPLOADS / KILLS);
    for round in 0..KILLS {
        let numbers = round * each..(round + 1) * each;
        all.extend(killed(&mut world, &people, numbers).await);
        world.server.restart().await.expect("started again on the same data");
        people = people.into_iter().map(|person| person.at(&world.server)).collect();
        let data = world.server.data();
        let left = files_below(&data.join("uploads"));
        assert_eq!(left, Vec::<PathBuf>::new(), "parts of uploads were left");
        let objects = check_objects(&data);
        assert!(objects >= all.len(), "{objects} objects, {} answered", all.len());
    }
    for (person, url, digest) in &all {
        let answer = people[*person].fetches(url, &[]).await;
        assert_eq!(answer.status.as_u16(), 200, "{url} was answered");
        assert_eq!(<[u8; 32]>::from(Sha256::digest(&answer.body)), *digest, "{url}");
    }
    println!("{UPLOADS} uploads, {KILLS} kills, {} answered, all whole", all.len());
}

/// An upload in pieces outlives the server, and is gone on with.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_upload_in_pieces_outlives_a_kill() {
    let mut world = World::new().await;
    let ana = world.person("Ana").await;
    let bytes = bytes::Bytes::from(content(1_000_001).repeat(8));
    let path = ana.begins(bytes.len()).await;
    ana.breaks(&path, 0, &bytes, bytes.len() / 2).await;
    let until = Instant::now() + PATIENCE;
    while ana.offset(&path).await == 0 {
        assert!(Instant::now() < until, "nothing came");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    world.server.kill().expect("killed");
    world.server.restart().await.expect("started again on the same data");
    let ana = ana.at(&world.server);
    let offset = ana.offset(&path).await;
    assert!(offset > 0 && offset <= bytes.len() / 2, "{offset}");
    let answer = ana.appends(&path, offset, bytes.slice(offset..)).await;
    assert_eq!(answer.status.as_u16(), 204, "{answer:?}");
    let upload = ana.gets(&path).await;
    let whole = ana.fetches(upload["file"]["url"].as_str().expect("a file"), &[]).await;
    assert!(whole.body == bytes, "another content");
}
