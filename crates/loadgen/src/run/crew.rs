//! Tasks that make a load together, and the steady part of it that is measured.
//!
//! Invariant: the first failure of any task ends the run with that failure; a load that half of
//! its tasks have left is not measured. Called by the workloads.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout_at};

use super::Pace;
use crate::client::Wire;
use crate::client::api::Session;
use crate::client::error::{Error, Result};
use crate::client::stream::Trust;
use crate::client::wire::Dial;
use crate::measure::meter::{Meter, Span};
use crate::server::Target;

/// How long tasks may take to end after they were told to.
const FAREWELL: Duration = Duration::from_secs(20);

/// Tells tasks to stop.
#[derive(Debug, Clone)]
pub struct Stop(watch::Receiver<bool>);

impl Stop {
    /// Whether to stop.
    pub fn is_now(&self) -> bool {
        *self.0.borrow()
    }

    /// Waits until it is time to stop.
    pub async fn wait(&mut self) {
        // An error means that the crew is gone: time to stop, too.
        let _ = self.0.wait_for(|stop| *stop).await;
    }
}

/// Tasks of one load.
#[derive(Debug)]
pub struct Crew {
    tasks: JoinSet<Result<()>>,
    stop: watch::Sender<bool>,
}

impl Default for Crew {
    fn default() -> Self {
        Self { tasks: JoinSet::new(), stop: watch::channel(false).0 }
    }
}

impl Crew {
    /// The sign by which its tasks stop.
    pub fn stop_sign(&self) -> Stop {
        Stop(self.stop.subscribe())
    }

    /// Adds a task.
    pub fn add(&mut self, task: impl Future<Output = Result<()>> + Send + 'static) {
        self.tasks.spawn(task);
    }

    /// Lets time pass; fails as soon as a task does, or ends too early.
    pub async fn work_for(&mut self, time: Duration) -> Result<()> {
        let deadline = Instant::now() + time;
        if self.tasks.is_empty() {
            sleep(time).await;
            return Ok(());
        }
        match timeout_at(deadline, self.tasks.join_next()).await {
            Err(_) | Ok(None) => Ok(()),
            Ok(Some(Ok(Ok(())))) => Err(Error::protocol("a task of the load ended too early")),
            Ok(Some(Ok(Err(error)))) => Err(error),
            Ok(Some(Err(panic))) => Err(Error::protocol(panic.to_string())),
        }
    }

    /// Lets the load run until it is steady, then measures; `count` tells the operations so far.
    pub async fn measure(
        &mut self,
        meter: Meter,
        pace: Pace,
        count: impl Fn() -> u64 + Send,
    ) -> Result<(u64, Span)> {
        self.work_for(pace.warmup).await?;
        let (start, before) = (meter.read()?, count());
        self.work_for(pace.measured).await?;
        let (end, after) = (meter.read()?, count());
        Ok((after - before, start.until(&end)))
    }

    /// Tells all tasks to stop and waits for them.
    pub async fn dismiss(mut self) -> Result<()> {
        let _ = self.stop.send(true);
        let deadline = Instant::now() + FAREWELL;
        while let Ok(Some(ended)) = timeout_at(deadline, self.tasks.join_next()).await {
            ended.map_err(|panic| Error::protocol(panic.to_string()))??;
        }
        match self.tasks.len() {
            0 => Ok(()),
            left => Err(Error::Late(FAREWELL, format!("end of {left} tasks"))),
        }
    }
}

/// How many connections are opened at once.
const OPENING: usize = 64;
/// How many connections come from one source address.
const PER_ADDRESS: usize = 200;

/// The source address of connection `index`: loopback has 16 million of them.
pub fn source(index: usize, server: IpAddr) -> Option<IpAddr> {
    let block = index / PER_ADDRESS + 2;
    let address = Ipv4Addr::new(127, 1, u8::try_from(block / 250).ok()?, (block % 250) as u8 + 1);
    (server.is_loopback() && server.is_ipv4()).then_some(address.into())
}

/// Opens a live WebSocket for each session, some at a time, each block from an address of its own
/// when the server is on this machine. In the order of the sessions.
pub async fn open_all(addr: SocketAddr, sessions: &[Session]) -> Result<Vec<Wire>> {
    open_with(addr, sessions, None, None).await
}

/// As `open_all`, over TLS where the server was told to speak it.
pub async fn open_at(target: &Target, sessions: &[Session]) -> Result<Vec<Wire>> {
    match &target.secure {
        None => open_all(target.addr, sessions).await,
        Some(to) => open_with(to.addr, sessions, None, Some(&to.trust)).await,
    }
}

/// As `open_all`, with this receive buffer, and under TLS with whom is to be trusted.
pub async fn open_with(
    addr: SocketAddr,
    sessions: &[Session],
    receive_buffer: Option<u32>,
    trust: Option<&Trust>,
) -> Result<Vec<Wire>> {
    let mut wires = Vec::with_capacity(sessions.len());
    for (block, part) in sessions.chunks(OPENING).enumerate() {
        let opening = part.iter().enumerate().map(|(index, session)| {
            let from = source(block * OPENING + index, addr.ip());
            let dial = Dial { from, receive_buffer, trust, ..session.dial(addr) };
            async move { Wire::open(dial).await?.live().await }
        });
        wires.extend(futures_util::future::try_join_all(opening).await?);
    }
    Ok(wires)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_are_spread_over_loopback_addresses_only_on_loopback() {
        let local = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(source(0, local), source(199, local));
        assert_ne!(source(199, local), source(200, local));
        let distinct: std::collections::HashSet<_> =
            (0..20_000).map(|index| source(index, local)).collect();
        assert_eq!(distinct.len(), 100);
        assert!(distinct.iter().flatten().all(IpAddr::is_loopback));
        assert_eq!(source(0, IpAddr::from([10, 0, 0, 1])), None);
    }

    #[tokio::test]
    async fn the_first_failure_ends_the_work() {
        let mut crew = Crew::default();
        let mut stop = crew.stop_sign();
        crew.add(async move {
            stop.wait().await;
            Ok(())
        });
        crew.work_for(Duration::from_millis(5)).await.expect("all are at work");
        crew.add(async { Err(Error::Closed(4008)) });
        let failure = crew.work_for(Duration::from_secs(20)).await;
        assert!(matches!(failure, Err(Error::Closed(4008))), "{failure:?}");
        crew.dismiss().await.expect("the other one stops when told to");
    }
}
