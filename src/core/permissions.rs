//! Who may do what in a chat, written once: a table, and what a group's rules change of it.
//!
//! Invariant: nothing else decides by role. Called by the rules of groups and messages; a test
//! walks the table.

use crate::error::{Error, Result, Text};
use crate::model::chats::{GroupRules, Role};

/// What a member may want to do in a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// See messages and members.
    Read,
    /// React and delete what one wrote; send and edit messages, if the group's rules let everybody.
    Write,
    /// Go away.
    Leave,
    /// Change title, description, picture.
    EditFace,
    /// Change public or private, shared history or not.
    EditSettings,
    /// Change who may write, how often, who may add people, and whether those who come are let in.
    EditRules,
    /// Say something to everybody in the group: its announcement.
    Announce,
    /// Silence a member of a lower rank, or let them speak again.
    Silence,
    /// List who asks to come in, let them in, refuse them.
    ManageRequests,
    /// Bring people in, unless the group's rules let everybody.
    AddMembers,
    /// Make, list and revoke invitation links.
    ManageInvites,
    /// Remove a member of a lower rank.
    Remove,
    /// Ban a member of a lower rank or a stranger; lift a ban.
    Ban,
    /// Mention everybody.
    MentionAll,
    /// Pin and unpin messages.
    Pin,
    /// Delete other people's messages for everyone.
    DeleteAny,
    /// Make members admins and admins members.
    SetRole,
    /// Make another member the owner.
    HandOver,
    /// End the group.
    DeleteGroup,
}

/// Every action with the least role that may do it.
pub const TABLE: [(Action, Role); 19] = [
    (Action::Read, Role::Member),
    (Action::Write, Role::Member),
    (Action::Leave, Role::Member),
    (Action::EditFace, Role::Admin),
    (Action::EditSettings, Role::Owner),
    (Action::EditRules, Role::Admin),
    (Action::Announce, Role::Admin),
    (Action::Silence, Role::Admin),
    (Action::ManageRequests, Role::Admin),
    (Action::AddMembers, Role::Admin),
    (Action::ManageInvites, Role::Admin),
    (Action::Remove, Role::Admin),
    (Action::Ban, Role::Admin),
    (Action::MentionAll, Role::Admin),
    (Action::Pin, Role::Admin),
    (Action::DeleteAny, Role::Admin),
    (Action::SetRole, Role::Owner),
    (Action::HandOver, Role::Owner),
    (Action::DeleteGroup, Role::Owner),
];

const ADMINS_ONLY: Text = Text {
    en: "Only admins of this group can do this. Ask one of them.",
    es: "Solo los administradores de este grupo pueden hacerlo. Pídeselo a uno de ellos.",
};
const OWNER_ONLY: Text = Text {
    en: "Only the owner of this group can do this.",
    es: "Solo el propietario de este grupo puede hacerlo.",
};
const HIGHER_RANK: Text = Text {
    en: "You can do this only to members whose role is below yours.",
    es: "El rango de este miembro no está por debajo del tuyo.",
};

/// The least role that may do `action`.
pub fn least_role(action: Action) -> Role {
    TABLE.iter().find(|row| row.0 == action).map_or(Role::Owner, |row| row.1)
}

/// The same in a group with rules of its own.
pub fn least_role_by(rules: &GroupRules, action: Action) -> Role {
    match action {
        Action::Write => rules.write.least(),
        Action::AddMembers => rules.add.least(),
        _ => least_role(action),
    }
}

/// Whether a member of this role may do this; `Forbidden` otherwise.
pub fn check(role: Role, action: Action) -> Result<()> {
    suffices(role, least_role(action))
}

/// The same in a group with rules of its own.
pub fn check_by(rules: &GroupRules, role: Role, action: Action) -> Result<()> {
    suffices(role, least_role_by(rules, action))
}

fn suffices(role: Role, least: Role) -> Result<()> {
    match least {
        least if role >= least => Ok(()),
        Role::Owner => Err(Error::forbidden(OWNER_ONLY)),
        Role::Admin | Role::Member => Err(Error::forbidden(ADMINS_ONLY)),
    }
}

/// Whether a member may do this to another: the other's rank must be lower.
pub fn check_on(role: Role, action: Action, other: Role) -> Result<()> {
    check(role, action)?;
    if other < role { Ok(()) } else { Err(Error::forbidden(HIGHER_RANK)) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Code;
    use crate::model::chats::Who;

    #[test]
    fn the_table_names_each_action_once_and_every_role_is_held_to_it() {
        for (index, (action, least)) in TABLE.into_iter().enumerate() {
            assert!(TABLE.iter().skip(index + 1).all(|row| row.0 != action), "{action:?} twice");
            for role in [Role::Member, Role::Admin, Role::Owner] {
                let verdict = check(role, action).map_err(|error| error.code);
                let expected = if role >= least { Ok(()) } else { Err(Code::Forbidden) };
                assert_eq!(verdict, expected, "{role:?} {action:?}");
            }
        }
    }

    #[test]
    fn rules_say_who_writes_and_who_adds_and_nothing_else() {
        let turned = GroupRules { write: Who::Admins, add: Who::All, ..GroupRules::default() };
        for (action, least) in TABLE {
            assert_eq!(least_role_by(&GroupRules::default(), action), least, "{action:?}");
            let expected = match action {
                Action::Write => Role::Admin,
                Action::AddMembers => Role::Member,
                _ => least,
            };
            assert_eq!(least_role_by(&turned, action), expected, "{action:?}");
        }
    }

    #[test]
    fn nobody_acts_on_an_equal_or_a_higher_rank() {
        assert!(check_on(Role::Admin, Action::Remove, Role::Member).is_ok());
        assert!(check_on(Role::Admin, Action::Remove, Role::Admin).is_err());
        assert!(check_on(Role::Admin, Action::Ban, Role::Owner).is_err());
        assert!(check_on(Role::Owner, Action::Remove, Role::Admin).is_ok());
        assert!(check_on(Role::Member, Action::Remove, Role::Member).is_err());
    }
}
