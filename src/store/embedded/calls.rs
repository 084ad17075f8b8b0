//! Calls: each is a JSON document beside the columns that it is found by.

use async_trait::async_trait;
use rusqlite::{Params, Row, params};

use super::EmbeddedStore;
use super::chats::{self, Numbered};
use super::counts;
use super::members;
use super::messages;
use super::sql::{Db, int, stored};
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{CallId, UserId};
use crate::model::calls::Call;
use crate::model::messages::Message;
use crate::store::forms::call::CallForm;
use crate::store::{Begun, CallRecord, CallStepped, Calls};

fn rows(db: &Db<'_>, sql: &str, params: impl Params) -> Result<Vec<Call>> {
    let texts: Vec<String> = db.all(sql, params, |row: &Row<'_>| row.get(0))?;
    texts.iter().map(|text| read(text)).collect()
}

/// Reads a call from its column.
pub(super) fn read(text: &str) -> Result<Call> {
    serde_json::from_str::<CallForm>(text).map_err(Error::internal)?.call()
}

fn written(call: &Call) -> Result<String> {
    stored(&CallForm::from(call))
}

fn find(db: &Db<'_>, id: CallId) -> Result<Option<Call>> {
    Ok(rows(db, "SELECT call FROM calls WHERE id = ?1", [id])?.pop())
}

fn live(db: &Db<'_>, user: UserId) -> Result<Option<Call>> {
    let found = rows(
        db,
        "SELECT call FROM calls WHERE caller = ?1 AND deadline IS NOT NULL
         UNION ALL SELECT call FROM calls WHERE callee = ?1 AND deadline IS NOT NULL",
        [user],
    )?;
    Ok(found.into_iter().next())
}

fn begin(db: &Db<'_>, call: &Call, record: Option<CallRecord>) -> Result<Begun> {
    if find(db, call.id)?.is_some() {
        return Ok(Begun::Done(None));
    }
    if call.is_live() {
        for user in [call.caller.user, call.callee.user] {
            if let Some(busy) = live(db, user)? {
                return Ok(Begun::Busy(busy));
            }
        }
    }
    insert(db, call)?;
    tell(db, call, record).map(Begun::Done)
}

/// Writes a call, unless it is there.
pub(super) fn insert(db: &Db<'_>, call: &Call) -> Result<()> {
    db.run(
        "INSERT INTO calls(id, version, caller, callee, started, deadline, call)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7) ON CONFLICT(id) DO NOTHING",
        params![
            call.id,
            int(call.version),
            call.caller.user,
            call.callee.user,
            call.started,
            call.deadline(),
            written(call)?
        ],
    )?;
    Ok(())
}

fn step(db: &Db<'_>, call: &Call, record: Option<CallRecord>) -> Result<CallStepped> {
    let done = db.run(
        "UPDATE calls SET version = ?2, deadline = ?3, call = ?4
         WHERE id = ?1 AND version = ?2 - 1",
        params![call.id, int(call.version), call.deadline(), written(call)?],
    )?;
    if done == 0 {
        return Ok(CallStepped::Stale);
    }
    tell(db, call, record).map(CallStepped::Done)
}

/// Writes how a call ended at the end of its chat's log.
fn tell(db: &Db<'_>, call: &Call, record: Option<CallRecord>) -> Result<Option<Message>> {
    let Some(CallRecord { message, known_to }) = record else { return Ok(None) };
    let Some(Numbered { num, chat }) = chats::find(db, call.chat)? else {
        return Err(Error::internal("a call without its chat"));
    };
    let Some(message) = Message::of_call(call, message, chat.next()) else { return Ok(None) };
    messages::insert(db, num, None, message.rev, &message)?;
    chats::grow(db, num, &message)?;
    for user in known_to {
        let Some(seat) = members::find_active(db, num, chat.id, user)? else { continue };
        let behind = (chat.id, seat.member.read_floor(), chat.head_seq);
        if seat.member.unread(chat.head_seq, counts::quiet(db, user, behind)?) == 0 {
            members::wrote(db, seat.num, message.seq)?;
        }
    }
    Ok(Some(message))
}

fn of_user(
    db: &Db<'_>,
    user: UserId,
    before: Option<(Time, CallId)>,
    limit: u32,
) -> Result<Vec<Call>> {
    const PAGE: &str = "SELECT call FROM (
             SELECT call, started, id FROM calls WHERE caller = ?1 AND (started, id) < (?2, ?3)
             UNION ALL
             SELECT call, started, id FROM calls WHERE callee = ?1 AND (started, id) < (?2, ?3))
         ORDER BY started DESC, id DESC LIMIT ?4";
    let last = (Time(i64::MAX), CallId(crate::id::ObjectId([0xff; 12])));
    let (time, id) = before.unwrap_or(last);
    rows(db, PAGE, params![user, time, id, limit])
}

#[async_trait]
impl Calls for EmbeddedStore {
    async fn begin_call(&self, call: &Call, record: Option<CallRecord>) -> Result<Begun> {
        let call = call.clone();
        self.write(move |db| begin(db, &call, record)).await
    }

    async fn step_call(&self, call: &Call, record: Option<CallRecord>) -> Result<CallStepped> {
        let call = call.clone();
        self.write(move |db| step(db, &call, record)).await
    }

    async fn call(&self, call: CallId) -> Result<Option<Call>> {
        self.read(move |db| find(db, call)).await
    }

    async fn live_call(&self, user: UserId) -> Result<Option<Call>> {
        self.read(move |db| live(db, user)).await
    }

    async fn due_calls(&self, now: Time, limit: u32) -> Result<Vec<Call>> {
        self.read(move |db| {
            rows(
                db,
                "SELECT call FROM calls WHERE deadline <= ?1 ORDER BY deadline LIMIT ?2",
                params![now, limit],
            )
        })
        .await
    }

    async fn calls_of(
        &self,
        user: UserId,
        before: Option<(Time, CallId)>,
        limit: u32,
    ) -> Result<Vec<Call>> {
        self.read(move |db| of_user(db, user, before, limit)).await
    }
}
