//! What tells other nodes: nothing, or NATS, as the settings say. Called by `app`.

use std::sync::{Arc, Weak};

use super::StartError;
use crate::bus::local::LocalBus;
use crate::bus::{Bus, Listener};
use crate::config::Config;
use crate::id::NodeId;

#[cfg(feature = "nats")]
use crate::bus::{nats, numbered::NumberedBus, told::Run};

/// The bus of this server.
pub(super) enum Telling {
    /// Nobody else is told.
    Alone(Arc<LocalBus>),
    /// The other servers of the database are told, by NATS.
    #[cfg(feature = "nats")]
    Others(Arc<NumberedBus>, nats::Carrier),
}

impl Telling {
    /// The bus that the settings say. With NATS it hears the others when this answers. `me` is no
    /// other process's.
    pub(super) async fn begin(config: &Config, me: NodeId) -> Result<Self, StartError> {
        match &config.nats_url {
            Some(url) => Self::over_nats(url.reveal(), &config.db_database, me).await,
            None => Ok(Self::Alone(Arc::new(LocalBus::default()))),
        }
    }

    #[cfg(feature = "nats")]
    async fn over_nats(url: &str, cluster: &str, me: NodeId) -> Result<Self, StartError> {
        let run = Run { node: me, number: 1 };
        let bus = Arc::new(NumberedBus::new(run, Arc::new(std::time::Instant::now)));
        let begun = nats::Carrier::begin(url, cluster, me, bus.clone()).await;
        let carrier = begun.map_err(|error| {
            StartError(format!(
                "NATS_URL: NATS cannot be reached there: {}. Start it, correct the address, or \
                 take the line out and run one server.",
                error.why()
            ))
        })?;
        Ok(Self::Others(bus, carrier))
    }

    #[cfg(not(feature = "nats"))]
    async fn over_nats(_: &str, _: &str, _: NodeId) -> Result<Self, StartError> {
        Err(StartError::not_built("NATS_URL names a NATS", "nats"))
    }

    /// What the rules publish to.
    pub(super) fn bus(&self) -> Arc<dyn Bus> {
        match self {
            Self::Alone(bus) => bus.clone(),
            #[cfg(feature = "nats")]
            Self::Others(bus, _) => bus.clone(),
        }
    }

    /// Says who listens, in the order in which they hear.
    pub(super) fn listen(&self, listeners: Vec<Weak<dyn Listener>>) {
        match self {
            Self::Alone(bus) => bus.listen(listeners),
            #[cfg(feature = "nats")]
            Self::Others(bus, _) => bus.listen(listeners),
        }
    }

    /// Says goodbye to the others.
    pub(super) async fn leave(self) {
        match self {
            Self::Alone(_) => {}
            #[cfg(feature = "nats")]
            Self::Others(_, carrier) => carrier.leave().await,
        }
    }
}
