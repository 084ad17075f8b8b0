//! TLS by this server itself, for both doors and for the relay.
//!
//! Reading order: `identity` is a certificate with its key, `validity` how long it is valid;
//! `shown` is the identity that new connections get, which can be replaced at any time; `files`
//! reads one from the operator's files and follows them; `reminder` says when it ends; `acme` gets
//! and renews one, and `challenges` answers the authority that it comes from; `local` is an
//! authority of one's own; `records` is TLS without a socket, `handshake` makes a connection
//! secure, and `secured` is that connection. Wired by `app`.

pub mod identity;
mod validity;

pub mod shown;

pub mod files;
mod reminder;

pub mod acme;
pub mod challenges;

pub mod local;

mod records;

pub mod handshake;
mod secured;

/// Marks a request that came over TLS which ends in this server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Secure;
