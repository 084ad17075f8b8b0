//! `direct`: one-to-one messages, persisted, acked after the durable commit, delivered.
//!
//! Two phases over the same pairs of people: as many as the server takes, with a bounded number in
//! flight (rate, CPU a message), then an even rate (latency from the scheduled time to the ack, and
//! to the delivery). Receivers listen on the WebSocket; senders use it too, or REST.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::mpsc;

use super::crew::{Crew, Stop, open_at};
use super::messages::{Heard, Numbering, body, hear, send_frame};
use super::{Bare, Pace, Prepared, Workload};
use crate::client::Wire;
use crate::client::api::{Api, Session};
use crate::client::error::Result;
use crate::measure::latency::SharedLatencies;
use crate::measure::meter::{Meter, Span};
use crate::measure::pace::{Pacer, Schedule};
use crate::measure::report::Phase;
use crate::server::Target;

/// One-to-one messages.
#[derive(Debug, Clone)]
pub struct Direct {
    /// How many pairs of people.
    pub pairs: usize,
    /// How many messages are in flight over all pairs, when as many as possible are sent.
    pub in_flight: usize,
    /// Messages a second, in a phase for each.
    pub rates: Vec<f64>,
    /// Bytes of text in a message.
    pub size: usize,
    /// Send by REST.
    pub rest: bool,
    /// The receivers are not connected.
    pub asleep: bool,
}

#[async_trait]
impl Workload for Direct {
    fn name(&self) -> &'static str {
        if self.rest { "direct by REST" } else { "direct" }
    }

    fn sessions(&self) -> usize {
        self.pairs * 2
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        Ok(Box::new(self.ready(target)?))
    }

    fn bare(&self) -> Option<Bare> {
        Some(Bare { stores: true, rows: 1 })
    }
}

impl Direct {
    /// Messages at a rate that is said for each phase, beside something else.
    pub fn beside(pairs: usize, size: usize) -> Self {
        let pairs = pairs.max(1);
        Self { pairs, in_flight: pairs, rates: Vec::new(), size, rest: false, asleep: false }
    }

    /// The load on a server that has sessions for it.
    pub(super) fn ready<'t>(&self, target: &'t Target) -> Result<Ready<'t>> {
        target.first(self.sessions())?;
        Ok(Ready { load: self.clone(), target })
    }
}

/// The load on one server.
pub(super) struct Ready<'t> {
    load: Direct,
    target: &'t Target,
}

/// What all tasks of a phase share.
struct Shared {
    numbering: Numbering,
    /// Nobody is connected to whom anything could be delivered.
    asleep: bool,
    /// The plan of an even rate; `None` when as many as possible are sent.
    schedule: Option<Schedule>,
    body: String,
    acked: AtomicU64,
    delivered: AtomicU64,
    /// Bytes of a delivery.
    bytes: AtomicU64,
    to_ack: SharedLatencies,
    to_delivery: SharedLatencies,
}

impl Shared {
    fn ack(&self, task: usize, due: Instant) {
        self.acked.fetch_add(1, Ordering::Relaxed);
        self.to_ack.record(task, due.elapsed());
    }

    fn deliver(&self, task: usize, key: &str) {
        if let Some(index) = self.numbering.index(key) {
            self.delivered.fetch_add(1, Ordering::Relaxed);
            if let Some(schedule) = &self.schedule {
                self.to_delivery.record(task, schedule.age(index));
            }
        }
    }
}

/// How long the last deliveries may take after the last ack.
const LAST_DELIVERIES: Duration = Duration::from_secs(5);

impl Shared {
    /// Warms up, forgets those latencies, and measures deliveries.
    async fn measured(&self, crew: &mut Crew, meter: Meter, pace: Pace) -> Result<(u64, Span)> {
        crew.work_for(pace.warmup).await?;
        self.to_ack.take();
        self.to_delivery.take();
        let done = if self.asleep { &self.acked } else { &self.delivered };
        let count = || done.load(Ordering::Relaxed);
        crew.measure(meter, Pace { warmup: Duration::ZERO, ..pace }, count).await
    }

    /// Ends the load; how many messages were acked and not delivered.
    async fn finish(&self, sending: Crew, mut receiving: Crew) -> Result<u64> {
        sending.dismiss().await?;
        let missing = || {
            if self.asleep {
                return 0;
            }
            let acked = self.acked.load(Ordering::Relaxed);
            acked.saturating_sub(self.delivered.load(Ordering::Relaxed))
        };
        let deadline = Instant::now() + LAST_DELIVERIES;
        while missing() > 0 && Instant::now() < deadline {
            receiving.work_for(Duration::from_millis(5)).await?;
        }
        receiving.dismiss().await?;
        Ok(missing())
    }
}

/// Where a sender gets its next message from.
enum Source {
    /// As many as possible, with this many in flight.
    Window(usize),
    /// When the pacer says so.
    Paced(mpsc::UnboundedReceiver<u64>),
}

/// A sender and its place in the crew.
struct Sender {
    task: usize,
    shared: Arc<Shared>,
    /// The receiver's user id, which names the direct chat.
    chat: String,
    source: Source,
    stop: Stop,
}

impl Sender {
    fn frame(&self, index: u64) -> String {
        let key = self.shared.numbering.key(index);
        send_frame(index, &self.chat, &key, &self.shared.body)
    }

    async fn over_socket(self, wire: Wire) -> Result<()> {
        match self.source {
            Source::Window(window) => self.fill_window(wire, window).await,
            Source::Paced(_) => self.follow_pacer(wire).await,
        }
    }

    /// Keeps `window` messages in flight: for each ack that is there, another message; then one
    /// write for all of them.
    async fn fill_window(self, mut wire: Wire, window: usize) -> Result<()> {
        let mut sent = VecDeque::with_capacity(window);
        loop {
            while sent.len() < window && !self.stop.is_now() {
                wire.feed(self.frame(self.shared.numbering.next())).await?;
                sent.push_back(Instant::now());
            }
            wire.flush().await?;
            if sent.is_empty() {
                wire.close().await;
                return Ok(());
            }
            let mut next = Some(wire.next().await);
            while let Some(text) = next {
                if hear(&text?)? == Heard::Acked
                    && let Some(at) = sent.pop_front()
                {
                    self.shared.ack(self.task, at);
                }
                next = wire.ready();
            }
        }
    }

    async fn follow_pacer(mut self, mut wire: Wire) -> Result<()> {
        let Source::Paced(mut due) = std::mem::replace(&mut self.source, Source::Window(0)) else {
            return Ok(());
        };
        // Acks come in the order of sends.
        let mut sent = VecDeque::new();
        loop {
            tokio::select! {
                index = due.recv() => {
                    let Some(index) = index else { break };
                    wire.send(self.frame(index)).await?;
                    sent.push_back(self.due(index));
                }
                text = wire.next() => self.take_ack(&text?, &mut sent)?,
            }
        }
        while !sent.is_empty() {
            let text = wire.next().await?;
            self.take_ack(&text, &mut sent)?;
        }
        wire.close().await;
        Ok(())
    }

    fn take_ack(&self, text: &str, sent: &mut VecDeque<Instant>) -> Result<()> {
        if hear(text)? == Heard::Acked
            && let Some(due) = sent.pop_front()
        {
            self.shared.ack(self.task, due);
        }
        Ok(())
    }

    fn due(&self, index: u64) -> Instant {
        self.shared.schedule.map_or_else(Instant::now, |schedule| schedule.due(index))
    }

    /// One request at a time.
    async fn over_rest(mut self, api: Api) -> Result<()> {
        loop {
            let (index, due) = match &mut self.source {
                Source::Window(_) if self.stop.is_now() => return Ok(()),
                Source::Window(_) => (self.shared.numbering.next(), Instant::now()),
                Source::Paced(queue) => match queue.recv().await {
                    Some(index) => (index, self.due(index)),
                    None => return Ok(()),
                },
            };
            let key = self.shared.numbering.key(index);
            api.send(&self.chat, &key, &self.shared.body).await?;
            self.shared.ack(self.task, due);
        }
    }
}

async fn receive(task: usize, shared: Arc<Shared>, mut wire: Wire, mut stop: Stop) -> Result<()> {
    loop {
        tokio::select! {
            text = wire.next() => {
                let text = text?;
                if let Heard::Message(key) = hear(&text)? {
                    shared.bytes.store(text.len() as u64, Ordering::Relaxed);
                    shared.deliver(task, key);
                }
            }
            () = stop.wait() => {
                wire.close().await;
                return Ok(());
            }
        }
    }
}

impl Ready<'_> {
    fn shared(&self, schedule: Option<Schedule>) -> Arc<Shared> {
        Arc::new(Shared {
            numbering: Numbering::default(),
            asleep: self.load.asleep,
            schedule,
            body: body(self.load.size),
            acked: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            to_ack: SharedLatencies::default(),
            to_delivery: SharedLatencies::default(),
        })
    }

    /// Those who send, and those who receive.
    pub(super) fn people(&self) -> Result<(&[Session], &[Session])> {
        Ok(self.target.first(self.load.pairs * 2)?.split_at(self.load.pairs))
    }

    /// Receivers and senders, at work.
    async fn crew(&self, shared: &Arc<Shared>, mut sources: Vec<Source>) -> Result<(Crew, Crew)> {
        let (senders, receivers) = self.people()?;
        let (mut sending, mut receiving) = (Crew::default(), Crew::default());
        let awake = if self.load.asleep { &[] } else { receivers };
        for (task, wire) in open_at(self.target, awake).await?.into_iter().enumerate() {
            receiving.add(receive(task, Arc::clone(shared), wire, receiving.stop_sign()));
        }
        let wires = if self.load.rest { Vec::new() } else { open_at(self.target, senders).await? };
        let mut wires = wires.into_iter();
        for (task, source) in sources.drain(..).enumerate() {
            let pair = task % self.load.pairs;
            let sender = Sender {
                task,
                shared: Arc::clone(shared),
                chat: receivers[pair].user.clone(),
                source,
                stop: sending.stop_sign(),
            };
            match wires.next() {
                Some(wire) => sending.add(sender.over_socket(wire)),
                None => {
                    let api = Api::with(self.target.addr, senders[pair].clone());
                    sending.add(sender.over_rest(api));
                }
            }
        }
        Ok((sending, receiving))
    }

    /// As many as the server takes.
    pub(super) async fn full(&self, meter: Meter, pace: Pace) -> Result<Phase> {
        let Direct { pairs, in_flight, rest, .. } = self.load;
        let sources: Vec<Source> = if rest {
            (0..in_flight).map(|_| Source::Window(1)).collect()
        } else {
            (0..pairs).map(|_| Source::Window(in_flight.div_ceil(pairs))).collect()
        };
        let shared = self.shared(None);
        let (mut sending, receiving) = self.crew(&shared, sources).await?;
        let (operations, span) = shared.measured(&mut sending, meter, pace).await?;
        let to_ack = shared.to_ack.take();
        let lost = shared.finish(sending, receiving).await?;
        Ok(Phase::new(format!("full, {in_flight} in flight"), "message", operations, &span)
            .latency("sent to acked", &to_ack)
            .carrying(shared.bytes.load(Ordering::Relaxed) as f64)
            .figure("acked and not delivered", lost as f64)
            .judged())
    }

    /// An even rate.
    pub(super) async fn paced(&self, meter: Meter, pace: Pace, rate: f64) -> Result<Phase> {
        let Direct { pairs, in_flight, rest, .. } = self.load;
        let senders = if rest { in_flight } else { pairs };
        let (queues, sources): (Vec<_>, Vec<_>) = (0..senders)
            .map(|_| mpsc::unbounded_channel())
            .map(|(queue, due)| (queue, Source::Paced(due)))
            .unzip();
        // The senders open their connections before the first message is due.
        let schedule = Schedule::new(Instant::now() + pace.warmup, rate);
        let shared = self.shared(Some(schedule));
        let (mut sending, receiving) = self.crew(&shared, sources).await?;
        let pacer = Pacer::start(schedule, move |index| {
            // A sender that is gone has failed, which ends the run.
            let _ = queues[index as usize % queues.len()].send(index);
        });
        let twice = Pace { warmup: pace.warmup * 2, ..pace };
        let (operations, span) = shared.measured(&mut sending, meter, twice).await?;
        let (to_ack, to_delivery) = (shared.to_ack.take(), shared.to_delivery.take());
        let lag = pacer.stop();
        let lost = shared.finish(sending, receiving).await?;
        Ok(Phase::new(format!("even, {rate} a second"), "message", operations, &span)
            .latency("due to acked", &to_ack)
            .latency("due to delivered", &to_delivery)
            .carrying(shared.bytes.load(Ordering::Relaxed) as f64)
            .lag(&lag)
            .figure("acked and not delivered", lost as f64)
            .judged())
    }
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let mut phases = vec![self.full(meter, pace).await?];
        let full = phases[0].server_cpu_us;
        for rate in self.load.rates.iter().copied().filter(|rate| *rate > 0.0) {
            let phase = self.paced(meter, pace, rate).await?;
            let times = phase.server_cpu_us.zip(full).filter(|(_, full)| *full > 0.0);
            phases.push(match times {
                Some((even, full)) => {
                    phase.figure("server CPU, times that at full rate", even / full)
                }
                None => phase,
            });
        }
        Ok(phases)
    }
}
