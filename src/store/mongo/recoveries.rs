//! What lets people in who have lost their mailbox: a part of their accounts' documents
//! (`recovery`), so that it goes with them in one write. Each code that is left is a field, so that
//! one update uses it up. Called by `archive`, `restore`, `sessions` and `users` too.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::access::{Find, Statement};
use super::rows::{Row, ToBson};
use super::tables::Table;
use super::users::living;
use crate::error::{Error, Result};
use crate::id::{ObjectId, UserId, from_hex, hex_digits};
use crate::model::auth::{RecoveryCodes, RecoveryMark};
use crate::store::Recoveries;

/// What of an account is read.
fn fields() -> Document {
    doc! { "recovery": 1 }
}

/// Reads what an account's document says.
pub(super) fn read(document: &Document) -> Result<RecoveryCodes> {
    let row = Row(document);
    let there = row.opt_row("recovery")?.ok_or_else(|| Error::internal("no recovery codes"))?;
    let marks = there.opt_row("left")?.into_iter().flat_map(|left| left.0.keys());
    let mut left = marks.map(|name| mark(name)).collect::<Result<Vec<_>>>()?;
    left.sort_unstable();
    Ok(RecoveryCodes { user: row.user("_id")?, made: there.time("made_at")?, left })
}

/// The mark that a field is named after.
fn mark(name: &str) -> Result<RecoveryMark> {
    let mark = from_hex(name).map(RecoveryMark);
    mark.ok_or_else(|| Error::internal("a recovery code that is none"))
}

fn document(codes: &RecoveryCodes) -> Document {
    let left: Document = codes.left.iter().map(|mark| (hex_digits(&mark.0), true.into())).collect();
    doc! { "made_at": codes.made.bson(), "left": left }
}

/// Writes recovery codes, unless their person has some. For accounts that are there.
pub(super) fn insert(codes: &RecoveryCodes) -> Statement {
    let new = doc! { "_id": codes.user.bson(), "recovery": { "$exists": false } };
    Statement::new(new, doc! { "$set": { "recovery": document(codes) } })
}

/// A page of an archive, after the account of its mark.
pub(super) fn page(after: Option<ObjectId>, limit: u32) -> Find {
    let mut filter = doc! { "recovery": { "$exists": true } };
    if let Some(after) = after {
        filter.insert("_id", doc! { "$gt": after.bson() });
    }
    Find::new(Table::Users, filter).sort(doc! { "_id": 1 }).fields(fields()).limit(limit)
}

impl MongoStore {
    /// Uses up a recovery code; whether it was there.
    pub(super) async fn take_recovery(&self, user: UserId, mark: RecoveryMark) -> Result<bool> {
        let field = format!("recovery.left.{}", hex_digits(&mark.0));
        let mut there = living(user);
        there.insert(field.as_str(), true);
        self.access.set(Table::Users, there, doc! { "$unset": { field: "" } }).await
    }
}

#[async_trait]
impl Recoveries for MongoStore {
    async fn recovery_of(&self, user: UserId) -> Result<Option<RecoveryCodes>> {
        let found = self.access.one(Table::Users, living(user)).await?;
        let there = found.filter(|account| account.contains_key("recovery"));
        there.as_ref().map(read).transpose()
    }

    async fn put_recovery(&self, made: &RecoveryCodes, by: ObjectId) -> Result<bool> {
        let whose = doc! { "_id": by.bson(), "user": made.user.bson() };
        if self.access.remove(Table::Codes, whose).await?.is_none() {
            return Ok(false);
        }
        let set = doc! { "$set": { "recovery": document(made) } };
        self.access.set(Table::Users, living(made.user), set).await
    }
}
