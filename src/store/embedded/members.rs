//! Member rows ("seats") and the order of each user's inbox.
//!
//! Invariant: every change of a member row takes the user's next inbox rev, in the same
//! transaction; the one exception is `own`, which moves with the member's own message and needs
//! none. Called by the nouns beside it.

use rusqlite::{Row, params};

use super::sql::{Db, count, int};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, ObjectId, UserId};
use crate::model::chats::Member;
use crate::model::contacts::{Tie, TieState};
use crate::model::text::Name;

/// Selects member rows: the 21 columns of `seat`, of `members AS m`, others behind them if so, and
/// from what follows.
macro_rules! select {
    ($rest:expr) => {
        $crate::store::embedded::members::select!(@ "", $rest)
    };
    ($columns:expr, $rest:expr) => {
        $crate::store::embedded::members::select!(@ concat!(", ", $columns), $rest)
    };
    (@ $columns:expr, $rest:expr) => {
        concat!(
            "SELECT m.seat, m.user, m.role, m.state, m.join_seq, m.read_seq, m.delivered_seq, \
             coalesce(o.seq, 0), m.hide_seq, m.muted_until, m.pinned, m.since, m.rev, \
             m.alerts, m.nick, m.announcement_seen, m.silent_until, m.tie, m.tied, m.texts, \
             m.remark",
            $columns,
            " FROM members m LEFT JOIN own o ON o.seat = m.seat ",
            $rest
        )
    };
}
pub(super) use select;

/// A member row with its number.
pub(super) struct Seat {
    /// Its number.
    pub(super) num: i64,
    /// What it says.
    pub(super) member: Member,
}

/// Reads the columns of `select`.
pub(super) fn seat(row: &Row<'_>, chat: ChatId) -> rusqlite::Result<Seat> {
    Ok(Seat {
        num: row.get(0)?,
        member: Member {
            chat,
            user: row.get(1)?,
            role: row.get(2)?,
            state: row.get(3)?,
            join_seq: count(row, 4)?,
            read_seq: count(row, 5)?,
            delivered_seq: count(row, 6)?,
            own_seq: count(row, 7)?,
            hide_seq: count(row, 8)?,
            muted_until: row.get(9)?,
            pinned: row.get(10)?,
            nick: row.get::<_, Option<String>>(14)?.map(Name::stored),
            announcement_seen: count(row, 15)?,
            silent_until: row.get(16)?,
            since: row.get(11)?,
            rev: count(row, 12)?,
            alerts: row.get(13)?,
            tie: tie(row)?,
            remark: row.get::<_, Option<String>>(20)?.map(Name::stored),
        },
    })
}

fn tie(row: &Row<'_>) -> rusqlite::Result<Tie> {
    let state = row.get(17)?;
    if state == TieState::None {
        return Ok(Tie::NONE);
    }
    let texts: Vec<u8> = row.get::<_, Option<_>>(19)?.unwrap_or_default();
    let (marks, _) = texts.as_chunks::<12>();
    Ok(Tie {
        state,
        since: row.get(18)?,
        texts: marks.iter().map(|mark| ObjectId(*mark)).collect(),
    })
}

/// The columns of a tie: state, since when, texts.
fn columns(tie: &Tie) -> (TieState, Option<Time>, Option<Vec<u8>>) {
    let since = (tie.state != TieState::None).then_some(tie.since);
    let texts = tie.texts.iter().flat_map(|mark| mark.0).collect::<Vec<u8>>();
    (tie.state, since, (!texts.is_empty()).then_some(texts))
}

/// The member row of a user in a chat.
pub(super) fn find(db: &Db<'_>, num: i64, chat: ChatId, user: UserId) -> Result<Option<Seat>> {
    const ONE: &str = select!("WHERE m.chat = ?1 AND m.user = ?2");
    db.first(ONE, params![num, user], |row| seat(row, chat))
}

/// The same, when the user is an active member.
pub(super) fn find_active(
    db: &Db<'_>,
    num: i64,
    chat: ChatId,
    user: UserId,
) -> Result<Option<Seat>> {
    Ok(find(db, num, chat, user)?.filter(|seat| seat.member.is_active()))
}

/// The seat's number of a user in a chat; -1, which no seat has, when there is none.
pub(super) fn number(db: &Db<'_>, num: i64, user: UserId) -> Result<i64> {
    let found = db.first(
        "SELECT seat FROM members WHERE chat = ?1 AND user = ?2",
        params![num, user],
        |row| row.get(0),
    )?;
    Ok(found.unwrap_or(-1))
}

/// Takes the next rev of a user's inbox.
fn next_rev(db: &Db<'_>, user: UserId) -> Result<u64> {
    db.one(
        "INSERT INTO inboxes(user, rev) VALUES(?1, 1)
         ON CONFLICT(user) DO UPDATE SET rev = rev + 1 RETURNING rev",
        [user],
        |row| count(row, 0),
    )
}

/// Writes a new row under the user's next inbox rev; nothing when there is one. `own_seq` is left
/// to `wrote`. Whether it was new.
pub(super) fn insert(db: &Db<'_>, num: i64, row: &Member) -> Result<bool> {
    if number(db, num, row.user)? >= 0 {
        return Ok(false);
    }
    let rev = next_rev(db, row.user)?;
    put(db, num, row, rev)
}

/// Writes a new row under its rev; nothing when there is one. Whether it was new.
pub(super) fn put(db: &Db<'_>, num: i64, row: &Member, rev: u64) -> Result<bool> {
    let (tie, tied, texts) = columns(&row.tie);
    let new = db.run(
        "INSERT INTO members(chat, user, role, state, join_seq, read_seq, delivered_seq, hide_seq,
                             muted_until, pinned, since, rev, alerts, nick, announcement_seen,
                             silent_until, tie, tied, texts, remark)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18,
                ?19, ?20)
         ON CONFLICT DO NOTHING",
        params![
            num,
            row.user,
            row.role,
            row.state,
            int(row.join_seq),
            int(row.read_seq),
            int(row.delivered_seq),
            int(row.hide_seq),
            row.muted_until,
            row.pinned,
            row.since,
            int(rev),
            row.alerts,
            row.nick.as_ref().map(Name::as_str),
            int(row.announcement_seen),
            row.silent_until,
            tie,
            tied,
            texts,
            row.remark.as_ref().map(Name::as_str),
        ],
    )?;
    Ok(new > 0)
}

/// Writes what a step made of a row of a group, which may be new, and counts the group.
pub(super) fn settle(db: &Db<'_>, num: i64, before: Option<&Seat>, after: Member) -> Result<()> {
    let was_in = before.is_some_and(|seat| seat.member.is_active());
    let (user, is_in) = (after.user, after.is_active());
    match before {
        Some(seat) => {
            db.run(
                "UPDATE members SET role = ?2, state = ?3, join_seq = ?4, since = ?5,
                     silent_until = ?6
                 WHERE seat = ?1",
                params![
                    seat.num,
                    after.role,
                    after.state,
                    int(after.join_seq),
                    after.since,
                    after.silent_until,
                ],
            )?;
            update(db, Seat { num: seat.num, member: after }).map(drop)?;
        }
        None => insert(db, num, &after).map(drop)?,
    }
    if was_in == is_in { Ok(()) } else { count_group(db, user, is_in) }
}

/// Writes what members change themselves, under the user's next inbox rev. Its standing is no part
/// of it, so that a cursor that moves touches no index of standings.
pub(super) fn update(db: &Db<'_>, mut seat: Seat) -> Result<Member> {
    let member = &mut seat.member;
    member.rev = next_rev(db, member.user)?;
    db.run(
        "UPDATE members SET read_seq = ?2, delivered_seq = ?3, hide_seq = ?4, muted_until = ?5,
             pinned = ?6, rev = ?7, alerts = ?8, nick = ?9, announcement_seen = ?10, remark = ?11
         WHERE seat = ?1",
        params![
            seat.num,
            int(member.read_seq),
            int(member.delivered_seq),
            int(member.hide_seq),
            member.muted_until,
            member.pinned,
            int(member.rev),
            member.alerts,
            member.nick.as_ref().map(Name::as_str),
            int(member.announcement_seen),
            member.remark.as_ref().map(Name::as_str),
        ],
    )?;
    Ok(seat.member)
}

/// Writes what somebody is to the other person of a direct chat, under their next inbox rev.
pub(super) fn set_tie(db: &Db<'_>, seat: Seat, after: Tie) -> Result<Member> {
    let mut member = Member { tie: after, ..seat.member };
    member.rev = next_rev(db, member.user)?;
    let (tie, tied, texts) = columns(&member.tie);
    db.run(
        "UPDATE members SET tie = ?2, tied = ?3, texts = ?4, rev = ?5 WHERE seat = ?1",
        params![seat.num, tie, tied, texts, int(member.rev)],
    )?;
    Ok(member)
}

/// In how many groups a user is.
pub(super) fn groups_of(db: &Db<'_>, user: UserId) -> Result<u32> {
    let found = db.first("SELECT groups FROM inboxes WHERE user = ?1", [user], |row| row.get(0))?;
    Ok(found.unwrap_or(0))
}

/// Counts a group that a user came into or, with `false`, went out of.
pub(super) fn count_group(db: &Db<'_>, user: UserId, came: bool) -> Result<()> {
    let by = if came { 1 } else { -1 };
    db.run("UPDATE inboxes SET groups = max(0, groups + ?2) WHERE user = ?1", params![user, by])?;
    Ok(())
}

/// Notes that a seat wrote message `seq`.
pub(super) fn wrote(db: &Db<'_>, seat: i64, seq: u64) -> Result<()> {
    db.run(
        "INSERT INTO own(seat, seq) VALUES(?1, ?2)
         ON CONFLICT(seat) DO UPDATE SET seq = excluded.seq",
        params![seat, int(seq)],
    )?;
    Ok(())
}
