//! Invitations to the server.
//!
//! An invitation notes whom it has let in: so it is used up once by an account, also when a crash
//! comes before the account is verified and its sign-up is repeated. Called by `sessions`,
//! `archive` and `restore` too.

use async_trait::async_trait;
use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::access::{Find, Modified};
use super::commit::upserted;
use super::rows::{Row, ToBson};
use super::schema::dated;
use super::tables::Table;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{InvitationId, UserId};
use crate::model::door::{Admission, Invitation};
use crate::store::Invitations;

/// The document of an invitation.
pub(super) fn document(invitation: &Invitation) -> Document {
    doc! {
        "_id": invitation.id.bson(),
        "by": invitation.by.bson(),
        "created_at": invitation.created.bson(),
        "expires_at": invitation.expires.bson(),
        "left": i64::from(invitation.uses.saturating_sub(invitation.used)),
        "used": i64::from(invitation.used),
        "group": invitation.group.as_deref(),
    }
}

/// From its document; an error says which field is broken.
pub(super) fn read(document: &Document) -> Result<Invitation> {
    let row = Row(document);
    let used = row.small("used")?;
    Ok(Invitation {
        id: InvitationId(row.id("_id")?),
        by: row.opt_id("by")?.map(UserId),
        created: row.time("created_at")?,
        expires: row.time("expires_at")?,
        uses: row.small("left")?.saturating_add(used),
        used,
        group: row.opt_text("group")?,
    })
}

impl MongoStore {
    /// Whether there are so many other invitations.
    pub(super) async fn are_others(&self, id: InvitationId, others: u32) -> Result<bool> {
        let there = doc! { "_id": { "$ne": id.bson() } };
        Ok(self.access.count(Table::Invitations, there).await? >= u64::from(others))
    }

    /// Uses an invitation up by one for an account, if it works.
    async fn use_up(
        &self,
        id: InvitationId,
        user: UserId,
        now: Time,
    ) -> Result<Option<Invitation>> {
        let again = doc! { "_id": id.bson(), "users": user.bson() };
        if let Some(found) = self.access.one(Table::Invitations, again).await? {
            return read(&found).map(Some);
        }
        let works = doc! {
            "_id": id.bson(), "expires_at": { "$gt": now.bson() }, "left": { "$gt": 0_i64 },
        };
        let update = doc! {
            "$inc": { "left": -1_i64, "used": 1_i64 }, "$push": { "users": user.bson() },
        };
        match self.access.modify(Table::Invitations, works, update, false).await? {
            Modified::Done(found) => read(&found).map(Some),
            Modified::None | Modified::Duplicate => Ok(None),
        }
    }

    /// Whether this account is the first of all. Of several at once, one is.
    async fn is_first(&self, user: UserId) -> Result<bool> {
        if self.anybody().await? {
            return Ok(false);
        }
        let claim = doc! { "$setOnInsert": { "user": user.bson() } };
        let found = upserted(&self.access, Table::State, doc! { "_id": "first" }, claim).await?;
        Ok(Row(&found).user("user")? == user)
    }

    /// Lets a new account in, or not (`None`), and says by which invitation, which is used up.
    pub(super) async fn admit(
        &self,
        user: UserId,
        admission: Admission,
        invitation: Option<InvitationId>,
        now: Time,
    ) -> Result<Option<Option<Invitation>>> {
        let used = match invitation.filter(|_| admission != Admission::Nobody) {
            Some(id) => self.use_up(id, user, now).await?,
            None => None,
        };
        let is_in =
            used.is_some() || admission == Admission::Anybody || self.is_first(user).await?;
        Ok(is_in.then_some(used))
    }
}

#[async_trait]
impl Invitations for MongoStore {
    async fn anybody(&self) -> Result<bool> {
        let find = Find::new(Table::Users, doc! { "verified_at": dated() })
            .sort(doc! { "_id": 1 })
            .fields(doc! { "_id": 1 });
        Ok(self.access.first(find).await?.is_some())
    }

    async fn put_invitation(&self, invitation: &Invitation, others: u32) -> Result<bool> {
        if self.are_others(invitation.id, others).await? {
            return Ok(false);
        }
        self.access.insert(Table::Invitations, vec![document(invitation)]).await?;
        Ok(true)
    }

    async fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>> {
        let found = self.access.one(Table::Invitations, doc! { "_id": id.bson() }).await?;
        found.as_ref().map(read).transpose()
    }

    async fn invitations(&self) -> Result<Vec<Invitation>> {
        let find = Find::new(Table::Invitations, Document::new())
            .sort(doc! { "created_at": -1, "_id": 1 });
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn remove_invitation(&self, id: InvitationId) -> Result<bool> {
        Ok(self.access.delete(Table::Invitations, doc! { "_id": id.bson() }).await? > 0)
    }
}
