//! The envelope of the original endpoints, its application codes, and their rows.
//!
//! The names are the ones that the mobile apps read; what is ours stands beside them. Called by
//! `http::original`.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::files::{Attachment, FileKind};
use super::groups::SystemEvent;
use super::rows::{self, CallFact, ChatKind, Member, MessageKind};
use super::values::{Id, Moment};
use crate::error::{Error, Language};
use crate::id::UserId;
use crate::model::{chats, messages, users};

/// Done, here is the answer.
pub const OK: u16 = 206;
/// Done, something was written.
pub const COMPLETED: u16 = 299;
/// Done, go on with the next step.
pub const REDIRECTION: u16 = 306;

/// `body_type` of a text.
pub const TEXT: u16 = 8;
/// `body_type` of what the server tells of a group or a call.
pub const SYSTEM: u16 = 0;
/// `body_type` of what carries any files.
pub const FILES: u16 = 22;
/// `body_type` of what carries videos alone.
pub const VIDEOS: u16 = 59;
/// `body_type` of what carries images alone.
pub const IMAGES: u16 = 65;

/// The `body_type` that says most of files of these kinds.
pub fn type_of(kinds: impl Iterator<Item = FileKind> + Clone) -> u16 {
    let mut all = kinds.clone();
    if all.next().is_none() {
        return TEXT;
    }
    let only = |kind| kinds.clone().all(|other| other == kind);
    match () {
        () if only(FileKind::Image) => IMAGES,
        () if only(FileKind::Video) => VIDEOS,
        () => FILES,
    }
}

/// Every answer of the original endpoints.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Envelope<T> {
    /// It failed.
    pub error: bool,
    /// For people.
    pub message: String,
    /// The application code.
    pub code: u16,
    /// The answer; null when there is none.
    pub data: Option<T>,
    /// Of a list that comes in pages: whether there is another page.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub more: Option<bool>,
}

impl<T> Envelope<T> {
    /// A success.
    pub fn of(code: u16, message: &str, data: T) -> Self {
        Self { error: false, message: message.to_owned(), code, data: Some(data), more: None }
    }

    /// The same for a page of a list, with whether there is another one.
    #[must_use]
    pub fn and_more(self, more: bool) -> Self {
        Self { more: Some(more), ..self }
    }
}

impl Envelope<()> {
    /// A success without data.
    pub fn empty(code: u16, message: &str) -> Self {
        Self { error: false, message: message.to_owned(), code, data: None, more: None }
    }
}

impl Envelope<Failure> {
    /// A failure. The error's cause stays here.
    pub fn failure(error: &Error, language: Language, request_id: &str) -> Self {
        let row = error.code.row();
        let message = match error.field.as_deref() {
            Some(field) => format!("{field}: {}", error.message(language)),
            None => error.message(language),
        };
        let failure = Failure {
            reason: row.name,
            field: error.field.as_deref().map(str::to_owned),
            request_id: request_id.to_owned(),
        };
        Self { error: true, message, code: row.envelope, data: Some(failure), more: None }
    }
}

/// What a program may want to know of a failure.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OriginalFailure)]
pub struct Failure {
    /// The stable name of the kind of problem.
    pub reason: &'static str,
    /// The field or parameter that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Names the request in the server's log.
    pub request_id: String,
}

/// Who verified its code.
#[derive(Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Verified {
    /// The address.
    pub email: String,
    /// The user's id.
    pub ui: Id,
    /// The push address, empty when there is none.
    pub pi: String,
    /// What to send as `Authorization: Bearer …` from now on. Shown once.
    pub token: String,
}

/// A message with the original names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OriginalMessage)]
pub struct Message {
    /// What `/api/v1` calls it too.
    #[serde(rename = "_id")]
    pub id: Id,
    /// The chat.
    pub target_id: Id,
    /// Who wrote it, or caused what the server tells.
    pub author_id: Id,
    /// The author's name now.
    #[schema(value_type = String)]
    pub author_name: Arc<str>,
    /// The sender's idempotency key, empty for what the server tells.
    pub content_id: String,
    /// 8 for text, 65 for images, 59 for videos, 22 for other files, 0 for what the server tells of
    /// a group or a call.
    pub body_type: u16,
    /// The text; empty once deleted, and maybe beside files.
    pub body: String,
    /// Where the files that it carries are: paths of this server.
    pub media: Vec<String>,
    /// In the same order, what stands for them until they are loaded: ThumbHash in base64, empty
    /// for what is no picture.
    pub placeholders: Vec<String>,
    /// What is known of the files, in the same order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub attachments: Vec<Attachment>,
    /// When the server took it.
    pub created_at: Moment,
    /// The chat.
    pub chtid: Id,
    /// Its position in the chat.
    pub seq: u64,
    /// The version of the chat's log at which it last changed.
    pub rev: u64,
    /// What kind of message it is.
    pub kind: MessageKind,
    /// The seq of the message that it answers.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reply_to: Option<u64>,
    /// What a system message tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub event: Option<SystemEvent>,
    /// How a call went.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<CallFact>,
}

impl Message {
    /// The row of a message whose author is called `author_name` now.
    pub fn of(message: messages::Message, author_name: Arc<str>) -> Self {
        let row = rows::Message::of(message, author_name);
        Self {
            id: row.id,
            target_id: row.chat,
            author_id: row.from,
            author_name: row.from_name,
            content_id: row.client_msg_id.unwrap_or_default(),
            body_type: match row.kind {
                MessageKind::System | MessageKind::Call => SYSTEM,
                MessageKind::Text | MessageKind::Deleted => {
                    type_of(row.attachments.iter().map(|file| file.kind))
                }
            },
            body: row.body.unwrap_or_default(),
            media: row.attachments.iter().map(|file| file.url.clone()).collect(),
            placeholders: row
                .attachments
                .iter()
                .map(|file| file.thumbhash.clone().unwrap_or_default())
                .collect(),
            attachments: row.attachments,
            created_at: row.sent,
            chtid: row.chat,
            seq: row.seq,
            rev: row.rev,
            kind: row.kind,
            reply_to: row.reply_to,
            event: row.event,
            call: row.call,
        }
    }
}

/// A chat as `/chats` lists it and `/nch` opens it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OriginalChat)]
pub struct Chat {
    /// The chat's id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// The same: what the other endpoints take.
    pub chtid: Id,
    /// Direct or group.
    pub kind: ChatKind,
    /// It is a group.
    pub is_group: bool,
    /// The group's title, or the other person's name.
    pub name: String,
    /// The other person of a direct chat.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_id: Option<Id>,
    /// The latest message that the caller may see.
    pub last_message: Option<Message>,
    /// Messages not read.
    pub unread: u64,
    /// How many members it has.
    pub member_count: u32,
    /// When it was created.
    pub created_at: Moment,
    /// The caller's own membership.
    pub member: Member,
}

impl Chat {
    /// The row of a chat for `caller`, with the names of the other person and of the last author.
    pub fn of(
        summary: messages::ChatSummary,
        caller: UserId,
        peer_name: &str,
        author: Arc<str>,
    ) -> Self {
        let chat = summary.chat;
        let peer = chat.other(caller);
        Self {
            id: chat.id.into(),
            chtid: chat.id.into(),
            kind: chat.kind.into(),
            is_group: chat.kind == chats::ChatKind::Group,
            name: chat.title.map_or_else(|| peer_name.to_owned(), |t| t.as_str().to_owned()),
            user_id: peer.map(Id::from),
            last_message: summary.last.map(|message| Message::of(message, author)),
            unread: summary.unread,
            member_count: chat.member_count,
            created_at: chat.created.into(),
            member: summary.member.into(),
        }
    }
}

/// A chat with its latest messages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OriginalOpenChat)]
pub struct OpenChat {
    /// Its row, as in `/chats`.
    #[serde(flatten)]
    pub chat: Chat,
    /// Its latest messages, oldest first.
    pub messages: Vec<Message>,
}

/// A person that `/lkup` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundUser {
    /// The person's id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// What they call themselves now; not unique.
    pub name: String,
    /// What the person says of itself.
    pub about: String,
    /// What opens the direct chat with this person, also when it is new: the person's id.
    pub chtid: Id,
}

impl From<users::User> for FoundUser {
    fn from(user: users::User) -> Self {
        Self {
            chtid: user.id.into(),
            id: user.id.into(),
            name: user.name.as_str().to_owned(),
            about: user.about.as_str().to_owned(),
        }
    }
}

/// A public group that `/lkup` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct FoundGroup {
    /// The group's id.
    #[serde(rename = "_id")]
    pub id: Id,
    /// The title.
    pub name: String,
    /// What the group says of itself.
    pub about: String,
    /// How many members it has.
    pub member_count: u32,
    /// What the other endpoints take.
    pub chtid: Id,
}

impl From<chats::Chat> for FoundGroup {
    fn from(chat: chats::Chat) -> Self {
        Self {
            id: chat.id.into(),
            name: chat.title.map(|title| title.as_str().to_owned()).unwrap_or_default(),
            about: chat.about.as_str().to_owned(),
            member_count: chat.member_count,
            chtid: chat.id.into(),
        }
    }
}

/// What `/lkup` found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = OriginalFound)]
pub struct Found {
    /// People.
    pub users: Vec<FoundUser>,
    /// Public groups.
    pub groups: Vec<FoundGroup>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::text;

    #[test]
    fn a_failure_names_field_and_reason_and_keeps_its_code() {
        let error = Error::field("email", text::MISSING);
        let envelope = Envelope::failure(&error, Language::English, "r1");
        assert_eq!(
            serde_json::to_value(&envelope).expect("plain data"),
            serde_json::json!({
                "error": true,
                "message": "email: This field is required.",
                "code": 408,
                "data": { "reason": "bad_field", "field": "email", "request_id": "r1" },
            })
        );
    }

    #[test]
    fn the_type_says_as_much_as_all_files_allow() {
        use FileKind::{Document, Image, Video, Voice};
        for (kinds, expected) in [
            (&[][..], TEXT),
            (&[Image, Image], IMAGES),
            (&[Video], VIDEOS),
            (&[Image, Video], FILES),
            (&[Voice], FILES),
            (&[Document], FILES),
        ] {
            assert_eq!(type_of(kinds.iter().copied()), expected, "{kinds:?}");
        }
    }

    #[test]
    fn a_success_without_data_says_null() {
        assert_eq!(
            serde_json::to_value(Envelope::empty(OK, "OK")).expect("plain data"),
            serde_json::json!({ "error": false, "message": "OK", "code": 206, "data": null })
        );
    }
}
