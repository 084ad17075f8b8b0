//! What a step of a group does: to the group, to its members' rows, and what is told of it.
//!
//! An adapter reads the group and the rows of `GroupStep::people`, asks `decide`, looks up whether
//! those who come in or rise can (`Unfit::weigh`) and the link that is used, asks
//! `Decided::refusal`, and writes the rest. The order of refusals is here alone.
//!
//! A step that changes a field of the group or the number of its members sets `meta_rev`. Called by
//! the adapters' `steps`.

use std::collections::HashSet;

use crate::error::{Error, Result};
use crate::id::{MessageId, UserId};
use crate::model::chats::{
    Chat, ChatChange, ChatKind, GROUP_MEMBERS, Invite, Member, MemberState, Place, Role,
};
use crate::model::messages::{Content, Message, SystemEvent};
use crate::store::{GroupStep, Guard, Stepped, Unfit};

/// A new group as it is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Founding {
    /// The group, with message 1 in its log.
    pub chat: Chat,
    /// Its first members, each once.
    pub members: Vec<Member>,
    /// Message 1.
    pub message: Message,
}

/// Begins a group with its first members, of whom the first is the owner. Fails without any.
pub fn found(
    mut chat: Chat,
    people: &[(UserId, Role)],
    id: MessageId,
    event: SystemEvent,
) -> Result<Founding> {
    let Some(&(owner, _)) = people.first() else {
        return Err(Error::internal("a group without a member"));
    };
    let place = Place { seq: 1, rev: 1 };
    let mut seen = HashSet::new();
    let member = |&(user, role): &(UserId, Role)| {
        let own_seq = if user == owner { place.seq } else { 0 };
        let joining = Member::joining(chat.id, user, place.seq, chat.created);
        Member { role, own_seq, ..joining }
    };
    let members: Vec<Member> =
        people.iter().filter(|(user, _)| seen.insert(*user)).map(member).collect();
    chat.kind = ChatKind::Group;
    chat.owner = Some(owner);
    chat.grow(place, chat.created);
    chat.meta_rev = place.rev;
    chat.member_count = members.len() as u32;
    let content = Content::System(event);
    let message = Message::new(id, chat.id, place, owner, content, chat.created);
    Ok(Founding { chat, members, message })
}

/// A step as it is written, unless `refusal` stands against it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// The group after it.
    pub chat: Chat,
    /// The rows that change or are new, as they are after it; when all leave, without theirs.
    pub members: Vec<Member>,
    /// Who becomes a member.
    pub comers: Vec<UserId>,
    /// Which members get a higher role.
    pub risers: Vec<UserId>,
    /// The message that tells it.
    pub message: Message,
}

/// Decides a step from the group and the rows of `step.people()` that exist.
#[allow(clippy::result_large_err, reason = "a refusal is handed on at once")]
pub fn decide(
    chat: &Chat,
    rows: &[Member],
    step: &GroupStep,
) -> std::result::Result<Decided, Stepped> {
    if chat.kind != ChatKind::Group || chat.deleted.is_some() {
        return Err(Stepped::Gone);
    }
    let find = |user: UserId| rows.iter().find(|row| row.user == user);
    let holds = |guard: &Guard| find(guard.user).map(|row| (row.state, row.role)) == guard.standing;
    let is_as_it_was = step.rests_on.is_none_or(|was| was == (chat.public, chat.rules));
    if !is_as_it_was || !step.guards.iter().all(holds) {
        return Err(Stepped::Stale);
    }
    let place = chat.next();
    let (mut comers, mut risers, mut goers) = (Vec::new(), Vec::new(), 0);
    let mut members = Vec::new();
    for &(user, state, role) in &step.members {
        let row = find(user);
        let active = row.filter(|row| row.is_active());
        match (active, state == MemberState::Active) {
            (None, true) => comers.push(user),
            (Some(_), false) => goers += 1,
            (Some(row), true) if row.role < role => risers.push(user),
            (Some(_), true) | (None, false) => {}
        }
        let blank = Member::joining(chat.id, user, place.seq, step.at);
        members.extend(settled(row, blank, (state, role)));
    }
    members.extend(silenced(rows, step));
    let count = chat.member_count.saturating_add(comers.len() as u32).saturating_sub(goers);
    if count > chat.member_count && count > GROUP_MEMBERS {
        return Err(Stepped::Full);
    }
    let content = Content::System(step.event.clone());
    let message = Message::new(step.message, chat.id, place, step.by, content, step.at);
    let chat = grown(chat, step, count, place);
    Ok(Decided { chat, members, comers, risers, message })
}

/// A row in its new standing, `blank` being the one of somebody who was never there; `None` when
/// it has that standing already.
fn settled(
    row: Option<&Member>,
    blank: Member,
    (state, role): (MemberState, Role),
) -> Option<Member> {
    let Some(row) = row else { return Some(Member { state, role, ..blank }) };
    if (row.state, row.role) == (state, role) {
        return None;
    }
    let comes = state == MemberState::Active && !row.is_active();
    let (join_seq, since) =
        if comes { (blank.join_seq, blank.since) } else { (row.join_seq, row.since) };
    Some(Member { state, role, join_seq, since, ..row.clone() })
}

/// The row of a member whom the step silences or lets speak.
fn silenced(rows: &[Member], step: &GroupStep) -> Option<Member> {
    let (user, until) = step.silence?;
    let row = rows.iter().find(|row| row.user == user && row.silent_until != until)?;
    Some(Member { silent_until: until, ..row.clone() })
}

/// The group after a step that leaves it `count` members.
fn grown(chat: &Chat, step: &GroupStep, count: u32, place: Place) -> Chat {
    let mut after = chat.clone();
    after.grow(place, step.at);
    after.member_count = if step.all_leave { 0 } else { count };
    let counts = after.member_count != chat.member_count;
    if step.change != ChatChange::default() || step.all_leave || counts {
        after.apply(step.change.clone());
        if let Some(Some(_)) = step.change.announcement
            && let Some(announcement) = &mut after.announcement
        {
            announcement.seq = place.seq;
        }
        after.meta_rev = place.rev;
    }
    after
}

impl Decided {
    /// What stands against the step: people who cannot come in or rise, or `invite`, the link that
    /// the step names as it is now.
    pub fn refusal(
        &self,
        step: &GroupStep,
        unfit: Unfit,
        invite: Option<&Invite>,
    ) -> Option<Stepped> {
        let works = |invite: &Invite| invite.chat == self.chat.id && invite.works(step.at);
        if !unfit.is_empty() {
            return Some(Stepped::Unfit(unfit));
        }
        (step.invite.is_some() && !invite.is_some_and(works)).then_some(Stepped::InviteGone)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::id::{ChatId, ObjectId};
    use crate::model::chats::GROUPS;
    use crate::model::text::{About, Title};
    use MemberState::{Active, Banned, Left};

    const AT: Time = Time(50);

    fn user(number: u8) -> UserId {
        UserId(ObjectId([number; 12]))
    }

    /// The group of user 1, an admin, who is 2, and a member, who is 3.
    fn group() -> (Chat, Vec<Member>) {
        let blank = Chat {
            title: Some(Title::stored("Peña".into())),
            about: About::stored("de los martes".into()),
            ..Chat::direct((user(8), user(9)), Time(5))
        };
        let blank = Chat { id: ChatId(ObjectId([7; 12])), peers: None, ..blank };
        let people = [(user(1), Role::Owner), (user(2), Role::Admin), (user(3), Role::Member)];
        let event = SystemEvent::Described;
        let id = MessageId(ObjectId([6; 12]));
        let Founding { mut chat, members, .. } = found(blank, &people, id, event).expect("founds");
        (chat.head_seq, chat.head_rev) = (9, 14);
        (chat, members)
    }

    fn step(members: &[(u8, MemberState, Role)]) -> GroupStep {
        GroupStep {
            chat: ChatId(ObjectId([7; 12])),
            guards: vec![Guard { user: user(1), standing: Some((Active, Role::Owner)) }],
            rests_on: None,
            change: ChatChange::default(),
            silence: None,
            members: members.iter().map(|row| (user(row.0), row.1, row.2)).collect(),
            all_leave: false,
            terms: None,
            invite: None,
            revoked: Vec::new(),
            message: MessageId(ObjectId([5; 12])),
            by: user(1),
            event: SystemEvent::Left,
            at: AT,
        }
    }

    fn decided(step: &GroupStep) -> Decided {
        let (chat, rows) = group();
        decide(&chat, &rows, step).expect("nothing stands against it")
    }

    #[test]
    fn a_group_begins_with_each_of_its_members_once_and_its_owner_has_read_message_1() {
        let (chat, members) = group();
        assert_eq!((chat.kind, chat.owner, chat.member_count), (ChatKind::Group, Some(user(1)), 3));
        assert_eq!((chat.meta_rev, chat.active_at), (1, chat.created));
        let told: Vec<_> =
            members.iter().map(|row| (row.user, row.role, row.join_seq, row.own_seq)).collect();
        let expected = [
            (user(1), Role::Owner, 1, 1),
            (user(2), Role::Admin, 1, 0),
            (user(3), Role::Member, 1, 0),
        ];
        assert_eq!(told, expected);
        let twice = [(user(1), Role::Owner), (user(2), Role::Member), (user(2), Role::Admin)];
        let id = MessageId(ObjectId([6; 12]));
        let founding = found(chat.clone(), &twice, id, SystemEvent::Left).expect("founds");
        assert_eq!((founding.members.len(), founding.chat.member_count), (2, 2));
        assert_eq!(founding.message.place(), Place { seq: 1, rev: 1 });
        assert!(found(chat, &[], id, SystemEvent::Left).is_err());
    }

    #[test]
    fn whoever_comes_begins_at_the_message_that_tells_it() {
        let step = step(&[(4, Active, Role::Member), (5, Active, Role::Admin)]);
        let Decided { chat, members, comers, risers, message } = decided(&step);
        assert_eq!((comers, risers), (vec![user(4), user(5)], vec![]));
        assert_eq!((message.place(), message.from), (Place { seq: 10, rev: 15 }, user(1)));
        let joining = |number| Member::joining(step.chat, user(number), 10, AT);
        assert_eq!(members, [joining(4), Member { role: Role::Admin, ..joining(5) }]);
        assert_eq!((chat.member_count, chat.meta_rev), (5, 15));
        assert_eq!((chat.head_seq, chat.head_rev, chat.active_at), (10, 15, AT));
    }

    #[test]
    fn whoever_comes_again_keeps_what_is_their_own() {
        let (chat, mut rows) = group();
        rows[2] = Member { state: Left, read_seq: 6, own_seq: 5, pinned: true, ..rows[2].clone() };
        let again = decide(&chat, &rows, &step(&[(3, Active, Role::Member)])).expect("comes");
        let expected = Member { state: Active, join_seq: 10, since: AT, ..rows[2].clone() };
        assert_eq!(again.members, [expected]);
        let banned = decide(&chat, &rows, &step(&[(3, Banned, Role::Member)])).expect("banned");
        assert_eq!(banned.members, [Member { state: Banned, ..rows[2].clone() }]);
        assert_eq!((banned.comers.len(), banned.chat.meta_rev), (0, chat.meta_rev));
    }

    #[test]
    fn a_rank_changes_no_number_and_a_standing_that_is_there_no_row() {
        let up = decided(&step(&[(3, Active, Role::Admin), (2, Active, Role::Admin)]));
        assert_eq!((up.comers, up.risers), (vec![], vec![user(3)]));
        let rows: Vec<_> =
            up.members.iter().map(|row| (row.user, row.role, row.join_seq)).collect();
        assert_eq!(rows, [(user(3), Role::Admin, 1)]);
        assert_eq!((up.chat.member_count, up.chat.meta_rev), (3, 1));
        let down = decided(&step(&[(2, Active, Role::Member)]));
        assert_eq!((down.risers.len(), down.members.len()), (0, 1));
        let gone = decided(&step(&[(2, Left, Role::Member)]));
        assert_eq!((gone.chat.member_count, gone.chat.meta_rev), (2, 15));
    }

    #[test]
    fn a_change_of_the_group_leaves_what_it_does_not_name() {
        let change = ChatChange { public: Some(true), avatar: Some(None), ..ChatChange::default() };
        let after = decided(&GroupStep { change, ..step(&[]) }).chat;
        let (before, _) = group();
        let grown = Chat { head_seq: 10, head_rev: 15, active_at: AT, meta_rev: 15, ..before };
        assert_eq!(after, Chat { public: true, ..grown });
        let change = ChatChange { deleted: Some(AT), ..ChatChange::default() };
        let end = decided(&GroupStep { change, all_leave: true, ..step(&[]) }).chat;
        assert_eq!((end.deleted, end.member_count), (Some(AT), 0));
    }

    #[test]
    fn a_step_is_refused_in_one_order() {
        let (chat, rows) = group();
        let full = Chat { member_count: GROUP_MEMBERS, ..chat.clone() };
        let come = step(&[(4, Active, Role::Member)]);
        let gone = Chat { deleted: Some(AT), ..full.clone() };
        let refused = |chat: &Chat, rows: &[Member], step: &GroupStep| {
            decide(chat, rows, step).map(drop).expect_err("refused")
        };
        assert_eq!(refused(&gone, &[], &come), Stepped::Gone);
        let direct = Chat::direct((user(1), user(2)), AT);
        assert_eq!(refused(&direct, &rows, &come), Stepped::Gone);
        assert_eq!(refused(&full, &[], &come), Stepped::Stale, "there was a row");
        let demoted = [Member { role: Role::Admin, ..rows[0].clone() }];
        assert_eq!(refused(&full, &demoted, &come), Stepped::Stale);
        assert_eq!(refused(&full, &rows, &come), Stepped::Full);
        let swap = step(&[(4, Active, Role::Member), (3, Left, Role::Member)]);
        assert!(decide(&full, &rows, &swap).is_ok(), "one for another");
        let over = Chat { member_count: GROUP_MEMBERS + 2, ..chat };
        assert!(decide(&over, &rows, &step(&[(3, Left, Role::Member)])).is_ok(), "fewer");
    }

    #[test]
    fn people_and_a_link_can_stand_against_a_step() {
        let by_link =
            GroupStep { invite: Some("link".into()), ..step(&[(4, Active, Role::Member)]) };
        let mut unfit = Unfit::default();
        unfit.weigh(user(2), true, GROUPS);
        unfit.weigh(user(3), false, GROUPS);
        unfit.weigh(user(4), false, GROUPS - 1);
        assert_eq!((&unfit.deleted[..], &unfit.crowded[..]), (&[user(2)][..], &[user(3)][..]));
        let refusal =
            |unfit, invite: Option<&Invite>| decided(&by_link).refusal(&by_link, unfit, invite);
        assert_eq!(refusal(unfit.clone(), None), Some(Stepped::Unfit(unfit)));

        let link = Invite {
            code: "link".into(),
            chat: by_link.chat,
            by: user(1),
            created: Time(1),
            expires: Some(Time(AT.0 + 1)),
            uses_left: Some(1),
        };
        assert_eq!(refusal(Unfit::default(), Some(&link)), None);
        for broken in [
            None,
            Some(Invite { expires: Some(AT), ..link.clone() }),
            Some(Invite { uses_left: Some(0), ..link.clone() }),
            Some(Invite { chat: ChatId(ObjectId([1; 12])), ..link }),
        ] {
            assert_eq!(refusal(Unfit::default(), broken.as_ref()), Some(Stepped::InviteGone));
        }
        let no_link = step(&[]);
        assert_eq!(decided(&no_link).refusal(&no_link, Unfit::default(), None), None);
    }
}
