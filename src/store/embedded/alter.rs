//! Changes of a message that is there: edit, delete, react, pin; and hiding it for oneself.
//!
//! Invariant: a change that has an effect gives the row the chat's next rev and leaves one row in
//! `changes`; one without an effect leaves everything as it is.

use rusqlite::params;

use super::chats;
use super::content::Stored;
use super::files;
use super::members;
use super::messages::{Line, drop_mentions, hush, numbered, put_mentions, reactions};
use super::sql::{Db, int};
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::Member;
use crate::model::messages::{Content, EMOJI, Message, MessageChange, PINS, Stamp};
use crate::store::Changed;

/// At most this many earlier texts of a message are kept.
const EDITS: i64 = 20;

/// The row that changes and where it stands.
struct Ground<'a> {
    db: &'a Db<'a>,
    chat: i64,
    head_seq: u64,
    /// The rev that the change takes.
    rev: u64,
    row: i64,
    message: Message,
}

/// What a change did.
enum Effect {
    Some,
    None,
    Gone,
    TooManyEmoji,
    TooManyPins,
}

/// Changes one message on behalf of an active member.
pub(super) fn alter(
    db: &Db<'_>,
    chat: ChatId,
    seq: u64,
    by: UserId,
    change: MessageChange,
) -> Result<Changed> {
    let Some((num, head_seq, head_rev)) = chats::head(db, chat)? else {
        return Ok(Changed::NotMember);
    };
    if members::find_active(db, num, chat, by)?.is_none() {
        return Ok(Changed::NotMember);
    }
    let Some(Line { num: row, message }) = numbered(db, num, chat, seq)? else {
        return Ok(Changed::Gone);
    };
    if message.deleted.is_some() {
        return Ok(Changed::Gone);
    }
    let mut ground = Ground { db, chat: num, head_seq, rev: head_rev + 1, row, message };
    let effect = match change {
        edit @ MessageChange::Edit { .. } => ground.edit(edit)?,
        MessageChange::Delete(stamp) => ground.delete(stamp)?,
        MessageChange::React { user, emoji, on: true } => ground.react(user, &emoji)?,
        MessageChange::React { user, emoji, on: false } => ground.unreact(user, &emoji)?,
        MessageChange::Pin(stamp) => ground.pin(stamp)?,
    };
    match effect {
        Effect::Some => ground.finish().map(Changed::Done),
        Effect::None => Ok(Changed::Same(ground.message)),
        Effect::Gone => Ok(Changed::Gone),
        Effect::TooManyEmoji => Ok(Changed::TooManyEmoji),
        Effect::TooManyPins => Ok(Changed::TooManyPins),
    }
}

impl Ground<'_> {
    /// Gives the row its rev and the change its place in the chat's log.
    fn finish(mut self) -> Result<Message> {
        let Self { db, chat, head_seq, rev, row, .. } = self;
        db.run("UPDATE messages SET rev = ?2 WHERE num = ?1", params![row, int(rev)])?;
        db.run(
            "INSERT INTO changes(chat, rev, seq, head_seq) VALUES(?1, ?2, ?3, ?4)",
            params![chat, int(rev), int(self.message.seq), int(head_seq)],
        )?;
        chats::set_rev(db, chat, rev)?;
        self.message.rev = rev;
        Ok(self.message)
    }

    fn edit(&mut self, change: MessageChange) -> Result<Effect> {
        let MessageChange::Edit { body, mentions, mention_all, at } = change else {
            return Ok(Effect::None);
        };
        let Content::Text(old) = &self.message.content else { return Ok(Effect::Gone) };
        let mut new = old.clone();
        (new.body, new.mentions, new.mention_all) = (body, mentions, mention_all);
        if new == *old {
            return Ok(Effect::None);
        }
        self.db.run(
            "INSERT INTO edits(message, number, until, body)
             VALUES(?1, (SELECT coalesce(max(number), 0) + 1 FROM edits WHERE message = ?1),
                    ?2, ?3)",
            params![self.row, at, old.body.as_str()],
        )?;
        self.db.run(
            "DELETE FROM edits WHERE message = ?1
             AND number <= (SELECT max(number) FROM edits WHERE message = ?1) - ?2",
            params![self.row, EDITS],
        )?;
        drop_mentions(self.db, self.chat, self.message.seq, old)?;
        put_mentions(self.db, self.chat, self.message.seq, self.message.from, &new)?;
        let stored = Stored::of_text(&new)?;
        self.db.run(
            "UPDATE messages SET body = ?2, meta = ?3, edited = ?4 WHERE num = ?1",
            params![self.row, stored.body, stored.meta, at],
        )?;
        self.message.content = Content::Text(new);
        self.message.edited = Some(at);
        Ok(Effect::Some)
    }

    fn delete(&mut self, stamp: Stamp) -> Result<Effect> {
        if let Content::Text(text) = &self.message.content {
            drop_mentions(self.db, self.chat, self.message.seq, text)?;
            files::detach(self.db, self.chat, self.message.seq, text, stamp.at)?;
        }
        for sql in [
            "DELETE FROM edits WHERE message = ?1",
            "DELETE FROM emoji WHERE message = ?1",
            "DELETE FROM reactions WHERE message = ?1",
        ] {
            self.db.run(sql, [self.row])?;
        }
        hush(self.db, self.chat, self.message.seq)?;
        let kind = Stored::of(&Content::Deleted)?.kind;
        self.db.run(
            "UPDATE messages SET kind = ?2, body = NULL, reply_to = NULL, meta = NULL,
                 deleted_by = ?3, deleted_at = ?4, pinned_by = NULL, pinned_at = NULL, reacted = 0
             WHERE num = ?1",
            params![self.row, kind, stamp.by, stamp.at],
        )?;
        self.message.content = Content::Deleted;
        self.message.deleted = Some(stamp);
        self.message.reactions = Vec::new();
        self.message.pinned = None;
        Ok(Effect::Some)
    }

    fn react(&mut self, user: UserId, emoji: &str) -> Result<Effect> {
        if self.reacted(user, emoji)? {
            return Ok(Effect::None);
        }
        let known = &self.message.reactions;
        if known.len() >= EMOJI && known.iter().all(|reaction| reaction.emoji != emoji) {
            return Ok(Effect::TooManyEmoji);
        }
        self.db.run(
            "INSERT INTO reactions(message, emoji, user, rev) VALUES(?1, ?2, ?3, ?4)",
            params![self.row, emoji, user, int(self.rev)],
        )?;
        self.db.run(
            "INSERT INTO emoji(message, emoji, first, count) VALUES(?1, ?2, ?3, 1)
             ON CONFLICT(message, emoji) DO UPDATE SET count = count + 1",
            params![self.row, emoji, int(self.rev)],
        )?;
        self.reactions_changed()
    }

    fn unreact(&mut self, user: UserId, emoji: &str) -> Result<Effect> {
        if !self.reacted(user, emoji)? {
            return Ok(Effect::None);
        }
        self.db.run(
            "DELETE FROM reactions WHERE message = ?1 AND emoji = ?2 AND user = ?3",
            params![self.row, emoji, user],
        )?;
        self.db.run(
            "UPDATE emoji SET count = count - 1 WHERE message = ?1 AND emoji = ?2",
            params![self.row, emoji],
        )?;
        self.db.run(
            "DELETE FROM emoji WHERE message = ?1 AND emoji = ?2 AND count = 0",
            params![self.row, emoji],
        )?;
        self.reactions_changed()
    }

    fn reacted(&self, user: UserId, emoji: &str) -> Result<bool> {
        self.db.has(
            "SELECT 1 FROM reactions WHERE message = ?1 AND emoji = ?2 AND user = ?3",
            params![self.row, emoji, user],
        )
    }

    fn reactions_changed(&mut self) -> Result<Effect> {
        self.message.reactions = reactions(self.db, self.row)?;
        self.db.run(
            "UPDATE messages SET reacted = ?2 WHERE num = ?1",
            params![self.row, !self.message.reactions.is_empty()],
        )?;
        Ok(Effect::Some)
    }

    fn pin(&mut self, stamp: Option<Stamp>) -> Result<Effect> {
        if self.message.pinned.is_some() == stamp.is_some() {
            return Ok(Effect::None);
        }
        if stamp.is_some() {
            let pinned: u32 = self.db.one(
                "SELECT count(*) FROM messages WHERE chat = ?1 AND pinned_at IS NOT NULL",
                [self.chat],
                |row| row.get(0),
            )?;
            if pinned >= PINS {
                return Ok(Effect::TooManyPins);
            }
        }
        self.db.run(
            "UPDATE messages SET pinned_by = ?2, pinned_at = ?3 WHERE num = ?1",
            params![self.row, stamp.map(|stamp| stamp.by), stamp.map(|stamp| stamp.at)],
        )?;
        self.message.pinned = stamp;
        Ok(Effect::Some)
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
