//! `handshakes`: what new TLS connections cost, and those who write meanwhile.
//!
//! One-to-one messages at an even rate, over TLS, alone; then the same while strangers open
//! connections at an even rate, finish the handshake, and go. No session is resumed, so that each
//! handshake has the signature in it.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use async_trait::async_trait;
use tokio::runtime::Handle;

use super::crew::source;
use super::direct::{self, Direct};
use super::{Bare, Pace, Prepared, Workload};
use crate::client::error::{Error, Result};
use crate::client::stream;
use crate::measure::latency::SharedLatencies;
use crate::measure::meter::Meter;
use crate::measure::pace::{Pacer, Schedule};
use crate::measure::report::Phase;
use crate::secure::Secure;
use crate::server::Target;

/// How many handshakes come from different addresses before the first address comes again.
const SOURCES: u64 = 20_000;

/// New TLS connections beside messages.
#[derive(Debug, Clone)]
pub struct Handshakes {
    /// The people who write.
    pub messages: Direct,
    /// Messages a second.
    pub message_rate: f64,
    /// Handshakes a second.
    pub rate: f64,
}

#[async_trait]
impl Workload for Handshakes {
    fn name(&self) -> &'static str {
        "handshakes"
    }

    fn sessions(&self) -> usize {
        self.messages.sessions()
    }

    fn secure(&self) -> bool {
        true
    }

    async fn prepare<'t>(&self, target: &'t Target) -> Result<Box<dyn Prepared + 't>> {
        let secure = target.secure.clone();
        let secure = secure.ok_or_else(|| Error::protocol("the server does not speak HTTPS"))?;
        Ok(Box::new(Ready { load: self.clone(), secure, messages: self.messages.ready(target)? }))
    }

    fn bare(&self) -> Option<Bare> {
        None
    }
}

struct Ready<'t> {
    load: Handshakes,
    secure: Secure,
    messages: direct::Ready<'t>,
}

/// What became of the handshakes.
#[derive(Default)]
struct Done {
    finished: AtomicU64,
    failed: AtomicU64,
    took: SharedLatencies,
}

/// Opens a connection when each is due, until the pacer is stopped.
fn knock(secure: &Secure, schedule: Schedule, done: &Arc<Done>) -> Pacer {
    let (secure, done, runtime) = (secure.clone(), Arc::clone(done), Handle::current());
    Pacer::start(schedule, move |index| {
        let (secure, done) = (secure.clone(), Arc::clone(&done));
        runtime.spawn(async move {
            let from = source((index % SOURCES) as usize, secure.addr.ip());
            match stream::open(secure.addr, from, None, Some(&secure.trust)).await {
                Ok(_) => {
                    done.took.record(index as usize, schedule.age(index));
                    done.finished.fetch_add(1, Ordering::Relaxed);
                }
                Err(_) => {
                    done.failed.fetch_add(1, Ordering::Relaxed);
                }
            }
        });
    })
}

#[async_trait]
impl Prepared for Ready<'_> {
    async fn measure(&mut self, meter: Meter, pace: Pace) -> Result<Vec<Phase>> {
        let Handshakes { message_rate, rate, .. } = self.load;
        let alone = self.messages.paced(meter, pace, message_rate).await?;
        let done = Arc::new(Done::default());
        let began = Instant::now();
        let knocking = knock(&self.secure, Schedule::new(began, rate), &done);
        let beside = self.messages.paced(meter, pace, message_rate).await?;
        let seconds = began.elapsed().as_secs_f64();
        knocking.stop();
        let acked = beside.p99_times(&alone, "due to acked");
        let delivered = beside.p99_times(&alone, "due to delivered");
        let finished = done.finished.load(Ordering::Relaxed) as f64 / seconds;
        let mut beside = beside
            .latency("due to shaken", &done.took.take())
            .figure("handshakes a second", finished)
            .figure("handshakes that failed", done.failed.load(Ordering::Relaxed) as f64);
        beside.name = format!("{} beside {rate} handshakes a second", beside.name);
        let figures = [
            ("p99 to acked, times that without", acked),
            ("p99 to delivered, times that without", delivered),
        ];
        for (name, value) in figures {
            beside.figures.extend(value.map(|value| (name, value)));
        }
        Ok(vec![alone, beside])
    }
}
