//! Steps of a group: what changes of it and the system message that tells it, all at once.
//!
//! A step that changes a field of the group or the number of its members sets `meta_rev`. Whoever
//! carries it out is taken to have read up to its message, as with a message of its own.

use rusqlite::params;

use super::chats::{self, Numbered};
use super::content::Stored;
use super::members::{self, Seat};
use super::messages::{self, Birth};
use super::sql::Db;
use super::terms::{forget_terms, replace_terms};
use super::users;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{Chat, ChatChange, ChatKind, GROUP_MEMBERS, GROUPS, MemberState, Role};
use crate::model::messages::{Content, Message, SystemEvent};
use crate::store::{Founded, GroupStep, Guard, Index, Stepped, Unfit};

/// Creates a group with its first members and message 1; a known id gives what is there.
pub(super) fn create_group(
    db: &Db<'_>,
    mut chat: Chat,
    people: &[(UserId, Role)],
    terms: &[String],
    id: MessageId,
    event: SystemEvent,
) -> Result<Founded> {
    if let Some(known) = chats::find(db, chat.id)? {
        let first = messages::find(db, &known, 1)?;
        let first = first.ok_or_else(|| Error::internal("a group without its first message"))?;
        return Ok(Founded::Known(first, known.chat));
    }
    let Some(&(owner, _)) = people.first() else {
        return Err(Error::internal("a group without a member"));
    };
    let mut unfit = Unfit::default();
    for &(user, _) in people {
        weigh(db, user, true, &mut unfit)?;
    }
    if !unfit.is_empty() {
        return Ok(Founded::Unfit(unfit));
    }
    chat.kind = ChatKind::Group;
    chat.owner = Some(owner);
    (chat.head_seq, chat.head_rev, chat.meta_rev, chat.member_count) = (0, 0, 1, 0);
    let (at, chat_id) = (chat.created, chat.id);
    let mut group = chats::insert(db, chat)?;
    for &(user, role) in people {
        let new = members::insert(db, group.num, user, (MemberState::Active, role), 1, at)?;
        if new {
            group.chat.member_count += 1;
            members::count_group(db, user, true)?;
        }
    }
    chats::update(db, &group)?;
    replace_terms(db, Index::Groups, chat_id.0, terms)?;
    let message = tell(db, &mut group, id, owner, event, at)?;
    Ok(Founded::Done(message, group.chat))
}

/// Notes a person who cannot come in (`comes`), or rise: see `Unfit`.
fn weigh(db: &Db<'_>, user: UserId, comes: bool, unfit: &mut Unfit) -> Result<()> {
    if users::is_deleted(db, user)? {
        unfit.deleted.push(user);
    } else if comes && members::groups_of(db, user)? >= GROUPS {
        unfit.crowded.push(user);
    }
    Ok(())
}

/// Carries out a step, if its guards hold.
pub(super) fn step(db: &Db<'_>, step: GroupStep) -> Result<Stepped> {
    let Some(mut group) = chats::find(db, step.chat)?.filter(|found| lives(&found.chat)) else {
        return Ok(Stepped::Gone);
    };
    if !hold(db, &group, &step.guards)? {
        return Ok(Stepped::Stale);
    }
    let seats = seats(db, &group, &step.members)?;
    let count_after = count_after(&group.chat, &seats);
    if count_after > group.chat.member_count && count_after > GROUP_MEMBERS {
        return Ok(Stepped::Full);
    }
    let unfit = unfit(db, &seats)?;
    if !unfit.is_empty() {
        return Ok(Stepped::Unfit(unfit));
    }
    if let Some(code) = &step.invite
        && !use_invite(db, group.num, code, step.at)?
    {
        return Ok(Stepped::InviteGone);
    }

    for &maker in &step.revoked {
        db.run("DELETE FROM invites WHERE chat = ?1 AND by = ?2", params![group.num, maker])?;
    }

    let seq = group.chat.head_seq + 1;
    for target in seats {
        settle(db, &group, target, seq, step.at)?;
    }
    let touched = step.change != ChatChange::default()
        || step.all_leave
        || count_after != group.chat.member_count;
    group.chat.member_count = count_after;
    if step.all_leave {
        dismiss(db, &group)?;
        group.chat.member_count = 0;
    }
    if touched {
        apply(&mut group.chat, step.change);
        group.chat.meta_rev = group.chat.head_rev + 1;
        chats::update(db, &group)?;
    }
    if group.chat.deleted.is_some() {
        forget_terms(db, Index::Groups, step.chat.0)?;
    } else if let Some(terms) = &step.terms {
        replace_terms(db, Index::Groups, step.chat.0, terms)?;
    }
    let message = tell(db, &mut group, step.message, step.by, step.event, step.at)?;
    Ok(Stepped::Done(message, group.chat))
}

fn lives(chat: &Chat) -> bool {
    chat.kind == ChatKind::Group && chat.deleted.is_none()
}

/// What a member row becomes: the row as it is, if there is one, and what it shall say.
struct Target {
    user: UserId,
    seat: Option<Seat>,
    state: MemberState,
    role: Role,
}

fn seats(
    db: &Db<'_>,
    group: &Numbered,
    people: &[(UserId, MemberState, Role)],
) -> Result<Vec<Target>> {
    let target = |&(user, state, role): &(UserId, MemberState, Role)| {
        let seat = members::find(db, group.num, group.chat.id, user)?;
        Ok(Target { user, seat, state, role })
    };
    people.iter().map(target).collect()
}

impl Target {
    fn is_in(&self) -> bool {
        self.seat.as_ref().is_some_and(|seat| seat.member.is_active())
    }

    /// Whether it gets a role that it did not have.
    fn rises(&self) -> bool {
        self.seat.as_ref().is_none_or(|seat| seat.member.role < self.role)
    }
}

/// Who of those that shall be members, or rise, cannot.
fn unfit(db: &Db<'_>, targets: &[Target]) -> Result<Unfit> {
    let mut unfit = Unfit::default();
    for target in targets.iter().filter(|target| target.state == MemberState::Active) {
        let comes = !target.is_in();
        if comes || target.rises() {
            weigh(db, target.user, comes, &mut unfit)?;
        }
    }
    Ok(unfit)
}

fn count_after(chat: &Chat, targets: &[Target]) -> u32 {
    let is_in = |target: &&Target| target.is_in();
    let shall = |target: &&Target| target.state == MemberState::Active;
    let gone = targets.iter().filter(is_in).filter(|target| !shall(target)).count();
    let come = targets.iter().filter(shall).filter(|target| !is_in(target)).count();
    chat.member_count.saturating_add(come as u32).saturating_sub(gone as u32)
}

fn hold(db: &Db<'_>, group: &Numbered, guards: &[Guard]) -> Result<bool> {
    for guard in guards {
        let found = members::find(db, group.num, group.chat.id, guard.user)?;
        let standing = found.map(|seat| (seat.member.state, seat.member.role));
        if standing != guard.standing {
            return Ok(false);
        }
    }
    Ok(true)
}

fn use_invite(db: &Db<'_>, group: i64, code: &str, now: Time) -> Result<bool> {
    let used = db.run(
        "UPDATE invites SET uses_left = uses_left - 1
         WHERE code = ?1 AND chat = ?2 AND (expires IS NULL OR expires > ?3)
           AND (uses_left IS NULL OR uses_left > 0)",
        params![code, group, now],
    )?;
    Ok(used > 0)
}

fn settle(db: &Db<'_>, group: &Numbered, target: Target, seq: u64, at: Time) -> Result<()> {
    let (was_in, is_in) = (target.is_in(), target.state == MemberState::Active);
    let Target { user, seat, state, role } = target;
    let Some(mut seat) = seat else {
        members::insert(db, group.num, user, (state, role), seq, at)?;
        return if is_in { members::count_group(db, user, true) } else { Ok(()) };
    };
    let member = &mut seat.member;
    if (member.state, member.role) == (state, role) {
        return Ok(());
    }
    if state == MemberState::Active && !member.is_active() {
        member.join_seq = seq;
        member.since = at;
    }
    (member.state, member.role) = (state, role);
    members::update(db, seat)?;
    if was_in != is_in { members::count_group(db, user, is_in) } else { Ok(()) }
}

/// Every active member leaves. At most `GROUP_MEMBERS` rows.
fn dismiss(db: &Db<'_>, group: &Numbered) -> Result<()> {
    const ACTIVE: &str = members::select!("WHERE m.chat = ?1 AND m.state = 0");
    for mut seat in db.all(ACTIVE, [group.num], |row| members::seat(row, group.chat.id))? {
        seat.member.state = MemberState::Left;
        let user = seat.member.user;
        members::update(db, seat)?;
        members::count_group(db, user, false)?;
    }
    Ok(())
}

fn apply(chat: &mut Chat, change: ChatChange) {
    chat.title = change.title.or(chat.title.take());
    if let Some(about) = change.about {
        chat.about = about;
    }
    chat.avatar = change.avatar.unwrap_or(chat.avatar);
    chat.public = change.public.unwrap_or(chat.public);
    chat.history_shared = change.history_shared.unwrap_or(chat.history_shared);
    chat.owner = change.owner.or(chat.owner);
    chat.deleted = change.deleted.or(chat.deleted);
}

/// Writes the system message at the end of the group's log.
fn tell(
    db: &Db<'_>,
    group: &mut Numbered,
    id: MessageId,
    by: UserId,
    event: SystemEvent,
    at: Time,
) -> Result<Message> {
    let (seq, rev) = (group.chat.head_seq + 1, group.chat.head_rev + 1);
    (group.chat.head_seq, group.chat.head_rev) = (seq, rev);
    let content = Content::System(event);
    let stored = Stored::of(&content)?;
    let birth = Birth { chat: group.num, seq, rev, id, from: by, author: None, sent: at };
    messages::insert(db, &birth, &stored)?;
    group.chat.active_at = at;
    chats::grow(db, group.num, (seq, rev), at)?;
    let seat = members::number(db, group.num, by)?;
    if seat >= 0 {
        members::wrote(db, seat, seq)?;
    }
    let chat: ChatId = group.chat.id;
    Ok(messages::newborn(id, chat, (seq, rev), by, None, content, at))
}
