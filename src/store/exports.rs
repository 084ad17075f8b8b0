//! People's copies of their own data.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::UserId;
use crate::model::exports::Export;

/// People's copies of their own data: what is known of them; their bytes are files.
///
/// Invariant: they go in the same step as their account.
#[async_trait]
pub trait Exports: Send + Sync {
    /// Somebody's copy, if they wished for one.
    async fn export_of(&self, user: UserId) -> Result<Option<Export>>;
    /// Puts a copy in the place of the one that has the version before its own; whether that was
    /// there, or, for a first version, none, and the account is. Of several who try it one
    /// succeeds.
    async fn put_export(&self, export: &Export) -> Result<bool>;
    /// Forgets a copy of this version; whether it was there.
    async fn drop_export(&self, user: UserId, version: u64) -> Result<bool>;
    /// Copies that are due by then, earliest first.
    async fn exports_due(&self, now: Time, limit: u32) -> Result<Vec<Export>>;
}
