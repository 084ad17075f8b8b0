//! What a person wants to be told of, as it is said and answered. Called by `http` and `ws`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{both_ways, is_false};
use crate::error::Result;
use crate::model::{alerts, chats};

/// Of which messages of a chat one is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// Of every message.
    All,
    /// Of those that mention you, by name or as one of all.
    Mentions,
    /// Of none.
    Nothing,
}

both_ways!(Level chats::Level: All Mentions Nothing);

/// How much a push says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Shown {
    /// That there is something, and where.
    Wake,
    /// Also who writes or calls, and what the chat is called.
    Names,
    /// Also the text.
    Text,
}

both_ways!(Shown alerts::Shown: Wake Names Text);

/// The hours of each day in which you are told of no message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Quiet {
    /// From this minute of the day on.
    #[schema(maximum = 1439)]
    pub from: u16,
    /// Until this one, of the next day if it is before `from`.
    #[schema(maximum = 1439)]
    pub to: u16,
    /// Of which clocks: a zone of the IANA, such as `Europe/Madrid`.
    pub zone: String,
    /// Calls ring all the same.
    #[serde(default = "rings")]
    pub calls: bool,
}

const fn rings() -> bool {
    true
}

/// What you want to be told of while you do not look, in all your chats.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// Of a group's messages only of those that mention you.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mentions_only: bool,
    /// When you are told of no message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quiet: Option<Quiet>,
    /// At most so much is said; never more than the server's operator allows. Absent: as much as
    /// that.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shown: Option<Shown>,
    /// A mail of what you missed while no device of yours could be told. Only where the server has
    /// the feature `missed_mail`.
    #[serde(default, skip_serializing_if = "is_false")]
    pub mail: bool,
}

impl From<&alerts::Alerts> for Alerts {
    fn from(alerts: &alerts::Alerts) -> Self {
        let quiet = alerts.quiet.as_ref().map(|quiet| Quiet {
            from: quiet.from,
            to: quiet.to,
            zone: quiet.zone.as_str().to_owned(),
            calls: quiet.calls,
        });
        let shown = alerts.shown.map(Shown::from);
        Self { mentions_only: alerts.mentions_only, quiet, shown, mail: alerts.mail }
    }
}

impl Alerts {
    /// What it asks for; an error names the field that is wrong.
    pub fn wanted(self) -> Result<alerts::Alerts> {
        let hours =
            |Quiet { from, to, zone, calls }: Quiet| alerts::Quiet::parse(from, to, &zone, calls);
        Ok(alerts::Alerts {
            mentions_only: self.mentions_only,
            quiet: self.quiet.map(hours).transpose()?,
            shown: self.shown.map(Into::into),
            mail: self.mail,
        })
    }
}
