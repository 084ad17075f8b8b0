//! Whose turn it is to change a chat: among this node's tasks by a lock, among nodes by a mark.
//!
//! A commit is a compare-and-swap, so a node that is alone with a chat needs no mark. A node that
//! lost a swap to another one writes itself into the chat as `turn`, unless somebody stands there,
//! looks at the chat again, and commits; meanwhile the swaps of the others fail and they wait for
//! the place. Its commit clears it. So nodes that flood one chat take turns, each with all that
//! waited in it, instead of the faster one starving the others.
//!
//! The mark is about order only and carries no promise: whoever holds it still commits by a swap. A
//! mark that stays through `STALE` without a commit is of a node that is gone, and is replaced.
//! Called by whoever commits.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mongodb::bson::{Bson, Document, doc};
use tokio::sync::MutexGuard;

use super::access::{Find, jitter};
use super::commit::{Commits, Ground, Plan, SLOWEST, overtaken};
use super::rows::{Row, ToBson};
use super::tables::{Table, chats_of};
use crate::error::Result;
use crate::id::ChatId;

/// A mark that is so old belongs to nobody.
const STALE: Duration = Duration::from_secs(2);
/// Nobody waits longer for a turn.
const PATIENCE: Duration = Duration::from_secs(10);

/// The right to change a chat before the other tasks of this node, and, when it is marked, before
/// the other nodes.
pub(super) struct Turn<'a> {
    commits: &'a Arc<Commits>,
    chat: ChatId,
    marked: bool,
    _guard: MutexGuard<'a, ()>,
}

impl<'a> Turn<'a> {
    /// This node's turn, as soon as no other task of it has one.
    pub(super) async fn of(commits: &'a Arc<Commits>, chat: ChatId) -> Self {
        Self { commits, chat, marked: false, _guard: commits.lock(chat).await }
    }

    /// Whether other nodes let this one pass.
    pub(super) const fn is_marked(&self) -> bool {
        self.marked
    }

    /// Commits in this turn (`Commits::commit`).
    pub(super) async fn commit(&mut self, ground: &Ground, plan: Plan) -> Result<Option<u64>> {
        let mark = if self.marked { self.commits.node().bson() } else { Bson::Null };
        let committed = self.commits.commit(mark, ground, plan).await?;
        // The commit took the mark away.
        self.marked &= committed.is_none();
        Ok(committed)
    }

    /// Waits for the turn after another node was faster, and marks it. What was known of the chat
    /// has to be looked up again.
    pub(super) async fn wait(&mut self) -> Result<()> {
        let Some(kind) = self.commits.kind(self.chat) else {
            jitter(0).await;
            return Ok(());
        };
        let (table, began) = (chats_of(kind), Instant::now());
        let free = doc! { "$in": [Bson::Null, self.commits.node().bson()] };
        let mut seen: Option<(Document, Instant)> = None;
        for attempt in 0.. {
            if self.take(table, free.clone()).await? {
                return Ok(());
            }
            let Some(now) = self.holder(table).await? else { return Ok(()) };
            let since = match &seen {
                Some((before, since)) if *before == now => *since,
                _ => Instant::now(),
            };
            if since.elapsed() > STALE
                && let Some(gone) = Row(&now).opt_id("turn")?
                && self.take(table, gone.bson()).await?
            {
                return Ok(());
            }
            if began.elapsed() > PATIENCE {
                break;
            }
            seen = Some((now, since));
            jitter(attempt.min(SLOWEST)).await;
        }
        Err(overtaken())
    }

    /// Who stands in the chat, at which version.
    async fn holder(&self, table: Table) -> Result<Option<Document>> {
        let find = Find::new(table, doc! { "_id": self.chat.bson() });
        self.commits.access().first(find.fields(doc! { "turn": 1, "version": 1 })).await
    }

    async fn take(&mut self, table: Table, from: impl Into<Bson>) -> Result<bool> {
        let filter = doc! { "_id": self.chat.bson(), "turn": from.into() };
        let mark = doc! { "$set": { "turn": self.commits.node().bson() } };
        self.marked = self.commits.access().set(table, filter, mark).await?;
        Ok(self.marked)
    }
}

impl Drop for Turn<'_> {
    /// Who needed no commit in the end lets the others pass.
    fn drop(&mut self) {
        let Some(kind) = self.commits.kind(self.chat).filter(|_| self.marked) else { return };
        let (commits, chat) = (self.commits.clone(), self.chat);
        tokio::spawn(async move {
            let filter = doc! { "_id": chat.bson(), "turn": commits.node().bson() };
            let free = doc! { "$unset": { "turn": "" } };
            // After an error the mark grows stale.
            commits.access().set(chats_of(kind), filter, free).await.ok();
        });
    }
}
