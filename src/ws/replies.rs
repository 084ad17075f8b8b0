//! Replies that more than one file of this room gives. It knows the protocol and nothing of
//! connections. Called by `commands`, `link` and `socket`.

use crate::core::messages::Sent;
use crate::error::{Error, Language};
use crate::hub::Frame;
use crate::protocol::frames::{SentReply, granted, refused};
use crate::protocol::problem::Problem;
use crate::protocol::rows;

/// The refusal of a request; `None`: its id could not be read. The cause goes to the log alone.
pub(super) fn refusal(id: Option<u64>, error: &Error, language: Language) -> Frame {
    if let Some(cause) = error.cause() {
        tracing::error!(code = error.code.row().name, %cause, "a request failed");
    }
    refused(id, &Problem::of(error, language, None))
}

/// The reply to a send, once it is durable.
pub(super) fn sent(id: u64, sent: Sent) -> Frame {
    let Sent { message, from_name, repeated } = sent;
    granted(id, &SentReply { message: rows::Message::of(message, from_name), repeated })
}
