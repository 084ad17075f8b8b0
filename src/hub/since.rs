//! From where on a connection sees the log of a chat. Pure; called by `audience` and `elsewhere`.

use crate::model::chats::{Followed, Member, sees_from};

/// From where on a membership sees the log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Since {
    /// The first message of the membership.
    pub(super) join_seq: u64,
    /// What the member cleared for itself.
    pub(super) hide_seq: u64,
    /// The rev at which the membership was read or began.
    pub(super) as_of: u64,
}

impl Since {
    /// What a membership says, at the rev at which it was read.
    pub(super) const fn followed(row: &Followed) -> Self {
        Self { join_seq: row.join_seq, hide_seq: row.hide_seq, as_of: row.head_rev }
    }

    /// What a member row says that was read at rev `as_of`.
    pub(super) const fn of(member: &Member, as_of: u64) -> Self {
        Self { join_seq: member.join_seq, hide_seq: member.hide_seq, as_of }
    }

    /// A membership that began with message `join_seq`, right after rev `as_of`.
    pub(super) const fn joined(join_seq: u64, as_of: u64) -> Self {
        Self { join_seq, hide_seq: 0, as_of }
    }

    pub(super) const fn visible_from(&self, shared: bool) -> u64 {
        sees_from(shared, self.join_seq, self.hide_seq)
    }
}
