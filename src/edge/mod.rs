//! The edge: accepts connections and limits what a stranger can hold, for REST and WebSocket alike.
//!
//! Reading order: `accept` takes connections and speaks HTTP on them, `seats` are the places for
//! them, `link` is the socket of one and `wire` its sending side, `tls` makes it secure,
//! `huge_pages` is memory for a crowd; `address` says where a request comes from, `limits` how fast
//! it may come, `credentials` what it says about its caller, `fault` how an error leaves a handler,
//! `counters` what is counted. Knows no route: `http` and `ws` are built on it and do not know each
//! other. Wired by `app`.

pub mod accept;
pub mod huge_pages;
mod link;
mod seats;
pub mod tls;
pub mod wire;

pub mod address;
pub mod limits;

pub mod credentials;
pub mod fault;

pub mod counters;
