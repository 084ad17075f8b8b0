//! Calls, and the message that tells how one ended.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::{CallId, MessageId, UserId};
use crate::model::calls::Call;
use crate::model::messages::Message;

/// How the end of a call is written into its chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CallRecord {
    /// The message's name.
    pub message: MessageId,
    /// For these people the message is no news: who had read everything before it has read it too.
    pub known_to: Vec<UserId>,
}

/// What became of a new call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Begun {
    /// It is stored; with its message, if it came with a record.
    Done(Option<Message>),
    /// A party is in this live call; nothing was stored.
    Busy(Call),
}

/// What became of a step of a call.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CallStepped {
    /// It is stored; with its message, if it came with a record.
    Done(Option<Message>),
    /// Somebody else was faster, or there is no such call; nothing was stored.
    Stale,
}

/// Calls.
///
/// Invariant: a user is in at most one live call.
/// Invariant: the message that tells a call's end is written by the step that ends it, so once.
#[async_trait]
pub trait Calls: Send + Sync {
    /// Puts a new live call if neither party is in one; with a record, puts a call that has ended
    /// already, whatever the parties are in. The chat exists. Idempotent by `call.id`.
    async fn begin_call(&self, call: &Call, record: Option<CallRecord>) -> Result<Begun>;
    /// Puts a call in place of its version before: `call.version - 1`. A record comes with the step
    /// that ends it.
    async fn step_call(&self, call: &Call, record: Option<CallRecord>) -> Result<CallStepped>;
    /// One call.
    async fn call(&self, call: CallId) -> Result<Option<Call>>;
    /// The live call that a user is in.
    async fn live_call(&self, user: UserId) -> Result<Option<Call>>;
    /// Live calls whose deadline is at `now` or before, earliest first.
    async fn due_calls(&self, now: Time, limit: u32) -> Result<Vec<Call>>;
    /// A user's calls, latest first, those that started before `before`; equal times by id.
    async fn calls_of(
        &self,
        user: UserId,
        before: Option<(Time, CallId)>,
        limit: u32,
    ) -> Result<Vec<Call>>;
}
