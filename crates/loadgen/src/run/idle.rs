//! `idle`: the cost of an authenticated WebSocket that says nothing.
//!
//! Memory is that of the server's process: with all connections open minus with none, per
//! connection. It does not include what the kernel keeps for the sockets.

use async_trait::async_trait;
use tokio::time::sleep;

use super::crew::{Crew, open_at};
use super::{Pace, Prepared, Workload};
use crate::client::Wire;
use crate::client::error::{Error, Result};
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::Target;

/// Many connections that say nothing.
#[derive(Debug, Clone, Copy)]
pub struct Idle {
    /// How many.
    pub connections: usize,
    /// Under TLS.
    pub secure: bool,
}

#[async_trait]
impl Workload for Idle {
    fn name(&self) -> &'static str {
        if self.secure { "idle under TLS" } else { "idle" }
    }

    fn sessions(&self) -> usize {
        self.connections
    }

    fn secure(&self) -> bool {
        self.secure
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        target.first(self.connections)?;
        Ok(Box::new(Ready { target, connections: self.connections }))
    }
}

struct Ready<'t> {
    target: &'t Target,
    connections: usize,
}

/// Reads, so that pings are answered, until it is told to stop.
async fn listen(mut wire: Wire, mut stop: super::crew::Stop) -> Result<()> {
    loop {
        tokio::select! {
            frame = wire.next() => drop(frame?),
            () = stop.wait() => {
                wire.close().await;
                return Ok(());
            }
        }
    }
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        sleep(pace.warmup).await;
        let unknown = || Error::protocol("the server's process is not on this machine");
        let empty = meter.memory()?.ok_or_else(unknown)?;
        let start = meter.read()?;
        let sessions = self.target.first(self.connections)?;
        let wires = open_at(self.target, sessions).await?;
        let opened = start.until(&meter.read()?);
        let mut crew = Crew::default();
        for wire in wires {
            let stop = crew.stop_sign();
            crew.add(listen(wire, stop));
        }
        let (_, span) = crew.measure(meter, pace, || 0).await?;
        let full = meter.memory()?.ok_or_else(unknown)?;
        crew.dismiss().await?;
        let count = self.connections as f64;
        let each = |full: u64, empty: u64| (full as f64 - empty as f64) / count;
        let open = Phase::new("open", "connection", self.connections as u64, &opened).judged();
        let seconds = (count * span.seconds) as u64;
        let hold = Phase::new("hold", "connection second", seconds, &span)
            .figure("anonymous memory a connection, bytes", each(full.anonymous, empty.anonymous))
            .figure("resident memory a connection, bytes", each(full.rss, empty.rss))
            .figure("server without connections, PSS, bytes", empty.pss as f64)
            .figure("server without connections, RSS, bytes", empty.rss as f64)
            .figure("server with connections, PSS, bytes", full.pss as f64)
            .judged();
        let hold = match self.target.ready_ms {
            Some(ready_ms) => hold.figure("start to ready, ms", ready_ms),
            None => hold,
        };
        Ok(vec![open, hold])
    }
}
