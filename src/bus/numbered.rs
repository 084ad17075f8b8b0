//! The bus of several nodes: what happens here is told to the others, what they tell is handed on
//! here, and every loss is known (`told`).
//!
//! Guarantees: this node's listeners hear of an event before `publish` returns, and `publish` never
//! waits for the network. Of other nodes each event comes once, in no promised order, or there is a
//! doubt. Knows no network itself: whoever carries packets asks for them with `packets`, and hands
//! in with `receive` what came. Called by the rules as a `Bus`, and by adapters that carry packets.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Notify;

use super::codec::{self, Decoded};
use super::told::{Packet, Run, Tally, Told};
use super::{Bus, Event, Listener, Listeners, Source};

/// What tells how much time has passed.
pub type Ticking = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Tells and hears by numbers.
pub struct NumberedBus {
    listeners: Listeners,
    told: Mutex<Told>,
    now: Ticking,
    /// Something waits to be sent, or there is a doubt.
    stirred: Notify,
}

impl NumberedBus {
    /// The bus of a node that begins.
    pub fn new(me: Run, now: Ticking) -> Self {
        let told = Mutex::new(Told::new(me, now()));
        Self { listeners: Listeners::default(), told, now, stirred: Notify::new() }
    }

    /// Says who listens, in the order in which they hear. Only the first call counts.
    pub fn listen(&self, listeners: Vec<Weak<dyn Listener>>) {
        self.listeners.set(listeners);
    }

    /// Says which nodes are up, in which runs, as the store has it; see `Told::up`.
    pub fn up(&self, runs: impl IntoIterator<Item = Run>) {
        self.told().up(runs);
    }

    /// All packets that are to be sent now, in their order. To be asked for whenever `stirred`
    /// answers, and every `told::TICK`.
    pub fn packets(&self) -> Vec<Packet> {
        let (now, mut told) = ((self.now)(), self.told());
        std::iter::from_fn(|| told.packet(now)).collect()
    }

    /// The packet after all others: this node says goodbye.
    pub fn bye(&self) -> Packet {
        self.told().bye()
    }

    /// Waits until there is something to send.
    pub async fn stirred(&self) {
        self.stirred.notified().await;
    }

    /// Takes a packet that came; `false`: it is not of this version of the program.
    pub fn receive(&self, bytes: Bytes) -> bool {
        let heard = self.told().hear(bytes, (self.now)());
        for event in heard.events {
            match codec::decode(&event) {
                Ok(Decoded::Event(event)) => {
                    self.listeners.each(|listener| listener.on_event(&event, Source::There));
                }
                Ok(Decoded::Hint(hint)) => {
                    self.listeners.each(|listener| listener.on_hint(&hint));
                }
                Err(error) => {
                    tracing::warn!(cause = ?error.cause(), "an event of another node is lost");
                    self.told().mistrust();
                }
            }
        }
        self.stirred.notify_one();
        !heard.strange
    }

    /// Numbers to look at.
    pub fn tally(&self) -> Tally {
        self.told().tally()
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // What a panic elsewhere left behind is whole: each change is one call.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for NumberedBus {
    fn publish(&self, event: Event) {
        self.listeners.each(|listener| listener.on_event(&event, Source::Here));
        match codec::encode(&event) {
            Ok(bytes) => self.told().tell(bytes, (self.now)()),
            Err(error) => tracing::error!(cause = ?error.cause(), "other nodes are not told"),
        }
        self.stirred.notify_one();
    }

    fn is_whole(&self) -> bool {
        self.told().is_whole((self.now)())
    }

    fn doubt(&self) -> Option<u64> {
        self.told().doubt()
    }

    fn settle(&self, doubt: u64) {
        self.told().settle(doubt);
    }
}
