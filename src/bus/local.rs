//! The bus of a single node: hands events straight to this node's listeners.
//!
//! Wired by `app`, which sets the listeners once, when everything is built.

use std::sync::Weak;

use super::{Bus, Event, Listener, Listeners, Source};

/// Hands events to the listeners of this process, in the caller's own time.
#[derive(Default)]
pub struct LocalBus {
    listeners: Listeners,
}

impl LocalBus {
    /// Says who listens, in the order in which they hear. Only the first call counts.
    pub fn listen(&self, listeners: Vec<Weak<dyn Listener>>) {
        self.listeners.set(listeners);
    }
}

impl Bus for LocalBus {
    fn publish(&self, event: Event) {
        self.listeners.each(|listener| listener.on_event(&event, Source::Here));
    }
}
