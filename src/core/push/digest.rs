//! What a person missed since they were here last, for a mail of it: by the rules of pushes, but
//! for the hour.
//!
//! Called by `core::missed`.

use std::cmp::Reverse;
use std::collections::HashMap;

use super::super::Shared;
use super::rules::{self, NewRow, Reader};
use super::words;
use crate::clock::Time;
use crate::error::{Language, Result};
use crate::id::UserId;
use crate::mail::MissedChat;
use crate::model::alerts::{Alerts, Shown};
use crate::model::chats::{ChatKind, InboxRow, Level};
use crate::model::messages::{Message, Window};

/// So many chats are looked at, those with the latest messages.
const CHATS: usize = 20;
/// So many messages of each, the latest.
const ROWS: u32 = 100;

/// What there is.
#[derive(Debug, Default)]
pub(crate) struct Digest {
    /// When the first of it came; `None`: there is nothing.
    pub(crate) oldest: Option<Time>,
    /// How many messages.
    pub(crate) total: u64,
    /// In which chats; none where nobody is to be named.
    pub(crate) chats: Vec<MissedChat>,
}

/// What there is in one chat.
struct Found {
    oldest: Time,
    count: u32,
    is_full: bool,
    latest: Message,
}

impl Shared {
    /// What somebody missed `since`.
    pub(crate) async fn digest(
        &self,
        alerts: &Alerts,
        (user, language): (UserId, Language),
        since: Time,
    ) -> Result<Digest> {
        let now = self.ports.now();
        let mut rows = self.ports.store.unread_rows(user).await?;
        rows.retain(|row| {
            let level = alerts.level(row.chat.kind, &row.member, now);
            row.chat.active_at >= since && level > Level::Nothing
        });
        rows.sort_by_key(|row| Reverse(row.chat.active_at));
        rows.truncate(CHATS);
        let (mut digest, shown) = (Digest::default(), self.shown_in_mails(alerts));
        for row in &rows {
            if self.is_request(&row.member).await? {
                continue;
            }
            let Some(found) = self.missed_in(alerts, row, since).await? else { continue };
            digest.oldest = Some(digest.oldest.map_or(found.oldest, |at| at.min(found.oldest)));
            digest.total += u64::from(found.count);
            if shown > Shown::Wake {
                digest.chats.push(self.told_of(row, found, shown, language).await);
            }
        }
        Ok(digest)
    }

    /// How much a mail says: names, unless the person or the operator wants less, and texts only if
    /// both say so, as whoever carries a mail may read it.
    fn shown_in_mails(&self, alerts: &Alerts) -> Shown {
        let allowed = self.pushing.shown().unwrap_or(Shown::Names);
        alerts.shown.unwrap_or(Shown::Names).min(allowed)
    }

    async fn told_of(
        &self,
        row: &InboxRow,
        found: Found,
        shown: Shown,
        language: Language,
    ) -> MissedChat {
        let from = self.name(found.latest.from).await;
        let words = words::of_message(shown, &row.chat, &found.latest, &from, language);
        let is_group = row.chat.kind == ChatKind::Group;
        let last = words.body.map(|body| if is_group { format!("{from}: {body}") } else { body });
        let title = words.title.unwrap_or_default();
        MissedChat { title, count: found.count, is_full: found.is_full, last }
    }

    /// The messages of a chat that somebody missed.
    async fn missed_in(
        &self,
        alerts: &Alerts,
        InboxRow { chat, member }: &InboxRow,
        since: Time,
    ) -> Result<Option<Found>> {
        let (store, now) = (&self.ports.store, self.ports.now());
        let page = store.history(chat.id, member.user, Window::Before(None), ROWS).await?;
        let page = page.unwrap_or_default();
        let reader = Reader { alerts, member, kind: chat.kind, now };
        let is_new = |row: &Message| row.seq > member.read_floor() && row.sent >= since;
        let is_full = page.len() == ROWS as usize && page.first().is_some_and(is_new);
        let (mut passing, mut found) = (HashMap::new(), None::<Found>);
        for message in page.into_iter().filter(is_new) {
            let is_for_them = NewRow::of(&message).is_some_and(|row| reader.is_wanted(&row));
            if !is_for_them || !self.passes(&mut passing, &reader, message.from).await? {
                continue;
            }
            let oldest = if is_full { since } else { message.sent };
            found = Some(match found {
                Some(found) => Found { count: found.count + 1, latest: message, ..found },
                None => Found { oldest, count: 1, is_full, latest: message },
            });
        }
        Ok(found)
    }

    /// Whether what an author wrote passes the blocks; asked once for each.
    async fn passes(
        &self,
        known: &mut HashMap<UserId, bool>,
        reader: &Reader<'_>,
        author: UserId,
    ) -> Result<bool> {
        if let Some(passes) = known.get(&author) {
            return Ok(*passes);
        }
        let blocks = self.ports.store.blocks_between(reader.member.user, author).await?;
        let passes = rules::passes_blocks(blocks, reader.kind == ChatKind::Direct);
        known.insert(author, passes);
        Ok(passes)
    }
}
