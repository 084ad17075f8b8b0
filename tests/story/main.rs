//! Stories: the server as people meet it, over real sockets and as a real process.

#[path = "../harness/mod.rs"]
mod harness;

mod commands;
mod dev;
mod equality;
mod injection;
mod journey;
mod log;
mod login;
mod process;
mod readme;
