//! What lets people in who have lost their mailbox.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{ObjectId, UserId};
use crate::model::auth::RecoveryCodes;

/// Recovery codes. `Sessions::redeem` uses one up.
///
/// Invariant: they go in the same step as their account, and when it moves without a session that
/// stays open, or by an operator.
#[async_trait]
pub trait Recoveries: Send + Sync {
    /// Somebody's recovery codes, if they made some; none of them may be left.
    async fn recovery_of(&self, user: UserId) -> Result<Option<RecoveryCodes>>;
    /// Puts recovery codes in the place of earlier ones, and uses up the mailed code that allows
    /// it; whether that was there, and the account's. Of several who try it with one code one
    /// succeeds.
    async fn put_recovery(&self, made: &RecoveryCodes, by: ObjectId) -> Result<bool>;
}
