//! A decoded picture: its samples, the view on it that is upright, and encoders for it.
//! Used by the picture pipeline and its thumbnails.

use image::codecs::jpeg::JpegEncoder;
use image::metadata::Orientation;
use image::{ExtendedColorType, GenericImageView, ImageEncoder, Rgb};

use crate::Refusal;
use crate::sniff::Format;

/// High enough that a second encoding is not seen.
const REENCODE_QUALITY: u8 = 90;

const TOO_LARGE_TO_WRITE: Refusal = Refusal::Unsupported("it cannot be written again");

/// Eight-bit samples, row by row without padding.
pub struct Pixels {
    pub data: Vec<u8>,
    pub width: u32,
    pub height: u32,
    /// 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha.
    pub channels: usize,
}

impl Pixels {
    /// Room for a picture; the caller has checked its size against the limits.
    pub fn new(width: u32, height: u32, channels: usize) -> Pixels {
        let data = vec![0; width as usize * height as usize * channels];
        Pixels { data, width, height, channels }
    }

    pub fn has_alpha(&self) -> bool {
        self.channels == 2 || self.channels == 4
    }

    /// Whether nothing shines through.
    pub fn is_opaque(&self) -> bool {
        !self.has_alpha()
            || self.data.chunks_exact(self.channels).all(|pixel| pixel[self.channels - 1] == 255)
    }

    /// The same without alpha.
    pub fn without_alpha(&self) -> Pixels {
        let channels = self.channels - usize::from(self.has_alpha());
        let pixels = self.data.chunks_exact(self.channels);
        let data = pixels.flat_map(|pixel| &pixel[..channels]).copied().collect();
        Pixels { data, width: self.width, height: self.height, channels }
    }

    /// As JPEG, without regard to alpha.
    pub fn to_jpeg(&self, quality: u8, profile: Option<&[u8]>) -> Result<Vec<u8>, Refusal> {
        if self.has_alpha() {
            return self.without_alpha().to_jpeg(quality, profile);
        }
        let color =
            if self.channels == 1 { ExtendedColorType::L8 } else { ExtendedColorType::Rgb8 };
        let mut bytes = Vec::new();
        let mut encoder = jpeg_encoder(&mut bytes, quality, profile)?;
        let encoded = encoder.encode(&self.data, self.width, self.height, color);
        encoded.map_err(|_| TOO_LARGE_TO_WRITE)?;
        Ok(bytes)
    }

    /// As PNG.
    pub fn to_png(&self, profile: Option<&[u8]>) -> Result<Vec<u8>, Refusal> {
        Upright::new(self, Orientation::NoTransforms).to_png(profile)
    }
}

fn jpeg_encoder<'a>(
    bytes: &'a mut Vec<u8>,
    quality: u8,
    profile: Option<&[u8]>,
) -> Result<JpegEncoder<&'a mut Vec<u8>>, Refusal> {
    let mut encoder = JpegEncoder::new_with_quality(bytes, quality);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile.to_vec()).map_err(|_| TOO_LARGE_TO_WRITE)?;
    }
    Ok(encoder)
}

/// A picture seen upright, without a second copy of it.
pub struct Upright<'a> {
    pixels: &'a Pixels,
    orientation: Orientation,
}

impl<'a> Upright<'a> {
    pub fn new(pixels: &'a Pixels, orientation: Orientation) -> Upright<'a> {
        Upright { pixels, orientation }
    }

    /// Width and height as shown.
    pub fn size(&self) -> (u32, u32) {
        let (width, height) = (self.pixels.width, self.pixels.height);
        match self.orientation {
            Orientation::Rotate90
            | Orientation::Rotate270
            | Orientation::Rotate90FlipH
            | Orientation::Rotate270FlipH => (height, width),
            _ => (width, height),
        }
    }

    /// The samples of the pixel that is shown at a place within the picture.
    fn at(&self, x: u32, y: u32) -> &'a [u8] {
        let (right, bottom) = (self.pixels.width - 1, self.pixels.height - 1);
        let (x, y) = match self.orientation {
            Orientation::NoTransforms => (x, y),
            Orientation::Rotate90 => (y, bottom - x),
            Orientation::Rotate180 => (right - x, bottom - y),
            Orientation::Rotate270 => (right - y, x),
            Orientation::FlipHorizontal => (right - x, y),
            Orientation::FlipVertical => (x, bottom - y),
            Orientation::Rotate90FlipH => (y, x),
            Orientation::Rotate270FlipH => (right - y, bottom - x),
        };
        let channels = self.pixels.channels;
        let at = (y as usize * self.pixels.width as usize + x as usize) * channels;
        &self.pixels.data[at..at + channels]
    }

    fn row(&self, y: u32) -> impl Iterator<Item = u8> {
        (0..self.size().0).flat_map(move |x| self.at(x, y)).copied()
    }

    /// The picture turned upright.
    pub fn to_pixels(&self) -> Pixels {
        let (width, height) = self.size();
        let data = (0..height).flat_map(|y| self.row(y)).collect();
        Pixels { data, width, height, channels: self.pixels.channels }
    }

    /// The picture encoded again, and its type. WebP becomes JPEG, or PNG where something shines
    /// through: there is no lossy WebP encoder.
    pub fn encode(
        &self,
        format: Format,
        profile: Option<&[u8]>,
    ) -> Result<(Vec<u8>, &'static str), Refusal> {
        let lossless = format == Format::Png || !self.pixels.is_opaque();
        if lossless {
            return Ok((self.to_png(profile)?, "image/png"));
        }
        let mut bytes = Vec::new();
        // The view below is RGB always.
        let profile = profile.filter(|_| self.pixels.channels >= 3);
        let mut encoder = jpeg_encoder(&mut bytes, REENCODE_QUALITY, profile)?;
        encoder.encode_image(self).map_err(|_| TOO_LARGE_TO_WRITE)?;
        Ok((bytes, "image/jpeg"))
    }

    fn to_png(&self, profile: Option<&[u8]>) -> Result<Vec<u8>, Refusal> {
        let mut bytes = Vec::new();
        self.write_png(&mut bytes, profile).map_err(|_| TOO_LARGE_TO_WRITE)?;
        Ok(bytes)
    }

    fn write_png(
        &self,
        bytes: &mut Vec<u8>,
        profile: Option<&[u8]>,
    ) -> Result<(), ::png::EncodingError> {
        let (width, height) = self.size();
        let mut info = ::png::Info::with_size(width, height);
        info.icc_profile = profile.map(|profile| profile.to_vec().into());
        let mut encoder = ::png::Encoder::with_info(bytes, info)?;
        encoder.set_depth(::png::BitDepth::Eight);
        encoder.set_color(match self.pixels.channels {
            1 => ::png::ColorType::Grayscale,
            2 => ::png::ColorType::GrayscaleAlpha,
            3 => ::png::ColorType::Rgb,
            _ => ::png::ColorType::Rgba,
        });
        let mut writer = encoder.write_header()?;
        let mut stream = writer.stream_writer()?;
        let mut row = Vec::with_capacity(width as usize * self.pixels.channels);
        for y in 0..height {
            row.clear();
            row.extend(self.row(y));
            std::io::Write::write_all(&mut stream, &row)?;
        }
        stream.finish()?;
        writer.finish()
    }
}

/// For the JPEG encoder, which asks for each pixel once.
impl GenericImageView for Upright<'_> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        self.size()
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        match *self.at(x, y) {
            [red, green, blue, ..] => Rgb([red, green, blue]),
            [grey, ..] => Rgb([grey; 3]),
            [] => Rgb([0; 3]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `ab` over `cd`, as a camera stored it.
    fn shown(orientation: u8) -> String {
        let data = b"abcdef".to_vec();
        let pixels = Pixels { data, width: 3, height: 2, channels: 1 };
        let orientation = Orientation::from_exif(orientation).expect("one of eight");
        let upright = Upright::new(&pixels, orientation).to_pixels();
        let rows = upright.data.chunks(upright.width as usize);
        rows.map(|row| String::from_utf8_lossy(row)).collect::<Vec<_>>().join("/")
    }

    #[test]
    fn each_orientation_is_turned_upright() {
        let all: Vec<String> = (1..=8).map(shown).collect();
        let expected = [
            "abc/def", "cba/fed", "fed/cba", "def/abc", "ad/be/cf", "da/eb/fc", "fc/eb/da",
            "cf/be/ad",
        ];
        assert_eq!(all, expected);
    }
}
