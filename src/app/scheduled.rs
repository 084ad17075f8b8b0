//! Backups that the server makes of itself, every so often, and of which it keeps a few.
//!
//! Each is a folder in `BACKUP_TO`, named by the moment when it began, and whole: what is being
//! made is in `unfinished`, takes its name when all is there and checked, and only then the oldest
//! ones go. Files do not change, so a backup shares those of the one before it, by hard links,
//! where the file system can. Invariant: nothing else in `BACKUP_TO` is touched. Called by `app` as
//! it starts; `doctor` asks when the latest one was made.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use jiff::Timestamp;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::StartError;
use super::backup::{self, Outcome};
use crate::clock::{Clock, Time};
use crate::config::Config;
use crate::config::data_dir::{make_private, sync};

/// What is being made, or was when the server ended.
const UNFINISHED: &str = "unfinished";
/// The clock is read at least this often: it may be set.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// After a failure the next try comes at the latest so much later.
const AGAIN_WITHIN: Duration = Duration::from_secs(10 * 60);

/// When the latest backup began, in milliseconds since 1970; 0: there is none.
pub(super) type Latest = Arc<AtomicI64>;

/// Begins to make backups, if the settings want that.
pub(super) fn begin(config: &Config, clock: &Arc<dyn Clock>) -> Option<(JoinHandle<()>, Latest)> {
    let to = config.backup_to.clone()?;
    let latest: Latest = Arc::new(AtomicI64::new(latest(&to).map_or(0, Time::millis)));
    let making =
        Making { config: config.clone(), to, clock: clock.clone(), latest: latest.clone() };
    Some((tokio::spawn(making.go_on()), latest))
}

/// When the latest backup in a folder began.
pub(super) fn latest(to: &Path) -> Option<Time> {
    generations(to).ok()?.last().map(|(at, _)| *at)
}

/// Makes backups of one server.
struct Making {
    config: Config,
    to: PathBuf,
    clock: Arc<dyn Clock>,
    latest: Latest,
}

impl Making {
    async fn go_on(self) {
        let making = Arc::new(self);
        loop {
            sleep(making.left().min(LOOK_EVERY)).await;
            if !making.left().is_zero() {
                continue;
            }
            let (one, began) = (making.clone(), making.clock.now());
            let made = spawn_blocking(move || one.make(began)).await;
            match made.map_err(|error| StartError(error.to_string())).flatten() {
                Ok(outcome) => {
                    making.latest.store(began.millis(), Ordering::Relaxed);
                    let took_ms = making.clock.now().since(began).as_millis() as u64;
                    let Outcome { store_bytes, new_files, .. } = outcome;
                    tracing::info!(store_bytes, new_files, took_ms, "a backup was made");
                }
                Err(error) => {
                    tracing::error!("no backup was made: {error}");
                    sleep(making.config.backup_every.min(AGAIN_WITHIN)).await;
                }
            }
        }
    }

    /// How long it is until the next one. A clock that was set back makes it due.
    fn left(&self) -> Duration {
        let (latest, now) = (Time(self.latest.load(Ordering::Relaxed)), self.clock.now());
        if latest > now {
            return Duration::ZERO;
        }
        self.config.backup_every.saturating_sub(now.since(latest))
    }

    /// Makes one, then removes those that are too many.
    fn make(&self, began: Time) -> Result<Outcome, StartError> {
        let to = &self.to;
        let unusable = |error: io::Error| {
            StartError(format!(
                "BACKUP_TO {} cannot be used: {error}. Give the server's user room there and the \
                 right to write.",
                to.display()
            ))
        };
        make_private(to).map_err(unusable)?;
        let earlier = generations(to).map_err(unusable)?;
        let unfinished = to.join(UNFINISHED);
        let beside = earlier.last().map(|(_, folder)| folder.as_path());
        let outcome = backup::back_up_beside(&self.config, &unfinished, beside, &mut |_| {})?;
        fs::rename(&unfinished, to.join(name(began))).map_err(unusable)?;
        sync(to).map_err(unusable)?;
        let too_many = (earlier.len() + 1).saturating_sub(self.config.backup_keep as usize);
        for (_, folder) in earlier.iter().take(too_many) {
            fs::remove_dir_all(folder).map_err(unusable)?;
        }
        Ok(outcome)
    }
}

/// The name of a backup that began then, such as `2026-11-30T14-05-00Z`.
fn name(began: Time) -> String {
    format!("{}Z", began.to_string()[..19].replace(':', "-"))
}

/// When the backup of that name began; `None` if it is not one's name.
fn began(name: &str) -> Option<Time> {
    let (day, time) = name.split_once('T')?;
    let at: Timestamp = format!("{day}T{}", time.replace('-', ":")).parse().ok()?;
    let at = Time(at.as_millisecond());
    (self::name(at) == name).then_some(at)
}

/// The backups in a folder that were made on schedule, oldest first.
fn generations(to: &Path) -> io::Result<Vec<(Time, PathBuf)>> {
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
