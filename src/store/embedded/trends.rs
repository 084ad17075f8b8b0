//! How the figures of the server went. Called by `archive` and `restore` too.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::sql::{Db, count, int};
use super::upkeep::SWEPT;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::model::operators::Figures;
use crate::model::trends::{Happened, Span, Trend};
use crate::store::Trends;

macro_rules! columns {
    () => {
        "SELECT span, at, people, groups, messages, file_bytes, calls, errors FROM trends"
    };
}

/// A page of rows in the order of an archive.
pub(super) const PAGE: &str =
    concat!(columns!(), " WHERE (span, at) > (?2, ?3) ORDER BY span, at LIMIT ?4");

/// Reads a row.
pub(super) fn read(row: &Row<'_>) -> Result<Trend> {
    let span = Span::named(&row.get::<_, String>(0)?);
    Ok(Trend {
        span: span.ok_or_else(|| Error::internal("a span that is not known"))?,
        at: row.get(1)?,
        figures: Figures {
            people: count(row, 2)?,
            groups: count(row, 3)?,
            messages: count(row, 4)?,
            file_bytes: count(row, 5)?,
        },
        happened: Happened { calls: count(row, 6)?, errors: count(row, 7)? },
    })
}

fn write(db: &Db<'_>, sql: &str, row: &Trend) -> Result<()> {
    let Trend { span, at, figures, happened } = row;
    let params = params![
        span.name(),
        at,
        int(figures.people),
        int(figures.groups),
        int(figures.messages),
        int(figures.file_bytes),
        int(happened.calls),
        int(happened.errors),
    ];
    db.run(sql, params).map(drop)
}

/// Writes a row; one that is there stays as it is.
pub(super) fn insert(db: &Db<'_>, row: &Trend) -> Result<()> {
    write(db, "INSERT OR IGNORE INTO trends VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)", row)
}

#[async_trait]
impl Trends for EmbeddedStore {
    async fn note_trend(
        &self,
        span: Span,
        at: Time,
        figures: Option<Figures>,
        happened: Happened,
    ) -> Result<()> {
        const ADDED: &str = "INSERT INTO trends VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT(span, at) DO UPDATE SET calls = calls + ?7, errors = errors + ?8";
        const COUNTED: &str = "INSERT INTO trends VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)
            ON CONFLICT(span, at) DO UPDATE SET people = ?3, groups = ?4, messages = ?5,
            file_bytes = ?6, calls = calls + ?7, errors = errors + ?8";
        let sql = if figures.is_some() { COUNTED } else { ADDED };
        let row = Trend { span, at, figures: figures.unwrap_or_default(), happened };
        self.write(move |db| write(db, sql, &row)).await
    }

    async fn trends(&self, span: Span, from: Time, limit: u32) -> Result<Vec<Trend>> {
        const SQL: &str = concat!(columns!(), " WHERE span = ?1 AND at >= ?2 ORDER BY at LIMIT ?3");
        self.read(move |db| db.each(SQL, params![span.name(), from, limit], 0, read)).await
    }

    async fn sweep_trends(&self, span: Span, before: Time) -> Result<bool> {
        const SQL: &str = "DELETE FROM trends WHERE (span, at) IN
            (SELECT span, at FROM trends WHERE span = ?1 AND at < ?2 ORDER BY at LIMIT ?3)";
        let params = (span.name(), before, SWEPT as i64);
        self.write(move |db| Ok(db.run(SQL, params)? == SWEPT)).await
    }
}
