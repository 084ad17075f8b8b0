//! How a message stands in its document: the original field names, and `kind` beside them.
//!
//! `target_id author_id content_id body_type body created_at` are the names that the original
//! endpoints use; `seq rev born kind reply_to mentions event edited_at deleted pinned reactions`
//! and `attachments` are ours. `alerts` holds whom the text alerts, for the count of mentions;
//! `edits` the earlier texts. Called by `messages`, `alter` and `steps`.

use std::time::Duration;

use mongodb::bson::{Bson, Document, doc};

use super::calls;
use super::files::{attachment_document, read_attachment};
use super::rows::{Row, ToBson, int};
use crate::error::{Error, Result};
use crate::id::{CallId, MessageId, UserId};
use crate::model::calls::{CallKind, EndReason};
use crate::model::files::FileKind;
use crate::model::messages::{
    CallContent, Content, Message, Origin, Reaction, Stamp, SystemEvent, TextContent,
};
use crate::model::text::{Body, ClientMsgId, Title};

/// Text, in the numbers of the original endpoints.
const BODY_TYPE_TEXT: i32 = 8;
/// Files of any kind, films alone, pictures alone.
const BODY_TYPE_FILES: i32 = 22;
const BODY_TYPE_VIDEOS: i32 = 59;
const BODY_TYPE_IMAGES: i32 = 65;
/// In place of a person's id in `alerts`: everybody.
pub(super) const EVERYBODY: &str = "all";

/// The document of a message that came at rev `born`.
pub(super) fn document(message: &Message, born: u64) -> Document {
    let mut document = doc! {
        "_id": message.id.bson(),
        "target_id": message.chat.bson(),
        "seq": int(message.seq),
        "rev": int(message.rev),
        "born": int(born),
        "author_id": message.from.bson(),
    };
    if let Some(key) = &message.client_msg_id {
        document.insert("content_id", key.as_str());
    }
    match &message.content {
        Content::Text(text) => put_text(&mut document, message.from, text),
        Content::System(event) => {
            document.insert("kind", "system");
            document.insert("event", event_document(event));
        }
        Content::Call(call) => {
            document.insert("kind", "call");
            document.insert("call", calls::content_document(call));
        }
        Content::Deleted => {
            document.insert("kind", "deleted");
        }
    }
    document.insert("created_at", message.sent.bson());
    if matches!(message.content, Content::System(_) | Content::Deleted) {
        document.insert("quiet", true);
    }
    if let Some(at) = message.edited {
        document.insert("edited_at", at.bson());
    }
    for (name, stamp) in [("deleted", message.deleted), ("pinned", message.pinned)] {
        if let Some(Stamp { by, at }) = stamp {
            document.insert(name, doc! { "by": by.bson(), "at": at.bson() });
        }
    }
    if !message.reactions.is_empty() {
        let reactions: Vec<Document> = message.reactions.iter().map(reaction_document).collect();
        document.insert("reactions", reactions);
    }
    document
}

fn reaction_document(reaction: &Reaction) -> Document {
    doc! {
        "emoji": reaction.emoji.as_str(),
        "count": i64::from(reaction.count),
        "users": reaction.users.bson(),
    }
}

fn body_type(text: &TextContent) -> i32 {
    let all = |kind| text.attachments.iter().all(|attachment| attachment.facts.kind == kind);
    match text.attachments.is_empty() {
        true => BODY_TYPE_TEXT,
        false if all(FileKind::Image) => BODY_TYPE_IMAGES,
        false if all(FileKind::Video) => BODY_TYPE_VIDEOS,
        false => BODY_TYPE_FILES,
    }
}

fn put_text(document: &mut Document, from: UserId, text: &TextContent) {
    document.insert("kind", "text");
    document.insert("body_type", body_type(text));
    document.insert("body", text.body.as_str());
    if !text.attachments.is_empty() {
        let files: Vec<Document> = text.attachments.iter().map(attachment_document).collect();
        document.insert("attachments", files);
    }
    if let Some(seq) = text.reply_to {
        document.insert("reply_to", int(seq));
    }
    if !text.mentions.is_empty() {
        document.insert("mentions", text.mentions.bson());
    }
    if text.mention_all {
        document.insert("mention_all", true);
    }
    if let Some(origin) = text.forwarded {
        let origin = match origin {
            Origin::Known { from, sent } => {
                doc! { "author_id": from.bson(), "created_at": sent.bson() }
            }
            Origin::Hidden => Document::new(),
        };
        document.insert("forwarded", origin);
    }
    let alerts: Vec<Bson> = match text.mention_all {
        true => vec![EVERYBODY.into()],
        false => text.mentions.iter().filter(|user| **user != from).map(ToBson::bson).collect(),
    };
    if !alerts.is_empty() {
        document.insert("alerts", alerts);
    }
}

/// Reads a message.
pub(super) fn read(document: &Document) -> Result<Message> {
    let row = Row(document);
    let reactions = row.rows("reactions")?.into_iter().map(reaction);
    Ok(Message {
        id: MessageId(row.id("_id")?),
        chat: row.chat("target_id")?,
        seq: row.count("seq")?,
        rev: row.count("rev")?,
        from: row.user("author_id")?,
        client_msg_id: row.opt_text("content_id")?.map(ClientMsgId::stored),
        content: content(row)?,
        sent: row.time("created_at")?,
        edited: row.opt_time("edited_at")?,
        deleted: stamp(row, "deleted")?,
        reactions: reactions.collect::<Result<_>>()?,
        pinned: stamp(row, "pinned")?,
    })
}

fn reaction(row: Row<'_>) -> Result<Reaction> {
    Ok(Reaction {
        emoji: row.text("emoji")?,
        count: row.small("count")?,
        users: row.ids("users")?.into_iter().map(UserId).collect(),
    })
}

fn stamp(row: Row<'_>, key: &str) -> Result<Option<Stamp>> {
    let Some(stamp) = row.opt_row(key)? else { return Ok(None) };
    Ok(Some(Stamp { by: stamp.user("by")?, at: stamp.time("at")? }))
}

fn content(row: Row<'_>) -> Result<Content> {
    match row.text("kind")?.as_str() {
        "text" => Ok(Content::Text(TextContent {
            body: Body::stored(row.text("body")?),
            attachments: row
                .rows("attachments")?
                .into_iter()
                .map(read_attachment)
                .collect::<Result<_>>()?,
            reply_to: row.opt_count("reply_to")?,
            mentions: row.ids("mentions")?.into_iter().map(UserId).collect(),
            mention_all: row.flag("mention_all")?,
            forwarded: match row.opt_row("forwarded")? {
                Some(origin) => Some(match origin.opt_id("author_id")? {
                    Some(from) => {
                        Origin::Known { from: UserId(from), sent: origin.time("created_at")? }
                    }
                    None => Origin::Hidden,
                }),
                None => None,
            },
        })),
        "system" => {
            let event = row.opt_row("event")?;
            let event = event.ok_or_else(|| Error::internal("a system message without its event"));
            Ok(Content::System(read_event(event?)?))
        }
        "call" => {
            let call = row.opt_row("call")?;
            read_call(call.ok_or_else(|| Error::internal("a call's message without its call"))?)
        }
        "deleted" => Ok(Content::Deleted),
        other => Err(Error::internal(format!("a message of the unknown kind {other}"))),
    }
}

fn read_call(row: Row<'_>) -> Result<Content> {
    let named = CallKind::named(&row.text("kind")?).zip(EndReason::named(&row.text("reason")?));
    let (kind, reason) = named.ok_or_else(|| Error::internal("a call of an unknown kind"))?;
    let talked = row.opt_count("talked_ms")?.map(Duration::from_millis);
    let call = CallId(row.id("call")?);
    Ok(Content::Call(CallContent { call, kind, reason, talked }))
}

fn event_document(event: &SystemEvent) -> Document {
    match event {
        SystemEvent::GroupCreated { title } => {
            doc! { "name": "group_created", "title": title.as_str() }
        }
        SystemEvent::Renamed { title } => doc! { "name": "renamed", "title": title.as_str() },
        SystemEvent::Described => doc! { "name": "described" },
        SystemEvent::AvatarChanged => doc! { "name": "avatar_changed" },
        SystemEvent::SettingsChanged { public, history_shared } => doc! {
            "name": "settings_changed", "public": *public, "history_shared": *history_shared,
        },
        SystemEvent::MembersAdded { users } => {
            doc! { "name": "members_added", "users": users.bson() }
        }
        SystemEvent::Joined { by_invite } => doc! { "name": "joined", "by_invite": *by_invite },
        SystemEvent::Left => doc! { "name": "left" },
        SystemEvent::MemberRemoved { user } => {
            doc! { "name": "member_removed", "user": user.bson() }
        }
        SystemEvent::MemberBanned { user } => {
            doc! { "name": "member_banned", "user": user.bson() }
        }
        SystemEvent::MemberUnbanned { user } => {
            doc! { "name": "member_unbanned", "user": user.bson() }
        }
        SystemEvent::RoleChanged { user, role } => {
            doc! { "name": "role_changed", "user": user.bson(), "role": role.bson() }
        }
        SystemEvent::OwnerChanged { user } => {
            doc! { "name": "owner_changed", "user": user.bson() }
        }
        SystemEvent::GroupDeleted => doc! { "name": "group_deleted" },
    }
}

fn read_event(row: Row<'_>) -> Result<SystemEvent> {
    let user = || row.user("user");
    Ok(match row.text("name")?.as_str() {
        "group_created" => SystemEvent::GroupCreated { title: Title::stored(row.text("title")?) },
        "renamed" => SystemEvent::Renamed { title: Title::stored(row.text("title")?) },
        "described" => SystemEvent::Described,
        "avatar_changed" => SystemEvent::AvatarChanged,
        "settings_changed" => SystemEvent::SettingsChanged {
            public: row.flag("public")?,
            history_shared: row.flag("history_shared")?,
        },
        "members_added" => {
            SystemEvent::MembersAdded { users: row.ids("users")?.into_iter().map(UserId).collect() }
        }
        "joined" => SystemEvent::Joined { by_invite: row.flag("by_invite")? },
        "left" => SystemEvent::Left,
        "member_removed" => SystemEvent::MemberRemoved { user: user()? },
        "member_banned" => SystemEvent::MemberBanned { user: user()? },
        "member_unbanned" => SystemEvent::MemberUnbanned { user: user()? },
        "role_changed" => SystemEvent::RoleChanged { user: user()?, role: row.named("role")? },
        "owner_changed" => SystemEvent::OwnerChanged { user: user()? },
        "group_deleted" => SystemEvent::GroupDeleted,
        other => return Err(Error::internal(format!("the unknown event {other}"))),
    })
}
