//! Objects as files in a folder, `ab/cdef…` by the digits of their digest: the default.
//!
//! Invariant: an object's name always leads to the whole object: its bytes are synced before it
//! gets the name, and the name is synced before `put` answers. What a crash leaves behind has a
//! name that begins with `.new-`, and is removed by the next `open`. Invariant: only the owner can
//! read files (mode 0600) and folders (0700).

use std::fs::{self, DirBuilder, File, Permissions};
use std::io::{self, ErrorKind};
use std::ops::Range;
use std::os::unix::fs::{DirBuilderExt, FileExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::process;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, StreamExt, TryStreamExt};

use super::{
    ByteStream, ObjectList, Objects, PIECE, blocking, gone, unreadable, within, wrong_size,
};
use crate::config::data_dir::{create_private, make_private, remove_if_there, sync};
use crate::error::{Error, Result};
use crate::model::files::Digest;

/// How the name of a file begins that is not an object yet.
const UNFINISHED: &str = ".new-";

/// Keeps objects in a folder.
pub struct LocalObjects(Arc<Folder>);

struct Folder {
    path: PathBuf,
    /// The inner folders that this server has made, or found and synced.
    sure: Mutex<[bool; 256]>,
    unfinished: AtomicU64,
}

impl LocalObjects {
    /// Makes the folder if it is not there, and removes what an earlier server left unfinished. To
    /// be called by one server at a time: the data folder's lock sees to it.
    pub fn open(path: PathBuf) -> io::Result<Self> {
        let opened = Self::beside(path)?;
        let path = &opened.0.path;
        for entry in fs::read_dir(path)? {
            let entry = entry?;
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                fs::remove_file(entry.path())?;
            }
        }
        Ok(opened)
    }

    /// The same, and what is unfinished stays: a server may be at it.
    pub fn beside(path: PathBuf) -> io::Result<Self> {
        make_private(&path)?;
        if let Some(above) = path.parent() {
            sync(above)?;
        }
        let unfinished = AtomicU64::new(0);
        Ok(Self(Arc::new(Folder { path, sure: Mutex::new([false; 256]), unfinished })))
    }

    /// Does something with the folder, away from the async threads.
    async fn with<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Folder) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let folder = self.0.clone();
        blocking(move || work(&folder)).await
    }
}

#[async_trait]
impl Objects for LocalObjects {
    async fn put(&self, digest: Digest, size: u64, source: &Path) -> Result<()> {
        let source = source.to_owned();
        self.with(move |folder| folder.put(digest, size, &source)).await
    }

    async fn read(&self, digest: Digest, range: Range<u64>) -> Result<ByteStream> {
        let (file, size) = self.with(move |folder| folder.open(digest)).await?;
        Ok(pieces(file, within(range, size)))
    }

    async fn size(&self, digest: Digest) -> Result<Option<u64>> {
        self.with(move |folder| {
            let path = folder.path_of(digest);
            size_of(&path).map_err(|error| failed(&path, &error))
        })
        .await
    }

    fn list(&self) -> ObjectList {
        let folder = self.0.clone();
        let inner = stream::iter(0..=u8::MAX).then(move |first| {
            let folder = folder.clone();
            async move {
                let found = blocking(move || folder.list(first)).await?;
                Ok::<_, Error>(stream::iter(found.into_iter().map(Ok)))
            }
        });
        inner.try_flatten().boxed()
    }

    async fn remove(&self, digest: Digest) -> Result<()> {
        self.with(move |folder| {
            let path = folder.path_of(digest);
            remove_if_there(&path)
                .and_then(|there| if there { sync(&folder.inner(digest)) } else { Ok(()) })
                .map_err(|error| failed(&path, &error))
        })
        .await
    }

    async fn ready(&self) -> Result<()> {
        self.with(|folder| {
            let path = folder.unfinished();
            let written = create_private(&path).and_then(|_| fs::remove_file(&path));
            written.map_err(|error| failed(&folder.path, &error))
        })
        .await
    }
}

impl Folder {
    /// The inner folder of an object.
    fn inner(&self, digest: Digest) -> PathBuf {
        self.path.join(&digest.to_string()[..2])
    }

    fn path_of(&self, digest: Digest) -> PathBuf {
        self.inner(digest).join(&digest.to_string()[2..])
    }

    /// A name that no object and no other unfinished file has.
    fn unfinished(&self) -> PathBuf {
        let (process, number) = (process::id(), self.unfinished.fetch_add(1, Ordering::Relaxed));
        self.path.join(format!("{UNFINISHED}{process}-{number}"))
    }

    /// The objects whose digests begin with this byte.
    fn list(&self, first: u8) -> Result<Vec<(Digest, u64)>> {
        let inner = self.path.join(format!("{first:02x}"));
        let entries = match fs::read_dir(&inner) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| failed(&inner, &error))?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let name = entry.map_err(|error| failed(&inner, &error))?.file_name();
            // What has another name is not ours.
            let named = format!("{first:02x}{}", name.to_string_lossy());
            let Ok(digest) = named.parse() else { continue };
            let size = size_of(&inner.join(name)).map_err(|error| failed(&inner, &error))?;
            found.extend(size.map(|size| (digest, size)));
        }
        Ok(found)
    }

    fn put(&self, digest: Digest, size: u64, source: &Path) -> Result<()> {
        let path = self.path_of(digest);
        if size_of(&path).map_err(|error| failed(&path, &error))? != Some(size) {
            let found = prepare(source).map_err(|error| unreadable(source, &error))?;
            if found != size {
                return Err(wrong_size(source, size, found));
            }
            self.move_here(digest, source, &path).map_err(|error| failed(&path, &error))?;
        }
        // Also when the object was there: whoever put it may not have come so far yet.
        sync(&self.inner(digest)).map_err(|error| failed(&path, &error))?;
        remove_if_there(source).map(drop).map_err(|error| failed(source, &error))
    }

    fn move_here(&self, digest: Digest, source: &Path, path: &Path) -> io::Result<()> {
        self.make_inner(digest)?;
        match fs::rename(source, path) {
            Err(error) if error.kind() == ErrorKind::CrossesDevices => self.copy(source, path),
            done => done,
        }
    }

    /// Copies a file from another file system.
    fn copy(&self, source: &Path, path: &Path) -> io::Result<()> {
        let unfinished = self.unfinished();
        let copied = create_private(&unfinished).and_then(|mut copy| {
            io::copy(&mut File::open(source)?, &mut copy)?;
            copy.sync_all()?;
            fs::rename(&unfinished, path)
        });
        if copied.is_err() {
            // The next `open` removes it at the latest.
            let _ = fs::remove_file(&unfinished);
        }
        copied
    }

    /// Makes the inner folder of an object, durably.
    fn make_inner(&self, digest: Digest) -> io::Result<()> {
        let mut sure = self.sure.lock().unwrap_or_else(PoisonError::into_inner);
        let sure = &mut sure[usize::from(digest.0[0])];
        if *sure {
            return Ok(());
        }
        match DirBuilder::new().mode(0o700).create(self.inner(digest)) {
            Err(error) if error.kind() != ErrorKind::AlreadyExists => return Err(error),
            _ => sync(&self.path)?,
        }
        *sure = true;
        Ok(())
    }

    fn open(&self, digest: Digest) -> Result<(File, u64)> {
        let path = self.path_of(digest);
        let opened = File::open(&path).and_then(|file| {
            let size = file.metadata()?.len();
            Ok((file, size))
        });
        opened.map_err(|error| match error.kind() {
            ErrorKind::NotFound => gone(),
            _ => failed(&path, &error),
        })
    }
}

/// Makes a file one that may become an object: its bytes are on the disk, and it is for its owner
/// alone. Answers its size.
fn prepare(source: &Path) -> io::Result<u64> {
    let file = File::open(source)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.sync_all()?;
    Ok(file.metadata()?.len())
}

/// The bytes of a range of a file that has them.
fn pieces(file: File, range: Range<u64>) -> ByteStream {
    let file = Arc::new(file);
    let step = move |range: Range<u64>| {
        let file = file.clone();
        async move {
            if range.is_empty() {
                return Ok(None);
            }
            let length = (range.end - range.start).min(PIECE as u64);
            let piece = piece(file, range.start, length as usize).await?;
            Ok(Some((piece, range.start + length..range.end)))
        }
    };
    stream::try_unfold(range, step).boxed()
}

async fn piece(file: Arc<File>, start: u64, length: usize) -> Result<Bytes> {
    blocking(move || {
        let mut piece = vec![0; length];
        file.read_exact_at(&mut piece, start).map_err(Error::unavailable)?;
        Ok(piece.into())
    })
    .await
}

fn size_of(path: &Path) -> io::Result<Option<u64>> {
    match fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata.len())),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::unavailable(format!("{}: {error}", path.display()))
}
