//! The list of chats, direct chats, and what a member sets for itself.
//!
//! Invariant: a chat exists only for its members; for everybody else it is `NotFound`, except that
//! a public group can be viewed, and that former members are told that they are no longer in it.
//!
//! Called by `http` and `ws`; `groups` and `messages` use its look-ups.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::contacts::rules::{self, GONE_USER, Passage, Reach, Stance};
use super::{BELIEVED, Shared, to_the_end};
use crate::clock::Time;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ChatId, ObjectId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::{Chat, ChatKind, Followed, InboxRow, Member, MemberChange, MemberState};
use crate::model::contacts::{Strangers, Tie};
use crate::model::messages::ChatSummary;
use crate::model::users::{Blocks, User};
use crate::store::ListPart;

const ONLY_GROUPS: Text = Text {
    en: "Only in a group can you go by another name.",
    es: "Solo en un grupo puedes usar otro nombre.",
};
pub(crate) const WITH_YOURSELF: Text = Text {
    en: "You cannot open a chat with yourself.",
    es: "Un chat directo es entre dos personas; esta eres tú.",
};
pub(crate) const EX_MEMBER: Text = Text {
    en: "You are no longer a member of this group.",
    es: "Ya no eres miembro de este grupo.",
};
pub(crate) const BANNED: Text =
    Text { en: "You are banned from this group.", es: "Este grupo te ha vetado." };
pub(crate) const WAITING: Text = Text {
    en: "You have asked to join this group. Wait until one of its admins lets you in.",
    es: "Has pedido unirte a este grupo. Espera a que un administrador te deje entrar.",
};
pub(crate) const JOIN_FIRST: Text =
    Text { en: "Join this public group first.", es: "Únete primero a este grupo público." };

/// A chat that a caller names: by its id, or by the other person's id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Target {
    /// The chat that is meant; a direct one may not exist yet.
    pub chat: ChatId,
    /// The two people of a direct chat, the lower id first.
    pub peers: Option<(UserId, UserId)>,
}

impl Target {
    /// The person at the other end of a direct chat.
    pub fn other(&self, user: UserId) -> Option<UserId> {
        self.peers.map(|(low, high)| if low == user { high } else { low })
    }
}

/// A chat and the caller's membership in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) chat: Chat,
    pub(crate) member: Member,
}

/// The list of chats, direct chats, one's own settings in a chat.
#[derive(Clone)]
pub struct Chats {
    shared: Arc<Shared>,
}

impl Chats {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// What `id` means to the caller: a chat, or the direct chat with the user of that id.
    /// `NotFound` when it is neither. `field` is what the request calls it.
    pub async fn resolve(
        &self,
        caller: &Caller,
        field: &'static str,
        id: ObjectId,
    ) -> Result<Target> {
        // Most sends to a person go to a chat that is known: no read of the store then.
        let with_user = direct(caller.user, UserId(id));
        let known = self.shared.facts.known.get(&with_user.chat);
        if known.is_some_and(|facts| facts.both_there) {
            return Ok(with_user);
        }
        let chat = ChatId(id);
        if let Some(facts) = self.shared.facts(chat).await? {
            let party = facts.peers.is_none_or(|(low, high)| [low, high].contains(&caller.user));
            let target = Target { chat, peers: facts.peers };
            return if party { Ok(target) } else { Err(Error::not_found(text::NO_CHAT)) };
        }
        if id == caller.user.0 {
            return Err(Error::field(field, WITH_YOURSELF));
        }
        let no_chat = |_| Error::not_found(text::NO_CHAT);
        let other = self.shared.visible_user(UserId(id)).await.map_err(no_chat)?.id;
        Ok(direct(caller.user, other))
    }

    /// Opens a chat of the caller's; a direct chat is created when it is new. The other person is
    /// told nothing of that before the first message.
    pub async fn open(&self, caller: &Caller, target: Target) -> Result<ChatSummary> {
        let standing = match (self.shared.standing(caller, target.chat).await, target.peers) {
            (Err(error), Some(peers)) if error.code == Code::NotFound => {
                self.begin(caller, target, peers).await?;
                self.shared.standing(caller, target.chat).await?
            }
            (standing, _) => standing?,
        };
        let Standing { chat, member } = standing;
        let rows = vec![InboxRow { chat, member }];
        let summary = self.summaries(caller.user, rows).await?.pop();
        summary.ok_or(Error::not_found(text::NO_CHAT))
    }

    async fn begin(&self, caller: &Caller, target: Target, peers: (UserId, UserId)) -> Result<()> {
        let (shared, caller) = (self.shared.clone(), *caller);
        to_the_end(async move {
            shared.check_reach(&caller, target, Reach::Agreed).await?;
            let (store, now) = (&shared.ports.store, shared.ports.now());
            let chat = store.open_direct(peers, Some(caller.user), now).await?;
            let chat = chat.ok_or(Error::forbidden(GONE_USER))?;
            shared.tell_members(chat.id, &[caller.user]).await;
            Ok(())
        })
        .await
    }

    /// A group as those see it who may: members, and everybody if it is public.
    pub async fn look(&self, caller: &Caller, chat: ChatId) -> Result<Chat> {
        let found = self.shared.ports.store.chat(chat, &[caller.user]).await?;
        let (found, members) = found.ok_or(Error::not_found(text::NO_CHAT))?;
        let member = members.iter().any(Member::is_active);
        let open = found.public && found.deleted.is_none();
        if member || open { Ok(found) } else { Err(Error::not_found(text::NO_CHAT)) }
    }

    /// The caller's chats and groups: pinned ones first, then by their latest message, newest
    /// first. `page` counts from 0. Direct chats in which nobody wrote yet are left out.
    pub async fn list(&self, caller: &Caller, page: u32, size: u32) -> Result<Vec<ChatSummary>> {
        let (limit, now) = (size as usize, self.shared.ports.now());
        let part = ListPart { skip: limit.saturating_mul(page as usize), limit };
        let rows = self.shared.ports.store.listed(caller.user, now, part).await?;
        self.summaries(caller.user, rows).await
    }

    /// Changes what the caller set for itself in a chat: mute, pin, clear, a name of one's own in a
    /// group, an announcement put away.
    pub async fn set_member(
        &self,
        caller: &Caller,
        chat: ChatId,
        change: MemberChange,
    ) -> Result<Member> {
        let standing = self.shared.standing(caller, chat).await?;
        if change.nick.is_some() && standing.chat.kind == ChatKind::Direct {
            return Err(Error::field("nick", ONLY_GROUPS));
        }
        let (shared, user) = (self.shared.clone(), caller.user);
        to_the_end(async move {
            let member = shared.ports.store.change_member(chat, user, change).await?;
            let member = member.ok_or(Error::forbidden(EX_MEMBER))?;
            shared.member_changed(member.clone(), Vec::new());
            Ok(member)
        })
        .await
    }

    /// What a connection of the caller needs to know to follow its chats, in no order.
    pub async fn followed(&self, caller: &Caller) -> Result<Vec<Followed>> {
        self.shared.ports.store.followed(caller.user).await
    }

    /// Adds the latest message and the counts to rows of the list.
    async fn summaries(&self, user: UserId, rows: Vec<InboxRow>) -> Result<Vec<ChatSummary>> {
        let store = &self.shared.ports.store;
        let chats: Vec<_> = rows.iter().map(|row| row.chat.id).collect();
        let latest = store.latest(user, &chats).await?;
        let mut latest: HashMap<_, _> =
            latest.into_iter().map(|message| (message.chat, message)).collect();
        // Most chats are read to the end: nothing is counted there.
        let range = |row: &InboxRow| (row.chat.id, row.member.read_floor(), row.chat.head_seq);
        let mut ranges: Vec<_> = rows.iter().map(range).collect();
        ranges.retain(|(_, floor, head)| head > floor);
        let floors: Vec<_> = ranges.iter().map(|(chat, floor, _)| (*chat, *floor)).collect();
        let quiet = store.quiet(user, &ranges).await?;
        let mentions = store.mentions(user, &floors).await?;
        let counts: HashMap<_, _> =
            floors.iter().map(|floor| floor.0).zip(quiet.into_iter().zip(mentions)).collect();
        let summary = |row: InboxRow| {
            let (quiet, mentions) = counts.get(&row.chat.id).copied().unwrap_or_default();
            ChatSummary {
                last: latest.remove(&row.chat.id),
                unread: row.member.unread(row.chat.head_seq, quiet),
                mentions,
                chat: row.chat,
                member: row.member,
            }
        };
        Ok(rows.into_iter().map(summary).collect())
    }
}

/// The direct chat of two people, as a target.
pub(crate) fn direct(one: UserId, other: UserId) -> Target {
    let peers = if one <= other { (one, other) } else { (other, one) };
    Target { chat: ChatId::direct(one, other), peers: Some(peers) }
}

/// What hardly ever changes about a chat, kept so that a send needs no read.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) peers: Option<(UserId, UserId)>,
    blocks: Blocks,
    both_there: bool,
    /// What each of the two is to the other, that of the lower id first.
    ties: [Tie; 2],
    both_wrote: bool,
    /// What strangers may do to each of them.
    reaches: [Strangers; 2],
}

impl Facts {
    /// What kind of chat it is.
    pub(crate) const fn kind(&self) -> ChatKind {
        if self.peers.is_some() { ChatKind::Direct } else { ChatKind::Group }
    }

    /// How one of the two stands to the other at a moment.
    fn stance(&self, user: UserId, now: Time) -> Stance {
        let is_low = self.peers.is_some_and(|(low, _)| low == user);
        let [low, high] = &self.ties;
        let (blocks, blocked, tie, reach) = if is_low {
            (self.blocks.by_first, self.blocks.by_second, low, self.reaches[1])
        } else {
            (self.blocks.by_second, self.blocks.by_first, high, self.reaches[0])
        };
        let bond = tie.bond(self.both_wrote, now);
        Stance { both_there: self.both_there, blocks, blocked, bond, reach }
    }

    /// Whether each may learn what the other has read: neither blocks the other, and no request
    /// stands between them, unless anybody may write to both.
    fn is_open(&self) -> bool {
        let apart = self.ties.iter().any(Tie::is_apart);
        let anybody = self.reaches.iter().all(|reach| *reach == Strangers::Everyone);
        !self.blocks.by_first && !self.blocks.by_second && (!apart || anybody)
    }
}

impl Shared {
    /// The facts of a chat; `None` when it does not exist.
    pub(crate) async fn facts(&self, chat: ChatId) -> Result<Option<Arc<Facts>>> {
        if self.believes()
            && let Some(known) = self.facts.known.get(&chat)
        {
            return Ok(Some(known));
        }
        let generation = self.facts.generation.load(Ordering::SeqCst);
        let Some((found, _)) = self.ports.store.chat(chat, &[]).await? else { return Ok(None) };
        let facts = Arc::new(self.read_facts(found.peers).await?);
        self.facts.known.insert(chat, facts.clone());
        if self.facts.generation.load(Ordering::SeqCst) != generation {
            self.facts.known.invalidate(&chat);
        }
        Ok(Some(facts))
    }

    async fn read_facts(&self, peers: Option<(UserId, UserId)>) -> Result<Facts> {
        let mut facts = Facts {
            peers,
            blocks: Blocks::default(),
            both_there: true,
            ties: [Tie::NONE, Tie::NONE],
            both_wrote: false,
            reaches: [Strangers::Everyone; 2],
        };
        let Some((low, high)) = peers else { return Ok(facts) };
        let store = &self.ports.store;
        facts.blocks = store.blocks_between(low, high).await?;
        let users = store.users(&[low, high]).await?;
        facts.both_there = users.iter().filter(|user| User::is_visible(user)).count() == 2;
        let rows = store.chat(ChatId::direct(low, high), &[low, high]).await?;
        let rows = rows.map(|(_, rows)| rows).unwrap_or_default();
        for (place, user) in [low, high].into_iter().enumerate() {
            if let Some(row) = rows.iter().find(|row| row.user == user) {
                facts.ties[place] = row.tie.clone();
            }
            if let Some(account) = users.iter().find(|account| account.id == user) {
                facts.reaches[place] = self.reach_of(account);
            }
        }
        facts.both_wrote = rows.len() == 2 && rows.iter().all(|row| row.own_seq > 0);
        Ok(facts)
    }

    /// How a person stands to the other one of a direct chat, which may not exist yet.
    pub(crate) async fn stance(&self, user: UserId, target: Target) -> Result<Stance> {
        let now = self.ports.now();
        match self.facts(target.chat).await? {
            Some(facts) => Ok(facts.stance(user, now)),
            None => Ok(self.read_facts(target.peers).await?.stance(user, now)),
        }
    }

    /// Whether what the caller wants reaches the other person of a direct chat, and how: everything
    /// that they would notice asks here. Any group passes: there the membership decides.
    pub(crate) async fn check_reach(
        &self,
        caller: &Caller,
        target: Target,
        reach: Reach,
    ) -> Result<Passage> {
        self.check_reaches(caller.user, target, reach).await
    }

    /// The same for a user on whatever device.
    pub(crate) async fn check_reaches(
        &self,
        user: UserId,
        target: Target,
        reach: Reach,
    ) -> Result<Passage> {
        if target.peers.is_none() {
            return Ok(Passage::Free);
        }
        let stance = self.stance(user, target).await?;
        rules::passage(reach, stance).map_err(Error::forbidden)
    }

    /// Whether the people of a chat may learn from each other what they have read. Any group
    /// passes.
    pub(crate) async fn is_open(&self, chat: ChatId) -> Result<bool> {
        Ok(self.facts(chat).await?.is_none_or(|facts| facts.is_open()))
    }

    /// The caller's standing in a chat that they are in; otherwise the error that fits.
    pub(crate) async fn standing(&self, caller: &Caller, chat: ChatId) -> Result<Standing> {
        let found = self.ports.store.chat(chat, &[caller.user]).await?;
        let (chat, mut members) = found.ok_or(Error::not_found(text::NO_CHAT))?;
        match members.pop() {
            Some(member) if member.is_active() => Ok(Standing { chat, member }),
            other => Err(refusal(&chat, other.as_ref())),
        }
    }

    /// Why the caller is not let into a chat.
    pub(crate) async fn why_not(&self, user: UserId, chat: ChatId) -> Error {
        match self.ports.store.chat(chat, &[user]).await {
            Ok(Some((chat, members))) => refusal(&chat, members.first()),
            Ok(None) => Error::not_found(text::NO_CHAT),
            Err(error) => error,
        }
    }
}

/// The error for somebody who is not an active member.
pub(crate) fn refusal(chat: &Chat, member: Option<&Member>) -> Error {
    match member.map(|member| member.state) {
        Some(MemberState::Banned) => Error::forbidden(BANNED),
        Some(MemberState::Requested) => Error::forbidden(WAITING),
        Some(_) => Error::forbidden(EX_MEMBER),
        None if chat.public && chat.deleted.is_none() => Error::forbidden(JOIN_FIRST),
        None => Error::not_found(text::NO_CHAT),
    }
}

/// Facts of chats used lately.
pub(crate) struct FactsCache {
    known: moka::sync::Cache<ChatId, Arc<Facts>>,
    generation: AtomicU64,
}

impl Default for FactsCache {
    fn default() -> Self {
        let known = moka::sync::Cache::builder().max_capacity(100_000).time_to_live(BELIEVED);
        Self { known: known.build(), generation: AtomicU64::new(0) }
    }
}

impl FactsCache {
    /// How long an entry is believed.
    #[cfg(test)]
    pub(crate) fn believed(&self) -> Option<std::time::Duration> {
        self.known.policy().time_to_live()
    }

    /// Forgets one chat's facts.
    pub(crate) fn forget(&self, chat: ChatId) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate(&chat);
    }

    /// Forgets all facts: somebody blocked, unblocked, or deleted an account.
    pub(crate) fn forget_all(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
        self.known.invalidate_all();
    }
}
