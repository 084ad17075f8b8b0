//! One row of the table of settings: all there is to know about a setting except its type. The rows
//! are in `settings`; `sources`, `documents` and the command line read them.

/// The files that hold settings, in the working directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum File {
    /// `.env`: the server.
    Env,
    /// `.env_db`: the database.
    EnvDb,
}

impl File {
    /// Both, in the order in which they are read.
    pub const ALL: [Self; 2] = [Self::Env, Self::EnvDb];

    /// What it is called in the working directory.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Env => ".env",
            Self::EnvDb => ".env_db",
        }
    }
}

/// What people may see of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Secrecy {
    /// All of it.
    Open,
    /// A URL without its user name and password. Such a setting has no flag, since everybody on a
    /// machine sees the flags of its processes.
    Url,
    /// None of it. Such a setting has no flag either.
    Whole,
}

/// One row of the table: all there is to know about a setting except its type.
#[derive(Debug)]
pub struct Setting {
    /// Its name in the files and in the environment.
    pub key: &'static str,
    /// The file that it belongs in.
    pub file: File,
    /// The heading that it appears under.
    pub group: &'static str,
    /// The value when none is given; empty where `unset` says what happens then.
    pub default: &'static str,
    /// What an absent value means, where there is no default.
    pub unset: &'static str,
    /// A value to start from, in the examples.
    pub example: &'static str,
    /// What people may see of it.
    pub secrecy: Secrecy,
    /// What it does, line by line, each with a leading space.
    pub lines: &'static [&'static str],
}

impl Setting {
    /// Its flag without the dashes: `data-dir` for `DATA_DIR`. Secret ones have none.
    pub fn flag(&self) -> Option<String> {
        let open = self.secrecy == Secrecy::Open;
        open.then(|| self.key.to_ascii_lowercase().replace('_', "-"))
    }

    /// Whether it is a switch, so that its flag alone means on.
    pub fn is_switch(&self) -> bool {
        [self.default, self.example].iter().all(|value| ["on", "off"].contains(value))
    }

    /// What it does, in one line.
    pub fn text(&self) -> String {
        self.lines.iter().map(|line| line.trim()).collect::<Vec<_>>().join(" ")
    }
}
