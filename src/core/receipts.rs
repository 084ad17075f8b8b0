//! Cursors and what others learn about them; typing.
//!
//! Invariant: cursors only grow, and never beyond the chat's head. Invariant: people who switch
//! receipts off show none and see none; if one of two people blocks the other, neither shows any.
//!
//! In chats of more than `LIVE_MEMBERS` people cursors are stored but not sent to everybody: each
//! of n readers would be sent to n others. There clients ask for receipts. Called by `http` and
//! `ws`.

use std::sync::Arc;
use std::time::Duration;

use super::chats::Target;
use super::{Shared, to_the_end};
use crate::bus::{Event, Receipt, Typing};
use crate::error::{Error, Result, Text, text};
use crate::id::{ChatId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::Member;
use crate::model::messages::Window;
use crate::model::users::User;
pub use crate::store::Cursor;
use crate::store::ReceiptCounts;

/// In chats of up to this many members, everybody is told live how far each has read.
pub const LIVE_MEMBERS: u32 = 100;
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
        self.shared.ports.store.receipts(chat, seq, author).await
    }

    /// Who has read a message, in the order of user ids; at most 200.
    pub async fn readers(
        &self,
        caller: &Caller,
        (chat, seq): (ChatId, u64),
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Member>> {
        let author = self.author(caller, chat, seq).await?;
        if !self.shared.is_open(chat).await? {
            return Ok(Vec::new());
        }
        let store = &self.shared.ports.store;
        store.readers(chat, seq, author, after, limit.clamp(1, 200)).await
    }

    /// Tells the others that the caller is writing, or has stopped. Nothing is stored.
    pub async fn typing(&self, caller: &Caller, target: Target, on: bool) -> Result<()> {
        self.shared.check_reachable(caller, target).await?;
        self.shared.standing(caller, target.chat).await?;
        let for_ms = if on { TYPING_FOR.as_millis() as u64 } else { 0 };
        let typing = Typing { chat: target.chat, user: caller.user, for_ms };
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
        let Some((chat, _)) = self.ports.store.chat(member.chat, &[]).await? else { return Ok(()) };
        if chat.member_count > LIVE_MEMBERS
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
        }));
        Ok(())
    }
}
