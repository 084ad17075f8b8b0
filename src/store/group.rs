//! What the verbs of groups take and answer: steps with their guards, and what became of them.
//!
//! Called by `core::groups`, which decides, and by the adapters, which carry out.

use crate::clock::Time;
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{Chat, ChatChange, GROUPS, GroupRules, Member, MemberState, Role};
use crate::model::messages::{Message, SystemEvent};

/// A member's standing when a decision was made: guards the step that follows from it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    /// Whose.
    pub user: UserId,
    /// State and role; `None` when there was no row.
    pub standing: Option<(MemberState, Role)>,
}

/// A group step: fields of the group, standings of members and the system message that tells it,
/// all at once or not at all.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupStep {
    /// The group.
    pub chat: ChatId,
    /// What must still be so.
    pub guards: Vec<Guard>,
    /// Whether the group was public, and its rules, if it rests on them: they must be so still.
    pub rests_on: Option<(bool, GroupRules)>,
    /// What changes of the group. A new announcement gets the message's seq.
    pub change: ChatChange,
    /// Who stands how from now on. Who becomes active gets the message's seq as join_seq.
    pub members: Vec<(UserId, MemberState, Role)>,
    /// A member who is silenced until then, or may speak again.
    pub silence: Option<(UserId, Option<Time>)>,
    /// Every member leaves too, and nobody waits to come in any more (the group is deleted).
    pub all_leave: bool,
    /// Search terms of the title, when it or `public` changes.
    pub terms: Option<Vec<String>>,
    /// An invitation link that is used up by one.
    pub invite: Option<String>,
    /// Whose invitation links end with this step.
    pub revoked: Vec<UserId>,
    /// The message's name.
    pub message: MessageId,
    /// Who does it.
    pub by: UserId,
    /// What is told.
    pub event: SystemEvent,
    /// When.
    pub at: Time,
}

impl GroupStep {
    /// Whose rows it rests on or changes, each once.
    pub fn people(&self) -> Vec<UserId> {
        let guarded = self.guards.iter().map(|guard| guard.user);
        let silenced = self.silence.iter().map(|(user, _)| *user);
        let members = self.members.iter().map(|row| row.0);
        let mut people: Vec<UserId> = members.chain(silenced).chain(guarded).collect();
        people.sort_unstable();
        people.dedup();
        people
    }
}

/// Somebody who asks to be let into a group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JoinAsk {
    /// The group.
    pub chat: ChatId,
    /// Who asks.
    pub user: UserId,
    /// Whether the group was public, and its rules, which must be so still.
    pub rests_on: (bool, GroupRules),
    /// The invitation link by which they come, and who made it, who must still be an active member
    /// of this role. The link is used up by one.
    pub invite: Option<(String, UserId, Role)>,
    /// When.
    pub at: Time,
}

/// What became of it.
#[allow(clippy::large_enum_variant, reason = "nearly every value is the large one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Asked {
    /// They wait: their row. So it is if they waited already; then nothing was changed.
    Done(Member),
    /// The group is otherwise by now, or they are in it or banned; nothing was changed.
    Stale,
    /// `REQUESTS` others wait already; nothing was changed.
    Full,
    /// The link expired or is used up; nothing was changed.
    InviteGone,
    /// The group does not exist or was deleted; nothing was changed.
    Gone,
}

/// People who cannot become members of a group, or be given a higher role in it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unfit {
    /// Their accounts were deleted.
    pub deleted: Vec<UserId>,
    /// They are in `GROUPS` groups already.
    pub crowded: Vec<UserId>,
}

impl Unfit {
    /// Notes a person who comes in, or rises (then no number of `groups` is too many: 0), if they
    /// cannot.
    pub fn weigh(&mut self, user: UserId, is_deleted: bool, groups: u32) {
        if is_deleted {
            self.deleted.push(user);
        } else if groups >= GROUPS {
            self.crowded.push(user);
        }
    }

    /// Whether everybody may come in.
    pub fn is_empty(&self) -> bool {
        self.deleted.is_empty() && self.crowded.is_empty()
    }

    /// Whether this person is one of them.
    pub fn contains(&self, user: UserId) -> bool {
        self.deleted.contains(&user) || self.crowded.contains(&user)
    }
}

/// What became of a new group.
#[allow(clippy::large_enum_variant, reason = "nearly every value is a large one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Founded {
    /// It is there, with message 1.
    Done(Message, Chat),
    /// The id was used before: message 1 and the group, as they are now.
    Known(Message, Chat),
    /// These cannot become members; nothing was stored.
    Unfit(Unfit),
}

/// What became of a new invitation link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InvitePut {
    /// It is stored.
    Done,
    /// Its maker is no active member of this role any more; nothing was stored.
    Stale,
    /// The group has `INVITES` others; nothing was stored.
    Full,
}

/// What became of a group step.
#[allow(clippy::large_enum_variant, reason = "nearly every value is the large one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Stepped {
    /// Done: the message that tells it, and the group after it.
    Done(Message, Chat),
    /// A guard no longer holds; nothing was changed.
    Stale,
    /// The group would have more than `GROUP_MEMBERS` members; nothing was changed.
    Full,
    /// These cannot become members, or be given a higher role; nothing was changed.
    Unfit(Unfit),
    /// The invitation link does not exist for this group, expired, or is used up; nothing was
    /// changed.
    InviteGone,
    /// The group does not exist or was deleted; nothing was changed.
    Gone,
}
