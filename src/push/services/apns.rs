//! Apple's service: HTTP/2, and a token signed with the key that Apple gave the app's owner. Called
//! by `super::Services`.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::AUTHORIZATION;
use serde_json::{Value, json};

use super::outcome::{Outcome, for_log};
use super::sign::Signer;
use crate::clock::Time;
use crate::error::{Language, Text};
use crate::outside::Answer;
use crate::push::{Notice, Said, Topic, Words};

/// Apple refuses a token that is older than an hour, and one that is made too often.
const TOKEN_LIFE: Duration = Duration::from_secs(45 * 60);

const MESSAGE: Text = Text { en: "New message", es: "Mensaje nuevo" };
const CALL: Text = Text { en: "Incoming call", es: "Llamada entrante" };
const VIDEO_CALL: Text = Text { en: "Incoming video call", es: "Videollamada entrante" };
const CALL_ENDED: Text = Text { en: "The call has ended", es: "La llamada ha terminado" };
const TEST: Text = Text { en: "Notifications arrive.", es: "Las notificaciones llegan." };

/// What Apple gave the owner of the app, and where its service is.
pub struct ApnsSetup {
    /// The key, in PEM (a `.p8` file).
    pub key_pem: String,
    /// What Apple calls the key.
    pub key_id: String,
    /// What Apple calls the owner.
    pub team_id: String,
    /// The service for apps from the store.
    pub service: String,
    /// The service for apps in development.
    pub sandbox: String,
}

impl ApnsSetup {
    /// Apple's own services.
    pub fn of_apple(key_pem: String, key_id: String, team_id: String) -> Self {
        let service = "https://api.push.apple.com".to_owned();
        let sandbox = "https://api.sandbox.push.apple.com".to_owned();
        Self { key_pem, key_id, team_id, service, sandbox }
    }
}

/// Makes requests for Apple's service.
pub(super) struct Apns {
    signer: Signer,
    setup: ApnsSetup,
    token: Mutex<Option<(Time, String)>>,
}

/// A device of Apple's.
#[derive(Clone, Copy)]
pub(super) struct Device<'a> {
    pub(super) token: &'a str,
    pub(super) topic: &'a str,
    pub(super) voip: bool,
    pub(super) sandbox: bool,
}

/// How Apple's service is to treat a push.
#[derive(Clone, Copy)]
struct Manner {
    push_type: &'static str,
    priority: &'static str,
}

const ALERT: Manner = Manner { push_type: "alert", priority: "10" };
const SILENT: Manner = Manner { push_type: "background", priority: "5" };
const VOIP: Manner = Manner { push_type: "voip", priority: "10" };

impl Apns {
    /// Reads the key. The error says what is wrong with it.
    pub(super) fn new(setup: ApnsSetup) -> Result<Self, &'static str> {
        let signer = Signer::es256(setup.key_pem.as_bytes())?;
        Ok(Self { signer, setup, token: Mutex::default() })
    }

    /// The request that tells a device. The error says, for the log, why there is none.
    pub(super) fn request(
        &self,
        device: Device<'_>,
        notice: &Notice,
        now: Time,
    ) -> Result<Request<Full<Bytes>>, &'static str> {
        let is_call = matches!(notice.said, Said::Call { .. });
        if device.voip && !is_call {
            return Err("its token is for calls alone");
        }
        let (manner, payload) = if device.voip {
            (VOIP, json!({ "aps": {}, "push": object(&notice.said, notice.language) }))
        } else {
            payload(notice)
        };
        let service = if device.sandbox { &self.setup.sandbox } else { &self.setup.service };
        let token = self.token(now).ok_or("no token could be signed")?;
        let until = now.plus(notice.ttl).millis() / 1000;
        let mut request = Request::post(format!("{service}/3/device/{}", device.token))
            .header(AUTHORIZATION, format!("bearer {token}"))
            .header("apns-topic", device.topic)
            .header("apns-push-type", manner.push_type)
            .header("apns-priority", manner.priority)
            .header("apns-expiration", until);
        if let Some(topic) = notice.topic.as_ref().map(Topic::as_str).filter(|_| !device.voip) {
            request = request.header("apns-collapse-id", topic);
        }
        let body = Full::new(payload.to_string().into());
        request.body(body).map_err(|_| "it makes no request")
    }

    /// A token of before, or one made now.
    fn token(&self, now: Time) -> Option<String> {
        let mut present = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((made, token)) = &*present
            && now.since(*made) < TOKEN_LIFE
        {
            return Some(token.clone());
        }
        let claims = json!({ "iss": self.setup.team_id, "iat": now.millis() / 1000 });
        let token = self.signer.token(Some(&self.setup.key_id), &claims)?;
        *present = Some((now, token.clone()));
        Some(token)
    }

    /// What an answer means.
    pub(super) fn judge(&self, answer: &Answer) -> Outcome {
        let body: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
        let reason = body["reason"].as_str().unwrap_or_default();
        match (answer.status.as_u16(), reason) {
            (400, "BadDeviceToken" | "DeviceTokenNotForTopic") => Outcome::Gone,
            (403, "ExpiredProviderToken") => {
                *self.token.lock().unwrap_or_else(PoisonError::into_inner) = None;
                Outcome::Throttled(None)
            }
            // A wrong path is ours, and no device is to be forgotten for it.
            (404, _) => Outcome::Refused(format!("status 404 {}", for_log(reason))),
            (status @ 400..=403, _) => {
                Outcome::Refused(format!("status {status} {}", for_log(reason)))
            }
            _ => Outcome::of(answer),
        }
    }
}

/// What an app reads: the words are in the alert already.
fn object(said: &Said, language: Language) -> Value {
    let bare = if matches!(said, Said::Call { .. }) { said.clone() } else { said.bare() };
    serde_json::from_str(&bare.json(language)).unwrap_or_default()
}

fn payload(notice: &Notice) -> (Manner, Value) {
    let language = notice.language;
    let said = notice.said.fitted(language);
    let object = object(&said, language);
    let shown = |alert: Value, rest: Value| {
        let mut aps = json!({ "alert": alert, "sound": "default", "mutable-content": 1 });
        if let (Some(aps), Value::Object(rest)) = (aps.as_object_mut(), rest) {
            aps.extend(rest);
        }
        (ALERT, json!({ "aps": aps, "push": object }))
    };
    match &said {
        Said::Message { chat, words, badge, .. } => {
            let rest = json!({ "badge": badge, "thread-id": chat.to_string() });
            shown(alert(words, MESSAGE.of(language)), rest)
        }
        Said::Changed { chat, words, badge, .. } => {
            let aps = json!({
                "alert": alert(words, MESSAGE.of(language)), "mutable-content": 1, "badge": badge,
                "thread-id": chat.to_string(), "interruption-level": "passive",
            });
            (ALERT, json!({ "aps": aps, "push": object }))
        }
        Said::Call { chat, video, title, ended, .. } => {
            let text = match (ended, video) {
                (Some(_), _) => CALL_ENDED,
                (None, true) => VIDEO_CALL,
                (None, false) => CALL,
            };
            let words = Words { title: title.clone(), ..Words::default() };
            let rest = json!({
                "thread-id": chat.to_string(),
                "interruption-level": if ended.is_some() { "passive" } else { "time-sensitive" },
            });
            shown(alert(&words, text.of(language)), rest)
        }
        Said::Read { badge, .. } => {
            let aps = json!({ "content-available": 1, "badge": badge });
            (SILENT, json!({ "aps": aps, "push": object }))
        }
        Said::Test => shown(alert(&Words::default(), TEST.of(language)), json!({})),
    }
}

fn alert(words: &Words, body: &str) -> Value {
    let mut alert = json!({ "body": words.body.as_deref().unwrap_or(body) });
    for (key, text) in [("title", &words.title), ("subtitle", &words.from)] {
        if let Some(text) = text {
            alert[key] = text.as_str().into();
        }
    }
    alert
}
