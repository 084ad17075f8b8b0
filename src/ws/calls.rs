//! Carries out requests about calls, and what a connection's coming and going means for them.

use super::Ws;
use super::session::Command;
use crate::core::Core;
use crate::core::calls::Joined;
use crate::core::chats::Target;
use crate::error::{Error, Result, text};
use crate::hub::Frame;
use crate::model::auth::Caller;
use crate::model::calls::{Call as Fact, Device};
use crate::protocol::call_frames::CallReply;
use crate::protocol::calls::{Call, JoinedCall};
use crate::protocol::frames::{Done, granted, told};
use crate::protocol::values::Id;

/// The reply to a request about a call; every other request is none of ours.
pub(super) async fn carry_out(
    core: &Core,
    caller: &Caller,
    id: u64,
    command: Command,
) -> Result<Frame> {
    let calls = &core.calls;
    match command {
        Command::CallStart(start) => {
            let target = target(core, caller, start.chat).await?;
            let joined = calls.start(caller, target, start.kind.into()).await;
            let rename =
                |error: Error| if error.field.is_some() { error.on("chat") } else { error };
            joined_reply(core, caller, id, joined.map_err(rename)?).await
        }
        Command::CallAccept(of) => {
            let joined = calls.accept(caller, of.call.into()).await?;
            joined_reply(core, caller, id, joined).await
        }
        Command::CallRestart(of) => {
            let joined = calls.restart(caller, of.call.into(), of.epoch, of.fresh).await?;
            joined_reply(core, caller, id, joined).await
        }
        Command::CallReject(of) => {
            let call = calls.reject(caller, of.call.into()).await?;
            reply(core, caller, id, &call).await
        }
        Command::CallLeave(of) => {
            let call = calls.leave(caller, of.call.into(), of.failed).await?;
            reply(core, caller, id, &call).await
        }
        Command::CallAlive(of) => {
            let call = calls.alive(caller, of.call.into(), of.connected).await?;
            reply(core, caller, id, &call).await
        }
        Command::CallSignal(of) => {
            calls.signal(caller, of.call.into(), of.into()).await?;
            Ok(granted(id, &Done {}))
        }
        Command::CallReport(of) => {
            calls.report(caller, of.call.into(), of.report.into()).await?;
            Ok(granted(id, &Done {}))
        }
        Command::CallGet(of) => {
            let joined = calls.look(caller, of.call.into()).await?;
            joined_reply(core, caller, id, joined).await
        }
        _ => Err(Error::internal("a request that is not about calls")),
    }
}

/// What a `chat` means to the caller.
pub(super) async fn target(core: &Core, caller: &Caller, chat: Id) -> Result<Target> {
    let rename = |error: Error| if error.field.is_some() { error.on("chat") } else { error };
    core.chats.resolve(caller, chat.0).await.map_err(rename)
}

async fn row(core: &Core, caller: &Caller, call: &Fact) -> Result<Call> {
    let names = core.calls.names(call).await;
    Call::of(call, caller, &names).ok_or(Error::not_found(text::NO_CHAT))
}

async fn reply(core: &Core, caller: &Caller, id: u64, call: &Fact) -> Result<Frame> {
    Ok(granted(id, &CallReply { call: row(core, caller, call).await? }))
}

async fn joined_reply(core: &Core, caller: &Caller, id: u64, joined: Joined) -> Result<Frame> {
    let call = row(core, caller, &joined.call).await?;
    let ice_servers = joined.ice.into_iter().map(Into::into).collect();
    Ok(granted(id, &JoinedCall { call, ice_servers }))
}

/// What a device that has just connected must know: the call that rings, or that it is in.
pub(super) async fn live(core: &Core, caller: &Caller) -> Option<Frame> {
    let call = core.calls.live(caller).await.ok().flatten()?;
    row(core, caller, &call).await.ok().map(|call| told("call", &call))
}

/// A connection has ended: if it was the last of a device in a call, the device's grace begins.
pub(super) async fn gone(ws: &Ws, caller: &Caller) {
    let still_here = |device: &Device| ws.hub.has_device(caller.user, device);
    if let Err(error) = ws.core.calls.lost(caller, still_here).await {
        // While the server stops, the store may be closed already.
        tracing::debug!(cause = ?error.cause(), "a lost device was not noted: {error}");
    }
}
