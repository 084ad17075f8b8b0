//! What operators do.
//!
//! The row is written first, as one that is not done; then the act, each write of which may be
//! repeated; then the row is done. A repeat that comes late, after another act about the same
//! person, changes nothing: accounts note the latest row that changed them. Called by `archive` and
//! `restore` too.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, Modified};
use super::rows::{Row, ToBson, read_form, stored};
use super::schema::dated;
use super::tables::Table;
use super::{chats, door, users};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{AuditId, ChatId, UserId};
use crate::model::auth::Which;
use crate::model::chats::Chat;
use crate::model::door::INVITATIONS;
use crate::model::operators::{Act, Audit, Figures, Folk};
use crate::model::users::{Standing, User};
use crate::store::forms::audit::ActForm;
use crate::store::{Acted, Invitations, Operators, Reports, Sessions, Users};

/// The latest row that changed an account.
const ACTED: &str = "acted";

/// The document of a row.
pub(super) fn document(audit: &Audit) -> Result<Document> {
    let mut document = doc! {
        "_id": audit.id.bson(),
        "at": audit.at.bson(),
        "by": audit.by.bson(),
        "act": stored(&ActForm::from(&audit.act))?,
    };
    if !audit.done {
        document.insert("begun", true);
    }
    Ok(document)
}

/// From its document; an error says which field is broken.
pub(super) fn read(document: &Document) -> Result<Audit> {
    let row = Row(document);
    let act = row.opt_row("act")?.ok_or_else(|| Error::internal("an act that says nothing"))?;
    Ok(Audit {
        id: AuditId(row.id("_id")?),
        at: row.time("at")?,
        by: row.opt_id("by")?.map(UserId),
        act: read_form::<ActForm>(act.0)?.act()?,
        done: !row.flag("begun")?,
    })
}

impl MongoStore {
    /// Whether an act can be done at all, before anything is written.
    async fn refusal(&self, act: &Act) -> Result<Option<Acted>> {
        let is_there = match act {
            Act::DeleteGroup { chat } => {
                self.access.one(Table::Groups, doc! { "_id": chat.bson() }).await?.is_some()
            }
            Act::Invite(made) => {
                let is_full = self.are_others(made.id, INVITATIONS).await?;
                return Ok(is_full.then_some(Acted::Full));
            }
            Act::EndInvitation { id } => self.invitation(*id).await?.is_some(),
            Act::TakeReport { report, version } | Act::AnswerReport { report, version, .. } => {
                let found = self.report(*report).await?;
                let overtaken = found.as_ref().is_some_and(|found| found.version != *version);
                return Ok(match found {
                    None => Some(Acted::Missing),
                    Some(_) => overtaken.then_some(Acted::Taken),
                });
            }
            of_person => match of_person.user() {
                Some(user) => match self.living_account(user).await? {
                    Some(user) => return self.refusal_of(act, &user).await,
                    None => false,
                },
                None => false,
            },
        };
        Ok((!is_there).then_some(Acted::Missing))
    }

    async fn living_account(&self, user: UserId) -> Result<Option<User>> {
        Ok(self.account(user).await?.filter(|user| user.deleted.is_none()))
    }

    async fn refusal_of(&self, act: &Act, user: &User) -> Result<Option<Acted>> {
        let is_taken = match act {
            Act::TakeRole { .. } if !user.operator => {
                !self.folk(Folk::Operators, None, 1).await?.is_empty()
            }
            Act::Move { to, .. } => {
                let other = self.user_by_email(to).await?.filter(|other| other.id != user.id);
                other.is_some_and(|other| other.verified.is_some())
            }
            _ => false,
        };
        Ok(is_taken.then_some(Acted::Taken))
    }

    /// Changes an account. A repeat changes nothing once a later act has.
    async fn mark(
        &self,
        (audit, is_repeat): (AuditId, bool),
        user: UserId,
        set: Document,
    ) -> Result<Modified> {
        let mut set = set;
        set.insert(ACTED, audit.bson());
        let mut living = users::living(user);
        if is_repeat {
            let no_later =
                [doc! { ACTED: { "$exists": false } }, doc! { ACTED: { "$lte": audit.bson() } }];
            living.insert("$or", no_later.to_vec());
        }
        // With another address, recovery codes go in the same write.
        let gone = set.contains_key("email").then(|| doc! { "$unset": { "recovery": "" } });
        let mut update = doc! { "$set": set, "$inc": { "ver": 1_i64 } };
        update.extend(gone.unwrap_or_default());
        self.access.modify(Table::Users, living, update, false).await
    }

    /// Does what a row says; may be repeated.
    async fn carry_out(&self, audit: &Audit, is_repeat: bool) -> Result<Acted> {
        let row = (audit.id, is_repeat);
        let done = Acted::Done(Vec::new());
        match &audit.act {
            Act::DeleteGroup { .. } => return Ok(Acted::Begun),
            Act::Invite(made) => {
                self.access.insert(Table::Invitations, vec![door::document(made)]).await?;
            }
            Act::EndInvitation { id } => {
                self.remove_invitation(*id).await?;
            }
            Act::Suspend { user, until, why } => {
                let standing = Standing::Suspended { until: *until, why: why.clone() };
                let marked = self.mark(row, *user, users::standing_document(&standing)).await?;
                // A later act has let them in again, and they are.
                if !matches!(marked, Modified::Done(_)) {
                    return Ok(done);
                }
                return self.close_sessions(*user, Which::All).await.map(Acted::Done);
            }
            Act::Restore { user } => {
                let fine = users::standing_document(&Standing::Fine);
                self.mark(row, *user, fine).await?;
            }
            Act::Delete { user } => {
                return self.delete_user(*user, audit.at).await.map(Acted::Done);
            }
            Act::LogOut { user } => {
                return self.close_sessions(*user, Which::All).await.map(Acted::Done);
            }
            Act::TakeRole { user } => {
                if let Some(account) = self.living_account(*user).await?
                    && let Some(taken) = self.refusal_of(&audit.act, &account).await?
                {
                    return Ok(taken);
                }
                self.mark(row, *user, doc! { "operator": true }).await?;
            }
            Act::Appoint { user } => {
                self.mark(row, *user, doc! { "operator": true }).await?;
            }
            Act::Dismiss { user } => {
                self.mark(row, *user, doc! { "operator": Bson::Null }).await?;
            }
            Act::Move { user, to } => return self.move_address(row, *user, to).await,
            Act::TakeReport { .. } | Act::AnswerReport { .. } => return self.step_of(audit).await,
        }
        Ok(done)
    }

    async fn move_address(
        &self,
        row: (AuditId, bool),
        user: UserId,
        to: &crate::model::text::Email,
    ) -> Result<Acted> {
        self.free_address(to).await?;
        match self.mark(row, user, doc! { "email": to.as_str() }).await? {
            Modified::Duplicate => Ok(Acted::Taken),
            Modified::Done(_) | Modified::None => {
                self.access.delete(Table::Codes, doc! { "user": user.bson() }).await?;
                Ok(Acted::Done(Vec::new()))
            }
        }
    }

    /// A step of a report, unless another was faster.
    async fn step_of(&self, audit: &Audit) -> Result<Acted> {
        let Some((id, version, state)) = audit.report_step() else { return Ok(Acted::Missing) };
        let found = self.report(id).await?;
        let is_done = found.is_some_and(|found| found.state == state);
        if !is_done && self.step_report(id, version, state).await?.is_none() {
            return Ok(Acted::Taken);
        }
        Ok(Acted::Done(Vec::new()))
    }

    async fn all_but(&self, table: Table, gone: Document) -> Result<u64> {
        let all = self.access.estimate(table).await?;
        Ok(all.saturating_sub(self.access.count(table, gone).await?))
    }
}

#[async_trait]
impl Operators for MongoStore {
    async fn act(&self, audit: &Audit) -> Result<Acted> {
        let key = doc! { "_id": audit.id.bson() };
        let is_known = self.access.one(Table::Audits, key.clone()).await?.is_some();
        if !is_known {
            if let Some(refused) = self.refusal(&audit.act).await? {
                return Ok(refused);
            }
            let begun = Audit { done: false, ..audit.clone() };
            self.access.insert(Table::Audits, vec![document(&begun)?]).await?;
        }
        let acted = self.carry_out(audit, is_known).await?;
        match acted {
            Acted::Done(_) => self.finish_act(audit.id).await?,
            // Somebody was faster: it is as if it had been refused.
            Acted::Taken => drop(self.access.delete(Table::Audits, key).await?),
            Acted::Begun | Acted::Missing | Acted::Full => {}
        }
        Ok(acted)
    }

    async fn finish_act(&self, id: AuditId) -> Result<()> {
        let done = doc! { "$unset": { "begun": "" } };
        self.access.set(Table::Audits, doc! { "_id": id.bson() }, done).await.map(drop)
    }

    async fn begun_acts(&self, limit: u32) -> Result<Vec<Audit>> {
        let find = Find::new(Table::Audits, doc! { "begun": true })
            .sort(doc! { "begun": 1, "_id": 1 })
            .limit(limit);
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn audits(&self, before: Option<AuditId>, limit: u32) -> Result<Vec<Audit>> {
        let filter = before.map_or_else(Document::new, |id| doc! { "_id": { "$lt": id.bson() } });
        let find = Find::new(Table::Audits, filter).sort(doc! { "_id": -1 }).limit(limit);
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn sweep_audits(&self, before: Time) -> Result<bool> {
        self.sweep_due(Table::Audits, "at", doc! { "$lt": before.bson() }).await
    }

    async fn folk(&self, which: Folk, after: Option<UserId>, limit: u32) -> Result<Vec<User>> {
        let (mut filter, sort) = match which {
            Folk::All => (doc! { "verified_at": dated() }, doc! { "_id": 1 }),
            Folk::Suspended => (doc! { "suspended": true }, doc! { "suspended": 1, "_id": 1 }),
            Folk::Operators => (doc! { "operator": true }, doc! { "operator": 1, "_id": 1 }),
        };
        if let Some(after) = after {
            filter.insert("_id", doc! { "$gt": after.bson() });
        }
        let find = Find::new(Table::Users, filter).sort(sort).limit(limit);
        self.access.find(find.fields(doc! { "terms": 0 })).await?.iter().map(users::read).collect()
    }

    async fn all_groups(&self, after: Option<ChatId>, limit: u32) -> Result<Vec<Chat>> {
        let filter = after.map_or_else(Document::new, |id| doc! { "_id": { "$gt": id.bson() } });
        let find = Find::new(Table::Groups, filter).sort(doc! { "_id": 1 }).limit(limit);
        self.access.find(find).await?.iter().map(chats::read).collect()
    }

    async fn figures(&self) -> Result<Figures> {
        let unverified = doc! { "unverified": true, "created_at": dated() };
        let unverified = self.access.count(Table::Users, unverified).await?;
        let deleted = doc! { "deleted_at": dated() };
        let people = self.all_but(Table::Users, deleted.clone()).await?;
        let logs = [Table::PrivateLog, Table::GroupLog];
        let mut messages = 0;
        for log in logs {
            messages += self.access.estimate(log).await?;
        }
        let owned = doc! { "owner": { "$gt": Bson::MinKey } };
        Ok(Figures {
            people: people.saturating_sub(unverified),
            groups: self.all_but(Table::Groups, deleted).await?,
            messages,
            file_bytes: self.access.sum(Table::Files, owned, "size").await?,
        })
    }
}
