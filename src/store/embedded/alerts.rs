//! What people want to be told of. Called by `archive`, `restore` and `users` too.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::sql::{Db, read_form, stored};
use crate::clock::Time;
use crate::error::Result;
use crate::id::UserId;
use crate::model::alerts::{Alerts, KeptAlerts};
use crate::store::AlertSettings;
use crate::store::forms::alerts::AlertsForm;

/// Selects people's alerts: the columns of `kept`.
macro_rules! select {
    () => {
        "SELECT user, alerts, due, mailed FROM alerts"
    };
}
/// A page of them in the order of an archive.
pub(super) const PAGE: &str = concat!(select!(), " WHERE user > ?2 ORDER BY user LIMIT ?4");

/// Reads the columns of `select`.
pub(super) fn kept(row: &Row<'_>) -> Result<KeptAlerts> {
    let alerts = read_form::<AlertsForm>(row, 1)?.alerts()?;
    Ok(KeptAlerts { user: row.get(0)?, alerts, due: row.get(2)?, mailed: row.get(3)? })
}

fn json(alerts: &Alerts) -> Result<String> {
    stored(&AlertsForm::from(alerts))
}

/// Writes what a person wants, unless they have said something.
pub(super) fn insert(db: &Db<'_>, kept: &KeptAlerts) -> Result<()> {
    db.run(
        "INSERT OR IGNORE INTO alerts(user, alerts, due, mailed) VALUES(?1, ?2, ?3, ?4)",
        params![kept.user, json(&kept.alerts)?, kept.due, kept.mailed],
    )?;
    Ok(())
}

/// Removes what somebody wanted.
pub(super) fn remove(db: &Db<'_>, user: UserId) -> Result<()> {
    db.run("DELETE FROM alerts WHERE user = ?1", [user]).map(drop)
}

fn put(db: &Db<'_>, user: UserId, alerts: &Alerts, due: Option<Time>) -> Result<bool> {
    if !db.has("SELECT 1 FROM users WHERE id = ?1 AND deleted IS NULL", [user])? {
        return Ok(false);
    }
    db.run(
        "INSERT INTO alerts(user, alerts, due) VALUES(?1, ?2, ?3)
         ON CONFLICT(user) DO UPDATE SET alerts = ?2, due = ?3",
        params![user, json(alerts)?, due],
    )?;
    Ok(true)
}

#[async_trait]
impl AlertSettings for EmbeddedStore {
    async fn put_alerts(&self, user: UserId, alerts: &Alerts, due: Option<Time>) -> Result<bool> {
        let alerts = alerts.clone();
        self.write(move |db| put(db, user, &alerts, due)).await
    }

    async fn alerts_of(&self, users: &[UserId]) -> Result<Vec<KeptAlerts>> {
        const OF: &str = concat!(select!(), " WHERE user = ?1");
        let users = users.to_vec();
        self.read(move |db| {
            let mut found = Vec::new();
            for user in users {
                found.extend(db.each(OF, [user], 1, kept)?);
            }
            Ok(found)
        })
        .await
    }

    async fn mails_due(&self, now: Time, limit: u32) -> Result<Vec<KeptAlerts>> {
        const DUE: &str = concat!(select!(), " WHERE due <= ?1 ORDER BY due, user LIMIT ?2");
        self.read(move |db| db.each(DUE, params![now, limit], 16, kept)).await
    }

    async fn note_mail(&self, seen: &KeptAlerts, due: Time, mailed: Option<Time>) -> Result<bool> {
        let (user, was_due) = (seen.user, seen.due);
        self.write(move |db| {
            let noted = db.run(
                "UPDATE alerts SET due = ?3, mailed = coalesce(?4, mailed)
                 WHERE user = ?1 AND due = ?2",
                params![user, was_due, due, mailed],
            )?;
            Ok(noted > 0)
        })
        .await
    }
}
