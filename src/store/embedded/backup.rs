//! A copy of the store as of one moment, while its server runs.
//!
//! The copy is SQLite's own, page by page, out of one snapshot: the server neither waits for it nor
//! is waited for; its log is not begun anew before the copy is done. Called by `app::backup`.

use std::path::{Path, PathBuf};
use std::{fs, io};

use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};

use super::schema::{self, Use};
use super::{EmbeddedStore, FILE};
use crate::config::data_dir::{create_private, remove_if_there, sync};
use crate::error::{Error, Result};

/// The name of a copy that is not whole yet.
const UNFINISHED: &str = "wechat.db.new";
/// Pages between two reports: 16 MiB of small ones.
const STEP: i32 = 4_096;

/// A whole copy that has not taken its place yet.
pub struct Copied {
    file: PathBuf,
    place: PathBuf,
}

impl Copied {
    /// Where it is until then.
    pub fn file(&self) -> &Path {
        &self.file
    }

    /// Puts the copy where a server looks for its store, in place of an earlier one. Its size in
    /// bytes.
    pub fn take_place(self) -> io::Result<u64> {
        // The log of an earlier store would be taken for this one's.
        for log in ["-wal", "-shm"] {
            let mut name = self.place.clone().into_os_string();
            name.push(log);
            remove_if_there(Path::new(&name))?;
        }
        fs::rename(&self.file, &self.place)?;
        self.place.parent().map_or(Ok(()), sync)?;
        Ok(fs::metadata(&self.place)?.len())
    }
}

impl EmbeddedStore {
    /// Whether there is a store in `dir`.
    pub fn is_in(dir: &Path) -> bool {
        dir.join(FILE).is_file()
    }

    /// How many bytes the store in `dir` has, without its log; 0 where there is none.
    pub fn size(dir: &Path) -> u64 {
        fs::metadata(dir.join(FILE)).map_or(0, |file| file.len())
    }

    /// Where a copy of a store is until it takes its place in `dir`.
    pub fn arriving(dir: &Path) -> PathBuf {
        dir.join(UNFINISHED)
    }

    /// Takes what has arrived there for a whole copy. Fails when it does not pass SQLite's check.
    pub fn check_arrived(dir: &Path) -> Result<Copied> {
        let (file, place) = (dir.join(UNFINISHED), dir.join(FILE));
        let copy = Connection::open(&file)?;
        check(&copy)?;
        copy.close().map_err(|(_, error)| Error::from(error))?;
        Ok(Copied { file, place })
    }

    /// Copies the store in `from` into the folder `to`. Tells the part of the pages that is done.
    /// Blocks for as long as reading and writing the file takes. Fails when the copy does not pass
    /// SQLite's check.
    pub fn back_up(from: &Path, to: &Path, tell: &mut dyn FnMut(f64)) -> Result<Copied> {
        let source = schema::open(&from.join(FILE), Use::Reading)?;
        let (file, place) = (to.join(UNFINISHED), to.join(FILE));
        // What a copy that was cut off left behind would be taken for the beginning of this one.
        let made = remove_if_there(&file).and_then(|_| create_private(&file));
        drop(made.map_err(Error::unavailable)?);
        let mut target = Connection::open(&file)?;
        copy(&source, &mut target, tell)?;
        check(&target)?;
        target.close().map_err(|(_, error)| Error::from(error))?;
        sync(&file).map_err(Error::unavailable)?;
        Ok(Copied { file, place })
    }
}

fn copy(source: &Connection, target: &mut Connection, tell: &mut dyn FnMut(f64)) -> Result<()> {
    // Without a snapshot, every commit of the server would make the copy begin anew.
    let snapshot = source.unchecked_transaction()?;
    snapshot.query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))?;
    let backup = Backup::new(source, target)?;
    loop {
        match backup.step(STEP)? {
            StepResult::Done => return Ok(()),
            StepResult::More => {
                let progress = backup.progress();
                let left = f64::from(progress.remaining) / f64::from(progress.pagecount.max(1));
                tell(1.0 - left);
            }
            _ => return Err(Error::unavailable("the store could not be read for a while")),
        }
    }
}

fn check(copy: &Connection) -> Result<()> {
    let verdict: String = copy.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))?;
    if verdict == "ok" {
        return Ok(());
    }
    Err(Error::unavailable(format!("the copy is damaged: {verdict}")))
}
