//! Google's service (FCM, HTTP v1), by a service account: a signed claim is exchanged for a token
//! that serves an hour. Called by `super::Services`.
//!
//! Invariant: only an answer that names the device's own token makes it dead. A wrong project or
//! account is the operator's, and costs nobody their subscription.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{AUTHORIZATION, CONTENT_TYPE};
use hyper::{Request, Uri};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::outcome::{Outcome, for_log};
use super::sign::Signer;
use crate::clock::Time;
use crate::outside::{Answer, Client};
use crate::push::{Notice, Said, Topic};

const SCOPE: &str = "https://www.googleapis.com/auth/firebase.messaging";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLAIM_LIFE: Duration = Duration::from_secs(3600);
/// A token that has less than this left is replaced.
const TOKEN_LEFT: Duration = Duration::from_secs(300);
/// How long nobody asks again after no token could be had, so that pushes do not queue for it.
const REST: Duration = Duration::from_secs(5);

/// A service account, and where Google's service is.
pub struct FcmSetup {
    /// The JSON file of the account.
    pub account: String,
    /// Google's own, `https://fcm.googleapis.com`, or one of a test's.
    pub service: String,
}

impl FcmSetup {
    /// Google's own service.
    pub fn of_google(account: String) -> Self {
        Self { account, service: "https://fcm.googleapis.com".to_owned() }
    }
}

/// The parts of a service account's file that are needed.
#[derive(Deserialize)]
struct Account {
    project_id: String,
    client_email: String,
    private_key: String,
    private_key_id: Option<String>,
    token_uri: String,
}

/// Makes requests for Google's service.
pub(super) struct Fcm {
    signer: Signer,
    account: Account,
    send: Uri,
    token: Mutex<Access>,
}

/// What is known of the token.
#[derive(Default)]
enum Access {
    #[default]
    None,
    Token {
        until: Time,
        token: String,
    },
    Failed {
        at: Time,
        why: Outcome,
    },
}

impl Fcm {
    /// Reads the account. The error says what is wrong with it, and nothing of it.
    pub(super) fn new(setup: &FcmSetup) -> Result<Self, &'static str> {
        let account: Account = serde_json::from_str(&setup.account)
            .map_err(|_| "is not the JSON file of a service account")?;
        let signer = Signer::rs256(account.private_key.as_bytes())?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "-.:_".contains(c);
        if account.project_id.is_empty() || !account.project_id.chars().all(plain) {
            return Err("has no project_id");
        }
        let send = format!("{}/v1/projects/{}/messages:send", setup.service, account.project_id);
        let send = send.parse().map_err(|_| "has no project_id")?;
        Ok(Self { signer, account, send, token: Mutex::default() })
    }

    /// The token for requests. One at a time asks for it; the others wait for what that one gets.
    pub(super) async fn token(&self, client: &Client, now: Time) -> Result<String, Outcome> {
        let mut access = self.token.lock().await;
        match &*access {
            Access::Token { until, token } if until.since(now) > TOKEN_LEFT => {
                return Ok(token.clone());
            }
            Access::Failed { at, why } if now.since(*at) < REST => return Err(why.clone()),
            _ => {}
        }
        match self.ask(client, now).await {
            Ok((until, token)) => {
                *access = Access::Token { until, token: token.clone() };
                Ok(token)
            }
            Err(why) => {
                *access = Access::Failed { at: now, why: why.clone() };
                Err(why)
            }
        }
    }

    async fn ask(&self, client: &Client, now: Time) -> Result<(Time, String), Outcome> {
        let claims = json!({
            "iss": self.account.client_email,
            "scope": SCOPE,
            "aud": self.account.token_uri,
            "iat": now.millis() / 1000,
            "exp": now.plus(CLAIM_LIFE).millis() / 1000,
        });
        let unsent = Outcome::Unsent("no claim could be signed");
        let claim = self.signer.token(self.account.private_key_id.as_deref(), &claims);
        let form = [("grant_type", GRANT), ("assertion", &claim.ok_or(unsent.clone())?)];
        let form = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
        let request = Request::post(&self.account.token_uri)
            .header(CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Full::new(form.into()))
            .map_err(|_| unsent)?;
        let answer = client.send(request).await.map_err(Outcome::from)?;
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        match (body["access_token"].as_str(), body["expires_in"].as_u64()) {
            (Some(token), Some(life_s)) if answer.status.is_success() => {
                let life = Duration::from_secs(life_s).min(CLAIM_LIFE);
                Ok((now.plus(life), token.to_owned()))
            }
            _ => Err(match Outcome::of(&answer) {
                failed @ (Outcome::Failed(..) | Outcome::Throttled(_)) => failed,
                _ => {
                    let why = for_log(body["error"].as_str().unwrap_or_default());
                    Outcome::Refused(format!("no token: status {} {why}", answer.status.as_u16()))
                }
            }),
        }
    }

    /// The request that tells an app. The error says, for the log, why there is none.
    pub(super) fn request(
        &self,
        device: &str,
        notice: &Notice,
        token: &str,
    ) -> Result<Request<Full<Bytes>>, &'static str> {
        // What somebody sees at once may wake the device; what only tidies up may not.
        let wakes = !matches!(notice.said, Said::Read { .. } | Said::Changed { .. });
        let mut android = json!({
            "priority": if wakes { "HIGH" } else { "NORMAL" },
            "ttl": format!("{}s", notice.ttl.as_secs()),
        });
        // Only four of these may be out for a device: calls have them, chats do not.
        let call = matches!(notice.said, Said::Call { .. });
        if let Some(topic) = notice.topic.as_ref().filter(|_| call) {
            android["collapse_key"] = Topic::as_str(topic).into();
        }
        let said = notice.said.json(notice.language);
        let message = json!({ "token": device, "data": { "push": said }, "android": android });
        Request::post(&self.send)
            .header(AUTHORIZATION, format!("Bearer {token}"))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(json!({ "message": message }).to_string().into()))
            .map_err(|_| "it makes no request")
    }

    /// What an answer means.
    pub(super) async fn judge(&self, answer: &Answer) -> Outcome {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let details = body["error"]["details"].as_array().map_or(&[][..], Vec::as_slice);
        let code = details.iter().find_map(|detail| detail["errorCode"].as_str());
        match (answer.status.as_u16(), code.unwrap_or_default()) {
            (_, "UNREGISTERED" | "SENDER_ID_MISMATCH") => Outcome::Gone,
            (400, _) if details.iter().any(names_the_token) => Outcome::Gone,
            (401, _) => {
                *self.token.lock().await = Access::None;
                Outcome::Throttled(None)
            }
            (status @ 400..=404, code) => {
                let why = if code.is_empty() { &body["error"]["status"] } else { &json!(code) };
                let why = for_log(why.as_str().unwrap_or_default());
                Outcome::Refused(format!("status {status} {why}"))
            }
            _ => Outcome::of(answer),
        }
    }
}

/// Whether a detail of an error says that the device's token is not one.
fn names_the_token(detail: &Value) -> bool {
    let fields = detail["fieldViolations"].as_array().map_or(&[][..], Vec::as_slice);
    fields.iter().any(|field| field["field"] == "message.token")
}
