//! A push service for browsers (RFC 8030), for tests: it checks what a server under test sends by
//! code that it does not share, decrypts it as the device would, and can be in a bad mood.

#![allow(dead_code, reason = "each test binary needs a part of it")]

use std::ops::Deref;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hyper::Request;
use ring::signature::ECDSA_P256_SHA256_FIXED;
use serde_json::{Value, json};
use web_push_native::p256::SecretKey;
use web_push_native::p256::elliptic_curve::sec1::ToEncodedPoint;
use web_push_native::{Auth, decrypt};
use wechat::id::{Entropy, OsEntropy};
use wechat::model::push::Target;

use crate::authority::Authority;
use crate::moody::{Moody, Was, header, lock};
use crate::tokens::{now_s, verified};

/// A push that came, as its device reads it.
#[derive(Debug, Clone)]
pub struct Came {
    /// The number of the device.
    pub device: usize,
    pub ttl_s: u64,
    pub urgency: String,
    pub topic: Option<String>,
    /// What it says.
    pub said: Value,
    /// How many bytes it had on the way.
    pub bytes: usize,
    pub at: Instant,
}

/// A device with a subscription: what a browser gives its page.
#[derive(Debug, Clone)]
pub struct Device {
    pub number: usize,
    pub endpoint: String,
    pub p256dh: String,
    pub auth: String,
}

impl Device {
    /// As the server keeps it.
    pub fn target(&self) -> Target {
        Target::web(&self.endpoint, &self.p256dh, &self.auth).expect("a subscription")
    }

    /// As `PUT /api/v1/me/push` takes it.
    pub fn body(&self) -> Value {
        let keys = json!({ "p256dh": self.p256dh, "auth": self.auth });
        json!({ "kind": "web", "endpoint": self.endpoint, "keys": keys })
    }
}

/// The secrets of a device.
type Secrets = (SecretKey, [u8; 16]);

/// The service: `is`, `next` and `came` are those of its mood.
pub struct PushService {
    moody: Moody<Came>,
    devices: Arc<Mutex<Vec<Secrets>>>,
}

impl Deref for PushService {
    type Target = Moody<Came>;

    fn deref(&self) -> &Moody<Came> {
        &self.moody
    }
}

impl PushService {
    /// Starts one at 127.0.0.1, for which an authority vouches.
    pub async fn start(authority: &Authority) -> Self {
        let devices: Arc<Mutex<Vec<Secrets>>> = Arc::default();
        let known = devices.clone();
        let moody = Moody::start(authority, &["h2", "http/1.1"], 201, move |request, origin| {
            read(request, origin, &lock(&known)).map(Was::Kept)
        });
        Self { moody: moody.await, devices }
    }

    /// A new device.
    pub fn device(&self) -> Device {
        let mut devices = lock(&self.devices);
        let number = devices.len();
        let (mut secret, mut auth) = ([0; 32], [0; 16]);
        OsEntropy.fill(&mut secret);
        OsEntropy.fill(&mut auth);
        let secret = SecretKey::from_slice(&secret).expect("a key");
        let point = secret.public_key().to_encoded_point(false);
        devices.push((secret, auth));
        Device {
            number,
            endpoint: format!("{}/push/{number}", self.origin()),
            p256dh: URL_SAFE_NO_PAD.encode(point.as_bytes()),
            auth: URL_SAFE_NO_PAD.encode(auth),
        }
    }
}

/// Reads a push as the service and the device do; the error says what is wrong with it.
fn read(request: &Request<Bytes>, origin: &str, devices: &[Secrets]) -> Result<Came, String> {
    let header = |name| header(request, name);
    if request.method() != "POST" || header("content-encoding") != Some("aes128gcm".into()) {
        return Err(format!("{} with {:?}", request.method(), request.headers()));
    }
    let number = request.uri().path().strip_prefix("/push/").and_then(|text| text.parse().ok());
    let number: usize = number.ok_or_else(|| format!("path {}", request.uri().path()))?;
    let (secret, auth) = devices.get(number).ok_or("a device of nobody")?;
    let ttl_s = header("ttl").and_then(|text| text.parse().ok()).ok_or("no TTL")?;
    let urgency = header("urgency").unwrap_or_else(|| "normal".into());
    if !["very-low", "low", "normal", "high"].contains(&urgency.as_str()) {
        return Err(format!("urgency {urgency}"));
    }
    let topic = header("topic");
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_".contains(c);
    if topic.as_ref().is_some_and(|topic| topic.len() > 32 || !topic.chars().all(plain)) {
        return Err(format!("topic {topic:?}"));
    }
    check_vapid(&header("authorization").unwrap_or_default(), origin)?;
    let bytes = request.body().len();
    if bytes > 4096 {
        return Err(format!("{bytes} bytes"));
    }
    let text = decrypt(request.body().to_vec(), secret, &Auth::from(*auth));
    let text = text.map_err(|error| format!("not decrypted: {error:?}"))?;
    let said = serde_json::from_slice(&text).map_err(|error| format!("not JSON: {error}"))?;
    let at = Instant::now();
    Ok(Came { device: number, ttl_s, urgency, topic, said, bytes, at })
}

/// Checks `vapid t=…, k=…` (RFC 8292).
fn check_vapid(header: &str, origin: &str) -> Result<(), String> {
    let rest = header.strip_prefix("vapid ").ok_or_else(|| format!("authorization {header}"))?;
    let part = |name: &str| rest.split(", ").find_map(|part| part.strip_prefix(name));
    let (token, key) = part("t=").zip(part("k=")).ok_or("no t or k")?;
    let key = URL_SAFE_NO_PAD.decode(key).map_err(|_| "the key is not base64url")?;
    let (head, claims) = verified(token, &ECDSA_P256_SHA256_FIXED, &key)?;
    let left_s = claims["exp"].as_u64().unwrap_or_default().checked_sub(now_s());
    let contact = claims["sub"].as_str().unwrap_or_default();
    let fits = head["alg"] == "ES256"
        && claims["aud"] == origin
        && left_s.is_some_and(|left_s| (1..=86_400).contains(&left_s))
        && ["mailto:", "https://"].iter().any(|scheme| contact.starts_with(scheme));
    if fits { Ok(()) } else { Err(format!("claims {claims}")) }
}
