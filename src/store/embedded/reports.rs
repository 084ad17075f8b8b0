//! Reports of people, groups and messages.
//!
//! Called by `users` (a reporter's account that is deleted), `upkeep`, `archive` and `restore` too.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::sql::{Db, count, int, read_form, stored};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ReportId, UserId};
use crate::model::reports::{Report, ReportState, Stage};
use crate::store::forms::report::{Outside, ReportForm};
use crate::store::{ReportMark, Reports};

macro_rules! select {
    ($rest:literal) => {
        concat!("SELECT id, by, created, version, report FROM reports ", $rest)
    };
}

/// A page of reports in the order of an archive.
pub(super) const PAGE: &str = select!("WHERE id > ?2 ORDER BY id LIMIT ?4");

/// Reads the columns of a report.
pub(super) fn read(row: &Row<'_>) -> Result<Report> {
    let outside =
        Outside { id: row.get(0)?, by: row.get(1)?, created: row.get(2)?, version: count(row, 3)? };
    read_form::<ReportForm>(row, 4)?.report(outside)
}

/// Writes a report, unless it is there.
pub(super) fn insert(db: &Db<'_>, report: &Report) -> Result<()> {
    db.run(
        "INSERT OR IGNORE INTO reports(id, by, created, version, stage, answered, report)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            report.id,
            report.by,
            report.created,
            int(report.version),
            report.state.stage(),
            report.state.answered(),
            json(report)?,
        ],
    )
    .map(drop)
}

fn json(report: &Report) -> Result<String> {
    stored(&ReportForm::from(report))
}

/// Forgets who made the reports of somebody.
pub(super) fn forget_maker(db: &Db<'_>, user: UserId) -> Result<()> {
    db.run("UPDATE reports SET by = NULL WHERE by = ?1", [user]).map(drop)
}

/// A report by its id.
pub(super) fn find(db: &Db<'_>, id: ReportId) -> Result<Option<Report>> {
    Ok(db.each(select!("WHERE id = ?1"), [id], 1, read)?.pop())
}

fn put(db: &Db<'_>, report: &Report) -> Result<Report> {
    insert(db, report)?;
    find(db, report.id)?.ok_or_else(|| Error::internal("a report vanished"))
}

fn list(
    db: &Db<'_>,
    stage: Option<Stage>,
    after: Option<ReportMark>,
    limit: u32,
) -> Result<Vec<Report>> {
    let (at, id) = after.map_or((Time(i64::MIN), None), |(at, id)| (at, Some(id)));
    match stage {
        Some(stage) => db.each(
            select!(
                "WHERE stage = ?1 AND (created, id) > (?2, coalesce(?3, x''))
                 ORDER BY created, id LIMIT ?4"
            ),
            params![stage, at, id, limit],
            0,
            read,
        ),
        None => db.each(
            select!("WHERE (created, id) > (?1, coalesce(?2, x'')) ORDER BY created, id LIMIT ?3"),
            params![at, id, limit],
            0,
            read,
        ),
    }
}

/// Brings a report from this version to its next.
pub(super) fn step(
    db: &Db<'_>,
    id: ReportId,
    version: u64,
    state: ReportState,
) -> Result<Option<Report>> {
    let Some(report) = find(db, id)?.filter(|report| report.version == version) else {
        return Ok(None);
    };
    let after = Report { state, version: version + 1, ..report };
    db.run(
        "UPDATE reports SET version = ?2, stage = ?3, answered = ?4, report = ?5 WHERE id = ?1",
        params![id, int(after.version), after.state.stage(), after.state.answered(), json(&after)?],
    )?;
    Ok(Some(after))
}

#[async_trait]
impl Reports for EmbeddedStore {
    async fn put_report(&self, report: &Report) -> Result<Report> {
        let report = report.clone();
        self.write(move |db| put(db, &report)).await
    }

    async fn report(&self, id: ReportId) -> Result<Option<Report>> {
        self.read(move |db| find(db, id)).await
    }

    async fn reports_of(&self, user: UserId, limit: u32) -> Result<Vec<Report>> {
        self.read(move |db| {
            db.each(
                select!("WHERE by = ?1 ORDER BY created DESC, id LIMIT ?2"),
                params![user, limit],
                0,
                read,
            )
        })
        .await
    }

    async fn reports(
        &self,
        stage: Option<Stage>,
        after: Option<ReportMark>,
        limit: u32,
    ) -> Result<Vec<Report>> {
        self.scan(move |db| list(db, stage, after, limit)).await
    }

    async fn step_report(
        &self,
        id: ReportId,
        version: u64,
        state: ReportState,
    ) -> Result<Option<Report>> {
        self.write(move |db| step(db, id, version, state.clone())).await
    }
}
