//! People's copies of their own data. Called by `archive`, `restore` and `users` too.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::sql::{Db, count, int, read_form, stored};
use crate::clock::Time;
use crate::error::Result;
use crate::id::UserId;
use crate::model::exports::Export;
use crate::store::Exports;
use crate::store::forms::export::ExportForm;

/// Selects copies: the columns of `read`.
macro_rules! select {
    () => {
        "SELECT user, due, version, export FROM exports"
    };
}
/// A page of them in the order of an archive.
pub(super) const PAGE: &str = concat!(select!(), " WHERE user > ?2 ORDER BY user LIMIT ?4");

/// Reads the columns of `select`.
pub(super) fn read(row: &Row<'_>) -> Result<Export> {
    let form = read_form::<ExportForm>(row, 3)?;
    form.export(row.get(0)?, row.get(1)?, count(row, 2)?)
}

fn json(export: &Export) -> Result<String> {
    stored(&ExportForm::from(export))
}

/// Writes a copy, unless its person has one.
pub(super) fn insert(db: &Db<'_>, export: &Export) -> Result<()> {
    db.run(
        "INSERT OR IGNORE INTO exports(user, due, version, export) VALUES(?1, ?2, ?3, ?4)",
        params![export.user, export.due, int(export.version), json(export)?],
    )
    .map(drop)
}

/// Removes somebody's copy.
pub(super) fn remove(db: &Db<'_>, user: UserId) -> Result<()> {
    db.run("DELETE FROM exports WHERE user = ?1", [user]).map(drop)
}

fn put(db: &Db<'_>, export: &Export) -> Result<bool> {
    let Export { user, due, version, .. } = export;
    if !db.has("SELECT 1 FROM users WHERE id = ?1 AND deleted IS NULL", [user])? {
        return Ok(false);
    }
    let sql = if *version == 1 {
        "INSERT OR IGNORE INTO exports(user, due, version, export) VALUES(?1, ?2, ?3, ?4)"
    } else {
        "UPDATE exports SET due = ?2, version = ?3, export = ?4
         WHERE user = ?1 AND version = ?3 - 1"
    };
    Ok(db.run(sql, params![user, due, int(*version), json(export)?])? > 0)
}

#[async_trait]
impl Exports for EmbeddedStore {
    async fn export_of(&self, user: UserId) -> Result<Option<Export>> {
        const OF: &str = concat!(select!(), " WHERE user = ?1");
        self.read(move |db| Ok(db.each(OF, [user], 1, read)?.pop())).await
    }

    async fn put_export(&self, export: &Export) -> Result<bool> {
        let export = export.clone();
        self.write(move |db| put(db, &export)).await
    }

    async fn drop_export(&self, user: UserId, version: u64) -> Result<bool> {
        const DROP: &str = "DELETE FROM exports WHERE user = ?1 AND version = ?2";
        self.write(move |db| Ok(db.run(DROP, params![user, int(version)])? > 0)).await
    }

    async fn exports_due(&self, now: Time, limit: u32) -> Result<Vec<Export>> {
        const DUE: &str = concat!(select!(), " WHERE due <= ?1 ORDER BY due, user LIMIT ?2");
        self.read(move |db| db.each(DUE, params![now, limit], 16, read)).await
    }
}
