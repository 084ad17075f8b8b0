//! Calls on the wire: how one stands as a device of it sees it, what clients send about it, and
//! the diagnosis. Called by `http` and `ws`.

use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;

use super::values::{Id, Moment, both_ways, is_false};
use crate::core::calls::NewSignal;
use crate::core::calls::diagnosis::{Finding, findings};
use crate::core::calls::ice;
use crate::error::{Language, Text};
use crate::model::auth::Caller;
use crate::model::calls::{self as domain, ALIVE_EVERY, Call as Fact, Side};

/// Makes a wire enum that has the domain's values.
macro_rules! same_values {
    ($($(#[$doc:meta])* $name:ident {
        $($(#[$value_doc:meta])* $value:ident $(= $wire:tt)?,)*
    })*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
        #[serde(rename_all = "snake_case")]
        pub enum $name {
            $($(#[$value_doc])* $(#[serde(rename = $wire)])? $value,)*
        }

        both_ways!($name domain::$name: $($value)*);
    )*};
}

same_values! {
    /// What a call carries at first.
    CallKind {
        /// Sound.
        Voice,
        /// Sound and pictures.
        Video,
    }
    /// Why a call ended.
    EndReason {
        /// The caller gave up while it rang.
        Cancelled,
        /// The callee refused.
        Rejected,
        /// Nobody answered in time.
        Missed,
        /// The callee was in another call.
        Busy,
        /// No device of the callee was there to ring.
        Unreachable,
        /// One of the two hung up after the accept.
        Hangup,
        /// A device was silent for too long.
        Lost,
        /// Media never flowed in time, or a device gave up.
        Failed,
    }
    /// Where an ICE candidate comes from (RFC 8445, section 5.1.1).
    CandidateKind {
        /// The device's own address.
        Host,
        /// As a STUN server sees it.
        ServerReflexive = "srflx",
        /// As the other device sees it.
        PeerReflexive = "prflx",
        /// A relay's address.
        Relay,
    }
    /// How a client reaches its relay.
    RelayTransport {
        /// Datagrams.
        Udp,
        /// A stream.
        Tcp,
        /// A stream inside TLS.
        Tls,
    }
    /// What went wrong at a client.
    Failure {
        /// Microphone or camera were not allowed.
        MediaDenied,
        /// There is no microphone or camera, or another program has it.
        MediaMissing,
        /// No path between the two devices was found.
        IceFailed,
        /// A path was found, but encryption could not be set up.
        DtlsFailed,
        /// The descriptions of the two sides do not fit.
        NegotiationFailed,
        /// Something else.
        Other,
    }
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallState {
    /// The callee's devices ring.
    Ringing,
    /// A device answered; media does not flow yet.
    Connecting,
    /// They talk.
    Active,
    /// It is over.
    Ended,
}

/// Which side of a call you are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallRole {
    /// You began: your device makes the offers.
    Caller,
    /// You were called: your device is the polite side.
    Callee,
}

/// Where your end of a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CallPlace {
    /// On this device.
    ThisDevice,
    /// On another of your devices, or another client of this session (a tab): this one must not
    /// ring any more.
    OtherDevice,
    /// Nowhere yet.
    Nowhere,
}

/// The person at the other end of a call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct CallPeer {
    /// Who.
    pub user: Id,
    /// The name at the time of the answer.
    #[schema(value_type = String)]
    pub name: Arc<str>,
    /// The connection of its device is gone; it may come back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub reconnecting: bool,
}

/// How a call stands, as your device sees it. Of two rows with one id, the one with the higher
/// `version` holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Call {
    /// The call.
    pub id: Id,
    /// The direct chat of the two.
    pub chat: Id,
    /// Voice or video.
    pub kind: CallKind,
    /// How far it is. A device rings while it is `ringing` and you are the callee, and stops by
    /// anything else.
    pub state: CallState,
    /// Grows with every change.
    pub version: u64,
    /// Which side you are.
    pub role: CallRole,
    /// Where your end is.
    pub on: CallPlace,
    /// The other person.
    pub peer: CallPeer,
    /// It rings at the callee, as a device there has said.
    #[serde(default, skip_serializing_if = "is_false")]
    pub rings: bool,
    /// The present negotiation; signals of another one are refused.
    pub epoch: u32,
    /// The present negotiation needs new peer connections on both sides.
    #[serde(default, skip_serializing_if = "is_false")]
    pub fresh: bool,
    /// When it began.
    pub started: Moment,
    /// When it was answered, while it is `connecting`; since when they talk, while it is `active`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Moment>,
    /// When the server ends it unless something happens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Moment>,
    /// How often, in seconds, a device in the call sends `call.alive`.
    pub alive_every_s: u64,
    /// Why it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<EndReason>,
    /// Who ended it, or whose device was lost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<CallRole>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Moment>,
    /// For how many seconds they talked; absent when they never did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_s: Option<u64>,
}

impl Call {
    /// The row for a device of one of its parties; `None` for everybody else.
    pub fn of(call: &Fact, viewer: &Caller, names: &[Arc<str>; 2]) -> Option<Self> {
        let side = call.side(viewer.user)?;
        let (peer, end) = (call.party(side.other()), call.end());
        let name = match side {
            Side::Caller => &names[1],
            Side::Callee => &names[0],
        };
        let (state, since) = match call.state {
            domain::CallState::Ringing => (CallState::Ringing, None),
            domain::CallState::Connecting { since } => (CallState::Connecting, Some(since)),
            domain::CallState::Active { since } => (CallState::Active, Some(since)),
            domain::CallState::Ended(_) => (CallState::Ended, None),
        };
        Some(Self {
            id: call.id.into(),
            chat: call.chat.into(),
            kind: call.kind.into(),
            state,
            version: call.version,
            role: side.into(),
            on: match call.party(side).device {
                Some(device) if device.is(viewer) => CallPlace::ThisDevice,
                Some(_) => CallPlace::OtherDevice,
                None => CallPlace::Nowhere,
            },
            peer: CallPeer {
                user: peer.user.into(),
                name: name.clone(),
                reconnecting: call.is_live() && peer.lost,
            },
            rings: call.rang,
            epoch: call.epoch,
            fresh: call.fresh,
            started: call.started.into(),
            since: since.map(Moment),
            deadline: call.deadline().map(Moment),
            alive_every_s: ALIVE_EVERY.as_secs(),
            reason: end.map(|end| end.reason.into()),
            by: end.and_then(|end| end.by).map(CallRole::from),
            ended: end.map(|end| end.at.into()),
            duration_s: end.and_then(|end| end.talked).map(|talked| talked.as_secs()),
        })
    }
}

impl From<Side> for CallRole {
    fn from(side: Side) -> Self {
        match side {
            Side::Caller => Self::Caller,
            Side::Callee => Self::Callee,
        }
    }
}

/// A STUN or TURN server, as browsers take it (`RTCIceServer`).
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct IceServer {
    /// `stun:`, `turn:` and `turns:` URIs.
    pub urls: Vec<String>,
    /// The user name, for TURN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The password, for TURN. Good for ten minutes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<String>,
}

impl From<ice::IceServer> for IceServer {
    fn from(server: ice::IceServer) -> Self {
        let (username, credential) =
            server.credentials.map(|pair| (pair.username, pair.password)).unzip();
        Self { urls: server.urls, username, credential }
    }
}

/// A call, with what your device needs to take part in it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct JoinedCall {
    /// As it is now that your device takes part.
    pub call: Call,
    /// STUN and TURN servers; empty when your end of the call is not on this device.
    pub ice_servers: Vec<IceServer>,
}

/// One call, with what is known about how it went.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallDetails {
    /// As your device sees it now.
    pub call: Call,
    /// In words, most important first; in the language of `Accept-Language`.
    pub diagnosis: Vec<Diagnosis>,
    /// What your device reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub report: Option<CallReport>,
    /// What the other device reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub peer_report: Option<CallReport>,
}

/// What was found about a call, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Diagnosis {
    /// What was found.
    pub finding: String,
    /// The likely cure; absent when all is well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cure: Option<String>,
}

impl CallDetails {
    /// The details for a party; `None` for everybody else.
    pub fn of(
        call: &Fact,
        viewer: &Caller,
        names: &[Arc<str>; 2],
        language: Language,
    ) -> Option<Self> {
        let side = call.side(viewer.user)?;
        let say = |text: Text| text.of(language).to_owned();
        let said = |one: Finding| Diagnosis { finding: say(one.what), cure: one.cure.map(say) };
        Some(Self {
            call: Call::of(call, viewer, names)?,
            diagnosis: findings(call, side).into_iter().map(said).collect(),
            report: call.party(side).report.map(CallReport::from),
            peer_report: call.party(side.other()).report.map(CallReport::from),
        })
    }
}

/// A page of your calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CallPage {
    /// Latest first.
    pub calls: Vec<Call>,
    /// What to give as `before` for the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

/// The live call that you are in, if there is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LiveCall {
    /// The call; null when there is none.
    pub call: Option<Call>,
}

/// STUN and TURN servers.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct IceServers {
    /// As browsers take them.
    pub ice_servers: Vec<IceServer>,
}

/// STUN and TURN servers to try, and what the server itself knows to be wrong with its relay.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct TestServers {
    /// As browsers take them. Their relays reach each other and nobody else.
    pub ice_servers: Vec<IceServer>,
    /// Why people may not reach the relay, each with the cure; empty when nothing is known.
    pub warnings: Vec<String>,
}

/// Whom to call, and how. The same device gets the call that it already started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StartCall {
    /// The direct chat's id, or the other person's.
    pub chat: Id,
    /// Voice or video.
    pub kind: CallKind,
}

/// Cancels a call that rings, or hangs up.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct LeaveCall {
    /// The device gave up, as it could not bring media about.
    pub failed: bool,
}

/// Says that a device is there.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct KeepCall {
    /// Media flows.
    pub connected: bool,
}

/// Begins a new negotiation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RestartCall {
    /// The one that does not work any more. When the call is in a later one already, nothing
    /// changes.
    pub epoch: u32,
    /// This device has lost its peer connection: both sides make new ones.
    #[serde(default)]
    pub fresh: bool,
}

/// What one device says to the other while they negotiate.
#[derive(Debug, Clone, Deserialize, Serialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SendSignal {
    /// The negotiation that it belongs to.
    pub epoch: u32,
    /// Your own count.
    #[serde(default)]
    pub seq: u64,
    /// Yours to shape, at most 32 KiB: `{"description":…}` or `{"candidate":…}` by custom.
    #[schema(value_type = Object)]
    #[schemars(with = "serde_json::Value")]
    pub data: Box<RawValue>,
}

impl From<SendSignal> for NewSignal {
    fn from(signal: SendSignal) -> Self {
        let SendSignal { epoch, seq, data } = signal;
        Self { epoch, seq, data: data.get().into() }
    }
}

/// How a call goes or went, by your device: facts of the browser's statistics, no free text.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema,
)]
#[serde(deny_unknown_fields, default)]
pub struct CallReport {
    /// Milliseconds from the accept until media flowed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub setup_ms: Option<u32>,
    /// The local candidate of the selected pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub local: Option<CandidateKind>,
    /// The remote candidate of the selected pair.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub remote: Option<CandidateKind>,
    /// `relayProtocol` of the local candidate, if it is a relay's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub relay_over: Option<RelayTransport>,
    /// Your device found addresses of its own.
    pub gathered_host: bool,
    /// It found its address as a STUN server sees it.
    pub gathered_srflx: bool,
    /// It got an address of a relay.
    pub gathered_relay: bool,
    /// What went wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
}

impl From<CallReport> for domain::Report {
    fn from(report: CallReport) -> Self {
        Self {
            setup_ms: report.setup_ms,
            local: report.local.map(Into::into),
            remote: report.remote.map(Into::into),
            relay_over: report.relay_over.map(Into::into),
            gathered: domain::Gathered {
                host: report.gathered_host,
                reflexive: report.gathered_srflx,
                relay: report.gathered_relay,
            },
            failure: report.failure.map(Into::into),
        }
    }
}

impl From<domain::Report> for CallReport {
    fn from(report: domain::Report) -> Self {
        Self {
            setup_ms: report.setup_ms,
            local: report.local.map(Into::into),
            remote: report.remote.map(Into::into),
            relay_over: report.relay_over.map(Into::into),
            gathered_host: report.gathered.host,
            gathered_srflx: report.gathered.reflexive,
            gathered_relay: report.gathered.relay,
            failure: report.failure.map(Into::into),
        }
    }
}
