//! `wechat completions` and `wechat man`: what packages bring beside the program, made from the
//! command line itself. Neither reads a setting.

use std::io;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::ArgMatches;
use clap_complete::Shell;

use super::{FAILED, flags};

/// Writes what the command asks for; `None` if it is another one.
pub(super) fn written(path: &[&str], matches: &ArgMatches) -> Option<ExitCode> {
    match path {
        ["completions"] => {
            let shell: &Shell = matches.get_one("SHELL")?;
            let mut text = Vec::new();
            clap_complete::generate(*shell, &mut flags::command(), "wechat", &mut text);
            Some(end(io::Write::write_all(&mut io::stdout(), &text)))
        }
        ["man"] => {
            let folder: &PathBuf = matches.get_one("FOLDER")?;
            Some(end(clap_mangen::generate_to(flags::command(), folder)))
        }
        _ => None,
    }
}

fn end(written: io::Result<()>) -> ExitCode {
    match written {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("Nothing was written: {error}.");
            FAILED.into()
        }
    }
}
