//! Which calls ring on devices that were told by push, so that they can be told to stop.
//!
//! Invariant: a call is told to ring once, and nobody is told that it rings after they could have
//! been told that it stopped: whichever comes first, the look for subscriptions or the end of the
//! ringing, the other finds it here. A call stays here while it rings, which it does for at most
//! `RING_FOR`. Called by `core::push`.

use std::collections::HashMap;
use std::sync::Arc;

use crate::error::Language;
use crate::id::CallId;
use crate::model::alerts::Shown;
use crate::model::push::Subscription;

/// What rings, and how it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ringing {
    /// The devices.
    pub(crate) pushes: Vec<Arc<Subscription>>,
    /// The callee's language.
    pub(crate) language: Language,
    /// At most so much the callee wants to have said.
    pub(crate) most: Option<Shown>,
}

/// How far the telling of a call is.
#[derive(Debug)]
enum Ring {
    /// The callee's subscriptions are being looked up.
    Looking,
    /// These ring.
    Told(Ringing),
}

/// What became of a call that does not ring any more.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// These ring, and are to be told.
    Told(Ringing),
    /// Nobody was told yet, and nobody will be.
    Before,
    /// It was not told here: it rang before this node began, or at another.
    Unknown,
}

/// The calls that ring by push.
#[derive(Debug, Default)]
pub(crate) struct Rings(HashMap<CallId, Ring>);

impl Rings {
    /// A call rings; whether this is the first that is heard of it.
    pub(crate) fn begin(&mut self, call: CallId) -> bool {
        let is_new = !self.0.contains_key(&call);
        self.0.entry(call).or_insert(Ring::Looking);
        is_new
    }

    /// Whether it still rings and nobody was told.
    pub(crate) fn is_looking(&self, call: CallId) -> bool {
        matches!(self.0.get(&call), Some(Ring::Looking))
    }

    /// These are told; `false` when it has stopped meanwhile, and so nobody may be told.
    pub(crate) fn tell(&mut self, call: CallId, ringing: Ringing) -> bool {
        match self.0.get_mut(&call) {
            Some(ring) => {
                *ring = Ring::Told(ringing);
                true
            }
            None => false,
        }
    }

    /// It does not ring any more.
    pub(crate) fn stop(&mut self, call: CallId) -> Stopped {
        match self.0.remove(&call) {
            Some(Ring::Told(ringing)) => Stopped::Told(ringing),
            Some(Ring::Looking) => Stopped::Before,
            None => Stopped::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::id::{ObjectId, SessionId, UserId};
    use crate::model::push::Target;

    fn ringing() -> Ringing {
        let (session, user) = (SessionId(ObjectId([1; 12])), UserId(ObjectId([2; 12])));
        let target = Target::fcm("t").expect("fits");
        let pushes = vec![Arc::new(Subscription { session, user, target })];
        Ringing { pushes, language: Language::Spanish, most: Some(Shown::Names) }
    }

    #[test]
    fn who_was_told_that_it_rings_is_told_that_it_stopped() {
        let (call, mut rings) = (CallId(ObjectId([7; 12])), Rings::default());
        assert!(rings.begin(call) && !rings.begin(call), "once");
        assert!(rings.is_looking(call));
        assert!(rings.tell(call, ringing()));
        assert!(!rings.is_looking(call) && !rings.begin(call));
        assert_eq!(rings.stop(call), Stopped::Told(ringing()));
        assert_eq!(rings.stop(call), Stopped::Unknown);
    }

    #[test]
    fn a_call_that_stopped_before_anybody_was_told_rings_nowhere() {
        let (call, mut rings) = (CallId(ObjectId([7; 12])), Rings::default());
        rings.begin(call);
        assert_eq!(rings.stop(call), Stopped::Before);
        assert!(!rings.is_looking(call) && !rings.tell(call, ringing()));
    }
}
