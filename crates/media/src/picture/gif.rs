//! GIF: every frame is decoded to indices of its palette and encoded again, which loses nothing and
//! leaves nothing but frames: no comment, no foreign extension, no bytes behind a frame's end.
//! Called by the picture pipeline.

use std::io::Cursor;
use std::num::NonZeroU64;

use ::gif::{ColorOutput, DecodeOptions, Decoder, Encoder, Frame, MemoryLimit};
use image::metadata::Orientation;

use super::Stripped;
use super::pixels::Pixels;
use crate::{Limits, Refusal};

const DAMAGED: Refusal = Refusal::Damaged("the GIF cannot be decoded");

type Reader<'a> = Decoder<Cursor<&'a [u8]>>;

/// The same animation, encoded again.
pub fn strip(file: &[u8], limits: &Limits) -> Result<Stripped, Refusal> {
    let mut reader = open(file, ColorOutput::Indexed)?;
    let (width, height) = (reader.width(), reader.height());
    limits.check_sides(width.into(), height.into())?;
    // The canvas, and the indices of a frame.
    let decode_bytes = 5 * u64::from(width) * u64::from(height);
    limits.check_memory(decode_bytes + 2 * file.len() as u64)?;
    let palette = reader.global_palette().unwrap_or_default().to_vec();
    let mut writer = Encoder::new(Vec::with_capacity(file.len()), width, height, &palette)
        .map_err(|_| DAMAGED)?;
    let frames = copy_frames(&mut reader, &mut writer, limits)?;
    Ok(Stripped {
        bytes: writer.into_inner().map_err(|_| DAMAGED)?,
        width: width.into(),
        height: height.into(),
        orientation: Orientation::NoTransforms,
        profile: None,
        animated: frames > 1,
        decode_bytes,
    })
}

fn open(file: &[u8], colors: ColorOutput) -> Result<Reader<'_>, Refusal> {
    let mut options = DecodeOptions::new();
    options.set_color_output(colors);
    options.set_memory_limit(MemoryLimit::Bytes(NonZeroU64::MAX));
    options.allow_unknown_blocks(true);
    options.read_info(Cursor::new(file)).map_err(|_| DAMAGED)
}

/// How many frames there were.
fn copy_frames(
    reader: &mut Reader<'_>,
    writer: &mut Encoder<Vec<u8>>,
    limits: &Limits,
) -> Result<u64, Refusal> {
    let (mut frames, mut pixels) = (0, 0);
    while let Some(frame) = reader.next_frame_info().map_err(|_| DAMAGED)? {
        let mut frame = Frame { interlaced: false, ..frame.clone() };
        limits.check_sides(frame.width.into(), frame.height.into())?;
        frames += 1;
        pixels += u64::from(frame.width) * u64::from(frame.height);
        limits.check_frames(frames, pixels)?;
        let mut indices = vec![0; usize::from(frame.width) * usize::from(frame.height)];
        reader.read_into_buffer(&mut indices).map_err(|_| DAMAGED)?;
        frame.buffer = indices.into();
        // How often it repeats is known once the first frame was met.
        if frames == 1 && has_loop(reader) {
            writer.set_repeat(reader.repeat()).map_err(|_| DAMAGED)?;
        }
        writer.write_frame(&frame).map_err(|_| DAMAGED)?;
        limits.check_bytes(writer.get_ref().len() as u64)?;
    }
    if frames == 0 { Err(Refusal::Damaged("the GIF holds no picture")) } else { Ok(frames) }
}

/// A GIF that says nothing plays once.
fn has_loop(reader: &Reader<'_>) -> bool {
    !matches!(reader.repeat(), ::gif::Repeat::Finite(0))
}

/// Decodes the first frame of what [`strip`] returned, on its transparent canvas.
pub fn decode(stripped: &Stripped) -> Result<Pixels, Refusal> {
    let mut reader = open(&stripped.bytes, ColorOutput::Indexed)?;
    let palette = reader.global_palette().map(<[u8]>::to_vec);
    let frame = reader.read_next_frame().map_err(|_| DAMAGED)?.ok_or(DAMAGED)?;
    let palette = frame.palette.as_deref().or(palette.as_deref()).ok_or(DAMAGED)?;
    let mut canvas = Pixels::new(stripped.width, stripped.height, 4);
    let (left, top) = (usize::from(frame.left), usize::from(frame.top));
    let (width, height) = (canvas.width as usize, canvas.height as usize);
    let visible = usize::from(frame.width).min(width.saturating_sub(left));
    let rows = frame.buffer.chunks_exact(usize::from(frame.width).max(1));
    for (row, y) in rows.zip(top..height) {
        let at = (y * width + left.min(width)) * 4;
        let pixels = canvas.data[at..].chunks_exact_mut(4);
        for (index, pixel) in row[..visible].iter().zip(pixels) {
            let color = palette.chunks_exact(3).nth(usize::from(*index));
            if let (Some(color), true) = (color, frame.transparent != Some(*index)) {
                pixel[..3].copy_from_slice(color);
                pixel[3] = 255;
            }
        }
    }
    Ok(canvas)
}
