//! Accounts and blocks.

use async_trait::async_trait;
use rusqlite::{Row, params};

use super::EmbeddedStore;
use super::files;
use super::sessions;
use super::sql::Db;
use super::terms::{forget_terms, replace_terms};
use crate::clock::Time;
use crate::error::{Language, Result};
use crate::id::{ObjectId, SessionId, UserId};
use crate::model::auth::FirstProfile;
use crate::model::text::{About, Email, Name, PushToken};
use crate::model::users::{Blocks, Privacy, ProfileChange, User};
use crate::store::{Index, SignUp, Users, Which};

const BY_ID: &str = "SELECT id, email, name, about, avatar, push_token, privacy, language, \
                     created, verified, deleted FROM users WHERE id = ?1";
const BY_EMAIL: &str = "SELECT id, email, name, about, avatar, push_token, privacy, language, \
                        created, verified, deleted FROM users WHERE email = ?1";

fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    Ok(User {
        id: row.get(0)?,
        email: Email::stored(row.get::<_, Option<String>>(1)?.unwrap_or_default()),
        name: Name::stored(row.get(2)?),
        about: About::stored(row.get(3)?),
        avatar: row.get(4)?,
        push_token: row.get::<_, Option<String>>(5)?.map(PushToken::stored),
        privacy: privacy(row.get(6)?),
        language: row.get(7)?,
        created: row.get(8)?,
        verified: row.get(9)?,
        deleted: row.get(10)?,
    })
}

const fn privacy(bits: u8) -> Privacy {
    Privacy { found_by_email: bits & 1 != 0, presence: bits & 2 != 0, receipts: bits & 4 != 0 }
}

fn bits(privacy: Privacy) -> u8 {
    u8::from(privacy.found_by_email)
        | u8::from(privacy.presence) << 1
        | u8::from(privacy.receipts) << 2
}

/// Accounts in the order of their ids, after one of them.
pub(super) fn page(db: &Db<'_>, after: Option<ObjectId>, limit: u32) -> Result<Vec<User>> {
    db.all(
        "SELECT id, email, name, about, avatar, push_token, privacy, language, created, verified,
                deleted FROM users WHERE id > coalesce(?1, x'') ORDER BY id LIMIT ?2",
        params![after, limit],
        user,
    )
}

/// An account by id.
pub(super) fn find(db: &Db<'_>, id: UserId) -> Result<Option<User>> {
    db.first(BY_ID, [id], user)
}

/// Whether an account was deleted.
pub(super) fn is_deleted(db: &Db<'_>, id: UserId) -> Result<bool> {
    db.has("SELECT 1 FROM users WHERE id = ?1 AND deleted IS NOT NULL", [id])
}

/// Notes that a deleted account may still be in groups.
pub(super) fn departs(db: &Db<'_>, id: UserId) -> Result<()> {
    db.run("INSERT OR IGNORE INTO departing(user) VALUES(?1)", [id])?;
    Ok(())
}

fn settle_departed(db: &Db<'_>, id: UserId) -> Result<bool> {
    let is_in = db.has(
        "SELECT 1 FROM members m JOIN chats c ON c.num = m.chat
         WHERE m.user = ?1 AND m.state = 0 AND c.kind = 1",
        [id],
    )?;
    if !is_in {
        db.run("DELETE FROM departing WHERE user = ?1", [id])?;
    }
    Ok(!is_in)
}

/// Writes every field of an account, new or known. A deleted one has no address.
pub(super) fn put(db: &Db<'_>, user: &User) -> Result<()> {
    let email = user.deleted.is_none().then(|| user.email.as_str());
    db.run(
        "INSERT INTO users(id, email, name, about, avatar, push_token, privacy, language, created,
                           verified, deleted)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)
         ON CONFLICT(id) DO UPDATE SET email = ?2, name = ?3, about = ?4, avatar = ?5,
             push_token = ?6, privacy = ?7, language = ?8, created = ?9, verified = ?10,
             deleted = ?11",
        params![
            user.id,
            email,
            user.name.as_str(),
            user.about.as_str(),
            user.avatar,
            user.push_token.as_ref().map(PushToken::as_str),
            bits(user.privacy),
            user.language,
            user.created,
            user.verified,
            user.deleted,
        ],
    )?;
    Ok(())
}

fn sign_up(db: &Db<'_>, new: &User) -> Result<SignUp> {
    let Some(mut known) = db.first(BY_EMAIL, [new.email.as_str()], user)? else {
        put(db, new)?;
        return Ok(SignUp::Created);
    };
    if known.verified.is_some() {
        return Ok(SignUp::Taken(known));
    }
    known.created = new.created;
    put(db, &known)?;
    Ok(SignUp::Renewed(known))
}

/// Marks an account verified, from its first code on, and makes it what that code's sign-up said;
/// whether this was the first. `None` when there is no account or it was deleted.
pub(super) fn verify(
    db: &Db<'_>,
    id: UserId,
    at: Time,
    profile: Option<FirstProfile>,
) -> Result<Option<(User, bool)>> {
    let Some(mut user) = find(db, id)?.filter(|user| user.deleted.is_none()) else {
        return Ok(None);
    };
    if user.verified.is_some() {
        return Ok(Some((user, false)));
    }
    user.verified = Some(at);
    if let Some(FirstProfile { name, avatar, push_token, language }) = profile {
        user = User { name, avatar, push_token, language, ..user };
    }
    put(db, &user)?;
    Ok(Some((user, true)))
}

fn change_profile(
    db: &Db<'_>,
    id: UserId,
    change: ProfileChange,
    terms: Option<Vec<String>>,
) -> Result<Option<User>> {
    let Some(mut user) = find(db, id)?.filter(|user| user.deleted.is_none()) else {
        return Ok(None);
    };
    user.name = change.name.unwrap_or(user.name);
    user.about = change.about.unwrap_or(user.about);
    user.avatar = change.avatar.unwrap_or(user.avatar);
    user.push_token = change.push_token.unwrap_or(user.push_token);
    user.privacy = change.privacy.unwrap_or(user.privacy);
    user.language = change.language.unwrap_or(user.language);
    put(db, &user)?;
    if let Some(terms) = terms {
        replace_terms(db, Index::Users, id.0, &terms)?;
    }
    Ok(Some(user))
}

/// Removes what hangs on an account: codes, known places, sessions, blocks, files, search terms.
pub(super) fn strip(db: &Db<'_>, id: UserId) -> Result<()> {
    db.run("DELETE FROM codes WHERE user = ?1", [id])?;
    db.run("DELETE FROM places WHERE user = ?1", [id])?;
    db.run("DELETE FROM sessions WHERE user = ?1", [id])?;
    db.run("DELETE FROM blocks WHERE who = ?1", [id])?;
    db.run("DELETE FROM blocks WHERE whom = ?1", [id])?;
    files::remove_all(db, id)?;
    forget_terms(db, Index::Users, id.0)
}

fn delete(db: &Db<'_>, id: UserId, at: Time) -> Result<Vec<SessionId>> {
    let Some(user) = find(db, id)?.filter(|user| user.deleted.is_none()) else {
        return Ok(Vec::new());
    };
    let closed = sessions::close(db, id, Which::All)?;
    db.run("DELETE FROM codes WHERE email = ?1", [user.email.as_str()])?;
    strip(db, id)?;
    departs(db, id)?;
    put(
        db,
        &User {
            name: Name::stored(String::new()),
            email: Email::stored(String::new()),
            about: About::stored(String::new()),
            avatar: None,
            push_token: None,
            privacy: Privacy::default(),
            language: Language::default(),
            deleted: Some(at),
            ..user
        },
    )?;
    Ok(closed)
}

const BLOCKS: &str = "SELECT 1 FROM blocks WHERE who = ?1 AND whom = ?2";

#[async_trait]
impl Users for EmbeddedStore {
    async fn sign_up(&self, user: &User) -> Result<SignUp> {
        let user = user.clone();
        self.write(move |db| sign_up(db, &user)).await
    }

    async fn users(&self, ids: &[UserId]) -> Result<Vec<User>> {
        let ids = ids.to_vec();
        self.read(move |db| {
            let found = ids.into_iter().map(|id| find(db, id));
            found.filter_map(Result::transpose).collect()
        })
        .await
    }

    async fn user_by_email(&self, email: &Email) -> Result<Option<User>> {
        let email = email.clone();
        self.read(move |db| db.first(BY_EMAIL, [email.as_str()], user)).await
    }

    async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
        terms: Option<Vec<String>>,
    ) -> Result<Option<User>> {
        self.write(move |db| change_profile(db, user, change, terms)).await
    }

    async fn delete_user(&self, user: UserId, at: Time) -> Result<Vec<SessionId>> {
        self.write(move |db| delete(db, user, at)).await
    }

    async fn departing(&self, limit: u32) -> Result<Vec<UserId>> {
        self.read(move |db| {
            db.all("SELECT user FROM departing LIMIT ?1", [limit], |row| row.get(0))
        })
        .await
    }

    async fn settle_departed(&self, user: UserId) -> Result<bool> {
        self.write(move |db| settle_departed(db, user)).await
    }

    async fn block(&self, who: UserId, whom: UserId, at: Time) -> Result<()> {
        self.write(move |db| {
            db.run("INSERT OR IGNORE INTO blocks VALUES(?1, ?2, ?3)", params![who, whom, at])?;
            Ok(())
        })
        .await
    }

    async fn unblock(&self, who: UserId, whom: UserId) -> Result<()> {
        self.write(move |db| {
            db.run("DELETE FROM blocks WHERE who = ?1 AND whom = ?2", [who, whom])?;
            Ok(())
        })
        .await
    }

    async fn blocked_by(&self, who: UserId) -> Result<Vec<(UserId, Time)>> {
        self.read(move |db| {
            db.all(
                "SELECT whom, since FROM blocks WHERE who = ?1 ORDER BY since DESC, whom",
                [who],
                |row| Ok((row.get(0)?, row.get(1)?)),
            )
        })
        .await
    }

    async fn blockers(&self, whom: UserId, among: &[UserId]) -> Result<Vec<UserId>> {
        let among = among.to_vec();
        self.read(move |db| {
            let mut found = Vec::new();
            for who in among {
                if db.has(BLOCKS, [who, whom])? {
                    found.push(who);
                }
            }
            Ok(found)
        })
        .await
    }

    async fn blocks_between(&self, first: UserId, second: UserId) -> Result<Blocks> {
        self.read(move |db| {
            Ok(Blocks {
                by_first: db.has(BLOCKS, [first, second])?,
                by_second: db.has(BLOCKS, [second, first])?,
            })
        })
        .await
    }
}
