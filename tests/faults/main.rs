//! Faults: what was acknowledged outlives the server's sudden death.
//!
//! Losses of power are rehearsed by `scripts/test powercut-server`, as they need root.

#[path = "../harness/mod.rs"]
mod harness;

mod kill;
mod ledger;
