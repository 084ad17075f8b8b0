//! Invitations to the server.
//!
//! Called by `sessions`, `archive` and `restore` too.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::sql::{Db, count};
use crate::clock::Time;
use crate::error::Result;
use crate::id::InvitationId;
use crate::model::door::{Admission, Invitation};
use crate::store::Invitations;

macro_rules! columns {
    () => {
        "id, by, created, expires, uses, used, in_group"
    };
}

/// A page of invitations in the order of an archive.
pub(super) const PAGE: &str =
    concat!("SELECT ", columns!(), " FROM invitations WHERE id > ?2 ORDER BY id LIMIT ?4");

/// Reads the columns of an invitation.
pub(super) fn read(row: &Row<'_>) -> rusqlite::Result<Invitation> {
    Ok(Invitation {
        id: row.get(0)?,
        by: row.get(1)?,
        created: row.get(2)?,
        expires: row.get(3)?,
        uses: row.get(4)?,
        used: row.get(5)?,
        group: row.get(6)?,
    })
}

/// Writes an invitation, unless it is there.
pub(super) fn insert(db: &Db<'_>, invitation: &Invitation) -> Result<()> {
    let Invitation { id, by, created, expires, uses, used, group } = invitation;
    db.run(
        concat!(
            "INSERT OR IGNORE INTO invitations(",
            columns!(),
            ") VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)"
        ),
        params![id, by, created, expires, uses, used, group],
    )
    .map(drop)
}

/// Puts an invitation, unless there are so many others; whether it is there.
pub(super) fn put(db: &Db<'_>, invitation: &Invitation, others: u32) -> Result<bool> {
    let there = "SELECT count(*) FROM invitations WHERE id <> ?1";
    if db.one(there, [invitation.id], |row| count(row, 0))? >= u64::from(others) {
        return Ok(false);
    }
    insert(db, invitation)?;
    Ok(true)
}

/// Removes an invitation; whether it was there.
pub(super) fn remove(db: &Db<'_>, id: InvitationId) -> Result<bool> {
    Ok(db.run("DELETE FROM invitations WHERE id = ?1", [id])? > 0)
}

fn anybody(db: &Db<'_>) -> Result<bool> {
    db.has("SELECT 1 FROM users WHERE verified IS NOT NULL LIMIT 1", [])
}

/// Uses an invitation up by one, if it works.
fn use_up(db: &Db<'_>, id: InvitationId, now: Time) -> Result<Option<Invitation>> {
    db.first(
        concat!(
            "UPDATE invitations SET used = used + 1
             WHERE id = ?1 AND used < uses AND expires > ?2 RETURNING ",
            columns!()
        ),
        params![id, now],
        read,
    )
}

/// Lets a new account in, or not (`None`), and says by which invitation, which is used up.
pub(super) fn admit(
    db: &Db<'_>,
    admission: Admission,
    invitation: Option<InvitationId>,
    now: Time,
) -> Result<Option<Option<Invitation>>> {
    let invitation = invitation.filter(|_| admission != Admission::Nobody);
    let used = invitation.map_or(Ok(None), |id| use_up(db, id, now))?;
    let is_in = used.is_some() || admission == Admission::Anybody || !anybody(db)?;
    Ok(is_in.then_some(used))
}

#[async_trait]
impl Invitations for EmbeddedStore {
    async fn anybody(&self) -> Result<bool> {
        self.read(anybody).await
    }

    async fn put_invitation(&self, invitation: &Invitation, others: u32) -> Result<bool> {
        let invitation = invitation.clone();
        self.write(move |db| put(db, &invitation, others)).await
    }

    async fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>> {
        const SQL: &str = concat!("SELECT ", columns!(), " FROM invitations WHERE id = ?1");
        self.read(move |db| db.first(SQL, [id], read)).await
    }

    async fn invitations(&self) -> Result<Vec<Invitation>> {
        const SQL: &str =
            concat!("SELECT ", columns!(), " FROM invitations ORDER BY created DESC, id");
        self.read(|db| db.all(SQL, [], read)).await
    }

    async fn remove_invitation(&self, id: InvitationId) -> Result<bool> {
        self.write(move |db| remove(db, id)).await
    }
}
