//! Coming into a group: at once, or by asking, where its rules want that an admin decides.
//!
//! Invariant: who asks is no member and sees nothing until an admin lets them in. The group's log
//! tells nothing of who asked or was refused, which is for its admins alone; it tells who was let
//! in.
//!
//! Called by `http`.

use super::step::{Ground, Plan, makes_links};
use super::{Groups, NO_INVITE, PRIVATE};
use crate::core::chats::BANNED;
use crate::core::permissions::Action;
use crate::core::{Shared, to_the_end};
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ChatId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::{Chat, Member, MemberState, REQUESTS, Role};
use crate::model::messages::SystemEvent;
use crate::model::users::User;
use crate::store::{Asked, JoinAsk};

/// How often somebody's asking is tried again when its ground has moved.
const ATTEMPTS: u32 = 16;

const MANY: Text = Text {
    en: "{} people wait to be let into this group already. Try again later.",
    es: "Ya hay {} personas esperando entrar en este grupo. Inténtalo más tarde.",
};
const NO_REQUEST: Text = Text {
    en: "This person does not wait to be let in.",
    es: "Esta persona no está esperando entrar.",
};
const NOT_WAITING: Text = Text {
    en: "You do not wait to be let into this group.",
    es: "No estás esperando entrar en este grupo.",
};

/// What became of somebody who wants to join.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// They are in.
    In(Chat),
    /// They wait for an admin to let them in.
    Waits(Chat),
}

/// The link by which somebody comes: its code and its maker.
type Link = Option<(String, UserId)>;

impl Groups {
    pub(super) async fn enter(&self, caller: &Caller, chat: ChatId, link: Link) -> Result<Entered> {
        if let Ok(standing) = self.shared.standing(caller, chat).await {
            return Ok(Entered::In(standing.chat));
        }
        for _ in 0..ATTEMPTS {
            let found = self.shared.ports.store.chat(chat, &[]).await?;
            if found.is_none_or(|(chat, _)| !chat.rules.approve) {
                return self.walk_in(caller, chat, link).await.map(Entered::In);
            }
            if let Some(chat) = self.ask(caller, chat, link.as_ref()).await? {
                return Ok(Entered::Waits(chat));
            }
        }
        Err(Error::new(Code::Conflict, text::CHANGED))
    }

    /// Comes in, where the rules do not want that one asks.
    async fn walk_in(&self, caller: &Caller, chat: ChatId, link: Link) -> Result<Chat> {
        let me = caller.user;
        let about = link.iter().map(|(_, maker)| *maker).collect();
        self.step(caller, chat, about, move |ground| {
            check_way(ground, link.as_ref())?;
            // It was turned on meanwhile.
            if ground.chat.rules.approve {
                return Err(Error::new(Code::Conflict, text::CHANGED));
            }
            let mut plan = Plan::of(SystemEvent::Joined { by_invite: link.is_some() });
            plan.invite = link.as_ref().map(|(code, _)| code.clone());
            Ok(plan.with(me, MemberState::Active, Role::Member))
        })
        .await
        .map(|done| done.1)
    }

    /// Asks to be let in; `None` when the ground moved meanwhile.
    async fn ask(
        &self,
        caller: &Caller,
        chat: ChatId,
        link: Option<&(String, UserId)>,
    ) -> Result<Option<Chat>> {
        let (shared, me, link) = (self.shared.clone(), caller.user, link.cloned());
        to_the_end(async move { shared.ask_in(me, chat, link).await }).await
    }

    /// Who waits to be let in, in the order of their user ids, with their accounts.
    pub async fn requests(&self, caller: &Caller, chat: ChatId) -> Result<Vec<(Member, User)>> {
        self.check_may(caller, chat, Action::ManageRequests).await?;
        let rows = self.shared.ports.store.requests(chat).await?;
        let rows = self.with_users(rows).await?;
        let (there, gone): (Vec<_>, Vec<_>) =
            rows.into_iter().partition(|(_, user)| user.is_visible());
        // They deleted their accounts, and take no place from others any more.
        for (row, _) in gone {
            self.end_request(chat, row.user).await?;
        }
        Ok(there)
    }

    /// How many people wait to be let into each group that the caller may let them into, where
    /// there are any; in the order of the groups' ids.
    pub async fn waiting(&self, caller: &Caller) -> Result<Vec<(ChatId, u64)>> {
        self.shared.ports.store.waiting_for(caller.user).await
    }

    /// Lets somebody in who asked for it.
    pub async fn let_in(&self, caller: &Caller, chat: ChatId, user: UserId) -> Result<()> {
        self.step(caller, chat, vec![user], move |ground| {
            ground.me(Action::ManageRequests)?;
            if ground.row(user).is_none_or(|row| row.state != MemberState::Requested) {
                return Err(Error::not_found(NO_REQUEST));
            }
            let plan = Plan::of(SystemEvent::LetIn { user });
            Ok(plan.with(user, MemberState::Active, Role::Member))
        })
        .await
        .map(drop)
    }

    /// Refuses somebody who asked to be let in.
    pub async fn refuse(&self, caller: &Caller, chat: ChatId, user: UserId) -> Result<()> {
        self.check_may(caller, chat, Action::ManageRequests).await?;
        let ended = self.end_request(chat, user).await?;
        if ended { Ok(()) } else { Err(Error::not_found(NO_REQUEST)) }
    }

    /// Takes one's own request back.
    pub async fn take_back(&self, caller: &Caller, chat: ChatId) -> Result<()> {
        let ended = self.end_request(chat, caller.user).await?;
        if ended { Ok(()) } else { Err(Error::not_found(NOT_WAITING)) }
    }

    async fn end_request(&self, chat: ChatId, user: UserId) -> Result<bool> {
        let shared = self.shared.clone();
        to_the_end(async move {
            let ended = shared.ports.store.end_request(chat, user).await?;
            let Some(member) = ended else { return Ok(false) };
            shared.member_changed(member, Vec::new());
            shared.tell_asking(chat, &[user], false).await;
            Ok(true)
        })
        .await
    }
}

impl Shared {
    async fn ask_in(
        &self,
        me: UserId,
        chat: ChatId,
        link: Option<(String, UserId)>,
    ) -> Result<Option<Chat>> {
        let mut about = vec![me];
        about.extend(link.iter().map(|(_, maker)| *maker));
        let found = self.ports.store.chat(chat, &about).await?;
        let (chat, rows) = found.ok_or(Error::not_found(text::NO_CHAT))?;
        let unfit = Default::default();
        let now = self.ports.now();
        let ground = Ground { chat: &chat, caller: me, rows: &rows, unfit: &unfit, now };
        check_way(&ground, link.as_ref())?;
        let role = |maker| ground.row(maker).map_or(Role::Member, |row| row.role);
        let ask = JoinAsk {
            chat: chat.id,
            user: me,
            rests_on: (chat.public, chat.rules),
            invite: link.map(|(code, maker)| (code, maker, role(maker))),
            at: now,
        };
        if !chat.rules.approve {
            return Ok(None);
        }
        match self.ports.store.ask_in(ask).await? {
            Asked::Done(member) => {
                self.member_changed(member, Vec::new());
                self.tell_asking(chat.id, &[me], true).await;
                Ok(Some(chat))
            }
            Asked::Stale => Ok(None),
            Asked::Full => Err(Error::new(Code::Conflict, MANY).arg(REQUESTS.to_string())),
            Asked::InviteGone => Err(Error::not_found(NO_INVITE)),
            Asked::Gone => Err(Error::not_found(text::NO_CHAT)),
        }
    }
}

/// Whether somebody may come in by themself, at once or by asking: by a link that works, or because
/// the group is public, and not if they are banned.
fn check_way(ground: &Ground<'_>, link: Option<&(String, UserId)>) -> Result<()> {
    let mine = ground.row(ground.caller);
    if mine.is_some_and(|row| row.state == MemberState::Banned) {
        return Err(Error::forbidden(BANNED));
    }
    let works = |maker: UserId| ground.row(maker).is_some_and(makes_links);
    match link {
        Some((_, maker)) if works(*maker) => Ok(()),
        Some(_) => Err(Error::not_found(NO_INVITE)),
        None if ground.chat.public && ground.chat.deleted.is_none() => Ok(()),
        None if mine.is_some() => Err(Error::forbidden(PRIVATE)),
        None => Err(Error::not_found(text::NO_CHAT)),
    }
}
