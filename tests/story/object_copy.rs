//! The contents of files move into a bucket while people chat, and back.

use std::fs;
use std::net::SocketAddr;
use std::path::Path;
use std::process::Output;

use serde_json::Value;

use crate::backup::{folder, person, sends_a_file, told, two_people};
use crate::harness::Person;
use crate::harness::files::{CLIP, STILL};
use crate::process::{Server, wechat};
use crate::s3_server::shared;

/// A folder whose settings name a bucket of its own; `None` without a server for it.
fn with_bucket() -> Option<tempfile::TempDir> {
    let server = shared()?;
    let folder = folder();
    let settings = format!(
        "OBJECTS=s3\nS3_ENDPOINT=http://{}\nS3_BUCKET={}\nS3_ACCESS_KEY_ID=AKIAEXAMPLE\n\
         S3_SECRET_ACCESS_KEY=geheim\n",
        server.addr(),
        server.bucket()
    );
    fs::write(folder.path().join(".env"), settings).expect("written");
    Some(folder)
}

fn copy(folder: &Path, data: &Path, (from, to): (&str, &str)) -> Output {
    let data = data.to_str().expect("UTF-8");
    let args = ["objects", "copy", "--from", from, "--to", to, "--data-dir", data];
    wechat(folder, &args).output().expect("wechat runs")
}

/// What a copy that ended well says.
fn copied(folder: &Path, data: &Path, places: (&str, &str)) -> String {
    let output = copy(folder, data, places);
    assert!(output.status.success(), "{}", told(&output));
    told(&output)
}

async fn gets(who: &Person, file: &Value, bytes: &[u8]) {
    let url = file["url"].as_str().expect("a URL");
    let answer = who.fetches(url, &[]).await;
    assert_eq!(answer.status.as_u16(), 200, "{file}");
    assert!(answer.body == bytes, "{} bytes instead of {}", answer.body.len(), bytes.len());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn contents_move_into_a_bucket_and_back_beside_the_server() {
    let Some(bucket) = with_bucket() else { return };
    let (mut server, sessions) = two_people().await;
    let ana = person("ana", &sessions[0], server.addr());
    let beto = person("beto", &sessions[1], server.addr());
    let (data, path) = (server.data(), bucket.path());
    let text = b"Acta de la reunion".as_slice();
    let film = sends_a_file(&ana, &beto, "clip.mp4", CLIP).await;
    sends_a_file(&ana, &beto, "still.jpg", STILL).await;

    let first = copied(path, &data, ("local", "s3"));
    assert!(!first.contains("Copied: 0.") && first.contains("OBJECTS=s3"), "{first}");
    let note = sends_a_file(&ana, &beto, "acta.txt", text).await;
    assert!(copied(path, &data, ("local", "s3")).contains("Copied: 1."));
    assert!(copied(path, &data, ("local", "s3")).contains("Copied: 0."));
    let film_bytes = beto.fetches(film["url"].as_str().expect("a URL"), &[]).await.body;
    server.end().expect("stopped");

    let objects = data.join("objects");
    fs::rename(&objects, data.join("moved")).expect("moved away");
    let flags = ["--turn", "off", "--data-dir", data.to_str().expect("UTF-8")];
    let in_bucket = Server::start(path, &flags);
    let beto = person("beto", &sessions[1], SocketAddr::from(([127, 0, 0, 1], in_bucket.port())));
    gets(&beto, &film, &film_bytes).await;
    gets(&beto, &note, text).await;
    copied(path, &data, ("s3", "local"));
    drop(in_bucket);

    let names = |folder: &Path| {
        let mut names: Vec<_> = fs::read_dir(folder)
            .expect("a folder")
            .flat_map(|inner| fs::read_dir(inner.expect("an entry").path()).expect("a folder"))
            .map(|entry| entry.expect("an entry").file_name())
            .collect();
        names.sort();
        names
    };
    assert_eq!(names(&objects), names(&data.join("moved")));
    assert!(!data.join("copying").exists(), "nothing is left on the way");
    let without_bucket = folder();
    let back = Server::start(without_bucket.path(), &flags);
    let beto = person("beto", &sessions[1], SocketAddr::from(([127, 0, 0, 1], back.port())));
    gets(&beto, &film, &film_bytes).await;
    gets(&beto, &note, text).await;
}

#[test]
fn a_copy_that_cannot_be_is_refused_with_a_cure() {
    let (folder, data) = (folder(), tempfile::tempdir().expect("a folder"));
    for (places, code, cure) in [
        (("s3", "s3"), 2, "name the same place"),
        (("local", "s3"), 1, "with its DATA_DIR"),
        (("s3", "local"), 1, "Set OBJECTS=s3, S3_BUCKET"),
    ] {
        let refused = copy(folder.path(), data.path(), places);
        assert_eq!(refused.status.code(), Some(code), "{}", told(&refused));
        assert!(told(&refused).contains(cure), "{}", told(&refused));
    }
}
