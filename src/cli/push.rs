//! `wechat push check`: an operator tries whether devices that sleep can be told, also while the
//! server runs.

use std::process::ExitCode;

use super::{FAILED, wait_for};
use crate::app::push::{self, Found};
use crate::config::Config;

/// Tries each service that is set, and says what it found on standard output.
pub(super) fn check(config: &Config) -> ExitCode {
    let found = wait_for(push::check(config));
    let found = match found {
        Ok(found) => found,
        Err(error) => {
            eprintln!("Nobody can be told: {error}");
            return FAILED.into();
        }
    };
    for Found { service, says, .. } in &found {
        println!("{service:5} {says}");
    }
    if found.iter().all(|found| found.well) { ExitCode::SUCCESS } else { FAILED.into() }
}
