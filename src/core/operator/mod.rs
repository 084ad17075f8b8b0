//! What operators do: people, groups, invitations, and the audit of it.
//!
//! Invariant: an operator reads no chat: nothing here answers what somebody wrote. Invariant: every
//! act leaves one row in the audit (`store::Operators` says how, also when it is cut off), and is
//! told to whom it concerns: sessions that it closed are closed on every node, and calls with them.
//!
//! What is reported (a person, a group, a message) is taken and answered in `reports`: an answer is
//! an act like the others. Figures over time are in `trends`.
//!
//! Called by `http`, for sessions of operators and for the person at the server's machine.

mod reports;
mod rules;
mod trends;

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use hmac::Mac;

pub use self::rules::Actor;
pub(crate) use self::trends::Happenings;
pub use self::trends::TRENDS;
use super::auth::door::{self, Invited, Terms};
use super::auth::moving::ADDRESS_TAKEN;
use super::search::Query;
use super::{Shared, to_the_end};
use crate::bus::Event;
use crate::error::{Code, Error, Result, Text, text};
use crate::id::{AuditId, ChatId, InvitationId, UserId, hex_digits};
use crate::model::auth::{Caller, Quota, Session};
use crate::model::chats::{Chat, ChatKind, Member};
use crate::model::operators::{AUDIT_LIFE, Act, Audit, Figures, Folk};
use crate::model::text::Email;
use crate::model::users::User;
use crate::store::Acted;

/// Wrong keys that a person may send in an hour.
pub const KEY_GUESSES: u32 = 5;
/// Wrong keys of all people in an hour.
pub const KEY_GUESSES_IN_ALL: u32 = 100;
/// At most this many rows a page.
pub const PAGE: u32 = 200;
/// An act that is not done after so long was cut off.
const CUT_OFF: Duration = Duration::from_secs(60);
/// At most this many acts are finished in one sweep.
const FINISHED: u32 = 100;
const HOUR_MS: u64 = 60 * 60 * 1000;

const WRONG_KEY: Text = Text {
    en: "This is not the operator's key, or somebody has taken the role with it. It is in \
         DATA_DIR/secrets/operator_key; or run 'wechat people operator ADDRESS' on the server.",
    es: "Esta no es la clave del operador, o alguien ya tomó el cargo con ella. Está en \
         DATA_DIR/secrets/operator_key; o ejecuta 'wechat people operator DIRECCIÓN' en el \
         servidor.",
};

/// The key by which the first operator takes the role.
#[derive(Default)]
pub(crate) struct RoleKey(OnceLock<[u8; 32]>);

/// What operators do.
#[derive(Clone)]
pub struct Operator {
    shared: Arc<Shared>,
}

/// A row of the audit, with what those are called now whom it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedAudit {
    /// As it is kept, with ids.
    pub row: Audit,
    /// Which operator; `None`: the person at the machine, or somebody whose account is deleted.
    pub by: Option<String>,
    /// The person or the group that it is about; `None`: nobody, or somebody who is deleted.
    pub name: Option<String>,
}

/// A person as operators see them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// Their account.
    pub user: User,
    /// Where they are logged in, latest used first.
    pub sessions: Vec<Session>,
    /// In how many groups they are.
    pub groups: u32,
}

impl Operator {
    pub(crate) const fn new(shared: Arc<Shared>) -> Self {
        Self { shared }
    }

    /// From now on, whoever shows this key becomes an operator, while nobody is one.
    pub(crate) fn open(&self, key: [u8; 32]) {
        self.shared.role_key.0.set(key).ok();
    }

    /// Whether somebody is an operator.
    pub async fn is_there(&self) -> Result<bool> {
        Ok(!self.shared.ports.store.folk(Folk::Operators, None, 1).await?.is_empty())
    }

    /// Takes the role with the key that the server's terminal printed. Wrong keys are counted, and
    /// a key works while nobody has the role.
    pub async fn take_role(&self, caller: &Caller, key: &str) -> Result<()> {
        let quota = |key: String, limit| Quota { key, limit, window_ms: HOUR_MS };
        let counted = [
            quota(format!("operator-key:{}", caller.user), KEY_GUESSES),
            quota("operator-key".to_owned(), KEY_GUESSES_IN_ALL),
        ];
        let now = self.shared.ports.now();
        self.shared.count(&counted, now).await?;
        if !self.is_key(key.trim()) {
            return Err(Error::forbidden(WRONG_KEY));
        }
        self.run(Some(caller.user), Act::TakeRole { user: caller.user }).await?;
        self.shared.ports.store.give_back(&counted, now).await
    }

    /// Compares in constant time.
    fn is_key(&self, text: &str) -> bool {
        let Some(key) = self.shared.role_key.0.get() else { return false };
        let digits = hex_digits(key);
        let mac = |text: &str| {
            let mut mac = self.shared.mac(b"operator key\0");
            mac.update(text.to_ascii_lowercase().as_bytes());
            mac
        };
        mac(text).verify(&mac(&digits).finalize().into_bytes()).is_ok()
    }

    /// Does something, and leaves its row.
    pub async fn act(&self, actor: &Actor, act: Act) -> Result<()> {
        let by = self.check(actor).await?;
        let whom = match act.user() {
            Some(user) => Some(self.shared.account(user).await?),
            None => None,
        };
        rules::check(by, &act, whom.as_ref())?;
        self.run(by, act.clone()).await?;
        if let (Act::Move { to, .. }, Some(whom)) = (act, whom) {
            self.shared.tell_of_operators_move(whom, to);
        }
        Ok(())
    }

    /// Makes an invitation to the server.
    pub async fn invite(&self, actor: &Actor, terms: Terms) -> Result<Invited> {
        let by = self.check(actor).await?;
        let made = door::drawn(&self.shared, by, terms).await?;
        self.run(by, Act::Invite(made.invitation.clone())).await?;
        Ok(made)
    }

    /// Carries an act out to its end, even when nobody waits for it any more.
    async fn run(&self, by: Option<UserId>, act: Act) -> Result<()> {
        let ports = &self.shared.ports;
        let (at, own) = (ports.now(), ports.ids.next());
        let audit = Audit { id: AuditId::at(at, own), at, by, act, done: true };
        let operator = self.clone();
        to_the_end(async move { operator.carry_out(&audit).await }).await
    }

    async fn carry_out(&self, audit: &Audit) -> Result<()> {
        let store = &self.shared.ports.store;
        match store.act(audit).await? {
            Acted::Done(closed) => {
                if let Some(user) = audit.act.user() {
                    self.shared.sessions_closed(user, &closed);
                    self.shared.ports.bus.publish(Event::UserChanged(user));
                }
                self.go_on(&audit.act).await;
                Ok(())
            }
            Acted::Begun => {
                if let Act::DeleteGroup { chat } = audit.act {
                    self.groups().end(chat).await?;
                }
                store.finish_act(audit.id).await
            }
            Acted::Missing => Err(Error::not_found(rules::missing(&audit.act))),
            Acted::Taken if matches!(audit.act, Act::Move { .. }) => {
                Err(Error::new(Code::Conflict, ADDRESS_TAKEN))
            }
            Acted::Taken if audit.report_step().is_some() => {
                Err(Error::new(Code::Conflict, text::CHANGED))
            }
            Acted::Taken => Err(Error::forbidden(WRONG_KEY)),
            Acted::Full => Err(door::full()),
        }
    }

    /// What follows an act, one thing after the other; what fails of it is repeated by the sweep.
    async fn go_on(&self, act: &Act) {
        let Act::Delete { user } = act else { return };
        let users = super::users::Users::new(self.shared.clone());
        if let Err(error) = users.leave(*user).await {
            let cause = error.cause();
            tracing::warn!(?cause, "a deleted account leaves its groups later: {error}");
        }
    }

    /// Finishes acts that were cut off, forgets what is a year old, and writes down how the figures
    /// went.
    pub(crate) async fn sweep(&self) -> Result<()> {
        let (store, now) = (&self.shared.ports.store, self.shared.ports.now());
        for audit in store.begun_acts(FINISHED).await? {
            if now.since(audit.at) >= CUT_OFF
                && let Err(error) = self.carry_out(&audit).await
            {
                let cause = error.cause();
                tracing::warn!(?cause, "an operator's act is finished later: {error}");
            }
        }
        store.sweep_audits(now.minus(AUDIT_LIFE)).await?;
        self.note_trends().await
    }

    /// Accounts in the order of their ids, a page after one.
    pub async fn people(
        &self,
        actor: &Actor,
        which: Folk,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<User>> {
        self.check(actor).await?;
        self.shared.ports.store.folk(which, after, limit.clamp(1, PAGE)).await
    }

    /// Accounts by a part of their name, or by their whole address.
    pub async fn find(&self, actor: &Actor, query: &Query, limit: u32) -> Result<Vec<User>> {
        self.check(actor).await?;
        let search = super::search::Search::new(self.shared.clone());
        search.people(query, limit.clamp(1, PAGE)).await
    }

    /// The account of an address.
    pub async fn by_address(&self, actor: &Actor, email: &Email) -> Result<Option<User>> {
        self.check(actor).await?;
        let found = self.shared.ports.store.user_by_email(email).await?;
        Ok(found.filter(|user| user.verified.is_some()))
    }

    /// A person, with where they are logged in.
    pub async fn person(&self, actor: &Actor, user: UserId) -> Result<Account> {
        self.check(actor).await?;
        let store = &self.shared.ports.store;
        let account = self.shared.account(user).await?;
        let sessions = store.sessions(user).await?;
        let rows = store.memberships(user).await?;
        let groups = rows.iter().filter(|row| row.chat.kind == ChatKind::Group).count();
        Ok(Account { user: account, sessions, groups: u32::try_from(groups).unwrap_or(u32::MAX) })
    }

    /// Groups in the order of their ids, a page after one.
    pub async fn all_groups(
        &self,
        actor: &Actor,
        after: Option<ChatId>,
        limit: u32,
    ) -> Result<Vec<Chat>> {
        self.check(actor).await?;
        self.shared.ports.store.all_groups(after, limit.clamp(1, PAGE)).await
    }

    /// A group and its first members, in the order of their ids.
    pub async fn group(&self, actor: &Actor, chat: ChatId) -> Result<(Chat, Vec<Member>)> {
        self.check(actor).await?;
        let store = &self.shared.ports.store;
        let found = store.chats(&[chat]).await?.pop();
        let found = found.filter(|chat| chat.kind == ChatKind::Group);
        let chat = found.ok_or(Error::not_found(rules::NO_GROUP))?;
        let members = store.members(chat.id, None, PAGE).await?;
        Ok((chat, members))
    }

    /// Rows of the audit before one, latest first.
    pub async fn audit(
        &self,
        actor: &Actor,
        before: Option<AuditId>,
        limit: u32,
    ) -> Result<Vec<NamedAudit>> {
        self.check(actor).await?;
        let rows = self.shared.ports.store.audits(before, limit.clamp(1, PAGE)).await?;
        let by = self.people_in(rows.iter().filter_map(|row| row.by)).await?;
        let whom = self.people_in(rows.iter().filter_map(|row| row.act.user())).await?;
        let groups: Vec<ChatId> = rows.iter().filter_map(|row| row.act.group()).collect();
        let groups = self.shared.ports.store.chats(&groups).await?;
        let title = |id| groups.iter().find(|group| group.id == id)?.title.clone();
        let named = |row: Audit| {
            let of = |people: &[User], id| {
                let found = people.iter().find(|user| user.id == id)?;
                Some(found.name.as_str().to_owned()).filter(|name| !name.is_empty())
            };
            let title = row.act.group().and_then(title).map(|title| title.as_str().to_owned());
            let name = row.act.user().and_then(|user| of(&whom, user)).or(title);
            NamedAudit { by: row.by.and_then(|user| of(&by, user)), name, row }
        };
        Ok(rows.into_iter().map(named).collect())
    }

    /// The accounts of some ids, each once.
    async fn people_in(&self, ids: impl Iterator<Item = UserId> + Send) -> Result<Vec<User>> {
        let ids: Vec<UserId> = ids.collect::<BTreeSet<_>>().into_iter().collect();
        self.shared.ports.store.users(&ids).await
    }

    /// How much there is.
    pub async fn figures(&self, actor: &Actor) -> Result<Figures> {
        self.check(actor).await?;
        self.shared.ports.store.figures().await
    }

    /// Invitations to the server, latest first.
    pub async fn invitations(&self, actor: &Actor) -> Result<Vec<crate::model::door::Invitation>> {
        self.check(actor).await?;
        self.shared.ports.store.invitations().await
    }

    /// Ends an invitation: it lets nobody in any more.
    pub async fn end_invitation(&self, actor: &Actor, id: InvitationId) -> Result<()> {
        self.act(actor, Act::EndInvitation { id }).await
    }

    fn groups(&self) -> super::groups::Groups {
        super::groups::Groups::new(self.shared.clone())
    }

    /// Who acts: an operator, or nobody by name at the machine. Asked of the store each time: who
    /// loses the role loses it at once.
    pub async fn check(&self, actor: &Actor) -> Result<Option<UserId>> {
        let Actor::Person(caller) = actor else { return Ok(None) };
        let found = self.shared.ports.store.users(&[caller.user]).await?.pop();
        match found.filter(|user| user.operator && user.deleted.is_none()) {
            Some(user) => Ok(Some(user.id)),
            None => Err(Error::forbidden(rules::NO_OPERATOR)),
        }
    }
}
