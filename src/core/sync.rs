//! Sync: what a client needs to have what the server has.
//!
//! State-based: the client says up to which rev it has its inbox and each chat, and gets the rows
//! that changed since. Rows apply by rev, so that repeats and overlaps with live events are
//! harmless, and an interrupted sync goes on where it was.
//!
//! Invariant: a client that applies all pages has, of every row that it may see and holds, the
//! server's present state. Invariant: a chat that the user left says so and gives nothing else.
//!
//! Called by `http` and `ws`.

use std::collections::HashMap;
use std::sync::Arc;

use super::Shared;
use super::types::auth::Caller;
use super::types::chats::{Chat, Followed, InboxRow, Member};
use super::types::messages::{Content, Message, PAGE, Window};
use crate::error::{Error, Result, Text};
use crate::id::ChatId;
use crate::store::Changes;

/// At most this many chats a client may name.
pub const CHATS: usize = 20_000;
/// At most this many message rows a page.
const ROWS: u32 = 1_000;
/// A page is full when its rows weigh about this many bytes: who has a slow line must get it whole
/// before the connection breaks, or would never get on.
const PAGE_BYTES: usize = 128 * 1024;
/// About how many bytes a row has beside its text, and a file, a reaction or a chat in it.
const ROW_COST: usize = 400;
/// At most this many seqs with nothing to read, the latest, of a chat that begins afresh: a client
/// takes those before them for unread.
const QUIET: u32 = 1_000;
/// About how many bytes such a seq has.
const SEQ_COST: usize = 8;
/// At most this many member rows a page.
const MEMBERSHIPS: u32 = 500;
/// A client that is further behind than this in a chat starts it afresh: its older rows are read
/// again when somebody looks at them.
const FAR_BEHIND: u64 = 5_000;
/// How often a chat is read again when its settings or members change meanwhile.
const READS: usize = 20;

const MANY_CHATS: Text = Text {
    en: "At most {} chats can be synced at once.",
    es: "Se pueden sincronizar como máximo {} chats a la vez.",
};

/// What a client has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Have {
    /// The inbox rev that it has reached; 0 at first.
    pub inbox: u64,
    /// The rev that it has reached in each chat that it holds.
    pub chats: HashMap<ChatId, u64>,
    /// How many of the latest messages it wants of a chat that it does not hold; at most `PAGE`.
    pub latest: u32,
}

/// A page of what a client lacks.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct News {
    /// Forget everything and begin from nothing: the client is ahead of the server.
    pub reset: bool,
    /// The inbox rev that the client has reached with this page.
    pub inbox: u64,
    /// The client's own member rows that changed, oldest change first.
    pub memberships: Vec<Membership>,
    /// Chats with changed rows.
    pub chats: Vec<ChatNews>,
    /// There is more: sync again with what this page gave.
    pub more: bool,
}

/// A changed member row of the client's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The row. When it is no longer active, forget the chat.
    pub member: Member,
    /// Messages hidden for this user alone since the client's inbox rev; all of them when the
    /// client does not hold the chat.
    pub hidden: Vec<u64>,
}

/// What changed in a chat.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatNews {
    /// The chat as it is now.
    pub chat: Chat,
    /// The rev that the client has reached in this chat with this page.
    pub rev: u64,
    /// Drop the rows that are held of this chat first.
    pub reset: bool,
    /// Changed rows, each with its author's name as it is now.
    pub messages: Vec<(Message, Arc<str>)>,
    /// Of a chat that begins afresh: what lies between the user's cursors and the first of these
    /// rows and has nothing to read in it, so that unread can be counted without having it.
    pub quiet: Vec<u64>,
}

/// What still fits on a page.
#[derive(Debug)]
struct Room {
    rows: u32,
    bytes: usize,
}

impl Room {
    const fn is_full(&self) -> bool {
        self.rows == 0 || self.bytes == 0
    }

    const fn take(&mut self, bytes: usize) {
        self.rows = self.rows.saturating_sub(1);
        self.bytes = self.bytes.saturating_sub(bytes);
    }

    /// Takes messages until the page is full, one at least; how many those are.
    fn fits<'m>(&mut self, messages: impl Iterator<Item = &'m Message>) -> usize {
        let mut count = 0;
        for message in messages {
            if count > 0 && self.is_full() {
                break;
            }
            self.take(weight(message));
            count += 1;
        }
        count
    }
}

/// About how many bytes a message has on the wire.
fn weight(message: &Message) -> usize {
    let (body, files) = match &message.content {
        Content::Text(text) => (text.body.as_str().len(), text.attachments.len()),
        _ => (0, 0),
    };
    body + ROW_COST * (1 + files + message.reactions.len())
}

/// Bringing clients up to date.
#[derive(Clone)]
pub struct Sync {
    shared: Arc<Shared>,
}

impl Sync {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// The next page of what the caller's client lacks.
    pub async fn sync(&self, caller: &Caller, have: &Have) -> Result<News> {
        if have.chats.len() > CHATS {
            return Err(Error::field("chats", MANY_CHATS).arg(CHATS.to_string()));
        }
        let store = &self.shared.ports.store;
        let inbox = store.inbox(caller.user, have.inbox, MEMBERSHIPS).await?;
        if inbox.rev < have.inbox {
            return Ok(News { reset: true, ..News::default() });
        }
        let reached = if inbox.more {
            inbox.rows.last().map_or(have.inbox, |row| row.member.rev)
        } else {
            inbox.rev
        };
        let mut memberships = Vec::with_capacity(inbox.rows.len());
        for InboxRow { chat, member } in inbox.rows {
            let active = member.is_active();
            // Who does not hold the chat has forgotten what it had hidden there before it left.
            let held = if have.chats.contains_key(&chat.id) { have.inbox } else { 0 };
            let hidden = match active {
                true => store.hidden(chat.id, caller.user, held).await?,
                false => Vec::new(),
            };
            memberships.push(Membership { member, hidden });
        }
        let (chats, more) = self.chats(caller, have).await?;
        Ok(News { reset: false, inbox: reached, memberships, chats, more: more || inbox.more })
    }

    /// Changed rows of the caller's chats, a page of them; whether there are more.
    async fn chats(&self, caller: &Caller, have: &Have) -> Result<(Vec<ChatNews>, bool)> {
        let mut rows = self.shared.ports.store.followed(caller.user).await?;
        rows.retain(|row| have.chats.get(&row.chat) != Some(&row.head_rev));
        rows.sort_by_key(|row| std::cmp::Reverse((row.active_at, row.chat)));
        let (mut news, mut room) = (Vec::new(), Room { rows: ROWS, bytes: PAGE_BYTES });
        for row in rows {
            if room.is_full() {
                return Ok((news, true));
            }
            let held = have.chats.get(&row.chat).copied();
            let found = self.chat(caller, row, held, have.latest, &mut room).await?;
            let Some((chat, more)) = found else { continue };
            if chat.messages.is_empty() {
                room.take(ROW_COST);
            }
            news.push(chat);
            if more {
                return Ok((news, true));
            }
        }
        Ok((news, false))
    }

    /// What changed in one chat since `held`, as far as there is room; whether there is more.
    /// `None` when the caller has just left it.
    async fn chat(
        &self,
        caller: &Caller,
        Followed { chat, head_rev, .. }: Followed,
        held: Option<u64>,
        latest: u32,
        room: &mut Room,
    ) -> Result<Option<(ChatNews, bool)>> {
        let store = &self.shared.ports.store;
        let is_near = |held: &u64| *held <= head_rev && head_rev - held <= FAR_BEHIND;
        if let Some(held) = held.filter(is_near) {
            let changes = store.changes(chat, caller.user, held, room.rows).await?;
            let Some(mut changes) = changes else { return Ok(None) };
            let fit = room.fits(changes.rows.iter());
            if fit < changes.rows.len() {
                changes.rows.truncate(fit);
                changes.rev = changes.rows.last().map_or(held, |row| row.rev);
                changes.more = true;
            }
            let Changes { chat, rows, rev, more } = changes;
            let messages = self.named(rows).await;
            return Ok(Some((
                ChatNews { chat, rev, reset: false, messages, quiet: Vec::new() },
                more,
            )));
        }
        let Some(Changes { chat, .. }) = store.changes(chat, caller.user, head_rev, 1).await?
        else {
            return Ok(None);
        };
        let limit = latest.min(PAGE).min(room.rows);
        let mut news = self.afresh(caller, chat, limit, held.is_some()).await?;
        if let Some(news) = &mut news {
            // The older ones are read when somebody looks at them.
            let fit = room.fits(news.messages.iter().rev().map(|(message, _)| message));
            news.messages.drain(..news.messages.len() - fit);
            news.quiet = self.quiet_before(caller, news).await?;
            room.bytes = room.bytes.saturating_sub(SEQ_COST * news.quiet.len());
        }
        Ok(news.map(|news| (news, false)))
    }

    /// A chat's latest messages, as many as `limit`. The chat is read before them, so that what
    /// comes between is given once more next time, and after them, to see that what it says of who
    /// may see what has held meanwhile.
    async fn afresh(
        &self,
        caller: &Caller,
        mut chat: Chat,
        limit: u32,
        reset: bool,
    ) -> Result<Option<ChatNews>> {
        let store = &self.shared.ports.store;
        for _ in 0..READS {
            let messages = match limit {
                0 => Some(Vec::new()),
                limit => store.history(chat.id, caller.user, Window::Before(None), limit).await?,
            };
            let after = store.changes(chat.id, caller.user, chat.head_rev, 1).await?;
            let (Some(messages), Some(after)) = (messages, after) else { return Ok(None) };
            if after.chat.meta_rev == chat.meta_rev {
                let (rev, messages) = (chat.head_rev, self.named(messages).await);
                let quiet = Vec::new();
                return Ok(Some(ChatNews { chat: after.chat, rev, reset, messages, quiet }));
            }
            chat = after.chat;
        }
        Err(Error::unavailable("the chat changed again and again while it was read"))
    }

    async fn quiet_before(&self, caller: &Caller, news: &ChatNews) -> Result<Vec<u64>> {
        let store = &self.shared.ports.store;
        let first = news.messages.first().map_or(news.chat.head_seq + 1, |row| row.0.seq);
        let Some((_, rows)) = store.chat(news.chat.id, &[caller.user]).await? else {
            return Ok(Vec::new());
        };
        let floor = rows.first().map_or(u64::MAX, Member::read_floor);
        if floor >= first - 1 {
            return Ok(Vec::new());
        }
        store.quiet_seqs(news.chat.id, floor, first - 1, QUIET).await
    }

    async fn named(&self, rows: Vec<Message>) -> Vec<(Message, Arc<str>)> {
        let authors: Vec<_> = rows.iter().map(|message| message.from).collect();
        let names = self.shared.names_of(&authors).await;
        rows.into_iter().zip(names).collect()
    }
}
