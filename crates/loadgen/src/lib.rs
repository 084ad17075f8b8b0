//! Protocol client library, load generator and benchmark of the chat backend.
//!
//! Invariant: it knows the server only through the wire, `/proc`, and the server's command line;
//! it shares no code with it. The server's story tests use `client`, `ports`, `server`, `secure`
//! and `scratch`; people use the command.

pub mod ports;
pub mod scratch;

pub mod client;
pub mod measure;

pub mod secure;
pub mod server;

pub mod bare;

pub mod run;
