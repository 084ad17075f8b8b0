//! A client of the chat protocol, over the wire only: it shares no code with the server.
//!
//! `stream` is a connection, `http` and `wire` are the transports on it; `api` and `connection`
//! speak the protocol over them; `mailbox` reads login codes from the server's mail folder; `state`
//! is what a client keeps.
//! Called by the workloads and by the server's story tests.

pub mod api;
pub mod backoff;
pub mod connection;
pub mod error;
pub mod http;
pub mod mailbox;
pub mod state;
pub mod stream;
pub mod wire;

pub use api::{Api, Session};
pub use backoff::Backoff;
pub use connection::{Connection, Event};
pub use error::{Error, Problem, Result};
pub use mailbox::Mailbox;
pub use state::State;
pub use wire::Wire;
