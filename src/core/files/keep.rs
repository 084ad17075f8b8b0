//! From an upload that is whole to a file: its row, then its bytes.
//!
//! Invariant: a row is put before its bytes, and the bytes only when none of them is claimed for
//! removal; so the sweep either sees the row or is waited for.
//! Invariant: the original is put last: where it is, the smaller pictures are.
//! Invariant: what is put aside on the way is removed, whatever happens.
//!
//! Called by `uploads`, `pictures` and `core::exports`.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream;
use tokio::time::{Instant, sleep};

use super::look::{Claim, Looked, Made, Picture};
use super::staged::Staged;
use super::{Files, NO_FILE, UNUSED_FOR};
use crate::clock::Time;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{FileId, UserId};
use crate::model::files::{Digest, File, FileFacts, FileKind, FileName, Rendition, size_in_words};
use crate::objects::staging::Meta;
use crate::objects::whole::Whole;
use crate::store::FilePut;

/// How long a row is kept whose bytes do not come.
const ALONE_FOR: Duration = Duration::from_secs(60 * 60);
/// How long to wait for objects that are being removed.
const CLAIMED_WITHIN: Duration = Duration::from_secs(30);
const LOOK_AGAIN: Duration = Duration::from_millis(50);

const TOO_LARGE: Text = Text {
    en: "A file of this kind ({}) can be at most {}.",
    es: "Un archivo de este tipo ({}) puede tener como máximo {}.",
};
const FULL: Text = Text {
    en: "You have no room left: your files take up {} of {}. Delete old messages with files; their \
         room is free again three days later.",
    es: "No hay espacio: tus archivos ocupan {} de {}. Elimina antes mensajes antiguos con \
         archivos; el espacio queda libre tres días después.",
};

/// What is known about an upload besides its bytes.
#[derive(Debug, Clone)]
pub(super) struct Label {
    pub(super) owner: UserId,
    pub(super) name: FileName,
    pub(super) claim: Claim,
    pub(super) poster: Option<Picture>,
}

const OTHER_FILE: Text = Text {
    en: "This key was used for another file. Use a new key for each file.",
    es: "Esta clave ya se usó para otro archivo. Da a cada archivo su propia clave.",
};

/// Bytes that are ready to be put.
struct Ready {
    whole: Whole,
    media_type: String,
    _staged: Option<Staged>,
}

impl Ready {
    fn rendition(&self) -> Rendition {
        let Whole { digest, size, .. } = self.whole;
        Rendition { digest, size, media_type: self.media_type.clone() }
    }
}

impl Files {
    /// Looks at an upload that is whole and stores it. Safe to repeat.
    pub(super) async fn complete(&self, id: FileId, whole: Whole, label: Label) -> Result<File> {
        let Label { owner, name, claim, poster } = label;
        let looked = self.look(whole.clone(), name, claim, poster).await?;
        self.check_size(looked.facts.kind, looked.facts.size.max(whole.size))?;
        self.store(id, owner, whole, looked).await
    }

    fn check_size(&self, kind: FileKind, size: u64) -> Result<()> {
        let limit = self.rules.limit(kind);
        if size <= limit {
            return Ok(());
        }
        Err(Error::new(Code::TooLarge, TOO_LARGE).arg(kind.name()).arg(size_in_words(limit)))
    }

    pub(super) fn full(&self, used: u64) -> Error {
        let quota = size_in_words(self.rules.quota);
        Error::new(Code::Conflict, FULL).arg(size_in_words(used)).arg(quota)
    }

    /// Puts the row, then the bytes, the original last.
    async fn store(&self, id: FileId, owner: UserId, came: Whole, looked: Looked) -> Result<File> {
        let facts = looked.facts;
        let small = self.made_ready(owner, looked.small).await?;
        let large = self.made_ready(owner, looked.large).await?;
        let cleaned = looked.cleaned.map(|bytes| Made { bytes, media_type: String::new() });
        let original = self.made_ready(owner, cleaned).await?;
        let kept = original.as_ref().map(|ready| ready.whole.clone());
        let whole = kept.unwrap_or(Whole { digest: looked.digest, ..came });
        let now = self.shared.ports.now();
        let file = File {
            id,
            owner,
            facts,
            digest: whole.digest,
            small: small.as_ref().map(Ready::rendition),
            large: large.as_ref().map(Ready::rendition),
            created: now,
            kept_until: Some(now.plus(ALONE_FOR)),
        };
        self.put_row(&file, self.rules.quota).await?;
        self.check_same(&file).await?;
        self.wait_unclaimed(&file).await?;
        for ready in small.iter().chain(&large) {
            self.put(&ready.whole).await?;
        }
        self.put(&whole).await?;
        let kept = self.shared.ports.store.keep_files(&[id], now.plus(UNUSED_FOR)).await?;
        kept.into_iter().next().ok_or(Error::unavailable("the file was swept before it was whole"))
    }

    /// Stores a document that the server made for a person, whatever room they have, and keeps it
    /// until then.
    pub(crate) async fn keep_made(
        &self,
        owner: UserId,
        staged: &Staged,
        facts: FileFacts,
        until: Time,
    ) -> Result<File> {
        let (ports, id) = (&self.shared.ports, staged.id());
        let whole = ports.staging.finish(id).await?;
        let file = File {
            id,
            owner,
            facts: FileFacts { size: whole.size, ..facts },
            digest: whole.digest,
            small: None,
            large: None,
            created: ports.now(),
            kept_until: Some(until),
        };
        self.put_row(&file, u64::MAX).await?;
        self.wait_unclaimed(&file).await?;
        self.put(&whole).await?;
        Ok(file)
    }

    async fn put_row(&self, file: &File, quota: u64) -> Result<()> {
        match self.shared.ports.store.put_file(file, quota).await? {
            FilePut::Done => Ok(()),
            FilePut::Full(used) => Err(self.full(used)),
            FilePut::NoOwner => Err(Error::new(Code::Unauthenticated, text::UNAUTHENTICATED)),
        }
    }

    /// A row that was there before, under the same id, must be of the same content.
    async fn check_same(&self, file: &File) -> Result<()> {
        let stored = self.shared.ports.store.files(&[file.id]).await?.pop();
        match stored {
            Some(stored) if stored.digest != file.digest || stored.owner != file.owner => {
                Err(Error::new(Code::Conflict, OTHER_FILE))
            }
            _ => Ok(()),
        }
    }

    async fn wait_unclaimed(&self, file: &File) -> Result<()> {
        let digests: Vec<Digest> = file.digests().collect();
        let until = Instant::now() + CLAIMED_WITHIN;
        while self.shared.ports.store.is_claimed(&digests).await? {
            if Instant::now() > until {
                return Err(Error::unavailable("an equal object is being removed for too long"));
            }
            sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    async fn put(&self, whole: &Whole) -> Result<()> {
        self.shared.ports.objects.put(whole.digest, whole.size, &whole.path).await
    }

    /// Puts bytes of our own making aside, so that they can be put as an upload can.
    async fn made_ready(&self, owner: UserId, made: Option<Made>) -> Result<Option<Ready>> {
        let Some(Made { bytes, media_type }) = made else { return Ok(None) };
        let staged = self.put_aside(owner, bytes).await?;
        let whole = self.shared.ports.staging.finish(staged.id()).await?;
        Ok(Some(Ready { whole, media_type, _staged: Some(staged) }))
    }

    /// Stages bytes that are there already.
    pub(super) async fn put_aside(&self, owner: UserId, bytes: Vec<u8>) -> Result<Staged> {
        let staged = self.begin_aside(owner, bytes.len() as u64).await?;
        let staging = &self.shared.ports.staging;
        staging.append(staged.id(), 0, stream::iter([Ok(bytes.into())])).await?;
        Ok(staged)
    }

    /// Begins to stage bytes that will come; at most so many.
    pub(crate) async fn begin_aside(&self, owner: UserId, length: u64) -> Result<Staged> {
        let ports = &self.shared.ports;
        let id = FileId(ports.ids.next());
        let meta = Meta {
            owner,
            length,
            name: String::new(),
            kind: String::new(),
            resumable: false,
            created: ports.now(),
        };
        ports.staging.begin(id, meta).await?;
        Ok(Staged::new(id, Arc::clone(&ports.staging)))
    }

    /// The file that an upload has become, for its owner.
    pub(super) async fn finished(&self, owner: UserId, id: FileId) -> Result<File> {
        let found = self.shared.own_files(owner, &[id]).await?.pop();
        found.ok_or(Error::not_found(NO_FILE))
    }
}
