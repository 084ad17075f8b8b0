//! A node at night: people whose devices sleep and wake, and every push that reaches them.
//!
//! Nothing waits here: `told` has everything told at once that waits to be told.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use wechat::core::Core;
use wechat::core::chats::Target;
use wechat::core::groups::NewGroup;
use wechat::core::messages::Draft;
use wechat::core::push::Outlet;
use wechat::id::{ChatId, SessionId};
use wechat::model::alerts::Shown;
use wechat::model::auth::Caller;
use wechat::model::contacts::Strangers;
use wechat::model::messages::Message;
use wechat::model::push::{Subscription, Target as Reached};
use wechat::model::text::{About, Body, ClientMsgId, Title};
use wechat::push::memory::MemoryPusher;
use wechat::push::{Notice, Said};

use super::fresh_key;
use super::inside::{Inside, address};
use super::node::{Device, Node};

/// Longer than any test: only `told` tells.
const NEVER: Duration = Duration::from_secs(60 * 60);

/// So long that everything is due by then.
pub const EVER: Duration = Duration::from_secs(2 * 60 * 60);

/// A node whose pushes are kept in memory.
pub struct Night {
    pub node: Node,
    pub pusher: Arc<MemoryPusher>,
}

/// A person's device.
pub struct Sleeper {
    pub caller: Caller,
    pub device: Device,
}

/// How a core tells devices in these tests.
pub fn outlet(
    pusher: &Arc<MemoryPusher>,
    here: impl Fn(wechat::id::UserId, Option<ChatId>) -> Vec<SessionId> + Send + Sync + 'static,
) -> Outlet {
    Outlet {
        pusher: pusher.clone(),
        here: Arc::new(here),
        shown: Some(Shown::Text),
        settle: NEVER,
        away: NEVER,
    }
}

impl Night {
    pub async fn new() -> Self {
        Self::settling(NEVER).await
    }

    /// One where a message waits so long before it is told by itself.
    pub async fn settling(settle: Duration) -> Self {
        Self::on(Node::new().await, settle, Shown::Text)
    }

    /// One whose operator allows so much to be said.
    pub async fn saying(shown: Shown) -> Self {
        Self::on(Node::new().await, NEVER, shown)
    }

    /// One where strangers may do so much.
    pub async fn among(strangers: Strangers) -> Self {
        Self::on(Node::among(strangers).await, NEVER, Shown::Text)
    }

    fn on(node: Node, settle: Duration, shown: Shown) -> Self {
        let pusher = Arc::new(MemoryPusher::default());
        let hub = node.hub.clone();
        let outlet = outlet(&pusher, move |user, chat| hub.sessions_of(user, chat));
        let _ = node.inside.core.clone().with_push(Outlet { settle, shown: Some(shown), ..outlet });
        Self { node, pusher }
    }

    pub fn core(&self) -> &Core {
        &self.node.inside.core
    }

    /// Somebody with a device that sleeps and can be told.
    pub async fn sleeper(&self, name: &str) -> Sleeper {
        let caller = self.node.inside.person(name).await;
        self.device(caller).await
    }

    /// Another device of somebody, which sleeps too.
    pub async fn another(&self, name: &str) -> Sleeper {
        let email = address(name);
        self.node.inside.asks(&email, super::inside::HOME.into()).await.expect("a code");
        let code = self.node.inside.code(&email);
        let signed_in = self.node.inside.log_in_with(&email, &code).await.expect("logged in");
        let (user, session) = (signed_in.user.id, signed_in.session.id);
        self.device(Caller { user, session, instance: None }).await
    }

    async fn device(&self, caller: Caller) -> Sleeper {
        let target = Reached::fcm(&format!("token-of-{}", caller.session)).expect("a token");
        self.core().push.subscribe(&caller, target).await.expect("subscribed");
        Sleeper { caller, device: Device::new(caller) }
    }

    /// The device connects.
    pub async fn wakes(&self, who: &mut Sleeper) {
        who.device.connect(&self.node).await;
        self.core().presence.came(&who.caller);
    }

    /// The device loses its connection.
    pub fn sleeps(&self, who: &mut Sleeper) {
        who.device.cut();
        self.core().presence.left(&who.caller);
    }

    pub async fn group(&self, people: &[&Sleeper]) -> ChatId {
        let members = people[1..].iter().map(|person| person.caller.user).collect();
        let new = NewGroup {
            key: None,
            title: Title::parse("title", "Peña").expect("a title"),
            about: About::parse("about", "").expect("fits"),
            public: false,
            history_shared: false,
            members,
        };
        let made = self.core().groups.create(&people[0].caller, new).await;
        made.expect("created").id
    }

    /// Somebody writes in a chat.
    pub async fn says(&self, who: &Sleeper, target: Target, draft: Draft) -> Message {
        let sent = self.core().messages.send(&who.caller, target, draft).await.expect("allowed");
        sent.await.expect("sent").message
    }

    /// Every push so far that was not asked for before, after all that waits was told.
    pub async fn told(&self) -> Vec<(Arc<Subscription>, Notice)> {
        self.core().push.drain(EVER).await;
        self.pusher.take()
    }

    /// The messages among them: which session was told of what, and what its badge says.
    pub async fn messages(&self) -> Vec<(SessionId, ChatId, u64, u64)> {
        let told = self.told().await;
        let messages = told.iter().filter_map(|(to, notice)| match &notice.said {
            Said::Message { chat, seq, badge, .. } => Some((to.session, *chat, *seq, *badge)),
            _ => None,
        });
        let mut messages: Vec<_> = messages.collect();
        messages.sort();
        messages
    }
}

/// A text to send.
pub fn text(words: &str) -> Draft {
    let key = ClientMsgId::parse("key", &fresh_key()).expect("a key");
    Draft::new(key, Body::parse("body", words).expect("a text"))
}

/// A chat that is there, as a target.
pub const fn group(chat: ChatId) -> Target {
    Target { chat, peers: None }
}

/// The direct chat of two people, as a target.
pub fn direct(one: &Sleeper, other: &Sleeper) -> Target {
    let (one, other) = (one.caller.user, other.caller.user);
    Target { chat: ChatId::direct(one, other), peers: Some((one.min(other), one.max(other))) }
}

/// How often each of these comes.
pub fn counted<T: Ord>(all: impl IntoIterator<Item = T>) -> BTreeMap<T, usize> {
    let mut counts = BTreeMap::new();
    for one in all {
        *counts.entry(one).or_default() += 1;
    }
    counts
}

/// A second process on the store of a first.
pub fn next_process(of: &Inside, pusher: &Arc<MemoryPusher>) -> Inside {
    let folder = tempfile::tempdir().expect("a folder");
    let next = Inside::on((of.store.clone(), folder), Default::default(), |_| Vec::new());
    let _ = next.core.clone().with_push(outlet(pusher, |_, _| Vec::new()));
    next
}
