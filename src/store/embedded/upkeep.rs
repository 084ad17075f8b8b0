//! What keeps the store in order.

use std::sync::PoisonError;

use async_trait::async_trait;
use rusqlite::params;

use super::EmbeddedStore;
use super::sql::Db;
use super::users::strip;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{Incarnation, UserId};
use crate::store::Upkeep;

/// At most this many rows of each kind a call.
const SWEPT: usize = 500;

const EXPIRED: [&str; 3] = [
    "DELETE FROM codes WHERE email IN
         (SELECT email FROM codes WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
    "DELETE FROM quotas WHERE (key, window_ms) IN
         (SELECT key, window_ms FROM quotas WHERE until <= ?1 ORDER BY until LIMIT ?2)",
    "DELETE FROM invites WHERE code IN
         (SELECT code FROM invites WHERE expires <= ?1 ORDER BY expires LIMIT ?2)",
];

/// Which life of the store this is.
pub(super) fn incarnation(db: &Db<'_>) -> Result<Incarnation> {
    db.one("SELECT id FROM incarnation", [], |row| row.get(0))
}

fn sweep(db: &Db<'_>, now: Time, unverified_before: Time) -> Result<bool> {
    let mut more = false;
    for expired in EXPIRED {
        more |= db.run(expired, params![now, SWEPT as i64])? == SWEPT;
    }
    let unverified: Vec<UserId> = db.all(
        "SELECT id FROM users WHERE verified IS NULL AND deleted IS NULL AND created < ?1
         ORDER BY created LIMIT ?2",
        params![unverified_before, SWEPT as i64],
        |row| row.get(0),
    )?;
    for &user in &unverified {
        strip(db, user)?;
        db.run("DELETE FROM users WHERE id = ?1", [user])?;
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

    async fn sweep(&self, now: Time, unverified_before: Time) -> Result<bool> {
        self.write(move |db| sweep(db, now, unverified_before)).await
    }

    async fn close(&self) {
        self.readers.close();
        self.writer.close().await;
    }
}
