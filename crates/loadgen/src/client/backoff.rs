//! When to reconnect after a lost connection: 0.5 to 30 seconds, with full jitter.

use std::time::Duration;

/// The first ceiling.
const FIRST: Duration = Duration::from_millis(500);
/// The last ceiling.
const LAST: Duration = Duration::from_secs(30);

/// How often it went wrong so far.
#[derive(Debug, Clone, Default)]
pub struct Backoff {
    failures: u32,
}

impl Backoff {
    /// How long to wait now: a random part of a ceiling that doubles with each failure. `random` is
    /// between 0 and 1.
    pub fn wait(&mut self, random: f64) -> Duration {
        let ceiling = FIRST.saturating_mul(1 << self.failures.min(10)).min(LAST);
        self.failures += 1;
        ceiling.mul_f64(random.clamp(0.0, 1.0))
    }

    /// It went well: the next wait is short again.
    pub fn reset(&mut self) {
        self.failures = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ceilings_double_up_to_thirty_seconds() {
        let mut backoff = Backoff::default();
        let ceilings: Vec<u128> = (0..9).map(|_| backoff.wait(1.0).as_millis()).collect();
        assert_eq!(ceilings, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
        backoff.reset();
        assert_eq!(backoff.wait(0.5), Duration::from_millis(250));
        assert_eq!(backoff.wait(0.0), Duration::ZERO);
    }
}
