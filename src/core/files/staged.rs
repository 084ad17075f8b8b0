//! An upload that lives as long as its request: however the request ends, nothing of it stays in
//! the staging. Called by `uploads`, `keep` and
//! `core::exports`.

use std::sync::Arc;

use crate::id::FileId;
use crate::objects::staging::Staging;

/// An upload that lives as long as its request: removed when this is dropped.
pub struct Staged {
    id: FileId,
    staging: Arc<Staging>,
}

impl Staged {
    pub(super) const fn new(id: FileId, staging: Arc<Staging>) -> Self {
        Self { id, staging }
    }

    pub(crate) const fn id(&self) -> FileId {
        self.id
    }
}

impl Drop for Staged {
    fn drop(&mut self) {
        let (id, staging) = (self.id, self.staging.clone());
        // Without a runtime the server is at its end; the next start removes it.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(async move {
                if let Err(error) = staging.discard(id).await {
                    tracing::warn!(cause = ?error.cause(), "a part of an upload stays: {error}");
                }
            });
        }
    }
}
