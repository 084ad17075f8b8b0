//! The store as records: reading all of it, page by page. `restore` writes them.

use async_trait::async_trait;
use rusqlite::params;

use super::EmbeddedStore;
use super::sql::{Db, count};
use super::{accounts, calls, chats, files, invites, members, messages, restore, sessions, terms};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ChatId, ObjectId, UserId};
use crate::model::auth::KnownPlace;
use crate::store::Index;
use crate::store::archive::{Archive, Page, Part, Record, StoredMessage};

type Found = Vec<(String, Record)>;

/// An id of a mark; before every id where there is none.
fn after_id(after: Option<&str>) -> Result<Option<ObjectId>> {
    after.map(|text| ObjectId::parse(text).map_err(|_| broken())).transpose()
}

/// A mark of two parts.
fn after_pair(after: Option<&str>) -> Result<Option<(&str, &str)>> {
    after.map(|text| text.split_once('/').ok_or_else(broken)).transpose()
}

fn number(text: &str) -> Result<i64> {
    text.parse().map_err(|_| broken())
}

fn broken() -> Error {
    Error::internal("this is no mark of a page")
}

fn accounts(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let found = accounts::page(db, after_id(after)?, limit)?;
    let record = |user: crate::model::users::User| {
        let words = terms::of(db, Index::Users, user.id.0)?;
        Ok((user.id.to_string(), Record::Account(user, words)))
    };
    found.into_iter().map(record).collect()
}

fn files_page(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let found = files::page(db, after_id(after)?, limit)?;
    Ok(found.into_iter().map(|file| (file.id.to_string(), Record::File(file))).collect())
}

fn loose_objects(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let after = after.map(|text| text.parse().map_err(|_| broken())).transpose()?;
    let found = files::loose(db, after, limit)?;
    Ok(found.into_iter().map(|one| (one.to_string(), Record::LooseObject(one))).collect())
}

fn blocks(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let (who, whom) = match after_pair(after)? {
        Some((who, whom)) => (after_id(Some(who))?, after_id(Some(whom))?),
        None => (None, None),
    };
    db.all(
        "SELECT who, whom, since FROM blocks
         WHERE (who, whom) > (coalesce(?1, x''), coalesce(?2, x'')) ORDER BY who, whom LIMIT ?3",
        params![who, whom, limit],
        |row| {
            let (who, whom): (UserId, UserId) = (row.get(0)?, row.get(1)?);
            Ok((format!("{who}/{whom}"), Record::Block(who, whom, row.get(2)?)))
        },
    )
}

fn codes(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let found = sessions::codes(db, after_id(after)?, limit)?;
    Ok(found.into_iter().map(|code| (code.id.to_string(), Record::Code(code))).collect())
}

fn places(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let (user, key) = match after_pair(after)? {
        Some((user, key)) => (after_id(Some(user))?, after_id(Some(key))?),
        None => (None, None),
    };
    db.all(
        "SELECT user, key, used FROM places
         WHERE (user, key) > (coalesce(?1, x''), coalesce(?2, x'')) ORDER BY user, key LIMIT ?3",
        params![user, key, limit],
        |row| {
            let place = KnownPlace { user: row.get(0)?, key: row.get(1)?, used: row.get(2)? };
            Ok((format!("{}/{}", place.user, place.key.0), Record::Place(place)))
        },
    )
}

fn quotas(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let (window, key) = after_pair(after)?.unwrap_or(("0", ""));
    db.all(
        "SELECT key, window_ms, used, until FROM quotas WHERE (key, window_ms) > (?1, ?2)
         ORDER BY key, window_ms LIMIT ?3",
        params![key, number(window)?, limit],
        |row| {
            let (key, window): (String, u64) = (row.get(0)?, count(row, 1)?);
            let mark = format!("{window}/{key}");
            Ok((mark, Record::Quota(key, window, row.get(2)?, row.get(3)?)))
        },
    )
}

fn sessions_page(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    db.all(
        "SELECT id, user, token, device, created, last_seen FROM sessions
         WHERE id > coalesce(?1, x'') ORDER BY id LIMIT ?2",
        params![after_id(after)?, limit],
        |row| {
            let session = sessions::session(row)?;
            Ok((session.id.to_string(), Record::Session(session)))
        },
    )
}

fn inboxes(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    db.all(
        "SELECT user, rev FROM inboxes WHERE user > coalesce(?1, x'') ORDER BY user LIMIT ?2",
        params![after_id(after)?, limit],
        |row| {
            let user: UserId = row.get(0)?;
            Ok((user.to_string(), Record::Inbox(user, count(row, 1)?)))
        },
    )
}

fn chats_page(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let found = chats::page(db, after_id(after)?, limit)?;
    let record = |chat: crate::model::chats::Chat| {
        let words = terms::of(db, Index::Groups, chat.id.0)?;
        Ok((chat.id.to_string(), Record::Chat(chat, words)))
    };
    found.into_iter().map(record).collect()
}

fn calls_page(db: &Db<'_>, after: Option<&str>, limit: u32) -> Result<Found> {
    let found = calls::page(db, after_id(after)?, limit)?;
    Ok(found.into_iter().map(|call| (call.id.to_string(), Record::Call(call))).collect())
}

/// The number of a chat.
fn num(db: &Db<'_>, chat: ChatId) -> Result<i64> {
    let head = chats::head(db, chat)?;
    Ok(head.ok_or_else(|| Error::internal("a chat that is not there"))?.0)
}

fn members_page(db: &Db<'_>, chat: ChatId, after: Option<&str>, limit: u32) -> Result<Found> {
    const PAGE: &str = members::select!(
        "WHERE m.chat = ?1 AND m.user > coalesce(?2, x'') ORDER BY m.user LIMIT ?3"
    );
    db.all(PAGE, params![num(db, chat)?, after_id(after)?, limit], |row| {
        let member = members::seat(row, chat)?.member;
        Ok((member.user.to_string(), Record::Member(member)))
    })
}

fn messages_page(db: &Db<'_>, chat: ChatId, after: Option<&str>, limit: u32) -> Result<Found> {
    const PAGE: &str = concat!(
        "SELECT ",
        messages::columns!(),
        ", m.num, m.born FROM messages m WHERE m.chat = ?1 AND m.seq > ?2 ORDER BY m.seq LIMIT ?3"
    );
    let after = after.map_or(Ok(0), number)?;
    db.each(PAGE, params![num(db, chat)?, after, limit], |row| {
        let num: i64 = row.get(messages::COLUMNS)?;
        let stored = StoredMessage {
            message: messages::message(row, chat)?,
            born: count(row, messages::COLUMNS + 1)?,
            edits: db.all(
                "SELECT until, body FROM edits WHERE message = ?1 ORDER BY number",
                [num],
                |row| Ok((row.get::<_, Time>(0)?, row.get(1)?)),
            )?,
            reactors: db.all(
                "SELECT emoji, user, rev FROM reactions WHERE message = ?1 ORDER BY emoji, rev",
                [num],
                |row| Ok((row.get(0)?, row.get(1)?, count(row, 2)?)),
            )?,
        };
        Ok((stored.message.seq.to_string(), Record::Message(stored)))
    })
}

fn hidden(db: &Db<'_>, chat: ChatId, after: Option<&str>, limit: u32) -> Result<Found> {
    let (user, seq) = match after_pair(after)? {
        Some((user, seq)) => (after_id(Some(user))?, number(seq)?),
        None => (None, 0),
    };
    db.all(
        "SELECT m.user, h.seq, h.rev FROM members m JOIN hidden h ON h.seat = m.seat
         WHERE m.chat = ?1 AND (m.user, h.seq) > (coalesce(?2, x''), ?3)
         ORDER BY m.user, h.seq LIMIT ?4",
        params![num(db, chat)?, user, seq, limit],
        |row| {
            let (user, seq): (UserId, u64) = (row.get(0)?, count(row, 1)?);
            Ok((format!("{user}/{seq}"), Record::Hidden(chat, user, seq, count(row, 2)?)))
        },
    )
}

fn invites(db: &Db<'_>, chat: ChatId, after: Option<&str>, limit: u32) -> Result<Found> {
    db.all(
        "SELECT i.code, c.id, i.by, i.created, i.expires, i.uses_left
         FROM invites i JOIN chats c ON c.num = i.chat
         WHERE i.chat = ?1 AND i.code > ?2 ORDER BY i.code LIMIT ?3",
        params![num(db, chat)?, after.unwrap_or_default(), limit],
        |row| {
            let invite = invites::read(row)?;
            Ok((invite.code.clone(), Record::Invite(invite)))
        },
    )
}

fn page(db: &Db<'_>, part: Part, after: Option<&str>, limit: u32) -> Result<Found> {
    match part {
        Part::Accounts => accounts(db, after, limit),
        Part::Files => files_page(db, after, limit),
        Part::LooseObjects => loose_objects(db, after, limit),
        Part::Blocks => blocks(db, after, limit),
        Part::Codes => codes(db, after, limit),
        Part::Quotas => quotas(db, after, limit),
        Part::Places => places(db, after, limit),
        Part::Sessions => sessions_page(db, after, limit),
        Part::Inboxes => inboxes(db, after, limit),
        Part::Chats => chats_page(db, after, limit),
        Part::Calls => calls_page(db, after, limit),
        Part::Members(chat) => members_page(db, chat, after, limit),
        Part::Messages(chat) => messages_page(db, chat, after, limit),
        Part::Hidden(chat) => hidden(db, chat, after, limit),
        Part::Invites(chat) => invites(db, chat, after, limit),
    }
}

#[async_trait]
impl Archive for EmbeddedStore {
    async fn is_empty(&self) -> Result<bool> {
        self.read(|db| {
            let sql = "SELECT 1 FROM users UNION ALL SELECT 1 FROM chats LIMIT 1";
            Ok(!db.has(sql, [])?)
        })
        .await
    }

    async fn page(&self, part: Part, after: Option<&str>, limit: u32) -> Result<Page> {
        let after = after.map(str::to_owned);
        let found = self.scan(move |db| page(db, part, after.as_deref(), limit)).await?;
        Ok(Page::of(found, limit))
    }

    async fn put(&self, records: Vec<Record>) -> Result<()> {
        self.write(move |db| records.iter().try_for_each(|record| restore::put(db, record))).await
    }
}
