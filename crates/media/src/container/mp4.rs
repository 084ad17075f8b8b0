//! MP4, QuickTime, M4A and 3GP: tracks, size and duration from the heads of a few boxes. Nothing
//! that a box declares is allocated; boxes are visited on a fixed path, so they cannot nest.
//! Called by the containers' `inspect`.

use std::io::{Read, Seek};
use std::ops::Range;

use super::{Figures, ticks};
use crate::Erasure;
use crate::window::Window;

/// How many boxes are examined in one parent. A recording in fragments has one for every few
/// seconds.
const MAX_BOXES: usize = 20_000;
const MAX_TRACKS: usize = 32;
/// Places that are blanked; further ones are not looked for.
const MAX_ERASURES: usize = 64;

/// Where XMP stands: a box of the general kind with this name.
const XMP: [u8; 16] = [
    0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3, 0xaf, 0xac,
];

struct Part {
    name: [u8; 4],
    name_at: u64,
    body: Range<u64>,
}

/// The boxes of a range. Ends at the first that makes no sense.
struct Parts {
    range: Range<u64>,
    left: usize,
}

impl Parts {
    fn of(range: Range<u64>) -> Parts {
        Parts { range, left: MAX_BOXES }
    }

    fn next<R: Read + Seek>(&mut self, window: &mut Window<'_, R>) -> Option<Part> {
        self.left = self.left.checked_sub(1)?;
        let start = self.range.start;
        let [s3, s2, s1, s0, name @ ..] = window.array::<8>(start)?;
        let (head, size) = match u32::from_be_bytes([s3, s2, s1, s0]) {
            0 => (8, self.range.end.checked_sub(start)?),
            1 => (16, u64::from_be_bytes(window.array(start + 8)?)),
            size => (8, u64::from(size)),
        };
        let end = start.checked_add(size).filter(|end| size >= head && *end <= self.range.end)?;
        self.range.start = end;
        Some(Part { name, name_at: start + 4, body: start + head..end })
    }
}

#[derive(Default)]
struct Track {
    is_video: bool,
    is_audio: bool,
    size: Option<(u32, u32)>,
    erasures: Vec<Erasure>,
}

/// What the file's boxes tell.
pub fn read<R: Read + Seek>(window: &mut Window<'_, R>) -> Figures {
    let mut figures = Figures::default();
    let mut brand = *b"qt  ";
    let mut parts = Parts::of(0..window.size());
    let mut fragments = Fragments::default();
    while let Some(part) = parts.next(window) {
        match &part.name {
            b"ftyp" => brand = window.array(part.body.start).unwrap_or(brand),
            b"moov" if !figures.has_video && !figures.has_audio => {
                movie(window, part.body, &mut figures, &mut fragments);
            }
            b"moof" => fragments.last = Some(part.body),
            b"meta" | b"udta" => erase(&mut figures.erasures, &part),
            b"uuid" if window.array(part.body.start) == Some(XMP) => {
                erase(&mut figures.erasures, &part);
            }
            _ => {}
        }
    }
    if figures.duration.is_none_or(|duration| duration.is_zero()) {
        figures.duration = fragments.duration(window);
    }
    figures.media_type = media_type(brand, figures.has_video);
    figures
}

fn media_type(brand: [u8; 4], has_video: bool) -> &'static str {
    match (&brand, has_video) {
        (b"qt  ", true) => "video/quicktime",
        ([b'3', b'g', ..], true) => "video/3gpp",
        (_, true) => "video/mp4",
        (_, false) => "audio/mp4",
    }
}

fn erase(erasures: &mut Vec<Erasure>, part: &Part) {
    if erasures.len() < MAX_ERASURES {
        erasures.push(Erasure { name_at: part.name_at, payload: part.body.clone() });
    }
}

fn movie<R: Read + Seek>(
    window: &mut Window<'_, R>,
    body: Range<u64>,
    figures: &mut Figures,
    fragments: &mut Fragments,
) {
    let mut parts = Parts::of(body);
    let mut tracks = 0;
    while let Some(part) = parts.next(window) {
        match &part.name {
            b"mvhd" => {
                let (scale, length) = scale_and_length(window, &part.body).unwrap_or_default();
                fragments.movie_scale = scale;
                figures.duration = ticks(length, scale);
            }
            b"mvex" => fragments.declared = declared_length(window, part.body),
            b"trak" if tracks < MAX_TRACKS => {
                tracks += 1;
                let track = track(window, part.body, fragments);
                figures.has_video |= track.is_video;
                figures.has_audio |= track.is_audio;
                figures.size = figures.size.or(track.size.filter(|_| track.is_video));
                figures.erasures.extend(track.erasures);
                figures.erasures.truncate(MAX_ERASURES);
            }
            b"udta" | b"meta" | b"uuid" => erase(&mut figures.erasures, &part),
            _ => {}
        }
    }
}

fn track<R: Read + Seek>(
    window: &mut Window<'_, R>,
    body: Range<u64>,
    fragments: &mut Fragments,
) -> Track {
    let mut track = Track::default();
    let mut number = None;
    let mut parts = Parts::of(body);
    while let Some(part) = parts.next(window) {
        match &part.name {
            b"tkhd" => {
                let version_1 = window.array(part.body.start) == Some([1]);
                number = window.array(part.body.start + if version_1 { 20 } else { 12 });
                track.size = shown_size(window, &part.body, version_1);
            }
            b"mdia" => media(window, part.body, number, &mut track, fragments),
            b"udta" | b"meta" | b"uuid" => erase(&mut track.erasures, &part),
            _ => {}
        }
    }
    track
}

fn media<R: Read + Seek>(
    window: &mut Window<'_, R>,
    body: Range<u64>,
    number: Option<[u8; 4]>,
    track: &mut Track,
    fragments: &mut Fragments,
) {
    let mut parts = Parts::of(body);
    while let Some(part) = parts.next(window) {
        match &part.name {
            b"mdhd" => {
                let scale = scale_and_length(window, &part.body).map_or(0, |(scale, _)| scale);
                fragments.scales.extend(number.map(|number| (number, scale)));
            }
            b"hdlr" => {
                let kind = window.array::<4>(part.body.start + 8);
                track.is_video |= kind == Some(*b"vide");
                track.is_audio |= kind == Some(*b"soun");
            }
            _ => {}
        }
    }
}

/// Ticks a second and how many, of `mvhd` and `mdhd`, in either version. All bits set means that
/// nobody knows.
fn scale_and_length<R: Read + Seek>(
    window: &mut Window<'_, R>,
    body: &Range<u64>,
) -> Option<(u64, u64)> {
    let start = body.start;
    if window.array(start)? == [1] {
        let scale = u32::from_be_bytes(window.array(start + 20)?);
        let length = u64::from_be_bytes(window.array(start + 24)?);
        return Some((scale.into(), Some(length).filter(|n| *n != u64::MAX).unwrap_or(0)));
    }
    let scale = u32::from_be_bytes(window.array(start + 12)?);
    let length = u32::from_be_bytes(window.array(start + 16)?);
    Some((scale.into(), Some(length).filter(|n| *n != u32::MAX).unwrap_or(0).into()))
}

/// Width and height as shown: a track turned by a quarter has them swapped.
fn shown_size<R: Read + Seek>(
    window: &mut Window<'_, R>,
    body: &Range<u64>,
    version_1: bool,
) -> Option<(u32, u32)> {
    let matrix_at = body.start + if version_1 { 52 } else { 40 };
    let field = |at: usize, bytes: &[u8; 44]| {
        u32::from_be_bytes([bytes[at], bytes[at + 1], bytes[at + 2], bytes[at + 3]])
    };
    let bytes = window.array::<44>(matrix_at)?;
    let (width, height) = (field(36, &bytes) >> 16, field(40, &bytes) >> 16);
    let is_turned = field(0, &bytes) == 0 && field(4, &bytes) != 0;
    Some(if is_turned { (height, width) } else { (width, height) })
}

/// What is known of the length of a file whose samples come in fragments, as browsers record.
#[derive(Default)]
struct Fragments {
    movie_scale: u64,
    declared: Option<u64>,
    /// Track numbers and their ticks a second.
    scales: Vec<([u8; 4], u64)>,
    last: Option<Range<u64>>,
}

impl Fragments {
    /// As declared, or else up to the start of the last fragment.
    fn duration<R: Read + Seek>(&self, window: &mut Window<'_, R>) -> Option<std::time::Duration> {
        if let Some(length) = self.declared {
            return ticks(length, self.movie_scale);
        }
        let mut parts = Parts::of(self.last.clone()?);
        let mut longest = None;
        while let Some(part) = parts.next(window) {
            if &part.name == b"traf" {
                longest = longest.max(self.fragment_start(window, part.body));
            }
        }
        longest
    }

    fn fragment_start<R: Read + Seek>(
        &self,
        window: &mut Window<'_, R>,
        body: Range<u64>,
    ) -> Option<std::time::Duration> {
        let mut parts = Parts::of(body);
        let mut number = None;
        while let Some(part) = parts.next(window) {
            match &part.name {
                b"tfhd" => number = window.array::<4>(part.body.start + 4),
                b"tfdt" => {
                    let version_1 = window.array(part.body.start)? == [1];
                    let start = if version_1 {
                        u64::from_be_bytes(window.array(part.body.start + 4)?)
                    } else {
                        u32::from_be_bytes(window.array(part.body.start + 4)?).into()
                    };
                    let scale = self.scales.iter().find(|scale| Some(scale.0) == number)?.1;
                    return ticks(start, scale);
                }
                _ => {}
            }
        }
        None
    }
}

/// The length that `mvex/mehd` declares.
fn declared_length<R: Read + Seek>(window: &mut Window<'_, R>, body: Range<u64>) -> Option<u64> {
    let mut parts = Parts::of(body);
    while let Some(part) = parts.next(window) {
        if &part.name == b"mehd" {
            let length = match window.array(part.body.start)? {
                [1] => u64::from_be_bytes(window.array(part.body.start + 4)?),
                _ => u32::from_be_bytes(window.array(part.body.start + 4)?).into(),
            };
            return Some(length).filter(|length| *length > 0);
        }
    }
    None
}
