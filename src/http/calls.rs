//! Calls: starting, answering, ending, signalling for clients without a WebSocket, and how they
//! went. The rules are in `core::calls`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::StatusCode;
use utoipa_axum::routes;

use super::Http;
use super::answer::Answer;
use super::extract::{InPath, InQuery, Json, Known, OptionalJson};
use super::kind::Routes;
use super::params::{CallPath, InstanceHeader};
use crate::core::calls::Joined;
use crate::error::{Error, Result, text};
use crate::model::auth::Caller;
use crate::model::calls::Call as Fact;
use crate::protocol::calls::{
    Call, CallDetails, CallPage, CallReport, IceServers, JoinedCall, KeepCall, LeaveCall, LiveCall,
    RestartCall, SendSignal, StartCall, TestServers,
};
use crate::protocol::values::Id;

pub(super) fn routes() -> Routes {
    Routes::with_problems()
        .routes(routes!(list, start))
        .routes(routes!(live))
        .routes(routes!(one))
        .routes(routes!(accept))
        .routes(routes!(reject))
        .routes(routes!(leave))
        .routes(routes!(alive))
        .routes(routes!(restart))
        .routes(routes!(signal))
        .routes(routes!(report))
        .routes(routes!(ice))
        .routes(routes!(test_ice))
}

/// How a call stands for the caller.
pub(super) async fn row(http: &Http, caller: &Caller, call: &Fact) -> Result<Call> {
    let names = http.core.calls.names(call).await;
    Call::of(call, caller, &names).ok_or(Error::not_found(text::NO_CHAT))
}

/// The same with the servers to use.
pub(super) async fn joined(http: &Http, caller: &Caller, joined: Joined) -> Result<JoinedCall> {
    let call = row(http, caller, &joined.call).await?;
    Ok(JoinedCall { call, ice_servers: joined.ice.into_iter().map(Into::into).collect() })
}

/// List your calls
#[utoipa::path(
    get, path = "/calls", tag = "calls", operation_id = "listCalls", security(("session" = [])),
    params(
        ("before" = Option<Id>, Query, description = "The `next` of the page before"),
        ("limit" = Option<u32>, Query, description = "Calls a page", minimum = 1, maximum = 100),
    ),
    responses((status = 200, description = "A page, latest first", body = CallPage)),
)]
async fn list(
    State(http): State<Arc<Http>>,
    caller: Caller,
    query: InQuery,
) -> Result<Answer<CallPage>> {
    let query = query.only(&["before", "limit"])?;
    let limit = query.limit(50, 100)?;
    let found = http.core.calls.history(&caller, query.id("before")?, limit).await?;
    let next = found.last().filter(|_| found.len() == limit as usize).map(|call| call.id.into());
    let mut calls = Vec::with_capacity(found.len());
    for call in &found {
        calls.push(row(&http, &caller, call).await?);
    }
    Ok(Answer(CallPage { calls, next }))
}

/// Start a call
///
/// All devices of the other person ring. If that same person is calling you at this moment, you
/// answer their call. 409: one of you is in another call, or somebody else is calling you, and that
/// call goes on ringing.
#[utoipa::path(
    post, path = "/calls", tag = "calls", operation_id = "startCall", security(("session" = [])),
    params(InstanceHeader),
    request_body = StartCall,
    responses((status = 201, description = "It rings", body = JoinedCall)),
)]
async fn start(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Json(body): Json<StartCall>,
) -> Result<(StatusCode, Answer<JoinedCall>)> {
    let target = http.core.chats.resolve(&caller, "chat", body.chat.0).await?;
    let started = http.core.calls.start(&caller, "chat", target, body.kind.into()).await?;
    let joined = joined(&http, &caller, started).await?;
    Ok((StatusCode::CREATED, Answer(joined)))
}

/// The call that you are in
///
/// Including one that is ringing on your devices. For a device that has just connected.
#[utoipa::path(
    get, path = "/calls/live", tag = "calls", operation_id = "liveCall",
    security(("session" = [])),
    params(InstanceHeader),
    responses((status = 200, description = "The call, or null", body = LiveCall)),
)]
async fn live(State(http): State<Arc<Http>>, caller: Caller) -> Result<Answer<LiveCall>> {
    let call = match http.core.calls.live(&caller).await? {
        Some(call) => Some(row(&http, &caller, &call).await?),
        None => None,
    };
    Ok(Answer(LiveCall { call }))
}

/// Read one of your calls
///
/// Says in words how it went, as far as that is known, and the likely cure.
#[utoipa::path(
    get, path = "/calls/{call}", tag = "calls", operation_id = "readCall",
    security(("session" = [])),
    params(CallPath, InstanceHeader),
    responses((status = 200, description = "The call", body = CallDetails)),
)]
async fn one(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Known(context): Known,
) -> Result<Answer<CallDetails>> {
    let call = http.core.calls.one(&caller, path.id("call")?).await?;
    let names = http.core.calls.names(&call).await;
    let details = CallDetails::of(&call, &caller, &names, context.language);
    details.map(Answer).ok_or(Error::not_found(text::NO_CHAT))
}

/// Answer a call on this device
///
/// The first device wins; the others stop ringing. 409: another was faster, or the call is over.
#[utoipa::path(
    post, path = "/calls/{call}/accept", tag = "calls", operation_id = "acceptCall",
    security(("session" = [])),
    params(CallPath, InstanceHeader),
    responses((status = 200, description = "It is yours", body = JoinedCall)),
)]
async fn accept(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<JoinedCall>> {
    let accepted = http.core.calls.accept(&caller, path.id("call")?).await?;
    joined(&http, &caller, accepted).await.map(Answer)
}

/// Refuse a call
///
/// All your devices stop ringing.
#[utoipa::path(
    post, path = "/calls/{call}/reject", tag = "calls", operation_id = "rejectCall",
    security(("session" = [])),
    params(CallPath, InstanceHeader),
    responses((status = 200, description = "It is over", body = Call)),
)]
async fn reject(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<Call>> {
    let call = http.core.calls.reject(&caller, path.id("call")?).await?;
    row(&http, &caller, &call).await.map(Answer)
}

/// Cancel a call, or hang up
///
/// Any of your devices may. Ending a call that is over does no harm.
#[utoipa::path(
    post, path = "/calls/{call}/hangup", tag = "calls", operation_id = "hangUp",
    security(("session" = [])), request_body = Option<LeaveCall>,
    params(CallPath, InstanceHeader),
    responses((status = 200, description = "It is over", body = Call)),
)]
async fn leave(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    OptionalJson(body): OptionalJson<LeaveCall>,
) -> Result<Answer<Call>> {
    let call = http.core.calls.leave(&caller, path.id("call")?, body.failed).await?;
    row(&http, &caller, &call).await.map(Answer)
}

/// Say that this device is there
///
/// While it rings, each of the callee's devices says so once. In a call, both devices say it every
/// `alive_every_s`, and as soon as media flows they say that too; a device that is silent for much
/// longer ends the call.
#[utoipa::path(
    post, path = "/calls/{call}/alive", tag = "calls", operation_id = "keepCall",
    security(("session" = [])), request_body = Option<KeepCall>,
    params(CallPath, InstanceHeader),
    responses((status = 200, description = "How it stands", body = Call)),
)]
async fn alive(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    OptionalJson(body): OptionalJson<KeepCall>,
) -> Result<Answer<Call>> {
    let call = http.core.calls.alive(&caller, path.id("call")?, body.connected).await?;
    row(&http, &caller, &call).await.map(Answer)
}

/// Begin a new negotiation
///
/// For an ICE restart, or after this device has lost its peer connection. Both devices are told the
/// new epoch, and the caller's makes the offer.
#[utoipa::path(
    post, path = "/calls/{call}/restart", tag = "calls", operation_id = "restartCall",
    security(("session" = [])), request_body = RestartCall,
    params(CallPath, InstanceHeader),
    responses((status = 200, description = "The call, with fresh credentials",
        body = JoinedCall)),
)]
async fn restart(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<RestartCall>,
) -> Result<Answer<JoinedCall>> {
    let restarted =
        http.core.calls.restart(&caller, path.id("call")?, body.epoch, body.fresh).await?;
    joined(&http, &caller, restarted).await.map(Answer)
}

/// Send a signal to the other device
///
/// It arrives as an event on the other device's WebSocket, or not at all; nothing is stored.
#[utoipa::path(
    post, path = "/calls/{call}/signals", tag = "calls", operation_id = "sendSignal",
    security(("session" = [])), request_body = SendSignal,
    params(CallPath, InstanceHeader),
    responses((status = 204, description = "On its way")),
)]
async fn signal(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<SendSignal>,
) -> Result<StatusCode> {
    http.core.calls.signal(&caller, path.id("call")?, body.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Report how a call is going or went
///
/// Until five minutes after its end.
#[utoipa::path(
    put, path = "/calls/{call}/report", tag = "calls", operation_id = "reportCall",
    security(("session" = [])), request_body = CallReport,
    params(CallPath, InstanceHeader),
    responses((status = 204, description = "Noted")),
)]
async fn report(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
    Json(body): Json<CallReport>,
) -> Result<StatusCode> {
    http.core.calls.report(&caller, path.id("call")?, body.into()).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Get fresh credentials for the relay
///
/// For a device in a call whose credentials are about to expire; a running call needs none.
#[utoipa::path(
    get, path = "/calls/{call}/ice", tag = "calls", operation_id = "iceServers",
    security(("session" = [])),
    params(CallPath, InstanceHeader),
    responses((status = 200, description = "STUN and TURN servers", body = IceServers)),
)]
async fn ice(
    State(http): State<Arc<Http>>,
    caller: Caller,
    path: InPath,
) -> Result<Answer<IceServers>> {
    let servers = http.core.calls.ice(&caller, path.id("call")?).await?;
    Ok(Answer(IceServers { ice_servers: servers.into_iter().map(Into::into).collect() }))
}

/// Get credentials to test the connection
///
/// For `/call-test`, without a call. They work for two minutes, for calls from a device to itself:
/// relays that are made with them reach only each other.
#[utoipa::path(
    post, path = "/calls/test", tag = "calls", operation_id = "testIceServers",
    security(("session" = [])),
    responses((status = 200, description = "STUN and TURN servers", body = TestServers)),
)]
async fn test_ice(
    State(http): State<Arc<Http>>,
    caller: Caller,
    Known(context): Known,
) -> Answer<TestServers> {
    let calls = &http.core.calls;
    let ice_servers = calls.ice_for_test(&caller).into_iter().map(Into::into).collect();
    let warnings = calls.relay_warnings().iter().map(|text| text.of(context.language).to_owned());
    Answer(TestServers { ice_servers, warnings: warnings.collect() })
}
