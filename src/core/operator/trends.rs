//! Figures over time: what happened on this node is written down by the sweep, and once an hour how
//! much there is, into a row an hour and one a day.
//!
//! Counting what there is reads whole tables, so it is done once an hour a node, and as a node
//! starts. What happened since the last sweep is lost with a node, and with a write that failed:
//! these are figures to look at, and nothing rests on them.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

use super::{Actor, Operator};
use crate::clock::Time;
use crate::error::Result;
use crate::model::operators::Figures;
use crate::model::trends::{Happened, Span, Trend};

/// At most this many rows in an answer.
pub const TRENDS: u32 = 400;

/// What happened on this node since the last sweep.
pub(crate) struct Happenings {
    calls: AtomicU64,
    errors: AtomicU64,
    /// The hour in which it was last counted how much there is, in milliseconds since 1970.
    counted: AtomicI64,
}

/// It was not counted yet.
const NEVER: i64 = i64::MIN;

impl Default for Happenings {
    fn default() -> Self {
        let (calls, errors) = Default::default();
        Self { calls, errors, counted: AtomicI64::new(NEVER) }
    }
}

impl Happenings {
    /// A call rings.
    pub(crate) fn call(&self) {
        self.calls.fetch_add(1, Ordering::Relaxed);
    }

    fn take(&self) -> Happened {
        let taken = |count: &AtomicU64| count.swap(0, Ordering::Relaxed);
        Happened { calls: taken(&self.calls), errors: taken(&self.errors) }
    }
}

impl Operator {
    /// A request failed by a fault of the server.
    pub fn failed(&self) {
        self.shared.happenings.errors.fetch_add(1, Ordering::Relaxed);
    }

    /// The latest rows of a span, earliest first; at most `TRENDS`. One that is not over is the
    /// last.
    pub async fn trends(&self, actor: &Actor, span: Span, last: u32) -> Result<Vec<Trend>> {
        self.check(actor).await?;
        let ports = &self.shared.ports;
        let last = last.clamp(1, TRENDS);
        let from = span.start(ports.now()).minus(span.length().saturating_mul(last - 1));
        ports.store.trends(span, from, last).await
    }

    /// Writes down what happened, counts what there is if that is due, and forgets what is old.
    pub(super) async fn note_trends(&self) -> Result<()> {
        let (ports, own) = (&self.shared.ports, &self.shared.happenings);
        let hour = Span::Hour.start(ports.now());
        let counted = own.counted.load(Ordering::Relaxed);
        let happened = own.take();
        if counted == hour.millis() {
            if happened != Happened::default() {
                self.note(hour, None, happened).await?;
            }
            return Ok(());
        }
        let figures = Some(ports.store.figures().await?);
        // How much there was at the end of the hour that is over.
        if counted == NEVER {
            self.note(hour, figures, happened).await?;
        } else {
            self.note(Time(counted), figures, happened).await?;
            self.note(hour, figures, Happened::default()).await?;
        }
        own.counted.store(hour.millis(), Ordering::Relaxed);
        for span in Span::ALL {
            let before = ports.now().minus(span.kept());
            while ports.store.sweep_trends(span, before).await? {}
        }
        Ok(())
    }

    async fn note(&self, hour: Time, figures: Option<Figures>, happened: Happened) -> Result<()> {
        for span in Span::ALL {
            let at = span.start(hour);
            self.shared.ports.store.note_trend(span, at, figures, happened).await?;
        }
        Ok(())
    }
}
