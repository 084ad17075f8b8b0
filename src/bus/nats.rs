//! Packets over NATS, between the nodes of one store. The only file that knows NATS.
//!
//! Guarantees: packets leave in their order, and each that comes is handed in. Nothing else is
//! asked of NATS: it may lose, double and be away, which the bus itself notices (`told`). Core NATS
//! is enough; nothing is kept there. Wired by `app`.
//!
//! Subjects: `wx.CLUSTER.ev.NODE` is what a node tells all, `wx.CLUSTER.to.NODE` what is for one.
//! So a node has two subscriptions, however many people there are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_nats::{Client, ConnectOptions, Event, ServerAddr, Subscriber};
use futures_util::StreamExt;
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use super::numbered::NumberedBus;
use super::told::{Packet, Run, TICK};
use crate::error::{Error, Result};
use crate::id::NodeId;

/// A server that answers no ping for two of these is left.
const PING: Duration = Duration::from_secs(1);
/// So many packets may wait to be read here; what does not fit is lost, and asked for.
const WAITING: usize = 65_536;
/// By so much the wait before another try to connect grows,
const STEP: Duration = Duration::from_millis(20);
/// up to this.
const RETRY: Duration = Duration::from_secs(1);
/// The first connection takes at most so long.
const CONNECT: Duration = Duration::from_secs(10);
/// Of packets of another version it is said this often.
const SAY_EVERY: Duration = Duration::from_secs(60);
/// What was told last has so long to leave when the server stops.
const LEAVE: Duration = Duration::from_secs(2);

/// Carries the packets of one node until it is stopped.
pub struct Carrier {
    client: Client,
    subjects: Subjects,
    bus: Arc<NumberedBus>,
    tasks: Vec<JoinHandle<()>>,
}

#[derive(Clone)]
struct Subjects {
    cluster: String,
    me: NodeId,
}

impl Subjects {
    fn of(&self, to: Option<NodeId>) -> String {
        match to {
            Some(node) => format!("wx.{}.to.{node}", self.cluster),
            None => format!("wx.{}.ev.{}", self.cluster, self.me),
        }
    }
}

impl Carrier {
    /// Connects to the servers at `url`, which commas separate; nothing is carried yet. `cluster`
    /// tells the nodes of one store from others on the same NATS. Fails when NATS does not answer.
    pub async fn reach(url: &str, cluster: &str, me: Run) -> Result<Self> {
        let client = timeout(CONNECT, connect(url)).await.map_err(unreachable)??;
        let subjects = Subjects { cluster: cluster.to_owned(), me: me.node };
        let bus = Arc::new(NumberedBus::new(me, Arc::new(Instant::now)));
        Ok(Self { client, subjects, bus, tasks: Vec::new() })
    }

    /// What it carries for.
    pub const fn bus(&self) -> &Arc<NumberedBus> {
        &self.bus
    }

    /// Carries from now on. The others know by then that this node is there.
    pub async fn begin(&mut self) -> Result<()> {
        let to_all = format!("wx.{}.ev.*", self.subjects.cluster);
        for subject in [to_all, self.subjects.of(Some(self.subjects.me))] {
            let subscriber = self.client.subscribe(subject).await.map_err(unreachable)?;
            self.tasks.push(tokio::spawn(hear(subscriber, self.bus.clone())));
        }
        self.client.flush().await.map_err(unreachable)?;
        let telling = tell(self.client.clone(), self.subjects.clone(), self.bus.clone());
        self.tasks.push(tokio::spawn(telling));
        Ok(())
    }

    /// Says goodbye and lets go.
    pub async fn leave(self) {
        let Some((telling, hearing)) = self.tasks.split_last() else { return };
        telling.abort();
        let last = async {
            for packet in self.bus.packets().into_iter().chain([self.bus.bye()]) {
                publish(&self.client, &self.subjects, packet).await;
            }
            if let Err(error) = self.client.flush().await {
                tracing::warn!(%error, "other nodes may not know that this one went");
            }
        };
        if timeout(LEAVE, last).await.is_err() {
            tracing::warn!(
                "NATS does not answer: the others notice by silence that this node went"
            );
        }
        hearing.iter().for_each(JoinHandle::abort);
    }
}

fn unreachable(cause: impl std::error::Error + Send + Sync + 'static) -> Error {
    Error::internal(cause)
}

async fn connect(url: &str) -> Result<Client> {
    let options = ConnectOptions::new()
        .name("wechat")
        .ping_interval(PING)
        .subscription_capacity(WAITING)
        .reconnect_delay_callback(|tries| {
            RETRY.min(STEP * u32::try_from(tries).unwrap_or(u32::MAX))
        })
        .event_callback(|event| async move { noted(&event) });
    let servers = url.split(',').map(|server| server.trim().parse::<ServerAddr>());
    let servers = servers.collect::<std::result::Result<Vec<_>, _>>().map_err(unreachable)?;
    options.connect(servers).await.map_err(unreachable)
}

fn noted(event: &Event) {
    match event {
        Event::Connected => tracing::info!("NATS is there: other nodes can hear this one"),
        Event::SlowConsumer(_) => tracing::warn!("packets of other nodes were dropped here"),
        Event::Disconnected => tracing::warn!("NATS is away: other nodes do not hear this one"),
        other => tracing::info!(%other, "NATS"),
    }
}

/// Sends what is to be sent, when it is.
async fn tell(client: Client, subjects: Subjects, bus: Arc<NumberedBus>) {
    loop {
        tokio::select! {
            () = bus.stirred() => {}
            () = sleep(TICK) => {}
        }
        for packet in bus.packets() {
            publish(&client, &subjects, packet).await;
        }
    }
}

/// Waits while NATS takes nothing; what is told meanwhile is kept, and asked for later.
async fn publish(client: &Client, subjects: &Subjects, Packet { to, bytes }: Packet) {
    if let Err(error) = client.publish(subjects.of(to), bytes).await {
        tracing::warn!(%error, "a packet was not sent");
    }
}

/// Hands in what comes.
async fn hear(mut packets: Subscriber, bus: Arc<NumberedBus>) {
    let mut said: Option<Instant> = None;
    while let Some(message) = packets.next().await {
        if !bus.receive(message.payload) && said.is_none_or(|at| at.elapsed() > SAY_EVERY) {
            said = Some(Instant::now());
            tracing::warn!("a node of another version speaks on this bus: it is not heard");
        }
    }
}
