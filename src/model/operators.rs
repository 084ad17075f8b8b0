//! What operators do, and what is kept of it: every act leaves one row.

use super::door::Invitation;
use super::reports::{Handled, Note, ReportState, Verdict};
use super::text::Email;
use crate::clock::Time;
use crate::id::{AuditId, ChatId, InvitationId, ReportId, UserId};

/// How long what operators did is kept.
pub const AUDIT_LIFE: std::time::Duration = std::time::Duration::from_secs(366 * 24 * 60 * 60);
/// Characters of the reason for a suspension.
pub const REASON_CHARS: usize = 500;

/// Something that an operator does. Each may be repeated: the second time changes nothing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// Suspends a person: their sessions end, and none opens while it lasts.
    Suspend {
        /// Whom.
        user: UserId,
        /// Until when; `None`: until they are restored.
        until: Option<Time>,
        /// Why, for the person and for other operators.
        why: String,
    },
    /// Ends a suspension.
    Restore {
        /// Whose.
        user: UserId,
    },
    /// Deletes an account.
    Delete {
        /// Whose.
        user: UserId,
    },
    /// Ends all sessions of a person.
    LogOut {
        /// Whose.
        user: UserId,
    },
    /// Gives an account another address.
    Move {
        /// Whose.
        user: UserId,
        /// Which.
        to: Email,
    },
    /// Makes a person an operator.
    Appoint {
        /// Whom.
        user: UserId,
    },
    /// Takes the role back.
    Dismiss {
        /// From whom.
        user: UserId,
    },
    /// Takes the role with the key of the server's terminal; only while nobody has it.
    TakeRole {
        /// Who.
        user: UserId,
    },
    /// Deletes a group: everybody is out of it.
    DeleteGroup {
        /// Which.
        chat: ChatId,
    },
    /// Makes an invitation to the server.
    Invite(Invitation),
    /// Ends an invitation before its time.
    EndInvitation {
        /// Which.
        id: InvitationId,
    },
    /// Takes a report, so that others know that somebody looks into it.
    TakeReport {
        /// Which.
        report: ReportId,
        /// The version that it was decided on.
        version: u64,
    },
    /// Decides a report, and says something to whoever made it.
    AnswerReport {
        /// Which.
        report: ReportId,
        /// The version that it was decided on.
        version: u64,
        /// Whether it was right.
        verdict: Verdict,
        /// What whoever reported is told.
        word: Note,
    },
}

impl Act {
    /// Whom it is about.
    pub const fn user(&self) -> Option<UserId> {
        match self {
            Self::Suspend { user, .. }
            | Self::Restore { user }
            | Self::Delete { user }
            | Self::LogOut { user }
            | Self::Move { user, .. }
            | Self::Appoint { user }
            | Self::Dismiss { user }
            | Self::TakeRole { user } => Some(*user),
            Self::DeleteGroup { .. }
            | Self::Invite(_)
            | Self::EndInvitation { .. }
            | Self::TakeReport { .. }
            | Self::AnswerReport { .. } => None,
        }
    }

    /// Which group it is about.
    pub const fn group(&self) -> Option<ChatId> {
        match self {
            Self::DeleteGroup { chat } => Some(*chat),
            _ => None,
        }
    }

    /// Its name, for programs.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Suspend { .. } => "suspend",
            Self::Restore { .. } => "restore",
            Self::Delete { .. } => "delete",
            Self::LogOut { .. } => "log_out",
            Self::Move { .. } => "move_address",
            Self::Appoint { .. } => "appoint",
            Self::Dismiss { .. } => "dismiss",
            Self::TakeRole { .. } => "take_role",
            Self::DeleteGroup { .. } => "delete_group",
            Self::Invite(_) => "invite",
            Self::EndInvitation { .. } => "end_invitation",
            Self::TakeReport { .. } => "take_report",
            Self::AnswerReport { .. } => "answer_report",
        }
    }
}

/// A row of the audit: who did what, and when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Audit {
    /// Which row; later ones are higher.
    pub id: AuditId,
    /// When.
    pub at: Time,
    /// Which operator; `None` is the person at the server's machine.
    pub by: Option<UserId>,
    /// What.
    pub act: Act,
    /// The act has taken effect. One that has not is finished by the sweep.
    pub done: bool,
}

/// A step of a report: which, from which version, to what.
pub type ReportStep = (ReportId, u64, ReportState);

impl Audit {
    /// The step of a report that it is, if it is one.
    pub fn report_step(&self) -> Option<ReportStep> {
        let handled = Handled { by: self.by, at: self.at };
        match &self.act {
            Act::TakeReport { report, version } => {
                Some((*report, *version, ReportState::Taken(handled)))
            }
            Act::AnswerReport { report, version, verdict, word } => {
                let (verdict, word) = (*verdict, word.clone());
                Some((*report, *version, ReportState::Answered { handled, verdict, word }))
            }
            _ => None,
        }
    }
}

/// Which accounts to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Folk {
    /// All that were ever used.
    All,
    /// Those whose suspension has not been lifted, over or not.
    Suspended,
    /// Those with the role.
    Operators,
}

/// How much there is on a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Figures {
    /// Accounts that can be used, or will be again.
    pub people: u64,
    /// Groups that are not deleted.
    pub groups: u64,
    /// Messages, deleted ones too.
    pub messages: u64,
    /// Bytes of people's files, each as often as it was uploaded.
    pub file_bytes: u64,
}
