//! How a device asks to be told when it has no connection, and what a server offers for that.
//! Called by `http`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::core::push::Offer;
use crate::error::{Error, Result, Text, text};
use crate::model::push::{Kind, Target};

const OTHER_KIND: Text = Text {
    en: "A subscription of this kind does not have this field.",
    es: "Una suscripción de este tipo no tiene este campo.",
};

/// By which service a device is reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PushKind {
    /// Web Push (RFC 8030): browsers, and UnifiedPush on Android.
    Web,
    /// Firebase Cloud Messaging.
    Fcm,
    /// The Apple Push Notification service.
    Apns,
}

impl From<Kind> for PushKind {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Web => Self::Web,
            Kind::Fcm => Self::Fcm,
            Kind::Apns | Kind::Voip => Self::Apns,
        }
    }
}

/// What a server offers to devices that sleep.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PushOffer {
    /// The `applicationServerKey` for browsers, in base64url: an uncompressed point on P-256;
    /// absent when it reaches none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vapid: Option<String>,
    /// By which services it reaches devices; none: it tells nobody.
    pub kinds: Vec<PushKind>,
}

impl From<Offer> for PushOffer {
    fn from(offer: Offer) -> Self {
        let kinds =
            [(Kind::Web, PushKind::Web), (Kind::Fcm, PushKind::Fcm), (Kind::Apns, PushKind::Apns)];
        let kinds =
            kinds.into_iter().filter(|(kind, _)| offer.kinds.contains(kind)).map(|(_, name)| name);
        Self { vapid: offer.vapid_key, kinds: kinds.collect() }
    }
}

/// The keys that a browser gives with its endpoint.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PushKeys {
    /// The client's public key, in base64url (RFC 8291).
    pub p256dh: String,
    /// The client's authentication secret, in base64url (RFC 8291).
    pub auth: String,
}

/// Where to tell this device: `web` has `endpoint` and `keys`, `fcm` has `token`, `apns` has
/// `token` and `topic`.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PutPush {
    /// By which service.
    pub kind: PushKind,
    /// The URL that the push service gave; for `web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub endpoint: Option<String>,
    /// What pushes are encrypted for; for `web`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keys: Option<PushKeys>,
    /// What the service knows the app by; for `fcm` and `apns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub token: Option<String>,
    /// The app's bundle id; for `apns`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub topic: Option<String>,
    /// The token is PushKit's, for calls alone; for `apns`. A session may have one of these beside
    /// one for alerts.
    #[serde(default)]
    pub voip: bool,
    /// The token is of Apple's service for apps in development; for `apns`.
    #[serde(default)]
    pub sandbox: bool,
}

impl PutPush {
    /// The target that it names; an error names the field that is wrong or missing.
    pub fn target(self) -> Result<Target> {
        let absent = |field, is_there: bool| {
            if is_there { Err(Error::field(field, OTHER_KIND)) } else { Ok(()) }
        };
        let missing = |field| move || Error::field(field, text::MISSING);
        if self.kind != PushKind::Web {
            absent("endpoint", self.endpoint.is_some())?;
            absent("keys", self.keys.is_some())?;
        }
        if self.kind != PushKind::Apns {
            absent("topic", self.topic.is_some())?;
            absent("voip", self.voip)?;
            absent("sandbox", self.sandbox)?;
        }
        match self.kind {
            PushKind::Web => {
                absent("token", self.token.is_some())?;
                let endpoint = self.endpoint.ok_or_else(missing("endpoint"))?;
                let keys = self.keys.ok_or_else(missing("keys"))?;
                Target::web(&endpoint, &keys.p256dh, &keys.auth)
            }
            PushKind::Fcm => Target::fcm(&self.token.ok_or_else(missing("token"))?),
            PushKind::Apns => {
                let token = self.token.ok_or_else(missing("token"))?;
                let topic = self.topic.ok_or_else(missing("topic"))?;
                Target::apns(&token, &topic, self.voip, self.sandbox)
            }
        }
    }
}
