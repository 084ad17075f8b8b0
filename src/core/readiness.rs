//! Whether the server can serve, for anybody who asks, strangers included.
//!
//! Invariant: however many ask, the store and the objects are checked only once in `GOOD_FOR`, or
//! in `BAD_FOR` while they fail: each check costs writes. Called by `Core::ready`.

use std::time::{Duration, Instant};

use tokio::sync::Mutex;

use crate::error::{Error, Result};

/// How long a good answer holds.
const GOOD_FOR: Duration = Duration::from_secs(5);
/// How long a bad one holds, so that a recovery shows soon.
const BAD_FOR: Duration = Duration::from_secs(1);

/// The last answer.
#[derive(Default)]
pub(super) struct Readiness(Mutex<Option<Seen>>);

struct Seen {
    at: Instant,
    /// Why it cannot serve.
    fault: Option<String>,
}

impl Seen {
    fn holds(&self, now: Instant) -> bool {
        let within = if self.fault.is_none() { GOOD_FOR } else { BAD_FOR };
        now.saturating_duration_since(self.at) < within
    }

    fn answer(&self) -> Result<()> {
        self.fault.clone().map_or(Ok(()), |fault| Err(Error::unavailable(fault)))
    }
}

impl Readiness {
    /// The last answer while it holds, or else a new one. Others who ask meanwhile wait for that.
    pub(super) async fn ask(&self, look: impl Future<Output = Result<()>>) -> Result<()> {
        let mut last = self.0.lock().await;
        if let Some(seen) = last.as_ref().filter(|seen| seen.holds(Instant::now())) {
            return seen.answer();
        }
        let fault = look.await.err().map(|error| error.why());
        last.insert(Seen { at: Instant::now(), fault }).answer()
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_good_answer_holds_longer_than_a_bad_one() {
        let at = Instant::now();
        let good = Seen { at, fault: None };
        let bad = Seen { at, fault: Some("gone".into()) };
        for (seen, within) in [(good, GOOD_FOR), (bad, BAD_FOR)] {
            assert!(seen.holds(at) && seen.holds(at + within - Duration::from_millis(1)));
            assert!(!seen.holds(at + within));
        }
    }

    #[tokio::test]
    async fn however_many_ask_the_ports_are_asked_once() {
        let (readiness, looks) = (Readiness::default(), Cell::new(0));
        let look = || async {
            looks.set(looks.get() + 1);
            Err::<(), _>(Error::unavailable("gone"))
        };
        for _ in 0..100 {
            let answer = readiness.ask(look()).await;
            assert_eq!(answer.expect_err("bad").why(), "gone");
            if let Some(seen) = readiness.0.lock().await.as_mut() {
                // However slow this machine is.
                seen.at = Instant::now() + BAD_FOR;
            }
        }
        assert_eq!(looks.get(), 1);
    }
}
