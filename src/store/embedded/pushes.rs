//! Subscriptions to push services.
//!
//! The schema's triggers take them away with their sessions, whatever deletes those, and mark the
//! member rows of whoever has one: so those of a chat are found by an index of them alone. Called
//! by `archive` and `restore` too.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::chats;
use super::members;
use super::sql::{Db, read_form, stored};
use crate::error::{Error, Result};
use crate::id::{ChatId, UserId};
use crate::model::push::{Kind, Subscription};
use crate::store::forms::push::TargetForm;
use crate::store::{Pushes, Subscribed};

/// Selects subscriptions: the columns of `subscription`.
macro_rules! select {
    () => {
        "SELECT session, kind, user, target FROM pushes"
    };
}
/// A page of subscriptions in the order of an archive.
pub(super) const PAGE: &str =
    concat!(select!(), " WHERE (session, kind) > (?2, ?3) ORDER BY session, kind LIMIT ?4");

/// Reads the columns of `select`.
pub(super) fn subscription(row: &Row<'_>) -> Result<Subscription> {
    let kind = Kind::named(&row.get::<_, String>(1)?);
    let kind = kind.ok_or_else(|| Error::internal("a subscription of an unknown kind"))?;
    let target = read_form::<TargetForm>(row, 3)?.target(kind)?;
    Ok(Subscription { session: row.get(0)?, user: row.get(2)?, target })
}

fn json(subscription: &Subscription) -> Result<String> {
    stored(&TargetForm::from(&subscription.target))
}

/// Writes a subscription, unless the session has one of this kind.
pub(super) fn insert(db: &Db<'_>, subscription: &Subscription) -> Result<()> {
    let Subscription { session, user, target } = subscription;
    db.run(
        "INSERT OR IGNORE INTO pushes(session, kind, user, mark, target)
         VALUES(?1, ?2, ?3, ?4, ?5)",
        params![session, target.kind().name(), user, target.mark(), json(subscription)?],
    )?;
    Ok(())
}

fn put(db: &Db<'_>, subscription: &Subscription) -> Result<bool> {
    let Subscription { session, user, target } = subscription;
    if !db.has("SELECT 1 FROM sessions WHERE id = ?1 AND user = ?2", params![session, user])? {
        return Ok(false);
    }
    let (kind, mark) = (target.kind().name(), target.mark());
    db.run("DELETE FROM pushes WHERE mark = ?1 AND session <> ?2", params![mark, session])?;
    let changed = db.run(
        "UPDATE pushes SET mark = ?3, target = ?4 WHERE session = ?1 AND kind = ?2",
        params![session, kind, mark, json(subscription)?],
    )?;
    if changed == 0 {
        insert(db, subscription)?;
    }
    Ok(true)
}

fn of(db: &Db<'_>, user: UserId) -> Result<Vec<Subscription>> {
    const OF: &str = concat!(select!(), " WHERE user = ?1 ORDER BY session, kind");
    db.each(OF, [user], 1, subscription)
}

fn subscribed(db: &Db<'_>, chat: ChatId, after: Option<UserId>, limit: u32) -> Result<Subscribed> {
    let mut found = Subscribed { people: Vec::new(), next: None };
    let Some((num, ..)) = chats::head(db, chat)? else { return Ok(found) };
    let users: Vec<UserId> = db.all(
        "SELECT user FROM members INDEXED BY members_push
         WHERE chat = ?1 AND push = 1 AND state = 0 AND user > coalesce(?2, x'')
         ORDER BY user LIMIT ?3",
        params![num, after, limit],
        |row| row.get(0),
    )?;
    found.next = users.last().copied().filter(|_| users.len() >= limit as usize);
    for user in users {
        let seat = members::find_active(db, num, chat, user)?;
        let pushes = of(db, user)?;
        found.people.extend(seat.map(|seat| (seat.member, pushes)));
    }
    Ok(found)
}

#[async_trait]
impl Pushes for EmbeddedStore {
    async fn put_push(&self, subscription: &Subscription) -> Result<bool> {
        let subscription = subscription.clone();
        self.write(move |db| put(db, &subscription)).await
    }

    async fn drop_push(&self, subscription: &Subscription) -> Result<bool> {
        let (session, target) = (subscription.session, subscription.target.clone());
        self.write(move |db| {
            let sql = "DELETE FROM pushes WHERE session = ?1 AND kind = ?2 AND mark = ?3";
            let gone = db.run(sql, params![session, target.kind().name(), target.mark()])?;
            Ok(gone > 0)
        })
        .await
    }

    async fn pushes_of(&self, users: &[UserId]) -> Result<Vec<Subscription>> {
        let mut users = users.to_vec();
        users.sort_unstable();
        users.dedup();
        self.read(move |db| {
            let mut found = Vec::new();
            for user in users {
                found.extend(of(db, user)?);
            }
            Ok(found)
        })
        .await
    }

    async fn subscribed(
        &self,
        chat: ChatId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Subscribed> {
        self.read(move |db| subscribed(db, chat, after, limit)).await
    }
}
