//! Files, where they stand, and which objects are needed.
//!
//! Where a file is used is told by what uses it: messages by `attachments.file`, people and groups
//! by `avatar`; an index on each holds the documents with a file alone. A message whose commit has
//! yet to be written is found by its chat's `attaching`, which names the files of that commit:
//! whoever asks for a file's uses has those chats written first, then looks into the logs.
//!
//! How a file goes, without a transaction: its row is marked `gone`, under the condition that it is
//! still kept until when it was seen to be, and is no file to anybody from then on; then its
//! objects are noted as loose; then the row is removed. `drop_unused` finishes what a crash left.
//!
//! A claim is one document too: it names the node and the time. Another node takes it over when
//! `LEASE` has passed, since whoever claimed is dead by then or has given up.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::{Bson, DateTime, Document, doc};

use super::MongoStore;
use super::access::{Find, KEYS, Statement};
use super::chat_verbs::AT_ONCE;
use super::commit::chat_by_id;
use super::rows::{Row, ToBson, int, read_form, stored};
use super::tables::Table;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ChatId, FileId, ObjectId, UserId};
use crate::model::chats::MemberState;
use crate::model::files::{Digest, File, FileView, Rendition};
use crate::model::messages::TextContent;
use crate::store::forms::file::FactsForm;
use crate::store::{FilePut, Files};

/// At most this many rows are removed at a time.
const REMOVED: u32 = 500;
/// In so many messages a file is looked for; one that stands in more is looked for in the viewer's
/// own chats.
const PLACES: u32 = 16;
/// At most this many groups with one picture are looked at.
const GROUPS: u32 = 64;
/// A claim that is older is that of a node that died.
const LEASE: Duration = Duration::from_secs(10 * 60);

fn broken(what: &str) -> Error {
    Error::internal(format!("a file's {what} cannot be read"))
}

fn digest(row: Row<'_>) -> Result<Digest> {
    row.text("digest")?.parse().map_err(|_| broken("digest"))
}

fn rendition_document(picture: &Rendition) -> Document {
    doc! {
        "digest": picture.digest.to_string(),
        "size": int(picture.size),
        "type": picture.media_type.as_str(),
    }
}

fn read_rendition(row: Row<'_>) -> Result<Rendition> {
    Ok(Rendition { digest: digest(row)?, size: row.count("size")?, media_type: row.text("type")? })
}

/// The document of a file.
pub(super) fn document(file: &File) -> Result<Document> {
    let mut document = doc! { "_id": file.id.bson(), "owner": file.owner.bson() };
    document.extend(stored(&FactsForm::from(&file.facts))?);
    document.insert("digest", file.digest.to_string());
    for (name, picture) in [("small", &file.small), ("large", &file.large)] {
        if let Some(picture) = picture {
            document.insert(name, rendition_document(picture));
        }
    }
    document.insert("created_at", file.created.bson());
    if let Some(until) = file.kept_until {
        document.insert("kept_until", until.bson());
    }
    Ok(document)
}

/// Reads a file.
pub(super) fn read(document: &Document) -> Result<File> {
    let row = Row(document);
    let small = row.opt_row("small")?.map(read_rendition).transpose()?;
    let large = row.opt_row("large")?.map(read_rendition).transpose()?;
    Ok(File {
        id: FileId(row.id("_id")?),
        owner: row.user("owner")?,
        facts: read_form::<FactsForm>(document)?.facts(small.is_some(), large.is_some())?,
        digest: digest(row)?,
        small,
        large,
        created: row.time("created_at")?,
        kept_until: row.opt_time("kept_until")?,
    })
}

/// The document of a loose object that nobody claims.
pub(super) fn loose_document(digest: Digest) -> Document {
    doc! { "_id": digest.to_string() }
}

/// What is no file any more: the mark of a row that is being removed.
fn not_gone() -> Bson {
    doc! { "$exists": false }.into()
}

/// Has the files of a message that is deleted looked at again, once that is written.
pub(super) fn freed(text: &TextContent, at: Time) -> Option<Statement> {
    let ids: Vec<Bson> = text.attachments.iter().map(|one| one.file.bson()).collect();
    let update = doc! { "$max": { "kept_until": at.bson() } };
    let files = doc! { "_id": { "$in": ids.clone() } };
    (!ids.is_empty()).then(|| Statement::new(files, update).multi())
}

impl MongoStore {
    async fn file(&self, id: FileId) -> Result<Option<File>> {
        let row = doc! { "_id": id.bson(), "gone": not_gone() };
        self.access.one(Table::Files, row).await?.as_ref().map(read).transpose()
    }

    async fn files_of(&self, ids: &[FileId]) -> Result<Vec<File>> {
        let mut found = HashMap::new();
        for some in ids.chunks(KEYS) {
            let filter = doc! { "_id": { "$in": some.bson() }, "gone": not_gone() };
            for document in self.access.find(Find::new(Table::Files, filter)).await? {
                let file = read(&document)?;
                found.insert(file.id, file);
            }
        }
        Ok(ids.iter().filter_map(|id| found.get(id).cloned()).collect())
    }

    async fn may_own(&self, owner: UserId) -> Result<bool> {
        Ok(self.account(owner).await?.is_some_and(|user| user.deleted.is_none()))
    }

    /// Has everything written that commits still have to write of messages with a file.
    async fn settle(&self, file: FileId) -> Result<()> {
        for table in [Table::Groups, Table::Directs] {
            let find =
                Find::new(table, doc! { "attaching": file.bson() }).fields(doc! { "_id": 1 });
            for chat in self.access.find(find).await? {
                self.commits.ground(Row(&chat).chat("_id")?).await?;
            }
        }
        Ok(())
    }

    /// The chats of some messages with a file.
    async fn places(&self, file: FileId, limit: u32) -> Result<Vec<ChatId>> {
        let mut chats = Vec::new();
        for log in [Table::GroupLog, Table::PrivateLog] {
            let find = Find::new(log, doc! { "attachments.file": file.bson() });
            for row in self.access.find(find.fields(doc! { "target_id": 1 }).limit(limit)).await? {
                chats.push(Row(&row).chat("target_id")?);
            }
        }
        Ok(chats)
    }

    /// Which of a viewer's own chats have messages with a file.
    async fn own_places(&self, file: FileId, viewer: UserId) -> Result<Vec<ChatId>> {
        let filter = doc! { "user": viewer.bson(), "state": MemberState::Active.bson() };
        let seats = Find::new(Table::Members, filter).fields(doc! { "chat": 1 });
        let seats = self.access.find(seats).await?;
        let own: Vec<Bson> = seats.iter().filter_map(|row| row.get("chat").cloned()).collect();
        let mut chats = Vec::new();
        for some in own.chunks(KEYS) {
            for log in [Table::GroupLog, Table::PrivateLog] {
                let among = doc! { "$in": some.to_vec() };
                let filter = doc! { "attachments.file": file.bson(), "target_id": among };
                let found = self.access.distinct(log, "target_id", filter).await?;
                let ids = found.iter().filter_map(Bson::as_object_id);
                chats.extend(ids.map(|id| ChatId(ObjectId(id.bytes()))));
            }
        }
        Ok(chats)
    }

    /// Chats that may show a file to a viewer.
    async fn chats_with(&self, file: FileId, viewer: UserId) -> Result<Vec<ChatId>> {
        self.settle(file).await?;
        let mut chats = self.places(file, PLACES).await?;
        if chats.len() >= PLACES as usize {
            chats = self.own_places(file, viewer).await?;
        }
        chats.sort_unstable();
        chats.dedup();
        Ok(chats)
    }

    async fn is_in_sight(&self, file: FileId, viewer: UserId) -> Result<bool> {
        let chats = self.chats_with(file, viewer).await?;
        let looks: Vec<_> = chats.into_iter().map(|chat| self.shows(chat, viewer, file)).collect();
        let mut shown = stream::iter(looks).buffer_unordered(AT_ONCE);
        while let Some(shown) = shown.try_next().await? {
            if shown {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_of_group(&self, file: FileId, viewer: UserId) -> Result<bool> {
        let find =
            chat_by_id(Table::Groups, doc! { "avatar": file.bson(), "deleted_at": Bson::Null });
        for document in self.access.find(find.limit(GROUPS)).await? {
            let chat = self.commits.settled(&document).await?.chat;
            if chat.public {
                return Ok(true);
            }
            let view = self.view(chat.id, viewer).await?;
            if view.is_some_and(|view| view.ground.chat.avatar == Some(file)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn is_used(&self, file: FileId) -> Result<bool> {
        self.settle(file).await?;
        if !self.places(file, 1).await?.is_empty() {
            return Ok(true);
        }
        for table in [Table::Users, Table::Groups] {
            let find = Find::new(table, doc! { "avatar": file.bson() }).fields(doc! { "_id": 1 });
            if self.access.first(find).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Looks at a file whose time is over, as its row was read.
    async fn drop_if_unused(&self, row: &Document) -> Result<()> {
        let file = read(row)?;
        if Row(row).flag("gone")? {
            return self.finish_removal(&file).await;
        }
        let as_seen = doc! {
            "_id": file.id.bson(), "kept_until": file.kept_until.bson(), "gone": not_gone(),
        };
        if self.is_used(file.id).await? {
            let rests = doc! { "$unset": { "kept_until": "" } };
            return self.access.set(Table::Files, as_seen, rests).await.map(drop);
        }
        let gone = doc! { "$set": { "gone": true } };
        if self.access.set(Table::Files, as_seen, gone).await? {
            self.finish_removal(&file).await?;
        }
        Ok(())
    }

    /// Notes the objects of a row that is marked gone, then removes it.
    async fn finish_removal(&self, file: &File) -> Result<()> {
        // One that is noted already stays as it is, claimed or not.
        let loose = file.digests().map(loose_document).collect();
        self.access.insert(Table::LooseObjects, loose).await?;
        self.access.delete(Table::Files, doc! { "_id": file.id.bson(), "gone": true }).await?;
        Ok(())
    }

    async fn finish_removals(&self, filter: Document) -> Result<()> {
        loop {
            let find = Find::new(Table::Files, filter.clone()).limit(REMOVED);
            let found = self.access.find(find).await?;
            for row in &found {
                self.finish_removal(&read(row)?).await?;
            }
            if found.len() < REMOVED as usize {
                return Ok(());
            }
        }
    }

    /// Removes the rows that a crash left marked gone.
    pub(super) async fn finish_all_removals(&self) -> Result<()> {
        let gone = doc! { "kept_until": { "$exists": true }, "gone": true };
        self.finish_removals(gone).await
    }

    /// Removes all files of a user, used or not. They are due at once, should a crash come.
    pub(super) async fn remove_files(&self, owner: UserId) -> Result<()> {
        let of_owner = doc! { "owner": owner.bson() };
        let gone = doc! { "$set": { "gone": true, "kept_until": DateTime::from_millis(0) } };
        let all = Statement::new(of_owner.clone(), gone).multi();
        self.access.update(Table::Files, &[all]).await?;
        self.finish_removals(doc! { "owner": owner.bson(), "gone": true }).await
    }

    /// Has the files of these people looked at again.
    pub(super) async fn look_at_files(&self, owners: &[Bson], at: Time) -> Result<()> {
        let due = doc! { "$max": { "kept_until": at.bson() } };
        let files = doc! { "owner": { "$in": owners.to_vec() } };
        self.access.update(Table::Files, &[Statement::new(files, due).multi()]).await.map(drop)
    }

    async fn is_needed(&self, digest: Digest) -> Result<bool> {
        let digest = digest.to_string();
        for field in ["digest", "small.digest", "large.digest"] {
            let find = Find::new(Table::Files, doc! { field: digest.as_str(), "gone": not_gone() });
            if self.access.first(find.fields(doc! { "_id": 1 })).await?.is_some() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

#[async_trait]
impl Files for MongoStore {
    async fn put_file(&self, file: &File, quota: u64) -> Result<FilePut> {
        if !self.may_own(file.owner).await? {
            return Ok(FilePut::NoOwner);
        }
        if self.file(file.id).await?.is_some() {
            return Ok(FilePut::Done);
        }
        let used = self.used_bytes(file.owner).await?;
        if used.saturating_add(file.facts.size) > quota {
            return Ok(FilePut::Full(used));
        }
        let written = self.access.insert(Table::Files, vec![document(file)?]).await?;
        if !written.duplicates.is_empty() && self.file(file.id).await?.is_none() {
            return Err(Error::unavailable("a file of this id is being removed"));
        }
        // Either the end of the account saw this row, or it is seen here.
        if self.may_own(file.owner).await? {
            return Ok(FilePut::Done);
        }
        self.remove_files(file.owner).await?;
        Ok(FilePut::NoOwner)
    }

    async fn files(&self, ids: &[FileId]) -> Result<Vec<File>> {
        self.files_of(ids).await
    }

    async fn file_view(&self, file: FileId, viewer: UserId) -> Result<Option<FileView>> {
        let Some(found) = self.file(file).await? else { return Ok(None) };
        let (in_sight, of_group, owner) = tokio::try_join!(
            self.is_in_sight(file, viewer),
            self.is_of_group(file, viewer),
            self.account(found.owner),
        )?;
        let of_user = owner.is_some_and(|user| user.is_visible() && user.avatar == Some(file));
        Ok(Some(FileView { file: found, in_sight, of_user, of_group }))
    }

    async fn used_bytes(&self, owner: UserId) -> Result<u64> {
        self.access.sum(Table::Files, doc! { "owner": owner.bson() }, "size").await
    }

    async fn keep_files(&self, ids: &[FileId], until: Time) -> Result<Vec<File>> {
        let keep = doc! { "$max": { "kept_until": until.bson() } };
        for some in ids.chunks(KEYS) {
            let filter = doc! { "_id": { "$in": some.bson() }, "gone": not_gone() };
            let keep = Statement::new(filter, keep.clone()).multi();
            self.access.update(Table::Files, &[keep]).await?;
        }
        self.files_of(ids).await
    }

    async fn release_file(&self, id: FileId, at: Time) -> Result<()> {
        let filter = doc! { "_id": id.bson(), "gone": not_gone() };
        let release = Statement::new(filter, doc! { "$set": { "kept_until": at.bson() } });
        self.access.update(Table::Files, &[release]).await.map(drop)
    }

    async fn drop_unused(&self, now: Time, limit: u32) -> Result<bool> {
        let find = Find::new(Table::Files, doc! { "kept_until": { "$lte": now.bson() } })
            .sort(doc! { "kept_until": 1 })
            .limit(limit);
        let due = self.access.find(find).await?;
        let looks: Vec<_> = due.iter().map(|row| self.drop_if_unused(row)).collect();
        let mut looks = stream::iter(looks).buffer_unordered(AT_ONCE);
        while looks.try_next().await?.is_some() {}
        Ok(due.len() >= limit as usize)
    }

    async fn loose_objects(&self, after: Option<Digest>, limit: u32) -> Result<Vec<Digest>> {
        let after = after.map_or_else(String::new, |after| after.to_string());
        let find = Find::new(Table::LooseObjects, doc! { "_id": { "$gt": after } })
            .sort(doc! { "_id": 1 })
            .limit(limit);
        let found = self.access.find(find).await?;
        found.iter().map(read_loose).collect()
    }

    async fn claim_object(&self, digest: Digest) -> Result<bool> {
        let (id, me, now) = (digest.to_string(), self.commits.node().bson(), DateTime::now());
        let old = DateTime::from_millis(now.timestamp_millis() - LEASE.as_millis() as i64);
        let free = doc! { "_id": id.as_str(), "$or": [
            { "claimed_by": { "$exists": false } },
            { "claimed_by": me.clone() },
            { "claimed_at": { "$lt": old } },
        ] };
        let claim = doc! { "$set": { "claimed_by": me.clone(), "claimed_at": now } };
        if !self.access.set(Table::LooseObjects, free, claim).await? {
            return Ok(false);
        }
        // Whoever puts a row from now on sees the claim; who put one before is seen here.
        if !self.is_needed(digest).await? {
            return Ok(true);
        }
        self.access.delete(Table::LooseObjects, doc! { "_id": id, "claimed_by": me }).await?;
        Ok(false)
    }

    async fn is_claimed(&self, digests: &[Digest]) -> Result<bool> {
        let ids: Vec<Bson> = digests.iter().map(|digest| digest.to_string().into()).collect();
        let claimed = doc! { "_id": { "$in": ids }, "claimed_by": { "$exists": true } };
        Ok(self.access.one(Table::LooseObjects, claimed).await?.is_some())
    }

    async fn forget_object(&self, digest: Digest) -> Result<()> {
        // The claim of a node that took this one over is that node's to end.
        let mine = doc! { "_id": digest.to_string(), "$or": [
            { "claimed_by": { "$exists": false } },
            { "claimed_by": self.commits.node().bson() },
        ] };
        self.access.delete(Table::LooseObjects, mine).await.map(drop)
    }
}

/// Reads a loose object.
pub(super) fn read_loose(document: &Document) -> Result<Digest> {
    Row(document).text("_id")?.parse().map_err(|_| broken("digest"))
}
