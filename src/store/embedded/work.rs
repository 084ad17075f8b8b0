//! How much SQLite's machine did for a store, for tests of what a request costs: a number that is
//! the same on every machine. Called by `sql`.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use rusqlite::{Connection, Statement, StatementStatus};

/// Steps by the path of the file.
static STEPS: Mutex<BTreeMap<String, u64>> = Mutex::new(BTreeMap::new());

/// Counts what a statement did since it was counted last.
pub(super) fn note(connection: &Connection, statement: &Statement<'_>) {
    let steps = statement.reset_status(StatementStatus::VmStep);
    if let Some(file) = connection.path() {
        let mut all = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
        *all.entry(file.to_owned()).or_default() += u64::try_from(steps).unwrap_or_default();
    }
}

/// The steps of the store in a folder so far.
pub(crate) fn steps_of(dir: &Path) -> u64 {
    let file = dir.join(super::FILE);
    let all = STEPS.lock().unwrap_or_else(PoisonError::into_inner);
    all.get(&*file.to_string_lossy()).copied().unwrap_or_default()
}
