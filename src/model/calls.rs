//! Calls: the fact that two people talk, or tried to.
//!
//! What a call may become is in `core::calls::machine`; here is what it is.

use std::time::Duration;

use super::auth::{Caller, Instance};
use crate::clock::Time;
use crate::id::{CallId, ChatId, ObjectId, SessionId, UserId};

/// A call rings this long.
pub const RING_FOR: Duration = Duration::from_secs(45);
/// From the accept, media must flow within this time.
pub const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// A device that is not heard of for this long is out of the call.
pub const GRACE: Duration = Duration::from_secs(25);
/// How often a device in a call says that it is there.
pub const ALIVE_EVERY: Duration = Duration::from_secs(10);
/// How long after its end a call takes reports.
pub const REPORTS_FOR: Duration = Duration::from_secs(5 * 60);

/// What a call carries at first; people may add or drop video while they talk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallKind {
    /// Sound.
    Voice,
    /// Sound and pictures.
    Video,
}

/// Who of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Side {
    /// Who began; makes the offers.
    Caller,
    /// Who was called; the polite side when both negotiate at once.
    Callee,
}

impl Side {
    /// The one at the other end.
    pub const fn other(self) -> Self {
        match self {
            Self::Caller => Self::Callee,
            Self::Callee => Self::Caller,
        }
    }
}

/// What talks in a call: a running client of a session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Device {
    /// The session that the client belongs to.
    pub session: SessionId,
    /// Which of its clients; `None`: it named none, and all of the session are it.
    pub instance: Option<Instance>,
}

impl Device {
    /// Whether a client is this device.
    pub fn is(&self, client: &Caller) -> bool {
        let named = |instance| client.instance == Some(instance);
        self.session == client.session && self.instance.is_none_or(named)
    }
}

impl From<Caller> for Device {
    fn from(client: Caller) -> Self {
        Self { session: client.session, instance: client.instance }
    }
}

/// A connection by which a device speaks: no two are alike, whatever node they are on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Via(pub ObjectId);

/// A person in a call.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Party {
    /// Who.
    pub user: UserId,
    /// The one device that talks: the caller's from the start, the callee's from the accept.
    pub device: Option<Device>,
    /// The connection by which that device spoke last; `None`: by none, or that is not known.
    pub via: Option<Via>,
    /// When that device was last heard of.
    pub seen: Time,
    /// Its connection is gone; it may come back until `seen` is `GRACE` ago.
    pub lost: bool,
    /// What it reported about how the call went.
    pub report: Option<Report>,
}

impl Party {
    /// Its device was heard of.
    pub const fn spoke(&mut self, via: Option<Via>, now: Time) {
        (self.via, self.seen, self.lost) = (via, now, false);
    }
}

/// A call between two people.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Call {
    /// Which one.
    pub id: CallId,
    /// The direct chat of the two.
    pub chat: ChatId,
    /// Voice or video.
    pub kind: CallKind,
    /// Who began.
    pub caller: Party,
    /// Who was called.
    pub callee: Party,
    /// When it began.
    pub started: Time,
    /// How far it is.
    pub state: CallState,
    /// A device of the callee has said that it rings.
    pub rang: bool,
    /// Counts negotiations: signals of an earlier one are dropped.
    pub epoch: u32,
    /// The present negotiation begins with new peer connections, as a device lost its own.
    pub fresh: bool,
    /// Grows with every change; to store a change, name the version that it was computed from.
    pub version: u64,
}

impl Call {
    /// A person's side.
    pub fn side(&self, user: UserId) -> Option<Side> {
        match user {
            _ if user == self.caller.user => Some(Side::Caller),
            _ if user == self.callee.user => Some(Side::Callee),
            _ => None,
        }
    }

    /// The person of a side.
    pub const fn party(&self, side: Side) -> &Party {
        match side {
            Side::Caller => &self.caller,
            Side::Callee => &self.callee,
        }
    }

    /// The person of a side, to change.
    pub const fn party_mut(&mut self, side: Side) -> &mut Party {
        match side {
            Side::Caller => &mut self.caller,
            Side::Callee => &mut self.callee,
        }
    }

    /// Whether this device is one of the two that talk.
    pub fn is_bound(&self, device: &Caller) -> bool {
        self.device_of(device.user).is_some_and(|bound| bound.is(device))
    }

    /// The person's device in the call; `None` before the accept, and for people who are not in it.
    pub fn device_of(&self, user: UserId) -> Option<Device> {
        self.side(user).and_then(|side| self.party(side).device)
    }

    /// Whether it has not ended.
    pub const fn is_live(&self) -> bool {
        !matches!(self.state, CallState::Ended(_))
    }

    /// How it ended, once it has.
    pub const fn end(&self) -> Option<&End> {
        match &self.state {
            CallState::Ended(end) => Some(end),
            _ => None,
        }
    }

    /// Whether a node that knows the call so, which may be late, lets a signal of negotiation
    /// `epoch` reach a person's device: `None` when it is to look the call up.
    pub fn lets_hear(&self, user: UserId, device: &Device, epoch: u32) -> Option<bool> {
        let is_bound = self.device_of(user).as_ref() == Some(device);
        match self.state {
            CallState::Ended(_) => Some(false),
            CallState::Ringing => None,
            _ if is_bound && epoch <= self.epoch => Some(epoch == self.epoch),
            _ => None,
        }
    }

    /// When the server ends it unless something happens; `None` once it has ended.
    pub fn deadline(&self) -> Option<Time> {
        let caller = self.caller.seen.plus(GRACE);
        let both = caller.min(self.callee.seen.plus(GRACE));
        match self.state {
            CallState::Ringing => Some(caller.min(self.started.plus(RING_FOR))),
            CallState::Connecting { since } => Some(both.min(since.plus(CONNECT_WITHIN))),
            CallState::Active { .. } => Some(both),
            CallState::Ended(_) => None,
        }
    }
}

/// How far a call is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CallState {
    /// The callee's devices ring.
    Ringing,
    /// A device of the callee answered; media does not flow yet.
    Connecting {
        /// When it answered.
        since: Time,
    },
    /// They talk.
    Active {
        /// Since when media flows.
        since: Time,
    },
    /// It is over, for good.
    Ended(End),
}

/// How a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct End {
    /// Why.
    pub reason: EndReason,
    /// Who ended it, or whose device was lost.
    pub by: Option<Side>,
    /// When.
    pub at: Time,
    /// For how long media flowed; `None` when it never did.
    pub talked: Option<Duration>,
}

/// Why a call ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum EndReason {
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
    /// A device was not heard of for `GRACE`.
    Lost,
    /// Media never flowed in time, or a device gave up.
    Failed,
}

/// What a client reports about how a call went: facts from its browser, no free text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Report {
    /// From the accept until media flowed.
    pub setup_ms: Option<u32>,
    /// Where the selected pair begins.
    pub local: Option<CandidateKind>,
    /// Where the selected pair ends.
    pub remote: Option<CandidateKind>,
    /// How the client's relay is reached, if the selected pair begins at one.
    pub relay_over: Option<RelayTransport>,
    /// Which kinds of candidates the client found at all.
    pub gathered: Gathered,
    /// What went wrong.
    pub failure: Option<Failure>,
}

/// Kinds of candidates that a client found (RFC 8445, section 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub struct Gathered {
    /// Addresses of its own.
    pub host: bool,
    /// Its address as a STUN server sees it.
    pub reflexive: bool,
    /// An address of a relay.
    pub relay: bool,
}

/// What kind of address an ICE candidate is (RFC 8445, section 5.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum CandidateKind {
    /// The device's own.
    Host,
    /// As a STUN server sees it.
    ServerReflexive,
    /// As the other device sees it.
    PeerReflexive,
    /// A relay's.
    Relay,
}

/// How a client reaches its relay.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RelayTransport {
    /// Datagrams.
    Udp,
    /// A stream.
    Tcp,
    /// A stream inside TLS.
    Tls,
}

/// What went wrong at a client.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Failure {
    /// The person or the browser did not allow microphone or camera.
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

/// Gives enums the names under which the store and the protocol know them.
macro_rules! names {
    ($($type:ident { $($value:ident = $name:literal)* })*) => {$(
        impl $type {
            /// Every value.
            pub const ALL: &[Self] = &[$(Self::$value),*];

            /// Its name in the store and in the protocol.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$value => $name,)* }
            }

            /// The value of a name.
            pub fn named(name: &str) -> Option<Self> {
                match name { $($name => Some(Self::$value),)* _ => None }
            }
        }
    )*};
}

names! {
    CallKind { Voice = "voice" Video = "video" }
    Side { Caller = "caller" Callee = "callee" }
    EndReason {
        Cancelled = "cancelled" Rejected = "rejected" Missed = "missed" Busy = "busy"
        Unreachable = "unreachable" Hangup = "hangup" Lost = "lost" Failed = "failed"
    }
    CandidateKind {
        Host = "host" ServerReflexive = "srflx" PeerReflexive = "prflx" Relay = "relay"
    }
    RelayTransport { Udp = "udp" Tcp = "tcp" Tls = "tls" }
    Failure {
        MediaDenied = "media_denied" MediaMissing = "media_missing" IceFailed = "ice_failed"
        DtlsFailed = "dtls_failed" NegotiationFailed = "negotiation_failed" Other = "other"
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    #[test]
    fn a_device_is_one_client_of_a_session_or_all_that_name_none() {
        let client = |session, name: Option<&str>| Caller {
            user: UserId(ObjectId([1; 12])),
            session: SessionId(ObjectId([session; 12])),
            instance: name.map(|name| Instance::parse(name).expect("a name")),
        };
        let tab = Device::from(client(1, Some("tab-a")));
        assert!(tab.is(&client(1, Some("tab-a"))));
        for other in [client(1, Some("tab-b")), client(1, None), client(2, Some("tab-a"))] {
            assert!(!tab.is(&other), "{other:?}");
        }
        let whole = Device::from(client(1, None));
        assert!(whole.is(&client(1, None)) && whole.is(&client(1, Some("tab-b"))));
        assert!(!whole.is(&client(2, None)));
    }
}
