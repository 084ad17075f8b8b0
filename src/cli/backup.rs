//! `wechat backup` and `wechat restore`: the data folder into a copy, while the server runs, and
//! the copy into a data folder again.

use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;

use super::progress::{Progress, Unit};
use super::{FAILED, wait_for};
use crate::app::StartError;
use crate::app::backup::{Outcome, Told, back_up};
use crate::app::bucket;
use crate::app::generation::{Generation, generations};
use crate::app::restore::restore;
use crate::clock::{Clock, SystemClock};
use crate::config::Config;
use crate::config::backups::BackupPlace;

/// Copies into the place that the arguments name.
pub(super) fn run(config: &Config, matches: &ArgMatches) -> ExitCode {
    let Some(to) = matches.get_one::<String>("PLACE") else { return FAILED.into() };
    copying(matches, "No backup was made", |tell| {
        let (outcome, backup) = match BackupPlace::parse(to)? {
            BackupPlace::Folder(folder) => (back_up(config, &folder, tell)?, to.clone()),
            BackupPlace::Bucket(place) => {
                let which = (SystemClock.now(), None);
                let made = wait_for(bucket::make(config, &place, which, tell))?;
                (made.outcome, made.place)
            }
        };
        let words = format!(
            "Backed up into {backup}: {}. To use it, stop the server and run 'wechat restore \
             {backup}' with an empty DATA_DIR.",
            summary(&outcome)
        );
        Ok((outcome, words))
    })
}

/// Puts the backup that the arguments name into DATA_DIR, or names those that are there.
pub(super) fn bring_back(config: &Config, matches: &ArgMatches) -> ExitCode {
    let from = matches.get_one::<String>("BACKUP");
    if matches.get_flag("list") {
        return list(config, from, matches.get_flag("json"));
    }
    let Some(from) = from else { return FAILED.into() };
    copying(matches, "Nothing was restored", |tell| {
        let outcome = match BackupPlace::parse(from)? {
            BackupPlace::Folder(folder) => restore(config, &folder, tell)?,
            BackupPlace::Bucket(place) => {
                let one = bucket::one_of(&place).ok_or_else(|| {
                    format!(
                        "{place} names no backup. 'wechat restore --list {place}' names those that \
                         are there."
                    )
                })?;
                wait_for(bucket::bring_back(config, &one, tell))?
            }
        };
        let data = config.data_dir.display();
        let words = format!("Restored into {data}: {}. Start the server.", summary(&outcome));
        Ok((outcome, words))
    })
}

/// Names the backups in a place: that of the settings, if none is said.
fn list(config: &Config, place: Option<&String>, json: bool) -> ExitCode {
    match found(config, place) {
        Ok(found) if found.is_empty() && !json => eprintln!("There is no backup."),
        Ok(found) => found.iter().for_each(|one| println!("{}", shown(one, json))),
        Err(error) => {
            eprintln!("The backups cannot be listed: {error}");
            return FAILED.into();
        }
    }
    ExitCode::SUCCESS
}

fn found(config: &Config, place: Option<&String>) -> Result<Vec<Generation>, StartError> {
    let given = place.map(|text| BackupPlace::parse(text)).transpose()?;
    match given.or_else(|| config.backup_to.clone()) {
        Some(BackupPlace::Folder(folder)) => generations(&folder),
        Some(BackupPlace::Bucket(place)) => wait_for(bucket::generations(config, &place)),
        None => Err(StartError::from("BACKUP_TO is not set. Name the place.".to_owned())),
    }
}

/// A line about a backup.
fn shown(one: &Generation, json: bool) -> String {
    let Generation { place, began, holds } = one;
    if json {
        let (files, bytes) = holds.as_ref().map_or((None, None), |(f, b)| (Some(f), Some(b)));
        let damage = holds.as_ref().err();
        return json!({
            "backup": place, "began": began.to_string(), "files": files, "bytes": bytes,
            "damage": damage,
        })
        .to_string();
    }
    match holds {
        Ok((files, bytes)) => format!("{place}  {files} files, {} in all", megabytes(*bytes)),
        Err(why) => format!("{place}  DAMAGED: {why}"),
    }
}

/// Works and tells how far it is; the work ends with words for people. `failed` are those before a
/// cause.
fn copying(
    matches: &ArgMatches,
    failed: &str,
    work: impl FnOnce(&mut dyn FnMut(Told)) -> Result<(Outcome, String), StartError>,
) -> ExitCode {
    let mut progress = Progress::new(matches.get_flag("json"));
    let mut tell = |now: Told| match now {
        Told::Store { done, total } => progress.at("store", Unit::Bytes, done, Some(total)),
        Told::Files { done, total } => progress.at("files", Unit::Things, done, Some(total)),
        Told::Damaged(path) => progress.say(&damaged(&path)),
    };
    match work(&mut tell) {
        Ok((outcome, words)) => {
            let Outcome { store_bytes, files, new_files, new_bytes } = outcome;
            progress.done(
                &words,
                json!({
                    "store_bytes": store_bytes,
                    "files": files,
                    "new_files": new_files,
                    "new_bytes": new_bytes,
                }),
            );
            ExitCode::SUCCESS
        }
        Err(error) => {
            progress.failed(&format!("{failed}: {error}"));
            FAILED.into()
        }
    }
}

fn damaged(path: &Path) -> String {
    let path = path.display();
    format!("{path} is not what was put there, and not in the backup. An earlier one may hold it.")
}

fn summary(outcome: &Outcome) -> String {
    let Outcome { store_bytes, files, new_files, new_bytes } = outcome;
    let files = match files {
        Some(files) => format!("{files} files ({new_files} new, {})", megabytes(*new_bytes)),
        None => "no files: they are in the bucket S3_BUCKET".to_owned(),
    };
    format!("the store ({}), the secrets, {files}", megabytes(*store_bytes))
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / f64::from(1 << 20))
}
