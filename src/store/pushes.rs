//! Subscriptions to push services: where sessions can be told that have no connection.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::Member;
use crate::model::push::Subscription;

/// Members of a chat who can be told by push.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Subscribed {
    /// In the order of their user ids, each with all that they are subscribed by.
    pub people: Vec<(Member, Vec<Subscription>)>,
    /// After whom to go on; `None` when this was the last page.
    pub next: Option<UserId>,
}

/// Subscriptions.
///
/// Invariant: a subscription goes in the same step as its session, by whatever verb that ends.
#[async_trait]
pub trait Pushes: Send + Sync {
    /// Puts a subscription in place of the session's one of this kind. A device is in one session:
    /// who else is subscribed by the same target is so no more. Whether the session is there.
    async fn put_push(&self, subscription: &Subscription) -> Result<bool>;
    /// Removes a subscription, unless its session has put another in its place; whether it was
    /// there.
    async fn drop_push(&self, subscription: &Subscription) -> Result<bool>;
    /// What these people are subscribed by, in the order of user, session and the kind's name.
    async fn pushes_of(&self, users: &[UserId]) -> Result<Vec<Subscription>>;
    /// A page of the active members of a chat who are subscribed, after one of them; `limit` at
    /// least 1. It costs what these are, however many others are in the chat.
    async fn subscribed(
        &self,
        chat: ChatId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Subscribed>;
}
