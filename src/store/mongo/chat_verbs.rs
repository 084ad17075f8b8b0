//! Chats, their members, and invitation links: the verbs of the contract.

use std::collections::{BTreeMap, HashMap};

use async_trait::async_trait;
use mongodb::bson::{Bson, Document, doc};

use super::MongoStore;
use super::access::{Find, KEYS};
use super::commit::{ATTEMPTS, Ground, Plan, chat_by_id, overtaken};
use super::invites;
use super::members::{self, Seat, seat_peers};
use super::redo::Redo;
use super::rows::{Row, ToBson, int, seat};
use super::steps;
use super::tables::{Table, chats_of};
use super::turns::Turn;
use super::users::deleted_of;
use crate::clock::Time;
use crate::error::Result;
use crate::id::{ChatId, MessageId, UserId};
use crate::model::chats::{
    Chat, ChatKind, Followed, InboxRow, Invite, Member, MemberChange, MemberState, Role,
};
use crate::model::messages::SystemEvent;
use crate::store::decide::list::Entry;
use crate::store::{
    Asked, Chats, Cursor, Founded, GroupStep, Inbox, InvitePut, JoinAsk, ListPart, Progress,
    Stepped, decide,
};

/// At most this many queries of one verb at once.
pub(super) const AT_ONCE: usize = 16;

impl MongoStore {
    /// Several chats by id, each with everything written that belongs to it; whether something had
    /// to be written for it.
    pub(super) async fn grounds(
        &self,
        groups: &[ChatId],
        directs: &[ChatId],
    ) -> Result<(HashMap<ChatId, Ground>, bool)> {
        let (groups, directs) = tokio::try_join!(
            self.chat_documents(ChatKind::Group, groups),
            self.chat_documents(ChatKind::Direct, directs)
        )?;
        let (mut found, mut wrote) = (HashMap::new(), false);
        for document in groups.into_iter().chain(directs) {
            wrote |= self.commits.is_unwritten(&document)?;
            let ground = self.commits.settled(&document).await?;
            self.commits.note_kind(ground.chat.id, ground.chat.kind);
            found.insert(ground.chat.id, ground);
        }
        Ok((found, wrote))
    }

    /// The same for chats of either kind.
    pub(super) async fn grounds_of(&self, chats: &[ChatId]) -> Result<HashMap<ChatId, Ground>> {
        let may_be = |kind: ChatKind| {
            let fits = |chat: &&ChatId| self.commits.kind(**chat).is_none_or(|known| known == kind);
            chats.iter().filter(fits).copied().collect::<Vec<_>>()
        };
        Ok(self.grounds(&may_be(ChatKind::Group), &may_be(ChatKind::Direct)).await?.0)
    }

    async fn chat_documents(&self, kind: ChatKind, ids: &[ChatId]) -> Result<Vec<Document>> {
        let mut found = Vec::new();
        for keys in ids.chunks(KEYS) {
            let filter = doc! { "_id": { "$in": keys.bson() } };
            found.extend(self.access.find(chat_by_id(chats_of(kind), filter)).await?);
        }
        Ok(found)
    }

    /// Member rows with their chats. `again` reads the rows once more when a chat had something
    /// left to be written, since that may be one of them.
    async fn with_chats(&self, rows: Vec<Seat>, again: &Find) -> Result<Vec<InboxRow>> {
        let ids = |kind| {
            let of_kind = rows.iter().filter(|seat| seat.kind == kind);
            of_kind.map(|seat| seat.member.chat).collect::<Vec<_>>()
        };
        let (groups, directs) = (ids(ChatKind::Group), ids(ChatKind::Direct));
        let (found, wrote) = self.grounds(&groups, &directs).await?;
        let rows = if wrote { self.seats(again).await? } else { rows };
        let with_chat = |seat: Seat| {
            let chat = found.get(&seat.member.chat)?.chat.clone();
            Some(InboxRow { chat, member: seat.member })
        };
        Ok(rows.into_iter().filter_map(with_chat).collect())
    }

    async fn active_rows(&self, user: UserId) -> Result<Vec<InboxRow>> {
        let filter = doc! { "user": user.bson(), "state": MemberState::Active.bson() };
        let find = Find::new(Table::Members, filter);
        let rows = self.seats(&find).await?;
        self.with_chats(rows, &find).await
    }

    /// What decides about the places of these chats, all of one kind, each pinned or not.
    async fn ranked(&self, kind: ChatKind, pinned: &HashMap<ChatId, bool>) -> Result<Vec<Entry>> {
        let ids: Vec<ChatId> = pinned.keys().copied().collect();
        let mut found = Vec::with_capacity(ids.len());
        for keys in ids.chunks(KEYS) {
            let filter = doc! { "_id": { "$in": keys.bson() } };
            let find = Find::new(chats_of(kind), filter)
                .fields(doc! { "head_seq": 1, "created_at": 1, "active_at": 1 });
            for document in self.access.find(find).await? {
                let row = Row(&document);
                let chat = row.chat("_id")?;
                found.push(Entry {
                    chat,
                    kind,
                    pinned: pinned.get(&chat).copied().unwrap_or_default(),
                    head_seq: row.count("head_seq")?,
                    created: row.time("created_at")?,
                    active_at: row.time("active_at")?,
                });
            }
        }
        Ok(found)
    }

    /// The ids of a part of a user's list of chats, in its order: a few fields of all of them.
    async fn order(&self, user: UserId, now: Time, part: ListPart) -> Result<Vec<ChatId>> {
        let filter = doc! { "user": user.bson(), "state": MemberState::Active.bson() };
        let find =
            Find::new(Table::Members, filter).fields(doc! { "chat": 1, "kind": 1, "pinned": 1 });
        let (mut groups, mut directs) = (HashMap::new(), HashMap::new());
        for document in self.access.find(find).await? {
            let row = Row(&document);
            let of_kind = match row.named("kind")? {
                ChatKind::Group => &mut groups,
                ChatKind::Direct => &mut directs,
            };
            of_kind.insert(row.chat("chat")?, row.flag("pinned")?);
        }
        let (mut entries, others) = tokio::try_join!(
            self.ranked(ChatKind::Group, &groups),
            self.ranked(ChatKind::Direct, &directs)
        )?;
        entries.extend(others);
        entries.retain(Entry::is_shown);
        entries.sort_by_cached_key(|entry| entry.rank(now));
        Ok(entries.iter().skip(part.skip).take(part.limit).map(|entry| entry.chat).collect())
    }

    async fn list_part(&self, user: UserId, now: Time, part: ListPart) -> Result<Vec<InboxRow>> {
        for _ in 0..ATTEMPTS {
            let order = self.order(user, now, part).await?;
            let keys: Vec<Bson> = order.iter().map(|chat| seat(*chat, user).into()).collect();
            let find = Find::new(Table::Members, doc! { "_id": { "$in": keys } });
            let rows = self.seats(&find).await?;
            if rows.iter().any(|seat| seat.dirty) {
                members::number_inbox(&self.access, user).await?;
                continue;
            }
            let rows = self.with_chats(rows, &find).await?;
            let mut rows: HashMap<ChatId, InboxRow> = rows
                .into_iter()
                .filter(|row| row.member.is_active())
                .map(|row| (row.chat.id, row))
                .collect();
            let ordered: Vec<_> = order.iter().filter_map(|chat| rows.remove(chat)).collect();
            // Somebody who was just removed from one of these chats is shown the next one instead.
            if ordered.len() == order.len() {
                return Ok(ordered);
            }
        }
        Err(overtaken())
    }

    async fn seats(&self, find: &Find) -> Result<Vec<Seat>> {
        self.access.find(find.clone()).await?.iter().map(members::read).collect()
    }

    async fn inbox_page(&self, user: UserId, after: u64, limit: u32) -> Result<Inbox> {
        for _ in 0..ATTEMPTS {
            let inbox = self.access.one(Table::Inboxes, doc! { "_id": user.bson() }).await?;
            let rev = inbox.map_or(Ok(0), |inbox| Row(&inbox).count("rev"))?;
            if members::number_inbox(&self.access, user).await? {
                continue;
            }
            let filter =
                doc! { "user": user.bson(), "rev": { "$gt": int(after), "$lte": int(rev) } };
            let find = Find::new(Table::Members, filter)
                .sort(doc! { "rev": 1 })
                .limit(limit.saturating_add(1));
            let mut rows = self.seats(&find).await?;
            let more = rows.len() > limit as usize;
            rows.truncate(limit as usize);
            let again = find.limit(limit);
            let rows = self.with_chats(rows, &again).await?;
            return Ok(Inbox { rev, rows, more });
        }
        Err(overtaken())
    }

    /// Member rows of a chat in one state, in the order of their user ids, numbered.
    pub(super) async fn members_in(
        &self,
        chat: ChatId,
        state: MemberState,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Member>> {
        if self.commits.ground(chat).await?.is_none() || limit == 0 {
            return Ok(Vec::new());
        }
        let mut filter = doc! { "chat": chat.bson(), "state": state.bson() };
        if let Some(after) = after {
            filter.insert("user", doc! { "$gt": after.bson() });
        }
        let find = Find::new(Table::Members, filter)
            .sort(doc! { "user": 1 })
            .limit(limit.min(i32::MAX as u32));
        let mut rows = self.seats(&find).await?;
        let dirty: Vec<_> =
            rows.iter().filter(|seat| seat.dirty).map(|seat| seat.member.user).collect();
        if !dirty.is_empty() {
            members::number_all(&self.access, chat, &dirty).await?;
            rows = self.seats(&find).await?;
        }
        Ok(rows.into_iter().map(|seat| seat.member).collect())
    }

    /// A chat and rows of it that are no newer than it, in the order of these users.
    pub(super) async fn chat_and_rows(
        &self,
        chat: ChatId,
        users: &[UserId],
    ) -> Result<Option<(Ground, Vec<Seat>)>> {
        for _ in 0..ATTEMPTS {
            let Some(ground) = self.commits.ground(chat).await? else { return Ok(None) };
            let mut found = members::find(&self.access, chat, users).await?;
            if found.iter().any(|seat| seat.v > ground.version) {
                continue;
            }
            if found.iter().any(|seat| seat.dirty) {
                members::number_all(&self.access, chat, users).await?;
                found = members::find(&self.access, chat, users).await?;
            }
            let row = |user: &UserId| found.iter().find(|seat| seat.member.user == *user).cloned();
            return Ok(Some((ground, users.iter().filter_map(row).collect())));
        }
        Err(overtaken())
    }

    /// The head of a chat; 0 when there is none.
    async fn head(&self, chat: ChatId) -> Result<u64> {
        Ok(self.commits.ground(chat).await?.map_or(0, |ground| ground.chat.head_seq))
    }

    /// The direct chat of two people; while it holds nothing, `only` one of them becomes a member,
    /// or both.
    async fn direct(
        &self,
        peers: (UserId, UserId),
        only: Option<UserId>,
        at: Time,
    ) -> Result<Option<Chat>> {
        let chat = Chat::direct(peers, at);
        let mut seated = chat.people();
        seated.retain(|user| only.is_none_or(|one| one == *user));
        let mut redo = Redo::new();
        seat_peers(&mut redo, &chat, &seated, |_| 0);
        let mut turn = Turn::of(&self.commits, chat.id).await;
        for _ in 0..ATTEMPTS {
            let version = match self.commits.ground_in_turn(chat.id).await? {
                Some(known) if known.chat.head_seq > 0 => return Ok(Some(known.chat)),
                Some(known) => {
                    let there = members::find(&self.access, chat.id, &seated).await?;
                    if there.len() == seated.len() {
                        return Ok(Some(known.chat));
                    }
                    let mut redo = Redo::new();
                    seat_peers(&mut redo, &chat, &seated, |_| 0);
                    let plan = Plan { fields: Document::new(), redo };
                    turn.commit(&known, plan).await?
                }
                None if !deleted_of(&self.access, &[peers.0, peers.1]).await?.is_empty() => {
                    return Ok(None);
                }
                None => self.commits.create(&chat, &redo).await?.then_some(1),
            };
            if let Some(version) = version {
                members::number_all(&self.access, chat.id, &seated).await?;
                self.commits.clear_later(chat.id, chat.kind, version);
                return Ok(Some(chat));
            }
            turn.wait().await?;
        }
        Err(overtaken())
    }

    /// Who of these people is in a group that the user is in too.
    async fn in_groups_of(&self, user: UserId, among: &[UserId]) -> Result<Vec<UserId>> {
        let filter = doc! {
            "user": { "$in": among.bson() },
            "state": MemberState::Active.bson(),
            "kind": ChatKind::Group.bson(),
        };
        let find = Find::new(Table::Members, filter).fields(doc! { "user": 1, "chat": 1 });
        let mut in_group: HashMap<ChatId, Vec<UserId>> = HashMap::new();
        for row in self.access.find(find).await? {
            in_group.entry(Row(&row).chat("chat")?).or_default().push(Row(&row).user("user")?);
        }
        let keys: Vec<Bson> = in_group.keys().map(|chat| seat(*chat, user).into()).collect();
        let mut found = Vec::new();
        for some in keys.chunks(KEYS) {
            let filter =
                doc! { "_id": { "$in": some.to_vec() }, "state": MemberState::Active.bson() };
            let find = Find::new(Table::Members, filter).fields(doc! { "chat": 1 });
            for row in self.access.find(find).await? {
                found.extend(in_group.remove(&Row(&row).chat("chat")?).unwrap_or_default());
            }
        }
        Ok(found)
    }
}

#[async_trait]
impl Chats for MongoStore {
    async fn create_group(
        &self,
        chat: &Chat,
        members: &[(UserId, Role)],
        terms: Vec<String>,
        message: MessageId,
        event: SystemEvent,
    ) -> Result<Founded> {
        steps::create_group(self, chat.clone(), members, &terms, message, event).await
    }

    async fn open_direct(
        &self,
        peers: (UserId, UserId),
        only: Option<UserId>,
        at: Time,
    ) -> Result<Option<Chat>> {
        self.direct(peers, only, at).await
    }

    async fn step(&self, step: GroupStep) -> Result<Stepped> {
        steps::step(self, step).await
    }

    async fn chat(&self, chat: ChatId, users: &[UserId]) -> Result<Option<(Chat, Vec<Member>)>> {
        let found = self.chat_and_rows(chat, users).await?;
        let rows = |rows: Vec<Seat>| rows.into_iter().map(|seat| seat.member).collect();
        Ok(found.map(|(ground, seats)| (ground.chat, rows(seats))))
    }

    async fn chats(&self, chats: &[ChatId]) -> Result<Vec<Chat>> {
        let mut found = self.grounds_of(chats).await?;
        let known = chats.iter().filter_map(|chat| Some(found.remove(chat)?.chat));
        Ok(known.collect())
    }

    async fn members(
        &self,
        chat: ChatId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<Member>> {
        self.members_in(chat, MemberState::Active, after, limit).await
    }

    async fn banned(&self, chat: ChatId) -> Result<Vec<Member>> {
        self.members_in(chat, MemberState::Banned, None, u32::MAX).await
    }

    async fn requests(&self, chat: ChatId) -> Result<Vec<Member>> {
        self.members_in(chat, MemberState::Requested, None, u32::MAX).await
    }

    async fn ask_in(&self, ask: JoinAsk) -> Result<Asked> {
        steps::ask_in(self, &ask).await
    }

    async fn admins(&self, chat: ChatId, limit: u32) -> Result<Option<(u64, Vec<UserId>)>> {
        let Some(ground) = self.commits.ground(chat).await? else { return Ok(None) };
        let filter = doc! {
            "chat": chat.bson(), "state": MemberState::Active.bson(), "role": Role::Admin.bson(),
        };
        let find = Find::new(Table::Members, filter)
            .sort(doc! { "user": 1 })
            .limit(limit.min(i32::MAX as u32))
            .fields(doc! { "user": 1 });
        let rows = self.access.find(find).await?;
        let admins: Result<Vec<UserId>> = rows.iter().map(|row| Row(row).user("user")).collect();
        let mut admins = admins?;
        admins.extend(ground.chat.owner);
        admins.sort_unstable();
        admins.truncate(limit as usize);
        Ok(Some((ground.chat.head_rev, admins)))
    }

    async fn waiting_for(&self, user: UserId) -> Result<Vec<(ChatId, u64)>> {
        let led = doc! {
            "user": user.bson(),
            "state": MemberState::Active.bson(),
            "role": { "$in": [Role::Admin.bson(), Role::Owner.bson()] },
        };
        let led = Find::new(Table::Members, led).fields(doc! { "chat": 1 });
        let led = self.access.find(led).await?;
        let led: Result<Vec<ChatId>> = led.iter().map(|row| Row(row).chat("chat")).collect();
        let mut waiting: BTreeMap<ChatId, u64> = BTreeMap::new();
        for some in led?.chunks(KEYS) {
            let filter = doc! {
                "chat": { "$in": some.bson() }, "state": MemberState::Requested.bson(),
            };
            let find = Find::new(Table::Members, filter).fields(doc! { "chat": 1 });
            for row in self.access.find(find).await? {
                *waiting.entry(Row(&row).chat("chat")?).or_default() += 1;
            }
        }
        Ok(waiting.into_iter().collect())
    }

    async fn end_request(&self, chat: ChatId, user: UserId) -> Result<Option<Member>> {
        steps::end_request(self, chat, user).await
    }

    async fn inbox(&self, user: UserId, after: u64, limit: u32) -> Result<Inbox> {
        self.inbox_page(user, after, limit).await
    }

    async fn memberships(&self, user: UserId) -> Result<Vec<InboxRow>> {
        members::number_inbox(&self.access, user).await?;
        self.active_rows(user).await
    }

    async fn listed(&self, user: UserId, now: Time, part: ListPart) -> Result<Vec<InboxRow>> {
        self.list_part(user, now, part).await
    }

    async fn followed(&self, user: UserId) -> Result<Vec<Followed>> {
        // Nothing of it is a rev of the inbox, so rows that are yet to be numbered are as good.
        Ok(self.active_rows(user).await?.iter().map(Followed::from).collect())
    }

    async fn acquainted(&self, user: UserId, among: &[UserId]) -> Result<Vec<UserId>> {
        let (mut found, mut rest) = (Vec::new(), Vec::new());
        let directs: Vec<_> = among.iter().map(|other| ChatId::direct(user, *other)).collect();
        let (chats, _) = self.grounds(&[], &directs).await?;
        for &other in among {
            let direct = chats.get(&ChatId::direct(user, other));
            match direct.is_some_and(|ground| ground.chat.head_seq > 0) {
                true => found.push(other),
                false => rest.push(other),
            }
        }
        let apart = self.apart(user, &found).await?;
        found.retain(|other| !apart.contains(other));
        rest.extend(apart);
        if !rest.is_empty() {
            found.extend(self.in_groups_of(user, &rest).await?);
            found.sort_unstable();
            found.dedup();
        }
        Ok(found)
    }

    async fn advance(
        &self,
        chat: ChatId,
        user: UserId,
        cursor: Cursor,
        seq: u64,
    ) -> Result<Option<Member>> {
        let head_seq = self.head(chat).await?;
        let moved = members::change(&self.commits, chat, user, |seat| {
            let moved = decide::member::advance(&seat.member, cursor, seq, head_seq)?;
            Some(members::difference(&seat.member, &moved))
        });
        Ok(moved.await?.filter(|(_, moved)| *moved).map(|(member, _)| member))
    }

    async fn progress(&self, chat: ChatId) -> Result<Vec<Progress>> {
        self.progress_in(chat).await
    }

    async fn change_member(
        &self,
        chat: ChatId,
        user: UserId,
        change: MemberChange,
    ) -> Result<Option<Member>> {
        let head_seq = self.head(chat).await?;
        let changed = members::change(&self.commits, chat, user, |seat| {
            let changed = decide::member::change(&seat.member, &change, head_seq)?;
            Some(members::difference(&seat.member, &changed))
        });
        Ok(changed.await?.map(|(member, _)| member))
    }

    async fn quiet(&self, user: UserId, chats: &[(ChatId, u64, u64)]) -> Result<Vec<u64>> {
        self.quiet_of(user, chats).await
    }

    async fn quiet_seqs(
        &self,
        chat: ChatId,
        after: u64,
        until: u64,
        limit: u32,
    ) -> Result<Vec<u64>> {
        self.latest_quiet((chat, after, until), limit).await
    }

    async fn mentions(&self, user: UserId, chats: &[(ChatId, u64)]) -> Result<Vec<u64>> {
        self.mentions_of(user, chats).await
    }

    async fn put_invite(&self, invite: &Invite, maker: Role) -> Result<InvitePut> {
        invites::put(self, invite, maker).await
    }

    async fn invite(&self, code: &str) -> Result<Option<Invite>> {
        invites::find(self, code).await
    }

    async fn invites(&self, chat: ChatId) -> Result<Vec<Invite>> {
        invites::of_chat(self, chat).await
    }

    async fn remove_invite(&self, chat: ChatId, code: &str) -> Result<bool> {
        invites::remove(self, chat, code).await
    }
}
