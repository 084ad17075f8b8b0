//! The commands of `wechat`, and what they answer to the shell.
//!
//! Exit codes: 0 success, 1 the server could not start or failed, 2 the settings or the command
//! line are wrong. Standard output is for people who asked for something, standard error for the
//! log and for errors. Called by `main`.

mod backup;
mod flags;
mod log;
mod serve;
mod store;
mod users;

use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;

use crate::config::{Config, Problems, Values};

pub use flags::command;

const FAILED: u8 = 1;
const MISUSED: u8 = 2;

/// Runs the command that the arguments of the process name.
pub fn run() -> ExitCode {
    let matches = match command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // A closed pipe cannot be told to anybody.
            let _ = error.print();
            return if error.use_stderr() { MISUSED.into() } else { ExitCode::SUCCESS };
        }
    };
    match flags::path(&matches).as_slice() {
        ["version"] => {
            println!("wechat {}", env!("CARGO_PKG_VERSION"));
            ExitCode::SUCCESS
        }
        ["config", "check"] => check(&matches),
        ["users", "import"] => match load(&matches) {
            Ok((config, _)) => users::import(&config, flags::innermost(&matches)),
            Err(problems) => refuse(&problems),
        },
        ["backup"] => match load(&matches) {
            Ok((config, _)) => backup::run(&config, flags::innermost(&matches)),
            Err(problems) => refuse(&problems),
        },
        ["store", "copy"] => match load(&matches) {
            Ok((config, _)) => store::run(&config, flags::innermost(&matches)),
            Err(problems) => refuse(&problems),
        },
        ["store", "renew"] => match load(&matches) {
            Ok((config, _)) => store::renew(&config),
            Err(problems) => refuse(&problems),
        },
        _ => match load(&matches) {
            Ok((config, values)) => serve::serve(&config, values.warnings()),
            Err(problems) => refuse(&problems),
        },
    }
}

fn load(matches: &ArgMatches) -> Result<(Config, Values), Problems> {
    Config::load(Path::new("."), flags::given(matches))
}

/// Shows every setting as the server would see it, and where it came from.
fn check(matches: &ArgMatches) -> ExitCode {
    match load(matches) {
        Ok((_, values)) => {
            print!("{}", values.report());
            values.warnings().iter().for_each(|warning| eprintln!("{warning}"));
            ExitCode::SUCCESS
        }
        Err(problems) => refuse(&problems),
    }
}

fn refuse(problems: &Problems) -> ExitCode {
    eprintln!("The settings are wrong, so the server does not start:\n");
    for line in problems.to_string().lines() {
        eprintln!("  {line}");
    }
    MISUSED.into()
}
