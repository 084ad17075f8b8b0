//! What two people are to each other.

use async_trait::async_trait;

use super::EmbeddedStore;
use super::chats::{self, direct};
use super::members;
use super::sql::Db;
use crate::error::{Error, Result};
use crate::id::ChatId;
use crate::model::chats::Member;
use crate::model::contacts::Tie;
use crate::store::decide::tie::{Ties, decide};
use crate::store::{Contacts, TieStep, Tied};

/// The rows of both people, that of whoever acts first; none where there is none.
fn rows(db: &Db<'_>, step: &TieStep) -> Result<[Option<Member>; 2]> {
    let id = ChatId::direct(step.by, step.to);
    let Some((num, ..)) = chats::head(db, id)? else { return Ok([None, None]) };
    let row = |user| Ok::<_, Error>(members::find(db, num, id, user)?.map(|seat| seat.member));
    Ok([row(step.by)?, row(step.to)?])
}

/// Checks first, writes after.
fn tie(db: &Db<'_>, step: &TieStep) -> Result<Tied> {
    let found = rows(db, step)?;
    let both_wrote = found.iter().all(|row| row.as_ref().is_some_and(|row| row.own_seq > 0));
    let [mine, theirs] = found.map(|row| row.map_or(Tie::NONE, |row| row.tie));
    let before = Ties { mine, theirs };
    let after = match decide(&before, both_wrote, step.act, step.at) {
        Ok(Some(after)) => after,
        Ok(None) => return Ok(Tied::Same),
        Err(why) => return Ok(Tied::Unasked(why)),
    };
    let Some((found, opened)) = direct(db, (step.by, step.to), None, step.at)? else {
        return Ok(Tied::Gone);
    };
    let mut rows = Vec::new();
    for (user, was, is) in
        [(step.by, before.mine, after.mine), (step.to, before.theirs, after.theirs)]
    {
        let seat = members::find(db, found.num, found.chat.id, user)?;
        if let Some(seat) = seat.filter(|_| was != is) {
            rows.push(members::set_tie(db, seat, is)?);
        }
    }
    Ok(Tied::Done { chat: found.chat, rows, opened })
}

#[async_trait]
impl Contacts for EmbeddedStore {
    async fn tie(&self, step: TieStep) -> Result<Tied> {
        self.write(move |db| tie(db, &step)).await
    }
}
