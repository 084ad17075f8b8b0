//! Checkpoints: a thread that copies the log into the file little by little, beside the writer.
//!
//! It runs a PASSIVE checkpoint every 50 ms while more than 4 MB of the log waits to be copied, and
//! sleeps while nothing is written. The writer's own checkpoint at 256 MB bounds the log, for
//! a passive one alone never catches up with a busy writer; with this thread it finds little to do.
//! Both together are measured: the writer's alone costs 100 ms at the 99th percentile. Called by
//! the writer.

use std::path::Path;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::Connection;

use super::schema::{self, Use};
use crate::error::{Error, Result};

const PAUSE: Duration = Duration::from_millis(50);
/// So much may wait: of the pages that many messages have changed, only the last is copied.
const WAITING_BYTES: i64 = 4 << 20;

/// The thread that checkpoints.
pub(super) struct Checkpoints {
    signal: Arc<Signal>,
    thread: Option<JoinHandle<()>>,
}

#[derive(Default)]
struct Signal {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    committed: bool,
    stopped: bool,
}

impl Checkpoints {
    /// Starts the thread.
    pub(super) fn start(file: &Path) -> Result<Self> {
        let connection = schema::open(file, Use::Checkpoints)?;
        let most = WAITING_BYTES / schema::page_bytes(&connection)?;
        let signal = Arc::new(Signal::default());
        let heard = Arc::clone(&signal);
        let thread = std::thread::Builder::new()
            .name("store-checkpoint".into())
            .spawn(move || heard.serve(&connection, most))
            .map_err(Error::unavailable)?;
        Ok(Self { signal, thread: Some(thread) })
    }

    /// Says that the log grew.
    pub(super) fn note_commit(&self) {
        let mut state = self.signal.lock();
        if !state.committed {
            state.committed = true;
            self.signal.changed.notify_one();
        }
    }

    /// Ends the thread and its connection.
    pub(super) fn stop(&mut self) {
        self.signal.lock().stopped = true;
        self.signal.changed.notify_one();
        if let Some(thread) = self.thread.take() {
            // An error means that it panicked: it is gone all the same.
            thread.join().ok();
        }
    }
}

impl Signal {
    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn serve(&self, connection: &Connection, most_pages: i64) {
        while self.wait_for_commit() {
            if let Err(error) = checkpoint(connection, most_pages) {
                tracing::warn!(%error, "a checkpoint failed; the next one will make up for it");
            }
        }
    }

    /// Waits until something was committed, and for the pause; `false` when it is over.
    fn wait_for_commit(&self) -> bool {
        let mut state = self.lock();
        while !state.committed && !state.stopped {
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        let (mut state, _) = self
            .changed
            .wait_timeout_while(state, PAUSE, |state| !state.stopped)
            .unwrap_or_else(PoisonError::into_inner);
        state.committed = false;
        !state.stopped
    }
}

fn checkpoint(connection: &Connection, most_pages: i64) -> rusqlite::Result<()> {
    let pages = |sql| {
        connection
            .prepare_cached(sql)?
            .query_row([], |row| Ok((row.get::<_, i64>(1)?, row.get::<_, i64>(2)?)))
    };
    let (logged, copied) = pages("PRAGMA wal_checkpoint(NOOP)")?;
    if logged - copied > most_pages {
        pages("PRAGMA wal_checkpoint(PASSIVE)")?;
    }
    Ok(())
}
