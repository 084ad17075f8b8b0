//! The log: pretty for people, JSON for programs, on standard error.

use std::io::{self, IsTerminal};
use std::panic;

use tracing_subscriber::EnvFilter;

use crate::config::Config;
use crate::config::values::LogFormat;

/// Whether the log is for people.
pub(super) fn is_pretty(config: &Config) -> bool {
    match config.log_format {
        LogFormat::Auto => io::stderr().is_terminal(),
        LogFormat::Pretty => true,
        LogFormat::Json => false,
    }
}

/// Starts the log, once a process. A panic goes into it too.
pub(super) fn start(config: &Config) {
    let builder = tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::new(&config.log))
        .with_writer(io::stderr);
    if is_pretty(config) {
        builder.with_ansi(io::stderr().is_terminal()).with_target(false).init();
    } else {
        builder.json().flatten_event(true).with_span_list(false).init();
    }
    panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string).unwrap_or_default();
        let text = panic.payload_as_str().unwrap_or("no text");
        tracing::error!(place, text, "a panic: please report it");
    }));
}
