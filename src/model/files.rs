//! Files: uploads with what is known about them.
//!
//! A file is what a person uploaded, an attachment its use in a message, an object the bytes.
//! A file never changes, so a message keeps a copy of its facts.

use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::visible::{breaks_a_line, is_visible, without_hidden};
use crate::clock::Time;
use crate::id::{BadId, FileId, UserId, from_hex};

/// At most this many attachments in a message.
pub const ATTACHMENTS: usize = 10;
/// At most this many characters in the name of a file.
pub const NAME_CHARS: usize = 120;

/// SHA-256 of an object's bytes: its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest(pub [u8; 32]);

impl Digest {
    /// That of these bytes.
    pub fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes).into())
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl FromStr for Digest {
    type Err = BadId;

    fn from_str(text: &str) -> Result<Self, BadId> {
        from_hex(text).map(Self).ok_or(BadId)
    }
}

/// A size as people read it: `25 MB`, `1.4 GB`, `576 bytes`; units are of 1,024 each.
pub fn size_in_words(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1_024 => return format!("{bytes} bytes"),
        1_024..1_048_576 => (1 << 10, "KB"),
        1_048_576..1_073_741_824 => (1 << 20, "MB"),
        _ => (1 << 30, "GB"),
    };
    let tenths = u128::from(bytes) * 10 / unit;
    match tenths % 10 {
        0 => format!("{} {name}", tenths / 10),
        tenth => format!("{}.{tenth} {name}", tenths / 10),
    }
}

/// What a file is to people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
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

impl FileKind {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Image, Self::Video, Self::Audio, Self::Voice, Self::Document];

    /// Its name in stores and on the wire.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Image => "image",
            Self::Video => "video",
            Self::Audio => "audio",
            Self::Voice => "voice",
            Self::Document => "document",
        }
    }

    /// The kind of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// Whether it plays for a time.
    pub const fn plays(self) -> bool {
        matches!(self, Self::Video | Self::Audio | Self::Voice)
    }
}

/// The name that a file had where it came from: one line without a path, control or bidirectional
/// characters; at most 120 characters, never empty. For people to read, never to open by.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FileName(String);

impl FileName {
    /// The nearest good name: what a name cannot contain is taken out, not refused.
    pub fn of(text: &str) -> Self {
        let last = text.rsplit(['/', '\\']).next().unwrap_or_default();
        let clean: String = last.chars().filter(|c| !breaks_a_line(*c)).collect();
        let spaced = |c: char| if "<>:\"|?*".contains(c) || c.is_whitespace() { ' ' } else { c };
        let clean: String = without_hidden(&clean).chars().map(spaced).collect();
        let clean = clean.trim_matches(|c: char| c == '.' || c.is_whitespace());
        let says_nothing = !clean.chars().any(is_visible);
        if says_nothing { Self("file".into()) } else { Self(shortened(clean)) }
    }

    /// A name that was checked before it was stored.
    pub const fn stored(text: String) -> Self {
        Self(text)
    }

    /// The name with an ending that fits a picture of this type: people who save it open it as what
    /// it is. Names of other types stay.
    #[must_use]
    pub fn ending_as(self, media_type: &str) -> Self {
        let fitting: &[&str] = match media_type {
            "image/jpeg" => &["jpg", "jpeg", "jpe", "jfif"],
            "image/png" => &["png"],
            "image/gif" => &["gif"],
            "image/webp" => &["webp"],
            _ => return self,
        };
        let ending = self.0.rsplit_once('.').map_or("", |(_, ending)| ending);
        if fitting.iter().any(|fit| fit.eq_ignore_ascii_case(ending)) {
            return self;
        }
        Self(shortened(&format!("{}.{}", self.0, fitting[0])))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Keeps the ending, which tells people what it is.
fn shortened(name: &str) -> String {
    if name.chars().count() <= NAME_CHARS {
        return name.to_owned();
    }
    let (stem, ending) = match name.rsplit_once('.') {
        Some((stem, ending)) if ending.chars().count() <= 10 => (stem, format!(".{ending}")),
        _ => (name, String::new()),
    };
    let room = NAME_CHARS - ending.chars().count();
    stem.chars().take(room).chain(ending.chars()).collect()
}

/// What examining a file has found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileFacts {
    /// What it is to people.
    pub kind: FileKind,
    /// Its media type (RFC 6838), by its content.
    pub media_type: String,
    /// What the sender called it; never a path.
    pub name: FileName,
    /// How many bytes.
    pub size: u64,
    /// Width and height in pixels, of pictures and films.
    pub dimensions: Option<(u32, u32)>,
    /// How long it plays.
    pub duration: Option<Duration>,
    /// A few bytes from which a client draws a preview of the picture (ThumbHash).
    pub thumbhash: Option<Vec<u8>>,
    /// A picture that moves.
    pub animated: bool,
    /// There is a small picture of it.
    pub small: bool,
    /// There is a large picture of it, smaller than itself.
    pub large: bool,
}

impl FileFacts {
    /// A document, of which nothing is shown but its name.
    pub fn document(media_type: &str, name: FileName, size: u64) -> Self {
        Self {
            kind: FileKind::Document,
            media_type: media_type.to_owned(),
            name,
            size,
            dimensions: None,
            duration: None,
            thumbhash: None,
            animated: false,
            small: false,
            large: false,
        }
    }
}

/// The use of a file in a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment {
    /// Which file.
    pub file: FileId,
    /// What is known of it.
    pub facts: FileFacts,
}

/// A smaller picture of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendition {
    /// Its object.
    pub digest: Digest,
    /// How many bytes.
    pub size: u64,
    /// What its bytes are (RFC 6838).
    pub media_type: String,
}

/// An upload with what is known of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Which one.
    pub id: FileId,
    /// Who uploaded it.
    pub owner: UserId,
    /// What is known of it.
    pub facts: FileFacts,
    /// Its object.
    pub digest: Digest,
    /// A picture for lists, at most 320 pixels on its long side.
    pub small: Option<Rendition>,
    /// A picture for screens, at most 1,280 pixels on its long side.
    pub large: Option<Rendition>,
    /// When it was uploaded.
    pub created: Time,
    /// Until when it is kept though nothing uses it; `None` once it is known to be used.
    pub kept_until: Option<Time>,
}

impl File {
    /// Its use in a message.
    pub fn attachment(&self) -> Attachment {
        Attachment { file: self.id, facts: self.facts.clone() }
    }

    /// Every object that it needs.
    pub fn digests(&self) -> impl Iterator<Item = Digest> + '_ {
        let pictures = [&self.small, &self.large].into_iter().flatten();
        std::iter::once(self.digest).chain(pictures.map(|picture| picture.digest))
    }
}

/// A file with what decides whether a viewer may see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// As stored, whether the viewer may see it or not.
    pub file: File,
    /// It is attached to a message that the viewer may see.
    pub in_sight: bool,
    /// It is the picture of its owner, whose account others may see.
    pub of_user: bool,
    /// It is the picture of a group of which the viewer is a member, or of a public one.
    pub of_group: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_made_good() {
        for (text, name) in [
            ("cat.jpg", "cat.jpg"),
            ("../../etc/passwd", "passwd"),
            ("C:\\Users\\ana\\foto.png", "foto.png"),
            ("..", "file"),
            ("", "file"),
            ("a\u{202e}gpj.exe", "agpj.exe"),
            ("a\r\nSet-Cookie: x", "aSet-Cookie  x"),
            ("  \"q\" <b>.txt ", "q   b .txt"),
            ("照片 1.jpeg", "照片 1.jpeg"),
            ("inv\u{200b}oice.pdf", "invoice.pdf"),
            ("\u{2800}\u{2060}", "file"),
        ] {
            assert_eq!(FileName::of(text).as_str(), name, "{text:?}");
        }
        let long = format!("{}.tar.gz", "ñ".repeat(300));
        let short = FileName::of(&long);
        assert_eq!(short.as_str().chars().count(), NAME_CHARS);
        assert!(short.as_str().ends_with(".gz"), "{short:?}");
    }

    #[test]
    fn a_picture_is_saved_under_an_ending_of_pictures() {
        for (name, media_type, becomes) in [
            ("cat.JPEG", "image/jpeg", "cat.JPEG"),
            ("cat.html", "image/jpeg", "cat.html.jpg"),
            ("cat", "image/webp", "cat.webp"),
            ("report.html", "text/plain", "report.html"),
        ] {
            assert_eq!(FileName::of(name).ending_as(media_type).as_str(), becomes);
        }
        let long = FileName::of(&"x".repeat(300)).ending_as("image/png");
        assert!(long.as_str().ends_with("x.png") && long.as_str().len() == NAME_CHARS);
    }

    #[test]
    fn a_size_is_told_in_the_largest_unit_that_fits() {
        for (bytes, words) in [
            (0, "0 bytes"),
            (1_023, "1023 bytes"),
            (1_024, "1 KB"),
            (25 << 20, "25 MB"),
            ((1 << 30) + (400 << 20), "1.3 GB"),
            (u64::MAX, "17179869183.9 GB"),
        ] {
            assert_eq!(size_in_words(bytes), words);
        }
    }

    #[test]
    fn a_digest_is_read_back_as_written() {
        let digest = Digest([0xa7; 32]);
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for text in ["", "a7", &"g".repeat(64), &"ñ".repeat(32)] {
            assert_eq!(text.parse::<Digest>(), Err(BadId), "{text}");
        }
    }
}
