//! `wechat objects copy`: an operator moves the contents of files from the data folder into a
//! bucket, or back.

use std::process::ExitCode;

use clap::ArgMatches;
use serde_json::json;

use super::progress::{Progress, Unit};
use super::{FAILED, MISUSED, wait_for};
use crate::app::object_copy::{self, Outcome, Place, Told};
use crate::config::Config;
use crate::model::files::size_in_words;

fn place(matches: &ArgMatches, flag: &str) -> Option<Place> {
    match matches.get_one::<String>(flag)?.as_str() {
        "local" => Some(Place::Local),
        "s3" => Some(Place::S3),
        _ => None,
    }
}

/// Copies as the arguments say.
pub(super) fn copy(config: &Config, matches: &ArgMatches) -> ExitCode {
    let (from, to) = match (place(matches, "from"), place(matches, "to")) {
        (Some(from), Some(to)) if from != to => (from, to),
        _ => {
            eprintln!("Nothing was copied: --from and --to name the same place.");
            return MISUSED.into();
        }
    };
    let mut progress = Progress::new(matches.get_flag("json"));
    let mut tell = |told| match told {
        Told::Bytes { done, total } => progress.at("files", Unit::Bytes, done, Some(total)),
        Told::Damaged(digest) => {
            progress.say(&format!("{digest} is damaged at the source, and was not copied."));
        }
    };
    let outcome = wait_for(object_copy::copy(config, (from, to), &mut tell));
    match outcome {
        Ok(outcome) if outcome.damaged == 0 => {
            let words = format!(
                "Copied: {}. Both places hold {} contents, {}.\nStop the server, run this once \
                 more for what comes meanwhile, and start it with OBJECTS={to}.",
                outcome.copied,
                outcome.objects,
                size_in_words(outcome.bytes)
            );
            progress.done(&words, facts(&outcome));
            ExitCode::SUCCESS
        }
        Ok(outcome) => {
            progress.failed(&format!(
                "{} contents at the source are not what was put there; all others were copied. \
                 Take them from a backup, and run this again.",
                outcome.damaged
            ));
            FAILED.into()
        }
        Err(error) => {
            progress.failed(&format!("The copy stopped: {error}"));
            FAILED.into()
        }
    }
}

fn facts(outcome: &Outcome) -> serde_json::Value {
    json!({ "objects": outcome.objects, "bytes": outcome.bytes, "copied": outcome.copied })
}
