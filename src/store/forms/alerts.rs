//! What a person wants to be told of.

use serde::{Deserialize, Serialize};

use super::broken;
use crate::error::Result;
use crate::model::alerts::{Alerts, Quiet, Shown, Zone};

/// A person's alerts; without a field they are as at the beginning.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertsForm {
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    mentions_only: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    quiet: Option<QuietForm>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shown: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    mail: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct QuietForm {
    from: i32,
    to: i32,
    zone: String,
    calls: bool,
}

/// The names of what is said.
const SHOWN: [(Shown, &str); 3] =
    [(Shown::Wake, "wake"), (Shown::Names, "names"), (Shown::Text, "text")];

impl From<&Alerts> for AlertsForm {
    fn from(alerts: &Alerts) -> Self {
        let name = |shown| SHOWN.iter().find(|(known, _)| *known == shown).map(|(_, name)| *name);
        let quiet = alerts.quiet.as_ref().map(|quiet| QuietForm {
            from: quiet.from.into(),
            to: quiet.to.into(),
            zone: quiet.zone.as_str().into(),
            calls: quiet.calls,
        });
        Self {
            mentions_only: alerts.mentions_only,
            quiet,
            shown: alerts.shown.and_then(name).map(str::to_owned),
            mail: alerts.mail,
        }
    }
}

impl AlertsForm {
    /// The alerts that were stored.
    pub fn alerts(self) -> Result<Alerts> {
        self.read().ok_or_else(|| broken("person's alerts"))
    }

    fn read(self) -> Option<Alerts> {
        let shown = |name: String| SHOWN.iter().find(|(_, known)| *known == name).map(|one| one.0);
        let quiet = match self.quiet {
            Some(QuietForm { from, to, zone, calls }) => Some(Quiet {
                from: from.try_into().ok()?,
                to: to.try_into().ok()?,
                zone: Zone::stored(&zone),
                calls,
            }),
            None => None,
        };
        let shown = match self.shown {
            Some(name) => Some(shown(name)?),
            None => None,
        };
        Some(Alerts { mentions_only: self.mentions_only, quiet, shown, mail: self.mail })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn alerts_come_back_as_they_were_and_nothing_else_is_read() {
        let quiet = Quiet::parse(1320, 420, "Europe/Madrid", false).expect("hours");
        let all = Alerts {
            mentions_only: true,
            quiet: Some(quiet),
            shown: Some(Shown::Names),
            mail: true,
        };
        for alerts in [all, Alerts::default()] {
            let json = serde_json::to_string(&AlertsForm::from(&alerts)).expect("written");
            let form: AlertsForm = serde_json::from_str(&json).expect("read");
            assert_eq!(form.alerts().expect("alerts"), alerts, "{json}");
        }
        let empty = serde_json::to_string(&AlertsForm::from(&Alerts::default()));
        assert_eq!(empty.expect("written"), "{}");
        let form: AlertsForm = serde_json::from_str(r#"{"shown":"all"}"#).expect("read");
        assert!(form.alerts().is_err());
    }
}
