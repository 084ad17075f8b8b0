//! The command line: what it says, how it refuses, how it stops.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Output;
use std::time::{Duration, Instant};

use crate::process::{Server, run, wechat};

fn folder() -> tempfile::TempDir {
    tempfile::tempdir().expect("a folder")
}

fn said(output: &Output) -> String {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    text(&output.stdout) + &text(&output.stderr)
}

#[test]
fn the_version_is_that_of_the_package() {
    let output = run(folder().path(), &["version"]);
    assert_eq!(said(&output), format!("wechat {}\n", env!("CARGO_PKG_VERSION")));
}

#[test]
fn shells_and_manual_readers_get_what_the_command_line_says() {
    let folder = folder();
    for shell in ["bash", "zsh", "fish"] {
        let text = said(&run(folder.path(), &["completions", shell]));
        assert!(text.contains("wechat") && text.contains("public-url"), "{shell}: {text}");
    }
    let pages = folder.path().join("man");
    fs::create_dir(&pages).expect("made");
    let written = run(folder.path(), &["man", "man"]);
    assert!(written.status.success(), "{}", said(&written));
    let page = fs::read_to_string(pages.join("wechat.1")).expect("a page");
    assert!(page.starts_with(".ie") && page.contains("PUBLIC_URL"), "{page}");
    assert!(pages.join("wechat-store-copy.1").is_file(), "one for each command");
    assert_eq!(run(folder.path(), &["completions", "cobol"]).status.code(), Some(2));
    assert_eq!(run(folder.path(), &["man", "nowhere"]).status.code(), Some(1));
}

#[test]
fn an_import_tells_programs_how_far_it_is() {
    let folder = folder();
    fs::write(folder.path().join("people"), "a@b.cd,Ana\nb@b.cd,Beto\n").expect("written");
    let output = run(folder.path(), &["users", "import", "people", "--json"]);
    let lines = String::from_utf8_lossy(&output.stdout).into_owned();
    let lines: Vec<serde_json::Value> =
        lines.lines().map(|line| serde_json::from_str(line).expect("JSON")).collect();
    let (first, last) = (&lines[0], lines.last().expect("a line"));
    assert_eq!((&first["event"], &first["total"]), (&"progress".into(), &2.into()), "{lines:?}");
    assert_eq!((&last["event"], &last["imported"]), (&"done".into(), &2.into()), "{lines:?}");
}

#[test]
fn config_check_shows_every_setting_and_its_origin_without_secrets() {
    let folder = folder();
    fs::write(
        folder.path().join(".env"),
        "SMTP_URL=smtps://ana:geheim@m.example.org\nMAIL_FROM=a@example.org\n",
    )
    .expect("written");
    let output = wechat(folder.path(), &["config", "check", "--port", "7"])
        .env("LOG", "warn")
        .env("PORT", "8")
        .output()
        .expect("it runs");
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for part in ["[--port]", "warn", "[environment]", "smtps://***:***@m.example.org", "line 1]"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!text.contains("geheim"), "{text}");
    assert!(!folder.path().join("data").exists(), "looking changes nothing");
}

#[test]
fn push_check_tries_what_is_set_and_tells_no_secret() {
    let folder = folder();
    let output = run(folder.path(), &["push", "check"]);
    let text = said(&output);
    assert!(output.status.success(), "{text}");
    for part in ["made at the first start", "mailto:", "FCM_ACCOUNT is not", "APNS_KEY is not"] {
        assert!(text.contains(part), "{part} in {text}");
    }
    assert!(!folder.path().join("data").exists(), "looking changes nothing");
    fs::write(folder.path().join("account.json"), "{\"private_key\":\"geheim\"}").expect("written");
    for (setting, part) in [
        ("--fcm-account=account.json", "FCM_ACCOUNT: this file is not the JSON file"),
        ("--fcm-account=nowhere.json", "FCM_ACCOUNT: nowhere.json cannot be read"),
        ("--push-ca=account.json", "PUSH_CA: account.json: there is no certificate in it"),
    ] {
        let output = run(folder.path(), &["push", "check", setting]);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(1), "{text}");
        assert!(text.contains(part) && !text.contains("geheim"), "{part} in {text}");
    }
    let output = run(folder.path(), &["push", "check", "--push=off"]);
    assert!(said(&output).contains("nobody is told"), "{output:?}");
}

#[test]
fn wrong_settings_are_all_told_and_nothing_starts() {
    let folder = folder();
    fs::write(folder.path().join(".env"), "PROT=1\nSMTP_URL=smtp://:geheim@h\nMAX_CONNECTIONS=0\n")
        .expect("written");
    fs::write(folder.path().join(".env_db"), "DB_URI=postgres://a:geheim@h\n").expect("written");
    for args in [&[][..], &["config", "check"]] {
        let output = run(folder.path(), args);
        let text = said(&output);
        assert_eq!(output.status.code(), Some(2), "{text}");
        for part in ["Did you mean PORT?", "MAX_CONNECTIONS is \"0\"", "user name", "MongoDB"] {
            assert!(text.contains(part), "{part} in {text}");
        }
        assert!(!text.contains("geheim"), "{text}");
    }
    assert!(!folder.path().join("data").exists());
}

#[test]
fn a_wrong_flag_or_command_ends_with_2() {
    for args in [&["--prot", "1"][..], &["srve"], &["--port", "http"], &["config"]] {
        assert_eq!(run(folder().path(), args).status.code(), Some(2), "{args:?}");
    }
}

#[test]
fn a_server_stops_in_good_order_and_its_folder_is_private() {
    let folder = folder();
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(folder.path(), &[]);
        TcpStream::connect(("127.0.0.1", server.port())).expect("it listens");
        server.signal(signal);
        assert_eq!(server.ended().code(), Some(0), "{}", server.log());
    }
    for path in ["data", "data/secrets", "data/secrets/server_key", "data/lock", "data/mail"] {
        use std::os::unix::fs::PermissionsExt;
        let metadata = fs::metadata(folder.path().join(path)).expect(path);
        assert_eq!(metadata.permissions().mode() & 0o077, 0, "{path}");
    }
}

/// A request whose body never comes to its end: it holds a good stop up.
fn endless_request(port: u16) -> TcpStream {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).expect("connected");
    let head = "POST /nsg HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n\
                Content-Length: 9\r\nExpect: 100-continue\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("written");
    let mut asked = [0; 12];
    stream.read_exact(&mut asked).expect("the server waits for the body");
    assert_eq!(&asked, b"HTTP/1.1 100");
    stream
}

#[test]
fn a_request_under_way_holds_the_stop_up_for_less_than_ten_seconds() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &[]);
    let _request = endless_request(server.port());
    let asked = Instant::now();
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
    assert!(asked.elapsed() < Duration::from_secs(10), "{:?}", asked.elapsed());
    assert!(server.log().contains("connections were still open"), "{}", server.log());
}

#[test]
fn a_second_signal_ends_a_server_at_once() {
    let folder = folder();
    let mut server = Server::start(folder.path(), &[]);
    let _request = endless_request(server.port());
    server.signal("TERM");
    server.wait_for(|log| log.contains("\"stopping\"").then_some(())).expect("it stops");
    server.signal("INT");
    assert_eq!(server.ended().code(), Some(1), "{}", server.log());
    assert!(!server.log().contains("connections were still open"), "{}", server.log());
}

#[test]
fn a_second_server_in_the_same_folder_is_refused() {
    let folder = folder();
    let first = Server::start(folder.path(), &[]);
    let second = run(folder.path(), &["--port", "0"]);
    let text = said(&second);
    assert_eq!(second.status.code(), Some(1), "{text}");
    assert!(text.contains("in use by another server (process "), "{text}");
    drop(first);
    Server::start(folder.path(), &[]);
}

#[test]
fn a_folder_that_cannot_be_written_is_told_with_a_cure() {
    let folder = folder();
    fs::write(folder.path().join("data"), "a file").expect("written");
    let output = run(folder.path(), &["--port", "0"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(said(&output).contains("set another DATA_DIR"), "{}", said(&output));
}

#[test]
fn the_banner_says_where_the_server_is_and_where_mails_go() {
    let folder = folder();
    let banner = banner(folder.path(), &[]);
    for part in ["http://localhost:", "this machine alone", "./data/mail"] {
        assert!(banner.contains(part), "{part} in {banner}");
    }
    let smtp = "SMTP_URL=smtps://ana:geheim@m.example.org\nMAIL_FROM=a@example.org\n";
    fs::write(folder.path().join(".env"), smtp).expect("written");
    let banner = self::banner(folder.path(), &["--public-url", "https://chat.example.org/"]);
    for part in ["https://chat.example.org", "smtps://m.example.org:465"] {
        assert!(banner.contains(part), "{part} in {banner}");
    }
    assert!(!banner.contains("geheim"), "{banner}");
}

/// What a server says to a person as it starts.
fn banner(folder: &Path, args: &[&str]) -> String {
    let args = [&["--log-format", "pretty"], args].concat();
    let mut server = Server::launch(folder, &args);
    server.wait_for(|log| log.contains("Ctrl-C").then_some(())).expect("a banner");
    server.log()
}

#[test]
fn accounts_are_imported_once_and_only_while_no_server_runs() {
    let folder = folder();
    fs::write(folder.path().join("staff"), "ana@example.org,Ana\nbeto@example.org,Beto\n")
        .expect("written");
    let import = || run(folder.path(), &["users", "import", "staff", "--tokens"]);
    let first = import();
    assert!(first.status.success(), "{}", said(&first));
    let sessions = String::from_utf8(first.stdout).expect("UTF-8");
    let ana: serde_json::Value =
        serde_json::from_str(sessions.lines().next().expect("a line")).expect("JSON");
    assert_eq!(ana["email"], "ana@example.org");
    assert_eq!(ana["token"].as_str().map(str::len), Some(43));
    let again = import();
    assert!(again.stdout.is_empty(), "who has an account keeps it: no session of theirs opens");
    assert_eq!(said(&again), "0 accounts imported; 2 had an account already.\n");
    let _server = Server::start(folder.path(), &[]);
    let refused = import();
    assert_eq!(refused.status.code(), Some(1));
    assert!(said(&refused).contains("in use by another server"), "{}", said(&refused));
}

#[test]
fn a_list_with_a_wrong_line_is_refused_as_a_whole() {
    let folder = folder();
    fs::write(folder.path().join("staff"), "ana@example.org,Ana\nbeto,Beto\n").expect("written");
    let refused = run(folder.path(), &["users", "import", "staff"]);
    assert_eq!(refused.status.code(), Some(2));
    assert!(said(&refused).contains("line 2: This is not an e-mail address"), "{}", said(&refused));
}
