//! What became of a push, as far as its answer says. Called by `super` and the services beside it.

use std::time::Duration;

use hyper::header::RETRY_AFTER;

use crate::error::foreign::one_line;
use crate::outside::{Answer, Failure};

/// What became of a try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// The service has it.
    Told,
    /// The service does not know the device any more.
    Gone,
    /// It is too long for the service.
    TooLong,
    /// The service will not take it, now or later: why, for the log.
    Refused(String),
    /// It was not sent at all: why, for the log.
    Unsent(&'static str),
    /// It gets too much, and maybe says when to come again.
    Throttled(Option<Duration>),
    /// It cannot now, or does not answer: why, for the log, and maybe when to come again.
    Failed(String, Option<Duration>),
}

impl Outcome {
    /// What an answer means by its status alone, at any service.
    pub(super) fn of(answer: &Answer) -> Self {
        let status = answer.status.as_u16();
        match status {
            200..=299 => Self::Told,
            404 | 410 => Self::Gone,
            413 => Self::TooLong,
            429 => Self::Throttled(retry_after(answer)),
            500..=599 => Self::Failed(format!("status {status}"), retry_after(answer)),
            _ => Self::Refused(format!("status {status}")),
        }
    }
}

impl From<Failure> for Outcome {
    fn from(failure: Failure) -> Self {
        match failure {
            Failure::Forbidden => Self::Unsent("its address may not be reached from here"),
            // Of our own making: it says nothing about the service.
            Failure::Busy => Self::Throttled(None),
            Failure::Late | Failure::Broken(_) => Self::Failed(failure.to_string(), None),
        }
    }
}

/// `Retry-After` in seconds. One that is a date is left to the growing pauses.
fn retry_after(answer: &Answer) -> Option<Duration> {
    let text = answer.headers.get(RETRY_AFTER)?.to_str().ok()?;
    text.trim().parse().ok().map(Duration::from_secs)
}

/// A short text of a service, fit for the log.
pub(super) fn for_log(text: &str) -> String {
    one_line(text, 120)
}
