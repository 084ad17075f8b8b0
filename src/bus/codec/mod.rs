//! Events as bytes, for other nodes.
//!
//! Guarantees: what was written is read back as the same event; one that is too long, or of a kind
//! that this program does not know, is read as a hint: its chat is to be looked up in the store. So
//! programs of two versions run together. Bytes that nobody here wrote are an error, and never a
//! panic. Called by `numbered`.
//!
//! JSON, with things in their stored forms: `{"kind", "chat"?, "rev"?, "moved"?, "of"}`.

#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::directory::Shift;
use super::{
    Asking, CallNews, Event, Hint, OwnMember, Posted, Pushed, Receipt, Signal, Spot, Typing,
};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{CallId, ChatId, ObjectId, ReportId, SessionId, UserId};
use crate::model::auth::Instance;
use crate::model::calls::Device;
use crate::model::exports::Export;
use crate::model::reports::Report;
use crate::store::forms::alerts::AlertsForm;
use crate::store::forms::call::CallForm;
use crate::store::forms::export::ExportForm;
use crate::store::forms::report::{Outside, ReportForm};
use crate::store::forms::whole::{ChatForm, MemberForm, RowForm};

/// An event goes along whole up to so many bytes; of a longer one, that there is something.
pub const LONGEST: usize = 16 * 1024;

const CAME: &str = "came";
const WENT: &str = "went";

/// What was read.
#[derive(Debug, Clone)]
pub enum Decoded {
    /// What has happened.
    Event(Event),
    /// Where something has happened.
    Hint(Hint),
    /// A connection of the node that told it began or ended.
    Shift(Shift),
}

/// What every event says of itself, also to programs that do not know its kind.
#[derive(Serialize, Deserialize)]
struct Outline<'a> {
    kind: &'a str,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat: Option<String>,
    #[serde(default, skip_serializing_if = "is_zero")]
    rev: u64,
    /// Who may follow the chat from now on, or no more: 24 digits each.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    moved: String,
    #[serde(borrow, default, skip_serializing_if = "Option::is_none")]
    of: Option<&'a RawValue>,
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde hands out a reference")]
const fn is_zero(number: &u64) -> bool {
    *number == 0
}

#[derive(Serialize, Deserialize)]
struct PostedForm {
    row: RowForm,
    name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chat: Option<ChatForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    peers: Option<(String, String)>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    joined: Vec<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    gone: Vec<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    repeated: bool,
}

#[derive(Serialize, Deserialize)]
struct OwnForm {
    member: MemberForm,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    hidden: Vec<u64>,
}

#[derive(Serialize, Deserialize)]
struct ToldReport {
    id: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    by: Option<String>,
    created: i64,
    version: u64,
    form: ReportForm,
}

#[derive(Serialize, Deserialize)]
struct ToldExport {
    user: String,
    due: i64,
    version: u64,
    form: ExportForm,
}

#[derive(Serialize, Deserialize)]
struct ReceiptForm {
    chat: String,
    user: String,
    read_seq: u64,
    delivered_seq: u64,
    as_of: u64,
}

#[derive(Serialize, Deserialize)]
struct TypingForm {
    chat: String,
    user: String,
    for_ms: u64,
    as_of: u64,
}

#[derive(Serialize, Deserialize)]
struct AskingForm {
    chat: String,
    user: String,
    waits: bool,
    admins: Vec<String>,
    as_of: u64,
}

#[derive(Serialize, Deserialize)]
struct NewsForm {
    call: CallForm,
    names: [String; 2],
}

#[derive(Serialize, Deserialize)]
struct SignalForm {
    call: String,
    to: String,
    session: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    epoch: u32,
    seq: u64,
    data: String,
}

#[derive(Serialize, Deserialize)]
struct PushedForm {
    user: String,
    chat: String,
    sessions: Vec<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
}

#[derive(Serialize, Deserialize)]
struct ShiftForm {
    number: u64,
    user: String,
    session: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    instance: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    scope: Option<String>,
}

#[derive(Serialize, Deserialize)]
struct ClosedForm {
    user: String,
    sessions: Vec<String>,
}

#[derive(Serialize, Deserialize)]
struct PairForm {
    one: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    other: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    apart: bool,
}

#[derive(Serialize, Deserialize)]
struct PersonForm {
    user: String,
    alerts: AlertsForm,
}

fn text(id: impl ToString) -> String {
    id.to_string()
}

fn texts<T: ToString>(ids: &[T]) -> Vec<String> {
    ids.iter().map(T::to_string).collect()
}

fn broken() -> Error {
    Error::internal("another node told what cannot be read")
}

fn id<T: std::str::FromStr>(text: &str) -> Result<T> {
    text.parse().map_err(|_| broken())
}

fn ids<T: std::str::FromStr>(texts: &[String]) -> Result<Vec<T>> {
    texts.iter().map(|text| id(text)).collect()
}

/// Writes an event; one that is too long as a hint.
pub fn encode(event: &Event) -> Result<Bytes> {
    let hint = hint(event);
    let of = body(event).map_err(Error::internal)?;
    let whole = outlined(event.kind(), hint.as_ref(), Some(&*of))?;
    match hint {
        Some(hint) if whole.len() > LONGEST => outlined("hint", Some(&hint), None),
        _ => Ok(whole),
    }
}

fn outlined(kind: &str, hint: Option<&Hint>, of: Option<&RawValue>) -> Result<Bytes> {
    let outline = Outline {
        kind,
        chat: hint.map(|hint| text(hint.chat)),
        rev: hint.map_or(0, |hint| hint.rev),
        moved: hint.into_iter().flat_map(|hint| &hint.moved).map(text).collect(),
        of,
    };
    Ok(serde_json::to_vec(&outline).map_err(Error::internal)?.into())
}

/// What of an event can be looked up in the store.
fn hint(event: &Event) -> Option<Hint> {
    match event {
        Event::Message(posted) => {
            let peers = posted.peers.iter().flat_map(|(low, high)| [low, high]);
            let moved = posted.joined.iter().chain(&posted.gone).chain(peers);
            let (chat, rev) = (posted.message.chat, posted.message.rev);
            Some(Hint { chat, rev, moved: moved.copied().collect() })
        }
        Event::ChatOpened(chat) => {
            Some(Hint { chat: chat.id, rev: chat.head_rev, moved: chat.people() })
        }
        Event::Member(own) => {
            Some(Hint { chat: own.member.chat, rev: 0, moved: vec![own.member.user] })
        }
        _ => None,
    }
}

fn raw(form: &impl Serialize) -> serde_json::Result<Box<RawValue>> {
    serde_json::value::to_raw_value(form)
}

fn body(event: &Event) -> serde_json::Result<Box<RawValue>> {
    match event {
        Event::Message(posted) => raw(&PostedForm::from(&**posted)),
        Event::ChatOpened(chat) => raw(&ChatForm::from(&**chat)),
        Event::Member(own) => {
            raw(&OwnForm { member: MemberForm::from(&own.member), hidden: own.hidden.clone() })
        }
        Event::Report(report) => raw(&ToldReport::from(&**report)),
        Event::Export(export) => raw(&ToldExport::from(&**export)),
        Event::Receipt(receipt) => raw(&ReceiptForm::from(receipt)),
        Event::Typing(typing) => raw(&TypingForm::from(typing)),
        Event::Asking(asking) => raw(&AskingForm::from(&**asking)),
        Event::Call(news) => raw(&NewsForm {
            call: CallForm::from(&news.call),
            names: news.names.each_ref().map(|name| name.to_string()),
        }),
        Event::Signal(signal) => raw(&SignalForm::from(&**signal)),
        Event::SessionsClosed(user, sessions) => {
            raw(&ClosedForm { user: text(user), sessions: texts(sessions) })
        }
        Event::UserChanged(user) => raw(&pair(*user, None, false)),
        Event::Alerts(user, alerts) => {
            raw(&PersonForm { user: text(user), alerts: AlertsForm::from(&**alerts) })
        }
        Event::Pushed(pushed) => raw(&PushedForm::from(&**pushed)),
        Event::Subscribed(user) => raw(&pair(*user, None, false)),
        Event::BlocksChanged(one, other) => raw(&pair(*one, Some(*other), false)),
        Event::TieChanged { one, other, apart } => raw(&pair(*one, Some(*other), *apart)),
    }
}

fn pair(one: UserId, other: Option<UserId>, apart: bool) -> PairForm {
    PairForm { one: text(one), other: other.map(text), apart }
}

/// Writes what the directory of other nodes is to learn. A program that does not know the kind is
/// to look up a chat that nobody is in, and so does nothing.
pub fn encode_shift(shift: &Shift) -> Result<Bytes> {
    let form = raw(&ShiftForm::from(shift)).map_err(Error::internal)?;
    let nowhere = Hint { chat: ChatId(ObjectId([0; 12])), rev: 0, moved: Vec::new() };
    outlined(if shift.came { CAME } else { WENT }, Some(&nowhere), Some(&*form))
}

/// Reads what another node wrote.
pub fn decode(bytes: &[u8]) -> Result<Decoded> {
    let outline: Outline<'_> = serde_json::from_slice(bytes).map_err(Error::internal)?;
    let of = outline.of.map_or("null", RawValue::get);
    if let CAME | WENT = outline.kind {
        return form::<ShiftForm>(of)?.shift(outline.kind == CAME).map(Decoded::Shift);
    }
    match event(outline.kind, of) {
        Some(event) => event.map(Decoded::Event),
        None => outline.hint().map(Decoded::Hint),
    }
}

impl Outline<'_> {
    fn hint(&self) -> Result<Hint> {
        let chat = self.chat.as_deref().ok_or_else(broken)?;
        let pieces = self.moved.as_bytes().chunks(24);
        let moved = pieces.map(|piece| id(std::str::from_utf8(piece).unwrap_or_default()));
        Ok(Hint { chat: id(chat)?, rev: self.rev, moved: moved.collect::<Result<_>>()? })
    }
}

/// The event of a kind; `None`: the kind is not known.
fn event(kind: &str, of: &str) -> Option<Result<Event>> {
    Some(match kind {
        "message" => form::<PostedForm>(of).and_then(PostedForm::event),
        "chat_opened" => form::<ChatForm>(of).map(|form| Event::ChatOpened(Arc::new(form.into()))),
        "member" => form::<OwnForm>(of).and_then(OwnForm::event),
        "report" => form::<ToldReport>(of).and_then(ToldReport::event),
        "export" => form::<ToldExport>(of).and_then(ToldExport::event),
        "receipt" => form::<ReceiptForm>(of).and_then(|form| form.event()),
        "typing" => form::<TypingForm>(of).and_then(|form| form.event()),
        "asking" => form::<AskingForm>(of).and_then(|form| form.event()),
        "call" => form::<NewsForm>(of).and_then(NewsForm::event),
        "signal" => form::<SignalForm>(of).and_then(SignalForm::event),
        "sessions_closed" => form::<ClosedForm>(of).and_then(|form| form.event()),
        "user_changed" => form::<PairForm>(of).and_then(|form| Ok(Event::UserChanged(form.one()?))),
        "alerts" => form::<PersonForm>(of).and_then(PersonForm::event),
        "pushed" => form::<PushedForm>(of).and_then(|form| form.event()),
        "subscribed" => form::<PairForm>(of).and_then(|form| Ok(Event::Subscribed(form.one()?))),
        "blocks_changed" => form::<PairForm>(of)
            .and_then(|form| Ok(Event::BlocksChanged(form.one()?, form.other()?))),
        "tie_changed" => form::<PairForm>(of).and_then(|form| {
            Ok(Event::TieChanged { one: form.one()?, other: form.other()?, apart: form.apart })
        }),
        _ => return None,
    })
}

fn form<'a, T: Deserialize<'a>>(text: &'a str) -> Result<T> {
    serde_json::from_str(text).map_err(Error::internal)
}

impl From<&Posted> for PostedForm {
    fn from(posted: &Posted) -> Self {
        Self {
            row: RowForm::from(&posted.message),
            name: posted.from_name.to_string(),
            chat: posted.chat.as_ref().map(ChatForm::from),
            peers: posted.peers.map(|(low, high)| (text(low), text(high))),
            joined: texts(&posted.joined),
            gone: texts(&posted.gone),
            repeated: posted.repeated,
        }
    }
}

impl PostedForm {
    fn event(self) -> Result<Event> {
        let peers = self.peers.map(|(low, high)| Ok::<_, Error>((id(&low)?, id(&high)?)));
        Ok(Event::Message(Arc::new(Posted {
            message: self.row.message()?,
            from_name: self.name.into(),
            chat: self.chat.map(Into::into),
            peers: peers.transpose()?,
            joined: ids(&self.joined)?,
            gone: ids(&self.gone)?,
            repeated: self.repeated,
        })))
    }
}

impl OwnForm {
    fn event(self) -> Result<Event> {
        let member = self.member.member()?;
        Ok(Event::Member(Arc::new(OwnMember { member, hidden: self.hidden })))
    }
}

impl From<&Report> for ToldReport {
    fn from(report: &Report) -> Self {
        Self {
            id: text(report.id),
            by: report.by.map(text),
            created: report.created.millis(),
            version: report.version,
            form: ReportForm::from(report),
        }
    }
}

impl ToldReport {
    fn event(self) -> Result<Event> {
        let id: ReportId = id(&self.id)?;
        let by = self.by.as_deref().map(self::id).transpose()?;
        let outside = Outside { id, by, created: Time(self.created), version: self.version };
        Ok(Event::Report(Arc::new(self.form.report(outside)?)))
    }
}

impl From<&Export> for ToldExport {
    fn from(export: &Export) -> Self {
        Self {
            user: text(export.user),
            due: export.due.millis(),
            version: export.version,
            form: ExportForm::from(export),
        }
    }
}

impl ToldExport {
    fn event(self) -> Result<Event> {
        let export = self.form.export(id(&self.user)?, Time(self.due), self.version)?;
        Ok(Event::Export(Arc::new(export)))
    }
}

impl From<&Receipt> for ReceiptForm {
    fn from(receipt: &Receipt) -> Self {
        let Receipt { chat, user, read_seq, delivered_seq, as_of } = *receipt;
        Self { chat: text(chat), user: text(user), read_seq, delivered_seq, as_of }
    }
}

impl ReceiptForm {
    fn event(&self) -> Result<Event> {
        Ok(Event::Receipt(Receipt {
            chat: id(&self.chat)?,
            user: id(&self.user)?,
            read_seq: self.read_seq,
            delivered_seq: self.delivered_seq,
            as_of: self.as_of,
        }))
    }
}

impl From<&Typing> for TypingForm {
    fn from(typing: &Typing) -> Self {
        let Typing { chat, user, for_ms, as_of } = *typing;
        Self { chat: text(chat), user: text(user), for_ms, as_of }
    }
}

impl TypingForm {
    fn event(&self) -> Result<Event> {
        let (chat, user) = (id(&self.chat)?, id(&self.user)?);
        Ok(Event::Typing(Typing { chat, user, for_ms: self.for_ms, as_of: self.as_of }))
    }
}

impl From<&Asking> for AskingForm {
    fn from(asking: &Asking) -> Self {
        Self {
            chat: text(asking.chat),
            user: text(asking.user),
            waits: asking.waits,
            admins: texts(&asking.admins),
            as_of: asking.as_of,
        }
    }
}

impl AskingForm {
    fn event(&self) -> Result<Event> {
        Ok(Event::Asking(Arc::new(Asking {
            chat: id(&self.chat)?,
            user: id(&self.user)?,
            waits: self.waits,
            admins: ids(&self.admins)?,
            as_of: self.as_of,
        })))
    }
}

impl NewsForm {
    fn event(self) -> Result<Event> {
        let names = self.names.map(Arc::from);
        Ok(Event::Call(Arc::new(CallNews { call: self.call.call()?, names })))
    }
}

impl From<&Signal> for SignalForm {
    fn from(signal: &Signal) -> Self {
        Self {
            call: text(signal.call),
            to: text(signal.to),
            session: text(signal.device.session),
            instance: signal.device.instance.map(|instance| text(instance.0)),
            epoch: signal.epoch,
            seq: signal.seq,
            data: signal.data.to_string(),
        }
    }
}

fn instance(text: &str) -> Result<Instance> {
    ObjectId::parse(text).map(Instance).map_err(|_| broken())
}

impl From<&Pushed> for PushedForm {
    fn from(pushed: &Pushed) -> Self {
        let Pushed { user, chat, sessions, seq } = pushed;
        Self { user: text(user), chat: text(chat), sessions: texts(sessions), seq: *seq }
    }
}

impl PushedForm {
    fn event(&self) -> Result<Event> {
        Ok(Event::Pushed(Arc::new(Pushed {
            user: id(&self.user)?,
            chat: id(&self.chat)?,
            sessions: ids(&self.sessions)?,
            seq: self.seq,
        })))
    }
}

impl From<&Shift> for ShiftForm {
    fn from(shift: &Shift) -> Self {
        let Shift { number, spot, .. } = shift;
        Self {
            number: *number,
            user: text(spot.user),
            session: text(spot.session),
            instance: spot.instance.map(|instance| text(instance.0)),
            scope: spot.scope.map(text),
        }
    }
}

impl ShiftForm {
    fn shift(&self, came: bool) -> Result<Shift> {
        let spot = Spot {
            user: id(&self.user)?,
            session: id(&self.session)?,
            instance: self.instance.as_deref().map(instance).transpose()?,
            scope: self.scope.as_deref().map(id).transpose()?,
        };
        Ok(Shift { number: self.number, came, spot })
    }
}

impl SignalForm {
    fn event(self) -> Result<Event> {
        let instance = self.instance.as_deref().map(instance);
        let (call, session): (CallId, SessionId) = (id(&self.call)?, id(&self.session)?);
        Ok(Event::Signal(Arc::new(Signal {
            call,
            to: id(&self.to)?,
            device: Device { session, instance: instance.transpose()? },
            epoch: self.epoch,
            seq: self.seq,
            data: self.data.into(),
        })))
    }
}

impl ClosedForm {
    fn event(&self) -> Result<Event> {
        let sessions: Vec<SessionId> = ids(&self.sessions)?;
        Ok(Event::SessionsClosed(id(&self.user)?, sessions.into()))
    }
}

impl PairForm {
    fn one(&self) -> Result<UserId> {
        id(&self.one)
    }

    fn other(&self) -> Result<UserId> {
        id(self.other.as_deref().ok_or_else(broken)?)
    }
}

impl PersonForm {
    fn event(self) -> Result<Event> {
        Ok(Event::Alerts(id(&self.user)?, Arc::new(self.alerts.alerts()?)))
    }
}
