//! `wechat doctor`: planted faults are each found with their cure, a healthy server is said to be
//! one, and a test mail is sent.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::thread::JoinHandle;
use std::time::{Duration, SystemTime};

use loadgen::ports;
use rcgen::{CertificateParams, KeyPair, date_time_ymd};
use serde_json::Value;

use crate::process::{Server, wechat};

/// A working directory on the embedded store, with these settings and a data folder.
fn ward(settings: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env_db"), "").expect("written");
    let usual = "HOST=127.0.0.1\nPORT=0\nTURN=off\n";
    let given: Vec<&str> =
        settings.lines().filter_map(|line| line.split_once('=')).map(|(key, _)| key).collect();
    let usual =
        usual.lines().filter(|line| !given.iter().any(|key| line.starts_with(&format!("{key}="))));
    let lines = usual.chain(settings.lines()).fold(String::new(), |text, line| text + line + "\n");
    fs::write(folder.path().join(".env"), lines).expect("written");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("made");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o700)).expect("private");
    folder
}

fn examine(folder: &Path, more: &[&str]) -> Output {
    let args = [&["doctor", "--json"], more].concat();
    wechat(folder, &args).output().expect("wechat runs")
}

fn findings(output: &Output) -> Vec<Value> {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines().map(|line| serde_json::from_str(line).expect("one JSON a line")).collect()
}

/// A finding that is not good, about this, with these words of what is so and of the cure.
#[track_caller]
fn found(output: &Output, (about, told, cure): (&str, &str, &str)) {
    let all = findings(output);
    let has = |finding: &Value, key: &str, words: &str| {
        finding[key].as_str().is_some_and(|text| text.contains(words))
    };
    let fits = |finding: &&Value| {
        finding["about"] == about && has(finding, "told", told) && has(finding, "cure", cure)
    };
    let finding = all.iter().find(fits);
    let finding = finding.unwrap_or_else(|| panic!("no {told:?}, {cure:?} in {all:#?}"));
    assert_ne!(finding["verdict"], "good", "{finding}");
    let bad = all.iter().any(|finding| finding["verdict"] == "bad");
    assert_eq!(output.status.code() != Some(0), bad, "{all:#?}");
}

/// A port of this machine on which nobody listens.
fn closed() -> u16 {
    ports::free().expect("a port").port()
}

/// A certificate and its key in files, for a name and up to a year.
fn certificate(folder: &Path, name: &str, last_year: i32) -> String {
    let key = KeyPair::generate().expect("a key");
    let mut params = CertificateParams::new([name.to_owned()]).expect("a name");
    params.not_after = date_time_ymd(last_year, 1, 1);
    let own = params.self_signed(&key).expect("a certificate");
    fs::write(folder.join("own.pem"), own.pem()).expect("written");
    fs::write(folder.join("key.pem"), key.serialize_pem()).expect("written");
    format!(
        "PUBLIC_URL=https://chat.example.org\nTLS=files\nPORT_TLS=0\nTLS_CERT={0}/own.pem\n\
         TLS_KEY={0}/key.pem\n",
        folder.display()
    )
}

#[test]
fn faults_in_the_settings_are_found_with_their_cures() {
    let port = closed();
    let nobody = format!("127.0.0.1:{port}");
    for (settings, finding) in [
        ("PROT=1", ("settings", "PROT", "PORT")),
        (
            "PUBLIC_URL=https://chat.example.org\nTRUSTED_PROXIES=10.0.0.1",
            ("settings", "one address", "TRUSTED_PROXIES=127.0.0.1"),
        ),
        ("PUBLIC_URL=https://nobody.invalid", ("public url", "leads nowhere", "A or AAAA")),
        ("PUBLIC_URL=http://chat.example.org", ("certificate", "microphone", "TLS=auto")),
        ("PUBLIC_URL=https://chat.example.org", ("mail", "nobody outside can log in", "SMTP_URL")),
        (
            &format!("SMTP_URL=smtps://ana:geheim@{nobody}\nMAIL_FROM=a@example.org"),
            ("mail", "No mail server answers", "close ports 25, 465 and 587"),
        ),
        (
            &format!(
                "OBJECTS=s3\nS3_BUCKET=bucket\nS3_ENDPOINT=http://{nobody}\nS3_ACCESS_KEY_ID=a\n\
                 S3_SECRET_ACCESS_KEY=geheim"
            ),
            ("bucket", "cannot be reached", "S3_ENDPOINT"),
        ),
        (
            "PUBLIC_URL=https://chat.example.org\nTURN=embedded\nTURN_PORT=0\nTURN_TLS_PORT=0\n\
             TURN_HOST=127.0.0.1",
            ("relay", "listens only for this machine", "TURN_HOST"),
        ),
        ("TURN=off", ("relay", "no relay", "TURN=embedded")),
    ] {
        let folder = ward(settings);
        let output = examine(folder.path(), &[]);
        found(&output, finding);
        assert!(!String::from_utf8_lossy(&output.stdout).contains("geheim"), "{output:?}");
        assert_eq!(fs::read_dir(folder.path().join("data")).expect("it is there").count(), 0);
    }
}

#[cfg(feature = "mongodb")]
#[test]
fn a_database_that_does_not_answer_is_found() {
    let folder = ward("");
    let uri = format!("DB_URI=mongodb://ana:geheim@127.0.0.1:{}", closed());
    fs::write(folder.path().join(".env_db"), uri).expect("written");
    let output = examine(folder.path(), &[]);
    found(&output, ("database", "No MongoDB answers", "DB_URI"));
    assert!(!String::from_utf8_lossy(&output.stdout).contains("geheim"), "{output:?}");
}

#[test]
fn ports_of_other_programs_are_found() {
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = taken.local_addr().expect("bound").port();
    let folder = ward(&format!("PORT={port}\nTURN=embedded\nTURN_PORT={port}\nTURN_TLS_PORT=0"));
    let output = examine(folder.path(), &[]);
    found(&output, ("ports", &format!("Port {port} is taken"), "--port"));
    found(&output, ("ports", &format!("TURN_PORT {port} is taken"), "choose another port"));
}

#[test]
fn certificates_that_ended_or_are_for_others_are_found() {
    let files = tempfile::tempdir().expect("a folder");
    let ended = ward(&certificate(files.path(), "chat.example.org", 2020));
    found(&examine(ended.path(), &[]), ("certificate", "ended at 2020-01-01", "Renew it"));
    let other = ward(&certificate(files.path(), "other.example.org", 2090));
    let finding = ("certificate", "not for chat.example.org", "names chat.example.org");
    found(&examine(other.path(), &[]), finding);
}

#[test]
fn a_data_folder_that_will_not_do_is_found() {
    let open = ward("");
    let data = open.path().join("data");
    fs::set_permissions(&data, fs::Permissions::from_mode(0o755)).expect("changed");
    found(&examine(open.path(), &[]), ("data", "may look into", "chmod 700"));

    let ahead = ward("");
    let file = fs::File::create(ahead.path().join("data/wechat.db")).expect("made");
    file.set_modified(SystemTime::now() + Duration::from_secs(86_400)).expect("set");
    found(&examine(ahead.path(), &[]), ("clock", "wechat.db was written", "set-ntp"));

    let file = ward(&format!("DATA_DIR={}/.env", open.path().display()));
    found(&examine(file.path(), &[]), ("data", "is not a folder", "another DATA_DIR"));

    let cut = ward("");
    fs::write(cut.path().join("data/backup"), "").expect("written");
    found(&examine(cut.path(), &[]), ("data", "cut off", "wechat backup"));
}

#[test]
fn backups_that_are_not_made_any_more_are_found() {
    let backups = tempfile::tempdir().expect("a folder");
    let old = backups.path().join("2025-01-01T00-00-00Z");
    fs::create_dir(&old).expect("made");
    for file in ["backup", "wechat.db"] {
        fs::write(old.join(file), "").expect("written");
    }
    let folder = ward(&format!("BACKUP_TO={}", backups.path().display()));
    found(&examine(folder.path(), &[]), ("backups", "2025-01-01", "log"));
}

#[cfg(target_os = "linux")]
#[test]
fn a_data_folder_in_memory_is_found() {
    let memory = tempfile::tempdir_in("/dev/shm").expect("Linux has it");
    let folder = ward(&format!("DATA_DIR={}/data", memory.path().display()));
    found(&examine(folder.path(), &[]), ("disk", "is in memory", "on a disk"));
    assert_eq!(fs::read_dir(memory.path()).expect("it is there").count(), 0, "nothing is made");
}

#[test]
fn beside_a_healthy_server_nothing_is_bad() {
    let (port, turn_port) = (closed(), closed());
    let folder = ward(&format!(
        "PORT={port}\nPUBLIC_URL=http://127.0.0.1:{port}\nTURN=embedded\nTURN_PORT={turn_port}\n\
         TURN_TLS_PORT=0"
    ));
    let mut server = Server::as_set(folder.path());
    let output = examine(folder.path(), &[]);
    let all = findings(&output);
    assert_eq!(output.status.code(), Some(0), "{all:#?}");
    for told in
        ["answers at 127.0.0.1", "leads to this server", "WebSockets come through", "It answers at"]
    {
        let has =
            |finding: &Value| finding["told"].as_str().is_some_and(|text| text.contains(told));
        assert!(all.iter().any(has), "{told} in {all:#?}");
    }
    let health = wechat(folder.path(), &["health"]).output().expect("it runs");
    assert_eq!(health.status.code(), Some(0), "{health:?}");
    // In other words for people; and the server has noticed nothing.
    let people = wechat(folder.path(), &["doctor"]).output().expect("it runs");
    let text = String::from_utf8_lossy(&people.stdout).into_owned();
    assert!(text.contains("good     ports: ") && text.contains("0 faults, "), "{text}");
    server.signal("TERM");
    assert_eq!(server.ended().code(), Some(0), "{}", server.log());
    let health = wechat(folder.path(), &["health"]).output().expect("it runs");
    assert_eq!(health.status.code(), Some(1), "{health:?}");
    let other = ["--port", &closed().to_string()];
    let server = Server::start(folder.path(), &[]);
    let finding = ("ports", "none answers at", "the settings of that server");
    found(&examine(folder.path(), &other), finding);
    drop(server);
}

/// A mail server for one mail: its greeting apart, it takes everything. What was said to it.
fn post_office() -> (u16, JoinHandle<Vec<String>>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a port");
    let port = listener.local_addr().expect("bound").port();
    let office = std::thread::spawn(move || {
        let mut said = Vec::new();
        // The first asks whether it is there, the second brings the mail.
        for _ in 0..2 {
            let (stream, _) = listener.accept().expect("somebody comes");
            said.extend(serve(&stream));
        }
        said
    });
    (port, office)
}

fn serve(stream: &std::net::TcpStream) -> Vec<String> {
    let (mut out, mut said, mut in_mail) = (stream, Vec::new(), false);
    let mut answer = |text: &str| out.write_all(format!("{text}\r\n").as_bytes()).is_ok();
    answer("220 here");
    for line in BufReader::new(stream).lines().map_while(Result::ok) {
        let verb = line.get(..4).unwrap_or_default().to_ascii_uppercase();
        if in_mail {
            in_mail = line != ".";
            if !in_mail {
                answer("250 taken");
            }
        } else if verb == "DATA" {
            in_mail = true;
            answer("354 go on");
        } else if !answer("250 well") || verb == "QUIT" {
            break;
        }
        said.push(line);
        if !in_mail && said.last().is_some_and(|line| line == ".") {
            break;
        }
    }
    said
}

#[test]
fn a_test_mail_is_sent_to_whom_the_operator_says() {
    let (port, office) = post_office();
    let folder = ward(&format!(
        "SMTP_URL=smtp://127.0.0.1:{port}?tls=none\nMAIL_FROM=chat@example.org\nNAME=Our chat"
    ));
    let output = examine(folder.path(), &["--mail", "ana@example.org"]);
    let all = findings(&output);
    assert_eq!(output.status.code(), Some(0), "{all:#?}");
    let said = office.join().expect("it served").join("\n");
    for words in
        ["MAIL FROM:<chat@example.org>", "RCPT TO:<ana@example.org>", "Test mail from Our chat"]
    {
        assert!(said.contains(words), "{words} in {said}");
    }
}
