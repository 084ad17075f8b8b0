//! Answers of `/api/v1` that hold more than one row: pages of lists, and what a login gives.
//!
//! A page that has a `next` is followed by another: give it back as `after`. Called by `http`.

use serde::ser::{SerializeSeq, SerializeStruct, Serializer};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::groups::Role;
use super::people::{Me, Presence, Session, User};
use super::rows::{Chat, ChatSummary, Invite, Message, MessageKind};
use super::values::{Id, Moment};
use crate::core::messages;
use crate::id::{ChatId, UserId};
use crate::model::excerpt::{Excerpt, Line, Plain};

/// A mail is on its way, if the address has an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CodeSent {
    /// The address.
    pub email: String,
    /// How many seconds the code works.
    pub expires_in: u64,
    /// To be sent with the code, and whenever a code is asked for again: the code is for whoever
    /// has it. Worth keeping for as long as the device is used, also after a logout.
    pub ticket: String,
}

/// An open session.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct SignedIn {
    /// What to send as `Authorization: Bearer …` from now on. Shown once.
    pub token: String,
    /// What the token belongs to; its id closes it later.
    pub session: Session,
    /// The account.
    pub user: Me,
}

/// The caller's sessions.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sessions {
    /// Latest used first.
    pub sessions: Vec<Session>,
}

/// A person whom the caller blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Blocked {
    /// The person.
    pub user: User,
    /// Since when.
    pub since: Moment,
}

/// Whom the caller blocks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BlockedPeople {
    /// Latest first.
    pub blocked: Vec<Blocked>,
}

/// How people stand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Presences {
    /// In the order asked.
    pub people: Vec<Presence>,
}

/// A page of the caller's list of chats.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ChatPage {
    /// Pinned ones first, then those with the latest message.
    pub chats: Vec<ChatSummary>,
    /// The other people of the direct chats.
    pub users: Vec<User>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// A chat with the other person, when it is a direct one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OpenChat {
    /// The chat.
    #[serde(flatten)]
    pub summary: ChatSummary,
    /// The other person of a direct chat.
    pub users: Vec<User>,
}

/// A page of a chat's history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessagePage {
    /// In the order of seq. To go on, ask `before` the first or `after` the last of them; a page
    /// that is not full is the last one.
    pub messages: Vec<Message>,
    /// The people in them.
    pub users: Vec<User>,
}

/// The row of a message that is a text and nothing more, written without a copy of it. Its fields
/// are those that `Message` then has, in their order: a test holds it to that.
#[derive(Serialize)]
struct PlainMessage<'a> {
    id: Id,
    chat: Id,
    seq: u64,
    rev: u64,
    from: Id,
    from_name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_msg_id: Option<&'a str>,
    kind: MessageKind,
    body: &'a str,
    sent: Moment,
}

impl<'a> PlainMessage<'a> {
    /// The row of a message of `chat` whose author is called `from_name` now.
    fn of(message: &Plain<'a>, chat: ChatId, from_name: &'a str) -> Self {
        Self {
            id: message.id.into(),
            chat: chat.into(),
            seq: message.place.seq,
            rev: message.place.rev,
            from: message.from.into(),
            from_name,
            client_msg_id: message.client_msg_id,
            kind: MessageKind::Text,
            body: message.body,
            sent: message.sent.into(),
        }
    }
}

/// A `MessagePage` as the server writes it, from what the store gave.
pub struct WrittenPage {
    /// The messages.
    pub excerpt: Excerpt,
    /// The people in them, in the order of their ids. Who is not there has no name.
    pub users: Vec<User>,
}

impl WrittenPage {
    fn name(&self, user: UserId) -> &str {
        let place = self.users.binary_search_by_key(&user.into(), |user| user.id);
        place.map_or("", |at| &self.users[at].name)
    }
}

impl Serialize for WrittenPage {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut page = serializer.serialize_struct("MessagePage", 2)?;
        page.serialize_field("messages", &WrittenRows(self))?;
        page.serialize_field("users", &self.users)?;
        page.end()
    }
}

struct WrittenRows<'a>(&'a WrittenPage);

impl Serialize for WrittenRows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let excerpt = &self.0.excerpt;
        let mut rows = serializer.serialize_seq(Some(excerpt.len()))?;
        for line in excerpt.lines() {
            let name = self.0.name(line.from());
            match line {
                Line::Plain(plain) => {
                    rows.serialize_element(&PlainMessage::of(&plain, excerpt.chat(), name))?;
                }
                Line::Full(message) => {
                    rows.serialize_element(&Message::of(message.clone(), name.into()))?;
                }
            }
        }
        rows.end()
    }
}

/// A message that was sent.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Sent {
    /// As it is stored.
    pub message: Message,
    /// It was stored before, under the same key.
    pub repeated: bool,
}

impl From<messages::Sent> for Sent {
    fn from(sent: messages::Sent) -> Self {
        let message = Message::of(sent.message, sent.from_name);
        Self { message, repeated: sent.repeated }
    }
}

/// A person in a group, as the other members see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GroupMember {
    /// The person.
    pub user: User,
    /// The rank.
    pub role: Role,
    /// In this standing since.
    pub since: Moment,
    /// What the member is called in this group, if not by their own name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nick: Option<String>,
    /// Silenced until then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub silent_until: Option<Moment>,
}

/// A page of a group's members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MemberPage {
    /// In the order of their user ids.
    pub members: Vec<GroupMember>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

/// Whom a group refuses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Banned {
    /// In the order of their user ids.
    pub banned: Vec<GroupMember>,
}

/// Who asks to be let into a group.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Requests {
    /// In the order of their user ids; `since` is when they asked.
    pub requests: Vec<GroupMember>,
}

/// The groups that people wait to be let into.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingGroups {
    /// In the order of their ids; those of which the caller is an admin and where somebody waits.
    pub groups: Vec<WaitingGroup>,
}

/// A group that people wait to be let into.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WaitingGroup {
    /// The group.
    pub chat: Id,
    /// How many people wait.
    pub waiting: u64,
}

/// Who came into a group by a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Added {
    /// Whoever is missing here was in it already, or cannot be added.
    pub added: Vec<Id>,
}

/// A group's invitation links.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invites {
    /// Latest first.
    pub invites: Vec<Invite>,
}

/// A page of what was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Found {
    /// People, best first.
    pub users: Vec<User>,
    /// Public groups, best first.
    pub groups: Vec<Chat>,
    /// Where the next page begins.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// The server runs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Health {
    /// `ok`.
    pub status: String,
}

/// Pinned messages of a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Pins {
    /// Latest pin first.
    pub messages: Vec<Message>,
}

/// A page of people who reacted with an emoji.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reactors {
    /// Their ids, in their order.
    pub users: Vec<Id>,
    /// There may be more after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

/// A page of people who have read a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Readers {
    /// Their ids, in their order.
    pub users: Vec<Id>,
    /// There may be more after this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<Id>,
}

/// Earlier texts of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EarlierTexts {
    /// Oldest first.
    pub texts: Vec<super::changes::EarlierText>,
}

/// What became of a cursor.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Moved {
    /// The caller's membership, if the cursor moved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub member: Option<super::rows::Member>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Time;
    use crate::id::{MessageId, ObjectId};
    use crate::model::chats::Place;
    use crate::model::messages::{Content, Message as Stored, TextContent};
    use crate::model::text::{Body, ClientMsgId};
    use crate::protocol::json;

    #[test]
    fn a_page_is_written_as_its_type_says() {
        let id = ObjectId([0xa5; 12]);
        let content = Content::Text(TextContent::of(Body::stored("a \"b\"\n\u{1f44d}".into())));
        let place = Place { seq: 7, rev: 1 << 40 };
        let bare = Stored::new(MessageId(id), ChatId(id), place, UserId(id), content, Time(-8));
        let key = Some(ClientMsgId::stored("a \"key\"".into()));
        let keyed = Stored { client_msg_id: key, ..bare.clone() };
        let edited = Stored { edited: Some(Time(9)), ..keyed.clone() };
        let gone = Stored { from: UserId(ObjectId([1; 12])), ..bare.clone() };
        let all = vec![bare, keyed, edited, gone];
        let user = |id, name: &str| User {
            id: Id(id),
            name: name.into(),
            about: String::new(),
            avatar: None,
            deleted: false,
        };
        let users = vec![user(ObjectId([0; 12]), "Beto"), user(id, "Ana \\ \u{1f44d}")];
        let named = |message: &Stored| match message.from {
            UserId(other) if other == id => users[1].name.as_str().into(),
            _ => "".into(),
        };
        let messages = all.iter().map(|message| Message::of(message.clone(), named(message)));
        let expected = MessagePage { messages: messages.collect(), users: users.clone() };
        let excerpt = Excerpt::of(ChatId(id), all);
        let plain = excerpt.lines().filter(|line| matches!(line, Line::Plain(_))).count();
        assert_eq!(plain, 3);
        let text = json::to_string(&WrittenPage { excerpt, users });
        let text = text.expect("JSON");
        assert_eq!(text, json::to_string(&expected).expect("JSON"));
        assert_eq!(serde_json::from_str::<MessagePage>(&text).expect("a page"), expected);
    }
}
