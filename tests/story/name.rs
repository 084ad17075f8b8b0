//! A server with a name, a picture and a colour of its own: nothing that people get from it says
//! another name.

use std::fs;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ACCEPT, CACHE_CONTROL};
use hyper::{Request, StatusCode};
use loadgen::client::http::{Answer, Http};
use serde_json::json;
use wechat::config::brand::ServerName;

use crate::harness::World;

const NAME: &str = "Plaza Mayor";

/// What people and their programs fetch besides the page's own files.
const PATHS: [&str; 9] = [
    "/",
    "/manifest.webmanifest",
    "/sw.js",
    "/docs",
    "/docs/errors",
    "/call-test",
    "/api/v1/openapi.json",
    "/api/v1/asyncapi.json",
    "/api/v1/server",
];

/// The head of a PNG of 512 pixels a side: all that the server looks at.
const PICTURE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\x02\0\0\0\x02\0\x08\x02\0\0\0";

async fn got(world: &World, path: &str) -> Answer {
    let request = Request::get(path).header(ACCEPT, "text/html, */*");
    let request = request.body(Full::new(Bytes::new())).expect("a request");
    let answer = Http::new(world.server.addr()).send(request).await.expect("an answer");
    assert_eq!(answer.status, StatusCode::OK, "{path}");
    answer
}

async fn text(world: &World, path: &str) -> String {
    String::from_utf8(got(world, path).await.body.to_vec()).expect(path)
}

/// A mail as it is written, without the line breaks that only its coding needs.
fn mails(world: &World) -> Vec<String> {
    let files = fs::read_dir(world.server.mails()).expect("a folder").flatten();
    let read = |file: fs::DirEntry| fs::read_to_string(file.path()).expect("a mail");
    files.map(|file| read(file).replace("=\r\n", "").replace("=\n", "")).collect()
}

#[tokio::test]
async fn nothing_that_people_get_says_another_name() {
    let folder = tempfile::tempdir().expect("a folder");
    let logo = folder.path().join("logo.png");
    fs::write(&logo, PICTURE).expect("written");
    let logo = logo.to_str().expect("UTF-8");
    let world = World::with(&[("NAME", NAME), ("LOGO", logo), ("ACCENT", "#1a5fb4")]).await;
    let worker = text(&world, "/sw.js").await;
    let files: Vec<&str> = worker.split('"').filter(|word| word.starts_with("/assets/")).collect();
    assert!(files.len() > 50, "the worker names the page's files: {files:?}");
    for path in PATHS.iter().chain(&files) {
        let text = text(&world, path).await;
        assert!(!text.contains(ServerName::DEFAULT), "{path} says {}", ServerName::DEFAULT);
    }
    let ana = world.person("Ana").await;
    world.another_device(&ana).await;
    let mails = mails(&world);
    assert!(mails.len() >= 2, "{mails:?}");
    for mail in mails {
        assert!(!mail.contains(ServerName::DEFAULT), "{mail}");
        let from = mail.lines().find(|line| line.starts_with("From: ")).expect("a sender");
        assert!(from.contains(NAME), "{from}");
        assert!(mail.matches(NAME).count() >= 3, "in the head and in both parts: {mail}");
    }
}

#[tokio::test]
async fn what_people_get_says_the_name_and_shows_the_picture_and_the_colour() {
    let folder = tempfile::tempdir().expect("a folder");
    let logo = folder.path().join("logo.png");
    fs::write(&logo, PICTURE).expect("written");
    let logo = logo.to_str().expect("UTF-8");
    let world = World::with(&[("NAME", NAME), ("LOGO", logo), ("ACCENT", "#1a5fb4")]).await;
    let server = got(&world, "/api/v1/server").await;
    assert_eq!(server.headers[CACHE_CONTROL], "public, max-age=60");
    let server = server.json();
    assert_eq!((&server["name"], &server["accent"]), (&json!(NAME), &json!("#1a5fb4")));
    let picture = server["logo"].as_str().expect("a path");
    assert_eq!(got(&world, picture).await.body, PICTURE);
    let page = text(&world, "/").await;
    for words in ["<title>Plaza Mayor</title>", "content=\"Plaza Mayor\"", picture] {
        assert!(page.contains(words), "{words} in {page}");
    }
    let manifest = got(&world, "/manifest.webmanifest").await.json();
    assert_eq!((&manifest["name"], &manifest["short_name"]), (&json!(NAME), &json!(NAME)));
    assert_eq!(manifest["icons"][0]["src"], picture);
    assert!(text(&world, "/docs").await.contains("<title>Plaza Mayor backend: API</title>"));
    let api = got(&world, "/api/v1/openapi.json").await.json();
    assert_eq!(api["info"]["title"], "Plaza Mayor backend");
    assert!(text(&world, "/assets/accent.css").await.contains("#1a5fb4"));
}
