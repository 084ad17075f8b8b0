//! A connection as the hub sees it, and as those see it who answer for it later.
//!
//! Invariant: what a connection is owed (replies to sends that are not yet durable) is counted, so
//! that its task can stop reading before those replies could fill its own outbox.
//!
//! Made by `socket`; the hub pushes to it, `commands` lets it answer sends.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::outbox::Outbox;
use super::{Opening, Ws};
use crate::core::messages::{Pending, Sent};
use crate::error::Language;
use crate::hub::close::CloseCode;
use crate::hub::{Connection, Frame};
use crate::id::{ChatId, SessionId, UserId};
use crate::model::auth::{Caller, Instance};
use crate::model::calls::Via;
use crate::protocol::frames::SentReply;
use crate::protocol::ops::Reply;

/// When the replies that a connection is owed weigh this many bytes, nothing is read from it: what
/// it asks for may never fill its own outbox, however fast it sends.
pub const OWED_BYTES: usize = 64 * 1024;

/// One connection. Shared by its own task, the hub, and the tasks that wait for its sends.
pub(super) struct Link {
    caller: Caller,
    via: Via,
    scope: Option<ChatId>,
    language: Language,
    outbox: Outbox,
    /// About how many bytes of replies are to come when sends have become durable.
    owed: AtomicUsize,
}

impl Connection for Link {
    fn push(&self, frame: &Frame) {
        self.outbox.push(frame);
    }

    fn queue(&self, frame: &Frame) {
        self.outbox.queue(frame);
    }

    fn hurry(&self) {
        self.outbox.hurry();
    }

    fn close(&self, code: CloseCode) {
        self.outbox.close(code);
    }

    fn user(&self) -> UserId {
        self.caller.user
    }

    fn session(&self) -> SessionId {
        self.caller.session
    }

    fn instance(&self) -> Option<Instance> {
        self.caller.instance
    }

    fn scope(&self) -> Option<ChatId> {
        self.scope
    }
}

impl Link {
    /// A connection of the caller's that is owed nothing yet; `scope`: events of this chat alone.
    pub(super) fn new(
        (caller, via): (Caller, Via),
        scope: Option<ChatId>,
        opening: &Opening,
    ) -> Self {
        let outbox = Outbox::past(opening.shortcut.clone());
        let (language, owed) = (opening.language, AtomicUsize::new(0));
        Self { caller, via, scope, language, outbox, owed }
    }

    /// Who speaks.
    pub(super) const fn caller(&self) -> Caller {
        self.caller
    }

    /// What it is known by in calls.
    pub(super) const fn via(&self) -> Via {
        self.via
    }

    /// The language of refusals.
    pub(super) const fn language(&self) -> Language {
        self.language
    }

    /// What waits to be written, for the connection's own task.
    pub(super) const fn outbox(&self) -> &Outbox {
        &self.outbox
    }

    /// Replies through the outbox when a send has become durable, with about `bytes` bytes.
    pub(super) fn acks_when_durable(
        self: Arc<Self>,
        ws: Arc<Ws>,
        reply: Reply<SentReply>,
        bytes: usize,
        pending: Pending<Sent>,
    ) {
        self.owed.fetch_add(bytes, Ordering::Relaxed);
        tokio::spawn(async move {
            let frame = match pending.await {
                Ok(sent) => reply.granted(&sent.into()),
                Err(error) => ws.refusal(reply.id(), &error, self.language),
            };
            self.owed.fetch_sub(bytes, Ordering::Relaxed);
            self.outbox.push(&frame);
        });
    }

    /// Whether it is owed little enough to be read from.
    pub(super) fn reads_on(&self) -> bool {
        self.owed.load(Ordering::Relaxed) < OWED_BYTES
    }
}
