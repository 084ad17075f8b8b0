//! Sync: gives a client what it needs to have what the server has.
//!
//! State-based: the client says up to which rev it has its inbox and each chat, and gets the rows
//! that changed since. Rows apply by rev, so that repeats and overlaps with live events are
//! harmless, and an interrupted sync continues where it was.
//!
//! Invariant: a client that applies all pages has, of every row that it may see and holds, the
//! server's present state. Invariant: a chat that the user has left says so and gives nothing else.
//! Invariant: revs of one incarnation of the store are never compared with those of another: a
//! client that holds rows of another one begins from nothing.
//!
//! Called by `http` and `ws`.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use super::Shared;
use crate::error::{Error, Result, Text};
use crate::id::{ChatId, Incarnation, UserId};
use crate::model::auth::Caller;
use crate::model::chats::{Chat, Followed, InboxRow, Member};
use crate::model::messages::{Content, Message, PAGE, Window};
use crate::store::Changes;

/// At most this many chats a client may name.
pub const CHATS: usize = 20_000;
/// At most this many message rows a page.
const ROWS: u32 = 1_000;
/// A page is full when its rows have about this many bytes: people with a slow line must get it
/// whole before the connection breaks, or would never get on.
const PAGE_BYTES: usize = 128 * 1024;
/// About how many bytes a row has besides its text, and a file, a reaction or a chat in it.
const ROW_COST: usize = 400;
/// At most this many chats are read at once.
const AT_ONCE: usize = 200;
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
/// So many bits of an `inbox` are the rev; the mark of the incarnation is above them. Together they
/// are below 2^53, up to which every client counts exactly.
const REV_BITS: u32 = 33;
/// The largest mark.
const MARKS: u64 = (1 << 20) - 1;
/// How often a chat is read again when its settings or members change meanwhile.
const READS: usize = 20;

const MANY_CHATS: Text = Text {
    en: "At most {} chats can be synced at once.",
    es: "Se pueden sincronizar como máximo {} chats a la vez.",
};

/// What a client has.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Have {
    /// The incarnation of the store that it has all this from, if it knows about incarnations.
    pub incarnation: Option<Incarnation>,
    /// The `inbox` of the last page that it was given; 0 at first.
    pub inbox: u64,
    /// The rev that it has reached in each chat that it holds.
    pub chats: HashMap<ChatId, u64>,
    /// How many of the latest messages it wants of a chat that it does not hold; at most `PAGE`.
    pub latest: u32,
}

impl Have {
    /// Whether this may go on: what the client holds is of this incarnation, or it holds nothing. A
    /// client from before there were incarnations names none; its `inbox` shows it all the same.
    fn is_of(&self, ours: Incarnation) -> bool {
        match self.incarnation {
            Some(theirs) => theirs == ours,
            None => {
                let holds_nothing = self.inbox == 0 && self.chats.is_empty();
                holds_nothing || self.inbox >> REV_BITS == mark(ours)
            }
        }
    }

    /// The inbox rev that the client has reached.
    const fn rev(&self) -> u64 {
        self.inbox & ((1 << REV_BITS) - 1)
    }
}

/// What of an incarnation stands in an `inbox`; never 0, which is that of a client without.
fn mark(incarnation: Incarnation) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = incarnation.0.0;
    u64::from_le_bytes([a, b, c, d, e, f, g, h]) % MARKS + 1
}

/// An inbox rev as a client is given it.
fn marked(incarnation: Incarnation, rev: u64) -> u64 {
    mark(incarnation) << REV_BITS | rev
}

/// A page of what a client lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct News {
    /// The incarnation of the store that it is from.
    pub incarnation: Incarnation,
    /// Forget everything and begin from nothing: what the client holds is of another incarnation.
    pub reset: bool,
    /// The inbox rev that the client has reached with this page, marked with the incarnation.
    pub inbox: u64,
    /// The client's own member rows that changed, oldest change first.
    pub memberships: Vec<Membership>,
    /// Chats with changed rows.
    pub chats: Vec<ChatNews>,
    /// There is more: sync again with what this page gave.
    pub more: bool,
}

impl News {
    const fn reset(incarnation: Incarnation) -> Self {
        Self {
            incarnation,
            reset: true,
            inbox: 0,
            memberships: Vec::new(),
            chats: Vec::new(),
            more: false,
        }
    }
}

/// A changed member row of the client's user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The row. When it is no longer active, forget the chat.
    pub member: Member,
    /// Messages hidden for this user only since the client's inbox rev; all of them when the
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

    /// So many rows are worth reading: the page is full then, or nearly.
    fn rows_left(&self) -> u32 {
        let most = self.bytes / ROW_COST + 1;
        self.rows.min(u32::try_from(most).unwrap_or(u32::MAX))
    }

    /// Takes what changed in a chat since `held`, and cuts off what does not fit.
    fn fit(&mut self, changes: &mut Changes, held: u64) {
        let fit = self.fits(changes.rows.iter());
        if fit < changes.rows.len() {
            changes.rows.truncate(fit);
            changes.rev = changes.rows.last().map_or(held, |row| row.rev);
            changes.more = true;
        }
        if changes.rows.is_empty() {
            self.take(ROW_COST);
        }
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

/// What stands on a page already, and what still fits.
#[derive(Debug)]
struct Page {
    news: Vec<ChatNews>,
    room: Room,
}

/// The inbox may have been read after the chats that the user follows: a chat that they came into
/// in between is followed too.
fn follow_too(rows: &mut Vec<Followed>, inbox: &[InboxRow]) {
    let known: HashSet<ChatId> = rows.iter().map(|row| row.chat).collect();
    let is_new = |row: &&InboxRow| row.member.is_active() && !known.contains(&row.chat.id);
    rows.extend(inbox.iter().filter(is_new).map(Followed::from));
}

/// The first of these chats, as long as the client holds them and is not far behind in them, each
/// with the rev that it has there.
fn near(rows: &[Followed], have: &Have) -> Vec<(ChatId, u64)> {
    let held = |row: &Followed| {
        let held = *have.chats.get(&row.chat)?;
        let is_near = held <= row.head_rev && row.head_rev - held <= FAR_BEHIND;
        is_near.then_some((row.chat, held))
    };
    rows.iter().map_while(held).take(AT_ONCE).collect()
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

    /// Which life of the store this is.
    pub fn incarnation(&self) -> Incarnation {
        self.shared.ports.store.incarnation()
    }

    /// The next page of what the caller's client lacks.
    pub async fn sync(&self, caller: &Caller, have: &Have) -> Result<News> {
        if have.chats.len() > CHATS {
            return Err(Error::field("chats", MANY_CHATS).arg(CHATS.to_string()));
        }
        let (store, incarnation) = (&self.shared.ports.store, self.incarnation());
        if !have.is_of(incarnation) {
            return Ok(News::reset(incarnation));
        }
        let (had, user) = (have.rev(), caller.user);
        let (inbox, mut rows) =
            tokio::try_join!(store.inbox(user, had, MEMBERSHIPS), store.followed(user))?;
        // Of one incarnation nobody is ahead, unless an operator put an older file in its place.
        if inbox.rev < had {
            return Ok(News::reset(incarnation));
        }
        let reached = if inbox.more {
            inbox.rows.last().map_or(had, |row| row.member.rev)
        } else {
            inbox.rev
        };
        follow_too(&mut rows, &inbox.rows);
        let (memberships, chats) = tokio::try_join!(
            self.memberships(user, inbox.rows, have, had),
            self.chats(caller, rows, have)
        )?;
        let (chats, more) = chats;
        let (inbox, more) = (marked(incarnation, reached), more || inbox.more);
        Ok(News { incarnation, reset: false, inbox, memberships, chats, more })
    }

    /// Changed member rows, each with what the user hid there since.
    async fn memberships(
        &self,
        user: UserId,
        rows: Vec<InboxRow>,
        have: &Have,
        had: u64,
    ) -> Result<Vec<Membership>> {
        // Who does not hold the chat has forgotten what they had hidden there before they left.
        let held = |chat| if have.chats.contains_key(&chat) { had } else { 0 };
        let active = rows.iter().filter(|row| row.member.is_active()).map(|row| row.chat.id);
        let asked: Vec<(ChatId, u64)> = active.map(|chat| (chat, held(chat))).collect();
        let hidden = match asked.as_slice() {
            [] => Vec::new(),
            some => self.shared.ports.store.hidden(user, some).await?,
        };
        let mut hidden = hidden.into_iter();
        let membership = |InboxRow { member, .. }: InboxRow| {
            let hidden = if member.is_active() { hidden.next() } else { None };
            Membership { member, hidden: hidden.unwrap_or_default() }
        };
        Ok(rows.into_iter().map(membership).collect())
    }

    /// Changed rows of the caller's chats, a page of them; whether there are more.
    async fn chats(
        &self,
        caller: &Caller,
        mut rows: Vec<Followed>,
        have: &Have,
    ) -> Result<(Vec<ChatNews>, bool)> {
        rows.retain(|row| have.chats.get(&row.chat) != Some(&row.head_rev));
        rows.sort_by_key(|row| std::cmp::Reverse((row.active_at, row.chat)));
        let mut page = Page { news: Vec::new(), room: Room { rows: ROWS, bytes: PAGE_BYTES } };
        let mut rest = rows.as_slice();
        while let Some((first, others)) = rest.split_first() {
            if page.room.is_full() {
                return Ok((page.news, true));
            }
            let near = near(rest, have);
            let more = if near.is_empty() {
                rest = others;
                let held = have.chats.contains_key(&first.chat);
                self.begin(caller, first, held, have.latest, &mut page).await?;
                false
            } else {
                let (read, more) = self.go_on(caller, &near, &mut page).await?;
                rest = rest.get(read..).unwrap_or_default();
                more
            };
            if more {
                return Ok((page.news, true));
            }
        }
        Ok((page.news, false))
    }

    /// What changed in these chats since the revs beside them, as far as there is room: how many of
    /// them were read, and whether the last of these has more. One that the caller has just left
    /// counts as read.
    async fn go_on(
        &self,
        caller: &Caller,
        chats: &[(ChatId, u64)],
        page: &mut Page,
    ) -> Result<(usize, bool)> {
        let fit = page.room.rows_left();
        let found = self.shared.ports.store.changes_in(caller.user, chats, fit).await?;
        let (mut read, mut rows) = (0, Vec::new());
        for (changes, (_, held)) in found.into_iter().zip(chats) {
            if page.room.is_full() {
                break;
            }
            read += 1;
            let Some(mut changes) = changes else { continue };
            page.room.fit(&mut changes, *held);
            let more = changes.more;
            rows.push(changes);
            if more {
                break;
            }
        }
        let more = rows.last().is_some_and(|changes| changes.more);
        let messages = self.named(rows.iter_mut().flat_map(|row| row.rows.drain(..)).collect());
        let mut messages = messages.await.into_iter().peekable();
        for Changes { chat, rev, .. } in rows {
            let of_chat = |(message, _): &(Message, _)| message.chat == chat.id;
            let own = std::iter::from_fn(|| messages.next_if(of_chat)).collect();
            page.news.push(ChatNews { chat, rev, reset: false, messages: own, quiet: Vec::new() });
        }
        Ok((read, more))
    }

    /// The latest of a chat that the client does not hold, or is far behind in, unless the caller
    /// has just left it.
    async fn begin(
        &self,
        caller: &Caller,
        Followed { chat, head_rev, .. }: &Followed,
        held: bool,
        latest: u32,
        page: &mut Page,
    ) -> Result<()> {
        let room = &mut page.room;
        let found = self.shared.ports.store.changes(*chat, caller.user, *head_rev, 1).await?;
        let Some(Changes { chat, .. }) = found else { return Ok(()) };
        let limit = latest.min(PAGE).min(room.rows);
        let Some(mut news) = self.afresh(caller, chat, limit, held).await? else { return Ok(()) };
        // The older ones are read when somebody looks at them.
        let fit = room.fits(news.messages.iter().rev().map(|(message, _)| message));
        news.messages.drain(..news.messages.len() - fit);
        news.quiet = self.quiet_before(caller, &news).await?;
        room.bytes = room.bytes.saturating_sub(SEQ_COST * news.quiet.len());
        if news.messages.is_empty() {
            room.take(ROW_COST);
        }
        page.news.push(news);
        Ok(())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::ObjectId;

    const OURS: Incarnation = Incarnation(ObjectId([1; 12]));
    const ANOTHER: Incarnation = Incarnation(ObjectId([2; 12]));

    fn have(incarnation: Option<Incarnation>, inbox: u64, chats: u8) -> Have {
        let chats = (0..chats).map(|n| (ChatId(ObjectId([n; 12])), 7)).collect();
        Have { incarnation, inbox, chats, latest: 0 }
    }

    #[test]
    fn only_what_is_of_this_incarnation_is_gone_on_with() {
        let old_client = marked(OURS, 7);
        for (what, goes_on) in [
            (have(Some(OURS), marked(OURS, 7), 1), true),
            (have(Some(ANOTHER), marked(ANOTHER, 7), 1), false),
            (have(Some(ANOTHER), 0, 0), false),
            (have(None, 0, 0), true),
            (have(None, old_client, 1), true),
            (have(None, marked(ANOTHER, 7), 1), false),
            (have(None, 7, 1), false),
            (have(None, 7, 0), false),
            (have(None, 0, 1), false),
        ] {
            assert_eq!(what.is_of(OURS), goes_on, "{what:?}");
        }
    }

    #[test]
    fn a_marked_inbox_keeps_its_rev_and_is_counted_exactly_by_every_client() {
        for byte in [0, 1, 127, 255] {
            for rev in [0, 1, (1 << REV_BITS) - 1] {
                let inbox = marked(Incarnation(ObjectId([byte; 12])), rev);
                assert_eq!(have(None, inbox, 0).rev(), rev);
                assert!((1 << REV_BITS..1 << 53).contains(&inbox));
            }
        }
    }
}
