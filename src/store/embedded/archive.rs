//! The store as records: reading all of it, page by page. `restore` writes them.
//!
//! Each part is a query in the order of its marks. It takes a chat's number (?1), a mark of one
//! piece or two (?2, ?3) and how many rows (?4).

use async_trait::async_trait;
use rusqlite::types::Value;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::sql::{Db, count};
use super::{
    accounts, alerts, calls, chats, door, exports, files, invites, members, messages, operators,
    pushes, recoveries,
};
use super::{reports, restore, sessions, terms, trends};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::ChatId;
use crate::model::auth::KnownPlace;
use crate::model::files::Digest;
use crate::store::Index;
use crate::store::archive::{Archive, Page, Part, Record, StoredMessage, bad_mark, id_in, pair};

/// What stands in a piece of a mark.
#[derive(Clone, Copy)]
enum Piece {
    Id,
    Digest,
    Number,
    Text,
}

impl Piece {
    /// The value to look after; without a mark, one before all others.
    fn value(self, text: Option<&str>) -> Result<Value> {
        let number = |text: &str| text.parse().map_err(|_| bad_mark());
        let digest = |text: &str| text.parse::<Digest>().map_err(|_| bad_mark());
        Ok(match (self, text) {
            (Self::Id | Self::Digest, None) => Value::Blob(Vec::new()),
            (Self::Id, Some(text)) => Value::Blob(id_in(text)?.0.to_vec()),
            (Self::Digest, Some(text)) => Value::Blob(digest(text)?.0.to_vec()),
            (Self::Number, text) => Value::Integer(text.map_or(Ok(0), number)?),
            (Self::Text, text) => Value::Text(text.unwrap_or_default().into()),
        })
    }
}

/// Who blocks whom, in the order of an archive.
const BLOCKS: &str = "SELECT who, whom, since FROM blocks WHERE (who, whom) > (?2, ?3)
    ORDER BY who, whom LIMIT ?4";

const fn source(part: Part) -> (&'static str, &'static [Piece]) {
    match part {
        Part::Accounts => {
            (concat!(accounts::select!(), " WHERE id > ?2 ORDER BY id LIMIT ?4"), &[Piece::Id])
        }
        Part::Alerts => (alerts::PAGE, &[Piece::Id]),
        Part::Recoveries => (recoveries::PAGE, &[Piece::Id]),
        Part::Exports => (exports::PAGE, &[Piece::Id]),
        Part::Files => (files::PAGE, &[Piece::Id]),
        Part::LooseObjects => (
            "SELECT digest FROM loose_objects WHERE digest > ?2 ORDER BY digest LIMIT ?4",
            &[Piece::Digest],
        ),
        Part::Blocks => (BLOCKS, &[Piece::Id, Piece::Id]),
        Part::Codes => {
            (concat!(sessions::codes!(), " WHERE id > ?2 ORDER BY id LIMIT ?4"), &[Piece::Id])
        }
        Part::Quotas => (
            "SELECT key, window_ms, used, until FROM quotas WHERE (key, window_ms) > (?3, ?2)
             ORDER BY key, window_ms LIMIT ?4",
            &[Piece::Number, Piece::Text],
        ),
        Part::Places => (sessions::PLACES_PAGE, &[Piece::Id, Piece::Id]),
        Part::Sessions => {
            (concat!(sessions::sessions!(), " WHERE id > ?2 ORDER BY id LIMIT ?4"), &[Piece::Id])
        }
        Part::Invitations => (door::PAGE, &[Piece::Id]),
        Part::Audits => (operators::PAGE, &[Piece::Id]),
        Part::Subscriptions => (pushes::PAGE, &[Piece::Id, Piece::Text]),
        Part::Reports => (reports::PAGE, &[Piece::Id]),
        Part::Trends => (trends::PAGE, &[Piece::Text, Piece::Number]),
        Part::Inboxes => {
            ("SELECT user, rev FROM inboxes WHERE user > ?2 ORDER BY user LIMIT ?4", &[Piece::Id])
        }
        Part::Chats => (
            concat!(chats::select!(), " WHERE c.id > ?3 ORDER BY c.id LIMIT ?4"),
            &[Piece::Text, Piece::Id],
        ),
        Part::Calls => ("SELECT call FROM calls WHERE id > ?2 ORDER BY id LIMIT ?4", &[Piece::Id]),
        Part::Members(_) => (
            members::select!("WHERE m.chat = ?1 AND m.user > ?2 ORDER BY m.user LIMIT ?4"),
            &[Piece::Id],
        ),
        Part::Messages(_) => (
            concat!(
                "SELECT ",
                messages::columns!(),
                ", m.num, m.born FROM messages m WHERE m.chat = ?1 AND m.seq > ?2
                  ORDER BY m.seq LIMIT ?4"
            ),
            &[Piece::Number],
        ),
        Part::Hidden(_) => (
            "SELECT m.user, h.seq, h.rev FROM members m JOIN hidden h ON h.seat = m.seat
             WHERE m.chat = ?1 AND (m.user, h.seq) > (?2, ?3) ORDER BY m.user, h.seq LIMIT ?4",
            &[Piece::Id, Piece::Number],
        ),
        Part::Invites(_) => (
            concat!(
                invites::columns!(),
                " FROM invites i JOIN chats c ON c.num = i.chat
                 WHERE i.chat = ?1 AND i.code > ?2 ORDER BY i.code LIMIT ?4"
            ),
            &[Piece::Text],
        ),
    }
}

fn record(db: &Db<'_>, part: Part, row: &Row<'_>) -> Result<Record> {
    Ok(match part {
        Part::Accounts => {
            let user = accounts::user(row)?;
            let words = terms::of(db, Index::Users, user.id.0)?;
            Record::Account(user, words)
        }
        Part::Alerts => Record::Alerts(alerts::kept(row)?),
        Part::Recoveries => Record::Recovery(recoveries::read(row)?),
        Part::Exports => Record::Export(exports::read(row)?),
        Part::Files => Record::File(files::file(row)?),
        Part::LooseObjects => Record::LooseObject(row.get(0)?),
        Part::Blocks => Record::Block(row.get(0)?, row.get(1)?, row.get(2)?),
        Part::Codes => Record::Code(sessions::code(row)?),
        Part::Quotas => Record::Quota(row.get(0)?, count(row, 1)?, row.get(2)?, row.get(3)?),
        Part::Places => {
            Record::Place(KnownPlace { user: row.get(0)?, key: row.get(1)?, used: row.get(2)? })
        }
        Part::Sessions => Record::Session(sessions::session(row)?),
        Part::Invitations => Record::Invitation(door::read(row)?),
        Part::Audits => Record::Audit(operators::read(row)?),
        Part::Subscriptions => Record::Subscription(pushes::subscription(row)?),
        Part::Reports => Record::Report(reports::read(row)?),
        Part::Trends => Record::Trend(trends::read(row)?),
        Part::Inboxes => Record::Inbox(row.get(0)?, count(row, 1)?),
        Part::Chats => {
            let chat = chats::numbered(row, 0)?.chat;
            let words = terms::of(db, Index::Groups, chat.id.0)?;
            Record::Chat(chat, words)
        }
        Part::Calls => Record::Call(calls::read(&row.get::<_, String>(0)?)?),
        Part::Members(chat) => Record::Member(members::seat(row, chat)?.member),
        Part::Messages(chat) => Record::Message(stored(db, row, chat)?),
        Part::Hidden(chat) => Record::Hidden(chat, row.get(0)?, count(row, 1)?, count(row, 2)?),
        Part::Invites(_) => Record::Invite(invites::read(row)?),
    })
}

fn stored(db: &Db<'_>, row: &Row<'_>, chat: ChatId) -> Result<StoredMessage> {
    let num: i64 = row.get(messages::COLUMNS)?;
    Ok(StoredMessage {
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
    })
}

fn page(db: &Db<'_>, part: Part, after: Option<&str>, limit: u32) -> Result<Vec<Record>> {
    let (sql, pieces) = source(part);
    let mark = match (pieces, after) {
        ([_, _], Some(mark)) => {
            let (first, second) = pair(mark)?;
            [Some(first), Some(second)]
        }
        (_, mark) => [mark, None],
    };
    let value = |at: usize| pieces.get(at).map(|piece| piece.value(mark[at])).transpose();
    let chat = match part.chat() {
        Some(chat) => chats::head(db, chat)?.map(|(num, ..)| num),
        None => Some(0),
    };
    let chat = chat.ok_or_else(|| Error::internal("a chat that is not there"))?;
    db.each(sql, params![chat, value(0)?, value(1)?, limit], 0, |row| record(db, part, row))
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
