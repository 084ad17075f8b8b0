//! What is not part of a chat's log, such as a receipt, and waits for the changes before it.
//!
//! Invariant: nothing leaves before the rev that its sender had seen; what is of one rev leaves in
//! the order in which it came. Pure; called by `audience`.

use std::collections::VecDeque;

use super::Frame;
use crate::id::UserId;

/// At most so much waits. Of more, the earliest is dropped: clients can do without, as the next one
/// says as much.
const WAITING: usize = 64;

/// Something for those who are members at a rev.
pub(super) struct Aside {
    pub(super) frame: Frame,
    /// The chat's rev at which its sender was a member.
    pub(super) as_of: u64,
    pub(super) to: To,
}

/// Whom of the members something is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum To {
    /// All but the one who does it, if there is one.
    Others(Option<UserId>),
    /// These alone: it costs what they are, not what the audience is.
    These(Vec<UserId>),
}

/// What waits.
#[derive(Default)]
pub(super) struct Asides(VecDeque<Aside>);

impl Asides {
    /// Takes one in.
    pub(super) fn put(&mut self, aside: Aside) {
        if self.0.len() >= WAITING {
            self.0.pop_front();
        }
        self.0.push_back(aside);
    }

    /// One that may leave, when all changes up to `last` have.
    pub(super) fn next(&mut self, last: u64) -> Option<Aside> {
        let at = self.0.iter().position(|aside| aside.as_of <= last)?;
        self.0.remove(at)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn aside(as_of: u64, text: &str) -> Aside {
        Aside { frame: text.into(), as_of, to: To::Others(None) }
    }

    #[test]
    fn each_waits_for_its_rev_and_the_earliest_makes_room() {
        let mut asides = Asides::default();
        let next = |asides: &mut Asides, last| asides.next(last).map(|aside| aside.frame);
        asides.put(aside(3, "on"));
        asides.put(aside(2, "read"));
        asides.put(aside(3, "off"));
        assert_eq!(next(&mut asides, 1), None);
        assert_eq!(next(&mut asides, 2).as_deref(), Some("read"));
        assert_eq!(next(&mut asides, 2), None);
        assert_eq!(next(&mut asides, 4).as_deref(), Some("on"));
        assert_eq!(next(&mut asides, 4).as_deref(), Some("off"));
        (0..=WAITING as u64).for_each(|rev| asides.put(aside(rev, &rev.to_string())));
        assert_eq!(next(&mut asides, 0), None, "the earliest has made room");
        assert_eq!(next(&mut asides, 1).as_deref(), Some("1"));
    }
}
