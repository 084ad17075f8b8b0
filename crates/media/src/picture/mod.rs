//! Pictures: stripped to what is the picture, decoded under limits, turned upright, thumbnailed.
//! Called by [`inspect`](crate::inspect).
//!
//! Each format's module has `strip`, which walks the file without decoding it, refuses what is
//! beyond the limits, and returns the same picture without anything else; and `decode`, which is
//! only given what `strip` returned.
//!
//! What cannot be told from the picture itself stays: bytes inside the compressed data of a JPEG
//! scan or a WebP frame. They are inert as long as the file is served as the type that it has.

mod gif;
mod icc;
mod jpeg;
mod pixels;
mod png;
mod thumbs;
mod webp;

use std::io::{Read, Seek};

use image::metadata::Orientation;

use crate::sniff::Format;
use crate::window::Window;
use crate::{Kind, Limits, Media, Refusal};

use pixels::Upright;
pub use thumbs::{LARGE_SIDE, SMALL_SIDE};

/// A file without anything but its picture.
struct Stripped {
    bytes: Vec<u8>,
    /// As stored, not as shown.
    width: u32,
    height: u32,
    orientation: Orientation,
    /// A colour profile that was rebuilt from its numbers.
    profile: Option<Vec<u8>>,
    animated: bool,
    /// What decoding needs, the decoded picture included.
    decode_bytes: u64,
}

/// Looks at a file that begins as an image does.
pub fn inspect<R: Read + Seek>(
    window: &mut Window<'_, R>,
    format: Format,
    limits: &Limits,
) -> Result<Media, Refusal> {
    limits.check_bytes(window.size())?;
    let file = window.all().ok_or(Refusal::Damaged("it is shorter than it should be"))?;
    let (stripped, changed) = strip(file, format, limits)?;
    limits.check_memory(stripped.decode_bytes.saturating_add(stripped.bytes.len() as u64))?;
    let pixels = match format {
        Format::Jpeg => jpeg::decode(&stripped)?,
        Format::Png => png::decode(&stripped)?,
        Format::Gif => gif::decode(&stripped)?,
        Format::Webp => webp::decode(&stripped)?,
    };
    let Stripped { bytes, orientation, profile, animated, .. } = stripped;
    let upright = Upright::new(&pixels, orientation);
    let (width, height) = upright.size();
    let (cleaned, media_type) = if orientation == Orientation::NoTransforms {
        (changed.then_some(bytes), media_type(format))
    } else {
        drop(bytes);
        let (bytes, media_type) = upright.encode(format, profile.as_deref())?;
        limits.check_bytes(bytes.len() as u64)?;
        (Some(bytes), media_type)
    };
    let thumbs = thumbs::make(pixels, orientation, profile.as_deref(), animated)?;
    Ok(Media {
        width: Some(width),
        height: Some(height),
        animated,
        thumbhash: Some(thumbs.hash),
        cleaned,
        small: thumbs.small,
        large: thumbs.large,
        ..Media::plain(Kind::Image, media_type)
    })
}

/// The picture without anything else, not decoded; `None` when that cannot be had.
pub fn alone<R: Read + Seek>(window: &mut Window<'_, R>, format: Format) -> Option<Vec<u8>> {
    let (stripped, _) = strip(window.all()?, format, &Limits::NONE).ok()?;
    match (stripped.orientation, format) {
        (Orientation::NoTransforms, _) => Some(stripped.bytes),
        (turned, Format::Jpeg) => Some(jpeg::with_orientation(&stripped.bytes, turned)),
        (_, Format::Png | Format::Gif | Format::Webp) => None,
    }
}

/// The stripped file, and whether it differs from the file. The file is freed here: it is not
/// needed while the picture is decoded.
fn strip(file: Vec<u8>, format: Format, limits: &Limits) -> Result<(Stripped, bool), Refusal> {
    let stripped = match format {
        Format::Jpeg => jpeg::strip(&file, limits),
        Format::Png => png::strip(&file, limits),
        Format::Gif => gif::strip(&file, limits),
        Format::Webp => webp::strip(&file, limits),
    }?;
    let changed = stripped.bytes != file;
    Ok((stripped, changed))
}

fn media_type(format: Format) -> &'static str {
    match format {
        Format::Jpeg => "image/jpeg",
        Format::Png => "image/png",
        Format::Gif => "image/gif",
        Format::Webp => "image/webp",
    }
}

/// How a picture must be turned to be upright, by its EXIF block with or without a prefix.
fn orientation(exif: &[u8]) -> Orientation {
    let tiff = exif.strip_prefix(b"Exif\0\0").unwrap_or(exif);
    Orientation::from_exif_chunk(tiff).unwrap_or(Orientation::NoTransforms)
}

/// Four bytes at `at`, the most significant first.
fn be_u32(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

/// Two bytes at `at`, the most significant first.
fn be_u16(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(bytes.get(at..at.checked_add(2)?)?.try_into().ok()?))
}
