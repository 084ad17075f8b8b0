//! Tokens of open sessions: how they are stored, and those seen lately, so that a request needs no
//! read of the store.
//!
//! Invariant: a session that nobody has used for as long as the operator allows is over, whether or
//! not a sweep has removed it. Called by `auth`.

use std::collections::{HashMap, HashSet};
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use sha2::{Digest, Sha256};

use crate::clock::Time;
use crate::core::BELIEVED;
use crate::id::SessionId;
use crate::model::auth::{Caller, Session, TokenHash};

/// How exact a session's `last_seen` is.
pub(super) const SEEN_EVERY: Duration = Duration::from_secs(5 * 60);

/// What is stored of a token.
pub(super) fn hash_of(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

/// Whether a session that was last used then is over.
pub(super) fn is_idle(last_used: Time, now: Time, idle: Duration) -> bool {
    now.since(last_used) >= idle
}

/// Tokens of open sessions seen lately.
pub(crate) struct TokenCache {
    pub(super) known: moka::sync::Cache<TokenHash, Arc<Known>>,
    pub(super) generation: AtomicU64,
    seen: Mutex<HashMap<SessionId, Time>>,
    /// When the sessions that are connected were last noted.
    connected: AtomicI64,
}

pub(super) struct Known {
    pub(super) caller: Caller,
    seen: AtomicI64,
}

impl Known {
    /// A session as it was read. A use that lies ahead was noted by a clock that was wrong.
    pub(super) fn of(session: &Session, now: Time) -> Self {
        let caller = Caller { user: session.user, session: session.id, instance: None };
        Self { caller, seen: AtomicI64::new(session.last_seen.min(now).millis()) }
    }

    /// When it was last used, as far as was noted.
    pub(super) fn last_used(&self) -> Time {
        Time(self.seen.load(Ordering::Relaxed))
    }

    /// Notes the use of a session, every few minutes.
    pub(super) fn seen(&self, now: Time, tokens: &TokenCache) {
        let before = self.last_used().millis();
        let due = now.since(Time(before)) >= SEEN_EVERY || Time(before) > now;
        let swap =
            |to| self.seen.compare_exchange(before, to, Ordering::Relaxed, Ordering::Relaxed);
        if due && swap(now.millis()).is_ok() {
            tokens.used(self.caller.session, now);
        }
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        let known = moka::sync::Cache::builder()
            .max_capacity(100_000)
            .time_to_live(BELIEVED)
            .support_invalidation_closures()
            .build();
        Self {
            known,
            generation: AtomicU64::new(0),
            seen: Mutex::default(),
            connected: AtomicI64::new(0),
        }
    }
}

impl TokenCache {
    /// How long an entry is believed.
    #[cfg(test)]
    pub(crate) fn believed(&self) -> Option<std::time::Duration> {
        self.known.policy().time_to_live()
    }

    /// Notes that a session was in use; written down within a minute.
    pub(crate) fn used(&self, session: SessionId, at: Time) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(session, at);
    }

    /// Whether the sessions that are connected are to be noted again.
    pub(crate) fn is_due(&self, now: Time, every: Duration) -> bool {
        let before = Time(self.connected.load(Ordering::Relaxed));
        let due = before > now || now.since(before) >= every;
        if due {
            self.connected.store(now.millis(), Ordering::Relaxed);
        }
        due
    }

    /// What was noted since it was last asked for.
    pub(super) fn noted(&self) -> Vec<(SessionId, Time)> {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        std::mem::take(&mut *seen).into_iter().collect()
    }

    /// Forgets closed sessions.
    pub(crate) fn forget(&self, sessions: &[SessionId]) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        let closed: HashSet<_> = sessions.iter().copied().collect();
        let by_session =
            move |_: &TokenHash, known: &Arc<Known>| closed.contains(&known.caller.session);
        if self.known.invalidate_entries_if(by_session).is_err() {
            self.known.invalidate_all();
        }
    }

    /// Forgets all sessions: any of them may be closed by now.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_session_is_over_once_it_was_idle_for_so_long() {
        let (used, idle) = (Time(1_000), Duration::from_secs(90));
        assert!(!is_idle(used, Time(90_999), idle));
        assert!(is_idle(used, Time(91_000), idle));
        assert!(!is_idle(Time(99_000), Time(0), idle), "a use ahead is not an end");
    }
}
