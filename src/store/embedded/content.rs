//! How the content of a message stands in its row: the text in a column of its own, the rest as
//! JSON, and nothing at all for a plain text.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use serde::{Deserialize, Serialize};

use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ObjectId, UserId};
use crate::model::calls::{CallKind, EndReason};
use crate::model::chats::Role;
use crate::model::files::{Attachment, FileFacts, FileKind, FileName};
use crate::model::messages::{CallContent, Content, Origin, SystemEvent, TextContent};
use crate::model::text::{Body, Title};

const TEXT: i64 = 0;
const SYSTEM: i64 = 1;
const DELETED: i64 = 2;
const CALL: i64 = 3;

/// The columns of a content.
pub(super) struct Stored<'a> {
    /// Which kind.
    pub(super) kind: i64,
    /// The text.
    pub(super) body: Option<&'a str>,
    /// What it answers.
    pub(super) reply_to: Option<u64>,
    /// The rest, as JSON.
    pub(super) meta: Option<String>,
}

impl<'a> Stored<'a> {
    /// The columns that hold `content`.
    pub(super) fn of(content: &'a Content) -> Result<Self> {
        match content {
            Content::Text(text) => Self::of_text(text),
            Content::System(event) => Ok(Self {
                kind: SYSTEM,
                body: None,
                reply_to: None,
                meta: Some(json(&Event::from(event))?),
            }),
            Content::Call(call) => Ok(Self {
                kind: CALL,
                body: None,
                reply_to: None,
                meta: Some(json(&Called::from(call))?),
            }),
            Content::Deleted => Ok(Self { kind: DELETED, body: None, reply_to: None, meta: None }),
        }
    }

    /// Whether there is nothing to read in it.
    pub(super) const fn is_quiet(&self) -> bool {
        matches!(self.kind, SYSTEM | DELETED)
    }

    /// The columns that hold a text.
    pub(super) fn of_text(text: &'a TextContent) -> Result<Self> {
        let plain = text.mentions.is_empty()
            && !text.mention_all
            && text.forwarded.is_none()
            && text.attachments.is_empty();
        Ok(Self {
            kind: TEXT,
            body: Some(text.body.as_str()),
            reply_to: text.reply_to,
            meta: if plain { None } else { Some(json(&Beside::from(text))?) },
        })
    }
}

fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(Error::internal)
}

/// Reads the columns back.
pub(super) fn content(
    kind: i64,
    body: Option<String>,
    reply_to: Option<u64>,
    meta: Option<&str>,
) -> Result<Content> {
    match kind {
        TEXT => {
            let beside = meta.map(serde_json::from_str::<Beside>).transpose();
            let beside = beside.map_err(Error::internal)?.unwrap_or_default();
            Ok(Content::Text(TextContent {
                body: Body::stored(body.unwrap_or_default()),
                attachments: attachments(beside.files)?,
                reply_to,
                mentions: beside.mentions.into_iter().map(UserId::from).collect(),
                mention_all: beside.all,
                forwarded: match beside.origin {
                    Some((from, sent)) => {
                        Some(Origin::Known { from: from.into(), sent: Time(sent) })
                    }
                    None => beside.forwarded.then_some(Origin::Hidden),
                },
            }))
        }
        SYSTEM => {
            let event: Event =
                serde_json::from_str(meta.unwrap_or_default()).map_err(Error::internal)?;
            Ok(Content::System(event.into()))
        }
        CALL => {
            let called: Called =
                serde_json::from_str(meta.unwrap_or_default()).map_err(Error::internal)?;
            called.content().ok_or_else(|| Error::internal("a call's message cannot be read"))
        }
        DELETED => Ok(Content::Deleted),
        other => Err(Error::internal(format!("a message of the unknown kind {other}"))),
    }
}

/// A user's id as its 24 digits.
#[derive(Serialize, Deserialize, Clone)]
#[serde(try_from = "String", into = "String")]
struct Id(UserId);

impl TryFrom<String> for Id {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        ObjectId::parse(&text).map(|id| Self(UserId(id))).map_err(|_| "not an id")
    }
}

impl From<Id> for String {
    fn from(id: Id) -> Self {
        id.0.to_string()
    }
}

impl From<Id> for UserId {
    fn from(id: Id) -> Self {
        id.0
    }
}

/// What stands beside a text.
#[derive(Serialize, Deserialize, Default)]
#[serde(default)]
struct Beside {
    #[serde(rename = "m", skip_serializing_if = "Vec::is_empty")]
    mentions: Vec<Id>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    all: bool,
    #[serde(rename = "o", skip_serializing_if = "Option::is_none")]
    origin: Option<(Id, i64)>,
    /// Forwarded from an author of whom nothing is told.
    #[serde(rename = "h", skip_serializing_if = "std::ops::Not::not")]
    forwarded: bool,
    #[serde(rename = "f", skip_serializing_if = "Vec::is_empty")]
    files: Vec<Attached>,
}

/// A file beside a text.
#[derive(Serialize, Deserialize)]
struct Attached {
    id: String,
    kind: String,
    #[serde(rename = "type")]
    media_type: String,
    name: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dimensions: Option<(u32, u32)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thumbhash: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    animated: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    small: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    large: bool,
}

impl From<&Attachment> for Attached {
    fn from(Attachment { file, facts }: &Attachment) -> Self {
        Self {
            id: file.to_string(),
            kind: facts.kind.name().into(),
            media_type: facts.media_type.clone(),
            name: facts.name.as_str().into(),
            size: facts.size,
            dimensions: facts.dimensions,
            duration_ms: facts.duration.map(|duration| duration.as_millis() as u64),
            thumbhash: facts.thumbhash.as_ref().map(|hash| BASE64.encode(hash)),
            animated: facts.animated,
            small: facts.small,
            large: facts.large,
        }
    }
}

impl Attached {
    fn attachment(self) -> Option<Attachment> {
        Some(Attachment {
            file: self.id.parse().ok()?,
            facts: FileFacts {
                kind: FileKind::named(&self.kind)?,
                media_type: self.media_type,
                name: FileName::stored(self.name),
                size: self.size,
                dimensions: self.dimensions,
                duration: self.duration_ms.map(Duration::from_millis),
                thumbhash: self.thumbhash.map(|hash| BASE64.decode(hash)).transpose().ok()?,
                animated: self.animated,
                small: self.small,
                large: self.large,
            },
        })
    }
}

fn attachments(files: Vec<Attached>) -> Result<Vec<Attachment>> {
    let read = files.into_iter().map(Attached::attachment).collect::<Option<_>>();
    read.ok_or_else(|| Error::internal("an attachment cannot be read"))
}

impl From<&TextContent> for Beside {
    fn from(text: &TextContent) -> Self {
        Self {
            mentions: text.mentions.iter().copied().map(Id).collect(),
            all: text.mention_all,
            origin: match text.forwarded {
                Some(Origin::Known { from, sent }) => Some((Id(from), sent.0)),
                Some(Origin::Hidden) | None => None,
            },
            forwarded: text.forwarded == Some(Origin::Hidden),
            files: text.attachments.iter().map(Attached::from).collect(),
        }
    }
}

/// How a call went.
#[derive(Serialize, Deserialize)]
struct Called {
    call: String,
    kind: String,
    reason: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    talked_ms: Option<u64>,
}

impl From<&CallContent> for Called {
    fn from(content: &CallContent) -> Self {
        Self {
            call: content.call.to_string(),
            kind: content.kind.name().into(),
            reason: content.reason.name().into(),
            talked_ms: content.talked.map(|talked| talked.as_millis() as u64),
        }
    }
}

impl Called {
    fn content(&self) -> Option<Content> {
        Some(Content::Call(CallContent {
            call: self.call.parse().ok()?,
            kind: CallKind::named(&self.kind)?,
            reason: EndReason::named(&self.reason)?,
            talked: self.talked_ms.map(Duration::from_millis),
        }))
    }
}

#[derive(Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
enum Event {
    GroupCreated { title: String },
    Renamed { title: String },
    Described,
    AvatarChanged,
    SettingsChanged { public: bool, history_shared: bool },
    MembersAdded { users: Vec<Id> },
    Joined { by_invite: bool },
    Left,
    MemberRemoved { user: Id },
    MemberBanned { user: Id },
    MemberUnbanned { user: Id },
    RoleChanged { user: Id, role: Rank },
    OwnerChanged { user: Id },
    GroupDeleted,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Rank {
    Member,
    Admin,
    Owner,
}

impl From<&SystemEvent> for Event {
    fn from(event: &SystemEvent) -> Self {
        match event {
            SystemEvent::GroupCreated { title } => {
                Self::GroupCreated { title: title.as_str().to_owned() }
            }
            SystemEvent::Renamed { title } => Self::Renamed { title: title.as_str().to_owned() },
            SystemEvent::Described => Self::Described,
            SystemEvent::AvatarChanged => Self::AvatarChanged,
            &SystemEvent::SettingsChanged { public, history_shared } => {
                Self::SettingsChanged { public, history_shared }
            }
            SystemEvent::MembersAdded { users } => {
                Self::MembersAdded { users: users.iter().copied().map(Id).collect() }
            }
            &SystemEvent::Joined { by_invite } => Self::Joined { by_invite },
            SystemEvent::Left => Self::Left,
            &SystemEvent::MemberRemoved { user } => Self::MemberRemoved { user: Id(user) },
            &SystemEvent::MemberBanned { user } => Self::MemberBanned { user: Id(user) },
            &SystemEvent::MemberUnbanned { user } => Self::MemberUnbanned { user: Id(user) },
            &SystemEvent::RoleChanged { user, role } => {
                let role = match role {
                    Role::Member => Rank::Member,
                    Role::Admin => Rank::Admin,
                    Role::Owner => Rank::Owner,
                };
                Self::RoleChanged { user: Id(user), role }
            }
            &SystemEvent::OwnerChanged { user } => Self::OwnerChanged { user: Id(user) },
            SystemEvent::GroupDeleted => Self::GroupDeleted,
        }
    }
}

impl From<Event> for SystemEvent {
    fn from(event: Event) -> Self {
        match event {
            Event::GroupCreated { title } => Self::GroupCreated { title: Title::stored(title) },
            Event::Renamed { title } => Self::Renamed { title: Title::stored(title) },
            Event::Described => Self::Described,
            Event::AvatarChanged => Self::AvatarChanged,
            Event::SettingsChanged { public, history_shared } => {
                Self::SettingsChanged { public, history_shared }
            }
            Event::MembersAdded { users } => {
                Self::MembersAdded { users: users.into_iter().map(UserId::from).collect() }
            }
            Event::Joined { by_invite } => Self::Joined { by_invite },
            Event::Left => Self::Left,
            Event::MemberRemoved { user } => Self::MemberRemoved { user: user.0 },
            Event::MemberBanned { user } => Self::MemberBanned { user: user.0 },
            Event::MemberUnbanned { user } => Self::MemberUnbanned { user: user.0 },
            Event::RoleChanged { user, role } => {
                let role = match role {
                    Rank::Member => Role::Member,
                    Rank::Admin => Role::Admin,
                    Rank::Owner => Role::Owner,
                };
                Self::RoleChanged { user: user.0, role }
            }
            Event::OwnerChanged { user } => Self::OwnerChanged { user: user.0 },
            Event::GroupDeleted => Self::GroupDeleted,
        }
    }
}
