//! The readers: connections at hand for short jobs, and a few threads with a connection each, with
//! one bounded queue before them, for all else.
//!
//! A short job runs where it is asked for: to wake another thread and to be woken again costs more
//! than to read a warm page. While the disk is slow, short jobs go to the threads too: after one
//! that took longer than `LONG`, none runs in its caller's place for `REST` times as long.
//!
//! Invariant: each job sees one snapshot, and its read transaction ends with it: none lives across
//! an await, so none holds the log back.
//!
//! At most `QUEUE` jobs wait or run in threads; a caller waits while they do. Called by the nouns
//! beside it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;
use tokio::sync::{Semaphore, oneshot};
use tokio::task::coop::consume_budget;

use super::damage::Damage;
use super::schema::{self, Use};
use super::sql::Db;
use super::writer::closed;
use crate::error::{Error, Result};

/// At most this many jobs wait or run.
const QUEUE: usize = 1024;
/// A short job that takes longer waits for the disk.
const LONG: Duration = Duration::from_millis(10);
/// So many times as long as such a job took, others are spared the wait.
const REST: u32 = 20;

type Job = Box<dyn FnOnce(&Connection) + Send>;

/// The way to the readers.
pub(super) struct Readers {
    at_hand: Mutex<AtHand>,
    queue: Arc<Queue>,
    room: Arc<Semaphore>,
    damage: Arc<Damage>,
}

impl Readers {
    /// Starts the threads: one a core, at least 2, at most 8; as many connections are at hand.
    pub(super) fn start(file: &Path, damage: &Arc<Damage>) -> Result<Self> {
        let threads = std::thread::available_parallelism().map_or(2, |n| n.get().clamp(2, 8));
        let connections = (0..threads).map(|_| schema::open(file, Use::Reading));
        let readers = Self {
            at_hand: Mutex::new(AtHand::of(connections.collect::<Result<_>>()?)),
            queue: Arc::new(Queue::default()),
            room: Arc::new(Semaphore::new(QUEUE)),
            damage: damage.clone(),
        };
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

    /// Runs a job that reads about a page, in a snapshot: here if that goes, else in a thread.
    pub(super) async fn short<T, F>(&self, job: F) -> Result<T>
    where
        T: Send + 'static,
        F: FnOnce(&Db<'_>) -> Result<T> + Send + 'static,
    {
        // Who reads again and again, never waiting, lets others run between.
        consume_budget().await;
        let began = Instant::now();
        let connection = self.at_hand().take(began);
        let Some(connection) = connection else { return self.run(job).await };
        let result = snapshot(&connection, job);
        let ended = Instant::now();
        self.at_hand().give_back(connection, ended - began, ended);
        result.inspect_err(|error| self.damage.note(error))
    }

    fn at_hand(&self) -> MutexGuard<'_, AtHand> {
        self.at_hand.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Runs a job in a snapshot, in a thread.
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
        let result = answer.await.unwrap_or_else(|_| Err(closed()));
        result.inspect_err(|error| self.damage.note(error))
    }

    /// Takes no more jobs; those that wait still run. Idempotent.
    pub(super) fn close(&self) {
        *self.at_hand() = AtHand::default();
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

/// Connections for jobs that run in their caller's place; none once the store is closed.
#[derive(Default)]
struct AtHand {
    free: Vec<Connection>,
    /// How many there are, lent ones included.
    all: usize,
    not_before: Option<Instant>,
}

impl AtHand {
    const fn of(free: Vec<Connection>) -> Self {
        Self { all: free.len(), free, not_before: None }
    }

    /// A connection, unless all are lent or the disk is slow.
    fn take(&mut self, now: Instant) -> Option<Connection> {
        if self.not_before.is_some_and(|moment| now < moment) {
            return None;
        }
        self.free.pop()
    }

    /// Takes a connection back after a job that took so long.
    fn give_back(&mut self, connection: Connection, took: Duration, now: Instant) {
        if self.free.len() < self.all {
            self.free.push(connection);
        }
        self.not_before = (took > LONG).then(|| now + took * REST);
    }
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

#[cfg(test)]
mod tests {
    use super::*;

    struct Bench {
        readers: Readers,
        _dir: tempfile::TempDir,
    }

    fn bench() -> Bench {
        let dir = tempfile::tempdir().expect("a folder");
        let file = dir.path().join("test.db");
        schema::open(&file, Use::Writing).expect("creates");
        let readers = Readers::start(&file, &Arc::default()).expect("starts");
        Bench { readers, _dir: dir }
    }

    impl Bench {
        /// Whether a short job ran in its caller's place.
        async fn is_here(&self) -> bool {
            let job = |_: &Db<'_>| Ok(std::thread::current().id());
            self.readers.short(job).await.expect("reads") == std::thread::current().id()
        }
    }

    // The moments are made up: how long a real job takes is the machine's affair.
    #[test]
    fn connections_are_lent_until_a_job_is_slow_and_again_after_a_rest() {
        let bench = bench();
        let mut hand = bench.readers.at_hand();
        let (start, slow) = (Instant::now(), LONG + Duration::from_millis(1));
        let lent = hand.take(start).expect("at hand");
        hand.give_back(lent, LONG, start);
        let lent = hand.take(start).expect("as long is not longer");
        hand.give_back(lent, slow, start);
        assert!(hand.take(start).is_none(), "the disk is slow");
        let rested = start + slow * REST;
        assert!(hand.take(rested - Duration::from_nanos(1)).is_none());
        assert!(hand.take(rested).is_some());
    }

    #[tokio::test]
    async fn while_the_disk_is_slow_short_jobs_run_in_threads() {
        let bench = bench();
        let at = |not_before| bench.readers.at_hand().not_before = not_before;
        at(None);
        assert!(bench.is_here().await);
        at(Some(Instant::now() + Duration::from_secs(3600)));
        assert!(!bench.is_here().await);
    }

    #[tokio::test]
    async fn who_panics_or_finds_nothing_at_hand_harms_nobody_and_a_closed_store_reads_nothing() {
        let bench = bench();
        let panics = |_: &Db<'_>| -> Result<()> { panic!("on purpose") };
        for _ in 0..20 {
            assert!(bench.readers.short(panics).await.is_err());
        }
        let lent = std::mem::take(&mut bench.readers.at_hand().free);
        assert!(!bench.is_here().await, "none is at hand");
        bench.readers.close();
        let back = |c| bench.readers.at_hand().give_back(c, Duration::ZERO, Instant::now());
        lent.into_iter().for_each(back);
        assert!(bench.readers.short(|_| Ok(())).await.is_err());
    }
}
