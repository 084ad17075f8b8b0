//! Signing up, logging in by a code, and sessions.
//!
//! Invariant: known and unknown addresses get the same answer in the same time: the same store
//! steps run for both, a mail's place is taken for both, and mails are only queued. Invariant: a
//! guess is counted, durably, before it is compared; the comparison takes constant time. Invariant:
//! a code is for its asker (`ticket`): what others ask for or guess never replaces it, spends its
//! tries, or keeps its holder out. `limits` says what all of them may do together. Invariant: a
//! session that was closed is not accepted again, from the moment the close is acked.
//!
//! Called by `http` and `ws`.

mod code;
pub mod door;
mod limits;
pub mod moving;
pub mod recovery;
mod session_code;
mod ticket;
mod tokens;

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

pub(crate) use self::door::Settled;
pub use self::limits::{Limits, OWN_CODES, OWN_GUESSES, RECOVERY_GUESSES};
pub use self::ticket::Asker;
use self::ticket::Identity;
pub(crate) use self::tokens::TokenCache;
use self::tokens::{Known, hash_of, is_idle};
use super::search::terms_of;
use super::{Shared, to_the_end};
use crate::clock::Time;
use crate::error::{Code, Error, Language, Result, Text, text};
use crate::id::{InvitationId, ObjectId, SessionId, UserId};
use crate::mail::{Letter, Mail, Place, Rank};
pub use crate::model::auth::TRIES;
use crate::model::auth::{
    AskerKey, CODE_LIFE, Caller, FirstProfile, LoginCode, PLACE_LIFE, Quota, Session, Which,
};
use crate::model::contacts::{AddedBy, Strangers};
use crate::model::door::{Admission, Door};
use crate::model::text::{About, Email, Name, PushToken};
use crate::model::users::{Privacy, Standing, User};
use crate::model::visible::tidy_line;
use crate::store::{Due, Entered, Pass, Redeem, SignUp as Outcome};

/// How long an account waits for its first verified code before it vanishes.
pub const UNVERIFIED_FOR: Duration = Duration::from_secs(24 * 60 * 60);
/// How long a session lives that nobody uses, unless the operator says otherwise.
pub const SESSION_IDLE: Duration = Duration::from_secs(90 * 24 * 60 * 60);
/// The name of a device is cut after this many characters.
pub const DEVICE_CHARS: usize = 128;

const BAD_CODE: Text = Text {
    en: "This code is wrong, used, or expired. Check it, or ask for a new one.",
    es: "Este código es incorrecto, ya se usó o ha caducado. Revísalo o pide uno nuevo.",
};

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
    /// The code of an invitation to the server, as it was typed or linked.
    pub invitation: Option<String>,
    /// Who asks.
    pub asker: Asker,
}

/// What became of asking for a code.
#[derive(Debug, Clone)]
pub struct Asked {
    /// What the asker sends back with the code, and when it asks again.
    pub ticket: String,
    /// The account that waits for its first code, if it is one, and the code whose sign-up a
    /// picture belongs to. Not for the answer.
    pub waits: Option<(UserId, ObjectId)>,
}

/// An opened session. The token is shown once and kept nowhere.
#[derive(Debug, Clone)]
pub struct SignedIn {
    /// The account.
    pub user: User,
    /// As stored: with the token's digest alone.
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
    limits: Limits,
    door: Arc<Door>,
    session_idle: Duration,
}

impl Auth {
    pub(crate) fn new(
        shared: Arc<Shared>,
        limits: Limits,
        door: Door,
        session_idle: Duration,
    ) -> Self {
        Self { shared, limits, door: Arc::new(door), session_idle }
    }

    /// Creates an account that waits for its first code, and mails the code. An address that has an
    /// account gets the same answer; its mail says so and carries a code to log in. So does one
    /// that is not let in (`door`).
    pub async fn sign_up(&self, request: SignUp) -> Result<Asked> {
        let ports = &self.shared.ports;
        let identity = Identity::of(&self.shared, &request.asker);
        let SignUp { name, email, push_token, language, invitation, .. } = request;
        let found = ports.store.user_by_email(&email).await?;
        let known = found.as_ref().map(|user| user.id);
        let place = self.place(Rank::SignUp, &identity, known).await?;
        self.count_code(&email, &identity, known).await?;
        let invitation = invitation.as_deref().map(InvitationId::of);
        if let Some(refusal) = self.refusal(&email, invitation).await? {
            return self.turn_away(refusal, (identity, place), (email, found), language).await;
        }
        let user = self.new_user(name.clone(), email.clone(), language);
        let (owner, waits) = match ports.store.sign_up(&user).await? {
            Outcome::Created => (user.id, true),
            Outcome::Renewed(renewed) => (renewed.id, true),
            Outcome::Taken(taken) => (taken.id, false),
        };
        let profile = FirstProfile { name, avatar: None, push_token, language, invitation };
        let waiting = ports.store.waiting(&email).await?;
        let wanted = Wanted { email: &email, user: Some(owner), profile: Some(profile) };
        let (id, code) = self.issue_code(wanted, Some((&identity, &waiting))).await?;
        let letter =
            if waits { Letter::SignUpCode { code } } else { Letter::AlreadySignedUp { code } };
        place.send(Mail { to: email, language, letter });
        Ok(Asked { ticket: identity.given, waits: waits.then_some((owner, id)) })
    }

    /// Mails a login code. An address without an account gets the same answer and no mail.
    pub async fn request_code(
        &self,
        email: Email,
        language: Language,
        asker: impl Into<Asker>,
    ) -> Result<Asked> {
        let ports = &self.shared.ports;
        let identity = Identity::of(&self.shared, &asker.into());
        let user = ports.store.user_by_email(&email).await?;
        let id = user.as_ref().map(|user| user.id);
        let place = self.place(Rank::LogIn, &identity, id).await?;
        self.count_code(&email, &identity, id).await?;
        let waiting = ports.store.waiting(&email).await?;
        let unverified = user.as_ref().is_some_and(|user| user.verified.is_none());
        let profile = unverified.then(|| {
            let mut said = identity.own(&waiting, ports.now()).into_iter();
            let said = said.find_map(|code| code.profile.clone());
            said.unwrap_or_else(|| plain_profile(&email, language))
        });
        if let Some(said) = &profile
            && let Some(refusal) = self.refusal(&email, said.invitation).await?
        {
            return self.turn_away(refusal, (identity, place), (email, user), language).await;
        }
        let wanted = Wanted { email: &email, user: id, profile };
        let (_, code) = self.issue_code(wanted, Some((&identity, &waiting))).await?;
        if user.is_some() {
            place.send(Mail { to: email, language, letter: Letter::LoginCode { code } });
        }
        Ok(Asked { ticket: identity.given, waits: None })
    }

    /// Checks a code and opens a session for the device that calls itself `device`. A guess where
    /// no code waits for the guesser costs nobody anything.
    pub async fn verify(
        &self,
        email: &Email,
        code: &str,
        device: &str,
        asker: impl Into<Asker>,
    ) -> Result<SignedIn> {
        let asker = asker.into();
        let (store, now) = (&self.shared.ports.store, self.shared.ports.now());
        let identity = Identity::of(&self.shared, &asker);
        let bad_code = || Error::new(Code::BadCode, BAD_CODE);
        let waiting = store.waiting(email).await?;
        let own = identity.own(&waiting, now);
        let Some((typed, first)) = code::typed(code).zip(own.first()) else {
            return Err(bad_code());
        };
        let counted = self.count_guess(&identity, first.user, own.len()).await?;
        let ids: Vec<ObjectId> = own.iter().map(|code| code.id).collect();
        let guessed = store.guess(&ids, TRIES, now).await?;
        let typed = code::hmac(&self.shared, email, &typed);
        let right = code::right_one(guessed, &typed).ok_or_else(bad_code)?;
        store.give_back(&counted, now).await?;
        let user = right.user.ok_or_else(bad_code)?;
        let account = self.user(user).await?.ok_or_else(bad_code)?;
        let is_new = account.verified.is_none();
        let known = !store.known_places(user, &identity.places()).await?.is_empty();
        let signed_in = self.open(right, account, device, &identity).await?;
        if !is_new && !known {
            self.tell_of_new_device(&signed_in);
        }
        Ok(signed_in)
    }

    /// Redeems a code that was right.
    async fn open(
        &self,
        code: LoginCode,
        account: User,
        device: &str,
        identity: &Identity,
    ) -> Result<SignedIn> {
        let (token, session) = self.new_session(account.id, device);
        let name = code.profile.as_ref().map_or(&account.name, |profile| &profile.name);
        let redeem = Redeem {
            code: Pass::Code(code.id),
            session: session.clone(),
            terms: terms_of(name.as_str()),
            places: identity.places(),
            admission: self.door.admission(&account.email),
        };
        self.shared.redeemed.insert(code.id, account.id);
        let auth = self.clone();
        to_the_end(async move {
            let (user, invited) = match auth.shared.ports.store.redeem(&redeem).await? {
                Entered::In(user, invited) => (user, invited),
                Entered::Gone => return Err(Error::new(Code::BadCode, BAD_CODE)),
                Entered::ShutOut => return Err(Error::forbidden(door::SHUT_OUT)),
                Entered::Suspended(until, why) => return Err(door::suspended(until, why)),
            };
            let signed_in = SignedIn { user, session, token };
            if let Some(invitation) = invited {
                auth.lead(&signed_in, invitation).await;
            }
            Ok(signed_in)
        })
        .await
    }

    /// Says by mail that somebody logged in from where nobody did before. A mail that finds no
    /// place is left out: a login never waits for it.
    fn tell_of_new_device(&self, signed_in: &SignedIn) {
        let SignedIn { user, session, .. } = signed_in;
        let letter = Letter::NewDevice { device: session.device.clone(), at: session.created };
        let mail = Mail { to: user.email.clone(), language: user.language, letter };
        match self.shared.ports.mailer.place(Rank::Known) {
            Ok(place) => place.send(mail),
            Err(error) => tracing::warn!("nobody is told of a new device: {error}"),
        }
    }

    /// Whose token this is; `Unauthenticated` when nobody's, or the session was closed or is over.
    pub async fn authenticate(&self, token: &str) -> Result<Caller> {
        let hash = hash_of(token);
        let tokens = &self.shared.tokens;
        let now = self.shared.ports.now();
        let refused = || Error::new(Code::Unauthenticated, text::UNAUTHENTICATED);
        let is_over = |known: &Known| is_idle(known.last_used(), now, self.session_idle);
        if let Some(known) = tokens.known.get(&hash).filter(|_| self.shared.believes()) {
            if is_over(&known) {
                return Err(refused());
            }
            known.seen(now, tokens);
            return Ok(known.caller);
        }
        let generation = tokens.generation.load(Ordering::SeqCst);
        let session = self.shared.ports.store.session(hash).await?;
        let known = Known::of(&session.ok_or_else(refused)?, now);
        if is_over(&known) {
            return Err(refused());
        }
        let caller = known.caller;
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
        let mut sessions = self.shared.ports.store.sessions(caller.user).await?;
        let now = self.shared.ports.now();
        // A use that lies ahead was noted by a clock that was wrong.
        sessions.iter_mut().for_each(|session| session.last_seen = session.last_seen.min(now));
        Ok(sessions)
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
        let user = self.new_user(name.clone(), email.clone(), language);
        let owner = match store.sign_up(&user).await? {
            Outcome::Created => user.id,
            Outcome::Renewed(renewed) => renewed.id,
            Outcome::Taken(user) => return Ok(Imported { user, new: false, token: None }),
        };
        let profile = first_profile(name, language);
        let wanted = Wanted { email: &email, user: Some(owner), profile: Some(profile) };
        let (code, _) = self.issue_code(wanted, None).await?;
        let (token, session) = self.new_session(owner, device.unwrap_or_default());
        let redeem = vouched(code, &session, Vec::new());
        let Entered::In(user, _) = store.redeem(&redeem).await? else {
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
        let wanted = Wanted { email: &account.email, user: Some(user), profile: None };
        let (code, _) = self.issue_code(wanted, None).await?;
        let (token, session) = self.new_session(user, device);
        let redeem = vouched(code, &session, terms_of(account.name.as_str()));
        let auth = self.clone();
        to_the_end(async move {
            let Entered::In(user, _) = auth.shared.ports.store.redeem(&redeem).await? else {
                return Err(Error::not_found(text::NO_USER));
            };
            Ok(SignedIn { user, session, token })
        })
        .await
    }

    /// Writes down when sessions were last used.
    pub(crate) async fn flush_seen(&self) -> Result<()> {
        let seen = self.shared.tokens.noted();
        if seen.is_empty() { Ok(()) } else { self.shared.ports.store.touch(&seen).await }
    }

    /// What a sweep may remove.
    pub(crate) fn due(&self, now: Time) -> Due {
        Due {
            now,
            unverified: now.minus(UNVERIFIED_FOR),
            idle: now.minus(self.session_idle),
            places: now.minus(PLACE_LIFE),
        }
    }

    /// How often a session that is connected counts as used, so that it never ends for want of use.
    pub(crate) fn connected_every(&self) -> Duration {
        self.session_idle / 4
    }

    async fn user(&self, id: UserId) -> Result<Option<User>> {
        Ok(self.shared.ports.store.users(&[id]).await?.pop())
    }

    /// Which of the places that somebody asks from the account was logged in from. For an address
    /// without an account the same is asked for nobody.
    async fn known(&self, identity: &Identity, user: Option<UserId>) -> Result<Vec<AskerKey>> {
        let ports = &self.shared.ports;
        let user = user.unwrap_or_else(|| UserId(ports.ids.next()));
        let known = ports.store.known_places(user, &identity.places()).await?;
        // The device first.
        Ok(identity.places().into_iter().filter(|key| known.contains(key)).collect())
    }

    /// The place of a mail, taken whether or not there will be one. Where somebody logged in
    /// before, there is one even when strangers have filled all that they may.
    async fn place(&self, rank: Rank, identity: &Identity, user: Option<UserId>) -> Result<Place> {
        let mailer = &self.shared.ports.mailer;
        match mailer.place(rank) {
            Ok(place) => Ok(place),
            Err(full) => {
                if self.known(identity, user).await?.is_empty() {
                    Err(full)
                } else {
                    mailer.place(Rank::Known)
                }
            }
        }
    }

    async fn count_code(
        &self,
        email: &Email,
        identity: &Identity,
        user: Option<UserId>,
    ) -> Result<()> {
        let ways = self.limits.asking(email, &identity.blocks);
        let Err(refused) = self.count(&ways).await else { return Ok(()) };
        let known = self.known(identity, user).await?;
        let device = |key| identity.ticket == Some(key);
        let ways = known.iter().map(|key| self.limits.asking_known(email, *key, device(*key)));
        self.count(&ways.collect::<Vec<_>>()).await.map_err(|_| refused).map(drop)
    }

    /// Counts a guess; what to give back should it be right. A device that logged in before is
    /// bounded by the tries of its own codes alone.
    async fn count_guess(
        &self,
        identity: &Identity,
        user: Option<UserId>,
        codes: usize,
    ) -> Result<Vec<Quota>> {
        let refused = match self.count(&self.limits.guessing(&identity.blocks, codes)).await {
            Ok(counted) => return Ok(counted),
            Err(refused) => refused,
        };
        let known = self.known(identity, user).await?;
        let device = identity.ticket.is_some_and(|ticket| known.contains(&ticket));
        if device { Ok(Vec::new()) } else { Err(refused) }
    }

    /// Counts in the first way that has room, and answers it; when none has, the soonest end.
    async fn count(&self, ways: &[Vec<Quota>]) -> Result<Vec<Quota>> {
        let (now, mut soonest) = (self.shared.ports.now(), None);
        for way in ways {
            match self.shared.ports.store.take(way, now).await? {
                None => return Ok(way.clone()),
                Some(until) => soonest = Some(soonest.map_or(until, |end: Time| end.min(until))),
            }
        }
        Err(Error::too_many(soonest.unwrap_or(now).since(now)))
    }

    /// Puts a new code; what names it, and its digits. Without an asker nobody can guess at it.
    async fn issue_code(
        &self,
        wanted: Wanted<'_>,
        asker: Option<(&Identity, &[LoginCode])>,
    ) -> Result<(ObjectId, String)> {
        let ports = &self.shared.ports;
        let code = code::drawn(&*ports.entropy);
        let (ticket, network) = asker.map_or((None, None), |(identity, _)| identity.binding());
        let stored = LoginCode {
            id: ports.ids.next(),
            email: wanted.email.clone(),
            user: wanted.user,
            ticket,
            network,
            hmac: code::hmac(&self.shared, wanted.email, &code),
            tries: 0,
            expires: ports.now().plus(CODE_LIFE),
            profile: wanted.profile,
        };
        let over = asker.map(|(identity, waiting)| identity.replaced(waiting));
        ports.store.put_code(&stored, &over.unwrap_or_default()).await?;
        Ok((stored.id, code))
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
            reach: Strangers::default(),
            groups: AddedBy::default(),
            language,
            card: None,
            created: ports.now(),
            verified: None,
            deleted: None,
            operator: false,
            standing: Standing::Fine,
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

/// Codes that were right, for a while: a picture that is looked at for longer than the code takes
/// to be entered goes to the account.
pub(crate) struct Redeemed(moka::sync::Cache<ObjectId, UserId>);

impl Default for Redeemed {
    fn default() -> Self {
        let cache = moka::sync::Cache::builder().max_capacity(10_000).time_to_live(CODE_LIFE);
        Self(cache.build())
    }
}

impl Redeemed {
    fn insert(&self, code: ObjectId, user: UserId) {
        self.0.insert(code, user);
    }

    /// Whether a code opened an account a moment ago.
    pub(crate) fn opened(&self, code: ObjectId, user: UserId) -> bool {
        self.0.get(&code) == Some(user)
    }
}

/// A code to be issued.
struct Wanted<'a> {
    email: &'a Email,
    user: Option<UserId>,
    profile: Option<FirstProfile>,
}

/// A login that somebody at the machine vouches for, from no place.
fn vouched(code: ObjectId, session: &Session, terms: Vec<String>) -> Redeem {
    let (code, session, admission) = (Pass::Code(code), session.clone(), Admission::Anybody);
    Redeem { code, session, terms, places: Vec::new(), admission }
}

/// What an account begins as when its code was requested without a sign-up.
fn plain_profile(email: &Email, language: Language) -> FirstProfile {
    let local = email.as_str().split('@').next().unwrap_or_default();
    let name = Name::parse("email", local).unwrap_or_else(|_| Name::stored(local.to_owned()));
    first_profile(name, language)
}

const fn first_profile(name: Name, language: Language) -> FirstProfile {
    FirstProfile { name, avatar: None, push_token: None, language, invitation: None }
}
