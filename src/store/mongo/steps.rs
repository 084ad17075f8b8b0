//! Steps of a group: what changes of it and the system message that tells it, in one commit.
//!
//! A step that changes a field of the group or the number of its members sets `meta_rev`. Whoever
//! carries it out is taken to have read up to its message, as with a message of its own.

use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::access::{Find, Statement};
use super::chats;
use super::commit::{ATTEMPTS, Ground, Plan, overtaken};
use super::content;
use super::invites;
use super::members::{self, Seat, Standing};
use super::redo::Redo;
use super::rows::{Row, ToBson, int};
use super::schema::Table;
use super::terms;
use super::users;
use crate::clock::Time;
use crate::error::{Error, Result};
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{
    Chat, ChatChange, ChatKind, GROUP_MEMBERS, GROUPS, Invite, MemberState, Role,
};
use crate::model::messages::{Content, Message, SystemEvent};
use crate::store::{Founded, GroupStep, Guard, Index, Stepped, Unfit};

/// The groups of at most this many people are counted at once.
const COUNTED: usize = 1000;

/// A system message of a group.
fn told(id: MessageId, chat: &Chat, by: UserId, event: SystemEvent, at: Time) -> Message {
    Message {
        id,
        chat: chat.id,
        seq: chat.head_seq,
        rev: chat.head_rev,
        from: by,
        client_msg_id: None,
        content: Content::System(event),
        sent: at,
        edited: None,
        deleted: None,
        reactions: Vec::new(),
        pinned: None,
    }
}

/// Creates a group with its first members and message 1; a known id gives what is there.
pub(super) async fn create_group(
    store: &MongoStore,
    mut chat: Chat,
    people: &[(UserId, Role)],
    words: &[String],
    id: MessageId,
    event: SystemEvent,
) -> Result<Founded> {
    if let Some(known) = store.commits.ground(chat.id).await? {
        return first_of(store, known.chat).await;
    }
    let Some(&(owner, _)) = people.first() else {
        return Err(Error::internal("a group without a member"));
    };
    let mut members: Vec<(UserId, Role)> = Vec::with_capacity(people.len());
    let mut seen = std::collections::HashSet::new();
    members.extend(people.iter().filter(|(user, _)| seen.insert(*user)));
    let users: Vec<UserId> = members.iter().map(|(user, _)| *user).collect();
    let unfit = unfit(store, &users, &[]).await?;
    if !unfit.is_empty() {
        return Ok(Founded::Unfit(unfit));
    }
    chat.kind = ChatKind::Group;
    chat.owner = Some(owner);
    (chat.head_seq, chat.head_rev, chat.meta_rev) = (1, 1, 1);
    chat.member_count = members.len() as u32;
    chat.active_at = chat.created;

    let mut redo = Redo::new();
    for &(user, role) in &members {
        let standing = Standing {
            chat: chat.id,
            kind: ChatKind::Group,
            user,
            state: MemberState::Active,
            role,
            begins: Some((1, chat.created)),
            own_seq: u64::from(user == owner),
        };
        redo.insert(Table::Members, standing.document());
    }
    redo.update(Table::Users, users::mark_deleted(&users));
    let message = told(id, &chat, owner, event, chat.created);
    redo.insert(Table::GroupLog, content::document(&message, 1));
    terms::replace(&mut redo, Index::Groups, chat.id.0, words);
    if !store.commits.create(&chat, &redo).await? {
        let known = store.commits.ground(chat.id).await?;
        let known = known.ok_or_else(|| Error::internal("a group vanished"))?;
        return first_of(store, known.chat).await;
    }
    members::number_all(&store.access, chat.id, &users).await?;
    store.commits.clear_later(chat.id, ChatKind::Group, 1);
    Ok(Founded::Done(message, chat))
}

/// Who cannot become a member (`comers`) or rise (`risers`): see `Unfit`.
async fn unfit(store: &MongoStore, comers: &[UserId], risers: &[UserId]) -> Result<Unfit> {
    let mut deleted = users::deleted_of(&store.access, comers).await?;
    deleted.extend(users::deleted_of(&store.access, risers).await?);
    let mut crowded = Vec::new();
    for some in comers.chunks(COUNTED) {
        let mut filter = doc! { "user": { "$in": some.bson() } };
        filter.insert("state", MemberState::Active.bson());
        filter.insert("kind", ChatKind::Group.bson());
        for tally in store.access.tally(Table::Members, filter, "user").await? {
            let user = Row(&tally).user("_id")?;
            if Row(&tally).count("count")? >= u64::from(GROUPS) && !deleted.contains(&user) {
                crowded.push(user);
            }
        }
    }
    Ok(Unfit { deleted, crowded })
}

async fn first_of(store: &MongoStore, chat: Chat) -> Result<Founded> {
    let filter = doc! { "target_id": chat.id.bson(), "seq": 1_i64 };
    let first = store.access.one(Table::GroupLog, filter).await?;
    let first = first.ok_or_else(|| Error::internal("a group without its first message"))?;
    Ok(Founded::Known(content::read(&first)?, chat))
}

/// Carries out a step, if its guards hold.
pub(super) async fn step(store: &MongoStore, step: GroupStep) -> Result<Stepped> {
    let mut turn = store.commits.lock(step.chat).await;
    for attempt in 0..ATTEMPTS {
        let Some(ground) = store.commits.ground_in_turn(step.chat).await? else {
            return Ok(Stepped::Gone);
        };
        if attempt > 0
            && let Some(done) = done_before(store, &step, &ground.chat).await?
        {
            return Ok(done);
        }
        let planned = match plan(store, &step, &ground).await? {
            Ok(planned) => planned,
            Err(refused) => return Ok(refused),
        };
        let Planned { plan, message, chat, changed } = planned;
        if let Some(version) = store.commits.commit(&mut turn, &ground, plan).await? {
            let numbered = members::number_all(&store.access, chat.id, &changed).await;
            if let Err(error) = numbered {
                tracing::warn!(cause = ?error.cause(), "a reader will number these member rows");
            }
            store.commits.clear_later(chat.id, ChatKind::Group, version);
            return Ok(Stepped::Done(message, chat));
        }
        turn.wait().await?;
    }
    Err(overtaken())
}

/// A try whose answer was lost may have succeeded: its message tells.
async fn done_before(store: &MongoStore, step: &GroupStep, chat: &Chat) -> Result<Option<Stepped>> {
    let found = store.access.one(Table::GroupLog, doc! { "_id": step.message.bson() }).await?;
    let Some(document) = found else { return Ok(None) };
    Ok(Some(Stepped::Done(content::read(&document)?, chat.clone())))
}

/// What a step commits, and what it answers then.
struct Planned {
    plan: Plan,
    message: Message,
    chat: Chat,
    changed: Vec<UserId>,
}

async fn plan(
    store: &MongoStore,
    step: &GroupStep,
    ground: &Ground,
) -> Result<Result<Planned, Stepped>> {
    let before = &ground.chat;
    if before.kind != ChatKind::Group || before.deleted.is_some() {
        return Ok(Err(Stepped::Gone));
    }
    let mut users: Vec<UserId> = step.members.iter().map(|(user, ..)| *user).collect();
    users.extend(step.guards.iter().map(|guard| guard.user));
    users.sort_unstable();
    users.dedup();
    let rows = members::find(&store.access, step.chat, &users).await?;
    if !step.guards.iter().all(|guard| holds(guard, &rows)) {
        return Ok(Err(Stepped::Stale));
    }
    let count_after = count_after(before, &step.members, &rows);
    if count_after > before.member_count && count_after > GROUP_MEMBERS {
        return Ok(Err(Stepped::Full));
    }
    let (comers, risers) = newly(step, &rows);
    let unfit = unfit(store, &comers, &risers).await?;
    if !unfit.is_empty() {
        return Ok(Err(Stepped::Unfit(unfit)));
    }
    let invite = match &step.invite {
        Some(code) => match usable(store, step.chat, code, step.at).await? {
            Some(invite) => Some(invite),
            None => return Ok(Err(Stepped::InviteGone)),
        },
        None => None,
    };
    let mut chat = before.clone();
    (chat.head_seq, chat.head_rev) = (before.head_seq + 1, before.head_rev + 1);
    chat.active_at = step.at;
    chat.member_count = if step.all_leave { 0 } else { count_after };
    if step.change != ChatChange::default() || step.all_leave || count_after != before.member_count
    {
        apply(&mut chat, &step.change);
        chat.meta_rev = chat.head_rev;
    }
    write_down(store, step, ground, chat, &rows, invite).await.map(Ok)
}

/// Who becomes a member with a step, and which members get a role that they did not have.
fn newly(step: &GroupStep, rows: &[Seat]) -> (Vec<UserId>, Vec<UserId>) {
    let (mut comers, mut risers) = (Vec::new(), Vec::new());
    for &(user, state, role) in &step.members {
        match find(rows, user).filter(|seat| seat.member.is_active()) {
            _ if state != MemberState::Active => {}
            None => comers.push(user),
            Some(seat) if seat.member.role < role => risers.push(user),
            Some(_) => {}
        }
    }
    (comers, risers)
}

/// Writes a step down as what it commits.
async fn write_down(
    store: &MongoStore,
    step: &GroupStep,
    ground: &Ground,
    chat: Chat,
    rows: &[Seat],
    invite: Option<Invite>,
) -> Result<Planned> {
    let version = ground.version + 1;
    let mut redo = Redo::new();
    let mut changed = Vec::new();
    for &(user, state, role) in &step.members {
        let row = find(rows, user).map(|seat| &seat.member);
        if row.is_some_and(|row| (row.state, row.role) == (state, role)) {
            continue;
        }
        let begins = state == MemberState::Active && row.is_none_or(|row| !row.is_active());
        let begins = (begins || row.is_none()).then_some((chat.head_seq, step.at));
        let kind = ChatKind::Group;
        let standing = Standing { chat: chat.id, kind, user, state, role, begins, own_seq: 0 };
        redo.update(Table::Members, standing.statement(version));
        changed.push(user);
    }
    let (comers, risers) = newly(step, rows);
    if !comers.is_empty() || !risers.is_empty() {
        redo.update(Table::Users, users::mark_deleted(&[comers, risers].concat()));
    }
    if !step.revoked.is_empty() {
        redo.update(Table::Invites, invites::revoked(chat.id, &step.revoked, version));
    }
    if step.all_leave {
        redo.update(Table::Members, all_leave(chat.id, version));
        changed = active_users(store, chat.id).await?;
    }
    let message = told(step.message, &chat, step.by, step.event.clone(), step.at);
    redo.insert(Table::GroupLog, content::document(&message, message.rev));
    redo.update(Table::Members, members::wrote(chat.id, step.by, message.seq));
    if let Some(used) = invite.and_then(|invite| invites::used(&invite, version)) {
        redo.update(Table::Invites, used);
    }
    if chat.deleted.is_some() {
        terms::replace(&mut redo, Index::Groups, chat.id.0, &[]);
    } else if let Some(words) = &step.terms {
        terms::replace(&mut redo, Index::Groups, chat.id.0, words);
    }
    let mut fields = chats::meta(&chat);
    fields.extend(doc! {
        "head_seq": int(chat.head_seq),
        "head_rev": int(chat.head_rev),
        "active_at": chat.active_at.bson(),
    });
    Ok(Planned { plan: Plan { fields, redo }, message, chat, changed })
}

fn find(rows: &[Seat], user: UserId) -> Option<&Seat> {
    rows.iter().find(|seat| seat.member.user == user)
}

fn holds(guard: &Guard, rows: &[Seat]) -> bool {
    let standing = find(rows, guard.user).map(|seat| (seat.member.state, seat.member.role));
    standing == guard.standing
}

fn count_after(chat: &Chat, targets: &[(UserId, MemberState, Role)], rows: &[Seat]) -> u32 {
    let is_in = |user: UserId| find(rows, user).is_some_and(|seat| seat.member.is_active());
    let (mut come, mut gone) = (0, 0);
    for &(user, state, _) in targets {
        match (is_in(user), state == MemberState::Active) {
            (true, false) => gone += 1,
            (false, true) => come += 1,
            _ => {}
        }
    }
    chat.member_count.saturating_add(come).saturating_sub(gone)
}

async fn usable(store: &MongoStore, chat: ChatId, code: &str, now: Time) -> Result<Option<Invite>> {
    let invite = invites::read_one(store, code).await?;
    Ok(invite.filter(|invite| {
        invite.chat == chat
            && invite.expires.is_none_or(|expires| expires > now)
            && invite.uses_left.is_none_or(|left| left > 0)
    }))
}

/// Every active member leaves.
fn all_leave(chat: ChatId, version: u64) -> Statement {
    let filter = doc! {
        "chat": chat.bson(),
        "state": MemberState::Active.bson(),
        "v": { "$lt": int(version) },
    };
    let set = doc! { "state": MemberState::Left.bson(), "v": int(version), "dirty": true };
    Statement::new(filter, doc! { "$set": set, "$inc": { "ver": 1_i64 } }).multi()
}

async fn active_users(store: &MongoStore, chat: ChatId) -> Result<Vec<UserId>> {
    let filter = doc! { "chat": chat.bson(), "state": MemberState::Active.bson() };
    let find = Find::new(Table::Members, filter);
    let rows: Vec<Document> = store.access.find(find).await?;
    rows.iter().map(|row| Ok(members::read(row)?.member.user)).collect()
}

fn apply(chat: &mut Chat, change: &ChatChange) {
    let change = change.clone();
    chat.title = change.title.or(chat.title.take());
    if let Some(about) = change.about {
        chat.about = about;
    }
    chat.avatar = change.avatar.unwrap_or(chat.avatar);
    chat.public = change.public.unwrap_or(chat.public);
    chat.history_shared = change.history_shared.unwrap_or(chat.history_shared);
    chat.owner = change.owner.or(chat.owner);
    chat.deleted = change.deleted.or(chat.deleted);
}
