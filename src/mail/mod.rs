//! Mail: one trait; by SMTP, into a local folder, or kept in memory for tests.
//!
//! Called by `core::auth`, which never waits for a server: mails are queued here and sent behind.

use crate::core::types::text::Email;
use crate::error::{Language, Result};

/// A mail to a person, by what it says; its words and looks are the adapter's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mail {
    /// To whom.
    pub to: Email,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub letter: Letter,
}

/// What a mail says.
#[derive(Debug, Clone, PartialEq, Eq)]
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

/// Sends mails.
pub trait Mailer: Send + Sync {
    /// Queues a mail and returns at once. Fails with `MailFailed` when the queue is full.
    fn queue(&self, mail: Mail) -> Result<()>;
}
