//! Steps of a group: what changes of it and the system message that tells it, in one commit.
//!
//! What a step does is decided in `decide::step`; here it is read and written. Whoever carries it
//! out is taken to have read up to its message, as with a message of their own.

use std::collections::HashMap;

use mongodb::bson::{Document, doc};

use super::MongoStore;
use super::access::{Find, Statement};
use super::chats;
use super::commit::{ATTEMPTS, Ground, Plan, grown, overtaken};
use super::content;
use super::invites;
use super::members;
use super::redo::Redo;
use super::rows::{Row, ToBson, int};
use super::tables::Table;
use super::terms;
use super::turns::Turn;
use super::users;
use crate::error::{Error, Result};
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{Chat, ChatKind, Invite, Member, MemberState, Role};
use crate::model::messages::SystemEvent;
use crate::store::decide::member::{ask as decide_ask, end_request as end_of};
use crate::store::decide::step::{Decided, Founding, decide, found};
use crate::store::{Asked, Founded, GroupStep, Index, JoinAsk, Stepped, Unfit};

/// The groups of at most this many people are counted at once.
const COUNTED: usize = 1000;

/// Creates a group with its first members and message 1; a known id gives what is there.
pub(super) async fn create_group(
    store: &MongoStore,
    chat: Chat,
    people: &[(UserId, Role)],
    words: &[String],
    id: MessageId,
    event: SystemEvent,
) -> Result<Founded> {
    if let Some(known) = store.commits.ground(chat.id).await? {
        return first_of(store, known.chat).await;
    }
    let Founding { chat, members: rows, message } = found(chat, people, id, event)?;
    let users: Vec<UserId> = rows.iter().map(|row| row.user).collect();
    let unfit = unfit(store, &users, &[]).await?;
    if !unfit.is_empty() {
        return Ok(Founded::Unfit(unfit));
    }
    let mut redo = Redo::new();
    for row in &rows {
        redo.insert(Table::Members, members::newborn(row, ChatKind::Group));
    }
    redo.update(Table::Users, users::mark_deleted(&users));
    redo.insert(Table::GroupLog, content::document(&message, message.rev)?);
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

/// Who cannot become a member (`comers`) or rise (`risers`).
async fn unfit(store: &MongoStore, comers: &[UserId], risers: &[UserId]) -> Result<Unfit> {
    let people = [comers, risers].concat();
    let deleted = users::deleted_of(&store.access, &people).await?;
    let mut groups = HashMap::new();
    for some in comers.chunks(COUNTED) {
        let mut filter = doc! { "user": { "$in": some.bson() } };
        filter.insert("state", MemberState::Active.bson());
        filter.insert("kind", ChatKind::Group.bson());
        for tally in store.access.tally(Table::Members, filter, "user").await? {
            groups.insert(Row(&tally).user("_id")?, Row(&tally).small("count")?);
        }
    }
    let mut unfit = Unfit::default();
    for user in people {
        let groups = groups.get(&user).copied().unwrap_or(0);
        unfit.weigh(user, deleted.contains(&user), groups);
    }
    Ok(unfit)
}

async fn first_of(store: &MongoStore, chat: Chat) -> Result<Founded> {
    let filter = doc! { "target_id": chat.id.bson(), "seq": 1_i64 };
    let first = store.access.one(Table::GroupLog, filter).await?;
    let first = first.ok_or_else(|| Error::internal("a group without its first message"))?;
    Ok(Founded::Known(content::read(&first)?, chat))
}

/// Carries out a step, if its guards hold.
pub(super) async fn step(store: &MongoStore, step: GroupStep) -> Result<Stepped> {
    let mut turn = Turn::of(&store.commits, step.chat).await;
    for attempt in 0..ATTEMPTS {
        let Some(ground) = store.commits.ground_in_turn(step.chat).await? else {
            return Ok(Stepped::Gone);
        };
        if attempt > 0
            && let Some(done) = done_before(store, &step, &ground.chat).await?
        {
            return Ok(done);
        }
        let rows = rows(store, &step).await?;
        let decided = match decide(&ground.chat, &rows, &step) {
            Ok(decided) => decided,
            Err(refused) => return Ok(refused),
        };
        let unfit = unfit(store, &decided.comers, &decided.risers).await?;
        let invite = match &step.invite {
            Some(code) => invites::read_one(store, code).await?,
            None => None,
        };
        if let Some(refused) = decided.refusal(&step, unfit, invite.as_ref()) {
            return Ok(refused);
        }
        let changed = changed(store, &step, &decided).await?;
        let plan = plan(&step, &decided, &ground, invite)?;
        if let Some(version) = turn.commit(&ground, plan).await? {
            let Decided { chat, message, .. } = decided;
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

/// Makes somebody wait to be let in.
pub(super) async fn ask_in(store: &MongoStore, ask: &JoinAsk) -> Result<Asked> {
    let mut turn = Turn::of(&store.commits, ask.chat).await;
    for _ in 0..ATTEMPTS {
        let Some(ground) = store.commits.ground_in_turn(ask.chat).await? else {
            return Ok(Asked::Gone);
        };
        let row = members::one(&store.access, ask.chat, ask.user).await?;
        let (maker, invite) = match &ask.invite {
            Some((code, maker, _)) => (
                members::one(&store.access, ask.chat, *maker).await?,
                invites::read_one(store, code).await?,
            ),
            None => (None, None),
        };
        let waiting = doc! { "chat": ask.chat.bson(), "state": MemberState::Requested.bson() };
        let others = store.access.count(Table::Members, waiting).await?;
        let row = row.as_ref().map(|seat| &seat.member);
        let maker = maker.as_ref().map(|seat| &seat.member);
        let waits = match decide_ask(&ground.chat, row, (maker, invite.as_ref()), others, ask) {
            Ok(waits) => waits,
            Err(Asked::Done(_)) => {
                let waits = members::number(&store.access, ask.chat, ask.user).await?;
                return Ok(waits.map_or(Asked::Stale, |seat| Asked::Done(seat.member)));
            }
            Err(answer) => return Ok(answer),
        };
        let version = ground.version + 1;
        let mut redo = Redo::new();
        redo.update(Table::Members, members::settle(&waits, ChatKind::Group, version));
        if let Some(used) = invite.and_then(|invite| invites::used(&invite, version)) {
            redo.update(Table::Invites, used);
        }
        if let Some(member) = seated(store, &mut turn, &ground, redo, ask.user).await? {
            return Ok(Asked::Done(member));
        }
        turn.wait().await?;
    }
    Err(overtaken())
}

/// Ends somebody's waiting.
pub(super) async fn end_request(
    store: &MongoStore,
    chat: ChatId,
    user: UserId,
) -> Result<Option<Member>> {
    let mut turn = Turn::of(&store.commits, chat).await;
    for _ in 0..ATTEMPTS {
        let Some(ground) = store.commits.ground_in_turn(chat).await? else { return Ok(None) };
        let row = members::one(&store.access, chat, user).await?;
        let Some(after) = row.and_then(|seat| end_of(&seat.member)) else { return Ok(None) };
        let mut redo = Redo::new();
        redo.update(Table::Members, members::settle(&after, ChatKind::Group, ground.version + 1));
        if let Some(member) = seated(store, &mut turn, &ground, redo, user).await? {
            return Ok(Some(member));
        }
        turn.wait().await?;
    }
    Err(overtaken())
}

/// Commits a change of one person's standing that the log tells nothing of; their row then. `None`
/// when another commit was faster.
async fn seated(
    store: &MongoStore,
    turn: &mut Turn<'_>,
    ground: &Ground,
    redo: Redo,
    user: UserId,
) -> Result<Option<Member>> {
    let plan = Plan { fields: Document::new(), redo };
    let Some(version) = turn.commit(ground, plan).await? else { return Ok(None) };
    let chat = ground.chat.id;
    let seat = members::number(&store.access, chat, user).await?;
    store.commits.clear_later(chat, ChatKind::Group, version);
    seat.map(|seat| Some(seat.member)).ok_or_else(|| Error::internal("a member row vanished"))
}

/// A try whose answer was lost may have succeeded: its message tells.
async fn done_before(store: &MongoStore, step: &GroupStep, chat: &Chat) -> Result<Option<Stepped>> {
    let found = store.access.one(Table::GroupLog, doc! { "_id": step.message.bson() }).await?;
    let Some(document) = found else { return Ok(None) };
    Ok(Some(Stepped::Done(content::read(&document)?, chat.clone())))
}

async fn rows(store: &MongoStore, step: &GroupStep) -> Result<Vec<Member>> {
    let found = members::find(&store.access, step.chat, &step.people()).await?;
    Ok(found.into_iter().map(|seat| seat.member).collect())
}

/// Whose rows the step changes, and are to be numbered after it.
async fn changed(store: &MongoStore, step: &GroupStep, decided: &Decided) -> Result<Vec<UserId>> {
    if !step.all_leave {
        return Ok(decided.members.iter().map(|row| row.user).collect());
    }
    let filter = doc! { "chat": step.chat.bson(), "state": in_or_waiting() };
    let rows: Vec<Document> = store.access.find(Find::new(Table::Members, filter)).await?;
    rows.iter().map(|row| Ok(members::read(row)?.member.user)).collect()
}

/// What a step commits.
fn plan(
    step: &GroupStep,
    decided: &Decided,
    ground: &Ground,
    invite: Option<Invite>,
) -> Result<Plan> {
    let Decided { chat, members: rows, comers, risers, message } = decided;
    let version = ground.version + 1;
    let mut redo = Redo::new();
    for row in rows {
        redo.update(Table::Members, members::settle(row, ChatKind::Group, version));
    }
    if !comers.is_empty() || !risers.is_empty() {
        let people = [comers.as_slice(), risers].concat();
        redo.update(Table::Users, users::mark_deleted(&people));
    }
    if !step.revoked.is_empty() {
        redo.update(Table::Invites, invites::revoked(chat.id, &step.revoked, version));
    }
    if step.all_leave {
        redo.update(Table::Members, all_leave(chat.id, version));
    }
    redo.insert(Table::GroupLog, content::document(message, message.rev)?);
    redo.update(Table::Members, members::wrote(chat.id, step.by, message.seq));
    if let Some(used) = invite.and_then(|invite| invites::used(&invite, version)) {
        redo.update(Table::Invites, used);
    }
    if chat.deleted.is_some() {
        terms::replace(&mut redo, Index::Groups, chat.id.0, &[]);
    } else if let Some(words) = &step.terms {
        terms::replace(&mut redo, Index::Groups, chat.id.0, words);
    }
    let mut fields = chats::meta(chat)?;
    fields.extend(grown(message));
    Ok(Plan { fields, redo })
}

/// Everybody who is in it, or waits to be let in.
fn in_or_waiting() -> Document {
    doc! { "$in": [MemberState::Active.bson(), MemberState::Requested.bson()] }
}

/// Every active member leaves, and so do those who wait.
fn all_leave(chat: ChatId, version: u64) -> Statement {
    let filter = doc! {
        "chat": chat.bson(),
        "state": in_or_waiting(),
        "v": { "$lt": int(version) },
    };
    let set = doc! { "state": MemberState::Left.bson(), "v": int(version), "dirty": true };
    Statement::new(filter, doc! { "$set": set, "$inc": { "ver": 1_i64 } }).multi()
}
