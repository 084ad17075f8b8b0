//! What waits to be written to a connection over TCP or TLS.
//!
//! Bounded: at most `QUEUE_BYTES`; media is dropped first. Filled by `driver`, emptied by
//! `streams`.

use std::cell::{Cell, RefCell};

use bytes::BytesMut;
use tokio::sync::Notify;

/// At most this many bytes wait to be written.
const QUEUE_BYTES: usize = 256 * 1024;
/// Media is dropped from here on, so that answers still fit.
const MEDIA_BYTES: usize = 128 * 1024;

/// What waits to be written to a stream.
#[derive(Default)]
pub(super) struct Queue {
    bytes: RefCell<BytesMut>,
    more: Notify,
    overflown: Cell<bool>,
}

impl Queue {
    /// Queues bytes; media that does not fit is dropped, an answer that does not fit ends the
    /// stream.
    pub(super) fn push(&self, bytes: &[u8], relayed: bool) {
        let mut waiting = self.bytes.borrow_mut();
        let room = if relayed { MEDIA_BYTES } else { QUEUE_BYTES };
        if waiting.len() + bytes.len() <= room {
            waiting.extend_from_slice(bytes);
        } else if !relayed {
            self.overflown.set(true);
        }
        self.more.notify_one();
    }

    /// Resolves when something was queued since it did so last.
    pub(super) async fn filled(&self) {
        self.more.notified().await;
    }

    /// All that waits; `None`: an answer did not fit.
    pub(super) fn take(&self) -> Option<BytesMut> {
        (!self.overflown.get()).then(|| self.bytes.borrow_mut().split())
    }
}
