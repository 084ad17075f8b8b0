//! From a committed change to the events that tell it.
//!
//! Called by the rules, once a change is durable. A push is a hint: a client that misses it reads
//! the store.

use std::sync::Arc;
use std::time::Duration;

use super::{Core, Shared};
use crate::bus::{Asking, Event, OwnMember, Posted};
use crate::error::Result;
use crate::hub::{Gap, Gaps, Hub, REPAIRED_ROWS, Report};
use crate::id::{ChatId, SessionId, UserId};
use crate::model::chats::{Chat, Member};
use crate::model::messages::{Content, Message, PAGE, SystemEvent};

/// How long a reported gap may take to close by itself: what is missing is often just overtaken.
const GAP_PATIENCE: Duration = Duration::from_millis(50);
/// How long to wait when the store cannot be read.
const GAP_RETRY: Duration = Duration::from_secs(1);
/// For how long a message that is sent again may not have been told yet.
const UNTOLD: Duration = Duration::from_secs(60);
/// At most this many people are told about their own member rows after one change.
const TOLD_MEMBERS: usize = 500;
/// At most this many admins are told at once who asks to come in; others see it when they look.
const TOLD_ADMINS: u32 = 100;

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
        self.post_to(message, chat, None, moves).await
    }

    async fn post_to(
        &self,
        message: Message,
        chat: Option<Chat>,
        peers: Option<(UserId, UserId)>,
        moves: Moves,
    ) -> Arc<str> {
        let from_name = self.name(message.from).await;
        let Moves { joined, gone } = moves;
        let row = Posted::of(message, from_name.clone());
        let posted = Posted { chat, peers, joined, gone, ..row };
        self.ports.bus.publish(Event::Message(Arc::new(posted)));
        from_name
    }

    /// Tells the members about a message again whose sender sent it again, while it is young: where
    /// it was stored may have ended before it was told. Who has it takes no notice. Devices that
    /// sleep are not told: that is for who stored it, so that nobody is told twice. What has
    /// changed since was told then. Answers its author's name.
    pub(crate) async fn post_repeated(&self, message: &Message) -> Arc<str> {
        let from_name = self.name(message.from).await;
        let is_young = self.ports.now().since(message.sent) < UNTOLD;
        let is_as_sent = matches!(message.content, Content::Text(_)) && message.edited.is_none();
        if is_young && is_as_sent {
            self.open_again(message).await;
            let row = Posted::of(message.clone(), from_name.clone());
            let posted = Posted { repeated: true, ..row };
            self.ports.bus.publish(Event::Message(Arc::new(posted)));
        }
        from_name
    }

    /// Tells both people of a direct chat that it has begun, when this message is all that has
    /// happened in it.
    async fn open_again(&self, message: &Message) {
        if message.rev == 1
            && let Ok(Some((chat, _))) = self.ports.store.chat(message.chat, &[]).await
            && chat.peers.is_some()
            && chat.head_rev == 1
        {
            self.chat_opened(chat).await;
        }
    }

    /// The same for a message that is new, in the direct chat of `peers` or a group: also to
    /// devices that sleep.
    pub(crate) async fn post_new(
        &self,
        message: &Message,
        peers: Option<(UserId, UserId)>,
    ) -> Arc<str> {
        let from_name = self.post_to(message.clone(), None, peers, Moves::default()).await;
        self.pushing.note(message);
        from_name
    }

    /// Tells both people that their direct chat has begun, and of their membership in it.
    pub(crate) async fn chat_opened(&self, chat: Chat) {
        let (id, peers) = (chat.id, chat.peers);
        self.ports.bus.publish(Event::ChatOpened(Arc::new(chat)));
        if let Some((low, high)) = peers {
            self.tell_members(id, &[low, high]).await;
        }
    }

    /// Tells people about their own member rows, which a change has touched. A hint like every
    /// push: people who cannot be told learn it by sync.
    pub(crate) async fn tell_members(&self, chat: ChatId, users: &[UserId]) {
        let users = &users[..users.len().min(TOLD_MEMBERS)];
        if let Ok(Some((_, members))) = self.ports.store.chat(chat, users).await {
            members.into_iter().for_each(|member| self.member_changed(member, Vec::new()));
        }
    }

    /// Tells a user's own devices about a change of one of its member rows.
    pub(crate) fn member_changed(&self, member: Member, hidden: Vec<u64>) {
        self.ports.bus.publish(Event::Member(Arc::new(OwnMember { member, hidden })));
    }

    /// Tells the admins of a group who are connected that these people ask to come in, or wait no
    /// more. A hint like every push: who cannot be told learns it by asking.
    pub(crate) async fn tell_asking(&self, chat: ChatId, users: &[UserId], waits: bool) {
        if users.is_empty() {
            return;
        }
        if let Ok(Some((as_of, admins))) = self.ports.store.admins(chat, TOLD_ADMINS).await {
            for user in users {
                let asking = Asking { chat, user: *user, waits, admins: admins.clone(), as_of };
                self.ports.bus.publish(Event::Asking(Arc::new(asking)));
            }
        }
    }

    /// Ends the connections of these sessions.
    pub(crate) fn sessions_closed(&self, user: UserId, sessions: &[SessionId]) {
        if !sessions.is_empty() {
            self.ports.bus.publish(Event::SessionsClosed(user, sessions.into()));
        }
    }
}

impl Core {
    /// Closes the gaps that the hub reports, by what the store says.
    pub async fn follow_gaps(&self, hub: &Arc<Hub>, mut gaps: Gaps) {
        while let Some(report) = gaps.recv().await {
            tokio::spawn(self.clone().close_gap(hub.clone(), report));
        }
    }

    async fn close_gap(self, hub: Arc<Hub>, report: Report) {
        if !report.at_once {
            tokio::time::sleep(GAP_PATIENCE).await;
        }
        while let Err(error) = self.try_close_gap(&hub, report.chat).await {
            let cause = error.cause();
            tracing::warn!(chat = %report.chat, ?cause, "a gap stays open: {error}");
            hub.resync(report.chat);
            tokio::time::sleep(GAP_RETRY).await;
        }
    }

    async fn try_close_gap(&self, hub: &Hub, chat: ChatId) -> Result<()> {
        let Some(gap) = hub.gap(chat) else { return Ok(()) };
        let users: Vec<UserId> = gap.users.keys().copied().collect();
        let store = &self.shared.ports.store;
        let Some((chat, members)) = store.chat(gap.chat, &users).await? else { return Ok(()) };
        let mut rows = Vec::new();
        for message in self.missing(&gap, chat.head_rev).await? {
            let from_name = self.shared.name(message.from).await;
            let Moves { joined, gone } = moves_of(&message);
            let told = matches!(message.content, Content::System(_));
            let row = Posted::of(message, from_name);
            rows.push(Posted { chat: told.then(|| chat.clone()), joined, gone, ..row });
        }
        hub.repair(&gap, &chat, &members, rows);
        Ok(())
    }
}

impl Core {
    /// The rows that changed in a gap up to `head`, or more of them than the hub hands out.
    async fn missing(&self, gap: &Gap, head: u64) -> Result<Vec<Message>> {
        let (mut rows, mut after) = (Vec::new(), gap.after_rev);
        while after < head && rows.len() <= REPAIRED_ROWS {
            let store = &self.shared.ports.store;
            let page = store.changes_for_all(gap.chat, after, PAGE).await?;
            rows.extend(page.rows);
            after = page.rev;
            if !page.more {
                break;
            }
        }
        Ok(rows)
    }
}

/// Who joined and who left, by what a row says.
fn moves_of(message: &Message) -> Moves {
    let Content::System(event) = &message.content else { return Moves::default() };
    let (joined, gone) = match event {
        SystemEvent::MembersAdded { users } => (users.clone(), Vec::new()),
        SystemEvent::Joined { .. } => (vec![message.from], Vec::new()),
        SystemEvent::LetIn { user } => (vec![*user], Vec::new()),
        SystemEvent::Left => (Vec::new(), vec![message.from]),
        SystemEvent::MemberRemoved { user } | SystemEvent::MemberBanned { user } => {
            (Vec::new(), vec![*user])
        }
        _ => (Vec::new(), Vec::new()),
    };
    Moves { joined, gone }
}
