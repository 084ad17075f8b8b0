//! The documents of chats. Called by `commit` and the nouns beside this file.

use mongodb::bson::{Bson, Document, doc};

use super::rows::{Row, ToBson, int, read_form, stored};
use crate::error::Result;
use crate::id::{FileId, UserId};
use crate::model::chats::Chat;
use crate::model::text::{About, Title};
use crate::store::forms::group::GroupForm;

/// The document of a chat, without its version.
pub(super) fn document(chat: &Chat) -> Result<Document> {
    let mut document = doc! { "_id": chat.id.bson(), "kind": chat.kind.bson() };
    if let Some((low, high)) = chat.peers {
        document.insert("peers", [low, high].bson());
    }
    document.extend(meta(chat)?);
    document.extend(doc! {
        "created_at": chat.created.bson(),
        "head_seq": int(chat.head_seq),
        "head_rev": int(chat.head_rev),
        "active_at": chat.active_at.bson(),
    });
    Ok(document)
}

/// The fields of a group's own.
pub(super) fn meta(chat: &Chat) -> Result<Document> {
    let more = GroupForm::of(chat).map(|form| stored(&form)).transpose()?;
    Ok(doc! {
        "title": chat.title.as_ref().map_or(Bson::Null, |title| title.as_str().into()),
        "about": chat.about.as_str(),
        "avatar": chat.avatar.bson(),
        "owner": chat.owner.bson(),
        "public": chat.public,
        "history_shared": chat.history_shared,
        "more": more,
        "deleted_at": chat.deleted.bson(),
        "meta_rev": int(chat.meta_rev),
        "member_count": i64::from(chat.member_count),
    })
}

/// Reads a chat.
pub(super) fn read(document: &Document) -> Result<Chat> {
    let row = Row(document);
    let peers = match row.ids("peers")?.as_slice() {
        [low, high] => Some((UserId(*low), UserId(*high))),
        _ => None,
    };
    let more = row.opt_row("more")?.map(|more| read_form::<GroupForm>(more.0)).transpose()?;
    let (rules, announcement) = more.unwrap_or_default().parts();
    Ok(Chat {
        id: row.chat("_id")?,
        kind: row.named("kind")?,
        peers,
        title: row.opt_text("title")?.map(Title::stored),
        about: About::stored(row.opt_text("about")?.unwrap_or_default()),
        avatar: row.opt_id("avatar")?.map(FileId),
        owner: row.opt_id("owner")?.map(UserId),
        public: row.flag("public")?,
        history_shared: row.flag("history_shared")?,
        rules,
        announcement,
        created: row.time("created_at")?,
        deleted: row.opt_time("deleted_at")?,
        head_seq: row.count("head_seq")?,
        head_rev: row.count("head_rev")?,
        meta_rev: row.count("meta_rev")?,
        active_at: row.time("active_at")?,
        member_count: row.small("member_count")?,
    })
}
