//! Signals that other nodes tell: which of them reach the device that they are for.
//!
//! Invariant: a signal goes on only while this node knows the call to be live, in the signal's
//! negotiation, and bound to the device; what it does not know it reads. So nothing reaches a
//! device after the end of its call was heard here. Signals go on in the order in which they came.
//! Called by the bus (through `core`) and by `app`, which lets it run.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::mpsc;

use super::super::BELIEVED;
use super::Calls;
use crate::bus::Signal;
use crate::error::Result;
use crate::hub::Hub;
use crate::id::CallId;
use crate::model::calls::Call;

/// At most so many calls are known; of others the row is read.
const KNOWN: u64 = 10_000;
/// At most so many signals wait; one more is dropped: the two ends negotiate again.
const WAITING: usize = 4_096;

/// What is known of calls, and the signals that wait.
pub(crate) struct Fence {
    known: moka::sync::Cache<CallId, Arc<Call>>,
    put: mpsc::Sender<Arc<Signal>>,
    waiting: Mutex<Option<mpsc::Receiver<Arc<Signal>>>>,
}

impl Default for Fence {
    fn default() -> Self {
        let (put, waiting) = mpsc::channel(WAITING);
        let known = moka::sync::Cache::builder().max_capacity(KNOWN).time_to_live(BELIEVED);
        Self { known: known.build(), put, waiting: Mutex::new(Some(waiting)) }
    }
}

impl Fence {
    /// A call is so, or has been.
    pub(crate) fn note(&self, call: &Call) {
        let later = |known: Option<moka::Entry<CallId, Arc<Call>>>| {
            let known = known.map(moka::Entry::into_value);
            known
                .filter(|known| known.version >= call.version)
                .unwrap_or_else(|| Arc::new(call.clone()))
        };
        self.known.entry(call.id).and_upsert_with(later);
    }

    /// Another node told a signal.
    pub(crate) fn heard(&self, signal: &Arc<Signal>) {
        if self.put.try_send(signal.clone()).is_err() {
            tracing::warn!(call = %signal.call, "a signal of a call is dropped: too many wait");
        }
    }

    fn of(&self, signal: &Signal) -> Option<bool> {
        let known = self.known.get(&signal.call)?;
        known.lets_hear(signal.to, &signal.device, signal.epoch)
    }
}

impl Calls {
    /// Hands on the signals of other nodes, for as long as the server runs. To be called once.
    pub async fn follow_signals(&self, hub: &Hub) {
        let fence = &self.shared.fence;
        // What a panic elsewhere left behind is whole.
        let waiting = fence.waiting.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some(mut waiting) = waiting else { return };
        while let Some(signal) = waiting.recv().await {
            match self.may_hear(&signal).await {
                Ok(true) => hub.signal(signal),
                Ok(false) => {}
                // The two ends negotiate again.
                Err(error) => {
                    tracing::warn!(cause = ?error.cause(), "a signal is dropped: {error}")
                }
            }
        }
    }

    async fn may_hear(&self, signal: &Signal) -> Result<bool> {
        let fence = &self.shared.fence;
        let known = fence.of(signal).filter(|hears| !hears || self.shared.believes());
        if let Some(hears) = known {
            return Ok(hears);
        }
        let Some(call) = self.shared.ports.store.call(signal.call).await? else { return Ok(false) };
        fence.note(&call);
        Ok(call.lets_hear(signal.to, &signal.device, signal.epoch) == Some(true))
    }
}

#[cfg(test)]
mod tests {
    use super::super::machine;
    use super::*;
    use crate::clock::Time;
    use crate::id::{ChatId, ObjectId, SessionId, UserId};
    use crate::model::auth::Caller;
    use crate::model::calls::{CallKind, CallState, Device, End, EndReason};

    fn client(byte: u8) -> Caller {
        let (user, session) = (UserId(ObjectId([byte; 12])), SessionId(ObjectId([byte; 12])));
        Caller { user, session, instance: None }
    }

    fn ringing() -> Call {
        let chat = ChatId::direct(client(1).user, client(2).user);
        let id = CallId(ObjectId([9; 12]));
        let by = (client(1), None);
        machine::begin(id, chat, CallKind::Voice, by, client(2).user, Time(5)).call
    }

    fn answered() -> Call {
        let mut call = ringing();
        call.callee.device = Some(client(2).into());
        Call { state: CallState::Connecting { since: Time(6) }, epoch: 2, version: 2, ..call }
    }

    fn ended() -> Call {
        let end = End { reason: EndReason::Hangup, by: None, at: Time(7), talked: None };
        Call { state: CallState::Ended(end), version: 3, ..answered() }
    }

    fn signal(device: Device, epoch: u32) -> Signal {
        let (call, to) = (ringing().id, client(2).user);
        Signal { call, to, device, epoch, seq: 1, data: "{}".into() }
    }

    #[test]
    fn a_signal_goes_on_while_the_call_is_known_to_be_live_and_bound() {
        let (hers, other) = (Device::from(client(2)), Device::from(client(3)));
        let fence = Fence::default();
        assert_eq!(fence.of(&signal(hers, 2)), None, "unknown");
        fence.note(&ringing());
        assert_eq!(fence.of(&signal(hers, 1)), None, "it may be answered by now");
        fence.note(&answered());
        assert_eq!(fence.of(&signal(hers, 2)), Some(true));
        assert_eq!(fence.of(&signal(hers, 1)), Some(false), "of an earlier negotiation");
        assert_eq!(fence.of(&signal(hers, 3)), None, "of a later one");
        assert_eq!(fence.of(&signal(other, 2)), None, "not the device that is known");
        fence.note(&ended());
        fence.note(&answered());
        assert_eq!(
            fence.of(&signal(hers, 2)),
            Some(false),
            "over, and an earlier word changes nothing"
        );
    }
}
