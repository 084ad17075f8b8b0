//! What tells other nodes: nothing, or NATS, as the settings say. Called by `app`.

use std::sync::{Arc, Weak};

use super::StartError;
use crate::bus::local::LocalBus;
use crate::bus::{Bus, Listener, Run};
use crate::config::Config;

#[cfg(feature = "nats")]
use crate::bus::nats;

/// The bus of this server.
pub(super) enum Telling {
    /// Nobody else is told.
    Alone(Arc<LocalBus>),
    /// The other servers of the database are told, by NATS.
    #[cfg(feature = "nats")]
    Others(nats::Carrier),
}

impl Telling {
    /// The bus that the settings say. With NATS that is there when this answers, and nothing is
    /// told yet. `me` is no other process's.
    pub(super) async fn reach(config: &Config, me: Run) -> Result<Self, StartError> {
        match &config.nats_url {
            Some(url) => Self::over_nats(url.reveal(), &config.db_database, me).await,
            None => Ok(Self::Alone(Arc::new(LocalBus::default()))),
        }
    }

    /// Tells the others and hears them from now on. They know by then that this node is there, so
    /// that none takes its ear for whole which hears nothing of this one.
    pub(super) async fn begin(&mut self) -> Result<(), StartError> {
        match self {
            Self::Alone(_) => Ok(()),
            #[cfg(feature = "nats")]
            Self::Others(carrier) => carrier.begin().await.map_err(|error| unreachable(&error)),
        }
    }

    #[cfg(feature = "nats")]
    async fn over_nats(url: &str, cluster: &str, me: Run) -> Result<Self, StartError> {
        let reached = nats::Carrier::reach(url, cluster, me).await;
        reached.map(Self::Others).map_err(|error| unreachable(&error))
    }

    #[cfg(not(feature = "nats"))]
    async fn over_nats(_: &str, _: &str, _: Run) -> Result<Self, StartError> {
        Err(StartError::not_built("NATS_URL names a NATS", "nats"))
    }

    /// What the rules publish to.
    pub(super) fn bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Alone(bus) => bus.clone(),
            #[cfg(feature = "nats")]
            Self::Others(carrier) => carrier.bus().clone(),
        }
    }

    /// Says who listens, in the order in which they hear.
    pub(super) fn listen(&self, listeners: Vec<Weak<dyn Listener>>) {
        match self {
            Self::Alone(bus) => bus.listen(listeners),
            #[cfg(feature = "nats")]
            Self::Others(carrier) => carrier.bus().listen(listeners),
        }
    }

    /// Says goodbye to the others.
    pub(super) async fn leave(self) {
        match self {
            Self::Alone(_) => {}
            #[cfg(feature = "nats")]
            Self::Others(carrier) => carrier.leave().await,
        }
    }
}

#[cfg(feature = "nats")]
fn unreachable(error: &crate::error::Error) -> StartError {
    StartError(format!(
        "NATS_URL: NATS cannot be reached there: {}. Start it, correct the address, or take the \
         line out and run one server.",
        error.why()
    ))
}
