//! Telling those who run the server of a person, a group or a message. The rules are in
//! `core::reports`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::Json;
use super::kind::Routes;
use crate::error::Result;
use crate::model::auth::Caller;
use crate::model::reports::Subject;
use crate::protocol::reports::{MakeReport, Report, Reports};

pub(super) fn routes() -> Routes {
    Routes::with_problems().routes(routes!(list, make))
}

/// List your reports
///
/// What became of each: `open`, `taken` once somebody looks into it, then `answered`. Your devices
/// that are connected hear of each step (`report`).
#[utoipa::path(
    get, path = "/reports", tag = "reports", operation_id = "listReports",
    security(("session" = [])),
    responses((status = 200, description = "Your reports", body = Reports)),
)]
async fn list(State(http): State<Arc<Http>>, caller: Caller) -> Result<Answer<Reports>> {
    let own = http.core.reports.own(&caller).await?;
    Ok(Answer(Reports { reports: own.into_iter().map(Into::into).collect() }))
}

/// Report a person, a group, or a message
///
/// For those who run the server; whoever is reported is told nothing. A copy of what it is about
/// is kept with it, also when that is deleted. Reporting the same again answers the first report.
#[utoipa::path(
    post, path = "/reports", tag = "reports", operation_id = "report",
    security(("session" = [])), request_body = MakeReport,
    responses((status = 201, description = "The report", body = Report)),
)]
async fn make(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<MakeReport>,
) -> Result<(StatusCode, Answer<Report>)> {
    let mut new = body.read()?;
    // The chat of a message may be named by the other person of it.
    if let Subject::Message(chat, _) = &mut new.subject {
        *chat = http.core.chats.resolve(&caller, "chat", chat.0).await?.chat;
    }
    let report = http.core.reports.report(&caller, new).await?;
    Ok((StatusCode::CREATED, Answer(report.into())))
}
