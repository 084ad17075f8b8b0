//! Where people are connected: here, and as far as the directory of the bus knows, on other nodes.
//!
//! Guarantees: the other nodes are told of every connection that begins or ends here. What is known
//! of theirs may be late by what the bus is late. Called by the hub as connections come and go, by
//! `core::presence`, by `ws`, and by whoever tells devices that sleep.

use std::sync::Arc;

use super::Hub;
use super::users::Client;
use crate::bus::{Bus, Spot};
use crate::id::{ChatId, SessionId, UserId};
use crate::model::auth::Caller;
use crate::model::calls::Device;

impl Hub {
    /// From now on the other nodes learn who is connected here, and this one who is there. To be
    /// called before the first connection; only the first counts.
    pub fn tell_by(&self, bus: Arc<dyn Bus>) {
        let _ = self.bus.set(bus);
    }

    /// Whether a device of a user has a connection, on whatever node.
    pub fn has_device(&self, user: UserId, device: &Device) -> bool {
        self.users.all(user).iter().any(|client| device.is(&client.caller()))
            || self.elsewhere(user).iter().any(|spot| device.is(&caller(spot)))
    }

    /// Whether a user has a connection, on whatever node.
    pub fn is_online(&self, user: UserId) -> bool {
        self.users.is_here(user) || !self.elsewhere(user).is_empty()
    }

    /// The sessions by which a user is connected on whatever node, to hear of one chat or at all;
    /// one with several connections comes as often.
    pub fn sessions_of(&self, user: UserId, chat: Option<ChatId>) -> Vec<SessionId> {
        let clients = match chat {
            Some(chat) => self.users.hearing(user, chat),
            None => self.users.all(user),
        };
        let hears = |spot: &Spot| chat.is_none() || spot.scope.is_none() || spot.scope == chat;
        let here = clients.iter().map(|client| client.connection.session());
        let there = self.elsewhere(user).into_iter().filter(hears).map(|spot| spot.session);
        here.chain(there).collect()
    }

    pub(super) fn tell_came(&self, client: &Client) {
        self.bus.get().into_iter().for_each(|bus| bus.came(spot(client)));
    }

    pub(super) fn tell_went(&self, client: &Client) {
        self.bus.get().into_iter().for_each(|bus| bus.went(&spot(client)));
    }

    fn elsewhere(&self, user: UserId) -> Vec<Spot> {
        self.bus.get().map(|bus| bus.elsewhere(user)).unwrap_or_default()
    }
}

fn spot(client: &Client) -> Spot {
    let Caller { user, session, instance } = client.caller();
    Spot { user, session, instance, scope: client.connection.scope() }
}

fn caller(spot: &Spot) -> Caller {
    Caller { user: spot.user, session: spot.session, instance: spot.instance }
}
