//! What is known of a file, for its own row and for the messages that it is in, which keep a copy:
//! a file never changes.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::broken;
use super::values::{Bytes, Id};
use crate::error::Result;
use crate::id::FileId;
use crate::model::files::{Attachment, FileFacts, FileKind, FileName};

/// What is known of a file, but for its smaller pictures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FactsForm {
    kind: String,
    #[serde(rename = "type")]
    media_type: String,
    name: String,
    size: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    width: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    height: Option<u32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    duration_ms: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    thumbhash: Option<Bytes>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    animated: bool,
}

impl From<&FileFacts> for FactsForm {
    fn from(facts: &FileFacts) -> Self {
        Self {
            kind: facts.kind.name().into(),
            media_type: facts.media_type.clone(),
            name: facts.name.as_str().into(),
            size: facts.size,
            width: facts.dimensions.map(|(width, _)| width),
            height: facts.dimensions.map(|(_, height)| height),
            duration_ms: facts.duration.map(|duration| duration.as_millis() as u64),
            thumbhash: facts.thumbhash.clone().map(Bytes),
            animated: facts.animated,
        }
    }
}

impl FactsForm {
    /// The facts that were stored, of a file with or without smaller pictures.
    pub fn facts(self, small: bool, large: bool) -> Result<FileFacts> {
        Ok(FileFacts {
            kind: FileKind::named(&self.kind).ok_or_else(|| broken("file"))?,
            media_type: self.media_type,
            name: FileName::stored(self.name),
            size: self.size,
            dimensions: self.width.zip(self.height),
            duration: self.duration_ms.map(Duration::from_millis),
            thumbhash: self.thumbhash.map(|bytes| bytes.0),
            animated: self.animated,
            small,
            large,
        })
    }
}

/// A file in a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct AttachmentForm {
    file: Id,
    #[serde(flatten)]
    facts: FactsForm,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    small: bool,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    large: bool,
}

impl From<&Attachment> for AttachmentForm {
    fn from(Attachment { file, facts }: &Attachment) -> Self {
        let (small, large) = (facts.small, facts.large);
        Self { file: Id(file.0), facts: facts.into(), small, large }
    }
}

impl AttachmentForm {
    /// The attachment that was stored.
    pub(super) fn attachment(self) -> Result<Attachment> {
        let facts = self.facts.facts(self.small, self.large)?;
        Ok(Attachment { file: FileId(self.file.0), facts })
    }
}
