//! The `wechat` command: everything is in the library.

use std::process::ExitCode;

fn main() -> ExitCode {
    wechat::cli::run()
}
