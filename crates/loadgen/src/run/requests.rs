//! HTTP requests as a load: as many as the server takes over some connections, then at an even
//! rate. What `history`, `chats`, `receipts` and `search` are built on.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;
use tokio::sync::mpsc;

use super::Pace;
use super::crew::{Crew, Stop};
use crate::client::api::{Api, Session};
use crate::client::error::Result;
use crate::measure::latency::SharedLatencies;
use crate::measure::meter::Meter;
use crate::measure::pace::{Pacer, Schedule};
use crate::measure::report::Phase;
use crate::server::Target;

/// Makes the path of a request from a source of randomness.
pub type Paths = Arc<dyn Fn(&mut fastrand::Rng) -> String + Send + Sync>;

/// A load of requests: `GET`, or `POST` with a body.
#[derive(Clone)]
pub struct Requests {
    /// What is asked for, in a word.
    pub name: &'static str,
    /// What is asked for.
    pub paths: Paths,
    /// Connections; each has one request at a time.
    pub connections: usize,
    /// Requests a second in the phase with an even rate; zero leaves it out.
    pub rate: f64,
    /// What is sent with each.
    pub body: Option<Arc<Value>>,
}

struct Shared {
    done: AtomicU64,
    /// Bytes of all answers.
    bytes: AtomicU64,
    latencies: SharedLatencies,
}

struct Asker {
    task: usize,
    shared: Arc<Shared>,
    paths: Paths,
    body: Option<Arc<Value>>,
    /// What an answer of the bare server is filled up to, in bytes.
    fill: Option<usize>,
    random: fastrand::Rng,
    api: Api,
}

impl Asker {
    async fn ask(&mut self, due: Instant) -> Result<()> {
        let mut path = (self.paths)(&mut self.random);
        if let Some(bytes) = self.fill {
            let mark = if path.contains('?') { '&' } else { '?' };
            path = format!("{path}{mark}bytes={bytes}");
        }
        let bytes = self.api.bytes_of(&path, self.body.as_deref()).await?;
        self.shared.bytes.fetch_add(bytes as u64, Ordering::Relaxed);
        self.shared.done.fetch_add(1, Ordering::Relaxed);
        self.shared.latencies.record(self.task, due.elapsed());
        Ok(())
    }

    async fn on_and_on(mut self, stop: Stop) -> Result<()> {
        while !stop.is_now() {
            self.ask(Instant::now()).await?;
        }
        Ok(())
    }

    async fn paced(
        mut self,
        schedule: Schedule,
        mut due: mpsc::UnboundedReceiver<u64>,
    ) -> Result<()> {
        while let Some(index) = due.recv().await {
            self.ask(schedule.due(index)).await?;
        }
        Ok(())
    }
}

impl Requests {
    fn askers(&self, target: &Target, session: &Session, phase: &str) -> (Arc<Shared>, Vec<Asker>) {
        let shared = Arc::new(Shared {
            done: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            latencies: SharedLatencies::default(),
        });
        let asker = |task| Asker {
            task,
            shared: Arc::clone(&shared),
            paths: Arc::clone(&self.paths),
            body: self.body.clone(),
            fill: target.answers.get(phase).copied(),
            random: fastrand::Rng::with_seed(task as u64),
            api: Api::with(target.addr, session.clone()),
        };
        let askers = (0..self.connections.max(1)).map(asker).collect();
        (shared, askers)
    }

    /// Runs both phases as this session.
    pub async fn measure(
        &self,
        target: &Target,
        session: &Session,
        meter: Meter,
        pace: Pace,
    ) -> Result<Vec<Phase>> {
        let mut phases = vec![self.full(target, session, meter, pace).await?];
        if self.rate > 0.0 {
            phases.push(self.even(target, session, meter, pace).await?);
        }
        Ok(phases)
    }

    async fn full(
        &self,
        target: &Target,
        session: &Session,
        meter: Meter,
        pace: Pace,
    ) -> Result<Phase> {
        let name = format!("{}, {} at once", self.name, self.connections);
        let (shared, askers) = self.askers(target, session, &name);
        let mut crew = Crew::default();
        for asker in askers {
            let stop = crew.stop_sign();
            crew.add(asker.on_and_on(stop));
        }
        let phase = self.steady(&shared, &mut crew, name, meter, pace).await?;
        crew.dismiss().await?;
        Ok(phase.judged())
    }

    async fn even(
        &self,
        target: &Target,
        session: &Session,
        meter: Meter,
        pace: Pace,
    ) -> Result<Phase> {
        let name = format!("{}, {} a second", self.name, self.rate);
        let (shared, askers) = self.askers(target, session, &name);
        let mut crew = Crew::default();
        let schedule = Schedule::new(Instant::now() + Duration::from_millis(20), self.rate);
        let mut queues = Vec::new();
        for asker in askers {
            let (queue, due) = mpsc::unbounded_channel();
            queues.push(queue);
            crew.add(asker.paced(schedule, due));
        }
        let pacer = Pacer::start(schedule, move |index| {
            // An asker that is gone has failed, which ends the run.
            let _ = queues[index as usize % queues.len()].send(index);
        });
        let phase = self.steady(&shared, &mut crew, name, meter, pace).await?;
        let phase = phase.lag(&pacer.stop());
        crew.dismiss().await?;
        Ok(phase.judged())
    }

    async fn steady(
        &self,
        shared: &Shared,
        crew: &mut Crew,
        name: String,
        meter: Meter,
        pace: Pace,
    ) -> Result<Phase> {
        crew.work_for(pace.warmup).await?;
        shared.latencies.take();
        let pace = Pace { warmup: Duration::ZERO, ..pace };
        let count = || shared.done.load(Ordering::Relaxed);
        let (operations, span) = crew.measure(meter, pace, count).await?;
        let all = shared.done.load(Ordering::Relaxed).max(1) as f64;
        Ok(Phase::new(name, "request", operations, &span)
            .carrying(shared.bytes.load(Ordering::Relaxed) as f64 / all)
            .latency("due to answered", &shared.latencies.take()))
    }
}
