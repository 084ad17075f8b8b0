//! What no single setting's value shows: which settings belong together, and which contradict each
//! other. Called when every value has been read.

use super::backups::{BackupBucket, BackupPlace};
use super::calls::TurnMode;
use super::objects::ObjectsMode;
use super::private::is_private;
use super::settings::Config;
use super::sources::{Origin, Values};
use super::tls::TlsMode;
use super::values::PublicUrl;

/// What `OBJECTS=s3` needs besides.
const NEEDED: [&str; 3] = ["S3_BUCKET", KEY[0], KEY[1]];
/// What backups in a bucket need besides.
const KEY: [&str; 2] = ["S3_ACCESS_KEY_ID", "S3_SECRET_ACCESS_KEY"];

impl Config {
    /// What no single value shows.
    pub(super) fn check_together(&self, values: &mut Values) {
        if self.smtp_url.is_some() && self.mail_from.is_none() {
            let place = values.place("SMTP_URL");
            values.note(format!(
                "{place}: SMTP_URL needs MAIL_FROM beside it, the sender that the mail server \
                 accepts. Add for example MAIL_FROM=no-reply@example.org."
            ));
        }
        if self.dev && self.db_uri.is_some() {
            let place = values.place("DEV");
            values.note(format!(
                "{place}: DEV=on keeps its demo people in DATA_DIR/dev, never in a database. Take \
                 DB_URI out, or DEV."
            ));
        }
        if self.nats_url.is_some() && self.db_uri.is_none() {
            let place = values.place("NATS_URL");
            values.note(format!(
                "{place}: NATS_URL is for several servers on one MongoDB, and DB_URI is not set. \
                 Add DB_URI, or take NATS_URL out."
            ));
        }
        self.check_brand(values);
        self.check_database(values);
        self.check_tls(values);
        self.check_calls(values);
        self.check_objects(values);
        self.check_backups(values);
        self.check_push(values);
    }

    /// What only reading the picture shows.
    fn check_brand(&self, values: &mut Values) {
        if let Err(problem) = self.brand() {
            let place = values.place("LOGO");
            values.note(format!("{place}: {problem}"));
        }
    }

    /// Who names a database and forgets its address would find all messages in a folder instead.
    fn check_database(&self, values: &mut Values) {
        const NAMES: [&str; 5] =
            ["DB_DATABASE", "DB_USERS", "DB_GROUPD", "DB_USR_CHLOGS", "DB_GR_CHLOGS"];
        let named = NAMES.iter().find(|key| values.origin(key) != Origin::Default);
        if let (None, Some(key)) = (&self.db_uri, named) {
            let place = values.place(key);
            values.note(format!(
                "{place}: {key} names what is in a database, and DB_URI, the database's address, \
                 is not set. Add DB_URI to .env_db; or remove the DB_ lines, and everything is \
                 kept in DATA_DIR."
            ));
        }
    }

    /// What no single value about TLS shows.
    fn check_tls(&self, values: &mut Values) {
        let files = [("TLS_CERT", self.tls_cert.is_some()), ("TLS_KEY", self.tls_key.is_some())];
        let directory = values.origin("ACME_DIRECTORY") != Origin::Default;
        files.iter().for_each(|given| self.warn_unless_used(*given, TlsMode::Files, values));
        self.warn_unless_used(("ACME_DIRECTORY", directory), TlsMode::Auto, values);
        match self.tls {
            TlsMode::Off => return,
            TlsMode::Auto => self.check_name(values),
            TlsMode::Local => self.check_private(values),
            TlsMode::Files => {
                let place = values.place("TLS");
                for (key, _) in files.iter().filter(|(_, given)| !*given) {
                    values.note(format!(
                        "{place}: TLS=files needs {key} beside it, the path of a PEM file."
                    ));
                }
            }
        }
        self.check_https(values);
    }

    /// What was written for another way to speak TLS than the one chosen.
    fn warn_unless_used(&self, (key, given): (&str, bool), by: TlsMode, values: &mut Values) {
        if given && self.tls != by {
            let (place, now, by) = (values.place(key), self.tls.word(), by.word());
            values.warn(format!(
                "{place}: {key} is set, and nothing uses it while TLS is {now}. Add TLS={by}, and \
                 this server speaks HTTPS itself with it; or remove {key}."
            ));
        }
    }

    /// A public authority vouches for names of the Internet alone.
    fn check_name(&self, values: &mut Values) {
        let place = values.place("TLS");
        let Some(url) = &self.public_url else {
            return values.note(format!(
                "{place}: TLS=auto needs PUBLIC_URL beside it, with a name that leads to this \
                 server. Add for example PUBLIC_URL=https://chat.example.org."
            ));
        };
        if !url.has_public_name() {
            let host = url.host();
            values.note(format!(
                "{place}: TLS=auto gets a certificate for a name of the Internet, and {host}, the \
                 host of PUBLIC_URL, is not one. Write a name of your own that leads to this \
                 server, or use TLS=files."
            ));
        }
    }

    /// An authority of one's own vouches for private networks alone.
    fn check_private(&self, values: &mut Values) {
        if self.host.is_loopback() {
            let (place, host) = (values.place("TLS"), self.host);
            values.warn(format!(
                "{place}: TLS=local is for other devices of the network, and HOST {host} lets in \
                 this machine alone. Add HOST=::."
            ));
        }
        let host = self.public_url.as_ref().map(PublicUrl::host);
        if let Some(host) = host.filter(|host| !is_private(host)) {
            let place = values.place("TLS");
            values.note(format!(
                "{place}: TLS=local vouches for addresses and names of a private network, and \
                 {host}, the host of PUBLIC_URL, is not one. Write an address such as 192.168.1.5 \
                 or a name that ends in .lan, .local or .home.arpa; or use TLS=auto."
            ));
        }
    }

    /// What contradicts that this server speaks HTTPS.
    fn check_https(&self, values: &mut Values) {
        let Some(port) = self.tls_port() else { return };
        if self.public_url.as_ref().is_some_and(|url| !url.is_https()) {
            let place = values.place("PUBLIC_URL");
            values.note(format!(
                "{place}: PUBLIC_URL begins with http, and with TLS people reach this server by \
                 https. Write it with https."
            ));
        }
        let relay = self.turn == TurnMode::Embedded && self.turn_host.is_none();
        let taken = [("PORT", self.port, true), ("TURN_TLS_PORT", self.turn_ports().1, relay)];
        for (key, other, counts) in taken {
            if counts && other == port && port != 0 {
                let place = values.place(key);
                values.note(format!(
                    "{place}: {key} and PORT_TLS are both {port}. Choose another for one of them."
                ));
            }
        }
    }

    /// What no single value about calls shows.
    fn check_calls(&self, values: &mut Values) {
        if self.turn == TurnMode::External && self.turn_external_urls.0.is_empty() {
            let place = values.place("TURN");
            values.note(format!(
                "{place}: TURN=external needs TURN_EXTERNAL_URLS beside it. Add for example \
                 TURN_EXTERNAL_URLS=turn:turn.example.org:3478."
            ));
        }
        if self.turn == TurnMode::External && self.turn_secret.is_none() {
            let place = values.place("TURN");
            values.note(format!(
                "{place}: TURN=external needs TURN_SECRET beside it, the secret that those servers \
                 know."
            ));
        }
        if self.turn_tls_cert.is_some() != self.turn_tls_key.is_some() {
            let place = values.place("TURN_TLS_CERT");
            values.note(format!(
                "{place}: TURN_TLS_CERT and TURN_TLS_KEY go together: set both, or neither."
            ));
        }
    }

    /// What no single value about backups shows.
    fn check_backups(&self, values: &mut Values) {
        let Some(to) = &self.backup_to else { return };
        let place = values.place("BACKUP_TO");
        if self.db_uri.is_some() {
            values.note(format!(
                "{place}: BACKUP_TO is for the embedded store, and DB_URI names a MongoDB. Back \
                 that up with mongodump, and take BACKUP_TO out."
            ));
        }
        match to {
            BackupPlace::Folder(folder) if folder.starts_with(&self.data_dir) => {
                values.note(format!(
                    "{place}: BACKUP_TO is inside DATA_DIR. Name a folder outside, best on another \
                     disk."
                ));
            }
            BackupPlace::Folder(_) => {}
            BackupPlace::Bucket(bucket) => self.check_backup_bucket(bucket, values),
        }
    }

    /// What no single value about backups in a bucket shows.
    fn check_backup_bucket(&self, bucket: &BackupBucket, values: &mut Values) {
        let place = values.place("BACKUP_TO");
        let missing = missing(&KEY, values);
        if !missing.is_empty() && self.objects != ObjectsMode::S3 {
            values.note(format!("{place}: BACKUP_TO={bucket} needs {missing} beside it."));
        }
        let kept = self.s3_bucket.as_deref().filter(|_| self.objects == ObjectsMode::S3);
        if kept == Some(&*bucket.name) && self.s3_prefix == bucket.folder() {
            values.note(format!(
                "{place}: BACKUP_TO={bucket} and S3_PREFIX={} are one place, and backups would \
                 remove files. Choose another prefix for one of them.",
                self.s3_prefix
            ));
        }
        if self.objects != ObjectsMode::S3 {
            self.check_path_style(values);
        }
    }

    /// What no single value about objects shows.
    fn check_objects(&self, values: &mut Values) {
        let place = values.place("OBJECTS");
        match self.objects {
            ObjectsMode::Local => {
                let given = |key: &&str| values.origin(key) != Origin::Default;
                let of_backups = matches!(self.backup_to, Some(BackupPlace::Bucket(_)));
                let is_used = |key: &&str| of_backups && KEY.contains(key);
                if let Some(key) = NEEDED.iter().find(|key| given(key) && !is_used(key)) {
                    let place = values.place(key);
                    let cure = if KEY.contains(key) {
                        "Add OBJECTS=s3 and S3_BUCKET, or BACKUP_TO=s3://BUCKET/PREFIX"
                    } else {
                        "Add OBJECTS=s3"
                    };
                    values.note(format!(
                        "{place}: {key} is set, but the files would go into DATA_DIR. {cure}, or \
                         take {key} out."
                    ));
                }
            }
            ObjectsMode::S3 => {
                let missing = missing(&NEEDED, values);
                if !missing.is_empty() {
                    values.note(format!("{place}: OBJECTS=s3 needs {missing} beside it."));
                }
                if self.dev {
                    values.note(format!(
                        "{place}: DEV=on keeps everything in DATA_DIR/dev, never in a bucket. Take \
                         OBJECTS out, or DEV."
                    ));
                }
                self.check_path_style(values);
            }
        }
    }

    /// What no single value about push shows.
    fn check_push(&self, values: &mut Values) {
        let parts = [
            ("APNS_KEY", self.apns_key.is_some()),
            ("APNS_KEY_ID", self.apns_key_id.is_some()),
            ("APNS_TEAM_ID", self.apns_team_id.is_some()),
        ];
        let given = parts.iter().find(|(_, given)| *given);
        let missing = parts.iter().find(|(_, given)| !*given);
        if let (Some((given, _)), Some((missing, _))) = (given, missing) {
            let place = values.place(given);
            values.note(format!(
                "{place}: {given} needs {missing} beside it: Apple's service knows an app's owner \
                 by a key, its id and the team's."
            ));
        }
    }

    fn check_path_style(&self, values: &mut Values) {
        let endpoint = self.s3_endpoint.as_ref();
        if !self.s3_path_style && endpoint.is_some_and(|endpoint| !endpoint.takes_names()) {
            let place = values.place("S3_PATH_STYLE");
            values.note(format!(
                "{place}: S3_PATH_STYLE=off puts the bucket before the host's name, and the host \
                 of S3_ENDPOINT is an address. Write S3_PATH_STYLE=on, or the host's name."
            ));
        }
    }
}

/// Those of the keys that are not given, in words.
fn missing(keys: &[&'static str], values: &Values) -> String {
    let given = |key: &&&str| values.origin(key) != Origin::Default;
    let missing: Vec<_> = keys.iter().filter(|key| !given(key)).copied().collect();
    missing.join(" and ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_belongs_together_is_missed() {
        for (pairs, word) in [
            (&[("TURN", "external")][..], "TURN_EXTERNAL_URLS"),
            (&[("TURN_TLS_CERT", "/c.pem")], "TURN_TLS_KEY"),
            (&[("APNS_KEY", "/k.p8"), ("APNS_KEY_ID", "ABC123DEFG")], "APNS_TEAM_ID"),
            (&[("APNS_TEAM_ID", "ABC123DEFG")], "APNS_KEY beside it"),
        ] {
            let problems = Config::of(pairs).expect_err("incomplete").to_string();
            assert!(problems.contains(word), "{problems}");
        }
    }

    #[test]
    fn https_has_what_it_needs_and_a_port_of_its_own() {
        let files = [("TLS", "files"), ("TLS_CERT", "/c.pem"), ("TLS_KEY", "/k.pem")];
        let with = |more: &[(&'static str, &'static str)]| Config::of(&[&files, more].concat());
        let ports = |more| with(more).expect("fine").tls_port();
        assert_eq!((ports(&[]), ports(&[("PORT", "0")])), (Some(443), Some(0)));
        assert_eq!(ports(&[("PORT", "0"), ("PORT_TLS", "8443")]), Some(8443));
        assert_eq!(Config::of(&[("PORT_TLS", "8443")]).expect("off").tls_port(), None);
        let secure = with(&[("PUBLIC_URL", "https://chat.example.org")]);
        assert!(secure.is_ok_and(|config| config.public_url(443) == "https://chat.example.org"));
        for (port, url) in [(443, "https://localhost"), (8443, "https://localhost:8443")] {
            assert_eq!(with(&[]).expect("fine").public_url(port), url);
        }
        for (more, words) in [
            (&[("PUBLIC_URL", "http://chat.example.org")][..], "Write it with https"),
            (&[("PORT", "443")], "PORT and PORT_TLS are both 443"),
            (&[("TURN_TLS_PORT", "443")], "TURN_TLS_PORT and PORT_TLS are both 443"),
        ] {
            let problems = with(more).expect_err(words).to_string();
            assert!(problems.contains(words), "{problems}");
        }
        assert!(with(&[("TURN_TLS_PORT", "443"), ("TURN_HOST", "203.0.113.8")]).is_ok());
        let auto = |url| Config::of(&[("TLS", "auto"), ("PUBLIC_URL", url)]);
        assert!(auto("https://chat.example.org").is_ok());
        for url in
            ["", "https://192.0.2.7", "https://[2001:db8::7]", "https://chat", "https://localhost"]
        {
            let problems = auto(url).expect_err(url).to_string();
            assert!(problems.contains("TLS=auto"), "{problems}");
        }
        let local = |url| Config::of(&[("TLS", "local"), ("PUBLIC_URL", url)]);
        for url in ["", "https://192.168.1.5:8443", "https://[fd12::1]", "https://chat.lan"] {
            assert!(local(url).is_ok(), "{url}");
        }
        for url in ["https://192.0.2.7", "https://chat.example.org", "https://box"] {
            let problems = local(url).expect_err(url).to_string();
            assert!(problems.contains("TLS=local vouches for"), "{problems}");
        }
        let problems = Config::of(&files[..2]).expect_err("no key").to_string();
        assert!(problems.contains("TLS=files needs TLS_KEY"), "{problems}");
    }

    #[test]
    fn what_belongs_together_is_missed_and_no_secret_told() {
        let key = [("S3_ACCESS_KEY_ID", "AKIAX"), ("S3_SECRET_ACCESS_KEY", "geheim")];
        let whole = [key[0], key[1], ("OBJECTS", "s3"), ("S3_BUCKET", "wechat")];
        let backup = ("BACKUP_TO", "s3://wechat/a");
        assert!(Config::of(&whole).is_ok());
        assert!(Config::of(&[key[0], key[1], backup]).is_ok());
        assert!(Config::of(&[&whole[..], &[backup, ("S3_PREFIX", "a")]].concat()).is_ok());
        let with = |more: &[(&'static str, &'static str)]| [&whole, more].concat();
        for (pairs, words) in [
            (vec![("OBJECTS", "s3")], "S3_BUCKET and S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY"),
            (vec![key[0], key[1], ("OBJECTS", "s3")], "needs S3_BUCKET beside it"),
            (vec![key[1]], "Add OBJECTS=s3 and S3_BUCKET, or BACKUP_TO=s3://BUCKET/PREFIX"),
            (vec![("S3_BUCKET", "wechat")], "Add OBJECTS=s3, or take S3_BUCKET out"),
            (vec![backup], "needs S3_ACCESS_KEY_ID and S3_SECRET_ACCESS_KEY beside it"),
            (vec![backup, key[0]], "BACKUP_TO=s3://wechat/a needs S3_SECRET_ACCESS_KEY"),
            (vec![backup, key[0], key[1], ("S3_BUCKET", "x-y")], "take S3_BUCKET out"),
            (vec![backup, ("DB_URI", "mongodb://127.0.0.1")], "take BACKUP_TO out"),
            (with(&[backup, ("S3_PREFIX", "a/backups")]), "are one place"),
            (
                vec![
                    backup,
                    key[0],
                    key[1],
                    ("S3_ENDPOINT", "http://[::1]:9000"),
                    ("S3_PATH_STYLE", "off"),
                ],
                "S3_PATH_STYLE=on",
            ),
            (with(&[("DEV", "on")]), "Take OBJECTS out, or DEV"),
            (
                with(&[("S3_ENDPOINT", "http://[::1]:9000"), ("S3_PATH_STYLE", "off")]),
                "S3_PATH_STYLE=on",
            ),
        ] {
            let problems = Config::of(&pairs).expect_err(words).to_string();
            assert!(problems.contains(words), "{problems}");
            assert!(!problems.contains("geheim"), "{problems}");
        }
        assert!(!format!("{:?}", Config::of(&whole)).contains("geheim"));
    }
}
