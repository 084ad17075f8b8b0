//! What this node tells: numbered, kept for a while for those who ask, and packed.
//!
//! Guarantees: numbers begin with 1 and have no gaps; all packets that go to everybody leave in the
//! order of their numbers, and a beat leaves only when nothing that it speaks of still waits.
//! Called by `told`.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::Run;
use super::packet::{self, Says, Told};

/// What was told is kept so long for those who ask; what is older is in the store.
const KEPT_FOR: Duration = Duration::from_secs(60);
/// At most so many bytes are kept; the oldest are let go.
const KEPT: usize = 64 * 1024 * 1024;
/// At most so many events wait to be sent. One more is only kept: others find a hole and ask.
pub(super) const QUEUED: usize = 4_096;
/// After so long without a packet, a beat says how far this node is.
pub(super) const BEAT: Duration = Duration::from_millis(250);
/// One answer holds at most so many bytes; the rest is asked for again.
const ANSWER: usize = 1024 * 1024;

pub(super) struct Teller {
    me: Run,
    /// Events from number `floor` on, each with the time at which it was told.
    kept: VecDeque<(Instant, Bytes)>,
    floor: u64,
    bytes: usize,
    /// Numbers that were not sent to everybody yet, in their order.
    queue: VecDeque<u64>,
    /// When the next beat is due.
    beat: Instant,
}

impl Teller {
    pub(super) fn new(me: Run, now: Instant) -> Self {
        let (kept, queue) = (VecDeque::new(), VecDeque::new());
        Self { me, kept, floor: 1, bytes: 0, queue, beat: now }
    }

    /// The number that the next event gets.
    pub(super) fn next(&self) -> u64 {
        self.floor + self.kept.len() as u64
    }

    /// How many events wait to be sent.
    pub(super) fn waiting(&self) -> usize {
        self.queue.len()
    }

    /// Takes an event; it leaves with a later packet.
    pub(super) fn tell(&mut self, event: Bytes, now: Instant) {
        if self.queue.len() < QUEUED {
            self.queue.push_back(self.next());
        }
        self.bytes += event.len();
        self.kept.push_back((now, event));
        self.let_go(now);
    }

    /// The next packet for everybody: events, or else a beat when it is time for one.
    pub(super) fn packet(&mut self, now: Instant) -> Option<Bytes> {
        self.let_go(now);
        if self.queue.is_empty() && now < self.beat {
            return None;
        }
        self.beat = now + BEAT;
        let first = self.reached();
        let events = self.take(first);
        Some(self.written(first, events))
    }

    /// The last packet: nothing comes after what was told so far.
    pub(super) fn bye(&self) -> Bytes {
        packet::write(self.me, &Says::Bye { next: self.next(), floor: self.floor })
    }

    /// What of these numbers is still kept, in packets; one without events says from where on.
    pub(super) fn answer(&self, first: u64, last: u64) -> Vec<Bytes> {
        let (mut packets, mut bytes) = (Vec::new(), 0);
        let mut at = first.max(self.floor);
        while at <= last && at < self.next() && bytes < ANSWER {
            let (mut events, mut packed) = (Vec::new(), 0);
            while let Some(event) = self.event(at + events.len() as u64)
                && at + (events.len() as u64) <= last
                && packet::fits(packed, events.len(), event)
            {
                packed += packet::room(event);
                events.push(event.clone());
            }
            let end = at + events.len() as u64;
            packets.push(self.written(at, events));
            (at, bytes) = (end, bytes + packed);
        }
        if packets.is_empty() {
            packets.push(self.written(self.floor, Vec::new()));
        }
        packets
    }

    /// The number of the first event that was not sent yet.
    fn reached(&self) -> u64 {
        self.queue.front().copied().unwrap_or_else(|| self.next())
    }

    /// Takes events from the queue that follow one another without a gap, as many as fit.
    fn take(&mut self, first: u64) -> Vec<Bytes> {
        let (mut events, mut packed) = (Vec::new(), 0);
        while self.queue.front() == Some(&(first + events.len() as u64))
            && let Some(event) = self.event(first + events.len() as u64)
            && packet::fits(packed, events.len(), event)
        {
            packed += packet::room(event);
            events.push(event.clone());
            self.queue.pop_front();
        }
        events
    }

    fn event(&self, number: u64) -> Option<&Bytes> {
        let at = usize::try_from(number.checked_sub(self.floor)?).ok()?;
        self.kept.get(at).map(|(_, event)| event)
    }

    fn written(&self, first: u64, events: Vec<Bytes>) -> Bytes {
        packet::write(self.me, &Says::Events(Told { first, floor: self.floor, events }))
    }

    /// Lets go of what is too old, or too much.
    fn let_go(&mut self, now: Instant) {
        while let Some((at, event)) = self.kept.front()
            && (self.bytes > KEPT || now.saturating_duration_since(*at) > KEPT_FOR)
        {
            self.bytes -= event.len();
            self.kept.pop_front();
            self.floor += 1;
        }
        while self.queue.front().is_some_and(|number| *number < self.floor) {
            self.queue.pop_front();
        }
    }
}
