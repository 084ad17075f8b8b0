//! Files, and which objects are needed.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::{FileId, UserId};
use crate::model::files::{Digest, File, FileView};

/// What became of a new file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FilePut {
    /// It is stored, or was before.
    Done,
    /// The owner's files would be larger than the quota; they have this many bytes now.
    Full(u64),
    /// There is no such owner, or the account was deleted.
    NoOwner,
}

/// Files, and which objects are needed.
///
/// A file is kept while a message or a picture of a person or group uses it, and as long as its
/// `kept_until` says. Whoever is about to use a file, or to end a use of it, extends that first
/// (`keep_files`), so that the sweep never removes what is being taken into use, and finds again
/// what nobody uses any more. (A message that is deleted has its files looked at by itself.)
///
/// Objects are shared by files of one content. Before an object is removed it is *claimed*; whoever
/// stores a file puts its row first and then waits until none of its objects is claimed. So either
/// the claim sees the row, or the writer sees the claim.
#[async_trait]
pub trait Files: Send + Sync {
    /// Puts a file, unless the owner's files would be larger than `quota` bytes in all. Idempotent
    /// by `file.id`. (MongoDB counts and puts in two steps: files that are put at the same moment
    /// may pass the quota together.)
    async fn put_file(&self, file: &File, quota: u64) -> Result<FilePut>;
    /// Files by id; unknown ids are left out.
    async fn files(&self, ids: &[FileId]) -> Result<Vec<File>>;
    /// A file, and where it stands for a viewer, as of one moment.
    async fn file_view(&self, file: FileId, viewer: UserId) -> Result<Option<FileView>>;
    /// How many bytes a user's files have.
    async fn used_bytes(&self, owner: UserId) -> Result<u64>;
    /// Keeps these files until then at least, used or not; those that exist.
    async fn keep_files(&self, ids: &[FileId], until: Time) -> Result<Vec<File>>;
    /// Takes back what kept a file: the next `drop_unused` from `at` on looks at it.
    async fn release_file(&self, id: FileId, at: Time) -> Result<()>;
    /// Looks at files whose `kept_until` is over: one that is used gets none, one that is not is
    /// removed, and its objects are noted as loose. At most `limit` files; whether there are more.
    async fn drop_unused(&self, now: Time, limit: u32) -> Result<bool>;
    /// Objects that files were removed from and that may be needed no more, in the order of their
    /// digests, after one of them.
    async fn loose_objects(&self, after: Option<Digest>, limit: u32) -> Result<Vec<Digest>>;
    /// Claims a loose object for removal: `true` when no file needs it. If one does, it is loose no
    /// more. `false` too for an object that is not loose, or that another node is removing. To be
    /// repeated after a crash; who claims removes or gives up within ten minutes, since other nodes
    /// take the claim for that of a dead one then.
    async fn claim_object(&self, digest: Digest) -> Result<bool>;
    /// Whether one of these objects is claimed.
    async fn is_claimed(&self, digests: &[Digest]) -> Result<bool>;
    /// Forgets a loose object that was removed, and with it the claim.
    async fn forget_object(&self, digest: Digest) -> Result<()>;
}
