//! A call as a document: what the adapters keep of it beside the columns that they search by.
//!
//! Every adapter stores this shape, as JSON or BSON, so that it is written and tested once. What
//! was stored by this program is read back; anything else is an error.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{CallId, ChatId, ObjectId, SessionId, UserId};
use crate::model::auth::Instance;
use crate::model::calls::{
    Call, CallKind, CallState, CandidateKind, Device, End, EndReason, Failure, Gathered, Party,
    RelayTransport, Report, Side, Via,
};

/// A call as a document. Ids are hex digits, times and durations milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallForm {
    id: String,
    chat: String,
    kind: String,
    caller: PartyForm,
    callee: PartyForm,
    started: i64,
    state: String,
    /// When the present state began.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    end: Option<EndForm>,
    rang: bool,
    epoch: u32,
    fresh: bool,
    version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PartyForm {
    user: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    device: Option<String>,
    /// Which client of the session; absent too in what was stored before clients named themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    /// Absent too in what was stored before it was noted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    via: Option<String>,
    seen: i64,
    lost: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    report: Option<ReportForm>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct EndForm {
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    talked_ms: Option<i64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReportForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    setup_ms: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    local: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    remote: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    relay_over: Option<String>,
    host: bool,
    reflexive: bool,
    relay: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    failure: Option<String>,
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

impl From<&Call> for CallForm {
    fn from(call: &Call) -> Self {
        let (state, since) = match call.state {
            CallState::Ringing => ("ringing", None),
            CallState::Connecting { since } => ("connecting", Some(since)),
            CallState::Active { since } => ("active", Some(since)),
            CallState::Ended(_) => ("ended", None),
        };
        Self {
            id: call.id.to_string(),
            chat: call.chat.to_string(),
            kind: call.kind.name().into(),
            caller: (&call.caller).into(),
            callee: (&call.callee).into(),
            started: call.started.0,
            state: state.into(),
            since: since.map(|time| time.0),
            end: call.end().map(|end| EndForm {
                reason: end.reason.name().into(),
                by: end.by.map(|side| side.name().into()),
                at: end.at.0,
                talked_ms: end.talked.map(millis),
            }),
            rang: call.rang,
            epoch: call.epoch,
            fresh: call.fresh,
            version: i64::try_from(call.version).unwrap_or(i64::MAX),
        }
    }
}

impl From<&Party> for PartyForm {
    fn from(party: &Party) -> Self {
        Self {
            user: party.user.to_string(),
            device: party.device.map(|device| device.session.to_string()),
            instance: party
                .device
                .and_then(|device| device.instance)
                .map(|name| name.0.to_string()),
            via: party.via.map(|via| via.0.to_string()),
            seen: party.seen.0,
            lost: party.lost,
            report: party.report.as_ref().map(|report| ReportForm {
                setup_ms: report.setup_ms,
                local: report.local.map(|kind| kind.name().into()),
                remote: report.remote.map(|kind| kind.name().into()),
                relay_over: report.relay_over.map(|transport| transport.name().into()),
                host: report.gathered.host,
                reflexive: report.gathered.reflexive,
                relay: report.gathered.relay,
                failure: report.failure.map(|failure| failure.name().into()),
            }),
        }
    }
}

impl CallForm {
    /// The call that was stored.
    pub fn call(&self) -> Result<Call> {
        Ok(Call {
            id: CallId(id(&self.id)?),
            chat: ChatId(id(&self.chat)?),
            kind: CallKind::named(&self.kind).ok_or_else(broken)?,
            caller: self.caller.party()?,
            callee: self.callee.party()?,
            started: Time(self.started),
            state: self.state()?,
            rang: self.rang,
            epoch: self.epoch,
            fresh: self.fresh,
            version: self.version.max(0).unsigned_abs(),
        })
    }

    fn state(&self) -> Result<CallState> {
        let since = || self.since.map(Time).ok_or_else(broken);
        Ok(match (self.state.as_str(), &self.end) {
            ("ringing", None) => CallState::Ringing,
            ("connecting", None) => CallState::Connecting { since: since()? },
            ("active", None) => CallState::Active { since: since()? },
            ("ended", Some(end)) => CallState::Ended(End {
                reason: EndReason::named(&end.reason).ok_or_else(broken)?,
                by: word(end.by.as_deref(), Side::named)?,
                at: Time(end.at),
                talked: end.talked_ms.map(|ms| Duration::from_millis(ms.max(0).unsigned_abs())),
            }),
            _ => return Err(broken()),
        })
    }
}

impl PartyForm {
    fn party(&self) -> Result<Party> {
        let report = self.report.as_ref().map(ReportForm::report).transpose()?;
        let instance = self.instance.as_deref().map(id).transpose()?.map(Instance);
        let session = self.device.as_deref().map(id).transpose()?.map(SessionId);
        Ok(Party {
            user: UserId(id(&self.user)?),
            device: session.map(|session| Device { session, instance }),
            via: self.via.as_deref().map(id).transpose()?.map(Via),
            seen: Time(self.seen),
            lost: self.lost,
            report,
        })
    }
}

impl ReportForm {
    fn report(&self) -> Result<Report> {
        Ok(Report {
            setup_ms: self.setup_ms,
            local: word(self.local.as_deref(), CandidateKind::named)?,
            remote: word(self.remote.as_deref(), CandidateKind::named)?,
            relay_over: word(self.relay_over.as_deref(), RelayTransport::named)?,
            gathered: Gathered { host: self.host, reflexive: self.reflexive, relay: self.relay },
            failure: word(self.failure.as_deref(), Failure::named)?,
        })
    }
}

fn broken() -> Error {
    super::broken("call")
}

fn id(text: &str) -> Result<ObjectId> {
    ObjectId::parse(text).map_err(|_| broken())
}

/// Reads a name that may be absent.
fn word<T>(text: Option<&str>, named: impl Fn(&str) -> Option<T>) -> Result<Option<T>> {
    text.map(|text| named(text).ok_or_else(broken)).transpose()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The digest of `tab`.
    const TAB: &str = "7508386a20565f5cbc526eee";

    fn party(last: u8, report: Option<Report>) -> Party {
        let (session, instance) = (SessionId(ObjectId([last; 12])), Instance::parse("tab").ok());
        let device = (last > 1).then_some(Device { session, instance });
        let (user, via) = (UserId(ObjectId([last; 12])), device.map(|_| Via(ObjectId([9; 12]))));
        Party { user, device, via, seen: Time(5), lost: last > 1, report }
    }

    #[test]
    fn a_call_is_read_back_as_it_was_stored() {
        let report = Report {
            setup_ms: Some(400),
            local: Some(CandidateKind::Relay),
            remote: Some(CandidateKind::ServerReflexive),
            relay_over: Some(RelayTransport::Tls),
            gathered: Gathered { host: true, reflexive: false, relay: true },
            failure: Some(Failure::IceFailed),
        };
        let ended =
            |by, talked| CallState::Ended(End { reason: EndReason::Lost, by, at: Time(9), talked });
        for state in [
            CallState::Ringing,
            CallState::Connecting { since: Time(7) },
            CallState::Active { since: Time(8) },
            ended(None, None),
            ended(Some(Side::Callee), Some(Duration::from_millis(1500))),
        ] {
            let call = Call {
                id: CallId(ObjectId([1; 12])),
                chat: ChatId(ObjectId([2; 12])),
                kind: CallKind::Video,
                caller: party(3, Some(report)),
                callee: party(1, None),
                started: Time(4),
                state,
                rang: true,
                epoch: 3,
                fresh: true,
                version: 12,
            };
            let text = serde_json::to_string(&CallForm::from(&call)).expect("written");
            let row: CallForm = serde_json::from_str(&text).expect("read");
            assert_eq!(row.call().expect("a call"), call);
            let before = text.replace(&format!("\"instance\":\"{TAB}\","), "");
            let before = before.replace(&format!("\"via\":\"{}\",", "09".repeat(12)), "");
            let row: CallForm = serde_json::from_str(&before).expect("read");
            let caller = row.call().expect("a call").caller;
            assert_eq!(caller.via, None, "of a program that noted none: {before}");
            let device = caller.device.expect("bound");
            assert_eq!(device.instance, None, "of a program that knew no instances: {before}");
            let ruined = text.replace("\"video\"", "\"smell\"");
            let row: CallForm = serde_json::from_str(&ruined).expect("read");
            assert!(row.call().is_err());
        }
    }
}
