//! A person's copy of their own data: asked for, made in the background, kept for a week.
//!
//! Invariant: a person has one at a time. Each step is stored under the version that it was
//! computed from, so that of two nodes that make the same copy one finds itself overtaken.

use std::time::Duration;

use crate::clock::Time;
use crate::id::{FileId, UserId};

/// How long a copy is kept that is ready.
pub const EXPORT_KEPT: Duration = Duration::from_secs(7 * 24 * 60 * 60);
/// From one wish for a copy to the next.
pub const EXPORT_EVERY: Duration = Duration::from_secs(24 * 60 * 60);
/// So many bytes of files are copied, at most; the others are named.
pub const EXPORT_BYTES: u64 = 20 << 30;
/// A part of a copy that has so many bytes is followed by another.
pub const EXPORT_PART: u64 = 2 << 30;
/// How often it is tried to make a copy.
pub const EXPORT_TRIES: u32 = 5;
/// Whoever makes a copy says at least so often that they still do.
pub const EXPORT_CLAIM: Duration = Duration::from_secs(2 * 60);

/// How far a copy has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Done {
    /// Chats that are written.
    pub chats: u32,
    /// Chats that there are.
    pub of_chats: u32,
    /// Messages in them.
    pub messages: u64,
    /// Pictures, films and other files of theirs, each once.
    pub files: u64,
    /// Bytes of all that is written.
    pub bytes: u64,
}

/// Where a copy stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportState {
    /// It is to be made.
    Waiting,
    /// It is being made.
    Working {
        /// For the how manieth time, from 1.
        tries: u32,
        /// How far it has come.
        done: Done,
    },
    /// It can be fetched.
    Ready {
        /// Since when.
        made: Time,
        /// What there is in it.
        done: Done,
        /// Its parts, files of the person.
        parts: Vec<FileId>,
        /// Files that were too many, or whose bytes are gone.
        left_out: u64,
    },
    /// It could not be made.
    Failed,
}

/// A person's copy of their own data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Export {
    /// Whose.
    pub user: UserId,
    /// When they wished for it.
    pub asked: Time,
    /// Where it stands.
    pub state: ExportState,
    /// When it is looked at next: it is to be made, whoever made it is gone, or it is over.
    pub due: Time,
    /// Counts the steps, from 1.
    pub version: u64,
}

/// Why nobody begins another.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotYet {
    /// One is under way.
    UnderWay,
    /// The last one is too young; until when.
    TooSoon(Time),
}

/// What is to be done with a copy that is due.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Look {
    /// It is to be made, by whoever stores this.
    Make(Export),
    /// It was tried too often.
    GiveUp(Export),
    /// It is over, and goes.
    Forget,
}

impl Export {
    /// A wish for a copy, after the one that there was.
    pub fn wished(user: UserId, now: Time, before: Option<&Self>) -> Result<Self, NotYet> {
        match before.map(|before| (&before.state, before.asked.plus(EXPORT_EVERY))) {
            Some((ExportState::Waiting | ExportState::Working { .. }, _)) => {
                return Err(NotYet::UnderWay);
            }
            Some((ExportState::Ready { .. }, next)) if now < next => {
                return Err(NotYet::TooSoon(next));
            }
            _ => {}
        }
        let version = before.map_or(1, |before| before.version + 1);
        Ok(Self { user, asked: now, state: ExportState::Waiting, due: now, version })
    }

    /// What to do with it, as it is due.
    pub fn look(&self, now: Time) -> Look {
        let tries = match self.state {
            ExportState::Waiting => 1,
            ExportState::Working { tries, .. } => tries + 1,
            ExportState::Ready { .. } | ExportState::Failed => return Look::Forget,
        };
        if tries > EXPORT_TRIES {
            return Look::GiveUp(self.step(ExportState::Failed, now.plus(EXPORT_EVERY)));
        }
        let state = ExportState::Working { tries, done: Done::default() };
        Look::Make(self.step(state, now.plus(EXPORT_CLAIM)))
    }

    /// It has come so far, and goes on.
    #[must_use]
    pub fn noted(&self, done: Done, now: Time) -> Self {
        let tries = if let ExportState::Working { tries, .. } = self.state { tries } else { 1 };
        self.step(ExportState::Working { tries, done }, now.plus(EXPORT_CLAIM))
    }

    /// It is ready.
    #[must_use]
    pub fn ready(&self, done: Done, parts: Vec<FileId>, left_out: u64, now: Time) -> Self {
        let state = ExportState::Ready { made: now, done, parts, left_out };
        self.step(state, now.plus(EXPORT_KEPT))
    }

    fn step(&self, state: ExportState, due: Time) -> Self {
        Self { state, due, version: self.version + 1, ..*self }
    }

    /// Its parts, once it is ready.
    pub fn parts(&self) -> &[FileId] {
        match &self.state {
            ExportState::Ready { parts, .. } => parts,
            _ => &[],
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    const ANA: UserId = UserId(ObjectId([1; 12]));

    fn wished() -> Export {
        Export::wished(ANA, Time(1_000), None).expect("the first")
    }

    fn made(look: Look) -> Export {
        match look {
            Look::Make(export) => export,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn one_is_wished_for_at_a_time_and_one_a_day() {
        let first = wished();
        let next = |before: &Export, now| Export::wished(ANA, now, Some(before));
        assert_eq!(next(&first, Time(2_000)), Err(NotYet::UnderWay));
        let working = made(first.look(Time(1_000)));
        assert_eq!(next(&working, Time(2_000).plus(EXPORT_EVERY)), Err(NotYet::UnderWay));
        let ready = working.ready(Done::default(), Vec::new(), 0, Time(5_000));
        let tomorrow = Time(1_000).plus(EXPORT_EVERY);
        assert_eq!(next(&ready, Time(6_000)), Err(NotYet::TooSoon(tomorrow)));
        let second = next(&ready, tomorrow).expect("a day later");
        assert_eq!((second.version, second.state), (ready.version + 1, ExportState::Waiting));
        let failed = Export { state: ExportState::Failed, ..ready };
        assert!(next(&failed, Time(6_000)).is_ok(), "who got none may ask again");
    }

    #[test]
    fn it_is_tried_again_by_itself_and_not_for_ever() {
        let mut export = wished();
        for tries in 1..=EXPORT_TRIES {
            let before = export.version;
            export = made(export.look(export.due));
            assert_eq!(export.state, ExportState::Working { tries, done: Done::default() });
            assert_eq!(export.version, before + 1);
            export = export.noted(Done { messages: 5, ..Done::default() }, export.due);
        }
        let Look::GiveUp(failed) = export.look(export.due) else { panic!("once more") };
        assert_eq!(failed.state, ExportState::Failed);
        assert_eq!(failed.look(failed.due), Look::Forget);
        let ready = export.ready(Done::default(), vec![FileId(ObjectId([2; 12]))], 1, Time(9));
        assert_eq!((ready.due, ready.parts().len()), (Time(9).plus(EXPORT_KEPT), 1));
        assert_eq!(ready.look(ready.due), Look::Forget);
    }
}
