//! Login codes, quotas, and sessions.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::sql::{Db, int};
use super::terms::replace_terms;
use super::users::verify;
use crate::clock::Time;
use crate::core::types::auth::{LoginCode, Quota, Session, TokenHash};
use crate::core::types::text::Email;
use crate::core::types::users::User;
use crate::error::Result;
use crate::id::{ObjectId, SessionId, UserId};
use crate::store::{Index, Sessions, Which};

/// How a quota stands in its present window.
struct Used {
    count: u32,
    until: Time,
}

/// The end of the fixed window of this quota that `now` is in.
fn window_end(quota: &Quota, now: Time) -> Time {
    let length = int(quota.window_ms).max(1);
    Time(now.0.saturating_sub(now.0.rem_euclid(length)).saturating_add(length))
}

fn used(db: &Db<'_>, quota: &Quota, now: Time) -> Result<Used> {
    let stored = db.first(
        "SELECT used, until FROM quotas WHERE key = ?1 AND window_ms = ?2",
        params![quota.key, int(quota.window_ms)],
        |row| Ok(Used { count: row.get(0)?, until: row.get(1)? }),
    )?;
    Ok(stored
        .filter(|used| used.until > now)
        .unwrap_or_else(|| Used { count: 0, until: window_end(quota, now) }))
}

fn set_used(db: &Db<'_>, quota: &Quota, used: &Used) -> Result<()> {
    db.run(
        "INSERT OR REPLACE INTO quotas(key, window_ms, used, until) VALUES(?1, ?2, ?3, ?4)",
        params![quota.key, int(quota.window_ms), used.count, used.until],
    )?;
    Ok(())
}

fn take(db: &Db<'_>, quotas: &[Quota], now: Time) -> Result<Option<Time>> {
    let mut counts: HashMap<(&str, u64), (&Quota, Used)> = HashMap::new();
    let mut wait = None;
    for quota in quotas {
        let key = (quota.key.as_str(), quota.window_ms);
        let (_, used) = match counts.remove(&key) {
            Some(known) => known,
            None => (quota, used(db, quota, now)?),
        };
        if used.count >= quota.limit {
            wait = wait.max(Some(used.until));
        }
        counts.insert(key, (quota, Used { count: used.count.saturating_add(1), ..used }));
    }
    if wait.is_none() {
        for (quota, used) in counts.values() {
            set_used(db, quota, used)?;
        }
    }
    Ok(wait)
}

fn give_back(db: &Db<'_>, quotas: &[Quota], now: Time) -> Result<()> {
    for quota in quotas {
        let used = used(db, quota, now)?;
        if used.count > 0 {
            set_used(db, quota, &Used { count: used.count - 1, ..used })?;
        }
    }
    Ok(())
}

/// Reads a code: id, email, user, hmac, tries, expires.
pub(super) fn code(row: &Row<'_>) -> rusqlite::Result<LoginCode> {
    Ok(LoginCode {
        id: row.get(0)?,
        email: Email::stored(row.get(1)?),
        user: row.get(2)?,
        hmac: row.get(3)?,
        tries: row.get(4)?,
        expires: row.get(5)?,
    })
}

/// Puts a code in place of the one that its address has.
pub(super) fn put_code(db: &Db<'_>, code: &LoginCode) -> Result<()> {
    db.run(
        "INSERT OR REPLACE INTO codes(id, email, user, hmac, tries, expires)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6)",
        params![code.id, code.email.as_str(), code.user, code.hmac, code.tries, code.expires],
    )?;
    Ok(())
}

fn guess(db: &Db<'_>, email: &Email, max_tries: u32, now: Time) -> Result<Option<LoginCode>> {
    db.first(
        "UPDATE codes SET tries = tries + 1 WHERE email = ?1 AND tries < ?2 AND expires > ?3
         RETURNING id, email, user, hmac, tries, expires",
        params![email.as_str(), max_tries, now],
        code,
    )
}

fn redeem(
    db: &Db<'_>,
    code: ObjectId,
    session: &Session,
    terms: &[String],
) -> Result<Option<User>> {
    let whose = db.first("SELECT user FROM codes WHERE id = ?1", [code], |row| {
        row.get::<_, Option<UserId>>(0)
    })?;
    if whose.flatten() != Some(session.user) {
        return Ok(None);
    }
    db.run("DELETE FROM codes WHERE id = ?1", [code])?;
    let Some(user) = verify(db, session.user, session.created)? else {
        return Ok(None);
    };
    replace_terms(db, Index::Users, user.id.0, terms)?;
    insert(db, session)?;
    Ok(Some(user))
}

/// Writes a session, unless it is there.
pub(super) fn insert(db: &Db<'_>, session: &Session) -> Result<()> {
    db.run(
        "INSERT INTO sessions(id, user, token, device, created, last_seen)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT(id) DO NOTHING",
        params![
            session.id,
            session.user,
            session.token.0,
            session.device,
            session.created,
            session.last_seen
        ],
    )?;
    Ok(())
}

/// Reads a session: id, user, token, device, created, last_seen.
pub(super) fn session(row: &Row<'_>) -> rusqlite::Result<Session> {
    Ok(Session {
        id: row.get(0)?,
        user: row.get(1)?,
        token: TokenHash(row.get(2)?),
        device: row.get(3)?,
        created: row.get(4)?,
        last_seen: row.get(5)?,
    })
}

/// Closes sessions; answers which ones were open.
pub(super) fn close(db: &Db<'_>, user: UserId, which: Which) -> Result<Vec<SessionId>> {
    let id = |row: &Row<'_>| row.get(0);
    match which {
        Which::One(one) => db.all(
            "DELETE FROM sessions WHERE id = ?2 AND user = ?1 RETURNING id",
            params![user, one],
            id,
        ),
        Which::AllBut(kept) => db.all(
            "DELETE FROM sessions WHERE user = ?1 AND id <> ?2 RETURNING id",
            params![user, kept],
            id,
        ),
        Which::All => db.all("DELETE FROM sessions WHERE user = ?1 RETURNING id", [user], id),
    }
}

#[async_trait]
impl Sessions for EmbeddedStore {
    async fn take(&self, quotas: &[Quota], now: Time) -> Result<Option<Time>> {
        let quotas = quotas.to_vec();
        self.write(move |db| take(db, &quotas, now)).await
    }

    async fn give_back(&self, quotas: &[Quota], now: Time) -> Result<()> {
        let quotas = quotas.to_vec();
        self.write(move |db| give_back(db, &quotas, now)).await
    }

    async fn put_code(&self, code: &LoginCode) -> Result<()> {
        let code = code.clone();
        self.write(move |db| put_code(db, &code)).await
    }

    async fn guess(&self, email: &Email, max_tries: u32, now: Time) -> Result<Option<LoginCode>> {
        let email = email.clone();
        self.write(move |db| guess(db, &email, max_tries, now)).await
    }

    async fn redeem(
        &self,
        code: ObjectId,
        session: &Session,
        terms: Vec<String>,
    ) -> Result<Option<User>> {
        let session = session.clone();
        self.write(move |db| redeem(db, code, &session, &terms)).await
    }

    async fn session(&self, token: TokenHash) -> Result<Option<Session>> {
        self.read(move |db| {
            db.first(
                "SELECT id, user, token, device, created, last_seen FROM sessions
                 WHERE token = ?1",
                [token.0],
                session,
            )
        })
        .await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        self.read(move |db| {
            db.all(
                "SELECT id, user, token, device, created, last_seen FROM sessions
                 WHERE user = ?1 ORDER BY last_seen DESC, id DESC",
                [user],
                session,
            )
        })
        .await
    }

    async fn close_sessions(&self, user: UserId, which: Which) -> Result<Vec<SessionId>> {
        self.write(move |db| close(db, user, which)).await
    }

    async fn last_seen(&self, users: &[UserId]) -> Result<Vec<(UserId, Time)>> {
        const LAST: &str = "SELECT last_seen FROM sessions WHERE user = ?1
                            ORDER BY last_seen DESC LIMIT 1";
        let users = users.to_vec();
        self.read(move |db| {
            let mut seen = Vec::new();
            for user in users {
                let last: Option<Time> = db.first(LAST, [user], |row| row.get(0))?;
                seen.extend(last.map(|at| (user, at)));
            }
            Ok(seen)
        })
        .await
    }

    async fn touch(&self, seen: &[(SessionId, Time)]) -> Result<()> {
        let seen = seen.to_vec();
        self.write(move |db| {
            for (session, at) in seen {
                db.run(
                    "UPDATE sessions SET last_seen = ?2 WHERE id = ?1 AND last_seen < ?2",
                    params![session, at],
                )?;
            }
            Ok(())
        })
        .await
    }
}
