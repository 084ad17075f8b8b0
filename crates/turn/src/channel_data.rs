//! ChannelData, the four-byte header in front of most relayed packets (RFC 8656 §12.4).
//!
//! Called on the packet path: reads and writes in place, allocates nothing.

use crate::stun::padded;

/// Bytes of the header: channel number and length.
pub const HEADER_BYTES: usize = 4;

/// First channel number.
const FIRST: u16 = 0x4000;

/// Last channel number. RFC 8656 §12 ends at 0x4FFF, but RFC 5766 allowed up to here and
/// clients that follow it are still about.
const LAST: u16 = 0x7FFE;

/// The number that names a peer within one allocation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ChannelNumber(u16);

impl ChannelNumber {
    /// A number in the range for channels.
    pub fn new(number: u16) -> Option<Self> {
        (FIRST..=LAST).contains(&number).then_some(Self(number))
    }

    /// As on the wire.
    pub fn number(self) -> u16 {
        self.0
    }
}

/// Splits a packet into channel and payload; bytes behind the payload are padding.
pub fn parse(packet: &[u8]) -> Option<(ChannelNumber, &[u8])> {
    let (header, rest) = packet.split_first_chunk::<HEADER_BYTES>()?;
    let channel = ChannelNumber::new(u16::from_be_bytes([header[0], header[1]]))?;
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    Some((channel, rest.get(..length)?))
}

/// Appends one ChannelData message; streams need it padded to four bytes (RFC 8656 §12.5).
pub fn write(buffer: &mut Vec<u8>, channel: ChannelNumber, payload: &[u8], pad: bool) {
    buffer.extend_from_slice(&channel.number().to_be_bytes());
    buffer.extend_from_slice(&(payload.len() as u16).to_be_bytes());
    buffer.extend_from_slice(payload);
    if pad {
        let padding = padded(payload.len()) - payload.len();
        buffer.extend_from_slice(&[0; 3][..padding]);
    }
}
