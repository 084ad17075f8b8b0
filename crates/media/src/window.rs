//! The file as the parsers see it: positions within its size, and a budget of reads, so that no
//! file, however it is made, keeps a parser busy for long. Used by every parser of this crate.

use std::io::{self, Read, Seek, SeekFrom};

/// How many bytes are examined to tell what a file is.
const HEAD_BYTES: usize = 4096;

/// A legal file needs a few thousand reads; a browser's recording without an index, some for each
/// of its blocks.
const MAX_READS: u32 = 200_000;
const MAX_READ_BYTES: u64 = 64 << 20;

/// A reader of at most `size` bytes with a budget. When the budget is used up, reads fail.
pub struct Window<'a, R> {
    inner: &'a mut R,
    size: u64,
    at: u64,
    reads_left: u32,
    bytes_left: u64,
    failure: Option<io::ErrorKind>,
}

impl<'a, R: Read + Seek> Window<'a, R> {
    /// A window on the whole of a source that has `size` bytes.
    pub fn new(inner: &'a mut R, size: u64) -> Window<'a, R> {
        Window {
            inner,
            size,
            at: 0,
            reads_left: MAX_READS,
            bytes_left: MAX_READ_BYTES,
            failure: None,
        }
    }

    /// The file's size.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// How the source itself failed, if it did.
    pub fn failure(&self) -> Option<io::ErrorKind> {
        self.failure
    }

    /// The file's first bytes.
    pub fn head(&mut self) -> Vec<u8> {
        self.part(0, HEAD_BYTES).unwrap_or_default()
    }

    /// The whole file. The caller has compared its size with a limit.
    pub fn all(&mut self) -> Option<Vec<u8>> {
        self.bytes_left = self.bytes_left.max(self.size);
        self.part(0, usize::try_from(self.size).ok()?)
    }

    /// Up to `length` bytes from `at`: fewer only where the file ends.
    pub fn part(&mut self, at: u64, length: usize) -> Option<Vec<u8>> {
        let there = self.size.saturating_sub(at).min(length as u64);
        let mut bytes = vec![0; usize::try_from(there).ok()?];
        self.fill(at, &mut bytes).then_some(bytes)
    }

    /// Exactly `N` bytes from `at`.
    pub fn array<const N: usize>(&mut self, at: u64) -> Option<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(at, &mut bytes).then_some(bytes)
    }

    fn fill(&mut self, at: u64, bytes: &mut [u8]) -> bool {
        self.at = at;
        let mut filled = 0;
        while filled < bytes.len() {
            match self.read(&mut bytes[filled..]) {
                Ok(0) | Err(_) => return false,
                Ok(count) => filled += count,
            }
        }
        true
    }

    fn read_inner(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        self.inner.seek(SeekFrom::Start(self.at))?;
        loop {
            match self.inner.read(bytes) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                result => return result,
            }
        }
    }
}

impl<R: Read + Seek> Read for Window<'_, R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let there = self.size.saturating_sub(self.at).min(bytes.len() as u64);
        if there == 0 {
            return Ok(0);
        }
        if self.reads_left == 0 || self.bytes_left < there {
            return Err(io::Error::other("the file takes too long to be read"));
        }
        // `there` is not more than the length of `bytes`.
        let wanted = &mut bytes[..there as usize];
        let count = self.read_inner(wanted).inspect_err(|error| {
            self.failure = Some(error.kind());
        })?;
        self.reads_left -= 1;
        self.bytes_left -= count as u64;
        self.at += count as u64;
        Ok(count)
    }
}

impl<R: Read + Seek> Seek for Window<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}
