//! The list of chats, direct chats, and what a member sets for itself.
//!
//! Invariant: a chat exists only for its members; for everybody else it is `NotFound`, except that
//! a public group can be viewed, and that former members are told that they are no longer in it.
//!
//! Called by `http` and `ws`; `groups` and `messages` use its look-ups.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::{Shared, to_the_end};
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ChatId, ObjectId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::{Chat, ChatKind, Followed, InboxRow, Member, MemberChange, MemberState};
use crate::model::messages::ChatSummary;
use crate::model::users::User;
use crate::store::ListPart;

const ONLY_GROUPS: Text = Text {
    en: "Only in a group can you go by another name.",
    es: "Solo en un grupo puedes usar otro nombre.",
};
const WITH_YOURSELF: Text = Text {
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
pub(crate) const YOU_BLOCK: Text = Text {
    en: "You have blocked this person. Unblock them first.",
    es: "Tienes bloqueada a esta persona. Desbloquéala primero.",
};
pub(crate) const BLOCKED: Text = Text {
    en: "This person does not accept messages or calls from you.",
    es: "Esta persona no acepta mensajes ni llamadas tuyas.",
};
pub(crate) const GONE_USER: Text =
    Text { en: "This account has been deleted.", es: "Esta cuenta fue eliminada." };

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
            shared.check_reachable(&caller, target).await?;
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
fn direct(one: UserId, other: UserId) -> Target {
    let peers = if one <= other { (one, other) } else { (other, one) };
    Target { chat: ChatId::direct(one, other), peers: Some(peers) }
}

/// What somebody wants that the other person of a direct chat would notice.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Say or show something: a message or a change of one, a reaction, a pin, typing, a call.
    Say,
    /// Take back what one said.
    TakeBack,
}

/// Why it is refused, if it is; `mine` and `theirs`: the one who wants it blocks the other, or is
/// blocked. People who block may still take back their own words; blocked people may not, lest they
/// take away what the other has to show.
const fn verdict(reach: Reach, both_there: bool, mine: bool, theirs: bool) -> Option<Text> {
    match (reach, both_there, mine, theirs) {
        (Reach::Say, false, ..) => Some(GONE_USER),
        (Reach::Say, _, true, _) => Some(YOU_BLOCK),
        (_, _, _, true) => Some(BLOCKED),
        _ => None,
    }
}

/// What hardly ever changes about a chat, kept so that a send needs no read.
#[derive(Debug, Clone)]
pub(crate) struct Facts {
    pub(crate) peers: Option<(UserId, UserId)>,
    blocks: crate::model::users::Blocks,
    both_there: bool,
}

impl Shared {
    /// The facts of a chat; `None` when it does not exist.
    pub(crate) async fn facts(&self, chat: ChatId) -> Result<Option<Arc<Facts>>> {
        if let Some(known) = self.facts.known.get(&chat) {
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
        let Some((low, high)) = peers else {
            return Ok(Facts { peers, blocks: Default::default(), both_there: true });
        };
        let blocks = self.ports.store.blocks_between(low, high).await?;
        let users = self.ports.store.users(&[low, high]).await?;
        let both_there = users.iter().filter(|user| User::is_visible(user)).count() == 2;
        Ok(Facts { peers, blocks, both_there })
    }

    /// Whether the caller can reach the other person of a direct chat: not blocked, not deleted.
    /// Any group passes: there the membership decides.
    pub(crate) async fn check_reachable(&self, caller: &Caller, target: Target) -> Result<()> {
        self.check_reach(caller, target, Reach::Say).await
    }

    /// The same for what the caller wants. Everything that the other person would notice asks here.
    pub(crate) async fn check_reach(
        &self,
        caller: &Caller,
        target: Target,
        reach: Reach,
    ) -> Result<()> {
        self.check_reaches(caller.user, target, reach).await
    }

    /// The same for a user on whatever device.
    pub(crate) async fn check_reaches(
        &self,
        user: UserId,
        target: Target,
        reach: Reach,
    ) -> Result<()> {
        let Some((low, _)) = target.peers else { return Ok(()) };
        let facts = match self.facts(target.chat).await? {
            Some(facts) => facts,
            None => Arc::new(self.read_facts(target.peers).await?),
        };
        let (mine, theirs) = if low == user {
            (facts.blocks.by_first, facts.blocks.by_second)
        } else {
            (facts.blocks.by_second, facts.blocks.by_first)
        };
        let there = facts.both_there;
        verdict(reach, there, mine, theirs).map_or(Ok(()), |text| Err(Error::forbidden(text)))
    }

    /// Whether neither of a direct chat's two blocks the other. Any group passes.
    pub(crate) async fn is_open(&self, chat: ChatId) -> Result<bool> {
        let blocks = self.facts(chat).await?.map(|facts| facts.blocks).unwrap_or_default();
        Ok(!blocks.by_first && !blocks.by_second)
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
        Self { known: moka::sync::Cache::new(100_000), generation: AtomicU64::new(0) }
    }
}

impl FactsCache {
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_blocked_changes_nothing_and_who_blocks_may_take_back_its_words() {
        let free = [Reach::Say, Reach::TakeBack].map(|reach| verdict(reach, true, false, false));
        assert_eq!(free, [None, None]);
        for mine in [false, true] {
            assert!(verdict(Reach::Say, true, mine, true).is_some());
            assert_eq!(verdict(Reach::TakeBack, true, mine, true), Some(BLOCKED));
        }
        assert_eq!(verdict(Reach::Say, true, true, false), Some(YOU_BLOCK));
        assert_eq!(verdict(Reach::TakeBack, true, true, false), None);
        assert_eq!(verdict(Reach::Say, false, false, false), Some(GONE_USER));
        assert_eq!(verdict(Reach::TakeBack, false, false, false), None);
    }
}
