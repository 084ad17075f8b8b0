//! A group's rules and its announcement: what of a chat is no column, or field, of its own.
//!
//! What is absent is as in a group that has no rules. Called by the adapters' `chats`.

use serde::{Deserialize, Serialize};

use super::values::{At, Id};
use crate::id::UserId;
use crate::model::chats::{Announcement, Chat, GroupRules, Who};
use crate::model::text::AnnouncementText;

/// Rules; each is there when it is not as by default.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct RulesForm {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    admins_write: bool,
    #[serde(default, skip_serializing_if = "is_zero")]
    slow_s: u32,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    all_add: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    approve: bool,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
const fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl RulesForm {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl From<GroupRules> for RulesForm {
    fn from(GroupRules { write, slow_s, add, approve }: GroupRules) -> Self {
        Self { admins_write: write == Who::Admins, slow_s, all_add: add == Who::All, approve }
    }
}

impl From<RulesForm> for GroupRules {
    fn from(form: RulesForm) -> Self {
        Self {
            write: if form.admins_write { Who::Admins } else { Who::All },
            slow_s: form.slow_s,
            add: if form.all_add { Who::All } else { Who::Admins },
            approve: form.approve,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct AnnouncementForm {
    text: String,
    by: Id,
    at: At,
    seq: u64,
}

impl From<&Announcement> for AnnouncementForm {
    fn from(announcement: &Announcement) -> Self {
        let Announcement { text, by, at, seq } = announcement;
        Self { text: text.as_str().into(), by: Id(by.0), at: At(*at), seq: *seq }
    }
}

impl From<AnnouncementForm> for Announcement {
    fn from(AnnouncementForm { text, by, at, seq }: AnnouncementForm) -> Self {
        Self { text: AnnouncementText::stored(text), by: UserId(by.0), at: at.0, seq }
    }
}

/// What a chat has beside its columns.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupForm {
    #[serde(default, skip_serializing_if = "RulesForm::is_default")]
    rules: RulesForm,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    announcement: Option<AnnouncementForm>,
}

impl GroupForm {
    /// The form of a chat; `None` of one that has neither rules nor an announcement.
    pub fn of(chat: &Chat) -> Option<Self> {
        let announcement = chat.announcement.as_ref().map(AnnouncementForm::from);
        let form = Self { rules: chat.rules.into(), announcement };
        (form != Self::default()).then_some(form)
    }

    /// What was stored.
    pub fn parts(self) -> (GroupRules, Option<Announcement>) {
        (self.rules.into(), self.announcement.map(Announcement::from))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::id::ObjectId;

    #[test]
    fn rules_and_a_notice_come_back_as_they_were_written_and_none_is_nothing() {
        let user = UserId(ObjectId([7; 12]));
        let mut chat = Chat::direct((user, user), Time(5));
        assert_eq!(GroupForm::of(&chat), None);
        chat.rules = GroupRules { write: Who::Admins, slow_s: 30, add: Who::All, approve: true };
        let text = AnnouncementText::stored("Martes\na las 8".into());
        chat.announcement = Some(Announcement { text, by: user, at: Time(9), seq: 4 });
        let form = GroupForm::of(&chat).expect("a form");
        let json = serde_json::to_string(&form).expect("writes");
        let back: GroupForm = serde_json::from_str(&json).expect("reads");
        assert_eq!(back.parts(), (chat.rules, chat.announcement));
        assert_eq!(GroupForm::default().parts(), (GroupRules::default(), None));
    }
}
