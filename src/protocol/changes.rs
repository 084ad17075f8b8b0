//! Changes of messages and cursors on the wire: what requests bring, and what of it is counted.
//!
//! Called by `http`; the frames of the same changes are in `frames`.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{Id, Moment, ids};
use crate::core::messages::changes::Edit;
use crate::error::Result;
use crate::model::text::Body;

/// A new text for a message.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EditMessage {
    /// At most 16 KiB; empty only beside files.
    pub body: String,
    /// People mentioned now; at most 50. Left out, the mentions stay as they are.
    #[serde(default)]
    pub mentions: Option<Vec<Id>>,
    /// Whether everybody is mentioned now. Left out, it stays as it is.
    #[serde(default)]
    pub mention_all: Option<bool>,
}

impl EditMessage {
    /// The change of the text that its author means.
    pub fn edit(self) -> Result<Edit> {
        let body = Body::beside_files("body", &self.body)?;
        Ok(Edit { body, mentions: self.mentions.map(ids), mention_all: self.mention_all })
    }
}

/// Hides messages for the caller alone.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HideMessages {
    /// Which; at most 100.
    pub seqs: Vec<u64>,
}

/// Moves a cursor.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UpTo {
    /// Up to this message.
    pub seq: u64,
}

/// Forwards a message.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Forward {
    /// The chat that it stands in.
    pub from: Id,
    /// Its seq there.
    pub seq: u64,
    /// The sender's idempotency key for the new message.
    pub client_msg_id: String,
}

/// How far the others have come with a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct ReceiptCounts {
    /// Members who show receipts, without the author.
    pub members: u32,
    /// To how many of them it was delivered.
    pub delivered: u32,
    /// How many of them have read it.
    pub read: u32,
}

/// An earlier text of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct EarlierText {
    /// The text.
    pub body: String,
    /// Until when it stood.
    pub until: Moment,
}
