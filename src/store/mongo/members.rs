//! Member rows and the order of each user's inbox.
//!
//! A row is changed first, in one write that also marks it `dirty`; then it takes the next number
//! of its user's inbox as its rev, in a write that the mark and the row's own version `ver` guard.
//! Invariant: a row's rev is above the inbox's number at the moment of its last change; a reader
//! that notes the number, and then finds no dirty row of the user, has missed none up to it.
//!
//! `v` is the version of the chat whose commit wrote the row's standing last. Called by the nouns
//! beside this file.

use std::collections::HashMap;

use mongodb::bson::{Bson, Document, doc};

use super::access::{Access, Find, Statement};
use super::commit::{ATTEMPTS, Commits, overtaken, upserted};
use super::redo::Redo;
use super::rows::{Row, ToBson, int, seat};
use super::tables::Table;
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::{Chat, ChatKind, Member, MemberState};
use crate::model::contacts::Tie;
use crate::model::text::Name;

/// From so many rows on they are numbered together.
const MANY: usize = 8;

/// A member row with what only the store knows of it.
#[derive(Debug, Clone)]
pub(super) struct Seat {
    /// The row.
    pub(super) member: Member,
    /// What kind of chat it is in.
    pub(super) kind: ChatKind,
    /// How often the row was changed.
    pub(super) ver: u64,
    /// The version of the chat that wrote its standing.
    pub(super) v: u64,
    /// Its rev is yet to be taken.
    pub(super) dirty: bool,
    /// Some messages are hidden for this member.
    pub(super) hides: bool,
    /// Messages that are yet to be hidden.
    pub(super) hiding: Vec<u64>,
}

/// Reads a member row.
pub(super) fn read(document: &Document) -> Result<Seat> {
    let row = Row(document);
    Ok(Seat {
        member: Member {
            chat: row.chat("chat")?,
            user: row.user("user")?,
            role: row.named("role")?,
            state: row.named("state")?,
            join_seq: row.count("join_seq")?,
            read_seq: row.count("read_seq")?,
            delivered_seq: row.count("delivered_seq")?,
            own_seq: row.count("own_seq")?,
            hide_seq: row.count("hide_seq")?,
            muted_until: row.opt_time("muted_until")?,
            alerts: row.opt_named("alerts")?,
            pinned: row.flag("pinned")?,
            nick: row.opt_text("nick")?.map(Name::stored),
            announcement_seen: row.count("announcement_seen")?,
            silent_until: row.opt_time("silent_until")?,
            since: row.time("since")?,
            tie: row.opt_row("tie")?.map(tie).transpose()?.unwrap_or_default(),
            remark: row.opt_text("remark")?.map(Name::stored),
            rev: row.count("rev")?,
        },
        kind: row.named("kind")?,
        ver: row.count("ver")?,
        v: row.count("v")?,
        dirty: row.flag("dirty")?,
        hides: row.flag("hides")?,
        hiding: row.counts("hiding")?,
    })
}

fn tie(row: Row<'_>) -> Result<Tie> {
    Ok(Tie { state: row.named("state")?, since: row.time("since")?, texts: row.ids("texts")? })
}

fn tie_document(tie: &Tie) -> Bson {
    if *tie == Tie::NONE {
        return Bson::Null;
    }
    let texts = tie.texts.as_slice().bson();
    doc! { "state": tie.state.bson(), "since": tie.since.bson(), "texts": texts }.into()
}

/// The document of a row, as of the first version of its chat.
pub(super) fn document(row: &Member, kind: ChatKind) -> Document {
    let mut document = doc! { "_id": seat(row.chat, row.user), "v": 1_i64, "ver": 1_i64 };
    document.extend(standing(row));
    document.extend(own(row, kind));
    if let Some(until) = row.muted_until {
        document.insert("muted_until", until.bson());
    }
    if let Some(level) = row.alerts {
        document.insert("alerts", level.bson());
    }
    if let Some(nick) = &row.nick {
        document.insert("nick", nick.as_str());
    }
    if row.announcement_seen > 0 {
        document.insert("announcement_seen", int(row.announcement_seen));
    }
    if let Some(remark) = &row.remark {
        document.insert("remark", remark.as_str());
    }
    if row.tie != Tie::NONE {
        document.insert("tie", tie_document(&row.tie));
    }
    document
}

/// The document of a row that is new with its chat: its rev is yet to be taken.
pub(super) fn newborn(row: &Member, kind: ChatKind) -> Document {
    let mut document = document(row, kind);
    document.insert("dirty", true);
    document
}

/// The write of a row whose standing changes with a commit of its chat, or that is new with it.
pub(super) fn settle(row: &Member, kind: ChatKind, version: u64) -> Statement {
    let mut set = standing(row);
    set.extend(doc! { "v": int(version), "dirty": true });
    let update = doc! { "$set": set, "$setOnInsert": own(row, kind), "$inc": { "ver": 1_i64 } };
    let guard = doc! { "_id": seat(row.chat, row.user), "v": { "$lt": int(version) } };
    Statement::new(guard, update).upsert()
}

/// The write of a row whose tie changes with a commit of its chat.
pub(super) fn tied(row: &Member, version: u64) -> Statement {
    let set = doc! { "tie": tie_document(&row.tie), "v": int(version), "dirty": true };
    let guard = doc! { "_id": seat(row.chat, row.user), "v": { "$lt": int(version) } };
    Statement::new(guard, doc! { "$set": set, "$inc": { "ver": 1_i64 } })
}

/// What the chat's commits decide.
fn standing(row: &Member) -> Document {
    doc! {
        "state": row.state.bson(), "role": row.role.bson(),
        "join_seq": int(row.join_seq), "since": row.since.bson(),
        "silent_until": row.silent_until.bson(),
    }
}

/// What is the member's own.
fn own(row: &Member, kind: ChatKind) -> Document {
    doc! {
        "chat": row.chat.bson(), "user": row.user.bson(), "kind": kind.bson(),
        "read_seq": int(row.read_seq), "delivered_seq": int(row.delivered_seq),
        "own_seq": int(row.own_seq), "hide_seq": int(row.hide_seq),
        "pinned": row.pinned, "rev": int(row.rev),
        // Whoever comes in may be subscribed: see `pushes`.
        "push": 1_i64,
    }
}

/// Which of the fields that members change themselves differ.
pub(super) fn difference(before: &Member, after: &Member) -> Document {
    let mut set = Document::new();
    for (name, before, after) in [
        ("read_seq", before.read_seq, after.read_seq),
        ("delivered_seq", before.delivered_seq, after.delivered_seq),
        ("hide_seq", before.hide_seq, after.hide_seq),
        ("announcement_seen", before.announcement_seen, after.announcement_seen),
    ] {
        if before != after {
            set.insert(name, int(after));
        }
    }
    if before.muted_until != after.muted_until {
        set.insert("muted_until", after.muted_until.bson());
    }
    if before.alerts != after.alerts {
        set.insert("alerts", after.alerts.bson());
    }
    if before.pinned != after.pinned {
        set.insert("pinned", after.pinned);
    }
    if before.nick != after.nick {
        set.insert("nick", after.nick.as_ref().map_or(Bson::Null, |nick| nick.as_str().into()));
    }
    if before.remark != after.remark {
        let remark = after.remark.as_ref().map(Name::as_str);
        set.insert("remark", remark.map_or(Bson::Null, Bson::from));
    }
    set
}

/// Member rows of a direct chat that holds nothing yet; what people write with the same commit
/// comes from `own_seq`. A row that is there stays as it is.
pub(super) fn seat_peers(
    redo: &mut Redo,
    chat: &Chat,
    peers: &[UserId],
    own_seq: impl Fn(UserId) -> u64,
) {
    for &user in peers {
        let joining = Member::joining(chat.id, user, 1, chat.created);
        let row = Member { own_seq: own_seq(user), ..joining };
        redo.insert(Table::Members, newborn(&row, chat.kind));
    }
}

/// Notes the latest message that a member wrote.
pub(super) fn wrote(chat: ChatId, user: UserId, seq: u64) -> Statement {
    let update = doc! { "$max": { "own_seq": int(seq) } };
    Statement::new(doc! { "_id": seat(chat, user) }, update)
}

/// The rows of these users in a chat, in no order, as they stand.
pub(super) async fn find(access: &Access, chat: ChatId, users: &[UserId]) -> Result<Vec<Seat>> {
    let keys: Vec<Bson> = users.iter().map(|user| seat(chat, *user).into()).collect();
    let filter = match keys.as_slice() {
        [] => return Ok(Vec::new()),
        [one] => doc! { "_id": one },
        _ => doc! { "_id": { "$in": keys } },
    };
    access.find(Find::new(Table::Members, filter)).await?.iter().map(read).collect()
}

/// A user's row in a chat, as it stands.
pub(super) async fn one(access: &Access, chat: ChatId, user: UserId) -> Result<Option<Seat>> {
    Ok(find(access, chat, &[user]).await?.pop())
}

/// The row of an active member, numbered.
pub(super) async fn active(access: &Access, chat: ChatId, user: UserId) -> Result<Option<Seat>> {
    match one(access, chat, user).await?.filter(|seat| seat.member.is_active()) {
        Some(seat) if seat.dirty => {
            let seat = number(access, chat, user).await?;
            Ok(seat.filter(|seat| seat.member.is_active()))
        }
        other => Ok(other),
    }
}

/// Gives a changed row its rev; the row as it is then.
pub(super) async fn number(access: &Access, chat: ChatId, user: UserId) -> Result<Option<Seat>> {
    for _ in 0..ATTEMPTS {
        let Some(mut found) = one(access, chat, user).await? else { return Ok(None) };
        if !found.dirty {
            return Ok(Some(found));
        }
        let count = doc! { "$inc": { "rev": 1_i64 } };
        let inbox = upserted(access, Table::Inboxes, doc! { "_id": user.bson() }, count).await?;
        let rev = Row(&inbox).count("rev")?;
        if finish(access, &found, rev).await? {
            (found.member.rev, found.dirty) = (rev, false);
            found.hiding.clear();
            return Ok(Some(found));
        }
    }
    Err(overtaken())
}

/// Writes what is to be hidden, then the rev; whether the row was still the same.
async fn finish(access: &Access, found: &Seat, rev: u64) -> Result<bool> {
    let (chat, user) = (found.member.chat, found.member.user);
    if !found.hiding.is_empty() {
        let hide = |&seq: &u64| {
            let key = doc! { "chat": chat.bson(), "user": user.bson(), "seq": int(seq) };
            Statement::new(key, doc! { "$max": { "rev": int(rev) } }).upsert()
        };
        let hidden: Vec<_> = found.hiding.iter().map(hide).collect();
        access.update(Table::Hidden, &hidden).await?;
    }
    let written = access.update(Table::Members, &[numbered(found, rev)]).await?;
    Ok(written.count > 0)
}

fn numbered(found: &Seat, rev: u64) -> Statement {
    let key = seat(found.member.chat, found.member.user);
    Statement::new(
        doc! { "_id": key, "ver": int(found.ver), "dirty": true },
        doc! { "$set": { "rev": int(rev) }, "$unset": { "dirty": "", "hiding": "" } },
    )
}

/// Gives rows of different users in one chat their revs.
pub(super) async fn number_all(access: &Access, chat: ChatId, users: &[UserId]) -> Result<()> {
    if users.len() >= MANY {
        number_together(access, chat, users).await?;
    }
    for found in find(access, chat, users).await? {
        if found.dirty {
            number(access, chat, found.member.user).await?;
        }
    }
    Ok(())
}

/// A few commands for many rows. A number that two of them read alike is refused to one by the
/// unique key, and that row stays dirty, for the slow way.
async fn number_together(access: &Access, chat: ChatId, users: &[UserId]) -> Result<()> {
    let found = find(access, chat, users).await?;
    let dirty: Vec<_> = found.iter().filter(|seat| seat.dirty && seat.hiding.is_empty()).collect();
    let keys: Vec<Bson> = dirty.iter().map(|seat| seat.member.user.bson()).collect();
    let count = |key: &Bson| {
        Statement::new(doc! { "_id": key.clone() }, doc! { "$inc": { "rev": 1_i64 } }).upsert()
    };
    access.update(Table::Inboxes, &keys.iter().map(count).collect::<Vec<_>>()).await?;
    let filter = doc! { "_id": { "$in": keys } };
    let inboxes = access.find(Find::new(Table::Inboxes, filter)).await?;
    let mut revs = HashMap::new();
    for inbox in &inboxes {
        revs.insert(Row(inbox).user("_id")?, Row(inbox).count("rev")?);
    }
    let statements: Vec<_> = dirty
        .iter()
        .filter_map(|seat| Some(numbered(seat, *revs.get(&seat.member.user)?)))
        .collect();
    access.update(Table::Members, &statements).await.map(drop)
}

/// Numbers every changed row of a user; whether there was one.
pub(super) async fn number_inbox(access: &Access, user: UserId) -> Result<bool> {
    let filter = doc! { "user": user.bson(), "dirty": true };
    let dirty = access.find(Find::new(Table::Members, filter)).await?;
    for document in &dirty {
        number(access, Row(document).chat("chat")?, user).await?;
    }
    Ok(!dirty.is_empty())
}

/// Changes an active member's own fields through `change`, which answers what to set or `None` for
/// no effect; the row as it is then and whether it changed. `None`: no active member.
pub(super) async fn change(
    commits: &Commits,
    chat: ChatId,
    user: UserId,
    change: impl Fn(&Seat) -> Option<Document>,
) -> Result<Option<(Member, bool)>> {
    // Two changes at once would share a rev, and their callers could not tell them apart.
    let (_turn, access) = (commits.lock_inbox(user).await, commits.access());
    for _ in 0..ATTEMPTS {
        let Some(found) = active(access, chat, user).await? else { return Ok(None) };
        let Some(mut set) = change(&found) else { return Ok(Some((found.member, false))) };
        set.insert("dirty", true);
        let filter = doc! {
            "_id": seat(chat, user), "ver": int(found.ver), "state": MemberState::Active.bson(),
        };
        let update = doc! { "$set": set, "$inc": { "ver": 1_i64 } };
        if access.set(Table::Members, filter, update).await? {
            let numbered = number(access, chat, user).await?;
            return Ok(numbered.map(|seat| (seat.member, true)));
        }
    }
    Err(overtaken())
}
