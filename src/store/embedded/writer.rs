//! The writer: one thread that gathers what waits, writes it in one transaction, syncs it, and
//! answers all.
//!
//! Invariant: no answer leaves before COMMIT has synced; if COMMIT fails, every job of the batch
//! gets an error.
//! Invariant: a job that fails or panics leaves nothing behind and does not touch its neighbours:
//! it runs in a savepoint of its own. An append runs without one, for speed: it checks first and
//! writes after; if its writing fails half-way, the device failed, and the whole batch is rolled
//! back and answered with an error.
//!
//! The queue holds `QUEUE` jobs; a caller waits while it is full. Called by the nouns beside it.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::sync::{Arc, RwLock};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot, watch};

use super::checkpoint::Checkpoints;
use super::damage::Damage;
use super::schema::{self, Use};
use super::sql::Db;
use crate::error::{Error, Result};
use crate::store::Pending;

/// At most this many jobs wait.
const QUEUE: usize = 4096;
/// At most this many jobs in a transaction. That many wait only when commits are slow or very much
/// is written at once; then one sync for all is what helps.
const BATCH: usize = 2048;

/// The way to the writer's thread.
pub(super) struct Writer {
    queue: RwLock<Option<mpsc::Sender<Box<dyn Job>>>>,
    done: watch::Receiver<bool>,
}

/// The store was closed.
pub(super) fn closed() -> Error {
    Error::unavailable("the store is closed")
}

impl Writer {
    /// Starts the thread on an open, migrated connection.
    pub(super) fn start(
        file: PathBuf,
        connection: Connection,
        checkpoints: Checkpoints,
        damage: Arc<Damage>,
    ) -> Result<Self> {
        let (queue, waiting) = mpsc::channel(QUEUE);
        let (done, is_done) = watch::channel(false);
        let mut thread =
            Thread { file, connection: Some(connection), waiting, checkpoints, damage };
        std::thread::Builder::new()
            .name("store-writer".into())
            .spawn(move || {
                thread.serve();
                done.send_replace(true);
            })
            .map_err(Error::unavailable)?;
        Ok(Self { queue: RwLock::new(Some(queue)), done: is_done })
    }

    /// Runs a job in a savepoint and answers once its transaction is durable.
    pub(super) async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Db<'_>) -> Result<T> + Send + 'static,
    {
        self.queue(true, job).await?.await
    }

    /// Queues a job that checks first and writes after, without a savepoint. Its errors are errors
    /// of the device.
    pub(super) async fn append<T, F>(&self, job: F) -> Result<Pending<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Db<'_>) -> Result<T> + Send + 'static,
    {
        self.queue(false, job).await
    }

    async fn queue<T, F>(&self, savepoint: bool, job: F) -> Result<Pending<T>>
    where
        T: Send + 'static,
        F: FnOnce(&Db<'_>) -> Result<T> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let asked = Asked { job: Some(job), result: None, reply, savepoint };
        let queue = self.queue.read().ok().and_then(|queue| queue.clone()).ok_or_else(closed)?;
        queue.send(Box::new(asked)).await.map_err(|_| closed())?;
        Ok(Box::pin(async move { answer.await.unwrap_or_else(|_| Err(closed())) }))
    }

    /// Takes no more jobs, finishes those that wait, and closes the file. Idempotent.
    pub(super) async fn close(&self) {
        if let Ok(mut queue) = self.queue.write() {
            queue.take();
        }
        // An error means that the thread is gone, which is what is waited for.
        self.done.clone().wait_for(|done| *done).await.ok();
    }
}

/// What a caller asked for, and the way back.
trait Job: Send {
    fn savepoint(&self) -> bool;
    /// Runs it; whether it succeeded.
    fn run(&mut self, db: &Db<'_>) -> bool;
    /// What went wrong in it.
    fn error(&self) -> Option<&Error>;
    /// Sends the result back, or what was lost with the batch.
    fn answer(self: Box<Self>, lost: Option<&Lost>);
}

/// Why a batch was not committed.
struct Lost(Arc<str>);

impl Lost {
    fn because(cause: impl std::fmt::Display) -> Self {
        Self(format!("nothing of this batch was committed: {cause}").into())
    }
}

struct Asked<T, F> {
    job: Option<F>,
    result: Option<Result<T>>,
    reply: oneshot::Sender<Result<T>>,
    savepoint: bool,
}

impl<T, F> Job for Asked<T, F>
where
    T: Send,
    F: FnOnce(&Db<'_>) -> Result<T> + Send,
{
    fn savepoint(&self) -> bool {
        self.savepoint
    }

    fn run(&mut self, db: &Db<'_>) -> bool {
        let Some(job) = self.job.take() else { return false };
        let result = catch_unwind(AssertUnwindSafe(|| job(db)))
            .unwrap_or_else(|_| Err(Error::internal("a job of the store panicked")));
        let success = result.is_ok();
        self.result = Some(result);
        success
    }

    fn error(&self) -> Option<&Error> {
        self.result.as_ref()?.as_ref().err()
    }

    fn answer(self: Box<Self>, lost: Option<&Lost>) {
        let result = match (lost, self.result) {
            // A job's own error stays what it is, whatever became of the batch.
            (_, Some(Err(error))) => Err(error),
            (None, Some(Ok(value))) => Ok(value),
            (Some(lost), _) => Err(Error::unavailable(lost.0.to_string())),
            (None, None) => Err(Error::internal("a job of the store did not run")),
        };
        // Whoever asked may be gone; what is stored stays stored.
        self.reply.send(result).ok();
    }
}

struct Thread {
    file: PathBuf,
    connection: Option<Connection>,
    waiting: mpsc::Receiver<Box<dyn Job>>,
    checkpoints: Checkpoints,
    damage: Arc<Damage>,
}

impl Thread {
    fn serve(&mut self) {
        let mut batch = Vec::with_capacity(BATCH);
        while let Some(first) = self.waiting.blocking_recv() {
            batch.push(first);
            while batch.len() < BATCH {
                let Ok(next) = self.waiting.try_recv() else { break };
                batch.push(next);
            }
            let lost = self.commit(&mut batch).err();
            for job in batch.drain(..) {
                job.error().into_iter().for_each(|error| self.damage.note(error));
                job.answer(lost.as_ref());
            }
            self.checkpoints.note_commit();
        }
        self.finish();
    }

    /// Runs the jobs in one transaction and commits it; after an error nothing of it is there, and
    /// the next batch begins on sound ground.
    fn commit(&mut self, batch: &mut [Box<dyn Job>]) -> Result<(), Lost> {
        let connection = match self.connection.take() {
            Some(connection) => connection,
            None => schema::open(&self.file, Use::Writing).map_err(Lost::because_of)?,
        };
        let committed = transact(&connection, batch, &self.damage);
        let sound = committed.is_ok()
            || connection.is_autocommit()
            || connection.execute_batch("ROLLBACK").is_ok();
        // A connection that cannot even roll back is thrown away; the next batch opens a new one.
        self.connection = sound.then_some(connection);
        committed
    }

    /// Leaves one file: the log is copied into it and emptied.
    fn finish(&mut self) {
        self.checkpoints.stop();
        if let Some(connection) = self.connection.take() {
            let emptied = connection
                .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
            if let Err(error) = emptied {
                tracing::warn!(%error, "the log of the store was not emptied; nothing is lost");
            }
        }
    }
}

impl Lost {
    fn because_of(error: Error) -> Self {
        match error.cause() {
            Some(cause) => Self::because(cause),
            None => Self::because(error),
        }
    }
}

fn transact(
    connection: &Connection,
    batch: &mut [Box<dyn Job>],
    damage: &Damage,
) -> Result<(), Lost> {
    let execute = |sql: &str| -> Result<(), Lost> {
        let executed = connection.prepare_cached(sql).and_then(|mut s| s.execute([]));
        executed.inspect_err(|error| damage.note_sqlite(error)).map_err(Lost::because)?;
        Ok(())
    };
    let db = Db(connection);
    execute("BEGIN IMMEDIATE")?;
    for job in batch.iter_mut() {
        let savepoint = job.savepoint();
        if savepoint {
            execute("SAVEPOINT job")?;
        }
        let success = job.run(&db);
        // A full disk or a failing device makes SQLite roll back everything by itself.
        if connection.is_autocommit() || (!success && !savepoint) {
            return Err(Lost::because("a write failed"));
        }
        if !success {
            execute("ROLLBACK TO job")?;
        }
        if savepoint {
            execute("RELEASE job")?;
        }
    }
    execute("COMMIT")
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        writer: Writer,
        file: PathBuf,
        _dir: tempfile::TempDir,
    }

    fn bench() -> Bench {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("test.db");
        let connection = schema::open(&file, Use::Writing).expect("opens");
        connection.execute_batch("CREATE TABLE t(n INTEGER UNIQUE)").expect("creates");
        let checkpoints = Checkpoints::start(&file).expect("starts");
        let writer = Writer::start(file.clone(), connection, checkpoints, Arc::default());
        let writer = writer.expect("starts");
        Bench { writer, file, _dir: dir }
    }

    fn put(db: &Db<'_>, number: i64) -> Result<i64> {
        db.run("INSERT INTO t VALUES(?1)", [number])?;
        Ok(number)
    }

    impl Bench {
        /// Holds the writer until the sender goes, so that what is queued meanwhile is one batch.
        async fn hold(&self) -> std::sync::mpsc::Sender<()> {
            let (release, held) = std::sync::mpsc::channel::<()>();
            let (begin, begun) = oneshot::channel();
            let job = move |_: &Db<'_>| {
                begin.send(()).ok();
                held.recv().ok();
                Ok(())
            };
            drop(self.writer.queue(true, job).await.expect("queues"));
            begun.await.expect("begins");
            release
        }

        fn numbers(&self) -> Vec<i64> {
            let connection = schema::open(&self.file, Use::Reading).expect("opens");
            Db(&connection).all("SELECT n FROM t ORDER BY n", [], |row| row.get(0)).expect("reads")
        }
    }

    #[tokio::test]
    async fn a_job_that_fails_or_panics_leaves_nothing_and_its_neighbours_alone() {
        let bench = bench();
        let release = bench.hold().await;
        let first = bench.writer.queue(true, |db| put(db, 1)).await.expect("queues");
        let fails = bench.writer.queue(true, |db| put(db, 2).and_then(|_| put(db, 1)));
        let fails = fails.await.expect("queues");
        let panics = bench.writer.queue(true, |db| -> Result<()> {
            put(db, 3)?;
            panic!("on purpose")
        });
        let panics = panics.await.expect("queues");
        let last = bench.writer.append(|db| put(db, 4)).await.expect("queues");
        drop(release);
        assert_eq!(first.await.expect("is stored"), 1);
        assert!(fails.await.is_err());
        assert!(panics.await.is_err());
        assert_eq!(last.await.expect("is stored"), 4);
        assert_eq!(bench.numbers(), [1, 4]);
    }

    #[tokio::test]
    async fn of_a_batch_that_cannot_be_committed_nothing_is_acknowledged() {
        let bench = bench();
        let release = bench.hold().await;
        let before = bench.writer.queue(true, |db| put(db, 1)).await.expect("queues");
        let fails = bench.writer.append(|db| put(db, 2).and_then(|_| put(db, 1)));
        let fails = fails.await.expect("queues");
        let after = bench.writer.queue(true, |db| put(db, 3)).await.expect("queues");
        drop(release);
        assert!(before.await.is_err());
        assert!(fails.await.is_err());
        assert!(after.await.is_err());
        assert_eq!(bench.numbers(), [0; 0]);
        assert_eq!(bench.writer.run(|db| put(db, 5)).await.expect("goes on"), 5);
        assert_eq!(bench.numbers(), [5]);
    }

    #[tokio::test]
    async fn closing_finishes_what_is_queued() {
        let bench = bench();
        let release = bench.hold().await;
        let queued = bench.writer.append(|db| put(db, 1)).await.expect("queues");
        drop(release);
        bench.writer.close().await;
        assert_eq!(queued.await.expect("is stored"), 1);
        assert!(bench.writer.run(|db| put(db, 2)).await.is_err());
        assert_eq!(bench.numbers(), [1]);
    }
}
