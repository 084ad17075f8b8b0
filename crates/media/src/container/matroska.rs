//! Matroska and WebM: tracks, size and duration from the heads of a few elements. Browsers'
//! recordings declare no duration: there it comes from the blocks' times. Nothing that an element
//! declares is allocated, and elements are visited on a fixed path, so they cannot nest. Called by
//! the containers' `inspect`.

use std::io::{Read, Seek};
use std::ops::Range;

use super::{Figures, ticks};
use crate::window::Window;

const SEGMENT: u32 = 0x1853_8067;
const INFO: u32 = 0x1549_a966;
const TRACKS: u32 = 0x1654_ae6b;
const CLUSTER: u32 = 0x1f43_b675;
const TIME: u32 = 0xe7;
const SIMPLE_BLOCK: u32 = 0xa3;
const BLOCK_GROUP: u32 = 0xa0;
const BLOCK: u32 = 0xa1;
const DOC_TYPE: u32 = 0x4282;
const TIMESTAMP_SCALE: u32 = 0x002a_d7b1;
const DURATION: u32 = 0x4489;
const TRACK_ENTRY: u32 = 0xae;
const TRACK_TYPE: u32 = 0x83;
const VIDEO: u32 = 0xe0;
const PIXEL_WIDTH: u32 = 0xb0;
const PIXEL_HEIGHT: u32 = 0xba;

/// How many elements are examined in one file: an hour of a browser's recording has 300,000 blocks,
/// whose times are not worth that many reads.
const MAX_ELEMENTS: usize = 60_000;

const NANOSECONDS: u64 = 1_000_000_000;

struct Element {
    id: u32,
    body: Range<u64>,
}

/// How many more elements may be examined.
struct Walk {
    left: usize,
}

impl Walk {
    /// The element at the start of the range, which is moved behind it.
    fn next<R: Read + Seek>(
        &mut self,
        window: &mut Window<'_, R>,
        range: &mut Range<u64>,
    ) -> Option<Element> {
        self.left = self.left.checked_sub(1)?;
        let start = range.start;
        let length = range.end.checked_sub(start).filter(|length| *length >= 2)?.min(12);
        let head = window.part(start, length as usize)?;
        let (id, id_bytes) = vint(&head, true, 4)?;
        let (size, size_bytes) = vint(head.get(id_bytes..)?, false, 8)?;
        let body = start + (id_bytes + size_bytes) as u64;
        // Its size was not known when it was written.
        let is_open = size == (1 << (7 * size_bytes)) - 1;
        let end = if is_open { range.end } else { body.checked_add(size)? };
        // The last element may be cut off: what is in it still counts.
        let end = end.min(range.end);
        range.start = end;
        Some(Element { id: u32::try_from(id).ok()?, body: body..end })
    }
}

/// A number of variable length, and its length: leading zeros of the first byte tell it.
fn vint(bytes: &[u8], with_marker: bool, max_bytes: usize) -> Option<(u64, usize)> {
    let first = *bytes.first()?;
    let length = first.leading_zeros() as usize + 1;
    let bytes = bytes.get(..length).filter(|_| length <= max_bytes)?;
    let value = bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte));
    Some((if with_marker { value } else { value & ((1 << (7 * length)) - 1) }, length))
}

#[derive(Default)]
struct Info {
    scale_ns: Option<u64>,
    duration: Option<f64>,
    /// In units of the scale.
    last_time: u64,
}

/// What the file's elements tell.
pub fn read<R: Read + Seek>(window: &mut Window<'_, R>) -> Figures {
    let mut figures = Figures::default();
    let mut info = Info::default();
    let mut is_webm = false;
    let mut walk = Walk { left: MAX_ELEMENTS };
    let mut file = 0..window.size();
    if let Some(head) = walk.next(window, &mut file) {
        is_webm = doc_type(window, &mut walk, head.body).as_deref() == Some(b"webm");
    }
    let segment = walk.next(window, &mut file).filter(|element| element.id == SEGMENT);
    let is_complete = segment.is_some_and(|segment| {
        read_segment(window, &mut walk, segment.body, &mut figures, &mut info)
    });
    let scale_ns = info.scale_ns.unwrap_or(1_000_000).max(1);
    figures.duration = match info.duration {
        // Seconds; a float that is not a number becomes zero.
        Some(length) => ticks((length * scale_ns as f64) as u64, NANOSECONDS),
        None if is_complete => ticks(info.last_time.saturating_mul(scale_ns), NANOSECONDS),
        None => None,
    };
    figures.media_type = match (is_webm, figures.has_video) {
        (true, true) => "video/webm",
        (true, false) => "audio/webm",
        (false, true) => "video/matroska",
        (false, false) => "audio/matroska",
    };
    figures
}

fn doc_type<R: Read + Seek>(
    window: &mut Window<'_, R>,
    walk: &mut Walk,
    mut range: Range<u64>,
) -> Option<Vec<u8>> {
    while let Some(element) = walk.next(window, &mut range) {
        if element.id == DOC_TYPE {
            return window.part(element.body.start, body_bytes(&element).min(16));
        }
    }
    None
}

fn body_bytes(element: &Element) -> usize {
    usize::try_from(element.body.end - element.body.start).unwrap_or(usize::MAX)
}

/// Whether it was read to its end. With a declared duration, clusters need not be.
fn read_segment<R: Read + Seek>(
    window: &mut Window<'_, R>,
    walk: &mut Walk,
    mut range: Range<u64>,
    figures: &mut Figures,
    info: &mut Info,
) -> bool {
    let mut cluster_time = 0;
    while range.start < range.end {
        let Some(element) = walk.next(window, &mut range) else { return false };
        match element.id {
            INFO => read_info(window, walk, element.body, info),
            TRACKS => read_tracks(window, walk, element.body, figures),
            // Tracks stand before the first cluster.
            CLUSTER if info.duration.is_some() => return true,
            // Their children are read as if they stood beside them: whether their size is known or
            // not, they end where something begins that cannot be in them.
            CLUSTER | BLOCK_GROUP => range.start = element.body.start,
            TIME => cluster_time = uint(window, &element).unwrap_or(0),
            SIMPLE_BLOCK | BLOCK => {
                let time = block_time(window, &element).unwrap_or(0);
                info.last_time = info.last_time.max(cluster_time.saturating_add_signed(time));
            }
            _ => {}
        }
    }
    true
}

/// A block's time within its cluster: two bytes behind the track's number.
fn block_time<R: Read + Seek>(window: &mut Window<'_, R>, element: &Element) -> Option<i64> {
    let head = window.part(element.body.start, body_bytes(element).min(10))?;
    let (_, length) = vint(&head, false, 8)?;
    let time = head.get(length..length + 2)?.try_into().ok()?;
    Some(i16::from_be_bytes(time).into())
}

fn read_info<R: Read + Seek>(
    window: &mut Window<'_, R>,
    walk: &mut Walk,
    mut range: Range<u64>,
    info: &mut Info,
) {
    while let Some(element) = walk.next(window, &mut range) {
        match element.id {
            TIMESTAMP_SCALE => info.scale_ns = uint(window, &element),
            DURATION => info.duration = float(window, &element).filter(|length| *length > 0.0),
            _ => {}
        }
    }
}

fn read_tracks<R: Read + Seek>(
    window: &mut Window<'_, R>,
    walk: &mut Walk,
    mut range: Range<u64>,
    figures: &mut Figures,
) {
    while let Some(element) = walk.next(window, &mut range) {
        if element.id == TRACK_ENTRY {
            let (kind, size) = read_track(window, walk, element.body);
            figures.has_video |= kind == Some(1);
            figures.has_audio |= kind == Some(2);
            figures.size = figures.size.or(size.filter(|_| kind == Some(1)));
        }
    }
}

fn read_track<R: Read + Seek>(
    window: &mut Window<'_, R>,
    walk: &mut Walk,
    mut range: Range<u64>,
) -> (Option<u64>, Option<(u32, u32)>) {
    let (mut kind, mut size) = (None, None);
    while let Some(element) = walk.next(window, &mut range) {
        match element.id {
            TRACK_TYPE => kind = uint(window, &element),
            VIDEO => size = read_video(window, walk, element.body),
            _ => {}
        }
    }
    (kind, size)
}

fn read_video<R: Read + Seek>(
    window: &mut Window<'_, R>,
    walk: &mut Walk,
    mut range: Range<u64>,
) -> Option<(u32, u32)> {
    let (mut width, mut height) = (None, None);
    while let Some(element) = walk.next(window, &mut range) {
        match element.id {
            PIXEL_WIDTH => width = side(window, &element),
            PIXEL_HEIGHT => height = side(window, &element),
            _ => {}
        }
    }
    width.zip(height)
}

fn side<R: Read + Seek>(window: &mut Window<'_, R>, element: &Element) -> Option<u32> {
    uint(window, element).and_then(|side| u16::try_from(side).ok()).map(u32::from)
}

fn uint<R: Read + Seek>(window: &mut Window<'_, R>, element: &Element) -> Option<u64> {
    let bytes = window.part(element.body.start, body_bytes(element).min(9))?;
    (bytes.len() <= 8).then(|| bytes.iter().fold(0, |sum, byte| sum << 8 | u64::from(*byte)))
}

fn float<R: Read + Seek>(window: &mut Window<'_, R>, element: &Element) -> Option<f64> {
    let bits = uint(window, element)?;
    match body_bytes(element) {
        4 => Some(f32::from_bits(u32::try_from(bits).ok()?).into()),
        8 => Some(f64::from_bits(bits)),
        _ => None,
    }
}
