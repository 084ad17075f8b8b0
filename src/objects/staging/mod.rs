//! Unfinished uploads, on this node's disk: they grow piece by piece, survive a crash, and become
//! objects when they are whole.
//!
//! An upload is two files, `<id>.json` (what its uploader said about it) and `<id>.part` (its bytes
//! so far), for the server's user only (mode 0600).
//!
//! Invariant: the length of its file alone says how far an upload has got: a client that was cut
//! off, or whose server crashed, asks for it and continues from there. So no append need be
//! durable: after a power cut the answer is just lower, and `Objects::put` syncs in the end.
//! Invariant: one writer at a time; an upload never grows beyond its declared length.
//! Invariant: of one upload at most some `UNWRITTEN` bytes wait for the disk. Else the system
//! would write gigabytes at once when anything is synced, and every send of a message would wait.
//!
//! Called by `core`.

use std::collections::HashMap;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, ErrorKind, Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{Stream, StreamExt};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::whole::Whole;
use super::{PIECE, blocking};
use crate::clock::Time;
use crate::config::data_dir::{create_private, remove_if_there};
use crate::error::{Code, Error, Result, Text};
use crate::id::{FileId, UserId};
use crate::model::files::Digest;

/// How long a client may send nothing before its append ends. What came until then is kept.
pub const STALL: Duration = Duration::from_secs(30);
/// So many bytes of an upload wait for the disk before its writer does.
const UNWRITTEN: u64 = 4 << 20;

const NO_UPLOAD: Text = Text {
    en: "This upload does not exist, or is not yours. Start it again.",
    es: "Esa subida no existe para ti. Empiézala de nuevo.",
};
const EXISTS: Text = Text {
    en: "An upload with this id already exists.",
    es: "Ya hay una subida con ese identificador.",
};
const BUSY: Text = Text {
    en: "Another request is writing to this upload. Wait until it ends, ask for the offset, and \
         continue from there.",
    es: "Otra petición está escribiendo esta subida. Espera a que termine, pregunta hasta dónde ha \
         llegado y sigue desde ahí.",
};
const ELSEWHERE: Text = Text {
    en: "This upload has {} bytes, but you continue at {}. Continue where it ends.",
    es: "Esta subida tiene {} bytes y tú sigues en {}. Sigue donde termina.",
};
const TOO_LONG: Text = Text {
    en: "This upload was announced with {} bytes, but more arrived.",
    es: "Esta subida iba a tener {} bytes y llegaron más.",
};
const STALLED: Text = Text {
    en: "Nothing arrived for {} s. Ask for the upload's offset, and continue from there.",
    es: "No llegó nada durante {} s. Pregunta hasta dónde ha llegado la subida y sigue desde ahí.",
};

/// What is known of an upload from its beginning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Meta {
    /// Who uploads it.
    pub owner: UserId,
    /// How many bytes it is to have, or may have at most when nobody knows before.
    pub length: u64,
    /// What its uploader calls it.
    pub name: String,
    /// What its uploader says that it is.
    pub kind: String,
    /// Whether somebody may go on with it after its first request. What nobody may go on with does
    /// not outlive the server.
    pub resumable: bool,
    /// When it began.
    pub created: Time,
}

/// The uploads of this node.
pub struct Staging {
    folder: PathBuf,
    stall: Duration,
    known: Mutex<HashMap<FileId, State>>,
}

/// What is remembered of an upload that was written to. One that is not here is read again.
enum State {
    Busy,
    Hashed(Hashed),
}

/// The hash of the first bytes of an upload, so that they need not be read again.
#[derive(Clone, Default)]
struct Hashed {
    hash: Sha256,
    length: u64,
}

impl Hashed {
    fn digest(self) -> Digest {
        Digest(self.hash.finalize().into())
    }
}

impl Staging {
    /// Every upload that somebody can go on with. Reads the folder.
    pub fn unfinished(&self) -> io::Result<Vec<(FileId, Meta)>> {
        let mut all = Vec::new();
        for entry in fs::read_dir(&self.folder)? {
            let Some(Found { id: Some(id), meta: Some(meta), .. }) = self.found(&entry?)? else {
                continue;
            };
            all.push((id, meta));
        }
        Ok(all)
    }

    /// Makes the folder if it is not there, and removes uploads that nobody can go on with.
    pub fn open(folder: PathBuf) -> io::Result<Arc<Self>> {
        DirBuilder::new().recursive(true).mode(0o700).create(&folder)?;
        let staging = Self { folder, stall: STALL, known: Mutex::default() };
        staging.remove_where(|upload| !upload.meta.as_ref().is_some_and(|meta| meta.resumable))?;
        Ok(Arc::new(staging))
    }

    /// Begins an upload, empty. Fails with `Conflict` when there is one with this id.
    pub async fn begin(self: &Arc<Self>, id: FileId, meta: Meta) -> Result<()> {
        let staging = self.clone();
        blocking(move || {
            let mut file = create_new(&staging.meta_path(id))?;
            file.write_all(&Record::from(meta).bytes()?).map_err(Error::unavailable)?;
            // Only with its bytes is it an upload: a crash in between leaves none.
            create_new(&staging.path(id)).map(drop)
        })
        .await
    }

    /// Adds what a client sends to an upload of `offset` bytes; answers how many it has then.
    ///
    /// When the stream breaks, or nothing comes for too long, what came before is kept, also when
    /// nobody waits for the answer any more. Fails with `Conflict` when the upload has another
    /// length or is being written to, with `TooLarge` when more comes than was declared: that is
    /// another file than the one that was announced, so the upload is gone then.
    pub async fn append<S>(self: &Arc<Self>, id: FileId, offset: u64, pieces: S) -> Result<u64>
    where
        S: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        let claim = Claim::on(self, id)?;
        // A task of its own, as a writer that is dropped would still be writing.
        let written = tokio::spawn(claim.append(offset, Box::pin(pieces)));
        written.await.map_err(Error::internal)?
    }

    /// How many bytes an upload has.
    pub async fn length(self: &Arc<Self>, id: FileId) -> Result<u64> {
        let staging = self.clone();
        blocking(move || staging.length_now(id)).await
    }

    /// What is known of an upload from its beginning.
    pub async fn meta(self: &Arc<Self>, id: FileId) -> Result<Meta> {
        let staging = self.clone();
        blocking(move || {
            staging.length_now(id)?;
            staging.meta_now(id).ok_or_else(no_upload)
        })
        .await
    }

    /// The digest and the size of an upload as it stands. Whether it is whole is for the caller to
    /// compare. Fails with `Conflict` while it is written to.
    pub async fn finish(self: &Arc<Self>, id: FileId) -> Result<Whole> {
        let claim = Claim::on(self, id)?;
        blocking(move || claim.finish()).await
    }

    /// Whether there is anything of an upload, right now. Looks at the disk.
    pub fn is_there(&self, id: FileId) -> bool {
        self.path(id).exists()
    }

    /// Where the bytes of an upload are.
    fn path(&self, id: FileId) -> PathBuf {
        self.folder.join(format!("{id}.part"))
    }

    /// Removes an upload; no effect when it is gone. Its bytes may have been moved away before. A
    /// writer that is still busy finds the upload gone when it ends.
    pub async fn discard(self: &Arc<Self>, id: FileId) -> Result<()> {
        let staging = self.clone();
        blocking(move || staging.remove(id).map_err(Error::unavailable)).await
    }

    /// Removes uploads that nobody wrote to since a moment, and whatever else lies in the folder
    /// since then. Answers how many.
    pub async fn sweep(self: &Arc<Self>, older_than: Time) -> Result<usize> {
        let staging = self.clone();
        blocking(move || {
            let swept = staging.remove_where(|upload| upload.touched < older_than);
            let is_there = |id: &FileId| staging.path(*id).exists();
            staging.known().retain(|id, state| matches!(state, State::Busy) || is_there(id));
            swept.map_err(Error::unavailable)
        })
        .await
    }

    fn meta_path(&self, id: FileId) -> PathBuf {
        self.folder.join(format!("{id}.json"))
    }

    fn known(&self) -> MutexGuard<'_, HashMap<FileId, State>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn length_now(&self, id: FileId) -> Result<u64> {
        fs::metadata(self.path(id)).map(|metadata| metadata.len()).map_err(lost)
    }

    fn meta_now(&self, id: FileId) -> Option<Meta> {
        serde_json::from_slice::<Record>(&fs::read(self.meta_path(id)).ok()?).ok()?.meta()
    }

    fn remove(&self, id: FileId) -> io::Result<()> {
        remove_if_there(&self.path(id))?;
        remove_if_there(&self.meta_path(id))?;
        self.known().remove(&id);
        Ok(())
    }

    /// Removes the uploads that are not written to and of which this is true; and of what is not
    /// an upload, the files of which it is true.
    fn remove_where(&self, unwanted: impl Fn(&Found) -> bool) -> io::Result<usize> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.folder)? {
            let entry = entry?;
            let Some(found) = self.found(&entry)? else { continue };
            let busy = |id| matches!(self.known().get(&id), Some(State::Busy));
            if !unwanted(&found) || found.id.is_some_and(busy) {
                continue;
            }
            match found.id {
                Some(id) => self.remove(id)?,
                None => drop(remove_if_there(&entry.path())?),
            }
            removed += 1;
        }
        Ok(removed)
    }

    /// What a file in the folder is; `None` when it is gone, no file, or the smaller half of an
    /// upload, which goes with the other.
    fn found(&self, entry: &fs::DirEntry) -> io::Result<Option<Found>> {
        let metadata = match entry.metadata() {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            metadata => metadata?,
        };
        if metadata.is_dir() {
            return Ok(None);
        }
        let name = entry.file_name();
        let name = name.to_string_lossy();
        let named = |ending| name.strip_suffix(ending).and_then(|id| FileId::from_str(id).ok());
        if named(".json").is_some_and(|id| self.path(id).exists()) {
            return Ok(None);
        }
        let since_1970 = metadata.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        let id = named(".part").filter(|id| self.path(*id) == entry.path());
        let meta = id.and_then(|id| self.meta_now(id));
        Ok(Some(Found { id, meta, touched: Time::default().plus(since_1970) }))
    }
}

/// What lies in the folder.
struct Found {
    /// Which upload, if it is one.
    id: Option<FileId>,
    meta: Option<Meta>,
    touched: Time,
}

/// The right to write an upload.
struct Claim {
    staging: Arc<Staging>,
    id: FileId,
    hashed: Hashed,
}

impl Claim {
    fn on(staging: &Arc<Staging>, id: FileId) -> Result<Self> {
        let mut known = staging.known();
        let hashed = match known.insert(id, State::Busy) {
            Some(State::Busy) => return Err(Error::new(Code::Conflict, BUSY)),
            Some(State::Hashed(hashed)) => hashed,
            None => Hashed::default(),
        };
        Ok(Self { staging: staging.clone(), id, hashed })
    }

    async fn append<S>(mut self, offset: u64, mut pieces: S) -> Result<u64>
    where
        S: Stream<Item = Result<Bytes>> + Unpin,
    {
        let (claim, file, limit) = blocking(move || {
            let (file, limit) = self.open(offset)?;
            Ok((self, Arc::new(file), limit))
        })
        .await?;
        self = claim;
        let (mut length, mut more) = (offset, true);
        while more {
            let (mut gathered, ended) = gather(&mut pieces, self.staging.stall).await;
            more = ended.is_none();
            let room = limit.saturating_sub(length);
            let too_long = gathered.len() as u64 > room;
            gathered.truncate(usize::try_from(room).unwrap_or(usize::MAX));
            (self, length) = self.write(file.clone(), gathered.freeze(), length).await?;
            if too_long {
                return blocking(move || self.too_long(limit)).await;
            }
            ended.transpose()?;
        }
        Ok(length)
    }

    /// Removes the upload, of which more came than `limit`.
    fn too_long(mut self, limit: u64) -> Result<u64> {
        self.hashed = Hashed::default();
        self.staging.remove(self.id).map_err(Error::unavailable)?;
        Err(Error::new(Code::TooLarge, TOO_LONG).arg(limit.to_string()))
    }

    /// The file, to be written from `offset` on, and how long it may become.
    fn open(&self, offset: u64) -> Result<(File, u64)> {
        let opened = OpenOptions::new().append(true).open(self.staging.path(self.id));
        let file = opened.map_err(lost)?;
        let length = file.metadata().map_err(Error::unavailable)?.len();
        if length != offset {
            let (length, offset) = (length.to_string(), offset.to_string());
            return Err(Error::new(Code::Conflict, ELSEWHERE).arg(length).arg(offset));
        }
        let meta = self.staging.meta_now(self.id).ok_or_else(no_upload)?;
        Ok((file, meta.length))
    }

    /// Writes at the end of the file, which is at `length`; answers where it is then.
    async fn write(mut self, file: Arc<File>, bytes: Bytes, length: u64) -> Result<(Self, u64)> {
        if bytes.is_empty() {
            return Ok((self, length));
        }
        blocking(move || {
            (&*file).write_all(&bytes).map_err(Error::unavailable)?;
            let end = length + bytes.len() as u64;
            if is_full(length, end) {
                file.sync_data().map_err(Error::unavailable)?;
            }
            if self.hashed.length == length {
                self.hashed.hash.update(&bytes);
                self.hashed.length = end;
            }
            Ok((self, end))
        })
        .await
    }

    fn finish(mut self) -> Result<Whole> {
        let path = self.staging.path(self.id);
        let mut file = File::open(&path).map_err(lost)?;
        let size = file.metadata().map_err(Error::unavailable)?.len();
        if self.hashed.length != size {
            self.hashed = hashed(&mut file).map_err(Error::unavailable)?;
        }
        Ok(Whole { digest: self.hashed.clone().digest(), size: self.hashed.length, path })
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        let mut known = self.staging.known();
        // One that was discarded meanwhile is forgotten already.
        if known.remove(&self.id).is_some() && self.hashed.length > 0 {
            known.insert(self.id, State::Hashed(self.hashed.clone()));
        }
    }
}

/// Whether what was written up to `end` is to reach the disk before more is: each `UNWRITTEN` once.
const fn is_full(length: u64, end: u64) -> bool {
    length / UNWRITTEN != end / UNWRITTEN
}

/// What comes next, a `PIECE` or a little more, and how the stream ended, if it did.
async fn gather<S>(pieces: &mut S, stall: Duration) -> (BytesMut, Option<Result<()>>)
where
    S: Stream<Item = Result<Bytes>> + Unpin,
{
    let mut gathered = BytesMut::with_capacity(PIECE);
    while gathered.len() < PIECE {
        match timeout(stall, pieces.next()).await {
            Ok(Some(Ok(piece))) => gathered.extend_from_slice(&piece),
            Ok(Some(Err(error))) => return (gathered, Some(Err(error))),
            Ok(None) => return (gathered, Some(Ok(()))),
            Err(_) => return (gathered, Some(Err(stalled(stall)))),
        }
    }
    (gathered, None)
}

fn stalled(stall: Duration) -> Error {
    Error::new(Code::BadRequest, STALLED).arg(stall.as_secs().to_string())
}

fn hashed(file: &mut File) -> io::Result<Hashed> {
    let mut hashed = Hashed::default();
    let mut buffer = vec![0; PIECE];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hashed),
            count => {
                hashed.hash.update(&buffer[..count]);
                hashed.length += count as u64;
            }
        }
    }
}

/// `Meta` as it is written down.
#[derive(Serialize, Deserialize)]
struct Record {
    owner: String,
    length: u64,
    name: String,
    kind: String,
    resumable: bool,
    created: i64,
}

impl Record {
    fn bytes(&self) -> Result<Vec<u8>> {
        serde_json::to_vec(self).map_err(Error::internal)
    }

    fn meta(self) -> Option<Meta> {
        Some(Meta {
            owner: self.owner.parse().ok()?,
            length: self.length,
            name: self.name,
            kind: self.kind,
            resumable: self.resumable,
            created: Time(self.created),
        })
    }
}

impl From<Meta> for Record {
    fn from(meta: Meta) -> Self {
        Self {
            owner: meta.owner.to_string(),
            length: meta.length,
            name: meta.name,
            kind: meta.kind,
            resumable: meta.resumable,
            created: meta.created.millis(),
        }
    }
}

fn create_new(path: &Path) -> Result<File> {
    create_private(path).map_err(|error| match error.kind() {
        ErrorKind::AlreadyExists => Error::new(Code::Conflict, EXISTS),
        _ => Error::unavailable(error),
    })
}

fn no_upload() -> Error {
    Error::not_found(NO_UPLOAD)
}

/// The file of an upload cannot be opened.
fn lost(error: io::Error) -> Error {
    match error.kind() {
        ErrorKind::NotFound => no_upload(),
        _ => Error::unavailable(error),
    }
}

#[cfg(test)]
mod tests;
