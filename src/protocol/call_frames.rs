//! Requests about calls on the WebSocket, and their replies. Called by `ws`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::calls::{Call, CallReport};
use super::values::Id;
use crate::core::calls::NewSignal;

/// Names a call.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CallRef {
    /// Which one.
    pub call: Id,
}

/// Cancels a call that rings, or hangs up.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LeaveFrame {
    /// Which one.
    pub call: Id,
    /// The device gave up, as it could not bring media about.
    #[serde(default)]
    pub failed: bool,
}

/// Says that a device rings, or is in the call.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AliveFrame {
    /// Which one.
    pub call: Id,
    /// Media flows.
    #[serde(default)]
    pub connected: bool,
}

/// Begins a new negotiation.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartFrame {
    /// Which call.
    pub call: Id,
    /// The negotiation that does not work any more.
    pub epoch: u32,
    /// This device has lost its peer connection: both sides make new ones.
    #[serde(default)]
    pub fresh: bool,
}

/// What one device says to the other while they negotiate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SignalFrame {
    /// Which call.
    pub call: Id,
    /// The negotiation that it belongs to.
    pub epoch: u32,
    /// Your own count.
    #[serde(default)]
    pub seq: u64,
    /// Yours to shape, at most 32 KiB: `{"description":…}` or `{"candidate":…}` by custom.
    #[schemars(with = "serde_json::Value")]
    pub data: Box<RawValue>,
}

impl From<SignalFrame> for NewSignal {
    fn from(frame: SignalFrame) -> Self {
        Self { epoch: frame.epoch, seq: frame.seq, data: frame.data.get().into() }
    }
}

/// Tells how a call goes or went.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportFrame {
    /// Which call.
    pub call: Id,
    /// Facts of the browser's statistics.
    pub report: CallReport,
}

/// The reply to most requests about a call: how it stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallReply {
    /// As it is after the request; an event about a later change may already be on its way.
    pub call: Call,
}
