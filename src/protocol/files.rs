//! Files on the wire: what is known of one, links, uploads on their way, storage.
//!
//! Addresses are paths of this server; none of them holds a token. Called by `http` and `ws`.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::values::{Id, Moment, is_false};
use crate::core::files::{Link, Progress, Storage as Used};
use crate::id::FileId;
use crate::model::files as core;

/// What a file is to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    /// A picture.
    Image,
    /// A film.
    Video,
    /// Music and other sound.
    Audio,
    /// A spoken message.
    Voice,
    /// Anything else; never shown in place.
    Document,
}

impl From<core::FileKind> for FileKind {
    fn from(kind: core::FileKind) -> Self {
        match kind {
            core::FileKind::Image => Self::Image,
            core::FileKind::Video => Self::Video,
            core::FileKind::Audio => Self::Audio,
            core::FileKind::Voice => Self::Voice,
            core::FileKind::Document => Self::Document,
        }
    }
}

/// A file, as a message carries it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema, JsonSchema)]
pub struct Attachment {
    /// Which file.
    pub id: Id,
    /// What it is to people.
    pub kind: FileKind,
    /// Its media type, by its content.
    #[serde(rename = "type")]
    #[schema(example = "image/jpeg")]
    pub media_type: String,
    /// Its name, for people to read.
    #[schema(example = "IMG_2041.jpg")]
    pub name: String,
    /// How many bytes.
    pub size: u64,
    /// In pixels, of pictures and films.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub width: Option<u32>,
    /// In pixels, of pictures and films.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub height: Option<u32>,
    /// How long it plays, in milliseconds, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub duration_ms: Option<u64>,
    /// ThumbHash of the picture, in base64: what to show until it is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbhash: Option<String>,
    /// A picture that moves.
    #[serde(default, skip_serializing_if = "is_false")]
    pub animated: bool,
    /// Where its bytes are.
    pub url: String,
    /// Where a picture of it is with at most 320 pixels on the long side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub small_url: Option<String>,
    /// Where a picture of it is with at most 1,280 pixels on the long side.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_url: Option<String>,
}

impl From<core::Attachment> for Attachment {
    fn from(attachment: core::Attachment) -> Self {
        let core::Attachment { file, facts } = attachment;
        let url = url_of(file);
        let picture = |there: bool, size: &str| there.then(|| format!("{url}?size={size}"));
        Self {
            id: file.into(),
            kind: facts.kind.into(),
            media_type: facts.media_type,
            name: facts.name.as_str().to_owned(),
            size: facts.size,
            width: facts.dimensions.map(|(width, _)| width),
            height: facts.dimensions.map(|(_, height)| height),
            duration_ms: facts.duration.map(|duration| duration.as_millis() as u64),
            thumbhash: facts.thumbhash.map(|hash| BASE64.encode(hash)),
            animated: facts.animated,
            small_url: picture(facts.small, "small"),
            large_url: picture(facts.large, "large"),
            url,
        }
    }
}

impl From<core::File> for Attachment {
    fn from(file: core::File) -> Self {
        file.attachment().into()
    }
}

/// Where the bytes of a file are.
pub fn url_of(file: FileId) -> String {
    format!("/api/v1/files/{file}")
}

/// `POST /files`, as `multipart/form-data`.
#[derive(Debug, Clone, ToSchema)]
pub struct UploadForm {
    /// What it is meant as: `auto`, `voice` (a spoken message) or `document` (kept as it is).
    #[schema(example = "auto", default = "auto")]
    pub kind: Option<String>,
    /// How long it plays, for sound and films whose format does not say.
    pub duration_ms: Option<u64>,
    /// A picture that stands for a film until it plays.
    #[schema(value_type = Option<String>, format = Binary)]
    pub poster: Option<Vec<u8>>,
    /// The file, with its name; after the other fields.
    #[schema(value_type = String, format = Binary)]
    pub file: Vec<u8>,
}

/// An upload on its way, or the file that it has become.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Upload {
    /// The upload, and the file once it is whole.
    pub id: Id,
    /// How many bytes are there.
    pub offset: u64,
    /// How many it will have.
    pub length: u64,
    /// The file; null until it is whole.
    pub file: Option<Attachment>,
}

impl Upload {
    /// How far an upload has come.
    pub fn of(id: FileId, progress: Progress) -> Self {
        Self {
            id: id.into(),
            offset: progress.offset,
            length: progress.length,
            file: progress.file.map(Attachment::from),
        }
    }
}

/// Asks for links.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AskLinks {
    /// To which files; at most 50.
    pub files: Vec<Id>,
}

/// A link to a file that works without a header, for `<img>` and `<video>`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileLink {
    /// Which file.
    pub file: Id,
    /// A path of this server; `&size=small` and the like may be added.
    pub url: String,
    /// When it stops to work; sooner, when the session ends or the file is not yours to see.
    pub expires: Moment,
}

impl From<Link> for FileLink {
    fn from(link: Link) -> Self {
        let Link { file, caller, until, signature } = link;
        let query = format!(
            "until={}&for={}&via={}&sig={signature}",
            until.millis(),
            caller.user,
            caller.session
        );
        Self { file: file.into(), url: format!("{}?{query}", url_of(file)), expires: until.into() }
    }
}

/// Links, in the order asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileLinks {
    /// Whatever is missing here is not there for the caller.
    pub links: Vec<FileLink>,
}

/// Sets a picture.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetAvatar {
    /// A picture that you uploaded.
    pub file: Id,
}

/// How much room the caller's files take.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Storage {
    /// Bytes of all files.
    pub used: u64,
    /// At most so many.
    pub quota: u64,
}

impl From<Used> for Storage {
    fn from(storage: Used) -> Self {
        Self { used: storage.used, quota: storage.quota }
    }
}
