//! Search terms: ordered by term, then id, in the order of their bytes.
//!
//! A person's terms also stand in the account, marked unfinished until the index holds them, so
//! that upkeep finishes what a crash left. A group's terms come with the commit of its title.

use std::collections::HashMap;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Access, Find, Statement};
use super::redo::Redo;
use super::rows::{Row, ToBson, int};
use super::tables::Table;
use crate::error::Result;
use crate::id::{ObjectId, UserId};
use crate::store::{Index, Terms};

/// Entries that are put at once.
const AT_ONCE: usize = 64;

const fn space(index: Index) -> &'static str {
    match index {
        Index::Users => "users",
        Index::Groups => "groups",
    }
}

/// The document of an entry under a term.
pub(super) fn entry(index: Index, id: ObjectId, term: &str) -> Document {
    doc! { "space": space(index), "term": term, "entry": id.bson() }
}

/// The terms of entries, each one's in the order of their bytes.
pub(super) async fn of(
    access: &Access,
    index: Index,
    ids: &[ObjectId],
) -> Result<HashMap<ObjectId, Vec<String>>> {
    let mut all: HashMap<ObjectId, Vec<String>> = HashMap::new();
    if ids.is_empty() {
        return Ok(all);
    }
    let filter = doc! { "space": space(index), "entry": { "$in": ids.bson() } };
    for document in access.find(Find::new(Table::Terms, filter)).await? {
        let row = Row(&document);
        all.entry(row.id("entry")?).or_default().push(row.text("term")?);
    }
    all.values_mut().for_each(|terms| terms.sort_unstable());
    Ok(all)
}

/// The writes that put an entry under these terms alone: what to remove, and what to make.
fn writes(index: Index, id: ObjectId, terms: &[String]) -> (Document, Vec<Statement>) {
    let kept: Vec<Bson> = terms.iter().map(|term| term.as_str().into()).collect();
    let space = space(index);
    let gone = doc! { "space": space, "entry": id.bson(), "term": { "$nin": kept } };
    let put = |term: &String| {
        let key = entry(index, id, term);
        Statement::new(key.clone(), doc! { "$setOnInsert": key }).upsert()
    };
    (gone, terms.iter().map(put).collect())
}

/// Puts an entry under these terms alone, as part of a commit.
pub(super) fn replace(redo: &mut Redo, index: Index, id: ObjectId, terms: &[String]) {
    let (gone, puts) = writes(index, id, terms);
    redo.delete(Table::Terms, gone);
    for put in puts {
        redo.update(Table::Terms, put);
    }
}

async fn put(access: &Access, index: Index, id: ObjectId, terms: &[String]) -> Result<()> {
    let (gone, puts) = writes(index, id, terms);
    access.delete(Table::Terms, gone).await?;
    if !puts.is_empty() {
        access.update(Table::Terms, &puts).await?;
    }
    Ok(())
}

async fn put_entry(access: &Access, index: Index, id: ObjectId, terms: Vec<String>) -> Result<()> {
    if index == Index::Users {
        let update = doc! { "$set": in_account(&terms), "$inc": { "ver": 1_i64 } };
        if access.set(Table::Users, doc! { "_id": id.bson() }, update).await? {
            return finish(access, UserId(id)).await;
        }
    }
    put(access, index, id, &terms).await
}

/// What an account's update sets when its terms change.
pub(super) fn in_account(terms: &[String]) -> Document {
    let terms: Vec<Bson> = terms.iter().map(|term| term.as_str().into()).collect();
    doc! { "terms": terms, "unfinished": true }
}

/// Brings the index to what the account says, as often as that changes meanwhile.
pub(super) async fn finish(access: &Access, user: UserId) -> Result<()> {
    loop {
        let key = doc! { "_id": user.bson() };
        let Some(account) = access.one(Table::Users, key).await? else {
            return put(access, Index::Users, user.0, &[]).await;
        };
        let row = Row(&account);
        if !row.flag("unfinished")? {
            return Ok(());
        }
        put(access, Index::Users, user.0, &row.texts("terms")?).await?;
        let ver = row.count("ver")?;
        let same = doc! { "_id": user.bson(), "ver": int(ver) };
        if access.set(Table::Users, same, doc! { "$unset": { "unfinished": "" } }).await? {
            return Ok(());
        }
    }
}

impl MongoStore {
    async fn entries(&self, filter: Document, limit: u32) -> Result<Vec<(String, ObjectId)>> {
        let find = Find::new(Table::Terms, filter)
            .sort(doc! { "space": 1, "term": 1, "entry": 1 })
            .limit(limit);
        let found = self.access.find(find).await?;
        found.iter().map(|row| Ok((Row(row).text("term")?, Row(row).id("entry")?))).collect()
    }
}

#[async_trait]
impl Terms for MongoStore {
    async fn term_range(
        &self,
        index: Index,
        low: &str,
        high: &str,
        after: Option<(String, ObjectId)>,
        limit: u32,
    ) -> Result<Vec<(String, ObjectId)>> {
        let (space, mut found) = (space(index), Vec::new());
        if limit == 0 || low >= high {
            return Ok(found);
        }
        let after = after.filter(|(term, _)| term.as_str() >= low);
        let mut range = doc! { "$gte": low, "$lt": high };
        if let Some((term, id)) = after {
            if term.as_str() >= high {
                return Ok(found);
            }
            let same =
                doc! { "space": space, "term": term.as_str(), "entry": { "$gt": id.bson() } };
            found = self.entries(same, limit).await?;
            range = doc! { "$gt": term, "$lt": high };
        }
        let left = limit.saturating_sub(found.len() as u32);
        if left > 0 {
            found.extend(self.entries(doc! { "space": space, "term": range }, left).await?);
        }
        Ok(found)
    }

    async fn put_terms(&self, index: Index, entries: Vec<(ObjectId, Vec<String>)>) -> Result<()> {
        let puts = entries.into_iter().map(|(id, terms)| put_entry(&self.access, index, id, terms));
        stream::iter(puts).buffer_unordered(AT_ONCE).try_collect().await
    }
}
