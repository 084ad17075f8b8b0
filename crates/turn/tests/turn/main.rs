//! The server's rules, told through a client, a driver and peers that exist only in memory.

#![allow(clippy::unwrap_used)]

mod allocate;
mod auth;
mod model;
mod peers;
mod permit;
mod random;
mod relay;
mod rfc5769;
mod stream;
mod support;
