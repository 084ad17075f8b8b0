//! What a system message tells: its name, and whatever goes with that.

use serde::{Deserialize, Serialize};

use super::broken;
use super::group::RulesForm;
use super::values::Id;
use crate::clock::Time;
use crate::error::Result;
use crate::id::UserId;
use crate::model::chats::Role;
use crate::model::messages::SystemEvent;
use crate::model::text::Title;

/// An event of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct EventForm {
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    public: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    history_shared: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_invite: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by_operators: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    users: Option<Vec<Id>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    user: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    role: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rules: Option<RulesForm>,
    /// Milliseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    until: Option<i64>,
}

const fn role_name(role: Role) -> &'static str {
    match role {
        Role::Member => "member",
        Role::Admin => "admin",
        Role::Owner => "owner",
    }
}

impl From<&SystemEvent> for EventForm {
    fn from(event: &SystemEvent) -> Self {
        let named = |name: &str| Self { name: name.into(), ..Self::default() };
        let titled = |title: &Title| Some(title.as_str().to_owned());
        let of = |name, user: UserId| Self { user: Some(Id(user.0)), ..named(name) };
        match event {
            SystemEvent::GroupCreated { title } => {
                Self { title: titled(title), ..named("group_created") }
            }
            SystemEvent::Renamed { title } => Self { title: titled(title), ..named("renamed") },
            SystemEvent::Described => named("described"),
            SystemEvent::AvatarChanged => named("avatar_changed"),
            SystemEvent::SettingsChanged { public, history_shared } => Self {
                public: Some(*public),
                history_shared: Some(*history_shared),
                ..named("settings_changed")
            },
            SystemEvent::RulesChanged { rules } => {
                Self { rules: Some((*rules).into()), ..named("rules_changed") }
            }
            SystemEvent::AnnouncementChanged => named("announcement_changed"),
            SystemEvent::MemberSilenced { user, until } => {
                Self { until: until.map(Time::millis), ..of("member_silenced", *user) }
            }
            SystemEvent::LetIn { user } => of("let_in", *user),
            SystemEvent::MembersAdded { users } => {
                let users = users.iter().map(|user| Id(user.0)).collect();
                Self { users: Some(users), ..named("members_added") }
            }
            SystemEvent::Joined { by_invite } => {
                Self { by_invite: Some(*by_invite), ..named("joined") }
            }
            SystemEvent::Left => named("left"),
            SystemEvent::MemberRemoved { user } => of("member_removed", *user),
            SystemEvent::MemberBanned { user } => of("member_banned", *user),
            SystemEvent::MemberUnbanned { user } => of("member_unbanned", *user),
            SystemEvent::RoleChanged { user, role } => {
                Self { role: Some(role_name(*role).into()), ..of("role_changed", *user) }
            }
            SystemEvent::OwnerChanged { user } => of("owner_changed", *user),
            SystemEvent::GroupDeleted { by_operators } => {
                let by_operators = by_operators.then_some(true);
                Self { by_operators, ..named("group_deleted") }
            }
        }
    }
}

impl EventForm {
    /// The event that was stored.
    pub(super) fn event(self) -> Result<SystemEvent> {
        let missing = || broken("event");
        let user = || self.user.map(|id| UserId(id.0)).ok_or_else(missing);
        let title = |title: Option<String>| title.map(Title::stored).ok_or_else(missing);
        Ok(match self.name.as_str() {
            "group_created" => SystemEvent::GroupCreated { title: title(self.title)? },
            "renamed" => SystemEvent::Renamed { title: title(self.title)? },
            "described" => SystemEvent::Described,
            "avatar_changed" => SystemEvent::AvatarChanged,
            "settings_changed" => SystemEvent::SettingsChanged {
                public: self.public.ok_or_else(missing)?,
                history_shared: self.history_shared.ok_or_else(missing)?,
            },
            "rules_changed" => {
                SystemEvent::RulesChanged { rules: self.rules.ok_or_else(missing)?.into() }
            }
            "announcement_changed" => SystemEvent::AnnouncementChanged,
            "member_silenced" => {
                SystemEvent::MemberSilenced { user: user()?, until: self.until.map(Time) }
            }
            "let_in" => SystemEvent::LetIn { user: user()? },
            "members_added" => {
                let users = self.users.ok_or_else(missing)?;
                SystemEvent::MembersAdded { users: users.iter().map(|id| UserId(id.0)).collect() }
            }
            "joined" => SystemEvent::Joined { by_invite: self.by_invite.ok_or_else(missing)? },
            "left" => SystemEvent::Left,
            "member_removed" => SystemEvent::MemberRemoved { user: user()? },
            "member_banned" => SystemEvent::MemberBanned { user: user()? },
            "member_unbanned" => SystemEvent::MemberUnbanned { user: user()? },
            "role_changed" => {
                let mut roles = [Role::Member, Role::Admin, Role::Owner].into_iter();
                let role = roles.find(|role| Some(role_name(*role)) == self.role.as_deref());
                SystemEvent::RoleChanged { user: user()?, role: role.ok_or_else(missing)? }
            }
            "owner_changed" => SystemEvent::OwnerChanged { user: user()? },
            "group_deleted" => {
                SystemEvent::GroupDeleted { by_operators: self.by_operators.unwrap_or_default() }
            }
            _ => return Err(missing()),
        })
    }
}
