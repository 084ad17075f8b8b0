//! The nodes that work on this database: a document each, renewed by the database's own clock.
//!
//! Invariant: once a node renews its lease, `ready` writes nothing: it says what became of the last
//! renewal. So however many ask on however many nodes, a node writes once in a renewal's period.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::access::{Find, Modified};
use super::commit::{overtaken, upserted};
use super::rows::{Row, ToBson, int};
use super::tables::Table;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::ObjectId;
use crate::store::{LAPSE, Node, Nodes};

/// A renewal that is older says nothing any more: the next one is overdue.
const RENEWED_FOR: Duration = Duration::from_secs(6);
/// At most so many nodes are listed.
const LISTED: u32 = 1000;

/// What became of the last renewal.
#[derive(Default)]
pub(super) struct Renewed(Mutex<Option<(Instant, Result<(), String>)>>);

impl Renewed {
    fn note(&self, outcome: Result<(), String>) {
        let noted = Some((Instant::now(), outcome));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = noted;
    }

    /// Whether the database can serve, as of `now`; `None` while nobody renews.
    fn says(&self, now: Instant) -> Option<Result<()>> {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, outcome) = last.as_ref()?;
        if now.saturating_duration_since(*at) > RENEWED_FOR {
            return Some(Err(Error::unavailable("the database does not answer")));
        }
        Some(outcome.clone().map_err(Error::unavailable))
    }
}

fn key(node: ObjectId) -> String {
    format!("node/{node}")
}

fn read(document: &Document) -> Result<Node> {
    let row = Row(document);
    Ok(Node {
        id: row.id("node")?,
        epoch: row.id("epoch")?,
        // A server of an earlier version says none of what may be missing here.
        run: row.opt_count("run")?.unwrap_or(0),
        name: row.text("name")?,
        version: row.text("version")?,
        draining: row.flag("draining")?,
        prints: row.texts("prints")?,
        tells: row.flag("tells")?,
        unheard: row.ids("unheard")?,
        relay: row.texts("relay")?,
    })
}

impl MongoStore {
    /// Whether the database takes writes, by the last renewal or by one more write.
    pub(super) async fn takes_writes(&self) -> Result<()> {
        if let Some(said) = self.renewed.says(Instant::now()) {
            return said;
        }
        let beat = doc! { "$inc": { "beats": 1_i64 } };
        upserted(&self.access, Table::State, doc! { "_id": "pulse" }, beat).await.map(drop)
    }

    async fn put_lease(&self, node: &Node) -> Result<Time> {
        let mine = doc! { "_id": key(node.id), "epoch": node.epoch.bson() };
        let unheard: Vec<_> = node.unheard.iter().map(ToBson::bson).collect();
        let update = doc! {
            "$set": {
                "node": node.id.bson(),
                "run": int(node.run),
                "name": &node.name,
                "version": &node.version,
                "draining": node.draining,
                "prints": &node.prints,
                "tells": node.tells,
                "unheard": unheard,
                "relay": &node.relay,
            },
            "$currentDate": { "at": true },
        };
        match self.access.modify(Table::State, mine, update, true).await? {
            Modified::Done(document) => Row(&document).time("at"),
            Modified::None => Err(overtaken()),
            Modified::Duplicate => {
                Err(Error::unavailable("another process works as this node since"))
            }
        }
    }
}

#[async_trait]
impl Nodes for MongoStore {
    async fn renew_lease(&self, node: &Node) -> Result<Option<Time>> {
        let renewed = self.put_lease(node).await;
        self.renewed.note(renewed.as_ref().map(drop).map_err(|error| error.why()));
        renewed.map(Some)
    }

    async fn live_nodes(&self, now: Time) -> Result<Vec<Node>> {
        // Above every "node/", below every "node0": their keys alone.
        let live = doc! {
            "_id": { "$gt": "node/", "$lt": "node0" },
            "at": { "$gt": now.minus(LAPSE).bson() },
        };
        let find = Find::new(Table::State, live).sort(doc! { "_id": 1 }).limit(LISTED);
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn end_lease(&self, node: ObjectId) -> Result<()> {
        self.access.delete(Table::State, doc! { "_id": key(node) }).await.map(drop)
    }

    async fn take_task(
        &self,
        task: &'static str,
        node: ObjectId,
        now: Time,
        lasts: Duration,
    ) -> Result<bool> {
        let mine = doc! { "by": node.bson() };
        let lapsed = doc! { "at": { "$lte": now.minus(lasts).bson() } };
        let free = doc! { "_id": format!("task/{task}"), "$or": [mine.clone(), lapsed] };
        let take = doc! { "$set": mine, "$currentDate": { "at": true } };
        match self.access.modify(Table::State, free, take, true).await? {
            Modified::Done(_) => Ok(true),
            Modified::None | Modified::Duplicate => Ok(false),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_renewal_says_whether_the_database_serves_until_it_is_old() {
        let renewed = Renewed::default();
        assert!(renewed.says(Instant::now()).is_none(), "nobody renews");
        renewed.note(Ok(()));
        let at = Instant::now();
        assert!(renewed.says(at).is_some_and(|said| said.is_ok()));
        assert!(renewed.says(at + RENEWED_FOR + RENEWED_FOR).is_some_and(|said| said.is_err()));
        renewed.note(Err("gone".into()));
        assert!(
            renewed.says(at).is_some_and(|said| said.is_err_and(|error| error.why() == "gone"))
        );
    }
}
