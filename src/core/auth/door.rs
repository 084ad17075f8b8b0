//! Who may create an account: the operator's door, and invitations to the server.
//!
//! Invariant: whoever is not let in gets the answer that everybody gets; their mail says why, in
//! the place of a code. Invariant: the door is asked again in the step that verifies an account, so
//! that an invitation lets in as many as it says, and nobody comes in by a code that was mailed
//! before the door was closed. The first account is let in whatever the door says: a server that
//! was just started can be used.
//!
//! Called by `auth` and `core::operator`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::ticket::Identity;
use super::{Asked, Auth, SignedIn, Wanted};
use crate::clock::Time;
use crate::core::Shared;
use crate::core::groups::Groups;
use crate::error::{Code, Error, Language, Result, Text};
use crate::id::{InvitationId, UserId};
use crate::mail::{Letter, Mail, Place};
use crate::model::auth::Caller;
use crate::model::door::{
    Door, INVITATION_LIFE, INVITATION_USES, INVITATIONS, Invitation, Refusal, SignUps,
};
use crate::model::text::Email;
use crate::model::users::User;

/// A code of this many bytes is drawn for an invitation.
const CODE_BYTES: usize = 18;

pub(super) const SHUT_OUT: Text = Text {
    en: "Sign-up is not open to you any more: it was closed, or the invitation was used up. Ask \
         the person who runs this server.",
    es: "Ya no puedes registrarte: se cerró el registro o la invitación ya se usó. Pregunta a \
         quien administra este servidor.",
};
const SUSPENDED: Text = Text {
    en: "Your account is suspended: {} Ask the person who runs this server.",
    es: "Tu cuenta está suspendida: {} Pregunta a quien administra este servidor.",
};
const SUSPENDED_UNTIL: Text = Text {
    en: "Your account is suspended until {}: {}",
    es: "Tu cuenta está suspendida hasta el {}: {}",
};
const MANY: Text = Text {
    en: "There are {} invitations already. Remove one first.",
    es: "Ya hay {} invitaciones. Quita una primero.",
};
const USES: Text = Text {
    en: "An invitation lets in 1 to {} people.",
    es: "Una invitación sirve para entre 1 y {} personas.",
};
const ENDS: Text = Text {
    en: "An invitation works for 1 to {} seconds.",
    es: "Una invitación funciona de 1 a {} segundos.",
};
pub(crate) const NO_INVITATION: Text =
    Text { en: "This invitation does not exist.", es: "Esta invitación no existe." };
const NO_LINK: Text = Text {
    en: "This is not the code of a group's invitation link that works.",
    es: "Este no es el código de un enlace de invitación a un grupo que funcione.",
};

/// What an invitation is made with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// How many people it lets in.
    pub uses: u32,
    /// How long it works.
    pub lasts: Duration,
    /// The code of a group's invitation link that whoever comes in joins by.
    pub group: Option<String>,
}

impl Default for Terms {
    /// One person, within a week.
    fn default() -> Self {
        Self { uses: 1, lasts: Duration::from_secs(7 * 24 * 60 * 60), group: None }
    }
}

/// An invitation that was just made.
#[derive(Clone, PartialEq, Eq)]
pub struct Invited {
    /// As it is kept: without its code.
    pub invitation: Invitation,
    /// Its code, for the link; kept nowhere.
    pub code: String,
}

/// Whether the server has its first account: once it has, it never has to ask again.
#[derive(Default)]
pub(crate) struct Settled(AtomicBool);

impl Auth {
    /// Who may sign up, as a client should show it: while nobody is there, the first one may.
    pub async fn door(&self) -> Result<Door> {
        let door = &self.door;
        let is_shut = !door.is_open() && self.is_settled().await?;
        Ok(if is_shut { (**door).clone() } else { Door::default() })
    }

    async fn is_settled(&self) -> Result<bool> {
        let settled = &self.shared.settled.0;
        if !settled.load(Ordering::Relaxed) && self.shared.ports.store.anybody().await? {
            settled.store(true, Ordering::Relaxed);
        }
        Ok(settled.load(Ordering::Relaxed))
    }

    /// Why an address is not let in, if it is not. Asks the same whether or not it has an account.
    pub(super) async fn refusal(
        &self,
        email: &Email,
        invitation: Option<InvitationId>,
    ) -> Result<Option<Refusal>> {
        if self.door.is_open() {
            return Ok(None);
        }
        let ports = &self.shared.ports;
        let is_invited = match invitation.filter(|_| self.door.sign_ups == SignUps::Invited) {
            Some(id) => ports.store.invitation(id).await?.is_some_and(|it| it.works(ports.now())),
            None => false,
        };
        let refusal = self.door.refusal(email, is_invited);
        Ok(if refusal.is_some() && !self.is_settled().await? { None } else { refusal })
    }

    /// Answers a sign-up that is not let in as one that is, and mails why. Whoever has an account
    /// gets a code to log in, as ever.
    pub(super) async fn turn_away(
        &self,
        refusal: Refusal,
        (identity, place): (Identity, Place),
        (email, known): (Email, Option<User>),
        language: Language,
    ) -> Result<Asked> {
        let known = known.filter(|user| user.verified.is_some()).map(|user| user.id);
        let waiting = self.shared.ports.store.waiting(&email).await?;
        let wanted = Wanted { email: &email, user: known, profile: None };
        let (_, code) = self.issue_code(wanted, Some((&identity, &waiting))).await?;
        let letter = match known {
            Some(_) => Letter::AlreadySignedUp { code },
            None => Letter::NotLetIn { why: refusal },
        };
        place.send(Mail { to: email, language, letter });
        Ok(Asked { ticket: identity.given, waits: None })
    }

    /// Puts a person who came in by an invitation into its group, if it has one. What keeps them
    /// out of the group keeps them out of nothing else.
    pub(super) async fn lead(&self, signed_in: &SignedIn, invitation: Invitation) {
        let Some(link) = invitation.group else { return };
        let SignedIn { user, session, .. } = signed_in;
        let caller = Caller { user: user.id, session: session.id, instance: None };
        let joined = Groups::new(self.shared.clone()).join_by_invite(&caller, &link).await;
        if let Err(error) = joined {
            let cause = error.cause();
            tracing::warn!(?cause, "an invitation did not lead into its group: {error}");
        }
    }
}

/// Draws an invitation, which is yet to be put; `by` is nobody for the person at the machine.
pub(crate) async fn drawn(
    shared: &Arc<Shared>,
    by: Option<UserId>,
    terms: Terms,
) -> Result<Invited> {
    let Terms { uses, lasts, group } = terms;
    if !(1..=INVITATION_USES).contains(&uses) {
        return Err(Error::field("uses", USES).arg(INVITATION_USES.to_string()));
    }
    if lasts.is_zero() || lasts > INVITATION_LIFE {
        return Err(Error::field("expires_in", ENDS).arg(INVITATION_LIFE.as_secs().to_string()));
    }
    if let Some(link) = &group {
        let found = Groups::new(shared.clone()).working_invite(link).await;
        found.map_err(|_| Error::field("group_invite", NO_LINK))?;
    }
    let mut bytes = [0; CODE_BYTES];
    shared.ports.entropy.fill(&mut bytes);
    let code = URL_SAFE_NO_PAD.encode(bytes);
    let (id, created) = (InvitationId::of(&code), shared.ports.now());
    let expires = created.plus(lasts);
    let invitation = Invitation { id, by, created, expires, uses, used: 0, group };
    Ok(Invited { invitation, code })
}

/// There are as many invitations as there can be.
pub(crate) fn full() -> Error {
    Error::new(Code::Conflict, MANY).arg(INVITATIONS.to_string())
}

/// Why a suspended person is not let in: until when, and the operator's reason.
pub(super) fn suspended(until: Option<Time>, why: String) -> Error {
    match until {
        Some(until) => Error::forbidden(SUSPENDED_UNTIL).arg(until.to_string()).arg(why),
        None => Error::forbidden(SUSPENDED).arg(why),
    }
}
