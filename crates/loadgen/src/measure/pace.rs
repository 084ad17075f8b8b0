//! Open-loop pacing: when operation n is due, whatever became of the ones before.
//!
//! A thread of its own sleeps to each due moment (the runtime's timers have steps of 1 ms) and
//! hands the operation's number to the load. Called by the workloads that measure latency.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::latency::Latencies;

/// When each operation is due.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// The moment of operation 0.
    pub start: Instant,
    /// From one operation to the next, in nanoseconds.
    period_ns: u64,
}

impl Schedule {
    /// `rate` operations a second from `start` on; at least one a day.
    pub fn new(start: Instant, rate: f64) -> Self {
        let period_ns = (1e9 / rate.max(1e-5)) as u64;
        Self { start, period_ns: period_ns.max(1) }
    }

    /// When operation `index` is due.
    pub fn due(&self, index: u64) -> Instant {
        self.start + Duration::from_nanos(self.period_ns.saturating_mul(index))
    }

    /// How long after its due moment operation `index` is, now.
    pub fn age(&self, index: u64) -> Duration {
        Instant::now().saturating_duration_since(self.due(index))
    }
}

/// A running pacer; stops when it is dropped.
pub struct Pacer {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<Latencies>>,
}

impl Pacer {
    /// Calls `fire` with 0, 1, 2… when each is due, from a thread of its own. `fire` must not block
    /// for long: what it delays is told as lag.
    pub fn start(schedule: Schedule, mut fire: impl FnMut(u64) + Send + 'static) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let stopped = Arc::clone(&stop);
        let run = move || {
            let mut lag = Latencies::default();
            let mut index = 0;
            while !stopped.load(Ordering::Relaxed) {
                let now = Instant::now();
                let due = schedule.due(index);
                if due > now {
                    // Short naps, so that a stop is noticed.
                    thread::sleep((due - now).min(Duration::from_millis(20)));
                    continue;
                }
                fire(index);
                lag.record(schedule.age(index));
                index += 1;
            }
            lag
        };
        Self { stop, thread: Some(thread::spawn(run)) }
    }

    /// Stops and tells how late the operations were handed over.
    pub fn stop(mut self) -> Latencies {
        self.stop.store(true, Ordering::Relaxed);
        self.thread.take().and_then(|thread| thread.join().ok()).unwrap_or_default()
    }
}

impl Drop for Pacer {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn operations_are_due_at_an_even_pace() {
        let schedule = Schedule::new(Instant::now(), 1000.0);
        assert_eq!(schedule.due(0), schedule.start);
        assert_eq!(schedule.due(2500) - schedule.start, Duration::from_millis(2500));
    }

    #[test]
    fn a_pacer_counts_up_and_catches_up() {
        let late = Instant::now() - Duration::from_millis(100);
        let (sender, receiver) = mpsc::channel();
        let pacer = Pacer::start(Schedule::new(late, 1000.0), move |index| {
            let _ = sender.send(index);
        });
        let fired: Vec<u64> = receiver.iter().take(101).collect();
        assert_eq!(fired, (0..101).collect::<Vec<_>>());
        let lag = pacer.stop().quantiles().expect("it fired");
        assert!(lag.max_us >= 99_000, "the first one was 100 ms late: {lag:?}");
    }
}
