//! PNG: keeps the chunks that make the picture and nothing else, cuts what hides behind the end of
//! the compressed data, and makes an animated PNG still. Called by the picture pipeline.

use std::io::Cursor;

use flate2::{Crc, Decompress, FlushDecompress, Status};
use image::metadata::Orientation;

use super::pixels::Pixels;
use super::{Stripped, be_u32, icc, orientation};
use crate::{Limits, Refusal};

const SIGNATURE: &[u8] = b"\x89PNG\r\n\x1a\n";
const MAX_CHUNKS: usize = 100_000;

const CUT_OFF: Refusal = Refusal::Damaged("the PNG is cut off");
const NO_SENSE: Refusal = Refusal::Damaged("the PNG's chunks make no sense");

/// The picture's header.
#[derive(Clone, Copy)]
struct Header {
    width: u32,
    height: u32,
    bits: u8,
    color: u8,
    interlaced: bool,
}

impl Header {
    fn read(body: &[u8], limits: &Limits) -> Result<Header, Refusal> {
        let (Some(width), Some(height)) = (be_u32(body, 0), be_u32(body, 4)) else {
            return Err(CUT_OFF);
        };
        let [bits, color, 0, 0, interlace @ 0..=1] = body[8..] else { return Err(NO_SENSE) };
        limits.check_sides(width, height)?;
        let legal = match color {
            0 => matches!(bits, 1 | 2 | 4 | 8 | 16),
            3 => matches!(bits, 1 | 2 | 4 | 8),
            2 | 4 | 6 => matches!(bits, 8 | 16),
            _ => false,
        };
        let header = Header { width, height, bits, color, interlaced: interlace == 1 };
        if legal { Ok(header) } else { Err(NO_SENSE) }
    }

    fn is_grey(self) -> bool {
        matches!(self.color, 0 | 4)
    }

    /// Channels as stored; a palette's index is one.
    fn channels(self) -> u64 {
        match self.color {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        }
    }

    /// Bytes of all rows, each with its filter's number, of one pass or of seven.
    fn raw_bytes(self) -> u64 {
        let rows = |width: u64, height: u64| {
            let row = (width * self.channels() * u64::from(self.bits)).div_ceil(8);
            if width == 0 { 0 } else { height * (row + 1) }
        };
        let (width, height) = (u64::from(self.width), u64::from(self.height));
        if !self.interlaced {
            return rows(width, height);
        }
        let passes =
            [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2)];
        let pass = |(x, y, dx, dy): (u64, u64, u64, u64)| {
            rows(width.saturating_sub(x).div_ceil(dx), height.saturating_sub(y).div_ceil(dy))
        };
        passes.into_iter().chain([(0, 1, 1, 2)]).map(pass).sum()
    }
}

struct Walk<'a> {
    limits: &'a Limits,
    header: Option<Header>,
    bytes: Vec<u8>,
    inflate: Decompress,
    image_data: ImageData,
    exif: Option<Orientation>,
    profile: Option<Vec<u8>>,
}

/// How far the compressed picture has come.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ImageData {
    Before,
    Within,
    Complete,
}

/// The same picture without text, times, previews, further frames and what follows its end.
pub fn strip(file: &[u8], limits: &Limits) -> Result<Stripped, Refusal> {
    let mut walk = Walk {
        limits,
        header: None,
        bytes: Vec::with_capacity(file.len()),
        inflate: Decompress::new(true),
        image_data: ImageData::Before,
        exif: None,
        profile: None,
    };
    walk.bytes.extend_from_slice(SIGNATURE);
    let mut at = SIGNATURE.len();
    for _ in 0..MAX_CHUNKS {
        let length = be_u32(file, at).ok_or(CUT_OFF)? as usize;
        let end = at.checked_add(8).and_then(|at| at.checked_add(length)).ok_or(CUT_OFF)?;
        let name = file.get(at + 4..at + 8).ok_or(CUT_OFF)?;
        let body = file.get(at + 8..end).ok_or(CUT_OFF)?;
        let sum = be_u32(file, end).ok_or(CUT_OFF)?;
        if name == b"IEND" {
            return walk.finish();
        }
        walk.chunk(name, body, sum)?;
        at = end + 4;
    }
    Err(Refusal::Damaged("the PNG has too many chunks"))
}

impl Walk<'_> {
    fn chunk(&mut self, name: &[u8], body: &[u8], sum: u32) -> Result<(), Refusal> {
        let is_critical = name[0] & 0x20 == 0;
        if is_critical && checksum(name, body) != sum {
            return Err(Refusal::Damaged("a checksum of the PNG is wrong"));
        }
        match (name, self.header) {
            (b"IHDR", None) if body.len() == 13 => {
                self.header = Some(Header::read(body, self.limits)?);
                self.write(name, body);
            }
            (b"IHDR", _) | (_, None) => return Err(NO_SENSE),
            (b"IDAT", Some(header)) => self.image_data(header, body)?,
            (b"PLTE", _) if body.len() <= 768 => self.write(name, body),
            (b"tRNS", _) if body.len() <= 256 => self.write(name, body),
            (b"gAMA", _) if body.len() == 4 => self.write(name, body),
            (b"cHRM", _) if body.len() == 32 => self.write(name, body),
            (b"sRGB", _) if body.len() == 1 => self.write(name, body),
            (b"cICP", _) if body.len() == 4 => self.write(name, body),
            (b"iCCP", Some(header)) => self.color_profile(header, body),
            (b"eXIf", _) => {
                self.exif.get_or_insert(orientation(body));
            }
            _ if is_critical => return Err(NO_SENSE),
            _ => {}
        }
        Ok(())
    }

    /// Inflates without keeping the result, only to know where the picture ends.
    fn image_data(&mut self, header: Header, body: &[u8]) -> Result<(), Refusal> {
        if self.image_data == ImageData::Complete {
            return Ok(());
        }
        self.image_data = ImageData::Within;
        let mut window = [0; 32 << 10];
        let mut used = 0;
        while used < body.len() && self.image_data == ImageData::Within {
            let (read_before, written_before) = (self.inflate.total_in(), self.inflate.total_out());
            let status = self.inflate.decompress(&body[used..], &mut window, FlushDecompress::None);
            let status =
                status.map_err(|_| Refusal::Damaged("the PNG's data cannot be inflated"))?;
            used += (self.inflate.total_in() - read_before) as usize;
            if self.inflate.total_out() > header.raw_bytes() {
                return Err(Refusal::Damaged("the PNG holds more data than its picture needs"));
            }
            let stuck = self.inflate.total_in() == read_before
                && self.inflate.total_out() == written_before;
            match status {
                Status::StreamEnd => self.image_data = ImageData::Complete,
                _ if stuck => return Err(CUT_OFF),
                _ => {}
            }
        }
        self.write(b"IDAT", &body[..used]);
        Ok(())
    }

    /// A name, a zero, the method of compression (zero again), and the compressed profile.
    fn color_profile(&mut self, header: Header, body: &[u8]) {
        let Some(zero) = body.iter().position(|byte| *byte == 0) else { return };
        let Some(compressed) = body.get(zero + 2..) else { return };
        let mut profile = vec![0; icc::MAX_PROFILE_BYTES];
        let mut inflate = Decompress::new(true);
        let status = inflate.decompress(compressed, &mut profile, FlushDecompress::Finish);
        if !matches!(status, Ok(Status::StreamEnd)) || self.profile.is_some() {
            return;
        }
        // At most the length of the buffer.
        profile.truncate(inflate.total_out() as usize);
        self.profile = icc::rebuild(&profile, header.is_grey());
        if let Some(chunk) = self.profile.as_deref().and_then(profile_chunk) {
            self.write(b"iCCP", &chunk);
        }
    }

    fn write(&mut self, name: &[u8], body: &[u8]) {
        // A part of the file: its length was read from 32 bits.
        self.bytes.extend_from_slice(&(body.len() as u32).to_be_bytes());
        self.bytes.extend_from_slice(name);
        self.bytes.extend_from_slice(body);
        self.bytes.extend_from_slice(&checksum(name, body).to_be_bytes());
    }

    fn finish(mut self) -> Result<Stripped, Refusal> {
        let header = self.header.ok_or(NO_SENSE)?;
        if self.image_data != ImageData::Complete || self.inflate.total_out() != header.raw_bytes()
        {
            return Err(CUT_OFF);
        }
        self.write(b"IEND", b"");
        let pixels = u64::from(header.width) * u64::from(header.height);
        // A palette and a transparent colour become channels; what is finer than 8 bits is read
        // row by row, unless it is interlaced.
        let channels = if header.color == 3 { 4 } else { header.channels() + 1 }.min(4);
        Ok(Stripped {
            bytes: self.bytes,
            width: header.width,
            height: header.height,
            orientation: self.exif.unwrap_or(Orientation::NoTransforms),
            profile: self.profile,
            animated: false,
            decode_bytes: pixels * channels,
        })
    }
}

fn checksum(name: &[u8], body: &[u8]) -> u32 {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(body);
    crc.sum()
}

fn profile_chunk(profile: &[u8]) -> Option<Vec<u8>> {
    let mut chunk = b"icc\0\0".to_vec();
    let mut writer = flate2::write::ZlibEncoder::new(&mut chunk, flate2::Compression::default());
    std::io::Write::write_all(&mut writer, profile).ok()?;
    writer.finish().ok()?;
    Some(chunk)
}

/// Decodes what [`strip`] returned.
pub fn decode(stripped: &Stripped) -> Result<Pixels, Refusal> {
    let damaged = Refusal::Damaged("the PNG cannot be decoded");
    let limits = ::png::Limits { bytes: stripped.decode_bytes as usize + (1 << 20) };
    let mut decoder = ::png::Decoder::new_with_limits(Cursor::new(&stripped.bytes[..]), limits);
    decoder.set_transformations(::png::Transformations::normalize_to_color8());
    decoder.set_ignore_iccp_chunk(true);
    let mut reader = decoder.read_info().map_err(|_| damaged)?;
    let (color, _) = reader.output_color_type();
    let mut pixels = Pixels::new(stripped.width, stripped.height, color.samples());
    if reader.output_buffer_size() != Some(pixels.data.len()) {
        return Err(damaged);
    }
    reader.next_frame(&mut pixels.data).map_err(|_| damaged)?;
    Ok(pixels)
}
