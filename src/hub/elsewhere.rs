//! What the hub owes to events of other nodes: they may come as hints, late, or never.
//!
//! Guarantees: a connection whose user came into a chat on another node follows it, however much of
//! what tells so was lost, as soon as anything of the chat is heard; and after a doubt every
//! connection follows what the store says, knows to sync, and is closed when its session is over.
//! Called by the bus (`on_hint`) and by `core::doubts`.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::audience::{Audience, Start, Subscribed};
use super::close::CloseCode;
use super::since::Since;
use super::users::Client;
use super::{Hub, READS, lock};
use crate::bus::{Hint, Posted};
use crate::error::{Error, Result};
use crate::id::{SessionId, UserId};
use crate::model::chats::Followed;

impl Hub {
    /// Whether somebody here is in the direct chat of a row, which nobody here may follow yet.
    pub(super) fn misses(&self, posted: &Posted) -> bool {
        let mut peers = posted.peers.into_iter().flat_map(|(low, high)| [low, high]);
        peers.any(|user| self.users.settled(user, posted.message.chat) > 0)
    }

    /// Something has happened in a chat that was not told whole.
    pub(super) fn hint(&self, hint: &Hint) {
        let here = |user: &UserId| !self.users.hearing(*user, hint.chat).is_empty();
        let moved: Vec<UserId> = hint.moved.iter().copied().filter(here).collect();
        for user in &moved {
            self.users.bump(*user);
        }
        let audience = if moved.is_empty() {
            self.audience(hint.chat)
        } else {
            Some(self.audience_or(hint.chat, hint.rev.saturating_sub(1), Start::Coming))
        };
        if let Some(audience) = audience {
            audience.hint(self, hint.rev, &moved);
        }
        if hint.rev == 0 {
            let resync = (self.encoder.resync)(Some(hint.chat));
            let clients = moved.iter().flat_map(|user| self.users.hearing(*user, hint.chat));
            clients.for_each(|client| client.connection.push(&resync));
        }
    }

    /// Whatever anybody here follows may have changed unheard: the store is asked about every chat.
    pub fn doubt(&self) {
        for shard in &self.audiences {
            let audiences: Vec<Arc<Audience>> = lock(shard).values().cloned().collect();
            audiences.iter().for_each(|audience| audience.doubt(self));
        }
    }

    /// Who is connected here.
    pub fn people(&self) -> BTreeSet<UserId> {
        let clients = self.users.everybody();
        clients.into_iter().map(|client| client.connection.user()).collect()
    }

    /// Lets a user's connections follow what the store says, and tells them to sync; those of
    /// sessions that are over are closed. `read` reads the user's open sessions and chats from the
    /// store; more than once, when the memberships change meanwhile.
    pub async fn follow_again<R>(&self, user: UserId, read: impl Fn() -> R) -> Result<()>
    where
        R: Future<Output = Result<(Vec<SessionId>, Vec<Followed>)>>,
    {
        for _ in 0..READS {
            let generation = self.users.generation(user);
            let (sessions, chats) = read().await?;
            let is_open = |client: &Client| sessions.contains(&client.connection.session());
            let (open, over): (Vec<_>, Vec<_>) =
                self.users.all(user).into_iter().partition(is_open);
            over.iter().for_each(|client| client.connection.close(CloseCode::Revoked));
            if open.iter().all(|client| self.follow_rows(client, generation, &chats)) {
                let resync = (self.encoder.resync)(None);
                open.iter().for_each(|client| client.connection.push(&resync));
                return Ok(());
            }
        }
        Err(Error::unavailable("the user's memberships changed again and again"))
    }

    /// Lets a connection follow chats; `false`: the memberships must be read again.
    pub(super) fn follow_rows(&self, client: &Client, generation: u64, rows: &[Followed]) -> bool {
        rows.iter().filter(|row| client.hears_of(row.chat)).all(|row| {
            let since = Since::followed(row);
            let start = Start::Membership { shared: row.history_shared };
            loop {
                let audience = self.audience_or(row.chat, row.head_rev, start);
                match audience.subscribe(self, client, generation, since) {
                    Subscribed::Done => return true,
                    Subscribed::Stale => return false,
                    Subscribed::Closed => {}
                }
            }
        })
    }
}
