//! The rows of messages, and what is noted beside them.
//!
//! Called by `message_verbs` and the nouns beside it.

use rusqlite::types::ValueRef;
use rusqlite::{Params, Row, params};

use super::chats::Numbered;
use super::sql::{Db, count, int, stored};
use crate::error::{Error, Result};
use crate::id::{ChatId, UserId};
use crate::model::chats::Place;
use crate::model::excerpt::{Excerpt, Plain};
use crate::model::messages::{Content, Message, PAGE, TextContent};
use crate::model::text::ClientMsgId;
use crate::store::forms::message::{Head, MessageForm};

/// The columns of `message`, of `messages AS m`.
macro_rules! columns {
    () => {
        "m.seq, m.rev, m.id, m.sender, m.key, m.sent, m.body, m.more"
    };
}
pub(super) use columns;
/// How many these are.
pub(super) const COLUMNS: usize = 8;

/// Reads rows of one chat, about `most` of them at most; the query selects `columns!()`.
pub(super) fn rows(
    db: &Db<'_>,
    chat: ChatId,
    most: u64,
    sql: &str,
    params: impl Params,
) -> Result<Vec<Message>> {
    db.each(sql, params, most.min(PAGE.into()) as usize, |row| message(row, chat))
}

/// Reads rows of one chat into an excerpt, about `most` of them at most; as `rows` does.
pub(super) fn excerpt(
    db: &Db<'_>,
    chat: ChatId,
    most: u64,
    sql: &str,
    params: impl Params,
) -> Result<Excerpt> {
    let mut excerpt = Excerpt::new(chat, most.min(PAGE.into()) as usize);
    db.for_each(sql, params, |row| {
        match plain(row)? {
            Some(plain) => excerpt.push_plain(plain),
            None => excerpt.push(full(row, chat)?),
        }
        Ok(())
    })?;
    Ok(excerpt)
}

/// Reads a row of a chat.
pub(super) fn message(row: &Row<'_>, chat: ChatId) -> Result<Message> {
    match plain(row)? {
        Some(plain) => Ok(plain.message(chat)),
        None => full(row, chat),
    }
}

/// Reads a row as what most are; `None`: there is more to it.
fn plain<'r>(row: &'r Row<'_>) -> Result<Option<Plain<'r>>> {
    if row.get_ref(7)? != ValueRef::Null {
        return Ok(None);
    }
    Ok(Some(Plain {
        id: row.get(2)?,
        place: place(row)?,
        from: row.get(3)?,
        client_msg_id: row.get_ref(4)?.as_str_or_null().map_err(Error::internal)?,
        body: row.get_ref(6)?.as_str().map_err(Error::internal)?,
        sent: row.get(5)?,
    }))
}

/// Reads a row with what there is beside its text.
fn full(row: &Row<'_>, chat: ChatId) -> Result<Message> {
    let head = Head {
        id: row.get(2)?,
        chat,
        place: place(row)?,
        from: row.get(3)?,
        client_msg_id: row.get::<_, Option<String>>(4)?.map(ClientMsgId::stored),
        sent: row.get(5)?,
        body: row.get(6)?,
    };
    let more = row.get_ref(7)?.as_str().map_err(Error::internal)?;
    serde_json::from_str::<MessageForm>(more).map_err(Error::internal)?.message(head)
}

fn place(row: &Row<'_>) -> rusqlite::Result<Place> {
    Ok(Place { seq: count(row, 0)?, rev: count(row, 1)? })
}

/// One message with its number in the table.
pub(super) fn numbered(
    db: &Db<'_>,
    chat: i64,
    chat_id: ChatId,
    seq: u64,
) -> Result<Option<(i64, Message)>> {
    const ONE: &str =
        concat!("SELECT ", columns!(), ", m.num FROM messages m WHERE m.chat = ?1 AND m.seq = ?2");
    let read = |row: &Row<'_>| Ok((row.get(COLUMNS)?, message(row, chat_id)?));
    Ok(db.each(ONE, params![chat, int(seq)], 1, read)?.pop())
}

/// One message.
pub(super) fn find(db: &Db<'_>, chat: &Numbered, seq: u64) -> Result<Option<Message>> {
    Ok(numbered(db, chat.num, chat.chat.id, seq)?.map(|(_, message)| message))
}

fn body(message: &Message) -> Option<&str> {
    match &message.content {
        Content::Text(text) => Some(text.body.as_str()),
        Content::System(_) | Content::Call(_) | Content::Deleted => None,
    }
}

/// What there is beside the text, as JSON.
fn more(message: &Message) -> Result<Option<String>> {
    let form = MessageForm::of(message);
    if form.is_empty() { Ok(None) } else { stored(&form).map(Some) }
}

/// Writes a row that came at rev `born`; what a person sends comes from their `seat`.
pub(super) fn insert(
    db: &Db<'_>,
    chat: i64,
    seat: Option<i64>,
    born: u64,
    message: &Message,
) -> Result<()> {
    db.run(
        "INSERT INTO messages(chat, seq, born, rev, id, sender, seat, key, sent, pinned_at, body,
                              more)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        params![
            chat,
            int(message.seq),
            int(born),
            int(message.rev),
            message.id,
            message.from,
            seat,
            message.client_msg_id.as_ref().map(ClientMsgId::as_str),
            message.sent,
            message.pinned.map(|stamp| stamp.at),
            body(message),
            more(message)?,
        ],
    )?;
    match message.content {
        Content::System(_) | Content::Deleted => hush(db, chat, message.seq),
        Content::Text(_) | Content::Call(_) => Ok(()),
    }
}

/// Writes a row that changed.
pub(super) fn update(db: &Db<'_>, num: i64, message: &Message) -> Result<()> {
    db.run(
        "UPDATE messages SET rev = ?2, pinned_at = ?3, body = ?4, more = ?5 WHERE num = ?1",
        params![
            num,
            int(message.rev),
            message.pinned.map(|stamp| stamp.at),
            body(message),
            more(message)?,
        ],
    )?;
    Ok(())
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
    /// Whose rows they are.
    pub(super) chat: ChatId,
    /// The seq of its newest message.
    pub(super) head_seq: u64,
    /// The viewer's seat: what it hid is left out. -1, which no seat has, for nobody in particular.
    pub(super) seat: i64,
    /// Rows from here on.
    pub(super) from_seq: u64,
    /// The viewer hid some of them.
    pub(super) hides: bool,
}
