//! Connections to the file, with our settings.
//!
//! Called by `mod` when the store opens, by the writer when it reopens, and by readers, checkpoints
//! and backups.

use std::path::Path;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use crate::error::Result;

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
    connection.pragma_update(None, "page_size", 16384)?;
    connection.pragma_update(None, "cache_size", -cache_kib)?;
    connection.pragma_update(None, "mmap_size", 1_i64 << 30)?;
    connection.pragma_update(None, "temp_store", "MEMORY")?;
    connection.pragma_update(None, "foreign_keys", false)?;
    connection.pragma_update(None, "trusted_schema", false)?;
    if purpose == Use::Writing {
        connection.pragma_update(None, "journal_mode", "WAL")?;
        connection.pragma_update(None, "wal_autocheckpoint", 16_000)?;
    } else {
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    }
    connection.pragma_update(None, "synchronous", "FULL")?;
    if purpose == Use::Reading {
        connection.pragma_update(None, "query_only", true)?;
    }
    Ok(connection)
}
