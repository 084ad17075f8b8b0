//! Invitations to the server, and whether anybody is in yet.
//!
//! They are used up by `Sessions::redeem`, in the step that verifies the account. A part of the
//! store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::InvitationId;
use crate::model::door::Invitation;
use crate::model::users::{Standing, User};

/// What became of a code that was redeemed.
#[allow(clippy::large_enum_variant, reason = "nearly every value is the large one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entered {
    /// The session is open. With the invitation that the account came in by, if this code has
    /// verified it.
    In(User, Option<Invitation>),
    /// The code is gone, somebody else's, or its account deleted.
    Gone,
    /// The account is a new one and not let in; the code is gone.
    ShutOut,
    /// The account is suspended, until then if it ends by itself, and why; the code is gone.
    Suspended(Option<Time>, String),
}

impl Entered {
    /// What a login to an account is answered at a moment while it is suspended.
    pub(super) fn suspended(user: &User, at: Time) -> Option<Self> {
        match &user.standing {
            Standing::Suspended { until, why } if user.is_suspended(at) => {
                Some(Self::Suspended(*until, why.clone()))
            }
            Standing::Suspended { .. } | Standing::Fine => None,
        }
    }
}

/// Invitations to the server, and whether anybody is in.
#[async_trait]
pub trait Invitations: Send + Sync {
    /// Whether an account was ever verified.
    async fn anybody(&self) -> Result<bool>;
    /// Puts an invitation unless there are so many others; whether it is there. Puts that race may
    /// exceed the number by a few.
    async fn put_invitation(&self, invitation: &Invitation, others: u32) -> Result<bool>;
    /// Finds an invitation.
    async fn invitation(&self, id: InvitationId) -> Result<Option<Invitation>>;
    /// All of them, latest first.
    async fn invitations(&self) -> Result<Vec<Invitation>>;
    /// Removes an invitation; whether it was there.
    async fn remove_invitation(&self, id: InvitationId) -> Result<bool>;
}
