//! Settings: the one table of all of them, and reading it from files, environment and flags.
//!
//! Invariant: a `Config` that exists is valid. Invariant: nothing here tells a secret, neither in
//! an error nor by `Debug`. Nothing is exported into the process's environment.
//!
//! Also the data folder: its lock and the server's own secrets. Called by `cli` and `app`.

pub mod settings;
pub mod values;

mod calls;
mod env_file;
mod objects;
mod retired;
mod smtp_url;
mod sources;

pub mod data_dir;
pub mod documents;
pub mod secrets;

use std::fmt;
use std::path::{Path, PathBuf};

pub use data_dir::DataDir;
pub use secrets::{MachineKey, Secrets};
pub use settings::Config;
pub use smtp_url::{SmtpUrl, Tls};
pub use sources::{Origin, Problem, Values};

use values::Sender;

/// All that is wrong with the settings, one problem a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problems(Vec<Problem>);

impl fmt::Display for Problems {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let lines: Vec<_> = self.0.iter().map(Problem::to_string).collect();
        f.write_str(&lines.join("\n"))
    }
}

impl std::error::Error for Problems {}

impl Config {
    /// The settings for a working directory: its files, the process's environment, and flags by
    /// their settings' keys. Answers the values too, for a report of their origins.
    pub fn load(
        folder: &Path,
        flags: impl IntoIterator<Item = (String, String)>,
    ) -> Result<(Self, Values), Problems> {
        let mut values = Values::default();
        values.add_files(folder);
        values.add_environment(|key| std::env::var_os(key));
        values.add_flags(flags);
        Ok((Self::from_values(&mut values)?, values))
    }

    /// These settings and the defaults, nothing else: for servers that a program starts.
    pub fn of(pairs: &[(&str, &str)]) -> Result<Self, Problems> {
        Self::from_values(&mut Values::of(pairs))
    }

    fn from_values(values: &mut Values) -> Result<Self, Problems> {
        let mut config = settings::read(values);
        if let Some(config) = &mut config {
            config.check_together(values);
            if config.dev {
                config.data_dir.push("dev");
            }
        }
        match config {
            Some(config) if values.problems().is_empty() => Ok(config),
            _ => Err(Problems(values.problems().to_vec())),
        }
    }

    /// What no value shows alone.
    fn check_together(&self, values: &mut Values) {
        if self.smtp_url.is_some() && self.mail_from.is_none() {
            let place = values.place("SMTP_URL");
            values.note(format!(
                "{place}: SMTP_URL needs MAIL_FROM beside it, the sender that the mail server \
                 accepts. Add for example MAIL_FROM=WeChat <no-reply@example.org>."
            ));
        }
        if self.dev && self.db_uri.is_some() {
            let place = values.place("DEV");
            values.note(format!(
                "{place}: DEV=on keeps its demo people in DATA_DIR/dev, never in a database. Take \
                 DB_URI out, or DEV."
            ));
        }
        self.check_database(values);
        self.check_calls(values);
        self.check_objects(values);
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

    /// The relay's UDP and TCP port, and its TLS port. A server on any free port takes any free
    /// ones for its relay too.
    pub fn turn_ports(&self) -> (u16, u16) {
        let usual = |port| if self.port == 0 { 0 } else { port };
        (self.turn_port.unwrap_or(usual(3478)), self.turn_tls_port.unwrap_or(usual(5349)))
    }

    /// Where mails go while there is no mail server.
    pub fn mail_dir(&self) -> PathBuf {
        self.mail_dir.clone().unwrap_or_else(|| self.data_dir.join("mail"))
    }

    /// Who mails come from.
    pub fn mail_from(&self) -> Sender {
        // invariant: this text is a sender; a test reads it.
        let default = || Sender::parse("WeChat <wechat@localhost>").expect("a sender");
        self.mail_from.clone().unwrap_or_else(default)
    }

    /// Whether people reach the server from elsewhere by a public address: then nothing is for
    /// whoever seems to sit at the machine, who may be behind a proxy on it.
    pub fn is_public(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| !url.is_this_machine())
    }

    /// The address under which people reach a server that listens on `port`, without a slash at
    /// its end.
    pub fn public_url(&self, port: u16) -> String {
        match &self.public_url {
            Some(url) => url.to_string(),
            None => format!("http://localhost:{port}"),
        }
    }
}

#[cfg(test)]
mod tests;
