//! What damage of the file does: it is said once, with the cure, and the store is not ready any
//! more.
//!
//! The rest of the file goes on to serve: what is whole can still be read, until the operator
//! restores a backup. Every error of a job comes by here. Called by the readers, the writer, and
//! when the store opens.

use std::path::Path;
use std::sync::OnceLock;

use rusqlite::{Connection, ErrorCode, ffi};

use super::sql::Db;
use crate::error::{Error, Result};

/// What an operator does about it.
const CURE: &str = "restore a backup; docs/ops.md, \"A damaged store\", says how";
/// Files up to this many bytes are looked at when they are opened: that takes a tenth of a second.
/// Of larger ones `wechat backup` looks at every page.
const LOOKED_AT: u64 = 64 << 20;

/// The first damage that was met; empty while none was.
#[derive(Default)]
pub(super) struct Damage(OnceLock<String>);

/// Whether SQLite says that the file is not what was written. Reads that the disk refuses too:
/// unlike refused writes, they do not pass.
pub(super) fn is_damage(error: &rusqlite::Error) -> bool {
    let rusqlite::Error::SqliteFailure(failure, _) = error else { return false };
    let unreadable = [
        ffi::SQLITE_IOERR_READ,
        ffi::SQLITE_IOERR_SHORT_READ,
        ffi::SQLITE_IOERR_DATA,
        ffi::SQLITE_IOERR_CORRUPTFS,
    ];
    matches!(failure.code, ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase)
        || unreadable.contains(&failure.extended_code)
}

/// The same of an error of ours.
fn damage_in(error: &Error) -> Option<&rusqlite::Error> {
    std::error::Error::source(error)?.downcast_ref().filter(|cause| is_damage(cause))
}

/// Why the store cannot be opened, with the cure if it is damaged.
pub(super) fn with_cure(error: Error) -> Error {
    match damage_in(&error) {
        Some(cause) => Error::unavailable(format!("{cause}: the file is damaged; {CURE}")),
        None => error,
    }
}

impl Damage {
    /// Notes what went wrong, if it is damage.
    pub(super) fn note(&self, error: &Error) {
        if let Some(cause) = damage_in(error) {
            self.tell(&cause.to_string());
        }
    }

    /// Notes an error of SQLite's, if it is damage.
    pub(super) fn note_sqlite(&self, error: &rusqlite::Error) {
        if is_damage(error) {
            self.tell(&error.to_string());
        }
    }

    fn tell(&self, cause: &str) {
        if self.0.set(cause.to_owned()).is_ok() {
            tracing::error!(cause, "the store is damaged, and is not ready any more: {CURE}");
        }
    }

    /// Fails from the first damage on.
    pub(super) fn check(&self) -> Result<()> {
        self.0.get().map_or(Ok(()), |cause| Err(Error::unavailable(cause.clone())))
    }

    /// Looks at a file that is not large, page by page.
    pub(super) fn look(&self, file: &Path, connection: &Connection) {
        if std::fs::metadata(file).is_ok_and(|found| found.len() > LOOKED_AT) {
            return;
        }
        let check = "PRAGMA quick_check(1)";
        match Db(connection).one(check, [], |row| row.get::<_, String>(0)) {
            Ok(verdict) if verdict == "ok" => {}
            Ok(verdict) => self.tell(&verdict),
            Err(error) => self.note(&error),
        }
        // What was read for it is not what will be asked for.
        if let Err(error) = Db(connection).run("PRAGMA shrink_memory", []) {
            self.note(&error);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn failure(code: i32) -> Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None).into()
    }

    #[test]
    fn what_passes_is_no_damage() {
        let damage = Damage::default();
        for passing in [ffi::SQLITE_FULL, ffi::SQLITE_IOERR_WRITE, ffi::SQLITE_BUSY] {
            damage.note(&failure(passing));
        }
        damage.note(&Error::unavailable("the store is closed"));
        assert!(damage.check().is_ok());
        for lasting in [ffi::SQLITE_CORRUPT, ffi::SQLITE_NOTADB, ffi::SQLITE_IOERR_READ] {
            let damage = Damage::default();
            damage.note(&failure(lasting));
            assert!(damage.check().is_err(), "{lasting}");
            assert!(with_cure(failure(lasting)).why().contains("restore a backup"));
        }
    }
}
