//! Accounts and blocks.
//!
//! What hangs on an account (search terms; at its end also sessions, codes, blocks and files) is
//! changed after the account itself, which is marked unfinished meanwhile; the verb answers when
//! all is done, and upkeep finishes what a crash left.
//!
//! Invariant: a deleted account that is in a group is marked `leaving`. It is marked when it is
//! deleted, and a commit that makes somebody a member writes after the member row: mark the account
//! if it was deleted. So either the one who deletes sees the row, or the commit sees the deletion.
//! The mark is a number that grows, so that who found no group takes away what it has seen alone.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Access, Find, KEYS, Modified, Statement};
use super::reports;
use super::rows::{Row, ToBson, int};
use super::schema::dated;
use super::tables::{LEAVING, Table};
use super::terms;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{FileId, SessionId, UserId};
use crate::model::auth::{FirstProfile, Which};
use crate::model::chats::{ChatKind, MemberState};
use crate::model::contacts::{AddedBy, Card, Strangers};
use crate::model::text::{About, Email, Name, PushToken};
use crate::model::users::{Blocks, Privacy, ProfileChange, Standing, User};
use crate::store::{Move, Moved, Sessions, SignUp, Users};

/// Marks those of these accounts that were deleted: a commit is about to make them members.
pub(super) fn mark_deleted(users: &[UserId]) -> Statement {
    let filter = doc! { "_id": { "$in": users.bson() }, "deleted_at": dated() };
    Statement::new(filter, doc! { "$inc": { LEAVING: 1_i64 } }).multi()
}

/// Which of these accounts were deleted.
pub(super) async fn deleted_of(access: &Access, users: &[UserId]) -> Result<Vec<UserId>> {
    let mut deleted = Vec::new();
    for some in users.chunks(KEYS) {
        let filter = doc! { "_id": { "$in": some.bson() }, "deleted_at": dated() };
        let find = Find::new(Table::Users, filter).fields(doc! { "_id": 1 });
        for row in access.find(find).await? {
            deleted.push(Row(&row).user("_id")?);
        }
    }
    Ok(deleted)
}

fn privacy_document(privacy: Privacy) -> Document {
    doc! {
        "found_by_email": privacy.found_by_email,
        "presence": privacy.presence,
        "receipts": privacy.receipts,
    }
}

/// The document of an account.
pub(super) fn document(user: &User) -> Document {
    let mut document = doc! { "_id": user.id.bson(), "name": user.name.as_str() };
    document.insert("email", address(user));
    document.extend(doc! {
        "about": user.about.as_str(),
        "avatar": user.avatar.bson(),
        "push_token": push_token(user.push_token.as_ref()),
        "privacy": privacy_document(user.privacy),
        "reach": user.reach.bson(),
        "groups": user.groups.bson(),
        "card": user.card.map_or(Bson::Null, card_document),
        "language": user.language.bson(),
        "created_at": user.created.bson(),
        "verified_at": user.verified.bson(),
        "deleted_at": user.deleted.bson(),
    });
    if user.verified.is_none() && user.deleted.is_none() {
        document.insert("unverified", true);
    }
    if user.deleted.is_some() {
        document.insert(LEAVING, 1_i64);
    }
    if user.operator {
        document.insert("operator", true);
    }
    if user.standing != Standing::Fine {
        document.extend(standing_document(&user.standing));
    }
    document
}

/// What an account says of its standing.
pub(super) fn standing_document(standing: &Standing) -> Document {
    match standing {
        Standing::Fine => doc! { "suspended": Bson::Null },
        Standing::Suspended { until, why } => doc! {
            "suspended": true, "suspended_until": until.bson(), "suspended_for": why.as_str(),
        },
    }
}

fn standing(row: Row<'_>) -> Result<Standing> {
    if !row.flag("suspended")? {
        return Ok(Standing::Fine);
    }
    let (until, why) = (row.opt_time("suspended_until")?, row.text("suspended_for")?);
    Ok(Standing::Suspended { until, why })
}

fn card_document(card: Card) -> Bson {
    doc! { "number": i64::from(card.number), "adds": card.adds }.into()
}

fn card(row: Row<'_>) -> Result<Card> {
    Ok(Card { number: row.small("number")?, adds: row.flag("adds")? })
}

fn push_token(token: Option<&PushToken>) -> Bson {
    token.map_or(Bson::Null, |token| token.as_str().into())
}

/// The address, which is unique; of a deleted account, which has none, its id.
fn address(user: &User) -> Bson {
    match user.deleted {
        Some(_) => user.id.bson(),
        None => user.email.as_str().into(),
    }
}

/// Reads an account.
pub(super) fn read(document: &Document) -> Result<User> {
    let row = Row(document);
    let deleted = row.opt_time("deleted_at")?;
    let privacy = row.opt_row("privacy")?.ok_or_else(|| Error::internal("no privacy"))?;
    Ok(User {
        id: row.user("_id")?,
        name: Name::stored(row.text("name")?),
        email: Email::stored(match deleted {
            Some(_) => String::new(),
            None => row.text("email")?,
        }),
        about: About::stored(row.text("about")?),
        avatar: row.opt_id("avatar")?.map(FileId),
        push_token: row.opt_text("push_token")?.map(PushToken::stored),
        privacy: Privacy {
            found_by_email: privacy.flag("found_by_email")?,
            presence: privacy.flag("presence")?,
            receipts: privacy.flag("receipts")?,
        },
        // Documents of older versions have neither.
        reach: row.opt_named("reach")?.unwrap_or_default(),
        groups: row.opt_named("groups")?.unwrap_or_default(),
        card: row.opt_row("card")?.map(card).transpose()?,
        language: row.named("language")?,
        created: row.time("created_at")?,
        verified: row.opt_time("verified_at")?,
        deleted,
        operator: row.flag("operator")?,
        standing: standing(row)?,
    })
}

fn block_key(who: UserId, whom: UserId) -> String {
    format!("{who}/{whom}")
}

/// The document of a block.
pub(super) fn block_document(who: UserId, whom: UserId, since: Time) -> Document {
    doc! {
        "_id": block_key(who, whom),
        "who": who.bson(),
        "whom": whom.bson(),
        "since": since.bson(),
    }
}

/// An account that is not deleted.
pub(super) fn living(user: UserId) -> Document {
    doc! { "_id": user.bson(), "deleted_at": Bson::Null }
}

/// What a sign-up said, as fields of the account and of its code.
pub(super) fn profile_document(profile: &FirstProfile) -> Document {
    doc! {
        "name": profile.name.as_str(),
        "avatar": profile.avatar.bson(),
        "push_token": push_token(profile.push_token.as_ref()),
        "language": profile.language.bson(),
    }
}

impl MongoStore {
    /// An account by id.
    pub(super) async fn account(&self, user: UserId) -> Result<Option<User>> {
        let found = self.access.one(Table::Users, doc! { "_id": user.bson() }).await?;
        found.as_ref().map(read).transpose()
    }

    async fn try_sign_up(&self, new: &User) -> Result<Option<SignUp>> {
        let known = doc! { "email": new.email.as_str() };
        let Some(found) = self.access.one(Table::Users, known).await? else {
            let written = self.access.insert(Table::Users, vec![document(new)]).await?;
            return Ok(written.duplicates.is_empty().then_some(SignUp::Created));
        };
        let found = read(&found)?;
        if found.verified.is_some() {
            return Ok(Some(SignUp::Taken(found)));
        }
        let unverified = doc! { "_id": found.id.bson(), "unverified": true };
        let set = doc! { "created_at": new.created.bson() };
        match self.access.modify(Table::Users, unverified, doc! { "$set": set }, false).await? {
            Modified::Done(renewed) => Ok(Some(SignUp::Renewed(read(&renewed)?))),
            Modified::None | Modified::Duplicate => Ok(None),
        }
    }

    /// Marks an account verified by its first code, makes it what that code's sign-up said, and
    /// sets its search terms. `None` when there is none or it was deleted.
    pub(super) async fn verify(
        &self,
        user: UserId,
        at: Time,
        profile: Option<&FirstProfile>,
        words: &[String],
    ) -> Result<Option<User>> {
        let mut set = terms::in_account(words);
        set.insert("verified_at", at.bson());
        set.extend(profile.map(profile_document).unwrap_or_default());
        let first = doc! { "_id": user.bson(), "unverified": true };
        let update = doc! { "$set": set, "$unset": { "unverified": "" }, "$inc": { "ver": 1_i64 } };
        match self.access.modify(Table::Users, first, update, false).await? {
            Modified::Done(found) => {
                terms::finish(&self.access, user).await?;
                read(&found).map(Some)
            }
            Modified::None | Modified::Duplicate => {
                let found = self.access.one(Table::Users, living(user)).await?;
                found.as_ref().map(read).transpose()
            }
        }
    }

    /// Removes what hangs on an account: sessions, codes, known places, blocks, files, search
    /// terms. Answers which sessions it closed.
    pub(super) async fn strip(&self, user: UserId) -> Result<Vec<SessionId>> {
        let id = user.bson();
        let closed = self.close_sessions(user, Which::All).await?;
        self.access.delete(Table::Codes, doc! { "user": id.clone() }).await?;
        self.access.delete(Table::Places, doc! { "user": id.clone() }).await?;
        let forgotten = reports::forget_maker(user);
        self.access.update(Table::Reports, &[forgotten]).await?;
        let named = doc! { "user": id.clone(), "nick": { "$exists": true } };
        let bare = doc! { "$unset": { "nick": "" } };
        self.access.update(Table::Members, &[Statement::new(named, bare).multi()]).await?;
        self.access.delete(Table::Blocks, doc! { "who": id.clone() }).await?;
        self.access.delete(Table::Blocks, doc! { "whom": id }).await?;
        self.remove_files(user).await?;
        terms::finish(&self.access, user).await?;
        Ok(closed)
    }

    /// Removes an account with this address that somebody asked for and whose code nobody used.
    pub(super) async fn free_address(&self, email: &Email) -> Result<()> {
        let idle = doc! { "email": email.as_str(), "unverified": true };
        if let Some(idle) = self.access.remove(Table::Users, idle).await? {
            self.strip(Row(&idle).user("_id")?).await?;
        }
        Ok(())
    }

    /// Whether a move still fits what is there. Uses up its code.
    async fn is_ready(&self, moving: &Move) -> Result<bool> {
        let id = moving.user.bson();
        let mut as_said = living(moving.user);
        as_said.insert("email", moving.from.as_str());
        if self.access.one(Table::Users, as_said).await?.is_none() {
            return Ok(false);
        }
        if let Some(kept) = moving.keep {
            let kept = doc! { "_id": kept.bson(), "user": id.clone() };
            if self.access.one(Table::Sessions, kept).await?.is_none() {
                return Ok(false);
            }
        }
        let Some(code) = moving.code else { return Ok(true) };
        let code = doc! { "_id": code.bson(), "user": id };
        Ok(self.access.remove(Table::Codes, code).await?.is_some())
    }

    /// Finishes what a crash left of an account's last change.
    pub(super) async fn finish_account(&self, user: &User) -> Result<()> {
        match user.deleted {
            Some(_) => self.strip(user.id).await.map(drop),
            None => terms::finish(&self.access, user.id).await,
        }
    }
}

fn change_document(change: &ProfileChange) -> Document {
    let mut set = Document::new();
    if let Some(name) = &change.name {
        set.insert("name", name.as_str());
    }
    if let Some(about) = &change.about {
        set.insert("about", about.as_str());
    }
    if let Some(avatar) = &change.avatar {
        set.insert("avatar", avatar.bson());
    }
    if let Some(token) = &change.push_token {
        set.insert("push_token", push_token(token.as_ref()));
    }
    if let Some(privacy) = change.privacy {
        set.insert("privacy", privacy_document(privacy));
    }
    if let Some(reach) = change.reach {
        set.insert("reach", reach.bson());
    }
    if let Some(groups) = change.groups {
        set.insert("groups", groups.bson());
    }
    if let Some(card) = change.card {
        set.insert("card", card.map_or(Bson::Null, card_document));
    }
    if let Some(language) = change.language {
        set.insert("language", language.bson());
    }
    set
}

#[async_trait]
impl Users for MongoStore {
    async fn sign_up(&self, user: &User) -> Result<SignUp> {
        for _ in 0..16 {
            if let Some(done) = self.try_sign_up(user).await? {
                return Ok(done);
            }
            // A try whose answer was lost: the account is there under this id.
            if self.account(user.id).await?.as_ref() == Some(user) {
                return Ok(SignUp::Created);
            }
        }
        Err(Error::unavailable("others sign up under the same address all the time"))
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let mut found = std::collections::HashMap::new();
        for some in ids.chunks(KEYS) {
            let find = Find::new(Table::Users, doc! { "_id": { "$in": some.bson() } })
                .fields(doc! { "terms": 0 });
            for document in self.access.find(find).await? {
                let user = read(&document)?;
                found.insert(user.id, user);
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>> {
        let found = self.access.one(Table::Users, doc! { "email": email.as_str() }).await?;
        found.as_ref().map(read).transpose()
    }

    async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
        terms: Option<Vec<String>>,
    ) -> Result<Option<User>> {
        let mut set = change_document(&change);
        if let Some(words) = &terms {
            set.extend(terms::in_account(words));
        }
        let mut update = doc! { "$inc": { "ver": 1_i64 } };
        if !set.is_empty() {
            update.insert("$set", set);
        }
        match self.access.modify(Table::Users, living(user), update, false).await? {
            Modified::Done(found) => {
                if terms.is_some() {
                    terms::finish(&self.access, user).await?;
                }
                read(&found).map(Some)
            }
            Modified::None | Modified::Duplicate => Ok(None),
        }
    }

    /// The sessions close before the address changes, so that a crash between leaves an account
    /// that is only logged out, and again after it, for a login that was under way.
    async fn move_to(&self, moving: &Move) -> Result<Moved> {
        let (user, to) = (moving.user, &moving.to);
        if !self.is_ready(moving).await? {
            return Ok(Moved::Gone);
        }
        let holder = self.user_by_email(to).await?.filter(|holder| holder.id != user);
        if holder.is_some_and(|holder| holder.verified.is_some()) {
            return Ok(Moved::Taken);
        }
        let which = moving.keep.map_or(Which::All, Which::AllBut);
        let mut closed = self.close_sessions(user, which).await?;
        self.free_address(to).await?;
        let mut living = living(user);
        living.insert("email", moving.from.as_str());
        let mut update = doc! { "$set": { "email": to.as_str() }, "$inc": { "ver": 1_i64 } };
        if moving.keep.is_none() {
            update.insert("$unset", doc! { "recovery": "" });
        }
        let moved = match self.access.modify(Table::Users, living, update, false).await? {
            Modified::Done(found) => Moved::Done(read(&found)?, Vec::new()),
            Modified::Duplicate => Moved::Taken,
            Modified::None => Moved::Gone,
        };
        let Moved::Done(account, _) = moved else { return Ok(moved) };
        self.access.delete(Table::Codes, doc! { "user": user.bson() }).await?;
        closed.extend(self.close_sessions(user, which).await?);
        Ok(Moved::Done(account, closed))
    }

    async fn delete_user(&self, user: UserId, at: Time) -> Result<Vec<SessionId>> {
        let Some(found) = self.account(user).await? else { return Ok(Vec::new()) };
        if found.deleted.is_none() {
            let mut set = doc! {
                "name": "", "about": "", "avatar": Bson::Null, "push_token": Bson::Null,
                "privacy": privacy_document(Privacy::default()),
                "reach": Strangers::default().bson(), "groups": AddedBy::default().bson(),
                "card": Bson::Null,
                "language": crate::error::Language::default().bson(),
                "email": user.bson(),
                "deleted_at": at.bson(),
            };
            set.extend(terms::in_account(&[]));
            let update = doc! {
                "$set": set,
                "$unset": {
                    "unverified": "", "alerts": "", "export": "", "recovery": "", "operator": "",
                    "suspended": "",
                },
                "$inc": { "ver": 1_i64, LEAVING: 1_i64 },
            };
            self.access.modify(Table::Users, living(user), update, false).await?;
            self.access.delete(Table::Codes, doc! { "email": found.email.as_str() }).await?;
        }
        self.strip(user).await
    }

    async fn departing(&self, limit: u32) -> Result<Vec<UserId>> {
        let find = Find::new(Table::Users, doc! { LEAVING: { "$gt": 0_i64 } });
        let found = self.access.find(find.limit(limit).fields(doc! { "_id": 1 })).await?;
        found.iter().map(|row| Row(row).user("_id")).collect()
    }

    async fn settle_departed(&self, user: UserId) -> Result<bool> {
        let Some(account) = self.access.one(Table::Users, doc! { "_id": user.bson() }).await?
        else {
            return Ok(true);
        };
        let mark = Row(&account).count(LEAVING)?;
        let mut member = doc! { "user": user.bson(), "state": MemberState::Active.bson() };
        member.insert("kind", ChatKind::Group.bson());
        if self.access.one(Table::Members, member).await?.is_some() {
            return Ok(false);
        }
        let seen = doc! { "_id": user.bson(), LEAVING: int(mark) };
        let unmarked = doc! { "$unset": { LEAVING: "" } };
        Ok(mark == 0 || self.access.set(Table::Users, seen, unmarked).await?)
    }

    async fn block(&self, who: UserId, whom: UserId, at: Time) -> Result<()> {
        let block = block_document(who, whom, at);
        self.access.insert(Table::Blocks, vec![block]).await.map(drop)
    }

    async fn unblock(&self, who: UserId, whom: UserId) -> Result<()> {
        let key = doc! { "_id": block_key(who, whom) };
        self.access.delete(Table::Blocks, key).await.map(drop)
    }

    async fn blocked_by(&self, who: UserId) -> Result<Vec<(UserId, Time)>> {
        let find = Find::new(Table::Blocks, doc! { "who": who.bson() })
            .sort(doc! { "who": 1, "since": -1, "whom": 1 });
        let found = self.access.find(find).await?;
        found.iter().map(|row| Ok((Row(row).user("whom")?, Row(row).time("since")?))).collect()
    }

    async fn blockers(&self, whom: UserId, among: &[UserId]) -> Result<Vec<UserId>> {
        let keys: Vec<_> = among.iter().map(|who| block_key(*who, whom)).collect();
        let filter = doc! { "_id": { "$in": keys } };
        let found = self.access.find(Find::new(Table::Blocks, filter)).await?;
        found.iter().map(|row| Row(row).user("who")).collect()
    }

    async fn blocks_between(&self, first: UserId, second: UserId) -> Result<Blocks> {
        let keys = [block_key(first, second), block_key(second, first)];
        let filter = doc! { "_id": { "$in": keys.to_vec() } };
        let mut blocks = Blocks::default();
        for row in self.access.find(Find::new(Table::Blocks, filter)).await? {
            match Row(&row).user("who")? == first {
                true => blocks.by_first = true,
                false => blocks.by_second = true,
            }
        }
        Ok(blocks)
    }
}
