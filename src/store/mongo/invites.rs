//! Invitation links. They change in commits of their chat, so that a link is used in the same step
//! as the joining; a removed one stays as a mark for a while, so that nothing late brings it back.

use mongodb::bson::{Bson, DateTime, Document, doc};

use super::MongoStore;
use super::access::{Find, Statement};
use super::commit::{ATTEMPTS, Plan, overtaken};
use super::members;
use super::redo::Redo;
use super::rows::{Row, ToBson, int};
use super::tables::Table;
use super::turns::Turn;
use crate::error::{Error, Result, text};
use crate::id::{ChatId, UserId};
use crate::model::chats::{Invite, Role};
use crate::store::{InvitePut, decide};

fn read(document: &Document) -> Result<Option<Invite>> {
    let row = Row(document);
    if row.opt_time("removed_at")?.is_some() {
        return Ok(None);
    }
    Ok(Some(Invite {
        code: row.text("_id")?,
        chat: row.chat("chat")?,
        by: UserId(row.id("by")?),
        created: row.time("created_at")?,
        expires: row.opt_time("expires_at")?,
        uses_left: match row.opt_count("uses_left")? {
            Some(_) => Some(row.small("uses_left")?),
            None => None,
        },
    }))
}

/// The document of a link that no commit has changed yet.
pub(super) fn document(invite: &Invite) -> Document {
    let mut document = fields(invite, 1);
    document.insert("_id", invite.code.as_str());
    document
}

fn fields(invite: &Invite, version: u64) -> Document {
    doc! {
        "chat": invite.chat.bson(),
        "by": invite.by.bson(),
        "created_at": invite.created.bson(),
        "expires_at": invite.expires.bson(),
        "uses_left": invite.uses_left.map(i64::from),
        "v": int(version),
    }
}

fn guarded(code: &str, version: u64, update: Document) -> Statement {
    Statement::new(doc! { "_id": code, "v": { "$lt": int(version) } }, update)
}

/// A link as it is written.
pub(super) async fn read_one(store: &MongoStore, code: &str) -> Result<Option<Invite>> {
    let found = store.access.one(Table::Invites, doc! { "_id": code }).await?;
    found.as_ref().map_or(Ok(None), read)
}

/// Finds a link, after its chat has written what it had left.
pub(super) async fn find(store: &MongoStore, code: &str) -> Result<Option<Invite>> {
    let Some(invite) = read_one(store, code).await? else { return Ok(None) };
    store.commits.ground(invite.chat).await?;
    read_one(store, code).await
}

/// A group's links, latest first.
pub(super) async fn of_chat(store: &MongoStore, chat: ChatId) -> Result<Vec<Invite>> {
    store.commits.ground(chat).await?;
    let find = Find::new(Table::Invites, doc! { "chat": chat.bson() })
        .sort(doc! { "created_at": -1, "_id": 1 });
    let found = store.access.find(find).await?;
    found.iter().filter_map(|document| read(document).transpose()).collect()
}

/// Commits a change of a link alone.
async fn commit(store: &MongoStore, chat: ChatId, change: impl Fn(u64) -> Statement) -> Result<()> {
    let mut turn = Turn::of(&store.commits, chat).await;
    for _ in 0..ATTEMPTS {
        let Some(ground) = store.commits.ground_in_turn(chat).await? else {
            return Err(Error::not_found(text::NO_CHAT));
        };
        let mut redo = Redo::new();
        redo.update(Table::Invites, change(ground.version + 1));
        let plan = Plan { fields: Document::new(), redo };
        if let Some(version) = turn.commit(&ground, plan).await? {
            store.commits.clear_later(chat, ground.chat.kind, version);
            return Ok(());
        }
        turn.wait().await?;
    }
    Err(overtaken())
}

/// Puts a link, if its maker is still of this role and the group has room for it.
pub(super) async fn put(store: &MongoStore, invite: &Invite, maker: Role) -> Result<InvitePut> {
    let mut turn = Turn::of(&store.commits, invite.chat).await;
    for _ in 0..ATTEMPTS {
        let Some(ground) = store.commits.ground_in_turn(invite.chat).await? else {
            return Err(Error::not_found(text::NO_CHAT));
        };
        let by = members::one(&store.access, invite.chat, invite.by).await?;
        let others = doc! {
            "chat": invite.chat.bson(), "_id": { "$ne": &invite.code }, "removed_at": Bson::Null,
        };
        let others = store.access.count(Table::Invites, others).await?;
        match decide::member::put_invite(by.as_ref().map(|seat| &seat.member), maker, others) {
            InvitePut::Done => {}
            refused => return Ok(refused),
        }
        let version = ground.version + 1;
        let update = doc! { "$set": fields(invite, version), "$unset": { "removed_at": "" } };
        let mut redo = Redo::new();
        redo.update(Table::Invites, guarded(&invite.code, version, update).upsert());
        let plan = Plan { fields: Document::new(), redo };
        if let Some(version) = turn.commit(&ground, plan).await? {
            store.commits.clear_later(invite.chat, ground.chat.kind, version);
            return Ok(InvitePut::Done);
        }
        turn.wait().await?;
    }
    Err(overtaken())
}

/// The write that ends the links of these people.
pub(super) fn revoked(chat: ChatId, makers: &[UserId], version: u64) -> Statement {
    let filter = doc! {
        "chat": chat.bson(),
        "by": { "$in": makers.bson() },
        "v": { "$lt": int(version) },
        "removed_at": Bson::Null,
    };
    let set = doc! { "removed_at": DateTime::now(), "v": int(version) };
    Statement::new(filter, doc! { "$set": set }).multi()
}

/// Removes a link; whether it was there.
pub(super) async fn remove(store: &MongoStore, chat: ChatId, code: &str) -> Result<bool> {
    if find(store, code).await?.is_none_or(|invite| invite.chat != chat) {
        return Ok(false);
    }
    commit(store, chat, |version| {
        let set = doc! { "removed_at": DateTime::now(), "v": int(version) };
        guarded(code, version, doc! { "$set": set })
    })
    .await?;
    Ok(true)
}

/// The write that uses a link up by one, when it counts its uses.
pub(super) fn used(invite: &Invite, version: u64) -> Option<Statement> {
    let left = invite.uses_left?.saturating_sub(1);
    let set = doc! { "uses_left": i64::from(left), "v": int(version) };
    Some(guarded(&invite.code, version, doc! { "$set": set }))
}
