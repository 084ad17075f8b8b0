//! The change of one's own address: a code to the new one, word to the old one.
//!
//! A stranger at an open session must not be able to take an account away for good. So the old
//! address is told when a change is asked for and when it is made, with a link that keeps or takes
//! back the account for a week, logs it out everywhere and voids its recovery codes; and the change
//! logs out everything but the session that made it. Invariant: the answer is the same whether or
//! not the new address has an account; the mail there differs.
//!
//! Called by `http`; `core::operator` tells of its own moves by what is here.

use std::net::IpAddr;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use subtle::ConstantTimeEq;

use super::session_code::bad_code;
use super::ticket::{Asker, Identity};
use super::{Auth, code};
use crate::bus::Event;
use crate::clock::Time;
use crate::core::{Shared, to_the_end};
use crate::error::{Code, Error, Language, Result, Text};
use crate::id::{ObjectId, UserId};
use crate::mail::{Letter, Mail, MovedBy, Rank};
use crate::model::auth::{Caller, Quota};
use crate::model::text::Email;
use crate::model::users::User;
use crate::store::{Move, Moved};

/// Changes of their address that a person may ask for in an hour.
pub const MOVES_AN_HOUR: u32 = 5;
/// Changes of their address that a person may ask for in a day.
pub const MOVES_A_DAY: u32 = 10;
/// How long the link works by which an account keeps its address, or gets it back.
pub const STAY_LIFE: Duration = Duration::from_secs(7 * 24 * 60 * 60);
const HOUR_MS: u64 = 60 * 60 * 1000;
/// A link shows an account, an end, a MAC, and an address between them.
const HEAD: usize = 12 + 8;
const MAC: usize = 16;
/// Anything much longer than a link with the longest address is not examined.
const LONGEST: usize = 512;

const SAME: Text = Text {
    en: "Your account has this address already.",
    es: "Tu cuenta ya tiene esta dirección.",
};
const OTHER_DOMAIN: Text = Text {
    en: "Accounts here have addresses of these domains only: {}.",
    es: "Aquí las cuentas solo tienen direcciones de estos dominios: {}.",
};
pub(crate) const ADDRESS_TAKEN: Text =
    Text { en: "Another account has this address.", es: "Otra cuenta tiene esta dirección." };
const NO_LINK: Text = Text {
    en: "This link is not whole, or it has expired. Copy all of it, or ask the person who runs \
         this server.",
    es: "Este enlace está incompleto o ha caducado. Cópialo entero o pregunta a quien administra \
         este servidor.",
};

/// What a link to keep an address shows.
struct Stay {
    user: UserId,
    until: Time,
    address: Email,
}

impl Auth {
    /// Mails a code to the address that the caller wants for their account, and word of it to the
    /// one that it has.
    pub async fn ask_move(&self, caller: &Caller, to: Email, ip: IpAddr) -> Result<()> {
        let ports = &self.shared.ports;
        let user = self.living(caller.user).await?;
        if user.email == to {
            return Err(Error::field("email", SAME));
        }
        if !self.door.takes(&to) {
            return Err(Error::field("email", OTHER_DOMAIN).arg(self.door.domains.join(", ")));
        }
        let identity = Identity::of(&self.shared, &Asker::from(ip));
        let place = self.place(Rank::LogIn, &identity, Some(user.id)).await?;
        let word = ports.mailer.place(Rank::Known)?;
        self.shared.count(&moves(user.id), ports.now()).await?;
        self.count_code(&to, &identity, None).await?;
        let holder = ports.store.user_by_email(&to).await?;
        let taken = holder.filter(|holder| holder.verified.is_some());
        let mover = taken.is_none().then_some(user.id);
        let code = self.issue_session_code(caller, (&to, mover), code::hmac_of_move).await?;
        let (letter, language) = match taken {
            Some(holder) => (Letter::MoveTaken, holder.language),
            None => (Letter::MoveCode { code }, user.language),
        };
        place.send(Mail { to: to.clone(), language, letter });
        let stay = self.shared.stay_token(user.id, &user.email);
        let letter = Letter::Moving { to, stay };
        word.send(Mail { to: user.email, language: user.language, letter });
        Ok(())
    }

    /// Gives the caller's account an address with the code that was mailed there, and logs out all
    /// other devices.
    pub async fn move_to(
        &self,
        caller: &Caller,
        to: &Email,
        code: &str,
        ip: IpAddr,
    ) -> Result<User> {
        let right = self.check_session_code(caller, (to, code), ip, code::hmac_of_move).await?;
        let before = self.living(caller.user).await?;
        let moving = Move {
            user: before.id,
            from: before.email.clone(),
            to: to.clone(),
            code: Some(right.id),
            keep: Some(caller.session),
        };
        let stay = self.shared.stay_token(before.id, &before.email);
        self.carry_out(moving, before, MovedBy::Owner { stay }).await
    }

    /// The address that a link keeps, or brings back. Changes nothing: programs that look into
    /// mails follow links.
    pub fn check_stay(&self, token: &str) -> Result<Email> {
        self.shared.stay_of(token).map(|stay| stay.address)
    }

    /// Keeps the address of whoever got this link, or gives it back to their account, and logs the
    /// account out everywhere. Idempotent.
    pub async fn stay(&self, token: &str) -> Result<()> {
        let Stay { user, address, .. } = self.shared.stay_of(token)?;
        let gone = || Error::field("t", NO_LINK);
        let before = self.user(user).await?.filter(|user| user.deleted.is_none());
        let before = before.ok_or_else(gone)?;
        let (from, to) = (before.email.clone(), address);
        let moving = Move { user, from, to, code: None, keep: None };
        self.carry_out(moving, before, MovedBy::Link).await.map(drop)
    }

    /// Moves an account to the end, and tells the address that it had.
    async fn carry_out(&self, moving: Move, before: User, by: MovedBy) -> Result<User> {
        let shared = self.shared.clone();
        to_the_end(async move {
            let (user, closed) = match shared.ports.store.move_to(&moving).await? {
                Moved::Done(user, closed) => (user, closed),
                Moved::Gone => return Err(bad_code()),
                Moved::Taken => return Err(Error::new(Code::Conflict, ADDRESS_TAKEN)),
            };
            shared.sessions_closed(user.id, &closed);
            shared.ports.bus.publish(Event::UserChanged(user.id));
            if before.email != moving.to {
                let letter = Letter::Moved { to: moving.to, by };
                shared.send_word(before.email, before.language, letter);
            }
            Ok(user)
        })
        .await
    }
}

fn moves(user: UserId) -> Vec<Quota> {
    let quota = |limit, window_ms| Quota { key: format!("move:{user}"), limit, window_ms };
    vec![quota(MOVES_AN_HOUR, HOUR_MS), quota(MOVES_A_DAY, 24 * HOUR_MS)]
}

impl Shared {
    /// Tells both addresses of an account that an operator has moved.
    pub(crate) fn tell_of_operators_move(&self, before: User, to: Email) {
        if before.email == to {
            return;
        }
        let letter = || Letter::Moved { to: to.clone(), by: MovedBy::Operator };
        self.send_word(before.email, before.language, letter());
        self.send_word(to.clone(), before.language, letter());
    }

    /// Mails a word about an account. One that finds no place is left out: the change never waits.
    pub(super) fn send_word(&self, to: Email, language: Language, letter: Letter) {
        match self.ports.mailer.place(Rank::Known) {
            Ok(place) => place.send(Mail { to, language, letter }),
            Err(error) => tracing::warn!("nobody is told of a change to an account: {error}"),
        }
    }

    /// What the link shows that is mailed to an address, so that it stays its account's.
    pub(super) fn stay_token(&self, user: UserId, address: &Email) -> String {
        let until = self.ports.now().plus(STAY_LIFE);
        let stay = Stay { user, until, address: address.clone() };
        let mark = self.stay_mark(&stay);
        let end = until.0.to_be_bytes();
        URL_SAFE_NO_PAD.encode([&user.0.0[..], &end, address.as_str().as_bytes(), &mark].concat())
    }

    fn stay_mark(&self, stay: &Stay) -> [u8; MAC] {
        let until = stay.until.0.to_be_bytes();
        self.mark(b"stay\0", &[&stay.user.0.0, &until, stay.address.as_str().as_bytes()])
    }

    /// What a link says; an error if it was made up or is over.
    fn stay_of(&self, token: &str) -> Result<Stay> {
        let stay = Some(token).filter(|token| token.len() <= LONGEST).and_then(read_stay);
        let real = |(stay, mark): &(Stay, Vec<u8>)| {
            bool::from(self.stay_mark(stay)[..].ct_eq(mark)) && self.ports.now() < stay.until
        };
        stay.filter(real).map(|(stay, _)| stay).ok_or(Error::field("t", NO_LINK))
    }
}

/// What a link says, and its MAC.
fn read_stay(token: &str) -> Option<(Stay, Vec<u8>)> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    let (head, rest) = bytes.split_at_checked(HEAD)?;
    let (address, mark) = rest.split_at_checked(rest.len().checked_sub(MAC)?)?;
    let (user, until) = head.split_at_checked(12)?;
    let stay = Stay {
        user: UserId(ObjectId(user.try_into().ok()?)),
        until: Time(i64::from_be_bytes(until.try_into().ok()?)),
        address: Email::stored(String::from_utf8(address.to_vec()).ok()?),
    };
    Some((stay, mark.to_vec()))
}
