//! The tables, and how an older file becomes one of today.
//!
//! Guarantees: `migrate` brings a file to the newest schema and refuses one that a newer version
//! wrote. It goes in transactions: wherever it is interrupted, the next start goes on from there,
//! and an older program refuses the file. Called by `mod` when the store opens, and by the writer
//! when it reopens.
//!
//! The shape is measured: chats and member rows ("seats") are numbered, so that hot keys are short
//! and grow; what every append changes (`heads`, `own`) stands in rows of a few bytes, so that a
//! commit dirties few pages; the idempotency index begins with the client's key, so that UUIDs of
//! version 7 grow at its end.

mod early;
mod later;

use rusqlite::{Connection, params};

use super::messages_to_be::MESSAGES_TO_BE;
use crate::error::{Code, Error, Result, Text};

const NEWER: Text = Text {
    en: "The data was written by a newer version (schema {}; this program knows {}). Start that \
         version, or restore a backup.",
    es: "Los datos son de una versión más nueva (esquema {}; este programa conoce el {}). Inicia \
         esa versión o restaura una copia de seguridad.",
};

/// So many rows are brought to a new shape in a transaction.
const ROWS: u32 = 10_000;

/// Brings the file to the newest schema.
pub(super) fn migrate(connection: &mut Connection) -> Result<()> {
    let found = version(connection)?;
    let newest = newest();
    if (1..newest).contains(&found) {
        tracing::info!(found, newest, "the store is brought to a new schema");
        // New indexes are sorted there: those of many rows may be larger than the memory.
        connection.pragma_update(None, "temp_store", "FILE")?;
    }
    while migrate_on(connection, ROWS)? {}
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    Ok(())
}

/// The schema of a file; 0 of one that is new.
fn version(connection: &Connection) -> Result<usize> {
    let found: i64 = connection.pragma_query_value(None, "user_version", |row| row.get(0))?;
    Ok(usize::try_from(found).unwrap_or(usize::MAX))
}

/// Does the next transaction on the way to the newest schema, of at most so many rows; whether
/// there was one.
fn migrate_on(connection: &mut Connection, rows: u32) -> Result<bool> {
    let from = version(connection)?;
    let newest = newest();
    if from > newest {
        return Err(Error::new(Code::Unavailable, NEWER)
            .arg(from.to_string())
            .arg(newest.to_string()));
    }
    let Some(step) = step_from(from) else { return Ok(false) };
    for (_, part) in BEFORE.iter().filter(|(to, _)| *to == from + 1) {
        if connection.execute(part, params![rows])? > 0 {
            return Ok(true);
        }
    }
    let transaction = connection.transaction()?;
    transaction.execute_batch(step)?;
    transaction.pragma_update(None, "user_version", from as i64 + 1)?;
    transaction.commit()?;
    Ok(true)
}

/// Step n brings schema n to n + 1.
fn step_from(schema: usize) -> Option<&'static str> {
    early::STEPS.iter().chain(later::STEPS).nth(schema).copied()
}

/// The schema of today.
const fn newest() -> usize {
    early::STEPS.len() + later::STEPS.len()
}

/// What is done before the step to a schema, a part at a time, as it may take long: the statement
/// is repeated, each time in a transaction of its own, until it changes nothing.
const BEFORE: &[(usize, &str)] = &[(8, MESSAGES_TO_BE)];

#[cfg(test)]
mod tests {
    use std::path::{Path, PathBuf};
    use std::process::Command;

    use rusqlite::types::Value;

    use super::*;
    use crate::store::embedded::schema::{Use, open};

    /// A copy of the store that a program of schema 6 filled.
    fn older(dir: &Path, name: &str) -> PathBuf {
        let packed = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/contract/older/filled-6.db.gz");
        let unpacked = Command::new("gzip").args(["-dc", packed]).output().expect("gzip runs");
        let file = dir.join(name);
        std::fs::write(&file, unpacked.stdout).expect("writes");
        file
    }

    /// Every table, and every row in it.
    fn everything(connection: &Connection) -> Vec<String> {
        let texts = |sql: &str| {
            let mut query = connection.prepare(sql).expect("prepares");
            let columns = query.column_count();
            let rows = query.query_map([], |row| {
                let values = (0..columns).map(|column| row.get::<_, Value>(column));
                Ok(format!("{:?}", values.collect::<rusqlite::Result<Vec<_>>>()?))
            });
            rows.expect("runs").collect::<rusqlite::Result<Vec<_>>>().expect("reads")
        };
        let mut all = texts("SELECT name, sql FROM sqlite_schema ORDER BY name");
        let mut names = connection
            .prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name")
            .expect("prepares");
        let names = names.query_map([], |row| row.get::<_, String>(0)).expect("runs");
        for name in names {
            all.extend(texts(&format!("SELECT * FROM {}", name.expect("a name"))));
        }
        all.sort_unstable();
        all
    }

    /// Runs the next part of a migration and lets it be lost, as a crash before its commit does.
    fn cut_off(connection: &mut Connection) {
        let from = version(connection).expect("reads");
        let lost = connection.transaction().expect("begins");
        for (_, part) in BEFORE.iter().filter(|(to, _)| *to == from + 1) {
            lost.execute(part, params![3]).expect("runs");
        }
        if let Some(step) = step_from(from) {
            lost.execute_batch(step).expect("runs");
        }
        drop(lost);
    }

    #[test]
    fn a_migration_that_is_interrupted_goes_on_at_the_next_start() {
        let dir = tempfile::tempdir().expect("a folder");
        let mut at_once = open(&older(dir.path(), "at_once"), Use::Writing).expect("opens");
        migrate(&mut at_once).expect("migrates");
        let expected = everything(&at_once);
        assert!(expected.iter().any(|row| row.contains("\\\"attachments\\\":[{")), "a form");

        for done in 0.. {
            let file = older(dir.path(), &format!("after {done}"));
            let mut connection = open(&file, Use::Writing).expect("opens");
            let more = (0..done).all(|_| migrate_on(&mut connection, 5).expect("migrates"));
            if !more {
                assert!(done > 6, "it takes many transactions");
                break;
            }
            cut_off(&mut connection);
            drop(connection);
            let mut again = open(&file, Use::Writing).expect("opens");
            migrate(&mut again).expect("migrates");
            assert_eq!(everything(&again), expected, "interrupted after {done}");
        }
    }
}
