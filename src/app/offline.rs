//! The rules over the data of a server that is not running: for the operator's commands.
//!
//! Invariant: it holds the lock of the data folder, so that no server runs on the same data.
//! Nothing here listens, and no mail leaves. Called by `cli`.

use std::sync::Arc;

use super::objects::Files;
use super::{Outside, StartError, nodes, open_store};
use crate::bus::local::LocalBus;
use crate::config::{Config, DataDir, Secrets};
use crate::core::{Core, Ports, Rules};
use crate::id::IdSource;
use crate::mail::memory::MemoryMailer;
use crate::store::Store;

/// The rules over data at rest.
pub struct Offline {
    core: Core,
    store: Arc<dyn Store>,
    // Locks the folder until the store is closed.
    data: DataDir,
}

/// Opens the data that the settings name; refuses while a server runs on them.
pub async fn open(config: &Config, outside: Outside) -> Result<Offline, StartError> {
    let data = DataDir::open(&config.data_dir)?;
    let secrets = Secrets::open(&data, &*outside.entropy)?;
    let store: Arc<dyn Store> = open_store(config, &data).await?;
    let files = Files::open(config, &data).await?;
    let ports = Ports {
        store: store.clone(),
        bus: Arc::new(LocalBus::default()),
        mailer: outside.mailer.unwrap_or_else(|| Arc::new(MemoryMailer::default())),
        objects: files.objects,
        staging: files.staging,
        ids: IdSource::new(outside.clock.clone(), &*outside.entropy),
        clock: outside.clock,
        entropy: outside.entropy,
    };
    let core = Core::new(ports, secrets.server_key, Rules::default());
    Ok(Offline { core, store, data })
}

/// The same, and refuses while another server works on the same database.
pub async fn open_alone(config: &Config, outside: Outside) -> Result<Offline, StartError> {
    let clock = outside.clock.clone();
    let data = open(config, outside).await?;
    nodes::refuse_others(&*data.store, &data.data, &*clock).await?;
    Ok(data)
}

impl Offline {
    /// The use-cases.
    pub const fn core(&self) -> &Core {
        &self.core
    }

    /// Finishes what is queued and lets go of the data.
    pub async fn close(self) {
        self.store.close().await;
    }
}
