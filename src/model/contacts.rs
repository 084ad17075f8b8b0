//! Contacts: what two people are to each other, and what strangers may do.
//!
//! Each of two people has a `Tie` to the other, in their own member row of the direct chat. Both
//! change in one step (`store::Contacts`).

use std::time::Duration;

use crate::clock::Time;
use crate::id::ObjectId;

/// At most this many texts a request, before there is an answer.
pub const REQUEST_TEXTS: usize = 5;
/// How long a request waits for an answer. A refusal lasts as long as the request would have.
pub const REQUEST_LIFE: Duration = Duration::from_secs(30 * 24 * 60 * 60);

/// How one person stands to another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum TieState {
    /// Nothing was asked: strangers, or people who wrote to each other without asking.
    #[default]
    None,
    /// Has asked the other.
    Asks,
    /// Was asked by the other.
    Asked,
    /// Contacts: both have consented.
    Known,
    /// Has refused the other, who is not told.
    Refused,
    /// Were contacts, until one of the two ended it.
    Removed,
}

/// What one person is to another, as their own row says.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tie {
    /// How they stand.
    pub state: TieState,
    /// Since when; of a request and its refusal, when it was asked.
    pub since: Time,
    /// The texts of a request, by marks of their keys, at most `REQUEST_TEXTS`. Only who asks has
    /// them.
    pub texts: Vec<ObjectId>,
}

impl Tie {
    /// Nothing was asked.
    pub const NONE: Self = Self { state: TieState::None, since: Time(0), texts: Vec::new() };

    /// From this moment on, with nothing sent.
    pub const fn of(state: TieState, since: Time) -> Self {
        Self { state, since, texts: Vec::new() }
    }

    /// When a request and its refusal end.
    pub fn until(&self) -> Time {
        self.since.plus(REQUEST_LIFE)
    }

    /// What it amounts to at a moment. `both_wrote`: each of the two has written in their chat,
    /// which is consent as long as neither took it back.
    pub fn bond(&self, both_wrote: bool, now: Time) -> Bond {
        // A request from the future was made while the clock was wrong, and counts as one of now.
        let is_alive = self.until() > now;
        match self.state {
            TieState::Known => Bond::Known,
            TieState::None if both_wrote => Bond::Known,
            TieState::Asks if is_alive => Bond::Asks,
            TieState::Asked if is_alive => Bond::Asked,
            TieState::Refused if is_alive => Bond::Refused,
            _ => Bond::Strangers,
        }
    }

    /// Whether a request stands between the two, alive or over, or the end of a contact: then
    /// neither learns of the other whether they are there, or have read.
    pub const fn is_apart(&self) -> bool {
        !matches!(self.state, TieState::None | TieState::Known)
    }
}

/// What one person is to another at a moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Bond {
    /// Nothing.
    Strangers,
    /// Has asked, and waits for an answer.
    Asks,
    /// Was asked, and has not answered.
    Asked,
    /// Was asked, and has refused.
    Refused,
    /// A contact.
    Known,
}

/// What people who are no contacts may do: of a server, and of a person. The stricter one holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Strangers {
    /// Write and call, as contacts do.
    #[default]
    Everyone,
    /// Ask: a few texts, until there is an answer.
    Requests,
    /// Nothing.
    Contacts,
}

/// Who may put a person into a group.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum AddedBy {
    /// Whoever may write to them without asking.
    #[default]
    Everyone,
    /// Those who both consented to know each other.
    Contacts,
    /// Nobody: they come by a link, or join by themselves.
    Nobody,
}

/// What a person's card does for who scans it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Card {
    /// Which of the person's cards it is: a renewed one has the next number.
    pub number: u32,
    /// Makes contacts at once; otherwise it asks.
    pub adds: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_and_its_refusal_last_thirty_days() {
        let asked = Time(1_000);
        let last = Time(asked.plus(REQUEST_LIFE).0 - 1);
        for (state, bond) in [
            (TieState::Asks, Bond::Asks),
            (TieState::Asked, Bond::Asked),
            (TieState::Refused, Bond::Refused),
        ] {
            let tie = Tie::of(state, asked);
            assert_eq!(tie.bond(false, last), bond);
            assert_eq!(tie.bond(true, last), bond, "who wrote before does not consent again");
            assert_eq!(tie.bond(false, tie.until()), Bond::Strangers);
            assert!(tie.is_apart());
        }
        assert_eq!(Tie::of(TieState::Known, asked).bond(false, Time(i64::MAX)), Bond::Known);
    }

    #[test]
    fn who_wrote_to_each_other_are_contacts_until_one_ends_it() {
        assert_eq!(Tie::NONE.bond(true, Time(9)), Bond::Known);
        assert_eq!(Tie::NONE.bond(false, Time(9)), Bond::Strangers);
        assert_eq!(Tie::of(TieState::Removed, Time(1)).bond(true, Time(9)), Bond::Strangers);
        assert!(Strangers::Everyone < Strangers::Requests && AddedBy::Contacts < AddedBy::Nobody);
    }
}
