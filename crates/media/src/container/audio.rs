//! MP3, AAC, WAV, FLAC and Ogg: how long they play, by `lofty`. Called by the containers'
//! `inspect`.
//!
//! `lofty` reads through the window, so its reads are counted; what it allocates at once is
//! bounded by its own limit; tags are not read; and should it panic, `inspect` catches that.

use std::io::{BufReader, Read, Seek, SeekFrom};

use lofty::config::{GlobalOptions, ParseOptions, apply_global_options};
use lofty::file::{AudioFile, FileType};
use lofty::probe::Probe;

use super::Figures;
use crate::window::Window;

/// The largest thing that `lofty` may hold: no property is near it.
const MAX_ALLOCATION_BYTES: usize = 1 << 20;

/// What lies between the start of a stream and its first frame.
const MAX_JUNK_BYTES: usize = 4096;

/// What the stream's head tells; nothing when it is none.
pub fn read<R: Read + Seek>(window: &mut Window<'_, R>) -> Figures {
    properties(window).unwrap_or_default()
}

fn properties<R: Read + Seek>(window: &mut Window<'_, R>) -> Option<Figures> {
    apply_global_options(GlobalOptions::new().allocation_limit(MAX_ALLOCATION_BYTES));
    window.seek(SeekFrom::Start(0)).ok()?;
    let options = ParseOptions::new()
        .read_tags(false)
        .read_cover_art(false)
        .max_junk_bytes(MAX_JUNK_BYTES);
    let probe = Probe::new(BufReader::new(window)).guess_file_type().ok()?;
    let media_type = media_type(probe.file_type()?)?;
    let file = probe.options(options).read().ok()?;
    let duration = Some(file.properties().duration());
    Some(Figures { media_type, has_audio: true, duration, ..Figures::default() })
}

fn media_type(found: FileType) -> Option<&'static str> {
    match found {
        FileType::Mpeg => Some("audio/mpeg"),
        FileType::Aac => Some("audio/aac"),
        FileType::Flac => Some("audio/flac"),
        FileType::Wav => Some("audio/wav"),
        FileType::Opus | FileType::Vorbis | FileType::Speex => Some("audio/ogg"),
        _ => None,
    }
}
