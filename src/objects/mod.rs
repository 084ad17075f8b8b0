//! Objects: the bytes of files, each under the SHA-256 of its content.
//!
//! Invariant: an object is there as a whole or not at all, and what `put` has answered survives a
//! crash of the process, the machine or the object store.
//! Invariant: an object never changes: equal digest, equal bytes.
//!
//! Objects know nothing about people or rights: `core` decides who may read one and when nobody
//! needs it any more. Code that removes one must know that nobody puts an equal one at the same
//! time: a `put` that finds it there leaves it to the remover. Unfinished uploads are in `staging`,
//! on this node's disk, whichever adapter keeps the objects. The suite in `tests/contract` runs
//! against every adapter. Called by `core`.

pub mod local;
pub mod memory;
#[cfg(feature = "s3")]
pub mod s3;

pub mod staging;
pub mod whole;

use std::io;
use std::ops::Range;
use std::path::Path;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::BoxStream;

use crate::error::{Error, Result, Text};
use crate::model::files::Digest;

/// The bytes of an object, piece by piece; an error ends it.
pub type ByteStream = BoxStream<'static, Result<Bytes>>;

/// Objects and how many bytes each has; an error ends it.
pub type ObjectList = BoxStream<'static, Result<(Digest, u64)>>;

/// How many bytes are read or written at once: a piece of a `ByteStream` has at most so many.
pub const PIECE: usize = 128 * 1024;

const GONE: Text = Text {
    en: "The content of this file is gone.",
    es: "El contenido de este archivo ya no está.",
};

/// Where the bytes of files are kept.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Takes over the file at `source`, whose SHA-256 is `digest` and whose size is `size`; durable
    /// when it answers. `source` is gone then. An object that is there already stays as it is, and
    /// then `source` may be gone before, so that a `put` can be repeated. After an error `source`
    /// may still be there.
    async fn put(&self, digest: Digest, size: u64, source: &Path) -> Result<()>;

    /// The bytes of a range, as far as the object goes: a range behind its end has none. Fails with
    /// `NotFound` when there is no such object.
    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ByteStream>;

    /// How many bytes it has; `None` when there is no such object.
    async fn size(&self, digest: Digest) -> Result<Option<u64>>;

    /// All objects, each once, in any order. One that is put or removed meanwhile may be left out.
    fn list(&self) -> ObjectList;

    /// Removes an object, for good when it answers. No effect when it is gone.
    async fn remove(&self, digest: Digest) -> Result<()>;

    /// Whether objects can be put and read, right now.
    async fn ready(&self) -> Result<()>;
}

/// Objects beside which there are things under names of their own: what backups in a bucket need.
/// A name is `folder/name`.
#[async_trait]
pub trait Vault: Objects {
    /// Puts the file at `source` as an object and leaves it where it is; otherwise as `put` does.
    async fn put_copy(&self, digest: Digest, size: u64, source: &Path) -> Result<()>;

    /// Puts the file at `source` under a name, and leaves it where it is; durable when it answers.
    async fn put_named(&self, name: &str, source: &Path) -> Result<()>;

    /// What is under a name. Fails with `NotFound` when nothing is, and otherwise when it has more
    /// than `most` bytes.
    async fn read_named(&self, name: &str, most: u64) -> Result<Vec<u8>>;

    /// The names in a folder, without those in folders of it.
    async fn names(&self, folder: &str) -> Result<Vec<String>>;

    /// Removes what is under a name. No effect when nothing is.
    async fn remove_named(&self, name: &str) -> Result<()>;
}

/// There is no such object.
fn gone() -> Error {
    Error::not_found(GONE)
}

/// Bytes in pieces of at most `PIECE`.
fn pieces_of(bytes: Bytes) -> impl Iterator<Item = Bytes> {
    let starts = (0..bytes.len()).step_by(PIECE);
    starts.map(move |start| bytes.slice(start..bytes.len().min(start + PIECE)))
}

/// What an object of this size has of a range.
fn within(range: Range<u64>, size: u64) -> Range<u64> {
    let end = range.end.min(size);
    range.start.min(end)..end
}

/// `source` is not what its uploader said of it; a fault of ours.
fn wrong_size(source: &Path, said: u64, size: u64) -> Error {
    Error::internal(format!("{} has {size} bytes, not {said}", source.display()))
}

/// `source` cannot be read; one that is not there is a fault of ours, and no repeat finds it.
fn unreadable(source: &Path, error: &io::Error) -> Error {
    let cause = format!("{}: {error}", source.display());
    match error.kind() {
        io::ErrorKind::NotFound => Error::internal(cause),
        _ => Error::unavailable(cause),
    }
}

/// Runs what waits for a disk, or computes for long, away from the async threads; to its end, also
/// when nobody waits for it any more.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T> + Send + 'static,
) -> Result<T> {
    tokio::task::spawn_blocking(work).await.map_err(Error::internal)?
}
