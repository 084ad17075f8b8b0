//! People's copies of their own data: a part of their accounts' documents (`export`), so that it
//! goes with them in one write. Called by `archive` and `restore` too.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::access::{Find, Statement};
use super::rows::{Row, ToBson, int, read_form, stored};
use super::schema::dated;
use super::tables::Table;
use super::users::living;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ObjectId, UserId};
use crate::model::exports::Export;
use crate::store::Exports;
use crate::store::forms::export::ExportForm;

/// What of an account is read.
fn fields() -> Document {
    doc! { "export": 1 }
}

/// Reads what an account's document says.
pub(super) fn read(document: &Document) -> Result<Export> {
    let row = Row(document);
    let there = row.opt_row("export")?.ok_or_else(|| Error::internal("no copy"))?;
    let form: ExportForm = read_form(there.0)?;
    form.export(row.user("_id")?, there.time("due")?, there.count("version")?)
}

fn document(export: &Export) -> Result<Document> {
    let mut document = stored(&ExportForm::from(export))?;
    document.insert("due", export.due.bson());
    document.insert("version", int(export.version));
    Ok(document)
}

/// Writes a copy, unless its person has one. For accounts that are there.
pub(super) fn insert(export: &Export) -> Result<Statement> {
    let new = doc! { "_id": export.user.bson(), "export": { "$exists": false } };
    Ok(Statement::new(new, doc! { "$set": { "export": document(export)? } }))
}

/// A page of an archive, after the account of its mark.
pub(super) fn page(after: Option<ObjectId>, limit: u32) -> Find {
    let mut filter = doc! { "export": { "$exists": true } };
    if let Some(after) = after {
        filter.insert("_id", doc! { "$gt": after.bson() });
    }
    Find::new(Table::Users, filter).sort(doc! { "_id": 1 }).fields(fields()).limit(limit)
}

#[async_trait]
impl Exports for MongoStore {
    async fn export_of(&self, user: UserId) -> Result<Option<Export>> {
        let found = self.access.one(Table::Users, living(user)).await?;
        let there = found.filter(|account| account.contains_key("export"));
        there.as_ref().map(read).transpose()
    }

    async fn put_export(&self, export: &Export) -> Result<bool> {
        let mut as_seen = living(export.user);
        if export.version == 1 {
            as_seen.insert("export", doc! { "$exists": false });
        } else {
            as_seen.insert("export.version", int(export.version - 1));
        }
        let set = doc! { "$set": { "export": document(export)? } };
        self.access.set(Table::Users, as_seen, set).await
    }

    async fn drop_export(&self, user: UserId, version: u64) -> Result<bool> {
        let mut as_seen = living(user);
        as_seen.insert("export.version", int(version));
        self.access.set(Table::Users, as_seen, doc! { "$unset": { "export": "" } }).await
    }

    async fn exports_due(&self, now: Time, limit: u32) -> Result<Vec<Export>> {
        let mut due = dated();
        due.insert("$lte", now.bson());
        let find = Find::new(Table::Users, doc! { "export.due": due })
            .sort(doc! { "export.due": 1 })
            .fields(fields())
            .limit(limit);
        self.access.find(find).await?.iter().map(read).collect()
    }
}
