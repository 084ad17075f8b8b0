//! Invitation links.
//!
//! Called by `chat_verbs`, `steps` and the archive.

use rusqlite::{Row, params};

use super::chats;
use super::members;
use super::sql::{Db, count};
use crate::error::{Error, Result, text};
use crate::id::{ChatId, UserId};
use crate::model::chats::{Invite, Role};
use crate::store::{InvitePut, decide};

/// Reads a link: code, chat, by, created, expires, uses_left.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Invite> {
    Ok(Invite {
        code: row.get(0)?,
        chat: row.get(1)?,
        by: row.get(2)?,
        created: row.get(3)?,
        expires: row.get(4)?,
        uses_left: row.get(5)?,
    })
}

/// Puts a link, if its maker is still of this role and the group has room for it.
pub(super) fn put(db: &Db<'_>, invite: &Invite, maker: Role) -> Result<InvitePut> {
    let Some((num, ..)) = chats::head(db, invite.chat)? else {
        return Err(Error::not_found(text::NO_CHAT));
    };
    let by = members::find(db, num, invite.chat, invite.by)?.map(|seat| seat.member);
    let others = db.one(
        "SELECT count(*) FROM invites WHERE chat = ?1 AND code <> ?2",
        params![num, invite.code],
        |row| count(row, 0),
    )?;
    let put = decide::member::put_invite(by.as_ref(), maker, others);
    if put == InvitePut::Done {
        write(db, invite)?;
    }
    Ok(put)
}

/// Selects links: the columns of `read`, of `invites i` and `chats c`.
macro_rules! columns {
    () => {
        "SELECT i.code, c.id, i.by, i.created, i.expires, i.uses_left"
    };
}
pub(super) use columns;

/// A link by its code.
pub(super) fn find(db: &Db<'_>, code: &str) -> Result<Option<Invite>> {
    db.first(
        concat!(columns!(), " FROM invites i JOIN chats c ON c.num = i.chat WHERE i.code = ?1"),
        [code],
        read,
    )
}

/// Writes a link.
pub(super) fn write(db: &Db<'_>, invite: &Invite) -> Result<()> {
    let Some((num, ..)) = chats::head(db, invite.chat)? else {
        return Err(Error::not_found(text::NO_CHAT));
    };
    db.run(
        "INSERT OR REPLACE INTO invites(code, chat, by, created, expires, uses_left)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        params![invite.code, num, invite.by, invite.created, invite.expires, invite.uses_left],
    )?;
    Ok(())
}

/// A group's links, latest first.
pub(super) fn of_chat(db: &Db<'_>, chat: ChatId) -> Result<Vec<Invite>> {
    db.all(
        concat!(
            columns!(),
            " FROM chats c JOIN invites i ON i.chat = c.num WHERE c.id = ?1
             ORDER BY i.created DESC, i.code"
        ),
        [chat],
        read,
    )
}

/// Uses a link up by one, when it counts its uses.
pub(super) fn use_up(db: &Db<'_>, code: &str) -> Result<()> {
    db.run("UPDATE invites SET uses_left = uses_left - 1 WHERE code = ?1", [code]).map(drop)
}

/// Ends the links of somebody.
pub(super) fn revoke(db: &Db<'_>, chat: i64, maker: UserId) -> Result<()> {
    db.run("DELETE FROM invites WHERE chat = ?1 AND by = ?2", params![chat, maker]).map(drop)
}

/// Removes a link; whether it was there.
pub(super) fn remove(db: &Db<'_>, chat: ChatId, code: &str) -> Result<bool> {
    let removed = db.run(
        "DELETE FROM invites WHERE code = ?1 AND chat = (SELECT num FROM chats WHERE id = ?2)",
        params![code, chat],
    )?;
    Ok(removed > 0)
}
