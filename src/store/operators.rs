//! What operators do, and the rows that it leaves.
//!
//! An act and its row are one step. Where a store cannot do both in one write, or the act is of
//! many steps, the row is written first and is not `done` until the act is: whoever finds such a
//! row repeats the act, which changes nothing the second time. So a crash at any place leaves one
//! row and, in the end, the act. A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::{AuditId, ChatId, SessionId, UserId};
use crate::model::chats::Chat;
use crate::model::operators::{Audit, Figures, Folk};
use crate::model::users::User;

/// What became of an act.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Acted {
    /// It has taken effect, and closed these sessions.
    Done(Vec<SessionId>),
    /// Its row stands; what is left of it is for the caller, who then says so by `finish_act`.
    Begun,
    /// There is no such account, group or invitation; nothing was written.
    Missing,
    /// The address or the role is somebody's already; nothing was written.
    Taken,
    /// There are too many invitations; nothing was written.
    Full,
}

/// Acts of operators.
#[async_trait]
pub trait Operators: Send + Sync {
    /// Writes the row of an act and does what it says, or as much as is the store's to do.
    /// Suspending closes the person's sessions and from then on none opens, until it is over or
    /// lifted. A repeat of a row that is there finishes it.
    async fn act(&self, audit: &Audit) -> Result<Acted>;
    /// The act of a row has taken effect.
    async fn finish_act(&self, id: AuditId) -> Result<()>;
    /// Rows whose act is not done, earliest first.
    async fn begun_acts(&self, limit: u32) -> Result<Vec<Audit>>;
    /// Rows before one, latest first.
    async fn audits(&self, before: Option<AuditId>, limit: u32) -> Result<Vec<Audit>>;
    /// Removes rows of before a moment; bounded work a call; whether there are more.
    async fn sweep_audits(&self, before: Time) -> Result<bool>;
    /// Accounts after one, in the order of their ids.
    async fn folk(&self, which: Folk, after: Option<UserId>, limit: u32) -> Result<Vec<User>>;
    /// Groups after one, deleted ones too, in the order of their ids.
    async fn all_groups(&self, after: Option<ChatId>, limit: u32) -> Result<Vec<Chat>>;
    /// How much there is; a moment old, or uncounted where counting would be dear.
    async fn figures(&self) -> Result<Figures>;
}
