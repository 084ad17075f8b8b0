//! Loads on other servers, each in its own protocol, equal to loads on ours: what a peer takes for
//! the same work says more than a figure of ours alone.
//!
//! Servers that can be taught our frames are driven by our own workloads; these are for those that
//! cannot. Called by the command, which `scripts/peers` runs.

pub mod mqtt;
pub mod xmpp;
