//! The door: who may create an account, and invitations that let people in.

use std::time::Duration;

use super::text::Email;
use crate::clock::Time;
use crate::id::{InvitationId, ObjectId, UserId};

/// So many people may come in by one invitation, at most.
pub const INVITATION_USES: u32 = 500;
/// An invitation works at most so long.
pub const INVITATION_LIFE: Duration = Duration::from_secs(365 * 24 * 60 * 60);
/// So many invitations may be open at once.
pub const INVITATIONS: u32 = 500;

/// Who may sign up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SignUps {
    /// Anybody.
    #[default]
    Open,
    /// Whoever has an invitation.
    Invited,
    /// Nobody.
    Closed,
}

/// What stands between a stranger and an account. The first account of a server is always let in.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Door {
    /// Who may sign up.
    pub sign_ups: SignUps,
    /// Only addresses of these domains, in lower case; empty: of all.
    pub domains: Vec<String>,
}

/// Why a stranger is not let in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// Nobody is.
    Closed,
    /// They brought no invitation that works.
    Uninvited,
    /// Their address is of another domain.
    Domain,
}

impl Door {
    /// Whether everybody may sign up.
    pub fn is_open(&self) -> bool {
        self.sign_ups == SignUps::Open && self.domains.is_empty()
    }

    /// Whether accounts may have an address of its domain.
    pub fn takes(&self, email: &Email) -> bool {
        let domain = email.as_str().rsplit_once('@').map_or("", |(_, domain)| domain);
        self.domains.is_empty() || self.domains.iter().any(|one| one == domain)
    }

    /// Why an address is not let in, if it is not. `is_invited`: with an invitation that works.
    pub fn refusal(&self, email: &Email, is_invited: bool) -> Option<Refusal> {
        match (self.sign_ups, self.takes(email), is_invited) {
            (SignUps::Closed, ..) => Some(Refusal::Closed),
            (_, false, _) => Some(Refusal::Domain),
            (SignUps::Invited, _, false) => Some(Refusal::Uninvited),
            _ => None,
        }
    }

    /// What a step that lets an address in asks for.
    pub fn admission(&self, email: &Email) -> Admission {
        match self.refusal(email, true) {
            Some(_) => Admission::Nobody,
            None if self.sign_ups == SignUps::Open => Admission::Anybody,
            None => Admission::Invited,
        }
    }
}

/// Whom the step that verifies an account lets in, besides the first account of all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Admission {
    /// Everybody who asks.
    Anybody,
    /// Whose code says an invitation that works at that moment.
    Invited,
    /// Nobody else.
    Nobody,
}

/// Lets people create an account. Its code is in the link alone: the id is the code's digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// Which one.
    pub id: InvitationId,
    /// Who made it; `None` is the person at the server's machine.
    pub by: Option<UserId>,
    /// When it was made.
    pub created: Time,
    /// Until when it works.
    pub expires: Time,
    /// How many people it lets in; 1 to `INVITATION_USES`.
    pub uses: u32,
    /// How many have come in by it.
    pub used: u32,
    /// The code of a group's invitation link that whoever comes in joins by.
    pub group: Option<String>,
}

impl Invitation {
    /// Whether it lets somebody in.
    pub fn works(&self, now: Time) -> bool {
        self.used < self.uses && now < self.expires
    }
}

impl InvitationId {
    /// The invitation of a code.
    pub fn of(code: &str) -> Self {
        Self(ObjectId::of(code.as_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_door_asks_for_the_domain_and_for_the_invitation() {
        let email = |text: &str| Email::stored(text.to_owned());
        let door = |sign_ups, domains: &[&str]| Door {
            sign_ups,
            domains: domains.iter().map(|domain| (*domain).to_owned()).collect(),
        };
        let ours = ["a.org", "b.org"];
        for (sign_ups, domains, address, invited, refused) in [
            (SignUps::Open, &[][..], "ana@x.org", false, None),
            (SignUps::Open, &ours, "ana@b.org", false, None),
            (SignUps::Open, &ours, "ana@x.a.org", false, Some(Refusal::Domain)),
            (SignUps::Invited, &[], "ana@x.org", false, Some(Refusal::Uninvited)),
            (SignUps::Invited, &[], "ana@x.org", true, None),
            (SignUps::Invited, &ours, "ana@x.org", true, Some(Refusal::Domain)),
            (SignUps::Closed, &ours, "ana@a.org", true, Some(Refusal::Closed)),
        ] {
            let door = door(sign_ups, domains);
            assert_eq!(door.refusal(&email(address), invited), refused, "{door:?} {address}");
        }
        assert_eq!(door(SignUps::Invited, &[]).admission(&email("a@b.c")), Admission::Invited);
        assert_eq!(door(SignUps::Invited, &ours).admission(&email("a@b.c")), Admission::Nobody);
        assert!(door(SignUps::Open, &[]).is_open() && !door(SignUps::Open, &ours).is_open());
    }
}
