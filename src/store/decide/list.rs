//! The list of a person's chats: which of them stand in it, and in which order.
//!
//! Called by the adapters, which read an `Entry` of each chat and the whole rows of one page.

use std::cmp::Reverse;

use crate::clock::Time;
use crate::id::ChatId;
use crate::model::chats::{ChatKind, is_ahead};

/// What decides about a chat's place in the list of somebody who is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// Which one stands there.
    pub chat: ChatId,
    /// Direct or group.
    pub kind: ChatKind,
    /// Kept on top.
    pub pinned: bool,
    /// Position of its latest message.
    pub head_seq: u64,
    /// When it was created.
    pub created: Time,
    /// When its latest message was sent.
    pub active_at: Time,
}

/// The order of the list: what is not shown is at its end.
pub type Rank = (bool, bool, Reverse<(Time, ChatId)>);

impl Entry {
    /// Whether it stands in the list: a direct chat does from its first message on.
    pub fn is_shown(&self) -> bool {
        self.kind == ChatKind::Group || self.head_seq > 0
    }

    /// Its place at a moment: pinned chats first, then by the latest message, newest first. A
    /// message from the future was sent while the clock was wrong, and keeps no chat on top: until
    /// the next one, the chat stands where it was created, or at the end if that was no better.
    pub fn rank(&self, now: Time) -> Rank {
        let known = |at: &Time| !is_ahead(*at, now);
        let place = [self.active_at, self.created].into_iter().find(known).unwrap_or_default();
        (!self.is_shown(), !self.pinned, Reverse((place, self.chat)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    fn entry(chat: u8, active_at: i64) -> Entry {
        Entry {
            chat: ChatId(ObjectId([chat; 12])),
            kind: ChatKind::Direct,
            pinned: false,
            head_seq: 1,
            created: Time(1),
            active_at: Time(active_at),
        }
    }

    #[test]
    fn pinned_chats_are_first_then_the_latest_and_nothing_said_is_last() {
        let sorted = [
            Entry { pinned: true, ..entry(1, 5) },
            entry(2, 9),
            Entry { kind: ChatKind::Group, head_seq: 0, ..entry(3, 8) },
            entry(5, 7),
            entry(4, 7),
            // Of the future: it stands where it was created.
            entry(6, 1_000_000),
            Entry { head_seq: 0, pinned: true, ..entry(7, 9) },
        ];
        assert!(sorted.is_sorted_by_key(|entry| entry.rank(Time(10))));
        let shown = sorted.map(|entry| entry.is_shown());
        assert_eq!(shown, [true, true, true, true, true, true, false]);
        assert!(entry(6, 1_000_000).rank(Time(1_000_000)) < entry(2, 9).rank(Time(1_000_000)));
    }
}
