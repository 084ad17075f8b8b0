//! Connections to the file, with our settings.
//!
//! Called by `mod` when the store opens, by the writer when it reopens, and by readers, checkpoints
//! and backups.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::Result;

/// What a page of a new file holds. A message changes five pages, which are written to the log
/// whole and copied from there: where messages come one by one, small pages are what makes them
/// cheap. A file keeps the pages that it was made with (16 KiB in older versions; docs/ops.md says
/// how to make them smaller).
const PAGE_BYTES: i64 = 4096;
/// The writer itself copies a log that has grown to so many bytes.
const LOG_BYTES: i64 = 256 << 20;

/// How much a connection may keep in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Use {
    /// The writer: 64 MB of pages.
    Writing,
    /// A reader: 4 MB of pages that are still in the log; the file itself is mapped.
    Reading,
    /// Checkpoints need next to nothing.
    Checkpoints,
}

/// Opens a connection with our settings. The writer is opened first and creates the file.
pub(super) fn open(file: &Path, purpose: Use) -> Result<Connection> {
    let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    if purpose == Use::Writing {
        flags |= OpenFlags::SQLITE_OPEN_CREATE;
    }
    let connection = Connection::open_with_flags(file, flags)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(128);
    // Without this, SQLite plans a prepared statement anew for each value that it is given.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    let cache_kib = match purpose {
        Use::Writing => 64 * 1024,
        Use::Reading => 4 * 1024,
        Use::Checkpoints => 256,
    };
    connection.pragma_update(None, "page_size", PAGE_BYTES)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 30)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if purpose == Use::Writing {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        let pages = LOG_BYTES / page_bytes(&connection)?;
        connection.pragma_update(None, "wal_autocheckpoint", pages)?;
    } else {
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    if purpose == Use::Reading {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}

/// What a page of the file holds.
pub(super) fn page_bytes(connection: &Connection) -> rusqlite::Result<i64> {
    let read = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    // Before the file was read, SQLite would tell what a new one had.
    read("schema_version")?;
    Ok(read("page_size")?.max(1))
}
