//! A zip archive (PKWARE's APPNOTE 6.3.10), written in one pass: sans-IO, each step answers the
//! bytes that come next, so that an archive of any size needs no more memory than its list of
//! entries.
//!
//! Texts are deflated, files are stored as they are. What only the end of an entry tells, its
//! checksum and the size of a text, follows it in a descriptor. Sizes and places beyond four
//! gigabytes take the 64-bit fields, and only those. Called by `export`.

use std::io::Write as _;

use flate2::write::DeflateEncoder;
use flate2::{Compression, Crc};

use crate::clock::Time;

/// The largest number that the 32-bit fields hold; it says itself that the 64-bit one counts.
const MOST: u64 = u32::MAX as u64;
/// Bits of an entry: a descriptor follows (3), its name is UTF-8 (11).
const FLAGS: u16 = 1 << 3 | 1 << 11;
const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// The version that a reader needs: 64-bit fields.
const VERSION: u16 = 45;
/// Made on Unix, so that the entries' modes count.
const MADE_BY: u16 = 3 << 8 | VERSION;
/// A plain file that its owner reads and writes, and others read.
const MODE: u32 = 0o100_644 << 16;

/// What is kept of an entry for the end.
struct Entry {
    name: String,
    method: u16,
    crc: u32,
    packed: u64,
    size: u64,
    offset: u64,
}

/// An archive that is being written.
pub(super) struct Zip {
    entries: Vec<Entry>,
    /// How many bytes there are so far.
    offset: u64,
    /// Date and time of all entries, as the format has them.
    stamp: (u16, u16),
}

/// An entry whose bytes come piece by piece, as they are.
pub(super) struct Stored {
    name: String,
    offset: u64,
    size: u64,
    crc: Crc,
    is_large: bool,
}

impl Zip {
    /// An empty archive of this moment.
    pub(super) fn new(now: Time) -> Self {
        Self { entries: Vec::new(), offset: 0, stamp: stamp(now) }
    }

    /// How many bytes it has so far.
    pub(super) const fn size(&self) -> u64 {
        self.offset
    }

    /// A whole text, deflated.
    pub(super) fn text(&mut self, name: &str, text: &[u8]) -> Vec<u8> {
        let offset = self.offset;
        let mut bytes = self.head(name, DEFLATED, None);
        let mut crc = Crc::new();
        crc.update(text);
        let before = bytes.len();
        let mut encoder = DeflateEncoder::new(bytes, Compression::fast());
        // Into memory: there is nothing that could fail.
        let written = encoder.write_all(text);
        bytes = written.and_then(|()| encoder.finish()).unwrap_or_default();
        let packed = (bytes.len().saturating_sub(before)) as u64;
        let name = name.to_owned();
        let (crc, size) = (crc.sum(), text.len() as u64);
        let entry = Entry { name, method: DEFLATED, crc, packed, size, offset };
        bytes.extend(descriptor(&entry, false));
        self.offset += bytes.len() as u64;
        self.entries.push(entry);
        bytes
    }

    /// Begins a file of this size, whose bytes follow.
    pub(super) fn begin(&mut self, name: &str, size: u64) -> (Stored, Vec<u8>) {
        let offset = self.offset;
        let bytes = self.head(name, STORED, Some(size));
        self.offset += bytes.len() as u64;
        let is_large = size >= MOST;
        (Stored { name: name.to_owned(), offset, size: 0, crc: Crc::new(), is_large }, bytes)
    }

    /// Ends a file whose bytes were all told to it.
    pub(super) fn end(&mut self, stored: Stored) -> Vec<u8> {
        let Stored { name, offset, size, crc, is_large } = stored;
        let entry = Entry { name, method: STORED, crc: crc.sum(), packed: size, size, offset };
        let bytes = descriptor(&entry, is_large);
        self.offset += size + bytes.len() as u64;
        self.entries.push(entry);
        bytes
    }

    /// The list of all entries, which ends the archive.
    pub(super) fn finish(self) -> Vec<u8> {
        let (start, count) = (self.offset, self.entries.len() as u64);
        let mut bytes = Vec::new();
        for entry in &self.entries {
            self.list(entry, &mut bytes);
        }
        let size = bytes.len() as u64;
        if count >= 0xFFFF || size >= MOST || start >= MOST {
            bytes.extend(b"PK\x06\x06");
            put64(&mut bytes, &[44]);
            put16(&mut bytes, &[MADE_BY, VERSION]);
            put32(&mut bytes, &[0, 0]);
            put64(&mut bytes, &[count, count, size, start]);
            bytes.extend(b"PK\x06\x07");
            put32(&mut bytes, &[0]);
            put64(&mut bytes, &[start + size]);
            put32(&mut bytes, &[1]);
        }
        bytes.extend(b"PK\x05\x06");
        let few = u16::try_from(count).unwrap_or(u16::MAX);
        put16(&mut bytes, &[0, 0, few, few]);
        put32(&mut bytes, &[short(size), short(start)]);
        put16(&mut bytes, &[0]);
        bytes
    }

    /// What comes before an entry's bytes. The size of a stored file stands there, so that readers
    /// who never see the end of the archive know where it ends.
    fn head(&self, name: &str, method: u16, size: Option<u64>) -> Vec<u8> {
        let size = size.unwrap_or_default();
        let mut extra = Vec::new();
        if size >= MOST {
            put16(&mut extra, &[1, 16]);
            put64(&mut extra, &[size, size]);
        }
        let mut bytes = b"PK\x03\x04".to_vec();
        put16(&mut bytes, &[VERSION, FLAGS, method, self.stamp.1, self.stamp.0]);
        put32(&mut bytes, &[0, short(size), short(size)]);
        put16(&mut bytes, &[length(name.as_bytes()), length(&extra)]);
        bytes.extend(name.as_bytes());
        bytes.extend(extra);
        bytes
    }

    fn list(&self, entry: &Entry, bytes: &mut Vec<u8>) {
        let mut large = Vec::new();
        for number in [entry.size, entry.packed, entry.offset] {
            if number >= MOST {
                put64(&mut large, &[number]);
            }
        }
        let mut extra = Vec::new();
        if !large.is_empty() {
            put16(&mut extra, &[1, length(&large)]);
            extra.extend(large);
        }
        bytes.extend(b"PK\x01\x02");
        put16(bytes, &[MADE_BY, VERSION, FLAGS, entry.method, self.stamp.1, self.stamp.0]);
        put32(bytes, &[entry.crc, short(entry.packed), short(entry.size)]);
        put16(bytes, &[length(entry.name.as_bytes()), length(&extra), 0, 0, 0]);
        put32(bytes, &[MODE, short(entry.offset)]);
        bytes.extend(entry.name.as_bytes());
        bytes.extend(extra);
    }
}

impl Stored {
    /// The next bytes of the file, which go into the archive as they are.
    pub(super) fn piece(&mut self, bytes: &[u8]) {
        self.crc.update(bytes);
        self.size += bytes.len() as u64;
    }

    /// How many bytes came so far.
    pub(super) const fn came(&self) -> u64 {
        self.size
    }
}

fn descriptor(entry: &Entry, is_large: bool) -> Vec<u8> {
    let mut bytes = b"PK\x07\x08".to_vec();
    put32(&mut bytes, &[entry.crc]);
    if is_large {
        put64(&mut bytes, &[entry.packed, entry.size]);
    } else {
        put32(&mut bytes, &[short(entry.packed), short(entry.size)]);
    }
    bytes
}

fn put16(bytes: &mut Vec<u8>, numbers: &[u16]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put32(bytes: &mut Vec<u8>, numbers: &[u32]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

fn put64(bytes: &mut Vec<u8>, numbers: &[u64]) {
    bytes.extend(numbers.iter().flat_map(|number| number.to_le_bytes()));
}

/// A number as a 32-bit field has it.
fn short(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Names are ours, and short.
fn length(bytes: &[u8]) -> u16 {
    u16::try_from(bytes.len()).unwrap_or(u16::MAX)
}

/// A date and a time as MS-DOS had them, which begin in 1980 and count every other second.
fn stamp(now: Time) -> (u16, u16) {
    let text = now.to_string();
    let number = |from: usize| -> u16 {
        let digits = text.get(from..from + 2).unwrap_or_default();
        digits.parse().unwrap_or_default()
    };
    let year = (number(0) * 100 + number(2)).clamp(1980, 2107) - 1980;
    let date = year << 9 | number(5).max(1) << 5 | number(8).max(1);
    (date, number(11) << 11 | number(14) << 5 | (number(17) / 2))
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Time = Time(1_795_348_800_000);

    fn number(bytes: &[u8], at: usize, count: usize) -> u64 {
        bytes[at..at + count].iter().rev().fold(0, |all, byte| all << 8 | u64::from(*byte))
    }

    /// Where a record begins, from the end.
    fn last(bytes: &[u8], sign: &[u8; 4]) -> Option<usize> {
        bytes.windows(4).rposition(|four| four == sign)
    }

    fn stored(zip: &mut Zip, name: &str, pieces: &[&[u8]]) -> Vec<u8> {
        let size = pieces.iter().map(|piece| piece.len() as u64).sum();
        let (mut file, mut bytes) = zip.begin(name, size);
        for piece in pieces {
            file.piece(piece);
            bytes.extend(*piece);
        }
        assert_eq!(file.came(), size);
        bytes.extend(zip.end(file));
        bytes
    }

    #[test]
    fn the_list_at_the_end_says_where_each_entry_is() {
        let mut zip = Zip::new(NOW);
        let mut bytes = zip.text("índice.html", "hola ".repeat(1000).as_bytes());
        assert!(bytes.len() < 500, "a text is deflated");
        let second = bytes.len() as u64;
        bytes.extend(stored(&mut zip, "a.bin", &[b"ab", b"", b"cd"]));
        assert_eq!(zip.size(), bytes.len() as u64);
        let start = zip.size();
        bytes.extend(zip.finish());
        let end = last(&bytes, b"PK\x05\x06").expect("an end");
        assert_eq!(number(&bytes, end + 10, 2), 2);
        assert_eq!(number(&bytes, end + 16, 4), start);
        assert_eq!(number(&bytes, end + 12, 4), end as u64 - start, "nothing between");
        assert_eq!(last(&bytes, b"PK\x06\x06"), None, "no field is too small");
        let entry = last(&bytes, b"PK\x01\x02").expect("the second");
        assert_eq!(number(&bytes, entry + 42, 4), second);
        assert_eq!((number(&bytes, entry + 20, 4), number(&bytes, entry + 24, 4)), (4, 4));
        assert_eq!(number(&bytes, entry + 16, 4), 0xed82_cd11, "the checksum of abcd");
        assert_eq!(number(&bytes, second as usize + 26, 2), 5, "the entry is there");
    }

    #[test]
    fn what_is_too_large_for_small_fields_stands_in_large_ones() {
        let mut zip = Zip::new(NOW);
        let (mut file, head) = zip.begin("large.bin", 5 << 30);
        assert_eq!(number(&head, 22, 4), MOST);
        assert_eq!(number(&head, 30 + 9 + 4, 8), 5 << 30);
        // As if they had come.
        file.size = 5 << 30;
        let tail = zip.end(file);
        assert_eq!((tail.len(), number(&tail, 16, 8)), (24, 5 << 30));
        zip.text("after.txt", b"x");
        let start = zip.size();
        let bytes = zip.finish();
        let entry = last(&bytes, b"PK\x01\x02").expect("the one after");
        assert_eq!(number(&bytes, entry + 42, 4), MOST);
        assert!(number(&bytes, entry + 46 + 9 + 4, 8) > 5 << 30, "where it begins");
        let end = last(&bytes, b"PK\x06\x06").expect("large fields");
        assert_eq!((number(&bytes, end + 32, 8), number(&bytes, end + 48, 8)), (2, start));

        let mut many = Zip::new(NOW);
        for entry in 0..70_000 {
            many.text(&entry.to_string(), b"");
        }
        let bytes = many.finish();
        let end = last(&bytes, b"PK\x06\x06").expect("large fields");
        assert_eq!(number(&bytes, end + 32, 8), 70_000);
    }

    #[test]
    fn a_moment_is_written_as_the_format_has_it() {
        let (date, time) = stamp(NOW);
        assert_eq!((date >> 9, date >> 5 & 15, date & 31), (2026 - 1980, 11, 22));
        assert_eq!((time >> 11, time >> 5 & 63, time & 31), (12, 0, 0));
        assert_eq!(stamp(Time(0)).0 >> 9, 0, "nothing is older than 1980");
    }
}
