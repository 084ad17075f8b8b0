//! Messages: the end of a chat, and pages of what is in it.
//!
//! A page is read in three steps: the chat with everything written up to its version, then the
//! viewer's member row, then rows up to the chat's head. A row that changed since is still right to
//! show if the viewer's standing is the same after reading as before; else all is read again.

use std::collections::HashMap;
use std::future::Future;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, KEYS};
use super::alter::{alter, hide};
use super::chat_verbs::AT_ONCE;
use super::commit::{ATTEMPTS, Ground, Left, Looked, overtaken};
use super::content;
use super::counts::RANGES;
use super::members::{self, Seat};
use super::rows::{Row, ToBson, int, seat};
use super::tables::{Table, log_of};
use crate::clock::Time;
use crate::error::{Error, Result, text};
use crate::id::{ChatId, FileId, UserId};
use crate::model::chats::{Chat, Member};
use crate::model::excerpt::Excerpt;
use crate::model::messages::{Message, MessageChange, NewMessage, PAGE, PINS, Window};
use crate::store::{Appended, Changed, Changes, Look, Looking, Messages, Pending};

/// What a viewer sees of a chat.
pub(super) struct View {
    pub(super) ground: Ground,
    seat: Option<Seat>,
    from_seq: u64,
    hidden: Vec<Bson>,
}

impl View {
    fn chat(&self) -> &Chat {
        &self.ground.chat
    }

    fn log(&self) -> Table {
        log_of(self.ground.chat.kind)
    }

    /// Rows between two seqs, both included, as far as the viewer sees them.
    fn rows(&self, first: u64, last: u64) -> Document {
        let mut seq = doc! {
            "$gte": int(first.max(self.from_seq)),
            "$lte": int(last.min(self.chat().head_seq)),
        };
        if !self.hidden.is_empty() {
            seq.insert("$nin", self.hidden.clone());
        }
        doc! { "target_id": self.chat().id.bson(), "seq": seq }
    }

    /// Rows with a rev above this one, up to the chat's head, as far as the viewer sees them.
    fn changed_after(&self, after: u64) -> Document {
        // Who sees all of them needs no bound of the seqs beside that of the revs.
        let mut filter = if self.from_seq <= 1 && self.hidden.is_empty() {
            doc! { "target_id": self.chat().id.bson() }
        } else {
            self.rows(1, u64::MAX)
        };
        filter.insert("rev", doc! { "$gt": int(after), "$lte": int(self.chat().head_rev) });
        filter
    }
}

/// A query of rows without their earlier texts.
fn rows_in(log: Table, filter: Document) -> Find {
    Find::new(log, filter).fields(doc! { "edits": 0, "alerts": 0 })
}

fn rows_of(view: &View, filter: Document) -> Find {
    rows_in(view.log(), filter)
}

/// The view of an active member who hid these seqs.
fn view_without(ground: Ground, seat: Seat, hidden: Vec<u64>) -> View {
    let from_seq = seat.member.visible_from(&ground.chat);
    let hidden = hidden.into_iter().map(|seq| int(seq).into()).collect();
    View { ground, seat: Some(seat), from_seq, hidden }
}

/// How many of these views are read at once: so many of the first as have at most `limit` changed
/// rows together after the revs beside them, one at least.
fn fitting(views: &[(Option<View>, u64)], limit: u32) -> usize {
    let mut left = u64::from(limit);
    let mut fits = |(view, after): &(Option<View>, u64)| {
        let most = view.as_ref().map_or(0, |view| view.chat().head_rev.saturating_sub(*after));
        left.checked_sub(most).map(|rest| left = rest).is_some()
    };
    views.iter().position(|view| !fits(view)).unwrap_or(views.len()).max(1).min(views.len())
}

impl MongoStore {
    /// A chat and a viewer's row in it; `None` when it is no active member.
    pub(super) async fn view(&self, chat: ChatId, viewer: UserId) -> Result<Option<View>> {
        for _ in 0..ATTEMPTS {
            let Some(ground) = self.commits.ground(chat).await? else { return Ok(None) };
            let Some(seat) = members::active(&self.access, chat, viewer).await? else {
                return Ok(None);
            };
            if seat.v > ground.version {
                continue;
            }
            return self.view_of(ground, seat).await.map(Some);
        }
        Err(overtaken())
    }

    /// A chat, a viewer's row, and a message, all as of one moment. Who then changes the message
    /// finds what was looked at (`alter`).
    async fn look_at(&self, chat: ChatId, viewer: UserId, seq: u64) -> Result<Option<Look>> {
        for _ in 0..ATTEMPTS {
            let Some((ground, mut rows)) = self.chat_and_rows(chat, &[viewer]).await? else {
                return Ok(None);
            };
            let member = rows.first().map(|seat| seat.member.clone());
            let Some(seat) = rows.pop().filter(|seat| seat.member.is_active()) else {
                return Ok(Some(Look { chat: ground.chat, member, message: None }));
            };
            if let Some(look) = self.look_from(ground, seat, seq).await? {
                return Ok(Some(look));
            }
        }
        Err(overtaken())
    }

    /// The same from what this node remembers of the chat, for a change, whose commit finds out
    /// whether it is still so. `None` when that does not do.
    async fn look_from_memory(
        &self,
        chat: ChatId,
        viewer: UserId,
        seq: u64,
    ) -> Result<Option<Look>> {
        let Some(Left { ground, .. }) = self.commits.left(chat) else { return Ok(None) };
        let Some(seat) = members::active(&self.access, chat, viewer).await? else {
            return Ok(None);
        };
        // Whether they see what is older than their membership depends on the chat as it is now.
        if seat.v > ground.version || seq < seat.member.join_seq {
            return Ok(None);
        }
        Ok(self.look_from(ground, seat, seq).await?.filter(|look| look.message.is_some()))
    }

    /// What an active member sees of a message; `None` when their standing changed meanwhile.
    async fn look_from(&self, ground: Ground, seat: Seat, seq: u64) -> Result<Option<Look>> {
        let member = seat.member.clone();
        let view = self.view_of(ground, seat).await?;
        let find = rows_of(&view, view.rows(seq, seq)).limit(1);
        let Some(mut found) = self.documents(&view, find).await? else { return Ok(None) };
        let document = found.pop();
        let message = document.as_ref().map(content::read).transpose()?;
        // An edited one was read without its earlier texts.
        let is_whole = message.as_ref().is_some_and(|message| message.edited.is_none());
        let whole = document.filter(|_| is_whole).map(|document| (seq, document));
        let ground = view.ground;
        let chat = ground.chat.clone();
        let looked = Looked { ground, member: member.clone(), message: whole };
        self.commits.note_looked(member.user, looked);
        Ok(Some(Look { chat, member: Some(member), message }))
    }

    async fn view_of(&self, ground: Ground, seat: Seat) -> Result<View> {
        let chat = ground.chat.id;
        let mut hidden = match seat.hides {
            true => self.hidden_of(seat.member.user, &[(chat, 0)]).await?,
            false => HashMap::new(),
        };
        Ok(view_without(ground, seat, hidden.remove(&chat).unwrap_or_default()))
    }

    async fn view_of_all(&self, chat: ChatId) -> Result<View> {
        let ground = self.commits.ground(chat).await?;
        let ground = ground.ok_or_else(|| Error::not_found(text::NO_CHAT))?;
        Ok(View { ground, seat: None, from_seq: 1, hidden: Vec::new() })
    }

    /// Rows of a view; `None` when the viewer's standing changed while they were read.
    async fn rows(&self, view: &View, find: Find) -> Result<Option<Vec<Message>>> {
        let found = self.documents(view, find).await?;
        found.map(|found| found.iter().map(content::read).collect()).transpose()
    }

    async fn documents(&self, view: &View, find: Find) -> Result<Option<Vec<Document>>> {
        let (found, mut is_newer) = (self.access.find(find).await?, false);
        for row in &found {
            is_newer |= Row(row).count("rev")? > view.chat().head_rev;
        }
        if let Some(seat) = &view.seat
            && is_newer
        {
            let now = members::one(&self.access, seat.member.chat, seat.member.user).await?;
            if now.is_none_or(|now| now.v != seat.v) {
                return Ok(None);
            }
        }
        Ok(Some(found))
    }

    /// Reads through a viewer's eyes, again when its standing changed meanwhile.
    async fn seen<T, F, Fut>(&self, chat: ChatId, viewer: UserId, read: F) -> Result<Option<T>>
    where
        F: Fn(View) -> Fut + Send,
        Fut: Future<Output = Result<Option<T>>> + Send,
    {
        for _ in 0..ATTEMPTS {
            let Some(view) = self.view(chat, viewer).await? else { return Ok(None) };
            if let Some(read) = read(view).await? {
                return Ok(Some(read));
            }
        }
        Err(overtaken())
    }

    /// Whether a viewer may see a message with a file in a chat.
    pub(super) async fn shows(&self, chat: ChatId, viewer: UserId, file: FileId) -> Result<bool> {
        let shown = self.seen(chat, viewer, |view| async move {
            let mut filter = view.rows(1, u64::MAX);
            filter.insert("attachments.file", file.bson());
            let rows = self.rows(&view, rows_of(&view, filter).limit(1)).await?;
            Ok(rows.map(|rows| !rows.is_empty()))
        });
        Ok(shown.await?.unwrap_or(false))
    }

    async fn window(
        &self,
        view: &View,
        window: Window,
        limit: u32,
    ) -> Result<Option<Vec<Message>>> {
        let limit = limit.min(PAGE);
        if limit == 0 {
            return Ok(Some(Vec::new()));
        }
        // There is a row for each seq, so the page lies within so many, and nothing beyond is read.
        let span = u64::from(limit) + view.hidden.len() as u64;
        let (filter, order) = match window {
            Window::After(seq) => {
                let first = seq.saturating_add(1).max(view.from_seq);
                (view.rows(first, first.saturating_add(span)), 1)
            }
            Window::Before(Some(0)) => return Ok(Some(Vec::new())),
            Window::Before(end) => {
                let last = end.map_or(u64::MAX, |end| end - 1).min(view.chat().head_seq);
                (view.rows(last.saturating_sub(span), last), -1)
            }
        };
        let find = rows_of(view, filter).sort(doc! { "target_id": order, "seq": order });
        let rows = self.rows(view, find.limit(limit)).await?;
        Ok(rows.map(|mut rows| {
            if order < 0 {
                rows.reverse();
            }
            rows
        }))
    }

    async fn changed(&self, view: &View, after: u64, limit: u32) -> Result<Option<Changes>> {
        let chat = view.chat().clone();
        if after >= chat.head_rev || view.from_seq > chat.head_seq {
            let rev = chat.head_rev;
            return Ok(Some(Changes { chat, rows: Vec::new(), rev, more: false }));
        }
        let limit = limit.clamp(1, PAGE);
        // Nothing before the birth of the first row in sight can concern a row in sight.
        let after = after.max(self.born(view).await?.saturating_sub(1));
        let filter = view.changed_after(after);
        let order = doc! { "target_id": 1, "rev": 1 };
        let find = rows_of(view, filter).sort(order.clone()).through(order);
        let Some(mut rows) = self.rows(view, find.limit(limit + 1)).await? else {
            return Ok(None);
        };
        let more = rows.len() > limit as usize;
        rows.truncate(limit as usize);
        let rev = match rows.last() {
            Some(last) if more => last.rev,
            _ => chat.head_rev,
        };
        Ok(Some(Changes { chat, rows, rev, more }))
    }

    /// The rev with which the first row in sight came; 0 when that is the first of all.
    async fn born(&self, view: &View) -> Result<u64> {
        if view.from_seq <= 1 {
            return Ok(0);
        }
        let filter = doc! { "target_id": view.chat().id.bson(), "seq": int(view.from_seq) };
        let find = Find::new(view.log(), filter).fields(doc! { "born": 1 });
        self.access.first(find).await?.map_or(Ok(0), |row| Row(&row).count("born"))
    }

    /// What a user hid in each of these chats with an inbox rev above the one beside it, ascending;
    /// chats where that is nothing are left out.
    pub(super) async fn hidden_of(
        &self,
        user: UserId,
        chats: &[(ChatId, u64)],
    ) -> Result<HashMap<ChatId, Vec<u64>>> {
        let mut hidden: HashMap<ChatId, Vec<u64>> = HashMap::new();
        for some in chats.chunks(KEYS) {
            let after: HashMap<ChatId, u64> = some.iter().copied().collect();
            let least = after.values().copied().min().unwrap_or_default();
            let ids: Vec<Bson> = some.iter().map(|(chat, _)| chat.bson()).collect();
            let filter = doc! {
                "chat": { "$in": ids }, "user": user.bson(), "rev": { "$gt": int(least) },
            };
            let order = doc! { "chat": 1, "user": 1, "seq": 1 };
            for document in self.access.find(Find::new(Table::Hidden, filter).sort(order)).await? {
                let row = Row(&document);
                let (chat, rev) = (row.chat("chat")?, row.count("rev")?);
                if after.get(&chat).is_some_and(|after| rev > *after) {
                    hidden.entry(chat).or_default().push(row.count("seq")?);
                }
            }
        }
        Ok(hidden)
    }

    /// The views of a viewer in several chats, in few queries, each with its chat; those in which
    /// they are no active member are left out.
    async fn views(&self, viewer: UserId, chats: &[ChatId]) -> Result<HashMap<ChatId, View>> {
        let mut grounds = self.grounds_of(chats).await?;
        let keys: Vec<Bson> = chats.iter().map(|chat| seat(*chat, viewer).into()).collect();
        let mut seats = Vec::with_capacity(chats.len());
        for some in keys.chunks(KEYS) {
            let filter = doc! { "_id": { "$in": some.to_vec() } };
            for document in self.access.find(Find::new(Table::Members, filter)).await? {
                seats.push(members::read(&document)?);
            }
        }
        let hiding = seats.iter().filter(|seat| seat.hides).map(|seat| (seat.member.chat, 0));
        let mut hidden = self.hidden_of(viewer, &hiding.collect::<Vec<_>>()).await?;
        let mut views = HashMap::new();
        for seat in seats {
            let chat = seat.member.chat;
            let Some(ground) = grounds.remove(&chat) else { continue };
            let fits = seat.member.is_active() && !seat.dirty && seat.v <= ground.version;
            let view = if fits {
                Some(view_without(ground, seat, hidden.remove(&chat).unwrap_or_default()))
            } else {
                self.view(chat, viewer).await?
            };
            views.extend(view.map(|view| (chat, view)));
        }
        Ok(views)
    }

    /// What changed in several chats, as far as `limit` rows go. What a row has become since the
    /// chat was read is left to the next time, so the rows are as of that moment.
    async fn changed_in(
        &self,
        viewer: UserId,
        chats: &[(ChatId, u64)],
        limit: u32,
    ) -> Result<Vec<Option<Changes>>> {
        let ids: Vec<ChatId> = chats.iter().map(|(chat, _)| *chat).collect();
        let mut views = self.views(viewer, &ids).await?;
        let mut views: Vec<(Option<View>, u64)> =
            chats.iter().map(|(chat, after)| (views.remove(chat), *after)).collect();
        views.truncate(fitting(&views, limit));
        if let [(Some(view), after)] = views.as_slice() {
            let (chat, after) = (view.chat().id, *after);
            return Ok(vec![self.changes(chat, viewer, after, limit).await?]);
        }
        let mut rows: HashMap<ChatId, Vec<Message>> = HashMap::new();
        for row in self.changed_rows(&views).await? {
            rows.entry(row.chat).or_default().push(row);
        }
        let changes = |(view, _): (Option<View>, u64)| {
            let chat = view?.ground.chat;
            let mut rows = rows.remove(&chat.id).unwrap_or_default();
            rows.sort_unstable_by_key(|row| row.rev);
            let rev = chat.head_rev;
            Some(Changes { chat, rows, rev, more: false })
        };
        Ok(views.into_iter().map(changes).collect())
    }

    /// The rows of these views with a rev above the one beside it.
    async fn changed_rows(&self, views: &[(Option<View>, u64)]) -> Result<Vec<Message>> {
        let behind = |(view, after): &(Option<View>, u64)| {
            let view = view.as_ref()?;
            (view.chat().head_rev > *after && view.from_seq <= view.chat().head_seq)
                .then(|| (view.log(), view.changed_after(*after)))
        };
        self.rows_of_places(views.iter().filter_map(behind)).await
    }

    /// The last row of each view's chat where it is in sight.
    async fn last_rows(&self, views: &HashMap<ChatId, View>) -> Result<HashMap<ChatId, Message>> {
        let last = |view: &View| {
            let head = view.chat().head_seq;
            (head >= view.from_seq).then(|| (view.log(), view.rows(head, head)))
        };
        let rows = self.rows_of_places(views.values().filter_map(last)).await?;
        Ok(rows.into_iter().map(|row| (row.chat, row)).collect())
    }

    /// The rows in these places of the logs, in few queries.
    async fn rows_of_places(
        &self,
        places: impl Iterator<Item = (Table, Document)>,
    ) -> Result<Vec<Message>> {
        let (direct, group): (Vec<_>, Vec<_>) =
            places.partition(|(log, _)| *log == Table::PrivateLog);
        let mut rows = Vec::new();
        for places in [direct, group] {
            for some in places.chunks(RANGES) {
                let Some((log, _)) = some.first() else { continue };
                let filters: Vec<Document> = some.iter().map(|place| place.1.clone()).collect();
                let find = rows_in(*log, doc! { "$or": filters });
                for document in self.access.find(find).await? {
                    rows.push(content::read(&document)?);
                }
            }
        }
        Ok(rows)
    }

    async fn last_in_sight(&self, view: View, viewer: UserId) -> Result<Option<Message>> {
        let found = match self.window(&view, Window::Before(None), 1).await? {
            Some(page) => Some(page),
            None => {
                let chat = view.chat().id;
                self.history(chat, viewer, Window::Before(None), 1).await?
            }
        };
        Ok(found.and_then(|mut page| page.pop()))
    }
}

#[async_trait]
impl Messages for MongoStore {
    async fn append(&self, new: NewMessage) -> Result<Pending<Appended>> {
        new.check_peers()?;
        self.lanes.append(new).await
    }

    async fn change(
        &self,
        chat: ChatId,
        seq: u64,
        by: UserId,
        change: MessageChange,
    ) -> Result<Changed> {
        alter(self, chat, seq, by, &change).await
    }

    async fn look(
        &self,
        chat: ChatId,
        viewer: UserId,
        seq: u64,
        looking: Looking,
    ) -> Result<Option<Look>> {
        if looking == Looking::ToChange
            && let Some(look) = self.look_from_memory(chat, viewer, seq).await?
        {
            return Ok(Some(look));
        }
        self.look_at(chat, viewer, seq).await
    }

    async fn excerpt(
        &self,
        chat: ChatId,
        viewer: UserId,
        window: Window,
        limit: u32,
    ) -> Result<Option<Excerpt>> {
        let rows = |view| async move { self.window(&view, window, limit).await };
        let rows = self.seen(chat, viewer, rows).await?;
        Ok(rows.map(|rows| Excerpt::of(chat, rows)))
    }

    async fn latest(&self, viewer: UserId, chats: &[ChatId]) -> Result<Vec<Message>> {
        let views = self.views(viewer, chats).await?;
        let mut last = self.last_rows(&views).await?;
        let mut slow = Vec::new();
        for (chat, view) in views {
            let row = last.get(&chat);
            if row.is_none_or(|row| row.rev > view.chat().head_rev) {
                last.remove(&chat);
                slow.push(self.last_in_sight(view, viewer));
            }
        }
        let found: Vec<Option<Message>> =
            stream::iter(slow).buffered(AT_ONCE).try_collect().await?;
        last.extend(found.into_iter().flatten().map(|message| (message.chat, message)));
        Ok(chats.iter().filter_map(|chat| last.remove(chat)).collect())
    }

    async fn changes(
        &self,
        chat: ChatId,
        viewer: UserId,
        after: u64,
        limit: u32,
    ) -> Result<Option<Changes>> {
        self.seen(chat, viewer, |view| async move { self.changed(&view, after, limit).await }).await
    }

    async fn changes_in(
        &self,
        viewer: UserId,
        chats: &[(ChatId, u64)],
        limit: u32,
    ) -> Result<Vec<Option<Changes>>> {
        self.changed_in(viewer, chats, limit).await
    }

    async fn changes_for_all(&self, chat: ChatId, after: u64, limit: u32) -> Result<Changes> {
        let view = self.view_of_all(chat).await?;
        self.changed(&view, after, limit).await?.ok_or_else(overtaken)
    }

    async fn pinned(&self, chat: ChatId, viewer: UserId) -> Result<Option<Vec<Message>>> {
        self.seen(chat, viewer, |view| async move {
            let mut filter = view.rows(1, u64::MAX);
            filter.insert("pinned.at", doc! { "$exists": true });
            let order = doc! { "target_id": 1, "pinned.at": -1, "seq": -1 };
            self.rows(&view, rows_of(&view, filter).sort(order).limit(PINS)).await
        })
        .await
    }

    async fn reactors(
        &self,
        chat: ChatId,
        seq: u64,
        emoji: &str,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<UserId>> {
        self.commits.ground(chat).await?;
        let mut filter = doc! { "chat": chat.bson(), "seq": int(seq), "emoji": emoji, "on": true };
        if let Some(after) = after {
            filter.insert("user", doc! { "$gt": after.bson() });
        }
        if limit == 0 {
            return Ok(Vec::new());
        }
        let find = Find::new(Table::Reactions, filter).sort(doc! { "user": 1 }).limit(limit);
        let found = self.access.find(find).await?;
        found.iter().map(|row| Row(row).user("user")).collect()
    }

    async fn edits(&self, chat: ChatId, seq: u64) -> Result<Vec<(Time, String)>> {
        let Some(ground) = self.commits.ground(chat).await? else { return Ok(Vec::new()) };
        let filter = doc! { "target_id": chat.bson(), "seq": int(seq) };
        let find = Find::new(log_of(ground.chat.kind), filter).fields(doc! { "edits": 1 });
        let Some(document) = self.access.first(find).await? else { return Ok(Vec::new()) };
        let edits = Row(&document).rows("edits")?;
        edits.into_iter().map(|edit| Ok((edit.time("until")?, edit.text("body")?))).collect()
    }

    async fn hide(&self, chat: ChatId, user: UserId, seqs: &[u64]) -> Result<Option<Member>> {
        hide(self, chat, user, seqs).await
    }

    async fn hidden(&self, user: UserId, chats: &[(ChatId, u64)]) -> Result<Vec<Vec<u64>>> {
        let mut hidden = self.hidden_of(user, chats).await?;
        Ok(chats.iter().map(|(chat, _)| hidden.remove(chat).unwrap_or_default()).collect())
    }
}
