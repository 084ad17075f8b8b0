//! Codes that are mailed for a session that is open: with one it does what whoever finds a device
//! open must not do alone.
//!
//! Invariant: a code is for the session that asked, and opens no session itself. Called by `moving`
//! and `recovery`.

use std::net::IpAddr;

use super::ticket::{Asker, Identity};
use super::{Auth, BAD_CODE, code};
use crate::core::Shared;
use crate::error::{Code, Error, Result, text};
use crate::id::{ObjectId, UserId};
use crate::model::auth::{AskerKey, CODE_LIFE, CODES_KEPT, Caller, LoginCode, TRIES};
use crate::model::text::Email;
use crate::model::users::User;

/// What is stored of a code, for one purpose.
type Hmac = fn(&Shared, &Email, &str) -> [u8; 32];

impl Auth {
    /// The account of a session, which is there.
    pub(super) async fn living(&self, user: UserId) -> Result<User> {
        let found = self.user(user).await?.filter(|user| user.deleted.is_none());
        found.ok_or(Error::new(Code::Unauthenticated, text::UNAUTHENTICATED))
    }

    /// Who may guess at the codes that a session asks for.
    fn mover(&self, caller: &Caller) -> AskerKey {
        AskerKey(ObjectId(self.shared.keyed(&[b"mover", &caller.session.0.0])))
    }

    /// Puts a code for the caller's session; nobody's if the address is taken, so that both take
    /// the same time.
    pub(super) async fn issue_session_code(
        &self,
        caller: &Caller,
        (to, user): (&Email, Option<UserId>),
        hmac: Hmac,
    ) -> Result<String> {
        let ports = &self.shared.ports;
        let waiting = ports.store.waiting(to).await?;
        let (mover, code) = (self.mover(caller), code::drawn(&*ports.entropy));
        let stored = LoginCode {
            id: ports.ids.next(),
            email: to.clone(),
            user,
            ticket: Some(mover),
            network: None,
            hmac: hmac(&self.shared, to, &code),
            tries: 0,
            expires: ports.now().plus(CODE_LIFE),
            profile: None,
        };
        let same = waiting.iter().filter(|code| code.ticket == Some(mover));
        let over: Vec<ObjectId> = same.skip(CODES_KEPT - 1).map(|code| code.id).collect();
        ports.store.put_code(&stored, &over).await?;
        Ok(code)
    }

    /// The code that was mailed to an address for the caller's session, which now shows it.
    pub(super) async fn check_session_code(
        &self,
        caller: &Caller,
        (to, code): (&Email, &str),
        ip: IpAddr,
        hmac: Hmac,
    ) -> Result<LoginCode> {
        let (store, now) = (&self.shared.ports.store, self.shared.ports.now());
        let waiting = store.waiting(to).await?;
        let own = own_codes(&waiting, self.mover(caller));
        let own: Vec<ObjectId> = own.filter(|code| code.is_alive(now)).map(|it| it.id).collect();
        let typed = code::typed(code).filter(|_| !own.is_empty()).ok_or_else(bad_code)?;
        let identity = Identity::of(&self.shared, &Asker::from(ip));
        let counted = self.count_guess(&identity, Some(caller.user), own.len()).await?;
        let guessed = store.guess(&own, TRIES, now).await?;
        let typed = hmac(&self.shared, to, &typed);
        let right = code::right_one(guessed, &typed).ok_or_else(bad_code)?;
        store.give_back(&counted, now).await?;
        if right.user == Some(caller.user) { Ok(right) } else { Err(bad_code()) }
    }
}

/// The codes that a session may still guess at.
fn own_codes(waiting: &[LoginCode], mover: AskerKey) -> impl Iterator<Item = &LoginCode> {
    let own = move |code: &&LoginCode| code.ticket == Some(mover) && code.tries < TRIES;
    waiting.iter().filter(own).take(CODES_KEPT)
}

/// Of a field: a refusal of the session itself would end it.
pub(super) fn bad_code() -> Error {
    Error::field("code", BAD_CODE)
}
