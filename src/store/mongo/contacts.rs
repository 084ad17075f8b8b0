//! What two people are to each other: a commit of their direct chat, with both rows in its redo.

use std::collections::HashMap;

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, KEYS};
use super::commit::{ATTEMPTS, Ground, Plan, overtaken};
use super::members::{self, Seat};
use super::redo::Redo;
use super::rows::{Row, ToBson, seat};
use super::tables::Table;
use super::turns::Turn;
use super::users::deleted_of;
use crate::error::Result;
use crate::id::{ChatId, UserId};
use crate::model::chats::{Chat, ChatKind, Member};
use crate::model::contacts::{Tie, TieState};
use crate::store::decide::tie::{Ties, decide};
use crate::store::{Contacts, TieStep, Tied};

/// The rows that a step changes, as they are after it.
struct Decided {
    rows: Vec<Member>,
    /// Some of them are new.
    new: Vec<UserId>,
}

/// What follows from the rows that are there, by user.
fn weigh(
    step: &TieStep,
    chat: &Chat,
    found: &HashMap<UserId, Member>,
) -> Result<Decided, Box<Tied>> {
    let own = |user: UserId| found.get(&user).map_or(Tie::NONE, |row| row.tie.clone());
    let before = Ties { mine: own(step.by), theirs: own(step.to) };
    let both_wrote =
        [step.by, step.to].iter().all(|user| found.get(user).is_some_and(|row| row.own_seq > 0));
    let after = match decide(&before, both_wrote, step.act, step.at) {
        Ok(Some(after)) => after,
        Ok(None) => return Err(Tied::Same.into()),
        Err(why) => return Err(Tied::Unasked(why).into()),
    };
    let mut decided = Decided { rows: Vec::new(), new: Vec::new() };
    for (user, was, is) in
        [(step.by, before.mine, after.mine), (step.to, before.theirs, after.theirs)]
    {
        let row = found.get(&user).cloned();
        if row.is_none() {
            decided.new.push(user);
        } else if was == is {
            continue;
        }
        let row = row.unwrap_or_else(|| Member::joining(chat.id, user, 1, step.at));
        decided.rows.push(Member { tie: is, ..row });
    }
    Ok(decided)
}

impl Decided {
    /// What a commit writes. Rows that are there carry its version.
    fn redo(&self, version: u64) -> Redo {
        let mut redo = Redo::new();
        for row in &self.rows {
            if self.new.contains(&row.user) {
                redo.insert(Table::Members, members::newborn(row, ChatKind::Direct));
            } else {
                redo.update(Table::Members, members::tied(row, version));
            }
        }
        redo
    }

    fn users(&self) -> Vec<UserId> {
        self.rows.iter().map(|row| row.user).collect()
    }
}

impl MongoStore {
    async fn rows_of(&self, chat: ChatId, step: &TieStep) -> Result<HashMap<UserId, Member>> {
        let found = members::find(&self.access, chat, &[step.by, step.to]).await?;
        Ok(found.into_iter().map(|seat| (seat.member.user, seat.member)).collect())
    }

    /// Numbers what a commit changed, and answers it.
    async fn tied(&self, chat: Chat, decided: &Decided, version: u64) -> Result<Tied> {
        let users = decided.users();
        members::number_all(&self.access, chat.id, &users).await?;
        let seats = members::find(&self.access, chat.id, &users).await?;
        self.commits.clear_later(chat.id, ChatKind::Direct, version);
        let rows = seats.into_iter().map(|Seat { member, .. }| member).collect();
        Ok(Tied::Done { chat, rows, opened: !decided.new.is_empty() })
    }

    /// Who of these people is apart from the user: the row in their direct chat says so.
    pub(super) async fn apart(&self, user: UserId, among: &[UserId]) -> Result<Vec<UserId>> {
        let by_key: HashMap<String, UserId> =
            among.iter().map(|other| (seat(ChatId::direct(user, *other), user), *other)).collect();
        let keys: Vec<Bson> = by_key.keys().map(|key| key.as_str().into()).collect();
        let mut apart = Vec::new();
        for some in keys.chunks(KEYS) {
            let known = [TieState::None.bson(), TieState::Known.bson(), Bson::Null];
            let filter = doc! { "_id": { "$in": some.to_vec() }, "tie.state": { "$nin": known } };
            let find = Find::new(Table::Members, filter).fields(doc! { "_id": 1 });
            for row in self.access.find(find).await? {
                apart.extend(by_key.get(&Row(&row).text("_id")?));
            }
        }
        Ok(apart)
    }

    async fn create_tied(&self, step: &TieStep, decided: &Decided) -> Result<Option<Tied>> {
        if !deleted_of(&self.access, &[step.by, step.to]).await?.is_empty() {
            return Ok(Some(Tied::Gone));
        }
        let chat = Chat::direct((step.by, step.to), step.at);
        if !self.commits.create(&chat, &decided.redo(1)).await? {
            return Ok(None);
        }
        self.tied(chat, decided, 1).await.map(Some)
    }
}

#[async_trait]
impl Contacts for MongoStore {
    async fn tie(&self, step: TieStep) -> Result<Tied> {
        let id = ChatId::direct(step.by, step.to);
        let mut turn = Turn::of(&self.commits, id).await;
        for _ in 0..ATTEMPTS {
            // Rows that are newer than the chat make the commit fail.
            let ground: Option<Ground> = self.commits.ground_in_turn(id).await?;
            let found = self.rows_of(id, &step).await?;
            let new = Chat::direct((step.by, step.to), step.at);
            let decided = match weigh(&step, &new, &found) {
                Ok(decided) => decided,
                Err(refused) => return Ok(*refused),
            };
            let Some(ground) = ground else {
                match self.create_tied(&step, &decided).await? {
                    Some(done) => return Ok(done),
                    None => continue,
                }
            };
            let plan = Plan { fields: Document::new(), redo: decided.redo(ground.version + 1) };
            if let Some(version) = turn.commit(&ground, plan).await? {
                return self.tied(ground.chat, &decided, version).await;
            }
            turn.wait().await?;
        }
        Err(overtaken())
    }
}
