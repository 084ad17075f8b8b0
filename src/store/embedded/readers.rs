//! The readers: a few threads with a connection each, and one bounded queue before them.
//!
//! Invariant: each job sees one snapshot, and its read transaction ends with it: none lives across
//! an await, so none holds the log back.
//!
//! At most `QUEUE` jobs wait or run; a caller waits while they do. Called by the nouns beside it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};

use super::schema::{self, Use};
use super::sql::Db;
use super::writer::closed;
use crate::error::{Error, Result};

/// At most this many jobs wait or run.
const QUEUE: usize = 1024;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the readers' threads.
pub(super) struct Readers {
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
}

impl Readers {
    /// Starts the threads: one a core, at least 2, at most 8.
    pub(super) fn start(file: &Path) -> Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8));
        let readers =
            Self { queue: Arc::new(Queue::default()), room: Arc::new(Semaphore::new(QUEUE)) };
        for number in 0..threads {
            let connection = schema::open(file, Use::Reading)?;
            let queue = Arc::clone(&readers.queue);
            std::thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || queue.serve(&connection))
                .map_err(Error::unavailable)?;
        }
        Ok(readers)
    }

    /// Runs a job in a snapshot.
    pub(super) async fn run<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Db<'_>) -> Result<T> + Send + 'static,
    {
        let room = Arc::clone(&self.room).acquire_owned().await.map_err(|_| closed())?;
        let (reply, answer) = oneshot::channel();
        self.queue.push(Box::new(move |connection| {
            // Whoever asked may be gone: then nothing is read.
            if !reply.is_closed() {
                reply.send(snapshot(connection, job)).ok();
            }
            drop(room);
        }));
        answer.await.unwrap_or_else(|_| Err(closed()))
    }

    /// Takes no more jobs; those that wait still run. Idempotent.
    pub(super) fn close(&self) {
        self.room.close();
        self.queue.close();
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        self.close();
    }
}

fn snapshot<T>(connection: &Connection, job: impl FnOnce(&Db<'_>) -> Result<T>) -> Result<T> {
    let execute = |sql: &str| connection.prepare_cached(sql)?.execute([]);
    execute("BEGIN")?;
    let result = catch_unwind(AssertUnwindSafe(|| job(&Db(connection))))
        .unwrap_or_else(|_| Err(Error::internal("a job of the store panicked")));
    // Nothing was written: it makes no difference how the transaction ends.
    execute("ROLLBACK")?;
    result
}

#[derive(Default)]
struct Queue {
    state: Mutex<State>,
    more: Condvar,
}

#[derive(Default)]
struct State {
    jobs: VecDeque<Job>,
    closed: bool,
}

impl Queue {
    /// No job runs under the lock, so a panic cannot leave the state half changed.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn push(&self, job: Job) {
        let mut state = self.lock();
        if !state.closed {
            state.jobs.push_back(job);
            drop(state);
            self.more.notify_one();
        }
    }

    fn close(&self) {
        self.lock().closed = true;
        self.more.notify_all();
    }

    fn next(&self) -> Option<Job> {
        let mut state = self.lock();
        loop {
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            if state.closed {
                return None;
            }
            state = self.more.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn serve(&self, connection: &Connection) {
        while let Some(job) = self.next() {
            job(connection);
        }
    }
}
