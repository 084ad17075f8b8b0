//! Pushes kept in memory: for tests and for programs that start a server of their own.

use std::sync::{Arc, Mutex, PoisonError};

use futures_util::future::BoxFuture;
use tokio::sync::Notify;

use super::{Dead, Notice, Pusher};
use crate::error::Result;
use crate::model::push::{Kind, Subscription, Target};

/// A key such as browsers get: 65 bytes in base64url, of nobody.
const KEY: &str =
    "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Keeps every push that it is given, and reaches everything.
#[derive(Default)]
pub struct MemoryPusher {
    pushes: Mutex<Vec<(Arc<Subscription>, Notice)>>,
    came: Notify,
    dead: Dead,
}

impl MemoryPusher {
    /// All pushes so far, oldest first.
    pub fn pushes(&self) -> Vec<(Arc<Subscription>, Notice)> {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Waits until there are so many pushes, and answers all. The caller bounds the time.
    pub async fn came(&self, count: usize) -> Vec<(Arc<Subscription>, Notice)> {
        loop {
            let more = self.came.notified();
            let pushes = self.pushes();
            if pushes.len() >= count {
                return pushes;
            }
            more.await;
        }
    }

    /// All pushes since this was last asked, oldest first.
    pub fn take(&self) -> Vec<(Arc<Subscription>, Notice)> {
        std::mem::take(&mut *self.pushes.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The service says that it does not know this subscription any more.
    pub fn forgets(&self, subscription: Arc<Subscription>) {
        self.dead.add(subscription);
    }
}

impl Pusher for MemoryPusher {
    fn kinds(&self) -> &[Kind] {
        &Kind::ALL
    }

    fn vapid_key(&self) -> Option<&str> {
        Some(KEY)
    }

    fn check(&self, _: &Target) -> Result<()> {
        Ok(())
    }

    fn push(&self, to: Arc<Subscription>, notice: Notice) {
        self.pushes.lock().unwrap_or_else(PoisonError::into_inner).push((to, notice));
        self.came.notify_waiters();
    }

    fn dead(&self) -> BoxFuture<'_, Arc<Subscription>> {
        Box::pin(self.dead.next())
    }

    fn drain(&self) -> BoxFuture<'_, ()> {
        Box::pin(std::future::ready(()))
    }
}
