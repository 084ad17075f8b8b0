//! `wechat store renew`: another life for a store that an operator has restored by other means than
//! our backup, so that no client continues from what it saw of the life before.
//!
//! Invariant: it holds the lock of the data folder, so that no server runs on it, and refuses while
//! another one works on the same MongoDB. Called by `cli::store`.

use super::{StartError, nodes, open_store};
use crate::clock::SystemClock;
use crate::config::{Config, DataDir};
use crate::id::Incarnation;

/// Renews the store that the settings name; answers its incarnation from now on.
pub async fn renew(config: &Config) -> Result<Incarnation, StartError> {
    let data = DataDir::open(&config.data_dir)?;
    let store = open_store(config, &data).await?;
    nodes::refuse_others(&*store, &data, &SystemClock).await?;
    let renewed = store.renew().await;
    let incarnation = store.incarnation();
    store.close().await;
    renewed.map_err(|error| format!("The store cannot be written: {}.", error.why()))?;
    Ok(incarnation)
}
