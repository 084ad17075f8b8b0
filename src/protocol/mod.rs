//! Wire types alone: what stands in bodies, frames and the original envelope, and how it is made
//! from the domain's types. No rule, no I/O. Called by `http` and `ws`.

pub mod account;
pub mod alerts;
pub mod asyncapi;
pub mod bodies;
pub mod call_frames;
pub mod calls;
pub mod changes;
pub mod contacts;
pub mod envelope;
pub mod files;
pub mod frames;
pub mod groups;
pub mod json;
pub mod operators;
pub mod ops;
pub mod pages;
pub mod people;
pub mod problem;
pub mod push;
pub mod reports;
pub mod rows;
pub mod server;
pub mod sync;
pub mod ties;
pub mod values;
