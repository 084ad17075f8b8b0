//! When something happens with people who are watched: who looks, and who is told.
//!
//! Guarantees: whatever may change how a watched person stands, on this node or another, makes a
//! stir. Called by the hub as connections come and go and events arrive, and by `core::presence`,
//! which looks up how people stand.

use std::sync::atomic::Ordering;

use tokio::sync::mpsc;

use super::presence::{Presence, Stir};
use super::{Hub, Stirs};
use crate::id::UserId;

impl Hub {
    /// Where it says from now on that something has happened with people who are watched. Only the
    /// first who asks is told.
    pub fn stirs(&self) -> Stirs {
        let (stirs, stirred) = mpsc::unbounded_channel();
        let _ = self.stirs.set(stirs);
        stirred
    }

    /// Grows with every block; to be taken before looking up who blocks whom.
    pub fn blocks_turn(&self) -> u64 {
        self.blocks.load(Ordering::SeqCst)
    }

    /// A watched person's turn, to be taken before looking how the person stands; `None` when
    /// nobody watches any more.
    pub fn presence_turn(&self, user: UserId) -> Option<u64> {
        self.watched.turn(user)
    }

    /// Tells those who watch a person how it stands, unless they know; `false` when something has
    /// happened since `turn`: look again.
    pub fn tell_presence(&self, presence: &Presence, turn: u64) -> bool {
        self.watched.tell(presence, turn)
    }

    /// A person shows its presence no more, and so sees none: its connections watch nobody.
    pub fn blindfold(&self, user: UserId) {
        for whom in self.watched.watched_by(user) {
            self.unwatch(whom, user);
        }
    }

    pub(super) fn blocks_changed(&self, who: UserId, whom: UserId) {
        self.blocks.fetch_add(1, Ordering::SeqCst);
        self.unwatch(who, whom);
        self.unwatch(whom, who);
    }

    /// Takes a user's connections out of those who watch a person, who is offline for them.
    fn unwatch(&self, whom: UserId, by: UserId) {
        for client in self.users.all(by) {
            if self.watched.leave(whom, client.number) {
                self.watched.tell_one(&Presence::hidden(whom), &client.connection);
            }
        }
    }

    pub(super) fn came(&self, user: UserId) {
        if let Some(told) = self.watched.stir(user)
            && told.is_none_or(|told| !told.online)
        {
            self.stir(Stir { user, went: false });
        }
    }

    pub(super) fn went(&self, user: UserId) {
        if self.watched.turn(user).is_some() && !self.is_online(user) {
            self.stir(Stir { user, went: true });
        }
    }

    pub(super) fn user_changed(&self, user: UserId) {
        // Whoever is connected may watch others, which it may no longer.
        if self.watched.stir(user).is_some() || self.users.is_here(user) {
            self.stir(Stir { user, went: false });
        }
    }

    fn stir(&self, stir: Stir) {
        // Nobody listens when the server is stopping.
        let _ = self.stirs.get().map(|stirs| stirs.send(stir));
    }
}
