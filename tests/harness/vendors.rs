//! Google's and Apple's push services as far as a server under test speaks with them, for tests:
//! they check every token, header and body, and can be in a bad mood.

#![allow(dead_code, reason = "each test binary needs a part of it")]

use std::ops::Deref;

use bytes::Bytes;
use hyper::{Request, Version};
use rcgen::KeyPair as NewKey;
use ring::rand::SystemRandom;
use ring::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair,
    RSA_PKCS1_2048_8192_SHA256, RsaKeyPair,
};
use rustls_pki_types::PrivatePkcs8KeyDer;
use rustls_pki_types::pem::PemObject;
use serde_json::{Value, json};
use wechat::push::services::{ApnsSetup, FcmSetup};

use crate::authority::Authority;
use crate::moody::{Moody, Was, header};
use crate::tokens::{now_s, verified};

/// The key of a service account that is for tests alone.
const ACCOUNT_KEY: &str = include_str!("account_key.pem");
const EMAIL: &str = "push@wechat-test.example.org";
const ACCESS: &str = "ya29.of-the-tests";

/// Google's service. It keeps the messages.
pub struct Fcm(Moody<Value>);

impl Deref for Fcm {
    type Target = Moody<Value>;

    fn deref(&self) -> &Moody<Value> {
        &self.0
    }
}

impl Fcm {
    pub async fn start(authority: &Authority) -> Self {
        Self(Moody::start(authority, &["h2", "http/1.1"], 200, read_fcm).await)
    }

    /// What its operator would set.
    pub fn setup(&self) -> FcmSetup {
        FcmSetup { account: self.account(), service: self.origin() }
    }

    /// The JSON file of the service account.
    pub fn account(&self) -> String {
        let account = json!({
            "type": "service_account",
            "project_id": "wechat-test",
            "private_key_id": "key1",
            "private_key": ACCOUNT_KEY,
            "client_email": EMAIL,
            "token_uri": format!("{}/token", self.origin()),
        });
        account.to_string()
    }

    /// The text of an error with this code of its own.
    pub fn error(status: &str, code: &str) -> String {
        let kind = "type.googleapis.com/google.firebase.fcm.v1.FcmError";
        let details = json!([{ "@type": kind, "errorCode": code }]);
        json!({ "error": { "status": status, "details": details } }).to_string()
    }
}

fn read_fcm(request: &Request<Bytes>, origin: &str) -> Result<Was<Value>, String> {
    match request.uri().path() {
        "/token" => give_token(request, origin).map(Was::Answered),
        "/v1/projects/wechat-test/messages:send" => read_message(request).map(Was::Kept),
        path => Err(format!("path {path}")),
    }
}

fn give_token(request: &Request<Bytes>, origin: &str) -> Result<String, String> {
    let form: Vec<(String, String)> =
        url::form_urlencoded::parse(request.body()).into_owned().collect();
    let field = |name: &str| form.iter().find(|(key, _)| key == name).map(|(_, text)| text.clone());
    if field("grant_type").as_deref() != Some("urn:ietf:params:oauth:grant-type:jwt-bearer") {
        return Err(format!("form {form:?}"));
    }
    let key = PrivatePkcs8KeyDer::from_pem_slice(ACCOUNT_KEY.as_bytes()).expect("PEM");
    let key = RsaKeyPair::from_pkcs8(key.secret_pkcs8_der()).expect("a key");
    let token = field("assertion").unwrap_or_default();
    let (head, claims) = verified(&token, &RSA_PKCS1_2048_8192_SHA256, key.public_key().as_ref())?;
    let (issued, ends) = (claims["iat"].as_u64(), claims["exp"].as_u64());
    let life_s = issued.zip(ends).map(|(issued, ends)| ends - issued);
    let fits = head["alg"] == "RS256"
        && head["kid"] == "key1"
        && claims["iss"] == EMAIL
        && claims["aud"] == format!("{origin}/token")
        && claims["scope"] == "https://www.googleapis.com/auth/firebase.messaging"
        && life_s.is_some_and(|life_s| life_s <= 3600)
        && ends.is_some_and(|ends| ends > now_s());
    if !fits {
        return Err(format!("head {head}, claims {claims}"));
    }
    let given = json!({ "access_token": ACCESS, "expires_in": 3599, "token_type": "Bearer" });
    Ok(given.to_string())
}

fn read_message(request: &Request<Bytes>) -> Result<Value, String> {
    let bearer = header(request, "authorization");
    if request.method() != "POST" || bearer != Some(format!("Bearer {ACCESS}")) {
        return Err(format!("{} {bearer:?}", request.method()));
    }
    let body: Value = serde_json::from_slice(request.body()).map_err(|_| "no JSON")?;
    let message = &body["message"];
    let data = message["data"].as_object().ok_or("no data")?;
    let bytes: usize = data.iter().map(|(key, text)| key.len() + as_text(text).len()).sum();
    let android = &message["android"];
    let fits = message["token"].is_string()
        && data.values().all(Value::is_string)
        && bytes <= 4096
        && ["HIGH", "NORMAL"].contains(&as_text(&android["priority"]))
        && as_text(&android["ttl"]).ends_with('s');
    if fits { Ok(message.clone()) } else { Err(format!("message {message}")) }
}

fn as_text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// Apple's service. It keeps the pushes.
pub struct Apns {
    moody: Moody<ApnsCame>,
    key: NewKey,
}

impl Deref for Apns {
    type Target = Moody<ApnsCame>;

    fn deref(&self) -> &Moody<ApnsCame> {
        &self.moody
    }
}

/// A push that came to Apple's service.
#[derive(Debug, Clone)]
pub struct ApnsCame {
    pub device: String,
    pub topic: String,
    pub push_type: String,
    pub priority: String,
    pub collapse: Option<String>,
    pub left_s: u64,
    pub payload: Value,
}

impl Apns {
    pub async fn start(authority: &Authority) -> Self {
        let key = NewKey::generate().expect("a key");
        let known = key.serialize_der();
        let read = move |request: &Request<Bytes>, _: &str| read_apns(request, &known);
        let moody = Moody::start(authority, &["h2"], 200, move |request, origin| {
            read(request, origin).map(Was::Kept)
        });
        Self { moody: moody.await, key }
    }

    /// What its operator would set; both services are this one.
    pub fn setup(&self) -> ApnsSetup {
        ApnsSetup {
            key_pem: self.key.serialize_pem(),
            key_id: "ABC123DEFG".into(),
            team_id: "DEF123GHIJ".into(),
            service: self.origin(),
            sandbox: self.origin(),
        }
    }
}

fn read_apns(request: &Request<Bytes>, key: &[u8]) -> Result<ApnsCame, String> {
    let header = |name| header(request, name);
    if request.version() != Version::HTTP_2 || request.method() != "POST" {
        return Err(format!("{} by {:?}", request.method(), request.version()));
    }
    let device = request.uri().path().strip_prefix("/3/device/").ok_or("another path")?;
    if device.is_empty() || !device.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(format!("device {device}"));
    }
    let signer = &ECDSA_P256_SHA256_FIXED_SIGNING;
    let key = EcdsaKeyPair::from_pkcs8(signer, key, &SystemRandom::new()).expect("a key");
    let bearer = header("authorization").unwrap_or_default();
    let token = bearer.strip_prefix("bearer ").ok_or("no token")?;
    let (head, claims) = verified(token, &ECDSA_P256_SHA256_FIXED, key.public_key().as_ref())?;
    let age_s = claims["iat"].as_u64().and_then(|issued| now_s().checked_sub(issued));
    let known = head["kid"] == "ABC123DEFG" && claims["iss"] == "DEF123GHIJ";
    if head["alg"] != "ES256" || !known || age_s.is_none_or(|age_s| age_s > 3600) {
        return Err(format!("head {head}, claims {claims}"));
    }
    let ends: u64 = header("apns-expiration").and_then(|text| text.parse().ok()).unwrap_or(0);
    let came = ApnsCame {
        device: device.to_owned(),
        topic: header("apns-topic").ok_or("no topic")?,
        push_type: header("apns-push-type").ok_or("no type")?,
        priority: header("apns-priority").unwrap_or_default(),
        collapse: header("apns-collapse-id"),
        left_s: ends.saturating_sub(now_s()),
        payload: serde_json::from_slice(request.body()).map_err(|_| "no JSON")?,
    };
    let aps = &came.payload["aps"];
    let fits = match came.push_type.as_str() {
        "alert" => aps["alert"].is_object() && came.priority == "10",
        "background" => {
            aps["content-available"] == 1 && aps["alert"].is_null() && came.priority == "5"
        }
        "voip" => came.topic.ends_with(".voip") && came.priority == "10",
        _ => false,
    };
    let most = if came.push_type == "voip" { 5120 } else { 4096 };
    let collapse = came.collapse.as_ref().is_none_or(|id| id.len() <= 64);
    let fits = fits && aps.is_object() && collapse && request.body().len() <= most;
    if fits { Ok(came) } else { Err(format!("{came:?}, {} bytes", request.body().len())) }
}
