//! `storm`: everybody comes back at once, with token and sync, as after a restart of the network.
//!
//! Everybody has a few chats and is one message behind in one of them. All connections are cut at
//! one moment and opened again at the same moment; a client is back when its sync is answered.
//! Clients that are refused come back after a pause, as clients should.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::crew::{open_all, source};
use super::messages::Numbering;
use super::{Pace, Prepared, Workload};
use crate::client::api::{Api, Session};
use crate::client::error::{Error, Result};
use crate::client::wire::{Dial, Frame};
use crate::client::{Backoff, State, Wire};
use crate::measure::latency::SharedLatencies;
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::Target;

/// Everybody writes to so many others before the storm.
const CHATS: usize = 3;
/// Requests at once while the chats are made.
const AT_ONCE: usize = 32;
/// How long the storm may take.
const PATIENCE: Duration = Duration::from_secs(120);

/// Everybody comes back at once.
#[derive(Debug, Clone, Copy)]
pub struct Storm {
    /// How many.
    pub connections: usize,
}

#[async_trait]
impl Workload for Storm {
    fn name(&self) -> &'static str {
        "storm"
    }

    fn sessions(&self) -> usize {
        self.connections
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let people = target.first(self.connections)?;
        if people.len() <= CHATS {
            return Err(Error::protocol(format!("a storm needs more than {CHATS} connections")));
        }
        let numbering = Numbering::default();
        let tasks =
            (0..people.len()).map(|index| write_to_others(target, people, index, &numbering));
        stream::iter(tasks).buffer_unordered(AT_ONCE).try_collect::<Vec<()>>().await?;
        let tasks = (0..people.len()).map(|index| behind(target, &people[index]));
        let have = stream::iter(tasks).buffered(AT_ONCE).try_collect().await?;
        Ok(Box::new(Ready { target, connections: self.connections, have }))
    }

    async fn prepare_bare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let have = vec![json!({}); self.connections];
        Ok(Box::new(Ready { target, connections: self.connections, have }))
    }
}

async fn write_to_others(
    target: &Target,
    people: &[Session],
    index: usize,
    numbering: &Numbering,
) -> Result<()> {
    let api = Api::with(target.addr, people[index].clone());
    for step in 1..=CHATS {
        let other = &people[(index + step) % people.len()].user;
        api.send(other, &numbering.key(numbering.next()), "see you after the storm").await?;
    }
    Ok(())
}

/// What a client has that is one message behind in one of its chats.
async fn behind(target: &Target, session: &Session) -> Result<Value> {
    let api = Api::with(target.addr, session.clone());
    let mut state = State::new(session.user.clone());
    api.catch_up(&mut state, 30).await?;
    let mut have = state.have(30);
    let first = have["chats"].as_object_mut().and_then(|chats| chats.values_mut().next());
    let rev = first.ok_or_else(|| Error::protocol("sync told of no chat"))?;
    *rev = rev.as_u64().unwrap_or_default().saturating_sub(1).into();
    Ok(have)
}

struct Ready<'t> {
    target: &'t Target,
    connections: usize,
    have: Vec<Value>,
}

#[derive(Default)]
struct Shared {
    back: SharedLatencies,
    refused: AtomicU64,
    rows: AtomicU64,
    /// Bytes of a page of sync.
    bytes: AtomicU64,
}

/// One try to come back: the open connection, how many rows sync gave, and in how many bytes.
async fn come_back(dial: Dial<'_>, sync: &str) -> Result<(Wire, u64, usize)> {
    let mut wire = Wire::open(dial).await?;
    wire.send(sync).await?;
    loop {
        let text = wire.next().await?;
        let frame = Frame::parse(&text)?;
        if frame.re != Some(1) {
            continue;
        }
        if let Some(err) = frame.err {
            return Err(Error::refused(&serde_json::from_str(err.get())?));
        }
        let page: Value = serde_json::from_str(frame.ok.map_or("null", |ok| ok.get()))?;
        let chats = page["chats"].as_array().into_iter().flatten();
        let rows =
            chats.filter_map(|chat| chat["messages"].as_array()).map(|rows| rows.len() as u64);
        return Ok((wire, rows.sum(), text.len()));
    }
}

impl Ready<'_> {
    /// Comes back, with pauses after refusals.
    async fn insist(&self, index: usize, start: Instant, shared: &Shared) -> Result<Wire> {
        let session = &self.target.sessions[index];
        let from = source(index, self.target.addr.ip());
        let dial = Dial { from, ..session.dial(self.target.addr) };
        let sync = json!({ "op": "sync", "id": 1, "d": self.have[index] }).to_string();
        let mut backoff = Backoff::default();
        loop {
            match come_back(dial, &sync).await {
                Ok((wire, rows, bytes)) => {
                    shared.bytes.store(bytes as u64, Ordering::Relaxed);
                    shared.back.record(index, start.elapsed());
                    shared.rows.fetch_add(rows, Ordering::Relaxed);
                    return Ok(wire);
                }
                Err(error) if error.is_final() || start.elapsed() > PATIENCE => return Err(error),
                Err(_) => {
                    shared.refused.fetch_add(1, Ordering::Relaxed);
                    sleep(backoff.wait(fastrand::f64())).await;
                }
            }
        }
    }
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let people = self.target.first(self.connections)?;
        let before = open_all(self.target.addr, people).await?;
        sleep(pace.warmup).await;
        let shared = Arc::new(Shared::default());
        let reading = meter.read()?;
        let start = Instant::now();
        drop(before);
        let coming = (0..self.connections).map(|index| self.insist(index, start, &shared));
        let back = futures_util::future::try_join_all(coming).await?;
        let span = reading.until(&meter.read()?);
        drop(back);
        let phase = Phase::new("all at once", "connection", self.connections as u64, &span)
            .latency("cut to synced", &shared.back.take())
            .carrying(shared.bytes.load(Ordering::Relaxed) as f64)
            .figure("refused and come again", shared.refused.load(Ordering::Relaxed) as f64)
            .figure("rows that sync gave", shared.rows.load(Ordering::Relaxed) as f64);
        Ok(vec![phase.judged()])
    }
}
