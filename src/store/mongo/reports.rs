//! Reports of people, groups and messages.
//!
//! Called by `users` (a reporter's account that is deleted), `archive` and `restore` too.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, Modified, Statement};
use super::rows::{Row, ToBson, int, read_form, stored};
use super::tables::Table;
use crate::error::{Error, Result};
use crate::id::{ReportId, UserId};
use crate::model::reports::{Report, ReportState, Stage};
use crate::store::forms::report::{Outside, ReportForm};
use crate::store::{ReportMark, Reports};

/// The document of a report.
pub(super) fn document(report: &Report) -> Result<Document> {
    let mut document = doc! {
        "_id": report.id.bson(),
        "by": report.by.bson(),
        "created_at": report.created.bson(),
    };
    document.extend(moving(report)?);
    Ok(document)
}

/// What changes with a step.
fn moving(report: &Report) -> Result<Document> {
    Ok(doc! {
        "version": int(report.version),
        "stage": report.state.stage().bson(),
        "answered_at": report.state.answered().bson(),
        "report": stored(&ReportForm::from(report))?,
    })
}

/// From its document; an error says which field is broken.
pub(super) fn read(document: &Document) -> Result<Report> {
    let row = Row(document);
    let form = row.opt_row("report")?.ok_or_else(|| Error::internal("a report without a form"))?;
    let outside = Outside {
        id: ReportId(row.id("_id")?),
        by: row.opt_id("by")?.map(UserId),
        created: row.time("created_at")?,
        version: row.count("version")?,
    };
    read_form::<ReportForm>(form.0)?.report(outside)
}

/// Forgets who made the reports of somebody.
pub(super) fn forget_maker(user: UserId) -> Statement {
    let forget = doc! { "$set": { "by": Bson::Null } };
    Statement::new(doc! { "by": user.bson() }, forget).multi()
}

impl MongoStore {
    /// Reports of a stage, or of all, that fit a filter besides, oldest first.
    async fn listed_reports(
        &self,
        stage: Option<Stage>,
        besides: Option<Document>,
        limit: u32,
    ) -> Result<Vec<Report>> {
        let mut filter = besides.unwrap_or_default();
        if let Some(stage) = stage {
            filter.insert("stage", stage.bson());
        }
        let find =
            Find::new(Table::Reports, filter).sort(doc! { "created_at": 1, "_id": 1 }).limit(limit);
        self.access.find(find).await?.iter().map(read).collect()
    }
}

#[async_trait]
impl Reports for MongoStore {
    async fn put_report(&self, report: &Report) -> Result<Report> {
        self.access.insert(Table::Reports, vec![document(report)?]).await?;
        let there = self.report(report.id).await?;
        there.ok_or_else(|| Error::internal("a report vanished"))
    }

    async fn report(&self, id: ReportId) -> Result<Option<Report>> {
        let found = self.access.one(Table::Reports, doc! { "_id": id.bson() }).await?;
        found.as_ref().map(read).transpose()
    }

    async fn reports_of(&self, user: UserId, limit: u32) -> Result<Vec<Report>> {
        let find = Find::new(Table::Reports, doc! { "by": user.bson() })
            .sort(doc! { "created_at": -1, "_id": 1 })
            .limit(limit);
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn reports(
        &self,
        stage: Option<Stage>,
        after: Option<ReportMark>,
        limit: u32,
    ) -> Result<Vec<Report>> {
        let Some((at, id)) = after else { return self.listed_reports(stage, None, limit).await };
        // Two queries that an index answers in order, where one with an "or" would be sorted.
        let same = doc! { "created_at": at.bson(), "_id": { "$gt": id.bson() } };
        let mut found = self.listed_reports(stage, Some(same), limit).await?;
        let left = limit.saturating_sub(found.len() as u32);
        if left > 0 {
            let later = doc! { "created_at": { "$gt": at.bson() } };
            found.extend(self.listed_reports(stage, Some(later), left).await?);
        }
        Ok(found)
    }

    async fn step_report(
        &self,
        id: ReportId,
        version: u64,
        state: ReportState,
    ) -> Result<Option<Report>> {
        let Some(report) = self.report(id).await?.filter(|one| one.version == version) else {
            return Ok(None);
        };
        let after = Report { state, version: version + 1, ..report };
        let guard = doc! { "_id": id.bson(), "version": int(version) };
        let update = doc! { "$set": moving(&after)? };
        match self.access.modify(Table::Reports, guard, update, false).await? {
            Modified::Done(document) => read(&document).map(Some),
            Modified::None | Modified::Duplicate => Ok(None),
        }
    }
}
