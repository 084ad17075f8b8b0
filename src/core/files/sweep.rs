//! Cleans up: files that nothing uses, bytes that no file needs, uploads that nobody continues.
//!
//! Each step can be repeated, so the next sweep continues one that a crash has interrupted. Called
//! by `Core::sweep`, every minute.

use std::time::Duration;

use tokio::time::timeout;

use super::Files;
use super::uploads::LIFE;
use crate::error::{Error, Result};
use crate::model::files::Digest;

/// A claim that is older may be taken over by another node (see `store::Files`).
const REMOVED_WITHIN: Duration = Duration::from_secs(5 * 60);
/// Files or objects at a time.
const PAGE: u32 = 200;
/// At most this many pages a sweep; the rest waits for the next.
const PAGES: usize = 50;

impl Files {
    /// Lets go of what nobody needs; bounded work a call.
    pub async fn sweep(&self) -> Result<()> {
        let ports = &self.shared.ports;
        let now = ports.now();
        for _ in 0..PAGES {
            if !ports.store.drop_unused(now, PAGE).await? {
                break;
            }
        }
        ports.staging.sweep(now.minus(LIFE)).await?;
        self.begun.sweep(now.minus(LIFE), &ports.staging);
        self.remove_loose().await
    }

    async fn remove_loose(&self) -> Result<()> {
        let mut after = None;
        for _ in 0..PAGES {
            let loose = self.shared.ports.store.loose_objects(after, PAGE).await?;
            let Some(last) = loose.last() else { return Ok(()) };
            after = Some(*last);
            for digest in loose {
                self.remove_object(digest).await?;
            }
        }
        Ok(())
    }

    async fn remove_object(&self, digest: Digest) -> Result<()> {
        let ports = &self.shared.ports;
        if ports.store.claim_object(digest).await? {
            let removed = timeout(REMOVED_WITHIN, ports.objects.remove(digest)).await;
            removed.map_err(Error::unavailable)??;
            ports.store.forget_object(digest).await?;
        }
        Ok(())
    }
}
