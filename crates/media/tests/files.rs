//! Files as programs make them: the figures that are read from each, and pictures that come out
//! upright, in their colours and without what was private.

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::time::Duration;

use image::codecs::jpeg::JpegEncoder;
use image::{ExtendedColorType, ImageEncoder};
use media::{Kind, Limits, Media, Refusal, erase, inspect, without_metadata};

fn look(bytes: &[u8]) -> Media {
    try_look(bytes).expect("a file that is taken")
}

fn try_look(bytes: &[u8]) -> Result<Media, Refusal> {
    inspect(&mut Cursor::new(bytes), bytes.len() as u64, &Limits::default())
}

macro_rules! fixture {
    ($name:literal) => {
        &include_bytes!(concat!("fixtures/", $name))[..]
    };
}

#[test]
fn figures_of_video_and_audio() {
    let (video, audio) = (Kind::Video, Kind::Audio);
    let size = Some((160, 120));
    let expected = [
        (fixture!("clip.mp4"), video, "video/mp4", size, 2000),
        (fixture!("fragments.mp4"), video, "video/mp4", size, 2011),
        (fixture!("located.mov"), video, "video/quicktime", size, 2000),
        (fixture!("turned.mp4"), video, "video/mp4", Some((120, 160)), 2000),
        (fixture!("clip.webm"), video, "video/webm", size, 2008),
        (fixture!("recorded.webm"), video, "video/webm", size, 2001),
        (fixture!("voice.webm"), audio, "audio/webm", None, 2008),
        (fixture!("voice.ogg"), audio, "audio/ogg", None, 2000),
        (fixture!("voice.mp3"), audio, "audio/mpeg", None, 2038),
        (fixture!("voice.m4a"), audio, "audio/mp4", None, 2000),
        (fixture!("voice.aac"), audio, "audio/aac", None, 2283),
        (fixture!("voice.wav"), audio, "audio/wav", None, 1000),
        (fixture!("voice.flac"), audio, "audio/flac", None, 2000),
    ];
    for (file, kind, media_type, size, milliseconds) in expected {
        let media = look(file);
        assert_eq!((media.kind, media.media_type), (kind, media_type));
        assert_eq!(media.width.zip(media.height), size, "{media_type}");
        let duration = media.duration.expect("a duration");
        let wanted = Duration::from_millis(milliseconds);
        assert!(duration.abs_diff(wanted) < Duration::from_millis(2), "{media_type} {duration:?}");
        assert_eq!((media.cleaned, media.small), (None, None));
    }
}

#[test]
fn a_place_is_blanked_in_a_video_that_still_plays() {
    let file = fixture!("located.mov");
    let holds = |bytes: &[u8], word: &[u8]| bytes.windows(word.len()).any(|part| part == word);
    assert!(holds(file, b"+40.4168-003.7038/") && holds(file, b"Casa"));
    let media = look(file);
    let mut stored = Cursor::new(file.to_vec());
    erase(&mut stored, &media.erasures).expect("memory can be written");
    let stored = stored.into_inner();
    assert!(!holds(&stored, b"+40.4168") && !holds(&stored, b"Casa"));
    assert_eq!(look(&stored), Media { erasures: Vec::new(), ..media });
}

/// Left red, right blue; green on top where `top` says so.
fn sample(x: u32, width: u32) -> [u8; 3] {
    if x < width / 2 { [220, 30, 30] } else { [30, 30, 220] }
}

fn jpeg(width: u32, height: u32, exif: &[u8], profile: Option<&[u8]>) -> Vec<u8> {
    let pixels: Vec<u8> =
        (0..height).flat_map(|_| (0..width).flat_map(|x| sample(x, width))).collect();
    let mut bytes = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 90);
    if let Some(profile) = profile {
        encoder.set_icc_profile(profile.to_vec()).expect("JPEG takes profiles");
    }
    if !exif.is_empty() {
        encoder.set_exif_metadata(exif.to_vec()).expect("JPEG takes EXIF");
    }
    encoder.encode(&pixels, width, height, ExtendedColorType::Rgb8).expect("a JPEG");
    bytes
}

const TURNED: &[u8] = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";

fn decode(bytes: &[u8]) -> (usize, usize, Vec<u8>) {
    let mut decoder = zune_jpeg::JpegDecoder::new(Cursor::new(bytes));
    let pixels = decoder.decode().expect("a JPEG");
    let (width, height) = decoder.dimensions().expect("its sides");
    (width, height, pixels)
}

fn near(pixel: &[u8], wanted: [u8; 3]) -> bool {
    pixel.iter().zip(wanted).all(|(is, should)| is.abs_diff(should) < 25)
}

#[test]
fn a_turned_picture_is_stored_upright_with_upright_thumbnails() {
    let media = look(&jpeg(2000, 1000, TURNED, None));
    assert_eq!((media.width, media.height), (Some(1000), Some(2000)));
    let large = media.large.expect("it is larger than 1,280");
    let small = media.small.expect("it is larger than 320");
    assert_eq!((large.width, large.height, small.width, small.height), (640, 1280, 160, 320));
    for bytes in [&media.cleaned.expect("it was turned"), &large.bytes, &small.bytes] {
        let (width, height, pixels) = decode(bytes);
        let at = |x: usize, y: usize| &pixels[(y * width + x) * 3..][..3];
        // What was left is now above.
        assert!(near(at(width / 4, height / 8), [220, 30, 30]), "{width}x{height}");
        assert!(near(at(width * 3 / 4, height * 7 / 8), [30, 30, 220]), "{width}x{height}");
    }
}

#[test]
fn an_upright_picture_keeps_every_pixel() {
    let plain = jpeg(600, 400, &[], None);
    assert_eq!(look(&plain).cleaned, None, "there is nothing to clean");
    let exif = [&TURNED[..19], &[1], &TURNED[20..], b"GPS here"].concat();
    let media = look(&jpeg(600, 400, &exif, None));
    let cleaned = media.cleaned.expect("EXIF was removed");
    assert_eq!(decode(&cleaned), decode(&plain));
    assert!(!cleaned.windows(3).any(|part| part == b"GPS"));
}

#[test]
fn a_jpeg_that_browsers_show_is_shown_and_gets_its_end() {
    let file = jpeg(600, 400, &[], None);
    let (_, _, whole) = decode(&file);
    let frame = file.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    let with_zeros = [&file[..frame], &[0, 0], &file[frame..]].concat();
    let with_junk = [&file[..frame], b"junk\xff\x00\xff\xff", &file[frame..]].concat();
    let trailer = [&file[..file.len() - 2], b"\0\0\x01\x0aSEFT"].concat();
    for (name, bytes) in [
        ("without an end", &file[..file.len() - 2]),
        ("with half an end", &file[..file.len() - 1]),
        ("with zeros between segments", &with_zeros),
        ("with junk between segments", &with_junk),
        ("with a trailer in place of an end", &trailer),
    ] {
        let media = look(bytes);
        assert_eq!((media.kind, media.width, media.height), (Kind::Image, Some(600), Some(400)));
        let stored = media.cleaned.expect("rebuilt");
        assert!(stored.ends_with(&[0xff, 0xd9]), "{name}");
        assert!(!stored.windows(4).any(|part| part == b"junk"), "{name}");
        let (_, _, pixels) = decode(&stored);
        assert!(pixels == whole, "{name}: the same picture");
    }
    let cut = look(&file[..file.len() * 9 / 10]);
    assert_eq!((cut.kind, cut.height), (Kind::Image, Some(400)));
    let (_, _, pixels) = decode(&cut.cleaned.expect("rebuilt"));
    assert!(pixels[..600 * 3 * 300] == whole[..600 * 3 * 300], "what came is there");
}

#[test]
fn a_picture_that_is_too_large_to_show_keeps_nothing_but_how_it_is_turned() {
    let place = [TURNED, b"a secret place"].concat();
    let file = jpeg(600, 400, &place, None);
    let alone = without_metadata(&mut Cursor::new(&file), file.len() as u64, 1 << 20);
    let alone = alone.expect("taken apart");
    assert!(file.windows(6).any(|part| part == b"secret"));
    assert!(!alone.windows(6).any(|part| part == b"secret"));
    let (before, after) = (look(&file), look(&alone));
    assert_eq!((after.width, after.height), (before.width, before.height), "turned alike");
    assert_eq!(after.width, Some(400));
    for (bytes, most) in [(&file[..], 100), (&b"GIF89a"[..], 100), (&b"hola"[..], 100)] {
        let none = without_metadata(&mut Cursor::new(bytes), bytes.len() as u64, most);
        assert_eq!(none, None);
    }
}

#[test]
fn a_sum_of_colours_survives_in_the_profile() {
    let profile = display_profile();
    let media = look(&jpeg(600, 400, &[], Some(&profile)));
    let small = media.small.expect("it is larger than 320");
    for bytes in [&media.cleaned.expect("the profile's words were removed"), &small.bytes] {
        let mut decoder = zune_jpeg::JpegDecoder::new(Cursor::new(&bytes[..]));
        decoder.decode_headers().expect("a JPEG");
        let kept = decoder.icc_profile().expect("a profile");
        assert!(kept.len() < profile.len() && kept[36..40] == *b"acsp");
        assert!(!kept.windows(5).any(|part| part == b"Maker"));
    }
}

/// Primaries and one curve, and a word that nobody needs.
fn display_profile() -> Vec<u8> {
    let names = [b"rXYZ", b"gXYZ", b"bXYZ", b"rTRC", b"gTRC", b"bTRC", b"desc"];
    let mut bytes = vec![0; 128];
    bytes[8] = 4;
    bytes[12..24].copy_from_slice(b"mntrRGB XYZ ");
    bytes[36..40].copy_from_slice(b"acsp");
    bytes.extend_from_slice(&(names.len() as u32).to_be_bytes());
    let at = 128 + 4 + 12 * names.len() as u32;
    for (index, name) in names.iter().enumerate() {
        let (offset, length) = match index {
            0..=2 => (20 * index as u32, 20),
            3..=5 => (60, 16),
            _ => (76, 20),
        };
        bytes.extend_from_slice(&name[..]);
        bytes.extend_from_slice(&(at + offset).to_be_bytes());
        bytes.extend_from_slice(&u32::to_be_bytes(length));
    }
    for byte in 1..=3 {
        bytes.extend_from_slice(b"XYZ \0\0\0\0");
        bytes.extend_from_slice(&[0, 0, 0x40 * byte, 0, 0, 0, 0x30, 0, 0, 0, 0x20, 0]);
    }
    bytes.extend_from_slice(b"para\0\0\0\0\0\0\0\0\0\x02\x33\x33");
    bytes.extend_from_slice(b"desc\0\0\0\0\0\0\0\x06Maker\0\0\0");
    bytes
}

fn png(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 4]) -> Vec<u8> {
    let pixels: Vec<u8> = (0..height)
        .flat_map(|y| (0..width).map(move |x| (x, y)))
        .flat_map(|(x, y)| pixel(x, y))
        .collect();
    let mut bytes = Vec::new();
    let mut encoder = png::Encoder::new(&mut bytes, width, height);
    encoder.set_color(png::ColorType::Rgba);
    let mut writer = encoder.write_header().expect("a PNG");
    writer.write_image_data(&pixels).expect("a PNG");
    writer.finish().expect("a PNG");
    bytes
}

#[test]
fn what_shines_through_stays_so() {
    let media = look(&png(800, 400, |x, _| if x < 400 { [255, 0, 0, 255] } else { [0; 4] }));
    assert_eq!((media.media_type, media.cleaned), ("image/png", None));
    let small = media.small.expect("it is larger than 320");
    assert_eq!((small.media_type, small.width, small.height), ("image/png", 320, 160));
    let mut reader = png::Decoder::new(Cursor::new(&small.bytes)).read_info().expect("a PNG");
    let mut pixels = vec![0; 320 * 160 * 4];
    reader.next_frame(&mut pixels).expect("a PNG");
    assert_eq!(&pixels[40 * 4..41 * 4], &[255, 0, 0, 255]);
    assert_eq!(pixels[280 * 4 + 3], 0);
    let opaque = look(&png(800, 400, |_, _| [9, 9, 9, 255])).small.expect("it is larger than 320");
    assert_eq!(opaque.media_type, "image/jpeg");
}

#[test]
fn an_interlaced_palette_of_few_colours_is_read() {
    let header = [0, 0, 1, 144, 0, 0, 0, 3, 2, 3, 0, 0, 1];
    // Rows of each of the seven passes, each with its filter.
    let passes = [(50, 1), (50, 1), (100, 0), (100, 1), (200, 1), (200, 2), (400, 1)];
    let rows = passes.iter().map(|(width, rows)| rows * (1 + (width * 2usize).div_ceil(8))).sum();
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::fast());
    io::Write::write_all(&mut encoder, &vec![0; rows]).expect("memory can be written");
    let data = encoder.finish().expect("memory can be written");
    let mut bytes = b"\x89PNG\r\n\x1a\n".to_vec();
    for (name, body) in
        [(b"IHDR", &header[..]), (b"PLTE", &[1, 2, 3]), (b"IDAT", &data), (b"IEND", &[])]
    {
        let mut crc = flate2::Crc::new();
        crc.update(name);
        crc.update(body);
        bytes.extend_from_slice(&(body.len() as u32).to_be_bytes());
        bytes.extend_from_slice(name);
        bytes.extend_from_slice(body);
        bytes.extend_from_slice(&crc.sum().to_be_bytes());
    }
    let media = look(&bytes);
    assert_eq!((media.width, media.height, media.cleaned), (Some(400), Some(3), None));
}

#[test]
fn animations_stay_animated() {
    let mut encoder =
        gif::Encoder::new(Vec::new(), 60, 40, &[255, 0, 0, 0, 255, 0]).expect("a GIF");
    encoder.set_repeat(gif::Repeat::Infinite).expect("a loop");
    for index in 0..5 {
        let buffer = vec![index % 2; 60 * 40].into();
        let frame = gif::Frame { width: 60, height: 40, delay: 7, buffer, ..gif::Frame::default() };
        encoder.write_frame(&frame).expect("a frame");
    }
    let bytes = encoder.into_inner().expect("a GIF");
    let media = look(&bytes);
    assert!(media.animated && media.media_type == "image/gif");
    let stored = media.cleaned.unwrap_or(bytes);
    let mut reader = gif::DecodeOptions::new().read_info(&stored[..]).expect("a GIF");
    let mut delays = Vec::new();
    while let Some(frame) = reader.read_next_frame().expect("a frame") {
        assert!(frame.buffer.iter().all(|index| usize::from(*index) == delays.len() % 2));
        delays.push(frame.delay);
    }
    assert_eq!((delays, reader.repeat()), (vec![7; 5], gif::Repeat::Infinite));
    let small = media.small.expect("the first frame");
    assert_eq!((small.width, small.height), (60, 40));

    let media = look(fixture!("moving.webp"));
    assert!(media.animated && media.small.is_some() && media.thumbhash.is_some());
    assert!(look(fixture!("still.webp")).small.is_some());
    assert!(!look(fixture!("alpha.webp")).animated);
}

#[test]
fn a_turned_webp_becomes_a_jpeg() {
    let still = fixture!("still.webp");
    let exif = [&b"EXIF"[..], &(TURNED.len() as u32).to_le_bytes(), TURNED].concat();
    let head = b"VP8X\x0a\0\0\0\x08\0\0\0\x8f\x01\0\x2b\x01\0";
    let body = [&b"WEBP"[..], head, &still[12..], &exif].concat();
    let file = [&b"RIFF"[..], &(body.len() as u32).to_le_bytes(), &body].concat();
    let media = look(&file);
    assert_eq!(media.media_type, "image/jpeg");
    assert_eq!((media.width, media.height), (Some(300), Some(400)));
    assert_eq!(decode(&media.cleaned.expect("it was turned")).0, 300);
}

#[test]
fn limits_are_the_callers() {
    let file = jpeg(600, 400, &[], None);
    let look = |limits: Limits| {
        inspect(&mut Cursor::new(&file), file.len() as u64, &limits).map_err(Refusal::code)
    };
    let default = Limits::default();
    assert!(look(default.clone()).is_ok());
    let max_pixels = 600 * 400 - 1;
    assert_eq!(look(Limits { max_pixels, ..default.clone() }), Err("picture_too_many_pixels"));
    assert_eq!(look(Limits { max_side: 599, ..default.clone() }), Err("picture_side_too_long"));
    let max_image_bytes = file.len() as u64 - 1;
    assert_eq!(look(Limits { max_image_bytes, ..default.clone() }), Err("picture_too_many_bytes"));
    let max_memory_bytes = 600 * 400 * 3;
    assert_eq!(look(Limits { max_memory_bytes, ..default }), Err("picture_too_much_memory"));
}

/// A disk that fails behind its first bytes.
struct Failing(Cursor<Vec<u8>>);

impl Read for Failing {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        if self.0.position() >= 4096 {
            return Err(io::ErrorKind::HostUnreachable.into());
        }
        let left = 4096 - self.0.position() as usize;
        let part = bytes.len().min(left);
        self.0.read(&mut bytes[..part])
    }
}

impl Seek for Failing {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

#[test]
fn a_failing_disk_is_not_the_files_fault() {
    for file in [fixture!("clip.mp4").to_vec(), jpeg(900, 900, &[], None)] {
        let size = file.len() as u64;
        let seen = inspect(&mut Failing(Cursor::new(file)), size, &Limits::default());
        assert_eq!(seen, Err(Refusal::Unreadable(io::ErrorKind::HostUnreachable)));
    }
}
