//! Unfinished uploads: whole in one request, or piece by piece over many.
//!
//! Invariant: a person has a bounded number of unfinished uploads, and never more bytes than their
//! quota has room for. Invariant: an upload becomes a file once, by whichever request finds it
//! whole.
//!
//! Called by `http`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream;

use super::keep::Label;
use super::look::{Claim, Picture};
use super::staged::Staged;
use super::{FileRules, Files};
use crate::clock::Time;
use crate::core::to_the_end;
use crate::error::{Code, Error, Result, Text};
use crate::id::{FileId, ObjectId, UserId};
use crate::model::auth::Caller;
use crate::model::files::{File, FileName, size_in_words};
use crate::objects::staging::{Meta, Staging};

/// How long an upload is kept that nobody continues.
pub const LIFE: Duration = Duration::from_secs(24 * 60 * 60);
/// At most this many unfinished uploads of a person.
pub const UNFINISHED: usize = 20;

const TOO_LARGE: Text = Text {
    en: "A file can be at most {}, and some kinds less.",
    es: "Un archivo puede tener como máximo {}, y algunos tipos menos.",
};
const MANY: Text = Text {
    en: "You have {} unfinished uploads. Finish or cancel one of them first.",
    es: "Tienes {} subidas sin terminar. Termina o cancela antes una de ellas.",
};
const EMPTY: Text = Text { en: "The file is empty.", es: "Un archivo vacío no es nada." };
const BUSY: Text = Text {
    en: "This upload is complete and is being processed. Ask again shortly.",
    es: "Esta subida está completa y se está examinando. Vuelve a preguntar en breve.",
};
const NO_UPLOAD: Text = Text {
    en: "This upload does not exist, or is not yours. Start it again.",
    es: "Esa subida no existe para ti. Empiézala de nuevo.",
};

/// How far an upload has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    /// How many bytes are there.
    pub offset: u64,
    /// How many it will have.
    pub length: u64,
    /// The file, once it is one.
    pub file: Option<File>,
    /// Until when it can be continued.
    pub expires: Time,
}

impl Progress {
    fn of(file: File) -> Self {
        let (size, created) = (file.facts.size, file.created);
        Self { offset: size, length: size, file: Some(file), expires: created.plus(LIFE) }
    }
}

/// What is said of a file that was received.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// What its uploader calls it.
    pub name: String,
    /// What its uploader says that it is.
    pub claim: Claim,
    /// A picture to show until it plays, if it is a film.
    pub poster: Option<Picture>,
    /// The uploader's idempotency key.
    pub key: Option<String>,
}

/// Unfinished uploads, and those that are being finished.
///
/// Invariant: whatever is unfinished on this node's disk is here, so that it counts.
pub(super) struct Begun(Mutex<HashMap<FileId, Unfinished>>);

#[derive(Clone, Copy)]
struct Unfinished {
    owner: UserId,
    length: u64,
    since: Time,
    finishing: bool,
}

impl Begun {
    /// With what a server before this one left on the disk.
    pub(super) fn found_in(staging: &Staging) -> Self {
        let begun = Self(Mutex::default());
        match staging.unfinished() {
            Ok(found) => found.iter().for_each(|(id, meta)| begun.add_found(*id, meta)),
            Err(error) => tracing::error!(%error, "unfinished uploads cannot be counted"),
        }
        begun
    }

    fn all(&self) -> MutexGuard<'_, HashMap<FileId, Unfinished>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many unfinished uploads somebody has, and how many bytes they will have.
    fn of(&self, owner: UserId) -> (usize, u64) {
        let all = self.all();
        let own = all.values().filter(|upload| upload.owner == owner);
        own.fold((0, 0), |(count, bytes), upload| (count + 1, bytes + upload.length))
    }

    /// Notes an upload if its owner has fewer than `most` and room for it among `room` bytes, seen
    /// and noted in one step; else how many and how many bytes it has.
    fn begin(
        &self,
        id: FileId,
        (owner, length, since): (UserId, u64, Time),
        (most, room): (usize, u64),
    ) -> Result<(), (usize, u64)> {
        let mut all = self.all();
        let own = all.values().filter(|upload| upload.owner == owner);
        let (count, bytes) =
            own.fold((0, 0_u64), |(count, bytes), own| (count + 1, bytes + own.length));
        if count >= most || bytes.saturating_add(length) > room {
            return Err((count, bytes));
        }
        all.insert(id, Unfinished { owner, length, since, finishing: false });
        Ok(())
    }

    fn add(&self, id: FileId, owner: UserId, length: u64, since: Time) {
        self.all().entry(id).or_insert(Unfinished { owner, length, since, finishing: false });
    }

    fn add_found(&self, id: FileId, meta: &Meta) {
        self.add(id, meta.owner, meta.length, meta.created);
    }

    pub(super) fn remove(&self, id: FileId) {
        self.all().remove(&id);
    }

    /// Forgets what the sweep of the disk removed: what began before then and is not on the disk.
    pub(super) fn sweep(&self, before: Time, staging: &Staging) {
        let expired = |upload: &Unfinished| !upload.finishing && upload.since < before;
        self.all().retain(|id, upload| !expired(upload) || staging.is_there(*id));
    }

    /// The right to finish an upload, for one request at a time.
    fn finish(self: &Arc<Self>, id: FileId) -> Result<Finishing> {
        match self.all().get_mut(&id) {
            Some(upload) if !upload.finishing => upload.finishing = true,
            _ => return Err(Error::new(Code::Conflict, BUSY)),
        }
        Ok(Finishing { begun: self.clone(), id })
    }
}

/// Holds the right to finish an upload.
struct Finishing {
    begun: Arc<Begun>,
    id: FileId,
}

impl Drop for Finishing {
    fn drop(&mut self) {
        if let Some(upload) = self.begun.all().get_mut(&self.id) {
            upload.finishing = false;
        }
    }
}

impl Files {
    /// Takes a file that comes as a whole; `keep` makes it one, when all that belongs to it is
    /// known.
    pub async fn receive<S>(&self, caller: &Caller, pieces: S) -> Result<Staged>
    where
        S: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        let room = self.check_room(caller, 1).await?;
        let ports = &self.shared.ports;
        let id = FileId(ports.ids.next());
        let length = self.rules.most().min(room);
        let meta = meta(caller, length, String::new(), Claim::default(), ports.now());
        ports.staging.begin(id, Meta { resumable: false, ..meta }).await?;
        let staged = Staged::new(id, ports.staging.clone());
        match ports.staging.append(id, 0, pieces).await {
            Err(error) if error.code == Code::TooLarge && length < self.rules.most() => {
                Err(self.full(self.rules.quota - room))
            }
            Err(error) if error.code == Code::TooLarge => Err(self.too_large()),
            outcome => outcome.map(|_| staged),
        }
    }

    /// Makes a file of what was received. Under one key, there is one file of a person: a repeat
    /// gives the first one again.
    pub async fn keep(&self, caller: &Caller, staged: Staged, given: Given) -> Result<File> {
        let Given { name, claim, poster, key } = given;
        let id = match key {
            Some(key) => {
                let id = self.shared.keyed(&[b"file", &caller.user.0.0, key.as_bytes()]);
                FileId(ObjectId(id))
            }
            None => staged.id(),
        };
        let label = Label { owner: caller.user, name: FileName::of(&name), claim, poster };
        let files = self.clone();
        to_the_end(async move {
            let whole = files.shared.ports.staging.finish(staged.id()).await?;
            files.complete(id, whole, label).await
        })
        .await
    }

    /// Begins an upload that comes in pieces.
    pub async fn begin(
        &self,
        caller: &Caller,
        length: u64,
        name: &str,
        claim: Claim,
    ) -> Result<(FileId, Progress)> {
        if length == 0 {
            return Err(Error::new(Code::UnsupportedMedia, EMPTY));
        }
        if length > self.rules.most() {
            return Err(self.too_large());
        }
        let ports = &self.shared.ports;
        let used = ports.store.used_bytes(caller.user).await?;
        let room = self.rules.quota.saturating_sub(used);
        let (id, now) = (FileId(ports.ids.next()), ports.now());
        let name = FileName::of(name).as_str().to_owned();
        let noted = self.begun.begin(id, (caller.user, length, now), (UNFINISHED, room));
        if let Err((count, bytes)) = noted {
            return Err(if count >= UNFINISHED {
                Error::new(Code::Conflict, MANY).arg(UNFINISHED.to_string())
            } else {
                self.full(used.saturating_add(bytes))
            });
        }
        let begun = ports.staging.begin(id, meta(caller, length, name, claim, now)).await;
        if let Err(error) = begun {
            self.begun.remove(id);
            return Err(error);
        }
        Ok((id, Progress { offset: 0, length, file: None, expires: now.plus(LIFE) }))
    }

    /// Adds what comes to an upload; makes it a file when that was all.
    pub async fn append<S>(
        &self,
        caller: &Caller,
        id: FileId,
        offset: u64,
        pieces: S,
    ) -> Result<Progress>
    where
        S: Stream<Item = Result<Bytes>> + Send + 'static,
    {
        let meta = self.unfinished(caller, id).await?;
        let appended = self.shared.ports.staging.append(id, offset, pieces).await;
        let offset = self.still_there(id, appended)?;
        self.reached(id, meta, offset).await
    }

    /// How far an upload has come. One that is whole becomes a file first, as it should have
    /// before.
    pub async fn progress(&self, caller: &Caller, id: FileId) -> Result<Progress> {
        match self.unfinished(caller, id).await {
            Ok(meta) => {
                let length = self.shared.ports.staging.length(id).await;
                let offset = self.still_there(id, length)?;
                self.reached(id, meta, offset).await
            }
            Err(error) if error.code == Code::NotFound => {
                let finished = self.finished(caller.user, id).await;
                finished.map(Progress::of).map_err(|_| Error::not_found(NO_UPLOAD))
            }
            Err(error) => Err(error),
        }
    }

    /// Gives an upload up.
    pub async fn cancel(&self, caller: &Caller, id: FileId) -> Result<()> {
        self.unfinished(caller, id).await?;
        self.give_up(id).await
    }

    async fn reached(&self, id: FileId, meta: Meta, offset: u64) -> Result<Progress> {
        if offset == meta.length {
            return self.finish(id, meta).await.map(Progress::of);
        }
        let expires = self.shared.ports.now().plus(LIFE);
        Ok(Progress { offset, length: meta.length, file: None, expires })
    }

    /// Makes a file of an upload that is whole. What is refused is given up; after any other
    /// failure it can be tried again.
    async fn finish(&self, id: FileId, meta: Meta) -> Result<File> {
        let files = self.clone();
        to_the_end(async move {
            let _finishing = files.begun.finish(id)?;
            let whole = files.shared.ports.staging.finish(id).await?;
            let (owner, name) = (meta.owner, FileName::of(&meta.name));
            let label = Label { owner, name, claim: meta.kind.parse()?, poster: None };
            let completed = files.complete(id, whole, label).await;
            match &completed {
                Err(error) if error.code.row().status >= 500 => {}
                _ => files.give_up(id).await?,
            }
            completed
        })
        .await
    }

    /// Forgets an upload that was removed meanwhile.
    fn still_there(&self, id: FileId, outcome: Result<u64>) -> Result<u64> {
        outcome.inspect_err(|error| {
            if matches!(error.code, Code::NotFound | Code::TooLarge) {
                self.begun.remove(id);
            }
        })
    }

    async fn give_up(&self, id: FileId) -> Result<()> {
        self.begun.remove(id);
        self.shared.ports.staging.discard(id).await
    }

    /// An unfinished upload of the caller's.
    async fn unfinished(&self, caller: &Caller, id: FileId) -> Result<Meta> {
        let meta = self.shared.ports.staging.meta(id).await?;
        if meta.owner != caller.user || !meta.resumable {
            return Err(Error::not_found(NO_UPLOAD));
        }
        // Known again after a restart.
        self.begun.add_found(id, &meta);
        Ok(meta)
    }

    /// How many bytes there is room for; at least `length`.
    async fn check_room(&self, caller: &Caller, length: u64) -> Result<u64> {
        let used = self.shared.ports.store.used_bytes(caller.user).await?;
        let taken = used.saturating_add(self.begun.of(caller.user).1);
        let room = self.rules.quota.saturating_sub(taken);
        if room < length { Err(self.full(taken)) } else { Ok(room) }
    }

    fn too_large(&self) -> Error {
        too_large(&self.rules)
    }
}

fn too_large(rules: &FileRules) -> Error {
    Error::new(Code::TooLarge, TOO_LARGE).arg(size_in_words(rules.most()))
}

fn meta(caller: &Caller, length: u64, name: String, claim: Claim, created: Time) -> Meta {
    Meta { owner: caller.user, length, name, kind: claim.written(), resumable: true, created }
}
