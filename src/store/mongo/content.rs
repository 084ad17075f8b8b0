//! How a message stands in its document: the original field names, and the fields of its form
//! (`store::forms::message`) beside them.
//!
//! `target_id author_id content_id body_type body created_at` are the names that the original
//! endpoints use; `seq rev born` and those of the form are ours. `body_type`, `quiet` and `alerts`
//! follow from the form, for who reads the database and for indexes: `alerts` holds whom the text
//! alerts, for the count of mentions. `edits` are the earlier texts. Called by `messages`, `alter`
//! and `steps`.

use mongodb::bson::{Bson, Document, doc};

use super::rows::{Row, ToBson, int, read_form, stored};
use crate::error::Result;
use crate::id::{MessageId, UserId};
use crate::model::chats::Place;
use crate::model::files::FileKind;
use crate::model::messages::{Content, Message, TextContent};
use crate::model::text::ClientMsgId;
use crate::store::forms::message::{Head, MessageForm};

/// Text, in the numbers of the original endpoints.
const BODY_TYPE_TEXT: i32 = 8;
/// Files of any kind, films alone, pictures alone.
const BODY_TYPE_FILES: i32 = 22;
const BODY_TYPE_VIDEOS: i32 = 59;
const BODY_TYPE_IMAGES: i32 = 65;
/// In place of a person's id in `alerts`: everybody.
pub(super) const EVERYBODY: &str = "all";

/// The document of a message that came at rev `born`.
pub(super) fn document(message: &Message, born: u64) -> Result<Document> {
    let mut document = doc! {
        "_id": message.id.bson(),
        "target_id": message.chat.bson(),
        "seq": int(message.seq),
        "rev": int(message.rev),
        "born": int(born),
        "author_id": message.from.bson(),
        "created_at": message.sent.bson(),
    };
    if let Some(key) = &message.client_msg_id {
        document.insert("content_id", key.as_str());
    }
    match &message.content {
        Content::Text(text) => put_text(&mut document, message.from, text),
        Content::System(_) | Content::Deleted => {
            document.insert("quiet", true);
        }
        Content::Call(_) => {}
    }
    document.extend(stored(&MessageForm::of(message))?);
    Ok(document)
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
    // The form leaves these out.
    document.insert("kind", "text");
    document.insert("body", text.body.as_str());
    document.insert("body_type", body_type(text));
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
    let head = Head {
        id: MessageId(row.id("_id")?),
        chat: row.chat("target_id")?,
        place: Place { seq: row.count("seq")?, rev: row.count("rev")? },
        from: row.user("author_id")?,
        client_msg_id: row.opt_text("content_id")?.map(ClientMsgId::stored),
        sent: row.time("created_at")?,
        body: row.opt_text("body")?,
    };
    read_form::<MessageForm>(document)?.message(head)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::forms::message::tests::messages;

    #[test]
    fn a_message_is_read_back_as_it_was_stored() {
        for message in messages() {
            let document = document(&message, 2).expect("writes");
            assert_eq!(read(&document).expect("reads"), message, "{document}");
        }
    }

    #[test]
    fn ids_times_and_bytes_are_what_bson_has_for_them() {
        let document = document(&messages()[1], 2).expect("writes");
        let at = |path: &str| {
            path.split('.').fold(Bson::Document(document.clone()), |value, key| {
                let found = match &value {
                    Bson::Document(inner) => inner.get(key).cloned(),
                    Bson::Array(items) => items.get(key.parse::<usize>().expect("n")).cloned(),
                    _ => None,
                };
                found.unwrap_or_else(|| panic!("no {path}"))
            })
        };
        for path in ["_id", "mentions.1", "attachments.0.file", "reactions.0.users.0", "pinned.by"]
        {
            assert!(matches!(at(path), Bson::ObjectId(_)), "{path}: {:?}", at(path));
        }
        for path in ["created_at", "edited_at", "pinned.at", "forwarded.created_at"] {
            assert!(matches!(at(path), Bson::DateTime(_)), "{path}: {:?}", at(path));
        }
        for path in ["reply_to", "attachments.0.size", "attachments.0.width", "reactions.0.count"] {
            assert!(matches!(at(path), Bson::Int64(_)), "{path}: {:?}", at(path));
        }
        assert!(matches!(at("attachments.0.thumbhash"), Bson::Binary(_)));
        assert_eq!((at("kind"), at("body_type")), ("text".into(), BODY_TYPE_VIDEOS.into()));
        assert_eq!(at("alerts"), Bson::Array(vec![EVERYBODY.into()]));
    }
}
