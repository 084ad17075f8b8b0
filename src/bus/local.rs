//! The bus of a single node: hands events straight to this node's listeners.
//!
//! Wired by `app`, which sets the listeners once, when everything is built.

use std::sync::{OnceLock, Weak};

use super::{Bus, Event, Listener, Source};

/// Hands events to the listeners of this process, in the caller's own time.
#[derive(Default)]
pub struct LocalBus {
    listeners: OnceLock<Vec<Weak<dyn Listener>>>,
}

impl LocalBus {
    /// Says who listens, in the order in which they hear. Only the first call counts.
    pub fn listen(&self, listeners: Vec<Weak<dyn Listener>>) {
        // A second call would mean a second wiring of the same bus, which `app` does not do.
        let _ = self.listeners.set(listeners);
    }
}

impl Bus for LocalBus {
    fn publish(&self, event: Event) {
        for listener in self.listeners.get().into_iter().flatten() {
            if let Some(listener) = listener.upgrade() {
                listener.on_event(&event, Source::Here);
            }
        }
    }
}
