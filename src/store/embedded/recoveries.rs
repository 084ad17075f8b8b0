//! What lets people in who have lost their mailbox. Called by `archive`, `restore`, `sessions` and
//! `users` too.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::sql::Db;
use crate::error::{Error, Result};
use crate::id::{ObjectId, UserId};
use crate::model::auth::{RecoveryCodes, RecoveryMark};
use crate::store::Recoveries;

/// Selects recovery codes: the columns of `read`.
macro_rules! select {
    () => {
        "SELECT user, made, marks FROM recoveries"
    };
}
/// A page of them in the order of an archive.
pub(super) const PAGE: &str = concat!(select!(), " WHERE user > ?2 ORDER BY user LIMIT ?4");

/// Reads the columns of `select`.
pub(super) fn read(row: &Row<'_>) -> Result<RecoveryCodes> {
    let (marks, rest) = row.get_ref(2)?.as_blob().map_err(Error::internal)?.as_chunks::<32>();
    if !rest.is_empty() {
        return Err(Error::internal("recovery codes that are not whole"));
    }
    let left = marks.iter().copied().map(RecoveryMark).collect();
    Ok(RecoveryCodes { user: row.get(0)?, made: row.get(1)?, left })
}

fn blob(marks: &[RecoveryMark]) -> Vec<u8> {
    marks.iter().flat_map(|mark| mark.0).collect()
}

/// Writes recovery codes, unless their person has some.
pub(super) fn insert(db: &Db<'_>, codes: &RecoveryCodes) -> Result<()> {
    db.run(
        "INSERT OR IGNORE INTO recoveries(user, made, marks) VALUES(?1, ?2, ?3)",
        params![codes.user, codes.made, blob(&codes.left)],
    )
    .map(drop)
}

/// Removes somebody's recovery codes.
pub(super) fn remove(db: &Db<'_>, user: UserId) -> Result<()> {
    db.run("DELETE FROM recoveries WHERE user = ?1", [user]).map(drop)
}

fn of(db: &Db<'_>, user: UserId) -> Result<Option<RecoveryCodes>> {
    const OF: &str = concat!(select!(), " WHERE user = ?1");
    Ok(db.each(OF, [user], 1, read)?.pop())
}

/// Whether this is one of somebody's recovery codes.
pub(super) fn has(db: &Db<'_>, user: UserId, mark: RecoveryMark) -> Result<bool> {
    Ok(of(db, user)?.is_some_and(|codes| codes.left.contains(&mark)))
}

/// Uses up a recovery code; whether it was there.
pub(super) fn take(db: &Db<'_>, user: UserId, mark: RecoveryMark) -> Result<bool> {
    let Some(mut codes) = of(db, user)? else { return Ok(false) };
    let before = codes.left.len();
    codes.left.retain(|left| *left != mark);
    if codes.left.len() == before {
        return Ok(false);
    }
    let sql = "UPDATE recoveries SET marks = ?2 WHERE user = ?1";
    db.run(sql, params![user, blob(&codes.left)])?;
    Ok(true)
}

fn put(db: &Db<'_>, made: &RecoveryCodes, by: ObjectId) -> Result<bool> {
    if db.run("DELETE FROM codes WHERE id = ?1 AND user = ?2", params![by, made.user])? == 0 {
        return Ok(false);
    }
    remove(db, made.user)?;
    insert(db, made)?;
    Ok(true)
}

#[async_trait]
impl Recoveries for EmbeddedStore {
    async fn recovery_of(&self, user: UserId) -> Result<Option<RecoveryCodes>> {
        self.read(move |db| of(db, user)).await
    }

    async fn put_recovery(&self, made: &RecoveryCodes, by: ObjectId) -> Result<bool> {
        let made = made.clone();
        self.write(move |db| put(db, &made, by)).await
    }
}
