//! The `wechat` command: everything is in the library.

use std::process::ExitCode;

use mimalloc::MiMalloc;

/// Rows are made on the store's threads and dropped on the connections': see docs/performance.md.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    wechat::cli::run()
}
