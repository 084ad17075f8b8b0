//! What keeps the store in order.

use std::sync::PoisonError;

use async_trait::async_trait;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::MongoStore;
use super::access::{Access, Find, Statement};
use super::commit::upserted;
use super::rows::{Row, ToBson};
use super::schema::dated;
use super::tables::Table;
use super::users;
use crate::clock::Time;
use crate::error::Result;
use crate::id::Incarnation;
use crate::model::auth::{CODE_LIFE, latest_end};
use crate::model::reports::REPORT_KEPT;
use crate::store::{Due, LONGEST_WINDOW, Upkeep};

/// At most this many documents of each kind a call.
pub(super) const SWEPT: u32 = 500;
/// How long the mark of a removed link stays: far longer than anything late can come.
const MARK_MS: i64 = 60 * 60 * 1000;

/// Which life of the store this is. Of nodes that begin one at once, the first decides.
pub(super) async fn incarnation(access: &Access) -> Result<Incarnation> {
    let first = doc! { "$setOnInsert": { "id": ObjectId::new() } };
    live(access, first).await
}

async fn live(access: &Access, update: Document) -> Result<Incarnation> {
    let found = upserted(access, Table::State, doc! { "_id": "incarnation" }, update).await?;
    Row(&found).id("id").map(Incarnation)
}

impl MongoStore {
    async fn sweep_some(&self, table: Table, field: &str, before: Bson) -> Result<bool> {
        let mut due = dated();
        due.insert("$lte", before);
        self.sweep_due(table, field, due).await
    }

    /// What ends later than anything can.
    async fn sweep_beyond(&self, table: Table, field: &str, beyond: Time) -> Result<bool> {
        self.sweep_due(table, field, doc! { "$gt": beyond.bson() }).await
    }

    /// A use that a wrong clock has noted ahead of now becomes one of now.
    async fn bound(&self, table: Table, field: &str, now: Time) -> Result<()> {
        let ahead = doc! { field: { "$gt": now.bson() } };
        let update = Statement::new(ahead, doc! { "$set": { field: now.bson() } });
        self.access.update(table, &[update.multi()]).await.map(drop)
    }

    /// Removes documents with such a moment in a field, the earliest first; whether there may be
    /// more.
    pub(super) async fn sweep_due(&self, table: Table, field: &str, due: Document) -> Result<bool> {
        let find = Find::new(table, doc! { field: due.clone() })
            .sort(doc! { field: 1 })
            .limit(SWEPT)
            .fields(doc! { "_id": 1 });
        let found = self.access.find(find).await?;
        let keys: Vec<Bson> = found.iter().filter_map(|row| row.get("_id").cloned()).collect();
        if keys.is_empty() {
            return Ok(false);
        }
        let filter = doc! { "_id": { "$in": keys }, field: due };
        self.access.delete(table, filter).await?;
        Ok(found.len() == SWEPT as usize)
    }

    async fn sweep_unverified(&self, before: Time) -> Result<bool> {
        let old = doc! { "unverified": true, "created_at": { "$lt": before.bson() } };
        let find = Find::new(Table::Users, old.clone()).sort(doc! { "created_at": 1 });
        let found = self.access.find(find.limit(SWEPT)).await?;
        // Their files too, should a crash come between the account and them.
        let ids: Vec<Bson> = found.iter().filter_map(|row| row.get("_id").cloned()).collect();
        if !ids.is_empty() {
            self.look_at_files(&ids, before).await?;
        }
        for account in &found {
            let user = Row(account).user("_id")?;
            let mut still = old.clone();
            still.insert("_id", user.bson());
            if self.access.delete(Table::Users, still).await? > 0 {
                self.strip(user).await?;
            }
        }
        Ok(found.len() == SWEPT as usize)
    }

    async fn finish_accounts(&self) -> Result<bool> {
        let find = Find::new(Table::Users, doc! { "unfinished": true }).limit(SWEPT);
        let found: Vec<Document> = self.access.find(find).await?;
        for account in &found {
            self.finish_account(&users::read(account)?).await?;
        }
        Ok(found.len() == SWEPT as usize)
    }
}

#[async_trait]
impl Upkeep for MongoStore {
    async fn ready(&self) -> Result<()> {
        self.takes_writes().await
    }

    fn incarnation(&self) -> Incarnation {
        *self.incarnation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn renew(&self) -> Result<()> {
        let another = doc! { "$set": { "id": ObjectId::new() } };
        let renewed = live(&self.access, another).await?;
        *self.incarnation.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
        Ok(())
    }

    async fn sweep(&self, due: &Due) -> Result<bool> {
        let now = due.now;
        self.bound(Table::Sessions, "last_seen", now).await?;
        self.bound(Table::Places, "used_at", now).await?;
        let mut more = self.sweep_some(Table::Codes, "expires_at", now.bson()).await?;
        more |= self.sweep_beyond(Table::Codes, "expires_at", latest_end(now, CODE_LIFE)).await?;
        more |= self.sweep_some(Table::Quotas, "until", now.bson()).await?;
        more |= self.sweep_beyond(Table::Quotas, "until", latest_end(now, LONGEST_WINDOW)).await?;
        more |= self.sweep_some(Table::Sessions, "last_seen", due.idle.bson()).await?;
        more |= self.sweep_some(Table::Places, "used_at", due.places.bson()).await?;
        more |= self.sweep_some(Table::Invites, "expires_at", now.bson()).await?;
        more |= self.sweep_some(Table::Invitations, "expires_at", now.bson()).await?;
        let kept = now.minus(REPORT_KEPT).bson();
        more |= self.sweep_some(Table::Reports, "answered_at", kept).await?;
        let marks = DateTime::from_millis(DateTime::now().timestamp_millis() - MARK_MS);
        more |= self.sweep_some(Table::Invites, "removed_at", marks.into()).await?;
        more |= self.sweep_unverified(due.unverified).await?;
        more |= self.finish_accounts().await?;
        Ok(more)
    }

    async fn close(&self) {
        self.lanes.close().await;
        self.commits.clear_gathered().await;
        self.access.close().await;
    }
}
