//! Login codes, quotas, known places, and sessions.
//!
//! A code is taken away first and what it opens comes after, so that it never opens two sessions;
//! after a crash between, a new code is asked for. Quotas are counted one after the other and
//! given back when a later one is used up: a crash between leaves one counted too many, never one
//! too few.

use std::collections::HashMap;
use std::time::Duration;

use async_trait::async_trait;
use mongodb::bson::{Binary, Bson, Document, doc, spec::BinarySubtype};

use super::MongoStore;
use super::access::{Find, Modified, Statement};
use super::commit::{ATTEMPTS, overtaken};
use super::rows::{Row, ToBson};
use super::tables::Table;
use super::users::profile_document;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{FileId, InvitationId, ObjectId, SessionId, UserId};
use crate::model::auth::{
    AskerKey, CODE_LIFE, FirstProfile, KnownPlace, LoginCode, PLACES, Quota, Session, TokenHash,
    Which, is_ahead, latest_end,
};
use crate::model::text::{Email, Name, PushToken};
use crate::store::{Entered, Pass, Recoveries, Redeem, Sessions};

fn bytes(bytes: &[u8]) -> Bson {
    Bson::Binary(Binary { subtype: BinarySubtype::Generic, bytes: bytes.to_vec() })
}

/// The ends that `is_ahead` takes, as a query.
fn ahead(now: Time, at_most: Duration) -> Document {
    doc! { "$gt": now.bson(), "$lte": latest_end(now, at_most).bson() }
}

fn present_window(quota: &Quota, now: Time) -> Document {
    ahead(now, quota.window())
}

fn quota_key(quota: &Quota) -> String {
    format!("{}/{}", quota.window_ms, quota.key)
}

/// The document of a code.
pub(super) fn code_document(code: &LoginCode) -> Document {
    let mut document = doc! {
        "_id": code.id.bson(),
        "id": code.id.bson(),
        "email": code.email.as_str(),
        "ticket": code.ticket.bson(),
        "network": code.network.bson(),
        "hmac": bytes(&code.hmac),
        "tries": i64::from(code.tries),
        "expires_at": code.expires.bson(),
    };
    if let Some(user) = code.user {
        document.insert("user", user.bson());
    }
    if let Some(profile) = &code.profile {
        let mut said = profile_document(profile);
        if let Some(invitation) = profile.invitation {
            said.insert("invitation", invitation.bson());
        }
        document.insert("profile", said);
    }
    document
}

/// From its document; an error says which field is broken.
pub(super) fn read_code(document: &Document) -> Result<LoginCode> {
    let row = Row(document);
    Ok(LoginCode {
        id: row.id("_id")?,
        email: Email::stored(row.text("email")?),
        user: row.opt_id("user")?.map(UserId),
        ticket: row.opt_id("ticket")?.map(AskerKey),
        network: row.opt_id("network")?.map(AskerKey),
        hmac: row.digest("hmac")?,
        tries: row.small("tries")?,
        expires: row.time("expires_at")?,
        profile: row.opt_row("profile")?.map(read_profile).transpose()?,
    })
}

fn read_profile(said: Row<'_>) -> Result<FirstProfile> {
    Ok(FirstProfile {
        name: Name::stored(said.text("name")?),
        avatar: said.opt_id("avatar")?.map(FileId),
        push_token: said.opt_text("push_token")?.map(PushToken::stored),
        language: said.named("language")?,
        invitation: said.opt_id("invitation")?.map(InvitationId),
    })
}

fn place_key(user: UserId, key: AskerKey) -> String {
    format!("{user}/{}", key.0)
}

/// The document of a known place.
pub(super) fn place_document(place: &KnownPlace) -> Document {
    doc! {
        "_id": place_key(place.user, place.key),
        "user": place.user.bson(),
        "key": place.key.bson(),
        "used_at": place.used.bson(),
    }
}

/// Reads a known place.
pub(super) fn read_place(document: &Document) -> Result<KnownPlace> {
    let row = Row(document);
    let key = AskerKey(row.id("key")?);
    Ok(KnownPlace { user: row.user("user")?, key, used: row.time("used_at")? })
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

/// From its document; an error says which field is broken.
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
            return Ok((quota.limit == 0).then(|| quota.window_end(now)));
        };
        let (used, until) = (Row(&found).small("used")?, Row(&found).time("until")?);
        let present = is_ahead(until, now, quota.window());
        match (present, present && used >= quota.limit, quota.limit == 0) {
            (_, true, _) => Ok(Some(until)),
            (false, _, true) => Ok(Some(quota.window_end(now))),
            _ => Ok(None),
        }
    }

    /// Counts one event under one quota; whether it was not used up.
    async fn count_one(&self, quota: &Quota, now: Time) -> Result<bool> {
        let key = quota_key(quota);
        for _ in 0..ATTEMPTS {
            let present = doc! {
                "_id": key.as_str(),
                "until": present_window(quota, now),
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
            let beyond = now.plus(quota.window());
            let past = doc! {
                "_id": key.as_str(),
                "$or": [
                    { "until": { "$lte": now.bson() } },
                    { "until": { "$gt": beyond.bson() } },
                ],
            };
            let begin = doc! { "$set": { "used": 1_i64, "until": quota.window_end(now).bson() } };
            if let Modified::Done(_) = self.access.modify(Table::Quotas, past, begin, true).await? {
                return Ok(true);
            }
        }
        Err(overtaken())
    }

    async fn uncount(&self, quota: &Quota, now: Time) -> Result<()> {
        let present = doc! {
            "_id": quota_key(quota),
            "until": present_window(quota, now),
            "used": { "$gt": 0_i64 },
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

impl MongoStore {
    /// Uses up what somebody shows, and answers the profile that comes with it; `None` if it is not
    /// the account's. A recovery code stays where it lets nobody in.
    async fn take_pass(
        &self,
        pass: Pass,
        user: UserId,
        is_suspended: bool,
    ) -> Result<Option<Option<FirstProfile>>> {
        let code = match pass {
            Pass::Code(code) => code,
            Pass::Recovery(mark) if is_suspended => {
                let codes = self.recovery_of(user).await?;
                return Ok(codes.is_some_and(|codes| codes.left.contains(&mark)).then_some(None));
            }
            Pass::Recovery(mark) => {
                return Ok(self.take_recovery(user, mark).await?.then_some(None));
            }
        };
        let whose = doc! { "_id": code.bson(), "user": user.bson() };
        let removed = self.access.remove(Table::Codes, whose).await?;
        removed.map(|code| read_code(&code).map(|code| code.profile)).transpose()
    }

    async fn remember_places(&self, user: UserId, keys: &[AskerKey], used: Time) -> Result<()> {
        let put = |key: &AskerKey| {
            let document = place_document(&KnownPlace { user, key: *key, used });
            Statement::new(doc! { "_id": place_key(user, *key) }, document).upsert()
        };
        let puts: Vec<_> = keys.iter().map(put).collect();
        if puts.is_empty() {
            return Ok(());
        }
        self.access.update(Table::Places, &puts).await?;
        let all = Find::new(Table::Places, doc! { "user": user.bson() })
            .sort(doc! { "user": 1, "used_at": -1 })
            .fields(doc! { "_id": 1 });
        let all = self.access.find(all).await?;
        let over: Vec<Bson> =
            all.iter().skip(PLACES).filter_map(|row| row.get("_id").cloned()).collect();
        if !over.is_empty() {
            self.access.delete(Table::Places, doc! { "_id": { "$in": over } }).await?;
        }
        Ok(())
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
            return Ok(Some(wait.unwrap_or_else(|| quota.window_end(now))));
        }
        Ok(None)
    }

    async fn give_back(&self, quotas: &[Quota], now: Time) -> Result<()> {
        for quota in quotas {
            self.uncount(quota, now).await?;
        }
        Ok(())
    }

    async fn put_code(&self, code: &LoginCode, over: &[ObjectId]) -> Result<()> {
        self.access.insert(Table::Codes, vec![code_document(code)]).await?;
        if !over.is_empty() {
            let old = doc! { "_id": { "$in": over.bson() } };
            self.access.delete(Table::Codes, old).await?;
        }
        Ok(())
    }

    async fn waiting(&self, email: &Email) -> Result<Vec<LoginCode>> {
        let find = Find::new(Table::Codes, doc! { "email": email.as_str() })
            .sort(doc! { "email": 1, "expires_at": -1, "_id": -1 })
            .limit(1000);
        self.access.find(find).await?.iter().map(read_code).collect()
    }

    async fn guess(&self, codes: &[ObjectId], max_tries: u32, now: Time) -> Result<Vec<LoginCode>> {
        let mut found = Vec::new();
        for id in codes {
            let good = doc! {
                "_id": id.bson(),
                "tries": { "$lt": i64::from(max_tries) },
                "expires_at": ahead(now, CODE_LIFE),
            };
            let count = doc! { "$inc": { "tries": 1_i64 } };
            if let Modified::Done(code) =
                self.access.modify(Table::Codes, good, count, false).await?
            {
                found.push(read_code(&code)?);
            }
        }
        Ok(found)
    }

    async fn dress_code(&self, code: ObjectId, picture: FileId) -> Result<bool> {
        let waits = doc! { "_id": code.bson(), "profile": { "$exists": true } };
        let dress = doc! { "$set": { "profile.avatar": picture.bson() } };
        self.access.set(Table::Codes, waits, dress).await
    }

    async fn redeem(&self, redeem: &Redeem) -> Result<Entered> {
        let Redeem { code, session, terms, places, admission } = redeem;
        let (user, at) = (session.user, session.created);
        let account = self.account(user).await?;
        let suspended = account.as_ref().and_then(|user| Entered::suspended(user, at));
        let Some(profile) = self.take_pass(*code, user, suspended.is_some()).await? else {
            return Ok(Entered::Gone);
        };
        if let Some(suspended) = suspended {
            return Ok(suspended);
        }
        let is_new = account.is_some_and(|user| user.verified.is_none());
        let invitation = profile.as_ref().and_then(|profile| profile.invitation);
        let admitted =
            if is_new { self.admit(user, *admission, invitation, at).await? } else { Some(None) };
        let Some(invited) = admitted else { return Ok(Entered::ShutOut) };
        if self.verify(user, at, profile.as_ref(), terms).await?.is_none() {
            return Ok(Entered::Gone);
        }
        self.remember_places(user, places, at).await?;
        self.access.insert(Table::Sessions, vec![session_document(session)]).await?;
        // The account may have been deleted or suspended between; then what came late goes too.
        let account = self.account(user).await?.filter(|user| user.deleted.is_none());
        let suspended = account.as_ref().and_then(|user| Entered::suspended(user, at));
        if account.is_none() || suspended.is_some() {
            self.access.delete(Table::Sessions, doc! { "_id": session.id.bson() }).await?;
        }
        if let Some(suspended) = suspended {
            return Ok(suspended);
        }
        if account.is_none() {
            self.access.delete(Table::Places, doc! { "user": user.bson() }).await?;
        }
        Ok(account.map_or(Entered::Gone, |user| Entered::In(user, invited)))
    }

    async fn known_places(&self, user: UserId, keys: &[AskerKey]) -> Result<Vec<AskerKey>> {
        let ids: Vec<_> = keys.iter().map(|key| place_key(user, *key)).collect();
        let find = Find::new(Table::Places, doc! { "_id": { "$in": ids } });
        let found = self.access.find(find).await?;
        found.iter().map(|place| read_place(place).map(|place| place.key)).collect()
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
