//! What keeps the store in order.

use std::sync::PoisonError;

use async_trait::async_trait;
use rusqlite::params;

use super::EmbeddedStore;
use super::sql::Db;
use super::users::forget;
use crate::error::Result;
use crate::id::{Incarnation, UserId};
use crate::model::auth::{CODE_LIFE, latest_end};
use crate::model::reports::REPORT_KEPT;
use crate::store::{Due, LONGEST_WINDOW, Upkeep};

/// At most this many rows of each kind a call.
pub(super) const SWEPT: usize = 500;

/// What ends: over by a moment, or beyond one that nothing reaches.
const CODES: &str = "DELETE FROM codes WHERE id IN
    (SELECT id FROM codes WHERE expires <= ?1 OR expires > ?2 LIMIT ?3)";
const QUOTAS: &str = "DELETE FROM quotas WHERE (key, window_ms) IN
    (SELECT key, window_ms FROM quotas WHERE until <= ?1 OR until > ?2 LIMIT ?3)";
/// What is over by a moment.
const INVITES: &str = "DELETE FROM invites WHERE code IN
    (SELECT code FROM invites WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";
const INVITATIONS: &str = "DELETE FROM invitations WHERE id IN
    (SELECT id FROM invitations WHERE expires <= ?1 ORDER BY expires LIMIT ?2)";
const SESSIONS: &str = "DELETE FROM sessions WHERE id IN
    (SELECT id FROM sessions WHERE last_seen <= ?1 ORDER BY last_seen LIMIT ?2)";
const REPORTS: &str = "DELETE FROM reports WHERE id IN
    (SELECT id FROM reports WHERE answered <= ?1 ORDER BY answered LIMIT ?2)";
const PLACES: &str = "DELETE FROM places WHERE (user, key) IN
    (SELECT user, key FROM places WHERE used <= ?1 ORDER BY used LIMIT ?2)";
/// Uses that a wrong clock has noted ahead of now.
const AHEAD: [&str; 2] = [
    "UPDATE sessions SET last_seen = ?1 WHERE last_seen > ?1",
    "UPDATE places SET used = ?1 WHERE used > ?1",
];

/// Which life of the store this is.
pub(super) fn incarnation(db: &Db<'_>) -> Result<Incarnation> {
    db.one("SELECT id FROM incarnation", [], |row| row.get(0))
}

fn sweep(db: &Db<'_>, due: &Due) -> Result<bool> {
    let (now, most) = (due.now, SWEPT as i64);
    let mut more = false;
    for (ends, longest) in [(CODES, CODE_LIFE), (QUOTAS, LONGEST_WINDOW)] {
        more |= db.run(ends, params![now, latest_end(now, longest), most])? == SWEPT;
    }
    for ahead in AHEAD {
        db.run(ahead, [now])?;
    }
    let unused = [
        (INVITES, now),
        (INVITATIONS, now),
        (SESSIONS, due.idle),
        (PLACES, due.places),
        (REPORTS, now.minus(REPORT_KEPT)),
    ];
    for (unused, since) in unused {
        more |= db.run(unused, params![since, most])? == SWEPT;
    }
    let unverified: Vec<UserId> = db.all(
        "SELECT id FROM users WHERE verified IS NULL AND deleted IS NULL AND created < ?1
         ORDER BY created LIMIT ?2",
        params![due.unverified, most],
        |row| row.get(0),
    )?;
    for &user in &unverified {
        forget(db, user)?;
    }
    Ok(more || unverified.len() == SWEPT)
}

#[async_trait]
impl Upkeep for EmbeddedStore {
    async fn ready(&self) -> Result<()> {
        self.damage.check()?;
        self.read(|db| db.has("SELECT 1 FROM pulse", [])).await?;
        self.write(|db| {
            db.run("INSERT INTO pulse VALUES(1, 1) ON CONFLICT DO UPDATE SET beats = beats + 1", [])
        })
        .await?;
        Ok(())
    }

    fn incarnation(&self) -> Incarnation {
        self.incarnation_now()
    }

    async fn renew(&self) -> Result<()> {
        let renewed = self.write(|db| {
            db.run("UPDATE incarnation SET id = randomblob(12)", [])?;
            incarnation(db)
        });
        let renewed = renewed.await?;
        *self.incarnation.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    async fn sweep(&self, due: &Due) -> Result<bool> {
        let due = *due;
        self.write(move |db| sweep(db, &due)).await
    }

    async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}
