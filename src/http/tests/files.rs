//! Files over HTTP: forms, pieces, fetches, links, pictures, and what is refused.

use std::time::Duration;

use axum::http::Method;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde_json::{Value, json};

use super::{App, Person, Reply, text};

const STILL: &[u8] = include_bytes!("../../../crates/media/tests/fixtures/still.jpg");
const CLIP: &[u8] = include_bytes!("../../../crates/media/tests/fixtures/clip.mp4");
const VOICE: &[u8] = include_bytes!("../../../crates/media/tests/fixtures/voice.webm");
const MOVING: &[u8] = include_bytes!("../../../crates/media/tests/fixtures/moving.webp");

async fn fetch(app: &App, who: &Person, url: &str, headers: &[(&str, &str)]) -> Reply {
    app.send_as((Method::GET, url), &who.token, headers, "").await
}

fn url(file: &Value) -> String {
    text(&file["url"])
}

#[tokio::test]
async fn what_a_file_is_is_told_by_its_content() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let picture = app.upload(&ana, "auto", "holiday.html", STILL).await;
    assert_eq!((&picture["kind"], &picture["type"]), (&json!("image"), &json!("image/jpeg")));
    assert_eq!(picture["name"], "holiday.html.jpg");
    assert!(picture["width"].is_u64() && picture["thumbhash"].is_string(), "{picture}");
    let film = app.upload(&ana, "auto", "clip.jpg", CLIP).await;
    assert_eq!(film["kind"], "video");
    let voice = app.upload(&ana, "voice", "v.webm", VOICE).await;
    assert_eq!(voice["kind"], "voice");
    let moving = app.upload(&ana, "auto", "m.webp", MOVING).await;
    assert_eq!((&moving["kind"], &moving["animated"]), (&json!("image"), &json!(true)));
    let page = app.upload(&ana, "auto", "a.svg", b"<svg onload='alert(1)'/>").await;
    assert_eq!((&page["kind"], &page["type"]), (&json!("document"), &json!("text/plain")));
    let kept = app.upload(&ana, "document", "still.jpg", STILL).await;
    assert_eq!(kept["kind"], "document");
    let bytes = fetch(&app, &ana, &url(&kept), &[]).await;
    assert_eq!(bytes.bytes, STILL, "kept as it is");
    assert!(bytes.header("content-disposition").starts_with("attachment; "));
    let info = app.get(&format!("{}/info", url(&film)), &ana.token).await.is(200);
    assert_eq!(info, film);
    let used = app.get("/api/v1/me/storage", &ana.token).await.is(200);
    assert!(used["used"].as_u64() > Some(STILL.len() as u64), "{used}");
}

#[tokio::test]
async fn a_fetch_is_bounded_cached_and_sandboxed() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let content: Vec<u8> = (0..=255_u8).cycle().take(300_000).collect();
    let file = app.upload(&ana, "auto", "datos.bin", &content).await;
    let url = url(&file);
    let whole = fetch(&app, &ana, &url, &[]).await;
    assert_eq!((whole.status.as_u16(), &whole.bytes), (200, &content));
    for (name, value) in [
        ("content-length", "300000"),
        ("accept-ranges", "bytes"),
        ("cache-control", "private, max-age=31536000, immutable"),
        ("content-security-policy", "sandbox; default-src 'none'"),
        ("x-content-type-options", "nosniff"),
        ("cross-origin-resource-policy", "same-origin"),
        ("content-disposition", "attachment; filename=\"datos.bin\"; filename*=UTF-8''datos.bin"),
    ] {
        assert_eq!(whole.header(name), value, "{name}");
    }
    let etag = whole.header("etag").to_owned();
    let part = fetch(&app, &ana, &url, &[("range", "bytes=200000-200009")]).await;
    assert_eq!((part.status.as_u16(), &part.bytes[..]), (206, &content[200_000..200_010]));
    assert_eq!(part.header("content-range"), "bytes 200000-200009/300000");
    let beyond = fetch(&app, &ana, &url, &[("range", "bytes=300000-")]).await;
    assert_eq!(beyond.is(416)["code"], "bad_range");
    assert_eq!(beyond.header("content-range"), "bytes */300000");
    let known = fetch(&app, &ana, &url, &[("if-none-match", &etag)]).await;
    assert_eq!((known.status.as_u16(), known.bytes.len()), (304, 0));
    let head = app.send_as((Method::HEAD, &url), &ana.token, &[], "").await;
    assert_eq!((head.status.as_u16(), head.bytes.len()), (200, 0));
    assert_eq!(head.header("content-length"), "300000");
    let small = fetch(&app, &ana, &format!("{url}?size=small"), &[]).await;
    assert_eq!(small.is(404)["code"], "not_found");
    let wrong = fetch(&app, &ana, &format!("{url}?size=huge"), &[]).await;
    assert_eq!(wrong.is(400)["field"], "size");
}

#[tokio::test]
async fn a_message_carries_files_and_gives_them_to_its_readers() {
    let app = App::new();
    let (ana, beto, eva) =
        (app.person("Ana").await, app.person("Beto").await, app.person("Eva").await);
    let picture = app.upload(&ana, "auto", "still.jpg", STILL).await;
    let path = format!("/api/v1/chats/{}/messages", beto.id);
    let body = json!({ "client_msg_id": "a", "attachments": [picture["id"]] });
    let sent = app.post(&path, &ana.token, body.clone()).await.is(201);
    assert_eq!(sent["message"]["attachments"], json!([picture]));
    assert_eq!(sent["message"]["body"], "");
    let again = app.post(&path, &ana.token, body).await.is(200);
    assert_eq!(again["message"]["id"], sent["message"]["id"]);
    let other = json!({ "client_msg_id": "a", "body": "x" });
    app.post(&path, &ana.token, other).await.is(409);

    let seen = fetch(&app, &beto, &text(&picture["url"]), &[]).await;
    assert_eq!(seen.status.as_u16(), 200);
    assert_eq!(fetch(&app, &eva, &text(&picture["url"]), &[]).await.is(404)["code"], "not_found");

    // Eva gets it from Beto, who may pass on what he sees, but not as his own.
    let chat = text(&sent["message"]["chat"]);
    let stolen = json!({ "client_msg_id": "b", "attachments": [picture["id"]] });
    let to_eva = format!("/api/v1/chats/{}/messages", eva.id);
    assert_eq!(app.post(&to_eva, &beto.token, stolen).await.is(400)["field"], "attachments");
    let forward = json!({ "from": chat, "seq": 1, "client_msg_id": "c" });
    let forwards = format!("/api/v1/chats/{}/forwards", eva.id);
    let passed_on = app.post(&forwards, &beto.token, forward).await.is(201);
    assert_eq!(passed_on["message"]["attachments"], json!([picture]));
    assert_eq!(fetch(&app, &eva, &text(&picture["url"]), &[]).await.status.as_u16(), 200);

    let message = format!("/api/v1/chats/{chat}/messages/1");
    let edit = |body: &str| json!({ "body": body });
    let edited = app.patch(&message, &ana.token, edit("mira")).await.is(200);
    assert_eq!((&edited["body"], &edited["attachments"]), (&json!("mira"), &json!([picture])));
    app.patch(&message, &ana.token, edit("")).await.is(200);
    let plain = app.say(&beto.id, &ana, "d", "hola").await.is(201);
    let seq = &plain["message"]["seq"];
    let message = format!("/api/v1/chats/{chat}/messages/{seq}");
    assert_eq!(app.patch(&message, &ana.token, edit(" ")).await.is(400)["field"], "body");
}

#[tokio::test]
async fn attachments_are_few_known_and_different() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let file = text(&app.upload(&ana, "auto", "a.txt", b"hola").await["id"]);
    let path = format!("/api/v1/chats/{}/messages", beto.id);
    let try_with = |files: Vec<String>| {
        let body = json!({ "client_msg_id": "k", "attachments": files });
        app.post(&path, &ana.token, body)
    };
    let eleven: Vec<_> = (0..11).map(|number| format!("{number:024}")).collect();
    for files in [eleven, vec![file.clone(), file.clone()], vec!["0".repeat(24)]] {
        assert_eq!(try_with(files).await.is(400)["field"], "attachments");
    }
    assert_eq!(try_with(vec![]).await.is(400)["field"], "body");
    try_with(vec![file]).await.is(201);
}

#[tokio::test]
async fn an_upload_in_pieces_goes_on_where_it_was_cut() {
    let app = App::new();
    let (ana, eva) = (app.person("Ana").await, app.person("Eva").await);
    let begin = (Method::POST, "/api/v1/uploads");
    let length = STILL.len().to_string();
    // "still.jpg"
    let said = [("upload-length", length.as_str()), ("upload-metadata", "filename c3RpbGwuanBn")];
    let begun = app.send_as(begin, &ana.token, &said, "").await;
    begun.is(201);
    assert_eq!(begun.header("tus-resumable"), "1.0.0");
    assert!(begun.header("upload-expires").ends_with("GMT"), "{:?}", begun.headers);
    let path = begun.header("location").to_owned();
    let id = path.rsplit('/').next().expect("an id").to_owned();

    let piece = |offset: usize, bytes: &'static [u8]| {
        let offset = offset.to_string();
        let (app, path, token) = (&app, &path, &ana.token);
        async move {
            let headers = [
                ("upload-offset", offset.as_str()),
                ("content-type", "application/offset+octet-stream"),
            ];
            app.send_as((Method::PATCH, path), token, &headers, bytes).await
        }
    };
    assert_eq!(piece(0, &STILL[..1_000]).await.status.as_u16(), 204);
    assert_eq!(piece(999, &STILL[999..]).await.is(409)["code"], "conflict");
    let head = app.send_as((Method::HEAD, &path), &ana.token, &[], "").await;
    assert_eq!((head.header("upload-offset"), head.header("upload-length")), ("1000", &*length));
    let half = app.get(&path, &ana.token).await.is(200);
    assert_eq!((&half["offset"], &half["file"]), (&json!(1_000), &Value::Null));
    app.get(&format!("/api/v1/files/{id}"), &ana.token).await.is(404);
    app.get(&path, &eva.token).await.is(404);

    let done = piece(1_000, &STILL[1_000..]).await;
    assert_eq!((done.status.as_u16(), done.header("tus-resumable")), (204, "1.0.0"));
    let whole = app.get(&path, &ana.token).await.is(200);
    assert_eq!((&whole["file"]["id"], &whole["file"]["name"]), (&json!(id), &json!("still.jpg")));
    assert_eq!(app.get(&format!("/api/v1/files/{id}"), &ana.token).await.status.as_u16(), 200);
}

#[tokio::test]
async fn uploads_in_pieces_are_refused_with_a_reason() {
    let app = App::with(&[
        ("RATE_PER_IP", "off"),
        ("RATE_PER_USER", "off"),
        ("FILE_LIMIT_DOCUMENT", "1MB"),
        ("FILE_LIMIT_VIDEO", "1MB"),
        ("FILE_LIMIT_AUDIO", "1MB"),
        ("FILE_LIMIT_IMAGE", "1MB"),
    ]);
    let ana = app.person("Ana").await;
    let begin = |headers: &'static [(&str, &str)]| {
        app.send_as((Method::POST, "/api/v1/uploads"), &ana.token, headers, "")
    };
    assert_eq!(begin(&[]).await.is(400)["field"], "upload-length");
    assert_eq!(begin(&[("upload-length", "x")]).await.is(400)["field"], "upload-length");
    assert_eq!(begin(&[("upload-length", "0")]).await.is(415)["code"], "unsupported_media");
    assert_eq!(begin(&[("upload-length", "1048577")]).await.is(413)["code"], "too_large");
    let other = begin(&[("tus-resumable", "0.2.2"), ("upload-length", "5")]).await;
    assert_eq!(other.is(412)["code"], "precondition_failed");
    assert_eq!(other.header("tus-version"), "1.0.0");
    let asked = app.send_as((Method::OPTIONS, "/api/v1/uploads"), "", &[], "").await;
    assert_eq!((asked.status.as_u16(), asked.header("tus-max-size")), (204, "1048576"));
    assert_eq!(asked.header("tus-extension"), "creation,expiration,termination");
    let mut last = 0;
    for _ in 0..21 {
        last = begin(&[("upload-length", "5")]).await.status.as_u16();
    }
    assert_eq!(last, 409, "too many unfinished ones");
}

#[tokio::test]
async fn a_form_is_refused_with_a_reason() {
    let app = App::with(&[
        ("RATE_PER_IP", "off"),
        ("RATE_PER_USER", "off"),
        ("FILE_LIMIT_DOCUMENT", "100KB"),
        ("FILE_LIMIT_VIDEO", "100KB"),
        ("FILE_LIMIT_AUDIO", "100KB"),
        ("FILE_LIMIT_IMAGE", "4KB"),
        ("FILE_QUOTA", "150KB"),
    ]);
    let ana = app.person("Ana").await;
    let send = |parts: Vec<(&'static str, &'static str, Vec<u8>)>| {
        let (app, token) = (&app, &ana.token);
        async move {
            let parts: Vec<_> = parts.iter().map(|part| (part.0, part.1, &part.2[..])).collect();
            app.form((Method::POST, "/api/v1/files"), token, &parts).await
        }
    };
    let file = |bytes: &[u8]| ("file", "a", bytes.to_vec());
    assert_eq!(send(vec![]).await.is(400)["field"], "file");
    assert_eq!(send(vec![("flie", "", vec![])]).await.is(400)["field"], "flie");
    let kind = ("kind", "", b"picture".to_vec());
    assert_eq!(send(vec![kind, file(b"x")]).await.is(400)["field"], "kind");
    let voice = ("kind", "", b"voice".to_vec());
    assert_eq!(send(vec![voice, file(b"x")]).await.is(415)["field"], "kind");
    assert_eq!(send(vec![file(b"")]).await.is(415)["code"], "unsupported_media");
    let twice = send(vec![file(b"x"), file(b"x")]).await;
    assert_eq!(twice.is(400)["code"], "bad_request");
    let damaged = [&STILL[..2], b"\xff\xe1\x00\x0cExif\0\0\0\0\0\0", &STILL[2..200]].concat();
    let damaged = send(vec![file(&damaged)]).await;
    assert_eq!(damaged.is(415)["code"], "unsupported_media");
    let large = send(vec![file(STILL)]).await.is(413);
    assert!(text(&large["detail"]).contains("the limit is 4 KB"), "{large}");
    assert_eq!(send(vec![file(&[b'x'; 102_401])]).await.is(413)["code"], "too_large");
    send(vec![file(&[b'x'; 100_000])]).await.is(201);
    let full = send(vec![file(&[b'y'; 100_000])]).await.is(409);
    assert!(text(&full["detail"]).contains("97.6 KB of 150 KB"), "{full}");
    let json = app.post("/api/v1/files", &ana.token, json!({})).await;
    assert_eq!(json.is(415)["code"], "unsupported_media");
}

#[tokio::test]
async fn a_link_works_without_a_header_until_the_session_ends() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let file = app.upload(&ana, "auto", "still.jpg", STILL).await;
    let ask = json!({ "files": [file["id"], "0".repeat(24)] });
    let links = app.post("/api/v1/files/links", &ana.token, ask.clone()).await.is(200);
    assert_eq!(links["links"].as_array().map(Vec::len), Some(1), "{links}");
    let link = text(&links["links"][0]["url"]);
    assert_eq!(app.get(&link, "").await.status.as_u16(), 200);
    assert_eq!(app.get(&format!("{link}&size=small"), "").await.status.as_u16(), 200);
    let forged = link.replace(&ana.id, &beto.id);
    assert_eq!(app.get(&forged, "").await.is(401)["code"], "unauthenticated");
    let later = link.replace("until=1", "until=2");
    assert_ne!(later, link);
    app.get(&later, "").await.is(401);
    app.get(&link[..link.len() - 1], "").await.is(401);
    let none = app.post("/api/v1/files/links", &beto.token, ask).await.is(200);
    assert_eq!(none["links"], json!([]));
    app.delete("/api/v1/auth/sessions/current", &ana.token).await.is(204);
    app.get(&link, "").await.is(401);
}

#[tokio::test]
async fn a_picture_is_shown_to_all_and_a_file_of_ones_own() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let picture = app.upload(&ana, "auto", "still.jpg", STILL).await;
    let file = json!({ "file": picture["id"] });
    let me = app.put("/api/v1/me/avatar", &ana.token, file.clone()).await.is(200);
    assert_eq!(me["avatar"], picture["id"]);
    let small = format!("{}?size=small", url(&picture));
    let seen = app.get(&small, &beto.token).await;
    assert_eq!((seen.status.as_u16(), seen.header("content-type")), (200, "image/jpeg"));
    assert!(seen.header("content-disposition").starts_with("inline; "));
    app.delete(&url(&picture), &ana.token).await.is(409);
    let document = app.upload(&ana, "auto", "a.txt", b"hola").await;
    let wrong = app.put("/api/v1/me/avatar", &ana.token, json!({ "file": document["id"] })).await;
    assert_eq!(wrong.is(400)["field"], "file");
    app.put("/api/v1/me/avatar", &beto.token, file.clone()).await.is(400);

    let group = app.group(&[&ana, &beto]).await;
    let path = format!("/api/v1/groups/{group}/avatar");
    let changed = app.put(&path, &ana.token, file).await.is(200);
    assert_eq!(changed["avatar"], picture["id"]);
    let log = app.get(&format!("/api/v1/chats/{group}/messages"), &beto.token).await.is(200);
    let last = log["messages"].as_array().and_then(|rows| rows.last()).expect("a row");
    assert_eq!(last["event"]["type"], "avatar_changed");
    app.delete("/api/v1/me/avatar", &ana.token).await.is(200);
    assert_eq!(app.get(&small, &beto.token).await.status.as_u16(), 200, "the group's");
    app.delete(&path, &ana.token).await.is(200);
    app.get(&small, &beto.token).await.is(404);
    app.delete(&url(&picture), &ana.token).await.is(204);
}

#[tokio::test]
async fn the_original_endpoint_takes_files_in_every_form() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let path = format!("/sndmsg?chtid={}&crruid={}", beto.id, ana.id);
    let picture = app.upload(&ana, "auto", "still.jpg", STILL).await;
    let body = json!({ "message_id": "a", "body_type": 65, "files": [picture["id"]] });
    let sent = app.put(&path, &ana.token, body).await.is(200);
    let message = &sent["data"];
    assert_eq!((&message["body_type"], &message["body"]), (&json!(65), &json!("")));
    assert_eq!(message["media"], json!([picture["url"]]));
    assert_eq!(message["placeholders"], json!([picture["thumbhash"]]));
    assert_eq!(message["attachments"], json!([picture]));

    let id = text(&picture["id"]);
    let parts: [(&str, &str, &[u8]); 5] = [
        ("message_id", "", b"b"),
        ("clip", "clip.mp4", CLIP),
        ("files", "", id.as_bytes()),
        ("body", "", b"mira"),
        ("other", "a.txt", b"hola"),
    ];
    let sent = app.form((Method::PUT, &path), &ana.token, &parts).await.is(200);
    let kinds: Vec<_> = sent["data"]["attachments"].as_array().expect("files").iter().collect();
    let kinds: Vec<_> = kinds.iter().map(|file| text(&file["kind"])).collect();
    assert_eq!(kinds, ["video", "image", "document"]);
    assert_eq!((&sent["data"]["body_type"], &sent["data"]["body"]), (&json!(22), &json!("mira")));
    assert_eq!(sent["data"]["placeholders"][2], "");
    let again = app.form((Method::PUT, &path), &ana.token, &parts).await.is(200);
    assert_eq!(again["data"]["_id"], sent["data"]["_id"], "the same files, the same message");
    let mut changed = parts;
    changed[4].2 = b"otra cosa";
    app.form((Method::PUT, &path), &ana.token, &changed).await.is(409);

    for (body_type, files) in [(59, vec![&picture["id"]]), (8, vec![&picture["id"]]), (65, vec![])]
    {
        let body =
            json!({ "message_id": "c", "body": "x", "body_type": body_type, "files": files });
        let refused = app.put(&path, &ana.token, body).await.is(400);
        assert_eq!(
            (&refused["data"]["field"], &refused["code"]),
            (&json!("body_type"), &json!(408))
        );
    }
}

#[tokio::test]
async fn forms_come_as_browsers_and_libraries_write_them() {
    let app = App::new();
    let (ana, beto) = (app.person("Ana").await, app.person("Beto").await);
    let path = format!("/sndmsg?chtid={}&crruid={}", beto.id, ana.id);
    let form = |parts: &[(&[u8], &[u8])]| {
        let mut body = Vec::new();
        for (head, content) in parts {
            body.extend_from_slice(b"--b7\r\nContent-Disposition: form-data; ");
            body.extend_from_slice(head);
            body.extend_from_slice(b"\r\nContent-Type: application/octet-stream\r\n\r\n");
            body.extend_from_slice(content);
            body.extend_from_slice(b"\r\n");
        }
        body.extend_from_slice(b"--b7--\r\n");
        body
    };
    let kind = [("content-type", "multipart/form-data; boundary=b7")];
    let empty: &[u8] = b"name=\"clip\"; filename=\"\"";
    let body = form(&[(b"name=message_id", b"a"), (b"name=body", b"hola"), (empty, b"")]);
    let sent = app.send_as((Method::PUT, &path), &ana.token, &kind, body).await.is(200);
    assert_eq!(sent["data"]["body"], "hola");
    assert_eq!(sent["data"]["attachments"].as_array().map_or(0, Vec::len), 0, "nobody chose one");

    for (key, head, name) in [
        ("b", &b"name=f; filename=\"\""[..], "file"),
        ("c", b"name=f; filename*=UTF-8''na%C3%AFve.txt", "naïve.txt"),
        ("d", b"name=f; filename=\"=?utf-8?B?w7EudHh0?=\"", "ñ.txt"),
        ("e", b"name=f; filename=\"\xf1.txt\"", "ñ.txt"),
    ] {
        let body = form(&[(b"name=message_id", key.as_bytes()), (head, b"hola")]);
        let sent = app.send_as((Method::PUT, &path), &ana.token, &kind, body).await.is(200);
        assert_eq!(sent["data"]["attachments"][0]["name"], name);
    }
    let body = form(&[(b"name=poster; filename=\"\"", b""), (b"name=file; filename=a.txt", b"x")]);
    let made = app.send_as((Method::POST, "/api/v1/files"), &ana.token, &kind, body).await;
    assert_eq!(made.is(201)["name"], "a.txt");
    let body = form(&[(b"name=file; filename=\"\"", b"")]);
    let none = app.send_as((Method::POST, "/api/v1/files"), &ana.token, &kind, body).await;
    assert_eq!(none.is(400)["field"], "file");
}

#[tokio::test]
async fn what_cannot_be_shown_becomes_a_document_unless_it_tells_of_its_place() {
    let app = App::new();
    let ana = app.person("Ana").await;
    // A GIF of 301 frames of one pixel.
    let frame = [0x2c, 0, 0, 0, 0, 1, 0, 1, 0, 0, 2, 2, 0x44, 1, 0];
    let head = [b"GIF89a", &[1, 0, 1, 0, 0x80, 0, 0, 0, 0, 0, 255, 255, 255][..]].concat();
    let long = [head, frame.repeat(301), vec![0x3b]].concat();
    let document = app.upload(&ana, "auto", "largo.gif", &long).await;
    assert_eq!((&document["kind"], &document["name"]), (&json!("document"), &json!("largo.gif")));
    assert_eq!(document["size"], long.len());
    // One of 16,400 pixels height with EXIF: it stays a JPEG, and tells nothing.
    let exif = b"\xff\xe1\x00\x10Exif\0\0a place!";
    let mut tall = [&STILL[..2], exif, &STILL[2..]].concat();
    let frame = tall.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    tall[frame + 5..frame + 7].copy_from_slice(&16_400_u16.to_be_bytes());
    let document = app.upload(&ana, "auto", "alta.jpg", &tall).await;
    assert_eq!((&document["kind"], &document["name"]), (&json!("document"), &json!("alta.jpg")));
    let content = app.get(&text(&document["url"]), &ana.token).await;
    assert_eq!(document["size"], content.bytes.len());
    assert!(content.bytes.starts_with(&[0xff, 0xd8]));
    assert!(!content.bytes.windows(4).any(|part| part == b"Exif"));
    let cut = [&STILL[..2], b"\xff\xe1\x00\x0cExif\0\0\0\0\0\0", &STILL[2..200]].concat();
    let parts = [("kind", "", &b"auto"[..]), ("file", "roto.jpg", &cut)];
    let refused = app.form((Method::POST, "/api/v1/files"), &ana.token, &parts).await.is(415);
    assert_eq!(refused["code"], "unsupported_media");
    app.upload(&ana, "document", "roto.jpg", &cut).await;
}

#[tokio::test]
async fn of_an_upload_with_more_bytes_than_announced_nothing_is_made() {
    let app = App::new();
    let ana = app.person("Ana").await;
    let length = [("upload-length", "5")];
    let begun = app.send_as((Method::POST, "/api/v1/uploads"), &ana.token, &length, "").await;
    let path = begun.header("location").to_owned();
    let piece = [("upload-offset", "0"), ("content-type", "application/offset+octet-stream")];
    let sent = app.send_as((Method::PATCH, &path), &ana.token, &piece, "holahol").await;
    assert_eq!(sent.is(413)["code"], "too_large");
    app.get(&path, &ana.token).await.is(404);
    let file = path.replace("uploads", "files");
    app.get(&file, &ana.token).await.is(404);
}

#[tokio::test]
async fn a_sign_up_brings_a_picture() {
    let app = App::new();
    let sign_up = |picture: String| {
        let body = json!({
            "name": "Eva", "email": "eva@example.org", "profile_avatar": picture,
        });
        app.post("/nsg", "", body)
    };
    for bad in ["AAAA", "???", "data:image/png,x", "data:text/html;base64,PGI+"] {
        let refused = sign_up(bad.into()).await.is(400);
        let (field, code) = (&refused["data"]["field"], &refused["code"]);
        assert_eq!((field, code), (&json!("profile_avatar"), &json!(408)), "{bad}");
    }
    sign_up(format!("data:image/jpeg;base64,{}", BASE64.encode(STILL))).await.is(200);
    let eva = app.redeem("eva@example.org").await;
    let until = std::time::Instant::now() + Duration::from_secs(60);
    let avatar = loop {
        let me = app.get("/api/v1/me", &eva.token).await.is(200);
        if let Some(avatar) = me["avatar"].as_str() {
            break avatar.to_owned();
        }
        assert!(std::time::Instant::now() < until, "the picture never came");
        tokio::time::sleep(Duration::from_millis(20)).await;
    };
    let ana = app.person("Ana").await;
    let seen = app.get(&format!("/api/v1/files/{avatar}?size=small"), &ana.token).await;
    assert_eq!((seen.status.as_u16(), seen.header("content-type")), (200, "image/jpeg"));
}
