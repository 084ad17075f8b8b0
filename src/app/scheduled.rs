//! Backups that the server makes of itself, every so often, and of which it keeps a few.
//!
//! Each is a folder in `BACKUP_TO`, named by the moment when it began, and whole: what is being
//! made is in `unfinished`, takes its name when all is there and checked, and only then the oldest
//! ones go. Files do not change, so a backup shares those of the one before it, by hard links,
//! where the file system can. Invariant: nothing else in `BACKUP_TO` is touched. Those in a bucket
//! are made by `bucket`. Called by `app` as it starts; `doctor` asks when the latest one was made.

use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::task::{JoinHandle, spawn_blocking};
use tokio::time::sleep;

use super::StartError;
use super::backup::{self, Outcome, Told};
use super::bucket;
use super::generation;
use crate::clock::{Clock, Time};
use crate::config::Config;
use crate::config::backups::BackupPlace;
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
    let latest = Latest::default();
    let making =
        Making { config: config.clone(), to, clock: clock.clone(), latest: latest.clone() };
    if let BackupPlace::Folder(to) = &making.to {
        making.note(in_folder(to));
    }
    Some((tokio::spawn(making.go_on()), latest))
}

/// When the latest backup began that is in the place of the settings. Looks whether a bucket can be
/// written, too.
pub(super) async fn latest(config: &Config, to: &BackupPlace) -> Result<Option<Time>, StartError> {
    match to {
        BackupPlace::Folder(to) => Ok(in_folder(to)),
        BackupPlace::Bucket(place) => bucket::latest(config, place).await,
    }
}

/// When the latest backup in a folder began.
fn in_folder(to: &Path) -> Option<Time> {
    generation::in_folder(to).ok()?.last().map(|(at, _)| *at)
}

/// Makes backups of one server.
struct Making {
    config: Config,
    to: BackupPlace,
    clock: Arc<dyn Clock>,
    latest: Latest,
}

/// A backup that was made, and what did not go then that should have.
type Made = (Outcome, Option<StartError>);

impl Making {
    async fn go_on(self) {
        if let BackupPlace::Bucket(_) = &self.to {
            // Where nobody knows, one is made, or its failure is told.
            self.note(latest(&self.config, &self.to).await.ok().flatten());
        }
        let making = Arc::new(self);
        loop {
            sleep(making.left().min(LOOK_EVERY)).await;
            if !making.left().is_zero() {
                continue;
            }
            let (one, began) = (making.clone(), making.clock.now());
            let runtime = Handle::current();
            let made = spawn_blocking(move || one.make(began, &runtime)).await;
            match made.map_err(|error| StartError(error.to_string())).flatten() {
                Ok(made) => making.made(began, made),
                Err(error) => {
                    tracing::error!("no backup was made: {error}");
                    sleep(making.config.backup_every.min(AGAIN_WITHIN)).await;
                }
            }
        }
    }

    /// One was made. What is too old and could not go is tried again with the next.
    fn made(&self, began: Time, (outcome, left): Made) {
        self.note(Some(began));
        let took_ms = self.clock.now().since(began).as_millis() as u64;
        let Outcome { store_bytes, new_files, .. } = outcome;
        tracing::info!(store_bytes, new_files, took_ms, "a backup was made");
        if let Some(left) = left {
            tracing::warn!("a backup was made, but what is too old stays: {left}");
        }
    }

    fn note(&self, latest: Option<Time>) {
        self.latest.store(latest.map_or(0, Time::millis), Ordering::Relaxed);
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
    fn make(&self, began: Time, runtime: &Handle) -> Result<Made, StartError> {
        let mut tell = |told| {
            if let Told::Damaged(path) = told {
                let path = path.display();
                tracing::error!("{path} is not what was put there, and not in the backup");
            }
        };
        match &self.to {
            BackupPlace::Folder(to) => self.make_in_folder(to, began, &mut tell),
            BackupPlace::Bucket(place) => {
                let which = (began, Some(self.config.backup_keep));
                let made = runtime.block_on(bucket::make(&self.config, place, which, &mut tell))?;
                Ok((made.outcome, made.left))
            }
        }
    }

    fn make_in_folder(
        &self,
        to: &Path,
        began: Time,
        tell: &mut dyn FnMut(Told),
    ) -> Result<Made, StartError> {
        let unusable = |error: io::Error| {
            StartError(format!(
                "BACKUP_TO {} cannot be used: {error}. Give the server's user room there and the \
                 right to write.",
                to.display()
            ))
        };
        make_private(to).map_err(unusable)?;
        let earlier = generation::in_folder(to).map_err(unusable)?;
        let unfinished = to.join(UNFINISHED);
        let beside = earlier.last().map(|(_, folder)| folder.as_path());
        let outcome = backup::back_up_beside(&self.config, &unfinished, beside, tell)?;
        fs::rename(&unfinished, to.join(generation::name(began))).map_err(unusable)?;
        sync(to).map_err(unusable)?;
        let too_many = (earlier.len() + 1).saturating_sub(self.config.backup_keep as usize);
        let mut old = earlier.iter().take(too_many);
        let gone = old.try_for_each(|(_, folder)| fs::remove_dir_all(folder));
        Ok((outcome, gone.map_err(unusable).err()))
    }
}
