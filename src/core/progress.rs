//! How far the members of a chat have come: what receipts are counted from.
//!
//! Where members are few, it is read whenever somebody asks. Where they are many, it is read at
//! most once in `RECEIPTS_AGE` and kept in memory, so that people who ask again and again cost the
//! store nothing; and one chat at a time is read again, so that other reads find a thread.
//!
//! Called by `receipts`.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;

use super::Shared;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::store::Progress;

/// In chats of up to this many members, everybody is told live how far each has read; in others it
/// is kept for those who ask.
pub const LIVE_MEMBERS: u32 = 100;
/// How old the receipts of other chats may be.
pub const RECEIPTS_AGE: Duration = Duration::from_secs(5);
/// At most so many members are kept; chats that nobody asked about lately make room.
const KEPT: u64 = 500_000;
/// How long a chat is kept that nobody asks about.
const IDLE: Duration = Duration::from_secs(60);

/// How far the members of a chat have come with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ReceiptCounts {
    /// Active members who were there when it was sent and show receipts, its author not counted.
    pub members: u32,
    /// Of these, to how many it was delivered.
    pub delivered: u32,
    /// Of these, how many have read it.
    pub read: u32,
}

/// How far the members of a chat had come at a moment, sorted so that to count is to search.
#[derive(Debug)]
pub(crate) struct Tally {
    at: Time,
    /// In the order of their user ids.
    members: Vec<Progress>,
    joined: Vec<u64>,
    delivered: Vec<u64>,
    read: Vec<u64>,
}

impl Tally {
    fn of(members: Vec<Progress>, at: Time) -> Self {
        let sorted = |of: &dyn Fn(&Progress) -> u64| {
            let mut all: Vec<u64> = members.iter().map(of).collect();
            all.sort_unstable();
            all
        };
        // Nobody is further behind than just before they came.
        let joined = sorted(&|member| member.join_seq);
        let delivered = sorted(&|member| member.delivered_seq.max(before(member)));
        let read = sorted(&|member| member.read_seq.max(before(member)));
        Self { at, members, joined, delivered, read }
    }

    /// Whether it is kept, and so may be older than the answer to it.
    pub(crate) fn is_kept(&self) -> bool {
        self.members.len() > LIVE_MEMBERS as usize
    }

    /// How far all but its author have come with a message.
    pub(crate) fn counts(&self, seq: u64, author: UserId) -> ReceiptCounts {
        // Who is behind the message was there when it was sent: who came later has come further.
        let there = self.joined.partition_point(|joined| *joined <= seq);
        let past = |cursors: &[u64]| there - cursors.partition_point(|cursor| *cursor < seq);
        let own = self.members.binary_search_by_key(&author, |member| member.user).ok();
        let own = own.map(|at| &self.members[at]).filter(|member| member.join_seq <= seq);
        let own_past = |cursor: fn(&Progress) -> u64| own.is_some_and(|own| cursor(own) >= seq);
        let but = |all: usize, own: bool| (all - usize::from(own)) as u32;
        ReceiptCounts {
            members: but(there, own.is_some()),
            delivered: but(past(&self.delivered), own_past(|member| member.delivered_seq)),
            read: but(past(&self.read), own_past(|member| member.read_seq)),
        }
    }

    /// Who but its author has read a message, in the order of their user ids.
    pub(crate) fn readers(
        &self,
        seq: u64,
        author: UserId,
        after: Option<UserId>,
        limit: usize,
    ) -> Vec<UserId> {
        let first = self.members.partition_point(|member| Some(member.user) <= after);
        let has_read = |member: &&Progress| {
            member.user != author && member.join_seq <= seq && member.read_seq >= seq
        };
        let readers = self.members[first..].iter().filter(has_read);
        readers.take(limit).map(|member| member.user).collect()
    }
}

fn before(member: &Progress) -> u64 {
    member.join_seq.saturating_sub(1)
}

/// The tallies of chats with many members.
pub(crate) struct Tallies {
    kept: moka::sync::Cache<ChatId, Arc<Tally>>,
    reading: Mutex<()>,
}

impl Default for Tallies {
    fn default() -> Self {
        let weight = |_: &ChatId, tally: &Arc<Tally>| tally.members.len() as u32;
        let kept = moka::sync::Cache::builder().weigher(weight).max_capacity(KEPT);
        Self { kept: kept.time_to_idle(IDLE).build(), reading: Mutex::new(()) }
    }
}

impl Shared {
    /// How far the members of a chat have come, now or, where they are many, a moment ago.
    pub(crate) async fn tally(&self, chat: ChatId) -> Result<Arc<Tally>> {
        if self.tallies.kept.get(&chat).is_none() {
            return self.read_tally(chat).await;
        }
        if let Some(fresh) = self.fresh_tally(chat) {
            return Ok(fresh);
        }
        let _one_at_a_time = self.tallies.reading.lock().await;
        match self.fresh_tally(chat) {
            Some(fresh) => Ok(fresh),
            None => self.read_tally(chat).await,
        }
    }

    fn fresh_tally(&self, chat: ChatId) -> Option<Arc<Tally>> {
        let now = self.ports.now();
        let is_fresh = |at: Time| at <= now && now < at.plus(RECEIPTS_AGE);
        self.tallies.kept.get(&chat).filter(|tally| is_fresh(tally.at))
    }

    async fn read_tally(&self, chat: ChatId) -> Result<Arc<Tally>> {
        let at = self.ports.now();
        let tally = Arc::new(Tally::of(self.ports.store.progress(chat).await?, at));
        if tally.is_kept() {
            self.tallies.kept.insert(chat, tally.clone());
        } else {
            self.tallies.kept.invalidate(&chat);
        }
        Ok(tally)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    fn user(number: u8) -> UserId {
        UserId(ObjectId([number; 12]))
    }

    /// Everybody who can be in a chat of five messages, each once: came with, delivered, read.
    fn everybody() -> Vec<Progress> {
        let mut members = Vec::new();
        for join_seq in 1..=6 {
            for delivered_seq in 0..=5 {
                for read_seq in 0..=delivered_seq {
                    let user = user(members.len() as u8);
                    members.push(Progress { user, join_seq, delivered_seq, read_seq });
                }
            }
        }
        members
    }

    #[test]
    fn what_is_searched_for_is_what_one_by_one_would_count() {
        let members = everybody();
        let tally = Tally::of(members.clone(), Time(0));
        for seq in 1..=5 {
            for author in members.iter().map(|member| member.user).chain([user(255)]) {
                let there = members.iter().filter(|m| m.join_seq <= seq && m.user != author);
                let expected = ReceiptCounts {
                    members: there.clone().count() as u32,
                    delivered: there.clone().filter(|m| m.delivered_seq >= seq).count() as u32,
                    read: there.clone().filter(|m| m.read_seq >= seq).count() as u32,
                };
                assert_eq!(tally.counts(seq, author), expected, "of {seq} by {author:?}");
                let mut pages: Vec<UserId> = Vec::new();
                loop {
                    let page = tally.readers(seq, author, pages.last().copied(), 7);
                    pages.extend(&page);
                    if page.len() < 7 {
                        break;
                    }
                }
                let readers: Vec<_> =
                    there.filter(|m| m.read_seq >= seq).map(|member| member.user).collect();
                assert_eq!(pages, readers);
            }
        }
    }
}
