//! What operators do: the act and its row in one transaction.
//!
//! Called by `archive` and `restore` too.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::accounts::{self, find, put};
use super::sql::{Db, count, int, read_form, stored};
use super::upkeep::SWEPT;
use super::{chats, door, recoveries, reports, sessions, users};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{AuditId, ChatId, UserId};
use crate::model::auth::Which;
use crate::model::chats::{Chat, ChatKind};
use crate::model::door::INVITATIONS;
use crate::model::operators::{Act, Audit, Figures, Folk};
use crate::model::users::{Standing, User};
use crate::store::forms::audit::ActForm;
use crate::store::{Acted, Operators};

macro_rules! columns {
    () => {
        "SELECT id, at, by, act, done FROM audits"
    };
}

/// A page of rows in the order of an archive.
pub(super) const PAGE: &str = concat!(columns!(), " WHERE id > ?2 ORDER BY id LIMIT ?4");

/// Reads a row of the audit.
pub(super) fn read(row: &Row<'_>) -> Result<Audit> {
    let act = read_form::<ActForm>(row, 3)?.act()?;
    let (id, at, by) = (row.get(0)?, row.get(1)?, row.get(2)?);
    Ok(Audit { id, at, by, act, done: row.get(4)? })
}

/// Writes a row of the audit; one that is there becomes done, or stays as it is.
pub(super) fn insert(db: &Db<'_>, audit: &Audit) -> Result<()> {
    let act = stored(&ActForm::from(&audit.act))?;
    db.run(
        "INSERT INTO audits(id, at, by, act, done) VALUES(?1, ?2, ?3, ?4, ?5)
         ON CONFLICT(id) DO UPDATE SET done = max(done, ?5)",
        params![audit.id, audit.at, audit.by, act, audit.done],
    )
    .map(drop)
}

fn act(db: &Db<'_>, audit: &Audit) -> Result<Acted> {
    let acted = match &audit.act {
        Act::DeleteGroup { chat } => group(db, *chat)?,
        Act::Invite(invitation) => {
            if door::put(db, invitation, INVITATIONS)? {
                Acted::Done(Vec::new())
            } else {
                Acted::Full
            }
        }
        Act::EndInvitation { id } => {
            if door::remove(db, *id)? {
                Acted::Done(Vec::new())
            } else {
                Acted::Missing
            }
        }
        Act::TakeReport { .. } | Act::AnswerReport { .. } => report(db, audit)?,
        of_person => match of_person.user() {
            Some(user) => person(db, user, of_person, audit.at)?,
            None => Acted::Missing,
        },
    };
    if matches!(acted, Acted::Done(_) | Acted::Begun) {
        let done = matches!(acted, Acted::Done(_));
        insert(db, &Audit { done, ..audit.clone() })?;
    }
    Ok(acted)
}

fn group(db: &Db<'_>, chat: ChatId) -> Result<Acted> {
    let found = chats::find(db, chat)?.filter(|found| found.chat.kind == ChatKind::Group);
    Ok(if found.is_some() { Acted::Begun } else { Acted::Missing })
}

/// A step of a report, unless another was faster.
fn report(db: &Db<'_>, audit: &Audit) -> Result<Acted> {
    let Some((id, version, state)) = audit.report_step() else { return Ok(Acted::Missing) };
    let Some(found) = reports::find(db, id)? else { return Ok(Acted::Missing) };
    let is_done = found.state == state;
    if !is_done && reports::step(db, id, version, state)?.is_none() {
        return Ok(Acted::Taken);
    }
    Ok(Acted::Done(Vec::new()))
}

/// An act about a person whose account is there.
fn person(db: &Db<'_>, id: UserId, act: &Act, at: Time) -> Result<Acted> {
    let Some(user) = find(db, id)?.filter(|user| user.deleted.is_none()) else {
        return Ok(Acted::Missing);
    };
    let with = |user: User| put(db, &user).map(|()| Acted::Done(Vec::new()));
    match act {
        Act::Suspend { until, why, .. } => {
            let standing = Standing::Suspended { until: *until, why: why.clone() };
            put(db, &User { standing, ..user })?;
            sessions::close(db, id, Which::All).map(Acted::Done)
        }
        Act::Restore { .. } => with(User { standing: Standing::Fine, ..user }),
        Act::Delete { .. } => users::delete(db, id, at).map(Acted::Done),
        Act::LogOut { .. } => sessions::close(db, id, Which::All).map(Acted::Done),
        Act::Appoint { .. } => with(User { operator: true, ..user }),
        Act::Dismiss { .. } => with(User { operator: false, ..user }),
        Act::TakeRole { .. } if user.operator => Ok(Acted::Done(Vec::new())),
        Act::TakeRole { .. } => {
            let is_taken =
                db.has("SELECT 1 FROM users WHERE operator = 1 AND deleted IS NULL LIMIT 1", [])?;
            if is_taken { Ok(Acted::Taken) } else { with(User { operator: true, ..user }) }
        }
        Act::Move { to, .. } => {
            let Some(_) = users::give_address(db, user, to)? else { return Ok(Acted::Taken) };
            recoveries::remove(db, id)?;
            Ok(Acted::Done(Vec::new()))
        }
        Act::DeleteGroup { .. }
        | Act::Invite(_)
        | Act::EndInvitation { .. }
        | Act::TakeReport { .. }
        | Act::AnswerReport { .. } => Ok(Acted::Missing),
    }
}

fn figures(db: &Db<'_>) -> Result<Figures> {
    let one = |sql: &str| db.one(sql, [], |row| count(row, 0));
    Ok(Figures {
        people: one("SELECT count(*) FROM users WHERE verified IS NOT NULL AND deleted IS NULL")?,
        groups: one("SELECT count(*) FROM chats WHERE kind = 1 AND deleted IS NULL")?,
        messages: one("SELECT coalesce(sum(seq), 0) FROM heads")?,
        file_bytes: one("SELECT coalesce(sum(size), 0) FROM files")?,
    })
}

fn folk(db: &Db<'_>, which: Folk, after: Vec<u8>, limit: u32) -> Result<Vec<User>> {
    const ALL: &str = concat!(
        accounts::select!(),
        " WHERE id > ?1 AND verified IS NOT NULL ORDER BY id LIMIT ?2"
    );
    const SUSPENDED: &str = concat!(
        accounts::select!(),
        " WHERE id > ?1 AND suspended IS NOT NULL ORDER BY id LIMIT ?2"
    );
    const OPERATORS: &str =
        concat!(accounts::select!(), " WHERE id > ?1 AND operator = 1 ORDER BY id LIMIT ?2");
    let sql = match which {
        Folk::All => ALL,
        Folk::Suspended => SUSPENDED,
        Folk::Operators => OPERATORS,
    };
    db.all(sql, params![after, limit], accounts::user)
}

#[async_trait]
impl Operators for EmbeddedStore {
    async fn act(&self, audit: &Audit) -> Result<Acted> {
        let audit = audit.clone();
        self.write(move |db| act(db, &audit)).await
    }

    async fn finish_act(&self, id: AuditId) -> Result<()> {
        self.write(move |db| db.run("UPDATE audits SET done = 1 WHERE id = ?1", [id]).map(drop))
            .await
    }

    async fn begun_acts(&self, limit: u32) -> Result<Vec<Audit>> {
        const SQL: &str = concat!(columns!(), " WHERE done = 0 ORDER BY id LIMIT ?1");
        self.read(move |db| db.each(SQL, [limit], 0, read)).await
    }

    async fn audits(&self, before: Option<AuditId>, limit: u32) -> Result<Vec<Audit>> {
        const SQL: &str =
            concat!(columns!(), " WHERE ?1 IS NULL OR id < ?1 ORDER BY id DESC LIMIT ?2");
        self.read(move |db| db.each(SQL, params![before, limit], 0, read)).await
    }

    async fn sweep_audits(&self, before: Time) -> Result<bool> {
        const SQL: &str = "DELETE FROM audits WHERE id IN
            (SELECT id FROM audits WHERE at < ?1 ORDER BY at LIMIT ?2)";
        self.write(move |db| Ok(db.run(SQL, params![before, SWEPT as i64])? == SWEPT)).await
    }

    async fn folk(&self, which: Folk, after: Option<UserId>, limit: u32) -> Result<Vec<User>> {
        let after = after.map_or_else(Vec::new, |user| user.0.0.to_vec());
        self.read(move |db| folk(db, which, after, limit)).await
    }

    async fn all_groups(&self, after: Option<ChatId>, limit: u32) -> Result<Vec<Chat>> {
        const SQL: &str =
            concat!(chats::select!(), " WHERE c.id > ?1 AND c.kind = 1 ORDER BY c.id LIMIT ?2");
        let after = after.map_or_else(Vec::new, |chat| chat.0.0.to_vec());
        self.read(move |db| {
            db.all(SQL, params![after, int(u64::from(limit))], |row| {
                chats::numbered(row, 0).map(|found| found.chat)
            })
        })
        .await
    }

    async fn figures(&self) -> Result<Figures> {
        self.scan(figures).await
    }
}
