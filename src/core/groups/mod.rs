//! Groups: who joins, leaves and leads; titles, settings, invitation links.
//!
//! Invariant: every change to a group is one atomic step together with the system message about it,
//! and is based on memberships that still hold at that moment: if they have changed, the step is
//! planned again. Invariant: a group that is not deleted has one owner, who is an active member;
//! and no deleted account stays in a group for longer than it takes to leave it (`depart`).
//!
//! Called by `http`.

mod depart;
mod invites;
mod requests;
mod rules;
mod step;

use std::collections::HashSet;
use std::sync::Arc;

pub use self::invites::INVITE_LIFE;
pub use self::requests::Entered;
pub use self::rules::{RulesEdit, SILENCE_MOST};
use self::step::{ONLY_GROUPS, Plan, why_unfit};
use super::fanout::Moves;
use super::permissions::{self, Action};
use super::search::terms_of;
use super::{Shared, to_the_end};
use crate::error::{Code, Error, Result, Text};
use crate::id::{ChatId, FileId, MessageId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::{Chat, ChatKind, GroupRules, Member, MemberState, Role};
use crate::model::messages::{Content, SystemEvent};
use crate::model::text::{About, AnnouncementText, ClientMsgId, Title};
use crate::model::users::User;
use crate::store::Founded;

/// At most this many people are added at once.
pub const ADD_AT_ONCE: usize = 200;

const USED_KEY: Text = Text {
    en: "This key was already used for something else. Use a new one.",
    es: "Esta clave ya se usó para otra cosa. Usa una nueva.",
};
const MANY: Text =
    Text { en: "At most {} people at once.", es: "Como máximo {} personas a la vez." };
const NOBODY: Text = Text {
    en: "None of these people can be added: they are already members, banned, unknown, in too many \
         groups, or do not let you add them.",
    es: "No se puede añadir a ninguna de estas personas: ya son miembros, están vetadas, no \
         existen, están en demasiados grupos o no quieren saber de ti.",
};
const NO_INVITE: Text = Text {
    en: "This invitation no longer works. Ask for a new one.",
    es: "Esta invitación ya no funciona. Pide una nueva.",
};
const OWNER_LEAVES: Text = Text {
    en: "You own this group. Hand it over to another member first, or delete it.",
    es: "Eres propietario de este grupo. Cédelo antes a otro miembro o elimínalo.",
};
const NOT_BANNED: Text =
    Text { en: "This person is not banned.", es: "Esta persona no está vetada." };
const OWNER_ROLE: Text = Text {
    en: "To make somebody else the owner, hand the group over.",
    es: "Para que otra persona sea propietaria, cédele el grupo.",
};
const NOTHING: Text =
    Text { en: "Say what to change: no field was given.", es: "No se indicó nada que cambiar." };
const PRIVATE: Text = Text {
    en: "This group is private. Ask a member for an invitation.",
    es: "Este grupo es privado. Pide una invitación a un miembro.",
};

/// A group that somebody wants to begin.
#[derive(Debug, Clone)]
pub struct NewGroup {
    /// The caller's idempotency key: the same gives the same group.
    pub key: Option<ClientMsgId>,
    /// What people call it.
    pub title: Title,
    /// Its description.
    pub about: About,
    /// Found by search and open to all.
    pub public: bool,
    /// New members see what was written before.
    pub history_shared: bool,
    /// The first members besides the caller; at most `ADD_AT_ONCE`. People who cannot be added are
    /// left out.
    pub members: Vec<UserId>,
}

/// What of a group somebody wants to change; `None` leaves a field as it is.
#[derive(Debug, Clone, Default)]
pub struct GroupEdit {
    /// New title.
    pub title: Option<Title>,
    /// New description.
    pub about: Option<About>,
    /// Found by search and open to all, or not.
    pub public: Option<bool>,
    /// New members see what was written before, or not.
    pub history_shared: Option<bool>,
    /// New rules.
    pub rules: RulesEdit,
    /// New announcement, or none.
    pub announcement: Option<Option<AnnouncementText>>,
}

fn used_key() -> Error {
    Error::new(Code::Conflict, USED_KEY)
}

/// Groups and their members.
#[derive(Clone)]
pub struct Groups {
    shared: Arc<Shared>,
}

impl Groups {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// Begins a group with the caller as its owner, or finds the one that it began under the same
    /// key; `Conflict` when that had another title.
    pub async fn create(&self, caller: &Caller, new: NewGroup) -> Result<Chat> {
        if new.members.len() > ADD_AT_ONCE {
            return Err(Error::field("members", MANY).arg(ADD_AT_ONCE.to_string()));
        }
        let mut members = vec![(caller.user, Role::Owner)];
        let others = self.addable(caller.user, &new.members).await?;
        members.extend(others.into_iter().map(|user| (user, Role::Member)));
        let by = *caller;
        let ports = &self.shared.ports;
        let now = ports.now();
        let id = match &new.key {
            Some(key) => ChatId::keyed(caller.user, key.as_str()),
            None => ChatId(ports.ids.next()),
        };
        let chat = Chat {
            id,
            kind: ChatKind::Group,
            peers: None,
            title: Some(new.title.clone()),
            about: new.about,
            avatar: None,
            owner: Some(caller.user),
            public: new.public,
            history_shared: new.history_shared,
            rules: GroupRules::default(),
            announcement: None,
            created: now,
            deleted: None,
            head_seq: 0,
            head_rev: 0,
            meta_rev: 0,
            active_at: now,
            member_count: 0,
        };
        let terms = if new.public { terms_of(new.title.as_str()) } else { Vec::new() };
        let event = SystemEvent::GroupCreated { title: new.title };
        let shared = self.shared.clone();
        to_the_end(async move {
            let id = MessageId(shared.ports.ids.next());
            let told = Content::System(event.clone());
            let (message, chat) = loop {
                let (terms, event) = (terms.clone(), event.clone());
                let store = &shared.ports.store;
                match store.create_group(&chat, &members, terms, id, event).await? {
                    Founded::Done(message, chat) => break (message, chat),
                    // A repeat whose first answer was lost.
                    Founded::Known(message, chat) if message.id == id => break (message, chat),
                    // As it is now, so only for who is still in it.
                    Founded::Known(message, chat) => {
                        let standing = shared.standing(&by, chat.id).await?;
                        let same = message.content == told;
                        return if same { Ok(standing.chat) } else { Err(used_key()) };
                    }
                    Founded::Unfit(unfit) if unfit.contains(by.user) => {
                        return Err(why_unfit(by.user, &unfit));
                    }
                    Founded::Unfit(unfit) => members.retain(|row| !unfit.contains(row.0)),
                }
            };
            let joined: Vec<_> = members.into_iter().map(|row| row.0).collect();
            let moves = Moves { joined: joined.clone(), gone: Vec::new() };
            shared.post(message, Some(chat.clone()), moves).await;
            shared.tell_members(chat.id, &joined).await;
            Ok(chat)
        })
        .await
    }

    /// Changes title, description and settings, or the rules, or the announcement.
    pub async fn edit(&self, caller: &Caller, chat: ChatId, edit: GroupEdit) -> Result<Chat> {
        edit.check()?;
        self.step(caller, chat, Vec::new(), move |ground| edit.plan(ground))
            .await
            .map(|done| done.1)
    }

    /// Gives the group a picture, or none; `files` has checked it.
    pub(crate) async fn set_avatar(
        &self,
        caller: &Caller,
        chat: ChatId,
        avatar: Option<FileId>,
    ) -> Result<Chat> {
        self.step(caller, chat, Vec::new(), move |ground| {
            ground.me(Action::EditFace)?;
            let mut plan = Plan::of(SystemEvent::AvatarChanged);
            plan.change.avatar = Some(avatar);
            Ok(plan)
        })
        .await
        .map(|done| done.1)
    }

    /// Adds people; answers whom. Everybody who is a member already, banned, unknown, in `GROUPS`
    /// groups, who left by themselves, does not let the caller add them, blocks the caller or the
    /// owner, or is blocked by the caller, is left out; when nobody is left it is an error.
    pub async fn add(
        &self,
        caller: &Caller,
        chat: ChatId,
        users: Vec<UserId>,
    ) -> Result<Vec<UserId>> {
        if users.len() > ADD_AT_ONCE {
            return Err(Error::field("users", MANY).arg(ADD_AT_ONCE.to_string()));
        }
        let group = self.shared.standing(caller, chat).await?.chat;
        let mut addable = self.addable(caller.user, &users).await?;
        if let Some(owner) = group.owner.filter(|owner| *owner != caller.user) {
            let apart = self.shared.ports.store.blockers(owner, &addable).await?;
            addable.retain(|user| !apart.contains(user));
        }
        let (message, _) = self
            .step(caller, chat, addable.clone(), move |ground| {
                ground.me(Action::AddMembers)?;
                let welcome = |user: &&UserId| {
                    let row = ground.row(**user);
                    let may =
                        |state| matches!(state, MemberState::Removed | MemberState::Requested);
                    row.is_none_or(|row| may(row.state)) && !ground.unfit.contains(**user)
                };
                let users: Vec<_> = addable.iter().filter(welcome).copied().collect();
                if users.is_empty() {
                    return Err(Error::field("users", NOBODY));
                }
                let plan = Plan::of(SystemEvent::MembersAdded { users: users.clone() });
                let join = |plan: Plan, user| plan.with(user, MemberState::Active, Role::Member);
                Ok(users.into_iter().fold(plan, join))
            })
            .await?;
        Ok(match message.content {
            Content::System(SystemEvent::MembersAdded { users }) => users,
            _ => Vec::new(),
        })
    }

    /// Removes a member of a lower rank.
    pub async fn remove(&self, caller: &Caller, chat: ChatId, user: UserId) -> Result<()> {
        self.step(caller, chat, vec![user], move |ground| {
            ground.other(Action::Remove, user)?;
            let plan = Plan::of(SystemEvent::MemberRemoved { user });
            Ok(plan.with(user, MemberState::Removed, Role::Member))
        })
        .await
        .map(drop)
    }

    /// Removes a person and refuses them from now on, even if they are not, or no longer, in it.
    pub async fn ban(&self, caller: &Caller, chat: ChatId, user: UserId) -> Result<()> {
        self.shared.standing(caller, chat).await?;
        self.shared.visible_user(user).await?;
        self.step(caller, chat, vec![user], move |ground| {
            match ground.active(user) {
                Some(_) => ground.other(Action::Ban, user)?,
                None => ground.me(Action::Ban)?,
            };
            let plan = Plan::of(SystemEvent::MemberBanned { user });
            Ok(plan.with(user, MemberState::Banned, Role::Member))
        })
        .await
        .map(drop)
    }

    /// Lifts a ban.
    pub async fn unban(&self, caller: &Caller, chat: ChatId, user: UserId) -> Result<()> {
        self.step(caller, chat, vec![user], move |ground| {
            ground.me(Action::Ban)?;
            if ground.row(user).is_none_or(|row| row.state != MemberState::Banned) {
                return Err(Error::not_found(NOT_BANNED));
            }
            let plan = Plan::of(SystemEvent::MemberUnbanned { user });
            Ok(plan.with(user, MemberState::Removed, Role::Member))
        })
        .await
        .map(drop)
    }

    /// Leaves a group. Its owner hands it over or deletes it first, unless they are alone in it:
    /// then the group is deleted.
    pub async fn leave(&self, caller: &Caller, chat: ChatId) -> Result<()> {
        let me = caller.user;
        self.step(caller, chat, Vec::new(), move |ground| match ground.me(Action::Leave)? {
            Role::Owner if ground.chat.member_count > 1 => {
                Err(Error::new(Code::Conflict, OWNER_LEAVES))
            }
            Role::Owner => Ok(deletion(false)),
            Role::Admin | Role::Member => {
                let plan = Plan::of(SystemEvent::Left);
                Ok(plan.with(me, MemberState::Left, Role::Member))
            }
        })
        .await
        .map(drop)
    }

    /// Makes a member an admin, or an admin a member.
    pub async fn set_role(
        &self,
        caller: &Caller,
        chat: ChatId,
        user: UserId,
        role: Role,
    ) -> Result<()> {
        if role == Role::Owner {
            return Err(Error::field("role", OWNER_ROLE));
        }
        self.step(caller, chat, vec![user], move |ground| {
            ground.other(Action::SetRole, user)?;
            let plan = Plan::of(SystemEvent::RoleChanged { user, role });
            Ok(plan.with(user, MemberState::Active, role))
        })
        .await
        .map(drop)
    }

    /// Makes another member the owner; the caller stays as an admin.
    pub async fn hand_over(&self, caller: &Caller, chat: ChatId, user: UserId) -> Result<()> {
        let me = caller.user;
        self.step(caller, chat, vec![user], move |ground| {
            ground.other(Action::HandOver, user)?;
            Ok(handover(me, user))
        })
        .await
        .map(drop)
    }

    /// Ends a group: everybody is out, and nobody can read it any more.
    pub async fn delete(&self, caller: &Caller, chat: ChatId) -> Result<()> {
        self.step(caller, chat, Vec::new(), |ground| {
            ground.me(Action::DeleteGroup)?;
            Ok(deletion(false))
        })
        .await
        .map(drop)
    }

    /// Ends a group for an operator; one that has ended already is fine. In its log this is a step
    /// in its owner's name, as every one is in a member's, which says who did it.
    pub(crate) async fn end(&self, chat: ChatId) -> Result<()> {
        let found = self.shared.ports.store.chats(&[chat]).await?.pop();
        let Some(owner) = found.filter(|chat| chat.deleted.is_none()).and_then(|chat| chat.owner)
        else {
            return Ok(());
        };
        let shared = self.shared.clone();
        to_the_end(
            async move { shared.step(owner, chat, &[], |_| Ok(deletion(true))).await.map(drop) },
        )
        .await
    }

    /// Joins a public group, or asks to be let in where its rules want that. Joining where one is
    /// already in is fine, and so is asking again.
    pub async fn join(&self, caller: &Caller, chat: ChatId) -> Result<Entered> {
        self.enter(caller, chat, None).await
    }

    /// The same by an invitation link's code.
    pub async fn join_by_invite(&self, caller: &Caller, code: &str) -> Result<Entered> {
        let invite = self.working_invite(code).await?;
        self.enter(caller, invite.chat, Some((code.to_owned(), invite.by))).await
    }

    /// Active members in the order of their user ids, with their accounts; at most 200.
    pub async fn members(
        &self,
        caller: &Caller,
        chat: ChatId,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<(Member, User)>> {
        self.shared.standing(caller, chat).await?;
        let rows = self.shared.ports.store.members(chat, after, limit.clamp(1, 200)).await?;
        self.with_users(rows).await
    }

    /// Banned people of a group.
    pub async fn banned(&self, caller: &Caller, chat: ChatId) -> Result<Vec<(Member, User)>> {
        self.check_may(caller, chat, Action::Ban).await?;
        let rows = self.shared.ports.store.banned(chat).await?;
        self.with_users(rows).await
    }

    /// Whether the caller may do something in a group that no step does.
    async fn check_may(&self, caller: &Caller, chat: ChatId, action: Action) -> Result<()> {
        let standing = self.shared.standing(caller, chat).await?;
        if standing.chat.kind == ChatKind::Direct {
            return Err(Error::new(Code::BadRequest, ONLY_GROUPS));
        }
        permissions::check(standing.member.role, action)
    }

    async fn with_users(&self, rows: Vec<Member>) -> Result<Vec<(Member, User)>> {
        let ids: Vec<_> = rows.iter().map(|row| row.user).collect();
        let users = self.shared.ports.store.users(&ids).await?;
        let mut users: std::collections::HashMap<_, _> =
            users.into_iter().map(|user| (user.id, user)).collect();
        let pair = |row: Member| users.remove(&row.user).map(|user| (row, user));
        Ok(rows.into_iter().filter_map(pair).collect())
    }

    /// Who of these people the caller can add: known, not blocking and not blocked, and letting the
    /// caller add them; once each.
    async fn addable(&self, caller: UserId, users: &[UserId]) -> Result<Vec<UserId>> {
        let store = &self.shared.ports.store;
        let mut found = store.users(users).await?;
        found.retain(|user| user.is_visible() && user.id != caller);
        found.sort_by_key(|user| user.id);
        found.dedup_by_key(|user| user.id);
        let ids: Vec<UserId> = found.iter().map(|user| user.id).collect();
        let mut apart: HashSet<UserId> = store.blockers(caller, &ids).await?.into_iter().collect();
        apart.extend(store.blocked_by(caller).await?.into_iter().map(|blocked| blocked.0));
        found.retain(|user| !apart.contains(&user.id));
        self.shared.addable_by(caller, found).await
    }
}

fn handover(from: UserId, to: UserId) -> Plan {
    let mut plan = Plan::of(SystemEvent::OwnerChanged { user: to });
    plan.change.owner = Some(to);
    plan.with(to, MemberState::Active, Role::Owner).with(from, MemberState::Active, Role::Admin)
}

fn deletion(by_operators: bool) -> Plan {
    let mut plan = Plan::of(SystemEvent::GroupDeleted { by_operators });
    plan.all_leave = true;
    plan.change.public = Some(false);
    plan
}
