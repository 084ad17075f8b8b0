//! Reports: what somebody tells the people who run the server about a person, a group or a message,
//! and what becomes of it.
//!
//! Invariant: a report holds a copy of what it is about, so that it can be judged when that was
//! changed or deleted since; and only of that, since whoever runs the server does not read chats.

use std::time::Duration;

use crate::clock::Time;
use crate::error::{Error, Result, Text};
use crate::id::{ChatId, ReportId, UserId};

/// At most this many characters in a note, and in the word of an answer.
pub const NOTE_CHARS: usize = 1_500;
/// Somebody may make at most so many reports a day.
pub const REPORTS_A_DAY: u32 = 20;
/// At most so many of one's own reports are listed, the latest.
pub const REPORTS_LISTED: u32 = 200;
/// An answered report is kept so long.
pub const REPORT_KEPT: Duration = Duration::from_secs(365 * 24 * 60 * 60);

const TOO_LONG: Text = Text {
    en: "This can have at most {} characters.",
    es: "Como máximo {} caracteres, por favor.",
};

/// What is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subject {
    /// What somebody is called, says of themself, or does.
    Person(UserId),
    /// What a group is called, or is for.
    Group(ChatId),
    /// A message, by its chat and seq.
    Message(ChatId, u64),
}

/// Why.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    /// Advertising, or the same again and again.
    Spam,
    /// Wants money or passwords by deceit.
    Fraud,
    /// Insults, threats, follows somebody around.
    Harassment,
    /// Hatred of people for what they are.
    Hate,
    /// Violence, or a call for it.
    Violence,
    /// Sexual content that nobody asked for, or of children.
    Sexual,
    /// Says that they are somebody else.
    Impersonation,
    /// The note says what.
    Other,
}

/// A few lines of at most `NOTE_CHARS` characters, which may be empty.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Note(String);

impl Note {
    /// Checks a note. Nobody but who runs the server, or who reported, reads it.
    pub fn parse(field: &'static str, text: &str) -> Result<Self> {
        if text.chars().count() > NOTE_CHARS {
            return Err(Error::field(field, TOO_LONG).arg(NOTE_CHARS.to_string()));
        }
        let kept = |c: &char| !c.is_control() || *c == '\n';
        Ok(Self(text.trim().chars().filter(kept).collect()))
    }

    /// A note that was checked before it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The text, without copying it.
    pub fn into_string(self) -> String {
        self.0
    }
}

/// The thing as it was when it was reported.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Evidence {
    /// The person, or the author of the message; nobody of a group.
    pub author: Option<UserId>,
    /// What the person, the author, or the group was called.
    pub name: String,
    /// What a person or a group said of itself, or the text of a message.
    pub text: String,
    /// The names of a message's files.
    pub files: Vec<String>,
    /// When a message was sent.
    pub sent: Option<Time>,
}

/// Whether the report was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict {
    /// It was, and something was done.
    Upheld,
    /// It was not.
    Dismissed,
}

/// Who did something to a report, and when; nobody is the person at the server's machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handled {
    /// The operator.
    pub by: Option<UserId>,
    /// When.
    pub at: Time,
}

/// How far a report has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReportState {
    /// Nobody has looked at it yet.
    Open,
    /// Somebody looks into it.
    Taken(Handled),
    /// It is decided.
    Answered {
        /// By whom, and when.
        handled: Handled,
        /// How.
        verdict: Verdict,
        /// What whoever reported is told.
        word: Note,
    },
}

/// The same without what goes with it: by this reports are looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Stage {
    /// `ReportState::Open`.
    Open,
    /// `ReportState::Taken`.
    Taken,
    /// `ReportState::Answered`.
    Answered,
}

impl ReportState {
    /// How far that is, without who, when and how.
    pub const fn stage(&self) -> Stage {
        match self {
            Self::Open => Stage::Open,
            Self::Taken(_) => Stage::Taken,
            Self::Answered { .. } => Stage::Answered,
        }
    }

    /// When it was answered, if it was.
    pub const fn answered(&self) -> Option<Time> {
        match self {
            Self::Answered { handled, .. } => Some(handled.at),
            Self::Open | Self::Taken(_) => None,
        }
    }
}

/// What somebody told about a person, a group or a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Follows from who reports what, under a key of the server: one a person and thing.
    pub id: ReportId,
    /// Who; nobody once their account was deleted.
    pub by: Option<UserId>,
    /// About what.
    pub subject: Subject,
    /// Why.
    pub reason: Reason,
    /// What else they said.
    pub note: Note,
    /// The thing as it was.
    pub evidence: Evidence,
    /// When.
    pub created: Time,
    /// How far it has come.
    pub state: ReportState,
    /// Grows with each step, from 1.
    pub version: u64,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_keeps_its_lines_and_nothing_that_steers_a_terminal() {
        let note = |text: &str| Note::parse("note", text).map(Note::into_string);
        assert_eq!(note(" uno\n\u{1b}[2Jdos\u{7} ").expect("fits"), "uno\n[2Jdos");
        assert_eq!(note("").expect("may be empty"), "");
        assert!(note(&"x".repeat(NOTE_CHARS)).is_ok());
        assert!(note(&"x".repeat(NOTE_CHARS + 1)).is_err());
    }
}
