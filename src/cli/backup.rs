//! `wechat backup`: a copy of the data folder, while the server runs.

use std::path::Path;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use clap::ArgMatches;

use super::FAILED;
use crate::app::backup::{Outcome, Told, back_up};
use crate::config::Config;

/// How often progress is reported.
const EVERY: Duration = Duration::from_secs(2);

/// Copies as the arguments say; all messages go to standard error.
pub(super) fn run(config: &Config, matches: &ArgMatches) -> ExitCode {
    let Some(folder) = matches.get_one::<String>("FOLDER") else { return FAILED.into() };
    let mut told = Instant::now();
    let mut tell = |now: Told| {
        if told.elapsed() >= EVERY {
            told = Instant::now();
            match now {
                Told::Store(part) => eprintln!("{:.0} % of the store copied…", part * 100.0),
                Told::Files(count) => eprintln!("{count} files looked at…"),
            }
        }
    };
    match back_up(config, Path::new(folder), &mut tell) {
        Ok(outcome) => {
            eprintln!("{}", summary(&outcome, folder));
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("No backup was made: {error}");
            FAILED.into()
        }
    }
}

fn summary(outcome: &Outcome, folder: &str) -> String {
    let Outcome { store_bytes, files, new_files, new_bytes } = outcome;
    let files = match files {
        Some(files) => format!("{files} files ({new_files} new, {})", megabytes(*new_bytes)),
        None => "no files: they are in the bucket S3_BUCKET".to_owned(),
    };
    let store = megabytes(*store_bytes);
    format!(
        "Backed up into {folder}: the store ({store}), the secrets, {files}. To use it, stop the \
         server and start it with DATA_DIR={folder}, or with a copy of that folder."
    )
}

fn megabytes(bytes: u64) -> String {
    format!("{:.1} MB", bytes as f64 / f64::from(1 << 20))
}
