//! How a deleted account leaves its groups: one after the other, in any number of attempts.
//!
//! Invariant: any node can find and repeat what is left to do, at any time: each step is decided
//! from the state at that moment. Since the account was marked deleted before, nothing adds it to a
//! group again.
//!
//! Called by `users`, when an account is deleted and by the sweep.

use super::step::{Ground, Plan};
use super::{Groups, deletion, handover};
use crate::core::Shared;
use crate::core::permissions::Action;
use crate::error::{Code, Error, Result, text};
use crate::id::{ChatId, UserId};
use crate::model::chats::{ChatKind, GROUP_MEMBERS, Member, MemberState, Role};
use crate::model::messages::SystemEvent;

/// How often what is left is read again when others change it meanwhile.
const ROUNDS: u32 = 16;
/// How many heirs are considered together.
const HEIRS: usize = 200;

impl Groups {
    /// Takes a deleted account out of all its groups; groups that it owns go to the longest-serving
    /// admin, else the longest-serving member; groups with nobody else are deleted. A group that
    /// cannot be left now does not keep it in the others.
    pub(crate) async fn leave_all(&self, user: UserId) -> Result<()> {
        for _ in 0..ROUNDS {
            let mut rows = self.shared.ports.store.memberships(user).await?;
            rows.retain(|row| row.chat.kind == ChatKind::Group);
            if rows.is_empty() {
                return Ok(());
            }
            let mut failed = None;
            for row in rows {
                match self.shared.leave_for_good(user, row.chat.id, row.member.role).await {
                    Err(error) if matches!(error.code, Code::Unavailable | Code::Internal) => {
                        failed = Some(error);
                    }
                    // Refused: the group has changed meanwhile, and is looked at again.
                    Ok(()) | Err(_) => {}
                }
            }
            if let Some(error) = failed {
                return Err(error);
            }
        }
        Err(Error::new(Code::Conflict, text::CHANGED))
    }
}

impl Shared {
    async fn leave_for_good(&self, user: UserId, chat: ChatId, role: Role) -> Result<()> {
        let leaves = move |ground: &Ground<'_>| match ground.me(Action::Leave)? {
            Role::Owner => Err(Error::new(Code::Conflict, text::CHANGED)),
            Role::Admin | Role::Member => {
                Ok(Plan::of(SystemEvent::Left).with(user, MemberState::Left, Role::Member))
            }
        };
        if role != Role::Owner {
            return self.step(user, chat, &[], leaves).await.map(drop);
        }
        let members = self.ports.store.members(chat, None, GROUP_MEMBERS).await?;
        let count = members.len();
        let Some(heir) = self.heir(user, members).await? else {
            let ends = |ground: &Ground<'_>| {
                ground.me(Action::DeleteGroup)?;
                // Somebody came since it was looked at.
                if ground.chat.member_count as usize > count {
                    return Err(Error::new(Code::Conflict, text::CHANGED));
                }
                Ok(deletion(false))
            };
            return self.step(user, chat, &[], ends).await.map(drop);
        };
        let hands_over = |ground: &Ground<'_>| {
            ground.other(Action::HandOver, heir)?;
            Ok(handover(user, heir))
        };
        self.step(user, chat, &[heir], hands_over).await?;
        self.step(user, chat, &[], leaves).await.map(drop)
    }

    /// Who gets a group: of the others whose accounts are there, the highest in rank, then the one
    /// who has been in it longest.
    async fn heir(&self, owner: UserId, mut members: Vec<Member>) -> Result<Option<UserId>> {
        members.retain(|row| row.user != owner);
        members.sort_by_key(|row| (std::cmp::Reverse(row.role), row.since, row.user));
        for some in members.chunks(HEIRS) {
            let ids: Vec<UserId> = some.iter().map(|row| row.user).collect();
            let mut found = self.ports.store.users(&ids).await?;
            found.retain(|user| user.deleted.is_none());
            let alive = |id: &&UserId| found.iter().any(|user| user.id == **id);
            if let Some(heir) = ids.iter().find(alive) {
                return Ok(Some(*heir));
            }
        }
        Ok(None)
    }
}
