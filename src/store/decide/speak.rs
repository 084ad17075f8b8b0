//! Whether a member of a group may say something: by its rules, as they are at that moment.
//!
//! An adapter asks in the step that stores the message, so that an ack means that it was allowed
//! then. What was stored before under the same key is answered first: a repeat says nothing new.
//! Called by the adapters' appends and changes.

use std::time::Duration;

use crate::clock::Time;
use crate::model::chats::{GroupRules, Member, Role, is_ahead};
use crate::model::messages::MessageChange;
use crate::store::Hush;

/// What a member's right to speak rests on, besides the rules.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Speaker {
    /// An admin, or the owner: neither slow mode nor announcements hold them.
    pub leads: bool,
    /// Silenced until then.
    pub silent_until: Option<Time>,
    /// When the latest message came that they wrote or caused; only asked for in slow mode.
    pub last: Option<Time>,
}

impl Speaker {
    /// What a member row says, but for `last`.
    pub fn of(role: Role, silent_until: Option<Time>) -> Self {
        // A silenced member may be handed the group: then nobody could end it.
        let silent_until = silent_until.filter(|_| role < Role::Owner);
        Self { leads: role >= Role::Admin, silent_until, last: None }
    }

    /// Whether `last` is to be looked up.
    pub const fn is_slow(&self, rules: &GroupRules) -> bool {
        rules.slow_s > 0 && !self.leads
    }

    /// What stands against a message that the server took at a moment.
    pub fn hush(&self, rules: &GroupRules, at: Time) -> Option<Hush> {
        let wait = Duration::from_secs(u64::from(rules.slow_s));
        // One from the future was sent while a clock was wrong, and holds nobody up.
        let last = self.last.filter(|last| !is_ahead(*last, at));
        self.is_mute(rules, at).or_else(|| {
            let next = last.filter(|_| self.is_slow(rules))?.plus(wait);
            (at < next).then_some(Hush::SlowUntil(next))
        })
    }

    /// What stands against it whether in slow mode or not.
    fn is_mute(&self, rules: &GroupRules, at: Time) -> Option<Hush> {
        let silent = self.silent_until.filter(|until| at < *until);
        let admins_only = !self.leads && rules.write.least() > Role::Member;
        silent.map(Hush::SilentUntil).or(admins_only.then_some(Hush::AdminsOnly))
    }
}

/// What stands against a change of a message: new text is as good as a new message, but slow mode
/// lets people mend theirs. Reactions are for all who read, and what one said one may take back.
pub fn hush_of_change(rules: &GroupRules, member: &Member, change: &MessageChange) -> Option<Hush> {
    let MessageChange::Edit { at, .. } = change else { return None };
    Speaker::of(member.role, member.silent_until).is_mute(rules, *at)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::chats::Who;

    const SLOW: GroupRules =
        GroupRules { write: Who::All, slow_s: 30, add: Who::Admins, approve: false };

    fn member(last: Option<i64>) -> Speaker {
        Speaker { last: last.map(Time), ..Speaker::of(Role::Member, None) }
    }

    #[test]
    fn slow_mode_holds_plain_members_for_its_seconds_after_their_last() {
        let at = |speaker: Speaker, at| speaker.hush(&SLOW, Time(at));
        assert_eq!(at(member(None), 5), None);
        let next = Some(Hush::SlowUntil(Time(31_000)));
        assert_eq!(at(member(Some(1_000)), 1_000), next);
        assert_eq!(at(member(Some(1_000)), 900), next, "taken earlier, stored later");
        assert_eq!(at(member(Some(1_000)), 30_999), next);
        assert_eq!(at(member(Some(1_000)), 31_000), None);
        assert_eq!(at(member(Some(1_000_000)), 5), None, "of the future");
        let admin = Speaker { last: Some(Time(1_000)), ..Speaker::of(Role::Admin, None) };
        assert_eq!(at(admin, 1_001), None);
        assert_eq!(member(Some(1_000)).hush(&GroupRules::default(), Time(1_001)), None);
    }

    #[test]
    fn announcements_are_of_admins_and_a_silence_holds_all_but_the_owner() {
        let announces = GroupRules { write: Who::Admins, ..GroupRules::default() };
        let says = |role, rules: &GroupRules, until: Option<i64>| {
            Speaker::of(role, until.map(Time)).hush(rules, Time(9))
        };
        assert_eq!(says(Role::Member, &announces, None), Some(Hush::AdminsOnly));
        assert_eq!(says(Role::Admin, &announces, None), None);
        let free = GroupRules::default();
        for role in [Role::Member, Role::Admin] {
            assert_eq!(says(role, &free, Some(10)), Some(Hush::SilentUntil(Time(10))));
            assert_eq!(says(role, &free, Some(9)), None);
        }
        assert_eq!(says(Role::Owner, &announces, Some(10)), None);
    }
}
