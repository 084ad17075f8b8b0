//! What a device shows of a message that was edited or deleted since: replaced, or taken back.
//!
//! Called by `core::push`, with every edit and deletion.

use std::sync::Arc;

use super::super::Shared;
use super::Outlet;
use super::rules::{self, NewRow, Reader};
use super::tell::{PAGE, Telling, asleep};
use crate::error::Result;
use crate::id::{ChatId, SessionId, UserId};
use crate::model::alerts::Shown;
use crate::model::chats::ChatKind;
use crate::model::messages::{Message, Window};
use crate::push::Said;
use crate::store::{Look, Looking};

/// Of so many messages, the latest, one is looked for that may be shown instead.
const ROWS: u32 = 32;

impl Shared {
    /// A message was edited or deleted: whoever shows it is told.
    pub(super) fn revise(self: &Arc<Self>, chat: ChatId, seq: u64) {
        let known = self.pushing.showing(chat, seq);
        // Commands beside a server have none, and tell nobody.
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let is_nobody = known.as_ref().is_some_and(|showing| showing.is_empty());
        if is_nobody || self.pushing.memory().told.is_empty() {
            return;
        }
        let (shared, busy) = (self.clone(), self.pushing.begin());
        runtime.spawn(async move {
            let _busy = busy;
            if let Err(error) = shared.try_revise(chat, seq).await {
                // The device finds out when it connects.
                tracing::warn!(%chat, cause = ?error.cause(), "a notice stays as it is: {error}");
            }
        });
    }

    async fn try_revise(&self, chat: ChatId, seq: u64) -> Result<()> {
        let Some(outlet) = self.pushing.outlet.get() else { return Ok(()) };
        if let Some(showing) = self.pushing.showing(chat, seq) {
            for (user, sessions) in showing {
                self.revise_for(outlet, (user, &sessions), (chat, seq)).await?;
            }
            return Ok(());
        }
        let mut after = None;
        loop {
            let page = self.ports.store.subscribed(chat, after, PAGE).await?;
            let users = page.people.iter().map(|(member, _)| member.user);
            for (user, sessions) in self.pushing.of_them(users, chat, seq) {
                self.revise_for(outlet, (user, &sessions), (chat, seq)).await?;
            }
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    async fn revise_for(
        &self,
        outlet: &Outlet,
        (user, sessions): (UserId, &[SessionId]),
        (chat, seq): (ChatId, u64),
    ) -> Result<()> {
        let mut pushes = rules::for_messages(self.ports.store.pushes_of(&[user]).await?);
        pushes.retain(|push| sessions.contains(&push.session));
        let pushes = asleep(outlet, user, pushes);
        if pushes.is_empty() {
            return Ok(());
        }
        let instead = self.to_be_shown(user, (chat, seq)).await?;
        let by = instead.as_ref().map(|telling| telling.message.seq);
        self.pushing.memory().told.replaced(user, chat, sessions, by);
        self.tell_pushed(user, chat, sessions.to_vec(), by);
        let Some(telling) = instead else {
            let alerts = self.alerts_of(user).await?;
            let (language, badge) =
                (self.language_of(user).await?, self.badge(user, &alerts).await?);
            for push in pushes {
                let notice = self.of_chat(chat, language, Said::Read { chat, seq, badge });
                outlet.pusher.push(push, notice);
            }
            return Ok(());
        };
        let is_edited = telling.message.seq == seq;
        for push in pushes {
            let (shown, said) = telling.said(outlet, push.target.kind());
            // Where no text is shown, nothing of it changes.
            if is_edited && shown < Shown::Text {
                continue;
            }
            let Said::Message { chat, seq, words, badge } = said else { continue };
            let said = Said::Changed { chat, seq, words, badge };
            outlet.pusher.push(push, self.of_chat(chat, telling.language, said));
        }
        Ok(())
    }

    /// What a person may be shown of a chat now that a message in it has changed: the message, or
    /// the latest other one that they have not read. It comes without a sound, at whatever hour.
    async fn to_be_shown(
        &self,
        user: UserId,
        (chat, seq): (ChatId, u64),
    ) -> Result<Option<Telling>> {
        let store = &self.ports.store;
        let look = store.look(chat, user, seq, Looking::ToRead).await?;
        let Some(Look { chat, member: Some(member), message }) = look else { return Ok(None) };
        if self.is_request(&member).await? {
            return Ok(None);
        }
        let alerts = self.alerts_of(user).await?;
        let (kind, now) = (chat.kind, self.ports.now());
        let reader = Reader { alerts: &alerts, member: &member, kind, now };
        let is_wanted = |row: &Message| NewRow::of(row).is_some_and(|row| reader.is_wanted(&row));
        let found = match message.filter(is_wanted) {
            Some(message) => vec![message],
            None => {
                let page = store.history(chat.id, user, Window::Before(None), ROWS).await?;
                page.unwrap_or_default().into_iter().rev().filter(is_wanted).collect()
            }
        };
        for message in found {
            let blocks = store.blocks_between(user, message.from).await?;
            if rules::passes_blocks(blocks, kind == ChatKind::Direct) {
                return self.telling(&alerts, user, (chat, message)).await.map(Some);
            }
        }
        Ok(None)
    }
}
