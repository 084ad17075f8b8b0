//! An act of an operator: its name, and whatever goes with that.

use serde::{Deserialize, Serialize};

use super::broken;
use super::values::Id;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, InvitationId, ReportId, UserId};
use crate::model::door::Invitation;
use crate::model::operators::Act;
use crate::model::reports::{Note, Verdict};
use crate::model::text::Email;

/// How an act is kept.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ActForm {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    why: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    invitation: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    expires: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    uses: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    group: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    version: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    upheld: Option<bool>,
}

impl From<&Act> for ActForm {
    fn from(act: &Act) -> Self {
        let user = act.user().map(|user| Id(user.0));
        let form = Self { name: act.name().into(), user, ..Self::default() };
        match act {
            Act::Suspend { until, why, .. } => {
                Self { until: until.map(Time::millis), why: Some(why.clone()), ..form }
            }
            Act::Move { to, .. } => Self { to: Some(to.as_str().to_owned()), ..form },
            Act::DeleteGroup { chat } => Self { chat: Some(Id(chat.0)), ..form },
            Act::EndInvitation { id } => Self { invitation: Some(Id(id.0)), ..form },
            Act::Invite(made) => Self {
                invitation: Some(Id(made.id.0)),
                by: made.by.map(|by| Id(by.0)),
                created: Some(made.created.millis()),
                expires: Some(made.expires.millis()),
                uses: Some(made.uses),
                group: made.group.clone(),
                ..form
            },
            Act::TakeReport { report, version } => {
                Self { report: Some(Id(report.0)), version: Some(*version), ..form }
            }
            Act::AnswerReport { report, version, verdict, word } => Self {
                report: Some(Id(report.0)),
                version: Some(*version),
                upheld: Some(*verdict == Verdict::Upheld),
                why: Some(word.as_str().to_owned()),
                ..form
            },
            Act::Restore { .. }
            | Act::Delete { .. }
            | Act::LogOut { .. }
            | Act::Appoint { .. }
            | Act::Dismiss { .. }
            | Act::TakeRole { .. } => form,
        }
    }
}

impl ActForm {
    /// The act that was stored. An invitation is as it was made: not used yet.
    pub fn act(self) -> Result<Act> {
        let missing = || broken("act");
        let user = self.user.map(|id| UserId(id.0)).ok_or_else(missing);
        let invitation = self.invitation.map(|id| InvitationId(id.0)).ok_or_else(missing);
        let report = self.report.map(|id| ReportId(id.0)).ok_or_else(missing);
        let version = self.version.ok_or_else(missing);
        Ok(match self.name.as_str() {
            "take_report" => Act::TakeReport { report: report?, version: version? },
            "answer_report" => Act::AnswerReport {
                report: report?,
                version: version?,
                verdict: if self.upheld.ok_or_else(missing)? {
                    Verdict::Upheld
                } else {
                    Verdict::Dismissed
                },
                word: Note::stored(self.why.unwrap_or_default()),
            },
            "suspend" => Act::Suspend {
                user: user?,
                until: self.until.map(Time),
                why: self.why.ok_or_else(missing)?,
            },
            "restore" => Act::Restore { user: user? },
            "delete" => Act::Delete { user: user? },
            "log_out" => Act::LogOut { user: user? },
            "move_address" => {
                Act::Move { user: user?, to: Email::stored(self.to.ok_or_else(missing)?) }
            }
            "appoint" => Act::Appoint { user: user? },
            "dismiss" => Act::Dismiss { user: user? },
            "take_role" => Act::TakeRole { user: user? },
            "delete_group" => Act::DeleteGroup { chat: ChatId(self.chat.ok_or_else(missing)?.0) },
            "invite" => Act::Invite(Invitation {
                id: invitation?,
                by: self.by.map(|id| UserId(id.0)),
                created: Time(self.created.ok_or_else(missing)?),
                expires: Time(self.expires.ok_or_else(missing)?),
                uses: self.uses.ok_or_else(missing)?,
                used: 0,
                group: self.group,
            }),
            "end_invitation" => Act::EndInvitation { id: invitation? },
            _ => return Err(missing()),
        })
    }
}
