//! Profiles and blocks.
//!
//! Invariant: an account that is not verified or is deleted does not exist for anybody else.
//!
//! Called by `http` and `ws`.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::search::terms_of;
use super::{BELIEVED, Shared, to_the_end};
use crate::bus::Event;
use crate::clock::Time;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::UserId;
use crate::model::auth::Caller;
use crate::model::users::{ProfileChange, User};

/// At most this many deleted accounts leave their groups in one sweep.
const DEPARTING: u32 = 100;

const SELF: Text = Text { en: "You cannot do this to yourself.", es: "Ese eres tú." };

/// Profiles and blocks.
#[derive(Clone)]
pub struct Users {
    shared: Arc<Shared>,
}

impl Users {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The caller's own account.
    pub async fn me(&self, caller: &Caller) -> Result<User> {
        let found = self.shared.ports.store.users(&[caller.user]).await?.pop();
        found.ok_or(Error::new(Code::Unauthenticated, text::UNAUTHENTICATED))
    }

    /// Changes the caller's profile.
    pub async fn change(&self, caller: &Caller, change: ProfileChange) -> Result<User> {
        let (shared, user) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            let terms = change.name.as_ref().map(|name| terms_of(name.as_str()));
            let changed = shared.ports.store.change_profile(user, change, terms).await?;
            let changed = changed.ok_or(Error::not_found(text::NO_USER))?;
            shared.ports.bus.publish(Event::UserChanged(user));
            Ok(changed)
        })
        .await
    }

    /// Deletes the caller's account and closes its sessions, in one step; then it leaves others'
    /// contacts and its groups (see `Groups::leave_all`), one after the other. What a crash or a
    /// failing store leaves of that is done by `sweep`. Messages stay as from a deleted user.
    pub async fn delete(&self, caller: &Caller) -> Result<()> {
        let (users, user) = (self.clone(), caller.user);
        to_the_end(async move {
            users.close(user).await?;
            if let Err(error) = users.leave(user).await {
                let cause = error.cause();
                tracing::warn!(?cause, "a deleted account leaves its groups later: {error}");
            }
            Ok(())
        })
        .await
    }

    /// Takes deleted accounts out of the groups that they are still in. Bounded work a call, and
    /// the next call goes on.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let mut failed = None;
        for user in self.shared.ports.store.departing(DEPARTING).await? {
            let left = async {
                // Finishes a deletion that a crash cut short, if it was one.
                self.close(user).await?;
                self.leave(user).await
            };
            failed = left.await.err().or(failed);
        }
        failed.map_or(Ok(()), Err)
    }

    async fn close(&self, user: UserId) -> Result<()> {
        let ports = &self.shared.ports;
        let closed = ports.store.delete_user(user, ports.now()).await?;
        self.shared.sessions_closed(user, &closed);
        ports.bus.publish(Event::UserChanged(user));
        Ok(())
    }

    pub(super) async fn leave(&self, user: UserId) -> Result<()> {
        self.shared.forget_contacts(user).await?;
        super::groups::Groups::new(self.shared.clone()).leave_all(user).await?;
        self.shared.ports.store.settle_departed(user).await.map(drop)
    }

    /// Another person's account, if others may know about it. Adapters show only its public part.
    pub async fn profile(&self, user: UserId) -> Result<User> {
        self.shared.visible_user(user).await.map(|user| (*user).clone())
    }

    /// Several people's accounts; those that may not be known are left out.
    pub async fn profiles(&self, users: &[UserId]) -> Result<Vec<User>> {
        let found = self.shared.people(users).await?.into_iter().map(|person| person.user);
        Ok(found.filter(|user| user.is_visible()).map(|user| (*user).clone()).collect())
    }

    /// Blocks a person: they cannot write to, call, or see the presence of the caller.
    pub async fn block(&self, caller: &Caller, whom: UserId) -> Result<()> {
        if whom == caller.user {
            return Err(Error::field("user", SELF));
        }
        self.shared.visible_user(whom).await?;
        let (shared, who) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            shared.ports.store.block(who, whom, shared.ports.now()).await?;
            shared.ports.bus.publish(Event::BlocksChanged(who, whom));
            Ok(())
        })
        .await
    }

    /// Lifts a block.
    pub async fn unblock(&self, caller: &Caller, whom: UserId) -> Result<()> {
        let (shared, who) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            shared.ports.store.unblock(who, whom).await?;
            shared.ports.bus.publish(Event::BlocksChanged(who, whom));
            Ok(())
        })
        .await
    }

    /// The people the caller blocks, since when, latest first.
    pub async fn blocked(&self, caller: &Caller) -> Result<Vec<(User, Time)>> {
        let blocked = self.shared.ports.store.blocked_by(caller.user).await?;
        let ids: Vec<_> = blocked.iter().map(|row| row.0).collect();
        let users = self.shared.ports.store.users(&ids).await?;
        let find = |id| users.iter().find(|user: &&User| user.id == id).cloned();
        Ok(blocked.into_iter().filter_map(|(id, since)| Some((find(id)?, since))).collect())
    }

    /// People's names as they are now; empty for deleted and unknown ones.
    pub async fn names(&self, users: &[UserId]) -> Vec<Arc<str>> {
        self.shared.names_of(users).await
    }
}

impl Shared {
    /// An account that others may know of.
    pub(crate) async fn visible_user(&self, user: UserId) -> Result<Arc<User>> {
        let found = self.people(&[user]).await?.pop().map(|person| person.user);
        found.filter(|user| user.is_visible()).ok_or(Error::not_found(text::NO_USER))
    }

    /// An account as the store has it, also a deleted one.
    pub(crate) async fn account(&self, user: UserId) -> Result<User> {
        let found = self.ports.store.users(&[user]).await?.pop();
        found.ok_or(Error::not_found(text::NO_USER))
    }

    /// A person's name; empty when deleted, unknown, or when the store cannot say.
    pub(crate) async fn name(&self, user: UserId) -> Arc<str> {
        if self.believes()
            && let Some(person) = self.people.known.get(&user)
        {
            return person.name;
        }
        let found = self.people(&[user]).await.ok().and_then(|mut found| found.pop());
        found.map_or_else(|| Arc::from(""), |person| person.name)
    }

    /// The names of people, each as `name` says it.
    pub(crate) async fn names_of(&self, users: &[UserId]) -> Vec<Arc<str>> {
        let mut distinct = users.to_vec();
        distinct.sort_unstable();
        distinct.dedup();
        let found = self.people(&distinct).await.unwrap_or_default();
        let place = |user: &UserId| found.binary_search_by_key(user, |person| person.user.id);
        let name = |user| place(user).map_or_else(|_| Arc::default(), |at| found[at].name.clone());
        users.iter().map(name).collect()
    }

    /// The accounts of those who exist, in the order asked for. The store is read for whom nobody
    /// asked lately.
    pub(crate) async fn people(&self, users: &[UserId]) -> Result<Vec<Person>> {
        let believes = self.believes();
        let known = |user| self.people.known.get(user).filter(|_| believes);
        let mut found: Vec<_> = users.iter().map(known).collect();
        let missing: Vec<UserId> =
            users.iter().zip(&found).filter(|pair| pair.1.is_none()).map(|pair| *pair.0).collect();
        if !missing.is_empty() {
            let generation = self.people.generation.load(Ordering::SeqCst);
            let read: HashMap<UserId, Person> = self
                .ports
                .store
                .users(&missing)
                .await?
                .into_iter()
                .map(|user| (user.id, Person::from(user)))
                .collect();
            for (user, place) in users.iter().zip(&mut found).filter(|pair| pair.1.is_none()) {
                *place = read.get(user).cloned();
            }
            self.people.keep(read, generation);
        }
        Ok(found.into_iter().flatten().collect())
    }
}

/// An account, with its name apart: rows share it.
#[derive(Debug, Clone)]
pub(crate) struct Person {
    pub(crate) user: Arc<User>,
    name: Arc<str>,
}

impl From<User> for Person {
    fn from(user: User) -> Self {
        Self { name: user.name.as_str().into(), user: Arc::new(user) }
    }
}

/// Accounts seen lately.
pub(crate) struct People {
    known: moka::sync::Cache<UserId, Person>,
    generation: AtomicU64,
}

impl Default for People {
    fn default() -> Self {
        let known = moka::sync::Cache::builder().max_capacity(20_000).time_to_live(BELIEVED);
        Self { known: known.build(), generation: AtomicU64::new(0) }
    }
}

impl People {
    /// How long an entry is believed.
    #[cfg(test)]
    pub(crate) fn believed(&self) -> Option<std::time::Duration> {
        self.known.policy().time_to_live()
    }

    /// Remembers accounts as they were read in a generation. One that is not verified yet is not
    /// kept: nothing tells when it becomes so.
    fn keep(&self, read: HashMap<UserId, Person>, generation: u64) {
        for (user, person) in read {
            if person.user.verified.is_some() {
                self.known.insert(user, person);
                // It may have changed between the read and this moment.
                if self.generation.load(Ordering::SeqCst) != generation {
                    self.known.invalidate(&user);
                }
            }
        }
    }

    /// Forgets an account that changed.
    pub(crate) fn forget(&self, user: UserId) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate(&user);
    }

    /// Forgets everybody: any of them may have changed.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
    }
}
