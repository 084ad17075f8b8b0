//! `fanout` and `hot`: a group with everybody online.
//!
//! `fanout` sends at an even rate: CPU a delivery when each message wakes every member, and latency
//! from the scheduled time to each delivery. `hot` keeps a number of messages in flight, a message
//! being in flight until all members have it: CPU a delivery when several are written at once.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{Notify, mpsc};

use super::crew::{Crew, Stop, open_all};
use super::messages::{Heard, Numbering, body, hear, send_frame};
use super::{Pace, Prepared, Workload};
use crate::client::Wire;
use crate::client::api::{Api, Session};
use crate::client::error::{Error, Result};
use crate::measure::latency::SharedLatencies;
use crate::measure::meter::{Meter, Span};
use crate::measure::pace::{Pacer, Schedule};
use crate::measure::report::Phase;
use crate::server::Target;

/// How many people a request may add to a group.
const ADD_AT_ONCE: usize = 200;
/// How long the last deliveries may take after the last message.
const LAST_DELIVERIES: Duration = Duration::from_secs(5);
/// How many messages of a full load are told apart at once.
const TOLD_APART: usize = 4096;

/// How messages come.
#[derive(Debug, Clone, Copy)]
pub enum Beat {
    /// So many a second.
    Even(f64),
    /// So many in flight.
    InFlight(usize),
}

/// A group with everybody online.
#[derive(Debug, Clone, Copy)]
pub struct Group {
    /// How many members are online, the sender aside.
    pub members: usize,
    /// How messages come.
    pub beat: Beat,
    /// Bytes of text in a message.
    pub size: usize,
}

/// Makes a group of these people; the first one owns it. Its id.
pub async fn create(target: &Target, people: &[Session]) -> Result<String> {
    let (owner, others) = people.split_first().ok_or_else(|| Error::protocol("nobody"))?;
    let api = Api::with(target.addr, owner.clone());
    let group = api.create_group("Load", &[]).await?;
    for part in others.chunks(ADD_AT_ONCE) {
        let users: Vec<&str> = part.iter().map(|session| session.user.as_str()).collect();
        api.add_members(&group, &users).await?;
    }
    Ok(group)
}

#[async_trait]
impl Workload for Group {
    fn name(&self) -> &'static str {
        match self.beat {
            Beat::Even(_) => "fanout",
            Beat::InFlight(_) => "hot",
        }
    }

    fn sessions(&self) -> usize {
        self.members + 1
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let chat = create(target, target.first(self.sessions())?).await?;
        Ok(Box::new(Ready { load: *self, target, chat }))
    }
}

/// When messages were due or sent, so that their age is known where they arrive.
enum Clocking {
    Scheduled(Schedule),
    /// Microseconds since the start, by message number; the latest `TOLD_APART` ones.
    Sent(Instant, Vec<AtomicU64>),
}

impl Clocking {
    fn by_sending() -> Self {
        Self::Sent(Instant::now(), (0..TOLD_APART).map(|_| AtomicU64::new(0)).collect())
    }

    fn sent(&self, index: u64) {
        if let Self::Sent(start, times) = self {
            let micros = start.elapsed().as_micros() as u64;
            times[index as usize % TOLD_APART].store(micros, Ordering::Relaxed);
        }
    }

    fn age(&self, index: u64) -> Duration {
        match self {
            Self::Scheduled(schedule) => schedule.age(index),
            Self::Sent(start, times) => {
                let micros = times[index as usize % TOLD_APART].load(Ordering::Relaxed);
                start.elapsed().saturating_sub(Duration::from_micros(micros))
            }
        }
    }
}

/// A load on one group: what its tasks share. Also the ground of `slow`.
pub struct Shared {
    chat: String,
    body: String,
    members: u64,
    numbering: Numbering,
    clocking: Clocking,
    sent: AtomicU64,
    delivered: AtomicU64,
    /// Bytes of a delivery.
    bytes: AtomicU64,
    to_delivery: SharedLatencies,
    /// Rings when a message has reached all members.
    round: Notify,
}

impl Shared {
    fn new(chat: &str, size: usize, members: usize, clocking: Clocking) -> Arc<Self> {
        Arc::new(Self {
            chat: chat.to_owned(),
            body: body(size),
            members: members as u64,
            numbering: Numbering::default(),
            clocking,
            sent: AtomicU64::new(0),
            delivered: AtomicU64::new(0),
            bytes: AtomicU64::new(0),
            to_delivery: SharedLatencies::default(),
            round: Notify::new(),
        })
    }

    /// A load whose messages are due by a schedule.
    pub fn scheduled(chat: &str, size: usize, members: usize, schedule: Schedule) -> Arc<Self> {
        Self::new(chat, size, members, Clocking::Scheduled(schedule))
    }

    /// Deliveries to members so far.
    pub fn delivered(&self) -> u64 {
        self.delivered.load(Ordering::Relaxed)
    }

    /// Latencies of deliveries since they were last taken.
    pub fn latencies(&self) -> &SharedLatencies {
        &self.to_delivery
    }

    /// Ends the load; how many deliveries are missing after a while.
    pub async fn finish(&self, sending: Crew, mut listening: Crew) -> Result<u64> {
        sending.dismiss().await?;
        let expected = self.sent.load(Ordering::Relaxed) * self.members;
        let deadline = Instant::now() + LAST_DELIVERIES;
        while self.delivered() < expected && Instant::now() < deadline {
            listening.work_for(Duration::from_millis(5)).await?;
        }
        listening.dismiss().await?;
        Ok(expected.saturating_sub(self.delivered()))
    }

    fn frame(&self, index: u64) -> String {
        send_frame(index, &self.chat, &self.numbering.key(index), &self.body)
    }

    fn deliver(&self, task: usize, key: &str) {
        let Some(index) = self.numbering.index(key) else { return };
        self.to_delivery.record(task, self.clocking.age(index));
        let count = self.delivered.fetch_add(1, Ordering::Relaxed) + 1;
        if count.is_multiple_of(self.members) {
            self.round.notify_one();
        }
    }

    /// Takes a frame that a member got.
    pub fn hear(&self, task: usize, text: &str) -> Result<()> {
        if let Heard::Message(key) = hear(text)? {
            self.bytes.store(text.len() as u64, Ordering::Relaxed);
            self.deliver(task, key);
        }
        Ok(())
    }

    /// Message `index` as members get it, in so many bytes, for servers that hand on what they are
    /// given. It counts as sent.
    pub fn event(&self, index: u64, bytes: usize) -> String {
        self.sent.fetch_add(1, Ordering::Relaxed);
        let key = self.numbering.key(index);
        let data = format!(r#"{{"client_msg_id":"{key}","body":"{}"}}"#, self.body);
        format!("{:bytes$}", format!(r#"{{"ev":"message","d":{data}}}"#))
    }

    /// A member: reads what comes until it is told to stop.
    pub async fn member(
        self: Arc<Self>,
        task: usize,
        mut wire: Wire,
        mut stop: Stop,
    ) -> Result<()> {
        loop {
            tokio::select! {
                text = wire.next() => {
                    self.hear(task, &text?)?;
                }
                () = stop.wait() => {
                    wire.close().await;
                    return Ok(());
                }
            }
        }
    }

    /// Sends message after message as the pacer says, until the pacer is gone.
    pub async fn send_paced(
        self: Arc<Self>,
        wire: Wire,
        mut due: mpsc::UnboundedReceiver<u64>,
    ) -> Result<()> {
        let mut sender = Sender { shared: self, wire, sent: 0, acked: 0 };
        loop {
            tokio::select! {
                index = due.recv() => match index {
                    Some(index) => {
                        sender.feed(index).await?;
                        sender.wire.flush().await?;
                    }
                    None => return sender.finish().await,
                },
                text = sender.wire.next() => sender.hear(&text?)?,
            }
        }
    }

    /// Keeps `window` messages in flight until it is told to stop.
    async fn send_window(self: Arc<Self>, wire: Wire, window: u64, mut stop: Stop) -> Result<()> {
        let mut sender = Sender { shared: Arc::clone(&self), wire, sent: 0, acked: 0 };
        loop {
            while sender.sent < self.delivered() / self.members + window {
                let index = self.numbering.next();
                self.clocking.sent(index);
                sender.feed(index).await?;
            }
            sender.wire.flush().await?;
            tokio::select! {
                () = self.round.notified() => {}
                text = sender.wire.next() => sender.hear(&text?)?,
                () = stop.wait() => return sender.finish().await,
            }
        }
    }
}

/// Who sends, and how far.
struct Sender {
    shared: Arc<Shared>,
    wire: Wire,
    sent: u64,
    acked: u64,
}

impl Sender {
    async fn feed(&mut self, index: u64) -> Result<()> {
        self.wire.feed(self.shared.frame(index)).await?;
        self.shared.sent.fetch_add(1, Ordering::Relaxed);
        self.sent += 1;
        Ok(())
    }

    fn hear(&mut self, text: &str) -> Result<()> {
        self.acked += u64::from(hear(text)? == Heard::Acked);
        Ok(())
    }

    /// Waits for the last acks.
    async fn finish(mut self) -> Result<()> {
        self.wire.flush().await?;
        while self.acked < self.sent {
            let text = self.wire.next().await?;
            self.hear(&text)?;
        }
        self.wire.close().await;
        Ok(())
    }
}

struct Ready<'t> {
    load: Group,
    target: &'t Target,
    chat: String,
}

impl Ready<'_> {
    /// Everybody online; the sender's connection is the first.
    async fn online(&self, shared: &Arc<Shared>, crew: &mut Crew) -> Result<Wire> {
        let people = self.target.first(self.load.sessions())?;
        let mut wires = open_all(self.target.addr, people).await?.into_iter();
        let sender = wires.next().ok_or_else(|| Error::protocol("nobody"))?;
        for (task, wire) in wires.enumerate() {
            crew.add(Arc::clone(shared).member(task, wire, crew.stop_sign()));
        }
        Ok(sender)
    }

    fn phase(&self, name: String, deliveries: u64, span: &Span, shared: &Shared) -> Phase {
        Phase::new(name, "delivery", deliveries, span)
            .latency("due to delivered", &shared.to_delivery.take())
            .carrying(shared.bytes.load(Ordering::Relaxed) as f64)
            .figure("messages a second", deliveries as f64 / shared.members as f64 / span.seconds)
    }

    async fn even(&self, meter: Meter, pace: Pace, rate: f64) -> Result<Phase> {
        let (queue, due) = mpsc::unbounded_channel();
        // The connections are opened before the schedule begins.
        let (mut sending, mut listening) = (Crew::default(), Crew::default());
        let waiting = Duration::from_millis(self.load.members as u64);
        let schedule = Schedule::new(Instant::now() + pace.warmup + waiting, rate);
        let shared = Shared::scheduled(&self.chat, self.load.size, self.load.members, schedule);
        let sender = self.online(&shared, &mut listening).await?;
        sending.add(Arc::clone(&shared).send_paced(sender, due));
        let pacer = Pacer::start(schedule, move |index| {
            // A sender that is gone has failed, which ends the run.
            let _ = queue.send(index);
        });
        listening.work_for(schedule.start.saturating_duration_since(Instant::now())).await?;
        let (count, span) = measured(&mut listening, &shared, meter, pace).await?;
        let name = format!("{} members, {rate} a second", self.load.members);
        let phase = self.phase(name, count, &span, &shared).lag(&pacer.stop());
        let missing = shared.finish(sending, listening).await?;
        Ok(phase.figure("deliveries missing", missing as f64).judged())
    }

    async fn full(&self, meter: Meter, pace: Pace, window: usize) -> Result<Phase> {
        let (mut sending, mut listening) = (Crew::default(), Crew::default());
        let clocking = Clocking::by_sending();
        let shared = Shared::new(&self.chat, self.load.size, self.load.members, clocking);
        let sender = self.online(&shared, &mut listening).await?;
        let window = window.clamp(1, TOLD_APART);
        let stop = sending.stop_sign();
        sending.add(Arc::clone(&shared).send_window(sender, window as u64, stop));
        let (count, span) = measured(&mut listening, &shared, meter, pace).await?;
        let name = format!("{} members, {window} in flight", self.load.members);
        let phase = self.phase(name, count, &span, &shared);
        let missing = shared.finish(sending, listening).await?;
        Ok(phase.figure("deliveries missing", missing as f64).judged())
    }
}

/// Warms up, forgets those latencies, and measures deliveries.
pub async fn measured(
    crew: &mut Crew,
    shared: &Shared,
    meter: Meter,
    pace: Pace,
) -> Result<(u64, Span)> {
    crew.work_for(pace.warmup).await?;
    shared.to_delivery.take();
    crew.measure(meter, Pace { warmup: Duration::ZERO, ..pace }, || shared.delivered()).await
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        Ok(vec![match self.load.beat {
            Beat::Even(rate) => self.even(meter, pace, rate).await?,
            Beat::InFlight(window) => self.full(meter, pace, window).await?,
        }])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sent_message_has_the_age_of_its_own_sending() {
        let clocking = Clocking::by_sending();
        clocking.sent(3);
        clocking.sent(3 + TOLD_APART as u64 - 1);
        let Clocking::Sent(_, times) = &clocking else { panic!("another clocking") };
        times[3].store(0, Ordering::Relaxed);
        assert!(clocking.age(3) >= clocking.age(2));
    }

    #[tokio::test]
    async fn a_round_rings_when_all_members_have_the_message() {
        let schedule = Schedule::new(Instant::now(), 1.0);
        let shared = Shared::scheduled("c", 10, 3, schedule);
        let key = shared.numbering.key(0);
        for task in 0..3 {
            shared.deliver(task, "of somebody else");
            shared.deliver(task, &key);
        }
        shared.round.notified().await;
        assert_eq!(shared.delivered(), 3);
    }
}
