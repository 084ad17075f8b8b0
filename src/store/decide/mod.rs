//! What the verbs of a store decide, as pure functions of what was read: the same in every store.
//!
//! An adapter reads, asks here, and writes what it is told, all in one atomic step of its own. What
//! stands here is no question of who may do what, which `core` has answered before, but what
//! follows from the rows as they are now. Called by the adapters alone.

pub mod change;
pub mod list;
pub mod member;
pub mod speak;
pub mod step;
pub mod tie;
