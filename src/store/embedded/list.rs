//! The list of a person's chats: a page of it costs what stands on it.
//!
//! No index says in which order somebody's chats stand: each message would have to change it for
//! every member. So the order is made of a few fields of each chat, and that of people with many
//! chats is kept in memory. What moved in it since then, the table of messages tells, whose numbers
//! only grow.
//!
//! Invariant: a page is as of its snapshot: a kept order holds for the inbox rev that it was made
//! at, and takes in the messages written since before it is used.
//!
//! Called by `chat_verbs`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use rusqlite::params;

use super::chats::{columns, inbox_row};
use super::members;
use super::sql::{Db, count};
use crate::clock::Time;
use crate::error::Result;
use crate::id::UserId;
use crate::model::chats::{InboxRow, is_ahead};
use crate::store::ListPart;
use crate::store::decide::list::Entry;

/// Up to so many chats are put in order whenever they are asked for.
const FEW: usize = 200;
/// At most so many chats in all orders that are kept; orders not used lately make room.
const KEPT: u64 = 500_000;
/// How long an order is kept that nobody uses.
const IDLE: Duration = Duration::from_secs(600);

/// The orders that are kept.
#[derive(Clone)]
pub(super) struct Orders(moka::sync::Cache<UserId, Arc<Order>>);

impl Orders {
    /// None is kept yet.
    pub(super) fn new() -> Self {
        let weight = |_: &UserId, order: &Arc<Order>| order.rows.len() as u32;
        Self(
            moka::sync::Cache::builder()
                .weigher(weight)
                .max_capacity(KEPT)
                .time_to_idle(IDLE)
                .build(),
        )
    }

    /// The order of a user's chats in this snapshot, if one that is kept tells it.
    fn kept(&self, db: &Db<'_>, user: UserId, now: Time) -> Result<Option<Arc<Order>>> {
        let Some(kept) = self.0.get(&user) else { return Ok(None) };
        let (rev, last) = moment(db, user)?;
        if kept.rev != rev || kept.last > last || kept.is_ahead(now) {
            return Ok(None);
        }
        if kept.last == last {
            return Ok(Some(kept));
        }
        let moved = kept.with_news(db, last, now)?.map(Arc::new);
        self.keep(user, moved.as_ref(), now);
        Ok(moved)
    }

    fn keep(&self, user: UserId, order: Option<&Arc<Order>>, now: Time) {
        if let Some(order) = order
            && order.rows.len() > FEW
            && !order.is_ahead(now)
        {
            self.0.insert(user, order.clone());
        }
    }
}

/// Somebody's chats in the order of their list, as of one snapshot.
struct Order {
    /// The user's inbox rev.
    rev: u64,
    /// The number of the latest message in the store.
    last: i64,
    /// When the latest message in these chats was sent.
    newest: Time,
    /// Each chat with its number, sorted by rank.
    rows: Vec<(i64, Entry)>,
}

impl Order {
    /// Reads it anew; `None` if there are more than so many chats.
    fn of(db: &Db<'_>, user: UserId, now: Time, most: Option<usize>) -> Result<Option<Self>> {
        let (rev, last) = moment(db, user)?;
        let limit = most.map_or(-1, |most| most as i64 + 1);
        let rows = db.all(
            "SELECT c.num, c.id, c.kind, m.pinned, h.seq, c.created, h.active_at
             FROM members m CROSS JOIN chats c ON c.num = m.chat
             CROSS JOIN heads h ON h.chat = c.num
             WHERE m.user = ?1 AND m.state = 0 LIMIT ?2",
            params![user, limit],
            |row| {
                let entry = Entry {
                    chat: row.get(1)?,
                    kind: row.get(2)?,
                    pinned: row.get(3)?,
                    head_seq: count(row, 4)?,
                    created: row.get(5)?,
                    active_at: row.get(6)?,
                };
                Ok((row.get(0)?, entry))
            },
        )?;
        if most.is_some_and(|most| rows.len() > most) {
            return Ok(None);
        }
        Ok(Some(Self::sorted(rev, last, rows, now)))
    }

    fn sorted(rev: u64, last: i64, mut rows: Vec<(i64, Entry)>, now: Time) -> Self {
        let newest = rows.iter().map(|(_, entry)| entry.active_at).max().unwrap_or_default();
        rows.sort_by_key(|(_, entry)| entry.rank(now));
        Self { rev, last, newest, rows }
    }

    /// Whether the order may be another one later: a message in it is from the future.
    fn is_ahead(&self, now: Time) -> bool {
        is_ahead(self.newest, now)
    }

    /// The order after what was written since, up to a message; `None` if that is so much that to
    /// read all anew costs no more.
    fn with_news(&self, db: &Db<'_>, last: i64, now: Time) -> Result<Option<Self>> {
        let most = self.rows.len();
        let written: Vec<i64> = db.all(
            "SELECT chat FROM messages WHERE num > ?1 LIMIT ?2",
            params![self.last, most as i64 + 1],
            |row| row.get(0),
        )?;
        if written.len() > most {
            return Ok(None);
        }
        let written: HashSet<i64> = written.into_iter().collect();
        let mut rows = self.rows.clone();
        for (num, entry) in rows.iter_mut().filter(|(num, _)| written.contains(num)) {
            (entry.head_seq, entry.active_at) =
                db.one("SELECT seq, active_at FROM heads WHERE chat = ?1", [*num], |row| {
                    Ok((count(row, 0)?, row.get(1)?))
                })?;
        }
        Ok(Some(Self::sorted(self.rev, last, rows, now)))
    }

    fn part(&self, db: &Db<'_>, user: UserId, part: ListPart) -> Result<Vec<InboxRow>> {
        const ONE: &str = members::select!(
            columns!(),
            "CROSS JOIN chats c ON c.num = m.chat CROSS JOIN heads h ON h.chat = c.num
             WHERE m.chat = ?1 AND m.user = ?2"
        );
        let shown = self.rows.partition_point(|(_, entry)| entry.is_shown());
        let part = self.rows[..shown].iter().skip(part.skip).take(part.limit);
        part.map(|(num, _)| db.one(ONE, params![num, user], inbox_row)).collect()
    }
}

/// What an order is as of: the user's inbox rev and the latest message of all.
fn moment(db: &Db<'_>, user: UserId) -> Result<(u64, i64)> {
    db.one(
        "SELECT coalesce((SELECT rev FROM inboxes WHERE user = ?1), 0),
                coalesce((SELECT max(num) FROM messages), 0)",
        [user],
        |row| Ok((count(row, 0)?, row.get(1)?)),
    )
}

/// A part of a user's list; `None` if the order of many chats is to be read for it.
pub(super) fn at_hand(
    db: &Db<'_>,
    orders: &Orders,
    user: UserId,
    now: Time,
    part: ListPart,
) -> Result<Option<Vec<InboxRow>>> {
    let order = match orders.kept(db, user, now)? {
        Some(kept) => Some(kept),
        None => Order::of(db, user, now, Some(FEW))?.map(Arc::new),
    };
    order.map(|order| order.part(db, user, part)).transpose()
}

/// The same, however many chats there are.
pub(super) fn read(
    db: &Db<'_>,
    orders: &Orders,
    user: UserId,
    now: Time,
    part: ListPart,
) -> Result<Vec<InboxRow>> {
    let order = match orders.kept(db, user, now)? {
        Some(kept) => Some(kept),
        None => Order::of(db, user, now, None)?.map(Arc::new),
    };
    orders.keep(user, order.as_ref(), now);
    order.map_or(Ok(Vec::new()), |order| order.part(db, user, part))
}
