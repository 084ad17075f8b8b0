//! WebP: keeps the chunks that make the picture or the animation and nothing else, frame by frame.
//! Called by the picture pipeline.

use std::io::Cursor;

use image::metadata::Orientation;
use image_webp::WebPDecoder;

use super::pixels::Pixels;
use super::{Stripped, icc, orientation};
use crate::{Limits, Refusal};

const CUT_OFF: Refusal = Refusal::Damaged("the WebP is cut off");
const NO_SENSE: Refusal = Refusal::Damaged("the WebP's chunks make no sense");

/// How many chunks are examined. An animation has one for each frame.
const MAX_CHUNKS: usize = 10_000;

const ANIMATION_FLAG: u8 = 0x02;
const ALPHA_FLAG: u8 = 0x10;
const PROFILE_FLAG: u8 = 0x20;

/// Chunks of the file, or of a frame: names and bodies.
struct Chunks<'a> {
    rest: &'a [u8],
    left: usize,
}

impl<'a> Chunks<'a> {
    fn new(rest: &'a [u8]) -> Chunks<'a> {
        Chunks { rest, left: MAX_CHUNKS }
    }
}

impl<'a> Iterator for Chunks<'a> {
    type Item = Result<(&'a [u8], &'a [u8]), Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let chunk = chunk(self.rest).filter(|_| self.left > 0);
        self.left = self.left.saturating_sub(1);
        let Some((name, body, rest)) = chunk else {
            self.rest = &[];
            return Some(Err(CUT_OFF));
        };
        self.rest = rest;
        Some(Ok((name, body)))
    }
}

/// Name and body of the first chunk, and what follows it. Bodies are padded to an even length;
/// the last one's padding is often forgotten.
fn chunk(bytes: &[u8]) -> Option<(&[u8], &[u8], &[u8])> {
    let (head, rest) = bytes.split_at_checked(8)?;
    let length = le(&head[4..]) as usize;
    let (body, rest) = rest.split_at_checked(length)?;
    Some((&head[..4], body, rest.get(length % 2..).unwrap_or_default()))
}

/// Up to four bytes, the least significant first.
fn le(bytes: &[u8]) -> u32 {
    bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u32::from(*byte))
}

/// The extended header's canvas, or a frame's place and size: three bytes each.
fn le24(bytes: &[u8], at: usize) -> Result<u32, Refusal> {
    bytes.get(at..at + 3).map(le).ok_or(CUT_OFF)
}

/// The coded picture of a still or of a frame.
#[derive(Default)]
struct Image<'a> {
    alpha: Option<&'a [u8]>,
    /// Chunk name and body.
    coded: Option<(&'a [u8], &'a [u8])>,
}

impl<'a> Image<'a> {
    /// Takes a chunk that belongs to a picture; only the first of each counts, as for decoders.
    fn take(&mut self, name: &'a [u8], body: &'a [u8]) {
        match name {
            b"ALPH" if self.coded.is_none() => drop(self.alpha.get_or_insert(body)),
            b"VP8 " | b"VP8L" => drop(self.coded.get_or_insert((name, body))),
            _ => {}
        }
    }

    /// The sides that the coded picture itself declares: what its decoder allocates.
    fn sides(&self) -> Result<(u32, u32), Refusal> {
        match self.coded {
            Some((b"VP8 ", [_, _, _, 0x9d, 0x01, 0x2a, w0, w1, h0, h1, ..])) => {
                let side = |low, high| u32::from(u16::from_le_bytes([low, high]) & 0x3fff);
                Ok((side(*w0, *w1), side(*h0, *h1)))
            }
            Some((b"VP8L", [0x2f, bits @ ..])) if bits.len() >= 4 => {
                let bits = le(&bits[..4]);
                Ok(((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1))
            }
            _ => Err(Refusal::Damaged("the WebP holds no picture")),
        }
    }

    fn has_alpha(&self) -> bool {
        let lossless = |(name, body): (&[u8], &[u8])| {
            name == b"VP8L" && body.get(4).is_some_and(|byte| byte & 0x10 != 0)
        };
        self.alpha.is_some() || self.coded.is_some_and(lossless)
    }

    fn write(&self, bytes: &mut Vec<u8>) {
        // The alpha of a lossless picture is in itself.
        let is_lossy = self.coded.is_some_and(|(name, _)| name == b"VP8 ");
        if let Some(alpha) = self.alpha.filter(|_| is_lossy) {
            write(bytes, b"ALPH", alpha);
        }
        if let Some((name, body)) = self.coded {
            write(bytes, name, body);
        }
    }
}

#[derive(Default)]
struct Walk<'a> {
    canvas: Option<(u32, u32)>,
    is_animation: bool,
    animation: Option<&'a [u8]>,
    still: Image<'a>,
    frames: Vec<(&'a [u8], Image<'a>)>,
    pixels: u64,
    exif: Option<Orientation>,
    profile: Option<Vec<u8>>,
}

/// The same picture without metadata, unknown chunks and what follows its end.
pub fn strip(file: &[u8], limits: &Limits) -> Result<Stripped, Refusal> {
    let length = file.get(4..8).map(le).ok_or(CUT_OFF)? as usize;
    let body = file.get(12..length.checked_add(8).ok_or(CUT_OFF)?).ok_or(CUT_OFF)?;
    let mut walk = Walk::default();
    for chunk in Chunks::new(body) {
        let (name, body) = chunk?;
        walk.take(name, body, limits)?;
    }
    walk.finish(limits)
}

impl<'a> Walk<'a> {
    fn take(&mut self, name: &'a [u8], body: &'a [u8], limits: &Limits) -> Result<(), Refusal> {
        match name {
            b"VP8X" if self.canvas.is_none() && self.still.coded.is_none() => {
                let (width, height) = (le24(body, 4)? + 1, le24(body, 7)? + 1);
                limits.check_sides(width, height)?;
                self.canvas = Some((width, height));
                self.is_animation = body[0] & ANIMATION_FLAG != 0;
            }
            b"ANMF" if self.is_animation => self.frame(body, limits)?,
            b"ANIM" if self.animation.is_none() => {
                self.animation = Some(body.get(..6).ok_or(CUT_OFF)?);
            }
            b"ICCP" if self.profile.is_none() => self.profile = icc::rebuild(body, false),
            b"EXIF" => drop(self.exif.get_or_insert(orientation(body))),
            _ => self.still.take(name, body),
        }
        Ok(())
    }

    fn frame(&mut self, body: &'a [u8], limits: &Limits) -> Result<(), Refusal> {
        let (head, rest) = body.split_at_checked(16).ok_or(CUT_OFF)?;
        let mut image = Image::default();
        for chunk in Chunks::new(rest) {
            let (name, body) = chunk?;
            image.take(name, body);
        }
        let (x, y) = (2 * le24(head, 0)?, 2 * le24(head, 3)?);
        let (width, height) = (le24(head, 6)? + 1, le24(head, 9)? + 1);
        let (canvas_width, canvas_height) = self.canvas.ok_or(NO_SENSE)?;
        let fits = x + width <= canvas_width && y + height <= canvas_height;
        if !fits || image.sides()? != (width, height) {
            return Err(Refusal::Damaged("a frame of the WebP does not fit its canvas"));
        }
        self.frames.push((head, image));
        // Whoever shows a frame paints the whole canvas.
        self.pixels += u64::from(canvas_width) * u64::from(canvas_height);
        limits.check_frames(self.frames.len() as u64, self.pixels)
    }

    fn finish(self, limits: &Limits) -> Result<Stripped, Refusal> {
        let (width, height) = if self.is_animation {
            self.canvas.filter(|_| !self.frames.is_empty()).ok_or(NO_SENSE)?
        } else {
            let sides = self.still.sides()?;
            limits.check_sides(sides.0, sides.1)?;
            Some(sides)
                .filter(|sides| self.canvas.is_none_or(|canvas| canvas == *sides))
                .ok_or(NO_SENSE)?
        };
        let pixels = u64::from(width) * u64::from(height);
        // The frame, its two ways of being held while it is decoded, and an animation's canvas.
        let decode_bytes = pixels * if self.is_animation { 14 } else { 8 };
        Ok(Stripped {
            bytes: self.write(width, height),
            width,
            height,
            orientation: self.exif.unwrap_or(Orientation::NoTransforms),
            animated: self.frames.len() > 1,
            profile: self.profile,
            decode_bytes,
        })
    }

    fn write(&self, width: u32, height: u32) -> Vec<u8> {
        let alpha =
            self.still.has_alpha() || self.frames.iter().any(|(_, image)| image.has_alpha());
        let mut bytes = b"RIFF\0\0\0\0WEBP".to_vec();
        if self.is_animation || self.still.alpha.is_some() || self.profile.is_some() {
            let animation = if self.is_animation { ANIMATION_FLAG } else { 0 };
            let profile = if self.profile.is_some() { PROFILE_FLAG } else { 0 };
            let alpha = if alpha { ALPHA_FLAG } else { 0 };
            let mut head = vec![animation | profile | alpha, 0, 0, 0];
            head.extend_from_slice(&(width - 1).to_le_bytes()[..3]);
            head.extend_from_slice(&(height - 1).to_le_bytes()[..3]);
            write(&mut bytes, b"VP8X", &head);
        }
        if let Some(profile) = &self.profile {
            write(&mut bytes, b"ICCP", profile);
        }
        if self.is_animation {
            write(&mut bytes, b"ANIM", self.animation.unwrap_or(&[0; 6]));
            self.frames.iter().for_each(|(head, image)| write_frame(&mut bytes, head, image));
        } else {
            self.still.write(&mut bytes);
        }
        // Not longer than the file, whose length was read from 32 bits, and a rebuilt profile.
        let length = (bytes.len() - 8) as u32;
        bytes[4..8].copy_from_slice(&length.to_le_bytes());
        bytes
    }
}

fn write_frame(bytes: &mut Vec<u8>, head: &[u8], image: &Image<'_>) {
    let mut frame = head.to_vec();
    if let Some(flags) = frame.last_mut() {
        *flags &= 3;
    }
    image.write(&mut frame);
    write(bytes, b"ANMF", &frame);
}

fn write(bytes: &mut Vec<u8>, name: &[u8], body: &[u8]) {
    bytes.extend_from_slice(name);
    bytes.extend_from_slice(&(body.len() as u32).to_le_bytes());
    bytes.extend_from_slice(body);
    bytes.resize(bytes.len().next_multiple_of(2), 0);
}

/// Decodes what [`strip`] returned; of an animation, the first frame.
pub fn decode(stripped: &Stripped) -> Result<Pixels, Refusal> {
    let damaged = Refusal::Damaged("the WebP cannot be decoded");
    let mut decoder = WebPDecoder::new(Cursor::new(&stripped.bytes[..])).map_err(|_| damaged)?;
    // Seen through where no frame paints, as browsers do it.
    if decoder.is_animated() {
        decoder.set_background_color([0; 4]).map_err(|_| damaged)?;
    }
    let channels = if decoder.has_alpha() { 4 } else { 3 };
    let mut pixels = Pixels::new(stripped.width, stripped.height, channels);
    decoder.read_image(&mut pixels.data).map_err(|_| damaged)?;
    Ok(pixels)
}
