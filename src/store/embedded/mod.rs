//! The embedded store: one SQLite file in a directory, no other service.
//!
//! Guarantees what `store` promises: every verb that writes is one job of the one writer, answered
//! after its transaction is synced; every verb that reads is one snapshot of a reader. The file is
//! opened by at most one server at a time; an operator may read it beside that.
//!
//! Reading order: `migrations` (tables), `writer` and `readers` (how jobs run), then one file a
//! noun. Named by `app` alone.

mod checkpoint;
mod damage;
mod messages_to_be;
mod migrations;
mod nodes;
mod readers;
mod schema;
mod sql;
mod writer;

mod members;
mod users;

mod accounts;
mod alerts;
mod alter;
mod archive;
mod backup;
mod calls;
mod changes;
mod chat_verbs;
mod chats;
mod contacts;
mod counts;
mod door;
mod exports;
mod files;
mod invites;
mod list;
mod message_verbs;
mod messages;
mod operators;
mod pushes;
mod recoveries;
mod reports;
mod restore;
mod sessions;
mod steps;
mod terms;
mod trends;
mod upkeep;
#[cfg(test)]
mod work;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

pub use self::backup::Copied;
use self::checkpoint::Checkpoints;
use self::damage::Damage;
use self::list::Orders;
use self::readers::Readers;
use self::schema::Use;
use self::sql::Db;
#[cfg(test)]
pub(crate) use self::work::steps_of;
use self::writer::Writer;
use crate::error::{Error, Result};
use crate::id::Incarnation;
use crate::store::Store;

/// The name of the file in its directory.
const FILE: &str = "wechat.db";

/// The store on SQLite.
pub struct EmbeddedStore {
    writer: Writer,
    readers: Readers,
    orders: Orders,
    incarnation: Mutex<Incarnation>,
    damage: Arc<Damage>,
}

impl Store for EmbeddedStore {}

impl EmbeddedStore {
    /// Opens the store in `dir`, or begins one there. After a crash it recovers by itself. Fails
    /// when the directory cannot be written or a newer version wrote the file. Blocks for a few
    /// milliseconds, and for up to a tenth of a second to look for damage in a file that is not
    /// large: one that is found is said and does not keep the rest from serving.
    pub fn open(dir: &Path) -> Result<Self> {
        let file = prepare(dir).map_err(Error::unavailable)?;
        Self::open_file(file).map_err(damage::with_cure)
    }

    fn open_file(file: PathBuf) -> Result<Self> {
        let damage = Arc::new(Damage::default());
        let mut connection = schema::open(&file, Use::Writing)?;
        migrations::migrate(&mut connection)?;
        damage.look(&file, &connection);
        let incarnation = Mutex::new(upkeep::incarnation(&Db(&connection))?);
        let readers = Readers::start(&file, &damage)?;
        let checkpoints = Checkpoints::start(&file)?;
        let writer = Writer::start(file, connection, checkpoints, damage.clone())?;
        Ok(Self { writer, readers, orders: Orders::new(), incarnation, damage })
    }

    /// Which life of the store this is, until it is renewed.
    fn incarnation_now(&self) -> Incarnation {
        *self.incarnation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a job that only reads, about a page at most, in a snapshot.
    async fn read<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Db<'_>) -> Result<T> + Send + 'static,
    {
        self.readers.short(job).await
    }

    /// Runs a job that only reads, however much, in a snapshot.
    async fn scan<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Db<'_>) -> Result<T> + Send + 'static,
    {
        self.readers.run(job).await
    }

    /// Runs a job that writes: all of it or nothing, durable when it is answered.
    async fn write<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Db<'_>) -> Result<T> + Send + 'static,
    {
        self.writer.run(job).await
    }
}

/// Makes the directory and the file, readable by their owner alone: private messages are in it.
/// SQLite gives its log the same mode.
fn prepare(dir: &Path) -> std::io::Result<PathBuf> {
    std::fs::create_dir_all(dir)?;
    let file = dir.join(FILE);
    let mut options = std::fs::OpenOptions::new();
    options.create(true).append(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(&file)?;
    Ok(file)
}
