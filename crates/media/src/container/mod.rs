//! Video and audio: whether there is a picture, how large and how long, read from the container's
//! heads. Called by [`inspect`](crate::inspect).
//!
//! MP4 and Matroska are read by small parsers of our own: six numbers are wanted from fixed places,
//! and the crates for them either allocate what a file declares (an allocation that fails ends the
//! process), hold all sample tables, or have a licence that `deny.toml` refuses. Audio formats are
//! read by `lofty`, which bounds what it allocates, through the window's budget.
//!
//! A file without a readable track is a document: nothing plays it, so nothing is lost.

mod audio;
mod matroska;
mod mp4;

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::time::Duration;

use crate::sniff::{self, Container};
use crate::window::Window;
use crate::{Erasure, Kind, Media};

/// Anything longer than this is nonsense rather than a duration, and no client need show it.
const MAX_DURATION: Duration = Duration::from_secs(30 * 24 * 3600);

/// What a container's heads tell.
#[derive(Default)]
struct Figures {
    media_type: &'static str,
    has_video: bool,
    has_audio: bool,
    /// Of the first video track, upright.
    size: Option<(u32, u32)>,
    duration: Option<Duration>,
    erasures: Vec<Erasure>,
}

/// Looks at a file that begins as a container does.
pub fn inspect<R: Read + Seek>(window: &mut Window<'_, R>, container: Container) -> Media {
    let figures = match container {
        Container::Mp4 => mp4::read(window),
        Container::Matroska => matroska::read(window),
        Container::Audio => audio::read(window),
    };
    let Figures { media_type, has_video, has_audio, size, duration, erasures } = figures;
    let kind = match (has_video, has_audio) {
        (true, _) => Kind::Video,
        (false, true) => Kind::Audio,
        (false, false) => return Media::plain(Kind::Document, sniff::UNKNOWN),
    };
    let size = size.filter(|_| kind == Kind::Video).filter(|size| size.0 > 0 && size.1 > 0);
    Media {
        width: size.map(|size| size.0),
        height: size.map(|size| size.1),
        duration: duration.filter(|duration| !duration.is_zero() && *duration <= MAX_DURATION),
        erasures,
        ..Media::plain(kind, media_type)
    }
}

/// So many ticks of so many in a second.
fn ticks(count: u64, per_second: u64) -> Option<Duration> {
    let nanoseconds =
        u128::from(count) * 1_000_000_000 / u128::from(Some(per_second).filter(|n| *n > 0)?);
    Some(Duration::from_nanos(u64::try_from(nanoseconds).ok()?))
}

/// Blanks private metadata in a stored file: names become `free`, which players skip, and what
/// stood there becomes zero. The file keeps its size, and all offsets in it stay true.
pub fn erase<W: Write + Seek>(file: &mut W, erasures: &[Erasure]) -> io::Result<()> {
    for Erasure { name_at, payload } in erasures {
        file.seek(SeekFrom::Start(*name_at))?;
        file.write_all(b"free")?;
        file.seek(SeekFrom::Start(payload.start))?;
        io::copy(&mut io::repeat(0).take(payload.end.saturating_sub(payload.start)), file)?;
    }
    Ok(())
}
