//! `wechat backup` and `wechat restore`: the data folder into a copy, while the server runs, and
//! the copy into a data folder again.

use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;

use super::FAILED;
use super::progress::{Progress, Unit};
use crate::app::StartError;
use crate::app::backup::{Outcome, Told, back_up};
use crate::app::restore::restore;
use crate::config::Config;

/// Copies into the folder that the arguments name.
pub(super) fn run(config: &Config, matches: &ArgMatches) -> ExitCode {
    let Some(folder) = matches.get_one::<String>("FOLDER") else { return FAILED.into() };
    let done = |outcome: &Outcome| {
        format!(
            "Backed up into {folder}: {}. To use it, stop the server and run 'wechat restore \
             {folder}' with an empty DATA_DIR.",
            summary(outcome)
        )
    };
    let (name, work) = ("No backup was made", |tell: &mut dyn FnMut(Told)| {
        back_up(config, Path::new(folder), tell)
    });
    copying(matches, work, done, name)
}

/// Puts the backup that the arguments name into DATA_DIR.
pub(super) fn bring_back(config: &Config, matches: &ArgMatches) -> ExitCode {
    let Some(folder) = matches.get_one::<String>("BACKUP") else { return FAILED.into() };
    let data = config.data_dir.display();
    let done = |outcome: &Outcome| {
        format!("Restored into {data}: {}. Start the server.", summary(outcome))
    };
    let (name, work) = ("Nothing was restored", |tell: &mut dyn FnMut(Told)| {
        restore(config, Path::new(folder), tell)
    });
    copying(matches, work, done, name)
}

/// Works and tells how far it is; `done` are the words for the end, `failed` those before a cause.
fn copying(
    matches: &ArgMatches,
    work: impl FnOnce(&mut dyn FnMut(Told)) -> Result<Outcome, StartError>,
    done: impl FnOnce(&Outcome) -> String,
    failed: &str,
) -> ExitCode {
    let mut progress = Progress::new(matches.get_flag("json"));
    let mut tell = |now: Told| match now {
        Told::Store { done, total } => progress.at("store", Unit::Bytes, done, Some(total)),
        Told::Files { done, total } => progress.at("files", Unit::Things, done, Some(total)),
    };
    match work(&mut tell) {
        Ok(outcome) => {
            let Outcome { store_bytes, files, new_files, new_bytes } = outcome;
            progress.done(
                &done(&outcome),
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
