//! How things stand in a store: one serde form a thing, JSON in one store and BSON in the other.
//!
//! Guarantees: what a form was made of is what is read from it, from both formats alike; what is
//! absent is null, empty or false; anything that this program does not write is an error. A new
//! field of a thing is a field of its form, and no adapter needs to know. Called by the adapters,
//! and by `bus::codec`.

pub mod alerts;
pub mod audit;
pub mod call;
mod event;
pub mod export;
pub mod file;
pub mod group;
pub mod message;
pub mod names;
pub mod push;
pub mod report;
mod values;
pub mod whole;

use crate::error::Error;

/// A stored thing is not what this program writes.
fn broken(thing: &str) -> Error {
    Error::internal(format!("a stored {thing} cannot be read"))
}
