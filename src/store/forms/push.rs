//! Where a subscription leads, and for whom its pushes are encrypted.

use serde::{Deserialize, Serialize};

use super::broken;
use super::values::Bytes;
use crate::error::Result;
use crate::model::push::{Endpoint, Kind, Target};
use crate::model::text::PushToken;

/// A target, but for its kind, which it is kept under.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    endpoint: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    p256dh: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    auth: Option<Bytes>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    topic: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    sandbox: bool,
}

const EMPTY: TargetForm = TargetForm {
    endpoint: None,
    p256dh: None,
    auth: None,
    token: None,
    topic: None,
    sandbox: false,
};

impl From<&Target> for TargetForm {
    fn from(target: &Target) -> Self {
        match target {
            Target::Web { endpoint, p256dh, auth } => Self {
                endpoint: Some(endpoint.as_str().into()),
                p256dh: Some(Bytes(p256dh.to_vec())),
                auth: Some(Bytes(auth.to_vec())),
                ..EMPTY
            },
            Target::Fcm { token } => Self { token: Some(token.as_str().into()), ..EMPTY },
            Target::Apns { token, topic, sandbox, .. } => Self {
                token: Some(token.as_str().into()),
                topic: Some(topic.clone()),
                sandbox: *sandbox,
                ..EMPTY
            },
        }
    }
}

impl TargetForm {
    /// The target that was stored under a kind.
    pub fn target(self, kind: Kind) -> Result<Target> {
        self.read(kind).ok_or_else(|| broken("subscription"))
    }

    fn read(self, kind: Kind) -> Option<Target> {
        let token = self.token.map(PushToken::stored);
        Some(match kind {
            Kind::Web => Target::Web {
                endpoint: Endpoint::stored(self.endpoint?),
                p256dh: self.p256dh?.0.try_into().ok()?,
                auth: self.auth?.0.try_into().ok()?,
            },
            Kind::Fcm => Target::Fcm { token: token? },
            Kind::Apns | Kind::Voip => Target::Apns {
                token: token?,
                topic: self.topic?,
                voip: kind == Kind::Voip,
                sandbox: self.sandbox,
            },
        })
    }
}
