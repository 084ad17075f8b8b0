//! What is counted and not kept: who has read, who is mentioned, what there is nothing to read in.
//!
//! Called by `chats`.

use std::collections::{HashMap, HashSet};

use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, KEYS};
use super::chat_verbs::AT_ONCE;
use super::content::EVERYBODY;
use super::rows::{Row, ToBson, int};
use super::tables::{Table, log_of};
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::{ChatKind, MemberState};
use crate::store::Progress;

/// At most this many ranges of seqs in one query.
pub(super) const RANGES: usize = 200;

impl MongoStore {
    /// How far the active members of a chat who show receipts have come, in the order of their user
    /// ids.
    pub(super) async fn progress_in(&self, chat: ChatId) -> Result<Vec<Progress>> {
        if self.commits.ground(chat).await?.is_none() {
            return Ok(Vec::new());
        }
        let filter = doc! { "chat": chat.bson(), "state": MemberState::Active.bson() };
        let cursors = ["user", "join_seq", "delivered_seq", "read_seq", "own_seq"];
        let find = Find::new(Table::Members, filter)
            .sort(doc! { "user": 1 })
            .fields(cursors.iter().map(|name| ((*name).to_owned(), Bson::from(1))).collect());
        let mut found = Vec::new();
        for document in self.access.find(find).await? {
            let row = Row(&document);
            let own_seq = row.count("own_seq")?;
            found.push(Progress {
                user: row.user("user")?,
                join_seq: row.count("join_seq")?,
                delivered_seq: row.count("delivered_seq")?.max(own_seq),
                read_seq: row.count("read_seq")?.max(own_seq),
            });
        }
        let mut hiding = HashSet::new();
        for some in found.chunks(KEYS) {
            let ids: Vec<Bson> = some.iter().map(|member| member.user.bson()).collect();
            let filter = doc! { "_id": { "$in": ids }, "privacy.receipts": false };
            let find = Find::new(Table::Users, filter).fields(doc! { "_id": 1 });
            for user in self.access.find(find).await? {
                hiding.insert(Row(&user).user("_id")?);
            }
        }
        found.retain(|member| !hiding.contains(&member.user));
        Ok(found)
    }

    /// How many messages of these ranges of one log are system messages or deleted, per chat; at
    /// most `RANGES` ranges a query.
    async fn quiet_in(
        &self,
        kind: ChatKind,
        ranges: &[(ChatId, u64, u64)],
        counts: &mut HashMap<ChatId, u64>,
    ) -> Result<()> {
        let range = |(chat, after, until): &(ChatId, u64, u64)| {
            let seq = doc! { "$gt": int(*after), "$lte": int(*until) };
            doc! { "target_id": chat.bson(), "quiet": true, "seq": seq }
        };
        for some in ranges.chunks(RANGES) {
            let either: Vec<Document> = some.iter().map(range).collect();
            let filter = doc! { "$or": either };
            for tally in self.access.tally(log_of(kind), filter, "target_id").await? {
                counts.insert(Row(&tally).chat("_id")?, Row(&tally).count("count")?);
            }
        }
        Ok(())
    }

    /// Of what a user hid, how many messages are not quiet by themselves.
    async fn hidden_texts(
        &self,
        kind: ChatKind,
        (chat, after, until): (ChatId, u64, u64),
        hidden: &[u64],
    ) -> Result<u64> {
        let within: Vec<Bson> = hidden
            .iter()
            .filter(|seq| (after + 1..=until).contains(*seq))
            .map(|seq| int(*seq).into())
            .collect();
        if within.is_empty() {
            return Ok(0);
        }
        let filter = doc! {
            "target_id": chat.bson(), "seq": { "$in": within }, "quiet": { "$ne": true },
        };
        self.access.count(log_of(kind), filter).await
    }

    /// The latest seqs of a range in which there is nothing to read for anybody, ascending.
    pub(super) async fn latest_quiet(
        &self,
        (chat, after, until): (ChatId, u64, u64),
        limit: u32,
    ) -> Result<Vec<u64>> {
        let Some(ground) = self.commits.ground(chat).await? else { return Ok(Vec::new()) };
        let seq = doc! { "$gt": int(after), "$lte": int(until) };
        let filter = doc! { "target_id": chat.bson(), "quiet": true, "seq": seq };
        let find = Find::new(log_of(ground.chat.kind), filter)
            .sort(doc! { "target_id": -1, "quiet": -1, "seq": -1 })
            .limit(limit)
            .fields(doc! { "seq": 1 });
        let found = self.access.find(find).await?;
        found.iter().rev().map(|row| Row(row).count("seq")).collect()
    }

    /// How many messages are nothing to read for a user, in a range of a chat of which all is known
    /// to be written.
    pub(super) async fn quiet_here(
        &self,
        user: UserId,
        kind: ChatKind,
        range: (ChatId, u64, u64),
    ) -> Result<u64> {
        let mut counts = HashMap::new();
        self.quiet_in(kind, &[range], &mut counts).await?;
        let of_all = counts.get(&range.0).copied().unwrap_or_default();
        let hidden = self.hidden_of(user, &[(range.0, 0)]).await?;
        let hidden = hidden.get(&range.0).map_or(&[][..], Vec::as_slice);
        Ok(of_all + self.hidden_texts(kind, range, hidden).await?)
    }

    /// How many messages of these ranges are nothing to read for a user.
    pub(super) async fn quiet_of(
        &self,
        user: UserId,
        ranges: &[(ChatId, u64, u64)],
    ) -> Result<Vec<u64>> {
        let ids: Vec<ChatId> = ranges.iter().map(|range| range.0).collect();
        let grounds = self.grounds_of(&ids).await?;
        let kind = |chat: &ChatId| grounds.get(chat).map(|ground| ground.chat.kind);
        let mut counts = HashMap::new();
        for of in [ChatKind::Direct, ChatKind::Group] {
            let here = ranges.iter().filter(|range| kind(&range.0) == Some(of)).copied();
            self.quiet_in(of, &here.collect::<Vec<_>>(), &mut counts).await?;
        }
        let all = ids.iter().map(|chat| (*chat, 0));
        let hidden = self.hidden_of(user, &all.collect::<Vec<_>>()).await?;
        let mut found = Vec::with_capacity(ranges.len());
        for range in ranges {
            let mut count = counts.get(&range.0).copied().unwrap_or_default();
            if let (Some(hidden), Some(kind)) = (hidden.get(&range.0), kind(&range.0)) {
                count += self.hidden_texts(kind, *range, hidden).await?;
            }
            found.push(count);
        }
        Ok(found)
    }

    async fn mentions_in(
        &self,
        user: UserId,
        (chat, after): (ChatId, u64),
        hidden: Option<&Vec<u64>>,
    ) -> Result<u64> {
        let Some(ground) = self.commits.ground(chat).await? else { return Ok(0) };
        let log = log_of(ground.chat.kind);
        let hidden: Vec<Bson> = hidden.into_iter().flatten().map(|seq| int(*seq).into()).collect();
        let filter = |who: Bson| {
            let mut seq = doc! { "$gt": int(after) };
            if !hidden.is_empty() {
                seq.insert("$nin", hidden.clone());
            }
            doc! { "target_id": chat.bson(), "alerts": who, "seq": seq }
        };
        let named = self.access.count(log, filter(user.bson())).await?;
        let mut all = filter(EVERYBODY.into());
        all.insert("author_id", doc! { "$ne": user.bson() });
        Ok(named + self.access.count(log, all).await?)
    }

    /// How many messages after these mention a user, once each, and none that it hid.
    pub(super) async fn mentions_of(
        &self,
        user: UserId,
        chats: &[(ChatId, u64)],
    ) -> Result<Vec<u64>> {
        let all = chats.iter().map(|(chat, _)| (*chat, 0));
        let hidden = self.hidden_of(user, &all.collect::<Vec<_>>()).await?;
        let counts: Vec<_> =
            chats.iter().map(|&one| self.mentions_in(user, one, hidden.get(&one.0))).collect();
        stream::iter(counts).buffered(AT_ONCE).try_collect().await
    }
}
