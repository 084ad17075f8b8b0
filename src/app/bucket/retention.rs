//! What goes from a bucket of backups once another one is made: the oldest lists, and the contents
//! that no list names any more.
//!
//! Invariant: no content goes that a list which stays names, and none at all while one of those
//! cannot be read. Invariant: the backup that was just made stays. Pure. Called by
//! `app::bucket::make`.

use std::collections::HashSet;

use super::list::{List, Name};
use crate::model::files::Digest;

/// The lists that go, so that `keep` stay: the oldest, but never the one just made.
pub(super) fn retired(there: &[Name], made: Name, keep: usize) -> Vec<Name> {
    let mut others: Vec<Name> = there.iter().copied().filter(|name| *name != made).collect();
    others.sort_unstable();
    others.truncate((others.len() + 1).saturating_sub(keep.max(1)));
    others
}

/// What the lists that stay name.
#[derive(Debug, Default)]
pub(super) struct Needed {
    digests: HashSet<Digest>,
    /// A list that stays could not be read: nobody knows what it names.
    unknown: bool,
}

impl Needed {
    /// Takes in a list that stays; `None` is one that cannot be read.
    pub(super) fn add(&mut self, list: Option<&List>) {
        match list {
            Some(list) => self.digests.extend(list.contents().map(|content| content.digest)),
            None => self.unknown = true,
        }
    }

    /// Those of the contents that nobody needs.
    pub(super) fn others(&self, contents: impl Iterator<Item = Digest>) -> Vec<Digest> {
        if self.unknown {
            return Vec::new();
        }
        contents.filter(|digest| !self.digests.contains(digest)).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::super::list::tests::{content, list};
    use super::*;
    use crate::clock::Time;

    const DAY: Duration = Duration::from_secs(86_400);

    /// Lists of as many days in a row.
    fn days(count: usize) -> Vec<Name> {
        let (mut names, mut now) = (Vec::new(), Time(1_700_000_000_000));
        for _ in 0..count {
            names.push(Name::next(&names, now));
            now = now.plus(DAY);
        }
        names
    }

    #[test]
    fn the_oldest_lists_go_and_as_many_stay_as_are_to() {
        let names = days(5);
        assert_eq!(retired(&names, names[4], 3), names[..2]);
        assert!(retired(&names, names[4], 5).is_empty());
        assert!(retired(&names, names[4], 100).is_empty());
        assert_eq!(retired(&names, names[4], 1), names[..4]);
        assert_eq!(retired(&names, names[4], 0), names[..4], "the one just made stays");
        let shuffled = [names[3], names[0], names[4], names[1], names[2]];
        assert_eq!(retired(&shuffled, names[4], 3), names[..2]);
    }

    #[test]
    fn what_is_made_by_a_clock_that_was_set_back_is_the_latest_all_the_same() {
        let mut names = days(3);
        let mut past = Time(1_600_000_000_000);
        for _ in 0..4 {
            let made = Name::next(&names, past);
            names.push(made);
            for old in retired(&names, made, 3) {
                assert_ne!(old, made);
                names.retain(|name| *name != old);
            }
            past = past.plus(DAY);
        }
        assert!(names.len() == 3 && names.iter().all(|name| name.began < past), "{names:?}");
    }

    #[test]
    fn what_a_list_that_stays_names_stays() {
        let mut needed = Needed::default();
        needed.add(Some(&list("monday", &["one", "two"])));
        needed.add(Some(&list("tuesday", &["two", "three"])));
        let words = ["monday", "tuesday", "sunday", "key", "one", "two", "three", "four"];
        let others = needed.others(words.iter().map(|word| content(word).digest));
        assert_eq!(others, ["sunday", "four"].map(|word| content(word).digest));
    }

    #[test]
    fn nothing_goes_while_a_list_cannot_be_read() {
        for damaged_first in [true, false] {
            let mut needed = Needed::default();
            if damaged_first {
                needed.add(None);
            }
            needed.add(Some(&list("monday", &["one"])));
            if !damaged_first {
                needed.add(None);
            }
            assert!(needed.others([content("four").digest].into_iter()).is_empty());
        }
    }
}
