//! Puts a backup into the data folder, where a server then works on it.
//!
//! Invariant: nothing that is there is overwritten, and a server starts on all of the backup or not
//! at all: until everything is copied, the data folder is marked as a backup that was cut off. The
//! backup stays as it is. Called by `cli::backup`; `bucket` keeps the same rules.

use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use rustix::process::geteuid;

use super::StartError;
use super::backup::{self, Outcome, Told};
use crate::config::{Config, DataDir};

/// Copies a backup into the data folder that the settings name, which holds nothing or what an
/// earlier try of this left. Blocks.
pub fn restore(
    config: &Config,
    from: &Path,
    tell: &mut dyn FnMut(Told),
) -> Result<Outcome, StartError> {
    check_embedded(config)?;
    backup::check_whole(from)?;
    if let Some(process) = DataDir::held(from) {
        return Err(StartError(format!(
            "{} is in use{process}. Wait until the backup is made, or stop the server that works \
             on it.",
            from.display()
        )));
    }
    let to = &config.data_dir;
    let owner = owner(to);
    let outcome = backup::bring_back(from, to, tell)?;
    settle(to, owner)?;
    Ok(outcome)
}

/// Refuses where MongoDB is the store.
pub(super) fn check_embedded(config: &Config) -> Result<(), StartError> {
    match config.db_uri {
        None => Ok(()),
        Some(_) => Err(StartError(
            "The store is the MongoDB that DB_URI names. Restore that with mongorestore, copy \
             secrets and objects into DATA_DIR with any tool, and run 'wechat store renew'."
                .to_owned(),
        )),
    }
}

/// Gives what was restored to whom it is to belong, if that is said.
pub(super) fn settle(to: &Path, owner: Option<(u32, u32)>) -> Result<(), StartError> {
    let Some((user, group)) = owner else { return Ok(()) };
    give(to, user, group).map_err(|error| {
        StartError(format!("{} cannot be given to its owner: {error}. Use chown -R.", to.display()))
    })
}

/// Whom the data are to belong to, if root puts them there for somebody else: the owner of the data
/// folder, or of the folder that it is made in.
pub(super) fn owner(to: &Path) -> Option<(u32, u32)> {
    if !geteuid().is_root() {
        return None;
    }
    let path = std::path::absolute(to).ok()?;
    let there = path.ancestors().find_map(|part| fs::metadata(part).ok())?;
    (there.uid() != 0).then(|| (there.uid(), there.gid()))
}

/// Gives a folder and all that is in it to somebody.
pub(super) fn give(path: &Path, user: u32, group: u32) -> io::Result<()> {
    chown(path, Some(user), Some(group))?;
    if path.is_dir() {
        for entry in fs::read_dir(path)? {
            give(&entry?.path(), user, group)?;
        }
    }
    Ok(())
}
