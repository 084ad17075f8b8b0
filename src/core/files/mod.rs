//! Files: how they arrive, who can see them, and when they are deleted.
//!
//! An upload stays in the staging until it is whole; then it is examined (`look`) and stored
//! (`keep`), and from then on it is a file. Its row is put first and its bytes after it, the
//! original last; a row whose bytes never arrived is deleted within the hour.
//!
//! Invariant: only people who may see a file at that moment can fetch it: its owner, people who see
//! a message with it, people who see a person or group whose picture it is. For everybody else it
//! does not exist. Invariant: every file was examined before people get it: pictures are rebuilt,
//! and anything that is not a picture, film or sound is a document. Invariant: a file that nothing
//! uses any more is kept for three days and then removed, and so are its bytes unless another file
//! has the same.
//!
//! Called by `http`; `messages` and `groups` use its checks.

mod keep;
mod links;
mod look;
mod pictures;
mod staged;
mod sweep;
mod uploads;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Semaphore;

pub use self::links::{LINK_LIFE, LINKS_AT_ONCE, Link, SignedLink};
pub use self::look::{Claim, Meant, Picture};
pub use self::staged::Staged;
use self::uploads::Begun;
pub use self::uploads::{Given, LIFE, Progress, UNFINISHED};
use super::{Shared, to_the_end};
use crate::error::{Code, Error, Result, Text};
use crate::id::{FileId, UserId};
use crate::model::auth::Caller;
use crate::model::files::{Digest, File, FileKind, FileView};
use crate::objects::ByteStream;

/// How long a file is kept that nothing uses.
pub const UNUSED_FOR: Duration = Duration::from_secs(3 * 24 * 60 * 60);
/// How many files are examined at once: each may need much memory.
pub const LOOKED_AT_ONCE: usize = 2;

const NO_FILE: Text = Text {
    en: "This file does not exist, or you cannot see it.",
    es: "Ese archivo no existe para ti.",
};
const NO_PICTURE: Text = Text {
    en: "This file has no smaller picture.",
    es: "No hay una imagen reducida de este archivo.",
};
const NOT_YOURS: Text = Text {
    en: "Only the person who uploaded this file can delete it.",
    es: "Solo quien subió un archivo puede desprenderse de él.",
};
const IN_USE: Text = Text {
    en: "This file is in use: delete the message that contains it, or choose another picture.",
    es: "Este archivo está en uso: elimina el mensaje en el que está o elige otra imagen.",
};

/// What an operator may set of files: how many bytes each kind may have, and all of a person's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileRules {
    /// A picture.
    pub image: u64,
    /// A film.
    pub video: u64,
    /// Sound, spoken or not.
    pub audio: u64,
    /// Anything else.
    pub document: u64,
    /// All files of a person.
    pub quota: u64,
}

impl Default for FileRules {
    fn default() -> Self {
        const GIB: u64 = 1 << 30;
        Self { image: 25 << 20, video: 2 * GIB, audio: 2 * GIB, document: 2 * GIB, quota: 10 * GIB }
    }
}

impl FileRules {
    /// How many bytes a file of this kind may have.
    pub const fn limit(&self, kind: FileKind) -> u64 {
        match kind {
            FileKind::Image => self.image,
            FileKind::Video => self.video,
            FileKind::Audio | FileKind::Voice => self.audio,
            FileKind::Document => self.document,
        }
    }

    /// How many bytes a file may have while nobody knows what it is.
    pub fn most(&self) -> u64 {
        FileKind::ALL.into_iter().map(|kind| self.limit(kind)).max().unwrap_or_default()
    }
}

/// Which picture of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Size {
    /// The file itself.
    Original,
    /// At most 320 pixels on the long side.
    Small,
    /// At most 1,280 pixels on the long side.
    Large,
}

/// The bytes that a fetch asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Content {
    /// The file that they belong to.
    pub file: File,
    /// The object.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// What a client may take them for (RFC 6838).
    pub media_type: String,
}

/// How much room a person's files take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Storage {
    /// Bytes of all files.
    pub used: u64,
    /// At most so many.
    pub quota: u64,
}

/// How files come, who sees them, and when they go.
#[derive(Clone)]
pub struct Files {
    shared: Arc<Shared>,
    rules: FileRules,
    looks: Arc<Semaphore>,
    begun: Arc<Begun>,
}

impl Files {
    pub(crate) fn new(shared: Arc<Shared>, rules: FileRules) -> Self {
        let looks = Arc::new(Semaphore::new(LOOKED_AT_ONCE));
        let begun = Arc::new(Begun::found_in(&shared.ports.staging));
        Self { shared, rules, looks, begun }
    }

    /// What an operator set.
    pub const fn rules(&self) -> &FileRules {
        &self.rules
    }

    /// What is known of a file that the caller may see.
    pub async fn look_up(&self, caller: &Caller, id: FileId) -> Result<File> {
        Ok(self.view(caller, id).await?.file)
    }

    /// What a fetch of a file gives: the file itself, or a smaller picture of it. A picture that is
    /// small already is its own smaller picture.
    pub async fn content(&self, caller: &Caller, id: FileId, size: Size) -> Result<Content> {
        let file = self.view(caller, id).await?.file;
        let picture = match size {
            Size::Original => None,
            Size::Small => file.small.clone().or_else(|| file.large.clone()),
            Size::Large => file.large.clone(),
        };
        let is_picture = file.facts.kind == FileKind::Image;
        match picture {
            Some(picture) => Ok(Content {
                digest: picture.digest,
                size: picture.size,
                media_type: picture.media_type,
                file,
            }),
            None if is_picture || size == Size::Original => Ok(Content {
                digest: file.digest,
                size: file.facts.size,
                media_type: file.facts.media_type.clone(),
                file,
            }),
            None => Err(Error::not_found(NO_PICTURE)),
        }
    }

    /// The bytes of a range of what `content` gave.
    pub async fn read(&self, content: &Content, range: Range<u64>) -> Result<ByteStream> {
        self.shared.ports.objects.read(content.digest, range).await
    }

    /// How much room the caller's files take.
    pub async fn storage(&self, caller: &Caller) -> Result<Storage> {
        let used = self.shared.ports.store.used_bytes(caller.user).await?;
        Ok(Storage { used, quota: self.rules.quota })
    }

    /// Lets a file of the caller's go that nothing uses.
    pub async fn delete(&self, caller: &Caller, id: FileId) -> Result<()> {
        let view = self.view(caller, id).await?;
        if view.file.owner != caller.user {
            return Err(Error::forbidden(NOT_YOURS));
        }
        if view.in_sight || view.of_user || view.of_group {
            return Err(Error::new(Code::Conflict, IN_USE));
        }
        let shared = self.shared.clone();
        to_the_end(async move {
            let ports = &shared.ports;
            ports.store.release_file(id, ports.now()).await
        })
        .await
    }

    async fn view(&self, caller: &Caller, id: FileId) -> Result<FileView> {
        let view = self.shared.ports.store.file_view(id, caller.user).await?;
        let may_see = |view: &FileView| {
            view.file.owner == caller.user || view.in_sight || view.of_user || view.of_group
        };
        view.filter(may_see).ok_or(Error::not_found(NO_FILE))
    }
}

impl Shared {
    /// Those of these files that are a person's own, and whose bytes are there.
    pub(crate) async fn own_files(&self, owner: UserId, ids: &[FileId]) -> Result<Vec<File>> {
        let mut own = Vec::with_capacity(ids.len());
        for file in self.ports.store.files(ids).await? {
            if file.owner == owner && self.ports.objects.size(file.digest).await?.is_some() {
                own.push(file);
            }
        }
        Ok(own)
    }

    /// Keeps files that are taken into use, or out of it: the sweep looks at them again later.
    pub(crate) async fn keep_files(&self, ids: &[FileId]) -> Result<()> {
        if ids.is_empty() {
            return Ok(());
        }
        self.ports.store.keep_files(ids, self.ports.now().plus(UNUSED_FOR)).await.map(drop)
    }
}
