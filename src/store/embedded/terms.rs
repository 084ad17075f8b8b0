//! Search terms: ordered by term, then id, in the order of their bytes.

use async_trait::async_trait;
use rusqlite::params;

use super::EmbeddedStore;
use super::sql::Db;
use crate::error::Result;
use crate::id::ObjectId;
use crate::store::{Index, Terms};

const fn space(index: Index) -> i64 {
    match index {
        Index::Users => 0,
        Index::Groups => 1,
    }
}

/// Takes an entry out of the index.
pub(super) fn forget_terms(db: &Db<'_>, index: Index, id: ObjectId) -> Result<()> {
    db.run("DELETE FROM terms WHERE space = ?1 AND id = ?2", params![space(index), id])?;
    Ok(())
}

/// The terms of an entry, in the order of their bytes.
pub(super) fn of(db: &Db<'_>, index: Index, id: ObjectId) -> Result<Vec<String>> {
    db.all(
        "SELECT term FROM terms WHERE space = ?1 AND id = ?2 ORDER BY term",
        params![space(index), id],
        |row| row.get(0),
    )
}

/// Puts an entry under these terms alone.
pub(super) fn replace_terms(
    db: &Db<'_>,
    index: Index,
    id: ObjectId,
    terms: &[String],
) -> Result<()> {
    forget_terms(db, index, id)?;
    terms.iter().try_for_each(|term| insert(db, index, term, id))
}

fn insert(db: &Db<'_>, index: Index, term: &str, id: ObjectId) -> Result<()> {
    db.run(
        "INSERT OR IGNORE INTO terms(space, term, id) VALUES(?1, ?2, ?3)",
        params![space(index), term, id],
    )?;
    Ok(())
}

/// Puts many entries under their terms alone, in the order of the index: each of its pages is
/// brought in and written once.
fn put_all(db: &Db<'_>, index: Index, entries: &[(ObjectId, Vec<String>)]) -> Result<()> {
    entries.iter().try_for_each(|(id, _)| forget_terms(db, index, *id))?;
    let terms = entries.iter().flat_map(|(id, terms)| terms.iter().map(|term| (term, *id)));
    let mut terms: Vec<(&String, ObjectId)> = terms.collect();
    terms.sort_unstable();
    terms.into_iter().try_for_each(|(term, id)| insert(db, index, term, id))
}

fn range(
    db: &Db<'_>,
    index: Index,
    (low, high): (&str, &str),
    after: Option<&(String, ObjectId)>,
    limit: u32,
) -> Result<Vec<(String, ObjectId)>> {
    let (term, id) = after.map_or(("", None), |(term, id)| (term.as_str(), Some(*id)));
    // NULL as the last id: before every entry.
    let (term, id) = if term < low { (low, None) } else { (term, id) };
    db.all(
        "SELECT term, id FROM terms
         WHERE space = ?1 AND (term, id) > (?2, coalesce(?3, x'')) AND term < ?4
         ORDER BY term, id LIMIT ?5",
        params![space(index), term, id, high, limit],
        |row| Ok((row.get(0)?, row.get(1)?)),
    )
}

#[async_trait]
impl Terms for EmbeddedStore {
    async fn term_range(
        &self,
        index: Index,
        low: &str,
        high: &str,
        after: Option<(String, ObjectId)>,
        limit: u32,
    ) -> Result<Vec<(String, ObjectId)>> {
        let (low, high) = (low.to_owned(), high.to_owned());
        self.read(move |db| range(db, index, (&low, &high), after.as_ref(), limit)).await
    }

    async fn put_terms(&self, index: Index, entries: Vec<(ObjectId, Vec<String>)>) -> Result<()> {
        self.write(move |db| put_all(db, index, &entries)).await
    }
}
