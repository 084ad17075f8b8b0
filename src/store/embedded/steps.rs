//! Steps of a group: what changes of it and the system message that tells it, all at once.
//!
//! What a step does is decided in `decide::step`; here it is read and written. Whoever carries it
//! out is taken to have read up to its message, as with a message of their own.

use super::accounts;
use super::chats::{self, Numbered};
use super::invites;
use super::members::{self, Seat};
use super::messages;
use super::sql::{Db, count};
use super::terms::{forget_terms, replace_terms};
use crate::error::{Error, Result};
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{Chat, Member, MemberState, Role};
use crate::model::messages::{Message, SystemEvent};
use crate::store::decide::member::{ask as decide_ask, end_request as end_of};
use crate::store::decide::step::{Decided, Founding, decide, found};
use crate::store::{Asked, Founded, GroupStep, Index, JoinAsk, Stepped, Unfit};

/// Creates a group with its first members and message 1; a known id gives what is there.
pub(super) fn create_group(
    db: &Db<'_>,
    chat: Chat,
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
    let Founding { chat, members, message } = found(chat, people, id, event)?;
    let users: Vec<UserId> = members.iter().map(|row| row.user).collect();
    let unfit = unfit(db, &users, &[])?;
    if !unfit.is_empty() {
        return Ok(Founded::Unfit(unfit));
    }
    let Numbered { num, chat } = chats::insert(db, chat)?;
    for row in members {
        members::settle(db, num, None, row)?;
    }
    replace_terms(db, Index::Groups, chat.id.0, terms)?;
    tell(db, num, &message)?;
    Ok(Founded::Done(message, chat))
}

/// Who cannot become a member (`comers`) or rise (`risers`).
fn unfit(db: &Db<'_>, comers: &[UserId], risers: &[UserId]) -> Result<Unfit> {
    let mut unfit = Unfit::default();
    for &user in comers {
        unfit.weigh(user, accounts::is_deleted(db, user)?, members::groups_of(db, user)?);
    }
    for &user in risers {
        unfit.weigh(user, accounts::is_deleted(db, user)?, 0);
    }
    Ok(unfit)
}

/// Carries out a step, if its guards hold.
pub(super) fn step(db: &Db<'_>, step: GroupStep) -> Result<Stepped> {
    let Some(Numbered { num, chat }) = chats::find(db, step.chat)? else {
        return Ok(Stepped::Gone);
    };
    let mut seats = Vec::new();
    for user in step.people() {
        seats.extend(members::find(db, num, chat.id, user)?);
    }
    let rows: Vec<Member> = seats.iter().map(|seat| seat.member.clone()).collect();
    let decided = match decide(&chat, &rows, &step) {
        Ok(decided) => decided,
        Err(refused) => return Ok(refused),
    };
    let unfit = unfit(db, &decided.comers, &decided.risers)?;
    let invite = match &step.invite {
        Some(code) => invites::find(db, code)?,
        None => None,
    };
    if let Some(refused) = decided.refusal(&step, unfit, invite.as_ref()) {
        return Ok(refused);
    }
    write(db, num, &step, decided, &seats)
}

/// Makes somebody wait to be let in.
pub(super) fn ask_in(db: &Db<'_>, ask: &JoinAsk) -> Result<Asked> {
    let Some(Numbered { num, chat }) = chats::find(db, ask.chat)? else {
        return Ok(Asked::Gone);
    };
    let seat = members::find(db, num, chat.id, ask.user)?;
    let (maker, invite) = match &ask.invite {
        Some((code, maker, _)) => {
            (members::find(db, num, chat.id, *maker)?, invites::find(db, code)?)
        }
        None => (None, None),
    };
    let others =
        db.one("SELECT count(*) FROM members WHERE chat = ?1 AND state = 3", [num], |row| {
            count(row, 0)
        })?;
    let row = seat.as_ref().map(|seat| &seat.member);
    let maker = maker.as_ref().map(|seat| &seat.member);
    let waits = match decide_ask(&chat, row, (maker, invite.as_ref()), others, ask) {
        Ok(waits) => waits,
        Err(answer) => return Ok(answer),
    };
    if let Some((code, ..)) = &ask.invite {
        invites::use_up(db, code)?;
    }
    members::settle(db, num, seat.as_ref(), waits)?;
    let seat = members::find(db, num, chat.id, ask.user)?;
    let seat = seat.ok_or_else(|| Error::internal("a member row vanished"))?;
    Ok(Asked::Done(seat.member))
}

/// Ends somebody's waiting.
pub(super) fn end_request(db: &Db<'_>, chat: ChatId, user: UserId) -> Result<Option<Member>> {
    let Some((num, ..)) = chats::head(db, chat)? else { return Ok(None) };
    let Some(seat) = members::find(db, num, chat, user)? else { return Ok(None) };
    let Some(after) = end_of(&seat.member) else { return Ok(None) };
    members::settle(db, num, Some(&seat), after)?;
    Ok(members::find(db, num, chat, user)?.map(|seat| seat.member))
}

fn write(
    db: &Db<'_>,
    num: i64,
    step: &GroupStep,
    decided: Decided,
    seats: &[Seat],
) -> Result<Stepped> {
    let Decided { chat, members, message, .. } = decided;
    if let Some(code) = &step.invite {
        invites::use_up(db, code)?;
    }
    for &maker in &step.revoked {
        invites::revoke(db, num, maker)?;
    }
    for row in members {
        let before = seats.iter().find(|seat| seat.member.user == row.user);
        members::settle(db, num, before, row)?;
    }
    if step.all_leave {
        dismiss(db, num, &chat)?;
    }
    chats::update(db, num, &chat)?;
    if chat.deleted.is_some() {
        forget_terms(db, Index::Groups, chat.id.0)?;
    } else if let Some(terms) = &step.terms {
        replace_terms(db, Index::Groups, chat.id.0, terms)?;
    }
    tell(db, num, &message)?;
    Ok(Stepped::Done(message, chat))
}

/// Every active member leaves, and so do those who wait. At most `GROUP_MEMBERS` and `REQUESTS`
/// rows.
fn dismiss(db: &Db<'_>, num: i64, chat: &Chat) -> Result<()> {
    const ACTIVE: &str = members::select!("WHERE m.chat = ?1 AND m.state IN (0, 3)");
    for seat in db.all(ACTIVE, [num], |row| members::seat(row, chat.id))? {
        let after = Member { state: MemberState::Left, ..seat.member.clone() };
        members::settle(db, num, Some(&seat), after)?;
    }
    Ok(())
}

/// Writes the system message at the end of the group's log.
fn tell(db: &Db<'_>, num: i64, message: &Message) -> Result<()> {
    messages::insert(db, num, None, message.rev, message)?;
    chats::grow(db, num, message)?;
    let seat = members::number(db, num, message.from)?;
    if seat >= 0 { members::wrote(db, seat, message.seq) } else { Ok(()) }
}
