//! How the figures of the server went: a row an hour and one a day. A part of the store's contract
//! (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::model::operators::Figures;
use crate::model::trends::{Happened, Span, Trend};

/// Figures over time.
#[async_trait]
pub trait Trends: Send + Sync {
    /// Notes in the row of the span that begins at `at` what has happened since this was last
    /// called, which is added, and how much there is, if that was counted, which takes the place
    /// of what was counted before; also from several nodes at once. The one verb that is not to be
    /// repeated: what happened would be counted twice.
    async fn note_trend(
        &self,
        span: Span,
        at: Time,
        figures: Option<Figures>,
        happened: Happened,
    ) -> Result<()>;
    /// The rows of a span that began at a moment or later, earliest first.
    async fn trends(&self, span: Span, from: Time, limit: u32) -> Result<Vec<Trend>>;
    /// Removes the rows of a span that began before a moment; bounded work a call; whether there
    /// are more.
    async fn sweep_trends(&self, span: Span, before: Time) -> Result<bool>;
}
