//! Carries out requests about calls, and what a connection's coming and going means for them.
//! Called by `commands`, and by `socket` at both ends of a connection's life.

use crate::core::Core;
use crate::core::calls::{Calls, Joined};
use crate::error::{Error, Result, text};
use crate::hub::{Frame, Hub};
use crate::model::auth::Caller;
use crate::model::calls::{Call as Fact, Device, Via};
use crate::protocol::call_frames::{
    AliveFrame, CallRef, CallReply, LeaveFrame, ReportFrame, RestartFrame, SignalFrame,
};
use crate::protocol::calls::{Call, JoinedCall, StartCall};
use crate::protocol::frames::{Done, told};

/// `field` is what the request calls the chat.
pub(super) async fn start(
    (core, calls): (&Core, &Calls),
    caller: &Caller,
    field: &'static str,
    of: StartCall,
) -> Result<JoinedCall> {
    let target = core.chats.resolve(caller, field, of.chat.0).await?;
    let started = calls.start(caller, field, target, of.kind.into()).await?;
    joined(core, caller, started).await
}

pub(super) async fn accept(
    (core, calls): (&Core, &Calls),
    caller: &Caller,
    of: CallRef,
) -> Result<JoinedCall> {
    joined(core, caller, calls.accept(caller, of.call.into()).await?).await
}

pub(super) async fn reject(core: &Core, caller: &Caller, of: CallRef) -> Result<CallReply> {
    stands(core, caller, &core.calls.reject(caller, of.call.into()).await?).await
}

pub(super) async fn leave(core: &Core, caller: &Caller, of: LeaveFrame) -> Result<CallReply> {
    let call = core.calls.leave(caller, of.call.into(), of.failed).await?;
    stands(core, caller, &call).await
}

pub(super) async fn alive(
    (core, calls): (&Core, &Calls),
    caller: &Caller,
    of: AliveFrame,
) -> Result<CallReply> {
    let call = calls.alive(caller, of.call.into(), of.connected).await?;
    stands(core, caller, &call).await
}

pub(super) async fn restart(
    (core, calls): (&Core, &Calls),
    caller: &Caller,
    of: RestartFrame,
) -> Result<JoinedCall> {
    let restarted = calls.restart(caller, of.call.into(), of.epoch, of.fresh).await?;
    joined(core, caller, restarted).await
}

pub(super) async fn signal(core: &Core, caller: &Caller, of: SignalFrame) -> Result<Done> {
    core.calls.signal(caller, of.call.into(), of.into()).await?;
    Ok(Done {})
}

pub(super) async fn report(core: &Core, caller: &Caller, of: ReportFrame) -> Result<Done> {
    core.calls.report(caller, of.call.into(), of.report.into()).await?;
    Ok(Done {})
}

pub(super) async fn get(core: &Core, caller: &Caller, of: CallRef) -> Result<JoinedCall> {
    joined(core, caller, core.calls.look(caller, of.call.into()).await?).await
}

async fn row(core: &Core, caller: &Caller, call: &Fact) -> Result<Call> {
    let names = core.calls.names(call).await;
    Call::of(call, caller, &names).ok_or(Error::not_found(text::NO_CHAT))
}

async fn stands(core: &Core, caller: &Caller, call: &Fact) -> Result<CallReply> {
    Ok(CallReply { call: row(core, caller, call).await? })
}

async fn joined(core: &Core, caller: &Caller, joined: Joined) -> Result<JoinedCall> {
    let call = row(core, caller, &joined.call).await?;
    Ok(JoinedCall { call, ice_servers: joined.ice.into_iter().map(Into::into).collect() })
}

/// What a device that has just connected must know: the call that rings, or that it is in.
pub(super) async fn live(core: &Core, caller: &Caller) -> Option<Frame> {
    let call = core.calls.live(caller).await.ok().flatten()?;
    row(core, caller, &call).await.ok().map(|call| told("call", &call))
}

/// A connection has ended: if it was the last of a device in a call, the device's grace begins.
pub(super) async fn gone(core: &Core, hub: &Hub, caller: &Caller, via: Via) {
    let still_here = |device: &Device| hub.has_device(caller.user, device);
    if let Err(error) = core.calls.by(via).lost(caller, still_here).await {
        // While the server stops, the store may be closed already.
        tracing::debug!(cause = ?error.cause(), "a lost device was not noted: {error}");
    }
}
