//! JPEG: keeps the segments that make the picture, byte for byte, and nothing else; so a picture
//! that is upright loses no quality.
//!
//! It is as tolerant as programs that show pictures: bytes between segments that belong to none are
//! left out, and a file that ends after its first scan has begun, as cameras and broken downloads
//! leave them, gets the end that it lacks. Called by the picture pipeline.

use std::ops::Range;

use image::metadata::Orientation;
use zune_jpeg::JpegDecoder;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::pixels::Pixels;
use super::{Stripped, be_u16, icc, orientation};
use crate::{Limits, Refusal};

/// Progressive pictures have about ten scans. Each costs a walk over the whole picture.
const MAX_SCANS: usize = 100;
const MAX_SEGMENTS: usize = 10_000;

const CUT_OFF: Refusal = Refusal::Damaged("the JPEG is cut off");

/// The start of frame: what the picture's size in memory follows from.
struct Frame {
    width: u32,
    height: u32,
    components: u8,
    progressive: bool,
    /// Samples of all components, in parts of a pixel of the largest.
    samples_per_pixel: f64,
}

#[derive(Default)]
struct Walk {
    frame: Option<Frame>,
    /// What is kept of the file, in order.
    kept: Vec<Range<usize>>,
    /// Version and density of the picture, without a preview.
    jfif: Option<[u8; 7]>,
    /// How the colours of the components are to be understood.
    adobe_transform: Option<u8>,
    exif: Option<Orientation>,
    profile: Vec<u8>,
    scans: usize,
    /// The first scan does not hold all components: the decoder keeps all coefficients.
    split: bool,
}

/// The same picture without application data, comments and what follows its end.
pub fn strip(file: &[u8], limits: &Limits) -> Result<Stripped, Refusal> {
    let mut walk = Walk::default();
    let mut at = 2;
    for _ in 0..MAX_SEGMENTS {
        let Some((marker, start)) = next_marker(file, at) else { return walk.cut_off(file) };
        if marker == 0xd9 {
            return walk.finish(file);
        }
        if matches!(marker, 0x01 | 0xd0..=0xd7) {
            // Markers that stand alone mean nothing outside a scan.
            at = start + 2;
            continue;
        }
        let known = matches!(marker, 0xc0..=0xcf | 0xda..=0xef | 0xfe);
        let Some((body, end)) = body_at(file, start).filter(|_| known || walk.scans == 0) else {
            return walk.cut_off(file);
        };
        at = match marker {
            0xda => walk.scan(file, start, body)?,
            _ => {
                walk.segment(marker, body, start..end, limits)?;
                end
            }
        };
    }
    Err(Refusal::Damaged("the JPEG has too many segments"))
}

/// The next marker from `at` on, and where it starts; markers may be preceded by fill bytes, and
/// what is none is passed over.
fn next_marker(file: &[u8], at: usize) -> Option<(u8, usize)> {
    let marks = |pair: &[u8]| pair[0] == 0xff && !matches!(pair[1], 0 | 0xff);
    let start = at + file.get(at..)?.windows(2).position(marks)?;
    Some((file[start + 1], start))
}

/// What is in the segment that starts there, and where it ends.
fn body_at(file: &[u8], start: usize) -> Option<(&[u8], usize)> {
    let end = start + 2 + usize::from(be_u16(file, start + 2)?);
    Some((file.get(start + 4..end)?, end))
}

impl Walk {
    fn segment(
        &mut self,
        marker: u8,
        body: &[u8],
        range: Range<usize>,
        limits: &Limits,
    ) -> Result<(), Refusal> {
        match marker {
            0xc0..=0xc2 => {
                self.frame(body, marker == 0xc2, limits)?;
                self.kept.push(range);
            }
            0xc4 | 0xdb | 0xdd => self.kept.push(range),
            0xc3 | 0xc5..=0xc7 | 0xc9..=0xcf | 0xdc | 0xde | 0xdf => {
                return Err(Refusal::Unsupported("a rare way of compressing JPEG"));
            }
            0xe0..=0xef => self.application(marker, body),
            0xfe => {}
            _ => return Err(Refusal::Damaged("the JPEG has an unknown segment")),
        }
        Ok(())
    }

    fn frame(&mut self, body: &[u8], progressive: bool, limits: &Limits) -> Result<(), Refusal> {
        let [precision, h1, h0, w1, w0, components, ref sampling @ ..] = *body else {
            return Err(CUT_OFF);
        };
        if self.frame.is_some() {
            return Err(Refusal::Damaged("the JPEG has more than one frame"));
        }
        if precision != 8 || !matches!(components, 1 | 3 | 4) {
            return Err(Refusal::Unsupported("JPEG of other than 8 bits, or of rare colours"));
        }
        let width = u32::from(u16::from_be_bytes([w1, w0]));
        let height = u32::from(u16::from_be_bytes([h1, h0]));
        limits.check_sides(width, height)?;
        let samples_per_pixel = samples_per_pixel(sampling, components)?;
        self.frame = Some(Frame { width, height, components, progressive, samples_per_pixel });
        Ok(())
    }

    fn application(&mut self, marker: u8, body: &[u8]) {
        match (marker, body) {
            (0xe0, [b'J', b'F', b'I', b'F', 0, density @ ..]) => {
                if let Some(density) = density.first_chunk() {
                    self.jfif.get_or_insert(*density);
                }
            }
            (0xe1, _) if body.starts_with(b"Exif\0\0") => {
                self.exif.get_or_insert(orientation(body));
            }
            (0xe2, _) if body.starts_with(b"ICC_PROFILE\0") => {
                let part = body.get(14..).unwrap_or_default();
                if self.profile.len() + part.len() <= icc::MAX_PROFILE_BYTES {
                    self.profile.extend_from_slice(part);
                }
            }
            (0xee, [b'A', b'd', b'o', b'b', b'e', _, _, _, _, _, _, transform, ..]) => {
                self.adobe_transform.get_or_insert(*transform);
            }
            _ => {}
        }
    }

    /// The file ends here, or continues with what is not JPEG: with a scan there is a picture to
    /// show.
    fn cut_off(self, file: &[u8]) -> Result<Stripped, Refusal> {
        if self.scans > 0 { self.finish(file) } else { Err(CUT_OFF) }
    }

    /// Where the scan ends: at the first marker that is not part of the compressed data, or with
    /// the file.
    fn scan(&mut self, file: &[u8], start: usize, body: &[u8]) -> Result<usize, Refusal> {
        let frame = self.frame.as_ref().ok_or(Refusal::Damaged("the JPEG has no frame"))?;
        self.split |= self.scans == 0 && body.first() != Some(&frame.components);
        self.scans += 1;
        if self.scans > MAX_SCANS {
            return Err(Refusal::Damaged("the JPEG has too many scans"));
        }
        let mut at = start + 4 + body.len();
        loop {
            let rest = file.get(at..).unwrap_or_default();
            let Some(found) = rest.iter().position(|byte| *byte == 0xff) else {
                at = file.len();
                break;
            };
            at += found;
            match file.get(at + 1) {
                Some(0 | 0xd0..=0xd7) => at += 2,
                Some(0xff) => at += 1,
                _ => break,
            }
        }
        self.kept.push(start..at);
        Ok(at)
    }

    fn finish(self, file: &[u8]) -> Result<Stripped, Refusal> {
        let Some(frame) = self.frame.as_ref().filter(|_| self.scans > 0) else {
            return Err(Refusal::Damaged("the JPEG holds no picture"));
        };
        let pixels = f64::from(frame.width) * f64::from(frame.height);
        let coefficients =
            if frame.progressive || self.split { frame.samples_per_pixel } else { 0.0 };
        let channels = if frame.components == 1 { 1.0 } else { 3.0 };
        let profile = icc::rebuild(&self.profile, frame.components == 1);
        Ok(Stripped {
            bytes: self.write(file, profile.as_deref()),
            width: frame.width,
            height: frame.height,
            orientation: self.exif.unwrap_or(Orientation::NoTransforms),
            profile,
            animated: false,
            // The product of two sides of at most 65,535 and a small factor fits.
            decode_bytes: (pixels * (channels + 2.0 * coefficients)) as u64,
        })
    }

    fn write(&self, file: &[u8], profile: Option<&[u8]>) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(file.len());
        bytes.extend_from_slice(&[0xff, 0xd8]);
        if let Some(density) = self.jfif {
            bytes.extend_from_slice(b"\xff\xe0\x00\x10JFIF\0");
            bytes.extend_from_slice(&density);
            bytes.extend_from_slice(&[0, 0]);
        }
        if let Some(transform) = self.adobe_transform {
            bytes.extend_from_slice(b"\xff\xee\x00\x0eAdobe\0\x64\0\0\0\0");
            bytes.push(transform);
        }
        // A rebuilt profile is far smaller than a segment; a larger one is left out.
        let length = profile.and_then(|profile| u16::try_from(profile.len() + 16).ok());
        if let (Some(profile), Some(length)) = (profile, length) {
            bytes.extend_from_slice(b"\xff\xe2");
            bytes.extend_from_slice(&length.to_be_bytes());
            bytes.extend_from_slice(b"ICC_PROFILE\0\x01\x01");
            bytes.extend_from_slice(profile);
        }
        for range in &self.kept {
            bytes.extend_from_slice(&file[range.clone()]);
        }
        bytes.extend_from_slice(&[0xff, 0xd9]);
        bytes
    }
}

/// A stripped picture that says how it is turned, and nothing more (EXIF 3.0, section 4.6).
pub fn with_orientation(stripped: &[u8], orientation: Orientation) -> Vec<u8> {
    let (start, rest) = stripped.split_at(2);
    let entry = [0, 1, 0x01, 0x12, 0, 3, 0, 0, 0, 1, 0, orientation.to_exif(), 0, 0, 0, 0, 0, 0];
    let exif = [&b"\xff\xe1\x00\x22Exif\0\0MM\0\x2a\0\0\0\x08"[..], &entry].concat();
    [start, &exif, rest].concat()
}

/// How many samples all components together have for a pixel: 3 without subsampling, 1.5 as
/// cameras do it.
fn samples_per_pixel(sampling: &[u8], components: u8) -> Result<f64, Refusal> {
    let factors: Vec<(u8, u8)> =
        sampling.chunks_exact(3).map(|part| (part[1] >> 4, part[1] & 15)).collect();
    let legal = |&(h, v): &(u8, u8)| (1..=4).contains(&h) && (1..=4).contains(&v);
    if factors.len() != usize::from(components) || !factors.iter().all(legal) {
        return Err(Refusal::Damaged("the JPEG's frame makes no sense"));
    }
    let all: u32 = factors.iter().map(|&(h, v)| u32::from(h) * u32::from(v)).sum();
    let h = factors.iter().map(|factor| factor.0).max().unwrap_or(1);
    let v = factors.iter().map(|factor| factor.1).max().unwrap_or(1);
    Ok(f64::from(all) / (f64::from(h) * f64::from(v)))
}

/// Decodes what [`strip`] returned.
pub fn decode(stripped: &Stripped) -> Result<Pixels, Refusal> {
    let damaged = Refusal::Damaged("the JPEG cannot be decoded");
    let options = DecoderOptions::default()
        .set_max_width(stripped.width as usize)
        .set_max_height(stripped.height as usize)
        .set_strict_mode(false);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(&stripped.bytes[..]), options);
    decoder.decode_headers().map_err(|_| damaged)?;
    let is_grey = decoder.input_colorspace() == Some(ColorSpace::Luma);
    let (colors, channels) = if is_grey { (ColorSpace::Luma, 1) } else { (ColorSpace::RGB, 3) };
    decoder.set_options(options.jpeg_set_out_colorspace(colors));
    let mut pixels = Pixels::new(stripped.width, stripped.height, channels);
    decoder.decode_into(&mut pixels.data).map_err(|_| damaged)?;
    Ok(pixels)
}
