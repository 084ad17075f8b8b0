//! What a commit still has to write beside its chat's document: guarded writes, kept as bytes in
//! that document until they are done.
//!
//! Invariant: carrying a redo out twice, or late, changes nothing: a message is made under its id
//! and changed only from a lower rev; every other row carries the version of the commit that wrote
//! it last, and is changed only from a lower one. Called by `commit`.

use mongodb::bson::{Binary, Bson, Document, doc, spec::BinarySubtype};

use super::access::{Access, Find, Statement};
use super::rows::Row;
use super::tables::Table;
use crate::error::{Error, Result};

/// Guarded writes, in their order.
#[derive(Debug, Default)]
pub(super) struct Redo(Vec<Write>);

#[derive(Debug)]
enum Write {
    Insert(Table, Vec<Document>),
    Update(Table, Vec<Statement>),
    Delete(Table, Document),
}

impl Redo {
    /// Nothing yet.
    pub(super) const fn new() -> Self {
        Self(Vec::new())
    }

    /// Makes a document, known by its `_id`.
    pub(super) fn insert(&mut self, table: Table, document: Document) {
        match self.0.last_mut() {
            Some(Write::Insert(last, documents)) if *last == table => documents.push(document),
            _ => self.0.push(Write::Insert(table, vec![document])),
        }
    }

    /// Changes documents.
    pub(super) fn update(&mut self, table: Table, statement: Statement) {
        match self.0.last_mut() {
            Some(Write::Update(last, statements)) if *last == table => statements.push(statement),
            _ => self.0.push(Write::Update(table, vec![statement])),
        }
    }

    /// Removes what fits.
    pub(super) fn delete(&mut self, table: Table, filter: Document) {
        self.0.push(Write::Delete(table, filter));
    }

    /// Which files stand in the messages that it makes.
    pub(super) fn files(&self) -> Vec<Bson> {
        let made = self.0.iter().filter_map(|write| match write {
            Write::Insert(_, documents) => Some(documents),
            Write::Update(..) | Write::Delete(..) => None,
        });
        let attachments = made.flatten().filter_map(|made| made.get_array("attachments").ok());
        attachments.flatten().filter_map(|one| one.as_document()?.get("file").cloned()).collect()
    }

    /// As bytes: what is inside is no field of the document that holds it.
    pub(super) fn to_bson(&self) -> Result<Bson> {
        let writes: Vec<Document> = self.0.iter().map(Write::document).collect();
        let bytes = doc! { "writes": writes }.to_vec().map_err(Error::internal)?;
        Ok(Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes }))
    }

    /// Reads the bytes back.
    pub(super) fn read(bytes: &[u8]) -> Result<Self> {
        let document = Document::from_reader(bytes).map_err(Error::internal)?;
        let writes = Row(&document).rows("writes")?;
        writes.into_iter().map(Write::read).collect::<Result<_>>().map(Self)
    }

    /// Carries everything out.
    pub(super) async fn apply(&self, access: &Access) -> Result<()> {
        for write in &self.0 {
            write.apply(access).await?;
        }
        Ok(())
    }
}

impl Write {
    fn document(&self) -> Document {
        match self {
            Self::Insert(table, documents) => {
                doc! { "table": table.key(), "insert": documents.clone() }
            }
            Self::Update(table, statements) => {
                let updates: Vec<Document> = statements.iter().map(statement_document).collect();
                doc! { "table": table.key(), "update": updates }
            }
            Self::Delete(table, filter) => {
                doc! { "table": table.key(), "delete": filter.clone() }
            }
        }
    }

    fn read(row: Row<'_>) -> Result<Self> {
        let key = row.text("table")?;
        let table = Table::of_key(&key)
            .ok_or_else(|| Error::internal("a redo names an unknown collection"))?;
        if let Some(filter) = row.opt_row("delete")? {
            return Ok(Self::Delete(table, filter.0.clone()));
        }
        let inserts = row.rows("insert")?;
        if !inserts.is_empty() {
            return Ok(Self::Insert(table, inserts.iter().map(|row| row.0.clone()).collect()));
        }
        let updates = row.rows("update")?.into_iter().map(read_statement);
        Ok(Self::Update(table, updates.collect::<Result<_>>()?))
    }

    async fn apply(&self, access: &Access) -> Result<()> {
        match self {
            Self::Insert(table, documents) => {
                let written = access.insert(*table, documents.clone()).await?;
                check_there(access, *table, documents, &written.duplicates).await
            }
            // A duplicate is a row that has a higher version already.
            Self::Update(table, statements) => access.update(*table, statements).await.map(drop),
            Self::Delete(table, filter) => access.delete(*table, filter.clone()).await.map(drop),
        }
    }
}

fn statement_document(statement: &Statement) -> Document {
    doc! {
        "q": statement.filter.clone(),
        "u": statement.update.clone(),
        "upsert": statement.upsert,
        "multi": statement.multi,
    }
}

fn read_statement(row: Row<'_>) -> Result<Statement> {
    let part = |key| {
        let part = row.opt_row(key)?.ok_or_else(|| Error::internal("a redo lacks a part"))?;
        Ok::<_, Error>(part.0.clone())
    };
    Ok(Statement {
        filter: part("q")?,
        update: part("u")?,
        upsert: row.flag("upsert")?,
        multi: row.flag("multi")?,
    })
}

/// A document that was not made must be there already, in the same place: a key that belongs to
/// another one would be a hole in the log, and the chat stands still rather than go on over it.
async fn check_there(
    access: &Access,
    table: Table,
    documents: &[Document],
    duplicates: &[usize],
) -> Result<()> {
    if duplicates.is_empty() {
        return Ok(());
    }
    let wanted: Vec<&Document> =
        duplicates.iter().filter_map(|&index| documents.get(index)).collect();
    let ids: Vec<Bson> = wanted.iter().filter_map(|wanted| wanted.get("_id").cloned()).collect();
    let found = access.find(Find::new(table, doc! { "_id": { "$in": ids } })).await?;
    let is_there = |wanted: &&Document| {
        let same = |found: &&Document| {
            ["_id", "target_id", "seq"].iter().all(|key| found.get(key) == wanted.get(key))
        };
        found.iter().any(|found| same(&found))
    };
    if wanted.iter().all(is_there) {
        return Ok(());
    }
    Err(Error::internal("a message's id or place in its chat is taken by another one"))
}
