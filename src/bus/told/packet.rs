//! What one node sends others at once, as bytes.
//!
//! Guarantees: what was written is read back; bytes that nobody here wrote are refused, and never
//! make anything panic or grow past what they hold themselves. Called by `told`.
//!
//! `version 1 · kind 1 · node 12 · run 8 ·` and then, of events `first 8 · floor 8 · count 2 ·`
//! and for each `length 4 · bytes`; of an ask `run of the teller 8 · count 2 ·` and for each hole
//! `first 8 · last 8`; of a goodbye `next 8 · floor 8`; of a whisper its bytes. Numbers are
//! big-endian.

use bytes::{Buf, BufMut, Bytes, BytesMut};

use super::Run;
use crate::id::{NodeId, ObjectId};

/// The form that this program writes and reads.
const VERSION: u8 = 1;
/// A packet is closed before an event that would make it longer than this.
pub(super) const PACKED: usize = 60 * 1024;
/// What an event takes beside its own bytes.
const LENGTH: usize = 4;

const EVENTS: u8 = 0;
const ASK: u8 = 1;
const BYE: u8 = 2;
const WHISPER: u8 = 3;

/// A packet that was read: who sent it, and what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Read {
    pub(super) from: Run,
    pub(super) says: Says,
}

/// What a packet says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Says {
    /// Events numbered from `first` on; without any, that all before `first` were told.
    Events(Told),
    /// Tell these numbers again, from the first to the last of each hole; `run` is the run that is
    /// asked.
    Ask { run: u64, holes: Vec<(u64, u64)> },
    /// Nothing comes after number `next - 1`.
    Bye { next: u64, floor: u64 },
    /// For one node, without a number: it may be lost.
    Whisper(Bytes),
}

/// Events with their numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Told {
    /// The number of the first event, or of the one that comes next.
    pub(super) first: u64,
    /// What has a lower number cannot be asked for any more.
    pub(super) floor: u64,
    pub(super) events: Vec<Bytes>,
}

/// Why a packet is not read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    /// Another version of the program wrote it.
    Version,
    /// Nobody who speaks this form wrote it.
    Broken,
}

/// Whether one more event fits a packet that holds some already.
pub(super) const fn fits(packed: usize, events: usize, event: &Bytes) -> bool {
    events == 0 || (packed + LENGTH + event.len() <= PACKED && events < u16::MAX as usize)
}

/// How much room an event takes.
pub(super) const fn room(event: &Bytes) -> usize {
    LENGTH + event.len()
}

/// Writes a packet.
pub(super) fn write(from: Run, says: &Says) -> Bytes {
    let mut out = BytesMut::with_capacity(match says {
        Says::Events(told) => 64 + told.events.iter().map(room).sum::<usize>(),
        Says::Whisper(bytes) => 64 + bytes.len(),
        _ => 64,
    });
    let kind = match says {
        Says::Events(_) => EVENTS,
        Says::Ask { .. } => ASK,
        Says::Bye { .. } => BYE,
        Says::Whisper(_) => WHISPER,
    };
    out.put_u8(VERSION);
    out.put_u8(kind);
    out.put_slice(&from.node.0.0);
    out.put_u64(from.number);
    match says {
        Says::Events(Told { first, floor, events }) => {
            out.put_u64(*first);
            out.put_u64(*floor);
            // `fits` keeps a packet below both bounds.
            out.put_u16(u16::try_from(events.len()).unwrap_or(u16::MAX));
            for event in events.iter().take(usize::from(u16::MAX)) {
                out.put_u32(u32::try_from(event.len()).unwrap_or(u32::MAX));
                out.put_slice(event);
            }
        }
        Says::Ask { run, holes } => {
            out.put_u64(*run);
            out.put_u16(u16::try_from(holes.len()).unwrap_or(u16::MAX));
            for (first, last) in holes.iter().take(usize::from(u16::MAX)) {
                [first, last].iter().for_each(|number| out.put_u64(**number));
            }
        }
        Says::Bye { next, floor } => [next, floor].iter().for_each(|number| out.put_u64(**number)),
        Says::Whisper(bytes) => out.put_slice(bytes),
    }
    out.freeze()
}

/// Reads a packet.
pub(super) fn read(mut bytes: Bytes) -> Result<Read, Unread> {
    let version = bytes.try_get_u8().map_err(|_| Unread::Broken)?;
    if version != VERSION {
        return Err(Unread::Version);
    }
    parse(&mut bytes).filter(|_| bytes.is_empty()).ok_or(Unread::Broken)
}

fn parse(bytes: &mut Bytes) -> Option<Read> {
    let kind = bytes.try_get_u8().ok()?;
    let mut node = [0; 12];
    bytes.try_copy_to_slice(&mut node).ok()?;
    let from = Run { node: NodeId(ObjectId(node)), number: bytes.try_get_u64().ok()? };
    let says = match kind {
        EVENTS => {
            let (first, floor) = pair(bytes)?;
            Says::Events(Told { first, floor, events: events(bytes)? })
        }
        ASK => {
            let run = bytes.try_get_u64().ok()?;
            let count = bytes.try_get_u16().ok()?;
            Says::Ask { run, holes: (0..count).map(|_| pair(bytes)).collect::<Option<_>>()? }
        }
        BYE => {
            let (next, floor) = pair(bytes)?;
            Says::Bye { next, floor }
        }
        WHISPER => Says::Whisper(bytes.split_to(bytes.len())),
        _ => return None,
    };
    Some(Read { from, says })
}

fn pair(bytes: &mut Bytes) -> Option<(u64, u64)> {
    Some((bytes.try_get_u64().ok()?, bytes.try_get_u64().ok()?))
}

fn events(bytes: &mut Bytes) -> Option<Vec<Bytes>> {
    let count = bytes.try_get_u16().ok()?;
    let mut events = Vec::new();
    for _ in 0..count {
        let length = bytes.try_get_u32().ok()? as usize;
        if length > bytes.len() {
            return None;
        }
        events.push(bytes.split_to(length));
    }
    Some(events)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn run(number: u64) -> Run {
        Run { node: NodeId(ObjectId([7; 12])), number }
    }

    fn said() -> Vec<Says> {
        let events = [&b"uno"[..], b"", b"tres"].map(Bytes::from_static).to_vec();
        vec![
            Says::Events(Told { first: 3, floor: 1, events }),
            Says::Events(Told { first: u64::MAX, floor: 9, events: Vec::new() }),
            Says::Ask { run: 2, holes: vec![(4, 5), (9, 9)] },
            Says::Bye { next: 8, floor: 6 },
        ]
    }

    #[test]
    fn a_whisper_is_all_that_its_packet_holds() {
        for bytes in [&b""[..], b"hola"].map(Bytes::from_static) {
            let says = Says::Whisper(bytes);
            assert_eq!(read(write(run(5), &says)), Ok(Read { from: run(5), says }));
        }
    }

    #[test]
    fn a_packet_is_read_back_and_no_part_of_it_is_a_packet() {
        for says in said() {
            let bytes = write(run(5), &says);
            assert_eq!(read(bytes.clone()), Ok(Read { from: run(5), says }));
            for length in 0..bytes.len() {
                assert_eq!(read(bytes.slice(..length)), Err(Unread::Broken), "{length}");
            }
            let longer = Bytes::from([&bytes[..], b"x"].concat());
            assert_eq!(read(longer), Err(Unread::Broken));
            let other = Bytes::from([&[VERSION + 1], &bytes[1..]].concat());
            assert_eq!(read(other), Err(Unread::Version));
        }
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(
            kind in 0u8..5,
            rest in proptest::collection::vec(any::<u8>(), 0..200),
        ) {
            let bytes = Bytes::from([&[VERSION, kind], &rest[..]].concat());
            if let Ok(Read { from, says }) = read(bytes.clone()) {
                prop_assert_eq!(write(from, &says), bytes);
            }
        }
    }
}
