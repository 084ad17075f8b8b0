//! What the server asks its driver to do, in order, in one reusable buffer.
//!
//! Guarantees: once the buffer has grown to a driver's usual batch, the packet path allocates
//! nothing. Packets to the same destination lie side by side, and consecutive ones of equal size
//! come out as one [`Action`] with a segment size, ready for UDP segmentation offload (GSO).
//! Filled by the server; read and cleared by the driver after each batch of received packets.

use std::net::SocketAddr;
use std::ops::Range;

use crate::slab::Key;
use crate::stun::Family;
use crate::tuple::FiveTuple;

/// Segments the kernel takes in one UDP GSO send.
const MAX_SEGMENTS: usize = 64;

/// Bytes the kernel takes in one UDP GSO send, with room for the headers.
const MAX_RUN_BYTES: usize = 65_000;

/// Names one relay socket for as long as it is open; never used for another one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RelayId(pub(crate) Key);

impl RelayId {
    /// A small number, unique among the relays open now: an index for the driver's sockets.
    pub fn index(self) -> usize {
        self.0.index as usize
    }
}

/// A relay socket to open (RFC 8656 §7.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OpenRelay {
    /// Its name from now on.
    pub relay: RelayId,
    /// The family to bind.
    pub family: Family,
    /// The port must be even.
    pub even_port: bool,
    /// Also bind the next higher port under this name, or report failure (EVEN-PORT, R bit).
    pub next_port: Option<RelayId>,
}

/// One thing to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action<'a> {
    /// Send to a client: one datagram for every `segment_bytes` (the last may be shorter); on a
    /// stream, write `bytes` as they are.
    ToClient {
        /// Which client, and from which of our sockets.
        tuple: FiveTuple,
        /// One or more packets back to back.
        bytes: &'a [u8],
        /// The size of each but the last.
        segment_bytes: usize,
        /// Relayed data, which may be dropped when a stream is slow; answers should not be.
        relayed: bool,
    },
    /// Send from a relay socket to a peer, one datagram for every `segment_bytes`.
    ToPeer {
        /// From which socket.
        relay: RelayId,
        /// To whom.
        peer: SocketAddr,
        /// One or more packets back to back.
        bytes: &'a [u8],
        /// The size of each but the last.
        segment_bytes: usize,
        /// With DF set, as the client asked; otherwise without.
        dont_fragment: bool,
    },
    /// Bind a socket, then call `relay_opened` or `relay_failed`.
    Open(OpenRelay),
    /// Close a relay's socket, if there is one.
    Close(RelayId),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Target {
    Client { tuple: FiveTuple, relayed: bool },
    Peer { relay: RelayId, peer: SocketAddr, dont_fragment: bool },
    Open(OpenRelay),
    Close(RelayId),
}

#[derive(Clone, Debug)]
struct Entry {
    target: Target,
    bytes: Range<usize>,
}

/// The actions of a batch.
#[derive(Debug, Default)]
pub struct Out {
    bytes: Vec<u8>,
    entries: Vec<Entry>,
}

impl Out {
    /// Empty, without memory.
    pub fn new() -> Self {
        Self::default()
    }

    /// Forgets the actions, keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of packets held; a driver that batches stops reading at a limit of its choice.
    pub fn packet_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// The actions in order, packets to the same place joined.
    pub fn actions(&self) -> Actions<'_> {
        Actions { out: self, at: 0 }
    }

    /// Sends what `write` appends to a client.
    pub(crate) fn send_client(
        &mut self,
        tuple: FiveTuple,
        relayed: bool,
        write: impl FnOnce(&mut Vec<u8>),
    ) {
        self.push(Target::Client { tuple, relayed }, write);
    }

    /// Sends a datagram from a relay.
    pub(crate) fn send_peer(
        &mut self,
        relay: RelayId,
        peer: SocketAddr,
        dont_fragment: bool,
        payload: &[u8],
    ) {
        let target = Target::Peer { relay, peer, dont_fragment };
        self.push(target, |bytes| bytes.extend_from_slice(payload));
    }

    /// How long the last packet is; 0 when there is none.
    pub(crate) fn last_bytes(&self) -> usize {
        self.entries.last().map_or(0, |entry| entry.bytes.len())
    }

    /// Takes the last action back.
    pub(crate) fn take_back(&mut self) {
        if let Some(entry) = self.entries.pop() {
            self.bytes.truncate(entry.bytes.start);
        }
    }

    pub(crate) fn open(&mut self, open: OpenRelay) {
        self.push(Target::Open(open), |_| {});
    }

    pub(crate) fn close(&mut self, relay: RelayId) {
        self.push(Target::Close(relay), |_| {});
    }

    fn push(&mut self, target: Target, write: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len();
        write(&mut self.bytes);
        self.entries.push(Entry { target, bytes: start..self.bytes.len() });
    }

    /// How many entries from `at` on make one action, and the bytes they span.
    fn run(&self, at: usize) -> (usize, Range<usize>) {
        let first = &self.entries[at];
        let segment_bytes = first.bytes.len();
        let mut run = first.bytes.clone();
        let mut count = 1;
        let mut last_bytes = segment_bytes;
        for entry in self.entries[at + 1..].iter().take(MAX_SEGMENTS - 1) {
            let fits = entry.target == first.target
                && last_bytes == segment_bytes
                && (1..=segment_bytes).contains(&entry.bytes.len())
                && entry.bytes.end - run.start <= MAX_RUN_BYTES;
            if !fits {
                break;
            }
            last_bytes = entry.bytes.len();
            run.end = entry.bytes.end;
            count += 1;
        }
        (count, run)
    }
}

/// Walks the actions of an [`Out`].
#[derive(Clone, Debug)]
pub struct Actions<'a> {
    out: &'a Out,
    at: usize,
}

impl<'a> Iterator for Actions<'a> {
    type Item = Action<'a>;

    fn next(&mut self) -> Option<Action<'a>> {
        let first = self.out.entries.get(self.at)?;
        let segment_bytes = first.bytes.len();
        let (count, run) = match first.target {
            Target::Client { .. } | Target::Peer { .. } => self.out.run(self.at),
            Target::Open(_) | Target::Close(_) => (1, first.bytes.clone()),
        };
        self.at += count;
        let bytes = &self.out.bytes[run];
        Some(match first.target {
            Target::Client { tuple, relayed } => {
                Action::ToClient { tuple, bytes, segment_bytes, relayed }
            }
            Target::Peer { relay, peer, dont_fragment } => {
                Action::ToPeer { relay, peer, bytes, segment_bytes, dont_fragment }
            }
            Target::Open(open) => Action::Open(open),
            Target::Close(relay) => Action::Close(relay),
        })
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    fn relay(index: u32) -> RelayId {
        RelayId(Key { index, generation: 0 })
    }

    #[test]
    fn equal_packets_to_one_place_join_and_the_last_may_be_shorter() {
        let peer: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let mut out = Out::new();
        for size in [100, 100, 60, 100, 0, 100] {
            out.send_peer(relay(1), peer, false, &vec![7; size]);
        }
        out.send_peer(relay(2), peer, false, &[7; 100]);
        out.send_peer(relay(2), peer, true, &[7; 100]);
        let sizes: Vec<(usize, usize)> = out
            .actions()
            .map(|action| match action {
                Action::ToPeer { bytes, segment_bytes, .. } => (bytes.len(), segment_bytes),
                other => panic!("{other:?}"),
            })
            .collect();
        let last = [(100, 100); 3];
        assert_eq!(sizes[..3], [(260, 100), (100, 100), (0, 0)]);
        assert_eq!(sizes[3..], last, "neither another relay's nor one with DF joins");
    }

    #[test]
    fn what_is_taken_back_leaves_nothing() {
        let peer: SocketAddr = "192.0.2.1:9".parse().unwrap();
        let mut out = Out::new();
        out.send_peer(relay(1), peer, false, &[7; 10]);
        out.send_peer(relay(2), peer, false, &[7; 30]);
        assert_eq!(out.last_bytes(), 30);
        out.take_back();
        assert_eq!((out.last_bytes(), out.packet_bytes(), out.actions().count()), (10, 10, 1));
    }

    #[test]
    fn a_run_stays_within_what_the_kernel_takes() {
        let peer: SocketAddr = "192.0.2.1:9".parse().unwrap();
        for (size, most) in [(100, 64), (1200, 54)] {
            let mut out = Out::new();
            for _ in 0..200 {
                out.send_peer(relay(1), peer, false, &vec![7; size]);
            }
            let Some(Action::ToPeer { bytes, .. }) = out.actions().next() else { panic!() };
            assert_eq!(bytes.len(), most * size);
        }
    }
}
