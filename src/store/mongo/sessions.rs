//! Login codes, quotas, and sessions.
//!
//! A code is taken away first and what it opens comes after, so that it never opens two sessions;
//! after a crash between, a new code is asked for. Quotas are counted one after the other and
//! given back when a later one is used up: a crash between leaves one counted too many, never one
//! too few.

use std::collections::HashMap;

use async_trait::async_trait;
use mongodb::bson::{Binary, Bson, Document, doc, spec::BinarySubtype};

use super::MongoStore;
use super::access::{Find, Modified, Statement};
use super::commit::{ATTEMPTS, overtaken};
use super::rows::{Row, ToBson, int};
use super::schema::Table;
use crate::clock::Time;
use crate::core::types::auth::{LoginCode, Quota, Session, TokenHash, Which};
use crate::core::types::text::Email;
use crate::core::types::users::User;
use crate::error::Result;
use crate::id::{ObjectId, SessionId, UserId};
use crate::store::Sessions;

fn bytes(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// The end of the fixed window of this quota that `now` is in.
fn window_end(quota: &Quota, now: Time) -> Time {
    let length = int(quota.window_ms).max(1);
    Time(now.0.saturating_sub(now.0.rem_euclid(length)).saturating_add(length))
}

fn quota_key(quota: &Quota) -> String {
    format!("{}/{}", quota.window_ms, quota.key)
}

/// The document of a code.
pub(super) fn code_document(code: &LoginCode) -> Document {
    let mut document = doc! {
        "_id": code.email.as_str(),
        "id": code.id.bson(),
        "hmac": bytes(&code.hmac),
        "tries": i64::from(code.tries),
        "expires_at": code.expires.bson(),
    };
    if let Some(user) = code.user {
        document.insert("user", user.bson());
    }
    document
}

/// Reads a code.
pub(super) fn read_code(document: &Document) -> Result<LoginCode> {
    let row = Row(document);
    Ok(LoginCode {
        id: row.id("id")?,
        email: Email::stored(row.text("_id")?),
        user: row.opt_id("user")?.map(UserId),
        hmac: row.digest("hmac")?,
        tries: row.small("tries")?,
        expires: row.time("expires_at")?,
    })
}

/// The document of a session.
pub(super) fn session_document(session: &Session) -> Document {
    doc! {
        "_id": session.id.bson(),
        "user": session.user.bson(),
        "token": bytes(&session.token.0),
        "device": session.device.as_str(),
        "created_at": session.created.bson(),
        "last_seen": session.last_seen.bson(),
    }
}

/// Reads a session.
pub(super) fn read_session(document: &Document) -> Result<Session> {
    let row = Row(document);
    Ok(Session {
        id: SessionId(row.id("_id")?),
        user: row.user("user")?,
        token: TokenHash(row.digest("token")?),
        device: row.text("device")?,
        created: row.time("created_at")?,
        last_seen: row.time("last_seen")?,
    })
}

impl MongoStore {
    /// Until when a quota is used up; `None` when it is not.
    async fn used_up(&self, quota: &Quota, now: Time) -> Result<Option<Time>> {
        let found = self.access.one(Table::Quotas, doc! { "_id": quota_key(quota) }).await?;
        let Some(found) = found else {
            return Ok((quota.limit == 0).then(|| window_end(quota, now)));
        };
        let (used, until) = (Row(&found).small("used")?, Row(&found).time("until")?);
        let present = until > now;
        match (present, present && used >= quota.limit, quota.limit == 0) {
            (_, true, _) => Ok(Some(until)),
            (false, _, true) => Ok(Some(window_end(quota, now))),
            _ => Ok(None),
        }
    }

    /// Counts one event under one quota; whether it was not used up.
    async fn count_one(&self, quota: &Quota, now: Time) -> Result<bool> {
        let key = quota_key(quota);
        for _ in 0..ATTEMPTS {
            let present = doc! {
                "_id": key.as_str(),
                "until": { "$gt": now.bson() },
                "used": { "$lt": i64::from(quota.limit) },
            };
            let count = doc! { "$inc": { "used": 1_i64 } };
            if let Modified::Done(_) =
                self.access.modify(Table::Quotas, present, count, false).await?
            {
                return Ok(true);
            }
            if self.used_up(quota, now).await?.is_some() {
                return Ok(false);
            }
            let past = doc! { "_id": key.as_str(), "until": { "$lte": now.bson() } };
            let begin = doc! { "$set": { "used": 1_i64, "until": window_end(quota, now).bson() } };
            if let Modified::Done(_) = self.access.modify(Table::Quotas, past, begin, true).await? {
                return Ok(true);
            }
        }
        Err(overtaken())
    }

    async fn uncount(&self, quota: &Quota, now: Time) -> Result<()> {
        let present = doc! {
            "_id": quota_key(quota), "until": { "$gt": now.bson() }, "used": { "$gt": 0_i64 },
        };
        let update = doc! { "$inc": { "used": -1_i64 } };
        self.access.modify(Table::Quotas, present, update, false).await.map(drop)
    }

    async fn latest_end(&self, quotas: &[Quota], now: Time) -> Result<Option<Time>> {
        let mut wait = None;
        for quota in quotas {
            wait = wait.max(self.used_up(quota, now).await?);
        }
        Ok(wait)
    }
}

#[async_trait]
impl Sessions for MongoStore {
    async fn take(&self, quotas: &[Quota], now: Time) -> Result<Option<Time>> {
        if let Some(wait) = self.latest_end(quotas, now).await? {
            return Ok(Some(wait));
        }
        for (index, quota) in quotas.iter().enumerate() {
            if self.count_one(quota, now).await? {
                continue;
            }
            let wait = self.latest_end(quotas, now).await?;
            for counted in &quotas[..index] {
                self.uncount(counted, now).await?;
            }
            return Ok(Some(wait.unwrap_or_else(|| window_end(quota, now))));
        }
        Ok(None)
    }

    async fn give_back(&self, quotas: &[Quota], now: Time) -> Result<()> {
        for quota in quotas {
            self.uncount(quota, now).await?;
        }
        Ok(())
    }

    async fn put_code(&self, code: &LoginCode) -> Result<()> {
        let key = doc! { "_id": code.email.as_str() };
        let put = Statement::new(key, code_document(code)).upsert();
        for _ in 0..ATTEMPTS {
            let written = self.access.update(Table::Codes, std::slice::from_ref(&put)).await?;
            if written.duplicates.is_empty() {
                return Ok(());
            }
        }
        Err(overtaken())
    }

    async fn guess(&self, email: &Email, max_tries: u32, now: Time) -> Result<Option<LoginCode>> {
        let good = doc! {
            "_id": email.as_str(),
            "tries": { "$lt": i64::from(max_tries) },
            "expires_at": { "$gt": now.bson() },
        };
        let count = doc! { "$inc": { "tries": 1_i64 } };
        match self.access.modify(Table::Codes, good, count, false).await? {
            Modified::Done(code) => read_code(&code).map(Some),
            Modified::None | Modified::Duplicate => Ok(None),
        }
    }

    async fn redeem(
        &self,
        code: ObjectId,
        session: &Session,
        terms: Vec<String>,
    ) -> Result<Option<User>> {
        let whose = doc! { "id": code.bson(), "user": session.user.bson() };
        if self.access.remove(Table::Codes, whose).await?.is_none() {
            return Ok(None);
        }
        if self.verify(session.user, session.created, &terms).await?.is_none() {
            return Ok(None);
        }
        self.access.insert(Table::Sessions, vec![session_document(session)]).await?;
        // The account may have been deleted between; then its session goes too.
        let user = self.account(session.user).await?.filter(|user| user.deleted.is_none());
        if user.is_none() {
            self.access.delete(Table::Sessions, doc! { "_id": session.id.bson() }).await?;
        }
        Ok(user)
    }

    async fn session(&self, token: TokenHash) -> Result<Option<Session>> {
        let found = self.access.one(Table::Sessions, doc! { "token": bytes(&token.0) }).await?;
        found.as_ref().map(read_session).transpose()
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        let find = Find::new(Table::Sessions, doc! { "user": user.bson() })
            .sort(doc! { "user": 1, "last_seen": -1, "_id": -1 });
        self.access.find(find).await?.iter().map(read_session).collect()
    }

    async fn close_sessions(&self, user: UserId, which: Which) -> Result<Vec<SessionId>> {
        let mut filter = doc! { "user": user.bson() };
        match which {
            Which::One(one) => {
                filter.insert("_id", one.bson());
            }
            Which::AllBut(kept) => {
                filter.insert("_id", doc! { "$ne": kept.bson() });
            }
            Which::All => {}
        }
        let find = Find::new(Table::Sessions, filter).fields(doc! { "_id": 1 });
        let mut closed = Vec::new();
        for row in self.access.find(find).await? {
            let id = SessionId(Row(&row).id("_id")?);
            if self.access.delete(Table::Sessions, doc! { "_id": id.bson() }).await? > 0 {
                closed.push(id);
            }
        }
        Ok(closed)
    }

    async fn last_seen(&self, users: &[UserId]) -> Result<Vec<(UserId, Time)>> {
        let users: Vec<_> = users.iter().map(|user| user.bson()).collect();
        let find = Find::new(Table::Sessions, doc! { "user": { "$in": users } })
            .fields(doc! { "user": 1, "last_seen": 1 });
        let mut last: HashMap<UserId, Time> = HashMap::new();
        for row in self.access.find(find).await? {
            let at = Row(&row).time("last_seen")?;
            let known = last.entry(Row(&row).user("user")?).or_insert(at);
            *known = at.max(*known);
        }
        Ok(last.into_iter().collect())
    }

    async fn touch(&self, seen: &[(SessionId, Time)]) -> Result<()> {
        let later = |(session, at): &(SessionId, Time)| {
            let update = doc! { "$max": { "last_seen": at.bson() } };
            Statement::new(doc! { "_id": session.bson() }, update)
        };
        let statements: Vec<_> = seen.iter().map(later).collect();
        self.access.update(Table::Sessions, &statements).await.map(drop)
    }
}
