//! Writes copies of people's own data, one after the other, in the background: a zip of JSON as the
//! API answers it, of pages that a person can open and read, and of files.
//!
//! Invariant: what is read is asked for as the person, by the verbs that everybody asks by: so a
//! copy holds what its person may see at that moment, and nothing else. Invariant: chats are walked
//! page by page and files piece by piece, so that a copy needs the same memory whatever its size;
//! what grows is a list of names. Invariant: whoever makes a copy rests as long as a page took, so
//! that it never takes more than half of what others wait for. Called by `app`.

mod pages;
mod walk;
mod zip;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::task::spawn_blocking;

use crate::core::Core;
use crate::error::{Error, Result};

/// Makes copies that people wish for, again and again.
pub async fn follow(core: Core) {
    loop {
        match step(&core).await {
            Ok(true) => {}
            Ok(false) => core.exports.wished().await,
            Err(error) => {
                let cause = error.cause();
                tracing::warn!(?cause, "a copy of somebody's data is made later: {error}");
                core.exports.wished().await;
            }
        }
    }
}

/// Makes the next copy that is due; whether there was one. On a thread of its own, since writing
/// and packing pages takes the processor for longer than requests may wait; it ends soon after
/// nobody waits for it any more.
pub async fn step(core: &Core) -> Result<bool> {
    let Some(export) = core.exports.claim().await? else { return Ok(false) };
    let (core, runtime) = (core.clone(), Handle::current());
    let (wanted, mut unwanted) = oneshot::channel::<()>();
    let making = spawn_blocking(move || {
        runtime.block_on(async {
            tokio::select! {
                made = walk::make(&core, export) => made,
                _ = &mut unwanted => Err(Error::unavailable("the server stops")),
            }
        })
    });
    let made = making.await.map_err(Error::internal)?;
    drop(wanted);
    made.map(|()| true)
}
