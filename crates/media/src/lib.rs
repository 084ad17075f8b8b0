//! Examines uploads: what a file is by its content, the figures that a client shows before it has
//! the file, a picture that holds nothing but the picture, thumbnails.
//!
//! It knows nothing about chat, HTTP or storage. The rules call [`inspect`] on an uploaded file, on
//! a thread that may block, before anybody else sees the file. What it guarantees:
//!
//! - **Content decides.** Neither the file's name nor the uploader's claim counts. A file is an
//!   image only when it was decoded, and a video or audio only when a track was read from it;
//!   everything else is a [`Kind::Document`], which must only ever be served as an attachment.
//! - **Only the picture survives.** Images are rebuilt from their coded picture: no EXIF, no
//!   comment, no text, nothing behind the end. See [`Media::cleaned`]. Private metadata of MP4
//!   files can be blanked in place, see [`Media::erasures`].
//! - **Bounded.** Dimensions are read and compared with the [`Limits`] before anything is decoded;
//!   no size that a file declares is allocated before it was checked against the file's own
//!   length and the limits; containers are read through a window with a budget.
//! - **It does not panic.** Our own parsers are fuzzed. Decoders are other people's code: a panic
//!   in one of them is caught and answered as [`Refusal::Damaged`].

mod container;
mod limits;
mod picture;
mod refusal;
mod sniff;
mod window;

use std::io::{Read, Seek};
use std::ops::Range;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

pub use container::erase;
pub use limits::Limits;
pub use picture::{LARGE_SIDE, SMALL_SIDE};
pub use refusal::Refusal;
pub use sniff::named;

use sniff::Found;
use window::Window;

/// What a file is, by its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A picture that was decoded: JPEG, PNG, GIF or WebP.
    Image,
    /// A container with at least one video track.
    Video,
    /// A container with audio tracks only, or a bare audio stream.
    Audio,
    /// Everything else. Never to be shown inline.
    Document,
}

/// A thumbnail: an upright picture of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// The encoded picture.
    pub bytes: Vec<u8>,
    /// `image/jpeg`, or `image/png` when something shines through.
    pub media_type: &'static str,
    /// In pixels.
    pub width: u32,
    /// In pixels.
    pub height: u32,
}

/// Bytes of the file that hold private metadata, such as where a video was taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Erasure {
    /// Where the four letters of the box's name are; they become `free`.
    pub name_at: u64,
    /// What becomes zero.
    pub payload: Range<u64>,
}

/// What was found out about a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Media {
    /// What the file is.
    pub kind: Kind,
    /// The type of what is to be stored: of `cleaned` when there is one, else of the file.
    pub media_type: &'static str,
    /// In pixels, upright.
    pub width: Option<u32>,
    /// In pixels, upright.
    pub height: Option<u32>,
    /// How long it plays. Some containers do not say.
    pub duration: Option<Duration>,
    /// Whether a picture moves.
    pub animated: bool,
    /// Some 25 bytes from which a blurred preview can be drawn.
    pub thumbhash: Option<Vec<u8>>,
    /// To be stored in place of the file, which must then be thrown away. `None` when the file may
    /// be kept as it is.
    pub cleaned: Option<Vec<u8>>,
    /// What must be blanked in the file before it is stored (see [`erase`]); at most a few places.
    pub erasures: Vec<Erasure>,
    /// The long side has `SMALL_SIDE` pixels. `None` for anything that is not a picture, and for a
    /// still picture that is not larger. Of an animation it is the first frame.
    pub small: Option<Picture>,
    /// The long side has `LARGE_SIDE` pixels. `None` when the picture is not larger.
    pub large: Option<Picture>,
}

impl Media {
    /// A file of which no more is known than its type.
    fn plain(kind: Kind, media_type: &'static str) -> Media {
        Media {
            kind,
            media_type,
            width: None,
            height: None,
            duration: None,
            animated: false,
            thumbhash: None,
            cleaned: None,
            erasures: Vec::new(),
            small: None,
            large: None,
        }
    }
}

/// Finds out what the file of `size` bytes is.
///
/// Blocks, and may need as much memory as [`Limits::max_memory_bytes`] says: call it from a
/// bounded pool of threads.
pub fn inspect<R: Read + Seek>(
    source: &mut R,
    size: u64,
    limits: &Limits,
) -> Result<Media, Refusal> {
    if size == 0 {
        return Err(Refusal::Empty);
    }
    let mut window = Window::new(source, size);
    // A decoder that panics leaves nothing behind but the reader's position, which is not used
    // again.
    let seen = catch_unwind(AssertUnwindSafe(|| look(&mut window, limits)));
    if let Some(kind) = window.failure() {
        return Err(Refusal::Unreadable(kind));
    }
    seen.unwrap_or(Err(Refusal::Damaged("its decoder gave up")))
}

/// A picture without anything but itself and how it is turned, however large it is, for one that
/// [`inspect`] refuses to show. `None` when it has more than `most` bytes or cannot be taken apart.
pub fn without_metadata<R: Read + Seek>(source: &mut R, size: u64, most: u64) -> Option<Vec<u8>> {
    if size > most {
        return None;
    }
    let mut window = Window::new(source, size);
    let head = window.head();
    let Found::Image(format) = sniff::sniff(&head) else { return None };
    let taken_apart = catch_unwind(AssertUnwindSafe(|| picture::alone(&mut window, format)));
    taken_apart.unwrap_or_default()
}

fn look<R: Read + Seek>(window: &mut Window<'_, R>, limits: &Limits) -> Result<Media, Refusal> {
    let head = window.head();
    match sniff::sniff(&head) {
        Found::Image(format) => picture::inspect(window, format, limits),
        Found::Container(container) => Ok(container::inspect(window, container)),
        Found::Document(media_type) => Ok(Media::plain(Kind::Document, media_type)),
    }
}
