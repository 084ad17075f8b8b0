//! A group step: from what was read, through a plan, to one atomic change and its event.
//!
//! Invariant: a plan is based on memberships that still hold when it is carried out; if they have
//! changed, it is made again.
//!
//! Called by the use-cases of groups.

use super::{Groups, NO_INVITE};
use crate::clock::Time;
use crate::core::chats::refusal;
use crate::core::fanout::Moves;
use crate::core::permissions::{self, Action};
use crate::core::search::terms_of;
use crate::core::{Shared, to_the_end};
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{ChatId, MessageId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::{
    Chat, ChatChange, ChatKind, GROUP_MEMBERS, GROUPS, Member, MemberState, Role,
};
use crate::model::messages::{Message, SystemEvent};
use crate::store::{GroupStep, Guard, Stepped, Unfit};

/// How often a step is tried again when its ground has moved.
const ATTEMPTS: u32 = 16;

pub(super) const ONLY_GROUPS: Text = Text {
    en: "This is a direct chat; only groups can do this.",
    es: "Este es un chat directo; solo los grupos pueden hacer esto.",
};
const FULL: Text = Text {
    en: "The group is full: it has {} members.",
    es: "El grupo está completo: tiene {} miembros.",
};
const YOU_ARE_IN_MANY: Text = Text {
    en: "You are in {} groups, which is the limit. Leave one first.",
    es: "Estás en {} grupos, y nadie puede estar en más. Abandona uno primero.",
};
const IN_MANY: Text = Text {
    en: "This person is in {} groups, which is the limit. Ask them to leave one first.",
    es: "Esta persona está en {} grupos, y nadie puede estar en más. Pídele que abandone uno.",
};
const NOT_IN: Text = Text {
    en: "This person is not a member of the group.",
    es: "Esta persona no es miembro del grupo.",
};
const SELF: Text = Text {
    en: "You cannot do this to yourself; leave the group or hand it over instead.",
    es: "Ese eres tú; abandona el grupo o cédelo.",
};

/// What a step does, decided from what was read.
pub(super) struct Plan {
    pub(super) change: ChatChange,
    pub(super) silence: Option<(UserId, Option<Time>)>,
    pub(super) members: Vec<(UserId, MemberState, Role)>,
    pub(super) all_leave: bool,
    pub(super) event: SystemEvent,
    pub(super) invite: Option<String>,
}

impl Plan {
    pub(super) fn of(event: SystemEvent) -> Self {
        Self {
            change: ChatChange::default(),
            silence: None,
            members: Vec::new(),
            all_leave: false,
            event,
            invite: None,
        }
    }

    pub(super) fn with(mut self, user: UserId, state: MemberState, role: Role) -> Self {
        self.members.push((user, state, role));
        self
    }
}

/// What a step is decided from: the group, and the rows of the people it is about.
pub(super) struct Ground<'a> {
    pub(super) chat: &'a Chat,
    pub(super) caller: UserId,
    pub(super) rows: &'a [Member],
    /// People who turned out to be unable to join: a plan leaves them out, or is refused.
    pub(super) unfit: &'a Unfit,
    pub(super) now: Time,
}

impl Ground<'_> {
    pub(super) fn row(&self, user: UserId) -> Option<&Member> {
        self.rows.iter().find(|row| row.user == user)
    }

    pub(super) fn active(&self, user: UserId) -> Option<&Member> {
        self.row(user).filter(|row| row.is_active())
    }

    /// The caller's role, which must suffice for `action`.
    pub(super) fn me(&self, action: Action) -> Result<Role> {
        let me = self.active(self.caller);
        let me = me.ok_or_else(|| refusal(self.chat, self.row(self.caller)))?;
        permissions::check_by(&self.chat.rules, me.role, action)?;
        Ok(me.role)
    }

    /// Another member's role, which must be below the caller's.
    pub(super) fn other(&self, action: Action, user: UserId) -> Result<Role> {
        let mine = self.me(action)?;
        if user == self.caller {
            return Err(Error::field("user", SELF));
        }
        let other = self.active(user).ok_or(Error::not_found(NOT_IN))?;
        permissions::check_on(mine, action, other.role)?;
        Ok(other.role)
    }
}

impl Groups {
    /// Reads the ground, plans, and carries the plan out, again when the ground moved meanwhile.
    pub(super) async fn step(
        &self,
        caller: &Caller,
        chat: ChatId,
        about: Vec<UserId>,
        plan: impl Fn(&Ground<'_>) -> Result<Plan> + Send + Sync + 'static,
    ) -> Result<(Message, Chat)> {
        let (shared, caller) = (self.shared.clone(), caller.user);
        to_the_end(async move { shared.step(caller, chat, &about, plan).await }).await
    }
}

/// What became of one attempt at a step.
enum Tried {
    Done(Message, Chat),
    /// The ground moved.
    Moved,
    /// These people cannot come in.
    Unfit(Unfit),
}

/// Why a plan that needs these people cannot be carried out.
pub(super) fn why_unfit(caller: UserId, unfit: &Unfit) -> Error {
    let many = |text| Error::new(Code::Conflict, text).arg(GROUPS.to_string());
    match unfit {
        _ if unfit.crowded.contains(&caller) => many(YOU_ARE_IN_MANY),
        Unfit { deleted, .. } if deleted.contains(&caller) => {
            Error::new(Code::Unauthenticated, text::UNAUTHENTICATED)
        }
        Unfit { deleted, .. } if !deleted.is_empty() => Error::not_found(text::NO_USER),
        Unfit { .. } => many(IN_MANY),
    }
}

impl Shared {
    /// Runs a step to its end; for callers that run in a task of their own.
    pub(super) async fn step(
        &self,
        caller: UserId,
        chat: ChatId,
        about: &[UserId],
        plan: impl Fn(&Ground<'_>) -> Result<Plan> + Send + Sync,
    ) -> Result<(Message, Chat)> {
        let mut unfit = Unfit::default();
        for _ in 0..ATTEMPTS {
            match self.try_step(caller, chat, about, &unfit, &plan).await? {
                Tried::Done(message, chat) => return Ok((message, chat)),
                Tried::Moved => {}
                Tried::Unfit(found) => {
                    unfit.deleted.extend(found.deleted);
                    unfit.crowded.extend(found.crowded);
                }
            }
        }
        Err(Error::new(Code::Conflict, text::CHANGED))
    }

    /// One attempt at a step.
    async fn try_step(
        &self,
        caller: UserId,
        chat: ChatId,
        about: &[UserId],
        unfit: &Unfit,
        plan: &(impl Fn(&Ground<'_>) -> Result<Plan> + Send + Sync),
    ) -> Result<Tried> {
        let mut users = about.to_vec();
        users.push(caller);
        users.sort_unstable();
        users.dedup();
        let found = self.ports.store.chat(chat, &users).await?;
        let (chat, rows) = found.ok_or(Error::not_found(text::NO_CHAT))?;
        if chat.kind == ChatKind::Direct {
            let party = chat.peers.is_some_and(|(low, high)| [low, high].contains(&caller));
            let text = if party {
                Error::new(Code::BadRequest, ONLY_GROUPS)
            } else {
                Error::not_found(text::NO_CHAT)
            };
            return Err(text);
        }
        let now = self.ports.now();
        let plan = plan(&Ground { chat: &chat, caller, rows: &rows, unfit, now })?;
        let needs = |(user, state, _): &(UserId, MemberState, Role)| {
            *state == MemberState::Active && unfit.contains(*user)
        };
        if plan.members.iter().any(needs) {
            return Err(why_unfit(caller, unfit));
        }
        let moves = self.moves(&chat, &rows, &plan).await?;
        let touched: Vec<UserId> = if plan.all_leave {
            moves.gone.clone()
        } else {
            let silenced = plan.silence.iter().map(|one| one.0);
            plan.members.iter().map(|row| row.0).chain(silenced).collect()
        };
        let step = self.group_step(caller, &chat, &users, &rows, plan);
        match self.ports.store.step(step).await? {
            Stepped::Done(message, chat) => {
                self.post(message.clone(), Some(chat.clone()), moves).await;
                self.tell_members(chat.id, &touched).await;
                let waited = rows.iter().filter(|row| row.state == MemberState::Requested);
                let waited = waited.map(|row| row.user).filter(|user| touched.contains(user));
                self.tell_asking(chat.id, &waited.collect::<Vec<_>>(), false).await;
                Ok(Tried::Done(message, chat))
            }
            Stepped::Stale => Ok(Tried::Moved),
            Stepped::Unfit(found) => Ok(Tried::Unfit(found)),
            Stepped::Full => Err(Error::new(Code::Conflict, FULL).arg(GROUP_MEMBERS.to_string())),
            Stepped::InviteGone => Err(Error::not_found(NO_INVITE)),
            Stepped::Gone => Err(Error::not_found(text::NO_CHAT)),
        }
    }

    fn group_step(
        &self,
        by: UserId,
        chat: &Chat,
        users: &[UserId],
        rows: &[Member],
        plan: Plan,
    ) -> GroupStep {
        let at = self.ports.now();
        let mut change = plan.change;
        change.deleted = plan.all_leave.then_some(at);
        let standing = |user: &UserId| {
            let row = rows.iter().find(|row| row.user == *user);
            Guard { user: *user, standing: row.map(|row| (row.state, row.role)) }
        };
        GroupStep {
            chat: chat.id,
            guards: users.iter().map(standing).collect(),
            terms: new_terms(chat, &change),
            revoked: lose_links(rows, &plan.members),
            rests_on: Some((chat.public, chat.rules)),
            change,
            silence: plan.silence,
            members: plan.members,
            all_leave: plan.all_leave,
            invite: plan.invite,
            message: MessageId(self.ports.ids.next()),
            by,
            event: plan.event,
            at,
        }
    }

    /// Who joins and who leaves by a plan: those whose row says otherwise now.
    async fn moves(&self, chat: &Chat, rows: &[Member], plan: &Plan) -> Result<Moves> {
        if plan.all_leave {
            let everybody = self.ports.store.members(chat.id, None, GROUP_MEMBERS).await?;
            let gone = everybody.into_iter().map(|row| row.user).collect();
            return Ok(Moves { joined: Vec::new(), gone });
        }
        let mut moves = Moves::default();
        for &(user, state, _) in &plan.members {
            let is_in = rows.iter().any(|row| row.user == user && row.is_active());
            match (is_in, state == MemberState::Active) {
                (false, true) => moves.joined.push(user),
                (true, false) => moves.gone.push(user),
                (true, true) | (false, false) => {}
            }
        }
        Ok(moves)
    }
}

/// Whose invitation links end with a plan: a link lives as long as its maker may manage links.
fn lose_links(rows: &[Member], plan: &[(UserId, MemberState, Role)]) -> Vec<UserId> {
    let could = |user: UserId| rows.iter().any(|row| row.user == user && makes_links(row));
    let can = |(_, state, role): &(UserId, MemberState, Role)| {
        *state == MemberState::Active && permissions::check(*role, Action::ManageInvites).is_ok()
    };
    plan.iter().filter(|one| could(one.0) && !can(one)).map(|one| one.0).collect()
}

/// Whether a member's invitation links work.
pub(super) fn makes_links(member: &Member) -> bool {
    member.is_active() && permissions::check(member.role, Action::ManageInvites).is_ok()
}

/// A group's search terms after a change, when they change: only public groups are found.
fn new_terms(chat: &Chat, change: &ChatChange) -> Option<Vec<String>> {
    if change.title.is_none() && change.public.is_none() {
        return None;
    }
    let title = change.title.as_ref().or(chat.title.as_ref());
    let public = change.public.unwrap_or(chat.public);
    Some(title.filter(|_| public).map(|title| terms_of(title.as_str())).unwrap_or_default())
}
