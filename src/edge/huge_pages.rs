//! Huge pages of memory, for servers that need them (Linux).
//!
//! The allocator asks the kernel for pages of 2 MiB. Where an event goes to thousands of
//! connections, these save a twentieth of the work; on a quiet server they hold some 20 MB that
//! nobody uses. So they are refused as the server starts, until there is a crowd.
//!
//! Called by `cli/serve`, once, and by `accept`.

use std::sync::atomic::{AtomicBool, Ordering};

/// From so many connections on, memory comes in huge pages.
const CROWD: usize = 64;

/// Whether memory comes in huge pages, if the kernel has them.
#[derive(Debug, Default)]
pub(super) struct HugePages {
    allowed: AtomicBool,
}

impl HugePages {
    /// Allows them once there is a crowd, for the rest of the process's life. How many connections
    /// there are is asked only until then.
    pub(super) fn welcome(&self, connections: impl FnOnce() -> usize) {
        let is_allowed = self.allowed.load(Ordering::Relaxed);
        if !is_allowed && connections() >= CROWD && !self.allowed.swap(true, Ordering::Relaxed) {
            disable(false);
        }
    }
}

/// Refuses huge pages for now. Memory that is touched from here on comes in small ones.
pub fn spare() {
    disable(true);
}

/// A kernel that has none, or does not let us choose, goes on as it is.
#[cfg(target_os = "linux")]
fn disable(yes: bool) {
    rustix::thread::disable_transparent_huge_pages(yes).ok();
}

#[cfg(not(target_os = "linux"))]
const fn disable(_: bool) {}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// The flag belongs to the whole process, but no other test looks at it.
    #[test]
    fn a_crowd_brings_huge_pages_and_they_stay() {
        let spared = || rustix::thread::transparent_huge_pages_are_disabled().expect("a flag");
        let pages = HugePages::default();
        spare();
        pages.welcome(|| CROWD - 1);
        assert!(spared());
        pages.welcome(|| CROWD);
        assert!(!spared());
        pages.welcome(|| 1);
        assert!(!spared());
    }
}
