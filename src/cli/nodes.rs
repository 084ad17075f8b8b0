//! `wechat nodes`: which servers work on the database of these settings.

use std::process::ExitCode;

use super::{FAILED, wait_for};
use crate::app::nodes;
use crate::config::Config;

/// Lists them on standard output.
pub(super) fn list(config: &Config) -> ExitCode {
    let listed = wait_for(nodes::list(config));
    match listed {
        Ok(Some(nodes)) => {
            for node in nodes {
                let state = if node.draining { "draining" } else { "serves" };
                println!("{}\t{}\t{state}\t{}", node.name, node.version, node.id);
            }
            ExitCode::SUCCESS
        }
        Ok(None) => {
            eprintln!("The store is in DATA_DIR, where one server works at most.");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("The nodes cannot be listed: {error}");
            FAILED.into()
        }
    }
}
