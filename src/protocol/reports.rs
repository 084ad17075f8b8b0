//! Reports on the wire: what somebody sends, and what they hear of it.
//!
//! Called by `http` and by the frames of events.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{Id, Moment, both_ways};
use crate::core::reports::NewReport;
use crate::error::{Error, Result, Text};
use crate::model::reports::{self, Note, ReportState, Subject};

const ONE_THING: Text = Text {
    en: "Name one thing: a user, a group, or a chat with the seq of a message in it.",
    es: "Indica una sola cosa: un usuario, un grupo, o un chat con el seq de uno de sus mensajes.",
};

/// Why something is reported.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
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

both_ways!(Reason reports::Reason: Spam Fraud Harassment Hate Violence Sexual Impersonation Other);

/// Whether a report was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It was, and something was done.
    Upheld,
    /// It was not.
    Dismissed,
}

both_ways!(Verdict reports::Verdict: Upheld Dismissed);

/// How far a report has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// Nobody has looked at it yet.
    Open,
    /// Somebody looks into it.
    Taken,
    /// It is decided.
    Answered,
}

both_ways!(Stage reports::Stage: Open Taken Answered);

/// Reports a person, a group, or a message: one of them.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeReport {
    /// Reports this person.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Id>,
    /// Reports this group, as such.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Id>,
    /// The chat of a message; with `seq`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<Id>,
    /// Which message of the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Why.
    pub reason: Reason,
    /// What else there is to say: at most 1,500 characters.
    #[serde(default)]
    #[schema(max_length = 1500)]
    pub note: String,
}

impl MakeReport {
    /// What it means.
    pub fn read(self) -> Result<NewReport> {
        let subject = match (self.user, self.group, self.chat, self.seq) {
            (Some(user), None, None, None) => Subject::Person(user.into()),
            (None, Some(group), None, None) => Subject::Group(group.into()),
            (None, None, Some(chat), Some(seq)) => Subject::Message(chat.into(), seq),
            _ => return Err(Error::field("user", ONE_THING)),
        };
        let note = Note::parse("note", &self.note)?;
        Ok(NewReport { subject, reason: self.reason.into(), note })
    }
}

/// A report of the caller's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Report {
    /// Which one.
    pub id: Id,
    /// The person that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub user: Option<Id>,
    /// The group that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<Id>,
    /// The chat of the message that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chat: Option<Id>,
    /// Which message of the chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub seq: Option<u64>,
    /// Why.
    pub reason: Reason,
    /// What else was said.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
    /// What the person, the author of the message, or the group was called.
    pub name: String,
    /// When.
    pub created: Moment,
    /// How far it has come.
    pub state: Stage,
    /// How it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verdict: Option<Verdict>,
    /// What those who run the server say to it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub word: String,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered: Option<Moment>,
    /// Grows with each step: of two rows with one id, the one with the higher version holds.
    pub version: u64,
}

impl From<reports::Report> for Report {
    fn from(report: reports::Report) -> Self {
        let (user, group, chat, seq) = match report.subject {
            Subject::Person(user) => (Some(user.into()), None, None, None),
            Subject::Group(group) => (None, Some(group.into()), None, None),
            Subject::Message(chat, seq) => (None, None, Some(chat.into()), Some(seq)),
        };
        let state = report.state.stage().into();
        let answered = report.state.answered().map(Moment);
        let (verdict, word) = match report.state {
            ReportState::Answered { verdict, word, .. } => (Some(verdict.into()), word),
            ReportState::Open | ReportState::Taken(_) => (None, Note::default()),
        };
        Self {
            id: report.id.into(),
            user,
            group,
            chat,
            seq,
            reason: report.reason.into(),
            note: report.note.into_string(),
            name: report.evidence.name,
            created: report.created.into(),
            state,
            verdict,
            word: word.into_string(),
            answered,
            version: report.version,
        }
    }
}

/// The caller's own reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reports {
    /// Latest first, at most 200.
    pub reports: Vec<Report>,
}

/// A report as operators see it, with the copy of what it is about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatedReport {
    /// As its maker sees it.
    pub report: Report,
    /// Who made it; absent: their account was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Id>,
    /// The person, or the author of the message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<Id>,
    /// What a person or a group said of itself, or the text of the message, as it was.
    pub text: String,
    /// The names of the message's files.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<String>,
    /// When the message was sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Moment>,
    /// The operator who took or answered it; absent: nobody, or the person at the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub handled_by: Option<Id>,
}

impl From<reports::Report> for OperatedReport {
    fn from(report: reports::Report) -> Self {
        let handled = match &report.state {
            ReportState::Open => None,
            ReportState::Taken(handled) | ReportState::Answered { handled, .. } => Some(*handled),
        };
        let evidence = report.evidence.clone();
        Self {
            by: report.by.map(Id::from),
            author: evidence.author.map(Id::from),
            text: evidence.text,
            files: evidence.files,
            sent: evidence.sent.map(Moment),
            handled_by: handled.and_then(|handled| handled.by).map(Id::from),
            report: report.into(),
        }
    }
}

/// A page of reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OperatedReports {
    /// Oldest first.
    pub reports: Vec<OperatedReport>,
    /// What to send as `after` for the next page; absent when there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

/// Decides a report.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerReport {
    /// Whether it was right.
    pub verdict: Verdict,
    /// What whoever made it is told: at most 1,500 characters.
    #[serde(default)]
    #[schema(max_length = 1500)]
    pub word: String,
}
