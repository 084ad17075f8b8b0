//! Changes of a message that is there: edit, delete, react, pin; and hiding it for oneself.
//!
//! What a change does is decided in `decide::change`; here it is read and written.
//!
//! Invariant: a change that has an effect gives the row the chat's next rev and leaves one row in
//! `changes`; one without an effect leaves everything as it is.

use rusqlite::params;

use super::chats;
use super::files;
use super::members;
use super::messages::{self, drop_mentions, hush, numbered, put_mentions};
use super::sql::{Db, count, int};
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::Member;
use crate::model::messages::{Content, EDITS, Message, MessageChange, Stamp};
use crate::store::Changed;
use crate::store::decide::change::{Ask, Known, REACTORS_ASKED, asks, decide};
use crate::store::decide::speak::hush_of_change;

/// Changes one message on behalf of an active member.
pub(super) fn alter(
    db: &Db<'_>,
    chat: ChatId,
    seq: u64,
    by: UserId,
    change: &MessageChange,
) -> Result<Changed> {
    let Some((num, head_seq, head_rev)) = chats::head(db, chat)? else {
        return Ok(Changed::NotMember);
    };
    let Some(seat) = members::find_active(db, num, chat, by)? else {
        return Ok(Changed::NotMember);
    };
    if let Some(hush) = hush_of_change(&chats::rules(db, num)?, &seat.member, change) {
        return Ok(Changed::Hushed(hush));
    }
    let Some((row, old)) = numbered(db, num, chat, seq)? else { return Ok(Changed::Gone) };
    let known = match asks(&old, change) {
        Some(Ask::Reactors(user, emoji)) => reactors(db, row, user, emoji)?,
        Some(Ask::Pins) => Known { pins: pins(db, num)?, ..Known::default() },
        None => Known::default(),
    };
    let new = match decide(&old, change, &known, head_rev + 1) {
        Changed::Done(new) => new,
        answer => return Ok(answer),
    };
    Altered { db, chat: num, row, old: &old, new: &new }.write_beside(change)?;
    messages::update(db, row, &new)?;
    db.run(
        "INSERT INTO changes(chat, rev, seq, head_seq) VALUES(?1, ?2, ?3, ?4)",
        params![num, int(new.rev), int(seq), int(head_seq)],
    )?;
    chats::set_rev(db, num, new.rev)?;
    Ok(Changed::Done(new))
}

fn reactors(db: &Db<'_>, message: i64, user: UserId, emoji: &str) -> Result<Known> {
    let reacted = db.has(
        "SELECT 1 FROM reactions WHERE message = ?1 AND emoji = ?2 AND user = ?3",
        params![message, emoji, user],
    )?;
    let first = db.all(
        "SELECT user FROM reactions WHERE message = ?1 AND emoji = ?2 ORDER BY rev LIMIT ?3",
        params![message, emoji, REACTORS_ASKED as i64],
        |row| row.get(0),
    )?;
    Ok(Known { reacted, first, pins: 0 })
}

fn pins(db: &Db<'_>, chat: i64) -> Result<u64> {
    db.one(
        "SELECT count(*) FROM messages WHERE chat = ?1 AND pinned_at IS NOT NULL",
        [chat],
        |row| count(row, 0),
    )
}

/// A row that changes, before and after.
struct Altered<'a> {
    db: &'a Db<'a>,
    chat: i64,
    row: i64,
    old: &'a Message,
    new: &'a Message,
}

impl Altered<'_> {
    /// Writes what changes beside the row.
    fn write_beside(&self, change: &MessageChange) -> Result<()> {
        match change {
            MessageChange::Edit { .. } => self.edit(),
            MessageChange::Delete(stamp) => self.delete(*stamp),
            MessageChange::React { user, emoji, on: true } => self.react(*user, emoji),
            MessageChange::React { user, emoji, on: false } => self.unreact(*user, emoji),
            MessageChange::Pin(_) => Ok(()),
        }
    }

    fn edit(&self) -> Result<()> {
        let Self { db, chat, row, old, new } = *self;
        let (Content::Text(before), Content::Text(after)) = (&old.content, &new.content) else {
            return Ok(());
        };
        db.run(
            "INSERT INTO edits(message, number, until, body)
             VALUES(?1, (SELECT coalesce(max(number), 0) + 1 FROM edits WHERE message = ?1),
                    ?2, ?3)",
            params![row, new.edited, before.body.as_str()],
        )?;
        db.run(
            "DELETE FROM edits WHERE message = ?1
             AND number <= (SELECT max(number) FROM edits WHERE message = ?1) - ?2",
            params![row, EDITS as i64],
        )?;
        drop_mentions(db, chat, old.seq, before)?;
        put_mentions(db, chat, old.seq, old.from, after)
    }

    fn delete(&self, stamp: Stamp) -> Result<()> {
        let Self { db, chat, row, old, .. } = *self;
        if let Content::Text(text) = &old.content {
            drop_mentions(db, chat, old.seq, text)?;
            files::detach(db, chat, old.seq, text, stamp.at)?;
        }
        db.run("DELETE FROM edits WHERE message = ?1", [row])?;
        db.run("DELETE FROM reactions WHERE message = ?1", [row])?;
        hush(db, chat, old.seq)
    }

    fn react(&self, user: UserId, emoji: &str) -> Result<()> {
        self.db.run(
            "INSERT INTO reactions(message, emoji, user, rev) VALUES(?1, ?2, ?3, ?4)",
            params![self.row, emoji, user, int(self.new.rev)],
        )?;
        Ok(())
    }

    fn unreact(&self, user: UserId, emoji: &str) -> Result<()> {
        self.db.run(
            "DELETE FROM reactions WHERE message = ?1 AND emoji = ?2 AND user = ?3",
            params![self.row, emoji, user],
        )?;
        Ok(())
    }
}

/// Hides messages for one member alone. What is hidden already, or not there, has no effect.
pub(super) fn hide(
    db: &Db<'_>,
    chat: ChatId,
    user: UserId,
    seqs: &[u64],
) -> Result<Option<Member>> {
    let Some((seat, head_seq)) = chats::active(db, chat, user)? else { return Ok(None) };
    let mut new = Vec::new();
    for &seq in seqs.iter().filter(|seq| (1..=head_seq).contains(*seq)) {
        let known = "SELECT 1 FROM hidden WHERE seat = ?1 AND seq = ?2";
        if !db.has(known, params![seat.num, int(seq)])? {
            new.push(seq);
        }
    }
    if new.is_empty() {
        return Ok(Some(seat.member));
    }
    let num = seat.num;
    let member = members::update(db, seat)?;
    for seq in new {
        db.run(
            "INSERT OR IGNORE INTO hidden(seat, seq, rev) VALUES(?1, ?2, ?3)",
            params![num, int(seq), int(member.rev)],
        )?;
    }
    Ok(Some(member))
}
