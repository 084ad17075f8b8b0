//! Copies the data folder while its server runs: the embedded store, the secrets, and the bytes of
//! files.
//!
//! The store is copied first, as of one moment. What it knows about files still holds for the
//! objects that are copied after it: an object is removed only days after the last message that
//! showed it.
//!
//! Invariant: the target is a data folder that a server can be started on, or was one after an
//! earlier backup and still is: the store takes its place there after all that it needs, and what
//! it no longer needs goes last. Called by `cli::backup`, `restore`, `scheduled` and `bucket`.

use std::collections::HashSet;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use super::StartError;
use super::objects::FOLDER;
use super::stores::open_embedded;
use crate::config::data_dir::{create_private, make_private, remove_if_there, sync, write_private};
use crate::config::values::ObjectsMode;
use crate::config::{Config, DataDir};
use crate::error::Error;
use crate::model::files::Digest;
use crate::store::Upkeep;
use crate::store::embedded::EmbeddedStore;

/// Says that a folder is a backup, and that no server has worked in it.
const MARK: &str = "backup";
/// Says what a folder is to those who find it.
const MARK_TEXT: &str = "A backup by 'wechat backup'. Start a server on it with DATA_DIR.\n";

/// What a backup reports while it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// How many bytes of the store are copied.
    Store {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// How many files were looked at.
    Files {
        /// So many.
        done: u64,
        /// Of so many, or a few more by now.
        total: u64,
    },
    /// This file is not what was put there, and not in the backup.
    Damaged(PathBuf),
}

/// What a backup did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Bytes of the store.
    pub store_bytes: u64,
    /// Files that the backup holds; `None`: they are in a bucket.
    pub files: Option<u64>,
    /// How many of them were not in it before.
    pub new_files: u64,
    /// How many bytes those take.
    pub new_bytes: u64,
}

/// Copies the data folder that the settings name into the folder `to`: a new one, an empty one, or
/// an earlier backup, which it brings up to date. Blocks.
pub fn back_up(
    config: &Config,
    to: &Path,
    tell: &mut dyn FnMut(Told),
) -> Result<Outcome, StartError> {
    back_up_beside(config, to, None, tell)
}

/// The same; files that the backup `earlier` holds are shared with it where the file system can.
pub(super) fn back_up_beside(
    config: &Config,
    to: &Path,
    earlier: Option<&Path>,
    tell: &mut dyn FnMut(Told),
) -> Result<Outcome, StartError> {
    check_source(config)?;
    let files =
        (config.objects == ObjectsMode::Local).then(|| Files::new(&config.data_dir, to, earlier));
    copy((&config.data_dir, to), files, tell)
}

/// Copies a whole backup into a folder, which holds nothing or what an earlier copy left.
pub(super) fn bring_back(
    from: &Path,
    to: &Path,
    tell: &mut dyn FnMut(Told),
) -> Result<Outcome, StartError> {
    copy((from, to), Some(Files::new(from, to, None)), tell)
}

/// Copies one data folder into another, which holds nothing or is a backup.
fn copy(
    (from, to): (&Path, &Path),
    mut files: Option<Files>,
    tell: &mut dyn FnMut(Told),
) -> Result<Outcome, StartError> {
    check_outside(from, to)?;
    let _held = begin(to)?;
    let total = EmbeddedStore::size(from);
    let mut part = |part: f64| tell(Told::Store { done: (total as f64 * part) as u64, total });
    let copied = EmbeddedStore::back_up(from, to, &mut part);
    let store = copied.map_err(|error| not_copied(&error))?;
    copy_secrets(from, to)?;
    let mut outcome = Outcome::default();
    if let Some(files) = &mut files {
        files.bring(&mut outcome, tell)?;
    }
    outcome.store_bytes = store.take_place().map_err(|error| unwritable(to, &error))?;
    if let Some(files) = &files {
        files.sweep().map_err(|error| unwritable(to, &error))?;
    }
    Ok(outcome)
}

/// Takes a folder for a backup, which is not whole until its store is in its place: one that holds
/// nothing or is a backup.
pub(super) fn begin(to: &Path) -> Result<DataDir, StartError> {
    check_free(to)?;
    let held = DataDir::open(to)?;
    write_private(&to.join(MARK), MARK_TEXT.as_bytes()).map_err(|error| unwritable(to, &error))?;
    Ok(held)
}

/// Makes a backup a data folder like any other, when a server begins to work in it: its store
/// begins another life, as clients may have seen more than it holds. Refuses one that was cut off:
/// a server on it would begin with nothing.
pub(super) async fn adopt(data: &DataDir) -> Result<(), StartError> {
    let mark = data.path().join(MARK);
    if !mark.exists() {
        return Ok(());
    }
    refuse_cut_off(data.path())?;
    let store = open_embedded(data).await?;
    let renewed = store.renew().await;
    store.close().await;
    renewed.map_err(|error| format!("The store cannot be written: {}.", error.why()))?;
    // Last: after a crash the next start renews it once more.
    fs::remove_file(&mark).map_err(|error| unwritable(&mark, &error))
}

/// Says that a folder is a backup that is not whole, if it is.
pub(super) fn refuse_cut_off(folder: &Path) -> Result<(), StartError> {
    if !folder.join(MARK).exists() || EmbeddedStore::is_in(folder) {
        return Ok(());
    }
    let folder = folder.display();
    Err(StartError(format!(
        "DATA_DIR {folder} is a backup that was cut off. Run the same 'wechat backup' or 'wechat \
         restore' again, or take another one."
    )))
}

/// Refuses what is not a whole backup.
pub(super) fn check_whole(folder: &Path) -> Result<(), StartError> {
    let shown = folder.display();
    if !folder.join(MARK).is_file() {
        return Err(StartError(format!(
            "{shown} is not a backup, or a server has worked on it. Name a folder that 'wechat \
             backup' made."
        )));
    }
    if !EmbeddedStore::is_in(folder) {
        return Err(StartError(format!("{shown} is a backup that was cut off. Take another one.")));
    }
    Ok(())
}

/// The store was not copied, or its copy is damaged.
pub(super) fn not_copied(error: &Error) -> StartError {
    StartError(format!("The store cannot be copied: {}.", error.why()))
}

pub(super) fn unwritable(path: &Path, error: &io::Error) -> StartError {
    StartError(format!("{} cannot be written: {error}.", path.display()))
}

pub(super) fn unreadable(path: &Path, error: &io::Error) -> StartError {
    StartError(format!(
        "{} cannot be read: {error}. Run this as the user that the server runs as.",
        path.display()
    ))
}

/// Refuses where there is no embedded store.
pub(super) fn check_source(config: &Config) -> Result<(), StartError> {
    let folder = config.data_dir.display();
    if config.db_uri.is_some() {
        return Err(StartError(format!(
            "The store is the MongoDB that DB_URI names. Back that up with mongodump first, then \
             copy {folder}/secrets and {folder}/objects with any tool: what is there never changes."
        )));
    }
    if !EmbeddedStore::is_in(&config.data_dir) {
        return Err(StartError(format!(
            "There is no store in DATA_DIR {folder}. Run this where the server runs, or with its \
             DATA_DIR."
        )));
    }
    Ok(())
}

/// Refuses to overwrite what is not a backup.
fn check_free(to: &Path) -> Result<(), StartError> {
    // Who looks whether a folder is in use leaves a lock behind.
    let is_empty = names(to)?.iter().all(|name| name == "lock");
    if !is_empty && !to.join(MARK).is_file() {
        return Err(StartError(format!(
            "{} is neither empty nor a backup. Name a new folder or an earlier backup, or move \
             what is there away.",
            to.display()
        )));
    }
    Ok(())
}

/// Refuses to write into the data themselves.
fn check_outside(from: &Path, to: &Path) -> Result<(), StartError> {
    let real_from = existing(from).map_err(|error| unreadable(from, &error))?;
    let real_to = existing(to).map_err(|error| unreadable(to, &error))?;
    if real_to.starts_with(real_from) {
        return Err(StartError(format!(
            "{} is in {}. Name a folder outside, best on another disk.",
            to.display(),
            from.display()
        )));
    }
    Ok(())
}

/// Where a path really leads, or what is there of the way to it.
fn existing(path: &Path) -> io::Result<PathBuf> {
    let path = std::path::absolute(path)?;
    let found = path.ancestors().find_map(|part| fs::canonicalize(part).ok());
    found.ok_or_else(|| ErrorKind::NotFound.into())
}

fn copy_secrets(from: &Path, to: &Path) -> Result<(), StartError> {
    let (from, to) = (from.join("secrets"), to.join("secrets"));
    make_private(&to).map_err(|error| unwritable(&to, &error))?;
    for name in names(&from)? {
        let (source, target) = (from.join(&name), to.join(&name));
        let bytes = fs::read(&source).map_err(|error| unreadable(&source, &error))?;
        write_private(&target, &bytes).map_err(|error| unwritable(&target, &error))?;
    }
    Ok(())
}

/// The names in a folder; none if it is not there.
pub(super) fn names(folder: &Path) -> Result<Vec<OsString>, StartError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(unreadable(folder, &error)),
    };
    let names: io::Result<_> = entries.map(|entry| Ok(entry?.file_name())).collect();
    names.map_err(|error| unreadable(folder, &error))
}

/// The files that people sent, in a data folder: digest and place. What has another name is on its
/// way to be one.
pub(super) fn objects_in(data: &Path) -> io::Result<Vec<(Digest, PathBuf)>> {
    let mut found = Vec::new();
    let folder = data.join(FOLDER);
    if !folder.is_dir() {
        return Ok(found);
    }
    for inner in fs::read_dir(folder)? {
        let inner = inner?;
        if !inner.file_type()?.is_dir() {
            continue;
        }
        for file in fs::read_dir(inner.path())? {
            let file = file?;
            let mut name = inner.file_name();
            name.push(file.file_name());
            found.extend(name.to_str().and_then(|name| Some((name.parse().ok()?, file.path()))));
        }
    }
    Ok(found)
}

/// The bytes of files. They stand under their SHA-256 and never change, so what is there is right.
struct Files {
    from: PathBuf,
    to: PathBuf,
    /// Another backup, which may hold some of them.
    earlier: Option<PathBuf>,
    /// What the server has: folder and name.
    seen: HashSet<(OsString, OsString)>,
}

impl Files {
    fn new(from: &Path, to: &Path, earlier: Option<&Path>) -> Self {
        let objects = |folder: &Path| folder.join(FOLDER);
        let (from, to, earlier) = (objects(from), objects(to), earlier.map(objects));
        Self { from, to, earlier, seen: HashSet::new() }
    }

    /// Copies what is not there yet.
    fn bring(
        &mut self,
        outcome: &mut Outcome,
        tell: &mut dyn FnMut(Told),
    ) -> Result<(), StartError> {
        let (folders, mut total) = (names(&self.from)?, 0);
        for inner in &folders {
            // What is not a folder is a file that is not whole yet.
            total += names(&self.from.join(inner)).map_or(0, |names| names.len() as u64);
        }
        for inner in folders {
            let (from, to) = (self.from.join(&inner), self.to.join(&inner));
            if !from.is_dir() {
                continue;
            }
            make_private(&to).map_err(|error| unwritable(&to, &error))?;
            for name in names(&from)? {
                let earlier = self.earlier.as_ref().map(|folder| folder.join(&inner).join(&name));
                let bytes = copy_new(&from.join(&name), &to.join(&name), earlier.as_deref())?;
                outcome.new_files += u64::from(bytes.is_some());
                outcome.new_bytes += bytes.unwrap_or_default();
                self.seen.insert((inner.clone(), name));
                tell(Told::Files { done: self.seen.len() as u64, total });
            }
            sync(&to).map_err(|error| unwritable(&to, &error))?;
        }
        outcome.files = Some(self.seen.len() as u64);
        Ok(())
    }

    /// Removes what the server does not have any more.
    fn sweep(&self) -> io::Result<()> {
        let folders = match fs::read_dir(&self.to) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            folders => folders?,
        };
        for folder in folders {
            let folder = folder?;
            for file in fs::read_dir(folder.path())? {
                let file = file?;
                if !self.seen.contains(&(folder.file_name(), file.file_name())) {
                    fs::remove_file(file.path())?;
                }
            }
        }
        Ok(())
    }
}

/// Copies a file that is not there yet, as a whole or not at all; how many bytes that were. One
/// that is in an earlier backup is shared with that, and counts as none.
fn copy_new(from: &Path, to: &Path, earlier: Option<&Path>) -> Result<Option<u64>, StartError> {
    let mut source = match File::open(from) {
        Ok(source) => source,
        // The server has just removed it, since nothing needs it: no backup does either.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(unreadable(from, &error)),
    };
    let size = source.metadata().map_err(|error| unreadable(from, &error))?.len();
    let is_whole = |path: &Path| fs::metadata(path).is_ok_and(|there| there.len() == size);
    if is_whole(to) {
        return Ok(None);
    }
    // What the file system cannot share is copied.
    if earlier.is_some_and(|earlier| is_whole(earlier) && fs::hard_link(earlier, to).is_ok()) {
        return Ok(None);
    }
    let unfinished = to.with_extension("new");
    let made = remove_if_there(&unfinished).and_then(|_| create_private(&unfinished));
    let copied = made.and_then(|mut target| {
        let bytes = io::copy(&mut source, &mut target)?;
        target.sync_all()?;
        fs::rename(&unfinished, to)?;
        Ok(bytes)
    });
    copied.map(Some).map_err(|error| unwritable(to, &error))
}
