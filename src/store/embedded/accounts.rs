//! The rows of accounts.
//!
//! Called by `users` and the nouns beside it.

use rusqlite::{Row, params};

use super::sql::Db;
use crate::clock::Time;
use crate::error::Result;
use crate::id::UserId;
use crate::model::auth::FirstProfile;
use crate::model::contacts::{AddedBy, Card, Strangers};
use crate::model::text::{About, Email, Name, PushToken};
use crate::model::users::{Privacy, Standing, User};

/// Selects accounts: the columns of `user`.
macro_rules! select {
    () => {
        "SELECT id, email, name, about, avatar, push_token, privacy, language, created, verified, \
         deleted, operator, suspended, suspended_until, card FROM users"
    };
}
pub(super) use select;

const BY_ID: &str = concat!(select!(), " WHERE id = ?1");
const BY_EMAIL: &str = concat!(select!(), " WHERE email = ?1");

/// Reads the columns of `select`.
pub(super) fn user(row: &Row<'_>) -> rusqlite::Result<User> {
    let Switches { privacy, reach, groups } = Switches::of(row.get(6)?);
    Ok(User {
        id: row.get(0)?,
        email: Email::stored(row.get::<_, Option<String>>(1)?.unwrap_or_default()),
        name: Name::stored(row.get(2)?),
        about: About::stored(row.get(3)?),
        avatar: row.get(4)?,
        push_token: row.get::<_, Option<String>>(5)?.map(PushToken::stored),
        privacy,
        reach,
        groups,
        language: row.get(7)?,
        created: row.get(8)?,
        verified: row.get(9)?,
        deleted: row.get(10)?,
        operator: row.get(11)?,
        standing: match row.get::<_, Option<String>>(12)? {
            Some(why) => Standing::Suspended { until: row.get(13)?, why },
            None => Standing::Fine,
        },
        card: row.get::<_, Option<i64>>(14)?.and_then(card),
    })
}

const REACHES: [Strangers; 3] = [Strangers::Everyone, Strangers::Requests, Strangers::Contacts];
const ADDERS: [AddedBy; 3] = [AddedBy::Everyone, AddedBy::Contacts, AddedBy::Nobody];

/// What the bits of `privacy` say: three switches, then two bits each of `reach` and `groups`.
struct Switches {
    privacy: Privacy,
    reach: Strangers,
    groups: AddedBy,
}

impl Switches {
    fn of(bits: u8) -> Self {
        let two = |shift: u8| usize::from(bits >> shift & 3).min(2);
        let privacy = Privacy {
            found_by_email: bits & 1 != 0,
            presence: bits & 2 != 0,
            receipts: bits & 4 != 0,
        };
        Self { privacy, reach: REACHES[two(3)], groups: ADDERS[two(5)] }
    }

    const fn bits(&self) -> u8 {
        self.privacy.found_by_email as u8
            | (self.privacy.presence as u8) << 1
            | (self.privacy.receipts as u8) << 2
            | (self.reach as u8) << 3
            | (self.groups as u8) << 5
    }
}

/// A card's number, and in the lowest bit whether it adds.
fn card(stored: i64) -> Option<Card> {
    Some(Card { number: u32::try_from(stored >> 1).ok()?, adds: stored & 1 != 0 })
}

fn stored_card(card: Card) -> i64 {
    i64::from(card.number) << 1 | i64::from(card.adds)
}

/// An account by its address.
pub(super) fn by_email(db: &Db<'_>, email: &Email) -> Result<Option<User>> {
    db.first(BY_EMAIL, [email.as_str()], user)
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

/// Writes every field of an account, new or known. A deleted one has no address.
pub(super) fn put(db: &Db<'_>, user: &User) -> Result<()> {
    let email = user.deleted.is_none().then(|| user.email.as_str());
    let (suspended, until) = match &user.standing {
        Standing::Fine => (None, None),
        Standing::Suspended { until, why } => (Some(why.as_str()), *until),
    };
    let User { privacy, reach, groups, .. } = *user;
    let switches = Switches { privacy, reach, groups };
    db.run(
        "INSERT INTO users(id, email, name, about, avatar, push_token, privacy, language, created,
                           verified, deleted, operator, suspended, suspended_until, card)
         VALUES(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15)
         ON CONFLICT(id) DO UPDATE SET email = ?2, name = ?3, about = ?4, avatar = ?5,
             push_token = ?6, privacy = ?7, language = ?8, created = ?9, verified = ?10,
             deleted = ?11, operator = ?12, suspended = ?13, suspended_until = ?14, card = ?15",
        params![
            user.id,
            email,
            user.name.as_str(),
            user.about.as_str(),
            user.avatar,
            user.push_token.as_ref().map(PushToken::as_str),
            switches.bits(),
            user.language,
            user.created,
            user.verified,
            user.deleted,
            user.operator,
            suspended,
            until,
            user.card.map(stored_card),
        ],
    )?;
    Ok(())
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
    if let Some(FirstProfile { name, avatar, push_token, language, .. }) = profile {
        user = User { name, avatar, push_token, language, ..user };
    }
    put(db, &user)?;
    Ok(Some((user, true)))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Queries and an index ask for receipts by `privacy & 4`.
    #[test]
    fn receipts_are_the_third_bit_of_the_privacy() {
        let only = Privacy { found_by_email: false, presence: false, receipts: true };
        let (reach, groups) = (Strangers::Everyone, AddedBy::Everyone);
        let switches = Switches { privacy: only, reach, groups };
        assert_eq!((switches.bits(), Switches::of(4).privacy), (4, only));
    }

    #[test]
    fn what_a_row_of_an_account_packs_comes_out_again() {
        for (reach, groups) in REACHES.into_iter().zip(ADDERS.into_iter().rev()) {
            let switches = Switches { privacy: Privacy::default(), reach, groups };
            let again = Switches::of(switches.bits());
            assert_eq!(
                (again.privacy, again.reach, again.groups),
                (Privacy::default(), reach, groups)
            );
        }
        for kept in [Card { number: 0, adds: true }, Card { number: u32::MAX, adds: false }] {
            assert_eq!(card(stored_card(kept)), Some(kept));
        }
    }
}
