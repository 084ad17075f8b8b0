//! What admins decide about a group: its rules, its announcement, who is silent; and what may be
//! changed at once.
//!
//! Invariant: whatever a rule forbids is refused in the step that would store it (`store/decide`),
//! so that nothing is acked after the change of a rule was.
//!
//! Called by the use-cases of groups and by `http`.

use std::time::Duration;

use super::step::{Ground, Plan};
use super::{GroupEdit, Groups, NOTHING};
use crate::clock::Time;
use crate::core::permissions::Action;
use crate::error::{Code, Error, Result, Text};
use crate::id::{ChatId, UserId};
use crate::model::auth::Caller;
use crate::model::chats::{Announcement, GroupRules, SLOW_MOST_S, Who};
use crate::model::messages::SystemEvent;

/// A member is silenced for at most so long; it can be said again.
pub const SILENCE_MOST: Duration = Duration::from_secs(366 * 24 * 3600);

const ALONE: Text = Text {
    en: "Change the rules, the announcement, and the rest of a group each in a request of its own.",
    es: "Cambia las reglas, el aviso y el resto del grupo cada cosa en su propia petición.",
};
const TOO_SLOW: Text = Text {
    en: "Slow mode takes 1 to {} seconds between two messages; 0 turns it off.",
    es: "El modo lento admite de 1 a {} segundos entre dos mensajes; 0 lo apaga.",
};
const TOO_LONG: Text = Text {
    en: "Name a moment in the future, at most {} days away.",
    es: "Indica un momento futuro, como máximo dentro de {} días.",
};
const NOT_SILENT: Text =
    Text { en: "This member is not silenced.", es: "Este miembro no está silenciado." };

/// What of a group's rules somebody wants to change; `None` leaves one as it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct RulesEdit {
    /// Who may send messages.
    pub write: Option<Who>,
    /// Seconds between two messages of a plain member, at most `SLOW_MOST_S`; 0: slow mode is off.
    pub slow_s: Option<u32>,
    /// Who may add people.
    pub add: Option<Who>,
    /// Those who come wait to be let in.
    pub approve: Option<bool>,
}

impl RulesEdit {
    fn applied(self, rules: GroupRules) -> GroupRules {
        GroupRules {
            write: self.write.unwrap_or(rules.write),
            slow_s: self.slow_s.unwrap_or(rules.slow_s),
            add: self.add.unwrap_or(rules.add),
            approve: self.approve.unwrap_or(rules.approve),
        }
    }
}

impl GroupEdit {
    /// A system message tells one thing, and more people may change the rules than the settings.
    pub(super) fn check(&self) -> Result<()> {
        let rest = self.title.is_some()
            || self.about.is_some()
            || self.public.is_some()
            || self.history_shared.is_some();
        let rules = self.rules != RulesEdit::default();
        match [rest, rules, self.announcement.is_some()].into_iter().filter(|some| *some).count() {
            0 => return Err(Error::new(Code::BadRequest, NOTHING)),
            1 => {}
            _ => return Err(Error::new(Code::BadRequest, ALONE)),
        }
        if self.rules.slow_s.is_some_and(|slow_s| slow_s > SLOW_MOST_S) {
            return Err(Error::field("rules.slow", TOO_SLOW).arg(SLOW_MOST_S.to_string()));
        }
        Ok(())
    }

    pub(super) fn plan(&self, ground: &Ground<'_>) -> Result<Plan> {
        if let Some(text) = &self.announcement {
            ground.me(Action::Announce)?;
            let mut plan = Plan::of(SystemEvent::AnnouncementChanged);
            // Its seq is that of the message, which the step knows.
            let announcement =
                |text| Announcement { text, by: ground.caller, at: ground.now, seq: 0 };
            plan.change.announcement = Some(text.clone().map(announcement));
            return Ok(plan);
        }
        if self.rules != RulesEdit::default() {
            ground.me(Action::EditRules)?;
            let rules = self.rules.applied(ground.chat.rules);
            let mut plan = Plan::of(SystemEvent::RulesChanged { rules });
            plan.change.rules = Some(rules);
            return Ok(plan);
        }
        self.plan_rest(ground)
    }

    /// Title, description and settings.
    fn plan_rest(&self, ground: &Ground<'_>) -> Result<Plan> {
        let settings = self.public.is_some() || self.history_shared.is_some();
        ground.me(if settings { Action::EditSettings } else { Action::EditFace })?;
        let event = match (&self.title, &self.about) {
            (Some(title), _) => SystemEvent::Renamed { title: title.clone() },
            (None, Some(_)) => SystemEvent::Described,
            (None, None) => SystemEvent::SettingsChanged {
                public: self.public.unwrap_or(ground.chat.public),
                history_shared: self.history_shared.unwrap_or(ground.chat.history_shared),
            },
        };
        let mut plan = Plan::of(event);
        plan.change.title = self.title.clone();
        plan.change.about = self.about.clone();
        plan.change.public = self.public;
        plan.change.history_shared = self.history_shared;
        Ok(plan)
    }
}

impl Groups {
    /// Silences a member of a lower rank until a moment, at most `SILENCE_MOST` away: they neither
    /// send nor edit messages. Coming back after leaving does not end it.
    pub async fn silence(
        &self,
        caller: &Caller,
        chat: ChatId,
        user: UserId,
        until: Time,
    ) -> Result<()> {
        let now = self.shared.ports.now();
        if until <= now || until > now.plus(SILENCE_MOST) {
            let days = SILENCE_MOST.as_secs() / (24 * 3600);
            return Err(Error::field("until", TOO_LONG).arg(days.to_string()));
        }
        self.step(caller, chat, vec![user], move |ground| {
            ground.other(Action::Silence, user)?;
            Ok(silence(user, Some(until)))
        })
        .await
        .map(drop)
    }

    /// Lets a silenced member of a lower rank speak again.
    pub async fn let_speak(&self, caller: &Caller, chat: ChatId, user: UserId) -> Result<()> {
        self.step(caller, chat, vec![user], move |ground| {
            ground.other(Action::Silence, user)?;
            let silent = ground.row(user).and_then(|row| row.silent_until);
            match silent.filter(|until| *until > ground.now) {
                Some(_) => Ok(silence(user, None)),
                None => Err(Error::not_found(NOT_SILENT)),
            }
        })
        .await
        .map(drop)
    }
}

fn silence(user: UserId, until: Option<Time>) -> Plan {
    let mut plan = Plan::of(SystemEvent::MemberSilenced { user, until });
    plan.silence = Some((user, until));
    plan
}
