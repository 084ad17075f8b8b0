//! How the figures of the server went. A row's key says its span and its moment, so that rows stand
//! in their order. Called by `archive` and `restore` too.

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, Statement};
use super::rows::{Row, int};
use super::tables::Table;
use super::upkeep::SWEPT;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::model::operators::Figures;
use crate::model::trends::{Happened, Span, Trend};
use crate::store::Trends;
use crate::store::archive::{pair, trend_mark};

fn counted(figures: &Figures) -> Document {
    doc! {
        "people": int(figures.people),
        "groups": int(figures.groups),
        "messages": int(figures.messages),
        "file_bytes": int(figures.file_bytes),
    }
}

/// The document of a row.
pub(super) fn document(row: &Trend) -> Document {
    let mut document = counted(&row.figures);
    document.insert("_id", trend_mark(row.span, row.at));
    document.insert("calls", int(row.happened.calls));
    document.insert("errors", int(row.happened.errors));
    document
}

/// From its document.
pub(super) fn read(document: &Document) -> Result<Trend> {
    let row = Row(document);
    let key = row.text("_id")?;
    let (span, at) = pair(&key)?;
    let broken = || Error::internal("a row of a trend whose key is broken");
    Ok(Trend {
        span: Span::named(span).ok_or_else(broken)?,
        at: Time(at.parse().map_err(|_| broken())?),
        figures: Figures {
            people: row.count("people")?,
            groups: row.count("groups")?,
            messages: row.count("messages")?,
            file_bytes: row.count("file_bytes")?,
        },
        happened: Happened { calls: row.count("calls")?, errors: row.count("errors")? },
    })
}

#[async_trait]
impl Trends for MongoStore {
    async fn note_trend(
        &self,
        span: Span,
        at: Time,
        figures: Option<Figures>,
        happened: Happened,
    ) -> Result<()> {
        let Happened { calls, errors } = happened;
        let mut update = doc! { "$inc": { "calls": int(calls), "errors": int(errors) } };
        let place = if figures.is_some() { "$set" } else { "$setOnInsert" };
        update.insert(place, counted(&figures.unwrap_or_default()));
        let noted = Statement::new(doc! { "_id": trend_mark(span, at) }, update).upsert();
        self.access.update(Table::Trends, &[noted]).await.map(drop)
    }

    async fn trends(&self, span: Span, from: Time, limit: u32) -> Result<Vec<Trend>> {
        let keys = doc! { "$gte": trend_mark(span, from), "$lt": trend_mark(span, Time(i64::MAX)) };
        let find =
            Find::new(Table::Trends, doc! { "_id": keys }).sort(doc! { "_id": 1 }).limit(limit);
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn sweep_trends(&self, span: Span, before: Time) -> Result<bool> {
        let old = doc! { "$gte": trend_mark(span, Time(0)), "$lt": trend_mark(span, before) };
        let find = Find::new(Table::Trends, doc! { "_id": old })
            .sort(doc! { "_id": 1 })
            .limit(SWEPT)
            .fields(doc! { "_id": 1 });
        let found = self.access.find(find).await?;
        let keys: Vec<Bson> = found.iter().filter_map(|row| row.get("_id").cloned()).collect();
        if !keys.is_empty() {
            self.access.delete(Table::Trends, doc! { "_id": { "$in": keys } }).await?;
        }
        Ok(found.len() == SWEPT as usize)
    }
}
