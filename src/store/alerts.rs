//! What people want to be told of, in all their chats.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::UserId;
use crate::model::alerts::{Alerts, KeptAlerts};

/// People's alerts.
///
/// Invariant: they go in the same step as their account.
#[async_trait]
pub trait AlertSettings: Send + Sync {
    /// Puts what a person wants in place of what they wanted; `due` is when it is looked next
    /// whether they missed something. When the latest mail went out stays. Whether the account is
    /// there.
    async fn put_alerts(&self, user: UserId, alerts: &Alerts, due: Option<Time>) -> Result<bool>;
    /// What these people want, in no order; those who never said anything are left out.
    async fn alerts_of(&self, users: &[UserId]) -> Result<Vec<KeptAlerts>>;
    /// Of whom it is to be looked by now whether they missed something, earliest first.
    async fn mails_due(&self, now: Time, limit: u32) -> Result<Vec<KeptAlerts>>;
    /// Notes when to look next, and when a mail went out, if it is still due as it was `seen`;
    /// whether it was. Of several who try it one succeeds.
    async fn note_mail(&self, seen: &KeptAlerts, due: Time, mailed: Option<Time>) -> Result<bool>;
}
