//! Who asks: authentication of TURN requests, and the answers to those that are refused.
//!
//! Guarantees: nothing is changed before the integrity value is right; a refused stranger costs
//! no memory. Called by the front door; hands over to `allocate` and `permit`.

use crate::auth::Username;
use crate::out::Out;
use crate::server::{Server, is_known};
use crate::stun::{
    Class, ErrorCode, IntegrityKey, Message, Method, UnknownAttributes, Writer, attribute,
};
use crate::tuple::{FiveTuple, Now};

/// A request whose sender is known.
pub(crate) struct Request<'a> {
    pub now: Now,
    pub tuple: FiveTuple,
    pub message: Message<'a>,
    pub username: &'a [u8],
    /// The part of the username that quotas go by.
    pub user: &'a str,
    /// The credential only tries whether relays can be reached.
    pub is_trial: bool,
    pub key: IntegrityKey,
}

impl Request<'_> {
    /// Writes a protected success answer.
    pub fn succeed(&self, out: &mut Out, body: impl FnOnce(&mut Writer<'_>)) {
        let message = &self.message;
        let answer = Answer {
            tuple: self.tuple,
            method: message.method(),
            transaction: message.transaction(),
            key: Some(self.key),
            fingerprint: message.has_fingerprint(),
        };
        answer.write(Class::Success, out, body);
    }
}

/// Where and how to answer; kept apart from the request, which is gone when a relay is bound.
#[derive(Clone, Copy)]
pub(crate) struct Answer {
    pub tuple: FiveTuple,
    pub method: Method,
    pub transaction: crate::stun::TransactionId,
    pub key: Option<IntegrityKey>,
    pub fingerprint: bool,
}

impl Answer {
    pub fn write(self, class: Class, out: &mut Out, body: impl FnOnce(&mut Writer<'_>)) {
        out.send_client(self.tuple, false, |buffer| {
            let mut answer = Writer::new(buffer, class, self.method, self.transaction);
            body(&mut answer);
            if let Some(key) = self.key {
                answer.integrity(&key);
            }
            if self.fingerprint {
                answer.fingerprint();
            }
        });
    }
}

/// Why a request is refused.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Refusal {
    pub code: ErrorCode,
    /// For 420.
    pub unknown: UnknownAttributes,
}

impl From<ErrorCode> for Refusal {
    fn from(code: ErrorCode) -> Self {
        Self { code, unknown: UnknownAttributes::default() }
    }
}

impl Refusal {
    /// 420 for these attributes.
    pub fn unknown(unknown: UnknownAttributes) -> Self {
        Self { code: ErrorCode::UNKNOWN_ATTRIBUTE, unknown }
    }
}

impl Server {
    pub(crate) fn handle_request(
        &mut self,
        now: Now,
        tuple: FiveTuple,
        message: &Message<'_>,
        out: &mut Out,
    ) {
        match self.authenticate(now, tuple, message) {
            Err(code) => {
                self.refuse(now, tuple, message, None, code.into(), out);
                self.check_reflection(now, tuple, message, out);
            }
            Ok(request) => {
                self.hear(now, tuple);
                if let Err(refusal) = self.dispatch(&request, out) {
                    self.refuse(now, tuple, message, Some(request.key), refusal, out);
                }
            }
        }
    }

    /// The client of an allocation is there.
    fn hear(&mut self, now: Now, tuple: FiveTuple) {
        let own = self.by_client.get(&tuple).and_then(|key| self.relays.get_mut(*key));
        if let Some(relay) = own {
            relay.heard_ms = now.mono_ms;
        }
    }

    fn dispatch(&mut self, request: &Request<'_>, out: &mut Out) -> Result<(), Refusal> {
        self.check_owner(request)?;
        let unknown = request.message.unknown_attributes(is_known);
        if !unknown.is_empty() {
            return Err(Refusal::unknown(unknown));
        }
        match request.message.method() {
            Method::ALLOCATE => self.allocate(request, out),
            Method::REFRESH => self.refresh(request, out),
            Method::CREATE_PERMISSION => self.create_permission(request, out),
            Method::CHANNEL_BIND => self.channel_bind(request, out),
            other => unreachable!("the front door passes TURN requests only, not {other:?}"),
        }
    }

    /// The long-term credential mechanism (RFC 8489 §9.2.4).
    fn authenticate<'a>(
        &mut self,
        now: Now,
        tuple: FiveTuple,
        message: &Message<'a>,
    ) -> Result<Request<'a>, ErrorCode> {
        if !message.has_integrity() {
            return Err(ErrorCode::UNAUTHENTICATED);
        }
        let needed = |kind| message.find(kind).ok_or(ErrorCode::BAD_REQUEST);
        let username = needed(attribute::USERNAME)?;
        let realm = needed(attribute::REALM)?;
        let nonce = needed(attribute::NONCE)?;
        if !self.guard.nonce_is_fresh(nonce, now.unix_s, tuple.client) {
            self.counters.stale_nonces += 1;
            return Err(ErrorCode::STALE_NONCE);
        }
        let key = (realm == self.guard.realm().as_bytes())
            .then(|| self.key_of(now, tuple, message, username))
            .flatten();
        match (key, Username::parse(username)) {
            (Some(key), Some(Username { user, is_trial, .. })) => {
                Ok(Request { now, tuple, message: *message, username, user, is_trial, key })
            }
            _ => {
                self.counters.auth_failures += 1;
                Err(ErrorCode::UNAUTHENTICATED)
            }
        }
    }

    /// The key that verifies the message. A running allocation keeps the key it was made with,
    /// whatever became of its credential's expiry and secret: expiry is checked where an
    /// allocation begins and nowhere else, so that no call is cut by the clock. A trial is none.
    fn key_of(
        &self,
        now: Now,
        tuple: FiveTuple,
        message: &Message<'_>,
        username: &[u8],
    ) -> Option<IntegrityKey> {
        let relay = self.by_client.get(&tuple).and_then(|key| self.relays.get(*key));
        let own = relay.and_then(|relay| relay.client());
        let Username { expiry_unix_s, is_trial, .. } = Username::parse(username)?;
        let is_expired = expiry_unix_s <= now.unix_s;
        if is_trial && is_expired {
            return None;
        }
        if let Some(own) = own.filter(|own| *own.username == *username) {
            return message.verify_integrity(&own.key).then_some(own.key);
        }
        if is_expired && message.method() == Method::ALLOCATE {
            return None;
        }
        self.guard.find_key(message, username)
    }

    /// An allocation obeys the username that made it (RFC 8656 §5).
    fn check_owner(&mut self, request: &Request<'_>) -> Result<(), ErrorCode> {
        let relay = self.by_client.get(&request.tuple).and_then(|key| self.relays.get(*key));
        match relay.and_then(|relay| relay.client()) {
            Some(own) if *own.username != *request.username => {
                self.counters.auth_failures += 1;
                Err(ErrorCode::WRONG_CREDENTIALS)
            }
            _ => Ok(()),
        }
    }

    /// Answers with an error: protected for those we know, with a challenge for those who have
    /// yet to prove themselves.
    fn refuse(
        &mut self,
        now: Now,
        tuple: FiveTuple,
        message: &Message<'_>,
        key: Option<IntegrityKey>,
        refusal: Refusal,
        out: &mut Out,
    ) {
        let answer = Answer {
            tuple,
            method: message.method(),
            transaction: message.transaction(),
            key,
            fingerprint: message.has_fingerprint(),
        };
        self.count_refusal(refusal.code);
        let guard = &self.guard;
        answer.write(Class::Error, out, |answer| {
            answer.error(refusal.code);
            if !refusal.unknown.is_empty() {
                answer.unknown_attributes(refusal.unknown.kinds());
            }
            if [ErrorCode::UNAUTHENTICATED, ErrorCode::STALE_NONCE].contains(&refusal.code) {
                answer.attribute(attribute::REALM, guard.realm().as_bytes());
                answer.attribute(attribute::NONCE, &guard.nonce(now.unix_s, tuple.client));
            }
        });
    }

    pub(crate) fn count_refusal(&mut self, code: ErrorCode) {
        match code {
            ErrorCode::QUOTA_REACHED => self.counters.quota_refusals += 1,
            ErrorCode::INSUFFICIENT_CAPACITY => self.counters.capacity_refusals += 1,
            ErrorCode::FORBIDDEN => self.counters.forbidden_peers += 1,
            _ => {}
        }
    }
}
