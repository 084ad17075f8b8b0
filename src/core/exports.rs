//! Copies of people's own data: who gets one and when, how far it has come, what becomes of it.
//!
//! What goes into a copy is read by the same verbs as people read it with, as the person that it is
//! for; the room `export` writes it. Its parts are files of the person: they are fetched by links,
//! in ranges, take room among the person's files, and go with the account. A copy that was cut off
//! is made again from its beginning. Called by `http` and `export`.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use tokio::sync::{Notify, mpsc};
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::files::{Files, Staged};
use super::{Shared, to_the_end};
use crate::bus::Event;
use crate::error::{Code, Error, Result, Text};
use crate::id::{FileId, SessionId, UserId};
use crate::model::auth::Caller;
use crate::model::exports::{Done, Export, Look, NotYet};
use crate::model::files::{File, FileFacts, FileName};

/// How often it is looked whether a copy is due, when nobody here wishes for one.
const LOOK_EVERY: Duration = Duration::from_secs(30);
/// At most this many copies are looked at at once.
const LOOKED_AT: u32 = 16;
/// Pieces of a part that wait to be written.
const PIECES: usize = 8;
/// How long a part is kept while the others are made.
const UNREADY_FOR: Duration = Duration::from_secs(24 * 60 * 60);

const UNDER_WAY: Text = Text {
    en: "A copy of your data is being made. You are told when it is ready.",
    es: "Ya se está haciendo una copia de tus datos. Se te avisará cuando esté lista.",
};

/// Copies of people's own data.
#[derive(Clone)]
pub struct Exports {
    shared: Arc<Shared>,
    files: Files,
    wishes: Arc<Notify>,
}

/// A part of a copy that is being written.
pub struct Part {
    owner: UserId,
    staged: Staged,
    pieces: mpsc::Sender<Result<Bytes>>,
    written: JoinHandle<Result<u64>>,
}

impl Part {
    /// The next bytes; waits while the disk is behind.
    pub async fn write(&self, bytes: impl Into<Bytes>) -> Result<()> {
        let gone = |_| Error::unavailable("the part of a copy is written no more");
        self.pieces.send(Ok(bytes.into())).await.map_err(gone)
    }
}

impl Exports {
    pub(crate) fn new(shared: Arc<Shared>, files: Files) -> Self {
        Self { shared, files, wishes: Arc::default() }
    }

    /// Wishes for a copy of the caller's data, one at a time and one a day. Parts of an earlier one
    /// are let go.
    pub async fn begin(&self, caller: &Caller) -> Result<Export> {
        let (ports, user) = (&self.shared.ports, caller.user);
        let before = ports.store.export_of(user).await?;
        let wish = Export::wished(user, ports.now(), before.as_ref());
        let wish = wish.map_err(|why| match why {
            NotYet::UnderWay => Error::new(Code::Conflict, UNDER_WAY),
            NotYet::TooSoon(until) => Error::too_many(until.since(ports.now())),
        })?;
        let exports = self.clone();
        to_the_end(async move {
            let ports = &exports.shared.ports;
            if !ports.store.put_export(&wish).await? {
                return Err(Error::new(Code::Conflict, UNDER_WAY));
            }
            for part in before.iter().flat_map(Export::parts) {
                ports.store.release_file(*part, ports.now()).await?;
            }
            exports.wishes.notify_one();
            Ok(wish)
        })
        .await
    }

    /// The caller's copy, if they wished for one, with those of its parts that are there.
    pub async fn own(&self, caller: &Caller) -> Result<Option<(Export, Vec<File>)>> {
        let store = &self.shared.ports.store;
        let Some(export) = store.export_of(caller.user).await? else { return Ok(None) };
        let parts = store.files(export.parts()).await?;
        Ok(Some((export, parts)))
    }

    /// Waits until somebody here wishes for a copy, or it is time to look.
    pub async fn wished(&self) {
        // Time that has passed is as good as a wish.
        let _ = timeout(LOOK_EVERY, self.wishes.notified()).await;
    }

    /// The next copy that is to be made, from now on by the caller. What is over is forgotten.
    pub async fn claim(&self) -> Result<Option<Export>> {
        let (store, now) = (&self.shared.ports.store, self.shared.ports.now());
        for export in store.exports_due(now, LOOKED_AT).await? {
            match export.look(now) {
                Look::Make(next) => {
                    if store.put_export(&next).await? {
                        return Ok(Some(next));
                    }
                }
                Look::GiveUp(next) => {
                    if store.put_export(&next).await? {
                        self.tell(next);
                    }
                }
                Look::Forget => {
                    store.drop_export(export.user, export.version).await?;
                }
            }
        }
        Ok(None)
    }

    /// The person that a copy is for, as they are asked for everywhere; by no session of theirs.
    pub const fn speaker(export: &Export) -> Caller {
        Caller { user: export.user, session: SessionId(export.user.0), instance: None }
    }

    /// Notes how far a copy has come; `None` when it is nobody's any more, or another node's.
    pub async fn note(&self, export: &Export, done: Done) -> Result<Option<Export>> {
        let next = export.noted(done, self.shared.ports.now());
        Ok(self.shared.ports.store.put_export(&next).await?.then_some(next))
    }

    /// Begins a part, on this node's disk. What is not kept is gone when it is dropped.
    pub async fn begin_part(&self, export: &Export) -> Result<Part> {
        let staged = self.files.begin_aside(export.user, u64::MAX).await?;
        let staging = self.shared.ports.staging.clone();
        let (pieces, mut come) = mpsc::channel(PIECES);
        let id = staged.id();
        let come = stream::poll_fn(move |context| come.poll_recv(context));
        let written = tokio::spawn(async move { staging.append(id, 0, come).await });
        Ok(Part { owner: export.user, staged, pieces, written })
    }

    /// Makes a file of the person of a part that is whole.
    pub async fn keep_part(&self, part: Part, name: &str) -> Result<FileId> {
        let Part { owner, staged, pieces, written } = part;
        drop(pieces);
        written.await.map_err(Error::internal)??;
        let facts = FileFacts::document("application/zip", FileName::of(name), 0);
        let until = self.shared.ports.now().plus(UNREADY_FOR);
        self.files.keep_made(owner, &staged, facts, until).await.map(|file| file.id)
    }

    /// A copy is ready; whether it was the caller's to say so.
    pub async fn finish(
        &self,
        export: &Export,
        done: Done,
        parts: Vec<FileId>,
        left_out: u64,
    ) -> Result<bool> {
        let ports = &self.shared.ports;
        let ready = export.ready(done, parts, left_out, ports.now());
        ports.store.keep_files(ready.parts(), ready.due).await?;
        let exports = self.clone();
        to_the_end(async move {
            let is_put = exports.shared.ports.store.put_export(&ready).await?;
            if is_put {
                exports.tell(ready);
            }
            Ok(is_put)
        })
        .await
    }

    fn tell(&self, export: Export) {
        self.shared.ports.bus.publish(Event::Export(Arc::new(export)));
    }
}
