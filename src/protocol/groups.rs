//! What is special about groups: their rules, their announcement, and what their log tells.
//!
//! What is absent is null, empty or false, as its type says. Called by `rows`, and by the routes of
//! groups.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{Id, Moment, both_ways, is_false};
use crate::model::{chats, messages};

/// A member's rank in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Also manages admins, hands the group over, deletes it.
    Owner,
    /// Also manages members and the group's face.
    Admin,
    /// Reads and writes.
    Member,
}

both_ways!(Role chats::Role: Owner Admin Member);

/// Which members of a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Who {
    /// Every member.
    All,
    /// Admins and the owner.
    Admins,
}

both_ways!(Who chats::Who: All Admins);

/// A group's rules.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct GroupRules {
    /// Who may send and edit messages. Everybody may react.
    pub write: Who,
    /// Slow mode: so many seconds pass between two messages of a plain member; 0: it is off.
    pub slow: u32,
    /// Who may add people.
    pub add: Who,
    /// Those who come by a link, or find the group, wait until an admin lets them in.
    pub approve: bool,
}

impl From<chats::GroupRules> for GroupRules {
    fn from(rules: chats::GroupRules) -> Self {
        Self {
            write: rules.write.into(),
            slow: rules.slow_s,
            add: rules.add.into(),
            approve: rules.approve,
        }
    }
}

/// What a group says to everybody in it, until they put it away.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Announcement {
    /// What it says: 1 to 2,000 characters.
    pub text: String,
    /// Who wrote it.
    pub by: Id,
    /// When.
    pub at: Moment,
    /// The seq of the system message that tells of it: a later announcement has a higher one.
    pub seq: u64,
}

impl From<chats::Announcement> for Announcement {
    fn from(announcement: chats::Announcement) -> Self {
        Self {
            text: announcement.text.into_string(),
            by: announcement.by.into(),
            at: announcement.at.into(),
            seq: announcement.seq,
        }
    }
}

/// A fact of a group, told in its own log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum SystemEvent {
    /// The group begins.
    GroupCreated {
        /// Its first title.
        title: String,
    },
    /// It has a new title.
    Renamed {
        /// The new one.
        title: String,
    },
    /// It has a new description.
    Described,
    /// It has a new picture, or none.
    AvatarChanged,
    /// Public or private; shared history or not.
    SettingsChanged {
        /// Found by search and open to all.
        public: bool,
        /// New members see what was written before.
        history_shared: bool,
    },
    /// The group has new rules.
    RulesChanged {
        /// As they are from now on.
        rules: GroupRules,
    },
    /// The group has a new announcement, or none.
    AnnouncementChanged,
    /// The author silenced this person, or let them speak again.
    MemberSilenced {
        /// Whom.
        user: Id,
        /// Until when; absent: they may speak again.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        until: Option<Moment>,
    },
    /// The author let this person in, who had asked for it.
    LetIn {
        /// Whom.
        user: Id,
    },
    /// The author added these people.
    MembersAdded {
        /// Whom.
        users: Vec<Id>,
    },
    /// The author came by itself.
    Joined {
        /// By an invitation link.
        by_invite: bool,
    },
    /// The author left.
    Left,
    /// The author removed this person.
    MemberRemoved {
        /// Whom.
        user: Id,
    },
    /// The author removed this person for good.
    MemberBanned {
        /// Whom.
        user: Id,
    },
    /// This person may come again.
    MemberUnbanned {
        /// Whom.
        user: Id,
    },
    /// This person's rank changed.
    RoleChanged {
        /// Whose.
        user: Id,
        /// To what.
        role: Role,
    },
    /// The author handed the group to this person.
    OwnerChanged {
        /// To whom.
        user: Id,
    },
    /// The group is gone.
    GroupDeleted {
        /// Those who run the server deleted it, not its owner.
        #[serde(default, skip_serializing_if = "is_false")]
        by_operators: bool,
    },
}

impl From<messages::SystemEvent> for SystemEvent {
    fn from(event: messages::SystemEvent) -> Self {
        use messages::SystemEvent as Event;
        match event {
            Event::GroupCreated { title } => {
                Self::GroupCreated { title: title.as_str().to_owned() }
            }
            Event::Renamed { title } => Self::Renamed { title: title.as_str().to_owned() },
            Event::Described => Self::Described,
            Event::AvatarChanged => Self::AvatarChanged,
            Event::SettingsChanged { public, history_shared } => {
                Self::SettingsChanged { public, history_shared }
            }
            Event::RulesChanged { rules } => Self::RulesChanged { rules: rules.into() },
            Event::AnnouncementChanged => Self::AnnouncementChanged,
            Event::MemberSilenced { user, until } => {
                Self::MemberSilenced { user: user.into(), until: until.map(Moment) }
            }
            Event::LetIn { user } => Self::LetIn { user: user.into() },
            Event::MembersAdded { users } => {
                Self::MembersAdded { users: users.into_iter().map(Id::from).collect() }
            }
            Event::Joined { by_invite } => Self::Joined { by_invite },
            Event::Left => Self::Left,
            Event::MemberRemoved { user } => Self::MemberRemoved { user: user.into() },
            Event::MemberBanned { user } => Self::MemberBanned { user: user.into() },
            Event::MemberUnbanned { user } => Self::MemberUnbanned { user: user.into() },
            Event::RoleChanged { user, role } => {
                Self::RoleChanged { user: user.into(), role: role.into() }
            }
            Event::OwnerChanged { user } => Self::OwnerChanged { user: user.into() },
            Event::GroupDeleted { by_operators } => Self::GroupDeleted { by_operators },
        }
    }
}
