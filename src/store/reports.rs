//! Reports of people, groups and messages.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::{ReportId, UserId};
use crate::model::reports::{Report, ReportState, Stage};

/// Where a list of reports goes on: after the report with this moment and id.
pub type ReportMark = (Time, ReportId);

/// Reports. Those of a deleted account stay, without who made them.
#[async_trait]
pub trait Reports: Send + Sync {
    /// Puts a report, unless one with its id is there; the one that is there then.
    async fn put_report(&self, report: &Report) -> Result<Report>;
    /// Finds a report.
    async fn report(&self, id: ReportId) -> Result<Option<Report>>;
    /// Somebody's own reports, latest first.
    async fn reports_of(&self, user: UserId, limit: u32) -> Result<Vec<Report>>;
    /// Reports of a stage, or of all, oldest first, after one of them.
    async fn reports(
        &self,
        stage: Option<Stage>,
        after: Option<ReportMark>,
        limit: u32,
    ) -> Result<Vec<Report>>;
    /// Brings a report from this version to its next; the report then. `None` when it is not of
    /// this version any more.
    async fn step_report(
        &self,
        id: ReportId,
        version: u64,
        state: ReportState,
    ) -> Result<Option<Report>>;
}
