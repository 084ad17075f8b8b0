//! When frames are written straight into the sockets, and by whom.
//!
//! A socket costs a system call however it is written, so that a large audience is shared out among
//! the runtime's threads. Called by `audience`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;

use super::Connection;

/// An event that comes sooner after the one before leaves its frames to the connections' own tasks:
/// each of them writes in one go what has gathered meanwhile.
const QUIET: Duration = Duration::from_millis(50);
/// So many sockets at most are written one after the other: well under a millisecond.
const AT_ONCE: usize = 64;

/// How long it has been quiet in a chat.
#[derive(Default)]
pub(super) struct Lull(Option<Instant>);

impl Lull {
    /// Takes note of an event at `now`; whether it came alone.
    pub(super) fn breaks(&mut self, now: Instant) -> bool {
        let last = self.0.replace(now);
        last.is_none_or(|last| now.saturating_duration_since(last) >= QUIET)
    }
}

/// Gets going what was queued for these connections. To be called without a lock.
pub(super) fn hurry(mut connections: Vec<Arc<dyn Connection>>) {
    if connections.len() > AT_ONCE
        && let Ok(runtime) = Handle::try_current()
    {
        while !connections.is_empty() {
            let rest = connections.split_off(connections.len().min(AT_ONCE));
            let some = std::mem::replace(&mut connections, rest);
            runtime.spawn(async move { some.iter().for_each(|connection| connection.hurry()) });
        }
    }
    connections.iter().for_each(|connection| connection.hurry());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_comes_after_a_lull_comes_alone() {
        let (mut lull, start) = (Lull::default(), Instant::now());
        assert!(lull.breaks(start), "the first one");
        assert!(!lull.breaks(start + QUIET / 2));
        assert!(!lull.breaks(start + QUIET), "it is the one before that counts");
        assert!(lull.breaks(start + QUIET * 2));
        assert!(!lull.breaks(start), "a clock does not go back; if it does, nothing hurries");
    }
}
