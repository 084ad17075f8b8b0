//! Makes sure that every index of `schema` is there and of its shape.
//!
//! What is missing is made while the collection is in use. A server that starts waits for it, but
//! not for an index of a large collection that only makes queries fast: that one is made in the
//! background, and looked for again at the next start. An index of another shape is refused, never
//! dropped: somebody may have a use for it. Called by `schema`.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};
use mongodb::error::{Error as DriverError, ErrorKind};

use super::access::Access;
use super::rows::Row;
use super::tables::Table;
use crate::error::{Code, Error, Result, Text};

/// From so many documents on a collection is large.
const LARGE: u64 = 100_000;
/// How long until an index is tried again that could not be made in the background.
const AGAIN: Duration = Duration::from_secs(10);
/// There is no such collection yet.
const NO_COLLECTION: i32 = 26;
/// Unauthorized, `AuthenticationFailed`, Unauthorized of old servers.
const REFUSED: [i32; 3] = [13, 18, 8000];
/// `IndexOptionsConflict`, `IndexKeySpecsConflict`, `DuplicateKey`.
const CONFLICTS: [i32; 3] = [85, 86, 11000];

const NO_RIGHT: Text = Text {
    en: "MongoDB does not let this user create the index {} of the collection {}. Give the user of \
         DB_URI (.env_db) the role readWrite on the database {}. ({})",
    es: "MongoDB no permite a este usuario crear el índice {} de la colección {}. Da al usuario de \
         DB_URI (.env_db) el rol readWrite en la base de datos {}. ({})",
};
const OTHER_INDEX: Text = Text {
    en: "The index {} of the collection {} has another shape than this version needs: {}. Drop it \
         in a Mongo shell, or set another collection or database in .env_db.",
    es: "El índice {} de la colección {} tiene otra forma de la que esta versión necesita: {}. \
         Elimínalo en una consola de Mongo o pon otra colección o base de datos en .env_db.",
};

/// An index that queries or promises need.
#[derive(Debug, Clone)]
pub(super) struct Index {
    /// Of which collection.
    table: Table,
    /// What it is called.
    name: &'static str,
    /// Its fields, each up (1) or down (-1).
    keys: Document,
    /// No two documents have the same values.
    unique: bool,
    /// Only documents that fit are in it; empty is all.
    only: Document,
}

/// Checks the indexes that are there and makes those that are not.
pub(super) async fn prepare(access: &Access, database: &str, all: Vec<Index>) -> Result<()> {
    let mut later = Vec::new();
    for table in Table::ALL {
        let of_table: Vec<Index> =
            all.iter().filter(|index| index.table == table).cloned().collect();
        let missing = missing(access, database, table, of_table).await?;
        let (mut now, mut slow) = (missing, Vec::new());
        if now.iter().any(|index| !index.unique) && is_large(access, table).await? {
            (now, slow) = now.into_iter().partition(|index| index.unique);
        }
        create(access, database, table, &now).await?;
        if !slow.is_empty() {
            later.push((table, slow));
        }
    }
    if !later.is_empty() {
        tokio::spawn(create_later(access.clone(), database.to_owned(), later));
    }
    Ok(())
}

/// Those of a collection that are not there.
async fn missing(
    access: &Access,
    database: &str,
    table: Table,
    wanted: Vec<Index>,
) -> Result<Vec<Index>> {
    let collection = access.names().of(table);
    let list = doc! { "listIndexes": collection };
    let listed = match access.try_command(list).await {
        Ok(listed) => listed,
        Err(error) if code(&error) == Some(NO_COLLECTION) => return Ok(wanted),
        Err(error) => return Err(explain_index(error, &names(&wanted), collection, database)),
    };
    let cursor = Row(&listed).opt_row("cursor")?;
    let there = cursor.map_or(Ok(Vec::new()), |cursor| cursor.rows("firstBatch"))?;
    let mut missing = Vec::new();
    for index in wanted {
        if there.iter().any(|found| index.is(found.0)) {
            continue;
        }
        let named = |found: &&Row<'_>| found.text("name").is_ok_and(|name| name == index.name);
        if let Some(other) = there.iter().find(named) {
            return Err(Error::new(Code::Unavailable, OTHER_INDEX)
                .arg(index.name)
                .arg(collection)
                .arg(other.0.to_string()));
        }
        missing.push(index);
    }
    Ok(missing)
}

async fn is_large(access: &Access, table: Table) -> Result<bool> {
    let count = doc! { "count": access.names().of(table) };
    let counted = access.try_command(count).await.map_err(Error::unavailable)?;
    Ok(Row(&counted).count("n")? >= LARGE)
}

/// Makes indexes of one collection and waits until they are there.
async fn create(access: &Access, database: &str, table: Table, indexes: &[Index]) -> Result<()> {
    if indexes.is_empty() {
        return Ok(());
    }
    let collection = access.names().of(table);
    let command = doc! {
        "createIndexes": collection,
        "indexes": indexes.iter().map(Index::document).collect::<Vec<_>>(),
        "writeConcern": { "w": "majority" },
    };
    match access.try_command(command).await {
        Ok(_) => Ok(()),
        Err(error) => Err(explain_index(error, &names(indexes), collection, database)),
    }
}

/// Makes indexes while the server serves. Until they are there, some queries are slow.
async fn create_later(access: Access, database: String, later: Vec<(Table, Vec<Index>)>) {
    for (table, indexes) in later {
        let (collection, names) = (access.names().of(table).to_owned(), names(&indexes));
        tracing::warn!(collection, names, "indexes are missing; they are made in the background");
        while let Err(error) = create(&access, &database, table, &indexes).await {
            if access.is_closed() {
                return;
            }
            tracing::error!(collection, names, %error, "indexes cannot be made yet");
            tokio::time::sleep(AGAIN).await;
        }
        tracing::info!(collection, names, "the missing indexes are there");
    }
}

fn names(indexes: &[Index]) -> String {
    indexes.iter().map(|index| index.name).collect::<Vec<_>>().join(", ")
}

fn code(error: &DriverError) -> Option<i32> {
    match error.kind.as_ref() {
        ErrorKind::Command(refused) => Some(refused.code),
        _ => None,
    }
}

fn told(error: &DriverError) -> String {
    match error.kind.as_ref() {
        ErrorKind::Command(refused) => refused.message.clone(),
        other => other.to_string(),
    }
}

/// Says what right is missing: `text` with these words and what the server said.
pub(super) fn explain(error: DriverError, text: Text, words: &[&str]) -> Error {
    if !code(&error).is_some_and(|code| REFUSED.contains(&code)) {
        return Error::unavailable(error);
    }
    let explained = words.iter().fold(Error::new(Code::Unavailable, text), |e, word| e.arg(*word));
    explained.arg(told(&error))
}

fn explain_index(error: DriverError, names: &str, collection: &str, database: &str) -> Error {
    if code(&error).is_some_and(|code| CONFLICTS.contains(&code)) {
        let explained = Error::new(Code::Unavailable, OTHER_INDEX);
        return explained.arg(names).arg(collection).arg(told(&error));
    }
    explain(error, NO_RIGHT, &[names, collection, database])
}

impl Index {
    /// An index of every document, in which values may repeat.
    pub(super) fn of(table: Table, name: &'static str, keys: Document) -> Self {
        Self { table, name, keys, unique: false, only: Document::new() }
    }

    /// No two documents have the same values.
    pub(super) fn unique(mut self) -> Self {
        self.unique = true;
        self
    }

    /// Only documents that fit this are in it.
    pub(super) fn only(mut self, only: Document) -> Self {
        self.only = only;
        self
    }

    fn document(&self) -> Document {
        let mut index = doc! { "name": self.name, "key": self.keys.clone() };
        if self.unique {
            index.insert("unique", true);
        }
        if !self.only.is_empty() {
            index.insert("partialFilterExpression", self.only.clone());
        }
        index
    }

    /// Whether an index that the server lists is this one, whatever its name.
    fn is(&self, found: &Document) -> bool {
        let row = Row(found);
        let flag = |key| row.flag(key).unwrap_or(true);
        let keys = row.opt_row("key").ok().flatten();
        let only = row.opt_row("partialFilterExpression").ok().flatten();
        let others = ["expireAfterSeconds", "collation"];
        keys.is_some_and(|keys| alike(keys.0, &self.keys))
            && flag("unique") == self.unique
            && only.map_or(self.only.is_empty(), |only| alike(only.0, &self.only))
            && !flag("sparse")
            && !flag("hidden")
            && others.iter().all(|key| !found.contains_key(key))
    }
}

/// The same fields in the same order; numbers by what they are, not by their type.
fn alike(one: &Document, other: &Document) -> bool {
    let same = |((key, value), (like, with)): ((&String, &Bson), (&String, &Bson))| {
        key == like && alike_values(value, with)
    };
    one.len() == other.len() && one.iter().zip(other).all(same)
}

fn alike_values(one: &Bson, other: &Bson) -> bool {
    match (one, other) {
        (Bson::Document(one), Bson::Document(other)) => alike(one, other),
        _ => match (number(one), number(other)) {
            (Some(one), Some(other)) => one == other,
            _ => one == other,
        },
    }
}

fn number(value: &Bson) -> Option<f64> {
    match value {
        Bson::Int32(number) => Some(f64::from(*number)),
        Bson::Int64(number) => Some(*number as f64),
        Bson::Double(number) => Some(*number),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted() -> Index {
        Index {
            table: Table::Members,
            name: "inbox",
            keys: doc! { "user": 1, "rev": -1 },
            unique: true,
            only: doc! { "rev": { "$gt": 0 } },
        }
    }

    #[test]
    fn an_index_is_known_by_its_shape() {
        let index = wanted();
        let mut found = index.document();
        found.extend(doc! { "v": 2, "name": "made_by_hand" });
        assert!(index.is(&found));
        found.insert("key", doc! { "user": 1_i64, "rev": -1.0 });
        found.insert("partialFilterExpression", doc! { "rev": { "$gt": 0_i64 } });
        assert!(index.is(&found), "numbers of whatever type");
    }

    #[test]
    fn an_index_of_another_shape_is_another_one() {
        let index = wanted();
        let others = [
            doc! { "key": { "rev": -1, "user": 1 } },
            doc! { "key": { "user": 1, "rev": 1 } },
            doc! { "key": { "user": 1 } },
            doc! { "unique": false },
            doc! { "partialFilterExpression": { "rev": { "$gt": 1 } } },
            doc! { "sparse": true },
            doc! { "hidden": true },
            doc! { "expireAfterSeconds": 60 },
            doc! { "collation": { "locale": "es" } },
        ];
        for other in others {
            let mut found = index.document();
            found.extend(other.clone());
            assert!(!index.is(&found), "{other}");
        }
        let mut found = index.document();
        found.remove("partialFilterExpression");
        assert!(!index.is(&found));
    }
}
