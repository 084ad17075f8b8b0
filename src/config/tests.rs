//! Settings as a person meets them: files, environment, flags, and what is said about mistakes.

use std::ffi::OsString;
use std::fs;

use super::*;

/// A working directory with these files.
fn folder(env: &str, env_db: &str) -> tempfile::TempDir {
    let folder = tempfile::tempdir().expect("a folder");
    fs::write(folder.path().join(".env"), env).expect("written");
    fs::write(folder.path().join(".env_db"), env_db).expect("written");
    folder
}

fn problems(env: &str, env_db: &str) -> String {
    let mut values = Values::default();
    values.add_files(folder(env, env_db).path());
    Config::from_values(&mut values).expect_err("a problem").to_string()
}

#[test]
fn without_anything_the_defaults_serve() {
    let config = Config::of(&[]).expect("defaults are valid");
    assert_eq!(config.port, 2565);
    assert_eq!(config.mail_dir(), PathBuf::from("./data/mail"));
    assert_eq!(config.mail_from().0.to_string(), "WeChat <no-reply@localhost>");
    assert_eq!(config.public_url(2565), "http://localhost:2565");
}

#[test]
fn files_weigh_less_than_the_environment_and_that_less_than_flags() {
    let folder = folder(
        "PORT=1\nHOST=127.0.0.1\nLOG=warn\nDATA_DIR=a\n",
        "DB_URI=mongodb://a\nDB_USERS=people\n",
    );
    let mut values = Values::default();
    values.add_files(folder.path());
    values.add_environment(|key| match key {
        "PORT" => Some("2".into()),
        "LOG" => Some("error".into()),
        "DATA_DIR" => Some("".into()),
        _ => None,
    });
    values.add_flags([("PORT".to_owned(), "3".to_owned())]);
    let config = Config::from_values(&mut values).expect("valid");
    assert_eq!((config.port, &*config.log, &*config.db_users), (3, "error", "people"));
    assert_eq!(config.data_dir, PathBuf::from("a"), "an empty value is none");
    let report = values.report();
    for line in ["3  [--port]", "error  [environment]", "127.0.0.1  [.env, line 2]", "(none)"] {
        assert!(report.contains(line), "{line} in\n{report}");
    }
}

#[test]
fn every_mistake_is_told_at_once_with_file_line_and_cure() {
    let text = problems(
        "PROT=2565\nPORT=http\n\nDB_URI=x\nLOG_FORMAT\nZEBRA=1\nHOST=::\nHOST=::1\n",
        "DB_DATABSE=chat\n",
    );
    let expected = [
        ".env, line 5: no KEY=value. Comments begin with '#'.",
        ".env, line 1: \"PROT\" is not a setting. Did you mean PORT?",
        ".env, line 4: DB_URI belongs into .env_db. Move the line there.",
        ".env, line 6: \"ZEBRA\" is not a setting. Remove it; 'wechat --help' lists all that there \
         are.",
        ".env, line 8: HOST is set in line 7 already. Remove one of the two.",
        ".env_db, line 1: \"DB_DATABSE\" is not a setting. Did you mean DB_DATABASE?",
        ".env, line 2: PORT is \"http\": no port. Write a number from 0 to 65535.",
    ];
    assert_eq!(text.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn settings_of_the_first_version_are_told_once_and_left_aside() {
    let folder = folder(
        "PORT=7\nENV=dev\nAPI_VERSION=/v1\nMEDIA_PKEY=hush\nTLS_CERT=c.pem\nTSL_KEY=hush\n",
        "BASE_URL=https://cdn\n",
    );
    fs::write(folder.path().join("db.env"), "DB_URI=hush\n").expect("written");
    let mut values = Values::default();
    values.add_files(folder.path());
    assert_eq!(Config::from_values(&mut values).expect("valid").port, 7);
    let told = values.warnings().join("\n");
    for part in [
        ".env: ENV (line 2), API_VERSION (line 3), MEDIA_PKEY (line 4): settings of the first",
        ".env, line 5: TLS_CERT is set, and nothing uses it while TLS is off. Add TLS=files",
        ".env, line 6: TLS_KEY is set, and nothing uses it",
        ".env_db: BASE_URL (line 1): settings of the first",
        "db.env is a file of the first version and is not read",
    ] {
        assert!(told.contains(part), "{part} in\n{told}");
    }
    assert!(values.warnings().len() == 5 && !told.contains("hush"), "{told}");
}

#[test]
fn the_key_of_the_first_version_is_read_as_it_spelled_it() {
    let folder = folder("TLS=files\nTLS_CERT=c.pem\nTSL_KEY=k.pem\n", "");
    let mut values = Values::default();
    values.add_files(folder.path());
    let config = Config::from_values(&mut values).expect("valid");
    assert_eq!(config.tls_key, Some(PathBuf::from("k.pem")));
    assert!(values.warnings().is_empty(), "{:?}", values.warnings());
    values.add_environment(|key| (key == "TSL_KEY").then(|| "other.pem".into()));
    let config = Config::from_values(&mut values).expect("valid");
    assert_eq!(config.tls_key, Some(PathBuf::from("other.pem")));
    let text = problems("TLS_KEY=a.pem\nTSL_KEY=b.pem\n", "");
    assert_eq!(text, ".env, line 2: TLS_KEY is set in line 1 already. Remove one of the two.");
}

#[test]
fn a_certificate_for_a_lan_on_a_host_for_this_machine_alone_is_told() {
    let folder = folder("TLS=local\nHOST=127.0.0.1\n", "");
    let mut values = Values::default();
    values.add_files(folder.path());
    Config::from_values(&mut values).expect("valid");
    let told = values.warnings().join("\n");
    assert!(told.contains("line 1: TLS=local is for other devices"), "{told}");
    assert!(told.contains("Add HOST=::"), "{told}");
}

#[test]
fn a_database_without_an_address_is_refused() {
    for line in ["DB_DATABASE=chat", "DB_DATABASE=chat\nDB_URI=", "DB_USERS=people"] {
        let text = problems("", line);
        let key = line.split('=').next().expect("a key");
        assert!(text.starts_with(&format!(".env_db, line 1: {key} names")), "{text}");
        assert!(text.contains("Add DB_URI"), "{text}");
    }
    assert!(Config::of(&[("DB_DATABASE", "chat"), ("DB_URI", "mongodb://a")]).is_ok());
}

#[test]
fn the_nearest_key_is_a_likely_one() {
    for (typo, key) in
        [("port", "PORT"), ("SMTP_URI", "SMTP_URL"), ("MAX_CONECTIONS", "MAX_CONNECTIONS")]
    {
        let text = problems(&format!("{typo}=1"), "");
        assert!(text.ends_with(&format!("Did you mean {key}?")), "{text}");
    }
}

#[test]
fn a_database_that_we_do_not_speak_is_refused_and_its_password_not_shown() {
    let text = problems("", "DB_URI=postgres://ana:geheim@db.example.org\n");
    assert!(text.starts_with(".env_db, line 1: DB_URI: not the address of a MongoDB"), "{text}");
    assert!(!text.contains("geheim"));
}

#[test]
fn a_mail_server_needs_a_sender() {
    let text = problems("SMTP_URL=smtps://m.example.org", "");
    assert!(text.contains("SMTP_URL needs MAIL_FROM"), "{text}");
}

#[test]
fn no_report_and_no_debug_tells_a_secret() {
    let folder = folder("SMTP_URL=smtps://ana:geheim@m.example.org\nMAIL_FROM=a@example.org\n", "");
    let mut values = Values::default();
    values.add_files(folder.path());
    let config = Config::from_values(&mut values).expect("valid");
    let told = format!("{config:?} {}", values.report());
    assert!(told.contains("smtps://***:***@m.example.org"), "{told}");
    assert!(!told.contains("geheim") && !told.contains("ana"), "{told}");
    let wrong = problems("SMTP_URL=smtps://ana:geheim@m.example.org/x", "");
    assert!(!wrong.contains("geheim"), "{wrong}");
}

#[test]
fn text_that_is_none_is_refused() {
    use std::os::unix::ffi::OsStringExt;
    let mut values = Values::default();
    values.add_environment(|key| (key == "LOG").then(|| OsString::from_vec(vec![0xff])));
    let problems = Config::from_values(&mut values).expect_err("not UTF-8");
    assert_eq!(problems.to_string(), "environment: LOG is not UTF-8 text.");
}

fn png(wide: u32, high: u32) -> Vec<u8> {
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR".to_vec();
    png.extend(wide.to_be_bytes());
    png.extend(high.to_be_bytes());
    png
}

#[test]
fn a_picture_is_a_square_png_or_told_with_the_cure() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("logo.png");
    let read = |bytes: &[u8]| {
        std::fs::write(&path, bytes).expect("written");
        Config::of(&[("LOGO", path.to_str().expect("UTF-8"))])
    };
    let config = read(&png(512, 512)).expect("fine");
    let logo = config.brand().expect("fine").logo.expect("a picture");
    assert_eq!((logo.side, &*logo.png), (512, &*png(512, 512)));
    for (bytes, words) in [
        (png(512, 511), "has 512 x 511 pixels. Cut it to a square of 192 to 1024 pixels"),
        (png(64, 64), "has 64 x 64 pixels"),
        (png(4096, 4096), "512 is best"),
        (b"GIF89a".to_vec(), "is not a PNG. Save it as one"),
        (png(512, 512)[..18].to_vec(), "is not a PNG"),
        (Vec::new(), "is not a PNG"),
        ([png(512, 512), vec![0; 1 << 20]].concat(), "is larger than 1 MiB"),
    ] {
        let problems = read(&bytes).expect_err(words).to_string();
        assert!(problems.contains(words) && problems.contains("LOGO"), "{problems}");
    }
    let missing = Config::of(&[("LOGO", "no/such.png")]).expect_err("missing").to_string();
    assert!(missing.contains("cannot be read") && missing.contains("path of a PNG"));
}

#[test]
fn mails_come_from_the_server_by_its_name() {
    let from = |pairs: &[_]| Config::of(pairs).expect("fine").mail_from().0.to_string();
    let (name, sender) = (("NAME", "Plaza"), ("MAIL_FROM", "no-reply@example.org"));
    assert_eq!(from(&[]), "WeChat <no-reply@localhost>");
    assert_eq!(from(&[name]), "Plaza <no-reply@localhost>");
    assert_eq!(from(&[name, sender]), "Plaza <no-reply@example.org>");
    let own = ("MAIL_FROM", "Post <no-reply@example.org>");
    assert_eq!(from(&[name, own]), "Post <no-reply@example.org>");
}
