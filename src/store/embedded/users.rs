//! Accounts and blocks.

use async_trait::async_trait;
use rusqlite::params;

use super::EmbeddedStore;
use super::accounts::{by_email, departs, find, put};
use super::alerts;
use super::exports;
use super::files;
use super::recoveries;
use super::reports;
use super::sessions;
use super::sql::Db;
use super::terms::{forget_terms, replace_terms};
use crate::clock::Time;
use crate::error::{Language, Result};
use crate::id::{SessionId, UserId};
use crate::model::auth::Which;
use crate::model::contacts::{AddedBy, Strangers};
use crate::model::text::{About, Email, Name};
use crate::model::users::{Blocks, Privacy, ProfileChange, Standing, User};
use crate::store::{Index, Move, Moved, SignUp, Users};

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

fn sign_up(db: &Db<'_>, new: &User) -> Result<SignUp> {
    let Some(mut known) = by_email(db, &new.email)? else {
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
    user.reach = change.reach.unwrap_or(user.reach);
    user.groups = change.groups.unwrap_or(user.groups);
    user.card = change.card.unwrap_or(user.card);
    put(db, &user)?;
    if let Some(terms) = terms {
        replace_terms(db, Index::Users, id.0, &terms)?;
    }
    Ok(Some(user))
}

/// Removes what hangs on an account: codes of both kinds, known places, sessions, blocks, alerts,
/// files, search terms.
fn strip(db: &Db<'_>, id: UserId) -> Result<()> {
    db.run("DELETE FROM codes WHERE user = ?1", [id])?;
    db.run("DELETE FROM places WHERE user = ?1", [id])?;
    db.run("DELETE FROM sessions WHERE user = ?1", [id])?;
    reports::forget_maker(db, id)?;
    // Nobody syncs these rows any more, so no rev is taken.
    db.run("UPDATE members SET nick = NULL WHERE user = ?1 AND nick IS NOT NULL", [id])?;
    db.run("DELETE FROM blocks WHERE who = ?1", [id])?;
    db.run("DELETE FROM blocks WHERE whom = ?1", [id])?;
    alerts::remove(db, id)?;
    exports::remove(db, id)?;
    recoveries::remove(db, id)?;
    files::remove_all(db, id)?;
    forget_terms(db, Index::Users, id.0)
}

/// Forgets an account that nobody ever used.
pub(super) fn forget(db: &Db<'_>, id: UserId) -> Result<()> {
    strip(db, id)?;
    db.run("DELETE FROM users WHERE id = ?1", [id]).map(drop)
}

/// Deletes an account, with what hangs on it; which sessions it closed.
pub(super) fn delete(db: &Db<'_>, id: UserId, at: Time) -> Result<Vec<SessionId>> {
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
            reach: Strangers::default(),
            groups: AddedBy::default(),
            language: Language::default(),
            card: None,
            deleted: Some(at),
            operator: false,
            standing: Standing::Fine,
            ..user
        },
    )?;
    Ok(closed)
}

/// Gives an account another address, and removes the codes that wait for it. `None`: another
/// verified account has the address.
pub(super) fn give_address(db: &Db<'_>, user: User, to: &Email) -> Result<Option<User>> {
    match by_email(db, to)?.filter(|other| other.id != user.id) {
        Some(other) if other.verified.is_some() => return Ok(None),
        // Somebody asked for an account with this address, and never used the code.
        Some(other) => forget(db, other.id)?,
        None => {}
    }
    db.run("DELETE FROM codes WHERE user = ?1", [user.id])?;
    let user = User { email: to.clone(), ..user };
    put(db, &user)?;
    Ok(Some(user))
}

fn move_to(db: &Db<'_>, moving: &Move) -> Result<Moved> {
    let id = moving.user;
    let fits = |user: &User| user.deleted.is_none() && user.email == moving.from;
    let Some(user) = find(db, id)?.filter(fits) else { return Ok(Moved::Gone) };
    if let Some(kept) = moving.keep
        && !db.has("SELECT 1 FROM sessions WHERE id = ?1 AND user = ?2", params![kept, id])?
    {
        return Ok(Moved::Gone);
    }
    if let Some(code) = moving.code
        && db.run("DELETE FROM codes WHERE id = ?1 AND user = ?2", params![code, id])? == 0
    {
        return Ok(Moved::Gone);
    }
    let Some(user) = give_address(db, user, &moving.to)? else { return Ok(Moved::Taken) };
    if moving.keep.is_none() {
        recoveries::remove(db, id)?;
    }
    let closed = sessions::close(db, id, moving.keep.map_or(Which::All, Which::AllBut))?;
    Ok(Moved::Done(user, closed))
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
        self.read(move |db| by_email(db, &email)).await
    }

    async fn change_profile(
        &self,
        user: UserId,
        change: ProfileChange,
        terms: Option<Vec<String>>,
    ) -> Result<Option<User>> {
        self.write(move |db| change_profile(db, user, change, terms)).await
    }

    async fn move_to(&self, moving: &Move) -> Result<Moved> {
        let moving = moving.clone();
        self.write(move |db| move_to(db, &moving)).await
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
