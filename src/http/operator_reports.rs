//! Reports, as operators look into them. The rules are in `core::operator`.

use std::sync::Arc;

use axum::extract::State;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, InQuery, Json};
use super::kind::Routes;
use super::params::ReportPath;
use crate::core::operator::{Actor, PAGE};
use crate::error::{Error, Result, Text};
use crate::id::ReportId;
use crate::model::reports::{Note, Stage};
use crate::protocol::reports::{AnswerReport, OperatedReport, OperatedReports};

const WHICH: Text = Text {
    en: "The lists of reports are 'open', 'taken', 'answered' and 'all'.",
    es: "Las listas de denuncias son 'open', 'taken', 'answered' y 'all'.",
};
/// So many rows a page, unless it is asked for otherwise.
const ROWS: u32 = 50;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(list))
        .routes(routes!(look))
        .routes(routes!(take))
        .routes(routes!(answer))
}

/// List reports
#[utoipa::path(
    get, path = "/operator/reports", tag = "operator", operation_id = "listAllReports",
    security(("session" = [])),
    params(
        ("stage" = Option<String>, Query, description = "`open` (the default), `taken`, \
            `answered` or `all`", pattern = "^(open|taken|answered|all)$"),
        ("after" = Option<String>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Reports a page", minimum = 1, maximum = 200),
    ),
    responses((status = 200, description = "A page of them, oldest first",
        body = OperatedReports)),
)]
async fn list(
    State(http): State<Arc<Http>>,
    actor: Actor,
    query: InQuery,
) -> Result<Answer<OperatedReports>> {
    let query = query.only(&["stage", "after", "limit"])?;
    let stage = match query.text("stage")? {
        None | Some("open") => Some(Stage::Open),
        Some("taken") => Some(Stage::Taken),
        Some("answered") => Some(Stage::Answered),
        Some("all") => None,
        Some(_) => return Err(Error::field("stage", WHICH)),
    };
    let (after, limit): (Option<ReportId>, _) = (query.id("after")?, query.limit(ROWS, PAGE)?);
    let found = http.core.operator.reports(&actor, stage, after, limit).await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|last| last.id.into());
    Ok(Answer(OperatedReports { reports: found.into_iter().map(Into::into).collect(), next }))
}

/// Look at a report
///
/// With the copy of what it is about.
#[utoipa::path(
    get, path = "/operator/reports/{report}", tag = "operator", operation_id = "readReport",
    security(("session" = [])), params(ReportPath),
    responses((status = 200, description = "The report", body = OperatedReport)),
)]
async fn look(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<Answer<OperatedReport>> {
    let report = http.core.operator.report(&actor, path.id("report")?).await?;
    Ok(Answer(report.into()))
}

/// Take a report
///
/// So that other operators know that you look into it.
#[utoipa::path(
    post, path = "/operator/reports/{report}/take", tag = "operator", operation_id = "takeReport",
    security(("session" = [])), params(ReportPath),
    responses((status = 200, description = "It is yours", body = OperatedReport)),
)]
async fn take(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
) -> Result<Answer<OperatedReport>> {
    let report = http.core.operator.take_report(&actor, path.id("report")?).await?;
    Ok(Answer(report.into()))
}

/// Answer a report
///
/// Whoever made it reads the verdict and your word. Once.
#[utoipa::path(
    post, path = "/operator/reports/{report}/answer", tag = "operator",
    operation_id = "answerReport", security(("session" = [])), params(ReportPath),
    request_body = AnswerReport,
    responses((status = 200, description = "It is answered", body = OperatedReport)),
)]
async fn answer(
    State(http): State<Arc<Http>>,
    actor: Actor,
    path: InPath,
    Json(body): Json<AnswerReport>,
) -> Result<Answer<OperatedReport>> {
    let said = (body.verdict.into(), Note::parse("word", &body.word)?);
    let report = http.core.operator.answer_report(&actor, path.id("report")?, said).await?;
    Ok(Answer(report.into()))
}
