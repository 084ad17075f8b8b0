//! What waits to be written to one connection: bounded, and nothing at all while it is empty.
//!
//! Invariant: while the other side takes nothing, at most `OUTBOX_BYTES` wait here or are being
//! written; while it does, at most `BURST_BYTES`, since many messages become durable in the same
//! moment, before the socket's task has had its turn. What goes beyond drops everything and closes
//! the connection with `Slow`: its client comes back and syncs, and nobody else feels it.
//! Invariant: after a close nothing is queued any more. Invariant: frames go out in the order in
//! which they were queued, whoever writes them.
//!
//! Publishers push; the one task that owns the socket takes. Or they `queue` and then `hurry`:
//! while the task rests, what is queued goes past it straight into the socket (`edge::wire`), and
//! nobody is woken. That is cheaper as long as frames come alone; of those that come one after the
//! other, the task writes many at once, which is cheaper still.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::edge::wire::{Sent, Shortcut};
use crate::hub::Frame;
use crate::hub::close::CloseCode;

/// At most this many bytes wait for a socket that takes nothing.
pub const OUTBOX_BYTES: usize = 256 * 1024;
/// At most this many bytes wait for the socket's task. They are shared with all who get them.
pub const BURST_BYTES: usize = 1024 * 1024;
/// What a frame costs beside its text.
const FRAME_COST: usize = 32;
/// More than this many bytes are left to the task, however quiet it is.
const HURRIED_BYTES: usize = 16 * 1024;

#[derive(Default)]
struct State {
    frames: VecDeque<Frame>,
    bytes: usize,
    /// Bytes that are still on their way into the socket.
    writing: usize,
    closing: Option<CloseCode>,
    waker: Option<Waker>,
    /// The socket's task is stuck in a write: frames are no news to it, only an end is.
    stuck: bool,
    /// The socket's task has written everything, and says so (`hold`, `poll_take`) before it
    /// writes again.
    rests: bool,
    /// The socket took a part of what was sent past the task: the task is to flush the rest.
    tail: bool,
}

impl State {
    /// Queues a frame, unless there is an end to come.
    fn add(&mut self, frame: &Frame) {
        if self.closing.is_some() {
            return;
        }
        self.bytes += cost(frame);
        if !self.close_if_full() {
            self.frames.push_back(frame.clone());
        }
    }

    /// Whether there is something for the task to do.
    fn has_news(&self) -> bool {
        self.tail || !self.frames.is_empty() || self.closing.is_some()
    }

    /// Whether what is queued may go past the task.
    fn goes_past(&self) -> bool {
        let little = !self.frames.is_empty() && self.bytes <= HURRIED_BYTES;
        little && self.rests && !self.tail && self.closing.is_none()
    }

    /// Sends what is queued. What the socket takes no part of stays.
    fn send(&mut self, shortcut: &Shortcut) {
        let mut bytes = Vec::with_capacity(self.bytes);
        for frame in &self.frames {
            encode(frame, &mut bytes);
        }
        let left = match shortcut.try_send(&bytes) {
            Sent::All => 0,
            Sent::Left(left) => left,
            Sent::Nothing => return,
        };
        self.frames.clear();
        (self.bytes, self.tail) = (left, left > 0);
    }

    /// Drops everything and closes, if that is too much for how the socket stands.
    fn close_if_full(&mut self) -> bool {
        let bound = if self.stuck { OUTBOX_BYTES } else { BURST_BYTES };
        let full = self.closing.is_none() && self.bytes + self.writing > bound;
        if full {
            (self.frames, self.bytes) = (VecDeque::new(), 0);
            self.closing = Some(CloseCode::Slow);
        }
        full
    }
}

/// Writes a text frame of a server: unmasked, in one piece (RFC 6455, section 5.2).
fn encode(frame: &Frame, bytes: &mut Vec<u8>) {
    const WHOLE_TEXT: u8 = 0x81;
    bytes.push(WHOLE_TEXT);
    match (u8::try_from(frame.len()), u16::try_from(frame.len())) {
        (Ok(length @ ..126), _) => bytes.push(length),
        (_, Ok(length)) => {
            bytes.push(126);
            bytes.extend(length.to_be_bytes());
        }
        _ => {
            bytes.push(127);
            bytes.extend((frame.len() as u64).to_be_bytes());
        }
    }
    bytes.extend_from_slice(frame.as_bytes());
}

/// What a frame weighs until it is in the socket.
pub(super) fn cost(frame: &Frame) -> usize {
    frame.len() + FRAME_COST
}

/// The queue of one connection.
#[derive(Default)]
pub(super) struct Outbox {
    state: Mutex<State>,
    shortcut: Option<Shortcut>,
}

/// What the socket's task is to do.
pub(super) struct Taken {
    /// Write these.
    pub(super) frames: VecDeque<Frame>,
    /// What they weigh.
    pub(super) bytes: usize,
    /// Then close, if so.
    pub(super) closing: Option<CloseCode>,
}

impl Outbox {
    /// An empty queue, with a way past the socket's task where there is one.
    pub(super) fn past(shortcut: Option<Shortcut>) -> Self {
        Self { state: Mutex::default(), shortcut }
    }

    /// Queues a frame, or closes the connection when it is full.
    pub(super) fn push(&self, frame: &Frame) {
        let mut state = self.lock();
        state.add(frame);
        if !state.stuck || state.closing.is_some() {
            wake(state);
        }
    }

    /// Like `push`, but the task is not told: `hurry` must follow.
    pub(super) fn queue(&self, frame: &Frame) {
        let mut state = self.lock();
        state.add(frame);
        if state.closing.is_some() {
            wake(state);
        }
    }

    /// Writes what is queued past the task if that rests; otherwise wakes it.
    pub(super) fn hurry(&self) {
        let mut state = self.lock();
        if let Some(shortcut) = &self.shortcut
            && state.goes_past()
        {
            state.send(shortcut);
        }
        if !state.stuck && state.has_news() {
            wake(state);
        }
    }

    /// The task is about to write on its own: until it takes again, nobody writes past it.
    pub(super) fn hold(&self) {
        self.lock().rests = false;
    }

    /// Closes the connection after what is queued. The first reason holds.
    pub(super) fn close(&self, code: CloseCode) {
        let mut state = self.lock();
        if state.closing.is_none() {
            state.closing = Some(code);
            wake(state);
        }
    }

    /// Takes everything, once there is something. What was taken before has been written by now.
    pub(super) fn poll_take(&self, cx: &mut Context<'_>) -> Poll<Taken> {
        let mut state = self.lock();
        (state.writing, state.stuck) = (0, false);
        state.rests = !state.has_news();
        if state.rests {
            await_push(&mut state, cx);
            return Poll::Pending;
        }
        state.tail = false;
        state.writing = std::mem::take(&mut state.bytes);
        let frames = std::mem::take(&mut state.frames);
        Poll::Ready(Taken { frames, bytes: state.writing, closing: state.closing })
    }

    /// To be asked when the socket takes nothing more at the moment, of `writing` bytes that are
    /// on their way. Resolves when they have no point any more: the connection is slow, or its
    /// session is over. Until the next `poll_take` only that wakes.
    pub(super) fn poll_pointless(&self, writing: usize, cx: &mut Context<'_>) -> Poll<CloseCode> {
        let mut state = self.lock();
        (state.writing, state.stuck) = (writing, true);
        state.close_if_full();
        if let Some(code @ (CloseCode::Slow | CloseCode::Revoked)) = state.closing {
            return Poll::Ready(code);
        }
        await_push(&mut state, cx);
        Poll::Pending
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn await_push(state: &mut State, cx: &Context<'_>) {
    if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
        state.waker = Some(cx.waker().clone());
    }
}

/// Wakes the socket's task, after letting go of the lock that it will want.
fn wake(mut state: MutexGuard<'_, State>) {
    let waker = state.waker.take();
    drop(state);
    if let Some(waker) = waker {
        waker.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};
    use std::task::Wake;

    use super::*;
    use crate::edge::wire::tests::Pair;

    #[derive(Default)]
    struct Wakes(AtomicU32);

    impl Wake for Wakes {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::SeqCst);
        }
    }

    fn take(outbox: &Outbox, wakes: &Arc<Wakes>) -> Option<Taken> {
        match outbox.poll_take(&mut Context::from_waker(&wakes.clone().into())) {
            Poll::Ready(taken) => Some(taken),
            Poll::Pending => None,
        }
    }

    #[test]
    fn frames_come_out_in_order_and_one_wake_tells_of_many() {
        let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
        assert!(take(&outbox, &wakes).is_none());
        for text in ["one", "two", "three"] {
            outbox.push(&text.into());
        }
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
        let taken = take(&outbox, &wakes).expect("three frames");
        assert_eq!(taken.frames, ["one".into(), "two".into(), "three".into()] as [Frame; 3]);
        assert!(taken.closing.is_none() && take(&outbox, &wakes).is_none());
    }

    /// Tells the outbox that the socket takes nothing, with `writing` bytes on their way.
    fn stick(outbox: &Outbox, wakes: &Arc<Wakes>, writing: usize) -> Poll<CloseCode> {
        outbox.poll_pointless(writing, &mut Context::from_waker(&wakes.clone().into()))
    }

    #[test]
    fn at_its_bound_it_drops_everything_and_closes_as_slow() {
        for (stuck, bound) in [(true, OUTBOX_BYTES), (false, BURST_BYTES)] {
            let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
            assert!(!stuck || stick(&outbox, &wakes, 0).is_pending());
            let frame: Frame = "x".repeat(1000).into();
            let fits = bound / (1000 + FRAME_COST);
            (0..fits).for_each(|_| outbox.push(&frame));
            assert!(outbox.lock().closing.is_none());
            outbox.push(&frame);
            outbox.push(&frame);
            let taken = take(&outbox, &wakes).expect("a close");
            assert_eq!((taken.frames.len(), taken.closing), (0, Some(CloseCode::Slow)));
        }
    }

    #[test]
    fn a_burst_is_fine_for_a_socket_that_takes_it_and_too_much_for_one_that_does_not() {
        let burst: Frame = "x".repeat(3 * OUTBOX_BYTES).into();
        for (left, slow) in [(OUTBOX_BYTES, false), (OUTBOX_BYTES + 1, true)] {
            let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
            outbox.push(&burst);
            assert_eq!(take(&outbox, &wakes).expect("a frame").frames.len(), 1);
            assert_eq!(stick(&outbox, &wakes, left).is_ready(), slow);
        }
    }

    #[test]
    fn what_is_being_written_counts_until_the_next_take() {
        let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
        let half: Frame = "x".repeat(BURST_BYTES / 2 + 1).into();
        outbox.push(&half);
        assert_eq!(take(&outbox, &wakes).expect("a frame").frames.len(), 1);
        assert!(take(&outbox, &wakes).is_none(), "it is written");
        outbox.push(&half);
        assert_eq!(take(&outbox, &wakes).expect("a frame").frames.len(), 1);
        outbox.push(&half);
        let taken = take(&outbox, &wakes).expect("a close");
        assert_eq!((taken.frames.len(), taken.closing), (0, Some(CloseCode::Slow)));
    }

    #[test]
    fn a_task_that_is_stuck_in_a_write_is_woken_by_an_end_alone() {
        for code in [CloseCode::Slow, CloseCode::Revoked] {
            let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
            let stuck = || stick(&outbox, &wakes, 0);
            outbox.push(&"first".into());
            assert!(take(&outbox, &wakes).is_some() && stuck().is_pending());
            let frame: Frame = "x".repeat(1000).into();
            (0..100).for_each(|_| outbox.push(&frame));
            assert_eq!(wakes.0.load(Ordering::SeqCst), 0, "frames are no news");
            match code {
                CloseCode::Slow => (0..200).for_each(|_| outbox.push(&frame)),
                code => outbox.close(code),
            }
            assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
            assert_eq!(stuck(), Poll::Ready(code));
        }
    }

    #[test]
    fn after_a_write_frames_wake_again() {
        let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
        outbox.push(&"first".into());
        assert!(take(&outbox, &wakes).is_some());
        assert!(stick(&outbox, &wakes, 0).is_pending());
        assert!(take(&outbox, &wakes).is_none());
        outbox.push(&"next".into());
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1);
    }

    #[test]
    fn what_was_queued_before_a_close_is_written_and_nothing_after_it() {
        let (outbox, wakes) = (Outbox::default(), Arc::new(Wakes::default()));
        outbox.push(&"last".into());
        outbox.close(CloseCode::Restart);
        outbox.close(CloseCode::Revoked);
        outbox.push(&"late".into());
        let taken = take(&outbox, &wakes).expect("a frame and a close");
        assert_eq!(taken.frames, ["last".into()] as [Frame; 1]);
        assert_eq!(taken.closing, Some(CloseCode::Restart));
    }

    /// An outbox with a way past its task, and the socket that it leads to.
    async fn with_shortcut() -> (Outbox, Pair) {
        let pair = Pair::new().await;
        (Outbox::past(Some(pair.shortcut())), pair)
    }

    #[tokio::test]
    async fn what_hurries_goes_past_a_task_that_rests_and_wakes_nobody() {
        let ((outbox, pair), wakes) = (with_shortcut().await, Arc::new(Wakes::default()));
        assert!(take(&outbox, &wakes).is_none());
        let long = "x".repeat(300);
        for text in ["one", &long] {
            outbox.queue(&text.into());
        }
        outbox.hurry();
        assert_eq!(wakes.0.load(Ordering::SeqCst), 0);
        assert!(take(&outbox, &wakes).is_none(), "nothing is left to the task");
        let expected = [b"\x81\x03one\x81\x7e\x01\x2c", long.as_bytes()].concat();
        assert_eq!(pair.end().await, expected);
    }

    #[tokio::test]
    async fn nothing_overtakes_what_a_task_has_taken_or_is_about_to_write() {
        let ((outbox, pair), wakes) = (with_shortcut().await, Arc::new(Wakes::default()));
        let hurries = |text: &str| {
            outbox.queue(&text.into());
            outbox.hurry();
        };
        hurries("before the task's first turn");
        assert_eq!(take(&outbox, &wakes).expect("a frame").frames.len(), 1);
        hurries("while it writes that");
        assert_eq!(take(&outbox, &wakes).expect("a frame").frames.len(), 1);
        assert!(take(&outbox, &wakes).is_none());
        outbox.hold();
        hurries("while it writes on its own");
        assert_eq!(wakes.0.load(Ordering::SeqCst), 1, "it is told");
        assert_eq!(take(&outbox, &wakes).expect("a frame").frames.len(), 1);
        assert_eq!(pair.end().await, b"", "the task alone wrote");
    }

    #[tokio::test]
    async fn what_is_queued_without_haste_goes_first() {
        let ((outbox, pair), wakes) = (with_shortcut().await, Arc::new(Wakes::default()));
        assert!(take(&outbox, &wakes).is_none());
        outbox.push(&"1".into());
        outbox.queue(&"2".into());
        outbox.hurry();
        assert!(take(&outbox, &wakes).is_none(), "both are out");
        assert_eq!(pair.end().await, b"\x81\x011\x81\x012");
    }

    #[tokio::test]
    async fn the_rest_of_a_frame_that_went_out_in_part_is_the_tasks_to_flush() {
        let ((outbox, mut pair), wakes) = (with_shortcut().await, Arc::new(Wakes::default()));
        let frame: Frame = "x".repeat(HURRIED_BYTES / 2).into();
        let mut sent = Vec::new();
        let taken = loop {
            assert!(take(&outbox, &wakes).is_none());
            outbox.queue(&frame);
            outbox.hurry();
            encode(&frame, &mut sent);
            assert!(sent.len() < 64 << 20, "the socket takes without end");
            if wakes.0.load(Ordering::SeqCst) > 0 {
                break take(&outbox, &wakes).expect("something to do");
            }
        };
        assert!(taken.bytes > 0 && taken.closing.is_none());
        // Of the last frame a part is out and the rest in the wire, or it is here as a whole.
        let due = sent.len() - taken.frames.len() * (frame.len() + 4);
        let mut heard = vec![0; due];
        let mut other = std::mem::replace(&mut pair.other, Pair::new().await.other);
        let read = tokio::io::AsyncReadExt::read_exact(&mut other, &mut heard);
        let ((), read) = tokio::join!(pair.flush(), read);
        read.expect("all of it");
        assert!(heard == sent[..due]);
    }

    #[tokio::test]
    async fn an_end_holds_for_what_hurries_too() {
        let ((outbox, pair), wakes) = (with_shortcut().await, Arc::new(Wakes::default()));
        assert!(take(&outbox, &wakes).is_none());
        outbox.close(CloseCode::Revoked);
        outbox.queue(&"late".into());
        outbox.hurry();
        let taken = take(&outbox, &wakes).expect("a close");
        assert_eq!((taken.frames.len(), taken.closing), (0, Some(CloseCode::Revoked)));
        assert_eq!(pair.end().await, b"");
    }
}
