//! The rules: what may be done, each beside its texts. No serde, no HTTP, no database.
//!
//! `model` says what things are. Rules see the ports (store, bus, mail, objects) as traits. Called
//! by the adapters `http` and `ws`, which hold no rule.
//!
//! Invariant: a committed change is always published: what changes something runs to its end, even
//! when its caller is gone.

pub mod auth;
pub mod calls;
pub mod chats;
pub mod contacts;
mod doubts;
pub mod exports;
pub mod fanout;
pub mod files;
pub mod groups;
pub mod messages;
pub mod missed;
pub mod nodes;
pub mod operator;
pub mod permissions;
pub mod presence;
mod progress;
pub mod push;
mod readiness;
pub mod receipts;
pub mod reports;
pub mod search;
pub mod sync;
pub mod users;

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;

use crate::bus::{Bus, Event, Hint, Listener, Source};
use crate::clock::{Clock, Time};
use crate::error::{Error, Result};
use crate::hub::Hub;
use crate::id::{ChatId, Entropy, IdSource, UserId};
use crate::mail::Mailer;
use crate::model::auth::Quota;
use crate::model::contacts::Strangers;
use crate::model::door::Door;
use crate::objects::Objects;
use crate::objects::staging::Staging;
use crate::store::Store;

/// How long what was read and kept is believed at most: another node may have changed it, and its
/// word of that may be lost.
pub(crate) const BELIEVED: Duration = Duration::from_secs(60);

/// For how long a node sweeps for all: longer than from one sweep to the next.
const SWEEP_LASTS: Duration = Duration::from_secs(150);

/// What the rules need: the ports, time, randomness and ids.
pub struct Ports {
    /// What is remembered.
    pub store: Arc<dyn Store>,
    /// What carries events to the nodes.
    pub bus: Arc<dyn Bus>,
    /// What sends mails.
    pub mailer: Arc<dyn Mailer>,
    /// What keeps the bytes of files.
    pub objects: Arc<dyn Objects>,
    /// What keeps uploads that are on their way.
    pub staging: Arc<Staging>,
    /// What tells the time.
    pub clock: Arc<dyn Clock>,
    /// Where random bytes come from.
    pub entropy: Arc<dyn Entropy>,
    /// Where ids come from.
    pub ids: IdSource,
}

impl Ports {
    /// The present moment.
    pub fn now(&self) -> Time {
        self.clock.now()
    }
}

/// What an operator may set of the rules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rules {
    /// Limits of login.
    pub limits: auth::Limits,
    /// Who may sign up.
    pub door: Door,
    /// How long a session lives that nobody uses; at least an hour.
    pub session_idle: Duration,
    /// How long messages may be changed.
    pub deadlines: messages::changes::Deadlines,
    /// How large files may be.
    pub files: files::FileRules,
    /// What people may do to each other who are no contacts.
    pub strangers: Strangers,
    /// People may have mails of what they missed.
    pub mails_missed: bool,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            limits: auth::Limits::default(),
            door: Door::default(),
            session_idle: auth::SESSION_IDLE,
            deadlines: Default::default(),
            files: Default::default(),
            strangers: Strangers::default(),
            mails_missed: true,
        }
    }
}

/// The use-cases of the server, by noun. Cheap to clone.
#[derive(Clone)]
pub struct Core {
    /// Signing up, logging in, sessions.
    pub auth: auth::Auth,
    /// Profiles and blocks.
    pub users: users::Users,
    /// The list of chats, direct chats, one's own settings in a chat.
    pub chats: chats::Chats,
    /// Contacts, requests, cards.
    pub contacts: contacts::Contacts,
    /// Groups and their members.
    pub groups: groups::Groups,
    /// Sends, changes and reads messages.
    pub messages: messages::Messages,
    /// Takes in, hands out and removes files.
    pub files: files::Files,
    /// Copies of people's own data.
    pub exports: exports::Exports,
    /// Cursors, receipts, typing.
    pub receipts: receipts::Receipts,
    /// Who is online.
    pub presence: presence::Presences,
    /// Bringing clients up to date.
    pub sync: sync::Sync,
    /// Voice and video calls.
    pub calls: calls::Calls,
    /// Finding people and groups.
    pub search: search::Search,
    /// Telling devices that sleep.
    pub push: push::Pushes,
    /// What operators do.
    pub operator: operator::Operator,
    /// Mails of what people missed.
    pub missed: missed::Missed,
    /// What people tell of others, and what becomes of it.
    pub reports: reports::Reports,
    /// Which servers work on the store.
    pub nodes: nodes::Nodes,
    shared: Arc<Shared>,
}

/// What the use-cases share: the ports and the caches.
pub(crate) struct Shared {
    pub(crate) ports: Ports,
    pub(crate) people: users::People,
    pub(crate) facts: chats::FactsCache,
    pub(crate) tallies: progress::Tallies,
    pub(crate) tokens: auth::TokenCache,
    pub(crate) gone: presence::Gone,
    pub(crate) ear: calls::pauses::Ear,
    pub(crate) fence: calls::Fence,
    pub(crate) pushing: Arc<push::Pushing>,
    readiness: readiness::Readiness,
    pub(crate) place: nodes::Place,
    pub(crate) mails_missed: bool,
    pub(crate) redeemed: auth::Redeemed,
    pub(crate) settled: auth::Settled,
    pub(crate) role_key: operator::RoleKey,
    pub(crate) happenings: operator::Happenings,
    pub(crate) strangers: Strangers,
    server_key: [u8; 32],
}

impl Shared {
    /// A MAC under the server's key, for one purpose alone.
    pub(crate) fn mac(&self, purpose: &[u8]) -> Hmac<Sha256> {
        // invariant: HMAC takes a key of any length (RFC 2104, section 2).
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.server_key).expect("any length");
        mac.update(purpose);
        mac
    }

    /// Sixteen bytes that only whoever has the server's key puts to these parts, whose bytes follow
    /// one another; for one purpose alone.
    pub(crate) fn mark(&self, purpose: &[u8], parts: &[&[u8]]) -> [u8; 16] {
        let mut mac = self.mac(purpose);
        parts.iter().for_each(|part| mac.update(part));
        let mut mark = [0; 16];
        mark.copy_from_slice(&mac.finalize().into_bytes()[..16]);
        mark
    }

    /// Counts against quotas; an error says how long to wait when one of them is used up.
    pub(crate) async fn count(&self, quotas: &[Quota], now: Time) -> Result<()> {
        match self.ports.store.take(quotas, now).await? {
            Some(until) => Err(Error::too_many(until.since(now))),
            None => Ok(()),
        }
    }

    /// Twelve bytes that follow from these parts, and that nobody guesses who lacks the server's
    /// key.
    pub(crate) fn keyed(&self, parts: &[&[u8]]) -> [u8; 12] {
        let mut mac = self.mac(b"keyed\0");
        for part in parts {
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part);
        }
        let mut bytes = [0; 12];
        bytes.copy_from_slice(&mac.finalize().into_bytes()[..12]);
        bytes
    }
}

impl Core {
    /// Wires the use-cases to their ports. `server_key` signs login codes.
    pub fn new(ports: Ports, server_key: [u8; 32], rules: Rules) -> Self {
        let shared = Arc::new(Shared {
            ear: calls::pauses::Ear::new(ports.now()),
            fence: calls::Fence::default(),
            pushing: Arc::new(push::Pushing::new(ports.now())),
            ports,
            people: users::People::default(),
            facts: chats::FactsCache::default(),
            tallies: progress::Tallies::default(),
            tokens: auth::TokenCache::default(),
            gone: presence::Gone::default(),
            readiness: readiness::Readiness::default(),
            place: nodes::Place::default(),
            mails_missed: rules.mails_missed,
            redeemed: auth::Redeemed::default(),
            settled: auth::Settled::default(),
            role_key: operator::RoleKey::default(),
            happenings: operator::Happenings::default(),
            strangers: rules.strangers,
            server_key,
        });
        let files = files::Files::new(shared.clone(), rules.files);
        Self {
            auth: auth::Auth::new(shared.clone(), rules.limits, rules.door, rules.session_idle),
            users: users::Users::new(shared.clone()),
            chats: chats::Chats::new(shared.clone()),
            contacts: contacts::Contacts::new(shared.clone()),
            groups: groups::Groups::new(shared.clone()),
            messages: messages::Messages::new(shared.clone(), rules.deadlines),
            exports: exports::Exports::new(shared.clone(), files.clone()),
            files,
            receipts: receipts::Receipts::new(shared.clone()),
            presence: presence::Presences::new(shared.clone(), None),
            sync: sync::Sync::new(shared.clone()),
            calls: calls::Calls::new(shared.clone(), calls::ice::Relay::default()),
            search: search::Search::new(shared.clone()),
            push: push::Pushes::new(shared.clone()),
            operator: operator::Operator::new(shared.clone()),
            missed: missed::Missed::new(shared.clone()),
            reports: reports::Reports::new(shared.clone()),
            nodes: nodes::Nodes::new(shared.clone()),
            shared,
        }
    }

    /// The same with a relay for calls; without one, calls find their way directly or not at all.
    #[must_use]
    pub fn with_relay(mut self, relay: calls::ice::Relay) -> Self {
        self.calls = calls::Calls::new(self.shared.clone(), relay);
        self
    }

    /// The same with the index of connections, which says who is online.
    #[must_use]
    pub fn with_hub(mut self, hub: Arc<Hub>) -> Self {
        self.presence = presence::Presences::new(self.shared.clone(), Some(hub));
        self
    }

    /// The same with a way to tell devices that sleep; without one, nobody can subscribe.
    #[must_use]
    pub fn with_push(self, outlet: push::Outlet) -> Self {
        self.shared.pushing.open(outlet);
        self
    }

    /// The same with a key by which somebody becomes an operator, while nobody is one.
    #[must_use]
    pub fn with_operator_key(self, key: [u8; 32]) -> Self {
        self.operator.open(key);
        self
    }

    /// Whether the store and the bytes of files can be had, now or some seconds ago, and this node
    /// and the others know of each other.
    pub async fn ready(&self) -> Result<()> {
        let ports = &self.shared.ports;
        let look = async {
            self.shared.place.check_clock()?;
            ports.store.ready().await?;
            ports.objects.ready().await
        };
        self.shared.readiness.ask(look).await?;
        self.shared.place.check_seen()
    }

    /// Removes what has expired and writes down when sessions were last used. To be called every
    /// minute; bounded work a call. Of several nodes, one does what is for all.
    pub async fn sweep(&self) -> Result<()> {
        let now = self.shared.ports.now();
        self.presence.note_connected(self.auth.connected_every());
        self.auth.flush_seen().await?;
        if !self.shared.is_up_to_me("sweep", SWEEP_LASTS).await? {
            return self.files.sweep().await;
        }
        let users = self.users.clone();
        // What cannot be done of it now keeps nothing else from being swept.
        let departed = to_the_end(async move { users.sweep().await }).await;
        while self.shared.ports.store.sweep(&self.auth.due(now)).await? {}
        let acted = self.operator.sweep().await;
        self.files.sweep().await?;
        let mailed = self.missed.sweep().await;
        departed.and(acted).and(mailed)
    }
}

impl Listener for Core {
    /// Caches forget what has changed; calls end that it makes impossible; notices are taken back
    /// of what was read.
    fn on_event(&self, event: &Event, source: Source) {
        match event {
            Event::SessionsClosed(_, sessions) => self.shared.tokens.forget(sessions),
            Event::UserChanged(user) => {
                self.shared.people.forget(*user);
                self.shared.facts.forget_all();
            }
            Event::BlocksChanged(..) => self.shared.facts.forget_all(),
            Event::TieChanged { one, other, .. } => {
                self.shared.facts.forget(ChatId::direct(*one, *other));
            }
            Event::Message(posted) if posted.chat.is_some() => {
                self.shared.facts.forget(posted.message.chat);
            }
            Event::Call(news) => self.shared.fence.note(&news.call),
            Event::Signal(signal) if source == Source::There => self.shared.fence.heard(signal),
            Event::Message(_)
            | Event::ChatOpened(_)
            | Event::Member(_)
            | Event::Report(_)
            | Event::Export(_)
            | Event::Receipt(_)
            | Event::Signal(_)
            | Event::Typing(_)
            | Event::Asking(_)
            | Event::Pushed(_)
            | Event::Subscribed(_)
            | Event::Alerts(..) => {}
        }
        // Where it happened, calls that it makes impossible are ended, which the others hear.
        if source == Source::Here {
            self.calls.heed(event);
        }
        self.shared.heed_push(event, source);
    }

    fn on_hint(&self, hint: &Hint) {
        self.shared.facts.forget(hint.chat);
    }

    fn on_moved(&self, user: UserId, came: bool) {
        self.presence.moved(user, came);
    }
}

/// Runs a change to its end, even when nobody waits for it any more.
pub(crate) async fn to_the_end<T: Send + 'static>(
    change: impl Future<Output = Result<T>> + Send + 'static,
) -> Result<T> {
    tokio::spawn(change).await.map_err(Error::internal)?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_another_node_may_have_changed_is_not_believed_for_long() {
        let caches = [
            ("people", users::People::default().believed()),
            ("facts", chats::FactsCache::default().believed()),
            ("tokens", auth::TokenCache::default().believed()),
        ];
        for (cache, believed) in caches {
            assert_eq!(believed, Some(Duration::from_secs(60)), "{cache}");
        }
    }
}
