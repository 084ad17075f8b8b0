//! The commands of `wechat`, and what they answer to the shell.
//!
//! Exit codes: 0 success, 1 the server could not start or failed, or is not well, 2 the settings or
//! the command line are wrong. Standard output is for people who asked for something, standard
//! error for the log and for errors. Called by `main`.

mod backup;
mod doctor;
mod flags;
mod health;
mod log;
mod nodes;
mod objects;
mod operator;
mod operator_flags;
mod pages;
mod progress;
mod push;
mod serve;
mod store;
mod users;

use std::path::Path;
use std::process::ExitCode;

use clap::ArgMatches;
use tokio::runtime::Runtime;

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
    let path = flags::path(&matches);
    if path == ["version"] {
        println!("wechat {}", env!("CARGO_PKG_VERSION"));
        return ExitCode::SUCCESS;
    }
    if let Some(written) = pages::written(&path, flags::innermost(&matches)) {
        return written;
    }
    match Config::load(Path::new("."), flags::given(&matches)) {
        Ok((config, values)) => run_with(&config, &values, &path, flags::innermost(&matches)),
        Err(problems) if path == ["doctor"] => {
            doctor::refuse(&problems, flags::innermost(&matches))
        }
        Err(problems) => refuse(&problems),
    }
}

/// Runs a command that goes by the settings; a server where none is named.
fn run_with(config: &Config, values: &Values, path: &[&str], flags: &ArgMatches) -> ExitCode {
    match path {
        ["config", "check"] => check(values),
        ["users", "import"] => users::import(config, flags),
        ["people" | "groups" | "reports", _] | ["invite" | "audit" | "figures"] => {
            operator::run(config, path, flags)
        }
        ["doctor"] => doctor::run(config, values, flags),
        ["push", "check"] => push::check(config),
        ["health"] => health::ask(config),
        ["nodes"] => nodes::list(config),
        ["backup"] => backup::run(config, flags),
        ["restore"] => backup::bring_back(config, flags),
        ["objects", "copy"] => objects::copy(config, flags),
        ["store", "copy"] => store::run(config, flags),
        ["store", "renew"] => store::renew(config),
        _ => serve::serve(config, values.warnings()),
    }
}

/// Shows every setting as the server would see it, and where it came from.
fn check(values: &Values) -> ExitCode {
    print!("{}", values.report());
    values.warnings().iter().for_each(|warning| eprintln!("{warning}"));
    ExitCode::SUCCESS
}

fn refuse(problems: &Problems) -> ExitCode {
    eprintln!("The settings are wrong, so the server does not start:\n");
    for line in problems.to_string().lines() {
        eprintln!("  {line}");
    }
    MISUSED.into()
}

/// Waits for what a command does, on a runtime of its own.
fn wait_for<T, E: From<String>>(work: impl Future<Output = Result<T, E>>) -> Result<T, E> {
    Runtime::new().map_err(|error| E::from(error.to_string()))?.block_on(work)
}
