//! Refusals, which more than one file of this room gives. It knows the protocol and nothing of
//! connections. Called by `commands`, `link` and `socket`.

use crate::error::{Error, Language};
use crate::hub::Frame;
use crate::protocol::frames::refused;
use crate::protocol::problem::Problem;

/// The refusal of a request; `None`: its id could not be read. The cause goes to the log alone.
pub(super) fn refusal(id: Option<u64>, error: &Error, language: Language) -> Frame {
    if let Some(cause) = error.cause() {
        tracing::error!(code = error.code.row().name, %cause, "a request failed");
    }
    refused(id, &Problem::of(error, language, None))
}
