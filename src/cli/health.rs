//! `wechat health`: whether the server of these settings answers and can serve, for supervisors
//! that have nothing but this program, as in a container.

use std::process::ExitCode;

use tokio::runtime;

use super::FAILED;
use crate::app::doctor;
use crate::config::Config;

/// Asks the server on this machine; why not goes to standard error.
pub(super) fn ask(config: &Config) -> ExitCode {
    let answer = match runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(doctor::ready(config)),
        Err(error) => Err(error.to_string()),
    };
    match answer {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("It is not well: {why}.");
            FAILED.into()
        }
    }
}
