//! The store from records: writing all of it. `archive` reads them.
//!
//! Invariant: what is there already stays as it is, so every record may be put again.

use rusqlite::params;

use super::sql::{Db, int};
use super::{
    accounts, alerts, calls, chats, door, exports, files, invites, members, messages, operators,
    pushes, recoveries,
};
use super::{reports, sessions, terms, trends};
use crate::error::{Error, Result};
use crate::id::{ChatId, UserId};
use crate::model::chats::{ChatKind, Member};
use crate::model::messages::{Content, Message};
use crate::store::Index;
use crate::store::archive::{Record, StoredMessage};

/// Writes one record.
pub(super) fn put(db: &Db<'_>, record: &Record) -> Result<()> {
    match record {
        Record::Account(user, words) => {
            accounts::put(db, user)?;
            if user.deleted.is_some() {
                accounts::departs(db, user.id)?;
            }
            terms::replace_terms(db, Index::Users, user.id.0, words)
        }
        Record::Alerts(kept) => alerts::insert(db, kept),
        Record::Recovery(codes) => recoveries::insert(db, codes),
        Record::Export(export) => exports::insert(db, export),
        Record::File(file) => files::put(db, file),
        Record::LooseObject(digest) => files::put_loose(db, *digest),
        Record::Block(who, whom, since) => ignoring(
            db,
            "INSERT OR IGNORE INTO blocks(who, whom, since) VALUES(?1, ?2, ?3)",
            params![who, whom, since],
        ),
        Record::Code(code) => sessions::put_code(db, code),
        Record::Quota(key, window_ms, used, until) => ignoring(
            db,
            "INSERT OR IGNORE INTO quotas(key, window_ms, used, until) VALUES(?1, ?2, ?3, ?4)",
            params![key, int(*window_ms), used, until],
        ),
        Record::Place(place) => sessions::put_place(db, place),
        Record::Session(session) => sessions::insert(db, session),
        Record::Invitation(invitation) => door::insert(db, invitation),
        Record::Audit(audit) => operators::insert(db, audit),
        Record::Subscription(push) => pushes::insert(db, push),
        Record::Report(report) => reports::insert(db, report),
        Record::Trend(row) => trends::insert(db, row),
        Record::Inbox(user, rev) => ignoring(
            db,
            "INSERT OR IGNORE INTO inboxes(user, rev) VALUES(?1, ?2)",
            params![user, int(*rev)],
        ),
        Record::Chat(chat, words) => {
            if chats::head(db, chat.id)?.is_none() {
                chats::insert(db, chat.clone())?;
            }
            terms::replace_terms(db, Index::Groups, chat.id.0, words)
        }
        Record::Member(row) => member(db, row),
        Record::Message(stored) => message(db, stored),
        Record::Hidden(chat, user, seq, rev) => hidden(db, (*chat, *user), *seq, *rev),
        Record::Invite(invite) => invites::write(db, invite),
        Record::Call(call) => calls::insert(db, call),
    }
}

fn ignoring(db: &Db<'_>, sql: &str, params: impl rusqlite::Params) -> Result<()> {
    db.run(sql, params).map(drop)
}

fn no_chat() -> Error {
    Error::internal("a record of a chat that is not there")
}

fn member(db: &Db<'_>, row: &Member) -> Result<()> {
    let found = chats::find(db, row.chat)?.ok_or_else(no_chat)?;
    let num = found.num;
    let is_new = members::put(db, num, row, row.rev)?;
    if is_new && row.is_active() && found.chat.kind == ChatKind::Group {
        members::count_group(db, row.user, true)?;
    }
    if row.own_seq > 0 {
        members::wrote(db, members::number(db, num, row.user)?, row.own_seq)?;
    }
    Ok(())
}

fn hidden(db: &Db<'_>, (chat, user): (ChatId, UserId), seq: u64, rev: u64) -> Result<()> {
    let (num, ..) = chats::head(db, chat)?.ok_or_else(no_chat)?;
    let seat = members::number(db, num, user)?;
    ignoring(
        db,
        "INSERT OR IGNORE INTO hidden(seat, seq, rev) VALUES(?1, ?2, ?3)",
        params![seat, int(seq), int(rev)],
    )
}

fn message(db: &Db<'_>, stored: &StoredMessage) -> Result<()> {
    let StoredMessage { message, born, .. } = stored;
    let (chat, head_seq, head_rev) = chats::head(db, message.chat)?.ok_or_else(no_chat)?;
    let place = params![chat, int(message.seq)];
    if db.has("SELECT 1 FROM messages WHERE chat = ?1 AND seq = ?2", place)? {
        return Ok(());
    }
    let seat = match message.client_msg_id {
        Some(_) => Some(members::number(db, chat, message.from)?),
        None => None,
    };
    messages::insert(db, chat, seat, *born, message)?;
    let row = db.0.last_insert_rowid();
    beside(db, row, stored)?;
    if let Content::Text(text) = &message.content {
        messages::put_mentions(db, chat, message.seq, message.from, text)?;
        files::attach(db, chat, message.seq, text)?;
    }
    note_changes(db, (chat, head_seq, head_rev), message, *born)
}

/// Earlier texts and reactions.
fn beside(db: &Db<'_>, row: i64, stored: &StoredMessage) -> Result<()> {
    for (number, (until, body)) in (1_i64..).zip(&stored.edits) {
        db.run(
            "INSERT INTO edits(message, number, until, body) VALUES(?1, ?2, ?3, ?4)",
            params![row, number, until, body],
        )?;
    }
    for (emoji, user, rev) in &stored.reactors {
        db.run(
            "INSERT INTO reactions(message, emoji, user, rev) VALUES(?1, ?2, ?3, ?4)",
            params![row, emoji, user, int(*rev)],
        )?;
    }
    Ok(())
}

/// Fills `changes` (see there): every rev between two births is a change. Of a row that changed
/// more than once the earlier changes have no seq any more; any other row's serves, since a change
/// counts for a row only when it is the row's last.
fn note_changes(
    db: &Db<'_>,
    (chat, head_seq, head_rev): (i64, u64, u64),
    message: &Message,
    born: u64,
) -> Result<()> {
    let seq = message.seq;
    let before = db.first(
        "SELECT born FROM messages WHERE chat = ?1 AND seq = ?2",
        params![chat, int(seq) - 1],
        |row| row.get::<_, i64>(0),
    )?;
    if let Some(before) = before {
        fill(db, chat, (before + 1, int(born)), int(seq) - 1)?;
    }
    if message.rev > born {
        db.run(
            "INSERT INTO changes(chat, rev, seq, head_seq) VALUES(?1, ?2, ?3, ?3)",
            params![chat, int(message.rev), int(seq)],
        )?;
    }
    if seq == head_seq {
        fill(db, chat, (int(born) + 1, int(head_rev) + 1), int(seq))?;
    }
    Ok(())
}

/// All revs from one to before another are changes that came when the chat's head was `head_seq`.
fn fill(db: &Db<'_>, chat: i64, (first, end): (i64, i64), head_seq: i64) -> Result<()> {
    if first >= end {
        return Ok(());
    }
    db.run(
        "UPDATE changes SET head_seq = ?4 WHERE chat = ?1 AND rev >= ?2 AND rev < ?3",
        params![chat, first, end, head_seq],
    )?;
    ignoring(
        db,
        "WITH RECURSIVE revs(rev) AS
             (SELECT ?2 UNION ALL SELECT rev + 1 FROM revs WHERE rev + 1 < ?3)
         INSERT OR IGNORE INTO changes(chat, rev, seq, head_seq) SELECT ?1, rev, ?4, ?4 FROM revs",
        params![chat, first, end, head_seq],
    )
}
