//! Builders of the files that the corpus is made of: well-formed ones, and their parts.

use std::io::Write;

use flate2::write::ZlibEncoder;
use flate2::{Compression, Crc};
use gif::{Encoder, Frame};
use image::codecs::jpeg::JpegEncoder;
use image::{GenericImageView, Rgb};

/// What an attacker wants to get through.
pub const MARKER: &[u8] = b"<script>evil()</script>";

/// A picture of any size that takes no memory.
pub struct Gradient(pub u32, pub u32);

impl GenericImageView for Gradient {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        (self.0, self.1)
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        Rgb([(x * 255 / self.0) as u8, (y * 255 / self.1) as u8, ((x ^ y) & 63) as u8])
    }
}

pub fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

pub fn jpeg(width: u32, height: u32) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 80);
    encoder.encode_image(&Gradient(width, height)).expect("a JPEG");
    bytes
}

/// A JPEG with a segment behind its first two bytes.
pub fn jpeg_with(marker: u8, body: &[u8]) -> Vec<u8> {
    let picture = jpeg(64, 48);
    join(&[&picture[..2], &segment(marker, body), &picture[2..]])
}

pub fn segment(marker: u8, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(body.len() + 2).expect("a segment's length");
    join(&[&[0xff, marker], &length.to_be_bytes(), body])
}

/// The JPEG with its frame header changed: `at` counts from the marker.
pub fn jpeg_frame(change: &[(usize, u8)]) -> Vec<u8> {
    let mut bytes = jpeg(64, 48);
    let frame = bytes.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    change.iter().for_each(|(at, byte)| bytes[frame + at] = *byte);
    bytes
}

/// A TIFF block with one directory.
pub fn exif(entries: &[[u8; 12]], next: u32) -> Vec<u8> {
    let mut bytes = b"Exif\0\0MM\0*\0\0\0\x08".to_vec();
    bytes.extend_from_slice(&(entries.len() as u16).to_be_bytes());
    entries.iter().for_each(|entry| bytes.extend_from_slice(entry));
    bytes.extend_from_slice(&next.to_be_bytes());
    bytes
}

pub fn orientation(value: u8) -> [u8; 12] {
    [1, 0x12, 0, 3, 0, 0, 0, 1, 0, value, 0, 0]
}

pub fn zlib(bytes: &[u8]) -> Vec<u8> {
    let mut writer = ZlibEncoder::new(Vec::new(), Compression::fast());
    writer.write_all(bytes).expect("memory can be written");
    writer.finish().expect("memory can be written")
}

/// Zeros, compressed, without ever holding them.
pub fn zlib_zeros(count: u64) -> Vec<u8> {
    let mut writer = ZlibEncoder::new(Vec::new(), Compression::best());
    let block = [0; 1 << 16];
    let mut left = count;
    while left > 0 {
        let part = left.min(block.len() as u64);
        writer.write_all(&block[..part as usize]).expect("memory can be written");
        left -= part;
    }
    writer.finish().expect("memory can be written")
}

pub fn chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let mut crc = Crc::new();
    crc.update(name);
    crc.update(body);
    join(&[&(body.len() as u32).to_be_bytes(), name, body, &crc.sum().to_be_bytes()])
}

pub fn header(width: u32, height: u32, bits: u8, color: u8) -> Vec<u8> {
    let rest = [bits, color, 0, 0, 0];
    chunk(b"IHDR", &join(&[&width.to_be_bytes(), &height.to_be_bytes(), &rest]))
}

pub const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";

/// A PNG of the given chunks between its header and its end.
pub fn png_of(header: &[u8], chunks: &[&[u8]]) -> Vec<u8> {
    join(&[PNG, header, &chunks.concat(), &chunk(b"IEND", b"")])
}

/// Black, grey, eight bits.
pub fn png_data(width: u32, height: u32) -> Vec<u8> {
    zlib_zeros(u64::from(height) * (u64::from(width) + 1))
}

/// A small PNG with some chunks before its picture.
pub fn png_with(chunks: &[&[u8]]) -> Vec<u8> {
    let data = chunk(b"IDAT", &png_data(20, 10));
    png_of(&header(20, 10, 8, 0), &[&chunks.concat(), &data])
}

pub fn gif(width: u16, height: u16, frames: u32) -> Vec<u8> {
    let mut encoder =
        Encoder::new(Vec::new(), width, height, &[255, 0, 0, 0, 0, 255]).expect("a GIF");
    let mut frame = Frame {
        width,
        height,
        buffer: vec![1; usize::from(width) * usize::from(height)].into(),
        ..Frame::default()
    };
    frame.make_lzw_pre_encoded();
    for _ in 0..frames {
        encoder.write_lzw_pre_encoded_frame(&frame).expect("a frame");
    }
    encoder.into_inner().expect("a GIF")
}

/// The GIF with an extension block behind its palette.
pub fn gif_with(extension: &[u8]) -> Vec<u8> {
    let picture = gif(8, 8, 1);
    join(&[&picture[..13 + 6], extension, &picture[13 + 6..]])
}

/// Blocks of at most 255 bytes, and the empty one that ends them.
pub fn blocks(bytes: &[u8]) -> Vec<u8> {
    let block = |part: &[u8]| join(&[&[part.len() as u8], part]);
    let mut all: Vec<u8> = bytes.chunks(255).flat_map(block).collect();
    all.push(0);
    all
}

pub fn riff(kind: &[u8; 4], chunks: &[&[u8]]) -> Vec<u8> {
    let body = chunks.concat();
    join(&[b"RIFF", &(body.len() as u32 + 4).to_le_bytes(), kind, &body])
}

pub fn riff_chunk(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    let pad: &[u8] = if body.len() % 2 == 1 { &[0] } else { &[] };
    join(&[name, &(body.len() as u32).to_le_bytes(), body, pad])
}

/// One colour, without loss: the coded picture is a few bytes, whatever sides it declares.
pub fn vp8l(width: u32, height: u32) -> Vec<u8> {
    let mut file = Vec::new();
    let mut encoder = image_webp::WebPEncoder::new(&mut file);
    let mut params = image_webp::EncoderParams::default();
    params.use_predictor_transform = false;
    encoder.set_params(params);
    encoder.encode(&[9; 3 * 64], 8, 8, image_webp::ColorType::Rgb8).expect("a WebP");
    let mut body = file[20..].to_vec();
    let bits = u32::from_le_bytes([body[1], body[2], body[3], body[4]]);
    let sides = (width - 1) | (height - 1) << 14;
    body[1..5].copy_from_slice(&(bits >> 28 << 28 | sides).to_le_bytes());
    body
}

pub fn vp8x(flags: u8, width: u32, height: u32) -> Vec<u8> {
    let (width, height) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    riff_chunk(b"VP8X", &join(&[&[flags, 0, 0, 0], &width[..3], &height[..3]]))
}

pub fn anmf(width: u32, height: u32, body: &[u8]) -> Vec<u8> {
    let (width, height) = ((width - 1).to_le_bytes(), (height - 1).to_le_bytes());
    let head = join(&[&[0; 6], &width[..3], &height[..3], &[100, 0, 0, 0]]);
    riff_chunk(b"ANMF", &join(&[&head, body]))
}

pub fn webp_animation(frames: u32) -> Vec<u8> {
    let frame = anmf(8, 8, &riff_chunk(b"VP8L", &vp8l(8, 8)));
    let frames = frame.repeat(frames as usize);
    riff(b"WEBP", &[&vp8x(2, 8, 8), &riff_chunk(b"ANIM", &[0; 6]), &frames])
}

pub fn atom(name: &[u8; 4], body: &[u8]) -> Vec<u8> {
    join(&[&(body.len() as u32 + 8).to_be_bytes(), name, body])
}

pub fn ftyp() -> Vec<u8> {
    atom(b"ftyp", b"isom\0\0\0\0isommp42")
}

/// A video track with nothing but its heads.
pub fn track() -> Vec<u8> {
    let mut head = [0; 84];
    head[42] = 1;
    head[76..80].copy_from_slice(&(640u32 << 16).to_be_bytes());
    head[80..84].copy_from_slice(&(360u32 << 16).to_be_bytes());
    let handler = atom(b"hdlr", b"\0\0\0\0\0\0\0\0vide\0\0\0\0\0\0\0\0\0\0\0\0\0");
    atom(b"trak", &join(&[&atom(b"tkhd", &head), &atom(b"mdia", &handler)]))
}

pub fn mvhd(scale: u32, length: u64) -> Vec<u8> {
    let times = [0; 16];
    let body = join(&[&[1, 0, 0, 0], &times, &scale.to_be_bytes(), &length.to_be_bytes()]);
    atom(b"mvhd", &join(&[&body, &[0; 80]]))
}

pub fn mp4(movie: &[&[u8]]) -> Vec<u8> {
    join(&[&ftyp(), &atom(b"moov", &movie.concat())])
}

/// An element with a size of eight bytes.
pub fn element(id: &[u8], body: &[u8]) -> Vec<u8> {
    let size = (1u64 << 56 | body.len() as u64).to_be_bytes();
    join(&[id, &size, body])
}

pub const UNKNOWN_SIZE: &[u8] = &[0x01, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff];

pub fn ebml_head() -> Vec<u8> {
    element(&[0x1a, 0x45, 0xdf, 0xa3], &element(&[0x42, 0x82], b"webm"))
}

pub fn matroska(segment: &[&[u8]]) -> Vec<u8> {
    join(&[&ebml_head(), &element(&[0x18, 0x53, 0x80, 0x67], &segment.concat())])
}

pub fn matroska_tracks() -> Vec<u8> {
    let video = join(&[&element(&[0xb0], &[2, 128]), &element(&[0xba], &[1, 104])]);
    let entry = join(&[&element(&[0x83], &[1]), &element(&[0xe0], &video)]);
    element(&[0x16, 0x54, 0xae, 0x6b], &element(&[0xae], &entry))
}

pub fn wav(format: &[u8], declared: u32) -> Vec<u8> {
    let data = join(&[b"data", &declared.to_le_bytes(), &[0; 1600]]);
    riff(b"WAVE", &[&riff_chunk(b"fmt ", format), &data])
}

/// Bytes without order, always the same.
pub fn noise(count: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9u32;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as u8
    };
    (0..count).map(next).collect()
}
