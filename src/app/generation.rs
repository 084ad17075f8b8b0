//! Backups that a server makes of itself: each is named by the moment when it began, to the second;
//! and those that are in a folder. Called by `app::scheduled`, `app::bucket` and `cli::backup`.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use jiff::Timestamp;

use super::StartError;
use super::backup;
use crate::clock::Time;

/// A backup that a server made of itself, as `wechat restore --list` shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Generation {
    /// What `wechat restore` calls it.
    pub place: String,
    /// When it began.
    pub began: Time,
    /// How many files and bytes it holds; what is wrong with it, if that cannot be read.
    pub holds: Result<(u64, u64), String>,
}

/// The name of a backup that began then, such as `2026-11-30T14-05-00Z`.
pub(super) fn name(began: Time) -> String {
    format!("{}Z", began.to_string()[..19].replace(':', "-"))
}

/// When the backup of that name began; `None` if it is not one's name.
pub(super) fn began(name: &str) -> Option<Time> {
    let (day, time) = name.split_once('T')?;
    let at: Timestamp = format!("{day}T{}", time.replace('-', ":")).parse().ok()?;
    let at = Time(at.as_millisecond());
    (self::name(at) == name).then_some(at)
}

/// The backups in a folder that were made on schedule, oldest first.
pub(super) fn in_folder(to: &Path) -> io::Result<Vec<(Time, PathBuf)>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(to)? {
        let entry = entry?;
        let at = entry.file_name().to_str().and_then(began);
        let whole = backup::check_whole(&entry.path()).is_ok();
        found.extend(at.filter(|_| whole).map(|at| (at, entry.path())));
    }
    found.sort();
    Ok(found)
}

/// The same, as people see them.
pub fn generations(to: &Path) -> Result<Vec<Generation>, StartError> {
    let found = in_folder(to).map_err(|error| backup::unreadable(to, &error))?;
    let shown = found.into_iter().map(|(began, folder)| Generation {
        place: folder.display().to_string(),
        began,
        holds: held(&folder).map_err(|error| error.to_string()),
    });
    Ok(shown.collect())
}

/// How many files that people sent a backup holds, and how many bytes in all.
fn held(folder: &Path) -> io::Result<(u64, u64)> {
    Ok((backup::objects_in(folder)?.len() as u64, bytes_in(folder)?))
}

fn bytes_in(folder: &Path) -> io::Result<u64> {
    let sizes = fs::read_dir(folder)?.map(|entry| {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            bytes_in(&entry.path())
        } else {
            Ok(entry.metadata()?.len())
        }
    });
    sizes.sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_tells_the_moment_to_the_second() {
        let at = Time(1_700_000_000_000);
        assert_eq!(name(at), "2023-11-14T22-13-20Z");
        assert_eq!(began("2023-11-14T22-13-20Z"), Some(at));
        for other in
            ["unfinished", "2023-11-14", "2023-11-14T22:13:20Z", "2023-11-14T22-13-20", "T"]
        {
            assert_eq!(began(other), None, "{other}");
        }
    }
}
