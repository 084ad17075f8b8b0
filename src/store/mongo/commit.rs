//! How a chat changes: one compare-and-swap of its document, which holds what is still to be
//! written beside it.
//!
//! The scheme and why it holds stand in the head of `mod`. Called by the nouns beside this file.

use std::collections::HashMap;
use std::sync::{Arc, Mutex as StdMutex, PoisonError};
use std::time::{Duration, Instant};

use moka::sync::Cache;
use mongodb::bson::{Bson, Document, doc};
use tokio::sync::{Mutex, MutexGuard};

use super::access::{Access, Find, Modified, Statement, jitter};
use super::chats;
use super::redo::Redo;
use super::rows::{Row, ToBson, int};
use super::tables::{Table, chats_of};
use crate::error::{Error, Result};
use crate::id::{ChatId, Entropy, ObjectId, OsEntropy, UserId};
use crate::model::chats::{Chat, ChatKind, Member};
use crate::model::messages::Message;
use crate::store::decide::speak::Speaker;

/// How slowly the chat is looked at in the end while others have their turn (`jitter`).
pub(super) const SLOWEST: u32 = 3;
/// At most so many chats are remembered; a forgotten one costs one more query.
const REMEMBERED: u64 = 200_000;
/// At most so many chats are remembered as somebody looked at them, and so long.
const LOOKED: u64 = 10_000;
const LOOKED_FOR: Duration = Duration::from_secs(10);
/// At most so many chats are remembered as they were left, and so long.
const LEFT: u64 = 10_000;
const LEFT_FOR: Duration = Duration::from_secs(60);
/// So long what is written is gathered, until the documents of all these chats are told.
const GATHER: Duration = Duration::from_millis(20);
/// How many locks the chats share.
const LOCKS: usize = 1024;
/// How often a commit is tried against other nodes.
pub(super) const ATTEMPTS: u32 = 64;
/// So long the node that committed is left to write what it committed, before another does it.
const GRACE: Duration = Duration::from_millis(250);

/// A chat as it stood at one version, with everything up to it written.
#[derive(Debug, Clone)]
pub(super) struct Ground {
    /// As its document says, the redo carried out.
    pub(super) chat: Chat,
    /// Its version: the number of commits so far.
    pub(super) version: u64,
}

/// A chat as this node's last commit left it, with everything written.
#[derive(Debug, Clone)]
pub(super) struct Left {
    /// The chat.
    pub(super) ground: Ground,
    /// Some of its active members, and how they may speak: those who have written lately.
    pub(super) active: Arc<HashMap<UserId, Speaker>>,
}

/// What an active member looked at.
#[derive(Debug, Clone)]
pub(super) struct Looked {
    /// The chat.
    pub(super) ground: Ground,
    /// The member's row.
    pub(super) member: Member,
    /// A message of it, by its seq, as it stands in its document, unless that was read in part.
    pub(super) message: Option<(u64, Document)>,
}

/// Which of the locks.
fn slot(ObjectId(bytes): ObjectId) -> usize {
    let mix = |hash: usize, byte: &u8| hash.wrapping_mul(31).wrapping_add(usize::from(*byte));
    bytes.iter().fold(0, mix) % LOCKS
}

/// What a commit changes.
pub(super) struct Plan {
    /// Fields of the chat's document.
    pub(super) fields: Document,
    /// What is written beside it.
    pub(super) redo: Redo,
}

/// The fields of a chat's head once a message is its newest.
pub(super) fn grown(newest: &Message) -> Document {
    doc! {
        "head_seq": int(newest.seq), "head_rev": int(newest.rev), "active_at": newest.sent.bson(),
    }
}

/// The commits of this node: its locks and what it knows.
pub(super) struct Commits {
    access: Access,
    /// What this node is called where nodes take turns and claim objects, as long as it runs.
    node: ObjectId,
    locks: Vec<Mutex<()>>,
    inbox_locks: Vec<Mutex<()>>,
    kinds: Cache<ChatId, ChatKind>,
    /// The version up to which this node knows everything to be written.
    written: Cache<ChatId, u64>,
    /// The last version that this node committed.
    ours: Cache<ChatId, u64>,
    /// Chats as this node's last commit left them.
    left: Cache<ChatId, Left>,
    /// What an active member looked at last, who may be about to change it.
    looked: Cache<(ChatId, UserId), Looked>,
    /// Chats of which everything is written up to a version, which their documents do not say yet.
    uncleared: StdMutex<HashMap<ChatId, (ChatKind, u64)>>,
}

/// A chat's document without what may be large.
pub(super) fn chat_by_id(table: Table, filter: Document) -> Find {
    Find::new(table, filter).fields(doc! { "redo": 0 })
}

impl Commits {
    /// No chat is known yet.
    pub(super) fn new(access: Access) -> Arc<Self> {
        let mut node = [0; 12];
        OsEntropy.fill(&mut node);
        Arc::new(Self {
            access,
            node: ObjectId(node),
            locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
            inbox_locks: (0..LOCKS).map(|_| Mutex::new(())).collect(),
            kinds: Cache::new(REMEMBERED),
            written: Cache::new(REMEMBERED),
            ours: Cache::new(REMEMBERED),
            left: Cache::builder().max_capacity(LEFT).time_to_live(LEFT_FOR).build(),
            looked: Cache::builder().max_capacity(LOOKED).time_to_live(LOOKED_FOR).build(),
            uncleared: StdMutex::default(),
        })
    }

    /// The way to the database.
    pub(super) const fn access(&self) -> &Access {
        &self.access
    }

    /// What this node is called.
    pub(super) const fn node(&self) -> ObjectId {
        self.node
    }

    /// Lets this node's commits to a chat come one after the other (`Turn`).
    pub(super) async fn lock(&self, chat: ChatId) -> MutexGuard<'_, ()> {
        self.locks[slot(chat.0)].lock().await
    }

    /// Lets this node's changes of a user's own rows come one after the other.
    pub(super) async fn lock_inbox(&self, user: UserId) -> MutexGuard<'_, ()> {
        self.inbox_locks[slot(user.0)].lock().await
    }

    /// Remembers what kind of chat it is.
    pub(super) fn note_kind(&self, chat: ChatId, kind: ChatKind) {
        self.kinds.insert(chat, kind);
    }

    /// What kind of chat it is, if this node remembers it.
    pub(super) fn kind(&self, chat: ChatId) -> Option<ChatKind> {
        self.kinds.get(&chat)
    }

    /// A chat's document; `None` when there is none.
    async fn document(&self, chat: ChatId) -> Result<Option<Document>> {
        let find =
            |kind| self.access.first(chat_by_id(chats_of(kind), doc! { "_id": chat.bson() }));
        let (kind, found) = match self.kinds.get(&chat) {
            Some(kind) => (kind, find(kind).await?),
            None => {
                let (group, direct) =
                    tokio::try_join!(find(ChatKind::Group), find(ChatKind::Direct))?;
                match group {
                    Some(group) => (ChatKind::Group, Some(group)),
                    None => (ChatKind::Direct, direct),
                }
            }
        };
        if found.is_some() {
            self.note_kind(chat, kind);
        }
        Ok(found)
    }

    /// A chat with everything written that belongs to it. Waits for commits of this node.
    pub(super) async fn ground(&self, chat: ChatId) -> Result<Option<Ground>> {
        let Some(document) = self.document(chat).await? else { return Ok(None) };
        self.settled(&document).await.map(Some)
    }

    /// The same for a document that was read, without its redo.
    pub(super) async fn settled(&self, document: &Document) -> Result<Ground> {
        let ground = ground(document)?;
        let (chat, kind) = (ground.chat.id, ground.chat.kind);
        if let Some(version) = self.unwritten(document)?
            && !self.is_written_by_others(chat, kind, version).await?
        {
            let _guard = self.lock(chat).await;
            self.finish(chat, kind, version).await?;
        }
        Ok(ground)
    }

    /// The same while the caller holds the chat's lock.
    pub(super) async fn ground_in_turn(&self, chat: ChatId) -> Result<Option<Ground>> {
        let Some(document) = self.document(chat).await? else { return Ok(None) };
        let ground = ground(&document)?;
        let kind = ground.chat.kind;
        if let Some(version) = self.unwritten(&document)?
            && !self.is_written_by_others(chat, kind, version).await?
        {
            self.finish(chat, kind, version).await?;
        }
        Ok(Some(ground))
    }

    /// Whether this document's last commit may have something left to write.
    pub(super) fn is_unwritten(&self, document: &Document) -> Result<bool> {
        Ok(self.unwritten(document)?.is_some())
    }

    /// The version of the commit that may have something left to write.
    fn unwritten(&self, document: &Document) -> Result<Option<u64>> {
        let row = Row(document);
        let Some(version) = row.opt_count("unwritten")? else { return Ok(None) };
        Ok((!self.has_written(row.chat("_id")?, version)).then_some(version))
    }

    /// Writes what a commit left to be written. A later commit says that it was written.
    async fn finish(&self, chat: ChatId, kind: ChatKind, version: u64) -> Result<()> {
        if self.has_written(chat, version) {
            return Ok(());
        }
        let left = doc! { "_id": chat.bson(), "unwritten": int(version) };
        let Some(document) = self.access.one(chats_of(kind), left).await? else { return Ok(()) };
        if let Some(bytes) = Row(&document).opt_bytes("redo")? {
            Redo::read(bytes)?.apply(&self.access).await?;
            self.written.insert(chat, version);
            self.clear(chat, kind, version).await?;
        }
        Ok(())
    }

    /// Leaves the node that committed a moment to write it: doing so twice is harmless, but costs
    /// as much again.
    async fn is_written_by_others(
        &self,
        chat: ChatId,
        kind: ChatKind,
        version: u64,
    ) -> Result<bool> {
        let (table, began) = (chats_of(kind), Instant::now());
        for attempt in 0.. {
            if began.elapsed() > GRACE || self.ours.get(&chat) == Some(version) {
                break;
            }
            let left = doc! { "_id": chat.bson(), "unwritten": int(version) };
            let find = Find::new(table, left).fields(doc! { "_id": 1 });
            if self.access.first(find).await?.is_none() {
                return Ok(true);
            }
            jitter(attempt.min(SLOWEST)).await;
        }
        Ok(false)
    }

    /// Takes what is written out of the chat's document.
    pub(super) async fn clear(&self, chat: ChatId, kind: ChatKind, version: u64) -> Result<()> {
        self.access.update(chats_of(kind), &[cleared(chat, version)]).await.map(drop)
    }

    /// Commits, if the chat is still at the ground's version with this mark of whose turn it is;
    /// the new version. `None` when it is not. From the swap on it is durable, and whoever reads
    /// the chat finishes it; it is finished here when nothing fails.
    pub(super) async fn commit(
        &self,
        mark: Bson,
        ground: &Ground,
        plan: Plan,
    ) -> Result<Option<u64>> {
        let version = ground.version + 1;
        let mut fields = plan.fields;
        fields.insert("version", int(version));
        fields.insert("unwritten", int(version));
        fields.insert("redo", plan.redo.to_bson()?);
        note_files(&mut fields, &plan.redo);
        let chat = ground.chat.id;
        let filter = doc! { "_id": chat.bson(), "version": int(ground.version), "turn": mark };
        let table = chats_of(ground.chat.kind);
        let update = doc! { "$set": fields, "$unset": { "turn": "" } };
        if !self.access.set(table, filter, update).await? {
            return Ok(None);
        }
        self.ours.insert(chat, version);
        self.write(chat, version, &plan.redo).await;
        Ok(Some(version))
    }

    /// Creates a chat's document, with what is still to be written; whether it was new.
    pub(super) async fn create(&self, chat: &Chat, redo: &Redo) -> Result<bool> {
        let mut document = chats::document(chat)?;
        document.insert("version", 1_i64);
        document.insert("unwritten", 1_i64);
        document.insert("redo", redo.to_bson()?);
        note_files(&mut document, redo);
        let written = self.access.insert(chats_of(chat.kind), vec![document]).await?;
        self.note_kind(chat.id, chat.kind);
        if !written.duplicates.is_empty() {
            return Ok(false);
        }
        self.ours.insert(chat.id, 1);
        self.write(chat.id, 1, redo).await;
        Ok(true)
    }

    async fn write(&self, chat: ChatId, version: u64, redo: &Redo) {
        match redo.apply(&self.access).await {
            Ok(()) => self.written.insert(chat, version),
            Err(error) => {
                tracing::warn!(%chat, cause = ?error.cause(), "a reader will finish this commit");
            }
        }
    }

    /// Remembers what an active member looked at.
    pub(super) fn note_looked(&self, user: UserId, looked: Looked) {
        self.looked.insert((looked.ground.chat.id, user), looked);
    }

    /// What this user looked at in a chat as an active member, unless this node has changed the
    /// chat since. Whether another node has, the commit finds out.
    pub(super) fn looked(&self, chat: ChatId, user: UserId) -> Option<Looked> {
        let looked = self.looked.remove(&(chat, user))?;
        let ours = self.ours.get(&chat);
        ours.is_none_or(|version| version <= looked.ground.version).then_some(looked)
    }

    /// Remembers a chat as a commit of this node left it.
    pub(super) fn note_left(&self, left: Left) {
        self.left.insert(left.ground.chat.id, left);
    }

    /// The chat as this node left it. Whether another node has changed it since, a commit finds
    /// out.
    pub(super) fn left(&self, chat: ChatId) -> Option<Left> {
        self.left.get(&chat).filter(|left| self.ours.get(&chat) == Some(left.ground.version))
    }

    /// The same for whoever is about to commit, and notes what that leaves.
    pub(super) fn take_left(&self, chat: ChatId) -> Option<Left> {
        let left = self.left(chat);
        self.left.invalidate(&chat);
        left
    }

    /// Whether this node knows that everything up to a version is written.
    pub(super) fn has_written(&self, chat: ChatId, version: u64) -> bool {
        self.written.get(&chat).is_some_and(|known| known >= version)
    }

    /// Clears behind the answer, for a node that waits for it.
    pub(super) fn clear_soon(self: &Arc<Self>, chat: ChatId, kind: ChatKind, version: u64) {
        if !self.has_written(chat, version) {
            return;
        }
        let commits = self.clone();
        tokio::spawn(async move {
            // An error leaves it to the next reader.
            commits.clear(chat, kind, version).await.ok();
        });
    }

    /// Clears a moment later, many chats in one command: a reader at another node that comes before
    /// that waits, or writes what is written once more.
    pub(super) fn clear_later(self: &Arc<Self>, chat: ChatId, kind: ChatKind, version: u64) {
        if !self.has_written(chat, version) {
            return;
        }
        let is_first = {
            let mut waiting = self.uncleared.lock().unwrap_or_else(PoisonError::into_inner);
            let is_first = waiting.is_empty();
            waiting.insert(chat, (kind, version));
            is_first
        };
        if is_first {
            let commits = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(GATHER).await;
                commits.clear_gathered().await;
            });
        }
    }

    /// Clears what was gathered.
    pub(super) async fn clear_gathered(&self) {
        let gathered =
            std::mem::take(&mut *self.uncleared.lock().unwrap_or_else(PoisonError::into_inner));
        for kind in [ChatKind::Direct, ChatKind::Group] {
            let of_kind = gathered.iter().filter(|(_, (of, _))| *of == kind);
            let clear: Vec<Statement> =
                of_kind.map(|(chat, (_, version))| cleared(*chat, *version)).collect();
            if !clear.is_empty() {
                // An error leaves them to the next readers.
                self.access.update(chats_of(kind), &clear).await.ok();
            }
        }
    }
}

/// Takes what is written out of a chat's document, unless that holds a later commit.
fn cleared(chat: ChatId, version: u64) -> Statement {
    let filter = doc! { "_id": chat.bson(), "unwritten": int(version) };
    Statement::new(filter, doc! { "$unset": { "unwritten": "", "redo": "", "attaching": "" } })
}

/// Names the files of messages that are still to be written (see `files`). They may stand there
/// for longer than that: until the chat's last commit is written.
fn note_files(fields: &mut Document, redo: &Redo) {
    let files = redo.files();
    if !files.is_empty() {
        fields.insert("attaching", files);
    }
}

/// Other nodes were faster, again and again.
pub(super) fn overtaken() -> Error {
    Error::unavailable("other nodes change this chat all the time")
}

/// A document that is made when it is not there, through whoever is faster.
pub(super) async fn upserted(
    access: &Access,
    table: Table,
    filter: Document,
    update: Document,
) -> Result<Document> {
    for attempt in 0..ATTEMPTS {
        match access.modify(table, filter.clone(), update.clone(), true).await? {
            Modified::Done(document) => return Ok(document),
            Modified::None | Modified::Duplicate => jitter(attempt).await,
        }
    }
    Err(overtaken())
}

fn ground(document: &Document) -> Result<Ground> {
    Ok(Ground { chat: chats::read(document)?, version: Row(document).count("version")? })
}
