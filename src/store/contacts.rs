//! What two people are to each other: one step for both of their rows.
//!
//! A part of the store's contract (`store`). Called by `core`.

use async_trait::async_trait;

use crate::clock::Time;
use crate::error::Result;
use crate::id::{ObjectId, UserId};
use crate::model::chats::{Chat, Member};

/// What somebody does about another person.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Asks to be contacts; consents, if the other asks.
    Ask,
    /// Writes to the other, under the mark of a key: a text of a request, or an answer to one.
    Write(ObjectId),
    /// Accepts the other's request, also one that was refused before.
    Accept,
    /// Refuses the other's request.
    Refuse,
    /// Is the other's contact no more.
    Remove,
    /// Shows the other's card, which makes contacts of whoever has it.
    Meet,
    /// Deletes the own account.
    Forget,
}

/// An act in the direct chat of two people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TieStep {
    /// Who does it.
    pub by: UserId,
    /// About whom.
    pub to: UserId,
    /// What.
    pub act: Act,
    /// When.
    pub at: Time,
}

/// Why an act has no effect, and is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unasked {
    /// The request has all the texts that it may have.
    Full,
    /// The other did not ask, or did so too long ago.
    Nothing,
}

/// What became of a step.
#[allow(clippy::large_enum_variant, reason = "nearly every value is the large one")]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tied {
    /// Done: the chat, the rows that changed as they are now, and whether somebody came into the
    /// chat with it.
    Done {
        /// Their direct chat.
        chat: Chat,
        /// Rows that changed, each of whom it is of.
        rows: Vec<Member>,
        /// The chat, or a row, is new.
        opened: bool,
    },
    /// It was so already; nothing was changed.
    Same,
    /// It cannot be; nothing was changed.
    Unasked(Unasked),
    /// The two have no chat, and one of the accounts was deleted; nothing was changed.
    Gone,
}

/// Ties between people.
#[async_trait]
pub trait Contacts: Send + Sync {
    /// Carries out an act: changes both people's rows at once, as `decide::tie` says, and creates
    /// their direct chat when it is new. Idempotent but for the time.
    async fn tie(&self, step: TieStep) -> Result<Tied>;
}
