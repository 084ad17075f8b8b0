//! Who watches whom: connections that show on screen whether people are online.
//!
//! Invariant: a watcher is told the presence of each person it watches, at first and whenever it
//! changes; the last thing told is the truth. Before a look-up, the person's turn is taken, and the
//! result is refused if anything has stirred since. Invariant: a person's watchers are told each
//! change once, however often it is looked up.
//!
//! The hub says when something stirs; `core::presence` looks up what may be told, and tells it
//! here. Locks of this index are taken last, and held while frames are queued, which never waits.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use super::{Connection, Frame, lock};
use crate::clock::Time;
use crate::id::UserId;

/// At most this many people a connection watches.
pub const WATCHED: usize = 100;
const SHARDS: usize = 64;

/// A person's presence, as far as those who watch may know.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Presence {
    /// Who.
    pub user: UserId,
    /// Some device is connected.
    pub online: bool,
    /// When the person was last there; `None` while online, and when it is not to be known.
    pub last_seen: Option<Time>,
}

impl Presence {
    /// What is told about people about whom nothing may be known.
    pub const fn hidden(user: UserId) -> Self {
        Self { user, online: false, last_seen: None }
    }
}

/// Something may have changed about a person whom somebody watches: look, and tell.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stir {
    /// Who.
    pub user: UserId,
    /// The person's last connection has ended: it may come back within a moment.
    pub went: bool,
}

/// The people who are watched, in shards with a short lock each.
pub(super) struct Board {
    shards: Vec<Mutex<HashMap<UserId, Watched>>>,
    write: fn(&Presence) -> Frame,
}

#[derive(Default)]
struct Watched {
    watchers: HashMap<u64, Arc<dyn Connection>>,
    told: Option<Presence>,
    turn: u64,
}

impl Board {
    pub(super) fn new(write: fn(&Presence) -> Frame) -> Self {
        Self { shards: (0..SHARDS).map(|_| Mutex::default()).collect(), write }
    }

    fn shard(&self, user: UserId) -> &Mutex<HashMap<UserId, Watched>> {
        &self.shards[usize::from(user.0.0[11]) % SHARDS]
    }

    /// Puts a watcher in and tells it what the others were told; whether nothing is known yet.
    pub(super) fn enter(
        &self,
        user: UserId,
        number: u64,
        connection: &Arc<dyn Connection>,
    ) -> bool {
        let mut shard = lock(self.shard(user));
        let watched = shard.entry(user).or_default();
        watched.watchers.insert(number, connection.clone());
        match &watched.told {
            Some(told) => connection.push(&(self.write)(told)),
            None => return true,
        }
        false
    }

    /// Takes a watcher out; a person without watchers is forgotten. Whether it was in.
    pub(super) fn leave(&self, user: UserId, number: u64) -> bool {
        let mut shard = lock(self.shard(user));
        let Some(watched) = shard.get_mut(&user) else { return false };
        let was_in = watched.watchers.remove(&number).is_some();
        if watched.watchers.is_empty() {
            shard.remove(&user);
        }
        was_in
    }

    /// Something has happened: earlier look-ups must be repeated. What was told last, if the person
    /// is watched.
    pub(super) fn stir(&self, user: UserId) -> Option<Option<Presence>> {
        let mut shard = lock(self.shard(user));
        let watched = shard.get_mut(&user)?;
        watched.turn += 1;
        Some(watched.told)
    }

    /// The person's turn, to be taken before looking; `None` when nobody watches.
    pub(super) fn turn(&self, user: UserId) -> Option<u64> {
        lock(self.shard(user)).get(&user).map(|watched| watched.turn)
    }

    /// Tells the watchers, unless they know; `false` when something has stirred since `turn`.
    pub(super) fn tell(&self, presence: &Presence, turn: u64) -> bool {
        let mut shard = lock(self.shard(presence.user));
        let Some(watched) = shard.get_mut(&presence.user) else { return true };
        if watched.turn != turn {
            return false;
        }
        if watched.told != Some(*presence) {
            watched.told = Some(*presence);
            let frame = (self.write)(presence);
            watched.watchers.values().for_each(|watcher| watcher.push(&frame));
        }
        true
    }

    /// Tells only one connection.
    pub(super) fn tell_one(&self, presence: &Presence, connection: &Arc<dyn Connection>) {
        connection.push(&(self.write)(presence));
    }

    /// How many people are watched.
    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.shards.iter().map(|shard| lock(shard).len()).sum()
    }

    /// The people that a user's connections watch.
    pub(super) fn watched_by(&self, user: UserId) -> Vec<UserId> {
        let by_user = |watched: &Watched| watched.watchers.values().any(|c| c.user() == user);
        let of = |shard: &Mutex<HashMap<UserId, Watched>>| -> Vec<UserId> {
            let shard = lock(shard);
            shard.iter().filter(|(_, watched)| by_user(watched)).map(|(user, _)| *user).collect()
        };
        self.shards.iter().flat_map(of).collect()
    }
}
