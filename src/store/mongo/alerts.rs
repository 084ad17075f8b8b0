//! What people want to be told of: a part of their accounts' documents (`alerts`), so that it goes
//! with them in one write. Called by `archive` and `restore` too.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::access::{Find, KEYS, Statement};
use super::rows::{Row, ToBson, read_form, stored};
use super::schema::dated;
use super::tables::Table;
use super::users::living;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ObjectId, UserId};
use crate::model::alerts::{Alerts, KeptAlerts};
use crate::store::AlertSettings;
use crate::store::forms::alerts::AlertsForm;

/// Those who are due by a moment, as the index of them says it.
fn due_by(now: Time) -> Document {
    let mut due = dated();
    due.insert("$lte", now.bson());
    doc! { "alerts.due": due }
}

/// What of an account is read.
fn fields() -> Document {
    doc! { "alerts": 1 }
}

/// Reads what an account's document says.
pub(super) fn read(document: &Document) -> Result<KeptAlerts> {
    let row = Row(document);
    let there = row.opt_row("alerts")?.ok_or_else(|| Error::internal("no alerts"))?;
    let form: AlertsForm = read_form(there.0)?;
    Ok(KeptAlerts {
        user: row.user("_id")?,
        alerts: form.alerts()?,
        due: there.opt_time("due")?,
        mailed: there.opt_time("mailed")?,
    })
}

fn document(alerts: &Alerts, due: Option<Time>, mailed: Option<Time>) -> Result<Document> {
    let mut document = stored(&AlertsForm::from(alerts))?;
    for (name, time) in [("due", due), ("mailed", mailed)] {
        if let Some(time) = time {
            document.insert(name, time.bson());
        }
    }
    Ok(document)
}

/// Writes what a person wants, unless they have said something. For accounts that are there.
pub(super) fn insert(kept: &KeptAlerts) -> Result<Statement> {
    let new = doc! { "_id": kept.user.bson(), "alerts": { "$exists": false } };
    let alerts = document(&kept.alerts, kept.due, kept.mailed)?;
    Ok(Statement::new(new, doc! { "$set": { "alerts": alerts } }))
}

/// A page of an archive, after the account of its mark.
pub(super) fn page(after: Option<ObjectId>, limit: u32) -> Find {
    let mut filter = doc! { "alerts": { "$exists": true } };
    if let Some(after) = after {
        filter.insert("_id", doc! { "$gt": after.bson() });
    }
    Find::new(Table::Users, filter).sort(doc! { "_id": 1 }).fields(fields()).limit(limit)
}

impl MongoStore {
    async fn kept_of(&self, user: UserId) -> Result<Option<KeptAlerts>> {
        let found = self.access.one(Table::Users, living(user)).await?;
        let there = found.filter(|account| account.contains_key("alerts"));
        there.as_ref().map(read).transpose()
    }
}

#[async_trait]
impl AlertSettings for MongoStore {
    async fn put_alerts(&self, user: UserId, alerts: &Alerts, due: Option<Time>) -> Result<bool> {
        loop {
            let before = self.kept_of(user).await?;
            let mailed = before.as_ref().and_then(|kept| kept.mailed);
            let mut as_seen = living(user);
            as_seen.insert("alerts.mailed", mailed.bson());
            let set = doc! { "$set": { "alerts": document(alerts, due, mailed)? } };
            if self.access.set(Table::Users, as_seen, set).await? {
                return Ok(true);
            }
            if self.access.one(Table::Users, living(user)).await?.is_none() {
                return Ok(false);
            }
        }
    }

    async fn alerts_of(&self, users: &[UserId]) -> Result<Vec<KeptAlerts>> {
        let mut found = Vec::new();
        for some in users.chunks(KEYS) {
            let filter = doc! { "_id": { "$in": some.bson() }, "alerts": { "$exists": true } };
            let find = Find::new(Table::Users, filter).fields(fields());
            for account in self.access.find(find).await? {
                found.push(read(&account)?);
            }
        }
        Ok(found)
    }

    async fn mails_due(&self, now: Time, limit: u32) -> Result<Vec<KeptAlerts>> {
        let find = Find::new(Table::Users, due_by(now))
            .sort(doc! { "alerts.due": 1 })
            .fields(fields())
            .limit(limit);
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn note_mail(&self, seen: &KeptAlerts, due: Time, mailed: Option<Time>) -> Result<bool> {
        let Some(was_due) = seen.due else { return Ok(false) };
        let as_seen = doc! { "_id": seen.user.bson(), "alerts.due": was_due.bson() };
        let mut set = doc! { "alerts.due": due.bson() };
        if let Some(mailed) = mailed {
            set.insert("alerts.mailed", mailed.bson());
        }
        self.access.set(Table::Users, as_seen, doc! { "$set": set }).await
    }
}
