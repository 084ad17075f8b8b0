//! From a committed change to the events that tell it.
//!
//! Called by the rules, once a change is durable. A push is a hint: whoever misses it reads the
//! store.

use std::sync::Arc;

use super::Shared;
use super::types::chats::{Chat, Member};
use super::types::messages::Message;
use crate::bus::{Event, OwnMember, Posted};
use crate::id::{SessionId, UserId};

/// People who came into or went out of a chat with a change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Moves {
    pub(crate) joined: Vec<UserId>,
    pub(crate) gone: Vec<UserId>,
}

impl Shared {
    /// Tells the members of a chat about a new or changed row; answers its author's name.
    pub(crate) async fn post(
        &self,
        message: Message,
        chat: Option<Chat>,
        moves: Moves,
    ) -> Arc<str> {
        let from_name = self.name(message.from).await;
        self.ports.bus.publish(Event::Message(Arc::new(Posted {
            message,
            from_name: from_name.clone(),
            chat,
            joined: moves.joined,
            gone: moves.gone,
        })));
        from_name
    }

    /// Tells both people that their direct chat exists.
    pub(crate) fn chat_opened(&self, chat: Chat) {
        self.ports.bus.publish(Event::ChatOpened(Arc::new(chat)));
    }

    /// Tells a user's own devices about a change of one of its member rows.
    pub(crate) fn member_changed(&self, member: Member, hidden: Vec<u64>) {
        self.ports.bus.publish(Event::Member(Arc::new(OwnMember { member, hidden })));
    }

    /// Ends the connections of these sessions.
    pub(crate) fn sessions_closed(&self, user: UserId, sessions: &[SessionId]) {
        if !sessions.is_empty() {
            self.ports.bus.publish(Event::SessionsClosed(user, sessions.into()));
        }
    }
}
