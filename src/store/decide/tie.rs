//! What an act makes of the ties between two people.
//!
//! Worked example: Ana asks Beto and writes three texts. Beto refuses: his own row alone says so,
//! and Ana may write the two texts that she has left, which nobody is told of. He changes his mind
//! and answers: both are contacts. He removes her: both rows say so, and what they wrote before is
//! no consent any more, so that her next text is a request again.
//!
//! Invariant: two people are contacts only after each of them has asked, answered, accepted, or
//! shown a card. Invariant: what somebody refuses changes nothing of what the other sees. Called by
//! the adapters; `tests` walks every order of acts.

use crate::clock::Time;
use crate::model::contacts::{Bond, REQUEST_TEXTS, Tie, TieState};
use crate::store::contacts::{Act, Unasked};

/// The ties of two people, that of whoever acts first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ties {
    /// Of the one who acts.
    pub mine: Tie,
    /// Of the other.
    pub theirs: Tie,
}

impl Ties {
    fn both(state: TieState, at: Time) -> Self {
        Self { mine: Tie::of(state, at), theirs: Tie::of(state, at) }
    }

    fn asking(at: Time) -> Self {
        Self { mine: Tie::of(TieState::Asks, at), theirs: Tie::of(TieState::Asked, at) }
    }
}

/// The ties after an act; `None` when they are so already. `both_wrote`: each of the two has
/// written in their chat.
pub fn decide(
    before: &Ties,
    both_wrote: bool,
    act: Act,
    now: Time,
) -> Result<Option<Ties>, Unasked> {
    let bond = before.mine.bond(both_wrote, now);
    let known = || Ok(Some(Ties::both(TieState::Known, now)));
    match (act, bond) {
        (Act::Forget, _) => {
            let none = Ties::both(TieState::None, Time(0));
            Ok((*before != none).then_some(none))
        }
        // It may follow from what they wrote: then it is noted from now on.
        (Act::Ask | Act::Write(_) | Act::Accept | Act::Meet, Bond::Known) => {
            if before.mine.state == TieState::Known { Ok(None) } else { known() }
        }
        (Act::Meet, _) => known(),
        (Act::Ask | Act::Write(_) | Act::Accept, Bond::Asked | Bond::Refused) => known(),
        (Act::Ask, Bond::Asks) => Ok(None),
        (Act::Ask, Bond::Strangers) => Ok(Some(Ties::asking(now))),
        (Act::Write(key), Bond::Asks) => add(before, key),
        (Act::Write(key), Bond::Strangers) => add(&Ties::asking(now), key),
        (Act::Accept, Bond::Asks | Bond::Strangers) => Err(Unasked::Nothing),
        (Act::Refuse | Act::Remove, Bond::Asked) => {
            let mine = Tie { state: TieState::Refused, ..before.mine.clone() };
            Ok(Some(Ties { mine, theirs: before.theirs.clone() }))
        }
        (Act::Refuse | Act::Remove, Bond::Refused) => Ok(None),
        (Act::Refuse, _) => Err(Unasked::Nothing),
        (Act::Remove, Bond::Known) => Ok(Some(Ties::both(TieState::Removed, now))),
        // What was asked stays asked until it is over: else it could be asked again and again.
        (Act::Remove, Bond::Asks | Bond::Strangers) => Ok(None),
    }
}

/// One more text of a request, each counted once.
fn add(request: &Ties, key: crate::id::ObjectId) -> Result<Option<Ties>, Unasked> {
    let texts = &request.mine.texts;
    if texts.contains(&key) {
        return Ok(None);
    }
    if texts.len() >= REQUEST_TEXTS {
        return Err(Unasked::Full);
    }
    let mut after = request.clone();
    after.mine.texts.push(key);
    Ok(Some(after))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::id::ObjectId;
    use crate::model::contacts::REQUEST_LIFE;

    /// Two people, what they have consented to since they were last apart, and what each has sent
    /// since the other last said something.
    #[derive(Debug, Clone, PartialEq, Eq, Hash)]
    struct World {
        states: [(TieState, u8, usize); 2],
        consents: [bool; 2],
        wrote: [bool; 2],
        blocks: [bool; 2],
        half_lives: u8,
    }

    const ACTS: [Act; 7] = [
        Act::Ask,
        Act::Write(ObjectId([0; 12])),
        Act::Accept,
        Act::Refuse,
        Act::Remove,
        Act::Meet,
        Act::Forget,
    ];

    fn moment(half_lives: u8) -> Time {
        Time(1 + i64::from(half_lives) * (REQUEST_LIFE.as_millis() as i64) / 2)
    }

    fn tie(&(state, since, texts): &(TieState, u8, usize)) -> Tie {
        let texts = (0..texts).map(|at| ObjectId([at as u8 + 1; 12])).collect();
        Tie { texts, ..Tie::of(state, moment(since)) }
    }

    /// Written down again, with its age alone.
    fn aged(tie: &Tie, now: u8) -> (TieState, u8, usize) {
        let since = (0..=now).rev().find(|at| moment(*at) <= tie.since).unwrap_or(0);
        (tie.state, since, tie.texts.len())
    }

    impl World {
        /// What follows from an act of one of the two, who is not blocked; what `core` says about
        /// blocks comes before it.
        fn after(&self, who: usize, act: Act) -> Self {
            let (me, you, now) = (who, 1 - who, moment(self.half_lives));
            let before = Ties { mine: tie(&self.states[me]), theirs: tie(&self.states[you]) };
            let both_wrote = self.wrote == [true, true];
            let act = match act {
                Act::Write(_) => Act::Write(ObjectId([self.states[me].2 as u8 + 1; 12])),
                other => other,
            };
            let decided = decide(&before, both_wrote, act, now);
            let mut next = self.clone();
            if let Ok(Some(after)) = &decided {
                next.states[me] = aged(&after.mine, self.half_lives);
                next.states[you] = aged(&after.theirs, self.half_lives);
            }
            let is_done = decided.is_ok();
            if is_done && matches!(act, Act::Write(_)) {
                next.wrote[me] = true;
            }
            if is_done && matches!(act, Act::Ask | Act::Write(_) | Act::Accept) {
                next.consents[me] = true;
            }
            if act == Act::Meet {
                next.consents = [true, true];
            }
            let is_over = act == Act::Forget
                || act == Act::Remove && before.mine.bond(both_wrote, now) == Bond::Known;
            if is_over {
                next.consents = [false, false];
                next.wrote = if act == Act::Forget { [false, false] } else { next.wrote };
            }
            self.check(&before, &next, who, act, decided);
            next
        }

        fn check(
            &self,
            before: &Ties,
            next: &Self,
            who: usize,
            act: Act,
            decided: Result<Option<Ties>, Unasked>,
        ) {
            let story = format!("{self:?} {who} {act:?} {next:?}");
            let both_wrote = next.wrote == [true, true];
            for state in next.states {
                let known = tie(&state).bond(false, moment(next.half_lives)) == Bond::Known;
                assert!(!known || next.consents == [true, true], "both consent: {story}");
                assert!(state.2 <= REQUEST_TEXTS, "{story}");
            }
            let kinds = next.states.map(|state| state.0);
            let fits = |kinds: [TieState; 2]| {
                use TieState::{Asked, Asks, Known, None, Refused, Removed};
                matches!(
                    kinds,
                    [None, None] | [Known, Known] | [Removed, Removed] | [Asks, Asked | Refused]
                )
            };
            assert!(fits(kinds) || fits([kinds[1], kinds[0]]), "the rows fit: {story}");
            assert_eq!(next.blocks, self.blocks, "no act forgets a block: {story}");
            if let (Act::Refuse, Ok(Some(after))) = (act, &decided) {
                assert_eq!(after.theirs, before.theirs, "it is silent: {story}");
            }
            let unanswered = before.mine.bond(both_wrote, moment(self.half_lives)) == Bond::Asks;
            if unanswered && matches!(act, Act::Write(_)) && before.mine.texts.len() == 5 {
                assert_eq!(decided, Err(Unasked::Full), "{story}");
            }
        }

        /// Everything that can happen next.
        fn nexts(&self) -> Vec<Self> {
            let mut nexts = Vec::new();
            for who in [0, 1] {
                nexts.extend(ACTS.map(|act| self.after(who, act)));
                let mut blocking = self.clone();
                blocking.blocks[who] = !blocking.blocks[who];
                nexts.push(blocking);
            }
            let mut older = self.clone();
            older.half_lives += 1;
            nexts.push(older.rebased());
            nexts
        }

        /// Counts ages anew, so that there are finitely many worlds: nothing is older than over.
        fn rebased(mut self) -> Self {
            while self.half_lives > 3 {
                self.half_lives -= 1;
                for state in &mut self.states {
                    state.1 = state.1.saturating_sub(1);
                }
            }
            self
        }
    }

    #[test]
    fn every_order_of_acts_of_two_people_keeps_the_promises() {
        let nothing = (TieState::None, 0, 0);
        let first = World {
            states: [nothing, nothing],
            consents: [false; 2],
            wrote: [false; 2],
            blocks: [false; 2],
            half_lives: 0,
        };
        let (mut seen, mut left) = (HashSet::from([first.clone()]), vec![first]);
        while let Some(world) = left.pop() {
            for next in world.nexts() {
                if seen.insert(next.clone()) {
                    left.push(next);
                }
            }
        }
        assert!(seen.len() > 500, "{}", seen.len());
        let states: HashSet<TieState> =
            seen.iter().flat_map(|world| world.states.map(|state| state.0)).collect();
        assert_eq!(states.len(), 6, "every state is reached");
    }

    #[test]
    fn a_request_has_five_texts_and_a_repeat_is_no_other() {
        let mut ties = Ties::both(TieState::None, Time(0));
        let write =
            |ties: &Ties, key| decide(ties, false, Act::Write(ObjectId([key; 12])), Time(9));
        for key in 1..=5 {
            ties = write(&ties, key).expect("fits").expect("counts");
            assert_eq!(write(&ties, key), Ok(None), "the same again");
        }
        assert_eq!(write(&ties, 6), Err(Unasked::Full));
        let over = Time(9).plus(REQUEST_LIFE);
        let again = decide(&ties, false, Act::Write(ObjectId([6; 12])), over);
        assert_eq!(again.expect("asks").expect("again").mine.texts, [ObjectId([6; 12])]);
    }

    #[test]
    fn whoever_was_refused_can_be_accepted_after_all() {
        let asked = Ties::asking(Time(9));
        let (ana, beto) = (asked.mine, asked.theirs);
        let his = Ties { mine: beto, theirs: ana };
        let refused = decide(&his, false, Act::Refuse, Time(10)).expect("may").expect("does");
        assert_eq!(refused.mine.state, TieState::Refused);
        for act in [Act::Accept, Act::Ask, Act::Write(ObjectId([1; 12]))] {
            let known = decide(&refused, false, act, Time(11)).expect("may").expect("does");
            assert_eq!(known, Ties::both(TieState::Known, Time(11)));
        }
        let hers = Ties { mine: refused.theirs, theirs: refused.mine };
        assert_eq!(decide(&hers, false, Act::Ask, Time(11)), Ok(None), "she notices nothing");
        assert_eq!(decide(&hers, false, Act::Accept, Time(11)), Err(Unasked::Nothing));
    }
}
