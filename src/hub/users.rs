//! Who is connected: user → connections, and which chats each connection follows.
//!
//! Invariant: a connection lists a chat exactly while that chat's audience lists the connection.
//! Both change under the audience's lock; this index's locks are taken inside it, never around it.
//! Called by the hub alone.

use std::collections::{HashMap, VecDeque};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use super::{Connection, lock};
use crate::id::{ChatId, UserId};
use crate::model::auth::Caller;

const SHARDS: usize = 64;
/// So many of the chats that a user left last are remembered while they are connected: events that
/// are told in the wrong order come soon after one another.
const LEFT: usize = 64;

/// A connection under its number in this hub.
#[derive(Clone)]
pub(super) struct Client {
    pub(super) number: u64,
    pub(super) connection: Arc<dyn Connection>,
}

impl Client {
    /// Who speaks by this connection.
    pub(super) fn caller(&self) -> Caller {
        let connection = &self.connection;
        let (user, session) = (connection.user(), connection.session());
        Caller { user, session, instance: connection.instance() }
    }

    /// Whether events of the chat are for this connection.
    pub(super) fn hears_of(&self, chat: ChatId) -> bool {
        self.connection.scope().is_none_or(|scope| scope == chat)
    }
}

/// The index, in shards with a short lock each.
pub(super) struct Users {
    shards: Vec<Mutex<HashMap<UserId, Entry>>>,
    /// The next generation: no two are alike, not even of one user before and after an absence.
    generations: AtomicU64,
}

struct Entry {
    /// Changes with every change to the user's memberships that this node hears of.
    generation: u64,
    clients: Vec<Registered>,
    /// The chats that the user left, as far as was told, each with the rev of that.
    left: VecDeque<(ChatId, u64)>,
}

struct Registered {
    client: Client,
    chats: Vec<ChatId>,
    /// It follows all chats of its user, as far as this node was told.
    settled: bool,
}

impl Users {
    pub(super) fn new() -> Self {
        let shards = (0..SHARDS).map(|_| Mutex::default()).collect();
        Self { shards, generations: AtomicU64::new(1) }
    }

    fn next_generation(&self) -> u64 {
        self.generations.fetch_add(1, Ordering::Relaxed)
    }

    fn shard(&self, user: UserId) -> &Mutex<HashMap<UserId, Entry>> {
        &self.shards[usize::from(user.0.0[11]) % SHARDS]
    }

    /// Puts a connection under its user. Answers the user's oldest connection when there are more
    /// than `most` now.
    pub(super) fn add(&self, client: Client, most: usize) -> Option<Client> {
        let mut shard = lock(self.shard(client.connection.user()));
        let begin = || Entry {
            generation: self.next_generation(),
            clients: Vec::new(),
            left: VecDeque::new(),
        };
        let entry = shard.entry(client.connection.user()).or_insert_with(begin);
        entry.clients.reserve_exact(1);
        entry.clients.push(Registered { client, chats: Vec::new(), settled: false });
        (entry.clients.len() > most).then(|| entry.clients[0].client.clone())
    }

    /// Takes a connection out; answers the chats that it followed.
    pub(super) fn remove(&self, user: UserId, number: u64) -> Vec<ChatId> {
        let mut shard = lock(self.shard(user));
        let Some(entry) = shard.get_mut(&user) else { return Vec::new() };
        let Some(at) = entry.clients.iter().position(|r| r.client.number == number) else {
            return Vec::new();
        };
        let gone = entry.clients.remove(at);
        if entry.clients.is_empty() {
            shard.remove(&user);
        }
        gone.chats
    }

    /// The user's membership generation; 0 when it is not connected.
    pub(super) fn generation(&self, user: UserId) -> u64 {
        lock(self.shard(user)).get(&user).map_or(0, |entry| entry.generation)
    }

    /// Notes that the user's memberships changed; whether it is connected.
    pub(super) fn bump(&self, user: UserId) -> bool {
        let mut shard = lock(self.shard(user));
        let entry = shard.get_mut(&user);
        entry.map(|entry| entry.generation = self.next_generation()).is_some()
    }

    /// Notes that the user was told to have left a chat by its rev `rev`.
    pub(super) fn leave(&self, user: UserId, chat: ChatId, rev: u64) {
        let mut shard = lock(self.shard(user));
        let Some(entry) = shard.get_mut(&user) else { return };
        if entry.left.len() == LEFT {
            entry.left.pop_front();
        }
        entry.left.push_back((chat, rev));
    }

    /// Whether the user was told to have left a chat after its rev `rev`.
    pub(super) fn left_after(&self, user: UserId, chat: ChatId, rev: u64) -> bool {
        let shard = lock(self.shard(user));
        let mut left = shard.get(&user).into_iter().flat_map(|entry| &entry.left);
        left.any(|(which, when)| *which == chat && *when > rev)
    }

    /// The user's connections that follow the chat.
    pub(super) fn hearing(&self, user: UserId, chat: ChatId) -> Vec<Client> {
        let shard = lock(self.shard(user));
        let clients = shard.get(&user).map_or(&[][..], |entry| &entry.clients);
        clients.iter().map(|r| &r.client).filter(|c| c.hears_of(chat)).cloned().collect()
    }

    /// Notes that a connection follows all chats of its user.
    pub(super) fn settle(&self, client: &Client) {
        let mut shard = lock(self.shard(client.connection.user()));
        let entry = shard.get_mut(&client.connection.user());
        let mut registered = entry.into_iter().flat_map(|entry| &mut entry.clients);
        if let Some(found) = registered.find(|r| r.client.number == client.number) {
            found.settled = true;
        }
    }

    /// How many of the user's connections follow the chat, if they are told of it.
    pub(super) fn settled(&self, user: UserId, chat: ChatId) -> usize {
        let shard = lock(self.shard(user));
        let clients = shard.get(&user).map_or(&[][..], |entry| &entry.clients);
        clients.iter().filter(|r| r.settled && r.client.hears_of(chat)).count()
    }

    /// How many users are connected, and by how many connections.
    pub(super) fn count(&self) -> (usize, usize) {
        self.shards.iter().fold((0, 0), |(users, clients), shard| {
            let shard = lock(shard);
            let here: usize = shard.values().map(|entry| entry.clients.len()).sum();
            (users + shard.len(), clients + here)
        })
    }

    /// Whether the user is connected.
    pub(super) fn is_here(&self, user: UserId) -> bool {
        lock(self.shard(user)).contains_key(&user)
    }

    /// All connections of the user.
    pub(super) fn all(&self, user: UserId) -> Vec<Client> {
        let shard = lock(self.shard(user));
        let clients = shard.get(&user).map_or(&[][..], |entry| &entry.clients);
        clients.iter().map(|r| r.client.clone()).collect()
    }

    /// Notes that a connection follows a chat from now on. Refused when the connection is gone, or
    /// when the user's generation is no longer the given one.
    pub(super) fn follow(&self, client: &Client, chat: ChatId, generation: Option<u64>) -> bool {
        let mut shard = lock(self.shard(client.connection.user()));
        let Some(entry) = shard.get_mut(&client.connection.user()) else { return false };
        if generation.is_some_and(|known| known != entry.generation) {
            return false;
        }
        let found = entry.clients.iter_mut().find(|r| r.client.number == client.number);
        found.map(|registered| registered.chats.push(chat)).is_some()
    }

    /// Notes that a connection no longer follows a chat.
    pub(super) fn unfollow(&self, user: UserId, number: u64, chat: ChatId) {
        let mut shard = lock(self.shard(user));
        let clients = shard.get_mut(&user).map(|entry| &mut entry.clients);
        let found = clients.into_iter().flatten().find(|r| r.client.number == number);
        if let Some(registered) = found {
            registered.chats.retain(|followed| *followed != chat);
        }
    }

    /// How many connections there are.
    pub(super) fn everybody(&self) -> Vec<Client> {
        let of = |shard: &Mutex<HashMap<UserId, Entry>>| -> Vec<Client> {
            let shard = lock(shard);
            shard.values().flat_map(|entry| &entry.clients).map(|r| r.client.clone()).collect()
        };
        self.shards.iter().flat_map(of).collect()
    }

    pub(super) fn connections(&self) -> usize {
        let count = |shard: &Mutex<HashMap<UserId, Entry>>| -> usize {
            lock(shard).values().map(|entry| entry.clients.len()).sum()
        };
        self.shards.iter().map(count).sum()
    }
}
