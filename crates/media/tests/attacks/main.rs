//! The attack corpus: hostile files, made here, and what must happen to each: refused with a
//! reason, inert, or cleaned of what was planted in it. A binary of its own, since it asserts how
//! far the process's memory may rise over the whole of it.

mod make;

use std::io::Cursor;
use std::time::{Duration, Instant};

use make::*;
use media::{Kind, Limits, Media, erase, inspect};

/// What must become of a file.
#[derive(Clone, Copy, Debug)]
enum Becomes {
    /// Refused with this code.
    Refused(&'static str),
    /// A document of this type: never shown inline.
    Document(&'static str),
    /// A picture of this type; neither it nor its thumbnails hold the marker.
    Clean(&'static str),
    /// A video or audio with sane figures; once it is erased, it does not hold the marker.
    Played(Kind),
}

use Becomes::{Clean, Document, Played, Refused};

type Attack = (String, Vec<u8>, Becomes);

const DAMAGED: Becomes = Refused("file_damaged");
const BYTES: Becomes = Document("application/octet-stream");
const TEXT: Becomes = Document("text/plain");
const PIXELS: Becomes = Refused("picture_too_many_pixels");
const JPEG: Becomes = Clean("image/jpeg");

const FIXTURES: &[(&str, &[u8], Kind)] = &[
    ("mp4", include_bytes!("../fixtures/clip.mp4"), Kind::Video),
    ("webm", include_bytes!("../fixtures/clip.webm"), Kind::Video),
    ("ogg", include_bytes!("../fixtures/voice.ogg"), Kind::Audio),
    ("mp3", include_bytes!("../fixtures/voice.mp3"), Kind::Audio),
    ("wav", include_bytes!("../fixtures/voice.wav"), Kind::Audio),
    ("flac", include_bytes!("../fixtures/voice.flac"), Kind::Audio),
    ("aac", include_bytes!("../fixtures/voice.aac"), Kind::Audio),
];

#[test]
fn every_attack_is_refused_or_inert_and_memory_stays_low() {
    let before = peak_kib();
    let (mut count, mut slowest, mut wrong) = (0, (Duration::ZERO, String::new()), Vec::new());
    for group in GROUPS {
        for (name, file, becomes) in group() {
            let began = Instant::now();
            if let Err(problem) = check(&file, becomes) {
                wrong.push(format!("{name}: {problem}"));
            }
            slowest = slowest.max((began.elapsed(), name.clone()));
            let peak_mib = (peak_kib() - before) >> 10;
            println!("{name} | {} bytes | {becomes:?} | {peak_mib} MiB", file.len());
            count += 1;
        }
    }
    let rise_mib = (peak_kib() - before) >> 10;
    println!("{count} attacks; memory rose by {rise_mib} MiB; slowest {slowest:?}");
    assert!(wrong.is_empty(), "\n{}\n", wrong.join("\n"));
    assert!(count >= 60, "only {count} attacks");
    assert!(rise_mib <= 190, "memory rose by {rise_mib} MiB");
    assert!(slowest.0 < Duration::from_secs(60), "{slowest:?}");
}

/// The most memory that this process ever held.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux tells the peak");
    let line = status.lines().find(|line| line.starts_with("VmHWM")).expect("a peak");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number")
}

fn check(file: &[u8], becomes: Becomes) -> Result<(), String> {
    let seen = inspect(&mut Cursor::new(file), file.len() as u64, &Limits::default());
    match (becomes, seen) {
        (Refused(code), Err(refusal)) if refusal.code() == code => Ok(()),
        (Document(media_type), Ok(media))
            if media.kind == Kind::Document && media.media_type == media_type =>
        {
            Ok(())
        }
        (Clean(media_type), Ok(media))
            if media.kind == Kind::Image && media.media_type == media_type =>
        {
            check_clean(file, &media)
        }
        (Played(kind), Ok(media)) if media.kind == kind => check_played(file, &media),
        (becomes, Ok(media)) => {
            Err(format!("should be {becomes:?}, is {:?} {}", media.kind, media.media_type))
        }
        (becomes, Err(refusal)) => Err(format!("should be {becomes:?}, is {refusal:?}")),
    }
}

fn check_clean(file: &[u8], media: &Media) -> Result<(), String> {
    let stored = media.cleaned.as_deref().unwrap_or(file);
    let thumbs = [&media.small, &media.large].into_iter().flatten();
    let all = thumbs.map(|picture| &picture.bytes[..]).chain([stored]);
    if all.into_iter().any(holds_marker) {
        return Err("the marker came through".into());
    }
    let again = inspect(&mut Cursor::new(stored), stored.len() as u64, &Limits::default());
    match again {
        Ok(again) if again.cleaned.is_none() => Ok(()),
        Ok(_) => Err("what was cleaned is not clean".into()),
        Err(refusal) => Err(format!("what was cleaned is refused: {refusal}")),
    }
}

fn check_played(file: &[u8], media: &Media) -> Result<(), String> {
    if media.duration.is_some_and(|length| length > Duration::from_secs(30 * 24 * 3600)) {
        return Err(format!("plays {:?}", media.duration));
    }
    let mut stored = Cursor::new(file.to_vec());
    erase(&mut stored, &media.erasures).expect("memory can be written");
    let stored = stored.into_inner();
    if stored.len() != file.len() || (!media.erasures.is_empty() && holds_marker(&stored)) {
        return Err("what was to be erased is still there".into());
    }
    Ok(())
}

fn holds_marker(bytes: &[u8]) -> bool {
    bytes.windows(MARKER.len()).any(|part| part == MARKER)
}

const GROUPS: &[fn() -> Vec<Attack>] = &[
    no_files,
    documents,
    jpegs_with_more,
    jpegs_that_lie,
    exif_blocks,
    pngs_with_more,
    pngs_that_lie,
    gifs,
    webps,
    largest,
    mp4s,
    matroskas,
    audios,
    cut_off,
];

fn named(name: &str, file: impl AsRef<[u8]>, becomes: Becomes) -> Attack {
    (name.to_owned(), file.as_ref().to_vec(), becomes)
}

fn no_files() -> Vec<Attack> {
    vec![
        named("empty", b"", Refused("file_empty")),
        named("one byte", [0xff], BYTES),
        named("two bytes of a JPEG", [0xff, 0xd8], BYTES),
        named("zeros", [0; 10_000], BYTES),
        named("noise", noise(100_000), BYTES),
        named("noise as a JPEG", join(&[&[0xff, 0xd8, 0xff], &noise(50_000)]), DAMAGED),
        named("noise as a PNG", join(&[PNG, &noise(50_000)]), DAMAGED),
        named("noise as a GIF", join(&[b"GIF89a", &noise(50_000)]), PIXELS),
        named("noise as a WebP", riff(b"WEBP", &[&noise(50_000)]), DAMAGED),
        named("noise as an MP4", join(&[&ftyp(), &noise(50_000)]), BYTES),
        named("noise as Matroska", join(&[&[0x1a, 0x45, 0xdf, 0xa3], &noise(50_000)]), BYTES),
        named("noise as Ogg", join(&[b"OggS", &noise(50_000)]), BYTES),
        named("noise as FLAC", join(&[b"fLaC", &noise(50_000)]), BYTES),
    ]
}

fn documents() -> Vec<Attack> {
    let svg =
        b"<svg xmlns='http://www.w3.org/2000/svg' onload='evil()'><script>evil()</script></svg>";
    let laughs = b"<?xml version='1.0'?><!DOCTYPE a [<!ENTITY b '&c;&c;'><!ENTITY c '&b;'>]><svg/>";
    let inner = zip_of("0.zip", 1 << 24);
    vec![
        named("SVG with a script", svg, TEXT),
        named("SVG with entities in each other", laughs, TEXT),
        named("HTML as .jpg", join(&[b"<!DOCTYPE html>", MARKER]), TEXT),
        named("HTML behind a byte order mark", join(&[b"\xef\xbb\xbf<html>", MARKER]), TEXT),
        named("HTML in UTF-16", b"\xff\xfe<\0h\0t\0m\0l\0>\0", BYTES),
        named("a script", join(&[b"#!/bin/sh\n", MARKER]), BYTES),
        named("a program for Windows", join(&[b"MZ\x90\0", &noise(4096)]), BYTES),
        named("a program for Linux", join(&[b"\x7fELF\x02\x01", &noise(4096)]), BYTES),
        named("PHP", b"<?php system($_GET['c']); ?>", TEXT),
        named("PDF with a script", b"%PDF-1.7\n/OpenAction", Document("application/pdf")),
        named(
            "PDF before a JPEG",
            join(&[b"%PDF-1.4\n", &jpeg(8, 8)]),
            Document("application/pdf"),
        ),
        named("a zip bomb", zip_of("a", 1 << 27), Document("application/zip")),
        named("a zip bomb in a zip", zip_of_bytes("b.zip", &inner), Document("application/zip")),
        named(
            "gzip bomb",
            join(&[b"\x1f\x8b\x08", &zlib_zeros(1 << 26)]),
            Document("application/gzip"),
        ),
        named("HEIC", b"\0\0\0\x18ftypheic\0\0\0\0heicmif1", Document("image/heic")),
        named("AVIF", b"\0\0\0\x18ftypavif\0\0\0\0avifmif1", Document("image/avif")),
        named(
            "BMP of 65,535 squared",
            b"BM\0\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\xff\xff\0\0\xff\xff\0\0",
            Document("image/bmp"),
        ),
        named(
            "TIFF whose directory is itself",
            b"II*\0\x08\0\0\0\0\0\x08\0\0\0",
            Document("image/tiff"),
        ),
    ]
}

fn zip_of(name: &str, zeros: u64) -> Vec<u8> {
    zip_of_bytes(name, &zlib_zeros(zeros)[2..])
}

/// A local header and what it says is deflated.
fn zip_of_bytes(name: &str, body: &[u8]) -> Vec<u8> {
    let head = [0x14, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    let sizes = [(body.len() as u32).to_le_bytes(), u32::MAX.to_le_bytes()].concat();
    let lengths = [name.len() as u8, 0, 0, 0];
    join(&[b"PK\x03\x04", &head, &sizes, &lengths, name.as_bytes(), body])
}

fn jpegs_with_more() -> Vec<Attack> {
    let picture = jpeg(400, 300);
    let preview = join(&[b"JFIF\0\x01\x01\0\0\x01\0\x01\x02\x04", MARKER, b"!"]);
    let adobe = join(&[b"Adobe\0\x64\0\0\0\0\x01", MARKER]);
    let profile = join(&[b"ICC_PROFILE\0\x01\x01", &[0; 200], MARKER]);
    let photoshop = join(&[b"Photoshop 3.0\0", MARKER]);
    let second = join(&[&picture, &jpeg_with(0xfe, MARKER)]);
    let scan_end = picture.len() - 2;
    let inside = join(&[&picture[..20], MARKER, &picture[20..]]);
    let in_front = join(&[&picture[..2], MARKER, &picture[2..]]);
    vec![
        named("zip behind a JPEG", join(&[&picture, &zip_of("a", 1000), MARKER]), JPEG),
        named("PDF behind a JPEG", join(&[&picture, b"%PDF-1.4", MARKER]), JPEG),
        named("HTML behind a JPEG", join(&[&picture, MARKER]), JPEG),
        named("a second JPEG behind the first", second, JPEG),
        named("HTML in a comment of a JPEG", jpeg_with(0xfe, MARKER), JPEG),
        named("HTML in EXIF", jpeg_with(0xe1, &join(&[&exif(&[], 0), MARKER])), JPEG),
        named("XMP", jpeg_with(0xe1, &join(&[b"http://ns.adobe.com/xap/1.0/\0", MARKER])), JPEG),
        named("IPTC", jpeg_with(0xed, &photoshop), JPEG),
        named("HTML in a JFIF preview", jpeg_with(0xe0, &preview), JPEG),
        named("HTML behind Adobe's transform", jpeg_with(0xee, &adobe), JPEG),
        named("HTML in a colour profile", jpeg_with(0xe2, &profile), JPEG),
        named("an unknown application's segment", jpeg_with(0xe9, MARKER), JPEG),
        named("HTML between segments", inside, JPEG),
        named("HTML before the first segment", in_front, BYTES),
        named(
            "a comment behind the scan",
            join(&[&picture[..scan_end], &segment(0xfe, MARKER), &[0xff, 0xd9]]),
            JPEG,
        ),
    ]
}

fn jpegs_that_lie() -> Vec<Attack> {
    let rare = Refused("picture_unsupported");
    let picture = jpeg(64, 48);
    let scan = picture.windows(2).position(|pair| pair == [0xff, 0xda]).expect("a scan");
    let end = picture.len() - 2;
    let scans = join(&[&picture[..end], &picture[scan..end].repeat(200), &picture[end..]]);
    let frame = picture.windows(2).position(|pair| pair == [0xff, 0xc0]).expect("a frame");
    let two = join(&[&picture[..frame], &picture[frame..frame + 19], &picture[frame..]]);
    let no_scan = join(&[&picture[..scan], &[0xff, 0xd9]]);
    let segments = segment(0xfe, b"").repeat(20_000);
    vec![
        named(
            "JPEG of 65,535 squared",
            jpeg_frame(&[(5, 255), (6, 255), (7, 255), (8, 255)]),
            PIXELS,
        ),
        named(
            "JPEG of 65,535 times 1",
            jpeg_frame(&[(5, 0), (6, 1), (7, 255), (8, 255)]),
            Refused("picture_side_too_long"),
        ),
        named("JPEG without height", jpeg_frame(&[(5, 0), (6, 0)]), DAMAGED),
        named("JPEG of 12 bits", jpeg_frame(&[(4, 12)]), rare),
        named("JPEG of 2 components", jpeg_frame(&[(9, 2)]), rare),
        named("JPEG of arithmetic coding", jpeg_frame(&[(1, 0xc9)]), rare),
        named("JPEG without loss", jpeg_frame(&[(1, 0xc3)]), rare),
        named("JPEG of sampling 15", jpeg_frame(&[(11, 0xff)]), DAMAGED),
        named("JPEG of sampling 0", jpeg_frame(&[(11, 0)]), DAMAGED),
        named("progressive JPEG that is none", jpeg_frame(&[(1, 0xc2)]), JPEG),
        named("JPEG with two frames", two, DAMAGED),
        named("JPEG with 201 scans", scans, DAMAGED),
        named(
            "JPEG with 20,000 segments",
            join(&[&picture[..2], &segments, &picture[2..]]),
            DAMAGED,
        ),
        named("JPEG without a scan", no_scan, DAMAGED),
        named("JPEG whose scan comes first", join(&[&[0xff, 0xd8], &picture[scan..]]), DAMAGED),
        named("HTML that begins as a JPEG", join(&[&[0xff, 0xd8, 0xff, 0xe0], MARKER]), DAMAGED),
    ]
}

fn exif_blocks() -> Vec<Attack> {
    let picture = jpeg(64, 48);
    let giant = segment(0xe1, &join(&[&exif(&[], 0), &MARKER.repeat(2800)]));
    let many = join(&[&picture[..2], &giant.repeat(100), &picture[2..]]);
    let at_itself = exif(&[[0x87, 0x69, 0, 4, 0, 0, 0, 1, 0, 0, 0, 8]], 8);
    let outside = join(&[b"Exif\0\0MM\0*\xff\xff\xff\xf0", MARKER]);
    let endless = join(&[b"Exif\0\0II*\0\x08\0\0\0\xff\xff", &[7; 600]]);
    let gps = exif(&[[0x88, 0x25, 0, 4, 0, 0, 0, 1, 0, 0, 0, 99]], 0);
    vec![
        named("100 EXIF blocks of 64 KB", many, JPEG),
        named("EXIF that points at itself", jpeg_with(0xe1, &at_itself), JPEG),
        named("EXIF that points outside", jpeg_with(0xe1, &outside), JPEG),
        named("EXIF of 65,535 entries", jpeg_with(0xe1, &endless), JPEG),
        named("EXIF with a place", jpeg_with(0xe1, &join(&[&gps, MARKER])), JPEG),
        named("EXIF orientation 6", jpeg_with(0xe1, &exif(&[orientation(6)], 0)), JPEG),
        named("EXIF orientation 200", jpeg_with(0xe1, &exif(&[orientation(200)], 0)), JPEG),
        named("EXIF that is cut off", jpeg_with(0xe1, b"Exif\0\0MM\0*\0\0"), JPEG),
    ]
}

fn pngs_with_more() -> Vec<Attack> {
    let png = Clean("image/png");
    let data = png_data(20, 10);
    let text = join(&[b"Comment\0", MARKER]);
    let bomb = join(&[b"Comment\0\0", &zlib_zeros(1 << 27)]);
    let unicode = join(&[b"Comment\0\0\0\0\0", MARKER]);
    let profile = join(&[b"icc\0\0", &zlib_zeros(1 << 27)]);
    let slack = chunk(b"IDAT", &join(&[&data, MARKER]));
    let second = [chunk(b"IDAT", &data), chunk(b"IDAT", MARKER)].concat();
    let control = join(&[&[0; 4], &20u32.to_be_bytes(), &10u32.to_be_bytes(), &[0; 14]]);
    let frame = join(&[&[0, 0, 0, 1], MARKER]);
    let moving = [chunk(b"acTL", &[0, 0, 0, 2, 0, 0, 0, 0]), chunk(b"fcTL", &control)].concat();
    let frames = [chunk(b"IDAT", &data), chunk(b"fdAT", &frame)].concat();
    let turned = exif(&[orientation(6)], 0);
    vec![
        named("HTML in a PNG's text", png_with(&[&chunk(b"tEXt", &text)]), png),
        named("HTML in a PNG's Unicode text", png_with(&[&chunk(b"iTXt", &unicode)]), png),
        named("bomb in a PNG's text", png_with(&[&chunk(b"zTXt", &bomb)]), png),
        named("bomb in a PNG's profile", png_with(&[&chunk(b"iCCP", &profile)]), png),
        named("HTML in an unknown chunk", png_with(&[&chunk(b"evIl", MARKER)]), png),
        named("HTML behind a PNG", join(&[&png_with(&[]), MARKER]), png),
        named("zip behind a PNG", join(&[&png_with(&[]), &zip_of("a", 99), MARKER]), png),
        named("HTML behind the compressed data", png_of(&header(20, 10, 8, 0), &[&slack]), png),
        named("HTML in a second data chunk", png_of(&header(20, 10, 8, 0), &[&second]), png),
        named("animated PNG", png_of(&header(20, 10, 8, 0), &[&moving, &frames]), png),
        named("PNG to be turned", png_with(&[&chunk(b"eXIf", &turned[6..])]), png),
    ]
}

fn pngs_that_lie() -> Vec<Attack> {
    let picture =
        |width, height, data: &[u8]| png_of(&header(width, height, 8, 0), &[&chunk(b"IDAT", data)]);
    let mut bad_sum = png_with(&[]);
    bad_sum[30] ^= 1;
    let mut long = png_with(&[]);
    long[33..37].copy_from_slice(&0xffff_ffffu32.to_be_bytes());
    let chunks = chunk(b"tEXt", b"a\0b").repeat(200_000);
    let interlaced = chunk(b"IHDR", &[0, 0, 0, 20, 0, 0, 0, 10, 8, 0, 0, 0, 1]);
    let data = chunk(b"IDAT", &png_data(20, 10));
    vec![
        named("PNG of 441 megapixels", picture(21_000, 21_000, &png_data(21_000, 21_000)), PIXELS),
        named("PNG of 2^31 squared", picture(1 << 31, 1 << 31, b""), PIXELS),
        named(
            "PNG of 60,000 times 1",
            picture(60_000, 1, &png_data(60_000, 1)),
            Refused("picture_side_too_long"),
        ),
        named("PNG of no width", picture(0, 10, &png_data(0, 10)), DAMAGED),
        named("PNG with 100 MB for 200 pixels", picture(20, 10, &zlib_zeros(100 << 20)), DAMAGED),
        named("PNG with too little data", picture(20, 10, &png_data(20, 9)), DAMAGED),
        named("PNG with noise as data", picture(20, 10, &noise(500)), DAMAGED),
        named("PNG without data", png_of(&header(20, 10, 8, 0), &[]), DAMAGED),
        named("PNG with an unknown critical chunk", png_with(&[&chunk(b"EVIL", MARKER)]), DAMAGED),
        named("PNG with a wrong checksum", bad_sum, DAMAGED),
        named("PNG with a chunk of 4 GB", long, DAMAGED),
        named("PNG with 200,000 chunks", png_with(&[&chunks]), DAMAGED),
        named("PNG of 3 bits", png_of(&header(20, 10, 3, 0), &[&data]), DAMAGED),
        named("PNG with two headers", png_with(&[&header(20, 10, 8, 0)]), DAMAGED),
        named("PNG whose palette is missing", png_of(&header(20, 10, 8, 3), &[&data]), DAMAGED),
        named("PNG that says it is interlaced", png_of(&interlaced, &[&data]), DAMAGED),
        named("PNG of 16 bits in 48 megapixels", picture_16(), Refused("picture_too_much_memory")),
    ]
}

/// Within the pixels, beyond the memory.
fn picture_16() -> Vec<u8> {
    let data = zlib_zeros(6000 * (8000 * 8 + 1));
    png_of(&header(8000, 6000, 16, 6), &[&chunk(b"IDAT", &data)])
}

fn gifs() -> Vec<Attack> {
    let clean = Clean("image/gif");
    let picture = gif(8, 8, 1);
    let mut script = gif_with(&join(&[b"\x21\xfe", &blocks(&join(&[b"*/=1;", MARKER]))]));
    script[6..8].copy_from_slice(b"/*");
    let xmp = join(&[b"\x21\xff\x0bXMP DataXMP", &blocks(MARKER)]);
    let netscape =
        join(&[b"\x21\xff\x0bNETSCAPE2.0\x03\x01\0\0", &[MARKER.len() as u8], MARKER, &[0]]);
    let text = join(&[b"\x21\x01", &blocks(&[0; 12])[..13], &blocks(MARKER)]);
    let dot = b"GIF89a\x01\0\x01\0\x80\0\0\xff\0\0\0\0\xff,\0\0\0\0\x01\0\x01\0\0\x02\x02\x44\x01";
    let slack = join(&[dot, &[MARKER.len() as u8], MARKER, &[0, 0x3b]]);
    let mut canvas = picture.clone();
    canvas[6..10].fill(0xff);
    let mut frame = picture.clone();
    let at = frame.iter().rposition(|byte| *byte == b',').expect("a frame");
    frame[at + 5..at + 9].fill(0xff);
    vec![
        named("GIF that is a script", script, clean),
        named("script that begins as a GIF", b"GIF89a/*=1;evil()*/", PIXELS),
        named("HTML in a GIF's comment", gif_with(&join(&[b"\x21\xfe", &blocks(MARKER)])), clean),
        named("HTML in a GIF's XMP", gif_with(&xmp), clean),
        named("HTML in a GIF's loop", gif_with(&netscape), clean),
        named("HTML in a GIF's plain text", gif_with(&text), clean),
        named("HTML behind a frame's end code", slack, clean),
        named("HTML behind a GIF", join(&[&picture, MARKER]), clean),
        named("GIF of 100,000 frames", gif(1, 1, 100_000), Refused("animation_too_many_frames")),
        named("GIF of 270 megapixels in all", gif(3000, 3000, 30), Refused("animation_too_large")),
        named("GIF of 65,535 squared", canvas, PIXELS),
        named("GIF whose frame has 65,535 squared", frame, PIXELS),
        named("GIF without a frame", gif(8, 8, 0), DAMAGED),
    ]
}

fn webps() -> Vec<Attack> {
    let clean = Clean("image/webp");
    let coded = riff_chunk(b"VP8L", &vp8l(8, 8));
    let still = |more: &[&[u8]]| riff(b"WEBP", &[&vp8x(0x0c, 8, 8), &coded, &more.concat()]);
    let mut long = still(&[]);
    long[4..8].copy_from_slice(&0xffff_fff0u32.to_le_bytes());
    let animation =
        |frame: &[u8]| riff(b"WEBP", &[&vp8x(2, 8, 8), &riff_chunk(b"ANIM", &[0; 6]), frame]);
    let lossy = b"\0\0\0\x9d\x01\x2a\xff\x3f\xff\x3f\0\0\0\0";
    let in_frame = anmf(8, 8, &join(&[&coded, &riff_chunk(b"EVIL", MARKER)]));
    vec![
        named("HTML in a WebP's EXIF", still(&[&riff_chunk(b"EXIF", MARKER)]), clean),
        named("HTML in a WebP's XMP", still(&[&riff_chunk(b"XMP ", MARKER)]), clean),
        named("HTML in a WebP's profile", still(&[&riff_chunk(b"ICCP", MARKER)]), clean),
        named("HTML in an unknown chunk of a WebP", still(&[&riff_chunk(b"EVIL", MARKER)]), clean),
        named("HTML behind a WebP", join(&[&still(&[]), MARKER]), clean),
        named("HTML in a frame of a WebP", animation(&in_frame), clean),
        named("WebP of 2^24 squared", riff(b"WEBP", &[&vp8x(0, 1 << 24, 1 << 24), &coded]), PIXELS),
        named(
            "WebP of 16,384 squared in 50 bytes",
            riff(b"WEBP", &[&riff_chunk(b"VP8L", &vp8l(16_384, 16_384))]),
            PIXELS,
        ),
        named(
            "WebP of 16,383 squared, lossy",
            riff(b"WEBP", &[&riff_chunk(b"VP8 ", lossy)]),
            PIXELS,
        ),
        named(
            "WebP whose picture is larger than its canvas",
            riff(b"WEBP", &[&vp8x(0, 8, 8), &riff_chunk(b"VP8L", &vp8l(7000, 7000))]),
            DAMAGED,
        ),
        named(
            "WebP whose frame hides a larger one",
            animation(&anmf(8, 8, &riff_chunk(b"VP8 ", lossy))),
            DAMAGED,
        ),
        named(
            "WebP whose frame is outside",
            animation(&anmf(9, 8, &riff_chunk(b"VP8L", &vp8l(9, 8)))),
            DAMAGED,
        ),
        named("WebP of 5,000 frames", webp_animation(5000), Refused("animation_too_many_frames")),
        named(
            "WebP of 24 megapixels in 50 bytes",
            riff(b"WEBP", &[&riff_chunk(b"VP8L", &vp8l(6000, 4000))]),
            Refused("picture_too_much_memory"),
        ),
        named("WebP without a picture", riff(b"WEBP", &[&vp8x(0, 8, 8)]), DAMAGED),
        named("WebP that says it is longer", long, DAMAGED),
    ]
}

/// Legal, and as large as may be: what memory is needed for at most.
fn largest() -> Vec<Attack> {
    let picture = jpeg(8_100, 6_100);
    let turn = segment(0xe1, &exif(&[orientation(8)], 0));
    let turned = join(&[&picture[..2], &turn, &picture[2..]]);
    let colors = chunk(b"IDAT", &zlib_zeros(6000 * (6500 * 4 + 1)));
    vec![
        named("JPEG of 49 megapixels", picture, JPEG),
        named("JPEG of 49 megapixels to be turned", turned, JPEG),
        named(
            "PNG of 39 megapixels in four channels",
            png_of(&header(6500, 6000, 8, 6), &[&colors]),
            Clean("image/png"),
        ),
        named(
            "WebP that promises 18 megapixels in 50 bytes",
            riff(b"WEBP", &[&riff_chunk(b"VP8L", &vp8l(4500, 4000))]),
            DAMAGED,
        ),
        named("GIF of 30 megapixels", gif(5500, 5500, 1), Clean("image/gif")),
    ]
}

fn mp4s() -> Vec<Attack> {
    let video = Played(Kind::Video);
    let mut nested = track();
    (0..5000).for_each(|_| nested = atom(b"moov", &nested));
    let huge = join(&[&[0, 0, 0, 1], b"moov", &(1u64 << 63).to_be_bytes(), &track()]);
    let udta = atom(b"udta", &atom(b"\xa9xyz", &join(&[b"\0\x12\x15\xc7", MARKER])));
    let xmp = join(&[
        &[
            0xbe, 0x7a, 0xcf, 0xcb, 0x97, 0xa9, 0x42, 0xe8, 0x9c, 0x71, 0x99, 0x94, 0x91, 0xe3,
            0xaf, 0xac,
        ],
        MARKER,
    ]);
    let in_track = &track()[8..];
    let private_track = atom(b"trak", &join(&[in_track, &atom(b"meta", MARKER)]));
    vec![
        named("MP4 box of size 0", join(&[&ftyp(), &[0; 4], b"moov", &track()]), video),
        named("MP4 box of size 1 without a size", join(&[&ftyp(), &[0, 0, 0, 1], b"moov"]), BYTES),
        named("MP4 box of 2^63 bytes", join(&[&ftyp(), &huge]), BYTES),
        named("MP4 box of size 2", join(&[&ftyp(), &[0, 0, 0, 2], b"moov", &track()]), BYTES),
        named("MP4 with a head only", ftyp(), BYTES),
        named("MP4 of 5,000 boxes in each other", join(&[&ftyp(), &nested]), BYTES),
        named(
            "MP4 of a million boxes",
            join(&[&ftyp(), &atom(b"free", b"").repeat(1 << 20)]),
            BYTES,
        ),
        named(
            "MP4 of 100,000 tracks",
            mp4(&[&atom(b"trak", b"").repeat(100_000), &track()]),
            BYTES,
        ),
        named("MP4 that plays 2^64 ticks", mp4(&[&mvhd(1, u64::MAX - 1), &track()]), video),
        named("MP4 of no ticks a second", mp4(&[&mvhd(0, 1000), &track()]), video),
        named("MP4 without a track", mp4(&[&mvhd(1000, 1000)]), BYTES),
        named("HTML as an MP4", join(&[b"\0\0\0\x14ftyp", MARKER]), BYTES),
        named("MP4 with a place", mp4(&[&mvhd(1000, 1000), &track(), &udta]), video),
        named("MP4 with XMP", join(&[&mp4(&[&track()]), &atom(b"uuid", &xmp)]), video),
        named("MP4 with private words in a track", mp4(&[&private_track]), video),
    ]
}

fn matroskas() -> Vec<Attack> {
    let video = Played(Kind::Video);
    let cluster = &[0x1f, 0x43, 0xb6, 0x75][..];
    let mut nested = Vec::new();
    (0..2000).for_each(|_| nested = element(cluster, &nested));
    let open = join(&[cluster, UNKNOWN_SIZE]).repeat(100_000);
    let info = |float: f64| {
        let duration = element(&[0x44, 0x89], &float.to_be_bytes());
        element(&[0x15, 0x49, 0xa9, 0x66], &duration)
    };
    let segment = join(&[&[0x18, 0x53, 0x80, 0x67], UNKNOWN_SIZE]);
    let tracks = matroska_tracks();
    let long_type = element(&[0x1a, 0x45, 0xdf, 0xa3], &join(&[&[0x42, 0x82, 0x01], &[0xff; 7]]));
    let time = join(&[cluster, UNKNOWN_SIZE, &element(&[0xe7], &[0xff; 8])]);
    let voids = element(&[0xec], b"").repeat(200_000);
    vec![
        named("Matroska of unknown sizes", join(&[&ebml_head(), &segment, &tracks, &open]), video),
        named("Matroska of 2,000 clusters in each other", matroska(&[&tracks, &nested]), video),
        named("Matroska of 200,000 empty elements", matroska(&[&voids, &tracks]), BYTES),
        named("Matroska that plays for ever", matroska(&[&info(f64::INFINITY), &tracks]), video),
        named("Matroska that plays no number", matroska(&[&info(f64::NAN), &tracks]), video),
        named("Matroska that plays backwards", matroska(&[&info(-1.0), &tracks]), video),
        named("Matroska whose last time is 2^64", matroska(&[&tracks, &time]), video),
        named("Matroska with a type of 2^56 bytes", long_type, BYTES),
        named("Matroska with a head only", ebml_head(), BYTES),
        named("Matroska without a track", matroska(&[&info(5.0)]), BYTES),
        named(
            "Matroska with a size of nine bytes",
            join(&[&ebml_head(), &[0x18, 0x53, 0x80, 0x67, 0]]),
            BYTES,
        ),
    ]
}

fn audios() -> Vec<Attack> {
    let audio = Played(Kind::Audio);
    let fixture = |name: &str| {
        FIXTURES.iter().find(|row| row.0 == name).map(|row| row.1.to_vec()).expect("a fixture")
    };
    let mut ogg = fixture("ogg");
    ogg[22..26].fill(0xee);
    let page = b"OggS\0\x02\xff\xff\xff\xff\xff\xff\xff\x7f\x01\0\0\0\0\0\0\0\0\0\0\0\xff";
    let pages = join(&[page, &[0xff; 255], &[0; 65_025]]);
    let id3 = join(&[b"ID3\x04\0\0\x7f\x7f\x7f\x7f", MARKER]);
    let tags = b"ID3\x04\0\0\0\0\0\0".repeat(10_000);
    let mp3_frame = join(&[&[0xff, 0xfb, 0x90, 0x00], &[0; 413]]);
    let xing =
        join(&[&[0xff, 0xfb, 0x90, 0x00], &[0; 32], b"Xing\0\0\0\x01\xff\xff\xff\xff", &[0; 369]]);
    let pcm = [1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0];
    let flac = |kind: u8, length: [u8; 3]| {
        let info = join(&[&[0, 0, 0, 34], &[0; 34]]);
        join(&[b"fLaC", &info, &[kind], &length, MARKER])
    };
    vec![
        named("Ogg with a bad checksum", ogg, audio),
        named("Ogg of full pages", pages.repeat(20), BYTES),
        named("Ogg with HTML", join(&[b"OggS", MARKER]), BYTES),
        named("ID3 of 256 MB", id3, BYTES),
        named("10,000 ID3 tags", tags, BYTES),
        named("ID3 before HTML", join(&[b"ID3\x04\0\0\0\0\0\0<html>", MARKER]), BYTES),
        named("MP3 that says it has 2^32 frames", join(&[&xing, &mp3_frame.repeat(4)]), audio),
        named("one frame of MP3 and HTML", join(&[&mp3_frame, MARKER]), BYTES),
        named(
            "AAC frames of no length",
            join(&[&[0xff, 0xf1, 0x50, 0x80, 0, 0x1f, 0xfc], &[0; 9000]]),
            BYTES,
        ),
        named("WAV that says it has 4 GB", wav(&pcm, u32::MAX), audio),
        named(
            "WAV of no samples a second",
            wav(&[1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 1600),
            audio,
        ),
        named("WAV of a format of no bytes", wav(&[], 1600), BYTES),
        named("WAV with HTML", riff(b"WAVE", &[MARKER]), BYTES),
        named("FLAC with a picture of 16 MB", flac(0x06, [0xff; 3]), BYTES),
        named("FLAC with blocks without an end", flac(0x04, [0; 3]).repeat(1000), BYTES),
    ]
}

/// Each kind, cut off at several places.
fn cut_off() -> Vec<Attack> {
    let moving = include_bytes!("../fixtures/moving.webp").to_vec();
    let pictures = [
        ("JPEG", jpeg(400, 300)),
        ("PNG", png_with(&[])),
        ("GIF", gif(200, 100, 3)),
        ("WebP", riff(b"WEBP", &[&riff_chunk(b"VP8L", &vp8l(8, 8))])),
        ("moving WebP", moving),
    ];
    let mut attacks = Vec::new();
    for (name, file) in &pictures {
        for at in [file.len() / 3, file.len() / 2, file.len() * 9 / 10, file.len() - 1] {
            // Of a JPEG what came is shown, as browsers do.
            let becomes = if *name == "JPEG" { JPEG } else { DAMAGED };
            attacks.push(named(&format!("{name} cut off at {at}"), &file[..at], becomes));
        }
    }
    for (name, file, kind) in FIXTURES {
        for tenths in [3, 5, 9] {
            let part = &file[..file.len() * tenths / 10];
            // The movie's head stands last in an MP4, and this FLAC begins with 8 KiB of padding.
            let headless = *name == "mp4" || (*name == "flac" && tenths < 9);
            let becomes = if headless { BYTES } else { Played(*kind) };
            attacks.push(named(&format!("{name} cut off at {tenths}/10"), part, becomes));
        }
        attacks.push(named(&format!("{name} cut off at 20 bytes"), &file[..20], BYTES));
    }
    attacks
}
