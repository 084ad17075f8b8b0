//! A report: all but what stores search by, which are its id, who made it, when, its version, and
//! its stage.

use serde::{Deserialize, Serialize};

use super::broken;
use super::values::{At, Id};
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::reports::{
    Evidence, Handled, Note, Reason, Report, ReportState, Subject, Verdict,
};

/// What was told, of what, and how far it has come.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportForm {
    /// A person, or nobody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<Id>,
    /// A group, or the chat of a message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    reason: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    note: String,
    evidence: EvidenceForm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    handled: Option<HandledForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    answer: Option<AnswerForm>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EvidenceForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author: Option<Id>,
    name: String,
    text: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    sent: Option<At>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct HandledForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Id>,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AnswerForm {
    upheld: bool,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    word: String,
}

const REASONS: [(Reason, &str); 8] = [
    (Reason::Spam, "spam"),
    (Reason::Fraud, "fraud"),
    (Reason::Harassment, "harassment"),
    (Reason::Hate, "hate"),
    (Reason::Violence, "violence"),
    (Reason::Sexual, "sexual"),
    (Reason::Impersonation, "impersonation"),
    (Reason::Other, "other"),
];

impl From<&Report> for ReportForm {
    fn from(report: &Report) -> Self {
        let (user, chat, seq) = match report.subject {
            Subject::Person(user) => (Some(Id(user.0)), None, None),
            Subject::Group(chat) => (None, Some(Id(chat.0)), None),
            Subject::Message(chat, seq) => (None, Some(Id(chat.0)), Some(seq)),
        };
        let reason = REASONS.iter().find(|row| row.0 == report.reason).map_or("other", |row| row.1);
        let (handled, answer) = steps(&report.state);
        let Evidence { author, name, text, files, sent } = report.evidence.clone();
        let evidence = EvidenceForm {
            author: author.map(|id| Id(id.0)),
            name,
            text,
            files,
            sent: sent.map(At),
        };
        Self {
            user,
            chat,
            seq,
            reason: reason.into(),
            note: report.note.as_str().into(),
            evidence,
            handled,
            answer,
        }
    }
}

fn steps(state: &ReportState) -> (Option<HandledForm>, Option<AnswerForm>) {
    let of = |handled: &Handled| {
        Some(HandledForm { by: handled.by.map(|id| Id(id.0)), at: At(handled.at) })
    };
    match state {
        ReportState::Open => (None, None),
        ReportState::Taken(handled) => (of(handled), None),
        ReportState::Answered { handled, verdict, word } => {
            let upheld = *verdict == Verdict::Upheld;
            (of(handled), Some(AnswerForm { upheld, word: word.as_str().into() }))
        }
    }
}

/// What of a report is not in its form.
#[derive(Debug, Clone, Copy)]
pub struct Outside {
    /// Follows from who made it and of what.
    pub id: crate::id::ReportId,
    /// Who made it.
    pub by: Option<UserId>,
    /// When.
    pub created: crate::clock::Time,
    /// Grows with each step.
    pub version: u64,
}

impl ReportForm {
    /// The report that was stored.
    pub fn report(self, outside: Outside) -> Result<Report> {
        let subject = match (self.user, self.chat, self.seq) {
            (Some(user), None, None) => Subject::Person(UserId(user.0)),
            (None, Some(chat), None) => Subject::Group(ChatId(chat.0)),
            (None, Some(chat), Some(seq)) => Subject::Message(ChatId(chat.0), seq),
            _ => return Err(broken("report")),
        };
        let reason = REASONS.iter().find(|row| row.1 == self.reason);
        let handled =
            self.handled.map(|form| Handled { by: form.by.map(|id| UserId(id.0)), at: form.at.0 });
        let state = match (handled, self.answer) {
            (None, None) => ReportState::Open,
            (Some(handled), None) => ReportState::Taken(handled),
            (Some(handled), Some(AnswerForm { upheld, word })) => ReportState::Answered {
                handled,
                verdict: if upheld { Verdict::Upheld } else { Verdict::Dismissed },
                word: Note::stored(word),
            },
            (None, Some(_)) => return Err(broken("report")),
        };
        let EvidenceForm { author, name, text, files, sent } = self.evidence;
        let author = author.map(|id| UserId(id.0));
        Ok(Report {
            id: outside.id,
            by: outside.by,
            subject,
            reason: reason.ok_or_else(|| broken("report"))?.0,
            note: Note::stored(self.note),
            evidence: Evidence { author, name, text, files, sent: sent.map(|at| at.0) },
            created: outside.created,
            state,
            version: outside.version,
        })
    }
}
