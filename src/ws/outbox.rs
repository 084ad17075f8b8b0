//! What waits to be written to one connection: bounded, and nothing at all while it is empty.
//!
//! Invariant: while the other side takes nothing, at most `OUTBOX_BYTES` wait here or are being
//! written; while it does, at most `BURST_BYTES`, since many messages become durable in the same
//! moment, before the socket's task has had its turn. What goes beyond drops everything and closes
//! the connection with `Slow`: its client comes back and syncs, and nobody else feels it.
//! Invariant: after a close nothing is queued any more.
//!
//! Publishers push; the one task that owns the socket takes.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

use crate::hub::Frame;
use crate::hub::close::CloseCode;

/// At most this many bytes wait for a socket that takes nothing.
pub const OUTBOX_BYTES: usize = 256 * 1024;
/// At most this many bytes wait for the socket's task. They are shared with all who get them.
pub const BURST_BYTES: usize = 1024 * 1024;
/// What a frame costs beside its text.
const FRAME_COST: usize = 32;

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
}

impl State {
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

/// What a frame weighs until it is in the socket.
pub(super) fn cost(frame: &Frame) -> usize {
    frame.len() + FRAME_COST
}

/// The queue of one connection.
#[derive(Default)]
pub(super) struct Outbox(Mutex<State>);

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
    /// Queues a frame, or closes the connection when it is full.
    pub(super) fn push(&self, frame: &Frame) {
        let mut state = self.lock();
        if state.closing.is_some() {
            return;
        }
        state.bytes += cost(frame);
        if !state.close_if_full() {
            state.frames.push_back(frame.clone());
            if state.stuck {
                return;
            }
        }
        wake(state);
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
        if state.frames.is_empty() && state.closing.is_none() {
            await_push(&mut state, cx);
            return Poll::Pending;
        }
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
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
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
}
