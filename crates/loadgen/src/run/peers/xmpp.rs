//! `xmpp`: the load of `direct` on a server that speaks XMPP and archives every message: as many as
//! it takes with a bounded number in flight, then even rates. A message is done when it is
//! delivered; a server that archives in the sender's turn has stored it by then.
//!
//! The accounts exist: `u0`, `u1`, … with one password, on a host without TLS.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::mpsc;

use crate::client::error::{Error, Result};
use crate::client::stream::{self, Stream};
use crate::measure::latency::SharedLatencies;
use crate::measure::meter::Meter;
use crate::measure::pace::{Pacer, Schedule};
use crate::measure::report::Phase;
use crate::run::crew::{Crew, Stop};
use crate::run::messages::body;
use crate::run::{Bare, Pace, Prepared, Workload};
use crate::server::Target;

/// One-to-one messages over XMPP.
#[derive(Debug, Clone)]
pub struct Xmpp {
    /// The host that the accounts belong to.
    pub host: String,
    /// The password of all accounts.
    pub password: String,
    /// Pairs of people.
    pub pairs: usize,
    /// Messages in flight over all pairs, when as many as possible are sent.
    pub in_flight: usize,
    /// Messages a second, in a phase for each.
    pub rates: Vec<f64>,
    /// Bytes of text in a message.
    pub size: usize,
}

const END: &str = "</message>";

/// A logged-in client.
struct Line {
    stream: Stream,
    input: Vec<u8>,
}

impl Line {
    /// Logs in and says that it is there.
    async fn open(target: &Target, load: &Xmpp, name: &str) -> Result<Self> {
        let stream = stream::open(target.addr, None, None, None).await?;
        let mut line = Self { stream, input: Vec::new() };
        let Xmpp { host, password, .. } = load;
        let head = format!(
            "<?xml version='1.0'?><stream:stream to='{host}' xmlns='jabber:client' \
             xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>"
        );
        let secret = STANDARD.encode(format!("\0{name}\0{password}"));
        let auth = format!(
            "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>"
        );
        line.ask(&head, "</stream:features>").await?;
        line.ask(&auth, "<success").await?;
        line.ask(&head, "</stream:features>").await?;
        line.ask(
            "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'>\
             <resource>load</resource></bind></iq>",
            "</iq>",
        )
        .await?;
        line.ask("<presence/>", "<presence").await?;
        Ok(line)
    }

    /// Sends something and reads until an answer holds what is expected.
    async fn ask(&mut self, text: &str, expected: &str) -> Result<()> {
        self.stream.write_all(text.as_bytes()).await?;
        self.input.clear();
        while !String::from_utf8_lossy(&self.input).contains(expected) {
            if self.stream.read_buf(&mut self.input).await? == 0 {
                let said = String::from_utf8_lossy(&self.input).into_owned();
                return Err(Error::protocol(format!("instead of {expected}: {said}")));
            }
        }
        self.input.clear();
        Ok(())
    }

    /// Waits for messages; how many have come. Safe to drop while waiting.
    async fn messages(&mut self) -> Result<usize> {
        loop {
            let (count, used) = ended(&self.input);
            if count > 0 {
                self.input.drain(..used);
                return Ok(count);
            }
            if self.stream.read_buf(&mut self.input).await? == 0 {
                return Err(Error::Closed(0));
            }
        }
    }
}

/// How many messages end in these bytes, and where the last of them does.
fn ended(input: &[u8]) -> (usize, usize) {
    // What is cut off within a letter is not the end of a message.
    let text = match std::str::from_utf8(input) {
        Ok(text) => text,
        Err(error) => std::str::from_utf8(&input[..error.valid_up_to()]).unwrap_or_default(),
    };
    text.match_indices(END).fold((0, 0), |(count, _), (at, _)| (count + 1, at + END.len()))
}

#[derive(Default)]
struct Shared {
    delivered: AtomicU64,
    to_delivery: SharedLatencies,
}

impl Shared {
    /// Warms up, forgets those latencies, and measures deliveries.
    async fn steady(
        &self,
        name: String,
        crew: &mut Crew,
        meter: Meter,
        pace: Pace,
    ) -> Result<Phase> {
        crew.work_for(pace.warmup).await?;
        self.to_delivery.take();
        let pace = Pace { warmup: Duration::ZERO, ..pace };
        let count = || self.delivered.load(Ordering::Relaxed);
        let (operations, span) = crew.measure(meter, pace, count).await?;
        Ok(Phase::new(name, "message", operations, &span)
            .latency("due to delivered", &self.to_delivery.take()))
    }
}

/// Two people: one writes, the other reads. Messages arrive in the order of sends.
struct Pair {
    task: usize,
    shared: Arc<Shared>,
    writer: Line,
    reader: Line,
    message: String,
    sent: VecDeque<Instant>,
}

impl Pair {
    async fn open(target: &Target, load: &Xmpp, task: usize, shared: &Arc<Shared>) -> Result<Self> {
        let (from, to) = (format!("u{}", 2 * task), format!("u{}", 2 * task + 1));
        let (host, text) = (&load.host, body(load.size));
        Ok(Self {
            task,
            shared: Arc::clone(shared),
            writer: Line::open(target, load, &from).await?,
            reader: Line::open(target, load, &to).await?,
            message: format!("<message to='{to}@{host}' type='chat'><body>{text}</body></message>"),
            sent: VecDeque::new(),
        })
    }

    async fn send(&mut self, due: Instant) -> Result<()> {
        self.sent.push_back(due);
        Ok(self.writer.stream.write_all(self.message.as_bytes()).await?)
    }

    fn take(&mut self, count: usize) {
        for due in self.sent.drain(..count.min(self.sent.len())) {
            self.shared.delivered.fetch_add(1, Ordering::Relaxed);
            self.shared.to_delivery.record(self.task, due.elapsed());
        }
    }

    async fn fill_window(mut self, window: usize, stop: Stop) -> Result<()> {
        loop {
            while self.sent.len() < window && !stop.is_now() {
                self.send(Instant::now()).await?;
            }
            if self.sent.is_empty() {
                return Ok(());
            }
            let count = self.reader.messages().await?;
            self.take(count);
        }
    }

    async fn follow_pacer(
        mut self,
        schedule: Schedule,
        mut due: mpsc::UnboundedReceiver<u64>,
    ) -> Result<()> {
        loop {
            tokio::select! {
                index = due.recv() => match index {
                    Some(index) => self.send(schedule.due(index)).await?,
                    None => break,
                },
                count = self.reader.messages() => {
                    let count = count?;
                    self.take(count);
                }
            }
        }
        while !self.sent.is_empty() {
            let count = self.reader.messages().await?;
            self.take(count);
        }
        Ok(())
    }
}

#[async_trait]
impl Workload for Xmpp {
    fn name(&self) -> &'static str {
        "direct by XMPP"
    }

    fn sessions(&self) -> usize {
        0
    }

    fn bare(&self) -> Option<Bare> {
        None
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        Ok(Box::new(Ready { load: self.clone(), target }))
    }
}

struct Ready<'t> {
    load: Xmpp,
    target: &'t Target,
}

impl Ready<'_> {
    async fn pairs(&self, shared: &Arc<Shared>) -> Result<Vec<Pair>> {
        let mut pairs = Vec::new();
        for task in 0..self.load.pairs {
            pairs.push(Pair::open(self.target, &self.load, task, shared).await?);
        }
        Ok(pairs)
    }

    async fn full(&self, meter: Meter, pace: Pace) -> Result<Phase> {
        let (shared, mut crew) = (Arc::new(Shared::default()), Crew::default());
        let Xmpp { pairs, in_flight, .. } = self.load;
        for pair in self.pairs(&shared).await? {
            crew.add(pair.fill_window(in_flight.div_ceil(pairs.max(1)), crew.stop_sign()));
        }
        let name = format!("full, {in_flight} in flight");
        let phase = shared.steady(name, &mut crew, meter, pace).await?;
        crew.dismiss().await?;
        Ok(phase.judged())
    }

    async fn even(&self, meter: Meter, pace: Pace, rate: f64) -> Result<Phase> {
        let (shared, mut crew) = (Arc::new(Shared::default()), Crew::default());
        let pairs = self.pairs(&shared).await?;
        let schedule = Schedule::new(Instant::now(), rate);
        let mut queues = Vec::new();
        for pair in pairs {
            let (queue, due) = mpsc::unbounded_channel();
            queues.push(queue);
            crew.add(pair.follow_pacer(schedule, due));
        }
        let pacer = Pacer::start(schedule, move |index| {
            // A pair that is gone has failed, which ends the run.
            let _ = queues[index as usize % queues.len()].send(index);
        });
        let name = format!("even, {rate} a second");
        // The pacer is stopped before the crew is dismissed, whose tasks would wait for it.
        let phase = shared.steady(name, &mut crew, meter, pace).await?.lag(&pacer.stop());
        crew.dismiss().await?;
        Ok(phase.judged())
    }
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let mut phases = vec![self.full(meter, pace).await?];
        for rate in self.load.rates.iter().copied().filter(|rate| *rate > 0.0) {
            phases.push(self.even(meter, pace, rate).await?);
        }
        Ok(phases)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_counted_by_their_ends() {
        let text = "<presence/><message><body>hola, ¿qué tal?</body></message><message>";
        assert_eq!(ended(text.as_bytes()), (1, text.len() - "<message>".len()));
        assert_eq!(ended("<message>".as_bytes()), (0, 0));
        let cut = "</message></message>¿".as_bytes();
        assert_eq!(ended(&cut[..cut.len() - 1]), (2, 20));
    }
}
