//! Stories: the server as people meet it, over real sockets and as a real process.

#[path = "../harness/mod.rs"]
mod harness;

mod commands;
mod crowds;
mod cuts;
mod dev;
mod equality;
mod gaps;
mod injection;
mod journey;
mod log;
mod login;
mod presence;
mod process;
mod readme;
mod removal;
mod slow;
