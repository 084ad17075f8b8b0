//! Calls, and who is in one.
//!
//! Who is in a live call holds a claim, one document a user, that names the call; a new call takes
//! the claims of both in the order of their ids before it is put. A claim of a call that has ended,
//! or that was never put within `CLAIM_MS`, may be taken over. A call that ends says so in its own
//! document first, with the message that is still to be told; the message is told next, and what a
//! crash leaves untold is told by whoever asks for due calls.

use async_trait::async_trait;
use mongodb::bson::{self, DateTime, Document, doc};

use super::MongoStore;
use super::access::{Find, jitter};
use super::commit::{ATTEMPTS, Plan, grown, overtaken};
use super::content;
use super::members;
use super::redo::Redo;
use super::rows::{Row, ToBson, int};
use super::schema::dated;
use super::tables::{Table, log_of};
use super::turns::Turn;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{CallId, MessageId, UserId};
use crate::model::calls::Call;
use crate::model::messages::Message;
use crate::store::forms::call::CallForm;
use crate::store::{Begun, CallRecord, CallStepped, Calls};

/// After this time a claim without a call is nobody's.
const CLAIM_MS: i64 = 15_000;
/// At most this many untold calls at once.
const UNTOLD: u32 = 100;

/// Reads a call.
pub(super) fn read(document: &Document) -> Result<Call> {
    let call = Row(document).opt_row("call")?;
    let call = call.ok_or_else(|| Error::internal("a call without its row"))?;
    let row: CallForm = bson::deserialize_from_document(call.0.clone()).map_err(Error::internal)?;
    row.call()
}

/// The fields of a call, its id aside.
fn fields(call: &Call, record: Option<&CallRecord>) -> Result<Document> {
    let row = bson::serialize_to_document(&CallForm::from(call)).map_err(Error::internal)?;
    let mut fields = doc! {
        "chat": call.chat.bson(),
        "caller": call.caller.user.bson(),
        "callee": call.callee.user.bson(),
        "started_at": call.started.bson(),
        "deadline": call.deadline().bson(),
        "version": int(call.version),
        "call": row,
    };
    if let Some(CallRecord { message, known_to }) = record {
        fields.insert("untold", doc! { "message": message.bson(), "known_to": known_to.bson() });
    }
    Ok(fields)
}

/// The document of a call with nothing left to be told.
pub(super) fn document(call: &Call) -> Result<Document> {
    let mut document = doc! { "_id": call.id.bson() };
    document.extend(fields(call, None)?);
    Ok(document)
}

fn claim_key(user: UserId) -> Document {
    doc! { "_id": user.bson() }
}

/// Who is in a call, each once.
pub(super) fn parties(call: &Call) -> Vec<UserId> {
    let mut users = vec![call.caller.user, call.callee.user];
    users.sort_unstable();
    users.dedup();
    users
}

impl MongoStore {
    async fn call_of(&self, id: CallId) -> Result<Option<Call>> {
        let found = self.access.one(Table::Calls, doc! { "_id": id.bson() }).await?;
        found.as_ref().map(read).transpose()
    }

    /// Claims a user for a call; the live call that has the user already.
    async fn claim(&self, user: UserId, id: CallId) -> Result<Option<Call>> {
        for attempt in 0..ATTEMPTS {
            let now = DateTime::now();
            let claim = doc! { "_id": user.bson(), "call": id.bson(), "at": now };
            if self.access.insert(Table::LiveCalls, vec![claim]).await?.duplicates.is_empty() {
                return Ok(None);
            }
            let Some(held) = self.access.one(Table::LiveCalls, claim_key(user)).await? else {
                continue;
            };
            let (holder, since) = (CallId(Row(&held).id("call")?), Row(&held).time("at")?);
            if holder == id {
                return Ok(None);
            }
            let over = match self.call_of(holder).await? {
                Some(call) if call.is_live() => return Ok(Some(call)),
                Some(_) => true,
                None => now.timestamp_millis().saturating_sub(since.0) > CLAIM_MS,
            };
            if over {
                let gone = doc! { "_id": user.bson(), "call": holder.bson() };
                self.access.delete(Table::LiveCalls, gone).await?;
            } else {
                jitter(attempt).await;
            }
        }
        Err(overtaken())
    }

    async fn release(&self, call: &Call) -> Result<()> {
        let users = parties(call);
        let held = doc! { "_id": { "$in": users.bson() }, "call": call.id.bson() };
        self.access.delete(Table::LiveCalls, held).await.map(drop)
    }

    /// Whether both claims are still the call's.
    async fn holds(&self, call: &Call) -> Result<bool> {
        let users = parties(call);
        let held = doc! { "_id": { "$in": users.bson() }, "call": call.id.bson() };
        Ok(self.access.count(Table::LiveCalls, held).await? == users.len() as u64)
    }

    async fn claim_all(&self, call: &Call) -> Result<Option<Call>> {
        for user in parties(call) {
            if let Some(busy) = self.claim(user, call.id).await? {
                self.release(call).await?;
                return Ok(Some(busy));
            }
        }
        Ok(None)
    }

    /// Tells how a call ended at the end of its chat's log, unless that was told.
    async fn tell(&self, call: &Call, record: &CallRecord) -> Result<Option<Message>> {
        let mut turn = Turn::of(&self.commits, call.chat).await;
        for _ in 0..ATTEMPTS {
            let ground = self.commits.ground_in_turn(call.chat).await?;
            let ground = ground.ok_or_else(|| Error::internal("a call without its chat"))?;
            let log = log_of(ground.chat.kind);
            let told = self.access.one(log, doc! { "_id": record.message.bson() }).await?;
            if let Some(told) = told {
                self.note_told(call.id).await?;
                return content::read(&told).map(Some);
            }
            let message = Message::of_call(call, record.message, ground.chat.next());
            let Some(message) = message else { return Ok(None) };
            let mut redo = Redo::new();
            redo.insert(log, content::document(&message, message.rev)?);
            let rows = members::find(&self.access, call.chat, &record.known_to).await?;
            for seat in rows.iter().filter(|seat| seat.member.is_active()) {
                let (member, head_seq) = (&seat.member, ground.chat.head_seq);
                let behind = (call.chat, member.read_floor(), head_seq);
                let quiet = self.quiet_here(member.user, ground.chat.kind, behind).await?;
                if member.unread(head_seq, quiet) == 0 {
                    redo.update(
                        Table::Members,
                        members::wrote(call.chat, member.user, message.seq),
                    );
                }
            }
            let plan = Plan { fields: grown(&message), redo };
            if let Some(version) = turn.commit(&ground, plan).await? {
                self.note_told(call.id).await?;
                self.commits.clear_later(call.chat, ground.chat.kind, version);
                return Ok(Some(message));
            }
            turn.wait().await?;
        }
        Err(overtaken())
    }

    async fn note_told(&self, call: CallId) -> Result<()> {
        let told = doc! { "$unset": { "untold": "" } };
        self.access.set(Table::Calls, doc! { "_id": call.bson() }, told).await.map(drop)
    }

    async fn told(&self, call: &Call, record: Option<CallRecord>) -> Result<Option<Message>> {
        match record {
            Some(record) => self.tell(call, &record).await,
            None => Ok(None),
        }
    }

    /// Tells what a crash left untold.
    pub(super) async fn tell_untold(&self) -> Result<()> {
        let filter = doc! { "untold.message": { "$exists": true } };
        let find = Find::new(Table::Calls, filter).limit(UNTOLD);
        for document in self.access.find(find).await? {
            let Some(untold) = Row(&document).opt_row("untold")? else { continue };
            let record = CallRecord {
                message: MessageId(untold.id("message")?),
                known_to: untold.ids("known_to")?.into_iter().map(UserId).collect(),
            };
            let call = read(&document)?;
            self.release(&call).await?;
            self.tell(&call, &record).await?;
        }
        Ok(())
    }

    /// A user's calls in one role, latest first.
    async fn calls_as(
        &self,
        role: &str,
        user: UserId,
        before: Option<(Time, CallId)>,
        limit: u32,
    ) -> Result<Vec<Call>> {
        let mut filters = vec![doc! { role: user.bson() }];
        if let Some((time, id)) = before {
            let earlier = doc! { "$lt": time.bson() };
            filters = vec![
                doc! { role: user.bson(), "started_at": time.bson(), "_id": { "$lt": id.bson() } },
                doc! { role: user.bson(), "started_at": earlier },
            ];
        }
        let mut calls = Vec::new();
        for filter in filters {
            let left = limit.saturating_sub(calls.len() as u32);
            if left == 0 {
                break;
            }
            let order = doc! { role: 1, "started_at": -1, "_id": -1 };
            let find = Find::new(Table::Calls, filter).sort(order).limit(left);
            for document in self.access.find(find).await? {
                calls.push(read(&document)?);
            }
        }
        Ok(calls)
    }
}

#[async_trait]
impl Calls for MongoStore {
    async fn begin_call(&self, call: &Call, record: Option<CallRecord>) -> Result<Begun> {
        if self.call_of(call.id).await?.is_some() {
            return Ok(Begun::Done(None));
        }
        if call.is_live()
            && let Some(busy) = self.claim_all(call).await?
        {
            return Ok(Begun::Busy(busy));
        }
        let mut document = document(call)?;
        document.extend(fields(call, record.as_ref())?);
        let written = self.access.insert(Table::Calls, vec![document]).await?;
        if !written.duplicates.is_empty() {
            return Ok(Begun::Done(None));
        }
        if call.is_live() && !self.holds(call).await? {
            // It took so long that the claims went to others: as if it had never been.
            self.access.delete(Table::Calls, doc! { "_id": call.id.bson() }).await?;
            self.release(call).await?;
            return Err(Error::unavailable("the claims of a call were lost"));
        }
        self.told(call, record).await.map(Begun::Done)
    }

    async fn step_call(&self, call: &Call, record: Option<CallRecord>) -> Result<CallStepped> {
        let before = doc! {
            "_id": call.id.bson(), "version": int(call.version.saturating_sub(1)),
        };
        let update = doc! { "$set": fields(call, record.as_ref())? };
        if !self.access.set(Table::Calls, before, update).await? {
            return Ok(CallStepped::Stale);
        }
        if !call.is_live() {
            self.release(call).await?;
        }
        self.told(call, record).await.map(CallStepped::Done)
    }

    async fn call(&self, call: CallId) -> Result<Option<Call>> {
        self.call_of(call).await
    }

    async fn live_call(&self, user: UserId) -> Result<Option<Call>> {
        let Some(claim) = self.access.one(Table::LiveCalls, claim_key(user)).await? else {
            return Ok(None);
        };
        let call = self.call_of(CallId(Row(&claim).id("call")?)).await?;
        Ok(call.filter(Call::is_live))
    }

    async fn due_calls(&self, now: Time, limit: u32) -> Result<Vec<Call>> {
        self.tell_untold().await?;
        let mut due = dated();
        due.insert("$lte", now.bson());
        let find = Find::new(Table::Calls, doc! { "deadline": due })
            .sort(doc! { "deadline": 1 })
            .limit(limit);
        self.access.find(find).await?.iter().map(read).collect()
    }

    async fn calls_of(
        &self,
        user: UserId,
        before: Option<(Time, CallId)>,
        limit: u32,
    ) -> Result<Vec<Call>> {
        let mut calls = self.calls_as("caller", user, before, limit).await?;
        calls.extend(self.calls_as("callee", user, before, limit).await?);
        calls.sort_by_key(|call| std::cmp::Reverse((call.started, call.id)));
        calls.truncate(limit as usize);
        Ok(calls)
    }
}
