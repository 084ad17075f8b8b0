//! What a person wants to be told of: said on one device, in force on all.
//!
//! Called by `http`.

use std::sync::Arc;

use super::Pushes;
use crate::bus::Event;
use crate::core::missed::MISSED_AFTER;
use crate::core::to_the_end;
use crate::error::{Code, Error, Result, Text, text};
use crate::model::alerts::Alerts;
use crate::model::auth::Caller;

const NO_MAILS: Text = Text {
    en: "This server sends no mails of missed messages.",
    es: "Este servidor no envía correos sobre mensajes perdidos.",
};

impl Pushes {
    /// What the caller wants to be told of.
    pub async fn alerts(&self, caller: &Caller) -> Result<Alerts> {
        self.shared.alerts_of(caller.user).await
    }

    /// Puts what the caller wants in place of what they wanted, and tells their devices.
    pub async fn set_alerts(&self, caller: &Caller, alerts: Alerts) -> Result<Alerts> {
        let (shared, user) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            let store = &shared.ports.store;
            let before = store.alerts_of(&[user]).await?.pop();
            let was_due = before.and_then(|kept| kept.due);
            if alerts.mail && was_due.is_none() && !shared.mails_missed {
                return Err(Error::field("mail", NO_MAILS));
            }
            let due = was_due.unwrap_or(shared.ports.now().plus(MISSED_AFTER));
            if !store.put_alerts(user, &alerts, alerts.mail.then_some(due)).await? {
                return Err(Error::new(Code::Unauthenticated, text::UNAUTHENTICATED));
            }
            shared.ports.bus.publish(Event::Alerts(user, Arc::new(alerts.clone())));
            Ok(alerts)
        })
        .await
    }
}
