//! What the suite is built on: a store in a folder of its own, people with predictable ids, and
//! short ways to say what they do.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use wechat::clock::Time;
use wechat::error::Language;
use wechat::id::{ChatId, MessageId, ObjectId, SessionId, UserId};
use wechat::model::auth::{AskerKey, LoginCode, Session, TokenHash};
use wechat::model::chats::{
    Chat, ChatChange, ChatKind, GroupRules, Invite, Member, MemberState, Role,
};
use wechat::model::door::Admission;
use wechat::model::messages::{
    Content, Message, MessageChange, NewMessage, SystemEvent, TextContent,
};
use wechat::model::text::{About, Body, ClientMsgId, Email, Name, Title};
use wechat::model::users::{Privacy, Standing, User};
use wechat::store::embedded::EmbeddedStore;
use wechat::store::{
    Appended, Changed, Entered, Founded, GroupStep, Guard, InvitePut, Pass, Redeem, Stepped, Store,
};

use crate::plans::Plans;

/// The moment at which every test begins.
pub const NOON: Time = Time(1_795_348_800_000);
/// A minute, in milliseconds.
pub const MINUTE: i64 = 60_000;

/// A store and where it lives.
pub struct World {
    pub store: Arc<dyn Store>,
    /// A unique value that was changed may be used again. MongoDB does that; the server that
    /// stands for it in tests keeps such a value until its document is removed.
    pub frees_changed_keys: bool,
    /// The queries that the store made, where a server explains them.
    pub plans: Option<Plans>,
    ids: AtomicU32,
    _dir: Option<tempfile::TempDir>,
}

/// The embedded store in a folder that is removed with it.
pub async fn embedded() -> Option<World> {
    let dir = tempfile::tempdir().expect("a folder");
    let store = EmbeddedStore::open(dir.path()).expect("a store opens");
    let mut world = World::around(Arc::new(store));
    world._dir = Some(dir);
    Some(world)
}

/// A time after noon.
pub fn after(millis: i64) -> Time {
    Time(NOON.0 + millis)
}

/// A text for a message.
pub fn text(body: &str) -> TextContent {
    TextContent::of(Body::stored(body.to_owned()))
}

/// An address.
pub fn email(local: &str) -> Email {
    Email::stored(format!("{local}@example.org"))
}

/// Somebody who asks for codes.
pub fn asker(number: u8) -> AskerKey {
    AskerKey(ObjectId([number; 12]))
}

/// A login by a code from one place, with search terms.
pub fn redeem(code: &LoginCode, session: &Session, terms: &[&str]) -> Redeem {
    Redeem {
        code: Pass::Code(code.id),
        session: session.clone(),
        terms: terms.iter().map(|term| (*term).to_owned()).collect(),
        places: vec![asker(1)],
        admission: Admission::Anybody,
    }
}

/// The text of a message, or "" of one without.
pub fn body(message: &Message) -> &str {
    match &message.content {
        Content::Text(text) => text.body.as_str(),
        _ => "",
    }
}

impl World {
    /// A world around a store that somebody else keeps.
    pub fn around(store: Arc<dyn Store>) -> Self {
        let ids = AtomicU32::new(1);
        Self { store, frees_changed_keys: true, plans: None, ids, _dir: None }
    }

    /// The test is over.
    pub async fn ends(&self) {
        if let Some(plans) = &self.plans {
            plans.check().await;
        }
        self.store.close().await;
    }

    /// Goes on with the ids after those of another world, whose data this one takes over.
    pub fn take_over_ids(&self, other: &Self) {
        self.ids.store(other.ids.load(Ordering::SeqCst), Ordering::SeqCst);
    }

    /// The next id; ids ascend.
    pub fn id(&self) -> ObjectId {
        let mut bytes = [7; 12];
        bytes[8..].copy_from_slice(&self.ids.fetch_add(1, Ordering::SeqCst).to_be_bytes());
        ObjectId(bytes)
    }

    /// An account that is not stored yet.
    pub fn person(&self, name: &str) -> User {
        User {
            id: UserId(self.id()),
            name: Name::stored(name.to_owned()),
            email: email(name),
            about: About::stored(String::new()),
            avatar: None,
            push_token: None,
            privacy: Privacy::default(),
            reach: Default::default(),
            groups: Default::default(),
            card: None,
            language: Language::Spanish,
            created: NOON,
            verified: None,
            deleted: None,
            operator: false,
            standing: Standing::Fine,
        }
    }

    /// A code for an account, good for five minutes.
    pub fn code(&self, email: &Email, user: Option<UserId>) -> LoginCode {
        LoginCode {
            id: self.id(),
            email: email.clone(),
            user,
            ticket: None,
            network: Some(asker(1)),
            hmac: [9; 32],
            tries: 0,
            expires: after(5 * MINUTE),
            profile: None,
        }
    }

    /// A code is put that takes the place of none.
    pub async fn put_code(&self, code: &LoginCode) {
        self.store.put_code(code, &[]).await.expect("puts a code");
    }

    /// A code is redeemed for a session, by a login from one place.
    pub async fn redeem(&self, code: &LoginCode, session: &Session) -> Option<User> {
        match self.store.redeem(&redeem(code, session, &[])).await.expect("answers") {
            Entered::In(user, _) => Some(user),
            Entered::Gone | Entered::ShutOut | Entered::Suspended(..) => None,
        }
    }

    /// A code is redeemed that must be there, by somebody who must be let in.
    pub async fn enter(&self, redeem: &Redeem) -> User {
        match self.store.redeem(redeem).await.expect("answers") {
            Entered::In(user, _) => user,
            other => panic!("not in: {other:?}"),
        }
    }

    /// A session that is not stored yet.
    pub fn session(&self, user: UserId, token: u8) -> Session {
        Session {
            id: SessionId(self.id()),
            user,
            token: TokenHash([token; 32]),
            device: format!("phone {token}"),
            created: NOON,
            last_seen: NOON,
        }
    }

    /// A verified person with this name, and `name@example.org`.
    pub async fn user(&self, name: &str) -> UserId {
        let person = self.person(name);
        self.store.sign_up(&person).await.expect("signs up");
        let code = self.code(&person.email, Some(person.id));
        self.put_code(&code).await;
        let mut session = self.session(person.id, 0);
        session.token.0[..12].copy_from_slice(&session.id.0.0);
        let redeem = redeem(&code, &session, &[&name.to_lowercase()]);
        self.enter(&redeem).await.id
    }

    /// A direct chat of two people.
    pub async fn direct(&self, one: UserId, other: UserId) -> ChatId {
        let opened = self.store.open_direct((one, other), None, NOON).await;
        opened.expect("opens").expect("both are there").id
    }

    /// A group; the first person is the owner.
    pub async fn group(&self, people: &[UserId]) -> ChatId {
        let members: Vec<_> = people
            .iter()
            .enumerate()
            .map(|(index, &user)| (user, if index == 0 { Role::Owner } else { Role::Member }))
            .collect();
        let title = Title::stored("Peña".into());
        let made = self
            .store
            .create_group(
                &self.blank_group(people[0]),
                &members,
                vec!["pena".into()],
                MessageId(self.id()),
                SystemEvent::GroupCreated { title },
            )
            .await;
        match made.expect("creates") {
            Founded::Done(_, chat) => chat.id,
            other => panic!("not created: {other:?}"),
        }
    }

    /// Puts an invitation link of the group's owner.
    pub async fn link(&self, invite: &Invite) {
        let put = self.store.put_invite(invite, Role::Owner).await.expect("puts");
        assert_eq!(put, InvitePut::Done);
    }

    /// A group that is not stored yet.
    pub fn blank_group(&self, owner: UserId) -> Chat {
        Chat {
            id: ChatId(self.id()),
            kind: ChatKind::Group,
            peers: None,
            title: Some(Title::stored("Peña".into())),
            about: About::stored("de los martes".into()),
            avatar: None,
            owner: Some(owner),
            public: true,
            history_shared: false,
            rules: GroupRules::default(),
            announcement: None,
            created: NOON,
            deleted: None,
            head_seq: 0,
            head_rev: 0,
            meta_rev: 0,
            active_at: NOON,
            member_count: 0,
        }
    }

    /// A message on its way; its key is its text.
    pub fn new_message(&self, chat: ChatId, from: UserId, content: TextContent) -> NewMessage {
        NewMessage {
            id: MessageId(self.id()),
            chat,
            peers: None,
            from,
            client_msg_id: ClientMsgId::stored(content.body.as_str().replace(' ', "-")),
            content,
            sent: NOON,
        }
    }

    /// Appends and waits for the answer.
    pub async fn append(&self, new: NewMessage) -> Appended {
        let pending = self.store.append(new).await.expect("queues");
        pending.await.expect("stores")
    }

    /// Writes a message that must be stored.
    pub async fn send(&self, chat: ChatId, from: UserId, content: TextContent) -> Message {
        match self.append(self.new_message(chat, from, content)).await {
            Appended::Stored { message, .. } => message,
            other => panic!("not stored: {other:?}"),
        }
    }

    /// Writes a plain text that must be stored.
    pub async fn say(&self, chat: ChatId, from: UserId, words: &str) -> Message {
        self.send(chat, from, text(words)).await
    }

    /// Changes a message that must be there.
    pub async fn change(
        &self,
        chat: ChatId,
        seq: u64,
        by: UserId,
        change: MessageChange,
    ) -> Message {
        match self.store.change(chat, seq, by, change).await.expect("changes") {
            Changed::Done(message) => message,
            other => panic!("not changed: {other:?}"),
        }
    }

    /// Puts a reaction, or takes it away.
    pub async fn react(
        &self,
        chat: ChatId,
        seq: u64,
        user: UserId,
        emoji: &str,
        on: bool,
    ) -> Message {
        self.change(chat, seq, user, MessageChange::React { user, emoji: emoji.into(), on }).await
    }

    /// The chat and one member's row in it.
    pub async fn chat_and_member(&self, chat: ChatId, user: UserId) -> (Chat, Member) {
        let (chat, mut rows) =
            self.store.chat(chat, &[user]).await.expect("reads").expect("the chat is there");
        (chat, rows.pop().expect("the row is there"))
    }

    /// A member's row.
    pub async fn member(&self, chat: ChatId, user: UserId) -> Member {
        self.chat_and_member(chat, user).await.1
    }

    pub async fn chat(&self, chat: ChatId) -> Chat {
        self.store.chat(chat, &[]).await.expect("reads").expect("the chat is there").0
    }

    /// A step that changes nothing yet.
    pub fn step(&self, chat: ChatId, by: UserId, event: SystemEvent) -> GroupStep {
        GroupStep {
            chat,
            guards: Vec::new(),
            rests_on: None,
            change: ChatChange::default(),
            silence: None,
            members: Vec::new(),
            all_leave: false,
            terms: None,
            invite: None,
            revoked: Vec::new(),
            message: MessageId(self.id()),
            by,
            event,
            at: after(MINUTE),
        }
    }

    /// Carries out a step that must succeed.
    pub async fn done(&self, step: GroupStep) -> (Message, Chat) {
        match self.store.step(step).await.expect("steps") {
            Stepped::Done(message, chat) => (message, chat),
            other => panic!("not done: {other:?}"),
        }
    }

    /// Adds a person to a group.
    pub async fn add(&self, chat: ChatId, by: UserId, user: UserId) -> (Message, Chat) {
        let mut step = self.step(chat, by, SystemEvent::MembersAdded { users: vec![user] });
        step.members = vec![(user, MemberState::Active, Role::Member)];
        self.done(step).await
    }

    /// Removes a person from a group.
    pub async fn remove(&self, chat: ChatId, by: UserId, user: UserId) -> (Message, Chat) {
        let mut step = self.step(chat, by, SystemEvent::MemberRemoved { user });
        step.members = vec![(user, MemberState::Left, Role::Member)];
        self.done(step).await
    }
}

/// A guard on a standing.
pub fn guard(user: UserId, state: MemberState, role: Role) -> Guard {
    Guard { user, standing: Some((state, role)) }
}
