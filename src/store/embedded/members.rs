//! Member rows ("seats") and the order of each user's inbox.
//!
//! Invariant: every change of a member row takes the user's next inbox rev, in the same
//! transaction; the one exception is `own`, which moves with the member's own message and needs
//! none. Called by the nouns beside it.

use rusqlite::{Row, params};

use super::sql::{Db, count, int};
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::Member;
use crate::model::text::Name;

/// Selects member rows: the 17 columns of `seat`, of `members AS m`, others behind them if so, and
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
             m.alerts, m.nick, m.announcement_seen, m.silent_until",
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
        },
    })
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
    let new = db.run(
        "INSERT INTO members(chat, user, role, state, join_seq, read_seq, delivered_seq, hide_seq,
                             muted_until, pinned, since, rev, alerts, nick, announcement_seen,
                             silent_until)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16)
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
             pinned = ?6, rev = ?7, alerts = ?8, nick = ?9, announcement_seen = ?10
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
        ],
    )?;
    Ok(seat.member)
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
