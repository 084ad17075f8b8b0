//! Mail: one trait; by SMTP, into a local folder, or kept in memory for tests.
//!
//! Called by `core::auth` and `core::missed`, which never wait for a server: mails are queued here
//! and sent in the background.

pub mod folder;
pub mod letters;
pub mod memory;
pub mod smtp;

use std::fmt;

use futures_util::future::BoxFuture;

use crate::clock::Time;
use crate::error::{Language, Result};
use crate::model::door::Refusal;
use crate::model::text::Email;

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

/// What a mail says. `Debug` tells neither a code nor the people whom it names.
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
    /// Somebody asked for an account and is not let in.
    NotLetIn {
        /// What the mail says in place of a code.
        why: Refusal,
    },
    /// Somebody logged in on a device and from a network that are new to the account.
    NewDevice {
        /// What the device calls itself; nobody has checked it.
        device: String,
        /// When.
        at: Time,
    },
    /// The code that gives an account this address.
    MoveCode {
        /// Six digits.
        code: String,
    },
    /// Somebody wanted to give their account this address, which has another.
    MoveTaken,
    /// To the address of an account that is about to get another one.
    Moving {
        /// The other one.
        to: Email,
        /// What a link shows that stops it; a secret of whoever gets the mail.
        stay: String,
    },
    /// An account has another address now.
    Moved {
        /// Which one.
        to: Email,
        /// Who did it.
        by: MovedBy,
    },
    /// The code that makes recovery codes.
    RecoveryCode {
        /// Six digits.
        code: String,
    },
    /// An account has new recovery codes.
    RecoveryMade {
        /// Since when.
        at: Time,
        /// What a link shows that voids them; a secret of whoever gets the mail.
        stay: String,
    },
    /// Somebody logged in with a recovery code.
    Recovered {
        /// What the device calls itself; nobody has checked it.
        device: String,
        /// When.
        at: Time,
        /// How many codes are left; `None`: that could not be read.
        left: Option<usize>,
        /// What a link shows that voids these and logs out everywhere; a secret of whoever gets
        /// the mail.
        stay: String,
    },
    /// What somebody missed while nothing else reached them.
    Missed {
        /// How many messages.
        total: u64,
        /// In which chats, the latest first; none where nobody is to be named.
        chats: Vec<MissedChat>,
        /// What a link shows that stops these mails; a secret of whoever gets the mail.
        stop: String,
    },
}

/// Who gave an account another address.
#[derive(Clone, PartialEq, Eq)]
pub enum MovedBy {
    /// Somebody who was logged in to it.
    Owner {
        /// What a link shows that takes the account back; a secret of whoever gets the mail.
        stay: String,
    },
    /// Whoever runs the server, asked by the person.
    Operator,
    /// Whoever reads mail at its earlier address took it back.
    Link,
}

/// What somebody missed in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissedChat {
    /// What it is called: a group's title, or the other person's name.
    pub title: String,
    /// How many messages.
    pub count: u32,
    /// There are more than were counted.
    pub is_full: bool,
    /// The latest of them, where texts may be told.
    pub last: Option<String>,
}

impl Letter {
    /// Its code, if it brings one: six digits.
    pub fn code(&self) -> Option<&str> {
        match self {
            Self::SignUpCode { code }
            | Self::LoginCode { code }
            | Self::AlreadySignedUp { code }
            | Self::MoveCode { code }
            | Self::RecoveryCode { code } => Some(code),
            Self::NotLetIn { .. }
            | Self::NewDevice { .. }
            | Self::MoveTaken
            | Self::Moving { .. }
            | Self::Moved { .. }
            | Self::RecoveryMade { .. }
            | Self::Recovered { .. }
            | Self::Missed { .. } => None,
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
            Self::NotLetIn { .. } => "NotLetIn",
            Self::NewDevice { .. } => "NewDevice",
            Self::MoveCode { .. } => "MoveCode",
            Self::MoveTaken => "MoveTaken",
            Self::Moving { .. } => "Moving",
            Self::Moved { .. } => "Moved",
            Self::RecoveryCode { .. } => "RecoveryCode",
            Self::RecoveryMade { .. } => "RecoveryMade",
            Self::Recovered { .. } => "Recovered",
            Self::Missed { .. } => "Missed",
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
    /// Its subject line, as people read it.
    pub subject: String,
    /// Its text part.
    pub text: String,
    /// The code in it; empty where there is none.
    pub code: String,
}

/// What a person at the server's machine reads mails from.
pub trait Mailbox: Send + Sync {
    /// The latest mails since the server started, latest first; at most `SHOWN`.
    fn latest(&self) -> Vec<Received>;
}

/// How many mails a mailbox shows.
pub const SHOWN: usize = 50;

/// Whom a place in the queue is for: strangers' sign-ups never take all of them, and neither do
/// strangers who ask for login codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rank {
    /// What can wait for the next minute: it takes a place as a sign-up does, and leaves half of
    /// these to them.
    Waits,
    /// A sign-up, by anybody.
    SignUp,
    /// A login code that anybody asks for.
    LogIn,
    /// What concerns an account, from where it was logged in to before.
    Known,
}

/// A place in the queue: one mail can be sent, or none.
pub struct Place(Box<dyn FnOnce(Mail) + Send>);

impl Place {
    /// A place that sends in this way.
    pub fn new(send: impl FnOnce(Mail) + Send + 'static) -> Self {
        Self(Box::new(send))
    }

    /// Sends a mail and returns at once. What goes wrong is logged, not told, so that nobody learns
    /// from it whether there was a mail.
    pub fn send(self, mail: Mail) {
        (self.0)(mail);
    }
}

/// Sends mails.
pub trait Mailer: Send + Sync {
    /// Takes a place in the queue, before it is known whether there will be a mail. Fails with
    /// `MailFailed` when this rank has no place left.
    fn place(&self, rank: Rank) -> Result<Place>;

    /// Waits until nothing is queued. The caller bounds the time.
    fn drain(&self) -> BoxFuture<'_, ()>;
}
