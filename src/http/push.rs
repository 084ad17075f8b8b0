//! Where the caller's device is told when it has no connection, and of what. The rules are in
//! `core::push`.

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
use crate::protocol::alerts::Alerts;
use crate::protocol::push::PutPush;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(subscribe, unsubscribe))
        .routes(routes!(test))
        .routes(routes!(alerts, set_alerts))
}

/// Have this device told
///
/// When you have no connection, this device is told of messages and calls. The subscription
/// belongs to your session: it takes the place of the session's earlier one of the kind, and ends
/// with the session. Put it again whenever your client starts.
#[utoipa::path(
    put, path = "/me/push", tag = "me", operation_id = "putPush", security(("session" = [])),
    request_body = PutPush,
    responses((status = 204, description = "This device is told from now on")),
)]
async fn subscribe(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<PutPush>,
) -> Result<StatusCode> {
    http.core.push.subscribe(&caller, body.target()?).await.map(|()| StatusCode::NO_CONTENT)
}

/// Have this device told no more
#[utoipa::path(
    delete, path = "/me/push", tag = "me", operation_id = "deletePush",
    security(("session" = [])),
    responses((status = 204, description = "This device is not told any more")),
)]
async fn unsubscribe(State(http): State<Arc<Http>>, caller: Caller) -> Result<StatusCode> {
    http.core.push.unsubscribe(&caller).await.map(|()| StatusCode::NO_CONTENT)
}

/// Try whether this device can be told
///
/// Sends a push to this device, whether or not it has a connection; a few a minute.
#[utoipa::path(
    post, path = "/me/push/test", tag = "me", operation_id = "testPush",
    security(("session" = [])),
    responses((status = 202, description = "A push is on its way")),
)]
async fn test(State(http): State<Arc<Http>>, caller: Caller) -> Result<StatusCode> {
    http.core.push.test(&caller).await.map(|()| StatusCode::ACCEPTED)
}

/// Read what you want to be told of
#[utoipa::path(
    get, path = "/me/alerts", tag = "me", operation_id = "alerts", security(("session" = [])),
    responses((status = 200, description = "Your alerts", body = Alerts)),
)]
async fn alerts(State(http): State<Arc<Http>>, caller: Caller) -> Result<Answer<Alerts>> {
    http.core.push.alerts(&caller).await.map(|alerts| Answer((&alerts).into()))
}

/// Say what you want to be told of
///
/// Takes the place of all that you said before: what is absent is as at the beginning. It holds
/// for pushes to all your devices, and your connected devices are told. What you set for a chat
/// (`changeChat`) comes before it.
#[utoipa::path(
    put, path = "/me/alerts", tag = "me", operation_id = "putAlerts",
    security(("session" = [])), request_body = Alerts,
    responses((status = 200, description = "Your alerts from now on", body = Alerts)),
)]
async fn set_alerts(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<Alerts>,
) -> Result<Answer<Alerts>> {
    let set = http.core.push.set_alerts(&caller, body.wanted()?).await?;
    Ok(Answer((&set).into()))
}
