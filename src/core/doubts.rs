//! After a doubt: what other nodes told and this one will never hear is in the store, and is read
//! from there.
//!
//! Guarantees: once a doubt is settled, every connection here follows what the store says, and no
//! cache holds what was read before. Until then the doubt stands, and caches are not believed
//! (`Bus::is_whole`). Called by `app`.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval};

use super::Core;
use crate::error::Result;
use crate::hub::Hub;
use crate::id::{SessionId, UserId};
use crate::model::chats::Followed;

/// How often it is looked whether there is a doubt.
const EVERY: Duration = Duration::from_millis(250);

impl Core {
    /// Settles doubts as they come, again when the store cannot be read.
    pub async fn follow_doubts(&self, hub: &Hub) {
        let mut ticks = interval(EVERY);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            ticks.tick().await;
            if let Err(error) = self.settle_doubt(hub).await {
                tracing::warn!(cause = ?error.cause(), "what others told stays in doubt: {error}");
            }
        }
    }

    /// Makes up for what was lost, if anything was.
    pub async fn settle_doubt(&self, hub: &Hub) -> Result<()> {
        let bus = &self.shared.ports.bus;
        let Some(doubt) = bus.doubt() else { return Ok(()) };
        tracing::info!(doubt, "something that other nodes told is lost: the store is read");
        self.shared.forget_all();
        hub.doubt();
        for user in hub.people() {
            hub.follow_again(user, || self.standing(user)).await?;
        }
        // Also what was read from a cache meanwhile.
        self.shared.forget_all();
        bus.settle(doubt);
        Ok(())
    }

    /// The open sessions of a user, and their chats.
    async fn standing(&self, user: UserId) -> Result<(Vec<SessionId>, Vec<Followed>)> {
        let store = &self.shared.ports.store;
        let chats = store.followed(user).await?;
        let sessions = store.sessions(user).await?;
        Ok((sessions.into_iter().map(|session| session.id).collect(), chats))
    }
}

impl super::Shared {
    /// Whether what was read before may be taken from a cache: only while this node has heard all
    /// that makes caches forget.
    pub(super) fn believes(&self) -> bool {
        self.ports.bus.is_whole()
    }

    fn forget_all(&self) {
        self.tokens.forget_all();
        self.people.forget_all();
        self.facts.forget_all();
        self.pushing.forget_all();
    }
}
