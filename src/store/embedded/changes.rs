//! Which rows of a chat changed after a rev, at a cost in proportion to the page.
//!
//! Every rev of a chat from 1 to its head is one event: the birth of the next seq, or a change of
//! a row that was there. Only changes are written down, all of them and for ever, as
//! `changes(chat, rev, seq, head_seq)`; births need no second index, because between two changes
//! seq and rev grow together. With `(c, h)` the rev and head_seq of the last change at or before
//! rev R (or `(0, 0)`), the births in `c < rev <= R` are all events there, `R − c` of them, so the
//! first birth after R is seq `h + (R − c) + 1`.
//!
//! A page walks windows of revs from there: in a window of n revs with k changes the births are the
//! next `n − k` seqs, one range of the log. A row belongs to the page if the rev that it has now is
//! in the window; a row that changed again later is left to the window of its last change. So each
//! row comes once, in the order of revs. A reader that sees the log from `from_seq` on starts right
//! before the birth of that row: nothing before it can concern a row from there on.
//!
//! A page looks at `REVS` revs at most, so that a thousand reactions on one message cost a bounded
//! amount; then it may be short, or even empty, with `more` still to come. Called by `messages`.

use rusqlite::params;

use super::messages::{View, columns, rows};
use super::sql::{Db, count, int};
use crate::error::Result;
use crate::id::ChatId;
use crate::model::chats::Chat;
use crate::model::messages::{Message, PAGE};
use crate::store::Changes;

/// At most this many revs a page.
const REVS: u64 = 2048;
/// At least this many revs a window.
const WINDOW: u64 = 64;

struct Walk<'a> {
    db: &'a Db<'a>,
    chat: i64,
    id: ChatId,
    seat: i64,
    from_seq: u64,
    head_rev: u64,
    /// Every row with a rev up to this one was given.
    reached: u64,
    /// The seq of the first birth after `reached`.
    next_birth: u64,
}

/// A page of the rows of a chat that changed after a rev, as far as a view goes.
pub(super) fn changes(
    db: &Db<'_>,
    view: View,
    chat: Chat,
    after: u64,
    limit: u32,
) -> Result<Changes> {
    let View { num, seat, from_seq, .. } = view;
    let head_rev = chat.head_rev;
    if after >= head_rev || from_seq > chat.head_seq {
        return Ok(Changes { chat, rows: Vec::new(), rev: head_rev, more: false });
    }
    let mut walk = Walk {
        db,
        chat: num,
        id: chat.id,
        seat,
        from_seq,
        head_rev,
        reached: after,
        next_birth: first_birth(db, num, after)?,
    };
    walk.skip_unseen()?;
    let rows = walk.page(limit.clamp(1, PAGE) as usize)?;
    Ok(Changes { chat, rows, rev: walk.reached, more: walk.reached < head_rev })
}

/// The seq of the first birth after rev `after`.
fn first_birth(db: &Db<'_>, chat: i64, after: u64) -> Result<u64> {
    let last_change = db.first(
        "SELECT rev, head_seq FROM changes WHERE chat = ?1 AND rev <= ?2
         ORDER BY rev DESC LIMIT 1",
        params![chat, int(after)],
        |row| Ok((count(row, 0)?, count(row, 1)?)),
    )?;
    let (rev, head_seq) = last_change.unwrap_or((0, 0));
    Ok(head_seq + (after - rev) + 1)
}

impl Walk<'_> {
    /// Goes right before the birth of the first row that the reader sees.
    fn skip_unseen(&mut self) -> Result<()> {
        if self.next_birth < self.from_seq {
            let born = self.db.one(
                "SELECT born FROM messages WHERE chat = ?1 AND seq = ?2",
                params![self.chat, int(self.from_seq)],
                |row| count(row, 0),
            )?;
            self.reached = born - 1;
            self.next_birth = self.from_seq;
        }
        Ok(())
    }

    fn page(&mut self, limit: usize) -> Result<Vec<Message>> {
        let last = self.head_rev.min(self.reached + REVS);
        let mut rows: Vec<Message> = Vec::new();
        while self.reached < last && rows.len() < limit {
            let end = last.min(self.reached + WINDOW.max(limit as u64));
            rows.append(&mut self.window(end)?);
        }
        if rows.len() > limit {
            rows.truncate(limit);
            self.reached = rows.last().map_or(self.reached, |row| row.rev);
        }
        Ok(rows)
    }

    /// The rows whose rev is after `reached` and at most `end`, in the order of their revs.
    fn window(&mut self, end: u64) -> Result<Vec<Message>> {
        const CHANGED: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM changes c CROSS JOIN messages m ON m.chat = c.chat AND m.seq = c.seq
              WHERE c.chat = ?1 AND c.rev > ?2 AND c.rev <= ?3 AND m.rev = c.rev AND m.seq >= ?4
              AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.seat = ?5 AND h.seq = m.seq)"
        );
        const BORN: &str = concat!(
            "SELECT ",
            columns!(),
            " FROM messages m
              WHERE m.chat = ?1 AND m.seq >= ?2 AND m.seq < ?3 AND m.rev = m.born AND m.seq >= ?4
              AND NOT EXISTS (SELECT 1 FROM hidden h WHERE h.seat = ?5 AND h.seq = m.seq)"
        );
        let changes = self.db.one(
            "SELECT count(*) FROM changes WHERE chat = ?1 AND rev > ?2 AND rev <= ?3",
            params![self.chat, int(self.reached), int(end)],
            |row| count(row, 0),
        )?;
        let births = end - self.reached - changes;
        let (first, next) = (self.next_birth, self.next_birth + births);
        let mut found: Vec<Message> = Vec::new();
        for (sql, low, high) in [(BORN, first, next), (CHANGED, self.reached, end)] {
            let params = params![self.chat, int(low), int(high), int(self.from_seq), self.seat];
            found.extend(rows(self.db, self.id, 0, sql, params)?);
        }
        found.sort_by_key(|message| message.rev);
        (self.reached, self.next_birth) = (end, next);
        Ok(found)
    }
}
