//! Copies the contents of files between the data folder and a bucket, while a server may run.
//!
//! Objects never change and stand under their SHA-256, so nothing has to be locked or noted: what
//! is there with its size is right, and what lacks is copied. Invariant: the target gets an object
//! only after its bytes were found to be those of its digest. Invariant: a copy that ended well has
//! looked at all objects of both sides once without finding anything to do. Called by
//! `cli::objects`.

use std::fmt;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use futures_util::stream::{StreamExt, TryStreamExt};
use sha2::{Digest as _, Sha256};

use super::StartError;
use super::objects::{FOLDER, beside_server, bucket_alone};
use super::restore::{give, owner};
use crate::config::data_dir::{create_private, remove_if_there};
use crate::config::{Config, DataDir};
use crate::error::{Code, Error, Result};
use crate::model::files::Digest;
use crate::objects::Objects;

/// Objects that are copied at once.
const AT_ONCE: usize = 4;
/// How often everything is looked at before a copy gives up: each time something new had come.
const ROUNDS: u32 = 20;
/// The folder of `DATA_DIR` for what is on its way.
const ON_THE_WAY: &str = "copying";

/// Where objects are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// In the folder `objects` of `DATA_DIR`.
    Local,
    /// In the bucket that the settings name.
    S3,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Local => "local",
            Self::S3 => "s3",
        })
    }
}

/// What a copy reports while it runs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Told {
    /// So many bytes of objects were looked at in this round, of so many.
    Bytes {
        /// So many.
        done: u64,
        /// Of so many.
        total: u64,
    },
    /// An object at the source is not what its digest says, and is not copied.
    Damaged(Digest),
}

/// How a copy ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Outcome {
    /// Objects that both sides hold.
    pub objects: u64,
    /// How many bytes they have.
    pub bytes: u64,
    /// Objects that this copy brought.
    pub copied: u64,
    /// Objects at the source that are not what their digests say.
    pub damaged: u64,
}

/// Copies what the target lacks, in rounds until one finds nothing to copy.
pub async fn copy(
    config: &Config,
    (from, to): (Place, Place),
    tell: &mut (dyn FnMut(Told) + Send),
) -> Result<Outcome, StartError> {
    let folder = config.data_dir.join(FOLDER);
    if from == Place::Local && !folder.is_dir() {
        return Err(StartError(format!(
            "There is no folder {}. Run this where the server runs, or with its DATA_DIR.",
            folder.display()
        )));
    }
    let keeper = owner(&config.data_dir);
    let copy = Copy {
        from: open(config, from).await?,
        to: open(config, to).await?,
        way: Way::open(&config.data_dir)?,
    };
    let outcome = copy.rounds(tell).await.map_err(|error| failed(&error))?;
    drop(copy);
    if let Some((user, group)) = keeper.filter(|_| to == Place::Local) {
        give(&folder, user, group).map_err(|error| {
            format!("{} cannot be given to its owner: {error}. Use chown -R.", folder.display())
        })?;
    }
    Ok(outcome)
}

async fn open(config: &Config, place: Place) -> Result<Arc<dyn Objects>, StartError> {
    match place {
        Place::Local => beside_server(config),
        Place::S3 => bucket_alone(config).await,
    }
}

fn failed(error: &Error) -> StartError {
    let cause = error.cause().map_or_else(String::new, |cause| format!(" ({cause})"));
    StartError(format!("{error}{cause} What was copied stays; run the same again."))
}

/// Where objects are on their way: a folder that one copy at a time has.
struct Way {
    folder: DataDir,
    next: AtomicU64,
}

impl Way {
    /// Takes the folder, and removes what a copy that was cut off left there.
    fn open(data_dir: &Path) -> Result<Self, StartError> {
        let path = data_dir.join(ON_THE_WAY);
        if let Some(process) = DataDir::held(&path) {
            return Err(StartError(format!(
                "Another copy is at it{process}. Wait until it has ended."
            )));
        }
        let folder = DataDir::open(&path)?;
        empty(&path).map_err(|error| format!("{} cannot be emptied: {error}.", path.display()))?;
        Ok(Self { folder, next: AtomicU64::new(0) })
    }

    fn path(&self) -> PathBuf {
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        self.folder.path().join(number.to_string())
    }
}

/// Removes what is in a folder, but for its lock.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_name() != "lock" {
            fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

impl Drop for Way {
    fn drop(&mut self) {
        // What stays is removed by the next copy.
        let _ = fs::remove_dir_all(self.folder.path());
    }
}

/// What became of one object.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Carried {
    /// The target has it.
    There,
    /// The target has it now.
    New,
    /// Nobody needs it any more: the source has removed it meanwhile.
    Gone,
    /// It is not what its digest says.
    Damaged,
}

struct Copy {
    from: Arc<dyn Objects>,
    to: Arc<dyn Objects>,
    way: Way,
}

impl Copy {
    async fn rounds(&self, tell: &mut (dyn FnMut(Told) + Send)) -> Result<Outcome> {
        let mut copied = 0;
        for _ in 0..ROUNDS {
            let round = self.round(tell).await?;
            copied += round.copied;
            if round.copied == 0 {
                return Ok(Outcome { copied, ..round });
            }
        }
        Err(Error::unavailable("new files come faster than they are copied"))
    }

    /// Looks at all objects once, and copies those that lack.
    async fn round(&self, tell: &mut (dyn FnMut(Told) + Send)) -> Result<Outcome> {
        let (mut outcome, mut done) = (Outcome::default(), 0);
        let add = async |total, (_, size)| Ok(total + size);
        let total = self.from.list().try_fold(0, add).await?;
        let carried = self.from.list().map(async |listed| {
            let (digest, size) = listed?;
            Ok::<_, Error>((digest, size, self.carry(digest, size).await?))
        });
        let mut carried = carried.buffer_unordered(AT_ONCE);
        while let Some((digest, size, carried)) = carried.try_next().await? {
            done += size;
            tell(Told::Bytes { done, total });
            match carried {
                Carried::Gone => continue,
                Carried::Damaged => {
                    outcome.damaged += 1;
                    tell(Told::Damaged(digest));
                    continue;
                }
                Carried::New => outcome.copied += 1,
                Carried::There => {}
            }
            outcome.objects += 1;
            outcome.bytes += size;
        }
        Ok(outcome)
    }

    async fn carry(&self, digest: Digest, size: u64) -> Result<Carried> {
        if self.to.size(digest).await? == Some(size) {
            return Ok(Carried::There);
        }
        let path = self.way.path();
        let carried = self.carry_by(&path, digest, size).await;
        // `put` has taken it; otherwise the next copy removes it at the latest.
        let _ = remove_if_there(&path);
        carried
    }

    async fn carry_by(&self, path: &Path, digest: Digest, size: u64) -> Result<Carried> {
        let mut pieces = match self.from.read(digest, 0..u64::MAX).await {
            Err(error) if error.code == Code::NotFound => return Ok(Carried::Gone),
            pieces => pieces?,
        };
        let mut file = create_private(path).map_err(Error::unavailable)?;
        let mut hash = Sha256::new();
        while let Some(piece) = pieces.try_next().await? {
            hash.update(&piece);
            file.write_all(&piece).map_err(Error::unavailable)?;
        }
        drop(file);
        if Digest(hash.finalize().into()) != digest {
            return Ok(Carried::Damaged);
        }
        self.to.put(digest, size, path).await?;
        Ok(Carried::New)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::objects::memory::MemoryObjects;

    async fn put(objects: &dyn Objects, digest: Digest, bytes: &[u8]) {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("object");
        fs::write(&path, bytes).expect("written");
        objects.put(digest, bytes.len() as u64, &path).await.expect("put");
    }

    #[tokio::test]
    async fn what_lacks_is_copied_once_and_what_is_damaged_is_not() {
        let data = tempfile::tempdir().expect("a folder");
        let (from, to) = (Arc::new(MemoryObjects::default()), Arc::new(MemoryObjects::default()));
        for bytes in [&b"one"[..], b"two", b""] {
            put(&*from, Digest::of(bytes), bytes).await;
        }
        put(&*to, Digest::of(b"two"), b"two").await;
        let damaged = Digest::of(b"as it was");
        put(&*from, damaged, b"as it is!").await;
        let copy = Copy { from, to: to.clone(), way: Way::open(data.path()).expect("a way") };
        let mut told = Vec::new();
        let outcome = copy.rounds(&mut |word| told.push(word)).await.expect("copied");
        assert_eq!(outcome, Outcome { objects: 3, bytes: 6, copied: 2, damaged: 1 });
        for word in [Told::Damaged(damaged), Told::Bytes { done: 15, total: 15 }] {
            assert!(told.contains(&word), "{told:?}");
        }
        assert_eq!(to.size(damaged).await.expect("answers"), None);
        let again = copy.rounds(&mut |_| {}).await.expect("looked");
        assert_eq!(again, Outcome { copied: 0, ..outcome });
        drop(copy);
        assert!(!data.path().join(ON_THE_WAY).exists(), "nothing is left on the way");
    }

    #[tokio::test]
    async fn one_copy_at_a_time_and_what_it_leaves_is_cleared() {
        let data = tempfile::tempdir().expect("a folder");
        let first = Way::open(data.path()).expect("a way");
        let refused = Way::open(data.path()).err().expect("taken");
        assert!(refused.to_string().contains("Another copy"), "{refused}");
        let left = first.path();
        fs::write(&left, "half").expect("written");
        drop(first);
        fs::create_dir_all(left.parent().expect("a folder")).expect("made");
        fs::write(&left, "half").expect("written");
        let _second = Way::open(data.path()).expect("a way");
        assert!(!left.exists());
    }
}
