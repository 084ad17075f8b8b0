//! The rows of chats and the heads of their logs, and how a direct chat begins.
//!
//! Called by `chat_verbs` and the nouns beside it.

use rusqlite::types::Type;
use rusqlite::{Row, params};

use super::accounts;
use super::members::{self, Seat};
use super::sql::{Db, count, int, stored};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::{Chat, GroupRules, InboxRow, Member, SLOW_MOST_S, Who};
use crate::model::messages::Message;
use crate::model::text::{About, Title};
use crate::store::forms::group::GroupForm;

/// The columns of `numbered`, of `chats AS c` and `heads AS h`.
macro_rules! columns {
    () => {
        "c.num, c.id, c.kind, c.low, c.high, c.title, c.about, c.avatar, c.owner, c.public, \
         c.history_shared, c.created, c.deleted, h.seq, h.rev, c.meta_rev, c.member_count, \
         h.active_at, c.more"
    };
}

/// Selects chats: the columns of `numbered`.
macro_rules! select {
    () => {
        concat!(
            "SELECT ",
            $crate::store::embedded::chats::columns!(),
            " FROM chats c JOIN heads h ON h.chat = c.num"
        )
    };
}
pub(super) use {columns, select};

/// A chat with its number.
pub(super) struct Numbered {
    /// Its number.
    pub(super) num: i64,
    /// What it is.
    pub(super) chat: Chat,
}

/// Reads the columns of `columns`, from one on.
pub(super) fn numbered(row: &Row<'_>, at: usize) -> rusqlite::Result<Numbered> {
    let (rules, announcement) = more(row, at + 18)?.parts();
    let peers = row.get::<_, Option<UserId>>(at + 3)?.zip(row.get::<_, Option<UserId>>(at + 4)?);
    Ok(Numbered {
        num: row.get(at)?,
        chat: Chat {
            id: row.get(at + 1)?,
            kind: row.get(at + 2)?,
            peers,
            title: row.get::<_, Option<String>>(at + 5)?.map(Title::stored),
            about: About::stored(row.get(at + 6)?),
            avatar: row.get(at + 7)?,
            owner: row.get(at + 8)?,
            public: row.get(at + 9)?,
            history_shared: row.get(at + 10)?,
            rules,
            announcement,
            created: row.get(at + 11)?,
            deleted: row.get(at + 12)?,
            head_seq: count(row, at + 13)?,
            head_rev: count(row, at + 14)?,
            meta_rev: count(row, at + 15)?,
            member_count: row.get(at + 16)?,
            active_at: row.get(at + 17)?,
        },
    })
}

/// Rules and announcement, from their column.
fn more(row: &Row<'_>, column: usize) -> rusqlite::Result<GroupForm> {
    let Some(json) = row.get_ref(column)?.as_str_or_null()? else {
        return Ok(GroupForm::default());
    };
    serde_json::from_str(json).map_err(|error| {
        rusqlite::Error::FromSqlConversionFailure(column, Type::Text, error.into())
    })
}

/// Rules and announcement, for their column.
fn more_of(chat: &Chat) -> Result<Option<String>> {
    GroupForm::of(chat).map(|form| stored(&form)).transpose()
}

/// What of the rules an append asks, in one number, which is 0 where nothing restrains anybody:
/// half of it is slow mode's seconds, and it is odd if only admins write.
fn gate(rules: &GroupRules) -> i64 {
    i64::from(rules.slow_s) << 1 | i64::from(rules.write == Who::Admins)
}

/// The rules of a gate; the others are as by default.
pub(super) fn gated(gate: i64) -> GroupRules {
    let write = if gate & 1 == 1 { Who::Admins } else { Who::All };
    let slow_s = u32::try_from(gate >> 1).unwrap_or(SLOW_MOST_S);
    GroupRules { write, slow_s, ..GroupRules::default() }
}

/// How many columns of a member row stand before the chat's.
const MEMBER_COLUMNS: usize = 21;

/// Reads the columns of a member row, and then those of its chat.
pub(super) fn inbox_row(row: &Row<'_>) -> rusqlite::Result<InboxRow> {
    let chat = numbered(row, MEMBER_COLUMNS)?.chat;
    Ok(InboxRow { member: members::seat(row, chat.id)?.member, chat })
}

/// A chat by id.
pub(super) fn find(db: &Db<'_>, id: ChatId) -> Result<Option<Numbered>> {
    db.first(concat!(select!(), " WHERE c.id = ?1"), [id], |row| numbered(row, 0))
}

/// A chat's number and head: `(num, head_seq, head_rev)`.
pub(super) fn head(db: &Db<'_>, id: ChatId) -> Result<Option<(i64, u64, u64)>> {
    db.first(
        "SELECT c.num, h.seq, h.rev FROM chats c JOIN heads h ON h.chat = c.num WHERE c.id = ?1",
        [id],
        |row| Ok((row.get(0)?, count(row, 1)?, count(row, 2)?)),
    )
}

/// What of a chat's rules an append, or a change of a message, asks.
pub(super) fn rules(db: &Db<'_>, num: i64) -> Result<GroupRules> {
    db.one("SELECT gate FROM heads WHERE chat = ?1", [num], |row| Ok(gated(row.get(0)?)))
}

/// Moves a chat's head to its newest message.
pub(super) fn grow(db: &Db<'_>, num: i64, newest: &Message) -> Result<()> {
    db.run(
        "UPDATE heads SET seq = ?2, rev = ?3, active_at = ?4 WHERE chat = ?1",
        params![num, int(newest.seq), int(newest.rev), newest.sent],
    )?;
    Ok(())
}

/// Moves a chat's rev for a change of a message that is there.
pub(super) fn set_rev(db: &Db<'_>, num: i64, rev: u64) -> Result<()> {
    db.run("UPDATE heads SET rev = ?2 WHERE chat = ?1", params![num, int(rev)])?;
    Ok(())
}

/// Writes a new chat with its head.
pub(super) fn insert(db: &Db<'_>, chat: Chat) -> Result<Numbered> {
    let num = db.one(
        "INSERT INTO chats(id, kind, low, high, title, about, avatar, owner, public,
                           history_shared, created, deleted, meta_rev, member_count, more)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         RETURNING num",
        params![
            chat.id,
            chat.kind,
            chat.peers.map(|peers| peers.0),
            chat.peers.map(|peers| peers.1),
            chat.title.as_ref().map(Title::as_str),
            chat.about.as_str(),
            chat.avatar,
            chat.owner,
            chat.public,
            chat.history_shared,
            chat.created,
            chat.deleted,
            int(chat.meta_rev),
            chat.member_count,
            more_of(&chat)?,
        ],
        |row| row.get(0),
    )?;
    db.run(
        "INSERT INTO heads(chat, seq, rev, active_at, gate) VALUES(?1, ?2, ?3, ?4, ?5)",
        params![num, int(chat.head_seq), int(chat.head_rev), chat.active_at, gate(&chat.rules)],
    )?;
    Ok(Numbered { num, chat })
}

/// Writes a group's own fields.
pub(super) fn update(db: &Db<'_>, num: i64, chat: &Chat) -> Result<()> {
    db.run(
        "UPDATE chats SET title = ?2, about = ?3, avatar = ?4, owner = ?5, public = ?6,
             history_shared = ?7, deleted = ?8, meta_rev = ?9, member_count = ?10,
             more = ?11
         WHERE num = ?1",
        params![
            num,
            chat.title.as_ref().map(Title::as_str),
            chat.about.as_str(),
            chat.avatar,
            chat.owner,
            chat.public,
            chat.history_shared,
            chat.deleted,
            int(chat.meta_rev),
            chat.member_count,
            more_of(chat)?,
        ],
    )?;
    db.run("UPDATE heads SET gate = ?2 WHERE chat = ?1", params![num, gate(&chat.rules)])?;
    Ok(())
}

/// The direct chat of two people, created when it is new and neither account was deleted. While it
/// holds nothing, `only` one of them becomes a member, or both; whether somebody did.
pub(super) fn direct(
    db: &Db<'_>,
    peers: (UserId, UserId),
    only: Option<UserId>,
    at: Time,
) -> Result<Option<(Numbered, bool)>> {
    let chat = match find(db, ChatId::direct(peers.0, peers.1))? {
        Some(known) if known.chat.head_seq > 0 => return Ok(Some((known, false))),
        Some(known) => known,
        None => {
            if accounts::is_deleted(db, peers.0)? || accounts::is_deleted(db, peers.1)? {
                return Ok(None);
            }
            insert(db, Chat::direct(peers, at))?
        }
    };
    let mut seated = false;
    for user in chat.chat.people() {
        if only.is_none_or(|one| one == user) {
            let joining = Member::joining(chat.chat.id, user, 1, at);
            seated |= members::insert(db, chat.num, &joining)?;
        }
    }
    Ok(Some((chat, seated)))
}

/// An active member's row and the chat's head_seq.
pub(super) fn active(db: &Db<'_>, chat: ChatId, user: UserId) -> Result<Option<(Seat, u64)>> {
    let Some((num, head_seq, _)) = head(db, chat)? else { return Ok(None) };
    Ok(members::find_active(db, num, chat, user)?.map(|seat| (seat, head_seq)))
}
