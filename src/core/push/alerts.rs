//! What a person wants to be told of: said on one device, in force on all.
//!
//! Called by `http`.

use std::sync::Arc;

use super::Pushes;
use crate::bus::Event;
use crate::core::to_the_end;
use crate::error::{Code, Error, Result, text};
use crate::model::alerts::Alerts;
use crate::model::auth::Caller;

impl Pushes {
    /// What the caller wants to be told of.
    pub async fn alerts(&self, caller: &Caller) -> Result<Alerts> {
        self.shared.alerts_of(caller.user).await
    }

    /// Puts what the caller wants in place of what they wanted, and tells their devices.
    pub async fn set_alerts(&self, caller: &Caller, alerts: Alerts) -> Result<Alerts> {
        let (shared, user) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            if !shared.ports.store.put_alerts(user, &alerts, None).await? {
                return Err(Error::new(Code::Unauthenticated, text::UNAUTHENTICATED));
            }
            shared.ports.bus.publish(Event::Alerts(user, Arc::new(alerts.clone())));
            Ok(alerts)
        })
        .await
    }
}
