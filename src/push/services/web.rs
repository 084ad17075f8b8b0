//! Web Push (RFC 8030): browsers, and Android by UnifiedPush. What is said is encrypted for the
//! device (RFC 8291), and the server shows who it is by its VAPID key (RFC 8292), which needs no
//! account anywhere. Called by `super::Services`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE};

use super::seal::seal;
use super::sign::Signer;
use crate::clock::Time;
use crate::model::push::Endpoint;
use crate::outside::{Address, Allowed};
use crate::push::{Notice, Topic, Urgency};

/// How long a token serves: services allow a day.
const TOKEN_LIFE: Duration = Duration::from_secs(12 * 3600);
/// It is made again when it has this long left, so that no service's clock finds it too old.
const TOKEN_LEFT: Duration = Duration::from_secs(6 * 3600);
/// Services whose tokens are remembered; beyond them all are made again.
const TOKENS: usize = 1024;

/// Makes requests for Web Push.
pub(super) struct Web {
    signer: Signer,
    /// Its public key, in base64url.
    public_key: String,
    /// How a service reaches who runs this server: `mailto:…` or `https://…`.
    contact: String,
    allowed: Allowed,
    tokens: Mutex<HashMap<String, (Time, String)>>,
}

impl Web {
    /// Reads the VAPID key (PEM). The error says what is wrong with it.
    pub(super) fn new(pem: &[u8], contact: String, allowed: Allowed) -> Result<Self, &'static str> {
        let signer = Signer::es256(pem)?;
        let public_key = signer.public_point().map(|point| URL_SAFE_NO_PAD.encode(point));
        let public_key = public_key.unwrap_or_default();
        Ok(Self { signer, public_key, contact, allowed, tokens: Mutex::default() })
    }

    pub(super) fn public_key(&self) -> &str {
        &self.public_key
    }

    /// Whether an endpoint can be sent to, as far as that shows from its text.
    pub(super) fn address(&self, endpoint: &Endpoint) -> Option<Address> {
        Address::parse(endpoint.as_str(), &self.allowed).ok()
    }

    /// The request that tells a device. The error says, for the log, why there is none.
    pub(super) fn request(
        &self,
        (endpoint, p256dh, auth): (&Endpoint, &[u8; 65], &[u8; 16]),
        notice: &Notice,
        salt: [u8; 16],
        now: Time,
    ) -> Result<Request<Full<Bytes>>, &'static str> {
        let address = self.address(endpoint).ok_or("its endpoint may not be reached from here")?;
        let text = notice.said.json(notice.language);
        let sealed = seal(text.as_bytes(), p256dh, auth, salt);
        let sealed = sealed.map_err(|_| "its key is not one")?;
        let token = self.token(address.origin(), now).ok_or("no token could be signed")?;
        let urgency = if notice.urgency == Urgency::High { "high" } else { "normal" };
        let uri = address.uri().ok_or("its endpoint is not a URI")?;
        let mut request = Request::post(uri)
            .header(AUTHORIZATION, format!("vapid t={token}, k={}", self.public_key))
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_ENCODING, "aes128gcm")
            .header("ttl", notice.ttl.as_secs())
            .header("urgency", urgency);
        if let Some(topic) = notice.topic.as_ref().map(Topic::as_str) {
            request = request.header("topic", topic);
        }
        request.body(Full::new(sealed.into())).map_err(|_| "it makes no request")
    }

    /// A token for an origin, of before or made now.
    fn token(&self, origin: String, now: Time) -> Option<String> {
        let mut tokens = self.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((until, token)) = tokens.get(&origin)
            && until.since(now) > TOKEN_LEFT
        {
            return Some(token.clone());
        }
        let until = now.plus(TOKEN_LIFE);
        let claims = serde_json::json!({
            "aud": origin,
            "exp": until.millis() / 1000,
            "sub": self.contact,
        });
        let token = self.signer.token(None, &claims)?;
        if tokens.len() >= TOKENS {
            tokens.clear();
        }
        tokens.insert(origin, (until, token.clone()));
        Some(token)
    }
}
