//! Login codes, quotas, known places, and sessions.

use std::collections::HashMap;

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::accounts::{find, verify};
use super::door;
use super::recoveries;
use super::sql::{Db, int};
use super::terms::replace_terms;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{FileId, ObjectId, SessionId, UserId};
use crate::model::auth::{
    AskerKey, FirstProfile, KnownPlace, LoginCode, PLACES, Quota, Session, TokenHash, Which,
    is_ahead,
};
use crate::model::text::{Email, Name, PushToken};
use crate::store::{Entered, Index, Pass, Redeem, Sessions};

/// How a quota stands in its present window.
struct Used {
    count: u32,
    until: Time,
}

fn used(db: &Db<'_>, quota: &Quota, now: Time) -> Result<Used> {
    let stored = db.first(
        "SELECT used, until FROM quotas WHERE key = ?1 AND window_ms = ?2",
        params![quota.key, int(quota.window_ms)],
        |row| Ok(Used { count: row.get(0)?, until: row.get(1)? }),
    )?;
    Ok(stored
        .filter(|used| is_ahead(used.until, now, quota.window()))
        .unwrap_or_else(|| Used { count: 0, until: quota.window_end(now) }))
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

/// Selects sessions: the columns of `session`.
macro_rules! sessions {
    () => {
        "SELECT id, user, token, device, created, last_seen FROM sessions"
    };
}
pub(super) use sessions;

/// Selects codes: the columns of `code`.
macro_rules! codes {
    () => {
        "SELECT id, email, user, ticket, network, hmac, tries, expires, name, avatar, push_token, \
         language, invitation FROM codes"
    };
}
pub(super) use codes;

/// Reads the columns of `codes`.
pub(super) fn code(row: &Row<'_>) -> rusqlite::Result<LoginCode> {
    let profile = match row.get::<_, Option<String>>(8)? {
        Some(name) => Some(FirstProfile {
            name: Name::stored(name),
            avatar: row.get(9)?,
            push_token: row.get::<_, Option<String>>(10)?.map(PushToken::stored),
            language: row.get::<_, Option<_>>(11)?.unwrap_or_default(),
            invitation: row.get(12)?,
        }),
        None => None,
    };
    Ok(LoginCode {
        id: row.get(0)?,
        email: Email::stored(row.get(1)?),
        user: row.get(2)?,
        ticket: row.get(3)?,
        network: row.get(4)?,
        hmac: row.get(5)?,
        tries: row.get(6)?,
        expires: row.get(7)?,
        profile,
    })
}

fn find_code(db: &Db<'_>, id: ObjectId) -> Result<Option<LoginCode>> {
    db.first(concat!(codes!(), " WHERE id = ?1"), [id], code)
}

fn waiting(db: &Db<'_>, email: &Email) -> Result<Vec<LoginCode>> {
    const SQL: &str =
        concat!(codes!(), " WHERE email = ?1 ORDER BY expires DESC, id DESC LIMIT 1000");
    db.all(SQL, [email.as_str()], code)
}

/// Puts a code, unless it is there.
pub(super) fn put_code(db: &Db<'_>, code: &LoginCode) -> Result<()> {
    let profile = code.profile.as_ref();
    let push_token = profile.and_then(|profile| profile.push_token.as_ref());
    db.run(
        "INSERT OR IGNORE INTO codes(id, email, user, ticket, network, hmac, tries, expires, name,
                                     avatar, push_token, language, invitation)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)",
        params![
            code.id,
            code.email.as_str(),
            code.user,
            code.ticket,
            code.network,
            code.hmac,
            code.tries,
            code.expires,
            profile.map(|profile| profile.name.as_str()),
            profile.and_then(|profile| profile.avatar),
            push_token.map(PushToken::as_str),
            profile.map(|profile| profile.language),
            profile.and_then(|profile| profile.invitation),
        ],
    )?;
    Ok(())
}

fn drop_code(db: &Db<'_>, id: ObjectId) -> Result<()> {
    db.run("DELETE FROM codes WHERE id = ?1", [id]).map(drop)
}

fn guess(db: &Db<'_>, codes: &[ObjectId], max_tries: u32, now: Time) -> Result<Vec<LoginCode>> {
    let mut found = Vec::new();
    for &id in codes {
        let code = find_code(db, id)?.filter(|code| code.is_alive(now) && code.tries < max_tries);
        if let Some(mut code) = code {
            code.tries += 1;
            db.run("UPDATE codes SET tries = ?2 WHERE id = ?1", params![id, code.tries])?;
            found.push(code);
        }
    }
    Ok(found)
}

/// Uses up what somebody shows, and answers the profile that comes with it; `None` if it is not the
/// account's. A recovery code stays where it lets nobody in.
fn take_pass(
    db: &Db<'_>,
    pass: Pass,
    user: UserId,
    is_suspended: bool,
) -> Result<Option<Option<FirstProfile>>> {
    let code = match pass {
        Pass::Code(id) => find_code(db, id)?.filter(|code| code.user == Some(user)),
        Pass::Recovery(mark) => {
            let act = if is_suspended { recoveries::has } else { recoveries::take };
            return Ok(act(db, user, mark)?.then_some(None));
        }
    };
    let Some(code) = code else { return Ok(None) };
    drop_code(db, code.id)?;
    Ok(Some(code.profile))
}

fn redeem(db: &Db<'_>, redeem: &Redeem) -> Result<Entered> {
    let Redeem { code, session, terms, places, admission } = redeem;
    let account = find(db, session.user)?;
    let suspended = account.as_ref().and_then(|user| Entered::suspended(user, session.created));
    let Some(profile) = take_pass(db, *code, session.user, suspended.is_some())? else {
        return Ok(Entered::Gone);
    };
    if let Some(suspended) = suspended {
        return Ok(suspended);
    }
    let is_new = account.is_some_and(|user| user.verified.is_none());
    let invitation = profile.as_ref().and_then(|profile| profile.invitation);
    let admitted =
        if is_new { door::admit(db, *admission, invitation, session.created)? } else { Some(None) };
    let Some(invited) = admitted else { return Ok(Entered::ShutOut) };
    let verified = verify(db, session.user, session.created, profile)?;
    let Some((user, first)) = verified else { return Ok(Entered::Gone) };
    if first {
        replace_terms(db, Index::Users, user.id.0, terms)?;
    }
    for &key in places {
        put_place(db, &KnownPlace { user: user.id, key, used: session.created })?;
    }
    db.run(
        "DELETE FROM places WHERE user = ?1 AND key IN
             (SELECT key FROM places WHERE user = ?1 ORDER BY used DESC, key LIMIT -1 OFFSET ?2)",
        params![user.id, PLACES as i64],
    )?;
    insert(db, session)?;
    Ok(Entered::In(user, invited))
}

/// A page of known places in the order of an archive.
pub(super) const PLACES_PAGE: &str =
    "SELECT user, key, used FROM places WHERE (user, key) > (?2, ?3) ORDER BY user, key LIMIT ?4";

/// Writes a known place, or when it was used.
pub(super) fn put_place(db: &Db<'_>, place: &KnownPlace) -> Result<()> {
    db.run(
        "INSERT OR REPLACE INTO places(user, key, used) VALUES(?1, ?2, ?3)",
        params![place.user, place.key, place.used],
    )?;
    Ok(())
}

fn known_places(db: &Db<'_>, user: UserId, keys: &[AskerKey]) -> Result<Vec<AskerKey>> {
    let mut known = Vec::new();
    for &key in keys {
        if db.has("SELECT 1 FROM places WHERE user = ?1 AND key = ?2", params![user, key])? {
            known.push(key);
        }
    }
    Ok(known)
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

    async fn put_code(&self, code: &LoginCode, over: &[ObjectId]) -> Result<()> {
        let (code, over) = (code.clone(), over.to_vec());
        self.write(move |db| {
            over.iter().try_for_each(|id| drop_code(db, *id))?;
            put_code(db, &code)
        })
        .await
    }

    async fn waiting(&self, email: &Email) -> Result<Vec<LoginCode>> {
        let email = email.clone();
        self.read(move |db| waiting(db, &email)).await
    }

    async fn guess(&self, codes: &[ObjectId], max_tries: u32, now: Time) -> Result<Vec<LoginCode>> {
        let codes = codes.to_vec();
        self.write(move |db| guess(db, &codes, max_tries, now)).await
    }

    async fn dress_code(&self, code: ObjectId, picture: FileId) -> Result<bool> {
        self.write(move |db| {
            let sql = "UPDATE codes SET avatar = ?2 WHERE id = ?1 AND name IS NOT NULL";
            Ok(db.run(sql, params![code, picture])? > 0)
        })
        .await
    }

    async fn redeem(&self, what: &Redeem) -> Result<Entered> {
        let what = what.clone();
        self.write(move |db| redeem(db, &what)).await
    }

    async fn known_places(&self, user: UserId, keys: &[AskerKey]) -> Result<Vec<AskerKey>> {
        let keys = keys.to_vec();
        self.read(move |db| known_places(db, user, &keys)).await
    }

    async fn session(&self, token: TokenHash) -> Result<Option<Session>> {
        self.read(move |db| db.first(concat!(sessions!(), " WHERE token = ?1"), [token.0], session))
            .await
    }

    async fn sessions(&self, user: UserId) -> Result<Vec<Session>> {
        self.read(move |db| {
            db.all(
                concat!(sessions!(), " WHERE user = ?1 ORDER BY last_seen DESC, id DESC"),
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
