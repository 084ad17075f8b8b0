//! What a file is by its first bytes. Called by [`inspect`](crate::inspect), which then checks it
//! against the rest of the file.

/// An image format that is decoded here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Jpeg,
    Png,
    Gif,
    Webp,
}

/// A family of containers of video and audio.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// MP4, QuickTime, M4A, 3GP, with the type that its brand names.
    Mp4,
    /// Matroska and WebM.
    Matroska,
    /// MP3, AAC, WAV, FLAC and Ogg.
    Audio,
}

/// What the first bytes promise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Found {
    Image(Format),
    Container(Container),
    Document(&'static str),
}

/// Of what nothing better is known.
pub const UNKNOWN: &str = "application/octet-stream";

/// Documents by how they begin. Programs and scripts have no type of their own here: to people who
/// download one it is just bytes.
const DOCUMENTS: &[(&[u8], &str)] = &[
    (b"%PDF-", "application/pdf"),
    (b"PK\x03\x04", "application/zip"),
    (b"PK\x05\x06", "application/zip"),
    (b"\x1f\x8b\x08", "application/gzip"),
    (b"7z\xbc\xaf\x27\x1c", "application/x-7z-compressed"),
    (b"Rar!\x1a\x07", "application/vnd.rar"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "application/x-ole-storage"),
    (b"BM", "image/bmp"),
    (b"II*\0", "image/tiff"),
    (b"MM\0*", "image/tiff"),
    (b"MZ", UNKNOWN),
    (b"\x7fELF", UNKNOWN),
    (b"#!", UNKNOWN),
];

/// Tells by the file's first bytes what it is.
pub fn sniff(head: &[u8]) -> Found {
    if let Some(format) = image(head) {
        return Found::Image(format);
    }
    if let Some(found) = container(head) {
        return found;
    }
    let document = DOCUMENTS.iter().find(|(magic, _)| head.starts_with(magic));
    Found::Document(match document {
        Some((_, media_type)) => media_type,
        None if is_text(head) => "text/plain",
        None => UNKNOWN,
    })
}

fn image(head: &[u8]) -> Option<Format> {
    match head {
        [0xff, 0xd8, 0xff, ..] => Some(Format::Jpeg),
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => Some(Format::Png),
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => Some(Format::Gif),
        _ if is_riff(head, b"WEBP") => Some(Format::Webp),
        _ => None,
    }
}

fn is_riff(head: &[u8], kind: &[u8; 4]) -> bool {
    head.starts_with(b"RIFF") && head.get(8..12) == Some(kind)
}

fn container(head: &[u8]) -> Option<Found> {
    let container = match head {
        [_, _, _, _, b'f', b't', b'y', b'p', ..] => return Some(brand(head)),
        [_, _, _, _, b'm', b'o', b'o', b'v', ..]
        | [_, _, _, _, b'm', b'd', b'a', b't', ..]
        | [_, _, _, _, b'w', b'i', b'd', b'e', ..] => Container::Mp4,
        [0x1a, 0x45, 0xdf, 0xa3, ..] => Container::Matroska,
        [b'O', b'g', b'g', b'S', ..] | [b'f', b'L', b'a', b'C', ..] | [b'I', b'D', b'3', ..] => {
            Container::Audio
        }
        _ if is_riff(head, b"WAVE") || is_mpeg_audio(head) => Container::Audio,
        _ => return None,
    };
    Some(Found::Container(container))
}

/// An ISO base media file names its brand. Pictures in that container are documents: their
/// decoders are large, and not every client has one.
fn brand(head: &[u8]) -> Found {
    match head.get(8..12) {
        Some(b"avif" | b"avis") => Found::Document("image/avif"),
        Some(b"heic" | b"heix" | b"hevc" | b"hevx" | b"heim" | b"heis" | b"mif1" | b"msf1") => {
            Found::Document("image/heic")
        }
        _ => Found::Container(Container::Mp4),
    }
}

/// The header of an MPEG audio frame (layer III) or of an ADTS frame.
fn is_mpeg_audio(head: &[u8]) -> bool {
    let [0xff, second, third, ..] = *head else { return false };
    let (sync, version, layer) = (second >> 5, (second >> 3) & 3, (second >> 1) & 3);
    let mp3 = version != 1 && layer == 1 && third >> 4 != 15 && (third >> 2) & 3 != 3;
    let adts = second >> 4 == 15 && layer == 0 && (third >> 2) & 15 < 13;
    sync == 7 && (mp3 || adts)
}

/// UTF-8 without control characters. That it may be a page, a drawing or a script is why the type
/// says no more than this.
fn is_text(head: &[u8]) -> bool {
    let text = match std::str::from_utf8(head) {
        Ok(text) => text,
        // Only the end of the part that was read may cut a character in two.
        Err(error) if error.error_len().is_none() => {
            std::str::from_utf8(&head[..error.valid_up_to()]).unwrap_or_default()
        }
        Err(_) => return false,
    };
    !text.is_empty() && !text.chars().any(|c| c.is_control() && !"\t\n\r\x0c".contains(c))
}

/// Types that a name may choose where the content allows them: each is stored in the general one.
const NAMED: &[(&str, &str, &str)] = &[
    (
        "application/zip",
        "docx",
        "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
    ),
    (
        "application/zip",
        "xlsx",
        "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    ),
    (
        "application/zip",
        "pptx",
        "application/vnd.openxmlformats-officedocument.presentationml.presentation",
    ),
    ("application/zip", "odt", "application/vnd.oasis.opendocument.text"),
    ("application/zip", "ods", "application/vnd.oasis.opendocument.spreadsheet"),
    ("application/zip", "odp", "application/vnd.oasis.opendocument.presentation"),
    ("application/zip", "epub", "application/epub+zip"),
    ("application/x-ole-storage", "doc", "application/msword"),
    ("application/x-ole-storage", "xls", "application/vnd.ms-excel"),
    ("application/x-ole-storage", "ppt", "application/vnd.ms-powerpoint"),
    ("text/plain", "csv", "text/csv"),
];

/// The type of a document, made more exact by the file's name where the content allows it.
pub fn named(media_type: &'static str, file_name: &str) -> &'static str {
    let Some((_, ending)) = file_name.rsplit_once('.') else { return media_type };
    let is = |row: &&(&str, &str, &str)| row.0 == media_type && ending.eq_ignore_ascii_case(row.1);
    NAMED.iter().find(is).map_or(media_type, |row| row.2)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_could_run_is_only_text_or_bytes() {
        for text in ["<svg onload=alert(1)>", "<!DOCTYPE html>", "<?xml version='1.0'?>", "ñ 你"]
        {
            assert_eq!(sniff(text.as_bytes()), Found::Document("text/plain"), "{text}");
        }
        for bytes in [&b"#!/bin/sh\n"[..], b"MZ\x90\0", b"\x7fELF\x02", b"a\0b", b"\xff\xfea\0"] {
            assert_eq!(sniff(bytes), Found::Document(UNKNOWN), "{bytes:?}");
        }
    }

    #[test]
    fn a_character_may_be_cut_by_the_end_of_what_was_read() {
        assert_eq!(sniff(&"你".as_bytes()[..2]), Found::Document(UNKNOWN));
        assert_eq!(sniff(&"ab你".as_bytes()[..4]), Found::Document("text/plain"));
        assert_eq!(sniff(b"ab\xe4z"), Found::Document(UNKNOWN));
    }

    #[test]
    fn a_name_chooses_only_what_the_content_allows() {
        assert_eq!(named("text/plain", "list.CSV"), "text/csv");
        assert_eq!(named("text/plain", "page.html"), "text/plain");
        assert_eq!(named("application/zip", "a.b.epub"), "application/epub+zip");
        assert_eq!(named("image/jpeg", "a.epub"), "image/jpeg");
        assert_eq!(named("application/zip", "epub"), "application/zip");
    }

    #[test]
    fn frames_of_mpeg_audio() {
        let audio = Found::Container(Container::Audio);
        assert_eq!(sniff(&[0xff, 0xfb, 0x90, 0x00]), audio);
        assert_eq!(sniff(&[0xff, 0xf1, 0x50, 0x80]), audio);
        assert_ne!(sniff(&[0xff, 0xfb, 0xf0, 0x00]), audio);
        assert_ne!(sniff(&[0xff, 0xfe, 0x3c, 0x00]), audio);
    }
}
