//! Cuts a TCP or TLS stream into STUN and ChannelData messages (RFC 8656 §3.1, §12.5).
//!
//! Guarantees: holds at most one message's worth of bytes, and an idle connection a few hundred;
//! a stream that is not TURN is an error at once, not a wait for more. Called by the driver's
//! connection task: read into [`StreamFramer::space`], then take frames until there is none.

use std::fmt;

use crate::channel_data;
use crate::stun::{HEADER_BYTES, ParseError, padded, parse_header};

/// The longest message taken from a stream. Media packets stay below 1,500 bytes.
pub const MAX_FRAME_BYTES: usize = 16 * 1024;

/// The buffer of a connection that has sent little.
const SMALL_BYTES: usize = 512;

/// What a busy connection's buffer grows to at first, so that one read takes several packets.
const BUSY_BYTES: usize = 4096;

/// Why a stream cannot be TURN; the driver closes the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameError {
    /// Neither a STUN header nor a channel number where a message must start.
    NotTurn,
    /// A message longer than [`MAX_FRAME_BYTES`].
    TooLong,
}

impl fmt::Display for FrameError {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::NotTurn => "stream is not TURN",
            Self::TooLong => "TURN message is too long for a stream",
        })
    }
}

impl std::error::Error for FrameError {}

/// Reassembles one connection's messages.
#[derive(Debug, Default)]
pub struct StreamFramer {
    buffer: Vec<u8>,
    start: usize,
    end: usize,
}

impl StreamFramer {
    /// For a fresh connection; no memory until it is read.
    pub fn new() -> Self {
        Self::default()
    }

    /// Where to read into; never empty as long as every frame was taken.
    pub fn space(&mut self) -> &mut [u8] {
        if self.start == self.end {
            (self.start, self.end) = (0, 0);
        } else if self.start > 0 {
            self.buffer.copy_within(self.start..self.end, 0);
            (self.start, self.end) = (0, self.end - self.start);
        }
        if self.end == self.buffer.len() {
            self.grow();
        }
        &mut self.buffer[self.end..]
    }

    fn grow(&mut self) {
        let bytes = match self.buffer.len() {
            0 => SMALL_BYTES,
            SMALL_BYTES => BUSY_BYTES,
            more => (more * 2).min(MAX_FRAME_BYTES),
        };
        self.buffer.resize(bytes, 0);
    }

    /// Tells how many bytes of [`Self::space`] were filled.
    pub fn filled(&mut self, bytes: usize) {
        self.end = (self.end + bytes).min(self.buffer.len());
    }

    /// The next whole message, without stream padding behind ChannelData; `None` asks for more.
    pub fn next_frame(&mut self) -> Result<Option<&[u8]>, FrameError> {
        let waiting = &self.buffer[self.start..self.end];
        let Some((length, on_stream)) = frame_length(waiting)? else { return Ok(None) };
        if on_stream > MAX_FRAME_BYTES {
            return Err(FrameError::TooLong);
        }
        if waiting.len() < on_stream {
            return Ok(None);
        }
        let frame = self.start..self.start + length;
        self.start += on_stream;
        Ok(Some(&self.buffer[frame]))
    }

    /// Bytes of memory held, for tests and metrics.
    pub fn buffer_bytes(&self) -> usize {
        self.buffer.len()
    }
}

/// How many bytes of `waiting`, which are for a stream, its first message takes. For a driver that
/// gives each message a TLS record of its own: there are clients that read no more of one.
pub fn first_message(waiting: &[u8]) -> usize {
    match frame_length(waiting) {
        Ok(Some((_, on_stream))) => on_stream.min(waiting.len()),
        _ => waiting.len(),
    }
}

/// A message's length, without and with its padding, once enough of it is there to tell.
fn frame_length(waiting: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    match waiting.first() {
        None => Ok(None),
        Some(0x00..=0x3F) => stun_length(waiting),
        Some(0x40..=0x7F) => channel_length(waiting),
        Some(_) => Err(FrameError::NotTurn),
    }
}

fn stun_length(waiting: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    match parse_header(waiting) {
        Ok((_, length)) if length % 4 == 0 => {
            Ok(Some((HEADER_BYTES + length, HEADER_BYTES + length)))
        }
        Err(ParseError::Truncated) => Ok(None),
        _ => Err(FrameError::NotTurn),
    }
}

fn channel_length(waiting: &[u8]) -> Result<Option<(usize, usize)>, FrameError> {
    let Some(header) = waiting.first_chunk::<{ channel_data::HEADER_BYTES }>() else {
        return Ok(None);
    };
    let length =
        channel_data::HEADER_BYTES + usize::from(u16::from_be_bytes([header[2], header[3]]));
    Ok(Some((length, padded(length))))
}
