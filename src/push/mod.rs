//! Push: how a device that sleeps is told. One trait; by the services of browsers, Google and Apple
//! (`services`), into a local folder, kept in memory for tests, or to nobody.
//!
//! Invariant: telling never waits. What cannot be told now is tried again in the background, and
//! given up when it is no longer of use or when too much waits: a push is a hint, and a client that
//! comes back reads what it missed. Called by `core`, which decides when, whom and what.

pub mod folder;
pub mod memory;
pub mod nobody;
pub mod said;
pub mod services;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use futures_util::future::BoxFuture;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use tokio::sync::{Mutex, mpsc};

use crate::error::{Error, Language, Result, Text};
use crate::model::push::{Kind, Subscription, Target};

pub use said::{Said, Words};

/// How many subscriptions that services no longer know may wait to be removed. What is beyond them
/// shows again with its next push.
const DEAD: usize = 1024;

const NOT_REACHED: Text = Text {
    en: "This server cannot reach devices of this kind. Its operator can set that up.",
    es: "Este servidor no puede avisar a dispositivos de este tipo. El operador puede arreglarlo.",
};

/// How much a notice hurries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Urgency {
    /// It may wait until the device wakes by itself.
    Normal,
    /// It wakes the device: a call. When too much waits it goes first, and others make room.
    High,
}

/// What a later notice takes the place of: at most 32 characters, by which a push service learns
/// nothing but that two notices are about the same.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Topic(String);

impl Topic {
    /// The topic of a thing (`chat/…`), as this key hides it.
    pub fn of(key: &[u8; 32], thing: &str) -> Self {
        let mut mac =
            <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes a key of any length");
        mac.update(thing.as_bytes());
        // 24 bytes are 32 characters, the most that RFC 8030 allows.
        Self(URL_SAFE_NO_PAD.encode(&mac.finalize().into_bytes()[..24]))
    }

    /// Its characters: letters, digits, `-` and `_`.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something to tell a device.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// How much it hurries.
    pub urgency: Urgency,
    /// How long it is of use; after that nobody tells it.
    pub ttl: Duration,
    /// What it takes the place of.
    pub topic: Option<Topic>,
    /// In which language.
    pub language: Language,
    /// What it says.
    pub said: Said,
}

/// Tells devices.
pub trait Pusher: Send + Sync {
    /// What it can reach.
    fn kinds(&self) -> &[Kind];

    /// The key by which browsers know this server, in base64url: an uncompressed point on P-256
    /// (RFC 8292). `None` where it reaches no browsers.
    fn vapid_key(&self) -> Option<&str>;

    /// Refuses a target that it will never reach, as far as that shows from the target alone.
    fn check(&self, target: &Target) -> Result<()>;

    /// Queues a notice and returns at once. What goes wrong is counted, not told.
    fn push(&self, to: Arc<Subscription>, notice: Notice);

    /// Waits for the next subscription that its service does not know any more, so that it can be
    /// removed. One caller at a time gets it.
    fn dead(&self) -> BoxFuture<'_, Arc<Subscription>>;

    /// Waits until nothing is queued. The caller bounds the time.
    fn drain(&self) -> BoxFuture<'_, ()>;
}

/// Refuses a target of a kind that is not among these.
pub fn check_kind(kinds: &[Kind], target: &Target) -> Result<()> {
    if kinds.contains(&target.kind()) { Ok(()) } else { Err(Error::field("kind", NOT_REACHED)) }
}

/// Subscriptions that services do not know any more, on their way to whoever removes them.
pub struct Dead {
    found: mpsc::Sender<Arc<Subscription>>,
    taken: Mutex<mpsc::Receiver<Arc<Subscription>>>,
}

impl Default for Dead {
    fn default() -> Self {
        let (found, taken) = mpsc::channel(DEAD);
        Self { found, taken: Mutex::new(taken) }
    }
}

impl Dead {
    /// One more. It is forgotten when too many wait: its next push finds it again.
    pub fn add(&self, subscription: Arc<Subscription>) {
        let _ = self.found.try_send(subscription);
    }

    /// Waits for the next one.
    pub async fn next(&self) -> Arc<Subscription> {
        match self.taken.lock().await.recv().await {
            Some(subscription) => subscription,
            // The sender is beside it; there is nothing to come without one.
            None => std::future::pending().await,
        }
    }
}

impl fmt::Debug for Dead {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dead")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_topic_fits_its_header_and_hides_what_it_is_of() {
        let topics = [
            Topic::of(&[1; 32], "chat/a"),
            Topic::of(&[1; 32], "chat/b"),
            Topic::of(&[2; 32], "chat/a"),
        ];
        for topic in &topics {
            assert_eq!(topic.as_str().len(), 32);
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
            assert!(topic.as_str().chars().all(plain), "{topic:?}");
        }
        assert!(topics[0] != topics[1] && topics[0] != topics[2]);
        assert_eq!(topics[0], Topic::of(&[1; 32], "chat/a"));
    }
}
