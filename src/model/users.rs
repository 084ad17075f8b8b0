//! Users: people's accounts.

use super::contacts::{AddedBy, Card, Strangers};
use super::text::{About, Email, Name, PushToken};
use crate::clock::Time;
use crate::error::Language;
use crate::id::{FileId, UserId};

/// The account of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Who it is.
    pub id: UserId,
    /// Shown to others; empty once the account is deleted.
    pub name: Name,
    /// Where login codes go; never shown to others.
    pub email: Email,
    /// What the person says of itself.
    pub about: About,
    /// The picture.
    pub avatar: Option<FileId>,
    /// The address for push notifications; never shown to others.
    pub push_token: Option<PushToken>,
    /// What others may find and see.
    pub privacy: Privacy,
    /// What strangers may do; the server's own setting may be stricter.
    pub reach: Strangers,
    /// Who may put the person into a group.
    pub groups: AddedBy,
    /// The language of mails.
    pub language: Language,
    /// What lets others become contacts; none unless the person wants one.
    pub card: Option<Card>,
    /// When the account was asked for.
    pub created: Time,
    /// When the first code was verified; before that the account exists for nobody else.
    pub verified: Option<Time>,
    /// When the account was deleted; its messages stay.
    pub deleted: Option<Time>,
    /// Runs the server together with others of this role.
    pub operator: bool,
    /// Whether the account may be used.
    pub standing: Standing,
}

/// Whether an account may be used.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Standing {
    /// It may.
    #[default]
    Fine,
    /// An operator has shut its person out: nobody logs in, and search does not find it.
    Suspended {
        /// Until then; `None`: until an operator restores it.
        until: Option<Time>,
        /// For the person and for operators.
        why: String,
    },
}

impl User {
    /// Whether others may know of the account: verified and not deleted.
    pub const fn is_visible(&self) -> bool {
        self.verified.is_some() && self.deleted.is_none()
    }

    /// Whether nobody may log in at this moment.
    pub fn is_suspended(&self, now: Time) -> bool {
        match &self.standing {
            Standing::Fine => false,
            Standing::Suspended { until, .. } => until.is_none_or(|until| now < until),
        }
    }
}

/// What others may find and see of a person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Privacy {
    /// Found by the exact e-mail address. Off unless switched on.
    pub found_by_email: bool,
    /// Online state and last seen are shown.
    pub presence: bool,
    /// Read receipts are shown.
    pub receipts: bool,
}

impl Default for Privacy {
    fn default() -> Self {
        Self { found_by_email: false, presence: true, receipts: true }
    }
}

/// A change of one's own profile; `None` leaves a field as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileChange {
    /// New name.
    pub name: Option<Name>,
    /// New description.
    pub about: Option<About>,
    /// New picture, or none.
    pub avatar: Option<Option<FileId>>,
    /// New push address, or none.
    pub push_token: Option<Option<PushToken>>,
    /// New privacy switches.
    pub privacy: Option<Privacy>,
    /// What strangers may do from now on.
    pub reach: Option<Strangers>,
    /// Who may put the person into a group from now on.
    pub groups: Option<AddedBy>,
    /// New language of mails.
    pub language: Option<Language>,
    /// Another card, or none.
    pub card: Option<Option<Card>>,
}

/// One side of a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Blocks {
    /// The first person blocks the second.
    pub by_first: bool,
    /// The second person blocks the first.
    pub by_second: bool,
}
