//! Signing up, logging in by a code, and sessions.
//!
//! Invariant: known and unknown addresses get the same answer in the same time: the same store
//! steps run for both, and mails are only queued.
//! Invariant: a guess is counted, durably, before it is compared; the comparison takes constant
//! time.
//! Invariant: a session that was closed is not accepted again, from the moment the close is acked.
//!
//! Called by `http` and `ws`.

use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

use super::search::terms_of;
use super::types::auth::{CODE_LIFE, Caller, LoginCode, Quota, Session, TokenHash, Which};
use super::types::text::{About, Email, Name, PushToken};
use super::types::users::{Privacy, User};
use super::types::visible::tidy_line;
use super::{Shared, to_the_end};
use crate::clock::Time;
use crate::error::{Code, Error, Language, Result, Text, text};
use crate::id::{ObjectId, SessionId, UserId};
use crate::mail::{Letter, Mail};
use crate::store::SignUp as Outcome;

/// How often one code may be guessed at.
pub const TRIES: u32 = 5;
/// How long an account waits for its first verified code before it vanishes.
pub const UNVERIFIED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How exact a session's `last_seen` is.
const SEEN_EVERY: Duration = Duration::from_secs(5 * 60);
const HOUR_MS: u64 = 60 * 60 * 1000;
const DEVICE_CHARS: usize = 128;

const BAD_CODE: Text = Text {
    en: "This code is wrong, used, or expired. Check it, or ask for a new one.",
    es: "Este código es incorrecto, ya se usó o ha caducado. Revísalo o pide uno nuevo.",
};

/// Limits of login, counted in the store. With the defaults somebody who sprays guesses over any
/// number of accounts has a chance of less than 1 % a day: 400 an hour at one in a million each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Codes an address may ask for in an hour; twice as many in a day.
    pub codes_per_address: u32,
    /// Codes an IP address (IPv6: a /64) may ask for in an hour.
    pub codes_per_ip: u32,
    /// Codes all may ask for in an hour.
    pub codes_in_all: u32,
    /// Wrong guesses from an IP address (IPv6: a /64) in an hour.
    pub wrong_per_ip: u32,
    /// Wrong guesses of all in an hour.
    pub wrong_in_all: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            codes_per_address: 5,
            codes_per_ip: 30,
            codes_in_all: 10_000,
            wrong_per_ip: 30,
            wrong_in_all: 400,
        }
    }
}

/// What a new account is asked for with.
#[derive(Debug, Clone)]
pub struct SignUp {
    /// Shown to others.
    pub name: Name,
    /// Where the code goes.
    pub email: Email,
    /// The address for push notifications.
    pub push_token: Option<PushToken>,
    /// The language of mails.
    pub language: Language,
    /// From where it is asked.
    pub ip: IpAddr,
}

/// An opened session. The token is shown once and kept nowhere.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The account.
    pub user: User,
    /// The session.
    pub session: Session,
    /// What the client sends from now on; 43 characters of base64url.
    pub token: Token,
}

/// An account out of a list.
#[derive(Debug, Clone)]
pub struct Imported {
    /// The account.
    pub user: User,
    /// It was not there before.
    pub new: bool,
    /// The token of the session that was opened for it, if one was to be.
    pub token: Option<Token>,
}

/// A session's token. It does not print itself.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl Token {
    /// The token, for the one answer that shows it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Signing up, logging in, sessions.
#[derive(Clone)]
pub struct Auth {
    shared: Arc<Shared>,
    server_key: [u8; 32],
    limits: Limits,
}

impl Auth {
    pub(crate) const fn new(shared: Arc<Shared>, server_key: [u8; 32], limits: Limits) -> Self {
        Self { shared, server_key, limits }
    }

    /// Creates an account that waits for its first code, and mails the code. An address that has an
    /// account gets the same answer; its mail says so and carries a code to log in. Which account
    /// waits, if it is one, is not for the answer.
    pub async fn sign_up(&self, request: SignUp) -> Result<Option<UserId>> {
        self.count_code(&request.email, request.ip).await?;
        let ports = &self.shared.ports;
        let mut user = self.new_user(request.name, request.email.clone(), request.language);
        user.push_token = request.push_token;
        let (owner, waits) = match ports.store.sign_up(&user).await? {
            Outcome::Created => (user.id, true),
            Outcome::Renewed(renewed) => (renewed.id, true),
            Outcome::Taken(taken) => (taken.id, false),
        };
        let (_, code) = self.issue_code(&request.email, Some(owner)).await?;
        let letter = match waits {
            true => Letter::SignUpCode { code },
            false => Letter::AlreadySignedUp { code },
        };
        ports.mailer.queue(Mail { to: request.email, language: request.language, letter })?;
        Ok(waits.then_some(owner))
    }

    /// Mails a login code. An address without an account gets the same answer and no mail.
    pub async fn request_code(&self, email: Email, language: Language, ip: IpAddr) -> Result<()> {
        self.count_code(&email, ip).await?;
        let user = self.shared.ports.store.user_by_email(&email).await?;
        let (_, code) = self.issue_code(&email, user.as_ref().map(|user| user.id)).await?;
        if user.is_none() {
            return Ok(());
        }
        let letter = Letter::LoginCode { code };
        self.shared.ports.mailer.queue(Mail { to: email, language, letter })
    }

    /// Checks a code and opens a session for the device that calls itself `device`.
    pub async fn verify(
        &self,
        email: &Email,
        code: &str,
        device: &str,
        ip: IpAddr,
    ) -> Result<SignedIn> {
        let ports = &self.shared.ports;
        let quotas = self.guess_quotas(ip);
        self.count(&quotas).await?;
        let stored = ports.store.guess(email, TRIES, ports.now()).await?;
        let bad_code = || Error::new(Code::BadCode, BAD_CODE);
        let right = self.is_right(email, code, stored.as_ref());
        let (Some(stored), true) = (stored, right) else { return Err(bad_code()) };
        ports.store.give_back(&quotas, ports.now()).await?;
        let user = stored.user.ok_or_else(bad_code)?;
        let (token, session) = self.new_session(user, device);
        let terms = self.user(user).await?.map(|user| terms_of(user.name.as_str()));
        let auth = self.clone();
        to_the_end(async move {
            let store = &auth.shared.ports.store;
            let user = store.redeem(stored.id, &session, terms.unwrap_or_default()).await?;
            let user = user.ok_or_else(bad_code)?;
            Ok(SignedIn { user, session, token })
        })
        .await
    }

    /// Whose token this is; `Unauthenticated` when nobody's, or the session was closed.
    pub async fn authenticate(&self, token: &str) -> Result<Caller> {
        let hash = hash_of(token);
        let tokens = &self.shared.tokens;
        let now = self.shared.ports.now();
        if let Some(known) = tokens.known.get(&hash) {
            known.seen(now, tokens);
            return Ok(known.caller);
        }
        let generation = tokens.generation.load(Ordering::SeqCst);
        let session = self.shared.ports.store.session(hash).await?;
        let session = session.ok_or(Error::new(Code::Unauthenticated, text::UNAUTHENTICATED))?;
        let caller = Caller { user: session.user, session: session.id, instance: None };
        let known = Known { caller, seen: AtomicI64::new(session.last_seen.millis()) };
        known.seen(now, tokens);
        tokens.known.insert(hash, Arc::new(known));
        // A close between the read and the insert must win.
        if tokens.generation.load(Ordering::SeqCst) != generation {
            tokens.known.invalidate(&hash);
        }
        Ok(caller)
    }

    /// The caller's sessions, latest used first.
    pub async fn sessions(&self, caller: &Caller) -> Result<Vec<Session>> {
        self.shared.ports.store.sessions(caller.user).await
    }

    /// Closes sessions of the caller; answers which were open.
    pub async fn close(&self, caller: &Caller, which: Which) -> Result<Vec<SessionId>> {
        let (auth, user) = (self.clone(), caller.user);
        to_the_end(async move {
            let closed = auth.shared.ports.store.close_sessions(user, which).await?;
            auth.shared.sessions_closed(user, &closed);
            Ok(closed)
        })
        .await
    }

    /// Creates an account that needs no code: for the operator, who vouches for the address. No
    /// protocol leads here. An address that has a verified account keeps it as it is. With a
    /// device, a session opens. Search finds the account once `Search::index` was told of it.
    pub async fn import(
        &self,
        name: Name,
        email: Email,
        language: Language,
        device: Option<&str>,
    ) -> Result<Imported> {
        let store = &self.shared.ports.store;
        let user = self.new_user(name, email.clone(), language);
        let owner = match store.sign_up(&user).await? {
            Outcome::Created => user.id,
            Outcome::Renewed(renewed) => renewed.id,
            Outcome::Taken(user) => return Ok(Imported { user, new: false, token: None }),
        };
        let (code, _) = self.issue_code(&email, Some(owner)).await?;
        let (token, session) = self.new_session(owner, device.unwrap_or_default());
        let Some(user) = store.redeem(code, &session, Vec::new()).await? else {
            // The address stands in the list twice, and the other one was quicker.
            let user = self.user(owner).await?.ok_or(Error::not_found(text::NO_USER))?;
            return Ok(Imported { user, new: false, token: None });
        };
        if device.is_none() {
            store.close_sessions(owner, Which::One(session.id)).await?;
        }
        Ok(Imported { user, new: true, token: device.map(|_| token) })
    }

    /// Opens a session of an account without a mail: for demo people, whom nobody's mailbox
    /// belongs to. The caller vouches that it is one of them.
    pub async fn open_without_code(&self, user: UserId, device: &str) -> Result<SignedIn> {
        let account = self.user(user).await?.ok_or(Error::not_found(text::NO_USER))?;
        let (code, _) = self.issue_code(&account.email, Some(user)).await?;
        let (token, session) = self.new_session(user, device);
        let terms = terms_of(account.name.as_str());
        let auth = self.clone();
        to_the_end(async move {
            let redeemed = auth.shared.ports.store.redeem(code, &session, terms).await?;
            let user = redeemed.ok_or(Error::not_found(text::NO_USER))?;
            Ok(SignedIn { user, session, token })
        })
        .await
    }

    /// Writes down when sessions were last used.
    pub(crate) async fn flush_seen(&self) -> Result<()> {
        let seen = std::mem::take(
            &mut *self.shared.tokens.seen.lock().unwrap_or_else(PoisonError::into_inner),
        );
        let seen: Vec<_> = seen.into_iter().collect();
        if seen.is_empty() { Ok(()) } else { self.shared.ports.store.touch(&seen).await }
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.shared.ports.store.users(&[id]).await?.pop())
    }

    async fn count_code(&self, email: &Email, ip: IpAddr) -> Result<()> {
        let limit = self.limits.codes_per_address;
        let address = email.as_str();
        self.count(&[
            quota(format!("code:hour:{address}"), limit, HOUR_MS),
            quota(format!("code:day:{address}"), limit.saturating_mul(2), 24 * HOUR_MS),
            quota(format!("code:ip:{}", network(ip)), self.limits.codes_per_ip, HOUR_MS),
            quota("code:all".into(), self.limits.codes_in_all, HOUR_MS),
        ])
        .await
    }

    fn guess_quotas(&self, ip: IpAddr) -> [Quota; 2] {
        [
            quota(format!("wrong:ip:{}", network(ip)), self.limits.wrong_per_ip, HOUR_MS),
            quota("wrong:all".into(), self.limits.wrong_in_all, HOUR_MS),
        ]
    }

    async fn count(&self, quotas: &[Quota]) -> Result<()> {
        let now = self.shared.ports.now();
        match self.shared.ports.store.take(quotas, now).await? {
            Some(until) => Err(Error::too_many(until.since(now))),
            None => Ok(()),
        }
    }

    /// Puts a new code; what names it, and its digits.
    async fn issue_code(&self, email: &Email, user: Option<UserId>) -> Result<(ObjectId, String)> {
        let ports = &self.shared.ports;
        let code = self.random_code();
        let stored = LoginCode {
            id: ports.ids.next(),
            email: email.clone(),
            user,
            hmac: self.hmac(email, &code),
            tries: 0,
            expires: ports.now().plus(CODE_LIFE),
        };
        ports.store.put_code(&stored).await?;
        Ok((stored.id, code))
    }

    /// Six digits, each of the million equally likely: numbers beyond the last whole million are
    /// drawn again.
    fn random_code(&self) -> String {
        const MILLION: u32 = 1_000_000;
        loop {
            let mut bytes = [0; 4];
            self.shared.ports.entropy.fill(&mut bytes);
            let number = u32::from_le_bytes(bytes);
            if number < u32::MAX - u32::MAX % MILLION {
                return format!("{:06}", number % MILLION);
            }
        }
    }

    fn is_right(&self, email: &Email, code: &str, stored: Option<&LoginCode>) -> bool {
        let expected = stored.map_or([0; 32], |stored| stored.hmac);
        bool::from(self.hmac(email, code.trim()).ct_eq(&expected)) && stored.is_some()
    }

    fn hmac(&self, email: &Email, code: &str) -> [u8; 32] {
        // invariant: HMAC takes a key of any length (RFC 2104, section 2).
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.server_key).expect("any length");
        mac.update(b"login code\0");
        mac.update(email.as_str().as_bytes());
        mac.update(b"\0");
        mac.update(code.as_bytes());
        mac.finalize().into_bytes().into()
    }

    /// An account that waits for its first code.
    fn new_user(&self, name: Name, email: Email, language: Language) -> User {
        let ports = &self.shared.ports;
        User {
            id: UserId(ports.ids.next()),
            name,
            email,
            about: About::stored(String::new()),
            avatar: None,
            push_token: None,
            privacy: Privacy::default(),
            language,
            created: ports.now(),
            verified: None,
            deleted: None,
        }
    }

    fn new_session(&self, user: UserId, device: &str) -> (Token, Session) {
        let ports = &self.shared.ports;
        let mut bytes = [0; 32];
        ports.entropy.fill(&mut bytes);
        let token = Token(URL_SAFE_NO_PAD.encode(bytes));
        let now = ports.now();
        let device = tidy_line(device, DEVICE_CHARS);
        let session = Session {
            id: SessionId(ports.ids.next()),
            user,
            token: hash_of(token.expose()),
            device,
            created: now,
            last_seen: now,
        };
        (token, session)
    }
}

fn hash_of(token: &str) -> TokenHash {
    TokenHash(Sha256::digest(token.as_bytes()).into())
}

const fn quota(key: String, limit: u32, window_ms: u64) -> Quota {
    Quota { key, limit, window_ms }
}

/// What counts as one place: an IPv4 address, or an IPv6 /64.
fn network(ip: IpAddr) -> String {
    match ip.to_canonical() {
        IpAddr::V4(v4) => v4.to_string(),
        IpAddr::V6(v6) => {
            let [a, b, c, d, ..] = v6.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

/// Tokens of open sessions seen lately, so that a request needs no store read.
pub(crate) struct TokenCache {
    known: moka::sync::Cache<TokenHash, Arc<Known>>,
    generation: AtomicU64,
    seen: Mutex<HashMap<SessionId, Time>>,
}

struct Known {
    caller: Caller,
    seen: AtomicI64,
}

impl Known {
    /// Notes the use of a session, every few minutes.
    fn seen(&self, now: Time, tokens: &TokenCache) {
        let before = self.seen.load(Ordering::Relaxed);
        let due = now.since(Time(before)) >= SEEN_EVERY;
        let swap =
            |to| self.seen.compare_exchange(before, to, Ordering::Relaxed, Ordering::Relaxed);
        if due && swap(now.millis()).is_ok() {
            tokens.used(self.caller.session, now);
        }
    }
}

impl Default for TokenCache {
    fn default() -> Self {
        let known = moka::sync::Cache::builder()
            .max_capacity(100_000)
            .time_to_live(Duration::from_secs(600))
            .support_invalidation_closures()
            .build();
        Self { known, generation: AtomicU64::new(0), seen: Mutex::default() }
    }
}

impl TokenCache {
    /// Notes that a session was in use; written down within a minute.
    pub(crate) fn used(&self, session: SessionId, at: Time) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(session, at);
    }

    /// Forgets closed sessions.
    pub(crate) fn forget(&self, sessions: &[SessionId]) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        let closed: HashSet<_> = sessions.iter().copied().collect();
        let by_session =
            move |_: &TokenHash, known: &Arc<Known>| closed.contains(&known.caller.session);
        if self.known.invalidate_entries_if(by_session).is_err() {
            self.known.invalidate_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_network_is_one_place_and_a_mapped_address_is_its_ipv4() {
        let place = |text: &str| network(text.parse().expect("an address"));
        assert_eq!(place("2001:db8:1:2:3::4"), place("2001:db8:1:2:ffff::9"));
        assert_ne!(place("2001:db8:1:2::1"), place("2001:db8:1:3::1"));
        assert_eq!(place("::ffff:192.0.2.7"), "192.0.2.7");
    }
}
