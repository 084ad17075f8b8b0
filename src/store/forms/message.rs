//! A message: what it says beside its text, and what became of it.
//!
//! Its text, where it stands, who sent it and when are fields beside the form: stores look for
//! messages by these, and most messages are a text and nothing more.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::broken;
use super::event::EventForm;
use super::file::AttachmentForm;
use super::values::{At, Id};
use crate::clock::Time;
use crate::error::Result;
use crate::id::{CallId, ChatId, MessageId, UserId};
use crate::model::calls::{CallKind, EndReason};
use crate::model::chats::Place;
use crate::model::messages::{CallContent, Content, Message, Origin, Reaction, Stamp, TextContent};
use crate::model::text::{Body, ClientMsgId};

/// What stands beside the form.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// Its name.
    pub id: MessageId,
    /// Whose log it is in.
    pub chat: ChatId,
    /// Where it is in the log.
    pub place: Place,
    /// Who wrote or caused it.
    pub from: UserId,
    /// The sender's idempotency key.
    pub client_msg_id: Option<ClientMsgId>,
    /// When the server took it.
    pub sent: Time,
    /// The text of a message of a person.
    pub body: Option<String>,
}

/// All else of a message; of a plain text there is nothing else.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct MessageForm {
    #[serde(skip_serializing_if = "Kind::is_text")]
    kind: Kind,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    attachments: Vec<AttachmentForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reply_to: Option<u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<Id>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    mention_all: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    forwarded: Option<OriginForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    event: Option<EventForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    call: Option<CalledForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    edited_at: Option<At>,
    #[serde(skip_serializing_if = "Option::is_none")]
    deleted: Option<StampForm>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    reactions: Vec<ReactionForm>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pinned: Option<StampForm>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Kind {
    #[default]
    Text,
    System,
    Call,
    Deleted,
}

impl Kind {
    fn is_text(&self) -> bool {
        *self == Self::Text
    }
}

/// Where it was forwarded from; nothing where its readers need not know.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct OriginForm {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    author_id: Option<Id>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    created_at: Option<At>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct CalledForm {
    call: Id,
    kind: String,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    talked_ms: Option<u64>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct StampForm {
    by: Id,
    at: At,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct ReactionForm {
    emoji: String,
    count: u32,
    users: Vec<Id>,
}

fn ids(users: &[UserId]) -> Vec<Id> {
    users.iter().map(|user| Id(user.0)).collect()
}

fn users(ids: Vec<Id>) -> Vec<UserId> {
    ids.into_iter().map(|id| UserId(id.0)).collect()
}

impl MessageForm {
    /// The form of a message.
    pub fn of(message: &Message) -> Self {
        let reaction = |reaction: &Reaction| ReactionForm {
            emoji: reaction.emoji.clone(),
            count: reaction.count,
            users: ids(&reaction.users),
        };
        Self {
            edited_at: message.edited.map(At),
            deleted: message.deleted.map(StampForm::from),
            reactions: message.reactions.iter().map(reaction).collect(),
            pinned: message.pinned.map(StampForm::from),
            ..Self::of_content(&message.content)
        }
    }

    fn of_content(content: &Content) -> Self {
        match content {
            Content::Text(text) => Self {
                attachments: text.attachments.iter().map(AttachmentForm::from).collect(),
                reply_to: text.reply_to,
                mentions: ids(&text.mentions),
                mention_all: text.mention_all,
                forwarded: text.forwarded.map(OriginForm::from),
                ..Self::default()
            },
            Content::System(event) => {
                Self { kind: Kind::System, event: Some(event.into()), ..Self::default() }
            }
            Content::Call(call) => {
                Self { kind: Kind::Call, call: Some(call.into()), ..Self::default() }
            }
            Content::Deleted => Self { kind: Kind::Deleted, ..Self::default() },
        }
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// The message that was stored.
    pub fn message(mut self, head: Head) -> Result<Message> {
        let Head { id, chat, place, from, client_msg_id, sent, body } = head;
        let reaction = |form: ReactionForm| Reaction {
            emoji: form.emoji,
            count: form.count,
            users: users(form.users),
        };
        let reactions = std::mem::take(&mut self.reactions).into_iter().map(reaction).collect();
        Ok(Message {
            client_msg_id,
            edited: self.edited_at.map(|at| at.0),
            deleted: self.deleted.take().map(Stamp::from),
            pinned: self.pinned.take().map(Stamp::from),
            reactions,
            ..Message::new(id, chat, place, from, self.content(body)?, sent)
        })
    }

    fn content(self, body: Option<String>) -> Result<Content> {
        let missing = || broken("message");
        Ok(match self.kind {
            Kind::Text => Content::Text(TextContent {
                body: Body::stored(body.ok_or_else(missing)?),
                attachments: self
                    .attachments
                    .into_iter()
                    .map(AttachmentForm::attachment)
                    .collect::<Result<_>>()?,
                reply_to: self.reply_to,
                mentions: users(self.mentions),
                mention_all: self.mention_all,
                forwarded: self.forwarded.map(Origin::from),
            }),
            Kind::System => Content::System(self.event.ok_or_else(missing)?.event()?),
            Kind::Call => Content::Call(self.call.ok_or_else(missing)?.content()?),
            Kind::Deleted => Content::Deleted,
        })
    }
}

impl From<Origin> for OriginForm {
    fn from(origin: Origin) -> Self {
        match origin {
            Origin::Known { from, sent } => {
                Self { author_id: Some(Id(from.0)), created_at: Some(At(sent)) }
            }
            Origin::Hidden => Self { author_id: None, created_at: None },
        }
    }
}

impl From<OriginForm> for Origin {
    fn from(form: OriginForm) -> Self {
        match form.author_id.zip(form.created_at) {
            Some((from, sent)) => Self::Known { from: UserId(from.0), sent: sent.0 },
            None => Self::Hidden,
        }
    }
}

impl From<Stamp> for StampForm {
    fn from(Stamp { by, at }: Stamp) -> Self {
        Self { by: Id(by.0), at: At(at) }
    }
}

impl From<StampForm> for Stamp {
    fn from(StampForm { by, at }: StampForm) -> Self {
        Self { by: UserId(by.0), at: at.0 }
    }
}

impl From<&CallContent> for CalledForm {
    fn from(content: &CallContent) -> Self {
        Self {
            call: Id(content.call.0),
            kind: content.kind.name().into(),
            reason: content.reason.name().into(),
            talked_ms: content.talked.map(|talked| talked.as_millis() as u64),
        }
    }
}

impl CalledForm {
    fn content(&self) -> Result<CallContent> {
        let missing = || broken("message of a call");
        Ok(CallContent {
            call: CallId(self.call.0),
            kind: CallKind::named(&self.kind).ok_or_else(missing)?,
            reason: EndReason::named(&self.reason).ok_or_else(missing)?,
            talked: self.talked_ms.map(Duration::from_millis),
        })
    }
}

#[cfg(test)]
pub(in crate::store) mod tests {
    use super::*;
    use crate::id::{FileId, ObjectId};
    use crate::model::chats::{GroupRules, Role};
    use crate::model::files::{Attachment, FileFacts, FileKind, FileName};
    use crate::model::messages::SystemEvent;
    use crate::model::text::Title;

    fn id(number: u8) -> ObjectId {
        ObjectId([number; 12])
    }

    fn user(number: u8) -> UserId {
        UserId(id(number))
    }

    fn text(body: &str) -> TextContent {
        TextContent {
            body: Body::stored(body.into()),
            attachments: Vec::new(),
            reply_to: None,
            mentions: Vec::new(),
            mention_all: false,
            forwarded: None,
        }
    }

    fn with(content: Content) -> Message {
        let place = Place { seq: 3, rev: 5 };
        Message::new(MessageId(id(1)), ChatId(id(2)), place, user(3), content, Time(4))
    }

    fn film() -> Attachment {
        let facts = FileFacts {
            kind: FileKind::Video,
            media_type: "video/mp4".into(),
            name: FileName::of("peña.mp4"),
            size: 3 << 30,
            dimensions: Some((1920, 1080)),
            duration: Some(Duration::from_millis(61_234)),
            thumbhash: Some((0..25).collect()),
            animated: true,
            small: true,
            large: false,
        };
        Attachment { file: FileId(id(9)), facts }
    }

    fn events() -> Vec<SystemEvent> {
        let (title, user) = (Title::stored("Peña".into()), user(6));
        vec![
            SystemEvent::GroupCreated { title: title.clone() },
            SystemEvent::Renamed { title },
            SystemEvent::Described,
            SystemEvent::AvatarChanged,
            SystemEvent::SettingsChanged { public: false, history_shared: true },
            SystemEvent::RulesChanged { rules: GroupRules { slow_s: 30, ..GroupRules::default() } },
            SystemEvent::AnnouncementChanged,
            SystemEvent::MemberSilenced { user, until: Some(Time(70)) },
            SystemEvent::MemberSilenced { user, until: None },
            SystemEvent::LetIn { user },
            SystemEvent::MembersAdded { users: vec![user] },
            SystemEvent::Joined { by_invite: false },
            SystemEvent::Left,
            SystemEvent::MemberRemoved { user },
            SystemEvent::MemberBanned { user },
            SystemEvent::MemberUnbanned { user },
            SystemEvent::RoleChanged { user, role: Role::Admin },
            SystemEvent::OwnerChanged { user },
            SystemEvent::GroupDeleted { by_operators: false },
            SystemEvent::GroupDeleted { by_operators: true },
        ]
    }

    /// Messages with everything that a message can have.
    pub(in crate::store) fn messages() -> Vec<Message> {
        let stamp = Stamp { by: user(7), at: Time(-8) };
        let rich = TextContent {
            attachments: vec![film()],
            reply_to: Some(2),
            mentions: vec![user(4), user(5)],
            mention_all: true,
            forwarded: Some(Origin::Known { from: user(8), sent: Time(9) }),
            ..text("a \"b\"\n")
        };
        let reactions =
            vec![Reaction { emoji: "👍".into(), count: 70, users: vec![user(1), user(2)] }];
        let call = |talked| CallContent {
            call: CallId(id(5)),
            kind: CallKind::Video,
            reason: EndReason::Hangup,
            talked,
        };
        let hidden = TextContent { forwarded: Some(Origin::Hidden), ..text("") };
        let (edited, pinned) = (Some(Time(10)), Some(stamp));
        let mut all = vec![
            with(Content::Text(text("hola"))),
            Message { edited, pinned, reactions, ..with(Content::Text(rich)) },
            with(Content::Text(hidden)),
            with(Content::Call(call(Some(Duration::from_millis(5))))),
            with(Content::Call(call(None))),
            Message { deleted: Some(stamp), ..with(Content::Deleted) },
        ];
        all.extend(events().into_iter().map(|event| with(Content::System(event))));
        all
    }

    fn head(message: &Message) -> Head {
        Head {
            id: message.id,
            chat: message.chat,
            place: message.place(),
            from: message.from,
            client_msg_id: message.client_msg_id.clone(),
            sent: message.sent,
            body: match &message.content {
                Content::Text(text) => Some(text.body.as_str().to_owned()),
                _ => None,
            },
        }
    }

    #[test]
    fn a_message_is_read_back_as_it_was_stored() {
        for message in messages() {
            let json = serde_json::to_string(&MessageForm::of(&message)).expect("writes");
            let form: MessageForm = serde_json::from_str(&json).expect("reads");
            assert_eq!(form.message(head(&message)).expect("a message"), message, "{json}");
        }
    }

    #[test]
    fn what_is_absent_takes_no_room_and_what_is_wrong_is_an_error() {
        let plain = &messages()[0];
        assert!(MessageForm::of(plain).is_empty());
        assert_eq!(serde_json::to_string(&MessageForm::of(plain)).expect("writes"), "{}");
        assert!(messages()[1..].iter().all(|message| !MessageForm::of(message).is_empty()));
        for wrong in [
            r#"{"kind":"smell"}"#,
            r#"{"kind":"system","event":{"name":"smelled"}}"#,
            r#"{"kind":"system","event":{"name":"renamed"}}"#,
            r#"{"kind":"call"}"#,
            r#"{"mentions":["12"]}"#,
        ] {
            let form = serde_json::from_str::<MessageForm>(wrong).map_err(drop);
            let read = form.and_then(|form| form.message(head(plain)).map_err(drop));
            assert!(read.is_err(), "{wrong}");
        }
    }
}
