//! Cursors and what others learn about them; typing.
//!
//! Invariant: cursors only grow, and never beyond the chat's head. Invariant: people who switch
//! receipts off show none and see none; if one of two people blocks the other, or has
//! asked to write to them and waits for an answer, neither shows any.
//!
//! In chats of more than `LIVE_MEMBERS` people cursors are stored but not sent to everybody: each
//! of n readers would be sent to n others. There clients ask for receipts, which may be
//! `RECEIPTS_AGE` old (`progress`). Called by `http` and `ws`.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use super::chats::Target;
use super::contacts::rules::{Passage, Reach};
use super::progress::Tally;
pub use super::progress::{LIVE_MEMBERS, RECEIPTS_AGE, ReceiptCounts};
use super::{Shared, to_the_end};
use crate::bus::{Event, Receipt, Typing};
use crate::error::{Error, Result, Text, text};
use crate::id::{ChatId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::Member;
use crate::model::messages::Window;
use crate::model::users::User;
pub use crate::store::Cursor;

/// How long a typing signal is believed unless it is repeated.
pub const TYPING_FOR: Duration = Duration::from_secs(6);

const SWITCHED_OFF: Text = Text {
    en: "You do not share read receipts, so you cannot see those of others. Turn them on first.",
    es: "No muestras tus confirmaciones de lectura, así que no ves las de los demás. Actívalas \
         primero.",
};

/// Cursors, receipts, typing.
#[derive(Clone)]
pub struct Receipts {
    shared: Arc<Shared>,
}

impl Receipts {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Moves one of the caller's cursors forward; `None` when it stood there or further already.
    /// The caller's other devices are told, and the other members where receipts are live.
    pub async fn advance(
        &self,
        caller: &Caller,
        chat: ChatId,
        cursor: Cursor,
        seq: u64,
    ) -> Result<Option<Member>> {
        let (shared, user) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            let Some(member) = shared.ports.store.advance(chat, user, cursor, seq).await? else {
                return shared.why_it_stands(user, chat).await;
            };
            shared.member_changed(member.clone(), Vec::new());
            shared.tell_receipt(&member).await?;
            Ok(Some(member))
        })
        .await
    }

    /// How far the others have come with a message that the caller can see.
    pub async fn counts(&self, caller: &Caller, chat: ChatId, seq: u64) -> Result<ReceiptCounts> {
        let author = self.author(caller, chat, seq).await?;
        if !self.shared.is_open(chat).await? {
            return Ok(ReceiptCounts::default());
        }
        Ok(self.shared.tally(chat).await?.counts(seq, author))
    }

    /// Who has read a message, in the order of user ids; at most 200.
    pub async fn readers(
        &self,
        caller: &Caller,
        (chat, seq): (ChatId, u64),
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>> {
        let author = self.author(caller, chat, seq).await?;
        if !self.shared.is_open(chat).await? {
            return Ok(Vec::new());
        }
        let tally = self.shared.tally(chat).await?;
        let (mut after, mut left) = (after, limit.clamp(1, 200) as usize);
        let mut readers = Vec::new();
        loop {
            let some = tally.readers(seq, author, after, left);
            let Some(last) = some.last() else { return Ok(readers) };
            after = Some(*last);
            let shown = self.still_shown(&tally, chat, some).await?;
            left -= shown.len();
            readers.extend(shown);
            if left == 0 {
                return Ok(readers);
            }
        }
    }

    /// Those of these people who are members and show receipts, now.
    async fn still_shown(
        &self,
        tally: &Tally,
        chat: ChatId,
        people: Vec<UserId>,
    ) -> Result<Vec<UserId>> {
        if !tally.is_kept() {
            return Ok(people);
        }
        let store = &self.shared.ports.store;
        let (found, users) = tokio::try_join!(store.chat(chat, &people), store.users(&people))?;
        let members = found.map(|(_, members)| members).unwrap_or_default();
        let active = members.iter().filter(|member| member.is_active()).map(|member| member.user);
        let active: HashSet<UserId> = active.collect();
        let showing = users.iter().filter(|user| user.privacy.receipts).map(|user| user.id);
        let showing: HashSet<UserId> = showing.collect();
        Ok(people.into_iter().filter(|id| active.contains(id) && showing.contains(id)).collect())
    }

    /// Tells the others that the caller is writing, or has stopped. Nothing is stored.
    pub async fn typing(&self, caller: &Caller, target: Target, on: bool) -> Result<()> {
        let passage = self.shared.check_reach(caller, target, Reach::Typing).await?;
        let standing = self.shared.standing(caller, target.chat).await?;
        if passage == Passage::Silent {
            return Ok(());
        }
        let for_ms = if on { TYPING_FOR.as_millis() as u64 } else { 0 };
        let as_of = standing.chat.head_rev;
        let typing = Typing { chat: target.chat, user: caller.user, for_ms, as_of };
        self.shared.ports.bus.publish(Event::Typing(typing));
        Ok(())
    }

    /// The author of a message that the caller may ask receipts of.
    async fn author(&self, caller: &Caller, chat: ChatId, seq: u64) -> Result<UserId> {
        let window = Window::After(seq.saturating_sub(1));
        let Some(page) = self.shared.ports.store.history(chat, caller.user, window, 1).await?
        else {
            return Err(self.shared.why_not(caller.user, chat).await);
        };
        let message = page.into_iter().find(|message| message.seq == seq);
        let message = message.ok_or(Error::not_found(text::NO_MESSAGE))?;
        if self.shared.shows_receipts(caller.user).await? {
            Ok(message.from)
        } else {
            Err(Error::forbidden(SWITCHED_OFF))
        }
    }
}

impl Shared {
    /// A cursor did not move: it was already there, or the caller is not a member.
    async fn why_it_stands(&self, user: UserId, chat: ChatId) -> Result<Option<Member>> {
        let found = self.ports.store.chat(chat, &[user]).await?;
        let active = found.is_some_and(|(_, members)| members.iter().any(Member::is_active));
        if active { Ok(None) } else { Err(self.why_not(user, chat).await) }
    }

    async fn shows_receipts(&self, user: UserId) -> Result<bool> {
        let found: Option<User> = self.ports.store.users(&[user]).await?.pop();
        Ok(found.is_some_and(|user| user.privacy.receipts))
    }

    async fn tell_receipt(&self, member: &Member) -> Result<()> {
        let found = self.ports.store.chat(member.chat, &[member.user]).await?;
        // Read together: at this rev of the chat they are a member.
        let Some((chat, members)) = found else { return Ok(()) };
        if !members.iter().any(Member::is_active)
            || chat.member_count > LIVE_MEMBERS
            || !self.is_open(chat.id).await?
            || !self.shows_receipts(member.user).await?
        {
            return Ok(());
        }
        self.ports.bus.publish(Event::Receipt(Receipt {
            chat: member.chat,
            user: member.user,
            read_seq: member.read_seq,
            delivered_seq: member.delivered_seq,
            as_of: chat.head_rev,
        }));
        Ok(())
    }
}
