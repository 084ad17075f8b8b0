//! What is counted and not kept: receipts, mentions, what there is nothing to read in.
//!
//! Each count is a range of an index of those rows alone. Called by `chats`.

use rusqlite::params;

use super::chats::head;
use super::members;
use super::sql::{Db, count, int};
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::store::Progress;

/// How far the active members of a chat who show receipts have come, in the order of their ids.
pub(super) fn progress(db: &Db<'_>, chat: ChatId) -> Result<Vec<Progress>> {
    let Some((num, ..)) = head(db, chat)? else { return Ok(Vec::new()) };
    db.all(
        "SELECT m.user, m.join_seq, max(m.delivered_seq, coalesce(o.seq, 0)),
                max(m.read_seq, coalesce(o.seq, 0))
         FROM members m LEFT JOIN own o ON o.seat = m.seat
         WHERE m.chat = ?1 AND m.state = 0
         AND NOT EXISTS (SELECT 1 FROM users u WHERE u.id = m.user AND u.privacy & 4 = 0)
         ORDER BY m.user",
        [num],
        |row| {
            Ok(Progress {
                user: row.get(0)?,
                join_seq: count(row, 1)?,
                delivered_seq: count(row, 2)?,
                read_seq: count(row, 3)?,
            })
        },
    )
}

/// How many messages after one mention a user, once each, and none that it hid.
pub(super) fn mentions(db: &Db<'_>, user: UserId, chat: ChatId, after: u64) -> Result<u64> {
    let Some((num, ..)) = head(db, chat)? else { return Ok(0) };
    let seat = members::number(db, num, user)?;
    let named = db.one(
        "SELECT count(*) FROM mentions m WHERE user = ?1 AND chat = ?2 AND seq > ?3
         AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.seat = ?4 AND h.seq = m.seq)",
        params![user, num, int(after), seat],
        |row| count(row, 0),
    )?;
    let all = db.one(
        "SELECT count(*) FROM mentions_of_all m WHERE chat = ?1 AND seq > ?2 AND sender <> ?3
         AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.seat = ?4 AND h.seq = m.seq)",
        params![num, int(after), user, seat],
        |row| count(row, 0),
    )?;
    Ok(named + all)
}

/// The latest seqs of a range in which there is nothing to read for anybody, ascending.
pub(super) fn quiet_seqs(
    db: &Db<'_>,
    (chat, after, until): (ChatId, u64, u64),
    limit: u32,
) -> Result<Vec<u64>> {
    let Some((num, ..)) = head(db, chat)? else { return Ok(Vec::new()) };
    let mut seqs = db.all(
        "SELECT seq FROM quiet WHERE chat = ?1 AND seq > ?2 AND seq <= ?3
         ORDER BY seq DESC LIMIT ?4",
        params![num, int(after), int(until), limit],
        |row| count(row, 0),
    )?;
    seqs.reverse();
    Ok(seqs)
}

/// How many messages of a range are nothing to read for a user.
pub(super) fn quiet(
    db: &Db<'_>,
    user: UserId,
    (chat, after, until): (ChatId, u64, u64),
) -> Result<u64> {
    let Some((num, ..)) = head(db, chat)? else { return Ok(0) };
    let of_all = db.one(
        "SELECT count(*) FROM quiet WHERE chat = ?1 AND seq > ?2 AND seq <= ?3",
        params![num, int(after), int(until)],
        |row| count(row, 0),
    )?;
    let hidden = db.one(
        "SELECT count(*) FROM hidden h WHERE h.seat = ?1 AND h.seq > ?2 AND h.seq <= ?3
         AND NOT EXISTS (SELECT 1 FROM quiet q WHERE q.chat = ?4 AND q.seq = h.seq)",
        params![members::number(db, num, user)?, int(after), int(until), num],
        |row| count(row, 0),
    )?;
    Ok(of_all + hidden)
}
