//! Thumbnails and the hash of a blurred preview, from a decoded picture, in as little memory as the
//! picture itself takes. Called by the picture pipeline.

use fast_image_resize::images::{TypedImage, TypedImageRef};
use fast_image_resize::pixels::{U8, U8x2, U8x3, U8x4};
use fast_image_resize::{FilterType, PixelTrait, ResizeAlg, ResizeOptions, Resizer};
use image::metadata::Orientation;

use super::pixels::{Pixels, Upright};
use crate::{Picture, Refusal};

/// The long side of a picture's small version, in pixels.
pub const SMALL_SIDE: u32 = 320;
/// The long side of its large version, in pixels.
pub const LARGE_SIDE: u32 = 1280;
const SMALL_QUALITY: u8 = 80;
const LARGE_QUALITY: u8 = 85;
/// The hash's own limit.
const HASH_SIDE: u32 = 100;

pub struct Thumbs {
    pub small: Option<Picture>,
    pub large: Option<Picture>,
    pub hash: Vec<u8>,
}

/// Makes both thumbnails and the hash. Colours are weighed with their alpha, so that what cannot be
/// seen does not shine into what can.
pub fn make(
    mut pixels: Pixels,
    orientation: Orientation,
    profile: Option<&[u8]>,
    animated: bool,
) -> Result<Thumbs, Refusal> {
    let long = pixels.width.max(pixels.height);
    weigh(&mut pixels);
    while pixels.width.max(pixels.height) >= 4 * LARGE_SIDE && pixels.width.min(pixels.height) > 1 {
        halve(&mut pixels);
    }
    let mut large = None;
    if long > LARGE_SIDE {
        pixels = scale(&pixels, LARGE_SIDE)?;
        large = Some(finish(&pixels, orientation, LARGE_QUALITY, profile)?);
    }
    let mut small = None;
    if long > SMALL_SIDE || animated {
        pixels = scale(&pixels, SMALL_SIDE)?;
        small = Some(finish(&pixels, orientation, SMALL_QUALITY, profile)?);
    }
    let hash = hash(&scale(&pixels, HASH_SIDE)?, orientation);
    Ok(Thumbs { small, large, hash })
}

/// Multiplies colours by their alpha.
fn weigh(pixels: &mut Pixels) {
    if pixels.has_alpha() {
        for pixel in pixels.data.chunks_exact_mut(pixels.channels) {
            let [colors @ .., alpha] = pixel else { continue };
            let alpha = u16::from(*alpha);
            // At most 255 * 255 / 255.
            colors.iter_mut().for_each(|c| *c = ((u16::from(*c) * alpha + 127) / 255) as u8);
        }
    }
}

/// The reverse of [`weigh`].
fn unweigh(pixels: &mut Pixels) {
    if pixels.has_alpha() {
        for pixel in pixels.data.chunks_exact_mut(pixels.channels) {
            let [colors @ .., alpha] = pixel else { continue };
            let alpha = u16::from((*alpha).max(1));
            let full = |c: u8| ((u16::from(c) * 255 + alpha / 2) / alpha).min(255) as u8;
            colors.iter_mut().for_each(|c| *c = full(*c));
        }
    }
}

/// Half the sides, in place: each pixel is the mean of four. So a very large picture needs no
/// further memory for its thumbnails.
fn halve(pixels: &mut Pixels) {
    let (width, channels) = (pixels.width as usize, pixels.channels);
    let (half_width, half_height) = (width / 2, pixels.height as usize / 2);
    let data = &mut pixels.data;
    for y in 0..half_height {
        for x in 0..half_width {
            let (from, to) = ((2 * y * width + 2 * x) * channels, (y * half_width + x) * channels);
            for channel in 0..channels {
                let sample = |at: usize| u16::from(data[from + channel + at]);
                let below = width * channels;
                let sum = sample(0) + sample(channels) + sample(below) + sample(below + channels);
                // The mean of four bytes is a byte.
                data[to + channel] = ((sum + 2) / 4) as u8;
            }
        }
    }
    data.truncate(half_width * half_height * channels);
    data.shrink_to_fit();
    (pixels.width, pixels.height) = (half_width as u32, half_height as u32);
}

/// The picture with a long side of at most `side` pixels.
fn scale(pixels: &Pixels, side: u32) -> Result<Pixels, Refusal> {
    let long = pixels.width.max(pixels.height);
    let target = side.min(long);
    // Not more than `side`; a very long picture keeps one pixel of its other side.
    let fit = |length: u32| {
        ((u64::from(length) * u64::from(target) + u64::from(long) / 2) / u64::from(long)).max(1)
            as u32
    };
    let mut scaled = Pixels::new(fit(pixels.width), fit(pixels.height), pixels.channels);
    resize(pixels, &mut scaled).ok_or(Refusal::Damaged("the picture cannot be made smaller"))?;
    Ok(scaled)
}

fn resize(from: &Pixels, to: &mut Pixels) -> Option<()> {
    match from.channels {
        1 => resize_as::<U8>(from, to),
        2 => resize_as::<U8x2>(from, to),
        3 => resize_as::<U8x3>(from, to),
        _ => resize_as::<U8x4>(from, to),
    }
}

/// By the type of the pixels: the library's untyped call makes every program compile it for all of
/// its nineteen, which took half of this crate's build.
fn resize_as<P: PixelTrait>(from: &Pixels, to: &mut Pixels) -> Option<()> {
    let source = TypedImageRef::<P>::from_buffer(from.width, from.height, &from.data).ok()?;
    let mut target = TypedImage::<P>::from_buffer(to.width, to.height, &mut to.data).ok()?;
    let filter = ResizeAlg::Convolution(FilterType::CatmullRom);
    let options = ResizeOptions::new().resize_alg(filter).use_alpha(false);
    Resizer::new().resize_typed(&source, &mut target, &options).ok()
}

/// Turns a small picture upright and gives its colours back.
fn upright(pixels: &Pixels, orientation: Orientation) -> Pixels {
    let mut pixels = Upright::new(pixels, orientation).to_pixels();
    unweigh(&mut pixels);
    pixels
}

fn finish(
    pixels: &Pixels,
    orientation: Orientation,
    quality: u8,
    profile: Option<&[u8]>,
) -> Result<Picture, Refusal> {
    let pixels = upright(pixels, orientation);
    let (bytes, media_type) = if pixels.is_opaque() {
        (pixels.to_jpeg(quality, profile)?, "image/jpeg")
    } else {
        (pixels.to_png(profile)?, "image/png")
    };
    Ok(Picture { bytes, media_type, width: pixels.width, height: pixels.height })
}

fn hash(pixels: &Pixels, orientation: Orientation) -> Vec<u8> {
    let pixels = upright(pixels, orientation);
    let samples = pixels.data.chunks_exact(pixels.channels);
    let rgba: Vec<u8> = samples
        .flat_map(|pixel| match *pixel {
            [grey] => [grey, grey, grey, 255],
            [grey, alpha] => [grey, grey, grey, alpha],
            [red, green, blue] => [red, green, blue, 255],
            [red, green, blue, alpha, ..] => [red, green, blue, alpha],
            [] => [0; 4],
        })
        .collect();
    thumbhash::rgba_to_thumb_hash(pixels.width as usize, pixels.height as usize, &rgba)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_seen_does_not_shine_through() {
        let mut pixels = Pixels::new(64, 64, 4);
        let halves = |(at, pixel): (usize, &mut [u8])| {
            let seen = at % 2 == 0;
            pixel.copy_from_slice(if seen { &[200, 40, 10, 255] } else { &[0, 255, 0, 0] });
        };
        pixels.data.chunks_exact_mut(4).enumerate().for_each(halves);
        weigh(&mut pixels);
        halve(&mut pixels);
        let mut small = scale(&pixels, 8).expect("a smaller picture");
        unweigh(&mut small);
        for pixel in small.data.chunks_exact(4) {
            assert!(pixel[0].abs_diff(200) < 4 && pixel[1].abs_diff(40) < 4, "{pixel:?}");
            assert!(pixel[3].abs_diff(128) < 4, "{pixel:?}");
        }
    }

    #[test]
    fn a_very_long_picture_keeps_a_pixel() {
        let thumbs = make(Pixels::new(16_000, 1, 1), Orientation::Rotate90, None, false);
        let thumbs = thumbs.expect("thumbnails");
        let small = thumbs.small.expect("a smaller picture");
        assert_eq!((small.width, small.height), (1, SMALL_SIDE));
        assert!(!thumbs.hash.is_empty());
    }

    #[test]
    fn a_small_picture_needs_no_thumbnail_but_a_moving_one_does() {
        let make = |animated| {
            make(Pixels::new(40, 20, 3), Orientation::NoTransforms, None, animated).expect("thumbs")
        };
        assert_eq!((make(false).small, make(false).large), (None, None));
        let small = make(true).small.expect("the first frame");
        assert_eq!((small.width, small.height), (40, 20));
    }
}
