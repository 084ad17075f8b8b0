//! The rows of messages, and what is noted beside them.
//!
//! Called by `message_verbs` and the nouns beside it.

use rusqlite::{Params, Row, params};

use super::chats::Numbered;
use super::content::{self, Stored};
use super::sql::{Db, count, int};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ChatId, UserId};
use crate::model::chats::{Chat, Place};
use crate::model::messages::{Message, REACTORS_SHOWN, Reaction, Stamp, TextContent};
use crate::model::text::ClientMsgId;

/// The columns of `line`, of `messages AS m`.
macro_rules! columns {
    () => {
        "m.num, m.seq, m.rev, m.id, m.sender, m.key, m.kind, m.body, m.reply_to, m.meta, m.sent, \
         m.rev > m.born, m.edited, m.deleted_by, m.deleted_at, m.pinned_by, m.pinned_at, m.reacted"
    };
}
pub(super) use columns;

/// A message with its number.
pub(super) struct Line {
    /// Its number.
    pub(super) num: i64,
    /// What it is.
    pub(super) message: Message,
}

/// Reads rows of one chat; the query selects `columns!()`.
pub(super) fn rows(db: &Db<'_>, chat: ChatId, sql: &str, params: impl Params) -> Result<Vec<Line>> {
    db.each(sql, params, |row| line(db, row, chat))
}

fn line(db: &Db<'_>, row: &Row<'_>, chat: ChatId) -> Result<Line> {
    let num = row.get(0)?;
    let reply_to = row.get::<_, Option<i64>>(8)?.map(i64::unsigned_abs);
    let meta = row.get_ref(9)?.as_str_or_null().map_err(Error::internal)?;
    let content = content::content(row.get(6)?, row.get(7)?, reply_to, meta)?;
    let (from, key) = (row.get(4)?, row.get::<_, Option<String>>(5)?.map(ClientMsgId::stored));
    let place = Place { seq: count(row, 1)?, rev: count(row, 2)? };
    let mut message = Message::new(row.get(3)?, chat, place, from, content, row.get(10)?);
    message.client_msg_id = key;
    // What has not changed since it came has nothing of what changes bring.
    if row.get(11)? {
        message.edited = row.get(12)?;
        message.deleted = stamp(row, 13)?;
        message.pinned = stamp(row, 15)?;
        if row.get(17)? {
            message.reactions = reactions(db, num)?;
        }
    }
    Ok(Line { num, message })
}

fn stamp(row: &Row<'_>, by: usize) -> rusqlite::Result<Option<Stamp>> {
    let at: Option<Time> = row.get(by + 1)?;
    Ok(row.get::<_, Option<UserId>>(by)?.zip(at).map(|(by, at)| Stamp { by, at }))
}

/// The reactions on a message, in the order of their first use.
fn reactions(db: &Db<'_>, message: i64) -> Result<Vec<Reaction>> {
    let mut reactions = db.all(
        "SELECT emoji, count FROM emoji WHERE message = ?1 ORDER BY first",
        [message],
        |row| Ok(Reaction { emoji: row.get(0)?, count: row.get(1)?, users: Vec::new() }),
    )?;
    for reaction in &mut reactions {
        reaction.users = db.all(
            "SELECT user FROM reactions WHERE message = ?1 AND emoji = ?2 ORDER BY rev LIMIT ?3",
            params![message, reaction.emoji, REACTORS_SHOWN as i64],
            |row| row.get(0),
        )?;
    }
    Ok(reactions)
}

/// One message with its number.
pub(super) fn numbered(db: &Db<'_>, chat: i64, chat_id: ChatId, seq: u64) -> Result<Option<Line>> {
    const ONE: &str =
        concat!("SELECT ", columns!(), " FROM messages m WHERE m.chat = ?1 AND m.seq = ?2");
    Ok(rows(db, chat_id, ONE, params![chat, int(seq)])?.pop())
}

/// One message.
pub(super) fn find(db: &Db<'_>, chat: &Numbered, seq: u64) -> Result<Option<Message>> {
    Ok(numbered(db, chat.num, chat.chat.id, seq)?.map(|found| found.message))
}

/// Writes a new row; what a person sends comes from their `seat`.
pub(super) fn insert(db: &Db<'_>, chat: i64, seat: Option<i64>, message: &Message) -> Result<()> {
    let content = Stored::of(&message.content)?;
    db.run(
        "INSERT INTO messages(chat, seq, born, rev, id, sender, seat, key, kind, body, reply_to,
                              meta, sent, reacted)
         VALUES(?1, ?2, ?3, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, 0)",
        params![
            chat,
            int(message.seq),
            int(message.rev),
            message.id,
            message.from,
            seat,
            message.client_msg_id.as_ref().map(ClientMsgId::as_str),
            content.kind,
            content.body,
            content.reply_to.map(int),
            content.meta,
            message.sent,
        ],
    )?;
    if content.is_quiet() { hush(db, chat, message.seq) } else { Ok(()) }
}

/// Notes that there is nothing to read in a message.
pub(super) fn hush(db: &Db<'_>, chat: i64, seq: u64) -> Result<()> {
    db.run("INSERT OR IGNORE INTO quiet(chat, seq) VALUES(?1, ?2)", params![chat, int(seq)])?;
    Ok(())
}

/// Notes whom a text mentions. One row for everybody makes rows for single people needless, so that
/// nobody is counted twice; nobody mentions oneself.
pub(super) fn put_mentions(
    db: &Db<'_>,
    chat: i64,
    seq: u64,
    from: UserId,
    text: &TextContent,
) -> Result<()> {
    if text.mention_all {
        db.run(
            "INSERT INTO mentions_of_all(chat, seq, sender) VALUES(?1, ?2, ?3)",
            params![chat, int(seq), from],
        )?;
        return Ok(());
    }
    for &user in text.mentions.iter().filter(|user| **user != from) {
        db.run(
            "INSERT OR IGNORE INTO mentions(user, chat, seq) VALUES(?1, ?2, ?3)",
            params![user, chat, int(seq)],
        )?;
    }
    Ok(())
}

/// Takes back what `put_mentions` noted for this text.
pub(super) fn drop_mentions(db: &Db<'_>, chat: i64, seq: u64, text: &TextContent) -> Result<()> {
    if text.mention_all {
        db.run(
            "DELETE FROM mentions_of_all WHERE chat = ?1 AND seq = ?2",
            params![chat, int(seq)],
        )?;
    }
    for &user in &text.mentions {
        db.run(
            "DELETE FROM mentions WHERE user = ?1 AND chat = ?2 AND seq = ?3",
            params![user, chat, int(seq)],
        )?;
    }
    Ok(())
}

/// What a viewer sees of a chat.
pub(super) struct View {
    /// The chat's number.
    pub(super) num: i64,
    /// The chat.
    pub(super) chat: Chat,
    /// The viewer's seat: what it hid is left out. -1, which no seat has, for nobody in particular.
    pub(super) seat: i64,
    /// Rows from here on.
    pub(super) from_seq: u64,
}
