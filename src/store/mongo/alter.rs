//! Changes of a message that is there: edit, delete, react, pin; and hiding it for oneself.
//!
//! What a change does is decided in `decide::change`; here it is read and written.
//!
//! Invariant: a change that has an effect gives the row the chat's next rev, in one commit; one
//! without an effect leaves everything as it is.

use std::sync::Arc;

use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, Statement};
use super::commit::{ATTEMPTS, Ground, Left, Looked, Plan, overtaken};
use super::content;
use super::files;
use super::members;
use super::redo::Redo;
use super::rows::{Row, ToBson, int};
use super::tables::{Table, log_of};
use super::turns::Turn;
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::Member;
use crate::model::messages::{Content, EDITS, Message, MessageChange};
use crate::store::Changed;
use crate::store::decide::change::{Ask, Known, REACTORS_ASKED, asks, decide};
use crate::store::decide::speak::hush_of_change;

/// The key of somebody's reaction.
pub(super) fn reaction_key(chat: ChatId, seq: u64, user: UserId, emoji: &str) -> String {
    format!("{chat}/{seq}/{user}/{emoji}")
}

/// Changes one message on behalf of an active member.
pub(super) async fn alter(
    store: &MongoStore,
    chat: ChatId,
    seq: u64,
    by: UserId,
    change: &MessageChange,
) -> Result<Changed> {
    let mut turn = Turn::of(&store.commits, chat).await;
    for _ in 0..ATTEMPTS {
        let looked = store.commits.looked(chat, by);
        let is_looked = looked.is_some();
        let looked = match looked {
            Some(looked) => Some(looked),
            None => look_again(store, chat, by).await?,
        };
        let Some(looked) = looked else { return Ok(Changed::NotMember) };
        let ground = looked.ground;
        let log = log_of(ground.chat.kind);
        let document = match looked.message {
            Some((of, document)) if of == seq => Some(document),
            _ => {
                let filter = doc! { "target_id": chat.bson(), "seq": int(seq) };
                store.access.one(log, filter).await?
            }
        };
        let Some(document) = document else { return Ok(Changed::Gone) };
        let old = content::read(&document)?;
        let hushed = hush_of_change(&ground.chat.rules, &looked.member, change);
        if let Some(hush) = hushed {
            if is_looked {
                continue;
            }
            return Ok(Changed::Hushed(hush));
        }
        let known = known(store, log, &old, change).await?;
        let new = match decide(&old, change, &known, ground.chat.head_rev + 1) {
            Changed::Done(new) => new,
            // Without a commit nothing says that they are still a member.
            _ if is_looked => continue,
            answer => return Ok(answer),
        };
        let redo = written(log, &document, (&old, &new), change)?;
        let plan = Plan { fields: doc! { "head_rev": int(new.rev) }, redo };
        if let Some(version) = turn.commit(&ground, plan).await? {
            leave(store, ground, version, new.rev);
            return Ok(Changed::Done(new));
        }
        if !is_looked {
            turn.wait().await?;
        }
    }
    Err(overtaken())
}

/// What a commit that gave this rev leaves behind.
fn leave(store: &MongoStore, mut ground: Ground, version: u64, rev: u64) {
    let (chat, kind) = (ground.chat.id, ground.chat.kind);
    store.commits.clear_later(chat, kind, version);
    if store.commits.has_written(chat, version) {
        (ground.version, ground.chat.head_rev) = (version, rev);
        store.commits.note_left(Left { ground, active: Arc::default() });
    }
}

/// The chat as it is now, if this is an active member of it.
async fn look_again(store: &MongoStore, chat: ChatId, by: UserId) -> Result<Option<Looked>> {
    let Some(ground) = store.commits.ground_in_turn(chat).await? else { return Ok(None) };
    let member = members::one(&store.access, chat, by).await?;
    let member = member.map(|seat| seat.member).filter(Member::is_active);
    Ok(member.map(|member| Looked { ground, member, message: None }))
}

/// Looks up what a change asks.
async fn known(
    store: &MongoStore,
    log: Table,
    message: &Message,
    change: &MessageChange,
) -> Result<Known> {
    match asks(message, change) {
        Some(Ask::Reactors(user, emoji)) => {
            let key = reaction_key(message.chat, message.seq, user, emoji);
            let mine = doc! { "_id": key, "on": true };
            let reacted = store.access.one(Table::Reactions, mine).await?.is_some();
            let filter = doc! {
                "chat": message.chat.bson(), "seq": int(message.seq), "emoji": emoji, "on": true,
            };
            let find = Find::new(Table::Reactions, filter)
                .sort(doc! { "rev": 1 })
                .limit(REACTORS_ASKED as u32);
            let found = store.access.find(find).await?;
            let first = found.iter().map(|row| Row(row).user("user"));
            Ok(Known { reacted, first: first.collect::<Result<_>>()?, pins: 0 })
        }
        Some(Ask::Pins) => {
            let pinned = doc! {
                "target_id": message.chat.bson(), "pinned.at": { "$exists": true },
            };
            let pins = store.access.count(log, pinned).await?;
            Ok(Known { pins, ..Known::default() })
        }
        None => Ok(Known::default()),
    }
}

/// The row as it will be and what is written beside it; `document` is the row as it was.
fn written(
    log: Table,
    document: &Document,
    (old, new): (&Message, &Message),
    change: &MessageChange,
) -> Result<Redo> {
    let (row, mut redo) = (Row(document), Redo::new());
    let mut edits: Vec<Document> = row.rows("edits")?.iter().map(|row| row.0.clone()).collect();
    let mut freed = None;
    match (change, &old.content) {
        (MessageChange::Edit { at, .. }, Content::Text(text)) => {
            edits.push(doc! { "until": at.bson(), "body": text.body.as_str() });
            edits.drain(..edits.len().saturating_sub(EDITS));
        }
        (MessageChange::Delete(stamp), content) => {
            edits.clear();
            let (chat, seq, rev) = (old.chat.bson(), int(old.seq), int(new.rev));
            let older = doc! { "chat": chat, "seq": seq, "rev": { "$lt": rev } };
            redo.delete(Table::Reactions, older);
            if let Content::Text(text) = content {
                freed = files::freed(text, stamp.at);
            }
        }
        (MessageChange::React { user, emoji, on }, _) => {
            redo.update(Table::Reactions, reaction(new, *user, emoji, *on));
        }
        (MessageChange::Edit { .. } | MessageChange::Pin(_), _) => {}
    }
    let mut document = content::document(new, row.count("born")?)?;
    if !edits.is_empty() {
        document.insert("edits", edits);
    }
    let filter = doc! {
        "_id": new.id.bson(), "target_id": new.chat.bson(), "rev": { "$lt": int(new.rev) },
    };
    redo.update(log, Statement::new(filter, document));
    // What becomes of the files of a deleted message, once that is.
    if let Some(freed) = freed {
        redo.update(Table::Files, freed);
    }
    Ok(redo)
}

/// Puts or takes a reaction; a taken one stays as a mark, so that nothing late brings it back.
fn reaction(message: &Message, user: UserId, emoji: &str, on: bool) -> Statement {
    let Message { chat, seq, rev, .. } = message;
    let set = doc! {
        "chat": chat.bson(), "seq": int(*seq), "emoji": emoji, "user": user.bson(),
        "rev": int(*rev), "on": on,
    };
    let key = reaction_key(*chat, *seq, user, emoji);
    let filter = doc! { "_id": key, "rev": { "$lt": int(*rev) } };
    Statement::new(filter, doc! { "$set": set }).upsert()
}

/// Hides messages for one member alone. What is hidden already, or not there, has no effect.
pub(super) async fn hide(
    store: &MongoStore,
    chat: ChatId,
    user: UserId,
    seqs: &[u64],
) -> Result<Option<Member>> {
    let Some(ground) = store.commits.ground(chat).await? else { return Ok(None) };
    let wanted: Vec<u64> =
        seqs.iter().copied().filter(|seq| (1..=ground.chat.head_seq).contains(seq)).collect();
    let known = hidden_of(store, chat, user, &wanted).await?;
    let new: Vec<u64> = wanted.into_iter().filter(|seq| !known.contains(seq)).collect();
    let changed = members::change(&store.commits, chat, user, |_| {
        let hiding: Vec<Bson> = new.iter().map(|seq| int(*seq).into()).collect();
        (!new.is_empty()).then(|| doc! { "hiding": hiding, "hides": true })
    });
    Ok(changed.await?.map(|(member, _)| member))
}

async fn hidden_of(
    store: &MongoStore,
    chat: ChatId,
    user: UserId,
    seqs: &[u64],
) -> Result<Vec<u64>> {
    let seqs: Vec<Bson> = seqs.iter().map(|seq| int(*seq).into()).collect();
    let filter = doc! { "chat": chat.bson(), "user": user.bson(), "seq": { "$in": seqs } };
    let found = store.access.find(Find::new(Table::Hidden, filter)).await?;
    found.iter().map(|row| Row(row).count("seq")).collect()
}
