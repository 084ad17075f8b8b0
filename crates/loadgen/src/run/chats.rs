//! `chats`: a person with very many chats: pages of their list, syncs, and connecting.
//!
//! One message is written into each chat before anything is measured. What a request costs may
//! grow with its answer, and not with the chats that it does not tell of.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use serde_json::{Value, json};

use super::crew::{Crew, Stop};
use super::history::fill;
use super::messages::body;
use super::requests::{Paths, Requests};
use super::{Pace, Prepared, Workload};
use crate::client::api::{Api, Session};
use crate::client::error::{Error, Result};
use crate::client::{State, Wire};
use crate::measure::latency::SharedLatencies;
use crate::measure::meter::Meter;
use crate::measure::report::Phase;
use crate::server::Target;

/// A person with many chats.
#[derive(Debug, Clone, Copy)]
pub struct Chats {
    /// How many.
    pub chats: usize,
    /// HTTP connections.
    pub connections: usize,
}

const LIST: &str = "/api/v1/chats?limit=50";

/// The paths of all pages of somebody's list.
async fn pages(api: &Api) -> Result<Vec<String>> {
    let mut pages = vec![LIST.to_owned()];
    loop {
        let page = api.get(&pages[pages.len() - 1]).await?;
        match page["next"].as_str() {
            Some(next) => pages.push(format!("{LIST}&after={next}")),
            None => return Ok(pages),
        }
    }
}

impl Chats {
    fn ready<'t>(&self, target: &'t Target, pages: Vec<String>, have: Value) -> Result<Ready<'t>> {
        let nothing = json!({ "inbox": 0, "chats": {}, "latest": 1 });
        let sync: Paths = Arc::new(|_| "/api/v1/sync".to_owned());
        let list: Paths = Arc::new(move |random| pages[random.usize(..pages.len())].clone());
        let requests = |name, paths, body: Option<Value>| Requests {
            name,
            paths,
            connections: self.connections,
            rate: 0.0,
            body: body.map(Arc::new),
        };
        let requests = [
            requests(
                "first page of the list",
                Arc::new(|_: &mut _| LIST.to_owned()) as Paths,
                None,
            ),
            requests("any page of the list", list, None),
            requests("first page of a sync from nothing", Arc::clone(&sync), Some(nothing)),
            requests("sync with nothing new", sync, Some(have)),
        ];
        Ok(Ready { requests, target, person: target.first(1)?[0].clone() })
    }
}

#[async_trait]
impl Workload for Chats {
    fn name(&self) -> &'static str {
        "chats"
    }

    fn sessions(&self) -> usize {
        self.chats.max(1) + 1
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let people = target.first(self.sessions())?;
        let (person, others) = people.split_first().ok_or_else(|| Error::protocol("nobody"))?;
        let wire = Wire::open(person.dial(target.addr)).await?.live().await?;
        let chat = |index: u64| others[index as usize].user.as_str();
        fill(wire, chat, others.len() as u64, &body(100)).await?;
        let api = Api::with(target.addr, person.clone());
        let mut state = State::new(person.user.clone());
        api.catch_up(&mut state, 1).await?;
        Ok(Box::new(self.ready(target, pages(&api).await?, state.have(1))?))
    }

    async fn prepare_bare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        Ok(Box::new(self.ready(target, vec![LIST.to_owned()], json!({}))?))
    }
}

struct Ready<'t> {
    requests: [Requests; 4],
    target: &'t Target,
    person: Session,
}

#[derive(Default)]
struct Shared {
    opened: AtomicU64,
    latencies: SharedLatencies,
}

/// Connects, waits until the connection is live, and closes it, again and again.
async fn connect_on(
    person: Session,
    addr: SocketAddr,
    shared: Arc<Shared>,
    stop: Stop,
) -> Result<()> {
    while !stop.is_now() {
        let began = Instant::now();
        let wire = Wire::open(person.dial(addr)).await?.live().await?;
        shared.latencies.record(0, began.elapsed());
        shared.opened.fetch_add(1, Ordering::Relaxed);
        wire.close().await;
    }
    Ok(())
}

impl Ready<'_> {
    /// One connection after the other.
    async fn connecting(&self, meter: Meter, pace: Pace) -> Result<Phase> {
        let (shared, mut crew) = (Arc::new(Shared::default()), Crew::default());
        let (person, addr) = (self.person.clone(), self.target.addr);
        crew.add(connect_on(person, addr, Arc::clone(&shared), crew.stop_sign()));
        let count = || shared.opened.load(Ordering::Relaxed);
        let (opened, span) = crew.measure(meter, pace, count).await?;
        crew.dismiss().await?;
        Ok(Phase::new("connecting", "connection", opened, &span)
            .latency("dialled to live", &shared.latencies.take())
            .judged())
    }
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let mut phases = Vec::new();
        for requests in &self.requests {
            phases.extend(requests.measure(self.target, &self.person, meter, pace).await?);
        }
        phases.push(self.connecting(meter, pace).await?);
        Ok(phases)
    }
}
