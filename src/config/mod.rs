//! Settings: the one table of all of them, and reading it from files, environment and flags.
//!
//! Invariant: a `Config` that exists is valid. Invariant: nothing here reveals a secret, neither in
//! an error nor through `Debug`. Nothing is exported into the process's environment.
//!
//! Also the data folder: its lock and the server's own secrets. Called by `cli` and `app`.

pub mod backups;
pub mod brand;
pub mod color;
pub mod settings;
pub mod values;

mod calls;
mod check;
mod door;
mod env_file;
mod hidden;
mod objects;
mod push;
mod retired;
mod row;
mod smtp_url;
mod sources;
mod strangers;
mod tls;
mod url_ca;

pub mod data_dir;
pub mod documents;
pub mod kept;
pub mod private;
pub mod secrets;

use std::fmt;
use std::path::{Path, PathBuf};

use lettre::message::Mailbox;

pub use data_dir::DataDir;
pub use secrets::{MachineKey, Secrets};
pub use settings::Config;
pub use smtp_url::{SmtpUrl, Tls};
pub use sources::{Given, Origin, Problem, Values};

use brand::Brand;
use settings::SETTINGS;
use values::{Sender, StrangersMode};

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

impl Default for Values {
    /// The defaults of the table.
    fn default() -> Self {
        Self::new(SETTINGS)
    }
}

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
        let mut values = Values::default();
        values.add_flags(pairs.iter().map(|(key, text)| ((*key).to_owned(), (*text).to_owned())));
        Self::from_values(&mut values)
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

    /// The relay's UDP and TCP port, and its TLS port. A server on any free port takes any free
    /// ones for its relay too.
    pub fn turn_ports(&self) -> (u16, u16) {
        let usual = |port| if self.port == 0 { 0 } else { port };
        (self.turn_port.unwrap_or(usual(3478)), self.turn_tls_port.unwrap_or(usual(5349)))
    }

    /// The port for HTTPS, if this server speaks it. One on any free port takes any free one.
    pub fn tls_port(&self) -> Option<u16> {
        let usual = if self.port == 0 { 0 } else { 443 };
        self.tls.is_on().then(|| self.port_tls.unwrap_or(usual))
    }

    /// Where mails go while there is no mail server.
    pub fn mail_dir(&self) -> PathBuf {
        self.mail_dir.clone().unwrap_or_else(|| self.data_dir.join("mail"))
    }

    /// Where pushes go while they are not sent.
    pub fn push_dir(&self) -> PathBuf {
        self.push_dir.clone().unwrap_or_else(|| self.data_dir.join("push"))
    }

    /// How the server is called and looks. Reads the picture; the error says what is wrong with it.
    pub fn brand(&self) -> Result<Brand, String> {
        Brand::read(self.name.clone(), self.logo.as_deref(), self.accent)
    }

    /// Who mails come from: with the server's name, unless the operator gave the sender another.
    pub fn mail_from(&self) -> Sender {
        let given = self.mail_from.as_ref().map(|Sender(mailbox)| mailbox.clone());
        // invariant: this text is an address; a test reads it.
        let address = || Mailbox::new(None, "no-reply@localhost".parse().expect("an address"));
        let mut mailbox = given.unwrap_or_else(address);
        mailbox.name.get_or_insert_with(|| self.name.as_str().to_owned());
        Sender(mailbox)
    }

    /// Whether people reach the server from elsewhere by a public address: then nothing is for
    /// people who seem to sit at the machine, who may be behind a proxy on it.
    pub fn is_public(&self) -> bool {
        self.public_url.as_ref().is_some_and(|url| !url.is_this_machine())
    }

    /// What there is to say of a server that anybody on the Internet can sign up with: that it is
    /// so, and the cure, for whom it is not right.
    pub fn open_door(&self) -> Option<&'static str> {
        let is_open = self.sign_up == values::SignUp::Open && self.sign_up_domains.0.is_empty();
        (is_open && self.is_public()).then_some(
            "Anybody may create an account. If this is not for everybody, set SIGN_UP=invited or \
             closed, or SIGN_UP_DOMAINS.",
        )
    }

    /// What strangers may do. Unless it is set, everything where only this machine reaches the
    /// server, and among demo people; else they ask.
    pub fn strangers(&self) -> StrangersMode {
        let is_alone = self.host.is_loopback() && !self.is_public() || self.dev;
        let unset = if is_alone { StrangersMode::Everyone } else { StrangersMode::Requests };
        self.strangers.unwrap_or(unset)
    }

    /// What there is to say of a server on which strangers have to ask because nothing else was
    /// set.
    pub fn asking_strangers(&self) -> Option<&'static str> {
        let asks = self.strangers() == StrangersMode::Requests;
        (asks && self.strangers.is_none()).then_some(
            "People who are no contacts have to ask before they can call each other or send files. \
             To let everybody do so, set STRANGERS=everyone.",
        )
    }

    /// The address under which people reach a server whose pages are on `port`, the one for HTTPS
    /// if it speaks that; without a slash at its end.
    pub fn public_url(&self, port: u16) -> String {
        match (&self.public_url, self.tls.is_on()) {
            (Some(url), _) => url.to_string(),
            (None, false) => format!("http://localhost:{port}"),
            (None, true) => values::https_origin("localhost", port),
        }
    }
}

#[cfg(test)]
mod tests;
