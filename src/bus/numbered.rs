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
use super::directory::{Directory, Outcome, Shift};
use super::told::{Packet, Run, Tally, Told};
use super::{Bus, Event, Listener, Listeners, Source, Spot, UNHEARD};
use crate::error::Result;
use crate::id::{NodeId, UserId};

/// What tells how much time has passed.
pub type Ticking = Arc<dyn Fn() -> Instant + Send + Sync>;

/// Tells and hears by numbers.
pub struct NumberedBus {
    listeners: Listeners,
    told: Mutex<Told>,
    /// Never locked together with `told`.
    directory: Mutex<Directory>,
    now: Ticking,
    /// Something waits to be sent, or there is a doubt.
    stirred: Notify,
}

impl NumberedBus {
    /// The bus of a node that begins.
    pub fn new(me: Run, now: Ticking) -> Self {
        let began = now();
        let told = Mutex::new(Told::new(me, began));
        let directory = Mutex::new(Directory::new(me, began));
        let (listeners, stirred) = (Listeners::default(), Notify::new());
        Self { listeners, told, directory, now, stirred }
    }

    /// Says who listens, in the order in which they hear. Only the first call counts.
    pub fn listen(&self, listeners: Vec<Weak<dyn Listener>>) {
        self.listeners.set(listeners);
    }

    /// All packets that are to be sent now, in their order. To be asked for whenever `stirred`
    /// answers, and every `told::TICK`.
    pub fn packets(&self) -> Vec<Packet> {
        let now = (self.now)();
        self.keep_directory(now);
        let mut told = self.told();
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
        let now = (self.now)();
        let heard = self.told().hear(bytes, now);
        if let Some((from, whisper)) = heard.from.zip(heard.whisper) {
            let outcome = self.directory().take(from, whisper, now);
            self.carry_out(outcome);
        }
        for event in heard.events {
            match codec::decode(&event) {
                Ok(Decoded::Shift(shift)) => {
                    let moved = heard.from.map(|from| self.directory().hear(from, shift, now));
                    let moved = moved.unwrap_or_default();
                    self.carry_out(Outcome { moved, ..Outcome::default() });
                }
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

    /// How many connections on other nodes are known; `None` while some may be missing.
    pub fn known_elsewhere(&self) -> Option<usize> {
        let directory = self.directory();
        directory.is_complete().then(|| directory.len())
    }

    /// The directory follows whom `told` follows.
    fn keep_directory(&self, now: Instant) {
        if !self.directory().is_due(now) {
            return;
        }
        let (runs, doubts) = {
            let told = self.told();
            (told.followed(), told.tally().doubts)
        };
        let outcome = self.directory().keep(&runs, doubts, now);
        self.carry_out(outcome);
    }

    fn carry_out(&self, Outcome { send, moved }: Outcome) {
        send.into_iter().for_each(|(node, bytes)| self.told().say(node, bytes));
        for moved in moved {
            self.listeners.each(|listener| listener.on_moved(moved.user, moved.came));
        }
    }

    fn tell(&self, bytes: Result<Bytes>) {
        match bytes {
            Ok(bytes) => self.told().tell(bytes, (self.now)()),
            Err(error) => tracing::error!(cause = ?error.cause(), "other nodes are not told"),
        }
        self.stirred.notify_one();
    }

    fn tell_shift(&self, shift: &Shift) {
        self.tell(codec::encode_shift(shift));
    }

    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn told(&self) -> MutexGuard<'_, Told> {
        // What a panic elsewhere left behind is whole: each change is one call.
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Bus for NumberedBus {
    fn publish(&self, event: Event) {
        self.listeners.each(|listener| listener.on_event(&event, Source::Here));
        self.tell(codec::encode(&event));
    }

    fn is_whole(&self) -> bool {
        self.told().is_whole((self.now)())
    }

    fn up(&self, runs: &[Run]) {
        self.told().up(runs.iter().copied());
    }

    fn unheard(&self) -> Vec<NodeId> {
        self.told().unheard((self.now)()).take(UNHEARD).collect()
    }

    fn doubt(&self) -> Option<u64> {
        self.told().doubt()
    }

    fn settle(&self, doubt: u64) {
        self.told().settle(doubt);
    }

    fn came(&self, spot: Spot) {
        let shift = self.directory().came(spot);
        self.tell_shift(&shift);
    }

    fn went(&self, spot: &Spot) {
        let shift = self.directory().went(spot);
        shift.iter().for_each(|shift| self.tell_shift(shift));
    }

    fn elsewhere(&self, user: UserId) -> Vec<Spot> {
        self.directory().elsewhere(user)
    }
}
