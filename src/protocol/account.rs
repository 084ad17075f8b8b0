//! What people do with their own account, on the wire. Called by `http` and `frames`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{Id, Moment};
use crate::model::{auth, exports};

/// Asks for another address of one's own account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskAddress {
    /// The address that the account is to have.
    #[schema(example = "ana.new@example.org", format = Email)]
    pub email: String,
}

/// Proves that one reads mail at an address.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyAddress {
    /// The address that the account is to have.
    #[schema(example = "ana.new@example.org", format = Email)]
    pub email: String,
    /// The six digits from the mail.
    #[schema(example = "123456")]
    pub code: String,
}

/// A mail is on its way to the new address, and word of it to the present one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AddressAsked {
    /// The new address.
    pub email: String,
    /// How many seconds the code works.
    pub expires_in: u64,
}

/// The recovery codes that one has left.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryState {
    /// How many work.
    pub left: u32,
    /// When they were made; absent if none ever were, or they were voided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub made: Option<Moment>,
}

impl RecoveryState {
    /// Of what is stored.
    pub fn of(codes: Option<&auth::RecoveryCodes>) -> Self {
        let left = codes.map_or(0, |codes| u32::try_from(codes.left.len()).unwrap_or(u32::MAX));
        Self { left, made: codes.map(|codes| codes.made.into()) }
    }
}

/// A mail is on its way, with the code that makes recovery codes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryAsked {
    /// The address of the account.
    pub email: String,
    /// How many seconds the code works.
    pub expires_in: u64,
}

/// Proves that one reads the mail of the account that is to have recovery codes.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MakeRecoveryCodes {
    /// The six digits from the mail.
    #[schema(example = "123456")]
    pub code: String,
}

/// New recovery codes, which are shown this once.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RecoveryCodes {
    /// Each logs in once.
    #[schema(example = json!(["7QK2-X0M4-B9TE-W3HZ"]))]
    pub codes: Vec<String>,
    /// When they were made.
    pub made: Moment,
}

/// Opens a session by a recovery code.
#[derive(Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Recover {
    /// The account's address, even if nobody reads mail there any more.
    #[schema(example = "ana@example.org", format = Email)]
    pub email: String,
    /// One of its recovery codes; hyphens, spaces and small letters do not matter.
    #[schema(example = "7QK2-X0M4-B9TE-W3HZ")]
    pub code: String,
    /// What the client calls itself, for the list of devices.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(example = "Ana's phone")]
    pub device: Option<String>,
    /// The ticket that the client keeps, if it has one: a device that logged in before has guesses
    /// of its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
}

/// Where a copy of one's own data stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ExportState {
    /// Nobody wished for one, or it is over.
    None,
    /// It is to be made.
    Waiting,
    /// It is being made.
    Working,
    /// It can be fetched.
    Ready,
    /// It could not be made; another one may be wished for.
    Failed,
}

/// A part of a copy, with a link to it: a zip.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct ExportPart {
    /// Which file; `POST /files/links` makes further links.
    pub file: Id,
    /// What to call it.
    pub name: String,
    /// How many bytes.
    pub size: u64,
    /// A path of this server that needs no header. Ranges work, also after a break by a new link.
    pub url: String,
    /// When the link stops to work.
    pub expires: Moment,
}

/// A copy of one's own data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Export {
    /// Where it stands.
    pub state: ExportState,
    /// When it was wished for: what came later need not be in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub asked: Option<Moment>,
    /// How many chats are written; all of them are `of_chats`, once they are counted.
    pub chats: u32,
    /// How many chats there are.
    pub of_chats: u32,
    /// How many messages are written.
    pub messages: u64,
    /// How many files.
    pub files: u64,
    /// How many bytes of all that.
    pub bytes: u64,
    /// Files that were too many, or whose bytes are gone; `left-out.json` in the last part names
    /// them.
    pub left_out: u64,
    /// Until when it can be fetched, once it is ready.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Moment>,
    /// Its parts, once it is ready; those that you deleted are missing. The event has none.
    pub parts: Vec<ExportPart>,
}

impl Export {
    /// Where a copy stands; without its parts.
    pub fn of(export: Option<&exports::Export>) -> Self {
        let none = Self {
            state: ExportState::None,
            asked: export.map(|export| export.asked.into()),
            chats: 0,
            of_chats: 0,
            messages: 0,
            files: 0,
            bytes: 0,
            left_out: 0,
            until: None,
            parts: Vec::new(),
        };
        let Some(export) = export else { return none };
        let so_far = |state, done: &exports::Done| Self {
            state,
            chats: done.chats,
            of_chats: done.of_chats,
            messages: done.messages,
            files: done.files,
            bytes: done.bytes,
            ..none.clone()
        };
        match &export.state {
            exports::ExportState::Waiting => Self { state: ExportState::Waiting, ..none },
            exports::ExportState::Failed => Self { state: ExportState::Failed, ..none },
            exports::ExportState::Working { done, .. } => so_far(ExportState::Working, done),
            exports::ExportState::Ready { done, left_out, .. } => Self {
                left_out: *left_out,
                until: Some(export.due.into()),
                ..so_far(ExportState::Ready, done)
            },
        }
    }
}
