//! Mail: one trait; by SMTP, into a local folder, or kept in memory for tests.
//!
//! Called by `core::auth`, which never waits for a server: mails are queued here and sent behind.

pub mod folder;
pub mod letters;
pub mod memory;
pub mod smtp;

use std::fmt;

use futures_util::future::BoxFuture;

use crate::clock::Time;
use crate::core::types::text::Email;
use crate::error::{Language, Result};

/// A mail to a person, by what it says; its words and looks are the adapter's. `Debug` tells
/// neither address nor code.
#[derive(Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Email,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub letter: Letter,
}

/// What a mail says. `Debug` does not tell the code.
#[derive(Clone, PartialEq, Eq)]
pub enum Letter {
    /// The code that verifies a new account.
    SignUpCode {
        /// Six digits.
        code: String,
    },
    /// The code that opens a session.
    LoginCode {
        /// Six digits.
        code: String,
    },
    /// Somebody wanted to sign up with an address that has an account; here is a code to log in.
    AlreadySignedUp {
        /// Six digits.
        code: String,
    },
}

impl Letter {
    /// Its code: six digits.
    pub fn code(&self) -> &str {
        match self {
            Self::SignUpCode { code }
            | Self::LoginCode { code }
            | Self::AlreadySignedUp { code } => code,
        }
    }
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mail({:?}, {:?})", self.language, self.letter)
    }
}

impl fmt::Debug for Letter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::SignUpCode { .. } => "SignUpCode",
            Self::LoginCode { .. } => "LoginCode",
            Self::AlreadySignedUp { .. } => "AlreadySignedUp",
        })
    }
}

/// A mail that stays on the server's machine, as a person reads it there. `Debug` is not there: it
/// holds a code.
#[derive(Clone, PartialEq, Eq)]
pub struct Received {
    /// When it was written.
    pub sent: Time,
    /// To whom.
    pub to: String,
    /// Its subject.
    pub subject: String,
    /// Its text part.
    pub text: String,
    /// The code in it.
    pub code: String,
}

/// What a person at the server's machine reads mails from.
pub trait Mailbox: Send + Sync {
    /// The latest mails since the server started, latest first; at most `SHOWN`.
    fn latest(&self) -> Vec<Received>;
}

/// How many mails a mailbox shows.
pub const SHOWN: usize = 50;

/// Sends mails.
pub trait Mailer: Send + Sync {
    /// Queues a mail and returns at once. Fails with `MailFailed` when the queue is full.
    fn queue(&self, mail: Mail) -> Result<()>;

    /// Waits until nothing is queued. The caller bounds the time.
    fn drain(&self) -> BoxFuture<'_, ()>;
}
