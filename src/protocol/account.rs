//! What people do with their own account, on the wire. Called by `http` and `frames`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{Id, Moment};
use crate::model::exports;

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
