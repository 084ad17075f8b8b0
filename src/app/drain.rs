//! A server that leaves others behind goes in good order: it says so, waits until balancers have
//! seen it, and lets go of its connections one after the other. Called by `app` as it stops.

use std::time::Duration;

use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::config::Config;
use crate::core::nodes::Nodes;
use crate::hub::Hub;
use crate::hub::close::CloseCode;
use crate::id::{Entropy, OsEntropy};

/// How often some of the connections are closed.
const TICK: Duration = Duration::from_millis(50);

/// How slowly a server goes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Drain {
    wait: Duration,
    over: Duration,
}

impl Drain {
    /// As the settings say.
    pub(super) const fn of(config: &Config) -> Self {
        Self { wait: config.drain_wait, over: config.drain_over }
    }

    /// Nobody is sent here any more, and who is here goes elsewhere. Where there is no elsewhere,
    /// this answers at once: the sooner the server is back, the better.
    pub(super) async fn run(self, nodes: &Nodes, hub: &Hub) {
        nodes.drain();
        if nodes.others().is_empty() {
            return;
        }
        if let Err(error) = nodes.renew().await {
            tracing::warn!(cause = ?error.cause(), "the others see it by my silence: {error}");
        }
        sleep(self.wait).await;
        self.close(hub).await;
    }

    /// Closes the connections in no order, so that those of a group do not come back together.
    async fn close(self, hub: &Hub) {
        let mut all: Vec<_> = hub.everybody().into_iter().map(|one| (random(), one)).collect();
        all.sort_unstable_by_key(|(place, _)| *place);
        let ticks = (self.over.as_millis() / TICK.as_millis()).max(1) as usize;
        let mut ticking = interval(TICK);
        ticking.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for some in all.chunks(all.len().div_ceil(ticks).max(1)) {
            ticking.tick().await;
            some.iter().for_each(|(_, connection)| connection.close(CloseCode::Restart));
        }
    }
}

fn random() -> u64 {
    let mut bytes = [0; 8];
    OsEntropy.fill(&mut bytes);
    u64::from_le_bytes(bytes)
}
