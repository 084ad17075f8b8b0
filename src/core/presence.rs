//! Who is online, and when people were last seen: told to those who watch. Only the time at which a
//! session was last used is stored.
//!
//! Invariant: a person may be hidden because they do not show their presence, have no chat with the
//! watcher, block the watcher or are blocked by them, or are unknown; nothing reveals which of
//! these it is. People who show none see none. Whether two people have a chat is checked when one
//! begins to watch the other. Invariant: watchers learn that somebody left only if that person is
//! not back after `AWAY_AFTER`, so that neither a change of networks nor somebody who keeps coming
//! and going is reported each time.
//!
//! The watchers are those of this node; whom they watch may be connected to any. Called by `http`,
//! `ws` and the bus.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::time::Duration;

use super::Shared;
use crate::clock::Time;
use crate::error::{Error, Result, Text};
use crate::hub::presence::{Presence, Stir, WATCHED};
use crate::hub::{Attached, Hub};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::model::users::User;

/// How long after a person's last connection has ended the watchers are told.
pub const AWAY_AFTER: Duration = Duration::from_secs(8);
/// How long it is remembered here when a person went; the store knows it after a minute.
const REMEMBERED: Duration = Duration::from_secs(600);
/// How long to wait when the store cannot be read.
const RETRY: Duration = Duration::from_secs(1);
/// How often it is looked again when blocks change meanwhile.
const READS: usize = 20;

const TOO_MANY: Text = Text {
    en: "At most {} people can be watched at once.",
    es: "Se puede seguir como máximo a {} personas a la vez.",
};

/// Online states.
#[derive(Clone)]
pub struct Presences {
    shared: Arc<Shared>,
    hub: Option<Arc<Hub>>,
}

impl Presences {
    /// Without a hub nobody is online.
    pub(crate) const fn new(shared: Arc<Shared>, hub: Option<Arc<Hub>>) -> Self {
        Self { shared, hub }
    }

    /// How many live connections this node has.
    pub fn connections(&self) -> u64 {
        self.hub.as_ref().map_or(0, |hub| hub.connections() as u64)
    }

    /// The presence of people, as far as the caller may know, in the order asked; at most
    /// `WATCHED`.
    pub async fn of(&self, caller: &Caller, users: &[UserId]) -> Result<Vec<Presence>> {
        check_count(users)?;
        let blind = self.sees_nobody(caller.user).await?;
        let open = self.open_to(caller, users).await?;
        let mut known = self.look(users).await?;
        let hidden = |user: &UserId| blind || !open.contains(user);
        let of = |user: &UserId| match known.remove(user) {
            Some(presence) if !hidden(user) => presence,
            _ => Presence::hidden(*user),
        };
        Ok(users.iter().map(of).collect())
    }

    /// Tells one of the caller's connections from now on how these people stand, at once and with
    /// every change, and nothing of others any more; at most `WATCHED`.
    pub async fn watch(
        &self,
        caller: &Caller,
        attached: &Attached,
        users: &[UserId],
    ) -> Result<()> {
        check_count(users)?;
        let Some(hub) = &self.hub else { return Ok(()) };
        let blind = self.sees_nobody(caller.user).await?;
        for _ in 0..READS {
            let turn = hub.blocks_turn();
            let open = self.open_to(caller, users).await?;
            let hidden = |user: &UserId| blind || !open.contains(user);
            let (hidden, shown): (Vec<UserId>, Vec<UserId>) = users.iter().partition(|u| hidden(u));
            let unknown = attached.watch(&shown);
            // A block since the look at the blocks has found nobody to take out.
            if hub.blocks_turn() == turn {
                hidden.into_iter().for_each(|user| attached.show(&Presence::hidden(user)));
                return self.tell_all(hub, &unknown).await;
            }
        }
        attached.watch(&[]);
        Err(Error::unavailable("blocks changed again and again"))
    }

    /// A connection of the caller's is live.
    pub fn came(&self, caller: &Caller) {
        self.moved(caller.user, true);
    }

    /// A connection of the caller's has ended.
    pub fn left(&self, caller: &Caller) {
        self.moved(caller.user, false);
        self.shared.tokens.used(caller.session, self.shared.ports.now());
    }

    /// A connection of somebody's began, on whatever node, or ended.
    pub(crate) fn moved(&self, user: UserId, came: bool) {
        if came {
            return self.shared.pushing.came(user);
        }
        self.shared.pushing.left(user);
        self.shared.gone.0.insert(user, self.shared.ports.now());
    }

    /// Notes for every session that is connected that it is in use, once in a while: it may be so
    /// for longer than an unused one lives.
    pub(crate) fn note_connected(&self, every: Duration) {
        let (Some(hub), now) = (&self.hub, self.shared.ports.now()) else { return };
        if self.shared.tokens.is_due(now, every) {
            hub.sessions().into_iter().for_each(|session| self.shared.tokens.used(session, now));
        }
    }

    /// Tells the watchers what the hub says has stirred, for as long as there is a hub.
    pub async fn follow(&self) {
        let Some(hub) = &self.hub else { return };
        let mut stirs = hub.stirs();
        while let Some(stir) = stirs.recv().await {
            tokio::spawn(self.clone().settle(hub.clone(), stir));
        }
    }

    async fn settle(self, hub: Arc<Hub>, stir: Stir) {
        if stir.went {
            tokio::time::sleep(AWAY_AFTER).await;
        }
        while let Err(error) = self.try_settle(&hub, stir.user).await {
            tracing::warn!(cause = ?error.cause(), "a presence is not told for now: {error}");
            tokio::time::sleep(RETRY).await;
        }
    }

    async fn try_settle(&self, hub: &Hub, user: UserId) -> Result<()> {
        if self.sees_nobody(user).await? {
            hub.blindfold(user);
        }
        self.tell_all(hub, &[user]).await
    }

    /// Looks up people's presence, and tells those who watch them.
    async fn tell_all(&self, hub: &Hub, users: &[UserId]) -> Result<()> {
        let mut left: Vec<UserId> = users.to_vec();
        while !left.is_empty() {
            let turns: Vec<_> = left.iter().map(|user| hub.presence_turn(*user)).collect();
            let known = self.look(&left).await?;
            let told = |(user, turn): (&UserId, &Option<u64>)| match (known.get(user), turn) {
                (Some(presence), Some(turn)) => hub.tell_presence(presence, *turn),
                _ => true,
            };
            let told: Vec<bool> = left.iter().zip(&turns).map(told).collect();
            let mut told = told.into_iter();
            left.retain(|_| told.next() == Some(false));
        }
        Ok(())
    }

    /// People's presence, by their own switches alone.
    async fn look(&self, users: &[UserId]) -> Result<HashMap<UserId, Presence>> {
        let store = &self.shared.ports.store;
        let shows = |user: &User| user.is_visible() && user.privacy.presence;
        let found = store.users(users).await?;
        let shown: HashSet<UserId> = found.iter().filter(|u| shows(u)).map(|u| u.id).collect();
        let away: Vec<UserId> = users.iter().filter(|u| !self.is_online(**u)).copied().collect();
        let stored: HashMap<UserId, Time> = store.last_seen(&away).await?.into_iter().collect();
        let now = self.shared.ports.now();
        let of = |user: &UserId| match (shown.contains(user), self.is_online(*user)) {
            (false, _) => Presence::hidden(*user),
            (true, true) => Presence { user: *user, online: true, last_seen: None },
            (true, false) => {
                let last_seen = stored.get(user).copied().max(self.shared.gone.0.get(user));
                // What lies ahead was noted by a clock that was wrong.
                let last_seen = last_seen.map(|at| at.min(now));
                Presence { user: *user, online: false, last_seen }
            }
        };
        Ok(users.iter().map(|user| (*user, of(user))).collect())
    }

    fn is_online(&self, user: UserId) -> bool {
        self.hub.as_ref().is_some_and(|hub| hub.is_online(user))
    }

    /// Who of these has a chat with the caller, and neither blocks it nor is blocked by it.
    async fn open_to(&self, caller: &Caller, users: &[UserId]) -> Result<HashSet<UserId>> {
        let store = &self.shared.ports.store;
        let found = store.acquainted(caller.user, users).await?;
        let mut open: HashSet<UserId> = found.into_iter().collect();
        open.extend(users.iter().filter(|user| **user == caller.user));
        for user in store.blockers(caller.user, users).await? {
            open.remove(&user);
        }
        for (user, _) in store.blocked_by(caller.user).await? {
            open.remove(&user);
        }
        Ok(open)
    }

    /// Whether a user shows no presence, and so sees none.
    async fn sees_nobody(&self, user: UserId) -> Result<bool> {
        let found = self.shared.ports.store.users(&[user]).await?.pop();
        Ok(!found.is_some_and(|user| user.privacy.presence))
    }
}

fn check_count(users: &[UserId]) -> Result<()> {
    if users.len() <= WATCHED {
        return Ok(());
    }
    Err(Error::field("users", TOO_MANY).arg(WATCHED.to_string()))
}

/// When people left of whom the store knows only an earlier time.
pub(crate) struct Gone(moka::sync::Cache<UserId, Time>);

impl Default for Gone {
    fn default() -> Self {
        let cache = moka::sync::Cache::builder();
        Self(cache.max_capacity(100_000).time_to_live(REMEMBERED).build())
    }
}
