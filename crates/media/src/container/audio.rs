//! MP3, AAC, FLAC and Ogg: how long they play, by `lofty`; and WAV, of which `lofty` refuses what
//! was recorded without knowing its length. Called by the containers' `inspect`.
//!
//! `lofty` reads through the window, so its reads are counted; what it allocates at once is
//! bounded by its own limit; tags are not read; and should it panic, `inspect` catches that.

use std::io::{BufReader, Read, Seek, SeekFrom};

use lofty::config::{GlobalOptions, ParseOptions, apply_global_options};
use lofty::file::{AudioFile, FileType};
use lofty::probe::Probe;

use super::{Figures, ticks};
use crate::window::Window;

/// The largest thing that `lofty` may hold: no property is near it.
const MAX_ALLOCATION_BYTES: usize = 1 << 20;

/// Chunks before the samples of a WAV.
const MAX_CHUNKS: usize = 64;

/// What lies between the start of a stream and its first frame.
const MAX_JUNK_BYTES: usize = 4096;

/// What the stream's head tells; nothing when it is none.
pub fn read<R: Read + Seek>(window: &mut Window<'_, R>) -> Figures {
    let is_wav = window.array(0) == Some(*b"RIFF");
    let figures = if is_wav { wav(window) } else { properties(window) };
    figures.unwrap_or_default()
}

/// Chunks up to the samples; a length that reaches beyond the file ends where the file ends.
fn wav<R: Read + Seek>(window: &mut Window<'_, R>) -> Option<Figures> {
    let mut at = 12;
    let mut bytes_per_second = None;
    for _ in 0..MAX_CHUNKS {
        let [name @ .., s0, s1, s2, s3] = window.array::<8>(at)?;
        let length = u64::from(u32::from_le_bytes([s0, s1, s2, s3]));
        match (&name, bytes_per_second) {
            (b"fmt ", _) if length >= 16 => {
                bytes_per_second = Some(u32::from_le_bytes(window.array(at + 16)?).into());
            }
            (b"data", Some(rate)) => {
                let duration = ticks(length.min(window.size().saturating_sub(at + 8)), rate);
                let media_type = "audio/wav";
                return Some(Figures {
                    media_type,
                    has_audio: true,
                    duration,
                    ..Figures::default()
                });
            }
            _ => {}
        }
        at += 8 + length.next_multiple_of(2);
    }
    None
}

fn properties<R: Read + Seek>(window: &mut Window<'_, R>) -> Option<Figures> {
    apply_global_options(GlobalOptions::new().allocation_limit(MAX_ALLOCATION_BYTES));
    window.seek(SeekFrom::Start(0)).ok()?;
    let options =
        ParseOptions::new().read_tags(false).read_cover_art(false).max_junk_bytes(MAX_JUNK_BYTES);
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
        FileType::Opus | FileType::Vorbis | FileType::Speex => Some("audio/ogg"),
        _ => None,
    }
}
