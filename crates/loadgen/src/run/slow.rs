//! `slow`: readers that stall, in a group whose other members must not notice.
//!
//! Two phases at one even rate: with the healthy members alone, then with the stalled ones beside
//! them. Stalled readers have tiny receive buffers and read nothing; what the server keeps for them
//! shows in its memory, and how their connections end shows whether it dropped them. Then they sync
//! from what they held, and are compared with a client that reads everything from scratch.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use tokio::sync::mpsc;
use tokio::time::timeout;

use super::crew::{Crew, open_all, open_with};
use super::group::{Shared, create, measured};
use super::{Bare, Pace, Prepared, Workload};
use crate::client::api::{Api, Session};
use crate::client::error::{Error, Result};
use crate::client::{State, Wire};
use crate::measure::meter::Meter;
use crate::measure::pace::{Pacer, Schedule};
use crate::measure::proc;
use crate::measure::report::Phase;
use crate::server::Target;

/// What the kernel holds for a stalled reader, in bytes.
const TINY: u32 = 4096;

/// Stalled readers that sync at once when they come back.
const AT_ONCE: usize = 16;

/// Readers that stall.
#[derive(Debug, Clone, Copy)]
pub struct Slow {
    /// How many members are online in all, the sender aside.
    pub members: usize,
    /// How many of them stall.
    pub stalled: usize,
    /// Messages a second.
    pub rate: f64,
    /// Bytes of text in a message.
    pub size: usize,
}

#[async_trait]
impl Workload for Slow {
    fn name(&self) -> &'static str {
        "slow"
    }

    fn sessions(&self) -> usize {
        self.members + 1
    }

    fn bare(&self) -> Option<Bare> {
        // It keeps nothing for readers that stall: what that takes is the whole question.
        None
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        if self.stalled >= self.members {
            return Err(Error::protocol("some members must be healthy: lower --stalled"));
        }
        let chat = create(target, target.first(self.sessions())?).await?;
        Ok(Box::new(Ready { load: *self, target, chat }))
    }
}

struct Ready<'t> {
    load: Slow,
    target: &'t Target,
    chat: String,
}

/// How a stalled reader's connection ended, once it reads again: what was kept, then the close.
async fn ending(mut wire: Wire) -> Option<u16> {
    loop {
        match timeout(Duration::from_secs(2), wire.next()).await {
            Ok(Ok(_)) => {}
            Ok(Err(Error::Closed(code))) => return Some(code),
            Ok(Err(_)) => return Some(0),
            Err(_) => return None,
        }
    }
}

fn last_seq(state: &State, chat: &str) -> u64 {
    let last = state.chat(chat).and_then(|known| known.messages.last_key_value());
    last.map_or(0, |(seq, _)| *seq)
}

/// What somebody has after syncing on from what was held.
async fn synced(addr: SocketAddr, session: Session, mut held: State) -> Result<State> {
    Api::with(addr, session).catch_up(&mut held, 1).await?;
    Ok(held)
}

impl Ready<'_> {
    /// What these people have after syncing on from what they held.
    async fn all_synced(&self, people: &[Session], held: Vec<State>) -> Result<Vec<State>> {
        let addr = self.target.addr;
        let people = people.iter().cloned().zip(held);
        let syncing = people.map(|(session, held)| synced(addr, session, held));
        stream::iter(syncing).buffered(AT_ONCE).try_collect().await
    }

    /// The group's log after a message, read from its history.
    async fn afresh(&self, mut after: u64) -> Result<State> {
        let owner = &self.target.first(1)?[0];
        let api = Api::with(self.target.addr, owner.clone());
        let mut state = State::new(owner.user.clone());
        loop {
            let page = api.history(&self.chat, &format!("?after={after}&limit=200")).await?;
            let rows = page["messages"].as_array().into_iter().flatten();
            rows.for_each(|row| state.apply_message(row));
            match last_seq(&state, &self.chat) {
                last if last > after => after = last,
                _ => return Ok(state),
            }
        }
    }

    /// How many of those who stalled lack something once they have synced, or have it otherwise.
    async fn behind(&self, stalled: &[Session], held: Vec<State>) -> Result<usize> {
        let held_up_to = held.iter().map(|state| last_seq(state, &self.chat)).max().unwrap_or(0);
        let afresh = self.afresh(held_up_to).await?;
        let back = self.all_synced(stalled, held).await?;
        let log = |state: &State| {
            let known = state.chat(&self.chat)?;
            Some(known.messages.clone().split_off(&(held_up_to + 1)))
        };
        let expected = log(&afresh).unwrap_or_default();
        Ok(back.iter().filter(|state| log(state).as_ref() != Some(&expected)).count())
    }

    async fn phase(&self, meter: Meter, pace: Pace, name: &str) -> Result<Phase> {
        let healthy = self.load.members - self.load.stalled;
        let people = self.target.first(self.load.sessions())?;
        let mut wires = open_all(self.target.addr, &people[..=healthy]).await?.into_iter();
        let sender = wires.next().ok_or_else(|| Error::protocol("nobody"))?;
        let schedule = Schedule::new(Instant::now() + Duration::from_millis(100), self.load.rate);
        let shared = Shared::scheduled(&self.chat, self.load.size, healthy, schedule);
        let (mut sending, mut listening) = (Crew::default(), Crew::default());
        for (task, wire) in wires.enumerate() {
            listening.add(Arc::clone(&shared).member(task, wire, listening.stop_sign()));
        }
        let (queue, due) = mpsc::unbounded_channel();
        sending.add(Arc::clone(&shared).send_paced(sender, due));
        let pacer = Pacer::start(schedule, move |index| {
            // A sender that is gone has failed, which ends the run.
            let _ = queue.send(index);
        });
        let (count, span) = measured(&mut listening, &shared, meter, pace).await?;
        let phase = Phase::new(name, "delivery", count, &span)
            .latency("due to delivered", &shared.latencies().take())
            .lag(&pacer.stop());
        let missing = shared.finish(sending, listening).await?;
        Ok(phase.figure("deliveries missing", missing as f64).judged())
    }

    async fn with_stalled(&self, meter: Meter, pace: Pace) -> Result<Phase> {
        let people = self.target.first(self.load.sessions())?;
        let stalled = &people[self.load.sessions() - self.load.stalled..];
        let nothing = stalled.iter().map(|session| State::new(session.user.clone())).collect();
        let held = self.all_synced(stalled, nothing).await?;
        let (before, kernel_before) = (meter.memory()?, proc::sockets()?);
        let readers = open_with(self.target.addr, stalled, Some(TINY), None).await?;
        let mut phase = self.phase(meter, pace, "with stalled readers").await?;
        if let (Some(before), Some(after)) = (before, meter.memory()?) {
            let grown = after.anonymous as f64 - before.anonymous as f64;
            let each = grown / self.load.stalled.max(1) as f64;
            phase = phase.figure("anonymous memory a stalled reader, bytes", each);
        }
        let kernel = proc::sockets()?.saturating_sub(kernel_before) as f64;
        let kernel = kernel / self.load.stalled.max(1) as f64;
        phase = phase.figure("kernel memory a stalled reader, bytes", kernel);
        let endings = futures_util::future::join_all(readers.into_iter().map(ending)).await;
        let behind = self.behind(stalled, held).await?;
        let closed = |fits: fn(u16) -> bool| {
            endings.iter().flatten().filter(|&&code| fits(code)).count() as f64
        };
        Ok(phase
            .figure("stalled readers that lack something after sync", behind as f64)
            .figure("stalled readers closed with 4008", closed(|code| code == 4008))
            .figure("stalled readers cut off", closed(|code| code != 4008))
            .figure(
                "stalled readers still open",
                endings.iter().filter(|e| e.is_none()).count() as f64,
            ))
    }
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let alone = self.phase(meter, pace, "healthy readers alone").await?;
        Ok(vec![alone, self.with_stalled(meter, pace).await?])
    }
}
