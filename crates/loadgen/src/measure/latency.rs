//! Latencies in microseconds, as a histogram with three significant digits, and its quantiles.
//!
//! A latency counts from the moment that was *scheduled*, so that a stall of the server or of this
//! program shows in every operation that it delayed (no coordinated omission). Called by the
//! workloads and the floor's probes.

use std::sync::Mutex;
use std::time::Duration;

use hdrhistogram::Histogram;
use serde::Serialize;

/// The longest latency that is told apart: ten minutes. Longer ones count as this.
const MAX_US: u64 = 600_000_000;

/// Latencies of one kind.
#[derive(Debug, Clone)]
pub struct Latencies(Histogram<u64>);

/// What a set of latencies looks like, in microseconds.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Quantiles {
    /// How many.
    pub count: u64,
    /// The arithmetic mean.
    pub mean_us: f64,
    /// Half were at most this long.
    pub p50_us: u64,
    /// 99 of 100 were at most this long.
    pub p99_us: u64,
    /// 999 of 1,000 were at most this long.
    pub p999_us: u64,
    /// The longest.
    pub max_us: u64,
}

impl Default for Latencies {
    fn default() -> Self {
        // invariant: 1 <= low, 2 * low <= high, and 3 digits are what the histogram accepts.
        #[allow(clippy::unwrap_used)]
        Self(Histogram::new_with_bounds(1, MAX_US, 3).unwrap())
    }
}

impl Latencies {
    /// Counts one.
    pub fn record(&mut self, latency: Duration) {
        let micros = u64::try_from(latency.as_micros()).unwrap_or(MAX_US);
        self.0.saturating_record(micros.clamp(1, MAX_US));
    }

    /// Adds others.
    pub fn add(&mut self, other: &Self) {
        // invariant: both have the same bounds.
        let _ = self.0.add(&other.0);
    }

    /// What they look like; `None` when there are none.
    pub fn quantiles(&self) -> Option<Quantiles> {
        (!self.0.is_empty()).then(|| Quantiles {
            count: self.0.len(),
            mean_us: self.0.mean(),
            p50_us: self.0.value_at_quantile(0.50),
            p99_us: self.0.value_at_quantile(0.99),
            p999_us: self.0.value_at_quantile(0.999),
            max_us: self.0.max(),
        })
    }
}

/// How many parts a shared histogram has, so that tasks seldom meet at a lock.
const SHARDS: usize = 16;

/// Latencies that many tasks record at once.
#[derive(Debug, Default)]
pub struct SharedLatencies([Mutex<Latencies>; SHARDS]);

impl SharedLatencies {
    /// Counts one; `task` is any number that differs from task to task.
    pub fn record(&self, task: usize, latency: Duration) {
        if let Ok(mut shard) = self.0[task % SHARDS].lock() {
            shard.record(latency);
        }
    }

    /// Takes everything that was recorded so far, and starts again.
    pub fn take(&self) -> Latencies {
        let mut all = Latencies::default();
        for shard in &self.0 {
            if let Ok(mut shard) = shard.lock() {
                all.add(&std::mem::take(&mut shard));
            }
        }
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_those_of_what_was_recorded() {
        let mut latencies = Latencies::default();
        for micros in 1..=1000 {
            latencies.record(Duration::from_micros(micros));
        }
        let quantiles = latencies.quantiles().expect("there are some");
        assert_eq!(quantiles.count, 1000);
        assert_eq!(quantiles.p50_us, 500);
        assert_eq!(quantiles.p99_us, 990);
        assert_eq!(quantiles.max_us, 1000);
        assert!((quantiles.mean_us - 500.5).abs() < 1.0);
    }

    #[test]
    fn none_have_no_quantiles_and_extremes_are_kept_in_bounds() {
        let mut latencies = Latencies::default();
        assert_eq!(latencies.quantiles(), None);
        latencies.record(Duration::ZERO);
        latencies.record(Duration::from_secs(1 << 40));
        let quantiles = latencies.quantiles().expect("there are some");
        assert_eq!(quantiles.count, 2);
        assert_eq!(quantiles.p50_us, 1);
        assert!(quantiles.max_us >= MAX_US);
    }

    #[test]
    fn shards_are_gathered_once() {
        let shared = SharedLatencies::default();
        for task in 0..100 {
            shared.record(task, Duration::from_micros(10));
        }
        assert_eq!(shared.take().quantiles().map(|q| q.count), Some(100));
        assert_eq!(shared.take().quantiles(), None);
    }
}
